/* keysort.h - sort numbered items by the first bytes of their keys, in place.
 *
 * The 12 leading bytes of a key, big-endian, are `hi` and `lo`; items that agree in those are
 * ordered by a comparison of the caller's. No memory is taken beyond a bounded stack, so that a
 * table at its cap of memory can still be sorted. The order of items that compare equal is not
 * defined. */
#ifndef GN_KERNEL_KEYSORT_H
#define GN_KERNEL_KEYSORT_H

#include <stddef.h>
#include <stdint.h>

#define GN_SORTKEY_BYTES 12

typedef struct gn_sortkey {
    uint64_t hi;
    uint32_t lo;
    uint32_t item;
} gn_sortkey;

/* The n bytes at p as hi and lo; a shorter key is padded with zeros. */
void gn_sortkey_set(gn_sortkey *k, const uint8_t *p, size_t n);

/* < 0, 0, > 0; must agree with the leading bytes. */
typedef int gn_sort_cmp(const void *ctx, uint32_t item_a, uint32_t item_b);

void gn_keysort(gn_sortkey *v, size_t n, gn_sort_cmp *cmp, const void *ctx);

#endif
