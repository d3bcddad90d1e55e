/* csvout.c - see csvout.h.
 *
 * Rows are formatted straight into the output's buffer, a few thousand bytes at a time. Whether a
 * string needs quotes is asked of eight bytes at once (the "any byte less than / equal to" tests
 * of S. E. Anderson's Bit Twiddling Hacks, https://graphics.stanford.edu/~seander/bithacks.html);
 * rows of over ROW_LARGE bytes go out in pieces, so that no giant value needs a giant buffer. The
 * first row of a file without header takes that way too: only there may a BOM need quotes. */
#include "csvout.h"

#include "../base/mem.h"

#include <stdlib.h>
#include <string.h>

#define GROUP ((size_t)64 * 1024)     /* bytes of rows reserved at a time */
#define ROW_LARGE ((size_t)64 * 1024) /* a record beyond this is written in pieces */
#define ONES UINT64_C(0x0101010101010101)
#define HIGHS (ONES * 0x80)

struct gn_csvout {
    char delimiter;
    bool header;
    bool start; /* nothing was written yet: a BOM here needs quotes */
    bool begun;
    uint64_t delims; /* the delimiter in every byte */
    gn_text *text;
    gn_schema chosen; /* of the first segment */
    int *field;
    size_t nfields;
};

gn_csvout *gn_csvout_new(char delimiter, bool header, const gn_zone *zone, gn_err *e)
{
    gn_csvout *c = gn_calloc(1, sizeof *c, e);

    if (!c)
        return NULL;
    c->delimiter = delimiter;
    c->delims = ONES * (unsigned char)delimiter;
    c->header = header;
    c->start = true;
    c->text = gn_text_new(zone, e);
    if (!c->text) {
        gn_csvout_free(c);
        return NULL;
    }
    return c;
}

void gn_csvout_free(gn_csvout *c)
{
    if (!c)
        return;
    gn_text_free(c->text);
    gn_schema_release(&c->chosen);
    free(c->field);
    free(c);
}

int gn_csvout_delimiter(const char *text, char *out, gn_err *e)
{
    char d = text[0];

    if (strcmp(text, "\\t") == 0)
        d = '\t';
    else if (!d || text[1])
        return gn_fail(e, GN_USAGE, "--delimiter '%s': give one ASCII character, or \\t", text);
    if ((unsigned char)d >= 0x7f || strchr("\"\r\n+-.:", d) || (d >= '0' && d <= '9') ||
        (d >= 'a' && d <= 'z') || (d >= 'A' && d <= 'Z'))
        return gn_fail(e, GN_USAGE,
                       "--delimiter: this character cannot separate fields (use , ; | or \\t)");
    *out = d;
    return 0;
}

/* Does any of 8 bytes lie below 0x20, or equal the quote or the delimiter? */
static inline uint64_t suspect8(const gn_csvout *c, uint64_t x)
{
    uint64_t q = x ^ (ONES * '"'), d = x ^ c->delims;

    return (((x - ONES * 0x20) & ~x) | ((q - ONES) & ~q) | ((d - ONES) & ~d)) & HIGHS;
}

static inline uint64_t load8(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint64_t load4(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static bool needs_quotes(const gn_csvout *c, const uint8_t *s, size_t n)
{
    if (n == 0 || (c->start && n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0))
        return true;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '"' || s[i] == '\n' || s[i] == '\r' || s[i] == (uint8_t)c->delimiter)
            return true;
    return false;
}

/* A string of fewer than ROW_LARGE bytes; room for 2n + 2. */
static uint8_t *put_str_slow(const gn_csvout *c, uint8_t *p, const uint8_t *s, size_t n)
{
    if (!needs_quotes(c, s, n)) {
        memcpy(p, s, n);
        return p + n;
    }
    *p++ = '"';
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"')
            *p++ = '"';
        *p++ = s[i];
    }
    *p++ = '"';
    return p;
}

