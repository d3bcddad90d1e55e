/* parts.c - see parts.h. */
#include "parts.h"

#include "../stream/reader.h"
#include "../stream/tree.h"

#include <string.h>

enum column { PATH, PART, LO, HI, ROWS, BYTES, OFFSET, COLUMNS };

typedef struct search {
    gn_plan *plan;
    const char *dir;
    uint64_t part;
    size_t found;      /* in the directory */
    int at[COLUMNS];   /* in the manifest; -1: it has no such field */
    gn_buf range;      /* lo and hi of the part, where it was found first */
    const char *first; /* and in which directory */
} search;

static int find_columns(search *s, gn_reader *r, gn_err *e)
{
    static const struct {
        const char *name;
        unsigned types;
    } column[COLUMNS] = {[PATH] = {"path", 1u << GN_STR},
                         [PART] = {"part", 1u << GN_INT},
                         [LO] = {"lo", ~0u},
                         [HI] = {"hi", ~0u},
                         [ROWS] = {"rows", 1u << GN_INT},
                         [BYTES] = {"bytes", 1u << GN_INT},
                         [OFFSET] = {"offset", 1u << GN_INT}};
    for (int i = 0; i < COLUMNS; i++) {
        s->at[i] = -1;
        if (i == OFFSET && gn_schema_find(&gn_reader_header(r)->schema, column[i].name) < 0)
            continue;
        s->at[i] = gn_reader_field(r, "a manifest", column[i].name, column[i].types, e);
        if (s->at[i] < 0 || gn_reader_want(r, s->at[i], i == LO || i == HI ? GN_RAW : GN_VALUE, e))
            return -1;
    }
    return 0;
}

/* A relative path that stays below its directory. */
static bool is_below(gn_str path)
{
    const char *p = (const char *)path.p, *end = p + path.n;
    while (true) {
        const char *slash = memchr(p, '/', (size_t)(end - p)), *to = slash ? slash : end;
        if (to == p || p[0] == '.')
            return false;
        if (!slash)
            return true;
        p = slash + 1;
    }
}

static int same_range(search *s, gn_str lo, gn_str hi, gn_err *e)
{
    if (!s->first) {
        s->first = s->dir;
        return gn_buf_add(&s->range, lo.p, lo.n, e) || gn_buf_add(&s->range, hi.p, hi.n, e) ? -1
                                                                                            : 0;
    }
    if (s->range.n == lo.n + hi.n && memcmp(s->range.p, lo.p, lo.n) == 0 &&
        memcmp(s->range.p + lo.n, hi.p, hi.n) == 0)
        return 0;
    return gn_fail(e, GN_INPUT, "'%s': its part %llu is another range than in '%s'", s->dir,
                   (unsigned long long)s->part, s->first);
}

static int take_row(search *s, const gn_batch *b, size_t i, gn_err *e)
{
    int64_t v[COLUMNS] = {0};
    gn_buf path = {0};
    bool bad = b->col[s->at[PATH]].null[i];
    for (int k = ROWS; k < COLUMNS; k++) {
        const gn_vec *c = s->at[k] < 0 ? NULL : &b->col[s->at[k]];
        if (!c)
            continue;
        bad = bad || c->null[i] || c->i[i] < 0;
        v[k] = c->i[i];
    }
    gn_str name = b->col[s->at[PATH]].s[i];
    if (bad || !is_below(name))
        return gn_fail(e, GN_INPUT, "'%s/%s': not a manifest of gn-partition", s->dir,
                       GN_TREE_LIST);
    s->found++;
    if (same_range(s, b->col[s->at[LO]].raw[i], b->col[s->at[HI]].raw[i], e) ||
        gn_buf_printf(&path, e, "%s/%.*s", s->dir, (int)name.n, (const char *)name.p))
        return -1;
    int r = gn_plan_slice(s->plan, (char *)path.p, (uint64_t)v[OFFSET], (uint64_t)v[BYTES],
                          (uint64_t)v[ROWS], e);
    gn_buf_release(&path);
    return r;
}

static int read_manifest(search *s, const char *path, size_t max_record, gn_err *e)
{
    gn_batch *b;
    int ev = -1;
    gn_reader *r = gn_reader_open(&path, 1, max_record, e);
    while (r && (ev = gn_reader_next(r, &b, e)) > 0) {
        if (ev == GN_EV_SEGMENT && find_columns(s, r, e))
            ev = -1;
        for (size_t i = 0; ev == GN_EV_BATCH && i < b->n; i++) {
            const gn_vec *part = &b->col[s->at[PART]];
            if (!part->null[i] && part->i[i] >= 0 && (uint64_t)part->i[i] == s->part &&
                take_row(s, b, i, e))
                ev = -1;
        }
        if (ev < 0)
            break;
    }
    if (r) {
        s->plan->bytes += gn_reader_bytes(r);
        s->plan->wait += gn_reader_wait(r);
    }
    gn_reader_close(r);
    if (ev == 0 && s->found == 0)
        return gn_fail(e, GN_INPUT, "'%s': it has no part %llu", s->dir,
                       (unsigned long long)s->part);
    return ev;
}

gn_plan *gn_parts_plan(const char *const *dir, size_t n, uint64_t part, size_t max_record,
                       gn_err *e)
{
    search s = {.plan = gn_calloc(1, sizeof *s.plan, e), .part = part};
    int r = s.plan ? 0 : -1;
    for (size_t i = 0; r == 0 && i < n; i++) {
        gn_buf path = {0};
        s.dir = dir[i];
        s.found = 0;
        r = gn_buf_printf(&path, e, "%s/%s", dir[i], GN_TREE_LIST);
        if (r == 0)
            r = read_manifest(&s, (char *)path.p, max_record, e);
        gn_buf_release(&path);
    }
    gn_buf_release(&s.range);
    if (r == 0)
        return s.plan;
    gn_plan_free(s.plan);
    return NULL;
}
