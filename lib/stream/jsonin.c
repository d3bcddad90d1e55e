/* jsonin.c - see jsonin.h. The driver: files, lines, bad lines, and where the records go. */
#include "jsonin_priv.h"

#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

#define GROUP ((size_t)64 * 1024) /* bytes of room for records made at a time */

/* ---- input ---- */

ssize_t gn_jsonin_line(gn_jsonin *j, size_t at, bool peek, size_t *body, gn_err *e)
{
    for (size_t from = 0;;) {
        const uint8_t *p = gn_in_begin(j->t.in) + at;
        size_t have = (size_t)(gn_in_end(j->t.in) - p);
        const uint8_t *lf = memchr(p + from, '\n', have - from);
        size_t n = lf ? (size_t)(lf - p) : have;
        if (n > j->max_record) {
            unsigned long long line = j->t.line;
            for (const uint8_t *q = gn_in_begin(j->t.in); q < p; q++)
                line += *q == '\n';
            return gn_fail(e, GN_INPUT,
                           "'%s': line %llu: longer than %zu bytes (give more with --max-record)",
                           gn_textin_name(&j->t), line, j->max_record);
        }
        if (lf || j->t.eof) {
            *body = n - (n && p[n - 1] == '\r');
            return (ssize_t)(n + (lf != NULL));
        }
        if (peek)
            return 0;
        from = have;
        if (gn_textin_more_rows(&j->t, e) < 0)
            return -1;
    }
}

static int start_file(gn_jsonin *j, gn_err *e)
{
    return gn_textin_start(&j->t, j->npaths ? j->path_list[j->file] : NULL, e);
}

/* ---- set up ---- */

/* Where the values of the fields in t->rows go. */
static int place(gn_textin *t, gn_err *e)
{
    gn_jsonin *j = (gn_jsonin *)t;
    free(j->col_of);
    free(j->cell);
    j->col_of = gn_alloc(t->schema.n, sizeof *j->col_of, e);
    j->cell = gn_calloc(t->rows.n, sizeof *j->cell, e);
    if (!j->col_of || !j->cell)
        return -1;
    for (size_t i = 0; i < t->schema.n; i++)
        j->col_of[i] = -1;
    for (size_t i = 0; i < t->rows.n; i++)
        j->col_of[t->row_field[i]] = (int)i;
    return 0;
}

gn_jsonin *gn_jsonin_open(const char *const *paths, size_t n, const gn_jsonin_options *o, gn_err *e)
{
    gn_jsonin *j = gn_calloc(1, sizeof *j, e);
    if (!j)
        return NULL;
    j->opt = *o;
    j->max_record = o->max_record ? o->max_record : GN_MAX_RECORD;
    j->path_list = paths;
    j->npaths = n;
    j->t.on_error = o->on_error;
    j->t.item = "key";
    j->t.group = GROUP;
    j->t.select = place;
    /* Lines are held to max_record; this only has to be more than can be asked for. */
    j->t.max_window = j->max_record + GN_JSONIN_SAMPLE + 2 * GN_IO_BLOCK;
    if (gn_textin_init(&j->t, e) || start_file(j, e) || gn_jsonin_decide(j, e) ||
        gn_textin_select_all(&j->t, e)) {
        gn_jsonin_close(j);
        return NULL;
    }
    return j;
}

void gn_jsonin_close(gn_jsonin *j)
{
    if (!j)
        return;
    gn_textin_release(&j->t);
    gn_jsonpaths_release(&j->paths);
    free(j->col_of);
    free(j->cell);
    gn_buf_release(&j->path);
    gn_buf_release(&j->text);
    gn_buf_release(&j->mended);
    gn_buf_release(&j->string);
    free(j);
}

uint64_t gn_jsonin_extra(const gn_jsonin *j)
{
    return j->extra;
}

gn_textin *gn_jsonin_text(gn_jsonin *j)
{
    return &j->t;
}

/* ---- bad lines ---- */

