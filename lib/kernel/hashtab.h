/* hashtab.h - byte keys to dense numbers 0, 1, 2, ... in order of first appearance.
 *
 * The caller keeps what belongs to a key in arrays of its own, indexed by the number. Keys are
 * copied; whole keys are compared, never hashes alone. */
#ifndef GN_KERNEL_HASHTAB_H
#define GN_KERNEL_HASHTAB_H

#include "../base/mem.h"
#include "../stream/batch.h"

typedef struct gn_hashtab gn_hashtab;

/* Memory is charged to the budget (may be NULL). */
gn_hashtab *gn_hashtab_new(gn_budget *b, gn_err *e);
void gn_hashtab_free(gn_hashtab *t); /* NULL allowed */

/* The number of each of n keys; unknown keys are added. Lookups are prefetched across the batch.
 * -1 on failure: the table stays valid, number[] is not to be used. */
int gn_hashtab_add(gn_hashtab *t, const gn_str *key, uint32_t *number, size_t n, gn_err *e);

size_t gn_hashtab_count(const gn_hashtab *t);
void gn_hashtab_prefetch(const gn_hashtab *t, uint32_t number); /* for gn_hashtab_key */
gn_str gn_hashtab_key(const gn_hashtab *t, uint32_t number);    /* lives as long as the table */

#endif
