/* retention.c - see retention.h. */
#include "retention.h"

#include "../stream/value.h"
#include "userdays.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_MEMORY ((size_t)4 << 20)

struct gn_retention {
    gn_retention_options o;
    bool begun;
    gn_activity in;
    gn_members *members;
    gn_userdays *days;   /* NULL: the input is in order */
    gn_budget days_room; /* for them: the cells need room in the end */
    gn_cohorts *cohorts;
    gn_cohort_feed feed;
    gn_cohort_cover cover;
    gn_user_ranges member_users; /* that the members' headers claim to hold */
    gn_lineage members_from;
    /* in order: the user that is being read */
    bool open;
    gn_buf user;
    gn_intsums user_days;
};

gn_retention *gn_retention_new(const gn_retention_options *o, gn_err *e)
{
    gn_retention *r = gn_calloc(1, sizeof *r, e);
    if (!r)
        return NULL;
    r->o = *o;
    r->user_days.budget = o->budget;
    r->members_from.covered = true;
    return r;
}

void gn_retention_free(gn_retention *r)
{
    if (!r)
        return;
    gn_activity_release(&r->in);
    gn_members_close(r->members);
    gn_userdays_free(r->days);
    gn_cohorts_free(r->cohorts);
    gn_user_ranges_release(&r->cover.users);
    gn_user_ranges_release(&r->member_users);
    gn_lineage_release(&r->members_from);
    gn_buf_release(&r->user);
    gn_intsums_release(&r->user_days);
    free(r);
}

gn_cohorts *gn_retention_cohorts(const gn_retention *r)
{
    return r->cohorts;
}

const gn_activity *gn_retention_activity(const gn_retention *r)
{
    return &r->in;
}

const gn_cohort_cover *gn_retention_cover(const gn_retention *r)
{
    return &r->cover;
}

const gn_cohort_feed *gn_retention_feed(const gn_retention *r)
{
    return &r->feed;
}

gn_members_counts gn_retention_members(const gn_retention *r)
{
    return r->members ? gn_members_counted(r->members) : (gn_members_counts){0};
}

uint64_t gn_retention_spilled(const gn_retention *r, uint64_t *runs)
{
    gn_members_counts m = gn_retention_members(r);
    uint64_t bytes = 0;
    *runs = 0;
    if (r->days)
        gn_userdays_spilled(r->days, runs, &bytes);
    *runs += m.spill_runs;
    return bytes + m.spill_bytes;
}

/* ---- which users a stream is about ---- */

static gn_user_range range_of(const gn_header *h, const char *user)
{
    const gn_part *p = &h->part;
    if (p->nkeys == 1 && strcmp(p->key[0], user) == 0)
        return (gn_user_range){p->lo, p->hi};
    return (gn_user_range){0, UINT64_MAX};
}

static bool by_user(const gn_header *h, const char *user)
{
    return h->norder && !h->order[0].desc && strcmp(h->order[0].field, user) == 0;
}

/* ---- members ---- */

static int member_segment(void *ctx, const gn_header *h, const char *name, gn_err *e)
{
    gn_retention *r = ctx;
    bool doubled;
    if (h->partial.command)
        return gn_fail(e, GN_INPUT, "'%s': a partial state of %s, not metadata", name,
                       h->partial.command);
    return gn_user_ranges_add(&r->member_users, range_of(h, r->o.members_user), &doubled, e);
}

static int member_ended(void *ctx, const gn_lineage *l, gn_err *e)
{
    gn_retention *r = ctx;
    if (gn_lineage_merge(&r->members_from, l, e))
        return -1;
    if (l->has_root) {
        r->members_from.has_root = true;
        r->members_from.root = l->root;
    }
    return 0;
}

static size_t share_of_memory(const gn_retention *r, size_t eighths)
{
    size_t n = r->o.memory / 8 * eighths;
    return n < LEAST_MEMORY ? LEAST_MEMORY : n;
}

static int open_members(gn_retention *r, gn_err *e)
{
    const gn_retention_options *o = &r->o;
    if (!o->members)
        return 0;
    r->members = gn_members_open(&(gn_members_options){.path = o->members,
                                                       .max_record = o->max_record,
                                                       .user = o->members_user,
                                                       .join = o->join,
                                                       .user_type = r->in.user_type,
                                                       .zone = o->zone,
                                                       .attribute = o->segment,
                                                       .nattributes = o->nsegments,
                                                       .budget = o->budget,
                                                       .memory = share_of_memory(r, 2),
                                                       .temp_dir = o->temp_dir,
                                                       .begun = member_segment,
                                                       .ended = member_ended,
                                                       .ctx = r},
                                 e);
    return r->members ? 0 : -1;
}

static int check_members(const gn_retention *r, gn_err *e)
{
    for (size_t i = 0; r->members && i < r->cover.users.n; i++)
        if (!gn_user_ranges_hold(&r->member_users, r->cover.users.range[i]))
            return gn_fail(e, GN_INPUT,
                           "'%s': a part of the users only, not all those of the events (give all "
                           "members, or the part that belongs to the events)",
                           r->o.members);
    return 0;
}

/* Those of the users that the events are about. */
int gn_retention_lineage(const gn_retention *r, gn_lineage *l, gn_err *e)
{
    int failed = 0;
    l->covered = true;
    for (size_t i = 0; !failed && i < r->cover.users.n; i++) {
        gn_lineage part = {0};
        gn_user_range u = r->cover.users.range[i];
        failed = gn_lineage_copy(&part, &r->members_from, e) ||
                 gn_lineage_narrow(&part, u.lo, u.hi, e) || gn_lineage_merge(l, &part, e);
        gn_lineage_release(&part);
    }
    l->has_root = r->members_from.has_root;
    l->root = r->members_from.root;
    return failed ? -1 : 0;
}

