/* gen.c - see gen.h.
 *
 * Random numbers: draw number row * DRAWS + field of the SplitMix64 that begins at `base` (see
 * genpriv.h).
 *
 * Ranges: D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019): the
 * high half of a 64 x 64 bit product; the few draws that would bias it are replaced by the next
 * outputs of the SplitMix64 that begins at the draw itself. */
#include "gen.h"
#include "genpriv.h"

#include "../base/num.h"
#include "../io/mp.h"

#include <string.h>

#define DRAWS 8 /* draws set aside for a row */
#define GAMMA GN_GEN_GAMMA

#define TIME_FIRST UINT64_C(1672531200)        /* 2023-01-01 00:00:00 */
#define TIME_COUNT (UINT64_C(364) * 86400 + 1) /* up to 2023-12-31 00:00:00 itself */
#define DAY_FIRST 18262                        /* 2020-01-01 */
#define DAY_COUNT 1461                         /* up to 2023-12-31 */
#define PAGES 1000000

/* Lengths of 14 and less: the head is one byte. */
#define WORD(len, head, text)                                                                      \
    {                                                                                              \
        len + 1, head text                                                                         \
    }

const gn_gen_word gn_gen_actions[5] = {
    WORD(9, "\xa9", "page_view"), WORD(4, "\xa4", "edit"),  WORD(6, "\xa6", "create"),
    WORD(6, "\xa6", "delete"),    WORD(5, "\xa5", "share"),
};
const gn_gen_word gn_gen_countries[10] = {
    WORD(2, "\xa2", "US"), WORD(2, "\xa2", "UK"), WORD(2, "\xa2", "CA"), WORD(2, "\xa2", "AU"),
    WORD(2, "\xa2", "DE"), WORD(2, "\xa2", "FR"), WORD(2, "\xa2", "JP"), WORD(2, "\xa2", "IN"),
    WORD(2, "\xa2", "BR"), WORD(2, "\xa2", "MX"),
};
const gn_gen_word gn_gen_devices[6] = {
    WORD(6, "\xa6", "iPhone"),         WORD(4, "\xa4", "iPad"),
    WORD(13, "\xad", "Android Phone"), WORD(14, "\xae", "Android Tablet"),
    WORD(7, "\xa7", "Windows"),        WORD(3, "\xa3", "Mac"),
};
const gn_gen_word gn_gen_subscriptions[4] = {
    WORD(4, "\xa4", "free"),
    WORD(5, "\xa5", "basic"),
    WORD(7, "\xa7", "premium"),
    WORD(10, "\xaa", "enterprise"),
};

/* Rare: the draw fell where it might bias. */
static __attribute__((noinline)) uint64_t below_again(uint64_t x, uint64_t n)
{
    uint64_t least = (0 - n) % n;

    for (;;) {
        gn_u128 m = (gn_u128)x * n;
        if ((uint64_t)m >= least)
            return (uint64_t)(m >> 64);
        x = gn_gen_mix(x + GAMMA);
    }
}

/* A number of 0..n-1 from draw number `at`. */
static inline uint64_t below(uint64_t at, uint64_t n)
{
    uint64_t x = gn_gen_mix(at);
    gn_u128 m = (gn_u128)x * n;

    if (__builtin_expect((uint64_t)m < n, 0))
        return below_again(x, n);
    return (uint64_t)(m >> 64);
}

void gn_gen_digits(char digits[1000][4])
{
    for (unsigned i = 0; i < 1000; i++) {
        digits[i][0] = (char)('0' + i / 100);
        digits[i][1] = (char)('0' + i / 10 % 10);
        digits[i][2] = (char)('0' + i % 10);
        digits[i][3] = 0;
    }
}

