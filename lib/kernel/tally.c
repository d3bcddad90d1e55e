/* tally.c - see tally.h. */
#include "tally.h"

#include "../io/mp.h"
#include "hashtab.h"
#include "keysort.h"
#include "spill.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)1024) /* cells */
#define MEMORY_MIN ((size_t)2 << 20)

typedef struct whole {
    uint64_t events, n;
    gn_i128 sum;
} whole;

typedef struct real {
    uint64_t events;
    gn_fsum sum;
} real;

struct gn_tally {
    gn_tally_options o;
    gn_budget held; /* of the table alone: when it is used up, we spill */
    size_t charged; /* of that, to o.budget */
    gn_hashtab *keys;
    uint8_t **chunk; /* cells by the number of their key; they do not move */
    size_t nchunks, cell;
    gn_spill *spill;
    uint64_t runs, spilled;
    /* out */
    gn_sortkey *order;
    size_t ordered, at;
    gn_tally_sum sum;
};

/* Tell the budget of all what the table takes by now. */
static int charge(gn_tally *t, gn_err *e)
{
    size_t used = t->held.used;
    if (used > t->charged && gn_budget_take(t->o.budget, used - t->charged, e))
        return -1;
    if (used < t->charged)
        gn_budget_give(t->o.budget, t->charged - used);
    t->charged = used;
    return 0;
}

static void clear(gn_tally *t)
{
    gn_err ignore = {0};
    gn_hashtab_free(t->keys);
    t->keys = NULL;
    for (size_t i = 0; i < t->nchunks; i++)
        gn_unmap(t->chunk[i], CHUNK * t->cell, &t->held);
    t->nchunks = 0;
    (void)charge(t, &ignore);
}

static void drop_order(gn_tally *t)
{
    free(t->order);
    t->order = NULL;
    gn_budget_give(t->o.budget, t->ordered * sizeof *t->order);
    t->ordered = 0;
}

gn_tally *gn_tally_new(const gn_tally_options *o, gn_err *e)
{
    gn_tally *t = gn_calloc(1, sizeof *t, e);
    if (!t)
        return NULL;
    t->o = *o;
    if (t->o.memory < MEMORY_MIN)
        t->o.memory = MEMORY_MIN;
    t->held.cap = t->o.memory / 4 * 3; /* the rest is for putting it in order */
    t->cell = o->real ? sizeof(real) : sizeof(whole);
    if (!(t->keys = gn_hashtab_new(&t->held, e))) {
        gn_tally_free(t);
        return NULL;
    }
    return t;
}

void gn_tally_free(gn_tally *t)
{
    if (!t)
        return;
    clear(t);
    drop_order(t);
    gn_spill_free(t->spill);
    free(t->chunk);
    free(t);
}

uint64_t gn_tally_spilled(const gn_tally *t, uint64_t *runs)
{
    *runs = t->runs;
    return t->spilled;
}

/* ---- sums ---- */

/* NULL for a key that was looked up just when the memory ran out. */
static void *cell_at(const gn_tally *t, size_t i)
{
    return i / CHUNK < t->nchunks ? t->chunk[i / CHUNK] + i % CHUNK * t->cell : NULL;
}

static void sum_of(const gn_tally *t, const void *cell, gn_tally_sum *s)
{
    if (t->o.real) {
        const real *c = cell;
        s->events = c->events;
        s->real = c->sum;
        s->n = c->sum.n;
    } else {
        const whole *c = cell;
        s->events = c->events;
        s->n = c->n;
        s->sum = c->sum;
    }
}

size_t gn_tally_put(const gn_tally *t, const gn_tally_sum *s, uint8_t out[GN_TALLY_WIRE])
{
    uint8_t *p = gn_put64(out, s->events);
    if (t->o.real)
        return 8 + gn_fsum_put(&s->real, p);
    gn_i128_put(s->sum, gn_put64(p, s->n));
    return 8 + 8 + 16;
}

