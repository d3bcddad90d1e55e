/* baseline.c - see baseline.h: learning. */
#include "baselinepriv.h"

#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

#define LONG_MS (INT64_C(8) * 3600 * 1000)

gn_baseline *gn_baseline_new(const gn_baseline_options *o, gn_err *e)
{
    gn_baseline *b = gn_calloc(1, sizeof *b, e);
    if (!b)
        return NULL;
    b->o = *o;
    b->only.fence = gn_fences_none();
    if (o->kind == GN_BASE_GIVEN) {
        b->only.fence = o->given;
        b->judged = true;
    }
    if (!(b->groups = gn_tmp_new(o->temp_dir, e)) ||
        (!o->merge && !(b->key = gn_rowkey_new(o->keys, o->keys_for, o->zone, e)))) {
        gn_baseline_free(b);
        return NULL;
    }
    return b;
}

void gn_baseline_free(gn_baseline *b)
{
    if (!b)
        return;
    gn_agg_free(b->agg);
    gn_buf_release(&b->aggs);
    gn_schema_release(&b->keys);
    gn_rowkey_free(b->key);
    gn_tmp_free(b->groups);
    gn_tmp_free(b->hits);
    gn_rowsort_free(b->verdicts);
    gn_buf_release(&b->bases);
    gn_celltab_release(&b->table);
    free(b);
}

const gn_baseline_counts *gn_baseline_counted(const gn_baseline *b)
{
    return &b->count;
}

const gn_base *gn_baseline_only(const gn_baseline *b)
{
    return b->count.groups <= 1 ? &b->only : NULL;
}

uint64_t gn_baseline_spilled(const gn_baseline *b, uint64_t *runs)
{
    *runs = b->spill_runs;
    return b->spilled;
}

int gn_baseline_field(const gn_baseline *b, gn_type *type)
{
    *type = b->type;
    return b->field;
}

const gn_schema *gn_baseline_keys(const gn_baseline *b)
{
    return &b->keys;
}

/* ---- learning ---- */

/* The field's name as it stands in an expression. */
static int quoted(gn_buf *to, const char *before, const char *name, gn_err *e)
{
    if (gn_buf_add(to, "`", 1, e) || gn_buf_add(to, before, strlen(before), e))
        return -1;
    for (; *name; name++)
        if (gn_buf_add(to, name, 1, e) || (*name == '`' && gn_buf_add(to, name, 1, e)))
            return -1;
    return gn_buf_add(to, "`", 1, e);
}

static int value_text(const gn_baseline *b, gn_buf *to, gn_err *e)
{
    const char *v = b->o.value;
    if (b->o.negative)
        return quoted(to, "", v, e);
    return gn_buf_add(to, "if(", 3, e) || quoted(to, "", v, e) || gn_buf_add(to, " >= 0, ", 7, e) ||
                   quoted(to, "", v, e) || gn_buf_add(to, ", null)", 7, e)
               ? -1
               : 0;
}

const char *base_figure(const gn_baseline *b, int i)
{
    static const char *const name[][2] = {[GN_BASE_QUARTILES] = {"q1", "q3"},
                                          [GN_BASE_DEVIATIONS] = {"avg", "stddev"},
                                          [GN_BASE_ROBUST] = {"median", "mad"},
                                          [GN_BASE_PERCENTILES] = {"lower", "upper"},
                                          [GN_BASE_GIVEN] = {"lower", "upper"}};
    return name[b->o.kind][i];
}

