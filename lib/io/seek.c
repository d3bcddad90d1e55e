/* seek.c - see seek.h. Nothing is believed before it was compared with the size of the file: a
 * table of n entries is in the file with all its n entries before memory is taken for it. */
#include "seek.h"

#include "../base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOOT 9          /* bytes: frames, descriptor, magic */
#define HEAD 8          /* of a skippable frame */
#define FRAME_MIN 8     /* bytes of the smallest frame there is: a skippable one */
#define PIECES_MAX 4096 /* of a file */

/* A table found from the back. */
typedef struct found {
    uint64_t begin, entries; /* of the piece; of the table's entries */
    size_t frames, width;    /* width of an entry: 8, or 12 with checksums */
} found;

typedef struct source {
    gn_frames *f;
    int fd;
    const char *name;
    gn_err *e;
} source;

uint32_t gn_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t gn_le64(const uint8_t *p)
{
    return gn_le32(p) | (uint64_t)gn_le32(p + 4) << 32;
}

void gn_put_le32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

void gn_put_le64(uint8_t *p, uint64_t v)
{
    gn_put_le32(p, (uint32_t)v);
    gn_put_le32(p + 4, (uint32_t)(v >> 32));
}

void gn_frames_release(gn_frames *f)
{
    free(f->at);
    free(f->raw);
    free(f->tag);
    free(f->piece);
    gn_buf_release(&f->notes);
    memset(f, 0, sizeof *f);
}

static int read_at(source *s, uint64_t at, void *to, size_t n)
{
    for (size_t have = 0; have < n;) {
        ssize_t r = pread(s->fd, (char *)to + have, n - have, (off_t)(at + have));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return gn_fail_errno(s->e, GN_IO, "'%s': cannot read", s->name);
        if (r == 0)
            return gn_fail(s->e, GN_CORRUPT, "'%s': it has become shorter meanwhile", s->name);
        have += (size_t)r;
        s->f->bytes += (uint64_t)r;
    }
    return 0;
}

/* The piece that ends at `end`: 1, 0 when none does, -1. The sum of its sizes needs all entries,
 * which stay in *table (allocated). */
static int find_piece(source *s, uint64_t end, size_t frames_left, found *p, uint8_t **table)
{
    uint8_t foot[FOOT], head[HEAD];
    *table = NULL;
    if (end < HEAD + FOOT)
        return 0;
    if (read_at(s, end - FOOT, foot, FOOT))
        return -1;
    p->frames = gn_le32(foot);
    p->width = foot[4] & 0x80 ? 12 : 8;
    if (gn_le32(foot + 5) != GN_SEEK_FOOT || foot[4] & 0x7c || p->frames > frames_left)
        return 0;
    uint64_t content = (uint64_t)p->frames * p->width + FOOT;
    if (content > UINT32_MAX || content + HEAD > end)
        return 0;
    uint64_t begin = end - content - HEAD;
    if (read_at(s, begin, head, HEAD))
        return -1;
    if (gn_le32(head) != GN_SEEK_MAGIC || gn_le32(head + 4) != content)
        return 0;
    p->entries = begin + HEAD;
    if (!(*table = gn_alloc(p->frames, p->width, s->e)) ||
        read_at(s, p->entries, *table, p->frames * p->width))
        return -1;
    for (size_t i = 0; i < p->frames; i++) {
        uint32_t size = gn_le32(*table + i * p->width);
        if (size < FRAME_MIN || size > begin)
            return 0;
        begin -= size;
    }
    p->begin = begin;
    return 1;
}

