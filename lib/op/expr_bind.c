/* Syntax to program: names become fields, types are checked, literals take the type of what they
 * meet, constants are folded. Nodes come operands first, so this is one loop over them. */
#include "expr_priv.h"

#include "../base/civil.h"
#include "../base/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

typedef struct binder {
    gn_expr *x;
    gn_err *e;
} binder;

/* ---- steps ---- */

static int grow(void *list, size_t n, size_t *cap, size_t size, gn_err *e)
{
    void **v = list;

    if (n < *cap)
        return 0;
    size_t more = *cap ? *cap * 2 : 16;
    void *p = gn_realloc(*v, more, size, e);
    if (p == NULL)
        return -1;
    *v = p;
    *cap = more;
    return 0;
}

static int fail_at(binder *k, size_t at, const char *why)
{
    return gn_expr_fail(k->x->text, k->x->what, at, k->e, GN_USAGE, "%s", why);
}

/* Room for n results. */
static int step_room(binder *k, ex_step *s, size_t n)
{
    gn_arena *a = &k->x->arena;

    s->v.type = s->type;
    s->v.what = GN_VALUE;
    if (s->type == GN_BOOL)
        return (s->b = gn_arena_alloc(a, n, k->e)) == NULL ? -1 : 0;
    s->v.null = gn_arena_alloc(a, n, k->e);
    if (s->v.null == NULL)
        return -1;
    void *p = NULL;
    switch (s->type) {
    case GN_FLOAT:
        p = s->v.f = gn_arena_alloc(a, n * sizeof *s->v.f, k->e);
        break;
    case GN_STR:
    case GN_BIN:
        p = s->v.s = gn_arena_alloc(a, n * sizeof *s->v.s, k->e);
        break;
    default:
        p = s->v.i = gn_arena_alloc(a, n * sizeof *s->v.i, k->e);
        break;
    }
    return p == NULL ? -1 : 0;
}

static ex_step *step_new(binder *k, gn_type type, size_t at, size_t nargs, ex_step *const *arg)
{
    gn_expr *x = k->x;

    if (grow(&x->all, x->nall, &x->call, sizeof *x->all, k->e) < 0)
        return NULL;
    ex_step *s = gn_arena_alloc(&x->arena, sizeof *s, k->e);
    if (s == NULL)
        return NULL;
    *s = (ex_step){.type = type, .at = at, .nargs = nargs, .field = -1, .zone = x->zone};
    if (nargs > 0) {
        s->arg = gn_arena_copy(&x->arena, arg, nargs * sizeof *arg, k->e);
        if (s->arg == NULL)
            return NULL;
    }
    x->all[x->nall++] = s;
    return s;
}

static ex_step *constant(binder *k, gn_type type, size_t at)
{
    ex_step *s = step_new(k, type, at, 0, NULL);

    if (s == NULL || step_room(k, s, 1) < 0)
        return NULL;
    if (type == GN_BOOL) {
        s->b[0] = 1;
        return s;
    }
    s->v.null[0] = 1;
    if (type == GN_FLOAT)
        s->v.f[0] = 0;
    else if (type == GN_STR || type == GN_BIN)
        s->v.s[0] = (gn_str){.p = (const uint8_t *)"", .n = 0};
    else
        s->v.i[0] = 0;
    return s;
}

static ex_step *constant_i(binder *k, gn_type type, size_t at, int64_t v)
{
    ex_step *s = constant(k, type, at);

    if (s != NULL) {
        s->v.i[0] = v;
        s->v.null[0] = 0;
    }
    return s;
}

static bool is_const(const ex_step *s)
{
    return s->run == NULL;
}

static bool is_const_text(const ex_step *s)
{
    return is_const(s) && s->type == GN_STR && !s->any && !s->v.null[0];
}

/* Give a step its kernel: on constants it runs now, else once a batch. */
static ex_step *step_ready(binder *k, ex_step *s, ex_kernel *run)
{
    gn_expr *x = k->x;
    bool folds = s->nargs > 0;

    for (size_t i = 0; i < s->nargs; i++)
        folds = folds && is_const(s->arg[i]);
    if (folds) {
        if (step_room(k, s, 1) < 0)
            return NULL;
        if (s->text == NULL && run == ex_k_month &&
            (s->text = gn_arena_alloc(&x->arena, 8, k->e)) == NULL)
            return NULL;
        for (size_t i = 0; i < s->nargs; i++)
            s->unit = s->unit || s->arg[i]->unit;
        return run(s, NULL, 1, k->e) < 0 ? NULL : s;
    }
    if (x->nprog >= EX_STEPS) {
        fail_at(k, s->at, "the expression is too long");
        return NULL;
    }
    if (s->nargs > 0 && step_room(k, s, GN_BATCH) < 0)
        return NULL;
    if (run == ex_k_month &&
        (s->text = gn_arena_alloc(&x->arena, (size_t)8 * GN_BATCH, k->e)) == NULL)
        return NULL;
    if (grow(&x->prog, x->nprog, &x->cprog, sizeof *x->prog, k->e) < 0)
        return NULL;
    s->run = run;
    s->mask = SIZE_MAX;
    x->prog[x->nprog++] = s;
    return s;
}

