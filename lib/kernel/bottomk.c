/* bottomk.c - see bottomk.h. Twice as many keys as wanted are held before the greater half of the
 * hashes is given up, so that this happens rarely. */
#include "bottomk.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HELD ((size_t)2 * GN_BOTTOMK)
#define SLOTS_MIN ((size_t)1 << 8)

static size_t bytes(size_t slots)
{
    return 2 * slots * sizeof(uint64_t);
}

void gn_bottomk_release(gn_bottomk *s)
{
    if (s->slots)
        gn_budget_give(s->budget, bytes(s->slots));
    free(s->slot);
    *s = (gn_bottomk){.budget = s->budget};
}

/* The pair of a hash, or the free one where it belongs. */
static uint64_t *find(const gn_bottomk *s, uint64_t hash)
{
    size_t mask = s->slots - 1, i = gn_bottomk_slot(s, hash);
    while (s->slot[2 * i + 1] && s->slot[2 * i] != hash)
        i = (i + 1) & mask;
    return &s->slot[2 * i];
}

/* The pairs that are below the limit in a new table. */
static int rehash(gn_bottomk *s, size_t slots, gn_err *e)
{
    gn_bottomk t = {.budget = s->budget, .limit = s->limit, .full = s->full};
    if (gn_budget_take(s->budget, bytes(slots), e))
        return -1;
    if (!(t.slot = gn_calloc(1, bytes(slots), e))) {
        gn_budget_give(s->budget, bytes(slots));
        return -1;
    }
    t.slots = slots;
    for (size_t i = 0; i < s->slots; i++) {
        const uint64_t *pair = &s->slot[2 * i];
        if (pair[1] && !(s->full && pair[0] >= s->limit)) {
            memcpy(find(&t, pair[0]), pair, 2 * sizeof *pair);
            t.n++;
        }
    }
    gn_bottomk_release(s);
    *s = t;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The pairs, by hash, in a new array; the limit where there are more than are wanted. */
static uint64_t *sorted(gn_bottomk *s, gn_err *e)
{
    uint64_t *pair = gn_alloc(s->n + 1, 2 * sizeof *pair, e);
    size_t n = 0;
    if (!pair)
        return NULL;
    for (size_t i = 0; i < s->slots; i++)
        if (s->slot[2 * i + 1])
            memcpy(&pair[2 * n++], &s->slot[2 * i], 2 * sizeof *pair);
    qsort(pair, n, 2 * sizeof *pair, ascending);
    if (n > GN_BOTTOMK) {
        s->limit = pair[2 * GN_BOTTOMK];
        s->full = true;
    }
    return pair;
}

/* Give up all but the least. */
static int trim(gn_bottomk *s, gn_err *e)
{
    uint64_t *pair = sorted(s, e);
    free(pair);
    return pair ? rehash(s, s->slots, e) : -1;
}

int gn_bottomk_add(gn_bottomk *s, uint64_t hash, gn_err *e)
{
    if (s->full && hash >= s->limit)
        return 0;
    if (s->n * 2 == s->slots && rehash(s, s->slots ? s->slots * 2 : SLOTS_MIN, e))
        return -1;
    uint64_t *p = find(s, hash);
    if (p[1]++)
        return 0;
    p[0] = hash;
    return ++s->n == HELD ? trim(s, e) : 0;
}

uint64_t *gn_bottomk_counts(gn_bottomk *s, size_t *n, gn_err *e)
{
    uint64_t *pair = sorted(s, e);
    if (!pair)
        return NULL;
    *n = s->n < GN_BOTTOMK ? s->n : GN_BOTTOMK;
    for (size_t i = 0; i < *n; i++)
        pair[i] = pair[2 * i + 1];
    qsort(pair, *n, sizeof *pair, ascending);
    return pair;
}
