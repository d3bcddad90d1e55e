/* ranksel.c - see ranksel.h. */
#include "ranksel.h"

#define FEW 24 /* numbers that are sorted by insertion */

#define NUM uint32_t
#define NAME(x) x##_32
#include "ranksel_loop.h"
#undef NUM
#undef NAME
#define NUM uint64_t
#define NAME(x) x##_64
#include "ranksel_loop.h"

void gn_sort32(uint32_t *v, size_t n)
{
    part_32(v, n, 0, NULL, 0);
}

void gn_sort64(uint64_t *v, size_t n)
{
    part_64(v, n, 0, NULL, 0);
}

void gn_select32(uint32_t *v, size_t n, const size_t *rank, size_t nranks)
{
    if (nranks)
        part_32(v, n, 0, rank, nranks);
}

void gn_select64(uint64_t *v, size_t n, const size_t *rank, size_t nranks)
{
    if (nranks)
        part_64(v, n, 0, rank, nranks);
}
