/* rollup.h - the user-day roll-up: one row per user and day with its counts and total.
 *
 * It is the mergeable state of everything that is counted by user and day: adding rows in any
 * grouping gives the same rows. As a stream it has the fields
 *     <user>: as in the events   date: date   events: int   interactions: int   [touches: int]
 *     [total_<v>: bin]
 * in order (user, date). `events` counts all events of the day, `interactions` those that qualify,
 * `touches` (only where durations are followed over days) the qualifying ones of other days that
 * touch this one; the total is that of the interactions: 16 bytes, two's complement, big-endian.
 *
 * Rows that the budget cannot hold go to temporary files; the output is the same. */
#ifndef GN_OP_ROLLUP_H
#define GN_OP_ROLLUP_H

#include "../base/mem.h"
#include "../base/num.h"
#include "../stream/writer.h"

typedef struct gn_rollup gn_rollup;

/* Temporary files go to `temp_dir` (tmp.h), which is not copied. */
gn_rollup *gn_rollup_new(gn_budget *b, const char *temp_dir, gn_err *e);
void gn_rollup_free(gn_rollup *r); /* NULL allowed */

/* Add the n rows of a batch whose numbers are in row[]. `user_type` is the type of the user field,
 * the same for all. */
int gn_rollup_add(gn_rollup *r, gn_type user_type, const gn_str *user, const int64_t *day,
                  const uint64_t *events, const uint64_t *interactions, const gn_i128 *sum,
                  const uint16_t *row, size_t n, gn_err *e);
/* Add touches: of n rows whose numbers are in row[]; NULL: of rows 0 .. n-1, once each. */
int gn_rollup_touch(gn_rollup *r, gn_type user_type, const gn_str *user, const int64_t *day,
                    const uint64_t *touches, const uint16_t *row, size_t n, gn_err *e);

/* The header of such a stream into a zeroed *h; `value` NULL: without total. */
int gn_rollup_header(gn_header *h, const char *user, gn_type user_type, const char *value,
                     bool with_touches, gn_err *e);

/* Write all rows in order, once; the two say which of the last fields are there. */
int gn_rollup_write(gn_rollup *r, bool with_touches, bool with_sum, gn_writer *w, gn_err *e);

/* Give all rows in order to a function instead, once: the user's encoding, the day, how many
 * events. */
typedef int gn_rollup_row(void *ctx, gn_str user, int64_t day, uint64_t events, gn_err *e);
int gn_rollup_each(gn_rollup *r, gn_rollup_row *f, void *ctx, gn_err *e);

/* What was written to temporary files so far: sorted runs and their bytes. */
void gn_rollup_spilled(const gn_rollup *r, uint64_t *runs, uint64_t *bytes);

#endif
