/* userstate.c - see userstate.h. */
#include "userstate.h"

#include "../io/mp.h"
#include "../kernel/extsort.h"

#include <stdlib.h>
#include <string.h>

#define COMMAND "gn-powerusers"
#define STATE "users"
#define TOTAL "total_"

struct gn_user_states {
    gn_user_states_options o;
    gn_user_state first;
    gn_header header; /* of the first segment, to which `first` points */
    bool begun;
    gn_extsort *sort;
    gn_buf last; /* the user before */
};

static int add(gn_header *h, const char *name, gn_type t, gn_err *e)
{
    return gn_schema_add(&h->schema, name, strlen(name), t, e);
}

int gn_user_state_header(const gn_user_state *s, gn_header *h, gn_err *e)
{
    gn_buf total = {0};
    int r = gn_buf_printf(&total, e, TOTAL "%s", s->value) || add(h, s->user, s->user_type, e) ||
                    add(h, "interactions", GN_INT, e) || add(h, (char *)total.p, GN_BIN, e) ||
                    (s->pages && add(h, "unique_pages", GN_INT, e)) ||
                    add(h, "days_active", GN_INT, e) ||
                    (s->flagged && add(h, "flagged_days", GN_INT, e)) ||
                    gn_header_add_order(h, s->user, false, e) ||
                    !(h->partial.command = gn_strdup(COMMAND, e)) ||
                    !(h->partial.state = gn_strdup(STATE, e)) ||
                    !(h->partial.params = gn_strdup(s->params, e))
                ? -1
                : 0;
    h->total = true;
    gn_buf_release(&total);
    return r;
}

int gn_user_state_write(const gn_user_state *s, const gn_user_total *t, gn_row *row, gn_writer *w,
                        gn_err *e)
{
    uint8_t total[16];
    gn_i128_put(t->total, total);
    return gn_row_begin(row, (size_t)4 + s->pages + s->flagged, e) || gn_row_raw(row, t->user, e) ||
                   gn_row_int(row, (int64_t)t->events, e) ||
                   gn_row_bin(row, total, sizeof total, e) ||
                   (s->pages && gn_row_int(row, (int64_t)t->pages, e)) ||
                   gn_row_int(row, (int64_t)t->days, e) ||
                   (s->flagged && gn_row_int(row, (int64_t)t->flagged, e)) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

/* ---- reading ---- */

gn_user_states *gn_user_states_new(const gn_user_states_options *o, gn_err *e)
{
    gn_user_states *s = gn_calloc(1, sizeof *s, e);
    if (s)
        s->o = *o;
    return s;
}

void gn_user_states_free(gn_user_states *s)
{
    if (!s)
        return;
    gn_header_release(&s->header);
    gn_extsort_free(s->sort);
    gn_buf_release(&s->last);
    free(s);
}

const gn_user_state *gn_user_states_of(const gn_user_states *s)
{
    return &s->first;
}

uint64_t gn_user_states_spilled(const gn_user_states *s, uint64_t *runs)
{
    *runs = s->sort ? gn_extsort_runs(s->sort) : 0;
    return s->sort ? gn_extsort_spilled(s->sort) : 0;
}

static bool field_is(const gn_schema *c, size_t i, const char *name, gn_type t)
{
    return i < c->n && c->f[i].type == t && strcmp(c->f[i].name, name) == 0;
}

/* What a header says that it is a state of; false where its fields are others. */
static bool describe(const gn_header *h, gn_user_state *s)
{
    const gn_schema *c = &h->schema;
    size_t i = 3, n = strlen(TOTAL);
    if (!field_is(c, 1, "interactions", GN_INT) || c->n < 4 || c->f[2].type != GN_BIN ||
        strncmp(c->f[2].name, TOTAL, n) != 0 || c->f[0].type == GN_FLOAT)
        return false;
    *s = (gn_user_state){.user = c->f[0].name,
                         .value = c->f[2].name + n,
                         .params = h->partial.params,
                         .user_type = c->f[0].type};
    s->pages = field_is(c, i, "unique_pages", GN_INT);
    i += s->pages;
    if (!field_is(c, i++, "days_active", GN_INT))
        return false;
    s->flagged = field_is(c, i, "flagged_days", GN_INT);
    return i + s->flagged == c->n;
}

static int begin(gn_user_states *s, const gn_header *h, gn_err *e)
{
    gn_sortkey key = {.field = 0, .type = h->schema.f[0].type};
    s->begun = true;
    if (gn_header_copy(&s->header, h, e))
        return -1;
    describe(&s->header, &s->first);
    s->sort = gn_extsort_new(&(gn_extsort_options){.key = &key,
                                                   .nkeys = 1,
                                                   .dir = s->o.temp_dir,
                                                   .budget = s->o.budget,
                                                   .memory = s->o.memory},
                             e);
    return s->sort ? 0 : -1;
}

int gn_user_states_segment(gn_user_states *s, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const char *name = gn_reader_name(r);
    gn_user_state now;
    if (!h->partial.command || strcmp(h->partial.command, COMMAND) != 0 ||
        strcmp(h->partial.state, STATE) != 0)
        return gn_fail(e, GN_INPUT,
                       "'%s': not a partial state of gn-powerusers (make it with --partial)", name);
    if (!describe(h, &now))
        return gn_fail(e, GN_INPUT, "'%s': a partial state with fields unlike gn-powerusers's",
                       name);
    if (!s->begun && begin(s, h, e))
        return -1;
    if (strcmp(now.params, s->first.params) != 0)
        return gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than the first input (%s)",
                       name, now.params, s->first.params);
    if (!gn_schema_equal(&h->schema, &s->header.schema))
        return gn_fail(e, GN_INPUT, "'%s': its fields are not those of the first input", name);
    return gn_reader_want_all(r, GN_VALUE, e);
}

