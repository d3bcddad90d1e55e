/* effectout.c - from the samples to the tests and the table of the groups. */
#include "effectpriv.h"

#include "../kernel/anova.h"
#include "../kernel/dist.h"
#include "../kernel/keycode.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- headers ---- */

static int add_field(gn_header *h, const char *name, gn_type t, gn_err *e)
{
    return gn_schema_add(&h->schema, name, strlen(name), t, e);
}

static int add_fields(gn_header *h, const char *const *names, gn_type t, size_t n, gn_err *e)
{
    for (size_t i = 0; i < n; i++)
        if (add_field(h, names[i], t, e))
            return -1;
    return 0;
}

#define TEST_FIELDS 13

int gn_effect_header(const gn_effect *f, gn_header *h, gn_err *e)
{
    static const char *const counts[] = {"groups", "n", "excluded", "df1", "df2"};
    static const char *const figures[] = {"f_statistic", "p_value", "eta_squared"};
    static const char *const ranks[] = {"kruskal_h", "kruskal_p"};
    (void)f;
    return add_field(h, "metric", GN_STR, e) || add_field(h, "unit", GN_STR, e) ||
                   add_fields(h, counts, GN_INT, 5, e) || add_fields(h, figures, GN_FLOAT, 3, e) ||
                   add_field(h, "effect", GN_STR, e) || add_fields(h, ranks, GN_FLOAT, 2, e) ||
                   gn_header_add_order(h, "metric", false, e) ||
                   gn_header_add_order(h, "unit", false, e)
               ? -1
               : 0;
}

#define TABLE_FIELDS 12

/* A field named after the value. */
static int add_named(const gn_effect *f, gn_header *h, const char *prefix, gn_type t, gn_err *e)
{
    gn_buf b = {0};
    int r = gn_buf_printf(&b, e, "%s_%s", prefix, f->value) ||
                    gn_schema_add(&h->schema, (const char *)b.p, b.n, t, e)
                ? -1
                : 0;
    gn_buf_release(&b);
    return r;
}

int gn_effect_table_header(const gn_effect *f, gn_header *h, gn_err *e)
{
    static const char *const before[] = {"avg", "stddev", "p50", "p95", "p99"};
    if (add_field(h, f->group, f->group_type, e) || add_field(h, "users", GN_INT, e) ||
        add_field(h, "interactions", GN_INT, e) ||
        add_field(h, "interactions_per_user", GN_FLOAT, e))
        return -1;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if (add_named(f, h, before[i], GN_FLOAT, e))
            return -1;
    return add_named(f, h, "min", f->value_type, e) || add_named(f, h, "max", f->value_type, e) ||
                   add_field(h, "difference_percent", GN_FLOAT, e) ||
                   gn_header_add_order(h, h->schema.f[4].name, true, e) ||
                   gn_header_add_order(h, f->group, false, e)
               ? -1
               : 0;
}

/* ---- tests ---- */

static int put(gn_row *row, bool known, double v, gn_err *e)
{
    return known ? gn_row_float(row, v, e) : gn_row_null(row, e);
}

static int put_int(gn_row *row, bool known, uint64_t v, gn_err *e)
{
    if (known && v > INT64_MAX)
        return gn_fail(e, GN_INPUT, "a count overflows");
    return known ? gn_row_int(row, (int64_t)v, e) : gn_row_null(row, e);
}

static int put_text(gn_row *row, const char *s, gn_err *e)
{
    return gn_row_str(row, s, strlen(s), e);
}

/* Cohen 1988, 8.2. */
static const char *effect_name(double eta)
{
    return eta >= .14 ? "large" : eta >= .06 ? "medium" : eta >= .01 ? "small" : "negligible";
}

static int add_samples(const gn_effect *f, bool means, gn_anova *values, gn_anova *ranks, gn_err *e)
{
    for (size_t i = 0; i < f->ngroups; i++) {
        const effect_sample *s = effect_sample_of(f->groups[i], means);
        bool good = gn_anova_add_ints(ranks, &s->ranks) &&
                    (s->real ? gn_anova_add_floats(values, &s->real->sum, &s->real->squares)
                             : gn_anova_add_ints(values, &s->whole));
        if (!good)
            return gn_fail(e, GN_INPUT, "more values than can be counted");
    }
    return 0;
}

