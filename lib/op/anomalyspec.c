/* anomalyspec.c - see anomalyspec.h. */
#include "anomalyspec.h"

#include "../base/parse.h"

#include <string.h>

static int parse_names(gn_anomaly_rules *to, const char *const *name, size_t names, gn_err *e)
{
    for (size_t i = 0; i < names; i++)
        for (const char *p = name[i];; p++) {
            size_t n = strcspn(p, ",");
            int r = GN_ANOMALY_RULES - 1;
            while (r >= 0 && (strlen(gn_anomaly_rule_name((enum gn_anomaly_rule)r)) != n ||
                              memcmp(gn_anomaly_rule_name((enum gn_anomaly_rule)r), p, n) != 0))
                r--;
            if (r < 0)
                return gn_fail(e, GN_USAGE,
                               "--rule: '%.*s' is none of statistical, temporal, behavioural",
                               (int)n, p);
            to->on[r] = true;
            p += n;
            if (!*p)
                break;
        }
    for (int r = 0; r < GN_ANOMALY_RULES; r++) {
        to->on[r] |= names == 0;
        to->n += to->on[r];
    }
    return 0;
}

static int parse_number(const char *role, const char *text, double *out, gn_err *e)
{
    if (gn_parse_float(text, strlen(text), out) && *out >= 0)
        return 0;
    return gn_fail(e, GN_USAGE, "%s: '%s' is not a number from 0", role, text);
}

static int parse_numbers(gn_anomaly_rules *to, const gn_anomaly_spec *o, gn_err *e)
{
    if (parse_number("--z", o->z, &to->z, e) ||
        parse_number("--change", o->change, &to->change, e) ||
        parse_number("--factor", o->factor, &to->factor, e))
        return -1;
    for (int r = 0; r < GN_ANOMALY_RULES; r++)
        if (!gn_severity_parse(&to->severity[r], o->severity[r]))
            return gn_fail(e, GN_USAGE,
                           "--severity-%s: '%s' is not three ascending numbers, as in 3,5,10",
                           gn_anomaly_rule_name((enum gn_anomaly_rule)r), o->severity[r]);
    if (o->lag < 3600000 || o->lag % 3600000)
        return gn_fail(e, GN_USAGE, "--lag: not a number of whole hours");
    if (o->min_days > o->days)
        return gn_fail(e, GN_USAGE, "--min-days is more than --days");
    return 0;
}

static int check_modes(const gn_anomaly_rules *to, const gn_anomaly_spec *o, gn_err *e)
{
    bool z = to->on[GN_STATISTICAL];
    if (o->group && o->global)
        return gn_fail(e, GN_USAGE, "--group and --global say two things");
    if (!z && (o->group || o->global || o->robust || o->top || o->baseline || o->use_baseline))
        return gn_fail(e, GN_USAGE,
                       "--group, --global, --robust, --top, --baseline and "
                       "--use-baseline are for --rule statistical");
    if (!to->on[GN_TEMPORAL] && (o->hourly || o->activity))
        return gn_fail(e, GN_USAGE, "--hourly and --activity are for --rule temporal");
    if (o->activity && !o->partial)
        return gn_fail(e, GN_USAGE, "--activity is for --partial");
    if (!o->partial && !o->merge)
        return 0;
    if (to->on[GN_BEHAVIOURAL] || to->n != 1)
        return gn_fail(e, GN_USAGE,
                       "--partial and --merge are for --rule temporal or --rule statistical; the "
                       "state of users' days is that of gn-dau --partial, which --rule behavioural "
                       "reads");
    if (o->baseline || o->use_baseline || o->top || (o->partial && o->hourly))
        return gn_fail(e, GN_USAGE, "%s",
                       z ? "a state holds no events: no --baseline, "
                           "--use-baseline, --top"
                         : "--partial writes a state alone: no --hourly");
    if (o->merge && (o->group || o->global))
        return gn_fail(e, GN_USAGE, "--merge takes the groups from the states: no --group");
    return 0;
}

int gn_anomaly_rules_parse(gn_anomaly_rules *r, const gn_anomaly_spec *s, const char *const *names,
                           size_t n, gn_err *e)
{
    return parse_names(r, names, n, e) || parse_numbers(r, s, e) || check_modes(r, s, e) ? -1 : 0;
}
