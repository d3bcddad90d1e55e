/* Row ends by words of 64 bytes, against the rules byte by byte. */
#include "stream/csvscan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MOST 2000

static uint64_t seed = 4242;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static const char *twin[3];
static size_t ntwins;

static int open_twins(void **state)
{
    (void)state;
    static const char *const names[] = {"portable", "sse2", "avx2"};
    for (size_t i = 0; i < 3; i++) {
        gn_err e = {0};
        gn_csvscan s;
        if (gn_csvscan_init(&s, ',', false, names[i], &e) == 0)
            twin[ntwins++] = names[i];
    }
    return ntwins == 0;
}

static bool blank(uint8_t c, uint8_t delim, bool trim)
{
    return trim && (c == ' ' || c == '\t') && c != delim;
}

/* The end of the row that begins at `at`, as gn-fromcsv(1) has it. *complete: by a line feed. */
static size_t row_end(const uint8_t *p, size_t n, size_t at, uint8_t delim, bool trim,
                      bool *complete)
{
    size_t i = at;
    *complete = true;
    for (;;) { /* a field */
        while (i < n && blank(p[i], delim, trim))
            i++;
        if (i < n && p[i] == '"') {
            i++;
            while (i < n && (p[i] != '"' || (i + 1 < n && p[i + 1] == '"')))
                i += p[i] == '"' ? 2 : 1;
            i++; /* the closing quote */
            while (i < n && blank(p[i], delim, trim))
                i++;
        } else {
            while (i < n && p[i] != delim && p[i] != '\n' && p[i] != '"')
                i++;
        }
        if (i < n && p[i] == delim) {
            i++;
            continue;
        }
        while (i < n && p[i] != '\n') /* a CR, or a bad row's rest */
            i++;
        *complete = i < n;
        return i < n ? i + 1 : n;
    }
}

static void check(const uint8_t *p, size_t n, uint8_t delim, bool trim)
{
    uint64_t rows = 0, lines = 0, ended = 0, inner = 0;
    for (size_t at = 0; at < n;) {
        bool complete;
        at = row_end(p, n, at, delim, trim, &complete);
        rows += complete;
        ended = complete ? at : ended;
    }
    for (size_t i = 0; i < n; i++) {
        lines += p[i] == '\n';
        inner += p[i] == '\n' && i >= ended;
    }
    for (size_t t = 0; t < ntwins; t++) {
        gn_csvscan s;
        gn_err e = {0};
        assert_int_equal(gn_csvscan_init(&s, (char)delim, trim, twin[t], &e), 0);
        for (size_t at = 0, k; at < n; at += k) {
            k = rnd() % 3 ? rnd() % 300 : n;
            k = k < n - at ? k : n - at;
            gn_csvscan_run(&s, p + at, k);
        }
        assert_int_equal(s.offset, n);
        assert_int_equal(s.rows, rows);
        assert_int_equal(s.lines, lines);
        assert_int_equal(s.ended, ended);
        assert_int_equal(s.inner, inner);
        /* To the end of a row, from anywhere. */
        const size_t from = rnd() % (n + 1);
        assert_int_equal(gn_csvscan_init(&s, (char)delim, trim, twin[t], &e), 0);
        gn_csvscan_run(&s, p, from);
        size_t want = 0;
        for (bool complete; want < n && want <= from;)
            want = row_end(p, n, want, delim, trim, &complete);
        assert_int_equal(from + gn_csvscan_row(&s, p + from, n - from), from == n ? n : want);
    }
}

/* Bytes that matter, and rows that are mostly good. */
static size_t make(uint8_t *p, size_t most, uint8_t delim)
{
    static const char bytes[] = "\"\"\"\n\n\r, \t;ax";
    static const char *const fields[] = {
        "",         "a",        "12",           "\"\"",
        "\"x\"",    "\"a\nb\"", "\"\"\"\"",     "\"a\"\"b\"",
        "\"\r\n\"", " \"x\" ",  "x y",          " ",
        "\r",       "a\rb",     "\"a,b;c\td\"", "2023-07-01 14:30:15"};
    const unsigned wild = (unsigned)(rnd() % 4), quoted = (unsigned)(rnd() % 3);
    size_t n = 0;
    while (n + 32 < most) {
        if (wild && rnd() % 100 < wild * wild * wild) {
            p[n++] = (uint8_t)bytes[rnd() % (sizeof bytes - 1)];
            continue;
        }
        const char *f = quoted && rnd() % 3 < quoted ? fields[rnd() % 16] : "plain";
        const size_t k = strlen(f);
        memcpy(p + n, f, k);
        n += k;
        if (rnd() % 5) {
            p[n++] = delim;
        } else {
            if (rnd() % 4 == 0)
                p[n++] = '\r';
            p[n++] = '\n';
        }
    }
    return n;
}

static void test_rows(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const uint8_t delim = (uint8_t) ",,\t; "[rnd() % 5];
        const size_t most = rnd() % 4 ? rnd() % 300 : rnd() % MOST;
        uint8_t *p = malloc(most + 32); /* of its size, for a sanitizer */
        assert_non_null(p);
        size_t n = make(p, most, delim);
        uint8_t *q = malloc(n + 1);
        assert_non_null(q);
        memcpy(q, p, n);
        check(q, n, delim, rnd() % 3 == 0);
        free(q);
        free(p);
    }
}

/* What matters in any order, on both sides of a word's bounds. */
static void test_bounds(void **state)
{
    (void)state;
    static const char *const parts[] = {"\"", "\"a\"", ",\"\n\"", "\n", "\r", ",", " ", "a"};
    uint8_t p[160];
    for (int i = 0; i < 150000; i++) {
        const size_t before = rnd() % 8 ? 64 - (size_t)(rnd() % 20) : 0;
        size_t n = before;
        memset(p, 'x', sizeof p);
        if (before)
            p[before - 1] = '\n';
        for (uint64_t k = rnd() % 14; k; k--) {
            const char *part = parts[rnd() % 8];
            memcpy(p + n, part, strlen(part));
            n += strlen(part);
        }
        check(p, rnd() % 2 ? n : sizeof p, ',', rnd() % 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, open_twins, NULL);
}
