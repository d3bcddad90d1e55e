/* gn-sessionize - cut the events of users into sessions.
 *
 * Needs order (user, time), which it checks as it reads. Memory: one session, which is its distinct
 * pages and action types, which go to disk beyond a share of -m. Writes the events with fields
 * appended, or with --summary one record a session; with --partial the mergeable state instead,
 * which --merge, reading all states side by side, sums up or merges further. */
#include "app/app.h"
#include "op/session.h"
#include "op/sessionmerge.h"

#include <stddef.h>

typedef struct options {
    const char *user, *time, *value, *page, *action;
    int64_t gap;
    int boundary;
    bool from_end, split_midnight, with_last;
    bool summary, partial, merge, allow_partial;
} options;

typedef struct state {
    gn_session_options o;
    gn_sessions *sessions;
    gn_session_merge *merge; /* with --merge */
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"summary", 0, NULL, "write one record a session, not the events", GN_OPT_FLAG, O(summary),
     true, 0, 0},
    {"gap", 0, "DURATION", "a longer gap begins a session: 30min, 90s, 2h (default 30min)",
     GN_OPT_DURATION, O(gap), true, 0, 0},
    {"boundary", 0, "gt|ge",
     "begin a session at gaps of more than --gap, or also of exactly it "
     "(default gt)",
     GN_OPT_CHOICE, O(boundary), true, 0, 0},
    {"from-end", 0, NULL, "gaps run from the latest end (time plus value) of the events before",
     GN_OPT_FLAG, O(from_end), true, 0, 0},
    {"split-midnight", 0, NULL, "also begin a session at each midnight of --tz", GN_OPT_FLAG,
     O(split_midnight), true, 0, 0},
    {"with-last", 0, NULL, "the last event's value is part of a session's duration", GN_OPT_FLAG,
     O(with_last), true, 0, 0},
    {"user", 0, "FIELD", "the user, a str or int (default user_id)", GN_OPT_TEXT, O(user), true, 0,
     0},
    {"time", 0, "FIELD", "the time of the event (default timestamp)", GN_OPT_TEXT, O(time), true, 0,
     0},
    {"value", 0, "FIELD",
     "the int to total, an event's duration in ms (default duration_ms where there is one)",
     GN_OPT_TEXT, O(value), true, 0, 0},
    {"page", 0, "FIELD", "counted distinct as unique_pages (default page_id where there is one)",
     GN_OPT_TEXT, O(page), true, 0, 0},
    {"action", 0, "FIELD",
     "counted distinct as action_types (default action_type where there is one)", GN_OPT_TEXT,
     O(action), true, 0, 0},
    {"partial", 0, NULL, "write the mergeable state, one record a session, and no summary",
     GN_OPT_FLAG, O(partial), true, 0, 0},
    {"merge", 0, NULL, "read such states, not events, and write the summary", GN_OPT_FLAG, O(merge),
     true, 0, 0},
    {"allow-partial", 0, NULL, "sum up states although parts of their sources are missing",
     GN_OPT_FLAG, O(allow_partial), true, 0, 0},
    {0}};
static const options defaults = {.user = "user_id", .time = "timestamp", .gap = GN_SESSION_GAP_MS};

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    bool sessions = o->summary || o->merge;
    if (o->with_last && (o->partial || !sessions))
        return gn_fail(&a->err, GN_USAGE, "--with-last needs --summary or --merge%s",
                       o->partial ? ", without --partial: the state holds what it needs" : "");
    s->o = (gn_session_options){.user = o->user,
                                .time = o->time,
                                .value = o->value,
                                .page = o->page,
                                .action = o->action,
                                .gap_ms = o->gap,
                                .ge = o->boundary == 1,
                                .from_end = o->from_end,
                                .split = o->split_midnight,
                                .with_last = o->with_last,
                                .tz = a->common.tz,
                                .zone = a->zone,
                                .temp_dir = a->common.temp_dir,
                                .output = o->partial ? GN_SESSION_STATES
                                          : sessions ? GN_SESSION_SUMMARY
                                                     : GN_SESSION_EVENTS};
    a->own_inputs = o->merge;
    if (o->merge)
        return 0;
    s->sessions = gn_sessions_new(&s->o, &a->budget, &a->err);
    return s->sessions ? 0 : -1;
}

/* ---- events ---- */

