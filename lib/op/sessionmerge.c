/* sessionmerge.c - see sessionmerge.h. A heap holds the next session of each part. */
#include "sessionmerge.h"

#include "../io/mp.h"
#include "../stream/value.h"
#include "session_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_BYTES ((size_t)2 << 20) /* what reading one more part takes */
#define FIXED 5                      /* fields before the optional ones */

typedef struct part {
    gn_reader *r;
    gn_batch *b; /* NULL: at its end */
    size_t at;   /* in b */
    bool fresh;  /* at the first record of a segment */
    /* the session before in this part */
    bool any;
    gn_buf before;
    int64_t before_start;
    /* the session at `at` */
    gn_str user, pages, actions;
    gn_session now;
} part;

struct gn_session_merge {
    gn_session_merge_options o;
    gn_session_rule rule;
    gn_zone *zone; /* of the rule */
    char *params;
    gn_part placed; /* of all of them, or nkeys 0 */
    gn_session_open open;
    size_t charged;
    part *part;
    size_t nparts;
    size_t *heap; /* parts that have a session */
    size_t nheap;
};

/* ---- headers ---- */

static bool eat(const char **p, const char *text)
{
    size_t n = strlen(text);
    if (strncmp(*p, text, n) != 0)
        return false;
    *p += n;
    return true;
}

static bool eat_bool(const char **p, bool *v)
{
    *v = eat(p, "yes");
    return *v || eat(p, "no");
}

/* The rule that is at the beginning of the parameters. */
static int parse_rule(gn_session_merge *m, const char *params, const char *name, gn_err *e)
{
    const char *p = params, *stop;
    char zone[256];
    char *digits;
    bool ge, from_end;
    if (!eat(&p, "gap_ms=") || *p < '0' || *p > '9')
        goto bad;
    long long gap = strtoll(p, &digits, 10); /* saturates; compared as text afterwards */
    p = digits;
    if (!eat(&p, " boundary=") || !((ge = eat(&p, "ge")) || eat(&p, "gt")) || (ge && gap == 0) ||
        !eat(&p, " from-end=") || !eat_bool(&p, &from_end) || !eat(&p, " split-midnight=") ||
        !(stop = strstr(p, " user=")) || (size_t)(stop - p) >= sizeof zone)
        goto bad;
    memcpy(zone, p, (size_t)(stop - p));
    zone[stop - p] = 0;
    bool split = strcmp(zone, "no") != 0;
    if (split && !(m->zone = gn_zone_open(zone, e)))
        return -1;
    gn_session_rule_init(&m->rule, gap, ge, from_end, split, m->zone);
    char *again = gn_session_params(&m->rule, zone, &m->open.names, e);
    if (!again)
        return -1;
    bool equal = strcmp(again, params) == 0;
    free(again);
    if (equal)
        return 0;
bad:
    return gn_fail(e, GN_INPUT, "'%s': a state of sessions with other fields than this version's",
                   name);
}

static const char *after(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(name, prefix, n) == 0 ? name + n : NULL;
}

/* The names that are in the schema; false when it is not a state's. */
static bool names_in(const gn_schema *s, const char **value, const char **page, const char **action)
{
    static const char *const fixed[] = {NULL, "session_start", "session_end", "session_reach",
                                        "actions_count"};
    *value = *page = *action = NULL;
    if (s->n < FIXED || (s->f[0].type != GN_STR && s->f[0].type != GN_INT))
        return false;
    for (size_t i = 1; i < FIXED; i++)
        if (strcmp(s->f[i].name, fixed[i]) != 0 || s->f[i].type != (i < 4 ? GN_TIME : GN_INT))
            return false;
    size_t i = FIXED;
    if (i + 1 < s->n && s->f[i].type == GN_BIN && s->f[i + 1].type == GN_INT &&
        (*value = after(s->f[i].name, "total_"))) {
        const char *last = after(s->f[i + 1].name, "last_");
        if (!last || strcmp(last, *value) != 0)
            return false;
        i += 2;
    }
    if (i < s->n && s->f[i].type == GN_BIN && (*page = after(s->f[i].name, "pages_")))
        i++;
    if (i < s->n && s->f[i].type == GN_BIN && (*action = after(s->f[i].name, "actions_")))
        i++;
    return i == s->n;
}

