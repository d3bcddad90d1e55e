/* burst.c - see burst.h. */
#include "burst.h"

#include "../base/civil.h"
#include "../stream/value.h"
#include "activity.h"
#include "rollup.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define METRIC "daily_events"

typedef struct user_day {
    int64_t day;
    uint64_t n;
} user_day;

struct gn_burst {
    gn_burst_options o;
    gn_anomalies *to;
    gn_burst_counts count;
    bool begun, states, streams;
    int f_user, f_time;
    gn_type user_type;
    const char *name; /* of the input */
    gn_activity in;   /* of states */
    gn_rollup *rollup;
    /* in order: the user, days before the last ones, the last ones */
    gn_buf user;
    user_day *ring; /* days with events, o.days of them at most: from `head`, `nring` of them */
    size_t head, nring;
    uint64_t sum;        /* of those in the ring */
    user_day pending[2]; /* days that may go on: of events in order of time, since clocks that are
                            set back at midnight show the day before again */
    size_t npending;
    int64_t last_us;
    /* words */
    gn_text *text;
    gn_buf entity, description;
    gn_row row;
};

gn_burst *gn_burst_new(const gn_burst_options *o, gn_anomalies *to, gn_err *e)
{
    gn_burst *b = gn_calloc(1, sizeof *b, e);
    if (!b)
        return NULL;
    b->o = *o;
    b->to = to;
    if (!(b->ring = gn_alloc((size_t)o->days, sizeof *b->ring, e)) ||
        !(b->text = gn_text_new(o->zone, e))) {
        gn_burst_free(b);
        return NULL;
    }
    return b;
}

void gn_burst_free(gn_burst *b)
{
    if (!b)
        return;
    gn_activity_release(&b->in);
    gn_rollup_free(b->rollup);
    gn_buf_release(&b->user);
    free(b->ring);
    gn_text_free(b->text);
    gn_buf_release(&b->entity);
    gn_buf_release(&b->description);
    gn_row_release(&b->row);
    free(b);
}

gn_type gn_burst_user_type(const gn_burst *b)
{
    return b->user_type;
}

const gn_burst_counts *gn_burst_counted(const gn_burst *b)
{
    return &b->count;
}

/* ---- one user's days in order ---- */

static int found(gn_burst *b, const user_day *d, double ratio, gn_err *e)
{
    gn_str user = {b->user.p, (uint32_t)b->user.n};
    double mean = gn_ratio(b->sum, b->nring);
    char day[GN_TIME_TEXT];
    b->count.anomalies++;
    b->entity.n = b->description.n = 0;
    gn_date_format(d->day, day);
    if (gn_anomaly_text(b->text, &b->entity, b->user_type, user, e) ||
        gn_buf_printf(&b->description, e, "events on %s: %" PRIu64 " seen, ", day, d->n) ||
        gn_anomaly_number(&b->description, mean, e) ||
        gn_buf_printf(&b->description, e,
                      " expected, the mean of %zu active days among the %" PRId64 " before: ",
                      b->nring, b->o.days) ||
        gn_anomaly_number(&b->description, ratio, e) ||
        gn_buf_printf(&b->description, e, " times as many"))
        return -1;
    gn_anomaly a = {.rule = GN_BEHAVIOURAL,
                    .entity = {b->entity.p, (uint32_t)b->entity.n},
                    .entity_type = "user",
                    .at = gn_zone_to_utc(b->o.zone, d->day * GN_DAY_US),
                    .user = user,
                    .metric = METRIC,
                    .value = (double)d->n,
                    .expected = mean,
                    .score = ratio,
                    .threshold = b->o.factor,
                    .baseline_n = b->nring,
                    .severity = gn_severity_of(&b->o.severity, ratio),
                    .description = {b->description.p, (uint32_t)b->description.n}};
    return gn_anomaly_row(&a, &b->row, e) || gn_anomalies_put(b->to, &b->row, e) ? -1 : 0;
}

