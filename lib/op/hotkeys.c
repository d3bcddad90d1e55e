/* hotkeys.c - see hotkeys.h. A key is hot when it has at least so many records and at least so many
 * bytes: every rule comes down to these two thresholds. */
#include "hotkeys.h"

#include "../io/mp.h"
#include "../kernel/bottomk.h"
#include "../kernel/frequent.h"
#include "keycount.h"
#include "split.h"

#include <stdlib.h>
#include <string.h>

#define TALLY_BYTES ((size_t)1 << 20)
#define AHEAD 16 /* records from asking for a counter to using it */

struct gn_hotkeys {
    gn_hotkeys_options o;
    gn_schema key; /* its fields, the same in all segments */
    gn_type *type;
    int *field;
    size_t nfield;
    int pass;                       /* 1 or 2 */
    bool all;                       /* this pass counts all keys */
    bool chosen;                    /* it counts candidates */
    uint64_t records, bytes, again; /* of the input; records of the second pass */
    gn_frequent frequent;
    gn_bottomk sample;
    size_t reserve; /* taken from the budget for the quantiles, before keys use it all up */
    gn_keycount *count;
    uint64_t least_records, least_bytes;
    gn_hotkeys_stats stats;
    gn_buf scratch;
    uint64_t hash[GN_BATCH];
    uint16_t row[GN_BATCH];
};

gn_hotkeys *gn_hotkeys_new(const gn_hotkeys_options *o, gn_err *e)
{
    gn_hotkeys *h = gn_calloc(1, sizeof *h, e);
    if (!h)
        return NULL;
    h->o = *o;
    h->pass = 1;
    h->all = o->exact || !o->twice;
    h->frequent.budget = o->budget;
    h->frequent.memory = o->budget->cap / 4;
    h->least_records = o->min_count;
    h->least_bytes = o->quantile ? 0 : o->target / 2 + 1;
    size_t reserve = !o->quantile ? 0 : o->exact ? TALLY_BYTES : GN_BOTTOMK_BYTES;
    if (gn_budget_take(o->budget, reserve, e)) {
        gn_hotkeys_free(h);
        return NULL;
    }
    h->reserve = reserve;
    return h;
}

static void give_reserve(gn_hotkeys *h)
{
    gn_budget_give(h->o.budget, h->reserve);
    h->reserve = 0;
}

void gn_hotkeys_free(gn_hotkeys *h)
{
    if (!h)
        return;
    gn_schema_release(&h->key);
    gn_frequent_release(&h->frequent);
    gn_bottomk_release(&h->sample);
    gn_keycount_free(h->count);
    give_reserve(h);
    gn_buf_release(&h->scratch);
    free(h->type);
    free(h->field);
    free(h);
}

/* ---- input ---- */

static int know_key(gn_hotkeys *h, const gn_schema *s, const char *name, gn_err *e)
{
    bool first = h->key.n == 0;
    if (first && !(h->type = gn_alloc(h->nfield, sizeof *h->type, e)))
        return -1;
    for (size_t i = 0; i < h->nfield; i++) {
        const gn_field *f = &s->f[h->field[i]];
        if (first) {
            h->type[i] = f->type;
            if (gn_schema_add(&h->key, f->name, strlen(f->name), f->type, e))
                return -1;
        }
        if (h->type[i] != f->type)
            return gn_fail(e, GN_INPUT, "'%s': key '%s' is %s, in an earlier input it is %s", name,
                           f->name, gn_type_name(f->type), gn_type_name(h->type[i]));
    }
    return 0;
}

static int count_keys(gn_hotkeys *h, gn_err *e)
{
    h->count = gn_keycount_new(&(gn_keycount_options){.type = h->type,
                                                      .ntypes = h->nfield,
                                                      .budget = h->o.budget,
                                                      .temp_dir = h->o.temp_dir,
                                                      .twice = h->o.exact && h->o.quantile},
                               e);
    return h->count ? 0 : -1;
}

