/* csv.h - reads CSV files (RFC 4180 and what is found in the wild) and writes them as records.
 *
 *     c = gn_csv_open(paths, n, &options, e)          the header of the first file is read
 *     t = gn_csv_text(c); gn_textin_select(t, ...); gn_textin_filter(t, ...)
 *     gn_writer_begin(w, ...); gn_csv_run(c, w, rejects, e); gn_textin_lineage(t)
 *
 * Rules. A row ends at LF or CRLF, or with the file; a CR elsewhere is data. An empty unquoted
 * field is null, "" is the empty string. A quote is special only as the first byte of a field; one
 * elsewhere in an unquoted field, or text after a closing quote, makes the row bad, and it ends at
 * the next LF. Inside quotes, "" is a quote and LF, CRLF and separators are data. A row with
 * nothing in it is passed over, but is a null where there is one column only. A byte order mark at
 * the beginning is passed over.
 *
 * Rows without a quote, a CR inside, or (with `trim`) a blank beside a separator go through the
 * vector code (csvsplit.h, csvrows.h), all others one by one through libcsv. */
#ifndef GN_STREAM_CSV_H
#define GN_STREAM_CSV_H

#include "../base/zone.h"
#include "csvranges.h"
#include "textin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gn_csv gn_csv;

typedef struct gn_csv_options {
    char delimiter;      /* ASCII; not a quote, CR, LF or NUL */
    bool no_header;      /* the first row is data: a schema is needed */
    bool trim;           /* cut blanks around fields and outside quotes */
    bool replace_text;   /* invalid UTF-8 and NUL in str become U+FFFD, not errors */
    bool libcsv;         /* all rows go to libcsv */
    bool ranges;         /* only files of which ranges can be read; others are GN_INPUT */
    const char *schema;  /* as gn_schema_parse takes it; NULL: by the header, or inferred */
    const gn_zone *zone; /* of times without one; NULL: UTC */
    size_t max_record;   /* bytes of a row; 0: GN_MAX_RECORD */
    enum gn_textin_on_error on_error;
    const char *simd; /* see gn_csvsplit_choose */
} gn_csv_options;

typedef struct gn_csv_counts {
    uint64_t vector, libcsv; /* of the rows read: which way they went */
} gn_csv_counts;

/* Open `n` operands (0: standard input; a directory stands for all .csv, .tsv, .csv.zst and
 * .tsv.zst files in its tree, in path order, with the columns that its key=value directories
 * give). Strings in *o must live as long as the reader. A file that is empty, or whose header is
 * not as `schema` or the first file says, is GN_INPUT. */
gn_csv *gn_csv_open(const char *const *paths, size_t n, const gn_csv_options *o, gn_err *e);
void gn_csv_close(gn_csv *c); /* NULL allowed */

/* The schema has the columns of the files in their order, then those from directory names. */
gn_textin *gn_csv_text(gn_csv *c);

/* Read everything. Both writers have an open segment; `rejects` is used with GN_TEXTIN_REJECT. */
int gn_csv_run(gn_csv *c, gn_writer *w, gn_writer *rejects, gn_err *e);

const gn_csv_counts *gn_csv_count(const gn_csv *c);

/* ---- in ranges: see csvranges.h ---- */

/* How long a range is: it ends with the first row that reaches such a length. */
typedef struct gn_csvranges_size {
    uint64_t count; /* at most so many of about equal size, over all files */
    uint64_t bytes; /* where count is 0: so many bytes each, from 1 */
} gn_csvranges_size;

/* Make an index of all files of a reader, just opened with the option `ranges`, and use it up. */
int gn_csv_cut(gn_csv *c, const gn_csvranges_size *size, gn_csvranges *x, gn_err *e);

/* A reader of these ranges, from here on as any other: columns and types are those of the index.
 * `x` must outlive it. `paths`: where the files are now, as gn_csv_open takes them (npaths 0: where
 * they were). Its lineage has all files as sources, as if it had read them, and covers the ranges
 * alone. Other options than the index was made with, or a file that has changed, are GN_INPUT; the
 * latter may be found at the end of the range only. */
gn_csv *gn_csv_open_ranges(const gn_csvranges *x, size_t first, size_t n, const char *const *paths,
                           size_t npaths, const gn_csv_options *o, gn_err *e);

#endif
