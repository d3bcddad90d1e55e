/* header.c - see header.h and gn-stream(5). */
#include "header.h"

#include "../io/mp.h"
#include "../io/mpobj.h"

#include <stdlib.h>
#include <string.h>

void gn_header_drop_order(gn_header *h)
{
    for (size_t i = 0; i < h->norder; i++)
        free(h->order[i].field);
    free(h->order);
    h->order = NULL;
    h->norder = 0;
    h->total = false;
}

void gn_header_drop_part(gn_header *h)
{
    for (size_t i = 0; i < h->part.nkeys; i++)
        free(h->part.key[i]);
    free(h->part.key);
    memset(&h->part, 0, sizeof h->part);
}

bool gn_part_alike(const gn_part *a, const gn_part *b)
{
    if (a->nkeys != b->nkeys || a->salted != b->salted)
        return false;
    for (size_t i = 0; i < a->nkeys; i++)
        if (strcmp(a->key[i], b->key[i]) != 0)
            return false;
    return true;
}

bool gn_part_divides(const gn_part *p, const char *field)
{
    if (p->lo == 0 && p->hi == UINT64_MAX)
        return false;
    for (size_t i = 0; i < p->nkeys; i++)
        if (strcmp(p->key[i], field) != 0)
            return true;
    return false;
}

int gn_part_whole(const gn_part *p, const char *field, const char *name, gn_err *e)
{
    gn_buf keys = {0};
    int r = 0;
    if (!gn_part_divides(p, field))
        return 0;
    for (size_t i = 0; r == 0 && i < p->nkeys; i++)
        r = gn_buf_printf(&keys, e, "%s%s", i ? "," : "", p->key[i]);
    if (r == 0)
        gn_fail(e, GN_INPUT,
                "'%s': placed by %.200s: it may hold some records of a %s only (run gn-partition "
                "-k %s on all parts)",
                name, (char *)keys.p, field, field);
    gn_buf_release(&keys);
    return -1;
}

static void drop_partial(gn_header *h)
{
    free(h->partial.command);
    free(h->partial.state);
    free(h->partial.params);
    h->partial = (gn_partial){0};
}

void gn_header_release(gn_header *h)
{
    gn_schema_release(&h->schema);
    gn_header_drop_order(h);
    gn_header_drop_part(h);
    drop_partial(h);
    gn_buf_release(&h->extra);
    memset(h, 0, sizeof *h);
}

int gn_header_add_order(gn_header *h, const char *field, bool desc, gn_err *e)
{
    gn_order_key *p = gn_realloc(h->order, h->norder + 1, sizeof *p, e);
    if (!p)
        return -1;
    h->order = p;
    p[h->norder].desc = desc;
    p[h->norder].field = gn_strdup(field, e);
    if (!p[h->norder].field)
        return -1;
    h->norder++;
    return 0;
}

static int add_part_key(gn_header *h, const char *field, size_t n, gn_err *e)
{
    char **p = gn_realloc(h->part.key, h->part.nkeys + 1, sizeof *p, e);
    if (!p)
        return -1;
    h->part.key = p;
    p[h->part.nkeys] = gn_strndup(field, n, e);
    if (!p[h->part.nkeys])
        return -1;
    h->part.nkeys++;
    return 0;
}

int gn_header_copy(gn_header *to, const gn_header *from, gn_err *e)
{
    gn_header h = {.canon = from->canon, .total = from->total, .nextra = from->nextra};
    if (gn_schema_copy(&h.schema, &from->schema, e))
        return -1;
    for (size_t i = 0; i < from->norder; i++)
        if (gn_header_add_order(&h, from->order[i].field, from->order[i].desc, e))
            goto fail;
    for (size_t i = 0; i < from->part.nkeys; i++)
        if (add_part_key(&h, from->part.key[i], strlen(from->part.key[i]), e))
            goto fail;
    h.part.lo = from->part.lo;
    h.part.hi = from->part.hi;
    h.part.salted = from->part.salted;
    if (from->partial.command && (!(h.partial.command = gn_strdup(from->partial.command, e)) ||
                                  !(h.partial.state = gn_strdup(from->partial.state, e)) ||
                                  !(h.partial.params = gn_strdup(from->partial.params, e))))
        goto fail;
    if (from->extra.n && gn_buf_add(&h.extra, from->extra.p, from->extra.n, e))
        goto fail;
    *to = h;
    return 0;
fail:
    gn_header_release(&h);
    return -1;
}

