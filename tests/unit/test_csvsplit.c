#include "base/civil.h"
#include "base/parse.h"
#include "io/mp.h"
#include "stream/csvrows.h"
#include "stream/csvsplit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MOST 1500

static uint64_t seed = 777;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static gn_csvsplit twin[3];
static size_t ntwins;

static int open_twins(void **state)
{
    (void)state;
    static const char *const names[] = {"portable", "sse2", "avx2"};
    for (size_t i = 0; i < 3; i++) {
        gn_err e = {0};
        if (gn_csvsplit_choose(&twin[ntwins], names[i], &e) == 0) {
            assert_string_equal(twin[ntwins].name, names[i]);
            ntwins++;
        }
    }
    return ntwins == 0;
}

static void test_choose(void **state)
{
    (void)state;
    gn_csvsplit s;
    gn_err e = {0};
    assert_int_equal(gn_csvsplit_choose(&s, NULL, &e), 0);
    assert_string_equal(s.name, ntwins == 3 ? "avx2" : twin[ntwins - 1].name);
    assert_int_equal(gn_csvsplit_choose(&s, "", &e), 0);
    assert_int_equal(gn_csvsplit_choose(&s, "mmx", &e), -1);
    assert_int_equal(e.status, GN_USAGE);
}

/* ---- the lists, against byte by byte ---- */

static void check_block(const uint8_t *p, size_t n, uint8_t delim)
{
    static int32_t sep[MOST + GN_CSVSPLIT_PAD], nl[MOST + GN_CSVSPLIT_PAD],
        odd[MOST + GN_CSVSPLIT_PAD];
    for (size_t t = 0; t < ntwins; t++) {
        gn_csvindex x = {.sep = sep, .nl = nl};
        twin[t].index(p, n, delim, &x);
        size_t nsep = 0, nnl = 0;
        bool quote = false, cr = false, text = false;
        for (size_t i = 0; i < n; i++) {
            if (p[i] == delim || p[i] == '\n')
                assert_int_equal(sep[nsep++], i);
            if (p[i] == '\n')
                assert_int_equal(nl[nnl++], i);
            quote |= p[i] == '"';
            cr |= p[i] == '\r';
            text |= p[i] >= 0x80 || p[i] == 0;
        }
        assert_int_equal(x.nsep, nsep);
        assert_int_equal(x.nnl, nnl);
        assert_true(x.quote >= quote && x.cr >= cr && x.text >= text);
        for (int trim = 0; trim < 2; trim++) {
            size_t got = twin[t].odd(p, n, delim, trim, odd), k = 0;
            for (size_t i = 0; i < n; i++) {
                uint8_t before = i ? p[i - 1] : '\n', after = p[i + 1];
                bool blank = (p[i] == ' ' || p[i] == '\t') && p[i] != delim;
                bool beside = before == delim || before == '\n' || after == delim ||
                              after == '\n' || after == '\r';
                if (p[i] == '"' || (p[i] == '\r' && after != '\n') || (trim && blank && beside)) {
                    assert_true(k < got);
                    assert_int_equal(odd[k++], i);
                }
            }
            assert_int_equal(k, got);
        }
    }
}

static void test_lists(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        "abc,\n",   "ab,,,,\n\"\r \t",       ",\n", "abcdefghijklmnop,", "a\0b\xff,\n", "\r\n",
        " \t,\r\n", "abcdefghijklmnopqrst\""};
    static const size_t lens[] = {5, 11, 2, 17, 6, 2, 5, 21};
    static const char delims[] = ",\t; |";
    uint8_t *p = malloc(MOST + 65 + 64);
    assert_non_null(p);
    for (int i = 0; i < 6000; i++) {
        size_t n = 1 + rnd() % (i % 3 ? 200 : MOST), k = rnd() % 8, off = rnd() % 64;
        for (size_t j = 0; j < n + 65; j++)
            p[off + j] = (uint8_t)kinds[k][rnd() % lens[k]];
        if (off + n + 65 <= MOST + 129)
            check_block(p + off, n, (uint8_t)delims[rnd() % 5]);
    }
    free(p);
}

/* Flags are not only allowed to be true: a clean block has none. */
static void test_flags(void **state)
{
    (void)state;
    uint8_t p[256];
    int32_t sep[256 + GN_CSVSPLIT_PAD], nl[256 + GN_CSVSPLIT_PAD];
    for (size_t t = 0; t < ntwins; t++)
        for (int c = -1; c < 256; c++) {
            memset(p, 'x', sizeof p);
            if (c >= 0)
                p[c * 7 % 128] = (uint8_t)c;
            gn_csvindex x = {.sep = sep, .nl = nl};
            twin[t].index(p, 128, ',', &x);
            assert_int_equal(x.quote, c == '"');
            assert_int_equal(x.cr, c == '\r');
            assert_int_equal(x.text, c == 0 || c >= 0x80);
        }
}

/* ---- short ways against general parsers ---- */

