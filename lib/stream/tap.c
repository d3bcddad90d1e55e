/* tap.c - see tap.h.
 *
 * The reader takes bytes off the input's window at the end of each event; until more is read they
 * stand right before it. */
#include "tap.h"

#include "../base/mem.h"

#include <stdlib.h>

struct gn_tap {
    gn_reader *reader;
    gn_in *in; /* the reader's: gone after the last event */
    uint64_t at;
};

gn_tap *gn_tap_open(size_t max_record, gn_err *e)
{
    gn_tap *t = gn_calloc(1, sizeof *t, e);
    if (!t)
        return NULL;
    if (!(t->in = gn_in_open(NULL, true, e)) || !(t->reader = gn_reader_on(t->in, max_record, e))) {
        free(t);
        return NULL;
    }
    return t;
}

void gn_tap_close(gn_tap *t)
{
    if (!t)
        return;
    gn_reader_close(t->reader);
    free(t);
}

int gn_tap_next(gn_tap *t, gn_tapped *x, gn_err *e)
{
    gn_batch *b;
    int ev = gn_reader_next(t->reader, &b, e);
    *x = (gn_tapped){0};
    if (ev < 0 || ev == GN_EV_EOF)
        return ev;
    uint64_t at = gn_in_offset(t->in);
    x->n = (size_t)(at - t->at);
    x->p = gn_in_begin(t->in) - x->n;
    x->records = ev == GN_EV_BATCH ? b->n : 0;
    t->at = at;
    if (ev == GN_EV_SEGMENT && gn_reader_want_all(t->reader, GN_RAW, e))
        return -1;
    return ev;
}

uint64_t gn_tap_records(const gn_tap *t)
{
    return gn_reader_records(t->reader);
}

uint64_t gn_tap_bytes(const gn_tap *t)
{
    return gn_reader_bytes(t->reader);
}
