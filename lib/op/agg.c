/* agg.c - see agg.h: records and states in, room made when the memory is used up. */
#include "aggpriv.h"

#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

#define PART "agg_part"
#define STATE "agg_state"
#define STATE_NAME "groups"
#define COMMAND "gn-agg"
#define DRAIN_GROUPS 8192 /* in ordered input: how many complete groups to hold */

gn_agg *gn_agg_new(const gn_agg_options *o, gn_err *e)
{
    gn_agg *g = gn_calloc(1, sizeof *g, e);
    if (!g)
        return NULL;
    g->o = *o;
    gn_arena_init(&g->texts_out, o->budget);
    gn_arena_init(&g->texts_sum, o->budget);
    if (!o->merge && agg_spec_parse(&g->spec, o, e)) {
        gn_agg_free(g);
        return NULL;
    }
    return g;
}

void gn_agg_free(gn_agg *g)
{
    if (!g)
        return;
    agg_tables_release(g);
    gn_spill_free(g->spill);
    gn_buf_release(&g->keys);
    gn_buf_release(&g->vkeys);
    gn_buf_release(&g->last_code);
    gn_buf_release(&g->group);
    gn_buf_release(&g->scratch);
    gn_row_release(&g->row);
    gn_arena_release(&g->texts_out);
    gn_arena_release(&g->texts_sum);
    for (size_t i = 0; g->pctl && i < g->spec.nitems; i++)
        gn_buf_release(&g->pctl[i].bytes);
    free(g->pctl);
    for (size_t i = 0; g->run && i < g->spec.nruns; i++)
        gn_mad_free(g->run[i].mad);
    free(g->run);
    if (g->cell_out)
        agg_cell_release(&g->spec, g->cell_out);
    if (g->cell_sum)
        agg_cell_release(&g->spec, g->cell_sum);
    free(g->cell_out);
    free(g->cell_sum);
    free(g->value);
    agg_spec_release(&g->spec);
    free(g);
}

uint64_t gn_agg_groups(const gn_agg *g)
{
    return g->groups_out;
}

uint64_t gn_agg_spilled(const gn_agg *g, uint64_t *runs)
{
    *runs = g->spill_runs;
    return g->spilled;
}

/* ---- segments ---- */

static const char *command(const gn_agg *g)
{
    return g->o.command ? g->o.command : COMMAND;
}

static int merge_segment(gn_agg *g, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    const char *name = gn_reader_name(r);
    agg_spec *s = &g->spec;
    if (!h->partial.command || strcmp(h->partial.command, command(g)) != 0 ||
        strcmp(h->partial.state, STATE_NAME) != 0)
        return gn_fail(e, GN_INPUT, "'%s': not a partial state of %s (make it with --partial)",
                       name, command(g));
    if (!g->begun && agg_spec_of_params(s, h->partial.params, &g->o.nearest, name, e))
        return -1;
    if (strcmp(h->partial.params, s->params) != 0)
        return gn_fail(e, GN_INPUT, "'%s': made with other options (%s) than the first input (%s)",
                       name, h->partial.params, s->params);
    bool fits = h->schema.n == s->nkeys + 2;
    for (size_t i = 0; fits && i < s->nkeys; i++)
        fits = strcmp(h->schema.f[i].name, s->key_name[i]) == 0 &&
               h->schema.f[i].type == s->col[s->key[i]].type;
    g->f_part = (int)s->nkeys;
    g->f_state = g->f_part + 1;
    if (!fits || h->schema.f[g->f_part].type != GN_INT || h->schema.f[g->f_state].type != GN_BIN)
        return gn_fail(e, GN_INPUT, "'%s': a partial state with fields unlike %s's", name,
                       command(g));
    for (size_t i = 0; i < s->nkeys; i++)
        if (gn_reader_want(r, (int)i, GN_RAW | GN_VALUE, e))
            return -1;
    return gn_reader_want(r, g->f_part, GN_VALUE, e) || gn_reader_want(r, g->f_state, GN_VALUE, e)
               ? -1
               : 0;
}