int gn_hotkeys_segment(gn_hotkeys *h, gn_reader *r, gn_err *e)
{
    const gn_schema *s = &gn_reader_header(r)->schema;
    free(h->field);
    h->field = NULL;
    if (gn_schema_select(s, h->o.key, &h->field, &h->nfield, e) ||
        know_key(h, s, gn_reader_name(r), e))
        return -1;
    for (size_t i = 0; i < h->nfield; i++)
        if (gn_reader_want(r, h->field[i], GN_RAW, e))
            return -1;
    return (h->all || h->chosen) && !h->count ? count_keys(h, e) : 0;
}

/* The first pass of two: candidates. */
static int look(gn_hotkeys *h, const gn_batch *b, gn_err *e)
{
    for (size_t i = 0; i < b->n; i++) {
        if (i + AHEAD < b->n)
            gn_frequent_prefetch(&h->frequent, h->hash[i + AHEAD]);
        uint64_t weight = h->o.quantile ? 1 : b->off[i + 1] - b->off[i];
        if (gn_frequent_add(&h->frequent, h->hash[i], weight, e))
            return -1;
    }
    return 0;
}

static int count(gn_hotkeys *h, const gn_batch *b, gn_err *e)
{
    uint64_t least = h->o.quantile ? h->least_records : h->least_bytes;
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (!h->all && i + AHEAD < b->n)
            gn_frequent_prefetch(&h->frequent, h->hash[i + AHEAD]);
        h->row[n] = (uint16_t)i;
        n += h->all || gn_frequent_may(&h->frequent, h->hash[i], least);
    }
    return gn_keycount_add(h->count, b, h->field, h->row, n, e);
}

int gn_hotkeys_batch(gn_hotkeys *h, const gn_batch *b, gn_err *e)
{
    bool sample = h->pass == 1 && h->o.quantile && !h->o.exact, hashes = sample || !h->all;
    *(h->pass == 1 ? &h->records : &h->again) += b->n;
    h->bytes += h->pass == 1 ? b->off[b->n] - b->off[0] : 0;
    if (hashes && gn_split_hashes(b, h->field, h->nfield, &h->scratch, h->hash, e))
        return -1;
    for (size_t i = 0; sample && i < b->n; i++) {
        if (i + AHEAD < b->n)
            gn_bottomk_prefetch(&h->sample, h->hash[i + AHEAD]);
        if (gn_bottomk_add(&h->sample, h->hash[i], e))
            return -1;
    }
    return h->count ? count(h, b, e) : look(h, b, e);
}

/* ---- thresholds ---- */

/* Above p99 and at least 5 times the median of n > 0 sorted counts: the least count that is. */
static void set_quantiles(gn_hotkeys *h, uint64_t p99, uint64_t p99_next, uint64_t hundredths,
                          uint64_t median, uint64_t median_next)
{
    gn_u128 p = (gn_u128)p99 * 100 + (gn_u128)(p99_next - p99) * hundredths;
    uint64_t above = (uint64_t)(p / 100) + 1; /* p / 100 is below 2^64 - 1: counts are of records */
    gn_u128 five = ((gn_u128)median + median_next) * 5;
    uint64_t times = five / 2 < UINT64_MAX ? (uint64_t)((five + 1) / 2) : UINT64_MAX;
    uint64_t least = above > times ? above : times;
    h->least_records = least > h->o.min_count ? least : h->o.min_count;
}

/* Where the quantiles of n sorted values are: between which two. */
typedef struct places {
    uint64_t p99, hundredths, median, median_next;
} places;

static places places_of(uint64_t n)
{
    return (places){(n - 1) / 100 * 99 + (n - 1) % 100 * 99 / 100, (n - 1) % 100 * 99 % 100,
                    (n - 1) / 2, n / 2};
}

