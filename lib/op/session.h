/* session.h - sessions of events that come ordered by user and time.
 *
 * A session begins at a user's first event and wherever the gap before an event is more than the
 * rule's (with `ge`: or equal to it). The gap runs from the event before or, with from_end, from
 * the latest end (time plus value) of any of the user's events so far. With `split` a session also
 * ends at each midnight of a zone. Events at the same time are always of one session, so that a
 * session never depends on the order of ties.
 *
 * What comes out is one of: the events with fields appended; one record a session; or one
 * mergeable state a session (sessionmerge.h). Times are microseconds, values milliseconds.
 *
 * Memory: one session, of which the distinct pages and action types go to disk where they are many.
 * As a state it must fit the budget, and a record. */
#ifndef GN_OP_SESSION_H
#define GN_OP_SESSION_H

#include "../base/zone.h"
#include "../stream/reader.h"
#include "../stream/writer.h"

#define GN_SESSION_GAP_MS INT64_C(1800000) /* the default rule's */

enum gn_session_output { GN_SESSION_EVENTS, GN_SESSION_SUMMARY, GN_SESSION_STATES };

typedef struct gn_session_options {
    const char *user, *time;           /* field names */
    const char *value, *page, *action; /* NULL: the built-in schema's where the input has it */
    int64_t gap_ms;
    bool ge, from_end, split;
    bool with_last; /* SUMMARY: durations include the last event's value */
    const char *tz; /* name of `zone`; they count with `split` only */
    const gn_zone *zone;
    enum gn_session_output output;
    const char *temp_dir; /* as of gn_tmp_new */
} gn_session_options;

typedef struct gn_session_counts {
    uint64_t users, sessions, bounces, events;           /* of the output */
    uint64_t null_user, null_time;                       /* events left out */
    uint64_t null_value, negative_value, value_above_8h; /* of the events that are not */
    uint64_t spill_runs, spill_bytes;                    /* of distinct values, to disk */
} gn_session_counts;

typedef struct gn_sessions gn_sessions;

/* Texts and zone stay the caller's. A rule that makes no sense is GN_USAGE. */
gn_sessions *gn_sessions_new(const gn_session_options *o, gn_budget *b, gn_err *e);
void gn_sessions_free(gn_sessions *s); /* NULL allowed */

/* At each segment: find the fields, require the order, ask for what is needed. Into the zeroed *h
 * goes the header of the segment to write: of each with GN_SESSION_EVENTS, else of the first (*h
 * stays empty for the others). */
int gn_sessions_segment(gn_sessions *s, gn_reader *r, gn_header *h, gn_err *e);
/* Sessions that end within the batch, or its events, go to w. GN_INPUT where the order breaks. */
int gn_sessions_batch(gn_sessions *s, gn_reader *r, const gn_batch *b, gn_writer *w, gn_err *e);
/* The last session. */
int gn_sessions_finish(gn_sessions *s, gn_writer *w, gn_err *e);

const gn_session_counts *gn_sessions_counts(const gn_sessions *s);

#endif
