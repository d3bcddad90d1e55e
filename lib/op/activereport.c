/* activereport.c - see activereport.h. */
#include "activereport.h"

#include "../base/civil.h"

#include <stdlib.h>

gn_active_report gn_active_report_of(int64_t from, int64_t to)
{
    gn_active_report r = {.from = from, .to = to, .since = from};
    if (to < from)
        return r;
    r.ndays = (size_t)(to - from + 1);
    r.nweeks = (size_t)((to - gn_week_start(from)) / 7 + 1);
    r.nmonths = (size_t)(gn_month_of_day(to) - gn_month_of_day(from) + 1);
    return r;
}

size_t gn_active_report_bytes(const gn_active_report *r)
{
    return (r->ndays + r->nweeks + r->nmonths) * sizeof *r->day + r->ndays * sizeof *r->rolling;
}

int gn_active_report_alloc(gn_active_report *r, gn_err *e)
{
    int64_t week0 = gn_week_start(r->from), month0 = gn_month_of_day(r->from);
    r->day = gn_calloc(r->ndays, sizeof *r->day, e);
    r->week = gn_calloc(r->nweeks, sizeof *r->week, e);
    r->month = gn_calloc(r->nmonths, sizeof *r->month, e);
    r->rolling = gn_calloc(r->ndays, sizeof *r->rolling, e);
    if (!r->day || !r->week || !r->month || !r->rolling)
        return -1;
    for (size_t i = 0; i < r->ndays; i++)
        r->day[i] = (gn_active_period){.key = r->from + (int64_t)i, .days_full = 1};
    for (size_t i = 0; i < r->nweeks; i++)
        r->week[i] = (gn_active_period){.key = week0 + 7 * (int64_t)i, .days_full = 7};
    for (size_t i = 0; i < r->nmonths; i++) {
        int64_t m = month0 + (int64_t)i;
        r->month[i] = (gn_active_period){
            .key = m, .days_full = (int)(gn_month_start(m + 1) - gn_month_start(m))};
    }
    return 0;
}

void gn_active_report_release(gn_active_report *r, gn_budget *b)
{
    gn_budget_give(b, gn_active_report_bytes(r));
    free(r->day);
    free(r->week);
    free(r->month);
    free(r->rolling);
    *r = (gn_active_report){.from = r->from, .to = r->from - 1};
}

size_t gn_active_report_week(const gn_active_report *r, int64_t day)
{
    return (size_t)((day - r->week[0].key) / 7);
}

size_t gn_active_report_month(const gn_active_report *r, int64_t day)
{
    return (size_t)(gn_month_of_day(day) - r->month[0].key);
}

int gn_active_report_add_up(gn_active_report *r, gn_err *e)
{
    for (size_t i = 0; i < r->ndays; i++) {
        gn_active_period *d = &r->day[i];
        gn_active_period *p[] = {&r->week[gn_active_report_week(r, d->key)],
                                 &r->month[gn_active_report_month(r, d->key)]};
        d->days = 1;
        d->user_days = d->users;
        for (size_t k = 0; k < 2; k++) {
            p[k]->days++;
            p[k]->user_days += d->users;
            if (__builtin_add_overflow(p[k]->n, d->n, &p[k]->n) ||
                __builtin_add_overflow(p[k]->sum, d->sum, &p[k]->sum))
                return gn_fail(e, GN_INPUT, "a period's totals overflow");
        }
    }
    return 0;
}
