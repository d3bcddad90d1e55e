/* textin.h - what the readers of text (csv.h, jsonin.h) have in common: the window of input with
 * its content hash, the records made of it, bad rows, counts, lineage.
 *
 * The first part is for those who use a reader (gn_csv_text, gn_jsonin_text give its gn_textin),
 * the second for the readers themselves. A "row" is a row of CSV, or a line. */
#ifndef GN_STREAM_TEXTIN_H
#define GN_STREAM_TEXTIN_H

#include "../io/in.h"
#include "batch.h"
#include "prov.h"
#include "writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gn_textin gn_textin;

enum gn_textin_on_error { GN_TEXTIN_FAIL, GN_TEXTIN_REJECT, GN_TEXTIN_SKIP };

typedef struct gn_textin_counts {
    uint64_t read; /* == written + rejected + skipped + filtered */
    uint64_t written, rejected, skipped, filtered;
    uint64_t empty; /* rows passed over */
    uint64_t bytes; /* of text */
} gn_textin_counts;

/* All fields that the input has. */
const gn_schema *gn_textin_schema(const gn_textin *t);

/* Make records of these fields (indexes into the schema) in this order, and for the filter alone
 * also of `also`; fields that are in neither are not converted. The default is all. */
int gn_textin_select(gn_textin *t, const int *field, size_t n, const int *also, size_t nalso,
                     gn_err *e);
/* What the filter sees: the selected fields, then those of `also` that are not among them. */
const gn_schema *gn_textin_row_schema(const gn_textin *t);

/* keep[i] non-zero for the records to be written, *kept of them; or -1. */
typedef int gn_textin_keep(void *ctx, const gn_batch *b, uint8_t *keep, size_t *kept, gn_err *e);
/* Filter records. The decoder that makes the batches is returned (it stays the reader's): ask it
 * for the fields of gn_textin_row_schema that `keep` uses. */
gn_decoder *gn_textin_filter(gn_textin *t, gn_textin_keep *keep, void *ctx, gn_err *e);

/* Fields of a stream of rejected rows: input str (file name), offset int (of the row in the
 * uncompressed input, bytes), record int (line number, from 1), rule str, reason str, raw bin (the
 * row without its line ending). */
int gn_textin_reject_schema(gn_schema *s, gn_err *e);

/* Hand on what was made when no input comes for so many milliseconds: someone looks at the output
 * as it grows. 0: never. */
void gn_textin_patience(gn_textin *t, int ms);

const gn_textin_counts *gn_textin_count(const gn_textin *t);
/* Sources and cover of what was read, after the reader's run. */
const gn_lineage *gn_textin_lineage(const gn_textin *t);

/* ---- for the readers ---- */

struct gn_textin {
    /* set by the reader */
    enum gn_textin_on_error on_error;
    const char *item;                       /* what it calls a field: "column" */
    size_t max_window;                      /* bytes it may ask for */
    size_t group;                           /* bytes of room for records made at a time */
    int (*select)(gn_textin *t, gn_err *e); /* `rows` and `row_field` have changed */

    gn_in *in;          /* of the current file, or NULL */
    bool eof;           /* all of the file is in the window */
    uint64_t line;      /* of the next row, from 1 */
    XXH3_state_t *hash; /* of the bytes consumed */

    gn_schema schema;
    bool inferred;    /* its types are guesses from a sample */
    size_t nselected; /* fields written: the first of `rows` */
    gn_schema rows;   /* what records hold before the filter, */
    int *row_field;   /* and where in `schema` that is */

    gn_writer *w, *rejects;
    int patience;
    uint8_t *out, *limit; /* room for records */
    uint64_t nout;        /* records since the room was made */
    gn_textin_keep *keep;
    void *keep_ctx;
    gn_decoder *decoder;
    gn_buf block; /* records before the filter */
    int *project; /* 0, 1, ..., nselected - 1 */
    gn_row row;   /* a reject */

    gn_textin_counts count;
    gn_lineage lineage;
};

/* Of a zeroed struct; release also after a failure, idempotent. */
int gn_textin_init(gn_textin *t, gn_err *e);
void gn_textin_release(gn_textin *t);
/* Select all fields. */
int gn_textin_select_all(gn_textin *t, gn_err *e);

/* Open a file (NULL or "-": standard input) and pass over its byte order mark. */
int gn_textin_start(gn_textin *t, const char *path, gn_err *e);
/* The same for bytes [from, to) of a file (gn_in_open_part); `line` is the first one's number. */
int gn_textin_start_part(gn_textin *t, const char *path, uint64_t from, uint64_t to, uint64_t line,
                         gn_err *e);
/* Close it: the content hash of what was consumed is returned, and up to which byte that is. */
gn_id gn_textin_close(gn_textin *t, uint64_t *end);
/* Close it; all of it is a source, and covered. */
int gn_textin_end(gn_textin *t, gn_err *e);
/* Name of the current file, for messages. */
const char *gn_textin_name(const gn_textin *t);
/* Unread bytes in the window. */
size_t gn_textin_have(const gn_textin *t);
/* Read more of the current file: 1, 0 at its end, -1. */
int gn_textin_more(gn_textin *t, gn_err *e);
/* The same, while no record is being made: where nothing comes for a while, those made so far go on
 * first (gn_textin_patience). */
int gn_textin_more_rows(gn_textin *t, gn_err *e);
/* Take n bytes off the window. */
void gn_textin_consume(gn_textin *t, size_t n);

/* Room for `bytes` of records at t->out; the reader moves it and counts t->nout. */
int gn_textin_room(gn_textin *t, size_t bytes, gn_err *e);
/* Hand over the records made so far. */
int gn_textin_commit(gn_textin *t, gn_err *e);

typedef struct gn_textin_bad {
    const char *rule, *reason;
    const char *hint;  /* for people: what to do about it; "" for none */
    const char *field; /* NULL: none */
} gn_textin_bad;

/* The row `at` bytes into the window, `body` bytes without its line ending, is bad: as on_error
 * says it fails, or is written to t->rejects, or skipped. */
int gn_textin_bad_row(gn_textin *t, size_t at, size_t body, const gn_textin_bad *b, gn_err *e);
/* Commit, and check at the end that no row was lost. */
int gn_textin_finish(gn_textin *t, gn_err *e);

/* What a value is that cannot be read as the type ("not an int"); "" for str, `bin` for bin. */
const char *gn_textin_not(gn_type type, const char *bin);

#endif
