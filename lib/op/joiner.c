/* joiner.c - see joiner.h: which strategy, and what all of them need. */
#include "../io/mp.h"
#include "../stream/value.h"
#include "joinerpriv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

gn_joiner *gn_joiner_new(const gn_joiner_options *o, gn_err *e)
{
    gn_joiner *j = gn_calloc(1, sizeof *j, e);
    if (!j)
        return NULL;
    j->o = *o;
    j->left.lineage.covered = j->right.lineage.covered = true;
    if (gn_joinspec_parse(j, e)) {
        gn_joiner_free(j);
        return NULL;
    }
    return j;
}

void gn_joiner_free(gn_joiner *j)
{
    if (!j)
        return;
    gn_joinspec_release(&j->spec);
    gn_order_release(&j->right_order);
    gn_joinside_release(&j->left);
    gn_joinside_release(&j->right);
    gn_joinout_release(&j->out);
    gn_jointab_free(j->tab);
    free(j);
}

int gn_joiner_open(gn_joiner *j, gn_joinside *s, gn_err *e)
{
    gn_batch *b;
    const char *const *paths = s == &j->left ? &j->o.left : &j->o.right;
    if (s->r)
        return 0;
    if (!(s->r = gn_reader_open(paths, 1, j->o.max_record, e)))
        return -1;
    int ev = gn_joiner_next(s, &b, e);
    return ev < 0 ? -1 : ev == GN_EV_SEGMENT ? 0 : gn_fail(e, GN_BUG, "a stream without header");
}

int gn_joiner_next(gn_joinside *s, gn_batch **b, gn_err *e)
{
    int ev = gn_reader_next(s->r, b, e);
    if (ev == GN_EV_SEGMENT &&
        (gn_unite_add(&s->in, gn_reader_header(s->r), gn_reader_name(s->r), e) ||
         (s->ready && gn_joinside_bind(s, e))))
        return -1;
    if (ev == GN_EV_END && gn_joinside_ended(s, e))
        return -1;
    if (ev == GN_EV_BATCH && gn_joinside_batch(s, *b, e))
        return -1;
    return ev;
}

/* A field that is null is never preferred. */
static int compare_field(const gn_sortkey *k, gn_str a, gn_str b, bool greatest)
{
    gn_str x = gn_sortkey_find(a, k->field), y = gn_sortkey_find(b, k->field);
    if (*x.p == GN_MP_NIL || *y.p == GN_MP_NIL)
        return (*x.p == GN_MP_NIL) - (*y.p == GN_MP_NIL);
    int c = gn_value_cmp(k->type, x, y);
    return k->desc != greatest ? -c : c;
}

bool gn_joiner_better(void *ctx, gn_str record, gn_str held)
{
    const gn_joiner *j = ctx;
    bool greatest = j->o.dup == GN_JOIN_DUP_LAST;
    for (size_t i = 0; i < j->right.norder; i++) {
        int c = compare_field(&j->right.order[i], record, held, greatest);
        if (c)
            return c < 0;
    }
    int c = gn_sortkey_cmp_bytes(record, held);
    return greatest ? c > 0 : c < 0;
}

int gn_joiner_repeated(const gn_joiner *j, gn_err *e)
{
    gn_buf b = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < j->spec.nkeys; i++)
        r = gn_buf_printf(&b, e, "%s%s", i ? ", " : "", j->spec.key[i].right);
    if (r == 0)
        gn_fail(
            e, GN_INPUT,
            "'%s': a key (%s) comes more than once (choose with --right-dup first, last or all)",
            gn_reader_name(j->right.r), (const char *)b.p);
    gn_buf_release(&b);
    return -1;
}

/* ---- which strategy ---- */

static void because(gn_joiner *j, const char *strategy, const char *reason)
{
    j->stats.strategy = strategy;
    snprintf(j->stats.reason, sizeof j->stats.reason, "%s", reason);
}

/* Both sides are open and in order. */
static int open_merge(gn_joiner *j, gn_err *e)
{
    if (gn_joiner_open(j, &j->left, e))
        return -1;
    return gn_joinspec_ordered(j);
}

static int not_ordered(const gn_joiner *j, gn_err *e)
{
    gn_buf b = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < j->spec.nkeys; i++)
        r = gn_buf_printf(&b, e, "%s%s", i ? "," : "", j->spec.key[i].left);
    if (r == 0)
        gn_fail(e, GN_INPUT,
                "--strategy merge: '%s' and '%s' are not declared in one order of the key (run "
                "gn-sort -k %s)",
                gn_reader_name(j->left.r), gn_reader_name(j->right.r), (const char *)b.p);
    gn_buf_release(&b);
    return -1;
}

static int choose(gn_joiner *j, gn_err *e)
{
    int ordered = 0;
    bool asked = j->o.strategy == GN_JOIN_MERGE;
    if (asked || (j->o.strategy == GN_JOIN_AUTO && gn_joinspec_right_ordered(j)))
        if ((ordered = open_merge(j, e)) < 0)
            return -1;
    if (asked && !ordered)
        return not_ordered(j, e);
    if (ordered)
        because(j, "merge", asked ? "asked for" : "both sides are declared in order of the key");
    else if (j->o.strategy == GN_JOIN_GRACE)
        because(j, "grace", "asked for");
    else
        because(j, "broadcast", j->o.strategy ? "asked for" : "the right side fits in memory");
    return ordered;
}

/* What is wrong about the left should be said before all of the right is read; but who fills a pipe
 * may be waiting for us to read the other side. */
static bool is_file(const char *path)
{
    struct stat st;
    return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int gn_joiner_run(gn_joiner *j, gn_writer *w, gn_err *e)
{
    j->w = w;
    if (gn_joiner_open(j, &j->right, e))
        return -1;
    int ordered = choose(j, e);
    if (ordered < 0)
        return -1;
    /* With --fields, what is read of the right depends on the left. */
    if ((ordered || j->o.fields || is_file(j->o.left)) &&
        (gn_joiner_open(j, &j->left, e) || gn_joinspec_left(j, e)))
        return -1;
    if (gn_joinspec_right(j, e))
        return -1;
    return ordered ? gn_joiner_merge(j, e) : gn_joiner_hash(j, e);
}

void gn_joiner_statistics(const gn_joiner *j, gn_joiner_stats *s)
{
    *s = j->stats;
    for (int i = 0; i < 2; i++) {
        const gn_reader *r = i ? j->left.r : j->right.r;
        s->records += r ? gn_reader_records(r) : 0;
        s->bytes += r ? gn_reader_bytes(r) : 0;
    }
}
