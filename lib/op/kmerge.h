/* kmerge.h - merge sorted streams into one.
 *
 * As many inputs are read at once as memory and descriptors allow; where there are more, groups of
 * neighbours are merged into runs on disk first. The order is checked as records are read; it goes
 * on from one segment of an input to the next. */
#ifndef GN_OP_KMERGE_H
#define GN_OP_KMERGE_H

#include "../stream/writer.h"
#include "order.h"
#include "unite.h"

typedef struct gn_kmerge gn_kmerge;

typedef struct gn_kmerge_options {
    const char *const *paths; /* n >= 1 inputs, "-" is standard input; borrowed */
    size_t n;
    size_t max_record;
    const gn_order *order; /* borrowed; empty: the one that the first input declares, and so all
                              must */
    bool stable;           /* ties by input, else by the records' bytes */
    bool unique;           /* only the first record of each key */
    const char *dir;       /* for temporary files; borrowed */
    gn_budget *budget;
    size_t memory;
    /* called at the end of each segment */
    int (*ended)(void *ctx, const gn_reader *r, gn_err *e);
    void *ctx;
} gn_kmerge_options;

gn_kmerge *gn_kmerge_new(const gn_kmerge_options *o, gn_err *e);
void gn_kmerge_free(gn_kmerge *m); /* NULL allowed */

/* Open the inputs, all but the last group of which are then on disk. The header of the result lives
 * as long as m. */
const gn_header *gn_kmerge_open(gn_kmerge *m, gn_err *e);
int gn_kmerge_write(gn_kmerge *m, gn_writer *w, gn_err *e);

uint64_t gn_kmerge_records(const gn_kmerge *m); /* read */
uint64_t gn_kmerge_bytes(const gn_kmerge *m);   /* read */
uint64_t gn_kmerge_dropped(const gn_kmerge *m); /* with `unique` */
size_t gn_kmerge_runs(const gn_kmerge *m);      /* on disk */
uint64_t gn_kmerge_spilled(const gn_kmerge *m); /* bytes written to disk */

#endif
