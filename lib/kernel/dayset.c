/* dayset.c - see dayset.h. Open addressing with linear probing; a slot holds 32 bits of the hash
 * and the number of a cell, so growing the table reads no cell. Cells live in chunks and never
 * move. */
#include "dayset.h"

#include "../base/civil.h"
#include "../base/hash.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BITS 15 /* cells in a chunk: 2 MiB, a huge page */
#define CHUNK_CELLS ((size_t)1 << CHUNK_BITS)
#define CHUNK_BYTES (CHUNK_CELLS * sizeof(cell))
#define SLOTS_MIN ((size_t)1 << 12)
#define CELLS_MAX ((size_t)UINT32_MAX - 1)
#define INLINE_KEY 14
#define LONG_MARK UINT64_C(0xc1) /* a byte that begins no msgpack value */
#define LEAD 16                  /* rows between the stages of a lookup */
#define RING 64                  /* > 2 * LEAD, a power of two */
#define MARGIN 8                 /* days before the first one seen that still share its block */

/* a: block number in 16 bits, then the first 6 key bytes; b: the next 8, zero-padded. Encodings
 * are self-delimiting, so padded ones are equal only when the keys are. A longer key has the mark
 * as its first byte, 40 bits of hash, and in b the place of a long_key. */
typedef struct cell {
    uint64_t a, b;
    uint64_t bits[GN_DAYSET_WORDS];
} cell;

typedef struct long_key {
    uint32_t n;
    uint8_t p[];
} long_key;

_Static_assert(sizeof(cell) == 64, "a cell is a cache line");
_Static_assert(sizeof(void *) <= 8, "a pointer fits a word of the cell");

struct gn_dayset {
    gn_budget *budget;
    uint64_t *slot; /* hash << 32 | cell + 1; 0 is empty */
    size_t nslots;  /* a power of two */
    cell **chunk;
    size_t nchunks, ncells;
    gn_arena longs;
    bool based;
    int64_t base; /* the day that block numbers count from */
    bool many;
    uint16_t first_block;
};

gn_dayset *gn_dayset_new(gn_budget *b, gn_err *e)
{
    gn_dayset *s = gn_calloc(1, sizeof *s, e);
    if (!s)
        return NULL;
    s->budget = b;
    gn_arena_init(&s->longs, b);
    s->nslots = SLOTS_MIN;
    s->slot = gn_map(s->nslots * sizeof *s->slot, b, e);
    if (!s->slot) {
        gn_dayset_free(s);
        return NULL;
    }
    return s;
}

void gn_dayset_free(gn_dayset *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->nchunks; i++)
        gn_unmap(s->chunk[i], CHUNK_BYTES, s->budget);
    free(s->chunk);
    gn_unmap(s->slot, s->nslots * sizeof *s->slot, s->budget);
    gn_arena_release(&s->longs);
    free(s);
}

static inline cell *cell_at(const gn_dayset *s, size_t i)
{
    return &s->chunk[i >> CHUNK_BITS][i & (CHUNK_CELLS - 1)];
}

static int grow(gn_dayset *s, gn_err *e)
{
    size_t n = s->nslots * 2, mask = n - 1;
    uint64_t *t = gn_map(n * sizeof *t, s->budget, e);
    if (!t)
        return -1;
    for (size_t i = 0; i < s->nslots; i++) {
        uint64_t v = s->slot[i];
        if (!v)
            continue;
        size_t j = (v >> 32) & mask;
        while (t[j])
            j = (j + 1) & mask;
        t[j] = v;
    }
    gn_unmap(s->slot, s->nslots * sizeof *s->slot, s->budget);
    s->slot = t;
    s->nslots = n;
    return 0;
}

