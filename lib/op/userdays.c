/* userdays.c - see userdays.h. An entry on disk has the user's code (keycode.h) and the block's
 * first day, in 3 bytes, as its key; its body is a byte whose bit w says that word w of the block's
 * bits is not 0, and these words, big-endian. */
#include "userdays.h"

#include "../base/civil.h"
#include "../io/mp.h"
#include "../kernel/dayset.h"
#include "../kernel/keycode.h"
#include "../kernel/spill.h"

#include <stdlib.h>
#include <string.h>

#define DAY_BIAS (GN_DAY_MIN - GN_DAYSET_SPAN)
#define BODY_MAX (1 + 8 * GN_DAYSET_WORDS)

struct gn_userdays {
    gn_type type;
    gn_budget *budget;
    const char *temp_dir;
    gn_dayset *set;
    gn_spill *spill;
    gn_buf key;
    bool reading;
    size_t at; /* in memory: the next cell */
    /* the entry that was read ahead, and the user */
    bool ahead;
    int64_t first;
    uint64_t bits[GN_DAYSET_WORDS];
    gn_buf next, user; /* encodings */
};

gn_userdays *gn_userdays_new(gn_type user_type, gn_budget *b, const char *temp_dir, gn_err *e)
{
    gn_userdays *u = gn_calloc(1, sizeof *u, e);
    if (!u)
        return NULL;
    u->type = user_type;
    u->budget = b;
    u->temp_dir = temp_dir;
    if (!(u->set = gn_dayset_new(b, e))) {
        gn_userdays_free(u);
        return NULL;
    }
    return u;
}

void gn_userdays_free(gn_userdays *u)
{
    if (!u)
        return;
    gn_dayset_free(u->set);
    gn_spill_free(u->spill);
    gn_buf_release(&u->key);
    gn_buf_release(&u->next);
    gn_buf_release(&u->user);
    free(u);
}

void gn_userdays_spilled(const gn_userdays *u, uint64_t *runs, uint64_t *bytes)
{
    *runs = u->spill ? gn_spill_runs(u->spill) : 0;
    *bytes = u->spill ? gn_spill_bytes(u->spill) : 0;
}

/* ---- spilling ---- */

static uint32_t pack(const uint64_t *bits, uint8_t body[BODY_MAX])
{
    uint8_t *p = body + 1;
    *body = 0;
    for (int w = 0; w < GN_DAYSET_WORDS; w++)
        if (bits[w]) {
            *body |= (uint8_t)(1 << w);
            p = gn_put64(p, bits[w]);
        }
    return (uint32_t)(p - body);
}

/* Or a body into the bits. */
static int unpack(gn_str body, uint64_t *bits, gn_err *e)
{
    const uint8_t *p = body.p + 1, *end = body.p + body.n;
    for (int w = 0; w < GN_DAYSET_WORDS; w++) {
        if (!(*body.p >> w & 1))
            continue;
        if (end - p < 8)
            return gn_fail(e, GN_IO, "a temporary file was damaged");
        bits[w] |= gn_be64(p);
        p += 8;
    }
    return 0;
}

/* The same user and block of two runs. */
static int combine(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e)
{
    uint64_t bits[GN_DAYSET_WORDS] = {0};
    uint8_t packed[BODY_MAX];
    (void)ctx;
    (void)key;
    if (unpack((gn_str){sum->p, (uint32_t)sum->n}, bits, e) || unpack(body, bits, e))
        return -1;
    sum->n = 0;
    return gn_buf_add(sum, packed, pack(bits, packed), e);
}

