/* gn-fromcsv - read CSV files, or trees of them, as records: all, or with an index a share of them.
 *
 * Needs: nothing. Memory: streaming (a row, and about 2 MiB). */
#include "app/import.h"
#include "base/parse.h"
#include "stream/csv.h"

#include <stdlib.h>
#include <string.h>

struct options {
    gn_import_options in;
    const char *schema, *delimiter;
    bool tsv, header, trim;
    const char *index, *index_file, *range;
    int text, parser;
};

struct state {
    char delimiter;
    gn_import in;
    gn_csvranges_size size; /* --index */
    uint64_t share, shares; /* --range: share, from 0, of shares */
    gn_csvranges ranges;
    gn_csv *csv;
};

#define INDEX_SIZE ((uint64_t)64 << 20) /* bytes of a range */
#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"fields", 'f', "FIELDS", "keep these columns, in this order (default all)", GN_OPT_TEXT,
     AT(in.fields), true, 0, 0},
    {"where", 0, "EXPR", "keep the rows for which this is true", GN_OPT_TEXT, AT(in.where), true, 0,
     0},
    {"schema", 0, "NAME:TYPE,...",
     "names and types of the columns, or a built-in schema (default: by the header, else inferred "
     "from the first rows)",
     GN_OPT_TEXT, AT(schema), true, 0, 0},
    {"no-header", 0, NULL, "the first row is data; needs --schema", GN_OPT_UNFLAG, AT(header), true,
     0, 0},
    {"delimiter", 0, "C", "fields are separated by this character (default ,)", GN_OPT_TEXT,
     AT(delimiter), true, 0, 0},
    {"tsv", 0, NULL, "fields are separated by tabs", GN_OPT_FLAG, AT(tsv), true, 0, 0},
    {"trim", 0, NULL, "cut blanks around fields, outside quotes", GN_OPT_FLAG, AT(trim), true, 0,
     0},
    {"input-tz", 0, "ZONE", "times without a zone are of this one (default UTC)", GN_OPT_TEXT,
     AT(in.input_tz), true, 0, 0},
    {"invalid-utf8", 0, "error|replace",
     "text that is not UTF-8 or holds a NUL is an error, or becomes U+FFFD (default error)",
     GN_OPT_CHOICE, AT(text), true, 0, 0},
    {"on-error", 0, "fail|reject|skip", "what a bad row does (default fail)", GN_OPT_CHOICE,
     AT(in.on_error), true, 0, 0},
    {"reject", 0, "FILE", "the stream of bad rows, for --on-error reject", GN_OPT_TEXT,
     AT(in.reject), false, 0, 0},
    {"parser", 0, "auto|libcsv",
     "the fast one where it can, or libcsv for all rows: the same records (default auto)",
     GN_OPT_CHOICE, AT(parser), false, 0, 0},
    {"index", 0, "N|SIZE",
     "write an index of ranges, not records: at most N of about equal size, or SIZE (64K, 1G) each "
     "(default 64M)",
     GN_OPT_OPTIONAL, AT(index), true, 0, 0},
    {"index-file", 0, "FILE", "the index by which --range reads", GN_OPT_TEXT, AT(index_file),
     false, 0, 0},
    {"range", 0, "I/N", "read share I of N, from 1, of what is in the index", GN_OPT_TEXT,
     AT(range), false, 0, 0},
    {0},
};

static const struct options defaults = {.header = true};

/* What --index and --range say. */
static int check_ranges(const struct options *o, struct state *s, const gn_list *files, gn_err *e)
{
    int64_t n;
    size_t bytes;
    if ((o->index_file != NULL) != (o->range != NULL))
        return gn_fail(e, GN_USAGE, "--range and --index-file need each other");
    if (o->range) {
        const char *slash = strchr(o->range, '/');
        int64_t i;
        if (!slash || !gn_parse_int(o->range, (size_t)(slash - o->range), &i) ||
            !gn_parse_int(slash + 1, strlen(slash + 1), &n) || i < 1 || n < i || n > INT32_MAX)
            return gn_fail(e, GN_USAGE, "--range: '%s' is not I/N with 1 <= I <= N", o->range);
        s->share = (uint64_t)i - 1;
        s->shares = (uint64_t)n;
    }
    if (!o->index)
        return 0;
    if (o->range)
        return gn_fail(e, GN_USAGE, "--index and --range exclude each other");
    if (o->in.fields || o->in.where || o->in.on_error)
        return gn_fail(e, GN_USAGE,
                       "--index takes no -f, --where, --on-error: give them with --range");
    for (size_t i = 0; i < files->n || i == 0; i++)
        if (files->n == 0 || strcmp(files->v[i], "-") == 0)
            return gn_fail(e, GN_USAGE,
                           "--index: ranges of standard input cannot be read: give "
                           "files");
    if (!*o->index) {
        s->size.bytes = INDEX_SIZE;
    } else if (gn_parse_int(o->index, strlen(o->index), &n)) {
        if (n < 1 || n > (int64_t)GN_CSVRANGES_MAX)
            return gn_fail(e, GN_USAGE, "--index: from 1 to %zu ranges", GN_CSVRANGES_MAX);
        s->size.count = (uint64_t)n;
    } else {
        if (gn_parse_size(o->index, &bytes, e))
            return -1;
        if (bytes == 0)
            return gn_fail(e, GN_USAGE, "--index: ranges of no bytes");
        s->size.bytes = bytes;
    }
    return 0;
}

