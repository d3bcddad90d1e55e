/* expr.h - the expression language: gn-where, gn-select, --where, --active.
 *
 * Typed, compiled once per stream schema, evaluated on whole batches. Nulls as in SQL (three-valued
 * logic: a filter keeps a record only where the expression is true).
 *
 *   or, and, not            = == != <> < <= > >=        [not] in (a, b)     [not] between a and b
 *   [not] like 'a%_'        [not] matches 'POSIX ERE'   is [not] null       + - * / %   unary -
 *   'text'  "text"  12  1.5e3  true false null  10s 30min 4h 7d (int milliseconds)
 *   2023-07-01  2023-07-01T14:30:15[Z|+02:00] (date and time literals; also 'quoted' where compared
 *   with a date or time)    names of fields; `odd name` in back quotes
 *   date(t) week(t) month(t) year(t) day(t) weekday(t) hour(t) minute(t) time(x) (in --tz)
 *   lower(s) upper(s) trim(s) substr(s, from, n) concat(a, ...) len(s) major(v) minor(v) patch(v)
 *   abs(x) floor(x) ceil(x) round(x, digits) least(a, ...) greatest(a, ...)
 *   int(x) float(x) str(x) coalesce(a, ...) if(c, a, b) hash(x)
 *
 * time or date + - duration (int milliseconds; a literal needs its unit) is a time or date, their
 * differences are durations. matches is a POSIX ERE over bytes; like counts _ in UTF-8 characters.
 * int with int stays int; overflow, and division by zero, give null; `/` is always float, `%` int.
 * A date compares with a time as its midnight in --tz. Errors are GN_USAGE and point at the column
 * of the text. */
#ifndef GN_OP_EXPR_H
#define GN_OP_EXPR_H

#include "../base/mem.h"
#include "../base/zone.h"
#include "../stream/batch.h"
#include "../stream/reader.h"

typedef struct gn_expr gn_expr;

/* Compile against a schema. `zone` (may be NULL: UTC) must outlive the expression. A field that
 * the schema does not have is GN_INPUT and lists those there are; everything else GN_USAGE.
 * `what` names the option in messages ("--where"). */
gn_expr *gn_expr_compile(const char *text, const char *what, const gn_schema *s,
                         const gn_zone *zone, gn_err *e);
/* The same, and it must be bool (GN_USAGE otherwise): for --where. */
gn_expr *gn_expr_condition(const char *text, const char *what, const gn_schema *s,
                           const gn_zone *zone, gn_err *e);
/* The same for an expression that begins at text[at] and ends before a comma or parenthesis that
 * is not its own, or with the text: see exprlist.h. */
gn_expr *gn_expr_compile_at(const char *text, size_t at, const char *what, const gn_schema *s,
                            const gn_zone *zone, gn_err *e);
void gn_expr_free(gn_expr *x); /* NULL allowed */

/* Only parse (no schema): for option checking before any input is read. */
int gn_expr_check(const char *text, const char *what, gn_err *e);

/* Cut a condition at each `and` outside of parentheses: *n pieces of `text`, at most `max` (the
 * last one then holds the rest), which are conditions by themselves; it is true where all are. */
int gn_expr_conjuncts(const char *text, const char *what, gn_str *piece, size_t max, size_t *n,
                      gn_err *e);

/* An error that gives the column of text[at]; -1. */
int gn_expr_fail(const char *text, const char *what, size_t at, gn_err *e, int status,
                 const char *fmt, ...) __attribute__((format(printf, 6, 7)));

gn_type gn_expr_type(const gn_expr *x);
/* The index of the field that it is and nothing more, or -1. */
int gn_expr_field(const gn_expr *x);

/* The fields it reads (indexes into the schema), to be asked for with GN_VALUE. */
const int *gn_expr_fields(const gn_expr *x, size_t *n);
int gn_expr_want(const gn_expr *x, gn_decoder *d, gn_err *e);
int gn_expr_want_reader(const gn_expr *x, gn_reader *r, gn_err *e);

/* keep[i] = 1 where the (bool) expression is true for record i, 0 where false or null; *kept
 * counts them. -1: out of memory, or the expression is not bool (GN_USAGE). */
int gn_expr_filter(gn_expr *x, const gn_batch *b, uint8_t *keep, size_t *kept, gn_err *e);
/* For how many of the n records that were filtered last it was null. */
size_t gn_expr_nulls(const gn_expr *x, size_t n);

/* The value for each record. The vector is the expression's own and lives until its next
 * evaluation or the batch's end; `what` is GN_VALUE. NULL on error (memory). */
const gn_vec *gn_expr_eval(gn_expr *x, const gn_batch *b, gn_err *e);

#endif
