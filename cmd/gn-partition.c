/* gn-partition - a stream into many files: by hash of a key or by ranges of a field, by values,
 * or both.
 *
 * Needs: any order, which every file keeps. Memory: streaming, with buffers that share half of -m,
 * and about 1 KiB for each file; with --pack a temporary file holds what they do not. All files
 * appear together at the end, the manifest last. */
#include "app/app.h"
#include "base/parse.h"
#include "op/partition.h"

#include <string.h>
#include <sys/stat.h>

typedef struct options {
    const char *key, *salt, *dir, *name, *time, *manifest, *hot, *zstd, *ranges, *bounds, *target;
    gn_list by;
    int64_t n;
    bool whole, pack;
} options;

typedef struct state {
    gn_partition *p;
    gn_ranges ranges;
    size_t n;            /* ranges: -n, or as --target-size makes it */
    size_t target;       /* bytes; 0: none */
    gn_writer *manifest; /* --manifest */
    gn_writer *hot;      /* --hot */
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"dir", 'd', "DIR", "write the files into DIR, which is made if it is missing", GN_OPT_TEXT,
     O(dir), false, 0, 0},
    {"key", 'k', "FIELDS", "place records by the hash of these fields", GN_OPT_TEXT, O(key), true,
     0, 0},
    {"salt", 0, "FIELD",
     "with -k: an int field, as gn-salt adds it; salt 1 goes one file further, and so on, round",
     GN_OPT_TEXT, O(salt), true, 0, 0},
    {"ranges", 0, "FIELD", "place records by the values of this field, in order", GN_OPT_TEXT,
     O(ranges), true, 0, 0},
    {"parts", 'n', "N",
     "into so many ranges: of -k, of equal width; of --ranges, of about as many records each",
     GN_OPT_INT, O(n), true, 1, GN_PARTITION_MAX},
    {"bounds", 0, "V,...", "instead of -n: the first value of each range of --ranges but the first",
     GN_OPT_TEXT, O(bounds), true, 0, 0},
    {"target-size", 0, "SIZE",
     "instead of -n: so many ranges that each has about SIZE of the input files; with --by alone: "
     "cut files whose records have more bytes",
     GN_OPT_TEXT, O(target), true, 0, 0},
    {"by", 0, "KEYS",
     "a directory NAME=VALUE for each value of these fields or NAME=EXPRESSIONs, one inside the "
     "other; date, week, month and hour are those of --time",
     GN_OPT_LIST, O(by), true, 0, 0},
    {"time", 0, "FIELD", "the time of --by date, week, month and hour (default timestamp)",
     GN_OPT_TEXT, O(time), true, 0, 0},
    {"name", 0, "NAME", "call the files NAME-0000.gn or NAME.gn (default part)", GN_OPT_TEXT,
     O(name), false, 0, 0},
    {"whole", 0, NULL, "split the whole hash space although the input holds a part of it",
     GN_OPT_FLAG, O(whole), true, 0, 0},
    {"pack", 0, NULL,
     "put all ranges into one file NAME.gn, one after the other; gn-cat --part and gn-sort --part "
     "read one of them",
     GN_OPT_FLAG, O(pack), false, 0, 0},
    {"manifest", 0, "FILE", "write the manifest to FILE too", GN_OPT_TEXT, O(manifest), false, 0,
     0},
    {"hot", 0, "FILE",
     "write the ten most frequent keys of each file to FILE (they may be personal data)",
     GN_OPT_TEXT, O(hot), false, 0, 0},
    {"zstd", 'z', "LEVEL", "compress the files (default level 1); their names end in .zst",
     GN_OPT_OPTIONAL, O(zstd), false, 0, 0},
    {0},
};
static const options defaults = {.name = "part", .time = "timestamp"};

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (!o->dir || !*o->dir)
        return gn_fail(&a->err, GN_USAGE, "no directory given (use -d DIR)");
    if (!o->key && !o->ranges && !o->by.n)
        return gn_fail(&a->err, GN_USAGE,
                       "give -k FIELDS or --ranges FIELD, with -n N, or --by KEYS, or both");
    if (o->key && o->ranges)
        return gn_fail(&a->err, GN_USAGE, "-k and --ranges exclude each other");
    if (o->bounds && (!o->ranges || o->n || o->target))
        return gn_fail(&a->err, GN_USAGE, "--bounds is for --ranges, instead of -n");
    if (o->target && o->n)
        return gn_fail(&a->err, GN_USAGE, "--target-size is instead of -n");
    if (o->target && o->by.n && (o->key || o->ranges))
        return gn_fail(&a->err, GN_USAGE, "--by together with ranges needs -n, not --target-size");
    if (o->key || o->ranges ? !(o->n || o->bounds || o->target) : o->n != 0)
        return gn_fail(&a->err, GN_USAGE, "-k FIELDS or --ranges FIELD, and -n N, need each other");
    if (o->target && gn_parse_size(o->target, &s->target, &a->err))
        return -1;
    if (o->target && s->target == 0)
        return gn_fail(&a->err, GN_USAGE, "--target-size: files of 0 bytes cannot be");
    if (o->pack && o->by.n)
        return gn_fail(&a->err, GN_USAGE, "--pack is for ranges: not together with --by");
    if (o->whole && !o->key)
        return gn_fail(&a->err, GN_USAGE, "--whole is for -k");
    if (o->salt && !o->key)
        return gn_fail(&a->err, GN_USAGE, "--salt is for -k");
    if (o->hot && !o->key)
        return gn_fail(&a->err, GN_USAGE, "--hot is for the key that -k gives");
    if (!*o->name || *o->name == '.' || strchr(o->name, '/') || strlen(o->name) > 200)
        return gn_fail(&a->err, GN_USAGE, "--name: '%s' is no name for files", o->name);
    return 0;
}

