/* jsonout.h - batches to JSON (RFC 8259): one object a line, or one array of them.
 *
 * Keys are the field names, in field order. int and float are numbers (a float is the shortest that
 * reads back the same), bool true/false, date "2023-07-01", time "2023-07-01T14:30:15Z" with a
 * fraction where there is one (in a zone with its offset behind instead of Z), bin Base64 (RFC
 * 4648, padded), null null, or its key left out. Text stays UTF-8; only quotes, backslashes and
 * control characters are escaped. */
#ifndef GN_STREAM_JSONOUT_H
#define GN_STREAM_JSONOUT_H

#include "../io/out.h"
#include "batch.h"
#include "text.h"

typedef struct gn_jsonout gn_jsonout;

/* `zone` may be NULL (UTC) and must outlive it. */
gn_jsonout *gn_jsonout_new(bool array, bool omit_null, const gn_zone *zone, gn_err *e);
void gn_jsonout_free(gn_jsonout *j); /* NULL allowed */

/* A segment begins: chooses the fields (`list` is comma-separated, NULL = all). Segments may have
 * different ones. `name`, the input's, is for messages and must last as long as the segment. */
int gn_jsonout_begin(gn_jsonout *j, const gn_schema *s, const char *list, const char *name,
                     gn_err *e);
/* Indexes of the chosen fields in the segment's schema; to be asked for with GN_VALUE. */
const int *gn_jsonout_fields(const gn_jsonout *j, size_t *n);

/* GN_CORRUPT when a str is not UTF-8. */
int gn_jsonout_rows(gn_jsonout *j, const gn_batch *b, gn_out *out, gn_err *e);
/* After the last row: closes the array. */
int gn_jsonout_finish(gn_jsonout *j, gn_out *out, gn_err *e);

#endif
