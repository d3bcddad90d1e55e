/* detectorpriv.h - inside detector.h. */
#ifndef GN_OP_DETECTORPRIV_H
#define GN_OP_DETECTORPRIV_H

#include "burst.h"
#include "detector.h"
#include "hourly.h"
#include "zscore.h"

struct gn_detector {
    gn_detector_options o;
    const gn_anomaly_rules *rules;
    gn_budget budget[GN_ANOMALY_RULES]; /* each rule's share of the memory */
    bool begun, states;                 /* states: the input is roll-ups */
    const char *dimension;              /* that is there, or NULL */
    gn_anomalies *table;
    gn_burst *burst; /* NULL where the rule is not asked for, as the next two */
    gn_hourly *hours;
    gn_zscore *zscore;
    gn_twice *twice; /* NULL: one reading is enough */
    bool given;      /* --use-baseline */
    uint64_t given_sum;
    gn_buf group; /* the text of the groups, where they are the usual ones */
};

/* Start the rules, on the first segment of the input. */
int detector_begin(gn_detector *d, gn_reader *r, gn_err *e);

#endif
