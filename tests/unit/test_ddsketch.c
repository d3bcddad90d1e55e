/* DDSketch: buckets and their error, percentiles against sorted values, one state whatever the
 * order and grouping, the stored form and what is refused, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>

#include "kernel/ddsketch.h"

static uint64_t state = 1;
static uint64_t rnd64(void)
{
    uint64_t hi = state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (hi & ~UINT64_C(0xffffffff)) | state >> 32;
}

static uint32_t rnd(uint32_t n)
{
    return (uint32_t)((rnd64() >> 33) % n);
}

/* Any finite float, subnormal ones often. */
static double any_float(void)
{
    double v;
    do {
        uint64_t bits = rnd64();
        if (rnd(4) == 0)
            bits &= ~(UINT64_C(0x7ff) << 52);
        memcpy(&v, &bits, sizeof v);
    } while (!(v - v == 0));
    return v;
}

/* An int of any size. */
static int64_t any_int(void)
{
    int64_t v = (int64_t)rnd64();
    return v >> rnd(64);
}

static void add(gn_dds *s, uint32_t bucket)
{
    gn_err e = {0};
    assert_int_equal(gn_dds_add(s, bucket, &e), 0);
}

static bool close_to(double got, double want)
{
    return fabs(got - want) <= fabs(want) * GN_DDS_ERROR * (1 + 1e-12);
}

static int cmp_float(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void a_bucket_is_within_the_error(void **s)
{
    (void)s;
    double worst = 0;
    for (int i = 0; i < 1000000; i++) {
        double v = any_float();
        double got = gn_dds_value(gn_dds_float(v), false);
        assert_true(close_to(got, v));
        if (v > 1e-300 && fabs(got - v) / v > worst)
            worst = fabs(got - v) / v;
        int64_t k = any_int();
        assert_true(close_to(gn_dds_value(gn_dds_int(k), true), (double)k));
        if (k > -INT64_C(0x20000000000000) && k < INT64_C(0x20000000000000))
            assert_int_equal(gn_dds_int(k), gn_dds_float((double)k));
    }
    assert_true(worst > GN_DDS_ERROR * 0.99); /* the bound is no larger than it need be */
    static const double ends[] = {0,         5e-324, 1.5e-323, 0x1.fffffffffffffp-1023,
                                  0x1p-1022, 1,      2,        DBL_MAX};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        for (int sign = -1; sign <= 1; sign += 2)
            assert_true(
                close_to(gn_dds_value(gn_dds_float(sign * ends[i]), false), sign * ends[i]));
    assert_int_equal(gn_dds_float(-0.0), gn_dds_float(0.0));
    assert_int_equal(gn_dds_float(-DBL_MAX), 0);
    assert_int_equal(gn_dds_float(DBL_MAX), GN_DDS_BUCKETS - 1);
    assert_true(close_to(gn_dds_value(gn_dds_int(INT64_MIN), true), -0x1p63));
    assert_true(close_to(gn_dds_value(gn_dds_int(INT64_MAX), true), 0x1p63));
    for (int64_t k = -127; k <= 127; k++)
        assert_true(gn_dds_value(gn_dds_int(k), true) == (double)k);
    for (int64_t k = -100000; k < 100000; k++)
        assert_true(close_to(gn_dds_value(gn_dds_int(k), true), (double)k));
}

static void buckets_are_in_order(void **s)
{
    (void)s;
    for (int i = 0; i < 1000000; i++) {
        double a = any_float(), b = rnd(2) ? any_float() : a * (1 + rnd(100) / 1000.0);
        if (b - b == 0)
            assert_true(a < b ? gn_dds_float(a) <= gn_dds_float(b)
                              : gn_dds_float(a) >= gn_dds_float(b));
        int64_t k = any_int(), m = rnd(2) ? any_int() : k - k / 1000;
        assert_true(k < m ? gn_dds_int(k) <= gn_dds_int(m) : gn_dds_int(k) >= gn_dds_int(m));
    }
    for (uint32_t b = 1; b < GN_DDS_BUCKETS; b++)
        assert_true(gn_dds_value(b - 1, false) <= gn_dds_value(b, false));
}

/* A value of one of several kinds of data. */
static double sample(uint32_t kind)
{
    double u = rnd(1000000) / 1e6;
    switch (kind) {
    case 0:
        return floor(u * 300000);
    case 1: /* a heavy tail */
        return 1 / (u * u * u + 1e-9);
    case 2:
        return u - 0.5;
    case 3:
        return any_float();
    case 4:
        return rnd(3) ? 0 : -floor(u * 50);
    default:
        return exp(20 * u);
    }
}

static void percentiles_are_within_the_error(void **s)
{
    (void)s;
    static const uint32_t sizes[] = {1, 2, 3, 10, 33, 1000, 20000};
    static const uint64_t percent[] = {0, 1, 25, 50, 75, 95, 99, 100};
    static double v[20000];
    for (uint32_t round = 0; round < 42; round++) {
        uint32_t n = sizes[round % 7];
        gn_dds d = {0};
        for (uint32_t i = 0; i < n; i++) {
            v[i] = sample(round % 6);
            add(&d, gn_dds_float(v[i]));
        }
        qsort(v, n, sizeof *v, cmp_float);
        for (uint32_t i = 0; i < n; i += 1 + n / 97)
            assert_true(close_to(gn_dds_value(gn_dds_rank(&d, i), false), v[i]));
        for (size_t k = 0; k < 8; k++) {
            uint64_t rank = (n * percent[k] + 99) / 100, lo = (n - 1) * percent[k] / 100;
            rank -= rank != 0;
            assert_true(close_to(gn_dds_percentile(&d, percent[k], 100, true, false), v[rank]));
            double part = (double)((n - 1) * percent[k] % 100) / 100;
            double hi = v[part > 0 ? lo + 1 : lo], want = v[lo] * (1 - part) + hi * part;
            double most = fmax(fabs(v[lo]), fabs(hi));
            double got = gn_dds_percentile(&d, percent[k], 100, false, false);
            assert_true(fabs(got - want) <= GN_DDS_ERROR * (1 + 1e-12) * most);
            if (v[lo] >= 0 || hi <= 0)
                assert_true(close_to(got, want));
        }
        gn_dds_release(&d);
    }
}

static void assert_same(const gn_dds *a, const gn_dds *b)
{
    gn_err e = {0};
    gn_buf x = {0}, y = {0};
    assert_int_equal(gn_dds_put(a, &x, &e), 0);
    assert_int_equal(gn_dds_put(b, &y, &e), 0);
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.p, y.p, x.n);
    assert_int_equal(a->n, b->n);
    gn_buf_release(&x);
    gn_buf_release(&y);
}

