/* gn-fromcsv - read CSV files, or trees of them, as records.
 *
 * Needs: nothing. Memory: streaming (a row, and about 2 MiB). */
#include "app/import.h"
#include "stream/csv.h"

#include <stdlib.h>
#include <string.h>

struct options {
    gn_import_options in;
    const char *schema, *delimiter;
    bool tsv, header, trim;
    int text, parser;
};

struct state {
    char delimiter;
    gn_import in;
    gn_csv *csv;
};

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
    {0},
};

static const struct options defaults = {.header = true};

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
    return gn_import_check(a, &o->in, &s->in);
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
        .schema = o->schema,
        .zone = s->in.zone,
        .max_record = a->common.max_record,
        .on_error = (enum gn_textin_on_error)o->in.on_error,
        .simd = getenv("GN_SIMD"),
    };
    s->csv = gn_csv_open(a->files.v, a->files.n, &c, &a->err);
    if (!s->csv)
        return -1;
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
    gn_import_release(&s->in);
    *s = (struct state){0};
}

static const gn_example examples[] = {
    {"events as records, to look at", "gn-fromcsv interactions.csv | gn-view"},
    {"two columns of the edits", "gn-fromcsv -f user_id,timestamp --where 'action_type = \"edit\"' "
                                 "interactions.csv"},
    {"a tree with directories like date=2023-07-01", "gn-fromcsv -o log.gn.zst log/"},
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
