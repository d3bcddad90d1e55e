/* Any bytes as an expression over a schema of every type: compile, then evaluate a batch that has
 * extremes and nulls. Bounds, three-valued results and "null is 0" are checked. */
#include "base/civil.h"
#include "op/expr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 4, COLS = 7 };

static void check(const gn_vec *v)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (v->null[i] > 1)
            abort();
        if (v->f != NULL && (!isfinite(v->f[i]) || (v->null[i] && v->f[i] != 0)))
            abort();
        if (v->i != NULL && v->null[i] && v->i[i] != 0)
            abort();
        if (v->type == GN_BOOL && (uint64_t)v->i[i] > 1)
            abort();
        if (v->s != NULL && v->s[i].n > 0) { /* every byte can be read */
            uint8_t *copy = malloc(v->s[i].n);
            if (copy != NULL)
                memcpy(copy, v->s[i].p, v->s[i].n);
            free(copy);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char names[COLS][2] = {"s", "i", "f", "b", "t", "d", "x"};
    static gn_field fields[COLS] = {{names[0], GN_STR},  {names[1], GN_INT},  {names[2], GN_FLOAT},
                                    {names[3], GN_BOOL}, {names[4], GN_TIME}, {names[5], GN_DATE},
                                    {names[6], GN_BIN}};
    static const gn_schema schema = {.n = COLS, .f = fields};
    static uint8_t null[ROWS] = {0, 0, 0, 1};
    static int64_t ints[ROWS] = {INT64_MIN, INT64_MAX, -7, 0}, bools[ROWS] = {0, 1, 1, 0},
                   times[ROWS] = {GN_TIME_MIN, GN_TIME_MAX, 1688221815000000, 0};
    static double floats[ROWS] = {1e308, -5e-324, 2.5, 0};
    static gn_str strs[ROWS] = {{(const uint8_t *)"5.7.3", 5},
                                {(const uint8_t *)"h\xc3\xa9LLo", 6},
                                {(const uint8_t *)"", 0},
                                {(const uint8_t *)"", 0}};
    gn_vec col[COLS];
    gn_batch b = {.n = ROWS, .col = col};
    gn_err e = {0};
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    /* the C library's own compiler of patterns takes memory and time as it likes for a{1000}{1000}
     */
    bool wild = strchr(text, '{') != NULL;
    if (!wild) {
        gn_zone *z = size % 2 ? gn_zone_open("America/New_York", &e) : NULL;
        for (size_t k = 0; k < COLS; k++)
            col[k] = (gn_vec){.type = fields[k].type, .what = GN_VALUE, .null = null};
        col[0].s = col[6].s = strs;
        col[1].i = col[5].i = ints;
        col[2].f = floats;
        col[3].i = bools;
        col[4].i = times;
        gn_err_clear(&e);
        gn_err e2 = {0};
        gn_expr *x = gn_expr_compile(text, "--where", &schema, z, &e);
        bool parsed = gn_expr_check(text, "--where", &e2) == 0;
        if (x == NULL ? e.status == GN_OK : !parsed)
            abort();
        if (x != NULL) {
            uint8_t keep[ROWS];
            size_t kept;
            const gn_vec *v = gn_expr_eval(x, &b, &e);
            if (v == NULL || v->type != gn_expr_type(x))
                abort();
            check(v);
            if (v->type == GN_BOOL && gn_expr_filter(x, &b, keep, &kept, &e) < 0)
                abort();
        }
        gn_expr_free(x);
        gn_zone_free(z);
    }
    free(text);
    return 0;
}
