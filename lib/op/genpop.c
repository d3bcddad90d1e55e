/* genpop.c - see genpop.h.
 *
 * Bijection: a balanced Feistel network of four rounds on the least even number of bits that holds
 * n, walked until it falls below n (J. Black, P. Rogaway, "Ciphers with arbitrary finite domains",
 * CT-RSA 2002), at most 4 rounds of it on average.
 *
 * All real arithmetic is + - * / on IEEE doubles, without contraction, and ends in rounded
 * integers: the tables are the same everywhere. */
#include "genpop.h"

#include <stdlib.h>

#define LN2 0.69314718055994530942
#define LOG2E 1.44269504088896340736

const uint8_t gn_genpop_countries[GN_COUNTRIES] = {34, 11, 7, 5, 9, 7, 8, 10, 5, 4};
const uint8_t gn_genpop_devices[GN_DEVICES] = {31, 8, 29, 5, 18, 9};
const uint8_t gn_genpop_subscriptions[GN_SUBSCRIPTIONS] = {60, 25, 11, 4};
const uint8_t gn_genpop_leave[GN_SUBSCRIPTIONS] = {40, 20, 10, 4};

void gn_genperm_init(gn_genperm *p, uint64_t key, uint64_t n)
{
    p->n = n;
    p->half = 1;
    while (p->half < 31 && UINT64_C(1) << 2 * p->half < n)
        p->half++;
    p->mask = (UINT64_C(1) << p->half) - 1;
    for (unsigned i = 0; i < 4; i++)
        p->key[i] = gn_gen_draw(key, i);
}

uint64_t gn_genperm_at(const gn_genperm *p, uint64_t x)
{
    do {
        uint64_t l = x >> p->half, r = x & p->mask;
        for (int i = 0; i < 4; i++) {
            uint64_t t = l ^ (gn_gen_mix(p->key[i] + r) & p->mask);
            l = r;
            r = t;
        }
        x = l << p->half | r;
    } while (x >= p->n);
    return x;
}

/* z(q) = -z(1 - q): the upper half by summing the density in steps of 1/2048 (midpoints). */
static void normal_tables(gn_genpop *g)
{
    const double step = 1.0 / 2048, root = 0.39894228040143267794; /* 1 / sqrt(2 pi) */
    double z[2049] = {0}, area = 0, at = 0;

    for (int i = 1; i < 2048; i++) {
        double want = i / 4096.0;
        for (;;) {
            double mid = at + step / 2, slice = step * root * gn_gen_exp2(-mid * mid / 2 * LOG2E);
            if (area + slice >= want) {
                z[i] = at + step * (want - area) / slice;
                break;
            }
            area += slice;
            at += step;
        }
    }
    z[2048] = 4; /* the tails end here */
    for (int i = 0; i <= 2048; i++) {
        g->lognormal[2048 + i] = (uint32_t)(gn_gen_exp2(z[i] * LOG2E) * 65536 + 0.5);
        g->lognormal[2048 - i] = (uint32_t)(gn_gen_exp2(-z[i] * LOG2E) * 65536 + 0.5);
    }
    for (int i = 0; i < 1024; i++)
        g->exponential[i] = (uint32_t)(-gn_gen_log2(1 - i / 1024.0) * LN2 * 65536 + 0.5);
    g->exponential[1024] = (uint32_t)(13 * LN2 * 65536 + 0.5);
}

void gn_genpop_init(gn_genpop *g, uint64_t key, uint64_t users, int64_t days)
{
    g->users = users;
    g->key = gn_gen_draw(key, 0);
    g->days = days;
    gn_genperm_init(&g->ids, gn_gen_draw(key, 1), users);
    for (unsigned i = 0; i < 3; i++)
        g->start[i] = gn_gen_draw(key, 2 + i);
    normal_tables(g);
    g->nbins = 0;
    for (uint64_t at = 0; at < users; g->nbins++) {
        g->edge[g->nbins] = at;
        at += at < 16 ? 1 : at / 8;
    }
    g->edge[g->nbins] = users;
}

