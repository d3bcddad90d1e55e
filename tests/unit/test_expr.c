#include "base/civil.h"
#include "base/hash.h"
#include "op/expr.h"
#include "op/exprlist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- batches made by hand ---- */

typedef struct data {
    gn_schema schema;
    gn_vec col[16];
    gn_batch batch;
} data;

static size_t add_column(data *d, const char *name, gn_type t)
{
    gn_err e = {0};
    size_t k = d->schema.n;
    gn_vec *v = &d->col[k];

    assert_true(k < 16);
    assert_int_equal(gn_schema_add(&d->schema, name, strlen(name), t, &e), 0);
    *v = (gn_vec){.type = t, .what = GN_VALUE};
    v->null = calloc(GN_BATCH, 1);
    if (t == GN_FLOAT)
        v->f = calloc(GN_BATCH, sizeof *v->f);
    else if (t == GN_STR || t == GN_BIN)
        v->s = calloc(GN_BATCH, sizeof *v->s);
    else
        v->i = calloc(GN_BATCH, sizeof *v->i);
    d->batch.col = d->col;
    return k;
}

static void free_data(data *d)
{
    for (size_t k = 0; k < d->schema.n; k++) {
        for (size_t i = 0; d->col[k].s != NULL && i < GN_BATCH; i++)
            free((void *)(uintptr_t)d->col[k].s[i].p);
        free(d->col[k].null);
        free(d->col[k].i);
        free(d->col[k].f);
        free(d->col[k].s);
    }
    gn_schema_release(&d->schema);
}

static void set_i(data *d, size_t col, size_t row, int64_t v)
{
    d->col[col].i[row] = v;
}

static void set_s(data *d, size_t col, size_t row, const char *s)
{
    free((void *)(uintptr_t)d->col[col].s[row].p);
    d->col[col].s[row] = (gn_str){.p = (uint8_t *)strdup(s), .n = (uint32_t)strlen(s)};
}

static void set_null(data *d, size_t col, size_t row)
{
    d->col[col].null[row] = 1;
}

#define HOUR (INT64_C(3600) * GN_US)
#define T0 INT64_C(1688221815000000) /* 2023-07-01 14:30:15 */
#define D0 INT64_C(19539)            /* 2023-07-01 */

/* Three records; the last is all null. */
static void make_data(data *d)
{
    memset(d, 0, sizeof *d);
    size_t i = add_column(d, "i", GN_INT), j = add_column(d, "j", GN_INT),
           f = add_column(d, "f", GN_FLOAT), s = add_column(d, "s", GN_STR),
           v = add_column(d, "version", GN_STR), b = add_column(d, "b", GN_BOOL),
           t = add_column(d, "t", GN_TIME), dt = add_column(d, "d", GN_DATE),
           odd = add_column(d, "odd `name", GN_INT), x = add_column(d, "x", GN_BIN),
           big = add_column(d, "big", GN_INT);
    d->batch.n = 3;
    set_i(d, i, 0, 5);
    set_i(d, i, 1, -7);
    set_i(d, j, 0, 3);
    set_i(d, j, 1, 0);
    d->col[f].f[0] = 2.5;
    d->col[f].f[1] = -0.5;
    set_s(d, s, 0, "Abc");
    set_s(d, s, 1, "h\xc3\xa9llo w\xc3\xb6rld");
    set_s(d, s, 2, "");
    set_s(d, v, 0, "5.7.3");
    set_s(d, v, 1, "12.0-beta");
    set_s(d, v, 2, "");
    set_i(d, b, 0, 1);
    set_i(d, b, 1, 0);
    set_i(d, t, 0, T0);
    set_i(d, t, 1, -1);
    set_i(d, dt, 0, D0);
    set_i(d, dt, 1, -1);
    set_i(d, odd, 0, 1);
    set_i(d, odd, 1, 2);
    set_s(d, x, 0, "\x01\xff");
    set_s(d, x, 1, "");
    set_s(d, x, 2, "");
    set_i(d, big, 0, INT64_MAX);
    set_i(d, big, 1, INT64_MIN);
    for (size_t k = 0; k < d->schema.n; k++)
        set_null(d, k, 2);
}

/* Value `row` as text. */
static void show(const gn_vec *v, size_t row, char *out, size_t room)
{
    char text[GN_TIME_TEXT];

    assert_int_equal(v->what, GN_VALUE);
    if (v->null[row]) {
        snprintf(out, room, "N");
        if (v->i != NULL)
            assert_int_equal(v->i[row], 0);
        if (v->f != NULL)
            assert_true(v->f[row] == 0);
        if (v->s != NULL)
            assert_int_equal(v->s[row].n, 0);
        return;
    }
    switch (v->type) {
    case GN_BOOL:
        snprintf(out, room, "%s", v->i[row] ? "T" : "F");
        break;
    case GN_FLOAT:
        snprintf(out, room, "%.17g", v->f[row]);
        break;
    case GN_STR:
    case GN_BIN:
        snprintf(out, room, "'%.*s", (int)v->s[row].n, (const char *)v->s[row].p);
        break;
    case GN_TIME:
        gn_time_format(v->i[row], text);
        snprintf(out, room, "%s", text);
        break;
    case GN_DATE:
        gn_date_format(v->i[row], text);
        snprintf(out, room, "%s", text);
        break;
    default:
        snprintf(out, room, "%lld", (long long)v->i[row]);
        break;
    }
}

typedef struct want {
    const char *expr, *values; /* of the records, joined by | */
} want;

