/* joinerside.c - batches of one side as columns of keys and bodies: see joinerpriv.h.
 *
 * A key of one field, and a body whose fields follow each other in the record, are ranges of the
 * record itself; others are put together in a buffer. */
#include "../io/in.h"
#include "../io/mp.h"
#include "joinerpriv.h"

#include <stdlib.h>
#include <string.h>

void gn_joinside_release(gn_joinside *s)
{
    gn_reader_close(s->r);
    gn_unite_release(&s->in);
    gn_lineage_release(&s->lineage);
    free(s->key);
    free(s->body);
    free(s->order);
    free(s->roots);
    gn_buf_release(&s->key_bytes);
    gn_buf_release(&s->body_bytes);
    *s = (gn_joinside){0};
}

int gn_joinside_bind(gn_joinside *s, gn_err *e)
{
    size_t nfields = s->in.h.schema.n;
    s->run = s->nbody > 0;
    for (size_t i = 1; i < s->nbody; i++)
        s->run = s->run && s->body[i] == s->body[i - 1] + 1;
    s->from_begin = s->run && s->body[0] == 0;
    s->to_end = s->run && (size_t)s->body[s->nbody - 1] == nfields - 1;
    for (size_t i = 0; i < s->nkeys; i++)
        if (gn_reader_want(s->r, s->key[i], GN_RAW, e))
            return -1;
    for (size_t i = 0; i < s->nbody; i++) {
        bool within = s->run && (i ? true : s->from_begin) && (i + 1 < s->nbody || s->to_end);
        if (!within && gn_reader_want(s->r, s->body[i], GN_RAW, e))
            return -1;
    }
    for (size_t i = 0; i < s->norder; i++)
        if (gn_reader_want(s->r, s->order[i].field, GN_VALUE, e))
            return -1;
    return 0;
}

/* Put fields of each record one behind the other. */
static int gather(const gn_batch *b, const int *field, size_t nfields, gn_buf *bytes, gn_str *to,
                  gn_err *e)
{
    bytes->n = 0;
    if (gn_buf_reserve(bytes, b->off[b->n] - b->off[0] + GN_SLACK, e))
        return -1;
    uint8_t *p = bytes->p;
    for (size_t i = 0; i < b->n; i++) {
        to[i].p = p;
        for (size_t k = 0; k < nfields; k++) {
            gn_str v = b->col[field[k]].raw[i];
            p = gn_copy_span(p, v.p, v.n);
        }
        to[i].n = (uint32_t)(p - to[i].p);
    }
    memset(p, 0, GN_SLACK);
    return 0;
}

static int batch_keys(gn_joinside *s, const gn_batch *b, gn_err *e)
{
    const gn_vec *v = &b->col[s->key[0]];
    s->rows.key = v->raw;
    s->rows.null = v->null;
    if (s->nkeys == 1)
        return 0;
    memcpy(s->null_of, v->null, b->n);
    for (size_t k = 1; k < s->nkeys; k++) {
        v = &b->col[s->key[k]];
        for (size_t i = 0; v->nulls && i < b->n; i++)
            s->null_of[i] |= v->null[i];
    }
    s->rows.key = s->key_of;
    s->rows.null = s->null_of;
    return gather(b, s->key, s->nkeys, &s->key_bytes, s->key_of, e);
}

static int batch_bodies(gn_joinside *s, const gn_batch *b, gn_err *e)
{
    if (!s->run)
        return gather(b, s->body, s->nbody, &s->body_bytes, s->body_of, e);
    uint8_t head[GN_MP_HEAD];
    size_t nhead = (size_t)(gn_mp_array_head(head, s->in.h.schema.n) - head);
    const gn_str *first = b->col[s->body[0]].raw, *last = b->col[s->body[s->nbody - 1]].raw;
    for (size_t i = 0; i < b->n; i++) {
        const uint8_t *p = s->from_begin ? b->base + b->off[i] + nhead : first[i].p;
        const uint8_t *q = s->to_end ? b->base + b->off[i + 1] : last[i].p + last[i].n;
        s->body_of[i] = (gn_str){p, (uint32_t)(q - p)};
    }
    return 0;
}

int gn_joinside_batch(gn_joinside *s, const gn_batch *b, gn_err *e)
{
    s->rows.n = b->n;
    s->rows.body = s->body_of;
    s->rows.record = s->record_of;
    for (size_t i = 0; s->records && i < b->n; i++)
        s->record_of[i] = (gn_str){b->base + b->off[i], b->off[i + 1] - b->off[i]};
    return batch_keys(s, b, e) || batch_bodies(s, b, e) ? -1 : 0;
}

static int add_root(gn_joinside *s, gn_id id, gn_err *e)
{
    for (size_t i = 0; i < s->nroots; i++)
        if (gn_id_cmp(s->roots[i], id) == 0)
            return 0;
    gn_id *r = gn_realloc(s->roots, s->nroots + 1, sizeof *r, e);
    if (!r)
        return -1;
    s->roots = r;
    r[s->nroots++] = id;
    return 0;
}

int gn_joinside_ended(gn_joinside *s, gn_err *e)
{
    const gn_trailer *t = gn_reader_trailer(s->r);
    const gn_lineage *l = &t->lineage;
    s->doubled |= t->records && gn_lineage_overlaps(&s->lineage, l);
    if (gn_lineage_merge(&s->lineage, l, e))
        return -1;
    return l->has_root ? add_root(s, l->root, e) : 0;
}
