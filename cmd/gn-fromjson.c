/* gn-fromjson - read JSON lines as records.
 *
 * Needs: nothing. Memory: streaming (a line, and about 2 MiB). */
#include "app/import.h"
#include "stream/jsonin.h"

#include <stdlib.h>
#include <string.h>

struct options {
    gn_import_options in;
    const char *schema;
    int text;
};

struct state {
    gn_import in;
    gn_jsonin *json;
};

#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"fields", 'f', "FIELDS", "keep these fields, in this order (default all)", GN_OPT_TEXT,
     AT(in.fields), true, 0, 0},
    {"where", 0, "EXPR", "keep the objects for which this is true", GN_OPT_TEXT, AT(in.where), true,
     0, 0},
    {"schema", 0, "NAME:TYPE,...",
     "names and types of the fields, or a built-in schema (default: inferred from the first lines)",
     GN_OPT_TEXT, AT(schema), true, 0, 0},
    {"input-tz", 0, "ZONE", "times without a zone are of this one (default UTC)", GN_OPT_TEXT,
     AT(in.input_tz), true, 0, 0},
    {"invalid-utf8", 0, "error|replace",
     "text that is not UTF-8 or holds a NUL is an error, or becomes U+FFFD (default error)",
     GN_OPT_CHOICE, AT(text), true, 0, 0},
    {"on-error", 0, "fail|reject|skip", "what a bad line does (default fail)", GN_OPT_CHOICE,
     AT(in.on_error), true, 0, 0},
    {"reject", 0, "FILE", "the stream of bad lines, for --on-error reject", GN_OPT_TEXT,
     AT(in.reject), false, 0, 0},
    {0},
};

static int check(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    return gn_import_check(a, &o->in, &s->in);
}

static int run(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    const gn_jsonin_options c = {
        .replace_text = o->text == 1,
        .schema = o->schema,
        .zone = s->in.zone,
        .max_record = a->common.max_record,
        .on_error = (enum gn_textin_on_error)o->in.on_error,
    };
    s->json = gn_jsonin_open(a->files.v, a->files.n, &c, &a->err);
    if (!s->json)
        return -1;
    gn_textin *t = gn_jsonin_text(s->json);
    if (gn_import_begin(a, &o->in, &s->in, t))
        return -1;
    int r = gn_jsonin_run(s->json, a->w, s->in.rejects, &a->err);
    gn_import_count(a, t);
    gn_app_count(a, "keys_extra", gn_jsonin_extra(s->json));
    return r ? -1 : gn_import_end(a, &s->in, t);
}

static void release(gn_app *a)
{
    struct state *s = a->state;
    gn_jsonin_close(s->json);
    gn_import_release(&s->in);
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
