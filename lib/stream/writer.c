/* writer.c - see writer.h. Bytes are hashed as they are committed, while they are in cache. */
#include "writer.h"

#include "../io/in.h"
#include "../io/mp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct gn_writer {
    gn_out *out;
    XXH3_state_t *sum;
    bool open;
    uint64_t records;  /* of the open segment */
    uint64_t total;    /* of the segments ended */
    const uint8_t *at; /* where the last reservation begins */
};

gn_writer *gn_writer_new(gn_out *out, gn_err *e)
{
    gn_writer *w = gn_calloc(1, sizeof *w, e);
    if (!w)
        return NULL;
    w->out = out;
    w->sum = XXH3_createState();
    if (!w->sum) {
        gn_fail(e, GN_IO, "out of memory: no hash state");
        free(w);
        return NULL;
    }
    (void)XXH3_64bits_reset(w->sum);
    return w;
}

void gn_writer_free(gn_writer *w)
{
    if (!w)
        return;
    XXH3_freeState(w->sum);
    free(w);
}

int gn_writer_raw(gn_writer *w, const void *p, size_t bytes, uint64_t n, gn_err *e)
{
    gn_xxh3_64_update(w->sum, p, bytes);
    w->records += n;
    if (gn_out_write(w->out, p, bytes, e))
        return -1;
    return gn_out_mark(w->out, e);
}

int gn_writer_begin(gn_writer *w, const gn_header *h, gn_err *e)
{
    gn_buf b = {0};
    (void)XXH3_64bits_reset(w->sum);
    w->records = 0;
    int r = gn_header_encode(h, &b, e);
    if (r == 0) {
        w->open = true;
        r = gn_writer_raw(w, b.p, b.n, 0, e);
    }
    gn_buf_release(&b);
    return r;
}

uint8_t *gn_writer_reserve(gn_writer *w, size_t bytes, gn_err *e)
{
    uint8_t *p = gn_out_reserve(w->out, bytes, e);
    w->at = p;
    return p;
}

int gn_writer_commit(gn_writer *w, const uint8_t *end, uint64_t n, gn_err *e)
{
    gn_xxh3_64_update(w->sum, w->at, (size_t)(end - w->at));
    w->records += n;
    w->at = end;
    gn_out_advance(w->out, end);
    return gn_out_mark(w->out, e);
}

int gn_writer_flush(gn_writer *w, gn_err *e)
{
    return gn_out_flush(w->out, e);
}

int gn_writer_end(gn_writer *w, const gn_lineage *l, gn_err *e)
{
    gn_buf b = {0};
    gn_trailer t = {.records = w->records, .lineage = *l}; /* borrowed for the encoding */
    int r = gn_trailer_encode(&t, &b, e);
    if (r == 0) {
        gn_xxh3_64_update(w->sum, b.p, b.n);
        r = gn_buf_reserve(&b, GN_MP_HEAD, e);
    }
    if (r == 0) {
        b.n = (size_t)(gn_mp_uint(b.p + b.n, XXH3_64bits_digest(w->sum)) - b.p);
        r = gn_out_write(w->out, b.p, b.n, e);
    }
    if (r == 0)
        r = gn_out_mark(w->out, e);
    gn_buf_release(&b);
    w->total += w->records;
    w->records = 0;
    w->open = false;
    return r;
}

int gn_writer_fail(gn_writer *w, const char *command, int status, gn_err *e)
{
    gn_buf b = {0};
    gn_trailer t = {.fail = true, .fail_command = (char *)command, .fail_status = status};
    int r = gn_trailer_encode(&t, &b, e);
    if (r == 0)
        r = gn_out_write(w->out, b.p, b.n, e);
    gn_buf_release(&b);
    w->open = false;
    return r;
}

uint64_t gn_writer_records(const gn_writer *w)
{
    return w->total + w->records;
}

bool gn_writer_open(const gn_writer *w)
{
    return w->open;
}

/* ---- rows ---- */

int gn_row_begin(gn_row *r, size_t fields, gn_err *e)
{
    r->b.n = 0;
    r->left = fields;
    if (gn_buf_reserve(&r->b, GN_MP_HEAD, e))
        return -1;
    r->b.n = (size_t)(gn_mp_array_head(r->b.p, fields) - r->b.p);
    return 0;
}

