/* gn-uniq - one record of each key: the least by an order; how many it stands for; the others
 * apart.
 *
 * Needs no order. Where the input declares one that begins with the key fields, it streams and
 * holds one record; else it sorts, within -m, beyond that in runs on disk (-T). All segments become
 * one. */
#include "app/app.h"
#include "kernel/extsort.h"
#include "op/order.h"
#include "op/pick.h"
#include "op/unite.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    gn_list key, keep;
    int ties;
    const char *count, *duplicates;
    bool sort, check;
} options;

typedef struct state {
    bool whole, streams;
    gn_order key, keep;   /* what is asked for; without -k all fields */
    gn_order by;          /* the order that the input declares, as far as it matters */
    gn_sortkey *sort_key; /* key, then keep */
    gn_sortkey *by_key;
    gn_unite in;
    gn_extsort *sort;
    gn_pick pick;
    gn_writer *left;
    gn_buf described; /* what --duplicates was made with */
    bool doubled;     /* inputs cover the same records */
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"key", 'k', "FIELD,...",
     "records are of one key when these fields are equal; may be given again (default: all "
     "fields, so whole records)",
     GN_OPT_LIST, O(key), true, 0, 0},
    {"keep", 0, "FIELD[:asc|:desc],...",
     "of the records of one key keep the first in this order, nulls last", GN_OPT_LIST, O(keep),
     true, 0, 0},
    {"ties", 0, "least|greatest",
     "of those that are equal in that order keep the least or the greatest by its bytes (default "
     "least)",
     GN_OPT_CHOICE, O(ties), true, 0, 0},
    {"count", 0, "NAME", "append an int field: how many records this one stands for", GN_OPT_TEXT,
     O(count), true, 0, 0},
    {"duplicates", 0, "FILE", "write the records left out to FILE, as a stream", GN_OPT_TEXT,
     O(duplicates), false, 0, 0},
    {"check", 'c', NULL, "write nothing; status 1 where a key comes more than once", GN_OPT_FLAG,
     O(check), false, 0, 0},
    {"sort", 0, NULL, "do not rely on the order of the input", GN_OPT_FLAG, O(sort), false, 0, 0},
    {0}};

static const gn_filter check_filter;

static int parse_key(gn_order *key, const char *text, gn_err *e)
{
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        if (gn_order_add(key, p, n, false, e))
            return -1;
        p += n;
        if (!*p)
            return 0;
    }
}

static int parse_orders(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    s->keep.role = "--keep";
    s->whole = o->key.n == 0;
    for (size_t i = 0; i < o->key.n; i++)
        if (parse_key(&s->key, o->key.v[i], &a->err))
            return -1;
    for (size_t i = 0; i < o->keep.n; i++)
        if (gn_order_parse(&s->keep, o->keep.v[i], &a->err))
            return -1;
    for (size_t i = 0; i < s->keep.n; i++)
        if (gn_order_names(&s->key, s->keep.key[i].field))
            return gn_fail(&a->err, GN_USAGE,
                           "--keep: '%s' is a key field: it is equal in all records of a key",
                           s->keep.key[i].field);
    return 0;
}

static int check(gn_app *a)
{
    const options *o = a->opt;
    if (parse_orders(a))
        return -1;
    if (!o->key.n && (o->keep.n || o->ties))
        return gn_fail(&a->err, GN_USAGE,
                       "--keep and --ties choose among the records of one key: give -k");
    if (o->count && !*o->count)
        return gn_fail(&a->err, GN_USAGE, "--count: a field without a name");
    if (!o->check)
        return 0;
    if (a->common.output || a->common.zstd || o->duplicates || o->count)
        return gn_fail(&a->err, GN_USAGE,
                       "--check writes nothing: leave out --output, --zstd, --duplicates and "
                       "--count");
    a->filter = &check_filter;
    return 0;
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (!o->duplicates)
        return 0;
    if (gn_buf_printf(&s->described, &a->err, "%s%sduplicates", a->options, *a->options ? " " : ""))
        return -1;
    s->left = gn_app_also(a, o->duplicates);
    return s->left ? 0 : -1;
}

/* ---- the first segment decides ---- */

