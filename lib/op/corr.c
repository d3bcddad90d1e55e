/* corr.c - see corr.h: records and states in, states and figures out. */
#include "corrpriv.h"

#include "../io/mp.h"
#include "../kernel/dist.h"
#include "params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND "gn-corr"
#define STATE "pairs"
#define NUMBERS (1u << GN_INT | 1u << GN_FLOAT | 1u << GN_TIME | 1u << GN_DATE)

gn_corr *gn_corr_new(const gn_corr_options *o, gn_err *e)
{
    gn_corr *c = gn_calloc(1, sizeof *c, e);
    if (c)
        c->o = *o;
    return c;
}

static void release_fields(gn_corr *c)
{
    for (size_t i = 0; i < c->nfields; i++)
        free(c->field[i].name);
    free(c->field);
    c->field = NULL;
    c->nfields = 0;
}

void gn_corr_free(gn_corr *c)
{
    if (!c)
        return;
    gn_bag_release(&c->bag);
    release_fields(c);
    free(c->pair);
    free(c->params);
    free(c);
}

size_t gn_corr_pairs(const gn_corr *c)
{
    return c->npairs;
}

uint64_t gn_corr_left_out(const gn_corr *c)
{
    uint64_t n = 0;
    for (size_t i = 0; i < c->npairs; i++)
        n += c->pair[i].left_out;
    return n;
}

uint64_t gn_corr_spilled(const gn_corr *c, uint64_t *runs)
{
    *runs = c->runs;
    return c->spilled;
}

size_t corr_share(const gn_corr *c, size_t percent)
{
    return c->o.budget ? c->o.budget->cap / 100 * percent : SIZE_MAX / 4;
}

void corr_close_bag(gn_corr *c, gn_bag *g)
{
    c->runs += g->runs;
    c->spilled += g->spilled;
    gn_bag_release(g);
}

/* ---- segments ---- */

static int cmp_pairs(const gn_corr *c, const corr_pair *a, const corr_pair *b)
{
    int d = strcmp(c->field[a->x].name, c->field[b->x].name);
    return d ? d : strcmp(c->field[a->y].name, c->field[b->y].name);
}

/* Fields are known: the pairs, in order of their names. */
static int begin(gn_corr *c, gn_err *e)
{
    size_t n = c->nfields;
    if (!(c->pair = gn_calloc(n * n / 2 + 1, sizeof *c->pair, e)))
        return -1;
    for (size_t x = 0; x < n; x++)
        for (size_t y = x + 1; y < n; y++) {
            corr_pair p = {.x = (int)x, .y = (int)y};
            size_t at = c->npairs++;
            for (; at > 0 && cmp_pairs(c, &p, &c->pair[at - 1]) < 0; at--)
                c->pair[at] = c->pair[at - 1];
            c->pair[at] = p;
        }
    gn_bag_init(&c->bag, &(gn_bag_options){.dir = c->o.temp_dir,
                                           .budget = c->o.budget,
                                           .memory = corr_share(c, 45)});
    c->begun = true;
    return 0;
}

static int add_field(gn_corr *c, char *name, gn_type t, gn_err *e)
{
    corr_field *f = NULL;
    if (c->nfields == GN_CORR_FIELDS_MAX)
        gn_fail(e, GN_USAGE, "more than %d fields", GN_CORR_FIELDS_MAX);
    else
        f = gn_realloc(c->field, c->nfields + 1, sizeof *f, e);
    if (!f || !name) {
        free(name);
        return -1;
    }
    c->field = f;
    f[c->nfields].name = name;
    f[c->nfields++].type = t;
    return 0;
}

static int make_params(gn_corr *c, gn_err *e)
{
    gn_buf b = {0};
    for (size_t i = 0; i < c->nfields; i++)
        if (gn_params_put(&b, "field", c->field[i].name, c->field[i].type, e)) {
            gn_buf_release(&b);
            return -1;
        }
    c->params = (char *)b.p;
    return 0;
}

