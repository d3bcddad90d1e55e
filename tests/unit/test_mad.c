/* The median absolute deviation against a plain one, beyond what is held in memory too; fences,
 * scores, ints against doubles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>

#include "kernel/fences.h"
#include "kernel/mad.h"

static uint64_t state = 1;
static uint32_t rnd(uint32_t n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % n);
}

static int cmp_ints(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int cmp_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Twice the middle of n sorted ints that are twice what they stand for. */
static double middle(const int64_t *x, size_t n)
{
    return (double)(x[(n - 1) / 2] + x[n / 2]);
}

static void check_ints(gn_mad *m, int64_t *x, size_t n)
{
    gn_err e = {0};
    double median, mad;
    int64_t *d = malloc(n * sizeof *d);
    assert_non_null(d);
    qsort(x, n, sizeof *x, cmp_ints);
    gn_mad_clear(m);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && x[j] == x[i]; j++)
            ;
        assert_int_equal(gn_mad_add(m, x[i], 0, j - i, &e), 0);
    }
    assert_int_equal(gn_mad_value(m, &median, &mad, &e), 1);
    assert_true(median == middle(x, n) / 2);
    for (size_t i = 0; i < n; i++)
        d[i] = (int64_t)fabs(2 * (double)x[i] - middle(x, n));
    qsort(d, n, sizeof *d, cmp_ints);
    assert_true(mad == middle(d, n) / 4);
    free(d);
}

static void of_ints(void **s)
{
    (void)s;
    gn_err e = {0};
    gn_mad *m = gn_mad_new(false, NULL, &e);
    assert_non_null(m);
    double median, mad;
    assert_int_equal(gn_mad_value(m, &median, &mad, &e), 0);
    for (int round = 0; round < 2000; round++) {
        int64_t x[40];
        size_t n = 1 + rnd(40);
        uint32_t spread = 1 + rnd(round % 3 == 0 ? 3 : 1000);
        for (size_t i = 0; i < n; i++)
            x[i] = (int64_t)rnd(spread) - (int64_t)rnd(spread);
        check_ints(m, x, n);
    }
    gn_mad_free(m);
}

static void of_more_than_is_held(void **s)
{
    (void)s;
    gn_err e = {0};
    gn_mad *m = gn_mad_new(false, NULL, &e);
    for (size_t n = GN_MAD_HELD - 1; n < 4 * GN_MAD_HELD; n += GN_MAD_HELD / 2 + 1) {
        int64_t *x = malloc(n * sizeof *x);
        assert_non_null(x);
        for (size_t i = 0; i < n; i++)
            x[i] = (int64_t)rnd(1 << 30) * (int64_t)rnd(100);
        check_ints(m, x, n);
        free(x);
    }
    gn_mad_free(m);
}

static void of_extremes(void **s)
{
    (void)s;
    gn_err e = {0};
    double median, mad;
    gn_mad *m = gn_mad_new(false, NULL, &e);
    assert_int_equal(gn_mad_add(m, INT64_MIN, 0, 1, &e), 0);
    assert_int_equal(gn_mad_add(m, INT64_MAX, 0, 1, &e), 0);
    assert_int_equal(gn_mad_value(m, &median, &mad, &e), 1);
    assert_true(median == -0.5 && mad == 0x1p63);
    gn_mad_clear(m);
    /* So many that the counts need 64 bits. */
    assert_int_equal(gn_mad_add(m, 1, 0, UINT64_MAX / 2, &e), 0);
    assert_int_equal(gn_mad_add(m, 3, 0, UINT64_MAX / 2 + 1, &e), 0);
    assert_int_equal(gn_mad_value(m, &median, &mad, &e), 1);
    assert_true(median == 3 && mad == 0);
    gn_mad_free(m);
    m = gn_mad_new(true, NULL, &e);
    assert_int_equal(gn_mad_add(m, 0, -DBL_MAX, 1, &e), 0);
    assert_int_equal(gn_mad_add(m, 0, DBL_MAX, 1, &e), 0);
    assert_int_equal(gn_mad_value(m, &median, &mad, &e), 1);
    assert_true(median == 0 && mad == DBL_MAX);
    gn_mad_clear(m);
    assert_int_equal(gn_mad_add(m, 0, -DBL_MAX, 1, &e), 0);
    assert_int_equal(gn_mad_add(m, 0, DBL_MAX, 2, &e), 0);
    assert_int_equal(gn_mad_value(m, &median, &mad, &e), 1);
    assert_true(median == DBL_MAX && mad == 0);
    gn_mad_free(m);
}

