/* bag.c - see bag.h. */
#include "bag.h"

#include "../io/mp.h"
#include "spill.h"

#define CAP_MIN ((size_t)1 << 14)    /* items: with their spares in the second-level cache */
#define MEMORY_MIN ((size_t)1 << 20) /* bytes */
#define SMALL 48                     /* items: by insertion */
#define COUNT_MAX ((UINT64_C(1) << 48) - 1)
#define KEY 18 /* bytes of a key on disk: set, a, b */
#define DIGITS 18

void gn_bag_init(gn_bag *g, const gn_bag_options *o)
{
    *g = (gn_bag){.o = *o};
    if (g->o.memory < MEMORY_MIN)
        g->o.memory = MEMORY_MIN;
}

static void free_items(gn_bag *g)
{
    const size_t bytes = g->cap * sizeof *g->item;
    gn_unmap(g->item, bytes, NULL);
    gn_unmap(g->spare, bytes, NULL);
    gn_budget_give(g->o.budget, 2 * bytes);
    g->item = g->spare = NULL;
    g->n = g->cap = g->sorted = 0;
}

void gn_bag_release(gn_bag *g)
{
    free_items(g);
    gn_spill_free(g->spill);
    g->spill = NULL;
}

/* ---- order ---- */

static inline bool before(const gn_bag_item *x, const gn_bag_item *y)
{
    if (x->set != y->set)
        return x->set < y->set;
    return x->a != y->a ? x->a < y->a : x->b < y->b;
}

static inline bool same(const gn_bag_item *x, const gn_bag_item *y)
{
    return x->a == y->a && x->b == y->b && x->set == y->set;
}