static int first_segment(gn_corr *c, const gn_schema *s, const int *index, size_t n, gn_err *e)
{
    if (n < 2)
        return gn_fail(e, GN_USAGE, "it takes two fields or more to correlate ('%s')", c->o.fields);
    for (size_t i = 0; i < n; i++)
        if (add_field(c, gn_strdup(s->f[index[i]].name, e), s->f[index[i]].type, e))
            return -1;
    return begin(c, e) || make_params(c, e) ? -1 : 0;
}

static int bind(gn_corr *c, gn_reader *r, const int *index, size_t n, gn_err *e)
{
    const gn_schema *s = &gn_reader_header(r)->schema;
    for (size_t i = 0; i < n; i++) {
        const char *name = s->f[index[i]].name;
        if (gn_reader_field(r, "the list", name, NUMBERS, e) < 0)
            return -1;
        c->field[i].at = index[i];
        if (s->f[index[i]].type != c->field[i].type)
            return gn_fail(e, GN_INPUT, "'%s': field '%s' is %s here and %s in the segment before",
                           gn_reader_name(r), name, gn_type_name(s->f[index[i]].type),
                           gn_type_name(c->field[i].type));
        if (gn_reader_want(r, index[i], GN_VALUE, e))
            return -1;
    }
    return 0;
}

/* ---- states in ---- */

static int fields_of_params(gn_corr *c, const char *params, const char *name, gn_err *e)
{
    const char *p = params;
    while (p && *p) {
        char *field = NULL;
        gn_type t = GN_STR;
        p = gn_params_get(p, "field", &field, &t, e);
        if (p && !(NUMBERS >> t & 1))
            p = NULL;
        if (!p)
            free(field);
        else if (add_field(c, field, t, e))
            return -1;
    }
    if (e->status)
        return -1;
    if (!p || c->nfields < 2)
        return gn_fail(e, GN_INPUT, "'%s': a partial state of a form that is not known here", name);
    return (c->params = gn_strdup(params, e)) ? begin(c, e) : -1;
}

static const struct {
    const char *name;
    gn_type type;
} state_field[] = {{"pair", GN_INT}, {"x", GN_BIN}, {"y", GN_BIN}, {"count", GN_INT}};
enum { PAIR, X, Y, COUNT, FIELDS };

static int state_segment(gn_corr *c, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const char *name = gn_reader_name(r);
    if (!h->partial.command || strcmp(h->partial.command, COMMAND) != 0 ||
        strcmp(h->partial.state, STATE) != 0)
        return gn_fail(e, GN_INPUT,
                       "'%s': not a partial state of " COMMAND " (make it with --partial)", name);
    if (!c->begun && fields_of_params(c, h->partial.params, name, e))
        return -1;
    if (strcmp(h->partial.params, c->params) != 0)
        return gn_fail(e, GN_INPUT, "'%s': made with other fields (%s) than the first input (%s)",
                       name, h->partial.params, c->params);
    bool fits = h->schema.n == FIELDS;
    for (int i = 0; fits && i < FIELDS; i++)
        fits = strcmp(h->schema.f[i].name, state_field[i].name) == 0 &&
               h->schema.f[i].type == state_field[i].type;
    if (!fits)
        return gn_fail(e, GN_INPUT, "'%s': a partial state with fields unlike " COMMAND "'s", name);
    for (int i = 0; i < FIELDS; i++)
        if (gn_reader_want(r, i, GN_VALUE, e))
            return -1;
    return 0;
}

/* The code of a value of the field; false for one that no value has. */
static bool get_code(const corr_field *f, gn_str bytes, uint64_t *code)
{
    if (bytes.n != 8)
        return false;
    *code = gn_be64(bytes.p);
    double v = gn_bag_float(*code);
    return f->type != GN_FLOAT || (isfinite(v) && gn_bag_of_float(v == 0 ? 0 : v) == *code);
}

