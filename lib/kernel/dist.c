/* dist.c - see dist.h. */
#include "dist.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- pairs of doubles ---- */

/* hi + lo, |lo| <= half an ulp of hi. */
typedef struct pair {
    double hi, lo;
} pair;

static const pair one = {1, 0};
static const pair ln2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
static const pair half_ln_2pi = {0x1.d67f1c864beb5p-1, -0x1.65b5a1b7ff5dfp-55};

static pair of(double x)
{
    return (pair){x, 0};
}

/* |a| >= |b| */
static pair ordered_sum(double a, double b)
{
    double s = a + b;
    return (pair){s, b - (s - a)};
}

static pair sum(double a, double b)
{
    double s = a + b, t = s - a;
    return (pair){s, (a - (s - t)) + (b - t)};
}

/* x in two halves of 26 bits. */
static pair halves(double x)
{
    double t = 134217729 * x, hi = t - (t - x);
    return (pair){hi, x - hi};
}

static pair product(double a, double b)
{
    double p = a * b;
    pair x = halves(a), y = halves(b);
    return (pair){p, ((x.hi * y.hi - p) + x.hi * y.lo + x.lo * y.hi) + x.lo * y.lo};
}

static pair add(pair a, pair b)
{
    pair s = sum(a.hi, b.hi), t = sum(a.lo, b.lo);
    s = ordered_sum(s.hi, s.lo + t.hi);
    return ordered_sum(s.hi, s.lo + t.lo);
}

static pair neg(pair a)
{
    return (pair){-a.hi, -a.lo};
}

static pair sub(pair a, pair b)
{
    return add(a, neg(b));
}

