/* csvranges.h - an index of CSV files: ranges that begin and end with rows, so that several
 * processes can read one file.
 *
 *     gn_csv_cut(c, &size, &x, e); gn_csvranges_write(&x, w, e)             the index is made
 *     gn_csvranges_read(&x, "index.gn", e); gn_csvranges_share(&x, 0, 4, &first, &n)
 *     c = gn_csv_open_ranges(&x, first, n, ...)                             a part is read
 *
 * The ranges of a file follow each other and make it up; the first one has the header. The index
 * holds what a reader of a later range cannot see (columns and types, numbers of lines), and what
 * ties it to the files: the content hash of each and of each range, by which a reader knows at the
 * end of a range that it was the one indexed.
 *
 * A gn_csvranges owns its memory; zero-initialise, release with gn_csvranges_release. */
#ifndef GN_STREAM_CSVRANGES_H
#define GN_STREAM_CSVRANGES_H

#include "prov.h"
#include "schema.h"
#include "writer.h"

#define GN_CSVRANGES_MAX ((size_t)1 << 20) /* ranges of an index */

typedef struct gn_csvrange {
    size_t file;        /* index into gn_csvranges.file */
    uint64_t from, to;  /* bytes [from, to) */
    uint64_t line, row; /* numbers of its first line and row in the file, from 1; a row that is
                           empty, or the header, counts */
    uint64_t rows;
    gn_id hash; /* XXH3-128 of its bytes */
} gn_csvrange;

typedef struct gn_csvranged {
    char *path;
    size_t keys; /* where in it key=value directories begin; (size_t)-1: it has no such columns */
    gn_source source;
} gn_csvranged;

typedef struct gn_csvranges {
    size_t nfiles, n;
    gn_csvranged *file;
    gn_csvrange *range; /* in the order of the files and of their bytes */
    size_t width;       /* of the columns, how many are in the files; the rest is in paths */
    gn_schema columns;
    bool inferred; /* their types */
    char *options; /* of the reader, that must be the same when a range is read */
} gn_csvranges;

void gn_csvranges_release(gn_csvranges *x); /* idempotent */

/* Append a copy of a file, or a range of the last one. */
int gn_csvranges_add_file(gn_csvranges *x, const gn_csvranged *f, gn_err *e);
int gn_csvranges_add(gn_csvranges *x, const gn_csvrange *r, gn_err *e);

/* Fields: range int, input str, source bin, size int, from int, to int, row int, line int, rows
 * int, hash bin, keys int, columns str (JSON), inferred bool, options str. */
int gn_csvranges_schema(gn_schema *s, gn_err *e);
int gn_csvranges_write(const gn_csvranges *x, gn_writer *w, gn_err *e);
/* Read a stream of those. Records that make no whole index are GN_INPUT. */
int gn_csvranges_read(gn_csvranges *x, const char *path, gn_err *e);

/* Share `i` of `n` (from 0; i < n <= 2^31): ranges [first, first + count). Shares are in order,
 * make up the index, and are about equal in bytes; where there are n ranges each has one. */
void gn_csvranges_share(const gn_csvranges *x, uint64_t i, uint64_t n, size_t *first,
                        size_t *count);

#endif
