/* Sorted runs on disk against qsort of the same entries; codes of values against gn_value_cmp. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/mp.h"
#include "kernel/keycode.h"
#include "kernel/spill.h"
#include "stream/value.h"
#include "stream/writer.h"

static uint64_t random_next(uint64_t *state) /* xorshift64 (Marsaglia 2003) */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

typedef struct entry {
    uint8_t *key, *body;
    uint32_t nkey, nbody;
    size_t arrival;
} entry;

static int cmp_bytes(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
    int c = memcmp(a, b, na < nb ? na : nb);
    return c ? c : (na > nb) - (na < nb);
}

static int by_key(const void *x, const void *y)
{
    const entry *a = x, *b = y;
    int c = cmp_bytes(a->key, a->nkey, b->key, b->nkey);
    return c ? c : (a->arrival > b->arrival) - (a->arrival < b->arrival);
}

static int by_body(const void *x, const void *y)
{
    const entry *a = x, *b = y;
    int c = cmp_bytes(a->key, a->nkey, b->key, b->nkey);
    return c ? c : cmp_bytes(a->body, a->nbody, b->body, b->nbody);
}

static uint8_t *bytes(uint64_t *seed, size_t n, int letters)
{
    uint8_t *p = malloc(n ? n : 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(random_next(seed) % (uint64_t)letters);
    return p;
}

/* Entries with keys from few letters (long shared beginnings, prefixes of each other, equal ones).
 */
static entry *entries(uint64_t *seed, size_t n, size_t longest)
{
    entry *a = calloc(n, sizeof *a);
    assert_non_null(a);
    for (size_t i = 0; i < n; i++) {
        a[i].nkey = (uint32_t)(random_next(seed) % 14);
        a[i].nbody = (uint32_t)(random_next(seed) % (i % 97 ? 9 : longest));
        a[i].key = bytes(seed, a[i].nkey, 3);
        a[i].body = bytes(seed, a[i].nbody, 2);
        a[i].arrival = i;
    }
    return a;
}

static void entries_free(entry *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(a[i].key);
        free(a[i].body);
    }
    free(a);
}

typedef struct list {
    const entry *a;
    size_t n;
} list;

static int list_next(void *ctx, gn_str *key, gn_str *body, gn_err *e)
{
    (void)e;
    list *l = ctx;
    if (!l->n)
        return 0;
    *key = (gn_str){l->a->key, l->a->nkey};
    *body = (gn_str){l->a->body, l->a->nbody};
    l->a++;
    l->n--;
    return 1;
}

static int append(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e)
{
    (void)ctx;
    (void)key;
    return gn_buf_add(sum, body.p, body.n, e);
}

static void run_case(uint64_t seed, enum gn_spill_ties ties, bool combine, bool in_memory)
{
    gn_err e = {0};
    gn_budget budget = {.cap = 3 << 20};
    size_t n = 1 + random_next(&seed) % 6000, nruns = 1 + random_next(&seed) % 150;
    entry *a = entries(&seed, n, random_next(&seed) % 2 ? 100 : 90000);
    entry *want = malloc(n * sizeof *want);
    gn_spill_options o = {
        .budget = &budget, .memory = 1 << 20, .ties = ties, .combine = combine ? append : NULL};
    gn_spill *s = gn_spill_new(&o, &e);
    int (*cmp)(const void *, const void *) = ties == GN_SPILL_BODY ? by_body : by_key;
    list l = {NULL, 0};
    gn_spill_source last = {list_next, &l};
    assert_non_null(want);
    assert_non_null(s);
    for (size_t k = 0, from = 0; k < nruns; k++) {
        size_t to = k + 1 == nruns ? n : from + random_next(&seed) % (2 * n / nruns + 1);
        if (to > n)
            to = n;
        qsort(a + from, to - from, sizeof *a, cmp);
        if (k + 1 == nruns && in_memory) {
            l = (list){a + from, to - from};
            break;
        }
        assert_int_equal(gn_spill_run(s, &e), 0);
        for (size_t i = from; i < to; i++)
            assert_int_equal(
                gn_spill_put(s, (gn_str){a[i].key, a[i].nkey}, (gn_str){a[i].body, a[i].nbody}, &e),
                0);
        from = to;
    }
    assert_int_equal(gn_spill_runs(s), nruns - in_memory);
    memcpy(want, a, n * sizeof *want);
    qsort(want, n, sizeof *want, cmp);
    assert_int_equal(gn_spill_read(s, random_next(&seed) % 2 || in_memory ? &last : NULL, &e), 0);
    gn_str key, body;
    size_t i = 0;
    int r;
    while ((r = gn_spill_next(s, &key, &body, &e)) == 1) {
        size_t got = 0;
        do {
            assert_true(i < n);
            assert_int_equal(key.n, want[i].nkey);
            assert_memory_equal(key.p, want[i].key, key.n);
            assert_true(got + want[i].nbody <= body.n);
            assert_memory_equal(body.p + got, want[i].body, want[i].nbody);
            got += want[i].nbody;
            i++;
        } while (combine && i < n && cmp_bytes(want[i].key, want[i].nkey, key.p, key.n) == 0);
        assert_int_equal(got, body.n);
    }
    assert_int_equal(r, 0);
    assert_int_equal(i, n);
    assert_int_equal(gn_spill_next(s, &key, &body, &e), 0);
    assert_int_equal(e.status, 0);
    gn_spill_free(s);
    assert_int_equal(budget.used, 0);
    free(want);
    entries_free(a, n);
}

