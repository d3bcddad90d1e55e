/* gn-anomaly - what is unusual: events far from the others of their group, hours unlike the same
 * hour a week before, days of users unlike their days before.
 *
 * Needs no order; the users' days stream where it is (user, time). The statistical rule reads the
 * input twice, files by opening them again, anything else from a temporary copy. Memory: 80 bytes
 * and more a group, an hour and a user-day; beyond -m they spill. Output in order of rule, entity,
 * time. */
#include "app/app.h"
#include "op/burst.h"
#include "op/detector.h"
#include "op/rowkey.h"

#include <stddef.h>

#define COMMAND "gn-anomaly"

typedef struct options {
    gn_list rule;
    gn_anomaly_spec x;
} options;

typedef struct state {
    gn_anomaly_rules rules;
    gn_detector *detector;
    gn_writer *hourly, *baseline;
    gn_buf described;
} state;

#define O(field) offsetof(options, x.field)
static const gn_opt opts[] = {
    {"rule", 0, "LIST",
     "statistical, temporal, behavioural, separated by commas; may be given again (default: all)",
     GN_OPT_LIST, offsetof(options, rule), true, 0, 0},
    {"value", 0, "FIELD", "the int or float to look at (default duration_ms)", GN_OPT_TEXT,
     O(value), true, 0, 0},
    {"user", 0, "FIELD", "the user, a str or int (default user_id)", GN_OPT_TEXT, O(user), true, 0,
     0},
    {"time", 0, "FIELD", "the time of the event (default timestamp)", GN_OPT_TEXT, O(time), true, 0,
     0},
    {"dimension", 0, "FIELD",
     "a field to show of events, and to group by (default " GN_ANOMALY_DIMENSION
     " where there is one)",
     GN_OPT_TEXT, O(dimension), true, 0, 0},
    {"negative", 0, NULL,
     "values below 0 are like any other (default: durations that cannot be, and left alone)",
     GN_OPT_FLAG, O(negative), true, 0, 0},
    {"group", 0, "LIST",
     "statistical: events are compared within groups of these: fields, or name = expression "
     "(default: the dimension, and date of the time)",
     GN_OPT_TEXT, O(group), true, 0, 0},
    {"global", 0, NULL, "statistical: all events are one group", GN_OPT_FLAG, O(global), true, 0,
     0},
    {"z", 0, "X", "statistical: the |z| above which a value is an anomaly (default 3)", GN_OPT_TEXT,
     O(z), true, 0, 0},
    {"robust", 0, NULL,
     "statistical: median and median deviation instead of mean and standard deviation", GN_OPT_FLAG,
     O(robust), true, 0, 0},
    {"min-group", 0, "N", "statistical: only in groups of so many values (default 11)", GN_OPT_INT,
     O(min_group), true, 1, INT64_MAX},
    {"top", 0, "N", "statistical: only the N greatest |z| of each group (default: all)", GN_OPT_INT,
     O(top), true, 1, INT64_MAX},
    {"baseline", 0, "FILE",
     "statistical: write the groups, with what is usual in them and how many anomalies, to FILE",
     GN_OPT_TEXT, O(baseline), false, 0, 0},
    {"use-baseline", 0, "FILE",
     "statistical: take what is usual from FILE, and read the input once", GN_OPT_TEXT,
     O(use_baseline), false, 0, 0},
    {"lag", 0, "DURATION", "temporal: how long before is the hour to compare with (default 7d)",
     GN_OPT_DURATION, O(lag), true, 0, 0},
    {"change", 0, "X", "temporal: the relative change above which an hour is one (default 0.5)",
     GN_OPT_TEXT, O(change), true, 0, 0},
    {"min-count", 0, "N",
     "temporal: only where one of the two hours has so many events (default 30)", GN_OPT_INT,
     O(min_count), true, 1, INT64_MAX},
    {"hourly", 0, "FILE",
     "temporal: write every hour, with events, users, average value and what was expected, to FILE",
     GN_OPT_TEXT, O(hourly), false, 0, 0},
    {"factor", 0, "X", "behavioural: how many times the mean a day must be above (default 10)",
     GN_OPT_TEXT, O(factor), true, 0, 0},
    {"days", 0, "N", "behavioural: the mean is that of the N days before (default 30)", GN_OPT_INT,
     O(days), true, 1, GN_BURST_DAYS_MAX},
    {"min-days", 0, "N", "behavioural: at least N of them with events (default 3)", GN_OPT_INT,
     O(min_days), true, 1, GN_BURST_DAYS_MAX},
    {"min-events", 0, "N", "behavioural: the day must have at least N events (default 20)",
     GN_OPT_INT, O(min_events), true, 1, INT64_MAX},
    {"severity-statistical", 0, "X,Y,Z",
     "medium, high and critical above these |z| (default 3,5,10)", GN_OPT_TEXT,
     O(severity[GN_STATISTICAL]), true, 0, 0},
    {"severity-temporal", 0, "X,Y,Z",
     "... above that many times more or fewer events (default 3,5,10)", GN_OPT_TEXT,
     O(severity[GN_TEMPORAL]), true, 0, 0},
    {"severity-behavioural", 0, "X,Y,Z",
     "... above that many times the user's mean (default 10,20,50)", GN_OPT_TEXT,
     O(severity[GN_BEHAVIOURAL]), true, 0, 0},
    {"hash", 0, NULL, "do not rely on the order of the input", GN_OPT_FLAG, O(hash), false, 0, 0},
    {"partial", 0, NULL,
     "write the mergeable state of one rule, temporal or statistical, and no anomalies",
     GN_OPT_FLAG, O(partial), true, 0, 0},
    {"activity", 0, NULL, "with --partial, temporal: a state of which --hourly can be made",
     GN_OPT_FLAG, O(activity), true, 0, 0},
    {"merge", 0, NULL,
     "read such states, not events: write the anomalies, or of a statistical state the baseline",
     GN_OPT_FLAG, O(merge), true, 0, 0},
    {"allow-partial", 0, NULL, "merge states although parts of their sources are missing",
     GN_OPT_FLAG, O(allow_partial), true, 0, 0},
    {0}};
