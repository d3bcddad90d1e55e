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
    gn_csv_options opt;
    size_t max_record;
    gn_csvsplit split;

    gn_tree files;
    size_t file;        /* current */
    gn_in *in;          /* of the current file, or NULL */
    bool eof;           /* all of the file is in the window */
    uint64_t line;      /* of the next row, from 1 */
    XXH3_state_t *hash; /* of the bytes consumed */

    /* what the columns are */
    size_t width;     /* columns in the files */
    size_t nkeys;     /* columns after those, from directories */
    gn_schema schema; /* of both */
    bool inferred;

    /* what is made of them */
    size_t nselected; /* fields written: the first of `rows` */
    gn_schema rows;   /* what records hold before the filter */
    gn_csvcol *col;   /* rows.n of them */
    int *col_field;   /* index into `schema` of each */
    gn_csvstep *step; /* as steps, twice: at most 2 * rows.n */
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
    gn_buf fixed_text; /* a string with its bad bytes replaced */

    /* where records go */
    gn_writer *w, *rejects;
    uint8_t *out, *limit; /* room for records */
    uint64_t nout;        /* records since the room was made */
    gn_csv_keep *keep;
    void *keep_ctx;
    gn_decoder *decoder;
    gn_buf block; /* records before the filter */
    int *project; /* 0, 1, ..., nselected - 1 */
    gn_row row;   /* a reject */

    gn_csv_counts count;
    gn_lineage lineage;
};

/* Name of the current file, for messages. */
const char *gn_csv_name(const gn_csv *c);
/* Read more of the current file: 1, 0 at its end, -1. */
int gn_csv_more(gn_csv *c, gn_err *e);
/* Take n bytes off the window. */
void gn_csv_consume(gn_csv *c, size_t n);
/* Open the current file, pass over its byte order mark. An empty file is GN_INPUT. */
int gn_csv_start(gn_csv *c, gn_err *e);

/* csvrow.c: the row that begins `at` bytes into the window; reads more as needed, which moves the
 * window, unless `peek`. 1: *r and c->span hold it, until the window moves; 0: nothing is left
 * (with peek also: not all of the row is there); -1: an error, for instance a row above the
 * limit. */
int gn_csvrow_read(gn_csv *c, size_t at, bool peek, gn_csvrow *r, gn_err *e);
int gn_csvrow_init(gn_csv *c, gn_err *e);

/* csvtypes.c: read the first file's header and decide names and types. */
int gn_csvtypes_decide(gn_csv *c, gn_err *e);
/* Check the header of a further file. */
int gn_csvtypes_check(gn_csv *c, gn_err *e);
/* The value of column width + key for the current file; NULL where it has none. */
const char *gn_csvtypes_key(const gn_csv *c, size_t file, size_t key);

/* Encode that value: at most its length + 15 bytes. NULL when it is not of its type. */
uint8_t *gn_csvtypes_put_key(const gn_csv *c, size_t file, size_t key, uint8_t *o);

#endif
