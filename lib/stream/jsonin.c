/* jsonin.c - see jsonin.h. The driver: files, lines, bad lines, and where the records go. */
#include "jsonin_priv.h"

#include "../base/parse.h"
#include "../io/mp.h"
#include "csv.h"

#include <stdlib.h>
#include <string.h>

#define GROUP ((size_t)64 * 1024)   /* bytes of room for records made at a time */
#define FILTER ((size_t)128 * 1024) /* the same before a filter */

/* ---- input ---- */

int gn_jsonin_more(gn_jsonin *j, gn_err *e)
{
    if (j->eof)
        return 0;
    /* Lines are held to max_record below; this only has to be more than can be asked for. */
    int r = gn_in_more(j->in, j->max_record + GN_JSONIN_SAMPLE + 2 * GN_IO_BLOCK, e);
    j->eof = r == 0;
    return r;
}

static void consume(gn_jsonin *j, size_t n)
{
    const uint8_t *p = gn_in_begin(j->in);
    gn_xxh3_128_update(j->hash, p, n);
    gn_in_consume(j->in, p + n);
}

ssize_t gn_jsonin_line(gn_jsonin *j, size_t at, bool peek, size_t *body, gn_err *e)
{
    for (size_t from = 0;;) {
        const uint8_t *p = gn_in_begin(j->in) + at;
        size_t have = (size_t)(gn_in_end(j->in) - p);
        const uint8_t *lf = memchr(p + from, '\n', have - from);
        size_t n = lf ? (size_t)(lf - p) : have;
        if (n > j->max_record) {
            unsigned long long line = j->line;
            for (const uint8_t *q = gn_in_begin(j->in); q < p; q++)
                line += *q == '\n';
            return gn_fail(e, GN_INPUT,
                           "'%s': line %llu: longer than %zu bytes (give more with --max-record)",
                           gn_in_name(j->in), line, j->max_record);
        }
        if (lf || j->eof) {
            *body = n - (n && p[n - 1] == '\r');
            return (ssize_t)(n + (lf != NULL));
        }
        if (peek)
            return 0;
        from = have;
        if (gn_jsonin_more(j, e) < 0)
            return -1;
    }
}

/* Open the current file and pass over its byte order mark. */
static int start_file(gn_jsonin *j, gn_err *e)
{
    j->eof = false;
    j->line = 1;
    j->in = gn_in_open(j->npaths ? j->path_list[j->file] : NULL, true, e);
    if (!j->in)
        return -1;
    (void)XXH3_128bits_reset(j->hash);
    while (gn_in_end(j->in) - gn_in_begin(j->in) < 3) {
        int r = gn_jsonin_more(j, e);
        if (r < 0)
            return -1;
        if (r == 0)
            return 0;
    }
    if (memcmp(gn_in_begin(j->in), "\xef\xbb\xbf", 3) == 0)
        consume(j, 3);
    return 0;
}

static int end_file(gn_jsonin *j, gn_err *e)
{
    gn_source s = {.id = gn_id_from(XXH3_128bits_digest(j->hash)), .size = gn_in_offset(j->in)};
    gn_cover cover = {.source = s.id, .lo = 0, .hi = s.size, .hlo = 0, .hhi = UINT64_MAX};
    j->count.bytes += s.size;
    gn_in_close(j->in);
    j->in = NULL;
    if (gn_lineage_add_source(&j->lineage, s, e))
        return -1;
    return gn_lineage_add_cover(&j->lineage, cover, e);
}

/* ---- set up ---- */

gn_jsonin *gn_jsonin_open(const char *const *paths, size_t n, const gn_jsonin_options *o, gn_err *e)
{
    gn_jsonin *j = gn_calloc(1, sizeof *j, e);
    if (!j)
        return NULL;
    j->opt = *o;
    j->max_record = o->max_record ? o->max_record : GN_MAX_RECORD;
    j->path_list = paths;
    j->npaths = n;
    j->lineage.covered = true;
    int *all = NULL;
    if (!(j->hash = XXH3_createState())) {
        gn_fail(e, GN_IO, "out of memory: no hash state");
        goto fail;
    }
    if (start_file(j, e) || gn_jsonin_decide(j, e) ||
        !(all = gn_alloc(j->schema.n, sizeof *all, e)))
        goto fail;
    for (size_t i = 0; i < j->schema.n; i++)
        all[i] = (int)i;
    if (gn_jsonin_select(j, all, j->schema.n, NULL, 0, e))
        goto fail;
    free(all);
    return j;
fail:
    free(all);
    gn_jsonin_close(j);
    return NULL;
}

