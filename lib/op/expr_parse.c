/* Text to syntax: recursive descent, one function per level of precedence. Only parentheses
 * recurse, to a bounded depth. */
#include "expr_priv.h"

#include "../base/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- nodes ---- */

static ex_node *node_new(ex_parser *p, enum ex_kind kind, size_t at, size_t nargs,
                         ex_node *const *arg)
{
    ex_tree *t = p->t;

    if (t->n >= EX_NODES) {
        gn_expr_fail(t->text, t->what, at, p->e, GN_USAGE, "the expression is too long");
        return NULL;
    }
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 32;
        ex_node **more = gn_realloc(t->node, cap, sizeof *more, p->e);
        if (more == NULL)
            return NULL;
        t->node = more;
        t->cap = cap;
    }
    ex_node *n = gn_arena_alloc(t->arena, sizeof *n, p->e);
    if (n == NULL)
        return NULL;
    *n = (ex_node){.kind = kind, .at = at, .nargs = nargs};
    if (nargs > 0) {
        n->arg = gn_arena_copy(t->arena, arg, nargs * sizeof *arg, p->e);
        if (n->arg == NULL)
            return NULL;
    }
    t->node[t->n++] = n;
    return n;
}

static ex_node *node_two(ex_parser *p, enum ex_kind kind, int op, size_t at, ex_node *a, ex_node *b)
{
    ex_node *const arg[2] = {a, b};
    ex_node *n = node_new(p, kind, at, 2, arg);

    if (n != NULL)
        n->op = op;
    return n;
}

/* ---- grammar ---- */

static ex_node *parse_or(ex_parser *p, int depth);

static int expect(ex_parser *p, char c)
{
    char what[4] = {'\'', c, '\'', '\0'};

    return ex_is_punct(p, c) ? ex_next(p) : ex_fail_expected(p, what);
}

static const struct func {
    const char *name;
    enum ex_func func;
    size_t min, max;
} funcs[] = {
    {"date", EX_DATE, 1, 1},         {"week", EX_WEEK, 1, 1},     {"month", EX_MONTH, 1, 1},
    {"year", EX_YEAR, 1, 1},         {"day", EX_DAY, 1, 1},       {"weekday", EX_WEEKDAY, 1, 1},
    {"hour", EX_HOUR, 1, 1},         {"minute", EX_MINUTE, 1, 1}, {"time", EX_TIME, 1, 1},
    {"lower", EX_LOWER, 1, 1},       {"upper", EX_UPPER, 1, 1},   {"trim", EX_TRIM, 1, 1},
    {"substr", EX_SUBSTR, 2, 3},     {"concat", EX_CONCAT, 1, 0}, {"len", EX_LEN, 1, 1},
    {"major", EX_MAJOR, 1, 1},       {"minor", EX_MINOR, 1, 1},   {"patch", EX_PATCH, 1, 1},
    {"abs", EX_ABS, 1, 1},           {"floor", EX_FLOOR, 1, 1},   {"ceil", EX_CEIL, 1, 1},
    {"round", EX_ROUND, 1, 2},       {"least", EX_LEAST, 1, 0},   {"greatest", EX_GREATEST, 1, 0},
    {"int", EX_INT, 1, 1},           {"float", EX_FLOAT, 1, 1},   {"str", EX_STR, 1, 1},
    {"coalesce", EX_COALESCE, 1, 0}, {"if", EX_IF, 3, 3},         {"hash", EX_HASH, 1, 1}};

const char *ex_func_name(int func)
{
    for (size_t i = 0; i < sizeof funcs / sizeof *funcs; i++)
        if ((int)funcs[i].func == func)
            return funcs[i].name;
    return "";
}

typedef struct list {
    ex_node **v;
    size_t n, cap;
} list;

/* expr, expr, ... ) */
static int parse_list(ex_parser *p, int depth, list *l)
{
    for (;;) {
        ex_node *n = parse_or(p, depth + 1);
        if (n == NULL)
            return -1;
        if (l->n == l->cap) {
            size_t cap = l->cap ? l->cap * 2 : 8;
            ex_node **more = gn_realloc(l->v, cap, sizeof *more, p->e);
            if (more == NULL)
                return -1;
            l->v = more;
            l->cap = cap;
        }
        l->v[l->n++] = n;
        if (!ex_is_punct(p, ','))
            break;
        if (ex_next(p) < 0)
            return -1;
    }
    if (!ex_is_punct(p, ')'))
        return ex_fail_expected(p, "',' or ')'");
    return ex_next(p);
}

