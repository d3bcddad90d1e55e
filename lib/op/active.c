/* active.c - see active.h.
 *
 * When the next cell or day total would pass the budget, all of them are written as one sorted run
 * (spill.h) and the table begins anew; at the end the runs are merged and the users counted one by
 * one as they come out, each exactly once. Sorted runs rather than partitions by a hash of the
 * user: a run is as large as memory whatever the keys are, skew needs no second level with a new
 * seed, and the one merge serves here, for roll-ups and for everything that writes in order of its
 * keys.
 *
 * Entries of a run, by their first byte:
 *     DAY   4 bytes: day            count and sum: 8 + 16 bytes
 *     USER  encoding of the user, 3 bytes: first day of the block
 *           days in the block, 2 bytes each; or, where that is shorter, a byte whose bit w says
 * that word w of the bits is not 0, and these words. The first has an even length. Numbers are
 * big-endian; days count from DAY_BIAS. */
#include "active.h"

#include "../base/civil.h"
#include "../io/mp.h"
#include "../kernel/dayset.h"
#include "../kernel/spill.h"

#include <stdlib.h>
#include <string.h>

/* Per-day totals are kept by small blocks of days, so that stray dates cost little. */
#define BLOCK 16
#define NBLOCKS ((size_t)((GN_DAY_MAX - GN_DAY_MIN) / BLOCK + 1))

#define DAY 0
#define USER 1
#define DAY_BIAS (GN_DAY_MIN - GN_DAYSET_SPAN)
#define BODY_MAX (1 + 8 * GN_DAYSET_WORDS) /* of a user's entry */
#define TOTAL_BODY 24

typedef struct total {
    uint64_t n;
    gn_i128 sum;
} total;

struct gn_active {
    gn_budget *budget;
    const char *temp_dir;
    gn_dayset *set;
    total **block; /* NBLOCKS of them, most NULL */
    size_t blocks; /* not NULL */
    gn_spill *spill;
    gn_buf key; /* of an entry */
    bool any;
    int64_t first, last;
};

gn_active *gn_active_new(gn_budget *b, const char *temp_dir, gn_err *e)
{
    gn_active *a = gn_calloc(1, sizeof *a, e);
    if (!a)
        return NULL;
    a->budget = b;
    a->temp_dir = temp_dir;
    a->set = gn_dayset_new(b, e);
    a->block = gn_calloc(NBLOCKS, sizeof *a->block, e);
    if (!a->set || !a->block) {
        gn_active_free(a);
        return NULL;
    }
    return a;
}

static void drop_totals(gn_active *a)
{
    for (size_t i = 0; a->blocks && i < NBLOCKS; i++) {
        if (!a->block[i])
            continue;
        free(a->block[i]);
        a->block[i] = NULL;
        a->blocks--;
        gn_budget_give(a->budget, BLOCK * sizeof(total));
    }
}

void gn_active_free(gn_active *a)
{
    if (!a)
        return;
    gn_dayset_free(a->set);
    drop_totals(a);
    free(a->block);
    gn_spill_free(a->spill);
    gn_buf_release(&a->key);
    free(a);
}

void gn_active_spilled(const gn_active *a, uint64_t *runs, uint64_t *bytes)
{
    *runs = a->spill ? gn_spill_runs(a->spill) : 0;
    *bytes = a->spill ? gn_spill_bytes(a->spill) : 0;
}

/* ---- spilling ---- */

/* The bits of a block as the body of an entry; its length is returned. */
static uint32_t pack(const uint64_t *bits, uint8_t body[BODY_MAX])
{
    size_t days = 0, words = 0;
    uint8_t mask = 0, *p = body;
    for (int w = 0; w < GN_DAYSET_WORDS; w++)
        if (bits[w]) {
            days += (size_t)__builtin_popcountll(bits[w]);
            words++;
            mask |= (uint8_t)(1 << w);
        }
    bool list = 2 * days <= 8 * words;
    if (!list)
        *p++ = mask;
    for (int w = 0; w < GN_DAYSET_WORDS; w++) {
        if (list)
            for (uint64_t b = bits[w]; b; b &= b - 1)
                p = gn_put16(p, (uint16_t)(64 * w + __builtin_ctzll(b)));
        else if (bits[w])
            p = gn_put64(p, bits[w]);
    }
    return (uint32_t)(p - body);
}

