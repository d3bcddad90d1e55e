/* planfacts.c - see planfacts.h: sizes of inputs, and hosts. */
#include "planfacts.h"

#include "../base/num.h"
#include "../base/parse.h"
#include "../stream/index.h"
#include "../stream/reader.h"
#include "../stream/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLE_FILES 8
#define SAMPLE_BYTES ((uint64_t)16 << 20) /* of a file, unpacked */
#define WINDOW ((size_t)8 << 20)

/* What was read of some files' beginnings. */
typedef struct sample {
    uint64_t packed, unpacked; /* of compressed files: bytes */
    uint64_t bytes, lines;     /* of CSV */
    uint64_t stream, records;
} sample;

/* What all files hold; an index tells it, or the sample does in the end. */
typedef struct total {
    uint64_t files, disk;
    uint64_t csv, csv_packed; /* bytes of files without an index */
    uint64_t stream, stream_packed;
    uint64_t indexed, records; /* bytes of stream and records, of files with one */
    size_t nindexed, unordered;
} total;

static uint64_t scale(uint64_t a, uint64_t b, uint64_t c) /* a x b / c, saturating */
{
    gn_u128 v = c ? ((gn_u128)a * b + c - 1) / c : a;
    return v > UINT64_MAX ? UINT64_MAX : (uint64_t)v;
}

/* ---- a file ---- */

