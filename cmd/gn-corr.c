/* gn-corr - correlations of number fields, Pearson's and Spearman's, all pairs of them.
 *
 * Needs no order. Memory: spilling; the different pairs of values that -m cannot hold go to
 * temporary files. With --partial it writes these pairs instead, which --merge reads. */
#include "app/app.h"
#include "op/corr.h"

#include <stddef.h>
#include <string.h>

typedef struct options {
    const char *fields;
    bool partial, merge, allow_partial;
} options;

typedef struct state {
    gn_corr *corr;
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"metrics", 0, "FIELD,FIELD,...",
     "the fields to correlate, each with each; the first operand where this is not given",
     GN_OPT_TEXT, O(fields), true, 0, 0},
    {"partial", 0, NULL, "write the mergeable state, and no result", GN_OPT_FLAG, O(partial), true,
     0, 0},
    {"merge", 0, NULL, "read such states, not records; the fields are theirs", GN_OPT_FLAG,
     O(merge), true, 0, 0},
    {"allow-partial", 0, NULL, "merge states although parts of their sources are missing",
     GN_OPT_FLAG, O(allow_partial), true, 0, 0},
    {0}};

static int take_operands(gn_app *a)
{
    options *o = a->opt;
    if (o->merge && o->fields)
        return gn_fail(&a->err, GN_USAGE, "--merge takes the fields from the states: no --metrics");
    if (o->merge)
        return 0;
    if (!o->fields && !(o->fields = gn_app_take_operand(a)))
        return gn_fail(&a->err, GN_USAGE,
                       "no fields to correlate: give a list, as in gn-corr a,b,c FILE");
    /* Where the list was forgotten, this is a file's name: do not wait for the standard input. */
    if (!strchr(o->fields, ','))
        return gn_fail(&a->err, GN_USAGE, "'%s': a list of two fields or more is needed",
                       o->fields);
    return 0;
}

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_corr_options c = {.fields = o->fields,
                         .merge = o->merge,
                         .budget = &a->budget,
                         .temp_dir = a->common.temp_dir};
    s->corr = gn_corr_new(&c, &a->err);
    return s->corr ? 0 : -1;
}

static int segment(gn_app *a)
{
    state *s = a->state;
    return gn_corr_segment(s->corr, a->reader, &a->err);
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    return gn_corr_batch(s->corr, b, &a->err);
}

static int end(gn_app *a)
{
    const options *o = a->opt;
    return o->merge ? gn_app_merge_end(a) : 0;
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0};
    uint64_t runs, bytes;
    if (o->merge && gn_app_merge_finish(a, o->partial || o->allow_partial))
        return -1;
    int r = o->partial ? gn_corr_state_header(s->corr, &h, &a->err) : gn_corr_header(&h, &a->err);
    if (r == 0)
        r = gn_app_begin(a, &h);
    gn_header_release(&h);
    if (r || (o->partial ? gn_corr_write_state(s->corr, a->w, &a->err)
                         : gn_corr_write(s->corr, a->w, &a->err)))
        return -1;
    bytes = gn_corr_spilled(s->corr, &runs);
    gn_app_count(a, "pairs", gn_corr_pairs(s->corr));
    gn_app_count(a, "left_out", gn_corr_left_out(s->corr));
    gn_app_count(a, "spill_runs", runs);
    gn_app_count(a, "spill_bytes", bytes);
    return 0;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_corr_free(s->corr);
    s->corr = NULL;
}

static const gn_example examples[] = {
    {"what goes together in users",
     "gn-agg -k user_id -a 'duration = sum(duration_ms), interactions = count(), days_active = "
     "distinct(date(timestamp))' events.gn | gn-corr duration,interactions,days_active | gn-view"},
    {"on two machines, then together",
     "gn-corr --partial a,b one.gn -o 1.part.gn; gn-corr --partial a,b two.gn -o 2.part.gn; "
     "gn-corr --merge 1.part.gn 2.part.gn"},
    {0}};

static const gn_filter filter = {
    .name = "gn-corr",
    .summary = "correlate number fields: Pearson's and Spearman's coefficients",
    .operands = "[FIELD,FIELD,...] [FILE...]",
    .order = "none",
    .memory = "spilling",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT | GN_APP_MEMORY | GN_APP_TEMP,
    .opts = opts,
    .opt_size = sizeof(options),
    .state_size = sizeof(state),
    .examples = examples,
    .take_operands = take_operands,
    .check = check,
    .segment = segment,
    .batch = batch,
    .end = end,
    .finish = finish,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
