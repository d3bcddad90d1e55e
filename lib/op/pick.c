/* pick.c - see pick.h. */
#include "pick.h"

#include "../io/mp.h"

static int put_counted(gn_recout *o, gn_str record, uint64_t count, gn_err *e)
{
    size_t fields, room = record.n + 2 * GN_MP_HEAD;
    const uint8_t *end = record.p + record.n, *p = gn_mp_get_array(record.p, end, &fields);
    if (!p)
        return gn_fail(e, GN_BUG, "a record that is no array");
    if ((size_t)(o->end - o->p) < room && gn_recout_room(o, room, e))
        return -1;
    o->p = gn_mp_array_head(o->p, fields + 1);
    memcpy(o->p, p, (size_t)(end - p));
    o->p = gn_mp_int(o->p + (end - p), (int64_t)count);
    o->n++;
    return 0;
}

static int close_key(gn_pick *p, gn_err *e)
{
    if (!p->open)
        return 0;
    p->open = false;
    p->nkept++;
    if (!p->kept.w)
        return 0;
    return p->counted ? put_counted(&p->kept, p->best, p->n, e)
                      : gn_recout_put_slack(&p->kept, p->best, e);
}

/* The first record of a key. */
static int begin_key(gn_pick *p, gn_str record, gn_err *e)
{
    if (close_key(p, e))
        return -1;
    p->open = true;
    p->best = record;
    p->n = 1;
    return 0;
}

/* A further one. */
static int add_to_key(gn_pick *p, gn_str record, gn_err *e)
{
    int c = gn_sortkey_cmp(p->by, 0, p->nby, record, p->best);
    if (c == 0) {
        c = gn_sortkey_cmp_bytes(record, p->best);
        if (p->greatest)
            c = -c;
    }
    gn_str loser = c < 0 ? p->best : record;
    p->n++;
    p->nleft++;
    if (p->left.w && gn_recout_put(&p->left, loser, e))
        return -1;
    if (c < 0)
        p->best = record;
    return 0;
}

/* The records given so far go away: copy the one still needed. */
static int hold(gn_pick *p, gn_err *e)
{
    if (!p->open || p->best.p == p->copy.p)
        return 0;
    p->copy.n = 0;
    if (gn_buf_reserve(&p->copy, (size_t)p->best.n + GN_SLACK, e) ||
        gn_buf_add(&p->copy, p->best.p, p->best.n, e))
        return -1;
    p->best.p = p->copy.p;
    return 0;
}

static int flush(gn_pick *p, gn_err *e)
{
    return gn_recout_end(&p->kept, e) || gn_recout_end(&p->left, e) ? -1 : 0;
}

static gn_str record_of(const gn_batch *b, size_t i)
{
    return (gn_str){b->base + b->off[i], b->off[i + 1] - b->off[i]};
}

int gn_pick_batch(gn_pick *p, const gn_batch *b, size_t *broken, gn_err *e)
{
    for (size_t i = 0; i < b->n; i++) {
        gn_str record = record_of(b, i), before = i ? record_of(b, i - 1) : p->best;
        int c = -1;
        if (i)
            c = gn_sortkey_cmp_rows(p->key, p->nkey, b, i - 1, b, i);
        else if (p->open) /* the best so far has the key of the record before */
            c = gn_sortkey_cmp(p->key, 0, p->nkey, before, record);
        if (c == 0 && p->whole)
            c = gn_sortkey_cmp_bytes(before, record);
        if (c > 0) {
            *broken = i;
            return 0;
        }
        if (c ? begin_key(p, record, e) : add_to_key(p, record, e))
            return -1;
    }
    *broken = b->n;
    return hold(p, e) || flush(p, e) ? -1 : 0;
}

/* Canonical values are equal when their bytes are. */
static bool same_key(const gn_pick *p, gn_str a, gn_str b)
{
    if (p->whole)
        return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
    for (size_t k = 0; k < p->nkey; k++) {
        int f = p->key[k].field;
        gn_str x = gn_sortkey_find(a, f), y = gn_sortkey_find(b, f);
        if (x.n != y.n || memcmp(x.p, y.p, x.n) != 0)
            return false;
    }
    return true;
}

int gn_pick_sorted(gn_pick *p, gn_extsort *x, gn_err *e)
{
    gn_str record;
    int r;
    while ((r = gn_extsort_next(x, &record, e)) == 1) {
        bool more = p->open && same_key(p, p->best, record);
        if ((more ? add_to_key(p, record, e) : begin_key(p, record, e)) || hold(p, e))
            return -1;
    }
    return r;
}

int gn_pick_end(gn_pick *p, gn_err *e)
{
    return close_key(p, e) || flush(p, e) ? -1 : 0;
}

void gn_pick_release(gn_pick *p)
{
    gn_buf_release(&p->copy);
    p->open = false;
}
