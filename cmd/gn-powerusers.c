/* gn-powerusers - the users with the greatest totals, all users with ranks and scores, and how they
 * are spread.
 *
 * Needs no order; of events whose header says that they are ordered by user one user is held at a
 * time, others are sorted by user first. Memory: spilling, beyond -m to disk. With --partial it
 * writes the users' totals instead, which --merge reads: states of disjoint sets of users. */
#include "app/app.h"
#include "base/parse.h"
#include "op/poweruser.h"
#include "op/unite.h"
#include "op/userstate.h"
#include "op/valuerank.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LONG_MS (INT64_C(8) * 3600 * 1000)
#define LONG_DAY_MS (INT64_C(16) * 3600 * 1000)
#define SHARE "1%"

static const char *const policy[] = {"drop", "keep", "cap", "flag"};

typedef struct options {
    const char *user, *time, *value, *page;
    const char *share, *max;
    int outliers, ties, rule;
    int64_t day_max;
    bool sort, partial, merge, allow_partial;
    gn_list also;
} options;

enum { ALL, PERCENTILES, HISTOGRAM, KINDS };
static const char *const kind[KINDS] = {"users", "percentiles", "histogram"};

typedef struct state {
    gn_share share, max_rank; /* max_rank.of 0: the bound is known */
    int64_t max;
    gn_user_totals *totals;
    gn_user_states *states;
    gn_power *power;
    gn_unite placed; /* of the segments only how they are placed */
    gn_user_state about;
    gn_buf params;
    gn_row row;
    bool begun, written;
    gn_writer *also[KINDS];
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"share", 0, "SHARE",
     "the share of users to write, 0.5% or 0.005; 100% is all (default " SHARE ")", GN_OPT_TEXT,
     O(share), true, 0, 0},
    {"rule", 0, "count|threshold",
     "the first of that share by rank, or all at or above the percentile of totals (default count)",
     GN_OPT_CHOICE, O(rule), true, 0, 0},
    {"ties", 0, "first|all",
     "of users with the total of the last one, those before it only, or all (default first)",
     GN_OPT_CHOICE, O(ties), true, 0, 0},
    {"also", 0, "KIND=FILE",
     "write a further table to FILE: users (all of them), percentiles or histogram; all files "
     "appear "
     "together at the end",
     GN_OPT_LIST, O(also), false, 0, 0},
    {"outliers", 0, "drop|keep|cap|flag",
     "events with a value below 0, null or above --max do not count at all; count all the same; "
     "count, with --max at most; or count, and days beyond --day-max are told (default drop)",
     GN_OPT_CHOICE, O(outliers), true, 0, 0},
    {"max", 0, "DURATION",
     "the greatest value that is no outlier; also p99 or p99.9, the percentile of all values "
     "(files are then read twice; default 8h)",
     GN_OPT_TEXT, O(max), true, 0, 0},
    {"day-max", 0, "DURATION",
     "with --outliers flag: what a user's day may sum up to (default 16h)", GN_OPT_DURATION,
     O(day_max), true, 0, 0},
    {"user", 0, "FIELD", "the user (default user_id)", GN_OPT_TEXT, O(user), true, 0, 0},
    {"time", 0, "FIELD", "the time or date of the event (default timestamp)", GN_OPT_TEXT, O(time),
     true, 0, 0},
    {"value", 0, "FIELD", "the int to total, in ms (default duration_ms)", GN_OPT_TEXT, O(value),
     true, 0, 0},
    {"page", 0, "FIELD", "counted distinct as unique_pages (default page_id where there is one)",
     GN_OPT_TEXT, O(page), true, 0, 0},
    {"sort", 0, NULL, "do not rely on the order of the input", GN_OPT_FLAG, O(sort), false, 0, 0},
    {"partial", 0, NULL, "write the mergeable state, one row per user, and no table", GN_OPT_FLAG,
     O(partial), true, 0, 0},
    {"merge", 0, NULL, "read such states, not events", GN_OPT_FLAG, O(merge), true, 0, 0},
    {"allow-partial", 0, NULL, "rank states although parts of their sources are missing",
     GN_OPT_FLAG, O(allow_partial), true, 0, 0},
    {0}};
static const options defaults = {.day_max = -1};

static const char *or_else(const char *given, const char *otherwise)
{
    return given ? given : otherwise;
}

/* ---- options ---- */

