/* keycount.c - see keycount.h. One cell (celltab.h) a key. When the next one would pass the budget,
 * all of them become a sorted run (spill.h), and at the end the runs are merged.
 *
 * A key of several fields is held as bytes: the concatenated codes of the fields (keycode.h), which
 * sort as the fields do; one of a single field as its encoding. */
#include "keycount.h"

#include "../io/in.h"
#include "../io/mp.h"
#include "../kernel/celltab.h"
#include "../kernel/keycode.h"
#include "../kernel/spill.h"

#include <stdlib.h>
#include <string.h>

#define TAG_BITS 16
#define BODY 16 /* bytes: count and bytes, big-endian */

struct gn_keycount {
    gn_keycount_options o;
    gn_type held; /* of what the table holds */
    gn_celltab cells;
    gn_spill *spill; /* runs; NULL: all is in the table */
    gn_spill *copy;  /* what came of their merge, with `twice` */
    size_t at;       /* in the table, in order */
    bool copied;     /* it is the copy that is read */
    uint64_t copied_bytes;
    gn_buf key, code;
    /* of the rows at hand */
    const gn_batch *batch;
    const uint16_t *row;
    gn_buf keys; /* of several fields */
    gn_str at_row[GN_BATCH];
};

gn_keycount *gn_keycount_new(const gn_keycount_options *o, gn_err *e)
{
    gn_keycount *c = gn_calloc(1, sizeof *c, e);
    if (!c)
        return NULL;
    c->o = *o;
    c->held = o->ntypes == 1 ? o->type[0] : GN_BIN;
    if (gn_celltab_init(&c->cells, TAG_BITS, o->budget, e)) {
        gn_keycount_free(c);
        return NULL;
    }
    return c;
}

void gn_keycount_free(gn_keycount *c)
{
    if (!c)
        return;
    gn_celltab_release(&c->cells);
    gn_spill_free(c->spill);
    gn_spill_free(c->copy);
    gn_buf_release(&c->key);
    gn_buf_release(&c->code);
    gn_buf_release(&c->keys);
    free(c);
}

void gn_keycount_spilled(const gn_keycount *c, uint64_t *runs, uint64_t *bytes)
{
    *runs = c->spill ? gn_spill_runs(c->spill) : 0;
    *bytes = c->spill ? gn_spill_bytes(c->spill) : 0;
    *bytes += c->copy ? gn_spill_bytes(c->copy) : 0;
}

/* ---- counting ---- */

/* The code of a key of several fields, as bytes of the table. */
static int code_row(gn_keycount *c, const int *field, size_t i, gn_err *e)
{
    c->code.n = 0;
    for (size_t k = 0; k < c->o.ntypes; k++)
        if (gn_keycode_add(&c->code, c->o.type[k], c->batch->col[field[k]].raw[i], false, e))
            return -1;
    if (gn_buf_reserve(&c->keys, GN_MP_HEAD + c->code.n + GN_SLACK, e))
        return -1;
    uint8_t *p = gn_mp_bin_head(c->keys.p + c->keys.n, c->code.n);
    memcpy(p, c->code.p, c->code.n);
    c->keys.n = (size_t)(p + c->code.n - c->keys.p);
    return 0;
}

static int take_keys(gn_keycount *c, const int *field, size_t n, gn_err *e)
{
    size_t end[GN_BATCH];
    if (c->o.ntypes == 1) {
        for (size_t k = 0; k < n; k++)
            c->at_row[k] = c->batch->col[field[0]].raw[c->row[k]];
        return 0;
    }
    c->keys.n = 0;
    for (size_t k = 0; k < n; k++) {
        if (code_row(c, field, c->row[k], e))
            return -1;
        end[k] = c->keys.n;
    }
    for (size_t k = 0, from = 0; k < n; from = end[k++])
        c->at_row[k] = (gn_str){c->keys.p + from, (uint32_t)(end[k] - from)};
    return 0;
}

static void ask(void *ctx, size_t k, gn_cellprobe *q)
{
    const gn_keycount *c = ctx;
    const uint32_t *off = &c->batch->off[c->row[k]];
    gn_cellprobe_set(q, c->at_row[k], 0, TAG_BITS, off[1] - off[0]);
}

static void hit(void *ctx, const gn_cellprobe *q, gn_cell *cell)
{
    (void)ctx;
    cell->body[0]++;
    cell->body[1] += q->arg;
}

/* What a cell's key is in a run: its code. */
static int code_of(gn_keycount *c, gn_str key, gn_err *e)
{
    c->code.n = 0;
    if (c->o.ntypes == 1)
        return gn_keycode_add(&c->code, c->held, key, false, e);
    const uint8_t *p = key.p + (key.p[0] == 0xc4 ? 2 : key.p[0] == 0xc5 ? 3 : 5);
    return gn_buf_add(&c->code, p, key.n - (size_t)(p - key.p), e);
}

static int combine(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e)
{
    (void)ctx;
    (void)key;
    (void)e;
    gn_put64(sum->p, gn_be64(sum->p) + gn_be64(body.p));
    gn_put64(sum->p + 8, gn_be64(sum->p + 8) + gn_be64(body.p + 8));
    return 0;
}

