/* branch.h - a command that is fed a stream, and may have had enough of it. */
#ifndef GN_OP_BRANCH_H
#define GN_OP_BRANCH_H

#include "../io/proc.h"
#include "../stream/writer.h"

#include <stdbool.h>

typedef struct gn_branch {
    const char *command; /* not copied */
    gn_proc proc;
    gn_out *out; /* the pipe */
    gn_writer *w;
    char name[40];
    bool closed; /* it closed its input before the end: nothing more is written */
} gn_branch;

/* Zeroed before. Release also after a failure. */
int gn_branch_start(gn_branch *b, const char *command, gn_err *e);
/* Bytes of a stream. That the command has closed its input is no error. */
int gn_branch_write(gn_branch *b, const void *p, size_t n, gn_err *e);
/* Let it know that we failed: a fail trailer, as far as it will take one. */
void gn_branch_fail(gn_branch *b, const char *command, int status);
/* Flush, and close the pipe: the command sees the end of its input. */
int gn_branch_end(gn_branch *b, gn_err *e);
/* Wait for the command. GN_IO when it fails; dying of a closed pipe, as what it fed had enough, is
 * no failure. */
int gn_branch_wait(gn_branch *b, gn_err *e);
/* Close the pipe, wait, free. Idempotent. */
void gn_branch_release(gn_branch *b);

#endif
