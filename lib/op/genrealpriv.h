/* genrealpriv.h - the plan of realistic data, as genreal.c makes it and geneffects.c tells of it.
 */
#ifndef GN_OP_GENREALPRIV_H
#define GN_OP_GENREALPRIV_H

#include "genpop.h"
#include "genreal.h"

#define GN_GENREAL_LENGTH 40    /* actions in a session at most */
#define GN_GENREAL_BURSTS 5     /* anomalous user-days */
#define GN_GENREAL_BURST_LEN 25 /* actions in a session of such a day */
#define GN_GENREAL_RELEASES 120 /* versions released within the period */
#define GN_GENREAL_OLD 20       /* and before it */
#define GN_GENREAL_SLOW 95      /* the slow one */
#define GN_GENREAL_SLOW_DEVICE 3
#define GN_GENREAL_PAGES 100000
#define GN_GENREAL_SPIKE 6 /* sessions that begin in the anomalous hour, times what is usual */

extern const uint16_t gn_genreal_medians[5]; /* ms, by action */
extern const uint8_t gn_genreal_chain[6][5]; /* per cent, by the action before; [5]: the first */
extern const uint8_t gn_genreal_hours[24];   /* relative weights */
extern const uint8_t gn_genreal_weekdays[7]; /* from Monday */
extern const uint8_t gn_genreal_months[12];
#define GN_GENREAL_SLOW_PERCENT 250
#define GN_GENREAL_SLOW_DEVICE_PERCENT 160

typedef struct gn_genreal_burst { /* an anomalous user-day */
    uint64_t rank, events;
    int64_t day;  /* of the period */
    double usual; /* rows that the user is expected to have a day */
} gn_genreal_burst;

typedef struct gn_genreal_event {
    uint32_t user, page;
    uint32_t at; /* seconds since the block's begin */
    int32_t ms;  /* INT32_MIN: null */
    uint8_t action, version;
} gn_genreal_event;

struct gn_genreal {
    gn_genreal_options o;
    char digits[1000][4];
    gn_genpop pop;
    uint64_t key;
    /* calendar */
    int64_t days, hours;
    uint64_t *weight;      /* [hours + 1]: of all hours before */
    int64_t spike;         /* the anomalous hour; -1: none */
    int64_t span, lead;    /* hours of a block; the first has `lead` more */
    uint64_t blocks, most; /* rows of the largest */
    /* sessions */
    uint64_t length[GN_GENREAL_LENGTH]; /* chance of at most i + 1 actions, of 2^32 */
    double mean_length, spread;
    uint64_t null_below, negative_below, long_below, late_below; /* of 2^32 */
    gn_genreal_burst burst[GN_GENREAL_BURSTS];
    size_t nbursts;
    /* metadata */
    uint64_t covered, further; /* users with a row, rows beyond that */
    gn_genperm places, members;
    /* the block at hand */
    uint64_t block, first, rows; /* UINT64_MAX: none */
    gn_genreal_event *event;
    uint8_t *count;          /* actions by session */
    uint32_t *key_a, *key_b; /* arrival */
    uint32_t *row_a, *row_b; /* index of the event */
};

/* "6.9.0" as a number 690. */
static inline unsigned gn_genreal_version(unsigned release)
{
    return (5 + release / 50) * 100 + release / 5 % 10 * 10 + release % 5;
}

#endif
