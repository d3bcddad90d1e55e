/* joinermerge.c - the sort-merge join: both sides are read in step, and the right records of one
 * key are held while the left ones of that key pass; those that are too many for the memory lie in
 * a file, from which they are read again for each left record. */
#include "../io/mp.h"
#include "../stream/value.h"
#include "joinerpriv.h"

#include <stdlib.h>
#include <string.h>

/* A side, a record at a time. */
typedef struct cursor {
    gn_joinside *side;
    gn_batch *b;
    size_t i;
    bool done;
    gn_buf before; /* the last key of the batch before */
    bool any;
} cursor;

/* The right records of one key. */
typedef struct group {
    bool open;
    gn_buf key;
    bool null, matched;
    uint64_t rows;
    gn_buf bodies;      /* each behind its length; of first and last only one */
    gn_buf record;      /* of that one */
    gn_joinextent *ext; /* earlier ones, in the file */
    size_t next;
} group;

/* The bodies of the group in turn. */
typedef struct walk {
    size_t ext, at;
    const gn_buf *in;
} walk;

typedef struct merge {
    gn_joiner *j;
    cursor left, right;
    group g;
    bool *desc;
    gn_type *type;
    gn_sortkey *order; /* of the left, all that its header claims */
    size_t norder;
    gn_buf last; /* the last left record of the segment before */
    gn_tmp *tmp;
    gn_buf loaded;  /* an extent of the group */
    size_t most;    /* bytes of bodies in memory */
    size_t charged; /* to the budget */
} merge;

static gn_str str_of(const gn_buf *b)
{
    return (gn_str){b->p, (uint32_t)b->n};
}

static gn_str key_at(const cursor *c)
{
    return c->side->rows.key[c->i];
}

