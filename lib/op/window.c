/* window.c - see window.h. */
#include "window.h"

#include "../base/clock.h"
#include "../base/civil.h"
#include "../io/mp.h"
#include "claims.h"
#include "pctlpriv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_NAME "windows"
#define GAP 100      /* so many events ahead in a row are a gap */
#define CONTROL (-1) /* in place of a part: what is known of the whole, of a window */
#define WINDOW (-2)
#define CONTROL_BYTES (4 * 8 + 16 + 1)

typedef struct window {
    int64_t start;
    pctl_tab tab;
    bool fired, changed; /* rows were written; some are other ones now */
} window;

/* A row of the batch and its window. */
typedef struct placed {
    int64_t start;
    uint16_t row;
} placed;

struct gn_windows {
    gn_pctl *p;
    gn_window_options o;
    window *w; /* by start */
    size_t n;
    bool any, lifted; /* there is a watermark; it does not bound the next event */
    int64_t watermark;
    uint64_t ahead; /* in a row */
    uint64_t seen;  /* records of the input */
    gn_record_sum sum;
    /* what a loaded state has seen */
    uint64_t replay;
    gn_record_sum replay_sum;
    gn_window_counts count;
    placed taken[GN_BATCH];
    size_t ntaken;
    uint16_t pick[GN_BATCH];
    gn_row reject;
    gn_buf params;
};

gn_windows *gn_windows_new(gn_pctl *p, const gn_window_options *o, gn_err *e)
{
    gn_windows *w = gn_calloc(1, sizeof *w, e);
    if (!w)
        return NULL;
    w->p = p;
    w->o = *o;
    return w;
}

void gn_windows_free(gn_windows *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++)
        pctl_tab_release(w->p, &w->w[i].tab);
    free(w->w);
    gn_row_release(&w->reject);
    gn_buf_release(&w->params);
    free(w);
}

size_t gn_windows_open(const gn_windows *w)
{
    return w->n;
}

gn_window_counts gn_windows_counted(const gn_windows *w)
{
    return w->count;
}

int gn_windows_header(const gn_windows *w, gn_header *h, gn_err *e)
{
    return gn_schema_add(&h->schema, "window_start", 12, GN_TIME, e) ||
                   pctl_key_columns(w->p, h, e) ||
                   gn_schema_add(&h->schema, "window_end", 10, GN_TIME, e) ||
                   pctl_result_columns(w->p, h, e) ||
                   gn_schema_add(&h->schema, "final", 5, GN_BOOL, e)
               ? -1
               : 0;
}

/* ---- windows ---- */

static int64_t start_of(const gn_windows *w, int64_t t)
{
    int64_t r = t % w->o.length;
    return t - (r < 0 ? r + w->o.length : r);
}

/* When it closes; no sum here passes 64 bits, as options are bounded and times are. */
static int64_t closes(const gn_windows *w, int64_t start)
{
    return start + w->o.length + w->o.lateness;
}

static window *find(gn_windows *w, int64_t start, gn_err *e)
{
    size_t at = w->n;
    while (at && w->w[at - 1].start >= start)
        at--;
    if (at < w->n && w->w[at].start == start)
        return &w->w[at];
    window *v = gn_realloc(w->w, w->n + 1, sizeof *v, e);
    if (!v)
        return NULL;
    w->w = v;
    window fresh = {.start = start};
    if (pctl_tab_init(w->p, &fresh.tab, e)) {
        pctl_tab_release(w->p, &fresh.tab);
        return NULL;
    }
    memmove(v + at + 1, v + at, (w->n - at) * sizeof *v);
    v[at] = fresh;
    w->n++;
    return &v[at];
}

static void forget(gn_windows *w, size_t i)
{
    pctl_tab_release(w->p, &w->w[i].tab);
    w->n--;
    memmove(w->w + i, w->w + i + 1, (w->n - i) * sizeof *w->w);
    w->count.closed++;
}