/* The common case, without reading beyond the string: a clean one of 1 to 16 bytes. */
static inline uint8_t *put_str(const gn_csvout *c, uint8_t *p, const uint8_t *s, size_t n)
{
    if (n >= 8 && n <= 16) {
        uint64_t a = load8(s), b = load8(s + n - 8);
        if (!(suspect8(c, a) | suspect8(c, b))) {
            memcpy(p, &a, 8);
            memcpy(p + n - 8, &b, 8);
            return p + n;
        }
    } else if (n >= 4 && n < 8) {
        uint64_t a = load4(s), b = load4(s + n - 4);
        if (!suspect8(c, a | b << 32)) {
            memcpy(p, &a, 4);
            memcpy(p + n - 4, &b, 4);
            return p + n;
        }
    } else if (n > 16) {
        uint64_t bad = suspect8(c, load8(s + n - 8));
        for (size_t i = 0; i + 8 < n; i += 8)
            bad |= suspect8(c, load8(s + i));
        if (!bad) {
            memcpy(p, s, n);
            return p + n;
        }
    }
    return put_str_slow(c, p, s, n);
}

static uint8_t *put_hex(uint8_t *p, const uint8_t *s, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        *p++ = (uint8_t)digits[s[i] >> 4];
        *p++ = (uint8_t)digits[s[i] & 15];
    }
    return p;
}

/* Any type but str and bin; at most GN_TEXT_MAX bytes and two quotes. */
static inline uint8_t *put_scalar(gn_csvout *c, uint8_t *out, const gn_vec *v, size_t i)
{
    char *p = (char *)out;

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
        p = gn_text_date(c->text, p, v->i[i]);
        break;
    case GN_TIME:
        if (c->delimiter == ' ') { /* the blank in it would separate */
            *p++ = '"';
            p = gn_text_time(c->text, p, v->i[i]);
            *p++ = '"';
        } else {
            p = gn_text_time(c->text, p, v->i[i]);
        }
        break;
    case GN_STR:
    case GN_BIN:
        break;
    }
    return (uint8_t *)p;
}

/* One row into room for it. */
static inline uint8_t *put_row(gn_csvout *c, const gn_batch *b, size_t i, uint8_t *p)
{
    for (size_t j = 0; j < c->nfields; j++) {
        const gn_vec *v = &b->col[c->field[j]];

        if (j)
            *p++ = (uint8_t)c->delimiter;
        if (v->null[i])
            continue;
        if (v->type == GN_STR) {
            p = put_str(c, p, v->s[i].p, v->s[i].n);
        } else if (v->type == GN_BIN && v->s[i].n) {
            p = put_hex(p, v->s[i].p, v->s[i].n);
        } else if (v->type == GN_BIN) {
            *p++ = '"';
            *p++ = '"';
        } else {
            p = put_scalar(c, p, v, i);
        }
    }
    *p++ = '\n';
    return p;
}

static int write_hex(const gn_str *s, gn_out *out, gn_err *e)
{
    uint8_t t[1024];

    for (size_t i = 0; i < s->n;) {
        size_t k = s->n - i < sizeof t / 2 ? s->n - i : sizeof t / 2;
        uint8_t *q = put_hex(t, s->p + i, k);
        if (gn_out_write(out, t, (size_t)(q - t), e))
            return -1;
        i += k;
    }
    return s->n ? 0 : gn_out_write(out, "\"\"", 2, e);
}

static int write_str(const gn_csvout *c, const gn_str *s, gn_out *out, gn_err *e)
{
    const uint8_t *p = s->p, *end = s->p + s->n;

    if (!needs_quotes(c, s->p, s->n))
        return gn_out_write(out, s->p, s->n, e);
    if (gn_out_write(out, "\"", 1, e))
        return -1;
    while (p < end) { /* each piece ends with the quote that is doubled by the next */
        const uint8_t *q = memchr(p, '"', (size_t)(end - p));
        size_t k = q ? (size_t)(q - p) + 1 : (size_t)(end - p);
        if (gn_out_write(out, p, k, e) || (q && gn_out_write(out, "\"", 1, e)))
            return -1;
        p += k;
    }
    return gn_out_write(out, "\"", 1, e);
}