void gn_jsonin_close(gn_jsonin *j)
{
    if (!j)
        return;
    gn_in_close(j->in);
    XXH3_freeState(j->hash);
    gn_schema_release(&j->schema);
    gn_schema_release(&j->rows);
    gn_jsonpaths_release(&j->paths);
    free(j->col_of);
    free(j->cell);
    gn_buf_release(&j->path);
    gn_buf_release(&j->text);
    gn_buf_release(&j->mended);
    gn_buf_release(&j->string);
    gn_decoder_free(j->decoder);
    gn_buf_release(&j->block);
    free(j->project);
    gn_row_release(&j->row);
    gn_lineage_release(&j->lineage);
    free(j);
}

const gn_schema *gn_jsonin_schema(const gn_jsonin *j)
{
    return &j->schema;
}

const gn_schema *gn_jsonin_row_schema(const gn_jsonin *j)
{
    return &j->rows;
}

const gn_jsonin_counts *gn_jsonin_count(const gn_jsonin *j)
{
    return &j->count;
}

const gn_lineage *gn_jsonin_lineage(const gn_jsonin *j)
{
    return &j->lineage;
}

int gn_jsonin_reject_schema(gn_schema *s, gn_err *e)
{
    return gn_csv_reject_schema(s, e);
}

static int add_col(gn_jsonin *j, int field, gn_err *e)
{
    const gn_field *f = &j->schema.f[field];
    j->col_of[field] = (int)j->rows.n;
    return gn_schema_add(&j->rows, f->name, strlen(f->name), f->type, e);
}

int gn_jsonin_select(gn_jsonin *j, const int *field, size_t n, const int *also, size_t nalso,
                     gn_err *e)
{
    gn_schema_release(&j->rows);
    free(j->col_of);
    free(j->cell);
    j->col_of = gn_alloc(j->schema.n, sizeof *j->col_of, e);
    j->cell = gn_calloc(n + nalso, sizeof *j->cell, e);
    if (!j->col_of || !j->cell)
        return -1;
    for (size_t i = 0; i < j->schema.n; i++)
        j->col_of[i] = -1;
    for (size_t i = 0; i < n; i++)
        if (add_col(j, field[i], e))
            return -1;
    j->nselected = n;
    for (size_t i = 0; i < nalso; i++)
        if (j->col_of[also[i]] < 0 && add_col(j, also[i], e))
            return -1;
    return 0;
}

gn_decoder *gn_jsonin_filter(gn_jsonin *j, gn_jsonin_keep *keep, void *ctx, gn_err *e)
{
    j->decoder = gn_decoder_new(&j->rows, true, e);
    j->project = gn_calloc(j->nselected, sizeof *j->project, e);
    if (!j->decoder || !j->project)
        return NULL;
    for (size_t i = 0; i < j->nselected; i++) {
        j->project[i] = (int)i;
        if (j->rows.n > j->nselected && gn_decoder_want(j->decoder, (int)i, GN_RAW, e))
            return NULL;
    }
    j->keep = keep;
    j->keep_ctx = ctx;
    return j->decoder;
}

/* ---- output ---- */

static int filter(gn_jsonin *j, gn_err *e)
{
    const uint8_t *p = j->block.p, *end = j->out;
    memset(j->out, 0, GN_SLACK);
    while (p < end) {
        gn_batch *b;
        const char *bad = "";
        const uint8_t *next;
        enum gn_decode d = gn_decoder_run(j->decoder, p, end, GN_BATCH, &b, &next, &bad, e);
        if (d != GN_DECODE_OK)
            return gn_fail(e, GN_BUG, "a record just made cannot be read: %s", bad);
        uint8_t keep[GN_BATCH];
        size_t n;
        if (j->keep(j->keep_ctx, b, keep, &n, e))
            return -1;
        j->count.filtered += b->n - n;
        j->count.written += n;
        if (n) {
            int r = j->rows.n > j->nselected
                        ? gn_writer_project(j->w, b, j->project, j->nselected, keep, e)
                        : gn_writer_select(j->w, b, keep, e);
            if (r)
                return -1;
        }
        p = next;
    }
    return 0;
}

