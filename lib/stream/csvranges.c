/* csvranges.c - see csvranges.h. */
#include "csvranges.h"

#include "../base/json.h"
#include "../base/num.h"
#include "../base/parse.h"
#include "reader.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define NO_KEYS ((size_t)-1)

void gn_csvranges_release(gn_csvranges *x)
{
    for (size_t i = 0; i < x->nfiles; i++)
        free(x->file[i].path);
    free(x->file);
    free(x->range);
    gn_schema_release(&x->columns);
    free(x->options);
    memset(x, 0, sizeof *x);
}

int gn_csvranges_add_file(gn_csvranges *x, const gn_csvranged *f, gn_err *e)
{
    gn_csvranged *p = gn_realloc(x->file, x->nfiles + 1, sizeof *p, e);
    if (!p)
        return -1;
    x->file = p;
    p += x->nfiles;
    *p = *f;
    if (!(p->path = gn_strdup(f->path, e)))
        return -1;
    x->nfiles++;
    return 0;
}

int gn_csvranges_add(gn_csvranges *x, const gn_csvrange *r, gn_err *e)
{
    if (x->n == GN_CSVRANGES_MAX)
        return gn_fail(e, GN_USAGE, "more than %zu ranges: make them larger", GN_CSVRANGES_MAX);
    if ((x->n & (x->n - 1)) == 0) {
        gn_csvrange *p = gn_realloc(x->range, x->n ? 2 * x->n : 1, sizeof *p, e);
        if (!p)
            return -1;
        x->range = p;
    }
    x->range[x->n++] = *r;
    return 0;
}

/* ---- write ---- */

enum {
    F_RANGE,
    F_INPUT,
    F_SOURCE,
    F_SIZE,
    F_FROM,
    F_TO,
    F_ROW,
    F_LINE,
    F_ROWS,
    F_HASH,
    F_KEYS,
    F_COLUMNS,
    F_INFERRED,
    F_OPTIONS,
    FIELDS
};

int gn_csvranges_schema(gn_schema *s, gn_err *e)
{
    return gn_schema_parse(s,
                           "range:int,input:str,source:bin,size:int,from:int,to:int,row:int,"
                           "line:int,rows:int,hash:bin,keys:int,columns:str,inferred:bool,"
                           "options:str",
                           e);
}

static int columns_json(const gn_schema *s, size_t from, size_t to, const char *key, gn_json *j,
                        gn_err *e)
{
    if (gn_json_key(j, key, e) || gn_json_open(j, '[', e))
        return -1;
    for (size_t i = from; i < to; i++)
        if (gn_json_open(j, '[', e) || gn_json_text(j, s->f[i].name, e) ||
            gn_json_text(j, gn_type_name(s->f[i].type), e) || gn_json_close(j, ']', e))
            return -1;
    return gn_json_close(j, ']', e);
}

/* {"file":[["name","type"],...],"path":[...]} */
static int columns_text(const gn_csvranges *x, gn_buf *b, gn_err *e)
{
    gn_json j = {.b = b};
    return gn_json_open(&j, '{', e) || columns_json(&x->columns, 0, x->width, "file", &j, e) ||
                   columns_json(&x->columns, x->width, x->columns.n, "path", &j, e) ||
                   gn_json_close(&j, '}', e)
               ? -1
               : 0;
}

static int put_str(gn_row *o, const char *s, gn_err *e)
{
    return gn_row_str(o, s, strlen(s), e);
}

