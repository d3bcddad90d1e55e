/* active.h - active users: exact counts by day, week, month and rolling 30 days.
 *
 * One pass over events (or over user-day roll-ups) into a gn_dayset and per-day totals; every
 * period is then counted from that one state. What the budget cannot hold goes to temporary files,
 * and the counts are the same. Definitions: gn-dau(1). Days are int64 days since 1970-01-01 in
 * whatever zone the caller chose. */
#ifndef GN_OP_ACTIVE_H
#define GN_OP_ACTIVE_H

#include "../stream/batch.h"
#include "activereport.h"

typedef struct gn_active gn_active;

/* Temporary files go to `temp_dir` (tmp.h), which is not copied. */
gn_active *gn_active_new(gn_budget *b, const char *temp_dir, gn_err *e);
void gn_active_free(gn_active *a); /* NULL allowed */

/* An event or roll-up on this day exists, whether it qualifies or not: days first..last are
 * covered. */
void gn_active_cover(gn_active *a, int64_t first, int64_t last);
/* The covered days; false when there was no event at all. */
bool gn_active_covered(const gn_active *a, int64_t *first, int64_t *last);

/* Qualifying rows of a batch, by index (`row` NULL: 0 .. rows-1): their users become active on
 * their days. Events: one interaction each; `value` (may be NULL) is its share of the total, what
 * is below 0 has none. */
int gn_active_events(gn_active *a, const gn_str *user, const int64_t *day, const int64_t *value,
                     const uint16_t *row, size_t rows, gn_err *e);
/* Roll-ups: n interactions with their total. */
int gn_active_rollups(gn_active *a, const gn_str *user, const int64_t *day, const uint64_t *n,
                      const gn_i128 *sum, const uint16_t *row, size_t rows, gn_err *e);

/* Count everything for the days from..to, once; nothing can be added any more. The report is
 * charged to the budget, and where it does not fit that is an error: it is what was asked for. On
 * failure there is none. */
int gn_active_count(gn_active *a, int64_t from, int64_t to, gn_active_report *r, gn_err *e);

/* What was written to temporary files so far: sorted runs and their bytes. */
void gn_active_spilled(const gn_active *a, uint64_t *runs, uint64_t *bytes);

#endif