static void check_values(const want *w, size_t n, const char *zone)
{
    gn_err e = {0};
    data d;
    gn_zone *z = zone == NULL ? NULL : gn_zone_open(zone, &e);

    assert_true(zone == NULL || z != NULL);
    make_data(&d);
    for (; n > 0; n--, w++) {
        gn_expr *x = gn_expr_compile(w->expr, "--where", &d.schema, z, &e);
        char got[600] = "", one[200];
        if (x == NULL)
            fail_msg("%s: %s", w->expr, e.msg);
        const gn_vec *v = gn_expr_eval(x, &d.batch, &e);
        assert_non_null(v);
        assert_int_equal(v->type, gn_expr_type(x));
        for (size_t i = 0; i < d.batch.n; i++) {
            show(v, i, one, sizeof one);
            strcat(got, i ? "|" : "");
            strcat(got, one);
        }
        if (strcmp(got, w->values) != 0)
            fail_msg("%s: got %s, want %s", w->expr, got, w->values);
        if (v->type == GN_BOOL) { /* the filter keeps what is true */
            uint8_t keep[GN_BATCH];
            size_t kept = 99, k = 0;
            assert_int_equal(gn_expr_filter(x, &d.batch, keep, &kept, &e), 0);
            for (size_t i = 0; i < d.batch.n; i++) {
                assert_int_equal(keep[i], w->values[2 * i] == 'T');
                k += keep[i];
            }
            assert_int_equal(kept, k);
        }
        gn_expr_free(x);
        assert_int_equal(gn_expr_check(w->expr, "--where", &e), 0);
    }
    gn_zone_free(z);
    free_data(&d);
}

#define CHECK(zone, ...)                                                                           \
    do {                                                                                           \
        static const want w_[] = {__VA_ARGS__};                                                    \
        check_values(w_, sizeof w_ / sizeof *w_, zone);                                            \
    } while (0)

/* Every pair of truth values through every connective: once as constants, folded while compiling,
 * once from columns, computed. */
static void test_logic(void **state)
{
    (void)state;
    static const char *const name[3] = {"false", "null", "true"};
    static const char and_[3][4] = {"FFF", "FNN", "FNT"}, or_[3][4] = {"FNT", "NNT", "TTT"};
    static const char not_[] = "TNF", eq[3][4] = {"TNF", "NNN", "FNT"};
    gn_err e = {0};
    data d = {0};
    char text[100];

    add_column(&d, "p", GN_BOOL);
    add_column(&d, "q", GN_BOOL);
    d.batch.n = 9;
    for (size_t r = 0; r < 9; r++) {
        for (size_t k = 0; k < 2; k++) {
            size_t v = k ? r % 3 : r / 3;
            d.col[k].null[r] = v == 1;
            d.col[k].i[r] = v == 2;
        }
    }
    static const struct {
        const char *op;
        const char (*table)[4];
    } ops[] = {{"and", and_}, {"or", or_}, {"=", eq}};
    for (size_t o = 0; o < 3; o++) {
        snprintf(text, sizeof text, "p %s q", ops[o].op);
        gn_expr *x = gn_expr_compile(text, NULL, &d.schema, NULL, &e);
        assert_non_null(x);
        const gn_vec *v = gn_expr_eval(x, &d.batch, &e);
        for (size_t r = 0; r < 9; r++) {
            char one[10];
            show(v, r, one, sizeof one);
            assert_int_equal(one[0], ops[o].table[r / 3][r % 3]);
            snprintf(text, sizeof text, "%s %s %s", name[r / 3], ops[o].op, name[r % 3]);
            gn_expr *c = gn_expr_compile(text, NULL, &d.schema, NULL, &e);
            assert_non_null(c);
            show(gn_expr_eval(c, &d.batch, &e), r, one, sizeof one);
            assert_int_equal(one[0], ops[o].table[r / 3][r % 3]);
            gn_expr_free(c);
        }
        gn_expr_free(x);
    }
    gn_expr *x = gn_expr_compile("not p", NULL, &d.schema, NULL, &e);
    const gn_vec *v = gn_expr_eval(x, &d.batch, &e);
    for (size_t r = 0; r < 9; r++) {
        char one[10];
        show(v, r, one, sizeof one);
        assert_int_equal(one[0], not_[r / 3]);
    }
    gn_expr_free(x);
    free_data(&d);
}

static void test_compare(void **state)
{
    (void)state;
    CHECK(NULL, {"i > 3", "T|F|N"}, {"i = 5", "T|F|N"}, {"i == 5", "T|F|N"}, {"i != 5", "F|T|N"},
          {"i <> 5", "F|T|N"}, {"i <= -7", "F|T|N"}, {"i < j", "F|T|N"}, {"5 <= i", "T|F|N"},
          {"f > i", "F|T|N"}, {"i > f", "T|F|N"}, {"2.5 = f", "T|F|N"}, {"f < 2.5", "F|T|N"},
          {"s = 'Abc'", "T|F|N"}, {"\"Abc\" = s", "T|F|N"}, {"s < 'a'", "T|F|N"},
          {"s <> version", "T|T|N"}, {"s = null", "N|N|N"}, {"null = null", "N|N|N"},
          {"b = true", "T|F|N"}, {"b", "T|F|N"}, {"not b", "F|T|N"}, {"true", "T|T|T"},
          {"null", "N|N|N"}, {"x = x", "T|T|N"}, {"`odd ``name` = 2", "F|T|N"},
          {"i between -10 and 0", "F|T|N"}, {"i not between -10 and 0", "T|F|N"},
          {"i between j and null", "N|F|N"}, {"i in (1, 5)", "T|F|N"}, {"i in (1, null)", "N|N|N"},
          {"i not in (5, null)", "F|N|N"}, {"i in (j + 2, 0)", "T|F|N"}, {"i in (5.0, 1)", "T|F|N"},
          {"f in (1, 2.5)", "T|F|N"}, {"s in ('x', 'Abc')", "T|F|N"},
          {"s in ('1','2','3','4','5','6','7','8','9','Abc')", "T|F|N"},
          {"i in (1,2,3,4,6,7,8,9,10,-7)", "F|T|N"}, {"null in (1)", "N|N|N"},
          {"i is null", "F|F|T"}, {"i is not null", "T|T|F"}, {"(i > 3) is null", "F|F|T"},
          {"null is null", "T|T|T"}, {"5 is null", "F|F|F"}, {"NOT i > 3 Or i IS NULL", "F|T|T"});
}

