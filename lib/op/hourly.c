/* hourly.c - see hourly.h. The hours lie in order in a temporary file, which is read at two places:
 * at the hour, and at the one it is compared with. */
#include "hourly.h"

#include "../base/civil.h"
#include "../base/num.h"
#include "../io/mp.h"
#include "../io/tmp.h"
#include "agg.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_US (INT64_C(3600) * GN_US)
#define HOUR_MIN (GN_DAY_MIN * 24)
#define HOUR_MAX (GN_DAY_MAX * 24 + 23)
#define ENTITY "ALL"
#define METRIC "interactions"
#define BLOCK 512 /* hours read at a time */

typedef struct hour {
    int64_t at; /* hours since 1970 */
    uint64_t n, users;
    double avg, stddev; /* NaN: null */
} hour;

struct gn_hourly {
    gn_hourly_options o;
    gn_agg *agg;
    gn_buf keys, aggs, plain; /* plain: without activity */
    gn_tmp *hours;
    int64_t first, last;
    gn_hourly_counts count;
};

/* ---- what agg computes ---- */

static int quoted(gn_buf *to, const char *name, gn_err *e)
{
    if (gn_buf_add(to, "`", 1, e))
        return -1;
    for (; *name; name++)
        if (gn_buf_add(to, name, 1, e) || (*name == '`' && gn_buf_add(to, name, 1, e)))
            return -1;
    return gn_buf_add(to, "`", 1, e);
}

static int of_value(const gn_hourly *h, gn_buf *to, const char *f, gn_err *e)
{
    if (gn_buf_printf(to, e, ", %s = %s(%s", f, f, h->o.negative ? "" : "if(") ||
        quoted(to, h->o.value, e))
        return -1;
    if (!h->o.negative && (gn_buf_printf(to, e, " >= 0, ") || quoted(to, h->o.value, e) ||
                           gn_buf_printf(to, e, ", null)")))
        return -1;
    return gn_buf_printf(to, e, ")");
}

static int make_texts(gn_hourly *h, gn_err *e)
{
    gn_buf *k = &h->keys, *a = &h->aggs;
    if (gn_buf_printf(k, e, "hour = floor((") || quoted(k, h->o.time, e) ||
        gn_buf_printf(k, e, " - 1970-01-01T00:00:00Z) / 3600000)") ||
        gn_buf_printf(&h->plain, e, "n = count()") || gn_buf_printf(a, e, "n = count()"))
        return -1;
    if (!h->o.activity)
        return 0;
    if (gn_buf_printf(a, e, ", users = distinct(") || quoted(a, h->o.user, e) ||
        gn_buf_printf(a, e, ")"))
        return -1;
    return h->o.value && (of_value(h, a, "avg", e) || of_value(h, a, "stddev", e)) ? -1 : 0;
}

static const uint8_t *figure(const uint8_t *p, const uint8_t *end, double *v)
{
    if (p < end && *p == GN_MP_NIL)
        return p + 1;
    return gn_mp_get_float(p, end, v);
}

static int take_row(void *ctx, gn_str record, gn_err *e)
{
    gn_hourly *h = ctx;
    size_t fields;
    const uint8_t *end = record.p + record.n, *p = gn_mp_get_array(record.p, end, &fields);
    hour x = {.avg = NAN, .stddev = NAN};
    if (p && p < end && *p == GN_MP_NIL) { /* events without time */
        (void)gn_mp_get_uint(p + 1, end, &h->count.null_time);
        return 0;
    }
    if (!p || !(p = gn_mp_get_int(p, end, &x.at)) || !(p = gn_mp_get_uint(p, end, &x.n)) ||
        (fields > 2 && !(p = gn_mp_get_uint(p, end, &x.users))) ||
        (fields > 3 && (!(p = figure(p, end, &x.avg)) || !(p = figure(p, end, &x.stddev)))))
        return gn_fail(e, GN_BUG, "an hour without its figures");
    if (x.at < HOUR_MIN || x.at > HOUR_MAX) /* events have times; states can hold anything */
        return gn_fail(e, GN_CORRUPT, "a state of an hour outside the years 0001 to 9999");
    if (h->count.hours++ == 0)
        h->first = x.at;
    h->last = x.at;
    return gn_tmp_write(h->hours, &x, sizeof x, e);
}

