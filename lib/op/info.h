/* info.h - what a stream says of itself, gathered and put into words.
 *
 * Segments with equal headers are described once; at most GN_INFO_HEADERS different ones are
 * kept, so memory is bounded by the headers and the lineage, not by the records. */
#ifndef GN_OP_INFO_H
#define GN_OP_INFO_H

#include "claims.h"

#include "../base/json.h"

#define GN_INFO_HEADERS 16
#define GN_INFO_ROOTS 1000

typedef struct gn_info_header {
    gn_header header;
    gn_buf bytes;      /* its encoding */
    uint64_t first;    /* segment, counted from 1 */
    uint64_t segments; /* that have it */
} gn_info_header;

typedef struct gn_info {
    const char *name; /* set by the caller, who owns it */
    uint64_t bytes;   /* of the file */
    uint64_t raw;     /* of the stream, uncompressed */
    uint64_t frames;  /* that a seek table lists; 0: it has none */
    bool indexed;     /* they can be read in parts: stream/index.h */
    uint64_t segments, records;
    gn_record_sum sum;
    gn_info_header header[GN_INFO_HEADERS];
    size_t nheaders;
    uint64_t others;    /* segments with further headers */
    gn_lineage lineage; /* of all segments */
    bool overlaps;      /* segments account for the same source records */
    gn_id *root;        /* of the segments, without doubles */
    size_t nroots;
    bool verified;                /* the claims were recomputed */
    uint64_t order_at, part_at;   /* the first record that breaks one, from 1; 0: none */
    uint64_t order_seg, part_seg; /* and its segment, from 1 */
} gn_info;

/* How the file at `path` is compressed; of what is no regular file nothing is said. */
void gn_info_frames(gn_info *f, const char *path);
/* Read the open stream to its end. */
int gn_info_read(gn_info *f, gn_reader *r, bool verify, gn_err *e);
void gn_info_release(gn_info *f); /* idempotent */

/* Does every claim that was recomputed hold? */
bool gn_info_holds(const gn_info *f);

/* Lines for people, safe for terminals; or one JSON object. */
int gn_info_text(const gn_info *f, gn_buf *out, gn_err *e);
int gn_info_json(const gn_info *f, gn_json *j, gn_err *e);

#endif