/* No precision is lost where ints meet floats. */
static void test_exact_compare(void **state)
{
    (void)state;
    CHECK(NULL, {"big = 9223372036854775808.0", "F|F|N"}, {"big < 9223372036854775808.0", "T|T|N"},
          {"big = -9223372036854775808.0", "F|T|N"}, {"big >= -9223372036854775809.0", "T|T|N"},
          {"9007199254740993 = 9007199254740992.0", "F|F|F"},
          {"9007199254740993 > 9007199254740992.0", "T|T|T"}, {"i > 4.5", "T|F|N"},
          {"i < 5.5", "T|T|N"}, {"i > -7.5", "T|T|N"}, {"i < -6.5", "F|T|N"}, {"i = 5.0", "T|F|N"},
          {"big < 1e300", "T|T|N"}, {"big > -1e300", "T|T|N"},
          {"big in (9223372036854775807, 0.5)", "T|F|N"});
}

static void test_arithmetic(void **state)
{
    (void)state;
    CHECK(
        NULL, {"i + j", "8|-7|N"}, {"i - j", "2|-7|N"}, {"i * j", "15|0|N"},
        {"i / j", "1.6666666666666667|N|N"}, {"i % j", "2|N|N"}, {"i % 3", "2|-1|N"},
        {"-i", "-5|7|N"}, {"- - i", "5|-7|N"}, {"--5", "5|5|5"}, {"abs(i)", "5|7|N"},
        {"big + 1", "N|-9223372036854775807|N"}, {"big - 1", "9223372036854775806|N|N"},
        {"-big", "-9223372036854775807|N|N"}, {"abs(big)", "9223372036854775807|N|N"},
        {"big * 2", "N|N|N"}, {"big % -1", "0|0|N"}, {"big / big", "1|1|N"},
        {"-9223372036854775808", "-9223372036854775808|-9223372036854775808|-9223372036854775808"},
        {"big / -1", "-9.2233720368547758e+18|9.2233720368547758e+18|N"}, {"f + i", "7.5|-7.5|N"},
        {"f * 2", "5|-1|N"}, {"f / 0", "N|N|N"}, {"1e308 * 10", "N|N|N"}, {"f * 0", "0|0|N"},
        {"-(f * 0)", "0|0|N"}, {"abs(f)", "2.5|0.5|N"}, {"1 + 2 * 3 - 4", "3|3|3"},
        {"(1 + 2) * 3", "9|9|9"}, {"2 * 3 % 4", "2|2|2"}, {"7 / 2", "3.5|3.5|3.5"},
        {"i + null", "N|N|N"}, {"null / 2", "N|N|N"},
        {"1 / 3", "0.33333333333333331|0.33333333333333331|0.33333333333333331"},
        {"1500ms", "1500|1500|1500"},
        {"10s + 30min + 4h + 7d + 2w", "1830610000|1830610000|1830610000"}, {"i > 4s", "F|F|N"},
        {"1.5e3", "1500|1500|1500"});
}

static void test_text(void **state)
{
    (void)state;
    CHECK(NULL, {"lower(s)", "'abc|'h\xc3\xa9llo w\xc3\xb6rld|N"},
          {"upper(s)", "'ABC|'H\xc3\xa9LLO W\xc3\xb6RLD|N"}, {"len(s)", "3|11|N"},
          {"len(x)", "2|0|N"}, {"major(version)", "5|12|N"}, {"minor(version)", "7|0|N"},
          {"major('99999999999999999999.1')", "N|N|N"}, {"major('x1')", "N|N|N"},
          {"minor('5')", "N|N|N"}, {"minor('5.x')", "N|N|N"}, {"major('5x.1')", "N|N|N"},
          {"major('')", "N|N|N"}, {"minor('5.')", "N|N|N"}, {"major('2024')", "2024|2024|2024"},
          {"s like 'A%'", "T|F|N"}, {"s like '%c'", "T|F|N"}, {"s like '%b%'", "T|F|N"},
          {"s like 'A_c'", "T|F|N"}, {"s like 'h_llo w_rld'", "F|T|N"}, {"s like '%'", "T|T|N"},
          {"s not like '___'", "F|T|N"}, {"s like 'abc'", "F|F|N"}, {"s like '%l%o%l_'", "F|T|N"},
          {"'a%b' like 'a\\%b'", "T|T|T"}, {"'axb' like 'a\\%b'", "F|F|F"},
          {"'aab' like '%ab'", "T|T|T"}, {"'abab' like '%a_'", "T|T|T"},
          {"'\xc3\xa9' like '_'", "T|T|T"}, {"'\xc3\xa9' like '__'", "F|F|F"},
          {"'\xc3\xa9' like '%__%'", "F|F|F"}, {"'' like ''", "T|T|T"}, {"'' like '_'", "F|F|F"},
          {"'x' like ''", "F|F|F"}, {"'mississippi' like '%iss%ip%i'", "T|T|T"},
          {"s matches '^A[a-z]+$'", "T|F|N"}, {"s not matches 'l{2}'", "T|F|N"},
          {"version matches '^5[.]'", "T|F|N"}, {"'it''s' = \"it's\"", "T|T|T"},
          {"coalesce(s, 'none')", "'Abc|'h\xc3\xa9llo w\xc3\xb6rld|'none"},
          {"coalesce(null, i, 9)", "5|-7|9"}, {"coalesce(i, f)", "5|-7|N"},
          {"coalesce(b, i > 0)", "T|F|N"}, {"if(b, i, 0)", "5|0|0"}, {"if(b, 1, 0.5)", "1|0.5|0.5"},
          {"if(b, null, s)", "N|'h\xc3\xa9llo w\xc3\xb6rld|N"}, {"if(null, 1, 2)", "2|2|2"},
          {"if(i > 0, b, null)", "T|N|N"}, {"coalesce(null, null)", "N|N|N"},
          {"coalesce('x')", "'x|'x|'x"});
}