/* The operands must be files whose size is known and that can be read again: their bytes. */
static int regular_files(gn_app *a, const char *why, uint64_t *bytes)
{
    struct stat st;
    *bytes = 0;
    if (a->files.n == 0)
        return gn_fail(&a->err, GN_USAGE, "%s: give the names of files, not a pipe", why);
    for (size_t i = 0; i < a->files.n; i++) {
        bool pipe = strcmp(a->files.v[i], "-") == 0;
        if (!pipe && stat(a->files.v[i], &st))
            return gn_fail_errno(&a->err, GN_IO, "'%s': cannot open", a->files.v[i]);
        if (pipe || !S_ISREG(st.st_mode))
            return gn_fail(&a->err, GN_USAGE, "%s: '%s' is no regular file", why, a->files.v[i]);
        *bytes += (uint64_t)st.st_size;
    }
    return 0;
}

/* How many ranges: the input's bytes by the target's, rounded up, but one at least. */
static int count_ranges(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    uint64_t bytes;
    s->n = (size_t)o->n;
    if (!s->target)
        return 0;
    if (regular_files(a, "--target-size needs to know the size of the input", &bytes))
        return -1;
    uint64_t n = bytes / s->target + (bytes % s->target != 0);
    if (n > GN_PARTITION_MAX)
        return gn_fail(&a->err, GN_USAGE, "--target-size: that would be %llu files, more than %d",
                       (unsigned long long)n, GN_PARTITION_MAX);
    s->n = n ? (size_t)n : 1;
    return 0;
}

static int find_ranges(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    uint64_t bytes;
    s->ranges = (gn_ranges){.field = o->ranges, .budget = &a->budget};
    if (o->bounds)
        return gn_ranges_given(&s->ranges, o->bounds, &a->err);
    if (regular_files(a, "--ranges with -n reads its input twice (see --bounds)", &bytes))
        return -1;
    return gn_ranges_sample(&s->ranges, s->n, a->files.v, a->files.n, a->common.max_record,
                            &a->err);
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    int level;
    if (gn_app_zstd_level(o->zstd, NULL, &level, &a->err) ||
        (o->manifest && !(s->manifest = gn_app_also(a, o->manifest))) ||
        (o->hot && !(s->hot = gn_app_also(a, o->hot))) ||
        ((o->key || o->ranges) && count_ranges(a)) || (o->ranges && find_ranges(a)))
        return -1;
    s->p = gn_partition_open(&(gn_partition_options){.dir = o->dir,
                                                     .name = o->name,
                                                     .key = o->key,
                                                     .n = o->key ? s->n : 0,
                                                     .salt = o->salt,
                                                     .range = o->ranges ? &s->ranges : NULL,
                                                     .whole = o->whole,
                                                     .by = o->by.v,
                                                     .nby = o->by.n,
                                                     .target = o->by.n ? s->target : 0,
                                                     .time = o->time,
                                                     .zone = a->zone,
                                                     .pack = o->pack,
                                                     .temp_dir = a->common.temp_dir,
                                                     .hot = o->hot != NULL,
                                                     .level = level,
                                                     .memory = a->common.memory,
                                                     .budget = &a->budget},
                             &a->err);
    return s->p ? 0 : -1;
}

