/* partition.c - see partition.h. File f of group g (0 without values) and range k is
 * f = g * ranges + k, with ranges = 1 where there are none. With a target size a group's files are
 * added as they are needed; of each is known whose it is. The segments of those that are full stay
 * open as all do: what stands in their trailers is known at the end of the input. */
#include "partition.h"

#include "../io/mp.h"
#include "../kernel/heavy.h"
#include "../kernel/hll.h"
#include "../stream/fanout.h"
#include "../stream/tree.h"
#include "pathkey.h"
#include "split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHARGE_STEP ((size_t)64 * 1024)

/* The distinct keys of a file. */
typedef struct sketch {
    gn_hll h;
    bool lost; /* there was no room for it */
} sketch;

/* With a target size, a file. */
typedef struct piece {
    uint32_t group;
    uint32_t number; /* of the group's files */
    uint64_t bytes;  /* of records */
} piece;

struct gn_partition {
    gn_partition_options o;
    gn_fanout out;
    bool *active; /* per file: it has the open segment; as long as out.cap */
    size_t nactive;
    gn_pathkeys *by;
    gn_split split;
    bool split_known;
    int *key; /* of o.key, in the current segment */
    size_t nkey;
    int salt;        /* of o.salt, likewise */
    uint64_t salted; /* 0, or the number of ranges that salts are of: see gn_part */
    size_t ranges;
    bool numbered; /* files have the numbers of ranges */

    piece *piece;     /* per file, as long as `active` */
    uint32_t *filled; /* per group: the file that its records go to */
    size_t ngroups, groups_cap;

    gn_header header; /* of the open output segment, its part set per range */
    bool begun;
    bool own;        /* one output segment per input segment from here on */
    bool narrow;     /* the covers so far are of our hash ranges */
    gn_buf identity; /* the header of the open segment, without its part */

    gn_heavy *heavy; /* with o.hot: per file, as long as `active` */
    gn_schema hot;   /* the key's fields */

    sketch *keys; /* with a key: per file, as long as `active` */
    /* What the sketches hold, at most a quarter of the memory, and how much of it was charged. */
    gn_budget sketches;
    size_t charged;

    gn_buf scratch;
    uint64_t hash[GN_BATCH];
    uint32_t group[GN_BATCH];
    uint32_t to[GN_BATCH];
};

/* ---- opening ---- */

/* The files that a list of an earlier run names. One that is damaged names what comes before. */
static int read_list(gn_partition *p, const char *path, gn_err *e)
{
    gn_err why = {0};
    gn_batch *b;
    int ev = -1;
    gn_reader *r = gn_reader_open(&path, 1, 0, &why);
    while (r && (ev = gn_reader_next(r, &b, &why)) > 0) {
        if (ev == GN_EV_SEGMENT && (gn_reader_field(r, "path", "path", 1u << GN_STR, &why) != 0 ||
                                    gn_reader_want(r, 0, GN_VALUE, &why)))
            break;
        for (size_t i = 0; ev == GN_EV_BATCH && i < b->n; i++) {
            gn_str s = b->col[0].s[i];
            if (gn_outset_old(p->out.set, (const char *)s.p, s.n, e)) {
                gn_reader_close(r);
                return -1;
            }
        }
    }
    gn_reader_close(r);
    return why.status == GN_IO ? gn_fail(e, GN_IO, "%s", why.msg) : 0;
}

static int find_old(gn_partition *p, gn_err *e)
{
    size_t n;
    const char *const *list = gn_outset_lists(p->out.set, &n);
    for (size_t i = 0; i < n; i++)
        if (read_list(p, list[i], e))
            return -1;
    return gn_outset_check(p->out.set, e);
}

