/* gn-cohort - cohort retention: of those who joined in a week or month, how many were active how
 * many weeks or months later, in all and by segments.
 *
 * Needs no order. Where events or roll-ups come ordered by user, and members too, one user is held
 * at a time; else days of users are gathered and members sorted. Memory: keyed by cohort and
 * segment; beyond -m users spill. With --partial it writes counts instead, which --merge adds up:
 * those of disjoint sets of users. */
#include "app/app.h"
#include "base/parse.h"
#include "op/cohort.h"
#include "op/retention.h"
#include "op/unite.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND "gn-cohort"
#define STATE "counts"

typedef struct options {
    const char *members, *members_user, *join, *segment;
    const char *user, *time, *value, *active, *from, *to;
    int cohort, period, w0;
    int64_t periods;
    bool wide, percent, hash, partial, merge, allow_partial;
    gn_list also;
} options;

enum { TOTAL, SEGMENTS, TOTAL_WIDE, SEGMENTS_WIDE, KINDS };
static const char *const kind[KINDS] = {"total", "segments", "total-wide", "segments-wide"};

typedef struct state {
    gn_period period;
    char *segments; /* names, NUL-terminated */
    const char *segment[GN_COHORT_SEGMENTS];
    size_t nsegments;
    gn_retention *events; /* NULL with --merge: */
    gn_cohorts *merged;
    gn_cohort_cover merged_cover;
    char *params; /* of the first state */
    bool by_segment;
    gn_writer *also[KINDS];
    gn_unite placed; /* of the events: only how they are placed */
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"members", 0, "FILE", "the metadata: a stream with users and join dates", GN_OPT_TEXT,
     O(members), false, 0, 0},
    {"cohort", 0, "join|first-seen",
     "the cohort is the period of the join date, or of the first active day (default join)",
     GN_OPT_CHOICE, O(cohort), true, 0, 0},
    {"period", 0, "week|month", "ISO weeks, or calendar months (default week)", GN_OPT_CHOICE,
     O(period), true, 0, 0},
    {"periods", 0, "N", "the last period number (default 26)", GN_OPT_INT, O(periods), true, 0,
     GN_COHORT_PERIODS_MAX},
    {"segment", 0, "FIELD,...",
     "write the table by segments: the values of these fields of the members", GN_OPT_TEXT,
     O(segment), true, 0, 0},
    {"wide", 0, NULL, "write one record a cohort, with the rates only", GN_OPT_FLAG, O(wide), true,
     0, 0},
    {"also", 0, "KIND=FILE",
     "write a further table to FILE: total, segments, total-wide or segments-wide; all files "
     "appear together at the end",
     GN_OPT_LIST, O(also), false, 0, 0},
    {"w0", 0, "active|fixed",
     "period 0 counts those who were active, or is 1 by definition (default active)", GN_OPT_CHOICE,
     O(w0), true, 0, 0},
    {"percent", 0, NULL, "rates from 0 to 100", GN_OPT_FLAG, O(percent), true, 0, 0},
    {"active", 0, "RULE",
     "what makes a user active: any event, engaged (10 s < value < 4 h), or an expression on "
     "events "
     "(default any)",
     GN_OPT_TEXT, O(active), true, 0, 0},
    {"from", 0, "DATE", "first day that the data cover (default: of the events)", GN_OPT_TEXT,
     O(from), true, 0, 0},
    {"to", 0, "DATE", "last day that they cover (default: of the events)", GN_OPT_TEXT, O(to), true,
     0, 0},
    {"user", 0, "FIELD", "the user (default user_id)", GN_OPT_TEXT, O(user), true, 0, 0},
    {"time", 0, "FIELD", "the time or date of the event (default timestamp)", GN_OPT_TEXT, O(time),
     true, 0, 0},
    {"value", 0, "FIELD", "for --active engaged (default duration_ms)", GN_OPT_TEXT, O(value), true,
     0, 0},
    {"members-user", 0, "FIELD", "the user in the metadata (default: as --user)", GN_OPT_TEXT,
     O(members_user), true, 0, 0},
    {"join", 0, "FIELD", "the date or time in the metadata (default join_date)", GN_OPT_TEXT,
     O(join), true, 0, 0},
    {"hash", 0, NULL, "do not rely on the order of the events", GN_OPT_FLAG, O(hash), false, 0, 0},
    {"partial", 0, NULL, "write the mergeable state, counts, and no table", GN_OPT_FLAG, O(partial),
     true, 0, 0},
    {"merge", 0, NULL, "read such states, not events", GN_OPT_FLAG, O(merge), true, 0, 0},
    {"allow-partial", 0, NULL, "use states although parts of their sources are missing",
     GN_OPT_FLAG, O(allow_partial), true, 0, 0},
    {0}};
