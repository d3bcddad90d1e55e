/* aggcell.c - the state of one group: adding to it, its bytes, its results. */
#include "aggpriv.h"

#include "../base/civil.h"
#include "../base/hash.h"
#include "../base/parse.h"
#include "../io/mp.h"
#include "../stream/value.h"

#include <string.h>

/* ---- values ---- */

size_t agg_value_room(gn_type t, const gn_vec *v, size_t i)
{
    return GN_MP_HEAD + (t == GN_STR || t == GN_BIN ? v->s[i].n : 0);
}

uint8_t *agg_value_put(uint8_t *p, gn_type t, const gn_vec *v, size_t i)
{
    if (v->null[i])
        return gn_mp_nil(p);
    switch (t) {
    case GN_STR:
        return gn_mp_str(p, v->s[i].p, v->s[i].n);
    case GN_BIN:
        p = gn_mp_bin_head(p, v->s[i].n);
        memcpy(p, v->s[i].p, v->s[i].n);
        return p + v->s[i].n;
    case GN_FLOAT:
        return gn_mp_float(p, v->f[i]);
    case GN_BOOL:
        return gn_mp_bool(p, v->i[i] != 0);
    case GN_TIME:
        return gn_mp_time(p, v->i[i]);
    default:
        return gn_mp_int(p, v->i[i]);
    }
}

bool agg_value_valid(gn_type t, gn_str x)
{
    const uint8_t *end = x.p + x.n, *q = NULL;
    uint8_t again[GN_MP_HEAD], *a = again;
    int64_t i = 0;
    double f = 0;
    bool b = false;
    const char *s = NULL;
    const uint8_t *bin = NULL;
    size_t n = 0;
    if (x.n == 0)
        return false;
    switch (t) {
    case GN_STR:
        if ((q = gn_mp_get_str(x.p, end, &s, &n)) == NULL || gn_utf8_valid(s, n) != n)
            return false;
        a = gn_mp_str_head(again, n);
        break;
    case GN_BIN:
        if ((q = gn_mp_get_bin(x.p, end, &bin, &n)) == NULL)
            return false;
        a = gn_mp_bin_head(again, n);
        break;
    case GN_FLOAT:
        if ((q = gn_mp_get_float(x.p, end, &f)) == NULL || !(f - f == 0))
            return false;
        a = gn_mp_float(again, f);
        break;
    case GN_BOOL:
        if ((q = gn_mp_get_bool(x.p, end, &b)) == NULL)
            return false;
        a = gn_mp_bool(again, b);
        break;
    case GN_TIME:
        if ((q = gn_mp_get_time(x.p, end, &i)) == NULL || i < GN_TIME_MIN || i > GN_TIME_MAX)
            return false;
        a = gn_mp_time(again, i);
        break;
    case GN_DATE:
    case GN_INT:
        if ((q = gn_mp_get_int(x.p, end, &i)) == NULL ||
            (t == GN_DATE && (i < GN_DAY_MIN || i > GN_DAY_MAX)))
            return false;
        a = gn_mp_int(again, i);
        break;
    }
    size_t head = (size_t)(a - again);
    return q == end && head + n == x.n && memcmp(again, x.p, head) == 0;
}

/* ---- adding ---- */

static int set_text(agg_best *b, gn_str v, gn_arena *texts, gn_err *e)
{
    if (b->cap < v.n) {
        uint32_t cap = v.n < 16 ? 16 : v.n;
        uint8_t *p = gn_arena_alloc(texts, cap, e);
        if (!p)
            return -1;
        b->p = p;
        b->cap = cap;
    }
    memcpy(b->p, v.p, v.n);
    b->n = v.n;
    return 0;
}

static bool texty(gn_type t)
{
    return t == GN_STR || t == GN_BIN;
}

