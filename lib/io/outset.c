/* outset.c - see outset.h.
 *
 * In the stage: files called by their numbers, and "list.<n>", lists of earlier runs whose files
 * may still be there. The new list is "list" from the moment that everything is synced, so that a
 * run killed among the moves has left the names of what it moved. */
#include "outset.h"

#include "../base/clock.h"
#include "../base/mem.h"
#include "../base/sig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define OPEN_MAX_FILES 256
#define LIST "list"
#define NAME_MAX_BYTES 32 /* of a file in the stage */

typedef struct file {
    char *path;
    int fd;     /* -1: not open */
    bool begun; /* it is in the stage, under its number */
    bool raw;   /* the list */
    uint64_t bytes;
    gn_buf table; /* sizes of frames */
    uint32_t frames;
} file;

struct gn_outset {
    const char *dir, *list;
    int dirfd, stage; /* -1: not open */
    bool made;        /* dir did not exist */
    bool listed;      /* LIST is ours */
    bool committed;
    int level;
    ZSTD_CCtx *z;
    uint8_t *zbuf;
    size_t zcap;
    file *file;
    size_t n, cap;
    size_t open, open_max;
    char **lists;
    size_t nlists;
    unsigned next_list; /* no list.<n> with this number or a greater one is there */
    char **old;
    size_t nold, cold;
    bool sorted; /* old is in order */
    double wait;
};

static int fail_at(const gn_outset *s, const char *path, const char *what, gn_err *e)
{
    return gn_fail_errno(e, GN_IO, "'%s/%s': %s", s->dir, path, what);
}

/* ---- the directory ---- */

/* mkdir -p; *made when the last one was missing. */
static int make_dirs(const char *dir, bool *made, gn_err *e)
{
    char *path = gn_strdup(dir, e);
    if (!path)
        return -1;
    int r = 0;
    for (char *p = path + 1; r == 0 && *path; p++) {
        if (*p && *p != '/')
            continue;
        char c = *p;
        *p = 0;
        if (mkdir(path, 0777) == 0)
            *made = !c || !p[1];
        else if (errno != EEXIST)
            r = gn_fail_errno(e, GN_IO, "'%s': cannot make the directory", path);
        *p = c;
        if (!c)
            break;
    }
    free(path);
    return r;
}

/* What a run before left in the stage: its files are removed, its lists kept until ours is there.
 */
static int clear_stage(gn_outset *s, gn_err *e)
{
    int fd = dup(s->stage);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            (void)close(fd);
        return fail_at(s, GN_OUTSET_STAGE, "cannot read the directory", e);
    }
    int r = 0;
    bool list = false;
    rewinddir(d);
    for (struct dirent *f; r == 0 && (errno = 0, f = readdir(d));) {
        unsigned number;
        char rest;
        if (strcmp(f->d_name, ".") == 0 || strcmp(f->d_name, "..") == 0)
            continue;
        if (strcmp(f->d_name, LIST) == 0)
            list = true;
        else if (sscanf(f->d_name, LIST ".%u%c", &number, &rest) == 1 && number < 1000000)
            s->next_list = number >= s->next_list ? number + 1 : s->next_list;
        else if (unlinkat(s->stage, f->d_name, 0))
            r = fail_at(s, GN_OUTSET_STAGE, "cannot clear the directory of an earlier run", e);
    }
    if (r == 0 && errno)
        r = fail_at(s, GN_OUTSET_STAGE, "cannot read the directory", e);
    (void)closedir(d);
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, LIST ".%u", s->next_list);
    if (r == 0 && list) {
        if (renameat(s->stage, LIST, s->stage, name))
            r = fail_at(s, GN_OUTSET_STAGE, "cannot clear the directory of an earlier run", e);
        s->next_list++;
    }
    return r;
}

