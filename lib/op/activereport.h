/* activereport.h - what is counted of active users: a row a day, week and month, and rolling
 * counts.
 *
 * Whoever counts lays it out, fills in the days and the users of weeks and months, and lets the
 * rest be added up from the days. */
#ifndef GN_OP_ACTIVEREPORT_H
#define GN_OP_ACTIVEREPORT_H

#include "../base/mem.h"
#include "../base/num.h"

#define GN_ROLLING_DAYS 30

typedef struct gn_active_period {
    int64_t key;         /* first day of the day or week; month number (gn_month_of_day) */
    uint64_t users;      /* distinct, active on a covered day of the period */
    uint64_t n;          /* interactions */
    gn_i128 sum;         /* total value */
    uint64_t user_days;  /* sum of the days' users */
    int days, days_full; /* covered days, and days of the whole period */
} gn_active_period;

typedef struct gn_active_report {
    int64_t from, to; /* covered days, both included; to < from when there are none */
    int64_t since;    /* the first day of which anything is known: rolling counts are complete
                         from since + 29 on */
    size_t ndays, nweeks, nmonths;
    gn_active_period *day, *week, *month;
    uint64_t *rolling; /* per day: distinct users of [d - 29, d], days before `from` included */
} gn_active_report;

/* The report of the days from..to, still without memory; since = from. */
gn_active_report gn_active_report_of(int64_t from, int64_t to);
/* The bytes that it takes; charging a budget with them is the caller's. */
size_t gn_active_report_bytes(const gn_active_report *r);
/* Allocate, all zeros but for keys and days_full. */
int gn_active_report_alloc(gn_active_report *r, gn_err *e);
/* Free what was allocated and charged; nothing where neither was. */
void gn_active_report_release(gn_active_report *r, gn_budget *b);

/* The week and month of a covered day, as indices. */
size_t gn_active_report_week(const gn_active_report *r, int64_t day);
size_t gn_active_report_month(const gn_active_report *r, int64_t day);

/* From users, n and sum of the days: all else of days, weeks and months but the users. */
int gn_active_report_add_up(gn_active_report *r, gn_err *e);

#endif
