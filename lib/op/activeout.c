/* activeout.c - see activeout.h. */
#include "activeout.h"

#include "../base/civil.h"

#include <stdio.h>
#include <string.h>

int gn_active_table_named(const char *name, size_t n)
{
    int t = 0;
    for (const char *p = GN_ACTIVE_NAMES;; t++) {
        size_t len = strcspn(p, "|");
        if (len == n && memcmp(p, name, n) == 0)
            return t;
        if (!p[len])
            return -1;
        p += len + 1;
    }
}

static int add(gn_header *h, const char *name, gn_type t, gn_err *e)
{
    return gn_schema_add(&h->schema, name, strlen(name), t, e);
}

/* total_<value> and avg_<value>_per_user */
static int add_value(gn_header *h, const char *value, gn_err *e)
{
    char name[GN_NAME_MAX + 32];
    if (!value)
        return 0;
    snprintf(name, sizeof name, "total_%s", value);
    if (add(h, name, GN_INT, e))
        return -1;
    snprintf(name, sizeof name, "avg_%s_per_user", value);
    return add(h, name, GN_FLOAT, e);
}

int gn_active_table_header(enum gn_active_table t, const char *value, gn_header *h, gn_err *e)
{
    int r = -1;
    switch (t) {
    case GN_ACTIVE_DAY:
        r = add(h, "date", GN_DATE, e) || add(h, "dau", GN_INT, e) ||
            add(h, "total_interactions", GN_INT, e) || add_value(h, value, e) ||
            add(h, "complete", GN_BOOL, e);
        break;
    case GN_ACTIVE_WEEK:
        r = add(h, "week", GN_DATE, e) || add(h, "wau", GN_INT, e) ||
            add(h, "total_interactions", GN_INT, e) || add_value(h, value, e) ||
            add(h, "days_covered", GN_INT, e) || add(h, "complete", GN_BOOL, e);
        break;
    case GN_ACTIVE_MONTH:
        r = add(h, "month", GN_STR, e) || add(h, "mau", GN_INT, e) ||
            add(h, "total_interactions", GN_INT, e) || add_value(h, value, e) ||
            add(h, "mean_dau", GN_FLOAT, e) || add(h, "stickiness", GN_FLOAT, e) ||
            add(h, "days_covered", GN_INT, e) || add(h, "complete", GN_BOOL, e);
        break;
    case GN_ACTIVE_ROLLING:
        r = add(h, "date", GN_DATE, e) || add(h, "mau_30d", GN_INT, e) ||
            add(h, "complete", GN_BOOL, e);
        break;
    case GN_ACTIVE_STICKINESS:
        r = add(h, "date", GN_DATE, e) || add(h, "month", GN_STR, e) || add(h, "dau", GN_INT, e) ||
            add(h, "mau", GN_INT, e) || add(h, "stickiness", GN_FLOAT, e) ||
            add(h, "mau_30d", GN_INT, e) || add(h, "stickiness_30d", GN_FLOAT, e);
        break;
    case GN_ACTIVE_TABLES:
        return gn_fail(e, GN_BUG, "no such table");
    }
    if (r || gn_header_add_order(h, h->schema.f[0].name, false, e))
        return -1;
    h->total = true;
    return 0;
}

static int put_ratio(gn_row *row, gn_i128 num, gn_u128 den, gn_err *e)
{
    return den ? gn_row_float(row, gn_ratio(num, den), e) : gn_row_null(row, e);
}

static int put_month(gn_row *row, int64_t month, gn_err *e)
{
    char text[GN_TIME_TEXT];
    size_t n = gn_month_format(month, text);
    return gn_row_str(row, text, n, e);
}

static int put_count(gn_row *row, uint64_t n, gn_err *e)
{
    if (n > INT64_MAX)
        return gn_fail(e, GN_INPUT, "a count overflows");
    return gn_row_int(row, (int64_t)n, e);
}

/* Users, interactions and, with a value, its total and average. */
static int put_figures(gn_row *row, const gn_active_period *p, const char *value, gn_err *e)
{
    if (put_count(row, p->users, e) || put_count(row, p->n, e))
        return -1;
    if (!value)
        return 0;
    if (!gn_fits_i64(p->sum))
        return gn_fail(e, GN_INPUT, "the total of '%s' overflows 64 bits", value);
    return gn_row_int(row, (int64_t)p->sum, e) || put_ratio(row, p->sum, p->users, e) ? -1 : 0;
}

