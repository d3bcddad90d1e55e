/* num.h - exact integer totals and their one conversion to a float. */
#ifndef GN_BASE_NUM_H
#define GN_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef __int128 gn_i128;
__extension__ typedef unsigned __int128 gn_u128;

/* num / den rounded once, to nearest, ties to even. den must not be 0. Long division with a sticky
 * bit: the result is that of exact rational arithmetic. */
double gn_ratio(gn_i128 num, gn_u128 den);

/* Does a 128-bit total fit the stream's int? */
static inline bool gn_fits_i64(gn_i128 v)
{
    return v >= INT64_MIN && v <= INT64_MAX;
}

/* A 128-bit total as 16 bytes, two's complement, big-endian: the wire form of partial sums. */
void gn_i128_put(gn_i128 v, uint8_t out[16]);
gn_i128 gn_i128_get(const uint8_t in[16]);

#endif
