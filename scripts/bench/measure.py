"""measure.py - time contenders for one job in turn, compare their results, print a table.

A contender is a Pipeline (a shell command) or a Peer (a database, by peers.py). One that gives
results leaves them as CSV files in its directory `out`. Seconds and bytes throughout. Everything is
written below BENCH.
"""
import csv
import filecmp
import glob
import itertools
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(os.path.abspath(os.environ.get("BUILD", "build")), "bench")
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


def say(*words):
    print(*words, flush=True)


def scratch(*names):
    """A path below BENCH; its directory is there."""
    path = os.path.join(BENCH, *names)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def results(name):
    """An empty directory for the tables of a contender."""
    path = scratch("out", name)
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path)
    return path


class Result:
    """One timed run; memory: the peak."""

    def __init__(self, wall, cpu, memory):
        self.wall, self.cpu, self.memory = wall, cpu, memory


def shell(command, **env):
    """Run a pipeline; the memory is that of its largest process."""
    begin = time.monotonic()
    pid = os.posix_spawn("/bin/bash", ["bash", "-c", "set -o pipefail; " + command],
                         dict(os.environ, **env))
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise RuntimeError("status %d: %s" % (os.waitstatus_to_exitcode(status), command))
    return Result(time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def concurrent_peak(processes):
    """The greatest sum of the peaks of gn processes that ran at the same time, by their traces."""
    events = []
    for p in processes:
        begin, peak = p["started"], p["max_rss_bytes"]
        events += [(begin, 1, peak), (begin + p["wall_s"], 0, -peak)]
    peaks = itertools.accumulate(change for _, _, change in sorted(events))
    return max(peaks, default=0)


class Pipeline:
    """A shell command. before: what to run ahead of it each time; check: what to run once, after
    the first time, to make the tables in `out`. Neither is timed. peer: not gn, so that there is a
    ratio. once: slow, so that its first run is the one that counts."""

    def __init__(self, name, command, out=None, before=None, check=None, peer=False, once=False):
        self.name, self.command, self.out = name, command, out
        self.before, self.check = before, check
        self.peer, self.once = peer, once
        self.runs, self.memory = [], None

    def prepare(self):
        if self.before:
            shell(self.before)

    def first(self):
        """Warm the caches, learn the memory, make what is compared."""
        self.prepare()
        with tempfile.TemporaryDirectory() as trace:
            self.runs = [shell(self.command, GN_TRACE=trace)]
            self.memory = concurrent_peak(
                json.loads(line) for path in glob.glob(trace + "/*")
                for line in open(path, encoding="utf-8")) or self.runs[0].memory
        if self.check:
            shell(self.check)
        if not self.once:
            self.runs = []

    def run(self):
        self.prepare()
        self.runs.append(shell(self.command))


class Peer:
    """A database doing one of the jobs of peers.py."""
    peer = True
    script = "peers.py"

    once = False

    def __init__(self, engine, source, job):
        self.engine, self.source, self.job = engine, source, job
        self.name, self.out = engine, results(engine + "-" + job)
        self.runs = []

    @property
    def memory(self):
        return median(self, "memory")

    def first(self):
        self.run()
        self.runs = []

    def run(self):
        argv = [PYTHON, os.path.join(HERE, self.script), self.engine, self.source, self.out,
                self.job, "2"]
        peer = subprocess.run(argv, env=dict(os.environ, PYTHONPATH=home(self.engine)),
                              stdout=subprocess.PIPE, text=True, check=False)
        if peer.returncode:
            raise RuntimeError("%s: status %d" % (self.job, peer.returncode))
        told = json.loads(peer.stdout)
        self.name = told["name"]
        self.runs.append(Result(told["wall"], told["cpu"], told["memory"]))


def home(package):
    return os.path.join(BENCH, package)


def install(package):
    """True when the package can be imported from its directory, into which it is installed if need
    be."""
    probe = [PYTHON, "-c", "import " + package]
    env = dict(os.environ, PYTHONPATH=home(package))
    if subprocess.run(probe, env=env, capture_output=True, check=False).returncode == 0:
        return True
    say("installing %s from PyPI into %s" % (package, home(package)))
    pip = subprocess.run([PYTHON, "-m", "pip", "install", "-q", "--root-user-action=ignore",
                          "--no-cache-dir", "--target", home(package), package],
                         capture_output=True, text=True, check=False)
    if pip.returncode == 0 and subprocess.run(probe, env=env, check=False).returncode == 0:
        return True
    say("%s could not be installed, so nothing is compared with it:" % package)
    say("   ", (pip.stderr.strip() or "no reason given").splitlines()[-1])
    return False


# ---- comparison ----

def same_cell(a, b):
    """Floats may differ in the last bits: a mean or a point between two values can be computed in
    several orders. Everything else is the same text."""
    if a == b:
        return True
    try:
        return math.isclose(float(a), float(b), rel_tol=1e-12) and ("." in a + b or "e" in a + b)
    except ValueError:
        return False


def table_difference(ours, theirs, estimated):
    if filecmp.cmp(ours, theirs, shallow=False):
        return None
    with open(ours, encoding="utf-8") as f, open(theirs, encoding="utf-8") as g:
        for i, (a, b) in enumerate(itertools.zip_longest(csv.DictReader(f), csv.DictReader(g)), 1):
            if a is None or b is None:
                return "%s has only %d rows" % ("gn" if a is None else "the other", i - 1)
            for column in b:
                if column not in estimated and (
                        column not in a or not same_cell(a[column], b[column])):
                    return "row %d, %s: %s, %s" % (i, column, a.get(column), b[column])
    return None


def difference(gn, other, estimated=()):
    """What differs in the tables of the other directory, which gn's must have too; columns that
    only gn has (flags) and estimated ones are not compared. None when nothing does."""
    tables = sorted(os.path.basename(p) for p in glob.glob(other + "/*.csv"))
    if not tables:
        return "no tables in " + other
    for table in tables:
        ours, theirs = os.path.join(gn, table), os.path.join(other, table)
        if not os.path.exists(ours) or os.path.getsize(ours) == 0:
            return "%s: gn has none" % table
        differs = table_difference(ours, theirs, estimated)
        if differs:
            return "%s: %s" % (table, differs)
    return None


# ---- report ----

def median(item, what):
    return statistics.median(getattr(r, what) for r in item.runs)


def report(title, rows, items, runs, estimated=()):
    """Run the contenders in turn, compare, print a table. The first is what the others' results are
    compared with, and what ratios refer to. A contender that fails drops out. True when none did
    and no results differ."""
    notes, differs, failed = [], set(), set()
    items[0].first()
    for item in items[1:]:
        try:
            item.first()
        except RuntimeError as e:
            notes.append("%s failed: %s" % (item.name, e))
            failed.add(item)
            continue
        found = item.out and difference(items[0].out, item.out, estimated)
        if found:
            notes.append("%s: the results differ, so there is no ratio: %s" % (item.name, found))
            differs.add(item)
    items = [item for item in items if item not in failed]
    for _ in range(runs):
        for item in items:
            if not item.once:
                item.run()
    say("\n### %s\n" % title)
    ratios = any(item.peer for item in items)
    say("| | wall s | CPU s | peak MB | M rows/s |" + (" gn is faster by |" if ratios else ""))
    say("|---|--:|--:|--:|--:|" + ("--:|" if ratios else ""))
    ours = median(items[0], "wall")
    for item in items:
        wall = median(item, "wall")
        ratio = "%.1fx" % (wall / ours) if item.peer and item.out and item not in differs else ""
        say("| %s | %.2f | %.2f | %.0f | %.1f |" % (
            item.name, wall, median(item, "cpu"), item.memory / 1e6, rows / wall / 1e6)
            + (" %s |" % ratio if ratios else ""))
    for note in notes:
        say("\n" + note)
    return not notes
