/* planjob.c - see planjob.h. */
#include "planjob.h"

#include "../base/num.h"

#include <stdlib.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define SECOND ((uint64_t)1000000)

/* Arithmetic that notes when a figure does not fit, so that formulas stay readable. */
typedef struct calc {
    bool over;
} calc;

static int too_large(gn_err *e)
{
    return gn_fail(e, GN_USAGE, "sizes so large cannot be planned for");
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* a x b / d, rounded up. */
static uint64_t scale(calc *c, uint64_t a, uint64_t b, uint64_t d)
{
    gn_u128 product = (gn_u128)a * b, v = product / d + (product % d != 0);
    if (v > UINT64_MAX) {
        c->over = true;
        return UINT64_MAX;
    }
    return (uint64_t)v;
}

static uint64_t times(calc *c, uint64_t a, uint64_t b)
{
    return scale(c, a, b, 1);
}

static uint64_t plus(calc *c, uint64_t a, uint64_t b)
{
    if (b > UINT64_MAX - a)
        c->over = true;
    return a + b;
}

static uint64_t per(uint64_t a, uint64_t b) /* rounded up */
{
    return a / b + (a % b != 0);
}

void gn_planjob_release(gn_planjob *p)
{
    free(p->split);
    free(p->merge);
    free(p->salt);
    memset(p, 0, sizeof *p);
}

/* ---- partitions ---- */

static uint64_t cut(const gn_planside *s)
{
    return least(most(1, per(s->disk, GN_PLAN_RANGE)), GN_PLAN_RANGES_MAX);
}

static void count_partitions(gn_planjob *p, const gn_planin *in, calc *c)
{
    uint64_t events = in->events.bytes;
    p->cores = p->widest = 0;
    for (size_t i = 0; i < in->nhosts; i++) {
        p->cores = plus(c, p->cores, in->cores[i]);
        p->widest = most(p->widest, in->cores[i]);
    }
    p->by_size = per(events, in->target);
    p->wanted = least(most(times(c, 2, p->cores), p->by_size), GN_PLAN_PARTITIONS_MAX);
    p->partitions = in->nparts ? in->nparts : in->partitions ? in->partitions : p->wanted;
    p->ranges = in->ranges ? in->ranges : cut(&in->events);
    p->metadata_ranges = in->metadata_ranges ? in->metadata_ranges : cut(&in->metadata);
    p->files = times(c, p->ranges, p->partitions);
    p->even = per(events, p->partitions);
    p->largest = most(p->even, in->nhot ? least(in->hot[0].bytes, events) : 0);
    if (in->nparts)
        p->largest = 0;
    for (size_t i = 0; i < in->nparts; i++)
        p->largest = most(p->largest, in->part[i].bytes);
    p->total = plus(c, events, in->metadata.bytes);
}

/* ---- memory and jobs ---- */

static void share_memory(gn_planjob *p, const gn_planin *in, calc *c)
{
    p->share = in->memory / (in->jobs ? in->jobs : p->widest);
    p->need = times(c, GN_PLAN_HELD, p->largest);
    p->filter = in->filter;
    p->job = times(c, GN_PLAN_PIPE, in->filter);
    if (!in->filter) {
        uint64_t most_used = most(GN_PLAN_PIPE_USUAL, times(c, per(p->need, MIB), MIB));
        p->job = most(GN_PLAN_PIPE * GN_PLAN_FILTER_MIN, least(p->share, most_used)) / MIB * MIB;
        p->filter = p->job / GN_PLAN_PIPE / MIB * MIB;
    }
    p->jobs = p->jobs_widest = 0;
    for (size_t i = 0; i < in->nhosts; i++) {
        uint64_t n = in->jobs ? in->jobs : most(1, least(in->cores[i], in->memory / p->job));
        p->jobs = plus(c, p->jobs, n);
        p->jobs_widest = most(p->jobs_widest, n);
    }
    p->spilled = 0;
    for (size_t i = 0; i < in->nparts; i++)
        if (times(c, GN_PLAN_HELD, in->part[i].bytes) > p->job)
            p->spilled = plus(c, p->spilled, in->part[i].bytes);
    if (!in->nparts && times(c, GN_PLAN_HELD, p->even) > p->job)
        p->spilled = in->events.bytes;
    else if (!in->nparts && p->need > p->job)
        p->spilled = p->largest;
}

/* ---- join ---- */

static bool placed(const gn_planjob *p)
{
    return p->join != GN_PLAN_JOIN_NONE && p->join != GN_PLAN_JOIN_BROADCAST;
}

/* The rules of gn-join's `auto`, in its order. */
static void choose_join(gn_planjob *p, const gn_planin *in, calc *c)
{
    uint64_t metadata = in->metadata.bytes;
    uint64_t room = in->filter ? p->job : most(p->job, p->share);
    p->table = times(c, GN_PLAN_HELD, metadata);
    p->part_table = times(c, GN_PLAN_HELD, per(metadata, p->partitions));
    p->join_memory = p->job;
    if (metadata == 0) {
        p->join = GN_PLAN_JOIN_NONE;
    } else if (in->events.ordered && in->metadata.ordered) {
        p->join = GN_PLAN_JOIN_MERGE;
    } else if (p->table <= room) {
        p->join = GN_PLAN_JOIN_BROADCAST;
        p->join_memory = most(p->job, least(room, times(c, per(p->table, MIB), MIB)));
    } else {
        p->join = p->part_table <= p->job ? GN_PLAN_JOIN_PARTITIONS : GN_PLAN_JOIN_GRACE;
    }
}

/* What the largest host has of something that all share by their processors. */
static uint64_t of_widest(const gn_planjob *p, calc *c, uint64_t bytes)
{
    return scale(c, bytes, p->widest, p->cores);
}

static void lay_out(gn_planjob *p, const gn_planin *in, calc *c)
{
    uint64_t others = p->cores - p->widest;
    uint64_t moved = placed(p) ? p->total : in->events.bytes;
    p->parts_bytes = of_widest(p, c, moved);
    p->sorted_bytes = times(c, p->jobs_widest, p->largest);
    p->spill_bytes = p->need > p->job ? p->sorted_bytes : 0;
    p->temp = plus(c, plus(c, p->parts_bytes, p->sorted_bytes), p->spill_bytes);
    p->fits = p->temp <= in->temp;
    p->sends = scale(c, of_widest(p, c, moved), others, p->cores);
    p->broadcast_sends = scale(c, in->metadata.bytes, others, p->cores);
}

/* ---- time ---- */

static uint64_t disk_time(const gn_planjob *p, const gn_planin *in, calc *c, uint64_t bytes)
{
    return scale(c, of_widest(p, c, bytes), SECOND, in->disk);
}

static void close_phase(gn_planphasetime *t)
{
    t->even = per(t->cpu, t->procs);
    t->wall = most(t->even, most(t->alone, t->disk));
}

static int clock_phases(gn_planjob *p, const gn_planin *in, calc *c, gn_err *e)
{
    gn_planphasetime *map = &p->phase[GN_PLAN_MAP], *part = &p->phase[GN_PLAN_PARTITIONS],
                     *merge = &p->phase[GN_PLAN_MERGE];
    const gn_planrates *r = in->rates;
    uint64_t join = 0, again = 0, events = in->events.bytes, metadata = in->metadata.bytes;
    for (int i = 0; i < GN_PLAN_PHASES; i++)
        if (gn_planrates_cost(r, (enum gn_planphase)i, NULL, p->total, &p->phase[i].cpu, e))
            return -1;
    if (p->join != GN_PLAN_JOIN_NONE) {
        if (gn_planrates_cost(r, GN_PLAN_PARTITIONS, "gn-join", p->total, &join, e))
            return -1;
        p->join_assumed = join == 0;
        if (p->join_assumed &&
            gn_planrates_cost(r, GN_PLAN_PARTITIONS, "gn-sort", p->total, &join, e))
            return -1;
        part->cpu = p->join_assumed ? plus(c, part->cpu, join) : part->cpu;
    }
    if (gn_planrates_cost(r, GN_PLAN_PARTITIONS, "gn-sort", p->spilled, &again, e))
        return -1;
    part->cpu = plus(c, part->cpu, again);
    map->procs = least(p->jobs, p->ranges);
    part->procs = least(p->jobs, p->partitions);
    merge->procs = p->jobs;
    part->alone = events ? scale(c, part->cpu, p->largest, events) : 0;
    merge->alone = scale(c, r->longest, p->total, r->basis);
    uint64_t read = plus(c, in->events.disk, in->metadata.disk);
    map->disk = disk_time(p, in, c, plus(c, read, p->total));
    uint64_t again_read = placed(p) ? times(c, p->join == GN_PLAN_JOIN_GRACE ? 3 : 1, metadata) : 0;
    part->disk = disk_time(p, in, c, plus(c, times(c, 2, plus(c, events, p->spilled)), again_read));
    p->cpu = p->wall = 0;
    for (int i = 0; i < GN_PLAN_PHASES; i++) {
        close_phase(&p->phase[i]);
        p->cpu = plus(c, p->cpu, p->phase[i].cpu);
        p->wall = plus(c, p->wall, p->phase[i].wall);
    }
    uint64_t link = p->sends;
    if (p->join == GN_PLAN_JOIN_BROADCAST)
        link = plus(c, link, p->broadcast_sends);
    p->network = scale(c, times(c, link, 8), SECOND, in->network);
    p->wall = plus(c, p->wall, p->network);
    p->met = !in->deadline || p->wall <= in->deadline;
    return 0;
}

static int figures(gn_planjob *p, const gn_planin *in, gn_err *e)
{
    calc c = {false};
    count_partitions(p, in, &c);
    share_memory(p, in, &c);
    choose_join(p, in, &c);
    lay_out(p, in, &c);
    if (!c.over && clock_phases(p, in, &c, e))
        return -1;
    return c.over ? too_large(e) : 0;
}

/* The least number of hosts like the largest that keep to the deadline. */
static int find_hosts(gn_planjob *p, const gn_planin *in, gn_err *e)
{
    gn_planin more = *in;
    gn_planjob q;
    uint64_t *cores = gn_alloc(GN_PLAN_HOSTS_MAX, sizeof *cores, e);
    int r = cores ? 0 : -1;
    for (size_t i = 0; r == 0 && i < GN_PLAN_HOSTS_MAX; i++) {
        cores[i] = p->widest;
        more.cores = cores;
        more.nhosts = i + 1;
        memset(&q, 0, sizeof q);
        r = figures(&q, &more, e);
        if (r == 0 && q.met) {
            p->hosts_needed = i + 1;
            p->hosts_wall = q.wall;
            break;
        }
    }
    free(cores);
    return r;
}

/* ---- skew ---- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Of an even number it is the mean of the two in the middle, as in gn-partition's statistics. */
static int find_median(gn_planjob *p, const gn_planin *in, gn_err *e)
{
    uint64_t *v = gn_alloc(in->nparts, sizeof *v, e);
    if (!v)
        return -1;
    for (size_t i = 0; i < in->nparts; i++)
        if (in->part[i].bytes)
            v[p->nonempty++] = in->part[i].bytes;
    qsort(v, p->nonempty, sizeof *v, by_value);
    size_t n = p->nonempty, h = n / 2;
    gn_u128 twice = n ? (gn_u128)v[(n - 1) / 2] + v[h] : 0, above = twice * GN_PLAN_SKEW / 2;
    free(v);
    p->median = (uint64_t)(twice / 2);
    p->skewed_above = (uint64_t)above;
    return above > UINT64_MAX ? too_large(e) : 0;
}

static bool skewed(const gn_planjob *p, const gn_planin *in, size_t i)
{
    return in->part[i].bytes > p->skewed_above;
}

/* Neighbours that fit the target together, as long as there are two partitions for each core. */
static void find_merges(gn_planjob *p, const gn_planin *in)
{
    uint64_t keep = 2 * p->cores, spare = in->nparts > keep ? in->nparts - keep : 0;
    for (size_t i = 0; in->adjacent && i < in->nparts; i++) {
        gn_planmerge m = {i, i, in->part[i].bytes};
        if (skewed(p, in, i) || m.bytes > in->target)
            continue;
        while (spare && m.last + 1 < in->nparts &&
               in->part[m.last + 1].bytes <= in->target - m.bytes && !skewed(p, in, m.last + 1)) {
            m.bytes += in->part[++m.last].bytes;
            spare--;
        }
        if (m.last > m.first)
            p->merge[p->nmerges++] = m;
        i = m.last;
    }
}

/* A partition that is skewed because of its hot keys alone stays so however it is split. */
static gn_plansplit split_one(const gn_planjob *p, const gn_planin *in, size_t i)
{
    const gn_planpart *part = &in->part[i];
    gn_plansplit s = {.part = i, .pieces = 1};
    for (size_t k = 0; part->hashed && k < in->nhot; k++)
        if (in->hot[k].hash >= part->lo && in->hot[k].hash <= part->hi)
            s.hot += least(in->hot[k].bytes, part->bytes - s.hot);
    uint64_t rest = part->bytes - s.hot;
    if (rest > p->skewed_above && part->distinct != 1)
        s.pieces = most(2, per(rest, in->target));
    return s;
}

static int find_skew(gn_planjob *p, const gn_planin *in, gn_err *e)
{
    if (find_median(p, in, e) || !(p->split = gn_calloc(in->nparts, sizeof *p->split, e)) ||
        !(p->merge = gn_calloc(in->nparts, sizeof *p->merge, e)))
        return -1;
    for (size_t i = 0; i < in->nparts; i++)
        if (skewed(p, in, i))
            p->split[p->nsplits++] = split_one(p, in, i);
    find_merges(p, in);
    return 0;
}

static int find_salts(gn_planjob *p, const gn_planin *in, gn_err *e)
{
    if (!(p->salt = gn_calloc(in->nhot, sizeof *p->salt, e)))
        return -1;
    for (size_t i = 0; i < in->nhot; i++)
        p->salt[i] = most(2, least(p->partitions, per(in->hot[i].bytes, in->target)));
    return 0;
}

int gn_planjob_compute(gn_planjob *p, const gn_planin *in, gn_err *e)
{
    if (figures(p, in, e) || (in->nparts && find_skew(p, in, e)) || find_salts(p, in, e))
        return -1;
    return p->met ? 0 : find_hosts(p, in, e);
}
