/* planoutin.c - see planoutpriv.h: the lines of what a plan is made from. */
#include "planoutpriv.h"

#include "../base/num.h"
#include "planwords.h"

static void tell_csv(gn_planteller *t, const gn_plansize *z)
{
    gn_planrates usual;
    gn_planrates_builtin(&usual);
    const gn_planrates *r = t->s->in->rates->csv_in ? t->s->in->rates : &usual;
    uint64_t thousandths = (uint64_t)((gn_u128)r->csv_out * 1000 / r->csv_in);
    gn_tell_because(
        t, "%llu file%s of CSV %s %s, x %llu.%03llu as %s", (unsigned long long)z->files,
        gn_tell_plural(z->files), z->files == 1 ? "has" : "have", gn_plan_size(z->csv).t,
        (unsigned long long)(thousandths / 1000), (unsigned long long)(thousandths % 1000),
        t->s->in->rates->measured && t->s->in->rates->csv_in ? "in the rates" : "usual");
}

static void tell_side(gn_planteller *t, const char *name, const gn_plansize *z, uint64_t row_bytes)
{
    const char *s = gn_tell_plural(z->files);
    unsigned long long files = z->files, rows = z->side.rows;
    gn_tell_value(t, "%s", gn_plan_size(z->side.bytes).t);
    if (rows)
        gn_tell_value(t, " of stream in %s%llu rows", z->about ? "about " : "", rows);
    switch (z->how) {
    case GN_PLAN_GIVEN:
        gn_tell_because(t, "that was given");
        if (rows && z->about)
            gn_tell_because(t, ", and a row has about %llu bytes", (unsigned long long)row_bytes);
        break;
    case GN_PLAN_ROWS:
        gn_tell_because(t, "%llu rows x %llu bytes", rows, (unsigned long long)row_bytes);
        break;
    case GN_PLAN_STREAM:
        gn_tell_because(t, "%llu .gn file%s %s so many bytes", files, s,
                        files == 1 ? "has" : "have");
        break;
    case GN_PLAN_INDEX:
        gn_tell_because(t, "the index%s of %llu .gn.zst file%s say%s so", files == 1 ? "" : "es",
                        files, s, files == 1 ? "s" : "");
        break;
    case GN_PLAN_COMPRESSED:
        if (z->csv)
            tell_csv(t, z);
        else
            gn_tell_because(t, "%llu .gn file%s %s that", files, s, files == 1 ? "holds" : "hold");
        gn_tell_because(t, ", where %s on disk unpack as their beginnings do",
                        gn_plan_size(z->side.disk).t);
        break;
    case GN_PLAN_CSV:
        tell_csv(t, z);
        break;
    case GN_PLAN_MANIFEST:
        gn_tell_because(t, "the manifest lists %llu files that have them", files);
        break;
    }
    gn_tell_line(t, name);
}

static uint64_t fewest_cores(const gn_planin *in)
{
    uint64_t fewest = UINT64_MAX;
    for (size_t i = 0; i < in->nhosts; i++)
        if (in->cores[i] < fewest)
            fewest = in->cores[i];
    return fewest;
}

static void tell_machine(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    bool alike = p->cores == p->widest * in->nhosts;
    gn_tell_value(t, "%zu host%s, %llu core%s", in->nhosts, gn_tell_plural(in->nhosts),
                  (unsigned long long)p->cores, gn_tell_plural(p->cores));
    if (alike)
        gn_tell_because(t, "%zu x %llu", in->nhosts, (unsigned long long)p->widest);
    else
        gn_tell_because(t, "the hosts have %llu to %llu", (unsigned long long)fewest_cores(in),
                        (unsigned long long)p->widest);
    gn_tell_line(t, "machine");
    gn_tell_value(t, "%s for filters%s", gn_plan_size(in->memory).t,
                  in->nhosts > 1 ? " on each host" : "");
    if (t->s->available)
        gn_tell_because(
            t, "half of the %s that this machine has available stays free for the page cache",
            gn_plan_size(t->s->available).t);
    else
        gn_tell_because(t, "that was given");
    gn_tell_line(t, "memory");
}

static void tell_rates(gn_planteller *t)
{
    const gn_planrates *r = t->s->in->rates;
    gn_u128 cpu = 0;
    for (size_t i = 0; i < r->n; i++)
        cpu += r->rate[i].cpu;
    gn_tell_value(t, "%s for a GiB of stream",
                  gn_plan_seconds((uint64_t)((cpu << 30) / r->basis)).t);
    if (t->s->rates) {
        gn_tell_because(t, "'");
        gn_tell_name(t, &t->because, t->s->rates);
        gn_tell_because(t, "' has %s for %s", gn_plan_seconds((uint64_t)cpu).t,
                        gn_plan_size(r->basis).t);
    } else {
        gn_tell_because(t,
                        "the built-in calibration had %s for %s (gn-plan --calibrate measures this "
                        "machine)",
                        gn_plan_seconds((uint64_t)cpu).t, gn_plan_size(r->basis).t);
    }
    gn_tell_line(t, "rates");
}

void gn_tell_inputs(gn_planteller *t)
{
    const gn_planstory *s = t->s;
    tell_side(t, "events", s->events, s->row_bytes);
    if (s->in->metadata.bytes)
        tell_side(t, "metadata", s->metadata, 0);
    tell_machine(t);
    tell_rates(t);
}
