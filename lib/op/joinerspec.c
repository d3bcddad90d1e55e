/* joinerspec.c - what is joined and what comes out of it: see joinerpriv.h. */
#include "joinerpriv.h"

#include <stdlib.h>
#include <string.h>

void gn_joinspec_release(gn_joinspec *s)
{
    for (size_t i = 0; i < s->nkeys; i++) {
        free(s->key[i].left);
        free(s->key[i].right);
    }
    for (size_t i = 0; i < s->ncolumns; i++)
        free(s->column[i].name);
    free(s->key);
    free(s->column);
    free(s->piece);
    *s = (gn_joinspec){0};
}

/* ---- options ---- */

/* FIELD or FIELD=RIGHT, n bytes. */
static int add_key(gn_joinspec *s, const char *text, size_t n, gn_err *e)
{
    const char *is = memchr(text, '=', n);
    size_t nleft = is ? (size_t)(is - text) : n;
    const char *right = is ? is + 1 : text;
    size_t nright = is ? n - nleft - 1 : n;
    if (!nleft || !nright)
        return gn_fail(e, GN_USAGE, "--key: a field without a name in '%.*s'", (int)n, text);
    for (size_t i = 0; i < s->nkeys; i++)
        if (strlen(s->key[i].left) == nleft && memcmp(s->key[i].left, text, nleft) == 0)
            return gn_fail(e, GN_USAGE, "--key: field '%.*s' is named twice", (int)nleft, text);
    gn_joinkey *k = gn_realloc(s->key, s->nkeys + 1, sizeof *k, e);
    if (!k)
        return -1;
    s->key = k;
    k += s->nkeys;
    *k = (gn_joinkey){.left = gn_strndup(text, nleft, e)};
    if (!k->left)
        return -1;
    s->nkeys++;
    return (k->right = gn_strndup(right, nright, e)) ? 0 : -1;
}

static int parse_keys(gn_joinspec *s, const char *text, gn_err *e)
{
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        if (add_key(s, p, n, e))
            return -1;
        p += n;
        if (!*p)
            return 0;
    }
}

int gn_joinspec_parse(gn_joiner *j, gn_err *e)
{
    const gn_joiner_options *o = &j->o;
    gn_joinspec *s = &j->spec;
    for (size_t i = 0; i < o->nkeys; i++)
        if (parse_keys(s, o->key[i], e))
            return -1;
    if (!s->nkeys)
        return gn_fail(e, GN_USAGE, "no key given (use -k FIELD or -k LEFT=RIGHT)");
    j->right_order.role = "--right-order";
    for (size_t i = 0; i < o->nright_order; i++)
        if (gn_order_parse(&j->right_order, o->right_order[i], e))
            return -1;
    if (o->mark && !*o->mark)
        return gn_fail(e, GN_USAGE, "--mark: a field without a name");
    if (o->suffix && !*o->suffix)
        return gn_fail(e, GN_USAGE, "--suffix: an empty one makes no difference");
    s->pairs = o->type != GN_JOIN_SEMI && o->type != GN_JOIN_ANTI;
    s->keeps_left = o->type == GN_JOIN_LEFT || o->type == GN_JOIN_FULL || o->type == GN_JOIN_ANTI;
    s->keeps_right = o->type == GN_JOIN_RIGHT || o->type == GN_JOIN_FULL;
    if (!s->pairs && (o->right_fields || o->suffix))
        return gn_fail(e, GN_USAGE,
                       "--right-fields and --suffix: semi and anti joins have no right fields");
    if (!s->pairs && (o->dup || o->nright_order))
        return gn_fail(e, GN_USAGE,
                       "--right-dup and --right-order: semi and anti joins take nothing from the "
                       "right");
    if (o->nright_order && o->dup != GN_JOIN_DUP_FIRST && o->dup != GN_JOIN_DUP_LAST)
        return gn_fail(e, GN_USAGE, "--right-order says what --right-dup first and last mean");
    return 0;
}

/* ---- the right ---- */

static bool is_right_key(const gn_joinspec *s, const char *name)
{
    for (size_t i = 0; i < s->nkeys; i++)
        if (strcmp(s->key[i].right, name) == 0)
            return true;
    return false;
}

/* The fields of the right that come out, but for those of the key, which are the left's. */
static int pick_right(const gn_joiner *j, int **to, size_t *n, gn_err *e)
{
    const gn_schema *s = &j->right.in.h.schema;
    int *v = NULL;
    size_t all = s->n, kept = 0;
    if (j->o.right_fields) {
        if (gn_schema_select(s, j->o.right_fields, &v, &all, e)) {
            gn_err why = *e;
            gn_err_clear(e);
            return gn_fail(e, why.status, "--right-fields: %s", why.msg);
        }
    } else if (!(v = gn_alloc(all, sizeof *v, e))) {
        return -1;
    }
    for (size_t i = 0; i < all; i++) {
        int f = j->o.right_fields ? v[i] : (int)i;
        if (!is_right_key(&j->spec, s->f[f].name))
            v[kept++] = f;
    }
    *to = v;
    *n = j->spec.pairs ? kept : 0;
    return 0;
}