static ex_step *step_one(binder *k, gn_type type, size_t at, ex_step *a, ex_kernel *run)
{
    ex_step *s = step_new(k, type, at, 1, &a);

    return s == NULL ? NULL : step_ready(k, s, run);
}

static ex_step *step_two(binder *k, gn_type type, size_t at, ex_step *a, ex_step *b, ex_kernel *run)
{
    ex_step *const arg[2] = {a, b};
    ex_step *s = step_new(k, type, at, 2, arg);

    return s == NULL ? NULL : step_ready(k, s, run);
}

static ex_step *step_op(binder *k, gn_type type, size_t at, size_t nargs, ex_step *const *arg,
                        int op, ex_kernel *run)
{
    ex_step *s = step_new(k, type, at, nargs, arg);

    if (s == NULL)
        return NULL;
    s->op = op;
    return step_ready(k, s, run);
}

/* ---- messages ---- */

static const char *a_type(gn_type t)
{
    static const char *const names[] = {"a str",  "an int", "a float", "a bool",
                                        "a time", "a date", "a bin"};
    return names[t];
}

/* "'duration_ms' (int)" or "a str" */
static const char *describe(const ex_step *s, char out[96])
{
    char show[64];

    if (s->any)
        (void)snprintf(out, 96, "null");
    else if (s->name == NULL)
        (void)snprintf(out, 96, "%s", a_type(s->type));
    else
        (void)snprintf(out, 96, "'%s' (%s)", ex_show(s->name, strlen(s->name), show),
                       gn_type_name(s->type));
    return out;
}

static ex_step *fail_one(binder *k, size_t at, const ex_step *s, const char *verb, const char *want)
{
    char d[96];

    gn_expr_fail(k->x->text, k->x->what, at, k->e, GN_USAGE, "%s %s, not %s", verb, want,
                 describe(s, d));
    return NULL;
}

static ex_step *fail_two(binder *k, size_t at, const char *verb, const ex_step *a, const char *with,
                         const ex_step *b)
{
    char da[96], db[96];

    gn_expr_fail(k->x->text, k->x->what, at, k->e, GN_USAGE, "cannot %s %s %s %s", verb,
                 describe(a, da), with, describe(b, db));
    return NULL;
}

/* ---- conversions ---- */

static bool is_number(const ex_step *s)
{
    return s->type == GN_INT || s->type == GN_FLOAT;
}

static bool is_moment(const ex_step *s)
{
    return !s->any && (s->type == GN_TIME || s->type == GN_DATE);
}

static ex_step *to_float(binder *k, ex_step *s)
{
    return s->type == GN_FLOAT ? s : step_one(k, GN_FLOAT, s->at, s, ex_k_float);
}

static ex_step *to_time(binder *k, ex_step *s)
{
    return s->type == GN_TIME ? s : step_one(k, GN_TIME, s->at, s, ex_k_midnight);
}

/* A quoted text where a date or time is wanted. */
static ex_step *to_moment(binder *k, ex_step *s)
{
    gn_str t = s->v.s[0];
    char show[64];
    int64_t v;

    if (gn_parse_date((const char *)t.p, t.n, &v))
        return constant_i(k, GN_DATE, s->at, v);
    if (gn_parse_time((const char *)t.p, t.n, k->x->zone, &v))
        return constant_i(k, GN_TIME, s->at, v);
    gn_expr_fail(k->x->text, k->x->what, s->at, k->e, GN_USAGE,
                 "'%s' is no date or time (YYYY-MM-DD, or YYYY-MM-DD HH:MM:SS)",
                 ex_show(t.p, t.n, show));
    return NULL;
}

/* Where one is a moment and the other a quoted text, the text becomes one; a date that meets a
 * time becomes a time. */
static int meet_moments(binder *k, ex_step **a, ex_step **b)
{
    if (is_moment(*a) && is_const_text(*b) && (*b = to_moment(k, *b)) == NULL)
        return -1;
    if (is_moment(*b) && is_const_text(*a) && (*a = to_moment(k, *a)) == NULL)
        return -1;
    if (is_moment(*a) && is_moment(*b) && (*a)->type != (*b)->type) {
        *a = to_time(k, *a);
        *b = *a == NULL ? NULL : to_time(k, *b);
        return *b == NULL ? -1 : 0;
    }
    return 0;
}

