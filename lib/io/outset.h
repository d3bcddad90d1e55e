/* outset.h - many files of one directory, written side by side, which appear together.
 *
 * The files are written in a hidden directory of the target (GN_OUTSET_STAGE) and moved to their
 * names by gn_outset_commit. The set's last file is its list: while there is one, everything in it
 * is whole and of one run. A run that is killed leaves the hidden directory, which the next run
 * clears, and, if it was killed among the moves, no list.
 *
 * Files are kept open as far as half the limit of descriptors allows and 256 at most; beyond that
 * they are opened for each append. Nothing is buffered here: callers append large pieces. With
 * compression every piece becomes one Zstandard frame (one context for all files), and each file
 * ends with a seek table. Errors are GN_IO and name the file. */
#ifndef GN_IO_OUTSET_H
#define GN_IO_OUTSET_H

#include "../base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GN_OUTSET_STAGE ".gn-partition"

typedef struct gn_outset gn_outset;

/* `dir` is made if it is missing, with the directories above it; not copied. One set at a time can
 * be written in a directory. `list` is the name of the last file; not copied. level 0 = raw. */
gn_outset *gn_outset_open(const char *dir, const char *list, int level, gn_err *e);
/* Free; a set that was not committed leaves the directory as it was. NULL allowed. */
void gn_outset_close(gn_outset *s);

/* Where lists of earlier runs are, which may name files still there: below `dir`, n of them;
 * owned by the set. Some may be incomplete: of runs that were killed. */
const char *const *gn_outset_lists(const gn_outset *s, size_t *n);
/* A file of an earlier run (relative to dir), to be removed at commit unless it is replaced.
 * Names that lead out of the directory or do not end in .gn or .gn.zst are passed over. */
int gn_outset_old(gn_outset *s, const char *path, size_t n, gn_err *e);
/* GN_IO when the directory holds .gn or .gn.zst files that none of the calls above named: they
 * would stand among the set's as if they belonged to it. */
int gn_outset_check(gn_outset *s, gn_err *e);

/* A further file: its number is the count of those before it. `path` is relative to dir, copied;
 * directories in it are made at commit. */
int gn_outset_add(gn_outset *s, const char *path, gn_err *e);
int gn_outset_append(gn_outset *s, size_t file, const void *p, size_t n, gn_err *e);
/* Nothing more is appended. */
int gn_outset_end(gn_outset *s, size_t file, gn_err *e);
size_t gn_outset_count(const gn_outset *s);
const char *gn_outset_path(const gn_outset *s, size_t file);
uint64_t gn_outset_bytes(const gn_outset *s, size_t file); /* as in the file, compressed if it is */
double gn_outset_wait(const gn_outset *s);                 /* seconds spent in write(2) */

/* The file added last is the list and all are ended: give everything to the disk. */
int gn_outset_sync(gn_outset *s, gn_err *e);
/* Move all files to their names, the list last, and remove those of earlier runs. */
int gn_outset_commit(gn_outset *s, gn_err *e);

#endif
