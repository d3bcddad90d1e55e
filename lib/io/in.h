/* in.h - buffered input from a file or standard input; Zstandard is undone by content.
 *
 * The caller sees one contiguous window of unread bytes, [p, end). At least GN_SLACK readable (but
 * meaningless) bytes follow `end`, so that vector code may over-read. gn_in_more moves unread
 * bytes to the front if it must and reads further, so pointers into the window die with it.
 * A short read, an interrupted read and a `.zst` made by any tool are handled here. A compressed
 * input that ends early or is damaged is GN_CORRUPT; a missing or unreadable file is GN_IO. */
#ifndef GN_IO_IN_H
#define GN_IO_IN_H

#include "../base/err.h"
#include "seek.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GN_SLACK 64
#define GN_IO_BLOCK ((size_t)256 * 1024)

typedef struct gn_in gn_in;

/* Open `path`; NULL or "-" is standard input. A terminal as standard input is refused (GN_USAGE)
 * when `refuse_tty`. Pipes are widened to 256 KiB. */
gn_in *gn_in_open(const char *path, bool refuse_tty, gn_err *e);
/* Open the uncompressed bytes [lo, hi) of a regular file, which is read from lo on where it is not
 * compressed, from the frame that holds lo where `f` is its tables (gn_frames_read; must outlive
 * the input), and otherwise from its beginning. hi is not beyond the end: a file that ends before
 * is GN_CORRUPT. With `f` the last frame is decompressed to its end, so that its checksum is
 * verified, when gn_in_more says that the range has ended. */
gn_in *gn_in_open_range(const char *path, const gn_frames *f, uint64_t lo, uint64_t hi, gn_err *e);
/* Open bytes [from, to) of a regular file that is not compressed; GN_INPUT for any other. Offsets
 * stay those of the file. It ends at the file's end when that comes before `to`. */
gn_in *gn_in_open_part(const char *path, uint64_t from, uint64_t to, gn_err *e);
uint64_t gn_in_size(const gn_in *in); /* of that file when it was opened */
/* Open bytes [at, at + n) of a regular file as if they were a file: compressed or not. Offsets
 * begin at 0. What the file lacks of them is missing at the end. */
gn_in *gn_in_open_slice(const char *path, uint64_t at, uint64_t n, gn_err *e);
/* Wrap a block of memory (for tests and fuzzing); the block is copied. `name` is for messages. */
gn_in *gn_in_memory(const void *p, size_t n, const char *name, gn_err *e);
void gn_in_close(gn_in *in); /* NULL allowed */

const char *gn_in_name(const gn_in *in); /* the path, or "standard input" */

/* The window. gn_in_more returns 1 when bytes were added, 0 at the end of the input, -1 on error.
 * It grows the buffer up to `max` bytes of unread data; a full window at `max` is GN_CORRUPT with
 * "record longer than". */
const uint8_t *gn_in_begin(const gn_in *in);
const uint8_t *gn_in_end(const gn_in *in);
int gn_in_more(gn_in *in, size_t max, gn_err *e);
/* Would gn_in_more return at once, or within so many milliseconds? What cannot be told (a
 * compressed input, a range) counts as ready. */
bool gn_in_ready(gn_in *in, int ms);
void gn_in_consume(gn_in *in, const uint8_t *upto); /* upto within [begin, end] */
uint64_t gn_in_offset(const gn_in *in);             /* absolute (uncompressed) offset of begin */
uint64_t gn_in_start(const gn_in *in);              /* what that was at first: lo of a range */

uint64_t gn_in_bytes(const gn_in *in); /* bytes read from the file, compressed if it is */
double gn_in_wait(const gn_in *in);    /* seconds spent in read(2) */

size_t gn_in_buffers(const gn_in *in); /* bytes of memory its buffers take now */
/* How many inputs a process may have open at once, leaving some descriptors for other things. */
size_t gn_in_limit(void);

#endif