static int broken(gn_err *e)
{
    return gn_fail(e, GN_IO, "a temporary file was damaged");
}

/* Or a body into the bits. */
static int unpack(gn_str body, uint64_t *bits, gn_err *e)
{
    const uint8_t *p = body.p, *end = p + body.n;
    if (body.n % 2 == 0) {
        for (; p < end; p += 2) {
            unsigned d = gn_be16(p);
            if (d >= GN_DAYSET_SPAN)
                return broken(e);
            bits[d / 64] |= UINT64_C(1) << (d % 64);
        }
        return 0;
    }
    unsigned mask = *p++;
    for (int w = 0; w < GN_DAYSET_WORDS; w++)
        if (mask >> w & 1) {
            if (end - p < 8)
                return broken(e);
            bits[w] |= gn_be64(p);
            p += 8;
        }
    return 0;
}

static int add_total(total *t, uint64_t n, gn_i128 sum, gn_err *e)
{
    if (__builtin_add_overflow(t->n, n, &t->n) || __builtin_add_overflow(t->sum, sum, &t->sum))
        return gn_fail(e, GN_INPUT, "a day's totals overflow");
    return 0;
}

static void put_total(uint8_t body[TOTAL_BODY], const total *t)
{
    gn_put64(body, t->n);
    gn_i128_put(t->sum, body + 8);
}

static int get_total(gn_str body, total *t, gn_err *e)
{
    if (body.n != TOTAL_BODY)
        return broken(e);
    *t = (total){gn_be64(body.p), gn_i128_get(body.p + 8)};
    return 0;
}

/* The same day, or the same user and block, of two runs. */
static int combine(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e)
{
    gn_str have = {sum->p, (uint32_t)sum->n};
    (void)ctx;
    if (*key.p == USER) {
        uint64_t bits[GN_DAYSET_WORDS] = {0};
        uint8_t packed[BODY_MAX];
        if (unpack(have, bits, e) || unpack(body, bits, e))
            return -1;
        sum->n = 0;
        return gn_buf_add(sum, packed, pack(bits, packed), e);
    }
    total t = {0}, u = {0};
    if (get_total(have, &t, e) || get_total(body, &u, e) || add_total(&t, u.n, u.sum, e))
        return -1;
    put_total(sum->p, &t);
    return 0;
}

static int spill_totals(gn_active *a, gn_err *e)
{
    for (size_t i = 0; a->blocks && i < NBLOCKS; i++)
        for (size_t k = 0; a->block[i] && k < BLOCK; k++) {
            const total *t = &a->block[i][k];
            uint8_t key[5] = {DAY}, body[TOTAL_BODY];
            if (!t->n)
                continue;
            gn_put32(key + 1, (uint32_t)((int64_t)(i * BLOCK + k) + GN_DAY_MIN - DAY_BIAS));
            put_total(body, t);
            if (gn_spill_put(a->spill, (gn_str){key, sizeof key}, (gn_str){body, sizeof body}, e))
                return -1;
        }
    return 0;
}

static int spill_users(gn_active *a, gn_err *e)
{
    size_t n = gn_dayset_count(a->set);
    if (gn_dayset_sort(a->set, e))
        return -1;
    for (size_t i = 0; i < n; i++) {
        uint8_t room[16], body[BODY_MAX], kind = USER;
        gn_str user;
        gn_daycell cell = gn_dayset_sorted(a->set, i, &user, room);
        uint32_t first = (uint32_t)(cell.first - DAY_BIAS);
        uint8_t block[3] = {(uint8_t)(first >> 16), (uint8_t)(first >> 8), (uint8_t)first};
        a->key.n = 0;
        if (gn_buf_add(&a->key, &kind, 1, e) || gn_buf_add(&a->key, user.p, user.n, e) ||
            gn_buf_add(&a->key, block, sizeof block, e))
            return -1;
        gn_str key = {a->key.p, (uint32_t)a->key.n};
        if (gn_spill_put(a->spill, key, (gn_str){body, pack(cell.bits, body)}, e))
            return -1;
    }
    return 0;
}

