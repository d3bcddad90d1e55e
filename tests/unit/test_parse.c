#include "base/civil.h"
#include "base/parse.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint64_t seed = 12345;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- ints ---- */

static void test_int(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        bool ok;
        int64_t v;
    } t[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"+7", true, 7},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"000000000000000000000000000001", true, 1},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+", false, 0},
        {"+-1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"0x10", false, 0},
        {"1_000", false, 0},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        int64_t v = -99;
        if (gn_parse_int(t[i].s, strlen(t[i].s), &v) != t[i].ok)
            fail_msg("'%s'", t[i].s);
        if (t[i].ok)
            assert_int_equal(v, t[i].v);
    }
    char text[32];
    for (int i = 0; i < 200000; i++) {
        int64_t v = (int64_t)(rnd() >> (rnd() % 64)), back;
        v = rnd() & 1 ? v : -v;
        size_t n = gn_int_format(v, text);
        char want[32];
        snprintf(want, sizeof want, "%lld", (long long)v);
        assert_string_equal(text, want);
        assert_int_equal(n, strlen(want));
        assert_true(gn_parse_int(text, n, &back));
        assert_int_equal(back, v);
    }
}

/* ---- floats ---- */

static void test_float(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",     "-",    "+",     ".",  "e5", "1e",  "1e+",   "nan",    "inf",
        "-inf", "0x10", "1.2.3", " 1", "1 ", "1,5", "1e400", "-1e400", "1e99999999999999999999",
        "1f",   "--1",  "1e5.0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double v;
        if (gn_parse_float(bad[i], strlen(bad[i]), &v))
            fail_msg("'%s' is taken for %g", bad[i], v);
    }
    static const char *const good[] = {"0",
                                       "-0",
                                       "0.0",
                                       "5.",
                                       ".5",
                                       "+1.5",
                                       "1e5",
                                       "1E-5",
                                       "1e-400",
                                       "-1e-99999999999999999999",
                                       "179769313486231570000e288",
                                       "2.2250738585072011e-308",
                                       "4.9e-324",
                                       "2.4703282292062327e-324",
                                       "2.4703282292062328e-324",
                                       "9007199254740993",
                                       "9007199254740992.9999999999999999999999",
                                       "123456789012345678901234567890",
                                       "0.1",
                                       "1e22",
                                       "1e23",
                                       "123456789012345e22",
                                       "0.000000000000000000000000000000000000000000000001e48",
                                       "100000000000000000000000000000000000000000000000e-47",
                                       "00000000000000000000000012.5"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double v, want = strtod(good[i], NULL);
        if (!gn_parse_float(good[i], strlen(good[i]), &v) || v != want || (v == 0 && signbit(v)))
            fail_msg("'%s': got %a, want %a", good[i], v, want);
    }
    /* Random digits, points and exponents against strtod. */
    for (int i = 0; i < 300000; i++) {
        char s[64];
        size_t n = 0, digits = 1 + rnd() % 25, point = rnd() % 30;
        if (rnd() % 4 == 0)
            s[n++] = '-';
        for (size_t k = 0; k < digits; k++) {
            if (k == point)
                s[n++] = '.';
            s[n++] = (char)('0' + (rnd() % 3 ? rnd() % 10 : 0));
        }
        if (rnd() % 2)
            n += (size_t)snprintf(s + n, sizeof s - n, "e%d", (int)(rnd() % 700) - 350);
        s[n] = 0;
        double v = 0, want = strtod(s, NULL);
        bool ok = gn_parse_float(s, n, &v);
        if (ok != (bool)isfinite(want) || (ok && v != want))
            fail_msg("'%s': got %a, want %a", s, v, want);
    }
    /* Ties that only the last of many digits decides: 1 + 2^-53, exactly, and a bit more. */
    char tie[2000] = "1.00000000000000011102230246251565404236316680908203125";
    double v;
    assert_true(gn_parse_float(tie, strlen(tie), &v) && v == 1.0);
    size_t n = strlen(tie);
    memset(tie + n, '0', 1500);
    tie[n + 1500] = '1';
    assert_true(gn_parse_float(tie, n + 1500, &v) && v == 1.0);
    assert_true(gn_parse_float(tie, n + 1501, &v) && v == nextafter(1.0, 2));
}

