/* Counts of active users within a small budget, so that they spill, against a table of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/civil.h"
#include "io/in.h"
#include "io/mp.h"
#include "op/active.h"

#define USERS 700
#define SPAN 4000 /* days that the data spread over */
#define PAD 64    /* days without events around them */
#define ROUNDS 60
#define KEY_MAX 900

static uint64_t seed = 1;
static uint32_t rnd(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

static uint8_t key[USERS][KEY_MAX + GN_SLACK + 8];
static gn_str user[USERS];
static uint8_t active[USERS][SPAN + 2 * PAD];
static uint64_t n_of[SPAN + 2 * PAD];
static gn_i128 sum_of[SPAN + 2 * PAD];

/* Numbers, names that fit a cell, and long ones with a common beginning. */
static void make_users(void)
{
    for (int i = 0; i < USERS; i++) {
        char text[KEY_MAX];
        uint8_t *end;
        size_t n = i % 3 ? 400 + rnd(KEY_MAX - 400) : 3 + rnd(12);
        memset(text, 'u', sizeof text);
        text[n - 3] = (char)('0' + i / 100);
        text[n - 2] = (char)('0' + i / 10 % 10);
        text[n - 1] = (char)('0' + i % 10);
        end = gn_mp_str(key[i], text, n);
        user[i] = (gn_str){key[i], (uint32_t)(end - key[i])};
    }
}

static void add(gn_active *a, int64_t base, bool rollups, gn_err *e)
{
    static gn_str who[GN_BATCH];
    static int64_t day[GN_BATCH], value[GN_BATCH];
    static uint64_t n[GN_BATCH];
    static gn_i128 sum[GN_BATCH];
    static uint16_t row[GN_BATCH];
    size_t rows = 0;
    for (size_t i = 0; i < GN_BATCH; i++) {
        uint32_t u = rnd(USERS), d = PAD + rnd(SPAN);
        if (u % 5 == 0) /* some come in few months only */
            d = PAD + d % 90;
        who[i] = user[u];
        day[i] = base + d;
        value[i] = (int64_t)rnd(1000) - 100;
        n[i] = 1 + rnd(5);
        sum[i] = (gn_i128)value[i] << 40;
        if (rnd(4) == 0)
            continue;
        row[rows++] = (uint16_t)i;
        active[u][d] = 1;
        n_of[d] += rollups ? n[i] : 1;
        sum_of[d] += rollups ? sum[i] : value[i] < 0 ? 0 : value[i];
    }
    int r = rollups ? gn_active_rollups(a, who, day, n, sum, row, rows, e)
                    : gn_active_events(a, who, day, value, row, rows, e);
    assert_int_equal(r, 0);
}

/* Users who are active on one of the days [from, to]. */
static uint64_t distinct(int64_t from, int64_t to)
{
    uint64_t n = 0;
    from = from < 0 ? 0 : from;
    for (int u = 0; u < USERS; u++)
        n += memchr(active[u] + from, 1, (size_t)(to - from + 1)) != NULL;
    return n;
}

static void check_period(const gn_active_period *p, int64_t base, int64_t first, int64_t last)
{
    uint64_t n = 0, user_days = 0;
    gn_i128 sum = 0;
    for (int64_t d = first; d <= last; d++) {
        n += n_of[d - base];
        sum += sum_of[d - base];
        user_days += distinct(d - base, d - base);
    }
    assert_int_equal(p->users, distinct(first - base, last - base));
    assert_int_equal(p->n, n);
    assert_true(p->sum == sum);
    assert_int_equal(p->user_days, user_days);
    assert_int_equal(p->days, last - first + 1);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void differential(int64_t base, size_t cap, bool rollups, int64_t skip)
{
    gn_err e = {0};
    gn_budget b = {.cap = cap};
    gn_active *a = gn_active_new(&b, NULL, &e);
    gn_active_report r;
    uint64_t runs, bytes;
    assert_non_null(a);
    memset(active, 0, sizeof active);
    memset(n_of, 0, sizeof n_of);
    memset(sum_of, 0, sizeof sum_of);
    for (int i = 0; i < ROUNDS; i++)
        add(a, base, rollups, &e);
    int64_t from = base + skip, to = base + SPAN + 2 * PAD - 1 - skip;
    assert_int_equal(gn_active_count(a, from, to, &r, &e), 0);
    gn_active_spilled(a, &runs, &bytes);
    assert_true(cap ? runs > 2 && bytes > 1000 : runs == 0 && bytes == 0);
    assert_true(!cap || b.peak <= cap);
    assert_int_equal(r.ndays, to - from + 1);
    for (int64_t d = from; d <= to; d++) {
        check_period(&r.day[d - from], base, d, d);
        assert_int_equal(r.rolling[d - from], distinct(d - base - 29, d - base));
    }
    for (size_t i = 0; i < r.nweeks; i++)
        check_period(&r.week[i], base, most(from, r.week[i].key), least(to, r.week[i].key + 6));
    for (size_t i = 0; i < r.nmonths; i++)
        check_period(&r.month[i], base, most(from, gn_month_start(r.month[i].key)),
                     least(to, gn_month_start(r.month[i].key + 1) - 1));
    gn_active_report_release(&r, &b);
    gn_active_free(a);
    assert_int_equal(b.used, 0);
}

#define CAP ((size_t)4 << 20)

static void test_spilled(void **state)
{
    (void)state;
    make_users();
    differential(18000, 0, false, 0);
    differential(18000, CAP, false, 0);
    differential(18003, CAP, true, 200);
    differential(GN_DAY_MIN, CAP, false, 0);
    differential(GN_DAY_MAX - (SPAN + 2 * PAD - 1), CAP, true, 0);
}

/* A report that does not fit is an error that says so, one of few days is none. */
static void test_wide_report(void **state)
{
    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        gn_err e = {0};
        gn_budget b = {.cap = CAP};
        gn_active *a = gn_active_new(&b, NULL, &e);
        gn_active_report r;
        make_users();
        add(a, 18000, false, &e);
        if (pass == 0) {
            assert_int_equal(gn_active_count(a, GN_DAY_MIN, GN_DAY_MAX, &r, &e), -1);
            assert_int_equal(e.status, GN_IO);
            assert_non_null(strstr(e.msg, "--from"));
        } else { /* beside the table there is no room, without it there is */
            assert_int_equal(gn_active_count(a, 0, 25000, &r, &e), 0);
            uint64_t runs, bytes;
            gn_active_spilled(a, &runs, &bytes);
            assert_int_equal(runs, 1);
            gn_active_report_release(&r, &b);
        }
        gn_active_free(a);
        assert_int_equal(b.used, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spilled),
                                       cmocka_unit_test(test_wide_report)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