static const options defaults = {.periods = -1};

static const char *or_else(const char *given, const char *otherwise)
{
    return given ? given : otherwise;
}

/* ---- options ---- */

static int parse_segments(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (!o->segment)
        return 0;
    if (!(s->segments = gn_strdup(o->segment, &a->err)))
        return -1;
    for (char *p = s->segments;; p++) {
        char *name = p;
        p += strcspn(p, ",");
        if (p == name || (size_t)(p - name) > GN_NAME_MAX || s->nsegments == GN_COHORT_SEGMENTS)
            return gn_fail(&a->err, GN_USAGE, "--segment: '%s' is no list of at most %d fields",
                           o->segment, GN_COHORT_SEGMENTS);
        bool last = !*p;
        *p = '\0';
        for (size_t i = 0; i < s->nsegments; i++)
            if (strcmp(s->segment[i], name) == 0)
                return gn_fail(&a->err, GN_USAGE, "--segment: '%s' is named twice", name);
        s->segment[s->nsegments++] = name;
        if (last)
            return 0;
    }
}

static int check_states(gn_app *a)
{
    const options *o = a->opt;
    if (o->partial && (o->wide || o->w0 || o->percent || o->also.n))
        return gn_fail(
            &a->err, GN_USAGE,
            "--partial writes all counts: give --wide, --w0, --percent and --also to the "
            "--merge that reads them");
    if (o->merge && (o->members || o->members_user || o->join || o->segment || o->user || o->time ||
                     o->value || o->active || o->from || o->to || o->cohort || o->period ||
                     o->periods >= 0 || o->hash || strcmp(a->common.tz, "UTC") != 0))
        return gn_fail(&a->err, GN_USAGE,
                       "--merge takes what was counted from the states: only --wide, --w0, "
                       "--percent and --also go with it");
    return 0;
}

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (check_states(a) || gn_period_parse(&s->period, o->from, o->to, NULL, &a->err) ||
        parse_segments(a))
        return -1;
    if (o->merge)
        return 0;
    if (!o->members && (!o->cohort || o->segment))
        return gn_fail(&a->err, GN_USAGE, "%s need metadata: give --members FILE%s",
                       o->segment ? "segments" : "join dates",
                       o->segment ? "" : ", or --cohort first-seen");
    if (o->members && strcmp(o->members, "-") == 0)
        return gn_fail(&a->err, GN_USAGE, "--members: a file is needed, not standard input");
    if (o->active && strcmp(o->active, "any") != 0 && strcmp(o->active, "engaged") != 0 &&
        gn_expr_check(o->active, "--active", &a->err))
        return -1;
    return 0;
}

