#include "base/civil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static bool leap(int y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Count every day of the years 0001 to 9999 the slow way. */
static void test_every_day(void **state)
{
    (void)state;
    int64_t day = GN_DAY_MIN;
    int weekday = 0; /* 0001-01-01 was a Monday */
    int64_t monday = day;

    for (int y = 1; y <= 9999; y++) {
        for (int m = 1; m <= 12; m++) {
            int n = m == 2                                    ? (leap(y) ? 29 : 28)
                    : (m == 4 || m == 6 || m == 9 || m == 11) ? 30
                                                              : 31;
            assert_int_equal(gn_days_in_month(y, m), n);
            assert_int_equal(gn_month_start((int64_t)y * 12 + m - 1), day);
            for (int d = 1; d <= n; d++, day++) {
                gn_civil c = gn_civil_from_days(day);
                if (weekday == 0)
                    monday = day;
                weekday = (weekday + 1) % 7;
                if (c.year != y || c.month != m || c.day != d ||
                    gn_days_from_civil(y, m, d) != day || gn_week_start(day) != monday ||
                    gn_month_of_day(day) != (int64_t)y * 12 + m - 1)
                    fail_msg("day %lld, %04d-%02d-%02d", (long long)day, y, m, d);
            }
        }
    }
    assert_int_equal(day - 1, GN_DAY_MAX);
}

static void test_text(void **state)
{
    (void)state;
    char s[GN_TIME_TEXT];

    assert_int_equal(gn_date_format(0, s), 10);
    assert_string_equal(s, "1970-01-01");
    gn_date_format(GN_DAY_MIN, s);
    assert_string_equal(s, "0001-01-01");
    gn_date_format(GN_DAY_MAX, s);
    assert_string_equal(s, "9999-12-31");
    assert_int_equal(gn_month_format(2023 * 12 + 6, s), 7);
    assert_string_equal(s, "2023-07");
    assert_int_equal(gn_time_format(INT64_C(1688221815000000), s), 19);
    assert_string_equal(s, "2023-07-01 14:30:15");
    gn_time_format(INT64_C(1688221815120000), s);
    assert_string_equal(s, "2023-07-01 14:30:15.12");
    gn_time_format(INT64_C(1688221815000001), s);
    assert_string_equal(s, "2023-07-01 14:30:15.000001");
    gn_time_format(-1, s);
    assert_string_equal(s, "1969-12-31 23:59:59.999999");
    gn_time_format(GN_TIME_MIN, s);
    assert_string_equal(s, "0001-01-01 00:00:00");
    gn_time_format(GN_TIME_MAX, s);
    assert_string_equal(s, "9999-12-31 23:59:59.999999");
}

/* Nothing gn means, but nothing that may crash: the text ends within its buffer. */
static void test_extremes(void **state)
{
    (void)state;
    const int64_t v[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 3, -1, 0, 1};
    char s[GN_TIME_TEXT];

    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        assert_true(gn_date_format(v[i], s) < sizeof s);
        assert_true(gn_time_format(v[i], s) < sizeof s);
        assert_true(gn_month_format(v[i], s) < sizeof s);
        gn_month_start(v[i]);
        gn_month_of_day(v[i]);
        gn_week_start(v[i]);
    }
    gn_time_format(INT64_MIN, s);
    assert_string_equal(s, "-290308-12-21 19:59:05.224192");
    assert_int_equal(gn_day_of_us(-1), -1);
    assert_int_equal(gn_day_of_us(0), 0);
    assert_int_equal(gn_day_of_us(GN_DAY_US - 1), 0);
    assert_int_equal(gn_day_of_us(-GN_DAY_US), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
