/* rowsort.h - rows that are made one by one, sorted within a share of the memory, on disk beyond
 * it.
 *
 *     gn_rowsort_put ...      rows of the schema
 *     gn_rowsort_next ...     all of them in order
 *
 * It is extsort.h for those who have rows and no batches. */
#ifndef GN_OP_ROWSORT_H
#define GN_OP_ROWSORT_H

#include "../stream/writer.h"

#define GN_ROWSORT_LEAST ((size_t)4 << 20)

typedef struct gn_rowsort gn_rowsort;

typedef struct gn_rowsort_options {
    const gn_schema *schema; /* copied */
    const char *order;       /* fields, as -k takes them; ties by the rows' bytes */
    const char *dir;         /* for temporary files; borrowed */
    gn_budget *budget;       /* charged with what is in use; may be NULL */
    size_t memory;           /* at least GN_ROWSORT_LEAST is used */
} gn_rowsort_options;

gn_rowsort *gn_rowsort_new(const gn_rowsort_options *o, gn_err *e);
void gn_rowsort_free(gn_rowsort *x); /* NULL allowed */

int gn_rowsort_put(gn_rowsort *x, const gn_row *row, gn_err *e);
/* 1 with the next row, 0 at the end, -1 on error. It lives until the next call. No puts after it.
 */
int gn_rowsort_next(gn_rowsort *x, gn_str *row, gn_err *e);

/* The encoding of a field of a row. */
gn_str gn_rowsort_field(gn_str row, int field);

uint64_t gn_rowsort_count(const gn_rowsort *x); /* put so far */
uint64_t gn_rowsort_spilled(const gn_rowsort *x, uint64_t *runs);

#endif
