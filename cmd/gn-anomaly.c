/* gn-anomaly - what is unusual: events far from the others of their group, hours unlike the same
 * hour a week before, days of users unlike their days before.
 *
 * Needs no order; the users' days stream where it is (user, time). The statistical rule reads the
 * input twice, files by opening them again, anything else from a temporary copy. Memory: 80 bytes
 * and more a group, an hour and a user-day; beyond -m they spill. Output in order of rule, entity,
 * time. */
#include "app/app.h"
#include "base/parse.h"
#include "op/burst.h"
#include "op/hourly.h"
#include "op/rowkey.h"
#include "op/zscore.h"

#include <stddef.h>
#include <string.h>

#define COMMAND "gn-anomaly"
#define DIMENSION "app_version"

typedef struct options {
    gn_list rule;
    const char *value, *user, *time, *dimension;
    const char *group, *z, *baseline, *use_baseline;
    const char *change, *hourly, *factor;
    const char *severity[GN_ANOMALY_RULES];
    int64_t min_group, top, lag, min_count, days, min_days, min_events;
    bool global, robust, negative, activity;
    bool hash, partial, merge, allow_partial;
} options;

typedef struct state {
    bool rule[GN_ANOMALY_RULES];
    int rules;
    double z, change, factor;
    gn_severity severity[GN_ANOMALY_RULES];
    gn_budget budget[GN_ANOMALY_RULES]; /* each rule's share of the memory */
    bool begun, states;                 /* states: the input is roll-ups */
    const char *dimension;              /* that is there, or NULL */
    gn_anomalies *table;
    gn_burst *burst;
    gn_hourly *hours;
    gn_zscore *zscore;
    gn_twice *twice; /* NULL: one reading is enough */
    bool given;      /* --use-baseline */
    gn_writer *hourly, *baseline;
    gn_buf described, group;
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"rule", 0, "LIST",
     "statistical, temporal, behavioural, separated by commas; may be given again (default: all)",
     GN_OPT_LIST, O(rule), true, 0, 0},
    {"value", 0, "FIELD", "the int or float to look at (default duration_ms)", GN_OPT_TEXT,
     O(value), true, 0, 0},
    {"user", 0, "FIELD", "the user, a str or int (default user_id)", GN_OPT_TEXT, O(user), true, 0,
     0},
    {"time", 0, "FIELD", "the time of the event (default timestamp)", GN_OPT_TEXT, O(time), true, 0,
     0},
    {"dimension", 0, "FIELD",
     "a field to show of events, and to group by (default " DIMENSION " where there is one)",
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
        [GN_STATISTICAL] = "3,5,10", [GN_TEMPORAL] = "3,5,10", [GN_BEHAVIOURAL] = "10,20,50"}};

/* ---- options ---- */

static int parse_rules(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    for (size_t i = 0; i < o->rule.n; i++)
        for (const char *p = o->rule.v[i];; p++) {
            size_t n = strcspn(p, ",");
            int r = GN_ANOMALY_RULES - 1;
            while (r >= 0 && (strlen(gn_anomaly_rule_name((enum gn_anomaly_rule)r)) != n ||
                              memcmp(gn_anomaly_rule_name((enum gn_anomaly_rule)r), p, n) != 0))
                r--;
            if (r < 0)
                return gn_fail(&a->err, GN_USAGE,
                               "--rule: '%.*s' is none of statistical, temporal, behavioural",
                               (int)n, p);
            s->rule[r] = true;
            p += n;
            if (!*p)
                break;
        }
    for (int r = 0; r < GN_ANOMALY_RULES; r++) {
        s->rule[r] |= o->rule.n == 0;
        s->rules += s->rule[r];
    }
    return 0;
}

static int parse_number(gn_app *a, const char *role, const char *text, double *out)
{
    if (gn_parse_float(text, strlen(text), out) && *out >= 0)
        return 0;
    return gn_fail(&a->err, GN_USAGE, "%s: '%s' is not a number from 0", role, text);
}

