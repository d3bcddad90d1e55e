/* anova.c - see anova.h. */
#include "anova.h"

#include <math.h>

#define EXTRA 12 /* words below the units: 384 bits */

/* S_g / n_g unlike that of the first group? */
static bool other_mean(const gn_anova *a, const gn_big *sum, uint64_t n)
{
    gn_big count, x, y;
    gn_big_from_i128(&count, a->first_n);
    gn_big_mul(&x, sum, &count);
    gn_big_from_i128(&count, n);
    gn_big_mul(&y, &a->first_sum, &count);
    return gn_big_cmp(&x, &y) != 0 || (x.n && x.neg != y.neg);
}

/* n Q unlike S^2? */
static bool varies(const gn_big *square, const gn_big *squares, uint64_t n)
{
    gn_big count, x;
    gn_big_from_i128(&count, n);
    gn_big_mul(&x, squares, &count);
    return gn_big_cmp(&x, square) != 0;
}

static bool add(gn_anova *a, uint64_t n, const gn_big *sum, const gn_big *squares)
{
    gn_big square;
    if (a->n + n < n)
        return false;
    if (a->groups == 0) {
        a->first_n = n;
        a->first_sum = *sum;
    }
    gn_big_mul(&square, sum, sum);
    a->means_differ = a->means_differ || other_mean(a, sum, n);
    a->groups_vary = a->groups_vary || varies(&square, squares, n);
    a->groups++;
    a->n += n;
    gn_big_add(&a->sum, sum);
    gn_big_add(&a->squares, squares);
    gn_big_extend(&square, EXTRA);
    (void)gn_big_div(&square, n);
    gn_big_add(&a->means, &square);
    return true;
}

bool gn_anova_add_ints(gn_anova *a, const gn_moments *group)
{
    gn_big sum, squares;
    if (group->n == 0)
        return true;
    gn_moments_big(group, &sum, &squares);
    return add(a, group->n, &sum, &squares);
}

bool gn_anova_add_floats(gn_anova *a, const gn_fsum *s, const gn_fprod *q)
{
    gn_big sum, squares;
    if (s->n == 0)
        return true;
    gn_fsum_big(s, q, &sum, &squares);
    return add(a, s->n, &sum, &squares);
}

/* S^2 / N */
static void mean_square(const gn_anova *a, gn_big *to)
{
    gn_big_mul(to, &a->sum, &a->sum);
    gn_big_extend(to, EXTRA);
    (void)gn_big_div(to, a->n);
}

/* x / y, of which each is rounded once; y is not 0. */
static double quotient(const gn_big *x, const gn_big *y)
{
    int ex, ey;
    if (x->n == 0)
        return 0;
    double q = gn_big_scaled(x, &ex) / gn_big_scaled(y, &ey);
    return ldexp(q, ex - ey);
}

static void between(const gn_anova *a, gn_big *to)
{
    gn_big mean;
    *to = (gn_big){0};
    if (!a->means_differ)
        return;
    *to = a->means;
    mean_square(a, &mean);
    gn_big_sub(to, &mean);
}

static void within(const gn_anova *a, gn_big *to)
{
    *to = (gn_big){0};
    if (!a->groups_vary)
        return;
    *to = a->squares;
    gn_big_extend(to, EXTRA);
    gn_big_sub(to, &a->means);
}

bool gn_anova_eta_squared(const gn_anova *a, double *out)
{
    gn_big part, whole, mean;
    if (!a->means_differ && !a->groups_vary)
        return false;
    *out = 1;
    if (!a->groups_vary)
        return true;
    between(a, &part);
    mean_square(a, &mean);
    whole = a->squares;
    gn_big_extend(&whole, EXTRA);
    gn_big_sub(&whole, &mean);
    *out = quotient(&part, &whole);
    return true;
}

bool gn_anova_f(const gn_anova *a, double *out)
{
    gn_big x, y;
    if (a->groups < 2 || a->n <= a->groups || !a->groups_vary)
        return false;
    between(a, &x);
    within(a, &y);
    *out = quotient(&x, &y) / (double)(a->groups - 1) * (double)(a->n - a->groups);
    return true;
}