/* The index of the class that a draw of 16 bits falls into. */
static uint8_t choose(const uint8_t *percent, uint64_t draw)
{
    uint32_t x = (uint32_t)((draw & 0xffff) * 100 >> 16);
    uint8_t i = 0;

    while (x >= percent[i])
        x -= percent[i++];
    return i;
}

/* What decides how much a person is there is spread evenly over any run of ranks, so that the few
 * most active are as a whole like everybody: an additive recurrence in three dimensions, multiples
 * of 1/c, 1/c^2, 1/c^3 modulo 1 with c^4 = c + 1, begun at the seed (M. Roberts, "The unreasonable
 * effectiveness of quasirandom sequences", 2018). */
void gn_genpop_person(const gn_genpop *g, uint64_t rank, gn_genperson *p)
{
    uint64_t key = gn_gen_draw(g->key, rank), kind = gn_gen_draw(key, 0);
    uint64_t join = g->start[0] + rank * UINT64_C(0xd1b54a32d192ed03);
    uint64_t stay = g->start[1] + rank * UINT64_C(0xabc98388fb8fac03);
    uint64_t plan = g->start[2] + rank * UINT64_C(0x8cb92ba72f3d8dd7);
    uint64_t part = join << 1 >> 32;

    p->key = key;
    p->subscription = choose(gn_genpop_subscriptions, plan >> 48);
    p->device = choose(gn_genpop_devices, kind);
    p->country = choose(gn_genpop_countries, kind >> 16);
    if (join >> 63)
        p->join = -1 - (int64_t)(part * 1095 >> 32);
    else
        p->join = (int64_t)(part * (uint64_t)g->days >> 32);
    p->begin = p->join < 0 ? 0 : p->join * 86400;
    p->end = p->begin + 1 +
             (int64_t)((uint64_t)gn_genpop_exponential(g, (uint32_t)(stay >> 32)) *
                           (7 * 86400 * 1000u) / gn_genpop_leave[p->subscription] >>
                       16);
}

/* ---- activity ---- */

enum { SAMPLE = 1024, TIMES = 48, GROUPS = 8, NOISE = 3 };

typedef struct group {
    double rate, users; /* expected sessions of one of them; how many they are */
} group;

