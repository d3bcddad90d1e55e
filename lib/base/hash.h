/* hash.h - the two hashes of gn, both XXH3 (xxHash 0.8, Yann Collet, https://xxhash.com).
 *
 * gn_hash places records (partitions, salts) and is part of the stream format: XXH3-64 with seed 0
 * over canonical msgpack bytes. It is frozen: a change would break stored partitions.
 *
 * gn_hash_table serves tables inside one process and may change at any time. Built with
 * -DGN_HASH_BITS=8 it keeps only 8 bits, so that nearly all keys collide: every figure must come
 * out the same, which the tests check. */
#ifndef GN_BASE_HASH_H
#define GN_BASE_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stddef.h>
#include <stdint.h>

#ifndef GN_HASH_BITS
#define GN_HASH_BITS 64
#endif

static inline uint64_t gn_hash(const void *p, size_t n)
{
    return XXH3_64bits(p, n);
}

static inline uint64_t gn_hash_table(const void *p, size_t n)
{
    uint64_t h = XXH3_64bits(p, n);
#if GN_HASH_BITS < 64
    h &= (UINT64_C(1) << GN_HASH_BITS) - 1;
#endif
    return h;
}

/* Feed a state (XXH3_createState, XXH3_64bits_reset or XXH3_128bits_reset, _digest) with long
 * input: the widest vector instructions of the machine, chosen at run time. They cannot fail. */
void gn_xxh3_64_update(void *state, const void *p, size_t n);
void gn_xxh3_128_update(void *state, const void *p, size_t n);

/* A 128-bit content hash: sources, provenance nodes, record checksums. Stored big-endian. */
typedef struct gn_id {
    uint8_t b[16];
} gn_id;

static inline gn_id gn_id_from(XXH128_hash_t h)
{
    gn_id id;
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, h);
    for (int i = 0; i < 16; i++)
        id.b[i] = c.digest[i];
    return id;
}

static inline gn_id gn_id_of(const void *p, size_t n)
{
    return gn_id_from(XXH3_128bits(p, n));
}

#endif
