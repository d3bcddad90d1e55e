/* rollup.c - see rollup.h. Users get dense numbers, (number, day) pairs likewise; at the end users
 * are ranked by value once, so that rows sort by two integers. */
#include "rollup.h"

#include "../base/civil.h"
#include "../kernel/hashtab.h"
#include "../stream/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct total {
    uint64_t events, interactions, touches;
    gn_i128 sum;
} total;

struct gn_rollup {
    gn_budget *budget;
    gn_hashtab *users; /* by encoding */
    gn_hashtab *days;  /* by user number and day */
    total *total;      /* by the number of the pair */
    size_t cap;
};

typedef struct pair {
    uint32_t user;
    int32_t day;
} pair;

gn_rollup *gn_rollup_new(gn_budget *b, gn_err *e)
{
    gn_rollup *r = gn_calloc(1, sizeof *r, e);
    if (!r)
        return NULL;
    r->budget = b;
    r->users = gn_hashtab_new(b, e);
    r->days = gn_hashtab_new(b, e);
    if (!r->users || !r->days) {
        gn_rollup_free(r);
        return NULL;
    }
    return r;
}

void gn_rollup_free(gn_rollup *r)
{
    if (!r)
        return;
    gn_hashtab_free(r->users);
    gn_hashtab_free(r->days);
    gn_unmap(r->total, r->cap * sizeof *r->total, r->budget);
    free(r);
}

static int room(gn_rollup *r, size_t n, gn_err *e)
{
    if (n <= r->cap)
        return 0;
    size_t cap = r->cap ? r->cap : 4096;
    while (cap < n)
        cap *= 2;
    total *t = gn_map(cap * sizeof *t, r->budget, e);
    if (!t)
        return -1;
    if (r->cap)
        memcpy(t, r->total, r->cap * sizeof *t);
    gn_unmap(r->total, r->cap * sizeof *t, r->budget);
    r->total = t;
    r->cap = cap;
    return 0;
}

/* The numbers of the pairs of n rows; row NULL: rows 0 .. n-1. */
static int find_pairs(gn_rollup *r, const gn_str *user, const int64_t *day, const uint16_t *row,
                      size_t n, uint32_t *number, gn_err *e)
{
    pair p[GN_BATCH];
    gn_str key[GN_BATCH];
    if (n == 0)
        return 0;
    for (size_t k = 0; k < n; k++)
        key[k] = user[row ? row[k] : k];
    if (gn_hashtab_add(r->users, key, number, n, e))
        return -1;
    for (size_t k = 0; k < n; k++) {
        p[k] = (pair){number[k], (int32_t)day[row ? row[k] : k]};
        key[k] = (gn_str){(const uint8_t *)&p[k], sizeof p[k]};
    }
    return gn_hashtab_add(r->days, key, number, n, e) || room(r, gn_hashtab_count(r->days), e) ? -1
                                                                                               : 0;
}

int gn_rollup_add(gn_rollup *r, const gn_str *user, const int64_t *day, const uint64_t *events,
                  const uint64_t *interactions, const gn_i128 *sum, const uint16_t *row, size_t n,
                  gn_err *e)
{
    uint32_t number[GN_BATCH];
    if (find_pairs(r, user, day, row, n, number, e))
        return -1;
    for (size_t k = 0; k < n; k++) {
        total *t = &r->total[number[k]];
        if (__builtin_add_overflow(t->events, events[row[k]], &t->events) ||
            __builtin_add_overflow(t->interactions, interactions[row[k]], &t->interactions) ||
            __builtin_add_overflow(t->sum, sum[row[k]], &t->sum) || t->events > INT64_MAX)
            return gn_fail(e, GN_INPUT, "a user's totals of a day overflow");
    }
    return 0;
}

