/* pctl.h - percentiles of a value by groups, periods and releases, with what belongs beside them:
 * users, events, average, deviation, extremes. Exact, mergeable, within a memory cap.
 *
 * A group has the keys of -k, and, where asked for, a level and a release (a version cut at its
 * first, second or third dot) and a kind of period with the period itself. All levels and periods
 * come from one pass: values are kept by the finest of each, and the coarser ones are put together
 * from those at the end.
 *
 *     events      records of the group
 *     users       distinct users, where there is such a field; null is none
 *     values      those that are neither null nor (unless `negative`) below 0; of them alone:
 *     p(q)        exact: type 7 of Hyndman and Fan 1996, between the values of rank q(n - 1),
 *                 SQL's percentile_cont; `nearest`: the value of rank ceil(q n) from 1,
 *                 percentile_disc; `approx`: of a sketch (kernel/ddsketch.h) to within its bound
 *     avg, stddev (of a sample), min, max    from exact sums, rounded once
 *
 * Percentages are fractions and ranks integers throughout, so no rounding decides on a rank.
 *
 * How: a group's values are a list of 4 bytes each (8 where they are no ints below 2^32, 16 where
 * a state gives many at once), its users a list of numbers; nothing is looked up for a value. At
 * the end the values of a result are laid side by side and split in place until the ranks asked
 * for are known (kernel/ranksel.h). When the memory is used up, all results go to disk as sorted
 * entries (spill.h), (group), (group, user) and (group, value) with its count, and are merged at
 * the end. Partial states are records of blocks of such entries, of the finest groups. */
#ifndef GN_OP_PCTL_H
#define GN_OP_PCTL_H

#include "../base/mem.h"
#include "../base/zone.h"
#include "../stream/reader.h"
#include "../stream/writer.h"

typedef struct gn_pctl gn_pctl;

#define GN_PCTL_MAX 64 /* percentiles at once */

typedef struct gn_pctl_options {
    const char *keys;    /* "page_id, hour = hour(timestamp)"; NULL: none */
    const char *periods; /* of "day,week,month,whole"; NULL: none */
    const char *levels;  /* of "major,major.minor,major.minor.patch"; NULL: none */
    const char *release; /* field with the version, for levels */
    const char *time;    /* field, for periods */
    const char *value;   /* field: int or float */
    const char *user;    /* field; NULL: user_id where there is one; "": none */
    const char *ps;      /* percentages: "50,95,99.9" */
    const char *where;   /* condition; NULL: all events */
    const gn_zone *zone;
    const char *tz;
    bool nearest, approx, negative;
    bool partial; /* the output will be a state */
    bool merge;   /* the input is states; of the above only ps, nearest, periods and levels count */
    bool timed;   /* the time is needed without periods too: for windows */
    gn_budget *budget;
    const char *temp_dir;
} gn_pctl_options;

typedef struct gn_pctl_counts {
    uint64_t events, groups; /* added; written */
    uint64_t left_out;       /* events that `where` is not true of */
    uint64_t without_time, without_user;
    uint64_t null, negative; /* values, left out */
    uint64_t spill_runs, spill_bytes;
} gn_pctl_counts;

/* Parses; nothing is read yet. Errors are GN_USAGE and name the option. */
gn_pctl *gn_pctl_new(const gn_pctl_options *o, gn_err *e);
void gn_pctl_free(gn_pctl *p); /* NULL allowed */

/* At each segment: find what it needs, check that it fits the segments before, ask for it. */
int gn_pctl_segment(gn_pctl *p, gn_reader *r, gn_err *e);
int gn_pctl_batch(gn_pctl *p, const gn_batch *b, gn_err *e);

/* After a segment: the header of what gn_pctl_finish writes, into a zeroed *h. */
int gn_pctl_header(const gn_pctl *p, gn_header *h, gn_err *e);
/* Write the results, or the state, in order of the keys. */
int gn_pctl_finish(gn_pctl *p, gn_writer *w, gn_err *e);

gn_pctl_counts gn_pctl_counted(const gn_pctl *p);

#endif
