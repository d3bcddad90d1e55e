/* hourly.h - events an hour, each hour against the same one some time before.
 *
 * An hour is an hour of absolute time, counted from 1970-01-01 00:00 UTC: a day of 23 or 25 hours
 * has as many of them, and after a change of the clocks "the same hour" a week before is one that
 * the clocks called otherwise. All events that have a time count. Hours without events, between the
 * first and the last that have some, count 0. An hour whose earlier one lies before the first is
 * not judged.
 *
 *     score = |n - before| / before   is above `change`, and the greater of the two at least
 * `least`
 *
 * infinite where there were none before. Severity goes by max(n / before, before / n).
 *
 * The counts are states of agg.h, so that they merge. */
#ifndef GN_OP_HOURLY_H
#define GN_OP_HOURLY_H

#include "../stream/reader.h"
#include "anomaly.h"

typedef struct gn_hourly_options {
    const char *command; /* of partial states */
    const char *time, *user;
    const char *value; /* of which the activity gives average and deviation; NULL: none */
    bool negative;     /* values below 0 count */
    bool activity;     /* also users and the value */
    int64_t lag;       /* hours */
    double change;
    uint64_t least;
    gn_severity severity;
    bool merge, hash;
    const gn_zone *zone;
    const char *tz;
    gn_budget *budget;
    const char *temp_dir;
} gn_hourly_options;

typedef struct gn_hourly_counts {
    uint64_t hours, null_time; /* hours with events; events without time */
    uint64_t judged, anomalies;
    uint64_t spilled, spill_runs;
} gn_hourly_counts;

typedef struct gn_hourly gn_hourly;

gn_hourly *gn_hourly_new(const gn_hourly_options *o, gn_err *e);
void gn_hourly_free(gn_hourly *h); /* NULL allowed */

/* Events, or with `merge` states. */
int gn_hourly_segment(gn_hourly *h, gn_reader *r, gn_err *e);
int gn_hourly_add(gn_hourly *h, const gn_batch *b, gn_err *e);

/* The state: its header, into a zeroed *to; its records. */
int gn_hourly_state_header(gn_hourly *h, gn_header *to, gn_err *e);
int gn_hourly_state_write(gn_hourly *h, gn_writer *w, gn_err *e);

/* What was found to `to`, and the activity, all hours from the first to the last, to `w` (NULL: not
 * asked for): hour, interactions, users, avg_<v>, stddev_<v>, expected_interactions (those of the
 * hour before; null where that is not known). */
int gn_hourly_finish(gn_hourly *h, gn_anomalies *to, gn_writer *w, gn_err *e);
int gn_hourly_header(const gn_hourly *h, gn_header *to, gn_err *e);

const gn_hourly_counts *gn_hourly_counted(const gn_hourly *h);

#endif
