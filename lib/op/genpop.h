/* genpop.h - the people of the realistic model: who they are, how much they do, how long they stay.
 *
 * A person is a rank 0..users-1, 0 the most active. Attributes and lifetime are functions of (seed,
 * users, period, rank) alone, so that both tables agree on them and no list of people is kept.
 *
 *   activity   of all sessions a part, 0.7 (1 - top share), goes to everyone alike; the rest by
 *              weight (rank + q)^-s (Zipf-Mandelbrot), q = users / 1000 but at least 10, constant
 * within ranges of ranks of at most 1/8 of their beginning. s is found by bisection, so that the
 * top 1 % of the users that are expected to occur own the wanted share of the rows. stay       half
 * joined within three years before the period, half on a day of it, each day equally likely. From
 * then on (from the period's begin for the former) a user leaves with a constant rate per week, by
 * subscription: gn_genpop_leave. During the first GN_GENPOP_NEW days after joining a user is twice
 * as active.
 *
 * Times are seconds since the period's begin, days are days since then. */
#ifndef GN_OP_GENPOP_H
#define GN_OP_GENPOP_H

#include "genpriv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GN_GENPOP_BINS 256
#define GN_GENPOP_NEW 14

enum { GN_COUNTRIES = 10, GN_DEVICES = 6, GN_SUBSCRIPTIONS = 4 };

/* Per cent of the users; leaving per week in 1/1000. */
extern const uint8_t gn_genpop_countries[GN_COUNTRIES];
extern const uint8_t gn_genpop_devices[GN_DEVICES];
extern const uint8_t gn_genpop_subscriptions[GN_SUBSCRIPTIONS];
extern const uint8_t gn_genpop_leave[GN_SUBSCRIPTIONS];

typedef struct gn_genperm { /* a bijection of 0..n-1 */
    uint64_t key[4], n, mask;
    unsigned half;
} gn_genperm;

void gn_genperm_init(gn_genperm *p, uint64_t key, uint64_t n);
uint64_t gn_genperm_at(const gn_genperm *p, uint64_t x);

typedef struct gn_genperson {
    int64_t begin, end; /* the time that the user is there: [begin, end) */
    int64_t join;       /* day, negative before the period */
    uint64_t key;       /* for further draws; numbers below 4 are taken */
    uint8_t subscription, device, country;
} gn_genperson;

typedef struct gn_genpop {
    uint64_t users, key, start[3];
    int64_t days;
    gn_genperm ids; /* rank -> user number - 1 */
    size_t nbins;
    uint64_t edge[GN_GENPOP_BINS + 1]; /* bin b holds the ranks edge[b] .. edge[b + 1] - 1 */
    uint64_t upper[GN_GENPOP_BINS];    /* weight up to the bin's end, 2^32 in all */
    uint16_t guide[4097];              /* the first bin for 12 bits of a draw */
    uint32_t lognormal[4097];          /* exp(z) of the quantile i / 4096, in 1/65536 */
    uint32_t exponential[1025];        /* mean 1, of the quantile i / 1024, in 1/65536 */
    double exponent, shift, even, seen, share; /* s, q, the even part; users
                                                 expected to occur, the top 1 %'s share */
} gn_genpop;

/* `key` stands for the seed. */
void gn_genpop_init(gn_genpop *g, uint64_t key, uint64_t users, int64_t days);
/* Only then are ranks drawn. Sessions are how many will be; spread is the mean square of their
 * lengths over the squared mean. */
void gn_genpop_weigh(gn_genpop *g, double sessions, double spread, double top_share);

void gn_genpop_person(const gn_genpop *g, uint64_t rank, gn_genperson *p);
/* A rank for a 64-bit draw. */
uint64_t gn_genpop_rank(const gn_genpop *g, uint64_t x);
/* The share of all sessions that go to this rank, were everyone there all the time. */
double gn_genpop_weight(const gn_genpop *g, uint64_t rank);

/* The user number (1..users) of a rank. */
static inline uint64_t gn_genpop_id(const gn_genpop *g, uint64_t rank)
{
    return 1 + gn_genperm_at(&g->ids, rank);
}

/* Standard distributions for a 32-bit draw, in 1/65536. */
static inline uint32_t gn_genpop_lognormal(const gn_genpop *g, uint32_t x)
{
    const uint32_t *t = g->lognormal + (x >> 20);
    return t[0] + (uint32_t)((uint64_t)(t[1] - t[0]) * (x & 0xfffff) >> 20);
}

static inline uint32_t gn_genpop_exponential(const gn_genpop *g, uint32_t x)
{
    const uint32_t *t = g->exponential + (x >> 22);
    return t[0] + (uint32_t)((uint64_t)(t[1] - t[0]) * (x & 0x3fffff) >> 22);
}

#endif
