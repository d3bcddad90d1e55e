/* outlier.c - see outlier.h. */
#include "outlier.h"

#include "../base/parse.h"
#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

#define REJECTS "input:str,offset:int,record:int,rule:str,reason:str,raw:bin"
#define RULE "outlier"

static bool appends(enum gn_outlier_action a)
{
    return a == GN_OUTLIER_FLAG || a == GN_OUTLIER_BUCKET;
}

static int make_header(enum gn_outlier_action action, int field, gn_header *h, gn_err *e)
{
    size_t n = h->schema.n;
    bool flag = action == GN_OUTLIER_FLAG;
    const char *name = flag ? GN_OUTLIER_FLAG_NAME : GN_OUTLIER_BUCKET_NAME;
    if (action == GN_OUTLIER_DROP || action == GN_OUTLIER_SPLIT)
        return 0;
    if (appends(action) && gn_schema_find(&h->schema, name) >= 0)
        return gn_fail(e, GN_INPUT, "there is a field '%s' already (rename it with gn-select)",
                       name);
    gn_column *c = gn_calloc(n + 1, sizeof *c, e);
    if (!c)
        return -1;
    for (size_t i = 0; i < n; i++)
        c[i].from = (int)i;
    if (appends(action))
        c[n++] = (gn_column){-1, name, flag ? GN_BOOL : GN_STR};
    else
        c[field] = (gn_column){-1, h->schema.f[field].name, h->schema.f[field].type};
    int r = gn_header_map(h, c, n, e);
    free(c);
    return r;
}

int gn_outlier_bind(gn_outlier *o, gn_baseline *by, gn_feed feed, gn_header *h, gn_err *e)
{
    gn_type type;
    if (gn_baseline_bind(by, feed, e))
        return -1;
    int field = gn_baseline_field(by, &type);
    return gn_feed_want(feed, field, GN_VALUE | GN_RAW, e) ||
                   gn_header_copy(h, gn_feed_header(feed), e) || make_header(o->action, field, h, e)
               ? -1
               : 0;
}

int gn_outlier_begin_rejects(gn_outlier *o, gn_err *e)
{
    gn_header h = {0};
    int r = gn_schema_parse(&h.schema, REJECTS, e) || gn_writer_begin(o->rejects, &h, e) ? -1 : 0;
    gn_header_release(&h);
    return r;
}

void gn_outlier_release(gn_outlier *o)
{
    gn_row_release(&o->row);
}

static gn_str record_at(const gn_batch *b, size_t i)
{
    return (gn_str){b->base + b->off[i], b->off[i + 1] - b->off[i]};
}

/* ---- reject ---- */

static int reject(gn_outlier *o, gn_str record, enum gn_verdict v, const char *input,
                  uint64_t number, gn_err *e)
{
    gn_buf why = {0};
    gn_row *r = &o->row;
    int bad = gn_buf_printf(&why, e, "'%s' is %s fence", o->value,
                            v == GN_LOW ? "below the lower" : "above the upper") ||
              gn_row_begin(r, 6, e) ||
              gn_row_str(r, input, gn_utf8_valid(input, strlen(input)), e) || gn_row_null(r, e) ||
              gn_row_int(r, (int64_t)number, e) || gn_row_str(r, RULE, strlen(RULE), e) ||
              gn_row_str(r, (const char *)why.p, why.n, e) ||
              gn_row_bin(r, record.p, record.n, e) || gn_row_write(r, o->rejects, e);
    gn_buf_release(&why);
    return bad ? -1 : 0;
}

static int drop(gn_outlier *o, const gn_batch *b, const enum gn_verdict *verdict, const char *input,
                uint64_t first, gn_err *e)
{
    uint8_t keep[GN_BATCH];
    for (size_t i = 0; i < b->n; i++) {
        keep[i] = verdict[i] < GN_LOW;
        if (!keep[i] && o->action == GN_OUTLIER_SPLIT &&
            reject(o, record_at(b, i), verdict[i], input, first + i + 1, e))
            return -1;
    }
    return gn_writer_select(o->w, b, keep, e);
}

/* ---- cap ---- */

static uint8_t *put_capped(uint8_t *p, gn_type type, enum gn_verdict v, const gn_base *g)
{
    if (type == GN_FLOAT)
        return gn_mp_float(p, v == GN_LOW ? g->fence.lower : g->fence.upper);
    return gn_mp_int(p,
                     v == GN_LOW ? gn_int_raised(g->fence.lower) : gn_int_lowered(g->fence.upper));
}

static int cap(gn_outlier *o, const gn_batch *b, int field, const enum gn_verdict *verdict,
               const gn_base *const *base, gn_err *e)
{
    const gn_vec *v = &b->col[field];
    const uint8_t *done = b->base + b->off[0], *end = b->base + b->off[b->n];
    uint8_t *p = gn_writer_reserve(o->w, (size_t)(end - done) + GN_MP_HEAD * b->n, e);
    if (!p)
        return -1;
    for (size_t i = 0; i < b->n; i++) {
        if (verdict[i] < GN_LOW)
            continue;
        size_t n = (size_t)(v->raw[i].p - done);
        memcpy(p, done, n);
        p = put_capped(p + n, v->type, verdict[i], base[i]);
        done = v->raw[i].p + v->raw[i].n;
    }
    memcpy(p, done, (size_t)(end - done));
    return gn_writer_commit(o->w, p + (end - done), b->n, e);
}

/* ---- append ---- */

static uint8_t *put_bucket(uint8_t *p, enum gn_verdict v)
{
    switch (v) {
    case GN_LOW:
        return gn_mp_str(p, "low", 3);
    case GN_HIGH:
        return gn_mp_str(p, "high", 4);
    case GN_INSIDE:
        return gn_mp_str(p, "inside", 6);
    default:
        return gn_mp_nil(p);
    }
}

static int append(gn_outlier *o, const gn_batch *b, const enum gn_verdict *verdict, gn_err *e)
{
    size_t bytes = b->off[b->n] - b->off[0];
    uint8_t *p = gn_writer_reserve(o->w, bytes + 2 * GN_MP_HEAD * b->n, e);
    if (!p)
        return -1;
    for (size_t i = 0; i < b->n; i++) {
        gn_str r = record_at(b, i);
        size_t fields = 0;
        const uint8_t *q = gn_mp_get_array(r.p, r.p + r.n, &fields);
        if (!q)
            return gn_fail(e, GN_BUG, "a record that is no array");
        p = gn_mp_array_head(p, fields + 1);
        p = gn_copy_span(p, q, (size_t)(r.p + r.n - q));
        p = o->action == GN_OUTLIER_FLAG ? gn_mp_bool(p, verdict[i] >= GN_LOW)
                                         : put_bucket(p, verdict[i]);
    }
    return gn_writer_commit(o->w, p, b->n, e);
}

int gn_outlier_batch(gn_outlier *o, gn_baseline *by, const gn_batch *b, const char *input,
                     uint64_t first, gn_err *e)
{
    gn_type type;
    int field = gn_baseline_field(by, &type);
    bool any = false;
    if (gn_baseline_judge(by, b, o->verdict, o->judged_by, e))
        return -1;
    if (appends(o->action))
        return append(o, b, o->verdict, e);
    for (size_t i = 0; i < b->n; i++)
        any |= o->verdict[i] >= GN_LOW;
    if (!any)
        return gn_writer_select(o->w, b, NULL, e);
    return o->action == GN_OUTLIER_CAP ? cap(o, b, field, o->verdict, o->judged_by, e)
                                       : drop(o, b, o->verdict, input, first, e);
}
