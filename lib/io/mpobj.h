/* mpobj.h - generic MessagePack through msgpack-c (https://github.com/msgpack/msgpack-c): headers,
 * trailers, states; whatever is not a hot loop over records.
 *
 * Packing appends to a gn_buf; the first failure is remembered, so that a caller writes a whole
 * structure and asks once, with gn_pack_end. Unpacking is bounded: the bytes are first walked by
 * gn_mp_skip, so a declared length that is not there is never allocated, and nesting is limited. */
#ifndef GN_IO_MPOBJ_H
#define GN_IO_MPOBJ_H

#include "../base/mem.h"

#include <msgpack.h>

typedef struct gn_pack {
    msgpack_packer pk;
    gn_buf *to;
    gn_err *e;
    int failed;
} gn_pack;

/* `p` must not be copied or moved until gn_pack_end, which returns 0, or -1 with the error set. */
void gn_pack_begin(gn_pack *p, gn_buf *to, gn_err *e);
int gn_pack_end(const gn_pack *p);

void gn_pack_map(gn_pack *p, size_t pairs);
void gn_pack_array(gn_pack *p, size_t n);
void gn_pack_str(gn_pack *p, const char *s);
void gn_pack_bin(gn_pack *p, const void *s, size_t n);
void gn_pack_uint(gn_pack *p, uint64_t v);
void gn_pack_int(gn_pack *p, int64_t v);
void gn_pack_bool(gn_pack *p, bool v);

/* One value at [bytes, end): the byte after it, and *o, which borrows from the bytes and from *u,
 * to be ended with msgpack_unpacked_destroy on success. NULL when it is malformed or incomplete. */
const uint8_t *gn_unpack(msgpack_unpacked *u, const uint8_t *bytes, const uint8_t *end);

/* What a value is, if it is of that type. Texts must hold no NUL. */
bool gn_obj_text(const msgpack_object *o, const char **s, size_t *n);
bool gn_obj_is(const msgpack_object *o, const char *text);
char *gn_obj_strdup(const msgpack_object *o, gn_err *e); /* NULL also when it is no text */
bool gn_obj_uint(const msgpack_object *o, uint64_t *v);
bool gn_obj_bin(const msgpack_object *o, void *to, size_t n); /* of exactly n bytes, copied */
/* An array: its elements and their number; NULL when it is none. */
const msgpack_object *gn_obj_array(const msgpack_object *o, size_t *n);
/* An array of exactly n elements. */
const msgpack_object *gn_obj_tuple(const msgpack_object *o, size_t n);

#endif
