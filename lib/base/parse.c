/* parse.c - see parse.h. */
#include "parse.h"

#include "civil.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline unsigned digit(char c)
{
    return (unsigned)(unsigned char)c - '0';
}

bool gn_parse_int(const char *s, size_t n, int64_t *out)
{
    size_t i = 0;
    bool neg = false;
    if (n && (s[0] == '-' || s[0] == '+')) {
        neg = s[0] == '-';
        i = 1;
    }
    if (i == n)
        return false;
    uint64_t limit = (uint64_t)INT64_MAX + neg, v = 0;
    for (; i < n; i++) {
        unsigned d = digit(s[i]);
        if (d > 9 || __builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, d, &v))
            return false;
        if (v > limit)
            return false;
    }
    *out = neg ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* ---- floats ---- */

static const double pow10_exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* More decimal digits than this cannot change how a number is rounded to a double (767 can), if a
 * non-zero remainder leaves a trace behind them. */
#define FLOAT_DIGITS 780

bool gn_parse_float(const char *s, size_t n, double *out)
{
    size_t i = 0;
    bool neg = false;
    if (n && (s[0] == '-' || s[0] == '+')) {
        neg = s[0] == '-';
        i = 1;
    }
    /* Significant digits without leading zeros; value = 0.d1d2d3... x 10^point, but w holds the
     * first 19 of them as an integer. */
    char dig[FLOAT_DIGITS + 32];
    size_t nd = 0;     /* digits kept in dig */
    int64_t scale = 0; /* decimal exponent of the digit string read as an integer */
    bool any = false, dot = false, rest = false;
    uint64_t w = 0;
    for (; i < n; i++) {
        unsigned d = digit(s[i]);
        if (d <= 9) {
            any = true;
            if (nd == 0 && d == 0) {
                scale -= dot;
            } else if (nd < FLOAT_DIGITS) {
                if (nd < 19)
                    w = w * 10 + d;
                dig[nd++] = s[i];
                scale -= dot;
            } else {
                rest |= d != 0;
                scale += !dot;
            }
        } else if (s[i] == '.' && !dot) {
            dot = true;
        } else {
            break;
        }
    }
    if (!any)
        return false;
    if (i < n) {
        if (s[i] != 'e' && s[i] != 'E')
            return false;
        i++;
        bool eneg = false;
        if (i < n && (s[i] == '-' || s[i] == '+')) {
            eneg = s[i] == '-';
            i++;
        }
        if (i == n)
            return false;
        int64_t x = 0;
        for (; i < n; i++) {
            unsigned d = digit(s[i]);
            if (d > 9)
                return false;
            if (x < INT64_C(1) << 60)
                x = x <= INT64_MAX / 100 ? x * 10 + d : x;
        }
        scale += eneg ? -x : x;
    }
    double v;
    if (nd == 0) {
        v = 0;
    } else if (nd <= 15 && scale >= -22 && scale <= 22) {
        /* Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990: both operands are
         * exact, so that the one operation rounds correctly. */
        v = (double)w;
        if (scale < 0)
            v /= pow10_exact[-scale];
        else
            v *= pow10_exact[scale];
    } else {
        if (scale > 100000)
            scale = 100000;
        if (scale < -100000)
            scale = -100000;
        if (rest) {
            dig[nd++] = '1';
            scale--;
        }
        snprintf(dig + nd, sizeof dig - nd, "e%d", (int)scale);
        v = strtod(dig, NULL); /* no point in the text: the locale does not matter */
    }
    if (!isfinite(v))
        return false;
    *out = neg && v != 0 ? -v : v;
    return true;
}

size_t gn_int_format(int64_t v, char *out)
{
    char tmp[20];
    size_t n = 0, k = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        tmp[n++] = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        out[k++] = '-';
    while (n)
        out[k++] = tmp[--n];
    out[k] = 0;
    return k;
}

