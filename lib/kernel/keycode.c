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