/* Keep v, whose place in the order is `i`, when it is better than what is there. */
static int improve(agg_best *b, agg_kind kind, gn_type t, int64_t i, gn_str v, gn_arena *texts,
                   gn_err *e)
{
    if (b->n) {
        int c = (i > b->i) - (i < b->i);
        if (c == 0)
            c = gn_value_cmp(t, v, (gn_str){b->p, b->n});
        if (kind == AGG_MIN || kind == AGG_FIRST ? c >= 0 : c <= 0)
            return 0;
    }
    b->i = i;
    return set_text(b, v, texts, e);
}

static void improve_number(agg_best *b, agg_kind kind, gn_type t, int64_t i, double f)
{
    bool less = t == GN_FLOAT ? f < b->f : i < b->i, more = t == GN_FLOAT ? f > b->f : i > b->i;
    if (b->n && !(kind == AGG_MIN ? less : more))
        return;
    b->n = 1;
    b->i = i;
    b->f = f;
}

static int add_best(const agg_spec *s, const agg_item *it, uint8_t *const *cell, size_t n,
                    gn_arena *texts, gn_err *e)
{
    const agg_col *c = &s->col[it->arg];
    const gn_vec *v = c->v;
    bool timed = it->kind == AGG_FIRST || it->kind == AGG_LAST;
    const gn_vec *by = timed ? s->col[it->by].v : NULL;
    for (size_t i = 0; i < n; i++) {
        agg_best *b = (agg_best *)(void *)(cell[i] + it->at);
        if (v->null[i] || (by && by->null[i]))
            continue;
        if (!timed && !texty(c->type))
            improve_number(b, it->kind, c->type, v->i ? v->i[i] : 0, v->f ? v->f[i] : 0);
        else if (improve(b, it->kind, c->type, by ? by->i[i] : 0, c->enc[i], texts, e))
            return -1;
    }
    return 0;
}

/* The sketch in a cell. */
static gn_hll *hll_in(uint8_t *cell, const agg_sketch *k)
{
    return (gn_hll *)(void *)(cell + k->at);
}

static gn_dds *dds_in(uint8_t *cell, const agg_sketch *k)
{
    return (gn_dds *)(void *)(cell + k->at);
}

static int32_t dds_bucket(const gn_vec *v, size_t i)
{
    return v->type == GN_FLOAT ? gn_dds_float(v->f[i]) : gn_dds_int(v->i[i]);
}

static int add_dds(const agg_spec *s, uint8_t *const *cell, size_t n, gn_err *e)
{
    for (const agg_sketch *k = s->sketch; k < s->sketch + s->nsketches; k++) {
        const gn_vec *v = s->col[k->col].v;
        for (size_t i = 0; k->dds && i < n; i++)
            if (!v->null[i] && gn_dds_add(dds_in(cell[i], k), dds_bucket(v, i), e))
                return -1;
    }
    return 0;
}

int agg_cells_add(const agg_spec *s, uint8_t *const *cell, size_t n, gn_arena *texts, gn_err *e)
{
    for (size_t k = 0; k < s->nitems; k++) {
        const agg_item *it = &s->item[k];
        const gn_vec *v = it->arg < 0 ? NULL : s->col[it->arg].v;
        bool real = it->arg >= 0 && s->col[it->arg].type == GN_FLOAT;
        size_t at = it->at;
        switch (it->kind) {
        case AGG_COUNT:
            for (size_t i = 0; i < n; i++)
                *(uint64_t *)(void *)(cell[i] + at) += !v || !v->null[i];
            break;
        case AGG_SUM:
        case AGG_AVG:
            for (size_t i = 0; i < n; i++) {
                if (v->null[i])
                    continue;
                if (real) {
                    gn_fsum_add((gn_fsum *)(void *)(cell[i] + at), v->f[i]);
                } else {
                    agg_isum *sum = (agg_isum *)(void *)(cell[i] + at);
                    sum->sum += v->i[i]; /* 2^64 values of 64 bits cannot overflow it */
                    sum->n++;
                }
            }
            break;
        case AGG_STDDEV:
            for (size_t i = 0; i < n; i++) {
                if (v->null[i])
                    continue;
                if (real) {
                    agg_fdev *d = (agg_fdev *)(void *)(cell[i] + at);
                    gn_fsum_add(&d->sum, v->f[i]);
                    gn_fprod_add(&d->squares, v->f[i], v->f[i]);
                } else {
                    gn_moments_add((gn_moments *)(void *)(cell[i] + at), v->i[i]);
                }
            }
            break;
        case AGG_MIN:
        case AGG_MAX:
        case AGG_FIRST:
        case AGG_LAST:
            if (add_best(s, it, cell, n, texts, e))
                return -1;
            break;
        default:
            break;
        }
    }
    for (size_t k = 0; k < s->nruns; k++)
        for (size_t i = 0; i < n; i++)
            *(uint64_t *)(void *)(cell[i] + s->run[k].at) += !s->col[s->run[k].col].v->null[i];
    return add_dds(s, cell, n, e);
}

