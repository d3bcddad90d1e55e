/* test_batch.c - the decoder of records: values, raw forms, canonical and other encodings, and what
 * it says at every byte where its input may end. */
#include "io/in.h"
#include "io/mp.h"
#include "stream/batch.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SCHEMA "s:str,i:int,f:float,b:bool,t:time,d:date,x:bin"
#define FIELDS 7

typedef struct row {
    const char *s; /* NULL: null; the same for the others by `null` */
    size_t n;
    bool null;
    int64_t i, t, d;
    double f;
    bool b;
    size_t bin;
} row;

static char text[70001];

static const row rows[] = {
    {text, 0, false, 0, 0, 0, 0, false, 0},
    {text, 5, false, -1, -1, -1, 1.5, true, 3},
    {text, 31, false, 127, 1000000, 19000, -1e300, false, 40},
    {text, 32, false, 128, 999999, 100000, 0.1, true, 255},
    {text, 255, false, INT64_MAX, INT64_C(4294967296000000), -100000, 5e-324, true, 256},
    {NULL, 0, true, 0, 0, 0, 0, false, 0},
    {text, 256, false, INT64_MIN, INT64_C(17179869184000000), -719162, 3, false, 300},
    {text, 65535, false, 255, INT64_C(-62135596800000000), 2932896, -2, true, 65536},
    {text, 65536, false, -32769, 1, 128, 1e9, false, 1},
    {NULL, 0, false, 65536, 5, -33, 0.5, true, 0},
    {NULL, 0, true, 0, 0, 0, 0, false, 0},
    {text, 7, false, 12000, INT64_C(1688221815000000), 19539, 2.25, true, 2},
};
#define ROWS (sizeof rows / sizeof *rows)

static uint8_t *encode_row(uint8_t *p, const row *r)
{
    p = gn_mp_array_head(p, FIELDS);
    p = r->s ? gn_mp_str(p, r->s, r->n) : gn_mp_nil(p);
    if (r->null) {
        for (int k = 0; k < FIELDS - 1; k++)
            p = gn_mp_nil(p);
        return p;
    }
    p = gn_mp_int(p, r->i);
    p = gn_mp_float(p, r->f);
    p = gn_mp_bool(p, r->b);
    p = gn_mp_time(p, r->t);
    p = gn_mp_int(p, r->d);
    p = gn_mp_bin_head(p, r->bin);
    memcpy(p, text, r->bin);
    return p + r->bin;
}

/* All rows, with slack of bytes that look like more; `at` gets where each begins, and the end. */
static uint8_t *encode(size_t at[ROWS + 1])
{
    uint8_t *b = malloc(1 << 20), *p = b;
    assert_non_null(b);
    for (size_t i = 0; i < ROWS; i++) {
        at[i] = (size_t)(p - b);
        p = encode_row(p, &rows[i]);
    }
    at[ROWS] = (size_t)(p - b);
    memset(p, 0x91, GN_SLACK);
    return b;
}

static int make_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    return 0;
}

static void open_schema(gn_schema *s, const char *of)
{
    gn_err e = {0};
    memset(s, 0, sizeof *s);
    assert_int_equal(gn_schema_parse(s, of, &e), 0);
}

static void check_row(const gn_batch *b, size_t at, const row *r)
{
    const gn_vec *c = b->col;
    for (int k = 1; k < FIELDS; k++)
        assert_int_equal(c[k].null[at], r->null);
    assert_int_equal(c[0].null[at], r->s == NULL);
    assert_int_equal(c[0].s[at].n, r->n);
    if (r->s)
        assert_memory_equal(c[0].s[at].p, r->s, r->n);
    assert_true(c[1].i[at] == r->i);
    assert_true(c[2].f[at] == r->f);
    assert_true(c[3].i[at] == r->b);
    assert_true(c[4].i[at] == r->t);
    assert_true(c[5].i[at] == r->d);
    assert_int_equal(c[6].s[at].n, r->bin);
    if (r->bin)
        assert_memory_equal(c[6].s[at].p, text, r->bin);
    /* The raw forms, one after the other, are the record without its head. */
    const uint8_t *p = b->base + b->off[at] + 1, *end = b->base + b->off[at + 1];
    for (int k = 0; k < FIELDS; k++) {
        assert_in_range(c[k].raw[at].n, 1, (size_t)(end - p));
        assert_memory_equal(c[k].raw[at].p, p, c[k].raw[at].n);
        p += c[k].raw[at].n;
    }
    assert_ptr_equal(p, end);
}