/* ---- comparison ---- */

static int mirrored(int op)
{
    return (op & EX_EQ) | (op & EX_LT ? EX_GT : 0) | (op & EX_GT ? EX_LT : 0);
}

static ex_step *bind_compare(binder *k, size_t at, int op, ex_step *a, ex_step *b)
{
    ex_kernel *run;

    if (meet_moments(k, &a, &b) < 0)
        return NULL;
    if (a->any || b->any)
        return constant(k, GN_BOOL, at);
    if (is_const(a) && !is_const(b)) { /* the constant to the right */
        ex_step *t = a;
        a = b;
        b = t;
        op = mirrored(op);
    }
    if (is_number(a) && is_number(b) && a->type != b->type) {
        if (a->type == GN_FLOAT) {
            ex_step *t = a;
            a = b;
            b = t;
            op = mirrored(op);
        }
        run = ex_k_cmp_if;
    } else if (a->type != b->type) {
        return fail_two(k, at, "compare", a, "with", b);
    } else if (a->type == GN_BOOL) {
        run = ex_k_cmp_bb;
    } else if (a->type == GN_FLOAT) {
        run = ex_k_cmp_ff;
    } else if (a->type == GN_STR || a->type == GN_BIN) {
        run = is_const(b) && (op == EX_EQ || op == EX_NE) ? ex_k_eq_sc : ex_k_cmp_ss;
    } else {
        run = is_const(b) ? ex_k_cmp_ic : ex_k_cmp_ii;
    }
    ex_step *const arg[2] = {a, b};
    ex_step *s = step_new(k, GN_BOOL, at, 2, arg);
    if (s == NULL)
        return NULL;
    s->op = op;
    return step_ready(k, s, run);
}

static ex_step *bind_between(binder *k, const ex_node *n)
{
    ex_step *a = n->arg[0]->step;
    ex_step *lo = bind_compare(k, n->at, EX_GE, a, n->arg[1]->step);
    ex_step *hi = lo == NULL ? NULL : bind_compare(k, n->at, EX_LE, a, n->arg[2]->step);
    ex_step *s = hi == NULL ? NULL : step_two(k, GN_BOOL, n->at, lo, hi, ex_k_and);

    return s == NULL || !n->neg ? s : step_one(k, GN_BOOL, n->at, s, ex_k_not);
}

/* ---- in ---- */

/* Fill the set with the list's constants; false where one is not a constant of the type of `a`
 * (then equalities do), or *failed. */
static bool set_fill(binder *k, ex_set *set, const ex_node *n, bool *failed)
{
    ex_step *a = n->arg[0]->step;
    gn_arena *m = &k->x->arena;
    size_t count = n->nargs - 1;
    void *p;

    *failed = false;
    if (a->type == GN_BOOL || a->type == GN_BIN)
        return false;
    if (a->type == GN_FLOAT)
        p = set->f = gn_arena_alloc(m, count * sizeof *set->f, k->e);
    else if (a->type == GN_STR)
        p = set->s = gn_arena_alloc(m, count * sizeof *set->s, k->e);
    else
        p = set->i = gn_arena_alloc(m, count * sizeof *set->i, k->e);
    *failed = p == NULL;
    if (*failed)
        return false;
    for (size_t j = 1; j <= count; j++) {
        ex_step *c = n->arg[j]->step;
        if (!is_const(c))
            return false;
        if (c->any || (c->type != GN_BOOL && c->v.null[0])) {
            set->null = true;
            continue;
        }
        if (is_moment(a) && is_const_text(c))
            c = to_moment(k, c);
        if (c != NULL && a->type == GN_TIME && c->type == GN_DATE)
            c = to_time(k, c);
        if (c != NULL && a->type == GN_FLOAT && c->type == GN_INT &&
            c->v.i[0] >= -(INT64_C(1) << 53) && c->v.i[0] <= INT64_C(1) << 53)
            c = to_float(k, c);
        *failed = c == NULL;
        if (*failed || c->type != a->type)
            return false;
        if (a->type == GN_FLOAT)
            set->f[set->n++] = c->v.f[0];
        else if (a->type == GN_STR)
            set->s[set->n++] = c->v.s[0];
        else
            set->i[set->n++] = c->v.i[0];
    }
    ex_set_sort(set);
    return true;
}

