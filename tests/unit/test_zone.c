#include "base/civil.h"
#include "base/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static gn_zone *must_open(const char *name)
{
    gn_err e = {0};
    gn_zone *z = gn_zone_open(name, &e);

    if (z == NULL)
        fail_msg("%s: %s", name, e.msg);
    return z;
}

/* One line of the oracle's table; also the span that gn_zone_offset claims, and the days. */
static void check_line(const gn_zone *z, const char *name, char what, int64_t t, int64_t want)
{
    int64_t us = t * GN_US, from, until, day, span[4], days[4];

    if (what == 'W') {
        int64_t utc = gn_zone_to_utc(z, us);
        if (utc != want * GN_US)
            fail_msg("%s: wall %lld: got %lld, want %lld", name, (long long)t,
                     (long long)(utc / GN_US), (long long)want);
        return;
    }
    int off = gn_zone_offset(z, us, &from, &until);
    if (off != want)
        fail_msg("%s: utc %lld: got %d, want %lld", name, (long long)t, off, (long long)want);
    assert_true(from <= us && us < until);
    span[0] = from < GN_TIME_MIN ? us : from;
    span[1] = until > GN_TIME_MAX ? us : until - 1;
    span[2] = us;
    span[3] = us / 2;
    assert_int_equal(gn_zone_offset(z, span[0], NULL, NULL), off);
    assert_int_equal(gn_zone_offset(z, span[1], NULL, NULL), off);
    gn_zone_days(z, span, days, 4);
    for (int i = 0; i < 4; i++) {
        day = gn_day_of_us(span[i] + gn_zone_offset(z, span[i], NULL, NULL) * GN_US);
        assert_int_equal(days[i], day);
    }
}

static void test_oracle(void **state)
{
    (void)state;
    const char *py = getenv("PYTHON");
    char cmd[300], name[64], open[64] = "", what;
    long long t, want;
    gn_zone *z = NULL;
    size_t n = 0;

    snprintf(cmd, sizeof cmd, "%s tests/oracle/zone_table.py", py ? py : "/usr/bin/python3");
    FILE *f = popen(cmd, "r");
    assert_non_null(f);
    while (fscanf(f, "%63s %c %lld %lld", name, &what, &t, &want) == 4) {
        if (strcmp(name, open) != 0) {
            gn_zone_free(z);
            z = must_open(name);
            strcpy(open, name);
        }
        check_line(z, name, what, t, want);
        n++;
    }
    gn_zone_free(z);
    assert_int_equal(pclose(f), 0);
    assert_true(n > 10000);
}

static int64_t wall(int y, int mo, int d, int h, int mi)
{
    return gn_days_from_civil(y, mo, d) * GN_DAY_US + (h * 60 + mi) * 60 * GN_US;
}

static void test_fixed(void **state)
{
    (void)state;
    static const char *const utc[] = {"UTC", "Etc/UTC", "Z", "+00:00"};
    int64_t from, until;

    for (size_t i = 0; i < 4; i++) {
        gn_zone *z = must_open(utc[i]);
        assert_true(gn_zone_is_utc(z));
        assert_int_equal(gn_zone_offset(z, 5, &from, &until), 0);
        assert_true(from == INT64_MIN && until == INT64_MAX);
        assert_int_equal(gn_zone_to_utc(z, -7), -7);
        gn_zone_free(z);
    }
    gn_zone *z = must_open("-03:30");
    assert_false(gn_zone_is_utc(z));
    assert_int_equal(gn_zone_offset(z, 0, NULL, NULL), -12600);
    assert_int_equal(gn_zone_to_utc(z, 0), 12600 * GN_US);
    int64_t t[3] = {0, 12600 * GN_US, -1}, d[3];
    gn_zone_days(z, t, d, 3);
    assert_int_equal(d[0], -1);
    assert_int_equal(d[1], 0);
    assert_int_equal(d[2], -1);
    gn_zone_free(z);
}

