/* csv.c - see csv.h. The driver: files, blocks, bad rows, and where the records go.
 *
 * The window of unread bytes is taken in blocks that stay in the processor's cache between being
 * split, encoded and hashed. The row at the end of the window that is not all there yet waits for
 * the next read. */
#include "csvpriv.h"

#include "../base/parse.h"
#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)32 * 1024)   /* bytes of a block */
#define GROUP ((size_t)32 * 1024)   /* bytes of room for records made at a time */
#define FILTER ((size_t)128 * 1024) /* the same before a filter */
#define ROOM_OF_FIELD 15            /* what a field may take beyond the length of its text */

/* ---- set up ---- */

static int check_options(const gn_csv_options *o, gn_err *e)
{
    char d = o->delimiter;
    if (d == 0 || d == '"' || d == '\r' || d == '\n' || (unsigned char)d > 0x7e)
        return gn_fail(e, GN_USAGE,
                       "a delimiter is one ASCII character, but not a quote, CR, LF or NUL");
    if (o->no_header && !o->schema)
        return gn_fail(e, GN_USAGE, "without a header the columns must be named (--schema)");
    return 0;
}

/* What does not depend on the columns. */
static int set_up(gn_csv *c, const char *const *paths, size_t n, gn_err *e)
{
    c->max_record = c->opt.max_record ? c->opt.max_record : GN_MAX_RECORD;
    c->chunk = c->max_record < CHUNK ? c->max_record : CHUNK;
    if (check_options(&c->opt, e) || gn_csvsplit_choose(&c->split, c->opt.simd, e))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (gn_tree_add(&c->files, paths[i], GN_TREE_CSV, e))
            return -1;
    if (n == 0 && gn_tree_add(&c->files, "-", GN_TREE_CSV, e))
        return -1;
    c->hash = XXH3_createState();
    if (!c->hash)
        return gn_fail(e, GN_IO, "out of memory: no hash state");
    size_t list = c->chunk + GN_CSVSPLIT_PAD;
    c->sep = gn_alloc(1 + list + GN_FIELDS_MAX, sizeof *c->sep, e);
    c->nl = gn_alloc(list, sizeof *c->nl, e);
    c->odd = gn_alloc(list, sizeof *c->odd, e);
    c->calendar = gn_alloc(1, sizeof *c->calendar, e);
    if (!c->sep || !c->nl || !c->odd || !c->calendar)
        return -1;
    gn_csvcalendar_init(c->calendar);
    return gn_csvrow_init(c, e);
}

gn_csv *gn_csv_open(const char *const *paths, size_t n, const gn_csv_options *o, gn_err *e)
{
    gn_csv *c = gn_calloc(1, sizeof *c, e);
    if (!c)
        return NULL;
    c->opt = *o;
    c->lineage.covered = true;
    if (set_up(c, paths, n, e) || gn_csv_start(c, e) || gn_csvtypes_decide(c, e))
        goto fail;
    int all[GN_FIELDS_MAX];
    for (size_t i = 0; i < c->schema.n; i++)
        all[i] = (int)i;
    if (gn_csv_select(c, all, c->schema.n, NULL, 0, e))
        goto fail;
    return c;
fail:
    gn_csv_close(c);
    return NULL;
}

void gn_csv_close(gn_csv *c)
{
    if (!c)
        return;
    gn_tree_release(&c->files);
    gn_in_close(c->in);
    XXH3_freeState(c->hash);
    gn_schema_release(&c->schema);
    gn_schema_release(&c->rows);
    free(c->col);
    free(c->col_field);
    free(c->step);
    free(c->calendar);
    gn_buf_release(&c->fixed);
    free(c->sep);
    free(c->nl);
    free(c->odd);
    if (c->csv_ready)
        csv_free(&c->csv);
    free(c->span);
    gn_buf_release(&c->text);
    gn_buf_release(&c->fixed_text);
    gn_decoder_free(c->decoder);
    gn_buf_release(&c->block);
    free(c->project);
    gn_row_release(&c->row);
    gn_lineage_release(&c->lineage);
    free(c);
}

const gn_schema *gn_csv_schema(const gn_csv *c)
{
    return &c->schema;
}

bool gn_csv_inferred(const gn_csv *c)
{
    return c->inferred;
}

