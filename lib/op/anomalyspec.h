/* anomalyspec.h - what is asked of a search for anomalies: the options of gn-anomaly, checked.
 *
 * Texts are borrowed. All errors are GN_USAGE. */
#ifndef GN_OP_ANOMALYSPEC_H
#define GN_OP_ANOMALYSPEC_H

#include "anomaly.h"

typedef struct gn_anomaly_spec {
    const char *value, *user, *time;
    const char *dimension;                           /* NULL: app_version, where there is one */
    const char *group, *z, *baseline, *use_baseline; /* statistical; the last two are files */
    const char *change, *hourly, *factor;            /* temporal (a file), behavioural */
    const char *severity[GN_ANOMALY_RULES];
    int64_t min_group, top;             /* statistical */
    int64_t lag, min_count;             /* temporal; the lag in milliseconds */
    int64_t days, min_days, min_events; /* behavioural */
    bool global, robust, negative, activity;
    bool hash, partial, merge, allow_partial;
} gn_anomaly_spec;

#define GN_ANOMALY_DIMENSION "app_version"

/* What the texts say. */
typedef struct gn_anomaly_rules {
    bool on[GN_ANOMALY_RULES];
    int n; /* how many are */
    double z, change, factor;
    gn_severity severity[GN_ANOMALY_RULES];
} gn_anomaly_rules;

/* Into a zeroed *r; `names`: n lists of names of rules, separated by commas; n = 0: all. Refuses
 * what does not go together. */
int gn_anomaly_rules_parse(gn_anomaly_rules *r, const gn_anomaly_spec *s, const char *const *names,
                           size_t n, gn_err *e);

#endif
