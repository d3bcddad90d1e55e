/* hll.h - HyperLogLog with 2^14 registers: how many distinct keys, about, in at most 16 KiB.
 *
 * A sketch is a function of the set of keys alone: any order, any repetition and any grouping into
 * merged parts give the same sketch and the same bytes. Up to GN_HLL_EXACT distinct hashes it holds
 * the hashes themselves, and the count is exact (two keys of equal hash aside: at 1,536 keys a
 * chance of 6e-14); beyond, registers.
 *
 *   P. Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation
 *   algorithm", 2007: the registers, and the standard error of 1.04 / sqrt(2^14) = 0.81 %.
 *   O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017,
 *   arXiv:1702.01284, section 4 (algorithm 6): the estimator, without bias corrections or
 *   thresholds. It needs + - * / and square roots only, so that every machine gives the same
 * digits.
 *
 * Keys are given by gn_hash of their canonical encoding (XXH3-64, frozen). */
#ifndef GN_KERNEL_HLL_H
#define GN_KERNEL_HLL_H

#include "../base/mem.h"

#include <stdbool.h>

#define GN_HLL_BITS 14
#define GN_HLL_REGISTERS ((size_t)1 << GN_HLL_BITS)
#define GN_HLL_EXACT 1536                   /* hashes at most, before registers take over */
#define GN_HLL_BYTES (1 + GN_HLL_REGISTERS) /* the longest stored form */
#define GN_HLL_NAME "hll14"                 /* of hash, registers, limit and stored form together */

typedef struct gn_hll {
    gn_budget *budget; /* charged for slots and registers; may be NULL */
    uint64_t *slot;    /* hashes, an open-addressing table; 0 is free */
    uint32_t nslots;   /* a power of two, or 0 */
    uint32_t n;        /* hashes */
    uint8_t *reg;      /* GN_HLL_REGISTERS, instead of the hashes */
} gn_hll;

/* A zeroed sketch (with the budget filled in) is an empty one. */
void gn_hll_release(gn_hll *h); /* to an empty one; idempotent */
bool gn_hll_empty(const gn_hll *h);

/* Add a key by its hash. On failure (memory) the sketch is as before. */
int gn_hll_add(gn_hll *h, uint64_t hash, gn_err *e);
/* Add all that is in `from`. On failure some of it may be in. */
int gn_hll_merge(gn_hll *to, const gn_hll *from, gn_err *e);

/* The number of distinct keys, rounded to nearest. */
uint64_t gn_hll_count(const gn_hll *h);

/* The stored form: 1, then the hashes in ascending order, 8 bytes each, big-endian; or 2, then the
 * registers, one byte each. `out` has GN_HLL_BYTES; the length is returned. */
size_t gn_hll_put(const gn_hll *h, uint8_t *out);
/* Add a stored sketch. -1 with GN_CORRUPT when the bytes are not what gn_hll_put writes. */
int gn_hll_get(gn_hll *to, const uint8_t *p, size_t n, gn_err *e);

/* Ask for the memory that gn_hll_add of this hash will touch. */
static inline void gn_hll_prefetch(const gn_hll *h, uint64_t hash)
{
    if (h->reg)
        __builtin_prefetch(&h->reg[hash >> (64 - GN_HLL_BITS)], 1);
    else if (h->nslots)
        __builtin_prefetch(&h->slot[hash & (h->nslots - 1)], 1);
}

#endif
