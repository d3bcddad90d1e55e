/* jsonin_types.c - which fields there are, and of which types. */
#include "jsonin_priv.h"

#include "../base/parse.h"

#include <stdlib.h>
#include <string.h>

/* ---- paths ---- */

static bool grow(gn_jsonpaths *p, gn_err *e)
{
    size_t cap = p->cap ? p->cap * 2 : 64;
    gn_jsonpath *slot = gn_calloc(cap, sizeof *slot, e);
    if (!slot)
        return false;
    for (size_t i = 0; i < p->cap; i++) {
        if (!p->slot[i].name)
            continue;
        size_t at = p->slot[i].hash & (cap - 1);
        while (slot[at].name)
            at = (at + 1) & (cap - 1);
        slot[at] = p->slot[i];
    }
    free(p->slot);
    p->slot = slot;
    p->cap = cap;
    return true;
}

gn_jsonpath *gn_jsonpaths_find(gn_jsonpaths *p, const char *name, size_t n, bool add, gn_err *e)
{
    if (p->n * 2 >= p->cap && !grow(p, e))
        return NULL;
    uint64_t hash = gn_hash_table(name, n);
    size_t at = hash & (p->cap - 1);
    for (gn_jsonpath *s; (s = &p->slot[at])->name; at = (at + 1) & (p->cap - 1))
        if (s->hash == hash && s->n == n && memcmp(s->name, name, n) == 0)
            return s;
    if (!add)
        return NULL;
    gn_jsonpath *s = &p->slot[at];
    if (!(s->name = gn_strndup(name, n, e)))
        return NULL;
    s->n = n;
    s->hash = hash;
    s->field = -1;
    p->n++;
    return s;
}

void gn_jsonpaths_release(gn_jsonpaths *p)
{
    for (size_t i = 0; i < p->cap; i++)
        free(p->slot[i].name);
    free(p->slot);
    *p = (gn_jsonpaths){0};
}

int gn_jsonin_push(gn_jsonin *j, size_t prefix, const char *key, gn_err *e)
{
    j->path.n = prefix;
    return (prefix && gn_buf_add(&j->path, ".", 1, e)) || gn_buf_add(&j->path, key, strlen(key), e)
               ? -1
               : 0;
}

/* The schema's fields, and every path on the way to one. */
static int index_paths(gn_jsonin *j, gn_err *e)
{
    gn_jsonpaths_release(&j->paths);
    for (size_t i = 0; i < j->t.schema.n; i++) {
        const char *name = j->t.schema.f[i].name;
        gn_jsonpath *p = gn_jsonpaths_find(&j->paths, name, strlen(name), true, e);
        if (!p)
            return -1;
        p->field = (int)i;
        for (const char *dot = name; (dot = strchr(dot, '.')); dot++) {
            p = gn_jsonpaths_find(&j->paths, name, (size_t)(dot - name), true, e);
            if (!p)
                return -1;
            p->inner = true;
        }
    }
    return 0;
}

/* ---- what a value could be ---- */

enum { CAN_INT = 1, CAN_FLOAT = 2, CAN_BOOL = 4, CAN_DATE = 8, CAN_TIME = 16 };

typedef struct guess {
    unsigned can;
    bool seen;
} guess;

/* Strings of digits stay strings. Whole numbers beyond 2^53 are no floats: nothing is lost. */
static unsigned could_be(const gn_jsonline *l, const json_t *v)
{
    const int64_t exact = INT64_C(1) << 53;
    int64_t i;
    if (json_is_integer(v)) {
        i = json_integer_value(v);
        return CAN_INT | (i >= -exact && i <= exact ? CAN_FLOAT : 0);
    }
    if (json_is_real(v))
        return CAN_FLOAT;
    if (json_is_boolean(v))
        return CAN_BOOL;
    if (!json_is_string(v) || gn_jsonin_big(l, v))
        return 0;
    const char *s = json_string_value(v);
    size_t n = json_string_length(v);
    if (n < 10 || !gn_parse_date(s, 10, &i))
        return 0;
    if (n == 10)
        return CAN_DATE | CAN_TIME;
    return gn_parse_time(s, n, NULL, &i) ? CAN_TIME : 0;
}

static gn_type type_of(const guess *g)
{
    if (!g->seen)
        return GN_STR;
    return g->can & CAN_INT     ? GN_INT
           : g->can & CAN_FLOAT ? GN_FLOAT
           : g->can & CAN_BOOL  ? GN_BOOL
           : g->can & CAN_DATE  ? GN_DATE
           : g->can & CAN_TIME  ? GN_TIME
                                : GN_STR;
}

/* ---- inference ---- */

typedef struct inference {
    gn_jsonin *j;
    const gn_jsonline *l;
    guess *guess; /* of each field of the schema */
    size_t cap;
    unsigned long long line;
} inference;

