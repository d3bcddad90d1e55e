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
    "mkdir parts trace sessions frequency periods rollup actions\n"
    "gn-gen --model realistic --seed 1 --rows $ROWS --users $((ROWS / 10 + 1)) | gn-tocsv -o "
    "events.csv\n"
    "export GN_TRACE=\"$d/trace\"\n"
    "gn-fromcsv -f user_id,timestamp,action_type,page_id,duration_ms events.csv |\n"
    "    gn-partition -k user_id -n 2 -d parts\n"
    "period() {\n"
    "    gn-cat \"$1\" | gn-select \"period_type = '$2', period = str($3(session_start)), user_id, "
    "is_bounce\"\n"
    "}\n"
    "for p in 0000 0001; do\n"
    "    gn-sort -k user_id,timestamp -o sorted.gn parts/part-$p.gn\n"
    "    gn-sessionize --summary sorted.gn | gn-sort -k session_id -o sessions/$p.gn\n"
    "    gn-dau --partial -o rollup/$p.gn sorted.gn\n"
    "    gn-where 'user_id is not null and timestamp is not null' sorted.gn |\n"
    "        gn-agg --partial -k 'date = date(timestamp), action_type = coalesce(action_type, "
    "\"\")' \\\n"
    "            -a 'interactions = count(), users = distinct(user_id)' -o actions/$p.gn\n"
    "    gn-cat sessions/$p.gn | gn-agg -k user_id -a 'sessions = count(),\n"
    "        bounced = count(if(is_bounce, 1, null)), days = distinct(date(session_start)),\n"
    "        avg(session_duration_ms), first = min(date(session_start)),\n"
    "        last = max(date(session_start))' |\n"
    "        gn-select -o frequency/$p.gn 'user_id, sessions, per_day = sessions / days, bounced, "
    "days'\n"
    "    for by in 'day date' 'week week' 'month month'; do\n"
    "        period sessions/$p.gn $by | gn-agg -k period_type,period -a 'sessions = count(),\n"
    "            users = distinct(user_id), bounced = count(if(is_bounce, 1, null))' -o "
    "periods/$p-${by% *}.gn\n"
    "    done\n"
    "done\n"
    "gn-dau --merge -o days.gn rollup/*.gn\n"
    "gn-merge sessions/*.gn | gn-tocsv -o sessions.csv\n"
    "gn-merge frequency/*.gn | gn-tocsv -o frequency.csv\n"
    "gn-agg --merge actions/*.gn | gn-tocsv -o actions.csv\n"
    "for metric in session_duration_ms total_duration_ms actions_count unique_pages; do\n"
    "    gn-cat -f session_start,$metric sessions | gn-agg -a \"p25($metric), p75($metric)\" -o "
    "fences.gn\n"
    "    gn-cat -f session_start,is_bounce,$metric sessions |\n"
    "        gn-select \"metric = '$metric', value = $metric, is_bounce, lower = float('1'), \\\n"
    "            upper = float('1e6'), is_outlier = coalesce($metric < float('1') or $metric > "
    "float('1e6'), \\\n"
    "                false)\" |\n"
    "        gn-agg -k metric -a 'average = avg(value), n = count(value), lower = min(lower),\n"
    "            inliers = avg(if(is_outlier, null, value)), upper = max(upper),\n"
    "            actives = avg(if(is_bounce, null, value)), outliers = count(if(is_outlier, 1, "
    "null))' \\\n"
    "            -o overview.gn\n"
    "    gn-cat -f session_start,$metric sessions |\n"
    "        gn-select \"metric = '$metric', bucket = least(int($metric / 60000), 120), \\\n"
    "            lower = least(int($metric / 60000), 120) * 60000, \\\n"
    "            upper = (least(int($metric / 60000), 120) + 1) * 60000\" |\n"
    "        gn-agg -k metric,bucket,lower,upper -a 'sessions = count()' -o histogram.gn\n"
    "done\n"
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