static int find_order(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (o->sort || a->files.n > 1)
        return 0;
    int r = gn_order_together(gn_reader_header(a->reader), &s->key, s->whole, &s->by, &a->err);
    s->streams = r == 1;
    if (r < 0 || (r && !(s->by_key = gn_alloc(s->by.n, sizeof *s->by_key, &a->err))))
        return -1;
    return 0;
}

/* What holds of the records kept: one of each key, so their order is total. */
static int begin_kept(gn_app *a, gn_header *h)
{
    const options *o = a->opt;
    state *s = a->state;
    if (s->streams)
        h->total = true;
    else if (gn_order_claim(&s->key, true, h, &a->err))
        return -1;
    if (!o->count)
        return gn_app_begin(a, h);
    if (gn_schema_find(&h->schema, o->count) >= 0)
        return gn_fail(&a->err, GN_INPUT, "--count: there is a field '%s' already", o->count);
    size_t n = h->schema.n;
    gn_column *c = gn_calloc(n + 1, sizeof *c, &a->err);
    if (!c)
        return -1;
    for (size_t i = 0; i < n; i++)
        c[i].from = (int)i;
    c[n] = (gn_column){-1, o->count, GN_INT};
    int r = gn_header_map(h, c, n + 1, &a->err) || gn_app_begin(a, h) ? -1 : 0;
    free(c);
    return r;
}

/* And of those left out. Streamed, they are in the order of the keys; whole records in the input's
 * order. Sorted, they are by key and by what was kept. */
static int begin_left(gn_app *a, gn_header *h)
{
    state *s = a->state;
    gn_order order = {0};
    int r = gn_order_append(&order, s->streams ? &s->by : &s->key, &a->err);
    if (r == 0 && !s->streams)
        r = gn_order_append(&order, &s->keep, &a->err);
    if (r == 0)
        r = gn_order_claim(&order, !s->streams || s->whole, h, &a->err);
    gn_order_release(&order);
    return r ? -1 : gn_writer_begin(s->left, h, &a->err);
}

/* The claims of all the input are known, but for the order. */
static int begin_outputs(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0};
    gn_unite_end(&s->in);
    if (o->check)
        return 0;
    int r = s->left ? gn_header_copy(&h, &s->in.h, &a->err) || begin_left(a, &h) : 0;
    gn_header_release(&h);
    if (r == 0)
        r = gn_header_copy(&h, &s->in.h, &a->err) || begin_kept(a, &h);
    gn_header_release(&h);
    s->pick.kept.w = a->w;
    s->pick.left.w = s->left;
    return r ? -1 : 0;
}

/* Streaming needs no value of a key field beyond those of the order. */
static int bind(gn_app *a)
{
    state *s = a->state;
    if (s->streams ? gn_order_bind(&s->by, a->reader, s->by_key, &a->err)
                   : gn_order_bind(&s->key, a->reader, s->sort_key, &a->err))
        return -1;
    return gn_order_bind(&s->keep, a->reader, s->sort_key + s->key.n, &a->err);
}

static int begin(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (s->whole && gn_order_of_schema(&s->key, &gn_reader_header(a->reader)->schema, &a->err))
        return -1;
    size_t n = s->key.n + s->keep.n;
    if (!(s->sort_key = gn_alloc(n, sizeof *s->sort_key, &a->err)) || find_order(a) || bind(a))
        return -1;
    s->pick.key = s->streams ? s->by_key : s->sort_key;
    s->pick.nkey = s->streams ? s->by.n : s->key.n;
    s->pick.whole = s->whole;
    s->pick.by = s->sort_key + s->key.n;
    s->pick.nby = s->keep.n;
    s->pick.greatest = o->ties == 1;
    s->pick.counted = o->count != NULL;
    if (s->streams)
        return begin_outputs(a);
    s->sort = gn_extsort_new(&(gn_extsort_options){.key = s->sort_key,
                                                   .nkeys = n,
                                                   .total = true,
                                                   .dir = a->common.temp_dir,
                                                   .budget = &a->budget,
                                                   .memory = a->common.memory},
                             &a->err);
    return s->sort ? 0 : -1;
}

