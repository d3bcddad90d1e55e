/* test_json.c - escaping and the placing of commas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"

#include <string.h>

static void check_str(const char *in, size_t n, const char *want)
{
    gn_buf b = {0};
    gn_err e = {0};
    assert_int_equal(gn_json_str(&b, in, n, &e), 0);
    assert_int_equal(b.n, strlen(want));
    assert_memory_equal(b.p, want, b.n);
    gn_buf_release(&b);
}

static void escapes(void **state)
{
    (void)state;
    check_str("", 0, "\"\"");
    check_str("plain", 5, "\"plain\"");
    check_str("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
    check_str("\n\r\t\x01\x1f\x7f", 6, "\"\\n\\r\\t\\u0001\\u001f\x7f\"");
    check_str("a\0b", 3, "\"a\\u0000b\"");
    check_str("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9,
              "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

static void invalid_utf8(void **state)
{
    (void)state;
#define R "\xef\xbf\xbd"
    check_str("a\xff"
              "b",
              3, "\"a" R "b\"");
    check_str("\xc3", 1, "\"" R "\"");
    check_str("\xc3\"", 2, "\"" R "\\\"\"");
    check_str("\xed\xa0\x80", 3, "\"" R R R "\""); /* a surrogate */
    check_str("\xc0\xaf", 2, "\"" R R "\"");       /* overlong */
    check_str("\xf0\x9f\x98", 3, "\"" R R R "\""); /* cut off */
    check_str("\xc3\xa9\xa9", 3, "\"\xc3\xa9" R "\"");
#undef R
}

static void structure(void **state)
{
    (void)state;
    static const char want[] = "{\"a\":[1,-2,[],{}],\"b\":{\"c\":null,\"d\":true},\"e\":\"x\"}";
    gn_buf b = {0};
    gn_err e = {0};
    gn_json j = {.b = &b};
    int r = 0;
    r |= gn_json_open(&j, '{', &e) | gn_json_key(&j, "a", &e) | gn_json_open(&j, '[', &e);
    r |= gn_json_uint(&j, 1, &e) | gn_json_int(&j, -2, &e) | gn_json_open(&j, '[', &e);
    r |= gn_json_close(&j, ']', &e) | gn_json_open(&j, '{', &e) | gn_json_close(&j, '}', &e);
    r |= gn_json_close(&j, ']', &e) | gn_json_key(&j, "b", &e) | gn_json_open(&j, '{', &e);
    r |= gn_json_key(&j, "c", &e) | gn_json_text(&j, NULL, &e) | gn_json_key(&j, "d", &e);
    r |= gn_json_bool(&j, true, &e) | gn_json_close(&j, '}', &e) | gn_json_key(&j, "e", &e);
    r |= gn_json_text(&j, "x", &e) | gn_json_close(&j, '}', &e);
    assert_int_equal(r, 0);
    assert_int_equal(b.n, sizeof want - 1);
    assert_memory_equal(b.p, want, b.n);
    gn_buf_release(&b);
}

static void numbers(void **state)
{
    (void)state;
    static const char want[] = "[18446744073709551615,-9223372036854775808]";
    gn_buf b = {0};
    gn_err e = {0};
    gn_json j = {.b = &b};
    int r = gn_json_open(&j, '[', &e) | gn_json_uint(&j, UINT64_MAX, &e) |
            gn_json_int(&j, INT64_MIN, &e) | gn_json_close(&j, ']', &e);
    assert_int_equal(r, 0);
    assert_int_equal(b.n, sizeof want - 1);
    assert_memory_equal(b.p, want, b.n);
    gn_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(invalid_utf8),
        cmocka_unit_test(structure),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
