/* csvsplit.h - where the separators of a block of CSV are: the vector half of the CSV reader.
 *
 * The splitter knows bytes, not CSV: it lists every delimiter and newline, quoted or not, and says
 * whether there was anything in the block that a plain row does not have. Three twins of one
 * function (portable, SSE2, AVX2) give the same lists; which is used is decided once, at run time,
 * by what the processor can do or by GN_SIMD=portable|sse2|avx2.
 *
 * Technique: comparison masks of 64 bytes at a time and bit-by-bit extraction as in Langdale and
 * Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 28 (2019). */
#ifndef GN_STREAM_CSVSPLIT_H
#define GN_STREAM_CSVSPLIT_H

#include "../base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entries that each list may be over-written by beyond its last one; the room a list needs is the
 * block's size in bytes plus this. */
#define GN_CSVSPLIT_PAD 64

typedef struct gn_csvindex {
    int32_t *sep; /* delimiters and newlines, ascending */
    int32_t *nl;  /* newlines alone */
    size_t nsep, nnl;
    /* Is there such a byte? May also be true because of bytes behind the block. */
    bool quote, cr;
    bool text; /* a byte >= 0x80 or NUL */
} gn_csvindex;

typedef struct gn_csvsplit {
    const char *name; /* "avx2" */
    /* List the separators of p[0..n), n <= INT32_MAX - 64; reads up to 63 bytes beyond. */
    void (*index)(const uint8_t *p, size_t n, uint8_t delim, gn_csvindex *x);
    /* List what makes a row odd: quotes; carriage returns that no newline follows; with `trim`,
     * blanks (space, tab) beside a delimiter, a line end or the beginning of the block. Reads up
     * to 64 bytes beyond. Returns how many. */
    size_t (*odd)(const uint8_t *p, size_t n, uint8_t delim, bool trim, int32_t *out);
} gn_csvsplit;

/* `name`: NULL or "" chooses the best this processor has. An unknown or impossible one is
 * GN_USAGE. */
int gn_csvsplit_choose(gn_csvsplit *s, const char *name, gn_err *e);

#endif
