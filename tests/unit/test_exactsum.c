#include "kernel/exactsum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define VALUES 200

static uint64_t seed = 12345;

static size_t below(size_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % n);
}

/* ---- the oracle's table ---- */

static char *word(char **at)
{
    char *w = strsep(at, " \n");
    assert_non_null(w);
    return w;
}

static void same_wire(const char *what, const uint8_t *got, size_t n, const char *want)
{
    char hex[2 * GN_FPROD_WIRE + 1];
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", got[i]);
    if (n != strlen(want) / 2 || memcmp(hex, want, 2 * n) != 0)
        fail_msg("%s: got %.*s, want %s", what, (int)(2 * n), hex, want);
}

/* `ulps`: how far off it may be. */
static void same_real(const char *what, bool defined, double got, const char *want, int ulps)
{
    if (!defined || *want == '-') {
        if (defined || strcmp(want, "-") != 0) { /* a negative number begins with '-', too */
            if (!defined || strcmp(want, "-") == 0)
                fail_msg("%s: got %s %a, want %s", what, defined ? "" : "undefined", got, want);
        } else {
            return;
        }
    }
    double w = strtod(want, NULL), lo = w, hi = w;
    for (int i = 0; i < ulps; i++) {
        lo = nextafter(lo, -INFINITY);
        hi = nextafter(hi, INFINITY);
    }
    if (!(got >= lo && got <= hi) || (got == 0 && signbit(got)))
        fail_msg("%s: got %a, want %s", what, got, want);
}

static void check_floats(size_t n, const double *x, char *at)
{
    static gn_fsum s;
    static gn_fprod q;
    uint8_t b[GN_FPROD_WIRE];
    double v = 0;
    memset(&s, 0, sizeof s);
    memset(&q, 0, sizeof q);
    gn_fsum_add_all(&s, x, n);
    for (size_t i = 0; i < n; i++)
        gn_fprod_add(&q, x[i], x[i]);
    same_wire("float sum", b, gn_fsum_put(&s, b), word(&at));
    same_wire("float squares", b, gn_fprod_put(&q, b), word(&at));
    bool defined = gn_fsum_value(&s, &v);
    same_real("float sum", defined, v, word(&at), 0);
    defined = gn_fsum_mean(&s, &v);
    same_real("float mean", defined, v, word(&at), 0);
    defined = gn_fsum_variance(&s, &q, &v);
    same_real("float variance", defined, v, word(&at), 0);
    defined = gn_fsum_stddev(&s, &q, &v);
    same_real("float deviation", defined, v, word(&at), 1);
}

static void check_pairs(size_t n, const double *x, char *at)
{
    static gn_fsum sx, sy;
    static gn_fprod xx, yy, xy;
    uint8_t b[GN_FPROD_WIRE];
    double v = 0;
    memset(&sx, 0, sizeof sx);
    memset(&sy, 0, sizeof sy);
    memset(&xx, 0, sizeof xx);
    memset(&yy, 0, sizeof yy);
    memset(&xy, 0, sizeof xy);
    for (size_t i = 0; i < n; i++) {
        gn_fsum_add(&sx, x[2 * i]);
        gn_fsum_add(&sy, x[2 * i + 1]);
        gn_fprod_add(&xx, x[2 * i], x[2 * i]);
        gn_fprod_add(&yy, x[2 * i + 1], x[2 * i + 1]);
        gn_fprod_add(&xy, x[2 * i], x[2 * i + 1]);
    }
    same_wire("float products", b, gn_fprod_put(&xy, b), word(&at));
    bool defined = gn_fprod_value(&xy, &v);
    same_real("float products", defined, v, word(&at), 0);
    defined = gn_fsum_covariance(&sx, &sy, &xy, &v);
    same_real("float covariance", defined, v, word(&at), 0);
    defined = gn_fsum_correlation(&sx, &sy, &xx, &yy, &xy, &v);
    same_real("float correlation", defined, v, word(&at), 3);
}

static void check_ints(size_t n, const int64_t *x, char *at)
{
    gn_moments m = {0};
    uint8_t b[GN_MOMENTS_WIRE];
    double v = 0;
    for (size_t i = 0; i < n; i++)
        gn_moments_add(&m, x[i]);
    gn_moments_put(&m, b);
    same_wire("moments", b, sizeof b, word(&at));
    bool defined = gn_moments_mean(&m, &v);
    same_real("mean", defined, v, word(&at), 0);
    defined = gn_moments_variance(&m, &v);
    same_real("variance", defined, v, word(&at), 0);
    defined = gn_moments_stddev(&m, &v);
    same_real("deviation", defined, v, word(&at), 1);
}

