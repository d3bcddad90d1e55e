/* cohort.h - cohort retention: of those who joined in a week or month, how many were active how
 * many weeks or months later; for all users, and by segments.
 *
 * A cell (cohort, segment type, segment value) holds its users and, for each period number k from 0
 * to the last, how many of them were active in calendar period cohort + k. The cell of all users
 * has the empty segment type. Cells of disjoint sets of users add up.
 *
 * Memory: a cell takes about 100 bytes and 8 for each period number; beyond the budget that is
 * GN_IO. */
#ifndef GN_OP_COHORT_H
#define GN_OP_COHORT_H

#include "../kernel/intsums.h"
#include "../stream/batch.h"
#include "../stream/header.h"
#include "../stream/writer.h"

#define GN_COHORT_PERIODS 26
#define GN_COHORT_PERIODS_MAX 1000
#define GN_COHORT_SEGMENTS 64 /* segment types */
#define GN_COHORT_UNKNOWN "(unknown)"

typedef struct gn_cohort_options {
    bool month;      /* periods are calendar months, else ISO weeks */
    int64_t periods; /* the last period number */
    gn_budget *budget;
} gn_cohort_options;

typedef struct gn_cohorts gn_cohorts;

gn_cohorts *gn_cohorts_new(const gn_cohort_options *o, gn_err *e);
void gn_cohorts_free(gn_cohorts *c); /* NULL allowed */

/* The segments of a user. Text; value p NULL: null. */
typedef struct gn_segments {
    size_t n;
    const char *const *type;
    const gn_str *value;
} gn_segments;

/* A user of the cohort that `day` is in, active on these days (keys, ascending) of which those from
 * `from` to `to` count. Returns how many of these lie before the cohort's period in *before. */
int gn_cohorts_add(gn_cohorts *c, int64_t day, const gn_segments *s, const gn_intsums *days,
                   int64_t from, int64_t to, uint64_t *before, gn_err *e);

/* Tables. Long: <cohort> <number> [segment_type segment_value] cohort_size retained_users
 * retention_rate complete; one record for each cell and number. Wide: <cohort> [segment_type
 * segment_value] cohort_size week_0 ... (rates); one for each cell. Either of the cells of all
 * users, or of the others. */
typedef struct gn_cohort_table {
    bool segments, wide;
    bool w0_fixed; /* all users of a cohort are retained in its period 0, by definition */
    bool percent;  /* rates are from 0 to 100 */
    /* the days that the data cover; from > to: none */
    int64_t from, to;
} gn_cohort_table;

int gn_cohorts_header(const gn_cohorts *c, const gn_cohort_table *t, gn_header *h, gn_err *e);
int gn_cohorts_write(gn_cohorts *c, const gn_cohort_table *t, gn_writer *w, gn_err *e);

uint64_t gn_cohorts_users(const gn_cohorts *c); /* added */
uint64_t gn_cohorts_cells(const gn_cohorts *c);

/* ---- partial states ----
 *
 * One record a cell, and then one for each range of hashes of users that are accounted for:
 *     cohort: date   segment_type: str   segment_value: str   cohort_size: int   retained: bin
 *     range: bin   first_day: date   last_day: date
 * `retained` is a number of 8 bytes for each period number, `range` two such numbers, the least and
 * the greatest hash; big-endian. A cell has no range and days, a range has nothing else; its days
 * are the first and the last that the data cover, the same in all ranges, null where there are
 * none. */

/* Of the hashes (gn_hash of the encoding) of users. */
typedef struct gn_user_range {
    uint64_t lo, hi; /* inclusive */
} gn_user_range;

typedef struct gn_user_ranges {
    size_t n;
    gn_user_range *range; /* ascending and apart */
} gn_user_ranges;

/* Add one. *doubled: it holds what was there. */
int gn_user_ranges_add(gn_user_ranges *r, gn_user_range add, bool *doubled, gn_err *e);
bool gn_user_ranges_has(const gn_user_ranges *r, uint64_t hash);
bool gn_user_ranges_hold(const gn_user_ranges *r, gn_user_range part);
void gn_user_ranges_release(gn_user_ranges *r); /* idempotent */

typedef struct gn_cohort_cover {
    gn_user_ranges users;
    bool any;
    int64_t first, last;
} gn_cohort_cover;

int gn_cohorts_state_header(gn_header *h, gn_err *e);
int gn_cohorts_state_write(gn_cohorts *c, const gn_cohort_cover *cover, gn_writer *w, gn_err *e);
/* All fields asked for with GN_VALUE. GN_INPUT where users come twice. */
int gn_cohorts_state_read(gn_cohorts *c, const gn_batch *b, gn_cohort_cover *cover, gn_err *e);

#endif
