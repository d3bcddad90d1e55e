/* Multisets against qsort of everything that was added, in memory and on disk. */
#include "kernel/bag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define N 200000

static uint64_t seed = 88172645463325252u;

static uint64_t any(void) /* xorshift64 (Marsaglia 2003) */
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int by_key(const void *x, const void *y)
{
    const gn_bag_entry *p = x, *q = y;
    if (p->set != q->set)
        return p->set < q->set ? -1 : 1;
    if (p->a != q->a)
        return p->a < q->a ? -1 : 1;
    return (p->b > q->b) - (p->b < q->b);
}

static gn_bag_entry made[N];

/* How the numbers are spread. */
static gn_bag_entry entry(int kind)
{
    gn_bag_entry x = {0, 0, 0, 1};
    switch (kind) {
    case 0: /* few */
        x.a = any() % 50;
        x.b = any() % 3;
        break;
    case 1: /* all different */
        x.a = any();
        x.b = any();
        x.set = (uint32_t)(any() % 5);
        break;
    case 2: /* small values, some enormous, in many sets */
        x.a = any() % 100 ? any() % 100000 : any();
        x.b = any() % 6;
        x.set = (uint32_t)(any() % GN_BAG_SETS);
        break;
    default: /* counts of all sizes; four of one key pass 2^48 */
        x.a = any() % 20000;
        x.n = any() % 30 ? any() % 9 : (UINT64_C(1) << 50) + any() % 7;
    }
    return x;
}

static void check(int kind, size_t n, size_t memory, bool spills)
{
    gn_budget budget = {.cap = memory ? memory + (2 << 20) : 0};
    gn_bag g;
    gn_bag_init(&g, &(gn_bag_options){.budget = &budget, .memory = memory ? memory : 1 << 28});
    gn_err e = {0};
    for (size_t i = 0; i < n; i++) {
        gn_bag_entry x = made[i] = entry(kind);
        if (x.n == 1)
            assert_int_equal(gn_bag_add(&g, x.set, x.a, x.b, &e), 0);
        else
            assert_int_equal(gn_bag_add_many(&g, x.set, x.a, x.b, x.n, &e), 0);
    }
    assert_int_equal(gn_bag_read(&g, &e), 0);
    qsort(made, n, sizeof *made, by_key);
    gn_bag_entry got;
    for (size_t i = 0; i < n;) {
        gn_bag_entry want = made[i++];
        while (i < n && by_key(&want, &made[i]) == 0)
            want.n += made[i++].n;
        if (want.n == 0)
            continue;
        assert_int_equal(gn_bag_next(&g, &got, &e), 1);
        assert_true(by_key(&got, &want) == 0 && got.n == want.n);
    }
    assert_int_equal(gn_bag_next(&g, &got, &e), 0);
    assert_int_equal(g.runs > 0, spills);
    gn_bag_release(&g);
    gn_bag_release(&g);
    assert_int_equal(budget.used, 0);
}

static void test_bags(void **state)
{
    (void)state;
    check(0, 0, 0, false);
    check(0, 1, 0, false);
    for (int kind = 0; kind < 4; kind++) {
        check(kind, 40, 0, false);
        check(kind, 3000, 0, false);
        check(kind, N, 0, false);
        check(kind, N, 1 << 20, kind != 0);
    }
}

static void test_codes(void **state)
{
    (void)state;
    static const int64_t i[] = {INT64_MIN, -2, -1, 0, 1, 300000, INT64_MAX};
    static const double f[] = {-1.7e308, -1, -5e-324, 0, 5e-324, 0.1, 1.7e308};
    for (size_t k = 0; k < 7; k++) {
        assert_true(gn_bag_int(gn_bag_of_int(i[k])) == i[k]);
        assert_true(gn_bag_float(gn_bag_of_float(f[k])) == f[k]);
        if (k) {
            assert_true(gn_bag_of_int(i[k - 1]) < gn_bag_of_int(i[k]));
            assert_true(gn_bag_of_float(f[k - 1]) < gn_bag_of_float(f[k]));
        }
    }
}

static void test_overflow(void **state)
{
    (void)state;
    for (size_t memory = 1 << 20; memory <= 1 << 26; memory <<= 6) {
        gn_bag g;
        gn_bag_entry x;
        gn_err e = {0};
        gn_bag_init(&g, &(gn_bag_options){.memory = memory});
        int r = 0;
        for (int i = 0; i < 3 && r == 0; i++)
            r = gn_bag_add_many(&g, 0, 7, 7, UINT64_C(1) << 63, &e);
        if (r == 0 && (r = gn_bag_read(&g, &e)) == 0)
            r = gn_bag_next(&g, &x, &e);
        assert_int_equal(r, -1);
        assert_int_equal(e.status, GN_INPUT);
        gn_bag_release(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bags),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
