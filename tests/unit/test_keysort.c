/* Items sorted by the first bytes of their keys, against qsort by whole keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/keysort.h"

#define N 20000
#define LENGTH 16

typedef struct keys {
    uint8_t b[N][LENGTH];
} keys;

static uint64_t seed = 1;
static uint32_t rnd(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

static int cmp_items(const void *ctx, uint32_t a, uint32_t b)
{
    const keys *k = ctx;
    return memcmp(k->b[a], k->b[b], LENGTH);
}

static int cmp_keys(const void *a, const void *b)
{
    return memcmp(a, b, LENGTH);
}

/* n keys of bytes below `letters`, all the same but for [from, to). */
static void check(uint32_t n, uint32_t letters, unsigned from, unsigned to)
{
    static keys k, want;
    static gn_sortkey v[N];
    memset(&k, 0, sizeof k);
    for (uint32_t i = 0; i < n; i++) {
        for (unsigned j = from; j < to; j++)
            k.b[i][j] = (uint8_t)(256 - letters + rnd(letters));
        gn_sortkey_set(&v[i], k.b[i], LENGTH);
        v[i].item = i;
    }
    want = k;
    qsort(want.b, n, LENGTH, cmp_keys);
    gn_keysort(v, n, cmp_items, &k);
    for (uint32_t i = 0; i < n; i++)
        assert_memory_equal(k.b[v[i].item], want.b[i], LENGTH);
}

static void test_sorts(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 2, 23, 24, 25, 300, 5000, N};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check(sizes[i], 256, 0, LENGTH);
        check(sizes[i], 2, 0, LENGTH);
        check(sizes[i], 3, 8, LENGTH);
        check(sizes[i], 256, 12, LENGTH); /* nothing but ties */
        check(sizes[i], 256, 7, 9);
        check(sizes[i], 1, 0, LENGTH); /* all equal */
        check(sizes[i], 10, 0, 5);
    }
}

static void test_short_keys(void **state)
{
    (void)state;
    gn_sortkey k = {1, 2, 3};
    gn_sortkey_set(&k, NULL, 0);
    assert_true(k.hi == 0 && k.lo == 0 && k.item == 3);
    gn_sortkey_set(&k, (const uint8_t *)"\1\2\3\4\5\6\7\x08\x09", 9);
    assert_true(k.hi == UINT64_C(0x0102030405060708) && k.lo == 0x09000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sorts),
                                       cmocka_unit_test(test_short_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
