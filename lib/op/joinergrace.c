/* joinergrace.c - the grace hash join: both sides are split by hash onto disk, and joined part by
 * part; a part whose right side does not fit in memory is split further.
 *
 * What splitting does not make smaller is a key with too many right rows, which all must be held at
 * once only with --right-dup all: then the right side of the part comes in blocks, and the left
 * side is read again for each, with a bit for each left row that has found a partner. */
#include "joinerpriv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_BITS 32 /* of which parts are made; the table uses the others */
#define LEVELS_MAX 8
#define STUBBORN(part, all) ((part) / 3 > (all) / 4) /* more than 3/4 of what was split */

/* Both sides of what was split at one level, and how far their parts have been joined. */
typedef struct frame {
    gn_joinspool left, right;
    size_t at; /* the next part */
} frame;

typedef struct grace {
    gn_joiner *j;
    gn_tmp *left, *right;
    unsigned bits, levels_max;
    frame frame[LEVELS_MAX];
    unsigned depth;
    gn_joinscan scan, left_scan;
} grace;

static bool many(const gn_joiner *j)
{
    return j->spec.pairs && j->o.dup == GN_JOIN_DUP_ALL;
}

/* ---- splitting ---- */

static int put_rows(gn_joinspool *s, const gn_jointab_rows *r, size_t from, gn_err *e)
{
    for (size_t i = from; i < r->n; i++) {
        gn_joinrow_out row = {r->key[i], r->body[i], {NULL, 0}, r->null[i]};
        if (s->records)
            row.record = r->record[i];
        if (gn_joinspool_put(s, &row, e))
            return -1;
    }
    return 0;
}

/* What is in the table goes to disk. */
static int put_table(grace *g, gn_joinspool *s, gn_err *e)
{
    gn_joiner *j = g->j;
    for (gn_joinrow *r = NULL; (r = gn_jointab_next(j->tab, r));)
        for (const gn_joinrow *m = r; m; m = gn_jointab_more(j->tab, m)) {
            gn_joinrow_out row = {
                gn_joinrow_key(r), gn_joinrow_body(m), {NULL, 0}, (r->nkey & GN_JOINTAB_NULL) != 0};
            if (s->records)
                row.record = gn_joinrow_record(m);
            if (gn_joinspool_put(s, &row, e))
                return -1;
        }
    j->stats.right_dropped += gn_jointab_dropped(j->tab);
    gn_jointab_clear(j->tab);
    return 0;
}

static int spool(grace *g, gn_joinspool *s, bool right, gn_err *e)
{
    if (g->depth + 1 > g->j->stats.levels)
        g->j->stats.levels = g->depth + 1;
    return gn_joinspool_init(s, right ? g->right : g->left, g->j->o.budget, g->bits, g->depth,
                             right && g->j->right.records, e);
}

/* The right: what is in the table, the rest of the batch, the rest of the stream. */
static int split_right(grace *g, size_t at, gn_err *e)
{
    gn_joiner *j = g->j;
    gn_joinspool *s = &g->frame[0].right;
    int more;
    if (spool(g, s, true, e) || put_table(g, s, e) || put_rows(s, &j->right.rows, at, e))
        return -1;
    while ((more = gn_joiner_next_right(j, e)) == 1)
        if (put_rows(s, &j->right.rows, 0, e))
            return -1;
    if (more)
        return -1;
    gn_unite_end(&j->right.in);
    return gn_joinspool_finish(s, e);
}

/* Left rows that will come out only as half of a pair need not be written where the right has
 * nothing for them. */
static int split_batch(grace *g, const gn_jointab_rows *r, gn_err *e)
{
    gn_joiner *j = g->j;
    gn_joinspool *s = &g->frame[0].left;
    const gn_joinpart *right = g->frame[0].right.part;
    static const uint8_t none;
    for (size_t i = 0; i < r->n; i++) {
        gn_joinrow_out row = {r->key[i], r->body[i], {NULL, 0}, r->null[i]};
        if (row.null)
            row.key = (gn_str){&none, 0};
        bool alone = row.null || !right[gn_joinspool_part(s, row.key)].rows;
        if (alone && !j->spec.keeps_left) {
            j->stats.left_null += row.null;
            j->stats.left_unmatched += !row.null;
        } else if (gn_joinspool_put(s, &row, e)) {
            return -1;
        }
    }
    return 0;
}

