/* joinerhash.c - the table of the right side, what the left finds in it, and the broadcast join:
 * the left streams by. */
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

int gn_joiner_add(gn_joiner *j, const gn_jointab_rows *rows, size_t *at, gn_err *e)
{
    int r = gn_jointab_add(j->tab, rows, at, e);
    return r == GN_JOINTAB_REPEATED ? gn_joiner_repeated(j, e) : r;
}

/* Right records whose key has a null find no partner: they are kept only where they come out. */
static void leave_out_nulls(gn_joiner *j)
{
    gn_joinside *s = &j->right;
    gn_jointab_rows *r = &s->rows;
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->null[i] != 0;
    j->stats.right_null += n;
    if (!n || j->spec.keeps_right)
        return;
    for (size_t i = 0; i < r->n; i++)
        if (!r->null[i]) {
            s->key_of[kept] = r->key[i];
            s->body_of[kept] = s->body_of[i];
            s->record_of[kept] = s->record_of[i];
            s->null_of[kept++] = 0;
        }
    r->key = s->key_of;
    r->null = s->null_of;
    r->n = kept;
}

static int too_large(const gn_joiner *j, gn_err *e)
{
    return gn_fail(
        e, GN_IO,
        "'%s': out of memory: the right side does not fit (give more with -m/--memory, or "
        "--strategy grace)",
        gn_reader_name(j->right.r));
}

/* The next batch of the right, without what is of no use. 0 at the end. */
int gn_joiner_next_right(gn_joiner *j, gn_err *e)
{
    gn_batch *b;
    for (;;) {
        int ev = gn_joiner_next(&j->right, &b, e);
        if (ev == GN_EV_BATCH)
            leave_out_nulls(j);
        if (ev < 0 || ev == GN_EV_EOF || ev == GN_EV_BATCH)
            return ev < 0 ? -1 : ev == GN_EV_BATCH;
    }
}

/* The right into the table. 1: it does not fit, from row *at of the batch on. */
static int build(gn_joiner *j, size_t *at, gn_err *e)
{
    int more;
    while ((more = gn_joiner_next_right(j, e)) == 1) {
        *at = 0;
        int r = gn_joiner_add(j, &j->right.rows, at, e);
        if (r == GN_JOINTAB_FULL && j->o.strategy == GN_JOIN_BROADCAST)
            return too_large(j, e);
        if (r)
            return r == GN_JOINTAB_FULL ? 1 : -1;
    }
    gn_unite_end(&j->right.in);
    return more;
}

/* ---- what the left finds ---- */

/* A key has found its partner for the first time. */
static void note_match(gn_joiner *j, gn_joinrow *r)
{
    r->nkey |= GN_JOINTAB_MATCHED;
    for (; r; r = gn_jointab_more(j->tab, r))
        j->tab_matched++;
}

static inline int put_matched(gn_joiner *j, gn_str left, const gn_joinrow *r, gn_err *e)
{
    if (!j->spec.pairs)
        return j->o.type == GN_JOIN_SEMI ? gn_joinout_semi(&j->out, left, e) : 0;
    for (; r; r = gn_jointab_more(j->tab, r))
        if (gn_joinout_pair(&j->out, left, gn_joinrow_body(r), e))
            return -1;
    return 0;
}

/* At most one partner each, and nothing but bodies to write. */
static int put_simple(gn_joiner *j, const gn_str *body, size_t n, gn_joinrow *const *row, gn_err *e)
{
    gn_str left[GN_JOINTAB_GROUP], right[GN_JOINTAB_GROUP];
    const gn_str nulls = {j->out.right_nulls.p, (uint32_t)j->out.right_nulls.n};
    const bool keeps_left = j->spec.keeps_left;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        left[k] = body[i];
        right[k] = row[i] ? gn_joinrow_body(row[i]) : nulls;
        k += row[i] || keeps_left;
    }
    return gn_joinout_pairs(&j->out, left, right, k, e);
}

static int put_group(gn_joiner *j, const gn_str *body, size_t n, gn_joinrow *const *row, gn_err *e)
{
    if (j->out.simple && j->spec.pairs && j->o.dup != GN_JOIN_DUP_ALL)
        return put_simple(j, body, n, row, e);
    for (size_t i = 0; i < n; i++) {
        if (!row[i]) {
            if (j->spec.keeps_left && gn_joinout_left(&j->out, body[i], e))
                return -1;
        } else if (put_matched(j, body[i], row[i], e)) {
            return -1;
        }
    }
    return 0;
}

