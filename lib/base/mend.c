/* mend.c - see mend.h. */
#include "mend.h"

#include "parse.h"

/* How many bytes at s, which begin no valid sequence, are replaced together: as long as some
 * continuation would make them one. */
static size_t bad_part(const unsigned char *s, size_t n)
{
    size_t bad = 1, want = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 1;

    for (; bad < want && bad < n; bad++) {
        unsigned lo = 0x80, hi = 0xbf;
        if (bad == 1) {
            lo = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : lo;
            hi = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : hi;
        }
        if (s[bad] < lo || s[bad] > hi)
            break;
    }
    return bad;
}

int gn_mend_utf8(gn_buf *to, const char *s, size_t n, gn_err *e)
{
    for (;;) {
        size_t good = gn_utf8_valid(s, n);
        if (gn_buf_add(to, s, good, e))
            return -1;
        s += good;
        n -= good;
        if (n == 0)
            return 0;
        if (gn_buf_add(to, "\xef\xbf\xbd", 3, e))
            return -1;
        size_t bad = bad_part((const unsigned char *)s, n);
        s += bad;
        n -= bad;
    }
}
