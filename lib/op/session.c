/* session.c - see session.h. A batch is gone through twice: first rows are compared with the one
 * before (order, user, gap), which says where sessions are cut; then they are added up or written.
 */
#include "session.h"

#include "../base/parse.h"
#include "../io/mp.h"
#include "../stream/value.h"
#include "session_priv.h"

#include <stdlib.h>
#include <string.h>

#define LONG_MS (INT64_C(8) * 3600 * 1000)

enum cut { SAME, CUT, NEW_USER };

struct gn_sessions {
    gn_session_options o;
    gn_session_rule rule;
    gn_session_open open; /* its user is the one of the row before */
    gn_header first;      /* of SUMMARY and STATES: the first segment's, for its placement */
    char *params;
    bool begun;
    bool lasts; /* the last events' values matter */
    /* of the segment */
    int f_user, f_time, f_value, f_page, f_action;
    uint64_t row_first; /* of the batch: number of its first record */
    /* the row before */
    bool any_user;            /* there is one with a user */
    bool past_users;          /* the null ones have come */
    bool past_times;          /* this user's null times have come */
    int64_t time, reach, day; /* of this user; INT64_MIN: none */
    bool timed;               /* this user had a time */
    gn_str user;              /* of the batch, or kept */
    gn_buf kept;
    /* GN_SESSION_EVENTS */
    uint64_t number, event;
    int64_t start;
    gn_buf
        tail; /* and GN_SLACK bytes: the fields that are the same throughout a session, encoded */
    /* the rows of the batch that count */
    size_t nrow, ncut;
    size_t room; /* the users' bytes where sessions are cut */
    uint16_t row[GN_BATCH];
    uint8_t cut[GN_BATCH];
    uint16_t begin[GN_BATCH]; /* where in row[] sessions begin: ncut */
};

gn_sessions *gn_sessions_new(const gn_session_options *o, gn_budget *b, gn_err *e)
{
    if (o->ge && o->gap_ms == 0) {
        gn_fail(e, GN_USAGE, "--boundary ge needs a --gap above 0 (each event would be a session)");
        return NULL;
    }
    gn_sessions *s = gn_calloc(1, sizeof *s, e);
    if (!s)
        return NULL;
    s->o = *o;
    gn_session_rule_init(&s->rule, o->gap_ms, o->ge, o->from_end, o->split, o->zone);
    gn_session_open_init(&s->open, o->temp_dir, b, b->cap / 4);
    s->open.output = o->output;
    s->open.with_last = o->with_last;
    s->lasts = o->with_last || o->output == GN_SESSION_STATES;
    return s;
}

void gn_sessions_free(gn_sessions *s)
{
    if (!s)
        return;
    gn_session_open_release(&s->open);
    gn_header_release(&s->first);
    gn_buf_release(&s->kept);
    gn_buf_release(&s->tail);
    free(s->params);
    free(s);
}

const gn_session_counts *gn_sessions_counts(const gn_sessions *s)
{
    return &s->open.count;
}

/* ---- segments ---- */

/* A field that may be missing when it was not asked for by name: its index, -1 when it is, -2 on
 * error. */
static int optional(gn_reader *r, const char *role, const char *name, const char *otherwise,
                    unsigned types, gn_err *e)
{
    if (!name && gn_schema_find(&gn_reader_header(r)->schema, otherwise) < 0)
        return -1;
    int f = gn_reader_field(r, role, name ? name : otherwise, types, e);
    return f < 0 ? -2 : f;
}

static int find_fields(gn_sessions *s, gn_reader *r, gn_err *e)
{
    const gn_session_options *o = &s->o;
    bool need = o->from_end || o->with_last; /* of the value */
    s->f_user = gn_reader_field(r, "--user", o->user, 1u << GN_STR | 1u << GN_INT, e);
    if (s->f_user < 0)
        return -1;
    s->f_time = gn_reader_field(r, "--time", o->time, 1u << GN_TIME, e);
    if (s->f_time < 0)
        return -1;
    const char *value = o->value || !need ? o->value : GN_SESSION_VALUE;
    if ((s->f_value = optional(r, "--value", value, GN_SESSION_VALUE, 1u << GN_INT, e)) < -1 ||
        (s->f_page = optional(r, "--page", o->page, GN_SESSION_PAGE, ~0u, e)) < -1 ||
        (s->f_action = optional(r, "--action", o->action, GN_SESSION_ACTION, ~0u, e)) < -1)
        return -1;
    return 0;
}

