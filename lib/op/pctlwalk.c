/* pctlwalk.c - the groups of a table put together into results, in order of their keys: one way out
 * that serves results, states and what goes to disk. */
#include "pctlpriv.h"

#include "../base/civil.h"
#include "../io/mp.h"
#include "../kernel/keycode.h"
#include "../kernel/ranksel.h"
#include "../stream/value.h"

#include <stdlib.h>
#include <string.h>

/* ---- keys of results ---- */

static int add_str(gn_buf *b, const char *s, size_t n, gn_err *e)
{
    if (gn_buf_reserve(b, n + GN_MP_HEAD, e))
        return -1;
    b->n = (size_t)(gn_mp_str(b->p + b->n, s, n) - b->p);
    return 0;
}

static int add_raw(gn_buf *b, const uint8_t **p, const uint8_t *end, gn_err *e)
{
    const uint8_t *q = gn_mp_skip(*p, end);
    int r = gn_buf_add(b, *p, (size_t)(q - *p), e);
    *p = q;
    return r;
}

static int add_period(gn_buf *b, int period, int64_t day, gn_err *e)
{
    char text[GN_TIME_TEXT];
    size_t n;
    switch (period) {
    case PCTL_DAY:
        n = gn_date_format(day, text);
        break;
    case PCTL_WEEK:
        n = gn_date_format(gn_week_start(day), text);
        break;
    case PCTL_MONTH:
        n = gn_month_format(gn_month_of_day(day), text);
        break;
    default:
        return add_str(b, "all", 3, e);
    }
    return add_str(b, text, n, e);
}

/* The keys of the result that a group belongs to. */
static int target_key(const gn_pctl *p, const struct pctl_view *v, gn_str base, gn_buf *to,
                      gn_err *e)
{
    const uint8_t *at = base.p, *end = base.p + base.n;
    for (size_t i = 0; i < p->nkeys; i++)
        if (add_raw(to, &at, end, e))
            return -1;
    if (v->dots) {
        const char *name = pctl_level_name[v->dots - 1], *s;
        size_t n;
        const uint8_t *next = gn_mp_get_str(at, end, &s, &n);
        if (add_str(to, name, strlen(name), e))
            return -1;
        if (!next && add_raw(to, &at, end, e)) /* null */
            return -1;
        if (next) {
            at = next;
            if (add_str(to, s, pctl_release_cut(s, n, v->dots), e))
                return -1;
        }
    }
    if (v->period >= 0) {
        const char *name = pctl_period_name[v->period];
        int64_t day = 0;
        if (p->grain >= 0 && !gn_mp_get_int(at, end, &day))
            return gn_fail(e, GN_BUG, "a group's period");
        if (add_str(to, name, strlen(name), e) || add_period(to, v->period, day, e))
            return -1;
    }
    return 0;
}

int pctl_set_key(const gn_pctl *p, gn_str base, gn_buf *to, gn_err *e)
{
    struct pctl_view whole = {p->view[0].dots, -1}; /* the coarsest level comes first */
    return target_key(p, &whole, base, to, e);
}

/* ---- memory: what the table keeps back for this ---- */

static void *take(pctl_walk *w, size_t n, size_t size, gn_err *e)
{
    if (gn_budget_take(w->p->o.budget, n * size, e))
        return NULL;
    w->bytes += n * size;
    return gn_alloc(n ? n : 1, size, e);
}

/* A group in a view: what the walk sorts. Those of equal keys are one result. */
static gn_str group_key(const pctl_walk *w, uint32_t ref)
{
    return gn_hashtab_key(w->t->groups, (uint32_t)(ref % w->groups));
}

static int ref_key(pctl_walk *w, uint32_t ref, gn_str *key, gn_err *e)
{
    const gn_pctl *p = w->p;
    *key = group_key(w, ref);
    if (!w->joined)
        return 0;
    w->key.n = 0;
    if (target_key(p, &p->view[ref / w->groups], *key, &w->key, e))
        return -1;
    *key = (gn_str){w->key.p, (uint32_t)w->key.n};
    return 0;
}