static void test_gap_and_fold(void **state)
{
    (void)state;
    gn_zone *z = must_open("Europe/Berlin");

    assert_int_equal(gn_zone_to_utc(z, wall(2023, 3, 26, 1, 59)), wall(2023, 3, 26, 0, 59));
    assert_int_equal(gn_zone_to_utc(z, wall(2023, 3, 26, 2, 30)), wall(2023, 3, 26, 1, 30));
    assert_int_equal(gn_zone_to_utc(z, wall(2023, 3, 26, 3, 30)), wall(2023, 3, 26, 1, 30));
    assert_int_equal(gn_zone_to_utc(z, wall(2023, 10, 29, 2, 30)), wall(2023, 10, 29, 0, 30));
    assert_int_equal(gn_zone_to_utc(z, wall(2023, 10, 29, 3, 0)), wall(2023, 10, 29, 2, 0));
    /* a day of 23 and one of 25 hours */
    assert_int_equal(gn_zone_to_utc(z, wall(2023, 3, 27, 0, 0)) -
                         gn_zone_to_utc(z, wall(2023, 3, 26, 0, 0)),
                     INT64_C(23) * 3600 * GN_US);
    assert_int_equal(gn_zone_to_utc(z, wall(2023, 10, 30, 0, 0)) -
                         gn_zone_to_utc(z, wall(2023, 10, 29, 0, 0)),
                     INT64_C(25) * 3600 * GN_US);
    gn_zone_free(z);
    z = must_open("Pacific/Apia"); /* 2011-12-30 never was */
    assert_int_equal(gn_zone_to_utc(z, wall(2011, 12, 31, 0, 0)), wall(2011, 12, 30, 10, 0));
    assert_int_equal(gn_zone_to_utc(z, wall(2011, 12, 30, 12, 0)), wall(2011, 12, 30, 22, 0));
    gn_zone_free(z);
}

/* The ends of the range do not overflow. */
static void test_extremes(void **state)
{
    (void)state;
    static const char *const names[] = {"Europe/Berlin", "Asia/Tokyo", "-12:00",
                                        "America/Santiago"};
    int64_t t[] = {INT64_MIN, INT64_MAX, GN_TIME_MIN, GN_TIME_MAX, INT64_MIN + 1}, d[5];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        gn_zone *z = must_open(names[i]);
        gn_zone_days(z, t, d, 5);
        for (int k = 0; k < 5; k++) {
            int64_t from, until;
            gn_zone_offset(z, t[k], &from, &until);
            assert_true(from <= t[k] && t[k] <= until);
            gn_zone_to_utc(z, t[k]);
        }
        gn_zone_free(z);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",         "Nowhere/Land", "/etc/localtime", "../zoneinfo/UTC", "Europe/../UTC",  "Europe",
        "zone.tab", "+1:00",        "+24:00",         "+01:60",          "Europe/Berlin ", ".",
        "a\nb",     "right",        "Europe//Berlin", "Europe/./Berlin", "Europe/Berlin/"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        gn_err e = {0};
        gn_zone *z = gn_zone_open(names[i], &e);
        if (z != NULL)
            fail_msg("'%s' was opened", names[i]);
        assert_int_equal(e.status, GN_USAGE);
        assert_true(e.msg[0] != '\0');
    }
}

/* ---- files made by hand: a v2+ file whose only content is types and a footer ---- */

static size_t make_file(uint8_t *p, size_t room, int64_t at, int32_t before, int32_t after,
                        const char *footer)
{
    static const uint8_t head[20] = "TZif3";
    size_t n = 0;
    int times = at != INT64_MIN;

    memset(p, 0, room);
    memcpy(p, head, sizeof head);
    p[39] = 1; /* v1: one type, one letter */
    p[43] = 1;
    n = 44 + 6 + 1;
    memcpy(p + n, head, sizeof head);
    p[n + 35] = (uint8_t)times;
    p[n + 39] = 2;
    p[n + 43] = 1;
    n += 44;
    if (times) {
        for (int i = 0; i < 8; i++)
            p[n++] = (uint8_t)((uint64_t)at >> (56 - 8 * i));
        p[n++] = 1;
    }
    for (int k = 0; k < 2; k++) {
        uint32_t off = (uint32_t)(k ? after : before);
        for (int i = 0; i < 4; i++)
            p[n++] = (uint8_t)(off >> (24 - 8 * i));
        n += 2;
    }
    n++; /* the letter */
    n += (size_t)snprintf((char *)p + n, room - n, "\n%s\n", footer);
    return n;
}

