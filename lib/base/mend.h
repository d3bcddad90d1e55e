/* mend.h - text that is not UTF-8 made valid. */
#ifndef GN_BASE_MEND_H
#define GN_BASE_MEND_H

#include "mem.h"

/* Append n bytes of text to `to`, with U+FFFD for each NUL and for each maximal part of a sequence
 * that is not valid (as the Unicode standard recommends, chapter 3.9): at most 3 n bytes. */
int gn_mend_utf8(gn_buf *to, const char *s, size_t n, gn_err *e);

#endif
