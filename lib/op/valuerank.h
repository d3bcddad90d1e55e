/* valuerank.h - the value at a rank of all values of a field, by reading files through: for bounds
 * that must be known before the events are counted. */
#ifndef GN_OP_VALUERANK_H
#define GN_OP_VALUERANK_H

#include "../base/mem.h"

#include <stdbool.h>

/* A share of something as a fraction, 0 <= share <= of, of > 0. */
typedef struct gn_share {
    uint64_t share, of;
} gn_share;

/* "1%", "0.5%", "0.01": up to 9 digits behind the point. False when it is none, or above 1. */
bool gn_share_parse(const char *text, gn_share *out);
/* "p99", "p99.9". */
bool gn_share_parse_percentile(const char *text, gn_share *out);

typedef struct gn_value_rank_options {
    const char *const *paths; /* read once, and to be read again by the caller; not "-" */
    size_t n;
    size_t max_record;
    const char *user, *time, *value; /* events without user or time have no value */
    gn_budget *budget;
    size_t memory; /* for sorting, of that */
    const char *temp_dir;
} gn_value_rank_options;

/* Of the values that are neither null nor negative the one at rank ceil(share x n), as SQL's
 * percentile_disc; the first where that is 0; *found false where there are none. */
int gn_value_at_rank(const gn_value_rank_options *o, gn_share share, int64_t *value, bool *found,
                     gn_err *e);

#endif
