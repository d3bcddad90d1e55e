/* corr.h - correlations of all pairs of some number fields: Pearson's and Spearman's.
 *
 * A pair takes the records in which both fields have a value; the others are counted. Pearson's r
 * is that of the values (K. Pearson, "Note on Regression and Inheritance in the Case of Two
 * Parents", Proceedings of the Royal Society of London 58, 1895), Spearman's that of their ranks,
 * ties having the average of theirs (C. Spearman, "The Proof and Measurement of Association between
 * Two Things", American Journal of Psychology 15, 1904). Both from exact sums: of ints and floats,
 * and of doubled ranks, which are integers (kernel/exactsum.h).
 *
 * Everything follows from one multiset for each pair, of (x, y) (kernel/bag.h), which spills.
 * Sorted by x it gives Pearson's sums and the ranks of x; the multiset of (y, rank of x), sorted
 * again, those of y. The partial state is the first: records of pair: int   x: bin   y: bin count:
 * int in order of pair, x, y; values as 8 bytes that sort alike; with x and y null, how many
 * records the pair left out. */
#ifndef GN_OP_CORR_H
#define GN_OP_CORR_H

#include "../base/mem.h"
#include "../stream/reader.h"
#include "../stream/writer.h"

#define GN_CORR_FIELDS_MAX 64

typedef struct gn_corr gn_corr;

typedef struct gn_corr_options {
    const char *fields; /* "a,b,c": ints, floats, times or dates */
    bool merge;         /* the input is partial states; fields are theirs */
    gn_budget *budget;
    const char *temp_dir;
} gn_corr_options;

gn_corr *gn_corr_new(const gn_corr_options *o, gn_err *e);
void gn_corr_free(gn_corr *c); /* NULL allowed */

/* At each segment: find the fields, check that they fit the segments before, ask for them. */
int gn_corr_segment(gn_corr *c, gn_reader *r, gn_err *e);
int gn_corr_batch(gn_corr *c, const gn_batch *b, gn_err *e);

/* After the last batch one of the two. Headers go into a zeroed *h. */
int gn_corr_state_header(const gn_corr *c, gn_header *h, gn_err *e);
int gn_corr_write_state(gn_corr *c, gn_writer *w, gn_err *e);
int gn_corr_header(gn_header *h, gn_err *e);
/* In order of metric_a, metric_b: of which metric_a was named first. No rows for no records. */
int gn_corr_write(gn_corr *c, gn_writer *w, gn_err *e);

size_t gn_corr_pairs(const gn_corr *c);
uint64_t gn_corr_left_out(const gn_corr *c);                /* over all pairs */
uint64_t gn_corr_spilled(const gn_corr *c, uint64_t *runs); /* bytes on disk */

#endif
