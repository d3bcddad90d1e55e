/* test_mp.c - the msgpack encoder and the bounded cursor: every head, every boundary, every length
 * that is one byte short. */
#include "io/mp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* The bytes on the heap without slack, so that a sanitizer sees any read beyond them. */
static uint8_t *exact(const void *p, size_t n)
{
    uint8_t *q = malloc(n ? n & 0xffffff : 1); /* the mask is for the compiler's range analysis */
    assert_non_null(q);
    if (n)
        memcpy(q, p, n);
    return q;
}

static void assert_bytes(const uint8_t *got, const uint8_t *end, const char *want, size_t n)
{
    assert_int_equal(end - got, n);
    assert_memory_equal(got, want, n);
}

static const struct {
    int64_t v;
    size_t n;
    const char *bytes;
} ints[] = {
    {0, 1, "\x00"},
    {1, 1, "\x01"},
    {127, 1, "\x7f"},
    {128, 2, "\xcc\x80"},
    {255, 2, "\xcc\xff"},
    {256, 3, "\xcd\x01\x00"},
    {65535, 3, "\xcd\xff\xff"},
    {65536, 5, "\xce\x00\x01\x00\x00"},
    {4294967295, 5, "\xce\xff\xff\xff\xff"},
    {4294967296, 9, "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"},
    {INT64_MAX, 9, "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"},
    {-1, 1, "\xff"},
    {-32, 1, "\xe0"},
    {-33, 2, "\xd0\xdf"},
    {-128, 2, "\xd0\x80"},
    {-129, 3, "\xd1\xff\x7f"},
    {-32768, 3, "\xd1\x80\x00"},
    {-32769, 5, "\xd2\xff\xff\x7f\xff"},
    {-2147483648LL, 5, "\xd2\x80\x00\x00\x00"},
    {-2147483649LL, 9, "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"},
    {INT64_MIN, 9, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"},
};

static void test_int_encode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        uint8_t b[GN_MP_HEAD];
        assert_bytes(b, gn_mp_int(b, ints[i].v), ints[i].bytes, ints[i].n);
        if (ints[i].v >= 0)
            assert_bytes(b, gn_mp_uint(b, (uint64_t)ints[i].v), ints[i].bytes, ints[i].n);
    }
    uint8_t b[GN_MP_HEAD];
    assert_bytes(b, gn_mp_uint(b, UINT64_MAX), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9);
}

static void test_int_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        size_t n = ints[i].n;
        uint8_t *b = exact(ints[i].bytes, n);
        int64_t v = 42;
        uint64_t u = 42;
        assert_ptr_equal(gn_mp_get_int(b, b + n, &v), b + n);
        assert_true(v == ints[i].v);
        if (v >= 0) {
            assert_ptr_equal(gn_mp_get_uint(b, b + n, &u), b + n);
            assert_true(u == (uint64_t)v);
        } else {
            assert_null(gn_mp_get_uint(b, b + n, &u));
        }
        assert_ptr_equal(gn_mp_skip(b, b + n), b + n);
        free(b);
        for (size_t cut = 0; cut < n; cut++) {
            b = exact(ints[i].bytes, cut);
            assert_null(gn_mp_get_int(b, b + cut, &v));
            assert_null(gn_mp_get_uint(b, b + cut, &u));
            assert_null(gn_mp_skip(b, b + cut));
            assert_true(gn_mp_incomplete(b, b + cut));
            free(b);
        }
    }
}

/* Longer forms than needed are valid msgpack: readers take them. */
static void test_int_long_forms(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        int64_t v;
    } t[] = {
        {"\xcc\x05", 2, 5},
        {"\xcd\x00\x05", 3, 5},
        {"\xce\x00\x00\x00\x05", 5, 5},
        {"\xcf\x00\x00\x00\x00\x00\x00\x00\x05", 9, 5},
        {"\xd0\x05", 2, 5},
        {"\xd1\x00\x05", 3, 5},
        {"\xd2\x00\x00\x00\x05", 5, 5},
        {"\xd3\x00\x00\x00\x00\x00\x00\x00\x05", 9, 5},
        {"\xd0\xff", 2, -1},
        {"\xd3\xff\xff\xff\xff\xff\xff\xff\xff", 9, -1},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const uint8_t *b = (const uint8_t *)t[i].bytes;
        int64_t v = 0;
        assert_ptr_equal(gn_mp_get_int(b, b + t[i].n, &v), b + t[i].n);
        assert_true(v == t[i].v);
    }
    const uint8_t *big = (const uint8_t *)"\xcf\x80\x00\x00\x00\x00\x00\x00\x00";
    int64_t v;
    uint64_t u = 0;
    assert_null(gn_mp_get_int(big, big + 9, &v));
    assert_ptr_equal(gn_mp_get_uint(big, big + 9, &u), big + 9);
    assert_true(u == UINT64_C(1) << 63);
}

