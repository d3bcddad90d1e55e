/* celltab.h - a hash table from (key, tag) to a cell of one cache line, made to be spilled.
 *
 * A cell is 64 bytes: the tag in tag_bits bits, the key itself when it fits the 16 bytes of `a` and
 * `b` beside it, and 48 bytes of the caller's, zero at first. The tag is a small number that
 * belongs to the key: a day, or a block of days. Cells never move.
 *
 * Lookups are batched: hashes first, then slots, then cells, each prefetched a stage ahead, so that
 * misses overlap. Full keys are compared always, never hashes alone.
 *
 * When memory is used up, gn_celltab_sort orders the cells in place, without memory of its own;
 * the caller writes them away in that order and goes on after gn_celltab_clear.
 *
 * Keys are canonical msgpack encodings (never empty, at least 16 readable bytes at `p`, which may
 * lie beyond the key: see GN_SLACK). */
#ifndef GN_KERNEL_CELLTAB_H
#define GN_KERNEL_CELLTAB_H

#include "../base/hash.h"
#include "../base/mem.h"
#include "../stream/batch.h"
#include "keysort.h"

#include <string.h>

#define GN_CELL_WORDS 6
#define GN_CELL_KEY 16 /* bytes that gn_celltab_key may need */

typedef struct gn_cell {
    uint64_t a, b; /* see celltab.c */
    uint64_t body[GN_CELL_WORDS];
} gn_cell;

_Static_assert(sizeof(gn_cell) == 64, "a cell is a cache line");
_Static_assert(sizeof(void *) <= 8, "a pointer fits a word of the cell");

typedef struct gn_celltab {
    gn_budget *budget;
    unsigned tag_bits; /* 16 or 24 */
    uint64_t *slot;    /* hash << 32 | cell + 1; 0 is empty; NULL: no table yet */
    size_t nslots;     /* a power of two */
    gn_cell **chunk;
    size_t nchunks, count;
    gn_arena longs;
    uint32_t first_tag;
    bool many_tags; /* more than one tag in use */
} gn_celltab;

/* Memory is charged to the budget (may be NULL). */
int gn_celltab_init(gn_celltab *t, unsigned tag_bits, gn_budget *b, gn_err *e);
void gn_celltab_release(gn_celltab *t); /* idempotent; also of a zeroed one */

/* The key of a cell; `room` is where a short one is put together. */
gn_str gn_celltab_key(const gn_celltab *t, const gn_cell *c, uint8_t room[GN_CELL_KEY]);
static inline uint32_t gn_celltab_tag(const gn_celltab *t, const gn_cell *c)
{
    return (uint32_t)(c->a & ((UINT64_C(1) << t->tag_bits) - 1));
}

/* Order the cells by key and tag: keys by value as a field of *type, or, with NULL, by the bytes of
 * their encodings. After that there are no lookups until gn_celltab_clear. */
int gn_celltab_sort(gn_celltab *t, const gn_type *type, gn_err *e);
/* Cell i, i < count, in that order. */
gn_cell *gn_celltab_sorted(const gn_celltab *t, size_t i);
/* No cells; their memory is given back, that of the index stays. */
void gn_celltab_clear(gn_celltab *t);

/* ---- lookups; what follows is inlined into their loops ---- */

#define GN_CELL_CHUNK_BITS 15       /* cells in a chunk: 2 MiB, a huge page */
#define GN_CELL_LONG UINT64_C(0xc1) /* a byte that begins no msgpack value */
#define GN_CELL_LEAD 16             /* rows between the stages of a lookup */
#define GN_CELL_RING 64             /* > 2 * GN_CELL_LEAD, a power of two */

/* What is looked up. `arg` is the caller's. */
typedef struct gn_cellprobe {
    uint64_t a, b;
    uint32_t hash;
    uint32_t n;
    const uint8_t *key;
    uint32_t arg;
} gn_cellprobe;

typedef struct gn_long_key {
    uint32_t n;
    uint8_t p[];
} gn_long_key;

/* Of a key that is too long for a cell. */
void gn_cellprobe_long(gn_cellprobe *q, uint32_t tag, unsigned tag_bits);
/* A new cell for q, which is not there, in the free slot that gn_celltab_find left; NULL when out
 * of memory. */
gn_cell *gn_celltab_insert(gn_celltab *t, const gn_cellprobe *q, size_t slot, gn_err *e);

static inline gn_cell *gn_celltab_at(const gn_celltab *t, size_t i)
{
    return &t->chunk[i >> GN_CELL_CHUNK_BITS][i & (((size_t)1 << GN_CELL_CHUNK_BITS) - 1)];
}

