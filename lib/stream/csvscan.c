/* csvscan.c - see csvscan.h.
 *
 * The exact way is a machine that looks at each byte (`machine`). Words of 64 bytes are mostly done
 * without it. A word without quotes: all its line feeds end rows, or none. In a word with quotes,
 * being inside quotes is the parity of the quotes before (a prefix sum of exclusive ors, as in
 * Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 28 (2019)), provided
 * that each quote is one by the rules: an opening one stands behind a separator or, being the
 * second half of "", behind a quote; behind a closing one there is a separator, the other half of
 * "", or CRLF. Where that is not so, and wherever blanks could matter, the machine does the word.
 */
#include "csvscan.h"

#include "csvmask.h"
#include "csvsplit.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)

enum {
    START,  /* of a field */
    INSIDE, /* an unquoted field */
    QUOTED, /* inside quotes */
    QUOTE,  /* behind a quote inside quotes: the closing one, or half of "" */
    CLOSED, /* blanks behind the closing quote, with trim */
    BAD     /* the row is bad: it ends at the next line feed */
};

static bool blank(const gn_csvscan *s, uint8_t c)
{
    return s->trim && (c == ' ' || c == '\t') && c != s->delimiter;
}

static int next_state(const gn_csvscan *s, int state, uint8_t c)
{
    switch (state) {
    case START:
        return c == '"' ? QUOTED : c == s->delimiter || blank(s, c) ? START : INSIDE;
    case INSIDE:
        return c == '"' ? BAD : c == s->delimiter ? START : INSIDE;
    case QUOTED:
        return c == '"' ? QUOTE : QUOTED;
    case QUOTE:
        return c == '"' ? QUOTED : c == s->delimiter ? START : blank(s, c) ? CLOSED : BAD;
    case CLOSED:
        return c == s->delimiter ? START : blank(s, c) ? CLOSED : BAD;
    default:
        return BAD;
    }
}

/* Byte by byte; up to the first row's end when only one row is wanted. */
static size_t machine(gn_csvscan *s, const uint8_t *p, size_t n, bool one)
{
    size_t i = 0;
    while (i < n) {
        const uint8_t c = p[i++];
        if (c != '\n') {
            s->state = next_state(s, s->state, c);
            continue;
        }
        s->lines++;
        s->inner++;
        if (s->state == QUOTED)
            continue;
        s->rows++;
        s->inner = 0;
        s->ended = s->offset + i;
        s->state = START;
        if (one)
            break;
    }
    s->offset += i;
    return i;
}

/* All line feeds of the word at s->offset, and those of them that end rows. */
INLINE void count(gn_csvscan *s, uint64_t nl, uint64_t ends)
{
    s->lines += (unsigned)__builtin_popcountll(nl);
    if (ends) {
        const unsigned last = 63 ^ (unsigned)__builtin_clzll(ends);
        s->rows += (unsigned)__builtin_popcountll(ends);
        s->ended = s->offset + last + 1;
        s->inner = (unsigned)__builtin_popcountll(nl & ~ends & (~UINT64_C(0) << last));
    } else {
        s->inner += (unsigned)__builtin_popcountll(nl);
    }
}

/* A word without quotes, outside of them, in a row that is not bad, and no blank at its end that
 * matters. */
INLINE void plain_word(gn_csvscan *s, const uint8_t *p, uint64_t nl)
{
    count(s, nl, nl);
    s->state = p[63] == '\n' || p[63] == s->delimiter ? START : INSIDE;
    s->offset += 64;
}

INLINE bool is_plain(const gn_csvscan *s, const uint8_t *p)
{
    return LIKELY(s->state <= INSIDE) && !blank(s, p[63]);
}

INLINE uint64_t parity(uint64_t m)
{
    for (unsigned k = 1; k < 64; k *= 2)
        m ^= m << k;
    return m;
}