static void decode_all(unsigned what, bool verify)
{
    gn_schema s;
    gn_err e = {0};
    size_t at[ROWS + 1];
    uint8_t *bytes = encode(at);
    open_schema(&s, SCHEMA);
    gn_decoder *d = gn_decoder_new(&s, true, &e);
    assert_non_null(d);
    if (verify) {
        assert_int_equal(gn_decoder_want_all(d, what, &e), 0);
    } else {
        for (int k = 0; k < FIELDS; k++)
            assert_int_equal(gn_decoder_want(d, k, what, &e), 0);
    }
    const uint8_t *p = bytes, *end = bytes + at[ROWS], *next;
    const char *bad = NULL;
    gn_batch *b = NULL;
    size_t seen = 0;
    while (p < end) {
        assert_int_equal(gn_decoder_run(d, p, end, GN_BATCH, &b, &next, &bad, &e), GN_DECODE_OK);
        assert_in_range(b->n, 1, ROWS - seen);
        for (size_t i = 0; i < b->n; i++, seen++) {
            assert_int_equal(b->base + b->off[i] - bytes, at[seen]);
            if (what & GN_VALUE && what & GN_RAW)
                check_row(b, i, &rows[seen]);
        }
        assert_ptr_equal(next, b->base + b->off[b->n]);
        p = next;
    }
    assert_int_equal(seen, ROWS);
    gn_decoder_free(d);
    gn_schema_release(&s);
    free(bytes);
}

static void test_values(void **state)
{
    (void)state;
    decode_all(GN_VALUE | GN_RAW, false);
    decode_all(GN_VALUE | GN_RAW, true);
    decode_all(GN_VALUE, false);
    decode_all(GN_RAW, false);
}

/* Every set of wanted fields sees the same values, whatever lies between them. */
static void test_subsets(void **state)
{
    (void)state;
    size_t at[ROWS + 1];
    uint8_t *bytes = encode(at);
    for (unsigned set = 0; set < 1u << FIELDS; set++) {
        gn_schema s;
        gn_err e = {0};
        open_schema(&s, SCHEMA);
        gn_decoder *d = gn_decoder_new(&s, true, &e);
        for (int k = 0; k < FIELDS; k++)
            if (set >> k & 1)
                assert_int_equal(gn_decoder_want(d, k, GN_VALUE, &e), 0);
        const uint8_t *p = bytes, *next;
        const char *bad;
        gn_batch *b;
        for (size_t seen = 0; seen < ROWS; seen += b->n, p = next) {
            assert_int_equal(gn_decoder_run(d, p, bytes + at[ROWS], GN_BATCH, &b, &next, &bad, &e),
                             GN_DECODE_OK);
            for (size_t i = 0; i < b->n; i++) {
                const row *r = &rows[seen + i];
                assert_int_equal(b->base + b->off[i] - bytes, at[seen + i]);
                if (set & 1)
                    assert_int_equal(b->col[0].s[i].n, r->n);
                if (set & 2)
                    assert_true(b->col[1].i[i] == r->i);
                if (set & 16)
                    assert_true(b->col[4].i[i] == r->t);
                if (set & 64)
                    assert_int_equal(b->col[6].s[i].n, r->bin);
                for (int k = 0; k < FIELDS; k++)
                    if (!(set >> k & 1))
                        assert_int_equal(b->col[k].what, 0);
            }
        }
        gn_decoder_free(d);
        gn_schema_release(&s);
    }
    free(bytes);
}

