/* sortkey.c - see sortkey.h. */
#include "sortkey.h"

#include "../io/mp.h"
#include "../stream/value.h"
#include "keycode.h"

#include <string.h>

gn_str gn_sortkey_find(gn_str record, int field)
{
    const uint8_t *p = record.p, *end = p + record.n, *q;
    size_t n;
    p = gn_mp_get_array(p, end, &n);
    for (; p && field > 0; field--)
        p = gn_mp_skip(p, end);
    if (!p || !(q = gn_mp_skip(p, end))) { /* no record: cannot be, from a decoder */
        static const uint8_t nil = GN_MP_NIL;
        return (gn_str){&nil, 1};
    }
    return (gn_str){p, (uint32_t)(q - p)};
}

int gn_sortkey_cmp(const gn_sortkey *key, size_t from, size_t n, gn_str a, gn_str b)
{
    for (size_t k = from; k < n; k++) {
        gn_str x = gn_sortkey_find(a, key[k].field), y = gn_sortkey_find(b, key[k].field);
        int c = gn_value_cmp(key[k].type, x, y);
        if (c)
            return key[k].desc && *x.p != GN_MP_NIL && *y.p != GN_MP_NIL ? -c : c;
    }
    return 0;
}

int gn_sortkey_cmp_bytes(gn_str a, gn_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static inline int cmp_cells(const gn_sortkey *k, const gn_vec *v, size_t i, const gn_vec *w,
                            size_t j)
{
    int c;
    if (v->null[i] || w->null[j])
        return (v->null[i] != 0) - (w->null[j] != 0);
    if (v->s)
        c = gn_sortkey_cmp_bytes(v->s[i], w->s[j]);
    else if (v->f)
        c = (v->f[i] > w->f[j]) - (v->f[i] < w->f[j]);
    else
        c = (v->i[i] > w->i[j]) - (v->i[i] < w->i[j]);
    return k->desc ? -c : c;
}

int gn_sortkey_cmp_rows(const gn_sortkey *key, size_t n, const gn_batch *a, size_t i,
                        const gn_batch *b, size_t j)
{
    for (size_t k = 0; k < n; k++) {
        int c = cmp_cells(&key[k], &a->col[key[k].field], i, &b->col[key[k].field], j);
        if (c)
            return c;
    }
    return 0;
}

int gn_sortkey_code(const gn_sortkey *key, size_t n, gn_str record, gn_buf *code, gn_err *e)
{
    code->n = 0;
    for (size_t k = 0; k < n; k++)
        if (gn_keycode_add(code, key[k].type, gn_sortkey_find(record, key[k].field), key[k].desc,
                           e))
            return -1;
    return 0;
}

/* ---- are records in order? ---- */

static gn_str record_of(const gn_batch *b, size_t i)
{
    return (gn_str){b->base + b->off[i], b->off[i + 1] - b->off[i]};
}

int gn_ordered_batch(gn_ordered *o, const gn_batch *b, size_t *broken, gn_err *e)
{
    for (size_t i = 0; i < b->n; i++) {
        gn_str before = i ? record_of(b, i - 1) : (gn_str){o->last.p, (uint32_t)o->last.n};
        int c;
        if (i)
            c = gn_sortkey_cmp_rows(o->key, o->nkeys, b, i - 1, b, i);
        else if (o->begun)
            c = gn_sortkey_cmp(o->key, 0, o->nkeys, before, record_of(b, 0));
        else
            continue;
        if (c == 0 && o->ties == GN_TIES_BYTES)
            c = gn_sortkey_cmp_bytes(before, record_of(b, i));
        if (c > 0 || (c == 0 && o->ties == GN_TIES_NONE)) {
            *broken = i;
            return 0;
        }
    }
    *broken = b->n;
    o->begun = true;
    o->last.n = 0;
    gn_str last = record_of(b, b->n - 1);
    return gn_buf_add(&o->last, last.p, last.n, e);
}

void gn_ordered_release(gn_ordered *o)
{
    gn_buf_release(&o->last);
}
