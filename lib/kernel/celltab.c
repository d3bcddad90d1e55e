/* celltab.c - see celltab.h. Open addressing with linear probing; a slot holds 32 bits of the hash
 * and the number of a cell, so growing the table reads no cell. Cells live in chunks and never
 * move.
 *
 * A cell's `a` is the tag and then the first bytes of the key, `b` the bytes that follow,
 * zero-padded. Encodings are self-delimiting, so padded ones are equal only when the keys are. A
 * longer key has GN_CELL_LONG as its first byte, a hash behind it, and in `b` the place of a
 * gn_long_key.
 *
 * Slots are never more than half full, so they have room for a 16-byte sort key a cell: sorting
 * needs no other memory. The bytes that all keys share are skipped in sort keys. */
#include "celltab.h"

#include "../io/mp.h"
#include "../stream/value.h"
#include "keycode.h"

#include <stdlib.h>

#define CHUNK_BYTES (sizeof(gn_cell) << GN_CELL_CHUNK_BITS)
#define SLOTS_MIN ((size_t)1 << 12)
#define CELLS_MAX ((size_t)UINT32_MAX - 1)
#define AHEAD 16 /* cells that reading in order asks for in advance */

int gn_celltab_init(gn_celltab *t, unsigned tag_bits, gn_budget *b, gn_err *e)
{
    *t = (gn_celltab){.budget = b, .tag_bits = tag_bits, .nslots = SLOTS_MIN};
    gn_arena_init(&t->longs, b);
    t->slot = gn_map(t->nslots * sizeof *t->slot, b, e);
    return t->slot ? 0 : -1;
}

static void free_cells(gn_celltab *t)
{
    for (size_t i = 0; i < t->nchunks; i++)
        gn_unmap(t->chunk[i], CHUNK_BYTES, t->budget);
    gn_arena_release(&t->longs);
    t->nchunks = t->count = 0;
    t->many_tags = false;
}

void gn_celltab_release(gn_celltab *t)
{
    free_cells(t);
    free(t->chunk);
    gn_unmap(t->slot, t->nslots * sizeof *t->slot, t->budget);
    t->chunk = NULL;
    t->slot = NULL;
}

void gn_celltab_clear(gn_celltab *t)
{
    free_cells(t);
    memset(t->slot, 0, t->nslots * sizeof *t->slot);
}

/* ---- growing ---- */

static int grow(gn_celltab *t, gn_err *e)
{
    size_t n = t->nslots * 2, mask = n - 1;
    uint64_t *s = gn_map(n * sizeof *s, t->budget, e);
    if (!s)
        return -1;
    for (size_t i = 0; i < t->nslots; i++) {
        uint64_t v = t->slot[i];
        if (!v)
            continue;
        size_t j = (v >> 32) & mask;
        while (s[j])
            j = (j + 1) & mask;
        s[j] = v;
    }
    gn_unmap(t->slot, t->nslots * sizeof *t->slot, t->budget);
    t->slot = s;
    t->nslots = n;
    return 0;
}

static gn_cell *new_cell(gn_celltab *t, gn_err *e)
{
    if (t->count == CELLS_MAX) {
        gn_fail(e, GN_IO, "more than %zu keys in memory", CELLS_MAX);
        return NULL;
    }
    if (t->count == t->nchunks << GN_CELL_CHUNK_BITS) {
        gn_cell **p = gn_realloc(t->chunk, t->nchunks + 1, sizeof *p, e);
        if (!p)
            return NULL;
        t->chunk = p;
        if (!(p[t->nchunks] = gn_map(CHUNK_BYTES, t->budget, e)))
            return NULL;
        t->nchunks++;
    }
    return gn_celltab_at(t, t->count);
}

void gn_cellprobe_long(gn_cellprobe *q, uint32_t tag, unsigned tag_bits)
{
    uint64_t h = gn_hash_table(q->key, q->n);
    q->a = tag | GN_CELL_LONG << tag_bits | h << (tag_bits + 8);
    q->b = 0;
    q->hash = gn_cell_hash(q->a, 0);
}

