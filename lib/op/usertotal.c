/* usertotal.c - see usertotal.h. What is sorted is only what counts, as records
 *     user   day: int   amount: int   [page] */
#include "usertotal.h"

#include "../base/civil.h"
#include "../io/mp.h"
#include "../kernel/distinct.h"
#include "../kernel/recsort.h"
#include "../kernel/intsums.h"
#include "../stream/value.h"

#include <stdlib.h>
#include <string.h>

#define VALUE "duration_ms"
#define PAGE "page_id"

struct gn_user_totals {
    gn_user_totals_options o;
    gn_user_totals_counts count;
    bool begun, sorting;
    gn_type user_type, page_type;
    char *value, *page;
    int f_user, f_time, f_value, f_page;
    gn_recsort sort;
    /* the batch: rows that count, their days and amounts */
    size_t n;
    uint16_t row[GN_BATCH];
    int64_t day[GN_BATCH], amount[GN_BATCH];
    /* the user that is being read */
    bool open;
    gn_str user; /* in the batch, or kept */
    gn_buf kept;
    uint64_t events;
    gn_i128 total;
    gn_distinct pages;
    gn_intsums days; /* amounts by day */
};

gn_user_totals *gn_user_totals_new(const gn_user_totals_options *o, gn_err *e)
{
    gn_user_totals *u = gn_calloc(1, sizeof *u, e);
    if (!u)
        return NULL;
    u->o = *o;
    u->days.budget = o->budget;
    gn_distinct_init(&u->pages, "pages of one user", o->budget);
    return u;
}

void gn_user_totals_free(gn_user_totals *u)
{
    if (!u)
        return;
    gn_recsort_release(&u->sort);
    gn_distinct_release(&u->pages);
    gn_intsums_release(&u->days);
    gn_buf_release(&u->kept);
    free(u->value);
    free(u->page);
    free(u);
}

gn_type gn_user_totals_type(const gn_user_totals *u)
{
    return u->user_type;
}

const char *gn_user_totals_value(const gn_user_totals *u)
{
    return u->value;
}

const char *gn_user_totals_page(const gn_user_totals *u)
{
    return u->page;
}

const gn_user_totals_counts *gn_user_totals_counted(const gn_user_totals *u)
{
    return &u->count;
}

uint64_t gn_user_totals_spilled(const gn_user_totals *u, uint64_t *runs)
{
    *runs = u->sort.sort ? gn_extsort_runs(u->sort.sort) : 0;
    return u->sort.sort ? gn_extsort_spilled(u->sort.sort) : 0;
}

/* ---- segments ---- */

static bool by_user(const gn_user_totals *u, const gn_header *h)
{
    return h->norder && !h->order[0].desc && strcmp(h->order[0].field, u->o.user) == 0;
}

static int find_fields(gn_user_totals *u, gn_reader *r, const char *value, const char *page,
                       gn_err *e)
{
    u->f_user = gn_reader_field(r, "--user", u->o.user, ~(1u << GN_FLOAT), e);
    if (u->f_user < 0)
        return -1;
    u->f_time = gn_reader_field(r, "--time", u->o.time, 1u << GN_TIME | 1u << GN_DATE, e);
    if (u->f_time < 0)
        return -1;
    u->f_value = gn_reader_field(r, "--value", value, 1u << GN_INT, e);
    if (u->f_value < 0)
        return -1;
    u->f_page = page ? gn_reader_field(r, "--page", page, ~0u, e) : -1;
    if (page && u->f_page < 0)
        return -1;
    return gn_reader_want(r, u->f_user, GN_RAW, e) || gn_reader_want(r, u->f_time, GN_VALUE, e) ||
                   gn_reader_want(r, u->f_value, GN_VALUE, e) ||
                   (page && gn_reader_want(r, u->f_page, GN_RAW, e))
               ? -1
               : 0;
}

static int begin_sort(gn_user_totals *u, gn_err *e)
{
    gn_schema s = {0};
    /* The order of days only helps to add them up. */
    gn_sortkey key[] = {{.field = 0, .type = u->user_type}, {.field = 1, .type = GN_INT}};
    gn_extsort_options o = {
        .key = key, .nkeys = 2, .dir = u->o.temp_dir, .budget = u->o.budget, .memory = u->o.memory};
    int r = gn_schema_add(&s, "user", 4, u->user_type, e) ||
                    gn_schema_add(&s, "day", 3, GN_INT, e) ||
                    gn_schema_add(&s, "amount", 6, GN_INT, e) ||
                    (u->page && gn_schema_add(&s, "page", 4, u->page_type, e)) ||
                    gn_recsort_init(&u->sort, &s, &o, e)
                ? -1
                : 0;
    gn_schema_release(&s);
    return r;
}

