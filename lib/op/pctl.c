/* pctl.c - see pctl.h: options, segments, and the rows of a batch. */
#include "pctlpriv.h"

#include "../io/mp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART "pctl_part"
#define STATE "pctl_state"
#define STATE_NAME "values"
#define USER "user_id" /* where no --user is given, and there is one */

const char *const pctl_period_name[PCTL_PERIODS] = {"day", "week", "month", "whole"};
const char *const pctl_level_name[PCTL_LEVELS] = {"major", "major.minor", "major.minor.patch"};

/* ---- options ---- */

/* A list of names; which of them are in it. */
static int parse_names(const char *text, const char *what, const char *const *name, size_t n,
                       bool *in, gn_err *e)
{
    for (const char *p = text;; p++) {
        size_t len = strcspn(p, ","), i = 0;
        while (i < n && (strlen(name[i]) != len || memcmp(name[i], p, len) != 0))
            i++;
        if (i == n || in[i])
            return gn_fail(e, GN_USAGE, "%s: '%.*s' is %s", what, (int)len, p,
                           i < n              ? "given twice"
                           : n == PCTL_LEVELS ? "not major, major.minor or major.minor.patch"
                                              : "not day, week, month or whole");
        in[i] = true;
        p += len;
        if (!*p)
            return 0;
    }
}

static int parse_percentiles(gn_pctl *p, const char *text, gn_err *e)
{
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ",");
        char *name = p->pname[p->nps];
        if (p->nps == GN_PCTL_MAX)
            return gn_fail(e, GN_USAGE, "--percentiles: more than %d", GN_PCTL_MAX);
        if (len > 12 || !agg_parse_percent(at, len, &p->num[p->nps], &p->den[p->nps]))
            return gn_fail(e, GN_USAGE, "--percentiles: '%.*s' is not a percentage from 0 to 100",
                           (int)len, at);
        (void)snprintf(name, sizeof p->pname[0], "p%.*s_", (int)len, at);
        for (char *c = name; *c; c++)
            if (*c == '.')
                *c = '_';
        for (size_t i = 0; i < p->nps; i++)
            if (strcmp(p->pname[i], name) == 0)
                return gn_fail(e, GN_USAGE, "--percentiles: '%.*s' is given twice", (int)len, at);
        p->nps++;
        at += len;
        if (!*at)
            return 0;
    }
}

/* What the groups that are held must tell apart, and the views of them. */
static void choose_grain(gn_pctl *p)
{
    p->grain = -1;
    p->dots = 0;
    for (int i = 0; i < PCTL_LEVELS; i++)
        if (p->level[i])
            p->dots = i + 1;
    if (p->period[PCTL_DAY] || p->period[PCTL_MONTH])
        p->grain = PCTL_DAY;
    else if (p->period[PCTL_WEEK])
        p->grain = PCTL_WEEK;
}

static void choose_views(gn_pctl *p)
{
    p->levels = p->periods = false;
    for (int i = 0; i < PCTL_LEVELS; i++)
        p->levels |= p->level[i];
    for (int i = 0; i < PCTL_PERIODS; i++)
        p->periods |= p->period[i];
    for (int l = p->levels ? 0 : -1; l < (p->levels ? PCTL_LEVELS : 0); l++)
        for (int d = p->periods ? 0 : -1; d < (p->periods ? PCTL_PERIODS : 0); d++)
            if ((p->levels || p->periods) && (l < 0 || p->level[l]) && (d < 0 || p->period[d]))
                p->view[p->nviews++] = (struct pctl_view){l + 1, d};
}

static int parse_views(gn_pctl *p, gn_err *e)
{
    const gn_pctl_options *o = &p->o;
    return (o->periods &&
            parse_names(o->periods, "--by", pctl_period_name, PCTL_PERIODS, p->period, e)) ||
                   (o->levels &&
                    parse_names(o->levels, "--level", pctl_level_name, PCTL_LEVELS, p->level, e))
               ? -1
               : 0;
}