static int by_rate(const void *a, const void *b)
{
    double x = ((const group *)a)->rate, y = ((const group *)b)->rate;
    return (x < y) - (x > y);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How much more or less people do than their weight says, because others come and go: a sample of
 * people in GROUPS groups of equal size, mean 1. */
static void exposure(const gn_genpop *g, double out[GROUPS])
{
    double m[SAMPLE] = {0}, total = 0;
    gn_genperson p[SAMPLE];

    for (uint64_t i = 0; i < SAMPLE; i++)
        gn_genpop_person(g, (UINT64_C(1) << 40) + i, &p[i]);
    for (int64_t k = 0; k < TIMES; k++) {
        int64_t t = g->days * 86400 / TIMES * k + g->days * 900;
        double at[SAMPLE], all = 0;
        for (int i = 0; i < SAMPLE; i++) {
            bool there = t >= p[i].begin && t < p[i].end;
            bool new = t < (p[i].join + GN_GENPOP_NEW) * 86400;
            at[i] = there ? (new ? 2 : 1) : 0;
            all += at[i];
        }
        for (int i = 0; i < SAMPLE && all > 0; i++)
            m[i] += at[i] / all;
    }
    qsort(m, SAMPLE, sizeof *m, by_value);
    for (int i = 0; i < GROUPS; i++) {
        out[i] = 0;
        for (int k = 0; k < SAMPLE / GROUPS; k++)
            out[i] += m[i * (SAMPLE / GROUPS) + k];
        total += out[i];
    }
    for (int i = 0; i < GROUPS; i++)
        out[i] = total > 0 ? out[i] / total * GROUPS : 1;
}

static double root(double x)
{
    return x > 0 ? gn_gen_exp2(gn_gen_log2(x) / 2) : 0;
}

/* The weights of the bins under the exponent s, 1 in all. */
static void weights(const gn_genpop *g, double s, double out[GN_GENPOP_BINS])
{
    double total = 0;

    for (size_t b = 0; b < g->nbins; b++) {
        double width = (double)(g->edge[b + 1] - g->edge[b]);
        double x = (double)g->edge[b] + width / 2 + g->shift;
        total += out[b] = width * gn_gen_exp2(-s * gn_gen_log2(x));
    }
    for (size_t b = 0; b < g->nbins; b++) {
        double width = (double)(g->edge[b + 1] - g->edge[b]);
        out[b] = (1 - g->even) * out[b] / total + g->even * width / (double)g->users;
    }
}

/* The share of the top 1 % under the exponent s; sets g->seen. The rows of a user scatter about
 * what is expected of them (compound Poisson): three points that have its variance stand for that.
 */
static double share(gn_genpop *g, const double m[GROUPS], double sessions, double spread, double s)
{
    static const double off[NOISE] = {-1.5, 0, 1.5}, part[NOISE] = {2 / 9.0, 5 / 9.0, 2 / 9.0};
    group v[GN_GENPOP_BINS * GROUPS * NOISE];
    double weight[GN_GENPOP_BINS], seen = 0, users = 0, top = 0, all = 0;
    size_t n = 0;

    weights(g, s, weight);
    for (size_t b = 0; b < g->nbins; b++)
        for (int i = 0; i < GROUPS; i++) {
            double width = (double)(g->edge[b + 1] - g->edge[b]);
            double rate = sessions * weight[b] / width * m[i];
            double deviation = rate > 0 ? root(spread / rate) : 0;
            if (deviation > 0.6)
                deviation = 0.6;
            seen += width / GROUPS * (1 - gn_gen_exp2(-rate * LOG2E));
            all += width / GROUPS * rate;
            for (int k = 0; k < NOISE; k++)
                v[n++] = (group){rate * (1 + off[k] * deviation), width / GROUPS * part[k]};
        }
    qsort(v, n, sizeof *v, by_rate);
    for (size_t i = 0; i < n && users < seen / 100; i++) {
        double take = v[i].users;
        if (users + take > seen / 100)
            take = seen / 100 - users;
        users += take;
        top += take * v[i].rate;
    }
    g->seen = seen;
    return all > 0 ? top / all : 0;
}

void gn_genpop_weigh(gn_genpop *g, double sessions, double spread, double top_share)
{
    double m[GROUPS], weight[GN_GENPOP_BINS], low = 0, high = 8, acc = 0;

    g->shift = g->users > 10000 ? (double)g->users / 1000 : 10;
    g->even = 0.7 * (1 - top_share);
    exposure(g, m);
    for (int i = 0; i < 22; i++) {
        double mid = (low + high) / 2;
        if (share(g, m, sessions, spread, mid) < top_share)
            low = mid;
        else
            high = mid;
    }
    g->exponent = (low + high) / 2;
    g->share = share(g, m, sessions, spread, g->exponent);
    weights(g, g->exponent, weight);
    for (size_t b = 0; b < g->nbins; b++) {
        acc += weight[b];
        g->upper[b] = (uint64_t)(acc * 4294967296.0);
    }
    g->upper[g->nbins - 1] = UINT64_C(1) << 32; /* others may lie a rounding above it */
    for (size_t b = 0; b < g->nbins; b++)
        if (g->upper[b] > UINT64_C(1) << 32)
            g->upper[b] = UINT64_C(1) << 32;
    size_t b = 0;
    for (uint64_t i = 0; i <= 4096; i++) {
        while (b + 1 < g->nbins && g->upper[b] <= i << 20)
            b++;
        g->guide[i] = (uint16_t)b;
    }
}

uint64_t gn_genpop_rank(const gn_genpop *g, uint64_t x)
{
    uint64_t high = x >> 32;
    size_t b = g->guide[high >> 20];

    while (g->upper[b] <= high)
        b++;
    return g->edge[b] + ((g->edge[b + 1] - g->edge[b]) * (x & 0xffffffff) >> 32);
}

double gn_genpop_weight(const gn_genpop *g, uint64_t rank)
{
    size_t b = 0;

    while (g->edge[b + 1] <= rank)
        b++;
    uint64_t w = g->upper[b] - (b ? g->upper[b - 1] : 0);
    return (double)w / 4294967296.0 / (double)(g->edge[b + 1] - g->edge[b]);
}
