/* aggspec.c - what is to be computed: from the options' text to columns, items and a cell. */
#include "aggpriv.h"

#include "../base/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    agg_kind kind;
    const char *prefix; /* of the column's default name */
} functions[] = {
    {"count", AGG_COUNT, "count"},
    {"sum", AGG_SUM, "total"},
    {"avg", AGG_AVG, "avg"},
    {"stddev", AGG_STDDEV, "stddev"},
    {"min", AGG_MIN, "min"},
    {"max", AGG_MAX, "max"},
    {"first", AGG_FIRST, "first"},
    {"last", AGG_LAST, "last"},
    {"distinct", AGG_DISTINCT, "distinct"},
    {"median", AGG_PCTL, "median"},
    {"mad", AGG_MAD, "mad"},
    {"pctl", AGG_PCTL, NULL},
    {"approx_distinct", AGG_APPROX_DISTINCT, "approx_distinct"},
    {"approx_median", AGG_APPROX_PCTL, "approx_median"},
    {"approx_pctl", AGG_APPROX_PCTL, NULL},
};

/* A list of a kind, parsed item by item. */
_Static_assert(GN_FIELDS_MAX == 4096, "the messages below say so");

typedef struct list {
    const char *text, *what;
    gn_exprlist_item item;
} list;

/* The column of an expression: an earlier one of the same text, or a new one. */
static int column(agg_spec *s, const list *l, const gn_exprlist_item *it, gn_err *e)
{
    for (size_t i = 0; i < s->ncols; i++)
        if (s->col[i].n == it->n &&
            memcmp(s->col[i].text + s->col[i].at, l->text + it->expr, it->n) == 0)
            return (int)i;
    agg_col *c = gn_realloc(s->col, s->ncols + 1, sizeof *c, e);
    if (!c)
        return -1;
    s->col = c;
    c += s->ncols;
    memset(c, 0, sizeof *c);
    c->text = l->text;
    c->at = it->expr;
    c->n = it->n;
    c->what = l->what;
    c->field = -1;
    return (int)s->ncols++;
}

static bool is_word(const char *text, size_t n)
{
    return n && !(text[0] >= '0' && text[0] <= '9') &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

static bool name_taken(const agg_spec *s, const char *name)
{
    for (size_t i = 0; i < s->nkeys; i++)
        if (strcmp(s->key_name[i], name) == 0)
            return true;
    for (size_t i = 0; i < s->nitems; i++)
        if (strcmp(s->item[i].name, name) == 0)
            return true;
    return false;
}

static int open_list(agg_spec *s, list *l, const char *text, const char *what, gn_err *e)
{
    *l = (list){.text = gn_arena_strndup(&s->arena, text, strlen(text), e), .what = what};
    return l->text ? 0 : -1;
}

static int fail(const list *l, size_t at, const char *why, gn_err *e)
{
    return gn_expr_fail(l->text, l->what, at, e, GN_USAGE, "%s", why);
}

static int parse_keys(agg_spec *s, const char *text, gn_err *e)
{
    list l;
    gn_exprlist_item *it = &l.item;
    if (open_list(s, &l, text, "--key", e))
        return -1;
    while (!it->last) {
        if (gn_exprlist_next(it, l.text, l.what, GN_EXPRLIST_CALLS, &s->arena, e))
            return -1;
        if (name_taken(s, it->name))
            return gn_exprlist_twice(it, l.text, l.what, e);
        if (s->nkeys == GN_FIELDS_MAX)
            return fail(&l, it->at, "more than 4096 fields", e);
        int *key = gn_realloc(s->key, s->nkeys + 1, sizeof *key, e);
        if (!key)
            return -1;
        s->key = key;
        char **name = gn_realloc(s->key_name, s->nkeys + 1, sizeof *name, e);
        if (!name)
            return -1;
        s->key_name = name;
        if ((key[s->nkeys] = column(s, &l, it, e)) < 0)
            return -1;
        name[s->nkeys++] = it->name;
    }
    return 0;
}

bool agg_parse_percent(const char *text, size_t len, uint64_t *num, uint64_t *den)
{
    uint64_t n = 0, d = 100;
    bool dot = false;
    size_t digits = 0;
    for (const char *end = text + len; text < end; text++) {
        if (*text == '.' && !dot) {
            dot = true;
        } else if (*text >= '0' && *text <= '9' && digits++ < 9) {
            n = n * 10 + (uint64_t)(*text - '0');
            d *= dot ? 10 : 1;
        } else {
            return false;
        }
    }
    if (!digits || n > d)
        return false;
    while (n % 10 == 0 && d % 10 == 0) {
        n /= 10;
        d /= 10;
    }
    *num = n;
    *den = d;
    return true;
}

#define APPROX "approx_"

/* Which function is it? -1: none. pNN is pctl with its percentage in the name. */
static int function(const char *name, agg_item *it, char prefix[32])
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, name) == 0) {
            it->kind = functions[i].kind;
            it->num = 1; /* the median's */
            it->den = 2;
            if (functions[i].prefix)
                (void)snprintf(prefix, 32, "%s", functions[i].prefix);
            return (int)i;
        }
    bool approx = strncmp(name, APPROX, strlen(APPROX)) == 0;
    const char *p = name + (approx ? strlen(APPROX) : 0);
    if (p[0] == 'p' && strspn(p + 1, "0123456789") == 2 && !p[3] &&
        agg_parse_percent(p + 1, 2, &it->num, &it->den)) {
        it->kind = approx ? AGG_APPROX_PCTL : AGG_PCTL;
        (void)snprintf(prefix, 32, "%s", name);
        return (int)(sizeof functions / sizeof *functions);
    }
    return -1;
}

