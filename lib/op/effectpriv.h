/* effectpriv.h - inside effect.h. */
#ifndef GN_OP_EFFECTPRIV_H
#define GN_OP_EFFECTPRIV_H

#include "effect.h"

#include "../kernel/bag.h"
#include "../kernel/exactsum.h"
#include "../kernel/hashtab.h"
#include "../kernel/tally.h"

#define EFFECT_PERCENTILES 3 /* 50, 95, 99 */

typedef struct effect_reals {
    gn_fsum sum;
    gn_fprod squares;
} effect_reals;

/* A value at a rank, and the next. */
typedef struct effect_rank {
    uint64_t lo, rest; /* rank from 0, and hundredths beyond it */
    uint64_t value[2];
} effect_rank;

/* The values of one group in one test. */
typedef struct effect_sample {
    uint64_t n, seen;
    uint64_t least, greatest; /* as bag.h has them */
    gn_moments whole;         /* of ints */
    effect_reals *real;       /* of floats */
    gn_moments ranks;         /* doubled */
    effect_rank rank[EFFECT_PERCENTILES];
} effect_sample;

typedef struct effect_group {
    gn_str code; /* its key code: groups are in order of these */
    bool null;
    uint64_t rows, users, user_events;
    effect_sample events, means;
} effect_group;

struct gn_effect {
    gn_effect_options o;
    bool begun;
    char *group, *value, *user; /* names */
    gn_type group_type, value_type, user_type;
    bool values, cells; /* what is kept: the two multisets */
    char *params;
    gn_effect_counts count;
    uint64_t excluded_users;
    gn_hashtab *names;     /* groups by encoding */
    effect_group **groups; /* by number */
    size_t ngroups;
    uint32_t *order, *place; /* numbers in order of the codes; where in it a number is */
    gn_arena arena;
    gn_bag bag;
    gn_tally *tally;
    uint64_t spilled, runs;
    int f_group, f_value, f_user; /* fields of the segment */
    int f_count, f_sum, f_part;
    /* of the batch */
    uint32_t number[GN_BATCH];
    gn_buf keys, scratch;
};

size_t effect_share(const gn_effect *f, size_t percent); /* of the memory, in bytes */
/* Numbers of n groups, from their encodings; new ones are made. */
int effect_find(gn_effect *f, const gn_str *encoding, uint32_t *number, size_t n, gn_err *e);
int effect_sort_groups(gn_effect *f, gn_err *e);

/* ---- parameters of a state: effectstate.c ---- */

int effect_params(gn_effect *f, gn_err *e);
int effect_of_params(gn_effect *f, const char *params, const char *name, gn_err *e);
int effect_state_segment(gn_effect *f, gn_reader *r, gn_err *e);
int effect_state_batch(gn_effect *f, const gn_batch *b, gn_err *e);
int effect_begin(gn_effect *f, gn_err *e); /* names and types are known */

/* ---- samples: effectsample.c ---- */

/* All values of a bag, in order, into the samples of their groups. */
int effect_fill(gn_effect *f, gn_bag *bag, bool means, gn_err *e);
/* The users' means, which go through a bag of their own, into the samples. */
int effect_fill_means(gn_effect *f, gn_err *e);
static inline effect_sample *effect_sample_of(effect_group *g, bool means)
{
    return means ? &g->means : &g->events;
}

#endif