static int want_fields(gn_sessions *s, gn_reader *r, gn_err *e)
{
    bool events = s->o.output == GN_SESSION_EVENTS;
    if (events && !s->o.from_end)
        s->f_value = -1;
    if (events)
        s->f_page = s->f_action = -1;
    return gn_reader_want(r, s->f_user, GN_RAW, e) || gn_reader_want(r, s->f_time, GN_VALUE, e) ||
                   (s->f_value >= 0 && gn_reader_want(r, s->f_value, GN_VALUE, e)) ||
                   (s->f_page >= 0 && gn_reader_want(r, s->f_page, GN_RAW, e)) ||
                   (s->f_action >= 0 && gn_reader_want(r, s->f_action, GN_RAW, e))
               ? -1
               : 0;
}

static int check_events(gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    if (!h->partial.command)
        return 0;
    return gn_fail(e, GN_INPUT, "'%s': a partial state of %s, not events%s", gn_reader_name(r),
                   h->partial.command,
                   strcmp(h->partial.command, GN_SESSION_COMMAND) ? "" : " (use --merge)");
}

static int check_order(const gn_sessions *s, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const gn_session_options *o = &s->o;
    if (h->norder < 2 || h->order[0].desc || h->order[1].desc ||
        strcmp(h->order[0].field, o->user) != 0 || strcmp(h->order[1].field, o->time) != 0)
        return gn_fail(e, GN_INPUT, "'%s': not ordered by %s, %s: run gn-sort -k %s,%s",
                       gn_reader_name(r), o->user, o->time, o->user, o->time);
    return gn_part_whole(&h->part, o->user, gn_reader_name(r), e);
}

static int name_of(char **to, const gn_schema *s, int field, gn_err *e)
{
    return field < 0 || (*to = gn_strdup(s->f[field].name, e)) ? 0 : -1;
}

static int names_of(const gn_sessions *s, const gn_schema *c, gn_session_names *n, gn_err *e)
{
    n->user_type = c->f[s->f_user].type;
    return name_of(&n->user, c, s->f_user, e) || name_of(&n->value, c, s->f_value, e) ||
                   name_of(&n->page, c, s->f_page, e) || name_of(&n->action, c, s->f_action, e)
               ? -1
               : 0;
}

static bool same_part(const gn_part *a, const gn_part *b)
{
    return gn_part_alike(a, b) && (!a->nkeys || (a->lo == b->lo && a->hi == b->hi));
}

/* A session may go on in the next segment: they must be alike, and where their records were placed
 * must be said once for all. */
static int agree(gn_sessions *s, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    gn_session_names n = {0};
    char *params = NULL;
    int result = -1;
    if (names_of(s, &h->schema, &n, e) || !(params = gn_session_params(&s->rule, s->o.tz, &n, e)))
        goto done;
    if (!s->begun) {
        s->open.names = n;
        s->params = params;
        s->begun = true;
        return gn_header_copy(&s->first, h, e);
    }
    if (n.user_type != s->open.names.user_type || strcmp(params, s->params) != 0)
        gn_fail(e, GN_INPUT,
                "'%s': its user, value, page or action field is unlike that of the "
                "first input",
                gn_reader_name(r));
    else if (s->o.output != GN_SESSION_EVENTS && !same_part(&h->part, &s->first.part))
        gn_fail(e, GN_INPUT,
                "'%s': another partition than the first input (make sessions of each, then "
                "concatenate)",
                gn_reader_name(r));
    else
        result = 0;
done:
    gn_session_names_release(&n);
    free(params);
    return result;
}

static const char *const added[] = {"session_id", "session_number", "session_start",
                                    "session_event"};
static const gn_type added_type[] = {GN_STR, GN_INT, GN_TIME, GN_INT};
#define NADDED (sizeof added / sizeof *added)

