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

const char *gn_tell_plural(uint64_t n)
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

void gn_tell_value(gn_planteller *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(t, &t->value, fmt, ap);
    va_end(ap);
}

void gn_tell_because(gn_planteller *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(t, &t->because, fmt, ap);
    va_end(ap);
}

/* The name of a partition or file: it may hold anything. */
void gn_tell_name(gn_planteller *t, gn_buf *b, const char *name)
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

void gn_tell_line(gn_planteller *t, const char *name)
{
    if (!t->failed && t->json)
        t->failed = put_json(t, name);
    else if (!t->failed)
        t->failed = gn_buf_printf(t->out, t->e, "%-11s %.*s, because %.*s\n", name, (int)t->value.n,
                                  (const char *)t->value.p, (int)t->because.n,
                                  (const char *)t->because.p) != 0;
    t->value.n = t->because.n = 0;
}

/* ---- what is to be ---- */

static void rule(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    gn_tell_because(t, "max(2 x %llu cores, %s / %s) = max(%llu, %llu)",
                    (unsigned long long)p->cores, gn_plan_size(in->events.bytes).t,
                    gn_plan_size(in->target).t, (unsigned long long)(2 * p->cores),
                    (unsigned long long)p->by_size);
    if (p->wanted == GN_PLAN_PARTITIONS_MAX)
        gn_tell_because(t, ", at most %d", GN_PLAN_PARTITIONS_MAX);
}

static void tell_ranges(gn_planteller *t, const char *name, uint64_t n, uint64_t given,
                        const gn_plansize *z)
{
    gn_tell_value(t, "%llu", (unsigned long long)n);
    if (z->whole && n == 1)
        gn_tell_because(t, "compressed CSV is read by one process");
    else if (given)
        gn_tell_because(t, "that was given");
    else
        gn_tell_because(t, "%s / %s, from 1 to %d", gn_plan_size(z->side.disk).t,
                        gn_plan_size(GN_PLAN_RANGE).t, GN_PLAN_RANGES_MAX);
    gn_tell_line(t, name);
}

static void tell_partitions(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    gn_tell_value(t, "%llu", (unsigned long long)p->partitions);
    if (in->nparts || in->partitions) {
        gn_tell_because(t, "%s; the rule gives ",
                        in->nparts ? "the manifest has them" : "that was given");
        rule(t);
    } else {
        rule(t);
    }
    gn_tell_line(t, "partitions");
    tell_ranges(t, "ranges", p->ranges, in->ranges, t->s->events);
    if (in->metadata.disk)
        tell_ranges(t, "meta ranges", p->metadata_ranges, in->metadata_ranges, t->s->metadata);
    gn_tell_value(t, "%llu of about %s", (unsigned long long)p->files,
                  gn_plan_size(p->files ? in->events.bytes / p->files : 0).t);
    gn_tell_because(t, "%llu ranges x %llu partitions", (unsigned long long)p->ranges,
                    (unsigned long long)p->partitions);
    gn_tell_line(t, "files");
    gn_tell_value(t, "%s in the largest partition", gn_plan_size(p->largest).t);
    if (in->nparts)
        gn_tell_because(t, "the manifest says so, and %s on average", gn_plan_size(p->even).t);
    else if (p->largest > p->even)
        gn_tell_because(t, "the hottest key has so much, and %s / %llu = %s",
                        gn_plan_size(in->events.bytes).t, (unsigned long long)p->partitions,
                        gn_plan_size(p->even).t);
    else
        gn_tell_because(t, "%s / %llu, users being spread by hash",
                        gn_plan_size(in->events.bytes).t, (unsigned long long)p->partitions);
    gn_tell_line(t, "largest");
}