/* All that is held becomes a run. */
static int spill(gn_active *a, gn_err *e)
{
    gn_spill_options o = {.dir = a->temp_dir, .budget = a->budget, .combine = combine};
    if (!a->spill && !(a->spill = gn_spill_new(&o, e)))
        return -1;
    if (gn_spill_run(a->spill, e) || spill_totals(a, e) || spill_users(a, e))
        return -1;
    gn_dayset_clear(a->set);
    drop_totals(a);
    return 0;
}

/* Memory is used up, as *e says: spill. -1 when there is nothing to spill. */
static int make_room(gn_active *a, gn_err *e)
{
    if (!gn_dayset_count(a->set) && !a->blocks)
        return -1;
    gn_err_clear(e);
    return spill(a, e);
}

/* ---- adding ---- */

void gn_active_cover(gn_active *a, int64_t first, int64_t last)
{
    if (!a->any || first < a->first)
        a->first = first;
    if (!a->any || last > a->last)
        a->last = last;
    a->any = true;
}

bool gn_active_covered(const gn_active *a, int64_t *first, int64_t *last)
{
    *first = a->first;
    *last = a->last;
    return a->any;
}

static total *new_block(gn_active *a, size_t b, gn_err *e)
{
    while (gn_budget_take(a->budget, BLOCK * sizeof(total), e))
        if (make_room(a, e))
            return NULL;
    if (!(a->block[b] = gn_calloc(BLOCK, sizeof(total), e))) {
        gn_budget_give(a->budget, BLOCK * sizeof(total));
        return NULL;
    }
    a->blocks++;
    return a->block[b];
}

static inline total *total_of(gn_active *a, int64_t day, gn_err *e)
{
    size_t at = (size_t)(day - GN_DAY_MIN);
    total *b = a->block[at / BLOCK];
    if (__builtin_expect(!b, 0) && !(b = new_block(a, at / BLOCK, e)))
        return NULL;
    return &b[at % BLOCK];
}

static int add_pairs(gn_active *a, const gn_str *user, const int64_t *day, const uint16_t *row,
                     size_t n, gn_err *e)
{
    for (size_t done = 0;;) {
        size_t skip = row ? 0 : done;
        done +=
            gn_dayset_add(a->set, user + skip, day + skip, row ? row + done : NULL, n - done, e);
        if (done == n)
            return 0;
        if (make_room(a, e))
            return -1;
    }
}

int gn_active_events(gn_active *a, const gn_str *user, const int64_t *day, const int64_t *value,
                     const uint16_t *row, size_t rows, gn_err *e)
{
    if (add_pairs(a, user, day, row, rows, e))
        return -1;
    for (size_t k = 0; k < rows; k++) {
        size_t r = row ? row[k] : k;
        total *t = total_of(a, day[r], e);
        if (!t)
            return -1;
        t->n++; /* neither can overflow: that takes 2^64 events */
        if (value)
            t->sum += value[r] < 0 ? 0 : value[r];
    }
    return 0;
}

int gn_active_rollups(gn_active *a, const gn_str *user, const int64_t *day, const uint64_t *n,
                      const gn_i128 *sum, const uint16_t *row, size_t rows, gn_err *e)
{
    if (add_pairs(a, user, day, row, rows, e))
        return -1;
    for (size_t k = 0; k < rows; k++) {
        size_t r = row ? row[k] : k;
        total *t = total_of(a, day[r], e);
        if (!t || add_total(t, n[r], sum[r], e))
            return -1;
    }
    return 0;
}

/* ---- counting ---- */