/* The next day of the user, which is whole. */
static int take_day(gn_burst *b, user_day d, gn_err *e)
{
    const size_t cap = (size_t)b->o.days;
    while (b->nring && b->ring[b->head].day < d.day - b->o.days) {
        b->sum -= b->ring[b->head].n;
        b->head = (b->head + 1) % cap;
        b->nring--;
    }
    b->count.user_days++;
    if (b->nring >= (size_t)b->o.active) {
        b->count.judged++;
        double ratio = gn_ratio((gn_i128)d.n * b->nring, b->sum);
        if (d.n >= b->o.least && ratio > b->o.factor && found(b, &d, ratio, e))
            return -1;
    }
    if (b->nring == cap) { /* it is the day that many days before, and the next one is later */
        b->sum -= b->ring[b->head].n;
        b->head = (b->head + 1) % cap;
        b->nring--;
    }
    b->ring[(b->head + b->nring++) % cap] = d;
    if (__builtin_add_overflow(b->sum, d.n, &b->sum))
        return gn_fail(e, GN_INPUT, "a user's events overflow");
    return 0;
}

static int flush_pending(gn_burst *b, int64_t before, gn_err *e)
{
    while (b->npending && b->pending[0].day < before) {
        user_day d = b->pending[0];
        b->pending[0] = b->pending[1];
        b->npending--;
        if (take_day(b, d, e))
            return -1;
    }
    return 0;
}

static int begin_user(gn_burst *b, gn_str user, gn_err *e)
{
    if (flush_pending(b, INT64_MAX, e))
        return -1;
    b->head = b->nring = 0;
    b->sum = 0;
    b->user.n = 0;
    b->count.users++;
    return gn_buf_add(&b->user, user.p, user.n, e);
}

static bool same_user(const gn_burst *b, gn_str user)
{
    return b->user.n == user.n && memcmp(b->user.p, user.p, user.n) == 0;
}

/* A user's day, once, in order. */
static int whole_day(void *ctx, gn_str user, int64_t day, uint64_t events, gn_err *e)
{
    gn_burst *b = ctx;
    if (events == 0) /* it was touched only */
        return 0;
    if (!same_user(b, user) && begin_user(b, user, e))
        return -1;
    return take_day(b, (user_day){day, events}, e);
}

static int out_of_order(const gn_burst *b, gn_err *e)
{
    return gn_fail(e, GN_INPUT,
                   "'%s': not in the order of user and time that its header claims, or after the "
                   "segment before (give --hash)",
                   b->name);
}

/* An event, in order of user and time. */
static int one_event(gn_burst *b, gn_str user, int64_t us, int64_t day, gn_err *e)
{
    if (!same_user(b, user)) {
        gn_str last = {b->user.p, (uint32_t)b->user.n};
        if (last.n && gn_value_cmp(b->user_type, last, user) > 0)
            return out_of_order(b, e);
        if (begin_user(b, user, e))
            return -1;
    } else if (us < b->last_us) {
        return out_of_order(b, e);
    }
    b->last_us = us;
    for (size_t k = 0; k < b->npending; k++)
        if (b->pending[k].day == day) {
            b->pending[k].n++;
            return 0;
        }
    if (flush_pending(b, day - 1, e) ||
        (b->npending == 2 && flush_pending(b, b->pending[0].day + 1, e)))
        return -1;
    size_t k = b->npending; /* now one at most: the day before, or after */
    if (k && b->pending[0].day > day) {
        b->pending[1] = b->pending[0];
        k = 0;
    }
    b->pending[k] = (user_day){day, 1};
    b->npending++;
    return 0;
}

/* ---- segments ---- */

static bool ordered(const gn_header *h, const char *user, const char *time)
{
    return h->norder >= 2 && !h->order[0].desc && !h->order[1].desc &&
           strcmp(h->order[0].field, user) == 0 && strcmp(h->order[1].field, time) == 0;
}

/* Days begin where the roll-up's do. */
static int check_zone(const gn_burst *b, const char *params, gn_err *e)
{
    gn_buf zone = {0};
    const char *at = NULL;
    if (gn_buf_printf(&zone, e, " tz=%s", b->o.tz) == 0)
        at = strstr(params, (char *)zone.p);
    bool same = at && (at[zone.n] == '\0' || at[zone.n] == ' ');
    gn_buf_release(&zone);
    return same ? 0
                : gn_fail(e, GN_INPUT, "'%s': made with other options (%s): give its --tz", b->name,
                          params);
}

static int state_segment(gn_burst *b, gn_reader *r, gn_err *e)
{
    if (!b->begun)
        gn_activity_init(&b->in, &(gn_activity_options){.user = b->o.user,
                                                        .time = b->o.time,
                                                        .active = "any",
                                                        .tz = b->o.tz,
                                                        .zone = b->o.zone,
                                                        .states = true,
                                                        .params_default = true,
                                                        .budget = b->o.budget});
    if (gn_activity_segment(&b->in, r, e) || check_zone(b, gn_reader_header(r)->partial.params, e))
        return -1;
    b->user_type = b->in.user_type;
    return 0;
}

