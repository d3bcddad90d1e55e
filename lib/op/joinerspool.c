/* joinerspool.c - rows of one side on disk, by the hash of their key: see joinerpriv.h.
 *
 * A row is up to three numbers of seven bits a byte (bytes of the key times 2, plus 1 for a key
 * with a null; bytes of the body; of the right, where records compete, bytes of the record) and
 * those bytes. Each part has a buffer; what it holds goes to the file as one extent when it is
 * full. */
#include "../io/in.h"
#include "joinerpriv.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN ((size_t)32 * 1024)
#define ROOM_MAX ((size_t)64 * 1024)
#define HEAD_MAX 15

int gn_joinspool_init(gn_joinspool *s, gn_tmp *tmp, gn_budget *b, unsigned bits, unsigned level,
                      bool records, gn_err *e)
{
    *s = (gn_joinspool){.tmp = tmp, .budget = b, .bits = bits, .level = level, .records = records};
    s->nparts = (size_t)1 << bits;
    s->room = s->nparts > 16 ? ROOM_MAX : ROOM_MIN;
    if (gn_budget_take(b, s->nparts * s->room, e))
        return -1;
    s->charged = s->nparts * s->room;
    s->part = gn_calloc(s->nparts, sizeof *s->part, e);
    return s->part ? 0 : -1;
}

static void free_buffers(gn_joinspool *s)
{
    for (size_t i = 0; s->part && i < s->nparts; i++) {
        free(s->part[i].buf);
        s->part[i].buf = NULL;
    }
    gn_budget_give(s->budget, s->charged);
    s->charged = 0;
}

void gn_joinspool_release(gn_joinspool *s)
{
    free_buffers(s);
    for (size_t i = 0; s->part && i < s->nparts; i++)
        free(s->part[i].ext);
    free(s->part);
    *s = (gn_joinspool){0};
}

/* ---- writing ---- */

static int add_extent(gn_joinpart *p, gn_joinextent x, gn_err *e)
{
    if ((p->next & (p->next - 1)) == 0) { /* 0 or a power of two: full */
        gn_joinextent *more = gn_realloc(p->ext, p->next ? 2 * p->next : 1, sizeof *more, e);
        if (!more)
            return -1;
        p->ext = more;
    }
    p->ext[p->next++] = x;
    return 0;
}

static int flush(gn_joinspool *s, gn_joinpart *p, gn_err *e)
{
    if (!p->n)
        return 0;
    gn_joinextent x = {gn_tmp_size(s->tmp), p->n};
    if (gn_tmp_write(s->tmp, p->buf, p->n, e))
        return -1;
    p->n = 0;
    return add_extent(p, x, e);
}

