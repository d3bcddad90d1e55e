/* The CSV reader on any bytes, by every twin of the vector code, by libcsv alone, and in ranges:
 * the same records, counts and error, each record valid and canonical. The first three bytes choose
 * the options. */
#include "stream/csv.h"

#include "base/hash.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!(x))                                                                                  \
            abort();                                                                               \
    } while (0)

static const char *const schemas[] = {
    NULL,
    "a:str",
    "a:int,b:str",
    "user_id:str,timestamp:time,action_type:str,page_id:str,duration_ms:int,app_version:str",
    "a:float,b:bool,c:date,d:bin,e:time,f:str,g:int",
    "a:str,b:str,c:str,d:str",
    "a:int",
    "a:date,b:time",
};

struct seen {
    uint64_t hash;
    gn_textin_counts count;
    gn_csv_counts way;
    gn_err err;
};

static int look(void *ctx, const gn_batch *b, uint8_t *keep, size_t *kept, gn_err *e)
{
    struct seen *s = ctx;
    (void)e;
    for (size_t i = 0; i < b->n; i++)
        s->hash = s->hash * 31 + gn_hash(b->base + b->off[i], b->off[i + 1] - b->off[i]);
    memset(keep, 0, b->n);
    *kept = 0;
    return 0;
}

static void run(gn_csv *c, bool some, struct seen *s)
{
    gn_err *e = &s->err, none = {0};
    gn_out *out = gn_out_open("/dev/null", 0, &none);
    gn_writer *w = out ? gn_writer_new(out, &none) : NULL;
    gn_header h = {.canon = true};
    REQUIRE(w && gn_textin_reject_schema(&h.schema, &none) == 0 &&
            gn_writer_begin(w, &h, &none) == 0);
    gn_header_release(&h);
    gn_textin *t = gn_csv_text(c);
    const gn_schema *all = gn_textin_schema(t);
    int last = (int)all->n - 1;
    REQUIRE(all->n > 0);
    if (some)
        REQUIRE(gn_textin_select(t, &last, 1, NULL, 0, e) == 0);
    gn_decoder *d = gn_textin_filter(t, look, s, e);
    REQUIRE(d && gn_decoder_want_all(d, GN_VALUE | GN_RAW, e) == 0);
    int r = gn_csv_run(c, w, w, e);
    const gn_textin_counts *n = gn_textin_count(t);
    const gn_csv_counts *way = gn_csv_count(c);
    s->count.read += n->read;
    s->count.rejected += n->rejected;
    s->count.skipped += n->skipped;
    s->count.empty += n->empty;
    s->way.vector += way->vector;
    s->way.libcsv += way->libcsv;
    REQUIRE(r == 0 || e->status == GN_INPUT);
    REQUIRE(r != 0 || n->read == n->rejected + n->skipped + n->filtered);
    gn_writer_free(w);
    gn_out_close(out);
}

static void read_all(const char *path, const gn_csv_options *o, bool some, struct seen *s)
{
    memset(s, 0, sizeof *s);
    gn_csv *c = gn_csv_open(&path, 1, o, &s->err);
    if (c)
        run(c, some, s);
    else
        REQUIRE(s->err.status == GN_INPUT);
    gn_csv_close(c);
}

/* The same in ranges of about `bytes` bytes, up to the first that fails; false where the index is
 * what fails. */
static bool read_ranges(const char *path, gn_csv_options o, bool some, uint64_t bytes,
                        struct seen *s)
{
    memset(s, 0, sizeof *s);
    gn_csvranges x = {0};
    const gn_csvranges_size size = {.bytes = bytes};
    o.ranges = true;
    gn_csv *c = gn_csv_open(&path, 1, &o, &s->err);
    bool good = c && gn_csv_cut(c, &size, &x, &s->err) == 0;
    gn_csv_close(c);
    for (size_t i = 0; good && i < x.n && !s->err.status; i++) {
        c = gn_csv_open_ranges(&x, i, 1, NULL, 0, &o, &s->err);
        REQUIRE(c);
        run(c, some, s);
        gn_csv_close(c);
    }
    gn_csvranges_release(&x);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 1 << 20)
        return 0;
    /* Compressed input is not what is to be found out here. */
    if (size > 6 && (data[3] == 0x28 || (data[3] & 0xf0) == 0x50))
        return 0;
    gn_csv_options o = {
        .delimiter = ",\t; "[data[0] & 3],
        .no_header = data[0] & 4,
        .trim = data[0] & 8,
        .replace_text = data[0] & 16,
        .schema = schemas[data[0] >> 5],
        .on_error = (enum gn_textin_on_error)(data[1] % 3),
        .max_record = data[2] < 200   ? 0
                      : data[2] < 230 ? 64
                                      : 7,
    };
    if (o.no_header && !o.schema)
        return 0;
    bool some = data[1] & 64;
    int fd = memfd_create("csv", MFD_CLOEXEC);
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, data + 3, size - 3) == (ssize_t)(size - 3));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);

    struct seen first, next;
    o.libcsv = true;
    read_all(path, &o, some, &first);
    o.libcsv = false;
    static const char *const twins[] = {"portable", "sse2", "avx2"};
    for (size_t i = 0; i < 3; i++) {
        o.simd = twins[i];
        read_all(path, &o, some, &next);
        REQUIRE(first.err.status == next.err.status && strcmp(first.err.msg, next.err.msg) == 0);
        if (first.err.status)
            continue; /* records made before the error may not have been looked at */
        REQUIRE(first.hash == next.hash);
        REQUIRE(first.count.read == next.count.read && first.count.empty == next.count.empty &&
                first.count.rejected == next.count.rejected &&
                first.count.skipped == next.count.skipped);
        REQUIRE(first.way.vector == 0 && next.way.vector + next.way.libcsv == next.count.read);
    }
    if (read_ranges(path, o, some, 1 + data[2] % 150, &next)) {
        REQUIRE(first.err.status == next.err.status && strcmp(first.err.msg, next.err.msg) == 0);
        REQUIRE(first.err.status ||
                (first.hash == next.hash && first.count.read == next.count.read &&
                 first.count.empty == next.count.empty &&
                 first.count.rejected == next.count.rejected &&
                 first.count.skipped == next.count.skipped));
    } else { /* the file has no header, or a row is too long */
        REQUIRE(first.err.status == GN_INPUT && next.err.status == GN_INPUT);
    }
    (void)close(fd);
    return 0;
}