/* Where a covered day's week and month are in the report. */
typedef struct place {
    uint32_t week, month;
} place;

typedef struct counting {
    gn_active_report *r;
    const place *at; /* per covered day */
    int64_t *step;   /* rolling count as steps, ndays + 1 */
    /* of the user being counted */
    uint32_t week, month; /* the last ones counted; UINT32_MAX: none */
    int64_t before;       /* the last active day; INT64_MIN: none */
} counting;

/* The rolling count changes by `by` from `day` on. A user enters with the first active day, and
 * leaves 30 days after one that no other follows within 30 days. */
static void step(const counting *c, int64_t day, int64_t by)
{
    int64_t i = day - c->r->from, n = (int64_t)c->r->ndays;
    c->step[i < 0 ? 0 : i > n ? n : i] += by;
}

static inline void end_user(counting *c)
{
    if (c->before != INT64_MIN)
        step(c, c->before + GN_ROLLING_DAYS, -1);
    c->week = c->month = UINT32_MAX;
    c->before = INT64_MIN;
}

/* The next block of the user's days; those of a user come one after the other in ascending order,
 * then end_user. */
static inline void count_block(counting *c, int64_t first, const uint64_t *word)
{
    const gn_active_report *r = c->r;
    uint32_t week = c->week, month = c->month;
    int64_t before = c->before;
    for (int w = 0; w < GN_DAYSET_WORDS; w++)
        for (uint64_t bits = word[w]; bits; bits &= bits - 1) {
            int64_t day = first + 64 * w + __builtin_ctzll(bits);
            if (before == INT64_MIN) {
                step(c, day, 1);
            } else if (day - before > GN_ROLLING_DAYS) {
                step(c, before + GN_ROLLING_DAYS, -1);
                step(c, day, 1);
            }
            before = day;
            if (day < r->from || day > r->to)
                continue;
            r->day[day - r->from].users++;
            place p = c->at[day - r->from];
            if (p.week != week)
                r->week[week = p.week].users++;
            if (p.month != month)
                r->month[month = p.month].users++;
        }
    c->week = week;
    c->month = month;
    c->before = before;
}

/* From memory: all cells of one block are all users; else users are brought together by a sort. */
static int count_held(gn_active *a, counting *c, gn_err *e)
{
    size_t n = gn_dayset_count(a->set);
    if (!gn_dayset_many_blocks(a->set)) {
        for (size_t i = 0; i < n; i++) {
            gn_daycell cell = gn_dayset_cell(a->set, i);
            count_block(c, cell.first, cell.bits);
            end_user(c);
        }
        return 0;
    }
    if (gn_dayset_sort(a->set, e))
        return -1;
    uint8_t room[2][16];
    gn_str before = {0}, user;
    for (size_t i = 0; i < n; i++) {
        gn_daycell cell = gn_dayset_sorted(a->set, i, &user, room[i % 2]);
        if (user.n != before.n || memcmp(user.p, before.p, user.n) != 0)
            end_user(c);
        count_block(c, cell.first, cell.bits);
        before = user;
    }
    end_user(c);
    return 0;
}

static int count_total(const counting *c, gn_str key, gn_str body, gn_err *e)
{
    total t = {0};
    if (key.n != 5 || get_total(body, &t, e))
        return broken(e);
    int64_t day = (int64_t)gn_be32(key.p + 1) + DAY_BIAS;
    if (day < c->r->from || day > c->r->to)
        return 0;
    gn_active_period *p = &c->r->day[day - c->r->from];
    total sum = {p->n, p->sum};
    if (add_total(&sum, t.n, t.sum, e))
        return -1;
    p->n = sum.n;
    p->sum = sum.sum;
    return 0;
}