static int segment(gn_app *a)
{
    state *s = a->state;
    const gn_header *h = gn_reader_header(a->reader);
    bool first = !s->in.begun;
    if (!first && s->streams && gn_unite_holds(&s->in, h))
        return bind(a);
    if (gn_unite_add(&s->in, h, gn_reader_name(a->reader), &a->err))
        return -1;
    if (first)
        return begin(a);
    if (s->streams)
        return gn_fail(&a->err, GN_INPUT,
                       "'%s': placed unlike the segment before, whose records were written already "
                       "(give --sort)",
                       gn_reader_name(a->reader));
    return bind(a);
}

/* ---- records ---- */

static int out_of_order(gn_app *a, uint64_t record)
{
    state *s = a->state;
    gn_buf order = {0};
    if (gn_order_text(&s->by, &order, &a->err) == 0)
        gn_fail(&a->err, GN_INPUT,
                "'%s': record %llu: out of order (by %s), as the header claims or after the "
                "segment before (give --sort)",
                gn_reader_name(a->reader), (unsigned long long)record, (const char *)order.p);
    gn_buf_release(&order);
    return -1;
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    size_t broken;
    if (!s->streams)
        return gn_extsort_add(s->sort, b, &a->err);
    if (gn_pick_batch(&s->pick, b, &broken, &a->err))
        return -1;
    return broken < b->n ? out_of_order(a, b->first + broken + 1) : 0;
}

static int end(gn_app *a)
{
    state *s = a->state;
    const gn_trailer *t = gn_reader_trailer(a->reader);
    s->doubled |= t->records && gn_lineage_overlaps(&a->lineage, &t->lineage);
    return 0;
}

static int end_outputs(gn_app *a)
{
    state *s = a->state;
    const char *own = a->options;
    int r = 0;
    if (s->left) {
        a->options = (const char *)s->described.p;
        r = gn_app_end_also(a, s->left, &a->lineage, s->doubled);
        a->options = own;
    }
    return r ? -1 : gn_app_end_segment(a, &a->lineage, s->doubled);
}

static int verdict(gn_app *a)
{
    state *s = a->state;
    gn_buf key = {0};
    if (s->pick.nleft == 0)
        return 0;
    if (s->whole || gn_order_text(&s->key, &key, &a->err) == 0)
        gn_fail(&a->err, GN_NO, "%llu of %llu records repeat another (by %s)",
                (unsigned long long)s->pick.nleft,
                (unsigned long long)(s->pick.nleft + s->pick.nkept),
                s->whole ? "all fields" : (const char *)key.p);
    gn_buf_release(&key);
    return -1;
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if ((s->sort && (begin_outputs(a) || gn_pick_sorted(&s->pick, s->sort, &a->err))) ||
        gn_pick_end(&s->pick, &a->err))
        return -1;
    gn_app_count(a, "kept", s->pick.nkept);
    gn_app_count(a, "dropped", s->pick.nleft);
    gn_app_count(a, "runs", s->sort ? gn_extsort_runs(s->sort) : 0);
    gn_app_count(a, "spilled_bytes", s->sort ? gn_extsort_spilled(s->sort) : 0);
    return o->check ? verdict(a) : end_outputs(a);
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_extsort_free(s->sort);
    gn_pick_release(&s->pick);
    gn_unite_release(&s->in);
    gn_order_release(&s->key);
    gn_order_release(&s->keep);
    gn_order_release(&s->by);
    gn_buf_release(&s->described);
    free(s->sort_key);
    free(s->by_key);
    *s = (state){0};
}

static const gn_example examples[] = {
    {"each user's attributes, from the row with the latest join date",
     "gn-uniq -k user_id --keep join_date:desc --ties greatest metadata.gn"},
    {"events without exact duplicates, and those apart",
     "gn-uniq --duplicates again.gn events.gn -o once.gn"},
    {"how often each event is there", "gn-uniq --count times events.gn | gn-where 'times > 1'"},
    {"is user_id unique?", "gn-uniq --check -k user_id metadata.gn"},
    {NULL, NULL},
};

#define COMMON                                                                                     \
    .name = "gn-uniq", .summary = "keep one record of each key, or drop repeated records",         \
    .operands = "[FILE...]", .order = "none; streams where the keys come first in it",             \
    .memory = "one record, or spilling beyond -m to disk", .opts = opts,                           \
    .opt_size = sizeof(options), .state_size = sizeof(state), .examples = examples,                \
    .check = check, .start = start, .segment = segment, .batch = batch, .end = end,                \
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
