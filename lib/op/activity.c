/* activity.c - see activity.h. */
#include "activity.h"

#include "../base/civil.h"
#include "../stream/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_DEFAULT "duration_ms"
#define TOTAL "total_"

void gn_activity_init(gn_activity *a, const gn_activity_options *o)
{
    a->o = *o;
    a->f_value = -1;
}

void gn_activity_release(gn_activity *a)
{
    gn_expr_free(a->filter);
    free(a->user);
    free(a->value);
    free(a->params);
    gn_buf_release(&a->before);
    a->filter = NULL;
    a->user = a->value = a->params = NULL;
}

static char *params_of(const gn_activity *a, const char *user, const char *value, gn_err *e)
{
    gn_buf b = {0};
    if (gn_buf_printf(&b, e, "user=%s value=%s active=%s tz=%s", user, value ? value : "",
                      a->o.active, a->o.tz)) {
        gn_buf_release(&b);
        return NULL;
    }
    return (char *)b.p;
}

/* First segment: remember; later ones must mean the same. */
static int agree(gn_activity *a, gn_reader *r, const char *value, const char *params, gn_err *e)
{
    const gn_field *f = &gn_reader_header(r)->schema.f[a->f_user];
    if (!a->begun) {
        a->user_type = f->type;
        if (!(a->user = gn_strdup(f->name, e)) || (value && !(a->value = gn_strdup(value, e))) ||
            !(a->params = gn_strdup(params, e)))
            return -1;
        a->begun = true;
        return 0;
    }
    if (f->type != a->user_type || !value != !a->value)
        return gn_fail(e, GN_INPUT,
                       "'%s': its user or value field is unlike that of the first input",
                       gn_reader_name(r));
    if (strcmp(params, a->params) != 0)
        return gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than the first input (%s)",
                       gn_reader_name(r), params, a->params);
    return 0;
}

static int compile_filter(gn_activity *a, gn_reader *r, const char *value, gn_err *e)
{
    gn_buf text = {0};
    const gn_schema *s = &gn_reader_header(r)->schema;
    gn_expr_free(a->filter);
    a->filter = NULL;
    if (strcmp(a->o.active, "any") == 0)
        return 0;
    const char *v = value ? value : VALUE_DEFAULT;
    int failed = strcmp(a->o.active, "engaged") == 0
                     ? gn_buf_printf(&text, e, "`%s` > 10s and `%s` < 4h", v, v)
                     : gn_buf_printf(&text, e, "%s", a->o.active);
    if (!failed)
        a->filter = gn_expr_condition((char *)text.p, "--active", s, a->o.zone, e);
    gn_buf_release(&text);
    return a->filter ? gn_expr_want_reader(a->filter, r, e) : -1;
}

static int events_segment(gn_activity *a, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const char *value = a->o.value ? a->o.value : VALUE_DEFAULT;
    if (h->partial.command)
        return gn_fail(e, GN_INPUT, "'%s': a partial state of %s, not events (use --merge)",
                       gn_reader_name(r), h->partial.command);
    if (!a->o.value && gn_schema_find(&h->schema, value) < 0)
        value = NULL;
    a->f_user = gn_reader_field(r, "--user", a->o.user, ~(1u << GN_FLOAT), e);
    a->f_time = a->f_user < 0
                    ? -1
                    : gn_reader_field(r, "--time", a->o.time, 1u << GN_TIME | 1u << GN_DATE, e);
    if (a->f_time < 0)
        return -1;
    a->f_value = value ? gn_reader_field(r, "--value", value, 1u << GN_INT, e) : -1;
    if (value && a->f_value < 0)
        return -1;
    if (gn_reader_want(r, a->f_user, GN_RAW, e) || gn_reader_want(r, a->f_time, GN_VALUE, e) ||
        (value && gn_reader_want(r, a->f_value, GN_VALUE, e)) || compile_filter(a, r, value, e))
        return -1;
    char *params = params_of(a, a->o.user, value, e);
    int result = params ? agree(a, r, value, params, e) : -1;
    free(params);
    return result;
}

static bool rollup_fields(const gn_schema *s)
{
    return (s->n == 4 || s->n == 5) && s->f[1].type == GN_DATE && s->f[2].type == GN_INT &&
           s->f[3].type == GN_INT && strcmp(s->f[1].name, "date") == 0 &&
           strcmp(s->f[2].name, "events") == 0 && strcmp(s->f[3].name, "interactions") == 0 &&
           (s->n == 4 ||
            (s->f[4].type == GN_BIN && strncmp(s->f[4].name, TOTAL, strlen(TOTAL)) == 0));
}

/* Do the parameters speak of the fields that are there? */
static bool fields_match(const gn_header *h, const char *value)
{
    char text[2 * GN_NAME_MAX + 64];
    int n = snprintf(text, sizeof text, "user=%s value=%s active=", h->schema.f[0].name,
                     value ? value : "");
    return strncmp(h->partial.params, text, (size_t)n) == 0;
}

