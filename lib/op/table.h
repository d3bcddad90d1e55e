/* table.h - records as an aligned table for eyes.
 *
 * The widths come from the first GN_TABLE_SAMPLE rows (fewer where rows are large), which are
 * held until then; further rows are written as they come, so memory is bounded. Numbers stand to
 * the right. Text is made safe for terminals: control and bidirectional formatting characters
 * and bytes that are no UTF-8 appear as \n, \x1b, \u{202e}. A null is shown as null. A cell shows
 * at most GN_TABLE_CELL columns; what is cut ends in an ellipsis. */
#ifndef GN_OP_TABLE_H
#define GN_OP_TABLE_H

#include "../base/zone.h"
#include "../io/out.h"
#include "../stream/batch.h"

#define GN_TABLE_SAMPLE 1000
#define GN_TABLE_CELL 4096

typedef struct gn_table gn_table;

typedef struct gn_table_opts {
    size_t width;        /* cut lines to so many columns; 0 = no cut */
    bool vertical;       /* one field a line */
    const gn_zone *zone; /* of times; NULL = UTC; outlives the table */
} gn_table_opts;

gn_table *gn_table_new(const gn_table_opts *opts, gn_err *e);
void gn_table_free(gn_table *t); /* NULL allowed */

/* A segment begins: chooses the fields (`list` is comma-separated, NULL = all). Where they differ
 * from the last segment's, that table is finished and a new one begins below it. */
int gn_table_begin(gn_table *t, const gn_schema *s, const char *list, gn_out *out, gn_err *e);
/* Indexes of the chosen fields in the segment's schema; to be asked for with GN_VALUE. */
const int *gn_table_fields(const gn_table *t, size_t *n);

/* Rows [from, to) of a batch. */
int gn_table_rows(gn_table *t, const gn_batch *b, size_t from, size_t to, gn_out *out, gn_err *e);
/* Write what is held back and give it to the reader. */
int gn_table_flush(gn_table *t, gn_out *out, gn_err *e);

/* The last line, where there is something to say: no rows, or more than were shown. */
int gn_table_note(gn_table *t, uint64_t shown, bool more, gn_out *out, gn_err *e);

/* Columns of the terminal that `out` writes to: `columns` (the environment's COLUMNS, or NULL)
 * where that is a number, else what the terminal says; 0 when `out` is no terminal. */
size_t gn_table_screen(const gn_out *out, const char *columns);

#endif
