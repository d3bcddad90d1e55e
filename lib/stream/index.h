/* index.h - where in a file its segments begin and end, and where it can be cut.
 *
 * Offsets are of the uncompressed stream. A compressed file of ours says all this itself: the
 * writer notes its segments in the index frame (io/seek.h), and the frames, which begin between two
 * values of the stream, are the places to cut. Of any other file it is found out by reading it. */
#ifndef GN_STREAM_INDEX_H
#define GN_STREAM_INDEX_H

#include "../io/out.h"
#include "../io/seek.h"

#include <stdbool.h>

/* A segment: header [begin, first), records [first, trailer), trailer [trailer, end). In a note:
 * the five numbers, 8 bytes each, little-endian. */
typedef struct gn_indexed {
    uint64_t begin, first, trailer, end;
    uint64_t records;
} gn_indexed;

/* A place between two values. */
typedef struct gn_cut {
    uint64_t at;
    uint64_t records; /* of the file, before it */
} gn_cut;

typedef struct gn_index {
    bool framed; /* `frames` is there: the file can be entered at any frame */
    gn_frames frames;
    size_t nsegments, ncuts;
    gn_indexed *segment;
    gn_cut *cut;    /* ascending; first the beginning, last the end of the file */
    uint64_t bytes; /* of the stream */
    uint64_t records;
} gn_index;

/* The writer's side: note a segment that has ended. */
int gn_indexed_note(const gn_indexed *s, gn_out *out, gn_err *e);

/* Read the tables of a regular file, and its index. 1: all is known; 0: it must be read (`framed`
 * is set already, and gn_index_add... are to follow); -1: an error; GN_USAGE where it is no regular
 * file. An index is used only where it describes every byte of the stream. */
int gn_index_load(gn_index *x, const char *path, gn_err *e);
void gn_index_release(gn_index *x); /* idempotent */

/* From reading: a segment that has ended, a place that was passed. Of the places, when they are
 * very many, only some are kept. */
int gn_index_add(gn_index *x, gn_indexed s, gn_err *e);
int gn_index_add_cut(gn_index *x, gn_cut c, gn_err *e);

#endif
