/* gn-join - join two streams by equal keys.
 *
 * Needs no order: the right side is held in a table, within -m, beyond that both sides are split
 * onto disk (-T); where both are declared in order of the key they are read in step. A left record
 * is never multiplied silently: right records of one key are refused unless --right-dup says what
 * to do. */
#include "app/app.h"
#include "op/joiner.h"

#include <stddef.h>
#include <string.h>

typedef struct options {
    gn_list key, right_order;
    int type, dup, strategy;
    const char *right_fields, *fields, *suffix, *mark;
} options;

typedef struct state {
    gn_joiner *join;
} state;

#define O(field) offsetof(options, field)
static const gn_opt opts[] = {
    {"key", 'k', "FIELD[=RIGHT],...",
     "join records that are equal in these fields; RIGHT is its name on the right where it differs",
     GN_OPT_LIST, O(key), true, 0, 0},
    {"type", 0, "left|inner|right|full|semi|anti",
     "what comes out: pairs, and the records without partner of the left, of none, of the right, "
     "of "
     "both; or left records that have one, or none (default left)",
     GN_OPT_CHOICE, O(type), true, 0, 0},
    {"right-dup", 0, "error|first|last|all",
     "right records of one key: refuse them, take one of them, or all (default error)",
     GN_OPT_CHOICE, O(dup), true, 0, 0},
    {"right-order", 0, "FIELD[:asc|:desc],...",
     "what first and last mean; ties, and all without it, by the record's bytes", GN_OPT_LIST,
     O(right_order), true, 0, 0},
    {"right-fields", 0, "LIST", "take only these fields of the right", GN_OPT_TEXT, O(right_fields),
     true, 0, 0},
    {"fields", 'f', "LIST", "write only these fields, in this order", GN_OPT_TEXT, O(fields), true,
     0, 0},
    {"suffix", 0, "TEXT", "append TEXT to the names of right fields that the left has too",
     GN_OPT_TEXT, O(suffix), true, 0, 0},
    {"mark", 0, "FIELD", "add a str field that says where a record comes from: left, right or both",
     GN_OPT_TEXT, O(mark), true, 0, 0},
    {"strategy", 0, "auto|broadcast|grace|merge",
     "how: the right in memory, both split onto disk, or both in order (default auto)",
     GN_OPT_CHOICE, O(strategy), false, 0, 0},
    {0}};

static int begin(void *ctx, const gn_header *h, gn_err *e)
{
    (void)e;
    return gn_app_begin(ctx, h);
}

static int end(void *ctx, gn_lineage *l, const gn_id *roots, size_t nroots, gn_err *e)
{
    gn_app *a = ctx;
    return gn_lineage_add_node(l, a->filter->name, GN_VERSION, a->options, roots, nroots, e) ||
                   gn_writer_end(a->w, l, e)
               ? -1
               : 0;
}

static int check(gn_app *a)
{
    const options *o = a->opt;
    state *s = a->state;
    if (a->files.n == 0 || a->files.n > 2)
        return gn_fail(&a->err, GN_USAGE,
                       "give two inputs, LEFT and RIGHT (or RIGHT alone: the left "
                       "is standard input)");
    const char *left = a->files.n == 2 ? a->files.v[0] : "-", *right = a->files.v[a->files.n - 1];
    if (strcmp(left, "-") == 0 && strcmp(right, "-") == 0)
        return gn_fail(&a->err, GN_USAGE, "both inputs cannot be standard input");
    gn_joiner_options j = {.key = o->key.v,
                           .nkeys = o->key.n,
                           .type = (enum gn_join_type)o->type,
                           .dup = (enum gn_join_dup)o->dup,
                           .right_order = o->right_order.v,
                           .nright_order = o->right_order.n,
                           .right_fields = o->right_fields,
                           .fields = o->fields,
                           .suffix = o->suffix,
                           .mark = o->mark,
                           .strategy = (enum gn_join_strategy)o->strategy,
                           .left = left,
                           .right = right,
                           .max_record = a->common.max_record,
                           .dir = a->common.temp_dir,
                           .memory = a->common.memory,
                           .budget = &a->budget,
                           .begin = begin,
                           .end = end,
                           .ctx = a};
    return (s->join = gn_joiner_new(&j, &a->err)) ? 0 : -1;
}

static int run(gn_app *a)
{
    state *s = a->state;
    gn_joiner_stats n;
    int r = gn_joiner_run(s->join, a->w, &a->err);
    gn_joiner_statistics(s->join, &n);
    gn_app_records_in(a, n.records, n.bytes);
    gn_app_say(a, "strategy", n.strategy);
    gn_app_say(a, "reason", n.reason);
    gn_app_count(a, "left_matched", n.left_matched);
    gn_app_count(a, "left_unmatched", n.left_unmatched);
    gn_app_count(a, "left_null_keys", n.left_null);
    gn_app_count(a, "right_matched", n.right_matched);
    gn_app_count(a, "right_unmatched", n.right_unmatched);
    gn_app_count(a, "right_null_keys", n.right_null);
    gn_app_count(a, "right_dropped", n.right_dropped);
    gn_app_count(a, "partitions", n.partitions);
    gn_app_count(a, "levels", n.levels);
    gn_app_count(a, "spilled_bytes", n.spilled);
    return r;
}

static void release(gn_app *a)
{
    state *s = a->state;
    gn_joiner_free(s->join);
    s->join = NULL;
}

static const gn_example examples[] = {
    {"events with their users' attributes; users without any stay",
     "gn-fromcsv interactions.csv | gn-join -k user_id users.gn"},
    {"where metadata repeats users: the row with the latest join date",
     "gn-join -k user_id --right-dup last --right-order join_date events.gn metadata.gn"},
    {"events of users that are not in the metadata",
     "gn-join -k user_id --type anti events.gn metadata.gn"},
    {"fields that are called otherwise, and two of the right's",
     "gn-join -k user_id=id --right-fields country,plan events.gn accounts.gn"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-join",
    .summary = "join two streams by equal keys",
    .operands = "[LEFT] RIGHT",
    .order = "none; streams where both sides are in order of the key",
    .memory = "the right side, or spilling beyond -m to disk",
    .flags = GN_APP_STREAM_OUT | GN_APP_MEMORY | GN_APP_TEMP,
    .opts = opts,
    .opt_size = sizeof(options),
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
