/* hll.c - see hll.h. */
#include "hll.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define Q (64 - GN_HLL_BITS) /* hash bits behind the register's index */
#define RANK_MAX (Q + 1)
#define SLOTS_MIN 16
#define ROOM(nslots) ((nslots) / 4 * 3)

enum form { HASHES = 1, REGISTERS = 2 };

_Static_assert(ROOM(2048) == GN_HLL_EXACT, "the last table is full when registers take over");

void gn_hll_release(gn_hll *h)
{
    gn_budget_give(h->budget, h->nslots * sizeof *h->slot + (h->reg ? GN_HLL_REGISTERS : 0));
    free(h->slot);
    free(h->reg);
    *h = (gn_hll){.budget = h->budget};
}

bool gn_hll_empty(const gn_hll *h)
{
    return !h->reg && h->n == 0;
}

/* Zeroed, and charged. */
static void *take(gn_hll *h, size_t n, size_t size, gn_err *e)
{
    if (gn_budget_take(h->budget, n * size, e))
        return NULL;
    void *p = gn_calloc(n, size, e);
    if (!p)
        gn_budget_give(h->budget, n * size);
    return p;
}

/* The first bits of a hash name a register, which keeps the longest run of zeros, plus one, that
 * follows them. */
static inline void add_register(uint8_t *reg, uint64_t hash)
{
    uint64_t rest = hash << GN_HLL_BITS;
    uint8_t rank = rest ? (uint8_t)(__builtin_clzll(rest) + 1) : RANK_MAX;
    uint8_t *r = &reg[hash >> Q];
    *r = rank > *r ? rank : *r;
}

static int to_registers(gn_hll *h, gn_err *e)
{
    uint8_t *reg = take(h, GN_HLL_REGISTERS, 1, e);
    if (!reg)
        return -1;
    for (size_t i = 0; i < h->nslots; i++)
        if (h->slot[i])
            add_register(reg, h->slot[i]);
    gn_hll_release(h);
    h->reg = reg;
    return 0;
}

static size_t find(const uint64_t *slot, size_t nslots, uint64_t hash)
{
    size_t i = hash & (nslots - 1);
    while (slot[i] && slot[i] != hash)
        i = (i + 1) & (nslots - 1);
    return i;
}

static int grow(gn_hll *h, gn_err *e)
{
    uint32_t n = h->nslots ? h->nslots * 2 : SLOTS_MIN;
    uint64_t *slot = take(h, n, sizeof *slot, e);
    if (!slot)
        return -1;
    for (size_t i = 0; i < h->nslots; i++)
        if (h->slot[i])
            slot[find(slot, n, h->slot[i])] = h->slot[i];
    gn_budget_give(h->budget, h->nslots * sizeof *slot);
    free(h->slot);
    h->slot = slot;
    h->nslots = n;
    return 0;
}

static int add_hash(gn_hll *h, uint64_t hash, gn_err *e)
{
    size_t i = 0;
    if (h->nslots && h->slot[i = find(h->slot, h->nslots, hash)])
        return 0;
    if (h->n == GN_HLL_EXACT) {
        if (to_registers(h, e))
            return -1;
        add_register(h->reg, hash);
        return 0;
    }
    if (h->n == ROOM(h->nslots)) {
        if (grow(h, e))
            return -1;
        i = find(h->slot, h->nslots, hash);
    }
    h->slot[i] = hash;
    h->n++;
    return 0;
}

int gn_hll_add(gn_hll *h, uint64_t hash, gn_err *e)
{
    hash += hash == 0; /* 0 marks a free slot */
    if (!h->reg)
        return add_hash(h, hash, e);
    add_register(h->reg, hash);
    return 0;
}

static void merge_registers(uint8_t *restrict to, const uint8_t *restrict from)
{
    for (size_t i = 0; i < GN_HLL_REGISTERS; i++)
        to[i] = from[i] > to[i] ? from[i] : to[i];
}

int gn_hll_merge(gn_hll *to, const gn_hll *from, gn_err *e)
{
    if (to == from)
        return 0;
    if (from->reg) {
        if (!to->reg && to_registers(to, e))
            return -1;
        merge_registers(to->reg, from->reg);
        return 0;
    }
    for (size_t i = 0; i < from->nslots; i++)
        if (from->slot[i] && gn_hll_add(to, from->slot[i], e))
            return -1;
    return 0;
}