static int find_keys(const gn_joiner *j, gn_joinside *s, gn_err *e)
{
    const gn_joinspec *spec = &j->spec;
    free(s->key);
    s->nkeys = spec->nkeys;
    if (!(s->key = gn_alloc(spec->nkeys, sizeof *s->key, e)))
        return -1;
    for (size_t i = 0; i < spec->nkeys; i++) {
        const char *name = s == &j->left ? spec->key[i].left : spec->key[i].right;
        s->key[i] = gn_reader_field(s->r, "--key", name, ~0u, e);
        if (s->key[i] < 0)
            return -1;
    }
    return 0;
}

static int find_order(gn_joiner *j, gn_err *e)
{
    gn_joinside *s = &j->right;
    s->norder = j->right_order.n;
    s->order = gn_alloc(s->norder, sizeof *s->order, e);
    return s->order ? gn_order_bind(&j->right_order, s->r, s->order, e) : -1;
}

int gn_joinspec_right(gn_joiner *j, gn_err *e)
{
    gn_joinside *s = &j->right;
    if (find_keys(j, s, e) || find_order(j, e))
        return -1;
    s->records = j->o.dup == GN_JOIN_DUP_FIRST || j->o.dup == GN_JOIN_DUP_LAST;
    if (!s->body && pick_right(j, &s->body, &s->nbody, e)) /* else --fields has said it */
        return -1;
    s->ready = true;
    return gn_joinside_bind(s, e);
}

/* ---- what comes out ---- */

static int add_column(gn_joinspec *s, gn_joincolumn c, const char *name, const char *tail,
                      gn_err *e)
{
    gn_buf b = {0};
    gn_joincolumn *more = gn_realloc(s->column, s->ncolumns + 1, sizeof *more, e);
    if (!more)
        return -1;
    s->column = more;
    if (gn_buf_printf(&b, e, "%s%s", name, tail))
        return -1;
    c.name = (char *)b.p;
    more[s->ncolumns++] = c;
    return 0;
}

static bool has_column(const gn_joinspec *s, const char *name)
{
    for (size_t i = 0; i < s->ncolumns; i++)
        if (strcmp(s->column[i].name, name) == 0)
            return true;
    return false;
}

int gn_joinspec_key(const gn_joinspec *s, const char *name)
{
    for (size_t i = 0; i < s->nkeys; i++)
        if (strcmp(s->key[i].left, name) == 0)
            return (int)i;
    return -1;
}

static int add_right_column(gn_joiner *j, int field, gn_err *e)
{
    gn_joinspec *s = &j->spec;
    const gn_field *f = &j->right.in.h.schema.f[field];
    gn_joincolumn c = {.from = GN_FROM_RIGHT, .field = field, .key = -1, .type = f->type};
    bool clash = gn_schema_find(&j->left.in.h.schema, f->name) >= 0;
    if (clash && !j->o.suffix)
        return gn_fail(e, GN_INPUT,
                       "'%s': the left has a field '%s' too (give --suffix, or choose with "
                       "--right-fields)",
                       gn_reader_name(j->right.r), f->name);
    const char *tail = clash ? j->o.suffix : "";
    if (add_column(s, c, f->name, tail, e))
        return -1;
    char *name = s->column[s->ncolumns - 1].name;
    s->ncolumns--;
    bool taken = has_column(s, name);
    s->ncolumns++;
    return taken ? gn_fail(e, GN_INPUT, "--suffix: there is a field '%s' already", name) : 0;
}

/* All columns there could be. */
static int all_columns(gn_joiner *j, const int *right, size_t nright, gn_err *e)
{
    gn_joinspec *s = &j->spec;
    const gn_schema *l = &j->left.in.h.schema;
    for (size_t i = 0; i < l->n; i++) {
        gn_joincolumn c = {.from = GN_FROM_LEFT,
                           .field = (int)i,
                           .key = gn_joinspec_key(s, l->f[i].name),
                           .type = l->f[i].type};
        if (add_column(s, c, l->f[i].name, "", e))
            return -1;
    }
    for (size_t i = 0; i < nright; i++)
        if (add_right_column(j, right[i], e))
            return -1;
    if (!j->o.mark)
        return 0;
    if (has_column(s, j->o.mark))
        return gn_fail(e, GN_INPUT, "--mark: there is a field '%s' already", j->o.mark);
    return add_column(s, (gn_joincolumn){.from = GN_FROM_MARK, .key = -1, .type = GN_STR},
                      j->o.mark, "", e);
}