static pair mul(pair a, pair b)
{
    pair p = product(a.hi, b.hi);
    return ordered_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

static pair div_pair(pair a, pair b)
{
    double q = a.hi / b.hi;
    pair r = sub(a, mul(b, of(q)));
    double q2 = r.hi / b.hi;
    r = sub(r, mul(b, of(q2)));
    pair s = ordered_sum(q, q2);
    return add(s, of(r.hi / b.hi));
}

static pair scaled(pair a, int exp)
{
    return (pair){ldexp(a.hi, exp), ldexp(a.lo, exp)};
}

/* x > 0: x = m 2^e with m in [sqrt 1/2, sqrt 2), ln m = 2 artanh((m - 1) / (m + 1)). */
static pair ln(pair x)
{
    int e;
    double m = frexp(x.hi, &e);
    if (m < 0.70710678118654752)
        e--;
    x = scaled(x, -e);
    pair s = div_pair(sub(x, one), add(x, one)), s2 = mul(s, s), total = of(0);
    for (int k = 45; k >= 3; k -= 2) /* s^2 < 0.0295: the next term is below 2^-240 */
        total = mul(s2, add(total, div_pair(one, of(k))));
    total = mul(add(s, mul(s, total)), of(2));
    return add(total, mul(ln2, of(e)));
}

/* x <= 0; from e^(x / 1024) by ten squarings, which cost ten of the 106 bits. */
static double exp_of(pair x)
{
    if (x.hi < -800) /* below 2^-1075 */
        return 0;
    int e = (int)(x.hi / ln2.hi - 0.5);
    pair r = scaled(sub(x, mul(ln2, of(e))), -10), t = of(0);
    for (int k = 10; k >= 1; k--) /* |r| < 0.0004: the next term is below 2^-140 */
        t = mul(div_pair(r, of(k)), add(t, one));
    for (int i = 0; i < 10; i++) /* of e^r - 1, which keeps the small part */
        t = add(mul(t, of(2)), mul(t, t));
    return ldexp(add(t, one).hi, e);
}

/* ln gamma(a), a > 0: Stirling's series from 24 on, the recurrence below. */
static pair ln_gamma(pair a)
{
    /* B_2k / (2k (2k - 1)) as numerator and denominator */
    static const double b[][2] = {{1, 12},           {-1, 360},       {1, 1260},
                                  {-1, 1680},        {1, 1188},       {-691, 360360},
                                  {1, 156},          {-3617, 122400}, {43867, 244188},
                                  {-174611, 125400}, {77683, 5796},   {-236364091, 1506960},
                                  {657931, 300}};
    pair shift = one;
    while (a.hi < 24) {
        shift = mul(shift, a);
        a = add(a, one);
    }
    pair z2 = mul(a, a), series = of(0);
    for (size_t k = sizeof b / sizeof *b; k-- > 0;)
        series = add(div_pair(series, z2), div_pair(of(b[k][0]), of(b[k][1])));
    pair r = sub(mul(sub(a, of(0.5)), ln(a)), a);
    return sub(add(add(r, half_ln_2pi), div_pair(series, a)), ln(shift));
}

/* ---- continued fractions ---- */

#define TERMS_MAX 10000000
#define ENOUGH 1e-18

/* b0 + a1 / (b1 + a2 / (b2 + ...)), by Lentz: the quotient of numerators, that of denominators, and
 * their product so far. Zero-initialise but for value and c = b0. */
typedef struct lentz {
    pair value, c, d;
} lentz;

static pair not_zero(pair x)
{
    return x.hi == 0 ? of(1e-300) : x;
}

/* True when the term made no difference. */
static bool lentz_next(lentz *l, pair a, pair b)
{
    l->d = div_pair(one, not_zero(add(b, mul(a, l->d))));
    l->c = not_zero(add(b, div_pair(a, l->c)));
    pair change = mul(l->c, l->d);
    l->value = mul(l->value, change);
    return fabs(change.hi - 1 + change.lo) < ENOUGH;
}

/* I_x(a, b) for x below about a / (a + b); y = 1 - x. */
static double beta_fraction(pair x, pair y, pair a, pair b)
{
    pair ab = add(a, b);
    lentz l = {one, one, of(0)};
    for (int m = 0; m < TERMS_MAX; m++) {
        pair am = add(a, of(m)), am2 = add(am, of(m));
        pair odd = neg(div_pair(mul(mul(am, add(ab, of(m))), x), mul(am2, add(am2, one))));
        pair even = div_pair(mul(mul(of(m + 1), sub(b, of(m + 1))), x),
                             mul(add(am2, one), add(am2, of(2))));
        bool last = lentz_next(&l, odd, one);
        if (lentz_next(&l, even, one) && last)
            break;
    }
    pair log_of = add(mul(a, ln(x)), mul(b, ln(y)));
    log_of = add(log_of, sub(ln_gamma(ab), add(ln_gamma(a), ln_gamma(b))));
    /* the fraction and a into the exponent: either may be large where the whole is small */
    return exp_of(sub(log_of, ln(mul(a, l.value))));
}

/* I_x(a, b), y = 1 - x. */
static double beta(pair x, pair y, pair a, pair b)
{
    if (x.hi <= 0)
        return 0;
    if (y.hi <= 0)
        return 1;
    if (x.hi * (a.hi + b.hi + 2) < a.hi + 1)
        return beta_fraction(x, y, a, b);
    return 1 - beta_fraction(y, x, b, a);
}

/* e^-x x^a / gamma(a) * factor */
static double gamma_front(pair a, pair x, pair factor)
{
    return exp_of(add(sub(sub(mul(a, ln(x)), x), ln_gamma(a)), ln(factor)));
}

/* Q(a, x) */
static double upper_gamma(pair a, pair x)
{
    if (x.hi <= 0)
        return 1;
    if (x.hi < a.hi + 1) {
        pair term = div_pair(one, a), total = term, at = a;
        for (int k = 0; k < TERMS_MAX && term.hi > total.hi * ENOUGH; k++) {
            at = add(at, one);
            term = mul(term, div_pair(x, at));
            total = add(total, term);
        }
        return 1 - gamma_front(a, x, total);
    }
    pair b = add(sub(x, a), one);
    lentz l = {b, b, of(0)};
    for (int k = 1; k < TERMS_MAX; k++) {
        b = add(b, of(2));
        if (lentz_next(&l, mul(of(k), sub(a, of(k))), b))
            break;
    }
    return gamma_front(a, x, div_pair(one, l.value));
}

/* ---- tails ---- */

double gn_dist_f(double f, double df1, double df2)
{
    if (isinf(f))
        return 0;
    if (!(f > 0))
        return 1;
    /* x = df2 / (df2 + df1 f), out of the way of overflow */
    double scale = f > 1e200 ? 0x1p-500 : 1;
    pair b = product(df1, f * scale), a = of(df2 * scale), whole = add(a, b);
    return beta(div_pair(a, whole), div_pair(b, whole), of(df2 / 2), of(df1 / 2));
}

double gn_dist_t(double t, double df)
{
    if (fabs(t) > 1e150) /* its square is beyond the doubles */
        return 0;
    pair b = product(t, t), a = of(df), whole = add(a, b);
    return beta(div_pair(a, whole), div_pair(b, whole), of(df / 2), of(0.5));
}

double gn_dist_correlation(double r, double n)
{
    pair square = product(r, r);
    return beta(sub(one, square), square, of((n - 2) / 2), of(0.5));
}

double gn_dist_chi2(double x, double df)
{
    return isinf(x) ? 0 : upper_gamma(of(df / 2), of(x / 2));
}

double gn_dist_normal(double z)
{
    if (fabs(z) > 40) /* below 2^-1075 */
        return z > 0 ? 0 : 1;
    pair x = product(z, z);
    double both = upper_gamma(of(0.5), scaled(x, -1));
    return z > 0 ? both / 2 : 1 - both / 2;
}