const gn_schema *gn_csv_row_schema(const gn_csv *c)
{
    return &c->rows;
}

const gn_csv_counts *gn_csv_count(const gn_csv *c)
{
    return &c->count;
}

const gn_lineage *gn_csv_lineage(const gn_csv *c)
{
    return &c->lineage;
}

static int add_col(gn_csv *c, int field, gn_err *e)
{
    const gn_field *f = &c->schema.f[field];
    size_t at = c->rows.n;
    if (gn_schema_add(&c->rows, f->name, strlen(f->name), f->type, e))
        return -1;
    static const enum gn_csvkind kinds[] = {
        [GN_STR] = GN_CSV_S,      [GN_INT] = GN_CSV_I,  [GN_FLOAT] = GN_CSV_OTHER,
        [GN_BOOL] = GN_CSV_OTHER, [GN_TIME] = GN_CSV_T, [GN_DATE] = GN_CSV_D,
        [GN_BIN] = GN_CSV_OTHER,
    };
    gn_csvcol *col = &c->col[at];
    *col = (gn_csvcol){.type = f->type, .kind = kinds[f->type], .src = (uint32_t)field};
    if (col->kind == GN_CSV_T && c->opt.zone && !gn_zone_is_utc(c->opt.zone))
        col->kind = GN_CSV_ZONED;
    if ((size_t)field >= c->width)
        *col = (gn_csvcol){.type = f->type, .kind = GN_CSV_CONSTANT};
    c->col_field[at] = field;
    return 0;
}

int gn_csv_select(gn_csv *c, const int *field, size_t n, const int *also, size_t nalso, gn_err *e)
{
    gn_schema_release(&c->rows);
    free(c->col);
    free(c->col_field);
    free(c->step);
    c->col_field = NULL;
    c->step = gn_calloc(2 * (n + nalso), sizeof *c->step, e);
    c->col = gn_calloc(n + nalso, sizeof *c->col, e);
    c->col_field = gn_calloc(n + nalso, sizeof *c->col_field, e);
    if (!c->col || !c->col_field || !c->step)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (add_col(c, field[i], e))
            return -1;
    c->nselected = n;
    for (size_t i = 0; i < nalso; i++)
        if (gn_schema_find(&c->rows, c->schema.f[also[i]].name) < 0 && add_col(c, also[i], e))
            return -1;
    return 0;
}

gn_decoder *gn_csv_filter(gn_csv *c, gn_csv_keep *keep, void *ctx, gn_err *e)
{
    c->decoder = gn_decoder_new(&c->rows, true, e);
    c->project = gn_calloc(c->nselected, sizeof *c->project, e);
    if (!c->decoder || !c->project)
        return NULL;
    for (size_t i = 0; i < c->nselected; i++) {
        c->project[i] = (int)i;
        if (c->rows.n > c->nselected && gn_decoder_want(c->decoder, (int)i, GN_RAW, e))
            return NULL;
    }
    c->keep = keep;
    c->keep_ctx = ctx;
    return c->decoder;
}

int gn_csv_reject_schema(gn_schema *s, gn_err *e)
{
    return gn_schema_parse(s, "input:str,offset:int,record:int,rule:str,reason:str,raw:bin", e);
}

/* ---- input ---- */

const char *gn_csv_name(const gn_csv *c)
{
    return gn_in_name(c->in);
}

int gn_csv_more(gn_csv *c, gn_err *e)
{
    if (c->eof)
        return 0;
    /* Rows are held to max_record in csvrow.c; this only has to be more than can be asked for. */
    int r = gn_in_more(c->in, c->max_record + GN_CSV_SAMPLE + 2 * c->chunk, e);
    c->eof = r == 0;
    return r;
}

void gn_csv_consume(gn_csv *c, size_t n)
{
    const uint8_t *p = gn_in_begin(c->in);
    gn_xxh3_128_update(c->hash, p, n);
    gn_in_consume(c->in, p + n);
}