static inline uint64_t gn_cell_word(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint32_t gn_cell_hash(uint64_t a, uint64_t b)
{
    uint64_t w[2] = {a, b};
    return (uint32_t)gn_hash_table(w, sizeof w);
}

static inline void gn_cellprobe_set(gn_cellprobe *q, gn_str key, uint32_t tag, unsigned tag_bits,
                                    uint32_t arg)
{
    q->arg = arg;
    q->n = key.n;
    q->key = key.p;
    if (__builtin_expect(key.n > GN_CELL_KEY - tag_bits / 8, 0)) {
        gn_cellprobe_long(q, tag, tag_bits);
        return;
    }
    uint64_t x = gn_cell_word(key.p), y = 0;
    if (key.n < 8)
        x &= (UINT64_C(1) << (8 * key.n)) - 1;
    else if (key.n > 8)
        y = gn_cell_word(key.p + 8) & ((UINT64_C(1) << (8 * (key.n - 8))) - 1);
    q->a = tag | x << tag_bits;
    q->b = x >> (64 - tag_bits) | y << tag_bits;
    q->hash = gn_cell_hash(q->a, q->b);
}

static inline bool gn_cell_is(const gn_cell *c, const gn_cellprobe *q, unsigned tag_bits)
{
    if (c->a != q->a)
        return false;
    if (__builtin_expect(q->n <= GN_CELL_KEY - tag_bits / 8, 1))
        return c->b == q->b;
    const gn_long_key *k = (const gn_long_key *)(uintptr_t)c->b;
    return k->n == q->n && memcmp(k->p, q->key, q->n) == 0;
}

/* The cell of a probe, or NULL; *slot is then where it would go. */
static inline gn_cell *gn_celltab_find(const gn_celltab *t, const gn_cellprobe *q, size_t *slot,
                                       unsigned tag_bits)
{
    size_t mask = t->nslots - 1, j = q->hash & mask;
    for (uint64_t v; (v = t->slot[j]) != 0; j = (j + 1) & mask) {
        if ((uint32_t)(v >> 32) != q->hash)
            continue;
        gn_cell *c = gn_celltab_at(t, (uint32_t)v - 1);
        if (gn_cell_is(c, q, tag_bits))
            return c;
    }
    *slot = j;
    return NULL;
}

/* The cell whose slot has this hash, most likely the one wanted; NULL when there is none. */
static inline gn_cell *gn_celltab_likely(const gn_celltab *t, uint32_t hash)
{
    size_t mask = t->nslots - 1;
    for (size_t j = hash & mask;; j = (j + 1) & mask) {
        uint64_t v = t->slot[j];
        if (v == 0)
            return NULL;
        if ((uint32_t)(v >> 32) == hash)
            return gn_celltab_at(t, (uint32_t)v - 1);
    }
}

/* Look up n rows, or make their cells: ask(ctx, i, q) sets the probe of row i, hit(ctx, q, cell)
 * uses what was found. Returns how many rows were done, from the first: n, or fewer when memory is
 * used up (*e is set, and the table still valid).
 *
 * Three stages run at once, each GN_CELL_LEAD rows behind the one before: hash a key and ask for
 * its slot; look at the slot and ask for the cell; compare the cell and use it. What was asked for
 * has arrived by the time it is needed, and requests are spread evenly over the work. */
static inline __attribute__((always_inline)) size_t
gn_celltab_rows(gn_celltab *t, unsigned tag_bits, size_t n,
                void (*ask)(void *ctx, size_t i, gn_cellprobe *q),
                void (*hit)(void *ctx, const gn_cellprobe *q, gn_cell *c), void *ctx, gn_err *e)
{
    gn_cellprobe q[GN_CELL_RING];
    gn_cell *likely[GN_CELL_RING];
    size_t at;
    for (size_t i = 0; i < n + 2 * GN_CELL_LEAD; i++) {
        if (i < n) {
            gn_cellprobe *p = &q[i % GN_CELL_RING];
            ask(ctx, i, p);
            __builtin_prefetch(&t->slot[p->hash & (t->nslots - 1)]);
        }
        if (i >= GN_CELL_LEAD && i - GN_CELL_LEAD < n) {
            size_t k = (i - GN_CELL_LEAD) % GN_CELL_RING;
            likely[k] = gn_celltab_likely(t, q[k].hash);
            if (likely[k])
                __builtin_prefetch(likely[k], 1);
        }
        if (i >= 2 * GN_CELL_LEAD) {
            size_t k = (i - 2 * GN_CELL_LEAD) % GN_CELL_RING;
            gn_cell *c = likely[k]; /* cells never move: it is still there */
            if ((!c || !gn_cell_is(c, &q[k], tag_bits)) &&
                !(c = gn_celltab_find(t, &q[k], &at, tag_bits)) &&
                !(c = gn_celltab_insert(t, &q[k], at, e)))
                return i - 2 * GN_CELL_LEAD;
            hit(ctx, &q[k], c);
        }
    }
    return n;
}

#endif
