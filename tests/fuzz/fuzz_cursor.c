/* Any bytes: the bounded cursor against msgpack-c. Both take the same values and refuse the same
 * bytes, but for what mp.h says: nesting beyond GN_MP_DEPTH is refused, and a field's time is a
 * timestamp extension of whole microseconds within int64. */
#include "io/mp.h"

#include <math.h>
#include <msgpack.h>
#include <msgpack/timestamp.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!(x))                                                                                  \
            abort();                                                                               \
    } while (0)

/* msgpack-c allocates what a 32-bit count announces, and 4.0.0 takes an extension of 2^32-1 bytes
 * for one of none: such inputs are not given to it. */
static bool announces_much(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 4 < n; i++)
        if (((p[i] == 0xdd || p[i] == 0xdf) && gn_be32(p + i + 1) > (1u << 20)) ||
            (p[i] == 0xc9 && gn_be32(p + i + 1) == UINT32_MAX))
            return true;
    return false;
}

static bool is_container(uint8_t t)
{
    return (t >= 0x80 && t < 0xa0) || (t >= 0xdc && t <= 0xdf);
}

/* Containers around the innermost value, empty ones not counted; msgpack-c bounds the recursion. */
static int depth_of(const msgpack_object *o)
{
    int most = 0;
    if (o->type == MSGPACK_OBJECT_ARRAY)
        for (uint32_t i = 0; i < o->via.array.size; i++) {
            int d = 1 + depth_of(&o->via.array.ptr[i]);
            most = d > most ? d : most;
        }
    if (o->type == MSGPACK_OBJECT_MAP)
        for (uint32_t i = 0; i < o->via.map.size; i++) {
            int k = 1 + depth_of(&o->via.map.ptr[i].key), v = 1 + depth_of(&o->via.map.ptr[i].val);
            most = k > most ? k : most;
            most = v > most ? v : most;
        }
    return most;
}

static void check_time(const msgpack_object *o, const uint8_t *p, const uint8_t *end)
{
    int64_t us = 0, want;
    msgpack_timestamp t;
    const uint8_t *q = gn_mp_get_time(p, end, &us);
    if (o->type != MSGPACK_OBJECT_EXT || !msgpack_object_to_timestamp(o, &t) ||
        t.tv_nsec > 999999999 || t.tv_nsec % 1000 ||
        __builtin_mul_overflow(t.tv_sec, INT64_C(1000000), &want) ||
        __builtin_add_overflow(want, (int64_t)(t.tv_nsec / 1000), &want)) {
        REQUIRE(!q);
        return;
    }
    /* Lengths that are no timestamp's. */
    if (o->via.ext.size != 4 && o->via.ext.size != 8 && o->via.ext.size != 12) {
        REQUIRE(!q);
        return;
    }
    /* ext 8 heads around 4 or 8 bytes are valid msgpack, but no form of a timestamp. */
    if (!q) {
        REQUIRE(*p >= 0xc7 && *p <= 0xc9 && !(*p == 0xc7 && o->via.ext.size == 12));
        return;
    }
    REQUIRE(us == want);
}

