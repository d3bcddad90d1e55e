/* prune.h - which files of a tree a condition can be true in, told by their paths alone.
 *
 * A condition is cut at its top-level `and`s. Pieces that speak of nothing but the keys of
 * key=value directories are decided for each file, and files where one is not true are never
 * opened; what remains is a condition on records. A key is int where all its values are whole
 * numbers in their shortest form, date where all are dates, else str. */
#ifndef GN_OP_PRUNE_H
#define GN_OP_PRUNE_H

#include "../base/zone.h"
#include "../stream/tree.h"

#include <stdbool.h>

typedef struct gn_prune {
    gn_tree tree;
    const char **path; /* npaths of them, in order: the files to read */
    size_t npaths;
    char *rest;   /* the condition on records; NULL: none */
    bool nothing; /* no file is left: path[0] is there for its fields alone */
} gn_prune;

/* Operands are directories, or else, if one is not, files (then `where` is all for records, and
 * a directory stands for all of its files). n > 0; `where` may be NULL. Zero-initialise. */
int gn_prune_open(gn_prune *p, const char *const *operand, size_t n, const char *where,
                  const char *what, const gn_zone *zone, gn_err *e);
void gn_prune_release(gn_prune *p); /* idempotent */

#endif
