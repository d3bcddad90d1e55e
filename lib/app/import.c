/* import.c - see import.h. */
#include "import.h"

#include <stdlib.h>
#include <string.h>

int gn_import_check(gn_app *a, const gn_import_options *o, gn_import *m)
{
    gn_err *e = &a->err;
    if ((o->on_error == GN_TEXTIN_REJECT) != (o->reject != NULL))
        return gn_fail(e, GN_USAGE, "--on-error reject and --reject FILE need each other");
    if (o->input_tz && !(m->zone = gn_zone_open(o->input_tz, e)))
        return -1;
    return o->where ? gn_expr_check(o->where, "--where", e) : 0;
}

static int open_rejects(gn_app *a, const gn_import_options *o, gn_import *m)
{
    if (!o->reject)
        return 0;
    if (!(m->rejects = gn_app_also(a, o->reject)))
        return -1;
    gn_header h = {.canon = true};
    int r = gn_textin_reject_schema(&h.schema, &a->err);
    if (r == 0)
        r = gn_writer_begin(m->rejects, &h, &a->err);
    gn_header_release(&h);
    return r;
}

static int keep(void *expr, const gn_batch *b, uint8_t *wanted, size_t *n, gn_err *e)
{
    return gn_expr_filter(expr, b, wanted, n, e);
}

/* The filter is compiled twice: for all fields, to know which it reads; then for what is read. */
static int choose(gn_app *a, const gn_import_options *o, gn_import *m, gn_textin *t,
                  const int *field, size_t n)
{
    gn_err *e = &a->err;
    gn_decoder *d;
    size_t nalso;
    if (!o->where)
        return gn_textin_select(t, field, n, NULL, 0, e);
    gn_expr *x = gn_expr_condition(o->where, "--where", gn_textin_schema(t), a->zone, e);
    if (!x)
        return -1;
    const int *also = gn_expr_fields(x, &nalso);
    int r = gn_textin_select(t, field, n, also, nalso, e);
    gn_expr_free(x);
    if (r)
        return -1;
    m->where = gn_expr_condition(o->where, "--where", gn_textin_row_schema(t), a->zone, e);
    if (!m->where || !(d = gn_textin_filter(t, keep, m->where, e)))
        return -1;
    return gn_expr_want(m->where, d, e);
}

static int begin(gn_app *a, const gn_import_options *o, gn_import *m, gn_textin *t)
{
    gn_err *e = &a->err;
    const gn_schema *all = gn_textin_schema(t);
    gn_header h = {.canon = true};
    int *field = NULL, r = -1;
    size_t n = all->n;
    if (o->fields) {
        if (gn_schema_select(all, o->fields, &field, &n, e))
            return -1;
    } else if (!(field = gn_alloc(n, sizeof *field, e))) {
        return -1;
    }
    for (size_t i = 0; !o->fields && i < n; i++)
        field[i] = (int)i;
    if (choose(a, o, m, t, field, n))
        goto done;
    for (size_t i = 0; i < n; i++) {
        const gn_field *f = &all->f[field[i]];
        if (gn_schema_add(&h.schema, f->name, strlen(f->name), f->type, e))
            goto done;
    }
    r = gn_app_begin(a, &h);
done:
    gn_header_release(&h);
    free(field);
    return r;
}

int gn_import_begin(gn_app *a, const gn_import_options *o, gn_import *m, gn_textin *t)
{
    if (gn_app_live(a))
        gn_textin_patience(t, GN_APP_PATIENCE);
    return open_rejects(a, o, m) || begin(a, o, m, t) ? -1 : 0;
}

void gn_import_count(gn_app *a, const gn_textin *t)
{
    const gn_textin_counts *n = gn_textin_count(t);
    gn_app_records_in(a, n->read, n->bytes);
    gn_app_count(a, "rows_read", n->read);
    gn_app_count(a, "rows_written", n->written);
    gn_app_count(a, "rows_rejected", n->rejected);
    gn_app_count(a, "rows_skipped", n->skipped);
    gn_app_count(a, "rows_filtered", n->filtered);
    gn_app_count(a, "rows_empty", n->empty);
}

int gn_import_end(gn_app *a, gn_import *m, const gn_textin *t)
{
    const gn_lineage *from = gn_textin_lineage(t);
    if (m->rejects && gn_app_end_also(a, m->rejects, from, true))
        return -1;
    return gn_app_end_segment(a, from, false);
}

void gn_import_release(gn_import *m)
{
    gn_expr_free(m->where);
    gn_zone_free(m->zone);
    *m = (gn_import){0};
}
