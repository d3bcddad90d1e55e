/* pctlout.c - results as records, states as records, and both by way of the disk. */
#include "pctlpriv.h"

#include "../io/mp.h"
#include "../kernel/keycode.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

static int no_state(gn_err *e)
{
    return gn_fail(e, GN_CORRUPT, "a state that no records have");
}

/* ---- ranks ---- */

void pctl_result_ranks(const gn_pctl *p, pctl_result *r)
{
    for (size_t k = 0; r->values && k < p->nps; k++) {
        gn_u128 h = (gn_u128)(p->o.nearest ? r->values : r->values - 1) * p->num[k];
        r->lo[k] = (uint64_t)(h / p->den[k]);
        r->rest[k] = (uint64_t)(h % p->den[k]);
        if (p->o.nearest) { /* rank ceil(q n), from 1 */
            r->lo[k] += r->rest[k] != 0;
            r->lo[k] -= r->lo[k] != 0;
            r->rest[k] = 0;
        }
    }
}

void pctl_result_pass(const gn_pctl *p, pctl_result *r, uint64_t key, uint64_t n)
{
    uint64_t from = r->seen, to = from + n;
    for (size_t k = 0; k < p->nps; k++)
        for (uint64_t j = 0; j <= (r->rest[k] != 0); j++)
            if (r->lo[k] + j >= from && r->lo[k] + j < to)
                r->at[k][j] = key;
    r->seen = to;
}

/* ---- results ---- */

size_t pctl_result_fields(const gn_pctl *p)
{
    return p->users + 1u + p->nps + 4;
}

static int add_field(gn_header *h, gn_type t, gn_err *e, const char *prefix, const char *name)
{
    gn_buf b = {0};
    int r = gn_buf_printf(&b, e, "%s%s", prefix, name) ||
                    gn_schema_add(&h->schema, (const char *)b.p, b.n, t, e)
                ? -1
                : 0;
    gn_buf_release(&b);
    return r;
}

int pctl_result_columns(const gn_pctl *p, gn_header *h, gn_err *e)
{
    gn_type t = p->o.nearest && !p->o.approx ? p->vtype : GN_FLOAT;
    if ((p->users && add_field(h, GN_INT, e, "users", "")) ||
        add_field(h, GN_INT, e, "total_interactions", ""))
        return -1;
    for (size_t k = 0; k < p->nps; k++)
        if (add_field(h, t, e, p->pname[k], p->o.value))
            return -1;
    return add_field(h, GN_FLOAT, e, "avg_", p->o.value) ||
                   add_field(h, GN_FLOAT, e, "stddev_", p->o.value) ||
                   add_field(h, p->vtype, e, "min_", p->o.value) ||
                   add_field(h, p->vtype, e, "max_", p->o.value)
               ? -1
               : 0;
}

static int put_value(gn_pctl *p, uint64_t key, gn_err *e)
{
    return p->vtype == GN_INT ? gn_row_int(&p->out, pctl_int(key), e)
                              : gn_row_float(&p->out, pctl_float(key), e);
}

/* Between the values at two ranks, rounded once. */
static double between(const gn_pctl *p, size_t k, const pctl_result *r)
{
    if (p->vtype == GN_INT) {
        int64_t a = pctl_int(r->at[k][0]);
        gn_i128 sum = (gn_i128)a * p->den[k];
        if (r->rest[k])
            sum += ((gn_i128)pctl_int(r->at[k][1]) - a) * r->rest[k];
        return gn_ratio(sum, p->den[k]);
    }
    double a = pctl_float(r->at[k][0]);
    if (!r->rest[k])
        return a;
    double b = pctl_float(r->at[k][1]), part = (double)r->rest[k] / (double)p->den[k], gap = b - a;
    return gap <= DBL_MAX ? a + gap * part : a * (1 - part) + b * part; /* the gap overflows */
}

