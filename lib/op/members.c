/* members.c - see members.h. */
#include "members.h"

#include "../base/civil.h"
#include "../io/mp.h"
#include "../kernel/extsort.h"
#include "../stream/value.h"

#include <stdlib.h>
#include <string.h>

struct gn_members {
    gn_members_options o;
    gn_members_counts count;
    gn_reader *reader;
    gn_schema schema; /* of the first segment */
    gn_type join_type;
    int f_user, f_join;
    int *f_attribute;
    bool begun;
    gn_extsort *sort; /* NULL: in order as it is */
    gn_batch *batch;  /* that is being read, from record `at` */
    size_t at;
    /* the record that was read ahead, and the best of the user so far */
    gn_buf next, best;
    bool started, ahead;
    bool best_dated;
    int64_t best_join;
    gn_str *value; /* of attributes, in `best` */
};

static int segment(gn_members *m, gn_err *e)
{
    const gn_members_options *o = &m->o;
    const gn_header *h = gn_reader_header(m->reader);
    const char *name = gn_reader_name(m->reader);
    if (o->begun(o->ctx, h, name, e))
        return -1;
    if (m->begun && !gn_schema_equal(&m->schema, &h->schema))
        return gn_fail(e, GN_INPUT, "'%s': its fields are not those of the first segment", name);
    m->f_user = gn_reader_field(m->reader, "--members-user", o->user, 1u << o->user_type, e);
    if (m->f_user < 0)
        return -1;
    m->f_join = gn_reader_field(m->reader, "--join", o->join, 1u << GN_DATE | 1u << GN_TIME, e);
    if (m->f_join < 0 || gn_reader_want(m->reader, m->f_user, GN_VALUE | GN_RAW, e) ||
        gn_reader_want(m->reader, m->f_join, GN_VALUE, e))
        return -1;
    m->join_type = h->schema.f[m->f_join].type;
    for (size_t i = 0; i < o->nattributes; i++) {
        int f = gn_reader_field(m->reader, "--segment", o->attribute[i], 1u << GN_STR, e);
        if (f < 0 || gn_reader_want(m->reader, f, GN_VALUE, e))
            return -1;
        m->f_attribute[i] = f;
    }
    return m->begun ? 0 : gn_schema_copy(&m->schema, &h->schema, e);
}

/* The next batch; 1, 0 at the end, -1. */
static int next_batch(gn_members *m, gn_err *e)
{
    int ev;
    m->at = 0;
    while ((ev = gn_reader_next(m->reader, &m->batch, e)) > 0) {
        if (ev == GN_EV_BATCH)
            return 1;
        if (ev == GN_EV_SEGMENT && m->begun && segment(m, e))
            return -1;
        if (ev == GN_EV_END && m->o.ended(m->o.ctx, &gn_reader_trailer(m->reader)->lineage, e))
            return -1;
    }
    return ev;
}

static int sort_all(gn_members *m, gn_err *e)
{
    gn_sortkey key = {.field = m->f_user, .type = m->o.user_type};
    int more;
    m->sort = gn_extsort_new(&(gn_extsort_options){.key = &key,
                                                   .nkeys = 1,
                                                   .dir = m->o.temp_dir,
                                                   .budget = m->o.budget,
                                                   .memory = m->o.memory},
                             e);
    if (!m->sort)
        return -1;
    while ((more = next_batch(m, e)) == 1)
        if (gn_extsort_add(m->sort, m->batch, e))
            return -1;
    m->count.spill_runs = gn_extsort_runs(m->sort);
    m->count.spill_bytes = gn_extsort_spilled(m->sort);
    return more;
}

static int open_reader(gn_members *m, gn_err *e)
{
    gn_batch *none;
    if (!(m->reader = gn_reader_open(&m->o.path, 1, m->o.max_record, e)))
        return -1;
    int ev = gn_reader_next(m->reader, &none, e);
    if (ev != GN_EV_SEGMENT)
        return ev < 0 ? -1 : gn_fail(e, GN_CORRUPT, "'%s': truncated: no header", m->o.path);
    if (segment(m, e))
        return -1;
    m->begun = true;
    const gn_header *h = gn_reader_header(m->reader);
    if (h->norder && !h->order[0].desc && strcmp(h->order[0].field, m->o.user) == 0)
        return 0;
    return sort_all(m, e);
}

gn_members *gn_members_open(const gn_members_options *o, gn_err *e)
{
    gn_members *m = gn_calloc(1, sizeof *m, e);
    if (!m)
        return NULL;
    m->o = *o;
    m->f_attribute = gn_calloc(o->nattributes, sizeof *m->f_attribute, e);
    m->value = gn_calloc(o->nattributes, sizeof *m->value, e);
    if (!m->f_attribute || !m->value || open_reader(m, e)) {
        gn_members_close(m);
        return NULL;
    }
    return m;
}

