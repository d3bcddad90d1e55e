/* tmp.h - a temporary file: bytes appended, read back anywhere, gone with the process.
 *
 * The file never has a name (O_TMPFILE; where the file system has none, it is unlinked at once), so
 * nothing is left behind however the process ends. Errors are GN_IO and name the directory and -T.
 */
#ifndef GN_IO_TMP_H
#define GN_IO_TMP_H

#include "../base/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gn_tmp gn_tmp;

/* `dir` NULL: $GN_TMPDIR, $TMPDIR or /tmp, the first that is set. Not opened before the first
 * write. `dir` is not copied. */
gn_tmp *gn_tmp_new(const char *dir, gn_err *e);
void gn_tmp_free(gn_tmp *t); /* NULL allowed */

/* Append; buffered. */
int gn_tmp_write(gn_tmp *t, const void *p, size_t n, gn_err *e);
/* Bytes written so far: the offset of the next one. */
uint64_t gn_tmp_size(const gn_tmp *t);
/* Read exactly n bytes at `at`, which must have been written. */
int gn_tmp_read(gn_tmp *t, uint64_t at, void *p, size_t n, gn_err *e);
/* The bytes [from, to) are needed no more: their space is given back where that is possible. */
void gn_tmp_drop(gn_tmp *t, uint64_t from, uint64_t to);

#endif
