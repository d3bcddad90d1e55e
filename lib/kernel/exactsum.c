/* exactsum.c - see exactsum.h.
 *
 * The superaccumulators are Neal's small one: 64-bit chunks that stand 32 bits apart, so that each
 * has room for many additions before carries must be propagated. A chunk's signed value times
 * 2^(32 i) least values is its share. Propagated, all chunks but the highest are in [0, 2^32):
 * that form is unique, since it is the two's complement of one integer. Instead of error-free
 * pairs, whose low part can underflow, products enter as the integers that they are: 106 bits.
 *
 * What results need (n * squares - sum^2, and a quotient) is done on big integers (bigint.h), once
 * for a result. */
#include "exactsum.h"

#include "../io/mp.h"
#include "bigint.h"

#include <math.h>
#include <string.h>

#define EXTRA 6 /* words below the units: 192 bits */

/* n * q - x * y */
static void centred(gn_big *to, uint64_t n, const gn_big *q, const gn_big *x, const gn_big *y)
{
    gn_big count, product;
    gn_big_from_i128(&count, (gn_i128)n);
    gn_big_mul(to, &count, q);
    gn_big_mul(&product, x, y);
    gn_big_sub(to, &product);
}

/* c = c * 2^exp / (n * (n - 1)) in units of 2^*units; true when something was left over. */
static bool over_degrees(gn_big *c, uint64_t n, int exp, int *units)
{
    *units = exp - 32 * EXTRA;
    if (c->n == 0)
        return false;
    gn_big_extend(c, EXTRA);
    bool left = gn_big_div(c, n);
    return gn_big_div(c, n - 1) || left;
}

static bool quotient(gn_big *c, uint64_t n, int exp, double *out)
{
    int units;
    bool left = over_degrees(c, n, exp, &units);
    return gn_big_round(c, units, left, out);
}

/* The root of that. It may be within range where the variance is not. */
static bool deviation(gn_big *c, uint64_t n, int exp, double *out)
{
    int units;
    bool left = over_degrees(c, n, exp, &units);
    *out = 0;
    if (c->n == 0)
        return true;
    exp = gn_big_top(c);
    double m;
    (void)gn_big_round(c, -exp, left, &m);
    exp += units;
    if (exp & 1) {
        m *= 2;
        exp--;
    }
    *out = ldexp(sqrt(m), exp / 2);
    return isfinite(*out);
}

static bool correlation(const gn_big *xx, const gn_big *yy, const gn_big *xy, double *out)
{
    if (xx->n == 0 || yy->n == 0 || xx->neg || yy->neg)
        return false;
    *out = 0;
    if (xy->n == 0)
        return true;
    int ex, ey, exy;
    double square = gn_big_scaled(xx, &ex) * gn_big_scaled(yy, &ey);
    double r = gn_big_scaled(xy, &exy);
    ex += ey;
    if (ex & 1) {
        square *= 2;
        ex--;
    }
    r = ldexp(r / sqrt(square), exy - ex / 2);
    *out = r > 1 ? 1 : r < -1 ? -1 : r == 0 ? 0 : r;
    return true;
}

/* ---- integers ---- */

static void i192_add(gn_i192 *a, const gn_i192 *b)
{
    uint64_t carry = 0;
    for (int i = 0; i < 3; i++) {
        gn_u128 v = (gn_u128)a->w[i] + b->w[i] + carry;
        a->w[i] = (uint64_t)v;
        carry = (uint64_t)(v >> 64);
    }
}

static void i192_add_i128(gn_i192 *a, gn_i128 v)
{
    gn_i192 b = {{(uint64_t)v, (uint64_t)((gn_u128)v >> 64), v < 0 ? UINT64_MAX : 0}};
    i192_add(a, &b);
}

static gn_i128 add128(gn_i128 a, gn_i128 b)
{
    return (gn_i128)((gn_u128)a + (gn_u128)b);
}