/* The tables of files grow with their number. */
static int grow_tables(gn_partition *p, gn_err *e)
{
    if (p->nactive == p->out.cap)
        return 0;
    bool *a = gn_realloc(p->active, p->out.cap, sizeof *a, e);
    if (!a)
        return -1;
    memset(a + p->nactive, 0, (p->out.cap - p->nactive) * sizeof *a);
    p->active = a;
    if (p->o.key) {
        sketch *k = gn_realloc(p->keys, p->out.cap, sizeof *k, e);
        if (!k)
            return -1;
        for (size_t i = p->nactive; i < p->out.cap; i++)
            k[i] = (sketch){.h = {.budget = &p->sketches}};
        p->keys = k;
    }
    if (p->o.hot) {
        gn_heavy *h = gn_realloc(p->heavy, p->out.cap, sizeof *h, e);
        if (!h)
            return -1;
        for (size_t i = p->nactive; i < p->out.cap; i++)
            h[i] = (gn_heavy){.budget = p->o.budget};
        p->heavy = h;
    }
    if (p->o.target) {
        piece *c = gn_realloc(p->piece, p->out.cap, sizeof *c, e);
        if (!c)
            return -1;
        p->piece = c;
    }
    p->nactive = p->out.cap;
    return 0;
}

/* A file in the directory `dir`; its number is written where files have one. */
static int add_file(gn_partition *p, const char *dir, size_t number, gn_err *e)
{
    int digits = 4;
    for (size_t n = p->ranges - 1; n >= 10000; n /= 10)
        digits++;
    const char *end = p->o.level ? ".gn.zst" : ".gn";
    gn_buf path = {0};
    if (p->o.pack)
        return gn_fanout_add_packed(&p->out, e) || grow_tables(p, e) ? -1 : 0;
    int r = p->numbered
                ? gn_buf_printf(&path, e, "%s%s-%0*zu%s", dir, p->o.name, digits, number, end)
                : gn_buf_printf(&path, e, "%s%s%s", dir, p->o.name, end);
    if (r == 0)
        r = gn_fanout_add(&p->out, (char *)path.p, e);
    gn_buf_release(&path);
    return r ? -1 : grow_tables(p, e);
}

static int add_pack(gn_partition *p, gn_err *e)
{
    gn_buf path = {0};
    int r = gn_buf_printf(&path, e, "%s%s", p->o.name, p->o.level ? ".gn.zst" : ".gn");
    if (r == 0)
        r = gn_fanout_pack(&p->out, (char *)path.p, p->o.temp_dir, e);
    gn_buf_release(&path);
    return r;
}

/* The files of a group, or all of a stream without values. */
static int add_files(gn_partition *p, const char *dir, gn_err *e)
{
    for (size_t k = 0; k < p->ranges; k++)
        if (add_file(p, dir, k, e))
            return -1;
    return 0;
}

gn_partition *gn_partition_open(const gn_partition_options *o, gn_err *e)
{
    gn_partition *p = gn_calloc(1, sizeof *p, e);
    if (!p)
        return NULL;
    p->o = *o;
    p->ranges = o->key ? o->n : o->range ? o->range->n : 1;
    p->numbered = o->key || o->range || o->target;
    p->narrow = true;
    p->sketches.cap = o->memory / 4;
    if (o->nby && !(p->by = gn_pathkeys_new(o->by, o->nby, o->time, o->zone, o->budget, e)))
        goto fail;
    if (gn_fanout_open(&p->out, o->dir, GN_TREE_LIST, o->level, o->memory / 2, o->budget, e) ||
        find_old(p, e) || (o->pack && add_pack(p, e)) || (!p->by && add_files(p, "", e)))
        goto fail;
    return p;
fail:
    gn_partition_free(p);
    return NULL;
}

/* Forget what keys there are: of all files. */
static void drop_sketches(gn_partition *p)
{
    for (size_t i = 0; p->keys && i < p->nactive; i++) {
        gn_hll_release(&p->keys[i].h);
        p->keys[i].lost = true;
    }
    gn_budget_give(p->o.budget, p->charged);
    p->charged = 0;
}

void gn_partition_free(gn_partition *p)
{
    if (!p)
        return;
    drop_sketches(p);
    free(p->keys);
    for (size_t i = 0; p->heavy && i < p->nactive; i++)
        gn_heavy_release(&p->heavy[i]);
    free(p->heavy);
    gn_schema_release(&p->hot);
    gn_fanout_release(&p->out);
    gn_pathkeys_free(p->by);
    gn_split_release(&p->split);
    gn_header_release(&p->header);
    gn_buf_release(&p->identity);
    gn_buf_release(&p->scratch);
    free(p->active);
    free(p->piece);
    free(p->filled);
    free(p->key);
    free(p);
}

