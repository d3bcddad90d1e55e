/* HyperLogLog: the error against its bound, one state whatever the order and grouping, the stored
 * form and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "base/hash.h"
#include "kernel/hll.h"

static uint64_t state = 1;
static uint32_t rnd(uint32_t n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % n);
}

/* The hash of the i-th key of a family, by way of bytes as the commands do it. */
static uint64_t key(uint32_t family, uint32_t i)
{
    uint32_t pair[2] = {family, i};
    return gn_hash(pair, sizeof pair);
}

static void add(gn_hll *h, uint64_t hash)
{
    gn_err e = {0};
    assert_int_equal(gn_hll_add(h, hash, &e), 0);
}

static void merge(gn_hll *to, const gn_hll *from)
{
    gn_err e = {0};
    assert_int_equal(gn_hll_merge(to, from, &e), 0);
}

static void assert_same(const gn_hll *a, const gn_hll *b)
{
    uint8_t x[GN_HLL_BYTES], y[GN_HLL_BYTES];
    size_t n = gn_hll_put(a, x);
    assert_int_equal(n, gn_hll_put(b, y));
    assert_memory_equal(x, y, n);
}

static void few_keys_are_counted_exactly(void **s)
{
    (void)s;
    gn_hll h = {0};
    assert_true(gn_hll_empty(&h));
    assert_int_equal(gn_hll_count(&h), 0);
    for (uint32_t i = 0; i < GN_HLL_EXACT; i++) {
        add(&h, key(0, i));
        add(&h, key(0, rnd(i + 1)));
        assert_int_equal(gn_hll_count(&h), i + 1);
    }
    assert_null(h.reg);
    add(&h, key(0, GN_HLL_EXACT));
    assert_non_null(h.reg);
    assert_false(gn_hll_empty(&h));
    gn_hll_release(&h);
    assert_true(gn_hll_empty(&h));
    gn_hll_release(&h);
}

static void hash_0_is_a_key(void **s)
{
    (void)s;
    gn_hll h = {0};
    add(&h, 0);
    add(&h, 0);
    assert_int_equal(gn_hll_count(&h), 1);
    gn_hll_release(&h);
}

/* Relative errors over many families of keys: their root mean square is the standard error, no
 * single one is far out, and there is no bias. The bounds are those of the header: of FAMILIES
 * samples the root mean square strays by its 1 / sqrt(2 FAMILIES), and the mean by
 * 1 / sqrt(FAMILIES), 4 times of which is allowed. */
static void error_is_within_its_bound(void **s)
{
    (void)s;
    enum { FAMILIES = 200 };
    static const uint32_t at[] = {1600, 2500, 5000, 10000, 20000, 35000, 50000, 80000, 150000};
    enum { POINTS = sizeof at / sizeof *at };
    double sum[POINTS] = {0}, squares[POINTS] = {0}, most[POINTS] = {0};
    const double sigma = 1.04 / 128;
    for (uint32_t f = 0; f < FAMILIES; f++) {
        gn_hll h = {0};
        uint32_t i = 0;
        for (size_t k = 0; k < POINTS; k++) {
            for (; i < at[k]; i++)
                add(&h, key(f, i));
            double error = ((double)gn_hll_count(&h) - at[k]) / at[k];
            sum[k] += error;
            squares[k] += error * error;
            most[k] = fabs(error) > most[k] ? fabs(error) : most[k];
        }
        gn_hll_release(&h);
    }
    for (size_t k = 0; k < POINTS; k++) {
        double rms = sqrt(squares[k] / FAMILIES), mean = sum[k] / FAMILIES;
        print_message("%8u keys: rms %.3f %%, mean %+.3f %%, most %.2f %%\n", at[k], rms * 100,
                      mean * 100, most[k] * 100);
        assert_true(rms <= sigma * (1 + 4 / sqrt(2.0 * FAMILIES)));
        assert_true(fabs(mean) <= 4 * sigma / sqrt(FAMILIES));
        assert_true(most[k] <= 4.5 * sigma);
    }
    /* And it is an estimate: better than a tenth of the bound would be a test that sees nothing. */
    assert_true(sqrt(squares[POINTS - 1] / FAMILIES) > sigma / 10);
}

static void millions_of_keys(void **s)
{
    (void)s;
    gn_hll h = {0};
    uint64_t x = 42;
    const uint32_t n = 5000000;
    for (uint32_t i = 0; i < n; i++) {
        x += UINT64_C(0x9e3779b97f4a7c15);
        add(&h, gn_hash(&x, sizeof x));
    }
    assert_true(fabs((double)gn_hll_count(&h) - n) / n < 4 * 1.04 / 128);
    gn_hll_release(&h);
}

/* Cut a stream with repetitions into parts, merge them along a random tree: the bytes of one
 * pass. Sizes around the limit, so that parts and wholes are of either form. */
