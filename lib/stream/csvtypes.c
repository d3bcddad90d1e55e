/* csvtypes.c - which columns there are, and of which types. */
#include "csvpriv.h"

#include "../base/parse.h"
#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

/* ---- what a text could be ---- */

enum { CAN_INT = 1, CAN_FLOAT = 2, CAN_BOOL = 4, CAN_DATE = 8, CAN_TIME = 16 };

/* Numbers are inferred only where nothing is lost: no leading zeros or plus (identifiers, phone
 * numbers), no whole numbers beyond 2^63, nor beyond 2^53 where others make a column float. */
static unsigned could_be_number(const char *s, size_t n)
{
    size_t i = s[0] == '-';
    if (i == n || s[i] == '+' || s[0] == '+')
        return 0;
    if (s[i] == '0' && n - i > 1 && (unsigned)s[i + 1] - '0' <= 9)
        return 0;
    int64_t v;
    double f;
    if (gn_parse_int(s, n, &v)) {
        if (v == 0 && i)
            return 0;
        const int64_t exact = INT64_C(1) << 53;
        return CAN_INT | (v >= -exact && v <= exact ? CAN_FLOAT : 0);
    }
    if (!memchr(s, '.', n) && !memchr(s, 'e', n) && !memchr(s, 'E', n))
        return 0;
    return gn_parse_float(s, n, &f) ? CAN_FLOAT : 0;
}

static unsigned could_be(const char *s, size_t n)
{
    int64_t v;
    bool b;
    if ((n == 4 || n == 5) && gn_parse_bool(s, n, &b))
        return CAN_BOOL;
    if (n >= 10 && gn_parse_date(s, 10, &v)) {
        if (n == 10)
            return CAN_DATE | CAN_TIME;
        return gn_parse_time(s, n, NULL, &v) ? CAN_TIME : 0;
    }
    return n ? could_be_number(s, n) : 0;
}

static gn_type type_of(unsigned can)
{
    if (can & CAN_INT)
        return GN_INT;
    if (can & CAN_FLOAT)
        return GN_FLOAT;
    if (can & CAN_BOOL)
        return GN_BOOL;
    if (can & CAN_DATE)
        return GN_DATE;
    return can & CAN_TIME ? GN_TIME : GN_STR;
}

/* Types of the file's columns from the rows in the window after the header. */
static int infer(gn_csv *c, gn_err *e)
{
    while (gn_textin_have(&c->t) < GN_CSV_SAMPLE) {
        int r = gn_textin_more(&c->t, e);
        if (r < 0)
            return -1;
        if (r == 0)
            break;
    }
    struct {
        unsigned can;
        bool seen;
    } *guess = gn_calloc(c->width, sizeof *guess, e);
    if (!guess)
        return -1;
    for (size_t i = 0; i < c->width; i++)
        guess[i].can = CAN_INT | CAN_FLOAT | CAN_BOOL | CAN_DATE | CAN_TIME;
    size_t at = 0;
    int found = 0;
    gn_csvrow r;
    for (size_t rows = 0; rows < GN_CSV_SAMPLE_ROWS && at < GN_CSV_SAMPLE; rows++) {
        found = gn_csvrow_read(c, at, true, &r, e);
        if (found <= 0)
            break;
        at += r.len;
        if (r.bad || r.n != c->width)
            continue; /* gn_csv_run will say so */
        for (size_t i = 0; i < r.n; i++) {
            const gn_csvspan *s = &c->span[i];
            if (s->null)
                continue;
            guess[i].seen = true;
            if (guess[i].can)
                guess[i].can &= could_be((const char *)s->p, s->n);
        }
    }
    for (size_t i = 0; i < c->width; i++)
        c->t.schema.f[i].type = guess[i].seen ? type_of(guess[i].can) : GN_STR;
    c->t.inferred = true;
    free(guess);
    return found < 0 ? -1 : 0;
}

/* ---- columns from directories ---- */

const char *gn_csvtypes_key(const gn_csv *c, size_t file, size_t key)
{
    const char *name = c->t.schema.f[c->width + key].name;
    const gn_treefile *f = &c->files.f[file];
    for (size_t i = 0; i < f->npairs; i++)
        if (strcmp(f->pair[i].key, name) == 0)
            return f->pair[i].value;
    return NULL;
}

uint8_t *gn_csvtypes_put_key(const gn_csv *c, size_t file, size_t key, uint8_t *o)
{
    const char *v = gn_csvtypes_key(c, file, key);
    gn_type t = c->t.schema.f[c->width + key].type;
    if (!v || (!*v && t != GN_STR))
        return gn_mp_nil(o);
    gn_csvzone z = {.zone = c->opt.zone};
    return gn_csvrows_value(t, &z, (const uint8_t *)v, strlen(v), o);
}

