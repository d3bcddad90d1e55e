/* The table of a join against a plain search; joins with hardly any memory, deep levels of
 * splitting and blocks, against the same join in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/in.h"
#include "kernel/jointab.h"
#include "op/claims.h"
#include "op/joiner.h"

static uint64_t random_next(uint64_t *state) /* xorshift64 (Marsaglia 2003) */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- the table ---- */

enum { ROWS = 3000, WIDTH = 80 };

typedef struct item {
    uint8_t key[WIDTH + GN_SLACK], body[WIDTH + GN_SLACK];
    gn_str k, b;
    bool null;
} item;

static item *make_items(uint64_t *seed, size_t keys)
{
    item *v = calloc(ROWS, sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < ROWS; i++) {
        uint64_t k = random_next(seed) % keys;
        size_t nkey = 1 + k % 30, nbody = random_next(seed) % WIDTH;
        for (size_t p = 0; p < nkey; p++)
            v[i].key[p] = (uint8_t)(k >> 8 * (p % 2));
        for (size_t p = 0; p < nbody; p++)
            v[i].body[p] = (uint8_t)random_next(seed);
        v[i].k = (gn_str){v[i].key, (uint32_t)nkey};
        v[i].b = (gn_str){v[i].body, (uint32_t)nbody};
        v[i].null = random_next(seed) % 20 == 0;
    }
    return v;
}

