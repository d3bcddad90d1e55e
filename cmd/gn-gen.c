/* gn-gen - make up interactions and metadata: seeded, the same bytes on every machine.
 *
 * Needs: no input. Memory: streaming; a block of rows in the realistic model. */
#include "app/app.h"
#include "base/parse.h"
#include "op/genreal.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 2048 /* records built at a time */

struct options {
    int model;
    int table;
    int64_t rows; /* -1: the table's default */
    int64_t seed;
    int64_t users; /* 0: the model's default */
    const char *range;
    /* --model realistic */
    const char *from, *to, *top_share;
    const char *null_rate, *negative_rate, *long_rate, *duplicate_rate, *late_rate;
    const char *effects;
};

enum { UNIFORM, REALISTIC };

struct state {
    gn_gen gen;
    gn_genreal_options real;
    gn_genreal *realistic; /* NULL: uniform */
    uint64_t lo, hi;       /* rows to write */
    gn_buf text;           /* what the data are a function of */
};

#define AT(member) offsetof(struct options, member)

static const gn_opt opts[] = {
    {"model", 0, "uniform|realistic", "distribution of the values (default uniform)", GN_OPT_CHOICE,
     AT(model), true, 0, 0},
    {"table", 0, "interactions|metadata", "which table (default interactions)", GN_OPT_CHOICE,
     AT(table), true, 0, 0},
    {"rows", 0, "N", "rows of the table (default 1000000, of metadata 100000)", GN_OPT_INT,
     AT(rows), true, 0, INT64_MAX / 16},
    {"seed", 0, "S", "another seed makes other data (default 1)", GN_OPT_INT, AT(seed), true, 0,
     INT64_MAX},
    {"users", 0, "N", "users to draw from (default 1000000, realistic 100000)", GN_OPT_INT,
     AT(users), true, 1, GN_GEN_USERS_MAX},
    {"range", 0, "LO:HI", "write only rows LO to HI-1, counted from 0 (default all)", GN_OPT_TEXT,
     AT(range), false, 0, 0},
    {"from", 0, "DATE", "realistic: the first day (default 2023-01-01)", GN_OPT_TEXT, AT(from),
     true, 0, 0},
    {"to", 0, "DATE", "realistic: the last day (default 2023-12-31)", GN_OPT_TEXT, AT(to), true, 0,
     0},
    {"top-share", 0, "P",
     "realistic: share of the rows that the top 1 % of users own (default 0.6)", GN_OPT_TEXT,
     AT(top_share), true, 0, 0},
    {"null-rate", 0, "P", "realistic: share of events without a duration (default 0.01)",
     GN_OPT_TEXT, AT(null_rate), true, 0, 0},
    {"negative-rate", 0, "P", "realistic: share of events with a negative duration (default 0.005)",
     GN_OPT_TEXT, AT(negative_rate), true, 0, 0},
    {"long-rate", 0, "P", "realistic: share of events above 8 hours (default 0.001)", GN_OPT_TEXT,
     AT(long_rate), true, 0, 0},
    {"duplicate-rate", 0, "P",
     "realistic: share of rows that copy another (default 0.005); in metadata, that repeat a "
     "user_id with other attributes (default 0.05)",
     GN_OPT_TEXT, AT(duplicate_rate), true, 0, 0},
    {"late-rate", 0, "P", "realistic: share of events that arrive late (default 0.02)", GN_OPT_TEXT,
     AT(late_rate), true, 0, 0},
    {"effects", 0, "FILE", "realistic: write what was planted, as JSON, to FILE", GN_OPT_TEXT,
     AT(effects), false, 0, 0},
    {0},
};

static const struct options defaults = {.rows = -1, .seed = 1};

static int share(const char *name, const char *text, double *v, gn_err *e)
{
    if (text && !gn_parse_float(text, strlen(text), v))
        return gn_fail(e, GN_USAGE, "--%s '%s': give a share such as 0.01", name, text);
    return 0;
}