/* The input ends at each byte in turn: the whole records before it, then "incomplete". */
static void test_incomplete(void **state)
{
    (void)state;
    size_t at[ROWS + 1];
    uint8_t *bytes = encode(at);
    gn_schema s;
    gn_err e = {0};
    open_schema(&s, SCHEMA);
    for (int want = 0; want < 3; want++) {
        gn_decoder *d = gn_decoder_new(&s, want < 2, &e);
        if (want)
            assert_int_equal(gn_decoder_want_all(d, GN_VALUE | GN_RAW, &e), 0);
        for (size_t cut = 0; cut <= at[ROWS]; cut++) {
            size_t whole = 0;
            while (whole < ROWS && at[whole + 1] <= cut)
                whole++;
            /* Long bodies: their ends are enough. */
            if (cut > at[whole] + 400 && whole < ROWS && cut + 400 < at[whole + 1])
                cut = at[whole + 1] - 400;
            const size_t n = cut - at[whole > 4 ? whole - 4 : 0];
            const size_t from = whole > 4 ? whole - 4 : 0;
            uint8_t *x = malloc(n + GN_SLACK);
            assert_non_null(x);
            memcpy(x, bytes + at[from], n);
            memset(x + n, 0xa3, GN_SLACK);
            const uint8_t *p = x, *next;
            const char *bad = NULL;
            gn_batch *b;
            enum gn_decode r;
            size_t seen = from;
            while ((r = gn_decoder_run(d, p, x + n, GN_BATCH, &b, &next, &bad, &e)) ==
                   GN_DECODE_OK) {
                for (size_t i = 0; i < b->n && want; i++)
                    check_row(b, i, &rows[seen + i]);
                seen += b->n;
                p = next;
            }
            assert_int_equal(r, GN_DECODE_INCOMPLETE);
            assert_int_equal(seen, whole);
            assert_int_equal(p - x, at[whole] - at[from]);
            free(x);
        }
        gn_decoder_free(d);
    }
    gn_schema_release(&s);
    free(bytes);
}

/* One record given byte by byte as hex would be unreadable: name, bytes, and the canonical ones. */
static const struct {
    const char *schema, *in;
    size_t n;
    const char *out; /* NULL: bad */
    size_t m;
} forms[] = {
    {"a:int", "\x91\xcc\x05", 3, "\x91\x05", 2},
    {"a:int", "\x91\xd3\0\0\0\0\0\0\0\x80", 10, "\x91\xcc\x80", 3},
    {"a:int", "\x91\xd2\xff\xff\xff\xff", 6, "\x91\xff", 2},
    {"a:int", "\x91\xcf\x80\0\0\0\0\0\0\0", 10, NULL, 0},
    {"a:int", "\xdc\x00\x01\x05", 4, "\x91\x05", 2},
    {"a:int", "\xdd\0\0\0\x01\x05", 6, "\x91\x05", 2},
    {"a:str", "\x91\xd9\x02hi", 5, "\x91\xa2hi", 4},
    {"a:str", "\x91\xda\0\x02hi", 6, "\x91\xa2hi", 4},
    {"a:str", "\x91\xdb\0\0\0\x02hi", 8, "\x91\xa2hi", 4},
    {"a:bin", "\x91\xc6\0\0\0\x02hi", 8, "\x91\xc4\x02hi", 5},
    {"a:float", "\x91\xca\x3f\xc0\0\0", 6, "\x91\xcb\x3f\xf8\0\0\0\0\0\0", 10},
    {"a:float", "\x91\xcb\x80\0\0\0\0\0\0\0", 10, "\x91\xcb\0\0\0\0\0\0\0\0", 10},
    {"a:float", "\x91\xca\x80\0\0\0", 6, "\x91\xcb\0\0\0\0\0\0\0\0", 10},
    {"a:float", "\x91\xcb\x7f\xf8\0\0\0\0\0\0", 10, NULL, 0}, /* NaN */
    {"a:float", "\x91\xcb\xff\xf0\0\0\0\0\0\0", 10, NULL, 0}, /* -infinity */
    {"a:time", "\x91\xd7\xff\0\0\0\0\0\0\0\x05", 11, "\x91\xd6\xff\0\0\0\x05", 7},
    {"a:time", "\x91\xc7\x0c\xff\0\0\0\0\0\0\0\0\0\0\0\x05", 16, "\x91\xd6\xff\0\0\0\x05", 7},
    {"a:time", "\x91\xd7\xff\0\0\0\x04\0\0\0\x05", 11, NULL, 0}, /* 1 ns */
    {"a:time", "\x91\x05", 2, NULL, 0},
    {"a:time", "\x91\xd6\x01\0\0\0\0", 7, NULL, 0},
    {"a:date", "\x91\xd1\0\x05", 4, "\x91\x05", 2},
    {"a:bool", "\x91\xc3", 2, "\x91\xc3", 2},
    {"a:bool", "\x91\x01", 2, NULL, 0},
    {"a:int", "\x91\xc0", 2, "\x91\xc0", 2},
    {"a:int",
     "\x91\xa1"
     "5",
     3, NULL, 0},
    {"a:int", "\x91\xcb\0\0\0\0\0\0\0\0", 10, NULL, 0},
    {"a:str", "\x91\x05", 2, NULL, 0},
    {"a:str", "\x91\xc4\x02hi", 5, NULL, 0},
    {"a:str", "\x91\xa2\xff\xfe", 4, NULL, 0}, /* not UTF-8 */
    {"a:str", "\x91\xa2h\0", 4, NULL, 0},      /* NUL */
    {"a:bin", "\x91\xa2hi", 4, NULL, 0},
    {"a:int", "\x92\x01\x02", 3, NULL, 0},
    {"a:int", "\x90", 1, NULL, 0},
    {"a:int", "\x05", 1, NULL, 0},
    {"a:int", "\xc0", 1, NULL, 0},
    {"a:int", "\xc1", 1, NULL, 0},
    {"a:int", "\x91\xc1", 2, NULL, 0},
    {"a:int,b:str", "\x92\xcd\0\x05\xd9\x01x", 7, "\x92\x05\xa1x", 4},
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (int canon = 0; canon < 2; canon++) {
            gn_schema s;
            gn_err e = {0};
            open_schema(&s, forms[i].schema);
            gn_decoder *d = gn_decoder_new(&s, canon, &e);
            assert_int_equal(gn_decoder_want_all(d, GN_VALUE | GN_RAW, &e), 0);
            size_t n = forms[i].n;
            uint8_t x[128] = {0};
            assert_in_range(n, 1, sizeof x - GN_SLACK);
            memcpy(x, forms[i].in, n);
            const uint8_t *next;
            const char *bad = NULL;
            gn_batch *b = NULL;
            enum gn_decode r = gn_decoder_run(d, x, x + n, GN_BATCH, &b, &next, &bad, &e);
            bool same =
                forms[i].out && n == forms[i].m && memcmp(forms[i].in, forms[i].out, n) == 0;
            if (!forms[i].out || (canon && !same)) {
                /* A stream that says it is canonical and is not breaks its word. */
                if (r != GN_DECODE_BAD)
                    fail_msg("form %zu accepted (canon %d)", i, canon);
                assert_non_null(bad);
            } else {
                if (r != GN_DECODE_OK)
                    fail_msg("form %zu refused (canon %d): %s", i, canon, bad ? bad : "");
                assert_ptr_equal(next, x + n);
                assert_int_equal(b->n, 1);
                assert_int_equal(b->off[1] - b->off[0], forms[i].m);
                assert_memory_equal(b->base + b->off[0], forms[i].out, forms[i].m);
            }
            gn_decoder_free(d);
            gn_schema_release(&s);
        }
}

