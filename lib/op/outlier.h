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

typedef struct gn_outlier {
    enum gn_outlier_action action;
    const char *value; /* its name */
    gn_writer *w;      /* of what stays */
    gn_writer *rejects;
    gn_row row;
    enum gn_verdict verdict[GN_BATCH]; /* of the batch at hand */
    const gn_base *judged_by[GN_BATCH];
} gn_outlier;

/* Begin the stream of rejects: input, offset, record, rule, reason, raw. */
int gn_outlier_begin_rejects(gn_outlier *o, gn_err *e);
/* Bind a baseline to a segment of the input, and put the output's header into a zeroed *h. What
 * capping or appending makes untrue is claimed no more. GN_INPUT where the name that is appended is
 * taken. */
int gn_outlier_bind(gn_outlier *o, gn_baseline *by, gn_feed feed, gn_header *h, gn_err *e);
/* Judge a batch of that segment and write what becomes of it. `input` and `first`, the number of
 * its first record, are for rejects. */
int gn_outlier_batch(gn_outlier *o, gn_baseline *by, const gn_batch *b, const char *input,
                     uint64_t first, gn_err *e);
void gn_outlier_release(gn_outlier *o); /* idempotent */

#endif
