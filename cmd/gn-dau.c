/* gn-dau - daily, weekly, monthly, rolling active users and stickiness, exact or estimated.
 *
 * Needs no order, but (user, time) for --active core and session. Memory: spilling; about 80 bytes
 * a user and 384 days are held, and what -m cannot hold goes to temporary files. Of one input that
 * is ordered by user, and with these two rules, 64 bytes a day and the days of one user are held;
 * with --approx at most 17 KiB a day. With --partial it writes its state instead, the user-day
 * roll-up or the days' sketches, which --merge counts or merges further. */
#include "app/app.h"
#include "op/activeout.h"
#include "op/activesink.h"
#include "op/session.h"
#include "op/unite.h"

#include <stddef.h>
#include <string.h>

typedef struct options {
    const char *user, *time, *value, *active, *tz_field, *from, *to, *last;
    const char *core, *action;
    int64_t core_count, core_days, session_days, gap, session_over; /* as below: not given */
    int by;
    gn_list also;
    bool span, approx, partial, merge, allow_partial, hash;
} options;

#define CORE "create,edit"
#define ACTION "action_type"
#define CORE_COUNT 2
#define CORE_DAYS 7
#define SESSION_DAYS 30
#define SESSION_OVER_MS INT64_C(120000)
#define LOOK_BACK_MAX 3660 /* days */

typedef struct state {
    bool core, session; /* --active */
    gn_buf core_rule;   /* as an expression */
    bool begun;
    gn_period period;
    gn_activity in;
    gn_active_sink to;
    gn_unite placed; /* of the segments only how they are placed */
    gn_writer *also[GN_ACTIVE_TABLES];
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"by", 0, GN_ACTIVE_NAMES, "the table to write (default day)", GN_OPT_CHOICE, O(by), false, 0,
     0},
    {"also", 0, "KIND=FILE", "write a further table to FILE; all files appear together at the end",
     GN_OPT_LIST, O(also), false, 0, 0},
    {"active", 0, "RULE",
     "what makes a user active: any event, engaged (10 s < value < 4 h), an expression on events, "
     "core (core actions in the last days), session (a session in the last days); default any",
     GN_OPT_TEXT, O(active), true, 0, 0},
    {"core", 0, "LIST", "with --active core: the core actions (default " CORE ")", GN_OPT_TEXT,
     O(core), true, 0, 0},
    {"action", 0, "FIELD", "with --active core: the field with the action (default " ACTION ")",
     GN_OPT_TEXT, O(action), true, 0, 0},
    {"core-count", 0, "N", "with --active core: how many core events it takes (default 2)",
     GN_OPT_INT, O(core_count), true, 1, INT64_MAX},
    {"core-days", 0, "N", "with --active core: within how many days, to this one (default 7)",
     GN_OPT_INT, O(core_days), true, 1, LOOK_BACK_MAX},
    {"session-over", 0, "DURATION",
     "with --active session: sessions longer than this count (default 2min)", GN_OPT_DURATION,
     O(session_over), true, 0, 0},
    {"session-days", 0, "N",
     "with --active session: which begin within how many days, to this one (default 30)",
     GN_OPT_INT, O(session_days), true, 1, LOOK_BACK_MAX},
    {"gap", 0, "DURATION", "with --active session: a longer gap begins a session (default 30min)",
     GN_OPT_DURATION, O(gap), true, 0, 0},
    {"user", 0, "FIELD", "the user (default user_id)", GN_OPT_TEXT, O(user), true, 0, 0},
    {"time", 0, "FIELD", "the time or date of the event (default timestamp)", GN_OPT_TEXT, O(time),
     true, 0, 0},
    {"value", 0, "FIELD", "the int to total and average (default duration_ms where there is one)",
     GN_OPT_TEXT, O(value), true, 0, 0},
    {"span", 0, NULL,
     "a user is active on every day that an event lasts into, its value being its duration",
     GN_OPT_FLAG, O(span), true, 0, 0},
    {"tz-field", 0, "FIELD",
     "the field with the record's time zone; where it has none that is known, --tz", GN_OPT_TEXT,
     O(tz_field), true, 0, 0},
    {"approx", 0, NULL,
     "estimate users (HyperLogLog, standard error 0.81 %) in memory that does not grow with them",
     GN_OPT_FLAG, O(approx), true, 0, 0},
    {"from", 0, "DATE", "first day to report (default: of the data)", GN_OPT_TEXT, O(from), true, 0,
     0},
    {"to", 0, "DATE", "last day to report (default: of the data)", GN_OPT_TEXT, O(to), true, 0, 0},
    {"last", 0, "SPAN", "report the SPAN that ends with the data's last day: 90d, 26w, 12months",
     GN_OPT_TEXT, O(last), true, 0, 0},
    {"partial", 0, NULL,
     "write the mergeable state, one row per user and day (--approx: per day), and no table",
     GN_OPT_FLAG, O(partial), true, 0, 0},
    {"merge", 0, NULL, "read such states, not events", GN_OPT_FLAG, O(merge), true, 0, 0},
    {"hash", 0, NULL, "do not rely on the order of the input", GN_OPT_FLAG, O(hash), false, 0, 0},
    {"allow-partial", 0, NULL, "count states although parts of their sources are missing",
     GN_OPT_FLAG, O(allow_partial), true, 0, 0},
    {0}};