int gn_csv_start(gn_csv *c, gn_err *e)
{
    c->eof = false;
    c->line = 1;
    c->in = gn_in_open(c->files.f[c->file].path, true, e);
    if (!c->in)
        return -1;
    (void)XXH3_128bits_reset(c->hash);
    size_t have;
    while ((have = (size_t)(gn_in_end(c->in) - gn_in_begin(c->in))) < 3) {
        int r = gn_csv_more(c, e);
        if (r < 0)
            return -1;
        if (r == 0)
            break;
    }
    if (have >= 3 && memcmp(gn_in_begin(c->in), "\xef\xbb\xbf", 3) == 0) {
        gn_csv_consume(c, 3);
        have -= 3;
        if (have == 0) {
            int r = gn_csv_more(c, e);
            if (r < 0)
                return -1;
            have = (size_t)r;
        }
    }
    if (have == 0)
        return gn_fail(e, GN_INPUT, "'%s': is empty: not even a header row", gn_csv_name(c));
    return 0;
}

static int end_file(gn_csv *c, gn_err *e)
{
    gn_source s = {.id = gn_id_from(XXH3_128bits_digest(c->hash)), .size = gn_in_offset(c->in)};
    gn_cover cover = {.source = s.id, .lo = 0, .hi = s.size, .hlo = 0, .hhi = UINT64_MAX};
    c->count.bytes += s.size;
    gn_in_close(c->in);
    c->in = NULL;
    if (gn_lineage_add_source(&c->lineage, s, e))
        return -1;
    return gn_lineage_add_cover(&c->lineage, cover, e);
}

/* ---- output ---- */

static int filter(gn_csv *c, gn_err *e)
{
    const uint8_t *p = c->block.p, *end = c->out;
    memset(c->out, 0, GN_SLACK);
    while (p < end) {
        gn_batch *b;
        const char *bad = "";
        const uint8_t *next;
        enum gn_decode d = gn_decoder_run(c->decoder, p, end, GN_BATCH, &b, &next, &bad, e);
        if (d != GN_DECODE_OK)
            return gn_fail(e, GN_BUG, "a record just made cannot be read: %s", bad);
        uint8_t keep[GN_BATCH];
        size_t n;
        if (c->keep(c->keep_ctx, b, keep, &n, e))
            return -1;
        c->count.filtered += b->n - n;
        c->count.written += n;
        if (n) {
            int r = c->rows.n > c->nselected
                        ? gn_writer_project(c->w, b, c->project, c->nselected, keep, e)
                        : gn_writer_select(c->w, b, keep, e);
            if (r)
                return -1;
        }
        p = next;
    }
    return 0;
}

/* Hand over the records made so far. */
static int commit(gn_csv *c, gn_err *e)
{
    int r = 0;
    if (c->nout) {
        if (c->keep) {
            r = filter(c, e);
        } else {
            r = gn_writer_commit(c->w, c->out, c->nout, e);
            c->count.written += c->nout;
        }
    }
    c->out = c->limit = NULL;
    c->nout = 0;
    return r;
}

/* Room for `bytes` at c->out. */
static int make_room(gn_csv *c, size_t bytes, gn_err *e)
{
    if ((size_t)(c->limit - c->out) >= bytes)
        return 0;
    if (commit(c, e))
        return -1;
    size_t size = c->keep ? FILTER : GROUP;
    if (size < bytes)
        size = bytes;
    if (c->keep) {
        c->block.n = 0;
        if (gn_buf_reserve(&c->block, size + GN_SLACK, e))
            return -1;
        c->out = c->block.p;
    } else {
        c->out = gn_writer_reserve(c->w, size, e);
        if (!c->out)
            return -1;
    }
    c->limit = c->out + size;
    return 0;
}

/* ---- bad rows ---- */

