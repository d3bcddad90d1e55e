/* baseline_groups.c - see baselinepriv.h: the groups in their file, in order of the keys. */
#include "baselinepriv.h"

#include "../io/mp.h"
#include "../kernel/keycode.h"

#include <string.h>

#define CURSOR_BLOCK ((size_t)64 * 1024)
#define FRAME_BASE (offsetof(gn_base, hits))

int base_append(gn_baseline *b, gn_str key, gn_base *g, gn_err *e)
{
    uint8_t n[4];
    bool spread = true;
    if (b->o.kind == GN_BASE_QUARTILES)
        spread = gn_fences_quartiles(&g->fence, g->a, g->b, b->o.factor);
    else if (b->o.kind == GN_BASE_DEVIATIONS)
        spread = gn_fences_deviations(&g->fence, g->a, g->b, b->o.factor);
    else if (b->o.kind == GN_BASE_ROBUST)
        spread = gn_fences_robust(&g->fence, g->a, g->b, b->o.factor);
    if (g->n < b->o.least) {
        g->fence = gn_fences_none();
        b->count.small++;
    } else {
        b->count.without_spread += !spread && g->n > 1;
    }
    b->count.groups++;
    g->hits = 0;
    b->only = *g;
    gn_put32(n, key.n);
    return gn_tmp_write(b->groups, n, sizeof n, e) || gn_tmp_write(b->groups, key.p, key.n, e) ||
                   gn_tmp_write(b->groups, g, FRAME_BASE, e)
               ? -1
               : 0;
}

void base_cursor_release(base_cursor *c)
{
    gn_buf_release(&c->block);
}

/* At least n more bytes of the file into the block. */
static int fill(gn_baseline *b, base_cursor *c, size_t n, gn_err *e)
{
    uint64_t left = gn_tmp_size(b->groups) - c->at;
    size_t rest = c->block.n - c->p, want = n > CURSOR_BLOCK ? n : CURSOR_BLOCK;
    if (rest >= n)
        return 0;
    if (c->p)
        memmove(c->block.p, c->block.p + c->p, rest);
    c->p = 0;
    c->block.n = rest;
    want = left < want ? (size_t)left : want;
    if (gn_buf_reserve(&c->block, want + GN_SLACK, e) ||
        gn_tmp_read(b->groups, c->at, c->block.p + rest, want, e))
        return -1;
    c->at += want;
    c->block.n += want;
    memset(c->block.p + c->block.n, 0, GN_SLACK);
    return 0;
}

int base_next(gn_baseline *b, base_cursor *c, gn_str *key, gn_base *g, gn_err *e)
{
    if (c->p == c->block.n && c->at == gn_tmp_size(b->groups))
        return 0;
    if (fill(b, c, 4, e))
        return -1;
    uint32_t n = gn_be32(c->block.p + c->p);
    if (fill(b, c, 4 + (size_t)n + FRAME_BASE, e))
        return -1;
    const uint8_t *p = c->block.p + c->p + 4;
    *key = (gn_str){p, n};
    g->hits = 0;
    memcpy(g, p + n, FRAME_BASE);
    c->p += 4 + (size_t)n + FRAME_BASE;
    c->n++;
    return 1;
}

int base_code(const gn_baseline *b, gn_str key, gn_buf *code, gn_err *e)
{
    const uint8_t *p = key.p, *end = key.p + key.n;
    code->n = 0;
    for (size_t i = 0; i < b->keys.n; i++) {
        const uint8_t *q = gn_mp_skip(p, end);
        if (!q)
            return gn_fail(e, GN_BUG, "a group's keys");
        if (gn_keycode_add(code, b->keys.f[i].type, (gn_str){p, (uint32_t)(q - p)}, false, e))
            return -1;
        p = q;
    }
    return 0;
}

int base_cmp(gn_str a, gn_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}
