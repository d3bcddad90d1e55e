/* twice.c - see twice.h. The temporary file holds one frame a batch: how many records, how many
 * bytes, both in 4 bytes, then the records. */
#include "twice.h"

#include "../io/mp.h"
#include "../io/tmp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FRAME_HEAD 8

typedef struct segment {
    uint64_t records, xxh3;
    /* spooled */
    gn_header header;
    gn_lineage lineage;
    uint64_t from, to; /* in the temporary file */
} segment;

struct gn_twice {
    const char *const *paths;
    size_t npaths, max_record;
    gn_tmp *spool; /* NULL: the files are read again */
    segment *seg;
    size_t n;
    /* reading again */
    gn_reader *reader;
    gn_decoder *decoder;
    size_t now, next;           /* the segment at hand, the one to come */
    bool open;                  /* one is at hand */
    uint64_t at;                /* in the temporary file */
    gn_buf block;               /* the frame at hand */
    const uint8_t *p, *end;     /* what is left of it */
    uint64_t left;              /* records */
    uint64_t before, all, last; /* records before the batch at hand; of it */
};

static bool regular(const char *path)
{
    struct stat st;
    return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

gn_twice *gn_twice_new(const char *const *paths, size_t n, size_t max_record, const char *temp_dir,
                       gn_err *e)
{
    gn_twice *t = gn_calloc(1, sizeof *t, e);
    bool files = n > 0;
    if (!t)
        return NULL;
    for (size_t i = 0; i < n; i++)
        files &= regular(paths[i]);
    t->paths = paths;
    t->npaths = n;
    t->max_record = max_record;
    if (!files && !(t->spool = gn_tmp_new(temp_dir, e))) {
        gn_twice_free(t);
        return NULL;
    }
    return t;
}

void gn_twice_free(gn_twice *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++) {
        gn_header_release(&t->seg[i].header);
        gn_lineage_release(&t->seg[i].lineage);
    }
    free(t->seg);
    gn_tmp_free(t->spool);
    gn_reader_close(t->reader);
    gn_decoder_free(t->decoder);
    gn_buf_release(&t->block);
    free(t);
}

/* ---- the first time ---- */

int gn_twice_segment(gn_twice *t, const gn_header *h, gn_err *e)
{
    segment *s = gn_realloc(t->seg, t->n + 1, sizeof *s, e);
    if (!s)
        return -1;
    t->seg = s;
    s += t->n++;
    *s = (segment){0};
    if (!t->spool)
        return 0;
    s->from = s->to = gn_tmp_size(t->spool);
    return gn_header_copy(&s->header, h, e);
}

int gn_twice_batch(gn_twice *t, const gn_batch *b, gn_err *e)
{
    uint8_t head[FRAME_HEAD];
    if (!t->spool)
        return 0;
    uint32_t bytes = b->off[b->n] - b->off[0];
    gn_put32(gn_put32(head, (uint32_t)b->n), bytes);
    if (gn_tmp_write(t->spool, head, sizeof head, e) ||
        gn_tmp_write(t->spool, b->base + b->off[0], bytes, e))
        return -1;
    t->seg[t->n - 1].to = gn_tmp_size(t->spool);
    return 0;
}

int gn_twice_end(gn_twice *t, const gn_trailer *x, gn_err *e)
{
    segment *s = &t->seg[t->n - 1];
    s->records = x->records;
    s->xxh3 = x->xxh3;
    return t->spool ? gn_lineage_copy(&s->lineage, &x->lineage, e) : 0;
}

/* ---- again ---- */

int gn_twice_rewind(gn_twice *t, gn_err *e)
{
    t->next = 0;
    t->open = false;
    t->before = t->all = t->last = 0;
    if (t->spool)
        return 0;
    gn_reader_close(t->reader);
    t->reader = gn_reader_open(t->paths, t->npaths, t->max_record, e);
    return t->reader ? 0 : -1;
}

static int changed(const gn_twice *t, gn_err *e)
{
    return gn_fail(e, GN_IO, "'%s': it has changed while it was read", gn_reader_name(t->reader));
}

