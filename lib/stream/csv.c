/* csv.c - see csv.h. The driver: files, blocks, bad rows, and where the records go.
 *
 * The window of unread bytes is taken in blocks that stay in the processor's cache between being
 * split, encoded and hashed. The row at the end of the window that is not all there yet waits for
 * the next read. */
#include "csvpriv.h"

#include "../base/mend.h"
#include "../base/parse.h"
#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)32 * 1024) /* bytes of a block */
#define GROUP ((size_t)32 * 1024) /* bytes of room for records made at a time */
#define ROOM_OF_FIELD 15          /* what a field may take beyond the length of its text */

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

/* Plan the columns of t->rows. */
static int plan(gn_textin *t, gn_err *e)
{
    static const enum gn_csvkind kinds[] = {
        [GN_STR] = GN_CSV_S,      [GN_INT] = GN_CSV_I,  [GN_FLOAT] = GN_CSV_OTHER,
        [GN_BOOL] = GN_CSV_OTHER, [GN_TIME] = GN_CSV_T, [GN_DATE] = GN_CSV_D,
        [GN_BIN] = GN_CSV_OTHER,
    };
    gn_csv *c = (gn_csv *)t;
    const size_t n = t->rows.n;
    free(c->col);
    free(c->step);
    c->step = gn_calloc(2 * n, sizeof *c->step, e);
    c->col = gn_calloc(n, sizeof *c->col, e);
    if (!c->col || !c->step)
        return -1;
    for (size_t i = 0; i < n; i++) {
        const size_t field = (size_t)t->row_field[i];
        const gn_type type = t->schema.f[field].type;
        gn_csvcol *col = &c->col[i];
        *col = (gn_csvcol){.type = type, .kind = kinds[type], .src = (uint32_t)field};
        if (col->kind == GN_CSV_T && c->opt.zone && !gn_zone_is_utc(c->opt.zone))
            col->kind = GN_CSV_ZONED;
        if (field >= c->width)
            *col = (gn_csvcol){.type = type, .kind = GN_CSV_CONSTANT};
    }
    return 0;
}

