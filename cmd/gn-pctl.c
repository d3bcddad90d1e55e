/* gn-pctl - percentiles of a value by groups, periods and releases; exact, or estimated.
 *
 * Needs no order. Memory: spilling; 4 bytes an event for the value and at most 4 for the user are
 * held, once for all periods and levels, and what -m cannot hold goes to temporary files. With
 * --approx a sketch a group. With --partial it writes its state instead, which --merge reads.
 *
 * With --tumble it writes windows of event time as they close, while the input stays open. Needs
 * events about in order of time. Memory: the open windows, which must fit -m. */
#include "app/app.h"
#include "base/clock.h"
#include "op/pctl.h"
#include "op/window.h"
#include "stream/textin.h"

#include <stddef.h>
#include <string.h>

typedef struct options {
    const char *key, *by, *level, *release, *percentiles, *value, *user, *time, *where;
    int method;
    bool approx, negative, no_user, partial, merge, allow_partial;
    int64_t tumble, lateness, idle, max_ahead; /* ms; as below: not given */
    int emit;
    const char *reject, *state;
    bool go_on;
} options;

#define MAX_AHEAD_MS (INT64_C(86400) * 1000)
#define SPAN_MAX_MS (INT64_C(3660) * 86400 * 1000)

typedef struct state {
    gn_pctl *pctl;
    /* --tumble */
    gn_windows *windows;
    gn_writer *rejects;
    bool begun, unsaved;
    double last, saved; /* seconds: when there was input, a checkpoint */
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"key", 'k', "LIST",
     "group by these: fields, or name = expression, separated by commas (default: none)",
     GN_OPT_TEXT, O(key), true, 0, 0},
    {"by", 0, "LIST", "and by each of these periods: day, week, month, whole", GN_OPT_TEXT, O(by),
     true, 0, 0},
    {"level", 0, "LIST",
     "and by each of these parts of the version: major, major.minor, major.minor.patch",
     GN_OPT_TEXT, O(level), true, 0, 0},
    {"release", 0, "FIELD", "with --level: the field with the version (default app_version)",
     GN_OPT_TEXT, O(release), true, 0, 0},
    {"percentiles", 'p', "LIST", "which percentiles (default 50,95,99)", GN_OPT_TEXT,
     O(percentiles), true, 0, 0},
    {"method", 0, "cont|nearest",
     "percentiles between two values, or of a value that is there (default cont)", GN_OPT_CHOICE,
     O(method), true, 0, 0},
    {"approx", 0, NULL, "estimate percentiles to within 1/129 of the value (DDSketch)", GN_OPT_FLAG,
     O(approx), true, 0, 0},
    {"value", 0, "FIELD", "the int or float to measure (default duration_ms)", GN_OPT_TEXT,
     O(value), true, 0, 0},
    {"negative", 0, NULL, "values below 0 count as well", GN_OPT_FLAG, O(negative), true, 0, 0},
    {"user", 0, "FIELD", "the user, to count distinct ones (default user_id where there is one)",
     GN_OPT_TEXT, O(user), true, 0, 0},
    {"no-users", 0, NULL, "do not count users", GN_OPT_FLAG, O(no_user), true, 0, 0},
    {"time", 0, "FIELD", "the time or date of the event (default timestamp)", GN_OPT_TEXT, O(time),
     true, 0, 0},
    {"where", 0, "CONDITION", "measure only events for which this is true", GN_OPT_TEXT, O(where),
     true, 0, 0},
    {"partial", 0, NULL, "write the mergeable state, and no results", GN_OPT_FLAG, O(partial), true,
     0, 0},
    {"merge", 0, NULL, "read such states, not events", GN_OPT_FLAG, O(merge), true, 0, 0},
    {"tumble", 0, "DURATION", "write windows of this length as they close", GN_OPT_DURATION,
     O(tumble), true, 0, 0},
    {"lateness", 0, "DURATION",
     "with --tumble: how long behind its end a window takes events (default 0s)", GN_OPT_DURATION,
     O(lateness), true, 0, 0},
    {"emit", 0, "update|final",
     "with --tumble: write rows at the end of the window and again when they change, or only once "
     "they are final (default update)",
     GN_OPT_CHOICE, O(emit), true, 0, 0},
    {"idle", 0, "DURATION",
     "with --tumble: close all windows when no events have come for so long (default: never)",
     GN_OPT_DURATION, O(idle), false, 0, 0},
    {"max-ahead", 0, "DURATION",
     "with --tumble: reject events so far ahead of the one before, or of the clock (default 1d; "
     "0s: "
     "none)",
     GN_OPT_DURATION, O(max_ahead), true, 0, 0},
    {"reject", 0, "FILE", "with --tumble: write rejected events to FILE", GN_OPT_TEXT, O(reject),
     false, 0, 0},
    {"state", 0, "FILE",
     "with --tumble: keep open windows in FILE, and begin with those that it has", GN_OPT_TEXT,
     O(state), false, 0, 0},
    {"continue", 0, NULL,
     "with --state: the input goes on behind what FILE has seen, and does not begin with it",
     GN_OPT_FLAG, O(go_on), true, 0, 0},
    {"allow-partial", 0, NULL, "merge states although parts of their sources are missing",
     GN_OPT_FLAG, O(allow_partial), true, 0, 0},
    {0}};
