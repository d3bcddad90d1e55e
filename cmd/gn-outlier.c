/* gn-outlier - values that are far from the others of their group: leave out, cap, mark or set
 * aside their records.
 *
 * Needs no order and keeps the one there is. Reads the input twice, files by opening them again,
 * anything else from a temporary copy; with bounds or fences that are given, once. Memory: 80 bytes
 * and more a group, and for quartiles and medians the distinct values; beyond -m it spills. */
#include "app/app.h"
#include "op/outlierspec.h"

#include <stddef.h>

typedef gn_outlier_spec options;

typedef struct state {
    gn_baseline_options o;
    gn_baseline *base;
    gn_twice *twice; /* NULL: one reading is enough */
    gn_outlier out;
    gn_writer *fences;
    gn_buf described, pct;
} state;

#define COMMAND "gn-outlier"
#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"value", 0, "FIELD", "the int or float to look at (default duration_ms)", GN_OPT_TEXT,
     O(value), true, 0, 0},
    {"key", 'k', "LIST",
     "fences for each group of these: fields, or name = expression (default: one group)",
     GN_OPT_TEXT, O(key), true, 0, 0},
    {"method", 0, "iqr|z|robust|percentile|bounds",
     "where the fences are: 1.5 times the range of the quartiles beyond them; 3 standard "
     "deviations from the mean; 3.5 robust ones from the median; at two percentiles; as given "
     "(default iqr)",
     GN_OPT_CHOICE, O(method), true, 0, 0},
    {"factor", 0, "X", "with iqr, z and robust: that many times instead", GN_OPT_TEXT, O(factor),
     true, 0, 0},
    {"percentiles", 0, "LO,HI", "with percentile: which two (default 1,99)", GN_OPT_TEXT,
     O(percentiles), true, 0, 0},
    {"lower", 0, "X", "with bounds: what is below is out; a number or a duration such as 10s",
     GN_OPT_TEXT, O(lower), true, 0, 0},
    {"upper", 0, "X", "with bounds: what is above is out", GN_OPT_TEXT, O(upper), true, 0, 0},
    {"min-values", 0, "N", "no fences in groups of fewer values (default 1)", GN_OPT_INT,
     O(min_values), true, 1, INT64_MAX},
    {"negative", 0, NULL,
     "values below 0 are like any other (default: durations that cannot be, and left alone)",
     GN_OPT_FLAG, O(negative), true, 0, 0},
    {"action", 0, "drop|cap|flag|bucket|split",
     "with what is out: leave the record out; put the fence in place of the value; append "
     "is_outlier, or outlier_bucket (low, inside, high), to all records; leave it out and write it "
     "to --reject (default drop)",
     GN_OPT_CHOICE, O(action), true, 0, 0},
    {"reject", 0, "FILE", "with split: where rejects go, as a stream", GN_OPT_TEXT, O(reject),
     false, 0, 0},
    {"fences", 0, "FILE", "write the fences to FILE as a stream, one record a group", GN_OPT_TEXT,
     O(fences), false, 0, 0},
    {"use-fences", 0, "FILE", "take the fences from FILE, and read the input once", GN_OPT_TEXT,
     O(use_fences), false, 0, 0},
    {"hash", 0, NULL, "do not rely on the order of the input", GN_OPT_FLAG, O(hash), false, 0, 0},
    {"partial", 0, NULL, "write the mergeable state of the groups, and no records", GN_OPT_FLAG,
     O(partial), true, 0, 0},
    {"merge", 0, NULL, "read such states, not records, and write the fences", GN_OPT_FLAG, O(merge),
     true, 0, 0},
    {"allow-partial", 0, NULL, "merge states although parts of their sources are missing",
     GN_OPT_FLAG, O(allow_partial), true, 0, 0},
    {0}};
static const options defaults = {.value = "duration_ms", .min_values = 1};

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (gn_outlier_baseline(o, &s->pct, &s->o, &a->err))
        return -1;
    s->o.command = COMMAND;
    s->o.hash |= a->files.n > 1;
    s->o.zone = a->zone;
    s->o.tz = a->common.tz;
    s->o.budget = &a->budget;
    s->o.temp_dir = a->common.temp_dir;
    s->out.action = (enum gn_outlier_action)o->action;
    s->out.value = o->value;
    s->base = gn_baseline_new(&s->o, &a->err);
    return s->base ? 0 : -1;
}

/* Fences that are given: their content, not their place, is part of what was done. */
static int load(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    uint64_t sum;
    if (gn_baseline_load(s->base, o->use_fences, a->common.max_record, &sum, &a->err) ||
        gn_buf_printf(&s->described, &a->err, "%s%suse-fences=%016llx", a->options,
                      *a->options ? " " : "", (unsigned long long)sum))
        return -1;
    a->options = (const char *)s->described.p;
    return gn_baseline_settle(s->base, NULL, &a->err);
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    int more = o->method != GN_OUTLIER_BOUNDS; /* than one reading? */
    if (o->fences && !(s->fences = gn_app_also(a, o->fences)))
        return -1;
    if (o->reject && (!(s->out.rejects = gn_app_also(a, o->reject)) ||
                      gn_outlier_begin_rejects(&s->out, &a->err)))
        return -1;
    if (o->use_fences && (more = load(a)) < 0)
        return -1;
    s->out.w = a->w;
    if (!more || o->partial || o->merge)
        return 0;
    s->twice =
        gn_twice_new(a->files.v, a->files.n, a->common.max_record, a->common.temp_dir, &a->err);
    return s->twice ? 0 : -1;
}