/* ---- segments ---- */

bool gn_partition_begun(const gn_partition *p)
{
    return p->begun;
}

bool gn_partition_alone(const gn_partition *p)
{
    return p->own;
}

/* The header's bytes, without its part where ours takes its place. */
static int identify(const gn_partition *p, const gn_header *h, gn_buf *b, gn_err *e)
{
    gn_header bare = *h; /* borrowed */
    if (p->o.key)
        bare.part = (gn_part){0};
    return gn_header_encode(&bare, b, e);
}

int gn_partition_joins(gn_partition *p, const gn_header *h, bool *joins, gn_err *e)
{
    gn_buf b = {0};
    *joins = false;
    if (!p->own && h->norder == 0) {
        if (identify(p, h, &b, e)) {
            gn_buf_release(&b);
            return -1;
        }
        *joins = b.n == p->identity.n && memcmp(b.p, p->identity.p, b.n) == 0;
    }
    gn_buf_release(&b);
    p->own = p->own || !*joins;
    return 0;
}

/* Is the stream placed by our very key, and with salts if we use them? */
static bool same_key(const gn_partition *p, const gn_header *h)
{
    const gn_part *part = &h->part;
    bool same = p->nkey && part->nkeys == p->nkey + (p->o.salt != NULL) &&
                (part->salted != 0) == (p->o.salt != NULL);
    for (size_t i = 0; same && i < p->nkey; i++)
        same = strcmp(part->key[i], h->schema.f[p->key[i]].name) == 0;
    return same && (!p->o.salt || strcmp(part->key[p->nkey], p->o.salt) == 0);
}

/* Which hashes there are, and their ranges: the first segment decides. */
static int plan(gn_partition *p, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    bool narrower = same_key(p, h) && !p->o.whole;
    uint64_t lo = narrower ? h->part.lo : 0, hi = narrower ? h->part.hi : UINT64_MAX;
    uint64_t salted = !p->o.salt ? 0 : narrower ? h->part.salted : p->o.n;
    if (!p->split_known) {
        p->salted = salted;
        if (gn_split_init(&p->split, lo, hi, p->o.n, e))
            return -1;
        p->split_known = true;
    }
    if (p->split.lo != lo || p->split.hi != hi || p->salted != salted)
        return gn_fail(e, GN_INPUT,
                       "'%s': it holds another part of the hash space than the first input (split "
                       "each by itself, or all of the space with --whole)",
                       gn_reader_name(r));
    return 0;
}

/* The header of file i: with its range. */
static int begin_file(gn_partition *p, size_t i, gn_err *e)
{
    if (p->o.key) {
        size_t k = i % p->ranges;
        p->header.part.lo = p->split.first[k];
        p->header.part.hi = gn_split_last(&p->split, k);
    }
    p->active[i] = true;
    return gn_fanout_begin(&p->out, i, &p->header, e);
}

static int begin(gn_partition *p, const gn_header *h, gn_err *e)
{
    gn_header_release(&p->header);
    p->identity.n = 0;
    if (gn_header_copy(&p->header, h, e) || identify(p, h, &p->identity, e))
        return -1;
    if (p->o.key) {
        gn_header_drop_part(&p->header);
        gn_part *part = &p->header.part;
        size_t n = p->nkey + (p->o.salt != NULL);
        if (!(part->key = gn_calloc(n, sizeof *part->key, e)))
            return -1;
        for (; part->nkeys < n; part->nkeys++) {
            int f = part->nkeys < p->nkey ? p->key[part->nkeys] : p->salt;
            if (!(part->key[part->nkeys] = gn_strdup(h->schema.f[f].name, e)))
                return -1;
        }
        part->salted = p->salted;
    }
    p->begun = true;
    p->narrow = true;
    p->own = p->own || h->norder > 0;
    for (size_t i = 0; !p->by && i < p->out.n; i++)
        if (begin_file(p, i, e))
            return -1;
    return 0;
}