static int put_row(gn_windows *w, const window *x, const pctl_result *r, bool final, gn_writer *to,
                   gn_err *e)
{
    gn_pctl *p = w->p;
    return gn_row_begin(&p->out, p->nbase + pctl_result_fields(p) + 3, e) ||
                   gn_row_time(&p->out, x->start, e) || pctl_put_keys(p, r->key, e) ||
                   gn_row_time(&p->out, x->start + w->o.length, e) || pctl_result_put(p, r, e) ||
                   gn_row_bool(&p->out, final, e) || gn_row_write(&p->out, to, e)
               ? -1
               : 0;
}

/* The rows of a window; unless final those that have changed. */
static int fire(gn_windows *w, window *x, bool final, gn_writer *to, gn_err *e)
{
    pctl_walk k;
    int r = pctl_walk_begin(&k, w->p, &x->tab, e) ? -1 : 1;
    while (r == 1 && (r = pctl_walk_next(&k, e)) == 1) {
        pctl_cell *c = k.cell[0];
        if (!final && !c->changed)
            continue;
        if (pctl_walk_result(&k, e) || put_row(w, x, &k.r, final, to, e))
            r = -1;
        w->count.rows++;
        w->count.updates += c->written;
        c->changed = false;
        c->written = true;
    }
    pctl_walk_end(&k);
    x->fired = true;
    x->changed = false;
    return r < 0 ? -1 : 0;
}

/* What the watermark says now of the windows before a time. */
static int fire_due(gn_windows *w, int64_t before, gn_writer *to, gn_err *e)
{
    for (size_t i = 0; w->any && i < w->n && w->w[i].start < before;) {
        window *x = &w->w[i];
        if (closes(w, x->start) <= w->watermark) {
            if (fire(w, x, true, to, e))
                return -1;
            forget(w, i);
            continue;
        }
        if (w->o.updates && x->changed && before == INT64_MAX &&
            x->start + w->o.length <= w->watermark && fire(w, x, false, to, e))
            return -1;
        i++;
    }
    return 0;
}

int gn_windows_close(gn_windows *w, gn_writer *to, gn_err *e)
{
    if (w->n && closes(w, w->w[w->n - 1].start) > w->watermark)
        w->watermark = closes(w, w->w[w->n - 1].start);
    w->lifted = true;
    return fire_due(w, INT64_MAX, to, e);
}

int gn_windows_pause(gn_windows *w, gn_writer *to, gn_err *e)
{
    for (size_t i = 0; w->o.updates && i < w->n; i++)
        if (w->w[i].changed && fire(w, &w->w[i], false, to, e))
            return -1;
    return 0;
}

/* ---- events ---- */

static int put_reject(gn_windows *w, const gn_batch *b, size_t i, const char *input,
                      const char *rule, const char *reason, gn_writer *to, gn_err *e)
{
    gn_row *r = &w->reject;
    if (!to)
        return 0;
    return gn_row_begin(r, 6, e) || gn_row_str(r, input, strlen(input), e) || gn_row_null(r, e) ||
                   gn_row_int(r, (int64_t)(b->first + i + 1), e) ||
                   gn_row_str(r, rule, strlen(rule), e) ||
                   gn_row_str(r, reason, strlen(reason), e) ||
                   gn_row_bin(r, b->base + b->off[i], b->off[i + 1] - b->off[i], e) ||
                   gn_row_write(r, to, e)
               ? -1
               : 0;
}

/* Is it later than can be? */
static bool is_ahead(gn_windows *w, int64_t t, int64_t now)
{
    if (!w->o.ahead)
        return false;
    if (t - w->o.ahead > now) {
        w->ahead = 0;
        return true;
    }
    if (w->any && !w->lifted && t - w->o.ahead > w->watermark && ++w->ahead < GAP)
        return true;
    w->ahead = 0;
    return false;
}

enum verdict { TAKEN, WITHOUT_TIME, AHEAD, LATE };

static enum verdict judge(gn_windows *w, const gn_vec *time, size_t i, int64_t now)
{
    int64_t t = time->i[i];
    if (time->null[i])
        return WITHOUT_TIME;
    if (is_ahead(w, t, now))
        return AHEAD;
    if (w->any && closes(w, start_of(w, t)) <= w->watermark)
        return LATE;
    if (!w->any || t > w->watermark)
        w->watermark = t;
    w->any = true;
    w->lifted = false;
    return TAKEN;
}

