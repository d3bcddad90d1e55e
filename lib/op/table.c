/* table.c - see table.h. Widths of characters are the C library's, asked in its C.UTF-8 locale on
 * this thread alone; where there is none every character counts as one column. */
#include "table.h"

#include "../base/mem.h"
#include "../base/parse.h"
#include "../stream/text.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define SAMPLE_BYTES ((size_t)2 << 20)
#define SAMPLE_CELLS ((size_t)128 * 1024)
#define SHRINK 8 /* columns that a text column keeps at least */
#define ELLIPSIS "\xe2\x80\xa6"

typedef struct cell {
    size_t at, n; /* in `text` */
    size_t width;
} cell;

struct gn_table {
    gn_table_opts opts;
    gn_text *text_of;
    locale_t locale; /* 0: none */
    gn_schema chosen;
    int *field;
    size_t nfields;
    bool open;    /* a table is begun: `chosen` is set */
    bool headed;  /* its header is written, the widths are fixed */
    bool printed; /* something was written before it */
    size_t *width;
    uint64_t number; /* of the next record, for --vertical */
    gn_buf text;     /* of the cells held */
    cell *cells;     /* rows * nfields */
    size_t ncells, cap;
    gn_buf line;
};

gn_table *gn_table_new(const gn_table_opts *opts, gn_err *e)
{
    gn_table *t = gn_calloc(1, sizeof *t, e);

    if (!t)
        return NULL;
    t->opts = *opts;
    t->number = 1;
    t->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    t->text_of = gn_text_new(opts->zone, e);
    if (!t->text_of) {
        gn_table_free(t);
        return NULL;
    }
    return t;
}

void gn_table_free(gn_table *t)
{
    if (!t)
        return;
    if (t->locale)
        freelocale(t->locale);
    gn_text_free(t->text_of);
    gn_schema_release(&t->chosen);
    free(t->field);
    free(t->width);
    free(t->cells);
    gn_buf_release(&t->text);
    gn_buf_release(&t->line);
    free(t);
}

size_t gn_table_screen(const gn_out *out, const char *columns)
{
    struct winsize w;
    int64_t n;

    if (!gn_out_is_tty(out))
        return 0;
    if (columns && gn_parse_int(columns, strlen(columns), &n) && n > 0 && n < 100000)
        return (size_t)n;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        return w.ws_col;
    return 80;
}

/* ---- characters ---- */

/* Widths are asked in our locale: on at the entry of each public function, off at its end. */
static locale_t locale_on(const gn_table *t)
{
    return t->locale ? uselocale(t->locale) : (locale_t)0;
}

static void locale_off(locale_t before)
{
    if (before)
        (void)uselocale(before);
}

/* Columns; -1 for what must be escaped. */
static int char_width(const gn_table *t, uint32_t c)
{
    if (c >= 0x20 && c < 0x7f)
        return 1;
    if (gn_text_unsafe(c))
        return -1;
    return t->locale ? wcwidth((wchar_t)c) : 1;
}

/* How many bytes of safe text fit `limit` columns. Where not all do, *cut is set and a column is
 * left for the ellipsis; *used is the columns taken, with it. */
static size_t fit(const gn_table *t, const uint8_t *s, size_t n, size_t limit, bool *cut,
                  size_t *used)
{
    size_t width = 0, keep = 0;
    uint32_t c;

    *used = 0;

    *cut = false;
    for (size_t i = 0; i < n;) {
        size_t k = gn_text_char(s + i, n - i, &c);
        int w = k ? char_width(t, c) : 1;

        width += w > 0 ? (size_t)w : 0;
        if (width > limit) {
            *cut = true;
            ++*used;
            return keep;
        }
        i += k ? k : 1;
        if (width < limit) {
            keep = i;
            *used = width;
        }
    }
    *used = width;
    return n;
}

/* Printable ASCII takes a column a byte and needs no other form. */
static bool is_plain(const uint8_t *s, size_t n)
{
    bool plain = true;

    for (size_t i = 0; i < n; i++)
        plain &= s[i] >= 0x20 && s[i] < 0x7f;
    return plain;
}

