#include "civil.h"

#include <stdio.h>

/* Beyond this, days do not fit a gn_civil: no one means them, but arithmetic must not overflow. */
#define DAY_LIMIT INT64_C(700000000000)

static int64_t floor_div(int64_t a, int64_t b) /* b > 0 */
{
    int64_t q = a / b;
    return q - (a % b < 0);
}

/* Hinnant's days_from_civil: years begin in March, so that the leap day is a year's last. */
int64_t gn_days_from_civil(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = floor_div(y, 400);
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + doe - 719468;
}

/* Hinnant's civil_from_days. */
gn_civil gn_civil_from_days(int64_t day)
{
    if (day > DAY_LIMIT)
        day = DAY_LIMIT;
    if (day < -DAY_LIMIT)
        day = -DAY_LIMIT;
    int64_t z = day + 719468;
    int64_t era = floor_div(z, 146097);
    uint32_t doe = (uint32_t)(z - era * 146097);
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);

    return (gn_civil){.year = (int)(era * 400 + yoe + (month <= 2)),
                      .month = month,
                      .day = (int)(doy - (153 * mp + 2) / 5 + 1)};
}

int gn_days_in_month(int year, int month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (month < 1 || month > 12)
        return 0;
    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
        return 29;
    return days[month - 1];
}

int64_t gn_week_start(int64_t day)
{
    int64_t m = (day % 7 + 10) % 7; /* 1970-01-01 was a Thursday */

    return day < INT64_MIN + m ? day : day - m;
}

int64_t gn_month_of_day(int64_t day)
{
    gn_civil c = gn_civil_from_days(day);

    return (int64_t)c.year * 12 + c.month - 1;
}

/* A month number's year, cut to what an int holds, and its month 1..12. */
static gn_civil split_month(int64_t month)
{
    int64_t m = month % 12, y = month / 12 - (m < 0);

    if (y > INT32_MAX)
        y = INT32_MAX;
    if (y < INT32_MIN)
        y = INT32_MIN;
    return (gn_civil){.year = (int)y, .month = (int)(m < 0 ? m + 12 : m) + 1, .day = 1};
}

int64_t gn_month_start(int64_t month)
{
    gn_civil c = split_month(month);

    return gn_days_from_civil(c.year, c.month, 1);
}

static char *put2(char *p, unsigned v)
{
    p[0] = (char)('0' + v / 10 % 10);
    p[1] = (char)('0' + v % 10);
    return p + 2;
}

/* "2023-07"; years outside 0000..9999 are longer. */
static char *put_month(char *p, int year, int month)
{
    if (year < 0 || year > 9999) {
        p += snprintf(p, 16, "%04d", year);
    } else {
        p = put2(p, (unsigned)year / 100);
        p = put2(p, (unsigned)year % 100);
    }
    *p++ = '-';
    return put2(p, (unsigned)month);
}

static char *put_date(char *p, int64_t day)
{
    gn_civil c = gn_civil_from_days(day);

    p = put_month(p, c.year, c.month);
    *p++ = '-';
    return put2(p, (unsigned)c.day);
}

size_t gn_date_format(int64_t day, char *out)
{
    char *p = put_date(out, day);

    *p = '\0';
    return (size_t)(p - out);
}

size_t gn_month_format(int64_t month, char *out)
{
    gn_civil c = split_month(month);
    char *p = put_month(out, c.year, c.month);

    *p = '\0';
    return (size_t)(p - out);
}

size_t gn_time_format(int64_t us, char *out)
{
    int64_t day = gn_day_of_us(us);
    /* unsigned: day * GN_DAY_US may lie below INT64_MIN, the difference never does */
    uint64_t in = (uint64_t)us - (uint64_t)day * (uint64_t)GN_DAY_US;
    uint32_t s = (uint32_t)(in / (uint64_t)GN_US), frac = (uint32_t)(in % (uint64_t)GN_US);
    char *p = put_date(out, day);

    *p++ = ' ';
    p = put2(p, s / 3600);
    *p++ = ':';
    p = put2(p, s / 60 % 60);
    *p++ = ':';
    p = put2(p, s % 60);
    if (frac != 0) {
        *p++ = '.';
        p = put2(p, frac / 10000);
        p = put2(p, frac / 100 % 100);
        p = put2(p, frac % 100);
        while (p[-1] == '0')
            p--;
    }
    *p = '\0';
    return (size_t)(p - out);
}