static int put(gn_spill *to, gn_str code, uint64_t count, uint64_t bytes, gn_err *e)
{
    uint8_t body[BODY];
    gn_put64(gn_put64(body, count), bytes);
    return gn_spill_put(to, code, (gn_str){body, sizeof body}, e);
}

static int spill_cells(gn_keycount *c, gn_err *e)
{
    gn_spill_options o = {.dir = c->o.temp_dir, .budget = c->o.budget, .combine = combine};
    uint8_t room[GN_CELL_KEY];
    if ((!c->spill && !(c->spill = gn_spill_new(&o, e))) ||
        gn_celltab_sort(&c->cells, &c->held, e) || gn_spill_run(c->spill, e))
        return -1;
    for (size_t i = 0; i < c->cells.count; i++) {
        const gn_cell *cell = gn_celltab_sorted(&c->cells, i);
        if (code_of(c, gn_celltab_key(&c->cells, cell, room), e) ||
            put(c->spill, (gn_str){c->code.p, (uint32_t)c->code.n}, cell->body[0], cell->body[1],
                e))
            return -1;
    }
    gn_celltab_clear(&c->cells);
    return 0;
}

int gn_keycount_add(gn_keycount *c, const gn_batch *b, const int *field, const uint16_t *row,
                    size_t n, gn_err *e)
{
    c->batch = b;
    c->row = row;
    if (take_keys(c, field, n, e))
        return -1;
    for (size_t done = 0; done < n;) {
        gn_err full = {0};
        const gn_str *rest = c->at_row;
        size_t k = gn_celltab_rows(&c->cells, TAG_BITS, n - done, ask, hit, c, &full);
        done += k;
        if (done == n)
            return 0;
        if (c->cells.count == 0)
            return gn_fail(e, full.status, "%s", full.msg);
        if (spill_cells(c, e))
            return -1;
        memmove(c->at_row, rest + k, (n - done) * sizeof *rest);
        c->row += k;
    }
    return 0;
}

/* ---- reading ---- */

static int open_merge(gn_keycount *c, gn_spill *s, gn_err *e)
{
    if (c->o.budget && c->o.budget->cap)
        gn_spill_memory(s, (c->o.budget->cap - c->o.budget->used) / 2);
    return gn_spill_read(s, NULL, e);
}

int gn_keycount_read(gn_keycount *c, gn_err *e)
{
    gn_spill_options o = {.dir = c->o.temp_dir, .budget = c->o.budget};
    c->at = 0;
    if (!c->spill)
        return gn_celltab_sort(&c->cells, &c->held, e);
    if (spill_cells(c, e))
        return -1;
    gn_celltab_release(&c->cells);
    if (c->o.twice && (!(c->copy = gn_spill_new(&o, e)) || gn_spill_run(c->copy, e)))
        return -1;
    return open_merge(c, c->spill, e);
}

int gn_keycount_again(gn_keycount *c, gn_err *e)
{
    c->at = 0;
    if (!c->spill)
        return 0;
    uint64_t runs;
    gn_keycount_spilled(c, &runs, &c->copied_bytes);
    c->copied = true;
    return open_merge(c, c->copy, e);
}

/* A code back into the encodings of the fields. */
static int decode(gn_keycount *c, gn_str code, gn_err *e)
{
    c->key.n = 0;
    for (size_t k = 0; k < c->o.ntypes; k++) {
        size_t n = gn_keycode_get(&c->key, c->o.type[k], code, e);
        if (n == 0)
            return -1;
        code.p += n;
        code.n -= (uint32_t)n;
    }
    return 0;
}

static int next_spilled(gn_keycount *c, gn_keycounted *k, gn_err *e)
{
    gn_str code, body;
    int r = gn_spill_next(c->copied ? c->copy : c->spill, &code, &body, e);
    if (r <= 0)
        return r;
    k->count = gn_be64(body.p);
    k->bytes = gn_be64(body.p + 8);
    return decode(c, code, e) ||
                   (c->o.twice && !c->copied && put(c->copy, code, k->count, k->bytes, e))
               ? -1
               : 1;
}

int gn_keycount_next(gn_keycount *c, gn_keycounted *k, gn_err *e)
{
    if (c->spill) {
        int r = next_spilled(c, k, e);
        k->key = (gn_str){c->key.p, (uint32_t)c->key.n};
        return r;
    }
    if (c->at == c->cells.count)
        return 0;
    uint8_t room[GN_CELL_KEY];
    const gn_cell *cell = gn_celltab_sorted(&c->cells, c->at++);
    gn_str key = gn_celltab_key(&c->cells, cell, room);
    k->count = cell->body[0];
    k->bytes = cell->body[1];
    if (c->o.ntypes > 1) {
        if (code_of(c, key, e) || decode(c, (gn_str){c->code.p, (uint32_t)c->code.n}, e))
            return -1;
    } else {
        c->key.n = 0;
        if (gn_buf_add(&c->key, key.p, key.n, e))
            return -1;
    }
    k->key = (gn_str){c->key.p, (uint32_t)c->key.n};
    return 1;
}
