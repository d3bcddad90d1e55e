/* csvpriv.h - what the files of the CSV reader (csv.c, csvrow.c, csvtypes.c) share. */
#ifndef GN_STREAM_CSVPRIV_H
#define GN_STREAM_CSVPRIV_H

#include "../base/mem.h"
#include "../io/in.h"
#include "csv.h"
#include "csvrows.h"
#include "csvsplit.h"
#include "reader.h"
#include "tree.h"

#include <csv.h>

#define GN_CSV_SAMPLE ((size_t)1 << 20) /* bytes looked at to infer types, */
#define GN_CSV_SAMPLE_ROWS 10000        /* and rows */

/* A field of a row: bytes in the input window or in gn_csv.text. */
typedef struct gn_csvspan {
    const uint8_t *p;
    size_t n;
    bool null; /* empty and not quoted */
} gn_csvspan;

typedef struct gn_csvrow {
    size_t len;      /* bytes, with the line ending */
    size_t body;     /* bytes without */
    size_t lines;    /* line feeds in it */
    size_t n;        /* fields; gn_csv.span has at most GN_FIELDS_MAX + 1 */
    bool libcsv;     /* it went through libcsv */
    bool empty;      /* nothing (with trim: only blanks) between the line ends */
    const char *bad; /* NULL, or why it is no CSV; column `n` is where */
} gn_csvrow;

struct gn_csv {
    gn_textin t; /* first */
    gn_csv_options opt;
    size_t max_record;
    gn_csvsplit split;

    gn_tree files;
    size_t file;                /* current */
    const gn_csvranges *ranges; /* NULL: files are read as a whole */
    size_t first_range, nranges;

    /* what the columns are */
    size_t width; /* columns in the files: the first of t.schema */
    size_t nkeys; /* columns after those, from directories */

    /* what is made of them */
    gn_csvcol *col;   /* t.rows.n of them */
    gn_csvstep *step; /* as steps, twice: at most 2 * t.rows.n */
    gn_csvcalendar *calendar;
    gn_buf fixed; /* encoded values from directories, of the current file */

    /* one block */
    size_t chunk; /* bytes */
    int32_t *sep, *nl, *odd;
    gn_csvrows k;

    /* one row */
    struct csv_parser csv;
    bool csv_ready, row_done;
    gn_err text_err;
    size_t nfields; /* given by libcsv so far */
    gn_csvspan *span;
    gn_buf text;
    gn_buf mended; /* a string with its bad bytes replaced */

    gn_csv_counts count;
};

/* Open the current file, pass over its byte order mark. An empty file is GN_INPUT. */
int gn_csv_start(gn_csv *c, gn_err *e);

/* csvrow.c: the row that begins `at` bytes into the window; reads more as needed, which moves the
 * window, unless `peek`. 1: *r and c->span hold it, until the window moves; 0: nothing is left
 * (with peek also: not all of the row is there); -1: an error, for instance a row above the
 * limit. */
int gn_csvrow_read(gn_csv *c, size_t at, bool peek, gn_csvrow *r, gn_err *e);
int gn_csvrow_init(gn_csv *c, gn_err *e);
/* The error of a row above the limit. */
int gn_csv_too_long(const gn_csv *c, uint64_t line, gn_err *e);

/* csv.c: the current file is not what was indexed. */
int gn_csv_changed(const gn_csv *c, gn_err *e);

/* The options that an index and its readers must agree on, as text. */
char *gn_csv_options_text(const gn_csv_options *o, gn_err *e);

/* csvtypes.c: read the first file's header and decide names and types. */
int gn_csvtypes_decide(gn_csv *c, gn_err *e);
/* Check the header of a further file. */
int gn_csvtypes_check(gn_csv *c, gn_err *e);
/* Take columns and types from c->ranges. */
int gn_csvtypes_indexed(gn_csv *c, gn_err *e);
/* The value of column width + key for the current file; NULL where it has none. */
const char *gn_csvtypes_key(const gn_csv *c, size_t file, size_t key);

/* Encode that value: at most its length + 15 bytes. NULL when it is not of its type. */
uint8_t *gn_csvtypes_put_key(const gn_csv *c, size_t file, size_t key, uint8_t *o);

#endif
