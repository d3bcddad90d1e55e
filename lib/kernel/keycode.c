/* keycode.c - see keycode.h. */
#include "keycode.h"

#include "../io/mp.h"

#include <string.h>

#define PRESENT 0x01
#define NULL_CODE 0xff

static void put_be64(uint8_t *p, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

static int add_word(gn_buf *to, uint64_t v, gn_err *e)
{
    uint8_t code[9] = {PRESENT};
    put_be64(code + 1, v);
    return gn_buf_add(to, code, sizeof code, e);
}

static int add_bytes(gn_buf *to, const uint8_t *p, size_t n, gn_err *e)
{
    if (gn_buf_reserve(to, 2 * n + 3, e))
        return -1;
    uint8_t *q = to->p + to->n;
    *q++ = PRESENT;
    for (size_t i = 0; i < n;) {
        const uint8_t *zero = memchr(p + i, 0, n - i);
        size_t run = zero ? (size_t)(zero - p) - i : n - i;
        memcpy(q, p + i, run);
        q += run;
        i += run;
        if (zero) {
            *q++ = 0;
            *q++ = 0xff;
            i++;
        }
    }
    *q++ = 0;
    *q++ = 0;
    to->n = (size_t)(q - to->p);
    return 0;
}

static int add(gn_buf *to, gn_type t, gn_str v, gn_err *e)
{
    const uint8_t *end = v.p + v.n;
    switch (t) {
    case GN_BOOL: {
        bool on = *v.p == GN_MP_TRUE;
        uint8_t code = on ? 2 : 1;
        return gn_buf_add(to, &code, 1, e);
    }
    case GN_FLOAT: {
        double x = 0;
        uint64_t u;
        (void)gn_mp_get_float(v.p, end, &x);
        memcpy(&u, &x, sizeof u);
        return add_word(to, u >> 63 ? ~u : u | UINT64_C(1) << 63, e);
    }
    case GN_STR: {
        const char *s = "";
        size_t n = 0;
        (void)gn_mp_get_str(v.p, end, &s, &n);
        return add_bytes(to, (const uint8_t *)s, n, e);
    }
    case GN_BIN: {
        const uint8_t *s = (const uint8_t *)"";
        size_t n = 0;
        (void)gn_mp_get_bin(v.p, end, &s, &n);
        return add_bytes(to, s, n, e);
    }
    default: {
        int64_t x = 0;
        (void)(t == GN_TIME ? gn_mp_get_time(v.p, end, &x) : gn_mp_get_int(v.p, end, &x));
        return add_word(to, (uint64_t)x ^ UINT64_C(1) << 63, e);
    }
    }
}

int gn_keycode_add(gn_buf *to, gn_type t, gn_str encoding, bool desc, gn_err *e)
{
    if (*encoding.p == GN_MP_NIL) {
        uint8_t code = NULL_CODE;
        return gn_buf_add(to, &code, 1, e);
    }
    size_t from = to->n;
    if (add(to, t, encoding, e))
        return -1;
    if (desc) /* the first byte becomes fe or fd: still below the null's */
        for (size_t i = from; i < to->n; i++)
            to->p[i] = (uint8_t)~to->p[i];
    return 0;
}

/* The bytes of an escaped body, appended; its end, or NULL. */
static const uint8_t *get_bytes(gn_buf *to, const uint8_t *p, const uint8_t *end, gn_err *e)
{
    for (;;) {
        const uint8_t *zero = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL;
        if (!zero || zero + 1 == end)
            return NULL;
        bool last = zero[1] == 0;
        if (gn_buf_add(to, p, (size_t)(zero - p) + !last, e))
            return NULL;
        p = zero + 2;
        if (last)
            return p;
    }
}

/* Of a str or bin: the head is put in front when the length is known. */
static const uint8_t *get_text(gn_buf *to, gn_type t, const uint8_t *p, const uint8_t *end,
                               gn_err *e)
{
    uint8_t head[GN_MP_HEAD];
    size_t from = to->n;
    if (!(p = get_bytes(to, p, end, e)))
        return NULL;
    size_t n = to->n - from;
    size_t h = (size_t)((t == GN_STR ? gn_mp_str_head(head, n) : gn_mp_bin_head(head, n)) - head);
    if (gn_buf_reserve(to, h, e))
        return NULL;
    memmove(to->p + from + h, to->p + from, n);
    memcpy(to->p + from, head, h);
    to->n += h;
    return p;
}

size_t gn_keycode_get(gn_buf *to, gn_type t, gn_str code, gn_err *e)
{
    const uint8_t *p = code.p, *end = p + code.n;
    bool null = p < end && *p == NULL_CODE;
    uint64_t v = 0;
    if (gn_buf_reserve(to, GN_MP_HEAD, e))
        return 0;
    uint8_t *q = to->p + to->n;
    size_t before = to->n;
    if (p < end && !null && (t == GN_STR || t == GN_BIN)) {
        p = *p == PRESENT ? get_text(to, t, p + 1, end, e) : NULL;
    } else if (null || (p < end && t == GN_BOOL)) {
        q = null ? gn_mp_nil(q) : gn_mp_bool(q, *p == 2);
        to->n += (size_t)(q - (to->p + before));
        p++;
    } else if (end - p >= 9 && *p == PRESENT) {
        double x;
        for (int i = 1; i < 9; i++)
            v = v << 8 | p[i];
        uint64_t bits = v >> 63 ? v ^ UINT64_C(1) << 63 : ~v;
        int64_t n = (int64_t)(v ^ UINT64_C(1) << 63);
        memcpy(&x, &bits, sizeof x);
        q = t == GN_FLOAT ? gn_mp_float(q, x) : t == GN_TIME ? gn_mp_time(q, n) : gn_mp_int(q, n);
        to->n += (size_t)(q - (to->p + before));
        p += 9;
    } else {
        p = NULL;
    }
    if (p)
        return (size_t)(p - code.p);
    to->n = before;
    gn_fail(e, GN_BUG, "no code of a value");
    return 0;
}
