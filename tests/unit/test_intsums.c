/* Sums by key against plain arrays; ranges of users against a bitmap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/intsums.h"
#include "op/cohort.h"
#include "op/valuerank.h"

static uint64_t seed = 1;
static uint32_t rnd(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

static void test_sums(void **state)
{
    gn_budget b = {.cap = 1 << 20};
    gn_err e = {0};
    gn_intsums t = {.budget = &b};
    (void)state;
    for (uint32_t keys = 1; keys < 5000; keys = keys * 3 + 1) {
        gn_i128 want[5000] = {0};
        size_t there = 0, at = 0;
        gn_intsums_clear(&t);
        for (int i = 0; i < 20000; i++) {
            uint32_t k = rnd(keys);
            int64_t amount = rnd(2) ? INT64_MAX : (int64_t)rnd(100) + 1;
            want[k] += amount;
            assert_int_equal(gn_intsums_add(&t, (int64_t)k - 2000, amount, &e), 0);
        }
        gn_intsums_end(&t);
        for (uint32_t k = 0; k < keys; k++)
            there += want[k] != 0;
        assert_int_equal(t.n, there);
        for (uint32_t k = 0; k < keys; k++)
            if (want[k]) {
                assert_int_equal(t.entry[at].key, (int64_t)k - 2000);
                assert_true(t.entry[at++].sum == want[k]);
            }
        assert_in_range(t.room, 0, 4 * 5000 + 256);
    }
    gn_intsums_release(&t);
    gn_intsums_release(&t);
    assert_int_equal(b.used, 0);
}

static void test_full(void **state)
{
    gn_budget b = {.cap = 100000};
    gn_err e = {0};
    gn_intsums t = {.budget = &b};
    int r = 0;
    (void)state;
    for (int64_t i = 0; r == 0 && i < 100000; i++)
        r = gn_intsums_add(&t, i, 1, &e);
    assert_int_equal(r, -1);
    assert_int_equal(e.status, GN_IO);
    gn_intsums_release(&t);
    assert_int_equal(b.used, 0);
}

/* Hashes stand for themselves, and the last of them for 2^64 - 1. */
#define PLACES 40
static uint64_t place(uint32_t i)
{
    return i == PLACES - 1 ? UINT64_MAX : i == PLACES - 2 ? UINT64_MAX - 1 : i;
}

static void test_ranges(void **state)
{
    gn_err e = {0};
    (void)state;
    for (int round = 0; round < 3000; round++) {
        bool there[PLACES] = {0};
        gn_user_ranges r = {0};
        for (uint32_t n = rnd(8); n--;) {
            uint32_t lo = rnd(PLACES), hi = lo + rnd(PLACES - lo > 6 ? 6 : PLACES - lo);
            bool doubled, want = false;
            for (uint32_t i = lo; i <= hi; i++) {
                want |= there[i];
                there[i] = true;
            }
            assert_int_equal(
                gn_user_ranges_add(&r, (gn_user_range){place(lo), place(hi)}, &doubled, &e), 0);
            /* what lies between the places may be there without them */
            if (hi < PLACES - 2 || lo >= PLACES - 2)
                assert_int_equal(doubled, want);
        }
        for (uint32_t i = 0; i < PLACES; i++)
            assert_int_equal(gn_user_ranges_has(&r, place(i)), there[i]);
        for (size_t i = 1; i < r.n; i++)
            assert_true(r.range[i - 1].hi < r.range[i].lo - 1);
        gn_user_ranges_release(&r);
    }
}

static void test_shares(void **state)
{
    static const struct {
        const char *text;
        uint64_t share, of; /* of 0: none */
    } c[] = {{"1%", 1, 100},
             {"0.01", 1, 100},
             {"100%", 100, 100},
             {"1", 1, 1},
             {"33.3%", 333, 1000},
             {"0.000000001", 1, 1000000000},
             {"101%", 0, 0},
             {"1.1", 0, 0},
             {"", 0, 0},
             {"%", 0, 0},
             {".5", 1, 2},
             {"1.%", 0, 0},
             {"-1", 0, 0},
             {"1%%", 0, 0},
             {"0.0000000001", 0, 0},
             {"1e-2", 0, 0},
             {"99999999999999999999", 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        gn_share s;
        bool good = gn_share_parse(c[i].text, &s);
        assert_int_equal(good, c[i].of != 0);
        if (good) /* the same fraction */
            assert_true((gn_u128)s.share * c[i].of == (gn_u128)c[i].share * s.of);
    }
    gn_share s;
    assert_true(gn_share_parse_percentile("p99.9", &s) && s.share * 1000 == 999 * s.of);
    assert_false(gn_share_parse_percentile("p100.1", &s));
    assert_false(gn_share_parse_percentile("99", &s));
    assert_false(gn_share_parse_percentile("p", &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sums), cmocka_unit_test(test_full),
                                       cmocka_unit_test(test_ranges),
                                       cmocka_unit_test(test_shares)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
