/* activity.h - user activity from a reader: events, user-day roll-ups, or days with sketches, as
 * one kind of rows.
 *
 * Events and roll-ups become rows of (user, day, events, qualifying interactions, total), so that
 * whoever counts users need not know which it was. Rows without user or time are left out and
 * counted; a null or negative value counts as activity but has no share of the total.
 *
 * With `span` a user is active, too, on every other day that a qualifying event touches: one at t
 * with the value v (milliseconds, at most GN_SPAN_DAYS) lasts through [t, t + v), so that one that
 * ends at midnight does not touch the day that begins then. Such touches have no interactions, no
 * total, and cover no day. */
#ifndef GN_OP_ACTIVITY_H
#define GN_OP_ACTIVITY_H

#include "../base/num.h"
#include "../base/zone.h"
#include "../stream/reader.h"
#include "expr.h"
#include "zones.h"

#define GN_SPAN_DAYS 30 /* of 24 hours: longer values are taken for this */

typedef struct gn_activity_options {
    const char *user, *time; /* field names */
    const char *value;       /* NULL: "duration_ms" where the input has it */
    const char *active;      /* "any", "engaged", or an expression on events */
    bool all;                /* all events are rows; `active` only says which are active */
    const char *tz;          /* name of `zone` */
    const gn_zone *zone;
    const char *tz_field; /* NULL, or the field with the zone of the record, `zone` where it has
                             none that is known */
    bool span;            /* the value is a duration: count the days that it touches */
    bool states;          /* read partial states of gn-dau instead of events */
    bool sketches;        /* its states hold, or are to hold, sketches instead of users */
    bool params_default;  /* the five options above have their defaults: any state's will do */
    gn_budget *budget;    /* for the zones; may be NULL */
} gn_activity_options;

typedef struct gn_activity {
    gn_activity_options o; /* texts and zone are the caller's */
    bool begun;
    /* of all inputs, which must agree; owned */
    char *user, *value; /* field names; value NULL: there is none; user NULL: sketches were read */
    gn_type user_type;
    char *params; /* what a state of this activity was made with */
    bool touches; /* rows may have touches */
    /* of the segment; -1: no such field */
    int f_user, f_time, f_value, f_zone, f_events, f_n, f_touches, f_sketch;
    gn_expr *filter;
    gn_zones *zones;
    const char *input;
    /* the rows of the batch, by record number; the first one's number in its segment */
    uint64_t first_record;
    const gn_str *key; /* the user */
    int64_t day[GN_BATCH];
    const int64_t *amount; /* events: as it is in the record, 0 when null; NULL: no such field */
    uint64_t events[GN_BATCH], n[GN_BATCH]; /* states, and events after gn_activity_expand */
    gn_i128 sum[GN_BATCH];
    uint8_t active[GN_BATCH];
    uint64_t touch[GN_BATCH]; /* roll-ups with touches */
    const gn_str *sketch;     /* of the day, where sketches are read: there are no users */
    /* which records have user and time, and which of them make the user active (or all, as
     * asked for): numbers in ascending order */
    size_t nvalid, nrow;
    uint16_t valid[GN_BATCH], row[GN_BATCH];
    int64_t first, last; /* least and greatest day with events; first > last: none */
    /* events with `span`: what gn_activity_touched found */
    const int64_t *us;             /* the times; NULL: days */
    const gn_zone *zone[GN_BATCH]; /* with tz_field */
    gn_str touched_key[GN_BATCH];
    int64_t touched_day[GN_BATCH];
    size_t ntouched, next_touched;
    /* states: the row before in this segment; an empty user and INT64_MIN at its start */
    gn_buf before;
    int64_t day_before;
    /* how many rows each rule touched, over all batches */
    uint64_t null_user, null_time, null_value, negative_value, not_active;
    uint64_t null_zone, unknown_zone, cut_span;
} gn_activity;

/* `a` is zeroed by the caller; the options are kept. */
void gn_activity_init(gn_activity *a, const gn_activity_options *o);
void gn_activity_release(gn_activity *a);
/* At each segment: find the fields, check that they fit those of earlier segments, ask for them. */
int gn_activity_segment(gn_activity *a, gn_reader *r, gn_err *e);
/* Turn a batch into rows. */
int gn_activity_batch(gn_activity *a, const gn_batch *b, gn_err *e);
/* Write events, n and sum of the valid rows of a batch of events, as if they were roll-ups. */
void gn_activity_expand(gn_activity *a);
/* Find the next touches of a batch of events: ntouched pairs of touched_key and touched_day, which
 * may repeat. Call until it returns 0, the number of pairs at the end. */
size_t gn_activity_touched(gn_activity *a);

#endif
