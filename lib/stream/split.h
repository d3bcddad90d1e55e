/* split.h - a reader of one of several parts of the records of some files.
 *
 * All parts together hold every record once; one after the other they hold them in the files'
 * order. Where a file has an index (stream/index.h) only the part's frames are read, and those with
 * the header and the trailer of a segment that is cut. Any other file is read to its end first, to
 * find out where it can be cut, and verified with it.
 *
 * What a part verifies: the checksums of the frames that it reads; every value between the places
 * where it begins and ends; that the number of its records is what the index says, and that the
 * trailer's count is too; whole segments as ever. Each part ends exactly where the next begins, so
 * when all parts succeed all bytes of all segments were read, each in its place; only the XXH3 of a
 * segment that is cut in a file with an index is verified by nobody.
 *
 * The cover of a part of a segment: see gn-stream(5). */
#ifndef GN_STREAM_SPLIT_H
#define GN_STREAM_SPLIT_H

#include "reader.h"

/* `part` of `parts`, 1 <= part <= parts. The paths must stay. GN_USAGE where one is no regular
 * file; otherwise errors as of gn_reader_next. */
gn_reader *gn_split_open(const char *const *paths, size_t n, uint64_t part, uint64_t parts,
                         size_t max_record, gn_err *e);

#endif
