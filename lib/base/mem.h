/* mem.h - memory: checked arithmetic, arenas, and the budget that -m sets.
 *
 * A budget counts what a filter's state holds (not buffers of fixed size). Allocations made
 * through it fail with GN_IO and a message naming -m once the cap would be passed, so a filter can
 * spill before or give a clear error. All functions return NULL (or -1) and set the error on
 * failure; nothing here exits. */
#ifndef GN_BASE_MEM_H
#define GN_BASE_MEM_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gn_budget {
    size_t cap;  /* bytes; 0 = none */
    size_t used; /* bytes now */
    size_t peak; /* bytes, the most so far */
} gn_budget;

/* Charge or return bytes without allocating. gn_budget_take returns -1 beyond the cap. */
int gn_budget_take(gn_budget *b, size_t bytes, gn_err *e);
void gn_budget_give(gn_budget *b, size_t bytes);

/* malloc/realloc/free with an error instead of NULL; contents not cleared by gn_alloc, cleared by
 * gn_calloc. gn_realloc on failure leaves the old block valid. n * size is checked. */
void *gn_alloc(size_t n, size_t size, gn_err *e);
void *gn_calloc(size_t n, size_t size, gn_err *e);
void *gn_realloc(void *p, size_t n, size_t size, gn_err *e);
char *gn_strdup(const char *s, gn_err *e);
char *gn_strndup(const char *s, size_t n, gn_err *e);

/* Zeroed memory straight from the kernel, on huge pages where it grants them; for tables of over
 * a megabyte. Charged to the budget (may be NULL). Release with gn_unmap and the same size. */
void *gn_map(size_t bytes, gn_budget *b, gn_err *e);
void gn_unmap(void *p, size_t bytes, gn_budget *b);

/* An arena: many small allocations freed together. Blocks are 8-aligned. */
typedef struct gn_arena {
    struct gn_arena_block *head;
    gn_budget *budget; /* may be NULL */
} gn_arena;

void gn_arena_init(gn_arena *a, gn_budget *b);
void *gn_arena_alloc(gn_arena *a, size_t bytes, gn_err *e);
void *gn_arena_copy(gn_arena *a, const void *p, size_t bytes, gn_err *e);
char *gn_arena_strndup(gn_arena *a, const char *s, size_t n, gn_err *e);
void gn_arena_release(gn_arena *a); /* idempotent */

/* A growing byte string. Zero-initialise; release with gn_buf_release. On failure unchanged. */
typedef struct gn_buf {
    uint8_t *p;
    size_t n, cap;
} gn_buf;

int gn_buf_reserve(gn_buf *b, size_t more, gn_err *e); /* room for `more` bytes beyond n */
int gn_buf_add(gn_buf *b, const void *p, size_t n, gn_err *e);
int gn_buf_printf(gn_buf *b, gn_err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void gn_buf_release(gn_buf *b); /* idempotent */

#endif
