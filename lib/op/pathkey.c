/* pathkey.c - see pathkey.h. */
#include "pathkey.h"

#include "../io/mp.h"
#include "../kernel/hashtab.h"
#include "../stream/text.h"
#include "../stream/tree.h"
#include "expr.h"
#include "exprlist.h"

#include <stdlib.h>
#include <string.h>

#define WHAT "--by"
#define DIR_NAME_MAX 255

typedef struct pathkey {
    char *name;
    const char *list;
    size_t at;  /* of the expression, in the list */
    bool field; /* a field, or a period of the time */
    gn_expr *expr;
} pathkey;

struct gn_pathkeys {
    pathkey key[GN_PATHKEYS_MAX];
    size_t n;
    const char *time;
    const gn_zone *zone;
    gn_arena names;
    gn_schema schema; /* empty before the first segment */
    gn_hashtab *groups;
    gn_text *format;
    gn_buf bytes; /* of the batch's keys */
    gn_str at[GN_BATCH];
};

/* ---- the list ---- */

static int add_key(gn_pathkeys *p, const char *list, const gn_exprlist_item *i, gn_err *e)
{
    if (p->n == GN_PATHKEYS_MAX)
        return gn_fail(e, GN_USAGE, WHAT ": more than %d keys", GN_PATHKEYS_MAX);
    for (size_t k = 0; k < p->n; k++)
        if (strcmp(p->key[k].name, i->name) == 0)
            return gn_exprlist_twice(i, list, WHAT, e);
    p->key[p->n++] = (pathkey){.name = i->name, .list = list, .at = i->expr, .field = !i->named};
    return 0;
}

gn_pathkeys *gn_pathkeys_new(const char *const *by, size_t n, const char *time, const gn_zone *zone,
                             gn_budget *b, gn_err *e)
{
    gn_pathkeys *p = gn_calloc(1, sizeof *p, e);
    if (!p)
        return NULL;
    gn_arena_init(&p->names, NULL);
    p->time = time;
    p->zone = zone;
    p->groups = gn_hashtab_new(b, e);
    p->format = gn_text_new(NULL, e);
    if (!p->groups || !p->format)
        goto fail;
    for (size_t i = 0; i < n; i++)
        for (gn_exprlist_item k = {0}; !k.last;)
            if (gn_exprlist_next(&k, by[i], WHAT, 0, &p->names, e) || add_key(p, by[i], &k, e))
                goto fail;
    return p;
fail:
    gn_pathkeys_free(p);
    return NULL;
}

void gn_pathkeys_free(gn_pathkeys *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        gn_expr_free(p->key[i].expr);
    gn_arena_release(&p->names);
    gn_schema_release(&p->schema);
    gn_hashtab_free(p->groups);
    gn_text_free(p->format);
    gn_buf_release(&p->bytes);
    free(p);
}

/* ---- segments ---- */

static bool is_period(const char *name)
{
    static const char *const period[] = {"date", "week", "month", "hour"};
    for (size_t i = 0; i < sizeof period / sizeof *period; i++)
        if (strcmp(name, period[i]) == 0)
            return true;
    return false;
}

/* date, week, month, hour: of the time. */
static gn_expr *compile_period(const gn_pathkeys *p, const char *name, const gn_schema *s,
                               gn_err *e)
{
    gn_buf text = {0};
    gn_expr *x = NULL;
    if (gn_buf_printf(&text, e, "%s(`%s`)", name, p->time) == 0)
        x = gn_expr_compile((char *)text.p, WHAT, s, p->zone, e);
    gn_buf_release(&text);
    return x;
}

static int compile(gn_pathkeys *p, pathkey *k, gn_reader *r, gn_err *e)
{
    const gn_schema *s = &gn_reader_header(r)->schema;
    gn_expr_free(k->expr);
    k->expr = k->field && gn_schema_find(s, k->name) < 0 && is_period(k->name)
                  ? compile_period(p, k->name, s, e)
                  : gn_expr_compile_at(k->list, k->at, WHAT, s, p->zone, e);
    if (!k->expr)
        return -1;
    gn_type t = gn_expr_type(k->expr);
    if (t == GN_FLOAT || t == GN_BIN)
        return gn_fail(e, GN_INPUT, "'%s': " WHAT " '%s' is %s, not str, int, bool, date or time",
                       gn_reader_name(r), k->name, gn_type_name(t));
    return gn_expr_want_reader(k->expr, r, e);
}

int gn_pathkeys_segment(gn_pathkeys *p, gn_reader *r, gn_err *e)
{
    bool first = p->schema.n == 0;
    for (size_t i = 0; i < p->n; i++) {
        pathkey *k = &p->key[i];
        if (compile(p, k, r, e))
            return -1;
        gn_type t = gn_expr_type(k->expr);
        if (first && gn_schema_add(&p->schema, k->name, strlen(k->name), t, e))
            return -1;
        if (p->schema.f[i].type != t)
            return gn_fail(e, GN_INPUT, "'%s': " WHAT " '%s' is %s, in an earlier input it is %s",
                           gn_reader_name(r), k->name, gn_type_name(t),
                           gn_type_name(p->schema.f[i].type));
    }
    return 0;
}

/* ---- records ---- */