/* Add a wire form. */
static int merge(const gn_tally *t, gn_str wire, gn_tally_sum *s, gn_err *e)
{
    gn_fsum f = {0};
    uint64_t n = 0;
    bool good = t->o.real ? wire.n >= 16 : wire.n == 32;
    if (good && t->o.real) {
        good = gn_fsum_get(&f, wire.p + 8, wire.n - 8) && gn_fsum_merge(&s->real, &f);
        n = f.n;
        s->n = s->real.n;
    } else if (good) {
        n = gn_be64(wire.p + 8);
        gn_i128 sum = gn_i128_get(wire.p + 16), most = (gn_i128)n << 63;
        /* no sum of n values is further from 0; then no total overflows before its count does */
        good = sum <= most && sum >= -most && !__builtin_add_overflow(s->n, n, &s->n);
        if (good)
            s->sum += sum;
    }
    if (!good || gn_be64(wire.p) == 0 || n > gn_be64(wire.p) ||
        __builtin_add_overflow(s->events, gn_be64(wire.p), &s->events))
        return gn_fail(e, GN_CORRUPT, "a state that no records have");
    return 0;
}

bool gn_tally_mean(const gn_tally *t, const gn_tally_sum *s, double *out)
{
    if (t->o.real)
        return gn_fsum_mean(&s->real, out);
    *out = gn_ratio(s->sum, s->n);
    return true;
}

/* ---- order ---- */

