/* activeapprox.h - active users, estimated: a HyperLogLog sketch a day instead of the set of users.
 *
 * Memory: at most 17 KiB for each day that occurs, whatever the users; all periods are unions of
 * days' sketches. The result is a function of the set of records: no order, grouping or machine
 * changes a bit of it. Error: hll.h.
 *
 * As a stream, the state has the fields
 *     date: date   events: int   interactions: int   [total_<v>: bin]   sketch: bin
 * in order of the date, one record a day: all events of the day, those that qualify and their
 * total (16 bytes, two's complement, big-endian), and the sketch of its active users (hll.h). */
#ifndef GN_OP_ACTIVEAPPROX_H
#define GN_OP_ACTIVEAPPROX_H

#include "../stream/writer.h"
#include "../stream/batch.h"
#include "activereport.h"

typedef struct gn_approx gn_approx;

gn_approx *gn_approx_new(gn_budget *b, gn_err *e);
void gn_approx_free(gn_approx *a); /* NULL allowed */

/* Add the counts of the n rows of a batch whose numbers are in row[] to those of their days. */
int gn_approx_add(gn_approx *a, const int64_t *day, const uint64_t *events,
                  const uint64_t *interactions, const gn_i128 *sum, const uint16_t *row, size_t n,
                  gn_err *e);
/* Users (canonical encodings) become active on their days; row NULL: rows 0 .. n-1. At most
 * GN_BATCH. */
int gn_approx_users(gn_approx *a, const gn_str *user, const int64_t *day, const uint16_t *row,
                    size_t n, gn_err *e);
/* The same with stored sketches; GN_CORRUPT where one is none. */
int gn_approx_sketches(gn_approx *a, const gn_str *sketch, const int64_t *day, size_t n, gn_err *e);

/* The days with events; false when there are none. */
bool gn_approx_covered(const gn_approx *a, int64_t *first, int64_t *last);
/* As gn_active_count. */
int gn_approx_count(gn_approx *a, int64_t from, int64_t to, gn_active_report *r, gn_err *e);

/* The header of the state into a zeroed *h, but for `partial`; `value` NULL: without total. */
int gn_approx_header(gn_header *h, const char *value, gn_err *e);
/* All its records. */
int gn_approx_write(const gn_approx *a, bool with_sum, gn_writer *w, gn_err *e);

#endif
