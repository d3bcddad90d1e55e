/* aggtab.c - the tables of groups and of values, sorted, as entries, and those on disk.
 *
 * Spilled runs are sorted, not cut by hash as a hash aggregation usually does it: the output is in
 * order of the keys anyway, and one way out serves results, states and spilling. */
#include "aggpriv.h"

#include "../io/mp.h"
#include "../kernel/keycode.h"
#include "../stream/value.h"

#include <stdlib.h>
#include <string.h>

#define AHEAD 16        /* entries from one stage of a prefetch to the next */
#define SAMPLE_BYTES 64 /* of a group's code that are looked at for what varies */

int agg_tables_init(gn_agg *g, gn_err *e)
{
    agg_tables *t = &g->t;
    t->groups = gn_hashtab_new(g->o.budget, e);
    t->values = gn_hashtab_new(g->o.budget, e);
    gn_arena_init(&t->texts, g->o.budget);
    t->cells.item = g->spec.cell;
    t->counts.item = sizeof(uint64_t);
    g->reserve = g->o.budget ? g->o.budget->cap / 10 * 3 : 0;
    return t->groups && t->values ? gn_budget_take(g->o.budget, g->reserve, e) : -1;
}

static void chunks_release(agg_chunks *c, gn_budget *b)
{
    for (size_t i = 0; i < c->n; i++)
        gn_unmap(c->p[i], AGG_CHUNK * c->item, b);
    free(c->p);
    c->p = NULL;
    c->n = 0;
}

void agg_tables_release(gn_agg *g)
{
    gn_hashtab_free(g->t.groups);
    gn_hashtab_free(g->t.values);
    for (size_t i = 0; g->spec.nsketches && i < g->t.cells.n * AGG_CHUNK; i++)
        agg_cell_release(&g->spec, agg_chunk_at(&g->t.cells, i));
    chunks_release(&g->t.cells, g->o.budget);
    chunks_release(&g->t.counts, g->o.budget);
    gn_arena_release(&g->t.texts);
    g->t = (agg_tables){0};
}

void *agg_chunk_at(const agg_chunks *c, size_t i)
{
    return c->p[i / AGG_CHUNK] + i % AGG_CHUNK * c->item;
}

int agg_chunks_grow(agg_chunks *c, size_t n, gn_budget *b, gn_err *e)
{
    while (c->n * AGG_CHUNK < n) {
        uint8_t **p = gn_realloc(c->p, c->n + 1, sizeof *p, e);
        if (!p)
            return -1;
        c->p = p;
        if (!(p[c->n] = gn_map(AGG_CHUNK * c->item, b, e)))
            return -1;
        c->n++;
    }
    return 0;
}

int agg_group_code(const agg_spec *s, gn_str keys, gn_buf *to, gn_err *e)
{
    const uint8_t *p = keys.p, *end = keys.p + keys.n;
    to->n = 0;
    for (size_t i = 0; i < s->nkeys; i++) {
        const uint8_t *q = gn_mp_skip(p, end);
        if (!q)
            return gn_fail(e, GN_BUG, "a group's keys");
        gn_str v = {p, (uint32_t)(q - p)};
        if (gn_keycode_add(to, s->col[s->key[i]].type, v, false, e))
            return -1;
        p = q;
    }
    return 0;
}

/* A value's key in the table: the group's number, a byte for the run, the encoding. */
static uint32_t value_group(gn_str vkey)
{
    uint32_t number;
    memcpy(&number, vkey.p, sizeof number);
    return number;
}

static gn_str value_bytes(gn_str vkey)
{
    return (gn_str){vkey.p + 5, vkey.n - 5};
}

static int cmp_groups(const void *ctx, uint32_t x, uint32_t y)
{
    const gn_agg *g = ctx;
    const agg_spec *s = &g->spec;
    gn_str a = gn_hashtab_key(g->t.groups, x), b = gn_hashtab_key(g->t.groups, y);
    const uint8_t *p = a.p, *q = b.p;
    for (size_t i = 0; i < s->nkeys; i++) {
        const uint8_t *pe = gn_mp_skip(p, a.p + a.n), *qe = gn_mp_skip(q, b.p + b.n);
        int c = gn_value_cmp(s->col[s->key[i]].type, (gn_str){p, (uint32_t)(pe - p)},
                             (gn_str){q, (uint32_t)(qe - q)});
        if (c)
            return c;
        p = pe;
        q = qe;
    }
    return 0;
}

