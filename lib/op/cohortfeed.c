/* cohortfeed.c - see cohortfeed.h. */
#include "cohortfeed.h"

#include "../base/hash.h"
#include "../stream/value.h"

static int next_member(gn_cohort_feed *f, gn_err *e)
{
    int more = f->members ? gn_members_next(f->members, &f->member, e) : 0;
    f->ahead = more == 1;
    return more < 0 ? -1 : 0;
}

int gn_cohort_feed_begin(gn_cohort_feed *f, gn_err *e)
{
    return next_member(f, e);
}

/* A member, or a user who is none, and the days, if any. */
static int add(gn_cohort_feed *f, const gn_member *m, const gn_intsums *days, gn_err *e)
{
    static const gn_str none[GN_COHORT_SEGMENTS];
    const gn_segments s = {f->nsegments, f->segment, m ? m->attribute : none};
    int64_t day = m ? m->join : 0;
    if (f->first_seen) {
        f->unseen += !days->n;
        if (!days->n)
            return 0;
        day = days->entry[0].key;
    }
    f->undated += m && !m->dated;
    f->unknown += !m && f->members;
    if (!f->first_seen && (!m || !m->dated))
        return 0;
    return gn_cohorts_add(f->cohorts, day, &s, days, f->from, f->to, &f->days_before, e);
}

/* The members before a user (all: p NULL), who never were active. */
static int skip_members(gn_cohort_feed *f, gn_str user, gn_err *e)
{
    static const gn_intsums never = {0};
    while (f->ahead) {
        gn_str now = f->member.user;
        if (user.p && gn_value_cmp(f->user_type, now, user) >= 0)
            return 0;
        bool ours = gn_user_ranges_has(f->users, gn_hash(now.p, now.n));
        f->members_n += ours;
        f->elsewhere += !ours;
        if ((ours && add(f, &f->member, &never, e)) || next_member(f, e))
            return -1;
    }
    return 0;
}

int gn_cohort_feed_user(gn_cohort_feed *f, gn_str user, const gn_intsums *days, gn_err *e)
{
    f->active++;
    if (skip_members(f, user, e))
        return -1;
    if (!f->ahead || gn_value_cmp(f->user_type, f->member.user, user) != 0)
        return add(f, NULL, days, e);
    f->members_n++;
    return add(f, &f->member, days, e) || next_member(f, e) ? -1 : 0;
}

int gn_cohort_feed_end(gn_cohort_feed *f, gn_err *e)
{
    return skip_members(f, (gn_str){NULL, 0}, e);
}