/* The rows of the batch that take part, with their windows. */
static int judge_all(gn_windows *w, const gn_batch *b, const char *input, gn_writer *rejects,
                     gn_err *e)
{
    static const char *const rule[] = {NULL, "time", "ahead", "late"},
                             *const reason[] = {NULL, "the event has no time",
                                                "its time is too far ahead",
                                                "its window is closed"};
    gn_pctl *p = w->p;
    const gn_vec *time = p->spec.col[p->c_time].v;
    int64_t now = gn_clock_us();
    w->ntaken = 0;
    for (size_t k = 0; k < p->nrows; k++) {
        enum verdict v = judge(w, time, p->row[k], now);
        if (v == TAKEN) {
            int64_t start = start_of(w, time->i[p->row[k]]);
            if (start < GN_TIME_MIN || start > GN_TIME_MAX - w->o.length) /* no time says that */
                return gn_fail(e, GN_INPUT,
                               "'%s': record %llu: its window is not within the years 0001 to 9999",
                               input, (unsigned long long)(b->first + p->row[k] + 1));
            w->taken[w->ntaken++] = (placed){start, (uint16_t)k};
            continue;
        }
        w->count.without_time += v == WITHOUT_TIME;
        w->count.ahead += v == AHEAD;
        w->count.late += v == LATE;
        p->count.events--;
        if (put_reject(w, b, p->row[k], input, rule[v], reason[v], rejects, e))
            return -1;
    }
    return 0;
}

static int cmp_placed(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    return x->start != y->start ? (x->start > y->start) - (x->start < y->start)
                                : (x->row > y->row) - (x->row < y->row);
}

/* The rows that take part to their windows, one after the other, so that those before can go. */
static int add_all(gn_windows *w, gn_writer *to, gn_err *e)
{
    qsort(w->taken, w->ntaken, sizeof *w->taken, cmp_placed);
    for (size_t k = 0, n, done; k < w->ntaken; k += n) {
        int64_t start = w->taken[k].start;
        for (n = 0; k + n < w->ntaken && w->taken[k + n].start == start; n++)
            w->pick[n] = w->taken[k + n].row;
        if (fire_due(w, start, to, e))
            return -1;
        window *x = find(w, start, e);
        done = 0;
        if (!x || pctl_tab_rows(w->p, &x->tab, w->pick, n, &done, e))
            return -1;
        x->changed = true;
    }
    return fire_due(w, INT64_MAX, to, e);
}

/* How many records at the batch's beginning the loaded state has seen; counts and sums up. */
static int pass_over(gn_windows *w, const gn_batch *b, size_t *from, gn_err *e)
{
    gn_batch part = *b;
    *from = 0;
    if (w->seen < w->replay) {
        *from = w->replay - w->seen < b->n ? (size_t)(w->replay - w->seen) : b->n;
        part.n = *from;
        gn_record_sum_batch(&w->sum, &part);
        w->seen += *from;
        w->count.replayed += *from;
        if (w->seen == w->replay &&
            (w->sum.high != w->replay_sum.high || w->sum.low != w->replay_sum.low))
            return gn_fail(e, GN_INPUT,
                           "the input does not begin with the records that --state has seen (give "
                           "--continue when it goes on behind them)");
    }
    part = *b;
    part.off += *from;
    part.n -= *from;
    if (part.n)
        gn_record_sum_batch(&w->sum, &part);
    w->seen += part.n;
    return 0;
}

int gn_windows_batch(gn_windows *w, const gn_batch *b, const char *input, gn_writer *to,
                     gn_writer *rejects, gn_err *e)
{
    size_t from;
    if (pass_over(w, b, &from, e))
        return -1;
    if (from == b->n)
        return 0;
    return pctl_rows(w->p, b, from, e) || judge_all(w, b, input, rejects, e) || add_all(w, to, e)
               ? -1
               : 0;
}

int gn_windows_replayed(const gn_windows *w, gn_err *e)
{
    if (w->seen >= w->replay)
        return 0;
    return gn_fail(
        e, GN_INPUT,
        "the input has fewer records than --state has seen (give --continue when it goes "
        "on behind them)");
}

