/* Small sets: against a list that is searched from one end to the other. */
#include "kernel/distinct.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES 4000

typedef struct model {
    uint8_t text[VALUES][64 + GN_SLACK];
    uint32_t n[VALUES];
    size_t count;
} model;

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static bool model_add(model *m, const uint8_t *p, uint32_t n)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->n[i] == n && memcmp(m->text[i], p, n) == 0)
            return false;
    memcpy(m->text[m->count], p, n);
    m->n[m->count++] = n;
    return true;
}

/* A value of 1 to 40 bytes out of `kinds`; what lies behind it is noise. */
static uint32_t value(uint64_t *seed, unsigned kinds, uint8_t *p)
{
    uint64_t k = next(seed) % kinds;
    uint32_t n = 1 + (uint32_t)(k * 7 % 40);
    for (size_t i = 0; i < 64 + GN_SLACK; i++)
        p[i] = i < n ? (uint8_t)(i % 2 ? 'a' : k >> 8 * (i % 4)) : (uint8_t)next(seed);
    if (n > 4)
        memcpy(p + n - 4, &k, 4);
    return n;
}

static void check_list(gn_distinct *d, const model *m)
{
    size_t bytes = gn_distinct_bytes(d);
    uint8_t *out = malloc(bytes + 1), *end = gn_distinct_list(d, out), *p = out;
    const gn_distinct_item *before = NULL;
    assert_ptr_equal(end, out + bytes);
    for (size_t i = 0; i < d->n; i++) {
        const gn_distinct_item *x = &d->item[i];
        assert_memory_equal(p, x->p, x->n);
        if (before) {
            uint32_t least = before->n < x->n ? before->n : x->n;
            int c = memcmp(before->p, x->p, least);
            assert_true(c < 0 || (c == 0 && before->n < x->n));
        }
        before = x;
        p += x->n;
        size_t k = 0;
        while (k < m->count && (m->n[k] != x->n || memcmp(m->text[k], x->p, x->n) != 0))
            k++;
        assert_true(k < m->count);
    }
    free(out);
}

static void random_sets(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_budget b = {0};
    gn_distinct d;
    uint64_t seed = 1;
    model *m = malloc(sizeof *m);
    gn_distinct_init(&d, "things", &b);
    for (int round = 0; round < 600; round++) {
        unsigned kinds = round % 50 == 0 ? VALUES : 1 + (unsigned)next(&seed) % 40;
        size_t adds = round % 50 == 0 ? 6000 : next(&seed) % 60;
        uint8_t batch[16][64 + GN_SLACK];
        m->count = 0;
        for (size_t i = 0; i < adds; i++) {
            uint8_t *p = batch[i % 16];
            uint32_t n = value(&seed, kinds, p);
            (void)model_add(m, p, n);
            assert_int_equal(gn_distinct_add(&d, (gn_str){p, n}, &e), 0);
            assert_int_equal(gn_distinct_count(&d), m->count);
            if (i % 16 == 15) { /* the values go away */
                assert_int_equal(gn_distinct_keep(&d, &e), 0);
                memset(batch, 'x', sizeof batch);
            }
        }
        check_list(&d, m);
        gn_distinct_clear(&d);
        assert_int_equal(gn_distinct_count(&d), 0);
        assert_int_equal(b.used, 0);
    }
    gn_distinct_release(&d);
    gn_distinct_release(&d);
    free(m);
}

/* On disk beyond a limit: the set that is in memory without one, group after group. */
static void on_disk(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_budget b = {.cap = 8 << 20}, free_of_limits = {0};
    gn_distinct d, whole;
    uint64_t seed = 5;
    gn_distinct_init(&d, "things", &b);
    gn_distinct_init(&whole, "things", &free_of_limits);
    gn_distinct_to_disk(&d, NULL, 200 << 10);
    for (int round = 0; round < 12; round++) {
        static const unsigned sizes[] = {0, 5, 16, 17, 600, 30000};
        unsigned kinds = round % 4 ? 40000 : 300;
        uint8_t text[64 + GN_SLACK];
        uint64_t runs = d.runs;
        for (unsigned i = 0; i < sizes[round % 6]; i++) {
            uint32_t n = value(&seed, kinds, text);
            assert_int_equal(gn_distinct_add(&d, (gn_str){text, n}, &e), 0);
            assert_int_equal(gn_distinct_keep(&d, &e), 0);
            assert_int_equal(gn_distinct_add(&whole, (gn_str){text, n}, &e), 0);
            assert_int_equal(gn_distinct_keep(&whole, &e), 0);
        }
        bool list = round % 2;
        assert_int_equal(gn_distinct_end(&d, list, &e), 0);
        assert_int_equal(gn_distinct_count(&d), gn_distinct_count(&whole));
        assert_int_equal(d.runs > runs, round % 6 == 5);
        if (list) {
            size_t n = gn_distinct_bytes(&whole);
            uint8_t *x = malloc(2 * n + 1);
            assert_int_equal(gn_distinct_bytes(&d), n);
            assert_ptr_equal(gn_distinct_list(&d, x), x + n);
            assert_ptr_equal(gn_distinct_list(&whole, x + n), x + 2 * n);
            assert_memory_equal(x, x + n, n);
            free(x);
        }
        gn_distinct_clear(&d);
        gn_distinct_clear(&whole);
        assert_int_equal(b.used, 0);
    }
    assert_true(d.spilled > 0);
    gn_distinct_release(&d);
    gn_distinct_release(&whole);
}

/* Beyond the budget: refused with what is counted and -m; usable after clearing. */
static void over_budget(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_budget b = {.cap = 64 << 10};
    gn_distinct d;
    uint8_t text[64] = "abcdefgh";
    gn_distinct_init(&d, "things of one kind", &b);
    int r = 0;
    uint32_t i = 0;
    for (; r == 0 && i < 100000; i++) {
        memcpy(text, &i, sizeof i);
        r = gn_distinct_add(&d, (gn_str){text, 8}, &e);
    }
    assert_int_equal(r, -1);
    assert_true(i > 500);
    assert_int_equal(e.status, GN_IO);
    assert_non_null(strstr(e.msg, "things of one kind"));
    assert_non_null(strstr(e.msg, "--memory"));
    gn_err_clear(&e);
    gn_distinct_clear(&d);
    assert_int_equal(b.used, 0);
    assert_int_equal(gn_distinct_add(&d, (gn_str){text, 8}, &e), 0);
    /* A kept value of any size is charged too. */
    static uint8_t big[(64 << 10) + GN_SLACK];
    assert_int_equal(gn_distinct_add(&d, (gn_str){big, 64 << 10}, &e), 0);
    assert_int_equal(gn_distinct_keep(&d, &e), -1);
    assert_int_equal(e.status, GN_IO);
    gn_distinct_release(&d);
    assert_int_equal(b.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_sets), cmocka_unit_test(on_disk),
                                       cmocka_unit_test(over_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
