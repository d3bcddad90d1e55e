/* planout.c - see planout.h. Values and arithmetic are put together in two buffers; a line is made
 * of both. Failures (of memory alone) are remembered until the end. */
#include "planoutpriv.h"

#include "../base/num.h"
#include "../stream/text.h"
#include "planwords.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define SHOWN 8 /* lines of hot keys, of partitions to split or to merge, for people */

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* ---- lines ---- */

static void add(gn_planteller *t, gn_buf *b, const char *fmt, va_list ap)
{
    char text[512];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    if (n >= (int)sizeof text)
        n = sizeof text - 1;
    if (!t->failed && n > 0 && gn_buf_add(b, text, (size_t)n, t->e))
        t->failed = true;
}

__attribute__((format(printf, 2, 3))) static void value(gn_planteller *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(t, &t->value, fmt, ap);
    va_end(ap);
}

__attribute__((format(printf, 2, 3))) static void because(gn_planteller *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(t, &t->because, fmt, ap);
    va_end(ap);
}

/* The name of a partition or file: it may hold anything. */
static void named(gn_planteller *t, gn_buf *b, const char *name)
{
    if (!t->failed && gn_text_safe(b, name, strlen(name), t->e))
        t->failed = true;
}

static int put_json(gn_planteller *t, const char *name)
{
    gn_json *j = t->json;
    return gn_json_open(j, '{', t->e) || gn_json_key(j, "name", t->e) ||
           gn_json_text(j, name, t->e) || gn_json_key(j, "value", t->e) ||
           gn_json_textn(j, (const char *)t->value.p, t->value.n, t->e) ||
           gn_json_key(j, "because", t->e) ||
           gn_json_textn(j, (const char *)t->because.p, t->because.n, t->e) ||
           gn_json_close(j, '}', t->e);
}

static void line(gn_planteller *t, const char *name)
{
    if (!t->failed && t->json)
        t->failed = put_json(t, name);
    else if (!t->failed)
        t->failed = gn_buf_printf(t->out, t->e, "%-11s %.*s, because %.*s\n", name, (int)t->value.n,
                                  (const char *)t->value.p, (int)t->because.n,
                                  (const char *)t->because.p) != 0;
    t->value.n = t->because.n = 0;
}

/* ---- what there is ---- */

static void tell_csv(gn_planteller *t, const gn_plansize *z)
{
    gn_planrates usual;
    gn_planrates_builtin(&usual);
    const gn_planrates *r = t->s->in->rates->csv_in ? t->s->in->rates : &usual;
    uint64_t thousandths = (uint64_t)((gn_u128)r->csv_out * 1000 / r->csv_in);
    because(t, "%llu file%s of CSV %s %s, x %llu.%03llu as %s", (unsigned long long)z->files,
            plural(z->files), z->files == 1 ? "has" : "have", gn_plan_size(z->csv).t,
            (unsigned long long)(thousandths / 1000), (unsigned long long)(thousandths % 1000),
            t->s->in->rates->measured && t->s->in->rates->csv_in ? "in the rates" : "usual");
}

static void tell_side(gn_planteller *t, const char *name, const gn_plansize *z, uint64_t row_bytes)
{
    const char *s = plural(z->files);
    unsigned long long files = z->files, rows = z->side.rows;
    value(t, "%s", gn_plan_size(z->side.bytes).t);
    if (rows)
        value(t, " of stream in %s%llu rows", z->about ? "about " : "", rows);
    switch (z->how) {
    case GN_PLAN_GIVEN:
        because(t, "that was given");
        if (rows && z->about)
            because(t, ", and a row has about %llu bytes", (unsigned long long)row_bytes);
        break;
    case GN_PLAN_ROWS:
        because(t, "%llu rows x %llu bytes", rows, (unsigned long long)row_bytes);
        break;
    case GN_PLAN_STREAM:
        because(t, "%llu .gn file%s %s so many bytes", files, s, files == 1 ? "has" : "have");
        break;
    case GN_PLAN_INDEX:
        because(t, "the index%s of %llu .gn.zst file%s say%s so", files == 1 ? "" : "es", files, s,
                files == 1 ? "s" : "");
        break;
    case GN_PLAN_COMPRESSED:
        if (z->csv)
            tell_csv(t, z);
        else
            because(t, "%llu .gn file%s %s that", files, s, files == 1 ? "holds" : "hold");
        because(t, ", where %s on disk unpack as their beginnings do",
                gn_plan_size(z->side.disk).t);
        break;
    case GN_PLAN_CSV:
        tell_csv(t, z);
        break;
    case GN_PLAN_MANIFEST:
        because(t, "the manifest lists %llu files that have them", files);
        break;
    }
    line(t, name);
}