static int add_state(gn_corr *c, const gn_batch *b, size_t i, gn_err *e)
{
    const gn_vec *v = b->col;
    bool x = !v[X].null[i], y = !v[Y].null[i], good = v[COUNT].i[i] > 0 && x == y;
    uint64_t n = (uint64_t)v[COUNT].i[i], code[2];
    good = good && !v[PAIR].null[i] && v[PAIR].i[i] >= 0 && (uint64_t)v[PAIR].i[i] < c->npairs;
    if (good) {
        uint32_t set = (uint32_t)v[PAIR].i[i];
        corr_pair *p = &c->pair[set];
        if (!x)
            good = !__builtin_add_overflow(p->left_out, n, &p->left_out);
        else if ((good = get_code(&c->field[p->x], v[X].s[i], &code[0]) &&
                         get_code(&c->field[p->y], v[Y].s[i], &code[1])))
            return gn_bag_add_many(&c->bag, set, code[0], code[1], n, e);
    }
    return good ? 0 : gn_fail(e, GN_CORRUPT, "a state that no records have");
}

int gn_corr_segment(gn_corr *c, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    int *index = NULL;
    size_t n = 0;
    if (c->o.merge)
        return state_segment(c, r, e);
    if (h->partial.command)
        return gn_fail(e, GN_INPUT, "'%s': a partial state of %s, not records (use --merge)",
                       gn_reader_name(r), h->partial.command);
    int bad = gn_schema_select(&h->schema, c->o.fields, &index, &n, e) ||
              (!c->begun && first_segment(c, &h->schema, index, n, e)) || bind(c, r, index, n, e);
    free(index);
    return bad ? -1 : 0;
}

/* ---- batches ---- */

int gn_corr_batch(gn_corr *c, const gn_batch *b, gn_err *e)
{
    c->any = true;
    for (size_t i = 0; c->o.merge && i < b->n; i++)
        if (add_state(c, b, i, e))
            return -1;
    for (size_t k = 0; !c->o.merge && k < c->nfields; k++) {
        corr_field *f = &c->field[k];
        const gn_vec *v = &b->col[f->at];
        for (size_t i = 0; i < b->n; i++)
            f->code[i] = f->type == GN_FLOAT ? gn_bag_of_float(v->f[i]) : gn_bag_of_int(v->i[i]);
    }
    for (size_t k = 0; !c->o.merge && k < c->npairs; k++) {
        corr_pair *p = &c->pair[k];
        const corr_field *x = &c->field[p->x], *y = &c->field[p->y];
        const uint8_t *no_x = b->col[x->at].null, *no_y = b->col[y->at].null;
        for (size_t i = 0; i < b->n; i++)
            if (no_x[i] | no_y[i])
                p->left_out++;
            else if (gn_bag_add(&c->bag, (uint32_t)k, x->code[i], y->code[i], e))
                return -1;
    }
    return 0;
}

/* ---- states out ---- */

int gn_corr_state_header(const gn_corr *c, gn_header *h, gn_err *e)
{
    for (int i = 0; i < FIELDS; i++)
        if (gn_schema_add(&h->schema, state_field[i].name, strlen(state_field[i].name),
                          state_field[i].type, e) ||
            (i < COUNT && gn_header_add_order(h, state_field[i].name, false, e)))
            return -1;
    h->partial.command = gn_strdup(COMMAND, e);
    h->partial.state = gn_strdup(STATE, e);
    h->partial.params = gn_strdup(c->params, e);
    return h->partial.command && h->partial.state && h->partial.params ? 0 : -1;
}

