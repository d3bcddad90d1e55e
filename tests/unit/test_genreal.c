/* test_genreal.c - rows of the realistic model: any split gives the same bytes, whatever the size
 * of a block; a few rows as they were once and must stay; options out of bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/civil.h"
#include "io/in.h"
#include "op/genpop.h"
#include "op/genreal.h"
#include "stream/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gn_genreal_options options(enum gn_gen_table table, uint64_t rows, uint64_t users)
{
    return (gn_genreal_options){.table = table,
                                .rows = rows,
                                .seed = 1,
                                .users = users,
                                .from = 19358,
                                .to = 19722,
                                .top_share = 0.6,
                                .null_rate = 0.01,
                                .negative_rate = 0.005,
                                .long_rate = 0.001,
                                .duplicate_rate = 0.05,
                                .late_rate = 0.02};
}

/* Rows [lo, lo + n) in one go from a fresh generator. */
static uint8_t *fresh(const gn_genreal_options *o, uint64_t lo, size_t n, size_t *bytes)
{
    gn_err e = {0};
    uint8_t *p = calloc(n + 2, GN_GEN_ROW);
    assert_non_null(p);
    gn_genreal *g = gn_genreal_new(o, &e);
    assert_non_null(g);
    *bytes = (size_t)(gn_genreal_rows(g, lo, n, p) - p);
    gn_genreal_free(g);
    return p;
}

static void splits(void **state)
{
    (void)state;
    struct {
        enum gn_gen_table table;
        uint64_t rows, users;
        int64_t days;
    } c[] = {
        {GN_GEN_INTERACTIONS, 20000, 2000, 365},  /* several days in a block */
        {GN_GEN_INTERACTIONS, 20000, 2000, 2},    /* a day */
        {GN_GEN_INTERACTIONS, 1200000, 2000, 1},  /* six hours */
        {GN_GEN_INTERACTIONS, 4100000, 90000, 1}, /* one hour */
        {GN_GEN_INTERACTIONS, 5000, 1, 1},        /* nobody else */
        {GN_GEN_METADATA, 20000, 30000, 365},     {GN_GEN_METADATA, 20000, 3, 365},
        {GN_GEN_METADATA, 20000, 1, 1},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        gn_genreal_options o = options(c[k].table, c[k].rows, c[k].users);
        gn_err e = {0};
        size_t n = c[k].rows < 20000 ? (size_t)c[k].rows : 20000, whole, bytes;
        uint64_t first = c[k].rows / 3 * 2 - n / 2;
        o.to = o.from + c[k].days - 1;
        if (first + n > c[k].rows)
            first = c[k].rows - n;
        uint8_t *want = fresh(&o, first, n, &whole), *got = calloc(n + 2, GN_GEN_ROW), *p = got;
        assert_non_null(got);
        gn_genreal *g = gn_genreal_new(&o, &e);
        assert_non_null(g);
        for (size_t i = 0, step = 1; i < n; i += step, step = step * 3 % 1009) {
            step = step < n - i ? step : n - i;
            p = gn_genreal_rows(g, first + i, step, p);
        }
        assert_int_equal(p - got, whole);
        assert_memory_equal(want, got, whole);
        gn_genreal_free(g);
        /* The second half by itself, the last row by itself. */
        free(got);
        got = fresh(&o, first + n / 2, n - n / 2, &bytes);
        assert_true(bytes < whole);
        assert_memory_equal(want + whole - bytes, got, bytes);
        free(got);
        got = fresh(&o, first + n - 1, 1, &bytes);
        assert_memory_equal(want + whole - bytes, got, bytes);
        free(got);
        free(want);
    }
}

/* Records as CSV. */
static void text(const gn_genreal_options *o, uint64_t lo, size_t n, char *out, size_t room)
{
    gn_err e = {0};
    size_t bytes, at = 0;
    uint8_t *rows = fresh(o, lo, n, &bytes);
    const uint8_t *next;
    const char *bad;
    gn_batch *b;
    const gn_schema *s = gn_gen_schema(o->table);
    gn_decoder *d = gn_decoder_new(s, true, &e);
    assert_non_null(d);
    assert_int_equal(gn_decoder_want_all(d, GN_VALUE, &e), 0);
    assert_int_equal(gn_decoder_run(d, rows, rows + bytes, n, &b, &next, &bad, &e), GN_DECODE_OK);
    assert_int_equal(b->n, n);
    for (size_t i = 0; i < n; i++)
        for (size_t f = 0; f < s->n; f++) {
            const gn_vec *v = &b->col[f];
            char t[GN_TIME_TEXT] = "";
            if (v->type == GN_TIME)
                (void)gn_time_format(v->i[i], t);
            else if (v->type == GN_DATE)
                (void)gn_date_format(v->i[i], t);
            else if (v->type == GN_STR)
                snprintf(t, sizeof t, "%.*s", (int)v->s[i].n, (const char *)v->s[i].p);
            else if (!v->null[i])
                snprintf(t, sizeof t, "%lld", (long long)v->i[i]);
            at += (size_t)snprintf(out + at, room - at, "%s%s", t, f + 1 < s->n ? "," : "\n");
            assert_true(at < room);
        }
    gn_decoder_free(d);
    free(rows);
}