/* Append text to the cells' text in its safe form, cut to `limit` columns. */
static int make_cell(gn_table *t, const uint8_t *s, size_t n, size_t limit, cell *c, gn_err *e)
{
    size_t keep, keep_width = 0;

    keep = c->at = t->text.n;
    c->width = 0;
    if (n <= limit && is_plain(s, n)) {
        c->width = c->n = n;
        return gn_buf_add(&t->text, s, n, e);
    }
    for (size_t i = 0; i < n;) {
        char safe[GN_TEXT_ESCAPE];
        uint32_t u = s[i];
        size_t k = gn_text_char(s + i, n - i, &u);
        int w = k ? char_width(t, u) : -1;
        const void *piece = w < 0 ? (const void *)safe : s + i;
        size_t bytes = w < 0 ? gn_text_escape(u, safe) : k;

        i += k ? k : 1;
        c->width += w < 0 ? bytes : (size_t)w;
        if (c->width > limit) {
            t->text.n = keep;
            c->width = keep_width + 1;
            if (gn_buf_add(&t->text, ELLIPSIS, 3, e))
                return -1;
            break;
        }
        if (gn_buf_add(&t->text, piece, bytes, e))
            return -1;
        if (c->width < limit) {
            keep = t->text.n;
            keep_width = c->width;
        }
    }
    c->n = t->text.n - c->at;
    return 0;
}

/* ---- values ---- */

static bool is_number(gn_type type)
{
    return type == GN_INT || type == GN_FLOAT;
}

/* May it be narrowed? A number or time cut short would be a wrong one. */
static bool is_text(gn_type type)
{
    return type == GN_STR || type == GN_BIN;
}

/* The first bytes of a bin as hexadecimal: as many as a cell can show, and one more. */
static size_t hex(const gn_str *s, uint8_t *out, size_t max)
{
    static const char digit[] = "0123456789abcdef";
    size_t n = 0;

    for (size_t i = 0; i < s->n && n + 2 <= max; i++) {
        out[n++] = (uint8_t)digit[s->p[i] >> 4];
        out[n++] = (uint8_t)digit[s->p[i] & 15];
    }
    return n;
}

static int value_cell(gn_table *t, const gn_vec *v, size_t i, cell *c, gn_err *e)
{
    size_t limit = t->opts.width && t->opts.width < GN_TABLE_CELL ? t->opts.width : GN_TABLE_CELL;
    uint8_t body[GN_TABLE_CELL + 2];
    char *p = (char *)body, *q = p;

    if (v->null[i])
        return make_cell(t, (const uint8_t *)"null", 4, limit, c, e);
    switch (v->type) {
    case GN_STR:
        return make_cell(t, v->s[i].p, v->s[i].n, limit, c, e);
    case GN_BIN:
        q = p + hex(&v->s[i], body, sizeof body);
        break;
    case GN_INT:
        q = gn_text_int(p, v->i[i]);
        break;
    case GN_FLOAT:
        q = gn_text_float(p, v->f[i]);
        break;
    case GN_BOOL:
        q = gn_text_bool(p, v->i[i] != 0);
        break;
    case GN_DATE:
        q = gn_text_date(t->text_of, p, v->i[i]);
        break;
    case GN_TIME:
        q = gn_text_time(t->text_of, p, v->i[i]);
        break;
    }
    return make_cell(t, body, (size_t)(q - p), limit, c, e);
}

static int name_cell(gn_table *t, size_t j, cell *c, gn_err *e)
{
    const char *name = t->chosen.f[j].name;

    return make_cell(t, (const uint8_t *)name, strlen(name), GN_TABLE_CELL, c, e);
}

/* ---- lines ---- */

static int pad(gn_buf *b, size_t n, char with, gn_err *e)
{
    if (gn_buf_reserve(b, n, e))
        return -1;
    if (n)
        memset(b->p + b->n, with, n);
    b->n += n;
    return 0;
}

/* Write the line, without blanks at its end, cut to the screen. */
static int end_line(gn_table *t, gn_out *out, gn_err *e)
{
    bool cut = false;
    size_t n = t->line.n, used;

    while (n && t->line.p[n - 1] == ' ')
        n--;
    if (t->opts.width)
        n = fit(t, t->line.p, n, t->opts.width, &cut, &used);
    if (gn_out_write(out, t->line.p, n, e) || (cut && gn_out_write(out, ELLIPSIS, 3, e)))
        return -1;
    t->line.n = 0;
    return gn_out_write(out, "\n", 1, e);
}

/* One cell, set in `width` columns. It is cut only where lines are; otherwise it pushes the rest.
 */
