/* ranksel_loop.h - the algorithm of ranksel.h for one width: NUM is the type, NAME(x) its names.
 * Included by ranksel.c alone, once for each. */

static void NAME(insertion)(NUM *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        NUM x = v[i];
        size_t k = i;
        for (; k && v[k - 1] > x; k--)
            v[k] = v[k - 1];
        v[k] = x;
    }
}

/* The shift that leaves the first 8 bits in which the numbers differ; -1: they are all the same. */
static int NAME(digit)(const NUM *v, size_t n)
{
    NUM differ = 0;
    for (size_t i = 1; i < n; i++)
        differ |= v[i] ^ v[0];
    if (!differ)
        return -1;
    int top = 63 - __builtin_clzll(differ);
    return top < 7 ? 0 : top - 7;
}

/* Exchange so that part d is v[end[d - 1], end[d]). */
static void NAME(split)(NUM *v, size_t n, int shift, size_t end[256])
{
    size_t count[256] = {0}, at[256], sum = 0;
    for (size_t i = 0; i < n; i++)
        count[v[i] >> shift & 255]++;
    for (int d = 0; d < 256; d++) {
        at[d] = sum;
        end[d] = sum += count[d];
    }
    for (int d = 0; d < 256; d++)
        while (at[d] < end[d]) {
            NUM x = v[at[d]];
            for (unsigned b; (b = x >> shift & 255) != (unsigned)d;) {
                NUM t = v[at[b]];
                v[at[b]++] = x;
                x = t;
            }
            v[at[d]++] = x;
        }
}

/* Ranks are counted from `from`, which v[0] has; rank NULL: all of them. At most 8 levels deep,
 * since each one settles 8 bits, or all that are left. */
static void NAME(part)(NUM *v, size_t n, size_t from, const size_t *rank, size_t nranks)
{
    size_t end[256];
    if (n <= FEW) {
        NAME(insertion)(v, n);
        return;
    }
    int shift = NAME(digit)(v, n);
    if (shift < 0)
        return;
    NAME(split)(v, n, shift, end);
    if (shift == 0)
        return;
    size_t lo = 0, r = 0;
    for (int d = 0; d < 256; lo = end[d++]) {
        size_t r0 = r;
        while (rank && r < nranks && rank[r] < from + end[d])
            r++;
        if (end[d] - lo > 1 && (!rank || r > r0))
            NAME(part)(v + lo, end[d] - lo, from + lo, rank ? rank + r0 : NULL, r - r0);
    }
}
