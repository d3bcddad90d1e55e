/* geneffects.c - what realistic data are made of, in words: the options, and the planted effects as
 * JSON. See genreal.h. */
#include "genrealpriv.h"

#include "../base/civil.h"
#include "../base/json.h"
#include "../base/parse.h"
#include "../io/out.h"

#include <stdio.h>

static const char *const countries[] = {"US", "UK", "CA", "AU", "DE", "FR", "JP", "IN", "BR", "MX"};
static const char *const devices[] = {"iPhone",         "iPad",    "Android Phone",
                                      "Android Tablet", "Windows", "Mac"};
static const char *const subscriptions[] = {"free", "basic", "premium", "enterprise"};
static const char *const actions[] = {"page_view", "edit", "create", "delete", "share", "(first)"};

typedef struct paper { /* keeps the first error */
    gn_json j;
    gn_err *e;
    int bad;
} paper;

static void key(paper *w, const char *name)
{
    if (name)
        w->bad |= gn_json_key(&w->j, name, w->e);
}

static void text(paper *w, const char *name, const char *v)
{
    key(w, name);
    w->bad |= gn_json_text(&w->j, v, w->e);
}

static void whole(paper *w, const char *name, uint64_t v)
{
    key(w, name);
    w->bad |= gn_json_uint(&w->j, v, w->e);
}

/* Four significant places behind the point are enough to look for. */
static void real(paper *w, const char *name, double v)
{
    char t[GN_FLOAT_TEXT];

    key(w, name);
    (void)gn_float_format((double)(int64_t)(v * 10000 + (v < 0 ? -0.5 : 0.5)) / 10000, t);
    w->bad |= w->j.comma && gn_buf_add(w->j.b, ",", 1, w->e);
    w->bad |= gn_buf_printf(w->j.b, w->e, "%s", t);
    w->j.comma = true;
}

/* The rates as given, to the last digit. */
static void rate(paper *w, const char *name, double v)
{
    char t[GN_FLOAT_TEXT];

    key(w, name);
    (void)gn_float_format(v, t);
    w->bad |= gn_buf_printf(w->j.b, w->e, "%s", t);
    w->j.comma = true;
}

static void open(paper *w, const char *name, char bracket)
{
    key(w, name);
    w->bad |= gn_json_open(&w->j, bracket, w->e);
}

static void shut(paper *w, const char *brackets)
{
    for (; *brackets; brackets++)
        w->bad |= gn_json_close(&w->j, *brackets, w->e);
}

static void numbers(paper *w, const char *name, const uint8_t *v, size_t n)
{
    open(w, name, '[');
    for (size_t i = 0; i < n; i++)
        whole(w, NULL, v[i]);
    shut(w, "]");
}

static void date(paper *w, const char *name, int64_t day)
{
    char t[GN_TIME_TEXT];

    (void)gn_date_format(day, t);
    text(w, name, t);
}

static void when(paper *w, const char *name, int64_t seconds)
{
    char t[GN_TIME_TEXT];

    (void)gn_time_format(seconds * GN_US, t);
    text(w, name, t);
}

/* {"name": ..., "where": ..., "parameters": { */
static void effect(paper *w, const char *name, const char *where)
{
    open(w, NULL, '{');
    text(w, "name", name);
    text(w, "where", where);
    open(w, "parameters", '{');
}

static void expected(paper *w)
{
    shut(w, "}");
    open(w, "expected", '{');
}

static void classes(paper *w, const char *name, const char *const *names, const uint8_t *percent,
                    size_t n)
{
    open(w, name, '{');
    for (size_t i = 0; i < n; i++)
        real(w, names[i], percent[i] / 100.0);
    shut(w, "}");
}

static void people(paper *w)
{
    effect(w, "churn", "retention by subscription_type of users who joined within the period");
    real(w, "joined_before", 0.5);
    whole(w, "new_days", GN_GENPOP_NEW);
    real(w, "new_factor", 2);
    open(w, "leave_per_week", '{');
    for (int i = 0; i < GN_SUBSCRIPTIONS; i++)
        real(w, subscriptions[i], gn_genpop_leave[i] / 1000.0);
    shut(w, "}");
    expected(w);
    open(w, "there_after_12_weeks", '{');
    for (int i = 0; i < GN_SUBSCRIPTIONS; i++)
        real(w, subscriptions[i],
             gn_gen_exp2(-12 * 1.44269504088896340736 * gn_genpop_leave[i] / 1000.0));
    shut(w, "}}}");
}

