/* gn-plan - how to cut a job: partitions, jobs, memory, disk, join, salts, time, with the
 * arithmetic.
 *
 * Reads what it is given (sizes, or files that it measures; manifests; hot keys; rates) and no
 * events beyond samples of their files. Memory: the manifests and the hot keys. */
#include "app/app.h"
#include "base/machine.h"
#include "base/parse.h"
#include "op/planout.h"

#include <stdlib.h>
#include <string.h>

#define ROW_BYTES 41 /* of an event of the built-in schema, six fields, on average */
#define TARGET ((uint64_t)128 << 20)
#define NETWORK UINT64_C(10000000000)
#define DISK ((uint64_t)500 << 20)

typedef struct options {
    const char *interactions, *metadata, *user;
    int64_t rows, row_bytes;
    gn_list manifest;
    const char *hot;
    int64_t cores, partitions, ranges, metadata_ranges, jobs;
    size_t memory, temp, target, filter, disk;
    const char *hosts, *network, *rates, *calibrate;
    int64_t deadline;
    bool json, make;
} options;

typedef struct state {
    gn_planrates rates;
    gn_plansize events, metadata;
    gn_planparts parts;
    gn_planin in;
    gn_planjob plan;
    gn_planhot *hot;
    uint64_t *cores;
    uint64_t available;
    gn_buf text;
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"interactions", 0, "SIZE|FILE",
     "the events: bytes of stream (1T), or a file or tree to be measured", GN_OPT_TEXT,
     O(interactions), true, 0, 0},
    {"metadata", 0, "SIZE|FILE", "what is to be joined to them, likewise", GN_OPT_TEXT, O(metadata),
     true, 0, 0},
    {"rows", 0, "N", "so many events", GN_OPT_INT, O(rows), true, 1, INT64_MAX},
    {"row-bytes", 0, "N", "bytes of stream of an event (default 41, or as measured)", GN_OPT_INT,
     O(row_bytes), true, 1, 1 << 26},
    {"user", 0, "FIELD", "the key of partitions and join (default user_id)", GN_OPT_TEXT, O(user),
     true, 0, 0},
    {"manifest", 0, "FILE",
     "a manifest of gn-partition: these are the partitions; several, of the same partitions, are "
     "added up",
     GN_OPT_LIST, O(manifest), true, 0, 0},
    {"hot", 0, "FILE", "hot keys, as gn-hotkeys or gn-partition --hot write them", GN_OPT_TEXT,
     O(hot), true, 0, 0},
    {"cores", 0, "N", "processors of a host (default: what this machine allows)", GN_OPT_INT,
     O(cores), true, 1, 1000000},
    {"memory", 0, "SIZE", "memory for filters on a host (default: half of what is available here)",
     GN_OPT_SIZE, O(memory), true, 0, 0},
    {"temp", 0, "SIZE", "room for temporary files on a host (default: what there is here)",
     GN_OPT_SIZE, O(temp), true, 0, 0},
    {"hosts", 0, "N|FILE",
     "so many hosts, or a list of them as for parallel --sshlogin: [CORES/]LOGIN (default 1)",
     GN_OPT_TEXT, O(hosts), true, 0, 0},
    {"network", 0, "RATE", "bits a second between hosts: 1G is 10^9 (default 10G, assumed)",
     GN_OPT_TEXT, O(network), true, 0, 0},
    {"disk", 0, "SIZE", "bytes a second of a host's disk (default 500M, assumed)", GN_OPT_SIZE,
     O(disk), true, 0, 0},
    {"target-size", 0, "SIZE", "bytes of a partition (default 128M)", GN_OPT_SIZE, O(target), true,
     0, 0},
    {"filter-memory", 0, "SIZE", "-m of each filter, instead of planning it", GN_OPT_SIZE,
     O(filter), true, 0, 0},
    {"partitions", 0, "N", "so many partitions, instead of planning them", GN_OPT_INT,
     O(partitions), true, 1, GN_PLAN_PARTITIONS_MAX},
    {"ranges", 0, "N", "read the input in so many ranges, instead of planning them", GN_OPT_INT,
     O(ranges), true, 1, 1000000},
    {"metadata-ranges", 0, "N", "the metadata likewise", GN_OPT_INT, O(metadata_ranges), true, 1,
     1000000},
    {"jobs", 0, "N", "so many jobs at a time on a host, instead of planning them", GN_OPT_INT,
     O(jobs), true, 1, 1000000},
    {"rates", 0, "FILE",
     "costs by the trace of a run (a GN_TRACE directory or file) or --calibrate", GN_OPT_TEXT,
     O(rates), true, 0, 0},
    {"calibrate", 0, "ROWS",
     "run the filters on so many generated events (default 1000000), write their traces for "
     "--rates",
     GN_OPT_OPTIONAL, O(calibrate), true, 0, 0},
    {"deadline", 0, "DURATION", "is it done by then (2h), or what would do; status 1 if not",
     GN_OPT_DURATION, O(deadline), true, 0, 0},
    {"json", 0, NULL, "write one JSON object", GN_OPT_FLAG, O(json), true, 0, 0},
    {"make", 0, NULL, "write variables for make and sh", GN_OPT_FLAG, O(make), true, 0, 0},
    {0},
};
static const options defaults = {.user = "user_id", .target = TARGET, .disk = DISK};