static const options defaults = {.release = "app_version",
                                 .percentiles = "50,95,99",
                                 .value = "duration_ms",
                                 .time = "timestamp",
                                 .tumble = -1,
                                 .lateness = -1,
                                 .idle = -1,
                                 .max_ahead = -1};

static int check_windows(gn_app *a)
{
    const options *o = a->opt;
    if (o->tumble < 0 && (o->lateness >= 0 || o->emit || o->idle >= 0 || o->max_ahead >= 0 ||
                          o->reject || o->state || o->go_on))
        return gn_fail(&a->err, GN_USAGE,
                       "--lateness, --emit, --idle, --max-ahead, --reject, --state and --continue "
                       "need --tumble");
    if (o->tumble < 0)
        return 0;
    if (o->by || o->level || o->partial || o->merge)
        return gn_fail(&a->err, GN_USAGE,
                       "--tumble does not go with --by, --level, --partial or --merge");
    if (o->tumble == 0 || o->tumble > SPAN_MAX_MS || o->lateness > SPAN_MAX_MS ||
        o->max_ahead > SPAN_MAX_MS)
        return gn_fail(&a->err, GN_USAGE, "--tumble must be above 0s, and no duration above 3660d");
    if (o->idle == 0)
        return gn_fail(&a->err, GN_USAGE, "--idle: must be above 0s");
    if (o->go_on && !o->state)
        return gn_fail(&a->err, GN_USAGE, "--continue needs --state");
    return 0;
}

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    bool given = o->key || o->approx || o->negative || o->user || o->no_user || o->where ||
                 o->value != defaults.value || o->time != defaults.time ||
                 o->release != defaults.release;
    if (o->merge && given)
        return gn_fail(&a->err, GN_USAGE,
                       "--merge takes keys and fields from the states: only --by, --level, "
                       "--percentiles and --method go with it");
    if (o->merge && o->partial && (o->by || o->level))
        return gn_fail(&a->err, GN_USAGE,
                       "--partial with --merge writes the states' own periods and levels: no --by, "
                       "--level");
    if (check_windows(a))
        return -1;
    if (o->user && o->no_user)
        return gn_fail(&a->err, GN_USAGE, "--user and --no-users contradict each other");
    gn_pctl_options p = {.keys = o->key,
                         .periods = o->by,
                         .levels = o->level,
                         .release = o->release,
                         .time = o->time,
                         .value = o->value,
                         .user = o->no_user ? "" : o->user,
                         .ps = o->percentiles,
                         .where = o->where,
                         .zone = a->zone,
                         .tz = a->common.tz,
                         .nearest = o->method == 1,
                         .approx = o->approx,
                         .negative = o->negative,
                         .partial = o->partial,
                         .merge = o->merge,
                         .timed = o->tumble >= 0,
                         .budget = &a->budget,
                         .temp_dir = a->common.temp_dir};
    if (!(s->pctl = gn_pctl_new(&p, &a->err)) || o->tumble < 0)
        return s->pctl ? 0 : -1;
    const gn_window_options w = {.length = o->tumble * 1000,
                                 .lateness = o->lateness < 0 ? 0 : o->lateness * 1000,
                                 .ahead = (o->max_ahead < 0 ? MAX_AHEAD_MS : o->max_ahead) * 1000,
                                 .updates = o->emit == 0,
                                 .replay = !o->go_on};
    s->windows = gn_windows_new(s->pctl, &w, &a->err);
    return s->windows ? 0 : -1;
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {.canon = true};
    s->last = s->saved = gn_clock();
    if (!o->reject)
        return 0;
    if (!(s->rejects = gn_app_also(a, o->reject)))
        return -1;
    int r = gn_textin_reject_schema(&h.schema, &a->err) || gn_writer_begin(s->rejects, &h, &a->err)
                ? -1
                : 0;
    gn_header_release(&h);
    return r;
}

