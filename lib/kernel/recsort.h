/* recsort.h - sort records that a filter puts together itself, one by one: extsort.h without a
 * reader.
 *
 *     gn_recsort_room, gn_recsort_put ...     each record, canonical and of the schema
 *     gn_recsort_next ...                     all of them, in order */
#ifndef GN_KERNEL_RECSORT_H
#define GN_KERNEL_RECSORT_H

#include "../io/in.h"
#include "extsort.h"

typedef struct gn_recsort {
    gn_decoder *decoder;
    gn_extsort *sort;
    gn_buf block; /* of records that are not sorted yet */
    size_t n;     /* how many */
} gn_recsort;

/* Zero-initialise `s`; the options' keys are fields of the schema. */
int gn_recsort_init(gn_recsort *s, const gn_schema *schema, const gn_extsort_options *o, gn_err *e);
void gn_recsort_release(gn_recsort *s); /* idempotent */

/* Where a record of at most so many bytes goes; GN_SLACK bytes more may be over-written. */
uint8_t *gn_recsort_room(gn_recsort *s, size_t bytes, gn_err *e);
/* It ends there. */
void gn_recsort_put(gn_recsort *s, const uint8_t *end);

/* 1 with the next record, 0 at the end, -1 on error. It lives until the next call. */
int gn_recsort_next(gn_recsort *s, gn_str *record, gn_err *e);

#endif