static int parse_numbers(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (parse_number(a, "--z", o->z, &s->z) || parse_number(a, "--change", o->change, &s->change) ||
        parse_number(a, "--factor", o->factor, &s->factor))
        return -1;
    for (int r = 0; r < GN_ANOMALY_RULES; r++)
        if (!gn_severity_parse(&s->severity[r], o->severity[r]))
            return gn_fail(&a->err, GN_USAGE,
                           "--severity-%s: '%s' is not three ascending numbers, as in 3,5,10",
                           gn_anomaly_rule_name((enum gn_anomaly_rule)r), o->severity[r]);
    if (o->lag < 3600000 || o->lag % 3600000)
        return gn_fail(&a->err, GN_USAGE, "--lag: not a number of whole hours");
    if (o->min_days > o->days)
        return gn_fail(&a->err, GN_USAGE, "--min-days is more than --days");
    return 0;
}

static int check_modes(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_err *e = &a->err;
    bool z = s->rule[GN_STATISTICAL];
    if (o->group && o->global)
        return gn_fail(e, GN_USAGE, "--group and --global say two things");
    if (!z && (o->group || o->global || o->robust || o->top || o->baseline || o->use_baseline))
        return gn_fail(e, GN_USAGE,
                       "--group, --global, --robust, --top, --baseline and "
                       "--use-baseline are for --rule statistical");
    if (!s->rule[GN_TEMPORAL] && (o->hourly || o->activity))
        return gn_fail(e, GN_USAGE, "--hourly and --activity are for --rule temporal");
    if (o->activity && !o->partial)
        return gn_fail(e, GN_USAGE, "--activity is for --partial");
    if (!o->partial && !o->merge)
        return 0;
    if (s->rule[GN_BEHAVIOURAL] || s->rules != 1)
        return gn_fail(e, GN_USAGE,
                       "--partial and --merge are for --rule temporal or --rule statistical; the "
                       "state of users' days is that of gn-dau --partial, which --rule behavioural "
                       "reads");
    if (o->baseline || o->use_baseline || o->top || (o->partial && o->hourly))
        return gn_fail(e, GN_USAGE, "%s",
                       z ? "a state holds no events: no --baseline, "
                           "--use-baseline, --top"
                         : "--partial writes a state alone: no --hourly");
    if (o->merge && (o->group || o->global))
        return gn_fail(e, GN_USAGE, "--merge takes the groups from the states: no --group");
    return 0;
}

/* Each rule has a share of the memory, the table of anomalies has the rest. */
static void share_memory(gn_app *a)
{
    state *s = a->state;
    size_t cap = a->common.memory;
    for (int r = 0; r < GN_ANOMALY_RULES; r++)
        s->budget[r].cap = cap / 4 * 3 / (size_t)s->rules;
}

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (parse_rules(a) || parse_numbers(a) || check_modes(a))
        return -1;
    s->given = o->use_baseline != NULL;
    share_memory(a);
    s->table =
        gn_anomalies_new(&(gn_anomaly_options){.user = o->user,
                                               .dimension = o->dimension ? o->dimension : DIMENSION,
                                               .dir = a->common.temp_dir,
                                               .budget = &a->budget,
                                               .memory = a->common.memory / 4},
                         &a->err);
    if (!s->table)
        return -1;
    /* A list that is none is told before any input is read. */
    if (o->group) {
        gn_rowkey *k = gn_rowkey_new(o->group, "--group", a->zone, &a->err);
        gn_rowkey_free(k);
        return k ? 0 : -1;
    }
    return 0;
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if ((o->hourly && !(s->hourly = gn_app_also(a, o->hourly))) ||
        (o->baseline && !(s->baseline = gn_app_also(a, o->baseline))))
        return -1;
    return 0;
}

/* ---- the first segment ---- */

static int default_group(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    const char *name[] = {s->dimension, o->time};
    for (int i = s->dimension ? 0 : 1; i < 2; i++) {
        if (gn_buf_printf(&s->group, &a->err, "%s",
                          i == 0         ? "`"
                          : s->dimension ? ", date(`"
                                         : "date(`"))
            return -1;
        for (const char *p = name[i]; *p; p++)
            if (gn_buf_add(&s->group, p, 1, &a->err) ||
                (*p == '`' && gn_buf_add(&s->group, p, 1, &a->err)))
                return -1;
        if (gn_buf_printf(&s->group, &a->err, "%s", i ? "`)" : "`"))
            return -1;
    }
    return 0;
}

