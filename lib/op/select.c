/* select.c - see select.h. */
#include "select.h"

#include "../base/mem.h"
#include "../io/mp.h"
#include "expr.h"
#include "exprlist.h"

#include <stdlib.h>
#include <string.h>

/* A run of fields of the record as they are, or one that is computed. */
typedef struct part {
    gn_expr *x; /* NULL: a run */
    int first, last;
    const gn_vec *v; /* of the batch at hand */
} part;

struct gn_select {
    const gn_schema *schema;
    gn_arena arena; /* the names */
    gn_column *column;
    size_t n, cap;
    part *part;
    size_t nparts, cparts;
    unsigned *used; /* how often a field is copied */
    size_t most;    /* the most of them */
};

static int grow(void *list, size_t n, size_t *cap, size_t size, gn_err *e)
{
    void **v = list;
    if (n < *cap)
        return 0;
    size_t more = *cap ? *cap * 2 : 16;
    void *p = gn_realloc(*v, more, size, e);
    if (!p)
        return -1;
    *v = p;
    *cap = more;
    return 0;
}

int gn_select_check(const char *list, const char *what, bool *all, gn_err *e)
{
    gn_exprlist_item i = {0};
    gn_arena a;
    int r;
    gn_arena_init(&a, NULL);
    *all = false;
    do {
        r = gn_exprlist_next(&i, list, what, GN_EXPRLIST_ALL, &a, e);
        *all = *all || i.all;
    } while (r == 0 && !i.last);
    gn_arena_release(&a);
    return r;
}

/* ---- compile ---- */

typedef struct place {
    const char *list, *what;
    size_t at;
} place;

static int add_column(gn_select *s, gn_column c, const place *p, gn_err *e)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->column[i].name, c.name) == 0)
            return gn_expr_fail(p->list, p->what, p->at, e, GN_USAGE,
                                "two fields would be named '%.*s'", GN_NAME_MAX, c.name);
    if (s->n == GN_FIELDS_MAX)
        return gn_expr_fail(p->list, p->what, p->at, e, GN_USAGE, "more than %d fields",
                            GN_FIELDS_MAX);
    if (grow(&s->column, s->n, &s->cap, sizeof *s->column, e))
        return -1;
    s->column[s->n++] = c;
    return 0;
}

/* The field comes next: the run before it goes on, or a new one begins. */
static int add_field(gn_select *s, int field, const char *name, const place *p, gn_err *e)
{
    part *last = s->nparts ? &s->part[s->nparts - 1] : NULL;
    if (add_column(s, (gn_column){.from = field, .name = name}, p, e))
        return -1;
    if (++s->used[field] > s->most)
        s->most = s->used[field];
    if (last && !last->x && last->last + 1 == field) {
        last->last = field;
        return 0;
    }
    if (grow(&s->part, s->nparts, &s->cparts, sizeof *s->part, e))
        return -1;
    s->part[s->nparts++] = (part){.first = field, .last = field};
    return 0;
}

/* Takes x, also on failure. */
static int add_computed(gn_select *s, gn_expr *x, const char *name, const place *p, gn_err *e)
{
    if (grow(&s->part, s->nparts, &s->cparts, sizeof *s->part, e)) {
        gn_expr_free(x);
        return -1;
    }
    s->part[s->nparts++] = (part){.x = x};
    return add_column(s, (gn_column){.from = -1, .name = name, .type = gn_expr_type(x)}, p, e);
}

static int add_all(gn_select *s, const int *except, size_t nexcept, const place *p, gn_err *e)
{
    for (size_t i = 0; i < s->schema->n; i++) {
        bool left_out = false;
        for (size_t k = 0; k < nexcept; k++)
            left_out = left_out || except[k] == (int)i;
        if (!left_out && add_field(s, (int)i, s->schema->f[i].name, p, e))
            return -1;
    }
    return 0;
}

static int add_item(gn_select *s, const gn_exprlist_item *i, const gn_zone *zone, const place *p,
                    gn_err *e)
{
    gn_expr *x = gn_expr_compile_at(p->list, i->expr, p->what, s->schema, zone, e);
    if (!x)
        return -1;
    int field = gn_expr_field(x);
    if (field < 0)
        return add_computed(s, x, i->name, p, e);
    gn_expr_free(x);
    return add_field(s, field, i->name, p, e);
}