int agg_sketches_add(const agg_spec *s, uint8_t *const *cell, size_t n, uint64_t *hash,
                     gn_budget *b, gn_err *e)
{
    for (const agg_sketch *k = s->sketch; k < s->sketch + s->nsketches; k++) {
        const agg_col *c = &s->col[k->col];
        for (size_t i = 0; !k->dds && i < n; i++) {
            if (c->v->null[i])
                continue;
            hash[i] = gn_hash(c->enc[i].p, c->enc[i].n);
            gn_hll_prefetch(hll_in(cell[i], k), hash[i]);
        }
        for (size_t i = 0; i < n; i++) {
            if (c->v->null[i])
                continue;
            if (k->dds) {
                dds_in(cell[i], k)->budget = b;
                if (gn_dds_room(dds_in(cell[i], k), dds_bucket(c->v, i), e))
                    return -1;
            } else {
                hll_in(cell[i], k)->budget = b;
                if (gn_hll_add(hll_in(cell[i], k), hash[i], e))
                    return -1;
            }
        }
    }
    return 0;
}

void agg_cell_release(const agg_spec *s, uint8_t *cell)
{
    for (const agg_sketch *k = s->sketch; k < s->sketch + s->nsketches; k++)
        if (k->dds)
            gn_dds_release(dds_in(cell, k));
        else
            gn_hll_release(hll_in(cell, k));
}

/* ---- bytes ---- */

static int put_u64(gn_buf *out, uint64_t v, gn_err *e)
{
    uint8_t b[8];
    gn_put64(b, v);
    return gn_buf_add(out, b, 8, e);
}

static int put_sized(gn_buf *out, const uint8_t *p, size_t n, gn_err *e)
{
    uint8_t b[4];
    gn_put32(b, (uint32_t)n);
    return gn_buf_add(out, b, 4, e) || gn_buf_add(out, p, n, e) ? -1 : 0;
}

static int put_fsum(gn_buf *out, const gn_fsum *f, gn_err *e)
{
    uint8_t wire[GN_FSUM_WIRE];
    return put_sized(out, wire, gn_fsum_put(f, wire), e);
}

/* A best value: a byte that says if there is one; its place in the order; its encoding. */
static int put_best(const agg_spec *s, const agg_item *it, const agg_best *b, gn_buf *out,
                    gn_err *e)
{
    gn_type t = s->col[it->arg].type;
    uint8_t some = b->n != 0, scalar[GN_MP_HEAD];
    if (gn_buf_add(out, &some, 1, e) || !some)
        return some ? -1 : 0;
    if (it->kind == AGG_FIRST || it->kind == AGG_LAST) {
        if (put_u64(out, (uint64_t)b->i, e))
            return -1;
    } else if (!texty(t)) {
        uint8_t null = 0;
        int64_t i = b->i;
        double f = b->f;
        gn_vec v = {.type = t, .null = &null, .i = &i, .f = &f};
        return put_sized(out, scalar, (size_t)(agg_value_put(scalar, t, &v, 0) - scalar), e);
    }
    return put_sized(out, b->p, b->n, e);
}