/* One value that both accept, and what is in it; returns the byte after it. */
static const uint8_t *compare(const msgpack_object *o, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *after = gn_mp_skip(p, end), *q;
    int64_t i = 0;
    uint64_t u = 0;
    double f = 0;
    bool b = false;
    const char *s = NULL;
    const uint8_t *x = NULL;
    size_t n = 0;
    REQUIRE(after && after > p && after <= end);

    q = gn_mp_get_int(p, end, &i);
    if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        REQUIRE(o->via.u64 > INT64_MAX ? !q : q == after && i == (int64_t)o->via.u64);
    else if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        REQUIRE(q == after && i == o->via.i64);
    else
        REQUIRE(!q);

    q = gn_mp_get_uint(p, end, &u);
    REQUIRE(o->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? q == after && u == o->via.u64 : !q);

    q = gn_mp_get_float(p, end, &f);
    if (o->type == MSGPACK_OBJECT_FLOAT32 || o->type == MSGPACK_OBJECT_FLOAT64)
        REQUIRE(q == after && (isnan(f) ? isnan(o->via.f64) : f == o->via.f64));
    else
        REQUIRE(!q);

    q = gn_mp_get_bool(p, end, &b);
    REQUIRE(o->type == MSGPACK_OBJECT_BOOLEAN ? q == after && b == o->via.boolean : !q);

    q = gn_mp_get_str(p, end, &s, &n);
    if (o->type == MSGPACK_OBJECT_STR)
        REQUIRE(q == after && n == o->via.str.size && s + n == (const char *)after &&
                (n == 0 || memcmp(s, o->via.str.ptr, n) == 0));
    else
        REQUIRE(!q);

    q = gn_mp_get_bin(p, end, &x, &n);
    if (o->type == MSGPACK_OBJECT_BIN)
        REQUIRE(q == after && n == o->via.bin.size && x + n == after &&
                (n == 0 || memcmp(x, o->via.bin.ptr, n) == 0));
    else
        REQUIRE(!q);

    check_time(o, p, end);

    q = gn_mp_get_array(p, end, &n);
    if (o->type == MSGPACK_OBJECT_ARRAY) {
        REQUIRE(q && n == o->via.array.size);
        for (size_t k = 0; k < n; k++)
            q = compare(&o->via.array.ptr[k], q, end);
        REQUIRE(q == after);
    } else {
        REQUIRE(!q);
    }

    q = gn_mp_get_map(p, end, &n);
    if (o->type == MSGPACK_OBJECT_MAP) {
        REQUIRE(q && n == o->via.map.size);
        for (size_t k = 0; k < n; k++) {
            q = compare(&o->via.map.ptr[k].key, q, end);
            q = compare(&o->via.map.ptr[k].val, q, end);
        }
        REQUIRE(q == after);
    } else {
        REQUIRE(!q);
    }
    return after;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *p = data, *end = data + size;
    msgpack_unpacked u;
    size_t containers = 0;
    if (size > 4096 || announces_much(data, size)) {
        for (; p < end; p++)
            (void)gn_mp_skip(p, end);
        return 0;
    }
    for (size_t i = 0; i < size; i++)
        containers += is_container(data[i]);
    msgpack_unpacked_init(&u);
    for (;;) {
        size_t off = 0;
        const uint8_t *q = gn_mp_skip(p, end);
        bool incomplete = gn_mp_incomplete(p, end);
        REQUIRE(!(q && incomplete));
        msgpack_unpack_return r = msgpack_unpack_next(&u, (const char *)p, (size_t)(end - p), &off);
        if (r == MSGPACK_UNPACK_SUCCESS || r == MSGPACK_UNPACK_EXTRA_BYTES) {
            if (!q) { /* only for its depth */
                REQUIRE(!incomplete && depth_of(&u.data) >= GN_MP_DEPTH);
                break;
            }
            REQUIRE(depth_of(&u.data) < GN_MP_DEPTH && q == p + off);
            REQUIRE(compare(&u.data, p, end) == q);
            /* Cut anywhere in its first bytes it is incomplete, and nothing reads beyond. */
            for (size_t cut = 0; cut < off && cut < 24; cut++) {
                REQUIRE(!gn_mp_skip(p, p + cut));
                REQUIRE(gn_mp_incomplete(p, p + cut));
            }
            p = q;
            continue;
        }
        REQUIRE(!q);
        if (r == MSGPACK_UNPACK_CONTINUE)
            REQUIRE(incomplete || containers >= GN_MP_DEPTH);
        else if (r == MSGPACK_UNPACK_PARSE_ERROR)
            REQUIRE(!incomplete);
        break;
    }
    msgpack_unpacked_destroy(&u);
    return 0;
}
