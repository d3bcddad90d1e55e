/* radix: sorted, stably, for every size at which it does something else, and for skewed keys. */
#include "kernel/radix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t next(uint64_t *state) /* SplitMix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* `how` a random number becomes a key. */
static uint64_t key_of(int how, uint64_t x)
{
    switch (how) {
    case 0:
        return x;
    case 1:
        return x & 7;
    case 2:
        return x << 60;
    case 3: /* one part holds most of them */
        return x % 10 ? x & 0xffff : x;
    case 4:
        return (x & 1) << 63 | (x >> 1 & 1);
    case 5:
        return UINT64_MAX;
    default:
        return x & UINT64_C(0x0f0f0f0f00000000);
    }
}

static void sorts(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {0, 1, 2, 31, 32, 33, 1000, 1024, 16384, 16385, 200000};
    uint64_t state = 1;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int how = 0; how < 7; how++) {
            size_t n = sizes[s];
            gn_pair *a = malloc((n + 1) * sizeof *a), *b = malloc((n + 1) * sizeof *b);
            uint64_t *key = malloc((n + 1) * sizeof *key);
            unsigned char *seen = calloc(n + 1, 1);
            assert_true(a && b && key && seen);
            for (size_t i = 0; i < n; i++) {
                key[i] = key_of(how, next(&state));
                a[i] = (gn_pair){key[i], i};
            }
            gn_radix_sort(a, b, n);
            for (size_t i = 0; i < n; i++) {
                assert_true(a[i].value < n && !seen[a[i].value]);
                seen[a[i].value] = 1;
                assert_int_equal(key[a[i].value], a[i].key);
                assert_true(i == 0 || a[i - 1].key < a[i].key ||
                            (a[i - 1].key == a[i].key && a[i - 1].value < a[i].value));
            }
            free(a);
            free(b);
            free(key);
            free(seen);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sorts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