/* v * times modulo 2^192 */
static gn_i192 i192_times(gn_i128 v, uint64_t times)
{
    gn_u128 u = (gn_u128)v, lo = (gn_u128)(uint64_t)u * times;
    gn_u128 hi = (gn_u128)(uint64_t)(u >> 64) * times + (uint64_t)(lo >> 64);
    uint64_t top = (uint64_t)(hi >> 64) - (v < 0 ? times : 0);
    return (gn_i192){{(uint64_t)lo, (uint64_t)hi, top}};
}

void gn_moments_add(gn_moments *m, int64_t x)
{
    m->n++;
    m->sum = add128(m->sum, x);
    i192_add_i128(&m->squares, (gn_i128)x * x);
}

bool gn_moments_add_times(gn_moments *m, int64_t x, uint64_t times)
{
    if (m->n + times < times)
        return false;
    gn_i192 q = i192_times((gn_i128)x * x, times);
    m->n += times;
    m->sum = add128(m->sum, (gn_i128)((gn_u128)(gn_i128)x * times));
    i192_add(&m->squares, &q);
    return true;
}

bool gn_moments_merge(gn_moments *to, const gn_moments *from)
{
    if (to->n + from->n < from->n)
        return false;
    to->n += from->n;
    to->sum = add128(to->sum, from->sum);
    gn_i192 squares = from->squares; /* which may be to's */
    i192_add(&to->squares, &squares);
    return true;
}

static uint8_t *put_i128(uint8_t *p, gn_i128 v)
{
    gn_i128_put(v, p);
    return p + 16;
}

static uint8_t *put_i192(uint8_t *p, const gn_i192 *v)
{
    p = gn_put64(p, v->w[2]);
    p = gn_put64(p, v->w[1]);
    return gn_put64(p, v->w[0]);
}

static gn_i192 get_i192(const uint8_t *p)
{
    return (gn_i192){{gn_be64(p + 16), gn_be64(p + 8), gn_be64(p)}};
}

/* |v| <= n * 2^63 */
static bool sum_fits(gn_i128 v, uint64_t n)
{
    gn_u128 size = v < 0 ? -(gn_u128)v : (gn_u128)v;
    return size <= (gn_u128)n << 63;
}

/* |v| <= n * 2^126 */
static bool products_fit(const gn_i192 *v, uint64_t n)
{
    gn_big a, b;
    uint64_t limit[4] = {0, n << 62, n >> 2, 0};
    gn_big_from_words(&a, v->w, 3);
    gn_big_from_words(&b, limit, 4);
    return gn_big_cmp(&a, &b) <= 0;
}

static bool squares_fit(const gn_i192 *v, uint64_t n)
{
    return v->w[2] >> 63 == 0 && products_fit(v, n);
}

void gn_moments_put(const gn_moments *m, uint8_t out[GN_MOMENTS_WIRE])
{
    (void)put_i192(put_i128(gn_put64(out, m->n), m->sum), &m->squares);
}

bool gn_moments_get(gn_moments *m, const uint8_t in[GN_MOMENTS_WIRE])
{
    gn_moments v = {gn_be64(in), gn_i128_get(in + 8), get_i192(in + 24)};
    *m = v;
    return sum_fits(v.sum, v.n) && squares_fit(&v.squares, v.n);
}

bool gn_moments_mean(const gn_moments *m, double *out)
{
    if (m->n == 0)
        return false;
    *out = gn_ratio(m->sum, m->n);
    return true;
}

/* False where undefined, and for states that no values have. */
static bool moments_centred(const gn_moments *m, gn_big *to)
{
    gn_big q, s;
    if (m->n < 2)
        return false;
    gn_big_from_words(&q, m->squares.w, 3);
    gn_big_from_i128(&s, m->sum);
    centred(to, m->n, &q, &s, &s);
    return !(to->neg && to->n);
}

bool gn_moments_variance(const gn_moments *m, double *out)
{
    gn_big c;
    return moments_centred(m, &c) && quotient(&c, m->n, 0, out);
}

bool gn_moments_stddev(const gn_moments *m, double *out)
{
    gn_big c;
    return moments_centred(m, &c) && deviation(&c, m->n, 0, out);
}

