/* branch.c - see branch.h. */
#include "branch.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int gn_branch_start(gn_branch *b, const char *command, gn_err *e)
{
    b->command = command;
    if (gn_proc_start(&b->proc, command, e))
        return -1;
    /* The pipe under a name, which the output opens for itself. */
    snprintf(b->name, sizeof b->name, "/proc/self/fd/%d", b->proc.fd);
    b->out = gn_out_open(b->name, 0, e);
    (void)close(b->proc.fd);
    b->proc.fd = -1;
    if (!b->out)
        return -1;
    b->w = gn_writer_new(b->out, e);
    return b->w ? 0 : -1;
}

/* An error of a closed pipe is none. */
static int judge(gn_branch *b, const gn_err *why, gn_err *e)
{
    b->closed = why->closed;
    return why->closed ? 0 : gn_fail(e, why->status, "command '%s': %s", b->command, why->msg);
}

int gn_branch_write(gn_branch *b, const void *p, size_t n, gn_err *e)
{
    gn_err why = {0};
    if (b->closed || !b->out || gn_out_write(b->out, p, n, &why) == 0)
        return 0;
    return judge(b, &why, e);
}

void gn_branch_fail(gn_branch *b, const char *command, int status)
{
    gn_err ignore = {0};
    if (b->w && !b->closed)
        (void)gn_writer_fail(b->w, command, status, &ignore);
}

int gn_branch_end(gn_branch *b, gn_err *e)
{
    gn_err why = {0};
    if (!b->out)
        return 0;
    int r = b->closed ? 0 : gn_out_finish(b->out, &why);
    gn_writer_free(b->w);
    gn_out_close(b->out);
    b->w = NULL;
    b->out = NULL;
    return r ? judge(b, &why, e) : 0;
}

int gn_branch_wait(gn_branch *b, gn_err *e)
{
    int status;
    if (gn_proc_wait(&b->proc, &status, e))
        return -1;
    if (status == 128 + SIGPIPE) {
        b->closed = true;
        return 0;
    }
    if (status > 128)
        return gn_fail(e, GN_IO, "command '%s' was ended by signal %d", b->command, status - 128);
    if (status)
        return gn_fail(e, GN_IO, "command '%s' failed with status %d", b->command, status);
    return 0;
}

void gn_branch_release(gn_branch *b)
{
    gn_err ignore = {0};
    gn_writer_free(b->w);
    gn_out_close(b->out);
    b->w = NULL;
    b->out = NULL;
    (void)gn_branch_wait(b, &ignore);
}