/* Any word. */
INLINE void word(gn_csvscan *s, const uint8_t *p, uint64_t quote, uint64_t nl, uint64_t cr,
                 uint64_t delimiter)
{
    const uint64_t separator = nl | delimiter;
    const uint64_t inside = parity(quote) ^ (s->state == QUOTED ? ~UINT64_C(0) : 0);
    const uint64_t opening = quote & inside, closing = quote & ~inside;
    const uint64_t open_after =
        separator << 1 | (s->state == START) | quote << 1 | (s->state == QUOTE);
    const uint64_t behind = closing << 1 | (s->state == QUOTE);
    const uint64_t close_before = separator | quote | (cr & nl >> 1);
    if (s->state > QUOTE || opening & ~open_after || behind & ~close_before || blank(s, p[63])) {
        (void)machine(s, p, 64, false);
        return;
    }
    count(s, nl, nl & ~inside);
    const uint64_t top = UINT64_C(1) << 63;
    s->state = inside & top ? QUOTED : quote & top ? QUOTE : separator & top ? START : INSIDE;
    s->offset += 64;
}

/* ---- the twins: whole words of p[0..n); how many bytes that is ---- */

static size_t words_portable(gn_csvscan *s, const uint8_t *p, size_t n)
{
    size_t i = 0;
    for (; n - i >= 64; i += 64) {
        const uint8_t *q = p + i;
        uint64_t quote = 0, nl = 0;
        for (unsigned k = 0; k < 8; k++) {
            const uint64_t w = load64(q + 8 * k);
            quote |= eq8(w, '"');
            nl |= gather8(eq8(w, '\n')) << 8 * k;
        }
        if (LIKELY(!quote) && is_plain(s, q))
            plain_word(s, q, nl);
        else
            word(s, q, eq64(q, '"'), nl, eq64(q, '\r'), eq64(q, s->delimiter));
    }
    return i;
}

#ifdef HAVE_X86

static size_t words_sse2(gn_csvscan *s, const uint8_t *p, size_t n)
{
    const __m128i q = _mm_set1_epi8('"'), l = _mm_set1_epi8('\n'), c = _mm_set1_epi8('\r'),
                  d = _mm_set1_epi8((char)s->delimiter);
    size_t i = 0;
    for (; n - i >= 64; i += 64) {
        __m128i v[4];
        load128(v, p + i);
        const uint64_t quote = bits128(v, q), nl = bits128(v, l);
        if (LIKELY(!quote) && is_plain(s, p + i))
            plain_word(s, p + i, nl);
        else
            word(s, p + i, quote, nl, bits128(v, c), bits128(v, d));
    }
    return i;
}

AVX2 static size_t words_avx2(gn_csvscan *s, const uint8_t *p, size_t n)
{
    const __m256i q = _mm256_set1_epi8('"'), l = _mm256_set1_epi8('\n'), c = _mm256_set1_epi8('\r'),
                  d = _mm256_set1_epi8((char)s->delimiter);
    size_t i = 0;
    for (; n - i >= 64; i += 64) {
        const __m256i a = LOAD256(p + i), b = LOAD256(p + i + 32);
        const uint64_t quote = BITS256(a, b, q), nl = BITS256(a, b, l);
        if (LIKELY(!quote) && is_plain(s, p + i))
            plain_word(s, p + i, nl);
        else
            word(s, p + i, quote, nl, BITS256(a, b, c), BITS256(a, b, d));
    }
    return i;
}

#endif

int gn_csvscan_init(gn_csvscan *s, char delimiter, bool trim, const char *simd, gn_err *e)
{
    gn_csvsplit twin;
    if (gn_csvsplit_choose(&twin, simd, e))
        return -1;
    *s = (gn_csvscan){.delimiter = (uint8_t)delimiter, .trim = trim, .words = words_portable};
#ifdef HAVE_X86
    if (strcmp(twin.name, "avx2") == 0)
        s->words = words_avx2;
    else if (strcmp(twin.name, "sse2") == 0)
        s->words = words_sse2;
#endif
    return 0;
}

void gn_csvscan_run(gn_csvscan *s, const uint8_t *p, size_t n)
{
    const size_t done = s->words(s, p, n);
    (void)machine(s, p + done, n - done, false);
}

size_t gn_csvscan_row(gn_csvscan *s, const uint8_t *p, size_t n)
{
    return machine(s, p, n, true);
}