static int begin_output(gn_app *a, gn_feed feed)
{
    state *s = a->state;
    gn_header h = {0};
    int r = gn_outlier_bind(&s->out, s->base, feed, &h, &a->err) || gn_app_begin(a, &h) ? -1 : 0;
    gn_header_release(&h);
    return r;
}

static int second_reading(gn_app *a)
{
    state *s = a->state;
    gn_batch *b;
    int ev = gn_baseline_settle(s->base, s->twice, &a->err);
    if (ev == 0)
        ev = gn_twice_rewind(s->twice, &a->err);
    while (ev == 0 && (ev = gn_twice_next(s->twice, &b, &a->err)) > 0) {
        if (ev == GN_EV_SEGMENT)
            ev = begin_output(a, (gn_feed){.twice = s->twice});
        else if (ev == GN_EV_BATCH)
            ev = gn_outlier_batch(&s->out, s->base, b, gn_twice_name(s->twice),
                                  gn_twice_before(s->twice, NULL), &a->err);
        else
            ev = gn_app_end_segment(a, gn_twice_lineage(s->twice), false);
    }
    return ev;
}

static int segment(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    const gn_header *h = gn_reader_header(a->reader);
    if (h->partial.command && !o->merge)
        return gn_fail(&a->err, GN_INPUT, "'%s': a partial state of %s, not records (use --merge)",
                       gn_reader_name(a->reader), h->partial.command);
    if ((s->twice && gn_twice_segment(s->twice, h, &a->err)) ||
        gn_baseline_segment(s->base, a->reader, &a->err))
        return -1;
    if (s->twice || o->partial || o->merge)
        return 0;
    return begin_output(a, (gn_feed){.reader = a->reader});
}

static int batch(gn_app *a, gn_batch *b)
{
    const options *o = a->opt;
    state *s = a->state;
    if (s->twice && gn_twice_batch(s->twice, b, &a->err))
        return -1;
    if (!o->use_fences && (s->twice || o->partial || o->merge))
        return gn_baseline_add(s->base, b, &a->err);
    return s->twice ? 0
                    : gn_outlier_batch(&s->out, s->base, b, gn_reader_name(a->reader), b->first,
                                       &a->err);
}

static int end(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    const gn_trailer *t = gn_reader_trailer(a->reader);
    if (s->twice)
        return gn_twice_end(s->twice, t, &a->err);
    if (o->merge)
        return gn_app_merge_end(a);
    return o->partial ? 0 : gn_app_end_segment(a, &t->lineage, false);
}

static void count(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_counter c[GN_OUTLIER_COUNTERS];
    const gn_base *only = gn_baseline_only(s->base);
    size_t n =
        gn_outlier_counters(o, s->base, gn_reader_records(a->reader), gn_writer_records(a->w), c);
    uint64_t runs, bytes = gn_baseline_spilled(s->base, &runs);
    for (size_t i = 0; i < n; i++)
        gn_app_count(a, c[i].name, c[i].n);
    if (only && !o->partial) {
        gn_app_figure(a, "lower_fence", only->fence.lower);
        gn_app_figure(a, "upper_fence", only->fence.upper);
    }
    gn_app_count(a, "spill_runs", runs);
    gn_app_count(a, "spill_bytes", bytes);
    gn_app_count(a, "spooled_bytes", s->twice ? gn_twice_spooled(s->twice) : 0);
}

/* A method that finds no spread filters nothing, which must not pass for nothing being wrong. */
static void tell(gn_app *a)
{
    const state *s = a->state;
    const gn_baseline_counts *c = gn_baseline_counted(s->base);
    if (c->without_spread)
        gn_app_note(a, "in %llu of %llu groups %s, so that there are no fences and nothing is out",
                    (unsigned long long)c->without_spread, (unsigned long long)c->groups,
                    gn_outlier_without_spread(s->o.kind));
}

static int write_state(gn_app *a)
{
    state *s = a->state;
    gn_header h = {0};
    int r = gn_baseline_state_header(s->base, &h, &a->err) || gn_app_begin(a, &h) ||
                    gn_baseline_state_write(s->base, a->w, &a->err)
                ? -1
                : 0;
    gn_header_release(&h);
    return r;
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    int r;
    if (o->merge && gn_app_merge_finish(a, o->partial || o->allow_partial))
        return -1;
    if (o->partial)
        r = write_state(a);
    else if ((r = gn_baseline_finish(s->base, &a->err)) == 0)
        r = o->merge ? gn_baseline_write(s->base, a->w, &a->err) : s->twice ? second_reading(a) : 0;
    if (r == 0 && s->fences)
        r = gn_baseline_write(s->base, s->fences, &a->err);
    if (r == 0) {
        count(a);
        tell(a);
    }
    return r;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_baseline_free(s->base);
    gn_twice_free(s->twice);
    gn_outlier_release(&s->out);
    gn_buf_release(&s->described);
    gn_buf_release(&s->pct);
    *s = (state){0};
}

static const gn_example examples[] = {
    {"events without durations that are far from the others of their version",
     "gn-outlier -k app_version events.gn >usual.gn"},
    {"durations capped at the 99th percentile, negative ones left as they are",
     "gn-outlier --method percentile --percentiles 0,99 --action cap events.gn"},
    {"fences from last month, applied to this one",
     "gn-outlier --fences fences.gn --action flag june.gn >/dev/null; gn-outlier --use-fences "
     "fences.gn --action flag july.gn"},
    {0}};

static const gn_filter filter = {
    .name = COMMAND,
    .summary = "leave out, cap, mark or set aside values far from the others of their group",
    .operands = "[FILE...]",
    .order = "none; kept",
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
