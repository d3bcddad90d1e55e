#include "zone.h"
#include "civil.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All the offsets a zone ever has are one sorted table of transitions. The file gives the past;
 * its POSIX TZ footer gives the rest. The Gregorian calendar, weekdays included, repeats every 400
 * years, so the footer's rules are written out for 400 years once, and any later time is looked up
 * in that cycle. An index by spans of 2^24 seconds (194 days) leads to the right transition in one
 * step for the years that matter. */

#define FILE_MAX_BYTES ((size_t)1 << 20)
#define CYCLE_DAYS 146097
#define CYCLE_S (INT64_C(86400) * CYCLE_DAYS)
#define OFF_MIN (-89999) /* RFC 8536 section 3.2: -24:59:59 .. 25:59:59 */
#define OFF_MAX 93599
#define IDX_SHIFT 24
#define IDX_BASE (-(INT64_C(1) << 31)) /* 1901 */
#define IDX_N 512                      /* until 2173 */

struct gn_zone {
    bool utc;
    int32_t before; /* offset before the first transition */
    size_t n;
    int64_t *at;     /* seconds, strictly ascending */
    int32_t *off;    /* from at[i] on */
    bool cycle;      /* times at or after cycle_start repeat every 400 years */
    bool cycle_past; /* earlier ones too: the file has no transitions of its own */
    int64_t cycle_start;
    uint32_t idx[IDX_N + 1]; /* idx[k]: transitions at or before IDX_BASE + (k << IDX_SHIFT) */
};

/* ---- POSIX TZ strings ---- */

typedef struct rule {
    char kind; /* 'M', 'J', 'N' (a bare day number) */
    int month, week, day;
    int32_t time; /* seconds of wall time after midnight, may be negative */
} rule;

typedef struct posix_tz {
    int32_t std, dst; /* offsets from UTC, east positive */
    bool has_dst;
    rule start, end;
} posix_tz;

/* A cursor over the footer; its bytes are not NUL-terminated. */
typedef struct text {
    const uint8_t *p, *end;
} text;

static bool take(text *t, char c)
{
    if (t->p == t->end || *t->p != (uint8_t)c)
        return false;
    t->p++;
    return true;
}

static bool is_digit(const text *t)
{
    return t->p != t->end && *t->p >= '0' && *t->p <= '9';
}

static bool number(text *t, int max_digits, int max, int *out)
{
    int v = 0, n = 0;

    for (; is_digit(t) && n < max_digits; n++)
        v = v * 10 + (*t->p++ - '0');
    *out = v;
    return n > 0 && v <= max && !is_digit(t);
}

