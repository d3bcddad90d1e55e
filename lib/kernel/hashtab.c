/* hashtab.c - see hashtab.h. Open addressing, linear probing; a slot holds 32 bits of the hash and
 * the number, so growing reads no key. */
#include "hashtab.h"

#include "../base/hash.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN ((size_t)1 << 8)
#define COUNT_MAX ((size_t)UINT32_MAX - 1)
#define GROUP 64

struct gn_hashtab {
    gn_budget *budget;
    uint64_t *slot; /* hash << 32 | number + 1; 0 is empty */
    size_t nslots;
    gn_str *key;
    size_t count, cap;
    gn_arena bytes;
};

gn_hashtab *gn_hashtab_new(gn_budget *b, gn_err *e)
{
    gn_hashtab *t = gn_calloc(1, sizeof *t, e);
    if (!t)
        return NULL;
    t->budget = b;
    gn_arena_init(&t->bytes, b);
    t->nslots = SLOTS_MIN;
    t->slot = gn_map(t->nslots * sizeof *t->slot, b, e);
    if (!t->slot) {
        gn_hashtab_free(t);
        return NULL;
    }
    return t;
}

void gn_hashtab_free(gn_hashtab *t)
{
    if (!t)
        return;
    gn_unmap(t->slot, t->nslots * sizeof *t->slot, t->budget);
    gn_unmap(t->key, t->cap * sizeof *t->key, t->budget);
    gn_arena_release(&t->bytes);
    free(t);
}

static int grow_slots(gn_hashtab *t, gn_err *e)
{
    size_t n = t->nslots * 2, mask = n - 1;
    uint64_t *s = gn_map(n * sizeof *s, t->budget, e);
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
    gn_unmap(t->slot, t->nslots * sizeof *t->slot, t->budget);
    t->slot = s;
    t->nslots = n;
    return 0;
}

static int grow_keys(gn_hashtab *t, gn_err *e)
{
    size_t cap = t->cap ? t->cap * 2 : SLOTS_MIN;
    gn_str *k = gn_map(cap * sizeof *k, t->budget, e);
    if (!k)
        return -1;
    if (t->count)
        memcpy(k, t->key, t->count * sizeof *k);
    gn_unmap(t->key, t->cap * sizeof *k, t->budget);
    t->key = k;
    t->cap = cap;
    return 0;
}

static bool find(const gn_hashtab *t, gn_str key, uint32_t hash, size_t *at)
{
    size_t mask = t->nslots - 1, j = hash & mask;
    for (uint64_t v; (v = t->slot[j]) != 0; j = (j + 1) & mask) {
        if ((uint32_t)(v >> 32) != hash)
            continue;
        gn_str k = t->key[(uint32_t)v - 1];
        if (k.n == key.n && (!key.n || memcmp(k.p, key.p, key.n) == 0)) {
            *at = j;
            return true;
        }
    }
    *at = j;
    return false;
}

/* `at` is the free slot that find left; moved when the table grows. */
static int insert(gn_hashtab *t, gn_str key, uint32_t hash, size_t *at, gn_err *e)
{
    if (t->count == COUNT_MAX)
        return gn_fail(e, GN_IO, "more than %zu keys", COUNT_MAX);
    if (t->count * 2 >= t->nslots) {
        if (grow_slots(t, e))
            return -1;
        (void)find(t, key, hash, at);
    }
    if (t->count == t->cap && grow_keys(t, e))
        return -1;
    const uint8_t *p = gn_arena_copy(&t->bytes, key.p, key.n, e);
    if (!p)
        return -1;
    t->key[t->count] = (gn_str){p, key.n};
    t->slot[*at] = (uint64_t)hash << 32 | (uint64_t)(++t->count);
    return 0;
}

int gn_hashtab_add(gn_hashtab *t, const gn_str *key, uint32_t *number, size_t n, gn_err *e)
{
    uint32_t hash[GROUP];
    size_t at;
    for (size_t i = 0; i < n; i += GROUP) {
        size_t m = n - i < GROUP ? n - i : GROUP, mask = t->nslots - 1;
        for (size_t k = 0; k < m; k++) {
            hash[k] = (uint32_t)gn_hash_table(key[i + k].p, key[i + k].n);
            __builtin_prefetch(&t->slot[hash[k] & mask]);
        }
        for (size_t k = 0; k < m; k++) {
            uint64_t v = t->slot[hash[k] & mask];
            if (v)
                __builtin_prefetch(&t->key[(uint32_t)v - 1]);
        }
        for (size_t k = 0; k < m; k++) {
            if (!find(t, key[i + k], hash[k], &at) && insert(t, key[i + k], hash[k], &at, e))
                return -1;
            number[i + k] = (uint32_t)t->slot[at] - 1;
        }
    }
    return 0;
}

size_t gn_hashtab_count(const gn_hashtab *t)
{
    return t->count;
}

void gn_hashtab_prefetch(const gn_hashtab *t, uint32_t number)
{
    __builtin_prefetch(&t->key[number]);
}

gn_str gn_hashtab_key(const gn_hashtab *t, uint32_t number)
{
    return t->key[number];
}