static void tell_machine(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    bool alike = p->cores == p->widest * in->nhosts;
    value(t, "%zu host%s, %llu core%s", in->nhosts, plural(in->nhosts),
          (unsigned long long)p->cores, plural(p->cores));
    if (alike)
        because(t, "%zu x %llu", in->nhosts, (unsigned long long)p->widest);
    else
        because(t, "the hosts have 1 to %llu", (unsigned long long)p->widest);
    line(t, "machine");
    value(t, "%s for filters%s", gn_plan_size(in->memory).t, in->nhosts > 1 ? " on each host" : "");
    if (t->s->available)
        because(t, "half of the %s that this machine has available stays free for the page cache",
                gn_plan_size(t->s->available).t);
    else
        because(t, "that was given");
    line(t, "memory");
}

static void tell_rates(gn_planteller *t)
{
    const gn_planrates *r = t->s->in->rates;
    gn_u128 cpu = 0;
    for (size_t i = 0; i < r->n; i++)
        cpu += r->rate[i].cpu;
    value(t, "%s for a GiB of stream", gn_plan_seconds((uint64_t)((cpu << 30) / r->basis)).t);
    if (t->s->rates) {
        because(t, "'");
        named(t, &t->because, t->s->rates);
        because(t, "' has %s for %s", gn_plan_seconds((uint64_t)cpu).t, gn_plan_size(r->basis).t);
    } else {
        because(t,
                "the built-in calibration had %s for %s (gn-plan --calibrate measures this "
                "machine)",
                gn_plan_seconds((uint64_t)cpu).t, gn_plan_size(r->basis).t);
    }
    line(t, "rates");
}

/* ---- what is to be ---- */

static void rule(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    because(t, "max(2 x %llu cores, %s / %s) = max(%llu, %llu)", (unsigned long long)p->cores,
            gn_plan_size(in->events.bytes).t, gn_plan_size(in->target).t,
            (unsigned long long)(2 * p->cores), (unsigned long long)p->by_size);
    if (p->wanted == GN_PLAN_PARTITIONS_MAX)
        because(t, ", at most %d", GN_PLAN_PARTITIONS_MAX);
}

static void tell_ranges(gn_planteller *t, const char *name, uint64_t n, uint64_t given,
                        const gn_plansize *z)
{
    value(t, "%llu", (unsigned long long)n);
    if (z->whole && n == 1)
        because(t, "compressed CSV is read by one process");
    else if (given)
        because(t, "that was given");
    else
        because(t, "%s / %s, from 1 to %d", gn_plan_size(z->side.disk).t,
                gn_plan_size(GN_PLAN_RANGE).t, GN_PLAN_RANGES_MAX);
    line(t, name);
}

