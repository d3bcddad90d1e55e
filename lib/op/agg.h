/* agg.h - group by and aggregate: exact, mergeable, within a memory cap.
 *
 * Keys and arguments are expressions (expr.h). Every aggregate is a function of the set of records,
 * and its state adds up exactly: states merged in any grouping give the same bytes.
 *
 *     count()           records
 *     count(x)          records where x is not null; likewise, nulls are left out below
 *     sum(x) avg(x) stddev(x)   of int or float; sums are exact (exactsum.h), rounded once;
 *                       stddev is that of a sample, null for fewer than two values
 *     min(x) max(x)     of any type, in the order of value.h
 *     first(x[, by]) last(x[, by])   x of the least, the greatest `by` (an int, time or date;
 *                       default: the field named by --time); among equals the least, the greatest x
 *     distinct(x)       how many values
 *     approx_distinct(x)   about how many (kernel/hll.h): exactly up to 1,536, beyond with a
 *                       standard error of 0.81 %
 *     pNN(x) median(x) pctl(x, 99.9)   percentiles, interpolated (type 7 of Hyndman and Fan 1996:
 *                       SQL's percentile_cont) or, with `nearest`, the value at rank ceil(p n)
 *                       (percentile_disc)
 *     approx_pNN(x) approx_median(x) approx_pctl(x, 99.9)   percentiles to within 1/129 of the
 *                       value (kernel/ddsketch.h), as floats
 *     mad(x)            the median absolute deviation from the median (kernel/mad.h), of int or
 *                       float
 *
 * How: groups are numbered by a hash table, each with a cell of fixed-size states; what distinct
 * and percentiles need, the values with their counts, stands in a second table of (group, value).
 * Both are written out as sorted entries, (group) and (group, argument, value), when the memory is
 * used up: to disk (spill.h), and at the end to whoever computes the results, so results never hold
 * more than one entry at a time. The same entries are the records of a partial state. */
#ifndef GN_OP_AGG_H
#define GN_OP_AGG_H

#include "../base/mem.h"
#include "../base/zone.h"
#include "../stream/reader.h"
#include "../stream/writer.h"

typedef struct gn_agg gn_agg;

typedef struct gn_agg_options {
    const char *keys; /* "user_id, day = date(timestamp)"; NULL: all records are one group */
    const char *aggs; /* "count(), total = sum(duration_ms)" */
    const char *time; /* field for first and last */
    const gn_zone *zone;
    const char *tz;
    bool nearest; /* percentiles */
    bool merge;   /* the input is partial states */
    bool hash;    /* do not use the order of the input */
    gn_budget *budget;
    const char *temp_dir;
    const char *command; /* in the header of partial states; NULL: gn-agg */
    /* Where results go instead of to a writer, record by record; may be NULL. */
    int (*row)(void *ctx, gn_str record, gn_err *e);
    void *ctx;
} gn_agg_options;

/* Parses; nothing is read yet. Errors are GN_USAGE and name the option and the column. */
gn_agg *gn_agg_new(const gn_agg_options *o, gn_err *e);
void gn_agg_free(gn_agg *g); /* NULL allowed */

/* At each segment: find what it needs, check that it fits the segments before, ask for it. */
int gn_agg_segment(gn_agg *g, gn_reader *r, gn_err *e);

/* After the first segment: the header of the results, or of the partial state, into a zeroed *h. */
int gn_agg_header(const gn_agg *g, bool partial, gn_header *h, gn_err *e);

/* Is the field of that name a key as it is, so that a placement by it holds of the groups? */
bool gn_agg_keeps(const gn_agg *g, const char *field);
/* Does the next batch perhaps write? The header must have been written by then. */
bool gn_agg_streams(const gn_agg *g);

/* Add a batch. Where the input comes in order of the keys, groups that are complete are written to
 * `w` from time to time (never with `partial`). */
int gn_agg_batch(gn_agg *g, const gn_batch *b, bool partial, gn_writer *w, gn_err *e);

/* Write what remains, in order of the keys. */
int gn_agg_finish(gn_agg *g, bool partial, gn_writer *w, gn_err *e);

uint64_t gn_agg_groups(const gn_agg *g);                  /* written */
uint64_t gn_agg_spilled(const gn_agg *g, uint64_t *runs); /* bytes on disk */

#endif
