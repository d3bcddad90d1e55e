/* intsums.h - amounts added up by an int64 key, of which there are few different ones: the days of
 * a user, how many users have a count.
 *
 *     gn_intsums_add ...     in any order
 *     gn_intsums_end         then entry[0, n) is in ascending order, each key once
 *
 * A list that is sorted and folded when its room is full, and grows only where that does not help:
 * at most four times as long as there are keys. Results do not hang on the order of additions. */
#ifndef GN_KERNEL_INTSUMS_H
#define GN_KERNEL_INTSUMS_H

#include "../base/mem.h"
#include "../base/num.h"

#include <stddef.h>

typedef struct gn_intsum {
    int64_t key;
    gn_i128 sum; /* of at most 2^64 amounts of 63 bits: it cannot overflow */
} gn_intsum;

/* Zero-initialise but for the budget (may be NULL), which is charged. */
typedef struct gn_intsums {
    gn_budget *budget;
    gn_intsum *entry;
    size_t n, room;
} gn_intsums;

int gn_intsums_grow(gn_intsums *t, gn_err *e);

static inline int gn_intsums_add(gn_intsums *t, int64_t key, int64_t amount, gn_err *e)
{
    if (t->n && t->entry[t->n - 1].key == key) {
        t->entry[t->n - 1].sum += amount;
        return 0;
    }
    if (t->n == t->room && gn_intsums_grow(t, e))
        return -1;
    t->entry[t->n++] = (gn_intsum){key, amount};
    return 0;
}

void gn_intsums_end(gn_intsums *t);
static inline void gn_intsums_clear(gn_intsums *t)
{
    t->n = 0;
}
void gn_intsums_release(gn_intsums *t); /* idempotent */

#endif
