/* detector.h - the rules of anomaly.h over one input, and the table of what they find.
 *
 *     new
 *     segment, add (batch) ..., end        for each segment of the input, once through it
 *     finish; header; write                what remains to be found, and the table; or
 *     state_header; state_write            the mergeable state of the one rule there is
 *
 * Memory: each rule has its share of three quarters of what is given, the table has the rest; what
 * does not fit is spilled. The statistical rule reads the input twice, unless it is given what is
 * usual: files are opened again, of anything else it keeps a copy (twice.h). */
#ifndef GN_OP_DETECTOR_H
#define GN_OP_DETECTOR_H

#include "../base/zone.h"
#include "../stream/reader.h"
#include "anomalyspec.h"
#include "counter.h"

typedef struct gn_detector_options {
    const gn_anomaly_spec *spec;
    const gn_anomaly_rules *rules;
    const char *command;      /* of partial states */
    const char *const *paths; /* of the input, as for gn_reader_open; borrowed */
    size_t npaths, max_record;
    const gn_zone *zone;
    const char *tz, *temp_dir;
    size_t memory;
    gn_budget *budget; /* of the table and of what sorts */
} gn_detector_options;

typedef struct gn_detector gn_detector;

gn_detector *gn_detector_new(const gn_detector_options *o, gn_err *e);
void gn_detector_free(gn_detector *d); /* NULL allowed */

/* Events; with spec.merge states of one rule; for the behavioural rule alone also the roll-up of
 * gn-dau. GN_INPUT for what is none of it. */
int gn_detector_segment(gn_detector *d, gn_reader *r, gn_err *e);
int gn_detector_add(gn_detector *d, const gn_batch *b, gn_err *e);
int gn_detector_end(gn_detector *d, const gn_trailer *t, gn_err *e);
/* After the first segment: is the input the roll-up of gn-dau; and a hash of what was given as
 * usual, false where nothing was. */
bool gn_detector_rollup(const gn_detector *d);
bool gn_detector_given(const gn_detector *d, uint64_t *sum);

/* What remains to be found; and every hour to `hourly` (NULL: not asked for), a stream which this
 * begins, as the next does, which writes every group of the statistical rule. */
int gn_detector_finish(gn_detector *d, gn_writer *hourly, gn_err *e);
int gn_detector_write_baseline(gn_detector *d, gn_writer *w, gn_err *e);
int gn_detector_header(const gn_detector *d, gn_header *h, gn_err *e); /* into a zeroed *h */
int gn_detector_write(gn_detector *d, gn_writer *w, gn_err *e);

int gn_detector_state_header(gn_detector *d, gn_header *h, gn_err *e);
int gn_detector_state_write(gn_detector *d, gn_writer *w, gn_err *e);

/* What each rule met and found. */
#define GN_DETECTOR_COUNTERS 25
size_t gn_detector_counters(const gn_detector *d, gn_counter to[GN_DETECTOR_COUNTERS]);
size_t gn_detector_peak(const gn_detector *d); /* bytes that the rules held, each at its most */

#endif
