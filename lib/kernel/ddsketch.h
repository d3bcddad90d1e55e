/* ddsketch.h - a sketch of numbers that gives every percentile to within a relative error.
 *
 * The value at any rank is returned with a relative error of at most GN_DDS_ERROR, 1/129 (0.78 %),
 * whatever the data. Buckets are never collapsed, so that this holds at both ends as well, and a
 * sketch is a function of the multiset of its values alone: any order and any grouping into merged
 * parts give the same sketch and the same bytes.
 *
 *   C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch with
 *   relative-error guarantees", PVLDB 12 (12), 2019: buckets of one relative width, counted.
 *
 * The paper's bucket of x is ceil(log x / log gamma). Here the logarithm is interpolated linearly
 * between powers of two, as in the authors' own faster mappings: an octave [2^k, 2^(k+1)) has 64
 * buckets of equal width. A bucket is then the exponent and the first 6 bits of the mantissa, the
 * same on every machine; it takes 1.44 times as many buckets as with the exact logarithm. For the
 * bucket [a, b) the value 2ab/(a+b) is returned, which is off by at most (b-a)/(b+a), and that is
 * 1/129 at the beginning of an octave, less behind it. Zero has a bucket of its own, negative
 * numbers mirror the positive ones.
 *
 * Memory: 16 bytes a bucket up to GN_DDS_FEW buckets; beyond, pages of 512 bytes, about one an
 * octave, which come to at most 65 KiB for ints, 10 KiB where values range over six decimal orders
 * of magnitude. */
#ifndef GN_KERNEL_DDSKETCH_H
#define GN_KERNEL_DDSKETCH_H

#include "../base/mem.h"

#include <stdbool.h>
#include <string.h>

#define GN_DDS_ERROR (1.0 / 129)
#define GN_DDS_NAME "dds64" /* of buckets and stored form together */
#define GN_DDS_BITS 6       /* of the mantissa */
#define GN_DDS_PAGE ((size_t)1 << GN_DDS_BITS)
#define GN_DDS_FEW 32          /* buckets at most in a list, before pages take over */
#define GN_DDS_LEAST (-1074)   /* exponent of the least float */
#define GN_DDS_OCTAVES 2098    /* of positive floats */
#define GN_DDS_BUCKETS 268545u /* in all: two signs and 0 */

typedef struct gn_dds_entry {
    uint64_t n;
    uint32_t bucket;
} gn_dds_entry;

/* The members are private. */
typedef struct gn_dds {
    gn_budget *budget; /* charged; may be NULL */
    uint64_t n;        /* values */
    gn_dds_entry *few; /* in order of the buckets */
    uint64_t **page;   /* counts of GN_DDS_PAGE buckets each; or NULL */
    uint32_t first;    /* page[0]'s number */
    uint32_t room;     /* of `few`, or of `page` */
    uint32_t len;      /* of `few` */
} gn_dds;

/* The bucket of a number, in the order of the numbers. A sketch is of ints or of floats, which must
 * be finite. */
static inline uint32_t gn_dds_place(unsigned exponent, unsigned mantissa, bool negative)
{
    uint32_t i = exponent * GN_DDS_PAGE + mantissa, zero = GN_DDS_BUCKETS / 2;
    return negative ? zero - 1 - i : zero + 1 + i;
}

static inline uint32_t gn_dds_int(int64_t v)
{
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (u == 0)
        return GN_DDS_BUCKETS / 2;
    unsigned lead = (unsigned)__builtin_clzll(u);
    return gn_dds_place(63 - lead - GN_DDS_LEAST, (u << lead) >> (63 - GN_DDS_BITS) & 63, v < 0);
}

static inline uint32_t gn_dds_float(double v)
{
    unsigned scaled = 0;
    if (v == 0)
        return GN_DDS_BUCKETS / 2;
    if (v > -0x1p-1022 && v < 0x1p-1022) { /* subnormal: the mantissa has leading zeros */
        v *= 0x1p64;
        scaled = 64;
    }
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    unsigned exponent = (unsigned)(bits >> 52 & 0x7ff) - 1023 - GN_DDS_LEAST - scaled;
    return gn_dds_place(exponent, bits >> (52 - GN_DDS_BITS) & 63, bits >> 63);
}

/* What a bucket stands for. Of ints it is the one between the least and the greatest of the bucket,
 * so that up to 127 they come out as they are. */
double gn_dds_value(uint32_t bucket, bool ints);

/* A zeroed sketch (with the budget filled in) is an empty one. */
void gn_dds_release(gn_dds *s); /* to an empty one; idempotent */

/* Add `n` (not 0) values of a bucket. On failure (memory; more than 2^63 - 1 values) the sketch is
 * as before. */
int gn_dds_add_slowly(gn_dds *s, uint32_t bucket, uint64_t n, gn_err *e);
static inline int gn_dds_add(gn_dds *s, uint32_t bucket, gn_err *e)
{
    uint32_t at = bucket / GN_DDS_PAGE - s->first;
    if (!s->page || at >= s->room || !s->page[at])
        return gn_dds_add_slowly(s, bucket, 1, e);
    s->page[at][bucket % GN_DDS_PAGE]++;
    s->n++;
    return 0;
}

/* Add all that is in `from`. On failure some of it may be in. */
int gn_dds_merge(gn_dds *to, const gn_dds *from, gn_err *e);

/* The bucket of the value at a rank, counted from 0; below s->n. */
uint32_t gn_dds_rank(const gn_dds *s, uint64_t rank);

/* The percentile num/den (0 .. 1) of a sketch that is not empty: interpolated between two ranks
 * (type 7 of Hyndman and Fan 1996: SQL's percentile_cont) or, with `nearest`, at rank ceil(p n)
 * (percentile_disc). The bound holds for the value at either rank, thus for the percentile unless
 * it lies between a negative and a positive value: then the error is at most GN_DDS_ERROR of the
 * greater of the two. */
double gn_dds_percentile(const gn_dds *s, uint64_t num, uint64_t den, bool nearest, bool ints);

/* The stored form: a byte 1; then for each bucket that is not empty, in ascending order, how
 * many empty ones lie before it, behind the last one, and its count, each as a base-128 number,
 * least digits first, all but the last byte with the top bit set. Appended. */
int gn_dds_put(const gn_dds *s, gn_buf *out, gn_err *e);
/* Add a stored sketch. -1 with GN_CORRUPT when the bytes are not what gn_dds_put writes; some of it
 * may be in then. */
int gn_dds_get(gn_dds *to, const uint8_t *p, size_t n, gn_err *e);

#endif