static void fail_count(ex_parser *p, size_t at, const char *name, size_t min, size_t max, size_t n)
{
    char range[40] = "";

    if (max > min)
        (void)snprintf(range, sizeof range, " or %zu", max);
    gn_expr_fail(p->t->text, p->t->what, at, p->e, GN_USAGE, "%s() takes %zu%s argument%s, not %zu",
                 name, min, range, max == 1 ? "" : "s", n);
}

static ex_node *parse_call(ex_parser *p, size_t from, size_t to, int depth)
{
    const char *text = p->t->text;
    const struct func *f = NULL;
    char show[64];

    for (size_t i = 0; i < sizeof funcs / sizeof *funcs && f == NULL; i++)
        if (strlen(funcs[i].name) == to - from &&
            strncasecmp(funcs[i].name, text + from, to - from) == 0)
            f = &funcs[i];
    if (f == NULL) {
        char known[400];
        size_t used = 0;
        for (size_t k = 0; k < sizeof funcs / sizeof *funcs; k++)
            used += (size_t)snprintf(known + used, sizeof known - used, " %s", funcs[k].name);
        gn_expr_fail(text, p->t->what, from, p->e, GN_USAGE, "no function '%s' (there are%s)",
                     ex_show(text + from, to - from, show), known);
        return NULL;
    }
    list l = {0};
    ex_node *n = NULL;
    if (ex_next(p) == 0 && parse_list(p, depth, &l) == 0) {
        if (l.n < f->min || (f->max != 0 && l.n > f->max))
            fail_count(p, from, f->name, f->min, f->max, l.n);
        else
            n = node_new(p, EX_CALL, from, l.n, l.v);
    }
    free(l.v);
    if (n != NULL)
        n->op = (int)f->func;
    return n;
}

static ex_node *parse_word(ex_parser *p, int depth)
{
    size_t from = p->from, to = p->to;
    bool is_true = ex_is_key(p, "true"), is_false = ex_is_key(p, "false"),
         is_null = ex_is_key(p, "null");
    ex_node *n;

    if (ex_next(p) < 0)
        return NULL;
    if (is_true || is_false || is_null) {
        n = node_new(p, EX_LITERAL, from, 0, NULL);
        if (n != NULL) {
            n->type = GN_BOOL;
            n->val.i = is_null ? 1 : is_true ? 2 : 0;
            n->null = is_null;
        }
        return n;
    }
    if (ex_is_punct(p, '('))
        return parse_call(p, from, to, depth);
    n = node_new(p, EX_FIELD, from, 0, NULL);
    if (n != NULL) {
        n->val.s.p = gn_arena_copy(p->t->arena, p->t->text + from, to - from + 1, p->e);
        if (n->val.s.p == NULL)
            return NULL;
        ((uint8_t *)(uintptr_t)n->val.s.p)[to - from] = '\0';
        n->val.s.n = (uint32_t)(to - from);
    }
    return n;
}

static ex_node *parse_literal(ex_parser *p, bool minus)
{
    ex_node *n = node_new(p, p->tok == EX_T_NAME ? EX_FIELD : EX_LITERAL, p->from, 0, NULL);

    if (n == NULL)
        return NULL;
    switch (p->tok) {
    case EX_T_INT:
        if (p->u > (uint64_t)INT64_MAX && !minus) {
            ex_fail_token(p, "is no number in range");
            return NULL;
        }
        n->type = GN_INT;
        n->val.i = (int64_t)(minus ? 0 - p->u : p->u);
        n->unit = p->unit;
        break;
    case EX_T_FLOAT:
        n->type = GN_FLOAT;
        n->val.f = minus && p->f != 0 ? -p->f : p->f;
        break;
    case EX_T_DATE:
        n->type = GN_DATE;
        n->val.i = p->day;
        break;
    case EX_T_TIME:
        n->type = GN_TIME;
        n->val.s = p->s;
        break;
    default: /* EX_T_STR, EX_T_NAME */
        n->type = GN_STR;
        n->val.s = p->s;
        break;
    }
    return ex_next(p) < 0 ? NULL : n;
}

static ex_node *parse_unary(ex_parser *p, int depth)
{
    size_t at = p->from, minuses = 0;
    ex_node *n;

    for (; ex_is_punct(p, '-'); minuses++)
        if (ex_next(p) < 0)
            return NULL;
    if (p->tok == EX_T_INT || p->tok == EX_T_FLOAT)
        return parse_literal(p, minuses % 2 == 1);
    if (p->tok == EX_T_STR || p->tok == EX_T_NAME || p->tok == EX_T_DATE || p->tok == EX_T_TIME) {
        n = parse_literal(p, false);
    } else if (p->tok == EX_T_WORD && !ex_is_reserved(p)) {
        n = parse_word(p, depth);
    } else if (ex_is_punct(p, '(')) {
        if (ex_next(p) < 0 || (n = parse_or(p, depth + 1)) == NULL || expect(p, ')') < 0)
            return NULL;
    } else {
        ex_fail_expected(p, "a value");
        return NULL;
    }
    if (minuses > 0) /* an even number changes no value, but asks for a number all the same */
        minuses = minuses % 2 == 1 ? 1 : 2;
    for (; n != NULL && minuses > 0; minuses--)
        n = node_new(p, EX_NEG, at, 1, &n);
    return n;
}

