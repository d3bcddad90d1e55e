/* Kernels of the functions that make texts, read them, and round. As in expr_eval.c a result that
 * its type cannot hold is null. Texts are built in the step's buffer, which is grown before the
 * loop. */
#include "expr_priv.h"

#include "../base/civil.h"
#include "../base/parse.h"

#include <math.h>
#include <string.h>

#define KERNEL(name) int name(ex_step *s, const gn_batch *b, size_t n, gn_err *e)
#define UNUSED_BATCH (void)b, (void)e

static const gn_str nothing = {.p = (const uint8_t *)"", .n = 0};

/* ---- the calendar ---- */

/* year(), day(), weekday() of dates; neighbours are often of one day. */
KERNEL(ex_k_calendar)
{
    const int64_t *x = s->arg[0]->v.i;
    const uint8_t *null = s->arg[0]->v.null;
    int64_t last = 0;
    gn_civil c = {.year = 1970, .month = 1, .day = 1};

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        uint8_t none = null[i] | (x[i] < GN_DAY_MIN) | (x[i] > GN_DAY_MAX);
        if (!none && x[i] != last) {
            last = x[i];
            c = gn_civil_from_days(last);
        }
        int64_t v = s->op == EX_YEAR  ? c.year
                    : s->op == EX_DAY ? c.day
                                      : last - gn_week_start(last) + 1;
        s->v.i[i] = none ? 0 : v;
        s->v.null[i] = none;
    }
    return 0;
}

/* ---- from text ---- */

/* A day, or the day in the zone of a time; numbers are no dates. */
static bool parse_day(const char *p, size_t n, const gn_zone *zone, int64_t *day)
{
    int64_t us;

    if (gn_parse_date(p, n, day))
        return true;
    if (n <= 10 || !gn_parse_date(p, 10, day) || !gn_parse_time(p, n, zone, &us))
        return false;
    if (zone == NULL)
        *day = gn_day_of_us(us);
    else
        gn_zone_days(zone, &us, day, 1);
    return true;
}

/* int(), float(), time(), date() of a str. */
KERNEL(ex_k_parse)
{
    const gn_str *x = s->arg[0]->v.s;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        const char *p = (const char *)x[i].p;
        int64_t v = 0;
        double f = 0;
        bool ok = !s->arg[0]->v.null[i];
        if (ok)
            ok = s->op == EX_INT     ? gn_parse_int(p, x[i].n, &v)
                 : s->op == EX_FLOAT ? gn_parse_float(p, x[i].n, &f)
                 : s->op == EX_TIME  ? gn_parse_time(p, x[i].n, s->zone, &v)
                                     : parse_day(p, x[i].n, s->zone, &v);
        if (s->type == GN_FLOAT)
            s->v.f[i] = ok ? f : 0;
        else
            s->v.i[i] = ok ? v : 0;
        s->v.null[i] = !ok;
    }
    return 0;
}

/* ---- numbers ---- */

/* A float to an int: down, up, to the nearest (halves away from 0), or what is before the point. */
KERNEL(ex_k_whole)
{
    const double *x = s->arg[0]->v.f;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        double y = s->op == EX_FLOOR   ? floor(x[i])
                   : s->op == EX_CEIL  ? ceil(x[i])
                   : s->op == EX_ROUND ? round(x[i])
                                       : trunc(x[i]);
        uint8_t null = s->arg[0]->v.null[i] | !(y >= -0x1p63 && y < 0x1p63);
        s->v.i[i] = null ? 0 : (int64_t)y;
        s->v.null[i] = null;
    }
    return 0;
}

/* The decimal number of so many digits that is nearest to the exact value of x, halves away from 0,
 * as the float that is nearest to it. `scale` is a power of ten that a float holds exactly; the
 * error of the product is known exactly (fma) and decides what the rounded product leaves open; the
 * division rounds once. */
static double round_to(double x, double scale)
{
    double a = fabs(x), y = a * scale;

    if (!(y < 0x1p53)) /* so many digits tell any two floats apart */
        return x;
    double rest = fma(a, scale, -y), whole = floor(y), part = y - whole;
    if (part > 0.5 || (part == 0.5 && rest >= 0) || rest >= 0.5)
        whole += 1;
    return copysign(whole / scale, x);
}

KERNEL(ex_k_round)
{
    static const double powers[EX_DIGITS + 1] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const double *x = s->arg[0]->v.f, scale = powers[s->op];

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        s->v.null[i] = s->arg[0]->v.null[i];
        s->v.f[i] = round_to(x[i], scale) + 0.0; /* never -0 */
    }
    return 0;
}

KERNEL(ex_k_int_b)
{
    const uint8_t *x = s->arg[0]->b;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        s->v.i[i] = x[i] >> 1;
        s->v.null[i] = x[i] & 1;
    }
    return 0;
}

/* ---- to text ---- */

/* A time as the clocks of the zone show it; 0 outside the years 0001 to 9999. */
static size_t format_time(const gn_zone *zone, int64_t us, char *out)
{
    if (zone != NULL &&
        __builtin_add_overflow(us, gn_zone_offset(zone, us, NULL, NULL) * GN_US, &us))
        return 0;
    return us < GN_TIME_MIN || us > GN_TIME_MAX ? 0 : gn_time_format(us, out);
}

