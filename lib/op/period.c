/* period.c - see period.h. */
#include "period.h"

#include "../base/civil.h"
#include "../base/parse.h"

#include <string.h>

static int parse_day(const char *option, const char *text, int64_t *day, gn_err *e)
{
    if (!gn_parse_date(text, strlen(text), day))
        return gn_fail(e, GN_USAGE, "%s: '%s' is not a date (YYYY-MM-DD)", option, text);
    return 0;
}

static int parse_last(gn_period *p, const char *text, gn_err *e)
{
    static const struct {
        const char *name;
        int days, months;
    } unit[] = {{"d", 1, 0},    {"day", 1, 0},   {"days", 1, 0},  {"w", 7, 0},
                {"week", 7, 0}, {"weeks", 7, 0}, {"month", 0, 1}, {"months", 0, 1},
                {"y", 0, 12},   {"year", 0, 12}, {"years", 0, 12}};
    size_t n = strspn(text, "0123456789");
    int64_t v;
    if (n > 0 && n <= 6 && gn_parse_int(text, n, &v) && v > 0)
        for (size_t i = 0; i < sizeof unit / sizeof *unit; i++)
            if (strcmp(text + n, unit[i].name) == 0) {
                p->last_days = v * unit[i].days;
                p->last_months = v * unit[i].months;
                return 0;
            }
    return gn_fail(e, GN_USAGE, "--last: '%s' is no span of days (90d, 26w, 12months, 2y)", text);
}

int gn_period_parse(gn_period *p, const char *from, const char *to, const char *last, gn_err *e)
{
    *p = (gn_period){.has_from = from, .has_to = to};
    if (last && (from || to))
        return gn_fail(e, GN_USAGE, "--last goes with neither --from nor --to");
    if ((from && parse_day("--from", from, &p->from, e)) ||
        (to && parse_day("--to", to, &p->to, e)) || (last && parse_last(p, last, e)))
        return -1;
    if (from && to && p->to < p->from)
        return gn_fail(e, GN_USAGE, "--to %s lies before --from %s", to, from);
    return 0;
}

/* The day `months` calendar months before; the day of the month is cut to the month's length. */
static int64_t months_before(int64_t day, int64_t months)
{
    gn_civil c = gn_civil_from_days(day);
    int64_t m = gn_month_of_day(day) - months;
    if (m < gn_month_of_day(GN_DAY_MIN))
        return GN_DAY_MIN;
    int64_t start = gn_month_start(m), length = gn_month_start(m + 1) - start;
    return start + (c.day < length ? c.day : length) - 1;
}

bool gn_period_resolve(const gn_period *p, bool any, int64_t first, int64_t last, int64_t *from,
                       int64_t *to)
{
    if (!any && !(p->has_from && p->has_to))
        return false;
    *from = p->has_from ? p->from : first;
    *to = p->has_to ? p->to : last;
    if (p->last_days)
        *from = last + 1 - p->last_days;
    if (p->last_months)
        *from = months_before(last + 1, p->last_months);
    if (*from < GN_DAY_MIN)
        *from = GN_DAY_MIN;
    return *from <= *to;
}
