/* split.h - a range of key hashes cut into n ranges of equal width, and which one a hash is in.
 *
 * Range k of n of [lo, hi] begins at lo + ceil(k * W / n), W = hi - lo + 1: the ranges tile
 * [lo, hi], their widths differ by one at most, and record h belongs to floor((h - lo) * n / W),
 * in exact integers. Cutting into a, then each into b, is cutting into a * b where W / (a * b) is
 * whole. */
#ifndef GN_OP_SPLIT_H
#define GN_OP_SPLIT_H

#include "../base/mem.h"
#include "../base/num.h"
#include "../stream/batch.h"

typedef struct gn_split {
    uint64_t lo, hi; /* inclusive */
    size_t n;
    uint64_t *first; /* first hash of each range */
    double scale;    /* ranges per hash, about */
} gn_split;

/* GN_INPUT where there are fewer hashes than ranges. n >= 1. */
int gn_split_init(gn_split *s, uint64_t lo, uint64_t hi, size_t n, gn_err *e);
void gn_split_release(gn_split *s); /* idempotent */

/* The last hash of range k. */
static inline uint64_t gn_split_last(const gn_split *s, size_t k)
{
    return k + 1 < s->n ? s->first[k + 1] - 1 : s->hi;
}

/* The range of h, which lies in [lo, hi]. */
static inline size_t gn_split_find(const gn_split *s, uint64_t h)
{
    if (s->lo == 0 && s->hi == UINT64_MAX)
        return (size_t)((gn_u128)h * s->n >> 64);
    size_t k = (size_t)((double)(h - s->lo) * s->scale); /* may be off by a little */
    if (k >= s->n)
        k = s->n - 1;
    while (h < s->first[k])
        k--;
    while (h > gn_split_last(s, k))
        k++;
    return k;
}

/* The placement hash of each record over the fields, asked for with GN_RAW: hash.h's gn_hash over
 * their concatenated encodings. `scratch` is reused from call to call. */
int gn_split_hashes(const gn_batch *b, const int *field, size_t nfields, gn_buf *scratch,
                    uint64_t *hash, gn_err *e);
/* Move each hash by its record's salt, an int field asked for with GN_VALUE: see gn_part. A null is
 * 0; GN_INPUT for a negative one. */
int gn_split_salt(const gn_batch *b, int field, uint64_t n, uint64_t *hash, gn_err *e);

#endif
