/* members.h - who there is, since when, with which attributes: metadata of users, one user at a
 * time, in order of the user.
 *
 * A user may have several rows. The join date is the earliest of them; the attributes are those of
 * the row with the latest join date, among equals of the greater record by its bytes; no date comes
 * before any date there.
 *
 * A stream whose header says that it is ordered by user is read as it is asked for, and its order
 * checked; any other is sorted when it is opened, within memory, beyond that in runs on disk. */
#ifndef GN_OP_MEMBERS_H
#define GN_OP_MEMBERS_H

#include "../base/zone.h"
#include "../stream/reader.h"

typedef struct gn_members_options {
    const char *path;
    size_t max_record;
    const char *user, *join; /* fields; join a date, or a time, whose day is that of the zone */
    gn_type user_type;
    const gn_zone *zone;
    const char *const *attribute; /* fields, all str */
    size_t nattributes;
    gn_budget *budget;
    size_t memory; /* for sorting, of that */
    const char *temp_dir;
    /* Called with the header of each segment, and with the lineage at its end. May fail. */
    int (*begun)(void *ctx, const gn_header *h, const char *name, gn_err *e);
    int (*ended)(void *ctx, const gn_lineage *l, gn_err *e);
    void *ctx;
} gn_members_options;

typedef struct gn_member {
    gn_str user; /* encoding */
    bool dated;
    int64_t join;            /* the earliest */
    const gn_str *attribute; /* text; p NULL: null */
} gn_member;

typedef struct gn_members_counts {
    uint64_t rows, null_user, duplicates; /* duplicates: further rows of a user */
    uint64_t spill_runs, spill_bytes;
} gn_members_counts;

typedef struct gn_members gn_members;

/* Opens, and sorts where that is needed. The options' texts are the caller's. */
gn_members *gn_members_open(const gn_members_options *o, gn_err *e);
void gn_members_close(gn_members *m); /* NULL allowed */

/* 1 with the next user, 0 at the end, -1 on error; lives until the next call. */
int gn_members_next(gn_members *m, gn_member *to, gn_err *e);

gn_members_counts gn_members_counted(const gn_members *m);

#endif