/* Is all known that decides on who is active on this day? */
static bool known(const gn_active_report *r, int64_t day)
{
    return day - r->look_back >= r->since;
}

/* Of a week or month: is it covered, and are all of its days known? */
static bool complete(const gn_active_report *r, const gn_active_period *p, int64_t first)
{
    return p->days == p->days_full && known(r, first);
}

static int write_days(const char *value, const gn_active_report *r, gn_row *row, gn_writer *w,
                      gn_err *e)
{
    for (size_t i = 0; i < r->ndays; i++)
        if (gn_row_begin(row, value ? 6 : 4, e) || gn_row_date(row, r->day[i].key, e) ||
            put_figures(row, &r->day[i], value, e) ||
            gn_row_bool(row, known(r, r->day[i].key), e) || gn_row_write(row, w, e))
            return -1;
    return 0;
}

static int write_weeks(const char *value, const gn_active_report *r, gn_row *row, gn_writer *w,
                       gn_err *e)
{
    for (size_t i = 0; i < r->nweeks; i++) {
        const gn_active_period *p = &r->week[i];
        if (gn_row_begin(row, value ? 7 : 5, e) || gn_row_date(row, p->key, e) ||
            put_figures(row, p, value, e) || gn_row_int(row, p->days, e) ||
            gn_row_bool(row, complete(r, p, p->key), e) || gn_row_write(row, w, e))
            return -1;
    }
    return 0;
}

static int write_months(const char *value, const gn_active_report *r, gn_row *row, gn_writer *w,
                        gn_err *e)
{
    for (size_t i = 0; i < r->nmonths; i++) {
        const gn_active_period *p = &r->month[i];
        gn_u128 days = (gn_u128)p->days;
        if (gn_row_begin(row, value ? 9 : 7, e) || put_month(row, p->key, e) ||
            put_figures(row, p, value, e) || put_ratio(row, (gn_i128)p->user_days, days, e) ||
            put_ratio(row, (gn_i128)p->user_days, days * p->users, e) ||
            gn_row_int(row, p->days, e) ||
            gn_row_bool(row, complete(r, p, gn_month_start(p->key)), e) || gn_row_write(row, w, e))
            return -1;
    }
    return 0;
}

static int write_rolling(const gn_active_report *r, gn_row *row, gn_writer *w, gn_err *e)
{
    for (size_t i = 0; i < r->ndays; i++) {
        int64_t day = r->day[i].key;
        if (gn_row_begin(row, 3, e) || gn_row_date(row, day, e) ||
            put_count(row, r->rolling[i], e) ||
            gn_row_bool(row, known(r, day - (GN_ROLLING_DAYS - 1)), e) || gn_row_write(row, w, e))
            return -1;
    }
    return 0;
}

static int write_stickiness(const gn_active_report *r, gn_row *row, gn_writer *w, gn_err *e)
{
    for (size_t i = 0; i < r->ndays; i++) {
        const gn_active_period *p = &r->day[i];
        int64_t m = gn_month_of_day(p->key);
        uint64_t mau = r->month[m - r->month[0].key].users;
        if (gn_row_begin(row, 7, e) || gn_row_date(row, p->key, e) || put_month(row, m, e) ||
            put_count(row, p->users, e) || put_count(row, mau, e) ||
            put_ratio(row, (gn_i128)p->users, mau, e) || put_count(row, r->rolling[i], e) ||
            put_ratio(row, (gn_i128)p->users, r->rolling[i], e) || gn_row_write(row, w, e))
            return -1;
    }
    return 0;
}

int gn_active_table_write(enum gn_active_table t, const char *value, const gn_active_report *r,
                          gn_writer *w, gn_err *e)
{
    gn_row row = {0};
    int result = -1;
    switch (t) {
    case GN_ACTIVE_DAY:
        result = write_days(value, r, &row, w, e);
        break;
    case GN_ACTIVE_WEEK:
        result = write_weeks(value, r, &row, w, e);
        break;
    case GN_ACTIVE_MONTH:
        result = write_months(value, r, &row, w, e);
        break;
    case GN_ACTIVE_ROLLING:
        result = write_rolling(r, &row, w, e);
        break;
    case GN_ACTIVE_STICKINESS:
        result = write_stickiness(r, &row, w, e);
        break;
    case GN_ACTIVE_TABLES:
        result = gn_fail(e, GN_BUG, "no such table");
    }
    gn_row_release(&row);
    return result;
}
