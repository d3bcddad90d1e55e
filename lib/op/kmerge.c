/* kmerge.c - see kmerge.h. */
#include "kmerge.h"

#include "../kernel/losers.h"
#include "../kernel/recout.h"
#include "../kernel/sortword.h"
#include "../kernel/spill.h"

#include <stdlib.h>
#include <string.h>

/* Of the memory, the share of merging runs from disk: a quarter. */
#define SPILL_SHARE 4
#define DECODER_BYTES ((size_t)64 * 1024) /* of a reader, about, beside its input's buffers */

typedef struct player {
    gn_reader *r;
    gn_batch *b;
    size_t i;
    uint64_t word; /* of the first key, as far as it tells */
    bool done;
    gn_ordered order;
    size_t charged;
} player;

struct gn_kmerge {
    gn_kmerge_options o;
    gn_order order;
    gn_sortkey *key;
    gn_unite in;
    bool header_done; /* in.h is written: further segments must keep to it */
    player *p;        /* of the group that is being read */
    size_t n, cap;
    uint32_t *tree;
    bool begun; /* the winner was handed out */
    gn_spill *spill;
    gn_buf code, last;
    bool any_last;
    uint64_t records, bytes, dropped;
};

gn_kmerge *gn_kmerge_new(const gn_kmerge_options *o, gn_err *e)
{
    gn_kmerge *m = gn_calloc(1, sizeof *m, e);
    if (!m)
        return NULL;
    m->o = *o;
    return m;
}

static void close_player(gn_kmerge *m, player *p)
{
    if (p->r) {
        m->records += gn_reader_records(p->r);
        m->bytes += gn_reader_bytes(p->r);
    }
    gn_reader_close(p->r);
    gn_ordered_release(&p->order);
    gn_budget_give(m->o.budget, p->charged);
    *p = (player){.done = true};
}

static void close_group(gn_kmerge *m)
{
    for (size_t i = 0; i < m->n; i++)
        close_player(m, &m->p[i]);
    m->n = 0;
    free(m->tree);
    m->tree = NULL;
    m->begun = false;
}

void gn_kmerge_free(gn_kmerge *m)
{
    if (!m)
        return;
    close_group(m);
    free(m->p);
    gn_spill_free(m->spill);
    gn_order_release(&m->order);
    gn_unite_release(&m->in);
    free(m->key);
    gn_buf_release(&m->code);
    gn_buf_release(&m->last);
    free(m);
}

/* ---- reading one input ---- */

static int fail_order(const gn_kmerge *m, const gn_reader *r, const gn_batch *b, size_t i,
                      gn_err *e)
{
    gn_buf order = {0};
    if (gn_order_text(&m->order, &order, e) == 0)
        gn_fail(e, GN_INPUT, "'%s': record %llu: out of order (run gn-sort -k %s%s)",
                gn_reader_name(r), (unsigned long long)(b->first + i + 1), (const char *)order.p,
                m->o.stable ? "" : "; or give --stable if only ties are");
    gn_buf_release(&order);
    return -1;
}

/* Does the header declare the order? */
static int declared(const gn_kmerge *m, const gn_header *h, const char *name, gn_err *e)
{
    gn_order claim = {0};
    gn_buf order = {0};
    int r = gn_order_of_header(&claim, h, e);
    if (r == 0 && !gn_order_begins(&claim, &m->order) && gn_order_text(&m->order, &order, e) == 0)
        r = gn_fail(e, GN_INPUT, "'%s': not declared in order (run gn-sort -k %s)", name,
                    (const char *)order.p);
    gn_order_release(&claim);
    gn_buf_release(&order);
    return r;
}

/* The order is known with the first header of all. */
static int learn_order(gn_kmerge *m, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    if (m->o.order->n) {
        for (size_t i = 0; i < m->o.order->n; i++)
            if (gn_order_add(&m->order, m->o.order->key[i].field, strlen(m->o.order->key[i].field),
                             m->o.order->key[i].desc, e))
                return -1;
    } else if (!h->norder) {
        return gn_fail(e, GN_INPUT,
                       "'%s': declares no order (run gn-sort, or say which it is with -k)",
                       gn_reader_name(r));
    } else if (gn_order_of_header(&m->order, h, e)) {
        return -1;
    }
    return (m->key = gn_alloc(m->order.n, sizeof *m->key, e)) ? 0 : -1;
}