/* The keys and columns that it takes, as gn-agg's lists. */
static int parse_spec(gn_pctl *p, const char *user, gn_err *e)
{
    const gn_pctl_options *o = &p->o;
    gn_buf keys = {0}, aggs = {0}, name = {0};
    const char *sep = o->keys ? ", " : "";
    int r = -1;
    agg_spec_release(&p->spec);
    if (gn_buf_printf(&keys, e, "%s", o->keys ? o->keys : ""))
        goto done;
    if (p->dots) {
        if (agg_name_text(&name, o->release, e) ||
            gn_buf_printf(&keys, e, "%srelease = %s", sep, (const char *)name.p))
            goto done;
        sep = ", ";
        name.n = 0;
    }
    if (agg_name_text(&name, o->time, e) ||
        (p->grain >= 0 &&
         gn_buf_printf(&keys, e, "%speriod = %s(%s)", sep, p->grain == PCTL_DAY ? "date" : "week",
                       (const char *)name.p)))
        goto done;
    if (o->timed && gn_buf_printf(&aggs, e, "`a time` = count(%s), ", (const char *)name.p))
        goto done;
    name.n = 0;
    if (agg_name_text(&name, o->value, e) ||
        gn_buf_printf(&aggs, e, "`a value` = count(%s)", (const char *)name.p))
        goto done;
    name.n = 0;
    if (*user && (agg_name_text(&name, user, e) ||
                  gn_buf_printf(&aggs, e, ", `a user` = distinct(%s)", (const char *)name.p)))
        goto done;
    p->users = *user != '\0';
    gn_agg_options a = {.keys = keys.n ? (const char *)keys.p : NULL,
                        .aggs = (const char *)aggs.p,
                        .time = o->time,
                        .tz = o->tz};
    r = agg_spec_parse(&p->spec, &a, e);
done:
    gn_buf_release(&keys);
    gn_buf_release(&aggs);
    gn_buf_release(&name);
    return r;
}

gn_pctl *gn_pctl_new(const gn_pctl_options *o, gn_err *e)
{
    gn_pctl *p = gn_calloc(1, sizeof *p, e);
    if (!p)
        return NULL;
    p->o = *o;
    if (parse_percentiles(p, o->ps, e) || parse_views(p, e))
        goto fail;
    if (o->merge)
        return p;
    if (o->where && gn_expr_check(o->where, "--where", e))
        goto fail;
    choose_grain(p);
    choose_views(p);
    if (parse_spec(p, o->user ? o->user : USER, e))
        goto fail;
    return p;
fail:
    gn_pctl_free(p);
    return NULL;
}

void gn_pctl_free(gn_pctl *p)
{
    if (!p)
        return;
    if (p->tab.groups)
        pctl_tab_release(p, &p->tab);
    pctl_reserve_give(p);
    gn_spill_free(p->spill);
    gn_expr_free(p->where);
    agg_spec_release(&p->spec);
    free(p->params);
    gn_schema_release(&p->schema);
    gn_buf_release(&p->keys);
    gn_buf_release(&p->cut);
    gn_buf_release(&p->scratch);
    gn_row_release(&p->out);
    free(p);
}

gn_pctl_counts gn_pctl_counted(const gn_pctl *p)
{
    return p->count;
}

/* ---- segments ---- */

/* Which column is what. */
static void find_columns(gn_pctl *p)
{
    const agg_spec *s = &p->spec;
    size_t n = 0;
    p->c_time = p->o.timed ? s->item[n++].arg : -1;
    p->c_value = s->item[n++].arg;
    p->c_user = p->users ? s->item[n].arg : -1;
    p->nbase = s->nkeys;
    p->nkeys = s->nkeys - (p->dots > 0) - (p->grain >= 0);
    p->c_release = p->dots ? s->key[p->nkeys] : -1;
    p->c_period = p->grain >= 0 ? s->key[s->nkeys - 1] : -1;
    for (size_t i = 0; i < s->nkeys; i++)
        p->base_type[i] = s->col[s->key[i]].type;
    p->vtype = s->col[p->c_value].type;
    p->utype = p->users ? s->col[p->c_user].type : GN_STR;
}

static int check_types(gn_pctl *p, const char *name, gn_err *e)
{
    if (p->vtype != GN_INT && p->vtype != GN_FLOAT)
        return gn_fail(e, GN_INPUT, "'%s': field '%s' for --value is %s, not int or float", name,
                       p->o.value, gn_type_name(p->vtype));
    if (p->c_release >= 0 && p->spec.col[p->c_release].type != GN_STR)
        return gn_fail(e, GN_INPUT, "'%s': field '%s' for --release is %s, not str", name,
                       p->o.release, gn_type_name(p->spec.col[p->c_release].type));
    return 0;
}

