#!/usr/bin/python3
"""pctl_diff.py - gn-pctl against its definitions in plain Python on random events, then its states.

    pctl_diff.py [--bin DIR] SEED...          a seed, or FROM-TO

Each seed makes skewed events (nulls, negatives, ties, extremes, one key that owns most, odd
versions, none at all), and random options. Results must be equal, floats to the last bit;
with --approx the percentiles must be within the stated error. The states of random parts, merged
along a random tree, must be the state of the whole, byte for byte, and give the same results. Exit
1 at the first difference.
"""
import datetime
import math
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

import gnstream

DAY_US = 86400 * 1000000
BEGIN = 1672531200000000  # 2023-01-01
I64 = (1 << 63) - 1
ERROR = Fraction(1, 129) * (1 + Fraction(1, 10 ** 12))  # lib/kernel/ddsketch.h, rounded once


class Difference(Exception):
    """gn computed something else."""


def events(rng, real):
    n = rng.choice([0, 1, 2, 30, 300, 2500])
    users = rng.choice([1, 5, 400])
    spread = rng.choice([3, 1000, 300000, 1 << 40])
    hot = rng.random() < 0.3
    out = []
    for _ in range(n):
        value = rng.choice([0, rng.randrange(spread), rng.randrange(spread),
                            int(rng.paretovariate(0.7)) % I64, rng.randrange(-50, 50)])
        if rng.random() < 0.01:
            value = rng.choice([I64, -I64 - 1, (1 << 32) - 1, 1 << 32])
        if real:
            value = value * rng.choice([1.0, 0.5, 0.1, 1e-3]) + 0.0
        major = 5 if hot else rng.choice([5, 6, 10])
        version = rng.choice(["%d.%d.%d" % (major, rng.randrange(2), rng.randrange(3))] * 20 +
                             [None, "", "7", "beta", "%d.0" % major, "1.2.3.4", "5..1"])
        out.append((
            None if rng.random() < 0.03 else "u%d" % int(rng.paretovariate(0.5) % users),
            None if rng.random() < 0.02 else
            BEGIN + rng.randrange(rng.choice([2, 40, 400])) * DAY_US + rng.randrange(DAY_US),
            rng.choice(["page_view", "edit", None]), version,
            None if rng.random() < 0.05 else value))
    return out


def options(rng, real):
    o = {"key": rng.choice([[], [], ["app_version"], ["action_type"], ["action_type", "h"]]),
         "by": rng.choice([[], ["day"], ["week"], ["whole"], ["day", "week", "month", "whole"],
                           ["week", "whole"], ["month", "whole"], ["day", "whole"]]),
         "level": rng.choice([[], [], ["major"], ["major.minor"], ["major", "major.minor"],
                              ["major", "major.minor", "major.minor.patch"]]),
         "ps": rng.choice([["50", "95", "99"], ["0", "100"], ["99.9"], ["25", "50", "75", "0.1"]]),
         "nearest": rng.random() < 0.3, "approx": rng.random() < 0.25,
         "negative": rng.random() < 0.3, "users": rng.random() < 0.8,
         "where": rng.random() < 0.3}
    args = ["-p", ",".join(o["ps"])]
    made = []
    if o["key"]:
        made += ["-k", ", ".join("h = hour(timestamp)" if k == "h" else k for k in o["key"])]
    if o["nearest"]:
        args += ["--method", "nearest"]
    views = (["--by", ",".join(o["by"])] if o["by"] else []) + (
        ["--level", ",".join(o["level"])] if o["level"] else [])
    for name in ("approx", "negative"):
        if o[name]:
            made.append("--" + name)
    if not o["users"]:
        made.append("--no-users")
    if o["where"]:
        made += ["--where", 'action_type = "page_view"']
    return o, args, views, made


def cut(version, dots):
    return None if version is None else ".".join(version.split(".")[:dots])


def period(kind, us):
    if kind == "whole":
        return "all"
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=us // DAY_US)
    if kind == "month":
        return day.strftime("%Y-%m")
    if kind == "week":
        day -= datetime.timedelta(days=day.weekday())
    return day.isoformat()


LEVELS = {"major": 1, "major.minor": 2, "major.minor.patch": 3}


