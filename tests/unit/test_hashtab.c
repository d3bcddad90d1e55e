/* Keys to dense numbers, against a plain list; run with 8-bit hashes too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/hashtab.h"

#define N 20000

static void test_numbers(void **state)
{
    (void)state;
    static char text[N][24];
    static uint32_t first[N];
    gn_err e = {0};
    gn_budget b = {0};
    gn_hashtab *t = gn_hashtab_new(&b, &e);
    uint32_t number[100];
    assert_non_null(t);
    for (int i = 0; i < N; i++)
        snprintf(text[i], sizeof text[i], "%d", i);
    /* Twice over, in batches that also repeat a key within themselves. */
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < N; i += 50) {
            gn_str key[100];
            for (int j = 0; j < 100; j++)
                key[j] = (gn_str){(uint8_t *)text[i + j / 2], (uint32_t)strlen(text[i + j / 2])};
            assert_int_equal(gn_hashtab_add(t, key, number, 100, &e), 0);
            for (int j = 0; j < 100; j += 2) {
                assert_int_equal(number[j], number[j + 1]);
                if (pass == 0)
                    first[i + j / 2] = number[j];
                assert_int_equal(number[j], first[i + j / 2]);
                assert_int_equal(number[j], i + j / 2); /* in order of first appearance */
            }
        }
    assert_int_equal(gn_hashtab_count(t), N);
    for (uint32_t i = 0; i < N; i++) {
        gn_str k = gn_hashtab_key(t, i);
        assert_int_equal(k.n, strlen(text[i]));
        assert_memory_equal(k.p, text[i], k.n);
    }
    gn_hashtab_free(t);
    assert_int_equal(b.used, 0);
}

static void test_empty_and_prefix(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_hashtab *t = gn_hashtab_new(NULL, &e);
    const uint8_t bytes[] = {0, 0, 0};
    gn_str key[4] = {{bytes, 0}, {bytes, 1}, {bytes, 2}, {bytes, 1}};
    uint32_t number[4];
    assert_int_equal(gn_hashtab_add(t, key, number, 4, &e), 0);
    assert_int_equal(number[0], 0);
    assert_int_equal(number[1], 1);
    assert_int_equal(number[2], 2);
    assert_int_equal(number[3], 1);
    gn_hashtab_free(t);
}

static void test_budget(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_budget b = {.cap = 256 << 10};
    gn_hashtab *t = gn_hashtab_new(&b, &e);
    char text[24];
    int r = 0;
    for (int i = 0; r == 0 && i < 1000000; i++) {
        uint32_t number;
        gn_str key = {(uint8_t *)text, (uint32_t)snprintf(text, sizeof text, "%d", i)};
        r = gn_hashtab_add(t, &key, &number, 1, &e);
    }
    assert_int_equal(r, -1);
    assert_int_equal(e.status, GN_IO);
    gn_hashtab_free(t);
    assert_int_equal(b.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers),
                                       cmocka_unit_test(test_empty_and_prefix),
                                       cmocka_unit_test(test_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