static int find_run(agg_spec *s, int col, gn_err *e)
{
    for (size_t i = 0; i < s->nruns; i++)
        if (s->run[i].col == col)
            return (int)i;
    if (s->nruns == AGG_RUNS_MAX)
        return gn_fail(e, GN_USAGE, "--agg: more than %d expressions to keep the values of",
                       AGG_RUNS_MAX);
    agg_run *r = gn_realloc(s->run, s->nruns + 1, sizeof *r, e);
    if (!r)
        return -1;
    s->run = r;
    r[s->nruns] = (agg_run){.col = col};
    return (int)s->nruns++;
}

static int find_sketch(agg_spec *s, int col, bool dds, gn_err *e)
{
    for (size_t i = 0; i < s->nsketches; i++)
        if (s->sketch[i].col == col && s->sketch[i].dds == dds)
            return (int)i;
    agg_sketch *k = gn_realloc(s->sketch, s->nsketches + 1, sizeof *k, e);
    if (!k)
        return -1;
    s->sketch = k;
    k[s->nsketches] = (agg_sketch){.col = col, .dds = dds};
    return (int)s->nsketches++;
}

/* What first and last go by, where no argument says so. */
static int time_column(agg_spec *s, const char *time, gn_err *e)
{
    list l;
    if (open_list(s, &l, time, "--time", e) ||
        gn_exprlist_next(&l.item, l.text, l.what, GN_EXPRLIST_CALLS, &s->arena, e))
        return -1;
    return l.item.last ? column(s, &l, &l.item, e)
                       : fail(&l, l.item.end - 1, "one field is enough", e);
}

/* The arguments of a call into `it`; `prefix` may be filled in. */
static int arguments(agg_spec *s, const list *l, agg_item *it, const char *time, char prefix[32],
                     gn_err *e)
{
    const gn_exprlist_item *at = &l->item;
    bool approx = strcmp(at->call, APPROX "pctl") == 0, pctl = approx || !strcmp(at->call, "pctl"),
         timed = it->kind == AGG_FIRST || it->kind == AGG_LAST;
    size_t least = it->kind == AGG_COUNT ? 0 : pctl ? 2 : 1;
    it->arg = it->by = it->run = it->sketch = -1;
    if (at->nargs < least || at->nargs > (pctl || timed ? 2 : 1))
        return gn_expr_fail(l->text, l->what, at->expr, e, GN_USAGE, "%s takes %s", at->call,
                            approx  ? "two arguments: approx_pctl(x, 99.9)"
                            : pctl  ? "two arguments: pctl(x, 99.9)"
                            : timed ? "one argument or two"
                            : least ? "one argument"
                                    : "one argument or none");
    if (at->nargs && (it->arg = column(s, l, &at->arg[0], e)) < 0)
        return -1;
    if (timed &&
        (it->by = at->nargs == 2 ? column(s, l, &at->arg[1], e) : time_column(s, time, e)) < 0)
        return -1;
    if (pctl) {
        const char *p = l->text + at->arg[1].expr;
        if (!agg_parse_percent(p, at->arg[1].n, &it->num, &it->den))
            return fail(l, at->arg[1].expr, "not a percentage from 0 to 100", e);
        int n = snprintf(prefix, 32, "%sp%.*s", approx ? APPROX : "", (int)at->arg[1].n, p);
        for (int i = 0; i < n && i < 31; i++)
            if (prefix[i] == '.')
                prefix[i] = '_';
    }
    bool run = it->kind == AGG_DISTINCT || it->kind == AGG_PCTL || it->kind == AGG_MAD;
    if (run && (it->run = find_run(s, it->arg, e)) < 0)
        return -1;
    if (run)
        s->run[it->run].mad |= it->kind == AGG_MAD;
    bool dds = it->kind == AGG_APPROX_PCTL;
    if ((dds || it->kind == AGG_APPROX_DISTINCT) &&
        (it->sketch = find_sketch(s, it->arg, dds, e)) < 0)
        return -1;
    return 0;
}