static void any_grouping_gives_the_same_bytes(void **s)
{
    (void)s;
    enum { PARTS = 6 };
    static const uint32_t sizes[] = {1, 20, 32, 33, 40, 5000};
    static uint32_t bucket[5000];
    for (uint32_t round = 0; round < 72; round++) {
        uint32_t n = sizes[round / 6 % 6];
        gn_err e = {0};
        gn_dds whole = {0}, turned = {0}, part[PARTS] = {{0}};
        for (uint32_t i = 0; i < n; i++) {
            bucket[i] = round % 2 ? gn_dds_float(sample(round % 6)) : gn_dds_int(any_int());
            add(&whole, bucket[i]);
            add(&part[rnd(PARTS)], bucket[i]);
        }
        for (uint32_t i = n; i-- > 0;)
            add(&turned, bucket[i]);
        assert_same(&whole, &turned);
        for (uint32_t left = PARTS; left > 1; left--) {
            uint32_t a = rnd(left), b = (a + 1 + rnd(left - 1)) % left;
            if (rnd(2)) {
                assert_int_equal(gn_dds_merge(&part[a], &part[b], &e), 0);
            } else { /* by way of the stored form */
                gn_buf x = {0};
                assert_int_equal(gn_dds_put(&part[b], &x, &e), 0);
                assert_int_equal(gn_dds_get(&part[a], x.p, x.n, &e), 0);
                gn_buf_release(&x);
            }
            gn_dds_release(&part[b]);
            part[b] = part[left - 1];
            part[left - 1] = (gn_dds){0};
        }
        assert_same(&whole, &part[0]);
        for (uint32_t i = 0; i < n; i += 1 + n / 50)
            assert_int_equal(gn_dds_rank(&whole, i), gn_dds_rank(&part[0], i));
        gn_dds_release(&whole);
        gn_dds_release(&turned);
        gn_dds_release(&part[0]);
    }
}

static void refuse(const char *bytes, size_t n, int status)
{
    gn_err e = {0};
    gn_dds d = {0};
    assert_int_equal(gn_dds_get(&d, (const uint8_t *)bytes, n, &e), -1);
    assert_int_equal(e.status, status);
    gn_dds_release(&d);
}

