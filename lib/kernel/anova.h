/* anova.h - one-way analysis of variance from the exact moments of each group.
 *
 *     between = sum over groups of n_g (mean_g - mean)^2 = sum of S_g^2 / n_g - S^2 / N
 *     within  = sum over groups and values of (x - mean_g)^2 = Q - sum of S_g^2 / n_g
 *     total   = between + within = Q - S^2 / N
 *     F = (between / (k - 1)) / (within / (N - k)),  eta^2 = between / total
 *
 * R. A. Fisher, Statistical Methods for Research Workers, 1925, chapter 7. S, Q: sum and sum of
 * squares. The quotients are cut off 384 bits below the units of the values' squares, and whether
 * one of the three is zero is decided without them, so that nothing cancels: each is rounded once,
 * at the end. Groups may be added in any order.
 *
 * Kruskal and Wallis's H is (N - 1) eta^2 of the ranks, ties having the average of theirs: with the
 * tie correction that their paper gives (W. H. Kruskal and W. A. Wallis, "Use of Ranks in
 * One-Criterion Variance Analysis", Journal of the American Statistical Association 47, 1952, 1.3).
 * Doubled, ranks are integers, and H is the same. */
#ifndef GN_KERNEL_ANOVA_H
#define GN_KERNEL_ANOVA_H

#include "exactsum.h"

typedef struct gn_anova {
    uint64_t groups, n;
    gn_big sum, squares, means; /* S, Q, the sum of S_g^2 / n_g */
    gn_big first_sum;           /* of the first group, and its n */
    uint64_t first_n;
    bool means_differ, groups_vary;
} gn_anova;

/* Zero-initialise. A group without values is none. All groups by the same function. False where
 * there would be more than 2^64 - 1 values. */
bool gn_anova_add_ints(gn_anova *a, const gn_moments *group);
bool gn_anova_add_floats(gn_anova *a, const gn_fsum *sum, const gn_fprod *squares);

/* between / total, in [0, 1]; false where values do not vary, or there are none. */
bool gn_anova_eta_squared(const gn_anova *a, double *out);
/* False also where there is only one group, no more values than groups, or no group varies. It may
 * be infinite. */
bool gn_anova_f(const gn_anova *a, double *out);

#endif