/* ---- the estimate ---- */

/* x + x^2 + 2 x^4 + 4 x^8 + ...; Ertl's sigma, for x < 1. */
static double sigma(double x)
{
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

/* Ertl's tau, for 0 <= x <= 1. */
static double tau(double x)
{
    if (x == 0 || x == 1)
        return 0;
    double y = 1, z = 1 - x, before;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

static double estimate(const uint8_t *reg)
{
    /* Four histograms, since an addition to one cell waits for the one before. */
    uint32_t part[4][RANK_MAX + 1] = {{0}}, count[RANK_MAX + 1];
    const double m = (double)GN_HLL_REGISTERS, alpha = 0.7213475204444817; /* 1 / (2 ln 2) */
    for (size_t i = 0; i < GN_HLL_REGISTERS; i += 4)
        for (size_t j = 0; j < 4; j++)
            part[j][reg[i + j]]++;
    for (size_t k = 0; k <= RANK_MAX; k++)
        count[k] = part[0][k] + part[1][k] + part[2][k] + part[3][k];
    double z = m * tau(1 - count[RANK_MAX] / m);
    for (size_t k = Q; k >= 1; k--)
        z = 0.5 * (z + count[k]);
    z += m * sigma(count[0] / m); /* not all are 0: there were more than GN_HLL_EXACT keys */
    return alpha * m * m / z;
}

uint64_t gn_hll_count(const gn_hll *h)
{
    if (!h->reg)
        return h->n;
    double v = estimate(h->reg) + 0.5;
    return v < 0x1p63 ? (uint64_t)v : (uint64_t)INT64_MAX;
}

/* ---- the stored form ---- */

static int cmp_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

size_t gn_hll_put(const gn_hll *h, uint8_t *out)
{
    uint64_t hash[GN_HLL_EXACT];
    size_t n = 0;
    if (h->reg) {
        *out = REGISTERS;
        memcpy(out + 1, h->reg, GN_HLL_REGISTERS);
        return GN_HLL_BYTES;
    }
    for (size_t i = 0; i < h->nslots; i++)
        if (h->slot[i])
            hash[n++] = h->slot[i];
    qsort(hash, n, sizeof *hash, cmp_hash);
    *out++ = HASHES;
    for (size_t i = 0; i < n; i++)
        for (int shift = 56; shift >= 0; shift -= 8)
            *out++ = (uint8_t)(hash[i] >> shift);
    return 1 + 8 * n;
}

static int get_hashes(gn_hll *to, const uint8_t *p, size_t n, gn_err *e)
{
    uint64_t before = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t hash = 0;
        for (int j = 0; j < 8; j++)
            hash = hash << 8 | *p++;
        if (hash <= before)
            return gn_fail(e, GN_CORRUPT, "a sketch whose hashes are out of order");
        if (gn_hll_add(to, hash, e))
            return -1;
        before = hash;
    }
    return 0;
}

static int get_registers(gn_hll *to, const uint8_t *p, gn_err *e)
{
    uint8_t any = 0, most = 0;
    for (size_t i = 0; i < GN_HLL_REGISTERS; i++) {
        any |= p[i];
        most = p[i] > most ? p[i] : most;
    }
    if (!any || most > RANK_MAX)
        return gn_fail(e, GN_CORRUPT, "a sketch with impossible registers");
    if (!to->reg && to_registers(to, e))
        return -1;
    merge_registers(to->reg, p);
    return 0;
}

int gn_hll_get(gn_hll *to, const uint8_t *p, size_t n, gn_err *e)
{
    if (n >= 1 && n <= 1 + 8 * GN_HLL_EXACT && n % 8 == 1 && *p == HASHES)
        return get_hashes(to, p + 1, n / 8, e);
    if (n == GN_HLL_BYTES && *p == REGISTERS)
        return get_registers(to, p + 1, e);
    return gn_fail(e, GN_CORRUPT, "a sketch of an unknown form");
}
