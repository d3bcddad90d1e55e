/* fanout.h - a record stream written to many files at once, which appear together.
 *
 *     gn_fanout_open; gn_fanout_add for each file (at any time)
 *     gn_fanout_begin, gn_fanout_put ..., gn_fanout_end   per file and segment
 *     gn_fanout_finish(file) when nothing more comes; gn_fanout_sync; gn_fanout_commit
 *
 * Every file has a buffer that grows with what it receives; all of them together stay within
 * `pool` bytes, after which all are written out. How the files come to their names, and what
 * becomes of those of an earlier run, is io/outset.h. Records given must be whole and canonical. */
#ifndef GN_STREAM_FANOUT_H
#define GN_STREAM_FANOUT_H

#include "../io/in.h"
#include "../io/outset.h"
#include "header.h"

#include <string.h>

typedef struct gn_fanfile {
    uint8_t *b; /* n of cap bytes; GN_SLACK more are allocated */
    size_t n, cap;
    size_t summed;     /* so far the segment's checksum has the bytes */
    XXH3_state_t *sum; /* NULL: no segment has begun */
    uint64_t records;  /* of the open segment */
    uint64_t total;    /* of the segments before it */
    bool open;
} gn_fanfile;

typedef struct gn_fanout {
    gn_outset *set;
    gn_fanfile *file;
    size_t n, cap;
    size_t piece;      /* a buffer of this size is written out */
    size_t pool, held; /* bytes of all buffers: allowed, and now */
    gn_budget *budget;
} gn_fanout;

/* `dir` and `list` as in outset.h. Buffers (at most `pool` bytes) and the state of files are
 * charged to the budget. Zero-initialise f; gn_fanout_release also after a failure. */
int gn_fanout_open(gn_fanout *f, const char *dir, const char *list, int level, size_t pool,
                   gn_budget *b, gn_err *e);
void gn_fanout_release(gn_fanout *f); /* idempotent; what was not committed leaves nothing */

/* A further file; its number is f->n before the call. */
int gn_fanout_add(gn_fanout *f, const char *path, gn_err *e);

int gn_fanout_begin(gn_fanout *f, size_t file, const gn_header *h, gn_err *e);
int gn_fanout_end(gn_fanout *f, size_t file, const gn_lineage *l, gn_err *e);

/* Not for callers: room for n more bytes in the buffer, or, where a record is larger than any
 * buffer, an empty one; then the record goes through gn_fanout_through. */
int gn_fanout_room(gn_fanout *f, size_t file, size_t n, gn_err *e);
int gn_fanout_through(gn_fanout *f, size_t file, const void *p, size_t n, gn_err *e);

/* One record to a file whose segment is open. GN_SLACK readable bytes follow it, as in a batch. */
static inline int gn_fanout_put(gn_fanout *f, size_t file, const uint8_t *p, size_t n, gn_err *e)
{
    gn_fanfile *o = &f->file[file];
    o->records++;
    if (o->cap - o->n < n) {
        if (gn_fanout_room(f, file, n, e))
            return -1;
        if (o->cap < n)
            return gn_fanout_through(f, file, p, n, e);
    }
    uint8_t *to = o->b + o->n;
    if (n <= GN_SLACK)
        memcpy(to, p, GN_SLACK); /* of a fixed length: a few moves */
    else
        memcpy(to, p, n);
    o->n += n;
    return 0;
}

/* Nothing more comes for this file. */
int gn_fanout_finish(gn_fanout *f, size_t file, gn_err *e);
uint64_t gn_fanout_records(const gn_fanout *f, size_t file);

#endif
