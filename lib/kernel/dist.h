/* dist.h - tails of the distributions that tests need: F, Student's t, chi-squared, normal.
 *
 * Each is the probability of a value at least as large as the one given, to about 1e-14 of itself
 * where doubles allow, down to the smallest ones (2^-1074). Degrees of freedom are positive, not
 * above 2^53.
 *
 * The regularised incomplete beta function I_x(a, b) is a continued fraction (DLMF 8.17.22,
 * https://dlmf.nist.gov/8.17.E22), the regularised incomplete gamma function Q(a, x) a series (DLMF
 * 8.11.4) or a continued fraction (DLMF 8.9.2); continued fractions by Lentz's method as modified
 * by Thompson and Barnett (Journal of Computational Physics 64, 1986). The gamma function is
 * Stirling's series (DLMF 5.11.1).
 *
 * All of it, exp and log included, is done with + - * / on pairs of doubles (T. J. Dekker, "A
 * Floating-Point Technique for Extending the Available Precision", Numerische Mathematik 18, 1971;
 * 106 bits): the logarithms of a million degrees of freedom cancel without harm, and the result
 * does not depend on a machine's mathematical library. */
#ifndef GN_KERNEL_DIST_H
#define GN_KERNEL_DIST_H

/* F >= 0 with df1 and df2 degrees of freedom. */
double gn_dist_f(double f, double df1, double df2);
/* Student's t with df degrees: of |T| >= |t|, both tails; 0 for |t| above 1e150. */
double gn_dist_t(double t, double df);
/* Of the t of a correlation r, |r| <= 1, of n pairs, both tails: t^2 = r^2 (n - 2) / (1 - r^2),
 * where that rounds badly too. n > 2. */
double gn_dist_correlation(double r, double n);
/* x >= 0 with df degrees. */
double gn_dist_chi2(double x, double df);
/* One tail: of Z >= z. */
double gn_dist_normal(double z);

#endif