static int check(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    gn_err *e = &a->err;
    s->delimiter = o->tsv ? '\t' : ',';
    if (o->tsv && o->delimiter)
        return gn_fail(e, GN_USAGE, "--tsv and --delimiter exclude each other");
    if (o->delimiter && strcmp(o->delimiter, "\\t") == 0)
        s->delimiter = '\t';
    else if (o->delimiter && strlen(o->delimiter) == 1)
        s->delimiter = *o->delimiter;
    else if (o->delimiter)
        return gn_fail(e, GN_USAGE, "--delimiter: '%s' is not one character", o->delimiter);
    if (!o->header && !o->schema)
        return gn_fail(e, GN_USAGE, "--no-header needs --schema, which names the columns");
    return check_ranges(o, s, &a->files, e) || gn_import_check(a, &o->in, &s->in) ? -1 : 0;
}

static int write_index(gn_app *a)
{
    struct state *s = a->state;
    gn_err *e = &a->err;
    gn_header h = {.canon = true};
    int r = gn_csvranges_schema(&h.schema, e);
    if (r == 0)
        r = gn_app_begin(a, &h);
    gn_header_release(&h);
    if (r || gn_csv_cut(s->csv, &s->size, &s->ranges, e) || gn_csvranges_write(&s->ranges, a->w, e))
        return -1;
    const gn_textin *t = gn_csv_text(s->csv);
    const gn_textin_counts *n = gn_textin_count(t);
    gn_app_records_in(a, n->read, n->bytes);
    gn_app_count(a, "ranges", s->ranges.n);
    return gn_app_end_segment(a, gn_textin_lineage(t), true);
}

static gn_csv *open_csv(gn_app *a, const gn_csv_options *c)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    size_t first, n;
    if (!o->range)
        return gn_csv_open(a->files.v, a->files.n, c, &a->err);
    if (gn_csvranges_read(&s->ranges, o->index_file, &a->err))
        return NULL;
    gn_csvranges_share(&s->ranges, s->share, s->shares, &first, &n);
    return gn_csv_open_ranges(&s->ranges, first, n, a->files.v, a->files.n, c, &a->err);
}

static int run(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    gn_csv_options c = {
        .delimiter = s->delimiter,
        .no_header = !o->header,
        .trim = o->trim,
        .replace_text = o->text == 1,
        .libcsv = o->parser == 1,
        .ranges = o->index != NULL,
        .schema = o->schema,
        .zone = s->in.zone,
        .max_record = a->common.max_record,
        .on_error = (enum gn_textin_on_error)o->in.on_error,
        .simd = getenv("GN_SIMD"),
    };
    if (!(s->csv = open_csv(a, &c)))
        return -1;
    if (o->index)
        return write_index(a);
    gn_textin *t = gn_csv_text(s->csv);
    if (gn_import_begin(a, &o->in, &s->in, t))
        return -1;
    int r = gn_csv_run(s->csv, a->w, s->in.rejects, &a->err);
    const gn_csv_counts *n = gn_csv_count(s->csv);
    gn_import_count(a, t);
    gn_app_count(a, "rows_vector", n->vector);
    gn_app_count(a, "rows_libcsv", n->libcsv);
    return r ? -1 : gn_import_end(a, &s->in, t);
}

static void release(gn_app *a)
{
    struct state *s = a->state;
    gn_csv_close(s->csv);
    gn_csvranges_release(&s->ranges);
    gn_import_release(&s->in);
    *s = (struct state){0};
}

static const gn_example examples[] = {
    {"events as records, to look at", "gn-fromcsv interactions.csv | gn-view"},
    {"two columns of the edits", "gn-fromcsv -f user_id,timestamp --where 'action_type = \"edit\"' "
                                 "interactions.csv"},
    {"a tree with directories like date=2023-07-01", "gn-fromcsv -o log.gn.zst log/"},
    {"a large file by four processes", "gn-fromcsv --index=4 -o big.idx.gn big.csv; parallel "
                                       "gn-fromcsv --index-file big.idx.gn --range {}/4 -o "
                                       "part-{}.gn ::: 1 2 3 4"},
    {"bad rows apart", "gn-fromcsv --on-error reject --reject bad.gn -o good.gn events.csv"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-fromcsv",
    .summary = "read CSV files as records",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "streaming",
    .flags = GN_APP_STREAM_OUT | GN_APP_TZ,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .defaults = &defaults,
    .state_size = sizeof(struct state),
    .examples = examples,
    .check = check,
    .run = run,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