/* Records before an obstacle are handed out first. */
static void test_obstacles(void **state)
{
    (void)state;
    static const struct {
        const char *tail;
        size_t n;
        enum gn_decode want;
    } t[] = {
        {"\x81\xa3"
         "end\x01",
         6, GN_DECODE_OTHER},
        {"\xde\0\x01\x01\x01", 5, GN_DECODE_OTHER},
        {"\x92\x01\x02", 3, GN_DECODE_BAD},
        {"\x91\xa1z", 3, GN_DECODE_BAD},
        {"\xc1", 1, GN_DECODE_BAD},
        {"\x91\xcd\x01", 3, GN_DECODE_INCOMPLETE},
        {"\x91", 1, GN_DECODE_INCOMPLETE},
        {"\xdc", 1, GN_DECODE_INCOMPLETE},
        {"", 0, GN_DECODE_INCOMPLETE},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        gn_schema s;
        gn_err e = {0};
        open_schema(&s, "a:int");
        gn_decoder *d = gn_decoder_new(&s, true, &e);
        assert_int_equal(gn_decoder_want(d, 0, GN_VALUE, &e), 0);
        uint8_t x[128] = "\x91\x01\x91\x02\x91\xcc\xc8";
        memcpy(x + 7, t[i].tail, t[i].n);
        const uint8_t *end = x + 7 + t[i].n, *next;
        const char *bad = NULL;
        gn_batch *b = NULL;
        assert_int_equal(gn_decoder_run(d, x, end, GN_BATCH, &b, &next, &bad, &e), GN_DECODE_OK);
        assert_int_equal(b->n, 3);
        assert_true(b->col[0].i[2] == 200);
        assert_ptr_equal(next, x + 7);
        assert_int_equal(gn_decoder_run(d, next, end, GN_BATCH, &b, &next, &bad, &e), t[i].want);
        assert_int_equal(bad != NULL, t[i].want == GN_DECODE_BAD);
        gn_decoder_free(d);
        gn_schema_release(&s);
    }
}