int gn_csvranges_write(const gn_csvranges *x, gn_writer *w, gn_err *e)
{
    gn_buf columns = {0};
    gn_row row = {0}, *o = &row;
    int r = columns_text(x, &columns, e);
    for (size_t i = 0; i < x->n && r == 0; i++) {
        const gn_csvrange *v = &x->range[i];
        const gn_csvranged *f = &x->file[v->file];
        if (gn_utf8_valid(f->path, strlen(f->path)) != strlen(f->path)) {
            r = gn_fail(e, GN_INPUT, "'%s': a name that is not UTF-8 cannot be in an index",
                        f->path);
            break;
        }
        r = gn_row_begin(o, FIELDS, e) || gn_row_int(o, (int64_t)i + 1, e) ||
            put_str(o, f->path, e) || gn_row_bin(o, f->source.id.b, sizeof f->source.id.b, e) ||
            gn_row_int(o, (int64_t)f->source.size, e) || gn_row_int(o, (int64_t)v->from, e) ||
            gn_row_int(o, (int64_t)v->to, e) || gn_row_int(o, (int64_t)v->row, e) ||
            gn_row_int(o, (int64_t)v->line, e) || gn_row_int(o, (int64_t)v->rows, e) ||
            gn_row_bin(o, v->hash.b, sizeof v->hash.b, e) ||
            (f->keys == NO_KEYS ? gn_row_null(o, e) : gn_row_int(o, (int64_t)f->keys, e)) ||
            gn_row_str(o, (const char *)columns.p, columns.n, e) ||
            gn_row_bool(o, x->inferred, e) || put_str(o, x->options, e) || gn_row_write(o, w, e);
    }
    gn_row_release(o);
    gn_buf_release(&columns);
    return r ? -1 : 0;
}

/* ---- read ---- */

static int add_columns(gn_csvranges *x, const json_t *list, gn_err *e)
{
    size_t i;
    json_t *v;
    if (!json_is_array(list))
        return -1;
    json_array_foreach(list, i, v)
    {
        const char *name = json_string_value(json_array_get(v, 0));
        const char *type = json_string_value(json_array_get(v, 1));
        gn_type t;
        if (!name || !type || !gn_type_parse(type, strlen(type), &t) ||
            gn_schema_add(&x->columns, name, strlen(name), t, e))
            return -1;
    }
    return 0;
}

static bool read_columns(gn_csvranges *x, gn_str text)
{
    gn_err ignore = {0};
    json_t *j = json_loadb((const char *)text.p, text.n, 0, NULL);
    bool good = add_columns(x, json_object_get(j, "file"), &ignore) == 0;
    x->width = x->columns.n;
    good = good && x->width && add_columns(x, json_object_get(j, "path"), &ignore) == 0;
    json_decref(j);
    return good;
}

typedef struct reading {
    gn_csvranges *x;
    gn_buf columns; /* text, the same in all records */
} reading;

static bool same_text(gn_str s, const void *p, size_t n)
{
    return s.n == n && (n == 0 || memcmp(s.p, p, n) == 0);
}

static bool read_id(gn_str s, gn_id *id)
{
    if (s.n != sizeof id->b)
        return false;
    memcpy(id->b, s.p, sizeof id->b);
    return true;
}

/* What is the same in all records. */
static bool read_common(reading *g, const gn_batch *b, size_t i, gn_err *e)
{
    gn_csvranges *x = g->x;
    const gn_str columns = b->col[F_COLUMNS].s[i], options = b->col[F_OPTIONS].s[i];
    const bool inferred = b->col[F_INFERRED].i[i];
    if (x->options)
        return same_text(columns, g->columns.p, g->columns.n) &&
               same_text(options, x->options, strlen(x->options)) && inferred == x->inferred;
    x->inferred = inferred;
    x->options = gn_strndup((const char *)options.p, options.n, e);
    return x->options && gn_buf_add(&g->columns, columns.p, columns.n, e) == 0 &&
           read_columns(x, columns);
}

/* Is the last file's last range its end? */
static bool file_is_whole(const gn_csvranges *x)
{
    return x->n == 0 || x->range[x->n - 1].to == x->file[x->nfiles - 1].source.size;
}

