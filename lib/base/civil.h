/* civil.h - the proleptic Gregorian calendar: days, weeks, months.
 *
 * A day is an int64 number of days since 1970-01-01, a time an int64 number of microseconds since
 * 1970-01-01 00:00:00 UTC. gn deals in years 0001 to 9999. Algorithms: Howard Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms", http://howardhinnant.github.io/date_algorithms.html
 * No function here can fail. */
#ifndef GN_BASE_CIVIL_H
#define GN_BASE_CIVIL_H

#include <stddef.h>
#include <stdint.h>

#define GN_DAY_MIN INT64_C(-719162) /* 0001-01-01 */
#define GN_DAY_MAX INT64_C(2932896) /* 9999-12-31 */
#define GN_US INT64_C(1000000)      /* microseconds in a second */
#define GN_DAY_US (INT64_C(86400) * GN_US)
#define GN_TIME_MIN (GN_DAY_MIN * GN_DAY_US)
#define GN_TIME_MAX (GN_DAY_MAX * GN_DAY_US + GN_DAY_US - 1)

typedef struct gn_civil {
    int year;
    int month; /* 1..12 */
    int day;   /* 1..31 */
} gn_civil;

int64_t gn_days_from_civil(int year, int month, int day);
gn_civil gn_civil_from_days(int64_t day);
int gn_days_in_month(int year, int month);

/* Floor division: the day a UTC time lies in. */
static inline int64_t gn_day_of_us(int64_t us)
{
    int64_t d = us / GN_DAY_US;
    return d - (us % GN_DAY_US < 0);
}

/* The Monday on or before a day (ISO weeks begin on Monday). */
int64_t gn_week_start(int64_t day);
/* A month as a number that counts up by one a month: year * 12 + month - 1. */
int64_t gn_month_of_day(int64_t day);
/* First day of such a month. */
int64_t gn_month_start(int64_t month);

/* Text. Buffers take at least GN_TIME_TEXT bytes; the length is returned, a NUL is written.
 * Date "2023-07-01", month "2023-07", time "2023-07-01 14:30:15" with ".ffffff" (trailing zeros
 * cut) only when there is a fraction. */
#define GN_TIME_TEXT 40
size_t gn_date_format(int64_t day, char *out);
size_t gn_month_format(int64_t month, char *out);
size_t gn_time_format(int64_t us, char *out);

#endif
