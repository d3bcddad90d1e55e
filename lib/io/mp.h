/* mp.h - MessagePack, bounded: the encoder and the cursor that hot loops inline.
 *
 * Encoders write the canonical (shortest) form at p and return the new end; the caller guarantees
 * room for GN_MP_HEAD bytes beyond the body. Strings are copied by the caller's memcpy.
 *
 * Cursor functions take [p, end), return the byte after the value, or NULL when the bytes are no
 * complete value of that kind: the caller tells "incomplete" from "wrong" by gn_mp_skip on the
 * same place. Nothing reads at or beyond `end`. Nesting is bounded by GN_MP_DEPTH.
 *
 * Specification: https://github.com/msgpack/msgpack/blob/master/spec.md */
#ifndef GN_IO_MP_H
#define GN_IO_MP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GN_MP_HEAD 18  /* the longest head, or scalar, in bytes */
#define GN_MP_DEPTH 16 /* nesting beyond this is refused */

#define GN_MP_NIL 0xc0
#define GN_MP_FALSE 0xc2
#define GN_MP_TRUE 0xc3

static inline uint16_t gn_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t gn_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}

static inline uint64_t gn_be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}

static inline uint8_t *gn_put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    return p + 2;
}

static inline uint8_t *gn_put32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, 4);
    return p + 4;
}

static inline uint8_t *gn_put64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, 8);
    return p + 8;
}

/* ---- encode ---- */

static inline uint8_t *gn_mp_nil(uint8_t *p)
{
    *p = GN_MP_NIL;
    return p + 1;
}

static inline uint8_t *gn_mp_bool(uint8_t *p, bool v)
{
    *p = v ? GN_MP_TRUE : GN_MP_FALSE;
    return p + 1;
}

uint8_t *gn_mp_int_slow(uint8_t *p, int64_t v);
static inline uint8_t *gn_mp_int(uint8_t *p, int64_t v)
{
    if ((uint64_t)v < 128) {
        *p = (uint8_t)v;
        return p + 1;
    }
    if (v > 0xffff && v <= (int64_t)UINT32_MAX) {
        *p = 0xce;
        return gn_put32(p + 1, (uint32_t)v);
    }
    return gn_mp_int_slow(p, v);
}

uint8_t *gn_mp_uint(uint8_t *p, uint64_t v); /* headers and trailers only: may exceed int64 */
uint8_t *gn_mp_float(uint8_t *p, double v);  /* -0 is written as 0; v must be finite */
/* A time in UTC microseconds as the shortest timestamp extension. */
uint8_t *gn_mp_time_slow(uint8_t *p, int64_t us);
static inline uint8_t *gn_mp_time(uint8_t *p, int64_t us)
{
    uint64_t s = (uint64_t)us / 1000000;
    if (us >= 0 && s <= UINT32_MAX && s * 1000000 == (uint64_t)us) {
        p[0] = 0xd6;
        p[1] = 0xff;
        return gn_put32(p + 2, (uint32_t)s);
    }
    return gn_mp_time_slow(p, us);
}

/* Heads only; the body follows. */
static inline uint8_t *gn_mp_str_head(uint8_t *p, size_t n)
{
    if (n < 32) {
        *p = (uint8_t)(0xa0 | n);
        return p + 1;
    }
    if (n < 256) {
        p[0] = 0xd9;
        p[1] = (uint8_t)n;
        return p + 2;
    }
    if (n < 65536) {
        *p = 0xda;
        return gn_put16(p + 1, (uint16_t)n);
    }
    *p = 0xdb;
    return gn_put32(p + 1, (uint32_t)n);
}

static inline uint8_t *gn_mp_array_head(uint8_t *p, size_t n)
{
    if (n < 16) {
        *p = (uint8_t)(0x90 | n);
        return p + 1;
    }
    if (n < 65536) {
        *p = 0xdc;
        return gn_put16(p + 1, (uint16_t)n);
    }
    *p = 0xdd;
    return gn_put32(p + 1, (uint32_t)n);
}

uint8_t *gn_mp_bin_head(uint8_t *p, size_t n);
uint8_t *gn_mp_map_head(uint8_t *p, size_t n);

/* Head and body. */
static inline uint8_t *gn_mp_str(uint8_t *p, const void *s, size_t n)
{
    p = gn_mp_str_head(p, n);
    memcpy(p, s, n);
    return p + n;
}

/* ---- decode ---- */

/* Any value, with everything in it. */
const uint8_t *gn_mp_skip(const uint8_t *p, const uint8_t *end);
/* Could [p, end) be the beginning of a valid value that only lacks bytes? */
bool gn_mp_incomplete(const uint8_t *p, const uint8_t *end);

const uint8_t *gn_mp_get_int(const uint8_t *p, const uint8_t *end, int64_t *v);   /* any int form */
const uint8_t *gn_mp_get_uint(const uint8_t *p, const uint8_t *end, uint64_t *v); /* >= 0 */
const uint8_t *gn_mp_get_float(const uint8_t *p, const uint8_t *end, double *v);  /* 32 or 64 */
const uint8_t *gn_mp_get_bool(const uint8_t *p, const uint8_t *end, bool *v);
const uint8_t *gn_mp_get_str(const uint8_t *p, const uint8_t *end, const char **s, size_t *n);
const uint8_t *gn_mp_get_bin(const uint8_t *p, const uint8_t *end, const uint8_t **s, size_t *n);
const uint8_t *gn_mp_get_array(const uint8_t *p, const uint8_t *end, size_t *n);
const uint8_t *gn_mp_get_map(const uint8_t *p, const uint8_t *end, size_t *n);
/* A timestamp extension of any of the three lengths; finer than a microsecond is refused. */
const uint8_t *gn_mp_get_time(const uint8_t *p, const uint8_t *end, int64_t *us);

#endif