static int events_header(gn_reader *r, gn_header *h, gn_err *e)
{
    if (gn_header_copy(h, gn_reader_header(r), e))
        return -1;
    for (size_t i = 0; i < NADDED; i++) {
        if (gn_schema_find(&h->schema, added[i]) >= 0)
            return gn_fail(e, GN_INPUT,
                           "'%s': it has a field '%s' already (rename it or leave it "
                           "out)",
                           gn_reader_name(r), added[i]);
        if (gn_schema_add(&h->schema, added[i], strlen(added[i]), added_type[i], e))
            return -1;
    }
    return 0;
}

/* One record a session: only a placement by the user holds for it too. */
static int sessions_header(const gn_sessions *s, gn_header *h, gn_err *e)
{
    const gn_part *p = &s->first.part;
    if (gn_session_header(&s->open, s->params, h, e))
        return -1;
    if (p->nkeys != 1 || strcmp(p->key[0], s->open.names.user) != 0)
        return 0;
    if (!(h->part.key = gn_calloc(1, sizeof *h->part.key, e)))
        return -1;
    h->part.nkeys = 1;
    h->part.lo = p->lo;
    h->part.hi = p->hi;
    return (h->part.key[0] = gn_strdup(p->key[0], e)) ? 0 : -1;
}

int gn_sessions_segment(gn_sessions *s, gn_reader *r, gn_header *h, gn_err *e)
{
    bool first = !s->begun;
    if (check_events(r, e) || find_fields(s, r, e) || check_order(s, r, e) ||
        want_fields(s, r, e) || agree(s, r, e))
        return -1;
    if (s->o.output == GN_SESSION_EVENTS)
        return events_header(r, h, e);
    return first ? sessions_header(s, h, e) : 0;
}

/* ---- where sessions are cut ---- */

/* Equal bytes? Both may be read GN_SLACK bytes beyond their end. */
static inline bool same(gn_str a, gn_str b)
{
    uint64_t x, y;
    if (a.n != b.n)
        return false;
    memcpy(&x, a.p, 8);
    memcpy(&y, b.p, 8);
    if (a.n < 8)
        return ((x ^ y) << (64 - 8 * a.n)) == 0; /* little-endian: the first n bytes */
    if (x != y)
        return false;
    memcpy(&x, a.p + a.n - 8, 8);
    memcpy(&y, b.p + b.n - 8, 8);
    return x == y && (a.n <= 16 || memcmp(a.p, b.p, a.n) == 0);
}

static int disorder(const gn_sessions *s, const gn_reader *r, size_t i, gn_err *e)
{
    return gn_fail(e, GN_INPUT,
                   "'%s': record %llu: not ordered by %s, %s, as the header claims or after the "
                   "segment before: run gn-sort -k %s,%s",
                   gn_reader_name(r), (unsigned long long)(s->row_first + i + 1), s->o.user,
                   s->o.time, s->o.user, s->o.time);
}

/* Row i is of another user than the row before. */
static int next_user(gn_sessions *s, gn_reader *r, gn_str user, size_t i, gn_err *e)
{
    if (s->past_users || (s->any_user && gn_value_cmp(s->open.names.user_type, s->user, user) >= 0))
        return disorder(s, r, i, e);
    s->user = user;
    s->any_user = true;
    s->past_times = s->timed = false;
    return 0;
}

/* One row, with user and time. */
static int cut_row(gn_sessions *s, gn_reader *r, gn_str user, int64_t t, int64_t value, size_t i,
                   gn_err *e)
{
    enum cut cut = SAME;
    if (!s->any_user || !same(user, s->user)) {
        if (next_user(s, r, user, i, e))
            return -1;
    } else {
        s->user = user; /* the same bytes, nearer */
    }
    if (s->past_times || (s->timed && t < s->time))
        return disorder(s, r, i, e);
    if (!s->timed)
        cut = NEW_USER;
    else if (gn_session_gap(&s->rule, s->reach, t))
        cut = CUT;
    s->time = t;
    s->timed = true;
    if (s->rule.split) {
        int64_t day = gn_session_day(&s->rule, t);
        if (cut == SAME && day != s->day)
            cut = CUT;
        s->day = day;
    }
    int64_t end = s->rule.from_end ? gn_session_end_of(t, value) : t;
    if (cut == NEW_USER || end > s->reach)
        s->reach = end;
    s->row[s->nrow] = (uint16_t)i;
    s->cut[s->nrow++] = (uint8_t)cut;
    if (cut) {
        s->begin[s->ncut++] = (uint16_t)(s->nrow - 1);
        s->room += user.n;
    }
    return 0;
}

