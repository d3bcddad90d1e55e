/* csvrows.h - the inner loop of the CSV reader: listed separators in, encoded records out.
 *
 * Used by csv.c alone (and by tests). A row is plain when it has as many columns as expected, none
 * of the bytes that gn_csvsplit.odd lists, and every field is of its type. The loop encodes plain
 * rows and stops at the first that is not, without saying why: csv.c then looks at that row with
 * all care. */
#ifndef GN_STREAM_CSVROWS_H
#define GN_STREAM_CSVROWS_H

#include "../base/zone.h"
#include "schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* One field of the records to be made. */
#define GN_CSV_FUSE(a, b, c) (16 * GN_CSV_##c + 4 * GN_CSV_##b + GN_CSV_##a)
enum gn_csvkind {
    GN_CSV_X, /* no further field in this step */
    GN_CSV_S, /* str */
    GN_CSV_I, /* int */
    GN_CSV_T, /* time, in UTC */
    /* Those are done up to three at a time. */
    GN_CSV_D = 64,  /* date */
    GN_CSV_ZONED,   /* time in a zone */
    GN_CSV_OTHER,   /* only by the general parsers */
    GN_CSV_CONSTANT /* the same bytes in every record */
};

typedef struct gn_csvcol {
    gn_type type;
    enum gn_csvkind kind;
    uint32_t src;    /* column of the file, from 0; 0 of a constant */
    uint32_t nfixed; /* of a constant: */
    const uint8_t *fixed;
} gn_csvcol;

/* What to do for one, two or three fields. */
typedef struct gn_csvstep {
    uint32_t code;
    uint32_t offset[3]; /* bytes from the separator before the row to the one before the field */
    const gn_csvcol *col;
} gn_csvstep;

/* Turn columns into steps, at most n of them, each of up to `fuse` (1 to 3) fields; how many steps
 * is returned. */
size_t gn_csvrows_plan(const gn_csvcol *col, size_t n, size_t fuse, gn_csvstep *step);

/* Days by look-up: of years 0 to 9999, and within a year. */
typedef struct gn_csvcalendar {
    struct {
        int32_t days;   /* of the 1st of January, since 1970-01-01 */
        uint32_t which; /* where in `day` the days of such a year are */
    } year[10000];
    uint16_t day[3 * 1280]; /* at 64 * month + day: days since the 1st of January, or UINT16_MAX */
} gn_csvcalendar;

void gn_csvcalendar_init(gn_csvcalendar *c);

/* A zone for times without one, with the span around the last time that has the same offset. */
typedef struct gn_csvzone {
    const gn_zone *zone; /* NULL: UTC */
    int64_t from, until; /* UTC microseconds, a day inside the span; from >= until: none */
    int64_t offset;      /* microseconds */
} gn_csvzone;

typedef struct gn_csvrows {
    /* of the file */
    const gn_csvstep *step;  /* a field a step, */
    const gn_csvstep *fused; /* and more */
    size_t nstep, nfused;
    const gn_csvcalendar *calendar;
    size_t ncol;  /* fields of a record */
    size_t width; /* columns of a row of the file */
    size_t room;  /* a record of a row of n bytes takes at most n + room bytes */
    gn_csvzone zone;
    /* of the block */
    const uint8_t *base;
    const int32_t *sep; /* before the first there is a -1, after the last there are `width` -1 */
    const int32_t *nl;
    size_t nnl;
    bool crlf;       /* there are carriage returns before newlines: to be cut */
    bool check_text; /* strings must be checked */
    bool avx2;       /* use these instructions; else portable code, with the same result */
    /* moving; the next row begins behind separator at - 1 */
    size_t at;    /* its first separator */
    size_t row;   /* its newline */
    uint32_t odd; /* rows that end behind this byte are not plain */
    uint8_t *out, *limit;
} gn_csvrows;

enum gn_csvstop {
    GN_CSV_ALL,  /* no row is left */
    GN_CSV_FULL, /* the next record may not fit between out and limit */
    GN_CSV_ODD   /* the next row is not plain */
};

/* Reads up to 32 bytes beyond a field, over-writes up to 32 bytes beyond `limit`. */
enum gn_csvstop gn_csvrows_run(gn_csvrows *r);

static inline size_t gn_csvrows_start(const gn_csvrows *r)
{
    return (size_t)((r->sep - 1)[r->at] + 1);
}

/* One field by the general parsers: the encoding at o (at most n + 15 bytes), or NULL when the
 * text is not of the type. Text of str is not checked here. An empty field is the caller's. */
uint8_t *gn_csvrows_value(gn_type type, gn_csvzone *z, const uint8_t *s, size_t n, uint8_t *o);

/* ---- the short ways, for what is common; false: ask the general parser ---- */

#define GN_CSV_INLINE static inline __attribute__((always_inline))

