/* gn-where - the records for which a condition is true; with --else the others as well.
 *
 * Needs: any order. Memory: streaming. Segments map one to one, and so do their claims: a
 * record-wise filter keeps order, placement and cover. The others have a node of their own in the
 * provenance. */
#include "app/app.h"
#include "op/expr.h"

#include <stddef.h>

struct options {
    const char *expr, *other;
    bool invert;
};

struct state {
    gn_expr *expr;
    gn_writer *other; /* --else */
    gn_buf described; /* what --else was made with */
    uint8_t keep[GN_BATCH], drop[GN_BATCH];
};

#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"expr", 'e', "EXPR", "the condition; all operands are then files", GN_OPT_TEXT, AT(expr), true,
     0, 0},
    {"invert", 0, NULL, "keep the records for which it is not true: false, or null", GN_OPT_FLAG,
     AT(invert), true, 0, 0},
    {"else", 0, "FILE", "write the other records to FILE, as a stream", GN_OPT_TEXT, AT(other),
     false, 0, 0},
    {0},
};

static int take_operands(gn_app *a)
{
    struct options *o = a->opt;

    if (!o->expr)
        o->expr = gn_app_take_operand(a);
    return o->expr ? 0 : gn_fail(&a->err, GN_USAGE, "no condition given (gn-where EXPR [FILE...])");
}

static int check(gn_app *a)
{
    const struct options *o = a->opt;

    return gn_expr_check(o->expr, "condition", &a->err);
}

static int start(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;

    if (!o->other)
        return 0;
    if (gn_buf_printf(&s->described, &a->err, "%s else", a->options) ||
        gn_buf_add(&s->described, "", 1, &a->err))
        return -1;
    s->other = gn_app_also(a, o->other);
    return s->other ? 0 : -1;
}

static int segment(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    const gn_header *h = gn_reader_header(a->reader);

    gn_expr_free(s->expr);
    s->expr = gn_expr_condition(o->expr, "condition", &h->schema, a->zone, &a->err);
    if (!s->expr || gn_expr_want_reader(s->expr, a->reader, &a->err))
        return -1;
    if (s->other && gn_writer_begin(s->other, h, &a->err))
        return -1;
    return gn_app_begin(a, h);
}

static int put(gn_app *a, gn_writer *w, const gn_batch *b, const uint8_t *keep, size_t kept)
{
    if (kept == 0)
        return 0;
    return gn_writer_select(w, b, kept == b->n ? NULL : keep, &a->err);
}

static int batch(gn_app *a, gn_batch *b)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    size_t kept, nulls;

    if (gn_expr_filter(s->expr, b, s->keep, &kept, &a->err))
        return -1;
    nulls = gn_expr_nulls(s->expr, b->n);
    gn_app_count(a, "true", kept);
    gn_app_count(a, "false", b->n - kept - nulls);
    gn_app_count(a, "null", nulls);
    if (!s->other && !o->invert)
        return put(a, a->w, b, s->keep, kept);
    for (size_t i = 0; i < b->n; i++)
        s->drop[i] = !s->keep[i];
    if (!o->invert)
        return put(a, s->other, b, s->drop, b->n - kept) || put(a, a->w, b, s->keep, kept) ? -1 : 0;
    return (s->other && put(a, s->other, b, s->keep, kept)) || put(a, a->w, b, s->drop, b->n - kept)
               ? -1
               : 0;
}

static int end(gn_app *a)
{
    struct state *s = a->state;
    const gn_lineage *from = &gn_reader_trailer(a->reader)->lineage;
    const char *own = a->options;
    int r = 0;

    if (s->other) {
        a->options = (const char *)s->described.p;
        r = gn_app_end_also(a, s->other, from, false);
        a->options = own;
    }
    return r ? -1 : gn_app_end_segment(a, from, false);
}

static void release(gn_app *a)
{
    struct state *s = a->state;

    gn_expr_free(s->expr);
    s->expr = NULL;
    gn_buf_release(&s->described);
}

static const gn_example examples[] = {
    {"the page loads that took long",
     "gn-where 'action_type = \"page_view\" and duration_ms > 10s' "
     "events.gn"},
    {"split robots off in one pass", "gn-where --else robots.gn 'user_id not like \"bot%\"' "
                                     "events.gn >people.gn"},
    {"everything that is not known to be good", "gn-where --invert 'duration_ms between 0 and 8h' "
                                                "events.gn"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-where",
    .summary = "keep the records for which a condition is true",
    .operands = "EXPR [FILE...]",
    .order = "none",
    .memory = "streaming",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT | GN_APP_TZ,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .examples = examples,
    .take_operands = take_operands,
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