static int cmp_keys(const void *ctx, uint32_t x, uint32_t y)
{
    const gn_tally *t = ctx;
    gn_str a = gn_hashtab_key(t->keys, x), b = gn_hashtab_key(t->keys, y);
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int put_in_order(gn_tally *t, gn_err *e)
{
    size_t n = gn_hashtab_count(t->keys);
    if (gn_budget_take(t->o.budget, n * sizeof *t->order, e))
        return -1;
    t->ordered = n;
    t->at = 0;
    if (!(t->order = gn_alloc(n, sizeof *t->order, e)))
        return -1;
    for (size_t i = 0; i < n; i++) {
        gn_str k = gn_hashtab_key(t->keys, (uint32_t)i);
        gn_sortkey_set(&t->order[i], k.p, k.n);
        t->order[i].item = (uint32_t)i;
    }
    gn_keysort(t->order, n, cmp_keys, t);
    return 0;
}

/* The next of the table; 0 at the end. */
static int next_held(gn_tally *t, gn_str *key)
{
    while (t->at < t->ordered) {
        uint32_t i = t->order[t->at++].item;
        if (t->at + 8 < t->ordered) {
            uint32_t ahead = t->order[t->at + 8].item;
            gn_hashtab_prefetch(t->keys, ahead);
            __builtin_prefetch(cell_at(t, ahead));
        }
        const void *cell = cell_at(t, i);
        if (!cell)
            continue;
        sum_of(t, cell, &t->sum);
        *key = gn_hashtab_key(t->keys, i);
        if (t->sum.events)
            return 1;
    }
    return 0;
}

/* ---- disk ---- */

static int combine(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e)
{
    const gn_tally *t = ctx;
    gn_tally_sum s = {0};
    (void)key;
    uint8_t wire[GN_TALLY_WIRE];
    if (merge(t, (gn_str){sum->p, (uint32_t)sum->n}, &s, e) || merge(t, body, &s, e))
        return -1;
    sum->n = 0;
    return gn_buf_add(sum, wire, gn_tally_put(t, &s, wire), e);
}

static int spill(gn_tally *t, gn_err *e)
{
    uint8_t wire[GN_TALLY_WIRE];
    gn_str key;
    if (!t->spill) {
        gn_spill_options o = {.dir = t->o.dir,
                              .budget = t->o.budget,
                              .memory = t->o.memory,
                              .combine = combine,
                              .ctx = t};
        if (!(t->spill = gn_spill_new(&o, e)))
            return -1;
    }
    if (put_in_order(t, e) || gn_spill_run(t->spill, e))
        return -1;
    while (next_held(t, &key)) {
        gn_str body = {wire, (uint32_t)gn_tally_put(t, &t->sum, wire)};
        if (gn_spill_put(t->spill, key, body, e))
            return -1;
    }
    drop_order(t);
    clear(t);
    t->runs = gn_spill_runs(t->spill);
    t->spilled = gn_spill_bytes(t->spill);
    return (t->keys = gn_hashtab_new(&t->held, e)) ? charge(t, e) : -1;
}

/* ---- in ---- */

static int grow_cells(gn_tally *t, size_t n, gn_err *e)
{
    while (t->nchunks * CHUNK < n) {
        uint8_t **p = gn_realloc(t->chunk, t->nchunks + 1, sizeof *p, e);
        if (!p)
            return -1;
        t->chunk = p;
        if (!(p[t->nchunks] = gn_map(CHUNK * t->cell, &t->held, e)))
            return -1;
        t->nchunks++;
    }
    return 0;
}

/* Numbers of n keys, with their cells. */
static int find(gn_tally *t, const gn_str *key, uint32_t *number, size_t n, gn_err *e)
{
    for (int tries = 0;; tries++) {
        if (gn_hashtab_add(t->keys, key, number, n, e) == 0 &&
            grow_cells(t, gn_hashtab_count(t->keys), e) == 0)
            return charge(t, e);
        if (tries || e->status != GN_IO || !gn_hashtab_count(t->keys))
            return -1;
        gn_err_clear(e);
        if (spill(t, e))
            return -1;
    }
}

int gn_tally_add(gn_tally *t, const gn_str *key, const uint16_t *row, size_t n,
                 const uint8_t *valid, const int64_t *i, const double *f, gn_err *e)
{
    uint32_t number[GN_BATCH];
    if (find(t, key, number, n, e))
        return -1;
    for (size_t k = 0; k < n; k++) {
        size_t r = row[k];
        if (k + 8 < n)
            __builtin_prefetch(cell_at(t, number[k + 8]), 1);
        if (t->o.real) {
            real *c = cell_at(t, number[k]);
            c->events++;
            if (valid[r])
                gn_fsum_add(&c->sum, f[r]);
        } else {
            whole *c = cell_at(t, number[k]);
            c->events++;
            c->n += valid[r];
            c->sum += valid[r] ? i[r] : 0;
        }
    }
    return 0;
}

int gn_tally_merge(gn_tally *t, gn_str key, gn_str wire, gn_err *e)
{
    uint32_t number;
    gn_tally_sum s = {0};
    if (find(t, &key, &number, 1, e))
        return -1;
    void *cell = cell_at(t, number);
    sum_of(t, cell, &s);
    if (merge(t, wire, &s, e))
        return -1;
    if (t->o.real)
        *(real *)cell = (real){s.events, s.real};
    else
        *(whole *)cell = (whole){s.events, s.n, s.sum};
    return 0;
}

/* ---- out ---- */

int gn_tally_read(gn_tally *t, gn_err *e)
{
    if (!t->spill)
        return put_in_order(t, e);
    if (gn_hashtab_count(t->keys) && spill(t, e))
        return -1;
    clear(t);
    return gn_spill_read(t->spill, NULL, e);
}

int gn_tally_next(gn_tally *t, gn_str *key, const gn_tally_sum **sum, gn_err *e)
{
    int r;
    *sum = &t->sum;
    if (!t->spill)
        return next_held(t, key);
    gn_str body;
    if ((r = gn_spill_next(t->spill, key, &body, e)) != 1)
        return r;
    t->spilled = gn_spill_bytes(t->spill);
    t->sum = (gn_tally_sum){0};
    return merge(t, body, &t->sum, e) ? -1 : 1;
}
