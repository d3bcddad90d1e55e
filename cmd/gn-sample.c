/* gn-sample - a part of the records, or of the users with all their records, by hash.
 *
 * Needs: any order. Memory: streaming with --rate; with -n the sample itself. What is chosen
 * depends on the bytes of records (or keys) and the seed alone. Segments map one to one and keep
 * order and placement; the cover is dropped. */
#include "app/app.h"
#include "base/parse.h"
#include "op/sample.h"

#include <stdlib.h>
#include <string.h>

struct options {
    const char *rate, *key;
    int64_t n, seed;
};

/* -n: an input segment, until it can be written. */
struct part {
    gn_header header;
    gn_lineage from;
};

struct state {
    gn_sample_rate rate;
    int *field; /* of --key */
    size_t nfields;
    gn_buf key;
    uint8_t keep[GN_BATCH];
    gn_sample *sample; /* -n */
    struct part *part;
    size_t nparts;
};

#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"rate", 0, "RATE", "keep this share, from 0 to 1", GN_OPT_TEXT, AT(rate), true, 0, 0},
    {"records", 'n', "N", "keep exactly N records, or keys, if there are as many", GN_OPT_INT,
     AT(n), true, 0, INT64_MAX},
    {"key", 'k', "FIELDS", "choose among the values of these fields, with all their records",
     GN_OPT_TEXT, AT(key), true, 0, 0},
    {"seed", 0, "N", "another sample (default 0)", GN_OPT_INT, AT(seed), true, 0, INT64_MAX},
    {0},
};

static const struct options defaults = {.n = -1};

static int check(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    double rate;
    if (!o->rate == (o->n < 0))
        return gn_fail(&a->err, GN_USAGE, "give either --rate RATE or -n N");
    if (!o->rate)
        return 0;
    if (!gn_parse_float(o->rate, strlen(o->rate), &rate) || rate < 0 || rate > 1)
        return gn_fail(&a->err, GN_USAGE, "--rate: '%s' is not a number from 0 to 1", o->rate);
    s->rate = gn_sample_rate_of(rate);
    return 0;
}

static int start(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    if (o->rate)
        return 0;
    s->sample = gn_sample_new((uint64_t)o->n, o->key != NULL, &a->budget, &a->err);
    return s->sample ? 0 : -1;
}

static int segment(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    gn_err *e = &a->err;
    const gn_header *h = gn_reader_header(a->reader);
    free(s->field);
    s->field = NULL;
    s->nfields = 0;
    if (o->key && gn_schema_select(&h->schema, o->key, &s->field, &s->nfields, e))
        return -1;
    for (size_t i = 0; i < s->nfields; i++)
        if (gn_reader_want(a->reader, s->field[i], GN_RAW, e))
            return -1;
    if (!s->sample)
        return gn_app_begin(a, h);
    struct part *p = gn_realloc(s->part, s->nparts + 1, sizeof *p, e);
    if (!p)
        return -1;
    s->part = p;
    p += s->nparts++;
    memset(p, 0, sizeof *p);
    return gn_header_copy(&p->header, h, e);
}

/* What record i of the batch is chosen by. */
static int unit_of(gn_app *a, const gn_batch *b, size_t i, gn_str *unit)
{
    struct state *s = a->state;
    if (s->nfields == 1) {
        *unit = b->col[s->field[0]].raw[i];
        return 0;
    }
    if (s->nfields == 0) {
        *unit = (gn_str){b->base + b->off[i], b->off[i + 1] - b->off[i]};
        return 0;
    }
    s->key.n = 0;
    for (size_t k = 0; k < s->nfields; k++) {
        gn_str v = b->col[s->field[k]].raw[i];
        if (gn_buf_add(&s->key, v.p, v.n, &a->err))
            return -1;
    }
    *unit = (gn_str){s->key.p, (uint32_t)s->key.n};
    return 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++) {
        gn_str unit, record = {b->base + b->off[i], b->off[i + 1] - b->off[i]};
        if (unit_of(a, b, i, &unit))
            return -1;
        uint64_t hash = gn_sample_hash(unit.p, unit.n, (uint64_t)o->seed);
        if (s->sample) {
            if (gn_sample_add(s->sample, hash, unit, record, s->nparts - 1, &a->err))
                return -1;
        } else {
            s->keep[i] = gn_sample_in(s->rate, hash);
            kept += s->keep[i];
        }
    }
    return kept ? gn_writer_select(a->w, b, kept == b->n ? NULL : s->keep, &a->err) : 0;
}

static int end(gn_app *a)
{
    struct state *s = a->state;
    const gn_lineage *from = &gn_reader_trailer(a->reader)->lineage;
    if (s->sample)
        return gn_lineage_copy(&s->part[s->nparts - 1].from, from, &a->err);
    return gn_app_end_segment(a, from, true);
}

static int finish(gn_app *a)
{
    struct state *s = a->state;
    uint64_t i = 0, part;
    if (!s->sample)
        return 0;
    if (gn_sample_sort(s->sample, &a->err))
        return -1;
    for (size_t p = 0; p < s->nparts; p++) {
        if (gn_app_begin(a, &s->part[p].header))
            return -1;
        for (; i < gn_sample_records(s->sample); i++) {
            gn_str r = gn_sample_record(s->sample, i, &part);
            if (part != p)
                break;
            if (gn_writer_raw(a->w, r.p, r.n, 1, &a->err))
                return -1;
        }
        if (gn_app_end_segment(a, &s->part[p].from, true))
            return -1;
    }
    gn_app_count(a, "kept", gn_sample_units(s->sample));
    return 0;
}

static void release(gn_app *a)
{
    struct state *s = a->state;
    for (size_t i = 0; i < s->nparts; i++) {
        gn_header_release(&s->part[i].header);
        gn_lineage_release(&s->part[i].from);
    }
    free(s->part);
    free(s->field);
    gn_buf_release(&s->key);
    gn_sample_free(s->sample);
    memset(s, 0, sizeof *s);
}

static const gn_example examples[] = {
    {"one record in a hundred", "gn-sample --rate 0.01 events.gn"},
    {"one user in a hundred, with all events", "gn-sample --rate 0.01 -k user_id events.gn"},
    {"a thousand users", "gn-sample -n 1000 -k user_id -o small.gn events.gn"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-sample",
    .summary = "keep a part of the records or keys, the same every time",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "streaming with --rate, else the sample",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT | GN_APP_MEMORY,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .defaults = &defaults,
    .state_size = sizeof(struct state),
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
