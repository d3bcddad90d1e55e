#!/usr/bin/python3
"""outlier_diff.py - gn-outlier against plain Python on random skewed records.

    outlier_diff.py [--bin DIR] SEED...          a seed, or FROM-TO

Each seed makes records with dirty durations, ties and groups of every size, chooses a method, keys
and an action, and computes fences and records from the definitions, quartiles, means and medians in
exact fractions. Records, fences and counters must be equal, floats to the last bit, for the input
as a file, in several files, through a pipe, and with the fences taken from a file; states of random
parts merged along a random tree must give the fences of the whole. Exit 1 at the first difference.
"""
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

import gnstream
from agg_diff import Difference, null_last, percentile, root, rounded, middle

FIELDS = [("user_id", "str"), ("timestamp", "time"), ("duration_ms", "int"), ("x", "float"),
          ("app_version", "str")]
KIND = dict(FIELDS)
INDEX = {name: i for i, (name, _) in enumerate(FIELDS)}
DAY_US = 86400 * 1000000
HOURS_8 = 8 * 3600 * 1000


def duration(rng, kind):
    """Log-normal, with ties, and dirty ones."""
    if rng.random() < 0.04:
        return None
    if rng.random() < 0.04:
        return rng.choice([-1, -5000, -(1 << 62)])
    if rng.random() < 0.02:
        return rng.choice([HOURS_8, HOURS_8 + 1, 10**9, (1 << 62) + 1])
    if kind == "same":
        return 700
    if kind == "few":
        return rng.choice([100, 200, 300, 100, 100, 5000])
    return int(rng.lognormvariate(9, 1.2))


def real(rng, kind):
    if rng.random() < 0.05:
        return None
    if kind == "same":
        return 0.1
    if kind == "few":
        return rng.choice([0.1, 0.2, 0.30000000000000004, -7.5])
    return rng.choice([rng.gauss(5, 2), rng.gauss(5, 2), rng.lognormvariate(3, 2),
                       -rng.lognormvariate(3, 2)])


def make_rows(rng, n):
    versions = [None] + ["%d.%d.%d" % (rng.randrange(5, 8), rng.randrange(10), rng.randrange(10))
                         for _ in range(rng.choice([1, 3, 30]))]
    kind = {v: rng.choice(["wide", "wide", "wide", "few", "same"]) for v in versions}
    users = ["u%06d" % int(rng.paretovariate(0.6)) for _ in range(50)]
    days = rng.choice([1, 3, 40])
    out = []
    for _ in range(n):
        v = rng.choice(versions)
        out.append((rng.choice(users) if rng.random() < 0.98 else None,
                    (19358 + rng.randrange(days)) * DAY_US + rng.randrange(DAY_US),
                    duration(rng, kind[v]), real(rng, kind[v]), v))
    return out