/* Append the code of a reference's keys. */
static int ref_code(pctl_walk *w, uint32_t ref, gn_buf *to, gn_err *e)
{
    const gn_pctl *p = w->p;
    gn_str key;
    if (ref_key(w, ref, &key, e))
        return -1;
    const uint8_t *at = key.p, *end = key.p + key.n;
    for (size_t i = 0; at < end; i++) {
        const uint8_t *next = gn_mp_skip(at, end);
        gn_type t = !w->joined || i < p->nkeys ? p->base_type[i] : GN_STR;
        if (gn_keycode_add(to, t, (gn_str){at, (uint32_t)(next - at)}, false, e))
            return -1;
        at = next;
    }
    return 0;
}

static gn_str code_at(const pctl_walk *w, uint32_t ref)
{
    return (gn_str){w->codes + w->code_at[ref], (uint32_t)(w->code_at[ref + 1u] - w->code_at[ref])};
}

static int cmp_codes(const void *walk, uint32_t x, uint32_t y)
{
    gn_str a = code_at(walk, x), b = code_at(walk, y);
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Codes are made twice: for their lengths, then into just the memory that they need. */
static int make_codes(pctl_walk *w, gn_err *e)
{
    gn_buf *b = &w->p->scratch;
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        b->n = 0;
        w->code_at[i] = n;
        if (ref_code(w, (uint32_t)i, b, e))
            return -1;
        n += b->n;
    }
    w->code_at[w->n] = n;
    if (!(w->codes = take(w, n, 1, e)))
        return -1;
    for (size_t i = 0; i < w->n; i++) {
        b->n = 0;
        if (ref_code(w, (uint32_t)i, b, e))
            return -1;
        if (b->n) /* none without keys */
            memcpy(w->codes + w->code_at[i], b->p, b->n);
        gn_sortkey_set(&w->order[i], b->p, b->n);
        w->order[i].item = (uint32_t)i;
    }
    return 0;
}

static void narrow_sums(const uint32_t *v, size_t n, pctl_sums *to)
{
    uint32_t min = UINT32_MAX, max = 0;
    uint64_t sum = 0; /* of less than 2^32 numbers */
    gn_u128 squares = 0;
    for (size_t i = 0; i < n; i++) {
        min = v[i] < min ? v[i] : min;
        max = v[i] > max ? v[i] : max;
        sum += v[i];
        squares += (uint64_t)v[i] * v[i];
    }
    to->n = n;
    to->min = PCTL_WIDEN(min);
    to->max = PCTL_WIDEN(max);
    to->u.i = (gn_moments){n, (gn_i128)sum, {{(uint64_t)squares, (uint64_t)(squares >> 64), 0}}};
}

/* ---- the values of a result ---- */

typedef struct values {
    uint32_t *v32; /* one of the two */
    uint64_t *v64;
    size_t n;
    pctl_many *many;
    size_t nmany;
} values;

static int scratch(pctl_walk *w, size_t bytes, gn_err *e)
{
    if (bytes <= w->room)
        return 0;
    free(w->values);
    w->values = NULL;
    gn_budget_give(w->p->o.budget, w->room);
    w->bytes -= w->room;
    w->room = 0;
    w->values = take(w, bytes, 1, e);
    w->room = w->values ? bytes : 0;
    return w->values ? 0 : -1;
}

