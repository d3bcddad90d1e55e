/* zscore.h - events whose value is far from those of their group: the statistical rule.
 *
 *     |z| > threshold in groups of at least so many values, with a spread; z by baseline.h
 *
 * Learns, settles and judges as a baseline does, and gives what it finds to a table of anomalies;
 * with `top` only those of the greatest |z| of each group, ties by the bytes of the anomaly. */
#ifndef GN_OP_ZSCORE_H
#define GN_OP_ZSCORE_H

#include "anomaly.h"
#include "baseline.h"

typedef struct gn_zscore_options {
    gn_baseline_options base; /* by_score */
    const char *user, *time;
    const char *dimension; /* a field that is there, or NULL */
    gn_severity severity;
    uint64_t top;  /* 0: all */
    size_t memory; /* of the sort that `top` takes */
    gn_budget *budget;
} gn_zscore_options;

typedef struct gn_zscore gn_zscore;

gn_zscore *gn_zscore_new(const gn_zscore_options *o, gn_anomalies *to, gn_err *e);
void gn_zscore_free(gn_zscore *z); /* NULL allowed */

/* Learning, settling and reporting are the baseline's own. */
gn_baseline *gn_zscore_baseline(gn_zscore *z);

int gn_zscore_bind(gn_zscore *z, gn_feed feed, gn_err *e);
int gn_zscore_judge(gn_zscore *z, const gn_batch *b, gn_err *e);
int gn_zscore_finish(gn_zscore *z, gn_err *e);

uint64_t gn_zscore_found(const gn_zscore *z);    /* anomalies */
uint64_t gn_zscore_listed(const gn_zscore *z);   /* of these in the table */
uint64_t gn_zscore_timeless(const gn_zscore *z); /* values that were out, of events without time */

#endif
