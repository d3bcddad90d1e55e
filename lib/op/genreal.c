/* genreal.c - see genreal.h.
 *
 * Everything is drawn by counter: a stream of SplitMix64 for each block, session, event and person,
 * keyed by a draw of the stream above it. Sessions of a block begin at stratified times: the j-th
 * of S somewhere in the j-th part of S of the block's weight. A person for a session is drawn from
 * the activity law until one is there at that time. */
#include "genrealpriv.h"

#include "../base/civil.h"
#include "../base/num.h"
#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_LEAST 4096     /* rows, on average: shorter blocks are put together */
#define BLOCK_MUCH 1000000   /* rows, on average: longer blocks are split */
#define BLOCK_MOST (1 << 25) /* rows of the largest */
#define EDGE 4               /* the hour at which blocks end */
#define TRIES 256            /* draws of a person */
#define GAP_MOST 1790        /* seconds between actions of a session */
#define NULL_MS INT32_MIN

const uint16_t gn_genreal_medians[5] = {8000, 25000, 40000, 4000, 6000};
const uint8_t gn_genreal_chain[6][5] = {
    {62, 20, 6, 3, 9}, {45, 40, 3, 4, 8}, {35, 50, 5, 3, 7},
    {80, 8, 7, 3, 2},  {75, 12, 4, 2, 7}, {86, 4, 7, 0, 3},
};
const uint8_t gn_genreal_hours[24] = {28, 22, 18, 16, 15, 18, 26, 42, 62, 78, 84, 82,
                                      74, 80, 86, 88, 84, 78, 74, 76, 78, 70, 54, 38};
const uint8_t gn_genreal_weekdays[7] = {112, 116, 115, 112, 102, 70, 73};
const uint8_t gn_genreal_months[12] = {95, 97, 100, 102, 104, 98, 88, 85, 102, 108, 114, 107};

/* A number of 0..n-1 for 32 bits of a draw; n below 2^32. */
static inline uint32_t below(uint64_t draw, uint32_t n)
{
    return (uint32_t)((draw & 0xffffffff) * n >> 32);
}

/* ---- calendar ---- */

static int plan_hours(gn_genreal *g, gn_err *e)
{
    g->days = g->o.to - g->o.from + 1;
    g->hours = g->days * 24;
    /* A Wednesday's 14:00, six tenths into the period; needs a week before it to be compared with.
     */
    int64_t day = g->o.from + g->days * 6 / 10;
    day = gn_week_start(day) + 2;
    g->spike = day - 7 >= g->o.from && day <= g->o.to ? (day - g->o.from) * 24 + 14 : -1;
    g->weight = gn_alloc((size_t)g->hours + 1, sizeof *g->weight, e);
    if (!g->weight)
        return -1;
    uint64_t all = 0;
    for (int64_t h = 0; h < g->hours; h++) {
        int64_t d = g->o.from + h / 24;
        uint64_t w = (uint64_t)gn_genreal_hours[h % 24] *
                     gn_genreal_weekdays[d - gn_week_start(d)] *
                     gn_genreal_months[gn_civil_from_days(d).month - 1];
        g->weight[h] = all;
        all += h == g->spike ? w * GN_GENREAL_SPIKE : w;
    }
    g->weight[g->hours] = all;
    return 0;
}

/* The hour at which a block begins; that of g->blocks is the end. */
static int64_t block_hour(const gn_genreal *g, uint64_t block)
{
    if (block == 0)
        return 0;
    return block >= g->blocks ? g->hours : g->lead + (int64_t)block * g->span;
}

/* Rows before a block. */
static uint64_t rows_before(const gn_genreal *g, uint64_t block)
{
    gn_u128 part = (gn_u128)g->o.rows * g->weight[block_hour(g, block)];
    return (uint64_t)(part / g->weight[g->hours]);
}

static int plan_blocks(gn_genreal *g, gn_err *e)
{
    uint64_t daily = g->o.rows / (uint64_t)g->days + 1;

    if (daily > 4 * (uint64_t)BLOCK_MUCH)
        g->span = 1;
    else if (daily > BLOCK_MUCH)
        g->span = 6;
    else
        g->span = 24 * (int64_t)(daily >= BLOCK_LEAST ? 1 : (BLOCK_LEAST + daily - 1) / daily);
    g->lead = EDGE % g->span;
    g->blocks = 1;
    if (g->hours > g->lead + g->span)
        g->blocks = (uint64_t)((g->hours - g->lead + g->span - 1) / g->span);
    for (uint64_t b = 0; b < g->blocks; b++) {
        uint64_t n = rows_before(g, b + 1) - rows_before(g, b);
        g->most = n > g->most ? n : g->most;
    }
    if (g->most > BLOCK_MOST)
        return gn_fail(e, GN_USAGE, "--rows %llu are too many for %lld days: widen --from and --to",
                       (unsigned long long)g->o.rows, (long long)g->days);
    return 0;
}

