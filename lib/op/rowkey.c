/* rowkey.c - see rowkey.h. */
#include "rowkey.h"

#include "../io/mp.h"
#include "exprlist.h"

#include <stdlib.h>
#include <string.h>

typedef struct item {
    const char *name; /* in the arena */
    size_t at;        /* in the list */
    gn_type type;
    bool bound;
    gn_expr *x;
    int field; /* a plain field, or -1 */
    const gn_vec *v;
} item;

struct gn_rowkey {
    const char *list, *what;
    const gn_zone *zone;
    gn_arena arena;
    item *item;
    size_t n;
    gn_buf bytes;
    gn_str key[GN_BATCH];
};

static const uint8_t nothing[1 + GN_SLACK] = {GN_MP_NIL};

static int parse(gn_rowkey *k, gn_err *e)
{
    gn_exprlist_item it = {0};
    while (!it.last) {
        if (gn_exprlist_next(&it, k->list, k->what, GN_EXPRLIST_CALLS, &k->arena, e))
            return -1;
        for (size_t i = 0; i < k->n; i++)
            if (strcmp(k->item[i].name, it.name) == 0)
                return gn_exprlist_twice(&it, k->list, k->what, e);
        item *p = gn_realloc(k->item, k->n + 1, sizeof *p, e);
        if (!p)
            return -1;
        k->item = p;
        p[k->n++] = (item){.name = it.name, .at = it.expr};
    }
    return 0;
}

gn_rowkey *gn_rowkey_new(const char *list, const char *what, const gn_zone *zone, gn_err *e)
{
    gn_rowkey *k = gn_calloc(1, sizeof *k, e);
    if (!k)
        return NULL;
    k->list = list;
    k->what = what;
    k->zone = zone;
    gn_arena_init(&k->arena, NULL);
    if (list && parse(k, e)) {
        gn_rowkey_free(k);
        return NULL;
    }
    return k;
}

void gn_rowkey_free(gn_rowkey *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->n; i++)
        gn_expr_free(k->item[i].x);
    free(k->item);
    gn_arena_release(&k->arena);
    gn_buf_release(&k->bytes);
    free(k);
}

size_t gn_rowkey_count(const gn_rowkey *k)
{
    return k->n;
}

const char *gn_rowkey_name(const gn_rowkey *k, size_t i)
{
    return k->item[i].name;
}

gn_type gn_rowkey_type(const gn_rowkey *k, size_t i)
{
    return k->item[i].type;
}

static int bind(gn_rowkey *k, item *it, gn_feed s, gn_err *e)
{
    gn_expr_free(it->x);
    it->x = gn_expr_compile_at(k->list, it->at, k->what, &gn_feed_header(s)->schema, k->zone, e);
    if (!it->x)
        return -1;
    gn_type type = gn_expr_type(it->x);
    if (it->bound && type != it->type)
        return gn_fail(e, GN_INPUT, "'%s': '%s' is a %s here, a %s in the input before",
                       gn_feed_name(s), it->name, gn_type_name(type), gn_type_name(it->type));
    it->type = type;
    it->bound = true;
    it->field = gn_expr_field(it->x);
    if (it->field >= 0)
        return gn_feed_want(s, it->field, GN_RAW, e);
    size_t n;
    const int *field = gn_expr_fields(it->x, &n);
    for (size_t i = 0; i < n; i++)
        if (gn_feed_want(s, field[i], GN_VALUE, e))
            return -1;
    return 0;
}

int gn_rowkey_segment(gn_rowkey *k, gn_feed s, gn_err *e)
{
    for (size_t i = 0; i < k->n; i++)
        if (bind(k, &k->item[i], s, e))
            return -1;
    return 0;
}

static size_t room(const item *it, size_t i)
{
    if (it->field >= 0)
        return it->v->raw[i].n;
    return GN_MP_HEAD + (it->type == GN_STR || it->type == GN_BIN ? it->v->s[i].n : 0);
}

static uint8_t *body(uint8_t *p, gn_str s)
{
    if (s.n)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

static uint8_t *put(uint8_t *p, const item *it, size_t i)
{
    const gn_vec *v = it->v;
    if (it->field >= 0)
        return body(p, v->raw[i]);
    if (v->null[i])
        return gn_mp_nil(p);
    switch (it->type) {
    case GN_STR:
        return body(gn_mp_str_head(p, v->s[i].n), v->s[i]);
    case GN_BIN:
        return body(gn_mp_bin_head(p, v->s[i].n), v->s[i]);
    case GN_FLOAT:
        return gn_mp_float(p, v->f[i]);
    case GN_TIME:
        return gn_mp_time(p, v->i[i]);
    case GN_BOOL:
        return gn_mp_bool(p, v->i[i] != 0);
    default:
        return gn_mp_int(p, v->i[i]);
    }
}

const gn_str *gn_rowkey_batch(gn_rowkey *k, const gn_batch *b, gn_err *e)
{
    size_t bytes = GN_SLACK;
    for (size_t c = 0; c < k->n; c++) {
        item *it = &k->item[c];
        it->v = it->field >= 0 ? &b->col[it->field] : gn_expr_eval(it->x, b, e);
        if (!it->v)
            return NULL;
    }
    if (k->n == 1 && k->item[0].field >= 0)
        return k->item[0].v->raw;
    if (k->n == 0) {
        for (size_t i = 0; i < b->n; i++)
            k->key[i] = (gn_str){nothing, 1};
        return k->key;
    }
    for (size_t c = 0; c < k->n; c++)
        for (size_t i = 0; i < b->n; i++)
            bytes += room(&k->item[c], i);
    k->bytes.n = 0;
    if (gn_buf_reserve(&k->bytes, bytes, e))
        return NULL;
    uint8_t *p = k->bytes.p;
    for (size_t i = 0; i < b->n; i++) {
        k->key[i].p = p;
        for (size_t c = 0; c < k->n; c++)
            p = put(p, &k->item[c], i);
        k->key[i].n = (uint32_t)(p - k->key[i].p);
    }
    memset(p, 0, GN_SLACK);
    return k->key;
}
