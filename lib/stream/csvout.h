/* csvout.h - batches to CSV (RFC 4180 with LF), null and the empty string kept apart.
 *
 * A field is quoted only where it must be: it holds the delimiter, a quote, CR or LF, or it is an
 * empty string (a bare empty field is null), or it begins the file with a byte order mark. bin is
 * lowercase hexadecimal, bool true/false, floats the shortest text that reads back the same, times
 * and dates as text.h says. A null that is alone in its row is an empty line. */
#ifndef GN_STREAM_CSVOUT_H
#define GN_STREAM_CSVOUT_H

#include "../io/out.h"
#include "batch.h"
#include "text.h"

typedef struct gn_csvout gn_csvout;

/* `zone` may be NULL (UTC). */
gn_csvout *gn_csvout_new(char delimiter, bool header, const gn_zone *zone, gn_err *e);
void gn_csvout_free(gn_csvout *c); /* NULL allowed */

/* Parse the argument of --delimiter: one ASCII character, or "\t". GN_USAGE for those that occur
 * in unquoted numbers and dates, quotes and line ends. */
int gn_csvout_delimiter(const char *text, char *out, gn_err *e);

/* A segment begins: chooses the fields (`list` is comma-separated, NULL = all) and writes the
 * header line before the first segment. Later segments must have the same chosen fields, else
 * GN_INPUT; `name` is the input's, for the message. */
int gn_csvout_begin(gn_csvout *c, const gn_schema *s, const char *list, const char *name,
                    gn_out *out, gn_err *e);
/* Indexes of the chosen fields in the segment's schema; to be asked for with GN_VALUE. */
const int *gn_csvout_fields(const gn_csvout *c, size_t *n);

int gn_csvout_rows(gn_csvout *c, const gn_batch *b, gn_out *out, gn_err *e);

#endif
