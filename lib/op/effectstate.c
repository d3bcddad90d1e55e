/* effectstate.c - partial states: the two multisets as records, and back. */
#include "effectpriv.h"

#include "../io/mp.h"
#include "../kernel/keycode.h"
#include "params.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND "gn-anova"
#define STATE "values"

enum { PART, GROUP, VALUE, USER, COUNT, SUM, FIELDS };
enum { ROWS, GROUPS, VALUES, CELLS };

static int no_state(gn_err *e)
{
    return gn_fail(e, GN_CORRUPT, "a state that no records have");
}

/* ---- parameters ---- */

int effect_params(gn_effect *f, gn_err *e)
{
    gn_buf b = {0};
    const char *unit = !f->cells ? "events" : !f->values ? "users" : "both";
    int r = gn_params_put(&b, "group", f->group, f->group_type, e) ||
            gn_params_put(&b, "value", f->value, f->value_type, e) ||
            (f->cells && gn_params_put(&b, "user", f->user, f->user_type, e)) ||
            gn_buf_printf(&b, e, "unit=%s negative=%s", unit, f->o.negative ? "keep" : "drop");
    if (r) {
        gn_buf_release(&b);
        return -1;
    }
    f->params = (char *)b.p;
    return 0;
}

int effect_of_params(gn_effect *f, const char *params, const char *name, gn_err *e)
{
    static const char *const units[] = {"both", "events", "users"};
    const char *p = gn_params_get(params, "group", &f->group, &f->group_type, e);
    p = p ? gn_params_get(p, "value", &f->value, &f->value_type, e) : NULL;
    bool number = f->value_type == GN_INT || f->value_type == GN_FLOAT;
    if (p && strncmp(p, "user=", 5) == 0)
        p = gn_params_get(p, "user", &f->user, &f->user_type, e);
    int unit = -1, negative = -1;
    char text[80];
    for (int i = 0; p && number && i < 6; i++) {
        snprintf(text, sizeof text, "unit=%s negative=%s", units[i / 2], i % 2 ? "keep" : "drop");
        if (strcmp(p, text) == 0) {
            unit = i / 2;
            negative = i % 2;
        }
    }
    if (e->status)
        return -1;
    if (unit < 0 || (unit == 1) != !f->user)
        return gn_fail(e, GN_INPUT, "'%s': a partial state of a form that is not known here", name);
    f->o.events = unit != 2;
    f->o.users = unit != 1;
    f->o.negative = negative == 1;
    if (f->o.table && unit != 0)
        return gn_fail(e, GN_INPUT,
                       "'%s': made with --unit %s, which is not enough for --groups (make it with "
                       "--unit both)",
                       name, units[unit]);
    return (f->params = gn_strdup(params, e)) ? 0 : -1;
}

/* ---- in ---- */

static gn_type type_of(const gn_effect *f, int field)
{
    return field == GROUP   ? f->group_type
           : field == VALUE ? f->value_type
           : field == USER  ? (f->user ? f->user_type : GN_STR)
           : field == SUM   ? GN_BIN
                            : GN_INT;
}

static const char *const names[FIELDS] = {"part", "group", "value", "user", "count", "sum"};

int effect_state_segment(gn_effect *f, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const char *name = gn_reader_name(r);
    if (!h->partial.command || strcmp(h->partial.command, COMMAND) != 0 ||
        strcmp(h->partial.state, STATE) != 0)
        return gn_fail(e, GN_INPUT,
                       "'%s': not a partial state of " COMMAND " (make it with --partial)", name);
    if (!f->begun && (effect_of_params(f, h->partial.params, name, e) || effect_begin(f, e)))
        return -1;
    if (strcmp(h->partial.params, f->params) != 0)
        return gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than the first input (%s)",
                       name, h->partial.params, f->params);
    bool fits = h->schema.n == FIELDS;
    for (int i = 0; fits && i < FIELDS; i++)
        fits = strcmp(h->schema.f[i].name, names[i]) == 0 && h->schema.f[i].type == type_of(f, i);
    if (!fits)
        return gn_fail(e, GN_INPUT, "'%s': a partial state with fields unlike " COMMAND "'s", name);
    for (int i = 0; i < FIELDS; i++)
        if (gn_reader_want(r, i, GN_VALUE | GN_RAW, e))
            return -1;
    return 0;
}

