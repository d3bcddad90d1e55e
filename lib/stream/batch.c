/* batch.c - see batch.h.
 *
 * The loop below is the hottest of most filters. It walks a record's fields by a table of sizes
 * by tag and decodes only what was asked for. A record that is far enough from the end of the
 * buffer for all its fields to be short needs no further bounds check; long strings, odd values
 * and the last records of a buffer take the checked path, a field at a time.
 *
 * A field that is only passed over is first compared with the tag the same field had before: the
 * processor then need not wait for the tag to know where the next field is. Where tags vary too
 * much for that (an unpredictable branch costs more than the wait) the table is used; which of
 * the two is decided batch by batch. */
#include "batch.h"

#include "../base/civil.h"
#include "../base/mem.h"
#include "../base/parse.h"
#include "../io/in.h"
#include "../io/mp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Size of a value by its tag, 0 where the tag does not tell. */
#define R16(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
static const uint8_t size_by_tag[256] = {
    R16(1), R16(1), R16(1), R16(1), R16(1), R16(1), R16(1), R16(1), /* 00 positive fixint */
    R16(0),                                                         /* 80 fixmap */
    R16(0),                                                         /* 90 fixarray */
    1,      2,      3,      4,      5,      6,      7,      8,      9,  10, 11,
    12,     13,     14,     15,     16, /* a0 fixstr */
    17,     18,     19,     20,     21,     22,     23,     24,     25, 26, 27,
    28,     29,     30,     31,     32,     1,      0,      1,      1,  0,  0,
    0,      0,      0,      0,      5,      9,      2,      3,      5,  9, /* c0 */
    2,      3,      5,      9,      3,      4,      6,      10,     18, 0,  0,
    0,      0,      0,      0,      0, /* d0 */
    R16(1), R16(1)};                   /* e0 negative fixint */

enum kind { SKIP, INT, TIME, DATE, BOOL, FLOAT, STR, BIN };

/* The quick cases, by what is wanted; everything else is OTHER. */
enum op {
    OP_GUESS,
    OP_SKIP,
    OP_INT,
    OP_INT_RAW,
    OP_TIME,
    OP_TIME_RAW,
    OP_STR_RAW,
    OP_STR_CHECKED, /* raw, and its text is valid */
    OP_STR_VALUE,
    OP_BOTH, /* the value and the raw form, of any kind that quick_both knows */
    OP_OTHER
};

#define GUESS_AGAIN 64 /* batches */
#define QUICK_MAX 32   /* bytes of the longest value that the quick cases take */

typedef struct step {
    uint8_t op;
    uint8_t kind;
    uint8_t tag, size; /* OP_GUESS: what the field was last time */
    unsigned misses;   /* of OP_GUESS in this batch */
    unsigned batches;  /* of OP_SKIP so far */
    gn_vec *v;
    int64_t *i; /* as in v, one step nearer */
    gn_str *s, *raw;
} step;

struct gn_decoder {
    const gn_schema *schema;
    bool canon, verify;
    size_t nfields;
    step *steps;
    gn_vec *col;
    gn_batch batch;
    gn_buf scratch; /* records re-encoded from a non-canonical stream */
    uint64_t done;  /* records handed out */
};

gn_decoder *gn_decoder_new(const gn_schema *s, bool canon, gn_err *e)
{
    gn_decoder *d = gn_calloc(1, sizeof *d, e);
    if (!d)
        return NULL;
    d->schema = s;
    d->canon = canon;
    d->nfields = s->n;
    d->steps = gn_calloc(s->n, sizeof *d->steps, e);
    d->col = gn_calloc(s->n, sizeof *d->col, e);
    d->batch.off = gn_calloc(GN_BATCH + 1, sizeof *d->batch.off, e);
    d->batch.col = d->col;
    if (!d->steps || !d->col || !d->batch.off) {
        gn_decoder_free(d);
        return NULL;
    }
    for (size_t i = 0; i < s->n; i++) {
        d->col[i].type = s->f[i].type;
        d->steps[i] = (step){.op = OP_GUESS, .kind = SKIP, .v = &d->col[i]};
    }
    return d;
}

void gn_decoder_free(gn_decoder *d)
{
    if (!d)
        return;
    for (size_t i = 0; d->col && i < d->nfields; i++) {
        free(d->col[i].null);
        free(d->col[i].i);
        free(d->col[i].f);
        free(d->col[i].s);
        free(d->col[i].raw);
    }
    free(d->steps);
    free(d->col);
    free(d->batch.off);
    gn_buf_release(&d->scratch);
    free(d);
}

