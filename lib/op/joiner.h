/* joiner.h - two streams joined by equal keys.
 *
 *     gn_joiner_new      the options' texts
 *     gn_joiner_run      both inputs are read, everything is written
 *
 * Keys are equal when their canonical encodings are; a key with a null in it equals none. Three
 * strategies give the same records:
 *
 *     broadcast   the right side in a hash table (jointab.h), the left side streams by
 *     merge       both sides are in order of the key: they are read in step
 *     grace       both sides are split by hash onto disk, until what is right in a part fits in
 *                 memory (Kitsuregawa, Tanaka, Moto-oka: Application of hash to data base machine
 *                 and its architecture, 1983; Shapiro: Join processing in database systems with
 *                 large main memories, 1986)
 */
#ifndef GN_OP_JOINER_H
#define GN_OP_JOINER_H

#include "../stream/reader.h"
#include "../stream/writer.h"

enum gn_join_type {
    GN_JOIN_LEFT,
    GN_JOIN_INNER,
    GN_JOIN_RIGHT,
    GN_JOIN_FULL,
    GN_JOIN_SEMI,
    GN_JOIN_ANTI
};

enum gn_join_dup { GN_JOIN_DUP_ERROR, GN_JOIN_DUP_FIRST, GN_JOIN_DUP_LAST, GN_JOIN_DUP_ALL };

enum gn_join_strategy { GN_JOIN_AUTO, GN_JOIN_BROADCAST, GN_JOIN_GRACE, GN_JOIN_MERGE };

typedef struct gn_joiner_options {
    const char *const *key; /* nkeys texts: FIELD[=RIGHT],... */
    size_t nkeys;
    enum gn_join_type type;
    enum gn_join_dup dup;           /* of right records of one key; no matter for semi and anti */
    const char *const *right_order; /* nright_order texts: FIELD[:desc],...; for first and last */
    size_t nright_order;
    const char *right_fields; /* NULL: all */
    const char *fields;       /* of the output; NULL: all */
    const char *suffix;       /* of right fields whose names the left has; NULL: that is an error */
    const char *mark;         /* NULL: none */
    enum gn_join_strategy strategy;
    const char *left, *right; /* inputs; "-" is standard input */
    size_t max_record;
    const char *dir; /* for temporary files */
    size_t memory;
    gn_budget *budget;
    /* An output segment begins; it ends, made from these inputs: `roots` are their nodes. */
    int (*begin)(void *ctx, const gn_header *h, gn_err *e);
    int (*end)(void *ctx, gn_lineage *l, const gn_id *roots, size_t nroots, gn_err *e);
    void *ctx;
} gn_joiner_options;

typedef struct gn_joiner_stats {
    const char *strategy;
    char reason[160];
    /* of those read: matched + unmatched + null, and on the right dropped, add up to all */
    uint64_t left_matched, left_unmatched, left_null;
    uint64_t right_matched, right_unmatched, right_null;
    uint64_t right_dropped;  /* for another record of their key */
    uint64_t records, bytes; /* read, both sides */
    uint64_t spilled;        /* bytes */
    uint64_t partitions, levels;
} gn_joiner_stats;

typedef struct gn_joiner gn_joiner;

/* All texts are borrowed. GN_USAGE for what they say wrong. */
gn_joiner *gn_joiner_new(const gn_joiner_options *o, gn_err *e);
void gn_joiner_free(gn_joiner *j); /* NULL allowed */

int gn_joiner_run(gn_joiner *j, gn_writer *w, gn_err *e);
void gn_joiner_statistics(const gn_joiner *j, gn_joiner_stats *s);

#endif
