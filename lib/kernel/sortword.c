/* sortword.c - see sortword.h. */
#include "sortword.h"

#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

#define SIGN (UINT64_C(1) << 63)
#define NULL_WORD UINT64_MAX
#define SECOND 1000000

static inline uint64_t word_of_int(int64_t v)
{
    return (uint64_t)v ^ SIGN;
}

static inline uint64_t word_of_float(double v)
{
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    return u & SIGN ? ~u : u | SIGN;
}

uint64_t gn_sortword_int(int64_t v)
{
    return word_of_int(v);
}

uint64_t gn_sortword_float(double v)
{
    return word_of_float(v);
}

static bool is_text(gn_type t)
{
    return t == GN_STR || t == GN_BIN;
}

uint64_t gn_sortword_of(gn_type t, gn_str v)
{
    const uint8_t *end = v.p + v.n;
    int64_t i = 0;
    double f = 0;
    switch (t) {
    case GN_FLOAT:
        (void)gn_mp_get_float(v.p, end, &f);
        return word_of_float(f);
    case GN_BOOL:
        return *v.p == GN_MP_TRUE;
    case GN_TIME:
        (void)gn_mp_get_time(v.p, end, &i);
        return word_of_int(i);
    default:
        (void)gn_mp_get_int(v.p, end, &i);
        return word_of_int(i);
    }
}

/* The first n bytes at p, at most 8, as a big-endian number; 8 can be read. */
static inline uint64_t load(const uint8_t *p, size_t n)
{
    if (n >= 8)
        return gn_be64(p);
    unsigned empty = 64 - 8 * (unsigned)n;
    return n ? gn_be64(p) >> empty << empty : 0;
}

uint64_t gn_sortword_text(gn_str text, size_t at)
{
    size_t n = at < text.n ? text.n - at : 0;
    return load(text.p + (n ? at : 0), n < 7 ? n : 7) | (n < 8 ? n : 8);
}

int gn_sortwords_init(gn_sortwords *s, const gn_sortkey *key, size_t n, gn_err *e)
{
    *s = (gn_sortwords){.nkeys = n};
    if (!(s->col = gn_calloc(n, sizeof *s->col, e)))
        return -1;
    for (size_t k = 0; k < n; k++)
        s->col[k].key = key[k];
    return 0;
}

void gn_sortwords_release(gn_sortwords *s)
{
    for (size_t k = 0; s->col && k < s->nkeys; k++)
        gn_buf_release(&s->col[k].prefix);
    free(s->col);
    *s = (gn_sortwords){0};
}

/* ---- the first batch of a run ---- */

/* What all text of the column begins with; returns the length of the longest one. */
static int find_prefix(gn_sortcol *c, const gn_batch *b, size_t *longest, gn_err *e)
{
    const gn_vec *v = &b->col[c->key.field];
    gn_str prefix = {NULL, 0};
    bool any = false;
    *longest = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (v->null[i])
            continue;
        gn_str s = v->s[i];
        if (!any)
            prefix = s;
        any = true;
        if (s.n > *longest)
            *longest = s.n;
        size_t n = 0, most = prefix.n < s.n ? prefix.n : s.n;
        while (n < most && s.p[n] == prefix.p[n])
            n++;
        prefix.n = (uint32_t)n;
    }
    return gn_buf_add(&c->prefix, prefix.p, prefix.n, e);
}

int gn_sortwords_begin(gn_sortwords *s, const gn_batch *b, gn_err *e)
{
    size_t left = GN_SORTWORDS;
    for (size_t k = 0; k < s->nkeys; k++) {
        gn_sortcol *c = &s->col[k];
        gn_buf prefix = c->prefix;
        prefix.n = 0;
        *c = (gn_sortcol){.key = c->key, .prefix = prefix, .shortest = UINT32_MAX};
        for (size_t j = 0; j < GN_SORTWORDS; j++)
            c->w[j].min = UINT64_MAX;
        if (left == 0)
            continue;
        size_t longest, want = 1;
        if (is_text(c->key.type)) {
            if (find_prefix(c, b, &longest, e))
                return -1;
            size_t rest = longest - c->prefix.n;
            want = rest < 8 * left ? (rest + 7) / 8 : left;
            want += want == 0;
        }
        c->word = GN_SORTWORDS - left;
        c->nwords = want;
        left -= want;
    }
    s->nwords = GN_SORTWORDS - left;
    return 0;
}

