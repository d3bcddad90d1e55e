/* app.h - the life of a filter: options, inputs, the batch loop, outputs, errors, statistics, exit.
 *
 * A command is a gn_filter: tables and a handful of hooks. main is
 *     int main(int argc, char **argv) { return gn_app_run(&filter, argc, argv); }
 *
 * Hooks return 0, or -1 with app->err set. They run in this order:
 *   take_operands                options are parsed; take those operands that are no files
 *   check                        nothing is open yet
 *   start                        outputs are open, no input was read
 *   (segment (batch* ) end)*     for each input segment; GN_APP_STREAM_IN only
 *   (wait)*                      between those: the input stays open and has given nothing for
 *                                GN_APP_PATIENCE; what was written to standard output goes on
 *   run                          instead of the three above, without GN_APP_STREAM_IN
 *   finish                       inputs are at their end; write what remains
 *   commit                       every output is whole, none has its name yet
 *   release                      always, last; idempotent
 *
 * This floor alone prints and exits. After finish it ends every output, commits all of them
 * together, and writes statistics. On an error it prints one line, writes a fail trailer
 * downstream, removes unfinished outputs and exits with the error's status. */
#ifndef GN_APP_APP_H
#define GN_APP_APP_H

#include "../base/mem.h"
#include "../base/zone.h"
#include "../stream/reader.h"
#include "../stream/writer.h"
#include "opt.h"

#define GN_VERSION "0.1.0"

#define GN_APP_PATIENCE 200 /* milliseconds */

typedef struct gn_app gn_app;

enum gn_app_flags {
    GN_APP_STREAM_IN = 1,    /* operands are record streams, read by the app */
    GN_APP_STREAM_OUT = 2,   /* app->w writes a record stream to -o or standard output */
    GN_APP_TEXT_OUT = 4,     /* app->out takes text */
    GN_APP_MEMORY = 8,       /* takes -m/--memory */
    GN_APP_TZ = 16,          /* takes --tz: app->zone */
    GN_APP_NO_OPERANDS = 32, /* takes no files */
    GN_APP_TEMP = 64         /* takes -T/--temp-dir: app->common.temp_dir, for tmp.h */
};

typedef struct gn_example {
    const char *what; /* one line */
    const char *command;
} gn_example;

typedef struct gn_filter {
    const char *name;     /* "gn-dau" */
    const char *summary;  /* "count active users by day, week and month" */
    const char *operands; /* "[FILE...]" */
    const char *order;    /* what it needs of its input ("none", "user, time"), for --help */
    const char *memory;   /* memory class: "streaming", "keyed", "spilling" */
    unsigned flags;
    const gn_opt *opts;         /* may be NULL */
    size_t opt_size;            /* of the options struct; zeroed, then copied from `defaults` */
    const void *defaults;       /* may be NULL */
    size_t state_size;          /* of the state struct, zeroed */
    const gn_example *examples; /* ended by one with NULL command */
    int (*take_operands)(gn_app *);
    int (*check)(gn_app *);
    int (*start)(gn_app *);
    int (*segment)(gn_app *);
    int (*batch)(gn_app *, gn_batch *);
    int (*end)(gn_app *);
    int (*wait)(gn_app *);
    int (*run)(gn_app *);
    int (*finish)(gn_app *);
    int (*commit)(gn_app *);
    void (*release)(gn_app *);
} gn_filter;

/* Options that the app handles for every filter (as its flags say). */
typedef struct gn_common {
    const char *output;
    const char *zstd; /* NULL: by the output's name; "": level 1 */
    size_t memory;
    const char *tz;
    const char *temp_dir; /* NULL: by the environment */
    size_t max_record;
    const char *stats; /* NULL: none; "": standard error */
    const char *help;  /* NULL: not asked for; "": for people; "mdoc": for the man page */
    bool quiet, verbose, version;
} gn_common;

