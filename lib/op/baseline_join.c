/* baseline_join.c - see baseline.h: more groups than can be held. The values, sorted by group, meet
 * the groups, which lie in that order; what is to be said of a record is sorted by its number. */
#include "baselinepriv.h"

#include "../io/mp.h"

#include <string.h>

/* ---- values by group ---- */

static gn_rowsort *sorter(const gn_baseline *b, const char *fields, const char *order, gn_err *e)
{
    gn_schema s = {0};
    gn_rowsort *x = NULL;
    if (gn_schema_parse(&s, fields, e) == 0)
        x = gn_rowsort_new(&(gn_rowsort_options){.schema = &s,
                                                 .order = order,
                                                 .dir = b->o.temp_dir,
                                                 .budget = b->o.budget,
                                                 .memory = b->o.budget ? b->o.budget->cap / 3 : 0},
                           e);
    gn_schema_release(&s);
    return x;
}

static int put_values(gn_baseline *b, const gn_batch *x, uint64_t first, gn_rowsort *to,
                      gn_row *row, gn_buf *code, gn_err *e)
{
    const gn_vec *v = &x->col[b->field];
    const gn_str *key = gn_rowkey_batch(b->key, x, e);
    if (!key)
        return -1;
    for (size_t i = 0; i < x->n; i++) {
        if (!base_has_value(b, v, i))
            continue;
        if (base_code(b, key[i], code, e) || gn_row_begin(row, 3, e) ||
            gn_row_bin(row, code->p, code->n, e) || gn_row_int(row, (int64_t)(first + i), e) ||
            (v->i ? gn_row_int(row, v->i[i], e) : gn_row_float(row, v->f[i], e)) ||
            gn_rowsort_put(to, row, e))
            return -1;
    }
    return 0;
}

static gn_rowsort *sort_values(gn_baseline *b, gn_twice *t, gn_row *row, gn_buf *code, gn_err *e)
{
    gn_rowsort *x = NULL;
    gn_batch *batch;
    int ev = gn_twice_rewind(t, e);
    uint64_t before;
    while (ev == 0 && (ev = gn_twice_next(t, &batch, e)) > 0) {
        int r = 0;
        if (ev == GN_EV_SEGMENT)
            r = gn_baseline_bind(b, (gn_feed){.twice = t}, e);
        if (r == 0 && !x)
            r = (x = sorter(b,
                            b->type == GN_INT ? "key:bin,row:int,value:int"
                                              : "key:bin,row:int,value:float",
                            "key,row", e))
                    ? 0
                    : -1;
        if (r == 0 && ev == GN_EV_BATCH) {
            gn_twice_before(t, &before);
            r = put_values(b, batch, before, x, row, code, e);
        }
        ev = r;
    }
    if (ev == 0)
        return x;
    gn_rowsort_free(x);
    return NULL;
}

/* ---- values meet groups ---- */

typedef struct joining {
    base_cursor c;
    gn_base g; /* the group at hand */
    gn_buf code;
    bool any; /* there is one */
} joining;

static int next_group(gn_baseline *b, joining *j, gn_err *e)
{
    gn_str key;
    if (j->any && gn_tmp_write(b->hits, &j->g.hits, sizeof j->g.hits, e))
        return -1;
    int r = base_next(b, &j->c, &key, &j->g, e);
    j->any = r == 1;
    return r == 1 ? base_code(b, key, &j->code, e) : r;
}

static int put_verdict(gn_baseline *b, gn_str number, enum gn_verdict v, const gn_base *g,
                       gn_row *row, gn_err *e)
{
    return gn_row_begin(row, 7, e) || gn_row_raw(row, number, e) || gn_row_int(row, v, e) ||
                   gn_row_int(row, (int64_t)g->n, e) || gn_row_float(row, g->a, e) ||
                   gn_row_float(row, g->b, e) || gn_row_float(row, g->fence.lower, e) ||
                   gn_row_float(row, g->fence.upper, e) || gn_rowsort_put(b->verdicts, row, e)
               ? -1
               : 0;
}

