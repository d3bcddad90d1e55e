/* ranges.c - see ranges.h. */
#include "ranges.h"

#include "../base/parse.h"
#include "../io/mp.h"
#include "../stream/value.h"
#include "sample.h"

#include <stdlib.h>
#include <string.h>

#define BOUNDS "--bounds"

static bool is_number(gn_type t)
{
    return t == GN_INT || t == GN_TIME || t == GN_DATE || t == GN_BOOL;
}

void gn_ranges_release(gn_ranges *r)
{
    for (size_t i = 0; i < r->ntexts; i++)
        free(r->text[i]);
    free(r->text);
    free(r->bound);
    free(r->number);
    gn_arena_release(&r->arena);
    r->text = NULL;
    r->bound = NULL;
    r->number = NULL;
    r->ntexts = r->nbounds = 0;
}

/* ---- bounds that are given ---- */

/* One field of the row at `s`: its text to `out`; the byte behind it, or NULL. */
static const char *take_text(const char *s, gn_buf *out, gn_err *e)
{
    out->n = 0;
    if (*s != '"') {
        size_t n = strcspn(s, ",");
        if (n == 0)
            gn_fail(e, GN_USAGE, BOUNDS ": an empty bound (\"\" is the empty text)");
        return n && gn_buf_add(out, s, n, e) == 0 && gn_buf_add(out, "", 1, e) == 0 ? s + n : NULL;
    }
    for (s++;; s++) {
        size_t n = strcspn(s, "\"");
        if (gn_buf_add(out, s, n, e))
            return NULL;
        s += n;
        if (!*s) {
            gn_fail(e, GN_USAGE, BOUNDS ": a quote is never closed");
            return NULL;
        }
        if (*++s != '"')
            break;
        if (gn_buf_add(out, "\"", 1, e))
            return NULL;
    }
    if (*s && *s != ',') {
        gn_fail(e, GN_USAGE, BOUNDS ": text after a closing quote");
        return NULL;
    }
    return gn_buf_add(out, "", 1, e) == 0 ? s : NULL;
}

int gn_ranges_given(gn_ranges *r, const char *list, gn_err *e)
{
    gn_buf text = {0};
    int done = -1;
    for (const char *s = list;; s++) {
        if (!(s = take_text(s, &text, e)))
            break;
        char **t = gn_realloc(r->text, r->ntexts + 1, sizeof *t, e);
        if (!t)
            break;
        r->text = t;
        if (!(t[r->ntexts] = gn_strdup((char *)text.p, e)))
            break;
        r->ntexts++;
        if (!*s) {
            done = 0;
            break;
        }
    }
    gn_buf_release(&text);
    r->n = r->ntexts + 1;
    return done;
}

/* Append the encoding of a text; false where it is not of the type. */
static bool encode(gn_type t, const char *s, gn_buf *to)
{
    size_t n = strlen(s);
    uint8_t *o = to->p;
    int64_t i = 0;
    double f = 0;
    bool truth = false, good = false;
    switch (t) {
    case GN_STR:
        good = gn_utf8_valid(s, n) == n;
        o = gn_mp_str(o, s, n);
        break;
    case GN_INT:
        good = gn_parse_int(s, n, &i);
        o = gn_mp_int(o, i);
        break;
    case GN_DATE:
        good = gn_parse_date(s, n, &i);
        o = gn_mp_int(o, i);
        break;
    case GN_TIME:
        good = gn_parse_time(s, n, NULL, &i);
        o = gn_mp_time(o, i);
        break;
    case GN_FLOAT:
        good = gn_parse_float(s, n, &f);
        o = gn_mp_float(o, f);
        break;
    case GN_BOOL:
        good = gn_parse_bool(s, n, &truth);
        o = gn_mp_bool(o, truth);
        break;
    case GN_BIN:
        break;
    }
    to->n = (size_t)(o - to->p);
    return good;
}

/* ---- the table of bounds ---- */

static int64_t number_of(gn_type t, gn_str v)
{
    int64_t i = 0;
    bool truth = false;
    if (t == GN_BOOL)
        i = gn_mp_get_bool(v.p, v.p + v.n, &truth) && truth;
    else if (t == GN_TIME)
        (void)gn_mp_get_time(v.p, v.p + v.n, &i);
    else
        (void)gn_mp_get_int(v.p, v.p + v.n, &i);
    return i;
}

static int make_room(gn_ranges *r, size_t n, gn_err *e)
{
    gn_arena_init(&r->arena, r->budget);
    r->bound = gn_alloc(n, sizeof *r->bound, e);
    r->number = gn_alloc(n, sizeof *r->number, e);
    return r->bound && r->number ? 0 : -1;
}

static int add_bound(gn_ranges *r, gn_str v, gn_err *e)
{
    uint8_t *p = gn_arena_copy(&r->arena, v.p, v.n, e);
    if (!p)
        return -1;
    r->bound[r->nbounds] = (gn_str){p, v.n};
    r->number[r->nbounds] = is_number(r->type) ? number_of(r->type, v) : 0;
    r->nbounds++;
    return 0;
}

/* The type is known: read what was given. */
static int read_given(gn_ranges *r, gn_err *e)
{
    gn_buf b = {0};
    int done = make_room(r, r->ntexts, e);
    for (size_t i = 0; done == 0 && i < r->ntexts; i++) {
        const char *s = r->text[i];
        b.n = 0;
        if (gn_buf_reserve(&b, strlen(s) + GN_MP_HEAD + GN_SLACK, e))
            done = -1;
        else if (!encode(r->type, s, &b))
            done = gn_fail(e, GN_USAGE, BOUNDS ": '%s' is not %s, as field '%s' is", s,
                           gn_type_name(r->type), r->field);
        else
            done = add_bound(r, (gn_str){b.p, (uint32_t)b.n}, e);
        if (done == 0 && i && gn_value_cmp(r->type, r->bound[i - 1], r->bound[i]) > 0)
            done = gn_fail(e, GN_USAGE, BOUNDS ": '%s' comes after '%s', but is less", s,
                           r->text[i - 1]);
    }
    gn_buf_release(&b);
    return done;
}