/* Side by side, as they come; at least 64 bits wide where `wide`. */
static int load(pctl_walk *w, values *x, bool wide, gn_err *e)
{
    uint64_t n[PCTL_LISTS] = {0};
    for (size_t i = 0; i < w->ncells; i++)
        for (int k = 0; k < PCTL_LISTS; k++)
            n[k] += w->cell[i]->list[k].n;
    wide |= n[PCTL_WIDE] > 0;
    *x = (values){.n = n[PCTL_NARROW] + n[PCTL_WIDE], .nmany = n[PCTL_MANY]};
    if (scratch(w, x->nmany * sizeof *x->many + x->n * (wide ? 8 : 4) + 1, e))
        return -1;
    void *at = x->many = w->values;
    for (size_t i = 0; i < w->ncells; i++)
        at = pctl_list_copy(&w->cell[i]->list[PCTL_MANY], sizeof *x->many, at);
    x->v32 = at;
    x->v64 = wide ? at : NULL;
    if (wide)
        for (size_t i = 0; i < w->ncells; i++)
            at = pctl_list_copy(&w->cell[i]->list[PCTL_WIDE], 8, at);
    uint64_t *end = at;
    uint32_t *narrow = wide ? (uint32_t *)(void *)(end + n[PCTL_NARROW]) - n[PCTL_NARROW] : at;
    at = narrow;
    for (size_t i = 0; i < w->ncells; i++)
        at = pctl_list_copy(&w->cell[i]->list[PCTL_NARROW], 4, at);
    for (size_t i = 0; wide && i < n[PCTL_NARROW]; i++) { /* they lie in the second half */
        uint32_t v;
        memcpy(&v, narrow + i, sizeof v);
        uint64_t key = PCTL_WIDEN(v);
        memcpy(end + i, &key, sizeof key);
    }
    return 0;
}

static int cmp_many(const void *a, const void *b)
{
    uint64_t x = ((const pctl_many *)a)->key, y = ((const pctl_many *)b)->key;
    return (x > y) - (x < y);
}

typedef int pass(void *ctx, uint64_t key, uint64_t n, gn_err *e);

/* All values in ascending order, each once with its count. */
static int pass_sorted(pctl_walk *w, pass *f, void *ctx, gn_err *e)
{
    values x;
    if (load(w, &x, false, e))
        return -1;
    if (x.v64)
        gn_sort64(x.v64, x.n);
    else
        gn_sort32(x.v32, x.n);
    if (x.nmany)
        qsort(x.many, x.nmany, sizeof *x.many, cmp_many);
    for (size_t i = 0, k = 0; i < x.n || k < x.nmany;) {
        uint64_t one = i == x.n ? UINT64_MAX : x.v64 ? x.v64[i] : PCTL_WIDEN(x.v32[i]);
        bool many = i == x.n || (k < x.nmany && x.many[k].key < one);
        uint64_t key = many ? x.many[k].key : one, n = 0;
        for (; i < x.n && (x.v64 ? x.v64[i] : PCTL_WIDEN(x.v32[i])) == key; i++)
            n++;
        for (; k < x.nmany && x.many[k].key == key; k++)
            if (__builtin_add_overflow(n, x.many[k].n, &n))
                return gn_fail(e, GN_INPUT, "a count overflows");
        if (f(ctx, key, n, e))
            return -1;
    }
    return 0;
}

/* ---- the walk ---- */

int pctl_walk_begin(pctl_walk *w, gn_pctl *p, pctl_tab *t, gn_err *e)
{
    size_t groups = t->ncells; /* less than there are keys where the memory ran out in between */
    bool joined = p->nviews && !p->o.partial;
    *w = (pctl_walk){.p = p, .t = t, .groups = groups, .joined = joined};
    w->n = groups * (joined ? p->nviews : 1);
    pctl_reserve_give(p);
    if (w->n >= UINT32_MAX)
        return gn_fail(e, GN_IO, "more than 2^32 groups at once (lower -m)");
    if (!(w->cell = take(w, groups, sizeof(pctl_cell *), e)) ||
        !(w->order = take(w, w->n, sizeof *w->order, e)) ||
        !(w->code_at = take(w, w->n + 1, sizeof *w->code_at, e)) || make_codes(w, e))
        return -1;
    gn_keysort(w->order, w->n, cmp_codes, w);
    return 0;
}

