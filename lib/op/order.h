/* order.h - an order asked for: fields, each ascending or descending.
 *
 * Written FIELD[:asc|:desc][,...]; read from -k and the like, or taken from a header's claim. */
#ifndef GN_OP_ORDER_H
#define GN_OP_ORDER_H

#include "../kernel/sortkey.h"
#include "../stream/header.h"

typedef struct gn_order {
    size_t n;
    gn_order_key *key; /* owned */
    const char *role;  /* the option, for messages; NULL: --key */
} gn_order;

void gn_order_release(gn_order *o); /* idempotent */

/* Append a field. GN_USAGE when it has no name, or is there already. */
int gn_order_add(gn_order *o, const char *field, size_t n, bool desc, gn_err *e);
/* Append what one option says. GN_USAGE for an empty field or one named twice. */
int gn_order_parse(gn_order *o, const char *text, gn_err *e);
/* Append what a header claims. */
int gn_order_of_header(gn_order *o, const gn_header *h, gn_err *e);
/* Append all fields, ascending. */
int gn_order_of_schema(gn_order *o, const gn_schema *s, gn_err *e);

/* Append what another says. */
int gn_order_append(gn_order *o, const gn_order *from, gn_err *e);

bool gn_order_names(const gn_order *o, const char *field);
/* Does the order that a header claims put all records together that are equal by the fields of
 * `key`? 1, and that part of it which does is appended to `by`; 0 if not, -1 on error. `whole`: key
 * is all fields, then a total order does too. */
int gn_order_together(const gn_header *h, const gn_order *key, bool whole, gn_order *by, gn_err *e);
/* Is it, or does it begin with, `first`? */
bool gn_order_begins(const gn_order *o, const gn_order *first);
/* As -k takes it, NUL-terminated, to `out`. */
int gn_order_text(const gn_order *o, gn_buf *out, gn_err *e);

/* The fields in the reader's current segment, asked for with GN_VALUE; `key` has o->n places.
 * GN_INPUT when one is not there. */
int gn_order_bind(const gn_order *o, gn_reader *r, gn_sortkey *key, gn_err *e);
/* Claim it in a header, instead of what that claimed. */
int gn_order_claim(const gn_order *o, bool total, gn_header *h, gn_err *e);

#endif
