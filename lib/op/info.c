/* info.c - see info.h. Provenance is a graph; as a tree each node is spelt out once, and where it
 * comes up again it is only named. */
#include "info.h"

#include "../stream/index.h"
#include "../stream/text.h"

#include <stdlib.h>
#include <string.h>

#define LABEL 12 /* columns before the values */

void gn_info_release(gn_info *f)
{
    for (size_t i = 0; i < f->nheaders; i++) {
        gn_header_release(&f->header[i].header);
        gn_buf_release(&f->header[i].bytes);
    }
    gn_lineage_release(&f->lineage);
    free(f->root);
    memset(f, 0, sizeof *f);
}

/* ---- gathering ---- */

static int add_header(gn_info *f, const gn_header *h, gn_err *e)
{
    gn_buf bytes = {0};

    if (gn_header_encode(h, &bytes, e))
        goto fail;
    for (size_t i = 0; i < f->nheaders; i++) {
        gn_info_header *k = &f->header[i];
        if (k->bytes.n == bytes.n && memcmp(k->bytes.p, bytes.p, bytes.n) == 0) {
            k->segments++;
            gn_buf_release(&bytes);
            return 0;
        }
    }
    if (f->nheaders == GN_INFO_HEADERS) {
        f->others++;
        gn_buf_release(&bytes);
        return 0;
    }
    gn_info_header *k = &f->header[f->nheaders];
    if (gn_header_copy(&k->header, h, e))
        goto fail;
    k->bytes = bytes;
    k->first = f->segments;
    k->segments = 1;
    f->nheaders++;
    return 0;
fail:
    gn_buf_release(&bytes);
    return -1;
}

static int add_lineage(gn_info *f, const gn_lineage *l, gn_err *e)
{
    if (f->segments == 1)
        f->lineage.covered = true;
    else if (gn_lineage_overlaps(&f->lineage, l))
        f->overlaps = true;
    if (gn_lineage_merge(&f->lineage, l, e))
        return -1;
    if (!l->has_root || f->nroots == GN_INFO_ROOTS)
        return 0;
    for (size_t i = 0; i < f->nroots; i++)
        if (gn_id_cmp(f->root[i], l->root) == 0)
            return 0;
    gn_id *p = gn_realloc(f->root, f->nroots + 1, sizeof *p, e);
    if (!p)
        return -1;
    f->root = p;
    p[f->nroots++] = l->root;
    return 0;
}

static void add_claims(gn_info *f, const gn_claims *c)
{
    if (!f->order_at && gn_claims_order_broken(c)) {
        f->order_at = gn_claims_order_broken(c);
        f->order_seg = f->segments;
    }
    if (!f->part_at && gn_claims_part_broken(c)) {
        f->part_at = gn_claims_part_broken(c);
        f->part_seg = f->segments;
    }
}

/* One event of the reader. */
static int take(gn_info *f, gn_reader *r, int event, const gn_batch *b, bool verify,
                gn_claims **claims, gn_err *e)
{
    if (event == GN_EV_SEGMENT) {
        f->segments++;
        if (add_header(f, gn_reader_header(r), e))
            return -1;
        if (!verify)
            return 0;
        *claims = gn_claims_new(gn_reader_header(r), e);
        return *claims ? gn_claims_want(*claims, r, e) : -1;
    }
    if (event == GN_EV_BATCH) {
        gn_record_sum_batch(&f->sum, b);
        f->records += b->n;
        return *claims ? gn_claims_batch(*claims, b, e) : 0;
    }
    if (*claims)
        add_claims(f, *claims);
    gn_claims_free(*claims);
    *claims = NULL;
    return add_lineage(f, &gn_reader_trailer(r)->lineage, e);
}

void gn_info_frames(gn_info *f, const char *path)
{
    gn_index x = {0};
    gn_err ignore = {0};

    f->indexed = gn_index_load(&x, path, &ignore) == 1;
    for (size_t i = 0; i < x.frames.n; i++) /* the index itself is an empty one */
        f->frames += x.frames.raw[i] < x.frames.raw[i + 1];
    gn_index_release(&x);
}

