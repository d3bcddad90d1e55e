/* poweruser.c - see poweruser.h. Two sorts of records
 *     total   user   events   pages   days   flagged   [less_total   less_events   less_days]
 * The first is by total ascending: how many have less is then the place of the first of equal
 * totals. The second, by total descending, has what may have to be written, with these three. */
#include "poweruser.h"

#include "../io/mp.h"
#include "../kernel/recsort.h"
#include "../kernel/intsums.h"

#include <stdlib.h>
#include <string.h>

#define DENSE 4096     /* counts below are an index */
#define LOG_BUCKETS 64 /* [0, 1), [1, 2), [2, 4) ... [2^62, 2^63) */
#define SCORE_BUCKETS 10
#define PERCENTS 4

static const uint64_t percent[PERCENTS] = {50, 90, 95, 99};

enum metric { TOTAL, EVENTS, DAYS, PAGES, SCORE, METRICS };

/* How many users have each count. */
typedef struct counts {
    uint64_t dense[DENSE]; /* after end_counts: how many have less */
    uint64_t sparse;       /* users beyond */
    gn_intsums rest;       /* likewise */
} counts;

typedef struct ranked {
    int64_t total;
    gn_str user;
    int64_t figure[METRICS]; /* EVENTS, DAYS, PAGES */
    int64_t flagged;
    uint64_t less[3]; /* TOTAL, EVENTS, DAYS */
} ranked;

struct gn_power {
    gn_power_options o;
    gn_power_counts count;
    gn_recsort by_total, chosen;
    counts of[METRICS]; /* EVENTS, DAYS, PAGES */
    /* of totals */
    int64_t low[PERCENTS], high[PERCENTS], most;
    uint64_t buckets[LOG_BUCKETS], scores[SCORE_BUCKETS];
    gn_row row;
};

static int begin_sort(gn_power *p, gn_recsort *s, bool last, gn_err *e)
{
    static const char *const name[] = {"events", "pages",       "days",     "flagged",
                                       "less",   "less_events", "less_days"};
    gn_schema schema = {0};
    gn_sortkey key[] = {{.field = 0, .type = GN_INT, .desc = last},
                        {.field = 1, .type = p->o.user_type, .desc = !last}};
    gn_extsort_options o = {
        .key = key, .nkeys = 2, .dir = p->o.temp_dir, .budget = p->o.budget, .memory = p->o.memory};
    int r = gn_schema_add(&schema, "total", 5, GN_INT, e) ||
            gn_schema_add(&schema, "user", 4, p->o.user_type, e);
    for (size_t i = 0; r == 0 && i < (last ? 7u : 4u); i++)
        r = gn_schema_add(&schema, name[i], strlen(name[i]), GN_INT, e);
    r = r || gn_recsort_init(s, &schema, &o, e);
    gn_schema_release(&schema);
    return r ? -1 : 0;
}

gn_power *gn_power_new(const gn_power_options *o, gn_err *e)
{
    gn_power *p = gn_calloc(1, sizeof *p, e);
    if (!p)
        return NULL;
    p->o = *o;
    for (int m = 0; m < METRICS; m++)
        p->of[m].rest.budget = o->budget;
    if (begin_sort(p, &p->by_total, false, e)) {
        gn_power_free(p);
        return NULL;
    }
    return p;
}

void gn_power_free(gn_power *p)
{
    if (!p)
        return;
    gn_recsort_release(&p->by_total);
    gn_recsort_release(&p->chosen);
    for (int m = 0; m < METRICS; m++)
        gn_intsums_release(&p->of[m].rest);
    gn_row_release(&p->row);
    free(p);
}

gn_power_counts gn_power_counted(const gn_power *p)
{
    return p->count;
}

/* ---- counts ---- */

static int add_count(counts *c, uint64_t count, gn_err *e)
{
    if (count < DENSE) {
        c->dense[count]++;
        return 0;
    }
    c->sparse++;
    return gn_intsums_add(&c->rest, (int64_t)count, 1, e);
}

/* A running sum takes the place of each number: users with less. */
static void end_counts(counts *c)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < DENSE; i++) {
        uint64_t n = c->dense[i];
        c->dense[i] = sum;
        sum += n;
    }
    gn_intsums_end(&c->rest);
    for (size_t i = 0; i < c->rest.n; i++) {
        uint64_t n = (uint64_t)c->rest.entry[i].sum;
        c->rest.entry[i].sum = sum;
        sum += n;
    }
}