static int copy_name(char **to, const char *name, gn_err *e)
{
    return !name || (*to = gn_strdup(name, e)) ? 0 : -1;
}

/* Does an option ask for something else than the states are? */
static bool other(const char *asked, const char *otherwise, const char *is)
{
    return asked && (!otherwise || strcmp(asked, otherwise) != 0) &&
           (!is || strcmp(asked, is) != 0);
}

static int check_options(const gn_session_merge *m, const char *name, gn_err *e)
{
    const gn_session_options *o = &m->o.rule;
    const gn_session_names *n = &m->open.names;
    const gn_session_rule *r = &m->rule;
    if ((o->gap_ms != GN_SESSION_GAP_MS && o->gap_ms != r->gap_ms) || (o->ge && !r->ge) ||
        (o->from_end && !r->from_end) || (o->split && !r->split) ||
        other(o->user, GN_SESSION_USER, n->user) || other(o->value, NULL, n->value) ||
        other(o->page, NULL, n->page) || other(o->action, NULL, n->action))
        return gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than asked for", name,
                       m->params);
    if (r->split && strcmp(o->tz, "UTC") != 0) { /* the zone is part of the text */
        gn_buf b = {0};
        int failed = gn_buf_printf(&b, e, " split-midnight=%s user=", o->tz);
        bool there = !failed && strstr(m->params, (const char *)b.p);
        gn_buf_release(&b);
        if (!there)
            return gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than asked for", name,
                           m->params);
    }
    if (o->with_last && !n->value)
        return gn_fail(e, GN_INPUT, "'%s': it has no value for --with-last", name);
    return 0;
}

static int first_header(gn_session_merge *m, const gn_header *h, const char *name, gn_err *e)
{
    const char *value, *page, *action;
    const gn_part *p = &h->part;
    gn_session_names *n = &m->open.names;
    if (!names_in(&h->schema, &value, &page, &action))
        return gn_fail(e, GN_INPUT, "'%s': a partial state with fields unlike gn-sessionize's",
                       name);
    n->user_type = h->schema.f[0].type;
    if (copy_name(&n->user, h->schema.f[0].name, e) || copy_name(&n->value, value, e) ||
        copy_name(&n->page, page, e) || copy_name(&n->action, action, e) ||
        !(m->params = gn_strdup(h->partial.params, e)) ||
        parse_rule(m, h->partial.params, name, e) || check_options(m, name, e))
        return -1;
    if (p->nkeys != 1 || strcmp(p->key[0], n->user) != 0)
        return 0;
    if (!(m->placed.key = gn_calloc(1, sizeof *m->placed.key, e)))
        return -1;
    m->placed.nkeys = 1;
    m->placed.lo = p->lo;
    m->placed.hi = p->hi;
    return (m->placed.key[0] = gn_strdup(p->key[0], e)) ? 0 : -1;
}

static void forget_part(gn_part *p)
{
    for (size_t i = 0; i < p->nkeys; i++)
        free(p->key[i]);
    free(p->key);
    memset(p, 0, sizeof *p);
}