static void check_int_pairs(size_t n, const int64_t *x, char *at)
{
    gn_comoments m = {0}, back;
    uint8_t b[GN_COMOMENTS_WIRE];
    double v = 0;
    for (size_t i = 0; i < n; i++)
        gn_comoments_add(&m, x[2 * i], x[2 * i + 1]);
    gn_comoments_put(&m, b);
    assert_true(gn_comoments_get(&back, b));
    assert_true(gn_comoments_merge(&back, &(gn_comoments){0}));
    gn_comoments_put(&back, b);
    same_wire("comoments", b, sizeof b, word(&at));
    bool defined = gn_comoments_covariance(&m, &v);
    same_real("covariance", defined, v, word(&at), 0);
    defined = gn_comoments_correlation(&m, &v);
    same_real("correlation", defined, v, word(&at), 3);
}

static void test_oracle(void **state)
{
    (void)state;
    const char *py = getenv("PYTHON");
    char cmd[300], *line = NULL;
    size_t size = 0, lines = 0;
    double x[2 * VALUES];
    int64_t k[2 * VALUES];

    snprintf(cmd, sizeof cmd, "%s tests/oracle/exactsum_table.py", py ? py : "/usr/bin/python3");
    FILE *f = popen(cmd, "r");
    assert_non_null(f);
    for (; getline(&line, &size, f) > 0; lines++) {
        char *at = line, kind = *word(&at);
        size_t n = strtoull(word(&at), NULL, 10);
        size_t values = kind == 'P' || kind == 'J' ? 2 * n : n;
        assert_true(values <= 2 * VALUES);
        for (size_t i = 0; i < values; i++) {
            char *w = word(&at);
            x[i] = strtod(w, NULL);
            k[i] = strtoll(w, NULL, 10);
        }
        if (kind == 'F')
            check_floats(n, x, at);
        else if (kind == 'P')
            check_pairs(n, x, at);
        else if (kind == 'I')
            check_ints(n, k, at);
        else
            check_int_pairs(n, k, at);
    }
    free(line);
    assert_int_equal(pclose(f), 0);
    assert_true(lines > 2000);
}

/* ---- any grouping ---- */

static double any_double(void)
{
    switch (below(4)) {
    case 0: /* any bits */
        for (;;) {
            uint64_t bits = (uint64_t)below(SIZE_MAX) << 1 ^ below(SIZE_MAX);
            double v;
            memcpy(&v, &bits, sizeof v);
            if (isfinite(v))
                return v;
        }
    case 1: /* 1e-300 .. 1e300 */
        return (below(2) ? 1 : -1) * pow(10, (double)below(601) - 300) *
               (1 + (double)below(1000) / 999);
    case 2: /* subnormal */
        return (below(2) ? 1 : -1) * (double)below(1000) * 0x1p-1074;
    default:
        return (double)below(100000) / 100;
    }
}

#define LEAVES 64

static gn_fsum sums[LEAVES];
static gn_fprod prods[LEAVES];
static gn_moments moments[LEAVES];
static gn_comoments comoments[LEAVES];

/* Two parts become one, sometimes after a journey over the wire. */
static void join(size_t a, size_t b)
{
    uint8_t w[GN_FPROD_WIRE];
    if (below(2)) {
        size_t n = gn_fsum_put(&sums[b], w);
        assert_true(gn_fsum_get(&sums[b], w, n));
        n = gn_fprod_put(&prods[b], w);
        assert_true(gn_fprod_get(&prods[b], w, n));
        gn_moments_put(&moments[b], w);
        assert_true(gn_moments_get(&moments[b], w));
        gn_comoments_put(&comoments[b], w);
        assert_true(gn_comoments_get(&comoments[b], w));
    }
    assert_true(gn_fsum_merge(&sums[a], &sums[b]));
    assert_true(gn_fprod_merge(&prods[a], &prods[b]));
    assert_true(gn_moments_merge(&moments[a], &moments[b]));
    assert_true(gn_comoments_merge(&comoments[a], &comoments[b]));
}

