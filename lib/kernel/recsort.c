/* recsort.c - see recsort.h: blocks of records go through the decoder, which makes batches. */
#include "recsort.h"

#define BLOCK ((size_t)64 << 10)

int gn_recsort_init(gn_recsort *s, const gn_schema *schema, const gn_extsort_options *o, gn_err *e)
{
    if (!(s->decoder = gn_decoder_new(schema, true, e)) || !(s->sort = gn_extsort_new(o, e)))
        return -1;
    for (size_t i = 0; i < o->nkeys; i++)
        if (gn_decoder_want(s->decoder, o->key[i].field, GN_VALUE, e))
            return -1;
    return 0;
}

void gn_recsort_release(gn_recsort *s)
{
    gn_extsort_free(s->sort);
    gn_decoder_free(s->decoder);
    gn_buf_release(&s->block);
    *s = (gn_recsort){0};
}

static int flush(gn_recsort *s, gn_err *e)
{
    const uint8_t *p = s->block.p, *end = p + s->block.n;
    while (s->n && p < end) {
        gn_batch *b;
        const char *bad = "incomplete";
        if (gn_decoder_run(s->decoder, p, end, GN_BATCH, &b, &p, &bad, e) != GN_DECODE_OK)
            return gn_fail(e, GN_BUG, "a record to sort is none: %s", bad);
        if (gn_extsort_add(s->sort, b, e))
            return -1;
    }
    s->block.n = s->n = 0;
    return 0;
}

uint8_t *gn_recsort_room(gn_recsort *s, size_t bytes, gn_err *e)
{
    if (s->n == GN_BATCH || s->block.n + bytes > BLOCK)
        if (flush(s, e))
            return NULL;
    if (gn_buf_reserve(&s->block, (bytes > BLOCK ? bytes : BLOCK) - s->block.n + GN_SLACK, e))
        return NULL;
    return s->block.p + s->block.n;
}

void gn_recsort_put(gn_recsort *s, const uint8_t *end)
{
    s->block.n = (size_t)(end - s->block.p);
    s->n++;
}

int gn_recsort_next(gn_recsort *s, gn_str *record, gn_err *e)
{
    if (s->n && flush(s, e))
        return -1;
    return gn_extsort_next(s->sort, record, e);
}
