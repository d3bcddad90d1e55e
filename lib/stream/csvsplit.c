/* csvsplit.c - see csvsplit.h. The three twins share their text: a twin gives the masks of 64
 * bytes (struct masks), the shared inline functions turn masks into lists. */
#include "csvsplit.h"

#include "csvmask.h"

#include <string.h>

/* Only masks: bit i of a word tells of byte i. */
INLINE int32_t *emit(int32_t *o, uint64_t m, int32_t at)
{
    while (m) {
        *o++ = at + (int32_t)__builtin_ctzll(m);
        m &= m - 1;
    }
    return o;
}

/* The same without a branch for each of the first eight bits: separators are many, and the branch
 * of a bit-by-bit loop is mispredicted once per word. Entries beyond the count are rubbish. */
INLINE int32_t *emit_many(int32_t *o, uint64_t m, int32_t at)
{
    const uint64_t top = UINT64_C(1) << 63; /* ctz of 0 is undefined */
    unsigned count = (unsigned)__builtin_popcountll(m);
    for (int i = 0; i < 8; i++) {
        o[i] = at + (int32_t)__builtin_ctzll(m | top);
        m &= m - 1;
    }
    if (__builtin_expect(count > 8, 0)) {
        for (int i = 8; i < 16; i++) {
            o[i] = at + (int32_t)__builtin_ctzll(m | top);
            m &= m - 1;
        }
        if (__builtin_expect(count > 16, 0))
            (void)emit(o + 16, m, at);
    }
    return o + count;
}

INLINE int32_t *emit_few(int32_t *o, uint64_t m, int32_t at)
{
    const uint64_t top = UINT64_C(1) << 63;
    unsigned count = (unsigned)__builtin_popcountll(m);
    for (int i = 0; i < 2; i++) {
        o[i] = at + (int32_t)__builtin_ctzll(m | top);
        m &= m - 1;
    }
    if (__builtin_expect(count > 2, 0))
        (void)emit(o + 2, m, at);
    return o + count;
}

/* Valid bits of the word at `i` of `n`. */
INLINE uint64_t upto(size_t i, size_t n)
{
    return n - i >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (n - i)) - 1;
}

/* What gn_csvsplit.odd needs of 64 bytes. */
struct masks {
    uint64_t quote, cr, nl, delim, blank;
};

INLINE int32_t *odd_word(struct masks m, const uint8_t *p, size_t i, size_t n, uint8_t delim,
                         bool trim, uint64_t *sep_before, int32_t *o)
{
    uint64_t next_nl = (uint64_t)(p[i + 64] == '\n') << 63;
    uint64_t bad = m.quote | (m.cr & ~(m.nl >> 1 | next_nl));
    if (trim) {
        /* A CR counts as the end of its line here: one that is not makes the row odd by itself. */
        uint8_t c = p[i + 64];
        uint64_t sep = m.delim | m.nl, end = sep | m.cr;
        uint64_t next = (uint64_t)(c == delim || c == '\n' || c == '\r') << 63;
        bad |= m.blank & (sep << 1 | *sep_before | end >> 1 | next);
        *sep_before = sep >> 63;
    }
    return emit(o, bad & upto(i, n), (int32_t)i);
}

/* ---- portable: eight bytes in a word ---- */

static void index_portable(const uint8_t *p, size_t n, uint8_t delim, gn_csvindex *x)
{
    uint64_t quote = 0, cr = 0, text = 0;
    int32_t *o = x->sep, *r = x->nl;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t sep = 0, nl = 0;
        for (unsigned k = 0; k < 8; k++) {
            uint64_t w = load64(p + i + 8 * k), l = eq8(w, '\n');
            quote |= eq8(w, '"');
            cr |= eq8(w, '\r');
            text |= w | eq8(w, 0);
            nl |= gather8(l) << 8 * k;
            sep |= gather8(l | eq8(w, delim)) << 8 * k;
        }
        uint64_t ok = upto(i, n);
        o = emit(o, sep & ok, (int32_t)i);
        r = emit(r, nl & ok, (int32_t)i);
    }
    x->nsep = (size_t)(o - x->sep);
    x->nnl = (size_t)(r - x->nl);
    x->quote = quote != 0;
    x->cr = cr != 0;
    x->text = (text & ~LOW7) != 0;
}

