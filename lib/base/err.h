/* err.h - errors as values.
 *
 * Below lib/app nothing prints and nothing exits: a function that can fail returns 0 on success
 * and -1 on failure (or a count >= 0 and -1), and leaves in a gn_err what the user will read: one
 * line, lower case, without full stop, with the subject quoted and, where known, what to do about
 * it. The app floor prefixes the command's name and exits with `status`.
 *
 * A gn_err is caller-owned plain memory, no release. The first error set wins: later calls of
 * gn_fail on the same gn_err change nothing, so clean-up paths may fail freely. */
#ifndef GN_BASE_ERR_H
#define GN_BASE_ERR_H

#include <stdbool.h>

/* Exit statuses, the same for every command: see gn(7). */
enum gn_status {
    GN_OK = 0,      /* success */
    GN_NO = 1,      /* a check said no */
    GN_USAGE = 2,   /* command line or expression */
    GN_INPUT = 3,   /* the input is not what was asked for */
    GN_CORRUPT = 4, /* truncated, corrupt, or failed upstream */
    GN_IO = 5,      /* I/O, memory, temporary space, a missing file */
    GN_BUG = 70     /* a bug in gn */
};

typedef struct gn_err {
    int status;     /* an enum gn_status; GN_OK while nothing has failed */
    bool silent;    /* the error was already printed by the filter where it happened */
    bool closed;    /* the reader of our output has gone (EPIPE) */
    char msg[1000]; /* what to print; empty when silent */
} gn_err;

/* Set status and message unless an error is already there. Always returns -1, so that callers can
 * write `return gn_fail(...)`. */
int gn_fail(gn_err *e, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with ": " and the text of errno (taken at entry) appended. */
int gn_fail_errno(gn_err *e, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Forget the error. */
void gn_err_clear(gn_err *e);

#endif
