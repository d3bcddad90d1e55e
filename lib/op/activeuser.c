/* activeuser.c - see activeuser.h.
 *
 * The range of days to report may hang on the last event (--last), but users are gone by then. So
 * a week's users are kept by the last day of the week on which they were active: those of a week
 * that is covered from day d on are the sum from d on. Where the end is not given it is the day of
 * the last event, and whoever is active on a later day, for what came before, is so on that day
 * too. */
#include "activeuser.h"

#include "../base/civil.h"
#include "../stream/value.h"
#include "session_priv.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 16 /* days are kept by blocks, so that stray ones cost little */
#define NBLOCKS ((size_t)((GN_DAY_MAX - GN_DAY_MIN) / BLOCK + 1))
#define MARKS 512 /* room for the days of a user at first */

typedef struct day {
    uint64_t users;       /* active */
    uint64_t week, month; /* users for whom it is the last active day of its week, of its month */
    int64_t step;         /* by which the rolling count differs from that of the day before */
    uint64_t n;
    gn_i128 sum;
} day;

/* A day of the user's. */
typedef struct mark {
    int64_t day;
    uint64_t n;
} mark;

struct gn_by_user {
    gn_by_user_options o;
    int64_t lo, hi; /* the days that matter */
    day **block;    /* NBLOCKS of them, most NULL */
    bool any;
    int64_t first, last;
    gn_by_user_counts count;
    /* the user */
    bool begun;
    gn_str user; /* of the batch, or kept */
    gn_buf kept;
    int64_t time; /* of the event before; INT64_MIN: none */
    mark *mark;
    size_t nmark, room;
    /* GN_MARK_SESSIONS: the open session */
    gn_session_rule rule;
    int64_t start, start_day;
    int64_t longer; /* microseconds */
    /* the user's active days that were counted */
    int64_t before, week_end, month_end; /* the last one; the first days that are beyond its week
                                            and month. before = INT64_MIN: none */
};

gn_by_user *gn_by_user_new(const gn_by_user_options *o, gn_err *e)
{
    gn_by_user *u = gn_calloc(1, sizeof *u, e);
    if (!u)
        return NULL;
    u->o = *o;
    u->lo = o->period.has_from ? o->period.from - (GN_ROLLING_DAYS - 1) : GN_DAY_MIN;
    u->lo = u->lo < GN_DAY_MIN ? GN_DAY_MIN : u->lo;
    u->hi = o->period.has_to ? o->period.to : GN_DAY_MAX;
    u->before = INT64_MIN;
    if (__builtin_mul_overflow(o->longer_ms, 1000, &u->longer))
        u->longer = INT64_MAX;
    gn_session_rule_init(&u->rule, o->gap_ms, false, false, false, NULL);
    u->block = gn_calloc(NBLOCKS, sizeof *u->block, e);
    if (!u->block) {
        gn_by_user_free(u);
        return NULL;
    }
    return u;
}

void gn_by_user_free(gn_by_user *u)
{
    if (!u)
        return;
    for (size_t i = 0; u->block && i < NBLOCKS; i++) {
        if (!u->block[i])
            continue;
        free(u->block[i]);
        gn_budget_give(u->o.budget, BLOCK * sizeof(day));
    }
    gn_budget_give(u->o.budget, u->room * sizeof *u->mark);
    free(u->block);
    free(u->mark);
    gn_buf_release(&u->kept);
    free(u);
}

bool gn_by_user_covered(const gn_by_user *u, int64_t *first, int64_t *last)
{
    *first = u->first;
    *last = u->last;
    return u->any;
}

gn_by_user_counts gn_by_user_counted(const gn_by_user *u)
{
    return u->count;
}

/* ---- days ---- */

