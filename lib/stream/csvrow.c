/* csvrow.c - one row, with all care: the first, the last, and all that are not plain.
 *
 * A row without quotes, inner CR and (with trim) blanks beside separators is split here; any other
 * goes to libcsv (http://sourceforge.net/projects/libcsv, 3.0.3) in strict mode. Its defaults,
 * which cut blanks and end rows at a bare CR, are overridden. It gets the row line by line until
 * it says that the row is complete. A CR before the LF is kept from it when it ends the row: that
 * is when the number of quotes before it is even, as a quote that does not count as one (in the
 * middle of an unquoted field, say) makes libcsv stop before it gets there. */
#include "csvpriv.h"

#include <string.h>

#define SPANS (GN_FIELDS_MAX + 1) /* one more, so that too many are seen */

static int never(unsigned char c)
{
    (void)c;
    return 0;
}

static int is_blank(unsigned char c)
{
    return c == ' ' || c == '\t';
}

static int is_lf(unsigned char c)
{
    return c == '\n';
}

int gn_csvrow_init(gn_csv *c, gn_err *e)
{
    c->span = gn_alloc(SPANS, sizeof *c->span, e);
    if (!c->span)
        return -1;
    if (csv_init(&c->csv, CSV_STRICT | CSV_EMPTY_IS_NULL))
        return gn_fail(e, GN_BUG, "libcsv cannot be set up");
    c->csv_ready = true;
    csv_set_delim(&c->csv, (unsigned char)c->opt.delimiter);
    csv_set_space_func(&c->csv, c->opt.trim ? is_blank : never);
    csv_set_term_func(&c->csv, is_lf);
    csv_set_blk_size(&c->csv, 4096);
    return 0;
}

static int too_long(gn_csv *c, size_t at, bool peek, gn_err *e)
{
    const uint8_t *p = gn_in_begin(c->t.in), *stop = p + at;
    uint64_t line = c->t.line;
    while (peek && (p = memchr(p, '\n', (size_t)(stop - p)))) {
        p++;
        line++;
    }
    return gn_csv_too_long(c, line, e);
}

int gn_csv_too_long(const gn_csv *c, uint64_t line, gn_err *e)
{
    return gn_fail(e, GN_INPUT,
                   "'%s': line %llu: a row longer than %zu bytes (is a quote never closed? else "
                   "give more with --max-record)",
                   gn_textin_name(&c->t), (unsigned long long)line, c->max_record);
}

/* Find the first LF `from` bytes into the row: *line is where it is, or where the file ends
 * (*lf false). 0 with peek when it is not there yet. */
static int find_line(gn_csv *c, size_t at, size_t from, bool peek, size_t *line, bool *lf,
                     gn_err *e)
{
    for (;;) {
        const uint8_t *p = gn_in_begin(c->t.in) + at;
        size_t have = (size_t)(gn_in_end(c->t.in) - p);
        const uint8_t *nl = memchr(p + from, '\n', have - from);
        *line = nl ? (size_t)(nl - p) : have;
        *lf = nl != NULL;
        if (*line + *lf > c->max_record)
            return too_long(c, at, peek, e);
        if (nl || c->t.eof)
            return 1;
        if (peek)
            return 0;
        from = have;
        if (gn_textin_more_rows(&c->t, e) < 0)
            return -1;
    }
}

/* ---- libcsv ---- */

static void on_field(void *text, size_t n, void *ctx)
{
    gn_csv *c = ctx;
    size_t i = c->nfields++;
    if (i >= SPANS)
        return;
    c->span[i] = (gn_csvspan){.n = n, .null = text == NULL};
    if (n)
        (void)gn_buf_add(&c->text, text, n, &c->text_err); /* looked at when the row is read */
}

static void on_row(int end, void *ctx)
{
    (void)end;
    ((gn_csv *)ctx)->row_done = true;
}

/* Why libcsv stopped at byte `q` of a row. */
static const char *complaint(const gn_csv *c, uint8_t q)
{
    return q == '"' && !c->csv.quoted ? "a quote inside an unquoted field"
                                      : "text after a closing quote";
}

