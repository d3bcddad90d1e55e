/* sortword.h - the keys of records as 64-bit words whose unsigned order is the keys' order, and
 * those words packed into one: the bits that vary, and no others.
 *
 * Each key field has one word, or several for longer text. A word may tell less than the value (a
 * longer text, a null beside the largest value): then the field is inexact, and equal words must
 * be told apart by the records themselves. What a run's first batch looks like decides how many
 * words there are and which prefix of text they leave out; any later record is still ordered
 * rightly, if less well. */
#ifndef GN_KERNEL_SORTWORD_H
#define GN_KERNEL_SORTWORD_H

#include "sortkey.h"

#define GN_SORTWORDS 3 /* words of a record at most */

typedef struct gn_sortword {
    uint64_t min, max; /* of values that are not null; min > max: there are none */
    uint64_t vary;     /* bits in which text words differ from `first` */
    uint64_t first;
} gn_sortword;

typedef struct gn_sortcol {
    gn_sortkey key;
    size_t word, nwords; /* the field's words are [word, word + nwords) */
    gn_buf prefix;       /* of text: what all of the first batch begin with */
    bool null;           /* there are nulls */
    bool top;            /* there are values with the word of null */
    bool beyond;         /* there is text that goes on behind the words, or without the prefix */
    uint32_t shortest, longest; /* bytes of GN_BIN */
    bool any;                   /* a value that is not null was seen */
    int64_t time;               /* the first one */
    bool fraction;              /* times differ by parts of a second */
    gn_sortword w[GN_SORTWORDS];
} gn_sortcol;

typedef struct gn_sortwords {
    size_t nkeys, nwords;
    gn_sortcol *col;
} gn_sortwords;

int gn_sortwords_init(gn_sortwords *s, const gn_sortkey *key, size_t n, gn_err *e);
void gn_sortwords_release(gn_sortwords *s); /* idempotent */

/* Begin a run with this batch: choose s->nwords and forget what was seen. */
int gn_sortwords_begin(gn_sortwords *s, const gn_batch *b, gn_err *e);
/* The words of each record i of a batch to to[i * stride ...]. GN_SLACK bytes behind the records
 * are read. */
void gn_sortwords_batch(gn_sortwords *s, const gn_batch *b, uint64_t *to, size_t stride);

/* Replace n times (value, words...), `stride` words each, by (key, value): in place, with
 * stride >= 2. Returns how many key fields the packed keys tell exactly; *sorted: they are in order
 * already. */
size_t gn_sortwords_pack(const gn_sortwords *s, uint64_t *p, size_t n, size_t stride, bool *sorted);

uint64_t gn_sortword_int(int64_t v);
uint64_t gn_sortword_float(double v);
/* The word of a value that is no text, ascending; not of null. */
uint64_t gn_sortword_of(gn_type t, gn_str encoding);
/* Bytes [at, at + 7) of text as a word whose last byte is how many there are, 8 for more. */
uint64_t gn_sortword_text(gn_str text, size_t at);

#endif