static day *new_block(gn_by_user *u, size_t b, gn_err *e)
{
    if (gn_budget_take(u->o.budget, BLOCK * sizeof(day), e))
        return NULL;
    if (!(u->block[b] = gn_calloc(BLOCK, sizeof(day), e)))
        gn_budget_give(u->o.budget, BLOCK * sizeof(day));
    return u->block[b];
}

static inline day *day_of(gn_by_user *u, int64_t number, gn_err *e)
{
    size_t at = (size_t)(number - GN_DAY_MIN);
    day *b = u->block[at / BLOCK];
    if (__builtin_expect(!b, 0) && !(b = new_block(u, at / BLOCK, e)))
        return NULL;
    return &b[at % BLOCK];
}

/* NULL: nothing is known of it. */
static const day *known_day(const gn_by_user *u, int64_t number)
{
    size_t at = (size_t)(number - GN_DAY_MIN);
    if (number < GN_DAY_MIN || number > GN_DAY_MAX || !u->block[at / BLOCK])
        return NULL;
    return &u->block[at / BLOCK][at % BLOCK];
}

/* The rolling count changes by `by` from the day on. */
static int step(gn_by_user *u, int64_t number, int64_t by, gn_err *e)
{
    if (number > u->hi)
        return 0;
    day *d = day_of(u, number, e);
    if (!d)
        return -1;
    d->step += by;
    return 0;
}

/* The next active day of the user, in ascending order; each once. */
static inline int count_day(gn_by_user *u, int64_t number, gn_err *e)
{
    if (number < u->lo || number > u->hi)
        return 0;
    int64_t before = u->before;
    day *d = day_of(u, number, e);
    if (!d)
        return -1;
    d->users++;
    if (before == INT64_MIN || number - before > GN_ROLLING_DAYS) {
        if (before != INT64_MIN && step(u, before + GN_ROLLING_DAYS, -1, e))
            return -1;
        d->step++;
    }
    if (before == INT64_MIN || number >= u->week_end) {
        if (before != INT64_MIN)
            day_of(u, before, e)->week++; /* it is there */
        u->week_end = gn_week_start(number) + 7;
    }
    if (before == INT64_MIN || number >= u->month_end) {
        if (before != INT64_MIN)
            day_of(u, before, e)->month++;
        u->month_end = gn_month_start(gn_month_of_day(number) + 1);
    }
    u->before = number;
    return 0;
}

static int end_days(gn_by_user *u, gn_err *e)
{
    if (u->before == INT64_MIN)
        return 0;
    day *d = day_of(u, u->before, e);
    d->week++;
    d->month++;
    int r = step(u, u->before + GN_ROLLING_DAYS, -1, e);
    u->before = INT64_MIN;
    return r;
}

/* ---- marks ---- */

static int cmp_marks(const void *a, const void *b)
{
    int64_t x = ((const mark *)a)->day, y = ((const mark *)b)->day;
    return (x > y) - (x < y);
}

/* One mark a day, in order. Mostly they are: days go back only between zones, and where clocks are
 * set back over midnight. */
static void tidy(gn_by_user *u)
{
    bool tidy = true;
    for (size_t i = 1; tidy && i < u->nmark; i++)
        tidy = u->mark[i - 1].day < u->mark[i].day;
    if (tidy)
        return;
    qsort(u->mark, u->nmark, sizeof *u->mark, cmp_marks);
    size_t n = 1;
    for (size_t i = 1; i < u->nmark; i++)
        if (u->mark[i].day == u->mark[n - 1].day)
            u->mark[n - 1].n += u->mark[i].n;
        else
            u->mark[n++] = u->mark[i];
    u->nmark = n;
}

static int make_room(gn_by_user *u, gn_err *e)
{
    tidy(u);
    if (u->nmark < u->room / 2)
        return 0;
    size_t more = u->room ? u->room : MARKS;
    if (gn_budget_take(u->o.budget, more * sizeof *u->mark, e))
        return -1;
    mark *m = gn_realloc(u->mark, u->room + more, sizeof *m, e);
    if (!m) {
        gn_budget_give(u->o.budget, more * sizeof *u->mark);
        return -1;
    }
    u->mark = m;
    u->room += more;
    return 0;
}

