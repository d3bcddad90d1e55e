/* trace.c - see trace.h. */
#include "trace.h"

#include "../base/json.h"
#include "../base/parse.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double seconds(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The pipe or file on a descriptor: equal on both ends of a pipe. */
static void name_end(int fd, char *out, size_t size)
{
    struct stat st;
    if (fstat(fd, &st) == 0)
        snprintf(out, size, "%llx:%llu", (unsigned long long)st.st_dev,
                 (unsigned long long)st.st_ino);
}

void gn_trace_begin(gn_trace *t, const char *command, int argc, char **argv)
{
    memset(t, 0, sizeof *t);
    t->command = command;
    t->argc = argc;
    t->argv = argv;
    t->started = seconds(CLOCK_REALTIME);
    t->clock = seconds(CLOCK_MONOTONIC);
    name_end(STDIN_FILENO, t->in, sizeof t->in);
    name_end(STDOUT_FILENO, t->out, sizeof t->out);
}

void gn_trace_count(gn_trace *t, const char *name, uint64_t n)
{
    for (size_t i = 0; i < t->ncounters; i++)
        if (strcmp(t->counter[i].name, name) == 0) {
            t->counter[i].n += n;
            return;
        }
    if (t->ncounters < GN_COUNTERS_MAX) {
        t->counter[t->ncounters].name = name;
        t->counter[t->ncounters++].n = n;
    }
}

void gn_trace_say(gn_trace *t, const char *name, const char *text)
{
    if (t->nwords == GN_WORDS_MAX)
        return;
    t->word[t->nwords].name = name;
    snprintf(t->word[t->nwords].text, sizeof t->word->text, "%s", text);
    t->nwords++;
}

void gn_trace_figure(gn_trace *t, const char *name, double x)
{
    gn_trace_count(t, name, 0);
    for (size_t i = 0; i < t->ncounters; i++)
        if (strcmp(t->counter[i].name, name) == 0) {
            t->counter[i].real = true;
            t->counter[i].x = x;
        }
}

static int put_figure(gn_json *j, const char *key, double x, gn_err *e)
{
    char text[GN_FLOAT_TEXT];
    if (gn_json_key(j, key, e))
        return -1;
    if (!isfinite(x))
        return gn_json_null(j, e);
    gn_float_format(x, text);
    j->comma = true;
    return gn_buf_printf(j->b, e, "%s", text);
}

static int put_seconds(gn_json *j, const char *key, double v, gn_err *e)
{
    if (gn_json_key(j, key, e))
        return -1;
    j->comma = true;
    return gn_buf_printf(j->b, e, "%.6f", v);
}

static int put_count(gn_json *j, const char *key, uint64_t v, gn_err *e)
{
    return gn_json_key(j, key, e) || gn_json_uint(j, v, e) ? -1 : 0;
}

static int put_words(const gn_trace *t, gn_json *j, gn_err *e)
{
    if (!t->nwords)
        return 0;
    if (gn_json_key(j, "words", e) || gn_json_open(j, '{', e))
        return -1;
    for (size_t i = 0; i < t->nwords; i++)
        if (gn_json_key(j, t->word[i].name, e) || gn_json_text(j, t->word[i].text, e))
            return -1;
    return gn_json_close(j, '}', e);
}

static int encode(const gn_trace *t, int status, bool closed, gn_buf *b, gn_err *e)
{
    gn_json j = {.b = b};
    char host[256] = "";
    struct rusage u = {0};
    (void)gethostname(host, sizeof host - 1);
    (void)getrusage(RUSAGE_SELF, &u);
    double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                 (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
    if (gn_json_open(&j, '{', e) || gn_json_key(&j, "command", e) ||
        gn_json_text(&j, t->command, e) || gn_json_key(&j, "argv", e) || gn_json_open(&j, '[', e))
        return -1;
    for (int i = 0; i < t->argc; i++)
        if (gn_json_text(&j, t->argv[i], e))
            return -1;
    if (gn_json_close(&j, ']', e) || gn_json_key(&j, "status", e) || gn_json_int(&j, status, e) ||
        gn_json_key(&j, "closed", e) || gn_json_bool(&j, closed, e) ||
        put_count(&j, "records_in", t->records_in, e) ||
        put_count(&j, "records_out", t->records_out, e) ||
        put_count(&j, "bytes_in", t->bytes_in, e) || put_count(&j, "bytes_out", t->bytes_out, e) ||
        put_seconds(&j, "started", t->started, e) ||
        put_seconds(&j, "wall_s", seconds(CLOCK_MONOTONIC) - t->clock, e) ||
        put_seconds(&j, "cpu_s", cpu, e) ||
        put_count(&j, "max_rss_bytes", (uint64_t)u.ru_maxrss * 1024, e) ||
        put_count(&j, "memory_peak_bytes", t->memory_peak, e) ||
        put_seconds(&j, "wait_in_s", t->wait_in, e) ||
        put_seconds(&j, "wait_out_s", t->wait_out, e) || gn_json_key(&j, "host", e) ||
        gn_json_text(&j, host, e) || put_count(&j, "pid", (uint64_t)getpid(), e) ||
        put_count(&j, "parent", (uint64_t)getppid(), e) || gn_json_key(&j, "stdin", e) ||
        gn_json_text(&j, t->in, e) || gn_json_key(&j, "stdout", e) || gn_json_text(&j, t->out, e) ||
        gn_json_key(&j, "counters", e) || gn_json_open(&j, '{', e))
        return -1;
    for (size_t i = 0; i < t->ncounters; i++)
        if (t->counter[i].real ? put_figure(&j, t->counter[i].name, t->counter[i].x, e)
                               : put_count(&j, t->counter[i].name, t->counter[i].n, e))
            return -1;
    return gn_json_close(&j, '}', e) || put_words(t, &j, e) || gn_json_close(&j, '}', e) ||
                   gn_buf_add(b, "\n", 1, e)
               ? -1
               : 0;
}

static int write_to(const char *path, int flags, const gn_buf *b, gn_err *e)
{
    int fd = open(path, flags | O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot create", path);
    ssize_t r = write(fd, b->p, b->n); /* one write: lines of several processes do not mix */
    if (r != (ssize_t)b->n) {
        gn_fail_errno(e, GN_IO, "'%s': cannot write", path);
        (void)close(fd);
        return -1;
    }
    if (close(fd) != 0)
        return gn_fail_errno(e, GN_IO, "'%s': cannot close", path);
    return 0;
}

int gn_trace_end(gn_trace *t, int status, bool closed, const char *stats, gn_err *e)
{
    const char *dir = getenv("GN_TRACE");
    if (!stats && !(dir && *dir))
        return 0;
    gn_buf b = {0}, path = {0};
    char host[256] = "";
    int r = encode(t, status, closed, &b, e);
    if (r == 0 && stats && *stats)
        r = write_to(stats, O_TRUNC, &b, e);
    else if (r == 0 && stats && fwrite(b.p, 1, b.n, stderr) != b.n)
        r = gn_fail_errno(e, GN_IO, "'standard error': cannot write");
    if (r == 0 && dir && *dir) {
        (void)gethostname(host, sizeof host - 1);
        r = gn_buf_printf(&path, e, "%s/%s.%ld.jsonl", dir, host, (long)getpid());
        if (r == 0)
            r = write_to((const char *)path.p, O_APPEND, &b, e);
    }
    gn_buf_release(&b);
    gn_buf_release(&path);
    return r;
}
