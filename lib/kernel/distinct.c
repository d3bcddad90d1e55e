/* distinct.c - see distinct.h. A small set is a list; a large one a table with open addressing and
 * linear probing, which goes to disk in order of the values where it would become too large. */
#include "distinct.h"

#include <stdlib.h>
#include <string.h>

/* By the length of a value, which of its first 8 bytes there are. */
#define LOW(n) ((UINT64_C(1) << (8 * (n))) - 1)
#define ALL UINT64_MAX
const uint64_t gn_distinct_mask[17] = {0,      LOW(1), LOW(2), LOW(3), LOW(4), LOW(5),
                                       LOW(6), LOW(7), ALL,    ALL,    ALL,    ALL,
                                       ALL,    ALL,    ALL,    ALL,    ALL};

void gn_distinct_init(gn_distinct *d, const char *what, gn_budget *b)
{
    memset(d, 0, sizeof *d);
    d->what = what;
    d->budget = b;
    d->item = d->item_small;
    gn_arena_init(&d->arena, b);
}

static size_t table_bytes(size_t slots)
{
    return slots * sizeof(uint32_t) + slots / 2 * sizeof(gn_distinct_item);
}

static void forget_table(gn_distinct *d)
{
    if (!d->mask)
        return;
    free(d->item);
    free(d->slot);
    gn_budget_give(d->budget, table_bytes(d->mask + 1));
    d->item = d->item_small;
    d->slot = NULL;
    d->mask = 0;
}

/* What is in memory. */
static void forget(gn_distinct *d)
{
    forget_table(d);
    gn_arena_release(&d->arena);
    d->n = d->kept = d->text = 0;
    d->seen = 0;
}

void gn_distinct_reset(gn_distinct *d)
{
    forget(d);
    gn_spill_free(d->spill);
    d->spill = NULL;
    gn_budget_give(d->budget, d->list.cap);
    gn_buf_release(&d->list);
}

void gn_distinct_to_disk(gn_distinct *d, const char *temp_dir, size_t limit)
{
    d->temp_dir = temp_dir;
    d->limit = limit;
}

void gn_distinct_release(gn_distinct *d)
{
    gn_distinct_reset(d);
}

static int too_many(const gn_distinct *d, gn_err *e)
{
    return gn_fail(e, GN_IO,
                   "out of memory: the distinct %s need more than %zu MiB (give "
                   "more with -m/--memory)",
                   d->what, d->budget->cap >> 20);
}

static bool fits(const gn_budget *b, size_t bytes)
{
    return !b || !b->cap || (bytes <= b->cap && b->used <= b->cap - bytes);
}