static ex_step *bind_in(binder *k, const ex_node *n)
{
    ex_step *a = n->arg[0]->step, *s;
    ex_set set = {0};
    bool failed;

    if (a->any)
        return constant(k, GN_BOOL, n->at);
    if (set_fill(k, &set, n, &failed)) {
        if ((s = step_new(k, GN_BOOL, n->at, 1, &a)) == NULL)
            return NULL;
        s->set = set;
        s->neg = n->neg;
        return step_ready(k, s,
                          a->type == GN_STR     ? ex_k_in_s
                          : a->type == GN_FLOAT ? ex_k_in_f
                                                : ex_k_in_i);
    }
    if (failed)
        return NULL;
    s = NULL;
    for (size_t j = 1; j < n->nargs; j++) {
        ex_step *eq = bind_compare(k, n->arg[j]->at, EX_EQ, a, n->arg[j]->step);
        if (eq == NULL)
            return NULL;
        s = s == NULL ? eq : step_two(k, GN_BOOL, n->at, s, eq, ex_k_or);
        if (s == NULL)
            return NULL;
    }
    return n->neg ? step_one(k, GN_BOOL, n->at, s, ex_k_not) : s;
}

/* ---- patterns ---- */

static ex_step *bind_pattern(binder *k, const ex_node *n)
{
    ex_step *a = n->arg[0]->step;
    gn_str pattern = n->arg[1]->val.s;

    if (a->any)
        return constant(k, GN_BOOL, n->at);
    if (a->type != GN_STR)
        return fail_one(k, n->arg[0]->at, a, n->kind == EX_LIKE ? "like takes" : "matches takes",
                        "a str");
    ex_step *s = step_new(k, GN_BOOL, n->at, 1, &a);
    if (s == NULL)
        return NULL;
    s->neg = n->neg;
    if (n->kind == EX_LIKE)
        return ex_like_init(&s->like, pattern, &k->x->arena, k->e) < 0
                   ? NULL
                   : step_ready(k, s, ex_k_like);
    regex_t *re = gn_alloc(1, sizeof *re, k->e);
    if (re == NULL)
        return NULL;
    int rc = regcomp(re, (const char *)pattern.p, REG_EXTENDED | REG_NOSUB);
    if (rc != 0) {
        char why[128];
        (void)regerror(rc, re, why, sizeof why);
        free(re);
        if (why[0] >= 'A' && why[0] <= 'Z')
            why[0] = (char)(why[0] - 'A' + 'a');
        gn_expr_fail(k->x->text, k->x->what, n->arg[1]->at, k->e,
                     rc == REG_ESPACE ? GN_IO : GN_USAGE, "bad pattern: %s", why);
        return NULL;
    }
    s->regex = re;
    return step_ready(k, s, ex_k_matches);
}

/* ---- arithmetic ---- */

static int check_duration(binder *k, size_t at, const ex_step *moment, const ex_step *s)
{
    if (s->any || s->type != GN_INT) {
        fail_two(k, at, "add", s, "to", moment);
        return -1;
    }
    if (!is_const(s) || s->v.null[0])
        return 0;
    if (!s->unit)
        return fail_at(k, s->at, "a duration needs its unit, as in 7d or 30min");
    if (moment->type == GN_DATE && s->v.i[0] % DAY_MS != 0)
        return fail_at(k, s->at, "only whole days can be added to a date");
    return 0;
}

static ex_step *bind_moment_arith(binder *k, const ex_node *n, ex_step *a, ex_step *b)
{
    if (n->op != '+' && n->op != '-') {
        fail_at(k, n->at, "a date or time takes + and - only");
        return NULL;
    }
    if (n->op == '-' && !a->any && !b->any && meet_moments(k, &a, &b) < 0)
        return NULL;
    if (n->op == '-' && is_moment(a) && is_moment(b))
        return step_two(k, GN_INT, n->at, a, b,
                        a->type == GN_TIME ? ex_k_time_diff : ex_k_date_diff);
    if (n->op == '+' && !is_moment(a)) {
        ex_step *t = a;
        a = b;
        b = t;
    }
    if (!is_moment(a) || is_moment(b)) {
        fail_two(k, n->at, n->op == '+' ? "add" : "subtract", n->op == '+' ? a : b,
                 n->op == '+' ? "to" : "from", n->op == '+' ? b : a);
        return NULL;
    }
    if (b->any)
        return constant(k, a->type, n->at);
    if (check_duration(k, n->at, a, b) < 0)
        return NULL;
    if (a->type == GN_TIME)
        return step_two(k, GN_TIME, n->at, a, b, n->op == '+' ? ex_k_time_add : ex_k_time_sub);
    return step_two(k, GN_DATE, n->at, a, b, n->op == '+' ? ex_k_date_add : ex_k_date_sub);
}