/* The key's fields for the list of hot keys: the same in all segments. */
static int know_key(gn_partition *p, gn_reader *r, gn_err *e)
{
    const gn_schema *s = &gn_reader_header(r)->schema;
    bool first = p->hot.n == 0;
    for (size_t i = 0; i < p->nkey; i++) {
        const gn_field *f = &s->f[p->key[i]];
        if (first && gn_schema_add(&p->hot, f->name, strlen(f->name), f->type, e))
            return -1;
        if (p->hot.f[i].type != f->type)
            return gn_fail(e, GN_INPUT, "'%s': key '%s' is %s, in an earlier input it is %s",
                           gn_reader_name(r), f->name, gn_type_name(f->type),
                           gn_type_name(p->hot.f[i].type));
    }
    return 0;
}

static int know_salt(gn_partition *p, gn_reader *r, gn_err *e)
{
    if (!p->o.salt)
        return 0;
    p->salt = gn_reader_field(r, "--salt", p->o.salt, 1u << GN_INT, e);
    for (size_t i = 0; p->salt >= 0 && i < p->nkey; i++)
        if (p->key[i] == p->salt)
            return gn_fail(e, GN_USAGE, "--salt: '%s' is a field of -k too", p->o.salt);
    return p->salt < 0 ? -1 : gn_reader_want(r, p->salt, GN_VALUE, e);
}

int gn_partition_segment(gn_partition *p, gn_reader *r, gn_err *e)
{
    const gn_header *h = gn_reader_header(r);
    if (p->o.key) {
        free(p->key);
        p->key = NULL;
        if (gn_schema_select(&h->schema, p->o.key, &p->key, &p->nkey, e) || know_salt(p, r, e) ||
            plan(p, r, e) || (p->o.hot && know_key(p, r, e)))
            return -1;
        for (size_t i = 0; i < p->nkey; i++)
            if (gn_reader_want(r, p->key[i], GN_RAW, e))
                return -1;
    }
    if ((p->o.range && gn_ranges_segment(p->o.range, r, e)) ||
        (p->by && gn_pathkeys_segment(p->by, r, e)))
        return -1;
    return p->begun ? 0 : begin(p, h, e);
}

void gn_partition_note(gn_partition *p, const gn_header *h, const gn_lineage *l)
{
    bool whole = true;
    for (size_t i = 0; i < l->ncover; i++)
        whole = whole && l->cover[i].hlo == 0 && l->cover[i].hhi == UINT64_MAX;
    p->narrow = p->narrow && (same_key(p, h) || (whole && h->part.nkeys == 0));
}

int gn_partition_end(gn_partition *p, const gn_lineage *l, gn_err *e)
{
    p->begun = false;
    for (size_t i = 0; i < p->out.n; i++) {
        gn_lineage own = {0};
        if (!p->active[i])
            continue;
        p->active[i] = false;
        if (gn_lineage_copy(&own, l, e))
            return -1;
        int r = 0;
        if (p->by || p->o.range || !p->narrow) {
            gn_lineage_drop_cover(&own);
        } else {
            size_t k = i % p->ranges;
            r = gn_lineage_narrow(&own, p->split.first[k], gn_split_last(&p->split, k), e);
        }
        if (r == 0)
            r = gn_fanout_end(&p->out, i, &own, e);
        gn_lineage_release(&own);
        if (r)
            return -1;
    }
    return 0;
}

/* ---- records ---- */

static int place_by_hash(gn_partition *p, gn_reader *r, const gn_batch *b, gn_err *e)
{
    if (gn_split_hashes(b, p->key, p->nkey, &p->scratch, p->hash, e) ||
        (p->o.salt && gn_split_salt(b, p->salt, p->salted, p->hash, e)))
        return -1;
    const gn_split *s = &p->split;
    uint64_t out = 0;
    for (size_t i = 0; i < b->n; i++)
        out |= (p->hash[i] < s->lo) | (p->hash[i] > s->hi);
    if (out)
        return gn_fail(e, GN_CORRUPT,
                       "'%s': it holds a record outside of the part of the hash space that its "
                       "header claims",
                       gn_reader_name(r));
    for (size_t i = 0; i < b->n; i++)
        p->to[i] = (uint32_t)gn_split_find(s, p->hash[i]);
    return 0;
}