static void test_dates(void **state)
{
    (void)state;
    CHECK(NULL, {"t", "2023-07-01 14:30:15|1969-12-31 23:59:59.999999|N"},
          {"date(t)", "2023-07-01|1969-12-31|N"}, {"date(t) = d", "T|T|N"},
          {"date(d)", "2023-07-01|1969-12-31|N"}, {"week(t)", "2023-06-26|1969-12-29|N"},
          {"week(d)", "2023-06-26|1969-12-29|N"}, {"month(t)", "'2023-07|'1969-12|N"},
          {"month(d) = '2023-07'", "T|F|N"}, {"hour(t)", "14|23|N"}, {"d = 2023-07-01", "T|F|N"},
          {"d = '2023-07-01'", "T|F|N"}, {"t >= 2023-07-01", "T|F|N"},
          {"t = 2023-07-01T14:30:15", "T|F|N"}, {"t = '2023-07-01 14:30:15'", "T|F|N"},
          {"t = 2023-07-01T16:30:15+02:00", "T|F|N"}, {"t = 2023-07-01T14:30:15Z", "T|F|N"},
          {"t = 2023-07-01T14:30:15.5", "F|F|N"}, {"t < d", "F|F|N"}, {"t > d", "T|T|N"},
          {"d < '2023-07-01 12:00:00'", "T|T|N"}, {"d in (2023-07-01, '1969-12-31')", "T|T|N"},
          {"t in ('2023-07-01 14:30:15')", "T|F|N"},
          {"t between 2023-07-01 and '2023-07-02'", "T|F|N"}, {"2023 - 07 - 01", "2015|2015|2015"},
          {"t + 1h", "2023-07-01 15:30:15|1970-01-01 00:59:59.999999|N"},
          {"t - 30min", "2023-07-01 14:00:15|1969-12-31 23:29:59.999999|N"},
          {"t + i", "2023-07-01 14:30:15.005|1969-12-31 23:59:59.992999|N"},
          {"1d + d", "2023-07-02|1970-01-01|N"}, {"d - 1w", "2023-06-24|1969-12-24|N"},
          {"d + 2 * 7d", "2023-07-15|1970-01-14|N"}, {"d + i", "2023-07-01|1969-12-30|N"},
          {"d - d", "0|0|N"}, {"t - d", "52215000|86399999|N"}, {"t - t < 1s", "T|T|N"},
          {"d - 2023-06-30", "86400000|-1688169600000|N"},
          {"t - '2023-07-01 14:30:00'", "15000|-1688221800001|N"},
          {"t + 999999999999999ms", "N|N|N"}, {"d + 99999999d", "N|N|N"}, {"d + big", "N|N|N"});
}

static void test_zone(void **state)
{
    (void)state;
    CHECK("America/New_York", {"date(t)", "2023-07-01|1969-12-31|N"}, {"hour(t)", "10|18|N"},
          {"t >= 2023-07-01T10:30:15", "T|F|N"}, {"t >= '2023-07-01 10:30:16'", "F|F|N"},
          {"t = 2023-07-01T14:30:15Z", "T|F|N"}, {"t - d", "37815000|68399999|N"},
          {"t = 2023-07-01T10:30:15", "T|F|N"},
          {"coalesce(d, t)", "2023-07-01 04:00:00|1969-12-31 05:00:00|N"},
          {"if(b, d, t)", "2023-07-01 04:00:00|1969-12-31 23:59:59.999999|N"});
    CHECK("+14:00", {"date(t)", "2023-07-02|1970-01-01|N"}, {"hour(t)", "4|13|N"},
          {"week(t)", "2023-06-26|1969-12-29|N"}, {"month(t)", "'2023-07|'1970-01|N"});
}

