/* baseline.c - see baseline.h: learning, the table, judging. */
#include "baselinepriv.h"

#include "../io/mp.h"
#include "../kernel/keycode.h"

#include <stdlib.h>
#include <string.h>

#define LONG_MS (INT64_C(8) * 3600 * 1000)
#define CURSOR_BLOCK ((size_t)64 * 1024)
#define FRAME_BASE (offsetof(gn_base, hits))

gn_baseline *gn_baseline_new(const gn_baseline_options *o, gn_err *e)
{
    gn_baseline *b = gn_calloc(1, sizeof *b, e);
    if (!b)
        return NULL;
    b->o = *o;
    b->only.fence = gn_fences_none();
    if (o->kind == GN_BASE_GIVEN)
        b->only.fence = o->given;
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

int base_append(gn_baseline *b, gn_str key, gn_base *g, gn_err *e)
{
    uint8_t n[4];
    bool spread = true;
    if (b->o.kind == GN_BASE_QUARTILES)
        spread = gn_fences_quartiles(&g->fence, g->a, g->b, b->o.factor);
    else if (b->o.kind == GN_BASE_DEVIATIONS)
        spread = gn_fences_deviations(&g->fence, g->a, g->b, b->o.factor);
    else if (b->o.kind == GN_BASE_ROBUST)
        spread = gn_fences_robust(&g->fence, g->a, g->b, b->o.factor);
    if (g->n < b->o.least) {
        g->fence = gn_fences_none();
        b->count.small++;
    } else {
        b->count.without_spread += !spread && g->n > 1;
    }
    b->count.groups++;
    g->hits = 0;
    b->only = *g;
    gn_put32(n, key.n);
    return gn_tmp_write(b->groups, n, sizeof n, e) || gn_tmp_write(b->groups, key.p, key.n, e) ||
                   gn_tmp_write(b->groups, g, FRAME_BASE, e)
               ? -1
               : 0;
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

static int find_value(gn_baseline *b, const gn_header *h, const char *name, gn_err *e)
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
    if (!b->o.merge && (gn_reader_field(r, "--value", b->o.value, numbers, e) < 0 ||
                        find_value(b, gn_reader_header(r), gn_reader_name(r), e) ||
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

static void count_values(gn_baseline *b, const gn_vec *v, size_t n)
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
        count_values(b, &x->col[b->field], x->n);
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
    if (gn_agg_finish(b->agg, false, NULL, e))
        return -1;
    agg_done(b);
    return 0;
}

/* ---- the groups in their file ---- */

void base_cursor_release(base_cursor *c)
{
    gn_buf_release(&c->block);
}

/* At least n more bytes of the file into the block. */
static int fill(gn_baseline *b, base_cursor *c, size_t n, gn_err *e)
{
    uint64_t left = gn_tmp_size(b->groups) - c->at;
    size_t rest = c->block.n - c->p, want = n > CURSOR_BLOCK ? n : CURSOR_BLOCK;
    if (rest >= n)
        return 0;
    if (c->p)
        memmove(c->block.p, c->block.p + c->p, rest);
    c->p = 0;
    c->block.n = rest;
    want = left < want ? (size_t)left : want;
    if (gn_buf_reserve(&c->block, want + GN_SLACK, e) ||
        gn_tmp_read(b->groups, c->at, c->block.p + rest, want, e))
        return -1;
    c->at += want;
    c->block.n += want;
    memset(c->block.p + c->block.n, 0, GN_SLACK);
    return 0;
}

int base_next(gn_baseline *b, base_cursor *c, gn_str *key, gn_base *g, gn_err *e)
{
    if (c->p == c->block.n && c->at == gn_tmp_size(b->groups))
        return 0;
    if (fill(b, c, 4, e))
        return -1;
    uint32_t n = gn_be32(c->block.p + c->p);
    if (fill(b, c, 4 + (size_t)n + FRAME_BASE, e))
        return -1;
    const uint8_t *p = c->block.p + c->p + 4;
    *key = (gn_str){p, n};
    g->hits = 0;
    memcpy(g, p + n, FRAME_BASE);
    c->p += 4 + (size_t)n + FRAME_BASE;
    c->n++;
    return 1;
}

int base_code(const gn_baseline *b, gn_str key, gn_buf *code, gn_err *e)
{
    const uint8_t *p = key.p, *end = key.p + key.n;
    code->n = 0;
    for (size_t i = 0; i < b->keys.n; i++) {
        const uint8_t *q = gn_mp_skip(p, end);
        if (!q)
            return gn_fail(e, GN_BUG, "a group's keys");
        if (gn_keycode_add(code, b->keys.f[i].type, (gn_str){p, (uint32_t)(q - p)}, false, e))
            return -1;
        p = q;
    }
    return 0;
}

int base_cmp(gn_str a, gn_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* ---- the table ---- */

gn_cell *base_find(const gn_baseline *b, gn_str key)
{
    gn_cellprobe q;
    size_t slot;
    gn_cellprobe_set(&q, key, 0, BASE_TAG_BITS, 0);
    return gn_celltab_find(&b->table, &q, &slot, BASE_TAG_BITS);
}

static int hold(gn_baseline *b, gn_err *e)
{
    base_cursor c = {0};
    gn_str key;
    gn_base g;
    int r = gn_celltab_init(&b->table, BASE_TAG_BITS, b->o.budget, e) ? -1 : 1;
    while (r == 1 && (r = base_next(b, &c, &key, &g, e)) == 1) {
        gn_cellprobe q;
        size_t slot;
        gn_cellprobe_set(&q, key, 0, BASE_TAG_BITS, 0);
        gn_cell *cell = gn_celltab_find(&b->table, &q, &slot, BASE_TAG_BITS);
        if (!cell && !(cell = gn_celltab_insert(&b->table, &q, slot, e)))
            r = -1;
        else
            memcpy(cell->body, &g, sizeof g);
    }
    base_cursor_release(&c);
    return r;
}

int gn_baseline_settle(gn_baseline *b, gn_twice *t, gn_err *e)
{
    b->judged = true;
    if (b->o.kind == GN_BASE_GIVEN || b->held)
        return 0;
    if (!b->table.slot) {
        if (hold(b, e) == 0) {
            b->held = true;
            return 0;
        }
        if (e->status != GN_IO)
            return -1;
        gn_err_clear(e); /* out of memory, or the disk is: that will come again */
        gn_celltab_release(&b->table);
    }
    return t ? base_join(b, t, e) : 1;
}

/* ---- judging ---- */

int gn_baseline_bind(gn_baseline *b, gn_feed s, gn_err *e)
{
    const gn_header *h = gn_feed_header(s);
    if (find_value(b, h, gn_feed_name(s), e) || gn_feed_want(s, b->field, GN_VALUE, e))
        return -1;
    if (b->o.kind == GN_BASE_GIVEN)
        return 0;
    if (gn_rowkey_segment(b->key, s, e))
        return -1;
    bool same = gn_rowkey_count(b->key) == b->keys.n;
    for (size_t i = 0; same && i < b->keys.n; i++)
        same = strcmp(b->keys.f[i].name, gn_rowkey_name(b->key, i)) == 0 &&
               b->keys.f[i].type == gn_rowkey_type(b->key, i);
    if (!same)
        return gn_fail(e, GN_INPUT,
                       "'%s': the groups that are given have other keys, by name or type, than %s "
                       "says",
                       gn_feed_name(s), b->o.keys_for);
    return 0;
}

double gn_baseline_score(const gn_baseline *b, const gn_base *g, double x)
{
    return b->o.kind == GN_BASE_ROBUST ? gn_score_robust(x, g->a, g->b) : gn_score(x, g->a, g->b);
}

static inline enum gn_verdict judge(const gn_baseline *b, const gn_base *g, gn_type type, int64_t i,
                                    double f)
{
    if (b->o.by_score) {
        if (g->n < b->o.least || !(g->b > 0))
            return GN_NO_BASE;
        double z = gn_baseline_score(b, g, type == GN_INT ? (double)i : f);
        return z > b->o.factor ? GN_HIGH : z < -b->o.factor ? GN_LOW : GN_INSIDE;
    }
    if (g->fence.lower == -INFINITY && g->fence.upper == INFINITY)
        return GN_NO_BASE;
    if (type == GN_INT)
        return gn_int_below(i, g->fence.lower)   ? GN_LOW
               : gn_int_above(i, g->fence.upper) ? GN_HIGH
                                                 : GN_INSIDE;
    return f < g->fence.lower ? GN_LOW : f > g->fence.upper ? GN_HIGH : GN_INSIDE;
}

enum gn_verdict base_judge(const gn_baseline *b, const gn_base *g, gn_type type, int64_t i,
                           double f)
{
    return judge(b, g, type, i, f);
}

bool base_has_value(gn_baseline *b, const gn_vec *v, size_t i)
{
    return !v->null[i] && (b->o.negative || (v->i ? v->i[i] >= 0 : v->f[i] >= 0));
}

static void count_verdict(gn_baseline *b, enum gn_verdict v)
{
    b->count.no_base += v == GN_NO_BASE;
    b->count.inside += v == GN_INSIDE;
    b->count.low += v == GN_LOW;
    b->count.high += v == GN_HIGH;
}

const gn_schema *gn_baseline_keys(const gn_baseline *b)
{
    return &b->keys;
}

const gn_str *gn_baseline_keys_of(gn_baseline *b, const gn_batch *x, gn_err *e)
{
    return gn_rowkey_batch(b->key, x, e);
}

#define AT_ONCE 64

/* Rows [from, from + n): look up the groups, so that misses of the cache overlap. */
static void judge_some(gn_baseline *b, const gn_vec *v, const gn_str *key, size_t from, size_t n,
                       enum gn_verdict *verdict, const gn_base **base)
{
    gn_cellprobe q[AT_ONCE];
    const gn_cell *likely;
    const gn_celltab *t = &b->table;
    size_t slot;
    for (size_t k = 0; k < n; k++) {
        gn_cellprobe_set(&q[k], key[from + k], 0, BASE_TAG_BITS, 0);
        __builtin_prefetch(&t->slot[q[k].hash & (t->nslots - 1)]);
    }
    for (size_t k = 0; k < n; k++)
        if ((likely = gn_celltab_likely(t, q[k].hash)))
            __builtin_prefetch(likely);
    for (size_t k = 0; k < n; k++) {
        size_t i = from + k;
        gn_cell *c;
        verdict[i] = GN_NO_VALUE;
        if (!base_has_value(b, v, i))
            continue;
        verdict[i] = GN_NO_BASE;
        if ((c = gn_celltab_find(t, &q[k], &slot, BASE_TAG_BITS))) {
            gn_base *g = (gn_base *)(void *)c->body;
            verdict[i] = judge(b, g, v->type, v->i ? v->i[i] : 0, v->f ? v->f[i] : 0);
            g->hits += verdict[i] >= GN_LOW;
            base[i] = g;
        } else {
            b->count.unknown_group++;
        }
        count_verdict(b, verdict[i]);
    }
}

static void judge_given(gn_baseline *b, const gn_vec *v, size_t n, enum gn_verdict *verdict,
                        const gn_base **base)
{
    for (size_t i = 0; i < n; i++) {
        base[i] = &b->only;
        verdict[i] = GN_NO_VALUE;
        if (!base_has_value(b, v, i))
            continue;
        verdict[i] = judge(b, &b->only, v->type, v->i ? v->i[i] : 0, v->f ? v->f[i] : 0);
        b->only.hits += verdict[i] >= GN_LOW;
        count_verdict(b, verdict[i]);
    }
}

int gn_baseline_judge(gn_baseline *b, const gn_batch *x, enum gn_verdict *verdict,
                      const gn_base **base, gn_err *e)
{
    const gn_vec *v = &x->col[b->field];
    if (!b->learned)
        count_values(b, v, x->n);
    if (b->o.kind == GN_BASE_GIVEN) {
        judge_given(b, v, x->n, verdict, base);
        return 0;
    }
    if (!b->held) {
        if (base_judge_joined(b, v, x->n, verdict, base, e))
            return -1;
        for (size_t i = 0; i < x->n; i++)
            count_verdict(b, verdict[i]);
        return 0;
    }
    const gn_str *key = gn_rowkey_batch(b->key, x, e);
    if (!key)
        return -1;
    for (size_t from = 0; from < x->n; from += AT_ONCE)
        judge_some(b, v, key, from, x->n - from < AT_ONCE ? x->n - from : AT_ONCE, verdict, base);
    return 0;
}
