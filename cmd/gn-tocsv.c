/* gn-tocsv - write records as CSV (RFC 4180).
 *
 * Needs: any order; segments with the same fields. Memory: streaming. */
#include "app/app.h"
#include "stream/csvout.h"

struct options {
    const char *fields;
    const char *delimiter;
    bool tsv;
    bool header;
};

struct state {
    gn_csvout *csv;
};

#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"fields", 'f', "FIELDS", "write these fields, in this order (default all)", GN_OPT_TEXT,
     AT(fields), true, 0, 0},
    {"delimiter", 0, "C", "separate fields with this character (default ,)", GN_OPT_TEXT,
     AT(delimiter), true, 0, 0},
    {"tsv", 0, NULL, "separate fields with tabs", GN_OPT_FLAG, AT(tsv), true, 0, 0},
    {"no-header", 0, NULL, "write no line of field names", GN_OPT_UNFLAG, AT(header), true, 0, 0},
    {0},
};

static const struct options defaults = {.header = true};

static int start(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    char delimiter = o->tsv ? '\t' : ',';

    if (o->tsv && o->delimiter)
        return gn_fail(&a->err, GN_USAGE, "--tsv and --delimiter exclude each other");
    if (o->delimiter && gn_csvout_delimiter(o->delimiter, &delimiter, &a->err))
        return -1;
    s->csv = gn_csvout_new(delimiter, o->header, a->zone, &a->err);
    return s->csv ? 0 : -1;
}

static int segment(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    size_t n;

    if (gn_csvout_begin(s->csv, &gn_reader_header(a->reader)->schema, o->fields,
                        gn_reader_name(a->reader), a->out, &a->err))
        return -1;
    const int *field = gn_csvout_fields(s->csv, &n);
    for (size_t i = 0; i < n; i++)
        if (gn_reader_want(a->reader, field[i], GN_VALUE, &a->err))
            return -1;
    return 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    struct state *s = a->state;

    return gn_csvout_rows(s->csv, b, a->out, &a->err);
}

static void release(gn_app *a)
{
    struct state *s = a->state;

    gn_csvout_free(s->csv);
    s->csv = NULL;
}

static const gn_example examples[] = {
    {"a stream as CSV", "gn-tocsv dau.gn"},
    {"two fields, tab separated, without header", "gn-tocsv --tsv --no-header -f date,dau dau.gn"},
    {"a compressed file", "gn-tocsv -o events.csv.zst events.gn"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-tocsv",
    .summary = "write records as CSV",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "streaming",
    .flags = GN_APP_STREAM_IN | GN_APP_TEXT_OUT | GN_APP_TZ,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .defaults = &defaults,
    .state_size = sizeof(struct state),
    .examples = examples,
    .start = start,
    .segment = segment,
    .batch = batch,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
