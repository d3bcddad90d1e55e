#include "kernel/anova.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

static gn_moments group(const int64_t *x, size_t n)
{
    gn_moments m = {0};
    for (size_t i = 0; i < n; i++)
        gn_moments_add(&m, x[i]);
    return m;
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 4e-16 * fabs(want)))
        fail_msg("got %.17g, want %.17g", got, want);
}

/* Three groups, whose sums of squares are 84 between and 68 within. */
static void test_example(void **state)
{
    (void)state;
    static const int64_t x[3][6] = {
        {6, 8, 4, 5, 3, 4}, {8, 12, 9, 11, 6, 8}, {13, 9, 11, 8, 7, 12}};
    gn_anova a = {0};
    double f, eta;
    for (int g = 0; g < 3; g++) {
        gn_moments m = group(x[g], 6);
        assert_true(gn_anova_add_ints(&a, &m));
    }
    assert_true(gn_anova_f(&a, &f));
    assert_true(gn_anova_eta_squared(&a, &eta));
    near(f, 84.0 / 2 / (68.0 / 15));
    near(eta, 84.0 / 152);
    /* floats, of any size: the same ratios */
    for (int exp = -500; exp <= 500; exp += 250) {
        gn_anova b = {0};
        for (int g = 2; g >= 0; g--) {
            gn_fsum s = {0};
            gn_fprod q = {0};
            for (int i = 0; i < 6; i++) {
                double v = ldexp((double)x[g][i], exp);
                gn_fsum_add(&s, v);
                gn_fprod_add(&q, v, v);
            }
            assert_true(gn_anova_add_floats(&b, &s, &q));
        }
        double f2, eta2;
        assert_true(gn_anova_f(&b, &f2) && gn_anova_eta_squared(&b, &eta2));
        assert_true(f == f2 && eta == eta2);
    }
}

/* Where doubles would cancel to nothing. */
static void test_offset(void **state)
{
    (void)state;
    const int64_t o = INT64_MAX - 100;
    static const int64_t x[2][3] = {{1, 2, 3}, {2, 3, 4}};
    gn_anova a = {0};
    double f, eta;
    for (int g = 0; g < 2; g++) {
        int64_t v[3] = {o + x[g][0], o + x[g][1], o + x[g][2]};
        gn_moments m = group(v, 3);
        assert_true(gn_anova_add_ints(&a, &m));
    }
    assert_true(gn_anova_f(&a, &f));
    assert_true(gn_anova_eta_squared(&a, &eta));
    near(f, 1.5);
    near(eta, 1.5 / 5.5);
}

/* Means that differ by 1 in 10^18 of a unit. */
static void test_small_effect(void **state)
{
    (void)state;
    const uint64_t n = UINT64_C(1000000007), k = UINT64_C(1000000009);
    gn_moments a = {0}, b = {0};
    assert_true(gn_moments_add_times(&a, 0, n - 1) && gn_moments_add_times(&a, 1, 1));
    assert_true(gn_moments_add_times(&b, 0, k - 1) && gn_moments_add_times(&b, 1, 1));
    gn_anova v = {0};
    double f, eta;
    assert_true(gn_anova_add_ints(&v, &a) && gn_anova_add_ints(&v, &b));
    assert_true(gn_anova_f(&v, &f));
    assert_true(gn_anova_eta_squared(&v, &eta));
    /* between = (2 / (n k))^2 n k / N, total = 2 - 4 / N */
    double nk = (double)n * (double)k, all = (double)(n + k);
    double between = 4 / nk / all, total = 2 - 4 / all;
    assert_true(fabs(eta / (between / total) - 1) < 1e-14);
    assert_true(fabs(f / (between / total * all) - 1) < 1e-8);
}

static void test_undefined(void **state)
{
    (void)state;
    static const int64_t same[] = {5, 5, 5}, other[] = {7, 7}, x[] = {1, 2, 3};
    gn_moments s = group(same, 3), o = group(other, 2), v = group(x, 3), none = {0};
    double f, eta;
    gn_anova a = {0};
    assert_false(gn_anova_f(&a, &f) || gn_anova_eta_squared(&a, &eta));
    assert_true(gn_anova_add_ints(&a, &v) && gn_anova_add_ints(&a, &none));
    assert_int_equal(a.groups, 1);
    assert_false(gn_anova_f(&a, &f));
    assert_true(gn_anova_eta_squared(&a, &eta) && eta == 0); /* one group explains nothing */
    gn_anova b = {0};
    assert_true(gn_anova_add_ints(&b, &s) && gn_anova_add_ints(&b, &s));
    assert_false(gn_anova_f(&b, &f) || gn_anova_eta_squared(&b, &eta));
    assert_true(gn_anova_add_ints(&b, &o)); /* groups differ, and do not vary */
    assert_false(gn_anova_f(&b, &f));
    assert_true(gn_anova_eta_squared(&b, &eta) && eta == 1);
    gn_anova c = {0};
    assert_true(gn_anova_add_ints(&c, &v) && gn_anova_add_ints(&c, &v)); /* equal means */
    assert_true(gn_anova_f(&c, &f) && f == 0 && gn_anova_eta_squared(&c, &eta) && eta == 0);
}

/* A value many times is that value many times. */
static void test_times(void **state)
{
    (void)state;
    static const uint64_t times[] = {0, 1, 2, 63, 64, 65, 1000, 4097};
    static const int64_t x[] = {0, -1, 7, INT64_MIN, INT64_MAX, -300000};
    static const double d[] = {0.1, -1e300, 5e-324, 12345.678};
    gn_comoments a = {0}, b = {0};
    gn_fprod p = {0}, q = {0};
    for (size_t t = 0; t < 8; t++) {
        for (size_t i = 0; i < 6; i++) {
            int64_t y = x[(i + t) % 6];
            assert_true(gn_comoments_add_times(&a, x[i], y, times[t]));
            for (uint64_t k = 0; k < times[t]; k++)
                gn_comoments_add(&b, x[i], y);
        }
        for (size_t i = 0; i < 4; i++) {
            assert_true(gn_fprod_add_times(&p, d[i], d[(i + t) % 4], times[t]));
            for (uint64_t k = 0; k < times[t]; k++)
                gn_fprod_add(&q, d[i], d[(i + t) % 4]);
        }
    }
    uint8_t wa[GN_COMOMENTS_WIRE], wb[GN_COMOMENTS_WIRE], wp[GN_FPROD_WIRE], wq[GN_FPROD_WIRE];
    gn_comoments_put(&a, wa);
    gn_comoments_put(&b, wb);
    assert_memory_equal(wa, wb, sizeof wa);
    size_t np = gn_fprod_put(&p, wp), nq = gn_fprod_put(&q, wq);
    assert_int_equal(np, nq);
    assert_memory_equal(wp, wq, np);
    assert_false(gn_comoments_add_times(&a, 1, 1, UINT64_MAX));
    assert_false(gn_fprod_add_times(&p, 1, 1, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),      cmocka_unit_test(test_offset),
        cmocka_unit_test(test_small_effect), cmocka_unit_test(test_undefined),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
