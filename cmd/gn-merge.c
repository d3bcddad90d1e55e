/* gn-merge - merge sorted streams into one.
 *
 * Needs inputs in one order, which is checked as they are read. Memory: a batch for each input;
 * where -m or the limit of open files does not allow that, several passes over disk (-T). */
#include "app/app.h"
#include "op/kmerge.h"

#include <stddef.h>

typedef struct options {
    gn_list key;
    bool stable, unique;
} options;

typedef struct state {
    gn_order order; /* of -k */
    gn_kmerge *merge;
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"key", 'k', "FIELD[:asc|:desc],...",
     "the order the inputs are in; may be given again (default: what they declare)", GN_OPT_LIST,
     O(key), true, 0, 0},
    {"stable", 0, NULL, "records of equal keys in the order of the inputs, not of their bytes",
     GN_OPT_FLAG, O(stable), true, 0, 0},
    {"unique", 'u', NULL, "keep only the first record of each key", GN_OPT_FLAG, O(unique), true, 0,
     0},
    {0}};

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    for (size_t i = 0; i < o->key.n; i++)
        if (gn_order_parse(&s->order, o->key.v[i], &a->err))
            return -1;
    return 0;
}

/* Records that two inputs account for would be there twice. */
static int ended(void *ctx, const gn_reader *r, gn_err *e)
{
    gn_app *a = ctx;
    const gn_trailer *t = gn_reader_trailer(r);
    if (t->records && gn_lineage_overlaps(&a->lineage, &t->lineage))
        return gn_fail(e, GN_INPUT,
                       "'%s': it covers records that another input covers too: they would be "
                       "there twice",
                       gn_reader_name(r));
    return gn_app_input_ended(a, &t->lineage);
}

static int run(gn_app *a)
{
    static const char *const standard_input[] = {"-"};
    const options *o = a->opt;
    state *s = a->state;
    s->merge = gn_kmerge_new(&(gn_kmerge_options){.paths = a->files.n ? a->files.v : standard_input,
                                                  .n = a->files.n ? a->files.n : 1,
                                                  .max_record = a->common.max_record,
                                                  .order = &s->order,
                                                  .stable = o->stable,
                                                  .unique = o->unique,
                                                  .dir = a->common.temp_dir,
                                                  .budget = &a->budget,
                                                  .memory = a->common.memory,
                                                  .ended = ended,
                                                  .ctx = a},
                             &a->err);
    if (!s->merge)
        return -1;
    const gn_header *h = gn_kmerge_open(s->merge, &a->err);
    int r = !h || gn_app_begin(a, h) || gn_kmerge_write(s->merge, a->w, &a->err) ? -1 : 0;
    gn_app_records_in(a, gn_kmerge_records(s->merge), gn_kmerge_bytes(s->merge));
    if (o->unique)
        gn_app_count(a, "dropped", gn_kmerge_dropped(s->merge));
    gn_app_count(a, "runs", gn_kmerge_runs(s->merge));
    gn_app_count(a, "spilled_bytes", gn_kmerge_spilled(s->merge));
    return r;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_kmerge_free(s->merge);
    gn_order_release(&s->order);
    *s = (state){0};
}

static const gn_example examples[] = {
    {"sorted days into one stream", "gn-merge day1.gn day2.gn day3.gn -o days.gn"},
    {"sort on two cores",
     "gn-merge <(gn-sort -k user_id,timestamp a.gn) <(gn-sort -k user_id,timestamp b.gn)"},
    {"a file that does not say it is sorted", "gn-merge -k user_id a.gn b.gn"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-merge",
    .summary = "merge sorted streams into one",
    .operands = "[FILE...]",
    .order = "one order, the same in all inputs",
    .memory = "a batch for each input",
    .flags = GN_APP_STREAM_OUT | GN_APP_MEMORY | GN_APP_TEMP,
    .opts = opts,
    .opt_size = sizeof(options),
    .state_size = sizeof(state),
    .examples = examples,
    .check = check,
    .run = run,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