static enum kind kind_of(gn_type t)
{
    static const enum kind by_type[] = {
        [GN_STR] = STR,   [GN_INT] = INT,   [GN_FLOAT] = FLOAT, [GN_BOOL] = BOOL,
        [GN_TIME] = TIME, [GN_DATE] = DATE, [GN_BIN] = BIN};
    return by_type[t];
}

int gn_decoder_want(gn_decoder *d, int field, unsigned what, gn_err *e)
{
    if (field < 0 || (size_t)field >= d->nfields)
        return gn_fail(e, GN_BUG, "a field asked for that is not in the schema");
    gn_vec *v = &d->col[field];
    if (!v->null && !(v->null = gn_calloc(GN_BATCH, 1, e)))
        return -1;
    if (what & GN_RAW && !v->raw && !(v->raw = gn_calloc(GN_BATCH, sizeof *v->raw, e)))
        return -1;
    if (what & GN_VALUE) {
        if (v->type == GN_STR || v->type == GN_BIN) {
            if (!v->s && !(v->s = gn_calloc(GN_BATCH, sizeof *v->s, e)))
                return -1;
        } else if (v->type == GN_FLOAT) {
            if (!v->f && !(v->f = gn_calloc(GN_BATCH, sizeof *v->f, e)))
                return -1;
        } else if (!v->i && !(v->i = gn_calloc(GN_BATCH, sizeof *v->i, e))) {
            return -1;
        }
    }
    v->what |= what;
    step *s = &d->steps[field];
    s->kind = (uint8_t)kind_of(v->type);
    s->i = v->i;
    s->s = v->s;
    s->raw = v->raw;
    s->op = OP_OTHER;
    if (v->what == GN_VALUE && s->kind != STR)
        s->op = s->kind == INT ? OP_INT : s->kind == TIME ? OP_TIME : OP_OTHER;
    else if (v->what == GN_VALUE && !d->verify)
        s->op = OP_STR_VALUE;
    else if (v->what == GN_RAW && s->kind == INT)
        s->op = OP_INT_RAW;
    else if (v->what == GN_RAW && s->kind == TIME)
        s->op = OP_TIME_RAW;
    else if (v->what == GN_RAW && s->kind == STR)
        s->op = d->verify ? OP_STR_CHECKED : OP_STR_RAW;
    else if (v->what == (GN_VALUE | GN_RAW) &&
             (s->kind == INT || s->kind == DATE || s->kind == TIME || s->kind == STR))
        s->op = OP_BOTH;
    return 0;
}

int gn_decoder_want_all(gn_decoder *d, unsigned what, gn_err *e)
{
    d->verify = true;
    for (size_t i = 0; i < d->nfields; i++)
        if (gn_decoder_want(d, (int)i, what, e))
            return -1;
    return 0;
}

/* ---- slow cases ---- */

static const char *const bad_type[] = {
    [SKIP] = "not a msgpack value",
    [INT] = "a value that is no int in an int field",
    [TIME] = "a value that is no time in a time field",
    [DATE] = "a value that is no date in a date field",
    [BOOL] = "a value that is no bool in a bool field",
    [FLOAT] = "a value that is no finite float in a float field",
    [STR] = "a value that is no str in a str field",
    [BIN] = "a value that is no bin in a bin field",
};
static const char not_canonical[] = "a value that is not in its shortest form";

/* Decode one value of any valid form. Returns the byte after it, or NULL: then *bad is a text, or
 * NULL when bytes are missing. i, f, s/n receive what the kind has. */
typedef struct value {
    bool null;
    int64_t i;
    double f;
    const uint8_t *s;
    size_t n;
} value;

