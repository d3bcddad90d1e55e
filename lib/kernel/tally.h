/* tally.h - counts and exact sums by key: how many events, how many values, their sum.
 *
 *     gn_tally_add, gn_tally_merge ...
 *     gn_tally_read        no more of that
 *     gn_tally_next ...    each key once, in the order of their bytes
 *
 * Keys are byte strings that sort by memcmp, none a prefix of another (keycode.h). Beyond the
 * memory given, sorted runs go to disk (spill.h). What comes out is a function of what was added.
 */
#ifndef GN_KERNEL_TALLY_H
#define GN_KERNEL_TALLY_H

#include "../base/mem.h"
#include "../stream/batch.h"
#include "exactsum.h"

typedef struct gn_tally gn_tally;

typedef struct gn_tally_options {
    const char *dir;   /* of temporary files: see tmp.h */
    gn_budget *budget; /* may be NULL */
    size_t memory;     /* bytes for everything; at least 2 MiB are used */
    bool real;         /* values are floats */
} gn_tally_options;

typedef struct gn_tally_sum {
    uint64_t events, n; /* n of them have a value */
    gn_i128 sum;        /* ints */
    gn_fsum real;       /* floats */
} gn_tally_sum;

gn_tally *gn_tally_new(const gn_tally_options *o, gn_err *e);
void gn_tally_free(gn_tally *t); /* NULL allowed */

/* Row k of n (at most GN_BATCH) is an event of key[k], with the value i[row[k]] or f[row[k]] where
 * valid[row[k]] is not 0. */
int gn_tally_add(gn_tally *t, const gn_str *key, const uint16_t *row, size_t n,
                 const uint8_t *valid, const int64_t *i, const double *f, gn_err *e);

/* A sum as bytes: events, then n and the sum, big-endian, or the wire form of exactsum.h. Adding
 * bytes that nothing sums to is GN_CORRUPT. */
#define GN_TALLY_WIRE (8 + GN_FSUM_WIRE)
size_t gn_tally_put(const gn_tally *t, const gn_tally_sum *s, uint8_t out[GN_TALLY_WIRE]);
int gn_tally_merge(gn_tally *t, gn_str key, gn_str wire, gn_err *e);

int gn_tally_read(gn_tally *t, gn_err *e);
/* 1, 0 at the end, -1. Key and sum live until the next call. */
int gn_tally_next(gn_tally *t, gn_str *key, const gn_tally_sum **sum, gn_err *e);
/* The mean of n > 0 values, rounded once; false where it is beyond the range of a double. */
bool gn_tally_mean(const gn_tally *t, const gn_tally_sum *s, double *out);

uint64_t gn_tally_spilled(const gn_tally *t, uint64_t *runs); /* bytes on disk */

#endif
