/* baseline_judge.c - see baseline.h: the groups in their table, judging by it. */
#include "baselinepriv.h"

#include <math.h>
#include <string.h>

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
    if (base_find_value(b, h, gn_feed_name(s), e) || gn_feed_want(s, b->field, GN_VALUE, e))
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
        base_count_values(b, v, x->n);
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
