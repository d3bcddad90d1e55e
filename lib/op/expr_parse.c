/* Text to syntax: recursive descent, one function per level of precedence. Only parentheses
 * recurse, to a bounded depth. */
#include "expr_priv.h"

#include "../base/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum token {
    T_END,
    T_WORD,  /* a name, a keyword or a function */
    T_NAME,  /* a name in back quotes */
    T_STR,   /* body in `s` */
    T_INT,   /* magnitude in `u`; `unit` */
    T_FLOAT, /* in `f` */
    T_DATE,  /* in `day` */
    T_TIME,  /* text in `s` */
    T_PUNCT /* one of ( ) , + - * / % */,
    T_CMP /* an ex_cmp in `op` */
};

typedef struct parser {
    ex_tree *t;
    gn_err *e;
    size_t at, from, to; /* next byte; the token's bytes [from, to) */
    enum token tok;
    gn_str s;
    uint64_t u;
    double f;
    int64_t day;
    int op;
    bool unit;
} parser;

int gn_expr_fail(const char *text, const char *what, size_t at, gn_err *e, int status,
                 const char *fmt, ...)
{
    char msg[700];
    size_t column = 1;
    va_list ap;

    for (size_t i = 0; i < at && text[i] != '\0'; i++)
        column += ((uint8_t)text[i] & 0xc0) != 0x80;
    va_start(ap, fmt);
    (void)vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return gn_fail(e, status, "%s: column %zu: %s", what, column, msg);
}

const char *ex_show(const void *s, size_t n, char out[64])
{
    const uint8_t *p = s;
    size_t k = 0;

    while (k < n && k < 56) {
        out[k] = (char)(p[k] < ' ' || p[k] == 127 ? '?' : p[k]);
        k++;
    }
    if (k < n) {
        while (k > 0 && (p[k] & 0xc0) == 0x80) /* not within a character */
            k--;
        memcpy(out + k, "...", 3);
        k += 3;
    }
    out[k] = '\0';
    return out;
}

/* ---- tokens ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || ((uint8_t)c & 0x80);
}

static bool is_word_more(char c)
{
    return is_word(c) || is_digit(c) || c == '.';
}

/* Does text fit a shape in which '0' stands for any digit? */
static bool shaped(const char *text, const char *shape)
{
    for (; *shape != '\0'; text++, shape++)
        if (*shape == '0' ? !is_digit(*text) : *text != *shape)
            return false;
    return true;
}

static int fail_token(parser *p, const char *what)
{
    char show[64];
    const char *text = p->t->text;

    return gn_expr_fail(text, p->t->what, p->from, p->e, GN_USAGE, "'%s' %s",
                        ex_show(text + p->from, p->to - p->from, show), what);
}

/* 'it''s': the quote doubled stands for itself. */
static int lex_quoted(parser *p, char quote)
{
    const char *text = p->t->text;
    size_t i = p->at + 1, n = 0;

    for (;; i++, n++) {
        if (text[i] == '\0')
            return gn_expr_fail(text, p->t->what, p->from, p->e, GN_USAGE,
                                "the quote is not closed");
        if (text[i] == quote && text[++i] != quote)
            break;
    }
    if (n > UINT32_MAX)
        return gn_expr_fail(text, p->t->what, p->from, p->e, GN_USAGE, "the text is too long");
    uint8_t *body = gn_arena_alloc(p->t->arena, n + 1, p->e);
    if (body == NULL)
        return -1;
    size_t k = 0;
    for (size_t j = p->at + 1; k < n; j++) {
        body[k++] = (uint8_t)text[j];
        j += text[j] == quote;
    }
    body[k] = '\0';
    p->s = (gn_str){.p = body, .n = (uint32_t)n};
    p->tok = quote == '`' ? T_NAME : T_STR;
    p->at = i;
    return 0;
}