static int segment(gn_kmerge *m, player *p, gn_err *e)
{
    const gn_header *h = gn_reader_header(p->r);
    const char *name = gn_reader_name(p->r);
    if (!m->key && learn_order(m, p->r, e))
        return -1;
    if (!m->o.order->n && declared(m, h, name, e))
        return -1;
    if (!m->header_done) {
        if (gn_unite_add(&m->in, h, name, e))
            return -1;
    } else if (!gn_unite_holds(&m->in, h)) {
        return gn_fail(e, GN_INPUT,
                       "'%s': a further segment has other fields or another placement than the "
                       "first (give segments as files of their own)",
                       name);
    }
    /* Fields are the same, so the keys are, too. */
    return gn_order_bind(&m->order, p->r, m->key, e);
}

static uint64_t word_at(const gn_kmerge *m, const player *p)
{
    const gn_vec *v = &p->b->col[m->key[0].field];
    uint64_t w;
    if (v->null[p->i])
        return UINT64_MAX;
    if (v->s)
        w = gn_sortword_text(v->s[p->i], 0);
    else if (v->f)
        w = gn_sortword_float(v->f[p->i]);
    else
        w = gn_sortword_int(v->i[p->i]);
    return m->key[0].desc ? ~w : w;
}

/* Stand on the next record, or be done. */
static int step(gn_kmerge *m, player *p, gn_err *e)
{
    size_t broken;
    if (p->b && ++p->i < p->b->n) {
        p->word = word_at(m, p);
        return 0;
    }
    for (;;) {
        int ev = gn_reader_next(p->r, &p->b, e);
        if (ev < 0)
            return -1;
        if (ev == GN_EV_EOF) {
            close_player(m, p);
            return 0;
        }
        if (ev == GN_EV_SEGMENT && segment(m, p, e))
            return -1;
        if (ev == GN_EV_END && m->o.ended(m->o.ctx, p->r, e))
            return -1;
        if (ev != GN_EV_BATCH)
            continue;
        p->order.key = m->key;
        p->order.nkeys = m->order.n;
        p->order.ties = m->o.stable ? GN_TIES_ANY : GN_TIES_BYTES;
        if (gn_ordered_batch(&p->order, p->b, &broken, e))
            return -1;
        if (broken < p->b->n)
            return fail_order(m, p->r, p->b, broken, e);
        p->i = 0;
        p->word = word_at(m, p);
        return 0;
    }
}

static gn_str record_at(const player *p)
{
    const gn_batch *b = p->b;
    return (gn_str){b->base + b->off[p->i], b->off[p->i + 1] - b->off[p->i]};
}

/* ---- a group ---- */

static bool before(const void *ctx, uint32_t a, uint32_t b)
{
    const gn_kmerge *m = ctx;
    const player *x = &m->p[a], *y = &m->p[b];
    if (x->done || y->done)
        return x->done == y->done ? a < b : y->done;
    if (x->word != y->word)
        return x->word < y->word;
    int c = gn_sortkey_cmp_rows(m->key, m->order.n, x->b, x->i, y->b, y->i);
    if (c == 0 && !m->o.stable)
        c = gn_sortkey_cmp_bytes(record_at(x), record_at(y));
    return c ? c < 0 : a < b;
}

/* Open inputs from path `at` on, as many as there is room for; returns how many, or -1. */
static long open_group(gn_kmerge *m, size_t at, gn_err *e)
{
    size_t limit = gn_in_limit(), memory = m->o.memory - m->o.memory / SPILL_SHARE, used = 0;
    while (at + m->n < m->o.n && (m->n < 2 || (m->n < limit && used <= memory - used / m->n))) {
        if (m->n == m->cap) {
            size_t cap = m->cap ? 2 * m->cap : 16;
            player *p = gn_realloc(m->p, cap, sizeof *p, e);
            if (!p)
                return -1;
            m->p = p;
            m->cap = cap;
        }
        player *p = &m->p[m->n];
        *p = (player){.r = gn_reader_open(&m->o.paths[at + m->n], 1, m->o.max_record, e)};
        if (!p->r)
            return -1;
        m->n++;
        if (step(m, p, e))
            return -1;
        if (p->done)
            continue;
        p->charged = gn_reader_buffers(p->r) + DECODER_BYTES;
        used += p->charged;
        if (gn_budget_take(m->o.budget, p->charged, e))
            return -1;
    }
    if (!(m->tree = gn_alloc(m->n, sizeof *m->tree, e)))
        return -1;
    gn_losers_begin(m->tree, m->n, before, m);
    return (long)m->n;
}

