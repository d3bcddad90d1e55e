/* corrsum.c - from the multisets of pairs to their sums: of values, and of ranks. */
#include "corrpriv.h"

#include <stdlib.h>

#define HELD ((size_t)1 << 14)  /* entries of one x in memory; beyond that they go to a bag */
#define N_MAX (UINT64_MAX >> 3) /* doubled ranks are int64 */

static int too_many(gn_err *e)
{
    return gn_fail(e, GN_INPUT, "more values than can be counted");
}

/* ---- Pearson's ---- */

/* A number as one or two doubles whose sum it is. */
static size_t as_reals(const corr_field *f, uint64_t code, double to[2])
{
    if (f->type == GN_FLOAT) {
        to[0] = gn_bag_float(code);
        return 1;
    }
    int64_t v = gn_bag_int(code);
    to[0] = (double)v;
    to[1] = (double)(v - (gn_i128)to[0]);
    return to[1] != 0 ? 2 : 1;
}

/* The accumulators count additions; here a number is one, in however many parts. */
static bool add_sum(gn_fsum *s, const double *x, size_t nx, uint64_t times)
{
    uint64_t n = s->n;
    bool good = true;
    for (size_t i = 0; i < nx; i++)
        good = good && gn_fsum_add_times(s, x[i], times);
    s->n = n + times;
    return good;
}

static bool add_product(gn_fprod *s, const double *x, size_t nx, const double *y, size_t ny,
                        uint64_t times)
{
    uint64_t n = s->n;
    bool good = true;
    for (size_t i = 0; i < nx; i++)
        for (size_t k = 0; k < ny; k++)
            good = good && gn_fprod_add_times(s, x[i], y[k], times);
    s->n = n + times;
    return good;
}

static bool add_reals(corr_reals *r, const corr_field *fx, const corr_field *fy,
                      const gn_bag_entry *v)
{
    double x[2], y[2];
    size_t nx = as_reals(fx, v->a, x), ny = as_reals(fy, v->b, y);
    return add_sum(&r->x, x, nx, v->n) && add_sum(&r->y, y, ny, v->n) &&
           add_product(&r->xx, x, nx, x, nx, v->n) && add_product(&r->yy, y, ny, y, ny, v->n) &&
           add_product(&r->xy, x, nx, y, ny, v->n);
}

/* ---- ranks of x ---- */

/* All (x, y) of one pair and x: how many there are must be known before their rank is. */
typedef struct block {
    gn_bag_entry *v; /* HELD of them */
    size_t n;
    uint64_t x, count;
    bool more;     /* there are more of them, in `rest` */
    gn_bag rest;   /* as (y, 0) */
    gn_moments ys; /* of ints */
} block;

typedef struct walk {
    gn_corr *c;
    corr_pair *pair; /* at hand */
    bool real;
    block b;
    gn_comoments whole;
    corr_reals *reals;
    gn_bag ranked; /* (y, doubled rank of x) by pair */
} walk;

static int block_add(walk *w, const gn_bag_entry *x, gn_err *e)
{
    block *b = &w->b;
    b->x = x->a;
    b->count += x->n; /* within N_MAX */
    if (!w->real)
        (void)gn_moments_add_times(&b->ys, gn_bag_int(x->b), x->n);
    if (b->n < HELD) {
        b->v[b->n++] = *x;
        return 0;
    }
    if (!b->more)
        gn_bag_init(&b->rest, &(gn_bag_options){.dir = w->c->o.temp_dir,
                                                .budget = w->c->o.budget,
                                                .memory = corr_share(w->c, 10)});
    b->more = true;
    return gn_bag_add_many(&b->rest, 0, x->b, 0, x->n, e);
}

static int block_end(walk *w, gn_err *e)
{
    block *b = &w->b;
    uint32_t set = (uint32_t)(w->pair - w->c->pair);
    uint64_t rank2 = 2 * w->pair->n + b->count + 1;
    gn_bag_entry x;
    int r = 0;
    for (size_t i = 0; i < b->n; i++)
        if (gn_bag_add_many(&w->ranked, set, b->v[i].b, rank2, b->v[i].n, e))
            return -1;
    if (b->more && (r = gn_bag_read(&b->rest, e)) == 0)
        while ((r = gn_bag_next(&b->rest, &x, e)) == 1)
            if (gn_bag_add_many(&w->ranked, set, x.a, rank2, x.n, e))
                return -1;
    if (b->more)
        corr_close_bag(w->c, &b->rest);
    /* the pairs' second number is what a block has many of */
    if (!w->real && b->count)
        (void)gn_comoments_add_block(&w->whole, &b->ys, gn_bag_int(b->x));
    w->pair->n += b->count;
    b->n = 0;
    b->count = 0;
    b->more = false;
    b->ys = (gn_moments){0};
    return r;
}