/* ---- segments ---- */

static void begin_activity(gn_retention *r, const gn_header *h)
{
    const gn_retention_options *o = &r->o;
    gn_activity_init(
        &r->in, &(gn_activity_options){.user = o->user,
                                       .time = o->time,
                                       .value = o->value,
                                       .active = o->active ? o->active : "any",
                                       .tz = o->tz,
                                       .zone = o->zone,
                                       .states = h->partial.command != NULL,
                                       .params_default = !o->active && strcmp(o->tz, "UTC") == 0,
                                       .budget = o->budget});
}

/* After the first segment's fields. */
static int begin(gn_retention *r, const gn_header *h, gn_err *e)
{
    const gn_retention_options *o = &r->o;
    gn_cohort_options c = {.month = o->month, .periods = o->periods, .budget = o->budget};
    if (open_members(r, e) || !(r->cohorts = gn_cohorts_new(&c, e)))
        return -1;
    r->feed = (gn_cohort_feed){.cohorts = r->cohorts,
                               .members = r->members,
                               .user_type = r->in.user_type,
                               .first_seen = o->first_seen,
                               .from = o->period.has_from ? o->period.from : INT64_MIN,
                               .to = o->period.has_to ? o->period.to : INT64_MAX,
                               .users = &r->cover.users,
                               .nsegments = o->nsegments,
                               .segment = o->segment};
    if (gn_cohort_feed_begin(&r->feed, e))
        return -1;
    if (!o->hash && by_user(h, r->in.user))
        return 0;
    r->days_room.cap = share_of_memory(r, 4);
    r->days = gn_userdays_new(r->in.user_type, &r->days_room, o->temp_dir, e);
    return r->days ? 0 : -1;
}

int gn_retention_segment(gn_retention *r, gn_reader *in, gn_err *e)
{
    const gn_header *h = gn_reader_header(in);
    bool first = !r->begun, doubled;
    if (first)
        begin_activity(r, h);
    if (gn_activity_segment(&r->in, in, e))
        return -1;
    r->begun = true;
    const char *user = h->schema.f[r->in.f_user].name;
    gn_user_range range = range_of(h, user);
    if (!first && !r->days && (!by_user(h, user) || !gn_user_ranges_hold(&r->cover.users, range)))
        return gn_fail(e, GN_INPUT,
                       "'%s': ordered or placed unlike the segment before (give --hash)",
                       gn_reader_name(in));
    if (gn_user_ranges_add(&r->cover.users, range, &doubled, e))
        return -1;
    return first ? begin(r, h, e) : 0;
}

/* ---- in order of the user ---- */

static int end_user(gn_retention *r, gn_err *e)
{
    if (!r->open)
        return 0;
    r->open = false;
    gn_intsums_end(&r->user_days);
    return gn_cohort_feed_user(&r->feed, (gn_str){r->user.p, (uint32_t)r->user.n}, &r->user_days,
                               e);
}

static int next_user(gn_retention *r, gn_reader *in, size_t i, gn_err *e)
{
    gn_str user = r->in.key[i], now = {r->user.p, (uint32_t)r->user.n};
    if (r->open && gn_value_cmp(r->in.user_type, now, user) > 0)
        return gn_fail(e, GN_INPUT,
                       "'%s': record %llu: not ordered by %s, as the header claims or after the "
                       "segment before (give --hash)",
                       gn_reader_name(in), (unsigned long long)(r->in.first_record + i + 1),
                       r->in.user);
    if (end_user(r, e))
        return -1;
    r->open = true;
    gn_intsums_clear(&r->user_days);
    r->user.n = 0;
    return gn_buf_add(&r->user, user.p, user.n, e);
}

static int ordered_batch(gn_retention *r, gn_reader *in, gn_err *e)
{
    const gn_activity *a = &r->in;
    for (size_t k = 0; k < a->nrow; k++) {
        size_t i = a->row[k];
        gn_str user = a->key[i];
        if (!r->open || user.n != r->user.n || memcmp(user.p, r->user.p, user.n) != 0)
            if (next_user(r, in, i, e))
                return -1;
        if (gn_intsums_add(&r->user_days, a->day[i], 1, e))
            return -1;
    }
    return 0;
}

/* ---- batches ---- */

int gn_retention_batch(gn_retention *r, gn_reader *in, const gn_batch *b, gn_err *e)
{
    gn_activity *a = &r->in;
    gn_cohort_cover *c = &r->cover;
    if (gn_activity_batch(a, b, e))
        return -1;
    if (a->first <= a->last) {
        c->first = c->any && c->first < a->first ? c->first : a->first;
        c->last = c->any && c->last > a->last ? c->last : a->last;
        c->any = true;
    }
    if (r->days)
        return gn_userdays_add(r->days, a->key, a->day, a->row, a->nrow, e);
    return ordered_batch(r, in, e);
}

/* The days that the data cover, as asked for. */
static void find_cover(gn_retention *r)
{
    const gn_period *p = &r->o.period;
    r->cover.any |= p->has_from && p->has_to;
    if (p->has_from)
        r->cover.first = p->from;
    if (p->has_to)
        r->cover.last = p->to;
}

int gn_retention_finish(gn_retention *r, gn_err *e)
{
    gn_str user;
    int more = 0;
    if (check_members(r, e) || end_user(r, e))
        return -1;
    while (r->days && (more = gn_userdays_next(r->days, &user, &r->user_days, e)) == 1)
        if (gn_cohort_feed_user(&r->feed, user, &r->user_days, e))
            return -1;
    if (more < 0 || gn_cohort_feed_end(&r->feed, e))
        return -1;
    find_cover(r);
    if (r->o.budget)
        r->o.budget->peak += r->days_room.peak;
    return 0;
}
