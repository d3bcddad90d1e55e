/* claims.h - is what a segment's header says of its records true?
 *
 * Recomputes order and placement from the records. Order: each record against the one before, by
 * the order's fields in turn, nulls last in either direction, strings by bytes; with `total`, ties
 * by the records' bytes (a prefix comes first). Placement: the hash of the key fields' canonical
 * encodings, one after the other, moved by the salt where one is used, lies in the claimed range.
 */
#ifndef GN_OP_CLAIMS_H
#define GN_OP_CLAIMS_H

#include "../stream/batch.h"
#include "../stream/header.h"
#include "../stream/reader.h"

typedef struct gn_claims gn_claims;

/* Copies what it needs of the header. GN_INPUT when a claim names a field that is not there. */
gn_claims *gn_claims_new(const gn_header *h, gn_err *e);
void gn_claims_free(gn_claims *c); /* NULL allowed */
/* Ask for every field, validated, and for the values the claims are about. */
int gn_claims_want(const gn_claims *c, gn_reader *r, gn_err *e);
int gn_claims_batch(gn_claims *c, const gn_batch *b, gn_err *e);

/* The first record that breaks the claim, counted from 1 in its segment; 0: it holds. */
uint64_t gn_claims_order_broken(const gn_claims *c);
uint64_t gn_claims_part_broken(const gn_claims *c);

/* The order-independent checksum of records: the sum of their XXH3-128 modulo 2^128. */
typedef struct gn_record_sum {
    uint64_t high, low;
} gn_record_sum;

void gn_record_sum_batch(gn_record_sum *s, const gn_batch *b);

#endif