/* Room for one more value with a body of n bytes. */
static uint8_t *row_more(gn_row *r, size_t n, gn_err *e)
{
    if (r->left == 0) {
        gn_fail(e, GN_BUG, "a record with too many values");
        return NULL;
    }
    if (n > UINT32_MAX) {
        gn_fail(e, GN_INPUT, "a value of more than 4 GiB");
        return NULL;
    }
    r->left--;
    if (gn_buf_reserve(&r->b, n + GN_MP_HEAD, e))
        return NULL;
    return r->b.p + r->b.n;
}

#define ROW_PUT(expression)                                                                        \
    do {                                                                                           \
        uint8_t *p = row_more(r, 0, e);                                                            \
        if (!p)                                                                                    \
            return -1;                                                                             \
        r->b.n = (size_t)((expression)-r->b.p);                                                    \
        return 0;                                                                                  \
    } while (0)

int gn_row_null(gn_row *r, gn_err *e)
{
    ROW_PUT(gn_mp_nil(p));
}

int gn_row_int(gn_row *r, int64_t v, gn_err *e)
{
    ROW_PUT(gn_mp_int(p, v));
}

int gn_row_float(gn_row *r, double v, gn_err *e)
{
    if (!isfinite(v))
        return gn_row_null(r, e);
    ROW_PUT(gn_mp_float(p, v));
}

int gn_row_bool(gn_row *r, bool v, gn_err *e)
{
    ROW_PUT(gn_mp_bool(p, v));
}

int gn_row_time(gn_row *r, int64_t us, gn_err *e)
{
    ROW_PUT(gn_mp_time(p, us));
}

int gn_row_date(gn_row *r, int64_t day, gn_err *e)
{
    return gn_row_int(r, day, e);
}

int gn_row_str(gn_row *r, const char *s, size_t n, gn_err *e)
{
    uint8_t *p = row_more(r, n, e);
    if (!p)
        return -1;
    r->b.n = (size_t)(gn_mp_str(p, s, n) - r->b.p);
    return 0;
}

int gn_row_bin(gn_row *r, const void *s, size_t n, gn_err *e)
{
    uint8_t *p = row_more(r, n, e);
    if (!p)
        return -1;
    p = gn_mp_bin_head(p, n);
    if (n)
        memcpy(p, s, n);
    r->b.n = (size_t)(p + n - r->b.p);
    return 0;
}

int gn_row_raw(gn_row *r, gn_str raw, gn_err *e)
{
    uint8_t *p = row_more(r, raw.n, e);
    if (!p)
        return -1;
    memcpy(p, raw.p, raw.n);
    r->b.n += raw.n;
    return 0;
}

int gn_row_write(gn_row *r, gn_writer *w, gn_err *e)
{
    if (r->left)
        return gn_fail(e, GN_BUG, "a record with too few values");
    return gn_writer_raw(w, r->b.p, r->b.n, 1, e);
}

void gn_row_release(gn_row *r)
{
    gn_buf_release(&r->b);
    r->left = 0;
}

/* ---- from batches: one reservation and one commit each, as hashing many small pieces is slow ----
 */

int gn_writer_select(gn_writer *w, const gn_batch *b, const uint8_t *keep, gn_err *e)
{
    size_t bytes = b->off[b->n] - b->off[0];
    if (!keep)
        return gn_writer_raw(w, b->base + b->off[0], bytes, b->n, e);
    uint8_t *p = gn_writer_reserve(w, bytes, e);
    if (!p)
        return -1;
    uint64_t n = 0;
    /* Which records are wanted cannot be predicted: a short one is always copied, and then counts
     * or not. What is over-written lies in the room of this very record, or in the slack. */
    for (size_t i = 0; i < b->n; i++) {
        const uint8_t *q = b->base + b->off[i];
        size_t len = b->off[i + 1] - b->off[i], yes = keep[i] != 0;
        if (len <= GN_SLACK)
            (void)gn_copy_span(p, q, len);
        else if (yes)
            memcpy(p, q, len);
        p += len & (0 - yes);
        n += yes;
    }
    return gn_writer_commit(w, p, n, e);
}

int gn_writer_project(gn_writer *w, const gn_batch *b, const int *field, size_t nfields,
                      const uint8_t *keep, gn_err *e)
{
    size_t bytes = b->off[b->n] - b->off[0] + GN_MP_HEAD * b->n;
    uint8_t *p = gn_writer_reserve(w, bytes, e);
    if (!p)
        return -1;
    uint64_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (keep && !keep[i])
            continue;
        p = gn_mp_array_head(p, nfields);
        for (size_t k = 0; k < nfields; k++) {
            gn_str v = b->col[field[k]].raw[i];
            p = gn_copy_span(p, v.p, v.n);
        }
        n++;
    }
    return gn_writer_commit(w, p, n, e);
}
