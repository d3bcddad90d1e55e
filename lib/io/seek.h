/* seek.h - where the frames of a compressed file are: the seek table, and our index before it.
 *
 * The table is that of the Zstandard seekable format
 * (https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md):
 * a skippable frame at the end of the file with the two sizes of every frame. Files joined by cat
 * have several, each behind its own frames (a "piece"); they are found from the back. The tables
 * count only if they are well-formed and account for every byte of the file; otherwise there is
 * none, and the file is read from its beginning like any other.
 *
 * The last frame of a piece may be an index, a skippable frame without content for others:
 *     u32 GN_INDEX_MAGIC, u32 size of what follows
 *     8 bytes GN_INDEX_NAME, u32 frames, u32 bytes of notes
 *     frames * u64 tag: the writer's tag (gn_out_tag) where each frame begins
 *     notes: the writer's (gn_out_note)
 *     u64 XXH3-64 of the size bytes before it
 * All numbers are little-endian. An index that does not fit is as good as none. */
#ifndef GN_IO_SEEK_H
#define GN_IO_SEEK_H

#include "../base/err.h"
#include "../base/mem.h"

#include <stddef.h>
#include <stdint.h>

#define GN_SEEK_MAGIC 0x184D2A5Eu
#define GN_SEEK_FOOT 0x8F92EAB1u
#define GN_INDEX_MAGIC 0x184D2A5Du
#define GN_INDEX_NAME "gnindex1"
#define GN_INDEX_HEAD 16
#define GN_INDEX_MAX ((size_t)64 << 20) /* bytes; a larger one is not written, nor read */
#define GN_FRAMES_MAX ((size_t)1 << 20) /* of a file; with more the tables do not count */

typedef struct gn_piece {
    size_t frame, frames; /* its first, and how many: its table's, the index included */
    size_t tagged;        /* so many of them, from the first, have a tag; 0: no index */
    size_t note, nnote;   /* bytes in gn_frames.notes */
} gn_piece;

typedef struct gn_frames {
    size_t n;
    uint64_t *at;  /* n + 1 offsets in the file; the last is the end of the last frame */
    uint64_t *raw; /* n + 1 uncompressed offsets */
    uint64_t *tag; /* n */
    size_t npieces;
    gn_piece *piece;
    gn_buf notes;
    uint64_t bytes; /* read from the file for all this */
} gn_frames;

/* The tables of the regular file behind fd (its position stays). 1: they are here; 0: there are
 * none that count; -1: an error, GN_IO. `f` zero-initialised; to be released in every case. */
int gn_frames_read(gn_frames *f, int fd, const char *name, gn_err *e);
void gn_frames_release(gn_frames *f); /* idempotent */

/* The frame that holds the uncompressed offset `raw`, below the last one. */
size_t gn_frames_find(const gn_frames *f, uint64_t raw);

/* Little-endian numbers. */
uint32_t gn_le32(const uint8_t *p);
uint64_t gn_le64(const uint8_t *p);
void gn_put_le32(uint8_t *p, uint32_t v);
void gn_put_le64(uint8_t *p, uint64_t v);

#endif