int gn_info_read(gn_info *f, gn_reader *r, bool verify, gn_err *e)
{
    gn_claims *claims = NULL;
    gn_batch *b = NULL;
    int event;

    f->verified = verify;
    while ((event = gn_reader_next(r, &b, e)) > 0)
        if (take(f, r, event, b, verify, &claims, e)) {
            event = -1;
            break;
        }
    gn_claims_free(claims);
    f->bytes = gn_reader_bytes(r);
    f->raw = gn_reader_raw_bytes(r);
    return event;
}

bool gn_info_holds(const gn_info *f)
{
    return !f->order_at && !f->part_at;
}

/* ---- text ---- */

static int safe(gn_buf *b, const char *s, gn_err *e)
{
    return gn_text_safe(b, s, strlen(s), e);
}

/* A line "  label      ", or only the indent where the label is empty. */
static int label(gn_buf *b, const char *name, gn_err *e)
{
    return gn_buf_printf(b, e, "  %-*s", LABEL, name);
}

static int put_fields(const gn_header *h, gn_buf *b, gn_err *e)
{
    size_t width = 0;

    for (size_t i = 0; i < h->schema.n; i++) {
        size_t n = strlen(h->schema.f[i].name);
        if (n > width && n <= 32)
            width = n;
    }
    for (size_t i = 0; i < h->schema.n; i++) {
        const gn_field *f = &h->schema.f[i];
        size_t n = strlen(f->name), at;
        if (label(b, i ? "" : "fields", e))
            return -1;
        at = b->n;
        if (safe(b, f->name, e))
            return -1;
        n = b->n - at;
        if (gn_buf_printf(b, e, "%*s  %s\n", n < width ? (int)(width - n) : 0, "",
                          gn_type_name(f->type)))
            return -1;
    }
    return 0;
}

static int put_order(const gn_header *h, gn_buf *b, gn_err *e)
{
    if (label(b, "order", e) || (!h->norder && gn_buf_printf(b, e, "none claimed")))
        return -1;
    for (size_t i = 0; i < h->norder; i++)
        if (gn_buf_printf(b, e, "%s", i ? ", " : "") || safe(b, h->order[i].field, e) ||
            gn_buf_printf(b, e, "%s", h->order[i].desc ? " descending" : ""))
            return -1;
    return gn_buf_printf(b, e, "%s\n", h->norder && h->total ? ", then the record's bytes" : "");
}

static int put_part(const gn_header *h, gn_buf *b, gn_err *e)
{
    if (!h->part.nkeys)
        return 0;
    if (label(b, "placed by", e))
        return -1;
    for (size_t i = 0; i < h->part.nkeys; i++)
        if (gn_buf_printf(b, e, "%s", i ? ", " : "") || safe(b, h->part.key[i], e))
            return -1;
    if (h->part.salted &&
        gn_buf_printf(b, e, " (a salt, of %llu parts)", (unsigned long long)h->part.salted))
        return -1;
    return gn_buf_printf(b, e, ", hashes %016llx..%016llx\n", (unsigned long long)h->part.lo,
                         (unsigned long long)h->part.hi);
}

static int put_partial(const gn_header *h, gn_buf *b, gn_err *e)
{
    const gn_partial *p = &h->partial;

    if (!p->command)
        return 0;
    return label(b, "partial", e) || safe(b, p->command, e) || gn_buf_printf(b, e, " ") ||
                   safe(b, p->state ? p->state : "", e) ||
                   gn_buf_printf(b, e, "%s", p->params && *p->params ? " (" : "") ||
                   safe(b, p->params ? p->params : "", e) ||
                   gn_buf_printf(b, e, "%s", p->params && *p->params ? ")\n" : "\n")
               ? -1
               : 0;
}

