/* gn-fromjson - read JSON lines as records.
 *
 * Needs: nothing. Memory: streaming (a line, and about 2 MiB). */
#include "app/app.h"
#include "op/expr.h"
#include "stream/jsonin.h"

#include <stdlib.h>
#include <string.h>

struct options {
    const char *fields, *where, *schema, *input_tz, *reject;
    int text, on_error;
};

struct state {
    gn_zone *zone; /* --input-tz */
    gn_jsonin *json;
    gn_expr *where;
    gn_writer *rejects;
};

#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"fields", 'f', "FIELDS", "keep these fields, in this order (default all)", GN_OPT_TEXT,
     AT(fields), true, 0, 0},
    {"where", 0, "EXPR", "keep the objects for which this is true", GN_OPT_TEXT, AT(where), true, 0,
     0},
    {"schema", 0, "NAME:TYPE,...",
     "names and types of the fields, or a built-in schema (default: inferred from the first lines)",
     GN_OPT_TEXT, AT(schema), true, 0, 0},
    {"input-tz", 0, "ZONE", "times without a zone are of this one (default UTC)", GN_OPT_TEXT,
     AT(input_tz), true, 0, 0},
    {"invalid-utf8", 0, "error|replace",
     "text that is not UTF-8 or holds a NUL is an error, or becomes U+FFFD (default error)",
     GN_OPT_CHOICE, AT(text), true, 0, 0},
    {"on-error", 0, "fail|reject|skip", "what a bad line does (default fail)", GN_OPT_CHOICE,
     AT(on_error), true, 0, 0},
    {"reject", 0, "FILE", "the stream of bad lines, for --on-error reject", GN_OPT_TEXT, AT(reject),
     false, 0, 0},
    {0},
};

static int check(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    gn_err *e = &a->err;
    if ((o->on_error == GN_JSONIN_REJECT) != (o->reject != NULL))
        return gn_fail(e, GN_USAGE, "--on-error reject and --reject FILE need each other");
    if (o->input_tz && !(s->zone = gn_zone_open(o->input_tz, e)))
        return -1;
    return o->where ? gn_expr_check(o->where, "--where", e) : 0;
}

static int keep(void *expr, const gn_batch *b, uint8_t *wanted, size_t *n, gn_err *e)
{
    return gn_expr_filter(expr, b, wanted, n, e);
}

/* The filter is compiled twice: for all fields, to know which it reads; then for what is read. */
static int choose(gn_app *a, const int *field, size_t n)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    gn_err *e = &a->err;
    gn_decoder *d;
    size_t nalso;
    if (!o->where)
        return gn_jsonin_select(s->json, field, n, NULL, 0, e);
    gn_expr *x = gn_expr_condition(o->where, "--where", gn_jsonin_schema(s->json), a->zone, e);
    if (!x)
        return -1;
    const int *also = gn_expr_fields(x, &nalso);
    int r = gn_jsonin_select(s->json, field, n, also, nalso, e);
    gn_expr_free(x);
    if (r)
        return -1;
    s->where = gn_expr_condition(o->where, "--where", gn_jsonin_row_schema(s->json), a->zone, e);
    if (!s->where || !(d = gn_jsonin_filter(s->json, keep, s->where, e)))
        return -1;
    return gn_expr_want(s->where, d, e);
}

static int begin(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    gn_err *e = &a->err;
    const gn_schema *all = gn_jsonin_schema(s->json);
    gn_header h = {.canon = true};
    int *field = NULL, r = -1;
    size_t n = all->n;
    if (o->fields) {
        if (gn_schema_select(all, o->fields, &field, &n, e))
            return -1;
    } else if (!(field = gn_alloc(n, sizeof *field, e))) {
        return -1;
    }
    for (size_t i = 0; !o->fields && i < n; i++)
        field[i] = (int)i;
    if (choose(a, field, n))
        goto done;
    for (size_t i = 0; i < n; i++) {
        const gn_field *f = &all->f[field[i]];
        if (gn_schema_add(&h.schema, f->name, strlen(f->name), f->type, e))
            goto done;
    }
    r = gn_app_begin(a, &h);
done:
    gn_header_release(&h);
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
    int r = gn_jsonin_reject_schema(&h.schema, &a->err);
    if (r == 0)
        r = gn_writer_begin(s->rejects, &h, &a->err);
    gn_header_release(&h);
    return r;
}

static void count(gn_app *a, const gn_jsonin_counts *n)
{
    gn_app_records_in(a, n->read, n->bytes);
    gn_app_count(a, "rows_read", n->read);
    gn_app_count(a, "rows_written", n->written);
    gn_app_count(a, "rows_rejected", n->rejected);
    gn_app_count(a, "rows_skipped", n->skipped);
    gn_app_count(a, "rows_filtered", n->filtered);
    gn_app_count(a, "rows_empty", n->empty);
    gn_app_count(a, "keys_extra", n->extra);
}

static int run(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    const gn_jsonin_options c = {
        .replace_text = o->text == 1,
        .schema = o->schema,
        .zone = s->zone,
        .max_record = a->common.max_record,
        .on_error = (enum gn_jsonin_on_error)o->on_error,
    };
    s->json = gn_jsonin_open(a->files.v, a->files.n, &c, &a->err);
    if (!s->json || open_rejects(a) || begin(a))
        return -1;
    int r = gn_jsonin_run(s->json, a->w, s->rejects, &a->err);
    count(a, gn_jsonin_count(s->json));
    if (r)
        return -1;
    const gn_lineage *from = gn_jsonin_lineage(s->json);
    if (s->rejects && gn_app_end_also(a, s->rejects, from, true))
        return -1;
    return gn_app_end_segment(a, from, false);
}

static void release(gn_app *a)
{
    struct state *s = a->state;
    gn_jsonin_close(s->json);
    gn_expr_free(s->where);
    gn_zone_free(s->zone);
    *s = (struct state){0};
}

static const gn_example examples[] = {
    {"JSON lines as records, to look at", "gn-fromjson events.jsonl | gn-view"},
    {"keys inside objects", "gn-fromjson --schema user.id:str,user.plan:str,at:time log.jsonl.zst"},
    {"bad lines apart", "gn-fromjson --on-error reject --reject bad.gn -o good.gn events.jsonl"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-fromjson",
    .summary = "read JSON lines as records",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "streaming",
    .flags = GN_APP_STREAM_OUT | GN_APP_TZ,
    .opts = opts,
    .opt_size = sizeof(struct options),
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