static void pair_end(walk *w)
{
    corr_pair *p = w->pair;
    if (w->real)
        p->known = gn_fsum_correlation(&w->reals->x, &w->reals->y, &w->reals->xx, &w->reals->yy,
                                       &w->reals->xy, &p->pearson);
    else
        p->known = gn_comoments_correlation(&w->whole, &p->pearson);
}

static void pair_begin(walk *w, corr_pair *p)
{
    w->pair = p;
    w->real = w->c->field[p->x].type == GN_FLOAT || w->c->field[p->y].type == GN_FLOAT;
    w->whole = (gn_comoments){0};
    *w->reals = (corr_reals){0};
}

static int rank_x(walk *w, gn_err *e)
{
    gn_corr *c = w->c;
    gn_bag_entry x;
    uint64_t all = 0;
    int r = gn_bag_read(&c->bag, e);
    while (r == 0 && (r = gn_bag_next(&c->bag, &x, e)) == 1) {
        corr_pair *p = &c->pair[x.set];
        r = 0;
        if (w->pair && (p != w->pair || x.a != w->b.x))
            r = block_end(w, e);
        if (p != w->pair) {
            if (w->pair)
                pair_end(w);
            pair_begin(w, p);
            all = 0;
        }
        if (r == 0 && (__builtin_add_overflow(all, x.n, &all) || all > N_MAX))
            return too_many(e);
        if (w->real && !add_reals(w->reals, &c->field[p->x], &c->field[p->y], &x))
            return too_many(e);
        if (r == 0)
            r = block_add(w, &x, e);
    }
    if (r == 0 && w->pair && (r = block_end(w, e)) == 0)
        pair_end(w);
    return r;
}

/* ---- ranks of y ---- */

/* With the ranks of x at hand, those of one y enter the sums as they are when all have passed. */
typedef struct ranks {
    corr_pair *pair;
    uint64_t y, before;
    gn_moments xs; /* doubled ranks of x of all that have this y */
    gn_comoments sums;
} ranks;

static void ranks_block(ranks *k)
{
    int64_t rank2 = (int64_t)(2 * k->before + k->xs.n + 1);
    (void)gn_comoments_add_block(&k->sums, &k->xs, rank2);
    k->before += k->xs.n;
    k->xs = (gn_moments){0};
}

static void ranks_pair(ranks *k)
{
    k->pair->ranks_known = gn_comoments_correlation(&k->sums, &k->pair->spearman);
    *k = (ranks){0};
}

static int rank_y(gn_corr *c, gn_bag *ranked, gn_err *e)
{
    ranks k = {0};
    gn_bag_entry x;
    int r = gn_bag_read(ranked, e);
    while (r == 0 && (r = gn_bag_next(ranked, &x, e)) == 1) {
        corr_pair *p = &c->pair[x.set];
        if (k.pair && (p != k.pair || x.a != k.y))
            ranks_block(&k);
        if (k.pair && p != k.pair)
            ranks_pair(&k);
        k.pair = p;
        k.y = x.a;
        (void)gn_moments_add_times(&k.xs, (int64_t)x.b, x.n);
        r = 0;
    }
    if (r == 0 && k.pair) {
        ranks_block(&k);
        ranks_pair(&k);
    }
    return r;
}

int corr_sum(gn_corr *c, gn_err *e)
{
    walk w = {.c = c};
    gn_bag_init(&w.ranked, &(gn_bag_options){.dir = c->o.temp_dir,
                                             .budget = c->o.budget,
                                             .memory = corr_share(c, 40)});
    w.b.v = gn_alloc(HELD, sizeof *w.b.v, e);
    w.reals = gn_alloc(1, sizeof *w.reals, e);
    int r = w.b.v && w.reals ? rank_x(&w, e) : -1;
    free(w.b.v);
    free(w.reals);
    if (w.b.more)
        gn_bag_release(&w.b.rest);
    corr_close_bag(c, &c->bag);
    if (r == 0)
        r = rank_y(c, &w.ranked, e);
    corr_close_bag(c, &w.ranked);
    return r;
}