int gn_user_totals_segment(gn_user_totals *u, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const char *value = u->o.value ? u->o.value : VALUE;
    const char *page = u->o.page ? u->o.page : gn_schema_find(&h->schema, PAGE) < 0 ? NULL : PAGE;
    if (h->partial.command)
        return gn_fail(e, GN_INPUT, "'%s': a partial state of %s, not events%s", gn_reader_name(r),
                       h->partial.command,
                       strcmp(h->partial.command, "gn-powerusers") == 0 ? " (use --merge)" : "");
    if (find_fields(u, r, value, page, e))
        return -1;
    gn_type user_type = h->schema.f[u->f_user].type;
    gn_type page_type = page ? h->schema.f[u->f_page].type : GN_STR;
    if (!u->begun) {
        u->begun = true;
        u->user_type = user_type;
        u->page_type = page_type;
        if (!(u->value = gn_strdup(value, e)) || (page && !(u->page = gn_strdup(page, e))))
            return -1;
        u->sorting = u->o.sort || !by_user(u, h);
        return u->sorting ? begin_sort(u, e) : 0;
    }
    if (user_type != u->user_type || page_type != u->page_type || !page != !u->page)
        return gn_fail(e, GN_INPUT,
                       "'%s': its user or page field is unlike that of the first input",
                       gn_reader_name(r));
    if (!u->sorting && !by_user(u, h))
        return gn_fail(e, GN_INPUT,
                       "'%s': not ordered by %s, as the segment before: give --sort, or run "
                       "gn-sort -k %s",
                       gn_reader_name(r), u->o.user, u->o.user);
    return 0;
}

/* ---- one user ---- */

static int end_user(gn_user_totals *u, gn_err *e)
{
    if (!u->open)
        return 0;
    gn_intsums_end(&u->days);
    gn_user_total t = {.user = u->user,
                       .events = u->events,
                       .total = u->total,
                       .pages = gn_distinct_count(&u->pages),
                       .days = u->days.n};
    for (size_t i = 0; i < u->days.n; i++)
        t.flagged += u->days.entry[i].sum > u->o.day_most;
    gn_intsums_clear(&u->days);
    gn_distinct_clear(&u->pages);
    u->open = false;
    u->events = 0;
    u->total = 0;
    return u->o.sink(u->o.ctx, &t, e);
}

/* An event that counts; GN_SLACK readable bytes follow the page (p NULL: none). */
static inline int add_event(gn_user_totals *u, int64_t day, int64_t amount, gn_str page, gn_err *e)
{
    u->events++;
    u->total += amount;
    return gn_intsums_add(&u->days, day, amount, e) ||
                   (page.p && gn_distinct_add(&u->pages, page, e))
               ? -1
               : 0;
}

/* What points into records that go away. */
static int keep(gn_user_totals *u, gn_err *e)
{
    if (gn_distinct_keep(&u->pages, e))
        return -1;
    if (!u->open || u->user.p == u->kept.p)
        return 0;
    u->kept.n = 0;
    if (gn_buf_add(&u->kept, u->user.p, u->user.n, e))
        return -1;
    u->user.p = u->kept.p;
    return 0;
}

static inline bool same(gn_str a, gn_str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* ---- batches ---- */

/* Which rows count, with what. */
static void choose_rows(gn_user_totals *u, const gn_batch *b)
{
    const gn_vec *user = &b->col[u->f_user], *time = &b->col[u->f_time], *v = &b->col[u->f_value];
    const bool drop = u->o.outliers == GN_OUTLIERS_DROP, cap = u->o.outliers == GN_OUTLIERS_CAP;
    const int64_t most = u->o.most;
    gn_user_totals_counts *c = &u->count;
    c->null_user += user->nulls;
    u->n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (user->null[i] | time->null[i]) {
            c->null_time += !user->null[i];
            continue;
        }
        bool low = v->null[i] || v->i[i]<0, high = v->i[i]> most;
        c->null_value += v->null[i];
        c->negative_value += v->i[i] < 0;
        c->large_value += high;
        u->row[u->n] = (uint16_t)i;
        u->amount[u->n] = low ? 0 : high && cap ? most : v->i[i];
        u->n += !(drop && (low || high));
    }
    c->used += u->n;
}