/* The column that a field of the old schema has become: the first of them, or NULL. */
static const gn_column *column_of(const gn_header *h, const char *field, const gn_column *c,
                                  size_t n)
{
    int at = gn_schema_find(&h->schema, field);
    for (size_t i = 0; i < n; i++)
        if (c[i].from >= 0 && c[i].from == at)
            return &c[i];
    return NULL;
}

/* Give a claim's field the name that it has in the column. */
static int rename_field(char **field, const gn_column *c, gn_err *e)
{
    if (!c->name || strcmp(c->name, *field) == 0)
        return 0;
    char *name = gn_strdup(c->name, e);
    if (!name)
        return -1;
    free(*field);
    *field = name;
    return 0;
}

static int map_order(gn_header *h, const gn_column *c, size_t n, gn_err *e)
{
    const gn_column *to;
    size_t prefix = 0;
    for (; prefix < h->norder && (to = column_of(h, h->order[prefix].field, c, n)); prefix++)
        if (rename_field(&h->order[prefix].field, to, e))
            return -1;
    for (size_t i = prefix; i < h->norder; i++)
        free(h->order[i].field);
    h->norder = prefix;
    if (prefix == 0)
        gn_header_drop_order(h);
    return 0;
}

static int map_part(gn_header *h, const gn_column *c, size_t n, gn_err *e)
{
    for (size_t i = 0; i < h->part.nkeys; i++) {
        const gn_column *to = column_of(h, h->part.key[i], c, n);
        if (!to) {
            gn_header_drop_part(h);
            return 0;
        }
        if (rename_field(&h->part.key[i], to, e))
            return -1;
    }
    return 0;
}

int gn_header_map(gn_header *h, const gn_column *column, size_t n, gn_err *e)
{
    gn_schema s = {0};
    for (size_t i = 0; i < n; i++) {
        const gn_column *c = &column[i];
        const gn_field *f = c->from < 0 ? NULL : &h->schema.f[c->from];
        const char *name = c->name ? c->name : f->name;
        if (gn_schema_add(&s, name, strlen(name), f ? f->type : c->type, e)) {
            gn_schema_release(&s);
            return -1;
        }
    }
    bool same = n >= h->schema.n, unchanged = n == h->schema.n;
    for (size_t i = 0; same && i < h->schema.n; i++) {
        same = column[i].from == (int)i;
        unchanged = unchanged && strcmp(s.f[i].name, h->schema.f[i].name) == 0;
    }
    h->total = h->total && same;
    if (!same || !unchanged)
        drop_partial(h);
    if (map_order(h, column, n, e) || map_part(h, column, n, e)) {
        gn_schema_release(&s);
        return -1;
    }
    gn_schema_release(&h->schema);
    h->schema = s;
    return 0;
}

int gn_header_project(gn_header *h, const int *keep, size_t n, gn_err *e)
{
    gn_column *c = gn_calloc(n, sizeof *c, e);
    if (!c)
        return -1;
    for (size_t i = 0; i < n; i++)
        c[i].from = keep[i];
    int r = gn_header_map(h, c, n, e);
    free(c);
    return r;
}

/* ---- encode ---- */

static void pack_fields(gn_pack *p, const gn_schema *s)
{
    gn_pack_str(p, "fields");
    gn_pack_array(p, s->n);
    for (size_t i = 0; i < s->n; i++) {
        gn_pack_array(p, 2);
        gn_pack_str(p, s->f[i].name);
        gn_pack_str(p, gn_type_name(s->f[i].type));
    }
}

static void pack_order(gn_pack *p, const gn_header *h)
{
    gn_pack_str(p, "order");
    gn_pack_array(p, h->norder);
    for (size_t i = 0; i < h->norder; i++) {
        gn_pack_array(p, 2);
        gn_pack_str(p, h->order[i].field);
        gn_pack_str(p, h->order[i].desc ? "desc" : "asc");
    }
    gn_pack_str(p, "total");
    gn_pack_bool(p, h->total);
}

