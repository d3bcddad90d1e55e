/* outlierspec.c - see outlierspec.h. */
#include "outlierspec.h"

#include "../base/parse.h"

#include <string.h>

static int parse_factor(const gn_outlier_spec *s, double *out, gn_err *e)
{
    static const double factor[] = {
        [GN_OUTLIER_IQR] = 1.5, [GN_OUTLIER_Z] = 3, [GN_OUTLIER_ROBUST] = 3.5, 0, 0};
    *out = factor[s->method];
    if (!s->factor)
        return 0;
    if (s->method > GN_OUTLIER_ROBUST)
        return gn_fail(e, GN_USAGE, "--factor is for iqr, z and robust");
    if (!gn_parse_float(s->factor, strlen(s->factor), out) || *out < 0)
        return gn_fail(e, GN_USAGE, "--factor: '%s' is not a number from 0", s->factor);
    return 0;
}

/* A bound: a number, or a duration in milliseconds. */
static int parse_bound(const char *role, const char *text, double *out, gn_err *e)
{
    int64_t ms;
    gn_err no = {0};
    if (!text || gn_parse_float(text, strlen(text), out))
        return 0;
    if (gn_parse_duration(text, 1, &ms, &no))
        return gn_fail(e, GN_USAGE, "%s: '%s' is not a number or a duration", role, text);
    *out = (double)ms;
    return 0;
}

static int parse_bounds(const gn_outlier_spec *s, gn_fences *f, gn_err *e)
{
    *f = gn_fences_none();
    bool given = s->lower || s->upper;
    if (s->method == GN_OUTLIER_BOUNDS && !given)
        return gn_fail(e, GN_USAGE, "--method bounds needs --lower or --upper");
    if (s->method != GN_OUTLIER_BOUNDS && given)
        return gn_fail(e, GN_USAGE, "--lower and --upper go with --method bounds only");
    if (parse_bound("--lower", s->lower, &f->lower, e) ||
        parse_bound("--upper", s->upper, &f->upper, e))
        return -1;
    if (f->lower > f->upper)
        return gn_fail(e, GN_USAGE, "--lower is above --upper");
    return 0;
}

/* "1,99" into two texts, each digits and perhaps a dot, the first less than the second. */
static int parse_percentiles(const gn_outlier_spec *s, gn_buf *pct, gn_baseline_options *o,
                             gn_err *e)
{
    const char *text = s->percentiles ? s->percentiles : "1,99";
    double v[2] = {0, 0};
    size_t n = strcspn(text, ","), m = text[n] ? strlen(text + n + 1) : 0;
    if (s->percentiles && s->method != GN_OUTLIER_PERCENTILE)
        return gn_fail(e, GN_USAGE, "--percentiles is for --method percentile");
    if (strspn(text, "0123456789.") != n || n > 9 || m > 9 || !m ||
        strspn(text + n + 1, "0123456789.") != m || !gn_parse_float(text, n, &v[0]) ||
        !gn_parse_float(text + n + 1, m, &v[1]) || v[0] > v[1] || v[1] > 100)
        return gn_fail(e, GN_USAGE, "--percentiles: '%s' is not two percentages, as in 1,99.5",
                       text);
    if (gn_buf_printf(pct, e, "%s", text))
        return -1;
    pct->p[n] = '\0';
    o->pct[0] = (const char *)pct->p;
    o->pct[1] = (const char *)pct->p + n + 1;
    return 0;
}

static int check_modes(const gn_outlier_spec *s, gn_err *e)
{
    bool states = s->partial || s->merge;
    if ((s->action == GN_OUTLIER_SPLIT) != (s->reject != NULL))
        return gn_fail(e, GN_USAGE, "--action split and --reject FILE need each other");
    if (states && (s->action || s->use_fences || s->fences))
        return gn_fail(e, GN_USAGE,
                       "--partial and --merge touch no records: no --action, --reject, "
                       "--fences, --use-fences");
    if (states && s->method == GN_OUTLIER_BOUNDS)
        return gn_fail(e, GN_USAGE, "--method bounds has no state: the bounds are given");
    if (s->merge && s->key)
        return gn_fail(e, GN_USAGE, "--merge takes the keys from the states: no -k");
    if (s->use_fences && (s->method || s->factor || s->min_values != 1))
        return gn_fail(e, GN_USAGE,
                       "--use-fences has the fences: no --method, --factor, "
                       "--min-values");
    if (s->method == GN_OUTLIER_BOUNDS && (s->key || s->min_values != 1))
        return gn_fail(e, GN_USAGE, "--method bounds is the same for all: no -k, --min-values");
    return 0;
}

int gn_outlier_baseline(const gn_outlier_spec *s, gn_buf *pct, gn_baseline_options *o, gn_err *e)
{
    static const enum gn_base_kind kind[] = {[GN_OUTLIER_IQR] = GN_BASE_QUARTILES,
                                             [GN_OUTLIER_Z] = GN_BASE_DEVIATIONS,
                                             [GN_OUTLIER_ROBUST] = GN_BASE_ROBUST,
                                             [GN_OUTLIER_PERCENTILE] = GN_BASE_PERCENTILES,
                                             [GN_OUTLIER_BOUNDS] = GN_BASE_GIVEN};
    *o = (gn_baseline_options){.keys = s->key,
                               .keys_for = "--key",
                               .value = s->value,
                               .negative = s->negative,
                               .kind = kind[s->method],
                               .least = (uint64_t)s->min_values,
                               .hits = "outliers",
                               .merge = s->merge,
                               .hash = s->hash};
    return check_modes(s, e) || parse_factor(s, &o->factor, e) || parse_bounds(s, &o->given, e) ||
                   parse_percentiles(s, pct, o, e)
               ? -1
               : 0;
}

/* ---- what is told ---- */

size_t gn_outlier_counters(const gn_outlier_spec *s, const gn_baseline *b, uint64_t records_in,
                           uint64_t records_out, gn_counter to[GN_OUTLIER_COUNTERS])
{
    const gn_baseline_counts *c = gn_baseline_counted(b);
    size_t n = 0;
    to[n++] = (gn_counter){"groups", c->groups};
    if (!s->merge) {
        to[n++] = (gn_counter){"null_value", c->null_value};
        to[n++] = (gn_counter){"negative_value", c->negative_value};
        to[n++] = (gn_counter){"value_above_8h", c->long_value};
    }
    if (!s->partial) {
        to[n++] = (gn_counter){"groups_without_spread", c->without_spread};
        to[n++] = (gn_counter){"groups_too_small", c->small};
    }
    if (!s->partial && !s->merge) {
        to[n++] = (gn_counter){"judged", c->inside + c->low + c->high};
        to[n++] = (gn_counter){"inside", c->inside};
        to[n++] = (gn_counter){"low", c->low};
        to[n++] = (gn_counter){"high", c->high};
        to[n++] = (gn_counter){"without_fences", c->no_base};
        to[n++] = (gn_counter){"unknown_group", c->unknown_group};
        to[n++] = (gn_counter){"records_before", records_in};
        to[n++] = (gn_counter){"records_after", records_out};
    }
    return n;
}

const char *gn_outlier_without_spread(enum gn_base_kind kind)
{
    static const char *const what[] = {[GN_BASE_QUARTILES] = "the quartiles are equal",
                                       [GN_BASE_DEVIATIONS] = "all values are equal",
                                       [GN_BASE_ROBUST] = "the median deviation is 0"};
    return what[kind];
}
