/* zscore.c - see zscore.h. */
#include "zscore.h"

#include "../base/civil.h"
#include "../io/mp.h"
#include "rowsort.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct gn_zscore {
    gn_zscore_options o;
    gn_anomalies *to;
    gn_baseline *base;
    int f_value, f_user, f_time, f_dimension;
    gn_type value_type, user_type;
    enum gn_verdict verdict[GN_BATCH];
    const gn_base *judged_by[GN_BATCH];
    gn_rowsort *sort; /* with `top`: group, score, anomaly */
    uint64_t found, listed, timeless;
    gn_text *text;
    gn_buf entity, description;
    gn_row row, ranked;
};

gn_zscore *gn_zscore_new(const gn_zscore_options *o, gn_anomalies *to, gn_err *e)
{
    gn_zscore *z = gn_calloc(1, sizeof *z, e);
    if (!z)
        return NULL;
    z->o = *o;
    z->to = to;
    if (!(z->base = gn_baseline_new(&o->base, e)) || !(z->text = gn_text_new(o->base.zone, e))) {
        gn_zscore_free(z);
        return NULL;
    }
    return z;
}

void gn_zscore_free(gn_zscore *z)
{
    if (!z)
        return;
    gn_baseline_free(z->base);
    gn_rowsort_free(z->sort);
    gn_text_free(z->text);
    gn_buf_release(&z->entity);
    gn_buf_release(&z->description);
    gn_row_release(&z->row);
    gn_row_release(&z->ranked);
    free(z);
}

gn_baseline *gn_zscore_baseline(gn_zscore *z)
{
    return z->base;
}

uint64_t gn_zscore_found(const gn_zscore *z)
{
    return z->found;
}

uint64_t gn_zscore_listed(const gn_zscore *z)
{
    return z->listed;
}

uint64_t gn_zscore_timeless(const gn_zscore *z)
{
    return z->timeless;
}

/* ---- judging ---- */

static int find(const gn_header *h, const char *input, const char *role, const char *field,
                unsigned types, gn_err *e)
{
    int f = gn_schema_find(&h->schema, field);
    if (f >= 0 && types >> h->schema.f[f].type & 1)
        return f;
    return gn_fail(e, GN_INPUT, "'%s': %s: %s '%s'", input, role,
                   f < 0 ? "there is no field" : "not of a type it can be", field);
}

int gn_zscore_bind(gn_zscore *z, gn_feed feed, gn_err *e)
{
    const gn_header *h = gn_feed_header(feed);
    const char *input = gn_feed_name(feed);
    if (gn_baseline_bind(z->base, feed, e))
        return -1;
    z->f_value = gn_baseline_field(z->base, &z->value_type);
    z->f_user = find(h, input, "--user", z->o.user, 1u << GN_STR | 1u << GN_INT, e);
    if (z->f_user < 0)
        return -1;
    z->f_time = find(h, input, "--time", z->o.time, 1u << GN_TIME | 1u << GN_DATE, e);
    if (z->f_time < 0)
        return -1;
    z->f_dimension = -1;
    if (z->o.dimension &&
        (z->f_dimension = find(h, input, "--dimension", z->o.dimension, ~0u, e)) < 0)
        return -1;
    z->user_type = h->schema.f[z->f_user].type;
    return gn_feed_want(feed, z->f_user, GN_RAW, e) || gn_feed_want(feed, z->f_time, GN_VALUE, e) ||
                   (z->f_dimension >= 0 && gn_feed_want(feed, z->f_dimension, GN_RAW, e))
               ? -1
               : 0;
}

/* "duration_ms: 27000000 seen, 157153.90 expected, the mean of 320 values with app_version = 5.0.0,
 * date = 2023-01-01: z = 5.48" */
static int describe(gn_zscore *z, const gn_base *g, double v, gn_str key, double score, gn_err *e)
{
    const gn_schema *keys = gn_baseline_keys(z->base);
    const uint8_t *p = key.p, *end = key.p + key.n;
    gn_buf *to = &z->description;
    bool robust = z->o.base.kind == GN_BASE_ROBUST;
    to->n = 0;
    if (gn_buf_printf(to, e, "%s: ", z->o.base.value) || gn_anomaly_number(to, v, e) ||
        gn_buf_printf(to, e, " seen, ") || gn_anomaly_number(to, g->a, e) ||
        gn_buf_printf(to, e, " expected, the %s of %" PRIu64 " values", robust ? "median" : "mean",
                      g->n))
        return -1;
    for (size_t i = 0; i < keys->n; i++) {
        const uint8_t *q = gn_mp_skip(p, end);
        if (!q)
            return gn_fail(e, GN_BUG, "a group's keys");
        if (gn_buf_printf(to, e, "%s%s = ", i ? ", " : " with ", keys->f[i].name) ||
            gn_anomaly_text(z->text, to, keys->f[i].type, (gn_str){p, (uint32_t)(q - p)}, e))
            return -1;
        p = q;
    }
    return gn_buf_printf(to, e, ": %sz = ", robust ? "robust " : "") ||
                   gn_anomaly_number(to, score, e)
               ? -1
               : 0;
}

