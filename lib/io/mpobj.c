/* mpobj.c - see mpobj.h. */
#include "mpobj.h"

#include "mp.h"

#include <string.h>

static int write_to_buf(void *data, const char *s, size_t n)
{
    gn_pack *p = data;
    if (!p->failed && gn_buf_add(p->to, s, n, p->e))
        p->failed = 1;
    return p->failed ? -1 : 0;
}

void gn_pack_begin(gn_pack *p, gn_buf *to, gn_err *e)
{
    p->to = to;
    p->e = e;
    p->failed = 0;
    msgpack_packer_init(&p->pk, p, write_to_buf);
}

int gn_pack_end(const gn_pack *p)
{
    return p->failed ? -1 : 0;
}

/* msgpack-c reports what write_to_buf returns, which p->failed holds already. */
void gn_pack_map(gn_pack *p, size_t pairs)
{
    (void)msgpack_pack_map(&p->pk, pairs);
}

void gn_pack_array(gn_pack *p, size_t n)
{
    (void)msgpack_pack_array(&p->pk, n);
}

void gn_pack_str(gn_pack *p, const char *s)
{
    (void)msgpack_pack_str_with_body(&p->pk, s, strlen(s));
}

void gn_pack_bin(gn_pack *p, const void *s, size_t n)
{
    (void)msgpack_pack_bin_with_body(&p->pk, s, n);
}

void gn_pack_uint(gn_pack *p, uint64_t v)
{
    (void)msgpack_pack_uint64(&p->pk, v);
}

void gn_pack_int(gn_pack *p, int64_t v)
{
    (void)msgpack_pack_int64(&p->pk, v);
}

void gn_pack_bool(gn_pack *p, bool v)
{
    (void)(v ? msgpack_pack_true(&p->pk) : msgpack_pack_false(&p->pk));
}

const uint8_t *gn_unpack(msgpack_unpacked *u, const uint8_t *bytes, const uint8_t *end)
{
    const uint8_t *next = gn_mp_skip(bytes, end);
    size_t at = 0;
    if (!next)
        return NULL;
    msgpack_unpacked_init(u);
    if (msgpack_unpack_next(u, (const char *)bytes, (size_t)(next - bytes), &at) !=
            MSGPACK_UNPACK_SUCCESS ||
        at != (size_t)(next - bytes)) {
        msgpack_unpacked_destroy(u);
        return NULL;
    }
    return next;
}

bool gn_obj_text(const msgpack_object *o, const char **s, size_t *n)
{
    if (o->type != MSGPACK_OBJECT_STR)
        return false;
    *s = o->via.str.ptr;
    *n = o->via.str.size;
    return *n == 0 || !memchr(*s, 0, *n);
}

bool gn_obj_is(const msgpack_object *o, const char *text)
{
    const char *s;
    size_t n;
    return gn_obj_text(o, &s, &n) && n == strlen(text) && memcmp(s, text, n) == 0;
}

char *gn_obj_strdup(const msgpack_object *o, gn_err *e)
{
    const char *s;
    size_t n;
    return gn_obj_text(o, &s, &n) ? gn_strndup(s, n, e) : NULL;
}

bool gn_obj_uint(const msgpack_object *o, uint64_t *v)
{
    if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return false;
    *v = o->via.u64;
    return true;
}

bool gn_obj_bin(const msgpack_object *o, void *to, size_t n)
{
    if (o->type != MSGPACK_OBJECT_BIN || o->via.bin.size != n)
        return false;
    memcpy(to, o->via.bin.ptr, n);
    return true;
}

const msgpack_object *gn_obj_array(const msgpack_object *o, size_t *n)
{
    static const msgpack_object none = {.type = MSGPACK_OBJECT_NIL};
    if (o->type != MSGPACK_OBJECT_ARRAY)
        return NULL;
    *n = o->via.array.size;
    return *n ? o->via.array.ptr : &none;
}

const msgpack_object *gn_obj_tuple(const msgpack_object *o, size_t n)
{
    size_t have;
    const msgpack_object *v = gn_obj_array(o, &have);
    return v && have == n ? v : NULL;
}
