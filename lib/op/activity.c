/* activity.c - see activity.h. */
#include "activitypriv.h"

#include "../base/civil.h"
#include "../kernel/hll.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_DEFAULT "duration_ms"
#define SPAN_MAX_US (GN_SPAN_DAYS * GN_DAY_US)
#define TOUCHES_MAX (GN_SPAN_DAYS + 10) /* days of an event, whatever the zone does in between */

void gn_activity_init(gn_activity *a, const gn_activity_options *o)
{
    a->o = *o;
    a->f_value = a->f_zone = -1;
}

void gn_activity_release(gn_activity *a)
{
    gn_expr_free(a->filter);
    gn_zones_free(a->zones);
    free(a->user);
    free(a->value);
    free(a->params);
    gn_buf_release(&a->before);
    a->filter = NULL;
    a->zones = NULL;
    a->user = a->value = a->params = NULL;
}

int gn_activity_head(const gn_activity *a, gn_buf *to, const char *user, const char *value,
                     gn_err *e)
{
    value = value ? value : "";
    return a->o.sketches ? gn_buf_printf(to, e, "sketch=" GN_HLL_NAME " value=%s user=", value)
                         : gn_buf_printf(to, e, "user=%s value=%s", user, value);
}

int gn_activity_tail(const gn_activity *a, gn_buf *to, gn_err *e)
{
    return gn_buf_printf(to, e, " active=%s tz=%s%s%s%s", a->o.active, a->o.tz,
                         a->o.tz_field ? " tz-field=" : "", a->o.tz_field ? a->o.tz_field : "",
                         a->o.span ? " span=yes" : "");
}

int gn_activity_agree(gn_activity *a, gn_reader *r, const char *user, gn_type user_type,
                      const char *value, const char *params, gn_err *e)
{
    if (!a->begun) {
        a->user_type = user_type;
        if ((user && !(a->user = gn_strdup(user, e))) ||
            (value && !(a->value = gn_strdup(value, e))) || !(a->params = gn_strdup(params, e)))
            return -1;
        a->begun = true;
        return 0;
    }
    if (user_type != a->user_type || !value != !a->value)
        return gn_fail(e, GN_INPUT,
                       "'%s': its user or value field is unlike that of the first input",
                       gn_reader_name(r));
    if (strcmp(params, a->params) != 0)
        return gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than the first input (%s)",
                       gn_reader_name(r), params, a->params);
    return 0;
}

static int compile_filter(gn_activity *a, gn_reader *r, const char *value, gn_err *e)
{
    gn_buf text = {0};
    const gn_schema *s = &gn_reader_header(r)->schema;
    gn_expr_free(a->filter);
    a->filter = NULL;
    if (strcmp(a->o.active, "any") == 0)
        return 0;
    const char *v = value ? value : VALUE_DEFAULT;
    int failed = strcmp(a->o.active, "engaged") == 0
                     ? gn_buf_printf(&text, e, "`%s` > 10s and `%s` < 4h", v, v)
                     : gn_buf_printf(&text, e, "%s", a->o.active);
    if (!failed)
        a->filter = gn_expr_condition((char *)text.p, "--active", s, a->o.zone, e);
    gn_buf_release(&text);
    return a->filter ? gn_expr_want_reader(a->filter, r, e) : -1;
}

static int want_zone(gn_activity *a, gn_reader *r, gn_err *e)
{
    a->f_zone = gn_reader_field(r, "--tz-field", a->o.tz_field, 1u << GN_STR, e);
    if (a->f_zone < 0 || gn_reader_want(r, a->f_zone, GN_VALUE, e))
        return -1;
    return a->zones || (a->zones = gn_zones_new(a->o.budget, e)) ? 0 : -1;
}

