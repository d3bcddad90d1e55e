/* prune.c - see prune.h. Each file is made a record of its keys, and the pieces of the condition
 * are evaluated on those as on any others. */
#include "prune.h"

#include "../base/parse.h"
#include "../io/in.h"
#include "../io/mp.h"
#include "expr.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PIECES_MAX 64

static const char *value_of(const gn_treefile *f, const char *key)
{
    for (size_t i = 0; i < f->npairs; i++)
        if (strcmp(f->pair[i].key, key) == 0)
            return f->pair[i].value;
    return NULL;
}

static bool is_int(const char *s, int64_t *v)
{
    char text[32];
    return gn_parse_int(s, strlen(s), v) && gn_int_format(*v, text) == strlen(s) &&
           strcmp(text, s) == 0;
}

static bool is_date(const char *s, int64_t *v)
{
    return gn_parse_date(s, strlen(s), v);
}

static gn_type type_of(const gn_tree *t, const char *key)
{
    bool seen = false, ints = true, dates = true;
    int64_t v;
    for (size_t i = 0; i < t->n; i++) {
        const char *s = value_of(&t->f[i], key);
        if (!s)
            continue;
        seen = true;
        ints = ints && is_int(s, &v);
        dates = dates && is_date(s, &v);
    }
    return !seen ? GN_STR : ints ? GN_INT : dates ? GN_DATE : GN_STR;
}

static int key_schema(const gn_tree *t, gn_schema *s, gn_err *e)
{
    for (size_t i = 0; i < t->n; i++)
        for (size_t k = 0; k < t->f[i].npairs; k++) {
            const char *key = t->f[i].pair[k].key;
            if (gn_schema_find(s, key) < 0 &&
                gn_schema_add(s, key, strlen(key), type_of(t, key), e))
                return -1;
        }
    return 0;
}

static int put_record(const gn_treefile *f, const gn_schema *s, gn_buf *b, gn_err *e)
{
    if (gn_buf_reserve(b, GN_MP_HEAD, e))
        return -1;
    b->n = (size_t)(gn_mp_array_head(b->p + b->n, s->n) - b->p);
    for (size_t k = 0; k < s->n; k++) {
        const char *v = value_of(f, s->f[k].name);
        int64_t i = 0;
        if (gn_buf_reserve(b, GN_MP_HEAD + (v ? strlen(v) : 0), e))
            return -1;
        uint8_t *o = b->p + b->n;
        if (!v)
            o = gn_mp_nil(o);
        else if (s->f[k].type == GN_STR)
            o = gn_mp_str(o, v, strlen(v));
        else if (s->f[k].type == GN_INT ? is_int(v, &i) : is_date(v, &i))
            o = gn_mp_int(o, i);
        else
            return gn_fail(e, GN_BUG, "a key's value is not of the type that was found");
        b->n = (size_t)(o - b->p);
    }
    return 0;
}

/* Clear wanted[i] for the files in which the condition is not true. */
static int decide(const gn_schema *s, const gn_buf *records, gn_expr *x, uint8_t *wanted, gn_err *e)
{
    uint8_t keep[GN_BATCH];
    gn_batch *b;
    const char *bad;
    const uint8_t *p = records->p, *end = p + records->n - GN_SLACK;
    size_t at = 0, kept;
    int r = -1;
    gn_decoder *d = gn_decoder_new(s, true, e);
    if (!d || gn_expr_want(x, d, e))
        goto done;
    while (p < end) {
        if (gn_decoder_run(d, p, end, GN_BATCH, &b, &p, &bad, e) != GN_DECODE_OK) {
            gn_fail(e, GN_BUG, "a file's keys do not make a record");
            goto done;
        }
        if (gn_expr_filter(x, b, keep, &kept, e))
            goto done;
        for (size_t i = 0; i < b->n; i++)
            wanted[at++] &= keep[i];
    }
    r = 0;
done:
    gn_decoder_free(d);
    return r;
}

/* One piece: decided here if it knows no fields but keys, else added to the rest. */
static int take_piece(gn_str piece, const char *what, const gn_schema *s, const gn_zone *zone,
                      const gn_buf *records, uint8_t *wanted, gn_buf *rest, gn_err *e)
{
    gn_err why = {0};
    char *text = gn_strndup((const char *)piece.p, piece.n, e);
    if (!text)
        return -1;
    int r;
    gn_expr *x = gn_expr_condition(text, what, s, zone, &why);
    if (x)
        r = decide(s, records, x, wanted, e);
    else if (why.status == GN_INPUT) /* a field that is no key */
        r = gn_buf_printf(rest, e, "%s%s", rest->n ? " and " : "", text);
    else
        r = gn_fail(e, why.status, "%s", why.msg);
    gn_expr_free(x);
    free(text);
    return r;
}

static int prune(gn_prune *p, const char *where, const char *what, const gn_zone *zone,
                 uint8_t *wanted, gn_err *e)
{
    gn_schema s = {0};
    gn_buf records = {0}, rest = {0};
    gn_str piece[PIECES_MAX];
    size_t n;
    static const uint8_t slack[GN_SLACK];
    int r = gn_expr_check(where, what, e) ||
                    gn_expr_conjuncts(where, what, piece, PIECES_MAX, &n, e) ||
                    key_schema(&p->tree, &s, e)
                ? -1
                : 0;
    if (r == 0 && s.n == 0) /* no keys: nothing to decide */
        return (p->rest = gn_strdup(where, e)) ? 0 : -1;
    for (size_t i = 0; r == 0 && i < p->tree.n; i++)
        r = put_record(&p->tree.f[i], &s, &records, e);
    if (r == 0)
        r = gn_buf_add(&records, slack, sizeof slack, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = take_piece(piece[i], what, &s, zone, &records, wanted, &rest, e);
    gn_schema_release(&s);
    gn_buf_release(&records);
    if (r == 0)
        p->rest = (char *)rest.p;
    else
        gn_buf_release(&rest);
    return r;
}

static bool is_dir(const char *path)
{
    struct stat st;
    return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int gn_prune_open(gn_prune *p, const char *const *operand, size_t n, const char *where,
                  const char *what, const gn_zone *zone, gn_err *e)
{
    bool dirs = true;
    int r = 0;
    for (size_t i = 0; i < n; i++) {
        dirs = dirs && is_dir(operand[i]);
        if (gn_tree_add(&p->tree, operand[i], GN_TREE_GN, e))
            return -1;
    }
    size_t files = p->tree.n;
    uint8_t *wanted = gn_alloc(files, 1, e);
    p->path = gn_alloc(files, sizeof *p->path, e);
    if (!wanted || !p->path)
        goto fail;
    memset(wanted, 1, files);
    if (where && dirs)
        r = prune(p, where, what, zone, wanted, e);
    else if (where && !(p->rest = gn_strdup(where, e)))
        goto fail;
    for (size_t i = 0; i < files; i++)
        if (wanted[i])
            p->path[p->npaths++] = p->tree.f[i].path;
    p->nothing = p->npaths == 0;
    if (p->nothing)
        p->path[p->npaths++] = p->tree.f[0].path;
    free(wanted);
    return r;
fail:
    free(wanted);
    return -1;
}

void gn_prune_release(gn_prune *p)
{
    gn_tree_release(&p->tree);
    free(p->path);
    free(p->rest);
    *p = (gn_prune){0};
}
