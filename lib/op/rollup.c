/* rollup.c - see rollup.h. One cell (celltab.h) a user and day, with the day as its tag; sorted by
 * user and day at the end. When the next cell would pass the budget, all of them become a sorted
 * run (spill.h), and at the end the runs are merged, rows of the same user and day added up.
 *
 * An entry's key is the user's code (keycode.h) and the day in 3 bytes; its body events,
 * interactions and touches as msgpack ints, and then the total without the leading bytes that its
 * sign says. */
#include "rollup.h"

#include "../base/civil.h"
#include "../io/mp.h"
#include "../kernel/celltab.h"
#include "../kernel/keycode.h"
#include "../kernel/spill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG_BITS 24
#define BODY_MAX (3 * GN_MP_HEAD + 16)

typedef struct total {
    uint64_t events, interactions, touches;
    gn_i128 sum;
} total;

struct gn_rollup {
    gn_budget *budget;
    const char *temp_dir;
    gn_type user_type;
    gn_celltab cells; /* words of a body: events, interactions, touches, total (low half first) */
    gn_spill *spill;
    gn_buf buf;
};

gn_rollup *gn_rollup_new(gn_budget *b, const char *temp_dir, gn_err *e)
{
    gn_rollup *r = gn_calloc(1, sizeof *r, e);
    if (!r)
        return NULL;
    r->budget = b;
    r->temp_dir = temp_dir;
    if (gn_celltab_init(&r->cells, TAG_BITS, b, e)) {
        gn_rollup_free(r);
        return NULL;
    }
    return r;
}

void gn_rollup_free(gn_rollup *r)
{
    if (!r)
        return;
    gn_celltab_release(&r->cells);
    gn_spill_free(r->spill);
    gn_buf_release(&r->buf);
    free(r);
}

void gn_rollup_spilled(const gn_rollup *r, uint64_t *runs, uint64_t *bytes)
{
    *runs = r->spill ? gn_spill_runs(r->spill) : 0;
    *bytes = r->spill ? gn_spill_bytes(r->spill) : 0;
}

static total total_of(const gn_cell *c)
{
    return (total){c->body[0], c->body[1], c->body[2],
                   (gn_i128)((gn_u128)c->body[4] << 64 | c->body[3])};
}

static void set_total(gn_cell *c, const total *t)
{
    c->body[0] = t->events;
    c->body[1] = t->interactions;
    c->body[2] = t->touches;
    c->body[3] = (uint64_t)t->sum;
    c->body[4] = (uint64_t)((gn_u128)t->sum >> 64);
}

/* True when it overflows. */
static bool add_total(total *t, const total *u)
{
    return __builtin_add_overflow(t->events, u->events, &t->events) ||
           __builtin_add_overflow(t->interactions, u->interactions, &t->interactions) ||
           __builtin_add_overflow(t->touches, u->touches, &t->touches) ||
           __builtin_add_overflow(t->sum, u->sum, &t->sum) || t->events > INT64_MAX ||
           t->touches > INT64_MAX;
}

static int overflow(gn_err *e)
{
    return gn_fail(e, GN_INPUT, "a user's totals of a day overflow");
}

/* ---- spilling ---- */

static uint32_t pack(const total *t, uint8_t body[BODY_MAX])
{
    uint8_t sum[16], *p = gn_mp_int(gn_mp_int(body, (int64_t)t->events), (int64_t)t->interactions);
    p = gn_mp_int(p, (int64_t)t->touches);
    uint8_t sign = t->sum < 0 ? 0xff : 0;
    size_t skip = 0;
    gn_i128_put(t->sum, sum);
    while (skip < 15 && sum[skip] == sign && ((sum[skip + 1] ^ sign) & 0x80) == 0)
        skip++;
    skip += t->sum == 0; /* nothing at all */
    memcpy(p, sum + skip, 16 - skip);
    return (uint32_t)(p + (16 - skip) - body);
}

static int broken(gn_err *e)
{
    return gn_fail(e, GN_IO, "a temporary file was damaged");
}

static int unpack(gn_str body, total *t, gn_err *e)
{
    const uint8_t *p = body.p, *end = p + body.n;
    uint8_t sum[16];
    if (!(p = gn_mp_get_uint(p, end, &t->events)) ||
        !(p = gn_mp_get_uint(p, end, &t->interactions)) ||
        !(p = gn_mp_get_uint(p, end, &t->touches)) || end - p > 16)
        return broken(e);
    size_t n = (size_t)(end - p);
    memset(sum, n && *p & 0x80 ? 0xff : 0, sizeof sum);
    memcpy(sum + 16 - n, p, n);
    t->sum = gn_i128_get(sum);
    return 0;
}