static int name_item(agg_spec *s, list *l, const char *prefix, gn_err *e)
{
    gn_exprlist_item *at = &l->item;
    gn_buf b = {0};
    int r = 0;
    if (at->named)
        return 0;
    if (at->nargs && !at->arg[0].name)
        return fail(l, at->at, "what is computed needs a name, as in total = sum(a + b)", e);
    r = at->nargs ? gn_buf_printf(&b, e, "%s_%s", prefix, at->arg[0].name)
                  : gn_buf_printf(&b, e, "%s", prefix);
    if (r == 0 && !(at->name = gn_arena_strndup(&s->arena, (char *)b.p, b.n, e)))
        r = -1;
    gn_buf_release(&b);
    return r;
}

static int parse_aggs(agg_spec *s, const char *text, const char *time, gn_err *e)
{
    list l;
    gn_exprlist_item *at = &l.item;
    if (open_list(s, &l, text, "--agg", e))
        return -1;
    while (!at->last) {
        char prefix[32] = "";
        agg_item it = {0};
        if (gn_exprlist_next(at, l.text, l.what, GN_EXPRLIST_AGGS, &s->arena, e))
            return -1;
        if (!at->call || function(at->call, &it, prefix) < 0)
            return fail(&l, at->at,
                        "not an aggregate (there are count, sum, avg, stddev, min, max, first, "
                        "last, distinct, median, mad, p01 to p99, pctl, and approx_distinct, "
                        "approx_median, approx_p01 to approx_p99, approx_pctl)",
                        e);
        if (arguments(s, &l, &it, time, prefix, e) || name_item(s, &l, prefix, e))
            return -1;
        if (name_taken(s, at->name))
            return gn_exprlist_twice(at, l.text, l.what, e);
        if (s->nkeys + s->nitems == GN_FIELDS_MAX)
            return fail(&l, at->at, "more than 4096 fields", e);
        agg_item *item = gn_realloc(s->item, s->nitems + 1, sizeof *item, e);
        if (!item)
            return -1;
        s->item = item;
        it.name = at->name;
        item[s->nitems++] = it;
    }
    return 0;
}

int agg_name_text(gn_buf *to, const char *name, gn_err *e)
{
    size_t n = strlen(name);
    bool plain = is_word(name, n);
    if (!plain && gn_buf_add(to, "`", 1, e))
        return -1;
    for (; *name; name++)
        if (gn_buf_add(to, name, 1, e) || (*name == '`' && gn_buf_add(to, name, 1, e)))
            return -1;
    return gn_buf_add(to, "`", plain ? 0 : 1, e) || gn_buf_add(to, "", 1, e) ? -1 : 0;
}

int agg_spec_parse(agg_spec *s, const gn_agg_options *o, gn_err *e)
{
    gn_buf time = {0};
    int r = agg_name_text(&time, o->time, e);
    if (r == 0 && o->keys)
        r = parse_keys(s, o->keys, e);
    if (r == 0)
        r = parse_aggs(s, o->aggs, (const char *)time.p, e);
    gn_buf_release(&time);
    return r;
}

void agg_spec_release(agg_spec *s)
{
    for (size_t i = 0; i < s->ncols; i++) {
        gn_expr_free(s->col[i].x);
        gn_buf_release(&s->col[i].bytes);
    }
    free(s->col);
    free(s->key);
    free(s->key_name);
    free(s->item);
    free(s->run);
    free(s->sketch);
    free(s->params);
    gn_arena_release(&s->arena);
    *s = (agg_spec){0};
}

/* ---- layout ---- */

static bool numeric(gn_type t)
{
    return t == GN_INT || t == GN_FLOAT;
}