/* The group's directory, NUL-terminated. */
static int group_dir(const gn_partition *p, size_t g, gn_buf *dir, gn_err *e)
{
    return gn_pathkeys_path(p->by, (uint32_t)g, dir, e) || gn_buf_add(dir, "", 1, e) ? -1 : 0;
}

/* Files for the groups that were not known before. */
static int add_groups(gn_partition *p, gn_err *e)
{
    for (size_t g; (g = p->out.n / p->ranges) < gn_pathkeys_groups(p->by);) {
        gn_buf dir = {0};
        int r = group_dir(p, g, &dir, e) || add_files(p, (char *)dir.p, e) ? -1 : 0;
        gn_buf_release(&dir);
        if (r)
            return -1;
    }
    return 0;
}

/* A further file of a group, to be filled. */
static int add_piece(gn_partition *p, uint32_t group, uint32_t number, gn_err *e)
{
    gn_buf dir = {0};
    size_t f = p->out.n;
    int r = group_dir(p, group, &dir, e);
    if (r == 0 && number >= GN_PARTITION_PIECES)
        r = gn_fail(e, GN_INPUT, "'%s': more than %d files (give a larger --target-size)",
                    (char *)dir.p, GN_PARTITION_PIECES);
    if (r == 0)
        r = add_file(p, (char *)dir.p, number, e);
    gn_buf_release(&dir);
    if (r)
        return -1;
    p->piece[f] = (piece){.group = group, .number = number};
    p->filled[group] = (uint32_t)f;
    return 0;
}

static int know_groups(gn_partition *p, gn_err *e)
{
    size_t n = gn_pathkeys_groups(p->by);
    if (n > p->groups_cap) {
        size_t cap = n + n / 2;
        uint32_t *f = gn_realloc(p->filled, cap, sizeof *f, e);
        if (!f)
            return -1;
        p->filled = f;
        p->groups_cap = cap;
    }
    for (; p->ngroups < n; p->ngroups++)
        if (add_piece(p, (uint32_t)p->ngroups, 0, e))
            return -1;
    return 0;
}

static int place_by_size(gn_partition *p, const gn_batch *b, gn_err *e)
{
    if (gn_pathkeys_batch(p->by, b, p->group, e) || know_groups(p, e))
        return -1;
    for (size_t i = 0; i < b->n; i++) {
        uint32_t g = p->group[i], n = b->off[i + 1] - b->off[i];
        const piece *full = &p->piece[p->filled[g]];
        if (full->bytes && full->bytes + n > p->o.target && add_piece(p, g, full->number + 1, e))
            return -1;
        uint32_t f = p->filled[g];
        if (!p->active[f] && begin_file(p, f, e))
            return -1;
        p->piece[f].bytes += n;
        p->to[i] = f;
    }
    return 0;
}

static int place_by_value(gn_partition *p, const gn_batch *b, gn_err *e)
{
    if (gn_pathkeys_batch(p->by, b, p->group, e) || add_groups(p, e))
        return -1;
    for (size_t i = 0; i < b->n; i++) {
        size_t first = (size_t)p->group[i] * p->ranges;
        /* all ranges of a group begin together: an empty one is a file too */
        for (size_t k = 0; !p->active[first] && k < p->ranges; k++)
            if (begin_file(p, first + p->ranges - 1 - k, e))
                return -1;
        p->to[i] = (uint32_t)(first + (p->numbered ? p->to[i] : 0));
    }
    return 0;
}

static int count_keys(gn_partition *p, const gn_batch *b, gn_err *e)
{
    for (size_t i = 0; i < b->n; i++) {
        gn_str key = b->col[p->key[0]].raw[i];
        if (p->nkey > 1) {
            p->scratch.n = 0;
            for (size_t k = 0; k < p->nkey; k++) {
                gn_str raw = b->col[p->key[k]].raw[i];
                if (gn_buf_add(&p->scratch, raw.p, raw.n, e))
                    return -1;
            }
            key = (gn_str){p->scratch.p, (uint32_t)p->scratch.n};
        }
        if (gn_heavy_add(&p->heavy[p->to[i]], p->hash[i], key, e))
            return -1;
    }
    return 0;
}

