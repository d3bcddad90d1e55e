/* unite.c - see unite.h. */
#include "unite.h"

#include <stdlib.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_partial(const gn_partial *a, const gn_partial *b)
{
    return same_text(a->command, b->command) && same_text(a->state, b->state) &&
           same_text(a->params, b->params);
}

static int add_range(gn_unite *u, const gn_part *p, gn_err *e)
{
    gn_unite_range *r = gn_realloc(u->range, u->n + 1, sizeof *r, e);
    if (!r)
        return -1;
    u->range = r;
    r[u->n++] = (gn_unite_range){p->lo, p->hi};
    return 0;
}

int gn_unite_add(gn_unite *u, const gn_header *h, const char *name, gn_err *e)
{
    if (!u->begun) {
        if (gn_header_copy(&u->h, h, e))
            return -1;
        u->begun = true;
        u->part = h->part.nkeys != 0;
        return u->part ? add_range(u, &h->part, e) : 0;
    }
    if (!gn_schema_equal(&u->h.schema, &h->schema))
        return gn_fail(e, GN_INPUT,
                       "'%s': its fields are not those of the first input (choose the same with "
                       "gn-cat -f)",
                       name);
    if (!same_partial(&u->h.partial, &h->partial))
        return gn_fail(e, GN_INPUT,
                       "'%s': its partial state is not that of the first input, or of other "
                       "parameters",
                       name);
    if (u->h.nextra != h->nextra || u->h.extra.n != h->extra.n ||
        (h->extra.n && memcmp(u->h.extra.p, h->extra.p, h->extra.n) != 0)) {
        gn_buf_release(&u->h.extra);
        u->h.nextra = 0;
    }
    u->part = u->part && gn_part_alike(&u->h.part, &h->part);
    return u->part ? add_range(u, &h->part, e) : 0;
}

static int cmp_range(const void *a, const void *b)
{
    const gn_unite_range *x = a, *y = b;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

void gn_unite_end(gn_unite *u)
{
    if (!u->part) {
        gn_header_drop_part(&u->h);
        return;
    }
    qsort(u->range, u->n, sizeof *u->range, cmp_range);
    uint64_t hi = u->range[0].hi;
    for (size_t i = 1; i < u->n; i++) {
        if (hi != UINT64_MAX && u->range[i].lo > hi + 1) {
            gn_header_drop_part(&u->h);
            return;
        }
        if (u->range[i].hi > hi)
            hi = u->range[i].hi;
    }
    u->h.part.lo = u->range[0].lo;
    u->h.part.hi = hi;
}

bool gn_unite_holds(const gn_unite *u, const gn_header *h)
{
    const gn_part *p = &u->h.part;
    return gn_schema_equal(&u->h.schema, &h->schema) && same_partial(&u->h.partial, &h->partial) &&
           (!p->nkeys ||
            (gn_part_alike(p, &h->part) && h->part.lo >= p->lo && h->part.hi <= p->hi));
}

void gn_unite_release(gn_unite *u)
{
    gn_header_release(&u->h);
    free(u->range);
    *u = (gn_unite){0};
}