static gn_textin_bad wrong_type(const gn_jsonin *j, const gn_jsoncell *cell, size_t col)
{
    const gn_field *f = &j->t.rows.f[col];
    gn_textin_bad c = {.rule = "type",
                       .reason = gn_textin_not(f->type, "not Base64"),
                       .hint = "",
                       .field = f->name};
    if (f->type == GN_STR && json_is_string(cell->v)) {
        c.rule = "text";
        c.reason = "holds a NUL";
        c.hint = " (--invalid-utf8 replace takes it)";
    } else if (j->t.inferred) {
        c.hint = " (the type was inferred from the first lines: give another with --schema "
                 "name:type,...)";
    }
    return c;
}

/* ---- one line ---- */

/* Put the values of an object into their cells. 1: a field is there twice. Goes as deep as names
 * have dots. */
static int scatter(gn_jsonin *j, json_t *object, size_t prefix, gn_textin_bad *c, gn_err *e)
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
            j->extra += !(p && json_is_null(v)); /* null is an object that is not there */
            continue;
        }
        int col = j->col_of[p->field];
        if (col < 0 || json_is_null(v))
            continue;
        if (j->cell[col].v) {
            *c = (gn_textin_bad){"duplicate_key", "is there twice", "", j->t.rows.f[col].name};
            return 1;
        }
        j->cell[col].v = v;
    }
    return 0;
}

/* Encode the cells. 1: a value is not of its type. */
static int encode(gn_jsonin *j, const gn_jsonline *l, gn_textin_bad *c, gn_err *e)
{
    size_t bytes = GN_MP_HEAD;
    for (size_t i = 0; i < j->t.rows.n; i++) {
        gn_jsoncell *x = &j->cell[i];
        if (x->v && j->t.rows.f[i].type == GN_STR && gn_jsonin_dumps(l, x->v)) {
            x->at = j->text.n;
            int r = gn_jsonin_dump(&j->text, l, x->v, e);
            if (r > 0)
                *c = (gn_textin_bad){"json", "nested too deep", "", j->t.rows.f[i].name};
            if (r)
                return r;
            x->n = j->text.n - x->at;
            x->dumped = true;
        }
        bytes += gn_jsonin_room(x);
    }
    if (gn_textin_room(&j->t, bytes, e))
        return -1;
    uint8_t *o = gn_mp_array_head(j->t.out, j->t.rows.n);
    for (size_t i = 0; i < j->t.rows.n; i++) {
        o = gn_jsonin_put(j, j->t.rows.f[i].type, l, &j->cell[i], o, e);
        if (!o && e->status)
            return -1;
        if (!o) {
            *c = wrong_type(j, &j->cell[i], i);
            return 1;
        }
    }
    j->t.out = o;
    j->t.nout++;
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
    gn_textin_bad c;
    if (gn_jsonin_blank(gn_in_begin(j->t.in) + at, body)) {
        j->t.count.empty++;
        return 0;
    }
    j->t.count.read++;
    if (gn_jsonin_parse(j, gn_in_begin(j->t.in) + at, body, &l, e))
        return -1;
    if (!l.root) {
        c = (gn_textin_bad){l.rule, l.reason, l.hint, NULL};
        return gn_textin_bad_row(&j->t, at, body, &c, e);
    }
    memset(j->cell, 0, j->t.rows.n * sizeof *j->cell);
    uint64_t extra = j->extra;
    int r = scatter(j, l.root, 0, &c, e);
    if (r == 0)
        r = encode(j, &l, &c, e);
    json_decref(l.root);
    if (r <= 0)
        return r;
    j->extra = extra;
    return gn_textin_bad_row(&j->t, at, body, &c, e);
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
            j->t.line++;
        }
        if (n < 0)
            return -1;
        gn_textin_consume(&j->t, at);
        n = gn_jsonin_line(j, 0, false, &body, e);
        if (n <= 0)
            return (int)n;
    }
}

int gn_jsonin_run(gn_jsonin *j, gn_writer *w, gn_writer *rejects, gn_err *e)
{
    const size_t files = j->npaths ? j->npaths : 1;
    j->t.w = w;
    j->t.rejects = rejects;
    for (j->file = 0; j->file < files; j->file++) {
        /* The first one was opened at the beginning. */
        if ((j->file && start_file(j, e)) || read_file(j, e) || gn_textin_end(&j->t, e))
            return -1;
    }
    return gn_textin_finish(&j->t, e);
}