static int cmp_values(const void *ctx, uint32_t x, uint32_t y)
{
    const gn_agg *g = ctx;
    gn_str a = gn_hashtab_key(g->t.values, x), b = gn_hashtab_key(g->t.values, y);
    return gn_value_cmp(g->spec.col[g->spec.run[a.p[4]].col].type, value_bytes(a), value_bytes(b));
}

/* What to sort codes by: those of their first bytes that differ at all, as many as there is room
 * for, which leaves the order as it is; whole keys come after. */
typedef struct picking {
    bool any;
    size_t most; /* bytes of the longest code, at most SAMPLE_BYTES */
    uint8_t first[SAMPLE_BYTES], vary[SAMPLE_BYTES];
    uint8_t pick[GN_SORTKEY_BYTES];
    size_t npick;
} picking;

static uint8_t code_byte(const gn_buf *code, size_t k)
{
    return k < code->n ? code->p[k] : 0;
}

static void pick_see(picking *p, const gn_buf *code)
{
    size_t n = code->n < SAMPLE_BYTES ? code->n : SAMPLE_BYTES;
    if (!p->any && n)
        memcpy(p->first, code->p, n);
    p->any = true;
    p->most = n > p->most ? n : p->most;
    for (size_t k = 0; k < n; k++)
        p->vary[k] |= code->p[k] ^ p->first[k];
    for (size_t k = n; k < p->most; k++) /* zeros beyond the end */
        p->vary[k] |= p->first[k];
}

static void pick_choose(picking *p, size_t most)
{
    for (size_t k = 0; k < p->most && p->npick < most; k++)
        if (p->vary[k])
            p->pick[p->npick++] = (uint8_t)k;
}

/* The bytes that were picked; how many. */
static size_t pick_pack(const picking *p, const gn_buf *code, uint8_t *to)
{
    for (size_t k = 0; k < p->npick; k++)
        to[k] = code_byte(code, p->pick[k]);
    return p->npick;
}

static int sort_groups(gn_agg *g, agg_walk *w, gn_err *e)
{
    picking p = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < w->ngroups; i++) {
            gn_str keys = gn_hashtab_key(g->t.groups, (uint32_t)i);
            uint8_t packed[GN_SORTKEY_BYTES];
            if (agg_group_code(&g->spec, keys, &g->scratch, e))
                return -1;
            if (pass == 0) {
                pick_see(&p, &g->scratch);
                continue;
            }
            gn_sortkey_set(&w->group[i], packed, pick_pack(&p, &g->scratch, packed));
            w->group[i].item = (uint32_t)i;
        }
        if (pass == 0)
            pick_choose(&p, GN_SORTKEY_BYTES);
    }
    gn_keysort(w->group, w->ngroups, cmp_groups, g);
    return 0;
}

/* The keys that values are sorted by: the place of the group (rank NULL: its number), the run, and
 * what there is room for of the value. */
static int set_value_keys(gn_agg *g, agg_walk *w, const uint32_t *rank, gn_err *e)
{
    const agg_spec *s = &g->spec;
    picking p = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < w->nvalues; i++) {
            gn_str k = gn_hashtab_key(g->t.values, (uint32_t)i);
            uint32_t group = value_group(k);
            uint8_t packed[GN_SORTKEY_BYTES];
            g->scratch.n = 0;
            if (gn_keycode_add(&g->scratch, s->col[s->run[k.p[4]].col].type, value_bytes(k), false,
                               e))
                return -1;
            if (pass == 0) {
                pick_see(&p, &g->scratch);
                continue;
            }
            gn_put32(packed, rank ? rank[group] : group);
            packed[4] = k.p[4];
            size_t n = 5 + pick_pack(&p, &g->scratch, packed + 5);
            gn_sortkey_set(&w->value[i], packed, n);
            w->value[i].item = (uint32_t)i;
        }
        if (pass == 0)
            pick_choose(&p, GN_SORTKEY_BYTES - 5);
    }
    return 0;
}