static int put_sketches(const agg_spec *s, const uint8_t *cell, gn_buf *out, gn_err *e)
{
    uint8_t bytes[GN_HLL_BYTES];
    for (const agg_sketch *k = s->sketch; k < s->sketch + s->nsketches; k++) {
        const void *p = cell + k->at;
        size_t head = out->n;
        if (!k->dds) {
            if (put_sized(out, bytes, gn_hll_put(p, bytes), e))
                return -1;
            continue;
        }
        if (put_sized(out, NULL, 0, e) || gn_dds_put(p, out, e))
            return -1;
        gn_put32(out->p + head, (uint32_t)(out->n - head - 4));
    }
    return 0;
}

int agg_cell_put(const agg_spec *s, const uint8_t *cell, gn_buf *out, gn_err *e)
{
    if (put_sketches(s, cell, out, e))
        return -1;
    for (size_t k = 0; k < s->nitems; k++) {
        const agg_item *it = &s->item[k];
        const void *p = cell + it->at;
        bool real = it->arg >= 0 && s->col[it->arg].type == GN_FLOAT;
        int r = 0;
        switch (it->kind) {
        case AGG_COUNT:
            r = put_u64(out, *(const uint64_t *)p, e);
            break;
        case AGG_SUM:
        case AGG_AVG:
            if (real) {
                r = put_fsum(out, p, e);
            } else {
                const agg_isum *i = p;
                uint8_t wire[16];
                gn_i128_put(i->sum, wire);
                r = put_u64(out, i->n, e) || gn_buf_add(out, wire, sizeof wire, e);
            }
            break;
        case AGG_STDDEV:
            if (real) {
                const agg_fdev *d = p;
                uint8_t wire[GN_FPROD_WIRE];
                r = put_fsum(out, &d->sum, e) ||
                    put_sized(out, wire, gn_fprod_put(&d->squares, wire), e);
            } else {
                uint8_t wire[GN_MOMENTS_WIRE];
                gn_moments_put(p, wire);
                r = gn_buf_add(out, wire, sizeof wire, e);
            }
            break;
        case AGG_MIN:
        case AGG_MAX:
        case AGG_FIRST:
        case AGG_LAST:
            r = put_best(s, it, p, out, e);
            break;
        default:
            break;
        }
        if (r)
            return -1;
    }
    for (size_t k = 0; k < s->nruns; k++)
        if (put_u64(out, *(const uint64_t *)(const void *)(cell + s->run[k].at), e))
            return -1;
    return 0;
}

typedef struct wire {
    const uint8_t *p, *end;
    bool bad;
} wire;

static const uint8_t *take(wire *w, size_t n)
{
    if (w->bad || (size_t)(w->end - w->p) < n) {
        w->bad = true;
        return NULL;
    }
    w->p += n;
    return w->p - n;
}

static uint64_t take_u64(wire *w)
{
    const uint8_t *p = take(w, 8);
    return p ? gn_be64(p) : 0;
}

static gn_str take_sized(wire *w)
{
    const uint8_t *p = take(w, 4);
    uint32_t n = p ? gn_be32(p) : 0;
    p = take(w, n);
    return (gn_str){p, p ? n : 0};
}

static void check(wire *w, bool good)
{
    if (!good)
        w->bad = true;
}

static void merge_count(wire *w, uint64_t *to)
{
    check(w, !__builtin_add_overflow(*to, take_u64(w), to));
}

static void merge_isum(wire *w, agg_isum *to)
{
    uint64_t n = take_u64(w);
    const uint8_t *p = take(w, 16);
    gn_i128 sum = p ? gn_i128_get(p) : 0, most = (gn_i128)n << 63;
    /* no sum of n values is further from 0; then no total overflows before its count does */
    check(w, sum <= most && sum >= -most);
    check(w, !__builtin_add_overflow(to->n, n, &to->n));
    if (!w->bad)
        to->sum += sum;
}