/* The keys of a file share the first bits of their hashes, which a sketch goes by: another hash of
 * the hash, one to one (David Stafford's Mix13, the finalizer of SplitMix64). */
static uint64_t remix(uint64_t h)
{
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

/* For the estimates of distinct keys. Without room there is none, which is no error. */
static void sketch_keys(gn_partition *p, size_t n)
{
    gn_err e = {0};
    uint64_t *h = p->hash; /* not needed any more */
    for (size_t i = 0; i < n; i++) {
        h[i] = remix(h[i]);
        gn_hll_prefetch(&p->keys[p->to[i]].h, h[i]);
    }
    for (size_t i = 0; i < n; i++) {
        sketch *s = &p->keys[p->to[i]];
        if (!s->lost && gn_hll_add(&s->h, h[i], &e)) {
            gn_err_clear(&e);
            gn_hll_release(&s->h);
            s->lost = true;
        }
    }
    if (p->sketches.used <= p->charged)
        return;
    size_t more = (p->sketches.used - p->charged + CHARGE_STEP - 1) / CHARGE_STEP * CHARGE_STEP;
    if (gn_budget_take(p->o.budget, more, &e))
        drop_sketches(p);
    else
        p->charged += more;
}

int gn_partition_batch(gn_partition *p, gn_reader *r, const gn_batch *b, gn_err *e)
{
    if (p->o.range)
        gn_ranges_find(p->o.range, b, p->to);
    if ((p->o.key && place_by_hash(p, r, b, e)) ||
        (p->by && (p->o.target ? place_by_size(p, b, e) : place_by_value(p, b, e))) ||
        (p->o.hot && count_keys(p, b, e)))
        return -1;
    if (p->o.key)
        sketch_keys(p, b->n);
    for (size_t i = 0; i < b->n; i++)
        if (gn_fanout_put(&p->out, p->to[i], b->base + b->off[i], b->off[i + 1] - b->off[i], e))
            return -1;
    return 0;
}

/* ---- the manifest ---- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A file is skewed above 3 x the median of those that are not empty (SPEC section 5), where the
 * median of an even number is the mean of the two in the middle; it is printed rounded down. */
static int sum_up(const gn_partition *p, size_t files, gn_partition_stats *s, gn_err *e)
{
    uint64_t *rows = gn_alloc(files, sizeof *rows, e);
    size_t n = 0;
    if (!rows)
        return -1;
    *s = (gn_partition_stats){
        .files = files, .wait = gn_outset_wait(p->out.set), .spooled = gn_fanout_spooled(&p->out)};
    for (size_t i = 0; i < files; i++) {
        uint64_t v = gn_fanout_records(&p->out, i);
        s->rows += v;
        s->bytes += gn_fanout_bytes(&p->out, i);
        if (v)
            rows[n++] = v;
    }
    s->empty = files - n;
    if (n) {
        qsort(rows, n, sizeof *rows, by_number);
        gn_u128 twice = (gn_u128)rows[(n - 1) / 2] + rows[n / 2];
        s->min = rows[0];
        s->max = rows[n - 1];
        s->median = (uint64_t)(twice / 2);
        for (size_t i = 0; i < n; i++)
            s->skewed += 2 * (gn_u128)rows[i] > 3 * twice;
    }
    free(rows);
    return 0;
}

static int add_field(gn_schema *s, const char *name, gn_type t, gn_err *e)
{
    if (gn_schema_find(s, name) >= 0)
        return gn_fail(e, GN_USAGE,
                       "'%s' is a field of the manifest or list: choose another name for yours",
                       name);
    return gn_schema_add(s, name, strlen(name), t, e);
}

static int manifest_header(const gn_partition *p, gn_header *h, gn_err *e)
{
    gn_type bound = p->o.range ? p->o.range->type : GN_STR;
    const gn_field after[] = {{(char *)"part", GN_INT},  {(char *)"lo", bound},
                              {(char *)"hi", bound},     {(char *)"rows", GN_INT},
                              {(char *)"bytes", GN_INT}, {(char *)"distinct", GN_INT}};
    h->canon = true;
    if (add_field(&h->schema, "path", GN_STR, e))
        return -1;
    const gn_schema *by = p->by ? gn_pathkeys_schema(p->by) : NULL;
    for (size_t i = 0; by && i < by->n; i++)
        if (add_field(&h->schema, by->f[i].name, by->f[i].type, e))
            return -1;
    for (size_t i = 0; i < sizeof after / sizeof *after; i++)
        if (add_field(&h->schema, after[i].name, after[i].type, e))
            return -1;
    if (p->o.pack && add_field(&h->schema, "offset", GN_INT, e))
        return -1;
    h->total = true;
    return gn_header_add_order(h, "path", false, e);
}

static int put_hash(gn_row *r, uint64_t h, gn_err *e)
{
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)h);
    return gn_row_str(r, text, 16, e);
}

