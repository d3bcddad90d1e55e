/* mem.c - see mem.h. */
#include "mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int gn_budget_take(gn_budget *b, size_t bytes, gn_err *e)
{
    if (!b)
        return 0;
    if (b->cap && (bytes > b->cap || b->used > b->cap - bytes))
        return gn_fail(e, GN_IO,
                       "out of memory: more than %zu MiB needed (give more with -m/--memory)",
                       b->cap >> 20);
    b->used += bytes;
    if (b->used > b->peak)
        b->peak = b->used;
    return 0;
}

void gn_budget_give(gn_budget *b, size_t bytes)
{
    if (b)
        b->used -= bytes;
}

static int size_of(size_t n, size_t size, size_t *bytes, gn_err *e)
{
    if (__builtin_mul_overflow(n, size, bytes))
        return gn_fail(e, GN_IO, "out of memory: a block too large to address");
    if (*bytes == 0)
        *bytes = 1;
    return 0;
}

static int no_memory(size_t bytes, gn_err *e)
{
    return gn_fail(e, GN_IO, "out of memory: the system has no %zu bytes", bytes);
}

void *gn_alloc(size_t n, size_t size, gn_err *e)
{
    return gn_realloc(NULL, n, size, e);
}

void *gn_calloc(size_t n, size_t size, gn_err *e)
{
    size_t bytes;
    if (size_of(n, size, &bytes, e))
        return NULL;
    void *p = calloc(1, bytes);
    if (!p)
        no_memory(bytes, e);
    return p;
}

void *gn_realloc(void *old, size_t n, size_t size, gn_err *e)
{
    size_t bytes;
    if (size_of(n, size, &bytes, e))
        return NULL;
    void *p = realloc(old, bytes);
    if (!p)
        no_memory(bytes, e);
    return p;
}

char *gn_strdup(const char *s, gn_err *e)
{
    return gn_strndup(s, strlen(s), e);
}

char *gn_strndup(const char *s, size_t n, gn_err *e)
{
    char *p = gn_alloc(n + 1, 1, e);
    if (!p)
        return NULL;
    if (n)
        memcpy(p, s, n);
    p[n] = 0;
    return p;
}

#define HUGE_PAGE ((size_t)2 << 20)
#define SMALL_MAP ((size_t)64 << 10) /* up to here from malloc: many small tables come and go */

/* Map with an address that a huge page can begin at: map more, give the edges back. */
static void *map_aligned(size_t bytes)
{
    uint8_t *p = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (bytes + page - 1) / page * page;
    if (before)
        (void)munmap(p, before);
    if (HUGE_PAGE > before + (used - bytes))
        (void)munmap(p + before + used, HUGE_PAGE - before - (used - bytes));
    return p + before;
}

void *gn_map(size_t bytes, gn_budget *b, gn_err *e)
{
    if (gn_budget_take(b, bytes, e))
        return NULL;
    void *p;
    if (bytes <= SMALL_MAP) {
        p = calloc(1, bytes ? bytes : 1);
    } else if (bytes >= HUGE_PAGE && bytes < SIZE_MAX - HUGE_PAGE) {
        p = map_aligned(bytes);
        if (p) /* advice: the kernel may say no, and nothing is lost */
            (void)madvise(p, bytes, MADV_HUGEPAGE);
    } else {
        p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            p = NULL;
    }
    if (!p) {
        gn_budget_give(b, bytes);
        no_memory(bytes, e);
    }
    return p;
}

void gn_unmap(void *p, size_t bytes, gn_budget *b)
{
    if (!p)
        return;
    if (bytes <= SMALL_MAP)
        free(p);
    else
        (void)munmap(p, bytes);
    gn_budget_give(b, bytes);
}

/* ---- arena ---- */

struct gn_arena_block {
    struct gn_arena_block *next;
    size_t size, used; /* of data */
    _Alignas(16) uint8_t data[];
};

