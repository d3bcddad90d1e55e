/* activeuser.h - active users of events that come ordered by user: one user at a time.
 *
 * Instead of a table of users there is one of days, and the days of the one user that is being
 * read: 64 bytes a day, and 16 bytes a day of the user. The counts are those of active.h, and two
 * more rules can be counted, under which a user is active on a day for what came before it:
 *
 *     on day d when at least `need` marks lie on the `days` days that end with d,
 *
 * where a mark is an event that gn_activity finds active (GN_MARK_EVENTS), or the day on which a
 * session begins that lasts longer than longer_ms (GN_MARK_SESSIONS; sessions are cut as by
 * session.h, where the gap between events is more than gap_ms). */
#ifndef GN_OP_ACTIVEUSER_H
#define GN_OP_ACTIVEUSER_H

#include "activereport.h"
#include "activity.h"
#include "period.h"

enum gn_mark { GN_MARK_EVENTS, GN_MARK_SESSIONS };

typedef struct gn_by_user_options {
    enum gn_mark mark;
    uint64_t need; /* 1 or more */
    int64_t days;  /* 1 or more; need = days = 1: active on the days of the marks */
    bool by_time;  /* a user's events are in order of the time: checked, and needed for sessions */
    int64_t gap_ms, longer_ms;
    gn_period period; /* what will be asked for: days that cannot matter are not kept */
    gn_budget *budget;
} gn_by_user_options;

typedef struct gn_by_user gn_by_user;

gn_by_user *gn_by_user_new(const gn_by_user_options *o, gn_err *e);
void gn_by_user_free(gn_by_user *u); /* NULL allowed */

/* Count the batch that gn_activity_batch has just read: interactions and totals are those of its
 * rows, marks its active records. GN_INPUT where the order breaks. */
int gn_by_user_add(gn_by_user *u, const gn_activity *in, gn_err *e);

/* As of active.h. */
bool gn_by_user_covered(const gn_by_user *u, int64_t *first, int64_t *last);
int gn_by_user_count(gn_by_user *u, int64_t from, int64_t to, gn_active_report *r, gn_err *e);

typedef struct gn_by_user_counts {
    uint64_t users, marks; /* users with an event; marks */
    uint64_t sessions;     /* GN_MARK_SESSIONS: all */
} gn_by_user_counts;
/* After gn_by_user_count. */
gn_by_user_counts gn_by_user_counted(const gn_by_user *u);

#endif
