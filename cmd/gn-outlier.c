/* gn-outlier - values that are far from the others of their group: leave out, cap, mark or set
 * aside their records.
 *
 * Needs no order and keeps the one there is. Reads the input twice, files by opening them again,
 * anything else from a temporary copy; with bounds or fences that are given, once. Memory: 80 bytes
 * and more a group, and for quartiles and medians the distinct values; beyond -m it spills. */
#include "app/app.h"
#include "base/parse.h"
#include "op/outlier.h"

#include <stddef.h>
#include <string.h>

enum method { IQR, Z, ROBUST, PERCENTILE, BOUNDS };

typedef struct options {
    const char *value, *key, *factor, *percentiles, *lower, *upper;
    const char *reject, *fences, *use_fences;
    int method, action;
    int64_t min_values;
    bool negative, hash, partial, merge, allow_partial;
} options;

typedef struct state {
    gn_baseline_options o;
    gn_baseline *base;
    gn_twice *twice; /* NULL: one reading is enough */
    gn_outlier out;
    gn_writer *fences;
    gn_buf described, pct;
    enum gn_verdict verdict[GN_BATCH];
    const gn_base *judged_by[GN_BATCH];
} state;

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

/* ---- options ---- */

static int parse_factor(gn_app *a, double *out)
{
    const options *o = a->opt;
    static const double factor[] = {[IQR] = 1.5, [Z] = 3, [ROBUST] = 3.5, 0, 0};
    *out = factor[o->method];
    if (!o->factor)
        return 0;
    if (o->method > ROBUST)
        return gn_fail(&a->err, GN_USAGE, "--factor is for iqr, z and robust");
    if (!gn_parse_float(o->factor, strlen(o->factor), out) || *out < 0)
        return gn_fail(&a->err, GN_USAGE, "--factor: '%s' is not a number from 0", o->factor);
    return 0;
}

/* A bound: a number, or a duration in milliseconds. */
static int parse_bound(gn_app *a, const char *role, const char *text, double *out)
{
    int64_t ms;
    gn_err no = {0};
    if (!text || gn_parse_float(text, strlen(text), out))
        return 0;
    if (gn_parse_duration(text, 1, &ms, &no))
        return gn_fail(&a->err, GN_USAGE, "%s: '%s' is not a number or a duration", role, text);
    *out = (double)ms;
    return 0;
}

static int parse_bounds(gn_app *a, gn_fences *f)
{
    const options *o = a->opt;
    *f = gn_fences_none();
    bool given = o->lower || o->upper;
    if (o->method == BOUNDS && !given)
        return gn_fail(&a->err, GN_USAGE, "--method bounds needs --lower or --upper");
    if (o->method != BOUNDS && given)
        return gn_fail(&a->err, GN_USAGE, "--lower and --upper go with --method bounds only");
    if (parse_bound(a, "--lower", o->lower, &f->lower) ||
        parse_bound(a, "--upper", o->upper, &f->upper))
        return -1;
    if (f->lower > f->upper)
        return gn_fail(&a->err, GN_USAGE, "--lower is above --upper");
    return 0;
}

/* "1,99" into two texts, each digits and perhaps a dot, the first less than the second. */
static int parse_percentiles(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    const char *text = o->percentiles ? o->percentiles : "1,99";
    double v[2] = {0, 0};
    size_t n = strcspn(text, ","), m = text[n] ? strlen(text + n + 1) : 0;
    if (o->percentiles && o->method != PERCENTILE)
        return gn_fail(&a->err, GN_USAGE, "--percentiles is for --method percentile");
    if (strspn(text, "0123456789.") != n || n > 9 || m > 9 || !m ||
        strspn(text + n + 1, "0123456789.") != m || !gn_parse_float(text, n, &v[0]) ||
        !gn_parse_float(text + n + 1, m, &v[1]) || v[0] > v[1] || v[1] > 100)
        return gn_fail(&a->err, GN_USAGE,
                       "--percentiles: '%s' is not two percentages, as in 1,99.5", text);
    if (gn_buf_printf(&s->pct, &a->err, "%s", text))
        return -1;
    s->pct.p[n] = '\0';
    s->o.pct[0] = (const char *)s->pct.p;
    s->o.pct[1] = (const char *)s->pct.p + n + 1;
    return 0;
}

