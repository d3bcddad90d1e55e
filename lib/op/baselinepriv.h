/* baselinepriv.h - inside baseline.h: the groups in their file, the table, the join. */
#ifndef GN_OP_BASELINEPRIV_H
#define GN_OP_BASELINEPRIV_H

#include "baseline.h"

#include "../io/tmp.h"
#include "../kernel/celltab.h"
#include "agg.h"
#include "rowkey.h"
#include "rowsort.h"

#define BASE_FIGURES 3 /* of a group: how many values, and two more */
#define BASE_TAG_BITS 16

_Static_assert(sizeof(gn_base) == sizeof(((gn_cell *)0)->body), "a group fits a cell");

struct gn_baseline {
    gn_baseline_options o;
    gn_baseline_counts count;
    gn_agg *agg; /* while learning */
    gn_buf aggs; /* what it computes */
    gn_schema keys;
    bool begun, loaded, learned, judged;
    int field; /* the value, in the segment at hand */
    gn_type type;
    gn_rowkey *key;
    gn_tmp *groups; /* frames: bytes of the key, the key, a gn_base without hits */
    gn_base only;   /* the last group; all there is, where there is one */
    gn_celltab table;
    bool held; /* the table is whole */
    uint64_t spilled, spill_runs;
    /* not held */
    gn_rowsort *verdicts; /* rows: number, verdict, group; of values that are not inside */
    uint64_t row;         /* number of the next record that is judged */
    bool more;            /* a verdict is at hand: */
    uint64_t verdict_row;
    enum gn_verdict verdict;
    gn_base base;
    gn_tmp *hits; /* 8 bytes a group */
    gn_buf bases; /* of the batch */
};

/* The groups, one by one in order. Zero-initialise; base_cursor_release. */
typedef struct base_cursor {
    uint64_t at;
    uint64_t n; /* groups so far */
    gn_buf block;
    size_t p;
} base_cursor;
int base_next(gn_baseline *b, base_cursor *c, gn_str *key, gn_base *g, gn_err *e); /* 1, 0, -1 */
void base_cursor_release(base_cursor *c);
/* Append a group: its figures are given, the fences follow from them but for percentiles. */
int base_append(gn_baseline *b, gn_str key, gn_base *g, gn_err *e);
/* Its place in the order of the keys: bytes to be compared. */
int base_code(const gn_baseline *b, gn_str key, gn_buf *code, gn_err *e);
/* In the table, or NULL. */
gn_cell *base_find(const gn_baseline *b, gn_str key);

/* The value's place and type in a segment with header `h` of the input `name`. */
int base_find_value(gn_baseline *b, const gn_header *h, const char *name, gn_err *e);
/* What of a batch, n values, is none or is too long to be true: to the counts. */
void base_count_values(gn_baseline *b, const gn_vec *v, size_t n);

enum gn_verdict base_judge(const gn_baseline *b, const gn_base *g, gn_type type, int64_t i,
                           double f);
/* Is there a value to judge? */
bool base_has_value(gn_baseline *b, const gn_vec *v, size_t i);

int base_cmp(gn_str a, gn_str b); /* of codes */
int base_join(gn_baseline *b, gn_twice *t, gn_err *e);
int base_next_verdict(gn_baseline *b, gn_err *e);
int base_judge_joined(gn_baseline *b, const gn_vec *v, size_t n, enum gn_verdict *verdict,
                      const gn_base **base, gn_err *e);
const char *base_figure(const gn_baseline *b, int i); /* "q1", ... */

#endif
