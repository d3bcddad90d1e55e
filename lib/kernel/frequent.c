/* frequent.c - see frequent.h. */
#include "frequent.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN ((size_t)1 << 10)

static size_t counters(size_t slots)
{
    return slots / 4 * 3;
}

static size_t bytes(size_t slots)
{
    return (2 * slots + counters(slots)) * sizeof(uint64_t);
}

void gn_frequent_release(gn_frequent *f)
{
    if (f->slots)
        gn_budget_give(f->budget, bytes(f->slots));
    free(f->hash);
    free(f->weight);
    free(f->scratch);
    *f = (gn_frequent){.budget = f->budget, .memory = f->memory};
}

/* The slot of a hash, or the free one where it belongs. */
static size_t find(const gn_frequent *f, uint64_t hash)
{
    size_t mask = f->slots - 1, i = gn_frequent_slot(f, hash);
    while (f->weight[i] && f->hash[i] != hash)
        i = (i + 1) & mask;
    return i;
}

static int make(gn_frequent *f, size_t slots, gn_err *e)
{
    if (gn_budget_take(f->budget, bytes(slots), e))
        return -1;
    f->slots = slots;
    f->hash = gn_alloc(slots, sizeof *f->hash, e);
    f->weight = gn_calloc(slots, sizeof *f->weight, e);
    f->scratch = gn_alloc(counters(slots), sizeof *f->scratch, e);
    if (f->hash && f->weight && f->scratch)
        return 0;
    gn_frequent_release(f);
    return -1;
}

static int grow(gn_frequent *f, gn_err *e)
{
    gn_frequent g = {.budget = f->budget, .memory = f->memory, .n = f->n, .off = f->off};
    if (make(&g, f->slots * 2, e))
        return -1;
    for (size_t i = 0; i < f->slots; i++)
        if (f->weight[i]) {
            size_t at = find(&g, f->hash[i]);
            g.hash[at] = f->hash[i];
            g.weight[at] = f->weight[i];
        }
    gn_frequent_release(f);
    *f = g;
    return 0;
}

/* The k-th least of n numbers, from 0: Hoare's FIND (1961) with three parts, as the Dutch national
 * flag; the pivot is the median of three. */
static uint64_t select_kth(uint64_t *v, size_t n, size_t k)
{
    size_t lo = 0, hi = n - 1;
    while (lo < hi) {
        uint64_t a = v[lo], b = v[lo + (hi - lo) / 2], c = v[hi], t;
        uint64_t pivot = a < b ? (b < c ? b : (a < c ? c : a)) : (a < c ? a : (b < c ? c : b));
        size_t less = lo, more = hi + 1; /* [lo, less) is below the pivot, [more, hi] above */
        for (size_t i = lo; i < more;) {
            t = v[i];
            if (t < pivot) {
                v[i++] = v[less];
                v[less++] = t;
            } else if (t > pivot) {
                v[i] = v[--more];
                v[more] = t;
            } else {
                i++;
            }
        }
        if (k < less)
            hi = less - 1;
        else if (k >= more)
            lo = more;
        else
            return pivot;
    }
    return v[k];
}

/* Take the median off all. No more than half of them are above it, so what remains of them fits the
 * scratch in pairs; then they go where they belong. */
static void purge(gn_frequent *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->slots; i++)
        if (f->weight[i])
            f->scratch[n++] = f->weight[i];
    uint64_t median = select_kth(f->scratch, n, n / 2);
    n = 0;
    for (size_t i = 0; i < f->slots; i++)
        if (f->weight[i] > median) {
            f->scratch[n++] = f->hash[i];
            f->scratch[n++] = f->weight[i] - median;
        }
    memset(f->weight, 0, f->slots * sizeof *f->weight);
    for (size_t k = 0; k < n; k += 2) {
        size_t i = find(f, f->scratch[k]);
        f->hash[i] = f->scratch[k];
        f->weight[i] = f->scratch[k + 1];
    }
    f->n = n / 2;
    f->off += median;
}

int gn_frequent_add(gn_frequent *f, uint64_t hash, uint64_t weight, gn_err *e)
{
    if (!f->slots && make(f, SLOTS_MIN, e))
        return -1;
    size_t i = find(f, hash);
    if (f->weight[i]) {
        f->weight[i] += weight;
        return 0;
    }
    if (f->n == counters(f->slots)) {
        if (bytes(f->slots) + bytes(f->slots * 2) <= f->memory) {
            if (grow(f, e))
                return -1;
        } else {
            purge(f);
        }
        i = find(f, hash);
    }
    f->hash[i] = hash;
    f->weight[i] = weight;
    f->n++;
    return 0;
}

bool gn_frequent_may(const gn_frequent *f, uint64_t hash, uint64_t least)
{
    uint64_t w = f->slots ? f->weight[find(f, hash)] : 0;
    return w + f->off >= least;
}

size_t gn_frequent_count(const gn_frequent *f, uint64_t least)
{
    size_t n = 0;
    for (size_t i = 0; i < f->slots; i++)
        n += f->weight[i] && f->weight[i] + f->off >= least;
    return n;
}
