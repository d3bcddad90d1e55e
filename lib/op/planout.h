/* planout.h - a plan in words, as JSON, as variables for make and sh. */
#ifndef GN_OP_PLANOUT_H
#define GN_OP_PLANOUT_H

#include "planfacts.h"

/* A plan and where its inputs come from; all borrowed. */
typedef struct gn_planstory {
    const gn_planin *in;
    const gn_planjob *plan;
    const gn_plansize *events, *metadata;
    uint64_t row_bytes; /* of an event, as assumed */
    uint64_t available; /* memory of this machine, where `memory` is a half of it; else 0 */
    const char *rates;  /* the file; NULL: built in */
    bool network_given, disk_given;
} gn_planstory;

/* Lines "NAME VALUE, because ARITHMETIC". */
int gn_planout_text(const gn_planstory *s, gn_buf *out, gn_err *e);
/* {"figures": {...}, "rates": [...], "decisions": [{"name", "value", "because"}, ...]} on a line.
 */
int gn_planout_json(const gn_planstory *s, gn_buf *out, gn_err *e);
/* PARTITIONS=, RANGES=, METADATA_RANGES=, JOBS=, M1=, M2=, M3=: to be read by make as well as by
 * sh. */
int gn_planout_make(const gn_planstory *s, gn_buf *out, gn_err *e);

#endif