static int day(const char *name, const char *text, int64_t *v, gn_err *e)
{
    if (text && !gn_parse_date(text, strlen(text), v))
        return gn_fail(e, GN_USAGE, "--%s '%s': give a date, YYYY-MM-DD", name, text);
    return 0;
}

/* The options of the realistic model; anything given with another model or table is refused. */
static int check_realistic(gn_app *a)
{
    struct options *o = a->opt;
    struct state *s = a->state;
    bool meta = o->table == GN_GEN_METADATA;
    gn_genreal_options *r = &s->real;
    const struct {
        const char *name, *text;
        bool meta; /* in metadata too */
        double *v;
        int64_t *day;
    } given[] = {
        {"from", o->from, true, NULL, &r->from},
        {"to", o->to, true, NULL, &r->to},
        {"top-share", o->top_share, false, &r->top_share, NULL},
        {"null-rate", o->null_rate, false, &r->null_rate, NULL},
        {"negative-rate", o->negative_rate, false, &r->negative_rate, NULL},
        {"long-rate", o->long_rate, false, &r->long_rate, NULL},
        {"duplicate-rate", o->duplicate_rate, true, &r->duplicate_rate, NULL},
        {"late-rate", o->late_rate, false, &r->late_rate, NULL},
        {"effects", o->effects, true, NULL, NULL},
    };

    *r = (gn_genreal_options){.table = meta ? GN_GEN_METADATA : GN_GEN_INTERACTIONS,
                              .rows = (uint64_t)o->rows,
                              .seed = (uint64_t)o->seed,
                              .users = (uint64_t)o->users,
                              .from = 19358, /* 2023-01-01 */
                              .to = 19722,
                              .top_share = 0.6,
                              .null_rate = 0.01,
                              .negative_rate = 0.005,
                              .long_rate = 0.001,
                              .duplicate_rate = meta ? 0.05 : 0.005,
                              .late_rate = 0.02};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (given[i].text && o->model != REALISTIC)
            return gn_fail(&a->err, GN_USAGE, "--%s is of --model realistic only", given[i].name);
        if (given[i].text && meta && !given[i].meta)
            return gn_fail(&a->err, GN_USAGE, "--%s is of --table interactions only",
                           given[i].name);
        if ((given[i].v && share(given[i].name, given[i].text, given[i].v, &a->err)) ||
            (given[i].day && day(given[i].name, given[i].text, given[i].day, &a->err)))
            return -1;
    }
    const char *to = a->common.output ? a->common.output : "-";
    if (o->effects && strcmp(o->effects, to) == 0)
        return gn_fail(&a->err, GN_USAGE, "--effects '%s': the records go there; name another file",
                       o->effects);
    if (o->model == REALISTIC && !(s->realistic = gn_genreal_new(r, &a->err)))
        return -1;
    return 0;
}

/* Equal data have equal provenance, whether an option was given or left at its default. */
static int describe(const gn_app *a, gn_buf *text, gn_err *e)
{
    const struct options *o = a->opt;
    const struct state *s = a->state;
    int r = s->realistic
                ? gn_genreal_describe(s->realistic, text, e)
                : gn_buf_printf(text, e, "model=uniform table=%s rows=%lld seed=%lld users=%lld",
                                o->table == GN_GEN_METADATA ? "metadata" : "interactions",
                                (long long)o->rows, (long long)o->seed, (long long)o->users);

    return r ? -1 : gn_buf_add(text, "", 1, e);
}