gn_cell *gn_celltab_insert(gn_celltab *t, const gn_cellprobe *q, size_t slot, gn_err *e)
{
    uint64_t b = q->b;
    if (t->count * 2 >= t->nslots) {
        if (grow(t, e))
            return NULL;
        for (slot = q->hash & (t->nslots - 1); t->slot[slot];)
            slot = (slot + 1) & (t->nslots - 1);
    }
    gn_cell *c = new_cell(t, e);
    if (!c)
        return NULL;
    if (q->n > GN_CELL_KEY - t->tag_bits / 8) {
        gn_long_key *k = gn_arena_alloc(&t->longs, sizeof *k + q->n, e);
        if (!k)
            return NULL;
        k->n = q->n;
        memcpy(k->p, q->key, q->n);
        b = (uint64_t)(uintptr_t)k;
    }
    c->a = q->a;
    c->b = b;
    t->slot[slot] = (uint64_t)q->hash << 32 | (uint64_t)(++t->count);
    uint32_t tag = gn_celltab_tag(t, c);
    if (t->count == 1)
        t->first_tag = tag;
    t->many_tags |= tag != t->first_tag;
    return c;
}

/* ---- in order ---- */

gn_str gn_celltab_key(const gn_celltab *t, const gn_cell *c, uint8_t room[GN_CELL_KEY])
{
    if ((c->a >> t->tag_bits & 0xff) == GN_CELL_LONG) {
        const gn_long_key *k = (const gn_long_key *)(uintptr_t)c->b;
        return (gn_str){k->p, k->n};
    }
    uint64_t x = c->a >> t->tag_bits | c->b << (64 - t->tag_bits), y = c->b >> t->tag_bits;
    memcpy(room, &x, 8);
    memcpy(room + 8, &y, 8);
    const uint8_t *end = gn_mp_skip(room, room + GN_CELL_KEY);
    return (gn_str){room, end ? (uint32_t)(end - room) : GN_CELL_KEY};
}

typedef struct sorting {
    const gn_celltab *t;
    const gn_type *type; /* NULL: by encoding */
    gn_buf code;
    uint8_t room[GN_CELL_KEY];
} sorting;

/* The bytes that cell i is sorted by. */
static int code_of(sorting *s, size_t i, gn_str *code, gn_err *e)
{
    gn_str key = gn_celltab_key(s->t, gn_celltab_at(s->t, i), s->room);
    *code = key;
    if (!s->type)
        return 0;
    s->code.n = 0;
    if (gn_keycode_add(&s->code, *s->type, key, false, e))
        return -1;
    *code = (gn_str){s->code.p, (uint32_t)s->code.n};
    return 0;
}

static int cmp_cells(const void *ctx, uint32_t i, uint32_t j)
{
    const sorting *s = ctx;
    const gn_cell *c = gn_celltab_at(s->t, i), *d = gn_celltab_at(s->t, j);
    uint8_t cr[GN_CELL_KEY], dr[GN_CELL_KEY];
    gn_str x = gn_celltab_key(s->t, c, cr), y = gn_celltab_key(s->t, d, dr);
    int r = s->type ? gn_value_cmp(*s->type, x, y) : memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    if (r)
        return r;
    uint32_t a = gn_celltab_tag(s->t, c), b = gn_celltab_tag(s->t, d);
    return (a > b) - (a < b);
}

/* How many bytes the codes of all cells have in common at their beginning. */
static int common_bytes(sorting *s, size_t *common, gn_err *e)
{
    gn_buf first = {0};
    gn_str code;
    int r = code_of(s, 0, &code, e) || gn_buf_add(&first, code.p, code.n, e) ? -1 : 0;
    size_t n = code.n;
    for (size_t i = 1; r == 0 && n && i < s->t->count; i++) {
        r = code_of(s, i, &code, e);
        size_t k = 0, most = code.n < n ? code.n : n;
        while (r == 0 && k < most && code.p[k] == first.p[k])
            k++;
        n = k;
    }
    gn_buf_release(&first);
    *common = n;
    return r;
}

int gn_celltab_sort(gn_celltab *t, const gn_type *type, gn_err *e)
{
    sorting s = {.t = t, .type = type};
    gn_sortkey *v = (gn_sortkey *)(void *)t->slot; /* no lookups any more: its memory is free */
    gn_str code;
    size_t skip = 0;
    int r = t->count ? common_bytes(&s, &skip, e) : 0;
    for (size_t i = 0; r == 0 && i < t->count; i++) {
        r = code_of(&s, i, &code, e);
        if (r == 0) {
            gn_sortkey_set(&v[i], code.p + skip, code.n - skip);
            v[i].item = (uint32_t)i;
        }
    }
    if (r == 0)
        gn_keysort(v, t->count, cmp_cells, &s);
    gn_buf_release(&s.code);
    return r;
}

gn_cell *gn_celltab_sorted(const gn_celltab *t, size_t i)
{
    const gn_sortkey *v = (const gn_sortkey *)(const void *)t->slot;
    if (i + AHEAD < t->count)
        __builtin_prefetch(gn_celltab_at(t, v[i + AHEAD].item));
    return gn_celltab_at(t, v[i].item);
}