/* e^(f ln 2) by its series for f in [0, 1), scaled by an exponent put together from bits. */
double gn_gen_exp2(double x)
{
    if (x < -1000)
        x = -1000;
    if (x > 1000)
        x = 1000;
    int64_t i = (int64_t)x - (x < (double)(int64_t)x);
    double y = (x - (double)i) * 0.69314718055994530942, sum = 1, scale;

    for (int k = 13; k > 0; k--)
        sum = 1 + y * sum / k;
    uint64_t bits = (uint64_t)(i + 1023) << 52;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}

/* x = m 2^i with m in [1, 2); ln m = 2 artanh t by its series, t = (m - 1) / (m + 1) <= 1/3. */
double gn_gen_log2(double x)
{
    uint64_t bits;
    double m, sum = 0;

    memcpy(&bits, &x, sizeof bits);
    int64_t i = (int64_t)(bits >> 52 & 2047) - 1023;
    bits = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52;
    memcpy(&m, &bits, sizeof m);
    double t = (m - 1) / (m + 1), t2 = t * t;
    for (int k = 21; k > 0; k -= 2)
        sum = sum * t2 + 1.0 / k;
    return (double)i + 2 * t * sum * 1.44269504088896340736;
}

void gn_gen_init(gn_gen *g, enum gn_gen_table table, uint64_t seed, uint64_t users)
{
    g->table = table;
    g->base = gn_gen_mix(gn_gen_mix(seed + GAMMA) + GAMMA * ((uint64_t)table + 1));
    g->users = users;
    gn_gen_digits(g->digits);
}

const gn_schema *gn_gen_schema(enum gn_gen_table table)
{
    return gn_schema_builtin(table == GN_GEN_METADATA ? "metadata" : "interactions");
}

static inline uint8_t *put_interaction(const gn_gen *g, uint64_t at, uint8_t *p)
{
    *p++ = 0x96;
    p = gn_gen_put_id(g->digits, p, 'u', 1 + below(at, g->users));
    *p++ = 0xd6; /* timestamp of 4 bytes: seconds */
    *p++ = 0xff;
    p = gn_put32(p, (uint32_t)(TIME_FIRST + below(at + GAMMA, TIME_COUNT)));
    p = gn_gen_put_word(p, &gn_gen_actions[below(at + 2 * GAMMA, 5)]);
    p = gn_gen_put_id(g->digits, p, 'p', 1 + below(at + 3 * GAMMA, PAGES));
    p = gn_mp_int(p, (int64_t)(100 + below(at + 4 * GAMMA, 299901)));
    unsigned v = (unsigned)below(at + 5 * GAMMA, 300);
    p[0] = 0xa5;
    p[1] = (uint8_t)('5' + v / 100);
    p[2] = '.';
    p[3] = (uint8_t)('0' + v / 10 % 10);
    p[4] = '.';
    p[5] = (uint8_t)('0' + v % 10);
    return p + 6;
}

static inline uint8_t *put_metadata(const gn_gen *g, uint64_t at, uint8_t *p)
{
    *p++ = 0x95;
    p = gn_gen_put_id(g->digits, p, 'u', 1 + below(at, g->users));
    p = gn_mp_int(p, (int64_t)(DAY_FIRST + below(at + GAMMA, DAY_COUNT)));
    p = gn_gen_put_word(p, &gn_gen_countries[below(at + 2 * GAMMA, 10)]);
    p = gn_gen_put_word(p, &gn_gen_devices[below(at + 3 * GAMMA, 6)]);
    return gn_gen_put_word(p, &gn_gen_subscriptions[below(at + 4 * GAMMA, 4)]);
}

uint8_t *gn_gen_rows(const gn_gen *g, uint64_t lo, size_t n, uint8_t *p)
{
    uint64_t at = g->base + GAMMA * (lo * DRAWS + 1);

    if (g->table == GN_GEN_METADATA)
        for (size_t i = 0; i < n; i++, at += GAMMA * DRAWS)
            p = put_metadata(g, at, p);
    else
        for (size_t i = 0; i < n; i++, at += GAMMA * DRAWS)
            p = put_interaction(g, at, p);
    return p;
}
