/* plan.h - which bytes of which files make up one of several parts of their records.
 *
 * The files' streams, one after the other, are cut into `parts` ranges of about as many bytes, at
 * places between two values. A segment that lies within one range belongs to that part as it is. Of
 * one that is cut, each part has some of the records and a segment of its own for them, under the
 * same header; the range in which the segment begins has it even where it has none of the records.
 * A range without anything becomes an empty segment, so that every part is a stream.
 *
 * Or the plan is a list of slices of files (gn_plan_slice), to be read one after the other. */
#ifndef GN_STREAM_PLAN_H
#define GN_STREAM_PLAN_H

#include "index.h"

typedef struct gn_run {
    const char *path;
    const gn_frames *frames; /* or NULL */
    bool slice;              /* a part of a file that is a file by itself: whole, lo and hi are
                                bytes of the file as it is, compressed or not */
    bool whole;              /* whole segments, one or several: only the next four are set */
    uint64_t lo, hi;         /* bytes: of the segments, or of the records of a part */
    uint64_t from, to;       /* numbers of those records in the segment, or of whole segments: 0 and
                                the sum of their records */
    gn_indexed segment;      /* that is cut */
    bool begins;             /* it begins in this part */
} gn_run;

typedef struct gn_plan {
    size_t n;
    gn_run *run;
    size_t nfiles;
    gn_index *file;
    gn_arena names; /* paths of slices */
    uint64_t bytes; /* read to find all this out */
    double wait;    /* seconds, likewise */
} gn_plan;

/* Fill plan->run for part `part` of `parts` (from 1) from plan->file; paths[i] belongs to file[i]
 * and must stay. */
int gn_plan_part(gn_plan *plan, const char *const *paths, uint64_t part, uint64_t parts, gn_err *e);
/* A further slice: n bytes of a file from `at` on, which have so many records. A copy of the path
 * is kept. */
int gn_plan_slice(gn_plan *plan, const char *path, uint64_t at, uint64_t n, uint64_t records,
                  gn_err *e);
void gn_plan_free(gn_plan *plan); /* NULL allowed */

#endif
