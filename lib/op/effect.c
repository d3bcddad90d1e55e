/* effect.c - see effect.h: events in. */
#include "effectpriv.h"

#include "../io/mp.h"
#include "../kernel/keycode.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS_STEP 1024 /* places that the array of groups grows by */
#define NUMBERS (1u << GN_INT | 1u << GN_FLOAT)
#define ANY (~0u)

gn_effect *gn_effect_new(const gn_effect_options *o, gn_err *e)
{
    gn_effect *f = gn_calloc(1, sizeof *f, e);
    if (!f)
        return NULL;
    f->o = *o;
    gn_arena_init(&f->arena, o->budget);
    if ((f->names = gn_hashtab_new(o->budget, e)) != NULL)
        return f;
    gn_effect_free(f);
    return NULL;
}

void gn_effect_free(gn_effect *f)
{
    if (!f)
        return;
    gn_bag_release(&f->bag);
    gn_tally_free(f->tally);
    gn_hashtab_free(f->names);
    gn_arena_release(&f->arena);
    gn_buf_release(&f->keys);
    gn_buf_release(&f->scratch);
    free(f->groups);
    free(f->order);
    free(f->place);
    free(f->params);
    free(f->group);
    free(f->value);
    free(f->user);
    free(f);
}

const gn_effect_counts *gn_effect_counts_of(const gn_effect *f)
{
    return &f->count;
}

size_t gn_effect_groups(const gn_effect *f)
{
    return f->ngroups;
}

uint64_t gn_effect_spilled(const gn_effect *f, uint64_t *runs)
{
    *runs = f->runs;
    return f->spilled;
}

size_t effect_share(const gn_effect *f, size_t percent)
{
    return f->o.budget ? f->o.budget->cap / 100 * percent : SIZE_MAX / 4;
}

/* ---- segments ---- */

int effect_begin(gn_effect *f, gn_err *e)
{
    f->values = f->o.events || f->o.table;
    f->cells = f->o.users || f->o.table;
    gn_bag_init(&f->bag, &(gn_bag_options){.dir = f->o.temp_dir,
                                           .budget = f->o.budget,
                                           .memory = effect_share(f, f->cells ? 40 : 75)});
    gn_tally_options t = {.dir = f->o.temp_dir,
                          .budget = f->o.budget,
                          .memory = effect_share(f, 35),
                          .real = f->value_type == GN_FLOAT};
    if (f->cells && !(f->tally = gn_tally_new(&t, e)))
        return -1;
    f->begun = true;
    return 0;
}

/* A field of the segment, of the type it had before. */
static int field(gn_effect *f, gn_reader *r, const char *role, const char *name, unsigned types,
                 gn_type *type, gn_err *e)
{
    int at = gn_reader_field(r, role, name, types, e);
    if (at < 0)
        return -1;
    gn_type t = gn_reader_header(r)->schema.f[at].type;
    if (f->begun && t != *type) {
        gn_fail(e, GN_INPUT, "'%s': field '%s' is %s here and %s in the segment before",
                gn_reader_name(r), name, gn_type_name(t), gn_type_name(*type));
        return -1;
    }
    *type = t;
    return at;
}

int gn_effect_segment(gn_effect *f, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    if (f->o.merge)
        return effect_state_segment(f, r, e);
    if (h->partial.command)
        return gn_fail(e, GN_INPUT, "'%s': a partial state of %s, not records (use --merge)",
                       gn_reader_name(r), h->partial.command);
    bool users = f->o.users || f->o.table;
    f->f_group = field(f, r, "--group", f->o.group, ANY, &f->group_type, e);
    if (f->f_group < 0)
        return -1;
    f->f_value = field(f, r, "--value", f->o.value, NUMBERS, &f->value_type, e);
    if (f->f_value < 0)
        return -1;
    f->f_user = users ? field(f, r, "--user", f->o.user, ANY, &f->user_type, e) : -1;
    if (users && f->f_user < 0)
        return -1;
    if (!f->begun) {
        f->group = gn_strdup(f->o.group, e);
        f->value = gn_strdup(f->o.value, e);
        f->user = gn_strdup(f->o.user, e);
        if (!f->group || !f->value || !f->user || effect_begin(f, e) || effect_params(f, e))
            return -1;
    }
    return gn_reader_want(r, f->f_group, GN_RAW | GN_VALUE, e) ||
                   gn_reader_want(r, f->f_value, GN_VALUE, e) ||
                   (users && gn_reader_want(r, f->f_user, GN_RAW | GN_VALUE, e))
               ? -1
               : 0;
}

/* ---- groups ---- */