static void any_grouping_gives_the_same_bytes(void **s)
{
    (void)s;
    enum { PARTS = 7 };
    static const uint32_t sizes[] = {1, 50, 1000, 1535, 1536, 1537, 1700, 3000, 6000, 20000};
    for (uint32_t round = 0; round < 60; round++) {
        uint32_t n = sizes[round % 10];
        gn_hll whole = {0}, turned = {0}, part[PARTS] = {{0}};
        for (uint32_t i = 0; i < n; i++) {
            add(&whole, key(round, i));
            add(&turned, key(round, n - 1 - i));
            add(&part[rnd(PARTS)], key(round, i));
            add(&part[rnd(round % PARTS + 1)], key(round, rnd(n)));
        }
        assert_same(&whole, &turned);
        for (uint32_t left = PARTS; left > 1; left--) {
            uint32_t a = rnd(left), b = (a + 1 + rnd(left - 1)) % left;
            merge(&part[a], &part[b]);
            gn_hll_release(&part[b]);
            part[b] = part[left - 1];
            part[left - 1] = (gn_hll){0};
        }
        assert_same(&whole, &part[0]);
        assert_int_equal(gn_hll_count(&whole), gn_hll_count(&part[0]));
        merge(&whole, &whole);
        assert_same(&whole, &turned);
        gn_hll_release(&whole);
        gn_hll_release(&turned);
        gn_hll_release(&part[0]);
    }
}

static void stored_and_read_back(void **s)
{
    (void)s;
    static const uint32_t sizes[] = {0, 1, 1536, 1537, 9000};
    for (size_t k = 0; k < 5; k++) {
        gn_err e = {0};
        gn_hll h = {0}, back = {0}, other = {0};
        uint8_t bytes[GN_HLL_BYTES];
        for (uint32_t i = 0; i < sizes[k]; i++) {
            add(&h, key(7, i));
            if (i % 3)
                add(&other, key(7, i));
        }
        size_t n = gn_hll_put(&h, bytes);
        assert_int_equal(gn_hll_get(&back, bytes, n, &e), 0);
        assert_same(&h, &back);
        assert_int_equal(gn_hll_get(&other, bytes, n, &e), 0); /* reading is merging */
        assert_same(&h, &other);
        assert_int_equal(gn_hll_get(&other, bytes, n - 1, &e), -1);
        assert_int_equal(e.status, 4);
        gn_hll_release(&h);
        gn_hll_release(&back);
        gn_hll_release(&other);
    }
}

static void refuse(const uint8_t *p, size_t n)
{
    gn_err e = {0};
    gn_hll h = {0};
    assert_int_equal(gn_hll_get(&h, p, n, &e), -1);
    assert_int_equal(e.status, 4);
    gn_hll_release(&h);
}

static void hostile_states_are_refused(void **s)
{
    (void)s;
    static uint8_t p[GN_HLL_BYTES + 8];
    refuse(p, 0);
    refuse(p, 1);
    p[0] = 3;
    refuse(p, 1);
    p[0] = 1;
    refuse(p, 2);
    refuse(p, 9);                          /* hash 0 */
    refuse(p, 1 + 8 * (GN_HLL_EXACT + 1)); /* too many */
    p[8] = p[16] = 5;
    refuse(p, 17); /* twice the same */
    p[16] = 4;
    refuse(p, 17); /* descending */
    p[16] = p[8] = 0;
    refuse(p, GN_HLL_BYTES);
    p[0] = 2;
    refuse(p, GN_HLL_BYTES); /* empty, but not as hashes */
    refuse(p, GN_HLL_BYTES + 1);
    p[1000] = 52;
    refuse(p, GN_HLL_BYTES);
    p[1000] = 255;
    refuse(p, GN_HLL_BYTES);
    /* All full is possible, and large. */
    memset(p + 1, 51, GN_HLL_REGISTERS);
    gn_err e = {0};
    gn_hll h = {0};
    assert_int_equal(gn_hll_get(&h, p, GN_HLL_BYTES, &e), 0);
    assert_true(gn_hll_count(&h) == INT64_MAX);
    gn_hll_release(&h);
    for (uint32_t round = 0; round < 20000; round++) { /* noise: refused or read, never worse */
        size_t n = rnd(100);
        p[0] = (uint8_t)rnd(4);
        for (size_t i = 1; i < n; i++)
            p[i] = (uint8_t)rnd(256);
        gn_err err = {0};
        if (gn_hll_get(&h, p, n, &err))
            assert_int_equal(err.status, 4);
        gn_hll_release(&h);
    }
}

static void memory_is_charged_and_given_back(void **s)
{
    (void)s;
    gn_budget b = {.cap = 40000};
    gn_err e = {0};
    gn_hll h = {.budget = &b}, g = {.budget = &b};
    for (uint32_t i = 0; i < 5000; i++)
        add(&h, key(1, i));
    assert_int_equal(b.used, GN_HLL_REGISTERS);
    uint32_t i = 0;
    while (gn_hll_add(&g, key(2, i), &e) == 0)
        i++;
    assert_int_equal(e.status, 5);
    assert_int_equal(gn_hll_count(&g), i); /* as it was before */
    gn_hll_release(&g);
    assert_int_equal(b.used, GN_HLL_REGISTERS);
    gn_hll_release(&h);
    assert_int_equal(b.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_keys_are_counted_exactly),
        cmocka_unit_test(hash_0_is_a_key),
        cmocka_unit_test(error_is_within_its_bound),
        cmocka_unit_test(millions_of_keys),
        cmocka_unit_test(any_grouping_gives_the_same_bytes),
        cmocka_unit_test(stored_and_read_back),
        cmocka_unit_test(hostile_states_are_refused),
        cmocka_unit_test(memory_is_charged_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
