/* keysort.c - see keysort.h. Quicksort with the median of three, insertion sort for short ranges,
 * heapsort where partitions come out too uneven too often. */
#include "keysort.h"

#include <stdbool.h>

#define SHORT 16

typedef struct order {
    int (*cmp)(void *, uint32_t, uint32_t);
    void *ctx;
} order;

static inline bool below(const order *o, const gn_keyitem *a, const gn_keyitem *b)
{
    if (a->hi != b->hi)
        return a->hi < b->hi;
    if (a->lo != b->lo)
        return a->lo < b->lo;
    return o->cmp && o->cmp(o->ctx, a->i, b->i) < 0;
}

static inline void swap(gn_keyitem *a, gn_keyitem *b)
{
    gn_keyitem t = *a;
    *a = *b;
    *b = t;
}

static void insertion(const order *o, gn_keyitem *a, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        gn_keyitem v = a[i];
        size_t j = i;
        for (; j > 0 && below(o, &v, &a[j - 1]); j--)
            a[j] = a[j - 1];
        a[j] = v;
    }
}

static void sift(const order *o, gn_keyitem *a, size_t n, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && below(o, &a[child], &a[child + 1]))
            child++;
        if (!below(o, &a[at], &a[child]))
            return;
        swap(&a[at], &a[child]);
    }
}

static void heapsort_items(const order *o, gn_keyitem *a, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(o, a, n, i);
    for (size_t i = n; i-- > 1;) {
        swap(&a[0], &a[i]);
        sift(o, a, i, 0);
    }
}

static void median_first(const order *o, gn_keyitem *a, size_t n)
{
    gn_keyitem *mid = &a[n / 2], *last = &a[n - 1];
    if (below(o, mid, a))
        swap(mid, a);
    if (below(o, last, a))
        swap(last, a);
    if (below(o, last, mid))
        swap(last, mid);
    swap(a, mid);
}

/* Recursion is bounded by `depth`. */
static void sort(const order *o, gn_keyitem *a, size_t n, int depth)
{
    while (n > SHORT) {
        if (depth-- == 0) {
            heapsort_items(o, a, n);
            return;
        }
        median_first(o, a, n);
        gn_keyitem pivot = a[0];
        size_t i = 0, j = n;
        for (;;) { /* Hoare: both scans stop at equal items */
            while (below(o, &a[++i], &pivot))
                if (i == n - 1)
                    break;
            while (below(o, &pivot, &a[--j]))
                ;
            if (i >= j)
                break;
            swap(&a[i], &a[j]);
        }
        swap(&a[0], &a[j]);
        size_t right = n - j - 1;
        if (j < right) {
            sort(o, a, j, depth);
            a += j + 1;
            n = right;
        } else {
            sort(o, a + j + 1, right, depth);
            n = j;
        }
    }
    insertion(o, a, n);
}

void gn_keysort(gn_keyitem *a, size_t n, int (*cmp)(void *, uint32_t, uint32_t), void *ctx)
{
    order o = {cmp, ctx};
    int depth = 2;
    for (size_t k = n; k > 1; k /= 2)
        depth += 2;
    sort(&o, a, n, depth);
}