static void test_more_functions(void **state)
{
    (void)state;
    CHECK(
        NULL, {"year(t)", "2023|1969|N"}, {"day(t)", "1|31|N"}, {"weekday(d)", "6|3|N"},
        {"minute(t)", "30|59|N"}, {"year(null)", "N|N|N"}, {"patch(version)", "3|N|N"},
        {"patch('1.2.34-rc1')", "34|34|34"}, {"patch('1.2')", "N|N|N"},
        {"time(d)", "2023-07-01 00:00:00|1969-12-31 00:00:00|N"}, {"time(t) = t", "T|T|N"},
        {"time('2023-07-01 14:30:15') = t", "T|F|N"}, {"time(str(t)) = t", "T|T|N"},
        {"date(str(t)) = date(t)", "T|T|N"}, {"date(s)", "N|N|N"}, {"time(s)", "N|N|N"},
        {"date(concat('2023-0', j, '-09'))", "2023-03-09|N|N"},
        {"date(concat('2023070', i))", "N|N|N"}, {"floor(f)", "2|-1|N"}, {"ceil(f)", "3|0|N"},
        {"round(f)", "3|-1|N"}, {"int(f)", "2|0|N"}, {"int(i)", "5|-7|N"}, {"round(i)", "5|-7|N"},
        {"int(1e19)", "N|N|N"},
        {"floor(-9223372036854775808.0)",
         "-9223372036854775808|-9223372036854775808|-9223372036854775808"},
        {"int(9223372036854775808.0)", "N|N|N"}, {"int(b)", "1|0|N"}, {"float(b)", "1|0|N"},
        {"int('12')", "12|12|12"}, {"int(' 12')", "N|N|N"}, {"int(version)", "N|N|N"},
        {"float('1e3')", "1000|1000|1000"}, {"float(s)", "N|N|N"}, {"float(i) / 2", "2.5|-3.5|N"},
        {"round(2.345, 2)", "2.3500000000000001|2.3500000000000001|2.3500000000000001"},
        {"round(f, 0)", "3|-1|N"}, {"round(0.125, 2)", "0.13|0.13|0.13"},
        {"round(-0.125, 2)", "-0.13|-0.13|-0.13"}, {"round(-0.001, 2)", "0|0|0"},
        {"round(1e300, 15)", "1.0000000000000001e+300|1.0000000000000001e+300|"
                             "1.0000000000000001e+300"},
        {"round(i, 2)", "5|-7|N"}, {"round(null, 2)", "N|N|N"}, {"least(i, j, 4)", "3|-7|N"},
        {"greatest(i, j)", "5|0|N"}, {"least(i, null)", "N|N|N"}, {"greatest(i, 5.5)", "5.5|5.5|N"},
        {"least(s, 'B')", "'Abc|'B|N"}, {"least(b, true)", "T|F|N"},
        {"greatest(t, 2000-01-01)", "2023-07-01 14:30:15|2000-01-01 00:00:00|N"},
        {"least(d, '2000-01-01')", "2000-01-01|1969-12-31|N"}, {"least(i)", "5|-7|N"},
        {"str(i)", "'5|'-7|N"}, {"str(f)", "'2.5|'-0.5|N"}, {"str(b)", "'true|'false|N"},
        {"str(t)", "'2023-07-01 14:30:15|'1969-12-31 23:59:59.999999|N"},
        {"str(d)", "'2023-07-01|'1969-12-31|N"}, {"str(s) = s", "T|T|N"},
        {"concat(s, '-', i, '-', b)", "'Abc-5-true|'h\xc3\xa9llo w\xc3\xb6rld--7-false|N"},
        {"concat('a', 'b', 1.5)", "'ab1.5|'ab1.5|'ab1.5"}, {"concat('a', null)", "N|N|N"},
        {"trim('  a b\t')", "'a b|'a b|'a b"}, {"trim(' ')", "'|'|'"},
        {"trim(s)", "'Abc|'h\xc3\xa9"
                    "llo w\xc3\xb6rld|N"},
        {"substr(s, 2)", "'bc|'\xc3\xa9llo w\xc3\xb6rld|N"}, {"substr(s, 2, 1)", "'b|'\xc3\xa9|N"},
        {"substr(s, -3)", "'Abc|'rld|N"}, {"substr(s, -99, 97)", "'A|'h\xc3\xa9llo w\xc3\xb6r|N"},
        {"substr(s, 0, 2)", "'A|'h|N"}, {"substr(s, 99)", "'|'|N"}, {"substr(s, 1, -1)", "'|'|N"},
        {"substr(s, 9223372036854775807, 9223372036854775807)", "'|'|N"},
        {"substr(s, -9223372036854775808, -9223372036854775808)", "'|'|N"},
        {"substr(s, null)", "N|N|N"}, {"substr('abcdef', i - 3, j)", "'bcd|'|N"});
    CHECK("America/New_York", {"str(t)", "'2023-07-01 10:30:15|'1969-12-31 18:59:59.999999|N"},
          {"minute(t)", "30|59|N"}, {"time(str(t)) = t", "T|T|N"},
          {"date(concat(str(date(t)), 'T23:30:00Z'))", "2023-07-01|1969-12-31|N"},
          {"date(concat(str(date(t)), ' 23:30:00'))", "2023-07-01|1969-12-31|N"},
          {"time(d)", "2023-07-01 04:00:00|1969-12-31 05:00:00|N"});
    CHECK("+05:45", {"minute(t)", "15|44|N"}, {"hour(t)", "20|5|N"}, {"day(t)", "1|1|N"});
}

/* What runs to the next comma or to the end. */
static void test_list(void **state)
{
    (void)state;
    static const char text[] = " user = s, * ,`odd ``name`, n = if(i in (1, 5), 'a,b', s), b";
    static const struct {
        bool all;
        const char *name;
        size_t at, expr;
        int field;
    } items[] = {{false, "user", 1, 8, 3},
                 {true, NULL, 11, 11, -1},
                 {false, "odd `name", 14, 14, 8},
                 {false, "n", 28, 32, -1},
                 {false, "b", 59, 59, 5}};
    gn_err e = {0};
    gn_arena a;
    gn_exprlist_item it = {0};
    data d;

    make_data(&d);
    gn_arena_init(&a, NULL);
    for (size_t k = 0; k < 5; k++) {
        assert_int_equal(gn_exprlist_next(&it, text, "list", GN_EXPRLIST_ALL, &a, &e), 0);
        assert_int_equal(it.all, items[k].all);
        assert_int_equal(it.last, k == 4);
        assert_int_equal(it.at, items[k].at);
        if (it.all)
            continue;
        assert_string_equal(it.name, items[k].name);
        assert_int_equal(it.expr, items[k].expr);
        gn_expr *x = gn_expr_compile_at(text, it.expr, "list", &d.schema, NULL, &e);
        if (x == NULL)
            fail_msg("%s", e.msg);
        assert_int_equal(gn_expr_field(x), items[k].field);
        if (k == 3) {
            const gn_vec *v = gn_expr_eval(x, &d.batch, &e);
            assert_memory_equal(v->s[0].p, "a,b", 3);
        }
        gn_expr_free(x);
    }
    assert_null(gn_expr_compile_at(text, 59, "list", &(gn_schema){0}, NULL, &e));
    assert_string_equal(e.msg, "list: column 60: no field 'b' (there are: )");
    gn_arena_release(&a);
    free_data(&d);
}

