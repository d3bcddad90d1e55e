/* fanout.c - see fanout.h. Checksums are taken when a buffer is written out: hashing many small
 * pieces is slow. A buffer holds whole records, headers and trailers, so that a compressed frame,
 * which is made of one, does. */
#include "fanout.h"

#include "../io/mp.h"

#include <stdlib.h>

#define FIRST ((size_t)4 << 10) /* bytes of a new buffer */
#define PIECE GN_IO_BLOCK       /* of a full one */
#define PIECE_ZSTD ((size_t)1 << 20)
/* What a file costs beside its buffer: its descriptions here and in the set, its checksum. */
#define FILE_COST (sizeof(gn_fanfile) + sizeof(XXH3_state_t) + 256)

int gn_fanout_open(gn_fanout *f, const char *dir, const char *list, int level, size_t pool,
                   gn_budget *b, gn_err *e)
{
    f->budget = b;
    f->pool = pool;
    f->piece = level ? PIECE_ZSTD : PIECE;
    if (f->piece > pool)
        f->piece = pool;
    f->set = gn_outset_open(dir, list, level, e);
    return f->set ? 0 : -1;
}

static void drop_buffer(gn_fanout *f, gn_fanfile *o)
{
    free(o->b);
    f->held -= o->cap;
    gn_budget_give(f->budget, o->cap);
    o->b = NULL;
    o->n = o->cap = o->summed = 0;
}

void gn_fanout_release(gn_fanout *f)
{
    for (size_t i = 0; i < f->n; i++) {
        drop_buffer(f, &f->file[i]);
        XXH3_freeState(f->file[i].sum);
        gn_budget_give(f->budget, FILE_COST);
    }
    free(f->file);
    gn_spool_free(f->spool);
    gn_buf_release(&f->joined);
    gn_outset_close(f->set);
    memset(f, 0, sizeof *f);
}

/* `path` NULL: packed. */
static int add(gn_fanout *f, const char *path, gn_err *e)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 64;
        gn_fanfile *p = gn_realloc(f->file, cap, sizeof *p, e);
        if (!p)
            return -1;
        f->file = p;
        f->cap = cap;
    }
    if (gn_budget_take(f->budget, FILE_COST, e))
        return -1;
    if (path && gn_outset_add(f->set, path, e)) {
        gn_budget_give(f->budget, FILE_COST);
        return -1;
    }
    f->file[f->n++] =
        (gn_fanfile){.packed = !path, .at = path ? gn_outset_count(f->set) - 1 : f->pack};
    return 0;
}

int gn_fanout_add(gn_fanout *f, const char *path, gn_err *e)
{
    return add(f, path, e);
}

int gn_fanout_pack(gn_fanout *f, const char *path, const char *temp_dir, gn_err *e)
{
    if (gn_outset_add(f->set, path, e))
        return -1;
    f->pack = gn_outset_count(f->set) - 1;
    f->spool = gn_spool_new(temp_dir, e);
    return f->spool ? 0 : -1;
}

int gn_fanout_add_packed(gn_fanout *f, gn_err *e)
{
    return add(f, NULL, e);
}

/* To the pack, small pieces together. */
static int join(void *ctx, const uint8_t *p, size_t n, gn_err *e)
{
    gn_fanout *f = ctx;
    gn_buf *b = &f->joined;
    if (b->n && b->n + n > f->piece) {
        size_t all = b->n;
        b->n = 0;
        if (gn_outset_append(f->set, f->pack, b->p, all, e))
            return -1;
    }
    return n < f->piece ? gn_buf_add(b, p, n, e) : gn_outset_append(f->set, f->pack, p, n, e);
}

/* Whole records, headers and trailers. */
static int append(gn_fanout *f, size_t i, const uint8_t *p, size_t n, gn_err *e)
{
    gn_fanfile *o = &f->file[i];
    if (!o->packed)
        return gn_outset_append(f->set, o->at, p, n, e);
    return f->packing ? join(f, p, n, e) : gn_spool_put(f->spool, &o->spooled, p, n, e);
}

/* Write a buffer out. */
static int flush(gn_fanout *f, size_t i, gn_err *e)
{
    gn_fanfile *o = &f->file[i];
    if (o->n == 0)
        return 0;
    gn_xxh3_64_update(o->sum, o->b + o->summed, o->n - o->summed);
    size_t n = o->n;
    o->n = o->summed = 0;
    return append(f, i, o->b, n, e);
}

static int flush_all(gn_fanout *f, gn_err *e)
{
    for (size_t i = 0; i < f->n; i++) {
        if (flush(f, i, e))
            return -1;
        drop_buffer(f, &f->file[i]);
    }
    return 0;
}