static void pack_part(gn_pack *p, const gn_part *part)
{
    gn_pack_str(p, "part");
    gn_pack_map(p, 4 + (part->salted > 0));
    gn_pack_str(p, "key");
    gn_pack_array(p, part->nkeys);
    for (size_t i = 0; i < part->nkeys; i++)
        gn_pack_str(p, part->key[i]);
    gn_pack_str(p, "hash");
    gn_pack_str(p, "xxh3");
    gn_pack_str(p, "lo");
    gn_pack_uint(p, part->lo);
    gn_pack_str(p, "hi");
    gn_pack_uint(p, part->hi);
    if (part->salted) {
        gn_pack_str(p, "salted");
        gn_pack_uint(p, part->salted);
    }
}

static void pack_partial(gn_pack *p, const gn_partial *state)
{
    gn_pack_str(p, "!partial");
    gn_pack_map(p, 3);
    gn_pack_str(p, "command");
    gn_pack_str(p, state->command);
    gn_pack_str(p, "state");
    gn_pack_str(p, state->state);
    gn_pack_str(p, "params");
    gn_pack_str(p, state->params);
}

int gn_header_encode(const gn_header *h, gn_buf *b, gn_err *e)
{
    gn_pack p;
    gn_pack_begin(&p, b, e);
    gn_pack_map(&p, 3 + (h->norder ? 2 : 0) + (h->part.nkeys > 0) + (h->partial.command != NULL) +
                        h->nextra);
    gn_pack_str(&p, "gn");
    gn_pack_uint(&p, GN_FORMAT);
    gn_pack_str(&p, "canon");
    gn_pack_bool(&p, true);
    pack_fields(&p, &h->schema);
    if (h->norder)
        pack_order(&p, h);
    if (h->part.nkeys)
        pack_part(&p, &h->part);
    if (h->partial.command)
        pack_partial(&p, &h->partial);
    if (gn_pack_end(&p) || gn_buf_add(b, h->extra.p, h->extra.n, e))
        return -1;
    if (b->n > GN_HEADER_MAX)
        return gn_fail(e, GN_INPUT, "a stream header of more than %zu bytes", GN_HEADER_MAX);
    return 0;
}

/* ---- decode ---- */

static bool unpack_fields(gn_header *h, const msgpack_object *o, gn_err *e)
{
    size_t n, len;
    const msgpack_object *v = gn_obj_array(o, &n), *t;
    const char *name;
    gn_type type;
    if (!v || h->schema.n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!(t = gn_obj_tuple(&v[i], 2)) || !gn_obj_text(&t[0], &name, &len) ||
            t[1].type != MSGPACK_OBJECT_STR ||
            !gn_type_parse(t[1].via.str.ptr, t[1].via.str.size, &type) ||
            gn_schema_add(&h->schema, name, len, type, e))
            return false;
    return true;
}

static bool unpack_order(gn_header *h, const msgpack_object *o, gn_err *e)
{
    size_t n;
    const msgpack_object *v = gn_obj_array(o, &n), *t;
    if (!v || h->norder || n > GN_FIELDS_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!(t = gn_obj_tuple(&v[i], 2)))
            return false;
        bool desc = gn_obj_is(&t[1], "desc");
        char *field = gn_obj_strdup(&t[0], e);
        int r = !field || (!desc && !gn_obj_is(&t[1], "asc"))
                    ? -1
                    : gn_header_add_order(h, field, desc, e);
        free(field);
        if (r)
            return false;
    }
    return true;
}

static bool unpack_part(gn_header *h, const msgpack_object *o, gn_err *e)
{
    unsigned seen = 0;
    size_t n, len;
    const char *name;
    if (o->type != MSGPACK_OBJECT_MAP || h->part.nkeys)
        return false;
    for (uint32_t i = 0; i < o->via.map.size; i++) {
        const msgpack_object *k = &o->via.map.ptr[i].key, *v = &o->via.map.ptr[i].val;
        if (gn_obj_is(k, "key")) {
            const msgpack_object *keys = gn_obj_array(v, &n);
            if (!keys || n > GN_FIELDS_MAX)
                return false;
            for (size_t f = 0; f < n; f++)
                if (!gn_obj_text(&keys[f], &name, &len) || add_part_key(h, name, len, e))
                    return false;
            seen |= 1;
        } else if (gn_obj_is(k, "hash") && gn_obj_is(v, "xxh3")) {
            seen |= 2;
        } else if (gn_obj_is(k, "lo") && gn_obj_uint(v, &h->part.lo)) {
            seen |= 4;
        } else if (gn_obj_is(k, "hi") && gn_obj_uint(v, &h->part.hi)) {
            seen |= 8;
        } else if (gn_obj_is(k, "salted") && gn_obj_uint(v, &h->part.salted) && h->part.salted) {
            seen |= 16;
        } else {
            return false;
        }
    }
    return (seen & 15) == 15 && h->part.nkeys > (h->part.salted > 0) && h->part.lo <= h->part.hi;
}