static inline int add_mark(gn_by_user *u, int64_t number, gn_err *e)
{
    u->count.marks++;
    if (u->nmark && u->mark[u->nmark - 1].day == number) {
        u->mark[u->nmark - 1].n++;
        return 0;
    }
    if (u->nmark == u->room && make_room(u, e))
        return -1;
    u->mark[u->nmark++] = (mark){number, 1};
    return 0;
}

/* The active days after the marks: the count of the window grows where a mark is, and only there.
 */
static int count_look_back(gn_by_user *u, gn_err *e)
{
    const mark *m = u->mark;
    uint64_t sum = 0;
    for (size_t i = 0, gone = 0; i < u->nmark; i++) {
        int64_t next = i + 1 < u->nmark ? m[i + 1].day : u->hi + 1;
        sum += m[i].n;
        for (int64_t d = m[i].day; d < next && d <= u->hi; d++) {
            while (gone <= i && m[gone].day <= d - u->o.days)
                sum -= m[gone++].n;
            if (sum < u->o.need)
                break;
            if (count_day(u, d, e))
                return -1;
        }
    }
    return 0;
}

/* ---- users ---- */

static int end_session(gn_by_user *u, gn_err *e)
{
    u->count.sessions++;
    return u->time - u->start > u->longer ? add_mark(u, u->start_day, e) : 0;
}

static int end_user(gn_by_user *u, gn_err *e)
{
    if (u->o.mark == GN_MARK_SESSIONS && u->time != INT64_MIN && end_session(u, e))
        return -1;
    u->time = INT64_MIN;
    tidy(u);
    int r = 0;
    if (u->o.need > 1 || u->o.days > 1)
        r = count_look_back(u, e);
    else
        for (size_t i = 0; r == 0 && i < u->nmark; i++)
            r = count_day(u, u->mark[i].day, e);
    u->nmark = 0;
    return r == 0 ? end_days(u, e) : -1;
}

static int disorder(const gn_by_user *u, const gn_activity *in, size_t i, gn_err *e)
{
    return gn_fail(e, GN_INPUT,
                   "'%s': record %llu: not ordered by %s%s%s, as the header claims or after the "
                   "segment before: run gn-sort -k %s%s%s%s",
                   in->input, (unsigned long long)(in->first_record + i + 1), in->o.user,
                   u->o.by_time ? ", " : "", u->o.by_time ? in->o.time : "", in->o.user,
                   u->o.by_time ? "," : "", u->o.by_time ? in->o.time : "",
                   u->o.by_time ? "" : ", or give --hash");
}

static int next_user(gn_by_user *u, const gn_activity *in, size_t i, gn_err *e)
{
    if (u->begun && gn_value_cmp(in->user_type, u->user, in->key[i]) >= 0)
        return disorder(u, in, i, e);
    if (u->begun && end_user(u, e))
        return -1;
    u->begun = true;
    u->time = INT64_MIN;
    u->count.users++;
    return 0;
}

/* An event of the session, which may begin with it. Where its first events are at one time but on
 * several days, for their zones, the first of these is the session's: ties have no order. */
static int add_to_session(gn_by_user *u, int64_t t, int64_t number, gn_err *e)
{
    if (u->time != INT64_MIN && !gn_session_gap(&u->rule, u->time, t)) {
        if (t == u->start && number < u->start_day)
            u->start_day = number;
        return 0;
    }
    if (u->time != INT64_MIN && end_session(u, e))
        return -1;
    u->start = t;
    u->start_day = number;
    return 0;
}

/* The last user, before its batch goes. */
static int keep_user(gn_by_user *u, gn_err *e)
{
    if (!u->begun || u->user.p == u->kept.p)
        return 0;
    u->kept.n = 0;
    if (gn_buf_add(&u->kept, u->user.p, u->user.n, e))
        return -1;
    u->user.p = u->kept.p;
    return 0;
}

