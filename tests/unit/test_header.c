/* test_header.c - headers and trailers: there and back, every byte short, every bit flipped, what
 * must be refused and with which status. */
#include "io/mp.h"
#include "stream/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void fill(gn_header *h)
{
    gn_err e = {0};
    memset(h, 0, sizeof *h);
    assert_int_equal(
        gn_schema_parse(&h->schema, "user:str,at:time,n:int,x:float,ok:bool,d:date,s:bin", &e), 0);
    h->canon = true;
    assert_int_equal(gn_header_add_order(h, "user", false, &e), 0);
    assert_int_equal(gn_header_add_order(h, "at", true, &e), 0);
    h->total = true;
    h->part.key = gn_calloc(2, sizeof *h->part.key, &e);
    h->part.key[0] = gn_strdup("user", &e);
    h->part.key[1] = gn_strdup("d", &e);
    h->part.nkeys = 2;
    h->part.lo = UINT64_C(1) << 63;
    h->part.hi = UINT64_MAX;
    h->partial.command = gn_strdup("gn-dau", &e);
    h->partial.state = gn_strdup("keys", &e);
    h->partial.params = gn_strdup("tz=UTC active=any", &e);
    assert_int_equal(gn_buf_add(&h->extra,
                                "\xa6"
                                "future\x92\x01\x81\xa1"
                                "a\xc0",
                                13, &e),
                     0);
    h->nextra = 1;
}

static void same(const gn_header *a, const gn_header *b)
{
    assert_true(gn_schema_equal(&a->schema, &b->schema));
    assert_int_equal(a->norder, b->norder);
    for (size_t i = 0; i < a->norder; i++) {
        assert_string_equal(a->order[i].field, b->order[i].field);
        assert_int_equal(a->order[i].desc, b->order[i].desc);
    }
    assert_int_equal(a->total, b->total);
    assert_int_equal(a->part.nkeys, b->part.nkeys);
    for (size_t i = 0; i < a->part.nkeys; i++)
        assert_string_equal(a->part.key[i], b->part.key[i]);
    assert_true(a->part.lo == b->part.lo && a->part.hi == b->part.hi);
    assert_int_equal(a->partial.command != NULL, b->partial.command != NULL);
    if (a->partial.command) {
        assert_string_equal(a->partial.command, b->partial.command);
        assert_string_equal(a->partial.state, b->partial.state);
        assert_string_equal(a->partial.params, b->partial.params);
    }
    assert_int_equal(a->nextra, b->nextra);
    assert_int_equal(a->extra.n, b->extra.n);
    if (a->extra.n)
        assert_memory_equal(a->extra.p, b->extra.p, a->extra.n);
}

static void test_round_trip(void **state)
{
    (void)state;
    gn_header h, back = {0}, copy = {0};
    gn_err e = {0};
    gn_buf b = {0}, again = {0};
    fill(&h);
    assert_int_equal(gn_header_encode(&h, &b, &e), 0);
    assert_ptr_equal(gn_header_decode(&back, b.p, b.p + b.n, "x", &e), b.p + b.n);
    assert_true(back.canon);
    same(&h, &back);
    assert_int_equal(gn_header_copy(&copy, &back, &e), 0);
    same(&h, &copy);
    assert_int_equal(gn_header_encode(&copy, &again, &e), 0);
    assert_int_equal(again.n, b.n);
    assert_memory_equal(again.p, b.p, b.n);
    gn_header_release(&h);
    gn_header_release(&back);
    gn_header_release(&copy);
    gn_header_release(&copy); /* idempotent */
    gn_buf_release(&b);
    gn_buf_release(&again);
}

static void test_minimal(void **state)
{
    (void)state;
    gn_header h = {0}, back = {0};
    gn_err e = {0};
    gn_buf b = {0};
    assert_int_equal(gn_schema_parse(&h.schema, "a:int", &e), 0);
    assert_int_equal(gn_header_encode(&h, &b, &e), 0);
    static const char want[] = "\x83\xa2gn\x01\xa5"
                               "canon\xc3\xa6"
                               "fields\x91\x92\xa1"
                               "a\xa3int";
    assert_int_equal(b.n, sizeof want - 1);
    assert_memory_equal(b.p, want, b.n);
    assert_non_null(gn_header_decode(&back, b.p, b.p + b.n, "x", &e));
    same(&h, &back);
    gn_header_release(&h);
    gn_header_release(&back);
    gn_buf_release(&b);
}