void pctl_walk_end(pctl_walk *w)
{
    free(w->order);
    free(w->codes);
    free(w->code_at);
    free(w->cell);
    free(w->values);
    free(w->user_order);
    free(w->user_rank);
    gn_buf_release(&w->key);
    gn_dds_release(&w->r.sums.sketch);
    gn_budget_give(w->p->o.budget, w->bytes);
    w->bytes = 0;
}

static bool empty(const pctl_cell *c)
{
    bool any = c->events || c->sums;
    for (int k = 0; k < PCTL_LISTS; k++)
        any |= c->list[k].n > 0;
    return !any;
}

/* How many values there are was said in another place than the values. */
static int no_state(gn_err *e)
{
    return gn_fail(e, GN_CORRUPT, "a state that no records have");
}

static int overflows(gn_err *e)
{
    return gn_fail(e, GN_INPUT, "a count overflows");
}

int pctl_walk_next(pctl_walk *w, gn_err *e)
{
    pctl_result *r = &w->r;
    gn_dds_release(&r->sums.sketch);
    memset(r, 0, sizeof *r);
    w->ncells = 0;
    while (w->ncells == 0) {
        if (w->at == w->n)
            return 0;
        uint32_t first = w->ref = w->order[w->at].item;
        do {
            pctl_cell *c = w->t->cell[w->order[w->at++].item % w->groups];
            if (empty(c)) /* it was found just when the memory ran out */
                continue;
            w->cell[w->ncells++] = c;
            if (__builtin_add_overflow(r->events, c->events, &r->events) ||
                __builtin_add_overflow(r->values, c->values, &r->values))
                return overflows(e);
        } while (w->joined && w->at < w->n && cmp_codes(w, first, w->order[w->at].item) == 0);
    }
    return ref_key(w, w->ref, &r->key, e) ? -1 : 1;
}

gn_str pctl_walk_code(const pctl_walk *w)
{
    return code_at(w, w->ref);
}

/* With --approx: what the groups' states have. */
static int merge_sums(pctl_walk *w, gn_err *e)
{
    pctl_result *r = &w->r;
    for (size_t i = 0; i < w->ncells; i++) {
        const pctl_sums *s = w->cell[i]->sums;
        if (!s)
            continue;
        if (gn_dds_merge(&r->sums.sketch, &s->sketch, e))
            return -1;
        if (!pctl_sums_merge(w->p, &r->sums, s))
            return overflows(e);
    }
    return 0;
}

static int pass_result(void *walk, uint64_t key, uint64_t n, gn_err *e)
{
    pctl_walk *w = walk;
    uint64_t sum;
    if (__builtin_add_overflow(w->r.seen, n, &sum))
        return overflows(e);
    pctl_sums_add(w->p, &w->r.sums, key, n);
    pctl_result_pass(w->p, &w->r, key, n);
    return 0;
}

/* The ranks asked for, in order and once each. */
static size_t ranks(const gn_pctl *p, const pctl_result *r, size_t *rank)
{
    size_t n = 0;
    for (size_t k = 0; k < p->nps; k++)
        for (uint64_t j = 0; j <= (r->rest[k] != 0); j++) {
            size_t at = 0, v = r->lo[k] + j;
            while (at < n && rank[at] < v)
                at++;
            if (at < n && rank[at] == v)
                continue;
            memmove(rank + at + 1, rank + at, (n - at) * sizeof *rank);
            rank[at] = v;
            n++;
        }
    return n;
}

static int select_values(pctl_walk *w, gn_err *e)
{
    pctl_result *r = &w->r;
    size_t rank[2 * GN_PCTL_MAX], n;
    values x;
    if (load(w, &x, false, e))
        return -1;
    if (x.n != r->values)
        return no_state(e);
    r->seen = x.n;
    if (x.n == 0)
        return 0;
    n = ranks(w->p, r, rank);
    if (!x.v64)
        narrow_sums(x.v32, x.n, &r->sums);
    for (size_t i = 0; x.v64 && i < x.n; i++)
        pctl_sums_add(w->p, &r->sums, x.v64[i], 1);
    if (x.v64)
        gn_select64(x.v64, x.n, rank, n);
    else
        gn_select32(x.v32, x.n, rank, n);
    for (size_t k = 0; k < w->p->nps; k++)
        for (uint64_t j = 0; j <= (r->rest[k] != 0); j++)
            r->at[k][j] = x.v64 ? x.v64[r->lo[k] + j] : PCTL_WIDEN(x.v32[r->lo[k] + j]);
    return 0;
}