static const uint8_t *get_value(enum kind k, const uint8_t *p, const uint8_t *end, value *v,
                                const char **bad)
{
    const uint8_t *q = NULL;
    const char *s;
    bool b;
    *v = (value){0};
    *bad = NULL;
    if (p < end && *p == GN_MP_NIL) {
        v->null = true;
        return p + 1;
    }
    switch (k) {
    case SKIP:
        q = gn_mp_skip(p, end);
        break;
    case INT:
        q = gn_mp_get_int(p, end, &v->i);
        break;
    case DATE:
        q = gn_mp_get_int(p, end, &v->i);
        if (q && (v->i < GN_DAY_MIN || v->i > GN_DAY_MAX)) {
            *bad = "a date outside the years 0001 to 9999";
            return NULL;
        }
        break;
    case TIME:
        q = gn_mp_get_time(p, end, &v->i);
        if (q && (v->i < GN_TIME_MIN || v->i > GN_TIME_MAX)) {
            *bad = "a time outside the years 0001 to 9999";
            return NULL;
        }
        break;
    case BOOL:
        q = gn_mp_get_bool(p, end, &b);
        v->i = q && b;
        break;
    case FLOAT:
        q = gn_mp_get_float(p, end, &v->f);
        if (q && !isfinite(v->f)) {
            *bad = bad_type[FLOAT];
            return NULL;
        }
        break;
    case STR:
        q = gn_mp_get_str(p, end, &s, &v->n);
        v->s = (const uint8_t *)s;
        break;
    case BIN:
        q = gn_mp_get_bin(p, end, &v->s, &v->n);
        break;
    }
    if (!q && !gn_mp_incomplete(p, end))
        *bad = bad_type[k];
    return q;
}

/* Is [p, q) the shortest form of v? */
static bool is_canonical(enum kind k, const uint8_t *p, const uint8_t *q, const value *v)
{
    uint8_t own[GN_MP_HEAD], *o = own;
    if (v->null || k == SKIP)
        return true;
    switch (k) {
    case INT:
    case DATE:
        o = gn_mp_int(own, v->i);
        break;
    case TIME:
        o = gn_mp_time(own, v->i);
        break;
    case BOOL:
        return true;
    case FLOAT:
        o = gn_mp_float(own, v->f);
        break;
    case STR:
        o = gn_mp_str_head(own, v->n);
        q = v->s;
        break;
    default:
        o = gn_mp_bin_head(own, v->n);
        q = v->s;
        break;
    }
    return q - p == o - own && memcmp(p, own, (size_t)(q - p)) == 0;
}

/* The checked path for one wanted field. */
static const uint8_t *slow_field(const gn_decoder *d, step *s, const uint8_t *p, const uint8_t *end,
                                 size_t row, const char **bad)
{
    value x;
    const uint8_t *q = get_value((enum kind)s->kind, p, end, &x, bad);
    if (!q)
        return NULL;
    if (!is_canonical((enum kind)s->kind, p, q, &x)) {
        *bad = not_canonical;
        return NULL;
    }
    if ((d->verify || s->v->s) && s->kind == STR && !x.null &&
        gn_utf8_valid((const char *)x.s, x.n) != x.n) {
        *bad = "a str that is not valid UTF-8 without NUL";
        return NULL;
    }
    gn_vec *v = s->v;
    v->null[row] = x.null;
    v->nulls += x.null;
    if (v->i)
        v->i[row] = x.i;
    if (v->f)
        v->f[row] = x.f;
    if (v->s)
        v->s[row] = (gn_str){x.s, (uint32_t)x.n};
    if (v->raw)
        v->raw[row] = (gn_str){p, (uint32_t)(q - p)};
    return q;
}

/* ---- the loop ---- */

/* The head of a record: the byte behind it, or NULL with *why (and *bad). */
static const uint8_t *record_head(size_t nfields, const uint8_t *p, const uint8_t *end,
                                  enum gn_decode *why, const char **bad)
{
    size_t n;
    if (p >= end) {
        *why = GN_DECODE_INCOMPLETE;
        return NULL;
    }
    if ((*p & 0xf0) == 0x80 || *p == 0xde || *p == 0xdf) {
        *why = GN_DECODE_OTHER;
        return NULL;
    }
    const uint8_t *q = gn_mp_get_array(p, end, &n);
    if (!q && (*p == 0xdc || *p == 0xdd)) {
        *why = GN_DECODE_INCOMPLETE;
        return NULL;
    }
    uint8_t own[GN_MP_HEAD];
    *why = GN_DECODE_BAD;
    if (!q)
        *bad = "not a record";
    else if (n != nfields)
        *bad = "a record with a wrong number of fields";
    else if (gn_mp_array_head(own, n) - own != q - p)
        *bad = not_canonical;
    return *bad ? NULL : q;
}