/* ---- bounds from a sample ---- */

/* The field in a new segment: it has one type in all. */
static int find_field(gn_ranges *r, gn_reader *in, bool first, gn_err *e)
{
    const gn_schema *s = &gn_reader_header(in)->schema;
    if ((r->column = gn_reader_field(in, "--ranges", r->field, ~0u, e)) < 0)
        return -1;
    gn_type t = s->f[r->column].type;
    if (first)
        r->type = t;
    if (t != r->type)
        return gn_fail(e, GN_INPUT, "'%s': field '%s' is %s, in an earlier input it is %s",
                       gn_reader_name(in), r->field, gn_type_name(t), gn_type_name(r->type));
    return gn_reader_want(in, r->column, GN_RAW | (is_number(t) ? GN_VALUE : 0), e);
}

/* Every value with the hash of its place: a uniform sample, however often a value occurs. */
static int sample_batch(const gn_ranges *r, gn_sample *sample, const gn_batch *b, uint64_t *seen,
                        gn_err *e)
{
    const gn_vec *v = &b->col[r->column];
    for (size_t i = 0; i < b->n; i++) {
        if (v->null[i])
            continue;
        uint64_t hash = gn_sample_hash(seen, sizeof *seen, 0);
        ++*seen;
        if (gn_sample_add(sample, hash, (gn_str){0}, v->raw[i], 0, e))
            return -1;
    }
    return 0;
}

static int read_sample(gn_ranges *r, gn_sample *sample, gn_reader *in, gn_err *e)
{
    gn_batch *b;
    uint64_t seen = 0;
    bool first = true;
    int ev;
    while ((ev = gn_reader_next(in, &b, e)) > 0) {
        if ((ev == GN_EV_SEGMENT && find_field(r, in, first, e)) ||
            (ev == GN_EV_BATCH && sample_batch(r, sample, b, &seen, e)))
            return -1;
        first = false;
    }
    return ev;
}

static int by_value(const void *a, const void *b, void *type)
{
    return gn_value_cmp(*(gn_type *)type, *(const gn_str *)a, *(const gn_str *)b);
}

/* Bound k of m sorted values is the one at k * m / n. */
static int cut(gn_ranges *r, gn_sample *sample, gn_err *e)
{
    uint64_t part;
    if (gn_sample_sort(sample, e))
        return -1;
    size_t m = (size_t)gn_sample_records(sample);
    if (m == 0)
        return 0;
    gn_str *v = gn_alloc(m, sizeof *v, e);
    int done = v ? make_room(r, r->n, e) : -1;
    for (size_t i = 0; done == 0 && i < m; i++)
        v[i] = gn_sample_record(sample, i, &part);
    if (done == 0)
        qsort_r(v, m, sizeof *v, by_value, &r->type);
    for (size_t k = 1; done == 0 && k < r->n; k++)
        done = add_bound(r, v[k * m / r->n], e); /* n and m are 2^16 at most */
    free(v);
    return done;
}

int gn_ranges_sample(gn_ranges *r, size_t n, const char *const *path, size_t npaths,
                     size_t max_record, gn_err *e)
{
    r->n = n;
    gn_sample *sample = gn_sample_new(GN_RANGES_SAMPLE, false, r->budget, e);
    gn_reader *in = sample ? gn_reader_open(path, npaths, max_record, e) : NULL;
    int done = in ? read_sample(r, sample, in, e) || cut(r, sample, e) : -1;
    gn_reader_close(in);
    gn_sample_free(sample);
    return done ? -1 : 0;
}

/* ---- records ---- */

int gn_ranges_segment(gn_ranges *r, gn_reader *in, gn_err *e)
{
    bool unread = r->text && !r->bound;
    if (find_field(r, in, unread, e))
        return -1;
    return unread ? read_given(r, e) : 0;
}

/* How many bounds are not above a number. */
static uint32_t find_number(const gn_ranges *r, int64_t v)
{
    const int64_t *at = r->number;
    for (size_t n = r->nbounds; n; n /= 2) {
        /* of [at, at + n): those up to the middle are below, or those from it on are above */
        size_t half = n - n / 2;
        at += at[half - 1] <= v ? half : 0;
    }
    return (uint32_t)(at - r->number);
}

static uint32_t find_value(const gn_ranges *r, gn_str v)
{
    size_t lo = 0, hi = r->nbounds;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (gn_value_cmp(r->type, r->bound[mid], v) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return (uint32_t)lo;
}

void gn_ranges_find(const gn_ranges *r, const gn_batch *b, uint32_t *to)
{
    const gn_vec *v = &b->col[r->column];
    for (size_t i = 0; i < b->n; i++) {
        if (v->null[i])
            to[i] = (uint32_t)(r->n - 1);
        else
            to[i] = is_number(r->type) ? find_number(r, v->i[i]) : find_value(r, v->raw[i]);
    }
}

gn_str gn_ranges_lo(const gn_ranges *r, size_t k)
{
    return k && r->nbounds ? r->bound[k - 1] : (gn_str){0};
}

gn_str gn_ranges_hi(const gn_ranges *r, size_t k)
{
    return k < r->nbounds ? r->bound[k] : (gn_str){0};
}
