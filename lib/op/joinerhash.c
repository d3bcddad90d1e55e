/* joinerhash.c - the broadcast join: the right side in a table, the left side streams by. */
#include "joinerpriv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int new_table(gn_joiner *j, gn_err *e)
{
    static const enum gn_jointab_mode mode[] = {[GN_JOIN_DUP_ERROR] = GN_JOINTAB_REFUSE,
                                                [GN_JOIN_DUP_FIRST] = GN_JOINTAB_BEST,
                                                [GN_JOIN_DUP_LAST] = GN_JOINTAB_BEST,
                                                [GN_JOIN_DUP_ALL] = GN_JOINTAB_ALL};
    gn_jointab_options o = {.mode = j->spec.pairs ? mode[j->o.dup] : GN_JOINTAB_ONE,
                            .memory = j->o.memory - j->o.memory / 8,
                            .budget = j->o.budget,
                            .better = gn_joiner_better,
                            .ctx = j};
    return (j->tab = gn_jointab_new(&o, e)) ? 0 : -1;
}

/* Right records whose key has a null find no partner: they are kept only where they come out. */
static void leave_out_nulls(gn_joiner *j)
{
    gn_joinside *s = &j->right;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->null[i];
    j->stats.right_null += n;
    if (!n || j->spec.keeps_right)
        return;
    n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!s->null[i]) {
            s->key_of[n] = s->keys[i];
            s->body_of[n] = s->body_of[i];
            s->record_of[n] = s->record_of[i];
            s->null_of[n++] = 0;
        }
    s->keys = s->key_of;
    s->null = s->null_of;
    s->n = n;
}

static int add_batch(gn_joiner *j, gn_err *e)
{
    gn_joinside *s = &j->right;
    size_t at = 0;
    leave_out_nulls(j);
    gn_jointab_rows rows = {s->keys, s->body_of, s->record_of, s->null, s->n};
    switch (gn_jointab_add(j->tab, &rows, &at, e)) {
    case GN_JOINTAB_ADDED:
        return 0;
    case GN_JOINTAB_REPEATED:
        return gn_joiner_repeated(j, e);
    case GN_JOINTAB_FULL:
        return gn_fail(e, GN_IO,
                       "'%s': out of memory: the right side does not fit (give more with "
                       "-m/--memory)",
                       gn_reader_name(s->r));
    default:
        return -1;
    }
}

static int build(gn_joiner *j, gn_err *e)
{
    gn_batch *b;
    int ev;
    if (new_table(j, e))
        return -1;
    while ((ev = gn_joiner_next(&j->right, &b, e)) != GN_EV_EOF)
        if (ev < 0 || (ev == GN_EV_BATCH && add_batch(j, e)))
            return -1;
    gn_unite_end(&j->right.in);
    return 0;
}

/* ---- the left streams by ---- */

/* A key has found its partner for the first time. */
static inline void note_match(gn_joiner *j, gn_joinrow *r)
{
    if (r->nkey & GN_JOINTAB_MATCHED)
        return;
    r->nkey |= GN_JOINTAB_MATCHED;
    for (; r; r = gn_jointab_more(j->tab, r))
        j->stats.right_matched++;
}

static int put_matched(gn_joiner *j, gn_str left, gn_joinrow *r, gn_err *e)
{
    if (j->o.type == GN_JOIN_SEMI)
        return gn_joinout_semi(&j->out, left, e);
    if (j->o.type == GN_JOIN_ANTI)
        return 0;
    for (; r; r = gn_jointab_more(j->tab, r))
        if (gn_joinout_pair(&j->out, left, gn_joinrow_body(r), e))
            return -1;
    return 0;
}

/* Left records that come out as they are. */
static int select_batch(gn_joiner *j, const gn_batch *b, gn_joinrow *const *row, gn_err *e)
{
    uint8_t keep[GN_BATCH];
    bool semi = j->o.type == GN_JOIN_SEMI;
    for (size_t i = 0; i < b->n; i++)
        keep[i] = (row[i] != NULL) == semi;
    return gn_writer_select(j->w, b, keep, e);
}

static int probe_batch(gn_joiner *j, const gn_batch *b, gn_err *e)
{
    gn_joinside *s = &j->left;
    gn_joinrow *row[GN_BATCH];
    uint64_t matched = 0, null = 0;
    gn_jointab_find(j->tab, s->keys, s->null, s->n, row);
    for (size_t i = 0; i < s->n; i++) {
        null += s->null[i] != 0;
        if (row[i]) {
            matched++;
            note_match(j, row[i]);
        }
        if (j->spec.same)
            continue;
        if (row[i] ? put_matched(j, s->body_of[i], row[i], e)
                   : j->spec.keeps_left && gn_joinout_left(&j->out, s->body_of[i], e))
            return -1;
    }
    j->stats.left_matched += matched;
    j->stats.left_null += null;
    j->stats.left_unmatched += s->n - matched - null;
    return j->spec.same ? select_batch(j, b, row, e) : 0;
}

/* The right records that nobody asked for. */
static int put_rest(gn_joiner *j, gn_err *e)
{
    for (gn_joinrow *r = NULL; (r = gn_jointab_next(j->tab, r));) {
        if (r->nkey & GN_JOINTAB_MATCHED)
            continue;
        for (const gn_joinrow *m = r; m; m = gn_jointab_more(j->tab, m))
            if (gn_joinout_right(&j->out, gn_joinrow_key(r), gn_joinrow_body(m), e))
                return -1;
    }
    return 0;
}

/* A left segment begins: with one of its own, or, where right records come behind all of them, the
 * first with that of all. */
static int begin_segment(gn_joiner *j, bool first, gn_err *e)
{
    const gn_header *h = gn_reader_header(j->left.r);
    if (!j->spec.keeps_right || first)
        return gn_joiner_begin(j, h, !j->spec.keeps_right, e);
    if (!j->claims_part || gn_unite_holds(&j->left.in, h))
        return 0;
    return gn_fail(e, GN_INPUT,
                   "'%s': placed unlike the segment before, whose records were written already",
                   gn_reader_name(j->left.r));
}

static int end_segment(gn_joiner *j, gn_err *e)
{
    if (gn_recout_end(&j->out.out, e))
        return -1;
    return j->spec.keeps_right ? 0 : gn_joiner_end(j, &gn_reader_trailer(j->left.r)->lineage, e);
}

static int probe(gn_joiner *j, gn_err *e)
{
    gn_batch *b;
    int ev;
    if (begin_segment(j, true, e))
        return -1;
    while ((ev = gn_joiner_next(&j->left, &b, e)) != GN_EV_EOF)
        if (ev < 0 || (ev == GN_EV_SEGMENT && begin_segment(j, false, e)) ||
            (ev == GN_EV_BATCH && probe_batch(j, b, e)) || (ev == GN_EV_END && end_segment(j, e)))
            return -1;
    j->stats.right_dropped += gn_jointab_dropped(j->tab);
    j->stats.right_unmatched = gn_jointab_count(j->tab) - j->stats.right_matched;
    if (!j->spec.keeps_right)
        return 0;
    j->stats.right_unmatched -= j->stats.right_null;
    return put_rest(j, e) || gn_recout_end(&j->out.out, e) || gn_joiner_end(j, NULL, e) ? -1 : 0;
}

int gn_joiner_hash(gn_joiner *j, gn_err *e)
{
    if (build(j, e) || gn_joiner_open(j, &j->left, e) ||
        (!j->left.ready && gn_joinspec_left(j, e)) || gn_joinout_init(&j->out, &j->spec, j->w, e))
        return -1;
    return probe(j, e);
}
