/* twice.h - an input that is read again, from its beginning, as often as need be.
 *
 * The first time somebody else reads, and shows what passes:
 *
 *     gn_twice_segment, gn_twice_batch ..., gn_twice_end       for each segment
 *
 * Regular files are opened again after that; that they have not changed is checked by the count and
 * checksum of each segment. Of anything else the records are copied to a temporary file as they
 * pass. Then
 *
 *     gn_twice_rewind
 *     while ((ev = gn_twice_next(t, &batch, e)) > 0)           as gn_reader_next
 *
 * with the same segments, and the records of each in the same order; batches may be cut elsewhere.
 * Memory: a block of records; what is asked of each segment is held (header, lineage). */
#ifndef GN_OP_TWICE_H
#define GN_OP_TWICE_H

#include "../stream/reader.h"

typedef struct gn_twice gn_twice;

/* `paths` as for gn_reader_open, borrowed; `temp_dir` as for tmp.h. */
gn_twice *gn_twice_new(const char *const *paths, size_t n, size_t max_record, const char *temp_dir,
                       gn_err *e);
void gn_twice_free(gn_twice *t); /* NULL allowed */

int gn_twice_segment(gn_twice *t, const gn_header *h, gn_err *e);
int gn_twice_batch(gn_twice *t, const gn_batch *b, gn_err *e);
int gn_twice_end(gn_twice *t, const gn_trailer *x, gn_err *e);

int gn_twice_rewind(gn_twice *t, gn_err *e);
int gn_twice_next(gn_twice *t, gn_batch **batch, gn_err *e);

/* Of the segment at hand; `want` as gn_reader_want. */
const gn_header *gn_twice_header(const gn_twice *t);
const gn_lineage *gn_twice_lineage(const gn_twice *t); /* at its end */
int gn_twice_want(gn_twice *t, int field, unsigned what, gn_err *e);
const char *gn_twice_name(const gn_twice *t); /* of the input, as far as it is known */
/* Before the batch at hand: records of the segment, and of all. */
uint64_t gn_twice_before(const gn_twice *t, uint64_t *all);

uint64_t gn_twice_spooled(const gn_twice *t); /* bytes copied to the temporary file */

/* Where batches come from: one of the two is set. */
typedef struct gn_feed {
    gn_reader *reader;
    gn_twice *twice;
} gn_feed;

static inline const gn_header *gn_feed_header(gn_feed s)
{
    return s.twice ? gn_twice_header(s.twice) : gn_reader_header(s.reader);
}

static inline const char *gn_feed_name(gn_feed s)
{
    return s.twice ? gn_twice_name(s.twice) : gn_reader_name(s.reader);
}

static inline int gn_feed_want(gn_feed s, int field, unsigned what, gn_err *e)
{
    return s.twice ? gn_twice_want(s.twice, field, what, e)
                   : gn_reader_want(s.reader, field, what, e);
}

#endif
