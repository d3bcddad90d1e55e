/* An input that is read again: the same segments and records from files and from the temporary
 * copy, any number of times; a file that has changed is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "op/rowkey.h"
#include "op/twice.h"
#include "stream/writer.h"

static char path[64];

/* `segments` of n records (i, "v<i>") each, numbers from `from`. */
static void make(const char *to, int64_t from, size_t n, size_t segments)
{
    gn_err e = {0};
    gn_out *out = gn_out_open(to, 0, &e);
    gn_writer *w = gn_writer_new(out, &e);
    gn_row row = {0};
    gn_lineage none = {0};
    gn_header h = {0};
    assert_non_null(w);
    assert_int_equal(gn_schema_parse(&h.schema, "i:int,s:str", &e), 0);
    for (size_t s = 0; s < segments; s++) {
        assert_int_equal(gn_writer_begin(w, &h, &e), 0);
        for (size_t i = 0; i < n; i++, from++) {
            char text[32];
            int len = snprintf(text, sizeof text, "v%d", (int)from);
            assert_int_equal(gn_row_begin(&row, 2, &e), 0);
            assert_int_equal(gn_row_int(&row, from, &e), 0);
            assert_int_equal(gn_row_str(&row, text, (size_t)len, &e), 0);
            assert_int_equal(gn_row_write(&row, w, &e), 0);
        }
        assert_int_equal(gn_writer_end(w, &none, &e), 0);
    }
    gn_row_release(&row);
    gn_header_release(&h);
    gn_writer_free(w);
    assert_int_equal(gn_out_finish(out, &e), 0);
    assert_int_equal(gn_out_commit(out, &e), 0);
    gn_out_close(out);
}

/* The first time, by a reader; `again` says what the twice is told of. */
static gn_twice *first_time(const char *const *again, size_t n)
{
    gn_err e = {0};
    const char *in = path;
    gn_batch *b;
    int ev;
    gn_reader *r = gn_reader_open(&in, 1, 0, &e);
    gn_twice *t = gn_twice_new(again, n, 0, NULL, &e);
    assert_non_null(r);
    assert_non_null(t);
    while ((ev = gn_reader_next(r, &b, &e)) > 0)
        if (ev == GN_EV_SEGMENT)
            assert_int_equal(gn_twice_segment(t, gn_reader_header(r), &e), 0);
        else if (ev == GN_EV_BATCH)
            assert_int_equal(gn_twice_batch(t, b, &e), 0);
        else
            assert_int_equal(gn_twice_end(t, gn_reader_trailer(r), &e), 0);
    assert_int_equal(ev, 0);
    gn_reader_close(r);
    return t;
}

/* All records in order, and keys of each: the sum of the ints is told. */
static int64_t read_again(gn_twice *t, uint64_t *records, size_t *segments)
{
    gn_err e = {0};
    gn_batch *b;
    int64_t sum = 0;
    int ev;
    uint64_t all;
    gn_rowkey *k = gn_rowkey_new("r = i % 3, t = s", "--key", NULL, &e);
    *records = *segments = 0;
    assert_non_null(k);
    assert_int_equal(gn_twice_rewind(t, &e), 0);
    while ((ev = gn_twice_next(t, &b, &e)) > 0) {
        if (ev == GN_EV_SEGMENT) {
            ++*segments;
            assert_int_equal(gn_rowkey_segment(k, (gn_feed){.twice = t}, &e), 0);
            assert_int_equal(gn_twice_want(t, 0, GN_VALUE, &e), 0);
        }
        if (ev != GN_EV_BATCH)
            continue;
        (void)gn_twice_before(t, &all);
        assert_int_equal(all, *records);
        const gn_str *key = gn_rowkey_batch(k, b, &e);
        assert_non_null(key);
        for (size_t i = 0; i < b->n; i++) {
            assert_int_equal(key[i].p[0], b->col[0].i[i] % 3);
            assert_int_equal(key[i].p[2], 'v');
            sum += b->col[0].i[i];
        }
        *records += b->n;
    }
    assert_int_equal(ev, 0);
    gn_rowkey_free(k);
    return sum;
}

static void the_same_again(void **s)
{
    (void)s;
    const char *file = path;
    uint64_t records;
    size_t segments;
    make(path, 0, 5000, 3);
    for (int spool = 0; spool < 2; spool++) {
        gn_twice *t = first_time(spool ? NULL : &file, spool ? 0 : 1);
        assert_int_equal(gn_twice_spooled(t) > 0, spool);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(read_again(t, &records, &segments), 15000 * 14999 / 2);
            assert_int_equal(records, 15000);
            assert_int_equal(segments, 3);
        }
        gn_twice_free(t);
    }
}

static void no_records(void **s)
{
    (void)s;
    uint64_t records;
    size_t segments;
    make(path, 0, 0, 2);
    gn_twice *t = first_time(NULL, 0);
    assert_int_equal(read_again(t, &records, &segments), 0);
    assert_int_equal(records, 0);
    assert_int_equal(segments, 2);
    gn_twice_free(t);
}

static void a_change_is_noticed(void **s)
{
    (void)s;
    const char *file = path;
    const struct {
        int64_t from;
        size_t n, segments;
    } later[] = {{1, 5000, 3}, {0, 5000, 2}, {0, 5000, 4}, {0, 4999, 3}};
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        gn_err e = {0};
        make(path, 0, 5000, 3);
        gn_twice *t = first_time(&file, 1);
        make(path, later[i].from, later[i].n, later[i].segments);
        gn_batch *b;
        int ev = gn_twice_rewind(t, &e);
        assert_int_equal(ev, 0);
        do
            ev = gn_twice_next(t, &b, &e);
        while (ev > 0);
        assert_int_equal(ev, -1);
        assert_int_equal(e.status, GN_IO);
        assert_non_null(strstr(e.msg, "has changed"));
        gn_twice_free(t);
    }
}

int main(void)
{
    (void)snprintf(path, sizeof path, "/tmp/gn-test-twice-%ld", (long)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_again),
        cmocka_unit_test(no_records),
        cmocka_unit_test(a_change_is_noticed),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return r;
}
