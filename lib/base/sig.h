/* sig.h - signals: asked to stop, and stopping as the signal would have done.
 *
 * SIGPIPE and SIGXFSZ are ignored, so that a closed pipe and a file that has grown to the limit are
 * errors of write(2) that can be cleaned up after;
 * SIGINT, SIGTERM and SIGHUP only set a flag, which the I/O floor looks at before every read and
 * write. When everything is put away the process dies by the very signal, so that shells and make
 * see what happened. The flag is the one piece of global state in gn: handlers can reach no other. */
#ifndef GN_BASE_SIG_H
#define GN_BASE_SIG_H

#include "err.h"

/* Install the handlers. A signal ignored at entry (nohup) stays ignored. */
int gn_sig_install(gn_err *e);
/* The signal that asked us to stop, or 0. */
int gn_sig_caught(void);
/* Restore the default action and raise the signal: does not return unless the signal is blocked. */
void gn_sig_die(int sig);

#endif
