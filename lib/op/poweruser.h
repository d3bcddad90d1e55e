/* poweruser.h - users ranked by their totals: the top of them, all of them, how they are spread.
 *
 * Of n users, `less_x` being how many have less of x (a total, a count) than this one,
 *
 *     percentile rank of x   less_x / (n - 1)      as SQL's percent_rank(); n = 1: 0
 *     score                  100 x (0.5 x that of the total + 0.3 x that of interactions
 *                            + 0.2 x that of days active)
 *     rank                   1 for the greatest total, then 2, ...; equal totals by user
 *
 * The top is the first ceil(share x n) by rank; with `ties` also those whose total is that of the
 * last one of them; or, with `threshold`, all whose total is at or above the percentile (1 - share)
 * of totals (type 7 of Hyndman and Fan 1996). All is computed with integers; each figure becomes a
 * float once.
 *
 * Users are sorted by total, within memory, beyond that in runs on disk, and the chosen ones once
 * more. Counts are held as how many users have each: N events make at most sqrt(2 N) different
 * counts, so that this is small. */
#ifndef GN_OP_POWERUSER_H
#define GN_OP_POWERUSER_H

#include "../stream/writer.h"
#include "usertotal.h"

/* One of them is of users; the others of their distribution, by metric: percentiles (type 7), and
 * histograms, whose buckets are [0, 1), [1, 2), [2, 4), [4, 8), ... or ten of the score. */
enum gn_power_table { GN_POWER_USERS, GN_POWER_PERCENTILES, GN_POWER_HISTOGRAM };

typedef struct gn_power_options {
    uint64_t share, of; /* the share of users is share / of, 0 < share <= of */
    bool ties, threshold;
    const char *user, *value; /* names */
    gn_type user_type;
    bool pages, flagged; /* are there such figures? */
    gn_budget *budget;
    size_t memory; /* for each of two sorts, of that; the second needs it in gn_power_rank only */
    const char *temp_dir;
} gn_power_options;

/* Where the tables go, their headers written; NULL: it is not wanted. */
typedef struct gn_power_outputs {
    gn_writer *top, *all, *percentiles, *histogram;
} gn_power_outputs;

typedef struct gn_power gn_power;

gn_power *gn_power_new(const gn_power_options *o, gn_err *e);
void gn_power_free(gn_power *p); /* NULL allowed */

/* The header of a table into a zeroed *h. */
int gn_power_header(const gn_power *p, enum gn_power_table t, gn_header *h, gn_err *e);
/* A user; each once. */
int gn_power_add(gn_power *p, const gn_user_total *t, gn_err *e);
/* Once, at the end. */
int gn_power_rank(gn_power *p, const gn_power_outputs *out, gn_err *e);

typedef struct gn_power_counts {
    uint64_t users, top;
    uint64_t spill_runs, spill_bytes;
} gn_power_counts;
/* After gn_power_rank. */
gn_power_counts gn_power_counted(const gn_power *p);

#endif