/* The first entry of the rest that is not below `count`. */
static size_t find_rest(const counts *c, uint64_t count)
{
    size_t lo = 0, hi = c->rest.n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if ((uint64_t)c->rest.entry[mid].key < count)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* How many of n users have less than `count`, which may be 2^63. */
static uint64_t less_than(const counts *c, uint64_t count, uint64_t n)
{
    if (count < DENSE)
        return c->dense[count];
    size_t i = find_rest(c, count);
    return i < c->rest.n ? (uint64_t)c->rest.entry[i].sum : n;
}

/* The count of the user at a place (from 0) in ascending order: the last that so many or fewer have
 * less than. */
static int64_t count_at(const counts *c, uint64_t place, uint64_t n)
{
    if (place >= n - c->sparse) {
        size_t lo = 0, hi = c->rest.n;
        while (hi - lo > 1) {
            size_t mid = lo + (hi - lo) / 2;
            if ((uint64_t)c->rest.entry[mid].sum <= place)
                lo = mid;
            else
                hi = mid;
        }
        return c->rest.entry[lo].key;
    }
    size_t lo = 0, hi = DENSE;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (c->dense[mid] <= place)
            lo = mid;
        else
            hi = mid;
    }
    return (int64_t)lo;
}

/* ---- records ---- */

int gn_power_add(gn_power *p, const gn_user_total *t, gn_err *e)
{
    if (!gn_fits_i64(t->total))
        return gn_fail(e, GN_INPUT, "the total of a user is beyond 64 bits (see --outliers)");
    uint8_t *q = gn_recsort_room(&p->by_total, t->user.n + 6 * GN_MP_HEAD, e);
    if (!q)
        return -1;
    q = gn_mp_int(gn_mp_array_head(q, 6), (int64_t)t->total);
    memcpy(q, t->user.p, t->user.n);
    q = gn_mp_int(gn_mp_int(q + t->user.n, (int64_t)t->events), (int64_t)t->pages);
    gn_recsort_put(&p->by_total, gn_mp_int(gn_mp_int(q, (int64_t)t->days), (int64_t)t->flagged));
    p->count.users++;
    return add_count(&p->of[EVENTS], t->events, e) || add_count(&p->of[DAYS], t->days, e) ||
                   add_count(&p->of[PAGES], t->pages, e)
               ? -1
               : 0;
}

static int parse(gn_str record, bool last, ranked *r, gn_err *e)
{
    const uint8_t *end = record.p + record.n, *p, *user;
    size_t fields;
    if ((p = gn_mp_get_array(record.p, end, &fields)) && (p = gn_mp_get_int(p, end, &r->total)) &&
        (p = gn_mp_skip(user = p, end))) {
        r->user = (gn_str){user, (uint32_t)(p - user)};
        if ((p = gn_mp_get_int(p, end, &r->figure[EVENTS])) &&
            (p = gn_mp_get_int(p, end, &r->figure[PAGES])) &&
            (p = gn_mp_get_int(p, end, &r->figure[DAYS])) &&
            (p = gn_mp_get_int(p, end, &r->flagged)) &&
            (!last || ((p = gn_mp_get_uint(p, end, &r->less[TOTAL])) &&
                       (p = gn_mp_get_uint(p, end, &r->less[EVENTS])) &&
                       (p = gn_mp_get_uint(p, end, &r->less[DAYS])))) &&
            p == end)
            return 0;
    }
    return gn_fail(e, GN_IO, "a temporary file was damaged");
}

/* Ten times this, divided by n - 1, is the score. */
static uint64_t weight(const ranked *r)
{
    return 5 * r->less[TOTAL] + 3 * r->less[EVENTS] + 2 * r->less[DAYS];
}

/* 0 for 0, and for others 1 + the place of the highest bit. */
static size_t bucket_of(uint64_t v)
{
    return v ? 64 - (size_t)__builtin_clzll(v) : 0;
}