/* Do records come in ascending order of the keys? */
static bool in_order(const gn_agg *g, const gn_header *h)
{
    const agg_spec *s = &g->spec;
    if (g->o.hash || g->o.merge || s->nkeys == 0 || h->norder < s->nkeys)
        return false;
    for (size_t i = 0; i < s->nkeys; i++) {
        int f = s->col[s->key[i]].field;
        if (f < 0 || h->order[i].desc || strcmp(h->order[i].field, h->schema.f[f].name) != 0)
            return false;
    }
    return true;
}

static int begin(gn_agg *g, gn_err *e)
{
    agg_spec *s = &g->spec;
    size_t rows = GN_BATCH * (s->nruns ? s->nruns : 1);
    if (!(g->value = gn_alloc(rows, sizeof *g->value, e)) ||
        !(g->run = gn_calloc(s->nruns + 1, sizeof *g->run, e)) ||
        !(g->pctl = gn_calloc(s->nitems, sizeof *g->pctl, e)) ||
        !(g->cell_out = gn_calloc(1, s->cell, e)) || !(g->cell_sum = gn_calloc(1, s->cell, e)) ||
        agg_tables_init(g, e))
        return -1;
    for (size_t i = 0; i < s->nruns; i++)
        if (s->run[i].mad &&
            !(g->run[i].mad = gn_mad_new(s->col[s->run[i].col].type == GN_FLOAT, g->o.temp_dir, e)))
            return -1;
    g->begun = true;
    return 0;
}

int gn_agg_segment(gn_agg *g, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    if (g->o.merge) {
        if (merge_segment(g, r, e))
            return -1;
        return g->begun ? 0 : begin(g, e);
    }
    if (h->partial.command)
        return gn_fail(e, GN_INPUT, "'%s': a partial state of %s, not records (use --merge)",
                       gn_reader_name(r), h->partial.command);
    if (agg_spec_bind(&g->spec, g->o.zone, r, e))
        return -1;
    bool ordered = in_order(g, h);
    if (!g->begun) {
        if (agg_spec_layout(&g->spec, g->o.nearest, e) || agg_spec_params(&g->spec, &g->o, e) ||
            begin(g, e))
            return -1;
        g->ordered = ordered;
    } else if (g->ordered && !ordered) {
        return gn_fail(e, GN_INPUT,
                       "'%s': not in order of the keys as the segment before (give --hash)",
                       gn_reader_name(r));
    }
    return 0;
}

int gn_agg_header(const gn_agg *g, bool partial, gn_header *h, gn_err *e)
{
    const agg_spec *s = &g->spec;
    for (size_t i = 0; i < s->nkeys; i++)
        if (gn_schema_add(&h->schema, s->key_name[i], strlen(s->key_name[i]),
                          s->col[s->key[i]].type, e) ||
            gn_header_add_order(h, s->key_name[i], false, e))
            return -1;
    h->total = !partial && s->nkeys;
    if (!partial) {
        for (size_t i = 0; i < s->nitems; i++)
            if (gn_schema_add(&h->schema, s->item[i].name, strlen(s->item[i].name),
                              agg_item_type(s, &s->item[i], g->o.nearest), e))
                return -1;
        return 0;
    }
    if (gn_schema_add(&h->schema, PART, strlen(PART), GN_INT, e) ||
        gn_schema_add(&h->schema, STATE, strlen(STATE), GN_BIN, e) ||
        gn_header_add_order(h, PART, false, e))
        return -1;
    h->partial.command = gn_strdup(command(g), e);
    h->partial.state = gn_strdup(STATE_NAME, e);
    h->partial.params = gn_strdup(s->params, e);
    return h->partial.command && h->partial.state && h->partial.params ? 0 : -1;
}

bool gn_agg_keeps(const gn_agg *g, const char *field)
{
    const agg_spec *s = &g->spec;
    for (size_t i = 0; i < s->nkeys; i++)
        if (strcmp(s->key_name[i], field) == 0)
            return g->o.merge || agg_col_names(&s->col[s->key[i]], field);
    return false;
}

bool gn_agg_streams(const gn_agg *g)
{
    return g->ordered;
}

/* ---- in ---- */

