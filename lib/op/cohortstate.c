/* cohortstate.c - partial states of cohorts: see cohort.h. */
#include "cohortpriv.h"

#include "../base/civil.h"
#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

enum { COHORT, TYPE, VALUE, SIZE, RETAINED, RANGE, FIRST, LAST, FIELDS };

/* ---- ranges of users ---- */

int gn_user_ranges_add(gn_user_ranges *r, gn_user_range add, bool *doubled, gn_err *e)
{
    size_t lo = 0, hi;
    *doubled = false;
    /* [lo, hi) are those that touch or overlap the new one */
    while (lo < r->n && r->range[lo].hi < add.lo && r->range[lo].hi + 1 < add.lo)
        lo++;
    for (hi = lo; hi < r->n && (add.hi == UINT64_MAX || r->range[hi].lo <= add.hi + 1); hi++) {
        *doubled |= r->range[hi].lo <= add.hi && r->range[hi].hi >= add.lo;
        if (r->range[hi].lo < add.lo)
            add.lo = r->range[hi].lo;
    }
    if (hi > lo && r->range[hi - 1].hi > add.hi)
        add.hi = r->range[hi - 1].hi;
    if (hi == lo) {
        gn_user_range *p = gn_realloc(r->range, r->n + 1, sizeof *p, e);
        if (!p)
            return -1;
        r->range = p;
        memmove(p + lo + 1, p + lo, (r->n - lo) * sizeof *p);
        r->n++;
    } else {
        memmove(r->range + lo + 1, r->range + hi, (r->n - hi) * sizeof *r->range);
        r->n -= hi - lo - 1;
    }
    r->range[lo] = add;
    return 0;
}

bool gn_user_ranges_hold(const gn_user_ranges *r, gn_user_range part)
{
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (r->range[mid].hi < part.hi)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < r->n && r->range[lo].lo <= part.lo;
}

bool gn_user_ranges_has(const gn_user_ranges *r, uint64_t hash)
{
    return gn_user_ranges_hold(r, (gn_user_range){hash, hash});
}

void gn_user_ranges_release(gn_user_ranges *r)
{
    free(r->range);
    *r = (gn_user_ranges){0};
}

/* ---- writing ---- */

int gn_cohorts_state_header(gn_header *h, gn_err *e)
{
    static const struct {
        const char *name;
        gn_type type;
    } field[FIELDS] = {{"cohort", GN_DATE},     {"segment_type", GN_STR}, {"segment_value", GN_STR},
                       {"cohort_size", GN_INT}, {"retained", GN_BIN},     {"range", GN_BIN},
                       {"first_day", GN_DATE},  {"last_day", GN_DATE}};
    for (int i = 0; i < FIELDS; i++)
        if (gn_schema_add(&h->schema, field[i].name, strlen(field[i].name), field[i].type, e))
            return -1;
    for (int i = 0; i <= VALUE; i++)
        if (gn_header_add_order(h, field[i].name, false, e))
            return -1;
    h->total = true;
    return 0;
}

static int write_cell(const gn_cohort_cell *x, size_t periods, gn_buf *counts, gn_row *row,
                      gn_writer *w, gn_err *e)
{
    counts->n = 0;
    if (gn_buf_reserve(counts, 8 * periods, e))
        return -1;
    for (size_t k = 0; k < periods; k++)
        gn_put64(counts->p + 8 * k, x->active[k]);
    return gn_row_begin(row, FIELDS, e) || gn_row_date(row, x->first, e) ||
                   gn_row_str(row, x->type, strlen(x->type), e) ||
                   gn_row_str(row, (const char *)x->value.p, x->value.n, e) ||
                   gn_row_int(row, (int64_t)*x->users, e) ||
                   gn_row_bin(row, counts->p, 8 * periods, e) || gn_row_null(row, e) ||
                   gn_row_null(row, e) || gn_row_null(row, e) || gn_row_write(row, w, e)
               ? -1
               : 0;
}