/* A block of a user's days; *user is the key of the user before. */
static int count_user(counting *c, gn_str key, gn_str body, gn_buf *user, gn_err *e)
{
    uint64_t bits[GN_DAYSET_WORDS] = {0};
    if (key.n < 5 || unpack(body, bits, e))
        return broken(e);
    size_t n = key.n - 3;
    const uint8_t *block = key.p + n;
    if (n != user->n || memcmp(key.p, user->p, n) != 0) {
        end_user(c);
        user->n = 0;
        if (gn_buf_add(user, key.p, n, e))
            return -1;
    }
    count_block(c, ((int64_t)block[0] << 16 | block[1] << 8 | block[2]) + DAY_BIAS, bits);
    return 0;
}

/* From the merged runs. */
static int count_spilled(gn_active *a, counting *c, gn_err *e)
{
    gn_str key, body;
    int r;
    a->key.n = 0;
    if (a->budget) /* all that the report has left */
        gn_spill_memory(a->spill, a->budget->cap - a->budget->used);
    if (gn_spill_read(a->spill, NULL, e))
        return -1;
    while ((r = gn_spill_next(a->spill, &key, &body, e)) == 1)
        if (*key.p == DAY ? count_total(c, key, body, e) : count_user(c, key, body, &a->key, e))
            return -1;
    end_user(c);
    return r;
}

/* Where each covered day's week and month are, and the totals that are held. */
static void lay_out(gn_active *a, gn_active_report *r, place *at)
{
    for (size_t i = 0; i < r->ndays; i++) {
        int64_t d = r->day[i].key;
        size_t k = (size_t)(d - GN_DAY_MIN);
        at[i].week = (uint32_t)gn_active_report_week(r, d);
        at[i].month = (uint32_t)gn_active_report_month(r, d);
        if (a->block[k / BLOCK]) { /* none after spilling: they come with the runs */
            total t = a->block[k / BLOCK][k % BLOCK];
            r->day[i].n = t.n;
            r->day[i].sum = t.sum;
        }
    }
}

/* Take the report's memory; where there is not enough, spill what is held first. */
static int make_report_room(gn_active *a, const gn_active_report *r, size_t bytes, gn_err *e)
{
    gn_budget *b = a->budget;
    gn_err full = {0};
    bool held = gn_dayset_count(a->set) || a->blocks, fits = !b || !b->cap || bytes <= b->cap;
    if (!a->spill && gn_budget_take(b, bytes, &full) == 0)
        return 0;
    if (fits && held && spill(a, e))
        return -1;
    if (fits) {
        gn_dayset_free(a->set);
        a->set = NULL;
    }
    if (!fits || gn_budget_take(b, bytes, &full))
        return gn_fail(
            e, GN_IO,
            "out of memory: a table of %zu days needs more than %zu MiB (give --from and "
            "--to, or more with -m/--memory)",
            r->ndays, b->cap >> 20);
    return 0;
}

int gn_active_count(gn_active *a, int64_t from, int64_t to, gn_active_report *r, gn_err *e)
{
    *r = gn_active_report_of(from, to);
    if (to < from)
        return 0;
    if (a->any && a->first < from)
        r->since = a->first;
    size_t scratch = (r->ndays + 1) * (sizeof(place) + sizeof(int64_t));
    if (make_report_room(a, r, gn_active_report_bytes(r) + scratch, e)) {
        *r = gn_active_report_of(from, from - 1);
        return -1;
    }
    place *at = gn_calloc(r->ndays, sizeof *at, e);
    int64_t *step_at = gn_calloc(r->ndays + 1, sizeof *step_at, e);
    int result = -1;
    if (!at || !step_at || gn_active_report_alloc(r, e))
        goto done;
    lay_out(a, r, at);
    counting c = {r, at, step_at, UINT32_MAX, UINT32_MAX, INT64_MIN};
    if (a->spill ? count_spilled(a, &c, e) : count_held(a, &c, e))
        goto done;
    int64_t now = 0;
    for (size_t i = 0; i < r->ndays; i++) {
        now += step_at[i];
        r->rolling[i] = (uint64_t)now;
    }
    result = gn_active_report_add_up(r, e);
done:
    free(at);
    free(step_at);
    gn_budget_give(a->budget, scratch);
    if (result)
        gn_active_report_release(r, a->budget);
    return result;
}