void gn_comoments_add(gn_comoments *m, int64_t x, int64_t y)
{
    m->n++;
    m->sum_x = add128(m->sum_x, x);
    m->sum_y = add128(m->sum_y, y);
    i192_add_i128(&m->xx, (gn_i128)x * x);
    i192_add_i128(&m->yy, (gn_i128)y * y);
    i192_add_i128(&m->xy, (gn_i128)x * y);
}

bool gn_comoments_add_block(gn_comoments *m, const gn_moments *xs, int64_t y)
{
    if (m->n + xs->n < xs->n)
        return false;
    uint64_t size = y < 0 ? -(uint64_t)y : (uint64_t)y;
    gn_i192 yy = i192_times((gn_i128)y * y, xs->n);
    gn_i192 xy = i192_times(y < 0 ? -xs->sum : xs->sum, size);
    m->n += xs->n;
    m->sum_x = add128(m->sum_x, xs->sum);
    m->sum_y = add128(m->sum_y, (gn_i128)((gn_u128)(gn_i128)y * xs->n));
    i192_add(&m->xx, &xs->squares);
    i192_add(&m->yy, &yy);
    i192_add(&m->xy, &xy);
    return true;
}

bool gn_comoments_merge(gn_comoments *to, const gn_comoments *from)
{
    const gn_comoments f = *from; /* which may be to */
    if (to->n + f.n < f.n)
        return false;
    to->n += f.n;
    to->sum_x = add128(to->sum_x, f.sum_x);
    to->sum_y = add128(to->sum_y, f.sum_y);
    i192_add(&to->xx, &f.xx);
    i192_add(&to->yy, &f.yy);
    i192_add(&to->xy, &f.xy);
    return true;
}

void gn_comoments_put(const gn_comoments *m, uint8_t out[GN_COMOMENTS_WIRE])
{
    uint8_t *p = put_i128(put_i128(gn_put64(out, m->n), m->sum_x), m->sum_y);
    (void)put_i192(put_i192(put_i192(p, &m->xx), &m->yy), &m->xy);
}

bool gn_comoments_get(gn_comoments *m, const uint8_t in[GN_COMOMENTS_WIRE])
{
    gn_comoments v = {gn_be64(in),       gn_i128_get(in + 8), gn_i128_get(in + 24),
                      get_i192(in + 40), get_i192(in + 64),   get_i192(in + 88)};
    *m = v;
    return sum_fits(v.sum_x, v.n) && sum_fits(v.sum_y, v.n) && squares_fit(&v.xx, v.n) &&
           squares_fit(&v.yy, v.n) && products_fit(&v.xy, v.n);
}

bool gn_comoments_add_times(gn_comoments *m, int64_t x, int64_t y, uint64_t times)
{
    if (m->n + times < times)
        return false;
    gn_i192 xx = i192_times((gn_i128)x * x, times), yy = i192_times((gn_i128)y * y, times);
    gn_i192 xy = i192_times((gn_i128)x * y, times);
    m->n += times;
    m->sum_x = add128(m->sum_x, (gn_i128)((gn_u128)(gn_i128)x * times));
    m->sum_y = add128(m->sum_y, (gn_i128)((gn_u128)(gn_i128)y * times));
    i192_add(&m->xx, &xx);
    i192_add(&m->yy, &yy);
    i192_add(&m->xy, &xy);
    return true;
}

static void comoments_centred(const gn_comoments *m, const gn_i192 *q, gn_i128 x, gn_i128 y,
                              gn_big *to)
{
    gn_big a, b, c;
    gn_big_from_words(&a, q->w, 3);
    gn_big_from_i128(&b, x);
    gn_big_from_i128(&c, y);
    centred(to, m->n, &a, &b, &c);
}

bool gn_comoments_covariance(const gn_comoments *m, double *out)
{
    gn_big c;
    if (m->n < 2)
        return false;
    comoments_centred(m, &m->xy, m->sum_x, m->sum_y, &c);
    return quotient(&c, m->n, 0, out);
}