static bool unpack_partial(gn_header *h, const msgpack_object *o, gn_err *e)
{
    if (o->type != MSGPACK_OBJECT_MAP)
        return false;
    for (uint32_t i = 0; i < o->via.map.size; i++) {
        const msgpack_object *k = &o->via.map.ptr[i].key, *v = &o->via.map.ptr[i].val;
        char **to = gn_obj_is(k, "command")  ? &h->partial.command
                    : gn_obj_is(k, "state")  ? &h->partial.state
                    : gn_obj_is(k, "params") ? &h->partial.params
                                             : NULL;
        if (!to || *to || !(*to = gn_obj_strdup(v, e)))
            return false;
    }
    return h->partial.command && h->partial.state && h->partial.params;
}

/* Claims must speak of fields that exist. */
static bool claims_hold_together(const gn_header *h)
{
    for (size_t i = 0; i < h->norder; i++)
        if (gn_schema_find(&h->schema, h->order[i].field) < 0)
            return false;
    for (size_t i = 0; i < h->part.nkeys; i++)
        if (gn_schema_find(&h->schema, h->part.key[i]) < 0)
            return false;
    if (h->part.salted) {
        int salt = gn_schema_find(&h->schema, h->part.key[h->part.nkeys - 1]);
        return h->schema.f[salt].type == GN_INT;
    }
    return h->schema.n > 0;
}

typedef struct key {
    const char *s;
    size_t n;
} key;

static bool is(key k, const char *text)
{
    return strlen(text) == k.n && memcmp(k.s, text, k.n) == 0;
}

static const uint8_t *get_key(const uint8_t *p, const uint8_t *end, key *k)
{
    return gn_mp_get_str(p, end, &k->s, &k->n);
}

/* One key's value, already unpacked. */
static bool unpack_entry(gn_header *h, key k, const msgpack_object *o, gn_err *e)
{
    if (is(k, "fields"))
        return unpack_fields(h, o, e);
    if (is(k, "order"))
        return unpack_order(h, o, e);
    if (is(k, "part"))
        return unpack_part(h, o, e);
    if (is(k, "!partial"))
        return unpack_partial(h, o, e);
    bool *flag = is(k, "canon") ? &h->canon : &h->total;
    *flag = o->type == MSGPACK_OBJECT_BOOLEAN && o->via.boolean;
    return o->type == MSGPACK_OBJECT_BOOLEAN;
}

static bool is_known(key k)
{
    return is(k, "canon") || is(k, "fields") || is(k, "order") || is(k, "total") || is(k, "part") ||
           is(k, "!partial");
}

/* The pairs are walked by the cursor, since unknown ones are kept as the bytes they are; known
 * values are read as msgpack-c objects. */
const uint8_t *gn_header_decode(gn_header *h, const uint8_t *p, const uint8_t *end,
                                const char *name, gn_err *e)
{
    size_t pairs;
    key k;
    uint64_t version;
    const uint8_t *begin = p;
    gn_header r = {0};
    if (!(p = gn_mp_get_map(p, end, &pairs)) || pairs == 0 || !(p = get_key(p, end, &k)) ||
        !is(k, "gn")) {
        gn_fail(e, GN_INPUT, "'%s': not a gn stream (import text with gn-fromcsv)", name);
        return NULL;
    }
    if (!(p = gn_mp_get_uint(p, end, &version)))
        goto bad;
    if (version != GN_FORMAT) {
        gn_fail(e, GN_INPUT, "'%s': stream format %llu (this is gn for format %d)", name,
                (unsigned long long)version, GN_FORMAT);
        return NULL;
    }
    while (--pairs) {
        const uint8_t *at = p;
        if (!(p = get_key(p, end, &k)))
            goto bad;
        if (is_known(k)) {
            msgpack_unpacked u;
            if (!(p = gn_unpack(&u, p, end)))
                goto bad;
            bool ok = unpack_entry(&r, k, &u.data, e);
            msgpack_unpacked_destroy(&u);
            if (!ok)
                goto bad;
        } else if (k.n && k.s[0] == '!') {
            gn_fail(e, GN_INPUT, "'%s': the header demands '%.*s', unknown to this version", name,
                    k.n > 40 ? 40 : (int)k.n, k.s);
            goto fail;
        } else {
            if (!(p = gn_mp_skip(p, end)))
                goto bad;
            if (gn_buf_add(&r.extra, at, (size_t)(p - at), e))
                goto fail;
            r.nextra++;
        }
    }
    if (!claims_hold_together(&r))
        goto bad;
    r.total = r.total && r.norder;
    *h = r;
    return p;
bad:
    if (e->status != GN_IO) { /* ours says more, save when memory is the trouble */
        gn_err_clear(e);
        gn_fail(e, GN_CORRUPT, "'%s': a malformed stream header of %zu bytes", name,
                (size_t)(end - begin));
    }
fail:
    gn_header_release(&r);
    return NULL;
}

