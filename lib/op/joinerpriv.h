/* joinerpriv.h - what the parts of the join share; not for callers. See joiner.h.
 *
 *     joinerspec   options and headers: which fields are the key, which come out
 *     joinerclaims what the output claims
 *     joinerside   batches of one side as columns of keys and bodies
 *     joinerout    records put together
 *     joinerhash   the table of the right; broadcast
 *     joinerspool  rows on disk, by the hash of their key
 *     joinergrace  grace
 *     joinermerge  merge */
#ifndef GN_OP_JOINERPRIV_H
#define GN_OP_JOINERPRIV_H

#include "../base/hash.h"
#include "../io/tmp.h"
#include "../kernel/jointab.h"
#include "../kernel/recout.h"
#include "../kernel/sortkey.h"
#include "joiner.h"
#include "order.h"
#include "unite.h"

/* ---- what is joined (joinerspec.c) ---- */

typedef struct gn_joinkey {
    char *left, *right; /* names */
} gn_joinkey;

enum gn_join_from { GN_FROM_LEFT, GN_FROM_RIGHT, GN_FROM_MARK };

/* A field of the output. */
typedef struct gn_joincolumn {
    enum gn_join_from from;
    int field; /* in that side's schema */
    int key;   /* the key's field that it is on the left, -1: none */
    char *name;
    gn_type type;
} gn_joincolumn;

/* Neighbouring columns from one side. */
typedef struct gn_joinpiece {
    enum gn_join_from from;
    size_t n;
} gn_joinpiece;

typedef struct gn_joinspec {
    gn_joinkey *key;
    size_t nkeys;
    gn_joincolumn *column;
    size_t ncolumns;
    gn_joinpiece *piece; /* malloc'd, like all here */
    size_t npieces;
    bool keeps_left;  /* unmatched left records come out: left, full, anti */
    bool keeps_right; /* right, full */
    bool pairs;       /* matched ones come out as pairs: not semi, anti */
    bool same;        /* what comes out is the left record as it is */
} gn_joinspec;

/* ---- one side (joinerside.c) ---- */

typedef struct gn_joinside {
    gn_reader *r;
    gn_unite in;
    bool ready; /* what follows is known */
    int *key;   /* fields */
    size_t nkeys;
    int *body; /* fields, in their order in the output */
    size_t nbody;
    bool run, from_begin, to_end; /* they follow each other in the record, from its first field, to
                                     its last */
    bool records;                 /* whole records are asked for, too */
    gn_sortkey *order;            /* of --right-order */
    size_t norder;
    gn_lineage lineage; /* of the segments that have ended */
    gn_id *roots;
    size_t nroots;
    bool doubled;         /* some records are in it more than once */
    gn_jointab_rows rows; /* the batch, in columns */
    gn_str body_of[GN_BATCH], key_of[GN_BATCH], record_of[GN_BATCH];
    uint8_t null_of[GN_BATCH];
    gn_buf key_bytes, body_bytes;
} gn_joinside;

void gn_joinside_release(gn_joinside *s);
/* The reader's new segment: ask for what is read. */
int gn_joinside_bind(gn_joinside *s, gn_err *e);
int gn_joinside_batch(gn_joinside *s, const gn_batch *b, gn_err *e);
/* A segment has ended. */
int gn_joinside_ended(gn_joinside *s, gn_err *e);

/* ---- records out (joinerout.c) ---- */

typedef struct gn_joinout {
    const gn_joinspec *spec;
    gn_recout out;
    uint8_t head[GN_SLACK]; /* of a record */
    size_t nhead;
    bool plain;         /* left, right, mark: in this order */
    bool simple;        /* and no mark */
    gn_buf right_nulls; /* the body of no right record */
    gn_buf left_body;   /* of an unmatched right record */
    gn_buf mark[3];     /* by gn_join_side */
} gn_joinout;

enum gn_join_side { GN_SIDE_LEFT, GN_SIDE_RIGHT, GN_SIDE_BOTH };

int gn_joinout_init(gn_joinout *o, const gn_joinspec *spec, gn_writer *w, gn_err *e);
void gn_joinout_release(gn_joinout *o);
int gn_joinout_pair(gn_joinout *o, gn_str left, gn_str right, gn_err *e);
/* Where o->simple: n pairs; o->right_nulls is the partner of those that have none. */
int gn_joinout_pairs(gn_joinout *o, const gn_str *left, const gn_str *right, size_t n, gn_err *e);
int gn_joinout_left(gn_joinout *o, gn_str left, gn_err *e); /* without partner */
int gn_joinout_semi(gn_joinout *o, gn_str left, gn_err *e); /* with one that does not come out */
int gn_joinout_right(gn_joinout *o, gn_str key, gn_str right, gn_err *e);

/* ---- rows on disk (joinerspool.c) ---- */

typedef struct gn_joinextent {
    uint64_t at;
    size_t n;
} gn_joinextent;

typedef struct gn_joinpart {
    uint8_t *buf;
    size_t n;           /* bytes in it */
    gn_joinextent *ext; /* what was written; whole rows each */
    size_t next;        /* how many */
    uint64_t rows, bytes;
} gn_joinpart;

/* Rows of one side by their hash. */
typedef struct gn_joinspool {
    gn_tmp *tmp; /* borrowed */
    gn_budget *budget;
    unsigned bits, level;
    bool records;
    size_t nparts, room, charged;
    gn_joinpart *part;
    uint64_t bytes;
} gn_joinspool;