static int make_params(gn_pctl *p, gn_err *e)
{
    const gn_pctl_options *o = &p->o;
    const char *by = o->periods ? o->periods : "", *levels = o->levels ? o->levels : "",
               *where = o->where ? o->where : "",
               *user = !p->users ? ""
                       : o->user ? o->user
                                 : USER;
    const agg_spec *s = &p->spec;
    gn_buf keys = {0}, b = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->nkeys; i++)
        r = gn_buf_printf(&keys, e, "%s%.*s:%s", i ? "," : "", (int)s->col[s->key[i]].n,
                          s->col[s->key[i]].text + s->col[s->key[i]].at,
                          gn_type_name(s->col[s->key[i]].type));
    if (r == 0)
        r = gn_buf_printf(&b, e,
                          "tz=%s sketch=%s negative=%s vtype=%s utype=%s by=%zu:%s level=%zu:%s "
                          "value=%zu:%s user=%zu:%s where=%zu:%s keys=%zu:%s",
                          o->tz, o->approx ? GN_DDS_NAME : "none", o->negative ? "kept" : "out",
                          gn_type_name(p->vtype), p->users ? gn_type_name(p->utype) : "none",
                          strlen(by), by, strlen(levels), levels, strlen(o->value), o->value,
                          strlen(user), user, strlen(where), where, keys.n,
                          keys.n ? (const char *)keys.p : "");
    gn_buf_release(&keys);
    p->params = r == 0 ? (char *)b.p : NULL;
    if (r)
        gn_buf_release(&b);
    return r;
}

/* "name=" at *at, then what follows up to a blank, or, `sized`, "length:text". */
static bool param(const char **at, const char *name, bool sized, gn_str *v)
{
    size_t n = strlen(name);
    if (strncmp(*at, name, n) != 0 || (*at)[n] != '=')
        return false;
    const char *p = *at + n + 1;
    size_t len = strcspn(p, " ");
    if (sized) {
        char *end;
        unsigned long size = strtoul(p, &end, 10);
        if (*p < '0' || *p > '9' || *end != ':' || size > strlen(end + 1))
            return false;
        p = end + 1;
        len = size;
    }
    *v = (gn_str){(const uint8_t *)p, (uint32_t)len};
    *at = p + len + (p[len] == ' ');
    return true;
}

static bool is(gn_str v, const char *text)
{
    return v.n == strlen(text) && memcmp(v.p, text, v.n) == 0;
}

/* A copy that lives as long as the options do. */
static const char *kept(gn_pctl *p, gn_str v, gn_err *e)
{
    return gn_arena_strndup(&p->spec.arena, (const char *)v.p, v.n, e);
}

/* The options that a state was made with. */
static int take_params(gn_pctl *p, const char *params, const char *name, gn_err *e)
{
    const char *at = params, *by = NULL, *levels = NULL;
    gn_str tz, sketch, negative, vtype, utype, v[6];
    gn_err bad = {0};
    gn_pctl made = {0}; /* only what parse_views fills in */
    if (!param(&at, "tz", false, &tz) || !param(&at, "sketch", false, &sketch) ||
        !param(&at, "negative", false, &negative) || !param(&at, "vtype", false, &vtype) ||
        !param(&at, "utype", false, &utype) || !param(&at, "by", true, &v[0]) ||
        !param(&at, "level", true, &v[1]) || !param(&at, "value", true, &v[2]) ||
        !param(&at, "user", true, &v[3]) || !param(&at, "where", true, &v[4]) ||
        !param(&at, "keys", true, &v[5]) || *at ||
        (!is(sketch, GN_DDS_NAME) && !is(sketch, "none")) ||
        !gn_type_parse((const char *)vtype.p, vtype.n, &p->vtype) ||
        (p->vtype != GN_INT && p->vtype != GN_FLOAT))
        goto foreign;
    p->users = !is(utype, "none");
    if (p->users && !gn_type_parse((const char *)utype.p, utype.n, &p->utype))
        goto foreign;
    p->o.approx = is(sketch, GN_DDS_NAME);
    if (!(by = kept(p, v[0], e)) || !(levels = kept(p, v[1], e)) ||
        !(p->o.value = kept(p, v[2], e)) || !(p->params = gn_strdup(params, e)))
        return -1;
    made.o.periods = *by ? by : NULL;
    made.o.levels = *levels ? levels : NULL;
    if (parse_views(&made, &bad))
        goto foreign;
    choose_grain(&made);
    p->grain = made.grain;
    p->dots = made.dots;
    if (!p->o.periods)
        memcpy(p->period, made.period, sizeof p->period);
    if (!p->o.levels)
        memcpy(p->level, made.level, sizeof p->level);
    choose_views(p);
    for (size_t i = 0; i < p->nviews; i++) {
        int d = p->view[i].period;
        bool fine = p->grain < 0 ? d < 0 || d == PCTL_WHOLE
                                 : p->grain != PCTL_WEEK || d == PCTL_WEEK || d == PCTL_WHOLE;
        if (!fine || p->view[i].dots > p->dots)
            return gn_fail(e, GN_USAGE, "'%s': its state is by%s%s%s%s, too coarse for --%s", name,
                           *by ? " " : " no period", by, *levels ? " and " : "", levels,
                           fine ? "level" : "by");
    }
    return 0;
foreign:
    return gn_fail(e, GN_INPUT, "'%s': a partial state of another version of gn-pctl", name);
}