static int put_percentile(gn_pctl *p, size_t k, const pctl_result *r, gn_err *e)
{
    if (!r->values)
        return gn_row_null(&p->out, e);
    if (p->o.approx)
        return gn_row_float(&p->out,
                            gn_dds_percentile(&r->sums.sketch, p->num[k], p->den[k], p->o.nearest,
                                              p->vtype == GN_INT),
                            e);
    return p->o.nearest ? put_value(p, r->at[k][0], e) : gn_row_float(&p->out, between(p, k, r), e);
}

static int put_count(gn_pctl *p, uint64_t n, gn_err *e)
{
    return n > INT64_MAX ? gn_fail(e, GN_INPUT, "a count overflows")
                         : gn_row_int(&p->out, (int64_t)n, e);
}

int pctl_result_put(gn_pctl *p, const pctl_result *r, gn_err *e)
{
    const pctl_sums *s = &r->sums;
    bool real = p->vtype == GN_FLOAT, mean, dev;
    double avg = 0, stddev = 0;
    if (r->values != s->n || (p->o.approx && s->sketch.n != s->n))
        return no_state(e);
    if ((p->users && put_count(p, r->users, e)) || put_count(p, r->events, e))
        return -1;
    for (size_t k = 0; k < p->nps; k++)
        if (put_percentile(p, k, r, e))
            return -1;
    mean = real ? gn_fsum_mean(&s->u.f.sum, &avg) : gn_moments_mean(&s->u.i, &avg);
    dev = real ? gn_fsum_stddev(&s->u.f.sum, &s->u.f.squares, &stddev)
               : gn_moments_stddev(&s->u.i, &stddev);
    if ((mean ? gn_row_float(&p->out, avg, e) : gn_row_null(&p->out, e)) ||
        (dev ? gn_row_float(&p->out, stddev, e) : gn_row_null(&p->out, e)))
        return -1;
    if (!s->n)
        return gn_row_null(&p->out, e) || gn_row_null(&p->out, e) ? -1 : 0;
    return put_value(p, s->min, e) || put_value(p, s->max, e) ? -1 : 0;
}

int pctl_put_keys(gn_pctl *p, gn_str keys, gn_err *e)
{
    const uint8_t *at = keys.p, *end = keys.p + keys.n;
    while (at < end) {
        const uint8_t *next = gn_mp_skip(at, end);
        if (!next)
            return gn_fail(e, GN_BUG, "a result's keys");
        if (gn_row_raw(&p->out, (gn_str){at, (uint32_t)(next - at)}, e))
            return -1;
        at = next;
    }
    return 0;
}

static size_t key_fields(const gn_pctl *p)
{
    return p->nviews ? p->nkeys + 2u * p->levels + 2u * p->periods : p->nbase;
}

static int put_result(gn_pctl *p, const pctl_result *r, gn_writer *w, gn_err *e)
{
    p->count.groups++;
    return gn_row_begin(&p->out, key_fields(p) + pctl_result_fields(p), e) ||
                   pctl_put_keys(p, r->key, e) || pctl_result_put(p, r, e) ||
                   gn_row_write(&p->out, w, e)
               ? -1
               : 0;
}

/* ---- heads ---- */

static int put_u64(gn_buf *to, uint64_t v, gn_err *e)
{
    uint8_t b[8];
    gn_put64(b, v);
    return gn_buf_add(to, b, sizeof b, e);
}

static int put_sized(gn_buf *to, const uint8_t *p, size_t n, gn_err *e)
{
    uint8_t b[4];
    gn_put32(b, (uint32_t)n);
    return gn_buf_add(to, b, sizeof b, e) || gn_buf_add(to, p, n, e) ? -1 : 0;
}

int pctl_head_put(const gn_pctl *p, const pctl_result *r, gn_buf *to, gn_err *e)
{
    const pctl_sums *s = &r->sums;
    uint8_t wire[GN_FPROD_WIRE];
    if (put_u64(to, r->events, e) || put_u64(to, r->values, e))
        return -1;
    if (!p->o.approx || !s->n)
        return 0;
    if (put_u64(to, s->min, e) || put_u64(to, s->max, e))
        return -1;
    if (p->vtype == GN_INT) {
        gn_moments_put(&s->u.i, wire);
        if (gn_buf_add(to, wire, GN_MOMENTS_WIRE, e))
            return -1;
    } else if (put_sized(to, wire, gn_fsum_put(&s->u.f.sum, wire), e) ||
               put_sized(to, wire, gn_fprod_put(&s->u.f.squares, wire), e)) {
        return -1;
    }
    return gn_dds_put(&s->sketch, to, e);
}

