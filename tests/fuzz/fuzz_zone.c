/* Any bytes as a TZif file: parse, then look up times all over the range. */
#include "base/civil.h"
#include "base/zone.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t t[] = {
        INT64_MIN,        GN_TIME_MIN, -GN_DAY_US * 40000,        0,
        1688221815000000, GN_TIME_MAX, INT64_C(4102444800000000), INT64_MAX};
    enum { N = sizeof t / sizeof *t };
    int64_t day[N], from, until;
    gn_err e = {0};
    gn_zone *z = gn_zone_parse(data, size, "fuzz", &e);

    if (z == NULL) {
        if (e.status == GN_OK)
            abort();
        return 0;
    }
    gn_zone_days(z, t, day, N);
    for (size_t i = 0; i < N; i++) {
        int off = gn_zone_offset(z, t[i], &from, &until);
        if (t[i] < from || (t[i] >= until && until != INT64_MAX))
            abort();
        if (until != INT64_MAX && gn_zone_offset(z, until - 1, NULL, NULL) != off)
            abort();
        if (from != INT64_MIN && gn_zone_offset(z, from, NULL, NULL) != off)
            abort();
        (void)gn_zone_to_utc(z, t[i]);
    }
    gn_zone_free(z);
    return 0;
}