static int put_cell(gn_table *t, const cell *c, size_t width, bool right, gn_err *e)
{
    size_t n = c->n, used = c->width, gap;
    bool cut = false;

    if (t->opts.width && c->width > width)
        n = fit(t, t->text.p + c->at, n, width, &cut, &used);
    gap = used < width ? width - used : 0;
    if ((right && pad(&t->line, gap, ' ', e)) || gn_buf_add(&t->line, t->text.p + c->at, n, e) ||
        (cut && gn_buf_add(&t->line, ELLIPSIS, 3, e)) || (!right && pad(&t->line, gap, ' ', e)))
        return -1;
    return 0;
}

static int put_row(gn_table *t, const cell *row, gn_out *out, gn_err *e)
{
    for (size_t j = 0; j < t->nfields; j++)
        if ((j && pad(&t->line, 2, ' ', e)) ||
            put_cell(t, &row[j], t->width[j], is_number(t->chosen.f[j].type), e))
            return -1;
    return end_line(t, out, e);
}

/* Columns of the whole table when text columns are cut to `most`. */
static size_t total_width(const gn_table *t, size_t most)
{
    size_t total = 2 * (t->nfields - 1);

    for (size_t j = 0; j < t->nfields; j++) {
        size_t w = t->width[j];
        total += w > most && is_text(t->chosen.f[j].type) ? most : w;
    }
    return total;
}

/* The header's and the held rows' widths; text columns are narrowed, the widest first, until the
 * table fits the screen or they are at SHRINK; beyond that the line is cut at the screen's edge. */
static void fix_widths(gn_table *t)
{
    size_t nrows = t->ncells / t->nfields, low = SHRINK, high = GN_TABLE_CELL;

    for (size_t j = 0; j < t->nfields; j++) {
        t->width[j] = 0;
        for (size_t i = 0; i < nrows; i++) {
            size_t w = t->cells[i * t->nfields + j].width;
            if (w > t->width[j])
                t->width[j] = w;
        }
    }
    if (!t->opts.width || total_width(t, high) <= t->opts.width)
        return;
    while (low < high) { /* the greatest that fits, or SHRINK */
        size_t mid = low + (high - low + 1) / 2;
        if (total_width(t, mid) <= t->opts.width)
            low = mid;
        else
            high = mid - 1;
    }
    for (size_t j = 0; j < t->nfields; j++)
        if (t->width[j] > low && is_text(t->chosen.f[j].type))
            t->width[j] = low;
}

/* Row 0 of the held cells is the header. */
static int write_held(gn_table *t, gn_out *out, gn_err *e)
{
    size_t nrows;

    if (!t->open || t->opts.vertical)
        return 0;
    nrows = t->ncells / t->nfields;
    if (!t->headed)
        fix_widths(t);
    for (size_t i = 0; i < nrows; i++) {
        if (put_row(t, t->cells + i * t->nfields, out, e))
            return -1;
        if (t->headed)
            continue;
        t->headed = true;
        for (size_t j = 0; j < t->nfields; j++)
            if ((j && pad(&t->line, 2, ' ', e)) || pad(&t->line, t->width[j], '-', e))
                return -1;
        if (end_line(t, out, e))
            return -1;
    }
    t->ncells = 0;
    t->text.n = 0;
    return 0;
}

int gn_table_flush(gn_table *t, gn_out *out, gn_err *e)
{
    locale_t before = locale_on(t);
    int r = write_held(t, out, e) || gn_out_flush(out, e) ? -1 : 0;

    locale_off(before);
    return r;
}

int gn_table_note(gn_table *t, uint64_t shown, bool more, gn_out *out, gn_err *e)
{
    int r = 0;

    if (!more && shown)
        return 0;
    if (!more)
        r = gn_buf_printf(&t->line, e, "(no records)");
    else if (shown == 1)
        r = gn_buf_printf(&t->line, e, "(first record shown; -n 0 shows all)");
    else
        r = gn_buf_printf(&t->line, e, "(first %llu records shown; -n 0 shows all)",
                          (unsigned long long)shown);
    return r ? r : end_line(t, out, e);
}

static int grow(gn_table *t, gn_err *e)
{
    size_t need = t->ncells + t->nfields;

    if (need <= t->cap)
        return 0;
    need += need / 2;
    cell *p = gn_realloc(t->cells, need, sizeof *p, e);
    if (!p)
        return -1;
    t->cells = p;
    t->cap = need;
    return 0;
}

/* ---- rows ---- */

