/* split.c - see split.h. */
#include "split.h"

#include <string.h>

/* Find out by reading where the segments are, and where batches end. */
static int scan(gn_plan *p, gn_index *x, const char *path, size_t max_record, gn_err *e)
{
    gn_in *in = gn_in_open(path, false, e);
    gn_reader *r = in ? gn_reader_on(in, max_record, e) : NULL;
    gn_batch *b;
    gn_indexed s = {0};
    uint64_t at = 0;
    int ev, bad = -1;
    if (!r || gn_index_add_cut(x, (gn_cut){0, 0}, e))
        goto done;
    while ((ev = gn_reader_next(r, &b, e)) > 0) {
        uint64_t records = gn_reader_records(r), now = gn_reader_raw_bytes(r);
        if (ev == GN_EV_SEGMENT) {
            s = (gn_indexed){.begin = at, .first = now, .trailer = now};
        } else if (ev == GN_EV_BATCH) {
            s.trailer = now;
        } else {
            s.end = now;
            s.records = records - x->records;
            if (gn_index_add(x, s, e))
                goto done;
        }
        at = now;
        if (gn_index_add_cut(x, (gn_cut){now, records}, e))
            goto done;
    }
    if (ev == 0)
        bad = gn_index_add_cut(x, (gn_cut){x->bytes, x->records}, e);
done:
    if (r) {
        p->bytes += gn_reader_bytes(r);
        p->wait += gn_reader_wait(r);
    }
    gn_reader_close(r);
    return bad;
}

gn_reader *gn_split_open(const char *const *paths, size_t n, uint64_t part, uint64_t parts,
                         size_t max_record, gn_err *e)
{
    gn_plan *p = gn_calloc(1, sizeof *p, e);
    if (!p)
        return NULL;
    if (!(p->file = gn_calloc(n, sizeof *p->file, e)))
        goto fail;
    for (; p->nfiles < n; p->nfiles++) {
        gn_index *x = &p->file[p->nfiles];
        const char *path = paths[p->nfiles];
        int r = strcmp(path, "-") == 0
                    ? gn_fail(e, GN_USAGE, "--split reads files by name, not standard input")
                    : gn_index_load(x, path, e);
        p->bytes += x->frames.bytes;
        if (r < 0 || (r == 0 && scan(p, x, path, max_record, e))) {
            gn_index_release(x);
            goto fail;
        }
    }
    if (gn_plan_part(p, paths, part, parts, e))
        goto fail;
    return gn_reader_planned(p, max_record, e);
fail:
    gn_plan_free(p);
    return NULL;
}