static int quantiles_of_sample(gn_hotkeys *h, gn_err *e)
{
    size_t n;
    uint64_t *v = gn_bottomk_counts(&h->sample, &n, e);
    if (!v)
        return -1;
    if (n) {
        places at = places_of(n);
        set_quantiles(h, v[at.p99], v[at.p99 + (at.p99 + 1 < n)], at.hundredths, v[at.median],
                      v[at.median_next]);
    }
    h->stats.sampled = n;
    free(v);
    gn_bottomk_release(&h->sample);
    give_reserve(h);
    return 0;
}

/* How many keys have each count; there are few different ones, as n of them need n^2 / 2 records.
 */
typedef struct tally {
    gn_budget *budget;
    uint64_t *pair; /* count, keys (0: free); open addressing, at most half full */
    size_t slots, n;
} tally;

static void tally_release(tally *t)
{
    gn_budget_give(t->budget, t->slots * 2 * sizeof *t->pair);
    free(t->pair);
    *t = (tally){.budget = t->budget};
}

static uint64_t *tally_find(const tally *t, uint64_t count)
{
    size_t i = (size_t)((count * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (t->slots - 1);
    while (t->pair[2 * i + 1] && t->pair[2 * i] != count)
        i = (i + 1) & (t->slots - 1);
    return &t->pair[2 * i];
}

static int tally_grow(tally *t, gn_err *e)
{
    tally g = {.budget = t->budget, .n = t->n};
    size_t slots = t->slots ? t->slots * 2 : 256, bytes = slots * 2 * sizeof *g.pair;
    if (gn_budget_take(t->budget, bytes, e))
        return -1;
    g.slots = slots;
    if (!(g.pair = gn_calloc(1, bytes, e))) {
        tally_release(&g);
        return -1;
    }
    for (size_t i = 0; i < t->slots; i++)
        if (t->pair[2 * i + 1])
            memcpy(tally_find(&g, t->pair[2 * i]), &t->pair[2 * i], 2 * sizeof *g.pair);
    tally_release(t);
    *t = g;
    return 0;
}

static int tally_add(tally *t, uint64_t count, gn_err *e)
{
    if (t->n * 2 == t->slots && tally_grow(t, e))
        return -1;
    uint64_t *p = tally_find(t, count);
    p[0] = count;
    t->n += p[1]++ == 0;
    return 0;
}

static int by_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The value at a place of all counts; the pairs are sorted. */
static uint64_t tally_at(const tally *t, uint64_t place)
{
    size_t i = 0;
    for (; place >= t->pair[2 * i + 1] && i + 1 < t->n; i++)
        place -= t->pair[2 * i + 1];
    return t->pair[2 * i];
}

static int quantiles_of_all(gn_hotkeys *h, gn_err *e)
{
    tally t = {.budget = h->o.budget};
    gn_keycounted k;
    uint64_t n = 0;
    int r;
    give_reserve(h);
    while ((r = gn_keycount_next(h->count, &k, e)) == 1) {
        n++;
        if (tally_add(&t, k.count, e)) {
            r = -1;
            break;
        }
    }
    if (r == 0 && n) {
        size_t m = 0;
        for (size_t i = 0; i < t.slots; i++)
            if (t.pair[2 * i + 1])
                memmove(&t.pair[2 * m++], &t.pair[2 * i], 2 * sizeof *t.pair);
        qsort(t.pair, m, 2 * sizeof *t.pair, by_first);
        places at = places_of(n);
        set_quantiles(h, tally_at(&t, at.p99), tally_at(&t, at.p99 + (at.p99 + 1 < n)),
                      at.hundredths, tally_at(&t, at.median), tally_at(&t, at.median_next));
    }
    h->stats.sampled = n;
    tally_release(&t);
    return r < 0 || gn_keycount_again(h->count, e) ? -1 : 0;
}

int gn_hotkeys_again(gn_hotkeys *h, bool *again, gn_err *e)
{
    *again = false;
    if (h->pass == 2)
        return h->again == h->records
                   ? gn_keycount_read(h->count, e)
                   : gn_fail(e, GN_INPUT, "the input has changed while it was read");
    if (h->o.quantile && !h->o.exact && quantiles_of_sample(h, e))
        return -1;
    if (h->all) /* a single pass */
        return gn_keycount_read(h->count, e) ||
                       (h->o.quantile && h->o.exact && quantiles_of_all(h, e))
                   ? -1
                   : 0;
    uint64_t least = h->o.quantile ? h->least_records : h->least_bytes;
    bool sure = gn_frequent_error(&h->frequent) < least;
    if (sure && gn_frequent_count(&h->frequent, least) == 0)
        return 0;
    if (!sure)
        gn_frequent_release(&h->frequent);
    h->all = !sure;
    h->chosen = sure;
    h->pass = 2;
    *again = true;
    return 0;
}

/* ---- output ---- */

static int add_field(gn_schema *s, const char *name, gn_type t, gn_err *e)
{
    if (gn_schema_find(s, name) >= 0)
        return gn_fail(e, GN_USAGE, "a key field is named '%s', as a field of the result is", name);
    return gn_schema_add(s, name, strlen(name), t, e);
}

int gn_hotkeys_header(const gn_hotkeys *h, gn_header *to, gn_err *e)
{
    to->canon = true;
    if (gn_schema_copy(&to->schema, &h->key, e) || add_field(&to->schema, "count", GN_INT, e) ||
        add_field(&to->schema, "bytes", GN_INT, e) ||
        add_field(&to->schema, "share", GN_FLOAT, e) || add_field(&to->schema, "factor", GN_INT, e))
        return -1;
    for (size_t i = 0; i < h->key.n; i++)
        if (gn_header_add_order(to, h->key.f[i].name, false, e))
            return -1;
    to->total = true;
    return 0;
}

static uint64_t factor_of(const gn_hotkeys *h, uint64_t bytes)
{
    uint64_t f = bytes / h->o.target + (bytes % h->o.target != 0);
    return f < 2 ? 2 : f > GN_SALT_MAX ? GN_SALT_MAX : f;
}

static int write_row(gn_hotkeys *h, gn_row *row, const gn_keycounted *k, gn_writer *w, gn_err *e)
{
    const uint8_t *p = k->key.p, *end = k->key.p + k->key.n, *next;
    if (gn_row_begin(row, h->key.n + 4, e))
        return -1;
    for (size_t i = 0; i < h->key.n; i++, p = next)
        if (!(next = gn_mp_skip(p, end)) || gn_row_raw(row, (gn_str){p, (uint32_t)(next - p)}, e))
            return -1;
    return gn_row_int(row, (int64_t)k->count, e) || gn_row_int(row, (int64_t)k->bytes, e) ||
                   gn_row_float(row, (double)k->bytes / (double)h->bytes, e) ||
                   gn_row_int(row, (int64_t)factor_of(h, k->bytes), e) || gn_row_write(row, w, e)
               ? -1
               : 0;
}

int gn_hotkeys_write(gn_hotkeys *h, gn_writer *w, gn_err *e)
{
    gn_hotkeys_stats *s = &h->stats;
    gn_keycounted k;
    gn_row row = {0};
    int r = 0;
    while (h->count && (r = gn_keycount_next(h->count, &k, e)) == 1) {
        s->candidates++;
        if (k.count < h->least_records || k.bytes < h->least_bytes)
            continue;
        s->hot++;
        s->hot_records += k.count;
        s->hot_bytes += k.bytes;
        if (write_row(h, &row, &k, w, e)) {
            r = -1;
            break;
        }
    }
    gn_row_release(&row);
    return r < 0 ? -1 : 0;
}

void gn_hotkeys_sum(const gn_hotkeys *h, gn_hotkeys_stats *s)
{
    *s = h->stats;
    s->least_records = h->least_records;
    s->least_bytes = h->least_bytes;
    if (h->count)
        gn_keycount_spilled(h->count, &s->spill_runs, &s->spill_bytes);
}
