/* textin.c - see textin.h. */
#include "textin.h"

#include "../base/parse.h"

#include <stdlib.h>
#include <string.h>

#define FILTER ((size_t)128 * 1024) /* bytes of room for records before a filter */

/* ---- set up ---- */

int gn_textin_init(gn_textin *t, gn_err *e)
{
    t->lineage.covered = true;
    t->hash = XXH3_createState();
    return t->hash ? 0 : gn_fail(e, GN_IO, "out of memory: no hash state");
}

void gn_textin_release(gn_textin *t)
{
    gn_in_close(t->in);
    XXH3_freeState(t->hash);
    gn_schema_release(&t->schema);
    gn_schema_release(&t->rows);
    free(t->row_field);
    gn_decoder_free(t->decoder);
    gn_buf_release(&t->block);
    free(t->project);
    gn_row_release(&t->row);
    gn_lineage_release(&t->lineage);
    memset(t, 0, sizeof *t);
}

const gn_schema *gn_textin_schema(const gn_textin *t)
{
    return &t->schema;
}

const gn_schema *gn_textin_row_schema(const gn_textin *t)
{
    return &t->rows;
}

const gn_textin_counts *gn_textin_count(const gn_textin *t)
{
    return &t->count;
}

const gn_lineage *gn_textin_lineage(const gn_textin *t)
{
    return &t->lineage;
}

int gn_textin_reject_schema(gn_schema *s, gn_err *e)
{
    return gn_schema_parse(s, "input:str,offset:int,record:int,rule:str,reason:str,raw:bin", e);
}

static int add_row_field(gn_textin *t, int field, gn_err *e)
{
    const gn_field *f = &t->schema.f[field];
    t->row_field[t->rows.n] = field;
    return gn_schema_add(&t->rows, f->name, strlen(f->name), f->type, e);
}

int gn_textin_select(gn_textin *t, const int *field, size_t n, const int *also, size_t nalso,
                     gn_err *e)
{
    gn_schema_release(&t->rows);
    free(t->row_field);
    if (!(t->row_field = gn_alloc(n + nalso, sizeof *t->row_field, e)))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (add_row_field(t, field[i], e))
            return -1;
    t->nselected = n;
    for (size_t i = 0; i < nalso; i++)
        if (gn_schema_find(&t->rows, t->schema.f[also[i]].name) < 0 && add_row_field(t, also[i], e))
            return -1;
    return t->select(t, e);
}

int gn_textin_select_all(gn_textin *t, gn_err *e)
{
    int *all = gn_alloc(t->schema.n, sizeof *all, e);
    if (!all)
        return -1;
    for (size_t i = 0; i < t->schema.n; i++)
        all[i] = (int)i;
    int r = gn_textin_select(t, all, t->schema.n, NULL, 0, e);
    free(all);
    return r;
}

gn_decoder *gn_textin_filter(gn_textin *t, gn_textin_keep *keep, void *ctx, gn_err *e)
{
    t->decoder = gn_decoder_new(&t->rows, true, e);
    t->project = gn_calloc(t->nselected, sizeof *t->project, e);
    if (!t->decoder || !t->project)
        return NULL;
    for (size_t i = 0; i < t->nselected; i++) {
        t->project[i] = (int)i;
        if (t->rows.n > t->nselected && gn_decoder_want(t->decoder, (int)i, GN_RAW, e))
            return NULL;
    }
    t->keep = keep;
    t->keep_ctx = ctx;
    return t->decoder;
}

/* ---- input ---- */

const char *gn_textin_name(const gn_textin *t)
{
    return gn_in_name(t->in);
}

size_t gn_textin_have(const gn_textin *t)
{
    return (size_t)(gn_in_end(t->in) - gn_in_begin(t->in));
}

int gn_textin_more(gn_textin *t, gn_err *e)
{
    if (t->eof)
        return 0;
    /* Readers hold rows to their limit; this only has to be more than they can ask for. */
    int r = gn_in_more(t->in, t->max_window, e);
    t->eof = r == 0;
    return r;
}

void gn_textin_patience(gn_textin *t, int ms)
{
    t->patience = ms;
}

int gn_textin_more_rows(gn_textin *t, gn_err *e)
{
    if (t->patience && t->w && !t->eof && !gn_in_ready(t->in, t->patience) &&
        (gn_textin_commit(t, e) || gn_writer_flush(t->w, e)))
        return -1;
    return gn_textin_more(t, e);
}

void gn_textin_consume(gn_textin *t, size_t n)
{
    const uint8_t *p = gn_in_begin(t->in);
    gn_xxh3_128_update(t->hash, p, n);
    gn_in_consume(t->in, p + n);
}

/* The input was opened, from its beginning or elsewhere. */
static int begin(gn_textin *t, uint64_t line, gn_err *e)
{
    if (!t->in)
        return -1;
    t->eof = false;
    t->line = line;
    (void)XXH3_128bits_reset(t->hash);
    while (gn_in_offset(t->in) == 0 && gn_textin_have(t) < 3) {
        int r = gn_textin_more(t, e);
        if (r <= 0)
            return r;
    }
    if (gn_in_offset(t->in) == 0 && memcmp(gn_in_begin(t->in), "\xef\xbb\xbf", 3) == 0)
        gn_textin_consume(t, 3);
    return 0;
}

int gn_textin_start(gn_textin *t, const char *path, gn_err *e)
{
    t->in = gn_in_open(path, true, e);
    return begin(t, 1, e);
}

int gn_textin_start_part(gn_textin *t, const char *path, uint64_t from, uint64_t to, uint64_t line,
                         gn_err *e)
{
    t->in = gn_in_open_part(path, from, to, e);
    return begin(t, line, e);
}