/* ---- trailer ---- */

void gn_trailer_release(gn_trailer *t)
{
    free(t->fail_command);
    gn_lineage_release(&t->lineage);
    memset(t, 0, sizeof *t);
}

int gn_trailer_encode(const gn_trailer *t, gn_buf *b, gn_err *e)
{
    gn_buf l = {0};
    gn_pack p;
    size_t pairs = 0;
    if (t->fail) {
        gn_pack_begin(&p, b, e);
        gn_pack_map(&p, 1);
        gn_pack_str(&p, "fail");
        gn_pack_array(&p, 2);
        gn_pack_str(&p, t->fail_command);
        gn_pack_int(&p, t->fail_status);
        return gn_pack_end(&p);
    }
    int r = gn_lineage_encode(&t->lineage, &l, &pairs, e);
    if (r == 0) {
        gn_pack_begin(&p, b, e);
        gn_pack_map(&p, 2 + pairs);
        gn_pack_str(&p, "end");
        gn_pack_uint(&p, t->records);
        r = gn_pack_end(&p) || gn_buf_add(b, l.p, l.n, e) ? -1 : 0;
        gn_pack_str(&p, "xxh3");
        r = r || gn_pack_end(&p) ? -1 : 0;
    }
    gn_buf_release(&l);
    return r;
}

static const uint8_t *decode_fail(gn_trailer *t, const uint8_t *p, const uint8_t *end, gn_err *e)
{
    msgpack_unpacked u;
    uint64_t status = 0;
    if (!(p = gn_unpack(&u, p, end)))
        return NULL;
    const msgpack_object *v = gn_obj_tuple(&u.data, 2);
    bool ok = v && gn_obj_uint(&v[1], &status) && status >= 1 && status <= 255 &&
              (t->fail_command = gn_obj_strdup(&v[0], e));
    msgpack_unpacked_destroy(&u);
    t->fail = true;
    t->fail_status = (int)status;
    return ok ? p : NULL;
}

const uint8_t *gn_trailer_decode(gn_trailer *t, const uint8_t *p, const uint8_t *end,
                                 const uint8_t **sum_at, const char *name, gn_err *e)
{
    size_t pairs;
    key k;
    gn_trailer r = {0};
    *sum_at = NULL;
    if (!(p = gn_mp_get_map(p, end, &pairs)) || pairs == 0 || !(p = get_key(p, end, &k)))
        goto bad;
    if (is(k, "fail") && pairs == 1) {
        if (!(p = decode_fail(&r, p, end, e)))
            goto bad;
        *t = r;
        return p;
    }
    if (!is(k, "end") || !(p = gn_mp_get_uint(p, end, &r.records)))
        goto bad;
    while (--pairs) {
        if (!(p = get_key(p, end, &k)))
            goto bad;
        if (is(k, "xxh3")) {
            *sum_at = p;
            p = gn_mp_get_uint(p, end, &r.xxh3);
            if (pairs != 1)
                goto bad;
        } else {
            p = gn_lineage_decode(&r.lineage, k.s, k.n, p, end, e);
        }
        if (!p)
            goto bad;
    }
    if (!*sum_at)
        goto bad;
    *t = r;
    return p;
bad:
    gn_trailer_release(&r);
    gn_fail(e, GN_CORRUPT, "'%s': a malformed stream trailer", name);
    return NULL;
}
