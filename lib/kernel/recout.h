/* recout.h - records one by one to a writer, in blocks: hashing many small pieces is slow.
 *
 * Zero-initialise with the writer; gn_recout_put records; gn_recout_end before anything else is
 * done with the writer. */
#ifndef GN_KERNEL_RECOUT_H
#define GN_KERNEL_RECOUT_H

#include "../io/in.h"
#include "../stream/writer.h"

#include <string.h>

#define GN_RECOUT_BLOCK ((size_t)64 * 1024)

typedef struct gn_recout {
    gn_writer *w;
    uint8_t *p, *end; /* room left in the block */
    uint64_t n;       /* records in it */
} gn_recout;

static inline int gn_recout_end(gn_recout *o, gn_err *e)
{
    uint64_t n = o->n;
    o->n = 0;
    o->end = o->p;
    return n ? gn_writer_commit(o->w, o->p, n, e) : 0;
}

static inline int gn_recout_room(gn_recout *o, size_t bytes, gn_err *e)
{
    if (gn_recout_end(o, e))
        return -1;
    size_t room = bytes > GN_RECOUT_BLOCK ? bytes : GN_RECOUT_BLOCK;
    o->p = gn_writer_reserve(o->w, room, e);
    o->end = o->p ? o->p + room : NULL;
    return o->p ? 0 : -1;
}

/* GN_SLACK readable bytes must follow the record. */
static inline int gn_recout_put_slack(gn_recout *o, gn_str record, gn_err *e)
{
    if ((size_t)(o->end - o->p) < record.n && gn_recout_room(o, record.n, e))
        return -1;
    memcpy(o->p, record.p, GN_SLACK);
    if (record.n > GN_SLACK)
        memcpy(o->p + GN_SLACK, record.p + GN_SLACK, record.n - GN_SLACK);
    o->p += record.n;
    o->n++;
    return 0;
}

static inline int gn_recout_put(gn_recout *o, gn_str record, gn_err *e)
{
    if ((size_t)(o->end - o->p) < record.n && gn_recout_room(o, record.n, e))
        return -1;
    memcpy(o->p, record.p, record.n);
    o->p += record.n;
    o->n++;
    return 0;
}

#endif
