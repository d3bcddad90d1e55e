#!/usr/bin/python3
"""pctl_windows.py - gn-pctl --tumble against a model of its windows in plain Python.

    pctl_windows.py random SEED...      a seed, or FROM-TO: events out of order, late, far ahead;
                                        resumed at random places; other batches
    pctl_windows.py live                rows arrive while the input is open; idle windows close
    pctl_windows.py kill                kill -9, then the same input again

The commands are in GN_BIN (bin).
"""
import os
import random
import select
import subprocess
import sys
import tempfile
import time

import gnstream
from pctl_diff import percentile

S = 1000000
BEGIN = 1672531200 * S
FIELDS = [("user_id", "str"), ("timestamp", "time"), ("app_version", "str"),
          ("duration_ms", "int")]
GAP = 100
PCTL = os.path.join(os.environ.get("GN_BIN", "bin"), "gn-pctl")


class Difference(Exception):
    """gn computed something else."""


def events(rng, n, disorder):
    out, at = [], BEGIN
    for _ in range(n):
        at += int(rng.expovariate(1 / (20 * S)))
        if rng.random() < 0.002:
            at += rng.choice([3, 50]) * 3600 * S  # nobody there; or a gap beyond --max-ahead
        t = at - int(rng.expovariate(1 / (disorder * S)))
        if rng.random() < 0.01:
            t = rng.choice([None, at + 30 * 86400 * S, 4102444800 * S, at - 40 * 86400 * S])
        out.append(("u%d" % rng.randrange(9), t, rng.choice(["5.0.0", "5.0.0", "6.1.0", None]),
                    rng.choice([None, -1, rng.randrange(1000), rng.randrange(100000)])))
    return out


def model(rows, length, lateness, ahead):
    """The windows' events, and what is rejected: (number, rule)."""
    windows, rejected, mark, run = {}, [], None, 0
    now = time.time() * S
    for i, (user, t, version, value) in enumerate(rows):
        if t is None:
            rejected.append((i + 1, "time"))
            continue
        if ahead and t - ahead > now:
            run = 0
            rejected.append((i + 1, "ahead"))
            continue
        if ahead and mark is not None and t - ahead > mark:
            run += 1
            if run < GAP:
                rejected.append((i + 1, "ahead"))
                continue
        run = 0
        start = t // length * length
        if mark is not None and start + length + lateness <= mark:
            rejected.append((i + 1, "late"))
            continue
        mark = t if mark is None else max(mark, t)
        windows.setdefault((start, version), []).append((user, value))
    return windows, rejected


def expected(windows, length):
    out = {}
    for (start, version), members in windows.items():
        vals = sorted(v for _, v in members if v is not None and v >= 0)
        out[start, version] = [start + length, len({u for u, _ in members}), len(members)] + [
            percentile(vals, p, False, False) if vals else None for p in ("50", "95", "99")]
    return out


def run(args, data):
    p = subprocess.run([PCTL, "-q"] + args, input=data, capture_output=True, check=False)
    if p.returncode:
        raise Difference("%s: status %d: %s" % (args, p.returncode, p.stderr.decode()))
    return p.stdout


def rows_of(stream):
    return [list(r) for s in gnstream.parse(stream) for r in s.records]


def upsert(table, rows, finals=None):
    """Later rows of a key replace earlier ones; a final row must be the last of its key."""
    for r in rows:
        key = (r[0], r[1])
        if finals is not None:
            if key in finals:
                raise Difference("%r again after it was final" % (key,))
            if r[-1]:
                finals.add(key)
        table[key] = r[2:8]
    return table


def check(got, want, what):
    if got != want:
        for k in sorted(set(got) | set(want), key=str):
            if got.get(k) != want.get(k):
                raise Difference("%s: %r: %r, not %r" % (what, k, got.get(k), want.get(k)))