static void test_wrong_kind(void **state)
{
    (void)state;
    for (int t = 0; t < 256; t++) {
        uint8_t b[32] = {(uint8_t)t};
        const uint8_t *end = b + sizeof b;
        int64_t i;
        uint64_t u;
        double f;
        bool o;
        const char *s;
        const uint8_t *x;
        size_t n;
        bool is_int = t < 0x80 || t >= 0xe0 || (t >= 0xcc && t <= 0xd3);
        bool is_str = (t >= 0xa0 && t < 0xc0) || (t >= 0xd9 && t <= 0xdb);
        assert_int_equal(gn_mp_get_int(b, end, &i) != NULL, is_int);
        assert_int_equal(gn_mp_get_uint(b, end, &u) != NULL, is_int && t < 0xe0);
        assert_int_equal(gn_mp_get_float(b, end, &f) != NULL, t == 0xca || t == 0xcb);
        assert_int_equal(gn_mp_get_bool(b, end, &o) != NULL, t == 0xc2 || t == 0xc3);
        assert_int_equal(gn_mp_get_str(b, end, &s, &n) != NULL, is_str);
        assert_int_equal(gn_mp_get_bin(b, end, &x, &n) != NULL, t >= 0xc4 && t <= 0xc6);
        assert_int_equal(gn_mp_get_array(b, end, &n) != NULL,
                         (t >= 0x90 && t < 0xa0) || t == 0xdc || t == 0xdd);
        assert_int_equal(gn_mp_get_map(b, end, &n) != NULL,
                         (t >= 0x80 && t < 0x90) || t == 0xde || t == 0xdf);
        assert_null(gn_mp_get_time(b, end, &i)); /* the extension's type is 0, not -1 */
        /* Zeros follow: everything but the one unused byte is a value. */
        assert_int_equal(gn_mp_skip(b, end) != NULL, t != 0xc1);
    }
    const uint8_t *never = (const uint8_t *)"\xc1";
    assert_false(gn_mp_incomplete(never, never + 1));
    never = (const uint8_t *)"\x92\x01\xc1";
    assert_null(gn_mp_skip(never, never + 3));
    assert_false(gn_mp_incomplete(never, never + 3));
    assert_true(gn_mp_incomplete(never, never + 2));
}

static void test_str_bin_lengths(void **state)
{
    (void)state;
    static const size_t lengths[] = {0,   1,   31,  32,    33,    254,   255,
                                     256, 257, 999, 65534, 65535, 65536, 65537};
    char *body = malloc(70000);
    uint8_t *b = malloc(70000 + GN_MP_HEAD);
    assert_non_null(body);
    assert_non_null(b);
    for (size_t i = 0; i < 70000; i++)
        body[i] = (char)('a' + i % 26);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t n = lengths[i], len = 0;
        uint8_t *end = gn_mp_str(b, body, n);
        size_t head = n < 32 ? 1 : n < 256 ? 2 : n < 65536 ? 3 : 5;
        assert_int_equal(end - b, head + n);
        uint8_t *x = exact(b, head + n);
        const char *s = NULL;
        assert_ptr_equal(gn_mp_get_str(x, x + head + n, &s, &len), x + head + n);
        assert_int_equal(len, n);
        assert_memory_equal(s, body, n);
        assert_ptr_equal(gn_mp_skip(x, x + head + n), x + head + n);
        free(x);
        for (size_t cut = head + n < 8 ? head + n : 8; cut-- > 0;) {
            x = exact(b, cut);
            assert_null(gn_mp_get_str(x, x + cut, &s, &len));
            assert_true(gn_mp_incomplete(x, x + cut));
            free(x);
        }
        if (n) {
            x = exact(b, head + n - 1);
            assert_null(gn_mp_get_str(x, x + head + n - 1, &s, &len));
            assert_null(gn_mp_skip(x, x + head + n - 1));
            free(x);
        }

        end = gn_mp_bin_head(b, n);
        head = n < 256 ? 2 : n < 65536 ? 3 : 5;
        assert_int_equal(end - b, head);
        memcpy(end, body, n);
        const uint8_t *raw = NULL;
        x = exact(b, head + n);
        assert_ptr_equal(gn_mp_get_bin(x, x + head + n, &raw, &len), x + head + n);
        assert_int_equal(len, n);
        assert_memory_equal(raw, body, n);
        free(x);
    }
    free(body);
    free(b);
}

