/* tree.c - see tree.h. */
#include "tree.h"

#include "../base/parse.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A copy of s[0..n) with %XX decoded; a per cent sign without two hexadecimal digits is itself. */
static char *decode(const char *s, size_t n, const char *path, gn_err *e)
{
    char *out = gn_alloc(n + 1, 1, e);
    if (!out)
        return NULL;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '%' && n - i > 2 && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
            out[k++] = (char)(hex(s[i + 1]) * 16 + hex(s[i + 2]));
            i += 2;
        } else {
            out[k++] = s[i];
        }
    }
    out[k] = 0;
    if (gn_utf8_valid(out, k) != k) {
        gn_fail(e, GN_INPUT, "'%s': a directory name that is no valid UTF-8", path);
        free(out);
        return NULL;
    }
    return out;
}

static void file_release(gn_treefile *f)
{
    for (size_t i = 0; i < f->npairs; i++) {
        free(f->pair[i].key);
        free(f->pair[i].value);
    }
    free(f->pair);
    free(f->path);
    memset(f, 0, sizeof *f);
}

void gn_tree_release(gn_tree *l)
{
    for (size_t i = 0; i < l->n; i++)
        file_release(&l->f[i]);
    free(l->f);
    memset(l, 0, sizeof *l);
}

static int add_pair(gn_treefile *f, const char *name, size_t n, gn_err *e)
{
    const char *eq = memchr(name, '=', n);
    if (!eq || eq == name)
        return 0; /* an ordinary directory */
    gn_treepair *p = gn_realloc(f->pair, f->npairs + 1, sizeof *p, e);
    if (!p)
        return -1;
    f->pair = p;
    p += f->npairs;
    p->key = decode(name, (size_t)(eq - name), f->path, e);
    size_t nvalue = n - (size_t)(eq + 1 - name);
    bool null = nvalue == strlen(GN_TREE_NULL) && memcmp(eq + 1, GN_TREE_NULL, nvalue) == 0;
    p->value = null ? NULL : decode(eq + 1, nvalue, f->path, e);
    f->npairs++;
    if (!p->key || (!null && !p->value))
        return -1;
    for (size_t i = 0; i + 1 < f->npairs; i++)
        if (strcmp(f->pair[i].key, p->key) == 0)
            return gn_fail(e, GN_INPUT, "'%s': two directories for '%s'", f->path, p->key);
    return 0;
}

int gn_tree_add_file(gn_tree *l, const char *path, size_t from, gn_err *e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        gn_treefile *f = gn_realloc(l->f, cap, sizeof *f, e);
        if (!f)
            return -1;
        l->f = f;
        l->cap = cap;
    }
    gn_treefile *f = &l->f[l->n++];
    memset(f, 0, sizeof *f);
    f->keys = from;
    f->path = gn_strdup(path, e);
    if (!f->path)
        return -1;
    if (from == (size_t)-1)
        return 0;
    for (const char *s = path + from, *slash; (slash = strchr(s, '/')); s = slash + 1)
        if (add_pair(f, s, (size_t)(slash - s), e))
            return -1;
    return 0;
}

/* Where the run of key=value directories at the end of a path begins; its length if there is
 * none. */
static size_t trailing_pairs(const char *path)
{
    size_t end = strlen(path), from;
    while (end && path[end - 1] == '/')
        end--;
    from = strlen(path);
    while (end) {
        size_t start = end;
        while (start && path[start - 1] != '/')
            start--;
        const char *eq = memchr(path + start, '=', end - start);
        if (!eq || eq == path + start)
            break;
        from = start;
        end = start;
        while (end && path[end - 1] == '/')
            end--;
    }
    return from;
}

/* A file of a tree's kind; what gn-partition lists its files in is none of them. */
static bool wanted(const char *name, enum gn_tree_kind kind)
{
    static const char *const ends[][5] = {[GN_TREE_CSV] = {".csv", ".tsv", ".csv.zst", ".tsv.zst"},
                                          [GN_TREE_GN] = {".gn", ".gn.zst"}};
    size_t n = strlen(name);
    if (kind == GN_TREE_GN && strcmp(name, GN_TREE_LIST) == 0)
        return false;
    for (size_t i = 0; ends[kind][i]; i++) {
        size_t k = strlen(ends[kind][i]);
        if (n > k && strcmp(name + n - k, ends[kind][i]) == 0)
            return true;
    }
    return false;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const gn_treefile *)a)->path, ((const gn_treefile *)b)->path);
}

static int add_tree(gn_tree *l, const char *dir, enum gn_tree_kind kind, gn_err *e)
{
    char *argv[2] = {(char *)dir, NULL};
    size_t first = l->n, from = trailing_pairs(dir);
    FTS *t = fts_open(argv, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    if (!t)
        return gn_fail_errno(e, GN_IO, "'%s': cannot read the directory", dir);
    int r = 0;
    FTSENT *f;
    while (r == 0 && (errno = 0, f = fts_read(t))) {
        bool hidden = f->fts_level > 0 && (f->fts_name[0] == '.' || f->fts_name[0] == '_');
        switch (f->fts_info) {
        case FTS_D:
            if (hidden && fts_set(t, f, FTS_SKIP))
                r = gn_fail_errno(e, GN_IO, "'%s': cannot pass over the directory", f->fts_path);
            break;
        case FTS_DC:
            r = gn_fail(e, GN_IO, "'%s': a link that leads back to a directory above it",
                        f->fts_path);
            break;
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS:
            errno = f->fts_errno;
            r = gn_fail_errno(e, GN_IO, "'%s': cannot read", f->fts_path);
            break;
        case FTS_F:
        case FTS_SLNONE:
            if (!hidden && wanted(f->fts_name, kind))
                r = gn_tree_add_file(l, f->fts_path, from, e);
            break;
        }
    }
    if (r == 0 && errno)
        r = gn_fail_errno(e, GN_IO, "'%s': cannot read the directory", dir);
    if (fts_close(t) && r == 0)
        r = gn_fail_errno(e, GN_IO, "'%s': cannot read the directory", dir);
    if (r == 0 && l->n == first)
        r = gn_fail(e, GN_INPUT, "'%s': no file in it ends in %s", dir,
                    kind == GN_TREE_CSV ? ".csv, .tsv, .csv.zst or .tsv.zst" : ".gn or .gn.zst");
    if (r == 0)
        qsort(l->f + first, l->n - first, sizeof *l->f, by_path);
    return r;
}

int gn_tree_add(gn_tree *l, const char *operand, enum gn_tree_kind kind, gn_err *e)
{
    struct stat st;
    if (strcmp(operand, "-") != 0 && stat(operand, &st) == 0 && S_ISDIR(st.st_mode))
        return add_tree(l, operand, kind, e);
    return gn_tree_add_file(l, operand, (size_t)-1, e);
}