/* What does not depend on the columns. */
static int set_up(gn_csv *c, const gn_csv_options *o, gn_err *e)
{
    c->opt = *o;
    c->t.on_error = o->on_error;
    c->t.item = "column";
    c->t.group = GROUP;
    c->t.select = plan;
    c->max_record = c->opt.max_record ? c->opt.max_record : GN_MAX_RECORD;
    c->chunk = c->max_record < CHUNK ? c->max_record : CHUNK;
    /* Rows are held to max_record in csvrow.c; this only has to be more than can be asked for. */
    c->t.max_window = c->max_record + GN_CSV_SAMPLE + 2 * c->chunk;
    if (gn_textin_init(&c->t, e) || check_options(&c->opt, e) ||
        gn_csvsplit_choose(&c->split, c->opt.simd, e))
        return -1;
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

static int add_paths(gn_csv *c, const char *const *paths, size_t n, gn_err *e)
{
    for (size_t i = 0; i < n; i++)
        if (gn_tree_add(&c->files, paths[i], GN_TREE_CSV, e))
            return -1;
    return 0;
}

gn_csv *gn_csv_open(const char *const *paths, size_t n, const gn_csv_options *o, gn_err *e)
{
    static const char *const standard_input[] = {"-"};
    gn_csv *c = gn_calloc(1, sizeof *c, e);
    if (!c)
        return NULL;
    if (set_up(c, o, e) || add_paths(c, n ? paths : standard_input, n ? n : 1, e) ||
        gn_csv_start(c, e) || gn_csvtypes_decide(c, e) || gn_textin_select_all(&c->t, e)) {
        gn_csv_close(c);
        return NULL;
    }
    return c;
}

char *gn_csv_options_text(const gn_csv_options *o, gn_err *e)
{
    gn_buf b = {0};
    if (gn_buf_printf(&b, e, "delimiter=%s%.1s%s%s%s%s", o->delimiter == '\t' ? "\\t" : "",
                      o->delimiter == '\t' ? "" : &o->delimiter, o->no_header ? " no-header" : "",
                      o->trim ? " trim" : "", o->schema ? " schema=" : "",
                      o->schema ? o->schema : "")) {
        gn_buf_release(&b);
        return NULL;
    }
    return (char *)b.p;
}

/* The files of the index, which must have been made with the same options. */
static int set_up_ranges(gn_csv *c, const char *const *paths, size_t npaths, gn_err *e)
{
    const gn_csvranges *x = c->ranges;
    char *options = gn_csv_options_text(&c->opt, e);
    if (!options)
        return -1;
    const bool same = strcmp(options, x->options) == 0;
    free(options);
    if (!same)
        return gn_fail(e, GN_INPUT,
                       "the index was made with other options: give the same --delimiter, "
                       "--no-header, --trim and --schema (they were: %s)",
                       x->options);
    if (add_paths(c, paths, npaths, e))
        return -1;
    for (size_t i = 0; npaths == 0 && i < x->nfiles; i++)
        if (gn_tree_add_file(&c->files, x->file[i].path, x->file[i].keys, e))
            return -1;
    if (c->files.n != x->nfiles)
        return gn_fail(e, GN_INPUT, "files given are %zu, those of the index %zu", c->files.n,
                       x->nfiles);
    for (size_t i = 0; i < x->nfiles; i++)
        if (gn_lineage_add_source(&c->t.lineage, x->file[i].source, e))
            return -1;
    return 0;
}

gn_csv *gn_csv_open_ranges(const gn_csvranges *x, size_t first, size_t n, const char *const *paths,
                           size_t npaths, const gn_csv_options *o, gn_err *e)
{
    gn_csv *c = gn_calloc(1, sizeof *c, e);
    if (!c)
        return NULL;
    c->ranges = x;
    c->first_range = first;
    c->nranges = n;
    if (set_up(c, o, e) || set_up_ranges(c, paths, npaths, e) || gn_csvtypes_indexed(c, e) ||
        gn_textin_select_all(&c->t, e)) {
        gn_csv_close(c);
        return NULL;
    }
    return c;
}

void gn_csv_close(gn_csv *c)
{
    if (!c)
        return;
    gn_textin_release(&c->t);
    gn_tree_release(&c->files);
    free(c->col);
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
    gn_buf_release(&c->mended);
    free(c);
}

const gn_csv_counts *gn_csv_count(const gn_csv *c)
{
    return &c->count;
}

gn_textin *gn_csv_text(gn_csv *c)
{
    return &c->t;
}

/* ---- input ---- */

int gn_csv_start(gn_csv *c, gn_err *e)
{
    const char *path = c->files.f[c->file].path;
    if ((c->opt.ranges ? gn_textin_start_part(&c->t, path, 0, UINT64_MAX, 1, e)
                       : gn_textin_start(&c->t, path, e)) ||
        (gn_textin_have(&c->t) == 0 && gn_textin_more(&c->t, e) < 0))
        return -1;
    if (gn_textin_have(&c->t) == 0)
        return gn_fail(e, GN_INPUT, "'%s': is empty: not even a header row", gn_textin_name(&c->t));
    return 0;
}

/* ---- bad rows ---- */

/* The row `at` bytes into the window breaks a rule; `col` is where (GN_FIELDS_MAX: nowhere). */
static int bad_row(gn_csv *c, size_t at, const gn_csvrow *r, const char *rule, size_t col,
                   const char *reason, const char *hint, gn_err *e)
{
    const char *name = col < c->width ? c->t.schema.f[col].name : NULL;
    const gn_textin_bad b = {rule, reason, hint, name};
    return gn_textin_bad_row(&c->t, at, r->body, &b, e);
}

static int ragged_row(gn_csv *c, size_t at, const gn_csvrow *r, gn_err *e)
{
    gn_buf text = {0};
    bool more = r->n > c->width;
    int bad = gn_buf_printf(&text, e, "%zu column%s instead of %zu", r->n, r->n == 1 ? "" : "s",
                            c->width);
    if (!bad && !more)
        bad = gn_buf_printf(&text, e, ", '%s' is missing", c->t.schema.f[r->n].name);
    if (!bad)
        bad = bad_row(c, at, r, more ? "extra_column" : "missing_column", GN_FIELDS_MAX,
                      (const char *)text.p, "", e);
    gn_buf_release(&text);
    return bad;
}

static int bad_field(gn_csv *c, size_t at, const gn_csvrow *r, size_t field, gn_err *e)
{
    gn_type t = c->t.schema.f[field].type;
    if (t == GN_STR)
        return bad_row(c, at, r, "text", field, "not valid UTF-8, or holds a NUL",
                       " (--invalid-utf8 replace takes it)", e);
    return bad_row(c, at, r, "type", field, gn_textin_not(t, "not hexadecimal"),
                   c->t.inferred ? " (the type was inferred from the first rows: give another with "
                                   "--schema name:type,...)"
                                 : "",
                   e);
}

/* ---- one row, with all care ---- */

/* Encode the row in c->span; *field is the first field that is not of its type, or -1. */
static int encode_row(gn_csv *c, int *field, gn_err *e)
{
    size_t bytes = c->k.room;
    for (size_t i = 0; i < c->t.rows.n; i++)
        if (c->col[i].kind !=
            GN_CSV_CONSTANT) /* U+FFFD takes three bytes where there may have been one */
            bytes += c->span[c->col[i].src].n * (c->opt.replace_text ? 3 : 1);
    if (gn_textin_room(&c->t, bytes, e))
        return -1;
    uint8_t *o = gn_mp_array_head(c->t.out, c->t.rows.n);
    *field = -1;
    for (size_t i = 0; i < c->t.rows.n; i++) {
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
            c->mended.n = 0;
            if (gn_mend_utf8(&c->mended, (const char *)s.p, s.n, e))
                return -1;
            next = gn_csvrows_value(col->type, &c->k.zone, c->mended.p, c->mended.n, o);
        }
        if (!next) {
            *field = c->t.row_field[i];
            return 0;
        }
        o = next;
    }
    c->t.out = o;
    c->t.nout++;
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
        c->t.count.empty++;
    } else {
        c->t.count.read++;
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
    c->t.line += r.lines;
    return 1;
}

