/* dayset.h - the exact set of (key, day) pairs: who was there on which day.
 *
 * Days are cut into blocks of GN_DAYSET_SPAN days; a key has one cell of 64 bytes (celltab.h) per
 * block it occurs in: 2 bytes of block number, the key itself when it fits 14 bytes, and one bit a
 * day. A year of data is one cell a user, and a stray date far away costs one cell, not a table.
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

/* Add the pairs (key[row[k]], day[row[k]]) for k < n; row NULL means 0..n-1. Returns how many were
 * added, from the first: n, or fewer when out of budget (*e is set). The set is valid still, and
 * after gn_dayset_clear the rest can be added. */
size_t gn_dayset_add(gn_dayset *s, const gn_str *key, const int64_t *day, const uint16_t *row,
                     size_t n, gn_err *e);

/* Reading back: cells 0 .. count-1. */
typedef struct gn_daycell {
    int64_t first;        /* the day of bit 0 */
    const uint64_t *bits; /* GN_DAYSET_WORDS words; bit d of word w is day first + 64 w + d */
} gn_daycell;

size_t gn_dayset_count(const gn_dayset *s);
/* In order of first appearance; not after gn_dayset_sort. */
gn_daycell gn_dayset_cell(const gn_dayset *s, size_t i);
/* More than one block in use? If not, every cell is a key of its own. */
bool gn_dayset_many_blocks(const gn_dayset *s);

/* Order the cells by the bytes of the key, then by day, in place: no memory is taken. Then read
 * them with gn_dayset_sorted; nothing can be added before gn_dayset_clear. */
int gn_dayset_sort(gn_dayset *s, gn_err *e);
/* The same, keys by value as a field of the type. */
int gn_dayset_sort_values(gn_dayset *s, gn_type type, gn_err *e);
/* Cell i in that order and its key, which may live in `room`. */
gn_daycell gn_dayset_sorted(const gn_dayset *s, size_t i, gn_str *key, uint8_t room[16]);
/* The empty set again; most of its memory is given back. Blocks stay what they were. */
void gn_dayset_clear(gn_dayset *s);

#endif