static bool is_alpha(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool zone_name(text *t)
{
    const uint8_t *at = t->p;

    if (take(t, '<')) {
        while (t->p != t->end && (is_alpha(*t->p) || is_digit(t) || *t->p == '+' || *t->p == '-'))
            t->p++;
        return t->p - at >= 4 && take(t, '>');
    }
    while (t->p != t->end && is_alpha(*t->p))
        t->p++;
    return t->p - at >= 3;
}

/* [+-]h[hh][:mm[:ss]]; hours up to 167 for rules (RFC 8536 section 3.3.1), 24 for offsets. */
static bool hms(text *t, int max_hours, int32_t *out)
{
    int h, m = 0, s = 0;
    bool neg = take(t, '-');

    if (!neg)
        (void)take(t, '+');
    if (!number(t, 3, max_hours, &h))
        return false;
    if (take(t, ':')) {
        if (!number(t, 2, 59, &m))
            return false;
        if (take(t, ':') && !number(t, 2, 59, &s))
            return false;
    }
    int32_t v = h * 3600 + m * 60 + s;
    *out = neg ? -v : v;
    return true;
}

static bool rule_parse(text *t, rule *r)
{
    *r = (rule){.time = 7200};
    if (take(t, 'M')) {
        r->kind = 'M';
        if (!number(t, 2, 12, &r->month) || r->month < 1 || !take(t, '.') ||
            !number(t, 1, 5, &r->week) || r->week < 1 || !take(t, '.') || !number(t, 1, 6, &r->day))
            return false;
    } else if (take(t, 'J')) {
        r->kind = 'J';
        if (!number(t, 3, 365, &r->day) || r->day < 1)
            return false;
    } else {
        r->kind = 'N';
        if (!number(t, 3, 365, &r->day))
            return false;
    }
    return !take(t, '/') || hms(t, 167, &r->time);
}

static bool posix_parse(text t, posix_tz *z)
{
    int32_t west;

    *z = (posix_tz){0};
    if (!zone_name(&t) || !hms(&t, 24, &west))
        return false;
    z->std = -west;
    if (t.p == t.end)
        return true;
    z->has_dst = true;
    z->dst = z->std + 3600;
    if (!zone_name(&t))
        return false;
    if (t.p != t.end && *t.p != ',') {
        if (!hms(&t, 24, &west))
            return false;
        z->dst = -west;
    }
    return take(&t, ',') && rule_parse(&t, &z->start) && take(&t, ',') && rule_parse(&t, &z->end) &&
           t.p == t.end && z->std >= OFF_MIN && z->dst <= OFF_MAX && z->dst >= OFF_MIN &&
           z->std <= OFF_MAX;
}

/* The wall time, in seconds, at which a rule strikes in a year. */
static int64_t rule_at(const rule *r, int year)
{
    int64_t d = gn_days_from_civil(year, 1, 1);

    if (r->kind == 'M') {
        int64_t first = gn_days_from_civil(year, r->month, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 0 = Sunday; 1970-01-01 was a Thursday */
        int64_t day = (r->day - weekday + 7) % 7 + (r->week - 1) * 7;
        if (day >= gn_days_in_month(year, r->month)) /* week 5 is the last */
            day -= 7;
        d = first + day;
    } else if (r->kind == 'J') { /* 29 February is never counted */
        d += r->day - 1 + (gn_days_in_month(year, 2) == 29 && r->day > 59);
    } else {
        d += r->day;
    }
    return d * 86400 + r->time;
}

/* ---- the table ---- */

static bool off_ok(int32_t off)
{
    return off >= OFF_MIN && off <= OFF_MAX;
}

static int zone_room(gn_zone *z, size_t n, gn_err *e)
{
    int64_t *at = gn_realloc(z->at, n + 1, sizeof *at, e);
    if (at == NULL)
        return -1;
    z->at = at;
    int32_t *off = gn_realloc(z->off, n + 1, sizeof *off, e);
    if (off == NULL)
        return -1;
    z->off = off;
    return 0;
}

/* Transitions in ascending order; there must be room. Times outside int64 microseconds never
 * matter. */
static void zone_push(gn_zone *z, int64_t at, int32_t off)
{
    if (at < INT64_MIN / GN_US) {
        z->before = off;
        return;
    }
    if (at > INT64_MAX / GN_US)
        return;
    if (z->n > 0 && z->at[z->n - 1] == at) /* two at once: the later one stands */
        z->n--;
    if (off == (z->n ? z->off[z->n - 1] : z->before))
        return;
    z->at[z->n] = at;
    z->off[z->n++] = off;
}

typedef struct strike {
    int64_t at;
    int32_t off;
    int seq;
} strike;

static int strike_cmp(const void *pa, const void *pb)
{
    const strike *a = pa, *b = pb;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return a->seq < b->seq ? -1 : 1;
}

/* Write the footer's rules out behind the file's last transition: the years that begin the cycle,
 * and one on either side of it. */
static int zone_extend(gn_zone *z, const posix_tz *tz, bool any, int64_t last, gn_err *e)
{
    enum { YEARS = 404 };

    if (!tz->has_dst) {
        if (!any)
            z->before = tz->std;
        return 0;
    }
    strike *ev = gn_alloc(2 * YEARS, sizeof *ev, e);
    if (ev == NULL)
        return -1;
    if (zone_room(z, z->n + 2 * YEARS, e) < 0) {
        free(ev);
        return -1;
    }
    int year = gn_civil_from_days(gn_day_of_us(last * GN_US)).year, n = 0;
    for (int y = year - 1; n < 2 * YEARS; y++) {
        strike s = {.at = rule_at(&tz->start, y) - tz->std, .off = tz->dst};
        strike t = {.at = rule_at(&tz->end, y) - tz->dst, .off = tz->std};
        bool start_first = s.at < t.at;
        ev[n] = start_first ? s : t;
        ev[n + 1] = start_first ? t : s;
        ev[n].seq = n;
        ev[n + 1].seq = n + 1;
        n += 2;
    }
    qsort(ev, (size_t)n, sizeof *ev, strike_cmp);
    for (int i = 0; i < n; i++)
        if (!any || ev[i].at > last)
            zone_push(z, ev[i].at, ev[i].off);
    free(ev);
    z->cycle = true;
    z->cycle_past = !any;
    z->cycle_start = gn_days_from_civil(year + 1, 1, 1) * 86400;
    return 0;
}

/* Transitions at or before t. */
static size_t table_find(const gn_zone *z, int64_t t)
{
    size_t lo = 0, hi = z->n;

    if (t >= IDX_BASE && t < IDX_BASE + ((int64_t)IDX_N << IDX_SHIFT)) {
        size_t k = (size_t)((t - IDX_BASE) >> IDX_SHIFT);
        lo = z->idx[k];
        hi = z->idx[k + 1];
    }
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (z->at[mid] <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void zone_index(gn_zone *z)
{
    uint32_t i = 0;

    for (size_t k = 0; k <= IDX_N; k++) {
        int64_t t = IDX_BASE + ((int64_t)k << IDX_SHIFT);
        while (i < z->n && z->at[i] <= t)
            i++;
        z->idx[k] = i;
    }
    z->utc = z->before == 0;
    for (size_t j = 0; j < z->n && z->utc; j++)
        z->utc = z->off[j] == 0;
}

/* ---- TZif, RFC 8536 ---- */

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const uint8_t *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

#define TZIF_HEAD 44

typedef struct tzif {
    uint8_t version;
    uint64_t utcnt, stdcnt, leaps, times, types, chars;
    uint64_t bytes; /* of the data block behind the header */
} tzif;

static bool tzif_head(const uint8_t *p, size_t n, unsigned time_bytes, tzif *h)
{
    if (n < TZIF_HEAD || memcmp(p, "TZif", 4) != 0)
        return false;
    *h = (tzif){.version = p[4],
                .utcnt = be32(p + 20),
                .stdcnt = be32(p + 24),
                .leaps = be32(p + 28),
                .times = be32(p + 32),
                .types = be32(p + 36),
                .chars = be32(p + 40)};
    h->bytes = h->times * (time_bytes + 1) + h->types * 6 + h->chars + h->leaps * (time_bytes + 4) +
               h->stdcnt + h->utcnt;
    return h->bytes <= n - TZIF_HEAD;
}

/* NULL when all is well, or what is wrong. */
static const char *tzif_read(gn_zone *z, const uint8_t *p, size_t n, gn_err *e)
{
    static const char bad[] = "its file is malformed";
    unsigned width = 4;
    tzif h;

    if (!tzif_head(p, n, 4, &h))
        return bad;
    if (h.version >= '2') { /* the 64-bit data follow the 32-bit data */
        size_t skip = TZIF_HEAD + (size_t)h.bytes;
        p += skip;
        n -= skip;
        width = 8;
        if (!tzif_head(p, n, 8, &h))
            return bad;
    }
    if (h.leaps != 0)
        return "it counts leap seconds";
    if (h.types == 0 || h.types > 256)
        return bad;
    const uint8_t *at = p + TZIF_HEAD, *type = at + h.times * width, *info = type + h.times;
    const uint8_t *foot = at + h.bytes, *end = p + n;
    for (uint64_t i = 0; i < h.types; i++)
        if (!off_ok((int32_t)be32(info + i * 6)))
            return bad;
    if (zone_room(z, (size_t)h.times, e) < 0)
        return bad;
    z->before = (int32_t)be32(info);
    int64_t last = 0;
    for (uint64_t i = 0; i < h.times; i++) {
        int64_t t = width == 8 ? be64(at + i * 8) : (int32_t)be32(at + i * 4);
        if (type[i] >= h.types || (i > 0 && t <= last))
            return bad;
        zone_push(z, t, (int32_t)be32(info + type[i] * 6));
        last = t;
    }
    if (width == 4)
        return NULL;
    if (foot == end || *foot != '\n')
        return bad;
    foot++;
    const uint8_t *nl = memchr(foot, '\n', (size_t)(end - foot));
    posix_tz tz;
    if (nl == NULL)
        return bad;
    if (nl == foot)
        return NULL;
    if (!posix_parse((text){.p = foot, .end = nl}, &tz))
        return bad;
    if (last > INT64_MAX / GN_US || last < INT64_MIN / GN_US)
        last = last < 0 ? INT64_MIN / GN_US : INT64_MAX / GN_US;
    return zone_extend(z, &tz, h.times > 0, last, e) < 0 ? bad : NULL;
}

gn_zone *gn_zone_parse(const void *bytes, size_t n, const char *name, gn_err *e)
{
    gn_zone *z = gn_calloc(1, sizeof *z, e);

    if (z == NULL)
        return NULL;
    const char *bad = tzif_read(z, bytes, n, e);
    if (bad != NULL) { /* running out of memory has left its own message */
        gn_fail(e, GN_USAGE, "time zone '%s': %s", name, bad);
        gn_zone_free(z);
        return NULL;
    }
    zone_index(z);
    return z;
}

/* ---- opening ---- */

/* "+HH:MM", "-HH:MM" */
static bool fixed_offset(const char *s, int32_t *off)
{
    if (strlen(s) != 6 || (s[0] != '+' && s[0] != '-') || s[3] != ':')
        return false;
    for (int i = 1; i < 6; i++)
        if (i != 3 && (s[i] < '0' || s[i] > '9'))
            return false;
    int h = (s[1] - '0') * 10 + s[2] - '0', m = (s[4] - '0') * 10 + s[5] - '0';
    if (h > 23 || m > 59)
        return false;
    *off = (s[0] == '-' ? -1 : 1) * (h * 3600 + m * 60);
    return true;
}

/* No way out of the directory, no file that is not a zone's, and no second way to write a path. */
static bool name_ok(const char *s)
{
    size_t n = strlen(s);

    if (n == 0 || n > 255 || s[0] == '/' || s[0] == '.' || s[n - 1] == '/' ||
        strstr(s, "..") != NULL || strstr(s, "//") != NULL || strstr(s, "/.") != NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_alpha((uint8_t)s[i]) && (s[i] < '0' || s[i] > '9') && strchr("/_+-.", s[i]) == NULL)
            return false;
    return true;
}

/* Bytes of a regular file of reasonable size; NULL when there is none such (e unset) or on memory
 * and I/O errors (e set). */
static uint8_t *slurp(const char *path, size_t *n, gn_err *e)
{
    struct stat st;
    uint8_t *p = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 0 ||
        (uint64_t)st.st_size > FILE_MAX_BYTES)
        goto out;
    size_t size = (size_t)st.st_size, have = 0;
    p = gn_alloc(size + 1, 1, e);
    while (p != NULL && have < size) {
        ssize_t r = read(fd, p + have, size - have);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            gn_fail_errno(e, GN_IO, "cannot read '%s'", path);
            free(p);
            p = NULL;
        }
        if (r <= 0)
            break;
        have += (size_t)r;
    }
    *n = have;
out:
    (void)close(fd); /* read only: nothing can be lost */
    return p;
}

gn_zone *gn_zone_open(const char *name, gn_err *e)
{
    int32_t off = 0;
    bool utc = strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0 || strcmp(name, "Z") == 0;

    if (utc || fixed_offset(name, &off)) {
        gn_zone *z = gn_calloc(1, sizeof *z, e);
        if (z != NULL) {
            z->before = off;
            zone_index(z);
        }
        return z;
    }
    if (name_ok(name)) {
        const char *dir = getenv("TZDIR");
        gn_buf path = {0};
        uint8_t *p = NULL;
        size_t n = 0;
        if (dir == NULL || *dir == '\0')
            dir = "/usr/share/zoneinfo";
        if (gn_buf_printf(&path, e, "%s/%s", dir, name) < 0 || gn_buf_add(&path, "", 1, e) < 0) {
            gn_buf_release(&path);
            return NULL;
        }
        p = slurp((const char *)path.p, &n, e);
        gn_buf_release(&path);
        if (p != NULL) {
            gn_zone *z = gn_zone_parse(p, n, name, e);
            free(p);
            return z;
        }
    }
    gn_fail(e, GN_USAGE,
            "unknown time zone '%.80s' (give an IANA name such as Asia/Tokyo, or +HH:MM; the zones "
            "come with the package tzdata)",
            name);
    return NULL;
}

void gn_zone_free(gn_zone *z)
{
    if (z == NULL)
        return;
    free(z->at);
    free(z->off);
    free(z);
}

bool gn_zone_is_utc(const gn_zone *z)
{
    return z->utc;
}

/* ---- looking up ---- */

static int64_t us_of_s(int64_t s) /* saturating */
{
    int64_t us;

    if (__builtin_mul_overflow(s, GN_US, &us))
        return s < 0 ? INT64_MIN : INT64_MAX;
    return us;
}

int gn_zone_offset(const gn_zone *z, int64_t utc_us, int64_t *from, int64_t *until)
{
    int64_t t = utc_us / GN_US - (utc_us % GN_US < 0), shift = 0;
    bool in_cycle = z->cycle && (t >= z->cycle_start + CYCLE_S || (z->cycle_past));

    if (in_cycle) {
        int64_t d = t - z->cycle_start;
        int64_t k = d / CYCLE_S - (d % CYCLE_S < 0);
        shift = k * CYCLE_S;
        t -= shift;
    }
    size_t i = table_find(z, t);
    int64_t lo = i > 0 ? z->at[i - 1] : INT64_MIN, hi = i < z->n ? z->at[i] : INT64_MAX;
    if (z->cycle) { /* one turn only: what lies around it may be of another */
        int64_t turn_end = z->cycle_start + CYCLE_S;
        if (in_cycle && lo < z->cycle_start)
            lo = z->cycle_start;
        if (hi > turn_end)
            hi = turn_end;
    }
    if (from != NULL)
        *from = lo == INT64_MIN ? INT64_MIN : us_of_s(lo + shift);
    if (until != NULL)
        *until = hi == INT64_MAX ? INT64_MAX : us_of_s(hi + shift);
    return i > 0 ? z->off[i - 1] : z->before;
}

/* Walk the spans from one that surely begins too early; the first one whose wall clock has not
 * passed wall_us when it ends either shows that time (the earlier of two), or begins behind it:
 * then it was skipped between the last span and this one. */
int64_t gn_zone_to_utc(const gn_zone *z, int64_t wall_us)
{
    int64_t at, from, until, utc;
    int64_t before = 0;

    if (z->utc)
        return wall_us;
    if (__builtin_sub_overflow(wall_us, OFF_MAX * GN_US, &at))
        at = INT64_MIN;
    for (;;) {
        int64_t off = gn_zone_offset(z, at, &from, &until);
        if (__builtin_sub_overflow(wall_us, off * GN_US, &utc))
            utc = off > 0 ? INT64_MIN : INT64_MAX;
        if (utc < until || until == INT64_MAX)
            break;
        before = off;
        at = until;
    }
    if (utc < from && __builtin_sub_overflow(wall_us, before * GN_US, &utc))
        utc = before > 0 ? INT64_MIN : INT64_MAX;
    return utc;
}

void gn_zone_days(const gn_zone *z, const int64_t *utc_us, int64_t *day, size_t n)
{
    int64_t from = 1, until = 0, off = 0; /* an empty span */

    if (z->utc || (z->n == 0 && z->before == 0)) {
        for (size_t i = 0; i < n; i++)
            day[i] = gn_day_of_us(utc_us[i]);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t t = utc_us[i];
        if (t < from || t >= until)
            off = gn_zone_offset(z, t, &from, &until) * GN_US;
        if (__builtin_add_overflow(t, off, &t))
            t = utc_us[i];
        day[i] = gn_day_of_us(t);
    }
}
