/* keysort.c - see keysort.h. American flag sort, most significant byte first (McIlroy, Bostic,
 * McIlroy, "Engineering Radix Sort", Computing Systems 6(1), 1993), insertion sort for small
 * groups, and heap sort for large groups whose leading bytes are all the same: n log n whatever the
 * keys. */
#include "keysort.h"

#include "../io/mp.h"

#include <string.h>

#define SMALL 24

typedef struct order {
    gn_sort_cmp *cmp;
    const void *ctx;
} order;

void gn_sortkey_set(gn_sortkey *k, const uint8_t *p, size_t n)
{
    uint8_t b[GN_SORTKEY_BYTES] = {0};
    if (n)
        memcpy(b, p, n < sizeof b ? n : sizeof b);
    k->hi = gn_be64(b);
    k->lo = gn_be32(b + 8);
}

static inline bool less(const order *o, const gn_sortkey *a, const gn_sortkey *b)
{
    if (a->hi != b->hi)
        return a->hi < b->hi;
    if (a->lo != b->lo)
        return a->lo < b->lo;
    return o->cmp(o->ctx, a->item, b->item) < 0;
}

static void insertion(gn_sortkey *v, size_t n, const order *o)
{
    for (size_t i = 1; i < n; i++) {
        gn_sortkey x = v[i];
        size_t j = i;
        for (; j > 0 && less(o, &x, &v[j - 1]); j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

static void sift(gn_sortkey *v, size_t root, size_t n, const order *o)
{
    gn_sortkey x = v[root];
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && less(o, &v[child], &v[child + 1]))
            child++;
        if (!less(o, &x, &v[child]))
            break;
        v[root] = v[child];
    }
    v[root] = x;
}

static void heap(gn_sortkey *v, size_t n, const order *o)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(v, i, n, o);
    for (size_t i = n; i-- > 1;) {
        gn_sortkey x = v[0];
        v[0] = v[i];
        v[i] = x;
        sift(v, 0, i, o);
    }
}

static inline unsigned byte_at(const gn_sortkey *k, unsigned depth)
{
    return depth < 8 ? k->hi >> (56 - 8 * depth) & 0xff : k->lo >> (88 - 8 * depth) & 0xff;
}

/* By the bytes from `depth` on; recursion ends at GN_SORTKEY_BYTES. */
static void flag(gn_sortkey *v, size_t n, unsigned depth, const order *o)
{
    size_t end[256], at[256];
    if (n <= SMALL) {
        insertion(v, n, o);
        return;
    }
    for (;; depth++) { /* over the bytes in which all agree */
        if (depth == GN_SORTKEY_BYTES) {
            heap(v, n, o);
            return;
        }
        memset(end, 0, sizeof end);
        for (size_t i = 0; i < n; i++)
            end[byte_at(&v[i], depth)]++;
        if (end[byte_at(&v[0], depth)] < n)
            break;
    }
    size_t sum = 0;
    for (unsigned b = 0; b < 256; b++) {
        at[b] = sum;
        end[b] = sum += end[b];
    }
    for (unsigned b = 0; b < 256; b++)
        while (at[b] < end[b]) { /* carry what is here home, and what is there, until b comes */
            gn_sortkey x = v[at[b]];
            for (unsigned home; (home = byte_at(&x, depth)) != b;) {
                gn_sortkey there = v[at[home]];
                v[at[home]++] = x;
                x = there;
            }
            v[at[b]++] = x;
        }
    for (unsigned b = 0; b < 256; b++) {
        size_t from = b ? end[b - 1] : 0;
        if (end[b] - from > 1)
            flag(v + from, end[b] - from, depth + 1, o);
    }
}

void gn_keysort(gn_sortkey *v, size_t n, gn_sort_cmp *cmp, const void *ctx)
{
    order o = {cmp, ctx};
    flag(v, n, 0, &o);
}
