/* json.h - writing JSON (RFC 8259) into a byte string.
 *
 * Appends only; a gn_json keeps track of the commas. Objects and arrays must be closed by the
 * caller in the order in which they were opened; nothing checks that. All functions return 0, or
 * -1 with the error of the buffer. Output is on one line, without blanks. */
#ifndef GN_BASE_JSON_H
#define GN_BASE_JSON_H

#include "mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Append n bytes of text as a JSON string, quotes included. Quotes, backslashes and control
 * characters are escaped; each byte that is no part of valid UTF-8 becomes U+FFFD. */
int gn_json_str(gn_buf *b, const char *s, size_t n, gn_err *e);

typedef struct gn_json {
    gn_buf *b;  /* the caller's */
    bool comma; /* a value was written at this level: a comma goes before the next */
} gn_json;

/* '{' '}' '[' ']' */
int gn_json_open(gn_json *j, char bracket, gn_err *e);
int gn_json_close(gn_json *j, char bracket, gn_err *e);
int gn_json_key(gn_json *j, const char *key, gn_err *e); /* "key": inside an object */
/* Values: array elements, or what follows a key. */
int gn_json_text(gn_json *j, const char *s, gn_err *e); /* NULL writes null */
int gn_json_textn(gn_json *j, const char *s, size_t n, gn_err *e);
int gn_json_uint(gn_json *j, uint64_t v, gn_err *e);
int gn_json_int(gn_json *j, int64_t v, gn_err *e);
int gn_json_bool(gn_json *j, bool v, gn_err *e);
int gn_json_null(gn_json *j, gn_err *e);

#endif
