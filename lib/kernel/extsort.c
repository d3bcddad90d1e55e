/* extsort.c - see extsort.h.
 *
 * One block of memory: from its low end, for each record, where it lies and its key as words
 * (sortword.h); from its high end downward, the records' bytes. When they meet, the words are
 * packed into one of 64 bits where they stand, sorted by radix (radix.h), and records of equal
 * packed keys are told apart by what remains (sortrun.h). A run on disk is keyed by codes that
 * memcmp orders (keycode.h); the last run stays in memory. */
#include "extsort.h"

#include "recout.h"
#include "sortrun.h"
#include "sortword.h"
#include "spill.h"

#include <stdlib.h>
#include <string.h>

#define PER_RECORD (2 * sizeof(gn_pair)) /* sorting needs two arrays of pairs */
#define BLOCK_MIN ((size_t)8 << 20)
#define AHEAD 24 /* records fetched into the cache before they are copied */

struct gn_extsort {
    gn_extsort_options o;
    gn_sortkey *key;
    uint8_t *block;
    size_t size, low; /* of the block; where the records begin */
    size_t charged;
    size_t n, stride; /* records; 64-bit words of each at the low end */
    gn_sortwords words;
    gn_sortrun run;
    gn_spill *spill;
    gn_buf code;
    size_t at; /* of the sorted pairs: the next to read */
    gn_str last;
    gn_spill_source rest; /* the last run, which is in memory */
    bool reading;
    uint64_t dropped;
};

/* What merging may take, of all the memory. */
static size_t merge_memory(size_t memory)
{
    size_t n = memory / 8;
    return n < (size_t)2 << 20 ? (size_t)2 << 20 : n;
}

/* The block; a smaller one where the system does not have as much as -m allows. */
static int map_block(gn_extsort *x, gn_err *e)
{
    for (; x->size / 2 >= BLOCK_MIN; x->size /= 2) {
        gn_err ignore = {0};
        if ((x->block = gn_map(x->size, NULL, &ignore)))
            return 0;
    }
    return (x->block = gn_map(x->size, NULL, e)) ? 0 : -1;
}

gn_extsort *gn_extsort_new(const gn_extsort_options *o, gn_err *e)
{
    gn_extsort *x = gn_calloc(1, sizeof *x, e);
    if (!x)
        return NULL;
    x->o = *o;
    x->size = o->memory - merge_memory(o->memory);
    if (x->size > GN_SORTRUN_MAX)
        x->size = GN_SORTRUN_MAX;
    x->key = gn_alloc(o->nkeys, sizeof *x->key, e);
    if (!x->key || gn_sortwords_init(&x->words, o->key, o->nkeys, e) || map_block(x, e)) {
        gn_extsort_free(x);
        return NULL;
    }
    if (o->nkeys)
        memcpy(x->key, o->key, o->nkeys * sizeof *x->key);
    x->low = x->size - GN_SLACK;
    x->run = (gn_sortrun){x->block, x->size, x->key, o->nkeys, o->total};
    return x;
}

void gn_extsort_free(gn_extsort *x)
{
    if (!x)
        return;
    gn_spill_free(x->spill);
    gn_budget_give(x->o.budget, x->charged);
    gn_unmap(x->block, x->size, NULL);
    gn_sortwords_release(&x->words);
    gn_buf_release(&x->code);
    free(x->key);
    free(x);
}

static gn_pair *pairs(const gn_extsort *x)
{
    return (gn_pair *)(void *)x->block;
}

static void sort_block(gn_extsort *x)
{
    bool sorted;
    gn_pair *a = pairs(x), *b = a + x->n;
    size_t exact =
        gn_sortwords_pack(&x->words, (uint64_t *)(void *)x->block, x->n, x->stride, &sorted);
    if (!sorted)
        gn_radix_sort(a, b, x->n);
    gn_sortrun_settle(&x->run, a, b, x->n, exact);
    x->at = 0;
    x->last = (gn_str){NULL, 0};
}

/* The next record of the sorted block; false at its end. */
static bool next_sorted(gn_extsort *x, gn_str *record)
{
    const gn_pair *a = pairs(x);
    while (x->at < x->n) {
        if (x->at + AHEAD < x->n)
            __builtin_prefetch(x->block + (a[x->at + AHEAD].value >> 24));
        gn_str r = gn_sortrun_record(&x->run, a[x->at++].value);
        if (x->o.unique && x->last.p && gn_sortkey_cmp(x->key, 0, x->o.nkeys, x->last, r) == 0) {
            x->dropped++;
            continue;
        }
        x->last = *record = r;
        return true;
    }
    return false;
}

static int code_of(gn_extsort *x, gn_str record, gn_str *code, gn_err *e)
{
    if (gn_sortkey_code(x->key, x->o.nkeys, record, &x->code, e))
        return -1;
    *code = (gn_str){x->code.p, (uint32_t)x->code.n};
    return 0;
}

/* ---- spilling ---- */

/* Of records with one key the first stays: the least by bytes, or the one that came first. */
static int keep_first(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e)
{
    gn_extsort *x = ctx;
    (void)key;
    x->dropped++;
    gn_str now = {sum->p, (uint32_t)sum->n};
    if (!x->o.total || gn_sortkey_cmp_bytes(now, body) <= 0)
        return 0;
    sum->n = 0;
    return gn_buf_add(sum, body.p, body.n, e);
}

