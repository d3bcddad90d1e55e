/* detector_begin.c - see detector.h: the rules, as the first segment of the input asks for them. */
#include "detectorpriv.h"

/* "`app_version`, date(`timestamp`)" */
static int default_group(gn_detector *d, gn_err *e)
{
    const gn_anomaly_spec *o = d->o.spec;
    const char *name[] = {d->dimension, o->time};
    for (int i = d->dimension ? 0 : 1; i < 2; i++) {
        if (gn_buf_printf(&d->group, e, "%s", i == 0 ? "`" : d->dimension ? ", date(`" : "date(`"))
            return -1;
        for (const char *p = name[i]; *p; p++)
            if (gn_buf_add(&d->group, p, 1, e) || (*p == '`' && gn_buf_add(&d->group, p, 1, e)))
                return -1;
        if (gn_buf_printf(&d->group, e, "%s", i ? "`)" : "`"))
            return -1;
    }
    return 0;
}

static int begin_zscore(gn_detector *d, gn_err *e)
{
    const gn_anomaly_spec *o = d->o.spec;
    if (!o->group && !o->global && default_group(d, e))
        return -1;
    const char *group = o->group ? o->group : o->global ? NULL : (const char *)d->group.p;
    gn_zscore_options z = {.base = {.command = d->o.command,
                                    .keys = group,
                                    .keys_for = "--group",
                                    .value = o->value,
                                    .negative = o->negative,
                                    .kind = o->robust ? GN_BASE_ROBUST : GN_BASE_DEVIATIONS,
                                    .factor = d->rules->z,
                                    .by_score = true,
                                    .least = (uint64_t)o->min_group,
                                    .hits = "anomalies",
                                    .merge = o->merge,
                                    .hash = o->hash || d->o.npaths > 1,
                                    .zone = d->o.zone,
                                    .tz = d->o.tz,
                                    .budget = &d->budget[GN_STATISTICAL],
                                    .temp_dir = d->o.temp_dir},
                           .user = o->user,
                           .time = o->time,
                           .dimension = d->dimension,
                           .severity = d->rules->severity[GN_STATISTICAL],
                           .top = (uint64_t)o->top,
                           .memory = d->o.memory / 4,
                           .budget = d->o.budget};
    if (!(d->zscore = gn_zscore_new(&z, d->table, e)))
        return -1;
    int more = 1;
    if (d->given) {
        gn_baseline *b = gn_zscore_baseline(d->zscore);
        if (gn_baseline_load(b, o->use_baseline, d->o.max_record, &d->given_sum, e))
            return -1;
        more = gn_baseline_settle(b, NULL, e);
    }
    if (more < 1 || o->partial || o->merge)
        return more < 0 ? -1 : 0;
    d->twice = gn_twice_new(d->o.paths, d->o.npaths, d->o.max_record, d->o.temp_dir, e);
    return d->twice ? 0 : -1;
}

static int begin_hours(gn_detector *d, const gn_header *h, gn_err *e)
{
    const gn_anomaly_spec *o = d->o.spec;
    int f = gn_schema_find(&h->schema, o->value);
    bool value =
        o->merge || (f >= 0 && (h->schema.f[f].type == GN_INT || h->schema.f[f].type == GN_FLOAT));
    gn_hourly_options t = {.command = d->o.command,
                           .time = o->time,
                           .user = o->user,
                           .value = value ? o->value : NULL,
                           .negative = o->negative,
                           .activity = o->hourly || o->activity,
                           .lag = o->lag / 3600000,
                           .change = d->rules->change,
                           .least = (uint64_t)o->min_count,
                           .severity = d->rules->severity[GN_TEMPORAL],
                           .merge = o->merge,
                           .hash = o->hash || d->o.npaths > 1,
                           .zone = d->o.zone,
                           .tz = d->o.tz,
                           .budget = &d->budget[GN_TEMPORAL],
                           .temp_dir = d->o.temp_dir};
    return (d->hours = gn_hourly_new(&t, e)) ? 0 : -1;
}

static int begin_burst(gn_detector *d, gn_err *e)
{
    const gn_anomaly_spec *o = d->o.spec;
    gn_burst_options b = {.user = o->user,
                          .time = o->time,
                          .factor = d->rules->factor,
                          .days = o->days,
                          .active = o->min_days,
                          .least = (uint64_t)o->min_events,
                          .severity = d->rules->severity[GN_BEHAVIOURAL],
                          .hash = o->hash || d->o.npaths > 1,
                          .zone = d->o.zone,
                          .tz = d->o.tz,
                          .budget = &d->budget[GN_BEHAVIOURAL],
                          .temp_dir = d->o.temp_dir};
    return (d->burst = gn_burst_new(&b, d->table, e)) ? 0 : -1;
}

int detector_begin(gn_detector *d, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const gn_anomaly_spec *o = d->o.spec;
    d->begun = true;
    d->states = h->partial.command && !o->merge;
    d->dimension = o->dimension                                            ? o->dimension
                   : gn_schema_find(&h->schema, GN_ANOMALY_DIMENSION) >= 0 ? GN_ANOMALY_DIMENSION
                                                                           : NULL;
    if (d->states && (d->rules->n != 1 || !d->rules->on[GN_BEHAVIOURAL]))
        return gn_fail(
            e, GN_INPUT,
            "'%s': a partial state of %s, not events (--merge reads those of gn-anomaly, "
            "--rule behavioural those of gn-dau)",
            gn_reader_name(r), h->partial.command);
    return (d->rules->on[GN_STATISTICAL] && begin_zscore(d, e)) ||
                   (d->rules->on[GN_TEMPORAL] && begin_hours(d, h, e)) ||
                   (d->rules->on[GN_BEHAVIOURAL] && begin_burst(d, e))
               ? -1
               : 0;
}
