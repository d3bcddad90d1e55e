/* aggpriv.h - inside agg.h: what is computed (spec), what is known of a group (cells), how it is
 * kept (tables). */
#ifndef GN_OP_AGGPRIV_H
#define GN_OP_AGGPRIV_H

#include "agg.h"

#include "../kernel/ddsketch.h"
#include "../kernel/exactsum.h"
#include "../kernel/hashtab.h"
#include "../kernel/hll.h"
#include "../kernel/keysort.h"
#include "../kernel/mad.h"
#include "../kernel/spill.h"
#include "expr.h"
#include "exprlist.h"

typedef enum agg_kind {
    AGG_COUNT,
    AGG_SUM,
    AGG_AVG,
    AGG_STDDEV,
    AGG_MIN,
    AGG_MAX,
    AGG_FIRST,
    AGG_LAST,
    AGG_DISTINCT,
    AGG_PCTL,
    AGG_APPROX_DISTINCT,
    AGG_APPROX_PCTL,
    AGG_MAD
} agg_kind;

/* An expression, once for all that use it. */
typedef struct agg_col {
    const char *text; /* a list: in the spec's arena */
    size_t at, n;     /* where in it, how many bytes */
    const char *what; /* the option, for messages */
    gn_type type;
    bool bound;
    bool raw;  /* its encodings are needed, not only its values */
    int field; /* a plain field, or -1 */
    gn_expr *x;
    /* of the batch */
    const gn_vec *v;
    const gn_str *enc;
    gn_buf bytes; /* encodings of an expression's values */
    gn_str made[GN_BATCH];
} agg_col;

typedef struct agg_item {
    agg_kind kind;
    char *name;        /* in the spec's arena */
    int arg, by;       /* columns, or -1 */
    int run;           /* of values, or -1 */
    int sketch;        /* or -1 */
    uint64_t num, den; /* the percentile as a fraction */
    size_t at;         /* of its state in a cell; unused for those with a run or sketch */
} agg_item;

/* The values of a column, kept with their counts. */
typedef struct agg_run {
    int col;
    size_t at; /* in a cell: how many values, as a uint64_t */
    bool mad;  /* their deviation is asked for */
} agg_run;

/* A sketch of a column: gn_dds, else gn_hll. */
typedef struct agg_sketch {
    int col;
    bool dds;
    size_t at; /* in a cell */
} agg_sketch;

typedef struct agg_spec {
    gn_arena arena;
    agg_col *col;
    size_t ncols;
    int *key; /* columns */
    char **key_name;
    size_t nkeys;
    agg_item *item;
    size_t nitems;
    agg_run *run;
    size_t nruns;
    agg_sketch *sketch;
    size_t nsketches;
    size_t cell; /* bytes of a cell */
    char *params;
} agg_spec;

#define AGG_RUNS_MAX 200

int agg_spec_parse(agg_spec *s, const gn_agg_options *o, gn_err *e);
void agg_spec_release(agg_spec *s);
/* Once the types of the columns are known: check them, lay out the cell. */
int agg_spec_layout(agg_spec *s, bool nearest, gn_err *e);
/* Find the columns in a segment's schema and ask for them; the types must be those found before. */
int agg_spec_bind(agg_spec *s, const gn_zone *zone, gn_reader *r, gn_err *e);
/* The columns of a batch into their v and enc. */
int agg_spec_eval(agg_spec *s, const gn_batch *b, gn_err *e);
/* What a partial state was made with, into s->params; and a whole spec, laid out, from that. */
int agg_spec_params(agg_spec *s, const gn_agg_options *o, gn_err *e);
int agg_spec_of_params(agg_spec *s, const char *params, bool *nearest, const char *name, gn_err *e);
/* Bound: is the column that field as it is? */
bool agg_col_names(const agg_col *c, const char *field);
gn_type agg_item_type(const agg_spec *s, const agg_item *it, bool nearest);

/* "99.9" per cent as a reduced fraction of 1. */
bool agg_parse_percent(const char *text, size_t len, uint64_t *num, uint64_t *den);
/* A field's name as an expression, ended by a NUL: in back quotes unless it is a plain word. */
int agg_name_text(gn_buf *to, const char *name, gn_err *e);

/* ---- cells ---- */

typedef struct agg_isum {
    gn_i128 sum;
    uint64_t n;
} agg_isum;

/* The best value so far: a number in i or f, else an encoding of n bytes (n 0: none yet). For first
 * and last, i is what they are ordered by. */
typedef struct agg_best {
    int64_t i;
    double f;
    uint8_t *p;
    uint32_t n, cap;
} agg_best;

typedef struct agg_fdev {
    gn_fsum sum;
    gn_fprod squares;
} agg_fdev;

/* Add rows 0 .. n-1 of the batch; cell[i] is that of row i. Texts go to the arena. */
int agg_cells_add(const agg_spec *s, uint8_t *const *cell, size_t n, gn_arena *texts, gn_err *e);
/* Before that: to the sketches of distinct values, to which adding the same again changes nothing;
 * room in those of percentiles. So a batch for which the memory did not suffice can come once more.
 * hash: GN_BATCH hashes. */
int agg_sketches_add(const agg_spec *s, uint8_t *const *cell, size_t n, uint64_t *hash,
                     gn_budget *b, gn_err *e);
/* The state of a cell in bytes, a function of the values alone, and back: added to what the cell
 * holds, after agg_sketches_merge of the same, which charges the budget and may fail and be
 * repeated like agg_sketches_add; sketches come first for that. -1 with GN_CORRUPT where the bytes
 * are no such state. */