static int check_max(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    s->max = LONG_MS;
    if (!o->max)
        return 0;
    if (o->outliers != GN_OUTLIERS_DROP && o->outliers != GN_OUTLIERS_CAP)
        return gn_fail(&a->err, GN_USAGE, "--max goes with --outliers drop and cap");
    if (*o->max != 'p')
        return gn_parse_duration(o->max, 1000, &s->max, &a->err);
    if (!gn_share_parse_percentile(o->max, &s->max_rank))
        return gn_fail(&a->err, GN_USAGE, "--max: '%s' is neither a duration nor p0 to p100",
                       o->max);
    if (o->partial)
        return gn_fail(&a->err, GN_USAGE,
                       "--max %s would be another bound for each part: give the percentile of the "
                       "whole as a duration",
                       o->max);
    bool again = a->files.n > 0;
    for (size_t i = 0; i < a->files.n; i++)
        again &= strcmp(a->files.v[i], "-") != 0;
    return again ? 0
                 : gn_fail(&a->err, GN_USAGE,
                           "--max %s reads its input twice: give files, not a pipe", o->max);
}

/* What is in a state, or to be decided when states are merged. */
static int check_states(gn_app *a)
{
    const options *o = a->opt;
    if (o->partial && (o->share || o->rule || o->ties || o->also.n))
        return gn_fail(
            &a->err, GN_USAGE,
            "--partial writes all users' totals: give --share, --rule, --ties and --also "
            "to the --merge that reads them");
    if (o->merge && (o->user || o->time || o->value || o->page || o->outliers || o->max ||
                     o->day_max >= 0 || o->sort || strcmp(a->common.tz, "UTC") != 0))
        return gn_fail(&a->err, GN_USAGE,
                       "--merge takes fields, --outliers, --max, --day-max and --tz from the "
                       "states");
    return 0;
}

static size_t share_of_memory(const gn_app *a, size_t eighths)
{
    size_t n = a->common.memory / 8 * eighths, least = (size_t)4 << 20;
    return n < least ? least : n;
}

static int sink(void *ctx, const gn_user_total *t, gn_err *e);

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (!gn_share_parse(or_else(o->share, SHARE), &s->share) || s->share.share == 0)
        return gn_fail(&a->err, GN_USAGE, "--share: '%s' is no share of users above 0 (1%%, 0.01)",
                       o->share);
    if (o->day_max >= 0 && o->outliers != GN_OUTLIERS_FLAG)
        return gn_fail(&a->err, GN_USAGE, "--day-max goes with --outliers flag");
    if (o->rule == 1 && o->ties == 1)
        return gn_fail(&a->err, GN_USAGE,
                       "--ties goes with --rule count: at a threshold all ties are in");
    if (check_states(a) || check_max(a))
        return -1;
    if (o->merge) {
        s->states = gn_user_states_new(&(gn_user_states_options){.budget = &a->budget,
                                                                 .memory = share_of_memory(a, 4),
                                                                 .temp_dir = a->common.temp_dir,
                                                                 .sink = sink,
                                                                 .ctx = a},
                                       &a->err);
        return s->states ? 0 : -1;
    }
    return 0;
}

static int open_also(gn_app *a, const char *text)
{
    state *s = a->state;
    const char *eq = strchr(text, '=');
    size_t n = eq ? (size_t)(eq - text) : 0;
    for (int k = 0; eq && eq[1] && k < KINDS; k++) {
        if (strlen(kind[k]) != n || memcmp(kind[k], text, n) != 0)
            continue;
        if (s->also[k])
            return gn_fail(&a->err, GN_USAGE, "--also: '%s' is asked for twice", kind[k]);
        return (s->also[k] = gn_app_also(a, eq + 1)) ? 0 : -1;
    }
    return gn_fail(&a->err, GN_USAGE,
                   "--also: '%s' is not KIND=FILE with KIND one of users, percentiles, histogram",
                   text);
}