static int begin_events(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    const char *user = or_else(o->user, "user_id");
    s->by_segment = s->nsegments > 0;
    s->events = gn_retention_new(
        &(gn_retention_options){.user = user,
                                .time = or_else(o->time, "timestamp"),
                                .value = o->value,
                                .active = o->active,
                                .members = o->members,
                                .members_user = or_else(o->members_user, user),
                                .join = or_else(o->join, "join_date"),
                                .segment = s->segment,
                                .nsegments = s->nsegments,
                                .first_seen = o->cohort == 1,
                                .month = o->period == 1,
                                .periods = o->periods < 0 ? GN_COHORT_PERIODS : o->periods,
                                .period = s->period,
                                .hash = o->hash || a->files.n > 1,
                                .tz = a->common.tz,
                                .zone = a->zone,
                                .max_record = a->common.max_record,
                                .budget = &a->budget,
                                .memory = a->common.memory,
                                .temp_dir = a->common.temp_dir},
        &a->err);
    return s->events ? 0 : -1;
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    for (size_t i = 0; i < o->also.n; i++) {
        const char *text = o->also.v[i], *eq = strchr(text, '=');
        int k = KINDS;
        while (eq && eq[1] && k-- > 0)
            if (strlen(kind[k]) == (size_t)(eq - text) &&
                memcmp(kind[k], text, strlen(kind[k])) == 0)
                break;
        if (!eq || !eq[1] || k < 0)
            return gn_fail(&a->err, GN_USAGE,
                           "--also: '%s' is not KIND=FILE with KIND one of total, segments, "
                           "total-wide, segments-wide",
                           text);
        if (s->also[k])
            return gn_fail(&a->err, GN_USAGE, "--also: '%s' is asked for twice", kind[k]);
        if (!o->merge && !s->nsegments && (k == SEGMENTS || k == SEGMENTS_WIDE))
            return gn_fail(&a->err, GN_USAGE, "--also %s needs --segment", kind[k]);
        if (!(s->also[k] = gn_app_also(a, eq + 1)))
            return -1;
    }
    return o->merge ? 0 : begin_events(a);
}

/* ---- events ---- */

static void count_events(gn_app *a)
{
    const options *o = a->opt;
    const gn_retention *r = ((state *)a->state)->events;
    const gn_cohort_feed *f = gn_retention_feed(r);
    const gn_activity *in = gn_retention_activity(r);
    gn_members_counts m = gn_retention_members(r);
    uint64_t runs, bytes = gn_retention_spilled(r, &runs);
    gn_app_count(a, "null_user", in->null_user);
    gn_app_count(a, "null_time", in->null_time);
    gn_app_count(a, "not_active", in->not_active);
    gn_app_count(a, "active_users", f->active);
    if (o->members) {
        gn_app_count(a, "member_rows", m.rows);
        gn_app_count(a, "member_null_user", m.null_user);
        gn_app_count(a, "member_duplicates", m.duplicates);
        gn_app_count(a, "members", f->members_n);
        gn_app_count(a, "members_of_other_parts", f->elsewhere);
        gn_app_count(a, "members_without_date", f->undated);
        gn_app_count(a, "active_without_member", f->unknown);
        if (f->first_seen)
            gn_app_count(a, "members_never_active", f->unseen);
    }
    gn_app_count(a, "days_before_cohort", f->days_before);
    gn_app_count(a, "spill_runs", runs);
    gn_app_count(a, "spill_bytes", bytes);
}

static int finish_events(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_lineage members = {0};
    if (gn_retention_activity(s->events)->o.states &&
        gn_app_merge_finish(a, o->partial || o->allow_partial))
        return -1;
    gn_unite_end(&s->placed);
    if ((!o->partial &&
         gn_part_whole(&s->placed.h.part, or_else(o->user, "user_id"), "the input", &a->err)) ||
        gn_retention_finish(s->events, &a->err))
        return -1;
    count_events(a);
    if (!o->members)
        return 0;
    int r = gn_retention_lineage(s->events, &members, &a->err) || gn_app_input_ended(a, &members)
                ? -1
                : 0;
    gn_lineage_release(&members);
    return r;
}

/* ---- states ---- */

