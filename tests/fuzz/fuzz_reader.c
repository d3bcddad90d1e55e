/* The whole reader on memory. Even first byte: any bytes as a stream. Odd: any bytes as the records
 * between an honest header and an honest trailer; then msgpack-c walks the same bytes, and says of
 * every value what the decoded vectors must hold and whether the reader must accept. */
#include "base/civil.h"
#include "base/parse.h"
#include "io/mp.h"
#include "stream/reader.h"

#include <math.h>
#include <msgpack.h>
#include <msgpack/timestamp.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!(x))                                                                                  \
            abort();                                                                               \
    } while (0)

static const char *const schemas[] = {
    "a:int",
    "a:str,b:int",
    "user_id:str,timestamp:time,action_type:str,page_id:str,duration_ms:int,app_version:str",
    "s:str,i:int,f:float,b:bool,t:time,d:date,x:bin",
};

static bool announces_much(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 4 < n; i++)
        if (((p[i] == 0xdd || p[i] == 0xdf) && gn_be32(p + i + 1) > (1u << 20)) ||
            (p[i] == 0xc9 && gn_be32(p + i + 1) == UINT32_MAX))
            return true;
    return false;
}

/* Is the value one that a field of this type may hold? Then what the vector has for it. */
static bool fits(const msgpack_object *o, gn_type t, int64_t *i, double *f)
{
    msgpack_timestamp ts;
    *i = 0;
    *f = 0;
    if (o->type == MSGPACK_OBJECT_NIL)
        return true;
    switch (t) {
    case GN_STR:
        return o->type == MSGPACK_OBJECT_STR &&
               gn_utf8_valid(o->via.str.ptr, o->via.str.size) == o->via.str.size;
    case GN_BIN:
        return o->type == MSGPACK_OBJECT_BIN;
    case GN_INT:
    case GN_DATE:
        *i = o->via.i64;
        if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? o->via.u64 > INT64_MAX
                                                       : o->type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
            return false;
        return t == GN_INT || (*i >= GN_DAY_MIN && *i <= GN_DAY_MAX);
    case GN_FLOAT:
        *f = o->via.f64;
        return (o->type == MSGPACK_OBJECT_FLOAT32 || o->type == MSGPACK_OBJECT_FLOAT64) &&
               isfinite(*f);
    case GN_BOOL:
        *i = o->type == MSGPACK_OBJECT_BOOLEAN && o->via.boolean;
        return o->type == MSGPACK_OBJECT_BOOLEAN;
    case GN_TIME:
        if (o->type != MSGPACK_OBJECT_EXT || !msgpack_object_to_timestamp(o, &ts) ||
            ts.tv_nsec > 999999999 || ts.tv_nsec % 1000 ||
            __builtin_mul_overflow(ts.tv_sec, INT64_C(1000000), i))
            return false;
        *i += ts.tv_nsec / 1000;
        return *i >= GN_TIME_MIN && *i <= GN_TIME_MAX;
    }
    return false;
}

static void compare(const gn_batch *b, size_t row, const gn_schema *s, const msgpack_object *o)
{
    REQUIRE(o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size == s->n);
    for (size_t k = 0; k < s->n; k++) {
        const msgpack_object *v = &o->via.array.ptr[k];
        const gn_vec *c = &b->col[k];
        int64_t i;
        double f;
        if (!c->what)
            continue;
        REQUIRE(fits(v, s->f[k].type, &i, &f));
        REQUIRE(c->null[row] == (v->type == MSGPACK_OBJECT_NIL));
        if (c->null[row])
            continue;
        if (c->i)
            REQUIRE(c->i[row] == i);
        if (c->f)
            REQUIRE(c->f[row] == f);
        if (c->s && v->type == MSGPACK_OBJECT_STR)
            REQUIRE(c->s[row].n == v->via.str.size &&
                    (!c->s[row].n || memcmp(c->s[row].p, v->via.str.ptr, c->s[row].n) == 0));
        if (c->s && v->type == MSGPACK_OBJECT_BIN)
            REQUIRE(c->s[row].n == v->via.bin.size &&
                    (!c->s[row].n || memcmp(c->s[row].p, v->via.bin.ptr, c->s[row].n) == 0));
        if (c->raw) {
            const uint8_t *p = c->raw[row].p, *end = p + c->raw[row].n;
            REQUIRE(gn_mp_skip(p, end) == end);
        }
    }
}