/* All states, one after the other. */
static size_t bytes_of_all(uint8_t *out)
{
    size_t n = gn_fsum_put(&sums[0], out);
    n += gn_fprod_put(&prods[0], out + n);
    gn_moments_put(&moments[0], out + n);
    n += GN_MOMENTS_WIRE;
    gn_comoments_put(&comoments[0], out + n);
    return n + GN_COMOMENTS_WIRE;
}

static size_t grouped(size_t leaves, size_t n, const double *x, const int64_t *k, uint8_t *out)
{
    static size_t order[3000];
    memset(sums, 0, sizeof sums);
    memset(prods, 0, sizeof prods);
    memset(moments, 0, sizeof moments);
    memset(comoments, 0, sizeof comoments);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1 && leaves > 1; i--) {
        size_t j = below(i), t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
    for (size_t i = 0; i < n; i++) {
        size_t leaf = below(leaves), v = order[i];
        gn_fsum_add(&sums[leaf], x[v]);
        gn_fprod_add(&prods[leaf], x[v], x[(v * 7 + 1) % n]);
        gn_moments_add(&moments[leaf], k[v]);
        gn_comoments_add(&comoments[leaf], k[v], k[(v * 7 + 1) % n]);
    }
    while (leaves > 1) { /* any two; the last one takes the free place */
        size_t a = below(leaves), b = below(leaves - 1);
        b += b >= a;
        join(a, b);
        leaves--;
        if (b != leaves) {
            size_t from = leaves;
            sums[b] = sums[from];
            prods[b] = prods[from];
            moments[b] = moments[from];
            comoments[b] = comoments[from];
        }
    }
    return bytes_of_all(out);
}

static void test_merge_trees(void **state)
{
    (void)state;
    static double x[3000];
    static int64_t k[3000];
    static uint8_t want[4096], got[4096];
    for (int round = 0; round < 60; round++) {
        size_t n = round == 0 ? 3000 : 1 + below(1500);
        for (size_t i = 0; i < n; i++) {
            x[i] = any_double();
            k[i] = (int64_t)((uint64_t)below(SIZE_MAX) << below(64));
        }
        size_t len = grouped(1, n, x, k, want);
        for (int tree = 0; tree < 5; tree++) {
            size_t l = grouped(2 + below(LEAVES - 1), n, x, k, got);
            assert_int_equal(l, len);
            assert_memory_equal(got, want, len);
        }
    }
}

/* ---- by hand ---- */

static void test_carries(void **state)
{
    (void)state;
    static gn_fsum s, t;
    double v = 0;
    memset(&s, 0, sizeof s);
    for (int i = 0; i < 5000; i++)
        gn_fsum_add(&s, i % 2 ? -1.7976931348623157e308 : 0x1.fffffffffffffp-1);
    for (int i = 0; i < 2500; i++)
        gn_fsum_add(&s, 1.7976931348623157e308);
    assert_true(gn_fsum_value(&s, &v) && v == 2500 * 0x1.fffffffffffffp-1);
    /* merging is no addition, but has its carries too */
    memset(&t, 0, sizeof t);
    for (int i = 0; i < 5000; i++) {
        gn_fsum one = {0};
        for (int k = 0; k < 255; k++)
            gn_fsum_add(&one, -0x1.fffffffffffffp+1023);
        assert_true(gn_fsum_merge(&t, &one));
    }
    assert_false(gn_fsum_value(&t, &v));
    assert_true(gn_fsum_mean(&t, &v) && v == -0x1.fffffffffffffp+1023);
    /* a state with itself */
    assert_true(gn_fsum_merge(&t, &t));
    assert_true(t.n == 2 * 5000 * 255);
    assert_true(gn_fsum_mean(&t, &v) && v == -0x1.fffffffffffffp+1023);
}