static int add_rows(gn_effect *f, uint64_t n, gn_str sum, gn_err *e)
{
    uint64_t *to[] = {&f->count.null_group, &f->count.null_value, &f->count.negative,
                      &f->count.null_user};
    if (sum.n != 32)
        return no_state(e);
    for (int i = 0; i < 4; i++) {
        uint64_t v = gn_be64(sum.p + 8 * i);
        if (v > n || __builtin_add_overflow(*to[i], v, to[i]))
            return no_state(e);
    }
    return __builtin_add_overflow(f->count.events, n, &f->count.events) ? no_state(e) : 0;
}

static int add_record(gn_effect *f, const gn_batch *b, size_t i, gn_err *e)
{
    const gn_vec *c = b->col;
    const uint64_t n = (uint64_t)c[COUNT].i[i];
    const bool group = !c[GROUP].null[i], value = !c[VALUE].null[i], user = !c[USER].null[i];
    const bool sum = !c[SUM].null[i];
    int64_t part = c[PART].null[i] ? -1 : c[PART].i[i];
    uint32_t number = 0;
    if (c[COUNT].i[i] <= 0)
        return no_state(e);
    if (part != ROWS && effect_find(f, &c[GROUP].raw[i], &number, 1, e))
        return -1;
    effect_group *g = part == ROWS ? NULL : f->groups[number];
    switch (part) {
    case ROWS:
        return group || value || user || !sum ? no_state(e) : add_rows(f, n, c[SUM].s[i], e);
    case GROUPS:
        if (value || user || sum || __builtin_add_overflow(g->rows, n, &g->rows))
            return no_state(e);
        return 0;
    case VALUES: {
        bool real = f->value_type == GN_FLOAT;
        if (!f->values || !group || !value || user || sum ||
            __builtin_add_overflow(g->events.n, n, &g->events.n))
            return no_state(e);
        uint64_t code = real ? gn_bag_of_float(c[VALUE].f[i]) : gn_bag_of_int(c[VALUE].i[i]);
        return gn_bag_add_many(&f->bag, 0, code, number, n, e);
    }
    case CELLS: {
        if (!f->cells || value || !user || !sum)
            return no_state(e);
        f->keys.n = 0;
        if (gn_keycode_add(&f->keys, f->user_type, c[USER].raw[i], false, e) ||
            gn_buf_add(&f->keys, g->code.p, g->code.n, e))
            return -1;
        uint8_t wire[GN_TALLY_WIRE];
        if (c[SUM].s[i].n > sizeof wire - 8)
            return no_state(e);
        gn_put64(wire, n);
        memcpy(wire + 8, c[SUM].s[i].p, c[SUM].s[i].n);
        return gn_tally_merge(f->tally, (gn_str){f->keys.p, (uint32_t)f->keys.n},
                              (gn_str){wire, 8 + c[SUM].s[i].n}, e);
    }
    default:
        return no_state(e);
    }
}

int effect_state_batch(gn_effect *f, const gn_batch *b, gn_err *e)
{
    for (size_t i = 0; i < b->n; i++)
        if (add_record(f, b, i, e))
            return -1;
    return 0;
}

/* ---- out ---- */

int gn_effect_state_header(const gn_effect *f, gn_header *h, gn_err *e)
{
    for (int i = 0; i < FIELDS; i++)
        if (gn_schema_add(&h->schema, names[i], strlen(names[i]), type_of(f, i), e))
            return -1;
    h->partial.command = gn_strdup(COMMAND, e);
    h->partial.state = gn_strdup(STATE, e);
    h->partial.params = gn_strdup(f->params, e);
    return h->partial.command && h->partial.state && h->partial.params
               ? gn_header_add_order(h, names[PART], false, e)
               : -1;
}

/* An encoding, or null. */
static int put(gn_row *row, gn_str encoding, gn_err *e)
{
    return encoding.n ? gn_row_raw(row, encoding, e) : gn_row_null(row, e);
}

static int write_record(gn_row *row, int64_t part, gn_str group, gn_str value, gn_str user,
                        uint64_t n, gn_str sum, gn_writer *w, gn_err *e)
{
    if (n > INT64_MAX)
        return gn_fail(e, GN_INPUT, "a count overflows");
    return gn_row_begin(row, FIELDS, e) || gn_row_int(row, part, e) || put(row, group, e) ||
                   put(row, value, e) || put(row, user, e) || gn_row_int(row, (int64_t)n, e) ||
                   (sum.p ? gn_row_bin(row, sum.p, sum.n, e) : gn_row_null(row, e)) ||
                   gn_row_write(row, w, e)
               ? -1
               : 0;
}

static const gn_str none;