/* The row `at` bytes into the window breaks a rule; `col` is where (GN_FIELDS_MAX: nowhere). */
static int bad_row(gn_csv *c, size_t at, const gn_csvrow *r, const char *rule, size_t col,
                   const char *reason, const char *hint, gn_err *e)
{
    const char *name = col < c->width ? c->schema.f[col].name : NULL;
    if (c->opt.on_error == GN_CSV_SKIP) {
        c->count.skipped++;
        return 0;
    }
    if (c->opt.on_error == GN_CSV_FAIL)
        return gn_fail(e, GN_INPUT, "'%s': line %llu%s%s%s: %s%s", gn_csv_name(c),
                       (unsigned long long)c->line, name ? ", column '" : "", name ? name : "",
                       name ? "'" : "", reason, hint);
    c->count.rejected++;
    gn_buf text = {0};
    const char *input = gn_csv_name(c);
    gn_row *o = &c->row;
    int bad = name ? gn_buf_printf(&text, e, "column '%s': %s", name, reason)
                   : gn_buf_printf(&text, e, "%s", reason);
    bad = bad || gn_row_begin(o, 6, e) ||
          gn_row_str(o, input, gn_utf8_valid(input, strlen(input)), e) ||
          gn_row_int(o, (int64_t)(gn_in_offset(c->in) + at), e) ||
          gn_row_int(o, (int64_t)c->line, e) || gn_row_str(o, rule, strlen(rule), e) ||
          gn_row_str(o, (const char *)text.p, text.n, e) ||
          gn_row_bin(o, gn_in_begin(c->in) + at, r->body, e) || gn_row_write(o, c->rejects, e);
    gn_buf_release(&text);
    return bad ? -1 : 0;
}

static int ragged_row(gn_csv *c, size_t at, const gn_csvrow *r, gn_err *e)
{
    gn_buf text = {0};
    bool more = r->n > c->width;
    int bad = gn_buf_printf(&text, e, "%zu column%s instead of %zu", r->n, r->n == 1 ? "" : "s",
                            c->width);
    if (!bad && !more)
        bad = gn_buf_printf(&text, e, ", '%s' is missing", c->schema.f[r->n].name);
    if (!bad)
        bad = bad_row(c, at, r, more ? "extra_column" : "missing_column", GN_FIELDS_MAX,
                      (const char *)text.p, "", e);
    gn_buf_release(&text);
    return bad;
}

static int bad_field(gn_csv *c, size_t at, const gn_csvrow *r, size_t field, gn_err *e)
{
    gn_type t = c->schema.f[field].type;
    if (t == GN_STR)
        return bad_row(c, at, r, "text", field, "not valid UTF-8, or holds a NUL",
                       " (--invalid-utf8 replace takes it)", e);
    static const char *const what[] = {[GN_STR] = "",
                                       [GN_INT] = "not an int",
                                       [GN_FLOAT] = "not a float",
                                       [GN_BOOL] = "not a bool",
                                       [GN_TIME] = "not a time",
                                       [GN_DATE] = "not a date",
                                       [GN_BIN] = "not hexadecimal"};
    return bad_row(c, at, r, "type", field, what[t],
                   c->inferred ? " (the type was inferred from the first rows: give another with "
                                 "--schema name:type,...)"
                               : "",
                   e);
}

/* ---- one row, with all care ---- */

/* A copy of a string with what is not valid replaced by U+FFFD, one for each maximal part of a
 * sequence (as the Unicode standard recommends, chapter 3.9), so one to three bytes become three.
 */
static int replace_text(gn_csv *c, gn_csvspan *s, gn_err *e)
{
    gn_buf *b = &c->fixed_text;
    const char *p = (const char *)s->p;
    size_t n = s->n;
    b->n = 0;
    for (;;) {
        size_t good = gn_utf8_valid(p, n);
        if (gn_buf_add(b, p, good, e))
            return -1;
        p += good;
        n -= good;
        if (n == 0)
            break;
        if (gn_buf_add(b, "\xef\xbf\xbd", 3, e))
            return -1;
        /* How much of a sequence was there: as long as some continuation would make it valid. */
        size_t bad = 1;
        uint8_t first = (uint8_t)*p;
        size_t want = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : 1;
        for (; bad < want && bad < n; bad++) {
            uint8_t next = (uint8_t)p[bad];
            uint8_t lo = 0x80, hi = 0xbf;
            if (bad == 1) {
                lo = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
                hi = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
            }
            if (next < lo || next > hi)
                break;
        }
        p += bad;
        n -= bad;
    }
    s->p = b->p;
    s->n = b->n;
    return 0;
}