GN_CSV_INLINE uint64_t gn_csv_load(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

/* Is any byte above 9? Bytes of 0x8a and more carry into their neighbour, but are found anyway. */
GN_CSV_INLINE bool gn_csv_no_digits(uint64_t x)
{
    return ((x + UINT64_C(0x7676767676767676)) | x) & UINT64_C(0x8080808080808080);
}

/* 1 to 8 digits, eight at once: pairs, then pairs of pairs by one multiplication each (the method
 * of D. Lemire, "Quickly parsing eight digits", 2018). Reads 8 bytes. */
GN_CSV_INLINE bool gn_csv_digits(const uint8_t *s, size_t n, uint32_t *v)
{
    if (n - 1 > 7)
        return false;
    uint64_t x = (gn_csv_load(s) ^ UINT64_C(0x3030303030303030)) << (64 - 8 * n);
    if (gn_csv_no_digits(x))
        return false;
    const uint64_t pair = UINT64_C(0x000000ff000000ff);
    x = x * 10 + (x >> 8);
    *v = (uint32_t)(((x & pair) * UINT64_C(0x000f424000000064) +
                     (x >> 16 & pair) * UINT64_C(0x0000271000000001)) >>
                    32);
    return true;
}

/* Days from 0000-01-01 to a date: c centuries, y years, month and day; UINT32_MAX when there is no
 * such day. The year is leap when (y ? y : c) % 4 == 0. Year 0 is let through. */
GN_CSV_INLINE uint32_t gn_csv_days(unsigned c, unsigned y, unsigned m, unsigned d)
{
    /* By month, and by 16 + month for leap years; months that are none have no days. */
    static const uint16_t before[32] = {0,   0,   31,  59,  90,  120, 151, 181, 212, 243, 273,
                                        304, 334, 0,   0,   0,   0,   0,   31,  60,  91,  121,
                                        152, 182, 213, 244, 274, 305, 335, 0,   0,   0};
    static const uint8_t length[32] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0,
                                       0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0};
    unsigned k = (m & 15) | (((y ? y : c) & 3) == 0) << 4;
    if (d - 1 >= length[k] || m > 15)
        return UINT32_MAX;
    return c * 36524 + (c + 3) / 4 + y * 365 + (y + 3) / 4 - ((y != 0) & ((c & 3) != 0)) +
           before[k] + d - 1;
}

#define GN_CSV_EPOCH 719528 /* days from 0000-01-01 to 1970-01-01 */
#define GN_CSV_YEAR1 366    /* and to 0001-01-01 */

/* YYYY-MM-DD as days since 1970-01-01; reads 10 bytes. */
GN_CSV_INLINE bool gn_csv_date10(const uint8_t *s, int64_t *day)
{
    uint64_t x = gn_csv_load(s) ^ UINT64_C(0x2d30302d30303030); /* "0000-00-" */
    unsigned d1 = (unsigned)s[8] - '0', d0 = (unsigned)s[9] - '0';
    if (gn_csv_no_digits(x) || (x & UINT64_C(0xff0000ff00000000)) || d1 > 9 || d0 > 9)
        return false;
    x = x * 10 + (x >> 8);
    uint32_t days = gn_csv_days(x & 0xff, x >> 16 & 0xff, x >> 40 & 0xff, d1 * 10 + d0);
    *day = (int64_t)days - GN_CSV_EPOCH;
    return days >= GN_CSV_YEAR1 && days != UINT32_MAX;
}

/* YYYY-MM-DD[ T]HH:MM:SS as seconds since the epoch; reads 19 bytes. */
GN_CSV_INLINE bool gn_csv_time19(const uint8_t *s, int64_t *seconds)
{
    int64_t day;
    uint64_t x = gn_csv_load(s + 11) ^ UINT64_C(0x30303a30303a3030); /* "00:00:00" */
    if (gn_csv_no_digits(x) || (x & UINT64_C(0x0000ff0000ff0000)) || !gn_csv_date10(s, &day) ||
        (s[10] != ' ' && s[10] != 'T'))
        return false;
    x = x * 10 + (x >> 8);
    unsigned h = x & 0xff, m = x >> 24 & 0xff, sec = x >> 48 & 0xff;
    if (h > 23 || m > 59 || sec > 59)
        return false;
    *seconds = day * 86400 + (int64_t)(h * 3600 + m * 60 + sec);
    return true;
}

#if defined(__x86_64__)
#define GN_CSV_AVX2 __attribute__((target("avx2,bmi,bmi2")))

/* The same with vectors, for seconds that fit 32 bits: all bytes are checked against the most they
 * may be beyond those of 0000-00-00 00:00:00, then digits are gathered, multiplied and added in
 * pairs. A T between date and time is left to others. Reads 32 bytes. */
