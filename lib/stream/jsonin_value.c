/* jsonin_value.c - one line of JSON, and its values as fields.
 *
 * Jansson parses. What it refuses where we do not is mended first, in a copy of the line, and only
 * when it has refused: bytes that are no UTF-8 and halves of surrogate pairs (as the options say),
 * and whole numbers beyond int64, which floats and text can hold. Those become strings of a NUL and
 * the digits: a NUL in a true string is an error anyway. */
#include "jsonin_priv.h"

#include "../base/json.h"
#include "../base/mend.h"
#include "../base/parse.h"
#include "../io/mp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEST 64 /* of arrays and objects in a value that is kept as text */

/* ---- mending ---- */

static int hex4(const char *s, const char *end)
{
    int v = 0;
    if (end - s < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = s[i] | 0x20;
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

/* The escape at s: its length, and in *alone whether it is half of a surrogate pair. */
static size_t escape_at(const char *s, const char *end, bool *alone)
{
    *alone = false;
    if (end - s < 2 || s[1] != 'u')
        return end - s < 2 ? 1 : 2;
    int v = hex4(s + 2, end);
    if (v < 0xd800 || v > 0xdfff)
        return v < 0 ? 2 : 6;
    if (v < 0xdc00 && end - s >= 8 && s[6] == '\\' && s[7] == 'u') {
        int low = hex4(s + 8, end);
        if (low >= 0xdc00 && low <= 0xdfff)
            return 12;
    }
    *alone = true;
    return 6;
}

static const char *string_end(const char *s, const char *end)
{
    for (s++; s < end && *s != '"'; s++)
        if (*s == '\\' && end - s > 1)
            s++;
    return s < end ? s + 1 : end;
}

/* A number token at s: its end; *big says that it is whole and beyond int64. */
static const char *number_end(const char *s, const char *end, bool *big)
{
    const char *p = s;
    bool whole = true;
    int64_t v;
    for (p += *p == '-'; p < end && ((*p >= '0' && *p <= '9') || *p == '.' || *p == 'e' ||
                                     *p == 'E' || *p == '+' || *p == '-');
         p++)
        whole = whole && *p >= '0' && *p <= '9';
    *big = whole && p - s > 18 && !gn_parse_int(s, (size_t)(p - s), &v);
    return p;
}

static int mend_surrogates(gn_buf *to, const char *s, const char *end, gn_err *e)
{
    while (s < end) {
        const char *q = memchr(s, '\\', (size_t)(end - s));
        bool alone = false;
        size_t n = (size_t)((q ? q : end) - s);
        if (gn_buf_add(to, s, n, e))
            return -1;
        s += n;
        if (s == end)
            break;
        n = escape_at(s, end, &alone);
        if (gn_buf_add(to, alone ? "\\ufffd" : s, n, e))
            return -1;
        s += n;
    }
    return 0;
}

static int mend_numbers(gn_buf *to, const char *s, const char *end, gn_err *e)
{
    while (s < end) {
        const char *next = s + 1;
        bool big = false;
        if (*s == '"')
            next = string_end(s, end);
        else if (*s == '-' || (*s >= '0' && *s <= '9'))
            next = number_end(s, end, &big);
        if ((big && gn_buf_add(to, "\"\\u0000", 7, e)) ||
            gn_buf_add(to, s, (size_t)(next - s), e) || (big && gn_buf_add(to, "\"", 1, e)))
            return -1;
        s = next;
    }
    return 0;
}

/* ---- parsing ---- */

static json_t *load(const char *s, size_t n, enum json_error_code *why)
{
    json_error_t err;
    json_t *v = json_loadb(s, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &err);
    *why = v ? json_error_unknown : json_error_code(&err);
    return v;
}

static bool has_surrogate(const char *s, size_t n)
{
    const char *end = s + n;
    while ((s = memchr(s, '\\', (size_t)(end - s)))) {
        bool alone;
        s += escape_at(s, end, &alone);
        if (alone)
            return true;
    }
    return false;
}

static void bad_line(gn_jsonline *out, enum json_error_code why, bool text)
{
    out->rule = "json";
    out->hint = "";
    switch (why) {
    case json_error_duplicate_key:
        out->rule = "duplicate_key";
        out->reason = "an object has a key twice";
        break;
    case json_error_numeric_overflow:
        out->reason = "a number that no float can hold";
        break;
    case json_error_stack_overflow:
        out->reason = "arrays or objects nested too deep";
        break;
    case json_error_null_byte_in_key:
        out->reason = "a key holds a NUL";
        break;
    default:
        out->reason = "not a JSON object";
        out->hint = " (one object a line is read)";
        break;
    }
    if (text) {
        out->rule = "text";
        out->reason = "not valid UTF-8, or half of a surrogate pair";
        out->hint = " (--invalid-utf8 replace takes it)";
    }
}

int gn_jsonin_parse(gn_jsonin *j, const uint8_t *p, size_t n, gn_jsonline *out, gn_err *e)
{
    const char *s = (const char *)p;
    enum json_error_code why;
    *out = (gn_jsonline){0};
    j->text.n = 0;
    out->root = load(s, n, &why);
    bool text =
        why == json_error_invalid_utf8 || (why == json_error_invalid_syntax && has_surrogate(s, n));
    if (!out->root && text && j->opt.replace_text) {
        j->string.n = j->mended.n = 0;
        if (gn_mend_utf8(&j->string, s, n, e) ||
            mend_surrogates(&j->mended, (char *)j->string.p, (char *)j->string.p + j->string.n, e))
            return -1;
        s = (const char *)j->mended.p;
        n = j->mended.n;
        out->root = load(s, n, &why);
        text = false;
    }
    if (!out->root && why == json_error_numeric_overflow) {
        j->string.n = 0;
        if (mend_numbers(&j->string, s, s + n, e))
            return -1;
        out->root = load((const char *)j->string.p, j->string.n, &why);
        out->big = true;
    }
    if (!out->root && why == json_error_out_of_memory)
        return gn_fail(e, GN_IO, "out of memory: a line of %zu bytes", n);
    if (out->root && !json_is_object(out->root)) {
        json_decref(out->root);
        out->root = NULL;
    }
    if (!out->root)
        bad_line(out, why, text);
    return 0;
}

/* ---- values ---- */

bool gn_jsonin_big(const gn_jsonline *l, const json_t *v)
{
    return l->big && json_is_string(v) && json_string_length(v) > 1 && *json_string_value(v) == 0;
}

bool gn_jsonin_dumps(const gn_jsonline *l, const json_t *v)
{
    return !json_is_string(v) || gn_jsonin_big(l, v);
}

static bool too_deep(const json_t *v, int depth)
{
    const char *key;
    json_t *x;
    size_t i;
    bool deep = depth > NEST;
    if (!deep && json_is_object(v)) {
        json_object_foreach((json_t *)v, key, x) /* which takes no const */
            deep = deep || too_deep(x, depth + 1);
    } else if (!deep && json_is_array(v)) {
        json_array_foreach(v, i, x) deep = deep || too_deep(x, depth + 1);
    }
    return deep;
}

static int put_raw(gn_json *out, const char *s, size_t n, gn_err *e)
{
    if (out->comma && gn_buf_add(out->b, ",", 1, e))
        return -1;
    out->comma = true;
    return gn_buf_add(out->b, s, n, e);
}

/* The depth was looked at. */
static int dump(gn_json *out, const gn_jsonline *l, const json_t *v, gn_err *e)
{
    char t[GN_FLOAT_TEXT];
    const char *key;
    json_t *x;
    size_t i;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        if (gn_json_open(out, '{', e))
            return -1;
        json_object_foreach((json_t *)v, key,
                            x) if (gn_json_key(out, key, e) || dump(out, l, x, e)) return -1;
        return gn_json_close(out, '}', e);
    case JSON_ARRAY:
        if (gn_json_open(out, '[', e))
            return -1;
        json_array_foreach(v, i, x) if (dump(out, l, x, e)) return -1;
        return gn_json_close(out, ']', e);
    case JSON_STRING:
        if (!gn_jsonin_big(l, v))
            return gn_json_textn(out, json_string_value(v), json_string_length(v), e);
        return put_raw(out, json_string_value(v) + 1, json_string_length(v) - 1, e);
    case JSON_INTEGER:
        return gn_json_int(out, json_integer_value(v), e);
    case JSON_REAL:
        return put_raw(out, t, gn_float_format(json_real_value(v), t), e);
    case JSON_TRUE:
    case JSON_FALSE:
        return gn_json_bool(out, json_is_true(v), e);
    case JSON_NULL:
        break;
    }
    return gn_json_null(out, e);
}

int gn_jsonin_dump(gn_buf *to, const gn_jsonline *l, const json_t *v, gn_err *e)
{
    gn_json out = {.b = to};
    return too_deep(v, 0) ? 1 : dump(&out, l, v, e);
}

static int base64_digit(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Padded, without anything between; bits beyond the last byte are 0. */
static uint8_t *put_base64(uint8_t *o, const char *s, size_t n)
{
    if (n % 4)
        return NULL;
    size_t pad = n && s[n - 1] == '=' ? 1 + (s[n - 2] == '=') : 0;
    o = gn_mp_bin_head(o, n / 4 * 3 - pad);
    for (size_t i = 0; i < n; i += 4) {
        size_t last = i + 4 == n ? pad : 0;
        int d[4];
        for (size_t k = 0; k < 4; k++) {
            d[k] = k + last < 4 ? base64_digit((unsigned char)s[i + k]) : 0;
            if (d[k] < 0)
                return NULL;
        }
        uint32_t v = (uint32_t)(d[0] << 18 | d[1] << 12 | d[2] << 6 | d[3]);
        if (v & ((1u << 8 * last) - 1))
            return NULL;
        for (size_t k = 0; k < 3 - last; k++)
            *o++ = (uint8_t)(v >> (16 - 8 * k));
    }
    return o;
}

static uint8_t *put_int(const json_t *v, const char *s, size_t n, uint8_t *o)
{
    int64_t i;
    if (json_is_integer(v))
        return gn_mp_int(o, json_integer_value(v));
    if (json_is_real(v)) { /* 1.0, 1e3: exact within 2^53 */
        double f = json_real_value(v);
        if (f != floor(f) || fabs(f) > 0x1p53)
            return NULL;
        return gn_mp_int(o, (int64_t)f);
    }
    return s && gn_parse_int(s, n, &i) ? gn_mp_int(o, i) : NULL;
}

static uint8_t *put_float(const json_t *v, const char *s, size_t n, uint8_t *o)
{
    double f;
    if (json_is_number(v))
        return gn_mp_float(o, json_number_value(v));
    return s && gn_parse_float(s, n, &f) ? gn_mp_float(o, f) : NULL;
}

static uint8_t *put_time(const gn_jsonin *j, const json_t *v, const char *s, size_t n, uint8_t *o)
{
    char t[32];
    int64_t us;
    if (json_is_integer(v)) {
        n = gn_int_format(json_integer_value(v), t);
        s = t;
    }
    return s && gn_parse_time(s, n, j->opt.zone, &us) ? gn_mp_time(o, us) : NULL;
}

uint8_t *gn_jsonin_put(gn_jsonin *j, gn_type t, const gn_jsonline *l, const gn_jsoncell *c,
                       uint8_t *o, gn_err *e)
{
    const json_t *v = c->v;
    const char *s = json_string_value(v); /* NULL: not a string */
    size_t n = json_string_length(v);
    bool b;
    int64_t i;
    if (!v)
        return gn_mp_nil(o);
    if (s && gn_jsonin_big(l, v)) {
        s++;
        n--;
    }
    switch (t) {
    case GN_STR:
        if (c->dumped) {
            s = (const char *)j->text.p + c->at;
            n = c->n;
        }
        if (memchr(s, 0, n)) {
            if (!j->opt.replace_text)
                return NULL;
            j->string.n = 0;
            if (gn_mend_utf8(&j->string, s, n, e))
                return NULL;
            s = (const char *)j->string.p;
            n = j->string.n;
        }
        return gn_mp_str(o, s, n);
    case GN_INT:
        return put_int(v, s, n, o);
    case GN_FLOAT:
        return put_float(v, s, n, o);
    case GN_BOOL:
        if (json_is_boolean(v))
            return gn_mp_bool(o, json_is_true(v));
        return s && gn_parse_bool(s, n, &b) ? gn_mp_bool(o, b) : NULL;
    case GN_TIME:
        return put_time(j, v, s, n, o);
    case GN_DATE:
        return s && gn_parse_date(s, n, &i) ? gn_mp_int(o, i) : NULL;
    case GN_BIN:
        break;
    }
    return s ? put_base64(o, s, n) : NULL;
}

size_t gn_jsonin_room(const gn_jsoncell *c)
{
    /* A NUL takes three bytes when it is replaced. */
    return GN_MP_HEAD + (c->dumped              ? c->n
                         : json_is_string(c->v) ? 3 * json_string_length(c->v)
                                                : 0);
}