/* A segment of part p begins. `later`: the output's header is written. */
static int segment(gn_session_merge *m, part *p, bool later, gn_err *e)
{
    const gn_header *h = gn_reader_header(p->r);
    const char *name = gn_reader_name(p->r), *value, *page, *action;
    if (!h->partial.command || strcmp(h->partial.command, GN_SESSION_COMMAND) != 0 ||
        strcmp(h->partial.state, GN_SESSION_STATE) != 0)
        return gn_fail(e, GN_INPUT,
                       "'%s': not a partial state of gn-sessionize (make it with --partial)", name);
    if (!m->params && first_header(m, h, name, e))
        return -1;
    if (strcmp(h->partial.params, m->params) != 0)
        return gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than the first input (%s)",
                       name, h->partial.params, m->params);
    if (!names_in(&h->schema, &value, &page, &action) || !value != !m->open.names.value ||
        !page != !m->open.names.page || !action != !m->open.names.action ||
        h->schema.f[0].type != m->open.names.user_type)
        return gn_fail(e, GN_INPUT, "'%s': its fields are unlike those of the first input", name);
    if (m->placed.nkeys && (h->part.nkeys != 1 || strcmp(h->part.key[0], m->placed.key[0]) != 0 ||
                            h->part.lo != m->placed.lo || h->part.hi != m->placed.hi)) {
        if (later)
            return gn_fail(e, GN_INPUT, "'%s': states of several partitions in one file", name);
        forget_part(&m->placed);
    }
    p->fresh = true;
    for (int i = 0; i < (int)h->schema.n; i++)
        if (gn_reader_want(p->r, i, i ? GN_VALUE : GN_RAW, e))
            return -1;
    return 0;
}

/* ---- one session of a part ---- */

static int damaged(const part *p, const char *what, gn_err *e)
{
    return gn_fail(e, GN_CORRUPT, "'%s': record %llu: a partial state %s", gn_reader_name(p->r),
                   (unsigned long long)(p->b->first + p->at + 1), what);
}

static int check_before(gn_session_merge *m, part *p, gn_err *e)
{
    if (p->any) {
        gn_str before = {p->before.p, (uint32_t)p->before.n};
        int c = gn_value_cmp(m->open.names.user_type, before, p->user);
        if ((c > 0 || (c == 0 && p->now.start <= p->before_start)) && p->fresh)
            return gn_fail(e, GN_INPUT,
                           "'%s': a second state in it, not behind the first in order: give each "
                           "as a file of its own",
                           gn_reader_name(p->r));
        if (c > 0 || (c == 0 && p->now.start <= p->before_start))
            return damaged(p, "out of order, or with doubled rows", e);
    }
    p->fresh = false;
    p->any = true;
    p->before.n = 0;
    p->before_start = p->now.start;
    return gn_buf_add(&p->before, p->user.p, p->user.n, e);
}

/* Values, each greater than the one before. */
static bool list_ok(gn_str l)
{
    const uint8_t *p = l.p, *end = l.p + l.n, *before = NULL;
    size_t nbefore = 0;
    while (p < end) {
        const uint8_t *q = gn_mp_skip(p, end);
        if (!q || *p == GN_MP_NIL)
            return false;
        size_t n = (size_t)(q - p), least = n < nbefore ? n : nbefore;
        int c = before ? memcmp(before, p, least) : -1;
        if (c > 0 || (c == 0 && nbefore >= n))
            return false;
        before = p;
        nbefore = n;
        p = q;
    }
    return true;
}

/* The session at p->at. */
static int take(gn_session_merge *m, part *p, gn_err *e)
{
    const gn_batch *b = p->b;
    const gn_session_names *n = &m->open.names;
    size_t i = p->at, f = FIXED;
    gn_session *s = &p->now;
    for (size_t k = 0; k < FIXED; k++)
        if (b->col[k].null[i])
            return damaged(p, "with nulls", e);
    p->user = b->col[0].raw[i];
    *s = (gn_session){
        .start = b->col[1].i[i], .end = b->col[2].i[i], .reach = b->col[3].i[i], .last = -1};
    if (b->col[4].i[i] < 1 || s->end < s->start || s->reach < s->end ||
        (!m->rule.from_end && s->reach != s->end))
        return damaged(p, "with impossible times or counts", e);
    s->events = (uint64_t)b->col[4].i[i];
    if (n->value) {
        if (b->col[f].null[i] || b->col[f].s[i].n != 16)
            return damaged(p, "with nulls", e);
        s->total = gn_i128_get(b->col[f].s[i].p);
        s->last = b->col[f + 1].null[i] ? -1 : b->col[f + 1].i[i];
        if (s->total < 0 || (!b->col[f + 1].null[i] && s->last < 0))
            return damaged(p, "with impossible times or counts", e);
        f += 2;
    }
    p->pages = p->actions = (gn_str){NULL, 0};
    if (n->page)
        p->pages = b->col[f++].s[i];
    if (n->action)
        p->actions = b->col[f].s[i];
    if (!list_ok(p->pages) || !list_ok(p->actions))
        return damaged(p, "with a list out of order", e);
    return check_before(m, p, e);
}

