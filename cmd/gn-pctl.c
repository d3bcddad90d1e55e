/* gn-pctl - percentiles of a value by groups, periods and releases; exact, or estimated.
 *
 * Needs no order. Memory: spilling; 4 bytes an event for the value and at most 4 for the user are
 * held, once for all periods and levels, and what -m cannot hold goes to temporary files. With
 * --approx a sketch a group. With --partial it writes its state instead, which --merge reads. */
#include "app/app.h"
#include "op/pctl.h"

#include <stddef.h>
#include <string.h>

typedef struct options {
    const char *key, *by, *level, *release, *percentiles, *value, *user, *time, *where;
    int method;
    bool approx, negative, no_user, partial, merge, allow_partial;
} options;

typedef struct state {
    gn_pctl *pctl;
    bool begun;
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
    {"allow-partial", 0, NULL, "merge states although parts of their sources are missing",
     GN_OPT_FLAG, O(allow_partial), true, 0, 0},
    {0}};
static const options defaults = {.release = "app_version",
                                 .percentiles = "50,95,99",
                                 .value = "duration_ms",
                                 .time = "timestamp"};

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
                         .budget = &a->budget,
                         .temp_dir = a->common.temp_dir};
    s->pctl = gn_pctl_new(&p, &a->err);
    return s->pctl ? 0 : -1;
}

static int segment(gn_app *a)
{
    state *s = a->state;
    return gn_pctl_segment(s->pctl, a->reader, &a->err);
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    return gn_pctl_batch(s->pctl, b, &a->err);
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
    gn_app_count(a, "groups", n.groups);
    if (!o->merge) {
        gn_app_count(a, "events", n.events);
        gn_app_count(a, "events_left_out", n.left_out);
        gn_app_count(a, "events_without_time", n.without_time);
        gn_app_count(a, "events_without_user", n.without_user);
        gn_app_count(a, "values_null", n.null);
        gn_app_count(a, "values_negative", n.negative);
    }
    gn_app_count(a, "spill_runs", n.spill_runs);
    gn_app_count(a, "spill_bytes", n.spill_bytes);
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0};
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
    {0}};

static const gn_filter filter = {
    .name = "gn-pctl",
    .summary =
        "percentiles of a value by groups, days, weeks and releases, with users and averages",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "spilling",
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
    .finish = finish,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
