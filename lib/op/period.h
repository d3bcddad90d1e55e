/* period.h - the reported range of days: --from, --to, --last. */
#ifndef GN_OP_PERIOD_H
#define GN_OP_PERIOD_H

#include "../base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct gn_period {
    bool has_from, has_to;
    int64_t from, to; /* days, both included */
    int64_t last_days, last_months; /* --last: one of them > 0, or neither */
} gn_period;

/* Parse the three options (each may be NULL). GN_USAGE when malformed, reversed, or --last goes
 * with one of the others. --last: "90d", "26w", "12months", "2y". */
int gn_period_parse(gn_period *p, const char *from, const char *to, const char *last, gn_err *e);

/* The days to report for data that covers first..last (`any`: there is data at all). False when
 * there are none. */
bool gn_period_resolve(const gn_period *p, bool any, int64_t first, int64_t last, int64_t *from,
                       int64_t *to);

#endif
