/* spill.h - sorted runs of (key, body) entries on disk, and their merge: what every filter falls
 * back on when its state passes -m.
 *
 *     gn_spill_run, gn_spill_put ...  a run: entries in ascending order of key (memcmp, a prefix
 *                                     first; see keycode.h); again for each run
 *     gn_spill_read                   no more runs
 *     gn_spill_next ...               all entries of all runs in order
 *
 * Entries of equal keys come in order of their bodies (memcmp), or of their arrival (runs in the
 * order written, entries as in their run); or they are combined into one. Where there are more runs
 * than can be merged at once in the memory given, groups of neighbouring runs are merged into
 * longer ones first. Runs are front-coded: the part of a key that it shares with the one before is
 * not stored. A merge by a tree of losers (Knuth, The Art of Computer Programming 3, 5.4.1).
 *
 * Keys and bodies are below 2 GiB each. */
#ifndef GN_KERNEL_SPILL_H
#define GN_KERNEL_SPILL_H

#include "../base/mem.h"
#include "../stream/batch.h"

typedef struct gn_spill gn_spill;

enum gn_spill_ties { GN_SPILL_BODY, GN_SPILL_ARRIVAL };

/* Fold the body of a further entry of the same key into *sum, which begins as a copy of the first
 * entry's body. Must be associative; entries come in arrival order. */
typedef int gn_spill_combine(void *ctx, gn_str key, gn_buf *sum, gn_str body, gn_err *e);

typedef struct gn_spill_options {
    const char *dir;           /* of the temporary file: see tmp.h */
    gn_budget *budget;         /* charged with the buffers of a merge; may be NULL */
    size_t memory;             /* bytes those may take; at least 1 MiB is used */
    enum gn_spill_ties ties;   /* not with combine */
    gn_spill_combine *combine; /* may be NULL: all entries come out */
    void *ctx;
} gn_spill_options;

/* A last run that is still in memory: 1 with the next entry, 0 at its end, -1 on error. Pointers
 * live until the next call. */
typedef struct gn_spill_source {
    int (*next)(void *ctx, gn_str *key, gn_str *body, gn_err *e);
    void *ctx;
} gn_spill_source;

gn_spill *gn_spill_new(const gn_spill_options *o, gn_err *e);
void gn_spill_free(gn_spill *s); /* NULL allowed */

/* Begin a run; the one before is at its end. */
int gn_spill_run(gn_spill *s, gn_err *e);
/* An entry that is not below the one before: by key, and with GN_SPILL_BODY by body then. */
int gn_spill_put(gn_spill *s, gn_str key, gn_str body, gn_err *e);

/* The bytes that a merge of any two runs takes: buffers for the longest entry so far. */
size_t gn_spill_least(const gn_spill *s);
/* What a merge may take, where that is known only now; else the option holds. Before
 * gn_spill_read. */
void gn_spill_memory(gn_spill *s, size_t bytes);
/* No more runs but `last` (NULL: none), which must stay valid; then read everything once. */
int gn_spill_read(gn_spill *s, const gn_spill_source *last, gn_err *e);
/* 1 with the next entry, 0 at the end, -1 on error. Pointers live until the next call. */
int gn_spill_next(gn_spill *s, gn_str *key, gn_str *body, gn_err *e);

size_t gn_spill_runs(const gn_spill *s);    /* runs put so far */
uint64_t gn_spill_bytes(const gn_spill *s); /* written to disk so far, passes included */

#endif
