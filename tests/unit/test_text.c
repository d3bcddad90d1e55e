/* test_text.c - values as text, against snprintf and the calendar; text made safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/civil.h"
#include "stream/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void ints(void **state)
{
    (void)state;
    int64_t v[400];
    size_t n = 0;
    for (uint64_t p = 1; n<380; p = p * 10> p ? p * 10 : 1) {
        for (int d = -1; d <= 1; d++) {
            v[n++] = (int64_t)(p + (uint64_t)d);
            v[n++] = -(int64_t)(p + (uint64_t)d);
        }
        if (p > UINT64_C(900000000000000000))
            break;
    }
    v[n++] = INT64_MAX;
    v[n++] = INT64_MIN;
    v[n++] = INT64_MIN + 1;
    for (size_t i = 0; i < n; i++) {
        char got[GN_TEXT_MAX], want[32];
        *gn_text_int(got, v[i]) = 0;
        snprintf(want, sizeof want, "%" PRId64, v[i]);
        assert_string_equal(got, want);
    }
}

static void times(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_text *t = gn_text_new(NULL, &e);
    assert_non_null(t);
    uint64_t x = 1;
    for (int i = 0; i < 20000; i++) {
        char got[GN_TEXT_MAX], want[GN_TIME_TEXT];
        x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
        int64_t us = GN_TIME_MIN + (int64_t)(x % (uint64_t)(GN_TIME_MAX - GN_TIME_MIN + 1));
        if (i % 3 == 0)
            us -= us % GN_US;
        if (i < 2)
            us = i ? GN_TIME_MAX : GN_TIME_MIN;
        *gn_text_time(t, got, us) = 0;
        gn_time_format(us, want);
        assert_string_equal(got, want);
        *gn_text_date(t, got, gn_day_of_us(us)) = 0;
        gn_date_format(gn_day_of_us(us), want);
        assert_string_equal(got, want);
    }
    gn_text_free(t);
}

static void zoned(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int64_t us;
        const char *want;
    } cases[] = {
        {"UTC", 0, "1970-01-01 00:00:00"},
        {"+05:30", 0, "1970-01-01 05:30:00+05:30"},
        {"-00:30", 1, "1969-12-31 23:30:00.000001-00:30"},
        {"+05:30", GN_TIME_MAX, "9999-12-31 23:59:59.999999Z"},
        {"-01:00", GN_TIME_MIN, "0001-01-01 00:00:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gn_err e = {0};
        gn_zone *z = gn_zone_open(cases[i].zone, &e);
        assert_non_null(z);
        gn_text *t = gn_text_new(z, &e);
        assert_non_null(t);
        char got[GN_TEXT_MAX];
        *gn_text_time(t, got, cases[i].us) = 0;
        assert_string_equal(got, cases[i].want);
        gn_text_free(t);
        gn_zone_free(z);
    }
}

static void safe(void **state)
{
    (void)state;
    static const char in[] = "a\x1b[0m\n\t\xc2\x9b\xe2\x80\xae\xff\xc3(\xf0\x9f\x98\x80"
                             "\xef\xbb\xbf";
    static const char want[] = "a\\x1b[0m\\n\\t\\x9b\\u{202e}\\xff\\xc3(\xf0\x9f\x98\x80\\u{feff}";
    gn_buf b = {0};
    gn_err e = {0};
    assert_int_equal(gn_text_safe(&b, in, sizeof in - 1, &e), 0);
    assert_int_equal(b.n, sizeof want - 1);
    assert_memory_equal(b.p, want, b.n);
    gn_buf_release(&b);
    char t[GN_TEXT_ESCAPE];
    assert_int_equal(gn_text_escape(0xe0001, t), 9);
    assert_memory_equal(t, "\\u{e0001}", 9);
    assert_int_equal(gn_text_escape(0x10ffff, t), 10);
    assert_memory_equal(t, "\\u{10ffff}", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints),
        cmocka_unit_test(times),
        cmocka_unit_test(zoned),
        cmocka_unit_test(safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