static int hold_names(gn_table *t, gn_err *e)
{
    if (grow(t, e))
        return -1;
    for (size_t j = 0; j < t->nfields; j++)
        if (name_cell(t, j, &t->cells[j], e))
            return -1;
    t->ncells = t->nfields;
    return 0;
}

/* For --vertical: the labels stay in `text` (their widths in `cells`), values come behind. */
static int put_vertical(gn_table *t, const gn_batch *b, size_t i, gn_out *out, gn_err *e)
{
    size_t label = 0, mark = t->text.n;

    for (size_t j = 0; j < t->nfields; j++)
        if (t->cells[j].width > label)
            label = t->cells[j].width;
    if (gn_buf_printf(&t->line, e, "-- record %llu --", (unsigned long long)t->number++) ||
        end_line(t, out, e))
        return -1;
    for (size_t j = 0; j < t->nfields; j++) {
        cell value;
        if (value_cell(t, &b->col[t->field[j]], i, &value, e) ||
            put_cell(t, &t->cells[j], label, false, e) || pad(&t->line, 2, ' ', e) ||
            gn_buf_add(&t->line, t->text.p + value.at, value.n, e) || end_line(t, out, e))
            return -1;
        t->text.n = mark;
    }
    return 0;
}

static int add_rows(gn_table *t, const gn_batch *b, size_t from, size_t to, gn_out *out, gn_err *e)
{
    for (size_t i = from; i < to; i++) {
        if (t->opts.vertical) {
            if (put_vertical(t, b, i, out, e))
                return -1;
            continue;
        }
        if (grow(t, e))
            return -1;
        for (size_t j = 0; j < t->nfields; j++)
            if (value_cell(t, &b->col[t->field[j]], i, &t->cells[t->ncells + j], e))
                return -1;
        t->ncells += t->nfields;
        if (t->headed || t->ncells / t->nfields > GN_TABLE_SAMPLE || t->ncells >= SAMPLE_CELLS ||
            t->text.n >= SAMPLE_BYTES)
            if (write_held(t, out, e))
                return -1;
    }
    return 0;
}

int gn_table_rows(gn_table *t, const gn_batch *b, size_t from, size_t to, gn_out *out, gn_err *e)
{
    locale_t before = locale_on(t);
    int r = add_rows(t, b, from, to, out, e);

    locale_off(before);
    return r;
}

/* The chosen fields of a segment as a schema of their own. */
static int choose(gn_table *t, const gn_schema *s, const char *list, gn_schema *chosen, gn_err *e)
{
    free(t->field);
    t->field = NULL;
    if (list) {
        if (gn_schema_select(s, list, &t->field, &t->nfields, e))
            return -1;
    } else {
        t->field = gn_alloc(s->n, sizeof *t->field, e);
        if (!t->field)
            return -1;
        for (size_t i = 0; i < s->n; i++)
            t->field[i] = (int)i;
        t->nfields = s->n;
    }
    for (size_t i = 0; i < t->nfields; i++) {
        const gn_field *f = &s->f[t->field[i]];
        if (gn_schema_add(chosen, f->name, strlen(f->name), f->type, e))
            return -1;
    }
    return 0;
}

static int begin_table(gn_table *t, gn_schema *chosen, gn_out *out, gn_err *e)
{
    free(t->width);
    t->width = gn_calloc(chosen->n, sizeof *t->width, e);
    if (!t->width || (t->printed && gn_out_write(out, "\n", 1, e)))
        return -1;
    gn_schema_release(&t->chosen);
    t->chosen = *chosen;
    *chosen = (gn_schema){0};
    t->open = true;
    t->printed = true;
    t->headed = false;
    t->ncells = 0;
    t->text.n = 0;
    return hold_names(t, e);
}

int gn_table_begin(gn_table *t, const gn_schema *s, const char *list, gn_out *out, gn_err *e)
{
    gn_schema chosen = {0};
    size_t fields_before = t->nfields;
    locale_t before = locale_on(t);
    int r = choose(t, s, list, &chosen, e);

    if (r == 0 && !(t->open && gn_schema_equal(&t->chosen, &chosen))) {
        size_t now = t->nfields;
        t->nfields = fields_before; /* of the cells still held */
        r = write_held(t, out, e);
        t->nfields = now;
        if (r == 0)
            r = begin_table(t, &chosen, out, e);
    }
    locale_off(before);
    gn_schema_release(&chosen);
    return r;
}

const int *gn_table_fields(const gn_table *t, size_t *n)
{
    *n = t->nfields;
    return t->field;
}
