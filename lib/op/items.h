/* items.h - lists of named expressions: "user_id, day = date(timestamp), p95(duration_ms)".
 *
 * Splits at the commas outside quotes and parentheses and takes a leading `name =` off. The
 * expressions themselves are left to whoever compiles them. */
#ifndef GN_OP_ITEMS_H
#define GN_OP_ITEMS_H

#include "../base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct gn_item {
    char *name; /* given before the `=`; NULL: none */
    char *text; /* the expression, behind as many blanks as bytes precede it in the list, so that
                   an error in it has its column of the list */
    size_t at;  /* where it begins in `text` */
} gn_item;

typedef struct gn_items {
    gn_item *v;
    size_t n;
    size_t bytes; /* of all texts */
} gn_items;

/* `what` names the option in messages. Errors are GN_USAGE. Zero-initialise; release always. */
int gn_items_parse(gn_items *items, const char *list, const char *what, gn_err *e);
void gn_items_release(gn_items *items); /* idempotent */

/* Is the text from `at` on a call name(...)? Then the name, and the arguments as items of their
 * own (no names taken off). 1 yes, 0 no, -1 error. */
int gn_items_call(const gn_item *item, const char *what, char name[32], gn_items *args, gn_err *e);

/* A name for a column from its expression: the field's own, the function's, or NULL for anything
 * else. Owned by the caller. *failed is set when memory ran out. */
char *gn_items_name(const gn_item *item, bool *failed, gn_err *e);

#endif