static void check_footer(const char *footer, int64_t wall_us, int want)
{
    uint8_t buf[512];
    gn_err e = {0};
    size_t n = make_file(buf, sizeof buf, INT64_MIN, 0, 0, footer);
    gn_zone *z = gn_zone_parse(buf, n, "test", &e);

    if (z == NULL)
        fail_msg("%s: %s", footer, e.msg);
    int off = gn_zone_offset(z, wall_us, NULL, NULL);
    if (off != want)
        fail_msg("%s at %lld: %d, not %d", footer, (long long)wall_us, off, want);
    gn_zone_free(z);
}

static void test_footers(void **state)
{
    (void)state;
    check_footer("<+0330>-3:30", 0, 12600);
    check_footer("ABC5", 0, -18000);
    check_footer("<-03>3:00:01", 0, -10801);
    /* Mm.w.d; both hemispheres; past and far future by the 400 years' cycle */
    check_footer("CET-1CEST,M3.5.0,M10.5.0/3", wall(2023, 3, 26, 0, 59), 3600);
    check_footer("CET-1CEST,M3.5.0,M10.5.0/3", wall(2023, 3, 26, 1, 0), 7200);
    check_footer("CET-1CEST,M3.5.0,M10.5.0/3", wall(9999, 7, 1, 0, 0), 7200);
    check_footer("CET-1CEST,M3.5.0,M10.5.0/3", wall(1, 7, 1, 0, 0), 7200);
    check_footer("CET-1CEST,M3.5.0,M10.5.0/3", wall(1, 12, 1, 0, 0), 3600);
    check_footer("AEST-10AEDT,M10.1.0,M4.1.0/3", wall(2023, 1, 1, 0, 0), 39600);
    check_footer("AEST-10AEDT,M10.1.0,M4.1.0/3", wall(2023, 7, 1, 0, 0), 36000);
    check_footer("AEST-10AEDT,M10.1.0,M4.1.0/3", wall(2424, 12, 31, 23, 0), 39600);
    /* Jn never counts 29 February, n does: J60 is 1 March, 60 is 1 March of leap years only */
    check_footer("XXX0YYY,J60/0,J300/0", wall(2024, 2, 29, 23, 59), 0);
    check_footer("XXX0YYY,J60/0,J300/0", wall(2024, 3, 1, 0, 0), 3600);
    check_footer("XXX0YYY,60/0,J300/0", wall(2024, 2, 29, 23, 59), 0);
    check_footer("XXX0YYY,60/0,J300/0", wall(2024, 3, 1, 0, 0), 3600);
    check_footer("XXX0YYY,60/0,J300/0", wall(2023, 3, 1, 23, 59), 0);
    check_footer("XXX0YYY,60/0,J300/0", wall(2023, 3, 2, 0, 0), 3600);
    check_footer("XXX0YYY,0/0,J300/0", wall(2023, 1, 1, 0, 0), 3600);
    /* negative and large times: 2023-03-25 (a Saturday) 22:00, 2023-10-30 26:00 on */
    check_footer("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", wall(2023, 3, 26, 0, 59), -7200);
    check_footer("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", wall(2023, 3, 26, 1, 0), -3600);
    check_footer("XXX0YYY,M3.4.4/50,M10.4.4/50", wall(2023, 3, 25, 1, 59), 0);
    check_footer("XXX0YYY,M3.4.4/50,M10.4.4/50", wall(2023, 3, 25, 2, 0), 3600);
    check_footer("XXX0YYY,M3.4.4/50,M10.4.4/167", wall(2023, 11, 1, 21, 0), 3600);
    check_footer("XXX0YYY,M3.4.4/50,M10.4.4/167", wall(2023, 11, 1, 22, 0), 0);
    /* summer time all year round */
    check_footer("EST5EDT,0/0,J365/25", wall(2023, 1, 1, 5, 0), -14400);
    check_footer("EST5EDT,0/0,J365/25", wall(2023, 1, 1, 4, 59), -14400);
    check_footer("EST5EDT,0/0,J365/25", wall(2024, 12, 31, 23, 59), -14400);
    /* winter time as the exception, as in Dublin */
    check_footer("IST-1GMT0,M10.5.0,M3.5.0/1", wall(2023, 1, 1, 0, 0), 0);
    check_footer("IST-1GMT0,M10.5.0,M3.5.0/1", wall(2023, 7, 1, 0, 0), 3600);
}

