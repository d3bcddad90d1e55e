/* session_priv.h - what sessions from events and sessions from states share. */
#ifndef GN_OP_SESSION_PRIV_H
#define GN_OP_SESSION_PRIV_H

#include "../base/civil.h"
#include "../base/num.h"
#include "../kernel/distinct.h"
#include "session.h"

#define GN_SESSION_COMMAND "gn-sessionize"
#define GN_SESSION_STATE "sessions"

/* Fields of the built-in schema, where no others are named. */
#define GN_SESSION_USER "user_id"
#define GN_SESSION_VALUE "duration_ms"
#define GN_SESSION_PAGE "page_id"
#define GN_SESSION_ACTION "action_type"

/* Where sessions are cut. */
typedef struct gn_session_rule {
    uint64_t limit; /* microseconds: a gap of more cuts */
    int64_t gap_ms;
    bool ge, from_end, split;
    const gn_zone *zone;
    /* the zone's span that was looked up last */
    int64_t from, until, offset, floor;
} gn_session_rule;

/* The fields of the events, whose names become those of columns. Owned. */
typedef struct gn_session_names {
    char *user;
    gn_type user_type;
    char *value, *page, *action; /* NULL: there is none */
} gn_session_names;

/* A session, or the part of one that a state knows of. */
typedef struct gn_session {
    int64_t start, end; /* first and last event */
    int64_t reach;      /* latest end of an event with from_end, else `end` */
    int64_t last;       /* greatest valid value of the events at `end`; -1: none */
    uint64_t events;
    gn_i128 total;
} gn_session;

/* The open session and the user it is of. */
typedef struct gn_session_open {
    gn_session_names names;
    enum gn_session_output output; /* SUMMARY or STATES */
    bool with_last;
    bool any; /* there is one */
    gn_session now;
    gn_str user;          /* encoded; refers to a batch until gn_session_keep */
    gn_str text;          /* the same as text */
    char number_text[32]; /* as much as gn_copy_span reads */
    uint64_t number;      /* of the session: 0, 1, ... by user */
    gn_buf kept;          /* of `user` */
    gn_distinct page, action;
    gn_budget *budget;
    gn_session_counts count;
} gn_session_open;

void gn_session_rule_init(gn_session_rule *r, int64_t gap_ms, bool ge, bool from_end, bool split,
                          const gn_zone *zone);
/* The parameters of a state, as text, malloc'd. */
char *gn_session_params(const gn_session_rule *r, const char *tz, const gn_session_names *n,
                        gn_err *e);
void gn_session_names_release(gn_session_names *n);

/* A new span of the zone around t. */
void gn_session_span(gn_session_rule *r, int64_t t);

/* Which day t is on. Where clocks are set back over midnight the day before would return for a
 * while: days only count up here, so that a day is one range of time. */
static inline int64_t gn_session_day(gn_session_rule *r, int64_t t)
{
    int64_t local;
    if (t < r->from || t >= r->until)
        gn_session_span(r, t);
    if (__builtin_add_overflow(t, r->offset, &local))
        local = t;
    int64_t day = gn_day_of_us(local);
    return day > r->floor ? day : r->floor;
}

/* Is the gap from reach (where the user's events so far end) to t too long? */
static inline bool gn_session_gap(const gn_session_rule *r, int64_t reach, int64_t t)
{
    return t > reach && (uint64_t)t - (uint64_t)reach > r->limit;
}

/* Where an event ends: at the end of time at the latest, which no gap reaches beyond. */
static inline int64_t gn_session_end_of(int64_t t, int64_t value_ms)
{
    int64_t us, end;
    if (value_ms <= 0)
        return t;
    return __builtin_mul_overflow(value_ms, INT64_C(1000), &us) ||
                   __builtin_add_overflow(t, us, &end) || end > GN_TIME_MAX
               ? GN_TIME_MAX
               : end;
}

/* `share`: of the budget, for each of the two sets of distinct values, and for merging one. */
void gn_session_open_init(gn_session_open *o, const char *temp_dir, gn_budget *b, size_t share);
void gn_session_open_release(gn_session_open *o);
/* The header of what is written. */
int gn_session_header(const gn_session_open *o, const char *params, gn_header *h, gn_err *e);
/* A session begins: of a new user, whose encoding refers to a batch, or of the same. */
void gn_session_user(gn_session_open *o, gn_str user);
/* The most bytes that n sessions take as summaries, whose users take user_bytes together. */
#define GN_SESSION_ROOM(n, user_bytes) (192 * (size_t)(n) + 2 * (size_t)(user_bytes))
/* Write the open session to p, which has the room, as a summary, and end it; NULL on error. */
uint8_t *gn_session_summary(gn_session_open *o, uint8_t *p, gn_err *e);
/* Write it as a state, and end it. */
int gn_session_state(gn_session_open *o, gn_writer *w, gn_err *e);
/* The batch that the user and distinct values refer to goes away. */
int gn_session_keep(gn_session_open *o, gn_err *e);

#endif
