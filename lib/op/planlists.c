/* planlists.c - see planfacts.h: manifests and hot keys, as record streams. */
#include "planfacts.h"

#include "../base/num.h"
#include "../stream/reader.h"
#include "split.h"

#include <stdlib.h>
#include <string.h>

#define ONE(type) (1u << (type))

/* ---- manifests ---- */

void gn_planparts_release(gn_planparts *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->part[i].path);
    free(p->part);
    memset(p, 0, sizeof *p);
}

enum column { PATH, PART, LO, HI, ROWS, BYTES, DISTINCT, COLUMNS };

static int find_columns(gn_reader *r, int at[COLUMNS], gn_err *e)
{
    static const struct {
        const char *name;
        unsigned types;
    } want[] = {{"path", ONE(GN_STR)},
                {"part", ONE(GN_INT)},
                {"lo", ~0u},
                {"hi", ~0u},
                {"rows", ONE(GN_INT)},
                {"bytes", ONE(GN_INT)},
                {"distinct", ONE(GN_INT)}};
    for (int i = 0; i < COLUMNS; i++) {
        at[i] = gn_reader_field(r, "--manifest", want[i].name, want[i].types, e);
        if (at[i] < 0 || gn_reader_want(r, at[i], i == LO || i == HI ? GN_RAW : GN_VALUE, e))
            return -1;
    }
    return 0;
}

static bool is_null(gn_str raw)
{
    return raw.n == 1 && raw.p[0] == 0xc0;
}

