/* Any bytes as header or trailer. What is accepted is valid msgpack, can be written again, and
 * reads back as the same; the second writing has the same bytes as the first. The first byte
 * chooses: bare bytes, or bytes behind a good beginning. */
#include "io/mp.h"
#include "stream/header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!(x))                                                                                  \
            abort();                                                                               \
    } while (0)

static bool deep(const uint8_t *p, const uint8_t *end)
{
    return !gn_mp_skip(p, end) && !gn_mp_incomplete(p, end);
}

static void header(const uint8_t *p, size_t n)
{
    gn_header h = {0}, copy = {0}, back = {0};
    gn_err e = {0};
    gn_buf a = {0}, b = {0};
    const uint8_t *q = gn_header_decode(&h, p, p + n, "fuzz", &e);
    if (!q) {
        REQUIRE(e.status == GN_INPUT || e.status == GN_CORRUPT);
        REQUIRE(*e.msg && strlen(e.msg) < sizeof e.msg);
        return;
    }
    /* As a whole it may be nested one level too deep, by what unknown keys hold. */
    REQUIRE(e.status == GN_OK && (q == gn_mp_skip(p, p + n) || (h.nextra && deep(p, p + n))));
    REQUIRE(h.schema.n > 0 && h.schema.n <= GN_FIELDS_MAX);
    for (size_t i = 0; i < h.norder; i++)
        REQUIRE(gn_schema_find(&h.schema, h.order[i].field) >= 0);
    for (size_t i = 0; i < h.part.nkeys; i++)
        REQUIRE(gn_schema_find(&h.schema, h.part.key[i]) >= 0);
    REQUIRE(gn_header_encode(&h, &a, &e) == 0);
    REQUIRE(gn_mp_skip(a.p, a.p + a.n) == a.p + a.n || (h.nextra && deep(a.p, a.p + a.n)));
    REQUIRE(gn_header_decode(&back, a.p, a.p + a.n, "again", &e) == a.p + a.n);
    REQUIRE(gn_schema_equal(&h.schema, &back.schema) && h.norder == back.norder &&
            h.part.nkeys == back.part.nkeys && h.nextra == back.nextra);
    REQUIRE(gn_header_copy(&copy, &back, &e) == 0);
    REQUIRE(gn_header_encode(&copy, &b, &e) == 0);
    REQUIRE(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
    /* A projection to the last field and back to none of the claims that need others. */
    int last = (int)h.schema.n - 1;
    REQUIRE(gn_header_project(&copy, &last, 1, &e) == 0 && copy.schema.n == 1);
    gn_header_release(&h);
    gn_header_release(&back);
    gn_header_release(&copy);
    gn_buf_release(&a);
    gn_buf_release(&b);
}

static void trailer(const uint8_t *p, size_t n)
{
    gn_trailer t = {0}, back = {0};
    gn_err e = {0};
    gn_buf a = {0}, b = {0};
    const uint8_t *sum_at = NULL, *q = gn_trailer_decode(&t, p, p + n, &sum_at, "fuzz", &e);
    if (!q) {
        REQUIRE(e.status == GN_CORRUPT && *e.msg);
        return;
    }
    REQUIRE(q == gn_mp_skip(p, p + n) || deep(p, p + n));
    REQUIRE(t.fail || (sum_at > p && sum_at < q));
    REQUIRE(gn_trailer_encode(&t, &a, &e) == 0);
    if (!t.fail) {
        REQUIRE(gn_buf_reserve(&a, GN_MP_HEAD, &e) == 0);
        a.n = (size_t)(gn_mp_uint(a.p + a.n, t.xxh3) - a.p);
    }
    REQUIRE(gn_trailer_decode(&back, a.p, a.p + a.n, &sum_at, "again", &e) == a.p + a.n);
    REQUIRE(back.fail == t.fail && back.records == t.records && back.xxh3 == t.xxh3);
    if (t.lineage.nsources <= GN_SOURCES_MAX)
        REQUIRE(back.lineage.ncover == t.lineage.ncover &&
                back.lineage.nsources == t.lineage.nsources);
    REQUIRE(gn_trailer_encode(&back, &b, &e) == 0);
    REQUIRE(b.n <= a.n && memcmp(a.p, b.p, b.n) == 0);
    gn_trailer_release(&t);
    gn_trailer_release(&back);
    gn_buf_release(&a);
    gn_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char begin[] = "\x84\xa2gn\x01\xa5"
                                "canon\xc3\xa6"
                                "fields\x92\x92\xa1"
                                "a\xa3int"
                                "\x92\xa1"
                                "b\xa3str";
    static const char end[] = "\x84\xa3"
                              "end\x05";
    if (size == 0 || size > 100000)
        return 0;
    unsigned mode = data[0];
    size_t n = size - 1, m = mode & 4 ? sizeof end - 1 : sizeof begin - 1;
    if (!(mode & 8))
        m = 0;
    uint8_t *p = malloc(m + n ? m + n : 1);
    REQUIRE(p);
    memcpy(p, mode & 4 ? end : begin, m);
    memcpy(p + m, data + 1, n);
    if (m) /* the number of pairs, at least the one that is there */
        p[0] = (uint8_t)(0x80 | (mode >> 4));
    if (mode & 4)
        trailer(p, m + n);
    else
        header(p, m + n);
    free(p);
    return 0;
}
