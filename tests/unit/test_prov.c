/* test_prov.c - lineages: unions do not depend on order, overlaps are seen, folding forgets nothing
 * that matters, node ids are those that gn-stream(5) defines. */
#include "stream/prov.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ALL UINT64_MAX

static gn_id id_of(int n)
{
    return gn_id_of(&n, sizeof n);
}

static void add(gn_lineage *l, int source, uint64_t size, uint64_t lo, uint64_t hi)
{
    gn_err e = {0};
    assert_int_equal(gn_lineage_add_source(l, (gn_source){id_of(source), size, false}, &e), 0);
    assert_int_equal(gn_lineage_add_cover(l, (gn_cover){id_of(source), lo, hi, 0, ALL}, &e), 0);
}

static void assert_same(const gn_lineage *a, const gn_lineage *b)
{
    gn_buf x = {0}, y = {0};
    size_t n, m;
    gn_err e = {0};
    assert_int_equal(gn_lineage_encode(a, &x, &n, &e), 0);
    assert_int_equal(gn_lineage_encode(b, &y, &m, &e), 0);
    assert_int_equal(n, m);
    assert_int_equal(x.n, y.n);
    if (x.n)
        assert_memory_equal(x.p, y.p, x.n);
    gn_buf_release(&x);
    gn_buf_release(&y);
}

static void test_union_in_any_order(void **state)
{
    (void)state;
    enum { N = 5 };
    gn_lineage part[N] = {{0}}, first = {0};
    gn_err e = {0};
    for (int i = 0; i < N; i++) {
        add(&part[i], i / 2, 1000, (uint64_t)(i % 2) * 500, (uint64_t)(i % 2) * 500 + 500);
        gn_id p = id_of(i / 2);
        assert_int_equal(gn_lineage_add_node(&part[i], "gn-x", "1", i % 2 ? "a=1" : "", &p, 1, &e),
                         0);
    }
    for (int start = 0; start < N; start++)
        for (int step = 1; step < N; step++) { /* 5 is prime: every step visits all */
            gn_lineage l = {.covered = true};
            for (int k = 0; k < N; k++)
                assert_int_equal(gn_lineage_merge(&l, &part[(start + k * step) % N], &e), 0);
            assert_int_equal(l.nsources, 3);
            assert_int_equal(l.ncover, 3); /* two halves are one whole */
            if (start == 0 && step == 1)
                assert_int_equal(gn_lineage_copy(&first, &l, &e), 0);
            assert_same(&first, &l);
            gn_lineage_release(&l);
        }
    gn_lineage_release(&first);
    for (int i = 0; i < N; i++)
        gn_lineage_release(&part[i]);
}

static void test_overlaps(void **state)
{
    (void)state;
    static const struct {
        int s1, s2;
        gn_cover a, b;
        bool want;
    } t[] = {
        {1, 1, {.lo = 0, .hi = 10, .hhi = ALL}, {.lo = 10, .hi = 20, .hhi = ALL}, false},
        {1, 1, {.lo = 0, .hi = 11, .hhi = ALL}, {.lo = 10, .hi = 20, .hhi = ALL}, true},
        {1, 1, {.lo = 0, .hi = 10, .hhi = ALL}, {.lo = 0, .hi = 10, .hhi = ALL}, true},
        {1, 2, {.lo = 0, .hi = 10, .hhi = ALL}, {.lo = 0, .hi = 10, .hhi = ALL}, false},
        {1, 1, {.lo = 0, .hi = 10, .hhi = 7}, {.lo = 0, .hi = 10, .hlo = 8, .hhi = ALL}, false},
        {1, 1, {.lo = 0, .hi = 10, .hhi = 8}, {.lo = 0, .hi = 10, .hlo = 8, .hhi = ALL}, true},
        {1, 1, {.lo = 5, .hi = 5, .hhi = ALL}, {.lo = 0, .hi = 10, .hhi = ALL}, false},
        {1,
         1,
         {.lo = 2, .hi = 3, .hlo = 5, .hhi = 5},
         {.lo = 0, .hi = 9, .hlo = 0, .hhi = 9},
         true},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        gn_lineage a = {0}, b = {0};
        gn_err e = {0};
        gn_cover x = t[i].a, y = t[i].b;
        x.source = id_of(t[i].s1);
        y.source = id_of(t[i].s2);
        assert_int_equal(gn_lineage_add_cover(&a, x, &e), 0);
        assert_int_equal(gn_lineage_add_cover(&b, y, &e), 0);
        if (gn_lineage_overlaps(&a, &b) != t[i].want || gn_lineage_overlaps(&b, &a) != t[i].want)
            fail_msg("case %zu", i);
        gn_lineage_release(&a);
        gn_lineage_release(&b);
    }
}

