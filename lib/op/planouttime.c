/* planouttime.c - see planoutpriv.h: the lines of time. */
#include "planoutpriv.h"

#include "planwords.h"

static void tell_phase(gn_planteller *t, int i)
{
    static const char *const name[] = {"time map", "time parts", "time merge"};
    static const char *const alone[] = {"", "the largest partition",
                                        "the longest of its processes"};
    const gn_planphasetime *f = &t->s->plan->phase[i];
    const gn_planin *in = t->s->in;
    gn_tell_value(t, "%s", gn_plan_duration(f->wall).t);
    gn_tell_because(t, "%s / %llu process%s = %s", gn_plan_seconds(f->cpu).t,
                    (unsigned long long)f->procs, f->procs == 1 ? "" : "es",
                    gn_plan_duration(f->even).t);
    if (f->alone)
        gn_tell_because(t, "; %s takes %s", alone[i], gn_plan_duration(f->alone).t);
    if (f->disk)
        gn_tell_because(t, "; the disk, at %s/s%s, %s", gn_plan_size(in->disk).t,
                        t->s->disk_given ? "" : " assumed", gn_plan_duration(f->disk).t);
    if (i == GN_PLAN_PARTITIONS && t->s->plan->join_assumed)
        gn_tell_because(t, "; the rates have no gn-join, it is counted as a gn-sort");
    gn_tell_line(t, name[i]);
}

static void tell_network(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    bool broadcast = p->join == GN_PLAN_JOIN_BROADCAST;
    if (in->nhosts == 1)
        return;
    gn_tell_value(t, "%s", gn_plan_duration(p->network).t);
    gn_tell_because(t, "the largest host sends %s", gn_plan_size(p->sends).t);
    if (broadcast)
        gn_tell_because(t, " and gets %s of metadata", gn_plan_size(p->broadcast_sends).t);
    gn_tell_because(t, ", at %s%s", gn_plan_bits(in->network).t,
                    t->s->network_given ? "" : " assumed");
    if (p->join != GN_PLAN_JOIN_NONE && !broadcast)
        gn_tell_because(t, "; a broadcast would send it %s more",
                        gn_plan_size(p->broadcast_sends).t);
    gn_tell_line(t, "time net");
}

void gn_tell_time(gn_planteller *t)
{
    const gn_planjob *p = t->s->plan;
    tell_phase(t, GN_PLAN_MAP);
    tell_network(t);
    tell_phase(t, GN_PLAN_PARTITIONS);
    tell_phase(t, GN_PLAN_MERGE);
    gn_tell_value(t, "%s", gn_plan_duration(p->wall).t);
    gn_tell_because(t, "that is the sum, with %s in all", gn_plan_seconds(p->cpu).t);
    gn_tell_line(t, "time");
    uint64_t deadline = t->s->in->deadline;
    if (!deadline)
        return;
    gn_tell_value(t, "%s", p->met ? "met" : "missed");
    if (p->met)
        gn_tell_because(t, "%s is within %s", gn_plan_duration(p->wall).t,
                        gn_plan_duration(deadline).t);
    else if (p->hosts_needed)
        gn_tell_because(t, "%s is more than %s; %llu hosts of %llu cores would take %s",
                        gn_plan_duration(p->wall).t, gn_plan_duration(deadline).t,
                        (unsigned long long)p->hosts_needed, (unsigned long long)p->widest,
                        gn_plan_duration(p->hosts_wall).t);
    else
        gn_tell_because(
            t,
            "%s is more than %s; no number of such hosts would do, as one process alone takes "
            "%s to merge and %s for the largest partition",
            gn_plan_duration(p->wall).t, gn_plan_duration(deadline).t,
            gn_plan_duration(p->phase[GN_PLAN_MERGE].alone).t,
            gn_plan_duration(p->phase[GN_PLAN_PARTITIONS].alone).t);
    gn_tell_line(t, "deadline");
}