static void frozen(void **state)
{
    (void)state;
    char got[2000];
    gn_genreal_options o = options(GN_GEN_INTERACTIONS, 1000000, 100000);
    o.duplicate_rate = 0.005;
    text(&o, 987648, 12, got, sizeof got);
    assert_string_equal(got, "u053888,2023-12-27 13:30:50,page_view,p000213,7812,7.6.2\n"
                             "u077808,2023-12-27 13:31:07,page_view,p003268,-46084,7.7.1\n"
                             "u047741,2023-12-27 13:31:22,edit,p053754,17947,7.7.3\n"
                             "u077808,2023-12-27 13:31:29,page_view,p000022,1671,7.7.1\n"
                             "u077808,2023-12-27 13:31:41,delete,p000022,7367,7.7.1\n"
                             "u053888,2023-12-27 13:31:44,page_view,p000311,9881,7.6.2\n"
                             "u077269,2023-12-27 13:31:47,page_view,p099767,2328,7.7.0\n"
                             "u077808,2023-12-27 13:31:51,page_view,p017680,2763,7.7.1\n"
                             "u047741,2023-12-27 13:31:59,edit,p053754,190388,7.7.3\n"
                             "u053888,2023-12-27 13:32:01,edit,p000311,74261,7.6.2\n"
                             "u077808,2023-12-27 13:32:12,create,p023044,871393,7.7.1\n"
                             "u044798,2023-12-27 13:33:08,create,p000716,11466,7.5.4\n");
    o = options(GN_GEN_METADATA, 100000, 100000);
    text(&o, 50000, 6, got, sizeof got);
    assert_string_equal(got, "u039081,2023-09-04,DE,iPad,basic\n"
                             "u012873,2023-04-24,IN,Android Phone,free\n"
                             "u048794,2020-04-25,US,Android Phone,basic\n"
                             "u062615,2022-06-04,CA,Android Phone,enterprise\n"
                             "u068088,2023-04-22,BR,Android Phone,free\n"
                             "u065354,2020-01-16,US,Windows,premium\n");
}

/* The two functions against known values; 1e-9 is far below what the tables keep. */
static void functions(void **state)
{
    (void)state;
    const double table[][2] = {{1, 0},
                               {2, 1},
                               {0.5, -1},
                               {1.41421356237309505, 0.5},
                               {1e300, 996.57842846620870436},
                               {3, 1.58496250072115618}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        double x = table[i][0], y = table[i][1];
        double d = gn_gen_log2(x) - y, q = gn_gen_exp2(y) / x - 1;
        assert_true(d < 1e-9 && d > -1e-9);
        assert_true(q < 1e-9 && q > -1e-9);
    }
}

static void bijections(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 300; n += n < 20 ? 1 : 37) {
        gn_genperm p;
        uint8_t seen[300] = {0};
        gn_genperm_init(&p, n, n);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t x = gn_genperm_at(&p, i);
            assert_true(x < n);
            assert_int_equal(seen[x]++, 0);
        }
    }
}

static void refused(const gn_genreal_options *o, const char *part)
{
    gn_err e = {0};
    assert_null(gn_genreal_new(o, &e));
    assert_int_equal(e.status, GN_USAGE);
    assert_non_null(strstr(e.msg, part));
}

static void bounds(void **state)
{
    (void)state;
    gn_genreal_options o = options(GN_GEN_INTERACTIONS, 10, 10);
    o.users = 0;
    refused(&o, "--users");
    o = options(GN_GEN_INTERACTIONS, 10, 10);
    o.to = o.from - 1;
    refused(&o, "--from");
    o.to = o.from + GN_GENREAL_DAYS;
    refused(&o, "--to");
    o = options(GN_GEN_INTERACTIONS, 10, 10);
    o.top_share = 1;
    refused(&o, "--top-share");
    o = options(GN_GEN_INTERACTIONS, 10, 10);
    o.late_rate = -0.1;
    refused(&o, "--late-rate");
    o = options(GN_GEN_INTERACTIONS, 10, 10);
    o.null_rate = o.long_rate = 0.6;
    refused(&o, "over 1");
    o = options(GN_GEN_INTERACTIONS, UINT64_C(1) << 40, 10);
    o.to = o.from;
    refused(&o, "--rows");
    o = options(GN_GEN_INTERACTIONS, 0, 1);
    gn_err e = {0};
    gn_genreal *g = gn_genreal_new(&o, &e);
    assert_non_null(g);
    gn_genreal_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits),     cmocka_unit_test(frozen), cmocka_unit_test(functions),
        cmocka_unit_test(bijections), cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