static int state_size(const agg_spec *s, const agg_item *it, bool nearest, size_t *size, gn_err *e)
{
    gn_type t = it->arg < 0 ? GN_INT : s->col[it->arg].type;
    bool real = t == GN_FLOAT;
    switch (it->kind) {
    case AGG_COUNT:
        *size = sizeof(uint64_t);
        return 0;
    case AGG_SUM:
    case AGG_AVG:
        *size = real ? sizeof(gn_fsum) : sizeof(agg_isum);
        break;
    case AGG_STDDEV:
        *size = real ? sizeof(agg_fdev) : sizeof(gn_moments);
        break;
    case AGG_FIRST:
    case AGG_LAST: {
        gn_type by = s->col[it->by].type;
        if (by != GN_INT && by != GN_TIME && by != GN_DATE)
            return gn_fail(e, GN_INPUT, "'%s': ordered by a %s, not by an int, time or date",
                           it->name, gn_type_name(by));
        *size = sizeof(agg_best);
        return 0;
    }
    case AGG_MIN:
    case AGG_MAX:
        *size = sizeof(agg_best);
        return 0;
    case AGG_PCTL:
        if (!nearest && !numeric(t))
            return gn_fail(e, GN_INPUT,
                           "'%s': a percentile between two values of a %s (give --percentile "
                           "nearest)",
                           it->name, gn_type_name(t));
        return 0;
    case AGG_APPROX_PCTL:
    case AGG_MAD:
        break;
    default:
        return 0;
    }
    if (!numeric(t))
        return gn_fail(e, GN_INPUT, "'%s': of a %s, not of an int or float", it->name,
                       gn_type_name(t));
    return 0;
}

int agg_spec_layout(agg_spec *s, bool nearest, gn_err *e)
{
    size_t at = 0;
    for (size_t i = 0; i < s->nitems; i++) {
        size_t size = 0;
        if (state_size(s, &s->item[i], nearest, &size, e))
            return -1;
        s->item[i].at = at;
        at += (size + 15) / 16 * 16;
    }
    for (size_t i = 0; i < s->nruns; i++, at += 16)
        s->run[i].at = at;
    for (size_t i = 0; i < s->nsketches; i++) {
        s->sketch[i].at = at;
        at += ((s->sketch[i].dds ? sizeof(gn_dds) : sizeof(gn_hll)) + 15) / 16 * 16;
    }
    s->cell = at ? at : 16;
    return 0;
}

gn_type agg_item_type(const agg_spec *s, const agg_item *it, bool nearest)
{
    gn_type t = it->arg < 0 ? GN_INT : s->col[it->arg].type;
    switch (it->kind) {
    case AGG_COUNT:
    case AGG_DISTINCT:
    case AGG_APPROX_DISTINCT:
        return GN_INT;
    case AGG_AVG:
    case AGG_STDDEV:
    case AGG_APPROX_PCTL:
    case AGG_MAD:
        return GN_FLOAT;
    case AGG_PCTL:
        return nearest ? t : GN_FLOAT;
    default:
        return t;
    }
}

/* ---- columns ---- */

static bool raw_wanted(const agg_spec *s, int col)
{
    for (size_t i = 0; i < s->nkeys; i++)
        if (s->key[i] == col)
            return true;
    for (size_t i = 0; i < s->nitems; i++) {
        const agg_item *it = &s->item[i];
        bool bytes = it->kind == AGG_MIN || it->kind == AGG_MAX || it->kind == AGG_FIRST ||
                     it->kind == AGG_LAST || it->kind == AGG_APPROX_DISTINCT;
        if (it->arg == col && (it->run >= 0 || bytes))
            return true;
    }
    return false;
}

bool agg_col_names(const agg_col *c, const char *field)
{
    const char *text = c->text + c->at;
    size_t n = strlen(field), quote = text[0] == '`';
    return c->field >= 0 && c->n == n + 2 * quote && memcmp(text + quote, field, n) == 0;
}

int agg_spec_bind(agg_spec *s, const gn_zone *zone, gn_reader *r, gn_err *e)
{
    const gn_schema *schema = &gn_reader_header(r)->schema;
    for (size_t i = 0; i < s->ncols; i++) {
        agg_col *c = &s->col[i];
        gn_type t;
        c->raw = raw_wanted(s, (int)i);
        gn_expr_free(c->x);
        c->x = NULL;
        if (!(c->x = gn_expr_compile_at(c->text, c->at, c->what, schema, zone, e)))
            return -1;
        t = gn_expr_type(c->x);
        c->field = gn_expr_field(c->x);
        if (c->field >= 0 ? gn_reader_want(r, c->field, GN_VALUE | (c->raw ? GN_RAW : 0), e)
                          : gn_expr_want_reader(c->x, r, e))
            return -1;
        if (c->bound && t != c->type)
            return gn_fail(e, GN_INPUT, "'%s': %.*s is a %s here, a %s in the input before",
                           gn_reader_name(r), (int)c->n, c->text + c->at, gn_type_name(t),
                           gn_type_name(c->type));
        c->type = t;
        c->bound = true;
    }
    return 0;
}