/* A length beyond what is there, up to 4 GiB, never moves the cursor outside. */
static void test_lying_lengths(void **state)
{
    (void)state;
    static const char *const t[] = {"\xdb\xff\xff\xff\xff"
                                    "abc",
                                    "\xc6\xff\xff\xff\xff"
                                    "abc",
                                    "\xc9\xff\xff\xff\xff\x01"
                                    "ab",
                                    "\xdd\xff\xff\xff\xff\xc0\xc0\xc0",
                                    "\xdf\xff\xff\xff\xff\xc0\xc0\xc0"};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        uint8_t *b = exact(t[i], 8);
        const char *s;
        const uint8_t *x;
        size_t n;
        assert_null(gn_mp_skip(b, b + 8));
        assert_true(gn_mp_incomplete(b, b + 8));
        assert_null(gn_mp_get_str(b, b + 8, &s, &n));
        assert_null(gn_mp_get_bin(b, b + 8, &x, &n));
        free(b);
    }
}

static void test_containers(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 65535, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i], got;
        uint8_t *b = malloc(2 * n + 16);
        assert_non_null(b);
        uint8_t *p = gn_mp_array_head(b, n);
        assert_int_equal(p - b, n < 16 ? 1 : n < 65536 ? 3 : 5);
        memset(p, 0xc0, n);
        assert_ptr_equal(gn_mp_get_array(b, p, &got), p);
        assert_int_equal(got, n);
        assert_ptr_equal(gn_mp_skip(b, p + n), p + n);
        if (n)
            assert_true(gn_mp_incomplete(b, p + n - 1));
        p = gn_mp_map_head(b, n);
        assert_int_equal(p - b, n < 16 ? 1 : n < 65536 ? 3 : 5);
        memset(p, 0x01, 2 * n);
        assert_ptr_equal(gn_mp_get_map(b, p, &got), p);
        assert_int_equal(got, n);
        assert_ptr_equal(gn_mp_skip(b, p + 2 * n), p + 2 * n);
        if (n)
            assert_true(gn_mp_incomplete(b, p + 2 * n - 1));
        free(b);
    }
}

static void test_depth(void **state)
{
    (void)state;
    uint8_t b[4096];
    memset(b, 0x91, sizeof b);
    b[sizeof b - 1] = 0xc0;
    assert_null(gn_mp_skip(b, b + sizeof b));
    assert_false(gn_mp_incomplete(b, b + sizeof b));
    /* Some depth must be open to headers: a map of lists of lists is 4. */
    size_t deepest = 0;
    for (size_t d = 0; d < 64; d++) {
        b[d] = 0xc0;
        if (gn_mp_skip(b, b + d + 1) == b + d + 1)
            deepest = d;
        else
            break;
        b[d] = 0x91;
    }
    assert_in_range(deepest, 8, GN_MP_DEPTH);
    /* Width is no depth: many containers side by side. */
    memset(b, 0x90, sizeof b);
    uint8_t *p = gn_mp_array_head(b, sizeof b - 3);
    assert_int_equal(p - b, 3);
    assert_ptr_equal(gn_mp_skip(b, b + sizeof b), b + sizeof b);
}

static void test_float(void **state)
{
    (void)state;
    static const double t[] = {0, 1, -1, 0.1, 1e300, -1e-300, 5e-324, 1.7976931348623157e308};
    uint8_t b[GN_MP_HEAD];
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        double v = 7;
        assert_int_equal(gn_mp_float(b, t[i]) - b, 9);
        uint8_t *x = exact(b, 9);
        assert_ptr_equal(gn_mp_get_float(x, x + 9, &v), x + 9);
        assert_memory_equal(&v, &t[i], 8);
        free(x);
        for (size_t cut = 0; cut < 9; cut++) {
            x = exact(b, cut);
            assert_null(gn_mp_get_float(x, x + cut, &v));
            free(x);
        }
    }
    gn_mp_float(b, -0.0);
    assert_memory_equal(b, "\xcb\0\0\0\0\0\0\0\0", 9);
    const uint8_t *f32 = (const uint8_t *)"\xca\x3f\xc0\x00\x00";
    double v = 0;
    assert_ptr_equal(gn_mp_get_float(f32, f32 + 5, &v), f32 + 5);
    assert_true(v == 1.5);
    assert_null(gn_mp_get_float(f32, f32 + 4, &v));
}

static const struct {
    int64_t us;
    size_t n;
    const char *bytes;
} times[] = {
    {0, 6, "\xd6\xff\0\0\0\0"},
    {1000000, 6, "\xd6\xff\0\0\0\x01"},
    {INT64_C(4294967295000000), 6, "\xd6\xff\xff\xff\xff\xff"},
    {INT64_C(4294967296000000), 10, "\xd7\xff\0\0\0\x01\0\0\0\0"},
    {1, 10, "\xd7\xff\x00\x00\x0f\xa0\0\0\0\0"},      /* 1000 ns */
    {999999, 10, "\xd7\xff\xee\x6b\x18\x60\0\0\0\0"}, /* 999999000 ns */
    {INT64_C(17179869183999999), 10, "\xd7\xff\xee\x6b\x18\x63\xff\xff\xff\xff"},
    {INT64_C(17179869184000000), 15, "\xc7\x0c\xff\0\0\0\0\0\0\0\x04\0\0\0\0"},
    {-1, 15, "\xc7\x0c\xff\x3b\x9a\xc6\x18\xff\xff\xff\xff\xff\xff\xff\xff"},
    {-1000000, 15, "\xc7\x0c\xff\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"},
};

