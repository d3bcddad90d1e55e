/* activity.h - user activity from a reader: events, or user-day roll-ups, as one kind of rows.
 *
 * Both inputs become rows of (user, day, events, qualifying interactions, total), so that whoever
 * counts users need not know which it was. Rows without user or time are left out and counted; a
 * null or negative value counts as activity but has no share of the total. */
#ifndef GN_OP_ACTIVITY_H
#define GN_OP_ACTIVITY_H

#include "../base/num.h"
#include "../base/zone.h"
#include "../stream/reader.h"
#include "expr.h"

typedef struct gn_activity_options {
    const char *user, *time; /* field names */
    const char *value;       /* NULL: "duration_ms" where the input has it */
    const char *active;      /* "any", "engaged", or an expression on events */
    const char *tz;          /* name of `zone` */
    const gn_zone *zone;
    bool rollups;        /* read roll-ups of gn-dau instead of events */
    bool params_default; /* active and tz were not given: any roll-up's will do */
} gn_activity_options;

typedef struct gn_activity {
    gn_activity_options o; /* texts and zone are the caller's */
    bool begun;
    /* of all inputs, which must agree; owned */
    char *user, *value; /* field names; value NULL: there is none */
    gn_type user_type;
    char *params; /* what a roll-up of this activity was made with */
    /* of the segment */
    int f_user, f_time, f_value, f_events, f_n;
    gn_expr *filter;
    /* the rows of the batch, by record number */
    const gn_str *key; /* the user */
    int64_t day[GN_BATCH];
    const int64_t *amount; /* events: as it is in the record, 0 when null; NULL: no such field */
    uint64_t events[GN_BATCH], n[GN_BATCH]; /* roll-ups, and events after gn_activity_expand */
    gn_i128 sum[GN_BATCH];
    uint8_t active[GN_BATCH];
    /* which records have user and time, and which of them qualify: numbers in ascending order */
    size_t nvalid, nrow;
    uint16_t valid[GN_BATCH], row[GN_BATCH];
    int64_t first, last; /* least and greatest day of the valid ones */
    gn_buf before; /* roll-ups: the user of the row before in this segment; empty at its start */
    int64_t day_before;
    /* how many rows each rule touched, over all batches */
    uint64_t null_user, null_time, null_value, negative_value, not_active;
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

#endif
