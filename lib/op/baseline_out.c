/* baseline_out.c - see baseline.h: the groups as a stream, and back. */
#include "baselinepriv.h"

#include "../io/mp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES (GN_NAME_MAX + 16)

static const char *figure_name(const gn_baseline *b, const char *what, char to[NAME_MAX_BYTES])
{
    (void)snprintf(to, NAME_MAX_BYTES, "%s_%s", what, b->o.value);
    return to;
}

static int add_field(const gn_baseline *b, gn_schema *s, const char *what, gn_type type, gn_err *e)
{
    char name[NAME_MAX_BYTES];
    figure_name(b, what, name);
    return gn_schema_add(s, name, strlen(name), type, e);
}

static int make_header(const gn_baseline *b, gn_header *h, gn_err *e)
{
    gn_schema *s = &h->schema;
    for (size_t i = 0; i < b->keys.n; i++)
        if (gn_schema_add(s, b->keys.f[i].name, strlen(b->keys.f[i].name), b->keys.f[i].type, e) ||
            gn_header_add_order(h, b->keys.f[i].name, false, e))
            return -1;
    h->total = b->keys.n > 0;
    if (add_field(b, s, "count", GN_INT, e))
        return -1;
    if (b->o.kind < GN_BASE_PERCENTILES && (add_field(b, s, base_figure(b, 0), GN_FLOAT, e) ||
                                            add_field(b, s, base_figure(b, 1), GN_FLOAT, e)))
        return -1;
    if (!b->o.by_score &&
        (add_field(b, s, "lower", GN_FLOAT, e) || add_field(b, s, "upper", GN_FLOAT, e)))
        return -1;
    return gn_schema_add(s, b->o.hits, strlen(b->o.hits), GN_INT, e);
}

/* How many of a group's values were out. */
static int find_hits(gn_baseline *b, gn_str key, uint64_t number, gn_base *g, gn_err *e)
{
    if (b->o.kind == GN_BASE_GIVEN) {
        g->hits = b->only.hits;
        return 0;
    }
    if (!b->held)
        return gn_tmp_read(b->hits, number * sizeof g->hits, &g->hits, sizeof g->hits, e);
    const gn_cell *c = base_find(b, key);
    if (c)
        memcpy(&g->hits, (const uint8_t *)c->body + offsetof(gn_base, hits), sizeof g->hits);
    return 0;
}

