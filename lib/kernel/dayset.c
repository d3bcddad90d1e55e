/* dayset.c - see dayset.h: cells of celltab.h with the number of the block as tag. */
#include "dayset.h"

#include "../base/civil.h"
#include "celltab.h"

#include <stdlib.h>

#define TAG_BITS 16
#define MARGIN 8 /* days before the first one seen that still share its block */

_Static_assert(GN_DAYSET_WORDS == GN_CELL_WORDS, "a cell's body is a block's bits");

struct gn_dayset {
    gn_celltab cells;
    bool based;
    int64_t base; /* the day that block numbers count from */
};

gn_dayset *gn_dayset_new(gn_budget *b, gn_err *e)
{
    gn_dayset *s = gn_calloc(1, sizeof *s, e);
    if (!s)
        return NULL;
    if (gn_celltab_init(&s->cells, TAG_BITS, b, e)) {
        gn_dayset_free(s);
        return NULL;
    }
    return s;
}

void gn_dayset_free(gn_dayset *s)
{
    if (!s)
        return;
    gn_celltab_release(&s->cells);
    free(s);
}

/* Blocks begin a little before the first days seen, so that a year of data is one block wherever
 * it begins. The choice affects memory only, never results. */
static void choose_base(gn_dayset *s, const int64_t *day, const uint16_t *row, size_t n)
{
    int64_t least = day[row ? row[0] : 0];
    for (size_t i = 1; i < n; i++) {
        int64_t d = day[row ? row[i] : i];
        least = d < least ? d : least;
    }
    int64_t begin = least - MARGIN;
    int64_t blocks = (begin - (GN_DAY_MIN - GN_DAYSET_SPAN)) / GN_DAYSET_SPAN;
    s->base = begin - blocks * GN_DAYSET_SPAN; /* at or before GN_DAY_MIN */
    s->based = true;
}

typedef struct adding {
    const gn_str *key;
    const int64_t *day;
    const uint16_t *row;
    int64_t base;
} adding;

static inline void ask(void *ctx, size_t i, gn_cellprobe *q)
{
    const adding *a = ctx;
    size_t r = a->row ? a->row[i] : i;
    uint32_t d = (uint32_t)(a->day[r] - a->base);
    gn_cellprobe_set(q, a->key[r], d / GN_DAYSET_SPAN, TAG_BITS, d % GN_DAYSET_SPAN);
}

static inline void hit(void *ctx, const gn_cellprobe *q, gn_cell *c)
{
    (void)ctx;
    c->body[q->arg / 64] |= UINT64_C(1) << (q->arg % 64);
}

size_t gn_dayset_add(gn_dayset *s, const gn_str *key, const int64_t *day, const uint16_t *row,
                     size_t n, gn_err *e)
{
    if (n && !s->based)
        choose_base(s, day, row, n);
    adding a = {key, day, row, s->base};
    return gn_celltab_rows(&s->cells, TAG_BITS, n, ask, hit, &a, e);
}

size_t gn_dayset_count(const gn_dayset *s)
{
    return s->cells.count;
}

static gn_daycell daycell(const gn_dayset *s, const gn_cell *c)
{
    return (gn_daycell){s->base + (int64_t)gn_celltab_tag(&s->cells, c) * GN_DAYSET_SPAN, c->body};
}

gn_daycell gn_dayset_cell(const gn_dayset *s, size_t i)
{
    return daycell(s, gn_celltab_at(&s->cells, i));
}

bool gn_dayset_many_blocks(const gn_dayset *s)
{
    return s->cells.many_tags;
}

int gn_dayset_sort(gn_dayset *s, gn_err *e)
{
    return gn_celltab_sort(&s->cells, NULL, e);
}

int gn_dayset_sort_values(gn_dayset *s, gn_type type, gn_err *e)
{
    return gn_celltab_sort(&s->cells, &type, e);
}

gn_daycell gn_dayset_sorted(const gn_dayset *s, size_t i, gn_str *key, uint8_t room[16])
{
    const gn_cell *c = gn_celltab_sorted(&s->cells, i);
    *key = gn_celltab_key(&s->cells, c, room);
    return daycell(s, c);
}

void gn_dayset_clear(gn_dayset *s)
{
    gn_celltab_clear(&s->cells);
}