static int choose(gn_power *p, gn_str record, const ranked *r, gn_err *e)
{
    uint8_t *q = gn_recsort_room(&p->chosen, record.n + 3 * GN_MP_HEAD, e);
    if (!q)
        return -1;
    q = gn_mp_array_head(q, 9);
    memcpy(q, record.p + 1, record.n - 1); /* behind the head of an array of 6 */
    q = gn_mp_int(q + record.n - 1, (int64_t)r->less[TOTAL]);
    gn_recsort_put(&p->chosen,
                   gn_mp_int(gn_mp_int(q, (int64_t)r->less[EVENTS]), (int64_t)r->less[DAYS]));
    return 0;
}

/* ceil(share x n) */
static uint64_t top_count(const gn_power *p)
{
    gn_u128 n = (gn_u128)p->count.users * p->o.share + (p->o.of - 1);
    return (uint64_t)(n / p->o.of);
}

/* Read by total ascending: what is spread how, and those from place `from` on once more. */
static int read_ascending(gn_power *p, uint64_t from, gn_err *e)
{
    const uint64_t n = p->count.users;
    gn_str record;
    uint64_t place = 0, first = 0;
    int64_t before = 0;
    int more;
    while ((more = gn_recsort_next(&p->by_total, &record, e)) == 1) {
        ranked r = {0};
        if (parse(record, false, &r, e))
            return -1;
        if (place == 0 || r.total != before)
            first = place;
        before = r.total;
        r.less[TOTAL] = first;
        r.less[EVENTS] = less_than(&p->of[EVENTS], (uint64_t)r.figure[EVENTS], n);
        r.less[DAYS] = less_than(&p->of[DAYS], (uint64_t)r.figure[DAYS], n);
        for (size_t i = 0; i < PERCENTS; i++) {
            uint64_t low = (uint64_t)((gn_u128)(n - 1) * percent[i] / 100);
            if (place <= low)
                p->low[i] = r.total;
            if (place <= low + 1)
                p->high[i] = r.total;
        }
        p->most = r.total;
        p->buckets[bucket_of((uint64_t)r.total)]++;
        size_t score = n > 1 ? (size_t)(weight(&r) / (n - 1)) : 0;
        p->scores[score < SCORE_BUCKETS ? score : SCORE_BUCKETS - 1]++;
        if (place >= from && choose(p, record, &r, e))
            return -1;
        place++;
    }
    return more;
}

/* ---- tables ---- */

static int add(gn_header *h, const char *name, gn_type t, gn_err *e)
{
    return gn_schema_add(&h->schema, name, strlen(name), t, e);
}

static int users_header(const gn_power *p, gn_header *h, gn_err *e)
{
    gn_buf total = {0}, hours = {0}, avg = {0};
    const char *v = p->o.value;
    size_t stem = strlen(v);
    if (stem > 3 && strcmp(v + stem - 3, "_ms") == 0)
        stem -= 3;
    int r = gn_buf_printf(&total, e, "total_%s", v) ||
                    gn_buf_printf(&hours, e, "total_%.*s_hours", (int)stem, v) ||
                    gn_buf_printf(&avg, e, "avg_%s", v) || add(h, p->o.user, p->o.user_type, e) ||
                    add(h, "rank", GN_INT, e) || add(h, "total_interactions", GN_INT, e) ||
                    add(h, (char *)total.p, GN_INT, e) || add(h, (char *)hours.p, GN_FLOAT, e) ||
                    add(h, (char *)avg.p, GN_FLOAT, e) ||
                    (p->o.pages && add(h, "unique_pages", GN_INT, e)) ||
                    add(h, "days_active", GN_INT, e) ||
                    (p->o.flagged && add(h, "flagged_days", GN_INT, e)) ||
                    add(h, "percentile_rank", GN_FLOAT, e) ||
                    add(h, "engagement_score", GN_FLOAT, e) ||
                    gn_header_add_order(h, "rank", false, e)
                ? -1
                : 0;
    gn_buf_release(&total);
    gn_buf_release(&hours);
    gn_buf_release(&avg);
    return r;
}