static int events_segment(gn_activity *a, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const char *value = a->o.value ? a->o.value : VALUE_DEFAULT;
    if (h->partial.command)
        return gn_fail(e, GN_INPUT, "'%s': a partial state of %s, not events (use --merge)",
                       gn_reader_name(r), h->partial.command);
    if (!a->o.value && gn_schema_find(&h->schema, value) < 0)
        value = NULL;
    a->f_user = gn_reader_field(r, "--user", a->o.user, ~(1u << GN_FLOAT), e);
    a->f_time = a->f_user < 0
                    ? -1
                    : gn_reader_field(r, "--time", a->o.time, 1u << GN_TIME | 1u << GN_DATE, e);
    if (a->f_time < 0)
        return -1;
    a->f_value = value ? gn_reader_field(r, "--value", value, 1u << GN_INT, e) : -1;
    if (value && a->f_value < 0)
        return -1;
    if (a->o.span && (!value || h->schema.f[a->f_time].type != GN_TIME))
        return gn_fail(e, GN_INPUT, "'%s': --span needs %s", gn_reader_name(r),
                       value ? "times, not dates" : "durations (name their field with --value)");
    if (a->o.tz_field && want_zone(a, r, e))
        return -1;
    if (gn_reader_want(r, a->f_user, GN_RAW, e) || gn_reader_want(r, a->f_time, GN_VALUE, e) ||
        (value && gn_reader_want(r, a->f_value, GN_VALUE, e)) || compile_filter(a, r, value, e))
        return -1;
    a->touches = a->o.span;
    a->input = gn_reader_name(r);
    gn_type user_type = h->schema.f[a->f_user].type;
    gn_buf params = {0};
    int result = gn_activity_head(a, &params, a->o.user, value, e) ||
                         (a->o.sketches &&
                          gn_buf_printf(&params, e, "%s:%s", a->o.user, gn_type_name(user_type))) ||
                         gn_activity_tail(a, &params, e) ||
                         gn_activity_agree(a, r, a->o.user, user_type, value, (char *)params.p, e)
                     ? -1
                     : 0;
    gn_buf_release(&params);
    return result;
}

int gn_activity_segment(gn_activity *a, gn_reader *r, gn_err *e)
{
    return a->o.states ? gn_activity_state_segment(a, r, e) : events_segment(a, r, e);
}

/* ---- batches ---- */

int gn_activity_cover(gn_activity *a, gn_err *e)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    a->first = INT64_MAX;
    a->last = INT64_MIN;
    for (size_t k = 0; k < a->nvalid; k++) {
        int64_t day = a->day[a->valid[k]];
        least = day < least ? day : least;
        most = day > most ? day : most;
        if (a->o.states && a->events[a->valid[k]] == 0)
            continue;
        a->first = day < a->first ? day : a->first;
        a->last = day > a->last ? day : a->last;
    }
    if (a->nvalid && (least < GN_DAY_MIN || most > GN_DAY_MAX))
        return gn_fail(e, GN_INPUT,
                       "a time whose day in its zone is outside the years 0001 to 9999");
    return 0;
}

/* The zone of each valid record. */
static int find_zones(gn_activity *a, const gn_vec *name, gn_err *e)
{
    gn_zones_trim(a->zones);
    for (size_t k = 0; k < a->nvalid; k++) {
        size_t i = a->valid[k];
        if (!name->null[i] && gn_zones_find(a->zones, name->s[i], &a->zone[i], e))
            return -1;
        a->null_zone += name->null[i];
        a->unknown_zone += !name->null[i] && !a->zone[i];
        if (name->null[i] || !a->zone[i])
            a->zone[i] = a->o.zone;
    }
    return 0;
}

static int find_valid(gn_activity *a, const gn_batch *b, gn_err *e)
{
    const gn_vec *user = &b->col[a->f_user], *time = &b->col[a->f_time];
    a->key = user->raw;
    a->nvalid = 0;
    a->null_user += user->nulls;
    a->null_time += time->nulls;
    for (size_t i = 0; i < b->n; i++) {
        a->valid[a->nvalid] = (uint16_t)i;
        a->nvalid += !(user->null[i] | time->null[i]);
    }
    a->us = time->type == GN_TIME ? time->i : NULL;
    if (a->f_zone >= 0) {
        if (find_zones(a, &b->col[a->f_zone], e))
            return -1;
        for (size_t k = 0; k < a->nvalid && a->us; k++)
            gn_zone_days(a->zone[a->valid[k]], &a->us[a->valid[k]], &a->day[a->valid[k]], 1);
    } else if (a->us) {
        gn_zone_days(a->o.zone, a->us, a->day, b->n);
    }
    if (!a->us)
        memcpy(a->day, time->i, b->n * sizeof *a->day);
    return gn_activity_cover(a, e);
}