static const options defaults = {
    .x = {
        .value = "duration_ms",
        .user = "user_id",
        .time = "timestamp",
        .z = "3",
        .min_group = 11,
        .lag = INT64_C(7) * 24 * 3600 * 1000,
        .change = "0.5",
        .min_count = 30,
        .factor = "10",
        .days = 30,
        .min_days = 3,
        .min_events = 20,
        .severity = {
            [GN_STATISTICAL] = "3,5,10", [GN_TEMPORAL] = "3,5,10", [GN_BEHAVIOURAL] = "10,20,50"}}};

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (gn_anomaly_rules_parse(&s->rules, &o->x, o->rule.v, o->rule.n, &a->err))
        return -1;
    s->detector = gn_detector_new(&(gn_detector_options){.spec = &o->x,
                                                         .rules = &s->rules,
                                                         .command = COMMAND,
                                                         .paths = a->files.v,
                                                         .npaths = a->files.n,
                                                         .max_record = a->common.max_record,
                                                         .zone = a->zone,
                                                         .tz = a->common.tz,
                                                         .temp_dir = a->common.temp_dir,
                                                         .memory = a->common.memory,
                                                         .budget = &a->budget},
                                  &a->err);
    if (!s->detector)
        return -1;
    /* A list that is none is told before any input is read. */
    if (o->x.group) {
        gn_rowkey *k = gn_rowkey_new(o->x.group, "--group", a->zone, &a->err);
        gn_rowkey_free(k);
        return k ? 0 : -1;
    }
    return 0;
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if ((o->x.hourly && !(s->hourly = gn_app_also(a, o->x.hourly))) ||
        (o->x.baseline && !(s->baseline = gn_app_also(a, o->x.baseline))))
        return -1;
    return 0;
}

static int segment(gn_app *a)
{
    state *s = a->state;
    uint64_t sum;
    if (gn_detector_segment(s->detector, a->reader, &a->err))
        return -1;
    /* The content of a baseline, not its place, is part of what was done. */
    if (s->described.n || !gn_detector_given(s->detector, &sum))
        return 0;
    if (gn_buf_printf(&s->described, &a->err, "%s%suse-baseline=%016llx", a->options,
                      *a->options ? " " : "", (unsigned long long)sum))
        return -1;
    a->options = (const char *)s->described.p;
    return 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    return gn_detector_add(s->detector, b, &a->err);
}

/* Are there states to be put together, whose sources must be whole? */
static bool merges(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    return o->x.merge || gn_detector_rollup(s->detector);
}

static int end(gn_app *a)
{
    state *s = a->state;
    if (gn_detector_end(s->detector, gn_reader_trailer(a->reader), &a->err))
        return -1;
    return merges(a) ? gn_app_merge_end(a) : 0;
}

static int write_state(gn_app *a)
{
    state *s = a->state;
    gn_header h = {0};
    int r = gn_detector_state_header(s->detector, &h, &a->err) || gn_app_begin(a, &h) ||
                    gn_detector_state_write(s->detector, a->w, &a->err)
                ? -1
                : 0;
    gn_header_release(&h);
    return r;
}

static int write_table(gn_app *a)
{
    state *s = a->state;
    gn_header h = {0};
    int r = gn_detector_header(s->detector, &h, &a->err) || gn_app_begin(a, &h) ||
                    gn_detector_write(s->detector, a->w, &a->err)
                ? -1
                : 0;
    gn_header_release(&h);
    return r;
}

static void count(gn_app *a)
{
    state *s = a->state;
    gn_counter c[GN_DETECTOR_COUNTERS];
    size_t n = gn_detector_counters(s->detector, c);
    for (size_t i = 0; i < n; i++)
        gn_app_count(a, c[i].name, c[i].n);
    a->budget.peak += gn_detector_peak(s->detector);
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    int r;
    if (merges(a) && gn_app_merge_finish(a, o->x.partial || o->x.allow_partial))
        return -1;
    if (o->x.partial) {
        r = write_state(a);
    } else {
        r = gn_detector_finish(s->detector, s->hourly, &a->err);
        if (r == 0)
            r = s->rules.on[GN_STATISTICAL] && o->x.merge
                    ? gn_detector_write_baseline(s->detector, a->w, &a->err)
                    : write_table(a);
        if (r == 0 && s->baseline)
            r = gn_detector_write_baseline(s->detector, s->baseline, &a->err);
    }
    if (r == 0)
        count(a);
    return r;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_detector_free(s->detector);
    gn_buf_release(&s->described);
    *s = (state){0};
}

static const gn_example examples[] = {
    {"everything unusual, the worst first",
     "gn-anomaly events.gn | gn-sort -k score:desc | gn-view"},
    {"hours with half as many events again as a week before, or half as few; and every hour",
     "gn-anomaly --rule temporal --hourly hours.gn events.gn | gn-view"},
    {"users' days, from the roll-up that gn-dau keeps",
     "gn-dau --partial events.gn | gn-anomaly --rule behavioural | gn-view"},
    {0}};

static const gn_filter filter = {
    .name = COMMAND,
    .summary = "find events, hours and users' days that are unusual",
    .operands = "[FILE...]",
    .order = "none (user, time: behavioural holds one user)",
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
    .finish = finish,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