static int write_record(gn_row *row, size_t pair, const uint8_t *x, const uint8_t *y, uint64_t n,
                        gn_writer *w, gn_err *e)
{
    if (n > INT64_MAX)
        return gn_fail(e, GN_INPUT, "a count overflows");
    return gn_row_begin(row, FIELDS, e) || gn_row_int(row, (int64_t)pair, e) ||
                   (x ? gn_row_bin(row, x, 8, e) : gn_row_null(row, e)) ||
                   (y ? gn_row_bin(row, y, 8, e) : gn_row_null(row, e)) ||
                   gn_row_int(row, (int64_t)n, e) || gn_row_write(row, w, e)
               ? -1
               : 0;
}

/* What was left out of pairs *at to `to` - 1. */
static int write_left_out(gn_corr *c, size_t *at, size_t to, gn_row *row, gn_writer *w, gn_err *e)
{
    for (; *at < to; ++*at)
        if (c->pair[*at].left_out &&
            write_record(row, *at, NULL, NULL, c->pair[*at].left_out, w, e))
            return -1;
    return 0;
}

int gn_corr_write_state(gn_corr *c, gn_writer *w, gn_err *e)
{
    gn_row row = {0};
    gn_bag_entry x;
    size_t at = 0;
    int r = gn_bag_read(&c->bag, e);
    while (r == 0 && (r = gn_bag_next(&c->bag, &x, e)) == 1) {
        uint8_t a[8], b[8];
        (void)gn_put64(a, x.a);
        (void)gn_put64(b, x.b);
        r = write_left_out(c, &at, x.set, &row, w, e) || write_record(&row, x.set, a, b, x.n, w, e)
                ? -1
                : 0;
    }
    if (r == 0)
        r = write_left_out(c, &at, c->npairs, &row, w, e);
    gn_row_release(&row);
    corr_close_bag(c, &c->bag);
    return r;
}

/* ---- figures ---- */

int gn_corr_header(gn_header *h, gn_err *e)
{
    static const struct {
        const char *name;
        gn_type type;
    } f[] = {{"metric_a", GN_STR},   {"metric_b", GN_STR},    {"n", GN_INT},
             {"excluded", GN_INT},   {"pearson", GN_FLOAT},   {"pearson_p", GN_FLOAT},
             {"spearman", GN_FLOAT}, {"spearman_p", GN_FLOAT}};
    for (size_t i = 0; i < sizeof f / sizeof *f; i++)
        if (gn_schema_add(&h->schema, f[i].name, strlen(f[i].name), f[i].type, e))
            return -1;
    h->total = true;
    return gn_header_add_order(h, "metric_a", false, e) ||
                   gn_header_add_order(h, "metric_b", false, e)
               ? -1
               : 0;
}

/* A coefficient and its p value. */
static int put(gn_row *row, bool known, double r, uint64_t n, gn_err *e)
{
    if ((known ? gn_row_float(row, r, e) : gn_row_null(row, e)))
        return -1;
    return known && n > 2 ? gn_row_float(row, gn_dist_correlation(r, (double)n), e)
                          : gn_row_null(row, e);
}

int gn_corr_write(gn_corr *c, gn_writer *w, gn_err *e)
{
    gn_row row = {0};
    int r = corr_sum(c, e);
    for (size_t k = 0; k < c->npairs && c->any && r == 0; k++) {
        const corr_pair *p = &c->pair[k];
        const char *a = c->field[p->x].name, *b = c->field[p->y].name;
        if (p->n > INT64_MAX || p->left_out > INT64_MAX)
            r = gn_fail(e, GN_INPUT, "a count overflows");
        else
            r = gn_row_begin(&row, 8, e) || gn_row_str(&row, a, strlen(a), e) ||
                        gn_row_str(&row, b, strlen(b), e) || gn_row_int(&row, (int64_t)p->n, e) ||
                        gn_row_int(&row, (int64_t)p->left_out, e) ||
                        put(&row, p->known, p->pearson, p->n, e) ||
                        put(&row, p->ranks_known, p->spearman, p->n, e) || gn_row_write(&row, w, e)
                    ? -1
                    : 0;
    }
    gn_row_release(&row);
    return r;
}