/* What it was made with; what is read of it in parse_params comes first. */
static int make_params(gn_app *a, gn_buf *to)
{
    const options *o = a->opt;
    const state *s = a->state;
    const char *user = or_else(o->user, "user_id");
    int64_t periods = o->periods < 0 ? GN_COHORT_PERIODS : o->periods;
    if (gn_buf_printf(to, &a->err, "periods=%d period=%s segments=%d cohort=%s", (int)periods,
                      o->period ? "month" : "week", (int)s->nsegments,
                      o->cohort ? "first-seen" : "join"))
        return -1;
    if (o->members && gn_buf_printf(to, &a->err, " members-user=%s join=%s",
                                    or_else(o->members_user, user), or_else(o->join, "join_date")))
        return -1;
    return gn_buf_printf(to, &a->err, " segment=%s from=%s to=%s tz=%s %s", or_else(o->segment, ""),
                         or_else(o->from, ""), or_else(o->to, ""), a->common.tz,
                         gn_retention_activity(s->events)->params);
}

static bool parse_number(const char **p, const char *name, int64_t *v)
{
    size_t n = strlen(name), digits;
    if (strncmp(*p, name, n) != 0)
        return false;
    *p += n;
    digits = strcspn(*p, " ");
    bool good = gn_parse_int(*p, digits, v);
    *p += digits;
    return good;
}

/* Of a state's parameters what is needed to read and to write it. */
static bool parse_params(const char *p, int64_t *periods, bool *month, int64_t *segments)
{
    if (!parse_number(&p, "periods=", periods) || *periods < 0 || *periods > GN_COHORT_PERIODS_MAX)
        return false;
    *month = strncmp(p, " period=month", 13) == 0;
    if (!*month && strncmp(p, " period=week", 12) != 0)
        return false;
    p += *month ? 13 : 12;
    return parse_number(&p, " segments=", segments);
}

static bool fields_are_ours(const gn_header *h, gn_err *e)
{
    gn_header ours = {0};
    bool same = gn_cohorts_state_header(&ours, e) == 0 && gn_schema_equal(&ours.schema, &h->schema);
    gn_header_release(&ours);
    return same;
}

static int state_segment(gn_app *a)
{
    state *s = a->state;
    const gn_header *h = gn_reader_header(a->reader);
    const char *name = gn_reader_name(a->reader);
    int64_t periods, segments;
    bool month;
    if (!h->partial.command || strcmp(h->partial.command, COMMAND) != 0 ||
        strcmp(h->partial.state, STATE) != 0)
        return gn_fail(&a->err, GN_INPUT,
                       "'%s': not a partial state of gn-cohort (make it with --partial)", name);
    if (!fields_are_ours(h, &a->err) ||
        !parse_params(h->partial.params, &periods, &month, &segments))
        return gn_fail(&a->err, GN_INPUT, "'%s': a partial state with fields unlike gn-cohort's",
                       name);
    if (!s->merged) {
        gn_cohort_options c = {.month = month, .periods = periods, .budget = &a->budget};
        s->by_segment = segments > 0;
        if (!(s->params = gn_strdup(h->partial.params, &a->err)) ||
            !(s->merged = gn_cohorts_new(&c, &a->err)))
            return -1;
    }
    if (strcmp(s->params, h->partial.params) != 0)
        return gn_fail(&a->err, GN_INPUT,
                       "'%s': made with other options (%s) than the first input (%s)", name,
                       h->partial.params, s->params);
    if (!s->by_segment && (s->also[SEGMENTS] || s->also[SEGMENTS_WIDE]))
        return gn_fail(&a->err, GN_INPUT, "'%s': made without --segment, which --also asks for",
                       name);
    return gn_reader_want_all(a->reader, GN_VALUE, &a->err);
}

static gn_cohorts *cohorts(const state *s)
{
    return s->events ? gn_retention_cohorts(s->events) : s->merged;
}

static const gn_cohort_cover *cover(const state *s)
{
    return s->events ? gn_retention_cover(s->events) : &s->merged_cover;
}

