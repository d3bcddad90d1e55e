/* exprlist.h - lists of named expressions: gn-select FIELDS, gn-agg -k and -a, gn-partition --by.
 *
 *     list := item , item ...
 *     item := name                a field; `odd name` in back quotes
 *           | name = expression   what is computed, under that name
 *           | call                a function of the language; its name is the function's
 *                                 (GN_EXPRLIST_CALLS)
 *           | *                   all fields (GN_EXPRLIST_ALL)
 *
 * or, with GN_EXPRLIST_AGGS, calls of functions that are not those of the language, which the
 * caller knows: [name =] function(expression, ...), whose arguments are items themselves.
 *
 * Errors are GN_USAGE and give the column of the list. */
#ifndef GN_OP_EXPRLIST_H
#define GN_OP_EXPRLIST_H

#include "../base/mem.h"

#include <stdbool.h>
#include <stddef.h>

enum { GN_EXPRLIST_ALL = 1, GN_EXPRLIST_CALLS = 2, GN_EXPRLIST_AGGS = 4 };

typedef struct gn_exprlist_item {
    bool all;   /* "*" */
    bool named; /* there is a `name =` */
    bool last;
    char *name;  /* as above; NULL for an argument, or with GN_EXPRLIST_AGGS, that has none */
    size_t at;   /* where in the text the item begins */
    size_t expr; /* where its expression does: for gn_expr_compile_at */
    size_t n;    /* bytes of the expression */
    size_t end;  /* behind the item and its comma: where the next begins */
    /* with GN_EXPRLIST_AGGS */
    char *call; /* the function; NULL: it is no call, and where it ends is not known */
    struct gn_exprlist_item *arg;
    size_t nargs;
} gn_exprlist_item;

/* Parse the item at text[i->end]: zero `i` for the first. No schema is needed. `what` names the
 * option in messages; names and arguments go to the arena. */
int gn_exprlist_next(gn_exprlist_item *i, const char *text, const char *what, unsigned flags,
                     gn_arena *a, gn_err *e);

/* The error of an item whose name was given before; -1. */
int gn_exprlist_twice(const gn_exprlist_item *i, const char *text, const char *what, gn_err *e);

#endif