static int add_list(gn_outset *s, const char *name, gn_err *e)
{
    gn_buf path = {0};
    char **l = gn_realloc(s->lists, s->nlists + 1, sizeof *l, e);
    if (!l)
        return -1;
    s->lists = l;
    if (gn_buf_printf(&path, e, "%s/%s", s->dir, name))
        return -1;
    l[s->nlists++] = (char *)path.p;
    return 0;
}

static int find_lists(gn_outset *s, gn_err *e)
{
    char name[NAME_MAX_BYTES + sizeof GN_OUTSET_STAGE];
    if (faccessat(s->dirfd, s->list, F_OK, 0) == 0 && add_list(s, s->list, e))
        return -1;
    for (unsigned i = 0; i < s->next_list; i++) {
        snprintf(name, sizeof name, GN_OUTSET_STAGE "/" LIST ".%u", i);
        if (faccessat(s->dirfd, name, F_OK, 0) == 0 && add_list(s, name, e))
            return -1;
    }
    return 0;
}

static int open_dirs(gn_outset *s, gn_err *e)
{
    if (make_dirs(s->dir, &s->made, e))
        return -1;
    s->dirfd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dirfd < 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot open the directory", s->dir);
    if (flock(s->dirfd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        return gn_fail(e, GN_IO, "'%s': another command is writing there", s->dir);
    if (mkdirat(s->dirfd, GN_OUTSET_STAGE, 0777) && errno != EEXIST)
        return gn_fail_errno(e, GN_IO, "'%s': cannot create files", s->dir);
    s->stage = openat(s->dirfd, GN_OUTSET_STAGE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (s->stage < 0)
        return fail_at(s, GN_OUTSET_STAGE, "cannot open the directory", e);
    return clear_stage(s, e) || find_lists(s, e) ? -1 : 0;
}

gn_outset *gn_outset_open(const char *dir, const char *list, int level, gn_err *e)
{
    gn_outset *s = gn_calloc(1, sizeof *s, e);
    if (!s)
        return NULL;
    s->dir = dir;
    s->list = list;
    s->level = level;
    s->dirfd = s->stage = -1;
    struct rlimit l;
    s->open_max = getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur / 2 > OPEN_MAX_FILES
                      ? OPEN_MAX_FILES
                      : (size_t)l.rlim_cur / 2;
    if (level) {
        if (!(s->z = ZSTD_createCCtx())) {
            gn_fail(e, GN_IO, "out of memory: no Zstandard context");
            goto fail;
        }
        size_t r = ZSTD_CCtx_setParameter(s->z, ZSTD_c_compressionLevel, level);
        if (!ZSTD_isError(r))
            r = ZSTD_CCtx_setParameter(s->z, ZSTD_c_checksumFlag, 1);
        if (ZSTD_isError(r)) {
            gn_fail(e, GN_USAGE, "Zstandard level %d: %s", level, ZSTD_getErrorName(r));
            goto fail;
        }
    }
    if (open_dirs(s, e) == 0)
        return s;
fail:
    gn_outset_close(s);
    return NULL;
}

static const char *stage_name(size_t i, char name[NAME_MAX_BYTES])
{
    snprintf(name, NAME_MAX_BYTES, "%zu", i);
    return name;
}

void gn_outset_close(gn_outset *s)
{
    char name[NAME_MAX_BYTES];
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        file *f = &s->file[i];
        if (f->fd >= 0)
            (void)close(f->fd); /* of an output that is given up */
        if (f->begun)
            (void)unlinkat(s->stage, stage_name(i, name), 0);
        gn_buf_release(&f->table);
        free(f->path);
    }
    if (s->listed && !s->committed)
        (void)unlinkat(s->stage, LIST, 0);
    if (s->stage >= 0) {
        (void)close(s->stage);
        (void)unlinkat(s->dirfd, GN_OUTSET_STAGE, AT_REMOVEDIR); /* stays while lists are in it */
    }
    if (s->dirfd >= 0)
        (void)close(s->dirfd);
    if (s->made && !s->committed)
        (void)rmdir(s->dir);
    for (size_t i = 0; i < s->nlists; i++)
        free(s->lists[i]);
    for (size_t i = 0; i < s->nold; i++)
        free(s->old[i]);
    free(s->lists);
    free(s->old);
    free(s->file);
    ZSTD_freeCCtx(s->z);
    free(s->zbuf);
    free(s);
}

/* ---- earlier runs ---- */

const char *const *gn_outset_lists(const gn_outset *s, size_t *n)
{
    *n = s->nlists;
    return (const char *const *)s->lists;
}

static bool is_stream(const char *name)
{
    size_t n = strlen(name);
    return (n > 3 && strcmp(name + n - 3, ".gn") == 0) ||
           (n > 7 && strcmp(name + n - 7, ".gn.zst") == 0);
}

/* A path that stays below the directory. */
static bool is_below(const char *path)
{
    for (const char *p = path;; p++) {
        size_t n = strcspn(p, "/");
        if (n == 0 || p[0] == '.')
            return false;
        p += n;
        if (!*p)
            return true;
    }
}

int gn_outset_old(gn_outset *s, const char *path, size_t n, gn_err *e)
{
    if (s->nold == s->cold) {
        size_t cap = s->cold ? s->cold * 2 : 64;
        char **p = gn_realloc(s->old, cap, sizeof *p, e);
        if (!p)
            return -1;
        s->old = p;
        s->cold = cap;
    }
    char *copy = gn_strndup(path, n, e);
    if (!copy)
        return -1;
    if (!is_below(copy) || !is_stream(copy)) {
        free(copy);
        return 0;
    }
    s->old[s->nold++] = copy;
    s->sorted = false;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_old(gn_outset *s, const char *path)
{
    if (!s->sorted && s->nold)
        qsort(s->old, s->nold, sizeof *s->old, by_text);
    s->sorted = true;
    return s->nold && bsearch(&path, s->old, s->nold, sizeof *s->old, by_text);
}

int gn_outset_check(gn_outset *s, gn_err *e)
{
    char *argv[2] = {(char *)s->dir, NULL};
    size_t skip = strlen(s->dir);
    FTS *t = fts_open(argv, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    if (!t)
        return gn_fail_errno(e, GN_IO, "'%s': cannot read the directory", s->dir);
    int r = 0;
    for (FTSENT *f; r == 0 && (errno = 0, f = fts_read(t));) {
        if (f->fts_level > 0 && f->fts_name[0] == '.' && f->fts_info != FTS_DP) {
            if (f->fts_info == FTS_D && fts_set(t, f, FTS_SKIP))
                r = gn_fail_errno(e, GN_IO, "'%s': cannot read the directory", s->dir);
            continue;
        }
        if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR || f->fts_info == FTS_NS) {
            errno = f->fts_errno;
            r = gn_fail_errno(e, GN_IO, "'%s': cannot read", f->fts_path);
        } else if (f->fts_info != FTS_D && f->fts_info != FTS_DP && is_stream(f->fts_name)) {
            const char *path = f->fts_path + skip;
            while (*path == '/')
                path++;
            if (strcmp(path, s->list) != 0 && !is_old(s, path))
                r = gn_fail(e, GN_IO,
                            "'%s': is there, but not of an earlier run (remove it, or choose "
                            "another directory)",
                            f->fts_path);
        }
    }
    if (r == 0 && errno)
        r = gn_fail_errno(e, GN_IO, "'%s': cannot read the directory", s->dir);
    if (fts_close(t) && r == 0)
        r = gn_fail_errno(e, GN_IO, "'%s': cannot read the directory", s->dir);
    return r;
}

/* ---- writing ---- */

int gn_outset_add(gn_outset *s, const char *path, gn_err *e)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        file *f = gn_realloc(s->file, cap, sizeof *f, e);
        if (!f)
            return -1;
        s->file = f;
        s->cap = cap;
    }
    file *f = &s->file[s->n];
    *f = (file){.fd = -1, .raw = strcmp(path, s->list) == 0, .path = gn_strdup(path, e)};
    if (!f->path)
        return -1;
    s->n++;
    return 0;
}

static int close_file(gn_outset *s, file *f, gn_err *e)
{
    int fd = f->fd;
    f->fd = -1;
    return close(fd) ? fail_at(s, f->path, "cannot close", e) : 0;
}

static int write_all(gn_outset *s, file *f, const uint8_t *p, size_t n, gn_err *e)
{
    double t = gn_clock();
    while (n) {
        if (gn_sig_caught())
            return gn_fail(e, GN_IO, "'%s/%s': interrupted", s->dir, f->path);
        ssize_t r = write(f->fd, p, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return fail_at(s, f->path, "cannot write", e);
        p += r;
        n -= (size_t)r;
        f->bytes += (uint64_t)r;
    }
    s->wait += gn_clock() - t;
    return 0;
}

/* Bytes to a file that is kept open if there is a descriptor for it. */
static int put(gn_outset *s, size_t i, const void *p, size_t n, gn_err *e)
{
    char name[NAME_MAX_BYTES];
    file *f = &s->file[i];
    if (f->fd < 0) {
        f->fd =
            openat(s->stage, stage_name(i, name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (f->fd < 0)
            return fail_at(s, f->path, "cannot create", e);
        f->begun = true;
        s->open++;
    }
    if (write_all(s, f, p, n, e))
        return -1;
    if (s->open <= s->open_max)
        return 0;
    s->open--;
    return close_file(s, f, e);
}

static void put_le32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

int gn_outset_append(gn_outset *s, size_t i, const void *p, size_t n, gn_err *e)
{
    file *f = &s->file[i];
    if (s->level == 0 || f->raw)
        return put(s, i, p, n, e);
    size_t bound = ZSTD_compressBound(n);
    if (bound > s->zcap) {
        uint8_t *z = gn_realloc(s->zbuf, bound, 1, e);
        if (!z)
            return -1;
        s->zbuf = z;
        s->zcap = bound;
    }
    size_t r = ZSTD_compress2(s->z, s->zbuf, s->zcap, p, n);
    if (ZSTD_isError(r))
        return gn_fail(e, GN_IO, "'%s/%s': cannot compress: %s", s->dir, f->path,
                       ZSTD_getErrorName(r));
    uint8_t entry[8];
    put_le32(entry, (uint32_t)r);
    put_le32(entry + 4, (uint32_t)n);
    f->frames++;
    return put(s, i, s->zbuf, r, e) || gn_buf_add(&f->table, entry, sizeof entry, e) ? -1 : 0;
}

/* The seek table: a skippable frame (see out.c). */
static int put_table(gn_outset *s, size_t i, gn_err *e)
{
    file *f = &s->file[i];
    uint8_t h[8], end[9];
    put_le32(h, 0x184D2A5E);
    put_le32(h + 4, (uint32_t)(f->table.n + sizeof end));
    put_le32(end, f->frames);
    end[4] = 0;
    put_le32(end + 5, 0x8F92EAB1);
    gn_buf b = {0};
    int r = gn_buf_add(&b, h, sizeof h, e) || gn_buf_add(&b, f->table.p, f->table.n, e) ||
                    gn_buf_add(&b, end, sizeof end, e) || put(s, i, b.p, b.n, e)
                ? -1
                : 0;
    gn_buf_release(&b);
    gn_buf_release(&f->table);
    return r;
}

int gn_outset_end(gn_outset *s, size_t i, gn_err *e)
{
    file *f = &s->file[i];
    if (s->level && !f->raw && put_table(s, i, e))
        return -1;
    if (f->fd < 0)
        return 0;
    s->open--;
    return close_file(s, f, e);
}

size_t gn_outset_count(const gn_outset *s)
{
    return s->n;
}

const char *gn_outset_path(const gn_outset *s, size_t i)
{
    return s->file[i].path;
}

uint64_t gn_outset_bytes(const gn_outset *s, size_t i)
{
    return s->file[i].bytes;
}

double gn_outset_wait(const gn_outset *s)
{
    return s->wait;
}

/* ---- the end ---- */

/* One call for all files: thousands of fsyncs would each wait for the journal. */
int gn_outset_sync(gn_outset *s, gn_err *e)
{
    char name[NAME_MAX_BYTES];
    if (syncfs(s->stage))
        return gn_fail_errno(e, GN_IO, "'%s': cannot sync", s->dir);
    if (renameat(s->stage, stage_name(s->n - 1, name), s->stage, LIST))
        return fail_at(s, s->list, "cannot rename", e);
    s->file[s->n - 1].begun = false;
    s->listed = true;
    return 0;
}

static int make_above(gn_outset *s, const char *path, gn_err *e)
{
    char *copy = gn_strdup(path, e);
    if (!copy)
        return -1;
    int r = 0;
    for (char *p = copy; r == 0 && (p = strchr(p, '/')); p++) {
        *p = 0;
        if (mkdirat(s->dirfd, copy, 0777) && errno != EEXIST)
            r = fail_at(s, copy, "cannot make the directory", e);
        *p = '/';
    }
    free(copy);
    return r;
}

static int move(gn_outset *s, size_t i, gn_err *e)
{
    char name[NAME_MAX_BYTES];
    file *f = &s->file[i];
    stage_name(i, name);
    if (renameat(s->stage, name, s->dirfd, f->path) &&
        (errno != ENOENT || make_above(s, f->path, e) ||
         renameat(s->stage, name, s->dirfd, f->path)))
        return fail_at(s, f->path, "cannot rename", e);
    f->begun = false;
    return 0;
}

/* Files of earlier runs that this one has not replaced, and directories that they leave empty. */
static int remove_old(gn_outset *s, gn_err *e)
{
    const char **ours = gn_alloc(s->n, sizeof *ours, e);
    if (!ours)
        return -1;
    for (size_t i = 0; i < s->n; i++)
        ours[i] = s->file[i].path;
    qsort(ours, s->n, sizeof *ours, by_text);
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->nold; i++) {
        char *path = s->old[i];
        if (bsearch(&path, ours, s->n, sizeof *ours, by_text))
            continue;
        if (unlinkat(s->dirfd, path, 0) && errno != ENOENT && errno != ENOTDIR)
            r = fail_at(s, path, "cannot remove what an earlier run has left", e);
        for (char *slash; (slash = strrchr(path, '/'));) {
            *slash = 0;
            if (unlinkat(s->dirfd, path, AT_REMOVEDIR))
                break; /* it holds something: it stays */
        }
    }
    free(ours);
    return r;
}

int gn_outset_commit(gn_outset *s, gn_err *e)
{
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, LIST ".%u", s->next_list);
    if (renameat(s->dirfd, s->list, s->stage, name) == 0)
        s->next_list++;
    else if (errno != ENOENT)
        return fail_at(s, s->list, "cannot rename", e);
    s->committed = true; /* from here on there is no way back */
    for (size_t i = 0; i + 1 < s->n; i++)
        if (move(s, i, e))
            return -1;
    if (remove_old(s, e))
        return -1;
    if (renameat(s->stage, LIST, s->dirfd, s->list))
        return fail_at(s, s->list, "cannot rename", e);
    for (unsigned i = 0; i < s->next_list; i++) {
        snprintf(name, sizeof name, LIST ".%u", i);
        if (unlinkat(s->stage, name, 0) && errno != ENOENT)
            return fail_at(s, GN_OUTSET_STAGE, "cannot clear the directory", e);
    }
    return 0;
}
