/* gn-hotkeys - find the keys that own too much of a stream, for gn-salt and gn-plan.
 *
 * Needs no order. Regular files are read twice: candidates first, in bounded memory, then their
 * exact counts. Anything else is read once, and all keys are counted, which spills beyond -m, as it
 * does when there are too many keys for the candidates to be sure. Output in order of the key. */
#include "app/app.h"
#include "op/hotkeys.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

typedef struct options {
    const char *key;
    size_t target;
    int rule;
    int64_t min_count;
    bool exact;
} options;

typedef struct state {
    gn_hotkeys *hot;
} state;

enum { SHARE, QUANTILE };

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"key", 'k', "FIELDS", "the key: one field or several (default user_id)", GN_OPT_TEXT, O(key),
     true, 0, 0},
    {"target-size", 0, "SIZE", "bytes that a partition should have (default 128M)", GN_OPT_SIZE,
     O(target), true, 0, 0},
    {"rule", 0, "share|quantile",
     "share: a key is hot above half of --target-size; quantile: above the p99 of the keys' counts "
     "and at least 5 times their median (default share)",
     GN_OPT_CHOICE, O(rule), true, 0, 0},
    {"exact", 0, NULL, "with quantile: p99 and median of all keys, not of a sample of them",
     GN_OPT_FLAG, O(exact), true, 0, 0},
    {"min-count", 0, "N", "and it has at least N records (default 1)", GN_OPT_INT, O(min_count),
     true, 1, INT64_MAX},
    {0}};
static const options defaults = {.key = "user_id", .target = (size_t)128 << 20, .min_count = 1};

static int check(gn_app *a)
{
    const options *o = a->opt;
    if (o->target == 0)
        return gn_fail(&a->err, GN_USAGE, "--target-size: partitions of 0 bytes cannot be");
    if (o->exact && o->rule != QUANTILE)
        return gn_fail(&a->err, GN_USAGE,
                       "--exact is of --rule quantile (share is exact as it is)");
    return 0;
}

/* What is no regular file can be read once only. */
static bool can_reread(const gn_app *a)
{
    struct stat st;
    for (size_t i = 0; i < a->files.n; i++)
        if (strcmp(a->files.v[i], "-") == 0 || stat(a->files.v[i], &st) || !S_ISREG(st.st_mode))
            return false;
    return a->files.n > 0;
}

static int event(gn_app *a, gn_reader *r, int ev, const gn_batch *b, bool first)
{
    state *s = a->state;
    if (ev == GN_EV_SEGMENT)
        return gn_hotkeys_segment(s->hot, r, &a->err);
    if (ev == GN_EV_BATCH)
        return gn_hotkeys_batch(s->hot, b, &a->err);
    return first ? gn_app_input_ended(a, &gn_reader_trailer(r)->lineage) : 0;
}

static int read_all(gn_app *a, bool first)
{
    gn_batch *b;
    int ev = -1;
    gn_reader *r = gn_reader_open(a->files.v, a->files.n, a->common.max_record, &a->err);
    while (r && (ev = gn_reader_next(r, &b, &a->err)) > 0)
        if (event(a, r, ev, b, first)) {
            ev = -1;
            break;
        }
    if (r && first)
        gn_app_records_in(a, gn_reader_records(r), gn_reader_bytes(r));
    gn_reader_close(r);
    return ev;
}

static int run(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0};
    bool again;
    s->hot = gn_hotkeys_new(&(gn_hotkeys_options){.key = o->key,
                                                  .target = o->target,
                                                  .quantile = o->rule == QUANTILE,
                                                  .exact = o->exact,
                                                  .min_count = (uint64_t)o->min_count,
                                                  .twice = can_reread(a),
                                                  .budget = &a->budget,
                                                  .temp_dir = a->common.temp_dir},
                            &a->err);
    if (!s->hot || read_all(a, true) || gn_hotkeys_again(s->hot, &again, &a->err))
        return -1;
    if (again && (read_all(a, false) || gn_hotkeys_again(s->hot, &again, &a->err)))
        return -1;
    int r = gn_hotkeys_header(s->hot, &h, &a->err) || gn_app_begin(a, &h) ||
            gn_hotkeys_write(s->hot, a->w, &a->err);
    gn_header_release(&h);
    return r ? -1 : 0;
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_hotkeys_stats n;
    gn_hotkeys_sum(s->hot, &n);
    gn_app_count(a, "hot_keys", n.hot);
    gn_app_count(a, "hot_records", n.hot_records);
    gn_app_count(a, "hot_bytes", n.hot_bytes);
    gn_app_count(a, "keys_counted", n.candidates);
    if (o->rule == QUANTILE)
        gn_app_count(a, "keys_sampled", n.sampled);
    gn_app_count(a, "least_records", n.least_records);
    gn_app_count(a, "least_bytes", n.least_bytes);
    gn_app_count(a, "spill_runs", n.spill_runs);
    gn_app_count(a, "spill_bytes", n.spill_bytes);
    return 0;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_hotkeys_free(s->hot);
    s->hot = NULL;
}

static const gn_example examples[] = {
    {"users who would fill half a partition of 128 MiB, or more",
     "gn-hotkeys events.gn -o hot.gn; gn-view hot.gn"},
    {"users far above the others, in small data", "gn-hotkeys --rule quantile events.gn | gn-view"},
    {"spread them over several partitions",
     "gn-salt --hot hot.gn events.gn | gn-partition -k user_id --salt salt -n 16 -d parts"},
    {0}};

static const gn_filter filter = {
    .name = "gn-hotkeys",
    .summary = "find the keys that own too much of a stream",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "counters within -m; spilling where all keys are counted",
    .flags = GN_APP_STREAM_OUT | GN_APP_MEMORY | GN_APP_TEMP,
    .opts = opts,
    .opt_size = sizeof(options),
    .defaults = &defaults,
    .state_size = sizeof(state),
    .examples = examples,
    .check = check,
    .run = run,
    .finish = finish,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