/* 1 with the next record of the group, 0 at the end, -1 on error. */
static int next_record(gn_kmerge *m, gn_str *record, gn_err *e)
{
    for (;;) {
        player *p = &m->p[m->tree[0]];
        if (m->begun && !p->done) {
            if (step(m, p, e))
                return -1;
            gn_losers_replay(m->tree, m->n, before, m);
            p = &m->p[m->tree[0]];
        }
        m->begun = true;
        if (p->done)
            return 0;
        *record = record_at(p);
        if (!m->o.unique)
            return 1;
        gn_str last = {m->last.p, (uint32_t)m->last.n};
        if (m->any_last && gn_sortkey_cmp(m->key, 0, m->order.n, last, *record) == 0) {
            m->dropped++;
            continue;
        }
        m->any_last = true;
        m->last.n = 0;
        return gn_buf_add(&m->last, record->p, record->n, e) ? -1 : 1;
    }
}

/* ---- groups on disk ---- */

static int keep_first(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e)
{
    gn_kmerge *m = ctx;
    gn_str now = {sum->p, (uint32_t)sum->n};
    (void)key;
    m->dropped++;
    if (m->o.stable || gn_sortkey_cmp_bytes(now, body) <= 0)
        return 0;
    sum->n = 0;
    return gn_buf_add(sum, body.p, body.n, e);
}

static int next_entry(void *ctx, gn_str *key, gn_str *body, gn_err *e)
{
    gn_kmerge *m = ctx;
    int r = next_record(m, body, e);
    if (r == 1 && gn_sortkey_code(m->key, m->order.n, *body, &m->code, e))
        return -1;
    *key = (gn_str){m->code.p, (uint32_t)m->code.n};
    return r;
}

static int spill_group(gn_kmerge *m, gn_err *e)
{
    gn_str key, body;
    int r;
    if (!m->spill) {
        gn_spill_options o = {.dir = m->o.dir,
                              .budget = m->o.budget,
                              .memory = m->o.memory / SPILL_SHARE,
                              .ties = m->o.stable ? GN_SPILL_ARRIVAL : GN_SPILL_BODY,
                              .combine = m->o.unique ? keep_first : NULL,
                              .ctx = m};
        if (!(m->spill = gn_spill_new(&o, e)))
            return -1;
    }
    if (gn_spill_run(m->spill, e))
        return -1;
    while ((r = next_entry(m, &key, &body, e)) == 1)
        if (gn_spill_put(m->spill, key, body, e))
            return -1;
    close_group(m);
    m->any_last = false;
    return r;
}

const gn_header *gn_kmerge_open(gn_kmerge *m, gn_err *e)
{
    for (size_t at = 0; at < m->o.n;) {
        long n = open_group(m, at, e);
        if (n < 0)
            return NULL;
        at += (size_t)n;
        if (at < m->o.n && spill_group(m, e))
            return NULL;
    }
    gn_unite_end(&m->in);
    m->header_done = true;
    return gn_order_claim(&m->order, !m->o.stable, &m->in.h, e) ? NULL : &m->in.h;
}

int gn_kmerge_write(gn_kmerge *m, gn_writer *w, gn_err *e)
{
    gn_recout out = {.w = w};
    gn_spill_source last = {next_entry, m};
    gn_str key, record;
    int r;
    if (m->spill && gn_spill_read(m->spill, &last, e))
        return -1;
    while ((r = m->spill ? gn_spill_next(m->spill, &key, &record, e)
                         : next_record(m, &record, e)) == 1)
        if (gn_recout_put(&out, record, e))
            return -1;
    return r ? -1 : gn_recout_end(&out, e);
}

static uint64_t sum(const gn_kmerge *m, uint64_t closed, uint64_t (*of)(const gn_reader *))
{
    for (size_t i = 0; i < m->n; i++)
        closed += m->p[i].r ? of(m->p[i].r) : 0;
    return closed;
}

uint64_t gn_kmerge_records(const gn_kmerge *m)
{
    return sum(m, m->records, gn_reader_records);
}

uint64_t gn_kmerge_bytes(const gn_kmerge *m)
{
    return sum(m, m->bytes, gn_reader_bytes);
}

uint64_t gn_kmerge_dropped(const gn_kmerge *m)
{
    return m->dropped;
}

size_t gn_kmerge_runs(const gn_kmerge *m)
{
    return m->spill ? gn_spill_runs(m->spill) : 0;
}

uint64_t gn_kmerge_spilled(const gn_kmerge *m)
{
    return m->spill ? gn_spill_bytes(m->spill) : 0;
}
