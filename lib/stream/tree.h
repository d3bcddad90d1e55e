/* tree.h - operands that are files, or directories that hold them.
 *
 * In a tree, every directory called key=value on the way to a file gives the file a value of a key.
 * So do the last directories of the operand itself: `log/date=2023-07-01` has the key date as the
 * same directory has below `log`. Names are decoded: %XX is a byte. Hidden files and directories
 * (. and _) are passed over. */
#ifndef GN_STREAM_TREE_H
#define GN_STREAM_TREE_H

#include "../base/mem.h"

#define GN_TREE_NULL "__HIVE_DEFAULT_PARTITION__" /* how Hive and others name null */
#define GN_TREE_LIST "manifest.gn"                /* gn-partition's list of its files */

enum gn_tree_kind {
    GN_TREE_CSV, /* .csv, .tsv, .csv.zst, .tsv.zst */
    GN_TREE_GN   /* .gn, .gn.zst; not GN_TREE_LIST */
};

typedef struct gn_treepair {
    char *key, *value; /* value NULL: null */
} gn_treepair;

/* `pair`: the key=value directories on the way to the file, decoded, in path order. */
typedef struct gn_treefile {
    char *path;
    size_t keys; /* where in it they begin; (size_t)-1: they are not looked at */
    size_t npairs;
    gn_treepair *pair;
} gn_treefile;

/* Zero-initialise. */
typedef struct gn_tree {
    size_t n, cap;
    gn_treefile *f;
} gn_tree;

/* Append a file, or those of the kind in a directory, in path order. A file has no pairs of its
 * own, and need not exist; "-" is one. A directory without files of the kind is GN_INPUT. */
int gn_tree_add(gn_tree *l, const char *operand, enum gn_tree_kind kind, gn_err *e);
/* Append a file with the keys of the directories in its path from byte `keys` on. */
int gn_tree_add_file(gn_tree *l, const char *path, size_t keys, gn_err *e);
void gn_tree_release(gn_tree *l); /* idempotent */

#endif