static void tell_jobs(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    uint64_t at_once = in->jobs ? in->jobs : p->widest;
    gn_tell_value(t, "-m %lluM", (unsigned long long)(p->filter / MIB));
    if (in->filter)
        gn_tell_because(t, "that was given");
    else if (p->job == GN_PLAN_PIPE * GN_PLAN_FILTER_MIN && p->share < p->job)
        gn_tell_because(t, "that is the least, more than %s / %llu jobs / %d in a pipe",
                        gn_plan_size(in->memory).t, (unsigned long long)at_once, GN_PLAN_PIPE);
    else
        gn_tell_because(t, "a pipe has %d filters and min(%s / %llu jobs, max(%s, %d x %s))",
                        GN_PLAN_PIPE, gn_plan_size(in->memory).t, (unsigned long long)at_once,
                        gn_plan_size(GN_PLAN_PIPE_USUAL).t, GN_PLAN_HELD,
                        gn_plan_size(p->largest).t);
    gn_tell_line(t, "filters");
    gn_tell_value(t, "%llu%s", (unsigned long long)p->jobs_widest,
                  in->nhosts > 1 ? " on a host" : "");
    if (in->nhosts > 1)
        gn_tell_value(t, ", %llu in all", (unsigned long long)p->jobs);
    if (in->jobs)
        gn_tell_because(t, "that was given");
    else
        gn_tell_because(t, "min(%llu cores, %s / %s in a pipe) = min(%llu, %llu)%s",
                        (unsigned long long)p->widest, gn_plan_size(in->memory).t,
                        gn_plan_size(p->job).t, (unsigned long long)p->widest,
                        (unsigned long long)(in->memory / p->job),
                        in->memory < p->job ? ", at least 1" : "");
    gn_tell_line(t, "jobs");
    if (p->spilled)
        gn_tell_value(t, "%s of sorting", gn_plan_size(p->spilled).t);
    else
        gn_tell_value(t, "none");
    gn_tell_because(t, "the largest partition is sorted in %d x %s = %s, which %s %s", GN_PLAN_HELD,
                    gn_plan_size(p->largest).t, gn_plan_size(p->need).t,
                    p->need > p->job ? "is more than" : "is within", gn_plan_size(p->job).t);
    gn_tell_line(t, "spill");
}

static void tell_disk(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    gn_tell_value(t, "%s%s", gn_plan_size(p->temp).t, in->nhosts > 1 ? " on the largest host" : "");
    if (in->temp != UINT64_MAX && p->fits)
        gn_tell_value(t, ", which fits %s", gn_plan_size(in->temp).t);
    else if (in->temp != UINT64_MAX)
        gn_tell_value(t, ", which lacks %s", gn_plan_size(p->temp - in->temp).t);
    gn_tell_because(t, "its partitions have %s and %llu jobs sort %s each",
                    gn_plan_size(p->parts_bytes).t, (unsigned long long)p->jobs_widest,
                    gn_plan_size(p->largest).t);
    if (p->spill_bytes)
        gn_tell_because(t, ", which spills as much again");
    gn_tell_line(t, "disk");
}

static void tell_join(gn_planteller *t)
{
    static const char *const strategy[] = {"none", "merge", "broadcast", "partition by partition",
                                           "grace, partition by partition"};
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    uint64_t room = in->filter ? p->job : p->job > p->share ? p->job : p->share;
    gn_tell_value(t, "%s", strategy[p->join]);
    if (p->join == GN_PLAN_JOIN_NONE) {
        gn_tell_because(t, "there is no metadata");
        gn_tell_line(t, "join");
        return;
    }
    gn_tell_value(t, ", -m %lluM", (unsigned long long)(p->join_memory / MIB));
    if (p->join == GN_PLAN_JOIN_MERGE) {
        gn_tell_because(t, "both inputs are in order of the key");
        gn_tell_line(t, "join");
        return;
    }
    gn_tell_because(t, "the hash table of metadata, %d x %s = %s, %s %s", GN_PLAN_HELD,
                    gn_plan_size(in->metadata.bytes).t, gn_plan_size(p->table).t,
                    p->join == GN_PLAN_JOIN_BROADCAST ? "fits" : "does not fit",
                    gn_plan_size(room).t);
    if (p->join != GN_PLAN_JOIN_BROADCAST)
        gn_tell_because(t, ", and that of a partition, %s, %s %s", gn_plan_size(p->part_table).t,
                        p->join == GN_PLAN_JOIN_GRACE ? "does not fit either," : "fits",
                        gn_plan_size(p->job).t);
    gn_tell_line(t, "join");
}

