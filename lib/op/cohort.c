/* cohort.c - see cohort.h. A cell's key is the number of the cohort's first day, 8 bytes, the
 * segment type, 00, and the value: so memcmp orders cells as they are written. */
#include "cohortpriv.h"

#include "../base/civil.h"
#include "../io/mp.h"
#include "../kernel/sortkey.h"

#include <stdlib.h>
#include <string.h>

#define CELLS_FIRST 64

gn_cohorts *gn_cohorts_new(const gn_cohort_options *o, gn_err *e)
{
    gn_cohorts *c = gn_calloc(1, sizeof *c, e);
    if (!c)
        return NULL;
    c->o = *o;
    c->width = (size_t)o->periods + 2;
    if (!(c->cells = gn_hashtab_new(o->budget, e))) {
        gn_cohorts_free(c);
        return NULL;
    }
    return c;
}

void gn_cohorts_free(gn_cohorts *c)
{
    if (!c)
        return;
    gn_hashtab_free(c->cells);
    gn_budget_give(c->o.budget, c->room * c->width * sizeof *c->count);
    gn_budget_give(c->o.budget, c->nsorted * sizeof *c->sorted);
    free(c->count);
    free(c->sorted);
    gn_buf_release(&c->key);
    free(c);
}

uint64_t gn_cohorts_users(const gn_cohorts *c)
{
    return c->users;
}

uint64_t gn_cohorts_cells(const gn_cohorts *c)
{
    return gn_hashtab_count(c->cells);
}

/* ---- periods ---- */

int64_t gn_cohorts_start(const gn_cohorts *c, int64_t day)
{
    return c->o.month ? gn_month_start(gn_month_of_day(day)) : gn_week_start(day);
}

/* The number of a day's period, counted from that of the cohort. */
static int64_t number_of(const gn_cohorts *c, int64_t first, int64_t day)
{
    if (c->o.month)
        return gn_month_of_day(day) - gn_month_of_day(first);
    return (gn_week_start(day) - first) / 7;
}

/* The first day of the period with a number. */
static int64_t period_start(const gn_cohorts *c, int64_t first, int64_t k)
{
    return c->o.month ? gn_month_start(gn_month_of_day(first) + k) : first + 7 * k;
}

/* ---- cells ---- */

static int make_room(gn_cohorts *c, gn_err *e)
{
    size_t room = c->room ? 2 * c->room : CELLS_FIRST, bytes = c->width * sizeof *c->count;
    if (gn_budget_take(c->o.budget, (room - c->room) * bytes, e))
        return -1;
    uint64_t *p = gn_realloc(c->count, room, bytes, e);
    if (!p) {
        gn_budget_give(c->o.budget, (room - c->room) * bytes);
        return -1;
    }
    memset(p + c->room * c->width, 0, (room - c->room) * bytes);
    c->count = p;
    c->room = room;
    return 0;
}

static int add_key(gn_cohorts *c, int64_t first, const char *type, gn_str value, gn_err *e)
{
    uint8_t day[8];
    gn_put64(day, (uint64_t)(first - GN_DAY_MIN + 7));
    return gn_buf_add(&c->key, day, sizeof day, e) ||
                   gn_buf_add(&c->key, type, strlen(type) + 1, e) ||
                   (value.n && gn_buf_add(&c->key, value.p, value.n, e))
               ? -1
               : 0;
}

int gn_cohorts_find(gn_cohorts *c, int64_t first, bool all, const gn_segments *s, uint32_t *cell,
                    gn_err *e)
{
    static const uint8_t unknown[] = GN_COHORT_UNKNOWN;
    size_t end[GN_COHORT_CELLS], n = 0;
    gn_str key[GN_COHORT_CELLS];
    c->key.n = 0;
    if (all) {
        if (add_key(c, first, "", (gn_str){NULL, 0}, e))
            return -1;
        end[n++] = c->key.n;
    }
    for (size_t i = 0; i < s->n; i++) {
        gn_str value = s->value[i].p ? s->value[i] : (gn_str){unknown, sizeof unknown - 1};
        if (add_key(c, first, s->type[i], value, e))
            return -1;
        end[n++] = c->key.n;
    }
    for (size_t i = 0, at = 0; i < n; at = end[i++])
        key[i] = (gn_str){c->key.p + at, (uint32_t)(end[i] - at)};
    if (gn_hashtab_add(c->cells, key, cell, n, e))
        return -1;
    while (gn_hashtab_count(c->cells) > c->room)
        if (make_room(c, e))
            return -1;
    return 0;
}

