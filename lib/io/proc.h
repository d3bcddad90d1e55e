/* proc.h - shell commands that are fed through a pipe. */
#ifndef GN_IO_PROC_H
#define GN_IO_PROC_H

#include "../base/err.h"

#include <sys/types.h>

typedef struct gn_proc {
    pid_t pid; /* 0: none, or waited for */
    int fd;    /* the pipe to its standard input, or -1; the caller's */
} gn_proc;

/* Start `sh -c command` with a pipe as standard input and our standard error as its standard output
 * too: ours carries a stream. SIGPIPE kills it as usual; no signal is blocked. */
int gn_proc_start(gn_proc *p, const char *command, gn_err *e);
/* Wait for its end. *status is its exit status, or 128 + the signal that ended it, as in a shell.
 */
int gn_proc_wait(gn_proc *p, int *status, gn_err *e);

#endif
