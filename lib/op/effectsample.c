/* effectsample.c - values in order into the samples of their groups: moments, ranks, percentiles.
 */
#include "effectpriv.h"

#include "../kernel/keycode.h"

#include <stdlib.h>
#include <string.h>

#define N_MAX (UINT64_MAX >> 3) /* doubled ranks are int64 */
static const uint64_t percent[EFFECT_PERCENTILES] = {50, 95, 99};

/* ---- one sample ---- */

static int begin(gn_effect *f, effect_sample *s, bool real, gn_err *e)
{
    s->seen = 0;
    for (int k = 0; s->n && k < EFFECT_PERCENTILES; k++) {
        gn_u128 h = (gn_u128)(s->n - 1) * percent[k];
        s->rank[k].lo = (uint64_t)(h / 100);
        s->rank[k].rest = (uint64_t)(h % 100);
    }
    if (!real || s->n == 0)
        return 0;
    if (!(s->real = gn_arena_alloc(&f->arena, sizeof *s->real, e)))
        return -1;
    memset(s->real, 0, sizeof *s->real);
    return 0;
}

/* A value, n times, whose doubled rank is rank2. Values come in order. */
static void see(effect_sample *s, uint64_t value, uint64_t n, int64_t rank2)
{
    uint64_t from = s->seen, to = from + n;
    if (from == 0)
        s->least = value;
    s->greatest = value;
    s->seen = to;
    for (int k = 0; k < EFFECT_PERCENTILES; k++) {
        effect_rank *r = &s->rank[k];
        if (r->lo >= from && r->lo < to)
            r->value[0] = value;
        if (r->lo + 1 >= from && r->lo + 1 < to)
            r->value[1] = value;
    }
    if (s->real) {
        double v = gn_bag_float(value);
        (void)gn_fsum_add_times(&s->real->sum, v, n);
        (void)gn_fprod_add_times(&s->real->squares, v, v, n);
    } else {
        (void)gn_moments_add_times(&s->whole, gn_bag_int(value), n);
    }
    (void)gn_moments_add_times(&s->ranks, rank2, n);
}

/* ---- all samples from one bag ---- */

/* The groups that have one value, and how many times each: the counts are needed first. */
typedef struct block {
    gn_bag_entry *v;
    size_t n, cap;
    uint64_t count;
} block;

static int block_add(block *b, const gn_bag_entry *x, gn_err *e)
{
    if (b->n == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 64;
        gn_bag_entry *v = gn_realloc(b->v, cap, sizeof *v, e);
        if (!v)
            return -1;
        b->v = v;
        b->cap = cap;
    }
    b->v[b->n++] = *x;
    b->count += x->n; /* the sum of all is within N_MAX */
    return 0;
}

static void block_end(gn_effect *f, block *b, bool means, uint64_t *before)
{
    /* ranks before + 1 .. before + count: twice their average */
    int64_t rank2 = (int64_t)(2 * *before + b->count + 1);
    for (size_t i = 0; i < b->n; i++)
        see(effect_sample_of(f->groups[b->v[i].b], means), b->v[i].a, b->v[i].n, rank2);
    *before += b->count;
    b->n = 0;
    b->count = 0;
}

int effect_fill(gn_effect *f, gn_bag *bag, bool means, gn_err *e)
{
    block b = {0};
    gn_bag_entry x;
    uint64_t before = 0, all = 0;
    bool real = means || f->value_type == GN_FLOAT;
    int r = 0;
    for (size_t i = 0; i < f->ngroups; i++) {
        effect_sample *s = effect_sample_of(f->groups[i], means);
        if (f->groups[i]->null)
            s->n = 0;
        if (__builtin_add_overflow(all, s->n, &all) || all > N_MAX)
            return gn_fail(e, GN_INPUT, "more values than can be counted");
        if (begin(f, s, real, e))
            return -1;
    }
    if (gn_bag_read(bag, e))
        return -1;
    while ((r = gn_bag_next(bag, &x, e)) == 1) {
        if (b.n && b.v[0].a != x.a)
            block_end(f, &b, means, &before);
        if (block_add(&b, &x, e)) {
            r = -1;
            break;
        }
    }
    if (b.n && r == 0)
        block_end(f, &b, means, &before);
    free(b.v);
    f->runs += bag->runs;
    f->spilled += bag->spilled;
    gn_bag_release(bag);
    return r;
}

/* ---- users ---- */

/* What is known of the user at hand. */
typedef struct user {
    gn_buf code;
    bool any;
    size_t groups; /* with values */
} user;

static void user_end(gn_effect *f, const user *u)
{
    if (!u->any)
        return;
    f->excluded_users += u->groups == 0;
    f->count.users_in_groups += u->groups > 1;
}

static int add_cell(gn_effect *f, gn_str key, const gn_tally_sum *sum, user *u, gn_bag *means,
                    gn_err *e)
{
    gn_buf *enc = &f->scratch;
    uint32_t number;
    enc->n = 0;
    size_t n = gn_keycode_get(enc, f->user_type, key, e);
    if (n == 0)
        return -1;
    if (!u->any || u->code.n != n || memcmp(u->code.p, key.p, n) != 0) {
        user_end(f, u);
        u->any = true;
        u->groups = 0;
        u->code.n = 0;
        if (gn_buf_add(&u->code, key.p, n, e))
            return -1;
    }
    enc->n = 0;
    if (gn_keycode_get(enc, f->group_type, (gn_str){key.p + n, key.n - (uint32_t)n}, e) == 0)
        return -1;
    gn_str encoding = {enc->p, (uint32_t)enc->n};
    if (effect_find(f, &encoding, &number, 1, e))
        return -1;
    effect_group *g = f->groups[number];
    double mean;
    g->users++;
    if (__builtin_add_overflow(g->user_events, sum->events, &g->user_events))
        return gn_fail(e, GN_INPUT, "a count overflows");
    if (g->null || sum->n == 0)
        return 0;
    if (!gn_tally_mean(f->tally, sum, &mean))
        return gn_fail(e, GN_INPUT, "a mean of a user beyond the range of a float");
    u->groups++;
    g->means.n++;
    return gn_bag_add(means, 0, gn_bag_of_float(mean == 0 ? 0 : mean), number, e);
}

int effect_fill_means(gn_effect *f, gn_err *e)
{
    user u = {0};
    gn_bag means;
    gn_str key;
    const gn_tally_sum *sum;
    int r;
    gn_bag_init(&means, &(gn_bag_options){.dir = f->o.temp_dir,
                                          .budget = f->o.budget,
                                          .memory = effect_share(f, 40)});
    if ((r = gn_tally_read(f->tally, e)) == 0)
        while ((r = gn_tally_next(f->tally, &key, &sum, e)) == 1)
            if (add_cell(f, key, sum, &u, &means, e)) {
                r = -1;
                break;
            }
    user_end(f, &u);
    gn_buf_release(&u.code);
    uint64_t runs, bytes = gn_tally_spilled(f->tally, &runs);
    f->runs += runs;
    f->spilled += bytes;
    if (r == 0 && f->o.users)
        r = effect_fill(f, &means, true, e);
    gn_bag_release(&means);
    return r;
}
