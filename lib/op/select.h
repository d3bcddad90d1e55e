/* select.h - what gn-select makes of each record: fields as they are, under new names, computed.
 *
 *     list := item ("," item)*        item := "*" | name | name "=" expression
 *
 * Fields that are kept are copied as bytes, neighbours in one piece; only what is computed is
 * encoded. Errors are those of expr.h and give the column of the list. */
#ifndef GN_OP_SELECT_H
#define GN_OP_SELECT_H

#include "../base/zone.h"
#include "../stream/header.h"
#include "../stream/reader.h"
#include "../stream/writer.h"

typedef struct gn_select gn_select;

/* Only parse: before any input is read. `what` names the option in messages; *all: has it a "*"? */
int gn_select_check(const char *list, const char *what, bool *all, gn_err *e);

/* Compile against a schema, which must outlive it, as must `zone` (NULL: UTC). "*" stands for the
 * fields that are not among the `nexcept` indexes `except`. */
gn_select *gn_select_new(const char *list, const char *what, const gn_schema *s,
                         const gn_zone *zone, const int *except, size_t nexcept, gn_err *e);
void gn_select_free(gn_select *s); /* NULL allowed */

/* Turn the header of the input into that of the output. */
int gn_select_header(const gn_select *s, gn_header *h, gn_err *e);
/* Ask for the fields it needs. */
int gn_select_want(const gn_select *s, gn_reader *r, gn_err *e);
int gn_select_write(gn_select *s, gn_writer *w, const gn_batch *b, gn_err *e);

#endif
