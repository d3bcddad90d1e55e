/* in.c - see in.h. */
#include "in.h"

#include "../base/clock.h"
#include "../base/mem.h"
#include "../base/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define PIPE_SIZE (256 * 1024)
#define OTHER_FILES 16 /* descriptors that are not for inputs */

struct gn_in {
    int fd; /* -1: memory */
    const char *name;
    bool eof;
    uint8_t *buf; /* [begin, end) of cap bytes is unread; GN_SLACK more are allocated */
    size_t cap, begin, end;
    uint64_t offset; /* of buf[begin] in the uncompressed input */
    uint64_t bytes;  /* read from the kernel, */
    uint64_t most;   /* and what may be */
    uint64_t size;   /* of a file opened as a part */
    double wait;

    ZSTD_DCtx *z; /* not NULL: compressed */
    uint8_t *zbuf;
    size_t zpos, zend;
    bool inframe; /* a frame has begun and not ended */

    bool range;              /* the next are in use */
    const gn_frames *frames; /* of the file, or NULL */
    uint64_t start;          /* lo */
    uint64_t skip, left;     /* bytes still to throw away, then to give */
    uint64_t file_left;      /* bytes of the frames still to read, with `frames` */
    uint64_t rest;           /* bytes of the last frame behind hi, with `frames` */
};

