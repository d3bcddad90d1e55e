/* order.c - see order.h. */
#include "order.h"

#include <stdlib.h>
#include <string.h>

static const char *role(const gn_order *o)
{
    return o->role ? o->role : "--key";
}

void gn_order_release(gn_order *o)
{
    for (size_t i = 0; i < o->n; i++)
        free(o->key[i].field);
    free(o->key);
    *o = (gn_order){0};
}

int gn_order_add(gn_order *o, const char *field, size_t n, bool desc, gn_err *e)
{
    if (n == 0)
        return gn_fail(e, GN_USAGE, "%s: a field without a name", role(o));
    for (size_t i = 0; i < o->n; i++)
        if (strlen(o->key[i].field) == n && memcmp(o->key[i].field, field, n) == 0)
            return gn_fail(e, GN_USAGE, "%s: field '%.*s' is named twice", role(o), (int)n, field);
    gn_order_key *k = gn_realloc(o->key, o->n + 1, sizeof *k, e);
    if (!k)
        return -1;
    o->key = k;
    k[o->n].desc = desc;
    if (!(k[o->n].field = gn_strndup(field, n, e)))
        return -1;
    o->n++;
    return 0;
}

static bool ends(const char *s, size_t *n, const char *tail)
{
    size_t m = strlen(tail);
    if (*n < m || memcmp(s + *n - m, tail, m) != 0)
        return false;
    *n -= m;
    return true;
}

int gn_order_parse(gn_order *o, const char *text, gn_err *e)
{
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        const char *field = p;
        p += n;
        bool desc = ends(field, &n, ":desc");
        if (!desc)
            (void)ends(field, &n, ":asc");
        if (gn_order_add(o, field, n, desc, e))
            return -1;
        if (!*p)
            return 0;
    }
}

int gn_order_of_header(gn_order *o, const gn_header *h, gn_err *e)
{
    for (size_t i = 0; i < h->norder; i++)
        if (gn_order_add(o, h->order[i].field, strlen(h->order[i].field), h->order[i].desc, e))
            return -1;
    return 0;
}

int gn_order_of_schema(gn_order *o, const gn_schema *s, gn_err *e)
{
    for (size_t i = 0; i < s->n; i++)
        if (gn_order_add(o, s->f[i].name, strlen(s->f[i].name), false, e))
            return -1;
    return 0;
}

static int append_key(gn_order *o, const gn_order_key *k, gn_err *e)
{
    return gn_order_add(o, k->field, strlen(k->field), k->desc, e);
}

int gn_order_append(gn_order *o, const gn_order *from, gn_err *e)
{
    for (size_t i = 0; i < from->n; i++)
        if (append_key(o, &from->key[i], e))
            return -1;
    return 0;
}

bool gn_order_names(const gn_order *o, const char *field)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->key[i].field, field) == 0)
            return true;
    return false;
}

/* The key fields must come first, in whatever sequence and direction. */
int gn_order_together(const gn_header *h, const gn_order *key, bool whole, gn_order *by, gn_err *e)
{
    size_t i = 0;
    for (; i < key->n && i < h->norder; i++) {
        const gn_order_key *k = &h->order[i];
        if (!gn_order_names(key, k->field) || gn_order_names(by, k->field))
            break;
        if (append_key(by, k, e))
            return -1;
    }
    return i && (i == key->n || (whole && h->total && i == h->norder));
}

bool gn_order_begins(const gn_order *o, const gn_order *first)
{
    if (o->n < first->n)
        return false;
    for (size_t i = 0; i < first->n; i++)
        if (o->key[i].desc != first->key[i].desc ||
            strcmp(o->key[i].field, first->key[i].field) != 0)
            return false;
    return true;
}

int gn_order_text(const gn_order *o, gn_buf *out, gn_err *e)
{
    for (size_t i = 0; i < o->n; i++)
        if (gn_buf_printf(out, e, "%s%s%s", i ? "," : "", o->key[i].field,
                          o->key[i].desc ? ":desc" : ""))
            return -1;
    return o->n ? 0 : gn_buf_printf(out, e, "%s", "");
}

int gn_order_bind(const gn_order *o, gn_reader *r, gn_sortkey *key, gn_err *e)
{
    for (size_t i = 0; i < o->n; i++) {
        int f = gn_reader_field(r, role(o), o->key[i].field, ~0u, e);
        if (f < 0 || gn_reader_want(r, f, GN_VALUE, e))
            return -1;
        key[i] = (gn_sortkey){f, gn_reader_header(r)->schema.f[f].type, o->key[i].desc};
    }
    return 0;
}

int gn_order_claim(const gn_order *o, bool total, gn_header *h, gn_err *e)
{
    gn_header_drop_order(h);
    for (size_t i = 0; i < o->n; i++)
        if (gn_header_add_order(h, o->key[i].field, o->key[i].desc, e))
            return -1;
    h->total = total && o->n;
    return 0;
}