/* The next session of a part; p->b is NULL at its end. */
static int advance(gn_session_merge *m, part *p, gn_err *e)
{
    if (p->b && ++p->at < p->b->n)
        return take(m, p, e);
    for (;;) {
        int ev = gn_reader_next(p->r, &p->b, e);
        if (ev < 0)
            return -1;
        p->at = 0;
        if (ev == GN_EV_EOF) {
            p->b = NULL;
            return 0;
        }
        if (ev == GN_EV_BATCH)
            return take(m, p, e);
        const gn_trailer *t = gn_reader_trailer(p->r);
        if (ev == GN_EV_SEGMENT
                ? segment(m, p, true, e)
                : m->o.ended(m->o.context, gn_reader_name(p->r), t->records, &t->lineage, e))
            return -1;
    }
}

/* ---- opening ---- */

gn_session_merge *gn_session_merge_open(const char *const *paths, size_t n,
                                        const gn_session_merge_options *o, gn_budget *b, gn_err *e)
{
    size_t parts = n ? n : 1;
    gn_session_merge *m = gn_calloc(1, sizeof *m, e);
    if (!m)
        return NULL;
    m->o = *o;
    gn_session_open_init(&m->open, o->rule.temp_dir, b, b->cap / 6); /* half is for the parts */
    m->open.output = o->rule.output;
    m->open.with_last = o->rule.with_last;
    if (b->cap && parts > b->cap / 2 / PART_BYTES) {
        gn_fail(e, GN_IO,
                "more than %zu states at once do not fit %zu MiB: give more with -m/--memory, or "
                "merge some of them first (--merge --partial)",
                b->cap / 2 / PART_BYTES, b->cap >> 20);
        goto fail;
    }
    if (gn_budget_take(b, parts * PART_BYTES, e))
        goto fail;
    m->charged = parts * PART_BYTES;
    m->part = gn_calloc(parts, sizeof *m->part, e);
    m->heap = gn_calloc(parts, sizeof *m->heap, e);
    if (!m->part || !m->heap)
        goto fail;
    for (; m->nparts < parts; m->nparts++) {
        part *p = &m->part[m->nparts];
        if (!(p->r = gn_reader_open(n ? paths + m->nparts : NULL, n ? 1 : 0, o->max_record, e)))
            goto fail;
        if (gn_reader_next(p->r, &p->b, e) < 0 || segment(m, p, false, e)) {
            m->nparts++;
            goto fail;
        }
    }
    return m;
fail:
    gn_session_merge_free(m);
    return NULL;
}

void gn_session_merge_free(gn_session_merge *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->nparts; i++) {
        gn_reader_close(m->part[i].r);
        gn_buf_release(&m->part[i].before);
    }
    free(m->part);
    free(m->heap);
    free(m->params);
    forget_part(&m->placed);
    gn_zone_free(m->zone);
    gn_budget_give(m->open.budget, m->charged);
    gn_session_open_release(&m->open);
    free(m);
}

int gn_session_merge_header(const gn_session_merge *m, gn_header *h, gn_err *e)
{
    const gn_header placed = {.part = m->placed};
    gn_header copy = {0};
    if (gn_session_header(&m->open, m->params, h, e) || gn_header_copy(&copy, &placed, e))
        return -1;
    h->part = copy.part;
    copy.part = (gn_part){0};
    gn_header_release(&copy);
    return 0;
}

/* ---- merging ---- */

static bool before(const gn_session_merge *m, size_t a, size_t b)
{
    const part *x = &m->part[a], *y = &m->part[b];
    int c = gn_value_cmp(m->open.names.user_type, x->user, y->user);
    if (c == 0 && x->now.start != y->now.start)
        c = x->now.start < y->now.start ? -1 : 1;
    return c < 0 || (c == 0 && a < b);
}