static cell *new_cell(gn_dayset *s, gn_err *e)
{
    if (s->ncells == CELLS_MAX) {
        gn_fail(e, GN_IO, "more than %zu users and blocks of days", CELLS_MAX);
        return NULL;
    }
    if (s->ncells == s->nchunks << CHUNK_BITS) {
        cell **p = gn_realloc(s->chunk, s->nchunks + 1, sizeof *p, e);
        if (!p)
            return NULL;
        s->chunk = p;
        if (!(p[s->nchunks] = gn_map(CHUNK_BYTES, s->budget, e)))
            return NULL;
        s->nchunks++;
    }
    return cell_at(s, s->ncells);
}

/* What is looked up. `key` points at the bytes only for long keys. */
typedef struct probe {
    uint64_t a, b;
    uint32_t hash;
    uint16_t bit;
    uint32_t n;
    const uint8_t *key;
} probe;

static inline uint64_t le64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint32_t hash_words(uint64_t a, uint64_t b)
{
    uint64_t w[2] = {a, b};
    return (uint32_t)gn_hash_table(w, sizeof w);
}

static void probe_long(probe *q, uint64_t block)
{
    uint64_t h = gn_hash_table(q->key, q->n);
    q->a = block | LONG_MARK << 16 | h << 24;
    q->b = 0;
    q->hash = hash_words(q->a, 0);
}

static inline void probe_set(probe *q, gn_str key, uint64_t block, unsigned bit)
{
    q->bit = (uint16_t)bit;
    q->n = key.n;
    q->key = key.p;
    if (__builtin_expect(key.n > INLINE_KEY, 0)) {
        probe_long(q, block);
        return;
    }
    uint64_t x = le64(key.p), y = 0;
    if (key.n < 8)
        x &= (UINT64_C(1) << (8 * key.n)) - 1;
    else if (key.n > 8)
        y = le64(key.p + 8) & ((UINT64_C(1) << (8 * (key.n - 8))) - 1);
    q->a = block | x << 16;
    q->b = x >> 48 | y << 16;
    q->hash = hash_words(q->a, q->b);
}

static inline bool same_key(const cell *c, const probe *q)
{
    if (c->a != q->a)
        return false;
    if (__builtin_expect(q->n <= INLINE_KEY, 1))
        return c->b == q->b;
    const long_key *k = (const long_key *)(uintptr_t)c->b;
    return k->n == q->n && memcmp(k->p, q->key, q->n) == 0;
}

/* The cell of a probe, or NULL; *slot is where it is, or where it would go. */
static inline cell *find(const gn_dayset *s, const probe *q, size_t *slot)
{
    size_t mask = s->nslots - 1, j = q->hash & mask;
    for (uint64_t v; (v = s->slot[j]) != 0; j = (j + 1) & mask) {
        if ((uint32_t)(v >> 32) != q->hash)
            continue;
        cell *c = cell_at(s, (uint32_t)v - 1);
        if (same_key(c, q))
            return c;
    }
    *slot = j;
    return NULL;
}

static cell *insert(gn_dayset *s, const probe *q, size_t slot, gn_err *e)
{
    uint64_t b = q->b;
    if (s->ncells * 2 >= s->nslots) {
        if (grow(s, e))
            return NULL;
        (void)find(s, q, &slot);
    }
    cell *c = new_cell(s, e);
    if (!c)
        return NULL;
    if (q->n > INLINE_KEY) {
        long_key *k = gn_arena_alloc(&s->longs, sizeof *k + q->n, e);
        if (!k)
            return NULL;
        k->n = q->n;
        memcpy(k->p, q->key, q->n);
        b = (uint64_t)(uintptr_t)k;
    }
    c->a = q->a;
    c->b = b;
    s->slot[slot] = (uint64_t)q->hash << 32 | (uint64_t)(++s->ncells);
    uint16_t block = (uint16_t)q->a;
    if (s->ncells == 1)
        s->first_block = block;
    s->many |= block != s->first_block;
    return c;
}

/* Blocks begin a little before the first days seen, so that a year of data is one block wherever
 * it begins. The choice affects memory only, never results. */