static int claim_broken(gn_err *e)
{
    return gn_fail(e, GN_INPUT,
                   "the records are not in the order that their header claims (run gn-sort, or "
                   "give --hash)");
}

/* Ordered input: are the first n groups held in ascending order, above those already written? */
static int check_order(gn_agg *g, size_t n, gn_err *e)
{
    for (size_t i = 0; i < n; i++) {
        gn_buf *last = &g->last_code, *code = &g->scratch;
        if (agg_group_code(&g->spec, gn_hashtab_key(g->t.groups, (uint32_t)i), code, e))
            return -1;
        size_t least = last->n < code->n ? last->n : code->n;
        bool stayed = i == 0 && g->drained; /* it is `last` itself */
        if (least && !stayed && memcmp(last->p, code->p, least) >= 0)
            return claim_broken(e);
        gn_buf t = *last;
        *last = *code;
        *code = t;
    }
    return 0;
}

/* A count for a value of a group. */
static int add_value(gn_agg *g, uint32_t group, uint8_t run, gn_str v, uint64_t n, gn_err *e)
{
    uint32_t number;
    g->vkeys.n = 0;
    if (gn_buf_add(&g->vkeys, &group, sizeof group, e) || gn_buf_add(&g->vkeys, &run, 1, e) ||
        gn_buf_add(&g->vkeys, v.p, v.n, e))
        return -1;
    gn_str key = {g->vkeys.p, (uint32_t)g->vkeys.n};
    if (gn_hashtab_add(g->t.values, &key, &number, 1, e) ||
        agg_chunks_grow(&g->t.counts, (size_t)number + 1, g->o.budget, e))
        return -1;
    *(uint64_t *)agg_chunk_at(&g->t.counts, number) = n;
    return 0;
}

/* Put the last group, held back as entries, into the cleared tables. */
static int restore(gn_agg *g, const gn_buf *kept, gn_err *e)
{
    uint32_t number = 0;
    for (size_t at = 0; at < kept->n;) {
        gn_str body = {kept->p + at + 4, gn_be32(kept->p + at)};
        at += 4 + body.n;
        if (body.p[0] == 0) {
            gn_str keys = agg_body_keys(body);
            if (gn_hashtab_add(g->t.groups, &keys, &number, 1, e) ||
                agg_chunks_grow(&g->t.cells, 1, g->o.budget, e) ||
                agg_sketches_merge(&g->spec, agg_chunk_at(&g->t.cells, number),
                                   agg_body_state(body), g->o.budget, e) ||
                agg_cell_merge(&g->spec, agg_chunk_at(&g->t.cells, number), agg_body_state(body),
                               &g->t.texts, e))
                return -1;
        } else if (add_value(g, number, (uint8_t)(body.p[0] - 1), (gn_str){body.p + 9, body.n - 9},
                             gn_be64(body.p + 1), e)) {
            return -1;
        }
    }
    return 0;
}

/* Is the last group large, as entries? */
static bool last_is_large(const gn_agg *g)
{
    size_t bytes = 0, most = g->o.budget && g->o.budget->cap ? g->o.budget->cap / 8 : SIZE_MAX;
    size_t n = gn_hashtab_count(g->t.values);
    for (size_t i = 0; i < n && bytes < most; i++) {
        gn_str k = gn_hashtab_key(g->t.values, (uint32_t)i);
        if (memcmp(k.p, &g->last, sizeof g->last) == 0)
            bytes += 16 + (size_t)k.n;
    }
    return bytes >= most;
}

/* Ordered input: write all groups but the last, which may go on: it is held back, on disk when it
 * is large. Of a batch that is being looked up no record was counted yet, so its groups are not
 * among them, and are looked up again. */
