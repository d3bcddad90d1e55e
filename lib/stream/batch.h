/* batch.h - records in, vectors out: the one decoder of records.
 *
 * A gn_batch holds up to GN_BATCH records that lie one after the other in memory, and, for the
 * fields that were asked for, decoded vectors. Everything else stays raw bytes. Pointers in a
 * batch live until the decoder's next run or the underlying buffer moves. */
#ifndef GN_STREAM_BATCH_H
#define GN_STREAM_BATCH_H

#include "schema.h"

#include <stdint.h>
#include <string.h>

#define GN_BATCH 1024              /* records */
#define GN_BATCH_BYTES (1024 * 1024)

/* What is wanted of a field; or-ed together. */
enum gn_what {
    GN_VALUE = 1, /* the decoded value: i, f or s by type; text is checked to be valid */
    GN_RAW = 2    /* the canonical encoding, head included */
};

typedef struct gn_str {
    const uint8_t *p;
    uint32_t n;
} gn_str;

typedef struct gn_vec {
    gn_type type;
    unsigned what; /* 0: not asked for, the rest is NULL */
    size_t nulls;  /* how many are nil */
    uint8_t *null; /* 1 where nil; then the value is 0 or an empty string */
    int64_t *i;    /* GN_INT, GN_TIME, GN_DATE, GN_BOOL with GN_VALUE */
    double *f;     /* GN_FLOAT with GN_VALUE */
    gn_str *s;     /* GN_STR, GN_BIN with GN_VALUE: the body */
    gn_str *raw;   /* any type with GN_RAW */
} gn_vec;

typedef struct gn_batch {
    size_t n;            /* records; never 0 when handed out */
    const uint8_t *base; /* record i is [base + off[i], base + off[i + 1]) */
    uint32_t *off;       /* n + 1 offsets */
    gn_vec *col;         /* one per field of the schema */
    uint64_t first;      /* number of record 0 in its segment, from 0 */
} gn_batch;

/* Copy n bytes of a batch's records to a place with GN_SLACK bytes that may be over-written: short
 * pieces without a call and without a branch on their length. Returns the new end. */
static inline uint8_t *gn_copy_span(uint8_t *to, const uint8_t *from, size_t n)
{
    memcpy(to, from, 32);
    if (n > 32) {
        memcpy(to + 32, from + 32, 32);
        if (n > 64)
            memcpy(to + 64, from + 64, n - 64);
    }
    return to + n;
}

typedef struct gn_decoder gn_decoder;

/* `canon`: the bytes are declared canonical; otherwise each record is re-encoded before it is
 * handed out, so consumers always see canonical bytes. */
gn_decoder *gn_decoder_new(const gn_schema *s, bool canon, gn_err *e);
void gn_decoder_free(gn_decoder *d); /* NULL allowed */

/* Ask for a field (by index); calls add up. Before the first run, or between runs. */
int gn_decoder_want(gn_decoder *d, int field, unsigned what, gn_err *e);
/* Ask for the raw form and validation of every field: what a verifier wants. */
int gn_decoder_want_all(gn_decoder *d, unsigned what, gn_err *e);

enum gn_decode {
    GN_DECODE_OK,         /* at least one record */
    GN_DECODE_INCOMPLETE, /* the bytes end inside a record: more are needed */
    GN_DECODE_OTHER,      /* the next byte begins no record (a map: a header or trailer) */
    GN_DECODE_BAD         /* not a valid record: *bad says what, d's batch holds those before it */
};

/* Decode records from [p, end), at most `max` of them (max <= GN_BATCH); GN_SLACK readable bytes
 * must follow `end`. *next is the first byte not taken. *bad is a static text. When records come
 * before an obstacle the call returns GN_DECODE_OK with those, and the obstacle with the next. */
enum gn_decode gn_decoder_run(gn_decoder *d, const uint8_t *p, const uint8_t *end, size_t max,
                              gn_batch **batch, const uint8_t **next, const char **bad, gn_err *e);

#endif