def one(seed, tmp):
    rng = random.Random(seed)
    length = rng.choice([300, 300, 60, 3600]) * S
    lateness = rng.choice([0, 60, 600, 7200]) * S
    ahead = rng.choice([86400, 86400, 7200, 0]) * S
    rows = events(rng, rng.choice([0, 1, 50, 700, 3000]), rng.choice([1, 30, 600]))
    if not ahead:
        rows = [r for r in rows if r[1] is None or r[1] < 4102444800 * S]
    args = ["-k", "app_version", "--tumble", "%dms" % (length // 1000), "--lateness",
            "%dms" % (lateness // 1000), "--max-ahead", "%dms" % (ahead // 1000)]
    windows, rejected = model(rows, length, lateness, ahead)
    want = expected(windows, length)
    data = gnstream.build(FIELDS, rows)
    rejects = os.path.join(tmp, "rejects")

    out = rows_of(run(args + ["--emit", "final", "--reject", rejects], data))
    if len(out) != len(want) or not all(r[-1] for r in out):
        raise Difference("final: not each row once")
    check(upsert({}, out), want, "final")
    with open(rejects, "rb") as f:
        got = [(r[2], r[3], r[5]) for r in rows_of(f.read())]
    segment = gnstream.parse(data)[0]
    if got != [(i, rule, segment.raw[i - 1]) for i, rule in rejected]:
        raise Difference("rejects: %r, not %r" % (got[:5], rejected[:5]))
    finals = set()
    check(upsert({}, rows_of(run(args, data)), finals), want, "update")
    if finals != set(want):
        raise Difference("update: not all are final")

    # Stopped here and there: with all the input again, or with what comes next.
    for mode in ("replay", "continue"):
        for emit in ("update", "final"):
            state = os.path.join(tmp, "state-%s-%s" % (mode, emit))
            more = ["--state", state, "--emit", emit]
            table, at, finals = {}, 0, set()
            while at < len(rows) or at == 0:
                end = min(len(rows), at + rng.randrange(1, len(rows) + 2))
                part = rows[:end] if mode == "replay" else rows[at:end]
                go_on = ["--continue"] if mode == "continue" else []
                upsert(table, rows_of(run(args + more + go_on, gnstream.build(FIELDS, part))),
                       finals)
                if mode == "continue" and rng.random() < 0.5:  # the same again changes nothing
                    again = rows_of(run(args + more, gnstream.build(FIELDS, part)))
                    if [r for r in again if r[-1]]:
                        raise Difference("windows close by events that are known")
                at = end
                if not rows:
                    break
            if emit == "final":
                open_from = max((r[1] for i, r in enumerate(rows)
                                 if (i + 1) not in dict(rejected)), default=0)
                closed = {k: v for k, v in want.items() if k[0] + length + lateness <= open_from}
                check(table, closed, mode + " final")
            else:
                check(table, want, mode)


def feed(p, data):
    p.stdin.write(data)
    p.stdin.flush()


class Reader:
    """Rows as they come out of a process."""

    def __init__(self, p):
        self.p, self.data = p, b""

    def rows(self, seconds, enough):
        """What has come when `enough` of it is true; at most so many seconds later."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.p.stdout], [], [], 0.05)[0]:
                self.data += os.read(self.p.stdout.fileno(), 1 << 16)
            rows = self.so_far()
            if enough(rows):
                return rows
        raise Difference("not in time: %r" % rows)

    def so_far(self):
        w, out = gnstream.Walker(self.data), []
        try:
            while not w.done():
                _, value, _ = w.next()
                if isinstance(value, list):
                    out.append(value)
        except gnstream.Invalid:
            pass
        return out


def pieces(rows):
    """Header, each record, trailer: as bytes."""
    whole = gnstream.build(FIELDS, rows)
    seg = gnstream.parse(whole)[0]
    head = gnstream.build(FIELDS, [])
    h = gnstream.Walker(head)
    _, _, raw = h.next()
    return raw, seg.raw, whole[len(raw) + sum(map(len, seg.raw)):]


def live():
    at = BEGIN
    rows = [("u1", at, "5", 10), ("u2", at + 100 * S, "5", 20), ("u1", at + 301 * S, "5", 7),
            ("u3", at + 200 * S, "5", 90), ("u1", at + 302 * S, "5", 8)]
    head, records, tail = pieces(rows)
    p = subprocess.Popen([PCTL, "-q", "--tumble", "5min", "--lateness", "1min", "--idle", "1s", "-k",
                          "app_version", "--max-ahead", "1h"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    r = Reader(p)
    try:
        feed(p, head + records[0] + records[1])
        feed(p, records[2])  # the first window ends
        got = r.rows(20, lambda x: len(x) == 1)
        if got[0][3] != 2 or got[0][-1] is not False:
            raise Difference("first: %r" % got)
        feed(p, records[3])  # late, within the lateness
        got = r.rows(20, lambda x: len(x) == 2)
        if got[1][3] != 3 or got[1][-1] is not False:
            raise Difference("update: %r" % got)
        # Nothing comes any more: both windows are closed.
        got = r.rows(20, lambda x: len(x) == 4)
        if [x[-1] for x in got[2:]] != [True, True] or got[3][3] != 1:
            raise Difference("idle: %r" % got)
        feed(p, records[4] + tail)  # late by now
        p.stdin.close()
        r.data += p.stdout.read()
        if p.wait() or len(r.so_far()) != 4:
            raise Difference("after idle: %r" % r.so_far())
    finally:
        p.kill()
        p.wait()


def kill():
    rng = random.Random(7)
    rows = [r for r in events(rng, 3000, 60) if r[1] is not None]
    head, records, tail = pieces(rows)
    args = ["-q", "--tumble", "5min", "--lateness", "10min", "-k", "app_version"]
    windows, _ = model(rows, 300 * S, 600 * S, 86400 * S)
    want = expected(windows, 300 * S)
    with tempfile.TemporaryDirectory() as tmp:
        state = os.path.join(tmp, "state")
        table = {}

        def known(values):
            return [v if not isinstance(v, gnstream.msgpack.Timestamp) else v.seconds * S + v.nanoseconds // 1000
                    for v in values]

        for share in (0.3, 0.6):
            p = subprocess.Popen([PCTL] + args + ["--state", state], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
            r = Reader(p)
            before = os.stat(state).st_mtime_ns if os.path.exists(state) else 0
            sent = int(len(records) * share)
            feed(p, head + b"".join(records[:sent]))
            end = time.monotonic() + 30  # until there is a checkpoint of it
            while not os.path.exists(state) or os.stat(state).st_mtime_ns == before:
                r.rows(30, lambda x: True)
                if time.monotonic() > end:
                    raise Difference("no checkpoint")
                time.sleep(0.05)
            feed(p, b"".join(records[sent:sent + 200]))
            time.sleep(0.1)
            p.kill()
            r.data += p.stdout.read()
            p.wait()
            upsert(table, [known(x) for x in r.so_far()])
        last = run(args + ["--state", state], head + b"".join(records) + tail)
        upsert(table, rows_of(last))
        check(table, want, "after two kills")
        again = rows_of(run(args + ["--state", state], head + b"".join(records) + tail))
        if [x for x in again if x[-1]]:
            raise Difference("the same again closes windows")


def main(argv):
    try:
        if argv[:1] == ["live"]:
            live()
        elif argv[:1] == ["kill"]:
            kill()
        elif argv[:1] == ["random"] and argv[1:]:
            for a in argv[1:]:
                lo, _, hi = a.partition("-")
                for seed in range(int(lo), int(hi or lo) + 1):
                    with tempfile.TemporaryDirectory() as tmp:
                        try:
                            one(seed, tmp)
                        except Difference as d:
                            raise Difference("seed %d: %s" % (seed, d)) from d
        else:
            sys.exit(__doc__)
    except Difference as d:
        print(d, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
