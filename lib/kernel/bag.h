/* bag.h - a multiset of pairs: which there are, in order, and how often each.
 *
 *     gn_bag_add ...      (set, a, b), n times
 *     gn_bag_read         no more of that
 *     gn_bag_next ...     each once, ascending by set, a, b, with how often it was added
 *
 * What rank statistics are made of: a is the value, as a number that sorts alike (gn_bag_of_int,
 * gn_bag_of_float), b a group or another value. Up to 2^16 sets lie side by side. The result is a
 * function of the multiset alone.
 *
 * How: additions are collected, sorted by their bytes that vary, least significant first (Knuth,
 * The Art of Computer Programming 3, 5.2.5), and merged into those that were sorted before, equal
 * ones becoming one. Memory begins small and grows as far as different pairs need it; then
 * everything is written to a sorted run on disk (spill.h). */
#ifndef GN_KERNEL_BAG_H
#define GN_KERNEL_BAG_H

#include "../base/mem.h"

#include <stdbool.h>
#include <string.h>

typedef struct gn_bag_options {
    const char *dir;   /* of temporary files: see tmp.h */
    gn_budget *budget; /* may be NULL */
    size_t memory;     /* bytes for everything; at least 1 MiB is used */
} gn_bag_options;

typedef struct gn_bag_entry {
    uint32_t set;
    uint64_t a, b, n;
} gn_bag_entry;

#define GN_BAG_SETS ((size_t)1 << 16)

/* As it is held: 24 bytes. */
typedef struct gn_bag_item {
    uint64_t a, b;
    uint64_t set : 16, n : 48;
} gn_bag_item;

typedef struct gn_bag {
    gn_bag_options o;
    gn_bag_item *item, *spare; /* of `cap` each */
    size_t n, cap;
    size_t sorted; /* the first of them, in order and different */
    struct gn_spill *spill;
    size_t runs;
    uint64_t spilled; /* bytes */
    bool reading;
    size_t at;
} gn_bag;

void gn_bag_init(gn_bag *g, const gn_bag_options *o);
void gn_bag_release(gn_bag *g); /* idempotent; zeroed memory is allowed */

int gn_bag_make_room(gn_bag *g, gn_err *e);
int gn_bag_add_many(gn_bag *g, uint32_t set, uint64_t a, uint64_t b, uint64_t n, gn_err *e);
/* set < GN_BAG_SETS. */
static inline int gn_bag_add(gn_bag *g, uint32_t set, uint64_t a, uint64_t b, gn_err *e)
{
    if (__builtin_expect(g->n == g->cap, 0) && gn_bag_make_room(g, e))
        return -1;
    g->item[g->n++] = (gn_bag_item){a, b, set & 0xffff, 1};
    return 0;
}

/* Afterwards gn_bag_release is all that can follow the last gn_bag_next. */
int gn_bag_read(gn_bag *g, gn_err *e);
/* 1, 0 at the end, -1. */
int gn_bag_next(gn_bag *g, gn_bag_entry *out, gn_err *e);

/* Numbers in the order of values, and back. A float is finite and not -0. */
static inline uint64_t gn_bag_of_int(int64_t v)
{
    return (uint64_t)v ^ UINT64_C(1) << 63;
}

static inline int64_t gn_bag_int(uint64_t u)
{
    return (int64_t)(u ^ UINT64_C(1) << 63);
}

static inline uint64_t gn_bag_of_float(double v)
{
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    return u >> 63 ? ~u : u | UINT64_C(1) << 63;
}

static inline double gn_bag_float(uint64_t u)
{
    double v;
    u = u >> 63 ? u & ~(UINT64_C(1) << 63) : ~u;
    memcpy(&v, &u, sizeof v);
    return v;
}

#endif