static int new_group(gn_effect *f, gn_str encoding, gn_err *e)
{
    if (f->ngroups % GROUPS_STEP == 0) {
        effect_group **p = gn_realloc(f->groups, f->ngroups + GROUPS_STEP, sizeof(*p), e);
        if (!p)
            return -1;
        f->groups = p;
    }
    f->scratch.n = 0;
    /* an arena aligns to 8 bytes, 128-bit integers to 16 */
    uint8_t *room = gn_arena_alloc(&f->arena, sizeof(effect_group) + 8, e);
    if (!room || gn_keycode_add(&f->scratch, f->group_type, encoding, false, e))
        return -1;
    memset(room, 0, sizeof(effect_group) + 8);
    effect_group *g = (effect_group *)(void *)(room + ((uintptr_t)room & 8));
    g->null = *encoding.p == GN_MP_NIL;
    g->code.n = (uint32_t)f->scratch.n;
    g->code.p = gn_arena_copy(&f->arena, f->scratch.p, f->scratch.n, e);
    if (!g->code.p)
        return -1;
    f->groups[f->ngroups++] = g;
    return 0;
}

int effect_find(gn_effect *f, const gn_str *encoding, uint32_t *number, size_t n, gn_err *e)
{
    if (gn_hashtab_add(f->names, encoding, number, n, e))
        return -1;
    while (f->ngroups < gn_hashtab_count(f->names))
        if (new_group(f, gn_hashtab_key(f->names, (uint32_t)f->ngroups), e))
            return -1;
    return 0;
}

static int cmp_codes(gn_str a, gn_str b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* By heap sort: groups may be many, and qsort has no context. */
static void sift(const gn_effect *f, uint32_t *v, size_t at, size_t n)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n &&
            cmp_codes(f->groups[v[child]]->code, f->groups[v[child + 1]]->code) < 0)
            child++;
        if (cmp_codes(f->groups[v[at]]->code, f->groups[v[child]]->code) >= 0)
            return;
        uint32_t t = v[at];
        v[at] = v[child];
        v[child] = t;
    }
}

int effect_sort_groups(gn_effect *f, gn_err *e)
{
    size_t n = f->ngroups;
    if (!(f->order = gn_alloc(n, sizeof *f->order, e)) ||
        !(f->place = gn_alloc(n, sizeof *f->place, e)))
        return -1;
    for (size_t i = 0; i < n; i++)
        f->order[i] = (uint32_t)i;
    for (size_t i = n / 2; i-- > 0;)
        sift(f, f->order, i, n);
    for (size_t i = n; i-- > 1;) {
        uint32_t t = f->order[0];
        f->order[0] = f->order[i];
        f->order[i] = t;
        sift(f, f->order, 0, i);
    }
    for (size_t i = 0; i < n; i++)
        f->place[f->order[i]] = (uint32_t)i;
    return 0;
}

/* ---- batches ---- */

/* Which rows have a valid value? */
static void find_valid(gn_effect *f, const gn_vec *v, size_t n, uint8_t *valid)
{
    uint64_t negative = 0;
    for (size_t i = 0; i < n; i++) {
        bool below = v->type == GN_FLOAT ? v->f[i] < 0 : v->i[i] < 0;
        negative += below;
        valid[i] = !v->null[i] && (!below || f->o.negative);
    }
    f->count.null_value += v->nulls;
    f->count.negative += negative;
}

static int add_values(gn_effect *f, const gn_vec *v, size_t n, const uint8_t *valid, gn_err *e)
{
    for (size_t i = 0; i < n; i++) {
        effect_group *g = f->groups[f->number[i]];
        g->rows++;
        g->events.n += valid[i];
        if (!valid[i] || g->null || !f->values)
            continue;
        uint64_t code = v->type == GN_FLOAT ? gn_bag_of_float(v->f[i]) : gn_bag_of_int(v->i[i]);
        if (gn_bag_add(&f->bag, 0, code, f->number[i], e))
            return -1;
    }
    return 0;
}

/* The events by user and group: code(user) code(group). */
static int add_cells(gn_effect *f, const gn_batch *b, const uint8_t *valid, gn_err *e)
{
    const gn_vec *u = &b->col[f->f_user], *v = &b->col[f->f_value];
    size_t at[GN_BATCH + 1], n = 0;
    uint16_t row[GN_BATCH];
    gn_str key[GN_BATCH];
    f->keys.n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (u->null[i])
            continue;
        gn_str group = f->groups[f->number[i]]->code;
        at[n] = f->keys.n;
        row[n++] = (uint16_t)i;
        if (gn_keycode_add(&f->keys, f->user_type, u->raw[i], false, e) ||
            gn_buf_add(&f->keys, group.p, group.n, e))
            return -1;
    }
    at[n] = f->keys.n;
    for (size_t k = 0; k < n; k++)
        key[k] = (gn_str){f->keys.p + at[k], (uint32_t)(at[k + 1] - at[k])};
    f->count.null_user += u->nulls;
    return n ? gn_tally_add(f->tally, key, row, n, valid, v->i, v->f, e) : 0;
}

int gn_effect_batch(gn_effect *f, const gn_batch *b, gn_err *e)
{
    uint8_t valid[GN_BATCH];
    if (f->o.merge)
        return effect_state_batch(f, b, e);
    const gn_vec *v = &b->col[f->f_value];
    f->count.events += b->n;
    f->count.null_group += b->col[f->f_group].nulls;
    find_valid(f, v, b->n, valid);
    if (effect_find(f, b->col[f->f_group].raw, f->number, b->n, e) ||
        add_values(f, v, b->n, valid, e))
        return -1;
    return f->cells ? add_cells(f, b, valid, e) : 0;
}