static int events_batch(gn_activity *a, const gn_batch *b, gn_err *e)
{
    size_t kept;
    a->next_touched = 0;
    a->nrow = 0;
    a->first_record = b->first;
    if (a->filter && gn_expr_filter(a->filter, b, a->active, &kept, e))
        return -1;
    if (a->filter && !a->o.all) {
        for (size_t k = 0; k < a->nvalid; k++) {
            a->row[a->nrow] = a->valid[k];
            a->nrow += a->active[a->valid[k]];
        }
        a->not_active += a->nvalid - a->nrow;
    } else {
        a->nrow = a->nvalid;
        memcpy(a->row, a->valid, a->nvalid * sizeof *a->row);
        if (!a->filter)
            memset(a->active, 1, b->n);
    }
    if (a->f_value < 0)
        return 0;
    const gn_vec *v = &b->col[a->f_value];
    a->amount = v->i;
    uint64_t null = 0, negative = 0;
    for (size_t k = 0; k < a->nrow; k++) {
        null += v->null[a->row[k]];
        negative += v->i[a->row[k]] < 0;
    }
    a->null_value += null;
    a->negative_value += negative;
    return 0;
}

void gn_activity_expand(gn_activity *a)
{
    for (size_t k = 0; k < a->nvalid; k++) {
        size_t i = a->valid[k];
        a->events[i] = 1;
        a->n[i] = a->active[i];
        a->sum[i] = a->active[i] && a->amount && a->amount[i] > 0 ? a->amount[i] : 0;
    }
}

/* The other days that an event touches: [us, end] is cut where the zone's offset changes, and each
 * piece shows an unbroken run of days. The days between two pieces never were. */
static size_t touched_days(const gn_zone *z, int64_t us, int64_t span_us, int64_t day, int64_t *out)
{
    int64_t last = GN_TIME_MAX + GN_DAY_US, lo = day, hi = day, until;
    int64_t end = us < last - span_us ? us + span_us - 1 : last;
    size_t n = 0;
    for (int64_t at = us; at <= end; at = until) {
        int64_t off = gn_zone_offset(z, at, NULL, &until) * GN_US;
        int64_t from = gn_day_of_us(at + off);
        int64_t to = gn_day_of_us((end < until ? end : until - 1) + off);
        for (int64_t d = from; d <= to && n < TOUCHES_MAX; d++)
            if ((d < lo || d > hi) && d >= GN_DAY_MIN && d <= GN_DAY_MAX)
                out[n++] = d;
        lo = from < lo ? from : lo;
        hi = to > hi ? to : hi;
    }
    return n;
}

size_t gn_activity_touched(gn_activity *a)
{
    a->ntouched = 0;
    while (a->next_touched < a->nrow && a->ntouched + TOUCHES_MAX <= GN_BATCH) {
        size_t i = a->row[a->next_touched++];
        int64_t ms = a->amount[i];
        if (ms <= 0)
            continue;
        bool cut = ms > SPAN_MAX_US / 1000;
        a->cut_span += cut;
        size_t n =
            touched_days(a->f_zone < 0 ? a->o.zone : a->zone[i], a->us[i],
                         cut ? SPAN_MAX_US : ms * 1000, a->day[i], a->touched_day + a->ntouched);
        for (size_t k = 0; k < n; k++)
            a->touched_key[a->ntouched++] = a->key[i];
    }
    return a->ntouched;
}

int gn_activity_batch(gn_activity *a, const gn_batch *b, gn_err *e)
{
    if (a->o.states)
        return gn_activity_state_batch(a, b, e);
    return find_valid(a, b, e) ? -1 : events_batch(a, b, e);
}