size_t gn_float_format(double v, char *out)
{
    if (v == 0)
        v = 0; /* no -0 */
    double a = fabs(v);
    if (a <= 9007199254740992.0 && a == floor(a))
        return gn_int_format((int64_t)v, out);
    if (a >= 1e-4 && a < 1e15) {
        /* Few decimals: the first k for which v is an integer / 10^k. A decimal of at most 15
         * digits is the only such one that reads as its double, so it is the shortest. */
        for (int k = 1; k <= 9; k++) {
            double t = a * pow10_exact[k];
            if (t >= 1e15)
                break;
            double r = rint(t);
            if (r / pow10_exact[k] != a)
                continue;
            uint64_t u = (uint64_t)r, p = (uint64_t)pow10_exact[k];
            size_t n = 0;
            if (v < 0)
                out[n++] = '-';
            n += gn_int_format((int64_t)(u / p), out + n);
            out[n++] = '.';
            uint64_t f = u % p;
            for (int j = k - 1; j >= 0; j--) {
                out[n + (size_t)j] = (char)('0' + f % 10);
                f /= 10;
            }
            n += (size_t)k;
            out[n] = 0;
            return n;
        }
    }
    /* 15 digits always survive text -> double -> text, so a shorter text that reads back is what
     * %.15g prints; 17 always read back. Near the smallest numbers there are fewer digits. */
    int n = 0;
    for (int digits = a < 1e-290 ? 1 : 15; digits <= 17; digits++) {
        n = snprintf(out, GN_FLOAT_TEXT, "%.*g", digits, v);
        for (char *c = out; *c; c++)
            if (*c == ',') /* a locale's decimal comma */
                *c = '.';
        double back;
        if (gn_parse_float(out, strlen(out), &back) && back == v)
            break;
    }
    return n > 0 ? (size_t)n : 0;
}

/* ---- bool, date, time ---- */

static bool word_is(const char *s, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if ((s[i] | 0x20) != word[i])
            return false;
    return word[n] == 0;
}

bool gn_parse_bool(const char *s, size_t n, bool *out)
{
    switch (n) {
    case 1:
        *out = s[0] == '1' || word_is(s, n, "t");
        return *out || s[0] == '0' || word_is(s, n, "f");
    case 2:
        *out = false;
        return word_is(s, n, "no");
    case 3:
        *out = true;
        return word_is(s, n, "yes");
    case 4:
        *out = true;
        return word_is(s, n, "true");
    case 5:
        *out = false;
        return word_is(s, n, "false");
    }
    return false;
}

/* Two digits, or a number above 99. */
static inline unsigned two(const char *s)
{
    unsigned a = digit(s[0]), b = digit(s[1]);
    return a > 9 || b > 9 ? 1000 : a * 10 + b;
}

bool gn_parse_date(const char *s, size_t n, int64_t *out)
{
    if (n != 10 || s[4] != '-' || s[7] != '-')
        return false;
    unsigned c = two(s), y = two(s + 2), m = two(s + 5), d = two(s + 8);
    if (c > 99 || y > 99 || c + y == 0 || m < 1 || m > 12 || d < 1 || d > 31)
        return false;
    int year = (int)(c * 100 + y);
    if ((int)d > gn_days_in_month(year, (int)m))
        return false;
    *out = gn_days_from_civil(year, (int)m, (int)d);
    return true;
}

static bool parse_epoch(const char *s, size_t n, int64_t *out)
{
    size_t digits = n - (n && (s[0] == '-' || s[0] == '+'));
    int64_t v;
    if (digits > 17 || !gn_parse_int(s, n, &v))
        return false;
    if (digits <= 11)
        v *= 1000000;
    else if (digits <= 14)
        v *= 1000;
    if (v < GN_TIME_MIN || v > GN_TIME_MAX)
        return false;
    *out = v;
    return true;
}

bool gn_parse_time(const char *s, size_t n, const gn_zone *z, int64_t *out)
{
    int64_t day;
    if (n < 10 || !gn_parse_date(s, 10, &day))
        return parse_epoch(s, n, out);
    int64_t us = day * GN_DAY_US;
    bool zoned = false;
    if (n > 10) {
        if (n < 19 || (s[10] != ' ' && s[10] != 'T') || s[13] != ':' || s[16] != ':')
            return false;
        unsigned h = two(s + 11), m = two(s + 14), sec = two(s + 17);
        if (h > 23 || m > 59 || sec > 59)
            return false;
        us += (int64_t)(h * 3600 + m * 60 + sec) * GN_US;
        size_t i = 19;
        if (i < n && s[i] == '.') {
            size_t k = 0;
            unsigned unit = 100000;
            for (i++; i < n && digit(s[i]) <= 9; i++, k++) {
                us += (int64_t)(digit(s[i]) * unit);
                if (unit == 0 && s[i] != '0')
                    return false;
                unit /= 10;
            }
            if (k == 0)
                return false;
        }
        if (i < n && s[i] == 'Z') {
            zoned = true;
            i++;
        } else if (i < n && (s[i] == '+' || s[i] == '-')) {
            bool west = s[i] == '-';
            i++;
            bool colon = n - i == 5 && s[i + 2] == ':';
            if (!colon && n - i != 4)
                return false;
            unsigned oh = two(s + i), om = two(s + i + 2 + colon);
            if (oh > 23 || om > 59)
                return false;
            int64_t off = (int64_t)(oh * 3600 + om * 60) * GN_US;
            us += west ? off : -off;
            zoned = true;
            i = n;
        }
        if (i != n)
            return false;
    }
    if (!zoned && z)
        us = gn_zone_to_utc(z, us);
    if (us < GN_TIME_MIN || us > GN_TIME_MAX)
        return false;
    *out = us;
    return true;
}