static int merge_segment(gn_pctl *p, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const char *name = gn_reader_name(r);
    if (!h->partial.command || strcmp(h->partial.command, "gn-pctl") != 0 ||
        strcmp(h->partial.state, STATE_NAME) != 0)
        return gn_fail(e, GN_INPUT, "'%s': not a partial state of gn-pctl (make it with --partial)",
                       name);
    if (!p->begun) {
        if (take_params(p, h->partial.params, name, e))
            return -1;
        p->nbase = h->schema.n - 2;
        p->nkeys = p->nbase - (p->dots > 0) - (p->grain >= 0);
        p->f_part = (int)p->nbase;
        p->f_state = p->f_part + 1;
        if (h->schema.n < 2u + (p->dots > 0) + (p->grain >= 0) || h->schema.n > GN_FIELDS_MAX)
            return gn_fail(e, GN_INPUT, "'%s': a partial state with fields unlike gn-pctl's", name);
        for (size_t i = 0; i < p->nbase; i++)
            p->base_type[i] = h->schema.f[i].type;
        if (gn_schema_copy(&p->schema, &h->schema, e))
            return -1;
    }
    if (strcmp(h->partial.params, p->params) != 0)
        return gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than the first input (%s)",
                       name, h->partial.params, p->params);
    if (!gn_schema_equal(&h->schema, &p->schema) || h->schema.f[p->f_part].type != GN_INT ||
        h->schema.f[p->f_state].type != GN_BIN || (p->dots && p->base_type[p->nkeys] != GN_STR) ||
        (p->grain >= 0 && p->base_type[p->nbase - 1] != GN_DATE))
        return gn_fail(e, GN_INPUT, "'%s': a partial state with fields unlike gn-pctl's", name);
    for (size_t i = 0; i < p->nbase; i++)
        if (gn_reader_want(r, (int)i, GN_RAW | GN_VALUE, e))
            return -1;
    return gn_reader_want(r, p->f_part, GN_VALUE, e) || gn_reader_want(r, p->f_state, GN_VALUE, e)
               ? -1
               : 0;
}

static int begin(gn_pctl *p, gn_err *e)
{
    if (pctl_tab_init(p, &p->tab, e))
        return -1;
    p->begun = true;
    return 0;
}

/* So that an option is named where its field is missing, not the expressions made of it. */
static int find_fields(const gn_pctl *p, gn_reader *r, gn_err *e)
{
    const gn_pctl_options *o = &p->o;
    const struct {
        bool needed;
        const char *role, *field;
    } f[] = {{p->dots > 0, "--release", o->release},
             {p->grain >= 0 || o->timed, "--time", o->time},
             {true, "--value", o->value},
             {p->users, "--user", o->user ? o->user : USER}};
    for (size_t i = 0; i < sizeof f / sizeof *f; i++)
        if (f[i].needed && gn_reader_field(r, f[i].role, f[i].field, ~0u, e) < 0)
            return -1;
    return 0;
}

int gn_pctl_segment(gn_pctl *p, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const char *name = gn_reader_name(r);
    if (p->o.merge)
        return merge_segment(p, r, e) || (!p->begun && begin(p, e)) ? -1 : 0;
    if (h->partial.command)
        return gn_fail(e, GN_INPUT, "'%s': a partial state of %s, not records (use --merge)", name,
                       h->partial.command);
    if (!p->begun && !p->o.user && gn_schema_find(&h->schema, USER) < 0 && parse_spec(p, "", e))
        return -1;
    gn_expr_free(p->where);
    p->where = NULL;
    if (find_fields(p, r, e) || agg_spec_bind(&p->spec, p->o.zone, r, e))
        return -1;
    if (p->o.where &&
        (!(p->where = gn_expr_condition(p->o.where, "--where", &h->schema, p->o.zone, e)) ||
         gn_expr_want_reader(p->where, r, e)))
        return -1;
    if (p->begun)
        return 0;
    find_columns(p);
    return check_types(p, name, e) || make_params(p, e) || begin(p, e) ? -1 : 0;
}

