/* Compile and run: see expr_priv.h for the parts. */
#include "expr_priv.h"

#include <stdlib.h>
#include <string.h>

/* gn_expr_eval hands out a whole vector with a null byte each, also for what is a constant or a
 * three-valued byte inside. */
static int out_room(gn_expr *x, gn_err *e)
{
    ex_step *r = x->root;
    gn_arena *a = &x->arena;
    const size_t n = GN_BATCH;
    void *p;

    x->out = (gn_vec){.type = r->type, .what = GN_VALUE};
    if (r->mask != 0 && r->type != GN_BOOL)
        return 0; /* the root's own vector will do */
    if ((x->out.null = gn_arena_alloc(a, n, e)) == NULL)
        return -1;
    if (r->type == GN_FLOAT)
        p = x->out.f = gn_arena_alloc(a, n * sizeof *x->out.f, e);
    else if (r->type == GN_STR || r->type == GN_BIN)
        p = x->out.s = gn_arena_alloc(a, n * sizeof *x->out.s, e);
    else
        p = x->out.i = gn_arena_alloc(a, n * sizeof *x->out.i, e);
    if (p == NULL)
        return -1;
    if (r->type == GN_BOOL)
        return 0;
    for (size_t i = 0; i < n; i++) {
        x->out.null[i] = r->v.null[0];
        if (r->type == GN_FLOAT)
            x->out.f[i] = r->v.f[0];
        else if (r->type == GN_STR || r->type == GN_BIN)
            x->out.s[i] = r->v.s[0];
        else
            x->out.i[i] = r->v.i[0];
    }
    return 0;
}

enum form { ANY, CONDITION, ITEM };

static gn_expr *compile(const char *text, size_t at, const char *what, const gn_schema *s,
                        const gn_zone *zone, enum form form, gn_err *e)
{
    gn_expr *x = gn_calloc(1, sizeof *x, e);

    if (x == NULL)
        return NULL;
    gn_arena_init(&x->arena, NULL);
    x->schema = s;
    x->zone = zone != NULL && gn_zone_is_utc(zone) ? NULL : zone;
    x->text = gn_arena_strndup(&x->arena, text, strlen(text), e);
    x->what = what == NULL ? "expression" : gn_arena_strndup(&x->arena, what, strlen(what), e);
    ex_tree t = {.arena = &x->arena, .text = x->text, .what = x->what, .from = at};
    t.ends = form == ITEM ? ",)" : NULL;
    int rc = x->text == NULL || x->what == NULL ? -1 : 0;
    if (rc == 0)
        rc = ex_parse(&t, e);
    if (rc == 0)
        rc = ex_bind(x, &t, e);
    free(t.node);
    if (rc == 0 && form == CONDITION && x->root->type != GN_BOOL)
        rc = gn_fail(e, GN_USAGE, "%s: the expression is %s, not a condition", x->what,
                     gn_type_name(x->root->type));
    if (rc == 0)
        rc = out_room(x, e);
    x->schema = NULL;
    if (rc < 0) {
        gn_expr_free(x);
        return NULL;
    }
    return x;
}

gn_expr *gn_expr_compile(const char *text, const char *what, const gn_schema *s,
                         const gn_zone *zone, gn_err *e)
{
    return compile(text, 0, what, s, zone, ANY, e);
}

gn_expr *gn_expr_condition(const char *text, const char *what, const gn_schema *s,
                           const gn_zone *zone, gn_err *e)
{
    return compile(text, 0, what, s, zone, CONDITION, e);
}

gn_expr *gn_expr_compile_at(const char *text, size_t at, const char *what, const gn_schema *s,
                            const gn_zone *zone, gn_err *e)
{
    return compile(text, at, what, s, zone, ITEM, e);
}

void gn_expr_free(gn_expr *x)
{
    if (x == NULL)
        return;
    for (size_t i = 0; i < x->nall; i++) {
        ex_step *s = x->all[i];
        gn_buf_release(&s->scratch);
        if (s->regex != NULL) {
            regfree(s->regex);
            free(s->regex);
        }
    }
    free(x->all);
    free(x->prog);
    free(x->fields);
    gn_arena_release(&x->arena);
    free(x);
}

int gn_expr_check(const char *text, const char *what, gn_err *e)
{
    gn_arena a;

    gn_arena_init(&a, NULL);
    ex_tree t = {.arena = &a, .text = text, .what = what == NULL ? "expression" : what};
    int rc = ex_parse(&t, e);
    free(t.node);
    gn_arena_release(&a);
    return rc;
}

gn_type gn_expr_type(const gn_expr *x)
{
    return x->root->type;
}

int gn_expr_field(const gn_expr *x)
{
    return x->root->field;
}

const int *gn_expr_fields(const gn_expr *x, size_t *n)
{
    *n = x->nfields;
    return x->fields;
}

int gn_expr_want(const gn_expr *x, gn_decoder *d, gn_err *e)
{
    for (size_t i = 0; i < x->nfields; i++)
        if (gn_decoder_want(d, x->fields[i], GN_VALUE, e) < 0)
            return -1;
    return 0;
}

int gn_expr_want_reader(const gn_expr *x, gn_reader *r, gn_err *e)
{
    for (size_t i = 0; i < x->nfields; i++)
        if (gn_reader_want(r, x->fields[i], GN_VALUE, e) < 0)
            return -1;
    return 0;
}

static int run(gn_expr *x, const gn_batch *b, gn_err *e)
{
    for (size_t i = 0; i < x->nprog; i++)
        if (x->prog[i]->run(x->prog[i], b, b->n, e) < 0)
            return -1;
    return 0;
}

int gn_expr_filter(gn_expr *x, const gn_batch *b, uint8_t *keep, size_t *kept, gn_err *e)
{
    const ex_step *r = x->root;
    size_t count = 0;

    if (r->type != GN_BOOL)
        return gn_fail(e, GN_USAGE, "%s: the expression is %s, not a condition", x->what,
                       gn_type_name(r->type));
    if (run(x, b, e) < 0)
        return -1;
    for (size_t i = 0; i < b->n; i++) {
        keep[i] = r->b[i & r->mask] >> 1;
        count += keep[i];
    }
    *kept = count;
    return 0;
}

size_t gn_expr_nulls(const gn_expr *x, size_t n)
{
    const ex_step *r = x->root;
    size_t nulls = 0;

    for (size_t i = 0; i < n; i++)
        nulls += r->b[i & r->mask] & 1;
    return nulls;
}

const gn_vec *gn_expr_eval(gn_expr *x, const gn_batch *b, gn_err *e)
{
    const ex_step *r = x->root;

    if (run(x, b, e) < 0)
        return NULL;
    if (r->type != GN_BOOL)
        return r->mask == 0 ? &x->out : &r->v;
    for (size_t i = 0; i < b->n; i++) {
        uint8_t v = r->b[i & r->mask];
        x->out.i[i] = v >> 1;
        x->out.null[i] = v & 1;
    }
    return &x->out;
}
