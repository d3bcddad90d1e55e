/* joinerclaims.c - what the output claims: order, placement, what it was made from; see
 * joinerpriv.h.
 */
#include "joinerpriv.h"

#include <stdlib.h>
#include <string.h>

/* ---- the header ---- */

/* Are both sides placed by the same fields, all of them in the key? */
static bool placed_alike(const gn_joinspec *s, const gn_part *l, const gn_part *r)
{
    if (!l->nkeys || l->nkeys != r->nkeys)
        return false;
    for (size_t i = 0; i < l->nkeys; i++) {
        int k = gn_joinspec_key(s, l->key[i]);
        if (k < 0 || strcmp(s->key[k].right, r->key[i]) != 0)
            return false;
    }
    return true;
}

/* Is what b may hold in a? Hashes that were moved by salts of other ranges are not the same, which
 * does not matter where a holds all there are. */
static bool holds(const gn_part *a, const gn_part *b)
{
    bool all = a->lo == 0 && a->hi == UINT64_MAX;
    return all || (a->salted == b->salted && a->lo <= b->lo && b->hi <= a->hi);
}

bool gn_joinspec_within(const gn_joiner *j, const gn_header *left)
{
    const gn_part *r = &j->right.in.h.part;
    return !j->claims_part || j->o.type == GN_JOIN_RIGHT ||
           (placed_alike(&j->spec, &left->part, r) && holds(r, &left->part));
}

int gn_joinspec_parts(const gn_joiner *j, const gn_header *left, gn_err *e)
{
    const gn_part *l = &left->part, *r = &j->right.in.h.part;
    if (!placed_alike(&j->spec, l, r))
        return 0;
    bool whole_left = j->o.type == GN_JOIN_RIGHT || holds(r, l);
    bool whole_right = !j->spec.keeps_right || holds(l, r);
    return whole_left && whole_right
               ? 0
               : gn_fail(e, GN_INPUT,
                         "'%s' and '%s': parts of different ranges: partners may be in other parts "
                         "(join those of the same number, or all of them)",
                         gn_reader_name(j->left.r), gn_reader_name(j->right.r));
}

/* Where right records come out too, all keys are keys of the right, or, in full joins, of the left:
 * they lie where the right does. */
static void place(const gn_joiner *j, const gn_header *left, gn_header *h)
{
    const gn_part *r = &j->right.in.h.part;
    if (!placed_alike(&j->spec, &left->part, r) ||
        (j->o.type == GN_JOIN_FULL && !holds(r, &left->part))) {
        gn_header_drop_part(h);
        return;
    }
    h->part.lo = r->lo;
    h->part.hi = r->hi;
    h->part.salted = r->salted;
}

static int header(const gn_joiner *j, const gn_header *left, bool ordered, gn_header *h, gn_err *e)
{
    const gn_joinspec *s = &j->spec;
    gn_column *c = gn_calloc(s->ncolumns, sizeof *c, e);
    if (!c || gn_header_copy(h, left, e)) {
        free(c);
        return -1;
    }
    for (size_t i = 0; i < s->ncolumns; i++)
        c[i] = (gn_column){s->column[i].from == GN_FROM_LEFT ? s->column[i].field : -1,
                           s->column[i].name, s->column[i].type};
    /* Unmatched right records stand among the others by their key alone. */
    if (s->keeps_right && ordered && h->norder > s->nkeys) {
        for (size_t i = s->nkeys; i < h->norder; i++)
            free(h->order[i].field);
        h->norder = s->nkeys;
    }
    if (s->keeps_right || (s->pairs && j->o.dup == GN_JOIN_DUP_ALL))
        h->total = false;
    if (!ordered)
        gn_header_drop_order(h);
    if (s->keeps_right)
        place(j, left, h);
    int r = gn_header_map(h, c, s->ncolumns, e);
    free(c);
    return r;
}

int gn_joiner_begin(gn_joiner *j, const gn_header *left, bool ordered, gn_err *e)
{
    gn_header h = {0};
    int r = header(j, left, ordered, &h, e) || j->o.begin(j->o.ctx, &h, e) ? -1 : 0;
    j->claims_part = h.part.nkeys > 0;
    gn_header_release(&h);
    return r;
}

/* ---- the trailer ---- */

/* The other side's sources and covers say nothing about what these records account for. */
static void keep_nodes(gn_lineage *l)
{
    l->nsources = l->ncover = 0;
    l->covered = true;
}

/* What these records were made by: their roots, at the edge the sources themselves. */
static int add_roots(gn_buf *ids, const gn_id *root, size_t n, const gn_lineage *l, gn_err *e)
{
    size_t all = n ? n : l->nsources;
    for (size_t i = 0; i < all; i++) {
        const gn_id *id = n ? &root[i] : &l->source[i].id;
        bool known = false;
        for (size_t k = 0; k < ids->n; k += sizeof id->b)
            known |= memcmp(ids->p + k, id->b, sizeof id->b) == 0;
        if (!known && gn_buf_add(ids, id->b, sizeof id->b, e))
            return -1;
    }
    return 0;
}

static int all_roots(const gn_joiner *j, const gn_lineage *left, gn_buf *ids, gn_err *e)
{
    const gn_joinside *l = &j->left, *r = &j->right;
    int done = left ? add_roots(ids, &left->root, left->has_root, left, e)
                    : add_roots(ids, l->roots, l->nroots, &l->lineage, e);
    return done || add_roots(ids, r->roots, r->nroots, &r->lineage, e) ? -1 : 0;
}

int gn_joiner_end(gn_joiner *j, const gn_lineage *left, gn_err *e)
{
    gn_lineage l = {0}, r = {0};
    gn_buf ids = {0};
    bool keeps_left = j->o.type != GN_JOIN_RIGHT, keeps_right = j->spec.keeps_right;
    int done = -1;
    if (all_roots(j, left, &ids, e) || gn_lineage_copy(&l, left ? left : &j->left.lineage, e) ||
        gn_lineage_copy(&r, &j->right.lineage, e))
        goto end;
    if (!keeps_left)
        keep_nodes(&l);
    if (!keeps_right)
        keep_nodes(&r);
    bool doubled = (keeps_left && !left && j->left.doubled) || (keeps_right && j->right.doubled) ||
                   gn_lineage_overlaps(&l, &r);
    l.has_root = false;
    if (gn_lineage_merge(&l, &r, e))
        goto end;
    if (doubled)
        gn_lineage_drop_cover(&l);
    done = j->o.end(j->o.ctx, &l, (const gn_id *)ids.p, ids.n / sizeof(gn_id), e);
end:
    gn_lineage_release(&l);
    gn_lineage_release(&r);
    gn_buf_release(&ids);
    return done;
}