static ex_node *parse_mul(ex_parser *p, int depth)
{
    ex_node *n = parse_unary(p, depth);

    while (n != NULL && (ex_is_punct(p, '*') || ex_is_punct(p, '/') || ex_is_punct(p, '%'))) {
        int op = p->op;
        size_t at = p->from;
        if (ex_next(p) < 0)
            return NULL;
        ex_node *right = parse_unary(p, depth);
        n = right == NULL ? NULL : node_two(p, EX_ARITH, op, at, n, right);
    }
    return n;
}

static ex_node *parse_add(ex_parser *p, int depth)
{
    ex_node *n = parse_mul(p, depth);

    while (n != NULL && (ex_is_punct(p, '+') || ex_is_punct(p, '-'))) {
        int op = p->op;
        size_t at = p->from;
        if (ex_next(p) < 0)
            return NULL;
        ex_node *right = parse_mul(p, depth);
        n = right == NULL ? NULL : node_two(p, EX_ARITH, op, at, n, right);
    }
    return n;
}

static ex_node *parse_in(ex_parser *p, int depth, ex_node *left, size_t at)
{
    list l = {.v = gn_alloc(8, sizeof *l.v, p->e), .n = 1, .cap = 8};
    ex_node *n = NULL;

    if (l.v == NULL)
        return NULL;
    l.v[0] = left;
    if (ex_next(p) == 0 && expect(p, '(') == 0 && parse_list(p, depth, &l) == 0)
        n = node_new(p, EX_IN, at, l.n, l.v);
    free(l.v);
    return n;
}

static ex_node *parse_between(ex_parser *p, int depth, ex_node *left, size_t at)
{
    ex_node *arg[3] = {left};

    if (ex_next(p) < 0 || (arg[1] = parse_add(p, depth)) == NULL)
        return NULL;
    if (!ex_is_key(p, "and")) {
        ex_fail_expected(p, "'and' of between");
        return NULL;
    }
    if (ex_next(p) < 0 || (arg[2] = parse_add(p, depth)) == NULL)
        return NULL;
    return node_new(p, EX_BETWEEN, at, 3, arg);
}

static ex_node *parse_pattern(ex_parser *p, enum ex_kind kind, ex_node *left, size_t at)
{
    if (ex_next(p) < 0)
        return NULL;
    if (p->tok != EX_T_STR) {
        ex_fail_expected(p, "a 'quoted' pattern");
        return NULL;
    }
    if (p->s.n > EX_PATTERN) {
        gn_expr_fail(p->t->text, p->t->what, p->from, p->e, GN_USAGE,
                     "the pattern is over %d bytes", EX_PATTERN);
        return NULL;
    }
    ex_node *right = parse_literal(p, false);
    return right == NULL ? NULL : node_two(p, kind, 0, at, left, right);
}

static ex_node *parse_compare(ex_parser *p, int depth)
{
    ex_node *n = parse_add(p, depth);
    size_t at = p->from;
    bool neg = false;

    if (n == NULL)
        return NULL;
    if (p->tok == EX_T_CMP) {
        int op = p->op;
        if (ex_next(p) < 0)
            return NULL;
        ex_node *right = parse_add(p, depth);
        n = right == NULL ? NULL : node_two(p, EX_COMPARE, op, at, n, right);
    } else if (ex_is_key(p, "is")) {
        if (ex_next(p) < 0)
            return NULL;
        neg = ex_is_key(p, "not");
        if (neg && ex_next(p) < 0)
            return NULL;
        if (!ex_is_key(p, "null")) {
            ex_fail_expected(p, "'null'");
            return NULL;
        }
        if (ex_next(p) < 0)
            return NULL;
        n = node_new(p, EX_ISNULL, at, 1, &n);
    } else {
        neg = ex_is_key(p, "not");
        if (neg && ex_next(p) < 0)
            return NULL;
        if (ex_is_key(p, "in"))
            n = parse_in(p, depth, n, at);
        else if (ex_is_key(p, "between"))
            n = parse_between(p, depth, n, at);
        else if (ex_is_key(p, "like"))
            n = parse_pattern(p, EX_LIKE, n, at);
        else if (ex_is_key(p, "matches"))
            n = parse_pattern(p, EX_MATCHES, n, at);
        else if (neg) {
            ex_fail_expected(p, "in, between, like or matches");
            return NULL;
        } else {
            return n;
        }
    }
    if (n == NULL)
        return NULL;
    n->neg = neg;
    if (p->tok == EX_T_CMP || ex_is_key(p, "is") || ex_is_key(p, "in") || ex_is_key(p, "between") ||
        ex_is_key(p, "like") || ex_is_key(p, "matches") || ex_is_key(p, "not")) {
        gn_expr_fail(p->t->text, p->t->what, p->from, p->e, GN_USAGE,
                     "comparisons do not chain (use 'and', or parentheses)");
        return NULL;
    }
    return n;
}

