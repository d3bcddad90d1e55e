#include "num.h"

#include <math.h>
#include <stddef.h>

static int bits128(gn_u128 v)
{
    uint64_t hi = (uint64_t)(v >> 64), lo = (uint64_t)v;

    if (hi)
        return 128 - __builtin_clzll(hi);
    return lo ? 64 - __builtin_clzll(lo) : 0;
}

/* A quotient of more than 54 bits whose last bit is or-ed with "something was cut off" rounds
 * to nearest, ties to even, exactly as the infinite quotient would; the hardware does that
 * rounding in the conversion from 64 bits. */
double gn_ratio(gn_i128 num, gn_u128 den)
{
    bool neg = num < 0;
    gn_u128 n = neg ? -(gn_u128)num : (gn_u128)num;
    const gn_u128 exact = (gn_u128)1 << 53;

    if (n <= exact && den <= exact) { /* both are exact doubles: one rounding, in the division */
        double r = (double)(uint64_t)n / (double)(uint64_t)den;
        return neg ? -r : r;
    }
    gn_u128 q = n / den, r = n % den;
    int exp = 0, have = bits128(q);

    if (have > 64) {
        int cut = have - 64;
        bool lost = (q & (((gn_u128)1 << cut) - 1)) != 0;
        q >>= cut;
        q |= lost;
        exp = cut;
    }
    /* Too few bits: long division goes on. Leading zeros of 0.000x are skipped in one step. */
    if (have < 56 && r != 0) {
        if (q == 0) {
            int zeros = bits128(den) - bits128(r) - 1;
            if (zeros > 0) {
                r <<= zeros;
                exp -= zeros;
            }
        }
        while ((q >> 55) == 0 && r != 0) {
            bool carry = (r >> 127) != 0;
            r <<= 1;
            q <<= 1;
            exp--;
            if (carry || r >= den) {
                r -= den;
                q |= 1;
            }
        }
    }
    uint64_t m = (uint64_t)q;
    if (r != 0)
        m |= 1;
    double v = ldexp((double)m, exp);
    return neg ? -v : v;
}

void gn_i128_put(gn_i128 v, uint8_t out[16])
{
    gn_u128 u = (gn_u128)v;

    for (int i = 15; i >= 0; i--, u >>= 8)
        out[i] = (uint8_t)u;
}

gn_i128 gn_i128_get(const uint8_t in[16])
{
    gn_u128 u = 0;

    for (size_t i = 0; i < 16; i++)
        u = u << 8 | in[i];
    return (gn_i128)u;
}