void gn_members_close(gn_members *m)
{
    if (!m)
        return;
    gn_extsort_free(m->sort);
    gn_reader_close(m->reader);
    gn_schema_release(&m->schema);
    gn_buf_release(&m->next);
    gn_buf_release(&m->best);
    free(m->f_attribute);
    free(m->value);
    free(m);
}

gn_members_counts gn_members_counted(const gn_members *m)
{
    return m->count;
}

/* ---- records ---- */

static int next_record(gn_members *m, gn_str *record, gn_err *e)
{
    if (m->sort)
        return gn_extsort_next(m->sort, record, e);
    while (!m->batch || m->at == m->batch->n) {
        int more = next_batch(m, e);
        if (more != 1)
            return more;
    }
    const gn_batch *b = m->batch;
    *record = (gn_str){b->base + b->off[m->at], b->off[m->at + 1] - b->off[m->at]};
    m->at++;
    return 1;
}

static gn_str user_of(const gn_members *m, const gn_buf *record)
{
    return gn_sortkey_find((gn_str){record->p, (uint32_t)record->n}, m->f_user);
}

static bool same(gn_str a, gn_str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The next record that has a user to `next`. */
static int read_ahead(gn_members *m, gn_err *e)
{
    gn_str record;
    int more;
    m->ahead = false;
    while ((more = next_record(m, &record, e)) == 1) {
        m->count.rows++;
        m->next.n = 0;
        if (gn_buf_add(&m->next, record.p, record.n, e))
            return -1;
        gn_str user = user_of(m, &m->next);
        if (*user.p != GN_MP_NIL) {
            m->ahead = true;
            return 0;
        }
        m->count.null_user++;
    }
    return more;
}

/* Its join day; false: null. */
static bool join_of(const gn_members *m, const gn_buf *record, int64_t *day)
{
    gn_str v = gn_sortkey_find((gn_str){record->p, (uint32_t)record->n}, m->f_join);
    int64_t us = 0;
    if (*v.p == GN_MP_NIL)
        return false;
    if (m->join_type == GN_DATE)
        return gn_mp_get_int(v.p, v.p + v.n, day) != NULL;
    if (!gn_mp_get_time(v.p, v.p + v.n, &us))
        return false;
    gn_zone_days(m->o.zone, &us, day, 1);
    return true;
}

/* Does the record that was read ahead take the place of the best one? */
static bool better(const gn_members *m, bool dated, int64_t join)
{
    if (dated != m->best_dated)
        return dated;
    if (dated && join != m->best_join)
        return join > m->best_join;
    return gn_sortkey_cmp_bytes((gn_str){m->next.p, (uint32_t)m->next.n},
                                (gn_str){m->best.p, (uint32_t)m->best.n}) > 0;
}

static void take(gn_members *m, bool dated, int64_t join)
{
    gn_buf was = m->best;
    m->best = m->next;
    m->next = was;
    m->best_dated = dated;
    m->best_join = join;
}

static void find_attributes(gn_members *m)
{
    for (size_t i = 0; i < m->o.nattributes; i++) {
        gn_str v = gn_sortkey_find((gn_str){m->best.p, (uint32_t)m->best.n}, m->f_attribute[i]);
        const char *text = NULL;
        size_t n = 0;
        if (*v.p != GN_MP_NIL)
            (void)gn_mp_get_str(v.p, v.p + v.n, &text, &n);
        m->value[i] = (gn_str){(const uint8_t *)text, (uint32_t)n};
    }
}

int gn_members_next(gn_members *m, gn_member *to, gn_err *e)
{
    if (!m->started && read_ahead(m, e))
        return -1;
    m->started = true;
    if (!m->ahead)
        return 0;
    int64_t join = 0;
    *to = (gn_member){.attribute = m->value};
    to->dated = join_of(m, &m->next, &join);
    to->join = join;
    take(m, to->dated, join);
    for (;;) {
        if (read_ahead(m, e))
            return -1;
        if (!m->ahead)
            break;
        gn_str user = user_of(m, &m->next), now = user_of(m, &m->best);
        if (!same(user, now)) {
            if (gn_value_cmp(m->o.user_type, now, user) > 0)
                return gn_fail(e, GN_INPUT,
                               "'%s': not ordered by %s, as its header claims: run gn-sort -k %s",
                               m->o.path, m->o.user, m->o.user);
            break;
        }
        m->count.duplicates++;
        bool dated = join_of(m, &m->next, &join);
        if (dated && (!to->dated || join < to->join)) {
            to->dated = true;
            to->join = join;
        }
        if (better(m, dated, join))
            take(m, dated, join);
    }
    find_attributes(m);
    to->user = user_of(m, &m->best);
    return 1;
}
