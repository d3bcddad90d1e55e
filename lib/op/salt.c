/* salt.c - see salt.h. */
#include "salt.h"

#include "../base/hash.h"
#include "../io/mp.h"
#include "../io/tmp.h"
#include "../kernel/recout.h"

#include <stdlib.h>
#include <string.h>

int gn_salt_header(gn_header *h, const char *field, bool explode, gn_err *e)
{
    size_t n = h->schema.n;
    if (gn_schema_find(&h->schema, field) >= 0)
        return gn_fail(e, GN_INPUT, "there is a field '%s' already (choose another with --field)",
                       field);
    gn_column *c = gn_calloc(n + 1, sizeof *c, e);
    if (!c)
        return -1;
    for (size_t i = 0; i < n; i++)
        c[i].from = (int)i;
    c[n] = (gn_column){-1, field, GN_INT};
    int r = gn_header_map(h, c, n + 1, e);
    free(c);
    gn_header_drop_part(h);
    if (explode) /* equal records: their copies follow each other, not the copies of one salt */
        h->total = false;
    return r;
}

/* The bytes of an array's head. */
static size_t head_of(size_t nfields)
{
    uint8_t head[GN_MP_HEAD];
    return (size_t)(gn_mp_array_head(head, nfields) - head);
}

/* A record with a salt behind its fields. */
static int put(gn_recout *o, gn_str record, size_t nfields, size_t head, uint32_t salt, gn_err *e)
{
    size_t room = record.n + 2 * GN_MP_HEAD;
    if ((size_t)(o->end - o->p) < room && gn_recout_room(o, room, e))
        return -1;
    o->p = gn_mp_array_head(o->p, nfields + 1);
    memcpy(o->p, record.p + head, record.n - head);
    o->p = gn_mp_int(o->p + (record.n - head), salt);
    o->n++;
    return 0;
}

static gn_str record_of(const gn_batch *b, size_t i)
{
    return (gn_str){b->base + b->off[i], b->off[i + 1] - b->off[i]};
}

int gn_salt_add(const gn_hotlist *l, const gn_batch *b, size_t nfields, const uint32_t *hot,
                gn_writer *w, gn_salt_stats *s, gn_err *e)
{
    gn_recout o = {.w = w};
    size_t head = head_of(nfields);
    for (size_t i = 0; i < b->n; i++) {
        gn_str r = record_of(b, i);
        bool is = hot[i] != GN_HOTLIST_COLD;
        uint32_t salt = is ? (uint32_t)(gn_hash(r.p, r.n) % gn_hotlist_factor(l, hot[i])) : 0;
        if (put(&o, r, nfields, head, salt, e))
            return -1;
        s->hot += is;
        s->cold += !is;
    }
    return gn_recout_end(&o, e);
}

int gn_salt_explode(const gn_hotlist *l, const gn_batch *b, size_t nfields, const uint32_t *hot,
                    gn_writer *w, gn_salt_stats *s, gn_err *e)
{
    gn_recout o = {.w = w};
    size_t head = head_of(nfields);
    for (size_t i = 0; i < b->n; i++) {
        gn_str r = record_of(b, i);
        bool is = hot[i] != GN_HOTLIST_COLD;
        uint32_t f = is ? gn_hotlist_factor(l, hot[i]) : 1;
        for (uint32_t salt = 0; salt < f; salt++)
            if (put(&o, r, nfields, head, salt, e))
                return -1;
        s->hot += is;
        s->cold += !is;
    }
    return gn_recout_end(&o, e);
}

/* ---- collapse ---- */

enum mark { LEFT, RIGHT, BOTH, UNKNOWN };

struct gn_collapse {
    const gn_hotlist *l;
    const char *salt, *mark;
    gn_budget *budget;
    gn_schema schema; /* of the input */
    int f_salt, f_mark;
    uint8_t *matched; /* by number of the hot key: some record of it was matched */
    gn_tmp *waiting;  /* number and length in 4 bytes each, the record without its salt */
    gn_buf record;
    gn_collapse_stats stats;
};

gn_collapse *gn_collapse_new(const gn_hotlist *l, const char *salt, const char *mark,
                             const char *temp_dir, gn_budget *b, gn_err *e)
{
    gn_collapse *c = gn_calloc(1, sizeof *c, e);
    size_t n = gn_hotlist_count(l);
    if (!c)
        return NULL;
    *c = (gn_collapse){.l = l, .salt = salt, .mark = mark};
    if (gn_budget_take(b, n, e) == 0) {
        c->budget = b;
        if ((c->matched = gn_calloc(n + 1, 1, e)) && (c->waiting = gn_tmp_new(temp_dir, e)))
            return c;
    }
    gn_collapse_free(c);
    return NULL;
}

void gn_collapse_free(gn_collapse *c)
{
    if (!c)
        return;
    if (c->budget)
        gn_budget_give(c->budget, gn_hotlist_count(c->l));
    gn_schema_release(&c->schema);
    gn_tmp_free(c->waiting);
    gn_buf_release(&c->record);
    free(c->matched);
    free(c);
}

const gn_collapse_stats *gn_collapse_counts(const gn_collapse *c)
{
    return &c->stats;
}

static int result_header(const gn_collapse *c, const gn_header *in, gn_header *h, gn_err *e)
{
    size_t n = 0;
    int *keep = gn_alloc(in->schema.n, sizeof *keep, e);
    if (!keep)
        return -1;
    for (size_t i = 0; i < in->schema.n; i++)
        if ((int)i != c->f_salt)
            keep[n++] = (int)i;
    int r = gn_header_copy(h, in, e) || gn_header_project(h, keep, n, e);
    free(keep);
    gn_header_drop_order(h);
    gn_header_drop_part(h);
    return r ? -1 : 0;
}