static void test_float_format(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } t[] = {{0, "0"},
             {-0.0, "0"},
             {3, "3"},
             {-2.5, "-2.5"},
             {0.1, "0.1"},
             {1.0 / 3, "0.3333333333333333"},
             {1e15, "1000000000000000"},
             {9007199254740992, "9007199254740992"},
             {1e20, "1e+20"},
             {5e-324, "5e-324"},
             {1.7976931348623157e308, "1.7976931348623157e+308"},
             {0.30000000000000004, "0.30000000000000004"},
             {123.456, "123.456"},
             {1e-7, "1e-07"},
             {0.001, "0.001"},
             {-1234567.125, "-1234567.125"}};
    char s[GN_FLOAT_TEXT];
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        size_t n = gn_float_format(t[i].v, s);
        assert_string_equal(s, t[i].text);
        assert_int_equal(n, strlen(s));
    }
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = rnd();
        double v, back;
        memcpy(&v, &bits, 8);
        if (i % 3 == 1)
            v = (double)(int64_t)(rnd() % 2000000000) / (double)(1 + rnd() % 1000000);
        if (i % 3 == 2)
            v = (double)(rnd() % 100000000) / 1000;
        if (!isfinite(v))
            continue;
        size_t n = gn_float_format(v, s);
        assert_true(n < GN_FLOAT_TEXT);
        if (!gn_parse_float(s, n, &back) || back != v)
            fail_msg("%a: '%s' reads as %a", v, s, back);
        /* No shorter number of digits reads back. */
        size_t digits = 0;
        bool lead = true;
        for (const char *c = s; *c && *c != 'e'; c++)
            if (*c >= '0' && *c <= '9' && !(lead && *c == '0')) {
                lead = false;
                digits++;
            }
        if (digits > 1 && fabs(v) != floor(fabs(v))) {
            char shorter[64];
            snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, v);
            if (strtod(shorter, NULL) == v)
                fail_msg("%a: '%s', but '%s' will do", v, s, shorter);
        }
    }
}

/* ---- bools, dates, times ---- */

