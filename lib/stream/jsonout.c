/* jsonout.c - see jsonout.h.
 *
 * Rows are formatted straight into the output's buffer, some at a time; whether a string must be
 * escaped is asked of eight bytes at once (the byte tests of S. E. Anderson's Bit Twiddling Hacks,
 * https://graphics.stanford.edu/~seander/bithacks.html; they may find too much, never too little).
 * UTF-8 is checked on what was formatted, so in one go. Rows of large values go out in pieces. */
#include "jsonout.h"

#include "../base/json.h"
#include "../base/mem.h"
#include "../base/parse.h"

#include <stdlib.h>
#include <string.h>

#define GROUP ((size_t)128 * 1024)    /* bytes reserved at a time */
#define ROW_LARGE ((size_t)16 * 1024) /* a record beyond this is written in pieces */
#define PIECE ((size_t)3 * 4096)      /* of a value; a multiple of 3 */
#define ESCAPE 6                      /* the longest: \u001f */
#define ONES UINT64_C(0x0101010101010101)

struct gn_jsonout {
    bool array, omit_null, utc;
    bool any; /* a row was written */
    gn_text *text;
    const char *name;
    int *field;
    size_t nfields;
    gn_buf keys;  /* ,"name": of each field */
    size_t *key;  /* where each begins; one more for the end */
    size_t fixed; /* bytes of a row without str and bin, at most */
};

gn_jsonout *gn_jsonout_new(bool array, bool omit_null, const gn_zone *zone, gn_err *e)
{
    gn_jsonout *j = gn_calloc(1, sizeof *j, e);

    if (!j)
        return NULL;
    j->array = array;
    j->omit_null = omit_null;
    j->utc = !zone || gn_zone_is_utc(zone);
    j->text = gn_text_new(zone, e);
    if (!j->text) {
        free(j);
        return NULL;
    }
    return j;
}

static void drop_fields(gn_jsonout *j)
{
    free(j->field);
    free(j->key);
    j->field = NULL;
    j->key = NULL;
    j->nfields = 0;
    j->keys.n = 0;
}

void gn_jsonout_free(gn_jsonout *j)
{
    if (!j)
        return;
    drop_fields(j);
    gn_text_free(j->text);
    gn_buf_release(&j->keys);
    free(j);
}

int gn_jsonout_begin(gn_jsonout *j, const gn_schema *s, const char *list, const char *name,
                     gn_err *e)
{
    drop_fields(j);
    j->name = name;
    if (list) {
        if (gn_schema_select(s, list, &j->field, &j->nfields, e))
            return -1;
    } else {
        if (!(j->field = gn_alloc(s->n, sizeof *j->field, e)))
            return -1;
        for (size_t i = 0; i < s->n; i++)
            j->field[i] = (int)i;
        j->nfields = s->n;
    }
    if (!(j->key = gn_alloc(j->nfields + 1, sizeof *j->key, e)))
        return -1;
    for (size_t i = 0; i < j->nfields; i++) {
        const char *f = s->f[j->field[i]].name;
        j->key[i] = j->keys.n;
        if (gn_buf_add(&j->keys, ",", 1, e) || gn_json_str(&j->keys, f, strlen(f), e) ||
            gn_buf_add(&j->keys, ":", 1, e))
            return -1;
    }
    j->key[j->nfields] = j->keys.n;
    j->fixed = j->keys.n + j->nfields * (GN_TEXT_MAX + 4) + 8;
    return 0;
}

const int *gn_jsonout_fields(const gn_jsonout *j, size_t *n)
{
    *n = j->nfields;
    return j->field;
}

static inline uint64_t load8(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, 8);
    return v;
}

/* Non-zero when one of 8 bytes is below 0x20, a quote or a backslash. */
static inline uint64_t suspect8(uint64_t x)
{
    uint64_t q = x ^ (ONES * '"'), b = x ^ (ONES * '\\');

    return (((x - ONES * 0x20) & ~x) | ((q - ONES) & ~q) | ((b - ONES) & ~b)) & (ONES * 0x80);
}

