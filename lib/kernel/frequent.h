/* frequent.h - the heaviest keys of a stream by their hashes, in bounded memory.
 *
 * The weighted Misra-Gries summary of D. Anderson et al., "A High-Performance Algorithm for
 * Identifying Frequent Items in Data Streams", 2017, arXiv:1705.07001: when all counters are taken,
 * their median is taken off each, and those that are left with nothing are given up. A weight is
 * too small by gn_frequent_error at most, a hash that is not there weighs no more than that, and
 * with k counters it is below 2 W / k, W the weight of the stream; it is 0 while there were never
 * more hashes than counters.
 *
 * Unlike heavy.h, which holds the keys of few counters, it is made for as many counters as the
 * memory allows, and for a second pass that counts the keys found. What is found depends on the
 * order of the stream, the guarantee does not. */
#ifndef GN_KERNEL_FREQUENT_H
#define GN_KERNEL_FREQUENT_H

#include "../base/mem.h"

#include <stdbool.h>

/* Zero-initialise, with the first two filled in. */
typedef struct gn_frequent {
    gn_budget *budget; /* may be NULL */
    size_t memory;     /* bytes it may take, at least 64 KiB */
    /* Its own: open addressing, at most 3/4 full. */
    uint64_t *hash;
    uint64_t *weight;  /* 0: free */
    uint64_t *scratch; /* for the median and what remains; as many words as there are counters */
    size_t slots, n;
    uint64_t off;
} gn_frequent;

void gn_frequent_release(gn_frequent *f); /* idempotent */

/* A key has come again, or first, with this weight (> 0). All weights together stay below 2^64. */
int gn_frequent_add(gn_frequent *f, uint64_t hash, uint64_t weight, gn_err *e);

/* A first guess at where a hash is; for tables that do not fit the cache. */
static inline size_t gn_frequent_slot(const gn_frequent *f, uint64_t hash)
{
    /* hashes of one partition share their upper bits: multiply before taking bits */
    return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (f->slots - 1);
}

static inline void gn_frequent_prefetch(const gn_frequent *f, uint64_t hash)
{
    if (f->slots) {
        size_t i = gn_frequent_slot(f, hash);
        __builtin_prefetch(&f->hash[i]);
        __builtin_prefetch(&f->weight[i]);
    }
}

/* How much any weight is too small, at most. */
static inline uint64_t gn_frequent_error(const gn_frequent *f)
{
    return f->off;
}

/* May a key of this hash weigh `least` or more? */
bool gn_frequent_may(const gn_frequent *f, uint64_t hash, uint64_t least);
/* How many of those that are there may. */
size_t gn_frequent_count(const gn_frequent *f, uint64_t least);

#endif
