#include "kernel/dist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static double tail(char kind, double x, double df1, double df2)
{
    switch (kind) {
    case 'F':
        return gn_dist_f(x, df1, df2);
    case 'C':
        return gn_dist_chi2(x, df1);
    default:
        return gn_dist_normal(x);
    }
}

/* Within 1e-14 of itself, and a unit of the smallest double. */
static void same_tail(const char *what, double got, double want, double within)
{
    if (!(fabs(got - want) <= want * within + 0x1p-1074))
        fail_msg("%s: got %.17g, want %.17g, off by %.2g", what, got, want,
                 fabs(got - want) / want);
}

static void test_oracle(void **state)
{
    (void)state;
    const char *py = getenv("PYTHON");
    char cmd[300], *line = NULL;
    size_t size = 0, lines = 0;
    snprintf(cmd, sizeof cmd, "%s tests/oracle/dist_table.py", py ? py : "/usr/bin/python3");
    FILE *f = popen(cmd, "r");
    assert_non_null(f);
    for (; getline(&line, &size, f) > 0; lines++) {
        char *at = line + 1;
        double v[4];
        for (int i = 0; i < 4; i++)
            v[i] = strtod(at, &at);
        line[strcspn(line, "\n")] = 0;
        same_tail(line, tail(line[0], v[0], v[1], v[2]), v[3], 1e-14);
    }
    free(line);
    assert_int_equal(pclose(f), 0);
    assert_true(lines > 400);
}

/* Critical values as printed in tables: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.
 */
static void test_published(void **state)
{
    (void)state;
    static const struct {
        char kind;
        double x, df1, df2, tail;
    } t[] = {
        {'N', 1.960, 0, 0, 0.025},    {'N', 2.576, 0, 0, 0.005},     {'N', 3.090, 0, 0, 0.001},
        {'C', 3.841, 1, 0, 0.05},     {'C', 18.307, 10, 0, 0.05},    {'C', 23.209, 10, 0, 0.01},
        {'C', 124.342, 100, 0, 0.05}, {'C', 149.449, 100, 0, 0.001}, {'F', 161.448, 1, 1, 0.05},
        {'F', 4.965, 1, 10, 0.05},    {'F', 3.326, 5, 10, 0.05},     {'F', 5.636, 5, 10, 0.01},
        {'F', 2.305, 5, 100, 0.05},   {'F', 3.206, 5, 100, 0.01},
    };
    char what[50];
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        snprintf(what, sizeof what, "%c %g %g %g", t[i].kind, t[i].x, t[i].df1, t[i].df2);
        same_tail(what, tail(t[i].kind, t[i].x, t[i].df1, t[i].df2), t[i].tail, 2e-3);
    }
    /* Student's t, two tails */
    same_tail("t 1", gn_dist_t(12.706, 1), 0.05, 1e-4);
    same_tail("t 10", gn_dist_t(2.228, 10), 0.05, 1e-3);
    same_tail("t 10", gn_dist_t(-4.587, 10), 0.001, 1e-3);
    same_tail("t 100", gn_dist_t(1.984, 100), 0.05, 1e-3);
}

/* Where a tail is known in closed form. */
static void test_closed(void **state)
{
    (void)state;
    const double pi = 3.14159265358979323846;
    for (double x = 0x1p-40; x < 1e9; x *= 3.7) {
        /* exact in doubles only where the functions are, so not to the last digit */
        same_tail("chi2 2", gn_dist_chi2(x, 2), exp(-x / 2), 1e-12);
        same_tail("t 1", gn_dist_t(x, 1), 1 - 2 / pi * atan(x), 1e-6);
        same_tail("t and F", gn_dist_t(x, 7), gn_dist_f(x * x, 1, 7), 1e-12);
        same_tail("normal", gn_dist_normal(x), erfc(x / sqrt(2)) / 2, 1e-12);
        double r = x / sqrt(x * x + 5);
        same_tail("r and t", gn_dist_correlation(r, 7),
                  gn_dist_t(r * sqrt(5 / ((1 - r) * (1 + r))), 5), 1e-9);
    }
    assert_true(gn_dist_f(1e300, 1, 1) > 6.366197723675e-151);
    assert_true(gn_dist_f(1e300, 1, 1) < 6.366197723677e-151);
}

static void test_limits(void **state)
{
    (void)state;
    assert_true(gn_dist_f(0, 3, 9) == 1);
    assert_true(gn_dist_f(INFINITY, 3, 9) == 0);
    assert_true(gn_dist_f(1.7e308, 9007199254740992.0, 9007199254740992.0) == 0);
    assert_true(gn_dist_t(0, 9) == 1);
    assert_true(gn_dist_t(INFINITY, 9) == 0);
    assert_true(gn_dist_chi2(0, 4) == 1);
    assert_true(gn_dist_chi2(INFINITY, 4) == 0);
    assert_true(gn_dist_chi2(1e300, 4) == 0);
    assert_true(gn_dist_normal(0) == 0.5);
    assert_true(gn_dist_normal(1e300) == 0);
    assert_true(gn_dist_normal(-1e300) == 1);
    assert_true(gn_dist_correlation(1, 5) == 0);
    assert_true(gn_dist_correlation(-1, 3) == 0);
    assert_true(gn_dist_correlation(0, 3) == 1);
    /* never up as the argument goes up, across the change of method */
    double before = 2;
    for (double f = 0.9; f < 1.1; f += 0.001) {
        double p = gn_dist_f(f, 40, 60);
        assert_true(p < before);
        before = p;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
