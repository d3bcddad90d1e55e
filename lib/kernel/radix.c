/* radix.c - see radix.h.
 *
 * One scatter by the most significant of the bits that vary, again where a part is still too large
 * for the second-level cache, then least significant digits first within the cache: the many small
 * passes touch memory that is near (Wassenberg and Sanders, "Engineering a Multi-core Radix Sort",
 * 2011). Small parts are sorted by insertion. All of these are stable. */
#include "radix.h"

#include <stdbool.h>
#include <string.h>

#define SMALL 32                   /* pairs: by insertion */
#define IN_CACHE ((size_t)1 << 14) /* pairs: two arrays of them fit the second-level cache */
#define MSD_BITS 12
#define LSD_BITS 11
#define LSD_PASSES 8 /* of 8 bits at least */

static void insertion(gn_pair *a, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        gn_pair x = a[i];
        size_t j = i;
        for (; j > 0 && x.key < a[j - 1].key; j--)
            a[j] = a[j - 1];
        a[j] = x;
    }
}

/* Sort by bits [lo, hi). The result is in a, or in b with `in_b`. */
static void lsd(gn_pair *a, gn_pair *b, size_t n, unsigned lo, unsigned hi, bool in_b)
{
    uint32_t at[LSD_PASSES][1 << LSD_BITS];
    unsigned widest = n < 1024 ? 8 : LSD_BITS, passes = (hi - lo + widest - 1) / widest;
    unsigned bits = (hi - lo + passes - 1) / passes;
    const uint64_t mask = (UINT64_C(1) << bits) - 1;
    gn_pair *from = a, *to = b;
    for (unsigned k = 0; k < passes; k++)
        memset(at[k], 0, (size_t)(mask + 1) * sizeof **at);
    for (size_t i = 0; i < n; i++) {
        uint64_t key = a[i].key >> lo;
        for (unsigned k = 0; k < passes; k++, key >>= bits)
            at[k][key & mask]++;
    }
    for (unsigned k = 0; k < passes; k++, lo += bits) {
        uint32_t sum = 0;
        for (size_t i = 0; i <= mask; i++) {
            uint32_t count = at[k][i];
            at[k][i] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            to[at[k][from[i].key >> lo & mask]++] = from[i];
        gn_pair *t = from;
        from = to;
        to = t;
    }
    gn_pair *want = in_b ? b : a;
    if (from != want)
        memcpy(want, from, n * sizeof *want);
}

/* The depth is that of 64 bits by MSD_BITS. */
static void sort_part(gn_pair *a, gn_pair *b, size_t n, bool in_b)
{
    if (n > SMALL) {
        uint64_t vary = 0, first = a[0].key;
        for (size_t i = 1; i < n; i++)
            vary |= a[i].key ^ first;
        if (vary) {
            unsigned hi = 64 - (unsigned)__builtin_clzll(vary);
            unsigned lo = (unsigned)__builtin_ctzll(vary);
            if (n <= IN_CACHE || (hi - lo <= LSD_BITS && n <= UINT32_MAX)) {
                lsd(a, b, n, lo, hi, in_b);
                return;
            }
            size_t at[1 << MSD_BITS] = {0};
            unsigned bits = hi - lo < MSD_BITS ? hi - lo : MSD_BITS;
            unsigned shift = hi - bits;
            size_t parts = (size_t)1 << bits, sum = 0;
            for (size_t i = 0; i < n; i++)
                at[a[i].key >> shift & (parts - 1)]++;
            for (size_t i = 0; i < parts; i++) {
                size_t count = at[i];
                at[i] = sum;
                sum += count;
            }
            for (size_t i = 0; i < n; i++)
                b[at[a[i].key >> shift & (parts - 1)]++] = a[i];
            for (size_t i = 0, from = 0; i < parts; from = at[i++])
                if (at[i] > from)
                    sort_part(b + from, a + from, at[i] - from, !in_b);
            return;
        }
    } else {
        insertion(a, n);
    }
    if (in_b)
        memcpy(b, a, n * sizeof *b);
}

void gn_radix_sort(gn_pair *a, gn_pair *b, size_t n)
{
    sort_part(a, b, n, false);
}