static void test_bool(void **state)
{
    (void)state;
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True", "yes", "YES"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "fAlse", "no", "No"};
    static const char *const bad[] = {"",      "2",  "y",  "n",    "on",    "off", "tru",  "truee",
                                      "TRUE ", "10", "01", "nope", "q",   "\x11", "\x10"};
    bool v;
    for (size_t i = 0; i < 8; i++) {
        assert_true(gn_parse_bool(yes[i], strlen(yes[i]), &v) && v);
        assert_true(gn_parse_bool(no[i], strlen(no[i]), &v) && !v);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(gn_parse_bool(bad[i], strlen(bad[i]), &v));
}

static void test_date(void **state)
{
    (void)state;
    int64_t v;
    char s[GN_TIME_TEXT];
    for (int64_t d = GN_DAY_MIN; d <= GN_DAY_MAX; d++) {
        size_t n = gn_date_format(d, s);
        assert_true(gn_parse_date(s, n, &v));
        assert_int_equal(v, d);
    }
    static const char *const bad[] = {"",           "2023-07-1",  "2023-7-01",  "2023-07-011",
                                      "0000-01-01", "2023-00-01", "2023-13-01", "2023-01-00",
                                      "2023-01-32", "2023-02-29", "1900-02-29", "2023/01/01",
                                      "2023-01/01", "20230-1-01", "+023-01-01", " 2023-01-01",
                                      "2023-04-31", "202a-01-01", "-001-01-01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (gn_parse_date(bad[i], strlen(bad[i]), &v))
            fail_msg("'%s'", bad[i]);
}

static void test_time(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_zone *z = gn_zone_open("+02:00", &e);
    assert_non_null(z);
    static const struct {
        const char *s;
        int64_t utc, zoned; /* -1 = refused */
    } t[] = {
        {"1970-01-01 00:00:00", 0, -7200000000},
        {"1970-01-01T00:00:01", 1000000, -7199000000},
        {"1970-01-01", 0, -7200000000},
        {"2023-07-01 14:30:15", 1688221815000000, 1688214615000000},
        {"2023-07-01 14:30:15Z", 1688221815000000, 1688221815000000},
        {"2023-07-01T14:30:15.5+02:00", 1688214615500000, 1688214615500000},
        {"2023-07-01 14:30:15-0530", 1688241615000000, 1688241615000000},
        {"2023-07-01 14:30:15.123456", 1688221815123456, 1688214615123456},
        {"2023-07-01 14:30:15.123456000Z", 1688221815123456, 1688221815123456},
        {"0", 0, 0},
        {"-5", -5000000, -5000000},
        {"99999999999", 99999999999000000, 99999999999000000},
        {"100000000000", 100000000000000, 100000000000000},
        {"12345678901234567", 12345678901234567, 12345678901234567},
        {"9999-12-31 23:59:59.999999", GN_TIME_MAX, GN_TIME_MAX - 7200000000},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        int64_t v = -1;
        if (!gn_parse_time(t[i].s, strlen(t[i].s), NULL, &v) || v != t[i].utc)
            fail_msg("'%s': %lld", t[i].s, (long long)v);
        if (!gn_parse_time(t[i].s, strlen(t[i].s), z, &v) || v != t[i].zoned)
            fail_msg("'%s' at +02:00: %lld", t[i].s, (long long)v);
    }
    static const char *const bad[] = {"",
                                      " ",
                                      "2023-07-01 ",
                                      "2023-07-01 14:30",
                                      "2023-07-01 14:30:1",
                                      "2023-07-01 24:00:00",
                                      "2023-07-01 23:60:00",
                                      "2023-07-01 23:59:60",
                                      "2023-07-01_00:00:00",
                                      "2023-07-01 00-00:00",
                                      "2023-07-01 00:00.00",
                                      "2023-07-01 00:00:00.",
                                      "2023-07-01 00:00:00.1234561",
                                      "2023-07-01 00:00:00z",
                                      "2023-07-01 00:00:00 Z",
                                      "2023-07-01 00:00:00+2:00",
                                      "2023-07-01 00:00:00+24:00",
                                      "2023-07-01 00:00:00+02:60",
                                      "2023-07-01 00:00:00+02:0",
                                      "2023-07-01 00:00:00+0200x",
                                      "2023-07-01 00:00:00+02",
                                      "2023-02-29 00:00:00",
                                      "0001-01-01 00:00:00+01:00",
                                      "9999-12-31 23:59:59-00:01",
                                      "123456789012345678",
                                      "-99999999999",
                                      "1.5",
                                      "12:00:00",
                                      "2023-07-01Z",
                                      "0000-06-01 00:00:00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t v;
        if (gn_parse_time(bad[i], strlen(bad[i]), NULL, &v))
            fail_msg("'%s' is taken for %lld", bad[i], (long long)v);
    }
    int64_t v;
    assert_false(gn_parse_time("0001-01-01 01:59:59", 19, z, &v));
    gn_zone_free(z);
    char s[GN_TIME_TEXT];
    for (int i = 0; i < 200000; i++) {
        int64_t us = GN_TIME_MIN + (int64_t)(rnd() % (uint64_t)(GN_TIME_MAX - GN_TIME_MIN));
        if (i % 2)
            us -= us % GN_US;
        size_t n = gn_time_format(us, s);
        if (!gn_parse_time(s, n, NULL, &v) || v != us)
            fail_msg("'%s': %lld, not %lld", s, (long long)v, (long long)us);
    }
}

/* ---- command lines ---- */

static void test_size_duration(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t v;
    } sizes[] = {{"0", 0},
                 {"65536", 65536},
                 {"64K", 65536},
                 {"64k", 65536},
                 {"1KiB", 1024},
                 {"256M", 256u << 20},
                 {"256MB", 256u << 20},
                 {"7B", 7},
                 {"2G", (size_t)2 << 30},
                 {"1T", (size_t)1 << 40},
                 {"1TiB", (size_t)1 << 40}};
    size_t v;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        gn_err e = {0};
        assert_int_equal(gn_parse_size(sizes[i].s, &v, &e), 0);
        assert_true(v == sizes[i].v);
    }
    static const char *const bad[] = {"",
                                      "M",
                                      "-1",
                                      "1.5M",
                                      "1X",
                                      "1 M",
                                      "1MM",
                                      "1iB",
                                      "1Mib",
                                      "99999999999T",
                                      "18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gn_err e = {0};
        assert_int_equal(gn_parse_size(bad[i], &v, &e), -1);
        assert_int_equal(e.status, GN_USAGE);
    }
    static const struct {
        const char *s;
        int64_t ms;
    } spans[] = {{"1500ms", 1500},  {"10s", 10000},     {"30min", 1800000}, {"8h", 28800000},
                 {"7d", 604800000}, {"2w", 1209600000}, {"5", 5000},        {"0", 0}};
    int64_t ms;
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        gn_err e = {0};
        assert_int_equal(gn_parse_duration(spans[i].s, 1000, &ms, &e), 0);
        assert_int_equal(ms, spans[i].ms);
    }
    static const char *const bad_spans[] = {"",
                                            "h",
                                            "5m",
                                            "-5s",
                                            "1.5h",
                                            "5 s",
                                            "5sec",
                                            "9223372036854775807w",
                                            "99999999999999999999s"};
    for (size_t i = 0; i < sizeof bad_spans / sizeof *bad_spans; i++) {
        gn_err e = {0};
        assert_int_equal(gn_parse_duration(bad_spans[i], 1000, &ms, &e), -1);
        assert_int_equal(e.status, GN_USAGE);
        assert_non_null(strstr(e.msg, bad_spans[i]));
    }
}

