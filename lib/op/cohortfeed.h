/* cohortfeed.h - users with their days meet their metadata, and go into their cohorts.
 *
 * Users and members both come in order of the user, so that one pass over both suffices. Members
 * who were never active belong to their cohort, too. */
#ifndef GN_OP_COHORTFEED_H
#define GN_OP_COHORTFEED_H

#include "cohort.h"
#include "members.h"

typedef struct gn_cohort_feed {
    /* the caller's */
    gn_cohorts *cohorts;
    gn_members *members; /* NULL with first_seen: there are none */
    gn_type user_type;
    bool first_seen;  /* the cohort is that of the user's first day, not of the join date */
    int64_t from, to; /* days that count */
    const gn_user_ranges *users; /* members of other ranges are left out */
    size_t nsegments;
    const char *const *segment;
    /* to be read */
    uint64_t active;                   /* users */
    uint64_t members_n, elsewhere;     /* members, those left out included or not */
    uint64_t undated, unknown, unseen; /* members without join date; active users who are no
                                          members; first_seen: members who never were active */
    uint64_t days_before;              /* active days before the cohort's period */
    /* its own */
    bool ahead;
    gn_member member;
} gn_cohort_feed;

/* Read the first member: what its reading takes of memory is then taken. */
int gn_cohort_feed_begin(gn_cohort_feed *f, gn_err *e);
/* The next user and the days, of which there is one at least. */
int gn_cohort_feed_user(gn_cohort_feed *f, gn_str user, const gn_intsums *days, gn_err *e);
/* There are no more. */
int gn_cohort_feed_end(gn_cohort_feed *f, gn_err *e);

#endif
