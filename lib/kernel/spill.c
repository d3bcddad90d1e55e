/* spill.c - see spill.h.
 *
 * A run is a range of the temporary file. An entry is three varints (bytes of the key shared with
 * the key before, bytes of key that follow, bytes of body) and those bytes; the first of a run
 * shares nothing. */
#include "spill.h"

#include "../io/tmp.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY_MIN ((size_t)1 << 20)
#define BUFFER_MIN ((size_t)32 * 1024)
#define BUFFER_MAX ((size_t)1 << 20)
#define HEAD_MAX 15 /* three varints of 32 bits */
#define LENGTH_MAX ((uint32_t)INT32_MAX)

typedef struct run {
    uint64_t from, to;
} run;

typedef struct cursor {
    /* of a run on disk */
    uint8_t *buf;
    size_t cap, at, n;             /* unread bytes are [at, n) of buf */
    uint64_t next, end;            /* of the file: what is not in buf yet */
    uint8_t *whole;                /* the key, put together */
    const gn_spill_source *source; /* instead, when not NULL */
    /* the entry it stands on */
    gn_str key, body;
    uint64_t prefix; /* the first 8 bytes of the key, as a big-endian number */
    bool done;
} cursor;

typedef struct merge {
    cursor *c;
    size_t n;
    uint32_t *loser; /* a tree of the losers of n players; [0] is the winner */
    size_t charged;  /* to the budget */
    bool begun;
} merge;

struct gn_spill {
    gn_spill_options o;
    gn_tmp *tmp;
    run *run;
    size_t nruns, written;       /* runs there are, runs that the caller put */
    bool open;                   /* the last run still takes entries */
    gn_buf before;               /* the last key put */
    size_t longest_key, longest; /* over all entries: key, whole entry in bytes */
    bool closed_runs;            /* gn_spill_read was called */
    merge m;
    gn_buf key, sum; /* of a combined entry */
};

gn_spill *gn_spill_new(const gn_spill_options *o, gn_err *e)
{
    gn_spill *s = gn_calloc(1, sizeof *s, e);
    if (!s)
        return NULL;
    s->o = *o;
    gn_spill_memory(s, o->memory);
    if (s->o.combine)
        s->o.ties = GN_SPILL_ARRIVAL;
    if (!(s->tmp = gn_tmp_new(o->dir, e))) {
        gn_spill_free(s);
        return NULL;
    }
    return s;
}

void gn_spill_memory(gn_spill *s, size_t bytes)
{
    s->o.memory = bytes < MEMORY_MIN ? MEMORY_MIN : bytes;
}

static void merge_release(gn_spill *s)
{
    merge *m = &s->m;
    for (size_t i = 0; i < m->n; i++) {
        free(m->c[i].buf);
        free(m->c[i].whole);
    }
    free(m->c);
    free(m->loser);
    gn_budget_give(s->o.budget, m->charged);
    *m = (merge){0};
}

void gn_spill_free(gn_spill *s)
{
    if (!s)
        return;
    merge_release(s);
    gn_tmp_free(s->tmp);
    free(s->run);
    gn_buf_release(&s->before);
    gn_buf_release(&s->key);
    gn_buf_release(&s->sum);
    free(s);
}

size_t gn_spill_runs(const gn_spill *s)
{
    return s->written;
}

uint64_t gn_spill_bytes(const gn_spill *s)
{
    return gn_tmp_size(s->tmp);
}

/* ---- writing ---- */

static void close_run(gn_spill *s)
{
    if (s->open)
        s->run[s->nruns - 1].to = gn_tmp_size(s->tmp);
    s->open = false;
}

static int open_run(gn_spill *s, gn_err *e)
{
    close_run(s);
    run *r = gn_realloc(s->run, s->nruns + 1, sizeof *r, e);
    if (!r)
        return -1;
    s->run = r;
    s->run[s->nruns++] = (run){gn_tmp_size(s->tmp), 0};
    s->open = true;
    s->before.n = 0;
    return 0;
}