static bool get_u64(gn_str *from, uint64_t *v)
{
    if (from->n < 8)
        return false;
    *v = gn_be64(from->p);
    *from = (gn_str){from->p + 8, from->n - 8};
    return true;
}

static bool get_sized(gn_str *from, gn_str *x)
{
    if (from->n < 4 || gn_be32(from->p) > from->n - 4)
        return false;
    *x = (gn_str){from->p + 4, gn_be32(from->p)};
    *from = (gn_str){x->p + x->n, from->n - 4 - x->n};
    return true;
}

/* Is it the key of a value that there is? */
static bool value_key(const gn_pctl *p, uint64_t key)
{
    if (p->vtype == GN_INT)
        return true;
    double v = pctl_float(key);
    return v - v == 0 && pctl_key_of_float(v == 0 ? 0 : v) == key;
}

/* The sums of --approx but the sketch, at the beginning of *x. */
static bool get_sums(const gn_pctl *p, gn_str *x, pctl_sums *s)
{
    if (!get_u64(x, &s->min) || !get_u64(x, &s->max) || s->min > s->max || !value_key(p, s->min) ||
        !value_key(p, s->max))
        return false;
    if (p->vtype == GN_INT) {
        if (x->n < GN_MOMENTS_WIRE || !gn_moments_get(&s->u.i, x->p))
            return false;
        *x = (gn_str){x->p + GN_MOMENTS_WIRE, x->n - GN_MOMENTS_WIRE};
        s->n = s->u.i.n;
        return true;
    }
    gn_str sum, squares;
    if (!get_sized(x, &sum) || !get_sized(x, &squares) || !gn_fsum_get(&s->u.f.sum, sum.p, sum.n) ||
        !gn_fprod_get(&s->u.f.squares, squares.p, squares.n))
        return false;
    s->n = s->u.f.sum.n;
    return s->u.f.squares.n == s->n;
}

int pctl_head_get(const gn_pctl *p, gn_str head, pctl_result *r, gn_err *e)
{
    uint64_t events, values;
    pctl_sums one = {0};
    if (!get_u64(&head, &events) || !get_u64(&head, &values) || values > events ||
        __builtin_add_overflow(r->events, events, &r->events) ||
        __builtin_add_overflow(r->values, values, &r->values))
        return no_state(e);
    if (!p->o.approx || !values)
        return head.n ? no_state(e) : 0;
    if (!get_sums(p, &head, &one) || one.n != values || !pctl_sums_merge(p, &r->sums, &one))
        return no_state(e);
    return gn_dds_get(&r->sums.sketch, head.p, head.n, e);
}

/* ---- states as records ---- */

static int put_state(pctl_states *s, int part, gn_str state, gn_err *e)
{
    gn_pctl *p = s->p;
    return gn_row_begin(&p->out, s->nlead + p->nbase + 2, e) || pctl_put_keys(p, s->lead, e) ||
                   pctl_put_keys(p, s->key, e) || gn_row_int(&p->out, part, e) ||
                   gn_row_bin(&p->out, state.p, state.n, e) || gn_row_write(&p->out, s->w, e)
               ? -1
               : 0;
}

int pctl_states_flush(pctl_states *s, gn_err *e)
{
    gn_str block = {s->block.p, (uint32_t)s->block.n};
    if (s->n && put_state(s, s->part, block, e))
        return -1;
    s->n = 0;
    s->last = 0;
    s->block.n = 0;
    return 0;
}

static int begin_part(pctl_states *s, int part, gn_err *e)
{
    if ((s->part != part || s->n == PCTL_BLOCK) && pctl_states_flush(s, e))
        return -1;
    s->part = part;
    s->n++;
    return 0;
}

