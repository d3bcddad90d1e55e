/* value.c - see value.h. */
#include "value.h"

#include "../io/mp.h"

#include <string.h>

static int cmp_bytes(const void *a, size_t na, const void *b, size_t nb)
{
    size_t n = na < nb ? na : nb;
    int c = n ? memcmp(a, b, n) : 0;
    return c ? c : (na > nb) - (na < nb);
}

int gn_value_cmp(gn_type t, gn_str a, gn_str b)
{
    const uint8_t *ea = a.p + a.n, *eb = b.p + b.n;
    bool na = *a.p == GN_MP_NIL, nb = *b.p == GN_MP_NIL;
    if (na || nb)
        return na - nb;
    switch (t) {
    case GN_STR: {
        const char *x, *y;
        size_t nx = 0, ny = 0;
        if (!gn_mp_get_str(a.p, ea, &x, &nx) || !gn_mp_get_str(b.p, eb, &y, &ny))
            return 0;
        return cmp_bytes(x, nx, y, ny);
    }
    case GN_BIN: {
        const uint8_t *x, *y;
        size_t nx = 0, ny = 0;
        if (!gn_mp_get_bin(a.p, ea, &x, &nx) || !gn_mp_get_bin(b.p, eb, &y, &ny))
            return 0;
        return cmp_bytes(x, nx, y, ny);
    }
    case GN_FLOAT: {
        double x = 0, y = 0;
        (void)gn_mp_get_float(a.p, ea, &x);
        (void)gn_mp_get_float(b.p, eb, &y);
        return (x > y) - (x < y);
    }
    case GN_BOOL:
        return *a.p - *b.p;
    default: {
        int64_t x = 0, y = 0;
        (void)(t == GN_TIME ? gn_mp_get_time(a.p, ea, &x) : gn_mp_get_int(a.p, ea, &x));
        (void)(t == GN_TIME ? gn_mp_get_time(b.p, eb, &y) : gn_mp_get_int(b.p, eb, &y));
        return (x > y) - (x < y);
    }
    }
}
