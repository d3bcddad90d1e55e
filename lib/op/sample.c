/* sample.c - see sample.h.
 *
 * A heap with the greatest unit on top, which is the next to go; with keys also a chained hash
 * table of the units. The top only ever becomes less, so a key that qualifies now has qualified
 * whenever it was seen before: all of its records are there. */
#include "sample.h"

#include "../base/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SALT UINT64_C(0x9e3779b97f4a7c15) /* the top bit is set: salted seeds are never 0 */
#define OVERHEAD 16                       /* of an allocation */

typedef struct record {
    struct record *next; /* of the same unit, backwards */
    uint64_t number;     /* in the input */
    uint64_t part;
    uint32_t n;
    uint8_t bytes[];
} record;

typedef struct unit {
    struct unit *chain; /* of the hash table */
    uint64_t hash;
    record *last;
    uint32_t nkey; /* 0: the record itself is what is compared */
    uint8_t key[];
} unit;

struct gn_sample {
    uint64_t limit, seen;
    bool by_key;
    gn_budget *budget;
    unit **heap;
    size_t n, cap;
    unit **table; /* by_key: `cap` chains, a power of two */
    uint64_t records;
    record **sorted;
};

uint64_t gn_sample_hash(const void *p, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(p, n, seed ^ SALT);
}

gn_sample_rate gn_sample_rate_of(double rate)
{
    gn_sample_rate r = {.all = rate >= 1};
    if (!r.all)
        r.below = (uint64_t)ldexp(rate, 64); /* exact: 53 bits below 2^64 */
    return r;
}

gn_sample *gn_sample_new(uint64_t n, bool by_key, gn_budget *budget, gn_err *e)
{
    gn_sample *s = gn_calloc(1, sizeof *s, e);
    if (!s)
        return NULL;
    s->limit = n;
    s->by_key = by_key;
    s->budget = budget;
    return s;
}

/* ---- memory ---- */

static void *take(gn_sample *s, size_t bytes, gn_err *e)
{
    if (gn_budget_take(s->budget, bytes + OVERHEAD, e))
        return NULL;
    void *p = gn_alloc(bytes, 1, e);
    if (!p)
        gn_budget_give(s->budget, bytes + OVERHEAD);
    return p;
}

static void give(gn_sample *s, void *p, size_t bytes)
{
    gn_budget_give(s->budget, bytes + OVERHEAD);
    free(p);
}

static void drop_unit(gn_sample *s, unit *u)
{
    for (record *r = u->last, *next; r; r = next) {
        next = r->next;
        give(s, r, sizeof *r + r->n);
        s->records--;
    }
    give(s, u, sizeof *u + u->nkey);
}

void gn_sample_free(gn_sample *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        drop_unit(s, s->heap[i]);
    free(s->heap);
    free(s->table);
    free(s->sorted);
    free(s);
}

/* ---- order ---- */

static gn_str bytes_of(const unit *u)
{
    return u->nkey ? (gn_str){u->key, u->nkey} : (gn_str){u->last->bytes, u->last->n};
}

static int order(uint64_t hash, gn_str bytes, const unit *b)
{
    if (hash != b->hash)
        return hash < b->hash ? -1 : 1;
    gn_str other = bytes_of(b);
    int c = memcmp(bytes.p, other.p, bytes.n < other.n ? bytes.n : other.n);
    return c ? c : (bytes.n > other.n) - (bytes.n < other.n);
}

/* Equal records: the one that came last goes first. */
static bool greater(const unit *a, const unit *b)
{
    int c = order(a->hash, bytes_of(a), b);
    return c > 0 || (c == 0 && a->last->number > b->last->number);
}