static size_t format(const ex_step *s, const ex_step *a, size_t i, char *out)
{
    switch (a->type) {
    case GN_BOOL:
        memcpy(out, a->b[i] ? "true" : "false", 5);
        return a->b[i] ? 4 : 5;
    case GN_FLOAT:
        return gn_float_format(a->v.f[i], out);
    case GN_TIME:
        return format_time(s->zone, a->v.i[i], out);
    case GN_DATE:
        return a->v.i[i] < GN_DAY_MIN || a->v.i[i] > GN_DAY_MAX ? 0
                                                                : gn_date_format(a->v.i[i], out);
    default:
        return gn_int_format(a->v.i[i], out);
    }
}

KERNEL(ex_k_str)
{
    const ex_step *a = s->arg[0];

    (void)b;
    s->scratch.n = 0;
    if (gn_buf_reserve(&s->scratch, n * GN_TIME_TEXT, e) < 0)
        return -1;
    uint8_t *out = s->scratch.p;
    for (size_t i = 0; i < n; i++) {
        bool null = (a->type == GN_BOOL ? a->b : a->v.null)[i] == 1;
        size_t len = null ? 0 : format(s, a, i, (char *)out);
        s->v.s[i] = len ? (gn_str){.p = out, .n = (uint32_t)len} : nothing;
        s->v.null[i] = len == 0;
        out += len;
    }
    return 0;
}

/* ---- text from text ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

KERNEL(ex_k_trim)
{
    const gn_str *x = s->arg[0]->v.s;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        gn_str v = x[i];
        for (; v.n > 0 && is_blank(v.p[0]); v.p++)
            v.n--;
        while (v.n > 0 && is_blank(v.p[v.n - 1]))
            v.n--;
        s->v.s[i] = v;
        s->v.null[i] = s->arg[0]->v.null[i];
    }
    return 0;
}

/* UTF-8 continuation bytes are 10xxxxxx. */
static bool begins_character(uint8_t c)
{
    return (c & 0xc0) != 0x80;
}

static int64_t characters(gn_str v)
{
    int64_t c = 0;

    for (uint32_t k = 0; k < v.n; k++)
        c += begins_character(v.p[k]);
    return c;
}

/* Where character `to` begins, when one character before v.p[at] is `from`; at most v.n. */
static uint32_t walk(gn_str v, uint32_t at, int64_t from, int64_t to)
{
    for (; at < v.n; at++)
        if (begins_character(v.p[at]) && from++ == to)
            break;
    return at;
}

/* Characters [from, to) of v, counted from 0; both may lie beyond its ends. */
static gn_str slice(gn_str v, int64_t from, int64_t to)
{
    from = from < 0 ? 0 : from;
    if (to <= from)
        return nothing;
    uint32_t begin = walk(v, 0, 0, from), end = walk(v, begin, from, to);
    return (gn_str){.p = v.p + begin, .n = end - begin};
}

/* substr(s, from[, n]): 1 is the first character, -1 the last. */
KERNEL(ex_k_substr)
{
    const ex_step *t = s->arg[0], *f = s->arg[1], *c = s->nargs > 2 ? s->arg[2] : NULL;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        gn_str v = t->v.s[i & t->mask];
        int64_t from = f->v.i[i & f->mask], to = INT64_MAX;
        uint8_t null = t->v.null[i & t->mask] | f->v.null[i & f->mask];
        from = from < 0 ? characters(v) + from : from - 1;
        if (c != NULL) {
            int64_t many = c->v.i[i & c->mask];
            null |= c->v.null[i & c->mask];
            if (__builtin_add_overflow(from, many, &to))
                to = many < 0 ? INT64_MIN : INT64_MAX;
        }
        s->v.s[i] = null ? nothing : slice(v, from, to);
        s->v.null[i] = null;
    }
    return 0;
}

KERNEL(ex_k_concat)
{
    size_t bytes = 0;

    (void)b;
    for (size_t i = 0; i < n; i++) {
        size_t one = 0;
        for (size_t j = 0; j < s->nargs; j++)
            one += s->arg[j]->v.s[i & s->arg[j]->mask].n;
        if (one > GN_MAX_RECORD)
            return gn_fail(e, GN_INPUT, "concat() makes a text of over %zu MiB",
                           GN_MAX_RECORD >> 20);
        bytes += one;
    }
    s->scratch.n = 0;
    if (gn_buf_reserve(&s->scratch, bytes + 1, e) < 0)
        return -1;
    uint8_t *out = s->scratch.p;
    for (size_t i = 0; i < n; i++) {
        uint8_t *from = out, null = 0;
        for (size_t j = 0; j < s->nargs; j++) {
            const ex_step *a = s->arg[j];
            gn_str v = a->v.s[i & a->mask];
            null |= a->v.null[i & a->mask];
            if (v.n > 0)
                memcpy(out, v.p, v.n);
            out += v.n;
        }
        out = null ? from : out;
        s->v.s[i] = null ? nothing : (gn_str){.p = from, .n = (uint32_t)(out - from)};
        s->v.null[i] = null;
    }
    return 0;
}