static size_t odd_portable(const uint8_t *p, size_t n, uint8_t delim, bool trim, int32_t *out)
{
    int32_t *o = out;
    uint64_t before = 1;
    for (size_t i = 0; i < n; i += 64) {
        const uint8_t *q = p + i;
        struct masks m = {eq64(q, '"'), eq64(q, '\r'), eq64(q, '\n'), eq64(q, delim), 0};
        if (trim)
            m.blank = (eq64(q, ' ') | eq64(q, '\t')) & ~m.delim;
        o = odd_word(m, p, i, n, delim, trim, &before, o);
    }
    return (size_t)(o - out);
}

#ifdef HAVE_X86

/* ---- SSE2: part of every x86-64 ---- */

static void index_sse2(const uint8_t *p, size_t n, uint8_t delim, gn_csvindex *x)
{
    const __m128i d = _mm_set1_epi8((char)delim), l = _mm_set1_epi8('\n'), q = _mm_set1_epi8('"'),
                  c = _mm_set1_epi8('\r');
    __m128i quote = _mm_setzero_si128(), cr = quote, high = quote, least = _mm_set1_epi8(-1);
    int32_t *o = x->sep, *r = x->nl;
    for (size_t i = 0; i < n; i += 64) {
        __m128i v[4];
        load128(v, p + i);
        uint64_t nl = 0, del = 0;
        for (int k = 0; k < 4; k++) {
            nl |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v[k], l)) << 16 * k;
            del |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v[k], d)) << 16 * k;
            quote = _mm_or_si128(quote, _mm_cmpeq_epi8(v[k], q));
            cr = _mm_or_si128(cr, _mm_cmpeq_epi8(v[k], c));
            high = _mm_or_si128(high, v[k]);
            least = _mm_min_epu8(least, v[k]);
        }
        uint64_t ok = upto(i, n);
        o = emit_many(o, (nl | del) & ok, (int32_t)i);
        r = emit_few(r, nl & ok, (int32_t)i);
    }
    x->nsep = (size_t)(o - x->sep);
    x->nnl = (size_t)(r - x->nl);
    x->quote = _mm_movemask_epi8(quote) != 0;
    x->cr = _mm_movemask_epi8(cr) != 0;
    x->text = _mm_movemask_epi8(high) != 0 ||
              _mm_movemask_epi8(_mm_cmpeq_epi8(least, _mm_setzero_si128())) != 0;
}

static size_t odd_sse2(const uint8_t *p, size_t n, uint8_t delim, bool trim, int32_t *out)
{
    int32_t *o = out;
    uint64_t before = 1;
    for (size_t i = 0; i < n; i += 64) {
        __m128i v[4];
        load128(v, p + i);
        struct masks m = {bits128(v, _mm_set1_epi8('"')), bits128(v, _mm_set1_epi8('\r')),
                          bits128(v, _mm_set1_epi8('\n')), 0, 0};
        if (trim) {
            m.delim = bits128(v, _mm_set1_epi8((char)delim));
            m.blank = (bits128(v, _mm_set1_epi8(' ')) | bits128(v, _mm_set1_epi8('\t'))) & ~m.delim;
        }
        o = odd_word(m, p, i, n, delim, trim, &before, o);
    }
    return (size_t)(o - out);
}

/* ---- AVX2, with the bit instructions that come with it ---- */

/* As emit_many and emit_few; the instruction counts the zeros of 0, too. */
AVX2 INLINE int32_t *emit_many_bmi(int32_t *o, uint64_t m, int32_t at)
{
    unsigned count = (unsigned)__builtin_popcountll(m);
    for (int i = 0; i < 8; i++) {
        o[i] = at + (int32_t)_tzcnt_u64(m);
        m = _blsr_u64(m);
    }
    if (__builtin_expect(count > 8, 0)) {
        for (int i = 8; i < 16; i++) {
            o[i] = at + (int32_t)_tzcnt_u64(m);
            m = _blsr_u64(m);
        }
        if (__builtin_expect(count > 16, 0))
            (void)emit(o + 16, m, at);
    }
    return o + count;
}