/* The frames of one piece, in order, behind those that are there. */
static int add_piece(gn_frames *f, const found *p, const uint8_t *table, gn_err *e)
{
    size_t n = f->n + p->frames;
    uint64_t *at = gn_realloc(f->at, n + 1, sizeof *at, e);
    f->at = at ? at : f->at;
    uint64_t *raw = gn_realloc(f->raw, n + 1, sizeof *raw, e);
    f->raw = raw ? raw : f->raw;
    uint64_t *tag = gn_realloc(f->tag, n + 1, sizeof *tag, e);
    f->tag = tag ? tag : f->tag;
    gn_piece *piece = gn_realloc(f->piece, f->npieces + 1, sizeof *piece, e);
    f->piece = piece ? piece : f->piece;
    if (!at || !raw || !tag || !piece)
        return -1;
    uint64_t r = f->n ? raw[f->n] : 0;
    at[f->n] = p->begin;
    raw[f->n] = r;
    for (size_t i = 0; i < p->frames; i++) {
        const uint8_t *t = table + i * p->width;
        at[f->n + i + 1] = at[f->n + i] + gn_le32(t);
        raw[f->n + i + 1] = raw[f->n + i] + gn_le32(t + 4); /* 2^20 of 2^32 at most */
        tag[f->n + i] = 0;
    }
    piece[f->npieces++] = (gn_piece){.frame = f->n, .frames = p->frames};
    f->n = n;
    return 0;
}

/* Take the tags and notes of a piece from its last frame, if that is an index. */
static int read_index(source *s, gn_piece *p)
{
    gn_frames *f = s->f;
    if (p->frames == 0)
        return 0;
    size_t last = p->frame + p->frames - 1, tags = p->frames - 1;
    uint64_t size = f->at[last + 1] - f->at[last];
    if (f->raw[last] != f->raw[last + 1] || size < HEAD + GN_INDEX_HEAD + 8 ||
        size > GN_INDEX_MAX + HEAD)
        return 0;
    size_t content = (size_t)size - HEAD;
    uint8_t head[HEAD + GN_INDEX_HEAD];
    if (read_at(s, f->at[last], head, sizeof head))
        return -1;
    size_t notes = gn_le32(head + HEAD + 12);
    if (gn_le32(head) != GN_INDEX_MAGIC || gn_le32(head + 4) != content ||
        memcmp(head + HEAD, GN_INDEX_NAME, 8) != 0 || gn_le32(head + HEAD + 8) != tags ||
        content != GN_INDEX_HEAD + tags * 8 + notes + 8)
        return 0;
    uint8_t *b = gn_alloc(content, 1, s->e);
    int r = b ? read_at(s, f->at[last] + HEAD, b, content) : -1;
    if (r == 0 && gn_le64(b + content - 8) == gn_hash(b, content - 8)) {
        for (size_t i = 0; i < tags; i++)
            f->tag[p->frame + i] = gn_le64(b + GN_INDEX_HEAD + 8 * i);
        p->tagged = tags;
        p->note = f->notes.n;
        p->nnote = notes;
        r = gn_buf_add(&f->notes, b + GN_INDEX_HEAD + 8 * tags, notes, s->e);
    }
    free(b);
    return r;
}

int gn_frames_read(gn_frames *f, int fd, const char *name, gn_err *e)
{
    source s = {f, fd, name, e};
    struct stat st;
    found *list = NULL;
    size_t n = 0, frames = 0;
    int r = 1;
    if (fstat(fd, &st) != 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot read", name);
    if (!S_ISREG(st.st_mode) || st.st_size <= 0)
        return 0;
    uint8_t *table;
    for (uint64_t end = (uint64_t)st.st_size; r == 1 && end; end = list[n++].begin) {
        found p;
        r = n < PIECES_MAX ? find_piece(&s, end, GN_FRAMES_MAX - frames, &p, &table) : 0;
        found *more = r == 1 ? gn_realloc(list, n + 1, sizeof *more, e) : NULL;
        if (r == 1 && !more)
            r = -1;
        free(table);
        table = NULL;
        if (r != 1)
            break;
        list = more;
        list[n] = p;
        frames += p.frames;
    }
    while (r == 1 && n) { /* the first piece of the file is the last found */
        const found *p = &list[--n];
        table = gn_alloc(p->frames, p->width, e);
        if (!table || read_at(&s, p->entries, table, p->frames * p->width) ||
            add_piece(f, p, table, e) || read_index(&s, &f->piece[f->npieces - 1]))
            r = -1;
        free(table);
    }
    free(list);
    if (r == 1 && f->n == 0)
        r = 0;
    return r;
}

size_t gn_frames_find(const gn_frames *f, uint64_t raw)
{
    size_t lo = 0, hi = f->n; /* raw[lo] <= raw < raw[hi] */
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (f->raw[mid] <= raw)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}
