/* csvmask.h - which of 64 bytes are equal to a byte, as the bits of a word: what the vector code of
 * the CSV reader (csvsplit.c, csvscan.c) is made from, in its three twins. Private to those. */
#ifndef GN_STREAM_CSVMASK_H
#define GN_STREAM_CSVMASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_X86 1
#endif

#define INLINE static inline __attribute__((always_inline))

/* ---- portable: eight bytes in a word ---- */

#define ONES UINT64_C(0x0101010101010101)
#define LOW7 UINT64_C(0x7f7f7f7f7f7f7f7f)

INLINE uint64_t load64(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

/* Bit 7 of each byte of x that equals c: exact, no carry leaves a byte. */
INLINE uint64_t eq8(uint64_t x, uint8_t c)
{
    uint64_t t = x ^ ONES * c;
    return ~(((t & LOW7) + LOW7) | t | LOW7);
}

/* Bits 7, 15, 23, ... to bits 0..7. */
INLINE uint64_t gather8(uint64_t m)
{
    return (m >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

INLINE uint64_t eq64(const uint8_t *p, uint8_t c)
{
    uint64_t m = 0;
    for (unsigned k = 0; k < 8; k++)
        m |= gather8(eq8(load64(p + 8 * k), c)) << 8 * k;
    return m;
}

#ifdef HAVE_X86

/* ---- SSE2: part of every x86-64 ---- */

INLINE uint64_t bits128(const __m128i v[4], __m128i c)
{
    uint64_t m = 0;
    for (int k = 0; k < 4; k++)
        m |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v[k], c)) << 16 * k;
    return m;
}

INLINE void load128(__m128i v[4], const uint8_t *p)
{
    for (int k = 0; k < 4; k++)
        v[k] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * k));
}

/* ---- AVX2, with the bit instructions that come with it ---- */

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

#define BITS256(a, b, c)                                                                           \
    ((uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, c)) |                           \
     (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, c)) << 32)
#define LOAD256(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))

INLINE bool gn_csv_have_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

#endif /* HAVE_X86 */

#endif
