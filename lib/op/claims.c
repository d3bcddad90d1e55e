/* claims.c - see claims.h. */
#include "claims.h"

#include <stdlib.h>
#include <string.h>

typedef struct key {
    int field;
    bool desc;
    /* of the last record of the batch before */
    bool null;
    int64_t i;
    double f;
    gn_buf s;
} key;

struct gn_claims {
    key *order;
    size_t norder;
    bool total;
    int *part;
    size_t npart;
    uint64_t lo, hi, salted;
    int salt;       /* with salted: the field */
    bool begun;     /* there is a record before */
    gn_buf record;  /* its bytes, with `total` */
    gn_buf encoded; /* key of several fields */
    uint64_t order_broken, part_broken;
};

static int find(const gn_header *h, const char *field, gn_err *e)
{
    int i = gn_schema_find(&h->schema, field);

    if (i < 0)
        gn_fail(e, GN_INPUT, "the header claims something of a field '%s' that it does not have",
                field);
    return i;
}

gn_claims *gn_claims_new(const gn_header *h, gn_err *e)
{
    gn_claims *c = gn_calloc(1, sizeof *c, e);

    if (!c)
        return NULL;
    c->total = h->total;
    c->lo = h->part.lo;
    c->hi = h->part.hi;
    c->salted = h->part.salted;
    c->order = gn_calloc(h->norder, sizeof *c->order, e);
    c->part = gn_calloc(h->part.nkeys, sizeof *c->part, e);
    if (!c->order || !c->part)
        goto fail;
    for (; c->norder < h->norder; c->norder++) {
        c->order[c->norder].desc = h->order[c->norder].desc;
        if ((c->order[c->norder].field = find(h, h->order[c->norder].field, e)) < 0)
            goto fail;
    }
    for (; c->npart < h->part.nkeys; c->npart++)
        if ((c->part[c->npart] = find(h, h->part.key[c->npart], e)) < 0)
            goto fail;
    if (c->salted)
        c->salt = c->part[--c->npart];
    return c;
fail:
    gn_claims_free(c);
    return NULL;
}

void gn_claims_free(gn_claims *c)
{
    if (!c)
        return;
    for (size_t k = 0; k < c->norder; k++)
        gn_buf_release(&c->order[k].s);
    free(c->order);
    free(c->part);
    gn_buf_release(&c->record);
    gn_buf_release(&c->encoded);
    free(c);
}

int gn_claims_want(const gn_claims *c, gn_reader *r, gn_err *e)
{
    if (gn_reader_want_all(r, GN_RAW, e))
        return -1;
    for (size_t k = 0; k < c->norder; k++)
        if (gn_reader_want(r, c->order[k].field, GN_VALUE, e))
            return -1;
    return c->salted ? gn_reader_want(r, c->salt, GN_VALUE, e) : 0;
}

static int bytes_cmp(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
    size_t n = na < nb ? na : nb;
    int c = n ? memcmp(a, b, n) : 0;

    return c ? c : (na > nb) - (na < nb);
}

/* The record before, whose value is in k, against record i of the batch. */
static int key_cmp(const key *k, const gn_vec *v, size_t i)
{
    int c;

    if (k->null || v->null[i]) /* nulls come last, whichever the direction */
        return k->null - (v->null[i] != 0);
    if (v->type == GN_STR || v->type == GN_BIN)
        c = bytes_cmp(k->s.p, k->s.n, v->s[i].p, v->s[i].n);
    else if (v->type == GN_FLOAT)
        c = (k->f > v->f[i]) - (k->f < v->f[i]);
    else
        c = (k->i > v->i[i]) - (k->i < v->i[i]);
    return k->desc ? -c : c;
}

static int key_set(key *k, const gn_vec *v, size_t i, gn_err *e)
{
    k->null = v->null[i] != 0;
    if (v->type == GN_FLOAT) {
        k->f = v->f[i];
    } else if (v->type == GN_STR || v->type == GN_BIN) {
        k->s.n = 0;
        return gn_buf_add(&k->s, v->s[i].p, v->s[i].n, e);
    } else {
        k->i = v->i[i];
    }
    return 0;
}

static int check_order(gn_claims *c, const gn_batch *b, size_t i, gn_err *e)
{
    const uint8_t *record = b->base + b->off[i];
    size_t bytes = b->off[i + 1] - b->off[i];
    int cmp = 0;

    if (c->begun) {
        for (size_t k = 0; k < c->norder && cmp == 0; k++)
            cmp = key_cmp(&c->order[k], &b->col[c->order[k].field], i);
        if (cmp == 0 && c->total)
            cmp = bytes_cmp(c->record.p, c->record.n, record, bytes);
        if (cmp > 0) {
            c->order_broken = b->first + i + 1;
            return 0;
        }
    }
    c->begun = true;
    for (size_t k = 0; k < c->norder; k++)
        if (key_set(&c->order[k], &b->col[c->order[k].field], i, e))
            return -1;
    c->record.n = 0;
    return c->total ? gn_buf_add(&c->record, record, bytes, e) : 0;
}

static int check_part(gn_claims *c, const gn_batch *b, size_t i, gn_err *e)
{
    gn_str one = b->col[c->part[0]].raw[i];
    uint64_t h;

    if (c->npart == 1) {
        h = gn_hash(one.p, one.n);
    } else {
        c->encoded.n = 0;
        for (size_t k = 0; k < c->npart; k++) {
            gn_str raw = b->col[c->part[k]].raw[i];
            if (gn_buf_add(&c->encoded, raw.p, raw.n, e))
                return -1;
        }
        h = gn_hash(c->encoded.p, c->encoded.n);
    }
    if (c->salted && b->col[c->salt].i[i] > 0)
        h += gn_part_shift(b->col[c->salt].i[i], c->salted);
    if (h < c->lo || h > c->hi || (c->salted && b->col[c->salt].i[i] < 0))
        c->part_broken = b->first + i + 1;
    return 0;
}

int gn_claims_batch(gn_claims *c, const gn_batch *b, gn_err *e)
{
    for (size_t i = 0; i < b->n && c->norder && !c->order_broken; i++)
        if (check_order(c, b, i, e))
            return -1;
    for (size_t i = 0; i < b->n && c->npart && !c->part_broken; i++)
        if (check_part(c, b, i, e))
            return -1;
    return 0;
}

uint64_t gn_claims_order_broken(const gn_claims *c)
{
    return c->order_broken;
}

uint64_t gn_claims_part_broken(const gn_claims *c)
{
    return c->part_broken;
}

void gn_record_sum_batch(gn_record_sum *s, const gn_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        XXH128_hash_t h = XXH3_128bits(b->base + b->off[i], b->off[i + 1] - b->off[i]);

        s->low += h.low64;
        s->high += h.high64 + (s->low < h.low64);
    }
}