gn_id gn_textin_close(gn_textin *t, uint64_t *end)
{
    *end = gn_in_offset(t->in);
    gn_in_close(t->in);
    t->in = NULL;
    return gn_id_from(XXH3_128bits_digest(t->hash));
}

int gn_textin_end(gn_textin *t, gn_err *e)
{
    gn_source s = {0};
    s.id = gn_textin_close(t, &s.size);
    t->count.bytes += s.size;
    gn_cover cover = {.source = s.id, .lo = 0, .hi = s.size, .hlo = 0, .hhi = UINT64_MAX};
    if (gn_lineage_add_source(&t->lineage, s, e))
        return -1;
    return gn_lineage_add_cover(&t->lineage, cover, e);
}

/* ---- records ---- */

static int filter(gn_textin *t, gn_err *e)
{
    const uint8_t *p = t->block.p, *end = t->out;
    memset(t->out, 0, GN_SLACK);
    while (p < end) {
        gn_batch *b;
        const char *bad = "";
        const uint8_t *next;
        enum gn_decode d = gn_decoder_run(t->decoder, p, end, GN_BATCH, &b, &next, &bad, e);
        if (d != GN_DECODE_OK)
            return gn_fail(e, GN_BUG, "a record just made cannot be read: %s", bad);
        uint8_t keep[GN_BATCH];
        size_t n;
        if (t->keep(t->keep_ctx, b, keep, &n, e))
            return -1;
        t->count.filtered += b->n - n;
        t->count.written += n;
        if (n) {
            int r = t->rows.n > t->nselected
                        ? gn_writer_project(t->w, b, t->project, t->nselected, keep, e)
                        : gn_writer_select(t->w, b, keep, e);
            if (r)
                return -1;
        }
        p = next;
    }
    return 0;
}

int gn_textin_commit(gn_textin *t, gn_err *e)
{
    int r = 0;
    if (t->nout && t->keep) {
        r = filter(t, e);
    } else if (t->nout) {
        r = gn_writer_commit(t->w, t->out, t->nout, e);
        t->count.written += t->nout;
    }
    t->out = t->limit = NULL;
    t->nout = 0;
    return r;
}

int gn_textin_room(gn_textin *t, size_t bytes, gn_err *e)
{
    if ((size_t)(t->limit - t->out) >= bytes)
        return 0;
    if (gn_textin_commit(t, e))
        return -1;
    size_t size = t->keep ? FILTER : t->group;
    if (size < bytes)
        size = bytes;
    if (t->keep) {
        t->block.n = 0;
        if (gn_buf_reserve(&t->block, size + GN_SLACK, e))
            return -1;
        t->out = t->block.p;
    } else if (!(t->out = gn_writer_reserve(t->w, size, e))) {
        return -1;
    }
    t->limit = t->out + size;
    return 0;
}

/* ---- bad rows ---- */

static int reject(gn_textin *t, size_t at, size_t body, const gn_textin_bad *b, gn_err *e)
{
    gn_buf text = {0};
    const char *input = gn_textin_name(t);
    gn_row *o = &t->row;
    int bad = b->field ? gn_buf_printf(&text, e, "%s '%s': %s", t->item, b->field, b->reason)
                       : gn_buf_printf(&text, e, "%s", b->reason);
    bad = bad || gn_row_begin(o, 6, e) ||
          gn_row_str(o, input, gn_utf8_valid(input, strlen(input)), e) ||
          gn_row_int(o, (int64_t)(gn_in_offset(t->in) + at), e) ||
          gn_row_int(o, (int64_t)t->line, e) || gn_row_str(o, b->rule, strlen(b->rule), e) ||
          gn_row_str(o, (const char *)text.p, text.n, e) ||
          gn_row_bin(o, gn_in_begin(t->in) + at, body, e) || gn_row_write(o, t->rejects, e);
    gn_buf_release(&text);
    return bad ? -1 : 0;
}

int gn_textin_bad_row(gn_textin *t, size_t at, size_t body, const gn_textin_bad *b, gn_err *e)
{
    switch (t->on_error) {
    case GN_TEXTIN_SKIP:
        t->count.skipped++;
        return 0;
    case GN_TEXTIN_REJECT:
        t->count.rejected++;
        return reject(t, at, body, b, e);
    case GN_TEXTIN_FAIL:
        break;
    }
    if (b->field)
        return gn_fail(e, GN_INPUT, "'%s': line %llu, %s '%s': %s%s", gn_textin_name(t),
                       (unsigned long long)t->line, t->item, b->field, b->reason, b->hint);
    return gn_fail(e, GN_INPUT, "'%s': line %llu: %s%s", gn_textin_name(t),
                   (unsigned long long)t->line, b->reason, b->hint);
}

int gn_textin_finish(gn_textin *t, gn_err *e)
{
    if (gn_textin_commit(t, e))
        return -1;
    const gn_textin_counts *n = &t->count;
    const uint64_t known = n->written + n->rejected + n->skipped + n->filtered;
    if (n->read != known)
        return gn_fail(e, GN_BUG, "rows are lost: %llu read, %llu accounted for",
                       (unsigned long long)n->read, (unsigned long long)known);
    return 0;
}

const char *gn_textin_not(gn_type type, const char *bin)
{
    static const char *const what[] = {[GN_STR] = "",
                                       [GN_INT] = "not an int",
                                       [GN_FLOAT] = "not a float",
                                       [GN_BOOL] = "not a bool",
                                       [GN_TIME] = "not a time",
                                       [GN_DATE] = "not a date"};
    return type == GN_BIN ? bin : what[type];
}
