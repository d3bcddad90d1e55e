/* out.c - see out.h.
 *
 * Named files are made with O_TMPFILE where the file system can, so that a killed process leaves
 * nothing; they get a name only at commit: link to a temporary name, then rename over the target.
 * Elsewhere the temporary name exists from the start. It holds the process id, and whoever writes
 * the same target next removes the leavings of dead processes.
 *
 * Seekable format: https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/
 * zstd_seekable_compression_format.md (a skippable frame with the sizes of all frames). */
#include "out.h"

#include "../base/clock.h"
#include "../base/hash.h"
#include "../base/mem.h"
#include "../base/sig.h"
#include "in.h"
#include "seek.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define PIPE_SIZE (256 * 1024)
#define FRAME ((size_t)2 << 20) /* uncompressed bytes of a frame, about */

struct gn_out {
    int fd;
    const char *name; /* for messages */
    char *path;       /* final name of an atomic target; NULL: written directly */
    char *tmp;        /* its temporary name; exists only if `named` */
    bool named, finished, tty;
    uint8_t *buf; /* n of cap bytes are filled; GN_SLACK more are allocated */
    size_t n, cap;
    uint64_t bytes;
    double wait;

    int level; /* 0: no compression */
    ZSTD_CCtx *z;
    uint8_t *zbuf;
    size_t zcap, mark; /* mark: a frame may end at buf + mark */
    gn_buf table;      /* seek table: pairs of sizes */
    uint32_t frames;
    gn_buf tags, notes;           /* the index: a tag for the beginning of each frame */
    uint64_t tag, mark_tag, next; /* of the next mark; at `mark`; at buf */
    bool unmarked;                /* a frame ends at no mark, or notes are too many: no index */
};

/* Split "dir/base"; *base points into path. Returns the directory, malloc'd. */
static char *dir_of(const char *path, const char **base, gn_err *e)
{
    const char *slash = strrchr(path, '/');
    *base = slash ? slash + 1 : path;
    if (!slash)
        return gn_strdup(".", e);
    return gn_strndup(path, slash == path ? 1 : (size_t)(slash - path), e);
}

/* Remove ".<base>.gn-tmp.<pid>" of processes that are no more. */
static void remove_leavings(const char *dir, const char *base)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    size_t nbase = strlen(base);
    for (struct dirent *f; (f = readdir(d));) {
        const char *n = f->d_name;
        if (n[0] != '.' || strncmp(n + 1, base, nbase) != 0 ||
            strncmp(n + 1 + nbase, ".gn-tmp.", 8) != 0)
            continue;
        char *rest;
        long pid = strtol(n + 1 + nbase + 8, &rest, 10);
        if (pid > 0 && *rest == 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            (void)unlinkat(dirfd(d), n, 0); /* best effort */
    }
    (void)closedir(d);
}

static int open_atomic(gn_out *o, const char *path, gn_err *e)
{
    const char *base;
    /* A symbolic link is followed, so that its target is replaced, not the link. */
    char *real = realpath(path, NULL);
    o->path = real ? real : gn_strdup(path, e);
    if (!o->path)
        return -1;
    char *dir = dir_of(o->path, &base, e);
    if (!dir)
        return -1;
    gn_buf b = {0};
    int ok = gn_buf_printf(&b, e, "%s/.%s.gn-tmp.%ld", dir, base, (long)getpid());
    if (ok == 0) {
        o->tmp = (char *)b.p;
        remove_leavings(dir, base);
        struct stat st;
        mode_t mode = stat(o->path, &st) == 0 ? st.st_mode & 07777 : 0666;
        o->fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
        if (o->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
            o->fd = open(o->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
            o->named = o->fd >= 0;
        }
        if (o->fd < 0)
            ok = gn_fail_errno(e, GN_IO, "'%s': cannot create", o->name);
    }
    free(dir);
    return ok;
}

gn_out *gn_out_open(const char *path, int level, gn_err *e)
{
    gn_out *o = gn_calloc(1, sizeof *o, e);
    if (!o)
        return NULL;
    o->fd = -1;
    o->level = level;
    bool std = !path || strcmp(path, "-") == 0;
    o->name = std ? "standard output" : path;
    o->cap = GN_IO_BLOCK;
    if (level) {
        o->cap = FRAME + FRAME / 2;
        o->zcap = ZSTD_compressBound(o->cap);
        o->zbuf = gn_alloc(o->zcap, 1, e);
        o->z = ZSTD_createCCtx();
        if (!o->z)
            gn_fail(e, GN_IO, "out of memory: no Zstandard context");
        if (!o->zbuf || !o->z)
            goto fail;
        size_t r = ZSTD_CCtx_setParameter(o->z, ZSTD_c_compressionLevel, level);
        if (!ZSTD_isError(r))
            r = ZSTD_CCtx_setParameter(o->z, ZSTD_c_checksumFlag, 1);
        if (ZSTD_isError(r)) {
            gn_fail(e, GN_USAGE, "Zstandard level %d: %s", level, ZSTD_getErrorName(r));
            goto fail;
        }
    }
    o->buf = gn_alloc(o->cap + GN_SLACK, 1, e);
    if (!o->buf)
        goto fail;
    struct stat st;
    if (std) {
        o->fd = STDOUT_FILENO;
        /* Where it is closed, the next file that is opened would take its place. */
        if (fcntl(STDOUT_FILENO, F_GETFD) < 0) {
            gn_fail_errno(e, GN_IO, "'standard output': cannot write");
            goto fail;
        }
    } else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        if (S_ISDIR(st.st_mode)) {
            gn_fail(e, GN_IO, "'%s': is a directory", path);
            goto fail;
        }
        o->fd = open(path, O_WRONLY | O_CLOEXEC);
        if (o->fd < 0) {
            gn_fail_errno(e, GN_IO, "'%s': cannot open", path);
            goto fail;
        }
    } else if (open_atomic(o, path, e)) {
        goto fail;
    }
    if (fstat(o->fd, &st) == 0 && S_ISFIFO(st.st_mode))
        (void)fcntl(o->fd, F_SETPIPE_SZ, PIPE_SIZE); /* advice */
    o->tty = isatty(o->fd) == 1;
    return o;
fail:
    gn_out_close(o);
    return NULL;
}

