/* clock.h - seconds that only go forward, for measuring how long things take. */
#ifndef GN_BASE_CLOCK_H
#define GN_BASE_CLOCK_H

#include <time.h>

static inline double gn_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