static bool same(gn_str a, gn_str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* By the declared order of the key; nulls last in either direction. */
static int cmp_keys(const merge *m, gn_str a, gn_str b)
{
    if (same(a, b))
        return 0;
    for (size_t k = 0; k < m->j->spec.nkeys; k++) {
        const uint8_t *p = gn_mp_skip(a.p, a.p + a.n), *q = gn_mp_skip(b.p, b.p + b.n);
        if (!p || !q)
            return 0; /* cannot be, from a decoder */
        gn_str x = {a.p, (uint32_t)(p - a.p)}, y = {b.p, (uint32_t)(q - b.p)};
        int c = gn_value_cmp(m->type[k], x, y);
        if (c)
            return m->desc[k] && *x.p != GN_MP_NIL && *y.p != GN_MP_NIL ? -c : c;
        a = (gn_str){p, a.n - x.n};
        b = (gn_str){q, b.n - y.n};
    }
    return 0;
}

static int out_of_order(const cursor *c, gn_err *e)
{
    return gn_fail(e, GN_INPUT,
                   "'%s': record %llu: out of order, as its header claims it or after the segment "
                   "before (run gn-sort, or give --strategy broadcast)",
                   gn_reader_name(c->side->r), (unsigned long long)(c->b->first + c->i + 1));
}

static int check_batch(const merge *m, cursor *c, gn_err *e)
{
    const gn_joinside *s = c->side;
    for (c->i = 0; c->i < s->rows.n; c->i++) {
        if (!c->i && !c->any)
            continue;
        gn_str before = c->i ? s->rows.key[c->i - 1] : str_of(&c->before);
        if (cmp_keys(m, before, s->rows.key[c->i]) > 0)
            return out_of_order(c, e);
    }
    c->i = 0;
    c->any = true;
    c->before.n = 0;
    return gn_buf_add(&c->before, s->rows.key[s->rows.n - 1].p, s->rows.key[s->rows.n - 1].n, e);
}

/* A further segment goes on where the one before ended, and keeps to what was claimed. */
static int next_segment(merge *m, cursor *c, gn_err *e)
{
    const gn_header *h = gn_reader_header(c->side->r), *first = &c->side->in.h;
    bool alike = h->norder >= first->norder && (h->total || !first->total);
    for (size_t i = 0; alike && i < first->norder; i++)
        alike = h->order[i].desc == first->order[i].desc &&
                strcmp(h->order[i].field, first->order[i].field) == 0;
    bool placed = gn_unite_holds(&c->side->in, h);
    if (alike && placed) {
        for (size_t i = 0; c == &m->left && i < m->norder; i++)
            if (gn_reader_want(c->side->r, m->order[i].field, GN_VALUE, e))
                return -1;
        return 0;
    }
    return gn_fail(e, GN_INPUT, "'%s': a further segment is %s unlike the first (%s)",
                   gn_reader_name(c->side->r), alike ? "placed" : "ordered",
                   alike ? "give --strategy grace" : "run gn-sort, or give --strategy broadcast");
}

/* Is the first left record of a segment behind the last of the one before, by the whole order? */
static int check_seam(merge *m, cursor *c, gn_err *e)
{
    const gn_batch *b = c->b;
    gn_str record = {b->base, b->off[1] - b->off[0]}, last = str_of(&m->last);
    record.p += b->off[0];
    if (m->last.n && b->first == 0) {
        int d = gn_sortkey_cmp(m->order, 0, m->norder, last, record);
        if (d == 0 && m->j->left.in.h.total)
            d = gn_sortkey_cmp_bytes(last, record);
        if (d > 0)
            return out_of_order(c, e);
    }
    m->last.n = 0;
    return gn_buf_add(&m->last, b->base + b->off[b->n - 1], b->off[b->n] - b->off[b->n - 1], e);
}

/* Stand on the next record, or be done. */
static int step(merge *m, cursor *c, gn_err *e)
{
    if (c->b && ++c->i < c->side->rows.n)
        return 0;
    for (;;) {
        int ev = gn_joiner_next(c->side, &c->b, e);
        if (ev < 0)
            return -1;
        if (ev == GN_EV_EOF) {
            c->done = true;
            return 0;
        }
        if (ev == GN_EV_SEGMENT && next_segment(m, c, e))
            return -1;
        if (ev != GN_EV_BATCH)
            continue;
        return check_batch(m, c, e) || (c == &m->left && check_seam(m, c, e)) ? -1 : 0;
    }
}

/* ---- the right records of a key ---- */

/* What the buffers take. */
static int charge(merge *m, gn_err *e)
{
    size_t bytes = m->g.bodies.cap + m->loaded.cap;
    if (bytes <= m->charged)
        return 0;
    if (gn_budget_take(m->j->o.budget, bytes - m->charged, e))
        return -1;
    m->charged = bytes;
    return 0;
}

/* The bodies in memory go to the file. */
static int spill(merge *m, gn_err *e)
{
    group *g = &m->g;
    if (!m->tmp && !(m->tmp = gn_tmp_new(m->j->o.dir, e)))
        return -1;
    gn_joinextent *more = gn_realloc(g->ext, g->next + 1, sizeof *more, e);
    if (!more)
        return -1;
    g->ext = more;
    g->ext[g->next++] = (gn_joinextent){gn_tmp_size(m->tmp), g->bodies.n};
    if (gn_tmp_write(m->tmp, g->bodies.p, g->bodies.n, e))
        return -1;
    g->bodies.n = 0;
    return 0;
}

static int add_body(merge *m, gn_str body, gn_err *e)
{
    group *g = &m->g;
    uint32_t n = body.n;
    if (g->bodies.n && g->bodies.n + sizeof n + n > m->most && spill(m, e))
        return -1;
    return gn_buf_add(&g->bodies, &n, sizeof n, e) || gn_buf_add(&g->bodies, body.p, n, e)
               ? -1
               : charge(m, e);
}

static int hold_record(merge *m, const cursor *c, gn_err *e)
{
    group *g = &m->g;
    g->bodies.n = g->record.n = 0;
    if (add_body(m, c->side->body_of[c->i], e))
        return -1;
    gn_str r = c->side->record_of[c->i];
    return c->side->records ? gn_buf_add(&g->record, r.p, r.n, e) : 0;
}

/* A further right record of the key that the group has. */
static int meet(merge *m, const cursor *c, gn_err *e)
{
    group *g = &m->g;
    gn_joiner *j = m->j;
    if (j->spec.pairs && j->o.dup == GN_JOIN_DUP_ALL) {
        g->rows++;
        return add_body(m, c->side->body_of[c->i], e);
    }
    if (j->spec.pairs && j->o.dup == GN_JOIN_DUP_ERROR)
        return gn_joiner_repeated(j, e);
    j->stats.right_dropped++;
    if (j->spec.pairs && gn_joiner_better(j, c->side->record_of[c->i], str_of(&g->record)))
        return hold_record(m, c, e);
    return 0;
}

static int read_group(merge *m, gn_err *e)
{
    cursor *c = &m->right;
    group *g = &m->g;
    g->open = true;
    g->matched = false;
    g->rows = 1;
    g->key.n = 0;
    g->null = c->side->rows.null[c->i];
    if (gn_buf_add(&g->key, key_at(c).p, key_at(c).n, e) || hold_record(m, c, e) || step(m, c, e))
        return -1;
    while (!g->null && !c->done && same(key_at(c), str_of(&g->key)))
        if (meet(m, c, e) || step(m, c, e))
            return -1;
    return gn_buf_reserve(&g->bodies, GN_SLACK, e);
}

/* 1 with the next body, 0 at the end, -1 on error. It lives until the next call. */
static int next_body(merge *m, walk *w, gn_str *body, gn_err *e)
{
    const group *g = &m->g;
    uint32_t n;
    while (!w->in || w->at == w->in->n) {
        if (w->ext > g->next)
            return 0;
        w->at = 0;
        if (w->ext++ == g->next) {
            w->in = &g->bodies;
            continue;
        }
        const gn_joinextent *x = &g->ext[w->ext - 1];
        m->loaded.n = 0;
        if (gn_buf_reserve(&m->loaded, x->n + GN_SLACK, e) || charge(m, e) ||
            gn_tmp_read(m->tmp, x->at, m->loaded.p, x->n, e))
            return -1;
        m->loaded.n = x->n;
        w->in = &m->loaded;
    }
    memcpy(&n, w->in->p + w->at, sizeof n);
    *body = (gn_str){w->in->p + w->at + sizeof n, n};
    w->at += sizeof n + n;
    return 1;
}

static void forget(merge *m)
{
    group *g = &m->g;
    for (size_t i = 0; i < g->next; i++)
        gn_tmp_drop(m->tmp, g->ext[i].at, g->ext[i].at + g->ext[i].n);
    g->next = 0;
    g->open = false;
}

/* No further left record has the group's key. */
static int close_group(merge *m, gn_err *e)
{
    group *g = &m->g;
    gn_joiner *j = m->j;
    walk w = {0};
    gn_str body;
    int more = 0;
    if (g->null)
        j->stats.right_null += g->rows;
    else if (g->matched)
        j->stats.right_matched += g->rows;
    else
        j->stats.right_unmatched += g->rows;
    while (!g->matched && j->spec.keeps_right && (more = next_body(m, &w, &body, e)) == 1)
        if (gn_joinout_right(&j->out, str_of(&g->key), body, e))
            return -1;
    forget(m);
    return more;
}

/* ---- the left ---- */

static int put_unmatched(merge *m, gn_err *e)
{
    cursor *c = &m->left;
    gn_joiner *j = m->j;
    if (c->side->rows.null[c->i])
        j->stats.left_null++;
    else
        j->stats.left_unmatched++;
    return j->spec.keeps_left ? gn_joinout_left(&j->out, c->side->body_of[c->i], e) : 0;
}

static int put_matched(merge *m, gn_err *e)
{
    gn_joiner *j = m->j;
    gn_str left = m->left.side->body_of[m->left.i], body;
    walk w = {0};
    int more = 0;
    m->g.matched = true;
    j->stats.left_matched++;
    if (j->o.type == GN_JOIN_SEMI)
        return gn_joinout_semi(&j->out, left, e);
    while (j->spec.pairs && (more = next_body(m, &w, &body, e)) == 1)
        if (gn_joinout_pair(&j->out, left, body, e))
            return -1;
    return more;
}

static int run(merge *m, gn_err *e)
{
    cursor *l = &m->left, *r = &m->right;
    if (step(m, l, e) || step(m, r, e))
        return -1;
    for (;;) {
        if (!m->g.open && !r->done && read_group(m, e))
            return -1;
        if (l->done && !m->g.open)
            return gn_recout_end(&m->j->out.out, e);
        int c = l->done ? 1 : !m->g.open ? -1 : cmp_keys(m, key_at(l), str_of(&m->g.key));
        if (c == 0 && m->g.null)
            c = -1;
        if (c > 0 ? close_group(m, e)
                  : (c ? put_unmatched(m, e) : put_matched(m, e)) || step(m, l, e))
            return -1;
    }
}

static int begin(merge *m, gn_err *e)
{
    gn_joiner *j = m->j;
    const gn_header *h = &j->left.in.h;
    size_t n = j->spec.nkeys;
    m->norder = h->norder;
    m->desc = gn_calloc(n, sizeof *m->desc, e);
    m->type = gn_calloc(n, sizeof *m->type, e);
    m->order = gn_calloc(h->norder, sizeof *m->order, e);
    if (!m->desc || !m->type || !m->order)
        return -1;
    for (size_t k = 0; k < n; k++) {
        m->desc[k] = h->order[k].desc;
        m->type[k] = h->schema.f[j->left.key[k]].type;
    }
    for (size_t i = 0; i < h->norder; i++) {
        int f = gn_schema_find(&h->schema, h->order[i].field);
        m->order[i] = (gn_sortkey){f, h->schema.f[f].type, h->order[i].desc};
        if (gn_reader_want(j->left.r, f, GN_VALUE, e))
            return -1;
    }
    return gn_joinout_init(&j->out, &j->spec, j->w, e) || gn_joinspec_parts(j, h, e) ||
                   gn_joiner_begin(j, h, true, e)
               ? -1
               : 0;
}

int gn_joiner_merge(gn_joiner *j, gn_err *e)
{
    merge m = {.j = j, .left.side = &j->left, .right.side = &j->right, .most = j->o.memory / 8};
    int r = begin(&m, e) || run(&m, e) || gn_joiner_end(j, NULL, e) ? -1 : 0;
    j->stats.spilled = m.tmp ? gn_tmp_size(m.tmp) : 0;
    gn_tmp_free(m.tmp);
    gn_budget_give(j->o.budget, m.charged);
    gn_buf_release(&m.loaded);
    free(m.g.ext);
    free(m.desc);
    free(m.type);
    free(m.order);
    gn_buf_release(&m.last);
    gn_buf_release(&m.left.before);
    gn_buf_release(&m.right.before);
    gn_buf_release(&m.g.key);
    gn_buf_release(&m.g.bodies);
    gn_buf_release(&m.g.record);
    return r;
}
