/* gn-cat - concatenate streams and trees of them, verifying them; compress, project, filter, cut.
 *
 * Every value is checked: type, range, shortest form, valid UTF-8. Needs: any order.
 * Memory: streaming. Segments map one to one, and so do their claims: a record-wise filter keeps
 * order, placement and cover. */
#include "app/app.h"
#include "base/parse.h"
#include "op/expr.h"
#include "op/prune.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 1000000

struct options {
    const char *fields;
    const char *where;
    const char *split, *part;
};

struct state {
    gn_prune prune;
    const char *text; /* of the condition on records; NULL: none */
    gn_expr *where;
    int *field; /* of --fields */
    size_t nfields;
    uint8_t keep[GN_BATCH];
};

#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"fields", 'f', "FIELDS", "keep these fields, in this order (default all)", GN_OPT_TEXT,
     AT(fields), true, 0, 0},
    {"where", 0, "EXPR", "keep the records for which the expression is true", GN_OPT_TEXT,
     AT(where), true, 0, 0},
    {"split", 0, "I/N", "read only the I-th of N parts of the files' records", GN_OPT_TEXT,
     AT(split), false, 0, 0},
    {"part", 0, "I",
     "read only part I (from 0) of what gn-partition wrote; operands are its directories",
     GN_OPT_TEXT, AT(part), false, 0, 0},
    {0},
};

static int check_split(gn_app *a, const char *text)
{
    const char *slash = strchr(text, '/');
    int64_t i, n;

    if (!slash || !gn_parse_int(text, (size_t)(slash - text), &i) ||
        !gn_parse_int(slash + 1, strlen(slash + 1), &n) || i < 1 || i > n || n > PARTS_MAX)
        return gn_fail(&a->err, GN_USAGE, "--split: '%s' is not I/N with 1 <= I <= N <= %d", text,
                       PARTS_MAX);
    if (a->files.n == 0)
        return gn_fail(&a->err, GN_USAGE, "--split reads files by name, not standard input");
    a->part = (uint64_t)i;
    a->parts = (uint64_t)n;
    return 0;
}

static int check(gn_app *a)
{
    const struct options *o = a->opt;

    if (o->split && o->part)
        return gn_fail(&a->err, GN_USAGE, "--split and --part exclude each other");
    if (o->split && check_split(a, o->split))
        return -1;
    return o->where ? gn_expr_check(o->where, "--where", &a->err) : 0;
}

/* Directories become their files, those that the paths do not rule out. */
static int start(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    gn_prune *p = &s->prune;

    s->text = o->where;
    if (o->part)
        return gn_app_part(a, o->part);
    if (a->files.n == 0)
        return 0;
    if (gn_prune_open(p, a->files.v, a->files.n, o->where, "--where", a->zone, &a->err))
        return -1;
    gn_app_count(a, "files_passed_over", p->tree.n - (p->nothing ? 0 : p->npaths));
    s->text = p->rest;
    free(a->files.v);
    a->files.v = p->path; /* the app's from here on */
    a->files.n = p->npaths;
    p->path = NULL;
    return 0;
}

static void drop(struct state *s)
{
    gn_expr_free(s->where);
    s->where = NULL;
    free(s->field);
    s->field = NULL;
}

/* Choose the fields and cut the header's claims down to them. */
static int project(gn_app *a, gn_header *h)
{
    const struct options *o = a->opt;
    struct state *s = a->state;

    if (!o->fields)
        return 0;
    return gn_schema_select(&h->schema, o->fields, &s->field, &s->nfields, &a->err) ||
                   gn_header_project(h, s->field, s->nfields, &a->err)
               ? -1
               : 0;
}

static int segment(gn_app *a)
{
    struct state *s = a->state;
    const gn_header *in = gn_reader_header(a->reader);
    gn_header h = {0};
    int r;

    drop(s);
    if (s->text) {
        s->where = gn_expr_condition(s->text, "--where", &in->schema, a->zone, &a->err);
        if (!s->where || gn_expr_want_reader(s->where, a->reader, &a->err))
            return -1;
    }
    if (gn_reader_want_all(a->reader, GN_RAW, &a->err))
        return -1;
    r = gn_header_copy(&h, in, &a->err);
    if (r == 0)
        r = project(a, &h);
    if (r == 0)
        r = gn_app_begin(a, &h);
    gn_header_release(&h);
    return r;
}

static int batch(gn_app *a, gn_batch *b)
{
    struct state *s = a->state;
    const uint8_t *keep = NULL;

    if (s->prune.nothing) { /* the fields are known: that is all there was to read */
        const gn_lineage none = {0};
        a->done = true;
        return gn_app_end_segment(a, &none, true);
    }
    if (s->where) {
        size_t kept;
        if (gn_expr_filter(s->where, b, s->keep, &kept, &a->err))
            return -1;
        if (kept == 0)
            return 0;
        keep = s->keep;
    }
    if (s->field)
        return gn_writer_project(a->w, b, s->field, s->nfields, keep, &a->err);
    return gn_writer_select(a->w, b, keep, &a->err);
}

static int end(gn_app *a)
{
    return gn_app_end_segment(a, &gn_reader_trailer(a->reader)->lineage, false);
}

static void release(gn_app *a)
{
    struct state *s = a->state;

    drop(s);
    gn_prune_release(&s->prune);
}

static const gn_example examples[] = {
    {"several files as one stream", "gn-cat day1.gn day2.gn | gn-dau"},
    {"is this file whole and valid?", "gn-cat events.gn >/dev/null"},
    {"compress", "gn-cat -o events.gn.zst events.gn"},
    {"long edits, three fields", "gn-cat -f user_id,timestamp,duration_ms --where 'action_type = "
                                 "\"edit\" and duration_ms > 1min'"
                                 " events.gn"},
    {"four processes read a file together",
     "parallel 'gn-cat --split {}/4 f.gn.zst | gn-dau --partial -o {}.gn' ::: 1 2 3 4; gn-dau "
     "--merge [1-4].gn"},
    {"July of a tree that gn-partition made, and no other file of it",
     "gn-cat --where 'date between 2023-07-01 and 2023-07-31 and duration_ms > 1min' days/"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-cat",
    .summary = "concatenate and verify streams; compress, project, filter, split them",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "streaming",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT | GN_APP_TZ,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .examples = examples,
    .check = check,
    .start = start,
    .segment = segment,
    .batch = batch,
    .end = end,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