static uint8_t *put_byte(uint8_t *p, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";

    if ((c >= 0x20 && c != '"' && c != '\\') || c == 0) { /* 0 is found with bad UTF-8 */
        *p++ = c;
        return p;
    }
    *p++ = '\\';
    switch (c) {
    case '"':
    case '\\':
        *p++ = c;
        return p;
    case '\n':
        *p++ = 'n';
        return p;
    case '\r':
        *p++ = 'r';
        return p;
    case '\t':
        *p++ = 't';
        return p;
    }
    memcpy(p, "u00", 3);
    p[3] = (uint8_t)digits[c >> 4];
    p[4] = (uint8_t)digits[c & 15];
    return p + 5;
}

/* The inside of a string: at most ESCAPE * n bytes. */
static inline uint8_t *put_text(uint8_t *p, const uint8_t *s, size_t n)
{
    const uint8_t *end = s + n;

    while (end - s >= 8) {
        uint64_t x = load8(s);
        if (!suspect8(x)) {
            memcpy(p, &x, 8);
            p += 8;
            s += 8;
            continue;
        }
        for (int i = 0; i < 8; i++)
            p = put_byte(p, *s++);
    }
    if (end - s >= 4) {
        uint32_t x;
        memcpy(&x, s, 4);
        if (suspect8(x | UINT64_C(0x2323232300000000))) {
            for (int i = 0; i < 4; i++)
                p = put_byte(p, s[i]);
        } else {
            memcpy(p, &x, 4);
            p += 4;
        }
        s += 4;
    }
    while (s < end)
        p = put_byte(p, *s++);
    return p;
}

static uint8_t *put_base64(uint8_t *p, const uint8_t *s, size_t n)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (; n >= 3; n -= 3, s += 3, p += 4) {
        p[0] = (uint8_t)set[s[0] >> 2];
        p[1] = (uint8_t)set[(s[0] & 3) << 4 | s[1] >> 4];
        p[2] = (uint8_t)set[(s[1] & 15) << 2 | s[2] >> 6];
        p[3] = (uint8_t)set[s[2] & 63];
    }
    if (n == 0)
        return p;
    unsigned second = n == 2 ? s[1] : 0;
    p[0] = (uint8_t)set[s[0] >> 2];
    p[1] = (uint8_t)set[(s[0] & 3u) << 4 | second >> 4];
    p[2] = n == 2 ? (uint8_t)set[(second & 15) << 2] : '=';
    p[3] = '=';
    return p + 4;
}

/* Any type but str and bin, null included: at most GN_TEXT_MAX + 3 bytes. */
static inline uint8_t *put_scalar(gn_jsonout *j, uint8_t *out, const gn_vec *v, size_t i)
{
    char *p = (char *)out;

    if (v->null[i]) {
        memcpy(p, "null", 4);
        return out + 4;
    }
    switch (v->type) {
    case GN_INT:
        p = gn_text_int(p, v->i[i]);
        break;
    case GN_FLOAT:
        p = gn_text_float(p, v->f[i]);
        break;
    case GN_BOOL:
        p = gn_text_bool(p, v->i[i] != 0);
        break;
    case GN_DATE:
        *p++ = '"';
        p = gn_text_date(j->text, p, v->i[i]);
        *p++ = '"';
        break;
    case GN_TIME:
        *p = '"';
        p = gn_text_time(j->text, p + 1, v->i[i]);
        out[1 + sizeof "YYYY-MM-DD" - 1] = 'T'; /* a blank there in other texts */
        if (j->utc)
            *p++ = 'Z';
        *p++ = '"';
        break;
    case GN_STR:
    case GN_BIN:
        break;
    }
    return (uint8_t *)p;
}

/* What goes before and after a row's object, in an array and elsewhere. */
static uint8_t *put_begin(gn_jsonout *j, uint8_t *p)
{
    if (j->array) {
        *p++ = j->any ? ',' : '[';
        *p++ = '\n';
    }
    j->any = true;
    return p;
}

/* One row into room for it. */
static inline uint8_t *put_row(gn_jsonout *j, const gn_batch *b, size_t i, uint8_t *p)
{
    uint8_t *begin = p = put_begin(j, p);

    for (size_t k = 0; k < j->nfields; k++) {
        const gn_vec *v = &b->col[j->field[k]];
        size_t n = j->key[k + 1] - j->key[k];

        if (j->omit_null && v->null[i])
            continue;
        memcpy(p, j->keys.p + j->key[k], n);
        p += n;
        if ((v->type == GN_STR || v->type == GN_BIN) && !v->null[i]) {
            *p++ = '"';
            p = v->type == GN_STR ? put_text(p, v->s[i].p, v->s[i].n)
                                  : put_base64(p, v->s[i].p, v->s[i].n);
            *p++ = '"';
        } else {
            p = put_scalar(j, p, v, i);
        }
    }
    if (p == begin)
        p++;
    *begin = '{'; /* in the place of the first comma */
    *p++ = '}';
    if (!j->array)
        *p++ = '\n';
    return p;
}

