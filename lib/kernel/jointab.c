/* jointab.c - see jointab.h. Linear probing; a slot is the hash's upper half and the place of the
 * row, so growing reads no row. */
#include "jointab.h"

#include "../base/hash.h"
#include "../io/in.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN ((size_t)1 << 10)
#define BLOCK_MIN ((size_t)1 << 20)
#define BLOCK_MAX ((size_t)UINT32_MAX * GN_JOINTAB_UNIT)
#define CHARGE ((size_t)1 << 20) /* the budget is told in steps */
#define LENGTH_MAX (~(uint32_t)GN_JOINTAB_FLAGS)
#define LINE ((size_t)64) /* bytes of a cache line */

struct gn_jointab {
    gn_jointab_options o;
    uint8_t *block;
    size_t size, used; /* bytes; the first unit is not used, so that no place is 0 */
    size_t charged;    /* of the block */
    size_t largest;    /* bytes of a row */
    gn_joinrow *last;  /* appended */
    uint64_t *slot;    /* hash << 32 | unit; 0 is empty */
    size_t nslots;
    uint64_t count, keys, dropped;
};

static int map_slots(gn_jointab *t, gn_err *e)
{
    t->nslots = SLOTS_MIN;
    t->slot = gn_map(t->nslots * sizeof *t->slot, t->o.budget, e);
    return t->slot ? 0 : -1;
}

/* The block; a smaller one where the system does not have as much address space. */
static int map_block(gn_jointab *t, gn_err *e)
{
    t->size = t->o.memory < BLOCK_MIN   ? BLOCK_MIN
              : t->o.memory > BLOCK_MAX ? BLOCK_MAX
                                        : t->o.memory;
    for (; t->size / 2 >= BLOCK_MIN; t->size /= 2) {
        gn_err ignore = {0};
        if ((t->block = gn_map(t->size, NULL, &ignore)))
            return 0;
    }
    return (t->block = gn_map(t->size, NULL, e)) ? 0 : -1;
}

gn_jointab *gn_jointab_new(const gn_jointab_options *o, gn_err *e)
{
    gn_jointab *t = gn_calloc(1, sizeof *t, e);
    if (!t)
        return NULL;
    t->o = *o;
    t->used = GN_JOINTAB_UNIT;
    if (map_block(t, e) || map_slots(t, e)) {
        gn_jointab_free(t);
        return NULL;
    }
    return t;
}

void gn_jointab_free(gn_jointab *t)
{
    if (!t)
        return;
    gn_unmap(t->slot, t->nslots * sizeof *t->slot, t->o.budget);
    gn_unmap(t->block, t->size, NULL);
    gn_budget_give(t->o.budget, t->charged);
    free(t);
}

void gn_jointab_clear(gn_jointab *t)
{
    memset(t->slot, 0, t->nslots * sizeof *t->slot);
    t->used = GN_JOINTAB_UNIT;
    t->largest = 0;
    t->last = NULL;
    t->count = t->keys = t->dropped = 0;
}

static inline gn_joinrow *row_at(const gn_jointab *t, uint32_t unit)
{
    return (gn_joinrow *)(void *)(t->block + unit * GN_JOINTAB_UNIT);
}

static inline uint32_t unit_of(const gn_jointab *t, const gn_joinrow *r)
{
    return (uint32_t)((size_t)((const uint8_t *)r - t->block) / GN_JOINTAB_UNIT);
}

static inline uint32_t hash_of(gn_str key)
{
    return (uint32_t)(gn_hash_table(key.p, key.n) >> 32);
}

/* Equal bytes; both can be read GN_SLACK bytes beyond their end. */
static inline bool same_bytes(const uint8_t *a, const uint8_t *b, uint32_t n)
{
    uint64_t x, y;
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y)
            return false;
    }
    if (i == n)
        return true;
    memcpy(&x, a + i, 8);
    memcpy(&y, b + i, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (x ^ y) << (64 - 8 * (n - i)) == 0;
#else
    return (x ^ y) >> (64 - 8 * (n - i)) == 0;
#endif
}

static inline bool has_key(const gn_joinrow *r, gn_str key)
{
    return (r->nkey & ~GN_JOINTAB_FLAGS) == key.n && same_bytes(r->bytes, key.p, key.n);
}

/* The row of the key, or NULL and *at is the free slot. */
static inline gn_joinrow *find(const gn_jointab *t, gn_str key, uint32_t hash, size_t *at)
{
    size_t mask = t->nslots - 1, j = hash & mask;
    for (uint64_t v; (v = t->slot[j]) != 0; j = (j + 1) & mask) {
        if ((uint32_t)(v >> 32) != hash)
            continue;
        gn_joinrow *r = row_at(t, (uint32_t)v);
        if (has_key(r, key)) {
            *at = j;
            return r;
        }
    }
    *at = j;
    return NULL;
}

void gn_jointab_look(const gn_jointab *t, const gn_str *key, size_t n, uint32_t *hash)
{
    size_t mask = t->nslots - 1;
    for (size_t k = 0; k < n; k++) {
        hash[k] = hash_of(key[k]);
        __builtin_prefetch(&t->slot[hash[k] & mask]);
    }
}

