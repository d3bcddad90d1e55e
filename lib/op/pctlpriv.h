/* pctlpriv.h - inside pctl.h: groups and their lists (pctltab.c), the walk over results and what
 * goes to disk (pctlwalk.c), results and states (pctlout.c). */
#ifndef GN_OP_PCTLPRIV_H
#define GN_OP_PCTLPRIV_H

#include "pctl.h"

#include "../kernel/ddsketch.h"
#include "aggpriv.h"

/* ---- values ---- */

/* A value as a number of the same order: an int with its sign bit flipped, a float with the sign
 * bit flipped, or all bits where negative. */
static inline uint64_t pctl_key_of_int(int64_t v)
{
    return (uint64_t)v ^ UINT64_C(1) << 63;
}

static inline int64_t pctl_int(uint64_t key)
{
    return (int64_t)(key ^ UINT64_C(1) << 63);
}

static inline uint64_t pctl_key_of_float(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits ^ UINT64_C(1) << 63;
}

static inline double pctl_float(uint64_t key)
{
    uint64_t bits = key >> 63 ? key ^ UINT64_C(1) << 63 : ~key;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* An int below 2^32 needs 4 bytes. */
static inline bool pctl_narrow(uint64_t key)
{
    return key >> 32 == UINT64_C(1) << 31;
}

#define PCTL_WIDEN(x) ((uint64_t)(x) | UINT64_C(1) << 63)

/* ---- tables of groups ---- */

typedef struct pctl_chunk pctl_chunk;

typedef struct pctl_list {
    pctl_chunk *tail; /* behind it there may be empty ones */
    uint64_t n;
    pctl_chunk *head;
} pctl_list;

enum pctl_lists { PCTL_NARROW, PCTL_USERS, PCTL_WIDE, PCTL_MANY, PCTL_LISTS };

typedef struct pctl_many { /* a value that came with a count */
    uint64_t key, n;
} pctl_many;

/* Everything of values that adds up; with --approx instead of lists. As long as the value's type
 * needs. */
typedef struct pctl_sums {
    gn_dds sketch;
    uint64_t n;
    uint64_t min, max; /* keys, where n > 0 */
    union {
        gn_moments i;
        agg_fdev f;
    } u;
} pctl_sums;

typedef struct pctl_cell { /* what each event touches comes first */
    uint64_t events, values;
    uint64_t *joined;      /* events of the largest result that it is in, or NULL: see pctl_tab */
    uint32_t users_kept;   /* how many were left when doubled ones were removed last */
    bool changed, written; /* since its rows were written; they were: windows */
    pctl_list list[PCTL_LISTS];
    pctl_sums *sums;
} pctl_cell;

typedef struct pctl_tab {
    gn_hashtab *groups, *users;
    pctl_cell **cell; /* of each group; in the arena, as the lists are */
    size_t ncells, cells_room;
    struct pctl_slab *slab;     /* where those lie */
    uint64_t total[PCTL_LISTS]; /* items */
    size_t key_bytes;           /* of the groups */
    uint64_t most;              /* items of the longest list */
    /* Where results join groups: events of each set of groups that no result goes beyond. */
    gn_hashtab *sets;
    uint64_t **set;
    size_t nsets, sets_room;
    uint64_t largest; /* events of a set */
    uint32_t *stamp;  /* of users: the last set that each was seen in */
    size_t nstamps;
    uint32_t stamps;
} pctl_tab;

/* Of which a batch or a state adds. */
typedef struct pctl_item {
    uint64_t key, n; /* n 0: no value */
} pctl_item;

struct pctl_view {
    int dots;   /* level: 1 to 3; 0: none */
    int period; /* index into pctl_period_name; -1: none */
};

#define PCTL_PERIODS 4
#define PCTL_LEVELS 3
#define PCTL_VIEWS (PCTL_PERIODS * PCTL_LEVELS)
enum { PCTL_DAY, PCTL_WEEK, PCTL_MONTH, PCTL_WHOLE };
extern const char *const pctl_period_name[PCTL_PERIODS];
extern const char *const pctl_level_name[PCTL_LEVELS];

struct gn_pctl {
    gn_pctl_options o;
    agg_spec spec;
    gn_expr *where;
    char *params;
    gn_schema schema; /* merge: of the first state */
    size_t nps;
    uint64_t num[GN_PCTL_MAX], den[GN_PCTL_MAX];
    char pname[GN_PCTL_MAX][24];
    bool period[PCTL_PERIODS], level[PCTL_LEVELS];
    bool periods, levels; /* any of them */
    bool users;           /* there is a user */
    int grain, dots; /* of the groups held: a period or -1, the dots of the deepest level or 0 */
    struct pctl_view view[PCTL_VIEWS];
    size_t nviews; /* 0: results are the groups held */
    bool begun;
    gn_type vtype, utype, base_type[GN_FIELDS_MAX + 2];
    size_t nkeys, nbase;                              /* keys given; with release and period */
    int c_value, c_user, c_release, c_period, c_time; /* columns, or -1 */
    pctl_tab tab;
    size_t reserve; /* taken from the budget, for a walk */
    gn_spill *spill;
    gn_pctl_counts count;
    int f_part, f_state; /* merge */
    /* of the batch: rows that count, in their order */
    size_t nrows;
    uint16_t row[GN_BATCH];
    gn_str key[GN_BATCH], user[GN_BATCH];
    pctl_item item[GN_BATCH];
    uint8_t keep[GN_BATCH];
    gn_buf keys, cut;
    gn_str cut_at[GN_BATCH];
    uint32_t number[GN_BATCH], user_number[GN_BATCH];
    gn_str some[GN_BATCH];
    gn_row out;
    gn_buf scratch;
};

int pctl_tab_init(const gn_pctl *p, pctl_tab *t, gn_err *e);
void pctl_tab_release(const gn_pctl *p, pctl_tab *t); /* idempotent */
/* Keep back what a walk over the table will take once as much again as a batch was added. */
int pctl_tab_reserve(gn_pctl *p, const pctl_tab *t, gn_err *e);
void pctl_reserve_give(gn_pctl *p);
/* What groups have in common that can be in one result. */
int pctl_set_key(const gn_pctl *p, gn_str base, gn_buf *to, gn_err *e);
/* Find or make the groups of n keys; the users of n encodings. Numbers to `to`. */
int pctl_tab_groups(gn_pctl *p, pctl_tab *t, const gn_str *key, size_t n, uint32_t *to, gn_err *e);
/* A value and a user (NULL: none) to a group: all of it or, on failure, nothing. */
int pctl_tab_add(const gn_pctl *p, pctl_tab *t, pctl_cell *c, const pctl_item *x,
                 const uint32_t *user, gn_err *e);
/* The cell's sums, for --approx. */
int pctl_tab_sums(const gn_pctl *p, pctl_tab *t, pctl_cell *c, gn_err *e);
/* How many users the lists of n cells hold. */
int pctl_tab_distinct(const gn_pctl *p, pctl_tab *t, pctl_cell *const *cell, size_t n,
                      uint64_t *users, gn_err *e);
/* Copy the items of a list behind `to`, as they are; the new end. */
void *pctl_list_copy(const pctl_list *l, size_t item, void *to);

/* Rows done .. n-1 of p's batch; on failure *done says how far it came. */
int pctl_tab_rows(gn_pctl *p, pctl_tab *t, const uint16_t *pick, size_t n, size_t *done, gn_err *e);

size_t pctl_sums_size(const gn_pctl *p);
void pctl_sums_add(const gn_pctl *p, pctl_sums *s, uint64_t key, uint64_t n);
bool pctl_sums_merge(const gn_pctl *p, pctl_sums *to, const pctl_sums *from); /* but the sketch */

/* ---- on the way out ---- */

/* One result as it is put together. */
typedef struct pctl_result {
    gn_str key; /* its keys' encodings */
    uint64_t events, values, users;
    pctl_sums sums;
    uint64_t seen;                               /* values so far */
    uint64_t lo[GN_PCTL_MAX], rest[GN_PCTL_MAX]; /* ranks, and the part of den behind */
    uint64_t at[GN_PCTL_MAX][2];                 /* keys of the values there, and behind */
} pctl_result;

void pctl_result_ranks(const gn_pctl *p, pctl_result *r); /* from r->values */
void pctl_result_pass(const gn_pctl *p, pctl_result *r, uint64_t key, uint64_t n);
/* The columns of a result, users to max, behind what p->out has; how many they are. */
size_t pctl_result_fields(const gn_pctl *p);
int pctl_result_columns(const gn_pctl *p, gn_header *h, gn_err *e);
int pctl_result_put(gn_pctl *p, const pctl_result *r, gn_err *e);
/* Encoded values, one after the other, behind what p->out has. */
int pctl_put_keys(gn_pctl *p, gn_str keys, gn_err *e);

/* The results of a table, or with p->o.partial its groups, in order of their keys. */
typedef struct pctl_walk {
    gn_pctl *p;
    pctl_tab *t;
    size_t groups, n; /* references: groups in each view */
    bool joined;      /* results are of several groups, in views */
    size_t at, bytes;
    gn_sortkey *order;
    uint8_t *codes;
    size_t *code_at;
    gn_buf key;
    uint32_t ref; /* the first of the result at hand, */
    pctl_cell **cell;
    size_t ncells; /* and its cells */
    void *values;
    size_t room;
    uint32_t *user_order, *user_rank;
    pctl_result r;
} pctl_walk;

int pctl_walk_begin(pctl_walk *w, gn_pctl *p, pctl_tab *t, gn_err *e);
void pctl_walk_end(pctl_walk *w); /* also after pctl_walk_begin failed */
/* The next: 1 with its keys, events and values in w->r; 0 at the end; -1. */
int pctl_walk_next(pctl_walk *w, gn_err *e);
gn_str pctl_walk_code(const pctl_walk *w); /* the code of its keys */
/* All of the result into w->r. */
int pctl_walk_result(pctl_walk *w, gn_err *e);
/* Its users' encodings, then its values with their counts, in ascending order, one by one. */
typedef struct pctl_each {
    int (*user)(void *ctx, gn_str user, gn_err *e);
    int (*value)(void *ctx, uint64_t key, uint64_t n, gn_err *e);
    void *ctx;
} pctl_each;
int pctl_walk_each(pctl_walk *w, const pctl_each *each, gn_err *e);

/* The state of a group but its users and values; and back, into what was zeroed or holds some. */
int pctl_head_put(const gn_pctl *p, const pctl_result *r, gn_buf *to, gn_err *e);
int pctl_head_get(const gn_pctl *p, gn_str head, pctl_result *r, gn_err *e);

/* Everything in the table to disk as one run; it is empty then. */
int pctl_spill(gn_pctl *p, gn_err *e);
int pctl_finish_spilled(gn_pctl *p, gn_writer *w, gn_err *e);

/* States as records: `first` values lead each of them (windows), already encoded. */
typedef struct pctl_states {
    gn_pctl *p;
    gn_writer *w;
    gn_str lead;
    size_t nlead;
    gn_str key;
    int part; /* of the block that is being filled */
    size_t n;
    uint64_t last;
    gn_buf block;
} pctl_states;
enum { PCTL_HEAD, PCTL_PART_USERS, PCTL_PART_VALUES };
#define PCTL_BLOCK 1024 /* values in a full block; users */
int pctl_states_table(gn_pctl *p, pctl_tab *t, gn_str lead, size_t nlead, gn_writer *w, gn_err *e);
int pctl_states_head(pctl_states *s, gn_str key, gn_str head, gn_err *e);
int pctl_states_user(void *states, gn_str user, gn_err *e);
int pctl_states_value(void *states, uint64_t key, uint64_t n, gn_err *e);
int pctl_states_flush(pctl_states *s, gn_err *e);
/* A record of a state into a table; *done items of it are in already, for a second try. */
int pctl_state_add(gn_pctl *p, pctl_tab *t, gn_str key, int64_t part, gn_str state, size_t *done,
                   gn_err *e);

/* The fields of states, and what they are; of the keys of results. */
int pctl_states_columns(const gn_pctl *p, gn_header *h, const char *state, gn_err *e);
int pctl_key_columns(const gn_pctl *p, gn_header *h, gn_err *e);
/* Bytes of a version up to its dot number `dots`, or its end. */
size_t pctl_release_cut(const char *s, size_t n, int dots);
/* A batch's rows from number `from` on, into p->row and its neighbours; counts what is left out. */
int pctl_rows(gn_pctl *p, const gn_batch *b, size_t from, gn_err *e);

#endif