struct gn_app {
    const gn_filter *filter;
    void *opt;   /* the filter's options struct */
    void *state; /* the filter's state struct */
    gn_common common;
    gn_list files; /* operands */
    gn_err err;
    gn_budget budget;     /* cap from -m */
    gn_zone *zone;        /* --tz */
    uint64_t part, parts; /* parts > 0, set by `check`: read part `part` of `parts` of the files */
    gn_plan *plan;        /* set in `start`: read what it says, not the files */
    gn_reader *reader;    /* GN_APP_STREAM_IN */
    gn_out *out;
    gn_writer *w; /* GN_APP_STREAM_OUT */
    gn_lineage
        lineage; /* union over the input segments that have ended, in `end` before this one */
    const char *options; /* description of the options that affect the result */
    int status;          /* exit status of a successful run: GN_OK, or GN_NO for checks */
    bool done;           /* set by a hook: no further input is needed (gn-head) */
    bool own_inputs;     /* set by check: `run` reads the operands, despite GN_APP_STREAM_IN */
    struct gn_app_private *priv;
};

int gn_app_run(const gn_filter *f, int argc, char **argv);

/* In the hook take_operands: the first operand, which is no file (gn-where EXPR FILE...), to become
 * the value of an option, so that provenance tells of it. NULL when there is none. */
const char *gn_app_take_operand(gn_app *a);

/* Statistics: add to a named counter (created at first use, printed in that order). `name` is a
 * static string. */
void gn_app_count(gn_app *a, const char *name, uint64_t n);
/* What a number cannot say, such as a choice and its reason; `name` is a static string. */
void gn_app_say(gn_app *a, const char *name, const char *text);
/* Is the output standard output and not compressed, so that someone may read it as it grows? */
bool gn_app_live(const gn_app *a);
/* In `start`: what --part says: the operands are directories that gn-partition wrote, and only this
 * part of them is read. */
int gn_app_part(gn_app *a, const char *part);
/* A figure that is no count, under its name among the counters. */
void gn_app_figure(gn_app *a, const char *name, double x);
/* Print "name: note: ..." to standard error unless -q. */
void gn_app_note(gn_app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An input segment that `run` read itself has ended: its lineage joins app->lineage. */
int gn_app_input_ended(gn_app *a, const gn_lineage *l);
/* Records read, for filters whose input the app does not read; and bytes. */
void gn_app_records_in(gn_app *a, uint64_t n, uint64_t bytes);
/* Records and bytes written, and seconds waited for it, by filters that write files of their own.
 */
void gn_app_records_out(gn_app *a, uint64_t n, uint64_t bytes, double wait);

/* Begin an output segment on app->w. */
int gn_app_begin(gn_app *a, const gn_header *h);
/* End the open output segment. `from` is the lineage of what went in (the reader's trailer, or
 * app->lineage for everything); this command's node is put on top. drop_cover for filters whose
 * output no longer accounts for its input (gn-head, gn-sample). */
int gn_app_end_segment(gn_app *a, const gn_lineage *from, bool drop_cover);

/* The lineage of an output of this command: what went in, `from` as above, with this command's node
 * on top. For filters with writers of their own; the caller releases it. */
int gn_app_lineage(gn_app *a, const gn_lineage *from, bool drop_cover, gn_lineage *to);
/* The level of Zstandard for an output called `path` (may be NULL), as --zstd says; 0: none.
 * `zstd` is the option's argument, NULL without it. */
int gn_app_zstd_level(const char *zstd, const char *path, int *level, gn_err *e);

/* For filters that merge partial states. At a segment's end: refuse it when it covers records that
 * an earlier one covers too (they would be counted twice); one without cover is counted. */
int gn_app_merge_end(gn_app *a);
/* At the end: refuse results from which parts of the sources are missing, unless they may be. */
int gn_app_merge_finish(gn_app *a, bool allow_missing);

/* A further output stream, ended and committed together with the others at the end. The app owns
 * both; the filter begins the segment, writes, and leaves it open or calls gn_writer_end itself. */
gn_writer *gn_app_also(gn_app *a, const char *path);
int gn_app_end_also(gn_app *a, gn_writer *w, const gn_lineage *from, bool drop_cover);

#endif
