/* spool.h - pieces of many lists, kept in one temporary file; each list is read back in its order.
 *
 * However many lists and pieces there are, a list costs two numbers of memory; reading one takes 16
 * bytes for each of its pieces, and room for the longest. Errors are those of tmp.h. */
#ifndef GN_IO_SPOOL_H
#define GN_IO_SPOOL_H

#include "../base/mem.h"
#include "tmp.h"

typedef struct gn_spool gn_spool;

/* Zeroed: empty. */
typedef struct gn_spooled {
    uint64_t n;    /* pieces */
    uint64_t last; /* where the last one is */
} gn_spooled;

/* `dir` as of gn_tmp_new. */
gn_spool *gn_spool_new(const char *dir, gn_err *e);
void gn_spool_free(gn_spool *s); /* NULL allowed */

/* Append a piece to a list. */
int gn_spool_put(gn_spool *s, gn_spooled *list, const void *p, size_t n, gn_err *e);

/* Takes a piece, which lives until it returns. */
typedef int gn_spool_take(void *ctx, const uint8_t *p, size_t n, gn_err *e);
/* All pieces of a list, which is empty then; their space on disk is given back. */
int gn_spool_each(gn_spool *s, gn_spooled *list, gn_spool_take *take, void *ctx, gn_err *e);

uint64_t gn_spool_bytes(const gn_spool *s); /* put so far */

#endif