bool gn_out_is_tty(const gn_out *o)
{
    return o->tty;
}

static int write_all(gn_out *o, const uint8_t *p, size_t n, gn_err *e)
{
    double t = gn_clock();
    while (n) {
        if (gn_sig_caught())
            return gn_fail(e, GN_IO, "'%s': interrupted", o->name);
        ssize_t r = write(o->fd, p, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return gn_fail_errno(e, GN_IO, "'%s': cannot write", o->name);
        p += r;
        n -= (size_t)r;
        o->bytes += (uint64_t)r;
    }
    o->wait += gn_clock() - t;
    return 0;
}

/* An entry of the seek table, and where the frame begins for the index. */
static int put_entry(gn_out *o, size_t packed, size_t n, gn_err *e)
{
    uint8_t entry[8], tag[8];
    gn_put_le32(entry, (uint32_t)packed);
    gn_put_le32(entry + 4, (uint32_t)n);
    gn_put_le64(tag, o->next);
    o->frames++;
    return gn_buf_add(&o->table, entry, sizeof entry, e) || gn_buf_add(&o->tags, tag, sizeof tag, e)
               ? -1
               : 0;
}

/* Compress the first n buffered bytes into one frame. */
static int put_frame(gn_out *o, size_t n, gn_err *e)
{
    size_t r = ZSTD_compress2(o->z, o->zbuf, o->zcap, o->buf, n);
    if (ZSTD_isError(r))
        return gn_fail(e, GN_IO, "'%s': cannot compress: %s", o->name, ZSTD_getErrorName(r));
    if (write_all(o, o->zbuf, r, e) || put_entry(o, r, n, e))
        return -1;
    o->unmarked |= n != o->mark;
    o->next = o->mark_tag;
    memmove(o->buf, o->buf + n, o->n - n);
    o->n -= n;
    o->mark = o->mark > n ? o->mark - n : 0;
    return 0;
}

/* Make room: frames end at the last mark when it is not too early, raw output where it is. */
static int spill(gn_out *o, gn_err *e)
{
    if (o->level == 0) {
        size_t n = o->n;
        o->n = 0;
        return write_all(o, o->buf, n, e);
    }
    return o->n ? put_frame(o, o->mark ? o->mark : o->n, e) : 0;
}

uint8_t *gn_out_reserve(gn_out *o, size_t n, gn_err *e)
{
    while (o->cap - o->n < n && o->n)
        if (spill(o, e))
            return NULL;
    if (o->cap - o->n < n) { /* one piece larger than the buffer */
        size_t cap = o->cap;
        while (cap < n)
            if (__builtin_mul_overflow(cap, 2, &cap)) {
                gn_fail(e, GN_IO, "out of memory: a record too long");
                return NULL;
            }
        if (o->level) {
            size_t zcap = ZSTD_compressBound(cap);
            uint8_t *z = gn_realloc(o->zbuf, zcap, 1, e);
            if (!z)
                return NULL;
            o->zbuf = z;
            o->zcap = zcap;
        }
        uint8_t *p = gn_realloc(o->buf, cap + GN_SLACK, 1, e);
        if (!p)
            return NULL;
        o->buf = p;
        o->cap = cap;
    }
    return o->buf + o->n;
}

void gn_out_advance(gn_out *o, const uint8_t *end)
{
    o->n = (size_t)(end - o->buf);
}

int gn_out_write(gn_out *o, const void *p, size_t n, gn_err *e)
{
    if (o->level == 0 && n >= o->cap) { /* large pieces go straight through */
        if (spill(o, e))
            return -1;
        return write_all(o, p, n, e);
    }
    uint8_t *to = gn_out_reserve(o, n, e);
    if (!to)
        return -1;
    memcpy(to, p, n);
    o->n += n;
    return 0;
}

int gn_out_mark(gn_out *o, gn_err *e)
{
    if (o->level == 0)
        return 0;
    o->mark = o->n;
    o->mark_tag = o->tag;
    return o->n >= FRAME ? put_frame(o, o->n, e) : 0;
}

void gn_out_tag(gn_out *o, uint64_t tag)
{
    o->tag = tag;
}

int gn_out_note(gn_out *o, const void *p, size_t n, gn_err *e)
{
    if (o->level && n > GN_INDEX_MAX - o->notes.n)
        o->unmarked = true; /* more than an index may hold */
    return o->level && !o->unmarked ? gn_buf_add(&o->notes, p, n, e) : 0;
}

int gn_out_flush(gn_out *o, gn_err *e)
{
    while (o->n)
        if (spill(o, e))
            return -1;
    return 0;
}

/* See seek.h. It is left out where nothing was noted, or too much. */
static int put_index(gn_out *o, gn_err *e)
{
    gn_buf b = {0};
    uint8_t h[8 + GN_INDEX_HEAD], sum[8];
    size_t content = GN_INDEX_HEAD + o->tags.n + o->notes.n + sizeof sum;
    if (o->unmarked || o->notes.n == 0 || content > GN_INDEX_MAX)
        return 0;
    gn_put_le32(h, GN_INDEX_MAGIC);
    gn_put_le32(h + 4, (uint32_t)content);
    memcpy(h + 8, GN_INDEX_NAME, 8);
    gn_put_le32(h + 16, o->frames);
    gn_put_le32(h + 20, (uint32_t)o->notes.n);
    int r = gn_buf_add(&b, h, sizeof h, e) || gn_buf_add(&b, o->tags.p, o->tags.n, e) ||
            gn_buf_add(&b, o->notes.p, o->notes.n, e);
    if (r == 0) {
        gn_put_le64(sum, gn_hash(b.p + 8, b.n - 8));
        r = gn_buf_add(&b, sum, sizeof sum, e) || write_all(o, b.p, b.n, e) ||
            put_entry(o, b.n, 0, e);
    }
    gn_buf_release(&b);
    return r ? -1 : 0;
}

static int put_seek_table(gn_out *o, gn_err *e)
{
    uint8_t h[8], f[9];
    size_t content = o->table.n + sizeof f;
    gn_put_le32(h, GN_SEEK_MAGIC);
    gn_put_le32(h + 4, (uint32_t)content);
    gn_put_le32(f, o->frames);
    f[4] = 0; /* entries carry no checksums: the frames do */
    gn_put_le32(f + 5, GN_SEEK_FOOT);
    return write_all(o, h, sizeof h, e) || write_all(o, o->table.p, o->table.n, e) ||
                   write_all(o, f, sizeof f, e)
               ? -1
               : 0;
}

int gn_out_finish(gn_out *o, gn_err *e)
{
    if (gn_out_flush(o, e))
        return -1;
    if (o->level && (put_index(o, e) || put_seek_table(o, e)))
        return -1;
    if (o->path && fsync(o->fd) != 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot sync", o->name);
    if (!o->path) { /* nothing to rename: closing is the last thing that can fail */
        int fd = o->fd;
        o->fd = -1;
        if (close(fd) != 0)
            return gn_fail_errno(e, GN_IO, "'%s': cannot close", o->name);
    }
    o->finished = true;
    return 0;
}

int gn_out_commit(gn_out *o, gn_err *e)
{
    if (!o->finished)
        return gn_fail(e, GN_BUG, "'%s': committed before it was finished", o->name);
    if (!o->path)
        return 0;
    if (!o->named) {
        char proc[64];
        snprintf(proc, sizeof proc, "/proc/self/fd/%d", o->fd);
        (void)unlink(o->tmp); /* of an earlier process with our id */
        if (linkat(AT_FDCWD, proc, AT_FDCWD, o->tmp, AT_SYMLINK_FOLLOW) != 0)
            return gn_fail_errno(e, GN_IO, "'%s': cannot create", o->name);
        o->named = true;
    }
    if (rename(o->tmp, o->path) != 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot rename", o->name);
    o->named = false;
    free(o->path);
    o->path = NULL;
    int fd = o->fd;
    o->fd = -1;
    if (close(fd) != 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot close", o->name);
    return 0;
}

void gn_out_close(gn_out *o)
{
    if (!o)
        return;
    if (o->fd > STDERR_FILENO)
        (void)close(o->fd); /* of an output that is given up */
    if (o->named)
        (void)unlink(o->tmp);
    ZSTD_freeCCtx(o->z);
    gn_buf_release(&o->table);
    gn_buf_release(&o->tags);
    gn_buf_release(&o->notes);
    free(o->zbuf);
    free(o->path);
    free(o->tmp);
    free(o->buf);
    free(o);
}

uint64_t gn_out_bytes(const gn_out *o)
{
    return o->bytes;
}

double gn_out_wait(const gn_out *o)
{
    return o->wait;
}