static void metadata(const gn_genreal *g, paper *w)
{
    people(w);
    effect(w, "attributes", "share of users by subscription_type, device_type, country");
    expected(w);
    classes(w, "subscription_type", subscriptions, gn_genpop_subscriptions, GN_SUBSCRIPTIONS);
    classes(w, "device_type", devices, gn_genpop_devices, GN_DEVICES);
    classes(w, "country", countries, gn_genpop_countries, GN_COUNTRIES);
    shut(w, "}}");
    effect(w, "duplicate_ids",
           "user_id with several rows: the one with the latest join_date is true, the earliest "
           "join_date is");
    rate(w, "rate", g->o.duplicate_rate);
    expected(w);
    whole(w, "rows", g->further);
    whole(w, "distinct_users", g->covered);
    shut(w, "}}");
    effect(w, "users_without_metadata", "user_id of interactions, not in metadata");
    expected(w);
    whole(w, "users", g->o.users - g->covered);
    real(w, "share_of_users", (double)(g->o.users - g->covered) / (double)g->o.users);
    shut(w, "}}");
}

static void activity(const gn_genreal *g, paper *w)
{
    effect(w, "power_users", "rows by user_id: the top 1 % of those that occur");
    rate(w, "top_share", g->o.top_share);
    real(w, "exponent", g->pop.exponent);
    real(w, "shift", g->pop.shift);
    real(w, "even_part", g->pop.even);
    expected(w);
    real(w, "share_of_rows", g->pop.share);
    whole(w, "users", (uint64_t)g->pop.seen);
    shut(w, "}}");
    effect(w, "calendar", "rows by hour of day, weekday (from Monday) and month, as weights");
    numbers(w, "hours", gn_genreal_hours, 24);
    numbers(w, "weekdays", gn_genreal_weekdays, 7);
    numbers(w, "months", gn_genreal_months, 12);
    expected(w);
    shut(w, "}}");
    effect(w, "sessions", "gaps of at most 1800 s within a session");
    real(w, "one_more", 0.8);
    whole(w, "most_actions", GN_GENREAL_LENGTH);
    expected(w);
    real(w, "bounce_rate", 0.4);
    real(w, "actions_per_session", g->mean_length);
    shut(w, "}}");
    effect(w, "action_chain", "action_type after action_type within a session");
    open(w, "transitions", '{');
    for (int i = 0; i < 6; i++)
        classes(w, actions[i], actions, gn_genreal_chain[i], 5);
    shut(w, "}");
    expected(w);
    shut(w, "}}");
}

static void durations(const gn_genreal *g, paper *w)
{
    effect(w, "durations", "duration_ms by action_type, log-normal");
    real(w, "sigma", 1);
    expected(w);
    open(w, "median_ms", '{');
    for (int i = 0; i < 5; i++)
        whole(w, actions[i], gn_genreal_medians[i]);
    shut(w, "}}}");

    struct {
        const char *name, *where;
        double rate;
    } rates[] = {
        {"null_durations", "duration_ms is null", g->o.null_rate},
        {"negative_durations", "duration_ms < 0, down to a minute", g->o.negative_rate},
        {"long_durations", "duration_ms > 8h, up to 72h", g->o.long_rate},
        {"duplicates", "rows that are copies of another, close behind it", g->o.duplicate_rate},
        {"late_arrivals", "rows with an earlier timestamp than rows before them, by 5 min or more",
         g->o.late_rate},
    };
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        effect(w, rates[i].name, rates[i].where);
        rate(w, "rate", rates[i].rate);
        expected(w);
        whole(w, "rows", (uint64_t)((double)g->o.rows * rates[i].rate + 0.5));
        shut(w, "}}");
    }
}

static void version(paper *w, const char *name, unsigned release)
{
    unsigned v = gn_genreal_version(release);
    char t[16];

    snprintf(t, sizeof t, "%u.%u.%u", v / 100 % 10, v / 10 % 10, v % 10);
    text(w, name, t);
}