static void find_days(gn_user_totals *u, const gn_batch *b)
{
    const gn_vec *time = &b->col[u->f_time];
    if (time->type == GN_DATE)
        memcpy(u->day, time->i, b->n * sizeof *u->day);
    else
        gn_zone_days(u->o.zone, time->i, u->day, b->n);
}

static int sort_rows(gn_user_totals *u, const gn_batch *b, gn_err *e)
{
    const gn_str *user = b->col[u->f_user].raw;
    const gn_str *page = u->page ? b->col[u->f_page].raw : NULL;
    for (size_t k = 0; k < u->n; k++) {
        size_t i = u->row[k], npage = page ? page[i].n : 0;
        uint8_t *p = gn_recsort_room(&u->sort, user[i].n + npage + 3 * GN_MP_HEAD, e);
        if (!p)
            return -1;
        p = gn_mp_array_head(p, page ? 4 : 3);
        p = gn_copy_span(p, user[i].p, user[i].n);
        p = gn_mp_int(gn_mp_int(p, u->day[i]), u->amount[k]);
        if (page)
            p = gn_copy_span(p, page[i].p, npage);
        gn_recsort_put(&u->sort, p);
    }
    return 0;
}

int gn_user_totals_batch(gn_user_totals *u, gn_reader *r, const gn_batch *b, gn_err *e)
{
    choose_rows(u, b);
    find_days(u, b);
    if (u->sorting)
        return sort_rows(u, b, e);
    const gn_str *user = b->col[u->f_user].raw;
    const gn_vec *page = u->page ? &b->col[u->f_page] : NULL;
    for (size_t k = 0; k < u->n; k++) {
        size_t i = u->row[k];
        if (!u->open || !same(user[i], u->user)) {
            if (u->open && gn_value_cmp(u->user_type, u->user, user[i]) > 0)
                return gn_fail(e, GN_INPUT,
                               "'%s': record %llu: not ordered by %s, as the header claims or "
                               "after the segment before: give --sort, or run gn-sort -k %s",
                               gn_reader_name(r), (unsigned long long)(b->first + i + 1), u->o.user,
                               u->o.user);
            if (end_user(u, e))
                return -1;
            u->open = true;
        }
        u->user = user[i];
        gn_str p = page && !page->null[i] ? page->raw[i] : (gn_str){NULL, 0};
        if (add_event(u, u->day[i], u->amount[k], p, e))
            return -1;
    }
    return keep(u, e);
}

/* The next sorted record. */
static int add_sorted(gn_user_totals *u, gn_str record, gn_buf *copy, gn_err *e)
{
    copy->n = 0;
    if (gn_buf_reserve(copy, (size_t)record.n + GN_SLACK, e))
        return -1;
    memcpy(copy->p, record.p, record.n);
    memset(copy->p + record.n, 0, GN_SLACK);
    const uint8_t *end = copy->p + record.n, *p;
    size_t fields;
    int64_t day = 0, amount = 0;
    const uint8_t *user = gn_mp_get_array(copy->p, end, &fields);
    if (!user || !(p = gn_mp_skip(user, end)))
        return gn_fail(e, GN_IO, "a temporary file was damaged");
    gn_str who = {user, (uint32_t)(p - user)};
    if (!(p = gn_mp_get_int(p, end, &day)) || !(p = gn_mp_get_int(p, end, &amount)))
        return gn_fail(e, GN_IO, "a temporary file was damaged");
    gn_str page = {p < end && *p != GN_MP_NIL ? p : NULL, (uint32_t)(end - p)};
    if (!u->open || !same(who, u->user)) {
        if (end_user(u, e))
            return -1;
        u->open = true;
        u->user = who;
    }
    return add_event(u, day, amount, page, e) || keep(u, e) ? -1 : 0;
}

int gn_user_totals_finish(gn_user_totals *u, gn_err *e)
{
    gn_buf copy = {0};
    gn_str record;
    int more = 0;
    while (u->sorting && (more = gn_recsort_next(&u->sort, &record, e)) == 1)
        if (add_sorted(u, record, &copy, e)) {
            more = -1;
            break;
        }
    gn_buf_release(&copy);
    return more < 0 ? -1 : end_user(u, e);
}
