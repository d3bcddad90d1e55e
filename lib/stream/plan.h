/* plan.h - which bytes of which files make up one of several parts of their records.
 *
 * The files' streams, one after the other, are cut into `parts` ranges of about as many bytes, at
 * places between two values. A segment that lies within one range belongs to that part as it is. Of
 * one that is cut, each part has some of the records and a segment of its own for them, under the
 * same header; the range in which the segment begins has it even where it has none of the records.
 * A range without anything becomes an empty segment, so that every part is a stream. */
#ifndef GN_STREAM_PLAN_H
#define GN_STREAM_PLAN_H

#include "index.h"

typedef struct gn_run {
    const char *path;
    const gn_frames *frames; /* or NULL */
    bool whole;              /* whole segments, one or several: only the next five are set */
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
    uint64_t bytes; /* read to find all this out */
    double wait;    /* seconds, likewise */
} gn_plan;

/* Fill plan->run for part `part` of `parts` (from 1) from plan->file; paths[i] belongs to file[i]
 * and must stay. */
int gn_plan_part(gn_plan *plan, const char *const *paths, uint64_t part, uint64_t parts, gn_err *e);
void gn_plan_free(gn_plan *plan); /* NULL allowed */

#endif