gn_select *gn_select_new(const char *list, const char *what, const gn_schema *schema,
                         const gn_zone *zone, const int *except, size_t nexcept, gn_err *e)
{
    gn_select *s = gn_calloc(1, sizeof *s, e);
    gn_exprlist_item i = {0};
    int r;
    if (!s)
        return NULL;
    s->schema = schema;
    gn_arena_init(&s->arena, NULL);
    s->used = gn_calloc(schema->n, sizeof *s->used, e);
    r = s->used ? 0 : -1;
    while (r == 0 && !i.last &&
           (r = gn_exprlist_next(&i, list, what, GN_EXPRLIST_ALL, &s->arena, e)) == 0) {
        place p = {list, what, i.at};
        r = i.all ? add_all(s, except, nexcept, &p, e) : add_item(s, &i, zone, &p, e);
    }
    if (r == 0 && s->n == 0)
        r = gn_fail(e, GN_USAGE, "%s: no field is left", what);
    if (r) {
        gn_select_free(s);
        return NULL;
    }
    return s;
}

void gn_select_free(gn_select *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->nparts; i++)
        gn_expr_free(s->part[i].x);
    free(s->part);
    free(s->column);
    free(s->used);
    gn_arena_release(&s->arena);
    free(s);
}

int gn_select_header(const gn_select *s, gn_header *h, gn_err *e)
{
    return gn_header_map(h, s->column, s->n, e);
}

/* Where a run begins and ends is known without decoding at the ends of the record. */
int gn_select_want(const gn_select *s, gn_reader *r, gn_err *e)
{
    for (size_t i = 0; i < s->nparts; i++) {
        const part *p = &s->part[i];
        if (p->x && gn_expr_want_reader(p->x, r, e))
            return -1;
        if (p->x)
            continue;
        if ((p->first > 0 && gn_reader_want(r, p->first, GN_RAW, e)) ||
            ((size_t)p->last + 1 < s->schema->n && gn_reader_want(r, p->last, GN_RAW, e)))
            return -1;
    }
    return 0;
}

/* ---- write ---- */

/* Compute, and say how many bytes it may take. */
static int compute(part *p, const gn_batch *b, size_t *bytes, gn_err *e)
{
    p->v = gn_expr_eval(p->x, b, e);
    if (!p->v)
        return -1;
    *bytes += b->n * GN_MP_HEAD;
    if (p->v->s)
        for (size_t i = 0; i < b->n; i++)
            *bytes += p->v->s[i].n;
    return 0;
}

static uint8_t *put_value(uint8_t *o, const gn_vec *v, size_t i)
{
    if (v->null[i])
        return gn_mp_nil(o);
    switch (v->type) {
    case GN_INT:
    case GN_DATE:
        return gn_mp_int(o, v->i[i]);
    case GN_FLOAT:
        return gn_mp_float(o, v->f[i]);
    case GN_BOOL:
        return gn_mp_bool(o, v->i[i] != 0);
    case GN_TIME:
        return gn_mp_time(o, v->i[i]);
    case GN_STR:
        o = gn_mp_str_head(o, v->s[i].n);
        break;
    case GN_BIN:
        o = gn_mp_bin_head(o, v->s[i].n);
        break;
    }
    if (v->s[i].n)
        memcpy(o, v->s[i].p, v->s[i].n);
    return o + v->s[i].n;
}

static inline uint8_t *put_run(uint8_t *o, const part *p, const gn_batch *b, size_t i, size_t head,
                               int final)
{
    const gn_str *raw = b->col[p->first].raw;
    const uint8_t *from = p->first ? raw[i].p : b->base + b->off[i] + head, *end;
    if (p->last == final) {
        end = b->base + b->off[i + 1];
    } else {
        gn_str v = b->col[p->last].raw[i];
        end = v.p + v.n;
    }
    return gn_copy_span(o, from, (size_t)(end - from));
}

int gn_select_write(gn_select *s, gn_writer *w, const gn_batch *b, gn_err *e)
{
    uint8_t own[GN_MP_HEAD];
    const size_t head = (size_t)(gn_mp_array_head(own, s->schema->n) - own);
    const int final = (int)s->schema->n - 1;
    size_t bytes = (b->off[b->n] - b->off[0]) * s->most + b->n * GN_MP_HEAD;
    for (size_t k = 0; k < s->nparts; k++)
        if (s->part[k].x && compute(&s->part[k], b, &bytes, e))
            return -1;
    uint8_t *o = gn_writer_reserve(w, bytes, e);
    if (!o)
        return -1;
    for (size_t i = 0; i < b->n; i++) {
        o = gn_mp_array_head(o, s->n);
        for (size_t k = 0; k < s->nparts; k++) {
            const part *p = &s->part[k];
            o = p->x ? put_value(o, p->v, i) : put_run(o, p, b, i, head, final);
        }
    }
    return gn_writer_commit(w, o, b->n, e);
}
