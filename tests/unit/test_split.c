/* Ranges of hashes: they tile, and every hash finds its own, in exact arithmetic. */
#include "op/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t next(uint64_t *s) /* splitmix64 */
{
    uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* By the definition: floor((h - lo) * n / W). */
static size_t range_of(uint64_t lo, uint64_t hi, size_t n, uint64_t h)
{
    gn_u128 width = (gn_u128)(hi - lo) + 1;
    return (size_t)((gn_u128)(h - lo) * n / width);
}

static void check(uint64_t lo, uint64_t hi, size_t n, uint64_t *seed)
{
    gn_err e = {0};
    gn_split s = {0};
    assert_int_equal(gn_split_init(&s, lo, hi, n, &e), 0);
    assert_true(s.first[0] == lo);
    assert_true(gn_split_last(&s, n - 1) == hi);
    for (size_t k = 0; k < n; k++) {
        uint64_t first = s.first[k], last = gn_split_last(&s, k);
        assert_true(first <= last);
        assert_true(k == 0 || gn_split_last(&s, k - 1) + 1 == first);
        assert_int_equal(gn_split_find(&s, first), k);
        assert_int_equal(gn_split_find(&s, last), k);
        assert_int_equal(range_of(lo, hi, n, first), k);
        assert_int_equal(range_of(lo, hi, n, last), k);
    }
    for (int i = 0; i < 1000; i++) {
        uint64_t width = hi - lo, h = width == UINT64_MAX ? next(seed) : next(seed) % (width + 1);
        assert_int_equal(gn_split_find(&s, lo + h), range_of(lo, hi, n, lo + h));
    }
    gn_split_release(&s);
    gn_split_release(&s);
}

static void ranges_tile(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 7, 16, 64, 1000, 65535, 65536};
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        check(0, UINT64_MAX, n, &seed);
        check(0, UINT64_MAX - 1, n, &seed);
        check(1, UINT64_MAX, n, &seed);
        check(UINT64_MAX - n + 1, UINT64_MAX, n, &seed);
        check(0, n - 1, n, &seed);
        check(5, 5 + n, n, &seed);
        check(UINT64_C(1) << 63, UINT64_MAX, n, &seed);
        for (int k = 0; k < 20; k++) {
            uint64_t a = next(&seed) >> (k * 2), b = next(&seed) >> (k * 2);
            if ((a > b ? a - b : b - a) >= n)
                check(a < b ? a : b, a < b ? b : a, n, &seed);
        }
    }
}

static void too_narrow(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_split s = {0};
    assert_int_equal(gn_split_init(&s, 10, 12, 4, &e), -1);
    assert_int_equal(e.status, GN_INPUT);
    gn_split_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_tile),
        cmocka_unit_test(too_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
