/* sig.c - see sig.h. */
#include "sig.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
    caught = sig;
}

int gn_sig_install(gn_err *e)
{
    static const int stop[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction a, old;
    memset(&a, 0, sizeof a);
    sigemptyset(&a.sa_mask);
    a.sa_handler = SIG_IGN;
    if (sigaction(SIGPIPE, &a, NULL) != 0 || sigaction(SIGXFSZ, &a, NULL) != 0)
        return gn_fail_errno(e, GN_IO, "cannot set up signals");
    a.sa_handler = on_signal; /* no SA_RESTART: blocked reads and writes wake up */
    for (size_t i = 0; i < sizeof stop / sizeof *stop; i++) {
        if (sigaction(stop[i], NULL, &old) != 0)
            return gn_fail_errno(e, GN_IO, "cannot set up signals");
        if (old.sa_handler != SIG_IGN && sigaction(stop[i], &a, NULL) != 0)
            return gn_fail_errno(e, GN_IO, "cannot set up signals");
    }
    return 0;
}

int gn_sig_caught(void)
{
    return caught;
}

void gn_sig_die(int sig)
{
    sigset_t set;
    (void)signal(sig, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, sig);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)raise(sig);
}