int agg_spec_eval(agg_spec *s, const gn_batch *b, gn_err *e)
{
    for (size_t i = 0; i < s->ncols; i++) {
        agg_col *c = &s->col[i];
        if (c->field >= 0) {
            c->v = &b->col[c->field];
            c->enc = c->v->raw;
            continue;
        }
        if (!(c->v = gn_expr_eval(c->x, b, e)))
            return -1;
        if (!c->raw)
            continue;
        size_t bytes = 0;
        for (size_t k = 0; k < b->n; k++)
            bytes += agg_value_room(c->type, c->v, k);
        c->bytes.n = 0;
        if (gn_buf_reserve(&c->bytes, bytes, e))
            return -1;
        uint8_t *p = c->bytes.p;
        for (size_t k = 0; k < b->n; k++) {
            uint8_t *end = agg_value_put(p, c->type, c->v, k);
            c->made[k] = (gn_str){p, (uint32_t)(end - p)};
            p = end;
        }
        c->enc = c->made;
    }
    return 0;
}

/* What a partial state was made with; texts behind their lengths. */
int agg_spec_params(agg_spec *s, const gn_agg_options *o, gn_err *e)
{
    const char *keys = o->keys ? o->keys : "";
    gn_buf b = {0};
    int r = gn_buf_printf(&b, e, "tz=%s percentile=%s types=", o->tz, o->nearest ? "disc" : "cont");
    for (size_t i = 0; r == 0 && i < s->ncols; i++)
        r = gn_buf_printf(&b, e, "%s%s", i ? "," : "", gn_type_name(s->col[i].type));
    if (r == 0)
        r = gn_buf_printf(&b, e, " time=%zu:%s keys=%zu:%s aggs=%zu:%s", strlen(o->time), o->time,
                          strlen(keys), keys, strlen(o->aggs), o->aggs);
    s->params = (char *)b.p;
    return r;
}

/* "name=" at *p, then what follows up to a blank, or, with `sized`, "length:text": a copy of it. */
static char *param(const char **p, const char *name, bool sized, gn_err *e)
{
    size_t n = strlen(name);
    if (strncmp(*p, name, n) != 0 || (*p)[n] != '=')
        return NULL;
    const char *v = *p + n + 1;
    size_t len = strcspn(v, " ");
    if (sized) {
        char *end;
        unsigned long size = strtoul(v, &end, 10);
        if (*v < '0' || *v > '9' || *end != ':' || size > strlen(end + 1))
            return NULL;
        v = end + 1;
        len = size;
    }
    *p = v + len;
    if (**p == ' ')
        ++*p;
    return gn_strndup(v, len, e);
}

/* A partial state says how it was made: the spec of the merge. */
int agg_spec_of_params(agg_spec *s, const char *params, bool *nearest, const char *name, gn_err *e)
{
    const char *p = params;
    char *tz = param(&p, "tz", false, e), *method = tz ? param(&p, "percentile", false, e) : NULL;
    char *types = method ? param(&p, "types", false, e) : NULL;
    char *time = types ? param(&p, "time", true, e) : NULL;
    char *keys = time ? param(&p, "keys", true, e) : NULL;
    char *aggs = keys ? param(&p, "aggs", true, e) : NULL;
    int r = -1;
    if (aggs && !*p && (strcmp(method, "disc") == 0 || strcmp(method, "cont") == 0)) {
        gn_agg_options o = {.keys = *keys ? keys : NULL, .aggs = aggs, .time = time};
        gn_err bad = {0};
        const char *t = types;
        r = agg_spec_parse(s, &o, &bad);
        for (size_t i = 0; r == 0 && i < s->ncols; i++) {
            size_t n = strcspn(t, ",");
            r = gn_type_parse(t, n, &s->col[i].type) && (!t[n] == (i + 1 == s->ncols)) ? 0 : -1;
            t += n + (t[n] != '\0');
        }
        if (r == 0)
            r = agg_spec_layout(s, strcmp(method, "disc") == 0, &bad);
        *nearest = strcmp(method, "disc") == 0;
        s->params = gn_strdup(params, e);
    }
    free(tz);
    free(method);
    free(types);
    free(time);
    free(keys);
    free(aggs);
    if (r == 0 && s->params)
        return 0;
    return gn_fail(e, GN_INPUT, "'%s': a partial state of another version of gn-agg", name);
}