static int check(gn_app *a)
{
    struct options *o = a->opt;
    struct state *s = a->state;

    if (o->rows < 0)
        o->rows = o->table == GN_GEN_METADATA ? 100000 : 1000000;
    if (o->users == 0)
        o->users = o->model == REALISTIC ? 100000 : GN_GEN_USERS;
    s->hi = (uint64_t)o->rows;
    if (o->range) {
        const char *colon = strchr(o->range, ':');
        int64_t lo, hi;
        if (!colon || !gn_parse_int(o->range, (size_t)(colon - o->range), &lo) ||
            !gn_parse_int(colon + 1, strlen(colon + 1), &hi) || lo < 0 || lo > hi || hi > o->rows)
            return gn_fail(
                &a->err, GN_USAGE,
                "--range '%s': give LO:HI with 0 <= LO <= HI <= %lld, the number of rows", o->range,
                (long long)o->rows);
        s->lo = (uint64_t)lo;
        s->hi = (uint64_t)hi;
    }
    return check_realistic(a) || describe(a, &s->text, &a->err) ? -1 : 0;
}

static int start(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;

    a->options = (const char *)s->text.p;
    gn_gen_init(&s->gen, o->table == GN_GEN_METADATA ? GN_GEN_METADATA : GN_GEN_INTERACTIONS,
                (uint64_t)o->seed, (uint64_t)o->users);
    return 0;
}

static int end_segment(gn_app *a)
{
    const struct options *o = a->opt;
    const struct state *s = a->state;
    gn_lineage l = {.covered = true};
    gn_buf name = {0};
    int r = gn_buf_printf(&name, &a->err, "gn-gen %s", (const char *)s->text.p);

    if (r == 0) {
        gn_id id = gn_id_of(name.p, name.n);
        r = gn_lineage_add_source(&l, (gn_source){id, (uint64_t)o->rows, true}, &a->err);
        if (r == 0 && s->lo < s->hi)
            r = gn_lineage_add_cover(&l, (gn_cover){id, s->lo, s->hi, 0, UINT64_MAX}, &a->err);
    }
    if (r == 0)
        r = gn_app_end_segment(a, &l, false);
    gn_buf_release(&name);
    gn_lineage_release(&l);
    return r;
}

static int run(gn_app *a)
{
    struct state *s = a->state;
    gn_header h = {.canon = true};
    int r = gn_schema_copy(&h.schema, gn_gen_schema(s->gen.table), &a->err);

    if (r == 0)
        r = gn_app_begin(a, &h);
    gn_header_release(&h);
    for (uint64_t at = s->lo; r == 0 && at < s->hi;) {
        size_t n = s->hi - at < CHUNK ? (size_t)(s->hi - at) : CHUNK;
        uint8_t *p = gn_writer_reserve(a->w, n * GN_GEN_ROW, &a->err);
        if (!p)
            return -1;
        uint8_t *end =
            s->realistic ? gn_genreal_rows(s->realistic, at, n, p) : gn_gen_rows(&s->gen, at, n, p);
        r = gn_writer_commit(a->w, end, n, &a->err);
        at += n;
    }
    return r ? r : end_segment(a);
}

static int finish(gn_app *a)
{
    const struct options *o = a->opt;
    const struct state *s = a->state;

    return o->effects ? gn_genreal_effects(s->realistic, o->effects, &a->err) : 0;
}

static void release(gn_app *a)
{
    struct state *s = a->state;

    gn_genreal_free(s->realistic);
    s->realistic = NULL;
    gn_buf_release(&s->text);
}

static const gn_example examples[] = {
    {"a million interactions as CSV", "gn-gen | gn-tocsv -o interactions.csv"},
    {"the same data made by two processes",
     "gn-gen --range 0:500000 -o a.gn & gn-gen --range 500000:1000000 -o b.gn; wait"},
    {"metadata of 1000 users", "gn-gen --table metadata --users 1000 --rows 1000 | gn-view"},
    {"realistic data, and what was planted in them",
     "gn-gen --model realistic --effects effects.json -o events.gn.zst"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-gen",
    .summary = "make up interactions and metadata, the same for a seed on every machine",
    .operands = "",
    .order = "none",
    .memory = "streaming",
    .flags = GN_APP_STREAM_OUT | GN_APP_NO_OPERANDS,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .defaults = &defaults,
    .state_size = sizeof(struct state),
    .examples = examples,
    .check = check,
    .start = start,
    .run = run,
    .finish = finish,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
