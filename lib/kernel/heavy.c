/* heavy.c - see heavy.h. */
#include "heavy.h"

#include <stdlib.h>
#include <string.h>

#define MASK (GN_HEAVY_SLOTS - 1)

static void drop_key(gn_heavy *h, gn_heavy_key *k)
{
    gn_budget_give(h->budget, k->key.n);
    free((uint8_t *)k->key.p);
    *k = (gn_heavy_key){0};
}

void gn_heavy_release(gn_heavy *h)
{
    for (size_t i = 0; h->slot && i < GN_HEAVY_SLOTS; i++)
        if (h->slot[i].count)
            drop_key(h, &h->slot[i]);
    if (h->slot)
        gn_budget_give(h->budget, GN_HEAVY_SLOTS * sizeof *h->slot);
    free(h->slot);
    *h = (gn_heavy){.budget = h->budget};
}

/* The slot of a hash, or the free one where it belongs. */
static gn_heavy_key *find(const gn_heavy *h, uint64_t hash)
{
    size_t i = (hash * UINT64_C(0x9e3779b97f4a7c15)) >> 57; /* parts share their upper bits */
    while (h->slot[i].count && h->slot[i].hash != hash)
        i = (i + 1) & MASK;
    return &h->slot[i];
}

static int by_count(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Take the median off every count; what is left is put where it belongs. */
static void purge(gn_heavy *h)
{
    gn_heavy_key kept[GN_HEAVY_KEYS];
    uint64_t count[GN_HEAVY_KEYS];
    size_t n = 0, ones = 0;
    uint64_t median = 1;
    for (size_t i = 0; i < GN_HEAVY_SLOTS; i++)
        if (h->slot[i].count) {
            ones += h->slot[i].count == 1;
            count[n++] = h->slot[i].count;
        }
    if (ones <= n / 2) {
        qsort(count, n, sizeof *count, by_count);
        median = count[n / 2];
    }
    n = 0;
    for (size_t i = 0; i < GN_HEAVY_SLOTS; i++) {
        gn_heavy_key *k = &h->slot[i];
        if (k->count > median) {
            kept[n] = *k;
            kept[n++].count -= median;
        } else if (k->count) {
            drop_key(h, k);
        }
    }
    memset(h->slot, 0, GN_HEAVY_SLOTS * sizeof *h->slot);
    for (size_t i = 0; i < n; i++)
        *find(h, kept[i].hash) = kept[i];
    h->n = n;
    h->off += median;
}

int gn_heavy_add(gn_heavy *h, uint64_t hash, gn_str key, gn_err *e)
{
    if (!h->slot) {
        size_t bytes = GN_HEAVY_SLOTS * sizeof *h->slot;
        if (gn_budget_take(h->budget, bytes, e))
            return -1;
        if (!(h->slot = gn_calloc(1, bytes, e))) {
            gn_budget_give(h->budget, bytes);
            return -1;
        }
    }
    gn_heavy_key *k = find(h, hash);
    if (k->count) {
        k->count++;
        return 0;
    }
    if (h->n == GN_HEAVY_KEYS) {
        purge(h);
        k = find(h, hash);
    }
    if (gn_budget_take(h->budget, key.n, e))
        return -1;
    uint8_t *copy = gn_alloc(key.n, 1, e);
    if (!copy) {
        gn_budget_give(h->budget, key.n);
        return -1;
    }
    memcpy(copy, key.p, key.n);
    *k = (gn_heavy_key){.hash = hash, .count = 1, .key = {copy, key.n}};
    h->n++;
    return 0;
}

static int by_rank(const void *a, const void *b)
{
    const gn_heavy_top *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    int c = memcmp(x->key.p, y->key.p, x->key.n < y->key.n ? x->key.n : y->key.n);
    return c ? c : (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

size_t gn_heavy_list(const gn_heavy *h, gn_heavy_top *top, size_t max)
{
    gn_heavy_top all[GN_HEAVY_KEYS];
    size_t n = 0;
    for (size_t i = 0; h->slot && i < GN_HEAVY_SLOTS; i++) {
        const gn_heavy_key *k = &h->slot[i];
        if (k->count)
            all[n++] = (gn_heavy_top){k->key, k->count, h->off};
    }
    qsort(all, n, sizeof *all, by_rank);
    if (n > max)
        n = max;
    memcpy(top, all, n * sizeof *top);
    return n;
}
