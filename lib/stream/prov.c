/* prov.c - see prov.h. Every list is kept sorted by bytes and free of doubles, so that a union
 * comes out the same in any order. */
#include "prov.h"

#include "../base/num.h"
#include "../io/mpobj.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MAX 65536 /* elements a trailer may announce */

int gn_id_cmp(gn_id a, gn_id b)
{
    return memcmp(a.b, b.b, sizeof a.b);
}

void gn_id_hex(gn_id id, char out[33])
{
    static const char digit[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        out[2 * i] = digit[id.b[i] >> 4];
        out[2 * i + 1] = digit[id.b[i] & 15];
    }
    out[32] = 0;
}

static void node_release(gn_node *n)
{
    free(n->command);
    free(n->version);
    free(n->options);
    free(n->parent);
}

void gn_lineage_release(gn_lineage *l)
{
    for (size_t i = 0; i < l->nnodes; i++)
        node_release(&l->node[i]);
    free(l->node);
    free(l->source);
    free(l->cover);
    memset(l, 0, sizeof *l);
}

int gn_lineage_copy(gn_lineage *to, const gn_lineage *from, gn_err *e)
{
    gn_lineage l = {.covered = true};
    if (gn_lineage_merge(&l, from, e)) {
        gn_lineage_release(&l);
        return -1;
    }
    l.has_root = from->has_root;
    l.root = from->root;
    *to = l;
    return 0;
}

/* Make room for one element at `at` in a list of n elements of `size` bytes. */
static void *insert_at(void *list, size_t n, size_t at, size_t size, gn_err *e)
{
    char *p = gn_realloc(list, n + 1, size, e);
    if (p)
        memmove(p + (at + 1) * size, p + at * size, (n - at) * size);
    return p;
}

int gn_lineage_add_source(gn_lineage *l, gn_source s, gn_err *e)
{
    size_t at = 0;
    while (at < l->nsources && gn_id_cmp(l->source[at].id, s.id) < 0)
        at++;
    if (at < l->nsources && gn_id_cmp(l->source[at].id, s.id) == 0)
        return 0;
    gn_source *p = insert_at(l->source, l->nsources, at, sizeof *p, e);
    if (!p)
        return -1;
    l->source = p;
    p[at] = s;
    l->nsources++;
    return 0;
}

static int cover_cmp(const gn_cover *a, const gn_cover *b)
{
    int c = gn_id_cmp(a->source, b->source);
    if (c)
        return c;
    if (a->hlo != b->hlo)
        return a->hlo < b->hlo ? -1 : 1;
    if (a->hhi != b->hhi)
        return a->hhi < b->hhi ? -1 : 1;
    if (a->lo != b->lo)
        return a->lo < b->lo ? -1 : 1;
    return a->hi < b->hi ? -1 : a->hi > b->hi;
}

int gn_lineage_add_cover(gn_lineage *l, gn_cover c, gn_err *e)
{
    l->covered = true;
    /* Neighbouring ranges of one source and one hash range are one range. */
    for (size_t i = 0; i < l->ncover; i++) {
        gn_cover *o = &l->cover[i];
        if (gn_id_cmp(o->source, c.source) == 0 && o->hlo == c.hlo && o->hhi == c.hhi &&
            c.lo <= o->hi && o->lo <= c.hi) {
            if (o->lo < c.lo)
                c.lo = o->lo;
            if (o->hi > c.hi)
                c.hi = o->hi;
            memmove(o, o + 1, (l->ncover - i - 1) * sizeof *o);
            l->ncover--;
            i = (size_t)-1; /* it may touch others now */
        }
    }
    /* Likewise neighbouring hash ranges of one range. */
    for (size_t i = 0; i < l->ncover; i++) {
        gn_cover *o = &l->cover[i];
        if (gn_id_cmp(o->source, c.source) == 0 && o->lo == c.lo && o->hi == c.hi &&
            ((o->hhi != UINT64_MAX && o->hhi + 1 == c.hlo) ||
             (c.hhi != UINT64_MAX && c.hhi + 1 == o->hlo))) {
            if (o->hlo < c.hlo)
                c.hlo = o->hlo;
            if (o->hhi > c.hhi)
                c.hhi = o->hhi;
            memmove(o, o + 1, (l->ncover - i - 1) * sizeof *o);
            l->ncover--;
            i = (size_t)-1;
        }
    }
    size_t at = 0;
    while (at < l->ncover && cover_cmp(&l->cover[at], &c) < 0)
        at++;
    gn_cover *p = insert_at(l->cover, l->ncover, at, sizeof *p, e);
    if (!p)
        return -1;
    l->cover = p;
    p[at] = c;
    l->ncover++;
    return 0;
}

void gn_lineage_drop_cover(gn_lineage *l)
{
    l->ncover = 0;
    l->covered = false;
}

