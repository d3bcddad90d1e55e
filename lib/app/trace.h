/* trace.h - what a filter did: counters, bytes, seconds, as one JSON object.
 *
 * Written where --stats asks for it, and, with GN_TRACE=DIR in the environment, as one line of
 * DIR/<host>.<process id>.jsonl. Both have the same keys; times are seconds, sizes bytes. */
#ifndef GN_APP_TRACE_H
#define GN_APP_TRACE_H

#include "../base/err.h"
#include "../base/mem.h"

#include <stdbool.h>
#include <stdint.h>

#define GN_COUNTERS_MAX 64
#define GN_WORDS_MAX 4

typedef struct gn_trace {
    const char *command;
    int argc;
    char **argv;          /* not copied */
    char in[48], out[48]; /* "device:inode" of standard input and output; "" when closed */
    double started;       /* seconds since the epoch */
    double clock;         /* monotonic */
    uint64_t records_in, records_out, bytes_in, bytes_out;
    double wait_in, wait_out;
    size_t memory_peak; /* of what -m bounds */
    size_t ncounters;
    struct {
        const char *name; /* static */
        uint64_t n;
        bool real; /* a figure: x instead of n */
        double x;
    } counter[GN_COUNTERS_MAX];
    size_t nwords;
    struct {
        const char *name; /* static */
        char text[200];
    } word[GN_WORDS_MAX]; /* "words" in the object, where there are any */
} gn_trace;

void gn_trace_begin(gn_trace *t, const char *command, int argc, char **argv);
void gn_trace_count(gn_trace *t, const char *name, uint64_t n);
/* What a number cannot say; the text is copied. */
void gn_trace_say(gn_trace *t, const char *name, const char *text);
/* A figure that is no count; one that is not finite is null. */
void gn_trace_figure(gn_trace *t, const char *name, double x);
/* Write it out; `stats` is --stats' argument (NULL: not asked for; "": standard error). `closed`:
 * the reader of our output went away. Returns -1 when it could not be written. */
int gn_trace_end(gn_trace *t, int status, bool closed, const char *stats, gn_err *e);

#endif