gn_hourly *gn_hourly_new(const gn_hourly_options *o, gn_err *e)
{
    gn_hourly *h = gn_calloc(1, sizeof *h, e);
    if (!h)
        return NULL;
    h->o = *o;
    if (make_texts(h, e) || !(h->hours = gn_tmp_new(o->temp_dir, e))) {
        gn_hourly_free(h);
        return NULL;
    }
    gn_agg_options a = {.keys = (const char *)h->keys.p,
                        .aggs = (const char *)h->aggs.p,
                        .time = "timestamp",
                        .zone = o->zone,
                        .tz = o->tz,
                        .merge = o->merge,
                        .hash = o->hash,
                        .budget = o->budget,
                        .temp_dir = o->temp_dir,
                        .command = o->command,
                        .row = take_row,
                        .ctx = h};
    if (!(h->agg = gn_agg_new(&a, e))) {
        gn_hourly_free(h);
        return NULL;
    }
    return h;
}

void gn_hourly_free(gn_hourly *h)
{
    if (!h)
        return;
    gn_agg_free(h->agg);
    gn_tmp_free(h->hours);
    gn_buf_release(&h->keys);
    gn_buf_release(&h->aggs);
    gn_buf_release(&h->plain);
    free(h);
}

const gn_hourly_counts *gn_hourly_counted(const gn_hourly *h)
{
    return &h->count;
}

/* A state says last what it is of: "keys=bytes:text aggs=bytes:text". */
static bool state_of(const gn_hourly *h, const char *params, const gn_buf *aggs)
{
    gn_buf end = {0};
    gn_err no = {0};
    size_t n = strlen(params);
    bool is = gn_buf_printf(&end, &no, " keys=%zu:%s aggs=%zu:%s", h->keys.n, (char *)h->keys.p,
                            aggs->n, (char *)aggs->p) == 0 &&
              n >= end.n && strcmp(params + n - end.n, (char *)end.p) == 0;
    gn_buf_release(&end);
    return is;
}

int gn_hourly_segment(gn_hourly *h, gn_reader *r, gn_err *e)
{
    if (!h->o.merge)
        return gn_reader_field(r, "--time", h->o.time, 1u << GN_TIME, e) < 0 ||
                       (h->o.activity && gn_reader_field(r, "--user", h->o.user,
                                                         1u << GN_STR | 1u << GN_INT, e) < 0) ||
                       gn_agg_segment(h->agg, r, e)
                   ? -1
                   : 0;
    if (gn_agg_segment(h->agg, r, e))
        return -1;
    const char *params = gn_reader_header(r)->partial.params;
    if (state_of(h, params, &h->aggs))
        return 0;
    return gn_fail(e, GN_INPUT, "'%s': %s", gn_reader_name(r),
                   h->o.activity && state_of(h, params, &h->plain)
                       ? "a state without users and values (make it with --activity)"
                       : "not a state of hours as asked for (give the options that it was made "
                         "with)");
}

int gn_hourly_add(gn_hourly *h, const gn_batch *b, gn_err *e)
{
    return gn_agg_batch(h->agg, b, false, NULL, e);
}

static void done(gn_hourly *h)
{
    h->count.spilled = gn_agg_spilled(h->agg, &h->count.spill_runs);
    gn_agg_free(h->agg);
    h->agg = NULL;
}

int gn_hourly_state_header(gn_hourly *h, gn_header *to, gn_err *e)
{
    return gn_agg_header(h->agg, true, to, e);
}

int gn_hourly_state_write(gn_hourly *h, gn_writer *w, gn_err *e)
{
    if (gn_agg_finish(h->agg, true, w, e))
        return -1;
    h->count.hours = gn_agg_groups(h->agg);
    done(h);
    return 0;
}

/* ---- hours in order ---- */

/* A place in the file of hours; of hours that are asked for in order. */
typedef struct cursor {
    gn_tmp *file;
    uint64_t next, to; /* hours */
    hour block[BLOCK];
} cursor;

/* The hour `at`; one of no events where there is none. */
static int find(cursor *c, int64_t at, hour *x, gn_err *e)
{
    const uint64_t n = gn_tmp_size(c->file) / sizeof(hour);
    for (;; c->next++) {
        if (c->next == c->to && c->to < n) {
            size_t count = n - c->to < BLOCK ? (size_t)(n - c->to) : BLOCK;
            if (gn_tmp_read(c->file, c->to * sizeof(hour), c->block, count * sizeof(hour), e))
                return -1;
            c->to += count;
        }
        const hour *h = &c->block[c->next % BLOCK];
        if (c->next == n || h->at > at) {
            *x = (hour){.at = at, .avg = NAN, .stddev = NAN};
            return 0;
        }
        if (h->at == at) {
            *x = *h;
            return 0;
        }
    }
}