/* The same where the right comes in several tables: unmatched so far is not unmatched. */
static int put_seen(gn_joiner *j, const gn_jointab_rows *r, gn_joinrow *const *row,
                    const gn_joinseen *seen, gn_err *e)
{
    for (size_t i = 0; i < r->n; i++) {
        uint64_t at = seen->at + i, bit = UINT64_C(1) << (at & 63), *word = &seen->bit[at >> 6];
        bool before = *word & bit;
        if (row[i])
            *word |= bit;
        if (row[i] && put_matched(j, r->body[i], row[i], e))
            return -1;
        j->stats.left_matched += row[i] && !before;
        if (!seen->last || row[i] || before)
            continue;
        j->stats.left_null += r->null[i];
        j->stats.left_unmatched += !r->null[i];
        if (j->spec.keeps_left && gn_joinout_left(&j->out, r->body[i], e))
            return -1;
    }
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

/* Group `g` of the rows. */
static inline size_t group_of(const gn_jointab_rows *r, size_t g, size_t *from)
{
    *from = g * GN_JOINTAB_GROUP;
    if (*from >= r->n) {
        *from = 0;
        return 0;
    }
    size_t n = r->n - *from;
    return n < GN_JOINTAB_GROUP ? n : GN_JOINTAB_GROUP;
}

int gn_joiner_probe(gn_joiner *j, const gn_jointab_rows *r, const gn_batch *b,
                    const gn_joinseen *seen, gn_err *e)
{
    const gn_jointab *t = j->tab;
    gn_joinrow *row[GN_BATCH];
    uint32_t hash[GN_BATCH];
    uint64_t matched = 0, null = 0;
    size_t i, n = group_of(r, 0, &i);
    bool select = j->spec.same && b, write = !select && !seen;
    gn_jointab_look(t, r->key, n, hash);
    gn_jointab_fetch(t, hash, n);
    n = group_of(r, 1, &i);
    gn_jointab_look(t, r->key + i, n, hash + i);
    for (size_t g = 0; g * GN_JOINTAB_GROUP < r->n; g++) {
        n = group_of(r, g + 2, &i);
        gn_jointab_look(t, r->key + i, n, hash + i);
        n = group_of(r, g + 1, &i);
        gn_jointab_fetch(t, hash + i, n);
        n = group_of(r, g, &i);
        gn_jointab_find(t, r->key + i, r->null + i, hash + i, n, row + i);
        for (size_t k = i; k < i + n; k++) {
            matched += row[k] != NULL;
            null += r->null[k] != 0;
            if (row[k] && !(row[k]->nkey & GN_JOINTAB_MATCHED))
                note_match(j, row[k]);
        }
        if (write && put_group(j, r->body + i, n, row + i, e))
            return -1;
    }
    if (seen)
        return put_seen(j, r, row, seen, e);
    j->stats.left_matched += matched;
    j->stats.left_null += null;
    j->stats.left_unmatched += r->n - matched - null;
    return select ? select_batch(j, b, row, e) : 0;
}

int gn_joiner_rest(gn_joiner *j, gn_err *e)
{
    uint64_t null = 0;
    for (gn_joinrow *r = NULL; j->spec.keeps_right && (r = gn_jointab_next(j->tab, r));) {
        null += (r->nkey & GN_JOINTAB_NULL) != 0;
        if (r->nkey & GN_JOINTAB_MATCHED)
            continue;
        for (const gn_joinrow *m = r; m; m = gn_jointab_more(j->tab, m))
            if (gn_joinout_right(&j->out, gn_joinrow_key(r), gn_joinrow_body(m), e))
                return -1;
    }
    j->stats.right_matched += j->tab_matched;
    j->stats.right_unmatched += gn_jointab_count(j->tab) - j->tab_matched - null;
    j->stats.right_dropped += gn_jointab_dropped(j->tab);
    j->tab_matched = 0;
    return 0;
}

/* ---- broadcast ---- */

/* A left segment begins: with one of its own, or, where right records come behind all of them, the
 * first with that of all. */
static int begin_segment(gn_joiner *j, bool first, gn_err *e)
{
    const gn_header *h = gn_reader_header(j->left.r);
    if (!j->spec.keeps_right)
        return gn_joinspec_parts(j, h, e) || gn_joiner_begin(j, h, true, e) ? -1 : 0;
    if (first)
        return gn_joiner_begin(j, h, false, e);
    if (gn_joinspec_within(j, h))
        return 0;
    return gn_fail(e, GN_INPUT,
                   "'%s': placed unlike the segment before, whose records were written already "
                   "(give --strategy grace)",
                   gn_reader_name(j->left.r));
}

static int end_segment(gn_joiner *j, gn_err *e)
{
    if (gn_recout_end(&j->out.out, e))
        return -1;
    return j->spec.keeps_right ? 0 : gn_joiner_end(j, &gn_reader_trailer(j->left.r)->lineage, e);
}

static int stream_left(gn_joiner *j, gn_err *e)
{
    gn_batch *b;
    int ev;
    if (begin_segment(j, true, e))
        return -1;
    while ((ev = gn_joiner_next(&j->left, &b, e)) != GN_EV_EOF)
        if (ev < 0 || (ev == GN_EV_SEGMENT && begin_segment(j, false, e)) ||
            (ev == GN_EV_BATCH && gn_joiner_probe(j, &j->left.rows, b, NULL, e)) ||
            (ev == GN_EV_END && end_segment(j, e)))
            return -1;
    gn_unite_end(&j->left.in);
    if (gn_joiner_rest(j, e) || !j->spec.keeps_right)
        return j->spec.keeps_right ? -1 : 0;
    return gn_joinspec_parts(j, &j->left.in.h, e) || gn_recout_end(&j->out.out, e) ||
                   gn_joiner_end(j, NULL, e)
               ? -1
               : 0;
}

int gn_joiner_hash(gn_joiner *j, gn_err *e)
{
    size_t at = 0;
    if (new_table(j, e))
        return -1;
    int more = j->o.strategy == GN_JOIN_GRACE ? gn_joiner_next_right(j, e) : build(j, &at, e);
    if (more < 0)
        return -1;
    if (more || j->o.strategy == GN_JOIN_GRACE)
        return gn_joiner_grace(j, at, e);
    return gn_joiner_open(j, &j->left, e) || (!j->left.ready && gn_joinspec_left(j, e)) ||
                   gn_joinout_init(&j->out, &j->spec, j->w, e) || stream_left(j, e)
               ? -1
               : 0;
}