KEYS = {"": [],
        "app_version": [("app_version", "str", lambda r: r[4])],
        "user_id,app_version": [("user_id", "str", lambda r: r[0]),
                                ("app_version", "str", lambda r: r[4])],
        "app_version, d = date(timestamp)": [("app_version", "str", lambda r: r[4]),
                                             ("d", "date", lambda r: r[1] // DAY_US)],
        "odd = duration_ms % 2": [("odd", "int", lambda r: None if r[2] is None else
                                   r[2] % 2 if r[2] >= 0 else -(-r[2] % 2))]}
FIGURES = {"iqr": ("q1", "q3"), "z": ("avg", "stddev"), "robust": ("median", "mad")}


def finite(x):
    return x if x is not None and math.isfinite(x) else None


class Fences:
    """Of one group."""

    def __init__(self, values, method, factor, pct, kind, least):
        self.n, self.a, self.b = len(values), None, None
        lower = upper = None
        exact = kind == "int"
        if values and method == "iqr":
            self.a, self.b = (percentile(values, Fraction(p, 4), False, kind) for p in (1, 3))
            if self.b - self.a > 0:
                gap = self.b - self.a
                lower, upper = self.a - factor * gap, self.b + factor * gap
        elif values and method == "z":
            x = [Fraction(v) for v in values]
            m = sum(x) / len(x)
            self.a = rounded(m)
            if len(x) > 1:
                self.b = root(sum((v - m) ** 2 for v in x) / (len(x) - 1))
            if self.b:
                lower, upper = self.a - factor * self.b, self.a + factor * self.b
        elif values and method == "robust":
            x = [Fraction(v) for v in values] if exact else values
            m = middle(x)
            d = middle([abs(v - m) for v in x])
            self.a, self.b = (rounded(m), rounded(d)) if exact else (m, d)
            if self.b > 0:
                lower, upper = (self.a - factor * self.b / 0.6745,
                                self.a + factor * self.b / 0.6745)
        elif values and method == "percentile":
            lower, upper = (percentile(values, p, False, kind) for p in pct)
        if self.n < least:
            lower = upper = None
        self.lower, self.upper = finite(lower), finite(upper)
        self.out = 0

    def verdict(self, v):
        if self.lower is None and self.upper is None:
            return None
        if self.lower is not None and v < self.lower:
            return "low"
        return "high" if self.upper is not None and v > self.upper else "inside"


class Case:
    def __init__(self, seed, bin_dir, work):
        rng = self.rng = random.Random(seed)
        self.bin, self.work = bin_dir, work
        self.rows = make_rows(rng, rng.choice([0, 1, 5, 60, 400, 2500]))
        self.value = rng.choice(["duration_ms", "duration_ms", "x"])
        self.kind = KIND[self.value]
        self.method = rng.choice(["iqr", "iqr", "z", "robust", "percentile", "bounds"])
        self.negative = rng.random() < 0.3
        self.key = rng.choice(list(KEYS)) if self.method != "bounds" else ""
        self.least = rng.choice([1, 1, 4, 11]) if self.method != "bounds" else 1
        self.action = rng.choice(["drop", "cap", "flag", "bucket", "split"])
        self.factor = {"iqr": 1.5, "z": 3.0, "robust": 3.5}.get(self.method)
        self.pct = [Fraction(1, 100), Fraction(99, 100)]
        self.how = ["--value", self.value, "--method", self.method]
        if self.negative:
            self.how.append("--negative")
        self.judge = []
        if self.factor is not None and rng.random() < 0.5:
            self.factor = rng.choice([0.0, 0.5, 1.0, 2.25])
            self.judge += ["--factor", repr(self.factor)]
        if self.method == "percentile" and rng.random() < 0.5:
            self.pct = [Fraction(25, 1000), Fraction(9, 10)]
            self.how += ["--percentiles", "2.5,90"]
        if self.least > 1:
            self.judge += ["--min-values", str(self.least)]
        self.keyed = ["-k", self.key] if self.key else []
        self.given = None
        if self.method == "bounds":
            self.given = rng.choice([(None, 20000), (0, None), (1000, 8 * 3600000), (0.5, 3.5)])
            text = {20000: "20s", 8 * 3600000: "8h"}
            for name, b in zip(("--lower", "--upper"), self.given):
                if b is not None:
                    self.how += [name, text.get(b, repr(b))]

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, *args, data=None):
        p = subprocess.run([os.path.join(self.bin, "gn-outlier"), *args], input=data,
                           capture_output=True, cwd=self.work, timeout=60, check=False)
        if p.returncode:
            raise Difference("status %d: %s: %s" % (p.returncode, args, p.stderr.decode()))
        return p.stdout

    def write(self, name, rows):
        with open(self.path(name), "wb") as f:
            f.write(gnstream.build(FIELDS, rows))
        return name

    def group(self, row):
        return tuple(k[2](row) for k in KEYS[self.key])

    def amount(self, row):
        v = row[INDEX[self.value]]
        return v if v is not None and (self.negative or v >= 0) else None

    def fences_of(self, rows):
        groups = {}
        for r in rows:
            groups.setdefault(self.group(r), []).append(self.amount(r))
        if not self.key and not groups:
            groups[()] = []
        out = {}
        for g, values in groups.items():
            out[g] = Fences([v for v in values if v is not None], self.method, self.factor,
                            self.pct, self.kind, self.least)
            if self.given:
                out[g].lower, out[g].upper = self.given
        return out

    def wanted(self, fences):
        """The records that stay, the rejects, and how many had which verdict."""
        at, out, rejects = INDEX[self.value], [], []
        counts = dict.fromkeys(["low", "high", "inside", None, "none"], 0)
        for i, r in enumerate(self.rows):
            v = self.amount(r)
            f = fences.get(self.group(r))
            verdict = "none" if v is None else f.verdict(v) if f else None
            counts[verdict] += 1
            gone = verdict in ("low", "high")
            if gone:
                f.out += 1
            if self.action == "flag":
                r = r + (gone,)
            elif self.action == "bucket":
                r = r + (None if verdict == "none" else verdict,)
            elif gone and self.action == "cap":
                new = f.lower if verdict == "low" else f.upper
                if self.kind == "int":
                    new = math.ceil(new) if verdict == "low" else math.floor(new)
                r = r[:at] + (float(new) if self.kind == "float" else new,) + r[at + 1:]
            elif gone:
                rejects.append((i + 1, verdict, r))
                continue
            out.append(r)
        return out, rejects, counts

    def fence_rows(self, fences, judged=True):
        figures = self.method in FIGURES
        rows = []
        for g in sorted(fences, key=null_last([k[1] for k in KEYS[self.key]])):
            f = fences[g]
            rows.append(g + (f.n,) + ((f.a, f.b) if figures else ()) +
                        (f.lower, f.upper, f.out if judged else None))
        return rows

    def compare(self, what, got, want):
        if got != want:
            bad = [(a, b) for a, b in zip(got, want) if a != b][:2]
            raise Difference("%s: %d records, not %d; got, wanted: %r" % (
                what, len(got), len(want), bad))

    def check_fences(self, what, data, want):
        seg, = gnstream.parse(data)
        v = self.value
        names = [k[0] for k in KEYS[self.key]] + ["count_" + v]
        names += [n + "_" + v for n in FIGURES.get(self.method, ())]
        names += ["lower_" + v, "upper_" + v, "outliers"]
        if [f[0] for f in seg.fields] != names:
            raise Difference("%s: fields %r" % (what, seg.fields))
        self.compare(what, seg.records, want)

    def check_records(self, what, data, want, rejects):
        segs = gnstream.parse(data)
        self.compare(what, [r for s in segs for r in s.records], want)
        if self.action == "split":
            with open(self.path("rejects.gn"), "rb") as f:
                seg, = gnstream.parse(f.read())
            got = [(r[2], "low" if "below" in r[4] else "high", r[5]) for r in seg.records]
            self.compare("rejects of " + what, got, [
                (n, v, gnstream.pack([gnstream.as_wire(x, k) for x, (_, k) in zip(r, FIELDS)]))
                for n, v, r in rejects])

    def check(self):
        rng = self.rng
        fences = self.fences_of(self.rows)
        want, rejects, counts = self.wanted(fences)
        act = ["--action", self.action] + (["--reject", "rejects.gn"] * (self.action == "split"))
        all_options = self.how + self.judge + self.keyed
        whole = self.write("all.gn", self.rows)
        with open(self.path(whole), "rb") as f:
            data = f.read()
        keep = ["--fences", "fences.gn"] if self.method != "bounds" else []
        self.check_records("a file", self.run(*all_options, *act, *keep, "--stats=stats", whole),
                           want, rejects)
        with open(self.path("stats"), encoding="utf-8") as f:
            c = json.load(f)["counters"]
        got = [c[k] for k in ("low", "high", "inside", "without_fences", "records_after")]
        if got != [counts["low"], counts["high"], counts["inside"], counts[None], len(want)]:
            raise Difference("counters %r, wanted %r" % (c, counts))
        self.check_records("a pipe", self.run(*all_options, *act, "-q", data=data), want, rejects)
        cut = rng.randrange(len(self.rows) + 1)
        parts = [self.write("a.gn", self.rows[:cut]), self.write("b.gn", self.rows[cut:])]
        if self.action != "split":  # rejects number the records of each segment
            self.check_records("two files", self.run(*all_options, *act, "-q", *parts), want,
                               rejects)
        if self.method == "bounds":
            return
        with open(self.path("fences.gn"), "rb") as f:
            self.check_fences("fences", f.read(), self.fence_rows(fences))
        self.states(fences, all_options)
        self.given_fences(fences, act, parts)

    def states(self, fences, all_options):
        rng = self.rng
        names = []
        cuts = sorted(rng.randrange(len(self.rows) + 1) for _ in range(rng.randrange(5)))
        for i, (a, b) in enumerate(zip([0] + cuts, cuts + [len(self.rows)])):
            self.write("part.gn", self.rows[a:b])
            names.append("s%d" % i)
            self.run("--partial", *self.how, *self.keyed, "-o", names[-1], "part.gn")
        while len(names) > 1:
            take = rng.sample(names, rng.randrange(2, len(names) + 1))
            names = [n for n in names if n not in take] + ["m%d" % len(names)]
            self.run("--merge", "--partial", *self.how, "-o", names[-1], *take)
        out = self.run("--merge", "-q", *self.how, *self.judge, names[0])
        if self.rows:
            self.check_fences("merged", out, self.fence_rows(fences, judged=False))
        del all_options

    def given_fences(self, fences, act, parts):
        """Fences of the whole, and of the first part: groups may be missing."""
        same = ["--value", self.value] + ["--negative"] * self.negative + self.keyed
        want, rejects, _ = self.wanted(fences)
        self.check_records("given fences", self.run(*same, *act, "--use-fences", "fences.gn",
                                                    "all.gn"), want, rejects)
        self.run(*self.how, *self.judge, *self.keyed, "-q", "--fences", "first.gn", "-o", "/dev/null",
                 parts[0])
        with open(self.path(parts[0]), "rb") as f:
            first = gnstream.parse(f.read())[0].records
        want, rejects, _ = self.wanted(self.fences_of(first))
        self.check_records("fences of a part", self.run(
            *same, *act, "--use-fences", "first.gn", "all.gn"), want, rejects)


def main(argv):
    bin_dir = os.path.dirname(os.path.realpath(subprocess.run(
        ["which", "gn-outlier"], capture_output=True, text=True, check=False).stdout.strip()))
    if argv[:1] == ["--bin"]:
        bin_dir, argv = argv[1], argv[2:]
    seeds = []
    for a in argv:
        lo, _, hi = a.partition("-")
        seeds += range(int(lo), int(hi or lo) + 1)
    if not seeds:
        sys.exit(__doc__)
    for seed in seeds:
        with tempfile.TemporaryDirectory() as work:
            case = Case(seed, os.path.abspath(bin_dir), work)
            try:
                case.check()
            except (Difference, gnstream.Invalid, gnstream.Failed,
                    subprocess.TimeoutExpired) as e:
                print("seed %d: %s: %s" % (seed, " ".join(case.how + case.judge + case.keyed +
                                                          [case.action]), str(e)[:3000]))
                return 1
    print("%d seeds, no difference" % len(seeds))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
