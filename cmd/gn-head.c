/* gn-head - the first records of a stream.
 *
 * Needs: any order. Memory: streaming. Stops reading once it has them. A prefix keeps order and
 * placement but no longer accounts for its input: the cover is dropped. */
#include "app/app.h"

struct options {
    int64_t n;
};

struct state {
    uint64_t left;
};

static const gn_opt opts[] = {
    {"records", 'n', "N", "pass on N records (default 10)", GN_OPT_INT, offsetof(struct options, n),
     true, 0, INT64_MAX},
    {0},
};

static const struct options defaults = {.n = 10};

static int start(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;

    s->left = (uint64_t)o->n;
    return 0;
}

static int segment(gn_app *a)
{
    const struct state *s = a->state;

    a->done = s->left == 0;
    return gn_app_begin(a, gn_reader_header(a->reader));
}

static int batch(gn_app *a, gn_batch *b)
{
    struct state *s = a->state;
    size_t n = b->n < s->left ? b->n : (size_t)s->left;

    s->left -= n;
    a->done = s->left == 0;
    return gn_writer_raw(a->w, b->base + b->off[0], b->off[n] - b->off[0], n, &a->err);
}

static int end(gn_app *a)
{
    return gn_app_end_segment(a, &gn_reader_trailer(a->reader)->lineage, true);
}

/* Stopped inside a segment: its trailer, and so where it comes from, was not read. */
static int finish(gn_app *a)
{
    return gn_writer_open(a->w) ? gn_app_end_segment(a, &a->lineage, true) : 0;
}

static const gn_example examples[] = {
    {"the first ten records", "gn-head events.gn | gn-tocsv"},
    {"a small sample to try things on", "gn-head -n 100000 -o small.gn events.gn"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-head",
    .summary = "pass on the first records",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "streaming",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .defaults = &defaults,
    .state_size = sizeof(struct state),
    .examples = examples,
    .start = start,
    .segment = segment,
    .batch = batch,
    .end = end,
    .finish = finish,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