int gn_cohorts_add(gn_cohorts *c, int64_t day, const gn_segments *s, const gn_intsums *days,
                   int64_t from, int64_t to, uint64_t *before, gn_err *e)
{
    uint32_t cell[GN_COHORT_CELLS];
    int64_t first = gn_cohorts_start(c, day), last = -1;
    if (gn_cohorts_find(c, first, true, s, cell, e))
        return -1;
    c->users++;
    for (size_t i = 0; i <= s->n; i++)
        c->count[cell[i] * c->width]++;
    for (size_t d = 0; d < days->n; d++) {
        int64_t active = days->entry[d].key;
        if (active < from || active > to)
            continue;
        *before += active < first;
        int64_t k = active < first ? last : number_of(c, first, active);
        if (k > c->o.periods)
            break;
        if (k == last)
            continue;
        last = k;
        for (size_t i = 0; i <= s->n; i++)
            c->count[cell[i] * c->width + 1 + (size_t)k]++;
    }
    return 0;
}

/* ---- reading cells in order ---- */

static int cmp_cells(const void *a, const void *b, void *ctx)
{
    const gn_hashtab *t = ctx;
    return gn_sortkey_cmp_bytes(gn_hashtab_key(t, *(const uint32_t *)a),
                                gn_hashtab_key(t, *(const uint32_t *)b));
}

int gn_cohorts_sort(gn_cohorts *c, gn_err *e)
{
    size_t n = gn_hashtab_count(c->cells);
    if (c->sorted)
        return 0;
    if (gn_budget_take(c->o.budget, n * sizeof *c->sorted, e))
        return -1;
    c->nsorted = n;
    if (!(c->sorted = gn_alloc(n, sizeof *c->sorted, e)))
        return -1;
    for (size_t i = 0; i < n; i++)
        c->sorted[i] = (uint32_t)i;
    qsort_r(c->sorted, n, sizeof *c->sorted, cmp_cells, c->cells);
    return 0;
}

gn_cohort_cell gn_cohorts_cell(const gn_cohorts *c, size_t i)
{
    gn_str key = gn_hashtab_key(c->cells, c->sorted[i]);
    const char *type = (const char *)key.p + 8;
    size_t head = 8 + strlen(type) + 1;
    const uint64_t *count = c->count + c->sorted[i] * c->width;
    return (gn_cohort_cell){.first = (int64_t)gn_be64(key.p) + GN_DAY_MIN - 7,
                            .type = type,
                            .value = {key.p + head, (uint32_t)(key.n - head)},
                            .users = count,
                            .active = count + 1};
}

/* ---- tables ---- */

static int add(gn_header *h, const char *name, gn_type t, bool key, gn_err *e)
{
    return gn_schema_add(&h->schema, name, strlen(name), t, e) ||
                   (key && gn_header_add_order(h, name, false, e))
               ? -1
               : 0;
}

int gn_cohorts_header(const gn_cohorts *c, const gn_cohort_table *t, gn_header *h, gn_err *e)
{
    gn_buf name = {0};
    const bool m = c->o.month;
    int r = add(h, m ? "cohort_month" : "cohort_week", m ? GN_STR : GN_DATE, true, e) ||
            (!t->wide && add(h, m ? "month_number" : "week_number", GN_INT, true, e)) ||
            (t->segments && (add(h, "segment_type", GN_STR, true, e) ||
                             add(h, "segment_value", GN_STR, true, e))) ||
            add(h, "cohort_size", GN_INT, false, e);
    if (r == 0 && !t->wide)
        r = add(h, "retained_users", GN_INT, false, e) ||
            add(h, "retention_rate", GN_FLOAT, false, e) || add(h, "complete", GN_BOOL, false, e);
    for (int64_t k = 0; r == 0 && t->wide && k <= c->o.periods; k++) {
        name.n = 0;
        r = gn_buf_printf(&name, e, "%s_%d", m ? "month" : "week", (int)k) ||
            add(h, (char *)name.p, GN_FLOAT, false, e);
    }
    h->total = true;
    gn_buf_release(&name);
    return r ? -1 : 0;
}