static ex_step *bind_arith(binder *k, const ex_node *n)
{
    ex_step *a = n->arg[0]->step, *b = n->arg[1]->step;
    ex_kernel *run = NULL;

    if (is_moment(a) || is_moment(b))
        return bind_moment_arith(k, n, a, b);
    for (int i = 0; i < 2; i++) {
        ex_step *s = i ? b : a;
        if (!s->any && !is_number(s)) {
            char verb[] = "'+' takes";
            verb[1] = (char)n->op;
            return fail_one(k, n->arg[i]->at, s, verb, "numbers");
        }
    }
    if (a->any || b->any) {
        ex_step *other = a->any ? b : a;
        return constant(
            k, n->op == '/' || (!other->any && other->type == GN_FLOAT) ? GN_FLOAT : GN_INT, n->at);
    }
    if (a->type == GN_INT && b->type == GN_INT) {
        switch (n->op) {
        case '+':
            run = ex_k_add_i;
            break;
        case '-':
            run = ex_k_sub_i;
            break;
        case '*':
            run = ex_k_mul_i;
            break;
        case '%':
            run = ex_k_mod_i;
            break;
        default:
            return step_two(k, GN_FLOAT, n->at, a, b, ex_k_div_i);
        }
        return step_two(k, GN_INT, n->at, a, b, run);
    }
    if (n->op == '%')
        return a->type == GN_FLOAT ? fail_one(k, n->arg[0]->at, a, "'%' takes", "ints")
                                   : fail_one(k, n->arg[1]->at, b, "'%' takes", "ints");
    a = to_float(k, a);
    b = a == NULL ? NULL : to_float(k, b);
    if (b == NULL)
        return NULL;
    run = n->op == '+'   ? ex_k_add_f
          : n->op == '-' ? ex_k_sub_f
          : n->op == '*' ? ex_k_mul_f
                         : ex_k_div_f;
    return step_two(k, GN_FLOAT, n->at, a, b, run);
}

static ex_step *bind_neg(binder *k, const ex_node *n, ex_step *a)
{
    if (a->any)
        return a;
    if (a->type == GN_INT)
        return step_one(k, GN_INT, n->at, a, ex_k_neg_i);
    if (a->type == GN_FLOAT)
        return step_one(k, GN_FLOAT, n->at, a, ex_k_neg_f);
    return fail_one(k, n->arg[0]->at, a, "minus takes", "a number");
}

/* ---- logic ---- */

static ex_step *need_bool(binder *k, const ex_node *n)
{
    ex_step *s = n->step;

    if (s->any)
        return constant(k, GN_BOOL, n->at);
    return s->type == GN_BOOL ? s : fail_one(k, n->at, s, "expected", "a condition");
}

static ex_step *bind_logic(binder *k, const ex_node *n)
{
    ex_step *a = need_bool(k, n->arg[0]);
    ex_step *b = a == NULL ? NULL : n->nargs == 1 ? a : need_bool(k, n->arg[1]);

    if (b == NULL)
        return NULL;
    if (n->kind == EX_NOT)
        return step_one(k, GN_BOOL, n->at, a, ex_k_not);
    return step_two(k, GN_BOOL, n->at, a, b, n->kind == EX_AND ? ex_k_and : ex_k_or);
}

/* ---- functions ---- */

/* Make arg[from..] all of one type, that of them which holds the others. */
static int unify(binder *k, const ex_node *n, ex_step **arg, size_t from)
{
    const ex_step *first = NULL;
    bool has_float = false, has_time = false, has_moment = false;

    for (size_t i = from; i < n->nargs; i++)
        has_moment = has_moment || is_moment(arg[i]);
    for (size_t i = from; i < n->nargs; i++) {
        if (arg[i]->any)
            continue;
        if (has_moment && is_const_text(arg[i]) && (arg[i] = to_moment(k, arg[i])) == NULL)
            return -1;
        has_float = has_float || arg[i]->type == GN_FLOAT;
        has_time = has_time || arg[i]->type == GN_TIME;
        if (first == NULL)
            first = arg[i];
        if (arg[i]->type != first->type && !(is_number(arg[i]) && is_number(first)) &&
            !(is_moment(arg[i]) && is_moment(first))) {
            char verb[32];
            (void)snprintf(verb, sizeof verb, "mix in %s()", ex_func_name(n->op));
            fail_two(k, n->at, verb, first, "and", arg[i]);
            return -1;
        }
    }
    for (size_t i = from; first != NULL && i < n->nargs; i++) {
        if (arg[i]->any)
            arg[i] = constant(k, has_float ? GN_FLOAT : has_time ? GN_TIME : first->type, n->at);
        else if (has_float)
            arg[i] = to_float(k, arg[i]);
        else if (has_time)
            arg[i] = to_time(k, arg[i]);
        if (arg[i] == NULL)
            return -1;
    }
    return 0;
}

