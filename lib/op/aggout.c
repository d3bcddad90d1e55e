/* aggout.c - entries in order into results, or into the records of a partial state.
 *
 * A group's state comes before its values, so how many there are is known, and percentiles are
 * read off by rank as the values pass. */
#include "aggpriv.h"

#include "../io/mp.h"

#include <float.h>
#include <string.h>

static void begin_ranks(gn_agg *g)
{
    const agg_spec *s = &g->spec;
    for (size_t k = 0; k < s->nruns; k++) {
        g->run[k].distinct = g->run[k].seen = 0;
        if (g->run[k].mad)
            gn_mad_clear(g->run[k].mad);
    }
    for (size_t k = 0; k < s->nitems; k++) {
        const agg_item *it = &s->item[k];
        agg_pctl_result *p = &g->pctl[k];
        if (it->kind != AGG_PCTL)
            continue;
        uint64_t n = *(const uint64_t *)(const void *)(g->cell_now + s->run[it->run].at);
        p->bytes.n = 0;
        if (n == 0)
            continue;
        gn_u128 h = (gn_u128)(g->o.nearest ? n : n - 1) * it->num;
        p->lo = (uint64_t)(h / it->den);
        p->rest = (uint64_t)(h % it->den);
        if (g->o.nearest) { /* rank ceil(p n), from 1 */
            p->lo += p->rest != 0;
            p->lo -= p->lo != 0;
            p->rest = 0;
        }
        p->hi = p->lo + (p->rest != 0);
    }
}

static int bad_state(gn_err *e)
{
    return gn_fail(e, GN_CORRUPT, "a state that no records have");
}

static int pass_deviation(agg_run_result *r, bool real, uint64_t n, gn_str v, gn_err *e)
{
    int64_t i = 0;
    double f = 0;
    if (real)
        (void)gn_mp_get_float(v.p, v.p + v.n, &f);
    else
        (void)gn_mp_get_int(v.p, v.p + v.n, &i);
    return gn_mad_add(r->mad, i, f, n, e);
}

/* A value of a run passes, `n` times. */
static int pass_value(gn_agg *g, size_t run, uint64_t n, gn_str v, gn_err *e)
{
    const agg_spec *s = &g->spec;
    agg_run_result *r = &g->run[run];
    uint64_t from = r->seen, to;
    bool real = s->col[s->run[run].col].type == GN_FLOAT;
    if (__builtin_add_overflow(from, n, &to))
        return bad_state(e);
    for (size_t k = 0; k < s->nitems; k++) {
        agg_pctl_result *p = &g->pctl[k];
        uint64_t rank[2] = {p->lo, p->hi};
        if (s->item[k].kind != AGG_PCTL || s->item[k].run != (int)run)
            continue;
        for (int j = 0; j < 2; j++) {
            if (rank[j] < from || rank[j] >= to)
                continue;
            if (g->o.nearest) {
                p->bytes.n = 0;
                if (gn_buf_add(&p->bytes, v.p, v.n, e))
                    return -1;
            } else if (real) {
                (void)gn_mp_get_float(v.p, v.p + v.n, &p->f[j]);
            } else {
                (void)gn_mp_get_int(v.p, v.p + v.n, &p->i[j]);
            }
        }
    }
    r->seen = to;
    r->distinct++;
    return r->mad ? pass_deviation(r, real, n, v, e) : 0;
}

static int put_pctl(gn_agg *g, const agg_item *it, const agg_pctl_result *p, gn_err *e)
{
    const agg_spec *s = &g->spec;
    if (*(const uint64_t *)(const void *)(g->cell_now + s->run[it->run].at) == 0)
        return gn_row_null(&g->row, e);
    if (g->o.nearest)
        return gn_row_raw(&g->row, (gn_str){p->bytes.p, (uint32_t)p->bytes.n}, e);
    if (s->col[it->arg].type == GN_FLOAT) {
        double f = p->f[0];
        if (p->rest) {
            double part = (double)p->rest / (double)it->den, gap = p->f[1] - p->f[0];
            f = gap <= DBL_MAX ? p->f[0] + gap * part
                               : p->f[0] * (1 - part) + p->f[1] * part; /* the gap overflows */
        }
        return gn_row_float(&g->row, f, e);
    }
    gn_i128 sum = (gn_i128)p->i[0] * it->den;
    if (p->rest)
        sum += ((gn_i128)p->i[1] - p->i[0]) * p->rest;
    return gn_row_float(&g->row, gn_ratio(sum, it->den), e);
}

