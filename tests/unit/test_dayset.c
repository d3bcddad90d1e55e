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
        assert_int_equal(gn_dayset_add(s, key, day, NULL, m, &e), m);
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
    assert_int_equal(gn_dayset_add(s, key, day, NULL, 200, &e), 200);
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

/* Sorted: keys in the order of their bytes, the days of each in order, and all pairs are there;
 * then the set is empty and can be filled again. */
static void test_sorted(void **state)
{
    (void)state;
    static keys k;
    gn_err e = {0};
    gn_budget b = {0};
    gn_dayset *s = gn_dayset_new(&b, &e);
    make_keys(&k);
    for (int round = 0; round < 3; round++) {
        size_t pairs = 0;
        for (int i = NKEYS; i-- > 0;) /* even keys in many blocks, odd ones in the last only */
            for (int64_t d = i % 2 ? 5 : 0; d < 6; d++) {
                int64_t day = 1000 + (5 - d) * GN_DAYSET_SPAN;
                assert_int_equal(gn_dayset_add(s, &k.key[i], &day, NULL, 1, &e), 1);
                pairs++;
            }
        assert_true(gn_dayset_many_blocks(s));
        assert_int_equal(gn_dayset_count(s), pairs);
        size_t before = b.used;
        assert_int_equal(gn_dayset_sort(s, &e), 0);
        assert_int_equal(b.used, before);
        uint8_t room[2][16];
        gn_str last = {0}, key;
        int64_t first = 0;
        for (size_t c = 0; c < pairs; c++) {
            gn_daycell cell = gn_dayset_sorted(s, c, &key, room[c % 2]);
            size_t n = last.n < key.n ? last.n : key.n;
            int order = c ? memcmp(last.p, key.p, n) : -1;
            assert_true(order < 0 || (order == 0 && last.n == key.n && first < cell.first));
            int at = 0;
            while (k.key[at].n != key.n || memcmp(k.key[at].p, key.p, key.n) != 0)
                assert_int_not_equal(++at, NKEYS);
            last = key;
            first = cell.first;
        }
        gn_dayset_clear(s);
        assert_int_equal(gn_dayset_count(s), 0);
        assert_false(gn_dayset_many_blocks(s));
    }
    gn_dayset_free(s);
    assert_int_equal(b.used, 0);
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
    assert_int_equal(gn_dayset_add(s, k.key, day, row, 1, &e), 1);
    assert_int_equal(gn_dayset_count(s), 1);
    /* More keys than 4 MiB hold: an error that names the option, not a crash. */
    gn_str key[GN_BATCH];
    int64_t days[GN_BATCH] = {0};
    size_t all = 1, done = GN_BATCH;
    for (int i = 0; i < 100 && done == GN_BATCH; i++) {
        for (int j = 0; j < GN_BATCH; j++) {
            char text[16];
            int n = snprintf(text, sizeof text, "%d", i * GN_BATCH + j);
            key[j] = (gn_str){many[j], (uint32_t)(gn_mp_str(many[j], text, (size_t)n) - many[j])};
        }
        done = gn_dayset_add(s, key, days, NULL, GN_BATCH, &e);
        all += done;
    }
    assert_true(done < GN_BATCH);
    assert_int_equal(gn_dayset_count(s), all);
    assert_int_equal(e.status, GN_IO);
    assert_non_null(strstr(e.msg, "--memory"));
    assert_true(b.used <= b.cap);
    /* Emptied it goes on where it stopped. */
    gn_err_clear(&e);
    gn_dayset_clear(s);
    assert_int_equal(gn_dayset_add(s, key + done, days, NULL, GN_BATCH - done, &e),
                     GN_BATCH - done);
    assert_int_equal(gn_dayset_count(s), GN_BATCH - done);
    gn_dayset_free(s);
    assert_int_equal(b.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_block), cmocka_unit_test(test_many_blocks),
        cmocka_unit_test(test_edges_of_time), cmocka_unit_test(test_sorted),
        cmocka_unit_test(test_rows_and_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
