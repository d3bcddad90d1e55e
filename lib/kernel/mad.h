/* mad.h - the median absolute deviation from the median, of values that come in ascending order.
 *
 *     median = the middle value, or half way between the two
 *     mad    = the median of |x - median|, likewise
 *
 * without the factor that makes it comparable to a standard deviation (F. R. Hampel, "The Influence
 * Curve and Its Role in Robust Estimation", Journal of the American Statistical Association 69,
 * 1974). Of ints both are exact, rounded once; of floats they are what these formulas give in
 * doubles.
 *
 *     gn_mad_clear, gn_mad_add ..., gn_mad_value       again for each group
 *
 * The values are kept with their counts, in memory up to GN_MAD_HELD of them, beyond that in a
 * temporary file: 16 bytes a distinct value. From the median the two halves are read outwards, in
 * order of the deviation. */
#ifndef GN_KERNEL_MAD_H
#define GN_KERNEL_MAD_H

#include "../base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define GN_MAD_HELD 65536

typedef struct gn_mad gn_mad;

/* Of floats (`real`) or of ints; `dir` as for tmp.h, borrowed. */
gn_mad *gn_mad_new(bool real, const char *dir, gn_err *e);
void gn_mad_free(gn_mad *m); /* NULL allowed */

void gn_mad_clear(gn_mad *m);
/* The value that comes next in ascending order, `times` > 0 times: i, or f where it is real. The
 * total of times must stay below 2^64. */
int gn_mad_add(gn_mad *m, int64_t i, double f, uint64_t times, gn_err *e);
/* 1 with the two, 0 when there are no values or the deviation of floats is beyond a double. */
int gn_mad_value(gn_mad *m, double *median, double *mad, gn_err *e);

#endif
