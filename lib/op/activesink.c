/* activesink.c - see activesink.h. */
#include "activesink.h"

static int add_approx(gn_approx *a, gn_activity *in, gn_err *e)
{
    if (gn_approx_add(a, in->day, in->events, in->n, in->sum, in->valid, in->nvalid, e))
        return -1;
    return in->sketch ? gn_approx_sketches(a, in->sketch, in->day, in->nvalid, e)
                      : gn_approx_users(a, in->key, in->day, in->row, in->nrow, e);
}

static int add_rollup(gn_rollup *r, gn_activity *in, gn_err *e)
{
    if (gn_rollup_add(r, in->user_type, in->key, in->day, in->events, in->n, in->sum, in->valid,
                      in->nvalid, e))
        return -1;
    return in->o.states && in->touches ? gn_rollup_touch(r, in->user_type, in->key, in->day,
                                                         in->touch, in->row, in->nrow, e)
                                       : 0;
}

static int add_active(gn_active *a, gn_activity *in, gn_err *e)
{
    if (in->first <= in->last)
        gn_active_cover(a, in->first, in->last);
    return in->o.states
               ? gn_active_rollups(a, in->key, in->day, in->n, in->sum, in->row, in->nrow, e)
               : gn_active_events(a, in->key, in->day, in->amount, in->row, in->nrow, e);
}

/* The days that events last into. */
static int add_touched(const gn_active_sink *s, gn_activity *in, gn_err *e)
{
    static const uint64_t none[GN_BATCH];
    static const gn_i128 nothing[GN_BATCH];
    const gn_str *key = in->touched_key;
    const int64_t *day = in->touched_day;
    int r = 0;
    for (size_t n; r == 0 && (n = gn_activity_touched(in)) > 0;)
        r = s->approx   ? gn_approx_users(s->approx, key, day, NULL, n, e)
            : s->rollup ? gn_rollup_touch(s->rollup, in->user_type, key, day, NULL, NULL, n, e)
                        : gn_active_rollups(s->active, key, day, none, nothing, NULL, n, e);
    return r;
}

int gn_active_sink_add(const gn_active_sink *s, gn_activity *in, gn_err *e)
{
    if (!in->o.states && !s->active)
        gn_activity_expand(in);
    int r = s->approx   ? add_approx(s->approx, in, e)
            : s->rollup ? add_rollup(s->rollup, in, e)
                        : add_active(s->active, in, e);
    return r == 0 && !in->o.states && in->o.span ? add_touched(s, in, e) : r;
}
