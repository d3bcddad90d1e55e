/* detector.c - see detector.h. */
#include "detectorpriv.h"

#include <stdlib.h>

gn_detector *gn_detector_new(const gn_detector_options *o, gn_err *e)
{
    const gn_anomaly_spec *s = o->spec;
    gn_detector *d = gn_calloc(1, sizeof *d, e);
    if (!d)
        return NULL;
    d->o = *o;
    d->rules = o->rules;
    d->given = s->use_baseline != NULL;
    for (int r = 0; r < GN_ANOMALY_RULES; r++)
        d->budget[r].cap = o->memory / 4 * 3 / (size_t)o->rules->n;
    gn_anomaly_options t = {.user = s->user,
                            .dimension = s->dimension ? s->dimension : GN_ANOMALY_DIMENSION,
                            .dir = o->temp_dir,
                            .budget = o->budget,
                            .memory = o->memory / 4};
    if (!(d->table = gn_anomalies_new(&t, e))) {
        gn_detector_free(d);
        return NULL;
    }
    return d;
}

void gn_detector_free(gn_detector *d)
{
    if (!d)
        return;
    gn_burst_free(d->burst);
    gn_hourly_free(d->hours);
    gn_zscore_free(d->zscore);
    gn_anomalies_free(d->table);
    gn_twice_free(d->twice);
    gn_buf_release(&d->group);
    free(d);
}

bool gn_detector_rollup(const gn_detector *d)
{
    return d->states;
}

bool gn_detector_given(const gn_detector *d, uint64_t *sum)
{
    *sum = d->given_sum;
    return d->given && d->zscore;
}

/* ---- once through the input ---- */

/* The user's and the dimension's types, for the table. */
static int tell_types(gn_detector *d, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const gn_anomaly_spec *o = d->o.spec;
    gn_type user = GN_STR, dimension = GN_STR;
    int u = gn_reader_field(r, "--user", o->user, 1u << GN_STR | 1u << GN_INT, e);
    if (u < 0 || gn_reader_field(r, "--time", o->time, 1u << GN_TIME | 1u << GN_DATE, e) < 0)
        return -1;
    user = h->schema.f[u].type;
    if (d->dimension) {
        int f = gn_reader_field(r, "--dimension", d->dimension, ~0u, e);
        if (f < 0)
            return -1;
        dimension = h->schema.f[f].type;
    }
    return gn_anomalies_types(d->table, user, dimension, e);
}

int gn_detector_segment(gn_detector *d, gn_reader *r, gn_err *e)
{
    const gn_anomaly_spec *o = d->o.spec;
    const gn_header *h = gn_reader_header(r);
    if ((!d->begun && detector_begin(d, r, e)) ||
        (!d->states && !o->merge && tell_types(d, r, e)) ||
        (d->twice && gn_twice_segment(d->twice, h, e)) ||
        (d->hours && gn_hourly_segment(d->hours, r, e)) ||
        (d->burst && gn_burst_segment(d->burst, r, e)))
        return -1;
    if (d->states)
        return gn_anomalies_types(d->table, gn_burst_user_type(d->burst), GN_STR, e);
    if (!d->zscore)
        return 0;
    if (gn_baseline_segment(gn_zscore_baseline(d->zscore), r, e))
        return -1;
    return d->given && !d->twice ? gn_zscore_bind(d->zscore, (gn_feed){.reader = r}, e) : 0;
}

int gn_detector_add(gn_detector *d, const gn_batch *b, gn_err *e)
{
    if ((d->twice && gn_twice_batch(d->twice, b, e)) ||
        (d->hours && gn_hourly_add(d->hours, b, e)) || (d->burst && gn_burst_add(d->burst, b, e)))
        return -1;
    if (!d->zscore || (d->given && d->twice))
        return 0;
    return d->given ? gn_zscore_judge(d->zscore, b, e)
                    : gn_baseline_add(gn_zscore_baseline(d->zscore), b, e);
}

int gn_detector_end(gn_detector *d, const gn_trailer *t, gn_err *e)
{
    return d->twice ? gn_twice_end(d->twice, t, e) : 0;
}

/* ---- the end ---- */

static int second_reading(gn_detector *d, gn_err *e)
{
    gn_batch *b;
    int ev = gn_baseline_settle(gn_zscore_baseline(d->zscore), d->twice, e);
    if (ev == 0)
        ev = gn_twice_rewind(d->twice, e);
    while (ev == 0 && (ev = gn_twice_next(d->twice, &b, e)) > 0)
        ev = ev == GN_EV_SEGMENT ? gn_zscore_bind(d->zscore, (gn_feed){.twice = d->twice}, e)
             : ev == GN_EV_BATCH ? gn_zscore_judge(d->zscore, b, e)
                                 : 0;
    return ev;
}