/* 16 hexadecimal digits as they are encoded: a head for a string of 16 bytes, and these. */
static bool hash_of(gn_str raw, uint64_t *hash)
{
    *hash = 0;
    if (raw.n != 17 || raw.p[0] != 0xb0)
        return false;
    for (size_t i = 1; i < 17; i++) {
        uint8_t c = raw.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        *hash = *hash << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

static int add_part(gn_planparts *p, const gn_batch *b, const int at[COLUMNS], size_t i, gn_err *e)
{
    gn_str path = b->col[at[PATH]].s[i];
    int64_t rows = b->col[at[ROWS]].i[i], bytes = b->col[at[BYTES]].i[i];
    int64_t distinct = b->col[at[DISTINCT]].i[i], number = b->col[at[PART]].i[i];
    if (rows < 0 || bytes < 0 || distinct < 0 || number < 0)
        return gn_fail(e, GN_INPUT, "--manifest: a negative number, so it is no manifest");
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        gn_planpart *q = gn_realloc(p->part, cap, sizeof *q, e);
        if (!q)
            return -1;
        p->part = q;
        p->cap = cap;
    }
    gn_planpart *q = &p->part[p->n];
    *q = (gn_planpart){.number = b->col[at[PART]].null[i] ? -1 : number,
                       .bytes = (uint64_t)bytes,
                       .rows = (uint64_t)rows,
                       .distinct = (uint64_t)distinct};
    if (!(q->path = gn_strndup((const char *)path.p, path.n, e)))
        return -1;
    p->n++;
    p->compressed |= path.n > 4 && memcmp(path.p + path.n - 4, ".zst", 4) == 0;
    /* Files by value have numbers, but no bounds; the outer ranges of a field have one each. */
    gn_str lo = b->col[at[LO]].raw[i], hi = b->col[at[HI]].raw[i];
    q->hashed = hash_of(lo, &q->lo) && hash_of(hi, &q->hi);
    p->adjacent &= q->number >= 0 && !(is_null(lo) && is_null(hi));
    return 0;
}

static int read_manifest(gn_planparts *p, const char *path, gn_err *e)
{
    gn_batch *b;
    int ev = -1, at[COLUMNS];
    gn_reader *r = gn_reader_open(&path, 1, 0, e);
    while (r && (ev = gn_reader_next(r, &b, e)) > 0) {
        if (ev == GN_EV_SEGMENT && find_columns(r, at, e))
            ev = -1;
        for (size_t i = 0; ev == GN_EV_BATCH && i < b->n; i++)
            if (add_part(p, b, at, i, e))
                ev = -1;
        if (ev < 0)
            break;
    }
    gn_reader_close(r);
    return ev < 0 ? -1 : 0;
}

static int by_place(const void *x, const void *y)
{
    const gn_planpart *a = x, *b = y;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return strcmp(a->path, b->path);
}

static uint64_t plus(uint64_t a, uint64_t b, bool *over)
{
    *over |= b > UINT64_MAX - a;
    return a + b;
}

/* Add up the parts of a name, of which there must be one in each manifest. Keys may be the same
 * ones in several, so that their number is at most the sum. */
static int fold(gn_planparts *p, size_t manifests, gn_err *e)
{
    size_t n = 0;
    bool over = false;
    for (size_t i = 0, end; i < p->n; i = end) {
        gn_planpart *to = &p->part[i];
        for (end = i + 1; end < p->n && by_place(to, &p->part[end]) == 0; end++) {
            gn_planpart *from = &p->part[end];
            to->bytes = plus(to->bytes, from->bytes, &over);
            to->rows = plus(to->rows, from->rows, &over);
            to->distinct = plus(to->distinct, from->distinct, &over);
        }
        if (end - i != manifests)
            return gn_fail(
                e, GN_INPUT,
                "--manifest: '%s' is not in each of them: these are not manifests of the "
                "same partitions",
                to->path);
        for (size_t k = i + 1; k < end; k++) {
            free(p->part[k].path);
            p->part[k].path = NULL;
        }
        if (n != i) {
            p->part[n] = *to;
            to->path = NULL;
        }
        n++;
    }
    p->n = n;
    return over ? gn_fail(e, GN_INPUT, "--manifest: sizes so large that they cannot be") : 0;
}

int gn_planfacts_manifests(gn_planparts *p, const char *const *paths, size_t n, gn_err *e)
{
    p->adjacent = true;
    for (size_t i = 0; i < n; i++)
        if (read_manifest(p, paths[i], e))
            return -1;
    if (p->n)
        qsort(p->part, p->n, sizeof *p->part, by_place);
    int r = fold(p, n, e);
    if (r == 0 && p->n > GN_PLAN_PARTITIONS_MAX)
        r = gn_fail(e, GN_INPUT, "--manifest: more than %d partitions", GN_PLAN_PARTITIONS_MAX);
    return r;
}

/* ---- hot keys ---- */

typedef struct hotkeys {
    gn_planhot *k;
    size_t n, cap;
    const char *key; /* its fields */
    /* of the segment */
    int rows, bytes, *field; /* bytes -1: none */
    size_t nfield;
    bool every; /* of gn-partition, which lists keys that are not hot, and one in several files */
} hotkeys;

/* gn-partition: path, rank, the key's fields, rows, error. gn-hotkeys: ..., count, [bytes], ... */
static int find_hot(hotkeys *h, gn_reader *r, gn_err *e)
{
    const gn_schema *s = &gn_reader_header(r)->schema;
    h->every = gn_schema_find(s, "rank") == 1 && gn_schema_find(s, "path") == 0;
    h->bytes = gn_schema_find(s, "bytes");
    h->rows = gn_reader_field(r, "--hot", h->every ? "rows" : "count", ONE(GN_INT), e);
    free(h->field);
    h->field = NULL;
    if (h->rows < 0 || gn_reader_want(r, h->rows, GN_VALUE, e) ||
        gn_schema_select(s, h->key, &h->field, &h->nfield, e))
        return -1;
    if (h->bytes >= 0 &&
        (s->f[h->bytes].type != GN_INT || gn_reader_want(r, h->bytes, GN_VALUE, e)))
        return gn_fail(e, GN_INPUT, "--hot: the field 'bytes' is no int");
    for (size_t i = 0; i < h->nfield; i++)
        if (gn_reader_want(r, h->field[i], GN_RAW, e))
            return -1;
    return 0;
}

static int add_hot(hotkeys *h, const gn_batch *b, uint64_t row_bytes, gn_buf *scratch, gn_err *e)
{
    uint64_t hash[GN_BATCH];
    if (h->n + b->n > h->cap) {
        size_t cap = 2 * h->cap + b->n;
        gn_planhot *k = gn_realloc(h->k, cap, sizeof *k, e);
        if (!k)
            return -1;
        h->k = k;
        h->cap = cap;
    }
    if (gn_split_hashes(b, h->field, h->nfield, scratch, hash, e))
        return -1;
    for (size_t i = 0; i < b->n; i++) {
        const gn_vec *bytes = h->bytes < 0 ? NULL : &b->col[h->bytes];
        int64_t rows = b->col[h->rows].i[i];
        bool known = bytes && !bytes->null[i];
        if (rows < 0 || (known && bytes->i[i] < 0))
            return gn_fail(e, GN_INPUT, "--hot: a negative number, so it is no list of hot keys");
        gn_u128 size = known ? (gn_u128)bytes->i[i] : (gn_u128)rows * row_bytes;
        if (size > UINT64_MAX)
            return gn_fail(e, GN_USAGE, "sizes so large cannot be planned for");
        h->k[h->n++] = (gn_planhot){.bytes = (uint64_t)size, .hash = hash[i]};
    }
    return 0;
}

static int by_hash(const void *x, const void *y)
{
    const gn_planhot *a = x, *b = y;
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static int descending(const void *x, const void *y)
{
    const gn_planhot *a = x, *b = y;
    return a->bytes != b->bytes ? (a->bytes > b->bytes ? -1 : 1) : by_hash(x, y);
}

/* Of equal keys the sum; of gn-partition's those above half of the target. */
static int list_hot(hotkeys *h, uint64_t target, gn_err *e)
{
    size_t n = 0;
    bool over = false;
    if (h->n)
        qsort(h->k, h->n, sizeof *h->k, by_hash);
    for (size_t i = 0, end; i < h->n; i = end) {
        gn_planhot k = h->k[i];
        for (end = i + 1; end < h->n && h->k[end].hash == k.hash; end++)
            k.bytes = plus(k.bytes, h->k[end].bytes, &over);
        if (!h->every || k.bytes > target / 2)
            h->k[n++] = k;
    }
    h->n = n;
    if (n)
        qsort(h->k, n, sizeof *h->k, descending);
    return over ? gn_fail(e, GN_USAGE, "sizes so large cannot be planned for") : 0;
}

int gn_planfacts_hot(gn_planhot **hot, size_t *nhot, const char *path, const char *key,
                     uint64_t row_bytes, uint64_t target, gn_err *e)
{
    hotkeys h = {.key = key};
    gn_buf scratch = {0};
    gn_batch *b;
    int ev = -1;
    gn_reader *r = gn_reader_open(&path, 1, 0, e);
    while (r && (ev = gn_reader_next(r, &b, e)) > 0)
        if ((ev == GN_EV_SEGMENT && find_hot(&h, r, e)) ||
            (ev == GN_EV_BATCH && add_hot(&h, b, row_bytes, &scratch, e))) {
            ev = -1;
            break;
        }
    gn_reader_close(r);
    int status = ev < 0 ? -1 : list_hot(&h, target, e);
    gn_buf_release(&scratch);
    free(h.field);
    *hot = h.k; /* the caller's, whatever happened */
    *nhot = h.n;
    return status;
}