static int drain(gn_agg *g, bool partial, gn_writer *w, gn_err *e)
{
    agg_walk k;
    gn_str key, body;
    gn_buf kept = {0};
    bool large = last_is_large(g);
    if (check_order(g, (size_t)g->last + 1, e) || (large && agg_spill_open(g, e)))
        return -1;
    int r = agg_walk_begin(&k, g, true, e) ? -1 : 1;
    for (;;) {
        k.direct = !partial && k.at + 1 < g->settled;
        if (r != 1 || (r = agg_walk_next(&k, &key, &body, e)) != 1 || k.at > g->settled)
            break;
        uint8_t n[4];
        gn_put32(n, body.n);
        if (k.at < g->settled)
            r = agg_put_entry(g, body, k.direct ? k.cell : NULL, partial, w, e) ? -1 : 1;
        else if (large)
            r = gn_spill_put(g->spill, key, body, e) ? -1 : 1;
        else if (gn_buf_add(&kept, n, sizeof n, e) || gn_buf_add(&kept, body.p, body.n, e))
            r = -1;
    }
    if (r >= 0 && agg_put_group(g, w, e))
        r = -1;
    agg_walk_end(&k);
    if (r < 0 || agg_tables_clear(g, e) || restore(g, &kept, e))
        r = -1;
    gn_buf_release(&kept);
    g->last = 0;
    g->settled = 1;
    g->drained = true;
    g->ordered = !large;
    return r < 0 ? -1 : 0;
}

/* Will the arena hold the texts? A quarter of its blocks may be left over. */
static int room_for_texts(gn_agg *g, size_t bytes, gn_err *e)
{
    bytes += bytes / 2 + 128 * 1024;
    if (gn_budget_take(g->o.budget, bytes, e))
        return -1;
    gn_budget_give(g->o.budget, bytes);
    return 0;
}

static int find_groups(gn_agg *g, size_t n, gn_err *e)
{
    if (gn_hashtab_add(g->t.groups, g->key, g->number, n, e) ||
        agg_chunks_grow(&g->t.cells, gn_hashtab_count(g->t.groups), g->o.budget, e))
        return -1;
    for (size_t i = 0; i < n; i++)
        g->cell[i] = agg_chunk_at(&g->t.cells, g->number[i]);
    return 0;
}

/* The m values set down in vrow, vrun, vval; numbers to `to`. */
static int find_values(gn_agg *g, size_t m, uint32_t *to, gn_err *e)
{
    size_t bytes = 0;
    for (size_t k = 0; k < m; k++)
        bytes += 5 + (size_t)g->vval[k].n;
    g->vkeys.n = 0;
    if (gn_buf_reserve(&g->vkeys, bytes, e))
        return -1;
    uint8_t *p = g->vkeys.p;
    for (size_t k = 0; k < m; k++) {
        g->vkey[k] = (gn_str){p, 5 + g->vval[k].n};
        memcpy(p, &g->number[g->vrow[k]], 4);
        p[4] = g->vrun[k];
        memcpy(p + 5, g->vval[k].p, g->vval[k].n);
        p += g->vkey[k].n;
    }
    return gn_hashtab_add(g->t.values, g->vkey, to, m, e) ||
                   agg_chunks_grow(&g->t.counts, gn_hashtab_count(g->t.values), g->o.budget, e)
               ? -1
               : 0;
}

/* The rows' keys: the encodings of enc[0 .. nkeys-1], one after the other. */
static int join_keys(gn_agg *g, const gn_str *const *enc, size_t n, gn_err *e)
{
    size_t nkeys = g->spec.nkeys, bytes = 0;
    if (nkeys == 1) {
        memcpy(g->key, enc[0], n * sizeof *g->key);
        return 0;
    }
    for (size_t k = 0; k < nkeys; k++)
        for (size_t i = 0; i < n; i++)
            bytes += enc[k][i].n;
    g->keys.n = 0;
    if (gn_buf_reserve(&g->keys, bytes + 1, e))
        return -1;
    uint8_t *p = g->keys.p;
    for (size_t i = 0; i < n; i++) {
        uint8_t *from = p;
        for (size_t k = 0; k < nkeys; k++) {
            memcpy(p, enc[k][i].p, enc[k][i].n);
            p += enc[k][i].n;
        }
        g->key[i] = (gn_str){from, (uint32_t)(p - from)};
    }
    return 0;
}

static int make_room(gn_agg *g, bool partial, gn_writer *w, gn_err *e)
{
    if (g->ordered && g->settled > 1)
        return drain(g, partial, w, e);
    return agg_spill(g, e);
}