/* Enlarge a buffer within the pool, which may empty all. */
static int grow(gn_fanout *f, size_t i, size_t n, gn_err *e)
{
    gn_fanfile *o = &f->file[i];
    size_t cap = o->cap ? o->cap : FIRST / 2;
    do
        cap *= 2;
    while (cap < o->n + n);
    if (cap > f->piece)
        cap = f->piece;
    if (cap - o->cap > f->pool - f->held) {
        if (flush_all(f, e))
            return -1;
        while (cap > FIRST && cap / 2 >= n)
            cap /= 2;
    }
    if (gn_budget_take(f->budget, cap - o->cap, e))
        return -1;
    uint8_t *b = gn_realloc(o->b, cap + GN_SLACK, 1, e);
    if (!b) {
        gn_budget_give(f->budget, cap - o->cap);
        return -1;
    }
    f->held += cap - o->cap;
    o->b = b;
    o->cap = cap;
    return 0;
}

int gn_fanout_room(gn_fanout *f, size_t i, size_t n, gn_err *e)
{
    gn_fanfile *o = &f->file[i];
    if (n > f->piece - o->n && flush(f, i, e))
        return -1;
    return n <= f->piece && o->cap - o->n < n ? grow(f, i, n, e) : 0;
}

int gn_fanout_through(gn_fanout *f, size_t i, const void *p, size_t n, gn_err *e)
{
    gn_xxh3_64_update(f->file[i].sum, p, n);
    return append(f, i, p, n, e);
}

/* Bytes that are no record. */
static int put(gn_fanout *f, size_t i, const gn_buf *b, gn_err *e)
{
    gn_fanfile *o = &f->file[i];
    if (o->cap - o->n < b->n) {
        if (gn_fanout_room(f, i, b->n, e))
            return -1;
        if (o->cap < b->n)
            return gn_fanout_through(f, i, b->p, b->n, e);
    }
    memcpy(o->b + o->n, b->p, b->n);
    o->n += b->n;
    return 0;
}

int gn_fanout_begin(gn_fanout *f, size_t i, const gn_header *h, gn_err *e)
{
    gn_fanfile *o = &f->file[i];
    gn_buf b = {0};
    if (!o->sum && !(o->sum = XXH3_createState()))
        return gn_fail(e, GN_IO, "out of memory: no hash state");
    (void)XXH3_64bits_reset(o->sum);
    o->summed = o->n;
    o->open = true;
    int r = gn_header_encode(h, &b, e) || put(f, i, &b, e) ? -1 : 0;
    gn_buf_release(&b);
    return r;
}

/* The checksum's own bytes are not part of what it covers: they go behind what is summed. */
int gn_fanout_end(gn_fanout *f, size_t i, const gn_lineage *l, gn_err *e)
{
    gn_fanfile *o = &f->file[i];
    gn_trailer t = {.records = o->records, .lineage = *l}; /* borrowed for the encoding */
    gn_buf b = {0};
    int r = -1;
    if (gn_trailer_encode(&t, &b, e))
        goto done;
    if (o->n)
        gn_xxh3_64_update(o->sum, o->b + o->summed, o->n - o->summed);
    o->summed = o->n;
    gn_xxh3_64_update(o->sum, b.p, b.n);
    if (gn_buf_reserve(&b, GN_MP_HEAD, e))
        goto done;
    b.n = (size_t)(gn_mp_uint(b.p + b.n, XXH3_64bits_digest(o->sum)) - b.p);
    r = put(f, i, &b, e);
    o->summed = o->n;
    o->total += o->records;
    o->records = 0;
    o->open = false;
done:
    gn_buf_release(&b);
    return r;
}

static int finish_packed(gn_fanout *f, size_t i, gn_err *e)
{
    gn_fanfile *o = &f->file[i];
    o->from = gn_outset_bytes(f->set, f->pack);
    f->packing = true;
    int r = gn_spool_each(f->spool, &o->spooled, join, f, e) || flush(f, i, e) ? -1 : 0;
    if (r == 0 && f->joined.n)
        r = gn_outset_append(f->set, f->pack, f->joined.p, f->joined.n, e);
    f->joined.n = 0;
    f->packing = false;
    o->size = gn_outset_bytes(f->set, f->pack) - o->from;
    drop_buffer(f, o);
    return r;
}

int gn_fanout_finish(gn_fanout *f, size_t i, gn_err *e)
{
    if (f->file[i].packed)
        return finish_packed(f, i, e);
    if (flush(f, i, e))
        return -1;
    drop_buffer(f, &f->file[i]);
    return gn_outset_end(f->set, f->file[i].at, e);
}

int gn_fanout_end_pack(gn_fanout *f, gn_err *e)
{
    return gn_outset_end(f->set, f->pack, e);
}

uint64_t gn_fanout_records(const gn_fanout *f, size_t i)
{
    return f->file[i].total + f->file[i].records;
}

const char *gn_fanout_path(const gn_fanout *f, size_t i)
{
    return gn_outset_path(f->set, f->file[i].at);
}

uint64_t gn_fanout_bytes(const gn_fanout *f, size_t i)
{
    const gn_fanfile *o = &f->file[i];
    return o->packed ? o->size : gn_outset_bytes(f->set, o->at);
}

uint64_t gn_fanout_offset(const gn_fanout *f, size_t i)
{
    return f->file[i].from;
}

uint64_t gn_fanout_spooled(const gn_fanout *f)
{
    return f->spool ? gn_spool_bytes(f->spool) : 0;
}
