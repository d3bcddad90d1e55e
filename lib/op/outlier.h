/* outlier.h - what is done with records whose value is out.
 *
 * Records keep their order; those of no value, or of no fences, are as if inside. */
#ifndef GN_OP_OUTLIER_H
#define GN_OP_OUTLIER_H

#include "baseline.h"

enum gn_outlier_action {
    GN_OUTLIER_DROP,   /* left out */
    GN_OUTLIER_CAP,    /* the value is the fence; of ints the nearest int within it */
    GN_OUTLIER_FLAG,   /* a bool is appended, is_outlier */
    GN_OUTLIER_BUCKET, /* a str is appended, outlier_bucket: low, inside, high; null where not
                          judged */
    GN_OUTLIER_SPLIT   /* left out, and written as rejects */
};

#define GN_OUTLIER_FLAG_NAME "is_outlier"
#define GN_OUTLIER_BUCKET_NAME "outlier_bucket"

/* The output's header from that of the input (a copy); `field` is the value. What capping or
 * appending makes untrue is claimed no more. GN_INPUT where the name that is appended is taken. */
int gn_outlier_header(enum gn_outlier_action action, int field, gn_header *h, gn_err *e);
/* The schema of rejects: input, offset, record, rule, reason, raw. */
int gn_outlier_reject_header(gn_header *h, gn_err *e);

typedef struct gn_outlier {
    enum gn_outlier_action action;
    const char *value; /* its name */
    gn_writer *w;      /* of what stays */
    gn_writer *rejects;
    gn_row row;
} gn_outlier;

/* A batch in which `field` was asked for with GN_VALUE | GN_RAW. `input` and `first`, the number of
 * its first record, are for rejects. */
int gn_outlier_batch(gn_outlier *o, const gn_batch *b, int field, const enum gn_verdict *verdict,
                     const gn_base *const *base, const char *input, uint64_t first, gn_err *e);
void gn_outlier_release(gn_outlier *o); /* idempotent */

#endif