static const options defaults = {
    .user = "user_id", .time = "timestamp", .active = "any", .gap = -1, .session_over = -1};

/* The core actions as an expression. */
static int make_core_rule(gn_app *a)
{
    const options *o = a->opt;
    gn_buf *rule = &((state *)a->state)->core_rule;
    const char *p = o->core ? o->core : CORE;
    if (gn_buf_printf(rule, &a->err, "`%s` in (", o->action ? o->action : ACTION))
        return -1;
    for (;; p++) {
        size_t n = strcspn(p, ",");
        if (n == 0)
            return gn_fail(&a->err, GN_USAGE, "--core: an action without a name in '%s'", o->core);
        if (gn_buf_add(rule, "'", 1, &a->err))
            return -1;
        for (size_t i = 0; i < n; i++)
            if (gn_buf_add(rule, p[i] == '\'' ? "''" : &p[i], p[i] == '\'' ? 2 : 1, &a->err))
                return -1;
        p += n;
        if (gn_buf_printf(rule, &a->err, *p ? "', " : "')"))
            return -1;
        if (!*p)
            return 0;
    }
}

/* The rules that look back: their options, and what does not go with them. */
static int check_look_back(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    s->core = strcmp(o->active, "core") == 0;
    s->session = strcmp(o->active, "session") == 0;
    if (!s->core && (o->core || o->action || o->core_count || o->core_days))
        return gn_fail(&a->err, GN_USAGE,
                       "--core, --action, --core-count and --core-days need --active core");
    if (!s->session && (o->session_days || o->session_over >= 0 || o->gap >= 0))
        return gn_fail(&a->err, GN_USAGE,
                       "--session-over, --session-days and --gap need --active session");
    if (!s->core && !s->session)
        return 0;
    if (o->partial || o->merge)
        return gn_fail(&a->err, GN_USAGE,
                       "--active %s looks back over days, so that states of parts would not add "
                       "up to the whole: count all events of a user at once, without --%s",
                       o->active, o->partial ? "partial" : "merge");
    if (o->approx || o->span || o->hash)
        return gn_fail(&a->err, GN_USAGE, "--active %s does not go with --%s", o->active,
                       o->approx ? "approx"
                       : o->span ? "span"
                                 : "hash");
    return s->core ? make_core_rule(a) : 0;
}

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    bool any = strcmp(o->active, "any") == 0, engaged = strcmp(o->active, "engaged") == 0;
    if (gn_period_parse(&s->period, o->from, o->to, o->last, &a->err))
        return -1;
    if (o->partial && (o->also.n || o->by || o->from || o->to || o->last))
        return gn_fail(&a->err, GN_USAGE,
                       "--partial writes the whole state: give --by, --also, --from, --to and "
                       "--last to the --merge that reads it");
    if (check_look_back(a))
        return -1;
    if (!any && !engaged && !s->core && !s->session &&
        gn_expr_check(o->active, "--active", &a->err))
        return -1;
    gn_activity_init(
        &s->in, &(gn_activity_options){.user = o->user,
                                       .time = o->time,
                                       .value = o->value,
                                       .active = s->core      ? (char *)s->core_rule.p
                                                 : s->session ? "any"
                                                              : o->active,
                                       .all = s->core || s->session,
                                       .tz = a->common.tz,
                                       .zone = a->zone,
                                       .tz_field = o->tz_field,
                                       .span = o->span,
                                       .states = o->merge,
                                       .sketches = o->approx,
                                       .params_default = any && strcmp(a->common.tz, "UTC") == 0 &&
                                                         !o->tz_field && !o->span,
                                       .budget = &a->budget});
    return 0;
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    for (size_t i = 0; i < o->also.n; i++) {
        const char *text = o->also.v[i], *eq = strchr(text, '=');
        int t = eq ? gn_active_table_named(text, (size_t)(eq - text)) : -1;
        if (t < 0 || !eq[1])
            return gn_fail(&a->err, GN_USAGE, "--also: '%s' is not KIND=FILE with KIND one of %s",
                           text, GN_ACTIVE_NAMES);
        if (s->also[t])
            return gn_fail(&a->err, GN_USAGE, "--also: '%.*s' is asked for twice", (int)(eq - text),
                           text);
        if (!(s->also[t] = gn_app_also(a, eq + 1)))
            return -1;
    }
    return 0;
}