static int sort_values(gn_agg *g, agg_walk *w, gn_err *e)
{
    uint32_t *rank = NULL;
    if (w->group) {
        if (!(rank = gn_alloc(w->ngroups, sizeof *rank, e)))
            return -1;
        for (size_t i = 0; i < w->ngroups; i++)
            rank[w->group[i].item] = (uint32_t)i;
    }
    int r = set_value_keys(g, w, rank, e);
    free(rank);
    if (r == 0)
        gn_keysort(w->value, w->nvalues, cmp_values, g);
    return r;
}

int agg_walk_begin(agg_walk *w, gn_agg *g, bool sorted, gn_err *e)
{
    *w = (agg_walk){
        .g = g, .ngroups = gn_hashtab_count(g->t.groups), .nvalues = gn_hashtab_count(g->t.values)};
    size_t groups = sorted ? 0 : w->ngroups;
    w->bytes = (groups + w->nvalues) * sizeof(gn_sortkey) + groups * sizeof(uint32_t);
    gn_budget_give(g->o.budget, g->reserve); /* until the tables are cleared */
    g->reserve = 0;
    agg_cell_release(&g->spec, g->cell_sum);
    memset(g->cell_sum, 0, g->spec.cell);
    if (gn_budget_take(g->o.budget, w->bytes, e)) {
        w->bytes = 0;
        return -1;
    }
    if (!sorted && !(w->group = gn_alloc(groups, sizeof *w->group, e)))
        return -1;
    if (!(w->value = gn_alloc(w->nvalues, sizeof *w->value, e)))
        return -1;
    return (!sorted && sort_groups(g, w, e)) || sort_values(g, w, e) ? -1 : 0;
}

void agg_walk_end(agg_walk *w)
{
    gn_agg *g = w->g;
    free(w->group);
    free(w->value);
    gn_buf_release(&w->code);
    gn_buf_release(&w->body);
    gn_budget_give(g->o.budget, w->bytes);
}

static uint32_t walk_group(const agg_walk *w, size_t rank)
{
    return w->group ? w->group[rank].item : (uint32_t)rank;
}

/* Keys that were looked up just when the memory ran out have no cell, no count yet: `none`. */
static void *item_at(const agg_chunks *c, size_t i, void *none)
{
    return i / AGG_CHUNK < c->n ? agg_chunk_at(c, i) : none;
}

/* Values and groups lie in order of their numbers: what comes soon is asked for ahead. */
static void walk_ahead(const agg_walk *w)
{
    const gn_agg *g = w->g;
    if (w->vat + 2 * AHEAD < w->nvalues) {
        uint32_t far = w->value[w->vat + 2 * AHEAD].item, near = w->value[w->vat + AHEAD].item;
        gn_hashtab_prefetch(g->t.values, far);
        __builtin_prefetch(gn_hashtab_key(g->t.values, near).p);
        __builtin_prefetch(item_at(&g->t.counts, near, NULL));
    }
    if (w->group && w->at + 2 * AHEAD < w->ngroups) {
        uint32_t far = w->group[w->at + 2 * AHEAD].item, near = w->group[w->at + AHEAD].item;
        gn_hashtab_prefetch(g->t.groups, far);
        __builtin_prefetch(gn_hashtab_key(g->t.groups, near).p);
        __builtin_prefetch(item_at(&g->t.cells, near, NULL));
    }
}