static int put_group(gn_baseline *b, gn_str key, const gn_base *g, gn_row *row, gn_writer *w,
                     gn_err *e)
{
    bool figures = b->o.kind < GN_BASE_PERCENTILES, fences = !b->o.by_score;
    const uint8_t *p = key.p, *end = key.p + key.n;
    if (gn_row_begin(row, b->keys.n + 2 + 2 * (size_t)figures + 2 * (size_t)fences, e))
        return -1;
    for (size_t i = 0; i < b->keys.n; i++) {
        const uint8_t *q = gn_mp_skip(p, end);
        if (!q)
            return gn_fail(e, GN_BUG, "a group's keys");
        if (gn_row_raw(row, (gn_str){p, (uint32_t)(q - p)}, e))
            return -1;
        p = q;
    }
    if (gn_row_int(row, (int64_t)g->n, e))
        return -1;
    /* The deviation of one value, and everything of none, is not defined. */
    bool a = g->n > 0, spread = g->n > (b->o.kind == GN_BASE_DEVIATIONS);
    if (figures && ((a ? gn_row_float(row, g->a, e) : gn_row_null(row, e)) ||
                    (spread ? gn_row_float(row, g->b, e) : gn_row_null(row, e))))
        return -1;
    if (fences && (gn_row_float(row, g->fence.lower, e) || gn_row_float(row, g->fence.upper, e)))
        return -1;
    return (b->judged ? gn_row_int(row, (int64_t)g->hits, e) : gn_row_null(row, e)) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

static int write_groups(gn_baseline *b, gn_writer *w, gn_err *e)
{
    base_cursor c = {0};
    gn_row row = {0};
    gn_str key;
    gn_base g;
    int r;
    while ((r = base_next(b, &c, &key, &g, e)) == 1)
        if ((b->judged && find_hits(b, key, c.n - 1, &g, e)) || put_group(b, key, &g, &row, w, e)) {
            r = -1;
            break;
        }
    base_cursor_release(&c);
    gn_row_release(&row);
    return r;
}

int gn_baseline_write(gn_baseline *b, gn_writer *w, gn_err *e)
{
    gn_header h = {0};
    int r = make_header(b, &h, e) || gn_writer_begin(w, &h, e) || write_groups(b, w, e) ? -1 : 0;
    gn_header_release(&h);
    return r;
}

/* ---- and back ---- */

typedef struct loading {
    int count, figure[2], fence[2]; /* fields, or -1 */
    gn_buf key, code, last;
    bool any;
} loading;

static int number_field(gn_baseline *b, gn_reader *r, const char *what, unsigned types, gn_err *e)
{
    char name[NAME_MAX_BYTES];
    int f = gn_reader_field(r, "the groups given", figure_name(b, what, name), types, e);
    return f < 0 || gn_reader_want(r, f, GN_VALUE, e) ? -1 : f;
}

static int find_fields(gn_baseline *b, gn_reader *r, loading *l, gn_err *e)
{
    const gn_schema *s = &gn_reader_header(r)->schema;
    const unsigned real = 1u << GN_FLOAT;
    char name[NAME_MAX_BYTES];
    l->figure[0] = l->figure[1] = l->fence[0] = l->fence[1] = -1;
    if ((l->count = number_field(b, r, "count", 1u << GN_INT, e)) < 0)
        return -1;
    if (b->o.by_score && ((l->figure[0] = number_field(b, r, base_figure(b, 0), real, e)) < 0 ||
                          (l->figure[1] = number_field(b, r, base_figure(b, 1), real, e)) < 0))
        return -1;
    if (!b->o.by_score && ((l->fence[0] = number_field(b, r, "lower", real, e)) < 0 ||
                           (l->fence[1] = number_field(b, r, "upper", real, e)) < 0))
        return -1;
    /* The keys are what stands before the count. */
    figure_name(b, "count", name);
    bool same = b->begun ? (size_t)l->count == b->keys.n : true;
    for (int i = 0; same && i < l->count; i++) {
        const gn_field *f = &s->f[i];
        if (gn_reader_want(r, i, GN_RAW | GN_VALUE, e) ||
            (!b->begun && gn_schema_add(&b->keys, f->name, strlen(f->name), f->type, e)))
            return -1;
        same = strcmp(b->keys.f[i].name, f->name) == 0 && b->keys.f[i].type == f->type;
    }
    b->begun = true;
    return same ? 0 : gn_fail(e, GN_INPUT, "'%s': its segments have other keys", gn_reader_name(r));
}

static double value(const gn_batch *x, int field, size_t i, double none)
{
    return field < 0 || x->col[field].null[i] ? none : x->col[field].f[i];
}

static int load_row(gn_baseline *b, gn_reader *r, const gn_batch *x, size_t i, loading *l,
                    gn_err *e)
{
    gn_buf t = l->last;
    l->key.n = 0;
    for (int k = 0; k < l->count; k++)
        if (gn_buf_add(&l->key, x->col[k].raw[i].p, x->col[k].raw[i].n, e))
            return -1;
    gn_str key = {l->key.p, (uint32_t)l->key.n};
    if (key.n == 0)
        key = (gn_str){(const uint8_t *)"\xc0", 1};
    l->last = l->code;
    l->code = t;
    if (base_code(b, key, &l->code, e))
        return -1;
    if (l->any && base_cmp((gn_str){l->last.p, (uint32_t)l->last.n},
                           (gn_str){l->code.p, (uint32_t)l->code.n}) >= 0)
        return gn_fail(e, GN_INPUT,
                       "'%s': record %llu: not in order of the keys, or one comes twice (run "
                       "gn-sort)",
                       gn_reader_name(r), (unsigned long long)(x->first + i + 1));
    l->any = true;
    int64_t n = x->col[l->count].i[i];
    if (n < 0 || x->col[l->count].null[i])
        return gn_fail(e, GN_INPUT, "'%s': record %llu: a group without its count",
                       gn_reader_name(r), (unsigned long long)(x->first + i + 1));
    gn_base g = {
        .n = (uint64_t)n,
        .a = value(x, l->figure[0], i, 0),
        .b = value(x, l->figure[1], i, 0),
        .fence = {value(x, l->fence[0], i, -INFINITY), value(x, l->fence[1], i, INFINITY)}};
    return base_append(b, key, &g, e);
}

int gn_baseline_load(gn_baseline *b, const char *path, size_t max_record, uint64_t *sum, gn_err *e)
{
    loading l = {0};
    gn_batch *x;
    gn_reader *r = gn_reader_open(&path, 1, max_record, e);
    int ev = r ? 0 : -1, bad;
    *sum = 0;
    /* Fences are taken as they are, whatever they were made with. */
    if (!b->o.by_score)
        b->o.kind = GN_BASE_PERCENTILES;
    while (ev >= 0 && (ev = gn_reader_next(r, &x, e)) > 0) {
        bad = ev == GN_EV_SEGMENT && find_fields(b, r, &l, e);
        for (size_t i = 0; ev == GN_EV_BATCH && !bad && i < x->n; i++)
            bad = load_row(b, r, x, i, &l, e);
        if (ev == GN_EV_END)
            *sum = *sum * 31 + gn_reader_trailer(r)->xxh3;
        if (bad)
            ev = -1;
    }
    gn_reader_close(r);
    gn_buf_release(&l.key);
    gn_buf_release(&l.code);
    gn_buf_release(&l.last);
    b->loaded = true;
    b->begun = false; /* the input's value is another */
    return ev;
}
