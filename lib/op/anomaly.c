/* anomaly.c - see anomaly.h. Sorted rows lack the ordinal, which is put in as they are written. */
#include "anomaly.h"

#include "../base/parse.h"
#include "../io/mp.h"
#include "rowsort.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN "(unknown)"
#define ORDER "rule,entity,at"
#define KEYS 3    /* fields before the ordinal */
#define FIELDS 14 /* without it */

struct gn_anomalies {
    gn_anomaly_options o;
    gn_type user, dimension;
    bool typed;
    gn_rowsort *sort;
};

const char *gn_anomaly_rule_name(enum gn_anomaly_rule r)
{
    static const char *const name[] = {[GN_BEHAVIOURAL] = "behavioural",
                                       [GN_STATISTICAL] = "statistical",
                                       [GN_TEMPORAL] = "temporal"};
    return name[r];
}

/* ---- severity ---- */

const char *gn_severity_of(const gn_severity *s, double measure)
{
    return measure > s->above[2]   ? "critical"
           : measure > s->above[1] ? "high"
           : measure > s->above[0] ? "medium"
                                   : "low";
}

bool gn_severity_parse(gn_severity *s, const char *text)
{
    for (int i = 0; i < 3; i++) {
        size_t n = strcspn(text, ",");
        if (!gn_parse_float(text, n, &s->above[i]) || (i && s->above[i] < s->above[i - 1]) ||
            (i < 2) != (text[n] == ','))
            return false;
        text += n + (i < 2);
    }
    return true;
}

/* ---- words ---- */

int gn_anomaly_number(gn_buf *to, double v, gn_err *e)
{
    if (fabs(v) >= 1e15)
        return gn_buf_printf(to, e, "%.6g", v);
    return gn_buf_printf(to, e, v == floor(v) ? "%.0f" : "%.2f", v);
}

int gn_anomaly_text(gn_text *t, gn_buf *to, gn_type type, gn_str x, gn_err *e)
{
    const uint8_t *end = x.p + x.n, *body;
    const char *s;
    size_t n = 0;
    int64_t i = 0;
    double f = 0;
    bool b = false;
    if (x.n == 0 || *x.p == GN_MP_NIL)
        return gn_buf_add(to, UNKNOWN, strlen(UNKNOWN), e);
    if (type == GN_STR)
        return gn_mp_get_str(x.p, end, &s, &n) ? gn_buf_add(to, s, n, e) : -1;
    if (type == GN_BIN) {
        body = gn_mp_get_bin(x.p, end, &body, &n) ? end - n : end;
        for (; body < end; body++)
            if (gn_buf_printf(to, e, "%02x", *body))
                return -1;
        return 0;
    }
    if (gn_buf_reserve(to, GN_TEXT_MAX, e))
        return -1;
    char *p = (char *)to->p + to->n;
    if (type == GN_FLOAT && gn_mp_get_float(x.p, end, &f))
        p = gn_text_float(p, f);
    else if (type == GN_BOOL && gn_mp_get_bool(x.p, end, &b))
        p = gn_text_bool(p, b);
    else if (type == GN_TIME && gn_mp_get_time(x.p, end, &i))
        p = gn_text_time(t, p, i);
    else if (type == GN_DATE && gn_mp_get_int(x.p, end, &i))
        p = gn_text_date(t, p, i);
    else if (type == GN_INT && gn_mp_get_int(x.p, end, &i))
        p = gn_text_int(p, i);
    to->n = (size_t)(p - (char *)to->p);
    return 0;
}

/* ---- rows ---- */

static int put_str(gn_row *row, const char *s, gn_err *e)
{
    return gn_row_str(row, s, strlen(s), e);
}

static int put_raw(gn_row *row, gn_str x, gn_err *e)
{
    return x.n ? gn_row_raw(row, x, e) : gn_row_null(row, e);
}

int gn_anomaly_row(const gn_anomaly *x, gn_row *row, gn_err *e)
{
    return gn_row_begin(row, FIELDS, e) || put_str(row, gn_anomaly_rule_name(x->rule), e) ||
                   gn_row_str(row, (const char *)x->entity.p, x->entity.n, e) ||
                   gn_row_time(row, x->at, e) || put_str(row, x->entity_type, e) ||
                   put_raw(row, x->user, e) || put_raw(row, x->dimension, e) ||
                   put_str(row, x->metric, e) || gn_row_float(row, x->value, e) ||
                   gn_row_float(row, x->expected, e) || gn_row_float(row, x->score, e) ||
                   gn_row_float(row, x->threshold, e) ||
                   gn_row_int(row, (int64_t)x->baseline_n, e) || put_str(row, x->severity, e) ||
                   gn_row_str(row, (const char *)x->description.p, x->description.n, e)
               ? -1
               : 0;
}

static int add(gn_schema *s, const char *name, gn_type t, gn_err *e)
{
    return gn_schema_add(s, name, strlen(name), t, e);
}

