/* out.h - buffered output, whole or absent.
 *
 * A regular file is written under a temporary name beside it and appears, synced, only with
 * gn_out_commit; whatever was there before stays until then. Targets that are no regular file
 * (/dev/full, a FIFO, a terminal) and standard output are written directly. With compression on,
 * data is cut into independent Zstandard frames at the caller's marks (gn_out_mark) and a seek
 * table follows (the Zstandard seekable format), so `zstd -dc` reads it and ranges can be found.
 *
 * A closed pipe is reported as an error with e->closed set. */
#ifndef GN_IO_OUT_H
#define GN_IO_OUT_H

#include "../base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gn_out gn_out;

/* NULL or "-" is standard output. level 0 = no compression, else the Zstandard level. */
gn_out *gn_out_open(const char *path, int level, gn_err *e);

bool gn_out_is_tty(const gn_out *o);

/* Room for n bytes plus GN_SLACK to over-write; NULL on error. The bytes count once
 * gn_out_advance(o, new end) is called; the pointer dies with the next call on o. */
uint8_t *gn_out_reserve(gn_out *o, size_t n, gn_err *e);
void gn_out_advance(gn_out *o, const uint8_t *end);
int gn_out_write(gn_out *o, const void *p, size_t n, gn_err *e);
/* A place where a compressed frame may end (a record boundary). Cheap. */
int gn_out_mark(gn_out *o, gn_err *e);
/* For the index of a compressed output: the number that belongs to the next marks (records so far);
 * and bytes that are kept in memory and written behind the last frame. Without compression neither
 * does anything. */
void gn_out_tag(gn_out *o, uint64_t tag);
int gn_out_note(gn_out *o, const void *p, size_t n, gn_err *e);
/* Give everything so far to the kernel. */
int gn_out_flush(gn_out *o, gn_err *e);

/* Flush, finish frames, sync and check what can be checked; nothing is visible yet. */
int gn_out_finish(gn_out *o, gn_err *e);
/* Make a finished output visible under its name. Several outputs of one command are finished
 * first and committed one after the other at the very end. */
int gn_out_commit(gn_out *o, gn_err *e);
/* Free; an output that was not committed leaves nothing behind. NULL allowed. */
void gn_out_close(gn_out *o);

uint64_t gn_out_bytes(const gn_out *o); /* bytes given to the kernel */
double gn_out_wait(const gn_out *o);    /* seconds spent in write(2) */

#endif
