/* hotkeys.h - the keys that own so much of a stream that they skew a partition by them.
 *
 * By share: a key whose records have more bytes than half the target size of a partition. By
 * quantile: one with more records than the p99 of all keys' numbers of records (interpolated, type
 * 7 of Hyndman and Fan 1996) and at least 5 times their median; both from a sample of the keys
 * (kernel/bottomk.h), or, with `exact`, from all.
 *
 * Counts are exact. Where the input can be read twice, the first pass finds candidates
 * (kernel/frequent.h) and the second counts those alone. If there were too many keys for the
 * counters to be sure that none is missing, or if there is one pass only, all keys are counted
 * (keycount.h), which spills. The result is the same.
 *
 *     gn_hotkeys_segment, gn_hotkeys_batch ...   all of the input
 *     gn_hotkeys_again                           if so, all of it once more
 *     gn_hotkeys_header, gn_hotkeys_write */
#ifndef GN_OP_HOTKEYS_H
#define GN_OP_HOTKEYS_H

#include "../stream/reader.h"
#include "../stream/writer.h"

#define GN_SALT_MAX 65536 /* the greatest factor: as many as there can be partitions */

typedef struct gn_hotkeys gn_hotkeys;

typedef struct gn_hotkeys_options {
    const char *key; /* fields, comma-separated */
    uint64_t target; /* bytes, > 0 */
    bool quantile;
    bool exact;         /* thresholds from all keys */
    uint64_t min_count; /* records that a hot key must have besides */
    bool twice;         /* the input can be read twice */
    gn_budget *budget;
    const char *temp_dir;
} gn_hotkeys_options;

/* The options' texts must outlive it. */
gn_hotkeys *gn_hotkeys_new(const gn_hotkeys_options *o, gn_err *e);
void gn_hotkeys_free(gn_hotkeys *h); /* NULL allowed */

int gn_hotkeys_segment(gn_hotkeys *h, gn_reader *r, gn_err *e);
int gn_hotkeys_batch(gn_hotkeys *h, const gn_batch *b, gn_err *e);
/* The input is at its end: must it be read once more? */
int gn_hotkeys_again(gn_hotkeys *h, bool *again, gn_err *e);

/* The key's fields, count int, bytes int, share float (of the input's bytes), factor int; into a
 * zeroed *to. */
int gn_hotkeys_header(const gn_hotkeys *h, gn_header *to, gn_err *e);
/* The hot keys, in order of the key. */
int gn_hotkeys_write(gn_hotkeys *h, gn_writer *w, gn_err *e);

typedef struct gn_hotkeys_stats {
    uint64_t hot, hot_records, hot_bytes;
    uint64_t candidates;                 /* keys that were counted exactly */
    uint64_t sampled;                    /* keys that the quantiles are of */
    uint64_t least_records, least_bytes; /* of a hot key */
    uint64_t spill_runs, spill_bytes;
} gn_hotkeys_stats;

void gn_hotkeys_sum(const gn_hotkeys *h, gn_hotkeys_stats *s);

#endif