static int write_state(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0};
    gn_buf params = {0};
    int r = o->merge ? gn_buf_printf(&params, &a->err, "%s", s->params) : make_params(a, &params);
    r = r || gn_cohorts_state_header(&h, &a->err) ||
        !(h.partial.command = gn_strdup(COMMAND, &a->err)) ||
        !(h.partial.state = gn_strdup(STATE, &a->err)) ||
        !(h.partial.params = gn_strdup((const char *)params.p, &a->err)) || gn_app_begin(a, &h) ||
        gn_cohorts_state_write(cohorts(s), cover(s), a->w, &a->err);
    gn_header_release(&h);
    gn_buf_release(&params);
    return r ? -1 : 0;
}

/* ---- the app ---- */

static int segment(gn_app *a)
{
    state *s = a->state;
    if (!s->events)
        return state_segment(a);
    const gn_header placed = {.part = gn_reader_header(a->reader)->part};
    return gn_retention_segment(s->events, a->reader, &a->err) ||
                   gn_unite_add(&s->placed, &placed, gn_reader_name(a->reader), &a->err)
               ? -1
               : 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    return s->events ? gn_retention_batch(s->events, a->reader, b, &a->err)
                     : gn_cohorts_state_read(s->merged, b, &s->merged_cover, &a->err);
}

static int end(gn_app *a)
{
    const options *o = a->opt;
    return o->merge ? gn_app_merge_end(a) : 0;
}

static int write_table(gn_app *a, int k, gn_writer *w)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0};
    gn_cohort_table t = {.segments = k == SEGMENTS || k == SEGMENTS_WIDE,
                         .wide = k == TOTAL_WIDE || k == SEGMENTS_WIDE,
                         .w0_fixed = o->w0 == 1,
                         .percent = o->percent,
                         .from = cover(s)->any ? cover(s)->first : 0,
                         .to = cover(s)->any ? cover(s)->last : -1};
    int r = gn_cohorts_header(cohorts(s), &t, &h, &a->err) || gn_writer_begin(w, &h, &a->err) ||
                    gn_cohorts_write(cohorts(s), &t, w, &a->err)
                ? -1
                : 0;
    gn_header_release(&h);
    return r;
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (o->merge ? gn_app_merge_finish(a, o->partial || o->allow_partial) : finish_events(a))
        return -1;
    gn_app_count(a, "cohort_users", gn_cohorts_users(cohorts(s)));
    gn_app_count(a, "cells", gn_cohorts_cells(cohorts(s)));
    if (o->partial)
        return write_state(a);
    int r = write_table(
        a, s->by_segment ? (o->wide ? SEGMENTS_WIDE : SEGMENTS) : (o->wide ? TOTAL_WIDE : TOTAL),
        a->w);
    for (int k = 0; r == 0 && k < KINDS; k++)
        if (s->also[k])
            r = write_table(a, k, s->also[k]);
    return r;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_retention_free(s->events);
    gn_unite_release(&s->placed);
    gn_cohorts_free(s->merged);
    gn_user_ranges_release(&s->merged_cover.users);
    free(s->segments);
    free(s->params);
    *s = (state){0};
}

static const gn_example examples[] = {
    {"retention by week of joining", "gn-cohort --members metadata.gn events.gn | gn-view"},
    {"by subscription and by country, from the roll-up that active users are counted from",
     "gn-dau --partial events.gn -o days.gn; gn-cohort --members metadata.gn --segment "
     "subscription_type,country days.gn"},
    {"without metadata: by the first week of activity, one record a cohort",
     "gn-cohort --cohort first-seen --wide events.gn"},
    {0}};

static const gn_filter filter = {
    .name = "gn-cohort",
    .summary = "cohort retention by week or month, in all and by segments",
    .operands = "[FILE...]",
    .order = "none (by user: one user at a time)",
    .memory = "keyed by cohort and segment; users spill",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT | GN_APP_MEMORY | GN_APP_TZ | GN_APP_TEMP,
    .opts = opts,
    .opt_size = sizeof(options),
    .defaults = &defaults,
    .state_size = sizeof(state),
    .examples = examples,
    .check = check,
    .start = start,
    .segment = segment,
    .batch = batch,
    .end = end,
    .finish = finish,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