/* Those that --fields names, in its order. */
static int choose_columns(gn_joiner *j, gn_err *e)
{
    gn_joinspec *s = &j->spec;
    gn_schema all = {0};
    int *index = NULL, r = 0;
    size_t n = 0;
    if (!j->o.fields)
        return 0;
    for (size_t i = 0; r == 0 && i < s->ncolumns; i++)
        r = gn_schema_add(&all, s->column[i].name, strlen(s->column[i].name), s->column[i].type, e);
    if (r == 0 && gn_schema_select(&all, j->o.fields, &index, &n, e)) {
        gn_err why = *e;
        gn_err_clear(e);
        r = gn_fail(e, why.status, "--fields: %s", why.msg);
    }
    gn_schema_release(&all);
    gn_joincolumn *c = r ? NULL : gn_calloc(n, sizeof *c, e);
    if (!c) {
        free(index);
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        c[i] = s->column[index[i]];
        s->column[index[i]].name = NULL;
    }
    for (size_t i = 0; i < s->ncolumns; i++)
        free(s->column[i].name);
    free(s->column);
    free(index);
    s->column = c;
    s->ncolumns = n;
    return 0;
}

static int make_pieces(gn_joinspec *s, gn_err *e)
{
    if (!(s->piece = gn_calloc(s->ncolumns, sizeof *s->piece, e)))
        return -1;
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (!i || s->column[i].from != s->column[i - 1].from)
            s->piece[s->npieces++].from = s->column[i].from;
        s->piece[s->npieces - 1].n++;
    }
    return 0;
}

/* The fields of one side that come out. */
static int body_of(const gn_joinspec *s, enum gn_join_from from, gn_joinside *side, gn_err *e)
{
    free(side->body);
    side->nbody = 0;
    if (!(side->body = gn_alloc(s->ncolumns, sizeof *side->body, e)))
        return -1;
    for (size_t i = 0; i < s->ncolumns; i++)
        if (s->column[i].from == from)
            side->body[side->nbody++] = s->column[i].field;
    return 0;
}

static int check_right_keys(const gn_joiner *j, gn_err *e)
{
    const gn_schema *l = &j->left.in.h.schema, *r = &j->right.in.h.schema;
    for (size_t i = 0; i < j->spec.nkeys; i++) {
        const gn_joinkey *k = &j->spec.key[i];
        int x = gn_schema_find(l, k->left), y = gn_schema_find(r, k->right);
        if (y < 0) /* say so before any clash of names, of which it is the cause */
            return gn_reader_field(j->right.r, "--key", k->right, ~0u, e);
        if (x >= 0 && l->f[x].type != r->f[y].type)
            return gn_fail(e, GN_INPUT,
                           "'%s': key field '%s' is %s, but '%s' of the left is %s: they are never "
                           "equal (convert one with gn-select)",
                           gn_reader_name(j->right.r), k->right, gn_type_name(r->f[y].type),
                           k->left, gn_type_name(l->f[x].type));
    }
    return 0;
}

int gn_joinspec_left(gn_joiner *j, gn_err *e)
{
    gn_joinspec *s = &j->spec;
    gn_joinside *l = &j->left;
    int *right = NULL;
    size_t nright = 0;
    if (find_keys(j, l, e) || check_right_keys(j, e) || pick_right(j, &right, &nright, e))
        return -1;
    int r = all_columns(j, right, nright, e);
    free(right);
    if (r || choose_columns(j, e) || make_pieces(s, e) || body_of(s, GN_FROM_LEFT, l, e))
        return -1;
    if (!j->right.ready && body_of(s, GN_FROM_RIGHT, &j->right, e))
        return -1;
    s->same = !s->pairs && !j->o.fields && !j->o.mark;
    l->ready = true;
    return gn_joinside_bind(l, e);
}

/* ---- order ---- */

static int key_of_order(const gn_joinspec *s, const char *left, size_t from)
{
    for (size_t i = from; i < s->nkeys; i++)
        if (strcmp(s->key[i].left, left) == 0)
            return (int)i;
    return -1;
}

bool gn_joinspec_right_ordered(const gn_joiner *j)
{
    const gn_header *h = &j->right.in.h;
    size_t n = j->spec.nkeys;
    for (size_t i = 0; i < n; i++)
        if (i >= h->norder || !is_right_key(&j->spec, h->order[i].field))
            return false;
    return true;
}

bool gn_joinspec_ordered(gn_joiner *j)
{
    gn_joinspec *s = &j->spec;
    const gn_header *l = &j->left.in.h, *r = &j->right.in.h;
    if (l->norder < s->nkeys || r->norder < s->nkeys)
        return false;
    for (size_t i = 0; i < s->nkeys; i++) {
        int k = key_of_order(s, l->order[i].field, i);
        if (k < 0)
            return false;
        gn_joinkey key = s->key[k];
        s->key[k] = s->key[i];
        s->key[i] = key;
        if (l->order[i].desc != r->order[i].desc || strcmp(key.right, r->order[i].field) != 0)
            return false;
    }
    return true;
}
