/* split.c - see split.h. */
#include "split.h"

#include "../base/hash.h"
#include "../base/mem.h"
#include "../stream/header.h"

#include <stdlib.h>

int gn_split_init(gn_split *s, uint64_t lo, uint64_t hi, size_t n, gn_err *e)
{
    gn_u128 width = (gn_u128)(hi - lo) + 1;
    if (width < n)
        return gn_fail(e, GN_INPUT,
                       "the input is a part of %llu hashes: it cannot be split into %zu",
                       (unsigned long long)width, n);
    uint64_t *first = gn_alloc(n, sizeof *first, e);
    if (!first)
        return -1;
    for (size_t k = 0; k < n; k++)
        first[k] = lo + (uint64_t)((width * k + n - 1) / n); /* below 2^64 * 2^32: no overflow */
    *s = (gn_split){.lo = lo, .hi = hi, .n = n, .first = first};
    s->scale = (double)n / (double)width;
    return 0;
}

void gn_split_release(gn_split *s)
{
    free(s->first);
    *s = (gn_split){0};
}

int gn_split_hashes(const gn_batch *b, const int *field, size_t nfields, gn_buf *scratch,
                    uint64_t *hash, gn_err *e)
{
    if (nfields == 1) {
        const gn_str *raw = b->col[field[0]].raw;
        for (size_t i = 0; i < b->n; i++)
            hash[i] = gn_hash(raw[i].p, raw[i].n);
        return 0;
    }
    for (size_t i = 0; i < b->n; i++) {
        scratch->n = 0;
        for (size_t k = 0; k < nfields; k++) {
            gn_str raw = b->col[field[k]].raw[i];
            if (gn_buf_add(scratch, raw.p, raw.n, e))
                return -1;
        }
        hash[i] = gn_hash(scratch->p, scratch->n);
    }
    return 0;
}

int gn_split_salt(const gn_batch *b, int field, uint64_t n, uint64_t *hash, gn_err *e)
{
    const int64_t *salt = b->col[field].i;
    for (size_t i = 0; i < b->n; i++) {
        if (salt[i] == 0)
            continue;
        if (salt[i] < 0)
            return gn_fail(e, GN_INPUT, "record %llu has a salt below 0",
                           (unsigned long long)(b->first + i + 1));
        hash[i] += gn_part_shift(salt[i], n);
    }
    return 0;
}
