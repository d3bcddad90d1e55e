/* genpriv.h - what the models of the generator share: counted random numbers, encoded words, and
 * the few functions of a real number whose last digit must be the same everywhere.
 *
 * Random numbers: SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom
 * number generators", OOPSLA 2014; the constants of S. Vigna's public-domain splitmix64.c,
 * https://prng.di.unimi.it/splitmix64.c). Its n-th output is a function of n, so it serves as a
 * counter-based generator. */
#ifndef GN_OP_GENPRIV_H
#define GN_OP_GENPRIV_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GN_GEN_GAMMA UINT64_C(0x9e3779b97f4a7c15)

static inline uint64_t gn_gen_mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Draw number n of the stream that begins at key. */
static inline uint64_t gn_gen_draw(uint64_t key, uint64_t n)
{
    return gn_gen_mix(key + GN_GEN_GAMMA * (n + 1));
}

typedef struct gn_gen_word {
    uint8_t n;
    uint8_t mp[15]; /* encoded, head included */
} gn_gen_word;

extern const gn_gen_word gn_gen_actions[5];
extern const gn_gen_word gn_gen_countries[10];
extern const gn_gen_word gn_gen_devices[6];
extern const gn_gen_word gn_gen_subscriptions[4];

/* Copies 15 bytes, of which n count. */
static inline uint8_t *gn_gen_put_word(uint8_t *p, const gn_gen_word *w)
{
    memcpy(p, w->mp, sizeof w->mp);
    return p + w->n;
}

void gn_gen_digits(char digits[1000][4]); /* "000".."999" */

/* A letter and a number of at least six digits; v at most GN_GEN_USERS_MAX. */
static inline uint8_t *gn_gen_put_id(const char (*digits)[4], uint8_t *p, char letter, uint64_t v)
{
    uint32_t high = (uint32_t)(v / 1000000), low = (uint32_t)(v % 1000000);
    uint8_t *head = p++;

    *p++ = (uint8_t)letter;
    if (high) {
        char t[4];
        size_t n = 0;
        for (; high; high /= 10)
            t[n++] = (char)('0' + high % 10);
        while (n)
            *p++ = (uint8_t)t[--n];
    }
    memcpy(p, digits[low / 1000], 4);
    memcpy(p + 3, digits[low % 1000], 4);
    p += 6;
    *head = (uint8_t)(0xa0 | (p - head - 1));
    return p;
}

/* 2^x and the base-2 logarithm of x > 0 by polynomials of + - * / alone: good to about 1e-10, and
 * to the last bit the same on every machine with IEEE doubles, which libm's are not. */
double gn_gen_exp2(double x);
double gn_gen_log2(double x);

#endif
