/* activeout.h - the tables of active users, as records. */
#ifndef GN_OP_ACTIVEOUT_H
#define GN_OP_ACTIVEOUT_H

#include "../stream/writer.h"
#include "active.h"

enum gn_active_table {
    GN_ACTIVE_DAY,        /* date, dau, ... */
    GN_ACTIVE_WEEK,       /* week (its Monday), wau, ... */
    GN_ACTIVE_MONTH,      /* month (YYYY-MM), mau, ... */
    GN_ACTIVE_ROLLING,    /* date, mau_30d, complete */
    GN_ACTIVE_STICKINESS, /* date, month, dau, mau, stickiness, mau_30d, stickiness_30d */
    GN_ACTIVE_TABLES
};

/* "day", "week", ... separated by '|', in the order of the enum. */
#define GN_ACTIVE_NAMES "day|week|month|rolling|stickiness"

/* The table called by the n bytes at name, or -1. */
int gn_active_table_named(const char *name, size_t n);

/* The header of a table (schema and order) into a zeroed *h. `value`: the field whose totals are
 * shown, NULL for none. */
int gn_active_table_header(enum gn_active_table t, const char *value, gn_header *h, gn_err *e);
/* Its records, into an open segment. A total beyond int64 is GN_INPUT. */
int gn_active_table_write(enum gn_active_table t, const char *value, const gn_active_report *r,
                          gn_writer *w, gn_err *e);

#endif