/* Calls of functions that the language does not have, and names made of what is there. */
static void test_list_calls(void **state)
{
    (void)state;
    static const char text[] = "count(), n = p(DATE(t) , `a b`, a+1 ,5)";
    static const char *const none[] = {"a", "`a b`", "x() + 1", "'x'"};
    static const char keys[] = "date(t), (a), `f` = 2";
    gn_exprlist_item i = {0};
    gn_err e = {0};
    gn_arena a;

    gn_arena_init(&a, NULL);
    assert_int_equal(gn_exprlist_next(&i, text, "list", GN_EXPRLIST_AGGS, &a, &e), 0);
    assert_string_equal(i.call, "count");
    assert_int_equal(i.nargs, 0);
    assert_int_equal(i.n, 7);
    assert_false(i.named);
    assert_int_equal(gn_exprlist_next(&i, text, "list", GN_EXPRLIST_AGGS, &a, &e), 0);
    assert_true(i.named);
    assert_string_equal(i.name, "n");
    assert_string_equal(i.call, "p");
    assert_int_equal(i.expr, 13);
    static const struct {
        const char *name, *text;
    } args[] = {{"date", "DATE(t)"}, {"a b", "`a b`"}, {NULL, "a+1"}, {NULL, "5"}};
    assert_int_equal(i.nargs, 4);
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(i.arg[k].n, strlen(args[k].text));
        assert_memory_equal(text + i.arg[k].expr, args[k].text, i.arg[k].n);
        if (args[k].name)
            assert_string_equal(i.arg[k].name, args[k].name);
        else
            assert_null(i.arg[k].name);
    }
    assert_true(i.last);
    for (size_t k = 0; k < 4; k++) {
        i = (gn_exprlist_item){0};
        assert_int_equal(gn_exprlist_next(&i, none[k], "list", GN_EXPRLIST_AGGS, &a, &e), 0);
        assert_null(i.call);
    }
    i = (gn_exprlist_item){0};
    static const char *const names[] = {"date", "a", "f"};
    for (size_t k = 0; k < 3; k++) {
        assert_int_equal(gn_exprlist_next(&i, keys, "list", GN_EXPRLIST_CALLS, &a, &e), 0);
        assert_string_equal(i.name, names[k]);
        assert_int_equal(i.last, k == 2);
    }
    static const struct {
        const char *text, *msg;
    } bad[] = {{"a(", "column 3: expected a value, but it ends here"},
               {"a(b", "column 4: expected ',' or ')', but it ends here"},
               {"a(b,)", "column 5: expected a value, not ')'"},
               {"a(b c)", "column 5: expected an operator, ',' or ')', not 'c'"},
               {"", "column 1: expected an aggregate, but it ends here"},
               {"`` = a()", "column 1: a name has from 1 to 255 bytes"},
               {"a(1,2,3,4,5,6,7,8,9)", "column 19: '9' is an argument too many"}};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        i = (gn_exprlist_item){0};
        gn_err_clear(&e);
        assert_int_equal(gn_exprlist_next(&i, bad[k].text, "list", GN_EXPRLIST_AGGS, &a, &e), -1);
        assert_string_equal(e.msg + strlen("list: "), bad[k].msg);
    }
    gn_arena_release(&a);
}

