/* gn-tail - the last records of a stream.
 *
 * Needs: any order. Memory: keyed: holds the last N records, within -m. A suffix keeps order and
 * placement but no longer accounts for its input: the cover is dropped. */
#include "app/app.h"

#include <stdlib.h>
#include <string.h>

struct options {
    int64_t n;
};

/* A segment that held records are of. */
typedef struct part {
    struct part *next;
    gn_header header;
    gn_lineage lineage;
    size_t bytes; /* charged: about what it takes */
} part;

/* A batch, or the end of one. */
typedef struct block {
    struct block *next;
    part *of;
    size_t n;      /* records */
    size_t bytes;  /* charged */
    uint32_t *off; /* n + 1, into data */
    uint8_t *data;
} block;

struct state {
    block *first, *last;
    part *parts, *current; /* in order of reading */
    uint64_t held;         /* records in all blocks */
};

static const gn_opt opts[] = {
    {"records", 'n', "N", "pass on N records (default 10)", GN_OPT_INT, offsetof(struct options, n),
     true, 0, INT64_MAX},
    {0},
};

static const struct options defaults = {.n = 10};

static void free_part(gn_app *a, part *p)
{
    gn_budget_give(&a->budget, p->bytes);
    gn_header_release(&p->header);
    gn_lineage_release(&p->lineage);
    free(p);
}

static void drop_block(gn_app *a)
{
    struct state *s = a->state;
    block *b = s->first;

    s->first = b->next;
    if (!s->first)
        s->last = NULL;
    s->held -= b->n;
    gn_budget_give(&a->budget, b->bytes);
    free(b);
}

/* Forget the segments before the one of the first held block: nothing of them is left. */
static void drop_parts(gn_app *a)
{
    struct state *s = a->state;
    const part *keep = s->first ? s->first->of : s->current;

    while (s->parts != keep) {
        part *p = s->parts;
        s->parts = p->next;
        free_part(a, p);
    }
}

static int segment(gn_app *a)
{
    struct state *s = a->state;
    const gn_header *h = gn_reader_header(a->reader);
    size_t bytes = sizeof(part) + 1024 + 64 * h->schema.n;

    if (gn_budget_take(&a->budget, bytes, &a->err))
        return -1;
    part *p = gn_calloc(1, sizeof *p, &a->err);
    if (!p || gn_header_copy(&p->header, h, &a->err)) {
        free(p);
        gn_budget_give(&a->budget, bytes);
        return -1;
    }
    p->bytes = bytes;
    if (s->current)
        s->current->next = p;
    else
        s->parts = p;
    s->current = p;
    drop_parts(a);
    return 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    uint64_t want = (uint64_t)o->n;
    size_t n = b->n < want ? b->n : (size_t)want, from = b->n - n;
    size_t data = b->off[b->n] - b->off[from], index = (n + 1) * sizeof(uint32_t);

    if (n == 0)
        return 0;
    while (s->first && s->held - s->first->n + n >= want)
        drop_block(a);
    if (gn_budget_take(&a->budget, sizeof(block) + index + data, &a->err))
        return -1;
    block *k = gn_alloc(1, sizeof *k + index + data, &a->err);
    if (!k)
        return -1;
    k->next = NULL;
    k->of = s->current;
    k->n = n;
    k->bytes = sizeof *k + index + data;
    k->off = (uint32_t *)(void *)(k + 1);
    k->data = (uint8_t *)(k->off + n + 1);
    for (size_t i = 0; i <= n; i++)
        k->off[i] = b->off[from + i] - b->off[from];
    memcpy(k->data, b->base + b->off[from], data);
    if (s->last)
        s->last->next = k;
    else
        s->first = k;
    s->last = k;
    s->held += n;
    return 0;
}

static int end(gn_app *a)
{
    struct state *s = a->state;

    drop_parts(a);
    return gn_lineage_copy(&s->current->lineage, &gn_reader_trailer(a->reader)->lineage, &a->err);
}

/* The segments of which records are held; where there are none, the last one, empty. */
static int finish(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    uint64_t skip = s->held > (uint64_t)o->n ? s->held - (uint64_t)o->n : 0;
    const block *k = s->first;

    for (part *p = s->parts; p; p = p->next) {
        if (!(k && k->of == p) && (s->held || p->next))
            continue;
        if (gn_app_begin(a, &p->header))
            return -1;
        for (; k && k->of == p; k = k->next, skip = 0)
            if (gn_writer_raw(a->w, k->data + k->off[skip], k->off[k->n] - k->off[skip],
                              k->n - skip, &a->err))
                return -1;
        if (gn_app_end_segment(a, &p->lineage, true))
            return -1;
    }
    return 0;
}

static void release(gn_app *a)
{
    struct state *s = a->state;

    while (s->first)
        drop_block(a);
    while (s->parts) {
        part *p = s->parts;
        s->parts = p->next;
        free_part(a, p);
    }
    s->current = NULL;
}

static const gn_example examples[] = {
    {"the last ten records", "gn-tail events.gn | gn-tocsv"},
    {"the last day of a daily table", "gn-tail -n 1 dau.gn | gn-view"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-tail",
    .summary = "pass on the last records",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "keyed",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT | GN_APP_MEMORY,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .defaults = &defaults,
    .state_size = sizeof(struct state),
    .examples = examples,
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