static ssize_t read_some(gn_in *in, void *p, size_t n, gn_err *e)
{
    if (in->fd < 0)
        return 0;
    if (in->frames && n > in->file_left)
        n = (size_t)in->file_left;
    if (n > in->most - in->bytes)
        n = (size_t)(in->most - in->bytes);
    double t = gn_clock();
    ssize_t r;
    do {
        if (gn_sig_caught())
            return gn_fail(e, GN_IO, "'%s': interrupted", in->name);
        r = read(in->fd, p, n);
    } while (r < 0 && errno == EINTR);
    if (r < 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot read", in->name);
    in->wait += gn_clock() - t;
    in->bytes += (uint64_t)r;
    if (in->frames)
        in->file_left -= (uint64_t)r;
    return r;
}

static gn_in *in_new(const char *name, size_t cap, gn_err *e)
{
    gn_in *in = gn_calloc(1, sizeof *in, e);
    if (!in)
        return NULL;
    in->fd = -1;
    in->most = UINT64_MAX;
    in->name = name;
    in->cap = cap;
    in->buf = gn_calloc(1, cap + GN_SLACK, e);
    if (!in->buf) {
        free(in);
        return NULL;
    }
    return in;
}

static bool zstd_magic(const uint8_t *p, size_t n)
{
    if (n < 4)
        return false;
    uint32_t m = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return m == ZSTD_MAGICNUMBER || (m & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static int inflate_begin(gn_in *in, gn_err *e)
{
    in->z = ZSTD_createDCtx();
    in->zbuf = gn_alloc(GN_IO_BLOCK, 1, e);
    if (!in->z || !in->zbuf)
        return gn_fail(e, GN_IO, "out of memory: no Zstandard context");
    return 0;
}

/* Look at the first bytes (a pipe may give them one by one) and set up decompression. */
static int sniff(gn_in *in, gn_err *e)
{
    while (in->end < 4 && !in->eof) {
        ssize_t r = read_some(in, in->buf + in->end, GN_IO_BLOCK, e);
        if (r < 0)
            return -1;
        if (r == 0)
            in->eof = true;
        in->end += (size_t)r;
        if (in->end && in->buf[0] != 0x28 && (in->buf[0] & 0xf0) != 0x50)
            return 0; /* cannot become the magic number: do not wait for more */
    }
    if (!zstd_magic(in->buf, in->end))
        return 0;
    if (inflate_begin(in, e))
        return -1;
    memcpy(in->zbuf, in->buf, in->end);
    in->zend = in->end;
    in->end = 0;
    in->eof = false;
    return 0;
}

gn_in *gn_in_open(const char *path, bool refuse_tty, gn_err *e)
{
    bool std = !path || strcmp(path, "-") == 0;
    gn_in *in = in_new(std ? "standard input" : path, 2 * GN_IO_BLOCK, e);
    if (!in)
        return NULL;
    in->fd = std ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (in->fd < 0 || fstat(in->fd, &st) != 0) {
        gn_fail_errno(e, GN_IO, "'%s': cannot open", in->name);
        goto fail;
    }
    if (S_ISDIR(st.st_mode)) {
        gn_fail(e, GN_IO, "'%s': is a directory", in->name);
        goto fail;
    }
    if (std && refuse_tty && isatty(in->fd)) {
        gn_fail(e, GN_USAGE, "standard input is a terminal: give a file or pipe a stream in");
        goto fail;
    }
    if (S_ISFIFO(st.st_mode)) /* advice: users run out of pipe memory, and smaller ones work */
        (void)fcntl(in->fd, F_SETPIPE_SZ, PIPE_SIZE);
    else
        (void)posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    if (sniff(in, e))
        goto fail;
    return in;
fail:
    gn_in_close(in);
    return NULL;
}

/* Where to begin reading for lo. */
static int seek_to(gn_in *in, uint64_t lo, uint64_t hi, gn_err *e)
{
    uint64_t at = 0;
    uint8_t magic[4];
    ssize_t r = in->frames ? 0 : pread(in->fd, magic, sizeof magic, 0);
    if (r < 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot read", in->name);
    if (!in->frames && !zstd_magic(magic, (size_t)r)) {
        at = lo;
    } else {
        in->skip = lo;
        if (inflate_begin(in, e))
            return -1;
    }
    if (in->frames) {
        const gn_frames *f = in->frames;
        size_t from = gn_frames_find(f, lo), to = hi > lo ? gn_frames_find(f, hi - 1) + 1 : from;
        at = f->at[from];
        in->skip = hi > lo ? lo - f->raw[from] : 0;
        in->file_left = f->at[to] - at;
        in->rest = hi > lo ? f->raw[to] - hi : 0;
    }
    if (lseek(in->fd, (off_t)at, SEEK_SET) < 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot seek", in->name);
    return 0;
}

gn_in *gn_in_open_range(const char *path, const gn_frames *f, uint64_t lo, uint64_t hi, gn_err *e)
{
    gn_in *in = in_new(path, 2 * GN_IO_BLOCK, e);
    if (!in)
        return NULL;
    in->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0) {
        gn_fail_errno(e, GN_IO, "'%s': cannot open", path);
        goto fail;
    }
    in->frames = f;
    if (seek_to(in, lo, hi, e))
        goto fail;
    in->range = true;
    in->offset = in->start = lo;
    in->left = hi - lo;
    return in;
fail:
    gn_in_close(in);
    return NULL;
}

static int open_regular(gn_in *in, gn_err *e)
{
    struct stat st;
    /* Opening a pipe would wait for its other end. */
    if (stat(in->name, &st) != 0 ||
        (S_ISREG(st.st_mode) &&
         ((in->fd = open(in->name, O_RDONLY | O_CLOEXEC)) < 0 || fstat(in->fd, &st) != 0)))
        return gn_fail_errno(e, GN_IO, "'%s': cannot open", in->name);
    if (!S_ISREG(st.st_mode))
        return gn_fail(e, GN_INPUT,
                       "'%s': is no regular file: ranges of it cannot be read (write it to a file "
                       "first)",
                       in->name);
    uint8_t head[4];
    ssize_t r = pread(in->fd, head, sizeof head, 0);
    if (r < 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot read", in->name);
    if (zstd_magic(head, (size_t)r))
        return gn_fail(e, GN_INPUT,
                       "'%s': is compressed: ranges of it cannot be read (decompress it first)",
                       in->name);
    in->size = (uint64_t)st.st_size;
    return 0;
}

gn_in *gn_in_open_part(const char *path, uint64_t from, uint64_t to, gn_err *e)
{
    gn_in *in = in_new(path, 2 * GN_IO_BLOCK, e);
    if (!in)
        return NULL;
    if (open_regular(in, e))
        goto fail;
    if (from > INT64_MAX || lseek(in->fd, (off_t)from, SEEK_SET) < 0) {
        gn_fail_errno(e, GN_IO, "'%s': cannot seek", in->name);
        goto fail;
    }
    in->offset = from;
    in->most = to - from;
    (void)posix_fadvise(in->fd, (off_t)from, to > INT64_MAX ? 0 : (off_t)(to - from),
                        POSIX_FADV_SEQUENTIAL);
    return in;
fail:
    gn_in_close(in);
    return NULL;
}

gn_in *gn_in_open_slice(const char *path, uint64_t at, uint64_t n, gn_err *e)
{
    gn_in *in = in_new(path, 2 * GN_IO_BLOCK, e);
    if (!in)
        return NULL;
    in->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0) {
        gn_fail_errno(e, GN_IO, "'%s': cannot open", path);
        goto fail;
    }
    if (at > INT64_MAX || lseek(in->fd, (off_t)at, SEEK_SET) < 0) {
        gn_fail(e, GN_CORRUPT, "'%s': it has no byte %llu", path, (unsigned long long)at);
        goto fail;
    }
    in->most = n;
    if (sniff(in, e))
        goto fail;
    return in;
fail:
    gn_in_close(in);
    return NULL;
}

uint64_t gn_in_size(const gn_in *in)
{
    return in->size;
}

gn_in *gn_in_memory(const void *p, size_t n, const char *name, gn_err *e)
{
    gn_in *in = in_new(name, n ? n : 1, e);
    if (!in)
        return NULL;
    if (n)
        memcpy(in->buf, p, n);
    in->end = n;
    in->eof = true;
    return in;
}

void gn_in_close(gn_in *in)
{
    if (!in)
        return;
    if (in->fd > STDIN_FILENO)
        (void)close(in->fd); /* read-only: nothing can be lost */
    ZSTD_freeDCtx(in->z);
    free(in->zbuf);
    free(in->buf);
    free(in);
}

const char *gn_in_name(const gn_in *in)
{
    return in->name;
}

const uint8_t *gn_in_begin(const gn_in *in)
{
    return in->buf + in->begin;
}

const uint8_t *gn_in_end(const gn_in *in)
{
    return in->buf + in->end;
}

/* Fill [p, p + n) with decompressed bytes; the count, 0 at the end, -1 on error. */
static ssize_t inflate_some(gn_in *in, uint8_t *p, size_t n, gn_err *e)
{
    ZSTD_outBuffer out = {p, n, 0};
    while (out.pos == 0) {
        if (in->zpos == in->zend && !in->eof) {
            ssize_t r = read_some(in, in->zbuf, GN_IO_BLOCK, e);
            if (r < 0)
                return -1;
            in->zpos = 0;
            in->zend = (size_t)r;
            in->eof = r == 0;
        }
        if (in->zpos == in->zend && !in->inframe)
            return 0;
        ZSTD_inBuffer zin = {in->zbuf, in->zend, in->zpos};
        size_t r = ZSTD_decompressStream(in->z, &out, &zin);
        if (ZSTD_isError(r))
            return gn_fail(e, GN_CORRUPT, "'%s': damaged Zstandard data: %s", in->name,
                           ZSTD_getErrorName(r));
        if (in->eof && zin.pos == in->zpos && out.pos == 0 && r != 0)
            return gn_fail(e, GN_CORRUPT, "'%s': Zstandard data ends early (truncated)", in->name);
        in->zpos = zin.pos;
        in->inframe = r != 0;
    }
    return (ssize_t)out.pos;
}

static int ends_early(const gn_in *in, gn_err *e)
{
    return gn_fail(e, GN_CORRUPT, "'%s': it ends early, or its seek table is wrong", in->name);
}

/* At the end of a range: the rest of its last frame, and the frame's checksum. */
static int inflate_rest(gn_in *in, gn_err *e)
{
    while (in->rest) {
        size_t n = in->rest < GN_IO_BLOCK ? (size_t)in->rest : GN_IO_BLOCK;
        ssize_t r = inflate_some(in, in->buf + in->end, n, e);
        if (r <= 0)
            return r ? -1 : ends_early(in, e);
        in->rest -= (uint64_t)r;
    }
    if (!in->frames || !(in->inframe || in->file_left || in->zpos < in->zend))
        return 0;
    ssize_t r = inflate_some(in, in->buf + in->end, GN_IO_BLOCK, e);
    if (r > 0)
        return gn_fail(e, GN_CORRUPT, "'%s': its seek table is wrong", in->name);
    return r < 0 ? -1 : 0;
}

/* As read_some or inflate_some, within the range. */
static ssize_t range_some(gn_in *in, uint8_t *p, gn_err *e)
{
    ssize_t r;
    do {
        uint64_t n = in->skip ? in->skip : in->left;
        if (n == 0)
            return inflate_rest(in, e);
        if (n > GN_IO_BLOCK)
            n = GN_IO_BLOCK;
        r = in->z ? inflate_some(in, p, (size_t)n, e) : read_some(in, p, (size_t)n, e);
        if (r == 0)
            return ends_early(in, e);
        if (r < 0)
            return -1;
        if (in->skip == 0)
            break;
        in->skip -= (uint64_t)r;
    } while (true);
    in->left -= (uint64_t)r;
    return r;
}

int gn_in_more(gn_in *in, size_t max, gn_err *e)
{
    if (in->eof && !in->z)
        return 0;
    size_t have = in->end - in->begin;
    if (have >= max)
        return gn_fail(e, GN_CORRUPT,
                       "'%s': byte %llu: a record longer than %zu bytes (see --max-record)",
                       in->name, (unsigned long long)in->offset, max);
    if (in->begin) {
        memmove(in->buf, in->buf + in->begin, have);
        in->begin = 0;
        in->end = have;
    }
    if (in->cap - have < GN_IO_BLOCK) {
        size_t cap = in->cap * 2;
        uint8_t *p = gn_realloc(in->buf, cap + GN_SLACK, 1, e);
        if (!p)
            return -1;
        in->buf = p;
        in->cap = cap;
    }
    uint8_t *to = in->buf + in->end;
    ssize_t r = in->range ? range_some(in, to, e)
                : in->z   ? inflate_some(in, to, GN_IO_BLOCK, e)
                          : read_some(in, to, GN_IO_BLOCK, e);
    if (r < 0)
        return -1;
    if (r == 0) {
        in->eof = true;
        return 0;
    }
    in->end += (size_t)r;
    memset(in->buf + in->end, 0, GN_SLACK);
    return 1;
}

bool gn_in_ready(gn_in *in, int ms)
{
    if (in->eof || in->fd < 0 || in->z || in->range)
        return true;
    struct pollfd p = {.fd = in->fd, .events = POLLIN};
    double t = gn_clock();
    int r = poll(&p, 1, ms);
    in->wait += gn_clock() - t;
    return r != 0; /* an error, or a signal, shows when it is read */
}

void gn_in_consume(gn_in *in, const uint8_t *upto)
{
    size_t at = (size_t)(upto - in->buf);
    in->offset += at - in->begin;
    in->begin = at;
}

uint64_t gn_in_offset(const gn_in *in)
{
    return in->offset;
}

uint64_t gn_in_start(const gn_in *in)
{
    return in->start;
}

uint64_t gn_in_bytes(const gn_in *in)
{
    return in->bytes;
}

double gn_in_wait(const gn_in *in)
{
    return in->wait;
}

size_t gn_in_buffers(const gn_in *in)
{
    return in->cap + GN_SLACK + (in->z ? GN_IO_BLOCK + ZSTD_sizeof_DCtx(in->z) : 0);
}

size_t gn_in_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return 64;
    return r.rlim_cur > OTHER_FILES + 2 ? (size_t)r.rlim_cur - OTHER_FILES : 2;
}
