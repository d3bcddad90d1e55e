/* distinct.c - see distinct.h. Open addressing with linear probing; slots carry the number of the
 * round they were filled in, so that clearing costs nothing. */
#include "distinct.h"

#include <stdlib.h>
#include <string.h>

void gn_distinct_init(gn_distinct *d, const char *what, gn_budget *b)
{
    memset(d, 0, sizeof *d);
    d->what = what;
    d->budget = b;
    d->round = 1;
    d->item = d->item_small;
    d->slot = d->slot_small;
    d->mask = 2 * GN_DISTINCT_SMALL - 1;
    gn_arena_init(&d->arena, b);
}

static size_t table_bytes(const gn_distinct *d)
{
    size_t slots = d->mask + 1;
    return slots * sizeof *d->slot + slots / 2 * sizeof *d->item;
}

/* Back to the small table. */
static void shrink(gn_distinct *d)
{
    if (!d->item || d->item == d->item_small)
        return;
    free(d->item);
    free(d->slot);
    gn_budget_give(d->budget, table_bytes(d));
    d->item = d->item_small;
    d->slot = d->slot_small;
    d->mask = 2 * GN_DISTINCT_SMALL - 1;
}

void gn_distinct_release(gn_distinct *d)
{
    shrink(d);
    gn_arena_release(&d->arena);
    d->n = d->kept = 0;
}

void gn_distinct_clear(gn_distinct *d)
{
    shrink(d);
    if (d->kept)
        gn_arena_release(&d->arena);
    d->n = d->kept = 0;
    if (++d->round == 0) { /* the numbers came round: forget the old ones */
        memset(d->slot_small, 0, sizeof d->slot_small);
        d->round = 1;
    }
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

int gn_distinct_grow(gn_distinct *d, gn_err *e)
{
    size_t slots = 2 * (d->mask + 1), old = table_bytes(d);
    if (slots > UINT32_MAX || !fits(d->budget, 2 * old))
        return too_many(d, e);
    gn_distinct_item *item = gn_alloc(slots / 2, sizeof *item, e);
    gn_distinct_slot *slot = gn_calloc(slots, sizeof *slot, e);
    if (!item || !slot || gn_budget_take(d->budget, 2 * old, e)) {
        free(item);
        free(slot);
        return -1;
    }
    memcpy(item, d->item, d->n * sizeof *item);
    shrink(d);
    d->item = item;
    d->slot = slot;
    d->mask = slots - 1;
    for (size_t i = 0; i < d->n; i++) {
        size_t at = gn_distinct_hash(&item[i]) & d->mask;
        while (slot[at].round == d->round)
            at = (at + 1) & d->mask;
        slot[at] = (gn_distinct_slot){d->round, (uint32_t)i};
    }
    return 0;
}

int gn_distinct_keep(gn_distinct *d, gn_err *e)
{
    for (; d->kept < d->n; d->kept++) {
        gn_distinct_item *x = &d->item[d->kept];
        /* The arena takes whole blocks; a value of any size and a block fit, or it is too much. */
        if (!fits(d->budget, (size_t)x->n + ((size_t)64 << 10)))
            return too_many(d, e);
        const uint8_t *p = gn_arena_copy(&d->arena, x->p, x->n, e);
        if (!p)
            return -1;
        x->p = p;
    }
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    const gn_distinct_item *x = a, *y = b;
    int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

uint8_t *gn_distinct_list(gn_distinct *d, uint8_t *p)
{
    if (d->n <= GN_DISTINCT_SMALL) { /* by insertion: most are a handful */
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