static int finish_zscore(gn_detector *d, gn_err *e)
{
    const gn_anomaly_spec *o = d->o.spec;
    if (gn_baseline_finish(gn_zscore_baseline(d->zscore), e))
        return -1;
    if (o->merge)
        return 0;
    /* The other rules hold nothing any more. */
    d->budget[GN_STATISTICAL].cap = d->o.memory / 4 * 3;
    return (d->twice && second_reading(d, e)) || gn_zscore_finish(d->zscore, e) ? -1 : 0;
}

static int finish_hours(gn_detector *d, gn_writer *w, gn_err *e)
{
    gn_header h = {0};
    int r = 0;
    if (w)
        r = gn_hourly_header(d->hours, &h, e) || gn_writer_begin(w, &h, e);
    gn_header_release(&h);
    return r || gn_hourly_finish(d->hours, d->table, w, e) ? -1 : 0;
}

int gn_detector_finish(gn_detector *d, gn_writer *hourly, gn_err *e)
{
    return (d->burst && gn_burst_finish(d->burst, e)) || (d->hours && finish_hours(d, hourly, e)) ||
                   (d->zscore && finish_zscore(d, e))
               ? -1
               : 0;
}

int gn_detector_write_baseline(gn_detector *d, gn_writer *w, gn_err *e)
{
    return gn_baseline_write(gn_zscore_baseline(d->zscore), w, e);
}

int gn_detector_header(const gn_detector *d, gn_header *h, gn_err *e)
{
    return gn_anomalies_header(d->table, h, e);
}

int gn_detector_write(gn_detector *d, gn_writer *w, gn_err *e)
{
    return gn_anomalies_write(d->table, w, e);
}

int gn_detector_state_header(gn_detector *d, gn_header *h, gn_err *e)
{
    return d->zscore ? gn_baseline_state_header(gn_zscore_baseline(d->zscore), h, e)
                     : gn_hourly_state_header(d->hours, h, e);
}

int gn_detector_state_write(gn_detector *d, gn_writer *w, gn_err *e)
{
    return d->zscore ? gn_baseline_state_write(gn_zscore_baseline(d->zscore), w, e)
                     : gn_hourly_state_write(d->hours, w, e);
}

/* ---- what is told ---- */

size_t gn_detector_counters(const gn_detector *d, gn_counter to[GN_DETECTOR_COUNTERS])
{
    size_t k = 0;
    uint64_t runs, bytes = gn_anomalies_spilled(d->table, &runs), n;
    if (d->zscore) {
        gn_baseline *b = gn_zscore_baseline(d->zscore);
        const gn_baseline_counts *c = gn_baseline_counted(b);
        to[k++] = (gn_counter){"groups", c->groups};
        to[k++] = (gn_counter){"groups_too_small", c->small};
        to[k++] = (gn_counter){"groups_without_spread", c->without_spread};
        to[k++] = (gn_counter){"null_value", c->null_value};
        to[k++] = (gn_counter){"negative_value", c->negative_value};
        to[k++] = (gn_counter){"value_above_8h", c->long_value};
        to[k++] = (gn_counter){"values_judged", c->inside + c->low + c->high};
        to[k++] = (gn_counter){"values_not_judged", c->no_base};
        to[k++] = (gn_counter){"unknown_group", c->unknown_group};
        to[k++] = (gn_counter){"statistical", gn_zscore_found(d->zscore)};
        to[k++] = (gn_counter){"statistical_listed", gn_zscore_listed(d->zscore)};
        to[k++] = (gn_counter){"statistical_without_time", gn_zscore_timeless(d->zscore)};
        bytes += gn_baseline_spilled(b, &n);
        runs += n;
    }
    if (d->hours) {
        const gn_hourly_counts *c = gn_hourly_counted(d->hours);
        to[k++] = (gn_counter){"hours", c->hours};
        to[k++] = (gn_counter){"hours_judged", c->judged};
        to[k++] = (gn_counter){"temporal", c->anomalies};
        to[k++] = (gn_counter){"events_without_time", c->null_time};
        bytes += c->spilled;
        runs += c->spill_runs;
    }
    if (d->burst) {
        const gn_burst_counts *c = gn_burst_counted(d->burst);
        to[k++] = (gn_counter){"users", c->users};
        to[k++] = (gn_counter){"user_days", c->user_days};
        to[k++] = (gn_counter){"user_days_judged", c->judged};
        to[k++] = (gn_counter){"behavioural", c->anomalies};
        to[k++] = (gn_counter){"null_user", c->null_user};
        to[k++] = (gn_counter){"null_time", c->null_time};
        bytes += c->spilled;
        runs += c->spill_runs;
    }
    to[k++] = (gn_counter){"spill_runs", runs};
    to[k++] = (gn_counter){"spill_bytes", bytes};
    to[k++] = (gn_counter){"spooled_bytes", d->twice ? gn_twice_spooled(d->twice) : 0};
    return k;
}

size_t gn_detector_peak(const gn_detector *d)
{
    size_t peak = 0;
    for (int r = 0; r < GN_ANOMALY_RULES; r++)
        peak += d->budget[r].peak;
    return peak;
}