static bool ordered(const gn_header *h, size_t i, const char *field)
{
    return i < h->norder && !h->order[i].desc && strcmp(h->order[i].field, field) == 0;
}

/* Count one user at a time? Several files that are ordered by user need not go on one behind the
 * other, nor need they for events as such. */
static bool by_user(const gn_app *a)
{
    const options *o = a->opt;
    const state *s = a->state;
    return s->core || s->session ||
           (!o->hash && !o->merge && !o->span && a->files.n <= 1 &&
            ordered(gn_reader_header(a->reader), 0, o->user));
}

/* At the first segment: what counts its events. */
static int choose(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_by_user_options u = {.mark = s->session ? GN_MARK_SESSIONS : GN_MARK_EVENTS,
                            .need = 1,
                            .days = 1,
                            .by_time = s->core || s->session,
                            .gap_ms = o->gap < 0 ? GN_SESSION_GAP_MS : o->gap,
                            .longer_ms = o->session_over < 0 ? SESSION_OVER_MS : o->session_over,
                            .period = s->period,
                            .budget = &a->budget};
    if (s->core) {
        u.need = o->core_count ? (uint64_t)o->core_count : CORE_COUNT;
        u.days = o->core_days ? o->core_days : CORE_DAYS;
    } else if (s->session) {
        u.days = o->session_days ? o->session_days : SESSION_DAYS;
    }
    if (o->approx)
        s->to.approx = gn_approx_new(&a->budget, &a->err);
    else if (o->partial)
        s->to.rollup = gn_rollup_new(&a->budget, a->common.temp_dir, &a->err);
    else if (by_user(a))
        s->to.user = gn_by_user_new(&u, &a->err);
    else
        s->to.active = gn_active_new(&a->budget, a->common.temp_dir, &a->err);
    return s->to.approx || s->to.rollup || s->to.user || s->to.active ? 0 : -1;
}

/* What counting by user needs of each segment. */
static int require_order(gn_app *a)
{
    const options *o = a->opt;
    const state *s = a->state;
    const gn_header *h = gn_reader_header(a->reader);
    const char *name = gn_reader_name(a->reader);
    bool timed = s->core || s->session;
    if (!ordered(h, 0, o->user) || (timed && !ordered(h, 1, o->time)))
        return gn_fail(&a->err, GN_INPUT, "'%s': not ordered by %s%s%s: run gn-sort -k %s%s%s%s",
                       name, o->user, timed ? ", " : "", timed ? o->time : "", o->user,
                       timed ? "," : "", timed ? o->time : "", timed ? "" : ", or give --hash");
    if (timed && gn_part_whole(&h->part, o->user, name, &a->err))
        return -1;
    return !s->session || gn_reader_field(a->reader, "--time", o->time, 1u << GN_TIME, &a->err) >= 0
               ? 0
               : -1;
}

static int segment(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    const gn_header placed = {.part = gn_reader_header(a->reader)->part};
    if (gn_unite_add(&s->placed, &placed, gn_reader_name(a->reader), &a->err) ||
        (!s->begun && choose(a)))
        return -1;
    s->begun = true;
    if (s->core && !gn_reader_header(a->reader)->partial.command &&
        gn_reader_field(a->reader, "--action", o->action ? o->action : ACTION, 1u << GN_STR,
                        &a->err) < 0)
        return -1;
    if (gn_activity_segment(&s->in, a->reader, &a->err))
        return -1;
    return s->to.user ? require_order(a) : 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    return gn_activity_batch(&s->in, b, &a->err) || gn_active_sink_add(&s->to, &s->in, &a->err) ? -1
                                                                                                : 0;
}

static int end(gn_app *a)
{
    const options *o = a->opt;
    return o->merge ? gn_app_merge_end(a) : 0;
}

/* What was held how. */
static void count_state(gn_app *a)
{
    const state *s = a->state;
    uint64_t runs, bytes;
    if (s->to.user) {
        gn_by_user_counts n = gn_by_user_counted(s->to.user);
        gn_app_count(a, "users", n.users);
        if (s->core)
            gn_app_count(a, "core_events", n.marks);
        if (s->session) {
            gn_app_count(a, "sessions", n.sessions);
            gn_app_count(a, "long_sessions", n.marks);
        }
    }
    if (s->to.approx || s->to.user)
        return;
    if (s->to.rollup)
        gn_rollup_spilled(s->to.rollup, &runs, &bytes);
    else
        gn_active_spilled(s->to.active, &runs, &bytes);
    gn_app_count(a, "spill_runs", runs);
    gn_app_count(a, "spill_bytes", bytes);
}