/* "count_v = count(v), avg_v = avg(v), stddev_v = stddev(v)" */
static int aggs_text(gn_baseline *b, gn_err *e)
{
    const char *const *pct = b->o.pct;
    gn_buf *to = &b->aggs;
    for (int i = -1; i < 2; i++) {
        const char *name = i < 0 ? "count" : base_figure(b, i), *rest = "";
        char prefix[16] = "";
        (void)memcpy(prefix, name, strlen(name));
        prefix[strlen(name)] = '_';
        if (b->o.kind == GN_BASE_QUARTILES && i >= 0)
            rest = i ? ", 75" : ", 25";
        else if (b->o.kind == GN_BASE_PERCENTILES && i >= 0)
            rest = pct[i];
        bool pctl = i >= 0 && (b->o.kind == GN_BASE_QUARTILES || b->o.kind == GN_BASE_PERCENTILES);
        if ((i >= 0 && gn_buf_add(to, ", ", 2, e)) || quoted(to, prefix, b->o.value, e) ||
            gn_buf_printf(to, e, " = %s(", pctl ? "pctl" : name) || value_text(b, to, e) ||
            (*rest == ',' && gn_buf_printf(to, e, "%s", rest)) ||
            (*rest && *rest != ',' && gn_buf_printf(to, e, ", %s", rest)) ||
            gn_buf_add(to, ")", 1, e))
            return -1;
    }
    return gn_buf_add(to, "", 1, e);
}

static const uint8_t *figure(const uint8_t *p, const uint8_t *end, double *v)
{
    *v = 0;
    if (p < end && *p == GN_MP_NIL)
        return p + 1;
    return gn_mp_get_float(p, end, v);
}

/* A result of agg: the keys, count, two figures. */
static int take_row(void *ctx, gn_str record, gn_err *e)
{
    gn_baseline *b = ctx;
    size_t fields;
    const uint8_t *end = record.p + record.n, *p = gn_mp_get_array(record.p, end, &fields), *key;
    gn_base g = {.fence = gn_fences_none()};
    bool known = false;
    key = p;
    for (size_t i = 0; p && i + BASE_FIGURES < fields; i++)
        p = gn_mp_skip(p, end);
    gn_str keys = {key, (uint32_t)(p - key)};
    p = p ? gn_mp_get_uint(p, end, &g.n) : NULL;
    known = p && p < end && *p != GN_MP_NIL;
    p = p ? figure(p, end, &g.a) : NULL;
    p = p ? figure(p, end, &g.b) : NULL;
    if (!p)
        return gn_fail(e, GN_BUG, "a group without its figures");
    if (b->o.kind == GN_BASE_PERCENTILES) {
        if (known)
            g.fence = (gn_fences){g.a, g.b};
        g.a = g.b = 0;
    }
    if (keys.n == 0) /* no keys: what gn_rowkey says then */
        keys = (gn_str){(const uint8_t *)"\xc0", 1};
    return base_append(b, keys, &g, e);
}

static int begin(gn_baseline *b, gn_err *e)
{
    if (aggs_text(b, e))
        return -1;
    gn_agg_options o = {.keys = b->o.keys,
                        .aggs = (const char *)b->aggs.p,
                        .time = "timestamp",
                        .zone = b->o.zone,
                        .tz = b->o.tz,
                        .merge = b->o.merge,
                        .hash = b->o.hash,
                        .budget = b->o.budget,
                        .temp_dir = b->o.temp_dir,
                        .command = b->o.command,
                        .row = take_row,
                        .ctx = b};
    return (b->agg = gn_agg_new(&o, e)) ? 0 : -1;
}

/* States say what they are of behind "aggs=bytes:". */
static int check_state(const gn_baseline *b, gn_reader *r, gn_err *e)
{
    const char *params = gn_reader_header(r)->partial.params, *aggs = (const char *)b->aggs.p;
    size_t n = strlen(params), k = strlen(aggs);
    if (n > k && strcmp(params + n - k, aggs) == 0 && params[n - k - 1] == ':')
        return 0;
    return gn_fail(e, GN_INPUT,
                   "'%s': a state of another value or method than asked for (give the options that "
                   "it was made with)",
                   gn_reader_name(r));
}

