/* activesink.h - the rows of a gn_activity into whichever state counts them. */
#ifndef GN_OP_ACTIVESINK_H
#define GN_OP_ACTIVESINK_H

#include "active.h"
#include "activeapprox.h"
#include "activeuser.h"
#include "activity.h"
#include "rollup.h"

/* One of them is set. */
typedef struct gn_active_sink {
    gn_active *active; /* exact tables */
    gn_by_user *user;  /* the same, of events ordered by user */
    gn_rollup *rollup; /* exact state */
    gn_approx *approx; /* estimates: tables and state */
} gn_active_sink;

/* Count the batch that gn_activity_batch has just read. */
int gn_active_sink_add(const gn_active_sink *s, gn_activity *in, gn_err *e);
/* As of active.h; not of a rollup. */
bool gn_active_sink_covered(const gn_active_sink *s, int64_t *first, int64_t *last);
int gn_active_sink_count(const gn_active_sink *s, int64_t from, int64_t to, gn_active_report *r,
                         gn_err *e);
void gn_active_sink_release(gn_active_sink *s); /* idempotent */

#endif
