/* userstate.h - partial states of gn-powerusers: the totals of users (usertotal.h), one record a
 * user
 *     <user>  interactions: int  total_<v>: bin  [unique_pages: int]  days_active: int
 *     [flagged_days: int]
 * in order of the user; the total is 16 bytes, two's complement, big-endian.
 *
 * The totals of one user cannot be put together from parts, since days and pages are counts. So
 * states are those of different users, and states in which a user comes twice are refused. */
#ifndef GN_OP_USERSTATE_H
#define GN_OP_USERSTATE_H

#include "../stream/reader.h"
#include "../stream/writer.h"
#include "usertotal.h"

typedef struct gn_user_state {
    /* The caller's when states are written; of the first state when they are read. */
    const char *user, *value, *params;
    gn_type user_type;
    bool pages, flagged;
} gn_user_state;

int gn_user_state_header(const gn_user_state *s, gn_header *h, gn_err *e);
int gn_user_state_write(const gn_user_state *s, const gn_user_total *t, gn_row *row, gn_writer *w,
                        gn_err *e);

/* Reading states, in any order. */
typedef struct gn_user_states gn_user_states;

typedef struct gn_user_states_options {
    gn_budget *budget;
    size_t memory; /* for sorting, of that */
    const char *temp_dir;
    int (*sink)(void *ctx, const gn_user_total *t, gn_err *e);
    void *ctx;
} gn_user_states_options;

gn_user_states *gn_user_states_new(const gn_user_states_options *o, gn_err *e);
void gn_user_states_free(gn_user_states *s); /* NULL allowed */
/* GN_INPUT where it is no such state, or of other parameters than the first. */
int gn_user_states_segment(gn_user_states *s, gn_reader *r, gn_err *e);
int gn_user_states_batch(gn_user_states *s, const gn_batch *b, gn_err *e);
/* All users in order to the sink. */
int gn_user_states_finish(gn_user_states *s, gn_err *e);
/* After the first segment. */
const gn_user_state *gn_user_states_of(const gn_user_states *s);
uint64_t gn_user_states_spilled(const gn_user_states *s, uint64_t *runs); /* bytes on disk */

#endif