int pctl_states_head(pctl_states *s, gn_str key, gn_str head, gn_err *e)
{
    if (pctl_states_flush(s, e))
        return -1;
    s->key = key;
    s->part = PCTL_HEAD;
    return put_state(s, PCTL_HEAD, head, e);
}

int pctl_states_user(void *states, gn_str user, gn_err *e)
{
    pctl_states *s = states;
    return begin_part(s, PCTL_PART_USERS, e) || gn_buf_add(&s->block, user.p, user.n, e) ? -1 : 0;
}

/* Base 128, least digits first, all but the last byte with the top bit set. */
static int put_varint(gn_buf *to, uint64_t v, gn_err *e)
{
    uint8_t b[10];
    size_t n = 0;
    for (; v >= 128; v >>= 7)
        b[n++] = (uint8_t)(v | 128);
    b[n++] = (uint8_t)v;
    return gn_buf_add(to, b, n, e);
}

static bool get_varint(gn_str *from, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; from->n && shift < 64; shift += 7) {
        uint8_t b = *from->p;
        *from = (gn_str){from->p + 1, from->n - 1};
        if (shift == 63 && b > 1)
            return false;
        *v |= (uint64_t)(b & 127) << shift;
        if (b < 128)
            return b || !shift; /* no leading zeros */
    }
    return false;
}

int pctl_states_value(void *states, uint64_t key, uint64_t n, gn_err *e)
{
    pctl_states *s = states;
    if (begin_part(s, PCTL_PART_VALUES, e) || put_varint(&s->block, key - s->last, e) ||
        put_varint(&s->block, n, e))
        return -1;
    s->last = key;
    return 0;
}

int pctl_states_table(gn_pctl *p, pctl_tab *t, gn_str lead, size_t nlead, gn_writer *w, gn_err *e)
{
    pctl_states s = {.p = p, .w = w, .lead = lead, .nlead = nlead};
    const pctl_each each = {pctl_states_user, pctl_states_value, &s};
    gn_buf head = {0};
    pctl_walk k;
    int r = pctl_walk_begin(&k, p, t, e) ? -1 : 1;
    while (r == 1 && (r = pctl_walk_next(&k, e)) == 1) {
        head.n = 0;
        p->count.groups++;
        /* a sketch is part of the head */
        if ((p->o.approx && pctl_walk_result(&k, e)) || pctl_head_put(p, &k.r, &head, e) ||
            pctl_states_head(&s, k.r.key, (gn_str){head.p, (uint32_t)head.n}, e) ||
            pctl_walk_each(&k, &each, e) || pctl_states_flush(&s, e))
            r = -1;
    }
    pctl_walk_end(&k);
    gn_buf_release(&head);
    gn_buf_release(&s.block);
    return r < 0 ? -1 : 0;
}

static int add_head(gn_pctl *p, pctl_tab *t, pctl_cell *c, gn_str state, gn_err *e)
{
    pctl_result one = {0};
    size_t room = p->vtype == GN_INT ? (size_t)256 << 10 : (size_t)3 << 20;
    if (pctl_head_get(p, state, &one, e))
        goto fail;
    if (__builtin_add_overflow(c->events, one.events, &one.events) ||
        __builtin_add_overflow(c->values, one.values, &one.values)) {
        no_state(e);
        goto fail;
    }
    if (one.sums.n) { /* what the sketches may take is there, or nothing is begun */
        if (pctl_tab_sums(p, t, c, e) || gn_budget_take(p->o.budget, room, e))
            goto fail;
        gn_budget_give(p->o.budget, room);
        if (gn_dds_merge(&c->sums->sketch, &one.sums.sketch, e))
            goto fail;
        if (!pctl_sums_merge(p, c->sums, &one.sums)) {
            no_state(e);
            goto fail;
        }
    }
    c->events = one.events;
    c->values = one.values;
    c->changed = true;
    gn_dds_release(&one.sums.sketch);
    return 0;
fail:
    gn_dds_release(&one.sums.sketch);
    return -1;
}