static int put_value(gn_buf *b, const gn_vec *v, size_t i, gn_err *e)
{
    bool text = v->type == GN_STR && !v->null[i];
    if (gn_buf_reserve(b, GN_MP_HEAD + (text ? v->s[i].n : 0), e))
        return -1;
    uint8_t *o = b->p + b->n;
    if (v->null[i])
        o = gn_mp_nil(o);
    else if (text)
        o = gn_mp_str(o, v->s[i].p, v->s[i].n);
    else if (v->type == GN_TIME)
        o = gn_mp_time(o, v->i[i]);
    else if (v->type == GN_BOOL)
        o = gn_mp_bool(o, v->i[i] != 0);
    else
        o = gn_mp_int(o, v->i[i]);
    b->n = (size_t)(o - b->p);
    return 0;
}

int gn_pathkeys_batch(gn_pathkeys *p, const gn_batch *b, uint32_t *group, gn_err *e)
{
    const gn_vec *v[GN_PATHKEYS_MAX];
    for (size_t k = 0; k < p->n; k++)
        if (!(v[k] = gn_expr_eval(p->key[k].expr, b, e)))
            return -1;
    p->bytes.n = 0;
    for (size_t i = 0; i < b->n; i++) {
        size_t from = p->bytes.n;
        for (size_t k = 0; k < p->n; k++)
            if (put_value(&p->bytes, v[k], i, e))
                return -1;
        if (p->bytes.n - from > UINT32_MAX)
            return gn_fail(e, GN_INPUT, WHAT ": values too long");
        p->at[i].n = (uint32_t)(p->bytes.n - from);
    }
    const uint8_t *at = p->bytes.p; /* it moves no more */
    for (size_t i = 0; i < b->n; i++) {
        p->at[i].p = at;
        at += p->at[i].n;
    }
    return gn_hashtab_add(p->groups, p->at, group, b->n, e);
}

size_t gn_pathkeys_groups(const gn_pathkeys *p)
{
    return gn_hashtab_count(p->groups);
}

const gn_schema *gn_pathkeys_schema(const gn_pathkeys *p)
{
    return &p->schema;
}

gn_str gn_pathkeys_values(const gn_pathkeys *p, uint32_t group)
{
    return gn_hashtab_key(p->groups, group);
}

/* ---- paths ---- */

/* What Hive escapes (FileUtils.escapePathName), and the rest of the control characters. */
static bool is_unsafe(uint8_t c)
{
    return c < 0x20 || c == 0x7f || strchr("\"#%'*/:=?\\{}[]^", c) != NULL;
}

static int escape(gn_buf *b, const void *text, size_t n, gn_err *e)
{
    const uint8_t *s = text;
    for (size_t i = 0; i < n; i++)
        if (is_unsafe(s[i]) ? gn_buf_printf(b, e, "%%%02X", s[i]) : gn_buf_add(b, s + i, 1, e))
            return -1;
    return 0;
}

/* A text that reads like the name of null gets an escape that it does not need. */
static int put_text(gn_buf *b, const char *s, size_t n, gn_err *e)
{
    if (n == strlen(GN_TREE_NULL) && memcmp(s, GN_TREE_NULL, n) == 0)
        return gn_buf_printf(b, e, "%%5F%s", &GN_TREE_NULL[1]);
    return escape(b, s, n, e);
}

/* Append one value; the place behind it. */
static const uint8_t *put_key(const gn_pathkeys *p, gn_type t, const uint8_t *s, const uint8_t *end,
                              gn_buf *b, gn_err *e)
{
    char text[GN_TEXT_MAX], *o = text;
    const uint8_t *next;
    const char *str;
    size_t n;
    int64_t i = 0;
    bool truth = false;
    if (*s == GN_MP_NIL)
        return gn_buf_printf(b, e, "%s", GN_TREE_NULL) ? NULL : s + 1;
    if (t == GN_STR) {
        next = gn_mp_get_str(s, end, &str, &n);
        return next && put_text(b, str, n, e) == 0 ? next : NULL;
    }
    if (t == GN_TIME)
        next = gn_mp_get_time(s, end, &i);
    else if (t == GN_BOOL)
        next = gn_mp_get_bool(s, end, &truth);
    else
        next = gn_mp_get_int(s, end, &i);
    if (t == GN_TIME)
        o = gn_text_time(p->format, text, i);
    else if (t == GN_DATE)
        o = gn_text_date(p->format, text, i);
    else if (t == GN_BOOL)
        o = gn_text_bool(text, truth);
    else
        o = gn_text_int(text, i);
    return next && escape(b, text, (size_t)(o - text), e) == 0 ? next : NULL;
}

int gn_pathkeys_path(const gn_pathkeys *p, uint32_t group, gn_buf *out, gn_err *e)
{
    gn_str v = gn_pathkeys_values(p, group);
    const uint8_t *s = v.p, *end = v.p + v.n;
    for (size_t k = 0; k < p->n; k++) {
        size_t from = out->n;
        if (escape(out, p->key[k].name, strlen(p->key[k].name), e) || gn_buf_add(out, "=", 1, e) ||
            !(s = put_key(p, p->schema.f[k].type, s, end, out, e)))
            return -1;
        if (out->n - from > DIR_NAME_MAX)
            return gn_fail(e, GN_INPUT,
                           WHAT ": a value of '%s' is too long for the name of a directory",
                           p->key[k].name);
        if (gn_buf_add(out, "/", 1, e))
            return -1;
    }
    return 0;
}
