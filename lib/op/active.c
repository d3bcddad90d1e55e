/* active.c - see active.h. */
#include "active.h"

#include "../base/civil.h"
#include "../kernel/dayset.h"

#include <stdlib.h>
#include <string.h>

/* Per-day totals are kept by blocks of days, so that a stray date costs one block. */
#define BLOCK 512
#define NBLOCKS ((size_t)((GN_DAY_MAX - GN_DAY_MIN) / BLOCK + 1))

typedef struct total {
    uint64_t n;
    gn_i128 sum;
} total;

struct gn_active {
    gn_budget *budget;
    gn_dayset *set;
    total **block; /* NBLOCKS of them, most NULL */
    bool any;
    int64_t first, last;
};

gn_active *gn_active_new(gn_budget *b, gn_err *e)
{
    gn_active *a = gn_calloc(1, sizeof *a, e);
    if (!a)
        return NULL;
    a->budget = b;
    a->set = gn_dayset_new(b, e);
    a->block = gn_calloc(NBLOCKS, sizeof *a->block, e);
    if (!a->set || !a->block) {
        gn_active_free(a);
        return NULL;
    }
    return a;
}

void gn_active_free(gn_active *a)
{
    if (!a)
        return;
    gn_dayset_free(a->set);
    for (size_t i = 0; a->block && i < NBLOCKS; i++)
        free(a->block[i]);
    free(a->block);
    free(a);
}

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

static total *total_of(gn_active *a, int64_t day, gn_err *e)
{
    size_t at = (size_t)(day - GN_DAY_MIN), b = at / BLOCK;
    if (__builtin_expect(!a->block[b], 0)) {
        if (gn_budget_take(a->budget, BLOCK * sizeof(total), e) ||
            !(a->block[b] = gn_calloc(BLOCK, sizeof(total), e)))
            return NULL;
    }
    return &a->block[b][at % BLOCK];
}

int gn_active_events(gn_active *a, const gn_str *user, const int64_t *day, const int64_t *value,
                     const uint16_t *row, size_t rows, gn_err *e)
{
    if (gn_dayset_add(a->set, user, day, row, rows, e))
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
    if (gn_dayset_add(a->set, user, day, row, rows, e))
        return -1;
    for (size_t k = 0; k < rows; k++) {
        size_t r = row ? row[k] : k;
        total *t = total_of(a, day[r], e);
        if (!t)
            return -1;
        if (__builtin_add_overflow(t->n, n[r], &t->n) ||
            __builtin_add_overflow(t->sum, sum[r], &t->sum))
            return gn_fail(e, GN_INPUT, "a day's totals overflow");
    }
    return 0;
}

/* ---- counting ---- */

static size_t report_bytes(const gn_active_report *r)
{
    return (r->ndays + r->nweeks + r->nmonths) * sizeof *r->day + r->ndays * sizeof *r->rolling;
}

void gn_active_report_release(gn_active *a, gn_active_report *r)
{
    if (r->day)
        gn_budget_give(a->budget, report_bytes(r));
    free(r->day);
    free(r->week);
    free(r->month);
    free(r->rolling);
    memset(r, 0, sizeof *r);
}

/* Where a covered day's week and month are in the report. */
typedef struct place {
    uint32_t week, month;
} place;

typedef struct counting {
    const gn_active *a;
    gn_active_report *r;
    const place *at; /* per covered day */
    int64_t *step;   /* rolling count as steps, ndays + 1 */
} counting;

/* Is any day of [from, to] set in the bits of a cell that begins at `first`? */
static bool any_day(const uint64_t *bits, int64_t first, int64_t from, int64_t to)
{
    if (from < first)
        from = first;
    for (int64_t d = from; d <= to && d < first + GN_DAYSET_SPAN; d++)
        if (bits[(d - first) / 64] >> ((d - first) % 64) & 1)
            return true;
    return false;
}

/* Was this user already counted for the period that begins on `begin`, in the block before? */
static bool counted_before(const counting *c, size_t i, const gn_daycell *cell, int64_t begin)
{
    int64_t from = begin > c->r->from ? begin : c->r->from;
    if (from >= cell->first)
        return false;
    const uint64_t *bits = gn_dayset_neighbour(c->a->set, i, -1);
    return bits && any_day(bits, cell->first - GN_DAYSET_SPAN, from, cell->first - 1);
}

/* The rolling count changes by `by` from `day` on. A user enters with the first active day, and
 * leaves 30 days after one that no other follows within 30 days. */
static void step(const counting *c, int64_t day, int64_t by)
{
    int64_t i = day - c->r->from, n = (int64_t)c->r->ndays;
    c->step[i < 0 ? 0 : i > n ? n : i] += by;
}

static int64_t first_day(const uint64_t *bits, int64_t first)
{
    for (int w = 0; w < GN_DAYSET_WORDS; w++)
        if (bits[w])
            return first + 64 * w + __builtin_ctzll(bits[w]);
    return INT64_MAX;
}

