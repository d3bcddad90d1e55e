/* tap.h - a reader of standard input that also gives the very bytes of each event. */
#ifndef GN_STREAM_TAP_H
#define GN_STREAM_TAP_H

#include "reader.h"

typedef struct gn_tap gn_tap;

typedef struct gn_tapped {
    const uint8_t *p; /* until the next call */
    size_t n;
    uint64_t records; /* in it */
} gn_tapped;

gn_tap *gn_tap_open(size_t max_record, gn_err *e);
void gn_tap_close(gn_tap *t); /* NULL allowed */

/* As gn_reader_next, every value verified; *x is the header, the records or the trailer as they
 * came in, uncompressed. */
int gn_tap_next(gn_tap *t, gn_tapped *x, gn_err *e);

uint64_t gn_tap_records(const gn_tap *t);
uint64_t gn_tap_bytes(const gn_tap *t);

#endif