static int event_segment(gn_burst *b, gn_reader *r, gn_err *e)
{
    b->f_user = gn_reader_field(r, "--user", b->o.user, 1u << GN_STR | 1u << GN_INT, e);
    if (b->f_user < 0)
        return -1;
    b->f_time = gn_reader_field(r, "--time", b->o.time, 1u << GN_TIME | 1u << GN_DATE, e);
    if (b->f_time < 0 || gn_reader_want(r, b->f_user, GN_RAW, e) ||
        gn_reader_want(r, b->f_time, GN_VALUE, e))
        return -1;
    b->user_type = gn_reader_header(r)->schema.f[b->f_user].type;
    return gn_part_whole(&gn_reader_header(r)->part, b->o.user, b->name, e);
}

int gn_burst_segment(gn_burst *b, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    bool states = h->partial.command != NULL;
    b->name = gn_reader_name(r);
    if (b->begun && states != b->states)
        return gn_fail(e, GN_INPUT, "'%s': events and roll-ups do not go together", b->name);
    if (states ? state_segment(b, r, e) : event_segment(b, r, e))
        return -1;
    bool in_order = !b->o.hash && (states ? !b->begun : ordered(h, b->o.user, b->o.time));
    if (!b->begun) {
        b->streams = in_order;
        if (!in_order && !(b->rollup = gn_rollup_new(b->o.budget, b->o.temp_dir, e)))
            return -1;
    } else if (b->streams && !in_order) {
        return gn_fail(e, GN_INPUT, "'%s': %s (give --hash)", b->name,
                       states ? "a further roll-up, and the first was read as the only one"
                              : "not ordered as the segment before");
    }
    b->begun = true;
    b->states = states;
    return 0;
}

/* ---- batches ---- */

static int add_states(gn_burst *b, const gn_batch *x, gn_err *e)
{
    gn_activity *in = &b->in;
    if (gn_activity_batch(in, x, e))
        return -1;
    if (!b->streams)
        return gn_rollup_add(b->rollup, b->user_type, in->key, in->day, in->events, in->n, in->sum,
                             in->valid, in->nvalid, e);
    for (size_t i = 0; i < in->nvalid; i++)
        if (whole_day(b, in->key[i], in->day[i], in->events[i], e))
            return -1;
    return 0;
}

static int add_events(gn_burst *b, const gn_batch *x, gn_err *e)
{
    const gn_vec *user = &x->col[b->f_user], *time = &x->col[b->f_time];
    int64_t days[GN_BATCH];
    const int64_t *day = time->i;
    uint16_t valid[GN_BATCH];
    static const uint64_t none[GN_BATCH] = {0};
    uint64_t events[GN_BATCH];
    gn_i128 sum[GN_BATCH];
    size_t n = 0;
    if (time->type == GN_TIME) {
        gn_zone_days(b->o.zone, time->i, days, x->n);
        day = days;
    }
    b->count.null_user += user->nulls;
    b->count.null_time += time->nulls;
    for (size_t i = 0; i < x->n; i++) {
        valid[n] = (uint16_t)i;
        n += !(user->null[i] | time->null[i]);
        events[i] = 1;
        sum[i] = 0;
    }
    for (size_t k = 0; k < n; k++)
        if (day[valid[k]] < GN_DAY_MIN || day[valid[k]] > GN_DAY_MAX)
            return gn_fail(e, GN_INPUT,
                           "a time whose day in its zone is outside the years 0001 to 9999");
    if (!b->streams)
        return gn_rollup_add(b->rollup, b->user_type, user->raw, day, events, none, sum, valid, n,
                             e);
    for (size_t k = 0; k < n; k++) {
        size_t i = valid[k];
        if (one_event(b, user->raw[i], time->i[i], day[i], e))
            return -1;
    }
    return 0;
}

int gn_burst_add(gn_burst *b, const gn_batch *x, gn_err *e)
{
    return b->states ? add_states(b, x, e) : add_events(b, x, e);
}

int gn_burst_finish(gn_burst *b, gn_err *e)
{
    if (b->rollup) {
        if (gn_rollup_each(b->rollup, whole_day, b, e))
            return -1;
        gn_rollup_spilled(b->rollup, &b->count.spill_runs, &b->count.spilled);
        gn_rollup_free(b->rollup);
        b->rollup = NULL;
    }
    return flush_pending(b, INT64_MAX, e);
}