/* Over 64 sources become one: its id is the hash of the sorted ids, its size the sum. It is as if
 * they followed each other in that order, so covers move with them. */
static int fold_sources(gn_lineage *l, gn_err *e)
{
    const size_t n = l->nsources, ncover = l->ncover;
    gn_buf ids = {0};
    gn_source one = {.records = l->source[0].records};
    gn_cover *cover = l->cover;
    bool covered = l->covered;
    int r = -1;
    l->cover = NULL;
    l->ncover = 0;
    for (size_t i = 0, k = 0; i < n; i++) {
        const gn_source *s = &l->source[i];
        if (gn_buf_add(&ids, s->id.b, 16, e))
            goto done;
        const uint64_t before = one.size;
        if (__builtin_add_overflow(before, s->size, &one.size)) {
            one.size = UINT64_MAX;
            covered = false;
        }
        /* Both lists are sorted by id; a cover of no source means that nothing is known. */
        for (; k < ncover && gn_id_cmp(cover[k].source, s->id) <= 0; k++) {
            gn_cover c = cover[k];
            covered = covered && gn_id_cmp(c.source, s->id) == 0 && c.hi <= s->size;
            c.source = (gn_id){{0}}; /* until it is known */
            c.lo += before;
            c.hi += before;
            if (covered && gn_lineage_add_cover(l, c, e))
                goto done;
        }
        covered = covered && (i + 1 < n || k == ncover);
    }
    one.id = gn_id_of(ids.p, ids.n);
    for (size_t i = 0; i < l->ncover; i++)
        l->cover[i].source = one.id;
    l->source[0] = one;
    l->nsources = 1;
    if (!covered)
        gn_lineage_drop_cover(l);
    r = 0;
done:
    free(cover);
    gn_buf_release(&ids);
    return r;
}

int gn_lineage_narrow(gn_lineage *l, uint64_t lo, uint64_t hi, gn_err *e)
{
    gn_cover *old = l->cover;
    size_t n = l->ncover;
    int r = 0;
    l->cover = NULL;
    l->ncover = 0;
    for (size_t i = 0; l->covered && r == 0 && i < n; i++) {
        gn_cover c = old[i];
        c.hlo = c.hlo < lo ? lo : c.hlo;
        c.hhi = c.hhi > hi ? hi : c.hhi;
        if (c.hlo <= c.hhi)
            r = gn_lineage_add_cover(l, c, e);
    }
    free(old);
    return r;
}

