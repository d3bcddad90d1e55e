/* err.c - see err.h. */
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int gn_fail(gn_err *e, int status, const char *fmt, ...)
{
    if (e->status != GN_OK)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    e->status = status;
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    return -1;
}

int gn_fail_errno(gn_err *e, int status, const char *fmt, ...)
{
    int err = errno;
    if (e->status != GN_OK)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    e->status = status;
    int n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->msg) {
        char text[128];
        /* The C library's texts begin with a capital; our messages do not. */
        const char *s = strerror_r(err, text, sizeof text);
        snprintf(e->msg + n, sizeof e->msg - (size_t)n, ": %s", s);
        char *c = e->msg + n + 2;
        if (c[0] >= 'A' && c[0] <= 'Z' && c[1] >= 'a' && c[1] <= 'z')
            c[0] = (char)(c[0] - 'A' + 'a');
    }
    e->closed = err == EPIPE;
    return -1;
}

void gn_err_clear(gn_err *e)
{
    memset(e, 0, sizeof *e);
}
