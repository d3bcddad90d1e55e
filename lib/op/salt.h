/* salt.h - spread the records of hot keys: the salt of a record, a record for each salt, and the
 * way back.
 *
 * A key with factor f has the salts 0 to f - 1, any other key has 0. gn_salt_add gives each record
 * one of them: the XXH3-64 of the record's bytes modulo f, so that a retry gives the same.
 * gn_salt_explode gives each record of a hot key once for every salt. So a record of the one stream
 * meets each record of its key in the other exactly once, by (key, salt).
 *
 * In a right or full join a record of the exploded side that meets nobody with its salt is there as
 * unmatched, although another of its copies may have been matched. All records of a key and salt
 * share their fate, so gn_collapse lets through the one with salt 0, and only where no copy with
 * another salt was matched either: that is known at the end, until then it waits in a temporary
 * file. */
#ifndef GN_OP_SALT_H
#define GN_OP_SALT_H

#include "../stream/writer.h"
#include "hotlist.h"

/* The header of a stream with a further field for salts. It is no more placed by its key. */
int gn_salt_header(gn_header *h, const char *field, bool explode, gn_err *e);

typedef struct gn_salt_stats {
    uint64_t hot, cold; /* records read */
} gn_salt_stats;

/* Of `nfields` fields. hot[i] as gn_hotlist_find gives it. */
int gn_salt_add(const gn_hotlist *l, const gn_batch *b, size_t nfields, const uint32_t *hot,
                gn_writer *w, gn_salt_stats *s, gn_err *e);
int gn_salt_explode(const gn_hotlist *l, const gn_batch *b, size_t nfields, const uint32_t *hot,
                    gn_writer *w, gn_salt_stats *s, gn_err *e);

typedef struct gn_collapse gn_collapse;

/* `l`, `salt` and `mark`, the names of fields, must outlive it. */
gn_collapse *gn_collapse_new(const gn_hotlist *l, const char *salt, const char *mark,
                             const char *temp_dir, gn_budget *b, gn_err *e);
void gn_collapse_free(gn_collapse *c); /* NULL allowed */

/* At each segment: find the two fields; all segments must have the same fields. The header is that
 * of the first segment without the salt and without claims; to a zeroed *h, with the first segment
 * alone. */
int gn_collapse_segment(gn_collapse *c, gn_reader *r, gn_header *h, gn_err *e);
int gn_collapse_batch(gn_collapse *c, const gn_batch *b, const uint32_t *hot, gn_writer *w,
                      gn_err *e);
/* What had to wait. */
int gn_collapse_end(gn_collapse *c, gn_writer *w, gn_err *e);

typedef struct gn_collapse_stats {
    uint64_t copies;  /* unmatched copies with a salt above 0, left out */
    uint64_t matched; /* ... of salt 0 that were left out as another copy was matched */
    uint64_t kept;    /* ... that were not */
} gn_collapse_stats;

const gn_collapse_stats *gn_collapse_counts(const gn_collapse *c);

#endif
