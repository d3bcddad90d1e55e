/* fanout.h - a record stream written to many files at once, which appear together.
 *
 *     gn_fanout_open; gn_fanout_add for each file (at any time)
 *     gn_fanout_begin, gn_fanout_put ..., gn_fanout_end   per file and segment
 *     gn_fanout_finish(file) when nothing more comes; the set's gn_outset_sync, gn_outset_commit
 *
 * Or packed: the files added with gn_fanout_add_packed stand one after the other in a single one,
 * in the order in which they are finished, as cat would join them. What their buffers do not hold
 * is kept in a temporary file until then.
 *
 * Every file has a buffer that grows with what it receives; all of them together stay within
 * `pool` bytes, after which all are written out. How the files come to their names, and what
 * becomes of those of an earlier run, is io/outset.h. Records given must be whole and canonical. */
#ifndef GN_STREAM_FANOUT_H
#define GN_STREAM_FANOUT_H

#include "../io/in.h"
#include "../io/outset.h"
#include "../io/spool.h"
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
    bool packed;
    size_t at;           /* its number in the set */
    gn_spooled spooled;  /* packed: what was written out, */
    uint64_t from, size; /* and once it is finished, where it is in the pack */
} gn_fanfile;

typedef struct gn_fanout {
    gn_outset *set;
    gn_fanfile *file;
    size_t n, cap;
    size_t piece;      /* a buffer of this size is written out */
    size_t pool, held; /* bytes of all buffers: allowed, and now */
    gn_budget *budget;
    gn_spool *spool; /* packed, else NULL */
    size_t pack;     /* number in the set */
    bool packing;    /* a file is on its way into the pack: */
    gn_buf joined;   /* pieces of it, to be written together */
} gn_fanout;

/* `dir` and `list` as in outset.h. Buffers (at most `pool` bytes) and the state of files are
 * charged to the budget. Zero-initialise f; gn_fanout_release also after a failure. */
int gn_fanout_open(gn_fanout *f, const char *dir, const char *list, int level, size_t pool,
                   gn_budget *b, gn_err *e);
void gn_fanout_release(gn_fanout *f); /* idempotent; what was not committed leaves nothing */

/* A further file; its number is f->n before the call. */
int gn_fanout_add(gn_fanout *f, const char *path, gn_err *e);

/* Before the first of them: `path` is the file that holds all that are packed; `temp_dir` as of
 * gn_tmp_new. Buffers stay as small as of files: touching more memory takes longer than the
 * temporary file does. */
int gn_fanout_pack(gn_fanout *f, const char *path, const char *temp_dir, gn_err *e);
int gn_fanout_add_packed(gn_fanout *f, gn_err *e);
/* All that are packed are finished. */
int gn_fanout_end_pack(gn_fanout *f, gn_err *e);

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
const char *gn_fanout_path(const gn_fanout *f, size_t file);
/* Of a finished file: its size on disk; packed: of its part of the pack, and where that begins. */
uint64_t gn_fanout_bytes(const gn_fanout *f, size_t file);
uint64_t gn_fanout_offset(const gn_fanout *f, size_t file);
uint64_t gn_fanout_spooled(const gn_fanout *f); /* bytes written to the temporary file */

#endif