static int add_users(gn_pctl *p, pctl_tab *t, pctl_cell *c, gn_str state, size_t *done, gn_err *e)
{
    static const pctl_item none = {0};
    const uint8_t *at = state.p, *end = state.p + state.n;
    for (size_t n = 0; at < end; n++) {
        uint32_t number;
        const uint8_t *next = gn_mp_skip(at, end);
        gn_str user = {at, (uint32_t)((next ? next : at) - at)};
        if (n == PCTL_BLOCK || !next || *at == GN_MP_NIL || !agg_value_valid(p->utype, user))
            return no_state(e);
        at = next;
        if (n < *done)
            continue;
        if (gn_hashtab_add(t->users, &user, &number, 1, e) ||
            pctl_tab_add(p, t, c, &none, &number, e))
            return -1;
        ++*done;
    }
    return 0;
}

static int add_values(gn_pctl *p, pctl_tab *t, pctl_cell *c, gn_str state, size_t *done, gn_err *e)
{
    pctl_item x = {0};
    for (size_t n = 0; state.n; n++) {
        uint64_t gap;
        if (n == PCTL_BLOCK || !get_varint(&state, &gap) || !get_varint(&state, &x.n) || !x.n ||
            (n && !gap) || __builtin_add_overflow(x.key, gap, &x.key) || !value_key(p, x.key))
            return no_state(e);
        if (n < *done)
            continue;
        if (pctl_tab_add(p, t, c, &x, NULL, e))
            return -1;
        ++*done;
    }
    return 0;
}

int pctl_state_add(gn_pctl *p, pctl_tab *t, gn_str key, int64_t part, gn_str state, size_t *done,
                   gn_err *e)
{
    uint32_t number;
    if (pctl_tab_reserve(p, t, e) || pctl_tab_groups(p, t, &key, 1, &number, e))
        return -1;
    pctl_cell *c = t->cell[number];
    if (part == PCTL_HEAD)
        return add_head(p, t, c, state, e);
    if (part == PCTL_PART_USERS && p->users && state.n)
        return add_users(p, t, c, state, done, e);
    if (part == PCTL_PART_VALUES && !p->o.approx && state.n)
        return add_values(p, t, c, state, done, e);
    return no_state(e);
}

/* ---- by way of the disk ----
 *
 * An entry has the key  code(group) tag code(user or value)  and the body  tag rest: of a head the
 * length of the group's keys, the keys, and the state; of a value its count. */

typedef struct to_disk {
    gn_pctl *p;
    gn_buf key, body;
    size_t code; /* bytes of the group's code */
} to_disk;

static int put_entry(to_disk *d, gn_err *e)
{
    return gn_spill_put(d->p->spill, (gn_str){d->key.p, (uint32_t)d->key.n},
                        (gn_str){d->body.p, (uint32_t)d->body.n}, e);
}

static int begin_entry(to_disk *d, uint8_t tag, gn_err *e)
{
    d->key.n = d->code;
    d->body.n = 0;
    return gn_buf_add(&d->key, &tag, 1, e) || gn_buf_add(&d->body, &tag, 1, e) ? -1 : 0;
}

static int spill_user(void *ctx, gn_str user, gn_err *e)
{
    to_disk *d = ctx;
    return begin_entry(d, PCTL_PART_USERS, e) ||
                   gn_keycode_add(&d->key, d->p->utype, user, false, e) || put_entry(d, e)
               ? -1
               : 0;
}

static int spill_value(void *ctx, uint64_t key, uint64_t n, gn_err *e)
{
    to_disk *d = ctx;
    return begin_entry(d, PCTL_PART_VALUES, e) || put_u64(&d->key, key, e) ||
                   put_varint(&d->body, n, e) || put_entry(d, e)
               ? -1
               : 0;
}

static int spill_head(to_disk *d, const pctl_walk *k, gn_err *e)
{
    gn_str code = pctl_walk_code(k);
    d->key.n = 0;
    d->code = code.n;
    return gn_buf_add(&d->key, code.p, code.n, e) || begin_entry(d, PCTL_HEAD, e) ||
                   put_sized(&d->body, k->r.key.p, k->r.key.n, e) ||
                   pctl_head_put(d->p, &k->r, &d->body, e) || put_entry(d, e)
               ? -1
               : 0;
}

