/* writer.h - writes a record stream: segments with their counts and checksums.
 *
 *     gn_writer_begin(w, header); gn_writer_raw / _reserve + _commit ...; gn_writer_end(w, lineage)
 *
 * Records given must be whole and canonical; nothing is checked again here. */
#ifndef GN_STREAM_WRITER_H
#define GN_STREAM_WRITER_H

#include "../io/out.h"
#include "batch.h"
#include "header.h"

typedef struct gn_writer gn_writer;

/* Writes to `out`, which stays the caller's. */
gn_writer *gn_writer_new(gn_out *out, gn_err *e);
void gn_writer_free(gn_writer *w); /* NULL allowed; ends nothing */

/* Begin a segment. The header's canon flag is always written true. */
int gn_writer_begin(gn_writer *w, const gn_header *h, gn_err *e);

/* n whole records of `bytes` bytes together. With no segment open, a piece of a stream that is
 * passed on as it is: records, or, with n = 0, a header or a trailer. */
int gn_writer_raw(gn_writer *w, const void *p, size_t bytes, uint64_t n, gn_err *e);
/* Room to build records in place (GN_SLACK over-writable bytes behind it); commit the new end and
 * how many records were built. Records must not be left half-built between calls. */
uint8_t *gn_writer_reserve(gn_writer *w, size_t bytes, gn_err *e);
int gn_writer_commit(gn_writer *w, const uint8_t *end, uint64_t n, gn_err *e);

/* Give what is buffered to the reader at the other end: for slow, live streams. */
int gn_writer_flush(gn_writer *w, gn_err *e);

/* End the segment with its trailer; the lineage is what the records come from. */
int gn_writer_end(gn_writer *w, const gn_lineage *l, gn_err *e);
/* End the stream with a fail trailer, whether a segment is open or not. */
int gn_writer_fail(gn_writer *w, const char *command, int status, gn_err *e);

uint64_t gn_writer_records(const gn_writer *w); /* over all segments */
bool gn_writer_open(const gn_writer *w);        /* a segment is open */

/* ---- building records by value (tables, states: not the hot path) ---- */
typedef struct gn_row {
    gn_buf b;
    size_t left; /* fields still to come */
} gn_row;

int gn_row_begin(gn_row *r, size_t fields, gn_err *e);
int gn_row_null(gn_row *r, gn_err *e);
int gn_row_int(gn_row *r, int64_t v, gn_err *e);
int gn_row_float(gn_row *r, double v, gn_err *e); /* not finite: null */
int gn_row_bool(gn_row *r, bool v, gn_err *e);
int gn_row_time(gn_row *r, int64_t us, gn_err *e);
int gn_row_date(gn_row *r, int64_t day, gn_err *e);
int gn_row_str(gn_row *r, const char *s, size_t n, gn_err *e);
int gn_row_bin(gn_row *r, const void *s, size_t n, gn_err *e);
int gn_row_raw(gn_row *r, gn_str raw, gn_err *e); /* one value, already encoded */
int gn_row_write(gn_row *r, gn_writer *w, gn_err *e); /* all fields must be there */
void gn_row_release(gn_row *r);

/* Copy chosen fields of each record of a batch (all asked for with GN_RAW); `keep` (may be NULL:
 * all records) has batch->n bytes, non-zero where the record is wanted. */
int gn_writer_project(gn_writer *w, const gn_batch *b, const int *field, size_t nfields,
                      const uint8_t *keep, gn_err *e);
/* The same with the whole records as they are; runs of wanted records go out in one copy. */
int gn_writer_select(gn_writer *w, const gn_batch *b, const uint8_t *keep, gn_err *e);

#endif