/* The field of the path in j->path, new or known. */
static int field_of(inference *x, size_t *field, gn_err *e)
{
    gn_jsonin *j = x->j;
    gn_jsonpath *p = gn_jsonpaths_find(&j->paths, (const char *)j->path.p, j->path.n, true, e);
    if (!p)
        return -1;
    if (p->field < 0) {
        gn_err why = {0};
        if (j->t.schema.n == x->cap) {
            size_t cap = x->cap ? x->cap * 2 : 16;
            guess *g = gn_realloc(x->guess, cap, sizeof *g, e);
            if (!g)
                return -1;
            x->guess = g;
            x->cap = cap;
        }
        if (gn_schema_add(&j->t.schema, p->name, p->n, GN_STR, &why))
            return gn_fail(e, why.status, "'%s': line %llu: %s (name the fields with --schema)",
                           gn_textin_name(&j->t), x->line, why.msg);
        p->field = (int)j->t.schema.n - 1;
        x->guess[p->field] = (guess){CAN_INT | CAN_FLOAT | CAN_BOOL | CAN_DATE | CAN_TIME, false};
    }
    *field = (size_t)p->field;
    return 0;
}

/* The depth is bounded by the length of a name. */
static int take_object(inference *x, json_t *object, size_t prefix, gn_err *e)
{
    gn_jsonin *j = x->j;
    const char *key;
    json_t *v;
    json_object_foreach(object, key, v)
    {
        if (gn_jsonin_push(j, prefix, key, e))
            return -1;
        if (json_is_object(v) && j->path.n && j->path.n < GN_NAME_MAX) {
            if (take_object(x, v, j->path.n, e))
                return -1;
            continue;
        }
        size_t f;
        if (field_of(x, &f, e))
            return -1;
        if (json_is_null(v))
            continue;
        x->guess[f].seen = true;
        x->guess[f].can &= could_be(x->l, v);
    }
    return 0;
}

/* From the lines in the window. */
static int infer(gn_jsonin *j, gn_err *e)
{
    while (gn_textin_have(&j->t) < GN_JSONIN_SAMPLE) {
        int r = gn_textin_more(&j->t, e);
        if (r < 0)
            return -1;
        if (r == 0)
            break;
    }
    inference x = {.j = j, .line = j->t.line};
    size_t at = 0, body;
    ssize_t n = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < GN_JSONIN_SAMPLE_LINES && at < GN_JSONIN_SAMPLE; i++) {
        n = gn_jsonin_line(j, at, at != 0, &body, e); /* one there must be */
        if (n <= 0)
            break;
        gn_jsonline l;
        r = gn_jsonin_parse(j, gn_in_begin(j->t.in) + at, body, &l, e);
        x.l = &l;
        if (r == 0 && l.root) /* gn_jsonin_run will say so of bad ones */
            r = take_object(&x, l.root, 0, e);
        json_decref(l.root);
        at += (size_t)n;
        x.line++;
    }
    for (size_t i = 0; i < j->t.schema.n; i++)
        j->t.schema.f[i].type = type_of(&x.guess[i]);
    free(x.guess);
    j->t.inferred = true;
    return r || n < 0 ? -1 : 0;
}

/* Are the fields those of a built-in schema, in any order? Then take its types. */
static void take_builtin(gn_jsonin *j)
{
    static const char *const names[] = {"interactions", "metadata"};
    for (size_t b = 0; b < sizeof names / sizeof *names; b++) {
        const gn_schema *s = gn_schema_builtin(names[b]);
        size_t same = 0;
        for (size_t i = 0; s && s->n == j->t.schema.n && i < s->n; i++)
            same += gn_schema_find(s, j->t.schema.f[i].name) >= 0;
        if (!s || same != j->t.schema.n || same == 0)
            continue;
        for (size_t i = 0; i < s->n; i++)
            j->t.schema.f[i].type = s->f[gn_schema_find(s, j->t.schema.f[i].name)].type;
        j->t.inferred = false;
        return;
    }
}

/* Why there was nothing to infer from: the first line that is not empty says it best. */
static int no_fields(gn_jsonin *j, gn_err *e)
{
    size_t at = 0, body;
    ssize_t n;
    for (unsigned long long line = j->t.line; (n = gn_jsonin_line(j, at, true, &body, e)) > 0;
         line++, at += (size_t)n) {
        gn_jsonline l;
        const uint8_t *p = gn_in_begin(j->t.in) + at;
        if (gn_jsonin_blank(p, body))
            continue;
        if (gn_jsonin_parse(j, p, body, &l, e))
            return -1;
        bool bad = !l.root;
        json_decref(l.root);
        if (bad)
            return gn_fail(e, GN_INPUT, "'%s': line %llu: %s%s", gn_textin_name(&j->t), line,
                           l.reason, l.hint);
    }
    return n < 0 ? -1
                 : gn_fail(e, GN_INPUT,
                           "'%s': no keys to learn the fields from (give --schema name:type,...)",
                           gn_textin_name(&j->t));
}

int gn_jsonin_decide(gn_jsonin *j, gn_err *e)
{
    if (j->opt.schema) {
        if (gn_schema_parse(&j->t.schema, j->opt.schema, e))
            return -1;
    } else {
        if (infer(j, e))
            return -1;
        if (j->t.schema.n == 0)
            return no_fields(j, e);
        take_builtin(j);
    }
    return index_paths(j, e);
}