/* The rows of a part, a batch at a time. */
typedef struct gn_joinscan {
    gn_joinspool *s;
    size_t part, ext; /* the next extent */
    gn_buf buf;
    size_t at; /* in it */
    size_t charged;
    gn_jointab_rows rows;
    gn_str key[GN_BATCH], body[GN_BATCH], record[GN_BATCH];
    uint8_t null[GN_BATCH];
} gn_joinscan;

typedef struct gn_joinrow_out {
    gn_str key, body, record;
    bool null;
} gn_joinrow_out;

/* Level 0 splits by the lowest `bits` bits of the key's gn_hash, level 1 by the next ones. */
int gn_joinspool_init(gn_joinspool *s, gn_tmp *tmp, gn_budget *b, unsigned bits, unsigned level,
                      bool records, gn_err *e);
void gn_joinspool_release(gn_joinspool *s);
int gn_joinspool_put(gn_joinspool *s, const gn_joinrow_out *r, gn_err *e);
/* Nothing more comes. */
int gn_joinspool_finish(gn_joinspool *s, gn_err *e);
static inline size_t gn_joinspool_part(const gn_joinspool *s, gn_str key)
{
    return gn_hash(key.p, key.n) >> s->bits * s->level & (s->nparts - 1);
}
/* A part is needed no more. */
void gn_joinspool_drop(gn_joinspool *s, size_t part);

void gn_joinscan_begin(gn_joinscan *c, gn_joinspool *s, size_t part);
/* 1: c->rows are the next ones, until the next call; 0: there are none; -1. */
int gn_joinscan_next(gn_joinscan *c, gn_err *e);
void gn_joinscan_release(gn_joinscan *c);

/* ---- the join ---- */

struct gn_joiner {
    gn_joiner_options o;
    gn_joinspec spec;
    gn_order right_order;
    gn_joinside left, right;
    gn_joinout out;
    gn_writer *w;
    gn_jointab *tab;
    uint64_t tab_matched; /* rows of it */
    gn_joiner_stats stats;
    bool claims_part; /* the output's header has a placement */
};

/* Parse the options. */
int gn_joinspec_parse(gn_joiner *j, gn_err *e);
void gn_joinspec_release(gn_joinspec *s);
/* What is read of the right, its header being known (and with --fields the left's). */
int gn_joinspec_right(gn_joiner *j, gn_err *e);
/* The same of the left, and what comes out, both headers being known. */
int gn_joinspec_left(gn_joiner *j, gn_err *e);
/* Are both sides declared in the same order of the key? Then the key's fields are put in its
 * sequence. */
bool gn_joinspec_ordered(gn_joiner *j);
/* Is the right declared in an order that begins with the key? */
bool gn_joinspec_right_ordered(const gn_joiner *j);
/* Which of the key's fields is called so on the left, -1: none. */
int gn_joinspec_key(const gn_joinspec *s, const char *name);

/* ---- claims (joinerclaims.c) ---- */

/* Where right records come out too: do the records of a further left segment keep to the placement
 * that the output claims? */
bool gn_joinspec_within(const gn_joiner *j, const gn_header *left);
/* Could records of the left header's part have partners that are elsewhere? That is an error. */
int gn_joinspec_parts(const gn_joiner *j, const gn_header *left, gn_err *e);

/* Begin the output for left records of this header; they come in its order, or in none. */
int gn_joiner_begin(gn_joiner *j, const gn_header *left, bool ordered, gn_err *e);
/* End it. `left`: what its left records are made from; NULL: all of them. */
int gn_joiner_end(gn_joiner *j, const gn_lineage *left, gn_err *e);

/* ---- what the strategies share (joiner.c, joinerhash.c) ---- */

/* The next event of a side; a new segment's fields are asked for, one that ended is accounted for.
 */
int gn_joiner_next(gn_joinside *s, gn_batch **b, gn_err *e);
/* The first header of a side. */
int gn_joiner_open(gn_joiner *j, gn_joinside *s, gn_err *e);

/* Of two right records of one key, does `record` take the place of `held`? */
bool gn_joiner_better(void *ctx, gn_str record, gn_str held);
int gn_joiner_repeated(const gn_joiner *j, gn_err *e);

/* The next batch of the right, without rows that can be of no use: 1; 0 at the end. */
int gn_joiner_next_right(gn_joiner *j, gn_err *e);
/* Add rows of the right to the table, from *at on: as gn_jointab_add, but a repeated key is an
 * error where it must be. */
int gn_joiner_add(gn_joiner *j, const gn_jointab_rows *rows, size_t *at, gn_err *e);
/* What rows of the left find in the table. `b`: they are its records, NULL: no batch's. `seen`,
 * where the right comes in several tables (NULL: it does not): a bit for each row, set when it has
 * found one; those that have none come out with the last table only. */
typedef struct gn_joinseen {
    uint64_t *bit;
    uint64_t at; /* the number of rows->key[0] */
    bool last;
} gn_joinseen;
int gn_joiner_probe(gn_joiner *j, const gn_jointab_rows *rows, const gn_batch *b,
                    const gn_joinseen *seen, gn_err *e);
/* The left is at its end: count what is in the table, and write those that nobody has found. */
int gn_joiner_rest(gn_joiner *j, gn_err *e);

int gn_joiner_hash(gn_joiner *j, gn_err *e);
/* The right, from the rows [at, n) of the batch that it stands on, does not fit in memory; what
 * came before is in the table. */
int gn_joiner_grace(gn_joiner *j, size_t at, gn_err *e);
int gn_joiner_merge(gn_joiner *j, gn_err *e);

#endif