static void merge_fsum(wire *w, gn_fsum *to)
{
    gn_fsum f = {0};
    gn_str x = take_sized(w);
    check(w, x.p && gn_fsum_get(&f, x.p, x.n) && gn_fsum_merge(to, &f));
}

static void merge_fdev(wire *w, agg_fdev *to)
{
    gn_fprod f = {0};
    merge_fsum(w, &to->sum);
    gn_str x = take_sized(w);
    check(w, x.p && gn_fprod_get(&f, x.p, x.n) && gn_fprod_merge(&to->squares, &f));
}

static void merge_moments(wire *w, gn_moments *to)
{
    gn_moments m = {0};
    const uint8_t *p = take(w, GN_MOMENTS_WIRE);
    check(w, p && gn_moments_get(&m, p) && gn_moments_merge(to, &m));
}

static int merge_best(const agg_spec *s, const agg_item *it, agg_best *b, wire *w, gn_arena *texts,
                      gn_err *e)
{
    gn_type t = s->col[it->arg].type;
    bool timed = it->kind == AGG_FIRST || it->kind == AGG_LAST;
    const uint8_t *some = take(w, 1);
    if (!some || *some == 0)
        return 0;
    check(w, *some == 1);
    int64_t at = timed ? (int64_t)take_u64(w) : 0;
    gn_str v = take_sized(w);
    check(w, v.p && agg_value_valid(t, v) && *v.p != GN_MP_NIL);
    if (w->bad)
        return 0;
    if (timed || texty(t))
        return improve(b, it->kind, t, at, v, texts, e);
    int64_t i = 0;
    double f = 0;
    bool on = false;
    if (t == GN_FLOAT)
        (void)gn_mp_get_float(v.p, v.p + v.n, &f);
    else if (t == GN_BOOL)
        (void)gn_mp_get_bool(v.p, v.p + v.n, &on);
    else if (t == GN_TIME)
        (void)gn_mp_get_time(v.p, v.p + v.n, &i);
    else
        (void)gn_mp_get_int(v.p, v.p + v.n, &i);
    improve_number(b, it->kind, t, t == GN_BOOL ? on : i, f);
    return 0;
}

static int no_state(gn_err *e)
{
    return gn_fail(e, GN_CORRUPT, "a state that no records have");
}

int agg_sketches_merge(const agg_spec *s, uint8_t *cell, gn_str state, gn_budget *b, gn_err *e)
{
    wire w = {state.p, state.p + state.n, false};
    for (const agg_sketch *k = s->sketch; k < s->sketch + s->nsketches; k++) {
        gn_str x = take_sized(&w);
        if (w.bad)
            return no_state(e);
        if (k->dds) {
            dds_in(cell, k)->budget = b;
            if (gn_dds_get_room(dds_in(cell, k), x.p, x.n, e))
                return -1;
        } else {
            hll_in(cell, k)->budget = b;
            if (gn_hll_get(hll_in(cell, k), x.p, x.n, e))
                return -1;
        }
    }
    return 0;
}

