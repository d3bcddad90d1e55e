/* proc.c - see proc.h. */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int spawn(gn_proc *p, const char *command, int in)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, dfl;
    int r = posix_spawn_file_actions_init(&files);
    if (r)
        return r;
    r = posix_spawnattr_init(&attr);
    if (r) {
        (void)posix_spawn_file_actions_destroy(&files);
        return r;
    }
    (void)sigemptyset(&none);
    (void)sigemptyset(&dfl);
    (void)sigaddset(&dfl, SIGPIPE);
    (void)sigaddset(&dfl, SIGXFSZ);
    r = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawnattr_setsigmask(&attr, &none);
    if (r == 0)
        r = posix_spawnattr_setsigdefault(&attr, &dfl);
    if (r == 0)
        r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (r == 0)
        r = posix_spawn(&p->pid, "/bin/sh", &files, &attr, argv, environ);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&files);
    return r;
}

/* A descriptor above the standard ones: dup2 onto itself would leave it close-on-exec. */
static int above_standard(int fd)
{
    if (fd > STDERR_FILENO)
        return fd;
    int up = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int why = errno;
    (void)close(fd);
    errno = why;
    return up;
}

int gn_proc_start(gn_proc *p, const char *command, gn_err *e)
{
    int ends[2];
    *p = (gn_proc){.fd = -1};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot make a pipe", command);
    ends[0] = above_standard(ends[0]);
    p->fd = above_standard(ends[1]);
    int r = ends[0] < 0 || p->fd < 0 ? errno : spawn(p, command, ends[0]);
    if (ends[0] >= 0)
        (void)close(ends[0]); /* the child's */
    if (r == 0)
        return 0;
    if (p->fd >= 0)
        (void)close(p->fd);
    *p = (gn_proc){.fd = -1};
    errno = r;
    return gn_fail_errno(e, GN_IO, "'%s': cannot start", command);
}

int gn_proc_wait(gn_proc *p, int *status, gn_err *e)
{
    int s;
    *status = 0;
    if (p->pid == 0)
        return 0;
    while (waitpid(p->pid, &s, 0) < 0)
        if (errno != EINTR)
            return gn_fail_errno(e, GN_IO, "cannot wait for a command");
    p->pid = 0;
    *status = WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s);
    return 0;
}