static bool is_packed(const char *path)
{
    static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
    uint8_t head[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is = fd >= 0 && read(fd, head, 4) == 4 && memcmp(head, magic, 4) == 0;
    if (fd >= 0)
        (void)close(fd);
    return is;
}

/* The beginning of a file that is no stream: how long its lines are, how it is packed. */
static int sample_text(sample *s, const char *path, bool packed, gn_err *e)
{
    uint64_t bytes = 0;
    int more = 1;
    gn_in *in = gn_in_open(path, false, e);
    if (!in)
        return -1;
    while (bytes < SAMPLE_BYTES && (more = gn_in_more(in, WINDOW, e)) > 0) {
        const uint8_t *p = gn_in_begin(in), *end = gn_in_end(in);
        bytes += (uint64_t)(end - p);
        for (; (p = memchr(p, '\n', (size_t)(end - p))); p++)
            s->lines++;
        gn_in_consume(in, end);
    }
    s->bytes += bytes;
    if (packed && more >= 0) {
        s->packed += gn_in_bytes(in);
        s->unpacked += bytes;
    }
    gn_in_close(in);
    return more < 0 ? -1 : 0;
}

/* The beginning of a stream: how long its records are, whether it is ordered by the key. */
static int sample_stream(sample *s, total *t, const char *path, const char *key, bool packed,
                         gn_err *e)
{
    gn_batch *b;
    int ev = -1;
    gn_reader *r = gn_reader_open(&path, 1, 0, e);
    while (r && (ev = gn_reader_next(r, &b, e)) > 0) {
        const gn_header *h = gn_reader_header(r);
        if (ev == GN_EV_SEGMENT &&
            !(h->norder && !h->order[0].desc && strcmp(h->order[0].field, key) == 0))
            t->unordered++;
        if (ev == GN_EV_BATCH) {
            s->stream += b->off[b->n] - b->off[0];
            s->records += b->n;
        }
        if (gn_reader_raw_bytes(r) > SAMPLE_BYTES)
            break;
    }
    if (ev >= 0 && packed) {
        s->packed += gn_reader_bytes(r);
        s->unpacked += gn_reader_raw_bytes(r);
    }
    gn_reader_close(r);
    return ev < 0 ? -1 : 0;
}

/* Is it a record stream? By its first bytes: a map whose first key is "gn". */
static int is_stream(const char *path, bool *is, gn_err *e)
{
    gn_in *in = gn_in_open(path, false, e);
    int more = in ? gn_in_more(in, WINDOW, e) : -1;
    if (more >= 0) {
        const uint8_t *p = gn_in_begin(in), *end = gn_in_end(in);
        size_t head = p < end && *p == 0xde ? 3 : 1;
        *is = (size_t)(end - p) > head + 3 && memcmp(p + head, "\xa2gn", 3) == 0 &&
              (*p == 0xde || (*p & 0xf0) == 0x80);
    }
    gn_in_close(in);
    return more < 0 ? -1 : 0;
}

static int measure(total *t, sample *s, const char *path, bool stream, bool look, const char *key,
                   gn_err *e)
{
    struct stat st;
    gn_index x = {0};
    bool packed = is_packed(path);
    if (stat(path, &st) != 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot open", path);
    uint64_t bytes = (uint64_t)st.st_size;
    t->files++;
    t->disk += bytes;
    int known = stream ? gn_index_load(&x, path, e) : 0;
    if (known > 0) {
        t->nindexed++;
        t->indexed += x.bytes;
        t->records += x.records;
    } else if (stream) {
        t->stream += packed ? 0 : bytes;
        t->stream_packed += packed ? bytes : 0;
    } else {
        t->csv += packed ? 0 : bytes;
        t->csv_packed += packed ? bytes : 0;
    }
    gn_index_release(&x);
    if (known < 0 || !look)
        return known < 0 ? -1 : 0;
    return stream ? sample_stream(s, t, path, key, packed, e) : sample_text(s, path, packed, e);
}

/* ---- an input ---- */

static void conclude(gn_plansize *z, const total *t, const sample *s, bool stream,
                     const gn_planrates *r)
{
    uint64_t packed = stream ? t->stream_packed : t->csv_packed;
    uint64_t unpacked = scale(packed, s->unpacked, s->packed);
    gn_planrates usual;
    z->side.disk = t->disk;
    z->files = t->files;
    if (stream) {
        uint64_t rest = t->stream + unpacked;
        z->side.bytes = t->indexed + rest;
        z->side.rows = t->records + (s->stream ? scale(rest, s->records, s->stream) : 0);
        z->side.ordered = t->unordered == 0;
        z->about = rest > 0;
        z->how = packed ? GN_PLAN_COMPRESSED : rest ? GN_PLAN_STREAM : GN_PLAN_INDEX;
        return;
    }
    gn_planrates_builtin(&usual);
    if (r->csv_in)
        usual = *r;
    z->csv = t->csv + unpacked;
    z->side.bytes = scale(z->csv, usual.csv_out, usual.csv_in);
    z->side.rows = s->bytes ? scale(z->csv, s->lines, s->bytes) : 0;
    z->about = true;
    z->how = packed ? GN_PLAN_COMPRESSED : GN_PLAN_CSV;
    z->whole = packed > 0;
}

static int measure_all(gn_plansize *z, const char *path, const char *key, const gn_planrates *r,
                       gn_err *e)
{
    gn_tree tree = {0};
    gn_err why = {0};
    total t = {0};
    sample s = {0};
    bool stream = false;
    int status = gn_tree_add(&tree, path, GN_TREE_CSV, &why);
    if (status && why.status == GN_INPUT) {
        gn_tree_release(&tree);
        tree = (gn_tree){0};
        status = gn_tree_add(&tree, path, GN_TREE_GN, &why);
        if (status && why.status == GN_INPUT)
            gn_fail(e, GN_INPUT, "'%s': no CSV files and no .gn files in this directory", path);
    }
    if (status)
        gn_fail(e, why.status, "%s", why.msg);
    size_t step = tree.n / SAMPLE_FILES + 1;
    if (status == 0)
        status = is_stream(tree.f[0].path, &stream, e);
    for (size_t i = 0; status == 0 && i < tree.n; i++)
        status = measure(&t, &s, tree.f[i].path, stream, i % step == 0, key, e);
    if (status == 0)
        conclude(z, &t, &s, stream, r);
    gn_tree_release(&tree);
    return status ? -1 : 0;
}

int gn_planfacts_size(gn_plansize *s, const char *text, const char *key, const gn_planrates *r,
                      gn_err *e)
{
    gn_err no = {0};
    struct stat st;
    size_t bytes;
    *s = (gn_plansize){0};
    if (gn_parse_size(text, &bytes, &no) == 0) {
        s->side.bytes = s->side.disk = bytes;
        return 0;
    }
    if (stat(text, &st) != 0)
        return errno == ENOENT ? gn_fail(e, GN_IO, "'%s': no size (say 1T) and no such file", text)
                               : gn_fail_errno(e, GN_IO, "'%s': cannot open", text);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return gn_fail(e, GN_USAGE, "'%s': no regular file: give its size", text);
    return measure_all(s, text, key, r, e);
}

/* ---- hosts ---- */

typedef struct hosts {
    uint64_t *cores;
    size_t n, cap;
} hosts;

static int add_host(hosts *h, uint64_t cores, gn_err *e)
{
    if (h->n == GN_PLAN_HOSTS_MAX)
        return gn_fail(e, GN_USAGE, "--hosts: more than %d hosts", GN_PLAN_HOSTS_MAX);
    if (h->n == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 16;
        uint64_t *p = gn_realloc(h->cores, cap, sizeof *p, e);
        if (!p)
            return -1;
        h->cores = p;
        h->cap = cap;
    }
    h->cores[h->n++] = cores;
    return 0;
}

/* [@GROUPS/][CORES/]LOGIN */
static int parse_host(hosts *h, char *s, uint64_t each, gn_err *e)
{
    int64_t cores = (int64_t)each;
    s += strspn(s, " \t");
    for (size_t n = strlen(s); n && strchr(" \t\r\n", s[n - 1]); n--)
        s[n - 1] = 0;
    if (*s == 0)
        return 0;
    char *slash = strchr(s, '/');
    if (*s == '@' && slash) {
        s = slash + 1;
        slash = strchr(s, '/');
    }
    size_t digits = strspn(s, "0123456789");
    if (digits && s + digits == slash) {
        if (!gn_parse_int(s, digits, &cores) || cores < 1 || cores > 1000000)
            return gn_fail(e, GN_USAGE, "--hosts: a host with '%.*s' cores", (int)digits, s);
    }
    return add_host(h, (uint64_t)cores, e);
}

static int read_hosts(hosts *h, const char *path, uint64_t each, gn_err *e)
{
    char *line = NULL;
    size_t cap = 0;
    int r = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return gn_fail_errno(e, GN_IO, "'%s': cannot open", path);
    while (r == 0 && getline(&line, &cap, f) >= 0) {
        char *save = NULL;
        line[strcspn(line, "#\n")] = 0;
        for (char *s = strtok_r(line, ",", &save); r == 0 && s; s = strtok_r(NULL, ",", &save))
            r = parse_host(h, s, each, e);
    }
    if (r == 0 && ferror(f))
        r = gn_fail_errno(e, GN_IO, "'%s': cannot read", path);
    free(line);
    (void)fclose(f);
    return r;
}

int gn_planfacts_hosts(uint64_t **cores, size_t *n, const char *text, uint64_t each, gn_err *e)
{
    hosts h = {0};
    int64_t count;
    int r = 0;
    if (gn_parse_int(text, strlen(text), &count)) {
        if (count < 1 || count > GN_PLAN_HOSTS_MAX)
            r = gn_fail(e, GN_USAGE, "--hosts: '%s' is not from 1 to %d", text, GN_PLAN_HOSTS_MAX);
        for (int64_t i = 0; r == 0 && i < count; i++)
            r = add_host(&h, each, e);
    } else {
        r = read_hosts(&h, text, each, e);
        if (r == 0 && h.n == 0)
            r = gn_fail(e, GN_INPUT, "'%s': no hosts in it", text);
    }
    *cores = h.cores;
    *n = h.n;
    return r;
}
