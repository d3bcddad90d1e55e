/* csvrows.c - see csvrows.h. Strings are copied 16 bytes at a time with the rest over-written by
 * what follows; what a record may take is checked once a row. */
#include "csvrows.h"

#include "../base/civil.h"
#include "../base/parse.h"
#include "../io/mp.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* UTC of a wall-clock time. gn_zone_to_utc is right everywhere; a day away from the changes of
 * the zone's offset it is a subtraction. */
static int64_t wall_to_utc(gn_csvzone *z, int64_t wall)
{
    int64_t utc = wall - z->offset;
    if (utc >= z->from && utc < z->until)
        return utc;
    utc = gn_zone_to_utc(z->zone, wall);
    z->offset = (int64_t)gn_zone_offset(z->zone, utc, &z->from, &z->until) * GN_US;
    z->from = z->from > INT64_MAX - GN_DAY_US ? INT64_MAX : z->from + GN_DAY_US;
    z->until = z->until < INT64_MIN + GN_DAY_US ? INT64_MIN : z->until - GN_DAY_US;
    return utc;
}

static uint8_t *put_time_wall(gn_csvzone *z, int64_t seconds, uint8_t *o)
{
    int64_t us = wall_to_utc(z, seconds * GN_US);
    return us < GN_TIME_MIN || us > GN_TIME_MAX ? NULL : gn_mp_time(o, us);
}

static int hex(uint8_t c)
{
    unsigned d = (unsigned)c - '0', a = ((unsigned)c | 0x20) - 'a';
    return d <= 9 ? (int)d : a <= 5 ? (int)a + 10 : -1;
}

/* Bytes as pairs of hexadecimal digits. */
static uint8_t *put_hex(const uint8_t *s, size_t n, uint8_t *o)
{
    if (n % 2 || n / 2 > UINT32_MAX)
        return NULL;
    o = gn_mp_bin_head(o, n / 2);
    for (size_t i = 0; i < n; i += 2) {
        int hi = hex(s[i]), lo = hex(s[i + 1]);
        if (hi < 0 || lo < 0)
            return NULL;
        *o++ = (uint8_t)(hi << 4 | lo);
    }
    return o;
}

uint8_t *gn_csvrows_value(gn_type type, gn_csvzone *z, const uint8_t *s, size_t n, uint8_t *o)
{
    const char *t = (const char *)s;
    int64_t i;
    double f;
    bool b;
    switch (type) {
    case GN_STR:
        if (n > UINT32_MAX)
            return NULL;
        o = gn_mp_str_head(o, n);
        if (n)
            memcpy(o, s, n);
        return o + n;
    case GN_BIN:
        return put_hex(s, n, o);
    case GN_INT:
        return gn_parse_int(t, n, &i) ? gn_mp_int(o, i) : NULL;
    case GN_FLOAT:
        return gn_parse_float(t, n, &f) ? gn_mp_float(o, f) : NULL;
    case GN_BOOL:
        return gn_parse_bool(t, n, &b) ? gn_mp_bool(o, b) : NULL;
    case GN_TIME:
        return gn_parse_time(t, n, z->zone, &i) ? gn_mp_time(o, i) : NULL;
    case GN_DATE:
        return gn_parse_date(t, n, &i) ? gn_mp_int(o, i) : NULL;
    }
    return NULL;
}

/* The short ways have no answer: an empty field, or the general parsers. */
static __attribute__((noinline)) uint8_t *put_general(const gn_csvcol *c, gn_csvzone *z,
                                                      const uint8_t *s, size_t n, uint8_t *o)
{
    int64_t v;
    if (n == 0)
        return gn_mp_nil(o);
    if (c->kind == GN_CSV_T && n == 19 && gn_csv_time19(s, &v))
        return gn_mp_time(o, v * GN_US);
    return gn_csvrows_value(c->type, z, s, n, o);
}

size_t gn_csvrows_plan(const gn_csvcol *col, size_t n, size_t fuse, gn_csvstep *step)
{
    size_t steps = 0;
    for (size_t i = 0; i < n; steps++, step++) {
        size_t k = 0;
        *step = (gn_csvstep){.col = col + i};
        do {
            step->code |= (uint32_t)col[i].kind << 2 * k;
            step->offset[k++] = (uint32_t)(col[i].src * sizeof(int32_t));
        } while (++i < n && k < fuse && col[i - 1].kind < GN_CSV_D && col[i].kind < GN_CSV_D);
    }
    return steps;
}

void gn_csvcalendar_init(gn_csvcalendar *c)
{
    const uint32_t kinds = 1280; /* common years, leap years, years that are none */
    for (size_t i = 0; i < 3 * kinds; i++)
        c->day[i] = UINT16_MAX;
    for (uint32_t leap = 0; leap < 2; leap++) {
        const int year = leap ? 2000 : 2001;
        for (int m = 1; m <= 12; m++)
            for (int d = 1; d <= gn_days_in_month(year, m); d++)
                c->day[leap * kinds + (uint32_t)(64 * m + d)] =
                    (uint16_t)(gn_days_from_civil(year, m, d) - gn_days_from_civil(year, 1, 1));
    }
    for (int y = 0; y < 10000; y++) {
        c->year[y].which = y == 0 ? 2 * kinds : gn_days_in_month(y, 2) == 29 ? kinds : 0;
        c->year[y].days = y == 0 ? 0 : (int32_t)gn_days_from_civil(y, 1, 1);
    }
}

GN_CSV_INLINE bool time19(const gn_csvcalendar *cal, const uint8_t *s, int64_t *v)
{
    (void)cal;
    return gn_csv_time19(s, v) && (uint64_t)*v <= UINT32_MAX;
}

#define ROWS_LOOP run_portable
#define ROWS_CAREFUL true
#define ROWS_FUSED 0
#define ROWS_TARGET
#define ROWS_TIME19 time19
#define ROWS_DIGITS gn_csv_digits
#include "csvrows_loop.h"

#if defined(__x86_64__)
#define ROWS_LOOP run_avx2
#define ROWS_CAREFUL false
#define ROWS_FUSED 1
#define ROWS_TARGET GN_CSV_AVX2
#define ROWS_TIME19 gn_csv_time19_avx2
#define ROWS_DIGITS gn_csv_digits_avx2
#include "csvrows_loop.h"

#define ROWS_LOOP run_avx2_careful
#define ROWS_CAREFUL true
#define ROWS_FUSED 0
#define ROWS_TARGET GN_CSV_AVX2
#define ROWS_TIME19 gn_csv_time19_avx2
#define ROWS_DIGITS gn_csv_digits_avx2
#include "csvrows_loop.h"
#endif

enum gn_csvstop gn_csvrows_run(gn_csvrows *r)
{
#if defined(__x86_64__)
    if (r->avx2)
        return r->crlf || r->check_text ? run_avx2_careful(r) : run_avx2(r);
#endif
    return run_portable(r);
}