static void tell_partitions(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    value(t, "%llu", (unsigned long long)p->partitions);
    if (in->nparts || in->partitions) {
        because(t, "%s; the rule gives ", in->nparts ? "the manifest has them" : "that was given");
        rule(t);
    } else {
        rule(t);
    }
    line(t, "partitions");
    tell_ranges(t, "ranges", p->ranges, in->ranges, t->s->events);
    if (in->metadata.disk)
        tell_ranges(t, "meta ranges", p->metadata_ranges, in->metadata_ranges, t->s->metadata);
    value(t, "%llu of about %s", (unsigned long long)p->files,
          gn_plan_size(p->files ? in->events.bytes / p->files : 0).t);
    because(t, "%llu ranges x %llu partitions", (unsigned long long)p->ranges,
            (unsigned long long)p->partitions);
    line(t, "files");
    value(t, "%s in the largest partition", gn_plan_size(p->largest).t);
    if (in->nparts)
        because(t, "the manifest says so, and %s on average", gn_plan_size(p->even).t);
    else if (p->largest > p->even)
        because(t, "the hottest key has so much, and %s / %llu = %s",
                gn_plan_size(in->events.bytes).t, (unsigned long long)p->partitions,
                gn_plan_size(p->even).t);
    else
        because(t, "%s / %llu, users being spread by hash", gn_plan_size(in->events.bytes).t,
                (unsigned long long)p->partitions);
    line(t, "largest");
}

static void tell_jobs(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    uint64_t at_once = in->jobs ? in->jobs : p->widest;
    value(t, "-m %lluM", (unsigned long long)(p->filter / MIB));
    if (in->filter)
        because(t, "that was given");
    else if (p->job == GN_PLAN_PIPE * GN_PLAN_FILTER_MIN && p->share < p->job)
        because(t, "that is the least, more than %s / %llu jobs / %d in a pipe",
                gn_plan_size(in->memory).t, (unsigned long long)at_once, GN_PLAN_PIPE);
    else
        because(t, "a pipe has %d filters and min(%s / %llu jobs, max(%s, %d x %s))", GN_PLAN_PIPE,
                gn_plan_size(in->memory).t, (unsigned long long)at_once,
                gn_plan_size(GN_PLAN_PIPE_USUAL).t, GN_PLAN_HELD, gn_plan_size(p->largest).t);
    line(t, "filters");
    value(t, "%llu%s", (unsigned long long)p->jobs_widest, in->nhosts > 1 ? " on a host" : "");
    if (in->nhosts > 1)
        value(t, ", %llu in all", (unsigned long long)p->jobs);
    if (in->jobs)
        because(t, "that was given");
    else
        because(t, "min(%llu cores, %s / %s in a pipe) = min(%llu, %llu)%s",
                (unsigned long long)p->widest, gn_plan_size(in->memory).t, gn_plan_size(p->job).t,
                (unsigned long long)p->widest, (unsigned long long)(in->memory / p->job),
                in->memory < p->job ? ", at least 1" : "");
    line(t, "jobs");
    if (p->spilled)
        value(t, "%s of sorting", gn_plan_size(p->spilled).t);
    else
        value(t, "none");
    because(t, "the largest partition is sorted in %d x %s = %s, which %s %s", GN_PLAN_HELD,
            gn_plan_size(p->largest).t, gn_plan_size(p->need).t,
            p->need > p->job ? "is more than" : "is within", gn_plan_size(p->job).t);
    line(t, "spill");
}

static void tell_disk(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    value(t, "%s%s", gn_plan_size(p->temp).t, in->nhosts > 1 ? " on the largest host" : "");
    if (in->temp != UINT64_MAX && p->fits)
        value(t, ", which fits %s", gn_plan_size(in->temp).t);
    else if (in->temp != UINT64_MAX)
        value(t, ", which lacks %s", gn_plan_size(p->temp - in->temp).t);
    because(t, "its partitions have %s and %llu jobs sort %s each", gn_plan_size(p->parts_bytes).t,
            (unsigned long long)p->jobs_widest, gn_plan_size(p->largest).t);
    if (p->spill_bytes)
        because(t, ", which spills as much again");
    line(t, "disk");
}

