/* The set of (key, day) pairs against a plain list; run with 8-bit hashes too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/civil.h"
#include "io/in.h"
#include "io/mp.h"
#include "kernel/dayset.h"

static uint64_t seed = 1;
static uint32_t rnd(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

#define NKEYS 300
#define KEY_MAX 80

typedef struct keys {
    uint8_t bytes[NKEYS][KEY_MAX + GN_SLACK];
    gn_str key[NKEYS];
} keys;

/* Strings of every length around the inline limits, many sharing a prefix, and some ints. */
static void make_keys(keys *k)
{
    for (int i = 0; i < NKEYS; i++) {
        uint8_t *p = k->bytes[i], *end;
        memset(p, 0xee, sizeof k->bytes[i]); /* what lies behind a key must not matter */
        if (i % 7 == 0) {
            end = gn_mp_int(p, (int64_t)i * i * 1000 - 5000);
        } else {
            char text[64];
            int n = i % 40;
            memset(text, 'u', sizeof text);
            text[n / 2] = (char)('0' + i / 40 % 10);
            text[n] = (char)('a' + i / 40);
            end = gn_mp_str(p, text, (size_t)n + 1);
        }
        k->key[i] = (gn_str){p, (uint32_t)(end - p)};
    }
}

typedef struct pair {
    int key;
    int64_t day;
} pair;

static int cmp_pair(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    return x->key != y->key ? x->key - y->key : (x->day > y->day) - (x->day < y->day);
}

static void differential(int64_t least, uint32_t span)
{
    static keys k;
    static gn_str key[GN_BATCH];
    static int64_t day[GN_BATCH];
    static pair want[20 * GN_BATCH];
    size_t n = 0;
    gn_err e = {0};
    gn_dayset *s = gn_dayset_new(NULL, &e);
    assert_non_null(s);
    make_keys(&k);
    for (int round = 0; round < 20; round++) {
        size_t m = 1 + rnd(GN_BATCH);
        for (size_t i = 0; i < m; i++) {
            int at = (int)rnd(NKEYS);
            key[i] = k.key[at];
            day[i] = least + rnd(span);
            want[n++] = (pair){at, day[i]};
        }
        assert_int_equal(gn_dayset_add(s, key, day, NULL, m, &e), 0);
    }
    qsort(want, n, sizeof *want, cmp_pair);
    size_t distinct = 0;
    for (size_t i = 0; i < n; i++)
        distinct += i == 0 || cmp_pair(&want[i - 1], &want[i]) != 0;
    size_t got = 0;
    for (size_t c = 0; c < gn_dayset_count(s); c++) {
        gn_daycell cell = gn_dayset_cell(s, c);
        for (int w = 0; w < GN_DAYSET_WORDS; w++)
            got += (size_t)__builtin_popcountll(cell.bits[w]);
    }
    assert_int_equal(got, distinct);
    /* Adding pairs that are there changes nothing. */
    for (size_t i = 0; i < 200; i++) {
        pair p = want[rnd((uint32_t)n)];
        key[i] = k.key[p.key];
        day[i] = p.day;
    }
    assert_int_equal(gn_dayset_add(s, key, day, NULL, 200, &e), 0);
    size_t again = 0;
    for (size_t c = 0; c < gn_dayset_count(s); c++)
        for (int w = 0; w < GN_DAYSET_WORDS; w++)
            again += (size_t)__builtin_popcountll(gn_dayset_cell(s, c).bits[w]);
    assert_int_equal(again, distinct);
    gn_dayset_free(s);
}

static void test_one_block(void **state)
{
    (void)state;
    differential(19500, 300);
}

static void test_many_blocks(void **state)
{
    (void)state;
    differential(-1000, 5000);
}

static void test_edges_of_time(void **state)
{
    (void)state;
    differential(GN_DAY_MIN, 800);
    differential(GN_DAY_MAX - 799, 800);
    differential(GN_DAY_MIN, (uint32_t)(GN_DAY_MAX - GN_DAY_MIN + 1));
}

static void test_neighbours(void **state)
{
    (void)state;
    static keys k;
    gn_err e = {0};
    gn_dayset *s = gn_dayset_new(NULL, &e);
    make_keys(&k);
    for (int i = 0; i < NKEYS; i++) { /* even keys in two blocks, odd ones in the first only */
        gn_str key[2] = {k.key[i], k.key[i]};
        int64_t day[2] = {0, GN_DAYSET_SPAN};
        assert_int_equal(gn_dayset_add(s, key, day, NULL, i % 2 ? 1 : 2, &e), 0);
    }
    assert_true(gn_dayset_many_blocks(s));
    size_t both = 0, alone = 0;
    for (size_t c = 0; c < gn_dayset_count(s); c++) {
        const uint64_t *before = gn_dayset_neighbour(s, c, -1),
                       *after = gn_dayset_neighbour(s, c, 1);
        assert_false(before && after);
        both += before || after;
        alone += !before && !after;
        if (after)
            assert_int_equal(gn_dayset_cell(s, c).first + GN_DAYSET_SPAN,
                             gn_dayset_cell(s, c + 1).first);
    }
    assert_int_equal(both, 2 * (NKEYS / 2));
    assert_int_equal(alone, NKEYS / 2);
    gn_dayset_free(s);
}

static void test_rows_and_budget(void **state)
{
    (void)state;
    static keys k;
    static uint8_t many[GN_BATCH][32];
    gn_err e = {0};
    gn_budget b = {.cap = 4 << 20};
    gn_dayset *s = gn_dayset_new(&b, &e);
    make_keys(&k);
    int64_t day[3] = {10, 11, 12};
    uint16_t row[1] = {2};
    assert_int_equal(gn_dayset_add(s, k.key, day, row, 1, &e), 0);
    assert_int_equal(gn_dayset_count(s), 1);
    /* More keys than 4 MiB hold: an error that names the option, not a crash. */
    gn_str key[GN_BATCH];
    int64_t days[GN_BATCH] = {0};
    int r = 0;
    for (int i = 0; i < 100 && r == 0; i++) {
        for (int j = 0; j < GN_BATCH; j++) {
            char text[16];
            int n = snprintf(text, sizeof text, "%d", i * GN_BATCH + j);
            key[j] = (gn_str){many[j], (uint32_t)(gn_mp_str(many[j], text, (size_t)n) - many[j])};
        }
        r = gn_dayset_add(s, key, days, NULL, GN_BATCH, &e);
    }
    assert_int_equal(r, -1);
    assert_int_equal(e.status, GN_IO);
    assert_non_null(strstr(e.msg, "--memory"));
    assert_true(b.used <= b.cap);
    gn_dayset_free(s);
    assert_int_equal(b.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_block), cmocka_unit_test(test_many_blocks),
        cmocka_unit_test(test_edges_of_time), cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_rows_and_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