/* `max` is kept, a batch never exceeds GN_BATCH records or, beyond one record, GN_BATCH_BYTES. */
static void test_limits(void **state)
{
    (void)state;
    gn_schema s;
    gn_err e = {0};
    open_schema(&s, "a:int");
    gn_decoder *d = gn_decoder_new(&s, true, &e);
    assert_int_equal(gn_decoder_want(d, 0, GN_VALUE, &e), 0);
    size_t records = 5000;
    uint8_t *x = malloc(records * 4 + GN_SLACK), *p = x;
    assert_non_null(x);
    for (size_t i = 0; i < records; i++)
        p = gn_mp_int(gn_mp_array_head(p, 1), (int64_t)i);
    memset(p, 0, GN_SLACK);
    static const size_t max[] = {1, 2, 7, 1023, GN_BATCH};
    for (size_t k = 0; k < sizeof max / sizeof *max; k++) {
        const uint8_t *q = x, *next;
        const char *bad;
        gn_batch *b;
        size_t seen = 0;
        while (q < p) {
            assert_int_equal(gn_decoder_run(d, q, p, max[k], &b, &next, &bad, &e), GN_DECODE_OK);
            assert_in_range(b->n, 1, max[k]);
            for (size_t i = 0; i < b->n; i++)
                assert_true(b->col[0].i[i] == (int64_t)(seen + i));
            seen += b->n;
            q = next;
        }
        assert_int_equal(seen, records);
    }
    free(x);
    gn_decoder_free(d);
    gn_schema_release(&s);

    open_schema(&s, "a:bin");
    d = gn_decoder_new(&s, true, &e);
    size_t body = 3 << 19; /* 1.5 MiB */
    x = malloc(3 * (body + 6) + GN_SLACK);
    assert_non_null(x);
    p = x;
    for (size_t i = 0; i < 3; i++) {
        p = gn_mp_bin_head(gn_mp_array_head(p, 1), i == 1 ? 5 : body);
        memset(p, 'x', i == 1 ? 5 : body);
        p += i == 1 ? 5 : body;
    }
    memset(p, 0, GN_SLACK);
    const uint8_t *q = x, *next;
    const char *bad;
    gn_batch *b;
    size_t seen = 0;
    while (q < p) {
        assert_int_equal(gn_decoder_run(d, q, p, GN_BATCH, &b, &next, &bad, &e), GN_DECODE_OK);
        assert_true(b->n == 1 || b->off[b->n] - b->off[0] <= GN_BATCH_BYTES);
        seen += b->n;
        q = next;
    }
    assert_int_equal(seen, 3);
    free(x);
    gn_decoder_free(d);
    gn_schema_release(&s);
}

/* A schema of many fields: array16 heads; and of none. */
static void test_wide_and_empty(void **state)
{
    (void)state;
    static const size_t widths[] = {15, 16, 17, GN_FIELDS_MAX};
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
        size_t n = widths[k];
        gn_schema s = {0};
        gn_err e = {0};
        for (size_t i = 0; i < n; i++) {
            char name[16];
            int len = snprintf(name, sizeof name, "f%zu", i);
            assert_int_equal(gn_schema_add(&s, name, (size_t)len, GN_INT, &e), 0);
        }
        assert_int_not_equal(n == GN_FIELDS_MAX ? gn_schema_add(&s, "more", 4, GN_INT, &e) : -1, 0);
        gn_decoder *d = gn_decoder_new(&s, true, &e);
        assert_int_equal(gn_decoder_want(d, (int)n - 1, GN_VALUE, &e), 0);
        uint8_t *x = malloc(2 * (3 + 9 * n) + GN_SLACK), *p = x;
        assert_non_null(x);
        for (int r = 0; r < 2; r++) {
            p = gn_mp_array_head(p, n);
            for (size_t i = 0; i < n; i++)
                p = gn_mp_int(p, (int64_t)(i * 37 * (size_t)(r + 1)));
        }
        memset(p, 0, GN_SLACK);
        const uint8_t *next;
        const char *bad;
        gn_batch *b;
        assert_int_equal(gn_decoder_run(d, x, p, GN_BATCH, &b, &next, &bad, &e), GN_DECODE_OK);
        assert_int_equal(b->n, 2);
        assert_true(b->col[n - 1].i[1] == (int64_t)((n - 1) * 74));
        free(x);
        gn_decoder_free(d);
        gn_schema_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),         cmocka_unit_test(test_subsets),
        cmocka_unit_test(test_incomplete),     cmocka_unit_test(test_forms),
        cmocka_unit_test(test_obstacles),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_wide_and_empty),
    };
    return cmocka_run_group_tests_name("batch", tests, make_text, NULL);
}
