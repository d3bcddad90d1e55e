/* usertotal.h - what each user did over all the time: events, their total, pages, days.
 *
 * Users come out one by one, in order of the user. Of input whose header says that it is ordered by
 * user one user is held at a time; other input is sorted by it first, within memory, beyond that in
 * runs on disk. The distinct pages and the days of one user must fit the budget, else GN_IO. */
#ifndef GN_OP_USERTOTAL_H
#define GN_OP_USERTOTAL_H

#include "../base/num.h"
#include "../base/zone.h"
#include "../stream/reader.h"

/* Which events count, and for what. */
enum gn_outliers {
    GN_OUTLIERS_DROP, /* those with a value from 0 to `most` */
    GN_OUTLIERS_KEEP, /* all; a value that is null or negative adds nothing to the total */
    GN_OUTLIERS_CAP,  /* as KEEP, but a value above `most` adds `most` */
    GN_OUTLIERS_FLAG  /* as KEEP, and days with a total above `day_most` are counted */
};

typedef struct gn_user_total {
    gn_str user; /* its encoding, for the time of the call */
    uint64_t events;
    gn_i128 total; /* at most 2^63 values of 63 bits */
    uint64_t pages, days, flagged;
} gn_user_total;

typedef struct gn_user_totals_options {
    const char *user, *time; /* fields */
    const char *value;       /* NULL: duration_ms */
    const char *page;        /* NULL: page_id where there is one */
    enum gn_outliers outliers;
    int64_t most, day_most;
    const gn_zone *zone; /* of the days */
    bool sort;           /* do not rely on the order of the input */
    gn_budget *budget;
    size_t memory; /* for sorting, of that */
    const char *temp_dir;
    /* Called for each user. */
    int (*sink)(void *ctx, const gn_user_total *t, gn_err *e);
    void *ctx;
} gn_user_totals_options;

/* Rows left out or touched by a rule. */
typedef struct gn_user_totals_counts {
    uint64_t null_user, null_time, null_value, negative_value, large_value; /* above `most` */
    uint64_t used;                                                          /* that count */
} gn_user_totals_counts;

typedef struct gn_user_totals gn_user_totals;

/* The options' texts and zone are the caller's. */
gn_user_totals *gn_user_totals_new(const gn_user_totals_options *o, gn_err *e);
void gn_user_totals_free(gn_user_totals *u); /* NULL allowed */

/* At each segment: find the fields, which must be those of the segments before. */
int gn_user_totals_segment(gn_user_totals *u, gn_reader *r, gn_err *e);
int gn_user_totals_batch(gn_user_totals *u, gn_reader *r, const gn_batch *b, gn_err *e);
/* The users that were not given yet. */
int gn_user_totals_finish(gn_user_totals *u, gn_err *e);

/* After the first segment. The names are those of the fields; page NULL: there is none. */
gn_type gn_user_totals_type(const gn_user_totals *u);
const char *gn_user_totals_value(const gn_user_totals *u);
const char *gn_user_totals_page(const gn_user_totals *u);

const gn_user_totals_counts *gn_user_totals_counted(const gn_user_totals *u);
uint64_t gn_user_totals_spilled(const gn_user_totals *u, uint64_t *runs); /* bytes on disk */

#endif
