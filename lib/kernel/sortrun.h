/* sortrun.h - order records that lie in one block of memory. */
#ifndef GN_KERNEL_SORTRUN_H
#define GN_KERNEL_SORTRUN_H

#include "radix.h"
#include "sortkey.h"

/* A record in a block, in 64 bits: offset and length. */
#define GN_SORTRUN_MAX ((size_t)1 << 40) /* bytes of a block */
#define GN_SORTRUN_LONG 0xffffff         /* this length or more: told by the record itself */

static inline uint64_t gn_sortrun_ref(size_t at, uint32_t n)
{
    return (uint64_t)at << 24 | (n < GN_SORTRUN_LONG ? n : GN_SORTRUN_LONG);
}

typedef struct gn_sortrun {
    const uint8_t *base;
    size_t size; /* the block's; GN_SLACK readable bytes follow its last record */
    const gn_sortkey *key;
    size_t nkeys;
    bool total; /* ties by the records' bytes, else as they stand */
} gn_sortrun;

gn_str gn_sortrun_long(const gn_sortrun *r, uint64_t ref);

static inline gn_str gn_sortrun_record(const gn_sortrun *r, uint64_t ref)
{
    uint32_t n = ref & GN_SORTRUN_LONG;
    return n < GN_SORTRUN_LONG ? (gn_str){r->base + (ref >> 24), n} : gn_sortrun_long(r, ref);
}

/* a[0, n) is sorted by its keys, and that order is right as far as the first `exact` key fields
 * tell records apart: put those of equal keys in order by the rest. The keys are lost. b is scratch
 * of the same size. */
void gn_sortrun_settle(const gn_sortrun *r, gn_pair *a, gn_pair *b, size_t n, size_t exact);

#endif
