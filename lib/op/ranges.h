/* ranges.h - the values of a field cut at bounds: which range a record is in.
 *
 * n - 1 bounds b[1] <= ... <= b[n - 1] make n ranges: range k holds the values v with
 * b[k] <= v < b[k + 1] in the order of value.h, the first begins and the last ends nowhere. Equal
 * values are never apart; null comes last, as it does there; equal bounds leave a range empty. */
#ifndef GN_OP_RANGES_H
#define GN_OP_RANGES_H

#include "../stream/reader.h"

/* Zero-initialise but for `field`; gn_ranges_release also after a failure. */
typedef struct gn_ranges {
    const char *field; /* not copied */
    size_t n;
    gn_type type;
    size_t nbounds;  /* n - 1, or 0 where the sample found no value */
    gn_str *bound;   /* encodings */
    int64_t *number; /* the same, of a type whose values are int64 */
    gn_arena arena;
    gn_budget *budget;
    /* as given, before the type is known */
    size_t ntexts;
    char **text; /* NULL: none was given */
    int column;  /* in the current segment */
} gn_ranges;

#define GN_RANGES_SAMPLE ((size_t)1 << 16) /* values */

/* The bounds are given: one row of CSV, as gn-tocsv writes it; its values are read as the field's
 * type when that is known. GN_USAGE for what is none. */
int gn_ranges_given(gn_ranges *r, const char *list, gn_err *e);
/* The bounds are made from the files, which are read for it: so that n ranges hold about the same
 * number of values. Exactly the quantiles of the values where there are GN_RANGES_SAMPLE at most,
 * else those of a uniform sample of so many, which depends on nothing but the input. */
int gn_ranges_sample(gn_ranges *r, size_t n, const char *const *path, size_t npaths,
                     size_t max_record, gn_err *e);
void gn_ranges_release(gn_ranges *r); /* idempotent */

/* A segment begins, in which the field must have the type it had before. */
int gn_ranges_segment(gn_ranges *r, gn_reader *in, gn_err *e);
/* The range of each record. */
void gn_ranges_find(const gn_ranges *r, const gn_batch *b, uint32_t *to);

/* Where range k begins (belongs to it) and ends (does not): encodings; n 0 where there is no such
 * bound. */
gn_str gn_ranges_lo(const gn_ranges *r, size_t k);
gn_str gn_ranges_hi(const gn_ranges *r, size_t k);

#endif