static int null_row(gn_sessions *s, gn_reader *r, const gn_batch *b, size_t i, gn_err *e)
{
    const gn_vec *user = &b->col[s->f_user], *time = &b->col[s->f_time];
    s->open.count.null_user += user->null[i];
    s->open.count.null_time += time->null[i];
    if (user->null[i]) {
        s->past_users = true;
        return 0;
    }
    if ((!s->any_user || !same(user->raw[i], s->user)) && next_user(s, r, user->raw[i], i, e))
        return -1;
    if (s->past_users)
        return disorder(s, r, i, e);
    s->past_times = true;
    return 0;
}

/* A batch without nulls, for the rule that has a gap and nothing else. */
static int cut_simply(gn_sessions *s, gn_reader *r, const gn_batch *b, gn_err *e)
{
    const gn_str *user = b->col[s->f_user].raw;
    const int64_t *time = b->col[s->f_time].i;
    const uint64_t limit = s->rule.limit;
    gn_str before = s->user;
    int64_t t = s->time;
    size_t ncut = 0, room = 0;
    for (size_t i = 0; i < b->n; i++) {
        uint8_t cut = NEW_USER;
        if (same(user[i], before)) {
            if (time[i] < t)
                return disorder(s, r, i, e);
            cut = (uint64_t)time[i] - (uint64_t)t > limit; /* which is not to be foreseen */
        } else {
            s->user = before;
            if (next_user(s, r, user[i], i, e))
                return -1;
        }
        s->cut[i] = cut;
        s->row[i] = (uint16_t)i;
        s->begin[ncut] = (uint16_t)i;
        ncut += cut != SAME;
        room += cut != SAME ? user[i].n : 0;
        before = user[i];
        t = time[i];
    }
    s->user = before;
    s->nrow = b->n;
    s->ncut = ncut;
    s->room = room;
    s->time = s->reach = t;
    s->timed = true;
    return 0;
}

static int cut_batch(gn_sessions *s, gn_reader *r, const gn_batch *b, gn_err *e)
{
    const gn_vec *user = &b->col[s->f_user], *time = &b->col[s->f_time];
    const int64_t *value = s->rule.from_end ? b->col[s->f_value].i : time->i; /* else unused */
    s->nrow = s->ncut = s->room = 0;
    s->row_first = b->first;
    if (!user->nulls && !time->nulls && s->timed && !s->past_users && !s->past_times &&
        !s->rule.from_end && !s->rule.split)
        return cut_simply(s, r, b, e);
    for (size_t i = 0; i < b->n; i++)
        if (user->null[i] | time->null[i]) {
            if (null_row(s, r, b, i, e))
                return -1;
        } else if (s->past_users) {
            return disorder(s, r, i, e);
        } else if (cut_row(s, r, user->raw[i], time->i[i], value[i], i, e)) {
            return -1;
        }
    return 0;
}

/* The user of the last row, before its batch goes. */
static int keep_user(gn_sessions *s, gn_err *e)
{
    if (!s->any_user || s->user.p == s->kept.p)
        return 0;
    s->kept.n = 0;
    if (gn_buf_reserve(&s->kept, s->user.n + GN_SLACK, e))
        return -1;
    memcpy(s->kept.p, s->user.p, s->user.n);
    memset(s->kept.p + s->user.n, 0, GN_SLACK);
    s->kept.n = s->user.n;
    s->user.p = s->kept.p;
    return 0;
}

/* ---- sessions ---- */