/* Look up; when the memory is used up, make room and look again. */
typedef int look_up(gn_agg *g, const gn_batch *b, gn_err *e);

static int look_up_in_room(gn_agg *g, const gn_batch *b, look_up *f, bool partial, gn_writer *w,
                           gn_err *e)
{
    for (int tries = 0; f(g, b, e); tries++) {
        if (tries == 2 || e->status != GN_IO || !gn_hashtab_count(g->t.groups))
            return -1;
        gn_err_clear(e);
        if (make_room(g, partial, w, e))
            return -1;
    }
    return 0;
}

static int look_up_events(gn_agg *g, const gn_batch *b, gn_err *e)
{
    const agg_spec *s = &g->spec;
    size_t texts = 0;
    if (find_groups(g, b->n, e))
        return -1;
    for (size_t r = 0; r < s->nruns; r++) {
        const agg_col *c = &s->col[s->run[r].col];
        size_t m = 0;
        for (size_t i = 0; i < b->n; i++)
            if (!c->v->null[i]) {
                g->vrow[m] = (uint16_t)i;
                g->vrun[m] = (uint8_t)r;
                g->vval[m++] = c->enc[i];
            }
        if (find_values(g, m, g->value + r * GN_BATCH, e))
            return -1;
    }
    for (size_t k = 0; k < s->nitems; k++)
        if (s->item[k].kind >= AGG_MIN && s->item[k].kind <= AGG_LAST)
            for (size_t i = 0; i < b->n; i++)
                texts += s->col[s->item[k].arg].enc[i].n + 16;
    if (agg_sketches_add(s, g->cell, b->n, g->hash, g->o.budget, e))
        return -1;
    return texts ? room_for_texts(g, texts, e) : 0;
}

static int events(gn_agg *g, const gn_batch *b, bool partial, gn_writer *w, gn_err *e)
{
    const agg_spec *s = &g->spec;
    const gn_str *enc[GN_FIELDS_MAX];
    if (agg_spec_eval(&g->spec, b, e))
        return -1;
    for (size_t k = 0; k < s->nkeys; k++)
        enc[k] = s->col[s->key[k]].enc;
    if (join_keys(g, enc, b->n, e) || look_up_in_room(g, b, look_up_events, partial, w, e))
        return -1;
    for (size_t i = 0; g->ordered && i < b->n; i++) {
        if (g->number[i] < g->last)
            return claim_broken(e);
        g->last = g->number[i];
    }
    for (size_t r = 0; r < s->nruns; r++) {
        const gn_vec *v = s->col[s->run[r].col].v;
        const uint32_t *number = g->value + r * GN_BATCH;
        for (size_t i = 0; i < b->n; i++)
            if (!v->null[i])
                ++*(uint64_t *)agg_chunk_at(&g->t.counts, *number++);
    }
    if (agg_cells_add(s, g->cell, b->n, &g->t.texts, e))
        return -1;
    g->settled = (uint32_t)gn_hashtab_count(g->t.groups);
    return g->ordered && gn_hashtab_count(g->t.groups) > DRAIN_GROUPS ? drain(g, partial, w, e) : 0;
}

/* ---- merging states ---- */

static int bad_state(const gn_batch *b, size_t i, gn_err *e)
{
    return gn_fail(e, GN_CORRUPT, "record %llu: a state that no records have",
                   (unsigned long long)(b->first + i + 1));
}