def fold(rows, o):
    groups = {}
    for user, at, action, version, value in rows:
        if o["where"] and action != "page_view":
            continue
        # Without a time there is no day, week or month; the whole alone asks for none.
        if at is None and any(b != "whole" for b in o["by"]):
            continue
        key = tuple({"app_version": version, "action_type": action,
                     "h": None if at is None else at // 3600000000 % 24}[k] for k in o["key"])
        for level in o["level"] or [None]:
            for by in o["by"] or [None]:
                k = key
                if level:
                    k += (level, cut(version, LEVELS[level]))
                if by:
                    k += (by, period(by, at))
                groups.setdefault(k, []).append((user, value))
    return groups


def sort_key(k):
    return tuple((x is None, x.encode() if isinstance(x, str) else x or 0) for x in k)


def percentile(vals, p, nearest, real):
    q = Fraction(p) / 100
    if nearest:
        return vals[max(math.ceil(q * len(vals)), 1) - 1]
    h = q * (len(vals) - 1)
    lo = math.floor(h)
    if h == lo:
        return float(vals[lo])
    if real:  # as documented: a + (b - a) * part, in floats
        rest = q.numerator * (len(vals) - 1) % q.denominator
        return vals[lo] + (vals[lo + 1] - vals[lo]) * (rest / q.denominator)
    return float(vals[lo] + (vals[lo + 1] - vals[lo]) * (h - lo))


def root(x):
    """The square root of a Fraction, rounded."""
    n = 1 << 240
    return math.sqrt(float(x)) if x == 0 else float(
        Fraction(math.isqrt(x.numerator * n // x.denominator), 1 << 120))


def expected(rows, o, real):
    out = []
    for k, members in sorted(fold(rows, o).items(), key=lambda g: sort_key(g[0])):
        vals = sorted(v for _, v in members if v is not None and (v >= 0 or o["negative"]))
        row = list(k)
        if o["users"]:
            row.append(len({u for u, _ in members if u is not None}))
        row.append(len(members))
        row += [percentile(vals, p, o["nearest"], real) if vals else None for p in o["ps"]]
        n, exact = len(vals), [Fraction(v) for v in vals]
        s, q = sum(exact), sum(x * x for x in exact)
        row.append(float(s / n) if n else None)
        row.append(root((n * q - s * s) / (n * (n - 1))) if n > 1 else None)
        row += [vals[0], vals[-1]] if vals else [None, None]
        out.append(row)
    return out


def close(got, want, bound):
    return (got is None) == (want is None) and (
        got is None or abs(Fraction(got) - Fraction(want)) <= bound * abs(Fraction(want)) +
        Fraction(1, 10 ** 9))


def compare(got, want, o, what):
    if len(got) != len(want):
        raise Difference("%s: %d rows, not %d" % (what, len(got), len(want)))
    nkeys = len(o["key"]) + 2 * bool(o["level"]) + 2 * bool(o["by"]) + bool(o["users"]) + 1
    pct = range(nkeys, nkeys + len(o["ps"]))
    for g, w in zip(got, want):
        for i, (x, y) in enumerate(zip(g, w)):
            if i in pct and o["approx"]:
                # Interpolated between a negative and a positive value the bound is another one.
                if o["negative"] or close(x, y, ERROR):
                    continue
            elif i == pct.stop + 1 and x is not None and y is not None:
                if close(x, y, Fraction(1, 1 << 52)):  # root() may be off in the last bit
                    continue
            elif x == y and type(x) is type(y):
                continue
            raise Difference("%s: column %d: %r, not %r in\n%r\n%r" % (what, i, x, y, g, w))


def run(bin_dir, args, data=None, files=()):
    p = subprocess.run([os.path.join(bin_dir, "gn-pctl")] + args + list(files), input=data,
                       capture_output=True, check=False)
    if p.returncode:
        raise Difference("gn-pctl %s: status %d: %s" % (" ".join(args), p.returncode,
                                                        p.stderr.decode()))
    return p.stdout


def records(data):
    return [list(r) for s in gnstream.parse(data) for r in s.records]


def raw(data):
    return b"".join(b"".join(s.raw) for s in gnstream.parse(data))


def merge_tree(rng, bin_dir, tmp, parts):
    n = 0
    while len(parts) > 1:
        rng.shuffle(parts)
        cut_at = rng.randrange(2, 4)
        take, parts = parts[:cut_at], parts[cut_at:]
        path = os.path.join(tmp, "m%d" % n)
        n += 1
        with open(path, "wb") as f:
            f.write(run(bin_dir, ["--merge", "--partial"], files=take))
        parts.append(path)
    return parts[0]


def one(seed, bin_dir, tmp):
    rng = random.Random(seed)
    real = rng.random() < 0.3
    fields = [("user_id", "str"), ("timestamp", "time"), ("action_type", "str"),
              ("app_version", "str"), ("duration_ms", "float" if real else "int")]
    rows = events(rng, real)
    o, args, views, made = options(rng, real)
    data = gnstream.build(fields, rows)
    want = expected(rows, o, real)
    whole = run(bin_dir, args + views + made, data)
    compare(records(whole), want, o, "one pass")
    rng.shuffle(rows)
    split = sorted(rng.randrange(len(rows) + 1) for _ in range(rng.randrange(1, 5)))
    state = run(bin_dir, views + made + ["--partial"], data)
    paths = []
    for i, (a, b) in enumerate(zip([0] + split, split + [len(rows)])):
        paths.append(os.path.join(tmp, "p%d" % i))
        with open(paths[-1], "wb") as f:
            f.write(run(bin_dir, views + made + ["--partial"], gnstream.build(fields, rows[a:b])))
    merged = merge_tree(rng, bin_dir, tmp, list(paths))
    with open(merged, "rb") as f:
        if raw(f.read()) != raw(state):
            raise Difference("the merged state is another one")
    if raw(run(bin_dir, args + ["--merge"], files=paths)) != raw(whole):
        raise Difference("the merged results are others")
    if o["by"] and set(o["by"]) - {"whole"}:  # a coarser view of the same state
        coarse = dict(o, by=["week" if "week" in o["by"] or "day" in o["by"] else "month"])
        if o["by"] == ["month", "whole"]:
            coarse["by"] = ["month"]
        got = run(bin_dir, args + ["--merge", "--by", coarse["by"][0]], files=paths)
        compare(records(got), expected(rows, coarse, real), o, "merged by another period")


def main(argv):
    bin_dir, seeds = "bin", []
    it = iter(argv)
    for a in it:
        if a == "--bin":
            bin_dir = next(it)
        elif "-" in a:
            lo, hi = a.split("-")
            seeds += range(int(lo), int(hi) + 1)
        else:
            seeds.append(int(a))
    bin_dir = os.environ.get("GN_BIN", bin_dir)
    for seed in seeds:
        with tempfile.TemporaryDirectory() as tmp:
            try:
                one(seed, bin_dir, tmp)
            except Difference as d:
                print("seed %d: %s" % (seed, d), file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