/* Where a node of this id is, or belongs. */
static size_t node_at(const gn_lineage *l, gn_id id, bool *found)
{
    size_t lo = 0, hi = l->nnodes;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (gn_id_cmp(l->node[mid].id, id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *found = lo < l->nnodes && gn_id_cmp(l->node[lo].id, id) == 0;
    return lo;
}

const gn_node *gn_lineage_find(const gn_lineage *l, gn_id id)
{
    bool found;
    size_t at = node_at(l, id, &found);
    return found ? &l->node[at] : NULL;
}

static int node_insert(gn_lineage *l, const gn_node *n, gn_err *e)
{
    bool found;
    size_t at = node_at(l, n->id, &found);
    if (found)
        return 0;
    gn_node c = {.id = n->id, .nparents = n->nparents};
    c.command = gn_strdup(n->command, e);
    c.version = gn_strdup(n->version, e);
    c.options = gn_strdup(n->options, e);
    c.parent = gn_alloc(n->nparents, sizeof *c.parent, e);
    gn_node *p = NULL;
    if (c.command && c.version && c.options && c.parent)
        p = insert_at(l->node, l->nnodes, at, sizeof *p, e);
    if (!p) {
        node_release(&c);
        return -1;
    }
    if (n->nparents)
        memcpy(c.parent, n->parent, n->nparents * sizeof *c.parent);
    l->node = p;
    p[at] = c;
    l->nnodes++;
    return 0;
}

int gn_lineage_merge(gn_lineage *to, const gn_lineage *from, gn_err *e)
{
    for (size_t i = 0; i < from->nsources; i++)
        if (gn_lineage_add_source(to, from->source[i], e))
            return -1;
    bool covered = to->covered && from->covered;
    for (size_t i = 0; covered && i < from->ncover; i++)
        if (gn_lineage_add_cover(to, from->cover[i], e))
            return -1;
    if (!covered)
        gn_lineage_drop_cover(to);
    for (size_t i = 0; i < from->nnodes; i++)
        if (node_insert(to, &from->node[i], e))
            return -1;
    return 0;
}

bool gn_lineage_overlaps(const gn_lineage *a, const gn_lineage *b)
{
    for (size_t i = 0; i < a->ncover; i++)
        for (size_t j = 0; j < b->ncover; j++) {
            const gn_cover *x = &a->cover[i], *y = &b->cover[j];
            if (gn_id_cmp(x->source, y->source) == 0 && x->lo < x->hi && y->lo < y->hi &&
                x->lo < y->hi && y->lo < x->hi && x->hlo <= y->hhi && y->hlo <= x->hhi)
                return true;
        }
    return false;
}

/* Covers of one source never overlap here, so it is whole when their areas (range times hash
 * range) add up to its own. */
bool gn_lineage_whole(const gn_lineage *l)
{
    if (!l->covered || l->nsources == 0)
        return false;
    for (size_t i = 0; i < l->nsources; i++) {
        gn_u128 area = 0, all = (gn_u128)l->source[i].size << 64;
        for (size_t j = 0; j < l->ncover; j++) {
            const gn_cover *c = &l->cover[j];
            if (gn_id_cmp(c->source, l->source[i].id) == 0)
                area += (gn_u128)(c->hi - c->lo) * ((gn_u128)(c->hhi - c->hlo) + 1);
        }
        if (area != all)
            return false;
    }
    return true;
}

static int id_cmp(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

int gn_lineage_add_node(gn_lineage *l, const char *command, const char *version,
                        const char *options, const gn_id *parents, size_t nparents, gn_err *e)
{
    gn_node n = {.command = (char *)command,
                 .version = (char *)version,
                 .options = (char *)options}; /* borrowed: node_insert copies */
    n.parent = gn_alloc(nparents, sizeof *n.parent, e);
    if (!n.parent)
        return -1;
    if (nparents) {
        memcpy(n.parent, parents, nparents * sizeof *parents);
        qsort(n.parent, nparents, sizeof *parents, id_cmp);
        for (size_t i = 0; i < nparents; i++)
            if (i == 0 || gn_id_cmp(n.parent[n.nparents - 1], n.parent[i]) != 0)
                n.parent[n.nparents++] = n.parent[i];
    }
    /* The id covers the three texts with their final NULs, then the parents. */
    gn_buf b = {0};
    int r = gn_buf_add(&b, command, strlen(command) + 1, e);
    if (r == 0)
        r = gn_buf_add(&b, version, strlen(version) + 1, e);
    if (r == 0)
        r = gn_buf_add(&b, options, strlen(options) + 1, e);
    if (r == 0)
        r = gn_buf_add(&b, n.parent, n.nparents * sizeof *n.parent, e);
    if (r == 0) {
        n.id = gn_id_of(b.p, b.n);
        r = node_insert(l, &n, e);
    }
    if (r == 0) {
        l->root = n.id;
        l->has_root = true;
    }
    gn_buf_release(&b);
    free(n.parent);
    return r;
}

/* ---- wire ---- */

static void pack_id(gn_pack *p, gn_id id)
{
    gn_pack_bin(p, id.b, sizeof id.b);
}

static void pack_cover(gn_pack *p, const gn_lineage *l)
{
    gn_pack_str(p, "cover");
    gn_pack_array(p, l->ncover);
    for (size_t i = 0; i < l->ncover; i++) {
        const gn_cover *c = &l->cover[i];
        gn_pack_array(p, 5);
        pack_id(p, c->source);
        gn_pack_uint(p, c->lo);
        gn_pack_uint(p, c->hi);
        gn_pack_uint(p, c->hlo);
        gn_pack_uint(p, c->hhi);
    }
}

static void pack_sources(gn_pack *p, const gn_lineage *l)
{
    gn_pack_str(p, "sources");
    gn_pack_array(p, l->nsources);
    for (size_t i = 0; i < l->nsources; i++) {
        gn_pack_array(p, 3);
        pack_id(p, l->source[i].id);
        gn_pack_uint(p, l->source[i].size);
        gn_pack_str(p, l->source[i].records ? "records" : "bytes");
    }
}

static void pack_prov(gn_pack *p, const gn_lineage *l)
{
    gn_pack_str(p, "prov");
    gn_pack_array(p, 2);
    pack_id(p, l->root);
    gn_pack_array(p, l->nnodes);
    for (size_t i = 0; i < l->nnodes; i++) {
        const gn_node *n = &l->node[i];
        gn_pack_array(p, 5);
        pack_id(p, n->id);
        gn_pack_str(p, n->command);
        gn_pack_str(p, n->version);
        gn_pack_str(p, n->options);
        gn_pack_array(p, n->nparents);
        for (size_t k = 0; k < n->nparents; k++)
            pack_id(p, n->parent[k]);
    }
}

int gn_lineage_encode(const gn_lineage *from, gn_buf *b, size_t *pairs, gn_err *e)
{
    gn_lineage folded = {0};
    const gn_lineage *l = from;
    gn_pack p;
    if (from->nsources > GN_SOURCES_MAX) {
        if (gn_lineage_copy(&folded, from, e) || fold_sources(&folded, e)) {
            gn_lineage_release(&folded);
            return -1;
        }
        l = &folded;
    }
    gn_pack_begin(&p, b, e);
    if (l->covered)
        pack_cover(&p, l);
    if (l->nsources)
        pack_sources(&p, l);
    if (l->has_root)
        pack_prov(&p, l);
    *pairs = (size_t)l->covered + (l->nsources > 0) + l->has_root;
    gn_lineage_release(&folded);
    return gn_pack_end(&p);
}

static bool unpack_id(const msgpack_object *o, gn_id *id)
{
    return gn_obj_bin(o, id->b, sizeof id->b);
}

static const msgpack_object *unpack_list(const msgpack_object *o, size_t *n)
{
    const msgpack_object *v = gn_obj_array(o, n);
    return v && *n <= LIST_MAX ? v : NULL;
}

/* Lists on the wire are sorted and without doubles: appended as they come, or refused. */
static bool unpack_cover(gn_lineage *l, const msgpack_object *o, gn_err *e)
{
    size_t n;
    const msgpack_object *v = unpack_list(o, &n), *t;
    if (!v || l->covered || !(l->cover = gn_alloc(n, sizeof *l->cover, e)))
        return false;
    l->covered = true;
    for (size_t i = 0; i < n; i++) {
        gn_cover c;
        if (!(t = gn_obj_tuple(&v[i], 5)) || !unpack_id(&t[0], &c.source) ||
            !gn_obj_uint(&t[1], &c.lo) || !gn_obj_uint(&t[2], &c.hi) ||
            !gn_obj_uint(&t[3], &c.hlo) || !gn_obj_uint(&t[4], &c.hhi) || c.lo > c.hi ||
            c.hlo > c.hhi || (i && cover_cmp(&l->cover[i - 1], &c) >= 0))
            return false;
        l->cover[l->ncover++] = c;
    }
    return true;
}

static bool unpack_sources(gn_lineage *l, const msgpack_object *o, gn_err *e)
{
    size_t n;
    const msgpack_object *v = unpack_list(o, &n), *t;
    if (!v || l->source || !(l->source = gn_alloc(n, sizeof *l->source, e)))
        return false;
    for (size_t i = 0; i < n; i++) {
        gn_source s;
        if (!(t = gn_obj_tuple(&v[i], 3)) || !unpack_id(&t[0], &s.id) ||
            !gn_obj_uint(&t[1], &s.size))
            return false;
        s.records = gn_obj_is(&t[2], "records");
        if ((!s.records && !gn_obj_is(&t[2], "bytes")) ||
            (i && gn_id_cmp(l->source[i - 1].id, s.id) >= 0))
            return false;
        l->source[l->nsources++] = s;
    }
    return true;
}

static bool unpack_node(gn_lineage *l, const msgpack_object *o, gn_err *e)
{
    gn_node n = {0};
    const msgpack_object *t = gn_obj_tuple(o, 5), *parents;
    bool ok = t && unpack_id(&t[0], &n.id) && (n.command = gn_obj_strdup(&t[1], e)) &&
              (n.version = gn_obj_strdup(&t[2], e)) && (n.options = gn_obj_strdup(&t[3], e)) &&
              (parents = unpack_list(&t[4], &n.nparents)) &&
              (n.parent = gn_alloc(n.nparents, sizeof *n.parent, e));
    for (size_t i = 0; ok && i < n.nparents; i++)
        ok = unpack_id(&parents[i], &n.parent[i]);
    ok = ok && node_insert(l, &n, e) == 0;
    node_release(&n);
    return ok;
}

static bool unpack_prov(gn_lineage *l, const msgpack_object *o, gn_err *e)
{
    size_t n;
    const msgpack_object *t = gn_obj_tuple(o, 2), *v;
    if (!t || l->has_root || !unpack_id(&t[0], &l->root) || !(v = unpack_list(&t[1], &n)))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!unpack_node(l, &v[i], e))
            return false;
    l->has_root = gn_lineage_find(l, l->root) != NULL;
    return l->has_root;
}

const uint8_t *gn_lineage_decode(gn_lineage *l, const char *key, size_t nkey, const uint8_t *p,
                                 const uint8_t *end, gn_err *e)
{
    msgpack_unpacked u;
    const uint8_t *next = gn_unpack(&u, p, end);
    bool ok = true; /* an unknown key is one of a later version */
    if (!next)
        return NULL;
    if (nkey == 5 && memcmp(key, "cover", 5) == 0)
        ok = unpack_cover(l, &u.data, e);
    else if (nkey == 7 && memcmp(key, "sources", 7) == 0)
        ok = unpack_sources(l, &u.data, e);
    else if (nkey == 4 && memcmp(key, "prov", 4) == 0)
        ok = unpack_prov(l, &u.data, e);
    msgpack_unpacked_destroy(&u);
    return ok ? next : NULL;
}