/* One field with every check. */
static const uint8_t *checked_field(const gn_decoder *d, step *s, const uint8_t *p,
                                    const uint8_t *end, size_t row, const char **bad)
{
    if (s->kind != SKIP)
        return slow_field(d, s, p, end, row, bad);
    const uint8_t *q = gn_mp_skip(p, end);
    if (!q && !gn_mp_incomplete(p, end))
        *bad = bad_type[SKIP];
    return q;
}

/* Fields [from, nfields) of a record that may be near the end of the buffer. */
static const uint8_t *checked_fields(const gn_decoder *d, size_t from, const uint8_t *p,
                                     const uint8_t *end, size_t row, const char **bad)
{
    for (size_t f = from; p && f < d->nfields; f++)
        p = checked_field(d, &d->steps[f], p, end, row, bad);
    return p;
}

#define LOW(n) ((UINT64_C(1) << (8 * (n))) - 1)
#define ALL UINT64_MAX
/* Which bytes of a text's first word belong to it, at [8 + its length]; of its second one, at [its
 * length]. */
static const uint64_t text_mask[25] = {
    0,      0,      0,      0,   0,   0,   0,   0,   0,   LOW(1), LOW(2), LOW(3), LOW(4),
    LOW(5), LOW(6), LOW(7), ALL, ALL, ALL, ALL, ALL, ALL, ALL,    ALL,    ALL};
static const uint64_t blanks = UINT64_C(0x2020202020202020);

/* Are the n (at most 31) bytes ASCII without NUL? GN_SLACK bytes behind them can be read. */
static inline bool plain_text(const uint8_t *p, uint32_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t bad = 0;
    if (n <= 16) { /* lengths vary too much to foresee how many words there are */
        uint64_t v, w;
        memcpy(&v, p, 8);
        memcpy(&w, p + 8, 8);
        v = (v & text_mask[8 + n]) | (~text_mask[8 + n] & blanks);
        w = (w & text_mask[n]) | (~text_mask[n] & blanks);
        return ((v | w | ((v - ones) & ~v) | ((w - ones) & ~w)) & tops) == 0;
    }
    for (uint32_t i = 0; i < n; i += 8) {
        uint64_t w;
        memcpy(&w, p + i, 8);
        if (n - i < 8) /* what lies behind the text counts as blanks */
            w = (w & ((UINT64_C(1) << (8 * (n - i))) - 1)) | (blanks << (8 * (n - i)));
        bad |= (w | ((w - ones) & ~w)) & tops;
    }
    return bad == 0;
}

/* Both forms of a short value. NULL when it takes the checked path. */
static inline const uint8_t *quick_both(step *s, const uint8_t *p, size_t row)
{
    const uint8_t t = *p;
    uint32_t n = 0;
    if (s->kind == STR) {
        if ((t & 0xe0) == 0xa0 && plain_text(p + 1, t & 31)) {
            n = 1 + (t & 31);
            s->s[row] = (gn_str){p + 1, n - 1};
        }
    } else if (s->kind == TIME) {
        if (t == 0xd6 && p[1] == 0xff) {
            n = 6;
            s->i[row] = (int64_t)gn_be32(p + 2) * GN_US;
        }
    } else if (t < 0x80) {
        n = 1;
        s->i[row] = t;
    } else if (t == 0xcd && gn_be16(p + 1) > 0xff) {
        n = 3;
        s->i[row] = gn_be16(p + 1);
    } else if (t == 0xce && gn_be32(p + 1) > 0xffff && s->kind == INT) {
        n = 5;
        s->i[row] = gn_be32(p + 1);
    }
    if (n == 0)
        return NULL;
    s->raw[row] = (gn_str){p, n};
    return p + n;
}

/* All fields of a record that begins at p, with the room for quick cases before `end`. NULL as
 * from checked_field. */
