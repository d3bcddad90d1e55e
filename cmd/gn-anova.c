/* gn-anova - does a category make a difference: analysis of variance and ranks, of events and
 * users.
 *
 * Needs no order. Memory: spilling; what -m cannot hold of the values by group and of the users
 * goes to temporary files; the groups themselves must fit. With --partial it writes those two
 * multisets instead, which --merge reads. */
#include "app/app.h"
#include "op/effect.h"

#include <stddef.h>

typedef struct options {
    const char *group, *value, *user, *groups;
    int unit;
    bool negative, partial, merge, allow_partial;
} options;

typedef struct state {
    gn_effect *effect;
    gn_writer *groups;
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"group", 'g', "FIELD", "the category (default device_type)", GN_OPT_TEXT, O(group), true, 0,
     0},
    {"value", 0, "FIELD", "the int or float to compare (default duration_ms)", GN_OPT_TEXT,
     O(value), true, 0, 0},
    {"user", 0, "FIELD", "the user (default user_id)", GN_OPT_TEXT, O(user), true, 0, 0},
    {"unit", 0, "both|events|users", "test events, users by their means, or both (default both)",
     GN_OPT_CHOICE, O(unit), true, 0, 0},
    {"groups", 0, "FILE", "write a table of the groups to FILE, slowest first", GN_OPT_TEXT,
     O(groups), false, 0, 0},
    {"negative", 0, NULL, "values below 0 are valid", GN_OPT_FLAG, O(negative), true, 0, 0},
    {"partial", 0, NULL, "write the mergeable state, and no test", GN_OPT_FLAG, O(partial), true, 0,
     0},
    {"merge", 0, NULL, "read such states, not events; fields and unit are theirs", GN_OPT_FLAG,
     O(merge), true, 0, 0},
    {"allow-partial", 0, NULL, "merge states although parts of their sources are missing",
     GN_OPT_FLAG, O(allow_partial), true, 0, 0},
    {0}};

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (o->merge && (o->group || o->value || o->user || o->unit || o->negative))
        return gn_fail(&a->err, GN_USAGE,
                       "--merge takes fields and unit from the states: no -g, --value, --user, "
                       "--unit, --negative");
    if (o->partial && o->groups)
        return gn_fail(&a->err, GN_USAGE,
                       "--partial writes a state: give --groups to the --merge that reads it");
    gn_effect_options f = {.group = o->group ? o->group : "device_type",
                           .value = o->value ? o->value : "duration_ms",
                           .user = o->user ? o->user : "user_id",
                           .events = o->unit != 2,
                           .users = o->unit != 1,
                           .table = o->groups,
                           .negative = o->negative,
                           .merge = o->merge,
                           .budget = &a->budget,
                           .temp_dir = a->common.temp_dir};
    s->effect = gn_effect_new(&f, &a->err);
    return s->effect ? 0 : -1;
}

static int start(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (o->groups)
        s->groups = gn_app_also(a, o->groups);
    return o->groups && !s->groups ? -1 : 0;
}

static int segment(gn_app *a)
{
    state *s = a->state;
    return gn_effect_segment(s->effect, a->reader, &a->err);
}

static int batch(gn_app *a, gn_batch *b)
{
    state *s = a->state;
    return gn_effect_batch(s->effect, b, &a->err);
}

static int end(gn_app *a)
{
    const options *o = a->opt;
    return o->merge ? gn_app_merge_end(a) : 0;
}

static int write_headers(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    gn_header h = {0}, table = {0};
    int r = o->partial ? gn_effect_state_header(s->effect, &h, &a->err)
                       : gn_effect_header(s->effect, &h, &a->err);
    if (r == 0)
        r = gn_app_begin(a, &h);
    if (r == 0 && s->groups)
        r = gn_effect_table_header(s->effect, &table, &a->err) ||
            gn_writer_begin(s->groups, &table, &a->err);
    gn_header_release(&h);
    gn_header_release(&table);
    return r ? -1 : 0;
}

static void count(gn_app *a)
{
    const state *s = a->state;
    const gn_effect_counts *c = gn_effect_counts_of(s->effect);
    uint64_t runs, bytes = gn_effect_spilled(s->effect, &runs);
    gn_app_count(a, "groups", gn_effect_groups(s->effect));
    gn_app_count(a, "events", c->events);
    gn_app_count(a, "null_group", c->null_group);
    gn_app_count(a, "null_value", c->null_value);
    gn_app_count(a, "negative_value", c->negative);
    gn_app_count(a, "null_user", c->null_user);
    gn_app_count(a, "users_in_several_groups", c->users_in_groups);
    gn_app_count(a, "spill_runs", runs);
    gn_app_count(a, "spill_bytes", bytes);
}

static int finish(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if ((o->merge && gn_app_merge_finish(a, o->partial || o->allow_partial)) || write_headers(a) ||
        (o->partial ? gn_effect_write_state(s->effect, a->w, &a->err)
                    : gn_effect_write(s->effect, a->w, s->groups, &a->err)))
        return -1;
    count(a);
    return 0;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_effect_free(s->effect);
    s->effect = NULL;
}

static const gn_example examples[] = {
    {"do devices differ, and which is slow",
     "gn-join -k user_id --right-dup last --right-order join_date events.gn metadata.gn | gn-anova "
     "--groups devices.gn | gn-view; gn-view devices.gn"},
    {"versions instead, of users alone", "gn-anova -g app_version --unit users events.gn"},
    {"on two machines, then together",
     "gn-anova --partial a.gn -o a.part.gn; gn-anova --partial b.gn -o b.part.gn; gn-anova --merge "
     "a.part.gn b.part.gn"},
    {0}};

static const gn_filter filter = {
    .name = "gn-anova",
    .summary = "compare a value between groups: analysis of variance, ranks, effect size",
    .operands = "[FILE...]",
    .order = "none",
    .memory = "spilling; the groups must fit",
    .flags = GN_APP_STREAM_IN | GN_APP_STREAM_OUT | GN_APP_MEMORY | GN_APP_TEMP,
    .opts = opts,
    .opt_size = sizeof(options),
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
