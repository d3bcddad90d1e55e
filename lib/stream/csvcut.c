/* csvcut.c - cuts the files of a CSV reader into ranges: gn_csv_cut. */
#include "csvpriv.h"

#include "../base/num.h"
#include "csvscan.h"

#define CHUNK ((size_t)64 * 1024) /* bytes scanned and hashed while they are in the cache */

/* Where the range that begins at `at` of the file should end; `base`: bytes of the files before,
 * `total`: of all. */
static uint64_t goal_behind(const gn_csvranges_size *z, uint64_t base, uint64_t total, uint64_t at)
{
    if (z->count) {
        const gn_u128 k = (gn_u128)(base + at) * z->count / (total ? total : 1) + 1;
        return (uint64_t)((k * total + z->count - 1) / z->count) - base;
    }
    uint64_t goal;
    return __builtin_mul_overflow(at / z->bytes + 1, z->bytes, &goal) ? UINT64_MAX : goal;
}

typedef struct scan {
    gn_csvranges *x;
    gn_csv *c;
    gn_csvranges_size size;
    uint64_t base, total;
    XXH3_state_t *hash; /* of the range */
    gn_csvscan s;
    gn_csvrange r; /* under way */
} scan;

/* The range ends here, and the next one begins. */
static int end_range(scan *m, gn_err *e)
{
    gn_csvrange *r = &m->r;
    const gn_csvscan *s = &m->s;
    r->to = s->offset;
    r->rows = s->rows + (s->ended < s->offset) - (r->row - 1);
    r->hash = gn_id_from(XXH3_128bits_digest(m->hash));
    (void)XXH3_128bits_reset(m->hash);
    if (gn_csvranges_add(m->x, r, e))
        return -1;
    r->from = r->to;
    r->line = 1 + s->lines;
    r->row = 1 + s->rows;
    return 0;
}

/* Scan what the window holds, up to CHUNK bytes or, beyond `goal`, the end of a row. */
static int scan_some(scan *m, uint64_t goal, gn_err *e)
{
    gn_textin *t = &m->c->t;
    gn_csvscan *s = &m->s;
    const uint8_t *p = gn_in_begin(t->in);
    size_t n = gn_textin_have(t);
    if (n > CHUNK)
        n = CHUNK;
    if (s->offset >= goal) {
        n = gn_csvscan_row(s, p, n);
    } else {
        if (n > goal - s->offset)
            n = (size_t)(goal - s->offset);
        gn_csvscan_run(s, p, n);
    }
    gn_xxh3_128_update(m->hash, p, n);
    gn_textin_consume(t, n);
    if (s->offset - s->ended > m->c->max_record)
        return gn_csv_too_long(m->c, 1 + s->lines - s->inner, e);
    return 0;
}

/* `head`: bytes up to the end of the header, which are left together. */
static int scan_ranges(scan *m, uint64_t head, gn_err *e)
{
    gn_textin *t = &m->c->t;
    gn_csvscan *s = &m->s;
    uint64_t goal = goal_behind(&m->size, m->base, m->total, 0);
    if (goal < head)
        goal = head;
    for (;;) {
        if (gn_textin_have(t) == 0) {
            int r = gn_textin_more(t, e);
            if (r < 0)
                return -1;
            if (r == 0)
                break;
        }
        if (scan_some(m, goal, e))
            return -1;
        if (s->offset >= goal && s->ended == s->offset) {
            if (end_range(m, e))
                return -1;
            goal = goal_behind(&m->size, m->base, m->total, s->offset);
        }
    }
    return m->r.from < s->offset ? end_range(m, e) : 0;
}

static int scan_file(scan *m, uint64_t head, gn_err *e)
{
    gn_csv *c = m->c;
    gn_csvranges *x = m->x;
    const gn_treefile *f = &c->files.f[c->file];
    gn_csvranged file = {.path = f->path, .keys = f->keys};
    if (gn_textin_start_part(&c->t, f->path, 0, UINT64_MAX, 1, e) ||
        gn_csvranges_add_file(x, &file, e) ||
        gn_csvscan_init(&m->s, c->opt.delimiter, c->opt.trim, c->opt.simd, e))
        return -1;
    (void)XXH3_128bits_reset(m->hash);
    m->s.offset = m->s.ended = gn_in_offset(c->t.in);
    if (m->s.offset) /* the byte order mark is part of the first range */
        gn_xxh3_128_update(m->hash, "\xef\xbb\xbf", 3);
    m->r = (gn_csvrange){.file = c->file, .line = 1, .row = 1};
    if (scan_ranges(m, head, e))
        return -1;
    gn_source *s = &x->file[c->file].source;
    s->id = gn_textin_close(&c->t, &s->size);
    c->t.count.bytes += s->size;
    c->t.count.read += m->s.rows + (m->s.ended < m->s.offset);
    if (gn_lineage_add_source(&c->t.lineage, *s, e))
        return -1;
    return 0;
}

/* Bytes of all files. */
static int total_size(gn_csv *c, uint64_t *total, gn_err *e)
{
    *total = 0;
    for (size_t i = 0; i < c->files.n; i++) {
        gn_in *in = gn_in_open_part(c->files.f[i].path, 0, 0, e);
        if (!in)
            return -1;
        *total += gn_in_size(in);
        gn_in_close(in);
    }
    return 0;
}

int gn_csv_cut(gn_csv *c, const gn_csvranges_size *size, gn_csvranges *x, gn_err *e)
{
    scan m = {.x = x, .c = c, .size = *size, .hash = XXH3_createState()};
    int r = -1;
    if (!m.hash) {
        gn_fail(e, GN_IO, "out of memory: no hash state");
        goto done;
    }
    x->width = c->width;
    x->inferred = c->t.inferred;
    x->options = gn_csv_options_text(&c->opt, e);
    if (!x->options || gn_schema_copy(&x->columns, &c->t.schema, e) || total_size(c, &m.total, e))
        goto done;
    for (c->file = 0; c->file < c->files.n; c->file++) {
        uint64_t head;
        if (c->file && (gn_csv_start(c, e) || gn_csvtypes_check(c, e)))
            goto done;
        (void)gn_textin_close(&c->t, &head);
        if (scan_file(&m, head, e))
            goto done;
        m.base += x->file[c->file].source.size;
    }
    r = 0;
done:
    XXH3_freeState(m.hash);
    return r;
}