/* The fields of a key or group, whose encodings stand one after the other. */
static int put_values(gn_row *r, gn_str v, size_t n, gn_err *e)
{
    const uint8_t *s = v.p, *end = v.p + v.n;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *next = gn_mp_skip(s, end);
        if (!next || gn_row_raw(r, (gn_str){s, (uint32_t)(next - s)}, e))
            return -1;
        s = next;
    }
    return 0;
}

static int put_bound(gn_row *r, gn_str bound, gn_err *e)
{
    return bound.n ? gn_row_raw(r, bound, e) : gn_row_null(r, e);
}

/* The file's number, where its range begins and ends. */
static int put_range(const gn_partition *p, size_t i, gn_row *r, gn_err *e)
{
    size_t k = p->o.target ? p->piece[i].number : i % p->ranges;
    if (p->numbered ? gn_row_int(r, (int64_t)k, e) : gn_row_null(r, e))
        return -1;
    if (!p->o.key && !p->o.range)
        return gn_row_null(r, e) || gn_row_null(r, e);
    if (p->o.range)
        return put_bound(r, gn_ranges_lo(p->o.range, k), e) ||
               put_bound(r, gn_ranges_hi(p->o.range, k), e);
    return put_hash(r, p->split.first[k], e) || put_hash(r, gn_split_last(&p->split, k), e);
}

static int manifest_row(const gn_partition *p, size_t i, size_t fields, gn_row *r, gn_err *e)
{
    const char *path = gn_fanout_path(&p->out, i);
    if (gn_row_begin(r, fields, e) || gn_row_str(r, path, strlen(path), e))
        return -1;
    size_t group = p->o.target ? p->piece[i].group : i / p->ranges;
    if (p->by &&
        put_values(r, gn_pathkeys_values(p->by, (uint32_t)group), gn_pathkeys_schema(p->by)->n, e))
        return -1;
    if (put_range(p, i, r, e) || gn_row_int(r, (int64_t)gn_fanout_records(&p->out, i), e) ||
        gn_row_int(r, (int64_t)gn_fanout_bytes(&p->out, i), e) ||
        (!p->o.key || p->keys[i].lost ? gn_row_null(r, e)
                                      : gn_row_int(r, (int64_t)gn_hll_count(&p->keys[i].h), e)))
        return -1;
    return p->o.pack ? gn_row_int(r, (int64_t)gn_fanout_offset(&p->out, i), e) : 0;
}

/* Ranges in a pack have one path: they are in order of their numbers. */
static int by_path(const void *a, const void *b, void *out)
{
    size_t i = *(const size_t *)a, k = *(const size_t *)b;
    int c = strcmp(gn_fanout_path(out, i), gn_fanout_path(out, k));
    return c ? c : (i > k) - (i < k);
}

/* Numbers of the files, by path; the caller frees. */
static size_t *sorted_files(gn_partition *p, size_t files, gn_err *e)
{
    size_t *order = gn_alloc(files, sizeof *order, e);
    for (size_t i = 0; order && i < files; i++)
        order[i] = i;
    if (order)
        qsort_r(order, files, sizeof *order, by_path, &p->out);
    return order;
}