static void test_cut_and_flipped(void **state)
{
    (void)state;
    gn_header h;
    gn_err e = {0};
    gn_buf b = {0};
    fill(&h);
    assert_int_equal(gn_header_encode(&h, &b, &e), 0);
    for (size_t n = 0; n < b.n; n++) {
        gn_header back = {0};
        gn_err f = {0};
        uint8_t *x = malloc(n ? n : 1);
        memcpy(x, b.p, n);
        assert_null(gn_header_decode(&back, x, x + n, "x", &f));
        assert_true(f.status == GN_INPUT || f.status == GN_CORRUPT);
        gn_header_release(&back);
        free(x);
    }
    for (size_t bit = 0; bit < b.n * 8; bit++) { /* any answer, but an orderly one */
        gn_header back = {0};
        gn_err f = {0};
        uint8_t *x = malloc(b.n);
        memcpy(x, b.p, b.n);
        x[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const uint8_t *q = gn_header_decode(&back, x, x + b.n, "x", &f);
        if (!q)
            assert_true(f.status == GN_INPUT || f.status == GN_CORRUPT);
        else
            assert_true(q > x && q <= x + b.n && f.status == GN_OK);
        gn_header_release(&back);
        free(x);
    }
    gn_header_release(&h);
    gn_buf_release(&b);
}

#define GN "\xa2gn\x01"
#define FIELDS                                                                                     \
    "\xa6"                                                                                         \
    "fields\x91\x92\xa1"                                                                           \
    "a\xa3int"

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        int status;
    } t[] = {
#define T(s, status) {s, sizeof(s) - 1, status}
        T("\x80", GN_INPUT),                        /* an empty map */
        T("\x81\xa2xy\x01", GN_INPUT),              /* another first key */
        T("\x81\x01\x01", GN_INPUT),                /* no text key */
        T("\x93\x01\x02\x03", GN_INPUT),            /* no map */
        T("hello", GN_INPUT),                       /* text */
        T("\x82\xa2gn\x02" FIELDS, GN_INPUT),       /* a later format */
        T("\x82\xa2gn\x00" FIELDS, GN_INPUT),       /* an earlier one */
        T("\x82" FIELDS GN, GN_INPUT),              /* gn is not first */
        T("\x83" GN FIELDS "\xa2!x\xc0", GN_INPUT), /* must be understood */
        T("\x81" GN, GN_CORRUPT),                   /* no fields */
        T("\x82" GN "\xa6"
          "fields\x90",
          GN_CORRUPT), /* none of them */
        T("\x82" GN "\xa6"
          "fields\x91\x92\xa1"
          "a\xa3inx",
          GN_CORRUPT), /* no type */
        T("\x82" GN "\xa6"
          "fields\x91\x91\xa1"
          "a",
          GN_CORRUPT),
        T("\x82" GN "\xa6"
          "fields\x91\x92\xa0\xa3int",
          GN_CORRUPT), /* an empty name */
        T("\x82" GN "\xa6"
          "fields\x92\x92\xa1"
          "a\xa3int\x92\xa1"
          "a\xa3str",
          GN_CORRUPT),
        T("\x82" GN "\xa6"
          "fields\x91\x92\xa2"
          "a\0\xa3int",
          GN_CORRUPT), /* NUL in a name */
        T("\x82" GN "\xa6"
          "fields\x91\x92\xa1\xff\xa3int",
          GN_CORRUPT), /* not UTF-8 */
        T("\x83" GN FIELDS FIELDS, GN_CORRUPT),
        T("\x83" GN FIELDS "\xa5order\x91\x92\xa1"
          "b\xa3"
          "asc",
          GN_CORRUPT), /* no such field */
        T("\x83" GN FIELDS "\xa5order\x91\x92\xa1"
          "a\xa3up ",
          GN_CORRUPT),
        T("\x83" GN FIELDS "\xa5order\x01", GN_CORRUPT),
        T("\x83" GN FIELDS "\xa5"
          "canon\x01",
          GN_CORRUPT),
        T("\x83" GN FIELDS "\xa4part\x80", GN_CORRUPT),
        T("\x83" GN FIELDS "\xa4part\x84\xa3key\x91\xa1"
          "a\xa4hash\xa4xxh3\xa2lo\x05\xa2hi\x04",
          GN_CORRUPT), /* lo above hi */
        T("\x83" GN FIELDS "\xa4part\x84\xa3key\x91\xa1"
          "a\xa4hash\xa3md5\xa2lo\x05\xa2hi\x06",
          GN_CORRUPT),
        T("\x83" GN FIELDS "\xa4part\x84\xa3key\x91\xa1"
          "b\xa4hash\xa4xxh3\xa2lo\x05\xa2hi\x06",
          GN_CORRUPT),
        T("\x83" GN FIELDS "\xa8!partial\x80", GN_CORRUPT),
        T("\xdf\xff\xff\xff\xff" GN FIELDS, GN_CORRUPT), /* a length that lies */
        T("\x82" GN "\xa6"
          "fields\xdd\xff\xff\xff\xff\x92\xa1"
          "a\xa3int",
          GN_CORRUPT),
#undef T
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        gn_header h = {0};
        gn_err e = {0};
        const uint8_t *p = (const uint8_t *)t[i].bytes;
        if (gn_header_decode(&h, p, p + t[i].n, "x", &e))
            fail_msg("case %zu was accepted", i);
        if (e.status != t[i].status)
            fail_msg("case %zu: status %d, not %d: %s", i, e.status, t[i].status, e.msg);
        assert_non_null(strstr(e.msg, "'x'"));
    }
    const char part[] = "\x83" GN FIELDS "\xa4part\x84\xa3key\x91\xa1"
                        "a\xa4hash\xa4xxh3\xa2lo\x05\xa2hi\x05";
    gn_header h = {0};
    gn_err e = {0};
    assert_non_null(gn_header_decode(&h, (const uint8_t *)part,
                                     (const uint8_t *)part + sizeof part - 1, "x", &e));
    assert_false(h.canon); /* not said: not so */
    gn_header_release(&h);
}