bool gn_comoments_correlation(const gn_comoments *m, double *out)
{
    gn_big xx, yy, xy;
    if (m->n < 2)
        return false;
    comoments_centred(m, &m->xx, m->sum_x, m->sum_x, &xx);
    comoments_centred(m, &m->yy, m->sum_y, m->sum_y, &yy);
    comoments_centred(m, &m->xy, m->sum_x, m->sum_y, &xy);
    return correlation(&xx, &yy, &xy, out);
}

/* ---- floats ---- */

/* An addition moves a chunk by less than 2^53, and from propagated chunks this many stay below
 * 2^63, twice over for merging. */
#define PENDING_MAX 256

#define FSUM_EXP GN_FSUM_EXP
#define FPROD_EXP (2 * GN_FSUM_EXP)

static void propagate(int64_t *chunk, size_t n)
{
    int64_t carry = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        int64_t v = chunk[i] + carry;
        chunk[i] = v & 0xffffffff;
        carry = v >> 32;
    }
    chunk[n - 1] += carry;
}

/* +-m * 2^shift least values. */
static inline void spread(int64_t *chunk, int shift, gn_u128 m, bool neg)
{
    const int64_t s = neg ? -1 : 0;
    const unsigned off = (unsigned)shift & 31;
    int64_t *c = chunk + (shift >> 5);
    gn_u128 rest = m >> (32 - off);
    c[0] += ((int64_t)((uint32_t)m << off) ^ s) - s;
    c[1] += ((int64_t)(uint32_t)rest ^ s) - s;
    c[2] += ((int64_t)(uint32_t)(rest >> 32) ^ s) - s;
    c[3] += ((int64_t)(rest >> 64) ^ s) - s;
}

/* |x| = *m * 2^(*shift - 1074) */
static inline bool take_apart(double x, uint64_t *m, int *shift)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52 & 0x7ff);
    *m = (bits & ((UINT64_C(1) << 52) - 1)) | (uint64_t)(e != 0) << 52;
    *shift = e ? e - 1 : 0;
    return bits >> 63;
}

void gn_fsum_add(gn_fsum *s, double x)
{
    uint64_t m;
    int shift;
    bool neg = take_apart(x, &m, &shift);
    /* As `spread`, for the 53 bits that a double has. */
    const int64_t sign = neg ? -1 : 0;
    const unsigned off = (unsigned)shift & 31;
    int64_t *c = s->chunk + (shift >> 5);
    c[0] += ((int64_t)((uint32_t)m << off) ^ sign) - sign;
    c[1] += ((int64_t)(m >> (32 - off)) ^ sign) - sign;
    s->n++;
    if (++s->pending == PENDING_MAX) {
        propagate(s->chunk, GN_FSUM_CHUNKS);
        s->pending = 0;
    }
}

void gn_fsum_add_all(gn_fsum *s, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        gn_fsum_add(s, x[i]);
}

bool gn_fsum_add_times(gn_fsum *s, double x, uint64_t times)
{
    uint64_t m;
    int shift;
    if (s->n + times < times)
        return false;
    bool neg = take_apart(x, &m, &shift);
    spread(s->chunk, shift, (gn_u128)m * times, neg);
    s->n += times;
    if (++s->pending == PENDING_MAX) {
        propagate(s->chunk, GN_FSUM_CHUNKS);
        s->pending = 0;
    }
    return true;
}

void gn_fprod_add(gn_fprod *s, double x, double y)
{
    uint64_t mx, my;
    int sx, sy;
    bool neg = take_apart(x, &mx, &sx);
    neg ^= take_apart(y, &my, &sy);
    spread(s->chunk, sx + sy, (gn_u128)mx * my, neg);
    s->n++;
    if (++s->pending == PENDING_MAX) {
        propagate(s->chunk, GN_FPROD_CHUNKS);
        s->pending = 0;
    }
}