/* ---- words ---- */

/* Does s begin with the prefix? 0, or < 0 or > 0 as it comes before or behind all that do. */
static inline int prefix_cmp(const gn_sortcol *c, gn_str s)
{
    size_t n = c->prefix.n;
    if (s.n >= n && n <= 8 && load(s.p, n) == load(c->prefix.p, n))
        return 0;
    size_t most = s.n < n ? s.n : n;
    int r = most ? memcmp(s.p, c->prefix.p, most) : 0;
    return r ? r : s.n < n ? -1 : 0;
}

static void text_words(gn_sortcol *c, const gn_batch *b, uint64_t *to, size_t stride)
{
    const gn_vec *v = &b->col[c->key.field];
    const uint64_t turn = c->key.desc ? UINT64_MAX : 0;
    const size_t skip = c->prefix.n, nwords = c->nwords;
    for (size_t i = 0; i < b->n; i++, to += stride) {
        if (v->null[i]) {
            c->null = true;
            for (size_t j = 0; j < nwords; j++)
                to[j] = NULL_WORD;
            continue;
        }
        gn_str s = v->s[i];
        int r = prefix_cmp(c, s);
        if (r) {
            for (size_t j = 0; j < nwords; j++)
                to[j] = (r < 0 ? 0 : UINT64_MAX) ^ turn;
            c->beyond = true;
        } else {
            const uint8_t *p = s.p + skip;
            size_t rest = s.n - skip, full = 8 * nwords;
            c->beyond |= rest > full;
            to[0] = load(p, rest) ^ turn;
            for (size_t j = 1; j < nwords; j++)
                to[j] = (rest > 8 * j ? load(p + 8 * j, rest - 8 * j) : 0) ^ turn;
        }
        if (s.n < c->shortest)
            c->shortest = s.n;
        if (s.n > c->longest)
            c->longest = s.n;
        if (!c->any)
            for (size_t j = 0; j < nwords; j++)
                c->w[j].first = to[j];
        c->any = true;
        c->top |= to[0] == NULL_WORD;
        for (size_t j = 0; j < nwords; j++)
            c->w[j].vary |= to[j] ^ c->w[j].first;
    }
}

static void number_words(gn_sortcol *c, const gn_batch *b, uint64_t *to, size_t stride)
{
    const gn_vec *v = &b->col[c->key.field];
    const uint64_t turn = c->key.desc ? UINT64_MAX : 0;
    uint64_t min = c->w[0].min, max = c->w[0].max;
    for (size_t i = 0; i < b->n; i++, to += stride) {
        uint64_t w = (v->f ? word_of_float(v->f[i]) : word_of_int(v->i[i])) ^ turn;
        if (v->nulls && v->null[i]) {
            c->null = true;
            *to = NULL_WORD;
            continue;
        }
        min = w < min ? w : min;
        max = w > max ? w : max;
        *to = w;
    }
    if (c->key.type == GN_TIME && !c->fraction)
        for (size_t i = 0; i < b->n; i++) {
            if (v->nulls && v->null[i])
                continue;
            if (!c->any)
                c->time = v->i[i];
            c->any = true;
            c->fraction |= (v->i[i] - c->time) % SECOND != 0;
        }
    c->w[0].min = min;
    c->w[0].max = max;
    c->top = max == NULL_WORD;
}

void gn_sortwords_batch(gn_sortwords *s, const gn_batch *b, uint64_t *to, size_t stride)
{
    for (size_t k = 0; k < s->nkeys && s->col[k].nwords; k++) {
        gn_sortcol *c = &s->col[k];
        if (is_text(c->key.type))
            text_words(c, b, to + c->word, stride);
        else
            number_words(c, b, to + c->word, stride);
    }
}

/* ---- packing ---- */