static void project(const char *keep_text, size_t order, bool total, size_t keys)
{
    gn_header h;
    gn_err e = {0};
    int *keep;
    size_t n;
    fill(&h);
    assert_int_equal(gn_schema_select(&h.schema, keep_text, &keep, &n, &e), 0);
    assert_int_equal(gn_header_project(&h, keep, n, &e), 0);
    assert_int_equal(h.schema.n, n);
    assert_int_equal(h.norder, order);
    assert_int_equal(h.total, total);
    assert_int_equal(h.part.nkeys, keys);
    free(keep);
    gn_header_release(&h);
}

static void test_project(void **state)
{
    (void)state;
    project("user,at,n,x,ok,d,s", 2, true, 2);
    project("user,at,n,x,ok,d", 2, false, 2);   /* a field less: ties may swap */
    project("at,user,n,x,ok,d,s", 2, false, 2); /* moved: the record's bytes differ */
    project("user,d", 1, false, 2);
    project("user", 1, false, 0);
    project("at,d", 0, false, 0); /* no prefix of the order is left */
    project("n", 0, false, 0);
}

static void test_trailer(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_buf b = {0};
    gn_trailer t = {.records = UINT64_C(1) << 40}, back = {0};
    gn_id src = gn_id_of("abc", 3);
    assert_int_equal(gn_lineage_add_source(&t.lineage, (gn_source){src, 1000, false}, &e), 0);
    assert_int_equal(gn_lineage_add_cover(&t.lineage, (gn_cover){src, 10, 20, 0, UINT64_MAX}, &e),
                     0);
    assert_int_equal(gn_lineage_add_node(&t.lineage, "gn-x", "1", "a=b", &src, 1, &e), 0);
    assert_int_equal(gn_trailer_encode(&t, &b, &e), 0);
    size_t sum = b.n;
    assert_int_equal(gn_buf_reserve(&b, GN_MP_HEAD, &e), 0);
    b.n = (size_t)(gn_mp_uint(b.p + b.n, UINT64_MAX - 5) - b.p);
    const uint8_t *sum_at = NULL;
    assert_ptr_equal(gn_trailer_decode(&back, b.p, b.p + b.n, &sum_at, "x", &e), b.p + b.n);
    assert_int_equal(sum_at - b.p, sum);
    assert_false(back.fail);
    assert_true(back.records == t.records && back.xxh3 == UINT64_MAX - 5);
    assert_int_equal(back.lineage.nsources, 1);
    assert_int_equal(back.lineage.ncover, 1);
    assert_true(back.lineage.cover[0].lo == 10 && back.lineage.cover[0].hi == 20);
    assert_true(back.lineage.has_root && gn_id_cmp(back.lineage.root, t.lineage.root) == 0);
    gn_trailer_release(&back);
    for (size_t n = 0; n < b.n; n++) {
        gn_err f = {0};
        uint8_t *x = malloc(n ? n : 1);
        memcpy(x, b.p, n);
        assert_null(gn_trailer_decode(&back, x, x + n, &sum_at, "x", &f));
        assert_int_equal(f.status, GN_CORRUPT);
        free(x);
    }
    for (size_t bit = 0; bit < b.n * 8; bit++) {
        gn_err f = {0};
        gn_trailer r = {0};
        uint8_t *x = malloc(b.n);
        memcpy(x, b.p, b.n);
        x[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const uint8_t *q = gn_trailer_decode(&r, x, x + b.n, &sum_at, "x", &f);
        assert_true(q ? q <= x + b.n : f.status == GN_CORRUPT);
        gn_trailer_release(&r);
        free(x);
    }
    gn_trailer_release(&t);
    gn_buf_release(&b);
}

static void test_fail_trailer(void **state)
{
    (void)state;
    gn_err e = {0};
    gn_buf b = {0};
    char name[] = "gn-x";
    gn_trailer t = {.fail = true, .fail_command = name, .fail_status = 5}, back = {0};
    const uint8_t *sum_at;
    assert_int_equal(gn_trailer_encode(&t, &b, &e), 0);
    static const char want[] = "\x81\xa4"
                               "fail\x92\xa4gn-x\x05";
    assert_int_equal(b.n, sizeof want - 1);
    assert_memory_equal(b.p, want, b.n);
    assert_ptr_equal(gn_trailer_decode(&back, b.p, b.p + b.n, &sum_at, "x", &e), b.p + b.n);
    assert_true(back.fail);
    assert_string_equal(back.fail_command, "gn-x");
    assert_int_equal(back.fail_status, 5);
    gn_trailer_release(&back);
    gn_buf_release(&b);
}

static void test_trailer_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } t[] = {
#define T(s) {s, sizeof(s) - 1}
        T("\x80"),
        T("\x81\xa3"
          "end\x05"), /* no checksum */
        T("\x82\xa4xxh3\x01\xa3"
          "end\x05"), /* end is not first */
        T("\x83\xa3"
          "end\x05\xa4xxh3\x01\xa3new\x01"), /* the checksum is not last */
        T("\x82\xa3"
          "end\xff\xa4xxh3\x01"), /* -1 records */
        T("\x82\xa3"
          "end\x05\xa4xxh3\xff"), /* a negative checksum */
        T("\x82\xa3"
          "end\xa1"
          "5\xa4xxh3\x01"), /* a text as count */
        T("\x82\xa4"
          "fail\x92\xa1x\x05\xa3"
          "end\x05"), /* fail and more */
        T("\x81\xa4"
          "fail\x91\xa1x"),
        T("\x81\xa4"
          "fail\x92\xa1x\x00"), /* success is no failure */
        T("\x83\xa3"
          "end\x05\xa5"
          "cover\x91\x01\xa4xxh3\x01"),
        T("\x83\xa3"
          "end\x05\xa7sources\x91\x93\xc4\x01x\x01\xa5"
          "bytes\xa4xxh3\x01"),
        T("\x83\xa3"
          "end\x05\xa4prov\x01\xa4xxh3\x01"),
        T("\x91\x01"),
#undef T
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        gn_trailer r = {0};
        gn_err e = {0};
        const uint8_t *sum_at, *p = (const uint8_t *)t[i].bytes;
        if (gn_trailer_decode(&r, p, p + t[i].n, &sum_at, "x", &e))
            fail_msg("case %zu was accepted", i);
        assert_int_equal(e.status, GN_CORRUPT);
    }
    /* A later version's key is passed over. */
    static const char later[] = "\x83\xa3"
                                "end\x05\xa3new\x92\x01\xc0\xa4xxh3\x01";
    gn_trailer r = {0};
    gn_err e = {0};
    const uint8_t *sum_at, *p = (const uint8_t *)later;
    assert_ptr_equal(gn_trailer_decode(&r, p, p + sizeof later - 1, &sum_at, "x", &e),
                     p + sizeof later - 1);
    assert_true(r.records == 5);
    gn_trailer_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_cut_and_flipped), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_project),         cmocka_unit_test(test_trailer),
        cmocka_unit_test(test_fail_trailer),    cmocka_unit_test(test_trailer_refused),
    };
    return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