static void test_times(void **state)
{
    (void)state;
    static gn_fsum s, t;
    uint8_t a[GN_FSUM_WIRE], b[GN_FSUM_WIRE];
    gn_moments m = {0}, o = {0};
    double v = 0;
    memset(&s, 0, sizeof s);
    memset(&t, 0, sizeof t);
    for (int i = 0; i < 300; i++) {
        double x = any_double();
        int64_t k = (int64_t)((uint64_t)below(SIZE_MAX) << below(64));
        size_t times = below(50);
        assert_true(gn_fsum_add_times(&s, x, times) && gn_moments_add_times(&m, k, times));
        for (size_t j = 0; j < times; j++) {
            gn_fsum_add(&t, x);
            gn_moments_add(&o, k);
        }
    }
    size_t n = gn_fsum_put(&s, a);
    assert_int_equal(n, gn_fsum_put(&t, b));
    assert_memory_equal(a, b, n);
    gn_moments_put(&m, a);
    gn_moments_put(&o, b);
    assert_memory_equal(a, b, GN_MOMENTS_WIRE);
    /* as many as can be counted, of the largest */
    memset(&s, 0, sizeof s);
    assert_true(gn_fsum_add_times(&s, -0x1.fffffffffffffp+1023, UINT64_MAX));
    assert_false(gn_fsum_add_times(&s, 1, 1));
    assert_true(gn_fsum_mean(&s, &v) && v == -0x1.fffffffffffffp+1023);
    n = gn_fsum_put(&s, a);
    assert_true(gn_fsum_get(&t, a, n));
    assert_true(gn_fsum_mean(&t, &v) && v == -0x1.fffffffffffffp+1023);
    t.n = 1;
    assert_false(gn_fsum_merge(&s, &t));
    m = (gn_moments){0};
    assert_true(gn_moments_add_times(&m, INT64_MIN, UINT64_MAX));
    gn_moments_put(&m, a);
    assert_true(gn_moments_get(&o, a));
    assert_true(gn_moments_mean(&o, &v) && v == -0x1p63);
    assert_true(gn_moments_variance(&o, &v) && v == 0);
    assert_false(gn_moments_add_times(&m, 0, 1));
    assert_false(gn_moments_merge(&m, &o));
}

static void test_states_refused(void **state)
{
    (void)state;
    gn_fsum s = {0};
    gn_fprod q;
    gn_moments m = {0};
    uint8_t w[GN_FPROD_WIRE] = {0}, b[GN_FPROD_WIRE];
    gn_fsum_add(&s, 1.5);
    gn_fsum_add(&s, -0x1p-300);
    size_t n = gn_fsum_put(&s, w);
    for (size_t i = 0; i < n; i++) /* at the end of a word it is another state */
        assert_true(gn_fsum_get(&s, w, i) == (i == 8 || (i > 10 && i % 4 == 2)));
    assert_true(gn_fsum_get(&s, w, n));
    assert_false(gn_fsum_get(&s, w, n + 4));
    memcpy(b, w, n);
    b[8] = 2; /* sign */
    assert_false(gn_fsum_get(&s, b, n));
    memcpy(b, w, n);
    b[9] = 68; /* beyond */
    assert_false(gn_fsum_get(&s, b, n));
    memcpy(b, w, n);
    memset(b, 0, 8); /* a sum of nothing */
    assert_false(gn_fsum_get(&s, b, n));
    memcpy(b, w, n);
    memset(b + n - 4, 0, 4); /* a last word 0 */
    assert_false(gn_fsum_get(&s, b, n));
    memcpy(b, w, n);
    memset(b + 10, 0, 4); /* a first word 0 */
    assert_false(gn_fsum_get(&s, b, n));
    static const uint8_t huge[] = {0, 0, 0, 0, 0, 0, 0, 1, 0, 67, 0, 0, 0, 1};
    assert_false(gn_fsum_get(&s, huge, sizeof huge));
    assert_true(gn_fprod_get(&q, huge, sizeof huge));

    gn_moments_add(&m, -3);
    gn_moments_put(&m, w);
    assert_true(gn_moments_get(&m, w));
    memset(w, 0, 8);
    assert_false(gn_moments_get(&m, w));
    w[7] = 1;
    assert_true(gn_moments_get(&m, w));
    w[24] = 0x80; /* negative squares */
    assert_false(gn_moments_get(&m, w));
    w[24] = 1; /* too large */
    assert_false(gn_moments_get(&m, w));
    w[24] = 0;
    w[8] = 0x40;
    assert_false(gn_moments_get(&m, w));
    /* by their size fine, but no values have them */
    double v;
    m = (gn_moments){.n = 2, .sum = 10, .squares = {{1, 0, 0}}};
    assert_false(gn_moments_variance(&m, &v));
    assert_false(gn_moments_stddev(&m, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle),         cmocka_unit_test(test_merge_trees),
        cmocka_unit_test(test_carries),        cmocka_unit_test(test_times),
        cmocka_unit_test(test_states_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