static int look_up_states(gn_agg *g, const gn_batch *b, gn_err *e)
{
    const agg_spec *s = &g->spec;
    const gn_vec *part = &b->col[g->f_part], *state = &b->col[g->f_state];
    size_t m = 0, texts = 0;
    if (find_groups(g, b->n, e))
        return -1;
    for (size_t i = 0; i < b->n; i++) {
        gn_str x = state->s[i];
        if (part->null[i] || state->null[i] || part->i[i] < 0 || part->i[i] > (int64_t)s->nruns)
            return bad_state(b, i, e);
        if (part->i[i] == 0) {
            if (agg_sketches_merge(s, g->cell[i], x, g->o.budget, e))
                return -1;
            texts += x.n + 16 * s->nitems;
            continue;
        }
        g->vrun[m] = (uint8_t)(part->i[i] - 1);
        if (x.n < 9 || gn_be64(x.p) == 0 || x.p[8] == GN_MP_NIL ||
            !agg_value_valid(s->col[s->run[g->vrun[m]].col].type, (gn_str){x.p + 8, x.n - 8}))
            return bad_state(b, i, e);
        g->vrow[m] = (uint16_t)i;
        g->vval[m++] = (gn_str){x.p + 8, x.n - 8};
    }
    if (find_values(g, m, g->value, e))
        return -1;
    return texts ? room_for_texts(g, texts, e) : 0;
}

static int states(gn_agg *g, const gn_batch *b, bool partial, gn_writer *w, gn_err *e)
{
    const agg_spec *s = &g->spec;
    const gn_vec *part = &b->col[g->f_part], *state = &b->col[g->f_state];
    const gn_str *enc[GN_FIELDS_MAX];
    size_t m = 0;
    for (size_t k = 0; k < s->nkeys; k++)
        enc[k] = b->col[k].raw;
    if (join_keys(g, enc, b->n, e) || look_up_in_room(g, b, look_up_states, partial, w, e))
        return -1;
    for (size_t i = 0; i < b->n; i++) {
        gn_str x = state->s[i];
        if (part->i[i] == 0) {
            if (agg_cell_merge(s, g->cell[i], x, &g->t.texts, e))
                return -1;
            continue;
        }
        uint64_t *n = agg_chunk_at(&g->t.counts, g->value[m++]);
        if (__builtin_add_overflow(*n, gn_be64(x.p), n))
            return bad_state(b, i, e);
    }
    return 0;
}

int gn_agg_batch(gn_agg *g, const gn_batch *b, bool partial, gn_writer *w, gn_err *e)
{
    return g->o.merge ? states(g, b, partial, w, e) : events(g, b, partial, w, e);
}

static int finish_spilled(gn_agg *g, bool partial, gn_writer *w, gn_err *e)
{
    gn_str key, body;
    int r;
    bool first = g->drained;
    if (gn_hashtab_count(g->t.groups) && agg_spill(g, e))
        return -1;
    agg_tables_release(g);
    gn_budget_give(g->o.budget, g->reserve);
    g->reserve = 0;
    g->spill_runs = gn_spill_runs(g->spill);
    if (gn_spill_read(g->spill, NULL, e))
        return -1;
    while ((r = gn_spill_next(g->spill, &key, &body, e)) == 1) {
        /* the group that was held back comes first; one below it was written before */
        if (first &&
            memcmp(key.p, g->last_code.p, key.n < g->last_code.n ? key.n : g->last_code.n) < 0)
            return claim_broken(e);
        first = false;
        if (agg_put_entry(g, body, NULL, partial, w, e))
            return -1;
    }
    g->spilled = gn_spill_bytes(g->spill);
    return r;
}

int gn_agg_finish(gn_agg *g, bool partial, gn_writer *w, gn_err *e)
{
    agg_walk k;
    gn_str key, body;
    int r = 1;
    if (g->spec.nkeys == 0 && !partial && !g->spill && !gn_hashtab_count(g->t.groups)) {
        g->key[0] = (gn_str){(const uint8_t *)"", 0}; /* one group, of no records */
        if (find_groups(g, 1, e))
            return -1;
    }
    if (g->spill)
        return finish_spilled(g, partial, w, e) || agg_put_group(g, w, e) ? -1 : 0;
    if (g->ordered && check_order(g, gn_hashtab_count(g->t.groups), e))
        return -1;
    if (agg_walk_begin(&k, g, g->ordered, e))
        r = -1;
    k.direct = !partial;
    while (r == 1 && (r = agg_walk_next(&k, &key, &body, e)) == 1)
        if (agg_put_entry(g, body, k.direct ? k.cell : NULL, partial, w, e))
            r = -1;
    agg_walk_end(&k);
    return r < 0 || agg_put_group(g, w, e) ? -1 : 0;
}
