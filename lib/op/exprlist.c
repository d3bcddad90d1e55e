/* exprlist.c - see exprlist.h. */
#include "exprlist.h"

#include "../base/parse.h"
#include "expr_priv.h"

#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 8

/* The name that the token is, in the arena; NULL where it is none. */
static char *word(ex_parser *p)
{
    if (p->tok == EX_T_NAME)
        return gn_arena_strndup(p->t->arena, (const char *)p->s.p, p->s.n, p->e);
    if (p->tok == EX_T_WORD && !ex_is_reserved(p) && !ex_is_key(p, "true") &&
        !ex_is_key(p, "false") && !ex_is_key(p, "null"))
        return gn_arena_strndup(p->t->arena, p->t->text + p->from, p->to - p->from, p->e);
    return NULL;
}

/* The bytes from `from` up to the token, without blanks at the end. */
static size_t extent(const ex_parser *p, size_t from)
{
    size_t to = p->from;
    while (to > from && strchr(" \t\n\v\f\r", p->t->text[to - 1]))
        to--;
    return to - from;
}

/* The expression at p->at, and a name for it where it has none; then the token behind it is p's. */
static int expression(ex_parser *p, gn_exprlist_item *i, bool calls, const char *ends)
{
    ex_tree *t = p->t;
    t->from = p->at;
    t->ends = ends;
    t->n = 0;
    if (ex_parse(t, p->e))
        return -1;
    const ex_node *root = t->node[t->n - 1];
    if (!i->name && root->kind == EX_FIELD)
        i->name = (char *)(uintptr_t)root->val.s.p;
    if (!i->name && calls && root->kind == EX_CALL) {
        const char *name = ex_func_name(root->op);
        if (!(i->name = gn_arena_strndup(t->arena, name, strlen(name), p->e)))
            return -1;
    }
    p->at = t->end;
    if (ex_next(p))
        return -1;
    i->n = extent(p, i->expr);
    return 0;
}

/* The token is the '(' of a call; then it is the one behind the ')'. */
static int arguments(ex_parser *p, gn_exprlist_item *i)
{
    gn_exprlist_item arg[ARGS_MAX];
    if (ex_next(p))
        return -1;
    while (!ex_is_punct(p, ')')) {
        gn_exprlist_item *a = &arg[i->nargs];
        if (i->nargs == ARGS_MAX)
            return ex_fail_token(p, "is an argument too many");
        i->nargs++;
        *a = (gn_exprlist_item){.at = p->from, .expr = p->from};
        p->at = p->from;
        if (expression(p, a, true, ",)"))
            return -1;
        if (ex_is_punct(p, ')'))
            break;
        if (!ex_is_punct(p, ','))
            return ex_fail_expected(p, "',' or ')'");
        if (ex_next(p))
            return -1;
        if (ex_is_punct(p, ')'))
            return ex_fail_expected(p, "a value");
    }
    if (i->nargs && !(i->arg = gn_arena_copy(p->t->arena, arg, i->nargs * sizeof *arg, p->e)))
        return -1;
    return ex_next(p);
}

/* function(...), or anything: i->call says which. The token is the first one. */
static int aggregate(ex_parser *p, gn_exprlist_item *i)
{
    if (p->tok != EX_T_WORD)
        return 0;
    char *name = gn_arena_strndup(p->t->arena, p->t->text + p->from, p->to - p->from, p->e);
    if (!name || ex_next(p))
        return -1;
    if (!ex_is_punct(p, '('))
        return 0;
    if (arguments(p, i))
        return -1;
    i->n = extent(p, i->expr);
    if (p->tok == EX_T_END || ex_is_punct(p, ','))
        i->call = name;
    return 0;
}

/* `name =` at the token, if it is there; then the token is the one behind it. */
static int own_name(ex_parser *p, gn_exprlist_item *i)
{
    ex_parser q = *p;
    char *name = word(p);
    if (!name)
        return p->e->status ? -1 : 0;
    if (ex_next(&q))
        return -1;
    if (q.tok != EX_T_CMP || q.op != EX_EQ || q.to - q.from != 1)
        return 0;
    i->named = true;
    i->name = name;
    *p = q;
    if (ex_next(p))
        return -1;
    i->expr = p->from;
    return 0;
}

static int item(ex_parser *p, gn_exprlist_item *i, unsigned flags)
{
    const ex_tree *t = p->t;
    i->at = i->expr = p->from;
    if (p->tok == EX_T_END || ex_is_punct(p, ','))
        return ex_fail_expected(p, flags & GN_EXPRLIST_AGGS ? "an aggregate" : "a field");
    i->all = (flags & GN_EXPRLIST_ALL) && ex_is_punct(p, '*');
    if (i->all)
        return ex_next(p);
    if (own_name(p, i))
        return -1;
    if (i->named && (!*i->name || strlen(i->name) > GN_NAME_MAX))
        return gn_expr_fail(t->text, t->what, i->at, p->e, GN_USAGE,
                            "a name has from 1 to %d bytes", GN_NAME_MAX);
    if (flags & GN_EXPRLIST_AGGS)
        return aggregate(p, i);
    p->at = i->expr;
    if (expression(p, i, flags & GN_EXPRLIST_CALLS, ","))
        return -1;
    if (!i->name)
        return gn_expr_fail(t->text, t->what, i->at, p->e, GN_USAGE,
                            "what is computed needs a name, as in total = a + b");
    return 0;
}

int gn_exprlist_next(gn_exprlist_item *i, const char *text, const char *what, unsigned flags,
                     gn_arena *a, gn_err *e)
{
    ex_tree t = {.arena = a, .text = text, .what = what};
    ex_parser p = {.t = &t, .e = e, .at = i->end};
    size_t n = strlen(text), valid = gn_utf8_valid(text, n);
    if (valid != n)
        return gn_expr_fail(text, what, valid, e, GN_USAGE, "not valid UTF-8");
    *i = (gn_exprlist_item){0};
    int r = ex_next(&p) || item(&p, i, flags) ? -1 : 0;
    free(t.node);
    if (r)
        return -1;
    /* what is no call of an aggregate ends anywhere: the caller will not have it */
    if (p.tok != EX_T_END && !ex_is_punct(&p, ',') && (!(flags & GN_EXPRLIST_AGGS) || i->call))
        return ex_fail_expected(&p, "',' or the end");
    i->last = p.tok == EX_T_END;
    i->end = p.to;
    return 0;
}

int gn_exprlist_twice(const gn_exprlist_item *i, const char *text, const char *what, gn_err *e)
{
    char show[64];
    return gn_expr_fail(text, what, i->at, e, GN_USAGE, "two fields would be named '%s'",
                        ex_show(i->name, strlen(i->name), show));
}
