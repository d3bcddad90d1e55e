/* csvscan.h - where rows of CSV end, without reading them: how an index of ranges is made.
 *
 * Agrees with the reader (csv.h) on every input: in the rules there, a line feed ends a row unless
 * it is inside a quoted field, and a bad row ends at the first line feed behind what is bad.
 *
 * Three twins (portable, SSE2, AVX2) give the same results. */
#ifndef GN_STREAM_CSVSCAN_H
#define GN_STREAM_CSVSCAN_H

#include "../base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gn_csvscan gn_csvscan;
struct gn_csvscan {
    /* so far */
    uint64_t offset; /* bytes scanned */
    uint64_t rows;   /* that have ended, empty ones too */
    uint64_t lines;  /* line feeds, */
    uint64_t inner;  /* and of those behind the last row's end */
    uint64_t ended;  /* bytes up to the last row's end */

    uint8_t delimiter;
    bool trim;
    int state; /* of the row at hand: see csvscan.c */
    size_t (*words)(gn_csvscan *s, const uint8_t *p, size_t n);
};

/* Begin at the start of a row, behind a byte order mark. `simd`: see gn_csvsplit_choose. */
int gn_csvscan_init(gn_csvscan *s, char delimiter, bool trim, const char *simd, gn_err *e);
/* Scan the next n bytes. */
void gn_csvscan_run(gn_csvscan *s, const uint8_t *p, size_t n);
/* Scan up to the end of the row at hand, at most n bytes; how many is returned. The row has ended
 * when s->ended == s->offset. */
size_t gn_csvscan_row(gn_csvscan *s, const uint8_t *p, size_t n);

#endif