static int put_headers(const gn_info *f, gn_buf *b, gn_err *e)
{
    for (size_t i = 0; i < f->nheaders; i++) {
        const gn_info_header *k = &f->header[i];
        if (f->nheaders > 1 &&
            (label(b, "segment", e) ||
             gn_buf_printf(b, e, "%llu%s", (unsigned long long)k->first,
                           k->segments > 1 ? "" : "\n") ||
             (k->segments > 1 &&
              gn_buf_printf(b, e, " and %llu alike\n", (unsigned long long)k->segments - 1))))
            return -1;
        if (put_fields(&k->header, b, e) || put_order(&k->header, b, e) ||
            put_part(&k->header, b, e) || put_partial(&k->header, b, e))
            return -1;
    }
    if (!f->others)
        return 0;
    return label(b, "segments", e) || gn_buf_printf(b, e, "%llu more with other headers\n",
                                                    (unsigned long long)f->others)
               ? -1
               : 0;
}

/* A short form of an id, to tell few of them apart. */
static int short_id(gn_id id, gn_buf *b, gn_err *e)
{
    char t[33];

    gn_id_hex(id, t);
    return gn_buf_printf(b, e, "%.12s", t);
}

static const gn_source *find_source(const gn_lineage *l, gn_id id)
{
    for (size_t i = 0; i < l->nsources; i++)
        if (gn_id_cmp(l->source[i].id, id) == 0)
            return &l->source[i];
    return NULL;
}

static int put_sources(const gn_lineage *l, gn_buf *b, gn_err *e)
{
    for (size_t i = 0; i < l->nsources; i++)
        if (label(b, i ? "" : "sources", e) || short_id(l->source[i].id, b, e) ||
            gn_buf_printf(b, e, "  %llu %s\n", (unsigned long long)l->source[i].size,
                          l->source[i].records ? "records" : "bytes"))
            return -1;
    return 0;
}

static int put_cover(const gn_info *f, gn_buf *b, gn_err *e)
{
    const gn_lineage *l = &f->lineage;

    if (!l->ncover)
        return label(b, "covers", e) ||
                       gn_buf_printf(b, e, "%s\n", l->covered ? "nothing" : "unknown")
                   ? -1
                   : 0;
    for (size_t i = 0; i < l->ncover; i++) {
        const gn_cover *c = &l->cover[i];
        const gn_source *s = find_source(l, c->source);
        if (label(b, i ? "" : "covers", e) || short_id(c->source, b, e))
            return -1;
        if (s && c->lo == 0 && c->hi == s->size
                ? gn_buf_printf(b, e, "  all of it")
                : gn_buf_printf(b, e, "  %s %llu to %llu", s && s->records ? "records" : "bytes",
                                (unsigned long long)c->lo, (unsigned long long)c->hi))
            return -1;
        if (c->hlo == 0 && c->hhi == UINT64_MAX
                ? gn_buf_printf(b, e, "\n")
                : gn_buf_printf(b, e, ", hashes %016llx..%016llx\n", (unsigned long long)c->hlo,
                                (unsigned long long)c->hhi))
            return -1;
    }
    return f->overlaps ? label(b, "", e) ||
                             gn_buf_printf(b, e, "some of it more than once, in several segments\n")
                       : 0;
}

/* ---- the tree ---- */

typedef struct stop {
    gn_id id;
    size_t depth;
} stop;

static int put_node(const gn_node *n, bool seen, gn_buf *b, gn_err *e)
{
    if (safe(b, n->command, e) || gn_buf_printf(b, e, " ") || safe(b, n->version, e))
        return -1;
    if (seen)
        return gn_buf_printf(b, e, "%s\n", n->nparents ? " (see above)" : "");
    if (*n->options && (gn_buf_printf(b, e, "  ") || safe(b, n->options, e)))
        return -1;
    return gn_buf_printf(b, e, "\n");
}