static bool same(gn_str a, gn_str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The greatest record wins. */
static bool greater(void *ctx, gn_str record, gn_str held)
{
    size_t n = record.n < held.n ? record.n : held.n;
    int c = memcmp(record.p, held.p, n);
    (void)ctx;
    return c ? c > 0 : record.n > held.n;
}

/* What must be found for the key of item i: the rows that stay, in order. */
static size_t wanted(const item *v, size_t i, enum gn_jointab_mode mode, const item **to)
{
    size_t n = 0;
    for (size_t k = 0; k < ROWS; k++) {
        if (v[k].null || !same(v[k].k, v[i].k))
            continue;
        if (mode == GN_JOINTAB_ALL || !n)
            to[n++] = &v[k];
        else if (mode == GN_JOINTAB_BEST && greater(NULL, v[k].b, to[0]->b))
            to[0] = &v[k];
    }
    return n;
}

static void check_table(uint64_t seed, enum gn_jointab_mode mode, size_t keys)
{
    gn_err e = {0};
    gn_budget budget = {.cap = (size_t)16 << 20};
    item *v = make_items(&seed, keys);
    const item **want = calloc(ROWS, sizeof *want);
    gn_jointab *t =
        gn_jointab_new(&(gn_jointab_options){mode, (size_t)8 << 20, &budget, greater, NULL}, &e);
    assert_non_null(want);
    assert_non_null(t);
    uint64_t nulls = 0;
    for (size_t i = 0; i < ROWS; i++) {
        uint8_t null = v[i].null;
        size_t at = 0;
        gn_jointab_rows r = {&v[i].k, &v[i].b, &v[i].b, &null, 1};
        nulls += null;
        assert_int_equal(gn_jointab_add(t, &r, &at, &e), GN_JOINTAB_ADDED);
        assert_int_equal(at, 1);
    }
    for (size_t i = 0; i < ROWS; i++) {
        uint32_t hash;
        gn_joinrow *row;
        uint8_t null = v[i].null;
        gn_jointab_look(t, &v[i].k, 1, &hash);
        gn_jointab_fetch(t, &hash, 1);
        gn_jointab_find(t, &v[i].k, &null, &hash, 1, &row);
        size_t n = null ? 0 : wanted(v, i, mode, want);
        for (size_t k = 0; k < n; k++, row = gn_jointab_more(t, row)) {
            assert_non_null(row);
            assert_true(k || same(gn_joinrow_key(row), v[i].k));
            assert_true(same(gn_joinrow_body(row), want[k]->b));
            assert_true(mode != GN_JOINTAB_BEST || same(gn_joinrow_record(row), want[k]->b));
        }
        assert_null(row);
    }
    uint64_t heads = 0, rows = 0;
    for (gn_joinrow *r = NULL; (r = gn_jointab_next(t, r));) {
        heads++;
        for (const gn_joinrow *m = r; m; m = gn_jointab_more(t, m))
            rows++;
    }
    assert_int_equal(heads, gn_jointab_keys(t) + nulls);
    assert_int_equal(rows, gn_jointab_count(t));
    assert_int_equal(rows + gn_jointab_dropped(t), ROWS);
    gn_jointab_free(t);
    assert_int_equal(budget.used, 0);
    free(want);
    free(v);
}

static void test_table(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (int mode = GN_JOINTAB_ONE; mode <= GN_JOINTAB_ALL; mode++) {
            check_table(seed, (enum gn_jointab_mode)mode, 40);
            check_table(seed, (enum gn_jointab_mode)mode, 5000);
        }
}

/* A table that is full takes nothing more, and keeps what it has. */
static void test_full(void **state)
{
    gn_err e = {0};
    uint64_t seed = 9;
    item *v = make_items(&seed, 60000);
    gn_jointab *t = gn_jointab_new(
        &(gn_jointab_options){GN_JOINTAB_ALL, (size_t)64 << 10, NULL, NULL, NULL}, &e);
    uint64_t added = 0;
    int r = GN_JOINTAB_ADDED;
    (void)state;
    assert_non_null(t);
    for (size_t i = 0; i < ROWS && r == GN_JOINTAB_ADDED; i++) {
        uint8_t null = v[i].null;
        size_t at = 0;
        gn_jointab_rows rows = {&v[i].k, &v[i].b, NULL, &null, 1};
        r = gn_jointab_add(t, &rows, &at, &e);
        assert_int_equal(at, r == GN_JOINTAB_ADDED);
        added += r == GN_JOINTAB_ADDED;
    }
    assert_int_equal(r, GN_JOINTAB_FULL);
    assert_int_equal(added, gn_jointab_count(t));
    assert_true(gn_jointab_bytes(t) <= (size_t)64 << 10);
    gn_jointab_clear(t);
    assert_null(gn_jointab_next(t, NULL));
    gn_jointab_free(t);
    free(v);
}

/* ---- joins with hardly any memory ---- */

static const char *make_stream(char *path, const char *value, uint64_t seed, size_t rows,
                               size_t keys)
{
    gn_err e = {0};
    gn_header h = {0};
    gn_lineage l = {.covered = true};
    gn_row row = {0};
    strcpy(path, "/tmp/gn-test-join.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    gn_out *out = gn_out_open(path, 0, &e);
    gn_writer *w = gn_writer_new(out, &e);
    assert_int_equal(gn_schema_add(&h.schema, "k", 1, GN_INT, &e), 0);
    assert_int_equal(gn_schema_add(&h.schema, value, strlen(value), GN_STR, &e), 0);
    assert_int_equal(gn_writer_begin(w, &h, &e), 0);
    for (size_t i = 0; i < rows; i++) {
        uint64_t r = random_next(&seed);
        char text[100];
        int n =
            snprintf(text, sizeof text, "%0*llu", (int)(r >> 40) % 60 + 1, (unsigned long long)i);
        int64_t key = r % 10 < 3 ? 7 : (int64_t)(r >> 8 & 0xffffff) % (int64_t)keys;
        gn_row_begin(&row, 2, &e);
        assert_int_equal(r % 50 == 0 ? gn_row_null(&row, &e) : gn_row_int(&row, key, &e), 0);
        assert_int_equal(gn_row_str(&row, text, (size_t)n, &e), 0);
        assert_int_equal(gn_row_write(&row, w, &e), 0);
    }
    gn_row_release(&row);
    assert_int_equal(gn_writer_end(w, &l, &e), 0);
    assert_int_equal(gn_out_finish(out, &e) || gn_out_commit(out, &e), 0);
    gn_writer_free(w);
    gn_out_close(out);
    gn_header_release(&h);
    return path;
}

static int begin(void *ctx, const gn_header *h, gn_err *e)
{
    return gn_writer_begin(ctx, h, e);
}

static int end(void *ctx, gn_lineage *l, const gn_id *roots, size_t nroots, gn_err *e)
{
    (void)roots;
    (void)nroots;
    return gn_writer_end(ctx, l, e);
}

static gn_record_sum sum_of(const char *path, uint64_t *records)
{
    gn_err e = {0};
    gn_record_sum s = {0};
    gn_batch *b;
    int ev;
    gn_reader *r = gn_reader_open(&path, 1, 0, &e);
    assert_non_null(r);
    while ((ev = gn_reader_next(r, &b, &e)) > 0)
        if (ev == GN_EV_BATCH)
            gn_record_sum_batch(&s, b);
    assert_int_equal(ev, 0);
    *records = gn_reader_records(r);
    gn_reader_close(r);
    return s;
}

typedef struct result {
    gn_record_sum sum;
    uint64_t records;
    gn_joiner_stats stats;
} result;

static result join(const char *left, const char *right, int type, int dup, size_t memory)
{
    static const char *const key[] = {"k"};
    gn_err e = {0};
    char path[] = "/tmp/gn-test-join.XXXXXX";
    int fd = mkstemp(path);
    result r = {0};
    assert_true(fd >= 0);
    close(fd);
    gn_out *out = gn_out_open(path, 0, &e);
    gn_writer *w = gn_writer_new(out, &e);
    gn_joiner_options o = {.key = key,
                           .nkeys = 1,
                           .type = (enum gn_join_type)type,
                           .dup = (enum gn_join_dup)dup,
                           .left = left,
                           .right = right,
                           .memory = memory,
                           .begin = begin,
                           .end = end,
                           .ctx = w};
    gn_joiner *j = gn_joiner_new(&o, &e);
    assert_non_null(j);
    if (gn_joiner_run(j, w, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(gn_out_finish(out, &e) || gn_out_commit(out, &e), 0);
    gn_joiner_statistics(j, &r.stats);
    gn_joiner_free(j);
    gn_writer_free(w);
    gn_out_close(out);
    r.sum = sum_of(path, &r.records);
    unlink(path);
    return r;
}

static void compare(const char *left, const char *right, int type, int dup, size_t memory,
                    uint64_t levels, uint64_t *deepest)
{
    result a = join(left, right, type, dup, (size_t)64 << 20);
    result b = join(left, right, type, dup, memory);
    assert_string_equal(a.stats.strategy, "broadcast");
    assert_true(strcmp(b.stats.strategy, "grace") == 0 || type >= GN_JOIN_SEMI);
    assert_true(b.stats.levels >= levels || type >= GN_JOIN_SEMI);
    assert_int_equal(a.records, b.records);
    assert_memory_equal(&a.sum, &b.sum, sizeof a.sum);
    assert_int_equal(a.stats.left_matched, b.stats.left_matched);
    assert_int_equal(a.stats.left_unmatched, b.stats.left_unmatched);
    assert_int_equal(a.stats.left_null, b.stats.left_null);
    assert_int_equal(a.stats.right_matched, b.stats.right_matched);
    assert_int_equal(a.stats.right_unmatched, b.stats.right_unmatched);
    assert_int_equal(a.stats.right_null, b.stats.right_null);
    assert_int_equal(a.stats.right_dropped, b.stats.right_dropped);
    assert_int_equal(a.stats.records, b.stats.records);
    if (b.stats.levels > *deepest)
        *deepest = b.stats.levels;
}

static void test_levels(void **state)
{
    char l[40], r[40];
    uint64_t deepest = 0;
    (void)state;
    make_stream(l, "a", 1, 20000, 40000);
    make_stream(r, "b", 2, 20000, 40000);
    for (int type = GN_JOIN_LEFT; type <= GN_JOIN_ANTI; type++)
        for (int dup = GN_JOIN_DUP_FIRST; dup <= GN_JOIN_DUP_LAST; dup++)
            compare(l, r, type, type < GN_JOIN_SEMI ? dup : 0, (size_t)12 << 10, 2, &deepest);
    assert_true(deepest >= 3);
    unlink(l);
    unlink(r);
}

/* One key has 3 of 10 rows on both sides: it comes in blocks. */
static void test_blocks(void **state)
{
    char l[40], r[40];
    uint64_t deepest = 0;
    (void)state;
    make_stream(l, "a", 3, 300, 400);
    make_stream(r, "b", 4, 8000, 400);
    for (int type = GN_JOIN_LEFT; type <= GN_JOIN_FULL; type++)
        compare(l, r, type, GN_JOIN_DUP_ALL, (size_t)40 << 10, 1, &deepest);
    unlink(l);
    unlink(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