static void test_hostile(void **state)
{
    (void)state;
    static const char *const footers[] = {"X0",
                                          "ABC",
                                          "ABC25",
                                          "ABC5DEF",
                                          "ABC5DEF,M3.5.0",
                                          "<AB5",
                                          "ABC5DEF,M13.1.0,M3.1.0",
                                          "ABC5DEF,M1.6.0,M3.1.0",
                                          "ABC5DEF,J0,J5",
                                          "ABC5DEF,366,5",
                                          "ABC5DEF,M1.1.0/168,M3.1.0",
                                          "ABC5:60",
                                          "ABC5DEF,M1.1.7,M3.1.0",
                                          "ABC5DEF,1,2x",
                                          "<>5",
                                          "ABC5DEF,M1.1.1/,J5"};
    uint8_t buf[512];

    for (size_t i = 0; i < sizeof footers / sizeof *footers; i++) {
        gn_err e = {0};
        size_t n = make_file(buf, sizeof buf, INT64_MIN, 0, 0, footers[i]);
        gn_zone *z = gn_zone_parse(buf, n, "test", &e);
        if (z != NULL)
            fail_msg("'%s' was taken", footers[i]);
        assert_int_equal(e.status, GN_USAGE);
    }
    /* every truncation of a good file, and every byte of it set to 0xff, is refused or harmless */
    size_t n = make_file(buf, sizeof buf, 1000000, 3600, 7200, "CET-1CEST,M3.5.0,M10.5.0/3");
    for (size_t i = 0; i <= n; i++) {
        gn_err e = {0};
        uint8_t *copy = malloc(i + 1);
        memcpy(copy, buf, i);
        gn_zone *z = gn_zone_parse(copy, i, "test", &e);
        assert_true((z != NULL) == (i == n));
        gn_zone_free(z);
        free(copy);
    }
    for (size_t i = 0; i < n; i++) {
        gn_err e = {0};
        uint8_t old = buf[i];
        buf[i] = 0xff;
        gn_zone *z = gn_zone_parse(buf, n, "test", &e);
        if (z != NULL)
            gn_zone_to_utc(z, 0);
        gn_zone_free(z);
        buf[i] = old;
    }
    /* the transition's own type holds from there until the first rule strikes */
    gn_err e = {0};
    gn_zone *z = gn_zone_parse(buf, n, "test", &e);
    assert_non_null(z);
    assert_int_equal(gn_zone_offset(z, 999999 * GN_US, NULL, NULL), 3600);
    assert_int_equal(gn_zone_offset(z, 1000000 * GN_US, NULL, NULL), 7200);
    assert_int_equal(gn_zone_offset(z, wall(1970, 6, 1, 0, 0), NULL, NULL), 7200);
    assert_int_equal(gn_zone_offset(z, wall(1970, 12, 1, 0, 0), NULL, NULL), 3600);
    gn_zone_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed),    cmocka_unit_test(test_gap_and_fold),
        cmocka_unit_test(test_footers),  cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_extremes), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