static int rollup_segment(gn_activity *a, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const gn_schema *s = &h->schema;
    const char *name = gn_reader_name(r);
    if (!h->partial.command || strcmp(h->partial.command, "gn-dau") != 0 ||
        strcmp(h->partial.state, "keys") != 0)
        return gn_fail(e, GN_INPUT, "'%s': not a partial state of gn-dau (make it with --partial)",
                       name);
    const char *value = s->n == 5 ? s->f[4].name + strlen(TOTAL) : NULL;
    if (!rollup_fields(s) || !fields_match(h, value))
        return gn_fail(e, GN_INPUT, "'%s': a partial state with fields unlike gn-dau's", name);
    a->before.n = 0;
    for (int i = 0; i < (int)s->n; i++)
        if (gn_reader_want(r, i, i ? GN_VALUE : GN_RAW, e))
            return -1;
    a->f_user = 0;
    a->f_time = 1;
    a->f_events = 2;
    a->f_n = 3;
    a->f_value = value ? 4 : -1;
    if (!a->o.params_default) { /* options given again must be those it was made with */
        char *mine = params_of(a, s->f[0].name, value, e);
        if (!mine)
            return -1;
        if (strcmp(mine, h->partial.params) != 0)
            gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than asked for (%s)", name,
                    h->partial.params, mine);
        free(mine);
        if (e->status != GN_OK)
            return -1;
    }
    return agree(a, r, value, h->partial.params, e);
}

int gn_activity_segment(gn_activity *a, gn_reader *r, gn_err *e)
{
    return a->o.rollups ? rollup_segment(a, r, e) : events_segment(a, r, e);
}

/* ---- batches ---- */

static int find_valid(gn_activity *a, const gn_batch *b, gn_err *e)
{
    const gn_vec *user = &b->col[a->f_user], *time = &b->col[a->f_time];
    if (time->type == GN_TIME)
        gn_zone_days(a->o.zone, time->i, a->day, b->n);
    else
        memcpy(a->day, time->i, b->n * sizeof *a->day);
    a->key = user->raw;
    a->nvalid = 0;
    a->null_user += user->nulls;
    a->null_time += time->nulls;
    for (size_t i = 0; i < b->n; i++) {
        a->valid[a->nvalid] = (uint16_t)i;
        a->nvalid += !(user->null[i] | time->null[i]);
    }
    a->first = INT64_MAX;
    a->last = INT64_MIN;
    for (size_t k = 0; k < a->nvalid; k++) {
        int64_t day = a->day[a->valid[k]];
        a->first = day < a->first ? day : a->first;
        a->last = day > a->last ? day : a->last;
    }
    if (a->nvalid && (a->first < GN_DAY_MIN || a->last > GN_DAY_MAX))
        return gn_fail(e, GN_INPUT,
                       "a time whose day in zone '%s' is outside the years 0001 to 9999", a->o.tz);
    return 0;
}

static int events_batch(gn_activity *a, const gn_batch *b, gn_err *e)
{
    size_t kept;
    a->nrow = 0;
    if (a->filter) {
        if (gn_expr_filter(a->filter, b, a->active, &kept, e))
            return -1;
        for (size_t k = 0; k < a->nvalid; k++) {
            a->row[a->nrow] = a->valid[k];
            a->nrow += a->active[a->valid[k]];
        }
        a->not_active += a->nvalid - a->nrow;
    } else {
        a->nrow = a->nvalid;
        memcpy(a->row, a->valid, a->nvalid * sizeof *a->row);
        memset(a->active, 1, b->n);
    }
    if (a->f_value < 0)
        return 0;
    const gn_vec *v = &b->col[a->f_value];
    a->amount = v->i;
    uint64_t null = 0, negative = 0;
    for (size_t k = 0; k < a->nrow; k++) {
        null += v->null[a->row[k]];
        negative += v->i[a->row[k]] < 0;
    }
    a->null_value += null;
    a->negative_value += negative;
    return 0;
}

void gn_activity_expand(gn_activity *a)
{
    for (size_t k = 0; k < a->nvalid; k++) {
        size_t i = a->valid[k];
        a->events[i] = 1;
        a->n[i] = a->active[i];
        a->sum[i] = a->active[i] && a->amount && a->amount[i] > 0 ? a->amount[i] : 0;
    }
}

/* One row per user and day, in order: a double would be counted twice. */
static int check_order(gn_activity *a, gn_str user, int64_t day, gn_err *e)
{
    if (a->before.n) {
        gn_str before = {a->before.p, (uint32_t)a->before.n};
        int c = gn_value_cmp(a->user_type, before, user);
        if (c > 0 || (c == 0 && day <= a->day_before))
            return gn_fail(e, GN_CORRUPT, "a partial state out of order, or with doubled rows");
    }
    a->before.n = 0;
    a->day_before = day;
    return gn_buf_add(&a->before, user.p, user.n, e);
}

static int rollup_batch(gn_activity *a, const gn_batch *b, gn_err *e)
{
    const gn_vec *events = &b->col[a->f_events], *n = &b->col[a->f_n];
    const gn_vec *sum = a->f_value >= 0 ? &b->col[a->f_value] : NULL;
    if (a->nvalid < b->n || events->nulls || n->nulls || (sum && sum->nulls))
        return gn_fail(e, GN_CORRUPT, "a partial state with nulls");
    a->nrow = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (events->i[i] < 1 || n->i[i] < 0 || n->i[i] > events->i[i] || (sum && sum->s[i].n != 16))
            return gn_fail(e, GN_CORRUPT, "a partial state with impossible counts");
        if (check_order(a, a->key[i], a->day[i], e))
            return -1;
        a->events[i] = (uint64_t)events->i[i];
        a->n[i] = (uint64_t)n->i[i];
        a->sum[i] = sum ? gn_i128_get(sum->s[i].p) : 0;
        a->row[a->nrow] = (uint16_t)i;
        a->nrow += a->n[i] > 0;
    }
    return 0;
}

int gn_activity_batch(gn_activity *a, const gn_batch *b, gn_err *e)
{
    if (find_valid(a, b, e))
        return -1;
    return a->o.rollups ? rollup_batch(a, b, e) : events_batch(a, b, e);
}