static int begin_zscore(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (!o->group && !o->global && default_group(a))
        return -1;
    const char *group = o->group ? o->group : o->global ? NULL : (const char *)s->group.p;
    gn_zscore_options z = {.base = {.command = COMMAND,
                                    .keys = group,
                                    .keys_for = "--group",
                                    .value = o->value,
                                    .negative = o->negative,
                                    .kind = o->robust ? GN_BASE_ROBUST : GN_BASE_DEVIATIONS,
                                    .factor = s->z,
                                    .by_score = true,
                                    .least = (uint64_t)o->min_group,
                                    .hits = "anomalies",
                                    .merge = o->merge,
                                    .hash = o->hash || a->files.n > 1,
                                    .zone = a->zone,
                                    .tz = a->common.tz,
                                    .budget = &s->budget[GN_STATISTICAL],
                                    .temp_dir = a->common.temp_dir},
                           .user = o->user,
                           .time = o->time,
                           .dimension = s->dimension,
                           .severity = s->severity[GN_STATISTICAL],
                           .top = (uint64_t)o->top,
                           .memory = a->common.memory / 4,
                           .budget = &a->budget};
    if (!(s->zscore = gn_zscore_new(&z, s->table, &a->err)))
        return -1;
    int more = 1;
    if (s->given) {
        uint64_t sum;
        gn_baseline *b = gn_zscore_baseline(s->zscore);
        if (gn_baseline_load(b, o->use_baseline, a->common.max_record, &sum, &a->err) ||
            gn_buf_printf(&s->described, &a->err, "%s%suse-baseline=%016llx", a->options,
                          *a->options ? " " : "", (unsigned long long)sum))
            return -1;
        a->options = (const char *)s->described.p;
        more = gn_baseline_settle(b, NULL, &a->err);
    }
    if (more < 1 || o->partial || o->merge)
        return more < 0 ? -1 : 0;
    s->twice =
        gn_twice_new(a->files.v, a->files.n, a->common.max_record, a->common.temp_dir, &a->err);
    return s->twice ? 0 : -1;
}

static int begin_hours(gn_app *a, const gn_header *h)
{
    const options *o = a->opt;
    state *s = a->state;
    int f = gn_schema_find(&h->schema, o->value);
    bool value =
        o->merge || (f >= 0 && (h->schema.f[f].type == GN_INT || h->schema.f[f].type == GN_FLOAT));
    gn_hourly_options t = {.command = COMMAND,
                           .time = o->time,
                           .user = o->user,
                           .value = value ? o->value : NULL,
                           .negative = o->negative,
                           .activity = o->hourly || o->activity,
                           .lag = o->lag / 3600000,
                           .change = s->change,
                           .least = (uint64_t)o->min_count,
                           .severity = s->severity[GN_TEMPORAL],
                           .merge = o->merge,
                           .hash = o->hash || a->files.n > 1,
                           .zone = a->zone,
                           .tz = a->common.tz,
                           .budget = &s->budget[GN_TEMPORAL],
                           .temp_dir = a->common.temp_dir};
    return (s->hours = gn_hourly_new(&t, &a->err)) ? 0 : -1;
}

static int begin_burst(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_burst_options b = {.user = o->user,
                          .time = o->time,
                          .factor = s->factor,
                          .days = o->days,
                          .active = o->min_days,
                          .least = (uint64_t)o->min_events,
                          .severity = s->severity[GN_BEHAVIOURAL],
                          .hash = o->hash || a->files.n > 1,
                          .zone = a->zone,
                          .tz = a->common.tz,
                          .budget = &s->budget[GN_BEHAVIOURAL],
                          .temp_dir = a->common.temp_dir};
    return (s->burst = gn_burst_new(&b, s->table, &a->err)) ? 0 : -1;
}

static int begin(gn_app *a, const gn_header *h)
{
    const options *o = a->opt;
    state *s = a->state;
    s->begun = true;
    s->states = h->partial.command && !o->merge;
    s->dimension = o->dimension                                 ? o->dimension
                   : gn_schema_find(&h->schema, DIMENSION) >= 0 ? DIMENSION
                                                                : NULL;
    if (s->states && (s->rules != 1 || !s->rule[GN_BEHAVIOURAL]))
        return gn_fail(
            &a->err, GN_INPUT,
            "'%s': a partial state of %s, not events (--merge reads those of gn-anomaly, "
            "--rule behavioural those of gn-dau)",
            gn_reader_name(a->reader), h->partial.command);
    return (s->rule[GN_STATISTICAL] && begin_zscore(a)) ||
                   (s->rule[GN_TEMPORAL] && begin_hours(a, h)) ||
                   (s->rule[GN_BEHAVIOURAL] && begin_burst(a))
               ? -1
               : 0;
}