static void hostile_states_are_refused(void **s)
{
    (void)s;
    refuse("", 0, 4);
    refuse("\2", 1, 4);
    refuse("\1\0", 2, 4);                                          /* no count */
    refuse("\1\0\0", 3, 4);                                        /* 0 values */
    refuse("\1\200\0\1", 4, 4);                                    /* 0 in two bytes */
    refuse("\1\0\201\0", 4, 4);                                    /* 1 in two bytes */
    refuse("\1\201\262\20\1", 5, 4);                               /* behind the last bucket */
    refuse("\1\0\377\377\377\377\377\377\377\377\377\1", 12, 4);   /* 64 bits */
    refuse("\1\0\377\377\377\377\377\377\377\377\177\0\1", 13, 3); /* more than 2^63 - 1 */
    gn_err e = {0};
    gn_dds d = {0};
    assert_int_equal(gn_dds_get(&d, (const uint8_t *)"\1", 1, &e), 0);
    assert_int_equal(d.n, 0);
    assert_int_equal(gn_dds_get(&d, (const uint8_t *)"\1\200\262\20\1", 5, &e), 0);
    assert_int_equal(gn_dds_rank(&d, 0), GN_DDS_BUCKETS - 1);
    gn_dds_release(&d);
    for (uint32_t round = 0; round < 20000; round++) { /* noise: refused or read, never worse */
        uint8_t p[64] = {1};
        size_t n = rnd(64);
        for (size_t i = 1; i < n; i++)
            p[i] = (uint8_t)rnd(rnd(2) ? 256 : 8);
        gn_err err = {0};
        gn_buf again = {0};
        if (gn_dds_get(&d, p, n, &err)) {
            assert_true(err.status == 4 || err.status == 3);
        } else { /* one form only */
            assert_int_equal(gn_dds_put(&d, &again, &err), 0);
            assert_int_equal(again.n, n);
            assert_memory_equal(again.p, p, n);
        }
        gn_buf_release(&again);
        gn_dds_release(&d);
    }
}

static void memory_is_charged_and_given_back(void **s)
{
    (void)s;
    gn_budget b = {.cap = 100000};
    gn_err e = {0};
    gn_dds d = {.budget = &b};
    for (int64_t k = 100; k < 300000; k++)
        add(&d, gn_dds_int(k));
    assert_true(b.used < 10 << 10);
    assert_int_equal(d.n, 300000 - 100);
    gn_buf x = {0};
    assert_int_equal(gn_dds_put(&d, &x, &e), 0);
    assert_true(x.n < 3 << 10);
    uint64_t n = 0;
    while (gn_dds_add(&d, gn_dds_float(any_float()), &e) == 0)
        n++;
    assert_int_equal(e.status, 5);
    assert_int_equal(d.n, 300000 - 100 + n); /* as it was before */
    gn_buf_release(&x);
    gn_dds_release(&d);
    assert_int_equal(b.used, 0);
    for (b.cap = 16; b.cap < 5000; b.cap += 16) { /* from list to pages, with too little */
        gn_err_clear(&e);
        for (n = 0; n < 100 && gn_dds_add(&d, gn_dds_int((int64_t)n * 7), &e) == 0;)
            n++;
        assert_int_equal(d.n, n);
        for (uint64_t i = 0; i < n; i++)
            assert_int_equal(gn_dds_rank(&d, i), gn_dds_int((int64_t)i * 7));
        gn_dds_release(&d);
        assert_int_equal(b.used, 0);
    }
    b = (gn_budget){0}; /* the whole range of floats */
    for (uint32_t i = 0; i < GN_DDS_BUCKETS; i++)
        add(&d, (uint32_t)(i * UINT64_C(7919) % GN_DDS_BUCKETS));
    for (uint32_t i = 0; i < GN_DDS_BUCKETS; i += 2003)
        assert_int_equal(gn_dds_rank(&d, i), i);
    assert_true(b.used < 2200 << 10);
    gn_dds_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_is_within_the_error),
        cmocka_unit_test(buckets_are_in_order),
        cmocka_unit_test(percentiles_are_within_the_error),
        cmocka_unit_test(any_grouping_gives_the_same_bytes),
        cmocka_unit_test(hostile_states_are_refused),
        cmocka_unit_test(memory_is_charged_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
