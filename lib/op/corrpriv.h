/* corrpriv.h - inside corr.h. */
#ifndef GN_OP_CORRPRIV_H
#define GN_OP_CORRPRIV_H

#include "corr.h"

#include "../kernel/bag.h"
#include "../kernel/exactsum.h"

typedef struct corr_field {
    char *name;
    gn_type type;
    int at; /* in the segment */
    uint64_t code[GN_BATCH];
} corr_field;

/* Sums of pairs of which one or both are floats. */
typedef struct corr_reals {
    gn_fsum x, y;
    gn_fprod xx, yy, xy;
} corr_reals;

typedef struct corr_pair {
    int x, y; /* fields */
    uint64_t n, left_out;
    bool known, ranks_known; /* are there figures? */
    double pearson, spearman;
} corr_pair;

struct gn_corr {
    gn_corr_options o;
    bool begun, any; /* any records? */
    corr_field *field;
    size_t nfields;
    corr_pair *pair; /* in the order of the output */
    size_t npairs;
    char *params;
    gn_bag bag;
    uint64_t runs, spilled;
};

/* The bag into each pair's figures: corrsum.c. */
int corr_sum(gn_corr *c, gn_err *e);
void corr_close_bag(gn_corr *c, gn_bag *g); /* count what it spilled, release it */
size_t corr_share(const gn_corr *c, size_t percent);

#endif
