/* gn-select - choose, rename and compute fields.
 *
 * Needs: any order. Memory: streaming. Segments map one to one; claims follow the fields that stay,
 * also under their new names, and the cover is kept: every record still stands for one that came
 * in. */
#include "app/app.h"
#include "op/select.h"

#include <stddef.h>
#include <stdlib.h>

struct options {
    const char *fields, *except;
};

struct state {
    gn_select *select;
};

#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"fields", 'f', "LIST",
     "the fields: 'name', 'new = expression', '*' for all; all operands are then files",
     GN_OPT_TEXT, AT(fields), true, 0, 0},
    {"except", 'x', "FIELDS", "those that '*' does not stand for; without -f the list is '*'",
     GN_OPT_TEXT, AT(except), true, 0, 0},
    {0},
};

static int take_operands(gn_app *a)
{
    struct options *o = a->opt;

    if (!o->fields)
        o->fields = o->except ? "*" : gn_app_take_operand(a);
    return o->fields ? 0 : gn_fail(&a->err, GN_USAGE, "no fields given (gn-select LIST [FILE...])");
}

static int check(gn_app *a)
{
    const struct options *o = a->opt;
    bool all;

    if (gn_select_check(o->fields, "list", &all, &a->err))
        return -1;
    if (o->except && !all)
        return gn_fail(&a->err, GN_USAGE, "--except: there is no '*' to take fields from");
    return 0;
}

static int segment(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    const gn_header *in = gn_reader_header(a->reader);
    gn_header h = {0};
    int *except = NULL, r = -1;
    size_t n = 0;

    gn_select_free(s->select);
    s->select = NULL;
    if (o->except && gn_schema_select(&in->schema, o->except, &except, &n, &a->err))
        return -1;
    s->select = gn_select_new(o->fields, "list", &in->schema, a->zone, except, n, &a->err);
    free(except);
    if (s->select && gn_select_want(s->select, a->reader, &a->err) == 0 &&
        gn_header_copy(&h, in, &a->err) == 0 && gn_select_header(s->select, &h, &a->err) == 0)
        r = gn_app_begin(a, &h);
    gn_header_release(&h);
    return r;
}

static int batch(gn_app *a, gn_batch *b)
{
    struct state *s = a->state;

    return gn_select_write(s->select, a->w, b, &a->err);
}

static int end(gn_app *a)
{
    return gn_app_end_segment(a, &gn_reader_trailer(a->reader)->lineage, false);
}

static void release(gn_app *a)
{
    struct state *s = a->state;

    gn_select_free(s->select);
    s->select = NULL;
}

static const gn_example examples[] = {
    {"two fields, one of them under a new name", "gn-select 'user = user_id, timestamp' events.gn"},
    {"all fields and two more", "gn-select '*, day = date(timestamp), secs = duration_ms / 1000' "
                                "events.gn"},
    {"all fields but two", "gn-select -x page_id,app_version events.gn"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-select",
    .summary = "choose, rename and compute fields",
    .operands = "LIST [FILE...]",
    .order = "none",
    .memory = "streaming",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT | GN_APP_TZ,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .examples = examples,
    .take_operands = take_operands,
    .check = check,
    .segment = segment,
    .batch = batch,
    .end = end,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