/* ---- checkpoints ----
 *
 * A stream like a partial state, with the windows' starts in front. Its first record has everything
 * that is not of a window, then each window has one that says so, before those of its groups. */

static int make_params(gn_windows *w, gn_err *e)
{
    if (w->params.n)
        return 0;
    return gn_buf_printf(&w->params, e, "tumble=%lld lateness=%lld emit=%s ",
                         (long long)w->o.length, (long long)w->o.lateness,
                         w->o.updates ? "update" : "final") ||
                   gn_buf_add(&w->params, w->p->params, strlen(w->p->params) + 1, e)
               ? -1
               : 0;
}

static int put_control(gn_windows *w, const window *x, const uint8_t *p, size_t n, gn_writer *to,
                       gn_err *e)
{
    gn_row *r = &w->p->out;
    if (gn_row_begin(r, w->p->nbase + 3, e) ||
        (x ? gn_row_time(r, x->start, e) : gn_row_null(r, e)))
        return -1;
    for (size_t i = 0; i < w->p->nbase; i++)
        if (gn_row_null(r, e))
            return -1;
    return gn_row_int(r, x ? WINDOW : CONTROL, e) || gn_row_bin(r, p, n, e) ||
                   gn_row_write(r, to, e)
               ? -1
               : 0;
}

static int put_windows(gn_windows *w, gn_writer *to, gn_err *e)
{
    uint8_t c[CONTROL_BYTES], *p = c, lead[GN_MP_HEAD];
    p = gn_put64(p, (uint64_t)w->watermark);
    p = gn_put64(p, w->ahead);
    p = gn_put64(p, w->seen);
    p = gn_put64(p, 0); /* room for what a later version needs */
    p = gn_put64(gn_put64(p, w->sum.high), w->sum.low);
    *p++ = (uint8_t)(w->any | w->lifted << 1);
    if (put_control(w, NULL, c, sizeof c, to, e))
        return -1;
    for (size_t i = 0; i < w->n; i++) {
        window *x = &w->w[i];
        uint8_t fired = x->fired;
        uint64_t groups = w->p->count.groups;
        gn_str start = {lead, (uint32_t)(gn_mp_time(lead, x->start) - lead)};
        if (put_control(w, x, &fired, 1, to, e) ||
            pctl_states_table(w->p, &x->tab, start, 1, to, e))
            return -1;
        w->p->count.groups = groups;
    }
    return 0;
}

static int save_header(gn_windows *w, gn_header *h, gn_err *e)
{
    if (make_params(w, e) || gn_schema_add(&h->schema, "window_start", 12, GN_TIME, e) ||
        pctl_states_columns(w->p, h, STATE_NAME, e))
        return -1;
    free(h->partial.params);
    h->partial.params = gn_strdup((const char *)w->params.p, e);
    return h->partial.params ? 0 : -1;
}

int gn_windows_save(gn_windows *w, const char *path, gn_err *e)
{
    gn_header h = {0};
    gn_lineage none = {0};
    gn_out *out = gn_out_open(path, 0, e);
    gn_writer *to = out ? gn_writer_new(out, e) : NULL;
    int r = !to || save_header(w, &h, e) || gn_writer_begin(to, &h, e) || put_windows(w, to, e) ||
                    gn_writer_end(to, &none, e) || gn_out_finish(out, e) || gn_out_commit(out, e)
                ? -1
                : 0;
    gn_writer_free(to);
    gn_out_close(out);
    gn_header_release(&h);
    return r;
}

static int bad_state(const char *path, gn_err *e)
{
    return gn_fail(e, GN_CORRUPT, "'%s': a state that no records have", path);
}

static bool get_control(gn_windows *w, gn_str s)
{
    if (s.n != CONTROL_BYTES || s.p[s.n - 1] > 3)
        return false;
    w->watermark = (int64_t)gn_be64(s.p);
    w->ahead = gn_be64(s.p + 8);
    w->replay = gn_be64(s.p + 16);
    w->replay_sum = (gn_record_sum){gn_be64(s.p + 32), gn_be64(s.p + 40)};
    w->any = s.p[s.n - 1] & 1;
    w->lifted = s.p[s.n - 1] >> 1;
    return w->ahead < GAP && w->watermark >= 2 * GN_TIME_MIN && w->watermark <= 2 * GN_TIME_MAX;
}

