/* jsonin.h - reads JSON lines (one object a line, as NDJSON) and writes them as records.
 *
 *     j = gn_jsonin_open(paths, n, &options, e)        types are decided
 *     gn_jsonin_schema(j); gn_jsonin_select(j, ...); gn_jsonin_filter(j, ...)
 *     gn_writer_begin(w, ...); gn_jsonin_run(j, w, rejects, e); gn_jsonin_lineage(j)
 *
 * Rules. A key inside an object inside the line's is the field "outer.inner". A missing key and
 * null are null; a key that is no field is passed over and counted. A line of blanks is passed
 * over. A line that is no object, or has a key twice, is bad. Values by type:
 *
 *     str    a string; any other value as its JSON text
 *     int    a number that is whole (1, 1.0, 1e3) and within int64, or text of one
 *     float  a number, or text of one
 *     bool   true, false, or text (yes, no, 1, 0)
 *     date   text
 *     time   text, or a whole number since the epoch, as gn_parse_time takes them
 *     bin    Base64
 *
 * Without a schema the fields are the keys of the first lines, in order of appearance, but objects
 * are taken apart, and their types what fits all values seen.
 *
 * Objects are parsed by Jansson (https://jansson.readthedocs.io), 2.14 or later. */
#ifndef GN_STREAM_JSONIN_H
#define GN_STREAM_JSONIN_H

#include "../base/zone.h"
#include "batch.h"
#include "prov.h"
#include "writer.h"

typedef struct gn_jsonin gn_jsonin;

enum gn_jsonin_on_error { GN_JSONIN_FAIL, GN_JSONIN_REJECT, GN_JSONIN_SKIP };

typedef struct gn_jsonin_options {
    bool replace_text;   /* invalid UTF-8, lone surrogates and NUL become U+FFFD, not errors */
    const char *schema;  /* as gn_schema_parse takes it; NULL: inferred */
    const gn_zone *zone; /* of times without one; NULL: UTC */
    size_t max_record;   /* bytes of a line; 0: GN_MAX_RECORD */
    enum gn_jsonin_on_error on_error;
} gn_jsonin_options;

typedef struct gn_jsonin_counts {
    uint64_t read; /* == written + rejected + skipped + filtered */
    uint64_t written, rejected, skipped, filtered;
    uint64_t empty; /* lines passed over */
    uint64_t extra; /* keys passed over */
    uint64_t bytes; /* of text */
} gn_jsonin_counts;

/* Open `n` files (0: standard input); strings and paths must live as long as the reader. Without
 * a schema the first file must have an object to infer it from, else GN_INPUT. */
gn_jsonin *gn_jsonin_open(const char *const *paths, size_t n, const gn_jsonin_options *o,
                          gn_err *e);
void gn_jsonin_close(gn_jsonin *j); /* NULL allowed */

const gn_schema *gn_jsonin_schema(const gn_jsonin *j);

/* Make records of these fields (indexes into the schema) in this order, and for the filter alone
 * also of `also`. The default is all. */
int gn_jsonin_select(gn_jsonin *j, const int *field, size_t n, const int *also, size_t nalso,
                     gn_err *e);
/* What the filter sees: the selected fields, then those of `also` that are not among them. */
const gn_schema *gn_jsonin_row_schema(const gn_jsonin *j);

/* keep[i] non-zero for the records to be written, *kept of them; or -1. */
typedef int gn_jsonin_keep(void *ctx, const gn_batch *b, uint8_t *keep, size_t *kept, gn_err *e);
/* Filter records. The decoder that makes the batches is returned (it stays the reader's): ask it
 * for the fields of gn_jsonin_row_schema that `keep` uses. */
gn_decoder *gn_jsonin_filter(gn_jsonin *j, gn_jsonin_keep *keep, void *ctx, gn_err *e);

/* Fields of a stream of rejected lines: input str (file name), offset int (of the line in the
 * uncompressed input, bytes), record int (line number, from 1), rule str, reason str, raw bin (the
 * line without its line ending). The same as of rejected CSV rows. */
int gn_jsonin_reject_schema(gn_schema *s, gn_err *e);

/* Read everything. Both writers have an open segment; `rejects` is used with GN_JSONIN_REJECT. */
int gn_jsonin_run(gn_jsonin *j, gn_writer *w, gn_writer *rejects, gn_err *e);

const gn_jsonin_counts *gn_jsonin_count(const gn_jsonin *j);
/* Sources and cover of what was read, after gn_jsonin_run. */
const gn_lineage *gn_jsonin_lineage(const gn_jsonin *j);

#endif