/* ---- text ---- */

/* Decode, compare, range: the definition of UTF-8, slowly. */
static size_t valid_slowly(const unsigned char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        size_t len = s[i] < 0x80       ? 1
                     : s[i] >> 5 == 6  ? 2
                     : s[i] >> 4 == 14 ? 3
                     : s[i] >> 3 == 30 ? 4
                                       : 0;
        if (len == 0 || s[i] == 0 || n - i < len)
            return i;
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        uint32_t c = len == 1 ? s[i] : s[i] & (0x7fu >> len);
        for (size_t k = 1; k < len; k++) {
            if ((s[i + k] & 0xc0) != 0x80)
                return i;
            c = c << 6 | (s[i + k] & 0x3f);
        }
        if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return i;
        i += len;
    }
    return n;
}

static void test_utf8(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {
        'a',  'z',  0,    0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0,
        0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff, 0x80, 0xbf, 0xa0, 0x90};
    char s[40];
    for (int i = 0; i < 2000000; i++) {
        size_t n = rnd() % 12, pad = rnd() % 20;
        memset(s, 'x', pad);
        for (size_t k = 0; k < n; k++)
            s[pad + k] = (char)bytes[rnd() % sizeof bytes];
        assert_int_equal(gn_utf8_valid(s, pad + n), valid_slowly((unsigned char *)s, pad + n));
    }
    /* Every sequence of up to three bytes. */
    for (uint32_t v = 0; v < 1u << 24; v++) {
        unsigned char t[3] = {(unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16)};
        if (t[0] < 0x80 && t[1] < 0x80)
            continue;
        assert_true(gn_utf8_valid((char *)t, 3) == valid_slowly(t, 3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int),           cmocka_unit_test(test_float),
        cmocka_unit_test(test_float_format),  cmocka_unit_test(test_bool),
        cmocka_unit_test(test_date),          cmocka_unit_test(test_time),
        cmocka_unit_test(test_size_duration), cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
