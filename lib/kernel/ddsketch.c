/* ddsketch.c - see ddsketch.h. */
#include "ddsketch.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define FORM 1
#define PAGE_BYTES (GN_DDS_PAGE * sizeof(uint64_t))
#define ZERO (GN_DDS_BUCKETS / 2)
#define FEW_FIRST 4

_Static_assert(GN_DDS_BUCKETS == 2 * GN_DDS_OCTAVES * GN_DDS_PAGE + 1, "two signs and 0");
_Static_assert(GN_DDS_LEAST + GN_DDS_OCTAVES == DBL_MAX_EXP, "all octaves of a float");

double gn_dds_value(uint32_t bucket, bool ints)
{
    if (bucket == ZERO)
        return 0;
    bool negative = bucket < ZERO;
    uint32_t i = negative ? ZERO - 1 - bucket : bucket - ZERO - 1;
    int exponent = (int)(i / GN_DDS_PAGE) + GN_DDS_LEAST;
    uint32_t a = (uint32_t)(GN_DDS_PAGE + i % GN_DDS_PAGE); /* [a, a + 1) 2^(exponent - 6) */
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
    return negative ? -v : v;
}

static uint32_t pages(const gn_dds *s)
{
    return s->page ? s->room : 0;
}

void gn_dds_release(gn_dds *s)
{
    for (uint32_t i = 0; i < pages(s); i++)
        if (s->page[i]) {
            free(s->page[i]);
            gn_budget_give(s->budget, PAGE_BYTES);
        }
    gn_budget_give(s->budget, s->room * (s->page ? sizeof *s->page : sizeof *s->few));
    free(s->page);
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

/* Room in the directory for page number k; it at least doubles, so as not to creep. */
static int reach(gn_dds *s, uint32_t k, gn_err *e)
{
    const uint32_t all = GN_DDS_BUCKETS / GN_DDS_PAGE + 1;
    uint32_t first = s->first, end = s->first + s->room;
    if (!s->room)
        first = end = k;
    else if (k - first < s->room)
        return 0;
    if (k < first)
        first = k < s->room || first - k > s->room ? k : first - s->room;
    else
        end = k + 1 - end > s->room ? k + 1 : end + s->room;
    end = end > all ? all : end;
    uint64_t **p = take(s, end - first, sizeof *p, e);
    if (!p)
        return -1;
    if (s->room)
        memcpy(p + (s->first - first), s->page, s->room * sizeof *p);
    gn_budget_give(s->budget, s->room * sizeof *p);
    free(s->page);
    s->page = p;
    s->first = first;
    s->room = end - first;
    return 0;
}

static int page_of(gn_dds *s, uint32_t bucket, uint64_t **to, gn_err *e)
{
    uint32_t k = bucket / (uint32_t)GN_DDS_PAGE;
    if (reach(s, k, e))
        return -1;
    uint64_t **o = &s->page[k - s->first];
    if (!*o && !(*o = take(s, 1, PAGE_BYTES, e)))
        return -1;
    *to = *o + bucket % GN_DDS_PAGE;
    return 0;
}

static int to_pages(gn_dds *s, gn_err *e)
{
    gn_dds d = {.budget = s->budget};
    uint64_t *c;
    for (uint32_t i = 0; i < s->len; i++) {
        if (page_of(&d, s->few[i].bucket, &c, e)) {
            gn_dds_release(&d);
            return -1;
        }
        *c = s->few[i].n;
    }
    d.n = s->n;
    gn_dds_release(s);
    *s = d;
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

int gn_dds_add_slowly(gn_dds *s, uint32_t bucket, uint64_t n, gn_err *e)
{
    uint64_t *c = NULL;
    if (n > INT64_MAX - s->n)
        return gn_fail(e, GN_INPUT, "a count overflows");
    if (!s->page) {
        uint32_t lo = 0, hi = s->len;
        while (lo < hi) {
            uint32_t mid = lo + (hi - lo) / 2;
            if (s->few[mid].bucket < bucket)
                lo = mid + 1;
            else
                hi = mid;
        }
        if (lo < s->len && s->few[lo].bucket == bucket)
            c = &s->few[lo].n;
        else if (s->len == GN_DDS_FEW ? to_pages(s, e)
                                      : insert(s, lo, (gn_dds_entry){0, bucket}, e))
            return -1;
        else if (!s->page)
            c = &s->few[lo].n;
    }
    if (!c && page_of(s, bucket, &c, e))
        return -1;
    *c += n;
    s->n += n;
    return 0;
}

/* ---- all buckets in order ---- */

typedef struct walk {
    const gn_dds *s;
    uint32_t at; /* in `few`, or bucket by bucket from the first page on */
} walk;

static bool next(walk *w, gn_dds_entry *to)
{
    const gn_dds *s = w->s;
    if (!s->page) {
        if (w->at == s->len)
            return false;
        *to = s->few[w->at++];
        return true;
    }
    while (w->at / GN_DDS_PAGE < s->room) {
        const uint64_t *o = s->page[w->at / GN_DDS_PAGE];
        uint64_t n = o ? o[w->at % GN_DDS_PAGE] : 0;
        *to = (gn_dds_entry){n, s->first * (uint32_t)GN_DDS_PAGE + w->at};
        w->at += o ? 1 : (uint32_t)GN_DDS_PAGE;
        if (n)
            return true;
    }
    return false;
}

int gn_dds_merge(gn_dds *to, const gn_dds *from, gn_err *e)
{
    gn_dds_entry x;
    if (from->n > INT64_MAX - to->n)
        return gn_fail(e, GN_INPUT, "a count overflows");
    for (walk w = {from, 0}; next(&w, &x);)
        if (gn_dds_add_slowly(to, x.bucket, x.n, e))
            return -1;
    return 0;
}

uint32_t gn_dds_rank(const gn_dds *s, uint64_t rank)
{
    gn_dds_entry x = {0, ZERO};
    for (walk w = {s, 0}; next(&w, &x);) {
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
    uint32_t least = 0;
    if (gn_buf_add(out, b, 1, e))
        return -1;
    for (walk w = {s, 0}; next(&w, &x); least = x.bucket + 1) {
        size_t n = put_number(b, x.bucket - least);
        n += put_number(b + n, x.n);
        if (gn_buf_add(out, b, n, e))
            return -1;
    }
    return 0;
}

int gn_dds_get(gn_dds *to, const uint8_t *p, size_t n, gn_err *e)
{
    const uint8_t *end = p + n;
    uint64_t least = 0, gap, count;
    if (n == 0 || *p++ != FORM)
        return gn_fail(e, GN_CORRUPT, "a sketch of an unknown form");
    while (p < end) {
        if (!get_number(&p, end, &gap) || !get_number(&p, end, &count) || !count ||
            gap >= GN_DDS_BUCKETS - least)
            return gn_fail(e, GN_CORRUPT, "a sketch of impossible counts");
        if (gn_dds_add_slowly(to, (uint32_t)(least + gap), count, e))
            return -1;
        least += gap + 1;
    }
    return 0;
}
