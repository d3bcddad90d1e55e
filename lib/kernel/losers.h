/* losers.h - a tree of losers: which of n players comes first, again and again (Knuth, The Art of
 * Computer Programming 3, 5.4.1). A player that has moved on is compared log2(n) times.
 *
 *     tree = n places (n >= 1)
 *     gn_losers_begin(tree, n, before, ctx)     all players stand on their first item
 *     tree[0]                                   the player that comes first
 *     gn_losers_replay(tree, n, before, ctx)    ... and has moved on
 *
 * `before` says whether player a comes before player b, must be a strict total order, and puts
 * players that are done last. */
#ifndef GN_KERNEL_LOSERS_H
#define GN_KERNEL_LOSERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef bool gn_losers_before(const void *ctx, uint32_t a, uint32_t b);

static inline void gn_losers_replay(uint32_t *tree, size_t n, gn_losers_before *before,
                                    const void *ctx)
{
    uint32_t p = tree[0];
    for (size_t at = (p + n) / 2; at >= 1; at /= 2)
        if (before(ctx, tree[at], p)) {
            uint32_t rival = tree[at];
            tree[at] = p;
            p = rival;
        }
    tree[0] = p;
}

/* Players enter one by one; one that comes where nobody waits waits there. */
static inline void gn_losers_begin(uint32_t *tree, size_t n, gn_losers_before *before,
                                   const void *ctx)
{
    const uint32_t nobody = UINT32_MAX;
    for (size_t i = 0; i < n; i++)
        tree[i] = nobody;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t p = i;
        size_t at = (i + n) / 2;
        for (; at >= 1 && tree[at] != nobody; at /= 2)
            if (before(ctx, tree[at], p)) {
                uint32_t rival = tree[at];
                tree[at] = p;
                p = rival;
            }
        tree[at] = p; /* at 0: the winner of all */
    }
}

#endif