static int next_of_files(gn_twice *t, gn_batch **batch, gn_err *e)
{
    int ev = gn_reader_next(t->reader, batch, e);
    if (ev == GN_EV_SEGMENT) {
        if (t->next == t->n)
            return changed(t, e);
        t->now = t->next++;
    } else if (ev == GN_EV_END) {
        const gn_trailer *x = gn_reader_trailer(t->reader);
        if (x->records != t->seg[t->now].records || x->xxh3 != t->seg[t->now].xxh3)
            return changed(t, e);
    } else if (ev == GN_EV_EOF && t->next != t->n) {
        return changed(t, e);
    }
    return ev;
}

static int begin_segment(gn_twice *t, gn_err *e)
{
    t->now = t->next++;
    const segment *s = &t->seg[t->now];
    gn_decoder_free(t->decoder);
    if (!(t->decoder = gn_decoder_new(&s->header.schema, true, e)))
        return -1;
    t->at = s->from;
    t->left = 0;
    t->open = true;
    return GN_EV_SEGMENT;
}

static int read_frame(gn_twice *t, gn_err *e)
{
    uint8_t head[FRAME_HEAD];
    if (gn_tmp_read(t->spool, t->at, head, sizeof head, e))
        return -1;
    size_t bytes = gn_be32(head + 4);
    t->left = gn_be32(head);
    t->block.n = 0;
    if (gn_buf_reserve(&t->block, bytes + GN_SLACK, e) ||
        gn_tmp_read(t->spool, t->at + sizeof head, t->block.p, bytes, e))
        return -1;
    memset(t->block.p + bytes, 0, GN_SLACK);
    t->at += sizeof head + bytes;
    t->p = t->block.p;
    t->end = t->p + bytes;
    return 0;
}

static int next_of_spool(gn_twice *t, gn_batch **batch, gn_err *e)
{
    const char *bad;
    if (!t->open)
        return t->next == t->n ? GN_EV_EOF : begin_segment(t, e);
    if (t->left == 0) {
        if (t->at == t->seg[t->now].to) {
            t->open = false;
            return GN_EV_END;
        }
        if (read_frame(t, e))
            return -1;
    }
    enum gn_decode r =
        gn_decoder_run(t->decoder, t->p, t->end, (size_t)t->left, batch, &t->p, &bad, e);
    if (r != GN_DECODE_OK)
        return e->status ? -1 : gn_fail(e, GN_IO, "a temporary file was damaged");
    t->left -= (*batch)->n;
    return GN_EV_BATCH;
}

int gn_twice_next(gn_twice *t, gn_batch **batch, gn_err *e)
{
    int ev = t->spool ? next_of_spool(t, batch, e) : next_of_files(t, batch, e);
    t->before += t->last;
    t->all += t->last;
    t->last = ev == GN_EV_BATCH ? (*batch)->n : 0;
    if (ev == GN_EV_SEGMENT)
        t->before = 0;
    return ev;
}

const gn_header *gn_twice_header(const gn_twice *t)
{
    return t->spool ? &t->seg[t->now].header : gn_reader_header(t->reader);
}

const gn_lineage *gn_twice_lineage(const gn_twice *t)
{
    return t->spool ? &t->seg[t->now].lineage : &gn_reader_trailer(t->reader)->lineage;
}

int gn_twice_want(gn_twice *t, int field, unsigned what, gn_err *e)
{
    return t->spool ? gn_decoder_want(t->decoder, field, what, e)
                    : gn_reader_want(t->reader, field, what, e);
}

const char *gn_twice_name(const gn_twice *t)
{
    return t->spool ? "standard input" : gn_reader_name(t->reader);
}

uint64_t gn_twice_before(const gn_twice *t, uint64_t *all)
{
    if (all)
        *all = t->all;
    return t->before;
}

uint64_t gn_twice_spooled(const gn_twice *t)
{
    return t->spool ? gn_tmp_size(t->spool) : 0;
}