/* ---- a block of rows ---- */

/* Split and encode the rows that end in the first n bytes of the window, and consume them. 0 when
 * there is none. */
static int block(gn_csv *c, size_t n, gn_err *e)
{
    gn_csvrows *k = &c->k;
    gn_csvindex x = {.sep = c->sep + 1, .nl = c->nl};
    const uint8_t *p = gn_in_begin(c->t.in);
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
        k->out = c->t.out;
        k->limit = c->t.limit;
        enum gn_csvstop why = gn_csvrows_run(k);
        const size_t done = k->row - row;
        c->t.out = k->out;
        c->t.nout += done;
        c->t.count.read += done;
        c->count.vector += done;
        c->t.line += done;
        if (why == GN_CSV_ALL)
            break;
        const size_t start = gn_csvrows_start(k);
        if (why == GN_CSV_FULL) {
            if (gn_textin_room(&c->t, k->room + ((size_t)k->nl[k->row] + 1 - start), e))
                return -1;
            continue;
        }
        size_t len;
        if (one_row(c, start, &len, e) != 1)
            return gn_fail(e, GN_BUG, "'%s': a row is lost", gn_textin_name(&c->t));
        const size_t next = start + len;
        if (next >= end) { /* it may reach beyond the block, and the window may have moved */
            gn_textin_consume(&c->t, next);
            return 1;
        }
        while (k->nl[k->row] < (int32_t)next)
            k->row++;
        while (k->sep[k->at] < (int32_t)next)
            k->at++;
        while (c->odd[iodd] < (int32_t)next)
            iodd++;
    }
    gn_textin_consume(&c->t, end);
    return 1;
}