static int split_left(grace *g, gn_err *e)
{
    gn_joiner *j = g->j;
    gn_batch *b;
    int ev;
    if (spool(g, &g->frame[0].left, false, e))
        return -1;
    while ((ev = gn_joiner_next(&j->left, &b, e)) != GN_EV_EOF)
        if (ev < 0 || (ev == GN_EV_BATCH && split_batch(g, &j->left.rows, e)))
            return -1;
    gn_unite_end(&j->left.in);
    return gn_joinspool_finish(&g->frame[0].left, e);
}

/* A part into parts: its right rows in the table, the rest of the scan, and its left rows. */
static int split_part(grace *g, size_t at, gn_err *e)
{
    frame *from = &g->frame[g->depth], *to = from + 1;
    int more;
    *to = (frame){0};
    g->depth++;
    if (spool(g, &to->right, true, e) || put_table(g, &to->right, e) ||
        put_rows(&to->right, &g->scan.rows, at, e))
        return -1;
    while ((more = gn_joinscan_next(&g->scan, e)) == 1)
        if (put_rows(&to->right, &g->scan.rows, 0, e))
            return -1;
    if (more || gn_joinspool_finish(&to->right, e) || spool(g, &to->left, false, e))
        return -1;
    gn_joinscan_begin(&g->scan, &from->left, from->at);
    while ((more = gn_joinscan_next(&g->scan, e)) == 1)
        if (put_rows(&to->left, &g->scan.rows, 0, e))
            return -1;
    return more || gn_joinspool_finish(&to->left, e) ? -1 : 0;
}

/* ---- joining a part ---- */

/* Right rows whose key has a null have no partner: they come out at once, and need no memory. */
static int put_nulls(grace *g, gn_err *e)
{
    gn_joinscan *c = &g->scan;
    size_t kept = 0;
    for (size_t i = 0; i < c->rows.n; i++) {
        if (c->null[i]) {
            if (gn_joinout_right(&g->j->out, c->key[i], c->body[i], e))
                return -1;
            continue;
        }
        c->key[kept] = c->key[i];
        c->body[kept] = c->body[i];
        c->record[kept] = c->record[i];
        c->null[kept++] = 0;
    }
    c->rows.n = kept;
    return 0;
}

/* Right rows of the scan into the table. 1: it is full, from row *at of the batch on. */
static int load(grace *g, size_t *at, gn_err *e)
{
    for (;;) {
        int r = gn_joiner_add(g->j, &g->scan.rows, at, e);
        if (r)
            return r == GN_JOINTAB_FULL ? 1 : -1;
        int more = gn_joinscan_next(&g->scan, e);
        if (more != 1)
            return more;
        if (put_nulls(g, e))
            return -1;
        *at = 0;
    }
}

static int probe_part(grace *g, gn_joinseen *seen, gn_err *e)
{
    frame *f = &g->frame[g->depth];
    int more;
    gn_joinscan_begin(&g->left_scan, &f->left, f->at);
    if (seen)
        seen->at = 0;
    while ((more = gn_joinscan_next(&g->left_scan, e)) == 1) {
        if (gn_joiner_probe(g->j, &g->left_scan.rows, NULL, seen, e))
            return -1;
        if (seen)
            seen->at += g->left_scan.rows.n;
    }
    return more || gn_joiner_rest(g->j, e) ? -1 : 0;
}

static int one_row(const grace *g, gn_err *e)
{
    return gn_fail(e, GN_IO,
                   "'%s': out of memory: what must be held together does not fit (give more with "
                   "-m/--memory)",
                   gn_reader_name(g->j->right.r));
}