static uint64_t block_of_row(const gn_genreal *g, uint64_t row)
{
    uint64_t lo = 0, hi = g->blocks; /* the answer is in [lo, hi) */

    while (hi - lo > 1) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (rows_before(g, mid) <= row)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* ---- sessions ---- */

/* 40 % of one action; else at least 2, one more with 80 %. */
static void plan_lengths(gn_genreal *g)
{
    double chance = 0.4, left = 0.6, sum = 0, squares = 0, at = 0;

    for (int i = 0; i < GN_GENREAL_LENGTH; i++) {
        at += chance;
        sum += chance * (i + 1);
        squares += chance * (i + 1) * (i + 1);
        g->length[i] = (uint64_t)(at * 4294967296.0);
        chance = i + 2 < GN_GENREAL_LENGTH ? left * 0.2 : left;
        left -= chance;
    }
    g->length[GN_GENREAL_LENGTH - 1] = UINT64_C(1) << 32;
    g->mean_length = sum;
    g->spread = squares / (sum * sum);
}

static inline uint8_t draw_length(const gn_genreal *g, uint64_t draw)
{
    uint64_t x = draw >> 32;
    uint8_t n = 0;

    while (g->length[n] <= x)
        n++;
    return (uint8_t)(n + 1);
}

static bool there(const gn_genperson *p, int64_t t)
{
    return t >= p->begin && t < p->end;
}

/* Somebody who is there at t: newcomers are twice as likely to be taken. */
static uint64_t draw_person(const gn_genreal *g, uint64_t key, int64_t t, gn_genperson *p)
{
    uint64_t rank = 0;

    for (uint64_t i = 0; i < TRIES; i++) {
        uint64_t x = gn_gen_draw(key, 8 + i);
        rank = gn_genpop_rank(&g->pop, x);
        gn_genpop_person(&g->pop, rank, p);
        if (there(p, t) &&
            (t < (p->join + GN_GENPOP_NEW) * 86400 || gn_gen_draw(x, 0) >> 63 || i == TRIES - 1))
            break;
    }
    return rank;
}

/* The user-days of too much: of users who are active on many of the 30 days before. */
static void plan_bursts(gn_genreal *g)
{
    double daily = (double)g->o.rows / (double)g->days;
    uint64_t rank = 0;

    /* The first that is expected to have at most 2 rows a day; the more, the more are planted. */
    while (rank + 1 < g->o.users && gn_genpop_weight(&g->pop, rank) * daily > 2)
        rank += 1 + rank / 16;
    for (int64_t k = 0; k < GN_GENREAL_BURSTS; k++) {
        gn_genreal_burst b = {.day = g->days * (40 + 12 * k) / 100};
        int64_t t = b.day * 86400;
        gn_genperson p = {0};
        bool found = false;
        for (int tries = 0; tries < 1000 && rank < g->o.users && !found; tries++) {
            gn_genpop_person(&g->pop, rank, &p);
            found = p.join < b.day - 35 && there(&p, t - 30 * 86400) && there(&p, t + 86400);
            b.rank = rank++;
        }
        b.usual = gn_genpop_weight(&g->pop, b.rank) * daily;
        if (!found || b.day < 31 || b.usual < 0.5)
            continue;
        b.events = 100 * (uint64_t)(b.usual + 2);
        b.events -= b.events % GN_GENREAL_BURST_LEN;
        /* It must not crowd out everybody else. */
        uint64_t block = block_of_row(
            g, (uint64_t)((gn_u128)g->o.rows * g->weight[b.day * 24 + 12] / g->weight[g->hours]));
        if (b.events * 4 < rows_before(g, block + 1) - rows_before(g, block))
            g->burst[g->nbursts++] = b;
    }
}

/* ---- a block ---- */

typedef struct place {
    int64_t hour;     /* the block's first */
    uint32_t seconds; /* it has */
    uint64_t key;
    uint64_t made, want; /* events so far, in all but copies */
} place;

static uint32_t duration(const gn_genreal *g, uint64_t special, uint32_t base, unsigned percent)
{
    uint64_t x = special & 0xffffffff;

    if (x < g->null_below)
        return (uint32_t)NULL_MS;
    if (x < g->negative_below)
        return (uint32_t) - (int32_t)(1 + below(special >> 32, 60000));
    if (x < g->long_below)
        return 28800001 + below(special >> 32, 230400000);
    return (uint32_t)((uint64_t)base * percent / 100);
}

/* The release that a user has: they update after a time of their own. */
static uint8_t release_at(const gn_genreal *g, const gn_genperson *p, int64_t t)
{
    int64_t every = g->hours * 3600 / GN_GENREAL_RELEASES;
    int64_t lag =
        (int64_t)((uint64_t)gn_genpop_exponential(&g->pop, (uint32_t)gn_gen_draw(p->key, 2)) * 4 *
                      (uint64_t)every >>
                  16);
    int64_t r = (t - lag + GN_GENREAL_OLD * every) / every;

    if (t - lag + GN_GENREAL_OLD * every < 0)
        r = 0;
    return (uint8_t)(r < GN_GENREAL_OLD + GN_GENREAL_RELEASES
                         ? r
                         : GN_GENREAL_OLD + GN_GENREAL_RELEASES - 1);
}

/* n events of one session that wants to begin at `start` seconds of the block. Of a given person
 * (an anomalous day: short gaps), or of one drawn. */
static void session(gn_genreal *g, place *at, uint64_t key, uint32_t start, unsigned n,
                    const gn_genreal_burst *burst)
{
    gn_genreal_event *v = g->event + at->made;
    uint32_t *late = g->key_a + at->made;
    uint64_t special[GN_GENREAL_LENGTH];
    uint32_t base[GN_GENREAL_LENGTH], now = 0, page = 0;
    unsigned action = 5;

    for (unsigned i = 0; i < n; i++) {
        uint64_t k = gn_gen_draw(key, 512 + i);
        uint64_t a = gn_gen_draw(k, 0), b = gn_gen_draw(k, 1), c = gn_gen_draw(k, 2);
        uint32_t x = below(a, 100);
        const uint8_t *chain = gn_genreal_chain[action];
        for (action = 0; x >= chain[action]; action++)
            x -= chain[action];
        if (action == 0 || action == 2 || i == 0) { /* a view or a new page moves on */
            uint64_t u = b >> 32;
            page = (uint32_t)((u * u >> 32) * u >> 32);
            page = 1 + below(page, GN_GENREAL_PAGES);
        }
        base[i] = (uint32_t)((uint64_t)gn_genreal_medians[action] *
                                 gn_genpop_lognormal(&g->pop, (uint32_t)(a >> 32)) >>
                             16);
        special[i] = gn_gen_draw(k, 3);
        v[i].action = (uint8_t)action;
        v[i].page = page;
        v[i].at = now;
        late[i] = 0;
        if ((c & 0xffffffff) < g->late_below)
            late[i] =
                300 +
                (uint32_t)((uint64_t)gn_genpop_exponential(&g->pop, (uint32_t)(c >> 32)) * 3600 >>
                           16);
        /* To the next one: what this one takes, and a while to think. */
        uint32_t busy = base[i] / 1000;
        uint32_t think = gn_genpop_lognormal(&g->pop, (uint32_t)b) * 15u >> 16;
        uint32_t gap = 1 + (busy < 900 ? busy : 900) + think;
        if (burst)
            gap = 5 + below(b, 40);
        if (i + 1 < n)
            now += gap < GAP_MOST ? gap : GAP_MOST;
    }
    if (now >= at->seconds) /* longer than the block: pressed into it */
        for (unsigned i = 0; i < n; i++)
            v[i].at = (uint32_t)((uint64_t)v[i].at * (at->seconds - 1) / now);
    now = v[n - 1].at;
    if (start + now >= at->seconds)
        start = at->seconds - 1 - now;

    int64_t t = at->hour * 3600 + start;
    gn_genperson p;
    uint64_t rank;
    if (burst) {
        rank = burst->rank;
        gn_genpop_person(&g->pop, rank, &p);
    } else {
        rank = draw_person(g, key, t, &p);
    }
    uint32_t user = (uint32_t)gn_genpop_id(&g->pop, rank);
    uint8_t release = release_at(g, &p, t);
    unsigned percent = release == GN_GENREAL_SLOW ? GN_GENREAL_SLOW_PERCENT : 100;
    if (p.device == GN_GENREAL_SLOW_DEVICE)
        percent = percent * GN_GENREAL_SLOW_DEVICE_PERCENT / 100;
    for (unsigned i = 0; i < n; i++) {
        v[i].user = user;
        v[i].version = release;
        v[i].at += start;
        v[i].ms = (int32_t)duration(g, special[i], base[i], percent);
        uint64_t arrival = (uint64_t)v[i].at + late[i];
        late[i] = arrival < at->seconds ? (uint32_t)arrival : at->seconds - 1;
    }
    at->made += n;
}

/* The sessions of anomalous days that begin in this block, between 08:00 and 20:00. */
static void bursts(gn_genreal *g, place *at)
{
    for (size_t i = 0; i < g->nbursts; i++) {
        const gn_genreal_burst *b = &g->burst[i];
        uint64_t n = b->events / GN_GENREAL_BURST_LEN;
        uint64_t key = gn_gen_draw(gn_gen_draw(g->key, 4), i);
        for (uint64_t k = 0; k < n; k++) {
            int64_t t = b->day * 86400 + 8 * 3600 + (int64_t)(k * 43200 / n) - at->hour * 3600;
            if (t >= 0 && t < at->seconds && at->made + GN_GENREAL_BURST_LEN <= at->want)
                session(g, at, gn_gen_draw(key, k), (uint32_t)t, GN_GENREAL_BURST_LEN, b);
        }
    }
}

static void sessions(gn_genreal *g, place *at)
{
    uint64_t left = at->want - at->made, n = 0;

    for (; left; n++) {
        uint8_t len = draw_length(g, at->key + n * GN_GEN_GAMMA);
        g->count[n] = len < left ? len : (uint8_t)left;
        left -= g->count[n];
    }
    int64_t hour = at->hour, end = hour + at->seconds / 3600;
    const uint64_t *w = g->weight;
    double all = (double)(w[end] - w[hour]);
    for (uint64_t j = 0; j < n; j++) {
        uint64_t key = gn_gen_draw(at->key, j), x = gn_gen_draw(key, 1);
        double part = ((double)j + (double)(x >> 32) / 4294967296.0) / (double)n;
        uint64_t pos = w[at->hour] + (uint64_t)(part * all);
        while (hour + 1 < end && w[hour + 1] <= pos)
            hour++;
        /* Those of the anomalous hour begin early, so that they end in it. */
        uint64_t width = hour == g->spike ? 2400 : 3600;
        uint64_t second = (pos - w[hour]) * width / (w[hour + 1] - w[hour]);
        second = second < width ? second : width - 1;
        session(g, at, key, (uint32_t)((uint64_t)(hour - at->hour) * 3600 + second), g->count[j],
                NULL);
    }
}

/* By arrival, stable: least significant digit first, 11 bits at a time. The order ends in row_a. */
static void order(gn_genreal *g, uint32_t n, uint32_t most)
{
    for (uint32_t i = 0; i < n; i++)
        g->row_a[i] = i;
    for (unsigned shift = 0; shift < 32 && most >> shift; shift += 11) {
        uint32_t from[2048] = {0}, sum = 0;
        for (uint32_t i = 0; i < n; i++)
            from[g->key_a[i] >> shift & 2047]++;
        for (uint32_t d = 0; d < 2048; d++) {
            uint32_t k = from[d];
            from[d] = sum;
            sum += k;
        }
        for (uint32_t i = 0; i < n; i++) {
            uint32_t to = from[g->key_a[i] >> shift & 2047]++;
            g->key_b[to] = g->key_a[i];
            g->row_b[to] = g->row_a[i];
        }
        uint32_t *k = g->key_a, *r = g->row_a;
        g->key_a = g->key_b;
        g->row_a = g->row_b;
        g->key_b = k;
        g->row_b = r;
    }
}

static void make_block(gn_genreal *g, uint64_t block)
{
    int64_t hour = block_hour(g, block);
    uint64_t first = rows_before(g, block), n = rows_before(g, block + 1) - first;
    /* Copies up to here, less those up to the block: as many as the rate says over all blocks. */
    double rate = g->o.duplicate_rate;
    uint64_t copies = (uint64_t)(rate * (double)(first + n)) - (uint64_t)(rate * (double)first);
    if (copies >= n)
        copies = n ? n - 1 : 0;
    place at = {.hour = hour,
                .seconds = (uint32_t)(block_hour(g, block + 1) - hour) * 3600,
                .key = gn_gen_draw(gn_gen_draw(g->key, 2), block),
                .want = n - copies};

    bursts(g, &at);
    sessions(g, &at);
    uint64_t key = gn_gen_draw(gn_gen_draw(g->key, 3), block);
    for (uint64_t i = 0; i < copies; i++) {
        uint32_t k = below(gn_gen_draw(key, i) >> 32, (uint32_t)at.want);
        g->event[at.want + i] = g->event[k];
        g->key_a[at.want + i] = g->key_a[k];
    }
    order(g, (uint32_t)n, at.seconds);
    g->block = block;
    g->first = first;
    g->rows = n;
}

/* ---- rows ---- */

static inline uint8_t *put_event(const gn_genreal *g, const gn_genreal_event *v, int64_t begin,
                                 uint8_t *p)
{
    *p++ = 0x96;
    p = gn_gen_put_id(g->digits, p, 'u', v->user);
    p = gn_mp_time(p, (begin + v->at) * 1000000);
    p = gn_gen_put_word(p, &gn_gen_actions[v->action]);
    p = gn_gen_put_id(g->digits, p, 'p', v->page);
    p = v->ms == NULL_MS ? gn_mp_nil(p) : gn_mp_int(p, v->ms);
    unsigned version = gn_genreal_version(v->version);
    p[0] = 0xa5;
    p[1] = (uint8_t)('0' + version / 100);
    p[2] = '.';
    p[3] = (uint8_t)('0' + version / 10 % 10);
    p[4] = '.';
    p[5] = (uint8_t)('0' + version % 10);
    return p + 6;
}

static uint8_t *put_metadata(const gn_genreal *g, uint64_t row, uint8_t *p)
{
    uint64_t q = gn_genperm_at(&g->places, row), copy = 0;

    if (q >= g->covered) {
        q -= g->covered;
        copy = 1 + q / g->covered;
        q %= g->covered;
    }
    uint64_t copies = g->further / g->covered + (q < g->further % g->covered);
    uint64_t rank = gn_genperm_at(&g->members, q);
    gn_genperson u;
    gn_genpop_person(&g->pop, rank, &u);
    uint64_t x = gn_gen_draw(u.key, 4 + copy);
    int64_t join = u.join;
    /* Later rows have later dates; the last one is true, those before it differ in the device at
     * least. */
    if (copy) {
        int64_t room = g->days - 1 - join;
        join += (int64_t)copy + below(gn_gen_draw(u.key, 3), (uint32_t)(room > 0 ? room : 1));
    }
    if (copy < copies) {
        u.device = (uint8_t)((u.device + 1 + below(x, GN_DEVICES - 1)) % GN_DEVICES);
        if (x >> 63)
            u.country =
                (uint8_t)((u.country + 1 + below(x >> 24, GN_COUNTRIES - 1)) % GN_COUNTRIES);
        if (x >> 62 & 1)
            u.subscription = (uint8_t)((u.subscription + 1 + below(x >> 28, GN_SUBSCRIPTIONS - 1)) %
                                       GN_SUBSCRIPTIONS);
    }
    *p++ = 0x95;
    p = gn_gen_put_id(g->digits, p, 'u', gn_genpop_id(&g->pop, rank));
    p = gn_mp_int(p, g->o.from + join);
    p = gn_gen_put_word(p, &gn_gen_countries[u.country]);
    p = gn_gen_put_word(p, &gn_gen_devices[u.device]);
    return gn_gen_put_word(p, &gn_gen_subscriptions[u.subscription]);
}

uint8_t *gn_genreal_rows(gn_genreal *g, uint64_t lo, size_t n, uint8_t *p)
{
    if (g->o.table == GN_GEN_METADATA) {
        for (size_t i = 0; i < n; i++)
            p = put_metadata(g, lo + i, p);
        return p;
    }
    while (n) {
        if (g->block == UINT64_MAX || lo < g->first || lo >= g->first + g->rows)
            make_block(g, block_of_row(g, lo));
        uint64_t i = lo - g->first, end = g->rows - i < n ? g->rows : i + n;
        int64_t begin = g->o.from * 86400 + block_hour(g, g->block) * 3600;
        n -= (size_t)(end - i);
        lo += end - i;
        for (; i < end; i++)
            p = put_event(g, &g->event[g->row_a[i]], begin, p);
    }
    return p;
}

/* ---- life ---- */

static int check_rate(const char *name, double v, double most, gn_err *e)
{
    if (v >= 0 && v <= most)
        return 0;
    return gn_fail(e, GN_USAGE, "--%s: give a share from 0 to %g", name, most);
}

static int check(const gn_genreal_options *o, gn_err *e)
{
    if (o->users < 1 || o->users > (uint64_t)GN_GEN_USERS_MAX)
        return gn_fail(e, GN_USAGE, "--users: give 1 to %lld", (long long)GN_GEN_USERS_MAX);
    if (o->from > o->to)
        return gn_fail(e, GN_USAGE, "--from is after --to: give the earlier day first");
    if (o->from < 0 || o->to > 49672) /* seconds in 32 bits end in 2106 */
        return gn_fail(e, GN_USAGE, "--from, --to: give days from 1970-01-01 to 2105-12-31");
    if (o->to - o->from >= GN_GENREAL_DAYS)
        return gn_fail(e, GN_USAGE, "--from, --to: give at most %d days", GN_GENREAL_DAYS);
    if (!(o->top_share >= 0.02 && o->top_share <= 0.95))
        return gn_fail(e, GN_USAGE, "--top-share: give a share from 0.02 to 0.95");
    if (check_rate("null-rate", o->null_rate, 1, e) ||
        check_rate("negative-rate", o->negative_rate, 1, e) ||
        check_rate("long-rate", o->long_rate, 1, e) ||
        check_rate("duplicate-rate", o->duplicate_rate, 0.9, e) ||
        check_rate("late-rate", o->late_rate, 1, e))
        return -1;
    if (o->null_rate + o->negative_rate + o->long_rate > 1)
        return gn_fail(e, GN_USAGE,
                       "--null-rate, --negative-rate and --long-rate are over 1 together");
    return 0;
}

static int plan(gn_genreal *g, gn_err *e)
{
    const gn_genreal_options *o = &g->o;

    g->key = gn_gen_draw(gn_gen_mix(o->seed + GN_GEN_GAMMA), 16);
    g->block = UINT64_MAX;
    gn_gen_digits(g->digits);
    if (plan_hours(g, e))
        return -1;
    gn_genpop_init(&g->pop, gn_gen_draw(g->key, 0), o->users, g->days);
    if (o->table == GN_GEN_METADATA) {
        double rows = (double)o->rows;
        uint64_t most = o->users - o->users / 20; /* the others have no row */
        g->further = (uint64_t)(rows * o->duplicate_rate + 0.5);
        if (o->rows - g->further > most)
            g->further = o->rows - most;
        if (g->further >= o->rows && g->further)
            g->further = o->rows - 1;
        g->covered = o->rows - g->further;
        gn_genperm_init(&g->places, gn_gen_draw(g->key, 5), o->rows ? o->rows : 1);
        gn_genperm_init(&g->members, gn_gen_draw(g->key, 6), o->users);
        return 0;
    }
    plan_lengths(g);
    if (plan_blocks(g, e))
        return -1;
    gn_genpop_weigh(&g->pop, (double)o->rows / g->mean_length, g->spread, o->top_share);
    plan_bursts(g);
    g->null_below = (uint64_t)(o->null_rate * 4294967296.0);
    g->negative_below = (uint64_t)((o->null_rate + o->negative_rate) * 4294967296.0);
    g->long_below = (uint64_t)((o->null_rate + o->negative_rate + o->long_rate) * 4294967296.0);
    g->late_below = (uint64_t)(o->late_rate * 4294967296.0);
    size_t n = (size_t)g->most + 1;
    if (!(g->event = gn_alloc(n, sizeof *g->event, e)) || !(g->count = gn_alloc(n, 1, e)) ||
        !(g->key_a = gn_alloc(n, sizeof *g->key_a, e)) ||
        !(g->key_b = gn_alloc(n, sizeof *g->key_b, e)) ||
        !(g->row_a = gn_alloc(n, sizeof *g->row_a, e)) ||
        !(g->row_b = gn_alloc(n, sizeof *g->row_b, e)))
        return -1;
    return 0;
}

gn_genreal *gn_genreal_new(const gn_genreal_options *o, gn_err *e)
{
    gn_genreal *g;

    if (check(o, e) || !(g = gn_calloc(1, sizeof *g, e)))
        return NULL;
    g->o = *o;
    if (plan(g, e)) {
        gn_genreal_free(g);
        return NULL;
    }
    return g;
}

void gn_genreal_free(gn_genreal *g)
{
    if (!g)
        return;
    free(g->weight);
    free(g->event);
    free(g->count);
    free(g->key_a);
    free(g->key_b);
    free(g->row_a);
    free(g->row_b);
    free(g);
}
