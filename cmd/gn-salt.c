/* gn-salt - spread the records of hot keys over several partitions, for both sides of a join, and
 * put the result together again.
 *
 * Needs any order, which salted streams keep. Memory: streaming, and the list of hot keys. Segments
 * map one to one; with --collapse all become one, without order, and rows that must wait for the
 * end are on disk (-T). */
#include "app/app.h"
#include "base/parse.h"
#include "op/hotkeys.h"
#include "op/salt.h"

#include <stddef.h>
#include <string.h>

typedef struct options {
    const char *key, *hot, *factor, *field, *mark;
    bool explode, collapse;
} options;

typedef struct state {
    gn_hotlist *list;
    gn_collapse *collapse;
    gn_buf described; /* the options that affect the result, and what the list holds */
    size_t nfields;
    gn_salt_stats stats;
    uint32_t hot[GN_BATCH];
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"key", 'k', "FIELDS", "the key: one field or several (default user_id)", GN_OPT_TEXT, O(key),
     true, 0, 0},
    {"hot", 0, "FILE", "the hot keys and their factors, as gn-hotkeys writes them", GN_OPT_TEXT,
     O(hot), false, 0, 0},
    {"factor", 0, "auto|N",
     "how many salts a hot key has: as the list says, or N of 2 to 65536 (default auto)",
     GN_OPT_TEXT, O(factor), true, 0, 0},
    {"field", 0, "NAME", "the int field for the salt (default salt)", GN_OPT_TEXT, O(field), true,
     0, 0},
    {"explode", 0, NULL, "the other side of the join: each record of a hot key once for every salt",
     GN_OPT_FLAG, O(explode), true, 0, 0},
    {"collapse", 0, NULL,
     "after a right or full join with exploded rows on the right: leave out the salt, and all but "
     "one copy of the right rows that were never matched",
     GN_OPT_FLAG, O(collapse), true, 0, 0},
    {"mark", 0, "FIELD", "with --collapse: the field of gn-join --mark", GN_OPT_TEXT, O(mark), true,
     0, 0},
    {0}};
static const options defaults = {.key = "user_id", .factor = "auto", .field = "salt"};

static int parse_factor(gn_app *a, int64_t *factor)
{
    const options *o = a->opt;
    *factor = 0;
    if (strcmp(o->factor, "auto") == 0)
        return 0;
    if (!gn_parse_int(o->factor, strlen(o->factor), factor) || *factor < 2 || *factor > GN_SALT_MAX)
        return gn_fail(&a->err, GN_USAGE, "--factor '%s': give auto or a number from 2 to %d",
                       o->factor, GN_SALT_MAX);
    return 0;
}

static int check(gn_app *a)
{
    const options *o = a->opt;
    int64_t factor;
    if (!o->hot)
        return gn_fail(&a->err, GN_USAGE, "no hot keys given (use --hot FILE, see gn-hotkeys)");
    if (strcmp(o->hot, "-") == 0)
        return gn_fail(&a->err, GN_USAGE, "--hot: give the name of a file");
    if (o->explode && o->collapse)
        return gn_fail(&a->err, GN_USAGE, "--explode and --collapse exclude each other");
    if (o->collapse != (o->mark != NULL))
        return gn_fail(&a->err, GN_USAGE, "--collapse and --mark FIELD need each other");
    return parse_factor(a, &factor);
}

/* What comes out is a function of the list too: provenance tells of its contents. */
static int describe(gn_app *a)
{
    state *s = a->state;
    if (gn_buf_printf(&s->described, &a->err, "%s%shot=%016llx", a->options, *a->options ? " " : "",
                      (unsigned long long)gn_hotlist_id(s->list)))
        return -1;
    a->options = (const char *)s->described.p;
    return 0;
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    int64_t factor;
    if (parse_factor(a, &factor))
        return -1;
    s->list = gn_hotlist_read(&(gn_hotlist_options){.path = o->hot,
                                                    .key = o->key,
                                                    .role = "--hot",
                                                    .factor = (uint32_t)factor,
                                                    .max_record = a->common.max_record,
                                                    .budget = &a->budget},
                              &a->err);
    if (!s->list || describe(a))
        return -1;
    if (!o->collapse)
        return 0;
    s->collapse =
        gn_collapse_new(s->list, o->field, o->mark, a->common.temp_dir, &a->budget, &a->err);
    return s->collapse ? 0 : -1;
}

static int segment(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0};
    int r;
    if (gn_hotlist_segment(s->list, a->reader, &a->err))
        return -1;
    s->nfields = gn_reader_header(a->reader)->schema.n;
    if (o->collapse)
        r = gn_collapse_segment(s->collapse, a->reader, &h, &a->err) ||
            (h.schema.n && gn_app_begin(a, &h));
    else
        r = gn_header_copy(&h, gn_reader_header(a->reader), &a->err) ||
            gn_salt_header(&h, o->field, o->explode, &a->err) || gn_app_begin(a, &h);
    gn_header_release(&h);
    return r ? -1 : 0;
}

static int batch(gn_app *a, gn_batch *b)
{
    const options *o = a->opt;
    state *s = a->state;
    if (gn_hotlist_find(s->list, b, s->hot, &a->err))
        return -1;
    if (o->collapse)
        return gn_collapse_batch(s->collapse, b, s->hot, a->w, &a->err);
    return (o->explode ? gn_salt_explode : gn_salt_add)(s->list, b, s->nfields, s->hot, a->w,
                                                        &s->stats, &a->err);
}

static int end(gn_app *a)
{
    const options *o = a->opt;
    if (o->collapse)
        return 0;
    return gn_app_end_segment(a, &gn_reader_trailer(a->reader)->lineage, o->explode);
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_app_count(a, "hot_keys", gn_hotlist_count(s->list));
    if (!o->collapse) {
        gn_app_count(a, "records_hot", s->stats.hot);
        gn_app_count(a, "records_cold", s->stats.cold);
        return 0;
    }
    if (gn_collapse_end(s->collapse, a->w, &a->err))
        return -1;
    const gn_collapse_stats *n = gn_collapse_counts(s->collapse);
    gn_app_count(a, "copies_dropped", n->copies);
    gn_app_count(a, "matched_elsewhere", n->matched);
    gn_app_count(a, "unmatched_kept", n->kept);
    return gn_app_end_segment(a, &a->lineage, false);
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_collapse_free(s->collapse);
    gn_hotlist_free(s->list);
    gn_buf_release(&s->described);
    *s = (state){0};
}

static const gn_example examples[] = {
    {"events: the hot users over several of 16 parts, all others as ever",
     "gn-salt --hot hot.gn events.gn | gn-partition -k user_id --salt salt -n 16 -d events"},
    {"metadata: there for every salt", "gn-salt --hot hot.gn --explode users.gn | gn-partition -k "
                                       "user_id --salt salt -n 16 -d users"},
    {"part by part joined, by both",
     "gn-join -k user_id,salt events/part-0003.gn users/part-0003.gn | gn-select -x salt"},
    {0}};

static const gn_filter filter = {
    .name = "gn-salt",
    .summary = "spread the records of hot keys over several partitions",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "streaming, about 80 bytes a hot key",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT | GN_APP_MEMORY | GN_APP_TEMP,
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
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