int base_find_value(gn_baseline *b, const gn_header *h, const char *name, gn_err *e)
{
    b->field = gn_schema_find(&h->schema, b->o.value);
    if (b->field < 0)
        return gn_fail(e, GN_BUG, "'%s': no '%s'", name, b->o.value);
    gn_type type = h->schema.f[b->field].type;
    if (b->begun && type != b->type)
        return gn_fail(e, GN_INPUT, "'%s': '%s' is a %s here, a %s in the input before", name,
                       b->o.value, gn_type_name(type), gn_type_name(b->type));
    b->type = type;
    b->begun = true;
    return 0;
}

/* The keys' names and types: those of agg's results. */
static int find_keys(gn_baseline *b, gn_err *e)
{
    gn_header h = {0};
    int r = gn_agg_header(b->agg, false, &h, e);
    for (size_t i = 0; r == 0 && i + BASE_FIGURES < h.schema.n; i++)
        r = gn_schema_add(&b->keys, h.schema.f[i].name, strlen(h.schema.f[i].name),
                          h.schema.f[i].type, e);
    gn_header_release(&h);
    return r;
}

int gn_baseline_segment(gn_baseline *b, gn_reader *r, gn_err *e)
{
    const unsigned numbers = 1u << GN_INT | 1u << GN_FLOAT;
    bool first = !b->agg;
    if (b->loaded)
        return gn_reader_field(r, "--value", b->o.value, numbers, e) < 0 ? -1 : 0;
    if (!b->o.merge && (gn_reader_field(r, "--value", b->o.value, numbers, e) < 0 ||
                        base_find_value(b, gn_reader_header(r), gn_reader_name(r), e) ||
                        gn_reader_want(r, b->field, GN_VALUE, e)))
        return -1;
    if (b->o.kind == GN_BASE_GIVEN)
        return 0;
    if ((first && begin(b, e)) || gn_agg_segment(b->agg, r, e))
        return -1;
    if (b->o.merge && check_state(b, r, e))
        return -1;
    return first ? find_keys(b, e) : 0;
}

void base_count_values(gn_baseline *b, const gn_vec *v, size_t n)
{
    gn_baseline_counts *c = &b->count;
    uint64_t negative = 0, longer = 0;
    c->null_value += v->nulls;
    if (b->o.negative)
        return;
    for (size_t i = 0; v->i && i < n; i++) {
        negative += v->i[i] < 0; /* 0 where null */
        longer += v->i[i] > LONG_MS;
    }
    for (size_t i = 0; v->f && i < n; i++)
        negative += v->f[i] < 0;
    c->negative_value += negative;
    c->long_value += longer;
}

int gn_baseline_add(gn_baseline *b, const gn_batch *x, gn_err *e)
{
    b->learned = true;
    if (!b->o.merge)
        base_count_values(b, &x->col[b->field], x->n);
    return gn_agg_batch(b->agg, x, false, NULL, e);
}

static void note_spill(gn_baseline *b, uint64_t bytes, uint64_t runs)
{
    b->spilled += bytes;
    b->spill_runs += runs;
}

static void agg_done(gn_baseline *b)
{
    uint64_t runs, bytes = gn_agg_spilled(b->agg, &runs);
    note_spill(b, bytes, runs);
    gn_agg_free(b->agg);
    b->agg = NULL;
}

int gn_baseline_state_header(gn_baseline *b, gn_header *h, gn_err *e)
{
    return gn_agg_header(b->agg, true, h, e);
}

int gn_baseline_state_write(gn_baseline *b, gn_writer *w, gn_err *e)
{
    if (gn_agg_finish(b->agg, true, w, e))
        return -1;
    b->count.groups = gn_agg_groups(b->agg);
    agg_done(b);
    return 0;
}

int gn_baseline_finish(gn_baseline *b, gn_err *e)
{
    if (!b->agg)
        return 0;
    if (gn_agg_finish(b->agg, false, NULL, e))
        return -1;
    agg_done(b);
    return 0;
}
