"""growth.py - the same chains over more and more rows: what time and memory grow by.

The rows come out of the generator through a pipe and are stored nowhere, so that 100 million (5.7
GB) need no more disk than the chains' temporary files. Time is the CPU time of the gn commands alone,
by their traces: the generator works at the same time and is slower than some of them. A chain's last
command counts the rows that went through all of it, and the section fails where one is missing.
"""
import glob
import json
import statistics
import tempfile

from measure import concurrent_peak, say, shell

SESSIONS = ("gn-fromcsv -f user_id,timestamp,action_type,page_id,duration_ms - | "
            "gn-sort {0} -k user_id,timestamp | gn-sessionize {0} --summary | "
            "gn-agg -a 'n = sum(actions_count)'")
CHAINS = (
    ("CSV to daily active users", "gn-fromcsv - | gn-dau | gn-agg -a 'n = sum(total_interactions)'"),
    ("the same, -m 64M",
     "gn-fromcsv - | gn-dau -m 64M | gn-agg -a 'n = sum(total_interactions)'"),
    ("CSV to sessions", SESSIONS.format("")),
    ("the same, -m 64M", SESSIONS.format("-m 64M")),
    ("CSV to averages by user, -m 64M",
     "gn-fromcsv - | gn-agg -m 64M -k user_id -a 'n = count(), avg(duration_ms)' | "
     "gn-agg -a 'n = sum(n)'"),
    ("CSV to 1,000 packed parts, -m 64M",
     "gn-fromcsv - | gn-partition -m 64M -k user_id -n 1000 --pack -d {dir}/parts && "
     "gn-agg -a 'n = sum(rows)' {dir}/parts/manifest.gn"),
)
# Above so many rows a chain runs once.
ONCE = 20000000


def once(generator, rows, chain):
    """CPU seconds of the gn commands, and their peak memory."""
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as trace:
        out = scratch + "/n"
        shell("%s %d 0 | { %s; } | gn-tocsv --no-header >%s" % (
            generator, rows, chain.replace("{dir}", scratch), out), GN_TRACE=trace)
        with open(out, encoding="ascii") as f:
            counted = int(f.read())
        if counted != rows:
            raise RuntimeError("%d of %d rows counted: %s" % (counted, rows, chain))
        processes = [json.loads(line) for path in glob.glob(trace + "/*")
                     for line in open(path, encoding="utf-8")]
    return sum(p["cpu_s"] for p in processes), concurrent_peak(processes)


def growth(generator, sizes, runs):
    say("\n### Growth\n")
    say("| | rows | CPU s | million rows a CPU s | peak MB | time grows by | memory grows by |")
    say("|---|--:|--:|--:|--:|--:|--:|")
    for name, chain in CHAINS:
        last = None
        for rows in sizes:
            done = [once(generator, rows, chain) for _ in range(1 if rows > ONCE else runs)]
            cpu = statistics.median(c for c, _ in done)
            memory = max(m for _, m in done)
            grown = "%.1fx | %.2fx" % (cpu / last[0], memory / last[1]) if last else "|"
            say("| %s | %d | %.2f | %.1f | %.0f | %s |" % (
                name, rows, cpu, rows / cpu / 1e6, memory / 1e6, grown))
            last = cpu, memory
    return True