static int end_output(gn_app *a, const gn_lineage *from)
{
    state *s = a->state;
    gn_lineage l;
    if (gn_app_lineage(a, from, false, &l))
        return -1;
    int r = gn_partition_end(s->p, &l, &a->err);
    gn_lineage_release(&l);
    return r;
}

/* Until the first segment that stands by itself, one output segment holds all there was. */
static int segment(gn_app *a)
{
    state *s = a->state;
    bool joins;
    if (gn_partition_begun(s->p)) {
        if (gn_partition_joins(s->p, gn_reader_header(a->reader), &joins, &a->err) ||
            (!joins && end_output(a, &a->lineage)))
            return -1;
    }
    return gn_partition_segment(s->p, a->reader, &a->err);
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    return gn_partition_batch(s->p, a->reader, b, &a->err);
}

static int end(gn_app *a)
{
    state *s = a->state;
    const gn_lineage *l = &gn_reader_trailer(a->reader)->lineage;
    gn_partition_note(s->p, gn_reader_header(a->reader), l);
    return gn_partition_alone(s->p) ? end_output(a, l) : 0;
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_partition_stats n;
    gn_lineage l;
    if (gn_partition_begun(s->p) && end_output(a, &a->lineage))
        return -1;
    if (gn_app_lineage(a, &a->lineage, true, &l))
        return -1;
    int r = gn_partition_manifest(s->p, &l, s->manifest, &n, &a->err);
    if (r == 0 && s->hot)
        r = gn_partition_hot(s->p, &l, s->hot, &a->err);
    gn_lineage_release(&l);
    if (r)
        return -1;
    gn_app_records_out(a, n.rows, n.bytes, n.wait);
    gn_app_count(a, "files", n.files);
    gn_app_count(a, "files_empty", n.empty);
    gn_app_count(a, "rows_min", n.min);
    gn_app_count(a, "rows_median", n.median);
    gn_app_count(a, "rows_max", n.max);
    gn_app_count(a, "files_skewed", n.skewed);
    if (o->pack)
        gn_app_count(a, "spilled_bytes", n.spooled);
    return 0;
}

static int commit(gn_app *a)
{
    state *s = a->state;
    return gn_partition_commit(s->p, &a->err);
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_partition_free(s->p);
    gn_ranges_release(&s->ranges);
    s->p = NULL;
}

static const gn_example examples[] = {
    {"64 parts of whole users",
     "gn-fromcsv interactions.csv | gn-partition -k user_id -n 64 -d parts"},
    {"8 parts in order of time, of about the same size, to be sorted one by one",
     "gn-partition --ranges timestamp -n 8 -d parts events.gn"},
    {"a directory for each day", "gn-partition --by date -d days events.gn"},
    {"days, countries, and in each four parts of users",
     "gn-partition --by 'day=date(timestamp),country' -k user_id -n 4 -z -d tree events.gn"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-partition",
    .summary = "split a stream into many files, by hash of a key, by ranges or by values",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "streaming, about 1 KiB a file and buffers within -m",
    .flags = GN_APP_STREAM_IN | GN_APP_MEMORY | GN_APP_TZ | GN_APP_TEMP,
    .opts = opts,
    .opt_size = sizeof(options),
    .defaults = &defaults,
    .state_size = sizeof(state),
    .examples = examples,
    .check = check,
    .start = start,
    .segment = segment,
    .batch = batch,
    .end = end,
    .finish = finish,
    .commit = commit,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
