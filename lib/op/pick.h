/* pick.h - one record of each key: the least by an order, and how many records it stands for.
 *
 *     gn_pick_batch ...   records in which those of one key stand together, in order of the key
 *     gn_pick_sorted      or, once, all that a sort by key and `by` gives
 *     gn_pick_end
 *
 * Of a key the record stays that comes first by `by`, nulls last; of those that are equal the least
 * by its bytes, or the greatest. That is a function of the set of its records: either way keeps the
 * same. Memory: one record. */
#ifndef GN_OP_PICK_H
#define GN_OP_PICK_H

#include "../kernel/extsort.h"
#include "../kernel/recout.h"
#include "../kernel/sortkey.h"

typedef struct gn_pick {
    /* The caller's, before the first record; the rest zero. */
    const gn_sortkey *key; /* equal in records of one key, and the order they come in; borrowed */
    size_t nkey;
    bool whole;           /* the key is the whole record: ties in that order come by bytes */
    const gn_sortkey *by; /* borrowed */
    size_t nby;
    bool greatest;  /* of equal ones */
    bool counted;   /* append the number of records that the kept one stands for, an int */
    gn_recout kept; /* where they go; no writer: nowhere */
    gn_recout left; /* those left out: in the order in which that was decided */
    /* To be read. */
    uint64_t nkept, nleft;
    /* Its own. */
    bool open;   /* there is a key */
    gn_str best; /* its record so far */
    uint64_t n;  /* records of the key */
    gn_buf copy; /* of best, where that is held */
} gn_pick;

/* Fields of `key` and `by` asked for with GN_VALUE; GN_SLACK readable bytes behind the records.
 * *broken is the first record that is out of order, b->n when there is none. */
int gn_pick_batch(gn_pick *p, const gn_batch *b, size_t *broken, gn_err *e);
int gn_pick_sorted(gn_pick *p, gn_extsort *x, gn_err *e);
/* The last key has ended; everything is given to the writers. */
int gn_pick_end(gn_pick *p, gn_err *e);
void gn_pick_release(gn_pick *p); /* idempotent */

#endif