static int write_rows(gn_effect *f, gn_row *row, gn_writer *w, gn_err *e)
{
    uint8_t sum[32];
    (void)gn_put64(gn_put64(gn_put64(gn_put64(sum, f->count.null_group), f->count.null_value),
                            f->count.negative),
                   f->count.null_user);
    if (f->count.events &&
        write_record(row, ROWS, none, none, none, f->count.events, (gn_str){sum, sizeof sum}, w, e))
        return -1;
    for (size_t i = 0; i < f->ngroups; i++) {
        gn_str group = gn_hashtab_key(f->names, f->order[i]);
        uint64_t n = f->groups[f->order[i]]->rows;
        if (n && write_record(row, GROUPS, group, none, none, n, none, w, e))
            return -1;
    }
    return 0;
}

/* The groups of one value, in their order. */
typedef struct block {
    uint64_t value;
    uint32_t *place; /* of groups, those that have it */
    uint64_t *count; /* by place; 0: none */
    size_t n;
} block;

static int cmp_places(const void *x, const void *y)
{
    const uint32_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

static int write_block(gn_effect *f, block *b, gn_row *row, gn_writer *w, gn_err *e)
{
    uint8_t room[GN_MP_HEAD];
    uint8_t *end = f->value_type == GN_FLOAT ? gn_mp_float(room, gn_bag_float(b->value))
                                             : gn_mp_int(room, gn_bag_int(b->value));
    qsort(b->place, b->n, sizeof *b->place, cmp_places);
    for (size_t i = 0; i < b->n; i++) {
        gn_str group = gn_hashtab_key(f->names, f->order[b->place[i]]);
        if (write_record(row, VALUES, group, (gn_str){room, (uint32_t)(end - room)}, none,
                         b->count[b->place[i]], none, w, e))
            return -1;
        b->count[b->place[i]] = 0;
    }
    b->n = 0;
    return 0;
}

static int write_values(gn_effect *f, gn_row *row, gn_writer *w, gn_err *e)
{
    gn_bag_entry x;
    block b = {.place = gn_alloc(f->ngroups, sizeof *b.place, e),
               .count = gn_calloc(f->ngroups, sizeof *b.count, e)};
    int r = b.place && b.count ? gn_bag_read(&f->bag, e) : -1;
    while (r == 0 && (r = gn_bag_next(&f->bag, &x, e)) == 1) {
        r = b.n && b.value != x.a ? write_block(f, &b, row, w, e) : 0;
        b.value = x.a;
        b.place[b.n] = f->place[x.b];
        b.count[b.place[b.n++]] = x.n;
    }
    if (r == 0)
        r = write_block(f, &b, row, w, e);
    free(b.place);
    free(b.count);
    f->runs += f->bag.runs;
    f->spilled += f->bag.spilled;
    gn_bag_release(&f->bag);
    return r;
}

static int write_cells(gn_effect *f, gn_row *row, gn_writer *w, gn_err *e)
{
    gn_str key;
    const gn_tally_sum *sum;
    uint8_t wire[GN_TALLY_WIRE];
    gn_buf user = {0}, group = {0};
    int r = gn_tally_read(f->tally, e);
    while (r == 0 && (r = gn_tally_next(f->tally, &key, &sum, e)) == 1) {
        size_t n = gn_tally_put(f->tally, sum, wire), at;
        user.n = group.n = 0;
        r = -1;
        if ((at = gn_keycode_get(&user, f->user_type, key, e)) != 0 &&
            gn_keycode_get(&group, f->group_type, (gn_str){key.p + at, key.n - (uint32_t)at}, e))
            r = write_record(row, CELLS, (gn_str){group.p, (uint32_t)group.n}, none,
                             (gn_str){user.p, (uint32_t)user.n}, sum->events,
                             (gn_str){wire + 8, (uint32_t)n - 8}, w, e);
    }
    gn_buf_release(&user);
    gn_buf_release(&group);
    uint64_t runs, bytes = gn_tally_spilled(f->tally, &runs);
    f->runs += runs;
    f->spilled += bytes;
    return r;
}

int gn_effect_write_state(gn_effect *f, gn_writer *w, gn_err *e)
{
    gn_row row = {0};
    int r = effect_sort_groups(f, e);
    if (r == 0)
        r = write_rows(f, &row, w, e);
    if (r == 0 && f->values)
        r = write_values(f, &row, w, e);
    if (r == 0 && f->cells)
        r = write_cells(f, &row, w, e);
    gn_row_release(&row);
    return r;
}
