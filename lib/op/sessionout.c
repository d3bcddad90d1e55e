/* sessionout.c - the rule of session_priv.h, and the open session as a record. */
#include "../base/parse.h"
#include "../io/mp.h"
#include "session_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the rule ---- */

void gn_session_rule_init(gn_session_rule *r, int64_t gap_ms, bool ge, bool from_end, bool split,
                          const gn_zone *zone)
{
    uint64_t us;
    *r = (gn_session_rule){
        .gap_ms = gap_ms, .ge = ge, .from_end = from_end, .split = split, .zone = zone};
    if (__builtin_mul_overflow((uint64_t)gap_ms, UINT64_C(1000), &us))
        us = UINT64_MAX; /* longer than time itself */
    r->limit = us - ge;  /* times are whole microseconds */
    r->from = 1;         /* no span was looked up */
}

void gn_session_span(gn_session_rule *r, int64_t t)
{
    r->offset = gn_zone_offset(r->zone, t, &r->from, &r->until) * GN_US;
    r->floor = INT64_MIN;
    if (r->from != INT64_MIN) { /* the last moment of the span before */
        int64_t last = r->from - 1, local;
        if (!__builtin_add_overflow(last, gn_zone_offset(r->zone, last, NULL, NULL) * GN_US,
                                    &local))
            r->floor = gn_day_of_us(local);
    }
}

char *gn_session_params(const gn_session_rule *r, const char *tz, const gn_session_names *n,
                        gn_err *e)
{
    gn_buf b = {0};
    if (gn_buf_printf(&b, e,
                      "gap_ms=%" PRId64 " boundary=%s from-end=%s split-midnight=%s user=%s "
                      "value=%s page=%s action=%s",
                      r->gap_ms, r->ge ? "ge" : "gt", r->from_end ? "yes" : "no",
                      r->split ? tz : "no", n->user, n->value ? n->value : "",
                      n->page ? n->page : "", n->action ? n->action : "")) {
        gn_buf_release(&b);
        return NULL;
    }
    return (char *)b.p;
}

void gn_session_names_release(gn_session_names *n)
{
    free(n->user);
    free(n->value);
    free(n->page);
    free(n->action);
    memset(n, 0, sizeof *n);
}

/* ---- the open session ---- */

void gn_session_open_init(gn_session_open *o, const char *temp_dir, gn_budget *b, size_t share)
{
    memset(o, 0, sizeof *o);
    o->budget = b;
    gn_distinct_init(&o->page, "pages of one session", b);
    gn_distinct_init(&o->action, "action types of one session", b);
    if (!share)
        return;
    gn_distinct_to_disk(&o->page, temp_dir, share);
    gn_distinct_to_disk(&o->action, temp_dir, share);
}

void gn_session_open_release(gn_session_open *o)
{
    gn_session_names_release(&o->names);
    gn_buf_release(&o->kept);
    gn_distinct_release(&o->page);
    gn_distinct_release(&o->action);
}

/* The text of a user's encoding. */
static void user_text(gn_session_open *o)
{
    const uint8_t *end = o->user.p + o->user.n;
    if (o->names.user_type == GN_STR) {
        const char *s = "";
        size_t n = 0;
        (void)gn_mp_get_str(o->user.p, end, &s, &n);
        o->text = (gn_str){(const uint8_t *)s, (uint32_t)n};
    } else {
        int64_t v = 0;
        (void)gn_mp_get_int(o->user.p, end, &v);
        o->text.n = (uint32_t)gn_int_format(v, o->number_text);
        o->text.p = (const uint8_t *)o->number_text;
    }
}

void gn_session_user(gn_session_open *o, gn_str user)
{
    o->user = user;
    user_text(o);
    o->count.users++;
}

int gn_session_keep(gn_session_open *o, gn_err *e)
{
    if (gn_distinct_keep(&o->page, e) || gn_distinct_keep(&o->action, e))
        return -1;
    if (o->user.p == o->kept.p || o->user.n == 0)
        return 0;
    o->kept.n = 0;
    if (gn_buf_reserve(&o->kept, o->user.n + GN_SLACK, e))
        return -1;
    memcpy(o->kept.p, o->user.p, o->user.n);
    memset(o->kept.p + o->user.n, 0, GN_SLACK); /* may be read beyond its end */
    o->kept.n = o->user.n;
    o->user.p = o->kept.p;
    user_text(o);
    return 0;
}

/* ---- headers ---- */

static int add(gn_header *h, const char *prefix, const char *name, gn_type t, gn_err *e)
{
    char text[GN_NAME_MAX + 16];
    int n = snprintf(text, sizeof text, "%s%s", prefix, name);
    return gn_schema_add(&h->schema, text, (size_t)n, t, e);
}

static int summary_schema(const gn_session_names *n, gn_header *h, gn_err *e)
{
    return add(h, "", "session_id", GN_STR, e) || add(h, "", n->user, n->user_type, e) ||
                   add(h, "", "session_start", GN_TIME, e) ||
                   add(h, "", "session_end", GN_TIME, e) ||
                   add(h, "", "session_duration_ms", GN_INT, e) ||
                   add(h, "", "actions_count", GN_INT, e) ||
                   (n->value && add(h, "total_", n->value, GN_INT, e)) ||
                   (n->page && add(h, "", "unique_pages", GN_INT, e)) ||
                   (n->action && add(h, "", "action_types", GN_INT, e)) ||
                   add(h, "", "is_bounce", GN_BOOL, e)
               ? -1
               : 0;
}

