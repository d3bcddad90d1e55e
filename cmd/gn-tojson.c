/* gn-tojson - write records as JSON, one object a line.
 *
 * Needs: any order. Memory: streaming. */
#include "app/app.h"
#include "stream/jsonout.h"

struct options {
    const char *fields;
    bool omit_null, array;
};

struct state {
    gn_jsonout *json;
};

#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"fields", 'f', "FIELDS", "write these fields, in this order (default all)", GN_OPT_TEXT,
     AT(fields), true, 0, 0},
    {"omit-null", 0, NULL, "leave out keys whose value is null", GN_OPT_FLAG, AT(omit_null), true,
     0, 0},
    {"array", 0, NULL, "write one array of all objects", GN_OPT_FLAG, AT(array), true, 0, 0},
    {0},
};

static int start(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;

    s->json = gn_jsonout_new(o->array, o->omit_null, a->zone, &a->err);
    return s->json ? 0 : -1;
}

static int segment(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    size_t n;

    if (gn_jsonout_begin(s->json, &gn_reader_header(a->reader)->schema, o->fields,
                         gn_reader_name(a->reader), &a->err))
        return -1;
    const int *field = gn_jsonout_fields(s->json, &n);
    for (size_t i = 0; i < n; i++)
        if (gn_reader_want(a->reader, field[i], GN_VALUE, &a->err))
            return -1;
    return 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    struct state *s = a->state;

    return gn_jsonout_rows(s->json, b, a->out, &a->err);
}

static int finish(gn_app *a)
{
    struct state *s = a->state;

    return gn_jsonout_finish(s->json, a->out, &a->err);
}

static void release(gn_app *a)
{
    struct state *s = a->state;

    gn_jsonout_free(s->json);
    s->json = NULL;
}

static const gn_example examples[] = {
    {"a stream as JSON lines", "gn-tojson dau.gn"},
    {"for jq: two fields, no nulls", "gn-tojson -f user_id,country --omit-null metadata.gn | jq -r "
                                     ".country"},
    {"one array, compressed", "gn-tojson --array -o dau.json.zst dau.gn"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-tojson",
    .summary = "write records as JSON",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "streaming",
    .flags = GN_APP_STREAM_IN | GN_APP_TEXT_OUT | GN_APP_TZ,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .examples = examples,
    .start = start,
    .segment = segment,
    .batch = batch,
    .finish = finish,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