/* The part at heap[i] may be too high. */
static void sift(gn_session_merge *m, size_t i)
{
    size_t p = m->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= m->nheap)
            break;
        if (child + 1 < m->nheap && before(m, m->heap[child + 1], m->heap[child]))
            child++;
        if (!before(m, m->heap[child], p))
            break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = p;
}

static int add_list(gn_distinct *d, gn_str l, gn_err *e)
{
    const uint8_t *p = l.p, *end = l.p + l.n;
    while (p < end) {
        const uint8_t *q = gn_mp_skip(p, end);
        if (gn_distinct_add(d, (gn_str){p, (uint32_t)(q - p)}, e))
            return -1;
        p = q;
    }
    return 0;
}

/* The session of part p goes on with the open one. */
static int join(gn_session_merge *m, const part *p, gn_err *e)
{
    gn_session *to = &m->open.now;
    const gn_session *s = &p->now;
    if (__builtin_add_overflow(to->events, s->events, &to->events) || to->events > INT64_MAX ||
        __builtin_add_overflow(to->total, s->total, &to->total))
        return gn_fail(e, GN_INPUT, "the total of a session overflows");
    if (s->end > to->end || (s->end == to->end && s->last > to->last))
        to->last = s->last;
    if (s->end > to->end)
        to->end = s->end;
    if (s->reach > to->reach)
        to->reach = s->reach;
    return add_list(&m->open.page, p->pages, e) || add_list(&m->open.action, p->actions, e) ? -1
                                                                                            : 0;
}

static int write_open(gn_session_merge *m, gn_writer *w, gn_err *e)
{
    gn_session_open *o = &m->open;
    if (o->output == GN_SESSION_STATES)
        return gn_session_state(o, w, e);
    uint8_t *p = gn_writer_reserve(w, GN_SESSION_ROOM(1, o->user.n), e);
    return p && (p = gn_session_summary(o, p, e)) ? gn_writer_commit(w, p, 1, e) : -1;
}

int gn_session_merge_run(gn_session_merge *m, gn_writer *w, gn_err *e)
{
    gn_session_open *o = &m->open;
    int64_t reach = 0, day = 0; /* of the user so far */
    for (size_t i = 0; i < m->nparts; i++) {
        if (advance(m, &m->part[i], e))
            return -1;
        if (m->part[i].b)
            m->heap[m->nheap++] = i;
    }
    for (size_t i = m->nheap / 2; i-- > 0;)
        sift(m, i);
    while (m->nheap) {
        part *p = &m->part[m->heap[0]];
        bool user = o->user.n != p->user.n || memcmp(o->user.p, p->user.p, p->user.n) != 0;
        int64_t today = m->rule.split ? gn_session_day(&m->rule, p->now.start) : 0;
        if (user || today != day || gn_session_gap(&m->rule, reach, p->now.start)) {
            if (o->any && write_open(m, w, e))
                return -1;
            if (user) {
                gn_session_user(o, p->user);
                o->number = 0;
                reach = INT64_MIN;
            }
            o->now = (gn_session){
                .start = p->now.start, .end = p->now.start, .reach = p->now.start, .last = -1};
            o->any = true;
            day = today;
        }
        if (join(m, p, e))
            return -1;
        if (p->now.reach > reach)
            reach = p->now.reach;
        if (p->at + 1 == p->b->n && gn_session_keep(o, e)) /* its batch goes */
            return -1;
        if (advance(m, p, e))
            return -1;
        if (!p->b)
            m->heap[0] = m->heap[--m->nheap];
        if (m->nheap)
            sift(m, 0);
    }
    return o->any ? write_open(m, w, e) : 0;
}

const gn_session_counts *gn_session_merge_counts(const gn_session_merge *m)
{
    return &m->open.count;
}

uint64_t gn_session_merge_records(const gn_session_merge *m, uint64_t *bytes)
{
    uint64_t n = 0;
    *bytes = 0;
    for (size_t i = 0; i < m->nparts; i++) {
        n += gn_reader_records(m->part[i].r);
        *bytes += gn_reader_bytes(m->part[i].r);
    }
    return n;
}
