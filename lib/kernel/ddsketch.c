/* ddsketch.c - see ddsketch.h. */
#include "ddsketch.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define FORM 1
#define PAGE_BYTES (GN_DDS_PAGE * sizeof(uint64_t))
#define PAGES GN_DDS_OCTAVES /* on a side */
#define FEW_FIRST 4

_Static_assert(GN_DDS_MOST == GN_DDS_OCTAVES * GN_DDS_PAGE, "an octave fills a page");
_Static_assert(GN_DDS_LEAST + GN_DDS_OCTAVES == DBL_MAX_EXP, "all octaves of a float");

double gn_dds_value(int32_t bucket, bool ints)
{
    if (bucket == 0)
        return 0;
    uint32_t i = (uint32_t)abs(bucket) - 1;
    int exponent = (int)(i / GN_DDS_PAGE) + GN_DDS_LEAST;
    uint32_t a = GN_DDS_PAGE + i % GN_DDS_PAGE; /* [a, a + 1) 2^(exponent - 6) */
    double v;
    if (!ints || exponent >= 53 || exponent < 0) {
        v = ldexp(2.0 * a * (a + 1) / (2 * a + 1), exponent - GN_DDS_BITS);
    } else if (exponent <= GN_DDS_BITS) {
        v = (double)(a >> (GN_DDS_BITS - exponent));
    } else {
        double least = ldexp(a, exponent - GN_DDS_BITS);
        double most = ldexp(a + 1, exponent - GN_DDS_BITS) - 1;
        v = 2 * least * most / (least + most);
    }
    return bucket < 0 ? -v : v;
}

void gn_dds_release(gn_dds *s)
{
    for (gn_dds_side *d = s->side; d < s->side + 2; d++) {
        for (uint32_t i = 0; i < d->room; i++)
            if (d->page[i]) {
                free(d->page[i]);
                gn_budget_give(s->budget, PAGE_BYTES);
            }
        gn_budget_give(s->budget, d->room * sizeof *d->page);
        free(d->page);
    }
    gn_budget_give(s->budget, s->room * sizeof *s->few);
    free(s->few);
    *s = (gn_dds){.budget = s->budget};
}

/* Zeroed, and charged. */
static void *take(gn_dds *s, size_t n, size_t size, gn_err *e)
{
    if (gn_budget_take(s->budget, n * size, e))
        return NULL;
    void *p = gn_calloc(n, size, e);
    if (!p)
        gn_budget_give(s->budget, n * size);
    return p;
}

/* ---- pages ---- */

/* Room in a side's directory for page number k; it at least doubles, so as not to creep. */
static int reach(gn_dds *s, gn_dds_side *d, uint32_t k, gn_err *e)
{
    uint32_t first = d->first, end = d->first + d->room;
    if (!d->room) {
        first = k;
        end = k + 1;
    } else if (k < first) {
        first = first < d->room || k < first - d->room ? k : first - d->room;
    } else {
        end = k < end + d->room ? end + d->room : k + 1;
        end = end < PAGES ? end : PAGES;
    }
    uint64_t **p = take(s, end - first, sizeof *p, e);
    if (!p)
        return -1;
    if (d->room)
        memcpy(p + (d->first - first), d->page, d->room * sizeof *p);
    gn_budget_give(s->budget, d->room * sizeof *p);
    free(d->page);
    *d = (gn_dds_side){p, first, end - first};
    return 0;
}

static uint64_t *counter(gn_dds *s, int32_t bucket, gn_err *e)
{
    gn_dds_side *d = &s->side[bucket < 0];
    uint32_t i = (uint32_t)abs(bucket) - 1, k = i / GN_DDS_PAGE;
    if (bucket == 0)
        return &s->zero;
    if (k - d->first >= d->room && reach(s, d, k, e))
        return NULL;
    uint64_t **page = &d->page[k - d->first];
    if (!*page && !(*page = take(s, 1, PAGE_BYTES, e)))
        return NULL;
    return *page + i % GN_DDS_PAGE;
}

static int to_pages(gn_dds *s, gn_err *e)
{
    gn_dds to = {.budget = s->budget, .n = s->n, .paged = true};
    for (uint32_t i = 0; i < s->len; i++) {
        uint64_t *c = counter(&to, s->few[i].bucket, e);
        if (!c) {
            gn_dds_release(&to);
            return -1;
        }
        *c = s->few[i].n;
    }
    gn_dds_release(s);
    *s = to;
    return 0;
}

/* ---- a few buckets ---- */

static int insert(gn_dds *s, uint32_t at, gn_dds_entry entry, gn_err *e)
{
    if (s->len == s->room) {
        uint32_t room = s->room ? s->room * 2 : FEW_FIRST;
        gn_dds_entry *p = take(s, room, sizeof *p, e);
        if (!p)
            return -1;
        if (s->len)
            memcpy(p, s->few, s->len * sizeof *p);
        gn_budget_give(s->budget, s->room * sizeof *p);
        free(s->few);
        s->few = p;
        s->room = room;
    }
    memmove(s->few + at + 1, s->few + at, (s->len - at) * sizeof *s->few);
    s->few[at] = entry;
    s->len++;
    return 0;
}

/* Where a bucket is counted, or is to be. */
static uint64_t *entry(gn_dds *s, int32_t bucket, gn_err *e)
{
    uint32_t lo = 0, hi = s->len;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->few[mid].bucket < bucket)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < s->len && s->few[lo].bucket == bucket)
        return &s->few[lo].n;
    if (s->len == GN_DDS_FEW)
        return to_pages(s, e) ? NULL : counter(s, bucket, e);
    return insert(s, lo, (gn_dds_entry){0, bucket}, e) ? NULL : &s->few[lo].n;
}

