/* distinct.h - the distinct values of one group after another: pages of a session, say.
 *
 * A set of canonical encodings that is cleared often and is mostly small. Whole values are
 * compared, never hashes alone. Values are referred to, not copied, until gn_distinct_keep: a
 * caller whose values lie in a batch calls it before the batch goes. What a group holds beyond a
 * few values is charged to the budget. One that does not fit fails with GN_IO and a message that
 * names what is counted and -m; or, after gn_distinct_to_disk, its values go to sorted runs in a
 * temporary file (spill.h), which are merged when the group has ended. */
#ifndef GN_KERNEL_DISTINCT_H
#define GN_KERNEL_DISTINCT_H

#include "../base/hash.h"
#include "../base/mem.h"
#include "../io/in.h"
#include "../stream/batch.h"
#include "spill.h"

#define GN_DISTINCT_SMALL 16 /* values held without allocation */

/* A value. Up to 16 bytes, head and tail are all of it; beyond that head is a
 * hash. */
typedef struct gn_distinct_item {
    uint64_t head, tail;
    const uint8_t *p;
    uint32_t n;
} gn_distinct_item;

/* The members are private. */
typedef struct gn_distinct {
    const char *what; /* for messages: "pages of one session", a static text */
    gn_budget *budget;
    gn_arena arena;         /* of what is kept */
    size_t n, kept;         /* values; the first `kept` of them are copied */
    uint64_t seen;          /* while small: one bit by hash; where it is 0 the value is new, */
    uint8_t by_bit[64];     /* else most likely this one */
    size_t mask;            /* large: slots - 1; slots are at least twice the values; small: 0 */
    uint32_t *slot;         /* large: 1 + a value's number; 0: free */
    gn_distinct_item *item; /* item_small or allocated */
    size_t limit;           /* bytes that the group may take in memory; 0: as the budget allows */
    size_t text;            /* of these, of what is kept */
    const char *temp_dir;
    gn_spill *spill;        /* of this group, or NULL */
    gn_buf list;            /* after gn_distinct_end, if it was spilled */
    uint64_t runs, spilled; /* runs and bytes of all groups */
    gn_distinct_item item_small[GN_DISTINCT_SMALL + 1];
} gn_distinct;

/* A set points into itself: it must not be moved. */
void gn_distinct_init(gn_distinct *d, const char *what, gn_budget *b);
/* Of a group that would take more than `limit` bytes, which is not 0, or than the budget has, put
 * values on disk; temp_dir as of gn_tmp_new. The merge takes as much memory again at most. */
void gn_distinct_to_disk(gn_distinct *d, const char *temp_dir, size_t limit);
void gn_distinct_release(gn_distinct *d); /* idempotent; zeroed memory is allowed */
static inline void gn_distinct_clear(gn_distinct *d);

/* Add one value (n >= 1); GN_SLACK readable bytes must follow it. */
static inline int gn_distinct_add(gn_distinct *d, gn_str v, gn_err *e);
/* Copy the values that were not copied yet. */
int gn_distinct_keep(gn_distinct *d, gn_err *e);

/* The group has ended: needed before the following. `list`: gn_distinct_list will be called. */
static inline int gn_distinct_end(gn_distinct *d, bool list, gn_err *e);

static inline size_t gn_distinct_count(const gn_distinct *d)
{
    return d->n;
}

/* Their encodings' bytes together. */
static inline size_t gn_distinct_bytes(const gn_distinct *d)
{
    size_t bytes = d->list.n;
    for (size_t i = 0; i < d->n && !d->list.n; i++)
        bytes += d->item[i].n;
    return bytes;
}
/* The values in the order of their bytes, one after the other, to p, which has room for them;
 * returns the end. Nothing can be added after that until the set is cleared. */
uint8_t *gn_distinct_list(gn_distinct *d, uint8_t *p);

/* ---- inlined: it is called once for each event ---- */

void gn_distinct_reset(gn_distinct *d);
int gn_distinct_end_spilled(gn_distinct *d, bool list, gn_err *e);
int gn_distinct_add_large(gn_distinct *d, gn_str v, gn_err *e);
void gn_distinct_add_slowly(gn_distinct *d);

static inline void gn_distinct_clear(gn_distinct *d)
{
    if (d->mask || d->kept || d->spill)
        gn_distinct_reset(d);
    d->n = 0;
    d->seen = 0;
}

static inline int gn_distinct_end(gn_distinct *d, bool list, gn_err *e)
{
    return d->spill ? gn_distinct_end_spilled(d, list, e) : 0;
}

static inline uint64_t gn_distinct_hash(const gn_distinct_item *x)
{
    /* Both halves of a 64 by 64 bit product, as in wyhash (Wang Yi, public domain). */
    __extension__ typedef unsigned __int128 wide;
    wide m = (wide)(x->head ^ UINT64_C(0xa0761d6478bd642f)) *
             (x->tail ^ x->n ^ UINT64_C(0xe7037ed1a0b428db));
    uint64_t h = (uint64_t)m ^ (uint64_t)(m >> 64);
#if GN_HASH_BITS < 64
    h &= (UINT64_C(1) << GN_HASH_BITS) - 1;
#endif
    return h;
}

/* One of 64, for small sets: the top of a product depends on all that lies below. */
static inline unsigned gn_distinct_bit(const gn_distinct_item *x)
{
    uint64_t h = x->head * UINT64_C(0xa0761d6478bd642f) + x->tail * UINT64_C(0xe7037ed1a0b428db);
    return (unsigned)(h >> 58);
}

extern const uint64_t gn_distinct_mask[17];

static inline gn_distinct_item gn_distinct_item_of(gn_str v)
{
    gn_distinct_item x = {.p = v.p, .n = v.n};
    uint64_t tail;
    if (v.n > 16) {
        x.head = gn_hash_table(v.p, v.n);
        return x;
    }
    memcpy(&x.head, v.p, 8);
    memcpy(&tail, v.p + 8, 8);
    x.head &= gn_distinct_mask[v.n];
    x.tail = v.n > 8 ? tail << (128 - 8 * v.n) : 0;
    return x;
}

static inline bool gn_distinct_equal(const gn_distinct_item *a, const gn_distinct_item *b)
{
    return ((a->head ^ b->head) | (a->tail ^ b->tail) | (a->n ^ b->n)) == 0 &&
           (a->n <= 16 || memcmp(a->p, b->p, a->n) == 0);
}

/* Whether a value is new cannot be foreseen, so a small set decides that without a jump: the value
 * is written behind the others, and counts there if it is. */
static inline __attribute__((always_inline)) int gn_distinct_add(gn_distinct *d, gn_str v,
                                                                 gn_err *e)
{
    if (d->mask || d->n == GN_DISTINCT_SMALL)
        return gn_distinct_add_large(d, v, e);
    const gn_distinct_item x = gn_distinct_item_of(v);
    const unsigned bit = gn_distinct_bit(&x);
    const size_t fresh = ~d->seen >> bit & 1, at = fresh ? d->n : d->by_bit[bit];
    gn_distinct_item *o = &d->item[d->n];
    o->head = x.head; /* one by one: x stays in registers */
    o->tail = x.tail;
    o->p = x.p;
    o->n = x.n;
    if (!gn_distinct_equal(&d->item[at], &x)) {
        gn_distinct_add_slowly(d);
        return 0;
    }
    d->by_bit[bit] = (uint8_t)at;
    d->seen |= UINT64_C(1) << bit;
    d->n += fresh;
    return 0;
}

#endif
