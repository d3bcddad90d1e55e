/* jointab.h - the build side of a hash join: rows found by their key.
 *
 * A row is a key (bytes; equal keys are equal bytes), a body (what a match appends to its partner,
 * ready to be copied) and, where rows of one key compete, the record that it came from. Rows lie
 * one behind the other in one block of memory, beside an open-addressing table of 8-byte slots, so
 * that a lookup costs two cache misses, both prefetched across a batch (Chen, Ailamaki, Gibbons,
 * Mowry: Improving Hash Join Performance through Prefetching, 2004: group prefetching). Whole keys
 * are compared, never hashes alone.
 *
 * The table uses the upper half of gn_hash_table: the lower half is left to those who split rows by
 * hash before they come here. */
#ifndef GN_KERNEL_JOINTAB_H
#define GN_KERNEL_JOINTAB_H

#include "../base/mem.h"
#include "../stream/batch.h"

#define GN_JOINTAB_UNIT ((size_t)16) /* rows lie at multiples of so many bytes */

/* What becomes of a further row of the same key. */
enum gn_jointab_mode {
    GN_JOINTAB_REFUSE, /* adding stops there */
    GN_JOINTAB_ONE,    /* it is dropped: any row will do */
    GN_JOINTAB_BEST,   /* it is dropped or takes the other's place, as `better` says */
    GN_JOINTAB_ALL     /* both stay, in order of arrival */
};

enum gn_jointab_flag {
    GN_JOINTAB_MATCHED = 1u << 31, /* for the caller: the key has a partner */
    GN_JOINTAB_NULL = 1u << 30,    /* never found */
    GN_JOINTAB_PASSED =
        1u << 29, /* another has taken its place, or it is not the first of its key */
    GN_JOINTAB_FLAGS = 7u << 29
};

typedef struct gn_joinrow {
    uint32_t units;  /* size with all that follows */
    uint32_t nkey;   /* bytes, 0 for further rows of a key; or-ed with flags */
    uint32_t nbody;  /* bytes */
    uint32_t link;   /* BEST: bytes of the record; ALL: the next row of the key, 0: none */
    uint8_t bytes[]; /* key, body, then the record, or for ALL the last row of the key */
} gn_joinrow;

typedef struct gn_jointab gn_jointab;

typedef struct gn_jointab_options {
    enum gn_jointab_mode mode;
    size_t memory;     /* bytes for rows and slots */
    gn_budget *budget; /* charged with what is in use; may be NULL */
    bool (*better)(void *ctx, gn_str record, gn_str held); /* GN_JOINTAB_BEST: does it win? */
    void *ctx;
} gn_jointab_options;

/* The rows of one call, as columns. */
typedef struct gn_jointab_rows {
    const gn_str *key, *body; /* GN_SLACK readable bytes follow the bytes of each */
    const gn_str *record;     /* GN_JOINTAB_BEST only */
    const uint8_t *null;      /* non-zero: never found by its key, always a row of its own */
    size_t n;
} gn_jointab_rows;

enum gn_jointab_added { GN_JOINTAB_ADDED, GN_JOINTAB_FULL, GN_JOINTAB_REPEATED };

gn_jointab *gn_jointab_new(const gn_jointab_options *o, gn_err *e);
void gn_jointab_free(gn_jointab *t); /* NULL allowed */
void gn_jointab_clear(gn_jointab *t);

/* Add rows [*at, n), moving *at over those that were taken: up to the end; up to one for which
 * there is no memory (GN_JOINTAB_FULL: nothing is lost); or up to one whose key is there (REPEATED,
 * with GN_JOINTAB_REFUSE). -1 on error. */
int gn_jointab_add(gn_jointab *t, const gn_jointab_rows *r, size_t *at, gn_err *e);

/* Lookups, in three steps, so that what they read is on its way while the groups of keys before are
 * dealt with: look up group i + 2, fetch group i + 1, find group i. At most GN_JOINTAB_GROUP keys
 * at once; hash[] belongs to the group. */
#define GN_JOINTAB_GROUP 32
void gn_jointab_look(const gn_jointab *t, const gn_str *key, size_t n, uint32_t *hash);
void gn_jointab_fetch(const gn_jointab *t, const uint32_t *hash, size_t n);
/* The first row of each key, NULL where there is none or null[i]. */
void gn_jointab_find(const gn_jointab *t, const gn_str *key, const uint8_t *null,
                     const uint32_t *hash, size_t n, gn_joinrow **row);

/* The first row of every key, and those that are never found, in the order in which they lie: the
 * one behind `row` (NULL: the first of all); NULL at the end. */
gn_joinrow *gn_jointab_next(const gn_jointab *t, const gn_joinrow *row);
/* The next row of the same key; NULL: none. */
gn_joinrow *gn_jointab_more(const gn_jointab *t, const gn_joinrow *row);

uint64_t gn_jointab_count(const gn_jointab *t); /* rows held, those with null[i] too */
uint64_t gn_jointab_keys(const gn_jointab *t);
uint64_t gn_jointab_dropped(const gn_jointab *t); /* for another row of the key */
size_t gn_jointab_bytes(const gn_jointab *t);

static inline gn_str gn_joinrow_key(const gn_joinrow *r)
{
    return (gn_str){r->bytes, r->nkey & ~GN_JOINTAB_FLAGS};
}

static inline gn_str gn_joinrow_body(const gn_joinrow *r)
{
    return (gn_str){r->bytes + (r->nkey & ~GN_JOINTAB_FLAGS), r->nbody};
}

/* GN_JOINTAB_BEST only. */
static inline gn_str gn_joinrow_record(const gn_joinrow *r)
{
    return (gn_str){r->bytes + (r->nkey & ~GN_JOINTAB_FLAGS) + r->nbody, r->link};
}

#endif