static void test_unknown_cover_spreads(void **state)
{
    (void)state;
    gn_lineage a = {0}, b = {0}, none = {.covered = true};
    gn_err e = {0};
    add(&a, 1, 100, 0, 100);
    assert_true(a.covered);
    assert_false(b.covered);
    assert_int_equal(gn_lineage_merge(&none, &a, &e), 0);
    assert_true(none.covered);
    assert_int_equal(none.ncover, 1);
    assert_int_equal(gn_lineage_merge(&none, &b, &e), 0);
    assert_false(none.covered);
    assert_int_equal(none.ncover, 0);
    gn_lineage_release(&a);
    gn_lineage_release(&none);
}

static const uint8_t *at_value(const gn_buf *b, const char *key)
{
    size_t n = strlen(key);
    uint8_t *p = memmem(b->p, b->n, key, n);
    assert_non_null(p);
    return p + n;
}

static void test_encoding_round_trip(void **state)
{
    (void)state;
    gn_lineage l = {.covered = true}, back = {0};
    gn_err e = {0};
    gn_id parents[3];
    for (int i = 0; i < 3; i++) {
        add(&l, i, 1000 + (uint64_t)i, 0, 1000);
        gn_id p = id_of(i);
        assert_int_equal(gn_lineage_add_node(&l, "gn-fromcsv", "0.1.0", "", &p, i == 2, &e), 0);
        parents[i] = l.root;
    }
    assert_int_equal(l.nnodes, 2); /* two of them are one and the same node */
    assert_int_equal(gn_lineage_add_node(&l, "gn-dau", "0.1.0", "by=day tz=UTC", parents, 3, &e),
                     0);
    const gn_node *root = gn_lineage_find(&l, l.root);
    assert_non_null(root);
    assert_string_equal(root->command, "gn-dau");
    assert_int_equal(root->nparents, 2);
    gn_buf b = {0};
    size_t pairs = 0;
    assert_int_equal(gn_lineage_encode(&l, &b, &pairs, &e), 0);
    assert_int_equal(pairs, 3);
    static const char *const keys[] = {"cover", "sources", "prov"};
    for (int k = 0; k < 3; k++) {
        const uint8_t *p = at_value(&b, keys[k]);
        const uint8_t *q = gn_lineage_decode(&back, keys[k], strlen(keys[k]), p, b.p + b.n, &e);
        assert_non_null(q);
        assert_true(q <= b.p + b.n);
        /* Short of its end at any byte: malformed, never a read beyond. */
        for (const uint8_t *cut = p; cut < q; cut++) {
            gn_lineage half = {0};
            gn_err f = {0};
            size_t n = (size_t)(cut - p);
            uint8_t *x = malloc(n ? n : 1);
            memcpy(x, p, n);
            assert_null(gn_lineage_decode(&half, keys[k], strlen(keys[k]), x, x + n, &f));
            gn_lineage_release(&half);
            free(x);
        }
    }
    assert_same(&l, &back);
    gn_lineage_release(&l);
    gn_lineage_release(&back);
    gn_buf_release(&b);
}