static int state_schema(const gn_session_names *n, gn_header *h, gn_err *e)
{
    return add(h, "", n->user, n->user_type, e) || add(h, "", "session_start", GN_TIME, e) ||
                   add(h, "", "session_end", GN_TIME, e) ||
                   add(h, "", "session_reach", GN_TIME, e) ||
                   add(h, "", "actions_count", GN_INT, e) ||
                   (n->value && (add(h, "total_", n->value, GN_BIN, e) ||
                                 add(h, "last_", n->value, GN_INT, e))) ||
                   (n->page && add(h, "pages_", n->page, GN_BIN, e)) ||
                   (n->action && add(h, "actions_", n->action, GN_BIN, e))
               ? -1
               : 0;
}

int gn_session_header(const gn_session_open *o, const char *params, gn_header *h, gn_err *e)
{
    bool states = o->output == GN_SESSION_STATES;
    if ((states ? state_schema : summary_schema)(&o->names, h, e) ||
        gn_header_add_order(h, o->names.user, false, e) ||
        gn_header_add_order(h, "session_start", false, e))
        return -1;
    h->total = true; /* no two sessions of a user start at the same time */
    if (states && (!(h->partial.command = gn_strdup(GN_SESSION_COMMAND, e)) ||
                   !(h->partial.state = gn_strdup(GN_SESSION_STATE, e)) ||
                   !(h->partial.params = gn_strdup(params, e))))
        return -1;
    return 0;
}

/* ---- records ---- */

/* The session is written: count and forget it. */
static void written(gn_session_open *o)
{
    o->count.sessions++;
    o->count.bounces += o->now.events == 1;
    o->count.events += o->now.events;
    o->number++;
    o->any = false;
    if (o->page.spill || o->action.spill) {
        o->count.spill_runs = o->page.runs + o->action.runs;
        o->count.spill_bytes = o->page.spilled + o->action.spilled;
    }
    gn_distinct_clear(&o->page);
    gn_distinct_clear(&o->action);
}

uint8_t *gn_session_summary(gn_session_open *o, uint8_t *p, gn_err *e)
{
    const gn_session *s = &o->now;
    const gn_session_names *n = &o->names;
    char digits[24];
    size_t nd = 1;
    if (gn_distinct_end(&o->page, false, e) || gn_distinct_end(&o->action, false, e))
        return NULL;
    if (o->number < 10)
        digits[0] = (char)('0' + o->number);
    else
        nd = gn_int_format((int64_t)o->number, digits);
    int64_t duration = (int64_t)(((uint64_t)s->end - (uint64_t)s->start) / 1000);
    if (o->with_last && s->last > 0 && __builtin_add_overflow(duration, s->last, &duration)) {
        gn_fail(e, GN_INPUT, "the duration of a session overflows");
        return NULL;
    }
    if (!gn_fits_i64(s->total)) {
        gn_fail(e, GN_INPUT, "the total of '%s' of a session overflows", n->value);
        return NULL;
    }
    p = gn_mp_array_head(p, 7 + !!n->value + !!n->page + !!n->action);
    p = gn_mp_str_head(p, o->text.n + 1 + nd);
    p = gn_copy_span(p, o->text.p, o->text.n);
    *p++ = '_';
    memcpy(p, digits, sizeof digits);
    p = gn_copy_span(p + nd, o->user.p, o->user.n);
    p = gn_mp_time(p, s->start);
    p = gn_mp_time(p, s->end);
    p = gn_mp_int(p, duration);
    p = gn_mp_int(p, (int64_t)s->events);
    if (n->value)
        p = gn_mp_int(p, (int64_t)s->total);
    if (n->page)
        p = gn_mp_int(p, (int64_t)gn_distinct_count(&o->page));
    if (n->action)
        p = gn_mp_int(p, (int64_t)gn_distinct_count(&o->action));
    p = gn_mp_bool(p, s->events == 1);
    written(o);
    return p;
}

static uint8_t *put_list(uint8_t *p, gn_distinct *d)
{
    return gn_distinct_list(d, gn_mp_bin_head(p, gn_distinct_bytes(d)));
}

int gn_session_state(gn_session_open *o, gn_writer *w, gn_err *e)
{
    const gn_session *s = &o->now;
    const gn_session_names *n = &o->names;
    if (gn_distinct_end(&o->page, true, e) || gn_distinct_end(&o->action, true, e))
        return -1;
    size_t room =
        GN_SESSION_ROOM(1, o->user.n) + gn_distinct_bytes(&o->page) + gn_distinct_bytes(&o->action);
    if (room > GN_MAX_RECORD)
        return gn_fail(e, GN_IO,
                       "the distinct pages of one session are too many for a state: over "
                       "%zu MiB",
                       GN_MAX_RECORD >> 20);
    /* A moment's copy in the buffer of the output. */
    if (gn_budget_take(o->budget, room, e))
        return -1;
    gn_budget_give(o->budget, room);
    uint8_t *p = gn_writer_reserve(w, room, e);
    if (!p)
        return -1;
    p = gn_mp_array_head(p, 5 + 2 * !!n->value + !!n->page + !!n->action);
    memcpy(p, o->user.p, o->user.n);
    p += o->user.n;
    p = gn_mp_time(p, s->start);
    p = gn_mp_time(p, s->end);
    p = gn_mp_time(p, s->reach);
    p = gn_mp_int(p, (int64_t)s->events);
    if (n->value) {
        p = gn_mp_bin_head(p, 16);
        gn_i128_put(s->total, p);
        p += 16;
        p = s->last < 0 ? gn_mp_nil(p) : gn_mp_int(p, s->last);
    }
    if (n->page)
        p = put_list(p, &o->page);
    if (n->action)
        p = put_list(p, &o->action);
    written(o);
    return gn_writer_commit(w, p, 1, e);
}
