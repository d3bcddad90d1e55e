/* retention.h - events or roll-ups, and metadata, into cohorts (cohort.h).
 *
 * Of events or roll-ups in order of the user one user is held at a time; else the days of users are
 * gathered first (userdays.h). Where headers say that the events are those of a part of the users,
 * by hash, members of other parts are left out. */
#ifndef GN_OP_RETENTION_H
#define GN_OP_RETENTION_H

#include "activity.h"
#include "cohortfeed.h"
#include "members.h"
#include "period.h"

typedef struct gn_retention_options {
    const char *user, *time, *value, *active; /* as of activity.h; active NULL: any */
    const char *members;                      /* file; NULL: none */
    const char *members_user, *join;          /* its fields */
    const char *const *segment;               /* likewise */
    size_t nsegments;
    bool first_seen; /* the cohort is that of the first active day */
    bool month;
    int64_t periods;
    gn_period period; /* without --last: the days that are covered */
    bool hash;        /* do not rely on the order of the events */
    const char *tz;   /* name of `zone` */
    const gn_zone *zone;
    size_t max_record;
    gn_budget *budget;
    size_t memory; /* its cap */
    const char *temp_dir;
} gn_retention_options;

typedef struct gn_retention gn_retention;

/* The options' texts and zone are the caller's. */
gn_retention *gn_retention_new(const gn_retention_options *o, gn_err *e);
void gn_retention_free(gn_retention *r); /* NULL allowed */

int gn_retention_segment(gn_retention *r, gn_reader *in, gn_err *e);
int gn_retention_batch(gn_retention *r, gn_reader *in, const gn_batch *b, gn_err *e);
int gn_retention_finish(gn_retention *r, gn_err *e);

/* After the first segment; they live as long as r. */
gn_cohorts *gn_retention_cohorts(const gn_retention *r);
const gn_activity *gn_retention_activity(const gn_retention *r);
/* After gn_retention_finish. */
const gn_cohort_cover *gn_retention_cover(const gn_retention *r);
const gn_cohort_feed *gn_retention_feed(const gn_retention *r);
gn_members_counts gn_retention_members(const gn_retention *r);
uint64_t gn_retention_spilled(const gn_retention *r, uint64_t *runs); /* bytes on disk */
/* What the members that were used come from, into a zeroed *l. */
int gn_retention_lineage(const gn_retention *r, gn_lineage *l, gn_err *e);

#endif