static uint8_t *put_number(uint8_t *p, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static uint8_t *put_str(uint8_t *p, gn_str s)
{
    memcpy(p, s.p, s.n);
    return p + s.n;
}

/* A row too long for the buffer is an extent of its own. */
static int put_through(gn_joinspool *s, gn_joinpart *p, const uint8_t *head, size_t nhead,
                       const gn_joinrow_out *r, gn_err *e)
{
    if (flush(s, p, e))
        return -1;
    gn_joinextent x = {gn_tmp_size(s->tmp), nhead + r->key.n + r->body.n};
    if (gn_tmp_write(s->tmp, head, nhead, e) || gn_tmp_write(s->tmp, r->key.p, r->key.n, e) ||
        gn_tmp_write(s->tmp, r->body.p, r->body.n, e))
        return -1;
    if (s->records) {
        x.n += r->record.n;
        if (gn_tmp_write(s->tmp, r->record.p, r->record.n, e))
            return -1;
    }
    return add_extent(p, x, e);
}

int gn_joinspool_put(gn_joinspool *s, const gn_joinrow_out *r, gn_err *e)
{
    gn_joinpart *p = &s->part[r->null ? 0 : gn_joinspool_part(s, r->key)];
    uint8_t head[HEAD_MAX], *h = put_number(head, r->key.n << 1 | r->null);
    h = put_number(h, r->body.n);
    if (s->records)
        h = put_number(h, r->record.n);
    size_t nhead = (size_t)(h - head);
    size_t bytes = nhead + r->key.n + r->body.n + (s->records ? r->record.n : 0);
    p->rows++;
    p->bytes += bytes;
    s->bytes += bytes;
    if (bytes > s->room)
        return put_through(s, p, head, nhead, r, e);
    if (!p->buf && !(p->buf = gn_alloc(s->room, 1, e)))
        return -1;
    if (bytes > s->room - p->n && flush(s, p, e))
        return -1;
    uint8_t *to = p->buf + p->n;
    memcpy(to, head, nhead);
    to = put_str(put_str(to + nhead, r->key), r->body);
    if (s->records)
        put_str(to, r->record);
    p->n += bytes;
    return 0;
}

int gn_joinspool_finish(gn_joinspool *s, gn_err *e)
{
    for (size_t i = 0; i < s->nparts; i++)
        if (flush(s, &s->part[i], e))
            return -1;
    free_buffers(s);
    return 0;
}

void gn_joinspool_drop(gn_joinspool *s, size_t part)
{
    gn_joinpart *p = &s->part[part];
    for (size_t i = 0; i < p->next; i++)
        gn_tmp_drop(s->tmp, p->ext[i].at, p->ext[i].at + p->ext[i].n);
    free(p->ext);
    *p = (gn_joinpart){0};
}

/* ---- reading ---- */

void gn_joinscan_begin(gn_joinscan *c, gn_joinspool *s, size_t part)
{
    c->s = s;
    c->part = part;
    c->ext = 0;
    c->at = c->buf.n = 0;
    c->rows = (gn_jointab_rows){c->key, c->body, c->record, c->null, 0};
}

void gn_joinscan_release(gn_joinscan *c)
{
    if (c->s)
        gn_budget_give(c->s->budget, c->charged);
    c->charged = 0;
    gn_buf_release(&c->buf);
}

static int read_extent(gn_joinscan *c, gn_err *e)
{
    const gn_joinextent *x = &c->s->part[c->part].ext[c->ext++];
    c->at = c->buf.n = 0;
    if (x->n > c->charged) {
        if (gn_budget_take(c->s->budget, x->n - c->charged, e))
            return -1;
        c->charged = x->n;
    }
    if (gn_buf_reserve(&c->buf, x->n + GN_SLACK, e) ||
        gn_tmp_read(c->s->tmp, x->at, c->buf.p, x->n, e))
        return -1;
    memset(c->buf.p + x->n, 0, GN_SLACK);
    c->buf.n = x->n;
    return 0;
}

static int broken(gn_err *e)
{
    return gn_fail(e, GN_IO, "a temporary file was damaged");
}

static bool get_number(gn_joinscan *c, uint32_t *v)
{
    uint32_t x = 0;
    for (int shift = 0; shift < 35 && c->at < c->buf.n; shift += 7) {
        uint8_t b = c->buf.p[c->at++];
        x |= (uint32_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *v = x;
            return true;
        }
    }
    return false;
}

static gn_str get_str(gn_joinscan *c, uint32_t n)
{
    gn_str s = {c->buf.p + c->at, n};
    c->at += n;
    return s;
}

int gn_joinscan_next(gn_joinscan *c, gn_err *e)
{
    size_t n = 0;
    if (c->at == c->buf.n) {
        if (c->ext == c->s->part[c->part].next)
            return 0;
        if (read_extent(c, e))
            return -1;
    }
    for (; n < GN_BATCH && c->at < c->buf.n; n++) {
        uint32_t nkey, nbody, nrecord = 0;
        if (!get_number(c, &nkey) || !get_number(c, &nbody) ||
            (c->s->records && !get_number(c, &nrecord)) ||
            (uint64_t)(nkey >> 1) + nbody + nrecord > c->buf.n - c->at)
            return broken(e);
        c->null[n] = nkey & 1;
        c->key[n] = get_str(c, nkey >> 1);
        c->body[n] = get_str(c, nbody);
        c->record[n] = get_str(c, nrecord);
    }
    c->rows.n = n;
    return 1;
}