static ex_node *parse_not(ex_parser *p, int depth)
{
    size_t at = p->from, nots = 0;

    for (; ex_is_key(p, "not"); nots++)
        if (ex_next(p) < 0)
            return NULL;
    ex_node *n = parse_compare(p, depth);
    if (nots > 0) /* as with minuses */
        nots = nots % 2 == 1 ? 1 : 2;
    for (; n != NULL && nots > 0; nots--)
        n = node_new(p, EX_NOT, at, 1, &n);
    return n;
}

static ex_node *parse_and(ex_parser *p, int depth)
{
    ex_node *n = parse_not(p, depth);

    while (n != NULL && ex_is_key(p, "and")) {
        size_t at = p->from;
        if (ex_next(p) < 0)
            return NULL;
        ex_node *right = parse_not(p, depth);
        n = right == NULL ? NULL : node_two(p, EX_AND, 0, at, n, right);
    }
    return n;
}

static ex_node *parse_or(ex_parser *p, int depth)
{
    if (depth > EX_DEPTH) {
        gn_expr_fail(p->t->text, p->t->what, p->from, p->e, GN_USAGE, "nested too deeply");
        return NULL;
    }
    ex_node *n = parse_and(p, depth);
    while (n != NULL && ex_is_key(p, "or")) {
        size_t at = p->from;
        if (ex_next(p) < 0)
            return NULL;
        ex_node *right = parse_and(p, depth);
        n = right == NULL ? NULL : node_two(p, EX_OR, 0, at, n, right);
    }
    return n;
}

int ex_parse(ex_tree *t, gn_err *e)
{
    ex_parser p = {.t = t, .e = e, .at = t->from};
    size_t n = strlen(t->text), valid = gn_utf8_valid(t->text, n);

    if (valid != n)
        return gn_expr_fail(t->text, t->what, valid, e, GN_USAGE, "not valid UTF-8");
    if (ex_next(&p) < 0)
        return -1;
    if (p.tok == EX_T_END && !t->ends)
        return gn_fail(e, GN_USAGE, "%s: the expression is empty", t->what);
    if (parse_or(&p, 0) == NULL)
        return -1;
    t->end = p.from;
    if (p.tok == EX_T_END || (t->ends && p.tok == EX_T_PUNCT && strchr(t->ends, p.op)))
        return 0;
    return ex_fail_expected(&p, !t->ends               ? "an operator or the end"
                                : strchr(t->ends, ')') ? "an operator, ',' or ')'"
                                                       : "an operator, ',' or the end");
}

/* ---- conjuncts ---- */

/* `and` binds closer than `or`: with an `or` beside it, it joins nothing. The `and` of `between`
 * belongs to that. */
int gn_expr_conjuncts(const char *text, const char *what, gn_str *piece, size_t max, size_t *n,
                      gn_err *e)
{
    gn_arena arena;
    ex_tree t = {.arena = &arena, .text = text, .what = what};
    ex_parser p = {.t = &t, .e = e};
    size_t depth = 0, between = 0, from = 0, found = 0;
    int r;

    gn_arena_init(&arena, NULL);
    while ((r = ex_next(&p)) == 0 && p.tok != EX_T_END) {
        if (ex_is_punct(&p, '('))
            depth++;
        else if (ex_is_punct(&p, ')') && depth)
            depth--;
        else if (depth)
            continue;
        else if (ex_is_key(&p, "between"))
            between++;
        else if (ex_is_key(&p, "or")) {
            found = from = 0;
            max = 1;
        } else if (ex_is_key(&p, "and") && between)
            between--;
        else if (ex_is_key(&p, "and") && found + 1 < max) {
            piece[found++] = (gn_str){(const uint8_t *)text + from, (uint32_t)(p.from - from)};
            from = p.to;
        }
    }
    piece[found++] = (gn_str){(const uint8_t *)text + from, (uint32_t)(strlen(text) - from)};
    *n = found;
    gn_arena_release(&arena);
    return r;
}