int gn_hourly_header(const gn_hourly *h, gn_header *to, gn_err *e)
{
    gn_schema *s = &to->schema;
    const char *v = h->o.value ? h->o.value : "value";
    gn_buf avg = {0}, dev = {0};
    int r = gn_buf_printf(&avg, e, "avg_%s", v) || gn_buf_printf(&dev, e, "stddev_%s", v) ||
                    gn_schema_add(s, "hour", 4, GN_TIME, e) ||
                    gn_schema_add(s, METRIC, strlen(METRIC), GN_INT, e) ||
                    gn_schema_add(s, "users", 5, GN_INT, e) ||
                    gn_schema_add(s, (char *)avg.p, avg.n, GN_FLOAT, e) ||
                    gn_schema_add(s, (char *)dev.p, dev.n, GN_FLOAT, e) ||
                    gn_schema_add(s, "expected_interactions", 21, GN_INT, e) ||
                    gn_header_add_order(to, "hour", false, e)
                ? -1
                : 0;
    to->total = true;
    gn_buf_release(&avg);
    gn_buf_release(&dev);
    return r;
}

static int write_hour(const hour *x, const hour *before, gn_row *row, gn_writer *w, gn_err *e)
{
    return gn_row_begin(row, 6, e) || gn_row_time(row, x->at * HOUR_US, e) ||
                   gn_row_int(row, (int64_t)x->n, e) || gn_row_int(row, (int64_t)x->users, e) ||
                   gn_row_float(row, x->avg, e) || gn_row_float(row, x->stddev, e) ||
                   (before ? gn_row_int(row, (int64_t)before->n, e) : gn_row_null(row, e)) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

static int describe(const gn_hourly *h, const hour *x, const hour *before, double times,
                    gn_buf *text, gn_err *e)
{
    text->n = 0;
    if (gn_buf_printf(text, e,
                      "events in the hour: %" PRIu64 " seen, %" PRIu64 " expected, as %" PRId64
                      " hours before",
                      x->n, before->n, h->o.lag))
        return -1;
    if (!isfinite(times))
        return 0;
    if (gn_buf_printf(text, e, ": ") || gn_anomaly_number(text, times, e))
        return -1;
    return gn_buf_printf(text, e, x->n > before->n ? " times as many" : " times fewer");
}

/* One hour against the one before. */
static int judge(gn_hourly *h, const hour *x, const hour *before, gn_anomalies *to, gn_row *row,
                 gn_buf *text, gn_err *e)
{
    uint64_t most = x->n > before->n ? x->n : before->n, least = x->n + before->n - most;
    double change = before->n ? gn_ratio((gn_i128)(most - least), before->n) : INFINITY;
    h->count.judged++;
    if (most < h->o.least || most == least || !(change > h->o.change))
        return 0;
    double times = least ? gn_ratio(most, least) : INFINITY;
    h->count.anomalies++;
    if (describe(h, x, before, times, text, e))
        return -1;
    gn_anomaly a = {.rule = GN_TEMPORAL,
                    .entity = {(const uint8_t *)ENTITY, strlen(ENTITY)},
                    .entity_type = "hour",
                    .at = x->at * HOUR_US,
                    .metric = METRIC,
                    .value = (double)x->n,
                    .expected = (double)before->n,
                    .score = change,
                    .threshold = h->o.change,
                    .baseline_n = 1,
                    .severity = gn_severity_of(&h->o.severity, times),
                    .description = {text->p, (uint32_t)text->n}};
    return gn_anomaly_row(&a, row, e) || gn_anomalies_put(to, row, e) ? -1 : 0;
}

int gn_hourly_finish(gn_hourly *h, gn_anomalies *to, gn_writer *w, gn_err *e)
{
    cursor *now = NULL, *then = NULL;
    gn_row row = {0};
    gn_buf text = {0};
    hour x, before;
    int r = gn_agg_finish(h->agg, false, NULL, e);
    if (r == 0)
        done(h);
    if (r || !(now = gn_calloc(1, sizeof *now, e)) || !(then = gn_calloc(1, sizeof *then, e)))
        r = -1;
    else
        now->file = then->file = h->hours;
    for (int64_t at = h->first; r == 0 && h->count.hours && at <= h->last; at++) {
        bool known = at - h->first >= h->o.lag;
        if (find(now, at, &x, e) || (known && find(then, at - h->o.lag, &before, e)) ||
            (w && write_hour(&x, known ? &before : NULL, &row, w, e)) ||
            (known && judge(h, &x, &before, to, &row, &text, e)))
            r = -1;
    }
    free(now);
    free(then);
    gn_row_release(&row);
    gn_buf_release(&text);
    return r;
}