void gn_jointab_fetch(const gn_jointab *t, const uint32_t *hash, size_t n)
{
    size_t mask = t->nslots - 1;
    for (size_t k = 0; k < n; k++) {
        uint64_t v = t->slot[hash[k] & mask];
        if (!v)
            continue;
        const uint8_t *p = t->block + (uint32_t)v * GN_JOINTAB_UNIT;
        __builtin_prefetch(p);
        if ((uintptr_t)p % LINE + t->largest > LINE)
            __builtin_prefetch(p + LINE);
    }
}

void gn_jointab_find(const gn_jointab *t, const gn_str *key, const uint8_t *null,
                     const uint32_t *hash, size_t n, gn_joinrow **row)
{
    size_t at;
    for (size_t k = 0; k < n; k++)
        row[k] = null[k] ? NULL : find(t, key[k], hash[k], &at);
}

/* ---- adding ---- */

/* Double the slots. 1: there is no memory for that. */
static int grow(gn_jointab *t, gn_err *e)
{
    size_t n = t->nslots * 2, mask = n - 1;
    size_t both = (n + t->nslots) * sizeof *t->slot;
    if (both > t->o.memory || t->used > t->o.memory - both)
        return 1;
    uint64_t *s = gn_map(n * sizeof *s, t->o.budget, e);
    if (!s)
        return -1;
    for (size_t i = 0; i < t->nslots; i++) {
        if (!t->slot[i])
            continue;
        size_t j = (t->slot[i] >> 32) & mask;
        while (s[j])
            j = (j + 1) & mask;
        s[j] = t->slot[i];
    }
    gn_unmap(t->slot, t->nslots * sizeof *s, t->o.budget);
    t->slot = s;
    t->nslots = n;
    return 0;
}

static int charge(gn_jointab *t, gn_err *e)
{
    if (t->used <= t->charged)
        return 0;
    size_t more = (t->used - t->charged + CHARGE - 1) / CHARGE * CHARGE;
    if (more > t->size - t->charged)
        more = t->size - t->charged;
    if (gn_budget_take(t->o.budget, more, e))
        return -1;
    t->charged += more;
    return 0;
}

typedef struct row_in {
    gn_str key, body, record;
} row_in;

/* Bytes of a row as it lies in the block. */
static size_t size_of(const gn_jointab *t, const row_in *r)
{
    size_t n = sizeof(gn_joinrow) + (size_t)r->key.n + r->body.n;
    if (t->o.mode == GN_JOINTAB_BEST)
        n += r->record.n;
    else if (t->o.mode == GN_JOINTAB_ALL)
        n += sizeof(uint32_t);
    return (n + GN_JOINTAB_UNIT - 1) / GN_JOINTAB_UNIT * GN_JOINTAB_UNIT;
}

static void fill(const gn_jointab *t, gn_joinrow *to, const row_in *r)
{
    to->nkey = r->key.n;
    to->nbody = r->body.n;
    to->link = 0;
    memcpy(to->bytes, r->key.p, r->key.n);
    memcpy(to->bytes + r->key.n, r->body.p, r->body.n);
    if (t->o.mode == GN_JOINTAB_BEST) {
        to->link = r->record.n;
        memcpy(to->bytes + r->key.n + r->body.n, r->record.p, r->record.n);
    }
}

/* A new row; NULL with *full set where there is no memory. */
static gn_joinrow *append(gn_jointab *t, const row_in *r, bool *full, gn_err *e)
{
    size_t n = size_of(t, r), slots = t->nslots * sizeof *t->slot;
    size_t left = LINE - t->used % LINE, gap = n > left && left == GN_JOINTAB_UNIT ? left : 0;
    if (r->key.n > LENGTH_MAX) {
        gn_fail(e, GN_IO, "a key of over 512 MiB");
        return NULL;
    }
    /* behind the last row, bytes may be read */
    if (n + 2 * LINE + GN_SLACK > t->size - t->used || t->used + gap + n + slots > t->o.memory) {
        *full = true;
        return NULL;
    }
    if (gap && t->last) { /* what would hang over begins with the next line; no walk sees the gap */
        t->last->units += (uint32_t)(gap / GN_JOINTAB_UNIT);
        t->used += gap;
    }
    gn_joinrow *to = (gn_joinrow *)(void *)(t->block + t->used);
    t->used += n;
    if (charge(t, e)) {
        t->used -= n;
        return NULL;
    }
    t->last = to;
    if (n > t->largest)
        t->largest = n;
    to->units = (uint32_t)(n / GN_JOINTAB_UNIT);
    fill(t, to, r);
    t->count++;
    return to;
}

/* Where the head of a chain holds its last row. */
static uint8_t *tail_of(gn_joinrow *head)
{
    return head->bytes + (head->nkey & ~GN_JOINTAB_FLAGS) + head->nbody;
}

