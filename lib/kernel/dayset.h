/* dayset.h - the exact set of (key, day) pairs: who was there on which day.
 *
 * Days are cut into blocks of GN_DAYSET_SPAN days; a key has one cell of 64 bytes, one cache line,
 * per block it occurs in: 2 bytes of block number, the key itself when it fits 14 bytes, and one
 * bit a day. A year of data is one cell a user, and a stray date far away costs one cell, not a
 * table. Lookups are batched: hashes first, then slots, then cells, each prefetched a stage ahead,
 * so that misses overlap. Full keys are compared always, never hashes alone.
 *
 * Keys are canonical msgpack encodings (never empty, at least 16 readable bytes at `p`, which may
 * lie beyond the key: see GN_SLACK). Days lie in GN_DAY_MIN..GN_DAY_MAX. */
#ifndef GN_KERNEL_DAYSET_H
#define GN_KERNEL_DAYSET_H

#include "../base/mem.h"
#include "../stream/batch.h"

#define GN_DAYSET_SPAN 384
#define GN_DAYSET_WORDS (GN_DAYSET_SPAN / 64)

typedef struct gn_dayset gn_dayset;

/* Memory is charged to the budget (may be NULL). */
gn_dayset *gn_dayset_new(gn_budget *b, gn_err *e);
void gn_dayset_free(gn_dayset *s); /* NULL allowed */

/* Add the pairs (key[row[k]], day[row[k]]) for k < n; row NULL means 0..n-1. On failure (-1, out
 * of budget) the set is still valid but holds only some of them. */
int gn_dayset_add(gn_dayset *s, const gn_str *key, const int64_t *day, const uint16_t *row,
                  size_t n, gn_err *e);

/* Reading back: cells 0 .. count-1, in order of first appearance. */
typedef struct gn_daycell {
    int64_t first;        /* the day of bit 0 */
    const uint64_t *bits; /* GN_DAYSET_WORDS words; bit d of word w is day first + 64 w + d */
} gn_daycell;

size_t gn_dayset_count(const gn_dayset *s);
gn_daycell gn_dayset_cell(const gn_dayset *s, size_t i);
/* The bits of the same key in the block before (delta -1) or after (+1); NULL when it has none. */
const uint64_t *gn_dayset_neighbour(const gn_dayset *s, size_t i, int delta);
/* More than one block in use? If not, no cell has a neighbour. */
bool gn_dayset_many_blocks(const gn_dayset *s);

#endif
