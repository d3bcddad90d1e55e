/* bigint.h - integers of some thousand bits, for results that are rounded once.
 *
 * Sign and magnitude in 32-bit words, schoolbook (Knuth, The Art of Computer Programming 2, 4.3.1).
 * The caller sees to it that results fit; of sums and products of the values of exactsum.h, squares
 * of sums and sums of products among them, they do, with a dozen words to spare. */
#ifndef GN_KERNEL_BIGINT_H
#define GN_KERNEL_BIGINT_H

#include "../base/num.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GN_BIG_WORDS 160

typedef struct gn_big {
    bool neg;
    size_t n; /* words in use; the highest is not 0 */
    uint32_t w[GN_BIG_WORDS];
} gn_big;

/* Take off leading words that are 0. */
void gn_big_trim(gn_big *b);
/* From two's complement in 64-bit words, least significant first. */
void gn_big_from_words(gn_big *b, const uint64_t *w, size_t n);
void gn_big_from_i128(gn_big *b, gn_i128 v);

/* The magnitudes: < 0, 0, > 0. */
int gn_big_cmp(const gn_big *a, const gn_big *b);
/* to is neither a nor b. */
void gn_big_mul(gn_big *to, const gn_big *a, const gn_big *b);
void gn_big_add(gn_big *a, const gn_big *b); /* a += b */
void gn_big_sub(gn_big *a, const gn_big *b); /* a -= b */
/* a /= d, towards 0; true when something was left over. */
bool gn_big_div(gn_big *a, uint64_t d);
/* a * 2^(32 * words) */
void gn_big_extend(gn_big *a, size_t words);

/* The highest bit that is set, from 0; of what is not 0. */
int gn_big_top(const gn_big *a);
/* a * 2^exp, and a little more where something was left over, to the nearest double, ties to even,
 * subnormal ones included; false when it is beyond their range. With something left over, a has 64
 * bits or more. */
bool gn_big_round(const gn_big *a, int exp, bool left, double *out);
/* A magnitude that is not 0 as m * 2^*exp, m in [1, 2]. */
double gn_big_scaled(const gn_big *a, int *exp);

#endif
