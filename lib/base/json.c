/* json.c - see json.h. */
#include "json.h"
#include "parse.h"

#include <stdio.h>
#include <string.h>

static int add(gn_buf *b, const char *s, gn_err *e)
{
    return gn_buf_add(b, s, strlen(s), e);
}

/* The longest run from s that needs no escape: valid UTF-8 without quote, backslash, controls. */
static size_t plain(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && (unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
        i++;
    return gn_utf8_valid(s, i);
}

static int escape(gn_buf *b, unsigned char c, gn_err *e)
{
    char t[8];

    switch (c) {
    case '"':
        return add(b, "\\\"", e);
    case '\\':
        return add(b, "\\\\", e);
    case '\n':
        return add(b, "\\n", e);
    case '\r':
        return add(b, "\\r", e);
    case '\t':
        return add(b, "\\t", e);
    }
    if (c >= 0x80)
        return add(b, "\xef\xbf\xbd", e);
    snprintf(t, sizeof t, "\\u%04x", c);
    return add(b, t, e);
}

int gn_json_str(gn_buf *b, const char *s, size_t n, gn_err *e)
{
    if (add(b, "\"", e))
        return -1;
    while (n) {
        size_t k = plain(s, n);

        if (k && gn_buf_add(b, s, k, e))
            return -1;
        s += k;
        n -= k;
        if (n) {
            if (escape(b, (unsigned char)*s, e))
                return -1;
            s++;
            n--;
        }
    }
    return add(b, "\"", e);
}

static int lead(gn_json *j, gn_err *e)
{
    if (j->comma && add(j->b, ",", e))
        return -1;
    j->comma = true;
    return 0;
}

int gn_json_open(gn_json *j, char bracket, gn_err *e)
{
    if (lead(j, e) || gn_buf_add(j->b, &bracket, 1, e))
        return -1;
    j->comma = false;
    return 0;
}

int gn_json_close(gn_json *j, char bracket, gn_err *e)
{
    j->comma = true;
    return gn_buf_add(j->b, &bracket, 1, e);
}

int gn_json_key(gn_json *j, const char *key, gn_err *e)
{
    if (lead(j, e) || gn_json_str(j->b, key, strlen(key), e) || add(j->b, ":", e))
        return -1;
    j->comma = false;
    return 0;
}

int gn_json_textn(gn_json *j, const char *s, size_t n, gn_err *e)
{
    return lead(j, e) || gn_json_str(j->b, s, n, e) ? -1 : 0;
}

int gn_json_text(gn_json *j, const char *s, gn_err *e)
{
    return s ? gn_json_textn(j, s, strlen(s), e) : gn_json_null(j, e);
}

int gn_json_uint(gn_json *j, uint64_t v, gn_err *e)
{
    return lead(j, e) || gn_buf_printf(j->b, e, "%llu", (unsigned long long)v) ? -1 : 0;
}

int gn_json_int(gn_json *j, int64_t v, gn_err *e)
{
    return lead(j, e) || gn_buf_printf(j->b, e, "%lld", (long long)v) ? -1 : 0;
}

int gn_json_bool(gn_json *j, bool v, gn_err *e)
{
    return lead(j, e) || add(j->b, v ? "true" : "false", e) ? -1 : 0;
}

int gn_json_null(gn_json *j, gn_err *e)
{
    return lead(j, e) || add(j->b, "null", e) ? -1 : 0;
}
