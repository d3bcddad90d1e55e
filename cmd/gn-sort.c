/* gn-sort - sort records by any fields; find out whether they are sorted.
 *
 * Needs no order. Memory: spilling, within -m: what does not fit is sorted in runs on disk (-T).
 * All segments of all inputs become one, which declares its order. */
#include "app/app.h"
#include "kernel/extsort.h"
#include "op/order.h"
#include "op/unite.h"

#include <stddef.h>
#include <stdlib.h>

typedef struct options {
    gn_list key;
    const char *part;
    bool stable, unique, check;
} options;

typedef struct state {
    gn_order order;
    gn_sortkey *key;
    gn_unite in;
    gn_extsort *sort;
    gn_ordered check;
    bool doubled; /* inputs cover the same records */
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"key", 'k', "FIELD[:asc|:desc],...",
     "sort by these fields, the first counts most; may be given again (default: all fields)",
     GN_OPT_LIST, O(key), true, 0, 0},
    {"stable", 0, NULL,
     "leave records of equal keys as they came, instead of sorting them by their bytes",
     GN_OPT_FLAG, O(stable), true, 0, 0},
    {"unique", 'u', NULL, "keep only the first record of each key", GN_OPT_FLAG, O(unique), true, 0,
     0},
    {"check", 'c', NULL, "write nothing; status 1 where the records are not in that order",
     GN_OPT_FLAG, O(check), false, 0, 0},
    {"part", 0, "I",
     "read only part I (from 0) of what gn-partition wrote; operands are its directories",
     GN_OPT_TEXT, O(part), false, 0, 0},
    {0}};

static const gn_filter check_filter;

static int sort_check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    for (size_t i = 0; i < o->key.n; i++)
        if (gn_order_parse(&s->order, o->key.v[i], &a->err))
            return -1;
    if (!o->check)
        return 0;
    if (a->common.output || a->common.zstd)
        return gn_fail(&a->err, GN_USAGE, "--check writes nothing: leave out --output and --zstd");
    a->filter = &check_filter;
    return 0;
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    return o->part ? gn_app_part(a, o->part) : 0;
}

/* The keys are known with the first segment. */
static int begin(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    const gn_schema *schema = &gn_reader_header(a->reader)->schema;
    if (!s->order.n && gn_order_of_schema(&s->order, schema, &a->err))
        return -1;
    if (!(s->key = gn_alloc(s->order.n, sizeof *s->key, &a->err)) ||
        gn_order_bind(&s->order, a->reader, s->key, &a->err))
        return -1;
    if (o->check) {
        s->check = (gn_ordered){.key = s->key,
                                .nkeys = s->order.n,
                                .ties = o->unique   ? GN_TIES_NONE
                                        : o->stable ? GN_TIES_ANY
                                                    : GN_TIES_BYTES};
        return 0;
    }
    s->sort = gn_extsort_new(&(gn_extsort_options){.key = s->key,
                                                   .nkeys = s->order.n,
                                                   .total = !o->stable,
                                                   .unique = o->unique,
                                                   .dir = a->common.temp_dir,
                                                   .budget = &a->budget,
                                                   .memory = a->common.memory},
                             &a->err);
    return s->sort ? 0 : -1;
}

static int segment(gn_app *a)
{
    state *s = a->state;
    if (gn_unite_add(&s->in, gn_reader_header(a->reader), gn_reader_name(a->reader), &a->err))
        return -1;
    if (!s->key)
        return begin(a);
    return gn_order_bind(&s->order, a->reader, s->key, &a->err);
}

/* --check: the first record out of order ends it. */
static int check_batch(gn_app *a, const gn_batch *b)
{
    state *s = a->state;
    size_t broken;
    gn_buf order = {0};
    if (gn_ordered_batch(&s->check, b, &broken, &a->err))
        return -1;
    if (broken == b->n)
        return 0;
    if (gn_order_text(&s->order, &order, &a->err) == 0)
        gn_fail(&a->err, GN_NO, "'%s': record %llu: out of order (by %s)",
                gn_reader_name(a->reader), (unsigned long long)(b->first + broken + 1),
                (const char *)order.p);
    gn_buf_release(&order);
    return -1;
}

static int batch(gn_app *a, gn_batch *b)
{
    const options *o = a->opt;
    state *s = a->state;
    return o->check ? check_batch(a, b) : gn_extsort_add(s->sort, b, &a->err);
}

static int end(gn_app *a)
{
    state *s = a->state;
    const gn_trailer *t = gn_reader_trailer(a->reader);
    s->doubled |= t->records && gn_lineage_overlaps(&a->lineage, &t->lineage);
    return 0;
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (o->check)
        return 0;
    gn_unite_end(&s->in);
    if (gn_order_claim(&s->order, !o->stable, &s->in.h, &a->err) || gn_app_begin(a, &s->in.h) ||
        gn_extsort_write(s->sort, a->w, &a->err) || gn_app_end_segment(a, &a->lineage, s->doubled))
        return -1;
    if (o->unique)
        gn_app_count(a, "dropped", gn_extsort_dropped(s->sort));
    gn_app_count(a, "runs", gn_extsort_runs(s->sort));
    gn_app_count(a, "spilled_bytes", gn_extsort_spilled(s->sort));
    return 0;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_extsort_free(s->sort);
    gn_ordered_release(&s->check);
    gn_unite_release(&s->in);
    gn_order_release(&s->order);
    free(s->key);
    *s = (state){0};
}

static const gn_example examples[] = {
    {"each user's events together, in time",
     "gn-fromcsv interactions.csv | gn-sort -k user_id,timestamp -o events.gn"},
    {"the longest events first", "gn-sort -k duration_ms:desc events.gn | gn-head -n 10"},
    {"each user's first event", "gn-sort -k user_id,timestamp events.gn | gn-sort -u --stable -k "
                                "user_id"},
    {"is it sorted?", "gn-sort --check -k user_id,timestamp events.gn"},
    {NULL, NULL},
};

#define COMMON                                                                                     \
    .name = "gn-sort", .summary = "sort records by any fields, or check that they are sorted",     \
    .operands = "[FILE...]", .order = "none", .memory = "spilling, beyond -m to disk",             \
    .opts = opts, .opt_size = sizeof(options), .state_size = sizeof(state), .examples = examples,  \
    .check = sort_check, .start = start, .segment = segment, .batch = batch, .end = end,           \
    .finish = finish, .release = release

static const gn_filter filter = {COMMON, .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT |
                                                  GN_APP_MEMORY | GN_APP_TEMP};

/* What --check turns it into: there is no output. */
static const gn_filter check_filter = {COMMON,
                                       .flags = GN_APP_STREAM_IN | GN_APP_MEMORY | GN_APP_TEMP};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