static ex_step *bind_many(binder *k, const ex_node *n, size_t from, ex_kernel *run)
{
    ex_step **arg = gn_arena_alloc(&k->x->arena, n->nargs * sizeof *arg, k->e);

    if (arg == NULL)
        return NULL;
    for (size_t i = 0; i < n->nargs; i++)
        arg[i] = n->arg[i]->step;
    if (from == 1 && (arg[0] = need_bool(k, n->arg[0])) == NULL)
        return NULL;
    if (unify(k, n, arg, from) < 0)
        return NULL;
    if (arg[from]->any)
        return arg[from];
    return step_op(k, arg[from]->type, n->at, n->nargs, arg, n->op, run);
}

static ex_step *need_date(binder *k, const ex_node *n, ex_step *a)
{
    char verb[32];

    if (a->any)
        return constant(k, GN_DATE, n->at);
    if (is_const_text(a) && (a = to_moment(k, a)) == NULL)
        return NULL;
    if (a->type == GN_DATE)
        return a;
    if (a->type == GN_TIME)
        return step_one(k, GN_DATE, n->at, a, ex_k_date);
    if (a->type == GN_STR && n->op == EX_DATE)
        return step_op(k, GN_DATE, n->at, 1, &a, EX_DATE, ex_k_parse);
    (void)snprintf(verb, sizeof verb, "%s() takes", ex_func_name(n->op));
    return fail_one(k, n->arg[0]->at, a, verb,
                    n->op == EX_DATE ? "a date, time or str" : "a date or time");
}

static ex_step *need_time(binder *k, const ex_node *n, ex_step *a, const char *verb)
{
    if (a->any)
        return constant(k, GN_TIME, n->at);
    if (is_const_text(a) && (a = to_moment(k, a)) == NULL)
        return NULL;
    if (a->type == GN_TIME)
        return a;
    if (n->op == EX_TIME && a->type == GN_DATE)
        return to_time(k, a);
    if (n->op == EX_TIME && a->type == GN_STR)
        return step_op(k, GN_TIME, n->at, 1, &a, EX_TIME, ex_k_parse);
    return fail_one(k, n->arg[0]->at, a, verb, n->op == EX_TIME ? "a time, date or str" : "a time");
}

static ex_step *need_text(binder *k, const ex_node *n, const char *verb)
{
    ex_step *a = n->arg[0]->step;

    if (a->any)
        return constant(k, GN_STR, n->at);
    if (a->type == GN_STR || (n->op == EX_LEN && a->type == GN_BIN))
        return a;
    return fail_one(k, n->arg[0]->at, a, verb, "a str");
}

/* The parts of the calendar, in the zone. */
static ex_step *bind_calendar(binder *k, const ex_node *n, ex_step *a)
{
    a = need_date(k, n, a);
    if (a == NULL || n->op == EX_DATE)
        return a;
    if (n->op == EX_WEEK)
        return step_one(k, GN_DATE, n->at, a, ex_k_week);
    if (n->op == EX_MONTH)
        return step_one(k, GN_STR, n->at, a, ex_k_month);
    return step_op(k, GN_INT, n->at, 1, &a, n->op, ex_k_calendar);
}

static ex_step *bind_substr(binder *k, const ex_node *n, const char *verb)
{
    ex_step *arg[3] = {need_text(k, n, verb)};

    if (arg[0] == NULL)
        return NULL;
    for (size_t i = 1; i < n->nargs; i++) {
        arg[i] = n->arg[i]->step;
        if (arg[i]->any)
            arg[i] = constant(k, GN_INT, n->at);
        if (arg[i] == NULL)
            return NULL;
        if (arg[i]->type != GN_INT)
            return fail_one(k, n->arg[i]->at, arg[i], "from where and how many is told by",
                            "an int");
    }
    return step_op(k, GN_STR, n->at, n->nargs, arg, n->op, ex_k_substr);
}

static ex_step *to_str(binder *k, const ex_node *n, size_t which, const char *verb)
{
    ex_step *a = n->arg[which]->step;

    if (a->any)
        return constant(k, GN_STR, n->at);
    if (a->type == GN_STR)
        return a;
    if (a->type == GN_BIN)
        return fail_one(k, n->arg[which]->at, a, verb, "what can be written as text");
    return step_op(k, GN_STR, n->at, 1, &a, EX_STR, ex_k_str);
}