/* The percentile that is the bound. */
static int find_max(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    bool found;
    gn_value_rank_options r = {.paths = a->files.v,
                               .n = a->files.n,
                               .max_record = a->common.max_record,
                               .user = or_else(o->user, "user_id"),
                               .time = or_else(o->time, "timestamp"),
                               .value = or_else(o->value, "duration_ms"),
                               .budget = &a->budget,
                               .memory = share_of_memory(a, 7),
                               .temp_dir = a->common.temp_dir};
    s->max = 0;
    if (gn_value_at_rank(&r, s->max_rank, &s->max, &found, &a->err))
        return -1;
    gn_app_count(a, "max_value", (uint64_t)s->max);
    return 0;
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    for (size_t i = 0; i < o->also.n; i++)
        if (open_also(a, o->also.v[i]))
            return -1;
    if (s->max_rank.of && find_max(a))
        return -1;
    if (o->merge)
        return 0;
    s->totals = gn_user_totals_new(
        &(gn_user_totals_options){.user = or_else(o->user, "user_id"),
                                  .time = or_else(o->time, "timestamp"),
                                  .value = o->value,
                                  .page = o->page,
                                  .outliers = (enum gn_outliers)o->outliers,
                                  .most = s->max,
                                  .day_most = o->day_max < 0 ? LONG_DAY_MS : o->day_max,
                                  .zone = a->zone,
                                  .sort = o->sort || a->files.n > 1,
                                  .budget = &a->budget,
                                  .memory = share_of_memory(a, 4),
                                  .temp_dir = a->common.temp_dir,
                                  .sink = sink,
                                  .ctx = a},
        &a->err);
    return s->totals ? 0 : -1;
}

/* ---- input ---- */

/* After the first segment: what the users are, and what will be made of them. */
static int begin(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (o->merge) {
        s->about = *gn_user_states_of(s->states);
    } else {
        const char *page = gn_user_totals_page(s->totals);
        s->about = (gn_user_state){.user = or_else(o->user, "user_id"),
                                   .value = gn_user_totals_value(s->totals),
                                   .user_type = gn_user_totals_type(s->totals),
                                   .pages = page != NULL,
                                   .flagged = o->outliers == GN_OUTLIERS_FLAG};
        int64_t day_max = o->day_max < 0 ? LONG_DAY_MS : o->day_max;
        if (gn_buf_printf(&s->params, &a->err, "user=%s value=%s page=%s outliers=%s tz=%s",
                          s->about.user, s->about.value, or_else(page, ""), policy[o->outliers],
                          a->common.tz) ||
            ((o->outliers == GN_OUTLIERS_DROP || o->outliers == GN_OUTLIERS_CAP) &&
             gn_buf_printf(&s->params, &a->err, " max=%lldms", (long long)s->max)) ||
            (s->about.flagged &&
             gn_buf_printf(&s->params, &a->err, " day-max=%lldms", (long long)day_max)))
            return -1;
        s->about.params = (const char *)s->params.p;
    }
    if (o->partial)
        return 0;
    s->power = gn_power_new(&(gn_power_options){.share = s->share.share,
                                                .of = s->share.of,
                                                .ties = o->ties == 1,
                                                .threshold = o->rule == 1,
                                                .user = s->about.user,
                                                .value = s->about.value,
                                                .user_type = s->about.user_type,
                                                .pages = s->about.pages,
                                                .flagged = s->about.flagged,
                                                .budget = &a->budget,
                                                .memory = share_of_memory(a, 2),
                                                .temp_dir = a->common.temp_dir},
                            &a->err);
    return s->power ? 0 : -1;
}

static int segment(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    const char *name = gn_reader_name(a->reader);
    const gn_header placed = {.part = gn_reader_header(a->reader)->part};
    if (o->merge ? gn_user_states_segment(s->states, a->reader, &a->err)
                 : gn_user_totals_segment(s->totals, a->reader, &a->err))
        return -1;
    if (!s->begun && begin(a))
        return -1;
    s->begun = true;
    if (!s->written)
        return gn_unite_add(&s->placed, &placed, name, &a->err);
    if (!gn_unite_holds(&s->placed, &placed))
        return gn_fail(&a->err, GN_INPUT,
                       "'%s': placed unlike the segment before, whose users were written already "
                       "(give --sort)",
                       name);
    return 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    return s->states ? gn_user_states_batch(s->states, b, &a->err)
                     : gn_user_totals_batch(s->totals, a->reader, b, &a->err);
}

static int end(gn_app *a)
{
    const options *o = a->opt;
    return o->merge ? gn_app_merge_end(a) : 0;
}

/* ---- output ---- */

/* Users are placed as their events were, where that was by the user. */
static int begin_placed(gn_app *a, gn_header *h, gn_writer *w)
{
    state *s = a->state;
    gn_unite_end(&s->placed);
    const gn_part *p = &s->placed.h.part;
    if (p->nkeys == 1 && strcmp(p->key[0], s->about.user) == 0)
        h->part = *p; /* lent for the time of writing */
    int r = gn_writer_begin(w, h, &a->err);
    h->part = (gn_part){0};
    return r;
}

