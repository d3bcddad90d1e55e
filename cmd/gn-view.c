/* gn-view - show records as an aligned table, for eyes.
 *
 * Needs: any order. Memory: streaming. */
#include "app/app.h"
#include "op/table.h"

#include <stdlib.h>

struct options {
    const char *fields;
    int64_t records;
    int64_t width;
    bool vertical;
};

struct state {
    gn_table *table;
    uint64_t shown;
    bool more; /* there are rows that were not shown */
};

#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"records", 'n', "N", "show the first N records, 0 all (default 20)", GN_OPT_INT, AT(records),
     false, 0, INT64_MAX},
    {"fields", 'f', "FIELDS", "show these fields, in this order (default all)", GN_OPT_TEXT,
     AT(fields), false, 0, 0},
    {"vertical", 0, NULL, "one field on each line", GN_OPT_FLAG, AT(vertical), false, 0, 0},
    {"width", 0, "W",
     "cut lines to W columns, 0 not at all (default the terminal's width, elsewhere 0)", GN_OPT_INT,
     AT(width), false, 0, 100000},
    {0},
};

static const struct options defaults = {.records = 20, .width = -1};

static int start(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    gn_table_opts t = {.vertical = o->vertical, .zone = a->zone};

    t.width = o->width >= 0 ? (size_t)o->width : gn_table_screen(a->out, getenv("COLUMNS"));
    s->table = gn_table_new(&t, &a->err);
    return s->table ? 0 : -1;
}

static int segment(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    size_t n;

    if (gn_table_begin(s->table, &gn_reader_header(a->reader)->schema, o->fields, a->out, &a->err))
        return -1;
    const int *field = gn_table_fields(s->table, &n);
    for (size_t i = 0; i < n; i++)
        if (gn_reader_want(a->reader, field[i], GN_VALUE, &a->err))
            return -1;
    return 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    uint64_t left = o->records ? (uint64_t)o->records - s->shown : b->n;
    size_t n = b->n < left ? b->n : (size_t)left;

    if (n && gn_table_rows(s->table, b, 0, n, a->out, &a->err))
        return -1;
    s->shown += n;
    if (n < b->n) { /* beyond what was asked for: the input may well be endless */
        s->more = true;
        a->done = true;
    }
    /* All that is wanted is there: show it, even if the input stays silent from here on. */
    return n && n == left && o->records ? gn_table_flush(s->table, a->out, &a->err) : 0;
}

static int finish(gn_app *a)
{
    struct state *s = a->state;

    if (gn_table_flush(s->table, a->out, &a->err))
        return -1;
    return gn_table_note(s->table, s->shown, s->more, a->out, &a->err);
}

static void release(gn_app *a)
{
    struct state *s = a->state;

    gn_table_free(s->table);
    s->table = NULL;
}

static const gn_example examples[] = {
    {"the first records of a file", "gn-view events.gn"},
    {"all of it, in a pager", "gn-view -n 0 dau.gn | less -S"},
    {"one record, a field on each line", "gn-view -n 1 --vertical events.gn"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-view",
    .summary = "show records as an aligned table",
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
    .finish = finish,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