static inline const uint8_t *quick_fields(const gn_decoder *d, const uint8_t *p, const uint8_t *end,
                                          size_t row, const char **bad)
{
    const size_t nfields = d->nfields;
    for (size_t f = 0; f < nfields; f++) {
        step *s = &d->steps[f];
        const uint8_t t = *p, op = s->op;
        /* A chain of tests: a jump table would be one branch that is hard to predict. */
        if (op == OP_GUESS) {
            if (t == s->tag && s->size) {
                p += s->size;
                continue;
            }
            s->misses++;
            s->tag = t;
            s->size = size_by_tag[t];
            p += s->size;
            if (s->size)
                continue;
        } else if (op == OP_SKIP) {
            p += size_by_tag[t];
            if (size_by_tag[t])
                continue;
        } else if (op == OP_STR_RAW) {
            if ((t & 0xe0) == 0xa0) {
                uint32_t n = 1 + (t & 31);
                s->raw[row] = (gn_str){p, n};
                p += n;
                continue;
            }
        } else if (op == OP_INT) {
            if (t == 0xce) {
                uint32_t x = gn_be32(p + 1);
                if (x > 0xffff) {
                    s->i[row] = x;
                    p += 5;
                    continue;
                }
            } else if (t == 0xcd) {
                uint16_t x = gn_be16(p + 1);
                if (x > 0xff) {
                    s->i[row] = x;
                    p += 3;
                    continue;
                }
            } else if (t < 0x80) {
                s->i[row] = t;
                p++;
                continue;
            }
        } else if (op == OP_TIME) {
            if (t == 0xd6 && p[1] == 0xff) {
                s->i[row] = (int64_t)gn_be32(p + 2) * GN_US;
                p += 6;
                continue;
            }
        } else if (op == OP_STR_CHECKED) {
            uint32_t n = 1 + (t & 31);
            if ((t & 0xe0) == 0xa0 && plain_text(p + 1, n - 1)) {
                s->raw[row] = (gn_str){p, n};
                p += n;
                continue;
            }
        } else if (op == OP_INT_RAW) {
            uint32_t n = t < 0x80                               ? 1
                         : t == 0xcd && gn_be16(p + 1) > 0xff   ? 3
                         : t == 0xce && gn_be32(p + 1) > 0xffff ? 5
                                                                : 0;
            if (n) {
                s->raw[row] = (gn_str){p, n};
                p += n;
                continue;
            }
        } else if (op == OP_TIME_RAW) {
            if (t == 0xd6 && p[1] == 0xff) {
                s->raw[row] = (gn_str){p, 6};
                p += 6;
                continue;
            }
        } else if (op == OP_STR_VALUE) {
            uint32_t n = t & 31;
            if ((t & 0xe0) == 0xa0 && plain_text(p + 1, n)) {
                s->s[row] = (gn_str){p + 1, n};
                p += 1 + n;
                continue;
            }
        } else if (op == OP_BOTH) {
            const uint8_t *q = quick_both(s, p, row);
            if (q) {
                p = q;
                continue;
            }
        }
        p = checked_field(d, s, p, end, row, bad);
        if (!p)
            return NULL;
        if ((size_t)(end - p) < (nfields - f) * QUICK_MAX)
            return checked_fields(d, f + 1, p, end, row, bad);
    }
    return p;
}

/* A row that was begun but does not belong to this batch. */
static void forget_row(gn_decoder *d, size_t row)
{
    for (size_t f = 0; f < d->nfields; f++)
        if (d->col[f].what && d->col[f].null[row]) {
            d->col[f].null[row] = 0;
            d->col[f].nulls--;
        }
}

/* Records at [p, end) into the batch, which gets d->batch.n of them. Returns why it stopped;
 * *next is the first byte not taken. */
static enum gn_decode decode(gn_decoder *d, const uint8_t *p, const uint8_t *end, size_t max,
                             size_t max_bytes, const uint8_t **next, const char **bad)
{
    const uint8_t *const base = p;
    const size_t nfields = d->nfields, room = 1 + nfields * QUICK_MAX;
    const uint8_t head = nfields < 16 ? (uint8_t)(0x90 | nfields) : 0;
    enum gn_decode why = GN_DECODE_OK;
    size_t row = 0;
    *bad = NULL;
    d->batch.base = base;
    for (size_t f = 0; f < nfields; f++)
        if (d->col[f].what) {
            memset(d->col[f].null, 0, max);
            d->col[f].nulls = 0;
        }
    for (; row < max; row++) {
        const uint8_t *q;
        if ((size_t)(end - p) >= room && *p == head && head)
            q = quick_fields(d, p + 1, end, row, bad);
        else if ((q = record_head(nfields, p, end, &why, bad)))
            q = checked_fields(d, 0, q, end, row, bad);
        else
            break;
        if (!q)
            why = *bad ? GN_DECODE_BAD : GN_DECODE_INCOMPLETE;
        if (!q || ((size_t)(q - base) > max_bytes && row)) { /* broken, or for the next batch */
            forget_row(d, row);
            break;
        }
        d->batch.off[row] = (uint32_t)(p - base);
        p = q;
    }
    d->batch.off[row] = (uint32_t)(p - base);
    d->batch.n = row;
    *next = p;
    for (size_t f = 0; f < nfields; f++) {
        step *s = &d->steps[f];
        if (s->op == OP_GUESS && s->misses > row / 16) {
            s->op = OP_SKIP;
            s->batches = 0;
        } else if (s->op == OP_SKIP && ++s->batches == GUESS_AGAIN) {
            s->op = OP_GUESS;
        }
        s->misses = 0;
    }
    return row ? GN_DECODE_OK : why;
}

