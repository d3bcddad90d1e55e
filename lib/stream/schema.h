/* schema.h - the fields of a record: names and types, in order.
 *
 * Owned strings; zero-initialise, release with gn_schema_release. At most GN_FIELDS_MAX fields;
 * names are unique, non-empty, valid UTF-8, at most GN_NAME_MAX bytes. */
#ifndef GN_STREAM_SCHEMA_H
#define GN_STREAM_SCHEMA_H

#include "../base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define GN_FIELDS_MAX 4096
#define GN_NAME_MAX 255

typedef enum gn_type {
    GN_STR,   /* UTF-8 without NUL */
    GN_INT,   /* int64 */
    GN_FLOAT, /* finite float64 */
    GN_BOOL,
    GN_TIME, /* microseconds since the epoch, UTC */
    GN_DATE, /* days since 1970-01-01 */
    GN_BIN   /* bytes */
} gn_type;

typedef struct gn_field {
    char *name;
    gn_type type;
} gn_field;

typedef struct gn_schema {
    size_t n;
    gn_field *f;
} gn_schema;

const char *gn_type_name(gn_type t);                   /* "str", "int", ... */
bool gn_type_parse(const char *s, size_t n, gn_type *t);

int gn_schema_add(gn_schema *s, const char *name, size_t len, gn_type t, gn_err *e);
int gn_schema_copy(gn_schema *to, const gn_schema *from, gn_err *e);
int gn_schema_find(const gn_schema *s, const char *name); /* index, or -1 */
bool gn_schema_equal(const gn_schema *a, const gn_schema *b);
void gn_schema_release(gn_schema *s); /* idempotent */

/* "name:type,name:type,..." or the name of a built-in schema (interactions, metadata). */
int gn_schema_parse(gn_schema *s, const char *text, gn_err *e);
/* The built-in schema of that name, or NULL; static, never released. */
const gn_schema *gn_schema_builtin(const char *name);

/* A comma-separated list of field names -> indexes (malloc'd, *n of them). An unknown field is
 * GN_INPUT and the message lists the fields there are; a doubled one is GN_USAGE. */
int gn_schema_select(const gn_schema *s, const char *list, int **index, size_t *n, gn_err *e);

#endif