/* The id of a node: XXH3-128 of the three texts, each with a NUL, and the sorted parents. */
static void test_node_id(void **state)
{
    (void)state;
    gn_lineage l = {0}, m = {0};
    gn_err e = {0};
    assert_int_equal(gn_lineage_add_node(&l, "gn-a", "1", "k=v", NULL, 0, &e), 0);
    gn_id want = gn_id_of("gn-a\0"
                          "1\0k=v\0",
                          11);
    assert_memory_equal(l.root.b, want.b, 16);
    gn_id p[2] = {id_of(1), id_of(2)}, q[2] = {p[1], p[0]};
    assert_int_equal(gn_lineage_add_node(&l, "gn-b", "1", "", p, 2, &e), 0);
    assert_int_equal(gn_lineage_add_node(&m, "gn-b", "1", "", q, 2, &e), 0);
    assert_int_equal(gn_id_cmp(l.root, m.root), 0);
    uint8_t text[8 + 32] = "gn-b\0"
                           "1\0";
    memcpy(text + 8, gn_id_cmp(p[0], p[1]) < 0 ? &p[0] : &p[1], 16);
    memcpy(text + 24, gn_id_cmp(p[0], p[1]) < 0 ? &p[1] : &p[0], 16);
    want = gn_id_of(text, sizeof text);
    assert_memory_equal(m.root.b, want.b, 16);
    char hex[33];
    gn_id_hex(id_of(1), hex);
    assert_int_equal(strlen(hex), 32);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 32);
    gn_lineage_release(&l);
    gn_lineage_release(&m);
}

/* Over 64 sources fold into one when written. */
static void test_fold(void **state)
{
    (void)state;
    gn_err e = {0};
    for (int part = 0; part < 2; part++) {
        gn_lineage l = {.covered = true}, back = {0};
        for (int i = 0; i < GN_SOURCES_MAX + 1; i++)
            add(&l, i, 10, 0, part && i == 7 ? 9 : 10);
        gn_buf b = {0};
        size_t pairs;
        assert_int_equal(gn_lineage_encode(&l, &b, &pairs, &e), 0);
        assert_non_null(
            gn_lineage_decode(&back, "sources", 7, at_value(&b, "sources"), b.p + b.n, &e));
        assert_int_equal(back.nsources, 1);
        assert_true(back.source[0].size == 10 * (GN_SOURCES_MAX + 1));
        /* Whole sources stay one whole; of others, what is covered moves with them: source 7 is
         * one of 65, and its last byte is missing. */
        assert_non_null(gn_lineage_decode(&back, "cover", 5, at_value(&b, "cover"), b.p + b.n, &e));
        assert_true(gn_lineage_whole(&back) == !part);
        assert_int_equal(back.ncover, part ? 2 : 1);
        assert_int_equal(back.cover[0].lo, 0);
        assert_true(gn_id_cmp(back.cover[0].source, back.source[0].id) == 0);
        if (part) {
            uint64_t hole = back.cover[0].hi;
            assert_int_equal(hole % 10, 9);
            assert_int_equal(back.cover[1].lo, hole + 1);
            assert_true(gn_id_cmp(l.source[hole / 10].id, id_of(7)) == 0);
        }
        assert_int_equal(back.cover[part].hi, back.source[0].size);
        /* 64 do not fold, and the lineage in memory is as it was. */
        assert_int_equal(l.nsources, GN_SOURCES_MAX + 1);
        gn_lineage_release(&l);
        gn_lineage_release(&back);
        gn_buf_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_union_in_any_order),
        cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_unknown_cover_spreads),
        cmocka_unit_test(test_encoding_round_trip),
        cmocka_unit_test(test_node_id),
        cmocka_unit_test(test_fold),
    };
    return cmocka_run_group_tests_name("prov", tests, NULL, NULL);
}