static int write_test(gn_effect *f, bool means, gn_row *row, gn_writer *w, gn_err *e)
{
    gn_anova values = {0}, ranks = {0};
    double stat = 0, eta = 0, p = 0, h = 0, kruskal_p = 0;
    if (add_samples(f, means, &values, &ranks, e))
        return -1;
    uint64_t k = values.groups, n = values.n, excluded = f->excluded_users;
    if (!means && __builtin_sub_overflow(f->count.events, n, &excluded))
        return gn_fail(e, GN_CORRUPT, "a state that no records have");
    bool possible = k >= 2 && n > k && gn_anova_eta_squared(&values, &eta);
    bool tested = possible && gn_anova_f(&values, &stat) && isfinite(stat);
    if (tested)
        p = gn_dist_f(stat, (double)(k - 1), (double)(n - k));
    if (possible && gn_anova_eta_squared(&ranks, &h)) {
        h *= (double)(n - 1);
        kruskal_p = gn_dist_chi2(h, (double)(k - 1));
    }
    if (gn_row_begin(row, TEST_FIELDS, e) || put_text(row, f->value, e) ||
        put_text(row, means ? "users" : "events", e) || put_int(row, true, k, e) ||
        put_int(row, true, n, e) || put_int(row, true, excluded, e) ||
        put_int(row, k >= 2 && n > k, k - 1, e) || put_int(row, k >= 2 && n > k, n - k, e) ||
        put(row, tested, stat, e) || put(row, tested, p, e) || put(row, possible, eta, e))
        return -1;
    return (possible ? put_text(row, effect_name(eta), e) : gn_row_null(row, e)) ||
                   put(row, possible, h, e) || put(row, possible, kruskal_p, e) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

/* ---- the table ---- */

static bool average(const effect_sample *s, double *out)
{
    return s->real ? gn_fsum_mean(&s->real->sum, out) : gn_moments_mean(&s->whole, out);
}

static bool deviation(const effect_sample *s, double *out)
{
    return s->real ? gn_fsum_stddev(&s->real->sum, &s->real->squares, out)
                   : gn_moments_stddev(&s->whole, out);
}

static double between_ranks(const effect_sample *s, const effect_rank *r)
{
    if (!s->real) {
        gn_i128 lo = gn_bag_int(r->value[0]), sum = lo * 100;
        if (r->rest)
            sum += (gn_bag_int(r->value[1]) - lo) * (gn_i128)r->rest;
        return gn_ratio(sum, 100);
    }
    double lo = gn_bag_float(r->value[0]), hi = gn_bag_float(r->value[1]);
    double part = (double)r->rest / 100;
    if (r->rest == 0)
        return lo;
    return isfinite(hi - lo) ? lo + (hi - lo) * part : lo * (1 - part) + hi * part;
}

static int put_value(const effect_sample *s, uint64_t value, gn_row *row, gn_err *e)
{
    if (s->n == 0)
        return gn_row_null(row, e);
    return s->real ? gn_row_float(row, gn_bag_float(value), e)
                   : gn_row_int(row, gn_bag_int(value), e);
}

/* The average over all groups. */
static bool overall(const gn_effect *f, double *out)
{
    gn_moments whole = {0};
    gn_fsum real = {0};
    for (size_t i = 0; i < f->ngroups; i++) {
        const effect_sample *s = &f->groups[i]->events;
        if (s->real)
            (void)gn_fsum_merge(&real, &s->real->sum);
        else
            (void)gn_moments_merge(&whole, &s->whole);
    }
    return real.n ? gn_fsum_mean(&real, out) : gn_moments_mean(&whole, out);
}

/* A group to be written, by its place among all: slowest first, those without average last. */
typedef struct line {
    double avg;
    bool known;
    uint32_t place;
} line;

static int cmp_lines(const void *x, const void *y)
{
    const line *a = x, *b = y;
    if (a->known != b->known)
        return a->known ? -1 : 1;
    if (a->known && a->avg != b->avg)
        return a->avg > b->avg ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

static int write_line(gn_effect *f, const line *l, const double *all, gn_row *row, gn_writer *w,
                      gn_err *e)
{
    const effect_group *g = f->groups[f->order[l->place]];
    const effect_sample *s = &g->events;
    double dev = 0;
    bool spread = deviation(s, &dev);
    f->scratch.n = 0;
    if (gn_keycode_get(&f->scratch, f->group_type, g->code, e) == 0 ||
        gn_row_begin(row, TABLE_FIELDS, e) ||
        gn_row_raw(row, (gn_str){f->scratch.p, (uint32_t)f->scratch.n}, e) ||
        put_int(row, true, g->users, e) || put_int(row, true, g->rows, e) ||
        put(row, g->users, g->users ? gn_ratio((gn_i128)g->user_events, g->users) : 0, e) ||
        put(row, l->known, l->avg, e) || put(row, spread, dev, e))
        return -1;
    for (int k = 0; k < EFFECT_PERCENTILES; k++)
        if (put(row, s->n, s->n ? between_ranks(s, &s->rank[k]) : 0, e))
            return -1;
    return put_value(s, s->least, row, e) || put_value(s, s->greatest, row, e) ||
                   put(row, l->known && all && *all != 0,
                       all ? (l->avg - *all) / fabs(*all) * 100 : 0, e) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

static int write_table(gn_effect *f, gn_row *row, gn_writer *w, gn_err *e)
{
    size_t n = 0;
    double all = 0;
    bool any = overall(f, &all);
    line *lines = gn_alloc(f->ngroups, sizeof *lines, e);
    if (!lines)
        return -1;
    for (size_t i = 0; i < f->ngroups; i++) {
        const effect_group *g = f->groups[f->order[i]];
        if (g->null)
            continue;
        line l = {.place = (uint32_t)i};
        l.known = average(&g->events, &l.avg);
        lines[n++] = l;
    }
    qsort(lines, n, sizeof *lines, cmp_lines);
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++)
        r = write_line(f, &lines[i], any ? &all : NULL, row, w, e);
    free(lines);
    return r;
}

int gn_effect_write(gn_effect *f, gn_writer *w, gn_writer *table, gn_err *e)
{
    gn_row row = {0};
    int r = effect_sort_groups(f, e);
    if (r == 0 && f->values)
        r = effect_fill(f, &f->bag, false, e);
    if (r == 0 && f->cells)
        r = effect_fill_means(f, e);
    if (r == 0 && f->count.events && f->o.events)
        r = write_test(f, false, &row, w, e);
    if (r == 0 && f->count.events && f->o.users)
        r = write_test(f, true, &row, w, e);
    if (r == 0 && table)
        r = write_table(f, &row, table, e);
    gn_row_release(&row);
    return r;
}