/* All that is held becomes a run. */
static int spill(gn_userdays *u, gn_err *e)
{
    gn_spill_options o = {.dir = u->temp_dir, .budget = u->budget, .combine = combine};
    if (!u->spill && !(u->spill = gn_spill_new(&o, e)))
        return -1;
    if (gn_spill_run(u->spill, e) || gn_dayset_sort_values(u->set, u->type, e))
        return -1;
    for (size_t i = 0; i < gn_dayset_count(u->set); i++) {
        uint8_t room[16], body[BODY_MAX];
        gn_str user;
        gn_daycell cell = gn_dayset_sorted(u->set, i, &user, room);
        uint32_t day = (uint32_t)(cell.first - DAY_BIAS);
        uint8_t block[3] = {(uint8_t)(day >> 16), (uint8_t)(day >> 8), (uint8_t)day};
        u->key.n = 0;
        if (gn_keycode_add(&u->key, u->type, user, false, e) ||
            gn_buf_add(&u->key, block, sizeof block, e) ||
            gn_spill_put(u->spill, (gn_str){u->key.p, (uint32_t)u->key.n},
                         (gn_str){body, pack(cell.bits, body)}, e))
            return -1;
    }
    gn_dayset_clear(u->set);
    return 0;
}

int gn_userdays_add(gn_userdays *u, const gn_str *user, const int64_t *day, const uint16_t *row,
                    size_t n, gn_err *e)
{
    for (size_t done = 0;;) {
        done += gn_dayset_add(u->set, user, day, row + done, n - done, e);
        if (done == n)
            return 0;
        if (!gn_dayset_count(u->set)) /* no memory for a single one */
            return -1;
        gn_err_clear(e);
        if (spill(u, e))
            return -1;
    }
}

/* ---- reading ---- */

static int begin_reading(gn_userdays *u, gn_err *e)
{
    u->reading = true;
    if (!u->spill)
        return gn_dayset_sort_values(u->set, u->type, e);
    if (spill(u, e))
        return -1;
    gn_dayset_free(u->set);
    u->set = NULL;
    if (u->budget)
        gn_spill_memory(u->spill, (u->budget->cap - u->budget->used) / 2);
    return gn_spill_read(u->spill, NULL, e);
}

/* The next entry to next, first and bits. */
static int read_ahead(gn_userdays *u, gn_err *e)
{
    gn_str key, body;
    u->ahead = false;
    u->next.n = 0;
    if (!u->spill) {
        uint8_t room[16];
        if (u->at == gn_dayset_count(u->set))
            return 0;
        gn_daycell cell = gn_dayset_sorted(u->set, u->at++, &key, room);
        u->first = cell.first;
        memcpy(u->bits, cell.bits, sizeof u->bits);
        if (gn_buf_add(&u->next, key.p, key.n, e))
            return -1;
    } else {
        int more = gn_spill_next(u->spill, &key, &body, e);
        if (more != 1)
            return more;
        size_t n = gn_keycode_get(&u->next, u->type, key, e);
        if (n == 0 || n + 3 != key.n)
            return gn_fail(e, GN_IO, "a temporary file was damaged");
        const uint8_t *d = key.p + n;
        u->first = (int64_t)(d[0] << 16 | d[1] << 8 | d[2]) + DAY_BIAS;
        memset(u->bits, 0, sizeof u->bits);
        if (unpack(body, u->bits, e))
            return -1;
    }
    u->ahead = true;
    return 0;
}

int gn_userdays_next(gn_userdays *u, gn_str *user, gn_intsums *days, gn_err *e)
{
    if (!u->reading && (begin_reading(u, e) || read_ahead(u, e)))
        return -1;
    if (!u->ahead)
        return 0;
    gn_buf now = u->next;
    u->next = u->user;
    u->user = now;
    gn_intsums_clear(days);
    do {
        for (int w = 0; w < GN_DAYSET_WORDS; w++)
            for (uint64_t b = u->bits[w]; b; b &= b - 1)
                if (gn_intsums_add(days, u->first + 64 * w + __builtin_ctzll(b), 1, e))
                    return -1;
        if (read_ahead(u, e))
            return -1;
    } while (u->ahead && u->next.n == u->user.n && memcmp(u->next.p, u->user.p, u->user.n) == 0);
    *user = (gn_str){u->user.p, (uint32_t)u->user.n};
    return 1;
}
