/* joinerout.c - records of the output: see joinerpriv.h. A record is a head, then the bodies of
 * both sides as they were read. */
#include "../io/mp.h"
#include "joinerpriv.h"

#include <stdlib.h>
#include <string.h>

static bool is_plain(const gn_joinspec *s)
{
    for (size_t i = 1; i < s->npieces; i++)
        if (s->piece[i].from <= s->piece[i - 1].from)
            return false;
    return true;
}

/* GN_SLACK readable bytes behind what is in it. */
static int add_slack(gn_buf *b, gn_err *e)
{
    if (gn_buf_reserve(b, GN_SLACK, e))
        return -1;
    memset(b->p + b->n, 0, GN_SLACK);
    return 0;
}

int gn_joinout_init(gn_joinout *o, const gn_joinspec *spec, gn_writer *w, gn_err *e)
{
    static const char *const text[] = {"left", "right", "both"};
    static const uint8_t nil = GN_MP_NIL;
    bool marked = false;
    o->spec = spec;
    o->out.w = w;
    o->nhead = (size_t)(gn_mp_array_head(o->head, spec->ncolumns) - o->head);
    o->plain = is_plain(spec);
    for (size_t i = 0; i < spec->ncolumns; i++) {
        marked |= spec->column[i].from == GN_FROM_MARK;
        if (spec->column[i].from == GN_FROM_RIGHT && gn_buf_add(&o->right_nulls, &nil, 1, e))
            return -1;
    }
    for (size_t i = 0; i < 3; i++) {
        uint8_t b[GN_MP_HEAD];
        size_t n = (size_t)(gn_mp_str(b, text[i], strlen(text[i])) - b);
        if ((marked && gn_buf_add(&o->mark[i], b, n, e)) || add_slack(&o->mark[i], e))
            return -1;
    }
    o->simple = o->plain && !marked;
    return add_slack(&o->right_nulls, e);
}

void gn_joinout_release(gn_joinout *o)
{
    for (size_t i = 0; i < 3; i++)
        gn_buf_release(&o->mark[i]);
    gn_buf_release(&o->right_nulls);
    gn_buf_release(&o->left_body);
    *o = (gn_joinout){0};
}

static gn_str str_of(const gn_buf *b)
{
    return (gn_str){b->p, (uint32_t)b->n};
}

/* The next n values of a body. */
static uint8_t *put_values(uint8_t *to, gn_str *body, size_t n)
{
    const uint8_t *p = body->p, *end = p + body->n, *q = p;
    for (; n && q; n--)
        q = gn_mp_skip(q, end);
    if (!q)
        q = end;
    size_t bytes = (size_t)(q - p);
    memcpy(to, p, bytes);
    *body = (gn_str){q, body->n - (uint32_t)bytes};
    return to + bytes;
}

static uint8_t *put_pieces(const gn_joinout *o, uint8_t *p, gn_str left, gn_str right, gn_str mark)
{
    gn_str *body[] = {&left, &right, &mark};
    for (size_t i = 0; i < o->spec->npieces; i++)
        p = put_values(p, body[o->spec->piece[i].from], o->spec->piece[i].n);
    return p;
}

static inline int put(gn_joinout *o, gn_str left, gn_str right, enum gn_join_side side, gn_err *e)
{
    gn_recout *out = &o->out;
    gn_str mark = str_of(&o->mark[side]);
    size_t room = o->nhead + (size_t)left.n + right.n + mark.n;
    if ((size_t)(out->end - out->p) < room && gn_recout_room(out, room, e))
        return -1;
    uint8_t *p = out->p;
    memcpy(p, o->head, 8); /* at most 3 bytes of it count */
    p += o->nhead;
    if (o->plain) {
        p = gn_copy_span(p, left.p, left.n);
        p = gn_copy_span(p, right.p, right.n);
        if (mark.n)
            p = gn_copy_span(p, mark.p, mark.n);
    } else {
        p = put_pieces(o, p, left, right, mark);
    }
    out->p = p;
    out->n++;
    return 0;
}

int gn_joinout_pairs(gn_joinout *o, const gn_str *left, const gn_str *right, size_t n, gn_err *e)
{
    gn_recout *out = &o->out;
    const size_t nhead = o->nhead;
    uint64_t head;
    memcpy(&head, o->head, sizeof head);
    for (size_t i = 0; i < n; i++) {
        gn_str l = left[i], r = right[i];
        size_t room = nhead + (size_t)l.n + r.n;
        if ((size_t)(out->end - out->p) < room && gn_recout_room(out, room, e))
            return -1;
        uint8_t *p = out->p;
        memcpy(p, &head, sizeof head);
        p = gn_copy_span(p + nhead, l.p, l.n);
        out->p = gn_copy_span(p, r.p, r.n);
        out->n++;
    }
    return 0;
}

int gn_joinout_pair(gn_joinout *o, gn_str left, gn_str right, gn_err *e)
{
    return put(o, left, right, GN_SIDE_BOTH, e);
}

int gn_joinout_left(gn_joinout *o, gn_str left, gn_err *e)
{
    return put(o, left, str_of(&o->right_nulls), GN_SIDE_LEFT, e);
}

int gn_joinout_semi(gn_joinout *o, gn_str left, gn_err *e)
{
    return put(o, left, str_of(&o->right_nulls), GN_SIDE_BOTH, e);
}

/* The left's fields are null but for those of the key. */
int gn_joinout_right(gn_joinout *o, gn_str key, gn_str right, gn_err *e)
{
    const gn_joinspec *s = o->spec;
    gn_buf *b = &o->left_body;
    static const uint8_t nil = GN_MP_NIL;
    b->n = 0;
    for (size_t i = 0; i < s->ncolumns; i++) {
        gn_str v = {&nil, 1}, rest = key;
        if (s->column[i].from != GN_FROM_LEFT)
            continue;
        for (int k = s->column[i].key; k >= 0; k--) {
            const uint8_t *q = gn_mp_skip(rest.p, rest.p + rest.n);
            if (!q)
                return gn_fail(e, GN_BUG, "a key that cannot be read back");
            v = (gn_str){rest.p, (uint32_t)(q - rest.p)};
            rest = (gn_str){q, rest.n - v.n};
        }
        if (gn_buf_add(b, v.p, v.n, e))
            return -1;
    }
    return add_slack(b, e) ? -1 : put(o, str_of(b), right, GN_SIDE_RIGHT, e);
}