static void insertion(gn_bag_item *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        gn_bag_item x = v[i];
        size_t j = i;
        for (; j > 0 && before(&x, &v[j - 1]); j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

/* Digit d of an item, from the least significant of b. */
static inline unsigned digit(const gn_bag_item *x, unsigned d)
{
    uint64_t word = d < 8 ? x->b : d < 16 ? x->a : x->set;
    return word >> 8 * (d & 7) & 0xff;
}

/* Those that vary, least significant first. */
static unsigned digits_of(const gn_bag_item *v, size_t n, unsigned *which)
{
    uint64_t a = 0, b = 0, set = 0;
    unsigned count = 0;
    for (size_t i = 1; i < n; i++) {
        a |= v[i].a ^ v[0].a;
        b |= v[i].b ^ v[0].b;
        set |= v[i].set ^ v[0].set;
    }
    gn_bag_item vary = {a, b, set & 0xffff, 0};
    for (unsigned d = 0; d < DIGITS; d++)
        if (digit(&vary, d))
            which[count++] = d;
    return count;
}

/* v[0, n); `spare` has room for as many. */
static void sort(gn_bag_item *v, gn_bag_item *spare, size_t n)
{
    if (n <= SMALL) {
        insertion(v, n);
        return;
    }
    unsigned which[DIGITS], count = digits_of(v, n, which);
    gn_bag_item *from = v, *to = spare;
    for (unsigned k = 0; k < count; k++) {
        size_t at[256] = {0}, sum = 0;
        for (size_t i = 0; i < n; i++)
            at[digit(&from[i], which[k])]++;
        for (size_t i = 0; i < 256; i++) {
            size_t c = at[i];
            at[i] = sum;
            sum += c;
        }
        for (size_t i = 0; i < n; i++)
            to[at[digit(&from[i], which[k])]++] = from[i];
        gn_bag_item *t = from;
        from = to;
        to = t;
    }
    if (from != v)
        memcpy(v, from, n * sizeof *v);
}

/* Append x to v[0, n), or count it to the last of them. */
static inline size_t put(gn_bag_item *v, size_t n, const gn_bag_item *x)
{
    if (n && same(&v[n - 1], x)) {
        uint64_t count = (uint64_t)v[n - 1].n + (uint64_t)x->n;
        if (count <= COUNT_MAX) {
            v[n - 1].n = count & COUNT_MAX;
            return n;
        }
    }
    v[n] = *x;
    return n + 1;
}

/* All items in order, equal ones as one (but for counts that would overflow). */
static void settle(gn_bag *g)
{
    gn_bag_item *v = g->item, *to = g->spare;
    size_t mid = g->sorted, i = 0, j = mid, n = 0;
    if (g->n == mid)
        return;
    sort(v + mid, to, g->n - mid);
    while (i < mid && j < g->n)
        n = put(to, n, before(&v[j], &v[i]) ? &v[j++] : &v[i++]);
    while (i < mid)
        n = put(to, n, &v[i++]);
    while (j < g->n)
        n = put(to, n, &v[j++]);
    g->item = to;
    g->spare = v;
    g->n = g->sorted = n;
}

/* ---- room ---- */

/* 1 when the budget is used up, by others too; nothing has changed then. */
static int grow(gn_bag *g, size_t cap, gn_err *e)
{
    const size_t bytes = cap * sizeof *g->item, old = g->cap * sizeof *g->item;
    if (gn_budget_take(g->o.budget, 2 * (bytes - old), e)) {
        gn_err_clear(e);
        return 1;
    }
    /* Never more than that, for what is spare goes first. */
    gn_unmap(g->spare, old, NULL);
    g->spare = NULL;
    g->cap = cap;
    gn_bag_item *item = gn_map(bytes, NULL, e);
    if (item && g->n)
        memcpy(item, g->item, g->n * sizeof *item);
    gn_unmap(g->item, old, NULL);
    g->item = item;
    if (item)
        g->spare = gn_map(bytes, NULL, e);
    return g->spare ? 0 : -1;
}

static int combine(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e)
{
    uint64_t n;
    (void)ctx;
    (void)key;
    if (__builtin_add_overflow(gn_be64(sum->p), gn_be64(body.p), &n))
        return gn_fail(e, GN_INPUT, "a count overflows");
    gn_put64(sum->p, n);
    return 0;
}

static int spill(gn_bag *g, gn_err *e)
{
    if (!g->spill) {
        gn_spill_options o = {
            .dir = g->o.dir, .budget = g->o.budget, .memory = g->o.memory, .combine = combine};
        if (!(g->spill = gn_spill_new(&o, e)))
            return -1;
    }
    if (gn_spill_run(g->spill, e))
        return -1;
    for (size_t i = 0; i < g->n; i++) {
        uint8_t key[KEY], body[8];
        (void)gn_put64(gn_put64(gn_put16(key, (uint16_t)g->item[i].set), g->item[i].a),
                       g->item[i].b);
        (void)gn_put64(body, g->item[i].n);
        if (gn_spill_put(g->spill, (gn_str){key, KEY}, (gn_str){body, sizeof body}, e))
            return -1;
    }
    g->n = g->sorted = 0;
    g->runs = gn_spill_runs(g->spill);
    g->spilled = gn_spill_bytes(g->spill);
    return 0;
}

int gn_bag_make_room(gn_bag *g, gn_err *e)
{
    if (g->reading)
        return gn_fail(e, GN_BUG, "an addition after gn_bag_read");
    settle(g);
    if (g->n < g->cap / 2)
        return 0;
    const size_t most = g->o.memory / (2 * sizeof *g->item);
    size_t cap = g->cap == 0 ? CAP_MIN : 4 * g->cap;
    if (cap > most)
        cap = most;
    int r = cap > g->cap ? grow(g, cap, e) : 1;
    if (r == 1 && g->n == 0)
        return gn_fail(e, GN_IO, "no memory is left for values (give more with -m)");
    return r == 1 ? spill(g, e) : r;
}

int gn_bag_add_many(gn_bag *g, uint32_t set, uint64_t a, uint64_t b, uint64_t n, gn_err *e)
{
    while (n) {
        uint64_t some = n < COUNT_MAX ? n : COUNT_MAX;
        if (gn_bag_add(g, set, a, b, e))
            return -1;
        g->item[g->n - 1].n = some & COUNT_MAX;
        n -= some;
    }
    return 0;
}

/* ---- out ---- */

int gn_bag_read(gn_bag *g, gn_err *e)
{
    g->reading = true;
    g->at = 0;
    settle(g);
    if (!g->spill)
        return 0;
    if (g->n && spill(g, e))
        return -1;
    free_items(g);
    return gn_spill_read(g->spill, NULL, e);
}

int gn_bag_next(gn_bag *g, gn_bag_entry *out, gn_err *e)
{
    if (g->spill) {
        gn_str key, body;
        int r = gn_spill_next(g->spill, &key, &body, e);
        g->spilled = gn_spill_bytes(g->spill);
        if (r == 1)
            *out = (gn_bag_entry){gn_be16(key.p), gn_be64(key.p + 2), gn_be64(key.p + 10),
                                  gn_be64(body.p)};
        return r;
    }
    if (g->at == g->n)
        return 0;
    const gn_bag_item *x = &g->item[g->at++];
    *out = (gn_bag_entry){x->set, x->a, x->b, x->n};
    for (; g->at < g->n && same(x, &g->item[g->at]); g->at++)
        if (__builtin_add_overflow(out->n, g->item[g->at].n, &out->n))
            return gn_fail(e, GN_INPUT, "a count overflows");
    return 1;
}