/* Bits a second, decimal: 800M, 10G. */
static int parse_network(const char *text, uint64_t *v, gn_err *e)
{
    static const char unit[] = "KMGT";
    size_t n = strlen(text);
    int64_t number;
    const char *u = n ? strchr(unit, text[n - 1]) : NULL;
    uint64_t by = 1;
    for (const char *k = unit; u && k <= u; k++)
        by *= 1000;
    if (!gn_parse_int(text, n - (u != NULL), &number) || number < 1 ||
        (uint64_t)number > UINT64_MAX / by)
        return gn_fail(e, GN_USAGE, "--network: '%s' is no rate (say 1G or 800M bits a second)",
                       text);
    *v = (uint64_t)number * by;
    return 0;
}

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (o->json && o->make)
        return gn_fail(&a->err, GN_USAGE, "--json and --make exclude each other");
    if (o->calibrate && (o->interactions || o->metadata || o->rows || o->manifest.n || o->rates))
        return gn_fail(&a->err, GN_USAGE,
                       "--calibrate writes rates and plans nothing (give them with --rates then)");
    if (!o->calibrate && !o->interactions && !o->rows && !o->manifest.n)
        return gn_fail(&a->err, GN_USAGE, "no size given (use --interactions SIZE or FILE)");
    if (o->target == 0 || o->disk == 0)
        return gn_fail(&a->err, GN_USAGE, "--target-size and --disk must not be 0");
    if (o->filter && (o->filter < GN_PLAN_FILTER_MIN || o->filter > SIZE_MAX / 4))
        return gn_fail(&a->err, GN_USAGE, "--filter-memory: at least 16M is needed");
    s->in.network = NETWORK;
    return o->network ? parse_network(o->network, &s->in.network, &a->err) : 0;
}

static int calibrate(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    int64_t rows = 1000000;
    if (*o->calibrate && (!gn_parse_int(o->calibrate, strlen(o->calibrate), &rows) || rows < 1000 ||
                          rows > 1000000000))
        return gn_fail(&a->err, GN_USAGE, "--calibrate: '%s' is not from 1000 to 1000000000 rows",
                       o->calibrate);
    return gn_plancalibrate((uint64_t)rows, a->common.temp_dir, &s->text, &a->err);
}

/* Rows and their bytes say more than a size does. */
static int size_events(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_plansize *z = &s->events;
    uint64_t row = o->row_bytes ? (uint64_t)o->row_bytes : ROW_BYTES;
    if (o->interactions && gn_planfacts_size(z, o->interactions, o->user, &s->rates, &a->err))
        return -1;
    bool sized = o->interactions && z->how == GN_PLAN_GIVEN;
    if (o->rows) {
        z->side.rows = (uint64_t)o->rows;
        z->about = false;
    } else if (sized) {
        z->side.rows = z->side.bytes / row;
        z->about = true;
    }
    if (!o->interactions || (o->row_bytes && !sized)) {
        if (z->side.rows > UINT64_MAX / row)
            return gn_fail(&a->err, GN_USAGE, "sizes so large cannot be planned for");
        z->side.bytes = z->side.rows * row;
        z->how = GN_PLAN_ROWS;
        if (!o->interactions)
            z->side.disk = z->side.bytes;
    }
    return 0;
}

/* What is in the partitions is what there is. */
static int take_manifests(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_plansize *z = &s->events;
    uint64_t bytes = 0, rows = 0, row = o->row_bytes ? (uint64_t)o->row_bytes : ROW_BYTES;
    if (o->manifest.n == 0)
        return 0;
    if (gn_planfacts_manifests(&s->parts, o->manifest.v, o->manifest.n, &a->err))
        return -1;
    for (size_t i = 0; i < s->parts.n; i++) {
        gn_planpart *p = &s->parts.part[i];
        if (s->parts.compressed)
            p->bytes = p->rows > UINT64_MAX / row ? UINT64_MAX : p->rows * row;
        if (p->bytes > UINT64_MAX - bytes || p->rows > UINT64_MAX - rows)
            return gn_fail(&a->err, GN_USAGE, "sizes so large cannot be planned for");
        bytes += p->bytes;
        rows += p->rows;
    }
    if (s->parts.n == 0)
        return gn_fail(&a->err, GN_INPUT, "--manifest: it lists no partitions");
    uint64_t disk = o->interactions ? z->side.disk : bytes;
    *z = (gn_plansize){.side = {.bytes = bytes, .rows = rows, .disk = disk},
                       .how = s->parts.compressed ? GN_PLAN_ROWS : GN_PLAN_MANIFEST,
                       .files = s->parts.n,
                       .whole = z->whole};
    s->in.nparts = s->parts.n;
    s->in.part = s->parts.part;
    s->in.adjacent = s->parts.adjacent;
    return 0;
}