static void count_cell(const counting *c, size_t i, bool neighbours)
{
    const gn_active_report *r = c->r;
    gn_daycell cell = gn_dayset_cell(c->a->set, i);
    uint32_t week = UINT32_MAX, month = UINT32_MAX;
    int64_t before = INT64_MIN; /* the active day before this one */
    for (int w = 0; w < GN_DAYSET_WORDS; w++)
        for (uint64_t bits = cell.bits[w]; bits; bits &= bits - 1) {
            int64_t day = cell.first + 64 * w + __builtin_ctzll(bits);
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
            if (p.week != week) {
                if (!(neighbours && week == UINT32_MAX &&
                      counted_before(c, i, &cell, r->week[p.week].key)))
                    r->week[p.week].users++;
                week = p.week;
            }
            if (p.month != month) {
                if (!(neighbours && month == UINT32_MAX &&
                      counted_before(c, i, &cell, gn_month_start(r->month[p.month].key))))
                    r->month[p.month].users++;
                month = p.month;
            }
        }
    if (before == INT64_MIN)
        return;
    /* The block after may take over before the 30 days are over. */
    int64_t next = INT64_MAX;
    if (neighbours && before + GN_ROLLING_DAYS > cell.first + GN_DAYSET_SPAN) {
        const uint64_t *bits = gn_dayset_neighbour(c->a->set, i, 1);
        if (bits)
            next = first_day(bits, cell.first + GN_DAYSET_SPAN);
    }
    step(c, next < before + GN_ROLLING_DAYS ? next : before + GN_ROLLING_DAYS, -1);
}

/* The periods' keys and lengths, and each day's totals. */
static void lay_out(gn_active *a, gn_active_report *r, place *at)
{
    int64_t week0 = gn_week_start(r->from), month0 = gn_month_of_day(r->from);
    for (size_t i = 0; i < r->nweeks; i++)
        r->week[i] = (gn_active_period){.key = week0 + 7 * (int64_t)i, .days_full = 7};
    for (size_t i = 0; i < r->nmonths; i++) {
        int64_t m = month0 + (int64_t)i;
        r->month[i] = (gn_active_period){
            .key = m, .days_full = (int)(gn_month_start(m + 1) - gn_month_start(m))};
    }
    uint32_t month = 0;
    int64_t month_end = gn_month_start(month0 + 1);
    for (size_t i = 0; i < r->ndays; i++) {
        int64_t d = r->from + (int64_t)i;
        if (d == month_end)
            month_end = gn_month_start(month0 + ++month + 1);
        at[i].month = month;
        at[i].week = (uint32_t)((d - week0) / 7);
        r->day[i] = (gn_active_period){.key = d, .days = 1, .days_full = 1};
        size_t k = (size_t)(d - GN_DAY_MIN);
        if (a->block[k / BLOCK]) {
            total t = a->block[k / BLOCK][k % BLOCK];
            r->day[i].n = t.n;
            r->day[i].sum = t.sum;
        }
    }
}

static int add_day(gn_active_period *p, const gn_active_period *day, gn_err *e)
{
    p->days++;
    p->user_days += day->users;
    if (__builtin_add_overflow(p->n, day->n, &p->n) ||
        __builtin_add_overflow(p->sum, day->sum, &p->sum))
        return gn_fail(e, GN_INPUT, "a period's totals overflow");
    return 0;
}

int gn_active_count(gn_active *a, int64_t from, int64_t to, gn_active_report *r, gn_err *e)
{
    *r = (gn_active_report){.from = from, .to = to, .since = from};
    if (to < from)
        return 0;
    if (a->any && a->first < from)
        r->since = a->first;
    r->ndays = (size_t)(to - from + 1);
    r->nweeks = (size_t)((to - gn_week_start(from)) / 7 + 1);
    r->nmonths = (size_t)(gn_month_of_day(to) - gn_month_of_day(from) + 1);
    size_t scratch = r->ndays * (sizeof(place) + sizeof(int64_t));
    if (gn_budget_take(a->budget, report_bytes(r) + scratch, e))
        return -1;
    r->day = gn_calloc(r->ndays, sizeof *r->day, e);
    r->week = gn_calloc(r->nweeks, sizeof *r->week, e);
    r->month = gn_calloc(r->nmonths, sizeof *r->month, e);
    r->rolling = gn_calloc(r->ndays, sizeof *r->rolling, e);
    place *at = gn_calloc(r->ndays, sizeof *at, e);
    int64_t *step = gn_calloc(r->ndays + 1, sizeof *step, e);
    int result = -1;
    if (!r->day || !r->week || !r->month || !r->rolling || !at || !step)
        goto done;
    lay_out(a, r, at);
    counting c = {a, r, at, step};
    bool neighbours = gn_dayset_many_blocks(a->set);
    for (size_t i = 0; i < gn_dayset_count(a->set); i++)
        count_cell(&c, i, neighbours);
    int64_t now = 0;
    for (size_t i = 0; i < r->ndays; i++) {
        now += step[i];
        r->rolling[i] = (uint64_t)now;
        if (add_day(&r->week[at[i].week], &r->day[i], e) ||
            add_day(&r->month[at[i].month], &r->day[i], e))
            goto done;
        r->day[i].user_days = r->day[i].users;
    }
    result = 0;
done:
    free(at);
    free(step);
    gn_budget_give(a->budget, scratch);
    return result;
}