static int put_mad(gn_agg *g, const agg_item *it, gn_err *e)
{
    double median, mad;
    int known = gn_mad_value(g->run[it->run].mad, &median, &mad, e);
    if (known < 0)
        return -1;
    return known ? gn_row_float(&g->row, mad, e) : gn_row_null(&g->row, e);
}

/* The row that is built. */
static int give(gn_agg *g, gn_writer *w, gn_err *e)
{
    if (!g->o.row)
        return gn_row_write(&g->row, w, e);
    return g->o.row(g->o.ctx, (gn_str){g->row.b.p, (uint32_t)g->row.b.n}, e);
}

int agg_put_group(gn_agg *g, gn_writer *w, gn_err *e)
{
    const agg_spec *s = &g->spec;
    if (!g->open)
        return 0;
    g->open = false;
    for (size_t k = 0; k < s->nruns; k++)
        if (g->run[k].seen != *(const uint64_t *)(const void *)(g->cell_now + s->run[k].at))
            return bad_state(e);
    g->groups_out++;
    if (gn_row_begin(&g->row, s->nkeys + s->nitems, e))
        return -1;
    const uint8_t *p = g->group.p, *end = p + g->group.n;
    for (size_t i = 0; i < s->nkeys; i++) {
        const uint8_t *q = gn_mp_skip(p, end);
        if (gn_row_raw(&g->row, (gn_str){p, (uint32_t)(q - p)}, e))
            return -1;
        p = q;
    }
    for (size_t k = 0; k < s->nitems; k++) {
        const agg_item *it = &s->item[k];
        int r = it->kind == AGG_DISTINCT ? gn_row_int(&g->row, (int64_t)g->run[it->run].distinct, e)
                : it->kind == AGG_PCTL   ? put_pctl(g, it, &g->pctl[k], e)
                : it->kind == AGG_MAD
                    ? put_mad(g, it, e)
                    : agg_cell_result(s, it, g->cell_now, g->o.nearest, &g->row, e);
        if (r)
            return -1;
    }
    return give(g, w, e);
}

/* An entry as a record of the partial state. */
static int put_state(gn_agg *g, gn_str body, gn_writer *w, gn_err *e)
{
    const agg_spec *s = &g->spec;
    gn_str state = {body.p + 1, body.n - 1};
    if (body.p[0] == 0) {
        gn_str keys = agg_body_keys(body);
        state = agg_body_state(body);
        g->group.n = 0;
        g->groups_out++;
        if (gn_buf_add(&g->group, keys.p, keys.n, e))
            return -1;
    }
    if (gn_row_begin(&g->row, s->nkeys + 2, e))
        return -1;
    const uint8_t *p = g->group.p, *end = p + g->group.n;
    for (size_t i = 0; i < s->nkeys; i++) {
        const uint8_t *q = gn_mp_skip(p, end);
        if (gn_row_raw(&g->row, (gn_str){p, (uint32_t)(q - p)}, e))
            return -1;
        p = q;
    }
    return gn_row_int(&g->row, body.p[0], e) || gn_row_bin(&g->row, state.p, state.n, e) ||
                   gn_row_write(&g->row, w, e)
               ? -1
               : 0;
}

int agg_put_entry(gn_agg *g, gn_str body, const uint8_t *cell, bool partial, gn_writer *w,
                  gn_err *e)
{
    if (partial)
        return put_state(g, body, w, e);
    if (body.p[0])
        return pass_value(g, body.p[0] - 1u, gn_be64(body.p + 1), (gn_str){body.p + 9, body.n - 9},
                          e);
    gn_str keys = agg_body_keys(body);
    if (agg_put_group(g, w, e))
        return -1;
    g->open = true;
    g->group.n = 0;
    g->cell_now = cell ? cell : g->cell_out;
    if (gn_buf_add(&g->group, keys.p, keys.n, e))
        return -1;
    if (!cell) {
        agg_cell_release(&g->spec, g->cell_out);
        memset(g->cell_out, 0, g->spec.cell);
        gn_arena_release(&g->texts_out);
        if (agg_sketches_merge(&g->spec, g->cell_out, agg_body_state(body), NULL, e) ||
            agg_cell_merge(&g->spec, g->cell_out, agg_body_state(body), &g->texts_out, e))
            return -1;
    }
    begin_ranks(g);
    return 0;
}
