/* spool.c - see spool.h. In front of every piece stand its length and the place of the one before
 * it in its list. */
#include "spool.h"

#include <stdlib.h>

typedef struct head {
    uint64_t before, n;
} head;

typedef struct place {
    uint64_t at, n; /* behind its head */
} place;

struct gn_spool {
    gn_tmp *tmp;
    gn_buf piece;
};

gn_spool *gn_spool_new(const char *dir, gn_err *e)
{
    gn_spool *s = gn_calloc(1, sizeof *s, e);
    if (s && !(s->tmp = gn_tmp_new(dir, e))) {
        free(s);
        return NULL;
    }
    return s;
}

void gn_spool_free(gn_spool *s)
{
    if (!s)
        return;
    gn_tmp_free(s->tmp);
    gn_buf_release(&s->piece);
    free(s);
}

int gn_spool_put(gn_spool *s, gn_spooled *list, const void *p, size_t n, gn_err *e)
{
    head h = {list->last, n};
    uint64_t at = gn_tmp_size(s->tmp);
    if (gn_tmp_write(s->tmp, &h, sizeof h, e) || gn_tmp_write(s->tmp, p, n, e))
        return -1;
    list->last = at;
    list->n++;
    return 0;
}

static int give(gn_spool *s, const place *x, gn_spool_take *take, void *ctx, gn_err *e)
{
    s->piece.n = 0;
    if (gn_buf_reserve(&s->piece, x->n, e) || gn_tmp_read(s->tmp, x->at, s->piece.p, x->n, e) ||
        take(ctx, s->piece.p, x->n, e))
        return -1;
    gn_tmp_drop(s->tmp, x->at - sizeof(head), x->at + x->n);
    return 0;
}

int gn_spool_each(gn_spool *s, gn_spooled *list, gn_spool_take *take, void *ctx, gn_err *e)
{
    place *x = gn_alloc(list->n, sizeof *x, e);
    int r = x ? 0 : -1;
    uint64_t at = list->last;
    for (uint64_t i = list->n; r == 0 && i-- > 0;) {
        head h;
        r = gn_tmp_read(s->tmp, at, &h, sizeof h, e);
        x[i] = (place){at + sizeof h, h.n};
        at = h.before;
    }
    for (uint64_t i = 0; r == 0 && i < list->n; i++)
        r = give(s, &x[i], take, ctx, e);
    free(x);
    *list = (gn_spooled){0};
    return r;
}

uint64_t gn_spool_bytes(const gn_spool *s)
{
    return gn_tmp_size(s->tmp);
}