static int check_modes(gn_app *a)
{
    const options *o = a->opt;
    gn_err *e = &a->err;
    bool states = o->partial || o->merge;
    if ((o->action == GN_OUTLIER_SPLIT) != (o->reject != NULL))
        return gn_fail(e, GN_USAGE, "--action split and --reject FILE need each other");
    if (states && (o->action || o->use_fences || o->fences))
        return gn_fail(e, GN_USAGE,
                       "--partial and --merge touch no records: no --action, --reject, "
                       "--fences, --use-fences");
    if (states && o->method == BOUNDS)
        return gn_fail(e, GN_USAGE, "--method bounds has no state: the bounds are given");
    if (o->merge && o->key)
        return gn_fail(e, GN_USAGE, "--merge takes the keys from the states: no -k");
    if (o->use_fences && (o->method || o->factor || o->min_values != 1))
        return gn_fail(e, GN_USAGE,
                       "--use-fences has the fences: no --method, --factor, "
                       "--min-values");
    if (o->method == BOUNDS && (o->key || o->min_values != 1))
        return gn_fail(e, GN_USAGE, "--method bounds is the same for all: no -k, --min-values");
    return 0;
}

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    static const enum gn_base_kind kind[] = {
        [IQR] = GN_BASE_QUARTILES,          [Z] = GN_BASE_DEVIATIONS, [ROBUST] = GN_BASE_ROBUST,
        [PERCENTILE] = GN_BASE_PERCENTILES, [BOUNDS] = GN_BASE_GIVEN,
    };
    s->o = (gn_baseline_options){.command = "gn-outlier",
                                 .keys = o->key,
                                 .keys_for = "--key",
                                 .value = o->value,
                                 .negative = o->negative,
                                 .kind = kind[o->method],
                                 .least = (uint64_t)o->min_values,
                                 .hits = "outliers",
                                 .merge = o->merge,
                                 .hash = o->hash || a->files.n > 1,
                                 .zone = a->zone,
                                 .tz = a->common.tz,
                                 .budget = &a->budget,
                                 .temp_dir = a->common.temp_dir};
    if (check_modes(a) || parse_factor(a, &s->o.factor) || parse_bounds(a, &s->o.given) ||
        parse_percentiles(a))
        return -1;
    s->out.action = (enum gn_outlier_action)o->action;
    s->out.value = o->value;
    s->base = gn_baseline_new(&s->o, &a->err);
    return s->base ? 0 : -1;
}

/* ---- before the first record ---- */

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
    int more = o->method != BOUNDS; /* than one reading? */
    if (o->fences && !(s->fences = gn_app_also(a, o->fences)))
        return -1;
    if (o->reject) {
        gn_header h = {0};
        s->out.rejects = gn_app_also(a, o->reject);
        int r = !s->out.rejects || gn_outlier_reject_header(&h, &a->err) ||
                        gn_writer_begin(s->out.rejects, &h, &a->err)
                    ? -1
                    : 0;
        gn_header_release(&h);
        if (r)
            return -1;
    }
    if (o->use_fences && (more = load(a)) < 0)
        return -1;
    if (o->method == BOUNDS && gn_baseline_settle(s->base, NULL, &a->err) < 0)
        return -1;
    s->out.w = a->w;
    if (!more || o->partial || o->merge)
        return 0;
    s->twice =
        gn_twice_new(a->files.v, a->files.n, a->common.max_record, a->common.temp_dir, &a->err);
    return s->twice ? 0 : -1;
}

/* ---- records out ---- */

static int begin_output(gn_app *a, gn_feed feed)
{
    state *s = a->state;
    gn_header h = {0};
    gn_type type;
    if (gn_baseline_bind(s->base, feed, &a->err))
        return -1;
    int field = gn_baseline_field(s->base, &type);
    int r = gn_feed_want(feed, field, GN_VALUE | GN_RAW, &a->err) ||
                    gn_header_copy(&h, gn_feed_header(feed), &a->err) ||
                    gn_outlier_header(s->out.action, field, &h, &a->err) || gn_app_begin(a, &h)
                ? -1
                : 0;
    gn_header_release(&h);
    return r;
}