/* ---- windows ---- */

/* Do readers see each row at once? Then windows may be forgotten as soon as it is out. */
static bool live(const gn_app *a)
{
    return !a->common.output || strcmp(a->common.output, "-") == 0;
}

/* The windows' state to its file: what it no longer holds has been written before. */
static int save(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    s->unsaved = false;
    s->saved = gn_clock();
    return gn_windows_save(s->windows, o->state, &a->err);
}

static int begin_windows(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0};
    bool found = false;
    if (s->begun)
        return 0;
    s->begun = true;
    int r = gn_windows_header(s->windows, &h, &a->err) || gn_app_begin(a, &h) ||
                    (o->state && gn_windows_load(s->windows, o->state, &found, &a->err)) ||
                    (found && o->go_on && save(a))
                ? -1
                : 0;
    gn_header_release(&h);
    return r;
}

/* Rows that are there go out; then what is held is kept, at most once a second. */
static int pass_on(gn_app *a, uint64_t rows)
{
    const options *o = a->opt;
    state *s = a->state;
    if (live(a) && gn_windows_counted(s->windows).rows != rows && gn_writer_flush(a->w, &a->err))
        return -1;
    return o->state && live(a) && s->unsaved && gn_clock() - s->saved >= 1 ? save(a) : 0;
}

static int wait(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (!s->begun || !s->windows)
        return 0;
    uint64_t rows = gn_windows_counted(s->windows).rows;
    bool idle = o->idle >= 0 && (gn_clock() - s->last) * 1000 >= (double)o->idle;
    if (idle && gn_windows_open(s->windows)) {
        if (gn_windows_close(s->windows, a->w, &a->err))
            return -1;
        s->unsaved = true;
    }
    return pass_on(a, rows);
}

static int finish_windows(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (!s->begun)
        return 0;
    return gn_windows_replayed(s->windows, &a->err) ||
                   (o->state ? gn_windows_pause(s->windows, a->w, &a->err)
                             : gn_windows_close(s->windows, a->w, &a->err))
               ? -1
               : 0;
}

static void count_windows(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_window_counts n = gn_windows_counted(s->windows);
    gn_app_count(a, "windows_closed", n.closed);
    gn_app_count(a, "windows_open", gn_windows_open(s->windows));
    gn_app_count(a, "rows_written_again", n.updates);
    gn_app_count(a, "events_late", n.late);
    gn_app_count(a, "events_ahead", n.ahead);
    gn_app_count(a, "records_replayed", n.replayed);
    if (n.ahead)
        gn_app_note(a, "%llu events too far ahead were rejected (see --max-ahead)",
                    (unsigned long long)n.ahead);
    if (n.late && !o->reject)
        gn_app_note(a, "%llu late events were left out (see --lateness)",
                    (unsigned long long)n.late);
}

