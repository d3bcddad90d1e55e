/* tmp.c - see tmp.h. */
#include "tmp.h"

#include "../base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((size_t)256 * 1024)

struct gn_tmp {
    const char *dir;
    int fd;        /* -1: not opened yet */
    uint64_t done; /* bytes given to the kernel */
    size_t n;      /* bytes in the buffer */
    uint8_t *buf;
};

static const char *directory(const char *dir)
{
    static const char *const variable[] = {"GN_TMPDIR", "TMPDIR"};
    for (size_t i = 0; !dir && i < sizeof variable / sizeof *variable; i++) {
        dir = getenv(variable[i]);
        if (dir && !*dir)
            dir = NULL;
    }
    return dir ? dir : "/tmp";
}

static int fail(const gn_tmp *t, const char *what, gn_err *e)
{
    return gn_fail_errno(e, GN_IO, "'%s': %s a temporary file (choose another place with -T)",
                         t->dir, what);
}

gn_tmp *gn_tmp_new(const char *dir, gn_err *e)
{
    gn_tmp *t = gn_calloc(1, sizeof *t, e);
    if (!t)
        return NULL;
    t->fd = -1;
    t->dir = directory(dir);
    return t;
}

void gn_tmp_free(gn_tmp *t)
{
    if (!t)
        return;
    if (t->fd >= 0)
        (void)close(t->fd); /* its contents are wanted no more */
    free(t->buf);
    free(t);
}

static int open_unlinked(gn_tmp *t, gn_err *e)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/gn.XXXXXX", t->dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        errno = ENAMETOOLONG;
        return fail(t, "cannot make", e);
    }
    t->fd = mkostemp(path, O_CLOEXEC);
    if (t->fd < 0)
        return fail(t, "cannot make", e);
    if (unlink(path))
        return fail(t, "cannot unlink", e);
    return 0;
}

static int open_it(gn_tmp *t, gn_err *e)
{
    if (!t->buf && !(t->buf = gn_alloc(BLOCK, 1, e)))
        return -1;
    t->fd = open(t->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (t->fd >= 0)
        return 0;
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)
        return open_unlinked(t, e);
    return fail(t, "cannot make", e);
}

static int give(gn_tmp *t, const uint8_t *p, size_t n, gn_err *e)
{
    while (n) {
        ssize_t w = write(t->fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return fail(t, "cannot write", e);
        p += w;
        n -= (size_t)w;
        t->done += (uint64_t)w;
    }
    return 0;
}

static int flush(gn_tmp *t, gn_err *e)
{
    size_t n = t->n;
    t->n = 0;
    return give(t, t->buf, n, e);
}

int gn_tmp_write(gn_tmp *t, const void *p, size_t n, gn_err *e)
{
    if (t->fd < 0 && open_it(t, e))
        return -1;
    if (n > BLOCK - t->n && flush(t, e))
        return -1;
    if (n >= BLOCK)
        return give(t, p, n, e);
    if (n)
        memcpy(t->buf + t->n, p, n);
    t->n += n;
    return 0;
}

uint64_t gn_tmp_size(const gn_tmp *t)
{
    return t->done + t->n;
}

int gn_tmp_read(gn_tmp *t, uint64_t at, void *to, size_t n, gn_err *e)
{
    uint8_t *p = to;
    if (at + n > t->done && flush(t, e))
        return -1;
    while (n) {
        ssize_t r = pread(t->fd, p, n, (off_t)at);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return fail(t, "cannot read", e);
        if (r == 0)
            return gn_fail(e, GN_IO, "'%s': a temporary file was cut short", t->dir);
        p += r;
        at += (uint64_t)r;
        n -= (size_t)r;
    }
    return 0;
}

void gn_tmp_drop(gn_tmp *t, uint64_t from, uint64_t to)
{
    if (to > t->done)
        to = t->done;
    /* a file system that cannot do it keeps the bytes until the end: nothing to tell */
    if (t->fd >= 0 && from < to)
        (void)fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
                        (off_t)(to - from));
}
