/* expr_priv.h - shared by the parts of expr: text -> tokens (expr_lex.c) -> syntax
 * (expr_parse.c, lists of expressions in exprlist.c) -> typed program (expr_bind.c) -> vectors
 * (expr_eval.c). Not for other modules.
 *
 * Both the syntax and the program are lists in which operands stand before what uses them, so
 * nothing walks them recursively. All memory is in the expression's arena, but for scratch buffers
 * and compiled regular expressions, which gn_expr_free releases. */
#ifndef GN_OP_EXPR_PRIV_H
#define GN_OP_EXPR_PRIV_H

#include "../base/mem.h"
#include "expr.h"

#include <regex.h>

#define EX_DEPTH 200    /* parentheses within parentheses */
#define EX_NODES 10000  /* of the syntax */
#define EX_STEPS 1000   /* of the program, constants aside */
#define EX_DIGITS 15    /* of round() */
#define EX_PATTERN 1000 /* bytes of a like or matches pattern */

/* ---- syntax ---- */

enum ex_kind {
    EX_LITERAL,
    EX_FIELD,
    EX_NOT,
    EX_NEG,
    EX_AND,
    EX_OR,
    EX_COMPARE,
    EX_ARITH,
    EX_IN,
    EX_BETWEEN,
    EX_LIKE,
    EX_MATCHES,
    EX_ISNULL,
    EX_CALL
};

/* Comparisons are sets of accepted outcomes, so that `outcome bit & op` decides. */
enum ex_cmp { EX_LT = 1, EX_EQ = 2, EX_GT = 4, EX_LE = 3, EX_GE = 6, EX_NE = 5 };

enum ex_func {
    EX_DATE,
    EX_WEEK,
    EX_MONTH,
    EX_YEAR,
    EX_DAY,
    EX_WEEKDAY,
    EX_HOUR,
    EX_MINUTE,
    EX_TIME,
    EX_LOWER,
    EX_UPPER,
    EX_TRIM,
    EX_SUBSTR,
    EX_CONCAT,
    EX_LEN,
    EX_MAJOR,
    EX_MINOR,
    EX_PATCH,
    EX_ABS,
    EX_FLOOR,
    EX_CEIL,
    EX_ROUND,
    EX_LEAST,
    EX_GREATEST,
    EX_INT,
    EX_FLOAT,
    EX_STR,
    EX_COALESCE,
    EX_IF,
    EX_HASH
};

typedef struct ex_value {
    int64_t i; /* int, time, date; bool: 0 false, 1 null, 2 true */
    double f;
    gn_str s;
} ex_value;

typedef struct ex_node {
    enum ex_kind kind;
    int op;       /* an ex_cmp, an ex_func, or one of "+-*" "/%" */
    bool neg;     /* not in, not between, ..., is not null */
    bool null;    /* EX_LITERAL: null */
    bool unit;    /* EX_LITERAL: an int of milliseconds */
    gn_type type; /* EX_LITERAL; GN_TIME has its text in val.s until the zone is known */
    ex_value val; /* EX_LITERAL; EX_FIELD: the name in s, NUL-terminated */
    size_t at;    /* offset into the text */
    size_t nargs;
    struct ex_node **arg;
    struct ex_step *step; /* what bind made of it */
} ex_node;

typedef struct ex_tree {
    gn_arena *arena;
    const char *text, *what;
    size_t from, end; /* where in the text it begins; ex_parse: where what follows begins */
    const char *ends; /* it may end before one of these, too; NULL: only with the text */
    ex_node **node;   /* operands first; the last one is the whole */
    size_t n, cap;
} ex_tree;

/* Everything goes to the tree's arena except `node`, which the caller frees. */
int ex_parse(ex_tree *t, gn_err *e);
const char *ex_func_name(int func);

/* ---- tokens ---- */

enum ex_token {
    EX_T_END,
    EX_T_WORD,  /* a name, a keyword or a function */
    EX_T_NAME,  /* a name in back quotes */
    EX_T_STR,   /* body in `s` */
    EX_T_INT,   /* magnitude in `u`; `unit` */
    EX_T_FLOAT, /* in `f` */
    EX_T_DATE,  /* in `day` */
    EX_T_TIME,  /* text in `s` */
    EX_T_PUNCT, /* one of ( ) , + - * / % */
    EX_T_CMP    /* an ex_cmp in `op` */
};

typedef struct ex_parser {
    ex_tree *t;
    gn_err *e;
    size_t at, from, to; /* next byte; the token's bytes [from, to) */
    enum ex_token tok;
    gn_str s;
    uint64_t u;
    double f;
    int64_t day;
    int op;
    bool unit;
} ex_parser;

