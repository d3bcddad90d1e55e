/* activeapprox.c - see activeapprox.h. */
#include "activeapprox.h"

#include "../base/civil.h"
#include "../base/hash.h"
#include "../kernel/hll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Days are kept by blocks, so that a stray date costs one block. */
#define BLOCK 128
#define NBLOCKS ((size_t)((GN_DAY_MAX - GN_DAY_MIN) / BLOCK + 1))

typedef struct day {
    uint64_t events, n;
    gn_i128 sum;
    gn_hll users;
} day;

struct gn_approx {
    gn_budget *budget;
    day **block; /* NBLOCKS of them, most NULL */
};

gn_approx *gn_approx_new(gn_budget *b, gn_err *e)
{
    gn_approx *a = gn_calloc(1, sizeof *a, e);
    if (!a)
        return NULL;
    a->budget = b;
    if (!(a->block = gn_calloc(NBLOCKS, sizeof *a->block, e))) {
        free(a);
        return NULL;
    }
    return a;
}

void gn_approx_free(gn_approx *a)
{
    if (!a)
        return;
    for (size_t b = 0; b < NBLOCKS; b++) {
        for (size_t i = 0; a->block[b] && i < BLOCK; i++)
            gn_hll_release(&a->block[b][i].users);
        free(a->block[b]);
    }
    free(a->block);
    free(a);
}

/* NULL: nothing is known of it, or its block. */
static const day *known_day(const gn_approx *a, int64_t number)
{
    if (number < GN_DAY_MIN || number > GN_DAY_MAX)
        return NULL;
    size_t at = (size_t)(number - GN_DAY_MIN);
    return a->block[at / BLOCK] ? &a->block[at / BLOCK][at % BLOCK] : NULL;
}

static day *day_of(gn_approx *a, int64_t number, gn_err *e)
{
    size_t at = (size_t)(number - GN_DAY_MIN), b = at / BLOCK;
    if (__builtin_expect(!a->block[b], 0)) {
        if (gn_budget_take(a->budget, BLOCK * sizeof(day), e) ||
            !(a->block[b] = gn_calloc(BLOCK, sizeof(day), e)))
            return NULL;
        for (size_t i = 0; i < BLOCK; i++)
            a->block[b][i].users.budget = a->budget;
    }
    return &a->block[b][at % BLOCK];
}

int gn_approx_add(gn_approx *a, const int64_t *day_, const uint64_t *events,
                  const uint64_t *interactions, const gn_i128 *sum, const uint16_t *row, size_t n,
                  gn_err *e)
{
    for (size_t k = 0; k < n; k++) {
        size_t i = row[k];
        day *d = day_of(a, day_[i], e);
        if (!d)
            return -1;
        if (__builtin_add_overflow(d->events, events[i], &d->events) ||
            __builtin_add_overflow(d->n, interactions[i], &d->n) ||
            __builtin_add_overflow(d->sum, sum[i], &d->sum) || d->events > INT64_MAX)
            return gn_fail(e, GN_INPUT, "a day's totals overflow");
    }
    return 0;
}

/* Hash all first, and ask for the places in the sketches: they are more than a cache holds. */
int gn_approx_users(gn_approx *a, const gn_str *user, const int64_t *day_, const uint16_t *row,
                    size_t n, gn_err *e)
{
    gn_hll *to[GN_BATCH];
    uint64_t hash[GN_BATCH];
    for (size_t k = 0; k < n; k++) {
        size_t i = row ? row[k] : k;
        day *d = day_of(a, day_[i], e);
        if (!d)
            return -1;
        to[k] = &d->users;
        hash[k] = gn_hash(user[i].p, user[i].n);
        gn_hll_prefetch(to[k], hash[k]);
    }
    for (size_t k = 0; k < n; k++)
        if (gn_hll_add(to[k], hash[k], e))
            return -1;
    return 0;
}

int gn_approx_sketches(gn_approx *a, const gn_str *sketch, const int64_t *day_, size_t n, gn_err *e)
{
    for (size_t i = 0; i < n; i++) {
        day *d = day_of(a, day_[i], e);
        if (!d || gn_hll_get(&d->users, sketch[i].p, sketch[i].n, e))
            return -1;
    }
    return 0;
}

bool gn_approx_covered(const gn_approx *a, int64_t *first, int64_t *last)
{
    bool any = false;
    for (size_t b = 0; b < NBLOCKS; b++)
        for (size_t i = 0; a->block[b] && i < BLOCK; i++) {
            if (!a->block[b][i].events)
                continue;
            *last = GN_DAY_MIN + (int64_t)(b * BLOCK + i);
            *first = any ? *first : *last;
            any = true;
        }
    return any;
}

/* ---- counting ---- */

static int merge_day(const gn_approx *a, gn_hll *to, int64_t number, gn_err *e)
{
    const day *d = known_day(a, number);
    return d ? gn_hll_merge(to, &d->users, e) : 0;
}