static void tell_join(gn_planteller *t)
{
    static const char *const strategy[] = {"none", "merge", "broadcast", "partition by partition",
                                           "grace, partition by partition"};
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    uint64_t room = in->filter ? p->job : p->job > p->share ? p->job : p->share;
    value(t, "%s", strategy[p->join]);
    if (p->join == GN_PLAN_JOIN_NONE) {
        because(t, "there is no metadata");
        line(t, "join");
        return;
    }
    value(t, ", -m %lluM", (unsigned long long)(p->join_memory / MIB));
    if (p->join == GN_PLAN_JOIN_MERGE) {
        because(t, "both inputs are in order of the key");
        line(t, "join");
        return;
    }
    because(t, "the hash table of metadata, %d x %s = %s, %s %s", GN_PLAN_HELD,
            gn_plan_size(in->metadata.bytes).t, gn_plan_size(p->table).t,
            p->join == GN_PLAN_JOIN_BROADCAST ? "fits" : "does not fit", gn_plan_size(room).t);
    if (p->join != GN_PLAN_JOIN_BROADCAST)
        because(t, ", and that of a partition, %s, %s %s", gn_plan_size(p->part_table).t,
                p->join == GN_PLAN_JOIN_GRACE ? "does not fit either," : "fits",
                gn_plan_size(p->job).t);
    line(t, "join");
}

static void tell_salts(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    for (size_t i = 0; i < in->nhot; i++) {
        if (!t->json && i == SHOWN) {
            value(t, "%zu more keys", in->nhot - i);
            because(t, "they are hot too, down to %s", gn_plan_size(in->hot[in->nhot - 1].bytes).t);
            line(t, "salt");
            return;
        }
        value(t, "hot key %zu by %llu", i + 1, (unsigned long long)p->salt[i]);
        because(t, "%s / %s, at least 2%s%s", gn_plan_size(in->hot[i].bytes).t,
                gn_plan_size(in->target).t,
                p->salt[i] == p->partitions ? ", at most the partitions" : "",
                p->join == GN_PLAN_JOIN_BROADCAST ? "; a broadcast join needs none" : "");
        line(t, "salt");
    }
}

static void tell_skew(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    for (size_t i = 0; i < p->nsplits && (t->json || i <= SHOWN); i++) {
        const gn_planpart *part = &in->part[p->split[i].part];
        const gn_plansplit *f = &p->split[i];
        if (!t->json && i == SHOWN) {
            value(t, "%zu more files", p->nsplits - i);
            because(t, "they are skewed too");
        } else {
            named(t, &t->value, part->path);
            value(t, f->pieces > 1 ? " into %llu" : " not, it needs a salt",
                  (unsigned long long)f->pieces);
            because(t, "%s is more than %d x %s, the median", gn_plan_size(part->bytes).t,
                    GN_PLAN_SKEW, gn_plan_size(p->median).t);
            if (f->hot)
                because(t, "; its hot keys have %s, which no split divides",
                        gn_plan_size(f->hot).t);
            else if (part->distinct == 1)
                because(t, "; all is one key, which no split divides");
            if (f->pieces > 1)
                because(t, "; %s / %s, at least 2", gn_plan_size(part->bytes - f->hot).t,
                        gn_plan_size(in->target).t);
        }
        line(t, "split");
    }
    for (size_t i = 0; i < p->nmerges && (t->json || i <= SHOWN); i++) {
        const gn_planmerge *m = &p->merge[i];
        if (!t->json && i == SHOWN) {
            value(t, "%zu more runs of files", p->nmerges - i);
            because(t, "they are small too");
        } else {
            named(t, &t->value, in->part[m->first].path);
            value(t, " to ");
            named(t, &t->value, in->part[m->last].path);
            because(t, "the %zu have %s together, within %s", m->last - m->first + 1,
                    gn_plan_size(m->bytes).t, gn_plan_size(in->target).t);
        }
        line(t, "merge");
    }
}

/* ---- time ---- */

