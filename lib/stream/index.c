/* index.c - see index.h. */
#include "index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE 40 /* bytes of a noted segment */
#define CUTS_MAX 65536

int gn_indexed_note(const gn_indexed *s, gn_out *out, gn_err *e)
{
    uint8_t b[NOTE];
    gn_put_le64(b, s->begin);
    gn_put_le64(b + 8, s->first);
    gn_put_le64(b + 16, s->trailer);
    gn_put_le64(b + 24, s->end);
    gn_put_le64(b + 32, s->records);
    return gn_out_note(out, b, sizeof b, e);
}

void gn_index_release(gn_index *x)
{
    gn_frames_release(&x->frames);
    free(x->segment);
    free(x->cut);
    memset(x, 0, sizeof *x);
}

/* Room for one more; doubling, from nothing. */
static void *grown(void *list, size_t n, size_t size, gn_err *e)
{
    if (n & (n - 1))
        return list;
    return gn_realloc(list, n ? 2 * n : 1, size, e);
}

int gn_index_add(gn_index *x, gn_indexed s, gn_err *e)
{
    gn_indexed *p = grown(x->segment, x->nsegments, sizeof *p, e);
    if (!p)
        return -1;
    x->segment = p;
    p[x->nsegments++] = s;
    x->bytes = s.end;
    x->records += s.records;
    return 0;
}

int gn_index_add_cut(gn_index *x, gn_cut c, gn_err *e)
{
    if (x->ncuts == CUTS_MAX) { /* every other one, the first among them */
        for (size_t i = 0; i < CUTS_MAX / 2; i++)
            x->cut[i] = x->cut[2 * i];
        x->ncuts = CUTS_MAX / 2;
    }
    gn_cut *p = grown(x->cut, x->ncuts, sizeof *p, e);
    if (!p)
        return -1;
    x->cut = p;
    p[x->ncuts++] = c;
    return 0;
}

/* The noted segments of one piece, which begins at `base`: they must tile it. */
static bool segments(gn_index *x, const gn_piece *p, gn_err *e)
{
    const gn_frames *f = &x->frames;
    const uint8_t *b = f->notes.p + p->note;
    const uint64_t base = f->raw[p->frame], size = f->raw[p->frame + p->frames] - base;
    uint64_t at = 0;
    if (p->nnote % NOTE)
        return false;
    for (size_t i = 0; i < p->nnote; i += NOTE) {
        gn_indexed s = {gn_le64(b + i), gn_le64(b + i + 8), gn_le64(b + i + 16),
                        gn_le64(b + i + 24), gn_le64(b + i + 32)};
        if (s.begin != at || s.first <= s.begin || s.trailer < s.first || s.end <= s.trailer ||
            s.end > size || s.records > s.trailer - s.first)
            return false;
        at = s.end;
        s.begin += base;
        s.first += base;
        s.trailer += base;
        s.end += base;
        if (gn_index_add(x, s, e))
            return false;
    }
    return at == size;
}

/* Frames as places to cut, compared with the segments: `s` and `before` (records of the file before
 * that segment) go along. */
static bool cuts(gn_index *x, const gn_piece *p, uint64_t base, size_t *s, uint64_t *before)
{
    const gn_frames *f = &x->frames;
    for (size_t i = 0; i < p->tagged; i++) {
        gn_cut c = {f->raw[p->frame + i], 0};
        if (__builtin_add_overflow(base, f->tag[p->frame + i], &c.records))
            return false;
        while (*s < x->nsegments && x->segment[*s].end <= c.at)
            *before += x->segment[(*s)++].records;
        if (*s == x->nsegments) /* an empty frame at the end */
            break;
        const gn_indexed *in = &x->segment[*s];
        const uint64_t done = c.records - *before;
        if (c.records < *before || done > in->records || (c.at > in->begin && c.at < in->first) ||
            c.at > in->trailer || (c.at <= in->first && done) ||
            (c.at == in->trailer && done != in->records))
            return false;
        x->cut[x->ncuts++] = c;
    }
    return true;
}

/* 1, or 0 where the index does not hold; -1 without memory. */
static int from_frames(gn_index *x, gn_err *e)
{
    const gn_frames *f = &x->frames;
    uint64_t base = 0, before = 0;
    size_t s = 0;
    gn_cut *c = gn_alloc(f->n + 1, sizeof *c, e);
    if (!c)
        return -1;
    x->cut = c;
    for (size_t i = 0; i < f->npieces; i++) {
        const gn_piece *p = &f->piece[i];
        if (p->frames && p->tagged == 0)
            return 0;
        if (p->frames && (!segments(x, p, e) || !cuts(x, p, base, &s, &before)))
            return e->status ? -1 : 0;
        base = x->records;
    }
    if (x->nsegments == 0)
        return 0;
    x->cut[x->ncuts++] = (gn_cut){x->bytes, x->records};
    return 1;
}

int gn_index_load(gn_index *x, const char *path, gn_err *e)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot open", path);
    if (S_ISDIR(st.st_mode))
        return gn_fail(e, GN_IO, "'%s': is a directory", path);
    if (!S_ISREG(st.st_mode))
        return gn_fail(e, GN_USAGE, "'%s': is no regular file, which is what --split needs", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot open", path);
    int r = gn_frames_read(&x->frames, fd, path, e);
    (void)close(fd);
    if (r != 1) {
        uint64_t bytes = x->frames.bytes;
        gn_frames_release(&x->frames);
        x->frames.bytes = bytes;
        return r;
    }
    x->framed = true;
    r = from_frames(x, e);
    if (r == 0) { /* begin again: it will be read */
        free(x->segment);
        free(x->cut);
        x->segment = NULL;
        x->cut = NULL;
        x->nsegments = x->ncuts = 0;
        x->bytes = x->records = 0;
    }
    return r;
}
