/* anomaly.h - what was found to be unusual, by whichever rule, as one table.
 *
 *     rule, entity, at, ordinal     the key, in whose order they come: the rule's name; what it is
 *                                   about, as text; when (an instant); 1, 2, ... among those of the
 *                                   same rule, entity and time, by the bytes of the record
 *     entity_type                   event, hour or user
 *     <user>, <dimension>           of the event or user, else null
 *     metric_name, metric_value, expected_value
 *     score, threshold              a score above the threshold is an anomaly; null: infinite
 *     baseline_n                    of how many values or days the expected value is made
 *     severity                      low, medium, high, critical
 *     description                   a sentence with what was expected and seen
 *
 * Rows are kept sorted, on disk beyond the memory given. */
#ifndef GN_OP_ANOMALY_H
#define GN_OP_ANOMALY_H

#include "../stream/text.h"
#include "../stream/writer.h"

enum gn_anomaly_rule { GN_BEHAVIOURAL, GN_STATISTICAL, GN_TEMPORAL, GN_ANOMALY_RULES };

const char *gn_anomaly_rule_name(enum gn_anomaly_rule r);

/* Above which measure an anomaly is medium, high, critical; below it is low. */
typedef struct gn_severity {
    double above[3];
} gn_severity;

const char *gn_severity_of(const gn_severity *s, double measure);
/* "3,5,10": ascending numbers. False for anything else. */
bool gn_severity_parse(gn_severity *s, const char *text);

typedef struct gn_anomaly_options {
    const char *user, *dimension; /* names of the two columns */
    const char *dir;
    gn_budget *budget;
    size_t memory;
} gn_anomaly_options;

typedef struct gn_anomalies gn_anomalies;

/* The type of the user's column must be said before the first row: see gn_anomalies_types. */
gn_anomalies *gn_anomalies_new(const gn_anomaly_options *o, gn_err *e);
void gn_anomalies_free(gn_anomalies *a); /* NULL allowed */
/* The types of the two columns; GN_INPUT where they were others before. */
int gn_anomalies_types(gn_anomalies *a, gn_type user, gn_type dimension, gn_err *e);

typedef struct gn_anomaly {
    enum gn_anomaly_rule rule;
    gn_str entity; /* text */
    const char *entity_type;
    int64_t at;             /* microseconds */
    gn_str user, dimension; /* encodings; n = 0: null */
    const char *metric;
    double value, expected;
    double score, threshold; /* score not finite: null */
    uint64_t baseline_n;
    const char *severity;
    gn_str description;
} gn_anomaly;

/* As a row without ordinal, which gn_anomalies_put takes. */
int gn_anomaly_row(const gn_anomaly *x, gn_row *row, gn_err *e);
int gn_anomalies_put(gn_anomalies *a, const gn_row *row, gn_err *e);
/* The same for a row that was kept as bytes. */
int gn_anomalies_put_bytes(gn_anomalies *a, gn_str row, gn_err *e);

int gn_anomalies_header(const gn_anomalies *a, gn_header *h, gn_err *e);
int gn_anomalies_write(gn_anomalies *a, gn_writer *w, gn_err *e);
uint64_t gn_anomalies_spilled(const gn_anomalies *a, uint64_t *runs);

/* ---- words ---- */

/* The text that stands for a value in entities and descriptions, appended: "(unknown)" for null. */
int gn_anomaly_text(gn_text *t, gn_buf *to, gn_type type, gn_str encoding, gn_err *e);
/* A number for eyes: whole, or with two decimals. */
int gn_anomaly_number(gn_buf *to, double v, gn_err *e);

#endif
