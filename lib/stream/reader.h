/* reader.h - reads record streams: segments, batches, trailers; over one or more inputs.
 *
 *     while ((ev = gn_reader_next(r, &batch, e)) > 0)
 *         switch (ev) {
 *         case GN_EV_SEGMENT: header known: ask for fields with gn_reader_want
 *         case GN_EV_BATCH:   use batch until the next call
 *         case GN_EV_END:     trailer checked: count and checksum hold
 *         }
 *     0 is the end of all inputs, -1 an error.
 *
 * Errors: wrong first bytes GN_INPUT; later damage, a wrong count or checksum, an ending without
 * trailer GN_CORRUPT with file, record number and byte offset; a fail trailer GN_CORRUPT, silent
 * (it was reported where it happened), its text kept for -v. */
#ifndef GN_STREAM_READER_H
#define GN_STREAM_READER_H

#include "../io/in.h"
#include "batch.h"
#include "header.h"
#include "plan.h"

typedef struct gn_reader gn_reader;

enum gn_event {
    GN_EV_EOF = 0,
    GN_EV_SEGMENT = 1,
    GN_EV_BATCH = 2,
    GN_EV_END = 3,
    GN_EV_WAIT = 4 /* only with gn_reader_patience */
};

#define GN_MAX_RECORD ((size_t)32 << 20) /* default of --max-record: min(64 MiB, 256 MiB / 8) */

/* `paths`: n file names, not copied; n = 0 reads standard input. max_record 0 = the default. */
gn_reader *gn_reader_open(const char *const *paths, size_t n, size_t max_record, gn_err *e);
/* Read one already opened input (owned by the reader from here on, also on failure). */
gn_reader *gn_reader_on(gn_in *in, size_t max_record, gn_err *e);
/* Read what a plan says (owned by the reader from here on, also on failure): see split.h, and
 * op/parts.h. */
gn_reader *gn_reader_planned(gn_plan *plan, size_t max_record, gn_err *e);
void gn_reader_close(gn_reader *r); /* NULL allowed */

int gn_reader_next(gn_reader *r, gn_batch **batch, gn_err *e);
/* From now on say GN_EV_WAIT, again and again, when an input that stays open gives nothing for so
 * many milliseconds; 0: wait in silence. Everything that came before has been handed out then. */
void gn_reader_patience(gn_reader *r, int ms);

const gn_header *gn_reader_header(const gn_reader *r);   /* of the current segment */
const gn_trailer *gn_reader_trailer(const gn_reader *r); /* after GN_EV_END */
const char *gn_reader_name(const gn_reader *r);          /* of the current input, or the last */

/* Ask for a field of the current segment by index; to be repeated at each GN_EV_SEGMENT. */
int gn_reader_want(gn_reader *r, int field, unsigned what, gn_err *e);
int gn_reader_want_all(gn_reader *r, unsigned what, gn_err *e);
/* By name, checking the type against a bit mask of (1u << gn_type); the index, or -1 with
 * GN_INPUT and a message that lists what there is. `role` names it in messages ("--user"). */
int gn_reader_field(gn_reader *r, const char *role, const char *field, unsigned types, gn_err *e);

uint64_t gn_reader_records(const gn_reader *r);   /* so far, over all segments and inputs */
uint64_t gn_reader_bytes(const gn_reader *r);     /* read from the kernel */
uint64_t gn_reader_raw_bytes(const gn_reader *r); /* of the stream, uncompressed */
double gn_reader_wait(const gn_reader *r);
size_t gn_reader_buffers(const gn_reader *r); /* bytes of memory that its input takes now */

#endif