bool gn_fprod_add_times(gn_fprod *s, double x, double y, uint64_t times)
{
    if (s->n + times < times)
        return false;
    if (times < 64) { /* as fast as what follows */
        for (uint64_t i = 0; i < times; i++)
            gn_fprod_add(s, x, y);
        return true;
    }
    gn_fprod sum = {0};
    for (int bit = 63 - __builtin_clzll(times); bit >= 0; bit--) {
        const gn_fprod twice = sum;
        (void)gn_fprod_merge(&sum, &twice);
        if (times >> bit & 1)
            gn_fprod_add(&sum, x, y);
    }
    return gn_fprod_merge(s, &sum);
}

static void merge(int64_t *to, uint32_t *pending, const int64_t *from, uint32_t more, size_t n)
{
    if (*pending + more + 1 >= PENDING_MAX) {
        propagate(to, n);
        *pending = 0;
    }
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
    *pending += more + 1;
    if (*pending >= PENDING_MAX) {
        propagate(to, n);
        *pending = 0;
    }
}

bool gn_fsum_merge(gn_fsum *to, const gn_fsum *from)
{
    if (to->n + from->n < from->n)
        return false;
    to->n += from->n;
    merge(to->chunk, &to->pending, from->chunk, from->pending, GN_FSUM_CHUNKS);
    return true;
}

bool gn_fprod_merge(gn_fprod *to, const gn_fprod *from)
{
    if (to->n + from->n < from->n)
        return false;
    to->n += from->n;
    merge(to->chunk, &to->pending, from->chunk, from->pending, GN_FPROD_CHUNKS);
    return true;
}

static void big_from_chunks(gn_big *b, const int64_t *chunk, size_t n)
{
    int64_t c[GN_FPROD_CHUNKS];
    memcpy(c, chunk, n * sizeof *c);
    propagate(c, n);
    /* The highest chunk says the sign; its value is within 32 bits, as the count is within 64. */
    b->neg = c[n - 1] < 0;
    b->n = n;
    uint64_t carry = b->neg;
    for (size_t i = 0; i < n; i++) {
        uint32_t v = (uint32_t)c[i];
        carry += b->neg ? ~v : v;
        b->w[i] = (uint32_t)carry;
        carry >>= 32;
    }
    gn_big_trim(b);
}

void gn_moments_big(const gn_moments *m, gn_big *sum, gn_big *squares)
{
    gn_big_from_i128(sum, m->sum);
    gn_big_from_words(squares, m->squares.w, 3);
}

static void from_fsum(gn_big *b, const gn_fsum *s)
{
    big_from_chunks(b, s->chunk, GN_FSUM_CHUNKS);
}

static void from_fprod(gn_big *b, const gn_fprod *s)
{
    big_from_chunks(b, s->chunk, GN_FPROD_CHUNKS);
}

void gn_fsum_big(const gn_fsum *s, const gn_fprod *squares, gn_big *sum, gn_big *sum_squares)
{
    from_fsum(sum, s);
    from_fprod(sum_squares, squares);
}

bool gn_fsum_value(const gn_fsum *s, double *out)
{
    gn_big b;
    from_fsum(&b, s);
    return gn_big_round(&b, FSUM_EXP, false, out);
}

bool gn_fprod_value(const gn_fprod *s, double *out)
{
    gn_big b;
    from_fprod(&b, s);
    return gn_big_round(&b, FPROD_EXP, false, out);
}

bool gn_fsum_mean(const gn_fsum *s, double *out)
{
    gn_big b;
    if (s->n == 0)
        return false;
    from_fsum(&b, s);
    gn_big_extend(&b, EXTRA);
    bool left = gn_big_div(&b, s->n);
    return gn_big_round(&b, FSUM_EXP - 32 * EXTRA, left, out);
}

/* ---- wire form of floats ---- */

static size_t put_big(uint64_t n, const gn_big *b, uint8_t *out)
{
    uint8_t *p = gn_put64(out, n);
    if (b->n == 0)
        return (size_t)(p - out);
    size_t low = 0;
    while (b->w[low] == 0)
        low++;
    *p++ = b->neg;
    *p++ = (uint8_t)low;
    for (size_t i = b->n; i-- > low;)
        p = gn_put32(p, b->w[i]);
    return (size_t)(p - out);
}

