/* planjson.c - see planout.h: a plan for programs. */
#include "planoutpriv.h"

#define MIB ((uint64_t)1 << 20)

static int put_figures(const gn_planstory *s, gn_json *j, gn_err *e)
{
    static const char *const join[] = {"none", "merge", "broadcast", "partitions", "grace"};
    const gn_planin *in = s->in;
    const gn_planjob *p = s->plan;
    const struct {
        const char *name;
        uint64_t v;
    } figure[] = {
        {"events_bytes", in->events.bytes},
        {"events_rows", in->events.rows},
        {"events_disk_bytes", in->events.disk},
        {"metadata_bytes", in->metadata.bytes},
        {"metadata_rows", in->metadata.rows},
        {"metadata_disk_bytes", in->metadata.disk},
        {"hosts", in->nhosts},
        {"cores", p->cores},
        {"memory_bytes", in->memory},
        {"target_bytes", in->target},
        {"network_bits_per_s", in->network},
        {"disk_bytes_per_s", in->disk},
        {"partitions_wanted", p->wanted},
        {"partitions", p->partitions},
        {"ranges", p->ranges},
        {"metadata_ranges", p->metadata_ranges},
        {"files", p->files},
        {"largest_bytes", p->largest},
        {"need_bytes", p->need},
        {"job_memory_bytes", p->job},
        {"filter_memory_bytes", p->filter},
        {"jobs_per_host", p->jobs_widest},
        {"jobs", p->jobs},
        {"spilled_bytes", p->spilled},
        {"temp_bytes_per_host", p->temp},
        {"join_table_bytes", p->table},
        {"join_partition_table_bytes", p->part_table},
        {"join_memory_bytes", p->join_memory},
        {"sent_bytes_per_host", p->sends},
        {"median_bytes", p->median},
        {"map_cpu_us", p->phase[GN_PLAN_MAP].cpu},
        {"map_wall_us", p->phase[GN_PLAN_MAP].wall},
        {"network_wall_us", p->network},
        {"partitions_cpu_us", p->phase[GN_PLAN_PARTITIONS].cpu},
        {"partitions_wall_us", p->phase[GN_PLAN_PARTITIONS].wall},
        {"merge_cpu_us", p->phase[GN_PLAN_MERGE].cpu},
        {"merge_wall_us", p->phase[GN_PLAN_MERGE].wall},
        {"cpu_us", p->cpu},
        {"wall_us", p->wall},
        {"deadline_us", in->deadline},
        {"hosts_needed", p->hosts_needed},
    };
    if (gn_json_open(j, '{', e))
        return -1;
    for (size_t i = 0; i < sizeof figure / sizeof *figure; i++)
        if (gn_json_key(j, figure[i].name, e) || gn_json_uint(j, figure[i].v, e))
            return -1;
    return gn_json_key(j, "join", e) || gn_json_text(j, join[p->join], e) ||
                   gn_json_key(j, "fits", e) || gn_json_bool(j, p->fits, e) ||
                   gn_json_key(j, "met", e) || gn_json_bool(j, p->met, e) ||
                   gn_json_close(j, '}', e)
               ? -1
               : 0;
}

static int put_lists(const gn_planstory *s, gn_json *j, gn_err *e)
{
    const gn_planin *in = s->in;
    const gn_planjob *p = s->plan;
    if (gn_json_key(j, "salts", e) || gn_json_open(j, '[', e))
        return -1;
    for (size_t i = 0; i < in->nhot; i++)
        if (gn_json_open(j, '{', e) || gn_json_key(j, "bytes", e) ||
            gn_json_uint(j, in->hot[i].bytes, e) || gn_json_key(j, "factor", e) ||
            gn_json_uint(j, p->salt[i], e) || gn_json_close(j, '}', e))
            return -1;
    if (gn_json_close(j, ']', e) || gn_json_key(j, "split", e) || gn_json_open(j, '[', e))
        return -1;
    for (size_t i = 0; i < p->nsplits; i++)
        if (gn_json_open(j, '{', e) || gn_json_key(j, "path", e) ||
            gn_json_text(j, in->part[p->split[i].part].path, e) || gn_json_key(j, "pieces", e) ||
            gn_json_uint(j, p->split[i].pieces, e) || gn_json_close(j, '}', e))
            return -1;
    if (gn_json_close(j, ']', e) || gn_json_key(j, "merge", e) || gn_json_open(j, '[', e))
        return -1;
    for (size_t i = 0; i < p->nmerges; i++)
        if (gn_json_open(j, '{', e) || gn_json_key(j, "first", e) ||
            gn_json_text(j, in->part[p->merge[i].first].path, e) || gn_json_key(j, "last", e) ||
            gn_json_text(j, in->part[p->merge[i].last].path, e) || gn_json_key(j, "bytes", e) ||
            gn_json_uint(j, p->merge[i].bytes, e) || gn_json_close(j, '}', e))
            return -1;
    return gn_json_close(j, ']', e);
}

static int put_rates(const gn_planrates *r, gn_json *j, gn_err *e)
{
    static const char *const phase[] = {"map", "partitions", "merge"};
    if (gn_json_open(j, '{', e) || gn_json_key(j, "basis_bytes", e) ||
        gn_json_uint(j, r->basis, e) || gn_json_key(j, "longest_merge_us", e) ||
        gn_json_uint(j, r->longest, e) || gn_json_key(j, "commands", e) || gn_json_open(j, '[', e))
        return -1;
    for (size_t i = 0; i < r->n; i++)
        if (gn_json_open(j, '{', e) || gn_json_key(j, "phase", e) ||
            gn_json_text(j, phase[r->rate[i].phase], e) || gn_json_key(j, "command", e) ||
            gn_json_text(j, r->rate[i].command, e) || gn_json_key(j, "cpu_us", e) ||
            gn_json_uint(j, r->rate[i].cpu, e) || gn_json_close(j, '}', e))
            return -1;
    return gn_json_close(j, ']', e) || gn_json_close(j, '}', e) ? -1 : 0;
}

int gn_planout_json(const gn_planstory *s, gn_buf *out, gn_err *e)
{
    gn_json j = {.b = out};
    gn_planteller t = {.s = s, .out = out, .json = &j, .e = e};
    if (gn_json_open(&j, '{', e) || gn_json_key(&j, "figures", e) || put_figures(s, &j, e) ||
        put_lists(s, &j, e) || gn_json_key(&j, "rates", e) || put_rates(s->in->rates, &j, e) ||
        gn_json_key(&j, "decisions", e) || gn_json_open(&j, '[', e) || gn_planteller_run(&t))
        return -1;
    return gn_json_close(&j, ']', e) || gn_json_close(&j, '}', e) || gn_buf_add(out, "\n", 1, e)
               ? -1
               : 0;
}

int gn_planout_make(const gn_planstory *s, gn_buf *out, gn_err *e)
{
    const gn_planjob *p = s->plan;
    const struct {
        const char *name;
        uint64_t v;
        const char *unit;
    } variable[] = {
        {"PARTITIONS", p->partitions, ""},
        {"RANGES", p->ranges, ""},
        {"METADATA_RANGES", p->metadata_ranges, ""},
        {"JOBS", p->jobs_widest, ""},
        {"M1", p->job / MIB, "M"},
        {"M2", p->job / 2 / MIB, "M"},
        {"M3", p->filter / MIB, "M"},
    };
    for (size_t i = 0; i < sizeof variable / sizeof *variable; i++)
        if (gn_buf_printf(out, e, "%s=%llu%s\n", variable[i].name,
                          (unsigned long long)variable[i].v, variable[i].unit))
            return -1;
    return 0;
}
