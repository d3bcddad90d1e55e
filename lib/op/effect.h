/* effect.h - what a category does to a number: analysis of variance, ranks, a table of the groups.
 *
 * On events, each with its value, and on users: the means of a user's values, one for each group
 * that the user has values in. A test takes events that have a group and a valid value; what is
 * left out is counted. What it computes is in kernel/anova.h and kernel/dist.h.
 *
 * Everything follows from two multisets, which add up exactly: values by group (kernel/bag.h), and
 * by user and group the events, values and their sum (kernel/tally.h). They are the partial state:
 * records of the fields
 *     part: int   group: as in the events   value: likewise   user: likewise   count: int   sum:
 * bin in order of part, which says what a record is about: 0   count: all events; sum: of these
 * without group, without value, with a negative one, without user, 8 bytes each 1   group, count:
 * events of it 2   group, value, count: valid values 3   group, user, count: events; sum: as in
 * kernel/tally.h Users' means come once, at the end, each rounded to a double: their sums are those
 * of doubles then, without further rounding.
 *
 * Memory: some hundred bytes a group (floats: 5 KiB), which must fit; the multisets spill. */
#ifndef GN_OP_EFFECT_H
#define GN_OP_EFFECT_H

#include "../base/mem.h"
#include "../stream/reader.h"
#include "../stream/writer.h"

typedef struct gn_effect gn_effect;

typedef struct gn_effect_options {
    const char *group, *value, *user; /* fields */
    bool events, users;               /* what to test */
    bool table;                       /* the groups are asked for */
    bool negative;                    /* values below 0 are valid */
    bool merge;                       /* the input is partial states: the above but `table` are
                                         theirs */
    gn_budget *budget;
    const char *temp_dir;
} gn_effect_options;

typedef struct gn_effect_counts {
    uint64_t events, null_group, null_value, negative, null_user; /* a row may be in several */
    uint64_t users_in_groups; /* who have values in more than one */
} gn_effect_counts;

gn_effect *gn_effect_new(const gn_effect_options *o, gn_err *e);
void gn_effect_free(gn_effect *f); /* NULL allowed */

/* At each segment: find the fields, check that they fit the segments before, ask for them. */
int gn_effect_segment(gn_effect *f, gn_reader *r, gn_err *e);
int gn_effect_batch(gn_effect *f, const gn_batch *b, gn_err *e);

/* After the last batch one of these two. Headers go into a zeroed *h. */
int gn_effect_state_header(const gn_effect *f, gn_header *h, gn_err *e);
int gn_effect_write_state(gn_effect *f, gn_writer *w, gn_err *e);

int gn_effect_header(const gn_effect *f, gn_header *h, gn_err *e);
int gn_effect_table_header(const gn_effect *f, gn_header *h, gn_err *e);
/* The tests to w; the groups, slowest first, to `table`, which may be NULL. */
int gn_effect_write(gn_effect *f, gn_writer *w, gn_writer *table, gn_err *e);

const gn_effect_counts *gn_effect_counts_of(const gn_effect *f);
size_t gn_effect_groups(const gn_effect *f);
uint64_t gn_effect_spilled(const gn_effect *f, uint64_t *runs); /* bytes on disk */

#endif