static int write_manifest(gn_partition *p, size_t files, const gn_header *h, const gn_lineage *l,
                          gn_writer *also, gn_err *e)
{
    size_t *order = sorted_files(p, files, e);
    gn_row row = {0};
    int r = -1;
    if (!order)
        return -1;
    if (gn_fanout_begin(&p->out, files, h, e) || (also && gn_writer_begin(also, h, e)))
        goto done;
    for (size_t i = 0; i < files; i++) {
        if (manifest_row(p, order[i], h->schema.n, &row, e) ||
            gn_buf_reserve(&row.b, GN_SLACK, e) ||
            gn_fanout_put(&p->out, files, row.b.p, row.b.n, e) ||
            (also && gn_row_write(&row, also, e)))
            goto done;
    }
    r = gn_fanout_end(&p->out, files, l, e) || (also && gn_writer_end(also, l, e)) ||
                gn_fanout_finish(&p->out, files, e)
            ? -1
            : 0;
done:
    gn_row_release(&row);
    free(order);
    return r;
}

int gn_partition_manifest(gn_partition *p, const gn_lineage *l, gn_writer *also,
                          gn_partition_stats *s, gn_err *e)
{
    size_t files = p->out.n;
    gn_header h = {0};
    int r = -1;
    for (size_t i = 0; i < files; i++)
        if (gn_fanout_finish(&p->out, i, e))
            return -1;
    if (p->o.pack && gn_fanout_end_pack(&p->out, e))
        return -1;
    if (sum_up(p, files, s, e) == 0 && manifest_header(p, &h, e) == 0 &&
        gn_fanout_add(&p->out, GN_TREE_LIST, e) == 0 &&
        write_manifest(p, files, &h, l, also, e) == 0)
        r = gn_outset_sync(p->out.set, e);
    gn_header_release(&h);
    return r;
}

static int hot_header(const gn_partition *p, gn_header *h, gn_err *e)
{
    h->canon = true;
    if (add_field(&h->schema, "path", GN_STR, e) || add_field(&h->schema, "rank", GN_INT, e))
        return -1;
    for (size_t i = 0; i < p->hot.n; i++)
        if (add_field(&h->schema, p->hot.f[i].name, p->hot.f[i].type, e))
            return -1;
    if (add_field(&h->schema, "rows", GN_INT, e) || add_field(&h->schema, "error", GN_INT, e))
        return -1;
    h->total = true;
    return gn_header_add_order(h, "path", false, e) || gn_header_add_order(h, "rank", false, e);
}

static int hot_rows(const gn_partition *p, size_t i, size_t fields, gn_row *row, gn_writer *w,
                    gn_err *e)
{
    gn_heavy_top top[GN_PARTITION_HOT];
    const char *path = gn_fanout_path(&p->out, i);
    size_t n = gn_heavy_list(&p->heavy[i], top, GN_PARTITION_HOT);
    for (size_t k = 0; k < n; k++)
        if (gn_row_begin(row, fields, e) || gn_row_str(row, path, strlen(path), e) ||
            gn_row_int(row, (int64_t)k + 1, e) || put_values(row, top[k].key, p->hot.n, e) ||
            gn_row_int(row, (int64_t)top[k].count, e) ||
            gn_row_int(row, (int64_t)top[k].error, e) || gn_row_write(row, w, e))
            return -1;
    return 0;
}

int gn_partition_hot(gn_partition *p, const gn_lineage *l, gn_writer *w, gn_err *e)
{
    size_t files = p->out.n - 1; /* the last one is the manifest */
    size_t *order = sorted_files(p, files, e);
    gn_header h = {0};
    gn_row row = {0};
    int r = order ? hot_header(p, &h, e) || gn_writer_begin(w, &h, e) : -1;
    for (size_t i = 0; r == 0 && i < files; i++)
        r = hot_rows(p, order[i], h.schema.n, &row, w, e);
    if (r == 0)
        r = gn_writer_end(w, l, e);
    gn_row_release(&row);
    gn_header_release(&h);
    free(order);
    return r ? -1 : 0;
}

int gn_partition_commit(gn_partition *p, gn_err *e)
{
    return gn_outset_commit(p->out.set, e);
}