int ex_next(ex_parser *p);
bool ex_is_key(const ex_parser *p, const char *key);
bool ex_is_punct(const ex_parser *p, char c);
bool ex_is_reserved(const ex_parser *p);
/* Errors that point at the token; -1. */
int ex_fail_token(ex_parser *p, const char *what);
int ex_fail_expected(ex_parser *p, const char *what);
/* Text for a message: control characters replaced, cut to fit. */
const char *ex_show(const void *s, size_t n, char out[64]);

/* ---- program ---- */

struct ex_step;
typedef int ex_kernel(struct ex_step *s, const gn_batch *b, size_t n, gn_err *e);

typedef struct ex_set { /* the list of `in` */
    size_t n;
    int64_t *i; /* sorted */
    double *f;
    gn_str *s; /* sorted by length, then bytes */
    bool null; /* null was in the list */
} ex_set;

typedef struct ex_like {
    enum { EX_LIKE_EXACT, EX_LIKE_PREFIX, EX_LIKE_SUFFIX, EX_LIKE_WITHIN, EX_LIKE_ANY } how;
    gn_str body;   /* without the % at its ends; EX_LIKE_ANY: the whole */
    uint8_t *kind; /* per byte of body: 0 itself, '_', '%' */
} ex_like;

/* One operation and its result: a vector of GN_BATCH values, or of one for a constant, whose
 * index is masked away: value i of step s is s->v.i[i & s->mask]. Bool results are three-valued
 * bytes b: false 0, null 1, true 2, so that and = min, or = max, not = 2 - x. */
typedef struct ex_step {
    ex_kernel *run; /* NULL: constant */
    gn_type type;
    bool any;  /* the literal null, of every type */
    bool unit; /* a constant number of milliseconds */
    bool neg;
    int op;      /* an ex_cmp or ex_func; round(): digits */
    size_t mask; /* 0: constant, else all ones */
    size_t at;
    size_t nargs;
    struct ex_step **arg;
    gn_vec v;
    uint8_t *b;
    int field; /* index, or -1 */
    const char *name;
    const gn_zone *zone; /* NULL: UTC */
    ex_set set;
    ex_like like;
    regex_t *regex; /* NULL, or compiled */
    char *text;     /* EX_MONTH: 8 bytes a value */
    gn_buf scratch;
} ex_step;

struct gn_expr {
    gn_arena arena;
    const char *text, *what;
    const gn_schema *schema; /* while compiling */
    const gn_zone *zone;     /* NULL: UTC */
    ex_step **all;           /* every step, for release and to find fields again */
    size_t nall, call;
    ex_step **prog; /* those to run for every batch, in order */
    size_t nprog, cprog;
    int *fields;
    size_t nfields, cfields;
    ex_step *root;
    gn_vec out; /* of gn_expr_eval: constants and bools written out */
};

int ex_bind(gn_expr *x, const ex_tree *t, gn_err *e);

/* Kernels, by the types of their operands: i int-like, f float, s str, b bool. */
ex_kernel ex_k_field, ex_k_not, ex_k_and, ex_k_or, ex_k_isnull;
ex_kernel ex_k_cmp_ii, ex_k_cmp_ic, ex_k_cmp_ff, ex_k_cmp_if, ex_k_cmp_ss, ex_k_eq_sc, ex_k_cmp_bb;
ex_kernel ex_k_in_i, ex_k_in_f, ex_k_in_s, ex_k_like, ex_k_matches;
ex_kernel ex_k_add_i, ex_k_sub_i, ex_k_mul_i, ex_k_mod_i, ex_k_div_i, ex_k_neg_i, ex_k_abs_i;
ex_kernel ex_k_add_f, ex_k_sub_f, ex_k_mul_f, ex_k_div_f, ex_k_neg_f, ex_k_abs_f;
ex_kernel ex_k_float, ex_k_midnight;
ex_kernel ex_k_time_add, ex_k_time_sub, ex_k_time_diff, ex_k_date_add, ex_k_date_sub,
    ex_k_date_diff;
ex_kernel ex_k_date, ex_k_week, ex_k_month, ex_k_hour, ex_k_case, ex_k_len, ex_k_version;
ex_kernel ex_k_coalesce, ex_k_if, ex_k_hash, ex_k_least;
ex_kernel ex_k_calendar, ex_k_parse, ex_k_trim, ex_k_substr, ex_k_concat;
ex_kernel ex_k_whole, ex_k_round, ex_k_int_b, ex_k_str;

/* Split a like pattern; a backslash takes the next byte as it is. */
int ex_like_init(ex_like *l, gn_str pattern, gn_arena *a, gn_err *e);
void ex_set_sort(ex_set *s);

#endif
