/* sessionmerge.h - sessions from the states of parts of a log.
 *
 * A state holds each session of its part as one record
 *     <user>  session_start: time  session_end: time  session_reach: time  actions_count: int
 *     [total_<v>: bin  last_<v>: int]  [pages_<p>: bin]  [actions_<a>: bin]
 * in order (user, session_start): first and last event, latest end of an event, events, the sum of
 * valid values (16 bytes, two's complement, big-endian), the greatest of the last event's or
 * events' values, and the distinct pages and action types as their encodings in the order of bytes.
 *
 * Why that is enough, however the events were divided (by time, by file, at random): two sessions
 * of different parts are one in the whole exactly when the later start is within the gap of what
 * came before, because inside either no gap is too long, and more events only make gaps shorter.
 * So the sessions of the whole are found by going through the parts' sessions by start, as events
 * are gone through by time, and everything that is kept of a session adds up: least start, greatest
 * end, sums, unions. No session of a part is ever final; its number within the user is known only
 * at the end. */
#ifndef GN_OP_SESSIONMERGE_H
#define GN_OP_SESSIONMERGE_H

#include "session.h"

typedef struct gn_session_merge gn_session_merge;

typedef struct gn_session_merge_options {
    /* Those of gn_session_options that were asked for must be the states'; a default asks for
     * nothing. `output`: GN_SESSION_SUMMARY or GN_SESSION_STATES. */
    gn_session_options rule;
    size_t max_record;
    /* The lineage of a segment that has ended, with n records; its file's name. May fail. */
    int (*ended)(void *context, const char *name, uint64_t n, const gn_lineage *l, gn_err *e);
    void *context;
} gn_session_merge_options;

/* Open the n states (0: standard input). The headers' parameters must be the same: GN_INPUT. */
gn_session_merge *gn_session_merge_open(const char *const *paths, size_t n,
                                        const gn_session_merge_options *o, gn_budget *b, gn_err *e);
void gn_session_merge_free(gn_session_merge *m); /* NULL allowed */
/* The header of what will be written, into a zeroed *h. */
int gn_session_merge_header(const gn_session_merge *m, gn_header *h, gn_err *e);
/* Merge all. */
int gn_session_merge_run(gn_session_merge *m, gn_writer *w, gn_err *e);

const gn_session_counts *gn_session_merge_counts(const gn_session_merge *m);
uint64_t gn_session_merge_records(const gn_session_merge *m, uint64_t *bytes); /* read so far */

#endif