static int write_range(const gn_cohort_cover *cover, size_t i, gn_row *row, gn_writer *w, gn_err *e)
{
    uint8_t range[16];
    gn_put64(gn_put64(range, cover->users.range[i].lo), cover->users.range[i].hi);
    if (gn_row_begin(row, FIELDS, e))
        return -1;
    for (int f = 0; f < RANGE; f++)
        if (gn_row_null(row, e))
            return -1;
    return gn_row_bin(row, range, sizeof range, e) ||
                   (cover->any ? gn_row_date(row, cover->first, e) : gn_row_null(row, e)) ||
                   (cover->any ? gn_row_date(row, cover->last, e) : gn_row_null(row, e)) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

int gn_cohorts_state_write(gn_cohorts *c, const gn_cohort_cover *cover, gn_writer *w, gn_err *e)
{
    gn_row row = {0};
    gn_buf counts = {0};
    int r = gn_cohorts_sort(c, e);
    for (size_t i = 0; r == 0 && i < c->nsorted; i++) {
        gn_cohort_cell x = gn_cohorts_cell(c, i);
        r = write_cell(&x, c->width - 1, &counts, &row, w, e);
    }
    for (size_t i = 0; r == 0 && i < cover->users.n; i++)
        r = write_range(cover, i, &row, w, e);
    gn_row_release(&row);
    gn_buf_release(&counts);
    return r;
}

/* ---- reading ---- */

static int impossible(gn_err *e)
{
    return gn_fail(e, GN_CORRUPT, "a partial state with impossible counts");
}

static int read_cell(gn_cohorts *c, const gn_batch *b, size_t i, gn_err *e)
{
    const size_t periods = c->width - 1;
    const gn_str *type = &b->col[TYPE].s[i], *value = &b->col[VALUE].s[i];
    const gn_str *retained = &b->col[RETAINED].s[i];
    const int64_t first = b->col[COHORT].i[i], size = b->col[SIZE].i[i];
    char name[GN_NAME_MAX + 1];
    uint32_t cell;
    for (int f = TYPE; f <= RETAINED; f++)
        if (b->col[f].null[i])
            return impossible(e);
    if (!b->col[RANGE].null[i] || type->n > GN_NAME_MAX || size < 1 || retained->n != 8 * periods ||
        first < GN_DAY_MIN - 6 || first > GN_DAY_MAX || gn_cohorts_start(c, first) != first ||
        (type->n == 0 && value->n))
        return impossible(e);
    memcpy(name, type->p, type->n);
    name[type->n] = '\0';
    const char *names[] = {name};
    gn_segments s = {1, names, value};
    if (gn_cohorts_find(c, first, false, &s, &cell, e))
        return -1;
    uint64_t *count = c->count + cell * c->width;
    if (*count > (uint64_t)(INT64_MAX - size))
        return gn_fail(e, GN_INPUT, "the users of a cohort are beyond 64 bits");
    *count += (uint64_t)size;
    for (size_t k = 0; k < periods; k++) {
        uint64_t n = gn_be64(retained->p + 8 * k);
        if (n > (uint64_t)size)
            return impossible(e);
        count[1 + k] += n;
    }
    c->users += type->n ? 0 : (uint64_t)size;
    return 0;
}

static int read_range(const gn_batch *b, size_t i, gn_cohort_cover *cover, gn_err *e)
{
    const gn_str *range = &b->col[RANGE].s[i];
    const bool any = !b->col[FIRST].null[i];
    const int64_t first = b->col[FIRST].i[i], last = b->col[LAST].i[i];
    bool doubled;
    for (int f = TYPE; f <= RETAINED; f++)
        if (!b->col[f].null[i])
            return impossible(e);
    if (range->n != 16 || any == (b->col[LAST].null[i] != 0))
        return impossible(e);
    gn_user_range r = {gn_be64(range->p), gn_be64(range->p + 8)};
    if (r.lo > r.hi)
        return impossible(e);
    if (gn_user_ranges_add(&cover->users, r, &doubled, e))
        return -1;
    if (doubled)
        return gn_fail(e, GN_INPUT,
                       "two states may hold the same users, who would be counted twice (make the "
                       "states of parts by user: gn-partition -k)");
    if (any && (!cover->any || first < cover->first))
        cover->first = first;
    if (any && (!cover->any || last > cover->last))
        cover->last = last;
    cover->any |= any;
    return 0;
}

int gn_cohorts_state_read(gn_cohorts *c, const gn_batch *b, gn_cohort_cover *cover, gn_err *e)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->col[COHORT].null[i] ? read_range(b, i, cover, e) : read_cell(c, b, i, e))
            return -1;
    return 0;
}
