/* planfacts.h - what a plan is made from, gathered: sizes of inputs, manifests, hot keys, hosts. */
#ifndef GN_OP_PLANFACTS_H
#define GN_OP_PLANFACTS_H

#include "planjob.h"

#include <stddef.h>

enum gn_planhow {
    GN_PLAN_GIVEN,      /* a size of the stream */
    GN_PLAN_ROWS,       /* rows x bytes of a row */
    GN_PLAN_STREAM,     /* .gn files, not compressed */
    GN_PLAN_INDEX,      /* .gn.zst files, by their indexes */
    GN_PLAN_CSV,        /* CSV files, by what CSV becomes */
    GN_PLAN_COMPRESSED, /* what it is unpacked was estimated from the beginnings */
    GN_PLAN_MANIFEST    /* the files of a manifest */
};

typedef struct gn_plansize {
    gn_planside side;
    enum gn_planhow how;
    uint64_t files, csv; /* files; bytes of CSV, uncompressed */
    bool about;          /* side.rows are an estimate */
    bool whole;          /* cannot be read in ranges */
} gn_plansize;

/* A size ("1T"), or else a file or directory, which is measured: .gn and .gn.zst by their indexes
 * where they have one, CSV and everything else compressed by the beginnings of up to eight files.
 * `key` is the field that `ordered` is about; `r` tells what CSV becomes. GN_IO where it is no
 * file, GN_USAGE where it is of another kind (a pipe). */
int gn_planfacts_size(gn_plansize *s, const char *text, const char *key, const gn_planrates *r,
                      gn_err *e);

typedef struct gn_planparts {
    size_t n, cap;
    gn_planpart *part; /* in order of number, then path */
    bool adjacent;
    bool compressed; /* some file's name ends in .zst: its bytes are not those of the stream */
} gn_planparts;

/* Manifests of gn-partition, of one split or of several into the same partitions (one for each
 * range of the input), which are added up. GN_INPUT where they are not of the same partitions. */
int gn_planfacts_manifests(gn_planparts *p, const char *const *paths, size_t n, gn_err *e);
void gn_planparts_release(gn_planparts *p); /* idempotent */

/* Hot keys, descending: the streams of gn-hotkeys (all of its keys) or of gn-partition --hot (those
 * above half of `target`; of equal keys the sum over the files). Where they have no field `bytes`
 * it is rows x row_bytes. `key` are its fields, comma-separated. To be freed. */
int gn_planfacts_hot(gn_planhot **hot, size_t *nhot, const char *path, const char *key,
                     uint64_t row_bytes, uint64_t target, gn_err *e);

/* "10": hosts with `cores` each; else a file with a host a line, or several with commas, in the
 * form of GNU parallel's --sshlogin: [@GROUPS/][CORES/]LOGIN, where # begins a comment. To be
 * freed. */
int gn_planfacts_hosts(uint64_t **cores, size_t *n, const char *text, uint64_t each, gn_err *e);

#endif