/* The same user and day of two runs. */
static int combine(void *ctx, gn_str key, gn_buf *to, gn_str body, gn_err *e)
{
    total t = {0}, u = {0};
    (void)ctx;
    (void)key;
    if (unpack((gn_str){to->p, (uint32_t)to->n}, &t, e) || unpack(body, &u, e))
        return -1;
    if (add_total(&t, &u))
        return overflow(e);
    to->n = 0;
    if (gn_buf_reserve(to, BODY_MAX, e))
        return -1;
    to->n = pack(&t, to->p);
    return 0;
}

/* All rows that are held become a run. */
static int spill(gn_rollup *r, gn_err *e)
{
    gn_spill_options o = {.dir = r->temp_dir, .budget = r->budget, .combine = combine};
    if (!r->spill && !(r->spill = gn_spill_new(&o, e)))
        return -1;
    if (gn_spill_run(r->spill, e) || gn_celltab_sort(&r->cells, &r->user_type, e))
        return -1;
    for (size_t i = 0; i < r->cells.count; i++) {
        const gn_cell *c = gn_celltab_sorted(&r->cells, i);
        uint8_t room[GN_CELL_KEY], body[BODY_MAX];
        uint32_t tag = gn_celltab_tag(&r->cells, c);
        uint8_t day[3] = {(uint8_t)(tag >> 16), (uint8_t)(tag >> 8), (uint8_t)tag};
        total t = total_of(c);
        r->buf.n = 0;
        if (gn_keycode_add(&r->buf, r->user_type, gn_celltab_key(&r->cells, c, room), false, e) ||
            gn_buf_add(&r->buf, day, sizeof day, e) ||
            gn_spill_put(r->spill, (gn_str){r->buf.p, (uint32_t)r->buf.n},
                         (gn_str){body, pack(&t, body)}, e))
            return -1;
    }
    gn_celltab_clear(&r->cells);
    return 0;
}

/* ---- adding ---- */

typedef struct adding {
    const gn_str *user;
    const int64_t *day;
    const uint64_t *events, *interactions, *touches; /* touches: or all of these, or 1 each */
    const gn_i128 *sum;
    const uint16_t *row; /* NULL: as they come */
    size_t done;
    bool overflow;
} adding;

static inline void ask(void *ctx, size_t i, gn_cellprobe *q)
{
    const adding *a = ctx;
    size_t k = a->row ? a->row[a->done + i] : a->done + i;
    gn_cellprobe_set(q, a->user[k], (uint32_t)(a->day[k] - GN_DAY_MIN), TAG_BITS, (uint32_t)k);
}

static inline void hit(void *ctx, const gn_cellprobe *q, gn_cell *c)
{
    adding *a = ctx;
    uint32_t k = q->arg;
    total t = total_of(c), u = {a->events[k], a->interactions[k], 0, a->sum[k]};
    a->overflow |= add_total(&t, &u);
    set_total(c, &t);
}

static inline void touch(void *ctx, const gn_cellprobe *q, gn_cell *c)
{
    adding *a = ctx;
    total t = total_of(c), u = {.touches = a->touches ? a->touches[q->arg] : 1};
    a->overflow |= add_total(&t, &u);
    set_total(c, &t);
}

/* `done` of the n rows were done, *e says why no more: 1 when they are all of them, 0 when there is
 * room for the others. */
static int go_on(gn_rollup *r, adding *a, size_t done, size_t n, gn_err *e)
{
    a->done += done;
    if (a->overflow) {
        gn_err_clear(e);
        return overflow(e);
    }
    if (a->done == n)
        return 1;
    if (r->cells.count == 0) /* no memory for a single row */
        return -1;
    gn_err_clear(e);
    return spill(r, e);
}

int gn_rollup_add(gn_rollup *r, gn_type user_type, const gn_str *user, const int64_t *day,
                  const uint64_t *events, const uint64_t *interactions, const gn_i128 *sum,
                  const uint16_t *row, size_t n, gn_err *e)
{
    adding a = {user, day, events, interactions, NULL, sum, row, 0, false};
    int more = 0;
    r->user_type = user_type;
    while (more == 0) {
        size_t done = gn_celltab_rows(&r->cells, TAG_BITS, n - a.done, ask, hit, &a, e);
        more = go_on(r, &a, done, n, e);
    }
    return more == 1 ? 0 : -1;
}

int gn_rollup_touch(gn_rollup *r, gn_type user_type, const gn_str *user, const int64_t *day,
                    const uint64_t *touches, const uint16_t *row, size_t n, gn_err *e)
{
    adding a = {.user = user, .day = day, .touches = row ? touches : NULL, .row = row};
    int more = 0;
    r->user_type = user_type;
    while (more == 0) {
        size_t done = gn_celltab_rows(&r->cells, TAG_BITS, n - a.done, ask, touch, &a, e);
        more = go_on(r, &a, done, n, e);
    }
    return more == 1 ? 0 : -1;
}

