/* keycount.h - how many records, and bytes of them, each key has: exactly, spilling beyond a
 * budget.
 *
 *     gn_keycount_add ...      rows of batches
 *     gn_keycount_read         nothing more comes
 *     gn_keycount_next ...     every key once, in order of the keys' values, nulls last
 *     gn_keycount_again        ... from the first one on
 *
 * A key is one field or several. */
#ifndef GN_OP_KEYCOUNT_H
#define GN_OP_KEYCOUNT_H

#include "../base/mem.h"
#include "../stream/batch.h"

typedef struct gn_keycount gn_keycount;

typedef struct gn_keycount_options {
    const gn_type *type; /* of the key's fields; borrowed */
    size_t ntypes;
    gn_budget *budget;
    const char *temp_dir;
    bool twice; /* gn_keycount_again will be called */
} gn_keycount_options;

gn_keycount *gn_keycount_new(const gn_keycount_options *o, gn_err *e);
void gn_keycount_free(gn_keycount *c); /* NULL allowed */

/* Count n rows of a batch, given by their numbers. `field` are the key's, asked for with GN_RAW. */
int gn_keycount_add(gn_keycount *c, const gn_batch *b, const int *field, const uint16_t *row,
                    size_t n, gn_err *e);

typedef struct gn_keycounted {
    gn_str key; /* the fields' encodings, one after the other; lives until the next call */
    uint64_t count, bytes;
} gn_keycounted;

int gn_keycount_read(gn_keycount *c, gn_err *e);
/* 1 with a key, 0 at the end, -1 on error. */
int gn_keycount_next(gn_keycount *c, gn_keycounted *k, gn_err *e);
int gn_keycount_again(gn_keycount *c, gn_err *e); /* at the end */

void gn_keycount_spilled(const gn_keycount *c, uint64_t *runs, uint64_t *bytes);

#endif