/* A row value by value: one with large values, or the first of the file. */
static int write_row(gn_csvout *c, const gn_batch *b, size_t i, gn_out *out, gn_err *e)
{
    for (size_t j = 0; j < c->nfields; j++) {
        const gn_vec *v = &b->col[c->field[j]];

        if (j && gn_out_write(out, &c->delimiter, 1, e))
            return -1;
        if (v->null[i])
            continue;
        if (v->type == GN_STR) {
            if (write_str(c, &v->s[i], out, e))
                return -1;
        } else if (v->type == GN_BIN) {
            if (write_hex(&v->s[i], out, e))
                return -1;
        } else {
            uint8_t t[GN_TEXT_MAX + 2];
            uint8_t *p = put_scalar(c, t, v, i);
            if (gn_out_write(out, t, (size_t)(p - t), e))
                return -1;
        }
        c->start = false;
    }
    return gn_out_write(out, "\n", 1, e);
}

/* Rows [from, to), which fit `room` bytes together. */
static int write_group(gn_csvout *c, const gn_batch *b, size_t from, size_t to, size_t room,
                       gn_out *out, gn_err *e)
{
    uint8_t *p = gn_out_reserve(out, room, e);

    if (!p)
        return -1;
    for (size_t i = from; i < to; i++) {
        p = put_row(c, b, i, p);
    }
    gn_out_advance(out, p);
    return 0;
}

int gn_csvout_rows(gn_csvout *c, const gn_batch *b, gn_out *out, gn_err *e)
{
    size_t fixed = c->nfields * (GN_TEXT_MAX + 4) + 1;

    for (size_t i = 0; i < b->n;) {
        size_t room = 0, j = i;

        for (; j < b->n; j++) {
            size_t bytes = b->off[j + 1] - b->off[j];
            if (bytes > ROW_LARGE || c->start || (j > i && room + 2 * bytes + fixed > GROUP))
                break;
            room += 2 * bytes + fixed;
        }
        if (j > i) {
            if (write_group(c, b, i, j, room, out, e))
                return -1;
        } else {
            if (write_row(c, b, i, out, e))
                return -1;
            j++;
        }
        i = j;
        if (gn_out_mark(out, e))
            return -1;
    }
    return 0;
}

static int write_header(gn_csvout *c, gn_out *out, gn_err *e)
{
    for (size_t j = 0; j < c->nfields; j++) {
        const char *name = c->chosen.f[j].name;
        size_t n = strlen(name);
        uint8_t *p = gn_out_reserve(out, 2 * n + 3, e);

        if (!p)
            return -1;
        if (j)
            *p++ = (uint8_t)c->delimiter;
        p = put_str_slow(c, p, (const uint8_t *)name, n);
        c->start = false;
        gn_out_advance(out, p);
    }
    return gn_out_write(out, "\n", 1, e);
}

/* The chosen fields of a segment as a schema of their own. */
static int choose(gn_csvout *c, const gn_schema *s, const char *list, gn_schema *chosen, gn_err *e)
{
    free(c->field);
    c->field = NULL;
    c->nfields = 0;
    if (list) {
        if (gn_schema_select(s, list, &c->field, &c->nfields, e))
            return -1;
    } else {
        c->field = gn_alloc(s->n, sizeof *c->field, e);
        if (!c->field)
            return -1;
        for (size_t i = 0; i < s->n; i++)
            c->field[i] = (int)i;
        c->nfields = s->n;
    }
    for (size_t i = 0; i < c->nfields; i++) {
        const gn_field *f = &s->f[c->field[i]];
        if (gn_schema_add(chosen, f->name, strlen(f->name), f->type, e))
            return -1;
    }
    return 0;
}

int gn_csvout_begin(gn_csvout *c, const gn_schema *s, const char *list, const char *name,
                    gn_out *out, gn_err *e)
{
    gn_schema chosen = {0};

    if (choose(c, s, list, &chosen, e)) {
        gn_schema_release(&chosen);
        return -1;
    }
    if (c->begun) {
        bool same = gn_schema_equal(&c->chosen, &chosen);
        gn_schema_release(&chosen);
        return same ? 0
                    : gn_fail(e, GN_INPUT,
                              "'%s': the fields differ from those of the first segment (choose "
                              "common ones with -f)",
                              name);
    }
    c->begun = true;
    c->chosen = chosen;
    return c->header ? write_header(c, out, e) : 0;
}

const int *gn_csvout_fields(const gn_csvout *c, size_t *n)
{
    *n = c->nfields;
    return c->field;
}
