/* rowsort.c - see rowsort.h. Rows are gathered to batches, which the decoder makes of them. */
#include "rowsort.h"

#include "../kernel/extsort.h"
#include "order.h"

#include <stdlib.h>
#include <string.h>

#define GATHER ((size_t)256 * 1024) /* bytes */

struct gn_rowsort {
    gn_extsort *sort;
    gn_decoder *decoder;
    gn_schema schema;
    gn_buf held;
    size_t nheld;
    uint64_t n;
    bool reading;
};

static int set_keys(gn_rowsort *x, const gn_rowsort_options *o, gn_err *e)
{
    gn_order by = {0};
    gn_sortkey *key = NULL;
    int r = gn_order_parse(&by, o->order, e) || !(key = gn_alloc(by.n, sizeof *key, e)) ? -1 : 0;
    for (size_t i = 0; r == 0 && i < by.n; i++) {
        int field = gn_schema_find(&x->schema, by.key[i].field);
        if (field < 0)
            r = gn_fail(e, GN_BUG, "a row without '%s'", by.key[i].field);
        else if (gn_decoder_want(x->decoder, field, GN_VALUE, e))
            r = -1;
        else
            key[i] = (gn_sortkey){field, x->schema.f[field].type, by.key[i].desc};
    }
    size_t memory = o->memory > GN_ROWSORT_LEAST ? o->memory : GN_ROWSORT_LEAST;
    if (r == 0 && !(x->sort = gn_extsort_new(&(gn_extsort_options){.key = key,
                                                                   .nkeys = by.n,
                                                                   .total = true,
                                                                   .dir = o->dir,
                                                                   .budget = o->budget,
                                                                   .memory = memory},
                                             e)))
        r = -1;
    free(key);
    gn_order_release(&by);
    return r;
}

gn_rowsort *gn_rowsort_new(const gn_rowsort_options *o, gn_err *e)
{
    gn_rowsort *x = gn_calloc(1, sizeof *x, e);
    if (!x)
        return NULL;
    if (gn_schema_copy(&x->schema, o->schema, e) ||
        !(x->decoder = gn_decoder_new(&x->schema, true, e)) || set_keys(x, o, e)) {
        gn_rowsort_free(x);
        return NULL;
    }
    return x;
}

void gn_rowsort_free(gn_rowsort *x)
{
    if (!x)
        return;
    gn_extsort_free(x->sort);
    gn_decoder_free(x->decoder);
    gn_schema_release(&x->schema);
    gn_buf_release(&x->held);
    free(x);
}

static int sort_held(gn_rowsort *x, gn_err *e)
{
    gn_batch *b;
    const char *bad;
    if (gn_buf_reserve(&x->held, GN_SLACK, e))
        return -1;
    const uint8_t *p = x->held.p, *end = p + x->held.n;
    memset(x->held.p + x->held.n, 0, GN_SLACK);
    while (p < end) {
        if (gn_decoder_run(x->decoder, p, end, GN_BATCH, &b, &p, &bad, e) != GN_DECODE_OK)
            return e->status ? -1 : gn_fail(e, GN_BUG, "a row that is no record: %s", bad);
        if (gn_extsort_add(x->sort, b, e))
            return -1;
    }
    x->held.n = x->nheld = 0;
    return 0;
}

int gn_rowsort_put(gn_rowsort *x, const gn_row *row, gn_err *e)
{
    if (row->left)
        return gn_fail(e, GN_BUG, "a row with too few values");
    if (gn_buf_add(&x->held, row->b.p, row->b.n, e))
        return -1;
    x->n++;
    return ++x->nheld == GN_BATCH || x->held.n >= GATHER ? sort_held(x, e) : 0;
}

int gn_rowsort_next(gn_rowsort *x, gn_str *row, gn_err *e)
{
    if (!x->reading && x->nheld && sort_held(x, e))
        return -1;
    x->reading = true;
    return gn_extsort_next(x->sort, row, e);
}

gn_str gn_rowsort_field(gn_str row, int field)
{
    return gn_sortkey_find(row, field);
}

uint64_t gn_rowsort_count(const gn_rowsort *x)
{
    return x->n;
}

uint64_t gn_rowsort_spilled(const gn_rowsort *x, uint64_t *runs)
{
    *runs = gn_extsort_runs(x->sort);
    return gn_extsort_spilled(x->sort);
}