static void test_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        uint8_t b[GN_MP_HEAD];
        size_t n = times[i].n;
        int64_t us = 42;
        assert_bytes(b, gn_mp_time(b, times[i].us), times[i].bytes, n);
        uint8_t *x = exact(b, n);
        assert_ptr_equal(gn_mp_get_time(x, x + n, &us), x + n);
        assert_true(us == times[i].us);
        assert_ptr_equal(gn_mp_skip(x, x + n), x + n);
        free(x);
        for (size_t cut = 0; cut < n; cut++) {
            x = exact(b, cut);
            assert_null(gn_mp_get_time(x, x + cut, &us));
            assert_true(gn_mp_incomplete(x, x + cut));
            free(x);
        }
    }
    /* Every exponent, both signs, there and back. */
    for (int e = 0; e < 63; e++)
        for (int64_t d = -1; d <= 1; d++)
            for (int sign = -1; sign <= 1; sign += 2) {
                uint8_t b[GN_MP_HEAD];
                int64_t us = sign * ((INT64_C(1) << e) + d), got = 0;
                uint8_t *end = gn_mp_time(b, us);
                assert_in_range(end - b, 6, 15);
                assert_ptr_equal(gn_mp_get_time(b, end, &got), end);
                assert_true(got == us);
            }
}

static void test_time_refused(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *bytes, *why;
    } t[] = {
        {10, "\xd7\xff\x00\x00\x00\x04\0\0\0\0", "1 ns"},
        {10, "\xd7\xff\xff\xff\xff\xfc\0\0\0\0", "more than 999999999 ns"},
        {15, "\xc7\x0c\xff\x3b\x9a\xca\x00\0\0\0\0\0\0\0\0", "1000000000 ns"},
        {15, "\xc7\x0c\xff\x00\x00\x00\x01\0\0\0\0\0\0\0\0", "1 ns"},
        {15, "\xc7\x0c\xff\0\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", "beyond int64 microseconds"},
        {15, "\xc7\x0c\xff\0\0\0\0\x80\0\0\0\0\0\0\0", "beyond int64 microseconds"},
        {6, "\xd6\x01\0\0\0\0", "another extension"},
        {10, "\xd7\x00\0\0\0\0\0\0\0\0", "another extension"},
        {15, "\xc7\x0c\x05\0\0\0\0\0\0\0\0\0\0\0\0", "another extension"},
        {14, "\xc7\x0b\xff\0\0\0\0\0\0\0\0\0\0\0", "no timestamp length"},
        {4, "\xd5\xff\0\0", "no timestamp length"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const uint8_t *b = (const uint8_t *)t[i].bytes;
        int64_t us;
        if (gn_mp_get_time(b, b + t[i].n, &us))
            fail_msg("accepted: %s", t[i].why);
        /* Still values that can be skipped. */
        assert_ptr_equal(gn_mp_skip(b, b + t[i].n), b + t[i].n);
    }
}

/* The three timestamp forms of one instant. */
static void test_time_long_forms(void **state)
{
    (void)state;
    const uint8_t *b = (const uint8_t *)"\xd7\xff\0\0\0\0\0\0\0\x05";
    int64_t us = 0;
    assert_ptr_equal(gn_mp_get_time(b, b + 10, &us), b + 10);
    assert_true(us == 5000000);
    b = (const uint8_t *)"\xc7\x0c\xff\0\0\0\0\0\0\0\0\0\0\0\x05";
    assert_ptr_equal(gn_mp_get_time(b, b + 15, &us), b + 15);
    assert_true(us == 5000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int_encode),      cmocka_unit_test(test_int_decode),
        cmocka_unit_test(test_int_long_forms),  cmocka_unit_test(test_wrong_kind),
        cmocka_unit_test(test_str_bin_lengths), cmocka_unit_test(test_lying_lengths),
        cmocka_unit_test(test_containers),      cmocka_unit_test(test_depth),
        cmocka_unit_test(test_float),           cmocka_unit_test(test_time),
        cmocka_unit_test(test_time_refused),    cmocka_unit_test(test_time_long_forms),
    };
    return cmocka_run_group_tests_name("mp", tests, NULL, NULL);
}