static int put_cohort(const gn_cohorts *c, gn_row *row, const gn_cohort_cell *x, gn_err *e)
{
    char text[GN_TIME_TEXT];
    if (!c->o.month)
        return gn_row_date(row, x->first, e);
    return gn_row_str(row, text, gn_month_format(gn_month_of_day(x->first), text), e);
}

static int put_segment(gn_row *row, const gn_cohort_cell *x, gn_err *e)
{
    return gn_row_str(row, x->type, strlen(x->type), e) ||
                   gn_row_str(row, (const char *)x->value.p, x->value.n, e)
               ? -1
               : 0;
}

/* What is known of period k of a cohort. */
typedef struct known {
    bool seen, complete;
    uint64_t active;
} known;

static known known_of(const gn_cohorts *c, const gn_cohort_table *t, const gn_cohort_cell *x,
                      int64_t k)
{
    int64_t begin = period_start(c, x->first, k), end = period_start(c, x->first, k + 1) - 1;
    known r = {.seen = t->from <= t->to && begin <= t->to && end >= t->from,
               .active = x->active[k]};
    r.complete = r.seen && begin >= t->from && end <= t->to;
    if (t->w0_fixed && k == 0) {
        r.seen = true;
        r.active = *x->users;
    }
    return r;
}

static int put_rate(gn_row *row, const gn_cohort_table *t, const gn_cohort_cell *x, const known *r,
                    gn_err *e)
{
    if (!r->seen)
        return gn_row_null(row, e);
    return gn_row_float(row, gn_ratio((gn_i128)r->active * (t->percent ? 100 : 1), *x->users), e);
}

static int write_long(const gn_cohorts *c, const gn_cohort_table *t, const gn_cohort_cell *x,
                      int64_t k, gn_row *row, gn_writer *w, gn_err *e)
{
    known r = known_of(c, t, x, k);
    return gn_row_begin(row, t->segments ? 8 : 6, e) || put_cohort(c, row, x, e) ||
                   gn_row_int(row, k, e) || (t->segments && put_segment(row, x, e)) ||
                   gn_row_int(row, (int64_t)*x->users, e) ||
                   (r.seen ? gn_row_int(row, (int64_t)r.active, e) : gn_row_null(row, e)) ||
                   put_rate(row, t, x, &r, e) || gn_row_bool(row, r.complete, e) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

static int write_wide(const gn_cohorts *c, const gn_cohort_table *t, const gn_cohort_cell *x,
                      gn_row *row, gn_writer *w, gn_err *e)
{
    size_t fields = (t->segments ? 4 : 2) + (size_t)c->o.periods + 1;
    if (gn_row_begin(row, fields, e) || put_cohort(c, row, x, e) ||
        (t->segments && put_segment(row, x, e)) || gn_row_int(row, (int64_t)*x->users, e))
        return -1;
    for (int64_t k = 0; k <= c->o.periods; k++) {
        known r = known_of(c, t, x, k);
        if (put_rate(row, t, x, &r, e))
            return -1;
    }
    return gn_row_write(row, w, e);
}

/* The cells [lo, hi) of one cohort. */
static int write_cohort(const gn_cohorts *c, const gn_cohort_table *t, size_t lo, size_t hi,
                        gn_row *row, gn_writer *w, gn_err *e)
{
    for (int64_t k = 0; k <= (t->wide ? 0 : c->o.periods); k++)
        for (size_t i = lo; i < hi; i++) {
            gn_cohort_cell x = gn_cohorts_cell(c, i);
            if ((*x.type != '\0') != t->segments)
                continue;
            if (t->wide ? write_wide(c, t, &x, row, w, e) : write_long(c, t, &x, k, row, w, e))
                return -1;
        }
    return 0;
}

int gn_cohorts_write(gn_cohorts *c, const gn_cohort_table *t, gn_writer *w, gn_err *e)
{
    gn_row row = {0};
    int r = gn_cohorts_sort(c, e);
    for (size_t lo = 0, hi; r == 0 && lo < c->nsorted; lo = hi) {
        int64_t first = gn_cohorts_cell(c, lo).first;
        for (hi = lo + 1; hi < c->nsorted && gn_cohorts_cell(c, hi).first == first; hi++)
            ;
        r = write_cohort(c, t, lo, hi, &row, w, e);
    }
    gn_row_release(&row);
    return r;
}