/* A record; false where it does not belong to an index. */
static bool read_range(reading *g, const gn_batch *b, size_t i, gn_err *e)
{
    gn_csvranges *x = g->x;
    uint64_t v[FIELDS] = {0};
    for (int k = 0; k < FIELDS; k++) {
        const gn_vec *c = &b->col[k];
        if (c->null[i] && k != F_KEYS)
            return false;
        if (c->type != GN_INT)
            continue;
        if (c->i[i] < 0)
            return false;
        v[k] = (uint64_t)c->i[i];
    }
    const gn_str input = b->col[F_INPUT].s[i];
    const bool keys = !b->col[F_KEYS].null[i];
    gn_csvranged f = {.keys = keys ? (size_t)v[F_KEYS] : NO_KEYS, .source.size = v[F_SIZE]};
    gn_csvrange r = {
        .from = v[F_FROM], .to = v[F_TO], .row = v[F_ROW], .line = v[F_LINE], .rows = v[F_ROWS]};
    if (v[F_RANGE] != x->n + 1 || r.from >= r.to || r.to > f.source.size ||
        (keys && f.keys > input.n) || !read_id(b->col[F_SOURCE].s[i], &f.source.id) ||
        !read_id(b->col[F_HASH].s[i], &r.hash) || !read_common(g, b, i, e))
        return false;
    if (r.from == 0) {
        bool added = file_is_whole(x) && r.row == 1 && r.line == 1 &&
                     (f.path = gn_strndup((const char *)input.p, input.n, e)) &&
                     gn_csvranges_add_file(x, &f, e) == 0;
        free(f.path);
        if (!added)
            return false;
    } else {
        const gn_csvrange *last = x->n ? &x->range[x->n - 1] : NULL;
        const gn_csvranged *file = x->n ? &x->file[x->nfiles - 1] : NULL;
        if (!file || r.from != last->to || r.row != last->row + last->rows || r.line < last->line ||
            !same_text(input, file->path, strlen(file->path)) || f.keys != file->keys ||
            f.source.size != file->source.size || gn_id_cmp(f.source.id, file->source.id) != 0)
            return false;
    }
    r.file = x->nfiles - 1;
    return gn_csvranges_add(x, &r, e) == 0;
}

static int read_index(reading *g, gn_reader *in, const char *path, gn_err *e)
{
    gn_schema want = {0};
    gn_batch *b;
    int ev, r = gn_csvranges_schema(&want, e);
    while (r == 0 && (ev = gn_reader_next(in, &b, e)) != GN_EV_EOF) {
        if (ev < 0) {
            r = -1;
        } else if (ev == GN_EV_SEGMENT) {
            if (!gn_schema_equal(&want, &gn_reader_header(in)->schema))
                r = gn_fail(e, GN_INPUT, "'%s': is no index of ranges (make one with --index)",
                            path);
            else
                r = gn_reader_want_all(in, GN_VALUE, e);
        } else if (ev == GN_EV_BATCH) {
            for (size_t i = 0; i < b->n && r == 0; i++)
                if (!read_range(g, b, i, e))
                    r = e->status ? -1
                                  : gn_fail(e, GN_INPUT,
                                            "'%s': record %zu: does not continue the index (make "
                                            "it again with --index)",
                                            path, g->x->n + 1);
        }
    }
    gn_schema_release(&want);
    if (r == 0 && (g->x->n == 0 || !file_is_whole(g->x)))
        r = gn_fail(e, GN_INPUT, "'%s': not all ranges are in it (make it again with --index)",
                    path);
    return r;
}

int gn_csvranges_read(gn_csvranges *x, const char *path, gn_err *e)
{
    reading g = {.x = x};
    gn_reader *in = gn_reader_open(&path, 1, 0, e);
    int r = in ? read_index(&g, in, path, e) : -1;
    gn_reader_close(in);
    gn_buf_release(&g.columns);
    return r;
}

/* ---- share ---- */

/* The first range of share i: a range belongs to the share in whose bytes it begins. */
static size_t share_begin(const gn_csvranges *x, uint64_t i, uint64_t n)
{
    if (n == x->n)
        return (size_t)i;
    uint64_t total = 0, base = 0;
    for (size_t k = 0; k < x->nfiles; k++)
        total += x->file[k].source.size;
    size_t r = 0;
    for (; r < x->n; r++) {
        if (r && x->range[r].from == 0)
            base += x->file[x->range[r - 1].file].source.size;
        if ((gn_u128)(base + x->range[r].from) * n >= (gn_u128)total * i)
            break;
    }
    return r;
}

void gn_csvranges_share(const gn_csvranges *x, uint64_t i, uint64_t n, size_t *first, size_t *count)
{
    *first = share_begin(x, i, n);
    *count = share_begin(x, i + 1, n) - *first;
}