static int walk(const gn_info *f, stop *stack, bool *seen, gn_buf *b, gn_err *e)
{
    const gn_lineage *l = &f->lineage;
    size_t n = 0;
    bool first = true;

    for (size_t i = f->nroots; i > 0; i--)
        stack[n++] = (stop){f->root[i - 1], 0};
    while (n) {
        stop s = stack[--n];
        const gn_node *node = gn_lineage_find(l, s.id);
        if (label(b, first ? "made by" : "", e) ||
            gn_buf_printf(b, e, "%*s", s.depth < 40 ? (int)(2 * s.depth) : 80, ""))
            return -1;
        first = false;
        if (!node) { /* at the edge of the graph: what was read there */
            if (gn_buf_printf(b, e, "source ") || short_id(s.id, b, e) || gn_buf_printf(b, e, "\n"))
                return -1;
            continue;
        }
        bool again = seen[node - l->node];
        seen[node - l->node] = true;
        if (put_node(node, again, b, e))
            return -1;
        for (size_t i = node->nparents; i > 0 && !again; i--)
            stack[n++] = (stop){node->parent[i - 1], s.depth + 1};
    }
    return 0;
}

static int put_tree(const gn_info *f, gn_buf *b, gn_err *e)
{
    size_t stops = f->nroots;

    for (size_t i = 0; i < f->lineage.nnodes; i++) /* each is expanded once */
        stops += f->lineage.node[i].nparents;
    stop *stack = gn_alloc(stops, sizeof *stack, e);
    bool *seen = gn_calloc(f->lineage.nnodes, sizeof *seen, e);
    int r = stack && seen ? walk(f, stack, seen, b, e) : -1;
    free(stack);
    free(seen);
    return r;
}

static int put_verdict(const gn_info *f, gn_buf *b, gn_err *e)
{
    if (!f->verified)
        return 0;
    if (label(b, "claims", e))
        return -1;
    if (gn_info_holds(f))
        return gn_buf_printf(b, e, "hold\n");
    if (f->order_at &&
        gn_buf_printf(b, e, "order is false: broken by record %llu of segment %llu\n",
                      (unsigned long long)f->order_at, (unsigned long long)f->order_seg))
        return -1;
    if (f->order_at && f->part_at && label(b, "", e))
        return -1;
    return f->part_at
               ? gn_buf_printf(b, e, "placement is false: broken by record %llu of segment %llu\n",
                               (unsigned long long)f->part_at, (unsigned long long)f->part_seg)
               : 0;
}

int gn_info_text(const gn_info *f, gn_buf *b, gn_err *e)
{
    bool packed = f->bytes != f->raw;

    if (safe(b, f->name, e) || gn_buf_printf(b, e, "\n") || label(b, "format", e) ||
        gn_buf_printf(b, e, "gn %d%s", GN_FORMAT, packed ? ", zstd" : "") ||
        (f->frames && gn_buf_printf(b, e, ", %llu frame%s%s", (unsigned long long)f->frames,
                                    f->frames == 1 ? "" : "s", f->indexed ? ", indexed" : "")) ||
        gn_buf_printf(b, e, "\n") || label(b, "segments", e) ||
        gn_buf_printf(b, e, "%llu\n", (unsigned long long)f->segments) || label(b, "records", e) ||
        gn_buf_printf(b, e, "%llu\n", (unsigned long long)f->records) || label(b, "bytes", e) ||
        gn_buf_printf(b, e, "%llu", (unsigned long long)f->raw) ||
        (packed && gn_buf_printf(b, e, ", compressed to %llu", (unsigned long long)f->bytes)) ||
        gn_buf_printf(b, e, "\n") || label(b, "checksum", e) ||
        gn_buf_printf(b, e, "%016llx%016llx\n", (unsigned long long)f->sum.high,
                      (unsigned long long)f->sum.low))
        return -1;
    return put_headers(f, b, e) || put_sources(&f->lineage, b, e) || put_cover(f, b, e) ||
                   put_tree(f, b, e) || put_verdict(f, b, e)
               ? -1
               : 0;
}

/* ---- JSON ---- */

static int json_hex(gn_json *j, const char *key, uint64_t v, gn_err *e)
{
    static const char digit[] = "0123456789abcdef";
    char t[17];

    for (int i = 0; i < 16; i++)
        t[i] = digit[v >> (60 - 4 * i) & 15];
    t[16] = 0;
    return gn_json_key(j, key, e) || gn_json_text(j, t, e) ? -1 : 0;
}