/* 2023-07-01, 2023-07-01T14:30:15.25+02:00 */
static int lex_date(parser *p)
{
    const char *s = p->t->text + p->at;
    size_t n = 10;

    p->tok = T_DATE;
    if (s[n] == 'T') {
        p->tok = T_TIME;
        if (shaped(s + n, "T00:00:00")) {
            n += 9;
            if (s[n] == '.' && is_digit(s[n + 1]))
                for (n++; is_digit(s[n]); n++)
                    ;
            if (s[n] == 'Z')
                n++;
            else if (shaped(s + n, "+00:00") || shaped(s + n, "-00:00"))
                n += 6;
            else if ((shaped(s + n, "+0000") || shaped(s + n, "-0000")) && !is_word_more(s[n + 5]))
                n += 5;
        }
    }
    while (is_word_more(s[n]))
        n++;
    p->at += n;
    p->to = p->at;
    if (p->tok == T_DATE)
        return gn_parse_date(s, n, &p->day)
                   ? 0
                   : fail_token(p, "is no date (YYYY-MM-DD; with blanks it is a subtraction)");
    int64_t us;
    if (!gn_parse_time(s, n, NULL, &us))
        return fail_token(p, "is no time (YYYY-MM-DDTHH:MM:SS, then Z or +HH:MM if need be)");
    p->s = (gn_str){.p = (const uint8_t *)s, .n = (uint32_t)n};
    return 0;
}

static int lex_number(parser *p)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"ms", 1},      {"s", 1000},     {"min", 60000},
                 {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};
    const char *s = p->t->text + p->at;
    size_t n = 0;
    bool big = false;

    p->u = 0;
    for (; is_digit(s[n]); n++)
        big |= __builtin_mul_overflow(p->u, 10, &p->u) ||
               __builtin_add_overflow(p->u, (uint64_t)(s[n] - '0'), &p->u);
    size_t digits = n;
    if (s[n] == '.' && is_digit(s[n + 1]))
        for (n++; is_digit(s[n]); n++)
            ;
    if ((s[n] == 'e' || s[n] == 'E') &&
        (is_digit(s[n + 1]) || ((s[n + 1] == '-' || s[n + 1] == '+') && is_digit(s[n + 2]))))
        for (n += 2; is_digit(s[n]); n++)
            ;
    size_t number = n;
    while (is_word_more(s[n]))
        n++;
    p->at += n;
    p->to = p->at;
    if (number != digits) {
        p->tok = T_FLOAT;
        if (n != number)
            return fail_token(p, "is no number (a duration takes a whole number, as in 1500ms)");
        return gn_parse_float(s, n, &p->f) ? 0 : fail_token(p, "is no number in range");
    }
    p->tok = T_INT;
    p->unit = false;
    if (n != number) {
        for (size_t k = 0; k < sizeof units / sizeof *units && !p->unit; k++)
            if (strlen(units[k].name) == n - number &&
                memcmp(units[k].name, s + number, n - number) == 0) {
                big |= __builtin_mul_overflow(p->u, units[k].ms, &p->u);
                p->unit = true;
            }
        if (!p->unit)
            return fail_token(p, "is no number or duration (units: ms s min h d w)");
    }
    if (big || p->u > (uint64_t)INT64_MAX + 1)
        return fail_token(p, "is no number in range");
    return 0;
}

static int next_token(parser *p)
{
    const char *text = p->t->text;

    while (text[p->at] == ' ' || (text[p->at] >= '\t' && text[p->at] <= '\r'))
        p->at++;
    const char *s = text + p->at;
    char c = *s;
    p->from = p->at;
    p->to = p->at + 1;
    if (c == '\0') {
        p->tok = T_END;
        p->to = p->at;
        return 0;
    }
    if (is_word(c)) {
        while (is_word_more(text[p->at]))
            p->at++;
        p->to = p->at;
        p->tok = T_WORD;
        return 0;
    }
    if (is_digit(c)) {
        if (shaped(s, "0000-00-00") && !is_digit(s[10]))
            return lex_date(p);
        return lex_number(p);
    }
    if (c == '\'' || c == '"' || c == '`') {
        if (lex_quoted(p, c) < 0)
            return -1;
        p->to = p->at;
        return 0;
    }
    p->tok = T_CMP;
    size_t n = 2;
    if (strncmp(s, "<=", 2) == 0)
        p->op = EX_LE;
    else if (strncmp(s, ">=", 2) == 0)
        p->op = EX_GE;
    else if (strncmp(s, "<>", 2) == 0 || strncmp(s, "!=", 2) == 0)
        p->op = EX_NE;
    else if (strncmp(s, "==", 2) == 0)
        p->op = EX_EQ;
    else {
        n = 1;
        if (c == '<')
            p->op = EX_LT;
        else if (c == '>')
            p->op = EX_GT;
        else if (c == '=')
            p->op = EX_EQ;
        else if (strchr("(),+-*/%", c) != NULL) {
            p->tok = T_PUNCT;
            p->op = c;
        } else {
            return fail_token(p, "has no meaning here");
        }
    }
    p->at += n;
    p->to = p->at;
    return 0;
}