static int not_utf8(const gn_jsonout *j, const gn_batch *b, size_t from, size_t to, gn_err *e)
{
    unsigned long long first = b->first + from + 1, last = b->first + to;

    return gn_fail(e, GN_CORRUPT, "'%s': records %llu to %llu: a str that is not valid UTF-8",
                   j->name, first, last);
}

/* Rows [from, to), which fit `room` bytes together. */
static int write_group(gn_jsonout *j, const gn_batch *b, size_t from, size_t to, size_t room,
                       gn_out *out, gn_err *e)
{
    uint8_t *begin = gn_out_reserve(out, room, e), *p = begin;

    if (!p)
        return -1;
    for (size_t i = from; i < to; i++)
        p = put_row(j, b, i, p);
    size_t n = (size_t)(p - begin);
    if (gn_utf8_valid((const char *)begin, n) != n)
        return not_utf8(j, b, from, to, e);
    gn_out_advance(out, p);
    return 0;
}

static int write_long(const gn_vec *v, size_t i, gn_out *out, gn_err *e)
{
    const gn_str s = v->s[i];

    if (gn_out_write(out, "\"", 1, e))
        return -1;
    for (size_t at = 0; at < s.n; at += PIECE) {
        size_t n = s.n - at < PIECE ? s.n - at : PIECE;
        uint8_t *p = gn_out_reserve(out, ESCAPE * PIECE, e);
        if (!p)
            return -1;
        gn_out_advance(out,
                       v->type == GN_STR ? put_text(p, s.p + at, n) : put_base64(p, s.p + at, n));
    }
    return gn_out_write(out, "\"", 1, e);
}

/* A row value by value. */
static int write_row(gn_jsonout *j, const gn_batch *b, size_t i, gn_out *out, gn_err *e)
{
    uint8_t t[GN_TEXT_MAX + 8];
    bool first = true;

    if (gn_out_write(out, t, (size_t)(put_begin(j, t) - t), e))
        return -1;
    for (size_t k = 0; k < j->nfields; k++) {
        const gn_vec *v = &b->col[j->field[k]];
        const uint8_t *key = j->keys.p + j->key[k];
        size_t n = j->key[k + 1] - j->key[k];

        if (j->omit_null && v->null[i])
            continue;
        if (gn_out_write(out, first ? "{" : ",", 1, e) || gn_out_write(out, key + 1, n - 1, e))
            return -1;
        first = false;
        if ((v->type == GN_STR || v->type == GN_BIN) && !v->null[i]) {
            const gn_str s = v->s[i];
            if (v->type == GN_STR && gn_utf8_valid((const char *)s.p, s.n) != s.n)
                return not_utf8(j, b, i, i + 1, e);
            if (write_long(v, i, out, e))
                return -1;
        } else if (gn_out_write(out, t, (size_t)(put_scalar(j, t, v, i) - t), e)) {
            return -1;
        }
    }
    return gn_out_write(out, first ? "{}\n" : "}\n", (first ? 3u : 2u) - j->array, e);
}

int gn_jsonout_rows(gn_jsonout *j, const gn_batch *b, gn_out *out, gn_err *e)
{
    for (size_t i = 0; i < b->n;) {
        size_t room = 0, k = i;

        for (; k < b->n; k++) {
            size_t bytes = b->off[k + 1] - b->off[k], row = ESCAPE * bytes + j->fixed;
            if (bytes > ROW_LARGE || (k > i && room + row > GROUP))
                break;
            room += row;
        }
        if (k > i) {
            if (write_group(j, b, i, k, room, out, e))
                return -1;
        } else {
            if (write_row(j, b, i, out, e))
                return -1;
            k++;
        }
        i = k;
        if (gn_out_mark(out, e))
            return -1;
    }
    return 0;
}

int gn_jsonout_finish(gn_jsonout *j, gn_out *out, gn_err *e)
{
    if (!j->array)
        return 0;
    return j->any ? gn_out_write(out, "\n]\n", 3, e) : gn_out_write(out, "[]\n", 3, e);
}
