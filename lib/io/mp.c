/* mp.c - the parts of mp.h that hot loops do not inline. */
#include "mp.h"

/* ---- encode ---- */

uint8_t *gn_mp_uint(uint8_t *p, uint64_t v)
{
    if (v < 128) {
        *p = (uint8_t)v;
        return p + 1;
    }
    if (v <= 0xff) {
        p[0] = 0xcc;
        p[1] = (uint8_t)v;
        return p + 2;
    }
    if (v <= 0xffff) {
        *p = 0xcd;
        return gn_put16(p + 1, (uint16_t)v);
    }
    if (v <= UINT32_MAX) {
        *p = 0xce;
        return gn_put32(p + 1, (uint32_t)v);
    }
    *p = 0xcf;
    return gn_put64(p + 1, v);
}

uint8_t *gn_mp_int_slow(uint8_t *p, int64_t v)
{
    if (v >= 0)
        return gn_mp_uint(p, (uint64_t)v);
    if (v >= -32) {
        *p = (uint8_t)v;
        return p + 1;
    }
    if (v >= INT8_MIN) {
        p[0] = 0xd0;
        p[1] = (uint8_t)v;
        return p + 2;
    }
    if (v >= INT16_MIN) {
        *p = 0xd1;
        return gn_put16(p + 1, (uint16_t)v);
    }
    if (v >= INT32_MIN) {
        *p = 0xd2;
        return gn_put32(p + 1, (uint32_t)v);
    }
    *p = 0xd3;
    return gn_put64(p + 1, (uint64_t)v);
}

uint8_t *gn_mp_float(uint8_t *p, double v)
{
    uint64_t bits;
    if (v == 0)
        v = 0; /* -0 has no canonical form of its own */
    memcpy(&bits, &v, 8);
    if (v == 0)
        bits = 0;
    *p = 0xcb;
    return gn_put64(p + 1, bits);
}

uint8_t *gn_mp_time_slow(uint8_t *p, int64_t us)
{
    int64_t s = us / 1000000, frac = us % 1000000;
    if (frac < 0) {
        frac += 1000000;
        s--;
    }
    uint32_t ns = (uint32_t)frac * 1000;
    if (ns == 0 && s >= 0 && s <= (int64_t)UINT32_MAX) {
        p[0] = 0xd6;
        p[1] = 0xff;
        return gn_put32(p + 2, (uint32_t)s);
    }
    if (s >= 0 && s < (INT64_C(1) << 34)) {
        p[0] = 0xd7;
        p[1] = 0xff;
        return gn_put64(p + 2, (uint64_t)ns << 34 | (uint64_t)s);
    }
    p[0] = 0xc7;
    p[1] = 12;
    p[2] = 0xff;
    gn_put32(p + 3, ns);
    return gn_put64(p + 7, (uint64_t)s);
}

uint8_t *gn_mp_bin_head(uint8_t *p, size_t n)
{
    if (n < 256) {
        p[0] = 0xc4;
        p[1] = (uint8_t)n;
        return p + 2;
    }
    if (n < 65536) {
        *p = 0xc5;
        return gn_put16(p + 1, (uint16_t)n);
    }
    *p = 0xc6;
    return gn_put32(p + 1, (uint32_t)n);
}

uint8_t *gn_mp_map_head(uint8_t *p, size_t n)
{
    if (n < 16) {
        *p = (uint8_t)(0x80 | n);
        return p + 1;
    }
    if (n < 65536) {
        *p = 0xde;
        return gn_put16(p + 1, (uint16_t)n);
    }
    *p = 0xdf;
    return gn_put32(p + 1, (uint32_t)n);
}

/* ---- decode ---- */

/* One value's head: how many bytes it and its body take, and how many values follow inside it.
 * Returns 1, 0 when the head itself is incomplete, -1 for the one byte that begins no value. */
