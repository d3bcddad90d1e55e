/* cohortpriv.h - what cohort.c (counting, tables) and cohortstate.c (partial states) share. */
#ifndef GN_OP_COHORTPRIV_H
#define GN_OP_COHORTPRIV_H

#include "../kernel/hashtab.h"
#include "cohort.h"

struct gn_cohorts {
    gn_cohort_options o;
    gn_hashtab *cells;
    size_t room;     /* cells */
    size_t width;    /* numbers of a cell: users, then the active ones of each period */
    uint64_t *count; /* room * width */
    uint64_t users;
    gn_buf key;
    uint32_t *sorted; /* the cells in order */
    size_t nsorted;
};

typedef struct gn_cohort_cell {
    int64_t first; /* day of the cohort */
    const char *type;
    gn_str value;
    const uint64_t *users, *active;
} gn_cohort_cell;

/* The first day of a day's period. */
int64_t gn_cohorts_start(const gn_cohorts *c, int64_t day);

/* Find or make cells: that of all users of a cohort, with `all`, and those of segments. At most
 * GN_COHORT_CELLS together. */
#define GN_COHORT_CELLS (GN_COHORT_SEGMENTS + 1)
int gn_cohorts_find(gn_cohorts *c, int64_t first, bool all, const gn_segments *s, uint32_t *cell,
                    gn_err *e);

/* Put cells in order; then cell i < c->nsorted. */
int gn_cohorts_sort(gn_cohorts *c, gn_err *e);
gn_cohort_cell gn_cohorts_cell(const gn_cohorts *c, size_t i);

#endif
