/* planrates.h - what the filters of a job cost: processor time for so many bytes of input.
 *
 * Rates are read off the lines that commands write where GN_TRACE is set (app/trace.h), of one run
 * of a job. A job has three phases, told apart by time:
 *
 *     map         what began before the last gn-partition (or, without one, gn-fromcsv) had ended
 *     partitions  what came then: it is done for each partition by itself
 *     merge       what ended after the first gn-merge, or the first command with --merge, had begun
 *
 * A command costs in a phase the processor time of all its processes together, for the bytes of
 * stream that gn-fromcsv or gn-fromjson made in the whole run (without those, that the first of
 * gn-partition, gn-sort, gn-sessionize, gn-dau, gn-agg read). Costs grow with these bytes: that is
 * what filters of gn are built to do, and measured to.
 *
 * Times are microseconds. */
#ifndef GN_OP_PLANRATES_H
#define GN_OP_PLANRATES_H

#include "../base/mem.h"

#include <stdbool.h>
#include <stdint.h>

enum gn_planphase { GN_PLAN_MAP, GN_PLAN_PARTITIONS, GN_PLAN_MERGE, GN_PLAN_PHASES };

#define GN_PLANRATE_NAME 24
#define GN_PLANRATES_MAX 128

typedef struct gn_planrate {
    char command[GN_PLANRATE_NAME];
    int phase;    /* enum gn_planphase */
    uint64_t cpu; /* all processes together */
} gn_planrate;

typedef struct gn_planrates {
    bool measured;            /* false: those built in */
    uint64_t basis;           /* bytes of stream, more than 0 */
    uint64_t csv_in, csv_out; /* bytes of CSV and what they became; 0: no CSV was read */
    uint64_t longest;         /* processor time of the costliest process of the merge phase */
    size_t n;
    gn_planrate rate[GN_PLANRATES_MAX]; /* by phase, then name */
} gn_planrates;

/* Of 10 million events of the realistic model; see planrates.c. */
void gn_planrates_builtin(gn_planrates *r);

/* Of a file of trace lines, or of the files *.jsonl in a directory. GN_INPUT where that holds no
 * line of a command that read events, or a line that is none. */
int gn_planrates_read(gn_planrates *r, const char *path, gn_err *e);

/* The cost of all commands of a phase, or of one by name, for so many bytes; rounded up for each
 * command. GN_USAGE where that is beyond 64 bits. */
int gn_planrates_cost(const gn_planrates *r, enum gn_planphase phase, const char *command,
                      uint64_t bytes, uint64_t *cpu, gn_err *e);

/* Run a small job (read, place, sort, sessions, join, active users, merge) on `rows` generated
 * events, with temporary files in `temp_dir` (NULL: as tmp.h), and append their trace lines to
 * `lines`. The commands are those beside this one, or else on PATH. GN_IO where that fails; the
 * filters' own messages go to standard error. */
int gn_plancalibrate(uint64_t rows, const char *temp_dir, gn_buf *lines, gn_err *e);

#endif