static gn_str body_keys(gn_str body)
{
    return (gn_str){body.p + 5, gn_be32(body.p + 1)};
}

static gn_str body_head(gn_str body)
{
    uint32_t n = 5 + gn_be32(body.p + 1);
    return (gn_str){body.p + n, body.n - n};
}

/* Two entries of one key into one. */
static int combine(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e)
{
    gn_pctl *p = ctx;
    (void)key;
    if (body.p[0] == PCTL_PART_USERS)
        return 0;
    if (body.p[0] == PCTL_PART_VALUES) {
        gn_str a = {sum->p + 1, (uint32_t)sum->n - 1}, b = {body.p + 1, body.n - 1};
        uint64_t n = 0, m = 0;
        if (!get_varint(&a, &n) || !get_varint(&b, &m) || __builtin_add_overflow(n, m, &n))
            return gn_fail(e, GN_INPUT, "a count overflows");
        sum->n = 1;
        return put_varint(sum, n, e);
    }
    gn_str mine = {sum->p, (uint32_t)sum->n};
    pctl_result both = {0};
    int r =
        pctl_head_get(p, body_head(mine), &both, e) || pctl_head_get(p, body_head(body), &both, e)
            ? -1
            : 0;
    sum->n = 5 + body_keys(mine).n;
    if (r == 0)
        r = pctl_head_put(p, &both, sum, e);
    gn_dds_release(&both.sums.sketch);
    return r;
}

static int spill_open(gn_pctl *p, gn_err *e)
{
    if (!p->spill) {
        gn_spill_options o = {.dir = p->o.temp_dir,
                              .budget = p->o.budget,
                              .memory = p->o.budget ? p->o.budget->cap / 2 : 0,
                              .combine = combine,
                              .ctx = p};
        if (!(p->spill = gn_spill_new(&o, e)))
            return -1;
    }
    return gn_spill_run(p->spill, e);
}

int pctl_spill(gn_pctl *p, gn_err *e)
{
    to_disk d = {.p = p};
    const pctl_each each = {spill_user, spill_value, &d};
    pctl_walk k;
    int r = pctl_walk_begin(&k, p, &p->tab, e) || spill_open(p, e) ? -1 : 1;
    while (r == 1 && (r = pctl_walk_next(&k, e)) == 1)
        if ((p->o.approx && pctl_walk_result(&k, e)) || spill_head(&d, &k, e) ||
            pctl_walk_each(&k, &each, e))
            r = -1;
    pctl_walk_end(&k);
    gn_buf_release(&d.key);
    gn_buf_release(&d.body);
    pctl_tab_release(p, &p->tab);
    return r < 0 ? -1 : pctl_tab_init(p, &p->tab, e);
}

/* ---- from the disk ---- */

typedef struct from_disk {
    gn_pctl *p;
    gn_writer *w;
    pctl_states states; /* with partial */
    pctl_result r;      /* or results */
    bool open;
    gn_buf key, user;
} from_disk;

static int end_result(from_disk *d, gn_err *e)
{
    gn_pctl *p = d->p;
    if (p->o.partial)
        return pctl_states_flush(&d->states, e);
    if (!d->open)
        return 0;
    if (!p->o.approx && d->r.seen != d->r.values)
        return no_state(e);
    return put_result(p, &d->r, d->w, e);
}

static int take_head(from_disk *d, gn_str body, gn_err *e)
{
    gn_pctl *p = d->p;
    gn_str keys = body_keys(body);
    if (end_result(d, e))
        return -1;
    d->open = true;
    d->key.n = 0;
    if (gn_buf_add(&d->key, keys.p, keys.n, e))
        return -1;
    if (p->o.partial) {
        p->count.groups++;
        return pctl_states_head(&d->states, (gn_str){d->key.p, (uint32_t)d->key.n}, body_head(body),
                                e);
    }
    gn_dds_release(&d->r.sums.sketch);
    memset(&d->r, 0, sizeof d->r);
    d->r.key = (gn_str){d->key.p, (uint32_t)d->key.n};
    if (pctl_head_get(p, body_head(body), &d->r, e))
        return -1;
    pctl_result_ranks(p, &d->r);
    return 0;
}