static void tell_salts(gn_planteller *t)
{
    const gn_planin *in = t->s->in;
    const gn_planjob *p = t->s->plan;
    for (size_t i = 0; i < in->nhot; i++) {
        if (!t->json && i == SHOWN) {
            gn_tell_value(t, "%zu more keys", in->nhot - i);
            gn_tell_because(t, "they are hot too, down to %s",
                            gn_plan_size(in->hot[in->nhot - 1].bytes).t);
            gn_tell_line(t, "salt");
            return;
        }
        gn_tell_value(t, "hot key %zu by %llu", i + 1, (unsigned long long)p->salt[i]);
        gn_tell_because(t, "%s / %s, at least 2%s%s", gn_plan_size(in->hot[i].bytes).t,
                        gn_plan_size(in->target).t,
                        p->salt[i] == p->partitions ? ", at most the partitions" : "",
                        p->join == GN_PLAN_JOIN_BROADCAST ? "; a broadcast join needs none" : "");
        gn_tell_line(t, "salt");
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
            gn_tell_value(t, "%zu more files", p->nsplits - i);
            gn_tell_because(t, "they are skewed too");
        } else {
            gn_tell_name(t, &t->value, part->path);
            gn_tell_value(t, f->pieces > 1 ? " into %llu" : " not, it needs a salt",
                          (unsigned long long)f->pieces);
            gn_tell_because(t, "%s is more than %d x %s, the median", gn_plan_size(part->bytes).t,
                            GN_PLAN_SKEW, gn_plan_size(p->median).t);
            if (f->hot)
                gn_tell_because(t, "; its hot keys have %s, which no split divides",
                                gn_plan_size(f->hot).t);
            else if (part->distinct == 1)
                gn_tell_because(t, "; all is one key, which no split divides");
            if (f->pieces > 1)
                gn_tell_because(t, "; %s / %s, at least 2", gn_plan_size(part->bytes - f->hot).t,
                                gn_plan_size(in->target).t);
        }
        gn_tell_line(t, "split");
    }
    for (size_t i = 0; i < p->nmerges && (t->json || i <= SHOWN); i++) {
        const gn_planmerge *m = &p->merge[i];
        if (!t->json && i == SHOWN) {
            gn_tell_value(t, "%zu more runs of files", p->nmerges - i);
            gn_tell_because(t, "they are small too");
        } else {
            gn_tell_name(t, &t->value, in->part[m->first].path);
            gn_tell_value(t, " to ");
            gn_tell_name(t, &t->value, in->part[m->last].path);
            gn_tell_because(t, "the %zu have %s together, within %s", m->last - m->first + 1,
                            gn_plan_size(m->bytes).t, gn_plan_size(in->target).t);
        }
        gn_tell_line(t, "merge");
    }
}

int gn_planteller_run(gn_planteller *t)
{
    gn_tell_inputs(t);
    tell_partitions(t);
    tell_jobs(t);
    tell_disk(t);
    tell_join(t);
    tell_salts(t);
    tell_skew(t);
    gn_tell_time(t);
    gn_buf_release(&t->value);
    gn_buf_release(&t->because);
    return t->failed ? -1 : 0;
}

int gn_planout_text(const gn_planstory *s, gn_buf *out, gn_err *e)
{
    gn_planteller t = {.s = s, .out = out, .e = e};
    return gn_planteller_run(&t);
}
