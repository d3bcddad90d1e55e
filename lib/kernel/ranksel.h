/* ranksel.h - sort numbers in place, or only as far as some ranks need it.
 *
 * A radix exchange sort (American flag sort): a range is split by the first 8 bits in which its
 * numbers differ, in place, and each part again. With ranks, parts that hold none of them are left
 * as they are, so that a few percentiles of n numbers cost about one pass over them.
 *
 *   P. M. McIlroy, K. Bostic, M. D. McIlroy, "Engineering Radix Sort", Computing Systems 6 (1),
 *   1993; the selection is Hoare's FIND with such a split. */
#ifndef GN_KERNEL_RANKSEL_H
#define GN_KERNEL_RANKSEL_H

#include <stddef.h>
#include <stdint.h>

/* Ascending. */
void gn_sort32(uint32_t *v, size_t n);
void gn_sort64(uint64_t *v, size_t n);

/* Afterwards v[rank[i]] is what it would be if v were sorted; ranks are ascending and below n. */
void gn_select32(uint32_t *v, size_t n, const size_t *rank, size_t nranks);
void gn_select64(uint64_t *v, size_t n, const size_t *rank, size_t nranks);

#endif
