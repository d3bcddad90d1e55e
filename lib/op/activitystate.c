/* activitystate.c - reading the partial states of gn-dau: user-day roll-ups, and days with
 * sketches. See activity.h; what roll-ups are, in rollup.h; sketches, in activeapprox.h. */
#include "activitypriv.h"

#include "../base/civil.h"
#include "../stream/value.h"

#include <stdlib.h>
#include <string.h>

static bool field_is(const gn_schema *s, size_t i, const char *name, gn_type t)
{
    return i < s->n && s->f[i].type == t && strcmp(s->f[i].name, name) == 0;
}

/* Find the fields: [user] date events interactions [touches] [total] [sketch], and no others. */
static bool find_fields(gn_activity *a, const gn_schema *s)
{
    size_t i = 0, n = strlen(GN_ACTIVITY_TOTAL);
    a->f_user = a->f_touches = a->f_value = a->f_sketch = -1;
    if (!a->o.sketches)
        a->f_user = (int)i++;
    if (!field_is(s, i, "date", GN_DATE) || !field_is(s, i + 1, "events", GN_INT) ||
        !field_is(s, i + 2, "interactions", GN_INT))
        return false;
    a->f_time = (int)i;
    a->f_events = (int)i + 1;
    a->f_n = (int)i + 2;
    i += 3;
    if (!a->o.sketches && field_is(s, i, "touches", GN_INT))
        a->f_touches = (int)i++;
    if (i < s->n && s->f[i].type == GN_BIN && strncmp(s->f[i].name, GN_ACTIVITY_TOTAL, n) == 0)
        a->f_value = (int)i++;
    if (a->o.sketches) {
        if (!field_is(s, i, "sketch", GN_BIN))
            return false;
        a->f_sketch = (int)i++;
    }
    return i == s->n;
}

static bool ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text), k = strlen(tail);
    return n >= k && strcmp(text + n - k, tail) == 0;
}

/* The parameters speak of the fields that are there: they begin as ours would; and options given
 * again are those that it was made with: they end as ours would. */
static int check_params(const gn_activity *a, const gn_header *h, const char *value,
                        const char *name, gn_err *e)
{
    const char *theirs = h->partial.params;
    gn_buf head = {0}, tail = {0};
    int r = -1;
    if (gn_activity_head(a, &head, a->f_user < 0 ? NULL : h->schema.f[a->f_user].name, value, e) ||
        (a->f_user >= 0 && gn_buf_printf(&head, e, " active=")) || gn_activity_tail(a, &tail, e))
        goto done;
    if (strncmp(theirs, (char *)head.p, strlen((char *)head.p)) != 0)
        gn_fail(e, GN_INPUT, "'%s': a partial state with fields unlike gn-dau's", name);
    else if (!a->o.params_default && !ends_with(theirs, (char *)tail.p))
        gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than asked for (%s)", name, theirs,
                (char *)tail.p + 1);
    else
        r = 0;
done:
    gn_buf_release(&head);
    gn_buf_release(&tail);
    return r;
}

int gn_activity_state_segment(gn_activity *a, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const gn_schema *s = &h->schema;
    const char *name = gn_reader_name(r), *state = a->o.sketches ? "sketch" : "keys";
    if (!h->partial.command || strcmp(h->partial.command, "gn-dau") != 0)
        return gn_fail(e, GN_INPUT, "'%s': not a partial state of gn-dau (make it with --partial)",
                       name);
    if (strcmp(h->partial.state, state) != 0)
        return gn_fail(e, GN_INPUT, "'%s': a partial state made %s --approx, unlike what is merged",
                       name, a->o.sketches ? "without" : "with");
    if (!find_fields(a, s))
        return gn_fail(e, GN_INPUT, "'%s': a partial state with fields unlike gn-dau's", name);
    const char *value = a->f_value < 0 ? NULL : s->f[a->f_value].name + strlen(GN_ACTIVITY_TOTAL);
    for (int i = 0; i < (int)s->n; i++)
        if (gn_reader_want(r, i, i == a->f_user ? GN_RAW : GN_VALUE, e))
            return -1;
    a->before.n = 0;
    a->day_before = INT64_MIN;
    a->touches = a->f_touches >= 0;
    const gn_field *user = a->f_user < 0 ? NULL : &s->f[a->f_user];
    return check_params(a, h, value, name, e) ||
                   gn_activity_agree(a, r, user ? user->name : NULL, user ? user->type : GN_STR,
                                     value, h->partial.params, e)
               ? -1
               : 0;
}

/* One row per user and day, or per day, in order: a double would be counted twice. */
static int check_order(gn_activity *a, size_t i, gn_err *e)
{
    static const char what[] = "a partial state out of order, or with doubled rows";
    int64_t day = a->day[i], before = a->day_before;
    a->day_before = day;
    if (a->f_user < 0)
        return day > before ? 0 : gn_fail(e, GN_CORRUPT, "%s", what);
    gn_str user = a->key[i];
    if (a->before.n) {
        int c = gn_value_cmp(a->user_type, (gn_str){a->before.p, (uint32_t)a->before.n}, user);
        if (c > 0 || (c == 0 && day <= before))
            return gn_fail(e, GN_CORRUPT, "%s", what);
    }
    a->before.n = 0;
    return gn_buf_add(&a->before, user.p, user.n, e);
}

/* A row says that there were events, or that events of other days touch it. */
static bool counts_possible(const gn_activity *a, size_t i, int64_t events, int64_t n)
{
    if (events < 0 || n < 0 || n > events || a->touch[i] > INT64_MAX)
        return false;
    if (!a->sketch)
        return events > 0 || a->touch[i] > 0;
    bool users = a->sketch[i].n > 1;
    return n > 0 ? users : events > 0 || users;
}

int gn_activity_state_batch(gn_activity *a, const gn_batch *b, gn_err *e)
{
    const int64_t *events = b->col[a->f_events].i, *n = b->col[a->f_n].i;
    const gn_vec *sum = a->f_value >= 0 ? &b->col[a->f_value] : NULL;
    const int field[] = {a->f_user,    a->f_time,  a->f_events, a->f_n,
                         a->f_touches, a->f_value, a->f_sketch};
    for (size_t k = 0; k < sizeof field / sizeof *field; k++)
        if (field[k] >= 0 && b->col[field[k]].nulls)
            return gn_fail(e, GN_CORRUPT, "a partial state with nulls");
    a->key = a->f_user < 0 ? NULL : b->col[a->f_user].raw;
    a->sketch = a->f_sketch < 0 ? NULL : b->col[a->f_sketch].s;
    memcpy(a->day, b->col[a->f_time].i, b->n * sizeof *a->day);
    a->nvalid = b->n;
    a->nrow = 0;
    for (size_t i = 0; i < b->n; i++) {
        a->touch[i] = a->f_touches < 0 ? 0 : (uint64_t)b->col[a->f_touches].i[i];
        if (!counts_possible(a, i, events[i], n[i]) || (sum && sum->s[i].n != 16))
            return gn_fail(e, GN_CORRUPT, "a partial state with impossible counts");
        if (check_order(a, i, e))
            return -1;
        a->events[i] = (uint64_t)events[i];
        a->n[i] = (uint64_t)n[i];
        a->sum[i] = sum ? gn_i128_get(sum->s[i].p) : 0;
        a->valid[i] = (uint16_t)i;
        a->row[a->nrow] = (uint16_t)i;
        a->nrow += a->n[i] > 0 || a->touch[i] > 0;
    }
    return gn_activity_cover(a, e);
}