static void of_floats(void **s)
{
    (void)s;
    gn_err e = {0};
    gn_mad *m = gn_mad_new(true, NULL, &e);
    for (int round = 0; round < 2000; round++) {
        double x[40], median, mad;
        size_t n = 1 + rnd(40);
        for (size_t i = 0; i < n; i++)
            x[i] = ((double)rnd(1000) - 500) / 7;
        qsort(x, n, sizeof *x, cmp_doubles);
        gn_mad_clear(m);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(gn_mad_add(m, 0, x[i], 1, &e), 0);
        assert_int_equal(gn_mad_value(m, &median, &mad, &e), 1);
        double a = x[(n - 1) / 2], want = a + (x[n / 2] - a) * 0.5;
        assert_true(median == want);
        for (size_t i = 0; i < n; i++)
            x[i] = fabs(x[i] - want);
        qsort(x, n, sizeof *x, cmp_doubles);
        a = x[(n - 1) / 2];
        assert_true(mad == a + (x[n / 2] - a) * 0.5);
    }
    gn_mad_free(m);
}

static void fences(void **s)
{
    (void)s;
    gn_fences f;
    assert_true(gn_fences_quartiles(&f, 10, 20, 1.5));
    assert_true(f.lower == -5 && f.upper == 35);
    assert_false(gn_fences_quartiles(&f, 7, 7, 1.5));
    assert_true(f.lower == -INFINITY && f.upper == INFINITY);
    assert_true(gn_fences_quartiles(&f, -DBL_MAX, DBL_MAX, 1.5)); /* beyond a double: no bound */
    assert_true(f.lower == -INFINITY && f.upper == INFINITY);
    assert_true(gn_fences_deviations(&f, 100, 10, 3));
    assert_true(f.lower == 70 && f.upper == 130);
    assert_false(gn_fences_deviations(&f, 100, 0, 3));
    assert_true(gn_fences_robust(&f, 100, GN_ROBUST, 3));
    assert_true(f.lower == 97 && f.upper == 103);
    assert_false(gn_fences_robust(&f, 100, 0, 3));
    assert_true(gn_score(130, 100, 10) == 3 && gn_score(70, 100, 10) == -3);
    assert_true(gn_score_robust(0, DBL_MAX, DBL_MIN) == -DBL_MAX);
    assert_true(gn_score_robust(102, 100, GN_ROBUST) == 2);
}

static void ints_and_doubles(void **s)
{
    (void)s;
    const int64_t big = (INT64_C(1) << 53) + 1; /* no double */
    assert_true(gn_int_above(big, 0x1p53) && !gn_int_below(big, 0x1p53));
    assert_true(gn_int_below(big, 0x1p53 + 2) && !gn_int_above(big, 0x1p53 + 2));
    assert_true(gn_int_below(3, 3.5) && !gn_int_below(4, 3.5) && !gn_int_below(3, 3));
    assert_true(gn_int_above(4, 3.5) && !gn_int_above(3, 3.5) && !gn_int_above(3, 3));
    assert_true(gn_int_below(-4, -3.5) && gn_int_above(-3, -3.5));
    assert_true(gn_int_below(INT64_MAX, 0x1p63) && !gn_int_above(INT64_MAX, 0x1p63));
    assert_true(gn_int_above(INT64_MIN, -0x1p64) && !gn_int_below(INT64_MIN, -0x1p63));
    assert_true(gn_int_below(INT64_MAX, INFINITY) && !gn_int_below(INT64_MIN, -INFINITY));
    assert_true(gn_int_above(INT64_MIN, -INFINITY) && !gn_int_above(INT64_MAX, INFINITY));
    assert_int_equal(gn_int_raised(3.2), 4);
    assert_int_equal(gn_int_raised(0x1p70), INT64_MAX);
    assert_int_equal(gn_int_lowered(3.8), 3);
    assert_int_equal(gn_int_lowered(-3.2), -4);
    assert_int_equal(gn_int_lowered(-0x1p70), INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_ints),     cmocka_unit_test(of_more_than_is_held),
        cmocka_unit_test(of_extremes), cmocka_unit_test(of_floats),
        cmocka_unit_test(fences),      cmocka_unit_test(ints_and_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