static ex_step *bind_concat(binder *k, const ex_node *n, const char *verb)
{
    ex_step **arg = gn_arena_alloc(&k->x->arena, n->nargs * sizeof *arg, k->e);

    if (arg == NULL)
        return NULL;
    for (size_t i = 0; i < n->nargs; i++)
        if ((arg[i] = to_str(k, n, i, verb)) == NULL)
            return NULL;
    return step_op(k, GN_STR, n->at, n->nargs, arg, n->op, ex_k_concat);
}

/* round(x, digits) */
static ex_step *bind_digits(binder *k, const ex_node *n, ex_step *a)
{
    const ex_step *d = n->arg[1]->step;

    if (!is_const(d) || d->any || d->type != GN_INT || d->v.null[0] || d->v.i[0] < 0 ||
        d->v.i[0] > EX_DIGITS) {
        fail_at(k, n->arg[1]->at, "the number of digits is written out, from 0 to 15");
        return NULL;
    }
    a = to_float(k, a);
    return a == NULL ? NULL : step_op(k, GN_FLOAT, n->at, 1, &a, (int)d->v.i[0], ex_k_round);
}

/* abs(), floor(), ceil(), round() */
static ex_step *bind_number(binder *k, const ex_node *n, ex_step *a, const char *verb)
{
    if (a->any)
        a = constant(k, GN_INT, n->at);
    if (a == NULL)
        return NULL;
    if (!is_number(a))
        return fail_one(k, n->arg[0]->at, a, verb, "a number");
    if (n->op == EX_ABS)
        return step_one(k, a->type, n->at, a, a->type == GN_INT ? ex_k_abs_i : ex_k_abs_f);
    if (n->nargs == 2)
        return bind_digits(k, n, a);
    return a->type == GN_INT ? a : step_op(k, GN_INT, n->at, 1, &a, n->op, ex_k_whole);
}

/* int() and float() */
static ex_step *bind_cast(binder *k, const ex_node *n, ex_step *a, const char *verb)
{
    gn_type type = n->op == EX_INT ? GN_INT : GN_FLOAT;

    if (a->any)
        return constant(k, type, n->at);
    if (a->type == GN_STR)
        return step_op(k, type, n->at, 1, &a, n->op, ex_k_parse);
    if (a->type == GN_BOOL)
        a = step_one(k, GN_INT, n->at, a, ex_k_int_b);
    else if (!is_number(a))
        return fail_one(k, n->arg[0]->at, a, verb, "a number, bool or str");
    if (a == NULL || a->type == type)
        return a;
    return type == GN_FLOAT ? to_float(k, a) : step_op(k, GN_INT, n->at, 1, &a, n->op, ex_k_whole);
}

/* Functions of one argument, which has the type already; NULL passes. */
static ex_step *apply(binder *k, const ex_node *n, gn_type type, ex_step *a, ex_kernel *run)
{
    return a == NULL ? NULL : step_op(k, type, n->at, 1, &a, n->op, run);
}

static ex_step *bind_call(binder *k, const ex_node *n)
{
    ex_step *a = n->arg[0]->step;
    char verb[32];

    (void)snprintf(verb, sizeof verb, "%s() takes", ex_func_name(n->op));
    switch ((enum ex_func)n->op) {
    case EX_DATE:
    case EX_WEEK:
    case EX_MONTH:
    case EX_YEAR:
    case EX_DAY:
    case EX_WEEKDAY:
        return bind_calendar(k, n, a);
    case EX_TIME:
        return need_time(k, n, a, verb);
    case EX_HOUR:
    case EX_MINUTE:
        return apply(k, n, GN_INT, need_time(k, n, a, verb), ex_k_hour);
    case EX_LOWER:
    case EX_UPPER:
        return apply(k, n, GN_STR, need_text(k, n, verb), ex_k_case);
    case EX_TRIM:
        return apply(k, n, GN_STR, need_text(k, n, verb), ex_k_trim);
    case EX_LEN:
        return apply(k, n, GN_INT, need_text(k, n, verb), ex_k_len);
    case EX_MAJOR:
    case EX_MINOR:
    case EX_PATCH:
        return apply(k, n, GN_INT, need_text(k, n, verb), ex_k_version);
    case EX_SUBSTR:
        return bind_substr(k, n, verb);
    case EX_CONCAT:
        return bind_concat(k, n, verb);
    case EX_STR:
        return to_str(k, n, 0, verb);
    case EX_ABS:
    case EX_FLOOR:
    case EX_CEIL:
    case EX_ROUND:
        return bind_number(k, n, a, verb);
    case EX_INT:
    case EX_FLOAT:
        return bind_cast(k, n, a, verb);
    case EX_COALESCE:
        return bind_many(k, n, 0, ex_k_coalesce);
    case EX_IF:
        return bind_many(k, n, 1, ex_k_if);
    case EX_LEAST:
    case EX_GREATEST:
        return bind_many(k, n, 0, ex_k_least);
    case EX_HASH:
        if (a->any && (a = constant(k, GN_INT, n->at)) == NULL)
            return NULL;
        return step_one(k, GN_INT, n->at, a, ex_k_hash);
    }
    return NULL;
}

