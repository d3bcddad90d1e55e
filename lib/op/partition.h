/* partition.h - a stream into many files: by hash ranges of a key or by ranges of a field's values,
 * by values, or by values and in each by ranges.
 *
 *     gn_partition_open
 *     per input segment: if (gn_partition_begun && !gn_partition_joins) gn_partition_end
 *                        gn_partition_segment; gn_partition_batch ...
 *     gn_partition_end; gn_partition_manifest; gn_partition_commit
 *
 * Input segments without order whose headers are the same make one output segment; any other
 * begins a new one, so that what a header claims stays true of its records. With ranges alone
 * every file gets every segment; with values a file gets those that have records for it. */
#ifndef GN_OP_PARTITION_H
#define GN_OP_PARTITION_H

#include "../base/zone.h"
#include "../stream/reader.h"
#include "../stream/writer.h"
#include "ranges.h"

typedef struct gn_partition gn_partition;

#define GN_PARTITION_MAX 65536    /* ranges */
#define GN_PARTITION_PIECES 10000 /* files of a value, with a target size */

typedef struct gn_partition_options {
    const char *dir;
    const char *name;      /* of files, without number and ending */
    const char *key;       /* fields to hash, comma-separated; NULL: none */
    size_t n;              /* hash ranges; 0 without key */
    const char *salt;      /* with key: an int field; salt s goes s ranges further; NULL: none */
    gn_ranges *range;      /* without key: the ranges of a field; borrowed; NULL: none */
    bool whole;            /* split the whole hash space, whatever part of it the input holds */
    const char *const *by; /* nby texts of value keys, as gn_pathkeys_new takes them */
    size_t nby;
    uint64_t target;      /* with values alone: begin a further file rather than put more bytes of
                           * records into one; 0: no limit */
    const char *time;     /* the field of date, week, month, hour among them */
    const gn_zone *zone;  /* NULL: UTC */
    bool pack;            /* one file for all ranges; without values */
    const char *temp_dir; /* with `pack`: as of gn_tmp_new */
    bool hot;             /* find the hottest keys of each file; with a key */
    int level;            /* of Zstandard; 0: none */
    size_t memory;        /* half of it for buffers */
    gn_budget *budget;
} gn_partition_options;

/* The options' texts must outlive it. */
gn_partition *gn_partition_open(const gn_partition_options *o, gn_err *e);
void gn_partition_free(gn_partition *p); /* NULL allowed; nothing stays unless it was committed */

bool gn_partition_begun(const gn_partition *p); /* an output segment is open */
/* Can the reader's new segment go into the open output segment? */
int gn_partition_joins(gn_partition *p, const gn_header *h, bool *joins, gn_err *e);
/* Must the open output segment end with the input's? */
bool gn_partition_alone(const gn_partition *p);

int gn_partition_segment(gn_partition *p, gn_reader *r, gn_err *e);
int gn_partition_batch(gn_partition *p, gn_reader *r, const gn_batch *b, gn_err *e);
/* An input segment has ended: can its cover be told by hash ranges of our key? */
void gn_partition_note(gn_partition *p, const gn_header *h, const gn_lineage *l);
/* End the output segment in every file; `l` is the lineage of all records in it, which each file's
 * is made from. */
int gn_partition_end(gn_partition *p, const gn_lineage *l, gn_err *e);

typedef struct gn_partition_stats {
    uint64_t files, empty;     /* ranges without a record count as files */
    uint64_t min, median, max; /* rows; of the files that have any */
    uint64_t skewed;           /* files above 3 x the median */
    uint64_t rows, bytes;
    uint64_t spooled; /* bytes in a temporary file */
    double wait;
} gn_partition_stats;

/* Everything is in: complete the files, write the manifest (to `also` too unless it is NULL: it has
 * no open segment), give all to the disk. */
int gn_partition_manifest(gn_partition *p, const gn_lineage *l, gn_writer *also,
                          gn_partition_stats *s, gn_err *e);
#define GN_PARTITION_HOT 10
/* With `hot`, after the manifest: the hottest keys of each file, GN_PARTITION_HOT at most, as a
 * stream: path, rank, the key's fields, rows (at least), error (rows that may be missing). */
int gn_partition_hot(gn_partition *p, const gn_lineage *l, gn_writer *w, gn_err *e);

int gn_partition_commit(gn_partition *p, gn_err *e);

#endif