/* The user's and the dimension's types, for the table. */
static int tell_types(gn_app *a, const gn_header *h)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_type user = GN_STR, dimension = GN_STR;
    int u = gn_reader_field(a->reader, "--user", o->user, 1u << GN_STR | 1u << GN_INT, &a->err);
    if (u < 0 ||
        gn_reader_field(a->reader, "--time", o->time, 1u << GN_TIME | 1u << GN_DATE, &a->err) < 0)
        return -1;
    user = h->schema.f[u].type;
    if (s->dimension) {
        int d = gn_reader_field(a->reader, "--dimension", s->dimension, ~0u, &a->err);
        if (d < 0)
            return -1;
        dimension = h->schema.f[d].type;
    }
    return gn_anomalies_types(s->table, user, dimension, &a->err);
}

static int segment(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    const gn_header *h = gn_reader_header(a->reader);
    if ((!s->begun && begin(a, h)) || (!s->states && !o->merge && tell_types(a, h)) ||
        (s->twice && gn_twice_segment(s->twice, h, &a->err)) ||
        (s->hours && gn_hourly_segment(s->hours, a->reader, &a->err)) ||
        (s->burst && gn_burst_segment(s->burst, a->reader, &a->err)))
        return -1;
    if (s->states)
        return gn_anomalies_types(s->table, gn_burst_user_type(s->burst), GN_STR, &a->err);
    if (!s->zscore)
        return 0;
    if (!s->given)
        return gn_baseline_segment(gn_zscore_baseline(s->zscore), a->reader, &a->err);
    if (gn_reader_field(a->reader, "--value", o->value, 1u << GN_INT | 1u << GN_FLOAT, &a->err) < 0)
        return -1;
    return s->twice ? 0 : gn_zscore_bind(s->zscore, (gn_feed){.reader = a->reader}, &a->err);
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    if ((s->twice && gn_twice_batch(s->twice, b, &a->err)) ||
        (s->hours && gn_hourly_add(s->hours, b, &a->err)) ||
        (s->burst && gn_burst_add(s->burst, b, &a->err)))
        return -1;
    if (!s->zscore || (s->given && s->twice))
        return 0;
    return s->given ? gn_zscore_judge(s->zscore, b, &a->err)
                    : gn_baseline_add(gn_zscore_baseline(s->zscore), b, &a->err);
}

static int end(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (s->twice && gn_twice_end(s->twice, gn_reader_trailer(a->reader), &a->err))
        return -1;
    return o->merge || s->states ? gn_app_merge_end(a) : 0;
}

/* ---- the end ---- */

static int second_reading(gn_app *a)
{
    state *s = a->state;
    gn_batch *b;
    int ev = gn_baseline_settle(gn_zscore_baseline(s->zscore), s->twice, &a->err);
    if (ev == 0)
        ev = gn_twice_rewind(s->twice, &a->err);
    while (ev == 0 && (ev = gn_twice_next(s->twice, &b, &a->err)) > 0)
        ev = ev == GN_EV_SEGMENT ? gn_zscore_bind(s->zscore, (gn_feed){.twice = s->twice}, &a->err)
             : ev == GN_EV_BATCH ? gn_zscore_judge(s->zscore, b, &a->err)
                                 : 0;
    return ev;
}

static int write_state(gn_app *a)
{
    state *s = a->state;
    gn_header h = {0};
    gn_baseline *b = s->zscore ? gn_zscore_baseline(s->zscore) : NULL;
    int r = b ? gn_baseline_state_header(b, &h, &a->err)
              : gn_hourly_state_header(s->hours, &h, &a->err);
    if (r == 0)
        r = gn_app_begin(a, &h);
    gn_header_release(&h);
    if (r)
        return -1;
    return b ? gn_baseline_state_write(b, a->w, &a->err)
             : gn_hourly_state_write(s->hours, a->w, &a->err);
}

static int finish_zscore(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (!s->given && gn_baseline_finish(gn_zscore_baseline(s->zscore), &a->err))
        return -1;
    if (o->merge)
        return 0;
    /* The other rules hold nothing any more. */
    s->budget[GN_STATISTICAL].cap = a->common.memory / 4 * 3;
    return (s->twice && second_reading(a)) || gn_zscore_finish(s->zscore, &a->err) ? -1 : 0;
}

