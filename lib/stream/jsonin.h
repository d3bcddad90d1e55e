/* jsonin.h - reads JSON lines (one object a line, as NDJSON) and writes them as records.
 *
 *     j = gn_jsonin_open(paths, n, &options, e)        types are decided
 *     t = gn_jsonin_text(j); gn_textin_select(t, ...); gn_textin_filter(t, ...)
 *     gn_writer_begin(w, ...); gn_jsonin_run(j, w, rejects, e); gn_textin_lineage(t)
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
#include "textin.h"

typedef struct gn_jsonin gn_jsonin;

typedef struct gn_jsonin_options {
    bool replace_text;   /* invalid UTF-8, lone surrogates and NUL become U+FFFD, not errors */
    const char *schema;  /* as gn_schema_parse takes it; NULL: inferred */
    const gn_zone *zone; /* of times without one; NULL: UTC */
    size_t max_record;   /* bytes of a line; 0: GN_MAX_RECORD */
    enum gn_textin_on_error on_error;
} gn_jsonin_options;

/* Open `n` files (0: standard input); strings and paths must live as long as the reader. Without
 * a schema the first file must have an object to infer it from, else GN_INPUT. */
gn_jsonin *gn_jsonin_open(const char *const *paths, size_t n, const gn_jsonin_options *o,
                          gn_err *e);
void gn_jsonin_close(gn_jsonin *j); /* NULL allowed */

gn_textin *gn_jsonin_text(gn_jsonin *j);

/* Read everything. Both writers have an open segment; `rejects` is used with GN_TEXTIN_REJECT. */
int gn_jsonin_run(gn_jsonin *j, gn_writer *w, gn_writer *rejects, gn_err *e);

uint64_t gn_jsonin_extra(const gn_jsonin *j); /* keys passed over so far */

#endif