static void test_runs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed++)
        run_case(seed, seed % 3 == 0 ? GN_SPILL_BODY : GN_SPILL_ARRIVAL, seed % 3 == 1,
                 seed % 2 == 0);
}

static void test_nothing(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_str key, body;
    gn_spill_options o = {.dir = "/nonexistent"};
    gn_spill *s = gn_spill_new(&o, &e);
    assert_non_null(s);
    assert_int_equal(gn_spill_read(s, NULL, &e), 0);
    assert_int_equal(gn_spill_next(s, &key, &body, &e), 0);
    gn_spill_free(s);
    s = gn_spill_new(&o, &e);
    assert_non_null(s);
    assert_int_equal(gn_spill_run(s, &e), 0);
    assert_int_equal(gn_spill_put(s, (gn_str){(const uint8_t *)"k", 1}, (gn_str){NULL, 0}, &e), -1);
    assert_int_equal(e.status, GN_IO);
    assert_non_null(strstr(e.msg, "/nonexistent"));
    assert_non_null(strstr(e.msg, "-T"));
    gn_spill_free(s);
}

/* ---- codes ---- */

static const gn_type types[] = {GN_INT, GN_FLOAT, GN_STR, GN_TIME, GN_DATE, GN_BOOL, GN_BIN};

static void random_value(gn_row *r, gn_type t, uint64_t *seed, gn_err *e)
{
    static const int64_t edge[] = {0, 1, -1, 127, 128, -32, -33, 65536, INT64_MAX, INT64_MIN};
    static const double real[] = {0.0, 1.0, -1.0, 1e300, -1e300, 5e-324, -5e-324, 0.1, -0.1};
    uint64_t x = random_next(seed);
    int64_t v = x % 2 ? edge[x / 2 % 10] : (int64_t)random_next(seed) >> x % 64;
    char text[8];
    size_t n = random_next(seed) % 8;
    for (size_t i = 0; i < n; i++)
        text[i] = "\0\1ab\x7f"[random_next(seed) % 4 + (t == GN_STR)];
    assert_int_equal(gn_row_begin(r, 1, e), 0);
    if (x % 11 == 0)
        gn_row_null(r, e);
    else if (t == GN_INT)
        gn_row_int(r, v, e);
    else if (t == GN_DATE)
        gn_row_date(r, v % 3000000, e);
    else if (t == GN_TIME)
        gn_row_time(r, v % INT64_C(200000000000000000), e);
    else if (t == GN_FLOAT)
        gn_row_float(r, x % 2 ? real[x / 2 % 9] : (double)v / 1000, e);
    else if (t == GN_BOOL)
        gn_row_bool(r, x % 2, e);
    else if (t == GN_STR)
        gn_row_str(r, text, n, e);
    else
        gn_row_bin(r, text, n, e);
    assert_int_equal(e->status, 0);
}

/* The only value of a row of one field: behind its head, a byte. */
static gn_str only(const gn_row *r)
{
    return (gn_str){r->b.p + 1, (uint32_t)(r->b.n - 1)};
}

static int sign(int c)
{
    return (c > 0) - (c < 0);
}

static void test_codes(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_row x = {0}, y = {0};
    gn_buf a = {0}, b = {0};
    uint64_t seed = 7;
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (int i = 0; i < 40000; i++) {
            gn_type type = types[t];
            bool desc = i % 2;
            random_value(&x, type, &seed, &e);
            random_value(&y, type, &seed, &e);
            a.n = b.n = 0;
            assert_int_equal(gn_keycode_add(&a, type, only(&x), desc, &e), 0);
            assert_int_equal(gn_keycode_add(&b, type, only(&y), desc, &e), 0);
            bool null = *only(&x).p == GN_MP_NIL || *only(&y).p == GN_MP_NIL;
            int want = sign(gn_value_cmp(type, only(&x), only(&y)));
            if (desc && !null)
                want = -want;
            if (!desc) { /* and back, whatever follows; not from a part of it */
                gn_buf code = {0}, value = {0};
                assert_int_equal(gn_buf_add(&code, a.p, a.n, &e) || gn_buf_add(&code, b.p, b.n, &e),
                                 0);
                gn_str both = {code.p, (uint32_t)code.n}, part = {a.p, (uint32_t)a.n - 1};
                assert_int_equal(gn_keycode_get(&value, type, both, &e), a.n);
                assert_int_equal(value.n, only(&x).n);
                assert_memory_equal(value.p, only(&x).p, value.n);
                gn_err bad = {0};
                assert_int_equal(gn_keycode_get(&value, type, part, &bad), 0);
                assert_int_equal(bad.status, GN_BUG);
                assert_int_equal(value.n, only(&x).n);
                gn_buf_release(&code);
                gn_buf_release(&value);
            }
            /* free of prefixes: the shorter length decides, unless equal */
            size_t n = a.n < b.n ? a.n : b.n;
            int got = sign(memcmp(a.p, b.p, n));
            assert_int_equal(got, want);
            if (got == 0)
                assert_int_equal(a.n, b.n);
        }
    gn_buf_release(&a);
    gn_buf_release(&b);
    gn_row_release(&x);
    gn_row_release(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