static int put_batch(gn_app *a, const gn_batch *b, const char *input, uint64_t first)
{
    state *s = a->state;
    gn_type type;
    return gn_baseline_judge(s->base, b, s->verdict, s->judged_by, &a->err) ||
                   gn_outlier_batch(&s->out, b, gn_baseline_field(s->base, &type), s->verdict,
                                    s->judged_by, input, first, &a->err)
               ? -1
               : 0;
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
            ev = put_batch(a, b, gn_twice_name(s->twice), gn_twice_before(s->twice, NULL));
        else
            ev = gn_app_end_segment(a, gn_twice_lineage(s->twice), false);
    }
    return ev;
}

/* ---- hooks ---- */

static int segment(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    const gn_header *h = gn_reader_header(a->reader);
    if (h->partial.command && !o->merge)
        return gn_fail(&a->err, GN_INPUT, "'%s': a partial state of %s, not records (use --merge)",
                       gn_reader_name(a->reader), h->partial.command);
    if (s->twice && gn_twice_segment(s->twice, h, &a->err))
        return -1;
    if (!o->use_fences && gn_baseline_segment(s->base, a->reader, &a->err))
        return -1;
    if (o->use_fences &&
        gn_reader_field(a->reader, "--value", o->value, 1u << GN_INT | 1u << GN_FLOAT, &a->err) < 0)
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
    if (s->twice ? o->use_fences != NULL : !o->partial && !o->merge)
        return s->twice ? 0 : put_batch(a, b, gn_reader_name(a->reader), b->first);
    return gn_baseline_add(s->base, b, &a->err);
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
    const gn_baseline_counts *c = gn_baseline_counted(s->base);
    const gn_base *only = gn_baseline_only(s->base);
    uint64_t runs, bytes = gn_baseline_spilled(s->base, &runs);
    gn_app_count(a, "groups", c->groups);
    if (!o->merge) {
        gn_app_count(a, "null_value", c->null_value);
        gn_app_count(a, "negative_value", c->negative_value);
        gn_app_count(a, "value_above_8h", c->long_value);
    }
    if (!o->partial) {
        gn_app_count(a, "groups_without_spread", c->without_spread);
        gn_app_count(a, "groups_too_small", c->small);
    }
    if (!o->partial && !o->merge) {
        gn_app_count(a, "judged", c->inside + c->low + c->high);
        gn_app_count(a, "inside", c->inside);
        gn_app_count(a, "low", c->low);
        gn_app_count(a, "high", c->high);
        gn_app_count(a, "without_fences", c->no_base);
        gn_app_count(a, "unknown_group", c->unknown_group);
        gn_app_count(a, "records_before", gn_reader_records(a->reader));
        gn_app_count(a, "records_after", gn_writer_records(a->w));
    }
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
    static const char *const what[] = {[GN_BASE_QUARTILES] = "the quartiles are equal",
                                       [GN_BASE_DEVIATIONS] = "all values are equal",
                                       [GN_BASE_ROBUST] = "the median deviation is 0"};
    if (c->without_spread)
        gn_app_note(a, "in %llu of %llu groups %s, so that there are no fences and nothing is out",
                    (unsigned long long)c->without_spread, (unsigned long long)c->groups,
                    what[s->o.kind]);
}

static int write_fences(gn_app *a, gn_writer *w)
{
    state *s = a->state;
    gn_header h = {0};
    int r = gn_baseline_header(s->base, &h, &a->err) || gn_writer_begin(w, &h, &a->err) ||
                    gn_baseline_write(s->base, w, &a->err)
                ? -1
                : 0;
    gn_header_release(&h);
    return r;
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
    int r = 0;
    if (o->merge && gn_app_merge_finish(a, o->partial || o->allow_partial))
        return -1;
    if (o->partial) {
        r = write_state(a);
    } else {
        if (o->method != BOUNDS && !o->use_fences && gn_baseline_finish(s->base, &a->err))
            return -1;
        if (o->merge)
            r = write_fences(a, a->w);
        else if (s->twice)
            r = second_reading(a);
    }
    if (r == 0 && s->fences)
        r = write_fences(a, s->fences);
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
    s->base = NULL;
    s->twice = NULL;
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
    .name = "gn-outlier",
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