static int write_state(gn_app *a)
{
    state *s = a->state;
    gn_activity *in = &s->in;
    gn_header h = {0};
    bool value = in->value != NULL;
    int r = s->to.approx
                ? gn_approx_header(&h, in->value, &a->err)
                : gn_rollup_header(&h, in->user, in->user_type, in->value, in->touches, &a->err);
    if (r == 0 && (!(h.partial.command = gn_strdup("gn-dau", &a->err)) ||
                   !(h.partial.state = gn_strdup(s->to.approx ? "sketch" : "keys", &a->err)) ||
                   !(h.partial.params = gn_strdup(in->params, &a->err))))
        r = -1;
    /* Users are where their events were, if those were placed by the user. */
    gn_unite_end(&s->placed);
    const gn_part *part = &s->placed.h.part;
    if (s->to.rollup && part->nkeys == 1 && strcmp(part->key[0], in->user) == 0)
        h.part = *part; /* lent for the time of writing */
    if (r == 0)
        r = gn_app_begin(a, &h);
    h.part = (gn_part){0};
    if (r == 0)
        r = s->to.approx ? gn_approx_write(s->to.approx, value, a->w, &a->err)
                         : gn_rollup_write(s->to.rollup, in->touches, value, a->w, &a->err);
    gn_header_release(&h);
    if (r == 0)
        count_state(a);
    return r;
}

static int write_table(gn_app *a, int table, const gn_active_report *report, gn_writer *w)
{
    const char *value = ((state *)a->state)->in.value;
    gn_header h = {0};
    int r = gn_active_table_header((enum gn_active_table)table, value, &h, &a->err) ||
                    gn_writer_begin(w, &h, &a->err) ||
                    gn_active_table_write((enum gn_active_table)table, value, report, w, &a->err)
                ? -1
                : 0;
    gn_header_release(&h);
    return r;
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_active_report report = {.from = 0, .to = -1};
    int64_t first, last, from = 0, to = -1;
    gn_app_count(a, "null_user", s->in.null_user);
    gn_app_count(a, "null_time", s->in.null_time);
    gn_app_count(a, "null_value", s->in.null_value);
    gn_app_count(a, "negative_value", s->in.negative_value);
    gn_app_count(a, "not_active", s->in.not_active);
    if (o->tz_field) {
        gn_app_count(a, "null_zone", s->in.null_zone);
        gn_app_count(a, "unknown_zone", s->in.unknown_zone);
    }
    if (o->span)
        gn_app_count(a, "cut_span", s->in.cut_span);
    if (s->in.unknown_zone)
        gn_app_note(a, "%llu events have a zone that is not known here: counted in '%s'",
                    (unsigned long long)s->in.unknown_zone, a->common.tz);
    if (o->partial)
        return write_state(a);
    if (o->merge && gn_app_merge_finish(a, o->allow_partial))
        return -1;
    bool any = gn_active_sink_covered(&s->to, &first, &last);
    if (!gn_period_resolve(&s->period, any, first, last, &from, &to))
        to = from - 1;
    int r = gn_active_sink_count(&s->to, from, to, &report, &a->err);
    if (r == 0) {
        count_state(a);
        r = write_table(a, o->by, &report, a->w);
    }
    for (int t = 0; r == 0 && t < GN_ACTIVE_TABLES; t++)
        if (s->also[t])
            r = write_table(a, t, &report, s->also[t]);
    gn_active_report_release(&report, &a->budget);
    return r;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_activity_release(&s->in);
    gn_active_sink_release(&s->to);
    gn_unite_release(&s->placed);
    gn_buf_release(&s->core_rule);
}

static const gn_example examples[] = {
    {"daily active users of a CSV file", "gn-fromcsv interactions.csv | gn-dau | gn-view"},
    {"every period in one pass",
     "gn-fromcsv interactions.csv | gn-dau --by day -o day.gn --also week=week.gn --also "
     "month=month.gn"},
    {"two files on two machines, then together",
     "gn-dau --partial a.gn -o a.state.gn; gn-dau --partial b.gn -o b.state.gn; gn-dau --merge "
     "a.state.gn b.state.gn"},
    {0}};

static const gn_filter filter = {
    .name = "gn-dau",
    .summary = "count distinct active users by day, week, month and rolling 30 days",
    .operands = "[FILE...]",
    .order = "none; (user, time) for --active core and session",
    .memory = "spilling, about 80 bytes a user and year are held; streaming where ordered by user",
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
