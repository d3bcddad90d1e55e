/* import.h - what the filters that read text (gn-fromcsv, gn-fromjson) have in common: the options
 * and the life of fields, --where, --input-tz and rejects.
 *
 *     gn_import_check           in `check`
 *     gn_import_begin           the reader is open; both outputs begin
 *     (the reader's run)
 *     gn_import_count, _end     counters; both outputs end
 *     gn_import_release */
#ifndef GN_APP_IMPORT_H
#define GN_APP_IMPORT_H

#include "../op/expr.h"
#include "../stream/textin.h"
#include "app.h"

/* As given by the user; to be embedded in a filter's options. */
typedef struct gn_import_options {
    const char *fields, *where, *input_tz, *reject;
    int on_error; /* enum gn_textin_on_error */
} gn_import_options;

/* To be embedded in its state; zeroed. */
typedef struct gn_import {
    gn_zone *zone; /* of input_tz, or NULL */
    gn_expr *where;
    gn_writer *rejects; /* NULL without `reject` */
} gn_import;

int gn_import_check(gn_app *a, const gn_import_options *o, gn_import *m);
int gn_import_begin(gn_app *a, const gn_import_options *o, gn_import *m, gn_textin *t);
void gn_import_count(gn_app *a, const gn_textin *t);
int gn_import_end(gn_app *a, gn_import *m, const gn_textin *t);
void gn_import_release(gn_import *m);

#endif
