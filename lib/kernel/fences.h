/* fences.h - the bounds beyond which a value is an outlier, and scores of how far out it is.
 *
 *     quartiles   [q1 - k (q3 - q1), q3 + k (q3 - q1)]      k = 1.5 (J. W. Tukey, "Exploratory Data
 *                                                           Analysis", 1977)
 *     deviations  [mean - k s, mean + k s], s of a sample
 *     robust      the same with z = 0.6745 (x - median) / MAD (B. Iglewicz, D. C. Hoaglin, "How to
 *                 Detect and Handle Outliers", 1993; they advise |z| > 3.5)
 *
 * computed in doubles from the figures as they are published. Where a spread is 0 there are no
 * bounds. A bound that there is not is infinite: nothing is beyond it. */
#ifndef GN_KERNEL_FENCES_H
#define GN_KERNEL_FENCES_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define GN_ROBUST 0.6745 /* the third quartile of the standard normal distribution, to 4 places */

typedef struct gn_fences {
    double lower, upper; /* what is below the one or above the other is out */
} gn_fences;

static inline gn_fences gn_fences_none(void)
{
    return (gn_fences){-INFINITY, INFINITY};
}

/* False where the spread is 0; there are no bounds then. */
bool gn_fences_quartiles(gn_fences *f, double q1, double q3, double k);
bool gn_fences_deviations(gn_fences *f, double mean, double stddev, double k);
bool gn_fences_robust(gn_fences *f, double median, double mad, double k);

/* Scores; spreads must be above 0. What is beyond a double is the greatest of its sign. */
double gn_score(double x, double mean, double stddev);
double gn_score_robust(double x, double median, double mad);

/* An int and a double compared as numbers, without rounding the int. */
bool gn_int_below(int64_t v, double bound);
bool gn_int_above(int64_t v, double bound);

/* The nearest int within a bound that v is beyond. */
int64_t gn_int_raised(double lower);  /* for one below it: the least int not below */
int64_t gn_int_lowered(double upper); /* for one above it: the greatest not above */

#endif