static void count_values(gn_sessions *s, const gn_batch *b)
{
    if (s->f_value < 0)
        return;
    const gn_vec *v = &b->col[s->f_value];
    uint64_t null = 0, negative = 0, above = 0;
    for (size_t k = 0; k < s->nrow; k++) {
        size_t i = s->row[k];
        null += v->null[i];
        negative += v->i[i] < 0;
        above += v->i[i] > LONG_MS;
    }
    s->open.count.null_value += null;
    s->open.count.negative_value += negative;
    s->open.count.value_above_8h += above;
}

/* The greatest valid value of the events at the session's last time, of those numbered row[0..n).
 */
static void last_values(gn_sessions *s, const gn_batch *b, const uint16_t *row, size_t n)
{
    const int64_t *time = b->col[s->f_time].i;
    const gn_vec *v = &b->col[s->f_value];
    gn_session *now = &s->open.now;
    if (time[row[n - 1]] > now->end)
        now->last = -1;
    for (size_t k = n; k-- > 0 && time[row[k]] == time[row[n - 1]];)
        if (!v->null[row[k]] && v->i[row[k]] > now->last)
            now->last = v->i[row[k]];
}

static int add_distinct(gn_sessions *s, const gn_batch *b, const uint16_t *row, size_t n, gn_err *e)
{
    const gn_vec *page = s->f_page >= 0 ? &b->col[s->f_page] : NULL;
    const gn_vec *action = s->f_action >= 0 ? &b->col[s->f_action] : NULL;
    for (size_t k = 0; k < n; k++) {
        if (page && !page->null[row[k]] && gn_distinct_add(&s->open.page, page->raw[row[k]], e))
            return -1;
        if (action && !action->null[row[k]] &&
            gn_distinct_add(&s->open.action, action->raw[row[k]], e))
            return -1;
    }
    return 0;
}

/* Events of the open session: those numbered row[0..n), n at least 1. */
static int add_events(gn_sessions *s, const gn_batch *b, const uint16_t *row, size_t n, gn_err *e)
{
    gn_session *now = &s->open.now;
    const int64_t *time = b->col[s->f_time].i;
    now->events += n;
    if (s->f_value >= 0) {
        const int64_t *v = b->col[s->f_value].i;
        gn_i128 total = now->total; /* at most 2^63 values below 2^63: no overflow */
        for (size_t k = 0; k < n; k++)
            total += v[row[k]] > 0 ? v[row[k]] : 0;
        now->total = total;
        if (s->lasts)
            last_values(s, b, row, n);
        for (size_t k = 0; k < n && s->rule.from_end; k++) {
            int64_t end = gn_session_end_of(time[row[k]], v[row[k]]);
            if (end > now->reach)
                now->reach = end;
        }
    }
    now->end = time[row[n - 1]];
    if (now->end > now->reach)
        now->reach = now->end;
    return add_distinct(s, b, row, n, e);
}

/* Row i begins a session. */
static void open_session(gn_sessions *s, const gn_batch *b, size_t i, enum cut cut)
{
    int64_t t = b->col[s->f_time].i[i];
    if (cut == NEW_USER) {
        gn_session_user(&s->open, b->col[s->f_user].raw[i]);
        s->open.number = 0;
    }
    s->open.now = (gn_session){.start = t, .end = t, .reach = t, .last = -1};
    s->open.any = true;
}

static int sessions_batch(gn_sessions *s, const gn_batch *b, gn_writer *w, gn_err *e)
{
    bool summary = s->o.output == GN_SESSION_SUMMARY;
    uint8_t *p = NULL;
    uint64_t n = 0;
    if (summary) { /* room for the open session and those that begin and end here */
        size_t room = GN_SESSION_ROOM(s->ncut, s->open.user.n + s->room);
        if (!(p = gn_writer_reserve(w, room, e)))
            return -1;
    }
    for (size_t k = 0, c = 0, stop; k < s->nrow; k = stop) {
        if (c < s->ncut && s->begin[c] == k) {
            c++;
            if (s->open.any && summary) {
                if (!(p = gn_session_summary(&s->open, p, e)))
                    return -1;
                n++;
            } else if (s->open.any && gn_session_state(&s->open, w, e)) {
                return -1;
            }
            open_session(s, b, s->row[k], s->cut[k]);
        }
        stop = c < s->ncut ? s->begin[c] : s->nrow;
        if (add_events(s, b, s->row + k, stop - k, e))
            return -1;
    }
    if (summary && gn_writer_commit(w, p, n, e))
        return -1;
    return gn_session_keep(&s->open, e);
}

