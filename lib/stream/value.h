/* value.h - the order of values: what "ordered by a field" means everywhere in gn. */
#ifndef GN_STREAM_VALUE_H
#define GN_STREAM_VALUE_H

#include "batch.h"

/* Compare two canonical encodings of one field, < 0, 0, > 0: numbers and times by value, str and
 * bin by bytes, false before true, nulls last. The encodings must be valid (from a decoder). */
int gn_value_cmp(gn_type t, gn_str a, gn_str b);

#endif