static void test_hash(void **state)
{
    (void)state;
    static const struct {
        const char *expr;
        const uint8_t bytes[8];
        size_t n;
    } v[] = {{"hash('ab')", {0xa2, 'a', 'b'}, 3},
             {"hash(5)", {5}, 1},
             {"hash(-1)", {0xff}, 1},
             {"hash(null)", {0xc0}, 1},
             {"hash(true)", {0xc3}, 1},
             {"hash(i)", {5}, 1},
             {"hash(b)", {0xc3}, 1},
             {"hash(s)", {0xa3, 'A', 'b', 'c'}, 4},
             {"hash(x)", {0xc4, 2, 1, 0xff}, 4},
             {"hash(d)", {0xcd, 0x4c, 0x53}, 3},
             {"hash(t)", {0xd6, 0xff, 0x64, 0xa0, 0x38, 0x77}, 6},
             {"hash(f + 0.5)", {0xcb, 0x40, 0x08}, 9}};
    gn_err e = {0};
    data d;

    make_data(&d);
    for (size_t k = 0; k < sizeof v / sizeof *v; k++) {
        uint8_t enc[256] = {0};
        memcpy(enc, v[k].bytes, sizeof v[k].bytes);
        gn_expr *x = gn_expr_compile(v[k].expr, NULL, &d.schema, NULL, &e);
        assert_non_null(x);
        const gn_vec *r = gn_expr_eval(x, &d.batch, &e);
        if (r->i[0] != (int64_t)gn_hash(enc, v[k].n))
            fail_msg("%s", v[k].expr);
        gn_expr_free(x);
    }
    gn_expr *x = gn_expr_compile("hash(i)", NULL, &d.schema, NULL, &e);
    assert_int_equal(gn_expr_eval(x, &d.batch, &e)->i[2], (int64_t)gn_hash("\xc0", 1));
    gn_expr_free(x);
    free_data(&d);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *expr;
        int status;
        const char *msg;
    } v[] = {
        {"b and i = 'x'", 2, "--where: column 9: cannot compare 'i' (int) with a str"},
        {"i = 5 and t > i", 2, "--where: column 13: cannot compare 't' (time) with 'i' (int)"},
        {"'\xc3\xa9' = s and nope > 1", 3,
         "--where: column 13: no field 'nope' (there are: i, j, f, s, version, b, t, d, odd `name, "
         "x, "
         "big)"},
        {"", 2, "--where: the expression is empty"},
        {"  ", 2, "--where: the expression is empty"},
        {"i >", 2, "--where: column 4: expected a value, but it ends here"},
        {"i > )", 2, "--where: column 5: expected a value, not ')'"},
        {"(i > 1", 2, "--where: column 7: expected ')', but it ends here"},
        {"i > 1 j", 2, "--where: column 7: expected an operator or the end, not 'j'"},
        {"i = 1 = 1", 2, "--where: column 7: comparisons do not chain (use 'and', or parentheses)"},
        {"i is 5", 2, "--where: column 6: expected 'null', not '5'"},
        {"i between 1 or 2", 2, "--where: column 13: expected 'and' of between, not 'or'"},
        {"i not 5", 2, "--where: column 7: expected in, between, like or matches, not '5'"},
        {"s like 5", 2, "--where: column 8: expected a 'quoted' pattern, not '5'"},
        {"i like 'x'", 2, "--where: column 1: like takes a str, not 'i' (int)"},
        {"s matches '('", 2, "--where: column 11: bad pattern: unmatched ( or \\("},
        {"s = 'x", 2, "--where: column 5: the quote is not closed"},
        {"i > 12x", 2, "--where: column 5: '12x' is no number or duration (units: ms s min h d w)"},
        {"i > 1.5h", 2,
         "--where: column 5: '1.5h' is no number (a duration takes a whole number, as in 1500ms)"},
        {"i > 9223372036854775808", 2,
         "--where: column 5: '9223372036854775808' is no number in range"},
        {"i > 99999999999999d", 2, "--where: column 5: '99999999999999d' is no number in range"},
        {"f > 1e999", 2, "--where: column 5: '1e999' is no number in range"},
        {"d > 2023-02-30", 2,
         "--where: column 5: '2023-02-30' is no date (YYYY-MM-DD; with blanks it is a "
         "subtraction)"},
        {"t > 2023-02-01T25:00:00", 2,
         "--where: column 5: '2023-02-01T25:00:00' is no time (YYYY-MM-DDTHH:MM:SS, then Z or "
         "+HH:MM "
         "if need be)"},
        {"d > '2023-02-30'", 2,
         "--where: column 5: '2023-02-30' is no date or time (YYYY-MM-DD, or YYYY-MM-DD HH:MM:SS)"},
        {"i & 1", 2, "--where: column 3: '&' has no meaning here"},
        {"foo(i)", 2,
         "--where: column 1: no function 'foo' (there are date week month year day weekday hour "
         "minute time lower upper trim substr concat len major minor patch abs floor ceil round "
         "least greatest int float str coalesce if hash)"},
        {"substr(s)", 2, "--where: column 1: substr() takes 2 or 3 arguments, not 1"},
        {"substr(s, 's')", 2,
         "--where: column 11: from where and how many is told by an int, not a str"},
        {"round(f, 16)", 2,
         "--where: column 10: the number of digits is written out, from 0 to 15"},
        {"round(f, i)", 2, "--where: column 10: the number of digits is written out, from 0 to 15"},
        {"floor(s)", 2, "--where: column 7: floor() takes a number, not 's' (str)"},
        {"int(t)", 2, "--where: column 5: int() takes a number, bool or str, not 't' (time)"},
        {"time(i)", 2, "--where: column 6: time() takes a time, date or str, not 'i' (int)"},
        {"week(s)", 2, "--where: column 6: week() takes a date or time, not 's' (str)"},
        {"str(x)", 2, "--where: column 5: str() takes what can be written as text, not 'x' (bin)"},
        {"concat(s, x)", 2,
         "--where: column 11: concat() takes what can be written as text, not 'x' (bin)"},
        {"least(i, s)", 2, "--where: column 1: cannot mix in least() 'i' (int) and 's' (str)"},
        {"lower(s, s)", 2, "--where: column 1: lower() takes 1 argument, not 2"},
        {"if(b, i)", 2, "--where: column 1: if() takes 3 arguments, not 2"},
        {"lower(i)", 2, "--where: column 7: lower() takes a str, not 'i' (int)"},
        {"hour(d)", 2, "--where: column 6: hour() takes a time, not 'd' (date)"},
        {"date(i)", 2, "--where: column 6: date() takes a date, time or str, not 'i' (int)"},
        {"i and b", 2, "--where: column 1: expected a condition, not 'i' (int)"},
        {"not s", 2, "--where: column 5: expected a condition, not 's' (str)"},
        {"s + 1", 2, "--where: column 1: '+' takes numbers, not 's' (str)"},
        {"i % f", 2, "--where: column 5: '%' takes ints, not 'f' (float)"},
        {"-s", 2, "--where: column 2: minus takes a number, not 's' (str)"},
        {"d + 4h", 2, "--where: column 5: only whole days can be added to a date"},
        {"d + 7", 2, "--where: column 5: a duration needs its unit, as in 7d or 30min"},
        {"d * 7", 2, "--where: column 3: a date or time takes + and - only"},
        {"i - d", 2, "--where: column 3: cannot subtract 'd' (date) from 'i' (int)"},
        {"coalesce(i, s)", 2,
         "--where: column 1: cannot mix in coalesce() 'i' (int) and 's' (str)"},
        {"i + 1", 2, "--where: the expression is int, not a condition"},
        {"s = '\xff'", 2, "--where: column 6: not valid UTF-8"},
        {"i = '1'", 2, "--where: column 3: cannot compare 'i' (int) with a str"},
    };
    data d;

    make_data(&d);
    for (size_t k = 0; k < sizeof v / sizeof *v; k++) {
        gn_err e = {0};
        gn_expr *x = gn_expr_condition(v[k].expr, "--where", &d.schema, NULL, &e);
        if (x != NULL)
            fail_msg("%s was taken", v[k].expr);
        if (strcmp(e.msg, v[k].msg) != 0)
            fail_msg("%s:\n got  %s\n want %s", v[k].expr, e.msg, v[k].msg);
        assert_int_equal(e.status, v[k].status);
    }
    free_data(&d);
}