static void choose_base(gn_dayset *s, const int64_t *day, const uint16_t *row, size_t n)
{
    int64_t least = day[row ? row[0] : 0];
    for (size_t i = 1; i < n; i++) {
        int64_t d = day[row ? row[i] : i];
        least = d < least ? d : least;
    }
    int64_t begin = least - MARGIN;
    int64_t blocks = (begin - (GN_DAY_MIN - GN_DAYSET_SPAN)) / GN_DAYSET_SPAN;
    s->base = begin - blocks * GN_DAYSET_SPAN; /* at or before GN_DAY_MIN */
    s->based = true;
}

/* The cell whose slot has this hash, most likely the one wanted; NULL when there is none. */
static inline cell *likely_cell(const gn_dayset *s, uint32_t hash)
{
    size_t mask = s->nslots - 1;
    for (size_t j = hash & mask;; j = (j + 1) & mask) {
        uint64_t v = s->slot[j];
        if (v == 0)
            return NULL;
        if ((uint32_t)(v >> 32) == hash)
            return cell_at(s, (uint32_t)v - 1);
    }
}

/* Three stages run at once, each LEAD rows behind the one before: hash a key and ask for its slot;
 * look at the slot and ask for the cell; compare the cell and set the bit. What was asked for has
 * arrived by the time it is needed, and requests are spread evenly over the work. */
int gn_dayset_add(gn_dayset *s, const gn_str *key, const int64_t *day, const uint16_t *row,
                  size_t n, gn_err *e)
{
    probe q[RING];
    cell *likely[RING];
    size_t at;
    if (n && !s->based)
        choose_base(s, day, row, n);
    for (size_t i = 0; i < n + 2 * LEAD; i++) {
        if (i < n) {
            size_t r = row ? row[i] : i;
            uint32_t d = (uint32_t)(day[r] - s->base);
            probe *p = &q[i % RING];
            probe_set(p, key[r], d / GN_DAYSET_SPAN, d % GN_DAYSET_SPAN);
            __builtin_prefetch(&s->slot[p->hash & (s->nslots - 1)]);
        }
        if (i >= LEAD && i - LEAD < n) {
            size_t k = (i - LEAD) % RING;
            likely[k] = likely_cell(s, q[k].hash);
            if (likely[k])
                __builtin_prefetch(likely[k], 1);
        }
        if (i >= 2 * LEAD) {
            const probe *p = &q[(i - 2 * LEAD) % RING];
            cell *c = likely[(i - 2 * LEAD) % RING]; /* cells never move: it is still there */
            if ((!c || !same_key(c, p)) && !(c = find(s, p, &at)) && !(c = insert(s, p, at, e)))
                return -1;
            c->bits[p->bit / 64] |= UINT64_C(1) << (p->bit % 64);
        }
    }
    return 0;
}

size_t gn_dayset_count(const gn_dayset *s)
{
    return s->ncells;
}

gn_daycell gn_dayset_cell(const gn_dayset *s, size_t i)
{
    const cell *c = cell_at(s, i);
    return (gn_daycell){s->base + (int64_t)(uint16_t)c->a * GN_DAYSET_SPAN, c->bits};
}

const uint64_t *gn_dayset_neighbour(const gn_dayset *s, size_t i, int delta)
{
    const cell *c = cell_at(s, i);
    int block = (int)(uint16_t)c->a + delta;
    probe q = {.a = (c->a & ~UINT64_C(0xffff)) | (uint64_t)(uint16_t)block, .b = c->b};
    size_t at;
    if (block < 0)
        return NULL;
    if ((c->a >> 16 & 0xff) == LONG_MARK) {
        const long_key *k = (const long_key *)(uintptr_t)c->b;
        q.key = k->p;
        q.n = k->n;
        q.b = 0;
    }
    q.hash = hash_words(q.a, q.b);
    cell *f = find(s, &q, &at);
    return f ? f->bits : NULL;
}

bool gn_dayset_many_blocks(const gn_dayset *s)
{
    return s->many;
}
