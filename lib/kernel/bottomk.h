/* bottomk.h - how often keys occur, from a sample of the keys: the k of them with the least hashes.
 *
 * Each key of the stream is as likely to be in the sample as any other, however often it occurs,
 * and those that are in it are counted exactly: a key that is among the k least of all hashes has
 * been among the k least of those seen so far from its first time on. So the sample is a function
 * of the set of records alone. With no more than k keys it is all of them.
 *
 *   E. Cohen, H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
 *
 * A quantile of the sample stands for that of all keys; its rank is off by a standard error of
 * sqrt(q (1 - q) / k) at most: with k = 32768 the median is between the 49.4th and the 50.6th
 * percentile, p99 between 98.89 and 99.11, 95 times of 100.
 *
 * Keys are told apart by their hash alone. */
#ifndef GN_KERNEL_BOTTOMK_H
#define GN_KERNEL_BOTTOMK_H

#include "../base/mem.h"

#include <stdbool.h>

#define GN_BOTTOMK 32768 /* keys; a power of two */
#define GN_BOTTOMK_BYTES ((size_t)5 << 20)

/* Zero-initialise, with the budget filled in (may be NULL). It takes up to GN_BOTTOMK_BYTES. */
typedef struct gn_bottomk {
    gn_budget *budget;
    uint64_t *slot; /* pairs of hash and count (0: free), open addressing, at most half full */
    size_t slots, n;
    uint64_t limit; /* hashes from here on are not among the least; meaningful when `full` */
    bool full;
} gn_bottomk;

void gn_bottomk_release(gn_bottomk *s); /* idempotent */
int gn_bottomk_add(gn_bottomk *s, uint64_t hash, gn_err *e);

static inline size_t gn_bottomk_slot(const gn_bottomk *s, uint64_t hash)
{
    return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (s->slots - 1);
}

static inline void gn_bottomk_prefetch(const gn_bottomk *s, uint64_t hash)
{
    if (s->slots && !(s->full && hash >= s->limit))
        __builtin_prefetch(&s->slot[2 * gn_bottomk_slot(s, hash)]);
}

/* How often the keys of the sample occur, ascending, into a new array of *n (the caller frees it);
 * NULL on error. */
uint64_t *gn_bottomk_counts(gn_bottomk *s, size_t *n, gn_err *e);

#endif