static int finish_hours(gn_app *a)
{
    state *s = a->state;
    gn_header h = {0};
    int r = 0;
    if (s->hourly)
        r = gn_hourly_header(s->hours, &h, &a->err) || gn_writer_begin(s->hourly, &h, &a->err);
    gn_header_release(&h);
    return r || gn_hourly_finish(s->hours, s->table, s->hourly, &a->err) ? -1 : 0;
}

static int write_table(gn_app *a)
{
    state *s = a->state;
    gn_header h = {0};
    int r = gn_anomalies_header(s->table, &h, &a->err) || gn_app_begin(a, &h) ||
                    gn_anomalies_write(s->table, a->w, &a->err)
                ? -1
                : 0;
    gn_header_release(&h);
    return r;
}

/* What each rule met and found. */
static void count(gn_app *a)
{
    state *s = a->state;
    uint64_t runs, bytes = gn_anomalies_spilled(s->table, &runs), n;
    if (s->zscore) {
        gn_baseline *b = gn_zscore_baseline(s->zscore);
        const gn_baseline_counts *c = gn_baseline_counted(b);
        gn_app_count(a, "groups", c->groups);
        gn_app_count(a, "groups_too_small", c->small);
        gn_app_count(a, "groups_without_spread", c->without_spread);
        gn_app_count(a, "null_value", c->null_value);
        gn_app_count(a, "negative_value", c->negative_value);
        gn_app_count(a, "value_above_8h", c->long_value);
        gn_app_count(a, "values_judged", c->inside + c->low + c->high);
        gn_app_count(a, "values_not_judged", c->no_base);
        gn_app_count(a, "unknown_group", c->unknown_group);
        gn_app_count(a, "statistical", gn_zscore_found(s->zscore));
        gn_app_count(a, "statistical_listed", gn_zscore_listed(s->zscore));
        gn_app_count(a, "statistical_without_time", gn_zscore_timeless(s->zscore));
        bytes += gn_baseline_spilled(b, &n);
        runs += n;
    }
    if (s->hours) {
        const gn_hourly_counts *c = gn_hourly_counted(s->hours);
        gn_app_count(a, "hours", c->hours);
        gn_app_count(a, "hours_judged", c->judged);
        gn_app_count(a, "temporal", c->anomalies);
        gn_app_count(a, "events_without_time", c->null_time);
        bytes += c->spilled;
        runs += c->spill_runs;
    }
    if (s->burst) {
        const gn_burst_counts *c = gn_burst_counted(s->burst);
        gn_app_count(a, "users", c->users);
        gn_app_count(a, "user_days", c->user_days);
        gn_app_count(a, "user_days_judged", c->judged);
        gn_app_count(a, "behavioural", c->anomalies);
        gn_app_count(a, "null_user", c->null_user);
        gn_app_count(a, "null_time", c->null_time);
        bytes += c->spilled;
        runs += c->spill_runs;
    }
    gn_app_count(a, "spill_runs", runs);
    gn_app_count(a, "spill_bytes", bytes);
    gn_app_count(a, "spooled_bytes", s->twice ? gn_twice_spooled(s->twice) : 0);
    for (int r = 0; r < GN_ANOMALY_RULES; r++)
        a->budget.peak += s->budget[r].peak;
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    int r;
    if ((o->merge || s->states) && gn_app_merge_finish(a, o->partial || o->allow_partial))
        return -1;
    if (o->partial) {
        r = write_state(a);
    } else {
        r = (s->burst && gn_burst_finish(s->burst, &a->err)) || (s->hours && finish_hours(a)) ||
            (s->zscore && finish_zscore(a));
        if (r == 0)
            r = s->zscore && o->merge
                    ? gn_baseline_write(gn_zscore_baseline(s->zscore), a->w, &a->err)
                    : write_table(a);
        if (r == 0 && s->baseline)
            r = gn_baseline_write(gn_zscore_baseline(s->zscore), s->baseline, &a->err);
    }
    if (r == 0)
        count(a);
    return r ? -1 : 0;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_burst_free(s->burst);
    gn_hourly_free(s->hours);
    gn_zscore_free(s->zscore);
    gn_anomalies_free(s->table);
    gn_twice_free(s->twice);
    gn_buf_release(&s->described);
    gn_buf_release(&s->group);
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