int gn_user_states_batch(gn_user_states *s, const gn_batch *b, gn_err *e)
{
    for (size_t f = 0; f < s->header.schema.n; f++)
        if (b->col[f].nulls)
            return gn_fail(e, GN_CORRUPT, "a partial state with nulls");
    for (size_t i = 0; i < b->n; i++) {
        int64_t events = b->col[1].i[i], pages = s->first.pages ? b->col[3].i[i] : 0;
        const gn_str *total = &b->col[2].s[i];
        int64_t days = b->col[3 + s->first.pages].i[i];
        int64_t flagged = s->first.flagged ? b->col[4 + s->first.pages].i[i] : 0;
        if (events < 1 || pages < 0 || pages > events || days < 1 || days > events || flagged < 0 ||
            flagged > days || total->n != 16 || gn_i128_get(total->p) < 0)
            return gn_fail(e, GN_CORRUPT, "a partial state with impossible counts");
    }
    return gn_extsort_add(s->sort, b, e);
}

static int parse(const gn_user_states *s, gn_str record, gn_user_total *t, gn_err *e)
{
    const uint8_t *end = record.p + record.n, *p, *user, *total;
    size_t fields, n;
    *t = (gn_user_total){0};
    if ((p = gn_mp_get_array(record.p, end, &fields)) && (p = gn_mp_skip(user = p, end))) {
        t->user = (gn_str){user, (uint32_t)(p - user)};
        if ((p = gn_mp_get_uint(p, end, &t->events)) && (p = gn_mp_get_bin(p, end, &total, &n)) &&
            n == 16 && (!s->first.pages || (p = gn_mp_get_uint(p, end, &t->pages))) &&
            (p = gn_mp_get_uint(p, end, &t->days)) &&
            (!s->first.flagged || (p = gn_mp_get_uint(p, end, &t->flagged)))) {
            t->total = gn_i128_get(total);
            return 0;
        }
    }
    return gn_fail(e, GN_IO, "a temporary file was damaged");
}

int gn_user_states_finish(gn_user_states *s, gn_err *e)
{
    gn_str record;
    int more = 0;
    while (s->sort && (more = gn_extsort_next(s->sort, &record, e)) == 1) {
        gn_user_total t;
        if (parse(s, record, &t, e))
            return -1;
        if (s->last.n == t.user.n && memcmp(s->last.p, t.user.p, t.user.n) == 0)
            return gn_fail(e, GN_INPUT,
                           "a user is in two of the states: days and pages of one user cannot be "
                           "added up (make the states of parts by user: gn-partition -k %s)",
                           s->first.user);
        s->last.n = 0;
        if (gn_buf_add(&s->last, t.user.p, t.user.n, e) || s->o.sink(s->o.ctx, &t, e))
            return -1;
    }
    return more < 0 ? -1 : 0;
}
