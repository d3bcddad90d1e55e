/* hash.c - see hash.h. Not inlined here, so that the library's own state and functions are meant:
 * the layouts are the same, since both come from one header. */
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#define UPDATE64 XXH3_64bits_update_dispatch
#define UPDATE128 XXH3_128bits_update_dispatch
#else
#include <xxhash.h>
#define UPDATE64 XXH3_64bits_update
#define UPDATE128 XXH3_128bits_update
#endif

void gn_xxh3_64_update(void *state, const void *p, size_t n);
void gn_xxh3_128_update(void *state, const void *p, size_t n);

void gn_xxh3_64_update(void *state, const void *p, size_t n)
{
    (void)UPDATE64(state, p, n);
}

void gn_xxh3_128_update(void *state, const void *p, size_t n)
{
    (void)UPDATE128(state, p, n);
}