static int json_id(gn_json *j, gn_id id, gn_err *e)
{
    char t[33];

    gn_id_hex(id, t);
    return gn_json_text(j, t, e);
}

static int json_number(gn_json *j, const char *key, uint64_t v, gn_err *e)
{
    return gn_json_key(j, key, e) || gn_json_uint(j, v, e) ? -1 : 0;
}

static int json_string(gn_json *j, const char *key, const char *v, gn_err *e)
{
    return gn_json_key(j, key, e) || gn_json_text(j, v, e) ? -1 : 0;
}

static int json_flag(gn_json *j, const char *key, bool v, gn_err *e)
{
    return gn_json_key(j, key, e) || gn_json_bool(j, v, e) ? -1 : 0;
}

static int json_begin(gn_json *j, const char *key, char bracket, gn_err *e)
{
    return gn_json_key(j, key, e) || gn_json_open(j, bracket, e) ? -1 : 0;
}

static int json_part(gn_json *j, const gn_part *p, gn_err *e)
{
    if (gn_json_key(j, "part", e))
        return -1;
    if (!p->nkeys)
        return gn_json_null(j, e);
    if (gn_json_open(j, '{', e) || json_begin(j, "key", '[', e))
        return -1;
    for (size_t i = 0; i < p->nkeys; i++)
        if (gn_json_text(j, p->key[i], e))
            return -1;
    return gn_json_close(j, ']', e) || json_hex(j, "lo", p->lo, e) || json_hex(j, "hi", p->hi, e) ||
                   (p->salted && (gn_json_key(j, "salted", e) || gn_json_uint(j, p->salted, e))) ||
                   gn_json_close(j, '}', e)
               ? -1
               : 0;
}

static int json_partial(gn_json *j, const gn_partial *p, gn_err *e)
{
    if (gn_json_key(j, "partial", e))
        return -1;
    if (!p->command)
        return gn_json_null(j, e);
    return gn_json_open(j, '{', e) || json_string(j, "command", p->command, e) ||
                   json_string(j, "state", p->state, e) ||
                   json_string(j, "parameters", p->params, e) || gn_json_close(j, '}', e)
               ? -1
               : 0;
}

static int json_header(gn_json *j, const gn_info_header *k, gn_err *e)
{
    const gn_header *h = &k->header;

    if (gn_json_open(j, '{', e) || json_number(j, "first", k->first, e) ||
        json_number(j, "segments", k->segments, e) || json_begin(j, "fields", '[', e))
        return -1;
    for (size_t i = 0; i < h->schema.n; i++)
        if (gn_json_open(j, '{', e) || json_string(j, "name", h->schema.f[i].name, e) ||
            json_string(j, "type", gn_type_name(h->schema.f[i].type), e) ||
            gn_json_close(j, '}', e))
            return -1;
    if (gn_json_close(j, ']', e) || json_begin(j, "order", '[', e))
        return -1;
    for (size_t i = 0; i < h->norder; i++)
        if (gn_json_open(j, '{', e) || json_string(j, "field", h->order[i].field, e) ||
            json_flag(j, "descending", h->order[i].desc, e) || gn_json_close(j, '}', e))
            return -1;
    return gn_json_close(j, ']', e) || json_flag(j, "total", h->norder && h->total, e) ||
                   json_part(j, &h->part, e) || json_partial(j, &h->partial, e) ||
                   gn_json_close(j, '}', e)
               ? -1
               : 0;
}