static int commit(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    return o->state && s->begun ? save(a) : 0;
}

/* ---- hooks ---- */

static int segment(gn_app *a)
{
    state *s = a->state;
    return gn_pctl_segment(s->pctl, a->reader, &a->err) || (s->windows && begin_windows(a)) ? -1
                                                                                            : 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    if (!s->windows)
        return gn_pctl_batch(s->pctl, b, &a->err);
    uint64_t rows = gn_windows_counted(s->windows).rows;
    s->last = gn_clock();
    s->unsaved = true;
    return gn_windows_batch(s->windows, b, gn_reader_name(a->reader), a->w, s->rejects, &a->err) ||
                   pass_on(a, rows)
               ? -1
               : 0;
}

static int end(gn_app *a)
{
    const options *o = a->opt;
    return o->merge ? gn_app_merge_end(a) : 0;
}

static void count(gn_app *a)
{
    const options *o = a->opt;
    const state *s = a->state;
    gn_pctl_counts n = gn_pctl_counted(s->pctl);
    gn_app_count(a, s->windows ? "rows" : "groups",
                 s->windows ? gn_windows_counted(s->windows).rows : n.groups);
    if (!o->merge) {
        gn_app_count(a, "events", n.events);
        gn_app_count(a, "events_left_out", n.left_out);
        gn_app_count(a, "events_without_time",
                     s->windows ? gn_windows_counted(s->windows).without_time : n.without_time);
        gn_app_count(a, "events_without_user", n.without_user);
        gn_app_count(a, "values_null", n.null);
        gn_app_count(a, "values_negative", n.negative);
    }
    if (s->windows) {
        count_windows(a);
        return;
    }
    gn_app_count(a, "spill_runs", n.spill_runs);
    gn_app_count(a, "spill_bytes", n.spill_bytes);
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0};
    if (s->windows) {
        int closed = finish_windows(a);
        count(a);
        return closed;
    }
    if (o->merge && gn_app_merge_finish(a, o->partial || o->allow_partial))
        return -1;
    int r = gn_pctl_header(s->pctl, &h, &a->err) || gn_app_begin(a, &h) ||
                    gn_pctl_finish(s->pctl, a->w, &a->err)
                ? -1
                : 0;
    gn_header_release(&h);
    count(a);
    return r;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_windows_free(s->windows);
    s->windows = NULL;
    gn_pctl_free(s->pctl);
    s->pctl = NULL;
}

static const gn_example examples[] = {
    {"page loads by version, of each day, of each week and over all",
     "gn-fromcsv interactions.csv | gn-pctl -k app_version --by day,week,whole --where "
     "'action_type = \"page_view\"' | gn-view"},
    {"releases 5, 6, 7, and 5.0, 5.1, ...",
     "gn-pctl --level major,major.minor --by month events.gn"},
    {"on two machines, then together",
     "gn-pctl -k app_version --by day --partial a.gn -o a.part.gn; gn-pctl -k app_version --by day "
     "--partial b.gn -o b.part.gn; gn-pctl --merge a.part.gn b.part.gn"},
    {"the last five minutes, again and again, into a table that takes rows by their key",
     "gn-pctl --tumble 5min --lateness 1min --idle 1min -k app_version events.fifo | gn-tocsv"},
    {0}};

static const gn_filter filter = {
    .name = "gn-pctl",
    .summary =
        "percentiles of a value by groups, days, weeks and releases, with users and averages",
    .operands = "[FILE...]",
    .order = "none (--tumble: about that of time)",
    .memory = "spilling",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT | GN_APP_MEMORY | GN_APP_TEMP | GN_APP_TZ,
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
    .wait = wait,
    .finish = finish,
    .commit = commit,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