int gn_rollup_touch(gn_rollup *r, const gn_str *user, const int64_t *day, const uint64_t *touches,
                    const uint16_t *row, size_t n, gn_err *e)
{
    uint32_t number[GN_BATCH];
    if (find_pairs(r, user, day, row, n, number, e))
        return -1;
    for (size_t k = 0; k < n; k++) {
        uint64_t *t = &r->total[number[k]].touches;
        if (__builtin_add_overflow(*t, row ? touches[row[k]] : 1, t) || *t > INT64_MAX)
            return gn_fail(e, GN_INPUT, "a user's totals of a day overflow");
    }
    return 0;
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

typedef struct ranked {
    uint64_t key; /* rank of the user, then the day */
    uint32_t pair;
} ranked;

static int cmp_ranked(const void *a, const void *b)
{
    uint64_t x = ((const ranked *)a)->key, y = ((const ranked *)b)->key;
    return (x > y) - (x < y);
}

typedef struct by_value {
    const gn_hashtab *users;
    gn_type type;
} by_value;

static int cmp_users(const void *a, const void *b, void *context)
{
    const by_value *v = context;
    return gn_value_cmp(v->type, gn_hashtab_key(v->users, *(const uint32_t *)a),
                        gn_hashtab_key(v->users, *(const uint32_t *)b));
}

static pair pair_at(const gn_rollup *r, size_t i)
{
    pair p;
    memcpy(&p, gn_hashtab_key(r->days, (uint32_t)i).p, sizeof p);
    return p;
}

static int write_row(const gn_rollup *r, gn_row *row, uint32_t i, bool with_touches, bool with_sum,
                     gn_writer *w, gn_err *e)
{
    pair p = pair_at(r, i);
    const total *t = &r->total[i];
    uint8_t sum[16];
    gn_i128_put(t->sum, sum);
    return gn_row_begin(row, (size_t)4 + with_touches + with_sum, e) ||
                   gn_row_raw(row, gn_hashtab_key(r->users, p.user), e) ||
                   gn_row_date(row, p.day, e) || gn_row_int(row, (int64_t)t->events, e) ||
                   gn_row_int(row, (int64_t)t->interactions, e) ||
                   (with_touches && gn_row_int(row, (int64_t)t->touches, e)) ||
                   (with_sum && gn_row_bin(row, sum, sizeof sum, e)) || gn_row_write(row, w, e)
               ? -1
               : 0;
}

int gn_rollup_write(gn_rollup *r, gn_type user_type, bool with_touches, bool with_sum, gn_writer *w,
                    gn_err *e)
{
    size_t nusers = gn_hashtab_count(r->users), n = gn_hashtab_count(r->days);
    size_t bytes = nusers * 2 * sizeof(uint32_t) + n * sizeof(ranked);
    if (gn_budget_take(r->budget, bytes, e))
        return -1;
    uint32_t *order = gn_alloc(nusers, sizeof *order, e), *rank = gn_alloc(nusers, sizeof *rank, e);
    ranked *rows = gn_alloc(n, sizeof *rows, e);
    gn_row row = {0};
    int result = -1;
    if (!order || !rank || !rows)
        goto done;
    for (size_t i = 0; i < nusers; i++)
        order[i] = (uint32_t)i;
    by_value v = {r->users, user_type};
    qsort_r(order, nusers, sizeof *order, cmp_users, &v);
    for (size_t i = 0; i < nusers; i++)
        rank[order[i]] = (uint32_t)i;
    for (size_t i = 0; i < n; i++) {
        pair p = pair_at(r, i);
        rows[i] = (ranked){(uint64_t)rank[p.user] << 32 | (uint32_t)(p.day - (int32_t)GN_DAY_MIN),
                           (uint32_t)i};
    }
    qsort(rows, n, sizeof *rows, cmp_ranked);
    for (size_t i = 0; i < n; i++)
        if (write_row(r, &row, rows[i].pair, with_touches, with_sum, w, e))
            goto done;
    result = 0;
done:
    gn_row_release(&row);
    free(order);
    free(rank);
    free(rows);
    gn_budget_give(r->budget, bytes);
    return result;
}