int agg_cell_merge(const agg_spec *s, uint8_t *cell, gn_str state, gn_arena *texts, gn_err *e)
{
    wire w = {state.p, state.p + state.n, false};
    for (const agg_sketch *k = s->sketch; k < s->sketch + s->nsketches; k++) {
        gn_str x = take_sized(&w);
        if (k->dds && !w.bad && gn_dds_get(dds_in(cell, k), x.p, x.n, e))
            return -1;
    }
    for (size_t k = 0; k < s->nitems; k++) {
        const agg_item *it = &s->item[k];
        void *p = cell + it->at;
        bool real = it->arg >= 0 && s->col[it->arg].type == GN_FLOAT;
        switch (it->kind) {
        case AGG_COUNT:
            merge_count(&w, p);
            break;
        case AGG_SUM:
        case AGG_AVG:
            if (real)
                merge_fsum(&w, p);
            else
                merge_isum(&w, p);
            break;
        case AGG_STDDEV:
            if (real)
                merge_fdev(&w, p);
            else
                merge_moments(&w, p);
            break;
        case AGG_MIN:
        case AGG_MAX:
        case AGG_FIRST:
        case AGG_LAST:
            if (merge_best(s, it, p, &w, texts, e))
                return -1;
            break;
        default:
            break;
        }
    }
    for (size_t k = 0; k < s->nruns; k++)
        merge_count(&w, (uint64_t *)(void *)(cell + s->run[k].at));
    if (w.bad || w.p != w.end)
        return no_state(e);
    return 0;
}

/* ---- results ---- */

static int result_sum(const agg_item *it, const void *p, bool real, gn_row *row, gn_err *e)
{
    double f;
    if (real) {
        const gn_fsum *s = p;
        if (s->n == 0)
            return gn_row_null(row, e);
        if (!gn_fsum_value(s, &f))
            return gn_fail(e, GN_INPUT, "'%s': a total beyond the range of a float", it->name);
        return gn_row_float(row, f, e);
    }
    const agg_isum *s = p;
    if (s->n == 0)
        return gn_row_null(row, e);
    if (!gn_fits_i64(s->sum))
        return gn_fail(e, GN_INPUT, "'%s': a total overflows 64 bits", it->name);
    return gn_row_int(row, (int64_t)s->sum, e);
}

int agg_cell_result(const agg_spec *s, const agg_item *it, const uint8_t *cell, bool nearest,
                    gn_row *row, gn_err *e)
{
    const void *p = cell + it->at;
    gn_type t = it->arg < 0 ? GN_INT : s->col[it->arg].type;
    bool real = t == GN_FLOAT, known;
    double f = 0;
    switch (it->kind) {
    case AGG_COUNT: {
        uint64_t n = *(const uint64_t *)p;
        if (n > INT64_MAX)
            return gn_fail(e, GN_INPUT, "'%s': a count overflows", it->name);
        return gn_row_int(row, (int64_t)n, e);
    }
    case AGG_SUM:
        return result_sum(it, p, real, row, e);
    case AGG_AVG: {
        const agg_isum *i = p;
        known = real ? gn_fsum_mean(p, &f) : i->n > 0;
        if (known && !real)
            f = gn_ratio(i->sum, i->n);
        return known ? gn_row_float(row, f, e) : gn_row_null(row, e);
    }
    case AGG_STDDEV: {
        const agg_fdev *d = p;
        known = real ? gn_fsum_stddev(&d->sum, &d->squares, &f) : gn_moments_stddev(p, &f);
        return known ? gn_row_float(row, f, e) : gn_row_null(row, e);
    }
    case AGG_APPROX_DISTINCT:
        p = cell + s->sketch[it->sketch].at;
        return gn_row_int(row, (int64_t)gn_hll_count(p), e);
    case AGG_APPROX_PCTL: {
        const gn_dds *d = (const void *)(cell + s->sketch[it->sketch].at);
        if (!d->n)
            return gn_row_null(row, e);
        return gn_row_float(row, gn_dds_percentile(d, it->num, it->den, nearest, !real), e);
    }
    default: {
        const agg_best *b = p;
        if (!b->n)
            return gn_row_null(row, e);
        if (b->p)
            return gn_row_raw(row, (gn_str){b->p, b->n}, e);
        return t == GN_FLOAT  ? gn_row_float(row, b->f, e)
               : t == GN_BOOL ? gn_row_bool(row, b->i != 0, e)
               : t == GN_TIME ? gn_row_time(row, b->i, e)
               : t == GN_DATE ? gn_row_date(row, b->i, e)
                              : gn_row_int(row, b->i, e);
    }
    }
}
