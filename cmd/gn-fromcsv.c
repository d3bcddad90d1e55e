/* gn-fromcsv - read CSV files, or trees of them, as records.
 *
 * Needs: nothing. Memory: streaming (a row, and about 2 MiB). */
#include "app/app.h"
#include "op/expr.h"
#include "stream/csv.h"

#include <stdlib.h>
#include <string.h>

struct options {
    const char *fields, *where, *schema, *delimiter, *input_tz, *reject;
    bool tsv, header, trim;
    int text, on_error, parser;
};

struct state {
    char delimiter;
    gn_zone *zone; /* --input-tz */
    gn_csv *csv;
    gn_expr *where;
    gn_writer *rejects;
};

#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"fields", 'f', "FIELDS", "keep these columns, in this order (default all)", GN_OPT_TEXT,
     AT(fields), true, 0, 0},
    {"where", 0, "EXPR", "keep the rows for which this is true", GN_OPT_TEXT, AT(where), true, 0,
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
     AT(input_tz), true, 0, 0},
    {"invalid-utf8", 0, "error|replace",
     "text that is not UTF-8 or holds a NUL is an error, or becomes U+FFFD (default error)",
     GN_OPT_CHOICE, AT(text), true, 0, 0},
    {"on-error", 0, "fail|reject|skip", "what a bad row does (default fail)", GN_OPT_CHOICE,
     AT(on_error), true, 0, 0},
    {"reject", 0, "FILE", "the stream of bad rows, for --on-error reject", GN_OPT_TEXT, AT(reject),
     false, 0, 0},
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
    if ((o->on_error == GN_CSV_REJECT) != (o->reject != NULL))
        return gn_fail(e, GN_USAGE, "--on-error reject and --reject FILE need each other");
    if (o->input_tz && !(s->zone = gn_zone_open(o->input_tz, e)))
        return -1;
    return o->where ? gn_expr_check(o->where, "--where", e) : 0;
}

static int keep(void *expr, const gn_batch *b, uint8_t *wanted, size_t *n, gn_err *e)
{
    return gn_expr_filter(expr, b, wanted, n, e);
}

/* The filter is compiled twice: for all columns, to know which it reads; then for what is read. */
static int select_fields(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    gn_err *e = &a->err;
    const gn_schema *all = gn_csv_schema(s->csv);
    int *field = NULL, r = -1;
    size_t n, nalso = 0;
    const int *also = NULL;
    gn_expr *x = NULL;
    if (o->fields) {
        if (gn_schema_select(all, o->fields, &field, &n, e))
            return -1;
    } else {
        n = all->n;
        if (!(field = gn_alloc(n, sizeof *field, e)))
            return -1;
        for (size_t i = 0; i < n; i++)
            field[i] = (int)i;
    }
    if (o->where) {
        if (!(x = gn_expr_compile(o->where, "--where", all, a->zone, e)))
            goto done;
        also = gn_expr_fields(x, &nalso);
    }
    if (gn_csv_select(s->csv, field, n, also, nalso, e))
        goto done;
    if (o->where) {
        gn_decoder *d;
        s->where = gn_expr_compile(o->where, "--where", gn_csv_row_schema(s->csv), a->zone, e);
        if (!s->where || !(d = gn_csv_filter(s->csv, keep, s->where, e)) ||
            gn_expr_want(s->where, d, e))
            goto done;
    }
    gn_header h = {.canon = true};
    for (size_t i = 0; i < n; i++) {
        const gn_field *f = &all->f[field[i]];
        if (gn_schema_add(&h.schema, f->name, strlen(f->name), f->type, e))
            goto release;
    }
    r = gn_app_begin(a, &h);
release:
    gn_header_release(&h);
done:
    gn_expr_free(x);
    free(field);
    return r;
}

static int open_rejects(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    if (!o->reject)
        return 0;
    if (!(s->rejects = gn_app_also(a, o->reject)))
        return -1;
    gn_header h = {.canon = true};
    int r = gn_csv_reject_schema(&h.schema, &a->err);
    if (r == 0)
        r = gn_writer_begin(s->rejects, &h, &a->err);
    gn_header_release(&h);
    return r;
}

static void count(gn_app *a, const gn_csv_counts *n)
{
    gn_app_records_in(a, n->read, n->bytes);
    gn_app_count(a, "rows_read", n->read);
    gn_app_count(a, "rows_written", n->written);
    gn_app_count(a, "rows_rejected", n->rejected);
    gn_app_count(a, "rows_skipped", n->skipped);
    gn_app_count(a, "rows_filtered", n->filtered);
    gn_app_count(a, "rows_empty", n->empty);
    gn_app_count(a, "rows_vector", n->vector);
    gn_app_count(a, "rows_libcsv", n->libcsv);
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
        .zone = s->zone,
        .max_record = a->common.max_record,
        .on_error = (enum gn_csv_on_error)o->on_error,
        .simd = getenv("GN_SIMD"),
    };
    s->csv = gn_csv_open(a->files.v, a->files.n, &c, &a->err);
    if (!s->csv || open_rejects(a) || select_fields(a))
        return -1;
    int r = gn_csv_run(s->csv, a->w, s->rejects, &a->err);
    count(a, gn_csv_count(s->csv));
    if (r)
        return -1;
    const gn_lineage *from = gn_csv_lineage(s->csv);
    if (s->rejects && gn_app_end_also(a, s->rejects, from, true))
        return -1;
    return gn_app_end_segment(a, from, false);
}

static void release(gn_app *a)
{
    struct state *s = a->state;
    gn_csv_close(s->csv);
    gn_expr_free(s->where);
    gn_zone_free(s->zone);
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
