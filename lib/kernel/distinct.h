/* distinct.h - the distinct values of one group after another: pages of a session, say.
 *
 * A set of canonical encodings that is cleared often and is mostly small. Whole values are
 * compared, never hashes alone. Values are referred to, not copied, until gn_distinct_keep: a
 * caller whose values lie in a batch calls it before the batch goes. What a group holds beyond a
 * few values is charged to the budget; one that does not fit fails with GN_IO and a message that
 * names what is counted and -m. */
#ifndef GN_KERNEL_DISTINCT_H
#define GN_KERNEL_DISTINCT_H

#include "../base/hash.h"
#include "../base/mem.h"
#include "../io/in.h"
#include "../stream/batch.h"

#define GN_DISTINCT_SMALL 32 /* values held without allocation */

/* A value. Up to 16 bytes, head and tail (which may overlap) are all of it; beyond that head is a
 * hash. */
typedef struct gn_distinct_item {
    uint64_t head, tail;
    const uint8_t *p;
    uint32_t n;
} gn_distinct_item;

typedef struct gn_distinct_slot {
    uint32_t round; /* in use when it is the set's */
    uint32_t item;
} gn_distinct_slot;

/* The members are private. */
typedef struct gn_distinct {
    const char *what; /* for messages: "pages of one session", a static text */
    gn_budget *budget;
    gn_arena arena; /* of what is kept */
    size_t n, kept; /* values; the first `kept` of them are copied */
    size_t mask;    /* slots - 1; slots are at least twice the values */
    uint32_t round;
    gn_distinct_item *item; /* item_small or allocated */
    gn_distinct_slot *slot;
    gn_distinct_item item_small[GN_DISTINCT_SMALL];
    gn_distinct_slot slot_small[2 * GN_DISTINCT_SMALL];
} gn_distinct;

/* A set points into itself: it must not be moved. */
void gn_distinct_init(gn_distinct *d, const char *what, gn_budget *b);
void gn_distinct_release(gn_distinct *d); /* idempotent; zeroed memory is allowed */
void gn_distinct_clear(gn_distinct *d);

/* Add one value (n >= 1); GN_SLACK readable bytes must follow it. */
static inline int gn_distinct_add(gn_distinct *d, gn_str v, gn_err *e);
/* Copy the values that were not copied yet. */
int gn_distinct_keep(gn_distinct *d, gn_err *e);

static inline size_t gn_distinct_count(const gn_distinct *d)
{
    return d->n;
}

/* Their encodings' bytes together. */
static inline size_t gn_distinct_bytes(const gn_distinct *d)
{
    size_t bytes = 0;
    for (size_t i = 0; i < d->n; i++)
        bytes += d->item[i].n;
    return bytes;
}
/* The values in the order of their bytes, one after the other, to p, which has room for them;
 * returns the end. Nothing can be added after that until the set is cleared. */
uint8_t *gn_distinct_list(gn_distinct *d, uint8_t *p);

/* ---- inlined: it is called once for each event ---- */

int gn_distinct_grow(gn_distinct *d, gn_err *e);

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

static inline gn_distinct_item gn_distinct_item_of(gn_str v)
{
    gn_distinct_item x = {.p = v.p, .n = v.n};
    if (v.n > 16) {
        x.head = gn_hash_table(v.p, v.n);
        return x;
    }
    memcpy(&x.head, v.p, 8);
    if (v.n < 8)
        x.head &= (UINT64_C(1) << (8 * v.n)) - 1; /* little-endian: the first n bytes */
    else
        memcpy(&x.tail, v.p + v.n - 8, 8);
    return x;
}

static inline int gn_distinct_add(gn_distinct *d, gn_str v, gn_err *e)
{
    gn_distinct_item x = gn_distinct_item_of(v);
    size_t at = gn_distinct_hash(&x) & d->mask;
    for (; d->slot[at].round == d->round; at = (at + 1) & d->mask) {
        const gn_distinct_item *o = &d->item[d->slot[at].item];
        if (o->head == x.head && o->tail == x.tail && o->n == x.n &&
            (x.n <= 16 || memcmp(o->p, x.p, x.n) == 0))
            return 0;
    }
    d->item[d->n] = x;
    d->slot[at] = (gn_distinct_slot){d->round, (uint32_t)d->n};
    return ++d->n * 2 > d->mask ? gn_distinct_grow(d, e) : 0;
}

#endif
