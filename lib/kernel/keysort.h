/* keysort.h - sorts small items by 128 bits of key, then by a comparison.
 *
 * In place, without further memory, O(n log n) whatever the input (introsort: Musser 1997). */
#ifndef GN_KERNEL_KEYSORT_H
#define GN_KERNEL_KEYSORT_H

#include <stddef.h>
#include <stdint.h>

typedef struct gn_keyitem {
    uint64_t hi, lo;
    uint32_t i; /* the caller's */
} gn_keyitem;

/* `cmp` decides between items of equal hi and lo, by their i; NULL where no such order matters. */
void gn_keysort(gn_keyitem *a, size_t n, int (*cmp)(void *ctx, uint32_t x, uint32_t y), void *ctx);

#endif
