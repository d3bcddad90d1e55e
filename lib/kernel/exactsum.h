/* exactsum.h - sums without rounding: whatever the order and the grouping, the same bytes.
 *
 * Integers: count, sum, sums of squares and of products in fixed width, wide enough for 2^64 - 1
 * values of any size. Floats: a superaccumulator, an integer that spans all exponents, for sums,
 * and a wider one for sums of products (every product of two doubles is exact in it, those that a
 * double could not hold included). Results are rounded once, to nearest, ties to even.
 *
 * All structs are plain memory: zeroed they hold nothing, copies are states of their own, and
 * nothing needs a release. A wire form is a function of the set of values alone. Doubles given
 * must be finite.
 *
 * Superaccumulator: Radford M. Neal, "Fast Exact Summation Using Small and Large
 * Superaccumulators", 2015, https://arxiv.org/abs/1505.05571 (the small one). */
#ifndef GN_KERNEL_EXACTSUM_H
#define GN_KERNEL_EXACTSUM_H

#include "../base/num.h"
#include "bigint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two's complement, least significant word first. */
typedef struct gn_i192 {
    uint64_t w[3];
} gn_i192;

/* ---- integers ---- */

typedef struct gn_moments {
    uint64_t n;
    gn_i128 sum;
    gn_i192 squares;
} gn_moments;

/* Pairs (x, y). */
typedef struct gn_comoments {
    uint64_t n;
    gn_i128 sum_x, sum_y;
    gn_i192 xx, yy, xy;
} gn_comoments;

void gn_moments_add(gn_moments *m, int64_t x);
/* x `times` times; false, and nothing changed, when the count would pass 2^64 - 1. */
bool gn_moments_add_times(gn_moments *m, int64_t x, uint64_t times);
/* False, and nothing changed, when the count would pass 2^64 - 1. */
bool gn_moments_merge(gn_moments *to, const gn_moments *from);

/* count, sum, squares: big-endian, two's complement. `get` is false for what no values sum to, by
 * their number and size: states that it accepts can be merged without overflow. */
#define GN_MOMENTS_WIRE (8 + 16 + 24)
void gn_moments_put(const gn_moments *m, uint8_t out[GN_MOMENTS_WIRE]);
bool gn_moments_get(gn_moments *m, const uint8_t in[GN_MOMENTS_WIRE]);

/* False where undefined: the mean of nothing, the deviation of fewer than two. The sample variance
 * is (n * squares - sum^2) / (n * (n - 1)), rounded once; the deviation is the root of the variance
 * to 53 bits, of whatever magnitude that is. */
bool gn_moments_mean(const gn_moments *m, double *out);
bool gn_moments_variance(const gn_moments *m, double *out);
bool gn_moments_stddev(const gn_moments *m, double *out);

void gn_comoments_add(gn_comoments *m, int64_t x, int64_t y);
bool gn_comoments_add_times(gn_comoments *m, int64_t x, int64_t y, uint64_t times);
/* The pairs (x, y) of all x that `xs` sums up with one y. */
bool gn_comoments_add_block(gn_comoments *m, const gn_moments *xs, int64_t y);
bool gn_comoments_merge(gn_comoments *to, const gn_comoments *from);
/* count, sums of x, y, xx, yy, xy. */
#define GN_COMOMENTS_WIRE (8 + 2 * 16 + 3 * 24)
void gn_comoments_put(const gn_comoments *m, uint8_t out[GN_COMOMENTS_WIRE]);
bool gn_comoments_get(gn_comoments *m, const uint8_t in[GN_COMOMENTS_WIRE]);
/* Sample covariance, rounded once. */
bool gn_comoments_covariance(const gn_comoments *m, double *out);
/* Pearson's r in [-1, 1], from three exact numbers rounded once each; false also where one of the
 * two does not vary. */
bool gn_comoments_correlation(const gn_comoments *m, double *out);

/* ---- floats ---- */

#define GN_FSUM_CHUNKS 68   /* 2^-1074 .. 2^1024, 64 bits for the count, sign */
#define GN_FPROD_CHUNKS 134 /* 2^-2148 .. 2^2048, likewise */

typedef struct gn_fsum {
    uint64_t n;
    uint32_t pending; /* additions since carries were propagated */
    int64_t chunk[GN_FSUM_CHUNKS];
} gn_fsum;

/* A sum of products x * y. */
typedef struct gn_fprod {
    uint64_t n;
    uint32_t pending;
    int64_t chunk[GN_FPROD_CHUNKS];
} gn_fprod;

void gn_fsum_add(gn_fsum *s, double x);
void gn_fsum_add_all(gn_fsum *s, const double *x, size_t n);
/* x `times` times; false, and nothing changed, when the count would pass 2^64 - 1. */
bool gn_fsum_add_times(gn_fsum *s, double x, uint64_t times);
bool gn_fsum_merge(gn_fsum *to, const gn_fsum *from); /* false: the count would pass 2^64 - 1 */

void gn_fprod_add(gn_fprod *s, double x, double y);
bool gn_fprod_add_times(gn_fprod *s, double x, double y, uint64_t times);
bool gn_fprod_merge(gn_fprod *to, const gn_fprod *from);

/* The sum, +0 when it is zero; false where it is beyond the range of a double. */
bool gn_fsum_value(const gn_fsum *s, double *out);
bool gn_fprod_value(const gn_fprod *s, double *out);
bool gn_fsum_mean(const gn_fsum *s, double *out); /* false also for the mean of nothing */

/* Wire form: the count in 8 bytes, and unless the sum is 0: a byte 1 when it is negative else 0, a
 * byte i, and the magnitude in units of 2^(32 i) least values (2^-1074, of products 2^-2148) as
 * 32-bit words, most significant first, neither the first nor the last of them 0. All big-endian.
 * `put` returns the length. `get` is false for anything else, and for sums too large for the
 * count. */
#define GN_FSUM_WIRE (8 + 2 + 4 * GN_FSUM_CHUNKS)
#define GN_FPROD_WIRE (8 + 2 + 4 * GN_FPROD_CHUNKS)
size_t gn_fsum_put(const gn_fsum *s, uint8_t out[GN_FSUM_WIRE]);
bool gn_fsum_get(gn_fsum *s, const uint8_t *in, size_t n);
size_t gn_fprod_put(const gn_fprod *s, uint8_t out[GN_FPROD_WIRE]);
bool gn_fprod_get(gn_fprod *s, const uint8_t *in, size_t n);

/* The sums as they are, for further exact arithmetic: of ints; of floats, the sum in units of
 * 2^GN_FSUM_EXP, squares in units of 2^(2 GN_FSUM_EXP). */
#define GN_FSUM_EXP (-1074)
void gn_moments_big(const gn_moments *m, gn_big *sum, gn_big *squares);
void gn_fsum_big(const gn_fsum *s, const gn_fprod *squares, gn_big *sum, gn_big *sum_squares);

/* As for integers, from the sums of x, of y and of the products of the same values; false also
 * where the counts differ, and where the result is beyond the range of a double. */
bool gn_fsum_variance(const gn_fsum *x, const gn_fprod *xx, double *out);
bool gn_fsum_stddev(const gn_fsum *x, const gn_fprod *xx, double *out);
bool gn_fsum_covariance(const gn_fsum *x, const gn_fsum *y, const gn_fprod *xy, double *out);
bool gn_fsum_correlation(const gn_fsum *x, const gn_fsum *y, const gn_fprod *xx, const gn_fprod *yy,
                         const gn_fprod *xy, double *out);

#endif