static int know_machine(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    uint64_t cores = o->cores ? (uint64_t)o->cores : gn_machine_cores();
    s->in.memory = o->memory;
    if (!o->memory) {
        s->available = gn_machine_memory();
        s->in.memory = s->available / 2;
    }
    /* What there is here says nothing of other machines. */
    bool here = !o->hosts && !o->cores;
    s->in.temp = o->temp ? o->temp : here ? gn_machine_room(a->common.temp_dir) : UINT64_MAX;
    s->in.disk = o->disk;
    return gn_planfacts_hosts(&s->cores, &s->in.nhosts, o->hosts ? o->hosts : "1", cores, &a->err);
}

/* Of an event: as given, as measured, or as usual. */
static uint64_t row_bytes(const options *o, const gn_plansize *z)
{
    uint64_t rows = z->how == GN_PLAN_GIVEN ? 0 : z->side.rows;
    uint64_t measured = rows ? z->side.bytes / rows + (z->side.bytes % rows != 0) : 0;
    return o->row_bytes ? (uint64_t)o->row_bytes : measured ? measured : ROW_BYTES;
}

static int gather(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_planrates_builtin(&s->rates);
    if ((o->rates && gn_planrates_read(&s->rates, o->rates, &a->err)) || size_events(a) ||
        (o->metadata &&
         gn_planfacts_size(&s->metadata, o->metadata, o->user, &s->rates, &a->err)) ||
        take_manifests(a) || know_machine(a) ||
        (o->hot && gn_planfacts_hot(&s->hot, &s->in.nhot, o->hot, o->user, row_bytes(o, &s->events),
                                    o->target, &a->err)))
        return -1;
    s->in.events = s->events.side;
    s->in.metadata = s->metadata.side;
    s->in.hot = s->hot;
    s->in.cores = s->cores;
    s->in.target = o->target;
    s->in.deadline = (uint64_t)o->deadline * 1000;
    s->in.partitions = (uint64_t)o->partitions;
    s->in.ranges = s->events.whole ? 1 : (uint64_t)o->ranges;
    s->in.metadata_ranges = s->metadata.whole ? 1 : (uint64_t)o->metadata_ranges;
    s->in.jobs = (uint64_t)o->jobs;
    s->in.filter = o->filter;
    s->in.rates = &s->rates;
    return 0;
}

static int plan(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (gather(a) || gn_planjob_compute(&s->plan, &s->in, &a->err))
        return -1;
    const gn_planstory story = {.in = &s->in,
                                .plan = &s->plan,
                                .events = &s->events,
                                .metadata = &s->metadata,
                                .row_bytes = row_bytes(o, &s->events),
                                .available = s->available,
                                .rates = o->rates,
                                .network_given = o->network != NULL,
                                .disk_given = o->disk != DISK};
    a->status = s->plan.met ? GN_OK : GN_NO;
    return o->json   ? gn_planout_json(&story, &s->text, &a->err)
           : o->make ? gn_planout_make(&story, &s->text, &a->err)
                     : gn_planout_text(&story, &s->text, &a->err);
}

static int run(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (o->calibrate ? calibrate(a) : plan(a))
        return -1;
    return gn_out_write(a->out, s->text.p, s->text.n, &a->err);
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_planjob_release(&s->plan);
    gn_planparts_release(&s->parts);
    gn_buf_release(&s->text);
    free(s->hot);
    free(s->cores);
    s->hot = NULL;
    s->cores = NULL;
}

static const gn_example examples[] = {
    {"a terabyte on ten hosts, none of which need exist",
     "gn-plan --interactions 1T --metadata 100G --cores 16 --memory 64G --hosts 10"},
    {"this file on this machine, by rates measured here",
     "gn-plan --calibrate -o rates.jsonl && gn-plan --rates rates.jsonl --interactions events.csv"},
    {"once it is partitioned: which parts are too large or too small?",
     "gn-plan --manifest parts/manifest.gn"},
    {"what would make two hours?",
     "gn-plan --interactions 1T --cores 16 --memory 64G --deadline 2h"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-plan",
    .summary = "plan a job: partitions, jobs, memory, disk, join, time, with the arithmetic",
    .operands = "",
    .order = "none",
    .memory = "of manifests and hot keys",
    .flags = GN_APP_TEXT_OUT | GN_APP_NO_OPERANDS | GN_APP_TEMP,
    .opts = opts,
    .opt_size = sizeof(options),
    .defaults = &defaults,
    .state_size = sizeof(state),
    .examples = examples,
    .check = check,
    .run = run,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