static int row_libcsv(gn_csv *c, size_t at, bool peek, gn_csvrow *r, gn_err *e)
{
    size_t from = 0;
    bool quoted = false;
    c->nfields = 0;
    c->text.n = 0;
    c->row_done = false;
    while (!c->row_done && !r->bad) {
        size_t line;
        bool lf;
        int found = find_line(c, at, from, peek, &line, &lf, e);
        if (found <= 0)
            return found;
        const uint8_t *p = gn_in_begin(c->t.in) + at;
        for (const uint8_t *q = p + from; (q = memchr(q, '"', (size_t)(p + line - q))); q++)
            quoted = !quoted;
        size_t stop = line;
        if (!quoted && stop > from && p[stop - 1] == '\r')
            stop--;
        size_t n = csv_parse(&c->csv, p + from, stop - from, on_field, on_row, c);
        if (n == stop - from && (lf || !quoted)) {
            if (csv_parse(&c->csv, "\n", 1, on_field, on_row, c) != 1)
                n = 0; /* out of memory */
        } else if (n == stop - from) {
            r->bad = "a quote is never closed";
        }
        if (c->text_err.status || csv_error(&c->csv) == CSV_ENOMEM ||
            csv_error(&c->csv) == CSV_ETOOBIG)
            return gn_fail(e, GN_IO, "out of memory: a row of %zu bytes", line);
        if (n < stop - from)
            r->bad = complaint(c, p[from + n]);
        if (!lf && !c->row_done && !r->bad)
            return gn_fail(e, GN_BUG, "'%s': libcsv does not end a row", gn_textin_name(&c->t));
        r->len = line + lf;
        r->body = stop;
        r->lines += lf;
        from = line + 1;
    }
    r->n = c->nfields;
    const uint8_t *text = c->text.p;
    for (size_t i = 0; i < r->n && i < SPANS; i++) {
        c->span[i].p = text;
        text = c->span[i].n ? text + c->span[i].n : text;
    }
    return 1;
}

/* ---- plain rows ---- */

static bool blank_byte(const gn_csv *c, uint8_t b)
{
    return (b == ' ' || b == '\t') && b != (uint8_t)c->opt.delimiter;
}

/* Is a blank of p[0..n) beside a delimiter or an end? */
static bool has_trimmable(const gn_csv *c, const uint8_t *p, size_t n)
{
    const uint8_t d = (uint8_t)c->opt.delimiter;
    for (size_t i = 0; i < n; i++)
        if (blank_byte(c, p[i]) && (i == 0 || i + 1 == n || p[i - 1] == d || p[i + 1] == d))
            return true;
    return false;
}

static bool all_blank(const gn_csv *c, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!blank_byte(c, p[i]))
            return false;
    return true;
}

static void split(gn_csv *c, const uint8_t *p, size_t n, gn_csvrow *r)
{
    for (;;) {
        const uint8_t *d = memchr(p, c->opt.delimiter, n);
        size_t len = d ? (size_t)(d - p) : n;
        if (r->n < SPANS)
            c->span[r->n] = (gn_csvspan){p, len, len == 0};
        r->n++;
        if (!d)
            return;
        n -= len + 1;
        p = d + 1;
    }
}

int gn_csvrow_read(gn_csv *c, size_t at, bool peek, gn_csvrow *r, gn_err *e)
{
    size_t line;
    bool lf;
    memset(r, 0, sizeof *r);
    int found = find_line(c, at, 0, peek, &line, &lf, e);
    if (found <= 0)
        return found;
    if (!lf && line == 0)
        return 0;
    const uint8_t *p = gn_in_begin(c->t.in) + at;
    size_t n = line - (line && p[line - 1] == '\r');
    r->len = line + lf;
    r->body = n;
    r->lines = lf;
    r->libcsv = c->opt.libcsv;
    if (n == 0 || (c->opt.trim && all_blank(c, p, n))) { /* libcsv would pass over it in silence */
        r->empty = true;
        r->libcsv |= n != 0;
        r->n = 1;
        c->span[0] = (gn_csvspan){p, 0, true};
        return 1;
    }
    if (!r->libcsv)
        r->libcsv =
            memchr(p, '"', n) || memchr(p, '\r', n) || (c->opt.trim && has_trimmable(c, p, n));
    if (!r->libcsv) {
        split(c, p, n, r);
        return 1;
    }
    r->lines = 0;
    found = row_libcsv(c, at, peek, r, e);
    (void)csv_fini(&c->csv, NULL, NULL, NULL); /* forget a row that did not end well */
    return found;
}