AVX2 INLINE int32_t *emit_few_bmi(int32_t *o, uint64_t m, int32_t at)
{
    unsigned count = (unsigned)__builtin_popcountll(m);
    for (int i = 0; i < 2; i++) {
        o[i] = at + (int32_t)_tzcnt_u64(m);
        m = _blsr_u64(m);
    }
    if (__builtin_expect(count > 2, 0))
        (void)emit(o + 2, m, at);
    return o + count;
}

AVX2 static void index_avx2(const uint8_t *p, size_t n, uint8_t delim, gn_csvindex *x)
{
    const __m256i d = _mm256_set1_epi8((char)delim), l = _mm256_set1_epi8('\n'),
                  q = _mm256_set1_epi8('"'), c = _mm256_set1_epi8('\r');
    __m256i quote = _mm256_setzero_si256(), cr = quote, high = quote, least = _mm256_set1_epi8(-1);
    int32_t *o = x->sep, *r = x->nl;
    for (size_t i = 0; i < n; i += 64) {
        __m256i a = LOAD256(p + i), b = LOAD256(p + i + 32);
        uint64_t nl = BITS256(a, b, l), del = BITS256(a, b, d);
        quote = _mm256_or_si256(quote,
                                _mm256_or_si256(_mm256_cmpeq_epi8(a, q), _mm256_cmpeq_epi8(b, q)));
        cr = _mm256_or_si256(cr, _mm256_or_si256(_mm256_cmpeq_epi8(a, c), _mm256_cmpeq_epi8(b, c)));
        high = _mm256_or_si256(high, _mm256_or_si256(a, b));
        least = _mm256_min_epu8(least, _mm256_min_epu8(a, b));
        uint64_t ok = upto(i, n);
        o = emit_many_bmi(o, (nl | del) & ok, (int32_t)i);
        r = emit_few_bmi(r, nl & ok, (int32_t)i);
    }
    x->nsep = (size_t)(o - x->sep);
    x->nnl = (size_t)(r - x->nl);
    x->quote = _mm256_movemask_epi8(quote) != 0;
    x->cr = _mm256_movemask_epi8(cr) != 0;
    x->text = _mm256_movemask_epi8(high) != 0 ||
              _mm256_movemask_epi8(_mm256_cmpeq_epi8(least, _mm256_setzero_si256())) != 0;
}

AVX2 static size_t odd_avx2(const uint8_t *p, size_t n, uint8_t delim, bool trim, int32_t *out)
{
    int32_t *o = out;
    uint64_t before = 1;
    for (size_t i = 0; i < n; i += 64) {
        __m256i a = LOAD256(p + i), b = LOAD256(p + i + 32);
        struct masks m = {BITS256(a, b, _mm256_set1_epi8('"')),
                          BITS256(a, b, _mm256_set1_epi8('\r')),
                          BITS256(a, b, _mm256_set1_epi8('\n')), 0, 0};
        if (trim) {
            m.delim = BITS256(a, b, _mm256_set1_epi8((char)delim));
            m.blank =
                (BITS256(a, b, _mm256_set1_epi8(' ')) | BITS256(a, b, _mm256_set1_epi8('\t'))) &
                ~m.delim;
        }
        o = odd_word(m, p, i, n, delim, trim, &before, o);
    }
    return (size_t)(o - out);
}

#endif /* HAVE_X86 */

int gn_csvsplit_choose(gn_csvsplit *s, const char *name, gn_err *e)
{
    static const gn_csvsplit twins[] = {
#ifdef HAVE_X86
        {"avx2", index_avx2, odd_avx2},
        {"sse2", index_sse2, odd_sse2},
#endif
        {"portable", index_portable, odd_portable},
    };
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++) {
        if (name && *name && strcmp(name, twins[i].name) != 0)
            continue;
#ifdef HAVE_X86
        if (twins[i].index == index_avx2 && !gn_csv_have_avx2())
            continue;
#endif
        *s = twins[i];
        return 0;
    }
    return gn_fail(e, GN_USAGE, "'%s': not a value of GN_SIMD here (portable, sse2, avx2)", name);
}
