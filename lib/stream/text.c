/* text.c - see text.h.
 *
 * Digits go two at a time through a table of 00..99. Dates repeat in real data, so a
 * direct-mapped memo of days saves the calendar arithmetic. */
#include "text.h"

#include "../base/civil.h"
#include "../base/mem.h"
#include "../base/parse.h"

#include <stdlib.h>
#include <string.h>

#define MEMO 1024 /* days; a power of two */

typedef struct memo {
    int64_t day;
    char text[16]; /* 10 used; 16 for one wide copy */
} memo;

struct gn_text {
    const gn_zone *zone; /* NULL: UTC */
    int64_t from, until; /* span of `offset` */
    int offset;          /* seconds, whole minutes */
    memo memo[MEMO];
};

static const char two[201] = "00010203040506070809101112131415161718192021222324"
                             "25262728293031323334353637383940414243444546474849"
                             "50515253545556575859606162636465666768697071727374"
                             "75767778798081828384858687888990919293949596979899";

static inline char *put2(char *p, unsigned v)
{
    memcpy(p, two + 2 * v, 2);
    return p + 2;
}

gn_text *gn_text_new(const gn_zone *zone, gn_err *e)
{
    gn_text *t = gn_calloc(1, sizeof *t, e);

    if (!t)
        return NULL;
    t->zone = zone && !gn_zone_is_utc(zone) ? zone : NULL;
    for (size_t i = 0; i < MEMO; i++)
        t->memo[i].day = INT64_MIN;
    return t;
}

void gn_text_free(gn_text *t)
{
    free(t);
}

char *gn_text_int(char *p, int64_t v)
{
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    char tmp[20];
    char *q = tmp + sizeof tmp;

    if (v < 0)
        *p++ = '-';
    while (u >= 100) {
        q -= 2;
        memcpy(q, two + 2 * (u % 100), 2);
        u /= 100;
    }
    if (u >= 10) {
        q -= 2;
        memcpy(q, two + 2 * u, 2);
    } else {
        *--q = (char)('0' + u);
    }
    size_t n = (size_t)(tmp + sizeof tmp - q);
    memcpy(p, q, n);
    return p + n;
}

char *gn_text_float(char *p, double v)
{
    char t[GN_FLOAT_TEXT];
    size_t n = gn_float_format(v, t);

    memcpy(p, t, n);
    return p + n;
}

char *gn_text_bool(char *p, bool v)
{
    size_t n = v ? 4 : 5;

    memcpy(p, v ? "true" : "false", n);
    return p + n;
}

char *gn_text_date(gn_text *t, char *p, int64_t day)
{
    memo *m = &t->memo[(uint64_t)day & (MEMO - 1)];

    if (m->day != day) {
        gn_civil c = gn_civil_from_days(day);
        char *q = put2(m->text, (unsigned)c.year / 100);
        q = put2(q, (unsigned)c.year % 100);
        *q++ = '-';
        q = put2(q, (unsigned)c.month);
        *q++ = '-';
        put2(q, (unsigned)c.day);
        m->day = day;
    }
    memcpy(p, m->text, 10);
    return p + 10;
}

/* The offset in force at `us`, in whole minutes. */
static int offset_at(gn_text *t, int64_t us)
{
    if (us < t->from || us >= t->until)
        t->offset = gn_zone_offset(t->zone, us, &t->from, &t->until) / 60 * 60;
    return t->offset;
}

char *gn_text_time(gn_text *t, char *p, int64_t us)
{
    int off = 0;
    bool local = false;

    if (t->zone) {
        off = offset_at(t, us);
        int64_t wall = us + off * GN_US;
        local = wall >= GN_TIME_MIN && wall <= GN_TIME_MAX;
        if (local)
            us = wall;
    }
    int64_t day = gn_day_of_us(us);
    uint64_t in = (uint64_t)(us - day * GN_DAY_US);
    unsigned s = (unsigned)(in / 1000000), frac = (unsigned)(in % 1000000);

    p = gn_text_date(t, p, day);
    *p++ = ' ';
    p = put2(p, s / 3600);
    *p++ = ':';
    p = put2(p, s / 60 % 60);
    *p++ = ':';
    p = put2(p, s % 60);
    if (frac) {
        *p++ = '.';
        put2(p, frac / 10000);
        put2(p + 2, frac / 100 % 100);
        put2(p + 4, frac % 100);
        p += 6;
        while (p[-1] == '0')
            p--;
    }
    if (!t->zone)
        return p;
    if (!local) {
        *p++ = 'Z';
        return p;
    }
    unsigned m = (unsigned)(off < 0 ? -off : off) / 60;
    *p++ = off < 0 ? '-' : '+';
    p = put2(p, m / 60);
    *p++ = ':';
    return put2(p, m % 60);
}

/* ---- for terminals ---- */

size_t gn_text_char(const uint8_t *s, size_t n, uint32_t *c)
{
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (len == 1) {
        *c = s[0];
        return 1;
    }
    if (len > n || gn_utf8_valid((const char *)s, len) != len)
        return 0;
    *c = s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        *c = *c << 6 | (s[i] & 0x3fu);
    return len;
}

bool gn_text_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

size_t gn_text_escape(uint32_t c, char *p)
{
    static const char digit[] = "0123456789abcdef";
    size_t n = 0;

    p[n++] = '\\';
    if (c == '\n' || c == '\r' || c == '\t') {
        p[n++] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
        return n;
    }
    p[n++] = c < 0x100 ? 'x' : 'u';
    if (c >= 0x100)
        p[n++] = '{';
    for (int shift = c < 0x100      ? 4
                     : c < 0x10000  ? 12
                     : c < 0x100000 ? 16
                                    : 20;
         shift >= 0; shift -= 4)
        p[n++] = digit[c >> shift & 15];
    if (c >= 0x100)
        p[n++] = '}';
    return n;
}

int gn_text_safe(gn_buf *b, const char *text, size_t n, gn_err *e)
{
    const uint8_t *s = (const uint8_t *)text;

    for (size_t i = 0; i < n;) {
        char safe[GN_TEXT_ESCAPE];
        uint32_t c = s[i];
        size_t k = gn_text_char(s + i, n - i, &c);
        bool bad = k == 0 || gn_text_unsafe(c);
        size_t bytes = bad ? gn_text_escape(c, safe) : k;

        if (gn_buf_add(b, bad ? (const void *)safe : s + i, bytes, e))
            return -1;
        i += k ? k : 1;
    }
    return 0;
}
