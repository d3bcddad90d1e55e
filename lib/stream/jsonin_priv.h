/* jsonin_priv.h - what the files of the JSON reader (jsonin.c, jsonin_types.c, jsonin_value.c)
 * share. */
#ifndef GN_STREAM_JSONIN_PRIV_H
#define GN_STREAM_JSONIN_PRIV_H

#include "../base/mem.h"
#include "../io/in.h"
#include "jsonin.h"
#include "reader.h"

#include <jansson.h>

#define GN_JSONIN_SAMPLE ((size_t)1 << 20) /* bytes looked at to infer types, */
#define GN_JSONIN_SAMPLE_LINES 10000       /* and lines */

/* Paths ("a", "a.b") by hash. */
typedef struct gn_jsonpath {
    char *name; /* NULL: free */
    size_t n;
    uint64_t hash;
    int field;  /* of the schema, or -1 */
    bool inner; /* fields lie under it */
} gn_jsonpath;

typedef struct gn_jsonpaths {
    gn_jsonpath *slot;
    size_t cap, n; /* cap is a power of two, or 0 */
} gn_jsonpaths;

/* A parsed line. */
typedef struct gn_jsonline {
    json_t *root;     /* an object; NULL: it is bad */
    bool big;         /* whole numbers beyond int64 became strings of NUL and their digits */
    const char *rule; /* why it is bad */
    const char *reason;
    const char *hint;
} gn_jsonline;

/* What a line has for a column. */
typedef struct gn_jsoncell {
    json_t *v;   /* borrowed; NULL: nothing, or null */
    bool dumped; /* its JSON text is gn_jsonin.text[at, at + n) */
    size_t at, n;
} gn_jsoncell;

struct gn_jsonin {
    gn_textin t; /* first */
    gn_jsonin_options opt;
    size_t max_record;

    const char *const *path_list;
    size_t npaths, file;

    gn_jsonpaths paths; /* of the schema, with what is on the way to its fields */
    int *col_of;        /* the column of each field of the schema, or -1 */

    gn_jsoncell *cell;

    gn_buf path;   /* of the key at hand */
    gn_buf text;   /* JSON texts of a line's values */
    gn_buf mended; /* a line with what Jansson would refuse replaced */
    gn_buf string; /* a string with NUL replaced */

    uint64_t extra; /* keys passed over */
};

/* jsonin.c: the line `at` bytes into the window: its length with the LF (also in *body without its
 * ending); reads more as needed, which moves the window, unless `peek`. 0: nothing is left, or with
 * peek not all of it is there; -1: an error, for instance a line above the limit. */
ssize_t gn_jsonin_line(gn_jsonin *j, size_t at, bool peek, size_t *body, gn_err *e);

bool gn_jsonin_blank(const uint8_t *p, size_t n); /* is a line only blanks? */

/* jsonin_types.c: decide fields and types. */
int gn_jsonin_decide(gn_jsonin *j, gn_err *e);
/* Find a path; with `add` make it, with field -1. NULL when it is not there, or with an error. */
gn_jsonpath *gn_jsonpaths_find(gn_jsonpaths *p, const char *name, size_t n, bool add, gn_err *e);
void gn_jsonpaths_release(gn_jsonpaths *p);
/* Append a key to the path of length `prefix` in j->path. */
int gn_jsonin_push(gn_jsonin *j, size_t prefix, const char *key, gn_err *e);

/* jsonin_value.c: parse a line. The error is only for memory. json_decref(out->root). */
int gn_jsonin_parse(gn_jsonin *j, const uint8_t *p, size_t n, gn_jsonline *out, gn_err *e);
/* Is it one of those strings that stand for a whole number beyond int64? */
bool gn_jsonin_big(const gn_jsonline *l, const json_t *v);
/* Append the compact JSON text of a value; 1: it is nested too deep for that. */
int gn_jsonin_dump(gn_buf *to, const gn_jsonline *l, const json_t *v, gn_err *e);
/* Does a str field take its JSON text? */
bool gn_jsonin_dumps(const gn_jsonline *l, const json_t *v);
/* Encode the cell as the type: the new end, or NULL when it is not of it. Writes at most
 * gn_jsonin_room. */
uint8_t *gn_jsonin_put(gn_jsonin *j, gn_type t, const gn_jsonline *l, const gn_jsoncell *c,
                       uint8_t *o, gn_err *e);
size_t gn_jsonin_room(const gn_jsoncell *c);

#endif