static void sift_up(gn_sample *s, size_t i)
{
    unit *u = s->heap[i];
    for (; i && greater(u, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = u;
}

static void sift_down(gn_sample *s, size_t i)
{
    unit *u = s->heap[i];
    for (size_t c; (c = 2 * i + 1) < s->n; i = c) {
        if (c + 1 < s->n && greater(s->heap[c + 1], s->heap[c]))
            c++;
        if (!greater(s->heap[c], u))
            break;
        s->heap[i] = s->heap[c];
    }
    s->heap[i] = u;
}

/* ---- units ---- */

static unit **chain_of(const gn_sample *s, uint64_t hash)
{
    return &s->table[hash & (s->cap - 1)];
}

static unit *find(const gn_sample *s, uint64_t hash, gn_str key)
{
    unit *u = s->cap ? *chain_of(s, hash) : NULL;
    while (u && order(hash, key, u) != 0)
        u = u->chain;
    return u;
}

static void link_unit(gn_sample *s, unit *u)
{
    unit **c = chain_of(s, u->hash);
    u->chain = *c;
    *c = u;
}

static void unlink_unit(gn_sample *s, const unit *u)
{
    unit **c = chain_of(s, u->hash);
    while (*c != u)
        c = &(*c)->chain;
    *c = u->chain;
}

static int grow(gn_sample *s, gn_err *e)
{
    size_t cap = s->cap ? 2 * s->cap : 256, each = sizeof *s->heap + sizeof *s->table;
    if (gn_budget_take(s->budget, (cap - s->cap) * each, e))
        return -1;
    unit **heap = gn_realloc(s->heap, cap, sizeof *heap, e);
    if (!heap)
        return -1;
    s->heap = heap;
    if (s->by_key) {
        free(s->table);
        s->table = gn_calloc(cap, sizeof *s->table, e);
        if (!s->table)
            return -1;
    }
    s->cap = cap;
    for (size_t i = 0; s->by_key && i < s->n; i++)
        link_unit(s, s->heap[i]);
    return 0;
}

static int add_record(gn_sample *s, unit *u, gn_str bytes, uint64_t part, gn_err *e)
{
    record *r = take(s, sizeof *r + bytes.n, e);
    if (!r)
        return -1;
    *r = (record){.next = u->last, .number = s->seen, .part = part, .n = bytes.n};
    memcpy(r->bytes, bytes.p, bytes.n);
    u->last = r;
    s->records++;
    return 0;
}

static unit *new_unit(gn_sample *s, uint64_t hash, gn_str key, gn_str bytes, uint64_t part,
                      gn_err *e)
{
    uint32_t nkey = s->by_key ? key.n : 0;
    unit *u = take(s, sizeof *u + nkey, e);
    if (!u)
        return NULL;
    *u = (unit){.hash = hash, .nkey = nkey};
    if (nkey)
        memcpy(u->key, key.p, nkey);
    if (add_record(s, u, bytes, part, e)) {
        give(s, u, sizeof *u + nkey);
        return NULL;
    }
    return u;
}

int gn_sample_add(gn_sample *s, uint64_t hash, gn_str key, gn_str bytes, uint64_t part, gn_err *e)
{
    const bool full = s->n >= s->limit;
    gn_str own = s->by_key ? key : bytes;
    unit *u;
    s->seen++;
    if (s->limit == 0 || (full && hash > s->heap[0]->hash))
        return 0;
    if (s->by_key && (u = find(s, hash, key)))
        return add_record(s, u, bytes, part, e);
    if (full && order(hash, own, s->heap[0]) >= 0)
        return 0;
    if (full) { /* room first: the cap may be near */
        u = s->heap[0];
        s->heap[0] = s->heap[--s->n];
        if (s->n)
            sift_down(s, 0);
        if (s->by_key)
            unlink_unit(s, u);
        drop_unit(s, u);
    } else if (s->n == s->cap && grow(s, e)) {
        return -1;
    }
    if (!(u = new_unit(s, hash, key, bytes, part, e)))
        return -1;
    if (s->by_key)
        link_unit(s, u);
    s->heap[s->n] = u;
    sift_up(s, s->n++);
    return 0;
}

/* ---- the result ---- */

static int by_number(const void *a, const void *b)
{
    const record *x = *(record *const *)a, *y = *(record *const *)b;
    return (x->number > y->number) - (x->number < y->number);
}

int gn_sample_sort(gn_sample *s, gn_err *e)
{
    size_t n = 0;
    if (gn_budget_take(s->budget, s->records * sizeof *s->sorted, e) ||
        !(s->sorted = gn_alloc(s->records, sizeof *s->sorted, e)))
        return -1;
    for (size_t i = 0; i < s->n; i++)
        for (record *r = s->heap[i]->last; r; r = r->next)
            s->sorted[n++] = r;
    qsort(s->sorted, n, sizeof *s->sorted, by_number);
    return 0;
}

uint64_t gn_sample_units(const gn_sample *s)
{
    return s->n;
}

uint64_t gn_sample_records(const gn_sample *s)
{
    return s->records;
}

gn_str gn_sample_record(const gn_sample *s, uint64_t i, uint64_t *part)
{
    const record *r = s->sorted[i];
    *part = r->part;
    return (gn_str){r->bytes, r->n};
}