/* Encode the row in c->span; *field is the first field that is not of its type, or -1. */
static int encode_row(gn_csv *c, int *field, gn_err *e)
{
    size_t bytes = c->k.room;
    for (size_t i = 0; i < c->rows.n; i++)
        if (c->col[i].kind !=
            GN_CSV_CONSTANT) /* U+FFFD takes three bytes where there may have been one */
            bytes += c->span[c->col[i].src].n * (c->opt.replace_text ? 3 : 1);
    if (make_room(c, bytes, e))
        return -1;
    uint8_t *o = gn_mp_array_head(c->out, c->rows.n);
    *field = -1;
    for (size_t i = 0; i < c->rows.n; i++) {
        const gn_csvcol *col = &c->col[i];
        if (col->kind == GN_CSV_CONSTANT) {
            memcpy(o, col->fixed, col->nfixed);
            o += col->nfixed;
            continue;
        }
        gn_csvspan s = c->span[col->src];
        if (s.null) {
            o = gn_mp_nil(o);
            continue;
        }
        uint8_t *next = NULL;
        if (col->type != GN_STR || gn_utf8_valid((const char *)s.p, s.n) == s.n)
            next = gn_csvrows_value(col->type, &c->k.zone, s.p, s.n, o);
        else if (c->opt.replace_text) {
            if (replace_text(c, &s, e))
                return -1;
            next = gn_csvrows_value(col->type, &c->k.zone, s.p, s.n, o);
        }
        if (!next) {
            *field = c->col_field[i];
            return 0;
        }
        o = next;
    }
    c->out = o;
    c->nout++;
    return 0;
}

/* Deal with the row `at` bytes into the window. 1: *len bytes of it; 0: there is none; -1. */
static int one_row(gn_csv *c, size_t at, size_t *len, gn_err *e)
{
    gn_csvrow r;
    int field = -1, found = gn_csvrow_read(c, at, false, &r, e);
    if (found <= 0)
        return found;
    *len = r.len;
    if (r.empty && c->width > 1) {
        c->count.empty++;
    } else {
        c->count.read++;
        if (r.libcsv)
            c->count.libcsv++;
        else
            c->count.vector++;
        int bad = 0;
        if (r.bad)
            bad = bad_row(c, at, &r, "quote", r.n, r.bad, "", e);
        else if (r.n != c->width)
            bad = ragged_row(c, at, &r, e);
        else if (encode_row(c, &field, e))
            bad = -1;
        else if (field >= 0)
            bad = bad_field(c, at, &r, (size_t)field, e);
        if (bad)
            return -1;
    }
    c->line += r.lines;
    return 1;
}

/* ---- a block of rows ---- */

/* Split and encode the rows that end in the first n bytes of the window, and consume them. 0 when
 * there is none. */
static int block(gn_csv *c, size_t n, gn_err *e)
{
    gn_csvrows *k = &c->k;
    gn_csvindex x = {.sep = c->sep + 1, .nl = c->nl};
    const uint8_t *p = gn_in_begin(c->in);
    c->split.index(p, n, (uint8_t)c->opt.delimiter, &x);
    if (x.nnl == 0)
        return 0;
    const size_t end = (size_t)x.nl[x.nnl - 1] + 1;
    /* The loop looks one separator back and `width` ahead. */
    c->sep[0] = -1;
    memset(x.sep + x.nsep, 0xff, c->width * sizeof *x.sep);
    size_t nodd = 0, iodd = 0;
    if (x.quote || x.cr || c->opt.trim)
        nodd = c->split.odd(p, end, (uint8_t)c->opt.delimiter, c->opt.trim, c->odd);
    c->odd[nodd] = INT32_MAX;
    k->base = p;
    k->sep = x.sep;
    k->nl = x.nl;
    k->nnl = x.nnl;
    k->crlf = x.cr;
    k->check_text = x.text && gn_utf8_valid((const char *)p, end) != end;
    k->at = k->row = 0;
    for (;;) {
        const size_t row = k->row;
        k->odd = c->odd[iodd];
        k->out = c->out;
        k->limit = c->limit;
        enum gn_csvstop why = gn_csvrows_run(k);
        const size_t done = k->row - row;
        c->out = k->out;
        c->nout += done;
        c->count.read += done;
        c->count.vector += done;
        c->line += done;
        if (why == GN_CSV_ALL)
            break;
        const size_t start = gn_csvrows_start(k);
        if (why == GN_CSV_FULL) {
            if (make_room(c, k->room + ((size_t)k->nl[k->row] + 1 - start), e))
                return -1;
            continue;
        }
        size_t len;
        if (one_row(c, start, &len, e) != 1)
            return gn_fail(e, GN_BUG, "'%s': a row is lost", gn_csv_name(c));
        const size_t next = start + len;
        if (next >= end) { /* it may reach beyond the block, and the window may have moved */
            gn_csv_consume(c, next);
            return 1;
        }
        while (k->nl[k->row] < (int32_t)next)
            k->row++;
        while (k->sep[k->at] < (int32_t)next)
            k->at++;
        while (c->odd[iodd] < (int32_t)next)
            iodd++;
    }
    gn_csv_consume(c, end);
    return 1;
}