int gn_power_header(const gn_power *p, enum gn_power_table t, gn_header *h, gn_err *e)
{
    static const char *const percentiles[] = {"p50", "p90", "p95", "p99"};
    h->total = true;
    if (t == GN_POWER_USERS)
        return users_header(p, h, e);
    if (add(h, "metric", GN_STR, e) || gn_header_add_order(h, "metric", false, e))
        return -1;
    if (t == GN_POWER_HISTOGRAM)
        return add(h, "bucket", GN_INT, e) || add(h, "lower", GN_INT, e) ||
                       add(h, "upper", GN_INT, e) || add(h, "users", GN_INT, e) ||
                       gn_header_add_order(h, "bucket", false, e)
                   ? -1
                   : 0;
    if (add(h, "n", GN_INT, e))
        return -1;
    for (size_t i = 0; i < PERCENTS; i++)
        if (add(h, percentiles[i], GN_FLOAT, e))
            return -1;
    return add(h, "max", GN_INT, e);
}

static int write_user(gn_power *p, const ranked *r, uint64_t rank, gn_writer *w, gn_err *e)
{
    gn_row *row = &p->row;
    const gn_u128 others = p->count.users > 1 ? p->count.users - 1 : 1;
    return gn_row_begin(row, (size_t)9 + p->o.pages + p->o.flagged, e) ||
                   gn_row_raw(row, r->user, e) || gn_row_int(row, (int64_t)rank, e) ||
                   gn_row_int(row, r->figure[EVENTS], e) || gn_row_int(row, r->total, e) ||
                   gn_row_float(row, gn_ratio(r->total, 3600000), e) ||
                   gn_row_float(row, gn_ratio(r->total, (gn_u128)r->figure[EVENTS]), e) ||
                   (p->o.pages && gn_row_int(row, r->figure[PAGES], e)) ||
                   gn_row_int(row, r->figure[DAYS], e) ||
                   (p->o.flagged && gn_row_int(row, r->flagged, e)) ||
                   gn_row_float(row, gn_ratio((gn_i128)r->less[TOTAL], others), e) ||
                   gn_row_float(row, gn_ratio((gn_i128)10 * weight(r), others), e) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

/* Does the user at this place (from 0) from the greatest total belong to the top? */
static bool is_top(const gn_power *p, uint64_t place, int64_t total, int64_t last, uint64_t count)
{
    if (place < count)
        return true;
    return (p->o.ties || p->o.threshold) && place && total == last;
}

/* How many are above the percentile for certain: those from the value on that comes behind the
 * percentile's place; and that value itself where the place is a whole number. Its equals follow as
 * ties do. */
static uint64_t threshold_count(const gn_power *p)
{
    const uint64_t n = p->count.users;
    gn_u128 at = (gn_u128)(n - 1) * (p->o.of - p->o.share);
    uint64_t low = (uint64_t)(at / p->o.of);
    return n - low - (at % p->o.of != 0);
}

static int write_users(gn_power *p, const gn_power_outputs *out, gn_err *e)
{
    uint64_t count = p->o.threshold ? threshold_count(p) : top_count(p), place = 0;
    int64_t last = 0; /* the least total of the top so far */
    gn_str record;
    int more;
    while ((more = gn_recsort_next(&p->chosen, &record, e)) == 1) {
        ranked r = {0};
        if (parse(record, true, &r, e))
            return -1;
        bool top = is_top(p, place, r.total, last, count);
        if (top) {
            last = r.total;
            p->count.top++;
        }
        place++;
        if ((top && out->top && write_user(p, &r, place, out->top, e)) ||
            (out->all && write_user(p, &r, place, out->all, e)))
            return -1;
    }
    return more;
}

static int text(gn_row *row, const char *s, gn_err *e)
{
    return gn_row_str(row, s, strlen(s), e);
}

/* ---- how users are spread ---- */

typedef struct named {
    const char *name;
    enum metric m;
} named;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

/* The metrics that there are, in order of their names; returns how many. */
static size_t metrics(const gn_power *p, const char *total, named out[METRICS])
{
    size_t n = 0;
    out[n++] = (named){total, TOTAL};
    out[n++] = (named){"total_interactions", EVENTS};
    out[n++] = (named){"days_active", DAYS};
    out[n++] = (named){"engagement_score", SCORE};
    if (p->o.pages)
        out[n++] = (named){"unique_pages", PAGES};
    qsort(out, n, sizeof *out, by_name);
    return n;
}

static int write_percentiles(gn_power *p, const named *m, gn_writer *w, gn_err *e)
{
    const uint64_t n = p->count.users;
    const counts *c = &p->of[m->m];
    gn_row *row = &p->row;
    if (gn_row_begin(row, 3 + PERCENTS, e) || text(row, m->name, e) ||
        gn_row_int(row, (int64_t)n, e))
        return -1;
    for (size_t i = 0; i < PERCENTS; i++) {
        gn_u128 at = (gn_u128)(n - 1) * percent[i];
        uint64_t place = (uint64_t)(at / 100), next = place + 1 < n ? place + 1 : place;
        gn_i128 low = m->m == TOTAL ? p->low[i] : count_at(c, place, n);
        gn_i128 high = m->m == TOTAL ? p->high[i] : count_at(c, next, n);
        if (gn_row_float(row, gn_ratio(100 * low + (high - low) * (gn_i128)(at % 100), 100), e))
            return -1;
    }
    return gn_row_int(row, m->m == TOTAL ? p->most : count_at(c, n - 1, n), e) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

static uint64_t bucket_users(const gn_power *p, enum metric m, size_t bucket)
{
    if (m == TOTAL)
        return p->buckets[bucket];
    if (m == SCORE)
        return p->scores[bucket];
    const uint64_t n = p->count.users;
    uint64_t below = bucket ? less_than(&p->of[m], UINT64_C(1) << (bucket - 1), n) : 0;
    return less_than(&p->of[m], UINT64_C(1) << bucket, n) - below;
}

static int write_bucket(gn_power *p, const named *m, size_t bucket, gn_writer *w, gn_err *e)
{
    gn_row *row = &p->row;
    int64_t lower = bucket ? INT64_C(1) << (bucket - 1) : 0, upper = INT64_MAX;
    if (m->m == SCORE) {
        lower = (int64_t)bucket * 10;
        upper = lower + 10;
    } else if (bucket < LOG_BUCKETS - 1) {
        upper = INT64_C(1) << bucket;
    }
    return gn_row_begin(row, 5, e) || text(row, m->name, e) ||
                   gn_row_int(row, (int64_t)bucket, e) || gn_row_int(row, lower, e) ||
                   gn_row_int(row, upper, e) ||
                   gn_row_int(row, (int64_t)bucket_users(p, m->m, bucket), e) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

static int write_histogram(gn_power *p, const named *m, gn_writer *w, gn_err *e)
{
    size_t last = SCORE_BUCKETS - 1;
    if (m->m == TOTAL)
        last = bucket_of((uint64_t)p->most);
    else if (m->m != SCORE)
        last = bucket_of((uint64_t)count_at(&p->of[m->m], p->count.users - 1, p->count.users));
    for (size_t i = 0; i <= last; i++)
        if (write_bucket(p, m, i, w, e))
            return -1;
    return 0;
}

static int write_spread(gn_power *p, const gn_power_outputs *out, gn_err *e)
{
    gn_buf total = {0};
    named m[METRICS];
    int r = gn_buf_printf(&total, e, "total_%s", p->o.value);
    size_t n = r ? 0 : metrics(p, (char *)total.p, m);
    for (size_t i = 0; r == 0 && p->count.users && i < n; i++)
        if ((out->percentiles && m[i].m != SCORE &&
             write_percentiles(p, &m[i], out->percentiles, e)) ||
            (out->histogram && write_histogram(p, &m[i], out->histogram, e)))
            r = -1;
    gn_buf_release(&total);
    return r ? -1 : 0;
}

static void count_spilled(gn_power *p, const gn_recsort *s)
{
    p->count.spill_runs += gn_extsort_runs(s->sort);
    p->count.spill_bytes += gn_extsort_spilled(s->sort);
}

int gn_power_rank(gn_power *p, const gn_power_outputs *out, gn_err *e)
{
    const uint64_t n = p->count.users;
    bool more = out->all || p->o.ties || p->o.threshold;
    for (int m = EVENTS; m <= PAGES; m++)
        end_counts(&p->of[m]);
    if (begin_sort(p, &p->chosen, true, e) || read_ascending(p, more ? 0 : n - top_count(p), e))
        return -1;
    count_spilled(p, &p->by_total);
    gn_recsort_release(&p->by_total);
    if (write_users(p, out, e))
        return -1;
    count_spilled(p, &p->chosen);
    return write_spread(p, out, e);
}
