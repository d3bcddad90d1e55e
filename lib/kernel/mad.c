/* mad.c - see mad.h. */
#include "mad.h"

#include "../base/mem.h"
#include "../base/num.h"
#include "../io/tmp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t)1024) /* entries read at a time */

typedef struct entry {
    int64_t value; /* or the bits of a float */
    uint64_t upto; /* how many there are up to and with this one */
} entry;

struct gn_mad {
    bool real;
    const char *dir;
    entry *held;
    size_t cap, nheld;
    gn_tmp *tmp; /* those before `held`, where they were too many */
    uint64_t ntmp;
    uint64_t n; /* values, with their counts */
    entry *block[2];
};

gn_mad *gn_mad_new(bool real, const char *dir, gn_err *e)
{
    gn_mad *m = gn_calloc(1, sizeof *m, e);
    if (m) {
        m->real = real;
        m->dir = dir;
    }
    return m;
}

void gn_mad_free(gn_mad *m)
{
    if (!m)
        return;
    gn_tmp_free(m->tmp);
    free(m->block[0]);
    free(m->block[1]);
    free(m->held);
    free(m);
}

void gn_mad_clear(gn_mad *m)
{
    gn_tmp_free(m->tmp);
    m->tmp = NULL;
    m->ntmp = m->n = 0;
    m->nheld = 0;
}

static int make_room(gn_mad *m, gn_err *e)
{
    if (m->cap < GN_MAD_HELD) {
        size_t cap = m->cap ? m->cap * 2 : 64;
        entry *p = gn_realloc(m->held, cap, sizeof *p, e);
        if (!p)
            return -1;
        m->held = p;
        m->cap = cap;
        return 0;
    }
    if ((!m->tmp && !(m->tmp = gn_tmp_new(m->dir, e))) ||
        gn_tmp_write(m->tmp, m->held, m->nheld * sizeof *m->held, e))
        return -1;
    m->ntmp += m->nheld;
    m->nheld = 0;
    return 0;
}

int gn_mad_add(gn_mad *m, int64_t i, double f, uint64_t times, gn_err *e)
{
    if (m->nheld == m->cap && make_room(m, e))
        return -1;
    if (m->real)
        memcpy(&i, &f, sizeof i);
    m->n += times;
    m->held[m->nheld++] = (entry){i, m->n};
    return 0;
}

/* ---- reading back ---- */

typedef struct cursor {
    gn_mad *m;
    entry *block; /* NULL: everything is held */
    uint64_t from, to;
} cursor;

static int begin(cursor *c, gn_mad *m, int which, gn_err *e)
{
    *c = (cursor){.m = m};
    if (!m->tmp)
        return 0;
    if (!m->block[which] && !(m->block[which] = gn_alloc(BLOCK, sizeof(entry), e)))
        return -1;
    c->block = m->block[which];
    return 0;
}

/* Entry i; the blocks lie at multiples of their size, so that either direction reads each once. */
static int at(cursor *c, uint64_t i, entry *out, gn_err *e)
{
    const gn_mad *m = c->m;
    if (i >= m->ntmp) {
        *out = m->held[i - m->ntmp];
        return 0;
    }
    if (i < c->from || i >= c->to) {
        c->from = i / BLOCK * BLOCK;
        c->to = m->ntmp - c->from < BLOCK ? m->ntmp : c->from + BLOCK;
        if (gn_tmp_read(m->tmp, c->from * sizeof(entry), c->block,
                        (size_t)(c->to - c->from) * sizeof(entry), e))
            return -1;
    }
    *out = c->block[i - c->from];
    return 0;
}

static double real_of(entry x)
{
    double f;
    memcpy(&f, &x.value, sizeof f);
    return f;
}

/* The entry in which the value of rank r (from 0) lies. */
static int find(cursor *c, uint64_t r, uint64_t *place, entry *out, gn_err *e)
{
    uint64_t lo = 0, hi = c->m->ntmp + c->m->nheld - 1;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (at(c, mid, out, e))
            return -1;
        if (out->upto > r)
            hi = mid;
        else
            lo = mid + 1;
    }
    *place = lo;
    return at(c, lo, out, e);
}

/* Half way between two; their sum may be beyond a double. */
static double middle(double a, double b)
{
    double gap = b - a;
    return isfinite(gap) ? a + gap * 0.5 : a * 0.5 + b * 0.5;
}

/* A deviation: of ints twice it, which is whole. */
typedef struct deviation {
    gn_i128 twice;
    double real;
} deviation;

typedef struct median {
    gn_i128 twice;
    double real;
} median;

static deviation deviate(const gn_mad *m, const median *c, entry x)
{
    if (m->real)
        return (deviation){.real = fabs(real_of(x) - c->real)};
    gn_i128 d = 2 * (gn_i128)x.value - c->twice;
    return (deviation){.twice = d < 0 ? -d : d};
}

static bool less(const gn_mad *m, const deviation *a, const deviation *b)
{
    return m->real ? a->real < b->real : a->twice < b->twice;
}

/* The deviations of ranks lo and hi, outwards from entry `below` and the one above it. */
static int walk(gn_mad *m, const median *c, uint64_t below, uint64_t lo, uint64_t hi,
                deviation out[2], gn_err *e)
{
    cursor left, right;
    entry l = {0}, r = {0}, before;
    uint64_t entries = m->ntmp + m->nheld, i = below + 1, j = below + 1, seen = 0;
    if (begin(&left, m, 0, e) || begin(&right, m, 1, e) || at(&left, below, &l, e) ||
        (j < entries && at(&right, j, &r, e)))
        return -1;
    uint64_t r_upto = l.upto; /* of the entry before j */
    while (seen <= hi) {
        deviation dl = {0}, dr = {0};
        if (i > 0)
            dl = deviate(m, c, l);
        if (j < entries)
            dr = deviate(m, c, r);
        bool take_left = i > 0 && (j >= entries || !less(m, &dr, &dl));
        deviation d = take_left ? dl : dr;
        uint64_t times;
        if (take_left) {
            before = (entry){0};
            if (--i > 0 && at(&left, i - 1, &before, e))
                return -1;
            times = l.upto - before.upto;
            l = before;
        } else {
            times = r.upto - r_upto;
            r_upto = r.upto;
            if (++j < entries && at(&right, j, &r, e))
                return -1;
        }
        if (seen <= lo && lo - seen < times)
            out[0] = d;
        if (seen <= hi && hi - seen < times)
            out[1] = d;
        seen += times;
    }
    return 0;
}

int gn_mad_value(gn_mad *m, double *out_median, double *mad, gn_err *e)
{
    cursor c;
    entry a, b;
    uint64_t below, above, lo = (m->n - 1) / 2, hi = m->n / 2;
    deviation d[2] = {{0}, {0}};
    if (m->n == 0)
        return 0;
    if (begin(&c, m, 0, e) || find(&c, lo, &below, &a, e) || find(&c, hi, &above, &b, e))
        return -1;
    median centre = {.twice = (gn_i128)a.value + b.value};
    if (m->real)
        centre = (median){.real = middle(real_of(a), real_of(b))};
    if (walk(m, &centre, below, lo, hi, d, e))
        return -1;
    if (m->real) {
        *out_median = centre.real;
        *mad = middle(d[0].real, d[1].real);
        return isfinite(*mad);
    }
    *out_median = gn_ratio(centre.twice, 2);
    *mad = gn_ratio(d[0].twice + d[1].twice, 4);
    return 1;
}
