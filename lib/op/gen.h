/* gen.h - made-up data, the same bytes on every machine.
 *
 * The uniform model: every field of every row is drawn on its own from a flat distribution.
 *   interactions  user_id u000001..uN, timestamp 2023-01-01 00:00:00 .. 2023-12-31 00:00:00 by
 *                 seconds, action_type (5), page_id p000001..p1000000, duration_ms 100..300000,
 *                 app_version 5.0.0 .. 7.9.9
 *   metadata      user_id as above, drawn with replacement, join_date 2020-01-01..2023-12-31,
 *                 country (10), device_type (6), subscription_type (4)
 * A value is a function of (seed, table, row, field) alone, so any range of rows can be made by
 * itself. */
#ifndef GN_OP_GEN_H
#define GN_OP_GEN_H

#include "../stream/schema.h"

#include <stddef.h>
#include <stdint.h>

enum gn_gen_table { GN_GEN_INTERACTIONS, GN_GEN_METADATA };

#define GN_GEN_USERS 1000000 /* the default */
#define GN_GEN_USERS_MAX INT64_C(1000000000)
#define GN_GEN_ROW 64 /* bytes that one record takes at most, over-writing included */

typedef struct gn_gen {
    enum gn_gen_table table;
    uint64_t base; /* of seed and table */
    uint64_t users;
    char digits[1000][4]; /* "000".."999" */
} gn_gen;

void gn_gen_init(gn_gen *g, enum gn_gen_table table, uint64_t seed, uint64_t users);
const gn_schema *gn_gen_schema(enum gn_gen_table table);

/* Records of rows [lo, lo + n) as canonical msgpack, at p, which has room for n * GN_GEN_ROW
 * bytes; returns the end. */
uint8_t *gn_gen_rows(const gn_gen *g, uint64_t lo, size_t n, uint8_t *p);

#endif