static int head(const uint8_t *p, const uint8_t *end, uint64_t *bytes, uint64_t *inside)
{
    size_t left = (size_t)(end - p);
    *inside = 0;
    if (left == 0)
        return 0;
    uint8_t t = *p;
    if (t < 0x80 || t >= 0xe0) {
        *bytes = 1;
        return 1;
    }
    if (t < 0x90) {
        *bytes = 1;
        *inside = 2 * (uint64_t)(t & 15);
        return 1;
    }
    if (t < 0xa0) {
        *bytes = 1;
        *inside = t & 15;
        return 1;
    }
    if (t < 0xc0) {
        *bytes = 1 + (uint64_t)(t & 31);
        return 1;
    }
    /* Length bytes of the head, and fixed bytes beyond it, by tag. */
    switch (t) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
        *bytes = 1;
        return 1;
    case 0xcc:
    case 0xd0:
        *bytes = 2;
        return 1;
    case 0xcd:
    case 0xd1:
        *bytes = 3;
        return 1;
    case 0xca:
    case 0xce:
    case 0xd2:
        *bytes = 5;
        return 1;
    case 0xcb:
    case 0xcf:
    case 0xd3:
        *bytes = 9;
        return 1;
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        *bytes = 2 + (UINT64_C(1) << (t - 0xd4));
        return 1;
    case 0xc4:
    case 0xd9:
        if (left < 2)
            return 0;
        *bytes = 2 + (uint64_t)p[1];
        return 1;
    case 0xc5:
    case 0xda:
        if (left < 3)
            return 0;
        *bytes = 3 + (uint64_t)gn_be16(p + 1);
        return 1;
    case 0xc6:
    case 0xdb:
        if (left < 5)
            return 0;
        *bytes = 5 + (uint64_t)gn_be32(p + 1);
        return 1;
    case 0xc7:
        if (left < 2)
            return 0;
        *bytes = 3 + (uint64_t)p[1];
        return 1;
    case 0xc8:
        if (left < 3)
            return 0;
        *bytes = 4 + (uint64_t)gn_be16(p + 1);
        return 1;
    case 0xc9:
        if (left < 5)
            return 0;
        *bytes = 6 + (uint64_t)gn_be32(p + 1);
        return 1;
    case 0xdc:
    case 0xde:
        if (left < 3)
            return 0;
        *bytes = 3;
        *inside = (uint64_t)gn_be16(p + 1) << (t == 0xde);
        return 1;
    case 0xdd:
    case 0xdf:
        if (left < 5)
            return 0;
        *bytes = 5;
        *inside = (uint64_t)gn_be32(p + 1) << (t == 0xdf);
        return 1;
    default: /* 0xc1 */
        return -1;
    }
}

/* Walk one value. 1: *next is behind it; 0: bytes are missing; -1: no value. The stack holds how
 * many values are left at each depth. */
static int walk(const uint8_t *p, const uint8_t *end, const uint8_t **next)
{
    uint64_t left[GN_MP_DEPTH], bytes, inside;
    int depth = 0;
    left[0] = 1;
    for (;;) {
        while (left[depth] == 0) {
            if (depth == 0) {
                *next = p;
                return 1;
            }
            depth--;
        }
        left[depth]--;
        int r = head(p, end, &bytes, &inside);
        if (r <= 0)
            return r;
        if (bytes > (uint64_t)(end - p))
            return 0;
        p += bytes;
        if (inside) {
            if (++depth == GN_MP_DEPTH)
                return -1;
            left[depth] = inside;
        }
    }
}

const uint8_t *gn_mp_skip(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *next;
    return walk(p, end, &next) > 0 ? next : NULL;
}

bool gn_mp_incomplete(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *next;
    return walk(p, end, &next) == 0;
}

const uint8_t *gn_mp_get_int(const uint8_t *p, const uint8_t *end, int64_t *v)
{
    size_t left = (size_t)(end - p);
    if (left == 0)
        return NULL;
    uint8_t t = *p;
    if (t < 0x80 || t >= 0xe0) {
        *v = (int8_t)t;
        return p + 1;
    }
    switch (t) {
    case 0xcc:
        if (left < 2)
            return NULL;
        *v = p[1];
        return p + 2;
    case 0xcd:
        if (left < 3)
            return NULL;
        *v = gn_be16(p + 1);
        return p + 3;
    case 0xce:
        if (left < 5)
            return NULL;
        *v = gn_be32(p + 1);
        return p + 5;
    case 0xcf:
        if (left < 9 || p[1] >= 0x80) /* beyond int64 */
            return NULL;
        *v = (int64_t)gn_be64(p + 1);
        return p + 9;
    case 0xd0:
        if (left < 2)
            return NULL;
        *v = (int8_t)p[1];
        return p + 2;
    case 0xd1:
        if (left < 3)
            return NULL;
        *v = (int16_t)gn_be16(p + 1);
        return p + 3;
    case 0xd2:
        if (left < 5)
            return NULL;
        *v = (int32_t)gn_be32(p + 1);
        return p + 5;
    case 0xd3:
        if (left < 9)
            return NULL;
        *v = (int64_t)gn_be64(p + 1);
        return p + 9;
    default:
        return NULL;
    }
}