static int read_file(gn_csv *c, gn_err *e)
{
    bool waited = false; /* more was read for the row at the beginning of the window */
    for (;;) {
        size_t have = gn_textin_have(&c->t), len;
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
        if (!c->t.eof && have < c->chunk && !waited && !(c->opt.libcsv && have)) {
            if (gn_textin_more_rows(&c->t, e) < 0)
                return -1;
            waited = true;
            continue;
        }
        r = one_row(c, 0, &len, e);
        if (r < 0)
            return -1;
        if (r == 0)
            return 0;
        gn_textin_consume(&c->t, len);
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
    for (size_t i = 0; i < c->t.rows.n; i++) {
        gn_csvcol *col = &c->col[i];
        k->room += ROOM_OF_FIELD;
        if (col->kind != GN_CSV_CONSTANT)
            continue;
        col->fixed = c->fixed.p + c->fixed.n;
        const uint8_t *end = gn_csvtypes_put_key(c, c->file, (size_t)c->t.row_field[i] - c->width,
                                                 c->fixed.p + c->fixed.n);
        if (!end)
            return gn_fail(e, GN_BUG, "'%s': a value of its path is lost", gn_textin_name(&c->t));
        col->nfixed = (uint32_t)(end - col->fixed);
        c->fixed.n += col->nfixed;
        k->room += col->nfixed;
    }
    k->step = c->step;
    k->nstep = gn_csvrows_plan(c->col, c->t.rows.n, 1, c->step);
    k->fused = c->step + k->nstep;
    k->nfused = gn_csvrows_plan(c->col, c->t.rows.n, 3, c->step + k->nstep);
    k->calendar = c->calendar;
    k->ncol = c->t.rows.n;
    k->width = c->width;
    k->avx2 = strcmp(c->split.name, "avx2") == 0;
    k->zone.zone = c->opt.zone && !gn_zone_is_utc(c->opt.zone) ? c->opt.zone : NULL;
    return 0;
}

static int run_files(gn_csv *c, gn_err *e)
{
    for (c->file = 0; c->file < c->files.n; c->file++) {
        /* The first one was opened, and its header read, at the beginning. */
        if (c->file && (gn_csv_start(c, e) || gn_csvtypes_check(c, e)))
            return -1;
        if (fix_columns(c, e) || read_file(c, e) || gn_textin_end(&c->t, e))
            return -1;
    }
    return 0;
}

int gn_csv_changed(const gn_csv *c, gn_err *e)
{
    return gn_fail(e, GN_INPUT,
                   "'%s': has changed since the index was made (make it again with --index)",
                   c->files.f[c->file].path);
}

static int run_range(gn_csv *c, const gn_csvrange *r, gn_err *e)
{
    c->file = r->file;
    const gn_source *s = &c->ranges->file[r->file].source;
    if (gn_textin_start_part(&c->t, c->files.f[r->file].path, r->from, r->to, r->line, e))
        return -1;
    if (gn_in_size(c->t.in) != s->size)
        return gn_csv_changed(c, e);
    if ((r->from == 0 && gn_csvtypes_check(c, e)) || fix_columns(c, e) || read_file(c, e))
        return -1;
    uint64_t end;
    const gn_id hash = gn_textin_close(&c->t, &end);
    if (end != r->to || gn_id_cmp(hash, r->hash) != 0)
        return gn_csv_changed(c, e);
    c->t.count.bytes += r->to - r->from;
    const gn_cover cover = {s->id, r->from, r->to, 0, UINT64_MAX};
    return gn_lineage_add_cover(&c->t.lineage, cover, e);
}

static int run_ranges(gn_csv *c, gn_err *e)
{
    for (size_t i = 0; i < c->nranges; i++)
        if (run_range(c, &c->ranges->range[c->first_range + i], e))
            return -1;
    return 0;
}

int gn_csv_run(gn_csv *c, gn_writer *w, gn_writer *rejects, gn_err *e)
{
    c->t.w = w;
    c->t.rejects = rejects;
    if (c->ranges ? run_ranges(c, e) : run_files(c, e))
        return -1;
    if (gn_textin_finish(&c->t, e))
        return -1;
    if (c->t.count.read != c->count.vector + c->count.libcsv)
        return gn_fail(e, GN_BUG, "rows went neither way");
    return 0;
}