/* ---- headers ---- */

static int add_keys(const gn_pctl *p, gn_header *h, size_t n, gn_err *e)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = p->o.merge ? p->schema.f[i].name : p->spec.key_name[i];
        if (gn_schema_add(&h->schema, name, strlen(name), p->base_type[i], e))
            return -1;
    }
    return 0;
}

static int add_text(gn_header *h, const char *name, gn_err *e)
{
    return gn_schema_add(&h->schema, name, strlen(name), GN_STR, e);
}

int pctl_states_columns(const gn_pctl *p, gn_header *h, const char *state, gn_err *e)
{
    if (add_keys(p, h, p->nbase, e) || gn_schema_add(&h->schema, PART, strlen(PART), GN_INT, e) ||
        gn_schema_add(&h->schema, STATE, strlen(STATE), GN_BIN, e))
        return -1;
    h->partial.command = gn_strdup("gn-pctl", e);
    h->partial.state = gn_strdup(state, e);
    h->partial.params = gn_strdup(p->params, e);
    return h->partial.command && h->partial.state && h->partial.params ? 0 : -1;
}

int pctl_key_columns(const gn_pctl *p, gn_header *h, gn_err *e)
{
    if (!p->nviews)
        return add_keys(p, h, p->nbase, e);
    return add_keys(p, h, p->nkeys, e) ||
                   (p->levels && (add_text(h, "level", e) || add_text(h, "release", e))) ||
                   (p->periods && (add_text(h, "period_type", e) || add_text(h, "period", e)))
               ? -1
               : 0;
}

int gn_pctl_header(const gn_pctl *p, gn_header *h, gn_err *e)
{
    if (p->o.partial ? pctl_states_columns(p, h, STATE_NAME, e) : pctl_key_columns(p, h, e))
        return -1;
    size_t n = p->o.partial ? p->nbase + 1 : h->schema.n;
    for (size_t i = 0; i < n; i++)
        if (gn_header_add_order(h, h->schema.f[i].name, false, e))
            return -1;
    h->total = !p->o.partial && n;
    return p->o.partial ? 0 : pctl_result_columns(p, h, e);
}

/* ---- rows ---- */

size_t pctl_release_cut(const char *s, size_t n, int dots)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] == '.' && --dots == 0)
            return i;
    return n;
}

/* The releases of a batch, as deep as the deepest level needs. */
static int cut_releases(gn_pctl *p, const gn_batch *b, gn_err *e)
{
    const agg_col *c = &p->spec.col[p->c_release];
    size_t bytes = 0;
    for (size_t i = 0; i < b->n; i++)
        bytes += c->enc[i].n + 1u;
    p->cut.n = 0;
    if (gn_buf_reserve(&p->cut, bytes + GN_MP_HEAD, e))
        return -1;
    uint8_t *to = p->cut.p;
    for (size_t i = 0; i < b->n; i++) {
        const char *s;
        size_t n;
        p->cut_at[i] = c->enc[i];
        if (!gn_mp_get_str(c->enc[i].p, c->enc[i].p + c->enc[i].n, &s, &n))
            continue; /* null */
        size_t cut = pctl_release_cut(s, n, p->dots);
        if (cut == n)
            continue;
        uint8_t *end = gn_mp_str(to, s, cut);
        p->cut_at[i] = (gn_str){to, (uint32_t)(end - to)};
        to = end;
    }
    return 0;
}

/* The keys of the rows that count, one after the other. */
static int join_keys(gn_pctl *p, const gn_batch *b, gn_err *e)
{
    const gn_str *enc[GN_FIELDS_MAX];
    size_t bytes = 0;
    if (p->c_release >= 0 && !p->o.merge && cut_releases(p, b, e))
        return -1;
    for (size_t k = 0; k < p->nbase; k++) {
        enc[k] = p->o.merge                 ? b->col[k].raw
                 : p->dots && k == p->nkeys ? p->cut_at
                                            : p->spec.col[p->spec.key[k]].enc;
        for (size_t i = 0; i < p->nrows; i++)
            bytes += enc[k][p->row[i]].n;
    }
    p->keys.n = 0;
    if (gn_buf_reserve(&p->keys, bytes + 1, e))
        return -1;
    uint8_t *to = p->keys.p;
    for (size_t i = 0; i < p->nrows; i++) {
        uint8_t *from = to;
        for (size_t k = 0; k < p->nbase; k++) {
            gn_str x = enc[k][p->row[i]];
            memcpy(to, x.p, x.n);
            to += x.n;
        }
        p->key[i] = (gn_str){from, (uint32_t)(to - from)};
    }
    return 0;
}

