/* gn-info - what streams say of themselves: fields, claims, counts, provenance.
 *
 * Reads each file to its end, so a damaged one is found. Memory: streaming. */
#include "app/app.h"
#include "op/info.h"

#include <string.h>

struct options {
    bool verify;
    bool json;
};

static const gn_opt opts[] = {
    {"verify", 0, NULL, "recompute what the headers claim; status 1 where a claim is false",
     GN_OPT_FLAG, offsetof(struct options, verify), true, 0, 0},
    {"json", 0, NULL, "write one JSON object", GN_OPT_FLAG, offsetof(struct options, json), true, 0,
     0},
    {0},
};

struct state {
    gn_buf text;
    gn_json json;
    uint64_t files;
};

static int describe(gn_app *a, gn_reader *r, const char *name)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    gn_info f = {.name = name};
    int e = gn_info_read(&f, r, o->verify, &a->err);

    if (e == 0 && a->files.n)
        gn_info_frames(&f, name);
    gn_app_records_in(a, f.records, f.bytes);
    if (e == 0 && !gn_info_holds(&f))
        a->status = GN_NO;
    if (e == 0 && o->json)
        e = gn_info_json(&f, &s->json, &a->err);
    else if (e == 0)
        e = (s->files && gn_buf_add(&s->text, "\n", 1, &a->err)) ||
                    gn_info_text(&f, &s->text, &a->err)
                ? -1
                : 0;
    s->files++;
    gn_info_release(&f);
    return e;
}

/* What is known so far goes out even where a later file is damaged. */
static int put(gn_app *a)
{
    struct state *s = a->state;
    int r = gn_out_write(a->out, s->text.p, s->text.n, &a->err);

    s->text.n = 0;
    return r;
}

static int run(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    size_t n = a->files.n ? a->files.n : 1;

    s->json.b = &s->text;
    if (o->json &&
        (gn_json_open(&s->json, '{', &a->err) || gn_json_key(&s->json, "files", &a->err) ||
         gn_json_open(&s->json, '[', &a->err)))
        return -1;
    for (size_t i = 0; i < n; i++) {
        const char *path = a->files.n ? a->files.v[i] : "-";
        gn_reader *r = gn_reader_open(&path, 1, a->common.max_record, &a->err);
        int e = r ? describe(a, r, strcmp(path, "-") ? path : "standard input") : -1;
        gn_reader_close(r);
        if (e || put(a))
            return -1;
    }
    if (o->json &&
        (gn_json_close(&s->json, ']', &a->err) || gn_json_close(&s->json, '}', &a->err) ||
         gn_buf_add(&s->text, "\n", 1, &a->err)))
        return -1;
    return put(a);
}

static void release(gn_app *a)
{
    struct state *s = a->state;

    gn_buf_release(&s->text);
}

static const gn_example examples[] = {
    {"what is in this file?", "gn-info events.gn"},
    {"does every claim hold?", "gn-info --verify events.gn"},
    {"the record checksum, for a script", "gn-info --json events.gn | jq -r '.files[0].checksum'"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-info",
    .summary = "describe streams: fields, order, coverage, provenance, checksum",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "streaming",
    .flags = GN_APP_TEXT_OUT,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .examples = examples,
    .run = run,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