static bool is_key(const parser *p, const char *key)
{
    size_t n = strlen(key);

    return p->tok == T_WORD && p->to - p->from == n &&
           strncasecmp(p->t->text + p->from, key, n) == 0;
}

static bool is_punct(const parser *p, char c)
{
    return p->tok == T_PUNCT && p->op == c;
}

static int fail_expected(parser *p, const char *what)
{
    char show[64];
    const char *text = p->t->text;

    if (p->tok == T_END)
        return gn_expr_fail(text, p->t->what, p->from, p->e, GN_USAGE,
                            "expected %s, but it ends here", what);
    return gn_expr_fail(text, p->t->what, p->from, p->e, GN_USAGE, "expected %s, not '%s'", what,
                        ex_show(text + p->from, p->to - p->from, show));
}

static int expect(parser *p, char c)
{
    char what[4] = {'\'', c, '\'', '\0'};

    return is_punct(p, c) ? next_token(p) : fail_expected(p, what);
}

/* ---- nodes ---- */

static ex_node *node_new(parser *p, enum ex_kind kind, size_t at, size_t nargs, ex_node *const *arg)
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

static ex_node *node_two(parser *p, enum ex_kind kind, int op, size_t at, ex_node *a, ex_node *b)
{
    ex_node *const arg[2] = {a, b};
    ex_node *n = node_new(p, kind, at, 2, arg);

    if (n != NULL)
        n->op = op;
    return n;
}

/* ---- grammar ---- */

static ex_node *parse_or(parser *p, int depth);

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
static int parse_list(parser *p, int depth, list *l)
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
        if (!is_punct(p, ','))
            break;
        if (next_token(p) < 0)
            return -1;
    }
    if (!is_punct(p, ')'))
        return fail_expected(p, "',' or ')'");
    return next_token(p);
}

static void fail_count(parser *p, size_t at, const char *name, size_t min, size_t max, size_t n)
{
    char range[40] = "";

    if (max > min)
        (void)snprintf(range, sizeof range, " or %zu", max);
    gn_expr_fail(p->t->text, p->t->what, at, p->e, GN_USAGE, "%s() takes %zu%s argument%s, not %zu",
                 name, min, range, max == 1 ? "" : "s", n);
}

