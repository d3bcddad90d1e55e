/* parts.h - one part of what gn-partition wrote into some directories.
 *
 * Each directory has a manifest (gn-partition(1)), which says where its parts are: in files of
 * their own, or in a pack. Of these nothing but the part is read. */
#ifndef GN_OP_PARTS_H
#define GN_OP_PARTS_H

#include "../stream/plan.h"

/* What there is of part `part` in the n directories, in their order: a plan to read (the caller's).
 * NULL on failure: GN_INPUT where a directory has no such part, or its parts are of other ranges
 * than those of the directory before; errors of reading the manifests. */
gn_plan *gn_parts_plan(const char *const *dir, size_t n, uint64_t part, size_t max_record,
                       gn_err *e);

#endif
