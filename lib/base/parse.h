/* parse.h - text to values: what users type, and what CSV fields hold.
 *
 * Field parsers take a pointer and a length (no NUL needed), never read outside it, accept the
 * whole of the field or nothing, and return false where it is not of the type. They set no error:
 * the caller knows the column. */
#ifndef GN_BASE_PARSE_H
#define GN_BASE_PARSE_H

#include "err.h"
#include "zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* [+-]digits within int64. */
bool gn_parse_int(const char *s, size_t n, int64_t *out);
/* A decimal or scientific number, finite; "nan", "inf", hexadecimal are refused. -0 gives 0.
 * Correctly rounded (strtod in the C locale). */
bool gn_parse_float(const char *s, size_t n, double *out);
/* true/false, t/f, yes/no, 1/0, letter case ignored. */
bool gn_parse_bool(const char *s, size_t n, bool *out);
/* YYYY-MM-DD, a real calendar day of years 0001..9999, as days since 1970-01-01. */
bool gn_parse_date(const char *s, size_t n, int64_t *out);
/* YYYY-MM-DD[ T]HH:MM:SS[.f{1,6}][Z|[+-]HH:MM|[+-]HHMM], or YYYY-MM-DD alone (midnight), or an
 * integer of epoch seconds (at most 11 digits), milliseconds (12-14) or microseconds (15-17), as
 * UTC microseconds. Without a zone in the text, `z` is used (NULL = UTC). Seconds 00..59. A
 * fraction finer than a microsecond is refused unless the further digits are 0. */
bool gn_parse_time(const char *s, size_t n, const gn_zone *z, int64_t *out);

/* What users type on command lines; these set a GN_USAGE error that quotes the text.
 * Size: "65536", "64K", "256M", "2G", "1T" (binary units; an optional "iB" or "B" may follow). */
int gn_parse_size(const char *text, size_t *bytes, gn_err *e);
/* Duration in milliseconds: "1500ms", "10s", "30min", "8h", "7d", "2w"; a bare number is
 * `bare_ms` milliseconds each. */
int gn_parse_duration(const char *text, int64_t bare_ms, int64_t *ms, gn_err *e);

/* Length of the valid UTF-8 prefix without NUL: == n when the text is valid as a whole. */
size_t gn_utf8_valid(const char *s, size_t n);

/* Shortest decimal text that reads back as the same double; NUL-terminated; the length is
 * returned. Integers up to 2^53 print without exponent ("3" for 3.0). Needs GN_FLOAT_TEXT bytes. */
#define GN_FLOAT_TEXT 32
size_t gn_float_format(double v, char *out);
size_t gn_int_format(int64_t v, char *out); /* needs 21 bytes */

#endif