const uint8_t *gn_mp_get_uint(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
    if (end - p >= 9 && *p == 0xcf) {
        *v = gn_be64(p + 1);
        return p + 9;
    }
    int64_t i;
    const uint8_t *q = gn_mp_get_int(p, end, &i);
    if (!q || i < 0)
        return NULL;
    *v = (uint64_t)i;
    return q;
}

const uint8_t *gn_mp_get_float(const uint8_t *p, const uint8_t *end, double *v)
{
    size_t left = (size_t)(end - p);
    if (left >= 9 && *p == 0xcb) {
        uint64_t b = gn_be64(p + 1);
        memcpy(v, &b, 8);
        return p + 9;
    }
    if (left >= 5 && *p == 0xca) {
        uint32_t b = gn_be32(p + 1);
        float f;
        memcpy(&f, &b, 4);
        *v = f;
        return p + 5;
    }
    return NULL;
}

const uint8_t *gn_mp_get_bool(const uint8_t *p, const uint8_t *end, bool *v)
{
    if (p == end || (*p != GN_MP_TRUE && *p != GN_MP_FALSE))
        return NULL;
    *v = *p == GN_MP_TRUE;
    return p + 1;
}

const uint8_t *gn_mp_get_str(const uint8_t *p, const uint8_t *end, const char **s, size_t *n)
{
    if (p == end)
        return NULL;
    uint8_t t = *p;
    uint64_t bytes, inside;
    if (!((t & 0xe0) == 0xa0 || (t >= 0xd9 && t <= 0xdb)) || head(p, end, &bytes, &inside) <= 0 ||
        bytes > (uint64_t)(end - p))
        return NULL;
    size_t h = t < 0xc0 ? 1 : t == 0xd9 ? 2 : t == 0xda ? 3 : 5;
    *s = (const char *)p + h;
    *n = (size_t)bytes - h;
    return p + bytes;
}

const uint8_t *gn_mp_get_bin(const uint8_t *p, const uint8_t *end, const uint8_t **s, size_t *n)
{
    uint64_t bytes, inside;
    if (p == end || *p < 0xc4 || *p > 0xc6 || head(p, end, &bytes, &inside) <= 0 ||
        bytes > (uint64_t)(end - p))
        return NULL;
    size_t h = *p == 0xc4 ? 2 : *p == 0xc5 ? 3 : 5;
    *s = p + h;
    *n = (size_t)bytes - h;
    return p + bytes;
}

const uint8_t *gn_mp_get_array(const uint8_t *p, const uint8_t *end, size_t *n)
{
    uint64_t bytes, inside;
    if (p == end || !((*p & 0xf0) == 0x90 || *p == 0xdc || *p == 0xdd) ||
        head(p, end, &bytes, &inside) <= 0)
        return NULL;
    *n = (size_t)inside;
    return p + bytes;
}

const uint8_t *gn_mp_get_map(const uint8_t *p, const uint8_t *end, size_t *n)
{
    uint64_t bytes, inside;
    if (p == end || !((*p & 0xf0) == 0x80 || *p == 0xde || *p == 0xdf) ||
        head(p, end, &bytes, &inside) <= 0)
        return NULL;
    *n = (size_t)inside / 2;
    return p + bytes;
}

const uint8_t *gn_mp_get_time(const uint8_t *p, const uint8_t *end, int64_t *us)
{
    size_t left = (size_t)(end - p);
    int64_t s;
    uint32_t ns;
    if (left >= 6 && p[0] == 0xd6 && p[1] == 0xff) {
        *us = (int64_t)gn_be32(p + 2) * 1000000;
        return p + 6;
    }
    if (left >= 10 && p[0] == 0xd7 && p[1] == 0xff) {
        uint64_t v = gn_be64(p + 2);
        s = (int64_t)(v & ((UINT64_C(1) << 34) - 1));
        ns = (uint32_t)(v >> 34);
        p += 10;
    } else if (left >= 15 && p[0] == 0xc7 && p[1] == 12 && p[2] == 0xff) {
        ns = gn_be32(p + 3);
        s = (int64_t)gn_be64(p + 7);
        p += 15;
    } else {
        return NULL;
    }
    int64_t v;
    if (ns > 999999999 || ns % 1000 || __builtin_mul_overflow(s, INT64_C(1000000), &v) ||
        __builtin_add_overflow(v, (int64_t)(ns / 1000), us))
        return NULL;
    return p;
}
