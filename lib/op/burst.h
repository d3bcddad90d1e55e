/* burst.h - users' days with far more events than they are used to.
 *
 *     a day with n events, at least `least`, is an anomaly when
 *     score = n / mean > factor        mean: of the events on the days with events (active days)
 *                                      among the `days` days before it, at least `active` of them
 *
 * Events, or the user-day roll-up of gn-dau --partial (rollup.h), whose events all count. Of input
 * in order of user and time, or of one roll-up, a user's last days are held, and what is found goes
 * out as it comes; else all user-days, on disk beyond the budget. Events without user or time are
 * left out. */
#ifndef GN_OP_BURST_H
#define GN_OP_BURST_H

#include "../base/zone.h"
#include "../stream/reader.h"
#include "anomaly.h"

#define GN_BURST_DAYS_MAX 3660

typedef struct gn_burst_options {
    const char *user, *time; /* fields of events */
    double factor;
    int64_t days, active;
    uint64_t least;
    gn_severity severity;
    bool hash; /* do not use the order of the input */
    const gn_zone *zone;
    const char *tz;
    gn_budget *budget;
    const char *temp_dir;
} gn_burst_options;

typedef struct gn_burst_counts {
    uint64_t users, user_days, judged, anomalies;
    uint64_t null_user, null_time;
    uint64_t spilled, spill_runs;
} gn_burst_counts;

typedef struct gn_burst gn_burst;

gn_burst *gn_burst_new(const gn_burst_options *o, gn_anomalies *to, gn_err *e);
void gn_burst_free(gn_burst *b); /* NULL allowed */

/* All segments are of one kind: events or roll-ups. */
int gn_burst_segment(gn_burst *b, gn_reader *r, gn_err *e);
int gn_burst_add(gn_burst *b, const gn_batch *x, gn_err *e);
int gn_burst_finish(gn_burst *b, gn_err *e);

gn_type gn_burst_user_type(const gn_burst *b); /* after a segment */
const gn_burst_counts *gn_burst_counted(const gn_burst *b);

#endif