/* `bits`: more than a single value can have. */
static bool get_big(const uint8_t *in, size_t len, int bits, uint64_t *n, int64_t *chunk,
                    size_t chunks)
{
    if (len < 8)
        return false;
    *n = gn_be64(in);
    if (len == 8)
        return true;
    if (len < 14 || (len - 10) % 4 != 0 || in[8] > 1 || *n == 0)
        return false;
    size_t low = in[9], words = (len - 10) / 4;
    if (low + words > chunks || gn_be32(in + 10) == 0 || gn_be32(in + len - 4) == 0)
        return false;
    int64_t carry = in[8];
    for (size_t i = 0; i < chunks; i++) {
        uint32_t w = i >= low && i < low + words ? gn_be32(in + len - 4 * (i - low + 1)) : 0;
        carry += in[8] ? ~w : w;
        chunk[i] = carry & 0xffffffff;
        carry >>= 32;
    }
    if (in[8]) /* the highest chunk has the sign */
        chunk[chunks - 1] -= INT64_C(1) << 32;
    int top = (int)(low + words) * 32 - __builtin_clz(gn_be32(in + 10));
    return top <= bits + 64 - __builtin_clzll(*n);
}

size_t gn_fsum_put(const gn_fsum *s, uint8_t out[GN_FSUM_WIRE])
{
    gn_big b;
    from_fsum(&b, s);
    return put_big(s->n, &b, out);
}

bool gn_fsum_get(gn_fsum *s, const uint8_t *in, size_t n)
{
    memset(s, 0, sizeof *s);
    return get_big(in, n, 1074 + 1024, &s->n, s->chunk, GN_FSUM_CHUNKS);
}

size_t gn_fprod_put(const gn_fprod *s, uint8_t out[GN_FPROD_WIRE])
{
    gn_big b;
    from_fprod(&b, s);
    return put_big(s->n, &b, out);
}

bool gn_fprod_get(gn_fprod *s, const uint8_t *in, size_t n)
{
    memset(s, 0, sizeof *s);
    return get_big(in, n, 2148 + 2048, &s->n, s->chunk, GN_FPROD_CHUNKS);
}

/* ---- moments of floats ---- */

/* n * q - x * y; false when these do not belong together. */
static bool fsum_centred(const gn_fsum *x, const gn_fsum *y, const gn_fprod *q, gn_big *to)
{
    gn_big a, b, c;
    if (x->n < 2 || x->n != y->n || x->n != q->n)
        return false;
    from_fprod(&a, q);
    from_fsum(&b, x);
    from_fsum(&c, y);
    centred(to, x->n, &a, &b, &c);
    return true;
}

bool gn_fsum_variance(const gn_fsum *x, const gn_fprod *xx, double *out)
{
    gn_big c;
    return fsum_centred(x, x, xx, &c) && !(c.neg && c.n) && quotient(&c, x->n, FPROD_EXP, out);
}

bool gn_fsum_stddev(const gn_fsum *x, const gn_fprod *xx, double *out)
{
    gn_big c;
    return fsum_centred(x, x, xx, &c) && !(c.neg && c.n) && deviation(&c, x->n, FPROD_EXP, out);
}

bool gn_fsum_covariance(const gn_fsum *x, const gn_fsum *y, const gn_fprod *xy, double *out)
{
    gn_big c;
    return fsum_centred(x, y, xy, &c) && quotient(&c, x->n, FPROD_EXP, out);
}

bool gn_fsum_correlation(const gn_fsum *x, const gn_fsum *y, const gn_fprod *xx, const gn_fprod *yy,
                         const gn_fprod *xy, double *out)
{
    gn_big a, b, c;
    return fsum_centred(x, x, xx, &a) && fsum_centred(y, y, yy, &b) && fsum_centred(x, y, xy, &c) &&
           correlation(&a, &b, &c, out);
}
