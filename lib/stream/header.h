/* header.h - what a segment says of itself before (header) and after (trailer) its records.
 *
 * The grammar is in gn-stream(5). Both structs own what they point to; zero-initialise, release
 * with the matching _release (idempotent). */
#ifndef GN_STREAM_HEADER_H
#define GN_STREAM_HEADER_H

#include "../base/hash.h"
#include "../base/mem.h"
#include "../base/num.h"
#include "prov.h"
#include "schema.h"

#include <stdint.h>

#define GN_FORMAT 1                     /* the value of the key "gn" */
#define GN_HEADER_MAX ((size_t)1 << 20) /* bytes */

typedef struct gn_order_key {
    char *field;
    bool desc;
} gn_order_key;

/* Placement: every record's key hash (gn_hash over the concatenated canonical encodings of the
 * key fields) lies in [lo, hi], and no other part of the same set holds that range. With `salted`
 * the last of the fields, an int, is a salt: the hash is that of the others plus
 * gn_part_shift(salt, salted), modulo 2^64. */
typedef struct gn_part {
    size_t nkeys; /* 0: no claim */
    char **key;
    uint64_t lo, hi; /* inclusive */
    uint64_t salted; /* 0, or into how many ranges the space was cut when salts were used */
} gn_part;

/* Where range `salt` modulo n of the n equal ones of the hash space begins: so far from its hash's
 * range is a record of this salt (>= 0). n > 0. */
static inline uint64_t gn_part_shift(int64_t salt, uint64_t n)
{
    return (uint64_t)((((gn_u128)((uint64_t)salt % n) << 64) + n - 1) / n);
}

/* Are both placements by the same keys in the same way (whatever their ranges), or both none? */
bool gn_part_alike(const gn_part *a, const gn_part *b);
/* Is it only a part of the records that it holds of a value of `field`, as far as it says? */
bool gn_part_divides(const gn_part *p, const char *field);
/* gn_part_divides as an error: for commands that need a user's records together. `name` is the
 * input's. */
int gn_part_whole(const gn_part *p, const char *field, const char *name, gn_err *e);

/* A partial state: which command wrote it, what kind of state, with which parameters. Parts are
 * mergeable only when all three are byte-equal. */
typedef struct gn_partial {
    char *command; /* NULL: this is no partial state */
    char *state;
    char *params; /* "k=v k=v", canonical order */
} gn_partial;

typedef struct gn_header {
    gn_schema schema;
    bool canon;
    size_t norder; /* 0: no order claimed */
    gn_order_key *order;
    bool total; /* ties in `order` are broken by the record's bytes */
    gn_part part;
    gn_partial partial;
    gn_buf extra; /* unknown keys and values, raw, copied through; nextra pairs */
    size_t nextra;
} gn_header;

int gn_header_copy(gn_header *to, const gn_header *from, gn_err *e);
void gn_header_release(gn_header *h);
int gn_header_encode(const gn_header *h, gn_buf *out, gn_err *e);
/* Decode one map at [p, end). Returns the byte after it; NULL on error (GN_INPUT for a foreign
 * format, version or an unknown "!" key; GN_CORRUPT where it breaks the grammar). */
const uint8_t *gn_header_decode(gn_header *h, const uint8_t *p, const uint8_t *end,
                                const char *name, gn_err *e);

int gn_header_add_order(gn_header *h, const char *field, bool desc, gn_err *e);
void gn_header_drop_order(gn_header *h);
void gn_header_drop_part(gn_header *h);

/* After a projection to the fields `keep` (n indexes into h->schema): schema, order (its longest
 * still-present prefix; `total` only if all fields stay) and part are cut down to what holds. */
int gn_header_project(gn_header *h, const int *keep, size_t n, gn_err *e);

/* The same when fields are renamed and others are computed, which claims nothing of theirs. `total`
 * stays where all fields stay in their places and what is computed stands behind them: records then
 * compare as before. A partial state that has changed is none any more. */
typedef struct gn_column {
    int from;         /* index into h->schema, or -1: computed */
    const char *name; /* NULL: as it was */
    gn_type type;     /* of what is computed */
} gn_column;
int gn_header_map(gn_header *h, const gn_column *column, size_t n, gn_err *e);

typedef struct gn_trailer {
    bool fail;         /* a fail trailer: only the next two count */
    char *fail_command;
    int fail_status;
    uint64_t records;
    uint64_t xxh3;     /* of the segment's bytes before this value: last in the map */
    gn_lineage lineage;
} gn_trailer;

void gn_trailer_release(gn_trailer *t);
/* Encoded without the final checksum value: the writer appends it. */
int gn_trailer_encode(const gn_trailer *t, gn_buf *out, gn_err *e);
/* Decode one trailer map. *sum_at: where the checksum's value begins. NULL when it is none, with
 * GN_CORRUPT. */
const uint8_t *gn_trailer_decode(gn_trailer *t, const uint8_t *p, const uint8_t *end,
                                 const uint8_t **sum_at, const char *name, gn_err *e);

#endif