/* Hand over the records made so far. */
static int commit(gn_jsonin *j, gn_err *e)
{
    int r = 0;
    if (j->nout && j->keep) {
        r = filter(j, e);
    } else if (j->nout) {
        r = gn_writer_commit(j->w, j->out, j->nout, e);
        j->count.written += j->nout;
    }
    j->out = j->limit = NULL;
    j->nout = 0;
    return r;
}

/* Room for `bytes` at j->out. */
static int make_room(gn_jsonin *j, size_t bytes, gn_err *e)
{
    if ((size_t)(j->limit - j->out) >= bytes)
        return 0;
    if (commit(j, e))
        return -1;
    size_t size = j->keep ? FILTER : GROUP;
    if (size < bytes)
        size = bytes;
    if (j->keep) {
        j->block.n = 0;
        if (gn_buf_reserve(&j->block, size + GN_SLACK, e))
            return -1;
        j->out = j->block.p;
    } else if (!(j->out = gn_writer_reserve(j->w, size, e))) {
        return -1;
    }
    j->limit = j->out + size;
    return 0;
}

/* ---- bad lines ---- */

typedef struct complaint {
    const char *rule, *reason, *hint;
    const char *field; /* NULL: none */
} complaint;

static int bad_line(gn_jsonin *j, size_t at, size_t body, const complaint *c, gn_err *e)
{
    const char *input = gn_in_name(j->in);
    if (j->opt.on_error == GN_JSONIN_SKIP) {
        j->count.skipped++;
        return 0;
    }
    if (j->opt.on_error == GN_JSONIN_FAIL)
        return gn_fail(e, GN_INPUT, "'%s': line %llu%s%s%s: %s%s", input,
                       (unsigned long long)j->line, c->field ? ", key '" : "",
                       c->field ? c->field : "", c->field ? "'" : "", c->reason, c->hint);
    j->count.rejected++;
    gn_buf text = {0};
    gn_row *o = &j->row;
    int bad = c->field ? gn_buf_printf(&text, e, "key '%s': %s", c->field, c->reason)
                       : gn_buf_printf(&text, e, "%s", c->reason);
    bad = bad || gn_row_begin(o, 6, e) ||
          gn_row_str(o, input, gn_utf8_valid(input, strlen(input)), e) ||
          gn_row_int(o, (int64_t)(gn_in_offset(j->in) + at), e) ||
          gn_row_int(o, (int64_t)j->line, e) || gn_row_str(o, c->rule, strlen(c->rule), e) ||
          gn_row_str(o, (const char *)text.p, text.n, e) ||
          gn_row_bin(o, gn_in_begin(j->in) + at, body, e) || gn_row_write(o, j->rejects, e);
    gn_buf_release(&text);
    return bad ? -1 : 0;
}

static complaint wrong_type(const gn_jsonin *j, const gn_jsoncell *cell, size_t col)
{
    static const char *const what[] = {[GN_STR] = "",
                                       [GN_INT] = "not an int",
                                       [GN_FLOAT] = "not a float",
                                       [GN_BOOL] = "not a bool",
                                       [GN_TIME] = "not a time",
                                       [GN_DATE] = "not a date",
                                       [GN_BIN] = "not Base64"};
    const gn_field *f = &j->rows.f[col];
    complaint c = {.rule = "type", .reason = what[f->type], .hint = "", .field = f->name};
    if (f->type == GN_STR && json_is_string(cell->v)) {
        c.rule = "text";
        c.reason = "holds a NUL";
        c.hint = " (--invalid-utf8 replace takes it)";
    } else if (j->inferred) {
        c.hint = " (the type was inferred from the first lines: give another with --schema "
                 "name:type,...)";
    }
    return c;
}

/* ---- one line ---- */

/* Put the values of an object into their cells. 1: a field is there twice. Goes as deep as names
 * have dots. */
static int scatter(gn_jsonin *j, json_t *object, size_t prefix, complaint *c, gn_err *e)
{
    const char *key;
    json_t *v;
    json_object_foreach(object, key, v)
    {
        if (gn_jsonin_push(j, prefix, key, e))
            return -1;
        const gn_jsonpath *p =
            gn_jsonpaths_find(&j->paths, (const char *)j->path.p, j->path.n, false, e);
        if (p && p->inner && json_is_object(v)) {
            int r = scatter(j, v, j->path.n, c, e);
            if (r)
                return r;
            continue;
        }
        if (!p || p->field < 0) {
            j->count.extra += !(p && json_is_null(v)); /* null is an object that is not there */
            continue;
        }
        int col = j->col_of[p->field];
        if (col < 0 || json_is_null(v))
            continue;
        if (j->cell[col].v) {
            *c = (complaint){"duplicate_key", "is there twice", "", j->rows.f[col].name};
            return 1;
        }
        j->cell[col].v = v;
    }
    return 0;
}