#define ARENA_BLOCK ((size_t)64 * 1024)
#define ARENA_FIRST ((size_t)4 * 1024) /* of small arenas, then twice that, and so on */

void gn_arena_init(gn_arena *a, gn_budget *b)
{
    a->head = NULL;
    a->budget = b;
}

void *gn_arena_alloc(gn_arena *a, size_t bytes, gn_err *e)
{
    if (bytes > SIZE_MAX / 2) {
        no_memory(bytes, e);
        return NULL;
    }
    bytes = (bytes + 7) & ~(size_t)7;
    struct gn_arena_block *h = a->head;
    if (!h || h->size - h->used < bytes) {
        size_t block = !h                          ? ARENA_FIRST
                       : h->size < ARENA_BLOCK / 2 ? h->size * 2
                                                   : ARENA_BLOCK,
               size = bytes > block / 4 ? bytes : block;
        if (gn_budget_take(a->budget, size + sizeof *h, e))
            return NULL;
        struct gn_arena_block *nb = gn_alloc(1, size + sizeof *h, e);
        if (!nb) {
            gn_budget_give(a->budget, size + sizeof *h);
            return NULL;
        }
        nb->size = size;
        nb->used = 0;
        if (h && size != block) { /* a large block of its own: the current one stays open */
            nb->next = h->next;
            h->next = nb;
        } else {
            nb->next = h;
            a->head = nb;
        }
        h = nb;
    }
    void *p = h->data + h->used;
    h->used += bytes;
    return p;
}

void *gn_arena_copy(gn_arena *a, const void *p, size_t bytes, gn_err *e)
{
    void *q = gn_arena_alloc(a, bytes, e);
    if (q && bytes)
        memcpy(q, p, bytes);
    return q;
}

char *gn_arena_strndup(gn_arena *a, const char *s, size_t n, gn_err *e)
{
    char *q = gn_arena_alloc(a, n + 1, e);
    if (!q)
        return NULL;
    if (n)
        memcpy(q, s, n);
    q[n] = 0;
    return q;
}

void gn_arena_release(gn_arena *a)
{
    for (struct gn_arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        gn_budget_give(a->budget, b->size + sizeof *b);
        free(b);
    }
    a->head = NULL;
}

/* ---- buffer ---- */

int gn_buf_reserve(gn_buf *b, size_t more, gn_err *e)
{
    if (b->p && b->cap - b->n >= more)
        return 0;
    size_t need, cap;
    if (__builtin_add_overflow(b->n, more, &need) || need > SIZE_MAX / 2)
        return no_memory(more, e);
    cap = b->cap ? b->cap : 256;
    while (cap < need)
        cap *= 2;
    uint8_t *p = gn_realloc(b->p, cap, 1, e);
    if (!p)
        return -1;
    b->p = p;
    b->cap = cap;
    return 0;
}

int gn_buf_add(gn_buf *b, const void *p, size_t n, gn_err *e)
{
    if (gn_buf_reserve(b, n, e))
        return -1;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    return 0;
}

int gn_buf_printf(gn_buf *b, gn_err *e, const char *fmt, ...)
{
    for (int pass = 0; pass < 2; pass++) {
        va_list ap;
        va_start(ap, fmt);
        size_t room = b->cap - b->n;
        int n = vsnprintf(b->p ? (char *)b->p + b->n : NULL, b->p ? room : 0, fmt, ap);
        va_end(ap);
        if (n < 0)
            return gn_fail(e, GN_BUG, "cannot format a message");
        if (b->p && (size_t)n < room) {
            b->n += (size_t)n;
            return 0;
        }
        if (gn_buf_reserve(b, (size_t)n + 1, e))
            return -1;
    }
    return gn_fail(e, GN_BUG, "cannot format a message");
}

void gn_buf_release(gn_buf *b)
{
    free(b->p);
    memset(b, 0, sizeof *b);
}