static int open_sort(gn_zscore *z, gn_err *e)
{
    gn_schema s = {0};
    if (gn_schema_parse(&s, "group:bin,score:float,anomaly:bin", e) == 0)
        z->sort = gn_rowsort_new(&(gn_rowsort_options){.schema = &s,
                                                       .order = "group,score:desc,anomaly",
                                                       .dir = z->o.base.temp_dir,
                                                       .budget = z->o.budget,
                                                       .memory = z->o.memory},
                                 e);
    gn_schema_release(&s);
    return z->sort ? 0 : -1;
}

static int put(gn_zscore *z, gn_str group, double score, gn_err *e)
{
    gn_row *r = &z->ranked;
    if (!z->o.top) {
        z->listed++;
        return gn_anomalies_put(z->to, &z->row, e);
    }
    if (!z->sort && open_sort(z, e))
        return -1;
    return gn_row_begin(r, 3, e) || gn_row_bin(r, group.p, group.n, e) ||
                   gn_row_float(r, score, e) || gn_row_bin(r, z->row.b.p, z->row.b.n, e) ||
                   gn_rowsort_put(z->sort, r, e)
               ? -1
               : 0;
}

static int found(gn_zscore *z, const gn_batch *b, size_t i, gn_str key, gn_err *e)
{
    const gn_vec *v = &b->col[z->f_value], *time = &b->col[z->f_time];
    const gn_base *g = z->judged_by[i];
    double x = v->i ? (double)v->i[i] : v->f[i], score = gn_baseline_score(z->base, g, x);
    gn_str user = b->col[z->f_user].raw[i];
    if (time->null[i]) {
        z->timeless++;
        return 0;
    }
    int64_t at =
        time->type == GN_TIME ? time->i[i] : gn_zone_to_utc(z->o.base.zone, time->i[i] * GN_DAY_US);
    if (at < GN_TIME_MIN || at > GN_TIME_MAX)
        return gn_fail(e, GN_INPUT,
                       "a date that begins, in its zone, outside the years 0001 to 9999 of UTC");
    z->found++;
    z->entity.n = 0;
    if (gn_anomaly_text(z->text, &z->entity, z->user_type, user, e) ||
        describe(z, g, x, key, score, e))
        return -1;
    gn_anomaly a = {.rule = GN_STATISTICAL,
                    .entity = {z->entity.p, (uint32_t)z->entity.n},
                    .entity_type = "event",
                    .at = at,
                    .user = user,
                    .metric = z->o.base.value,
                    .value = x,
                    .expected = g->a,
                    .score = fabs(score),
                    .threshold = z->o.base.factor,
                    .baseline_n = g->n,
                    .severity = gn_severity_of(&z->o.severity, fabs(score)),
                    .description = {z->description.p, (uint32_t)z->description.n}};
    if (z->f_dimension >= 0)
        a.dimension = b->col[z->f_dimension].raw[i];
    return gn_anomaly_row(&a, &z->row, e) || put(z, key, a.score, e) ? -1 : 0;
}

int gn_zscore_judge(gn_zscore *z, const gn_batch *b, gn_err *e)
{
    const gn_str *key = NULL;
    if (gn_baseline_judge(z->base, b, z->verdict, z->judged_by, e))
        return -1;
    for (size_t i = 0; i < b->n; i++) {
        if (z->verdict[i] < GN_LOW)
            continue;
        if (!key && !(key = gn_baseline_keys_of(z->base, b, e)))
            return -1;
        if (found(z, b, i, key[i], e))
            return -1;
    }
    return 0;
}

/* The first of each group to the table. */
int gn_zscore_finish(gn_zscore *z, gn_err *e)
{
    gn_str record;
    gn_buf last = {0};
    uint64_t n = 0;
    int r = 0;
    while (z->sort && (r = gn_rowsort_next(z->sort, &record, e)) == 1) {
        gn_str group = gn_rowsort_field(record, 0), body = gn_rowsort_field(record, 2);
        const uint8_t *row;
        size_t bytes;
        if (n == 0 || last.n != group.n || memcmp(last.p, group.p, group.n) != 0) {
            n = 0;
            last.n = 0;
            if (gn_buf_add(&last, group.p, group.n, e))
                r = -1;
        }
        if (r == 1 && n++ < z->o.top) {
            z->listed++;
            (void)gn_mp_get_bin(body.p, body.p + body.n, &row, &bytes);
            if (gn_anomalies_put_bytes(z->to, (gn_str){row, (uint32_t)bytes}, e))
                r = -1;
        }
        if (r < 0)
            break;
    }
    gn_buf_release(&last);
    gn_rowsort_free(z->sort);
    z->sort = NULL;
    return r;
}