static void tell_phase(gn_planteller *t, int i)
{
    static const char *const name[] = {"time map", "time parts", "time merge"};
    static const char *const alone[] = {"", "the largest partition",
                                        "the longest of its processes"};
    const gn_planphasetime *f = &t->s->plan->phase[i];
    const gn_planin *in = t->s->in;
    value(t, "%s", gn_plan_duration(f->wall).t);
    because(t, "%s / %llu process%s = %s", gn_plan_seconds(f->cpu).t, (unsigned long long)f->procs,
            f->procs == 1 ? "" : "es", gn_plan_duration(f->even).t);
    if (f->alone)
        because(t, "; %s takes %s", alone[i], gn_plan_duration(f->alone).t);
    if (f->disk)
        because(t, "; the disk, at %s/s%s, %s", gn_plan_size(in->disk).t,
                t->s->disk_given ? "" : " assumed", gn_plan_duration(f->disk).t);
    if (i == GN_PLAN_PARTITIONS && t->s->plan->join_assumed)
        because(t, "; the rates have no gn-join, it is counted as a gn-sort");
    line(t, name[i]);
}

static void tell_network(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    bool broadcast = p->join == GN_PLAN_JOIN_BROADCAST;
    if (in->nhosts == 1)
        return;
    value(t, "%s", gn_plan_duration(p->network).t);
    because(t, "the largest host sends %s", gn_plan_size(p->sends).t);
    if (broadcast)
        because(t, " and gets %s of metadata", gn_plan_size(p->broadcast_sends).t);
    because(t, ", at %s%s", gn_plan_bits(in->network).t, t->s->network_given ? "" : " assumed");
    if (p->join != GN_PLAN_JOIN_NONE && !broadcast)
        because(t, "; a broadcast would send it %s more", gn_plan_size(p->broadcast_sends).t);
    line(t, "time net");
}

static void tell_time(gn_planteller *t)
{
    const gn_planjob *p = t->s->plan;
    tell_phase(t, GN_PLAN_MAP);
    tell_network(t);
    tell_phase(t, GN_PLAN_PARTITIONS);
    tell_phase(t, GN_PLAN_MERGE);
    value(t, "%s", gn_plan_duration(p->wall).t);
    because(t, "that is the sum, with %s in all", gn_plan_seconds(p->cpu).t);
    line(t, "time");
    uint64_t deadline = t->s->in->deadline;
    if (!deadline)
        return;
    value(t, "%s", p->met ? "met" : "missed");
    if (p->met)
        because(t, "%s is within %s", gn_plan_duration(p->wall).t, gn_plan_duration(deadline).t);
    else if (p->hosts_needed)
        because(t, "%s is more than %s; %llu hosts of %llu cores would take %s",
                gn_plan_duration(p->wall).t, gn_plan_duration(deadline).t,
                (unsigned long long)p->hosts_needed, (unsigned long long)p->widest,
                gn_plan_duration(p->hosts_wall).t);
    else
        because(t,
                "%s is more than %s; no number of such hosts would do, as one process alone takes "
                "%s to merge and %s for the largest partition",
                gn_plan_duration(p->wall).t, gn_plan_duration(deadline).t,
                gn_plan_duration(p->phase[GN_PLAN_MERGE].alone).t,
                gn_plan_duration(p->phase[GN_PLAN_PARTITIONS].alone).t);
    line(t, "deadline");
}

int gn_planteller_run(gn_planteller *t)
{
    const gn_planstory *s = t->s;
    tell_side(t, "events", s->events, s->row_bytes);
    if (s->in->metadata.bytes)
        tell_side(t, "metadata", s->metadata, 0);
    tell_machine(t);
    tell_rates(t);
    tell_partitions(t);
    tell_jobs(t);
    tell_disk(t);
    tell_join(t);
    tell_salts(t);
    tell_skew(t);
    tell_time(t);
    gn_buf_release(&t->value);
    gn_buf_release(&t->because);
    return t->failed ? -1 : 0;
}

int gn_planout_text(const gn_planstory *s, gn_buf *out, gn_err *e)
{
    gn_planteller t = {.s = s, .out = out, .e = e};
    return gn_planteller_run(&t);
}
