/* unite.h - what can be claimed of the records of several segments together.
 *
 * Fields and partial state must be the same. Placement is claimed where all segments claim it by
 * the same keys and their ranges join without a gap. Unknown header keys stay where all agree. The
 * order is not looked at: it is what the caller makes it. */
#ifndef GN_OP_UNITE_H
#define GN_OP_UNITE_H

#include "../stream/header.h"

typedef struct gn_unite_range {
    uint64_t lo, hi; /* inclusive */
} gn_unite_range;

typedef struct gn_unite {
    bool begun, part;
    gn_header h; /* of the first segment; owned */
    gn_unite_range *range;
    size_t n;
} gn_unite;

/* `name` is the input's, for messages. GN_INPUT where the segments do not go together. */
int gn_unite_add(gn_unite *u, const gn_header *h, const char *name, gn_err *e);
/* Cut u->h down to what holds of all. */
void gn_unite_end(gn_unite *u);
/* After gn_unite_end: does a further segment keep to it? */
bool gn_unite_holds(const gn_unite *u, const gn_header *h);
void gn_unite_release(gn_unite *u); /* idempotent */

#endif
