/* sample.h - the n units with the least hash: an exact sample that depends on nothing else.
 *
 * A unit is a record, or a key with all of its records. Units are ordered by (hash, bytes of the
 * record or key), equal records by their place in the input; the n least of them are kept (the
 * bottom-k sample of Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007), so
 * memory is theirs alone. Charged to the budget. */
#ifndef GN_OP_SAMPLE_H
#define GN_OP_SAMPLE_H

#include "../base/mem.h"
#include "../stream/batch.h"

#include <stdbool.h>

/* The hash that sampling uses, of canonical bytes. It has nothing to do with the one that places
 * records (gn_hash), so that every partition has its share of a sample. seed < 2^63. */
uint64_t gn_sample_hash(const void *p, size_t n, uint64_t seed);
/* A rate from 0 to 1 as a limit: a hash is in when gn_sample_in. */
typedef struct gn_sample_rate {
    uint64_t below;
    bool all;
} gn_sample_rate;
gn_sample_rate gn_sample_rate_of(double rate);
static inline bool gn_sample_in(gn_sample_rate r, uint64_t hash)
{
    return r.all || hash < r.below;
}

typedef struct gn_sample gn_sample;

gn_sample *gn_sample_new(uint64_t n, bool by_key, gn_budget *budget, gn_err *e);
void gn_sample_free(gn_sample *s); /* NULL allowed */

/* Consider a record with the hash of its unit. `key` (by_key) and `record` are copied if kept;
 * `part` is the caller's, say the number of its segment. */
int gn_sample_add(gn_sample *s, uint64_t hash, gn_str key, gn_str record, uint64_t part, gn_err *e);

/* After the last one: put the kept records into the order of the input. */
int gn_sample_sort(gn_sample *s, gn_err *e);
uint64_t gn_sample_units(const gn_sample *s);
uint64_t gn_sample_records(const gn_sample *s);
/* Record i in that order. */
gn_str gn_sample_record(const gn_sample *s, uint64_t i, uint64_t *part);

#endif
