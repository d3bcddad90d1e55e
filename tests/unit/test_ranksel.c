/* Sorting and selecting numbers against qsort. */
#include "kernel/ranksel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 5000

static uint64_t next(uint64_t *s)
{
    *s += 0x9e3779b97f4a7c15;
    uint64_t z = *s;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static int cmp(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Few different ones, small ones, all bits, extremes. */
static uint64_t draw(uint64_t *s, unsigned kind)
{
    uint64_t r = next(s);
    switch (kind) {
    case 0:
        return r % 3;
    case 1:
        return r % 300000;
    case 2:
        return r;
    case 3:
        return r & 1 ? UINT64_MAX - r % 5 : r % 5;
    default:
        return r >> (r % 64);
    }
}

static void against_qsort(void **unused)
{
    static uint64_t v[MOST], w[MOST], sorted[MOST];
    static uint32_t n32[MOST];
    uint64_t s = 1;
    (void)unused;
    for (int round = 0; round < 200; round++) {
        size_t n = round < 40 ? (size_t)round : next(&s) % MOST, rank[4], nranks = 0;
        for (size_t i = 0; i < n; i++)
            v[i] = sorted[i] = draw(&s, (unsigned)round % 5);
        qsort(sorted, n, sizeof *sorted, cmp);
        memcpy(w, v, sizeof v);
        gn_sort64(w, n);
        assert_memory_equal(w, sorted, n * sizeof *w);
        for (size_t at = 0; n && nranks < 4; nranks++, at = rank[nranks - 1])
            rank[nranks] = at + next(&s) % (n - at);
        memcpy(w, v, sizeof v);
        gn_select64(w, n, rank, nranks);
        for (size_t i = 0; i < nranks; i++)
            assert_true(w[rank[i]] == sorted[rank[i]]);
        qsort(w, n, sizeof *w, cmp);
        assert_memory_equal(w, sorted, n * sizeof *w);

        for (size_t i = 0; i < n; i++) {
            n32[i] = (uint32_t)v[i];
            sorted[i] = n32[i];
        }
        qsort(sorted, n, sizeof *sorted, cmp);
        gn_select32(n32, n, rank, nranks);
        for (size_t i = 0; i < nranks; i++)
            assert_true(n32[rank[i]] == sorted[rank[i]]);
        gn_sort32(n32, n);
        for (size_t i = 0; i < n; i++)
            assert_true(n32[i] == sorted[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_qsort)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