/* Depth and length are bounded, long flat expressions are not. */
static void test_bounds(void **state)
{
    (void)state;
    size_t room = 400000;
    char *text = malloc(room);
    gn_err e = {0};
    data d;

    make_data(&d);
    memset(text, '(', 100000);
    strcpy(text + 100000, "1");
    assert_null(gn_expr_compile(text, NULL, &d.schema, NULL, &e));
    assert_string_equal(e.msg, "expression: column 202: nested too deeply");
    for (int depth = 200; depth <= 201; depth++) {
        gn_err_clear(&e);
        memset(text, '(', (size_t)depth);
        strcpy(text + depth, "b");
        memset(text + depth + 1, ')', (size_t)depth);
        text[2 * depth + 1] = '\0';
        gn_expr *x = gn_expr_compile(text, NULL, &d.schema, NULL, &e);
        assert_true((x != NULL) == (depth == 200));
        gn_expr_free(x);
    }
    gn_err_clear(&e);
    memset(text, '-', 100000);
    strcpy(text + 100000, "i");
    gn_expr *x = gn_expr_compile(text, NULL, &d.schema, NULL, &e);
    assert_non_null(x);
    assert_int_equal(gn_expr_eval(x, &d.batch, &e)->i[0], 5);
    gn_expr_free(x);
    size_t n = (size_t)sprintf(text, "i in (");
    for (int k = 0; k < 5000; k++)
        n += (size_t)sprintf(text + n, "%d,", k * 3);
    strcpy(text + n - 1, ") or i = -7");
    x = gn_expr_compile(text, NULL, &d.schema, NULL, &e);
    assert_non_null(x);
    assert_int_equal(gn_expr_eval(x, &d.batch, &e)->i[1], 1);
    gn_expr_free(x);
    n = 0;
    for (int k = 0; k < 20000; k++)
        n += (size_t)sprintf(text + n, "%si=%d", k ? " or " : "", k % 10);
    assert_null(gn_expr_compile(text, NULL, &d.schema, NULL, &e));
    assert_int_equal(e.status, GN_USAGE);
    free(text);
    free_data(&d);
}

static void test_fields(void **state)
{
    (void)state;
    gn_err e = {0};
    data d;
    size_t n;

    make_data(&d);
    gn_expr *x = gn_expr_compile("j > 1 and i > j or i = 3", NULL, &d.schema, NULL, &e);
    const int *f = gn_expr_fields(x, &n);
    assert_int_equal(n, 2);
    assert_int_equal(f[0], 1);
    assert_int_equal(f[1], 0);
    gn_expr_free(x);
    x = gn_expr_compile("1 + 1 = 2", NULL, &d.schema, NULL, &e);
    gn_expr_fields(x, &n);
    assert_int_equal(n, 0);
    gn_expr_free(x);
    gn_expr_free(NULL);
    free_data(&d);
}

/* ---- against sqlite3 ---- */

static void read_value(data *d, size_t col, size_t row, const char *text)
{
    if (strcmp(text, "N") == 0) {
        set_null(d, col, row);
        if (d->col[col].s != NULL)
            set_s(d, col, row, "");
    } else if (text[0] == '\'') {
        set_s(d, col, row, text + 1);
    } else if (d->col[col].f != NULL) {
        d->col[col].f[row] = strtod(text, NULL);
    } else {
        set_i(d, col, row, strtoll(text, NULL, 10));
    }
}

static void check_oracle(data *d, char *line, size_t *checked)
{
    char *save = NULL, *type = strtok_r(line, "\t", &save), *text = strtok_r(NULL, "\t", &save);
    gn_err e = {0};
    gn_expr *x = gn_expr_compile(text, NULL, &d->schema, NULL, &e);

    if (x == NULL)
        fail_msg("%s: %s", text, e.msg);
    const gn_vec *v = gn_expr_eval(x, &d->batch, &e);
    assert_non_null(v);
    for (size_t i = 0; i < d->batch.n; i++) {
        char *want_text = strtok_r(NULL, "\t", &save), got[300];
        assert_non_null(want_text);
        show(v, i, got, sizeof got);
        bool same = strcmp(got, want_text) == 0;
        if (!same && v->type == GN_FLOAT && !v->null[i] && want_text[0] != 'N')
            same = v->f[i] == strtod(want_text, NULL);
        if (!same)
            fail_msg("%s (%s), record %zu: got %s, want %s", text, type, i, got, want_text);
        ++*checked;
    }
    gn_expr_free(x);
}

static void test_oracle(void **state)
{
    (void)state;
    static const gn_type types[6] = {GN_INT, GN_INT, GN_FLOAT, GN_FLOAT, GN_STR, GN_STR};
    const char *py = getenv("PYTHON"), *seed = getenv("GN_TEST_SEED");
    char cmd[300], *line = NULL;
    size_t room = 0, checked = 0;
    data d = {0};

    for (int k = 0; k < 6; k++) {
        char name[2] = {"ijfgsu"[k], '\0'};
        add_column(&d, name, types[k]);
    }
    snprintf(cmd, sizeof cmd, "%s tests/oracle/expr_table.py %s", py ? py : "/usr/bin/python3",
             seed ? seed : "1");
    FILE *f = popen(cmd, "r");
    assert_non_null(f);
    while (getline(&line, &room, f) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == 'D') {
            char *save = NULL;
            for (size_t k = 0; k < 6; k++)
                read_value(&d, k, d.batch.n, strtok_r(k ? NULL : line + 2, "\t", &save));
            d.batch.n++;
        } else {
            check_oracle(&d, line + 2, &checked);
        }
    }
    free(line);
    assert_int_equal(pclose(f), 0);
    assert_true(checked > 100000);
    free_data(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logic),         cmocka_unit_test(test_compare),
        cmocka_unit_test(test_exact_compare), cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_text),          cmocka_unit_test(test_dates),
        cmocka_unit_test(test_zone),          cmocka_unit_test(test_more_functions),
        cmocka_unit_test(test_list),          cmocka_unit_test(test_list_calls),
        cmocka_unit_test(test_hash),          cmocka_unit_test(test_errors),
        cmocka_unit_test(test_bounds),        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
