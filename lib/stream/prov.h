/* prov.h - where a stream's records come from: sources, coverage, provenance.
 *
 * Source: an input of the whole computation, identified by content (CSV: XXH3-128 and size of the
 * file's uncompressed bytes) or, for generated data, by the generator's provenance node.
 * Cover: which ranges of which sources, and which range of key hashes, the records account for.
 * Provenance: a graph of commands; a node's id is the XXH3-128 of (command, version, options that
 * affect the result, sorted parents' ids), so that equal work has equal ids whatever the machine,
 * the number of jobs or the file names.
 *
 * A gn_lineage holds the three; it owns its memory; zero-initialise, gn_lineage_release. Lists are
 * kept sorted and without doubles, so that equal lineages have equal bytes. */
#ifndef GN_STREAM_PROV_H
#define GN_STREAM_PROV_H

#include "../base/err.h"
#include "../base/hash.h"
#include "../base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GN_SOURCES_MAX 64 /* more of them fold into one */

typedef struct gn_source {
    gn_id id;
    uint64_t size; /* in `unit`s */
    bool records;  /* unit: false bytes, true records */
} gn_source;

typedef struct gn_cover {
    gn_id source;
    uint64_t lo, hi;   /* [lo, hi) of the source, in its units */
    uint64_t hlo, hhi; /* inclusive range of key hashes; 0..2^64-1 when not partitioned */
} gn_cover;

typedef struct gn_node {
    gn_id id;
    char *command;
    char *version;
    char *options; /* "k=v k=v" in the option table's order; "" when none */
    size_t nparents;
    gn_id *parent;
} gn_node;

typedef struct gn_lineage {
    size_t nsources, ncover, nnodes;
    gn_source *source;
    gn_cover *cover;
    gn_node *node; /* sorted by id */
    bool has_root;
    gn_id root; /* the node that made these records */
    bool covered; /* `cover` is known: an empty list then means "no source records at all" */
} gn_lineage;

void gn_lineage_release(gn_lineage *l);
int gn_lineage_copy(gn_lineage *to, const gn_lineage *from, gn_err *e);
/* Union of sources, covers and nodes. The root is not touched. An overlap of covers is not an
 * error here: see gn_lineage_overlaps. `to` stays covered only if both are. */
int gn_lineage_merge(gn_lineage *to, const gn_lineage *from, gn_err *e);
/* Would a union count some source records twice? */
bool gn_lineage_overlaps(const gn_lineage *a, const gn_lineage *b);

/* Do the covers account for every source completely? False when nothing is known. */
bool gn_lineage_whole(const gn_lineage *l);

int gn_lineage_add_source(gn_lineage *l, gn_source s, gn_err *e);
int gn_lineage_add_cover(gn_lineage *l, gn_cover c, gn_err *e);
void gn_lineage_drop_cover(gn_lineage *l);
/* Of the cover, keep what lies in the inclusive range [lo, hi] of key hashes. */
int gn_lineage_narrow(gn_lineage *l, uint64_t lo, uint64_t hi, gn_err *e);
/* Put a node on top: its parents are `parents` (roots of the inputs); it becomes the root. */
int gn_lineage_add_node(gn_lineage *l, const char *command, const char *version,
                        const char *options, const gn_id *parents, size_t nparents, gn_err *e);
const gn_node *gn_lineage_find(const gn_lineage *l, gn_id id);

void gn_id_hex(gn_id id, char out[33]);
int gn_id_cmp(gn_id a, gn_id b);

/* The trailer's keys cover, sources, prov as key/value pairs appended to `out`; *pairs counts. */
int gn_lineage_encode(const gn_lineage *l, gn_buf *out, size_t *pairs, gn_err *e);
/* One of those values; `key` says which. NULL when malformed (no message set). */
const uint8_t *gn_lineage_decode(gn_lineage *l, const char *key, size_t nkey, const uint8_t *p,
                                 const uint8_t *end, gn_err *e);

#endif