int agg_cell_put(const agg_spec *s, const uint8_t *cell, gn_buf *out, gn_err *e);
int agg_cell_merge(const agg_spec *s, uint8_t *cell, gn_str state, gn_arena *texts, gn_err *e);
int agg_sketches_merge(const agg_spec *s, uint8_t *cell, gn_str state, gn_budget *b, gn_err *e);
/* Let go of the sketches. */
void agg_cell_release(const agg_spec *s, uint8_t *cell);
/* The result of an item without run, as the next value of the row. */
int agg_cell_result(const agg_spec *s, const agg_item *it, const uint8_t *cell, bool nearest,
                    gn_row *row, gn_err *e);

/* ---- values ---- */

bool agg_value_valid(gn_type t, gn_str encoding); /* canonical, of that type, not nil */
/* Value i of a vector as an encoding: at most `room` bytes. */
uint8_t *agg_value_put(uint8_t *p, gn_type t, const gn_vec *v, size_t i);
size_t agg_value_room(gn_type t, const gn_vec *v, size_t i);
/* ---- tables, and their entries ---- */

#define AGG_CHUNK 1024 /* cells, counts */

/* Arrays that grow without moving. */
typedef struct agg_chunks {
    uint8_t **p;
    size_t n, item; /* chunks, bytes of an item */
} agg_chunks;

typedef struct agg_tables {
    gn_hashtab *groups, *values;
    agg_chunks cells, counts;
    gn_arena texts;
} agg_tables;

/* One group on its way out. */
typedef struct agg_run_result {
    uint64_t distinct, seen; /* values, records so far */
    gn_mad *mad;             /* or NULL */
} agg_run_result;

typedef struct agg_pctl_result {
    uint64_t lo, hi, rest; /* ranks from 0, and the part of den that lies between them */
    int64_t i[2];
    double f[2];
    gn_buf bytes; /* nearest: the encoding */
} agg_pctl_result;

/* An entry has the key  code(group) tag code(value)  and the body  tag rest: tag 0 with the group's
 * keys as they are and its state; tag 1 + r with the count and the encoding of a value of run r. So
 * a group's state comes first, then the values of each run in ascending order. */
struct gn_agg {
    gn_agg_options o;
    agg_spec spec;
    bool begun, ordered;
    bool drained; /* groups were written already */
    agg_tables t;
    size_t reserve; /* taken from the budget, for sorting what is to be spilled */
    gn_spill *spill;
    uint64_t groups_out, spilled, spill_runs;
    /* of the batch */
    gn_str key[GN_BATCH];
    gn_buf keys;
    uint32_t number[GN_BATCH], *value; /* of the groups; of the values, run by run */
    uint8_t *cell[GN_BATCH];
    gn_buf vkeys;
    gn_str vkey[GN_BATCH];
    /* values to look up: of which row, run, and which */
    uint16_t vrow[GN_BATCH];
    uint8_t vrun[GN_BATCH];
    gn_str vval[GN_BATCH];
    uint64_t hash[GN_BATCH];
    uint32_t last;    /* ordered: the group of the row before */
    uint32_t settled; /* groups before the batch at hand */
    gn_buf last_code;
    int f_part, f_state; /* merge */
    /* on the way out */
    gn_row row;
    bool open;
    gn_buf group; /* its keys */
    uint8_t *cell_out;
    const uint8_t *cell_now; /* cell_out, or one of the tables */
    gn_arena texts_out;
    uint8_t *cell_sum; /* of two states that are combined */
    gn_arena texts_sum;
    agg_run_result *run;
    agg_pctl_result *pctl; /* per item */
    gn_buf scratch;
};

void *agg_chunk_at(const agg_chunks *c, size_t i);
int agg_chunks_grow(agg_chunks *c, size_t n, gn_budget *b, gn_err *e); /* room for n items */

int agg_tables_init(gn_agg *g, gn_err *e);
int agg_tables_clear(gn_agg *g, gn_err *e);
void agg_tables_release(gn_agg *g); /* idempotent */
/* The code of a group's keys, which lie one after the other. */
int agg_group_code(const agg_spec *s, gn_str keys, gn_buf *to, gn_err *e);

/* A walk over all entries of the tables in order. */
typedef struct agg_walk {
    gn_agg *g;
    gn_sortkey *group, *value; /* sorted; group NULL: the groups are in order already */
    size_t ngroups, nvalues, at, vat;
    size_t bytes;
    gn_buf code, body;
    size_t ncode; /* of the code that belongs to the group */
    bool direct;  /* no keys, and bodies of groups without the state: it is in `cell` */
    uint8_t *cell;
} agg_walk;

/* `sorted`: the groups are in order as they are numbered. Uses up the reserve. */
int agg_walk_begin(agg_walk *w, gn_agg *g, bool sorted, gn_err *e);
void agg_walk_end(agg_walk *w); /* also after agg_walk_begin failed */
/* The next entry: 1, 0 at the end, -1; it lives until the next call. */
int agg_walk_next(agg_walk *w, gn_str *key, gn_str *body, gn_err *e);
/* Begin a run on disk. */
int agg_spill_open(gn_agg *g, gn_err *e);
/* Everything in the tables to disk as one run; they are empty then. */
int agg_spill(gn_agg *g, gn_err *e);

gn_str agg_body_keys(gn_str body);
gn_str agg_body_state(gn_str body);

/* ---- results ---- */

/* An entry, in order: into the results, or, `partial`, out as a record of the state. `cell`: where
 * the state of its group is, which must stay there until the group has ended; NULL: in the body. */
int agg_put_entry(gn_agg *g, gn_str body, const uint8_t *cell, bool partial, gn_writer *w,
                  gn_err *e);
/* The last group is at its end. */
int agg_put_group(gn_agg *g, gn_writer *w, gn_err *e);

#endif
