/* activitypriv.h - what activity.c (events) and activitystate.c (partial states) share. */
#ifndef GN_OP_ACTIVITYPRIV_H
#define GN_OP_ACTIVITYPRIV_H

#include "activity.h"

#define GN_ACTIVITY_TOTAL "total_"

/* The parameters of a state: what they begin with, for roll-ups (user and value) or sketches
 * (value; then come the user and its type); and what they end with, " active=...", the options. */
int gn_activity_head(const gn_activity *a, gn_buf *to, const char *user, const char *value,
                     gn_err *e);
int gn_activity_tail(const gn_activity *a, gn_buf *to, gn_err *e);
/* First segment: remember; later ones must mean the same. `user` NULL: not known. */
int gn_activity_agree(gn_activity *a, gn_reader *r, const char *user, gn_type user_type,
                      const char *value, const char *params, gn_err *e);
/* Find first and last: the days of the valid rows with events. */
int gn_activity_cover(gn_activity *a, gn_err *e);

int gn_activity_state_segment(gn_activity *a, gn_reader *r, gn_err *e);
int gn_activity_state_batch(gn_activity *a, const gn_batch *b, gn_err *e);

#endif