static int read_file(gn_csv *c, gn_err *e)
{
    bool waited = false; /* more was read for the row at the beginning of the window */
    for (;;) {
        size_t have = (size_t)(gn_in_end(c->in) - gn_in_begin(c->in)), len;
        int r = 0;
        if (!c->opt.libcsv && have)
            r = block(c, have < c->chunk ? have : c->chunk, e);
        if (r < 0)
            return -1;
        if (r > 0) {
            waited = false;
            continue;
        }
        /* No row ends in the block. It mostly does after one more read; a long one, a slow one
         * and the last one are taken by themselves. */
        if (!c->eof && have < c->chunk && !waited && !(c->opt.libcsv && have)) {
            if (gn_csv_more(c, e) < 0)
                return -1;
            waited = true;
            continue;
        }
        r = one_row(c, 0, &len, e);
        if (r < 0)
            return -1;
        if (r == 0)
            return 0;
        gn_csv_consume(c, len);
        waited = false;
    }
}

/* The columns from directories have one value for all of a file. */
static int fix_columns(gn_csv *c, gn_err *e)
{
    size_t bytes = 0;
    for (size_t i = 0; i < c->nkeys; i++) {
        const char *v = gn_csvtypes_key(c, c->file, i);
        bytes += (v ? strlen(v) : 0) + GN_MP_HEAD;
    }
    c->fixed.n = 0;
    if (gn_buf_reserve(&c->fixed, bytes, e))
        return -1;
    gn_csvrows *k = &c->k;
    k->room = 5;
    for (size_t i = 0; i < c->rows.n; i++) {
        gn_csvcol *col = &c->col[i];
        k->room += ROOM_OF_FIELD;
        if (col->kind != GN_CSV_CONSTANT)
            continue;
        col->fixed = c->fixed.p + c->fixed.n;
        const uint8_t *end = gn_csvtypes_put_key(c, c->file, (size_t)c->col_field[i] - c->width,
                                                 c->fixed.p + c->fixed.n);
        if (!end)
            return gn_fail(e, GN_BUG, "'%s': a value of its path is lost", gn_csv_name(c));
        col->nfixed = (uint32_t)(end - col->fixed);
        c->fixed.n += col->nfixed;
        k->room += col->nfixed;
    }
    k->step = c->step;
    k->nstep = gn_csvrows_plan(c->col, c->rows.n, 1, c->step);
    k->fused = c->step + k->nstep;
    k->nfused = gn_csvrows_plan(c->col, c->rows.n, 3, c->step + k->nstep);
    k->calendar = c->calendar;
    k->ncol = c->rows.n;
    k->width = c->width;
    k->avx2 = strcmp(c->split.name, "avx2") == 0;
    k->zone.zone = c->opt.zone && !gn_zone_is_utc(c->opt.zone) ? c->opt.zone : NULL;
    return 0;
}

int gn_csv_run(gn_csv *c, gn_writer *w, gn_writer *rejects, gn_err *e)
{
    c->w = w;
    c->rejects = rejects;
    for (c->file = 0; c->file < c->files.n; c->file++) {
        /* The first one was opened, and its header read, at the beginning. */
        if (c->file && (gn_csv_start(c, e) || gn_csvtypes_check(c, e)))
            return -1;
        if (fix_columns(c, e) || read_file(c, e) || end_file(c, e))
            return -1;
    }
    if (commit(c, e))
        return -1;
    const gn_csv_counts *n = &c->count;
    if (n->read != n->written + n->rejected + n->skipped + n->filtered ||
        n->read != n->vector + n->libcsv)
        return gn_fail(e, GN_BUG, "rows are lost: %llu read, %llu accounted for",
                       (unsigned long long)n->read,
                       (unsigned long long)(n->written + n->rejected + n->skipped + n->filtered));
    return 0;
}