/* Encode the cells. 1: a value is not of its type. */
static int encode(gn_jsonin *j, const gn_jsonline *l, complaint *c, gn_err *e)
{
    size_t bytes = GN_MP_HEAD;
    for (size_t i = 0; i < j->rows.n; i++) {
        gn_jsoncell *x = &j->cell[i];
        if (x->v && j->rows.f[i].type == GN_STR && gn_jsonin_dumps(l, x->v)) {
            x->at = j->text.n;
            int r = gn_jsonin_dump(&j->text, l, x->v, e);
            if (r > 0)
                *c = (complaint){"json", "nested too deep", "", j->rows.f[i].name};
            if (r)
                return r;
            x->n = j->text.n - x->at;
            x->dumped = true;
        }
        bytes += gn_jsonin_room(x);
    }
    if (make_room(j, bytes, e))
        return -1;
    uint8_t *o = gn_mp_array_head(j->out, j->rows.n);
    for (size_t i = 0; i < j->rows.n; i++) {
        o = gn_jsonin_put(j, j->rows.f[i].type, l, &j->cell[i], o, e);
        if (!o && e->status)
            return -1;
        if (!o) {
            *c = wrong_type(j, &j->cell[i], i);
            return 1;
        }
    }
    j->out = o;
    j->nout++;
    return 0;
}

bool gn_jsonin_blank(const uint8_t *p, size_t n)
{
    while (n && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r'))
        n--;
    return n == 0;
}

/* Deal with the line of `body` bytes that is `at` bytes into the window. */
static int one_line(gn_jsonin *j, size_t at, size_t body, gn_err *e)
{
    gn_jsonline l;
    complaint c;
    if (gn_jsonin_blank(gn_in_begin(j->in) + at, body)) {
        j->count.empty++;
        return 0;
    }
    j->count.read++;
    if (gn_jsonin_parse(j, gn_in_begin(j->in) + at, body, &l, e))
        return -1;
    if (!l.root) {
        c = (complaint){l.rule, l.reason, l.hint, NULL};
        return bad_line(j, at, body, &c, e);
    }
    memset(j->cell, 0, j->rows.n * sizeof *j->cell);
    uint64_t extra = j->count.extra;
    int r = scatter(j, l.root, 0, &c, e);
    if (r == 0)
        r = encode(j, &l, &c, e);
    json_decref(l.root);
    if (r <= 0)
        return r;
    j->count.extra = extra;
    return bad_line(j, at, body, &c, e);
}

static int read_file(gn_jsonin *j, gn_err *e)
{
    for (;;) {
        /* All whole lines of the window, then one that needs more of it. */
        size_t at = 0, body;
        ssize_t n;
        while ((n = gn_jsonin_line(j, at, true, &body, e)) > 0) {
            if (one_line(j, at, body, e))
                return -1;
            at += (size_t)n;
            j->line++;
        }
        if (n < 0)
            return -1;
        consume(j, at);
        n = gn_jsonin_line(j, 0, false, &body, e);
        if (n <= 0)
            return (int)n;
    }
}

int gn_jsonin_run(gn_jsonin *j, gn_writer *w, gn_writer *rejects, gn_err *e)
{
    const size_t files = j->npaths ? j->npaths : 1;
    j->w = w;
    j->rejects = rejects;
    for (j->file = 0; j->file < files; j->file++) {
        /* The first one was opened at the beginning. */
        if ((j->file && start_file(j, e)) || read_file(j, e) || end_file(j, e))
            return -1;
    }
    if (commit(j, e))
        return -1;
    const gn_jsonin_counts *n = &j->count;
    if (n->read != n->written + n->rejected + n->skipped + n->filtered)
        return gn_fail(e, GN_BUG, "lines are lost: %llu read, %llu accounted for",
                       (unsigned long long)n->read,
                       (unsigned long long)(n->written + n->rejected + n->skipped + n->filtered));
    return 0;
}