static int json_lineage(gn_json *j, const gn_info *f, gn_err *e)
{
    const gn_lineage *l = &f->lineage;

    if (json_begin(j, "sources", '[', e))
        return -1;
    for (size_t i = 0; i < l->nsources; i++)
        if (gn_json_open(j, '{', e) || gn_json_key(j, "id", e) || json_id(j, l->source[i].id, e) ||
            json_number(j, "size", l->source[i].size, e) ||
            json_string(j, "unit", l->source[i].records ? "records" : "bytes", e) ||
            gn_json_close(j, '}', e))
            return -1;
    if (gn_json_close(j, ']', e) || gn_json_key(j, "cover", e) ||
        (l->covered ? gn_json_open(j, '[', e) : gn_json_null(j, e)))
        return -1;
    for (size_t i = 0; i < l->ncover && l->covered; i++) {
        const gn_cover *c = &l->cover[i];
        if (gn_json_open(j, '{', e) || gn_json_key(j, "source", e) || json_id(j, c->source, e) ||
            json_number(j, "lo", c->lo, e) || json_number(j, "hi", c->hi, e) ||
            json_hex(j, "hash_lo", c->hlo, e) || json_hex(j, "hash_hi", c->hhi, e) ||
            gn_json_close(j, '}', e))
            return -1;
    }
    return (l->covered && gn_json_close(j, ']', e)) || json_flag(j, "overlaps", f->overlaps, e) ? -1
                                                                                                : 0;
}

static int json_nodes(gn_json *j, const gn_info *f, gn_err *e)
{
    if (json_begin(j, "roots", '[', e))
        return -1;
    for (size_t i = 0; i < f->nroots; i++)
        if (json_id(j, f->root[i], e))
            return -1;
    if (gn_json_close(j, ']', e) || json_begin(j, "provenance", '[', e))
        return -1;
    for (size_t i = 0; i < f->lineage.nnodes; i++) {
        const gn_node *n = &f->lineage.node[i];
        if (gn_json_open(j, '{', e) || gn_json_key(j, "id", e) || json_id(j, n->id, e) ||
            json_string(j, "command", n->command, e) || json_string(j, "version", n->version, e) ||
            json_string(j, "options", n->options, e) || json_begin(j, "parents", '[', e))
            return -1;
        for (size_t k = 0; k < n->nparents; k++)
            if (json_id(j, n->parent[k], e))
                return -1;
        if (gn_json_close(j, ']', e) || gn_json_close(j, '}', e))
            return -1;
    }
    return gn_json_close(j, ']', e);
}

/* A claim: true, or where it breaks. */
static int json_claim(gn_json *j, const char *key, uint64_t record, uint64_t segment, gn_err *e)
{
    if (gn_json_key(j, key, e) || gn_json_open(j, '{', e) || json_flag(j, "holds", !record, e))
        return -1;
    if (record && (json_number(j, "segment", segment, e) || json_number(j, "record", record, e)))
        return -1;
    return gn_json_close(j, '}', e);
}

int gn_info_json(const gn_info *f, gn_json *j, gn_err *e)
{
    static const char digit[] = "0123456789abcdef";
    char sum[33];

    for (int i = 0; i < 32; i++)
        sum[i] = digit[(i < 16 ? f->sum.high : f->sum.low) >> (60 - 4 * (i & 15)) & 15];
    sum[32] = 0;
    if (gn_json_open(j, '{', e) || json_string(j, "name", f->name, e) ||
        json_number(j, "format", GN_FORMAT, e) ||
        json_flag(j, "compressed", f->bytes != f->raw, e) ||
        json_number(j, "frames", f->frames, e) || json_flag(j, "indexed", f->indexed, e) ||
        json_number(j, "bytes", f->bytes, e) || json_number(j, "raw_bytes", f->raw, e) ||
        json_number(j, "segments", f->segments, e) || json_number(j, "records", f->records, e) ||
        json_string(j, "checksum", sum, e) || json_begin(j, "headers", '[', e))
        return -1;
    for (size_t i = 0; i < f->nheaders; i++)
        if (json_header(j, &f->header[i], e))
            return -1;
    if (gn_json_close(j, ']', e) || json_number(j, "other_headers", f->others, e) ||
        json_lineage(j, f, e) || json_nodes(j, f, e))
        return -1;
    if (f->verified &&
        (json_begin(j, "claims", '{', e) || json_claim(j, "order", f->order_at, f->order_seg, e) ||
         json_claim(j, "part", f->part_at, f->part_seg, e) || gn_json_close(j, '}', e)))
        return -1;
    return gn_json_close(j, '}', e);
}