/* Read it all; `p`, when given, are the records' bytes to compare with. True when accepted. */
static bool read_all(gn_in *in, bool verify, const uint8_t *p, size_t n, uint64_t *records)
{
    gn_err e = {0};
    gn_batch *b;
    int ev;
    size_t at = 0;
    bool open = false, crossed = false;
    msgpack_unpacked u;
    gn_reader *r = gn_reader_on(in, 1 << 20, &e);
    REQUIRE(r);
    msgpack_unpacked_init(&u);
    while ((ev = gn_reader_next(r, &b, &e)) > 0) {
        const gn_header *h = gn_reader_header(r);
        if (ev == GN_EV_SEGMENT) {
            REQUIRE(!open && h->schema.n > 0);
            open = true;
            if (verify)
                REQUIRE(gn_reader_want_all(r, GN_VALUE | GN_RAW, &e) == 0);
            else
                REQUIRE(gn_reader_want(r, (int)h->schema.n - 1, GN_VALUE, &e) == 0);
        } else if (ev == GN_EV_BATCH) {
            REQUIRE(open && b->n > 0 && b->n <= GN_BATCH);
            for (size_t i = 0; i < b->n; i++) {
                REQUIRE(b->off[i] < b->off[i + 1]);
                REQUIRE(gn_mp_skip(b->base + b->off[i], b->base + b->off[i + 1]) ==
                        b->base + b->off[i + 1]);
                if (!p)
                    continue;
                /* A record cut short takes its last bytes from the trailer: that must end badly. */
                crossed = crossed || msgpack_unpack_next(&u, (const char *)p, n, &at) <
                                         MSGPACK_UNPACK_EXTRA_BYTES;
                if (!crossed)
                    compare(b, i, &h->schema, &u.data);
            }
        } else {
            REQUIRE(open && ev == GN_EV_END);
            open = false;
        }
    }
    REQUIRE(ev == 0 || e.status == GN_INPUT || e.status == GN_CORRUPT);
    REQUIRE(ev == 0 || *e.msg || e.silent);
    REQUIRE(ev != 0 || (!open && !crossed));
    *records = gn_reader_records(r);
    msgpack_unpacked_destroy(&u);
    gn_reader_close(r);
    return ev == 0;
}

static int depth_of(const msgpack_object *o)
{
    int most = 0;
    for (uint32_t i = 0; o->type == MSGPACK_OBJECT_ARRAY && i < o->via.array.size; i++) {
        int d = 1 + depth_of(&o->via.array.ptr[i]);
        most = d > most ? d : most;
    }
    return most;
}

/* How many records the bytes hold by msgpack-c; *good: every value fits its field. */
static uint64_t walk(const uint8_t *p, size_t n, const gn_schema *s, bool *good)
{
    msgpack_unpacked u;
    size_t at = 0;
    uint64_t count = 0;
    *good = true;
    msgpack_unpacked_init(&u);
    while (at < n) {
        size_t from = at;
        if (msgpack_unpack_next(&u, (const char *)p, n, &at) < MSGPACK_UNPACK_EXTRA_BYTES ||
            u.data.type != MSGPACK_OBJECT_ARRAY || u.data.via.array.size != s->n ||
            depth_of(&u.data) >= GN_MP_DEPTH) {
            *good = false;
            break;
        }
        const uint8_t *q = p + from;
        size_t inside;
        q = gn_mp_get_array(q, p + n, &inside);
        for (size_t k = 0; k < s->n; k++) {
            int64_t i;
            double f;
            if (!fits(&u.data.via.array.ptr[k], s->f[k].type, &i, &f))
                *good = false;
            /* A timestamp under another head is valid msgpack, but no timestamp. */
            if (s->f[k].type == GN_TIME && q && *q >= 0xc7 && *q <= 0xc9 &&
                !gn_mp_get_time(q, p + n, &i))
                *good = false;
            q = q ? gn_mp_skip(q, p + n) : NULL;
        }
        count++;
    }
    msgpack_unpacked_destroy(&u);
    return count;
}

static void between(unsigned mode, const uint8_t *data, size_t n)
{
    gn_header h = {0};
    gn_trailer t = {0};
    gn_err e = {0};
    gn_buf b = {0};
    bool good, canon = mode & 2, verify = mode & 4;
    uint64_t seen = 0;
    if (announces_much(data, n))
        return;
    REQUIRE(gn_schema_parse(&h.schema, schemas[mode >> 3 & 3], &e) == 0);
    uint64_t count = walk(data, n, &h.schema, &good);
    REQUIRE(gn_header_encode(&h, &b, &e) == 0);
    uint8_t *said = memmem(b.p, b.n, "canon\xc3", 6);
    REQUIRE(said);
    if (!canon)
        said[5] = GN_MP_FALSE;
    REQUIRE(gn_buf_add(&b, data, n, &e) == 0);
    t.records = count;
    REQUIRE(gn_trailer_encode(&t, &b, &e) == 0 && gn_buf_reserve(&b, GN_MP_HEAD, &e) == 0);
    b.n = (size_t)(gn_mp_uint(b.p + b.n, gn_hash(b.p, b.n)) - b.p);
    gn_in *in = gn_in_memory(b.p, b.n, "fuzz", &e);
    REQUIRE(in);
    bool accepted = read_all(in, verify, data, n, &seen);
    if (accepted)
        REQUIRE(seen == count);
    if (accepted && (verify || !canon))
        REQUIRE(good);
    if (good && !canon)
        REQUIRE(accepted);
    gn_header_release(&h);
    gn_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 65536)
        return 0;
    if (data[0] & 1) {
        between(data[0], data + 1, size - 1);
        return 0;
    }
    gn_err e = {0};
    uint64_t seen;
    gn_in *in = gn_in_memory(data + 1, size - 1, "fuzz", &e);
    REQUIRE(in);
    (void)read_all(in, data[0] & 2, NULL, 0, &seen);
    return 0;
}