static int spill_block(gn_extsort *x, gn_err *e)
{
    gn_str record, code;
    if (!x->spill) {
        gn_spill_options o = {.dir = x->o.dir,
                              .budget = x->o.budget,
                              .memory = merge_memory(x->o.memory),
                              .ties = x->o.total ? GN_SPILL_BODY : GN_SPILL_ARRIVAL,
                              .combine = x->o.unique ? keep_first : NULL,
                              .ctx = x};
        if (!(x->spill = gn_spill_new(&o, e)))
            return -1;
    }
    sort_block(x);
    if (gn_spill_run(x->spill, e))
        return -1;
    while (next_sorted(x, &record))
        if (code_of(x, record, &code, e) || gn_spill_put(x->spill, code, record, e))
            return -1;
    x->n = 0;
    x->low = x->size - GN_SLACK;
    return 0;
}

static int next_entry(void *ctx, gn_str *key, gn_str *body, gn_err *e)
{
    gn_extsort *x = ctx;
    if (!next_sorted(x, body))
        return 0;
    return code_of(x, *body, key, e) ? -1 : 1;
}

/* ---- in ---- */

int gn_extsort_add(gn_extsort *x, const gn_batch *b, gn_err *e)
{
    size_t bytes = b->off[b->n] - b->off[0], index = (x->n + b->n) * PER_RECORD;
    if (x->n && (index > x->low || bytes > x->low - index)) {
        if (spill_block(x, e))
            return -1;
        index = b->n * PER_RECORD;
    }
    if (index > x->low || bytes > x->low - index)
        return gn_fail(e, GN_IO,
                       "out of memory: records of %zu MiB are too long to sort (give more with "
                       "-m/--memory)",
                       bytes >> 20);
    if (x->n == 0) {
        if (gn_sortwords_begin(&x->words, b, e))
            return -1;
        x->stride = x->words.nwords ? 1 + x->words.nwords : 2;
    }
    x->low -= bytes;
    size_t used = index + (x->size - x->low);
    if (used > x->charged) {
        if (gn_budget_take(x->o.budget, used - x->charged, e))
            return -1;
        x->charged = used;
    }
    memcpy(x->block + x->low, b->base + b->off[0], bytes);
    uint64_t *to = (uint64_t *)(void *)x->block + x->n * x->stride;
    for (size_t i = 0; i < b->n; i++)
        to[i * x->stride] =
            gn_sortrun_ref(x->low + (b->off[i] - b->off[0]), b->off[i + 1] - b->off[i]);
    gn_sortwords_batch(&x->words, b, to + 1, x->stride);
    x->n += b->n;
    return 0;
}

/* ---- out ---- */

/* Everything is in memory and nothing is left out: lengths are known, so copy far ahead. */
static int write_block(gn_extsort *x, gn_recout *out, gn_err *e)
{
    const gn_pair *a = pairs(x);
    for (size_t i = 0; i < x->n; i++) {
        if (i + AHEAD < x->n) {
            const uint8_t *p = x->block + (a[i + AHEAD].value >> 24);
            __builtin_prefetch(p);
            __builtin_prefetch(p + 63);
        }
        if (gn_recout_put_slack(out, gn_sortrun_record(&x->run, a[i].value), e))
            return -1;
    }
    return 0;
}

/* Records may be too long for what was set aside for merging: then the last block goes to disk too,
 * and merging has its memory. */
static int yield_block(gn_extsort *x, gn_err *e)
{
    if (gn_spill_least(x->spill) <= merge_memory(x->o.memory))
        return 0;
    if (x->n && spill_block(x, e))
        return -1;
    gn_unmap(x->block, x->size, NULL);
    x->block = NULL;
    gn_budget_give(x->o.budget, x->charged);
    x->charged = 0;
    gn_spill_memory(x->spill, x->o.memory);
    return 0;
}

/* No more records come: sort what is in memory, and stand before the first of all. */
static int begin_reading(gn_extsort *x, gn_err *e)
{
    x->reading = true;
    if (x->spill && yield_block(x, e))
        return -1;
    if (x->n)
        sort_block(x);
    if (!x->spill)
        return 0;
    x->rest = (gn_spill_source){next_entry, x};
    return gn_spill_read(x->spill, &x->rest, e);
}

int gn_extsort_next(gn_extsort *x, gn_str *record, gn_err *e)
{
    gn_str code;
    if (!x->reading && begin_reading(x, e))
        return -1;
    return x->spill ? gn_spill_next(x->spill, &code, record, e) : next_sorted(x, record);
}

int gn_extsort_write(gn_extsort *x, gn_writer *w, gn_err *e)
{
    gn_recout out = {.w = w};
    gn_str record, code;
    int r = 0;
    if (begin_reading(x, e))
        return -1;
    if (!x->spill && !x->o.unique) {
        r = write_block(x, &out, e);
    } else if (!x->spill) {
        while (r == 0 && next_sorted(x, &record))
            r = gn_recout_put_slack(&out, record, e);
    } else {
        while ((r = gn_spill_next(x->spill, &code, &record, e)) == 1)
            if (gn_recout_put(&out, record, e))
                return -1;
    }
    return r ? -1 : gn_recout_end(&out, e);
}

uint64_t gn_extsort_dropped(const gn_extsort *x)
{
    return x->dropped;
}

size_t gn_extsort_runs(const gn_extsort *x)
{
    return x->spill ? gn_spill_runs(x->spill) : 0;
}

uint64_t gn_extsort_spilled(const gn_extsort *x)
{
    return x->spill ? gn_spill_bytes(x->spill) : 0;
}
