/* window.h - percentiles (pctl.h) in tumbling windows of event time, while events come in.
 *
 * A window is [k d, (k + 1) d) since 1970-01-01 00:00:00 UTC, d its length. The watermark is the
 * latest event time accepted so far. An event takes part in its window until the watermark is at
 * the window's end plus the lateness allowed; a later one is late and rejected. So what takes part
 * is a function of the events in their order alone, not of how they arrive in time.
 *
 *     watermark >= end               the window's rows are written (`updates`), with final = false,
 *                                    and those that change are written again after each batch
 *     watermark >= end + lateness    its rows are written with final = true, and it is forgotten
 *
 * An event is ahead, and rejected before it moves the watermark, when it is more than `ahead` later
 * than the machine's clock, or than the watermark; but of events that are ahead of the watermark
 * alone, the hundredth in a row is taken: they are a gap then, not an error.
 *
 * The idea of a watermark and of allowed lateness: T. Akidau et al., "The Dataflow Model", PVLDB 8
 * (12), 2015.
 *
 * Windows are held in memory; where they do not fit the budget it is a GN_IO error naming -m. */
#ifndef GN_OP_WINDOW_H
#define GN_OP_WINDOW_H

#include "pctl.h"

typedef struct gn_windows gn_windows;

typedef struct gn_window_options {
    int64_t length, lateness; /* microseconds */
    int64_t ahead;            /* microseconds; 0: any time is taken */
    bool updates;             /* write rows before they are final */
    bool replay;              /* after gn_windows_load: the input begins with what the state has */
} gn_window_options;

typedef struct gn_window_counts {
    uint64_t closed;                    /* windows */
    uint64_t rows, updates;             /* written; of those, rows that were written before */
    uint64_t late, ahead, without_time; /* events rejected */
    uint64_t replayed;                  /* records passed over */
} gn_window_counts;

/* `p`, made with `timed` and without periods, levels, partial and merge, stays the caller's. Its
 * segments are to be told to gn_pctl_segment. */
gn_windows *gn_windows_new(gn_pctl *p, const gn_window_options *o, gn_err *e);
void gn_windows_free(gn_windows *w); /* NULL allowed */

/* After the first segment: the header of the results into a zeroed *h: window_start, the keys,
 * window_end, the figures, final. */
int gn_windows_header(const gn_windows *w, gn_header *h, gn_err *e);

/* Add a batch and write what it closes or changes. Rejected records go to `rejects` (may be NULL),
 * with `input` as the name of where they come from. */
int gn_windows_batch(gn_windows *w, const gn_batch *b, const char *input, gn_writer *to,
                     gn_writer *rejects, gn_err *e);
/* Close all windows; events for them are late from here on. */
int gn_windows_close(gn_windows *w, gn_writer *to, gn_err *e);
/* The input ends here for now and will go on: write (`updates`) rows that are not final. */
int gn_windows_pause(gn_windows *w, gn_writer *to, gn_err *e);
/* At the end of the input: has all been seen that the state accounts for? */
int gn_windows_replayed(const gn_windows *w, gn_err *e);

/* Open windows, watermark, and how many records of the input this accounts for with their checksum,
 * to a file that appears whole (out.h); and back, after the first segment and before the first
 * batch. Load: false in *found where there is no such file. GN_INPUT where it was made with other
 * options. */
int gn_windows_save(gn_windows *w, const char *path, gn_err *e);
int gn_windows_load(gn_windows *w, const char *path, bool *found, gn_err *e);

size_t gn_windows_open(const gn_windows *w);
gn_window_counts gn_windows_counted(const gn_windows *w);

#endif
