/* fences.c - see fences.h. */
#include "fences.h"

#include <float.h>

#define TWO_63 0x1p63

/* Not finite is no bound; NaN arises only where both sides are infinite. */
static double bound(double v, double none)
{
    return isfinite(v) ? v : none;
}

static bool set(gn_fences *f, double lower, double upper)
{
    f->lower = bound(lower, -INFINITY);
    f->upper = bound(upper, INFINITY);
    return true;
}

bool gn_fences_quartiles(gn_fences *f, double q1, double q3, double k)
{
    double range = q3 - q1;
    *f = gn_fences_none();
    return range > 0 && set(f, q1 - k * range, q3 + k * range);
}

bool gn_fences_deviations(gn_fences *f, double mean, double stddev, double k)
{
    *f = gn_fences_none();
    return stddev > 0 && set(f, mean - k * stddev, mean + k * stddev);
}

bool gn_fences_robust(gn_fences *f, double median, double mad, double k)
{
    *f = gn_fences_none();
    return mad > 0 && set(f, median - k * mad / GN_ROBUST, median + k * mad / GN_ROBUST);
}

static double clamped(double z)
{
    return z > DBL_MAX ? DBL_MAX : z < -DBL_MAX ? -DBL_MAX : z;
}

double gn_score(double x, double mean, double stddev)
{
    return clamped((x - mean) / stddev);
}

double gn_score_robust(double x, double median, double mad)
{
    return clamped(GN_ROBUST * (x - median) / mad);
}

bool gn_int_below(int64_t v, double b)
{
    if (b >= TWO_63)
        return true;
    return b >= -TWO_63 && v < (int64_t)ceil(b);
}

bool gn_int_above(int64_t v, double b)
{
    if (b < -TWO_63)
        return true;
    return b < TWO_63 && v > (int64_t)floor(b);
}

int64_t gn_int_raised(double lower)
{
    return lower >= TWO_63 ? INT64_MAX : (int64_t)ceil(lower);
}

int64_t gn_int_lowered(double upper)
{
    return upper < -TWO_63 ? INT64_MIN : (int64_t)floor(upper);
}