static int meet(gn_baseline *b, joining *j, gn_str record, gn_row *row, gn_err *e)
{
    static const gn_base none = {0};
    gn_str code = gn_rowsort_field(record, 0), number = gn_rowsort_field(record, 1);
    gn_str value = gn_rowsort_field(record, 2), bytes = {0};
    size_t n;
    int64_t i = 0;
    double f = 0;
    (void)gn_mp_get_bin(code.p, code.p + code.n, &bytes.p, &n);
    bytes.n = (uint32_t)n;
    if (b->type == GN_INT)
        (void)gn_mp_get_int(value.p, value.p + value.n, &i);
    else
        (void)gn_mp_get_float(value.p, value.p + value.n, &f);
    gn_str at = {j->code.p, (uint32_t)j->code.n};
    while (j->any && base_cmp(at, bytes) < 0) {
        if (next_group(b, j, e))
            return -1;
        at = (gn_str){j->code.p, (uint32_t)j->code.n};
    }
    if (!j->any || base_cmp(at, bytes) != 0) {
        b->count.unknown_group++;
        return put_verdict(b, number, GN_NO_BASE, &none, row, e);
    }
    enum gn_verdict v = base_judge(b, &j->g, b->type, i, f);
    j->g.hits += v >= GN_LOW;
    return v == GN_INSIDE ? 0 : put_verdict(b, number, v, &j->g, row, e);
}

static int join(gn_baseline *b, gn_rowsort *values, gn_row *row, gn_err *e)
{
    joining j = {0};
    gn_str record;
    int r = next_group(b, &j, e) ? -1 : 1;
    while (r == 1 && values && (r = gn_rowsort_next(values, &record, e)) == 1)
        if (meet(b, &j, record, row, e))
            r = -1;
    while (r >= 0 && j.any)
        if (next_group(b, &j, e))
            r = -1;
    base_cursor_release(&j.c);
    gn_buf_release(&j.code);
    return r < 0 ? -1 : 0;
}

int base_join(gn_baseline *b, gn_twice *t, gn_err *e)
{
    gn_row row = {0};
    gn_buf code = {0};
    gn_rowsort *values = NULL;
    int r = -1;
    uint64_t runs, bytes;
    if ((b->hits = gn_tmp_new(b->o.temp_dir, e)) &&
        (b->verdicts = sorter(
             b, "row:int,verdict:int,n:int,a:float,b:float,lower:float,upper:float", "row", e)) &&
        (values = sort_values(b, t, &row, &code, e)))
        r = join(b, values, &row, e);
    if (values) {
        bytes = gn_rowsort_spilled(values, &runs);
        b->spilled += bytes;
        b->spill_runs += runs;
    }
    gn_rowsort_free(values);
    gn_row_release(&row);
    gn_buf_release(&code);
    b->row = 0;
    return r || base_next_verdict(b, e) ? -1 : 0;
}

/* ---- verdicts by record ---- */

static int64_t int_at(gn_str record, int field)
{
    int64_t v = 0;
    gn_str x = gn_rowsort_field(record, field);
    (void)gn_mp_get_int(x.p, x.p + x.n, &v);
    return v;
}

static double float_at(gn_str record, int field, double none)
{
    gn_str x = gn_rowsort_field(record, field);
    (void)gn_mp_get_float(x.p, x.p + x.n, &none);
    return none;
}

int base_next_verdict(gn_baseline *b, gn_err *e)
{
    gn_str record;
    int r = gn_rowsort_next(b->verdicts, &record, e);
    b->more = r == 1;
    if (r < 1)
        return r;
    b->verdict_row = (uint64_t)int_at(record, 0);
    b->verdict = (enum gn_verdict)int_at(record, 1);
    b->base = (gn_base){.n = (uint64_t)int_at(record, 2),
                        .a = float_at(record, 3, 0),
                        .b = float_at(record, 4, 0),
                        .fence = {float_at(record, 5, -INFINITY), float_at(record, 6, INFINITY)}};
    return 0;
}

int base_judge_joined(gn_baseline *b, const gn_vec *v, size_t n, enum gn_verdict *verdict,
                      const gn_base **base, gn_err *e)
{
    b->bases.n = 0;
    if (gn_buf_reserve(&b->bases, n * sizeof(gn_base), e))
        return -1;
    gn_base *to = (gn_base *)(void *)b->bases.p;
    for (size_t i = 0; i < n; i++, b->row++) {
        verdict[i] = base_has_value(b, v, i) ? GN_INSIDE : GN_NO_VALUE;
        if (!b->more || b->verdict_row != b->row)
            continue;
        verdict[i] = b->verdict;
        to[i] = b->base;
        base[i] = &to[i];
        if (base_next_verdict(b, e))
            return -1;
    }
    return 0;
}