static int get_group(gn_windows *w, const gn_batch *b, size_t i, gn_err *e)
{
    gn_pctl *p = w->p;
    gn_buf key = {0};
    size_t done = 0;
    int r = 0;
    for (size_t k = 0; r == 0 && k < p->nbase; k++)
        r = gn_buf_add(&key, b->col[k + 1].raw[i].p, b->col[k + 1].raw[i].n, e);
    if (r == 0)
        r = pctl_state_add(p, &w->w[w->n - 1].tab, (gn_str){key.p, (uint32_t)key.n},
                           b->col[p->nbase + 1].i[i], b->col[p->nbase + 2].s[i], &done, e);
    gn_buf_release(&key);
    return r;
}

/* Windows come in the order of their starts, each before its groups. */
static int get_record(gn_windows *w, const gn_batch *b, size_t i, const char *path, gn_err *e)
{
    const gn_vec *start = &b->col[0], *part = &b->col[w->p->nbase + 1],
                 *state = &b->col[w->p->nbase + 2];
    bool first = b->first + i == 0;
    if (part->null[i] || state->null[i] || first != (part->i[i] == CONTROL) ||
        first != start->null[i])
        return bad_state(path, e);
    if (first)
        return get_control(w, state->s[i]) ? 0 : bad_state(path, e);
    if (part->i[i] != WINDOW)
        return w->n && w->w[w->n - 1].start == start->i[i] ? get_group(w, b, i, e)
                                                           : bad_state(path, e);
    gn_str s = state->s[i];
    if (s.n != 1 || s.p[0] > 1 || (w->n && w->w[w->n - 1].start >= start->i[i]) ||
        start_of(w, start->i[i]) != start->i[i])
        return bad_state(path, e);
    window *x = find(w, start->i[i], e);
    if (!x)
        return -1;
    x->fired = s.p[0];
    x->changed = !x->fired;
    return 0;
}

static int check_header(gn_windows *w, const gn_header *h, const char *path, gn_err *e)
{
    gn_header mine = {0};
    int r = save_header(w, &mine, e);
    if (r == 0 && (!h->partial.command || strcmp(h->partial.command, mine.partial.command) != 0 ||
                   strcmp(h->partial.state, STATE_NAME) != 0))
        r = gn_fail(e, GN_INPUT, "'%s': not a state of gn-pctl --tumble", path);
    if (r == 0 && (strcmp(h->partial.params, mine.partial.params) != 0 ||
                   !gn_schema_equal(&h->schema, &mine.schema)))
        r = gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than these (%s)", path,
                    h->partial.params, mine.partial.params);
    gn_header_release(&mine);
    return r;
}

/* Groups of a window whose rows were written have not changed since: see gn_windows_save's place
 * behind gn_windows_batch. */
static void settle(gn_windows *w)
{
    for (size_t i = 0; i < w->n; i++)
        for (size_t k = 0; w->w[i].fired && k < w->w[i].tab.ncells; k++) {
            w->w[i].tab.cell[k]->changed = false;
            w->w[i].tab.cell[k]->written = true;
        }
}

int gn_windows_load(gn_windows *w, const char *path, bool *found, gn_err *e)
{
    gn_batch *b;
    int ev;
    *found = access(path, F_OK) == 0 || errno != ENOENT;
    if (!*found)
        return 0;
    gn_reader *r = gn_reader_open(&path, 1, 0, e);
    if (!r)
        return -1;
    while ((ev = gn_reader_next(r, &b, e)) > 0) {
        if (ev == GN_EV_SEGMENT && (check_header(w, gn_reader_header(r), path, e) ||
                                    gn_reader_want_all(r, GN_RAW | GN_VALUE, e)))
            ev = -1;
        for (size_t i = 0; ev == GN_EV_BATCH && i < b->n; i++)
            if (get_record(w, b, i, path, e))
                ev = -1;
        if (ev < 0)
            break;
    }
    gn_reader_close(r);
    settle(w);
    if (!w->o.replay) /* another input, of which nothing was seen */
        w->replay = 0;
    return ev < 0 ? -1 : 0;
}
