/* genreal.h - the realistic model of the generator: made-up data with known truth in them.
 *
 * Interactions are laid out in blocks: whole days that end at 04:00 (several together while they
 * are small; parts of a day, from 6 hours down to one, once a day has over a million rows). How
 * many rows a block has follows from the calendar's weights alone, so that block and place of a row
 * are found without making the rows before it. A block is made as a whole, in memory: sessions in
 * the order of their begin, for each a person who is there at that time, its events; then copies of
 * some events; then all of it ordered by arrival, which is the event's time but for late ones.
 * Sessions and late arrivals stay within their block.
 *
 * Metadata rows are functions of their number. Effects: what was planted, as JSON. */
#ifndef GN_OP_GENREAL_H
#define GN_OP_GENREAL_H

#include "gen.h"

#include "../base/mem.h"

#define GN_GENREAL_DAYS 36600 /* the longest period */

typedef struct gn_genreal_options {
    enum gn_gen_table table;
    uint64_t rows, seed, users;
    int64_t from, to;      /* days since 1970-01-01, both included */
    double top_share;      /* of the rows, by the top 1 % of users */
    double null_rate;      /* of the durations of events */
    double negative_rate;  /* the same */
    double long_rate;      /* the same, above 8 h */
    double duplicate_rate; /* of the rows: copies; of metadata: further rows of a user */
    double late_rate;      /* of the events */
} gn_genreal_options;

typedef struct gn_genreal gn_genreal;

/* Options out of bounds are GN_USAGE, named as the command's. NULL on error. */
gn_genreal *gn_genreal_new(const gn_genreal_options *o, gn_err *e);
void gn_genreal_free(gn_genreal *g); /* NULL allowed */

/* As gn_gen_rows: room for n * GN_GEN_ROW bytes at p. Keeps the block it was in, so that ranges are
 * best asked for in order. Cannot fail. */
uint8_t *gn_genreal_rows(gn_genreal *g, uint64_t lo, size_t n, uint8_t *p);

/* Append what the data are a function of: "model=realistic table=... ", for the provenance. */
int gn_genreal_describe(const gn_genreal *g, gn_buf *out, gn_err *e);

/* Write the planted effects to a file ("-": standard output), as one JSON object. */
int gn_genreal_effects(const gn_genreal *g, const char *path, gn_err *e);

#endif