/* The days' figures, and the users of weeks and months: the unions of the days'. */
static int count_days(gn_approx *a, gn_active_report *r, gn_err *e)
{
    gn_hll week = {.budget = a->budget}, month = {.budget = a->budget};
    int result = -1;
    for (size_t i = 0; i < r->ndays; i++) {
        int64_t number = r->day[i].key;
        const day *d = known_day(a, number);
        size_t w = gn_active_report_week(r, number), m = gn_active_report_month(r, number);
        bool last = i + 1 == r->ndays;
        if (d) {
            r->day[i].users = gn_hll_count(&d->users);
            r->day[i].n = d->n;
            r->day[i].sum = d->sum;
        }
        if (merge_day(a, &week, number, e) || merge_day(a, &month, number, e))
            goto done;
        if (last || gn_active_report_week(r, number + 1) != w) {
            r->week[w].users = gn_hll_count(&week);
            gn_hll_release(&week);
        }
        if (last || gn_active_report_month(r, number + 1) != m) {
            r->month[m].users = gn_hll_count(&month);
            gn_hll_release(&month);
        }
    }
    result = 0;
done:
    gn_hll_release(&week);
    gn_hll_release(&month);
    return result;
}

/* Blocks of 30 days, the first one that of the first look-back. A window of 30 days is the end of
 * one block and the beginning of the next: unions of ends are made once a block, from its last day
 * backward, and that of the beginning grows with the window. So a day takes three unions, not 30.
 */
static int count_rolling(gn_approx *a, gn_active_report *r, gn_err *e)
{
    gn_hll end[GN_ROLLING_DAYS + 1] = {{0}}, begin = {.budget = a->budget};
    int result = -1;
    for (size_t k = 0; k <= GN_ROLLING_DAYS; k++)
        end[k].budget = a->budget;
    for (size_t i = 0; i < r->ndays; i++) {
        size_t k = i % GN_ROLLING_DAYS; /* the window's first day in its block */
        int64_t first = r->from + (int64_t)i - (GN_ROLLING_DAYS - 1);
        if (k == 0) {
            gn_hll_release(&begin);
            for (size_t j = GN_ROLLING_DAYS; j-- > 0;)
                if (gn_hll_merge(&end[j], &end[j + 1], e) ||
                    merge_day(a, &end[j], first + (int64_t)j, e))
                    goto done;
        } else if (merge_day(a, &begin, r->from + (int64_t)i, e)) {
            goto done;
        }
        if (gn_hll_merge(&end[k], &begin, e))
            goto done;
        r->rolling[i] = gn_hll_count(&end[k]);
        gn_hll_release(&end[k]);
    }
    result = 0;
done:
    for (size_t k = 0; k <= GN_ROLLING_DAYS; k++)
        gn_hll_release(&end[k]);
    gn_hll_release(&begin);
    return result;
}

int gn_approx_count(gn_approx *a, int64_t from, int64_t to, gn_active_report *r, gn_err *e)
{
    int64_t first, last;
    *r = gn_active_report_of(from, to);
    if (to < from)
        return 0;
    if (gn_approx_covered(a, &first, &last) && first < from)
        r->since = first;
    if (gn_budget_take(a->budget, gn_active_report_bytes(r), e)) {
        *r = gn_active_report_of(from, from - 1);
        return -1;
    }
    if (gn_active_report_alloc(r, e) || count_days(a, r, e) || gn_active_report_add_up(r, e) ||
        count_rolling(a, r, e)) {
        gn_active_report_release(r, a->budget);
        return -1;
    }
    return 0;
}

/* ---- the state ---- */

int gn_approx_header(gn_header *h, const char *value, gn_err *e)
{
    char name[GN_NAME_MAX + 16];
    snprintf(name, sizeof name, "total_%s", value ? value : "");
    if (gn_schema_add(&h->schema, "date", 4, GN_DATE, e) ||
        gn_schema_add(&h->schema, "events", 6, GN_INT, e) ||
        gn_schema_add(&h->schema, "interactions", 12, GN_INT, e) ||
        (value && gn_schema_add(&h->schema, name, strlen(name), GN_BIN, e)) ||
        gn_schema_add(&h->schema, "sketch", 6, GN_BIN, e) ||
        gn_header_add_order(h, "date", false, e))
        return -1;
    h->total = true;
    return 0;
}

static int write_day(const day *d, int64_t number, bool with_sum, gn_row *row, gn_writer *w,
                     gn_err *e)
{
    uint8_t sum[16], sketch[GN_HLL_BYTES];
    gn_i128_put(d->sum, sum);
    return gn_row_begin(row, (size_t)4 + with_sum, e) || gn_row_date(row, number, e) ||
                   gn_row_int(row, (int64_t)d->events, e) || gn_row_int(row, (int64_t)d->n, e) ||
                   (with_sum && gn_row_bin(row, sum, sizeof sum, e)) ||
                   gn_row_bin(row, sketch, gn_hll_put(&d->users, sketch), e) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

int gn_approx_write(const gn_approx *a, bool with_sum, gn_writer *w, gn_err *e)
{
    gn_row row = {0};
    int r = 0;
    for (size_t b = 0; b < NBLOCKS; b++)
        for (size_t i = 0; r == 0 && a->block[b] && i < BLOCK; i++) {
            const day *d = &a->block[b][i];
            if (d->events || !gn_hll_empty(&d->users))
                r = write_day(d, GN_DAY_MIN + (int64_t)(b * BLOCK + i), with_sum, &row, w, e);
        }
    gn_row_release(&row);
    return r;
}