GN_CSV_AVX2 GN_CSV_INLINE bool gn_csv_time19_avx2(const gn_csvcalendar *cal, const uint8_t *s,
                                                  int64_t *seconds)
{
    const __m256i zero =
        _mm256_setr_epi8('0', '0', '0', '0', '-', '0', '0', '-', '0', '0', ' ', '0', '0', ':', '0',
                         '0', ':', '0', '0', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i most = _mm256_setr_epi8(9, 9, 9, 9, 0, 1, 9, 0, 3, 9, 0, 2, 9, 0, 5, 9, 0, 5, 9,
                                          -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256i x = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)s), zero);
    if (_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(x, most), x)) != -1)
        return false;
    const __m128i lo =
        _mm_shuffle_epi8(_mm256_castsi256_si128(x),
                         _mm_setr_epi8(0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, -1, -1, -1, -1));
    const __m128i hi = _mm_shuffle_epi8(
        _mm256_extracti128_si256(x, 1),
        _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 2, -1, -1));
    const __m128i pair = _mm_maddubs_epi16(
        _mm_or_si128(lo, hi), _mm_setr_epi8(10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 0, 0));
    const __m128i quad = _mm_madd_epi16(pair, _mm_setr_epi16(100, 1, 64, 1, 3600, 60, 1, 0));
    const uint64_t date = (uint64_t)_mm_cvtsi128_si64(quad);
    const uint64_t clock = (uint64_t)_mm_extract_epi64(quad, 1);
    const uint32_t y = (uint32_t)date;
    const uint32_t day = cal->day[cal->year[y].which + (date >> 32)];
    const uint32_t sec = (uint32_t)clock + (uint32_t)(clock >> 32);
    *seconds = (int64_t)(cal->year[y].days + (int32_t)day) * 86400 + sec;
    return day != UINT16_MAX && sec < 86400 && (uint64_t)*seconds <= UINT32_MAX;
}

GN_CSV_AVX2 GN_CSV_INLINE bool gn_csv_digits_avx2(const uint8_t *s, size_t n, uint32_t *v)
{
    if (n - 1 > 7)
        return false;
    uint64_t x = (gn_csv_load(s) ^ UINT64_C(0x3030303030303030)) << (64 - 8 * n);
    if (gn_csv_no_digits(x))
        return false;
    __m128i d =
        _mm_maddubs_epi16(_mm_cvtsi64_si128((int64_t)x),
                          _mm_setr_epi8(10, 1, 10, 1, 10, 1, 10, 1, 0, 0, 0, 0, 0, 0, 0, 0));
    d = _mm_madd_epi16(d, _mm_setr_epi16(100, 1, 100, 1, 0, 0, 0, 0));
    d = _mm_madd_epi16(_mm_packus_epi32(d, d), _mm_setr_epi16(10000, 1, 0, 0, 0, 0, 0, 0));
    *v = (uint32_t)_mm_cvtsi128_si32(d);
    return true;
}
#endif

/* A time of whole seconds as a timestamp extension. Writes 8 bytes, of which 6 count. */
GN_CSV_INLINE uint8_t *gn_csv_put_seconds(uint8_t *o, uint32_t v)
{
    uint64_t x = UINT64_C(0xd6ff) << 48 | (uint64_t)v << 16;
#if __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    memcpy(o, &x, 8);
    return o + 6;
}

/* An unsigned number in its shortest form, without a branch: lengths vary from row to row, so
 * that branches would be mispredicted. Writes 8 bytes, of which 1 to 5 count. */
GN_CSV_INLINE uint8_t *gn_csv_put_u32(uint8_t *o, uint32_t v)
{
#define H0                                                                                         \
    {                                                                                              \
        0, 56, 1                                                                                   \
    }
#define H1                                                                                         \
    {                                                                                              \
        0xcc00, 48, 2                                                                              \
    }
#define H2                                                                                         \
    {                                                                                              \
        0xcd0000, 40, 3                                                                            \
    }
#define H4                                                                                         \
    {                                                                                              \
        UINT64_C(0xce00000000), 24, 5                                                              \
    }
    static const struct {
        uint64_t head; /* above the number's bytes */
        uint32_t shift, len;
    } by_bit[32] = {H0, H0, H0, H0, H0, H0, H0, H1, H2, H2, H2, H2, H2, H2, H2, H2,
                    H4, H4, H4, H4, H4, H4, H4, H4, H4, H4, H4, H4, H4, H4, H4, H4};
#undef H0
#undef H1
#undef H2
#undef H4
    const unsigned top = 31 ^ (unsigned)__builtin_clz(v | 1);
    uint64_t x = (v + by_bit[top].head) << by_bit[top].shift;
#if __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    memcpy(o, &x, 8);
    return o + by_bit[top].len;
}

#endif