/* How one word enters the packed key. */
typedef struct step {
    bool text;
    bool null;    /* the word of null gets a value of its own, above all others */
    uint8_t bits; /* it takes */
    uint8_t cut;  /* low bits that found no room */
    size_t word;
    uint64_t min;  /* numbers: subtracted */
    uint64_t unit; /* numbers: divided by, then */
    uint64_t vary; /* text: the bits kept */
    uint64_t move[6];
    uint64_t top; /* the value for null */
} step;

static unsigned bits_of(uint64_t v)
{
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* Bring the bits of a mask together at the low end (Warren, Hacker's Delight, 7-4 "Compress, or
 * Generalized Extract"). */
static void plan_compress(uint64_t mask, uint64_t move[6])
{
    uint64_t count = ~mask << 1;
    for (int i = 0; i < 6; i++) {
        uint64_t parity = count;
        for (int j = 1; j < 64; j *= 2)
            parity ^= parity << j;
        move[i] = parity & mask;
        mask = (mask ^ move[i]) | (move[i] >> (1 << i));
        count &= ~parity;
    }
}

static inline uint64_t compress(uint64_t x, uint64_t mask, const uint64_t move[6])
{
    x &= mask;
    for (int i = 0; i < 6; i++) {
        uint64_t t = x & move[i];
        x = (x ^ t) | (t >> (1 << i));
    }
    return x;
}

static step plan(const gn_sortcol *c, size_t j)
{
    const gn_sortword *w = &c->w[j];
    step s = {.word = c->word + j, .null = c->null && j == 0, .unit = 1};
    s.text = is_text(c->key.type);
    if (s.text) {
        s.vary = w->vary;
        plan_compress(s.vary, s.move);
        unsigned bits = (unsigned)__builtin_popcountll(s.vary);
        s.null = s.null && bits < 64;
        s.top = bits < 64 ? UINT64_C(1) << bits : 0;
        s.bits = (uint8_t)(bits + s.null);
    } else if (w->min <= w->max) {
        s.min = w->min;
        if (c->key.type == GN_TIME && !c->fraction)
            s.unit = SECOND;
        uint64_t most = (w->max - w->min) / s.unit;
        s.null = s.null && most < UINT64_MAX;
        s.top = most + s.null;
        s.bits = (uint8_t)bits_of(s.top);
    }
    return s;
}

static inline uint64_t packed(const step *s, uint64_t w)
{
    uint64_t x;
    if (s->null && w == NULL_WORD)
        x = s->top;
    else if (s->text)
        x = compress(w, s->vary, s->move);
    else if (s->unit == SECOND)
        x = (w - s->min) / SECOND;
    else
        x = w - s->min;
    return x >> s->cut;
}

/* May equal words stand for different values? */
static bool inexact(const gn_sortcol *c)
{
    return (c->null && c->top) || c->beyond || (c->key.type == GN_BIN && c->shortest < c->longest);
}

size_t gn_sortwords_pack(const gn_sortwords *s, uint64_t *p, size_t n, size_t stride, bool *sorted)
{
    step steps[GN_SORTWORDS];
    size_t nsteps = 0, k = 0;
    unsigned room = 64;
    bool whole = true;
    for (; whole && k < s->nkeys && s->col[k].nwords; k++) {
        const gn_sortcol *c = &s->col[k];
        for (size_t j = 0; j < c->nwords && whole; j++) {
            step t = plan(c, j);
            if (t.bits > room) {
                t.cut = (uint8_t)(t.bits - room);
                t.bits = (uint8_t)room;
                whole = false;
            }
            room -= t.bits;
            if (t.bits)
                steps[nsteps++] = t;
        }
        if (!whole || inexact(c))
            break;
    }
    uint64_t before = 0;
    bool up = true;
    uint64_t *to = p;
    for (size_t i = 0; i < n; i++, p += stride, to += 2) {
        uint64_t key = 0, value = p[0];
        for (size_t j = 0; j < nsteps; j++) {
            uint64_t x = packed(&steps[j], p[1 + steps[j].word]);
            key = steps[j].bits < 64 ? key << steps[j].bits | x : x;
        }
        up &= before <= key;
        before = key;
        to[0] = key;
        to[1] = value;
    }
    *sorted = up;
    return k;
}
