/* Seek tables and indexes on any bytes, then a part of what they say. The first byte chooses:
 * whether the bytes are the end of the file as they are, or are the numbers of a well-formed index
 * and table behind an honest frame of an honest stream; and which part. What is accepted must hold:
 * sizes that add up, segments that tile the stream, places in order. */
#include "base/hash.h"
#include "io/mp.h"
#include "stream/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!(x))                                                                                  \
            abort();                                                                               \
    } while (0)

static void le(gn_buf *b, uint64_t v, size_t bytes)
{
    gn_err e = {0};
    uint8_t p[8];
    for (size_t i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
    REQUIRE(gn_buf_add(b, p, bytes, &e) == 0);
}

/* Two frames: header and records; further records and trailer. */
static void honest(gn_buf *file, uint32_t packed[2], uint32_t raw[2], gn_indexed *s)
{
    gn_err e = {0};
    gn_header h = {.canon = true};
    gn_trailer t = {.records = 9};
    gn_buf b = {0};
    REQUIRE(gn_schema_parse(&h.schema, "a:int,s:str", &e) == 0 &&
            gn_header_encode(&h, &b, &e) == 0);
    s->first = b.n;
    for (int i = 0; i < 9; i++)
        REQUIRE(gn_buf_add(&b, "\x92\x01\xa2hi", 5, &e) == 0);
    s->trailer = b.n;
    s->records = 9;
    REQUIRE(gn_trailer_encode(&t, &b, &e) == 0 && gn_buf_reserve(&b, GN_MP_HEAD, &e) == 0);
    b.n = (size_t)(gn_mp_uint(b.p + b.n, gn_hash(b.p, b.n)) - b.p);
    s->end = b.n;
    raw[0] = (uint32_t)s->first + 20;
    raw[1] = (uint32_t)b.n - raw[0];
    for (int i = 0; i < 2; i++) {
        uint8_t out[4096];
        size_t n = ZSTD_compress(out, sizeof out, b.p + (i ? raw[0] : 0), raw[i], 1);
        REQUIRE(!ZSTD_isError(n) && gn_buf_add(file, out, n, &e) == 0);
        packed[i] = (uint32_t)n;
    }
    gn_header_release(&h);
    gn_buf_release(&b);
}

/* The next number: mostly `v` itself, or what the input adds to it. */
static uint64_t bend(uint64_t v, const uint8_t **p, const uint8_t *end)
{
    if (*p == end)
        return v;
    uint8_t c = *(*p)++;
    if (c < 200)
        return v + (c & 1 ? 0 : (uint64_t)(c >> 1));
    if (c < 250 || end - *p < 8)
        return v - (c & 31);
    uint64_t x = gn_le64(*p);
    *p += 8;
    return x;
}

static void bent(gn_buf *file, const uint8_t *p, const uint8_t *end)
{
    uint32_t packed[3], raw[3] = {0};
    gn_indexed s = {0};
    honest(file, packed, raw, &s);
    size_t at = file->n, from = at + 8;
    le(file, GN_INDEX_MAGIC, 4);
    le(file, 0, 4);
    gn_err e = {0};
    REQUIRE(gn_buf_add(file, GN_INDEX_NAME, 8, &e) == 0);
    le(file, 2, 4);
    le(file, 40, 4);
    le(file, bend(0, &p, end), 8);
    le(file, bend(4, &p, end), 8);
    le(file, bend(s.begin, &p, end), 8);
    le(file, bend(s.first, &p, end), 8);
    le(file, bend(s.trailer, &p, end), 8);
    le(file, bend(s.end, &p, end), 8);
    le(file, bend(s.records, &p, end), 8);
    le(file, gn_hash(file->p + from, file->n - from), 8);
    packed[2] = (uint32_t)(file->n - at);
    file->p[at + 4] = (uint8_t)(packed[2] - 8);
    size_t content = 3 * 8 + 9;
    le(file, GN_SEEK_MAGIC, 4);
    le(file, content, 4);
    for (int i = 0; i < 3; i++) {
        le(file, bend(packed[i], &p, end), 4);
        le(file, bend(raw[i], &p, end), 4);
    }
    le(file, 3, 4);
    le(file, 0, 1);
    le(file, GN_SEEK_FOOT, 4);
}

static void check_frames(const gn_frames *f, uint64_t size)
{
    REQUIRE(f->n > 0 && f->n <= GN_FRAMES_MAX && f->at[f->n] <= size);
    for (size_t i = 0; i < f->n; i++) {
        REQUIRE(f->at[i] + 8 <= f->at[i + 1] && f->raw[i] <= f->raw[i + 1]);
        if (f->raw[i] < f->raw[i + 1])
            REQUIRE(gn_frames_find(f, f->raw[i]) == i && gn_frames_find(f, f->raw[i + 1] - 1) == i);
    }
}

static void check_index(const gn_index *x)
{
    uint64_t at = 0, records = 0;
    REQUIRE(x->nsegments > 0 && x->ncuts >= 2);
    for (size_t i = 0; i < x->nsegments; i++) {
        const gn_indexed *s = &x->segment[i];
        REQUIRE(s->begin == at && s->begin < s->first && s->first <= s->trailer &&
                s->trailer < s->end);
        at = s->end;
        records += s->records;
    }
    REQUIRE(at == x->bytes && records == x->records && x->cut[0].at == 0);
    for (size_t i = 1; i < x->ncuts; i++)
        REQUIRE(x->cut[i - 1].at <= x->cut[i].at && x->cut[i - 1].records <= x->cut[i].records);
    REQUIRE(x->cut[x->ncuts - 1].at == at && x->cut[x->ncuts - 1].records == records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gn_err e = {0};
    gn_buf file = {0};
    char path[64];
    if (size == 0 || size > 4096)
        return 0;
    const uint8_t kind = *data;
    if (kind & 1)
        bent(&file, data + 1, data + size);
    else
        REQUIRE(gn_buf_add(&file, data + 1, size - 1, &e) == 0);
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    REQUIRE(fd >= 0 && write(fd, file.p, file.n) == (ssize_t)file.n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);

    gn_index x = {0};
    int r = gn_index_load(&x, path, &e);
    REQUIRE(r >= 0 && e.status == GN_OK);
    if (x.framed)
        check_frames(&x.frames, file.n);
    if (r == 1)
        check_index(&x);
    gn_index_release(&x);

    /* All parts together have no more and no fewer records than the whole. */
    const uint64_t parts = 1 + (kind >> 1) % 4;
    const char *paths[] = {path};
    uint64_t records = 0;
    bool good = true;
    for (uint64_t i = 1; i <= parts; i++) {
        gn_batch *b;
        int ev = -1;
        gn_err pe = {0};
        gn_reader *reader = gn_split_open(paths, 1, i, parts, 1 << 20, &pe);
        while (reader && (ev = gn_reader_next(reader, &b, &pe)) > 0)
            if (ev == GN_EV_SEGMENT)
                REQUIRE(gn_reader_want_all(reader, GN_RAW, &pe) == 0);
        REQUIRE(ev == 0 || pe.status == GN_INPUT || pe.status == GN_CORRUPT);
        good = good && ev == 0;
        records += reader ? gn_reader_records(reader) : 0;
        gn_reader_close(reader);
    }
    if (good && kind & 1)
        REQUIRE(records == 9);
    (void)close(fd);
    gn_buf_release(&file);
    return 0;
}