/* ---- leaves ---- */

static ex_step *bind_field(binder *k, const ex_node *n)
{
    gn_expr *x = k->x;
    const char *name = (const char *)n->val.s.p;
    int f = gn_schema_find(x->schema, name);

    if (f < 0) {
        char show[64], known[500], one[64];
        size_t used = 0;
        known[0] = '\0';
        for (size_t i = 0; i < x->schema->n; i++) {
            const char *s = x->schema->f[i].name;
            if (used > sizeof known - 80) {
                (void)snprintf(known + used, sizeof known - used, ", ...");
                break;
            }
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                     ex_show(s, strlen(s), one));
        }
        gn_expr_fail(x->text, x->what, n->at, k->e, GN_INPUT, "no field '%s' (there are: %s)",
                     ex_show(name, n->val.s.n, show), known);
        return NULL;
    }
    for (size_t i = 0; i < x->nprog; i++) /* one decoding of a field is enough */
        if (x->prog[i]->field == f)
            return x->prog[i];
    ex_step *s = step_new(k, x->schema->f[f].type, n->at, 0, NULL);
    if (s == NULL)
        return NULL;
    s->field = f;
    s->name = name;
    s->v.type = s->type;
    s->v.what = GN_VALUE;
    if (s->type == GN_BOOL && step_room(k, s, GN_BATCH) < 0)
        return NULL;
    if (grow(&x->fields, x->nfields, &x->cfields, sizeof *x->fields, k->e) < 0)
        return NULL;
    x->fields[x->nfields++] = f;
    return step_ready(k, s, ex_k_field);
}

static ex_step *bind_literal(binder *k, const ex_node *n)
{
    ex_step *s = constant(k, n->type, n->at);
    int64_t us;

    if (s == NULL)
        return NULL;
    s->any = n->null;
    s->unit = n->unit;
    if (n->type == GN_BOOL) {
        s->b[0] = (uint8_t)n->val.i;
        return s;
    }
    s->v.null[0] = 0;
    switch (n->type) {
    case GN_FLOAT:
        s->v.f[0] = n->val.f;
        break;
    case GN_STR:
        s->v.s[0] = n->val.s;
        break;
    case GN_TIME:
        if (!gn_parse_time((const char *)n->val.s.p, n->val.s.n, k->x->zone, &us)) {
            fail_at(k, n->at, "not a time");
            return NULL;
        }
        s->v.i[0] = us;
        break;
    default:
        s->v.i[0] = n->val.i;
        break;
    }
    return s;
}

static ex_step *bind_node(binder *k, const ex_node *n)
{
    switch (n->kind) {
    case EX_LITERAL:
        return bind_literal(k, n);
    case EX_FIELD:
        return bind_field(k, n);
    case EX_NOT:
    case EX_AND:
    case EX_OR:
        return bind_logic(k, n);
    case EX_NEG:
        return bind_neg(k, n, n->arg[0]->step);
    case EX_COMPARE:
        return bind_compare(k, n->at, n->op, n->arg[0]->step, n->arg[1]->step);
    case EX_ARITH:
        return bind_arith(k, n);
    case EX_IN:
        return bind_in(k, n);
    case EX_BETWEEN:
        return bind_between(k, n);
    case EX_LIKE:
    case EX_MATCHES:
        return bind_pattern(k, n);
    case EX_ISNULL: {
        ex_step *a = n->arg[0]->step;
        ex_step *s = step_new(k, GN_BOOL, n->at, 1, &a);
        if (s == NULL)
            return NULL;
        s->neg = n->neg;
        return step_ready(k, s, ex_k_isnull);
    }
    case EX_CALL:
        return bind_call(k, n);
    }
    return NULL;
}

int ex_bind(gn_expr *x, const ex_tree *t, gn_err *e)
{
    binder k = {.x = x, .e = e};

    for (size_t i = 0; i < t->n; i++) {
        ex_node *n = t->node[i];
        if ((n->step = bind_node(&k, n)) == NULL)
            return e->status != GN_OK ? -1 : gn_fail(e, GN_BUG, "%s: not understood", x->what);
    }
    x->root = t->node[t->n - 1]->step;
    x->root = x->root->any ? constant(&k, GN_BOOL, 0) : x->root;
    return x->root == NULL ? -1 : 0;
}
