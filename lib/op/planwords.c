/* planwords.c - see planwords.h. */
#include "planwords.h"

#include "../base/num.h"

#include <stdio.h>

gn_planword gn_plan_size(uint64_t v)
{
    static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    gn_planword w;
    int k = 0;
    while (k < 6 && v >> (10 * (k + 1)))
        k++;
    uint64_t one = (uint64_t)1 << (10 * k);
    uint64_t tenths = (uint64_t)(((gn_u128)v * 10 + one / 2) / one);
    if (v % one == 0)
        snprintf(w.t, sizeof w.t, "%llu %s", (unsigned long long)(v / one), unit[k]);
    else
        snprintf(w.t, sizeof w.t, "%llu.%llu %s", (unsigned long long)(tenths / 10),
                 (unsigned long long)(tenths % 10), unit[k]);
    return w;
}

gn_planword gn_plan_duration(uint64_t us)
{
    gn_planword w;
    unsigned long long hundredths = us / 10000 + (us % 10000 != 0);
    unsigned long long s = us / 1000000 + (us % 1000000 != 0), min = s / 60 + (s % 60 != 0);
    if (hundredths < 1000)
        snprintf(w.t, sizeof w.t, "%llu.%02llu s", hundredths / 100, hundredths % 100);
    else if (s < 120)
        snprintf(w.t, sizeof w.t, "%llu s", s);
    else if (s < 3600)
        snprintf(w.t, sizeof w.t, "%llu min %llu s", s / 60, s % 60);
    else
        snprintf(w.t, sizeof w.t, "%llu h %llu min", min / 60, min % 60);
    return w;
}

gn_planword gn_plan_seconds(uint64_t us)
{
    gn_planword w;
    unsigned long long whole = us / 1000000 + (us % 1000000 != 0);
    unsigned long long tenths = us / 100000 + (us % 100000 != 0);
    if (tenths < 1000)
        snprintf(w.t, sizeof w.t, "%llu.%llu CPU s", tenths / 10, tenths % 10);
    else
        snprintf(w.t, sizeof w.t, "%llu CPU s", whole);
    return w;
}

gn_planword gn_plan_bits(uint64_t v)
{
    static const char *const unit[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
    gn_planword w;
    int k = 0;
    for (; k < 4 && v >= 1000 && v % 1000 == 0; k++)
        v /= 1000;
    snprintf(w.t, sizeof w.t, "%llu %s", (unsigned long long)v, unit[k]);
    return w;
}