static int schema(const gn_anomalies *a, bool ordinal, gn_schema *s, gn_err *e)
{
    return add(s, "rule", GN_STR, e) || add(s, "entity", GN_STR, e) || add(s, "at", GN_TIME, e) ||
                   (ordinal && add(s, "ordinal", GN_INT, e)) || add(s, "entity_type", GN_STR, e) ||
                   add(s, a->o.user, a->user, e) || add(s, a->o.dimension, a->dimension, e) ||
                   add(s, "metric_name", GN_STR, e) || add(s, "metric_value", GN_FLOAT, e) ||
                   add(s, "expected_value", GN_FLOAT, e) || add(s, "score", GN_FLOAT, e) ||
                   add(s, "threshold", GN_FLOAT, e) || add(s, "baseline_n", GN_INT, e) ||
                   add(s, "severity", GN_STR, e) || add(s, "description", GN_STR, e)
               ? -1
               : 0;
}

gn_anomalies *gn_anomalies_new(const gn_anomaly_options *o, gn_err *e)
{
    gn_anomalies *a = gn_calloc(1, sizeof *a, e);
    if (a) {
        a->o = *o;
        a->user = a->dimension = GN_STR;
    }
    return a;
}

void gn_anomalies_free(gn_anomalies *a)
{
    if (!a)
        return;
    gn_rowsort_free(a->sort);
    free(a);
}

int gn_anomalies_types(gn_anomalies *a, gn_type user, gn_type dimension, gn_err *e)
{
    if (a->typed && (user != a->user || dimension != a->dimension)) {
        bool u = user != a->user;
        return gn_fail(e, GN_INPUT, "'%s' is a %s here, a %s in the input before",
                       u ? a->o.user : a->o.dimension, gn_type_name(u ? user : dimension),
                       gn_type_name(u ? a->user : a->dimension));
    }
    a->user = user;
    a->dimension = dimension;
    a->typed = true;
    return 0;
}

static int open_sort(gn_anomalies *a, gn_err *e)
{
    gn_schema s = {0};
    if (a->sort)
        return 0;
    if (schema(a, false, &s, e) == 0)
        a->sort = gn_rowsort_new(&(gn_rowsort_options){.schema = &s,
                                                       .order = ORDER,
                                                       .dir = a->o.dir,
                                                       .budget = a->o.budget,
                                                       .memory = a->o.memory},
                                 e);
    gn_schema_release(&s);
    return a->sort ? 0 : -1;
}

int gn_anomalies_put(gn_anomalies *a, const gn_row *row, gn_err *e)
{
    return open_sort(a, e) || gn_rowsort_put(a->sort, row, e) ? -1 : 0;
}

int gn_anomalies_put_bytes(gn_anomalies *a, gn_str row, gn_err *e)
{
    const gn_row lent = {.b = {(uint8_t *)(uintptr_t)row.p, row.n, row.n}};
    return gn_anomalies_put(a, &lent, e);
}

int gn_anomalies_header(const gn_anomalies *a, gn_header *h, gn_err *e)
{
    h->total = true;
    return schema(a, true, &h->schema, e) || gn_header_add_order(h, "rule", false, e) ||
                   gn_header_add_order(h, "entity", false, e) ||
                   gn_header_add_order(h, "at", false, e) ||
                   gn_header_add_order(h, "ordinal", false, e)
               ? -1
               : 0;
}

/* The encodings of the key, one behind the other. */
static gn_str key_of(gn_str record)
{
    gn_str first = gn_rowsort_field(record, 0), last = gn_rowsort_field(record, KEYS - 1);
    return (gn_str){first.p, (uint32_t)(last.p + last.n - first.p)};
}

static int write_row(gn_str record, gn_str key, int64_t ordinal, gn_row *row, gn_writer *w,
                     gn_err *e)
{
    const uint8_t *rest = key.p + key.n, *end = record.p + record.n;
    if (gn_row_begin(row, FIELDS + 1, e) || gn_row_raw(row, key, e))
        return -1;
    row->left -= KEYS - 1; /* several values at once */
    if (gn_row_int(row, ordinal, e) || gn_row_raw(row, (gn_str){rest, (uint32_t)(end - rest)}, e))
        return -1;
    row->left -= FIELDS - KEYS - 1;
    return gn_row_write(row, w, e);
}

int gn_anomalies_write(gn_anomalies *a, gn_writer *w, gn_err *e)
{
    gn_row row = {0};
    gn_buf last = {0};
    gn_str record;
    int64_t ordinal = 0;
    int r = 0;
    while (a->sort && (r = gn_rowsort_next(a->sort, &record, e)) == 1) {
        gn_str key = key_of(record);
        bool same = ordinal && last.n == key.n && memcmp(last.p, key.p, key.n) == 0;
        ordinal = same ? ordinal + 1 : 1;
        last.n = 0;
        if (gn_buf_add(&last, key.p, key.n, e) || write_row(record, key, ordinal, &row, w, e)) {
            r = -1;
            break;
        }
    }
    gn_row_release(&row);
    gn_buf_release(&last);
    return r;
}

uint64_t gn_anomalies_spilled(const gn_anomalies *a, uint64_t *runs)
{
    *runs = 0;
    return a->sort ? gn_rowsort_spilled(a->sort, runs) : 0;
}