/* Every file must have the same keys. */
static int check_keys(const gn_csv *c, gn_err *e)
{
    const gn_treefile *first = &c->files.f[0];
    for (size_t i = 1; i < c->files.n; i++) {
        const gn_treefile *f = &c->files.f[i];
        bool same = f->npairs == first->npairs;
        for (size_t k = 0; same && k < f->npairs; k++) {
            bool found = false;
            for (size_t j = 0; j < first->npairs; j++)
                found |= strcmp(f->pair[k].key, first->pair[j].key) == 0;
            same = found;
        }
        if (!same)
            return gn_fail(e, GN_INPUT,
                           "'%s': its key=value directories are not those of '%s': read them apart",
                           f->path, first->path);
    }
    return 0;
}

/* Append the keys that no column of the files has. */
static int add_keys(gn_csv *c, gn_err *e)
{
    const gn_treefile *first = &c->files.f[0];
    if (check_keys(c, e))
        return -1;
    for (size_t i = 0; i < first->npairs; i++) {
        const char *key = first->pair[i].key;
        if (gn_schema_find(&c->t.schema, key) >= 0)
            continue; /* the file knows better */
        if (gn_schema_add(&c->t.schema, key, strlen(key), GN_STR, e))
            return -1;
        size_t k = c->nkeys++;
        unsigned can = CAN_INT | CAN_DATE;
        bool seen = false;
        for (size_t f = 0; f < c->files.n; f++) {
            const char *v = gn_csvtypes_key(c, f, k);
            if (!v || !*v)
                continue;
            seen = true;
            can &= could_be(v, strlen(v));
        }
        c->t.schema.f[c->width + k].type = seen ? type_of(can) : GN_STR;
    }
    return 0;
}

static int check_key_values(gn_csv *c, gn_err *e)
{
    for (size_t k = 0; k < c->nkeys; k++) {
        const gn_field *f = &c->t.schema.f[c->width + k];
        for (size_t i = 0; i < c->files.n; i++) {
            const char *v = gn_csvtypes_key(c, i, k);
            gn_buf b = {0};
            if (gn_buf_reserve(&b, (v ? strlen(v) : 0) + GN_MP_HEAD, e))
                return -1;
            bool good = gn_csvtypes_put_key(c, i, k, b.p) != NULL;
            gn_buf_release(&b);
            if (!good)
                return gn_fail(e, GN_INPUT, "'%s': its directory for '%s' names no %s",
                               c->files.f[i].path, f->name, gn_type_name(f->type));
        }
    }
    return 0;
}

/* ---- the header ---- */

/* Read the first row that is not empty: 1, or 0 when the file has none. */
static int read_header(gn_csv *c, gn_csvrow *r, gn_err *e)
{
    for (;;) {
        int found = gn_csvrow_read(c, 0, false, r, e);
        if (found <= 0 || !r->empty)
            return found;
        c->t.count.empty++;
        gn_textin_consume(&c->t, r->len);
        c->t.line += r->lines;
    }
}

static int header_missing(const gn_csv *c, gn_err *e)
{
    return gn_fail(e, GN_INPUT, "'%s': is empty: it has no header row", gn_textin_name(&c->t));
}

static int take_header(gn_csv *c, gn_err *e)
{
    gn_csvrow r;
    int found = read_header(c, &r, e);
    if (found < 0)
        return -1;
    if (found == 0)
        return header_missing(c, e);
    unsigned long long line = c->t.line;
    if (r.bad)
        return gn_fail(e, GN_INPUT, "'%s': line %llu: header: %s", gn_textin_name(&c->t), line,
                       r.bad);
    if (r.n > GN_FIELDS_MAX)
        return gn_fail(e, GN_INPUT, "'%s': line %llu: header: more than %d columns",
                       gn_textin_name(&c->t), line, GN_FIELDS_MAX);
    for (size_t i = 0; i < r.n; i++) {
        const gn_csvspan *s = &c->span[i];
        if (s->n == 0)
            return gn_fail(e, GN_INPUT,
                           "'%s': line %llu: header: column %zu has no name (without a header, "
                           "give --no-header and --schema)",
                           gn_textin_name(&c->t), line, i + 1);
        gn_err why = {0};
        if (gn_schema_add(&c->t.schema, (const char *)s->p, s->n, GN_STR, &why))
            return gn_fail(e, why.status, "'%s': line %llu: header: %s", gn_textin_name(&c->t),
                           line, why.msg);
    }
    gn_textin_consume(&c->t, r.len);
    c->t.line += r.lines;
    return 0;
}

