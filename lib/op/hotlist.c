/* hotlist.c - see hotlist.h. A key of several fields is held as one of bytes, the encodings one
 * after the other. */
#include "hotlist.h"

#include "../io/in.h"
#include "../io/mp.h"
#include "../kernel/celltab.h"
#include "hotkeys.h"

#include <stdlib.h>
#include <string.h>

#define TAG_BITS 16
#define BLOCK 32 /* rows whose slots are asked for together */

struct gn_hotlist {
    gn_hotlist_options o;
    gn_celltab cells; /* body: factor, number */
    gn_schema key;
    int *field; /* in the current segment */
    size_t nfield;
    uint32_t *factor; /* by number */
    size_t cap;
    uint64_t id;
    gn_buf keys; /* of several fields */
    gn_str row[GN_BATCH];
};

void gn_hotlist_free(gn_hotlist *l)
{
    if (!l)
        return;
    gn_celltab_release(&l->cells);
    gn_schema_release(&l->key);
    gn_buf_release(&l->keys);
    gn_budget_give(l->o.budget, l->cap * sizeof *l->factor);
    free(l->factor);
    free(l->field);
    free(l);
}

size_t gn_hotlist_count(const gn_hotlist *l)
{
    return l->cells.count;
}

uint64_t gn_hotlist_id(const gn_hotlist *l)
{
    return l->id;
}

uint32_t gn_hotlist_factor(const gn_hotlist *l, uint32_t number)
{
    return l->factor[number];
}

/* ---- keys of a batch ---- */

static int select_key(gn_hotlist *l, gn_reader *r, gn_err *e)
{
    free(l->field);
    l->field = NULL;
    if (gn_schema_select(&gn_reader_header(r)->schema, l->o.key, &l->field, &l->nfield, e))
        return -1;
    for (size_t i = 0; i < l->nfield; i++)
        if (gn_reader_want(r, l->field[i], GN_RAW, e))
            return -1;
    return 0;
}

static int join_fields(gn_hotlist *l, const gn_batch *b, gn_err *e)
{
    size_t end[GN_BATCH];
    l->keys.n = 0;
    for (size_t i = 0; i < b->n; i++) {
        size_t n = 0;
        for (size_t k = 0; k < l->nfield; k++)
            n += b->col[l->field[k]].raw[i].n;
        if (gn_buf_reserve(&l->keys, n + GN_MP_HEAD + GN_SLACK, e))
            return -1;
        uint8_t *p = gn_mp_bin_head(l->keys.p + l->keys.n, n);
        for (size_t k = 0; k < l->nfield; k++) {
            gn_str raw = b->col[l->field[k]].raw[i];
            memcpy(p, raw.p, raw.n);
            p += raw.n;
        }
        end[i] = l->keys.n = (size_t)(p - l->keys.p);
    }
    for (size_t i = 0, from = 0; i < b->n; from = end[i++])
        l->row[i] = (gn_str){l->keys.p + from, (uint32_t)(end[i] - from)};
    return 0;
}

static int take_keys(gn_hotlist *l, const gn_batch *b, gn_err *e)
{
    if (l->nfield > 1)
        return join_fields(l, b, e);
    memcpy(l->row, b->col[l->field[0]].raw, b->n * sizeof *l->row);
    return 0;
}

/* ---- reading the list ---- */

static int know_list(gn_hotlist *l, gn_reader *r, int *factor, gn_err *e)
{
    const gn_schema *s = &gn_reader_header(r)->schema;
    *factor = -1;
    if (select_key(l, r, e))
        return -1;
    for (size_t i = 0; i < l->nfield; i++) {
        const gn_field *f = &s->f[l->field[i]];
        if (l->key.n <= i && gn_schema_add(&l->key, f->name, strlen(f->name), f->type, e))
            return -1;
        if (l->key.f[i].type != f->type)
            return gn_fail(e, GN_INPUT, "'%s': '%s' is of several types", l->o.path, f->name);
    }
    if (l->o.factor)
        return 0;
    *factor = gn_reader_field(r, l->o.role, "factor", 1u << GN_INT, e);
    return *factor < 0 ? -1 : gn_reader_want(r, *factor, GN_VALUE, e);
}