/* ---- command lines ---- */

/* Leading digits of text; NULL when there are none or they do not fit. */
static const char *number(const char *text, uint64_t *v)
{
    const char *s = text;
    *v = 0;
    for (; digit(*s) <= 9; s++)
        if (__builtin_mul_overflow(*v, 10u, v) || __builtin_add_overflow(*v, digit(*s), v))
            return NULL;
    return s == text ? NULL : s;
}

int gn_parse_size(const char *text, size_t *bytes, gn_err *e)
{
    uint64_t v;
    const char *s = number(text, &v);
    if (s) {
        int shift = 0;
        switch (*s) {
        case 'k':
        case 'K':
            shift = 10;
            break;
        case 'm':
        case 'M':
            shift = 20;
            break;
        case 'g':
        case 'G':
            shift = 30;
            break;
        case 't':
        case 'T':
            shift = 40;
            break;
        }
        if (shift)
            s++;
        if (shift && !strcmp(s, "iB"))
            s += 2;
        else if (!strcmp(s, "B"))
            s++;
        if (*s == 0 && v <= SIZE_MAX >> shift) {
            *bytes = (size_t)v << shift;
            return 0;
        }
    }
    return gn_fail(e, GN_USAGE, "'%s' is no size (say 65536, 64K, 256M or 2G)", text);
}

int gn_parse_duration(const char *text, int64_t bare_ms, int64_t *ms, gn_err *e)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1},      {"s", 1000},     {"min", 60000},
                 {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};
    uint64_t v;
    const char *s = number(text, &v);
    if (s && v <= INT64_MAX) {
        int64_t unit = *s ? 0 : bare_ms;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (!strcmp(s, units[i].unit))
                unit = units[i].ms;
        if (unit && !__builtin_mul_overflow((int64_t)v, unit, ms))
            return 0;
    }
    return gn_fail(e, GN_USAGE, "'%s' is no duration (say 1500ms, 10s, 30min, 8h, 7d or 2w)", text);
}

/* ---- text ---- */

size_t gn_utf8_valid(const char *str, size_t n)
{
    const unsigned char *s = (const unsigned char *)str;
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    size_t i = 0;
    while (i < n) {
        /* Eight at a time while they are ASCII and not NUL. */
        while (n - i >= 8) {
            uint64_t x;
            memcpy(&x, s + i, 8);
            if ((x | (x - ones)) & high)
                break;
            i += 8;
        }
        if (i == n)
            break;
        unsigned c = s[i];
        if (c < 0x80) {
            if (c == 0)
                return i;
            i++;
            continue;
        }
        /* Well-formed sequences: table 3-7 of the Unicode standard. */
        size_t left = n - i;
        if (c < 0xc2) {
            return i;
        } else if (c < 0xe0) {
            if (left < 2 || (s[i + 1] & 0xc0) != 0x80)
                return i;
            i += 2;
        } else if (c < 0xf0) {
            if (left < 3 || (s[i + 1] & 0xc0) != 0x80 || (s[i + 2] & 0xc0) != 0x80)
                return i;
            if ((c == 0xe0 && s[i + 1] < 0xa0) || (c == 0xed && s[i + 1] > 0x9f))
                return i;
            i += 3;
        } else if (c < 0xf5) {
            if (left < 4 || (s[i + 1] & 0xc0) != 0x80 || (s[i + 2] & 0xc0) != 0x80 ||
                (s[i + 3] & 0xc0) != 0x80)
                return i;
            if ((c == 0xf0 && s[i + 1] < 0x90) || (c == 0xf4 && s[i + 1] > 0x8f))
                return i;
            i += 4;
        } else {
            return i;
        }
    }
    return n;
}