static int segment(gn_app *a)
{
    state *s = a->state;
    gn_header h = {0};
    int r = gn_sessions_segment(s->sessions, a->reader, &h, &a->err);
    if (r == 0 && h.schema.n)
        r = gn_app_begin(a, &h);
    gn_header_release(&h);
    return r;
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    return gn_sessions_batch(s->sessions, a->reader, b, a->w, &a->err);
}

static int end(gn_app *a)
{
    const state *s = a->state;
    if (s->o.output != GN_SESSION_EVENTS)
        return 0;
    return gn_app_end_segment(a, &gn_reader_trailer(a->reader)->lineage, false);
}

/* ---- states ---- */

/* States that share source records would count them twice. */
static int state_ended(void *context, const char *name, uint64_t n, const gn_lineage *l, gn_err *e)
{
    gn_app *a = context;
    if (n) { /* nothing cannot be counted twice */
        if (!l->covered)
            gn_app_count(a, "states_without_cover", 1);
        if (gn_lineage_overlaps(&a->lineage, l))
            return gn_fail(e, GN_INPUT,
                           "'%s': it covers records that another input covers too: they would be "
                           "counted twice",
                           name);
    }
    return gn_app_input_ended(a, l);
}

static int run(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0};
    gn_session_merge_options m = {
        .rule = s->o, .max_record = a->common.max_record, .ended = state_ended, .context = a};
    s->merge = gn_session_merge_open(a->files.v, a->files.n, &m, &a->budget, &a->err);
    if (!s->merge)
        return -1;
    int r = gn_session_merge_header(s->merge, &h, &a->err) || gn_app_begin(a, &h) ||
                    gn_session_merge_run(s->merge, a->w, &a->err)
                ? -1
                : 0;
    gn_header_release(&h);
    if (r)
        return -1;
    uint64_t bytes, records = gn_session_merge_records(s->merge, &bytes);
    gn_app_records_in(a, records, bytes);
    if (!o->partial && !o->allow_partial && a->lineage.covered && !gn_lineage_whole(&a->lineage))
        return gn_fail(&a->err, GN_INPUT,
                       "parts of the sources are missing from the merged states (give all parts, "
                       "or --allow-partial)");
    return 0;
}

static int count_spilled(gn_app *a, const gn_session_counts *c)
{
    gn_app_count(a, "spill_runs", c->spill_runs);
    gn_app_count(a, "spill_bytes", c->spill_bytes);
    return 0;
}

static int finish(gn_app *a)
{
    state *s = a->state;
    if (s->sessions && gn_sessions_finish(s->sessions, a->w, &a->err))
        return -1;
    const gn_session_counts *c =
        s->sessions ? gn_sessions_counts(s->sessions) : gn_session_merge_counts(s->merge);
    gn_app_count(a, "users", c->users);
    gn_app_count(a, "sessions", c->sessions);
    gn_app_count(a, "bounces", c->bounces);
    gn_app_count(a, "events", c->events);
    if (s->merge)
        return count_spilled(a, c);
    gn_app_count(a, "null_user", c->null_user);
    gn_app_count(a, "null_time", c->null_time);
    gn_app_count(a, "null_value", c->null_value);
    gn_app_count(a, "negative_value", c->negative_value);
    gn_app_count(a, "value_above_8h", c->value_above_8h);
    return count_spilled(a, c);
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_sessions_free(s->sessions);
    gn_session_merge_free(s->merge);
    s->sessions = NULL;
    s->merge = NULL;
}

static const gn_example examples[] = {
    {"one record a session", "gn-sort -k user_id,timestamp events.gn | gn-sessionize --summary"},
    {"the events, each with its session", "gn-sessionize sorted.gn | gn-view"},
    {"two months apart, then together: sessions that run over the turn are whole",
     "gn-sessionize --partial jan.gn -o jan.state.gn; gn-sessionize --partial feb.gn -o "
     "feb.state.gn; gn-sessionize --merge jan.state.gn feb.state.gn"},
    {0}};

static const gn_filter filter = {
    .name = "gn-sessionize",
    .summary = "cut the events of users into sessions",
    .operands = "[FILE...]",
    .order = "user, time",
    .memory = "streaming; the distinct pages and action types of one session; beyond -m to disk",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT | GN_APP_MEMORY | GN_APP_TEMP | GN_APP_TZ,
    .opts = opts,
    .opt_size = sizeof(options),
    .defaults = &defaults,
    .state_size = sizeof(state),
    .examples = examples,
    .check = check,
    .segment = segment,
    .batch = batch,
    .end = end,
    .run = run,
    .finish = finish,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