/* The value of a row, or none. */
static pctl_item item(gn_pctl *p, const gn_vec *v, size_t i)
{
    if (v->null[i]) {
        p->count.null++;
        return (pctl_item){0};
    }
    if (!p->o.negative && (p->vtype == GN_INT ? v->i[i] < 0 : v->f[i] < 0)) {
        p->count.negative++;
        return (pctl_item){0};
    }
    return (pctl_item){p->vtype == GN_INT ? pctl_key_of_int(v->i[i]) : pctl_key_of_float(v->f[i]),
                       1};
}

int pctl_rows(gn_pctl *p, const gn_batch *b, size_t from, gn_err *e)
{
    agg_spec *s = &p->spec;
    size_t kept_n = b->n;
    if ((p->where && gn_expr_filter(p->where, b, p->keep, &kept_n, e)) || agg_spec_eval(s, b, e))
        return -1;
    p->nrows = 0;
    const gn_vec *period = p->c_period >= 0 ? s->col[p->c_period].v : NULL,
                 *value = s->col[p->c_value].v;
    const gn_str *user = p->users ? s->col[p->c_user].enc : NULL;
    for (size_t i = from; i < b->n; i++) {
        if (p->where && !p->keep[i]) {
            p->count.left_out++;
            continue;
        }
        if (period && period->null[i]) {
            p->count.without_time++;
            continue;
        }
        p->item[p->nrows] = item(p, value, i);
        if (user) {
            p->user[p->nrows] = user[i];
            p->count.without_user += user[i].p[0] == GN_MP_NIL;
        }
        p->row[p->nrows++] = (uint16_t)i;
    }
    p->count.events += p->nrows;
    return join_keys(p, b, e);
}

/* ---- batches ---- */

/* Called again with what is done so far until all is; in between there was room made. */
typedef int add(gn_pctl *p, const gn_batch *b, size_t *done, gn_err *e);

static int add_in_room(gn_pctl *p, const gn_batch *b, add *f, gn_err *e)
{
    size_t done = 0, before = SIZE_MAX;
    while (f(p, b, &done, e)) {
        if (e->status != GN_IO || done == before || !gn_hashtab_count(p->tab.groups))
            return -1;
        before = done;
        gn_err_clear(e);
        if (pctl_spill(p, e))
            return -1;
    }
    return 0;
}

static int add_rows(gn_pctl *p, const gn_batch *b, size_t *done, gn_err *e)
{
    (void)b;
    return pctl_tab_rows(p, &p->tab, NULL, p->nrows, done, e);
}

/* done: values and users of the records so far, those of the record at hand in its last part. */
static int add_states(gn_pctl *p, const gn_batch *b, size_t *done, gn_err *e)
{
    const gn_vec *part = &b->col[p->f_part], *state = &b->col[p->f_state];
    for (size_t i = *done / (PCTL_BLOCK + 1); i < b->n; i++) {
        size_t in = *done % (PCTL_BLOCK + 1);
        bool null = part->null[i] || state->null[i];
        if (null || (p->grain >= 0 && b->col[p->nbase - 1].null[i]))
            return gn_fail(e, GN_CORRUPT, "record %llu: a state that no records have",
                           (unsigned long long)(b->first + i + 1));
        int r = pctl_state_add(p, &p->tab, p->key[i], part->i[i], state->s[i], &in, e);
        if (r) {
            *done = i * (PCTL_BLOCK + 1) + in;
            return -1;
        }
        *done = (i + 1) * (PCTL_BLOCK + 1);
    }
    return 0;
}

int gn_pctl_batch(gn_pctl *p, const gn_batch *b, gn_err *e)
{
    if (!p->o.merge)
        return pctl_rows(p, b, 0, e) || add_in_room(p, b, add_rows, e) ? -1 : 0;
    p->nrows = b->n;
    for (size_t i = 0; i < b->n; i++)
        p->row[i] = (uint16_t)i;
    return join_keys(p, b, e) || add_in_room(p, b, add_states, e) ? -1 : 0;
}