static int add_key(gn_hotlist *l, gn_str key, uint32_t factor, gn_err *e)
{
    gn_cellprobe q;
    size_t slot;
    gn_cellprobe_set(&q, key, 0, TAG_BITS, 0);
    if (gn_celltab_find(&l->cells, &q, &slot, TAG_BITS))
        return gn_fail(e, GN_INPUT, "'%s': it lists a key twice", l->o.path);
    size_t n = l->cells.count;
    if (n == l->cap) {
        size_t cap = n ? n * 2 : 256;
        if (gn_budget_take(l->o.budget, (cap - n) * sizeof *l->factor, e))
            return -1;
        l->cap = cap;
        uint32_t *f = gn_realloc(l->factor, cap, sizeof *f, e);
        if (!f)
            return -1;
        l->factor = f;
    }
    gn_cell *c = gn_celltab_insert(&l->cells, &q, slot, e);
    if (!c)
        return -1;
    c->body[0] = n;
    l->factor[n] = factor;
    uint64_t chain[] = {l->id, gn_hash(key.p, key.n), factor};
    l->id = gn_hash(chain, sizeof chain);
    return 0;
}

static int add_batch(gn_hotlist *l, const gn_batch *b, int factor, gn_err *e)
{
    if (take_keys(l, b, e))
        return -1;
    for (size_t i = 0; i < b->n; i++) {
        int64_t f = factor < 0 ? (int64_t)l->o.factor : b->col[factor].i[i];
        if (f < 2 || f > GN_SALT_MAX)
            return gn_fail(e, GN_INPUT, "'%s': record %llu: its factor is not from 2 to %d",
                           l->o.path, (unsigned long long)(b->first + i + 1), GN_SALT_MAX);
        if (add_key(l, l->row[i], (uint32_t)f, e))
            return -1;
    }
    return 0;
}

static int read_list(gn_hotlist *l, gn_reader *r, gn_err *e)
{
    gn_batch *b;
    int ev, factor = -1;
    while ((ev = gn_reader_next(r, &b, e)) > 0)
        if ((ev == GN_EV_SEGMENT && know_list(l, r, &factor, e)) ||
            (ev == GN_EV_BATCH && add_batch(l, b, factor, e)))
            return -1;
    return ev;
}

gn_hotlist *gn_hotlist_read(const gn_hotlist_options *o, gn_err *e)
{
    gn_hotlist *l = gn_calloc(1, sizeof *l, e);
    if (!l)
        return NULL;
    l->o = *o;
    gn_reader *r = gn_reader_open(&o->path, 1, o->max_record, e);
    int done = !r || gn_celltab_init(&l->cells, TAG_BITS, o->budget, e) || read_list(l, r, e);
    gn_reader_close(r);
    if (!done)
        return l;
    gn_hotlist_free(l);
    return NULL;
}

/* ---- a stream ---- */

int gn_hotlist_segment(gn_hotlist *l, gn_reader *r, gn_err *e)
{
    const gn_schema *s = &gn_reader_header(r)->schema;
    if (select_key(l, r, e))
        return -1;
    for (size_t i = 0; i < l->nfield; i++) {
        const gn_field *f = &s->f[l->field[i]];
        if (f->type != l->key.f[i].type)
            return gn_fail(e, GN_INPUT, "'%s': key '%s' is %s, in '%s' it is %s", gn_reader_name(r),
                           f->name, gn_type_name(f->type), l->o.path,
                           gn_type_name(l->key.f[i].type));
    }
    return 0;
}

int gn_hotlist_find(gn_hotlist *l, const gn_batch *b, uint32_t *number, gn_err *e)
{
    gn_cellprobe q[BLOCK];
    size_t slot;
    if (take_keys(l, b, e))
        return -1;
    for (size_t from = 0; from < b->n; from += BLOCK) {
        size_t n = b->n - from < BLOCK ? b->n - from : BLOCK;
        for (size_t i = 0; i < n; i++) {
            gn_cellprobe_set(&q[i], l->row[from + i], 0, TAG_BITS, 0);
            __builtin_prefetch(&l->cells.slot[q[i].hash & (l->cells.nslots - 1)]);
        }
        for (size_t i = 0; i < n; i++) {
            const gn_cell *c = gn_celltab_find(&l->cells, &q[i], &slot, TAG_BITS);
            number[from + i] = c ? (uint32_t)c->body[0] : GN_HOTLIST_COLD;
        }
    }
    return 0;
}