static int by_bytes(const void *a, const void *b)
{
    const gn_distinct_item *x = a, *y = b;
    int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

/* Of equal values one is enough. */
static int keep_one(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e)
{
    (void)ctx, (void)key, (void)sum, (void)body, (void)e;
    return 0;
}

/* What is in memory becomes a run on disk. */
static int to_disk(gn_distinct *d, gn_err *e)
{
    const gn_spill_options o = {
        .dir = d->temp_dir, .budget = d->budget, .memory = d->limit, .combine = keep_one};
    if ((!d->spill && !(d->spill = gn_spill_new(&o, e))) || gn_spill_run(d->spill, e))
        return -1;
    qsort(d->item, d->n, sizeof *d->item, by_bytes);
    for (size_t i = 0; i < d->n; i++)
        if (gn_spill_put(d->spill, (gn_str){d->item[i].p, d->item[i].n}, (gn_str){d->item[i].p, 0},
                         e))
            return -1;
    d->runs++;
    forget(d);
    return 0;
}

/* A table of twice the size, or the first; 1: the values went to disk instead. */
static int grow(gn_distinct *d, gn_err *e)
{
    size_t slots = d->mask ? 2 * (d->mask + 1) : 8 * GN_DISTINCT_SMALL, bytes = table_bytes(slots);
    bool much = d->limit && bytes + bytes / 2 + d->text > d->limit;
    if (slots > UINT32_MAX || much || !fits(d->budget, bytes))
        return !d->limit || d->n <= GN_DISTINCT_SMALL ? too_many(d, e) : to_disk(d, e) ? -1 : 1;
    gn_distinct_item *item = gn_alloc(slots / 2, sizeof *item, e);
    uint32_t *slot = gn_calloc(slots, sizeof *slot, e);
    if (!item || !slot || gn_budget_take(d->budget, bytes, e)) {
        free(item);
        free(slot);
        return -1;
    }
    memcpy(item, d->item, d->n * sizeof *item);
    forget_table(d);
    d->item = item;
    d->slot = slot;
    d->mask = slots - 1;
    for (size_t i = 0; i < d->n; i++) {
        size_t at = gn_distinct_hash(&item[i]) & d->mask;
        while (slot[at])
            at = (at + 1) & d->mask;
        slot[at] = (uint32_t)i + 1;
    }
    return 0;
}

int gn_distinct_add_large(gn_distinct *d, gn_str v, gn_err *e)
{
    const gn_distinct_item x = gn_distinct_item_of(v);
    int grown = !d->mask || d->n == (d->mask + 1) / 2 ? grow(d, e) : 0;
    if (grown)
        return grown < 0 ? -1 : gn_distinct_add(d, v, e);
    size_t at = gn_distinct_hash(&x) & d->mask;
    for (; d->slot[at]; at = (at + 1) & d->mask)
        if (gn_distinct_equal(&d->item[d->slot[at] - 1], &x))
            return 0;
    d->item[d->n++] = x;
    d->slot[at] = (uint32_t)d->n;
    return 0;
}

/* A small set; the value is at item[n], and another value has its bit. */
void gn_distinct_add_slowly(gn_distinct *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (gn_distinct_equal(&d->item[i], &d->item[d->n]))
            return;
    d->n++;
}

int gn_distinct_keep(gn_distinct *d, gn_err *e)
{
    for (; d->kept < d->n; d->kept++) {
        gn_distinct_item *x = &d->item[d->kept];
        /* The arena takes whole blocks; a value of any size and a block fit, or it is too much. */
        const size_t bytes = (size_t)x->n + ((size_t)64 << 10);
        const bool much = d->limit && d->text + bytes > d->limit;
        if (much || !fits(d->budget, bytes))
            return d->limit ? to_disk(d, e) : too_many(d, e);
        const uint8_t *p = gn_arena_copy(&d->arena, x->p, x->n, e);
        if (!p)
            return -1;
        x->p = p;
        d->text += x->n;
    }
    return 0;
}

static int add_to_list(gn_distinct *d, gn_str v, gn_err *e)
{
    size_t before = d->list.cap;
    if (d->list.cap - d->list.n < v.n && !fits(d->budget, 2 * d->list.cap + v.n))
        return too_many(d, e);
    if (gn_buf_add(&d->list, v.p, v.n, e))
        return -1;
    return gn_budget_take(d->budget, d->list.cap - before, e);
}

int gn_distinct_end_spilled(gn_distinct *d, bool list, gn_err *e)
{
    gn_str v, body;
    int r = (d->n && to_disk(d, e)) || gn_spill_read(d->spill, NULL, e) ? -1 : 1;
    while (r == 1 && (r = gn_spill_next(d->spill, &v, &body, e)) == 1) {
        d->n++;
        if (list && add_to_list(d, v, e))
            r = -1;
    }
    d->spilled += gn_spill_bytes(d->spill);
    return r;
}

uint8_t *gn_distinct_list(gn_distinct *d, uint8_t *p)
{
    if (d->list.n) {
        memcpy(p, d->list.p, d->list.n);
        return p + d->list.n;
    }
    if (!d->mask) { /* by insertion: most are a handful */
        for (size_t i = 1; i < d->n; i++) {
            gn_distinct_item x = d->item[i];
            size_t k = i;
            for (; k && by_bytes(&d->item[k - 1], &x) > 0; k--)
                d->item[k] = d->item[k - 1];
            d->item[k] = x;
        }
    } else {
        qsort(d->item, d->n, sizeof *d->item, by_bytes);
    }
    for (size_t i = 0; i < d->n; i++) {
        memcpy(p, d->item[i].p, d->item[i].n);
        p += d->item[i].n;
    }
    return p;
}