static void slowness(const gn_genreal *g, paper *w)
{
    int64_t every = g->hours * 3600 / GN_GENREAL_RELEASES;

    effect(w, "version_rollout", "app_version by day: each is taken up within a few weeks");
    version(w, "first", 0);
    version(w, "at_the_begin", GN_GENREAL_OLD);
    version(w, "last", GN_GENREAL_OLD + GN_GENREAL_RELEASES - 1);
    whole(w, "seconds_between_releases", (uint64_t)every);
    whole(w, "mean_lag_seconds", (uint64_t)every * 4);
    expected(w);
    whole(w, "versions", GN_GENREAL_OLD + GN_GENREAL_RELEASES);
    shut(w, "}}");
    effect(w, "slow_version", "median of duration_ms by app_version");
    version(w, "app_version", GN_GENREAL_SLOW);
    when(w, "released", g->o.from * 86400 + (GN_GENREAL_SLOW - GN_GENREAL_OLD) * every);
    expected(w);
    real(w, "factor", GN_GENREAL_SLOW_PERCENT / 100.0);
    shut(w, "}}");
    effect(w, "slow_device", "median of duration_ms by device_type of metadata");
    text(w, "device_type", devices[GN_GENREAL_SLOW_DEVICE]);
    expected(w);
    real(w, "factor", GN_GENREAL_SLOW_DEVICE_PERCENT / 100.0);
    shut(w, "}}");
}

static void anomalies(const gn_genreal *g, paper *w)
{
    char id[32];

    if (g->spike >= 0) {
        effect(w, "anomalous_hour", "rows of the hour against the same hour a week before");
        when(w, "hour", g->o.from * 86400 + g->spike * 3600);
        expected(w);
        real(w, "factor", GN_GENREAL_SPIKE);
        shut(w, "}}");
    }
    for (size_t i = 0; i < g->nbursts; i++) {
        const gn_genreal_burst *b = &g->burst[i];
        effect(w, "anomalous_user_day",
               "rows of the user on the day against the mean of the active days before");
        snprintf(id, sizeof id, "u%06llu", (unsigned long long)gn_genpop_id(&g->pop, b->rank));
        text(w, "user_id", id);
        date(w, "date", g->o.from + b->day);
        real(w, "usual_rows_per_day", b->usual);
        expected(w);
        whole(w, "rows_at_least", b->events);
        shut(w, "}}");
    }
}

int gn_genreal_effects(const gn_genreal *g, const char *path, gn_err *e)
{
    gn_buf b = {0};
    paper w = {.j = {.b = &b}, .e = e};
    bool meta = g->o.table == GN_GEN_METADATA;

    open(&w, NULL, '{');
    text(&w, "model", "realistic");
    text(&w, "table", meta ? "metadata" : "interactions");
    whole(&w, "seed", g->o.seed);
    whole(&w, "rows", g->o.rows);
    whole(&w, "users", g->o.users);
    date(&w, "from", g->o.from);
    date(&w, "to", g->o.to);
    open(&w, "effects", '[');
    if (meta) {
        metadata(g, &w);
    } else {
        activity(g, &w);
        durations(g, &w);
        slowness(g, &w);
        people(&w);
        anomalies(g, &w);
    }
    shut(&w, "]}");
    w.bad |= gn_buf_add(&b, "\n", 1, e);

    gn_out *o = w.bad ? NULL : gn_out_open(path, 0, e);
    int r = !o || gn_out_write(o, b.p, b.n, e) || gn_out_finish(o, e) || gn_out_commit(o, e);
    gn_out_close(o);
    gn_buf_release(&b);
    return r ? -1 : 0;
}

int gn_genreal_describe(const gn_genreal *g, gn_buf *out, gn_err *e)
{
    const gn_genreal_options *o = &g->o;
    bool meta = o->table == GN_GEN_METADATA;
    const struct {
        const char *name;
        double v;
    } rates[] = {{"duplicate-rate", o->duplicate_rate}, /* the one that metadata have too */
                 {"top-share", o->top_share},
                 {"null-rate", o->null_rate},
                 {"negative-rate", o->negative_rate},
                 {"long-rate", o->long_rate},
                 {"late-rate", o->late_rate}};
    char from[GN_TIME_TEXT], to[GN_TIME_TEXT], v[GN_FLOAT_TEXT];

    (void)gn_date_format(o->from, from);
    (void)gn_date_format(o->to, to);
    if (gn_buf_printf(out, e,
                      "model=realistic table=%s rows=%llu seed=%llu users=%llu from=%s to=%s",
                      meta ? "metadata" : "interactions", (unsigned long long)o->rows,
                      (unsigned long long)o->seed, (unsigned long long)o->users, from, to))
        return -1;
    for (size_t i = 0; i < (meta ? 1 : sizeof rates / sizeof *rates); i++) {
        (void)gn_float_format(rates[i].v, v);
        if (gn_buf_printf(out, e, " %s=%s", rates[i].name, v))
            return -1;
    }
    return 0;
}
