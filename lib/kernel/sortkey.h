/* sortkey.h - the fields that records are ordered by, and the comparison of two records.
 *
 * Values are ordered as gn_value_cmp orders them (numbers by value, strings by bytes); a descending
 * field is turned round, but nulls come last in either direction. Records must be whole, canonical
 * and of one schema, with their key fields valid: as decoders hand them out. */
#ifndef GN_KERNEL_SORTKEY_H
#define GN_KERNEL_SORTKEY_H

#include "../stream/batch.h"
#include "../stream/reader.h"

typedef struct gn_sortkey {
    int field; /* index in the schema */
    gn_type type;
    bool desc;
} gn_sortkey;

/* The encoding of a field of a record. */
gn_str gn_sortkey_find(gn_str record, int field);

/* < 0, 0, > 0 by keys [from, n) of two records. */
int gn_sortkey_cmp(const gn_sortkey *key, size_t from, size_t n, gn_str a, gn_str b);
/* By bytes; a prefix comes first. */
int gn_sortkey_cmp_bytes(gn_str a, gn_str b);
/* The same for row i of one batch and row j of another, whose key fields were asked for with
 * GN_VALUE. */
int gn_sortkey_cmp_rows(const gn_sortkey *key, size_t n, const gn_batch *a, size_t i,
                        const gn_batch *b, size_t j);

/* The codes of a record's keys, one after the other, to `code`, which is emptied first: memcmp
 * orders them as the keys (keycode.h). */
int gn_sortkey_code(const gn_sortkey *key, size_t n, gn_str record, gn_buf *code, gn_err *e);

/* What the order of equal keys is. */
enum gn_sort_ties {
    GN_TIES_ANY,   /* none */
    GN_TIES_BYTES, /* by the records' bytes */
    GN_TIES_NONE   /* there must be no equal keys */
};

/* Are records in order? Each is compared with the one before, across batches and segments. */
typedef struct gn_ordered {
    const gn_sortkey *key; /* borrowed */
    size_t nkeys;
    enum gn_sort_ties ties;
    bool begun;
    gn_buf last; /* the last record of the batch before */
} gn_ordered;

/* The index of the first record that is out of order, b->n when there is none; key fields asked for
 * with GN_VALUE. Returns -1 on error. Zero-initialise but for key, nkeys, ties. */
int gn_ordered_batch(gn_ordered *o, const gn_batch *b, size_t *broken, gn_err *e);
void gn_ordered_release(gn_ordered *o);

#endif
