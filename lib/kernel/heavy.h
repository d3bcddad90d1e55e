/* heavy.h - the most frequent keys of a stream, in a fixed number of counters.
 *
 * The Misra-Gries summary in the form of D. Anderson et al., "A High-Performance Algorithm for
 * Identifying Frequent Items in Data Streams", 2017, arXiv:1705.07001: when the counters are all
 * taken, their median is taken off each and those at zero are given up. Every key that occurs more
 * than n / 48 times among n is found (in practice far rarer ones), and a count is off by `error` at
 * most, which is below n / 48 too and 0 while there were never more than GN_HEAVY_KEYS keys.
 *
 * Keys are told apart by their 64-bit hash alone: candidates, not proofs. What is found depends on
 * the order of the stream. */
#ifndef GN_KERNEL_HEAVY_H
#define GN_KERNEL_HEAVY_H

#include "../base/mem.h"
#include "../stream/batch.h"

#define GN_HEAVY_KEYS 96
#define GN_HEAVY_SLOTS 128

typedef struct gn_heavy_key {
    uint64_t hash;
    uint64_t count; /* 0: free */
    gn_str key;     /* owned */
} gn_heavy_key;

/* Zero-initialise, with the budget filled in (may be NULL). */
typedef struct gn_heavy {
    gn_budget *budget;
    gn_heavy_key *slot; /* GN_HEAVY_SLOTS, open addressing; NULL before the first key */
    size_t n;
    uint64_t off; /* taken off all counts so far */
} gn_heavy;

void gn_heavy_release(gn_heavy *h); /* idempotent */

/* Count a key; its bytes are copied where it is new. */
int gn_heavy_add(gn_heavy *h, uint64_t hash, gn_str key, gn_err *e);

typedef struct gn_heavy_top {
    gn_str key;     /* lives until the next call on h */
    uint64_t count; /* at least so often, and at most `error` times more */
    uint64_t error;
} gn_heavy_top;

/* The `max` keys of the greatest counts, the greatest first, ties by the key's bytes; how many. */
size_t gn_heavy_list(const gn_heavy *h, gn_heavy_top *top, size_t max);

#endif