#if defined(__x86_64__)
GN_CSV_AVX2 static bool digits_avx2(const uint8_t *s, size_t n, uint32_t *v)
{
    return gn_csv_digits_avx2(s, n, v);
}

GN_CSV_AVX2 static bool time19_avx2(const gn_csvcalendar *cal, const uint8_t *s, int64_t *v)
{
    return gn_csv_time19_avx2(cal, s, v);
}
#endif

static void test_digits(void **state)
{
    (void)state;
    uint8_t s[32];
    for (int i = 0; i < 400000; i++) {
        size_t n = rnd() % 11;
        for (size_t k = 0; k < sizeof s; k++)
            s[k] = (uint8_t)('0' + rnd() % 10);
        if (rnd() % 3 == 0 && n)
            s[rnd() % n] = (uint8_t)rnd();
        int64_t want;
        uint32_t v = 0;
        bool ok = gn_parse_int((char *)s, n, &want);
        if (gn_csv_digits(s, n, &v))
            assert_true(ok && want == v);
        else /* it may refuse only what is left to the general parser */
            assert_true(!ok || n > 8 || s[0] == '-' || s[0] == '+');
#if defined(__x86_64__)
        if (ntwins == 3) {
            uint32_t w = 0;
            assert_int_equal(digits_avx2(s, n, &w), gn_csv_digits(s, n, &v));
            assert_int_equal(v, w);
        }
#endif
    }
}

static void check_time(const gn_csvcalendar *cal, const uint8_t *s)
{
    int64_t us, v = 0, day = 0;
    bool ok = gn_parse_time((const char *)s, 19, NULL, &us);
    if (gn_csv_time19(s, &v) != ok || (ok && v * GN_US != us))
        fail_msg("'%.19s': %d", (const char *)s, ok);
    bool date = gn_parse_date((const char *)s, 10, &us);
    if (gn_csv_date10(s, &day) != date || (date && day != us))
        fail_msg("'%.10s': %d", (const char *)s, date);
    (void)cal;
#if defined(__x86_64__)
    if (ntwins == 3) {
        int64_t w;
        bool fits = ok && v >= 0 && v <= UINT32_MAX && s[10] == ' ';
        if (time19_avx2(cal, s, &w) != fits || (fits && v != w))
            fail_msg("'%.19s' by vectors", (const char *)s);
    }
#endif
}

static void test_times(void **state)
{
    (void)state;
    static gn_csvcalendar cal;
    gn_csvcalendar_init(&cal);
    char text[GN_TIME_TEXT + 40];
    memset(text, '7', sizeof text);
    uint8_t *s = (uint8_t *)text;
    /* Every day there is, and days there are not. */
    for (unsigned y = 0; y<10000; y += y> 1890 && y < 2120 ? 1 : 13)
        for (unsigned m = 0; m < 20; m++)
            for (unsigned d = 0; d < 40; d++) {
                char t[40];
                snprintf(t, sizeof t, "%04u-%02u-%02u %02u:%02u:%02u", y, m, d, d % 26, m * 3 + 2,
                         d * 7 % 62);
                memcpy(text, t, 19);
                check_time(&cal, s);
            }
    /* Any byte anywhere. */
    for (int i = 0; i < 400000; i++) {
        int64_t us = GN_TIME_MIN + (int64_t)(rnd() % (uint64_t)(GN_TIME_MAX - GN_TIME_MIN));
        if (i % 2)
            us = (int64_t)(rnd() % UINT32_MAX) * GN_US;
        char t[GN_TIME_TEXT];
        gn_time_format(us, t);
        memcpy(text, t, 19);
        if (i % 4 == 0)
            text[10] = 'T';
        if (i % 3)
            text[rnd() % 19] = i % 5 ? (char)("0123456789:- T/"[rnd() % 15]) : (char)rnd();
        check_time(&cal, s);
    }
    for (int at = 0; at < 19; at++)
        for (int c = 0; c < 256; c++) {
            memcpy(text, "2023-07-01 14:30:15", 19);
            text[at] = (char)c;
            check_time(&cal, s);
        }
}

static void test_put(void **state)
{
    (void)state;
    uint8_t a[32], b[32];
    for (int i = 0; i < 400000; i++) {
        uint32_t v = (uint32_t)rnd() >> rnd() % 32;
        if (i < 200000)
            v = (uint32_t)i;
        uint8_t *x = gn_csv_put_u32(a, v), *y = gn_mp_int(b, v);
        assert_int_equal(x - a, y - b);
        assert_memory_equal(a, b, (size_t)(y - b));
        x = gn_csv_put_seconds(a, v);
        y = gn_mp_time(b, (int64_t)v * GN_US);
        assert_int_equal(x - a, y - b);
        assert_memory_equal(a, b, (size_t)(y - b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose), cmocka_unit_test(test_lists), cmocka_unit_test(test_flags),
        cmocka_unit_test(test_digits), cmocka_unit_test(test_times), cmocka_unit_test(test_put),
    };
    return cmocka_run_group_tests(tests, open_twins, NULL);
}