/* A further row of the key. 0, 1: full, -1. */
static int chain(gn_jointab *t, gn_joinrow *head, row_in *r, gn_err *e)
{
    bool full = false;
    r->key.n = 0;
    gn_joinrow *to = append(t, r, &full, e);
    if (!to)
        return full ? 1 : -1;
    uint32_t last, unit = unit_of(t, to);
    to->nkey |= GN_JOINTAB_PASSED;
    memcpy(&last, tail_of(head), sizeof last);
    if (last)
        row_at(t, last)->link = unit;
    else
        head->link = unit;
    memcpy(tail_of(head), &unit, sizeof unit);
    return 0;
}

/* A better row takes the place of the one held, in it if there is room. */
static int replace(gn_jointab *t, gn_joinrow *held, size_t slot, const row_in *r, gn_err *e)
{
    bool full = false;
    if (size_of(t, r) <= (size_t)held->units * GN_JOINTAB_UNIT) {
        fill(t, held, r);
        return 0;
    }
    gn_joinrow *to = append(t, r, &full, e);
    if (!to)
        return full ? 1 : -1;
    held->nkey |= GN_JOINTAB_PASSED;
    t->count--;
    t->slot[slot] = (t->slot[slot] >> 32) << 32 | unit_of(t, to);
    return 0;
}

/* 0, 1: full, 2: repeated, -1. */
static int meet(gn_jointab *t, gn_joinrow *held, size_t slot, row_in *r, gn_err *e)
{
    int done = 0;
    switch (t->o.mode) {
    case GN_JOINTAB_REFUSE:
        return 2;
    case GN_JOINTAB_ALL:
        return chain(t, held, r, e);
    case GN_JOINTAB_BEST:
        if (t->o.better(t->o.ctx, r->record, gn_joinrow_record(held)))
            done = replace(t, held, slot, r, e);
        break;
    case GN_JOINTAB_ONE:
        break;
    }
    t->dropped += done == 0;
    return done;
}

static int add_one(gn_jointab *t, row_in *r, uint32_t hash, gn_err *e)
{
    size_t at;
    bool full = false;
    gn_joinrow *held = find(t, r->key, hash, &at);
    if (held)
        return meet(t, held, at, r, e);
    if ((t->keys + 1) * 2 > t->nslots) {
        int g = grow(t, e);
        if (g)
            return g;
        (void)find(t, r->key, hash, &at);
    }
    gn_joinrow *to = append(t, r, &full, e);
    if (!to)
        return full ? 1 : -1;
    if (t->o.mode == GN_JOINTAB_ALL)
        memset(tail_of(to), 0, sizeof(uint32_t));
    t->keys++;
    t->slot[at] = (uint64_t)hash << 32 | unit_of(t, to);
    return 0;
}

static int add_null(gn_jointab *t, const row_in *r, gn_err *e)
{
    bool full = false;
    gn_joinrow *to = append(t, r, &full, e);
    if (!to)
        return full ? 1 : -1;
    if (t->o.mode == GN_JOINTAB_ALL)
        memset(tail_of(to), 0, sizeof(uint32_t));
    to->nkey |= GN_JOINTAB_NULL;
    return 0;
}

int gn_jointab_add(gn_jointab *t, const gn_jointab_rows *rows, size_t *at, gn_err *e)
{
    uint32_t hash[GN_JOINTAB_GROUP];
    while (*at < rows->n) {
        size_t from = *at, m = rows->n - from;
        if (m > GN_JOINTAB_GROUP)
            m = GN_JOINTAB_GROUP;
        gn_jointab_look(t, rows->key + from, m, hash);
        gn_jointab_fetch(t, hash, m);
        for (; *at < from + m; ++*at) {
            row_in r = {rows->key[*at], rows->body[*at], {NULL, 0}};
            if (t->o.mode == GN_JOINTAB_BEST)
                r.record = rows->record[*at];
            int done = rows->null[*at] ? add_null(t, &r, e) : add_one(t, &r, hash[*at - from], e);
            if (done)
                return done < 0 ? -1 : done == 1 ? GN_JOINTAB_FULL : GN_JOINTAB_REPEATED;
        }
    }
    return GN_JOINTAB_ADDED;
}

/* ---- walking ---- */

gn_joinrow *gn_jointab_next(const gn_jointab *t, const gn_joinrow *row)
{
    const uint8_t *p =
        row ? (const uint8_t *)row + row->units * GN_JOINTAB_UNIT : t->block + GN_JOINTAB_UNIT;
    for (; p < t->block + t->used; p += row->units * GN_JOINTAB_UNIT) {
        row = (const gn_joinrow *)(const void *)p;
        if (!(row->nkey & GN_JOINTAB_PASSED))
            return row_at(t, unit_of(t, row));
    }
    return NULL;
}

gn_joinrow *gn_jointab_more(const gn_jointab *t, const gn_joinrow *row)
{
    return t->o.mode == GN_JOINTAB_ALL && row->link ? row_at(t, row->link) : NULL;
}

uint64_t gn_jointab_count(const gn_jointab *t)
{
    return t->count;
}

uint64_t gn_jointab_keys(const gn_jointab *t)
{
    return t->keys;
}

uint64_t gn_jointab_dropped(const gn_jointab *t)
{
    return t->dropped;
}

size_t gn_jointab_bytes(const gn_jointab *t)
{
    return t->used + t->nslots * sizeof *t->slot;
}