static int take_value(from_disk *d, uint64_t key, uint64_t n, gn_err *e)
{
    uint64_t sum;
    if (d->p->o.partial)
        return pctl_states_value(&d->states, key, n, e);
    if (__builtin_add_overflow(d->r.seen, n, &sum) || sum > d->r.values)
        return no_state(e);
    pctl_sums_add(d->p, &d->r.sums, key, n);
    pctl_result_pass(d->p, &d->r, key, n);
    return 0;
}

/* Behind the group's code and the tag stands the user. */
static int take_user(from_disk *d, gn_str key, gn_err *e)
{
    const gn_pctl *p = d->p;
    if (!p->o.partial) {
        d->r.users++;
        return 0;
    }
    size_t at = 1;
    for (size_t i = 0; i < p->nbase; i++) {
        d->user.n = 0;
        size_t n = gn_keycode_get(&d->user, p->base_type[i],
                                  (gn_str){key.p + at - 1, key.n - (uint32_t)at + 1}, e);
        if (!n)
            return -1;
        at += n;
    }
    d->user.n = 0;
    if (!gn_keycode_get(&d->user, p->utype, (gn_str){key.p + at, key.n - (uint32_t)at}, e))
        return -1;
    return pctl_states_user(&d->states, (gn_str){d->user.p, (uint32_t)d->user.n}, e);
}

static int read_back(from_disk *d, gn_err *e)
{
    gn_spill *s = d->p->spill;
    gn_str key, body;
    int r;
    while ((r = gn_spill_next(s, &key, &body, e)) == 1) {
        gn_str rest = {body.p + 1, body.n - 1};
        uint64_t n = 0;
        if (body.p[0] == PCTL_HEAD ? take_head(d, body, e)
            : body.p[0] == PCTL_PART_USERS
                ? take_user(d, key, e)
                : (get_varint(&rest, &n) ? take_value(d, gn_be64(key.p + key.n - 8), n, e)
                                         : no_state(e)))
            return -1;
    }
    return r < 0 ? -1 : end_result(d, e);
}

int pctl_finish_spilled(gn_pctl *p, gn_writer *w, gn_err *e)
{
    from_disk d = {.p = p, .w = w, .states = {.p = p, .w = w}};
    if (gn_hashtab_count(p->tab.groups) && pctl_spill(p, e))
        return -1;
    pctl_tab_release(p, &p->tab);
    p->count.spill_runs = gn_spill_runs(p->spill);
    int r = gn_spill_read(p->spill, NULL, e) || read_back(&d, e) ? -1 : 0;
    p->count.spill_bytes = gn_spill_bytes(p->spill);
    gn_dds_release(&d.r.sums.sketch);
    gn_buf_release(&d.key);
    gn_buf_release(&d.user);
    gn_buf_release(&d.states.block);
    return r;
}

/* ---- all of it ---- */

static int write_results(gn_pctl *p, gn_writer *w, gn_err *e)
{
    pctl_walk k;
    int r = pctl_walk_begin(&k, p, &p->tab, e) ? -1 : 1;
    while (r == 1 && (r = pctl_walk_next(&k, e)) == 1)
        if (pctl_walk_result(&k, e) || put_result(p, &k.r, w, e))
            r = -1;
    pctl_walk_end(&k);
    return r < 0 ? -1 : 0;
}

int gn_pctl_finish(gn_pctl *p, gn_writer *w, gn_err *e)
{
    if (!p->begun)
        return 0;
    if (p->spill)
        return pctl_finish_spilled(p, w, e);
    return p->o.partial ? pctl_states_table(p, &p->tab, (gn_str){0}, 0, w, e)
                        : write_results(p, w, e);
}