int gn_spill_run(gn_spill *s, gn_err *e)
{
    if (s->closed_runs)
        return gn_fail(e, GN_BUG, "a run after gn_spill_read");
    s->written++;
    return open_run(s, e);
}

static uint8_t *put_varint(uint8_t *p, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static size_t shared_bytes(const gn_buf *a, gn_str b)
{
    size_t n = a->n < b.n ? a->n : b.n, i = 0;
    for (; i + 8 <= n; i += 8)
        if (memcmp(a->p + i, b.p + i, 8) != 0)
            break;
    while (i < n && a->p[i] == b.p[i])
        i++;
    return i;
}

static int put(gn_spill *s, gn_str key, gn_str body, gn_err *e)
{
    if (key.n > LENGTH_MAX || body.n > LENGTH_MAX)
        return gn_fail(e, GN_IO, "a record of over 2 GiB");
    size_t shared = shared_bytes(&s->before, key), rest = key.n - shared;
    uint8_t head[HEAD_MAX], *h = head;
    h = put_varint(h, (uint32_t)shared);
    h = put_varint(h, (uint32_t)rest);
    h = put_varint(h, body.n);
    s->before.n = shared;
    if (gn_buf_add(&s->before, key.p + shared, rest, e) ||
        gn_tmp_write(s->tmp, head, (size_t)(h - head), e) ||
        gn_tmp_write(s->tmp, key.p + shared, rest, e) || gn_tmp_write(s->tmp, body.p, body.n, e))
        return -1;
    if (key.n > s->longest_key)
        s->longest_key = key.n;
    /* after a merge the same entry may stand behind another neighbour, with its whole key */
    if ((size_t)key.n + body.n > s->longest)
        s->longest = (size_t)key.n + body.n;
    return 0;
}

int gn_spill_put(gn_spill *s, gn_str key, gn_str body, gn_err *e)
{
    if (!s->open)
        return gn_fail(e, GN_BUG, "an entry outside a run");
    return put(s, key, body, e);
}

/* ---- reading a run ---- */

/* Have at least n unread bytes, or all that are left. */
static int fill(gn_spill *s, cursor *c, size_t n, gn_err *e)
{
    if (c->n - c->at >= n || c->next == c->end)
        return 0;
    memmove(c->buf, c->buf + c->at, c->n - c->at);
    c->n -= c->at;
    c->at = 0;
    size_t room = c->cap - c->n;
    if (c->end - c->next < room)
        room = (size_t)(c->end - c->next);
    if (gn_tmp_read(s->tmp, c->next, c->buf + c->n, room, e))
        return -1;
    c->next += room;
    c->n += room;
    return 0;
}

static int broken(gn_err *e)
{
    return gn_fail(e, GN_IO, "a temporary file was damaged");
}

static int get_varint(cursor *c, uint32_t *v, gn_err *e)
{
    uint32_t x = 0;
    for (int shift = 0; shift < 35 && c->at < c->n; shift += 7) {
        uint8_t b = c->buf[c->at++];
        x |= (uint32_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *v = x;
            return 0;
        }
    }
    return broken(e);
}

static void set_prefix(cursor *c)
{
    uint64_t v = 0;
    uint8_t first[8] = {0};
    if (c->key.n)
        memcpy(first, c->key.p, c->key.n < 8 ? c->key.n : 8);
    for (int i = 0; i < 8; i++)
        v = v << 8 | first[i];
    c->prefix = v;
}

static int step(gn_spill *s, cursor *c, gn_err *e)
{
    if (c->source) {
        int r = c->source->next(c->source->ctx, &c->key, &c->body, e);
        if (r < 0)
            return -1;
        c->done = r == 0;
        set_prefix(c);
        return 0;
    }
    uint32_t shared, rest, body;
    if (fill(s, c, HEAD_MAX, e))
        return -1;
    if (c->at == c->n) {
        c->done = true;
        return 0;
    }
    if (get_varint(c, &shared, e) || get_varint(c, &rest, e) || get_varint(c, &body, e))
        return -1;
    if (shared > c->key.n || rest > s->longest_key - shared || body > s->longest)
        return broken(e);
    size_t n = (size_t)rest + body;
    if (n > s->longest || fill(s, c, n, e))
        return broken(e);
    if (c->n - c->at < n)
        return broken(e);
    memcpy(c->whole + shared, c->buf + c->at, rest);
    c->key = (gn_str){c->whole, shared + rest};
    c->body = (gn_str){c->buf + c->at + rest, body};
    c->at += n;
    if (shared < 8)
        set_prefix(c);
    return 0;
}

/* ---- the merge ---- */

static int cmp_bytes(gn_str a, gn_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Does player a come before player b? */
static bool before(const gn_spill *s, uint32_t a, uint32_t b)
{
    const cursor *x = &s->m.c[a], *y = &s->m.c[b];
    if (x->done || y->done)
        return x->done == y->done ? a < b : y->done;
    if (x->prefix != y->prefix)
        return x->prefix < y->prefix;
    int c = cmp_bytes(x->key, y->key);
    if (c == 0 && s->o.ties == GN_SPILL_BODY)
        c = cmp_bytes(x->body, y->body);
    return c ? c < 0 : a < b;
}

/* Player p, a leaf, has a new entry: play up to the root. */
static void replay(gn_spill *s, uint32_t p)
{
    merge *m = &s->m;
    for (size_t at = (p + m->n) / 2; at >= 1; at /= 2) {
        uint32_t rival = m->loser[at];
        if (before(s, rival, p)) {
            m->loser[at] = p;
            p = rival;
        }
    }
    m->loser[0] = p;
}

/* The winner of the subtree at `at`, its losers filled in; the depth is that of the tree. */
static uint32_t play(gn_spill *s, size_t at)
{
    merge *m = &s->m;
    if (at >= m->n)
        return (uint32_t)(at - m->n);
    uint32_t a = play(s, 2 * at), b = play(s, 2 * at + 1);
    bool first = before(s, a, b);
    m->loser[at] = first ? b : a;
    return first ? a : b;
}

/* The least buffer that holds any entry. */
static size_t buffer_min(const gn_spill *s)
{
    size_t n = s->longest + HEAD_MAX;
    return n > BUFFER_MIN ? n : BUFFER_MIN;
}

size_t gn_spill_least(const gn_spill *s)
{
    return 2 * (buffer_min(s) + s->longest_key);
}

static size_t fan_in(const gn_spill *s)
{
    size_t n = s->o.memory / (buffer_min(s) + s->longest_key);
    return n < 2 ? 2 : n;
}

/* Stand on the first entries of runs [from, from + n) and of `last`, unless that is NULL. */
static int merge_begin(gn_spill *s, size_t from, size_t n, const gn_spill_source *last, gn_err *e)
{
    merge *m = &s->m;
    size_t players = n + (last != NULL), least = buffer_min(s);
    size_t each = s->o.memory / (n ? n : 1);
    each = each > s->longest_key ? each - s->longest_key : 0;
    size_t cap = each > BUFFER_MAX ? BUFFER_MAX : each;
    if (cap < least)
        cap = least;
    size_t bytes = n * (cap + s->longest_key);
    if (gn_budget_take(s->o.budget, bytes, e))
        return -1;
    m->charged = bytes;
    if (!(m->c = gn_calloc(players, sizeof *m->c, e)))
        return -1;
    m->n = players;
    if (!(m->loser = gn_calloc(players, sizeof *m->loser, e)))
        return -1;
    for (size_t i = 0; i < players; i++) {
        cursor *c = &m->c[i];
        if (i == n) {
            c->source = last;
        } else {
            *c = (cursor){.cap = cap, .next = s->run[from + i].from, .end = s->run[from + i].to};
            if (!(c->buf = gn_alloc(cap, 1, e)) || !(c->whole = gn_alloc(s->longest_key, 1, e)))
                return -1;
        }
        if (step(s, c, e))
            return -1;
    }
    if (players)
        m->loser[0] = play(s, 1);
    return 0;
}

/* The winner after a step over the one before. */
static int merge_top(gn_spill *s, cursor **top, gn_err *e)
{
    merge *m = &s->m;
    uint32_t p = m->loser[0];
    if (m->begun && !m->c[p].done) {
        if (step(s, &m->c[p], e))
            return -1;
        replay(s, p);
    }
    m->begun = true;
    *top = &m->c[m->loser[0]];
    return !(*top)->done;
}

static int next(gn_spill *s, gn_str *key, gn_str *body, gn_err *e)
{
    cursor *c;
    int r;
    if (!s->m.n)
        return 0;
    if (!s->o.combine) {
        if ((r = merge_top(s, &c, e)) == 1) {
            *key = c->key;
            *body = c->body;
        }
        return r;
    }
    c = &s->m.c[s->m.loser[0]]; /* after a combined entry: the one it ended before */
    if (!s->m.begun && (r = merge_top(s, &c, e)) < 0)
        return r;
    if (c->done)
        return 0;
    s->key.n = s->sum.n = 0;
    if (gn_buf_add(&s->key, c->key.p, c->key.n, e) || gn_buf_add(&s->sum, c->body.p, c->body.n, e))
        return -1;
    gn_str k = {s->key.p, (uint32_t)s->key.n};
    while ((r = merge_top(s, &c, e)) == 1 && c->key.n == k.n && cmp_bytes(c->key, k) == 0)
        if (s->o.combine(s->o.ctx, k, &s->sum, c->body, e))
            return -1;
    if (r < 0)
        return -1;
    if (s->sum.n > LENGTH_MAX)
        return gn_fail(e, GN_IO, "a combined record of over 2 GiB");
    *key = k;
    *body = (gn_str){s->sum.p, (uint32_t)s->sum.n};
    return 1;
}

/* Merge runs [from, from + n) into one at the end of the file. */
static int merge_group(gn_spill *s, size_t from, size_t n, run *to, gn_err *e)
{
    gn_str key, body;
    int r;
    to->from = gn_tmp_size(s->tmp);
    s->before.n = 0;
    if (merge_begin(s, from, n, NULL, e))
        return -1;
    while ((r = next(s, &key, &body, e)) == 1)
        if (put(s, key, body, e))
            return -1;
    merge_release(s);
    to->to = gn_tmp_size(s->tmp);
    for (size_t i = from; i < from + n; i++)
        gn_tmp_drop(s->tmp, s->run[i].from, s->run[i].to);
    return r;
}

/* One pass over the runs from the front: groups of neighbours become one, no more of them than
 * needed. The fan-in is asked for again each time: combined entries may have grown. */
static int pass(gn_spill *s, size_t extra, gn_err *e)
{
    size_t in = 0, out = 0;
    while (in < s->nruns) {
        size_t fan = fan_in(s), all = out + (s->nruns - in) + extra;
        size_t n = all > fan ? all - fan + 1 : 1;
        if (n > fan)
            n = fan;
        if (n > s->nruns - in)
            n = s->nruns - in;
        run merged = s->run[in];
        if (n > 1 && merge_group(s, in, n, &merged, e))
            return -1;
        s->run[out++] = merged;
        in += n;
    }
    s->nruns = out;
    return 0;
}

int gn_spill_read(gn_spill *s, const gn_spill_source *last, gn_err *e)
{
    if (s->closed_runs)
        return gn_fail(e, GN_BUG, "gn_spill_read twice");
    close_run(s);
    s->closed_runs = true;
    size_t extra = last != NULL;
    while (s->nruns > 1 && s->nruns + extra > fan_in(s))
        if (pass(s, extra, e))
            return -1;
    return merge_begin(s, 0, s->nruns, last, e);
}

int gn_spill_next(gn_spill *s, gn_str *key, gn_str *body, gn_err *e)
{
    return next(s, key, body, e);
}