int gn_csvtypes_check(gn_csv *c, gn_err *e)
{
    if (c->opt.no_header)
        return 0;
    gn_csvrow r;
    int found = read_header(c, &r, e);
    if (found < 0)
        return -1;
    if (found == 0)
        return header_missing(c, e);
    bool same = !r.bad && r.n == c->width;
    size_t i = 0;
    for (; same && i < c->width; i++) {
        const char *name = c->t.schema.f[i].name;
        same = c->span[i].n == strlen(name) && memcmp(c->span[i].p, name, c->span[i].n) == 0;
    }
    if (!same && c->ranges)
        return gn_csv_changed(c, e);
    if (!same)
        return gn_fail(e, GN_INPUT,
                       "'%s': line %llu: its header is not that of '%s': read them apart",
                       gn_textin_name(&c->t), (unsigned long long)c->t.line, c->files.f[0].path);
    gn_textin_consume(&c->t, r.len);
    c->t.line += r.lines;
    return 0;
}

/* ---- which schema ---- */

static bool is_key(const gn_csv *c, const char *name)
{
    const gn_treefile *f = &c->files.f[0];
    for (size_t i = 0; i < f->npairs; i++)
        if (strcmp(f->pair[i].key, name) == 0)
            return true;
    return false;
}

/* Without a header: the columns are those of --schema that no directory gives. */
static int names_from_schema(gn_csv *c, const gn_schema *s, gn_err *e)
{
    for (size_t i = 0; i < s->n; i++)
        if (!is_key(c, s->f[i].name) &&
            gn_schema_add(&c->t.schema, s->f[i].name, strlen(s->f[i].name), s->f[i].type, e))
            return -1;
    if (c->t.schema.n == 0)
        return gn_fail(e, GN_INPUT, "--schema leaves no column for the files");
    return 0;
}

static int types_from_schema(gn_csv *c, const gn_schema *s, gn_err *e)
{
    for (size_t i = 0; i < c->t.schema.n; i++) {
        int k = gn_schema_find(s, c->t.schema.f[i].name);
        if (k >= 0)
            c->t.schema.f[i].type = s->f[k].type;
        else if (i < c->width) /* the type of a directory's may be left out */
            return gn_fail(e, GN_INPUT, "'%s': column '%s' is not in --schema",
                           gn_textin_name(&c->t), c->t.schema.f[i].name);
    }
    for (size_t i = 0; i < s->n; i++)
        if (gn_schema_find(&c->t.schema, s->f[i].name) < 0)
            return gn_fail(e, GN_INPUT, "'%s': no column '%s', which --schema has",
                           gn_textin_name(&c->t), s->f[i].name);
    return 0;
}

/* Are the first n columns those of a built-in schema, in any order? Then take its types. */
static bool take_builtin(gn_csv *c, size_t n)
{
    static const char *const names[] = {"interactions", "metadata"};
    for (size_t b = 0; b < sizeof names / sizeof *names; b++) {
        const gn_schema *s = gn_schema_builtin(names[b]);
        if (!s || s->n != n)
            continue;
        size_t same = 0;
        for (size_t i = 0; i < n; i++)
            same += gn_schema_find(s, c->t.schema.f[i].name) >= 0;
        if (same < n)
            continue;
        for (size_t i = 0; i < n; i++)
            c->t.schema.f[i].type = s->f[gn_schema_find(s, c->t.schema.f[i].name)].type;
        return true;
    }
    return false;
}

int gn_csvtypes_decide(gn_csv *c, gn_err *e)
{
    gn_schema given = {0};
    int r = -1;
    if (c->opt.schema && gn_schema_parse(&given, c->opt.schema, e))
        goto done;
    if (c->opt.no_header ? names_from_schema(c, &given, e) : take_header(c, e))
        goto done;
    c->width = c->t.schema.n;
    if (add_keys(c, e))
        goto done;
    if (c->opt.schema)
        r = types_from_schema(c, &given, e);
    else if (take_builtin(c, c->t.schema.n) || take_builtin(c, c->width))
        r = 0;
    else
        r = infer(c, e);
    if (r == 0)
        r = check_key_values(c, e);
done:
    gn_schema_release(&given);
    return r;
}

int gn_csvtypes_indexed(gn_csv *c, gn_err *e)
{
    const gn_csvranges *x = c->ranges;
    if (gn_schema_copy(&c->t.schema, &x->columns, e))
        return -1;
    c->width = x->width;
    c->nkeys = x->columns.n - x->width;
    c->t.inferred = x->inferred;
    for (size_t k = 0; k < c->nkeys; k++)
        if (!is_key(c, x->columns.f[x->width + k].name))
            return gn_fail(e, GN_INPUT, "'%s': no directory of it names a '%s', as in the index",
                           c->files.f[0].path, x->columns.f[x->width + k].name);
    return check_keys(c, e) || check_key_values(c, e) ? -1 : 0;
}
