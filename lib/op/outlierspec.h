/* outlierspec.h - what is asked of values that are out: the options of gn-outlier, checked, and the
 * baseline that they ask for.
 *
 * Texts are borrowed, and stay as long as what is made of them. Errors are GN_USAGE, but for want
 * of memory. */
#ifndef GN_OP_OUTLIERSPEC_H
#define GN_OP_OUTLIERSPEC_H

#include "counter.h"
#include "outlier.h"

/* Where the fences are; the factors are those of no --factor. */
enum gn_outlier_method {
    GN_OUTLIER_IQR,        /* 1.5 */
    GN_OUTLIER_Z,          /* 3 */
    GN_OUTLIER_ROBUST,     /* 3.5 */
    GN_OUTLIER_PERCENTILE, /* 1,99 */
    GN_OUTLIER_BOUNDS
};

typedef struct gn_outlier_spec {
    const char *value, *key, *factor, *percentiles, *lower, *upper; /* NULL: not given */
    const char *reject, *fences, *use_fences;                       /* files */
    int method, action; /* enum gn_outlier_method, gn_outlier_action */
    int64_t min_values;
    bool negative, hash, partial, merge, allow_partial;
} gn_outlier_spec;

/* Refuse what does not go together, and say in *o what baseline is asked for: all but the command,
 * the zone and where to work, which the caller adds. The percentiles' texts lie in *pct. */
int gn_outlier_baseline(const gn_outlier_spec *s, gn_buf *pct, gn_baseline_options *o, gn_err *e);

/* What was met in learning and judging, as far as it was done. */
#define GN_OUTLIER_COUNTERS 14
size_t gn_outlier_counters(const gn_outlier_spec *s, const gn_baseline *b, uint64_t records_in,
                           uint64_t records_out, gn_counter to[GN_OUTLIER_COUNTERS]);
/* What it means of a group that it has no spread: "all values are equal". */
const char *gn_outlier_without_spread(enum gn_base_kind kind);

#endif
