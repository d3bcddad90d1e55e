/* The summaries by hash: heaviest keys against their exact weights, order and memory; the sample of
 * keys against all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "kernel/bottomk.h"
#include "kernel/frequent.h"

static uint64_t state = 1;
static uint32_t rnd(uint32_t n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % n);
}

static uint64_t key(uint32_t i)
{
    return gn_hash(&i, sizeof i);
}

/* A key, the lower ones far more often. */
static uint32_t skewed(uint32_t keys)
{
    uint32_t i = rnd(keys), j = rnd(keys), k = rnd(100);
    return (uint32_t)((uint64_t)i * j / keys * k / 100);
}

static void add(gn_frequent *f, uint64_t hash, uint64_t weight)
{
    gn_err e = {0};
    assert_int_equal(gn_frequent_add(f, hash, weight, &e), 0);
}

static void few_keys_are_exact(void **s)
{
    (void)s;
    gn_frequent f = {.memory = 1 << 20};
    assert_false(gn_frequent_may(&f, key(1), 1));
    assert_int_equal(gn_frequent_count(&f, 1), 0);
    for (uint32_t i = 0; i < 5000; i++)
        add(&f, key(i), i + 1);
    for (uint32_t i = 0; i < 5000; i++)
        add(&f, key(i), 7);
    assert_int_equal(gn_frequent_error(&f), 0);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_true(gn_frequent_may(&f, key(i), i + 8));
        assert_false(gn_frequent_may(&f, key(i), i + 9));
    }
    assert_int_equal(gn_frequent_count(&f, 5000), 8);
    gn_frequent_release(&f);
    gn_frequent_release(&f);
}

/* More keys than counters: no key weighs more than the summary says it may, within the bound. */
static void bounds_hold(size_t memory, uint32_t keys, uint32_t records, int weighted)
{
    gn_budget b = {.cap = memory};
    gn_frequent f = {.budget = &b, .memory = memory};
    uint64_t *weight = calloc(keys, sizeof *weight), all = 0;
    assert_non_null(weight);
    for (uint32_t i = 0; i < records; i++) {
        uint32_t k = skewed(keys), w = weighted ? 1 + rnd(1000) : 1;
        weight[k] += w;
        all += w;
        add(&f, key(k), w);
    }
    for (uint32_t i = 0; i < keys; i++) {
        if (weight[i])
            assert_true(gn_frequent_may(&f, key(i), weight[i]));
        assert_false(gn_frequent_may(&f, key(i), weight[i] + gn_frequent_error(&f) + 1));
    }
    size_t counters = 1024; /* slots, first: 22 bytes each, also while they move to twice as many */
    while (counters * 2 * 33 <= memory)
        counters *= 2;
    counters = counters / 4 * 3;
    assert_true(gn_frequent_error(&f) <= 2 * all / counters);
    assert_true(b.peak <= memory);
    gn_frequent_release(&f);
    assert_int_equal(b.used, 0);
    free(weight);
}

static void many_keys_are_bounded(void **s)
{
    (void)s;
    bounds_hold(64 * 1024, 100000, 300000, 0);
    bounds_hold(64 * 1024, 100000, 300000, 1);
    bounds_hold(256 * 1024, 50000, 300000, 1);
}

/* All alike: the median is all there is, and nothing remains of a full table. */
static void equal_weights(void **s)
{
    (void)s;
    gn_frequent f = {.memory = 64 * 1024};
    for (uint32_t i = 0; i < 20000; i++)
        add(&f, key(i), 5);
    assert_true(gn_frequent_error(&f) > 0 && gn_frequent_error(&f) % 5 == 0);
    for (uint32_t i = 0; i < 20000; i++)
        assert_true(gn_frequent_may(&f, key(i), 5));
    gn_frequent_release(&f);
}

static void no_memory(void **s)
{
    (void)s;
    gn_budget b = {.cap = 1000};
    gn_frequent f = {.budget = &b, .memory = 64 * 1024};
    gn_bottomk k = {.budget = &b};
    gn_err e = {0}, e2 = {0};
    assert_int_equal(gn_frequent_add(&f, 1, 1, &e), -1);
    assert_int_equal(e.status, GN_IO);
    assert_int_equal(gn_bottomk_add(&k, 1, &e2), -1);
    assert_int_equal(e2.status, GN_IO);
    gn_frequent_release(&f);
    gn_bottomk_release(&k);
    assert_int_equal(b.used, 0);
}

typedef struct pair {
    uint64_t hash, count;
} pair;

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const pair *)a)->hash, y = ((const pair *)b)->hash;
    return (x > y) - (x < y);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The sample is the keys of the least hashes with their exact counts, in whatever order they came.
 */
static void sample_is(uint32_t keys, uint32_t records)
{
    gn_bottomk up = {0}, down = {0};
    gn_err e = {0};
    pair *all = calloc(keys, sizeof *all);
    uint32_t *row = malloc(records * sizeof *row);
    assert_non_null(all);
    assert_non_null(row);
    for (uint32_t i = 0; i < keys; i++)
        all[i].hash = key(i);
    for (uint32_t i = 0; i < records; i++) {
        row[i] = i < keys ? i : skewed(keys);
        all[row[i]].count++;
    }
    for (uint32_t i = 0; i < records; i++) {
        assert_int_equal(gn_bottomk_add(&up, key(row[i]), &e), 0);
        assert_int_equal(gn_bottomk_add(&down, key(row[records - 1 - i]), &e), 0);
    }
    qsort(all, keys, sizeof *all, by_hash);
    size_t want = keys < GN_BOTTOMK ? keys : GN_BOTTOMK, n, m;
    uint64_t *a = gn_bottomk_counts(&up, &n, &e), *b = gn_bottomk_counts(&down, &m, &e);
    uint64_t *c = malloc((want + 1) * sizeof *c);
    assert_non_null(c);
    for (size_t i = 0; i < want; i++)
        c[i] = all[i].count;
    qsort(c, want, sizeof *c, by_value);
    assert_int_equal(n, want);
    assert_int_equal(m, want);
    assert_memory_equal(a, c, want * sizeof *c);
    assert_memory_equal(b, c, want * sizeof *c);
    free(a);
    free(b);
    free(c);
    free(row);
    free(all);
    gn_bottomk_release(&up);
    gn_bottomk_release(&down);
}

static void sample_of_keys(void **s)
{
    (void)s;
    sample_is(1, 1);
    sample_is(1000, 5000);
    sample_is(GN_BOTTOMK, 40000);
    sample_is(GN_BOTTOMK + 1, 40000);
    sample_is(200000, 300000);
    gn_bottomk none = {0};
    gn_err e = {0};
    size_t n = 1;
    uint64_t *v = gn_bottomk_counts(&none, &n, &e);
    assert_non_null(v);
    assert_int_equal(n, 0);
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_keys_are_exact), cmocka_unit_test(many_keys_are_bounded),
        cmocka_unit_test(equal_weights),      cmocka_unit_test(no_memory),
        cmocka_unit_test(sample_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