static int begin_state(gn_app *a)
{
    state *s = a->state;
    gn_header h = {0};
    if (s->written)
        return 0;
    s->written = true;
    int r = gn_user_state_header(&s->about, &h, &a->err) || begin_placed(a, &h, a->w) ? -1 : 0;
    gn_header_release(&h);
    return r;
}

static int sink(void *ctx, const gn_user_total *t, gn_err *e)
{
    gn_app *a = ctx;
    const options *o = a->opt;
    state *s = a->state;
    if (!o->partial)
        return gn_power_add(s->power, t, e);
    return begin_state(a) || gn_user_state_write(&s->about, t, &s->row, a->w, e) ? -1 : 0;
}

static int begin_table(gn_app *a, enum gn_power_table t, gn_writer *w)
{
    state *s = a->state;
    gn_header h = {0};
    if (!w)
        return 0;
    int r = gn_power_header(s->power, t, &h, &a->err) ||
                    (t == GN_POWER_USERS ? begin_placed(a, &h, w) : gn_writer_begin(w, &h, &a->err))
                ? -1
                : 0;
    gn_header_release(&h);
    return r;
}

static int write_tables(gn_app *a)
{
    state *s = a->state;
    gn_power_outputs out = {.top = a->w,
                            .all = s->also[ALL],
                            .percentiles = s->also[PERCENTILES],
                            .histogram = s->also[HISTOGRAM]};
    if (begin_table(a, GN_POWER_USERS, a->w) || begin_table(a, GN_POWER_USERS, s->also[ALL]) ||
        begin_table(a, GN_POWER_PERCENTILES, out.percentiles) ||
        begin_table(a, GN_POWER_HISTOGRAM, out.histogram) || gn_power_rank(s->power, &out, &a->err))
        return -1;
    gn_power_counts c = gn_power_counted(s->power);
    gn_app_count(a, "users", c.users);
    gn_app_count(a, "power_users", c.top);
    gn_app_count(a, "spill_runs", c.spill_runs);
    gn_app_count(a, "spill_bytes", c.spill_bytes);
    return 0;
}

static void count_events(gn_app *a)
{
    const gn_user_totals_counts *c = gn_user_totals_counted(((state *)a->state)->totals);
    gn_app_count(a, "null_user", c->null_user);
    gn_app_count(a, "null_time", c->null_time);
    gn_app_count(a, "null_value", c->null_value);
    gn_app_count(a, "negative_value", c->negative_value);
    gn_app_count(a, "value_above_max", c->large_value);
    gn_app_count(a, "events_used", c->used);
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    uint64_t runs, bytes;
    if (o->merge && gn_app_merge_finish(a, o->partial || o->allow_partial))
        return -1;
    if (o->merge ? gn_user_states_finish(s->states, &a->err)
                 : gn_user_totals_finish(s->totals, &a->err))
        return -1;
    if (!o->merge)
        count_events(a);
    if (!o->merge && !o->partial) {
        gn_unite_end(&s->placed);
        if (gn_part_whole(&s->placed.h.part, or_else(o->user, "user_id"), "the input", &a->err))
            return -1;
    }
    bytes = o->merge ? gn_user_states_spilled(s->states, &runs)
                     : gn_user_totals_spilled(s->totals, &runs);
    gn_app_count(a, "spill_runs", runs);
    gn_app_count(a, "spill_bytes", bytes);
    return o->partial ? begin_state(a) : write_tables(a);
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_user_totals_free(s->totals);
    gn_user_states_free(s->states);
    gn_power_free(s->power);
    gn_unite_release(&s->placed);
    gn_buf_release(&s->params);
    gn_row_release(&s->row);
    *s = (state){0};
}

static const gn_example examples[] = {
    {"the top 1 % of the users", "gn-fromcsv interactions.csv | gn-powerusers | gn-view"},
    {"all users, and how they are spread",
     "gn-powerusers --share 100% --also percentiles=p.gn --also histogram=h.gn events.gn -o "
     "users.gn"},
    {"parts of users apart, then ranked together",
     "gn-partition -k user_id -n 2 -d parts events.gn; for p in parts/part-*.gn; do gn-powerusers "
     "--partial $p -o $p.state; done; gn-powerusers --merge parts/*.state"},
    {0}};

static const gn_filter filter = {
    .name = "gn-powerusers",
    .summary = "rank users by what they did: the top of them, scores, percentiles",
    .operands = "[FILE...]",
    .order = "none (by user: one user at a time)",
    .memory = "spilling; the distinct pages of one user",
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
