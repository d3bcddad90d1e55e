/* bigint.c - see bigint.h. */
#include "bigint.h"

#include <math.h>
#include <string.h>

void gn_big_trim(gn_big *b)
{
    while (b->n && b->w[b->n - 1] == 0)
        b->n--;
}

void gn_big_from_words(gn_big *b, const uint64_t *w, size_t n)
{
    b->neg = w[n - 1] >> 63;
    b->n = 2 * n;
    uint64_t carry = b->neg;
    for (size_t i = 0; i < n; i++) {
        uint64_t v = (b->neg ? ~w[i] : w[i]) + carry;
        carry = carry && v == 0;
        b->w[2 * i] = (uint32_t)v;
        b->w[2 * i + 1] = (uint32_t)(v >> 32);
    }
    gn_big_trim(b);
}

void gn_big_from_i128(gn_big *b, gn_i128 v)
{
    uint64_t w[2] = {(uint64_t)v, (uint64_t)((gn_u128)v >> 64)};
    gn_big_from_words(b, w, 2);
}

void gn_big_mul(gn_big *to, const gn_big *a, const gn_big *b)
{
    to->neg = a->neg != b->neg;
    to->n = a->n + b->n;
    memset(to->w, 0, to->n * sizeof *to->w);
    for (size_t i = 0; i < a->n; i++) {
        uint64_t carry = 0;
        for (size_t k = 0; k < b->n; k++) {
            carry += (uint64_t)a->w[i] * b->w[k] + to->w[i + k];
            to->w[i + k] = (uint32_t)carry;
            carry >>= 32;
        }
        to->w[i + b->n] = (uint32_t)carry;
    }
    gn_big_trim(to);
}

int gn_big_cmp(const gn_big *a, const gn_big *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (size_t i = a->n; i-- > 0;)
        if (a->w[i] != b->w[i])
            return a->w[i] < b->w[i] ? -1 : 1;
    return 0;
}

static uint32_t word_of(const gn_big *b, size_t i)
{
    return i < b->n ? b->w[i] : 0;
}

/* a + b, or a - b */
static void combine(gn_big *a, const gn_big *b, bool b_neg)
{
    bool add = a->neg == b_neg;
    bool less = !add && gn_big_cmp(a, b) < 0;
    const gn_big *hi = less ? b : a, *lo = less ? a : b;
    size_t n = (a->n > b->n ? a->n : b->n) + 1;
    int64_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t x = word_of(hi, i), y = word_of(lo, i);
        carry += add ? x + y : x - y;
        a->w[i] = (uint32_t)carry;
        carry >>= 32;
    }
    a->neg = less ? !a->neg : a->neg;
    a->n = n;
    gn_big_trim(a);
}

void gn_big_add(gn_big *a, const gn_big *b)
{
    combine(a, b, b->neg);
}

void gn_big_sub(gn_big *a, const gn_big *b)
{
    combine(a, b, !b->neg);
}

bool gn_big_div(gn_big *a, uint64_t d)
{
    uint64_t left = 0;
    for (size_t i = a->n; i-- > 0;) {
        gn_u128 v = (gn_u128)left << 32 | a->w[i];
        a->w[i] = (uint32_t)(v / d);
        left = (uint64_t)(v % d);
    }
    gn_big_trim(a);
    return left != 0;
}

void gn_big_extend(gn_big *a, size_t words)
{
    if (a->n == 0)
        return;
    memmove(a->w + words, a->w, a->n * sizeof *a->w);
    memset(a->w, 0, words * sizeof *a->w);
    a->n += words;
}

int gn_big_top(const gn_big *a)
{
    return (int)a->n * 32 - 1 - __builtin_clz(a->w[a->n - 1]);
}

bool gn_big_round(const gn_big *a, int exp, bool left, double *out)
{
    *out = 0;
    if (a->n == 0)
        return true;
    int top = gn_big_top(a), last = exp + top - 52; /* of the bits that are kept, 2^last */
    if (last < -1074)
        last = -1074;
    int cut = last - exp; /* bits of a to be rounded off */
    uint64_t m = 0;
    for (int i = cut > 0 ? cut / 32 : 0; i < (int)a->n; i++) {
        int shift = i * 32 - cut;
        if (shift < 64)
            m |= shift >= 0 ? (uint64_t)a->w[i] << shift : a->w[i] >> -shift;
    }
    if (cut > 0 && cut - 1 <= top) {
        size_t half = (size_t)(cut - 1);
        if (a->w[half / 32] >> half % 32 & 1) {
            left = left || (a->w[half / 32] & ((UINT32_C(1) << half % 32) - 1));
            for (size_t i = 0; i < half / 32 && !left; i++)
                left = a->w[i] != 0;
            m += left || (m & 1);
        }
    }
    double v = ldexp((double)m, last);
    *out = a->neg && v != 0 ? -v : v;
    return isfinite(v);
}

double gn_big_scaled(const gn_big *a, int *exp)
{
    double m;
    *exp = gn_big_top(a);
    (void)gn_big_round(a, -*exp, false, &m);
    return m;
}