static int add_totals(gn_by_user *u, const gn_activity *in, gn_err *e)
{
    for (size_t k = 0; k < in->nrow; k++) {
        size_t i = in->row[k];
        if (in->day[i] < u->lo || in->day[i] > u->hi)
            continue;
        day *d = day_of(u, in->day[i], e);
        if (!d)
            return -1;
        d->n++; /* neither can overflow: that takes 2^64 events */
        if (in->amount && in->amount[i] > 0)
            d->sum += in->amount[i];
    }
    return 0;
}

int gn_by_user_add(gn_by_user *u, const gn_activity *in, gn_err *e)
{
    const int64_t *time = in->us ? in->us : in->day;
    if (in->first <= in->last) {
        u->first = u->any && u->first < in->first ? u->first : in->first;
        u->last = u->any && u->last > in->last ? u->last : in->last;
        u->any = true;
    }
    for (size_t k = 0; k < in->nvalid; k++) {
        size_t i = in->valid[k];
        gn_str user = in->key[i];
        bool same = u->begun && user.n == u->user.n && memcmp(user.p, u->user.p, user.n) == 0;
        if (!same && next_user(u, in, i, e))
            return -1;
        u->user = user;
        if (u->o.by_time && time[i] < u->time)
            return disorder(u, in, i, e);
        if (u->o.mark == GN_MARK_SESSIONS ? add_to_session(u, time[i], in->day[i], e)
                                          : in->active[i] && add_mark(u, in->day[i], e))
            return -1;
        u->time = time[i];
    }
    return add_totals(u, in, e) || keep_user(u, e) ? -1 : 0;
}

/* ---- counting ---- */

/* Add the users whose last active day of a week or month is this one. */
static void add_last(gn_active_report *r, const day *d, int64_t number)
{
    size_t w = gn_active_report_week(r, number), m = gn_active_report_month(r, number);
    if (w < r->nweeks)
        r->week[w].users += d->week;
    if (m < r->nmonths)
        r->month[m].users += d->month;
}

static void fill(const gn_by_user *u, gn_active_report *r)
{
    int64_t now = 0;
    for (size_t b = 0; b < NBLOCKS; b++)
        for (size_t k = 0; u->block[b] && k < BLOCK; k++) {
            int64_t number = GN_DAY_MIN + (int64_t)(b * BLOCK + k);
            if (number < r->from)
                now += u->block[b][k].step;
            else
                add_last(r, &u->block[b][k], number);
        }
    for (size_t i = 0; i < r->ndays; i++) {
        gn_active_period *p = &r->day[i];
        const day *d = known_day(u, p->key);
        if (d) {
            p->users = d->users;
            p->n = d->n;
            p->sum = d->sum;
            now += d->step;
        }
        r->rolling[i] = (uint64_t)now;
    }
}

int gn_by_user_count(gn_by_user *u, int64_t from, int64_t to, gn_active_report *r, gn_err *e)
{
    *r = gn_active_report_of(from, from - 1);
    if (u->begun && end_user(u, e))
        return -1;
    u->begun = false;
    if (to < from)
        return 0;
    *r = gn_active_report_of(from, to);
    if (u->any && u->first < from)
        r->since = u->first;
    r->look_back = u->o.days - 1;
    if (gn_budget_take(u->o.budget, gn_active_report_bytes(r), e)) {
        *r = gn_active_report_of(from, from - 1);
        return -1;
    }
    if (gn_active_report_alloc(r, e)) {
        gn_active_report_release(r, u->o.budget);
        return -1;
    }
    fill(u, r);
    if (gn_active_report_add_up(r, e)) {
        gn_active_report_release(r, u->o.budget);
        return -1;
    }
    return 0;
}