int pctl_walk_result(pctl_walk *w, gn_err *e)
{
    pctl_result *r = &w->r;
    gn_pctl *p = w->p;
    bool many = false;
    if (p->users && pctl_tab_distinct(p, w->t, w->cell, w->ncells, &r->users, e))
        return -1;
    if (p->o.approx)
        return merge_sums(w, e);
    pctl_result_ranks(p, r);
    for (size_t i = 0; i < w->ncells; i++)
        many |= w->cell[i]->list[PCTL_MANY].n > 0;
    if (many ? pass_sorted(w, pass_result, w, e) : select_values(w, e))
        return -1;
    return r->seen == r->values ? 0 : no_state(e);
}

/* ---- users and values one by one ---- */

static int cmp_users(const void *walk, uint32_t a, uint32_t b)
{
    const pctl_walk *w = walk;
    return gn_value_cmp(w->p->utype, gn_hashtab_key(w->t->users, a),
                        gn_hashtab_key(w->t->users, b));
}

static int sort_users(pctl_walk *w, gn_err *e)
{
    size_t n = gn_hashtab_count(w->t->users);
    gn_buf *b = &w->p->scratch;
    gn_sortkey *k = take(w, n, sizeof *k, e);
    int r = k ? 0 : -1;
    for (size_t i = 0; r == 0 && i < n; i++) {
        b->n = 0;
        r = gn_keycode_add(b, w->p->utype, gn_hashtab_key(w->t->users, (uint32_t)i), false, e);
        if (r == 0)
            gn_sortkey_set(&k[i], b->p, b->n);
        if (r == 0)
            k[i].item = (uint32_t)i;
    }
    if (r == 0 && (!(w->user_order = take(w, n, sizeof *w->user_order, e)) ||
                   !(w->user_rank = take(w, n, sizeof *w->user_rank, e))))
        r = -1;
    if (r == 0) {
        gn_keysort(k, n, cmp_users, w);
        for (size_t i = 0; i < n; i++) {
            w->user_order[i] = k[i].item;
            w->user_rank[k[i].item] = (uint32_t)i;
        }
    }
    if (k) {
        gn_budget_give(w->p->o.budget, n * sizeof *k);
        w->bytes -= n * sizeof *k;
    }
    free(k);
    return r;
}

static int each_user(pctl_walk *w, const pctl_each *each, gn_err *e)
{
    uint64_t n = 0;
    if (!w->user_rank && sort_users(w, e))
        return -1;
    for (size_t i = 0; i < w->ncells; i++)
        n += w->cell[i]->list[PCTL_USERS].n;
    if (scratch(w, n * 4 + 1, e))
        return -1;
    uint32_t *v = w->values;
    void *at = v;
    for (size_t i = 0; i < w->ncells; i++)
        at = pctl_list_copy(&w->cell[i]->list[PCTL_USERS], 4, at);
    for (size_t i = 0; i < n; i++)
        v[i] = w->user_rank[v[i]];
    gn_sort32(v, n);
    for (size_t i = 0; i < n; i++)
        if ((i == 0 || v[i] != v[i - 1]) &&
            each->user(each->ctx, gn_hashtab_key(w->t->users, w->user_order[v[i]]), e))
            return -1;
    return 0;
}

int pctl_walk_each(pctl_walk *w, const pctl_each *each, gn_err *e)
{
    if (w->p->users && each_user(w, each, e))
        return -1;
    return w->p->o.approx ? 0 : pass_sorted(w, each->value, each->ctx, e);
}
