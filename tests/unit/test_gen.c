/* test_gen.c - rows of the generator: any split gives the same bytes, every record is canonical
 * and within the model's bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "io/in.h"
#include "op/gen.h"
#include "stream/batch.h"

#include <stdlib.h>
#include <string.h>

#define ROWS 5000

static void splits(void **state)
{
    (void)state;
    uint8_t *whole = malloc(ROWS * GN_GEN_ROW), *part = malloc(ROWS * GN_GEN_ROW);
    assert_non_null(whole);
    assert_non_null(part);
    for (int table = GN_GEN_INTERACTIONS; table <= GN_GEN_METADATA; table++) {
        gn_gen g;
        gn_gen_init(&g, (enum gn_gen_table)table, 7, GN_GEN_USERS_MAX);
        for (uint64_t lo = 0; lo < 3; lo++) {
            uint64_t from = lo == 2 ? UINT64_C(1) << 58 : lo * 1000003;
            size_t n = (size_t)(gn_gen_rows(&g, from, ROWS, whole) - whole);
            uint8_t *p = part;
            for (size_t i = 0, step = 1; i < ROWS; i += step, step = step * 3 % 101) {
                size_t k = step < ROWS - i ? step : ROWS - i;
                p = gn_gen_rows(&g, from + i, k, p);
            }
            assert_int_equal(p - part, n);
            assert_memory_equal(whole, part, n);
        }
    }
    free(whole);
    free(part);
}

static void bounds(void **state)
{
    (void)state;
    gn_err e = {0};
    uint8_t *rows = calloc(1, ROWS * GN_GEN_ROW + GN_SLACK);
    assert_non_null(rows);
    for (int users = 1; users <= 3; users++) {
        gn_gen g;
        gn_gen_init(&g, GN_GEN_INTERACTIONS, 0, (uint64_t)users);
        const uint8_t *p = rows, *end = gn_gen_rows(&g, 0, ROWS, rows);
        gn_decoder *d = gn_decoder_new(gn_gen_schema(GN_GEN_INTERACTIONS), true, &e);
        assert_non_null(d);
        assert_int_equal(gn_decoder_want_all(d, GN_VALUE, &e), 0);
        gn_batch *b;
        const char *bad;
        size_t n = 0, last = 0;
        while (p < end) {
            assert_int_equal(gn_decoder_run(d, p, end, GN_BATCH, &b, &p, &bad, &e), GN_DECODE_OK);
            for (size_t i = 0; i < b->n; i++) {
                assert_int_equal(b->col[0].s[i].n, 7);
                assert_memory_equal(b->col[0].s[i].p, "u00000", 6);
                last += b->col[0].s[i].p[6] == '0' + users;
                assert_in_range(b->col[0].s[i].p[6], '1', '0' + users);
                assert_in_range(b->col[1].i[i] / 1000000, 1672531200, 1703980800);
                assert_in_range(b->col[4].i[i], 100, 300000);
            }
            n += b->n;
        }
        assert_int_equal(n, ROWS);
        assert_in_range(last, ROWS / users * 9 / 10, ROWS / users * 11 / 10 + 1);
        gn_decoder_free(d);
    }
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