int gn_dds_add_slowly(gn_dds *s, int32_t bucket, uint64_t n, gn_err *e)
{
    if (n > INT64_MAX - s->n)
        return gn_fail(e, GN_INPUT, "a count overflows");
    uint64_t *c = s->paged ? counter(s, bucket, e) : entry(s, bucket, e);
    if (!c)
        return -1;
    *c += n;
    s->n += n;
    return 0;
}

/* ---- all buckets in order ---- */

typedef struct walk {
    const gn_dds *s;
    int32_t at; /* the next bucket; in a list: its place */
} walk;

static walk begin(const gn_dds *s)
{
    const gn_dds_side *d = &s->side[1];
    return (walk){s, s->paged ? -(int32_t)((d->first + d->room) * GN_DDS_PAGE) : 0};
}

static bool next(walk *w, gn_dds_entry *to)
{
    const gn_dds *s = w->s;
    while (!s->paged && w->at < (int32_t)s->len) {
        *to = s->few[w->at++];
        if (to->n)
            return true;
    }
    while (s->paged) {
        int32_t b = w->at;
        const gn_dds_side *d = &s->side[b < 0];
        uint32_t i = (uint32_t)abs(b) - 1, k = i / GN_DDS_PAGE;
        const uint64_t *c = b ? gn_dds_counter(s, b) : &s->zero;
        w->at++;
        if (c && *c) {
            *to = (gn_dds_entry){*c, b};
            return true;
        }
        if (c)
            continue;
        /* No such page: on to the next one. */
        if (b < 0)
            w->at = k <= d->first ? 0 : -(int32_t)(k * GN_DDS_PAGE);
        else if (k >= d->first + d->room)
            return false;
        else
            w->at = (int32_t)((k < d->first ? d->first : k + 1) * GN_DDS_PAGE) + 1;
    }
    return false;
}

int gn_dds_merge(gn_dds *to, const gn_dds *from, gn_err *e)
{
    gn_dds_entry x;
    if (from->n > INT64_MAX - to->n)
        return gn_fail(e, GN_INPUT, "a count overflows");
    for (walk w = begin(from); next(&w, &x);)
        if (gn_dds_add_slowly(to, x.bucket, x.n, e))
            return -1;
    return 0;
}

int32_t gn_dds_rank(const gn_dds *s, uint64_t rank)
{
    gn_dds_entry x = {0, 0};
    for (walk w = begin(s); next(&w, &x);) {
        if (rank < x.n)
            break;
        rank -= x.n;
    }
    return x.bucket;
}

double gn_dds_percentile(const gn_dds *s, uint64_t num, uint64_t den, bool nearest, bool ints)
{
    unsigned __int128 h = (unsigned __int128)(nearest ? s->n : s->n - 1) * num;
    uint64_t lo = (uint64_t)(h / den), rest = (uint64_t)(h % den);
    if (nearest) { /* rank ceil(p n), from 1 */
        lo += rest != 0;
        lo -= lo != 0;
        rest = 0;
    }
    double a = gn_dds_value(gn_dds_rank(s, lo), ints);
    if (!rest)
        return a;
    double b = gn_dds_value(gn_dds_rank(s, lo + 1), ints), part = (double)rest / (double)den;
    return a == b ? a : a * (1 - part) + b * part;
}

/* ---- the stored form ---- */

static size_t put_number(uint8_t *p, uint64_t v)
{
    size_t n = 0;
    for (; v >= 128; v >>= 7)
        p[n++] = (uint8_t)(v | 128);
    p[n++] = (uint8_t)v;
    return n;
}

/* At most 63 bits, in the fewest bytes. */
static bool get_number(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; *p < end && shift < 63; shift += 7) {
        uint8_t b = *(*p)++;
        *v |= (uint64_t)(b & 127) << shift;
        if (b < 128)
            return b || !shift;
    }
    return false;
}

int gn_dds_put(const gn_dds *s, gn_buf *out, gn_err *e)
{
    uint8_t b[20] = {FORM};
    gn_dds_entry x;
    int32_t least = -GN_DDS_MOST;
    if (gn_buf_add(out, b, 1, e))
        return -1;
    for (walk w = begin(s); next(&w, &x); least = x.bucket + 1) {
        size_t n = put_number(b, (uint64_t)(x.bucket - least));
        n += put_number(b + n, x.n);
        if (gn_buf_add(out, b, n, e))
            return -1;
    }
    return 0;
}

static int get(gn_dds *to, bool room, const uint8_t *p, size_t n, gn_err *e)
{
    const uint8_t *end = p + n;
    int32_t least = -GN_DDS_MOST;
    uint64_t gap, count;
    if (n == 0 || *p++ != FORM)
        return gn_fail(e, GN_CORRUPT, "a sketch of an unknown form");
    while (p < end) {
        if (!get_number(&p, end, &gap) || !get_number(&p, end, &count) || !count ||
            gap > (uint64_t)(GN_DDS_MOST - least))
            return gn_fail(e, GN_CORRUPT, "a sketch of impossible counts");
        if (gn_dds_add_slowly(to, least + (int32_t)gap, room ? 0 : count, e))
            return -1;
        least += (int32_t)gap + 1;
    }
    return 0;
}

int gn_dds_get(gn_dds *to, const uint8_t *p, size_t n, gn_err *e)
{
    return get(to, false, p, n, e);
}

int gn_dds_get_room(gn_dds *to, const uint8_t *p, size_t n, gn_err *e)
{
    return get(to, true, p, n, e);
}
