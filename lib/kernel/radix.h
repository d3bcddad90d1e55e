/* radix.h - sort (key, value) pairs by their 64-bit keys, stably, in linear time. */
#ifndef GN_KERNEL_RADIX_H
#define GN_KERNEL_RADIX_H

#include <stddef.h>
#include <stdint.h>

typedef struct gn_pair {
    uint64_t key, value;
} gn_pair;

/* Sort a[0, n); b is scratch of the same size. */
void gn_radix_sort(gn_pair *a, gn_pair *b, size_t n);

#endif