int gn_rollup_header(gn_header *h, const char *user, gn_type user_type, const char *value,
                     bool with_touches, gn_err *e)
{
    char name[GN_NAME_MAX + 16];
    snprintf(name, sizeof name, "total_%s", value ? value : "");
    if (gn_schema_add(&h->schema, user, strlen(user), user_type, e) ||
        gn_schema_add(&h->schema, "date", 4, GN_DATE, e) ||
        gn_schema_add(&h->schema, "events", 6, GN_INT, e) ||
        gn_schema_add(&h->schema, "interactions", 12, GN_INT, e) ||
        (with_touches && gn_schema_add(&h->schema, "touches", 7, GN_INT, e)) ||
        (value && gn_schema_add(&h->schema, name, strlen(name), GN_BIN, e)) ||
        gn_header_add_order(h, user, false, e) || gn_header_add_order(h, "date", false, e))
        return -1;
    h->total = true;
    return 0;
}

/* ---- output in order ---- */

/* The last of the fields, as they are asked for. */
typedef struct fields {
    bool touches, sum;
} fields;

/* Where rows go: to a writer, or to a function. */
typedef struct sink {
    gn_row row;
    fields f;
    gn_writer *w;
    gn_rollup_row *give;
    void *ctx;
} sink;

static int write_row(sink *s, gn_str user, int64_t day, const total *t, gn_err *e)
{
    uint8_t sum[16];
    gn_row *row = &s->row;
    fields f = s->f;
    if (s->give)
        return s->give(s->ctx, user, day, t->events, e);
    gn_i128_put(t->sum, sum);
    return gn_row_begin(row, (size_t)4 + f.touches + f.sum, e) || gn_row_raw(row, user, e) ||
                   gn_row_date(row, day, e) || gn_row_int(row, (int64_t)t->events, e) ||
                   gn_row_int(row, (int64_t)t->interactions, e) ||
                   (f.touches && gn_row_int(row, (int64_t)t->touches, e)) ||
                   (f.sum && gn_row_bin(row, sum, sizeof sum, e)) || gn_row_write(row, s->w, e)
               ? -1
               : 0;
}

static int write_held(gn_rollup *r, sink *s, gn_err *e)
{
    if (gn_celltab_sort(&r->cells, &r->user_type, e))
        return -1;
    for (size_t i = 0; i < r->cells.count; i++) {
        const gn_cell *c = gn_celltab_sorted(&r->cells, i);
        uint8_t room[GN_CELL_KEY];
        total t = total_of(c);
        if (write_row(s, gn_celltab_key(&r->cells, c, room),
                      (int64_t)gn_celltab_tag(&r->cells, c) + GN_DAY_MIN, &t, e))
            return -1;
    }
    return 0;
}

static int write_spilled(gn_rollup *r, sink *s, gn_err *e)
{
    gn_str key, body;
    int more;
    if (spill(r, e))
        return -1;
    gn_celltab_release(&r->cells);
    if (r->budget)
        gn_spill_memory(r->spill, r->budget->cap - r->budget->used);
    if (gn_spill_read(r->spill, NULL, e))
        return -1;
    while ((more = gn_spill_next(r->spill, &key, &body, e)) == 1) {
        total t = {0};
        r->buf.n = 0;
        size_t n = gn_keycode_get(&r->buf, r->user_type, key, e);
        if (n == 0)
            return -1;
        if (n + 3 != key.n)
            return broken(e);
        const uint8_t *d = key.p + n;
        int64_t day = (int64_t)(d[0] << 16 | d[1] << 8 | d[2]) + GN_DAY_MIN;
        gn_str user = {r->buf.p, (uint32_t)r->buf.n};
        if (unpack(body, &t, e) || write_row(s, user, day, &t, e))
            return -1;
    }
    return more;
}

int gn_rollup_write(gn_rollup *r, bool with_touches, bool with_sum, gn_writer *w, gn_err *e)
{
    sink s = {.f = {with_touches, with_sum}, .w = w};
    int result = r->spill ? write_spilled(r, &s, e) : write_held(r, &s, e);
    gn_row_release(&s.row);
    return result;
}

int gn_rollup_each(gn_rollup *r, gn_rollup_row *f, void *ctx, gn_err *e)
{
    sink s = {.give = f, .ctx = ctx};
    return r->spill ? write_spilled(r, &s, e) : write_held(r, &s, e);
}