/* Re-encode one record of a non-canonical stream into the scratch buffer. */
static const uint8_t *canonicalise(gn_decoder *d, const uint8_t *p, const uint8_t *end,
                                   enum gn_decode *why, const char **bad, gn_err *e)
{
    size_t n;
    const uint8_t *whole;
    *bad = NULL;
    if (p >= end) {
        *why = GN_DECODE_INCOMPLETE;
        return NULL;
    }
    if ((*p & 0xf0) == 0x80 || *p == 0xde || *p == 0xdf) {
        *why = GN_DECODE_OTHER;
        return NULL;
    }
    *why = GN_DECODE_BAD;
    if (!(whole = gn_mp_skip(p, end))) {
        if (gn_mp_incomplete(p, end))
            *why = GN_DECODE_INCOMPLETE;
        else
            *bad = "not a record";
        return NULL;
    }
    const uint8_t *q = gn_mp_get_array(p, end, &n);
    if (!q || n != d->nfields) {
        *bad = q ? "a record with a wrong number of fields" : "not a record";
        return NULL;
    }
    /* A value grows at most from 1 byte to its longest head. */
    if (gn_buf_reserve(&d->scratch, (size_t)(whole - p) + (n + 1) * GN_MP_HEAD + GN_SLACK, e))
        return NULL;
    uint8_t *o = gn_mp_array_head(d->scratch.p + d->scratch.n, n);
    for (size_t f = 0; f < n; f++) {
        value v;
        enum kind k = kind_of(d->schema->f[f].type);
        q = get_value(k, q, whole, &v, bad);
        if (!q) {
            if (!*bad)
                *bad = bad_type[k];
            return NULL;
        }
        if (v.null) {
            o = gn_mp_nil(o);
            continue;
        }
        switch (k) {
        case INT:
        case DATE:
            o = gn_mp_int(o, v.i);
            break;
        case TIME:
            o = gn_mp_time(o, v.i);
            break;
        case BOOL:
            o = gn_mp_bool(o, v.i);
            break;
        case FLOAT:
            o = gn_mp_float(o, v.f);
            break;
        case STR:
            if (gn_utf8_valid((const char *)v.s, v.n) != v.n) {
                *bad = "a str that is not valid UTF-8 without NUL";
                return NULL;
            }
            o = gn_mp_str(o, v.s, v.n);
            break;
        default:
            o = gn_mp_bin_head(o, v.n);
            memcpy(o, v.s, v.n);
            o += v.n;
        }
    }
    d->scratch.n = (size_t)(o - d->scratch.p);
    return q;
}

enum gn_decode gn_decoder_run(gn_decoder *d, const uint8_t *p, const uint8_t *end, size_t max,
                              gn_batch **batch, const uint8_t **next, const char **bad, gn_err *e)
{
    enum gn_decode why;
    if (max > GN_BATCH)
        max = GN_BATCH;
    if (d->canon) {
        why = decode(d, p, end, max, GN_BATCH_BYTES, next, bad);
    } else {
        const uint8_t *q, *own;
        size_t n = 0;
        d->scratch.n = 0;
        *next = p;
        why = GN_DECODE_OK;
        while (n < max && d->scratch.n < GN_BATCH_BYTES / 2 &&
               (q = canonicalise(d, *next, end, &why, bad, e))) {
            *next = q;
            n++;
        }
        if (e->status != GN_OK)
            return GN_DECODE_BAD;
        if (n == 0)
            return why;
        memset(d->scratch.p + d->scratch.n, 0, GN_SLACK);
        why = decode(d, d->scratch.p, d->scratch.p + d->scratch.n, n, SIZE_MAX, &own, bad);
        if (why != GN_DECODE_OK || d->batch.n != n) {
            gn_fail(e, GN_BUG, "a record that cannot be read back");
            return GN_DECODE_BAD;
        }
    }
    d->batch.first = d->done;
    d->done += d->batch.n;
    *batch = &d->batch;
    return why;
}
