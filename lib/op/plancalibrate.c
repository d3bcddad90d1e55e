/* plancalibrate.c - see planrates.h: a small job, run by sh(1), whose traces are its output. It is
 * the insights job in short (pipelines/insights.mk), with two partitions. A failure upstream fails
 * the commands behind it (gn-stream(5)), so that `set -e` sees all. */
#include "planrates.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char job[] =
    "set -e\n"
    "unset GN_TRACE\n"
    "d=$(mktemp -d \"$T/gn-plan.XXXXXX\")\n"
    "trap 'rm -rf \"$d\"' EXIT\n"
    "trap 'exit 130' INT TERM HUP\n"
    "cd \"$d\"\n"
    "mkdir trace sessions rollup\n"
    "users=$((ROWS / 10 + 1)) model='--model realistic --seed 1'\n"
    "gn-gen $model --rows $ROWS --users $users | gn-tocsv -o events.csv\n"
    "gn-gen $model --table metadata --rows $users --users $users | gn-tocsv -o metadata.csv\n"
    "export GN_TRACE=\"$d/trace\"\n"
    "gn-fromcsv events.csv | gn-partition -k user_id -n 2 -d events\n"
    "gn-fromcsv metadata.csv | gn-partition -k user_id -n 2 -d metadata\n"
    "for p in 0000 0001; do\n"
    "    gn-uniq -k user_id --keep join_date:desc --ties greatest --sort -o members.gn "
    "metadata/part-$p.gn\n"
    "    gn-sort -k user_id,timestamp -o sorted.gn events/part-$p.gn\n"
    "    gn-sessionize --summary sorted.gn |\n"
    "        gn-join -k user_id --right-fields country,device_type - members.gn |\n"
    "        gn-sort -k session_id -o sessions/$p.gn\n"
    "    gn-dau --partial -o rollup/$p.gn sorted.gn\n"
    "done\n"
    "gn-dau --merge -o days.gn rollup/*.gn\n"
    "gn-merge sessions/*.gn | gn-tocsv -o sessions.csv\n"
    "cat trace/*.jsonl\n";

/* 'text' for sh, after `name`=. */
static int assign(gn_buf *b, const char *name, const char *text, gn_err *e)
{
    if (gn_buf_printf(b, e, "%s='", name))
        return -1;
    for (; *text; text++)
        if (*text == '\'' ? gn_buf_add(b, "'\\''", 4, e) : gn_buf_add(b, text, 1, e))
            return -1;
    return gn_buf_add(b, "'\n", 2, e);
}

static const char *temp_dir_of(const char *given)
{
    const char *gn = getenv("GN_TMPDIR"), *tmp = getenv("TMPDIR");
    return given ? given : gn && *gn ? gn : tmp && *tmp ? tmp : "/tmp";
}

static int write_script(gn_buf *b, uint64_t rows, const char *temp_dir, gn_err *e)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    if ((slash && (assign(b, "BIN", self, e) || gn_buf_printf(b, e, "PATH=$BIN:$PATH\n"))) ||
        assign(b, "T", temp_dir_of(temp_dir), e) ||
        gn_buf_printf(b, e, "ROWS=%llu\n", (unsigned long long)rows))
        return -1;
    return gn_buf_add(b, job, sizeof job, e); /* with its NUL */
}

int gn_plancalibrate(uint64_t rows, const char *temp_dir, gn_buf *lines, gn_err *e)
{
    gn_buf script = {0};
    char block[4096];
    size_t n;
    if (access(temp_dir_of(temp_dir), W_OK) != 0)
        return gn_fail_errno(e, GN_IO, "'%s': no temporary files here (see -T)",
                             temp_dir_of(temp_dir));
    int r = write_script(&script, rows, temp_dir, e), status;
    FILE *f = r == 0 ? popen((const char *)script.p, "re") : NULL;
    if (r == 0 && !f)
        r = gn_fail_errno(e, GN_IO, "cannot start sh");
    while (r == 0 && (n = fread(block, 1, sizeof block, f)) > 0)
        r = gn_buf_add(lines, block, n, e);
    gn_buf_release(&script);
    if (!f)
        return -1;
    status = pclose(f);
    if (r == 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        r = gn_fail(e, GN_IO, "the calibration failed (see the message before this one)");
    return r;
}
