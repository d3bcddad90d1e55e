#include "base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static gn_u128 read_u128(const char *s)
{
    gn_u128 v = 0;

    for (; *s >= '0' && *s <= '9'; s++)
        v = v * 10 + (unsigned)(*s - '0');
    return v;
}

/* Every line of the oracle's table: num den hexfloat. */
static void test_ratio_oracle(void **state)
{
    (void)state;
    const char *py = getenv("PYTHON");
    char cmd[300], num[64], den[64], want[64];
    size_t n = 0;

    snprintf(cmd, sizeof cmd, "%s tests/oracle/ratio_table.py", py ? py : "/usr/bin/python3");
    FILE *f = popen(cmd, "r");
    assert_non_null(f);
    while (fscanf(f, "%63s %63s %63s", num, den, want) == 3) {
        bool neg = num[0] == '-';
        gn_u128 a = read_u128(num + neg);
        double v = gn_ratio((gn_i128)(neg ? -a : a), read_u128(den));
        if (v != strtod(want, NULL))
            fail_msg("%s / %s: got %a, want %s", num, den, v, want);
        n++;
    }
    assert_int_equal(pclose(f), 0);
    assert_true(n > 10000);
}

static void test_ratio_by_hand(void **state)
{
    (void)state;
    assert_true(gn_ratio(1, 3) == 1.0 / 3.0);
    assert_true(gn_ratio(-7, 2) == -3.5);
    assert_true(gn_ratio(0, 5) == 0.0);
    /* 2^53 + 1 is half way: to even */
    assert_true(gn_ratio(((gn_i128)1 << 53) + 1, 1) == 9007199254740992.0);
    assert_true(gn_ratio(((gn_i128)1 << 53) + 3, 1) == 9007199254740996.0);
    /* a last unit beyond half way is not lost */
    assert_true(gn_ratio(((gn_i128)1 << 54) + 3, 2) == 9007199254740994.0);
    assert_true(gn_ratio(((gn_i128)1 << 120) + ((gn_i128)1 << 67) + 1, 1) == 0x1.0000000000001p120);
    assert_true(gn_ratio(((gn_i128)1 << 120) + ((gn_i128)1 << 67), 1) == 0x1p120);
    assert_true(gn_ratio((gn_i128)((gn_u128)1 << 127), 1) ==
                -170141183460469231731687303715884105728.0);
}

static void test_i128(void **state)
{
    (void)state;
    gn_i128 v[] = {0, 1, -1, 255, -256, INT64_MAX, INT64_MIN, (gn_i128)((gn_u128)1 << 127)};
    uint8_t b[16];

    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        gn_i128_put(v[i], b);
        assert_true(gn_i128_get(b) == v[i]);
    }
    gn_i128_put(-2, b);
    for (int i = 0; i < 15; i++)
        assert_int_equal(b[i], 0xff);
    assert_int_equal(b[15], 0xfe);
    gn_i128_put(0x0102, b);
    assert_int_equal(b[14], 1);
    assert_int_equal(b[15], 2);
    assert_true(gn_fits_i64(INT64_MAX) && gn_fits_i64(INT64_MIN));
    assert_false(gn_fits_i64((gn_i128)INT64_MAX + 1));
    assert_false(gn_fits_i64((gn_i128)INT64_MIN - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ratio_by_hand),
        cmocka_unit_test(test_ratio_oracle),
        cmocka_unit_test(test_i128),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