/* ---- events ---- */

/* What is the same for all events of the session that row i begins. */
static int begin_tail(gn_sessions *s, const gn_batch *b, size_t i, enum cut cut, gn_err *e)
{
    gn_session_open *o = &s->open;
    char digits[24];
    if (o->any) {
        o->count.sessions++;
        o->count.bounces += s->event == 1;
    }
    o->any = true;
    s->number = cut == NEW_USER ? 0 : s->number + 1;
    s->event = 0;
    s->start = b->col[s->f_time].i[i];
    if (cut == NEW_USER)
        gn_session_user(o, b->col[s->f_user].raw[i]);
    size_t nd = gn_int_format((int64_t)s->number, digits);
    s->tail.n = 0;
    if (gn_buf_reserve(&s->tail, (size_t)o->text.n + 4 * GN_MP_HEAD + nd + GN_SLACK, e))
        return -1; /* it is read beyond its end */
    uint8_t *p = gn_mp_str_head(s->tail.p, o->text.n + 1 + nd);
    memcpy(p, o->text.p, o->text.n);
    p += o->text.n;
    *p++ = '_';
    memcpy(p, digits, nd);
    p = gn_mp_int(p + nd, (int64_t)s->number);
    p = gn_mp_time(p, s->start);
    s->tail.n = (size_t)(p - s->tail.p);
    return 0;
}

static int events_batch(gn_sessions *s, const gn_batch *b, size_t nfields, gn_writer *w, gn_err *e)
{
    size_t head = nfields < 16 ? 1 : 3; /* at most GN_FIELDS_MAX fields, canonical */
    size_t done = 0;
    while (done < s->nrow) { /* in pieces, as long users are written once more for each event */
        size_t stop = done, bytes = 0;
        do {
            size_t i = s->row[stop];
            bytes += b->off[i + 1] - b->off[i] + b->col[s->f_user].raw[i].n + 6 * GN_MP_HEAD;
            stop++;
        } while (stop < s->nrow && bytes < GN_BATCH_BYTES);
        uint8_t *p = gn_writer_reserve(w, bytes, e);
        if (!p)
            return -1;
        for (size_t k = done; k < stop; k++) {
            size_t i = s->row[k], len = b->off[i + 1] - b->off[i] - head;
            if (s->cut[k] && begin_tail(s, b, i, s->cut[k], e))
                return -1;
            p = gn_mp_array_head(p, nfields + NADDED);
            p = gn_copy_span(p, b->base + b->off[i] + head, len);
            p = gn_copy_span(p, s->tail.p, s->tail.n);
            p = gn_mp_int(p, (int64_t)s->event++);
        }
        s->open.count.events += stop - done;
        if (gn_writer_commit(w, p, stop - done, e))
            return -1;
        done = stop;
    }
    return gn_session_keep(&s->open, e);
}

int gn_sessions_batch(gn_sessions *s, gn_reader *r, const gn_batch *b, gn_writer *w, gn_err *e)
{
    if (cut_batch(s, r, b, e))
        return -1;
    count_values(s, b);
    if (s->o.output == GN_SESSION_EVENTS ? events_batch(s, b, gn_reader_header(r)->schema.n, w, e)
                                         : sessions_batch(s, b, w, e))
        return -1;
    return keep_user(s, e);
}

int gn_sessions_finish(gn_sessions *s, gn_writer *w, gn_err *e)
{
    gn_session_open *o = &s->open;
    if (!o->any)
        return 0;
    if (s->o.output == GN_SESSION_EVENTS) {
        o->count.sessions++;
        o->count.bounces += s->event == 1;
        o->any = false;
        return 0;
    }
    if (s->o.output == GN_SESSION_STATES)
        return gn_session_state(o, w, e);
    uint8_t *p = gn_writer_reserve(w, GN_SESSION_ROOM(1, o->user.n), e);
    return p && (p = gn_session_summary(o, p, e)) ? gn_writer_commit(w, p, 1, e) : -1;
}
