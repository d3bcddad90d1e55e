/* keycode.h - values as bytes that sort by memcmp: normalised sort keys.
 *
 * The code of a value is a byte string such that memcmp orders codes as gn_value_cmp orders values,
 * nulls last in either direction. No code is a prefix of another of the same type, so the codes of
 * several fields may be concatenated, and the comparison of the whole is the comparison field by
 * field. Equal values have equal codes. A descending field is the code with its bits inverted, but
 * for the null.
 *
 *     null            ff (not inverted)
 *     bool            01, 02
 *     int, time, date 01, then 8 bytes big-endian with the sign bit flipped
 *     float           01, then 8 bytes big-endian: sign bit flipped, or all bits where negative
 *     str, bin        01, the bytes with 00 as 00 ff, then 00 00
 *
 * As in other stores whose keys are compared byte by byte (FoundationDB's tuple layer). */
#ifndef GN_KERNEL_KEYCODE_H
#define GN_KERNEL_KEYCODE_H

#include "../base/mem.h"
#include "../stream/batch.h"

/* Append the code of one canonical, valid encoding. */
int gn_keycode_add(gn_buf *to, gn_type t, gn_str encoding, bool desc, gn_err *e);
/* The other way: append the encoding whose ascending code begins at `code`. Returns the bytes of
 * the code, 0 when it is none (and *e is set). */
size_t gn_keycode_get(gn_buf *to, gn_type t, gn_str code, gn_err *e);

#endif