int agg_walk_next(agg_walk *w, gn_str *key, gn_str *body, gn_err *e)
{
    walk_ahead(w);
    gn_agg *g = w->g;
    const agg_spec *s = &g->spec;
    uint64_t none = 0;
    w->body.n = 0;
    if (w->at > 0 && w->vat < w->nvalues && w->value[w->vat].hi >> 32 == w->at - 1) {
        uint32_t i = w->value[w->vat++].item;
        gn_str k = gn_hashtab_key(g->t.values, i);
        uint8_t tag = (uint8_t)(1 + k.p[4]), head[9] = {tag};
        gn_str v = value_bytes(k);
        gn_put64(head + 1, *(const uint64_t *)item_at(&g->t.counts, i, &none));
        w->code.n = w->ncode;
        if ((!w->direct &&
             (gn_buf_add(&w->code, &tag, 1, e) ||
              gn_keycode_add(&w->code, s->col[s->run[k.p[4]].col].type, v, false, e))) ||
            gn_buf_add(&w->body, head, sizeof head, e) || gn_buf_add(&w->body, v.p, v.n, e))
            return -1;
    } else if (w->at < w->ngroups) {
        uint32_t i = walk_group(w, w->at++);
        gn_str k = gn_hashtab_key(g->t.groups, i);
        uint8_t tag = 0, head[5] = {0};
        gn_put32(head + 1, k.n);
        w->cell = item_at(&g->t.cells, i, g->cell_sum);
        if (gn_buf_add(&w->body, head, sizeof head, e) || gn_buf_add(&w->body, k.p, k.n, e))
            return -1;
        if (!w->direct) {
            if (agg_group_code(s, k, &w->code, e))
                return -1;
            w->ncode = w->code.n;
            if (gn_buf_add(&w->code, &tag, 1, e) || agg_cell_put(s, w->cell, &w->body, e))
                return -1;
        }
    } else {
        return 0;
    }
    *key = (gn_str){w->code.p, (uint32_t)w->code.n};
    *body = (gn_str){w->body.p, (uint32_t)w->body.n};
    return 1;
}

gn_str agg_body_keys(gn_str body)
{
    return (gn_str){body.p + 5, gn_be32(body.p + 1)};
}

gn_str agg_body_state(gn_str body)
{
    uint32_t n = 5 + gn_be32(body.p + 1);
    return (gn_str){body.p + n, body.n - n};
}

/* Two entries of one key into one. */
static int combine(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e)
{
    gn_agg *g = ctx;
    (void)key;
    if (body.p[0]) {
        uint64_t n;
        if (__builtin_add_overflow(gn_be64(sum->p + 1), gn_be64(body.p + 1), &n))
            return gn_fail(e, GN_INPUT, "a count overflows");
        gn_put64(sum->p + 1, n);
        return 0;
    }
    gn_str mine = {sum->p, (uint32_t)sum->n};
    agg_cell_release(&g->spec, g->cell_sum);
    memset(g->cell_sum, 0, g->spec.cell);
    gn_arena_release(&g->texts_sum);
    if (agg_sketches_merge(&g->spec, g->cell_sum, agg_body_state(mine), NULL, e) ||
        agg_sketches_merge(&g->spec, g->cell_sum, agg_body_state(body), NULL, e) ||
        agg_cell_merge(&g->spec, g->cell_sum, agg_body_state(mine), &g->texts_sum, e) ||
        agg_cell_merge(&g->spec, g->cell_sum, agg_body_state(body), &g->texts_sum, e))
        return -1;
    sum->n = 5 + agg_body_keys(mine).n;
    return agg_cell_put(&g->spec, g->cell_sum, sum, e);
}

int agg_tables_clear(gn_agg *g, gn_err *e)
{
    agg_tables_release(g);
    return agg_tables_init(g, e);
}

int agg_spill_open(gn_agg *g, gn_err *e)
{
    if (!g->spill) {
        gn_spill_options o = {.dir = g->o.temp_dir,
                              .budget = g->o.budget,
                              .memory = g->o.budget ? g->o.budget->cap / 2 : 0,
                              .combine = combine,
                              .ctx = g};
        if (!(g->spill = gn_spill_new(&o, e)))
            return -1;
    }
    return gn_spill_run(g->spill, e);
}

int agg_spill(gn_agg *g, gn_err *e)
{
    agg_walk w;
    gn_str key, body;
    int r = agg_walk_begin(&w, g, false, e) || agg_spill_open(g, e) ? -1 : 1;
    while (r == 1 && (r = agg_walk_next(&w, &key, &body, e)) == 1)
        if (gn_spill_put(g->spill, key, body, e))
            r = -1;
    agg_walk_end(&w);
    if (r < 0)
        return -1;
    g->ordered = false; /* from here on groups come back in parts */
    return agg_tables_clear(g, e);
}