static ex_node *parse_call(parser *p, size_t from, size_t to, int depth)
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
    if (next_token(p) == 0 && parse_list(p, depth, &l) == 0) {
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

static bool is_reserved(const parser *p)
{
    static const char *const keys[] = {"or",      "and",  "not",     "in",
                                       "between", "like", "matches", "is"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (is_key(p, keys[i]))
            return true;
    return false;
}

static ex_node *parse_word(parser *p, int depth)
{
    size_t from = p->from, to = p->to;
    bool is_true = is_key(p, "true"), is_false = is_key(p, "false"), is_null = is_key(p, "null");
    ex_node *n;

    if (next_token(p) < 0)
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
    if (is_punct(p, '('))
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

static ex_node *parse_literal(parser *p, bool minus)
{
    ex_node *n = node_new(p, p->tok == T_NAME ? EX_FIELD : EX_LITERAL, p->from, 0, NULL);

    if (n == NULL)
        return NULL;
    switch (p->tok) {
    case T_INT:
        if (p->u > (uint64_t)INT64_MAX && !minus) {
            fail_token(p, "is no number in range");
            return NULL;
        }
        n->type = GN_INT;
        n->val.i = (int64_t)(minus ? 0 - p->u : p->u);
        n->unit = p->unit;
        break;
    case T_FLOAT:
        n->type = GN_FLOAT;
        n->val.f = minus && p->f != 0 ? -p->f : p->f;
        break;
    case T_DATE:
        n->type = GN_DATE;
        n->val.i = p->day;
        break;
    case T_TIME:
        n->type = GN_TIME;
        n->val.s = p->s;
        break;
    default: /* T_STR, T_NAME */
        n->type = GN_STR;
        n->val.s = p->s;
        break;
    }
    return next_token(p) < 0 ? NULL : n;
}

static ex_node *parse_unary(parser *p, int depth)
{
    size_t at = p->from, minuses = 0;
    ex_node *n;

    for (; is_punct(p, '-'); minuses++)
        if (next_token(p) < 0)
            return NULL;
    if (p->tok == T_INT || p->tok == T_FLOAT)
        return parse_literal(p, minuses % 2 == 1);
    if (p->tok == T_STR || p->tok == T_NAME || p->tok == T_DATE || p->tok == T_TIME) {
        n = parse_literal(p, false);
    } else if (p->tok == T_WORD && !is_reserved(p)) {
        n = parse_word(p, depth);
    } else if (is_punct(p, '(')) {
        if (next_token(p) < 0 || (n = parse_or(p, depth + 1)) == NULL || expect(p, ')') < 0)
            return NULL;
    } else {
        fail_expected(p, "a value");
        return NULL;
    }
    if (minuses > 0) /* an even number changes no value, but asks for a number all the same */
        minuses = minuses % 2 == 1 ? 1 : 2;
    for (; n != NULL && minuses > 0; minuses--)
        n = node_new(p, EX_NEG, at, 1, &n);
    return n;
}

static ex_node *parse_mul(parser *p, int depth)
{
    ex_node *n = parse_unary(p, depth);

    while (n != NULL && (is_punct(p, '*') || is_punct(p, '/') || is_punct(p, '%'))) {
        int op = p->op;
        size_t at = p->from;
        if (next_token(p) < 0)
            return NULL;
        ex_node *right = parse_unary(p, depth);
        n = right == NULL ? NULL : node_two(p, EX_ARITH, op, at, n, right);
    }
    return n;
}

static ex_node *parse_add(parser *p, int depth)
{
    ex_node *n = parse_mul(p, depth);

    while (n != NULL && (is_punct(p, '+') || is_punct(p, '-'))) {
        int op = p->op;
        size_t at = p->from;
        if (next_token(p) < 0)
            return NULL;
        ex_node *right = parse_mul(p, depth);
        n = right == NULL ? NULL : node_two(p, EX_ARITH, op, at, n, right);
    }
    return n;
}

static ex_node *parse_in(parser *p, int depth, ex_node *left, size_t at)
{
    list l = {.v = gn_alloc(8, sizeof *l.v, p->e), .n = 1, .cap = 8};
    ex_node *n = NULL;

    if (l.v == NULL)
        return NULL;
    l.v[0] = left;
    if (next_token(p) == 0 && expect(p, '(') == 0 && parse_list(p, depth, &l) == 0)
        n = node_new(p, EX_IN, at, l.n, l.v);
    free(l.v);
    return n;
}

static ex_node *parse_between(parser *p, int depth, ex_node *left, size_t at)
{
    ex_node *arg[3] = {left};

    if (next_token(p) < 0 || (arg[1] = parse_add(p, depth)) == NULL)
        return NULL;
    if (!is_key(p, "and")) {
        fail_expected(p, "'and' of between");
        return NULL;
    }
    if (next_token(p) < 0 || (arg[2] = parse_add(p, depth)) == NULL)
        return NULL;
    return node_new(p, EX_BETWEEN, at, 3, arg);
}

static ex_node *parse_pattern(parser *p, enum ex_kind kind, ex_node *left, size_t at)
{
    if (next_token(p) < 0)
        return NULL;
    if (p->tok != T_STR) {
        fail_expected(p, "a 'quoted' pattern");
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

static ex_node *parse_compare(parser *p, int depth)
{
    ex_node *n = parse_add(p, depth);
    size_t at = p->from;
    bool neg = false;

    if (n == NULL)
        return NULL;
    if (p->tok == T_CMP) {
        int op = p->op;
        if (next_token(p) < 0)
            return NULL;
        ex_node *right = parse_add(p, depth);
        n = right == NULL ? NULL : node_two(p, EX_COMPARE, op, at, n, right);
    } else if (is_key(p, "is")) {
        if (next_token(p) < 0)
            return NULL;
        neg = is_key(p, "not");
        if (neg && next_token(p) < 0)
            return NULL;
        if (!is_key(p, "null")) {
            fail_expected(p, "'null'");
            return NULL;
        }
        if (next_token(p) < 0)
            return NULL;
        n = node_new(p, EX_ISNULL, at, 1, &n);
    } else {
        neg = is_key(p, "not");
        if (neg && next_token(p) < 0)
            return NULL;
        if (is_key(p, "in"))
            n = parse_in(p, depth, n, at);
        else if (is_key(p, "between"))
            n = parse_between(p, depth, n, at);
        else if (is_key(p, "like"))
            n = parse_pattern(p, EX_LIKE, n, at);
        else if (is_key(p, "matches"))
            n = parse_pattern(p, EX_MATCHES, n, at);
        else if (neg) {
            fail_expected(p, "in, between, like or matches");
            return NULL;
        } else {
            return n;
        }
    }
    if (n == NULL)
        return NULL;
    n->neg = neg;
    if (p->tok == T_CMP || is_key(p, "is") || is_key(p, "in") || is_key(p, "between") ||
        is_key(p, "like") || is_key(p, "matches") || is_key(p, "not")) {
        gn_expr_fail(p->t->text, p->t->what, p->from, p->e, GN_USAGE,
                     "comparisons do not chain (use 'and', or parentheses)");
        return NULL;
    }
    return n;
}

static ex_node *parse_not(parser *p, int depth)
{
    size_t at = p->from, nots = 0;

    for (; is_key(p, "not"); nots++)
        if (next_token(p) < 0)
            return NULL;
    ex_node *n = parse_compare(p, depth);
    if (nots > 0) /* as with minuses */
        nots = nots % 2 == 1 ? 1 : 2;
    for (; n != NULL && nots > 0; nots--)
        n = node_new(p, EX_NOT, at, 1, &n);
    return n;
}

static ex_node *parse_and(parser *p, int depth)
{
    ex_node *n = parse_not(p, depth);

    while (n != NULL && is_key(p, "and")) {
        size_t at = p->from;
        if (next_token(p) < 0)
            return NULL;
        ex_node *right = parse_not(p, depth);
        n = right == NULL ? NULL : node_two(p, EX_AND, 0, at, n, right);
    }
    return n;
}

static ex_node *parse_or(parser *p, int depth)
{
    if (depth > EX_DEPTH) {
        gn_expr_fail(p->t->text, p->t->what, p->from, p->e, GN_USAGE, "nested too deeply");
        return NULL;
    }
    ex_node *n = parse_and(p, depth);
    while (n != NULL && is_key(p, "or")) {
        size_t at = p->from;
        if (next_token(p) < 0)
            return NULL;
        ex_node *right = parse_and(p, depth);
        n = right == NULL ? NULL : node_two(p, EX_OR, 0, at, n, right);
    }
    return n;
}

int ex_parse(ex_tree *t, gn_err *e)
{
    parser p = {.t = t, .e = e, .at = t->from};
    size_t n = strlen(t->text), valid = gn_utf8_valid(t->text, n);

    if (valid != n)
        return gn_expr_fail(t->text, t->what, valid, e, GN_USAGE, "not valid UTF-8");
    if (next_token(&p) < 0)
        return -1;
    if (p.tok == T_END && !t->item)
        return gn_fail(e, GN_USAGE, "%s: the expression is empty", t->what);
    if (parse_or(&p, 0) == NULL)
        return -1;
    t->end = p.from;
    if (p.tok == T_END || (t->item && is_punct(&p, ',')))
        return 0;
    return fail_expected(&p, t->item ? "an operator, ',' or the end" : "an operator or the end");
}

/* ---- lists ---- */

/* The name that the token is, in the arena; NULL where it is none. */
static char *item_name(parser *p)
{
    if (p->tok == T_NAME)
        return gn_arena_strndup(p->t->arena, (const char *)p->s.p, p->s.n, p->e);
    if (p->tok == T_WORD && !is_reserved(p) && !is_key(p, "true") && !is_key(p, "false") &&
        !is_key(p, "null"))
        return gn_arena_strndup(p->t->arena, p->t->text + p->from, p->to - p->from, p->e);
    return NULL;
}

static int item_end(const parser *p, gn_expr_item *i)
{
    i->last = p->tok == T_END;
    i->end = p->to;
    return 0;
}

/* `and` binds closer than `or`: with an `or` beside it, it joins nothing. The `and` of `between`
 * belongs to that. */
int gn_expr_conjuncts(const char *text, const char *what, gn_str *piece, size_t max, size_t *n,
                      gn_err *e)
{
    gn_arena arena;
    ex_tree t = {.arena = &arena, .text = text, .what = what};
    parser p = {.t = &t, .e = e};
    size_t depth = 0, between = 0, from = 0, found = 0;
    int r;

    gn_arena_init(&arena, NULL);
    while ((r = next_token(&p)) == 0 && p.tok != T_END) {
        if (is_punct(&p, '('))
            depth++;
        else if (is_punct(&p, ')') && depth)
            depth--;
        else if (depth)
            continue;
        else if (is_key(&p, "between"))
            between++;
        else if (is_key(&p, "or")) {
            found = from = 0;
            max = 1;
        } else if (is_key(&p, "and") && between)
            between--;
        else if (is_key(&p, "and") && found + 1 < max) {
            piece[found++] = (gn_str){(const uint8_t *)text + from, (uint32_t)(p.from - from)};
            from = p.to;
        }
    }
    piece[found++] = (gn_str){(const uint8_t *)text + from, (uint32_t)(strlen(text) - from)};
    *n = found;
    gn_arena_release(&arena);
    return r;
}

int gn_expr_item_parse(gn_expr_item *i, const char *text, const char *what, gn_arena *a, gn_err *e)
{
    ex_tree t = {.arena = a, .text = text, .what = what, .from = i->end, .item = true};
    parser p = {.t = &t, .e = e, .at = i->end};
    size_t n = strlen(text), valid = gn_utf8_valid(text, n);

    *i = (gn_expr_item){0};
    if (valid != n)
        return gn_expr_fail(text, what, valid, e, GN_USAGE, "not valid UTF-8");
    if (next_token(&p) < 0)
        return -1;
    i->at = i->expr = p.from;
    if (p.tok == T_END)
        return fail_expected(&p, "a field");
    i->all = is_punct(&p, '*');
    if (!i->all && (i->name = item_name(&p)) == NULL && e->status != GN_OK)
        return -1;
    if ((i->all || i->name != NULL) && next_token(&p) < 0)
        return -1;
    if ((i->all || i->name != NULL) && (p.tok == T_END || is_punct(&p, ',')))
        return item_end(&p, i);
    if (i->all)
        return fail_expected(&p, "',' or the end");
    if (i->name == NULL || p.tok != T_CMP || p.op != EX_EQ || p.to - p.from != 1)
        return gn_expr_fail(text, what, i->at, e, GN_USAGE,
                            "what is computed needs a name, as in total = a + b");
    i->expr = t.from = p.to;
    int rc = ex_parse(&t, e);
    free(t.node);
    if (rc < 0)
        return -1;
    p.at = t.end;
    return next_token(&p) < 0 ? -1 : item_end(&p, i);
}
