/* extsort.h - sort records by any keys: in memory by radix, beyond that by runs on disk.
 *
 *     gn_extsort_add ...     batches, in which the key fields were asked for with GN_VALUE
 *     gn_extsort_write       everything, in order; or gn_extsort_next, record by record
 *
 * Records of equal keys come in order of their bytes (`total`) or of their arrival. Memory is one
 * block of at most o.memory bytes, touched only as records arrive: their bytes and 32 bytes each.
 */
#ifndef GN_KERNEL_EXTSORT_H
#define GN_KERNEL_EXTSORT_H

#include "../stream/writer.h"
#include "sortkey.h"

typedef struct gn_extsort gn_extsort;

typedef struct gn_extsort_options {
    const gn_sortkey *key; /* copied */
    size_t nkeys;
    bool total;        /* ties by the records' bytes, else by arrival */
    bool unique;       /* only the first of each equal key */
    const char *dir;   /* for temporary files: see tmp.h; borrowed */
    gn_budget *budget; /* charged with what is in use */
    size_t memory;     /* bytes for everything, at least 4 MiB */
} gn_extsort_options;

gn_extsort *gn_extsort_new(const gn_extsort_options *o, gn_err *e);
void gn_extsort_free(gn_extsort *x); /* NULL allowed */

/* GN_SLACK readable bytes must follow the batch's records. */
int gn_extsort_add(gn_extsort *x, const gn_batch *b, gn_err *e);
/* Once, after the last gn_extsort_add. */
int gn_extsort_write(gn_extsort *x, gn_writer *w, gn_err *e);
/* Instead of that: 1 with the next record, 0 at the end, -1 on error. It lives until the next call.
 */
int gn_extsort_next(gn_extsort *x, gn_str *record, gn_err *e);

uint64_t gn_extsort_dropped(const gn_extsort *x); /* with `unique`, when all was written or read */
size_t gn_extsort_runs(const gn_extsort *x);      /* on disk */
uint64_t gn_extsort_spilled(const gn_extsort *x); /* bytes written to disk, all passes */

#endif