/* The right in blocks, the left again for each. The first block is in the table. */
static int join_blocks(grace *g, size_t at, gn_err *e)
{
    const frame *f = &g->frame[g->depth];
    size_t words = (size_t)(f->left.part[f->at].rows / 64 + 1), bytes = words * sizeof(uint64_t);
    gn_joinseen seen = {.bit = gn_map(bytes, g->j->o.budget, e)};
    int more = 1;
    if (!seen.bit)
        return -1;
    while (more == 1) {
        if (probe_part(g, &seen, e))
            break;
        gn_jointab_clear(g->j->tab);
        size_t before = at;
        more = load(g, &at, e);
        if (more == 1 && at == before && !gn_jointab_count(g->j->tab))
            more = one_row(g, e);
        seen.last = more == 0;
    }
    int r = more ? -1 : probe_part(g, &seen, e);
    gn_unmap(seen.bit, bytes, g->j->o.budget);
    return r;
}

/* 1: it was split. */
static int join_part(grace *g, gn_err *e)
{
    gn_joiner *j = g->j;
    frame *f = &g->frame[g->depth];
    size_t at = 0;
    gn_jointab_clear(j->tab);
    gn_joinscan_begin(&g->scan, &f->right, f->at);
    int full = load(g, &at, e);
    if (full < 0)
        return -1;
    j->stats.partitions += !full;
    if (!full)
        return probe_part(g, NULL, e);
    bool stubborn = many(j) && STUBBORN(f->right.part[f->at].bytes, f->right.bytes);
    if (!stubborn && g->depth + 1 < g->levels_max)
        return split_part(g, at, e) ? -1 : 1;
    if (!many(j) || !gn_jointab_count(j->tab))
        return one_row(g, e);
    j->stats.partitions++;
    return join_blocks(g, at, e);
}

static int join_all(grace *g, gn_err *e)
{
    for (;;) {
        frame *f = &g->frame[g->depth];
        if (f->at < f->right.nparts) {
            int r = f->left.part[f->at].rows || f->right.part[f->at].rows ? join_part(g, e) : 0;
            if (r < 0)
                return -1;
            gn_joinspool_drop(&f->left, f->at);
            gn_joinspool_drop(&f->right, f->at);
            f->at++;
            continue;
        }
        gn_joinspool_release(&f->left);
        gn_joinspool_release(&f->right);
        if (!g->depth)
            return 0;
        g->depth--;
    }
}

static int run(grace *g, size_t at, gn_err *e)
{
    gn_joiner *j = g->j;
    g->bits = j->o.memory < (size_t)64 << 20 ? 4 : 6;
    g->levels_max = HASH_BITS / g->bits;
    if (!(g->left = gn_tmp_new(j->o.dir, e)) || !(g->right = gn_tmp_new(j->o.dir, e)) ||
        split_right(g, at, e) || gn_joiner_open(j, &j->left, e) ||
        (!j->left.ready && gn_joinspec_left(j, e)) || split_left(g, e) ||
        gn_joinspec_parts(j, &j->left.in.h, e) || gn_joinout_init(&j->out, &j->spec, j->w, e) ||
        gn_joiner_begin(j, &j->left.in.h, false, e) || join_all(g, e))
        return -1;
    return gn_recout_end(&j->out.out, e) || gn_joiner_end(j, NULL, e) ? -1 : 0;
}

int gn_joiner_grace(gn_joiner *j, size_t at, gn_err *e)
{
    grace *g = gn_calloc(1, sizeof *g, e);
    if (!g)
        return -1;
    g->j = j;
    j->stats.strategy = "grace";
    if (j->o.strategy == GN_JOIN_AUTO)
        snprintf(j->stats.reason, sizeof j->stats.reason,
                 "the right side does not fit in memory: it was full after %llu records",
                 (unsigned long long)(gn_jointab_count(j->tab) + gn_jointab_dropped(j->tab)));
    int r = run(g, at, e);
    for (unsigned i = 0; i < LEVELS_MAX; i++) {
        gn_joinspool_release(&g->frame[i].left);
        gn_joinspool_release(&g->frame[i].right);
    }
    j->stats.spilled +=
        (g->left ? gn_tmp_size(g->left) : 0) + (g->right ? gn_tmp_size(g->right) : 0);
    gn_joinscan_release(&g->scan);
    gn_joinscan_release(&g->left_scan);
    gn_tmp_free(g->left);
    gn_tmp_free(g->right);
    free(g);
    return r;
}
