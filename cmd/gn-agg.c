/* gn-agg - group records and aggregate: counts, sums, averages, extremes, distinct, percentiles.
 *
 * Needs no order; where the input is in order of the keys, groups are written as they end and only
 * one is held. Memory: keyed, and beyond -m it spills. Output in order of the keys. With --partial
 * it writes the groups' states instead, which --merge reads. */
#include "app/app.h"
#include "op/agg.h"
#include "op/unite.h"

#include <stddef.h>
#include <string.h>

typedef struct options {
    const char *key, *agg, *time;
    int percentile;
    bool hash, partial, merge, allow_partial;
} options;

typedef struct state {
    gn_agg *agg;
    gn_unite placed; /* of the segments only how they are placed */
    bool written;
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"key", 'k', "LIST",
     "group by these: fields, or name = expression, separated by commas (default: one group)",
     GN_OPT_TEXT, O(key), true, 0, 0},
    {"agg", 'a', "LIST",
     "what to compute of each group: count(), sum(x), avg(x), stddev(x), min(x), max(x), "
     "first(x[, by]), last(x[, by]), distinct(x), median(x), mad(x), p01(x) to p99(x), pctl(x, "
     "99.9); estimated: approx_distinct(x), approx_median(x), approx_p01(x) to approx_p99(x), "
     "approx_pctl(x, 99.9); each also as name = ... (default count())",
     GN_OPT_TEXT, O(agg), true, 0, 0},
    {"time", 0, "FIELD", "what first and last go by (default timestamp)", GN_OPT_TEXT, O(time),
     true, 0, 0},
    {"percentile", 0, "cont|nearest",
     "percentiles between two values, or of a value that is there (default cont)", GN_OPT_CHOICE,
     O(percentile), true, 0, 0},
    {"hash", 0, NULL, "do not rely on the order of the input", GN_OPT_FLAG, O(hash), false, 0, 0},
    {"partial", 0, NULL, "write the mergeable states of the groups, and no results", GN_OPT_FLAG,
     O(partial), true, 0, 0},
    {"merge", 0, NULL, "read such states, not records; keys and aggregates are theirs", GN_OPT_FLAG,
     O(merge), true, 0, 0},
    {"allow-partial", 0, NULL, "merge states although parts of their sources are missing",
     GN_OPT_FLAG, O(allow_partial), true, 0, 0},
    {0}};
static const options defaults = {.time = "timestamp"};

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (o->merge && (o->key || o->agg || o->percentile))
        return gn_fail(
            &a->err, GN_USAGE,
            "--merge takes keys and aggregates from the states: no -k, -a, --percentile");
    gn_agg_options g = {.keys = o->key,
                        .aggs = o->agg ? o->agg : "count()",
                        .time = o->time,
                        .zone = a->zone,
                        .tz = a->common.tz,
                        .nearest = o->percentile == 1,
                        .merge = o->merge,
                        .hash = o->hash || a->files.n > 1,
                        .budget = &a->budget,
                        .temp_dir = a->common.temp_dir};
    s->agg = gn_agg_new(&g, &a->err);
    return s->agg ? 0 : -1;
}

static int write_header(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0};
    if (s->written)
        return 0;
    s->written = true;
    gn_unite_end(&s->placed);
    const gn_part *part = &s->placed.h.part;
    int r = gn_agg_header(s->agg, o->partial, &h, &a->err);
    bool kept = r == 0;
    for (size_t i = 0; kept && i < part->nkeys; i++)
        kept = gn_agg_keeps(s->agg, part->key[i]);
    if (kept) /* lent for the time of writing */
        h.part = *part;
    if (r == 0)
        r = gn_app_begin(a, &h);
    h.part = (gn_part){0};
    gn_header_release(&h);
    return r;
}

static int segment(gn_app *a)
{
    state *s = a->state;
    const char *name = gn_reader_name(a->reader);
    const gn_header placed = {.part = gn_reader_header(a->reader)->part};
    if (gn_agg_segment(s->agg, a->reader, &a->err))
        return -1;
    if (!s->written)
        return gn_unite_add(&s->placed, &placed, name, &a->err);
    if (!gn_unite_holds(&s->placed, &placed))
        return gn_fail(&a->err, GN_INPUT,
                       "'%s': placed unlike the segment before, whose groups were written already "
                       "(give --hash)",
                       name);
    return 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    const options *o = a->opt;
    state *s = a->state;
    if (gn_agg_streams(s->agg) && write_header(a))
        return -1;
    return gn_agg_batch(s->agg, b, o->partial, a->w, &a->err);
}

static int end(gn_app *a)
{
    const options *o = a->opt;
    return o->merge ? gn_app_merge_end(a) : 0;
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    uint64_t runs = 0, bytes;
    if ((o->merge && gn_app_merge_finish(a, o->partial || o->allow_partial)) || write_header(a) ||
        gn_agg_finish(s->agg, o->partial, a->w, &a->err))
        return -1;
    bytes = gn_agg_spilled(s->agg, &runs);
    gn_app_count(a, "groups", gn_agg_groups(s->agg));
    gn_app_count(a, "spill_runs", runs);
    gn_app_count(a, "spill_bytes", bytes);
    return 0;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_agg_free(s->agg);
    s->agg = NULL;
    gn_unite_release(&s->placed);
}

static const gn_example examples[] = {
    {"durations by version and day",
     "gn-fromcsv interactions.csv | gn-agg -k 'app_version, day = date(timestamp)' -a 'count(), "
     "p50(duration_ms), p95(duration_ms)' | gn-view"},
    {"who did how much, on how many pages",
     "gn-agg -k user_id -a 'count(), sum(duration_ms), distinct(page_id)' events.gn"},
    {"on two machines, then together",
     "gn-agg -k action_type -a 'avg(duration_ms)' --partial a.gn -o a.part.gn; gn-agg -k "
     "action_type -a 'avg(duration_ms)' --partial b.gn -o b.part.gn; gn-agg --merge a.part.gn "
     "b.part.gn"},
    {0}};

static const gn_filter filter = {
    .name = "gn-agg",
    .summary =
        "group records and aggregate: counts, sums, averages, distinct, percentiles, exactly",
    .operands = "[FILE...]",
    .order = "none (in order of the keys: one group at a time)",
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