int gn_collapse_segment(gn_collapse *c, gn_reader *r, gn_header *h, gn_err *e)
{
    const gn_header *in = gn_reader_header(r);
    bool first = c->schema.n == 0;
    if (!first && !gn_schema_equal(&c->schema, &in->schema))
        return gn_fail(e, GN_INPUT, "'%s': its fields are not those of the first input",
                       gn_reader_name(r));
    c->f_salt = gn_reader_field(r, "--field", c->salt, 1u << GN_INT, e);
    c->f_mark = c->f_salt < 0 ? -1 : gn_reader_field(r, "--mark", c->mark, 1u << GN_STR, e);
    if (c->f_mark < 0 || gn_reader_want(r, c->f_salt, GN_VALUE | GN_RAW, e) ||
        gn_reader_want(r, c->f_mark, GN_VALUE, e))
        return -1;
    return first && (gn_schema_copy(&c->schema, &in->schema, e) || result_header(c, in, h, e)) ? -1
                                                                                               : 0;
}

static enum mark mark_of(const gn_vec *v, size_t i)
{
    static const char *const names[] = {[LEFT] = "left", [RIGHT] = "right", [BOTH] = "both"};
    for (enum mark m = LEFT; m < UNKNOWN; m++)
        if (v->s[i].n == strlen(names[m]) && memcmp(v->s[i].p, names[m], v->s[i].n) == 0)
            return m;
    return UNKNOWN;
}

static int check_row(const gn_collapse *c, const gn_batch *b, size_t i, uint32_t hot, enum mark m,
                     gn_err *e)
{
    const gn_vec *salt = &b->col[c->f_salt];
    int64_t most = hot == GN_HOTLIST_COLD ? 0 : (int64_t)gn_hotlist_factor(c->l, hot) - 1;
    unsigned long long number = b->first + i + 1;
    if (m == UNKNOWN)
        return gn_fail(e, GN_INPUT, "record %llu: '%s' is not left, right or both", number,
                       c->mark);
    if (salt->null[i] || salt->i[i] < 0 || salt->i[i] > most)
        return gn_fail(e, GN_INPUT,
                       "record %llu: its key has no such '%s': not the list it was salted with",
                       number, c->salt);
    return 0;
}

/* The record without its salt. */
static int unsalt(gn_collapse *c, const gn_batch *b, size_t i, size_t head, gn_err *e)
{
    gn_str r = record_of(b, i), salt = b->col[c->f_salt].raw[i];
    size_t before = (size_t)(salt.p - r.p) - head, behind = r.n - head - before - salt.n;
    c->record.n = 0;
    if (gn_buf_reserve(&c->record, r.n + 2 * GN_MP_HEAD + GN_SLACK, e))
        return -1;
    uint8_t *p = gn_mp_array_head(c->record.p, c->schema.n - 1);
    memcpy(p, r.p + head, before);
    memcpy(p + before, salt.p + salt.n, behind);
    c->record.n = (size_t)(p + before + behind - c->record.p);
    return 0;
}

static int wait_for_end(gn_collapse *c, uint32_t hot, gn_err *e)
{
    uint32_t head[] = {hot, (uint32_t)c->record.n};
    return gn_tmp_write(c->waiting, head, sizeof head, e) ||
                   gn_tmp_write(c->waiting, c->record.p, c->record.n, e)
               ? -1
               : 0;
}

int gn_collapse_batch(gn_collapse *c, const gn_batch *b, const uint32_t *hot, gn_writer *w,
                      gn_err *e)
{
    gn_recout o = {.w = w};
    size_t head = head_of(c->schema.n);
    for (size_t i = 0; i < b->n; i++) {
        enum mark m = mark_of(&b->col[c->f_mark], i);
        bool is = hot[i] != GN_HOTLIST_COLD;
        if (check_row(c, b, i, hot[i], m, e))
            return -1;
        if (is && m == RIGHT && b->col[c->f_salt].i[i] > 0) {
            c->stats.copies++;
            continue;
        }
        if (is && m == BOTH)
            c->matched[hot[i]] = 1;
        if (unsalt(c, b, i, head, e) ||
            (is && m == RIGHT ? wait_for_end(c, hot[i], e)
                              : gn_recout_put(&o, (gn_str){c->record.p, (uint32_t)c->record.n}, e)))
            return -1;
    }
    return gn_recout_end(&o, e);
}

int gn_collapse_end(gn_collapse *c, gn_writer *w, gn_err *e)
{
    uint64_t end = gn_tmp_size(c->waiting);
    gn_recout o = {.w = w};
    uint32_t head[2];
    for (uint64_t at = 0; at < end; at += sizeof head + head[1]) {
        if (gn_tmp_read(c->waiting, at, head, sizeof head, e))
            return -1;
        if (c->matched[head[0]]) {
            c->stats.matched++;
            continue;
        }
        c->stats.kept++;
        c->record.n = 0;
        if (gn_buf_reserve(&c->record, head[1], e) ||
            gn_tmp_read(c->waiting, at + sizeof head, c->record.p, head[1], e) ||
            gn_recout_put(&o, (gn_str){c->record.p, head[1]}, e))
            return -1;
    }
    return gn_recout_end(&o, e);
}
