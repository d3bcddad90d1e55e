/* baseline.h - what is usual in a group of records, and which values are far from it.
 *
 * Of each group (keys: expressions) and one numeric field: how many values there are, and two
 * figures that say where they lie and how far they spread:
 *
 *     GN_BASE_QUARTILES     q1, q3 (type 7)
 *     GN_BASE_DEVIATIONS    mean, standard deviation of a sample
 *     GN_BASE_ROBUST        median, median absolute deviation
 *     GN_BASE_PERCENTILES   two percentiles, which are the fences themselves
 *     GN_BASE_GIVEN         fences that the user gave; no groups
 *
 * all exact, by agg.h. Nulls are no values, nor, unless `negative`, is what is below 0 (a duration
 * that cannot be). A value is judged by its group's fences (fences.h), or by its score.
 *
 *     new; segment, add (batch) ...; finish         learn: the first time through the input, or
 *     new; load                                     ... from a stream that `write` wrote
 *     settle; bind, judge (batch) ...               judge: the second time through the input
 *
 * The groups lie in order in a temporary file, and for lookups in a table of 80 bytes and more
 * each. Where the budget does not hold that, settle reads the input once more: the values are
 * sorted by group, merged with the groups, and what is to be said of a record is sorted by its
 * number. The verdicts are the same. */
#ifndef GN_OP_BASELINE_H
#define GN_OP_BASELINE_H

#include "../base/zone.h"
#include "../kernel/fences.h"
#include "../stream/writer.h"
#include "twice.h"

enum gn_base_kind {
    GN_BASE_QUARTILES,
    GN_BASE_DEVIATIONS,
    GN_BASE_ROBUST,
    GN_BASE_PERCENTILES,
    GN_BASE_GIVEN
};

typedef struct gn_baseline_options {
    const char *command;  /* of partial states */
    const char *keys;     /* NULL: all records are one group */
    const char *keys_for; /* the option, for messages: "--key" */
    const char *value;    /* a field */
    bool negative;        /* values below 0 count */
    enum gn_base_kind kind;
    double factor;      /* of the fences; or the score beyond which a value is out */
    bool by_score;      /* not with quartiles, percentiles, given */
    const char *pct[2]; /* GN_BASE_PERCENTILES: "1", "99.5" */
    gn_fences given;    /* GN_BASE_GIVEN */
    uint64_t least;     /* groups of fewer values are not judged */
    const char *hits;   /* column with how many values were out: "outliers" */
    bool merge;         /* learn from partial states */
    bool hash;          /* do not use the order of the input */
    const gn_zone *zone;
    const char *tz;
    gn_budget *budget;
    const char *temp_dir;
} gn_baseline_options;

typedef struct gn_base {
    uint64_t n;  /* values */
    double a, b; /* the two figures; GN_BASE_PERCENTILES: 0 */
    gn_fences fence;
    uint64_t hits;
} gn_base;

enum gn_verdict {
    GN_NO_VALUE, /* null, or negative */
    GN_NO_BASE,  /* the group is not known, too small, or without spread */
    GN_INSIDE,
    GN_LOW,
    GN_HIGH
};

typedef struct gn_baseline_counts {
    uint64_t groups, small, without_spread;          /* known; of fewer than `least`; spread 0 */
    uint64_t null_value, negative_value, long_value; /* learned from or judged; over 8 h, of ints
                                                        that are durations */
    uint64_t unknown_group;                          /* values judged */
    uint64_t no_base, inside, low, high;
} gn_baseline_counts;

typedef struct gn_baseline gn_baseline;

gn_baseline *gn_baseline_new(const gn_baseline_options *o, gn_err *e);
void gn_baseline_free(gn_baseline *b); /* NULL allowed */

/* ---- learn ---- */

/* Of a baseline that was loaded, segment only looks whether the value can be judged. */
int gn_baseline_segment(gn_baseline *b, gn_reader *r, gn_err *e);
int gn_baseline_add(gn_baseline *b, const gn_batch *x, gn_err *e);
/* Write the partial state instead of finishing: its header, into a zeroed *h; its records. */
int gn_baseline_state_header(gn_baseline *b, gn_header *h, gn_err *e);
int gn_baseline_state_write(gn_baseline *b, gn_writer *w, gn_err *e);
int gn_baseline_finish(gn_baseline *b, gn_err *e); /* of what was learned, if anything */
/* Instead of all that: the groups as gn_baseline_write wrote them. *sum: a hash of the stream. */
int gn_baseline_load(gn_baseline *b, const char *path, size_t max_record, uint64_t *sum, gn_err *e);

/* ---- judge ---- */

/* 0 when values can be judged; 1 when the groups cannot be held and `t` is NULL: it is needed then,
 * and rewound for it; -1 on error. */
int gn_baseline_settle(gn_baseline *b, gn_twice *t, gn_err *e);
int gn_baseline_bind(gn_baseline *b, gn_feed s, gn_err *e);
/* verdict[i] of record i; of one that is low or high the group in base[i], until the next call. */
int gn_baseline_judge(gn_baseline *b, const gn_batch *x, enum gn_verdict *verdict,
                      const gn_base **base, gn_err *e);
/* The field of the segment at hand and its type. */
int gn_baseline_field(const gn_baseline *b, gn_type *type);
/* The keys' names and types; and the keys of a batch that was judged, until the next call. */
const gn_schema *gn_baseline_keys(const gn_baseline *b);
const gn_str *gn_baseline_keys_of(gn_baseline *b, const gn_batch *x, gn_err *e);
/* How far out a value is, signed; of kinds with a score. */
double gn_baseline_score(const gn_baseline *b, const gn_base *g, double x);

/* ---- report ---- */

/* The groups as a stream, which it begins: keys, count_<v>, the two figures, lower_<v>, upper_<v>
 * (not by score), and how many were out, null where nothing was judged. In order of the keys. */
int gn_baseline_write(gn_baseline *b, gn_writer *w, gn_err *e);
const gn_baseline_counts *gn_baseline_counted(const gn_baseline *b);
/* The one group, where there is no more than one; else NULL. */
const gn_base *gn_baseline_only(const gn_baseline *b);
uint64_t gn_baseline_spilled(const gn_baseline *b, uint64_t *runs);

#endif
