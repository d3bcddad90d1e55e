#!/usr/bin/python3
"""powerusers_diff.py - gn-powerusers against plain Python (Fraction) on random events.

    powerusers_diff.py [--bin DIR] SEED...          a seed, or FROM-TO

Each seed makes events with nulls, negative and long durations, ties and skew, and compares the top
users, all users, percentiles and the histogram with what their definitions say, floats to the last
bit: from one stream, several segments, several files, sorted input; then the states of disjoint
random sets of users, merged along a random tree, must be the state of the whole, byte for byte, and
give the same tables. Exit 1 at the first difference.
"""
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

import gnstream

DAY_US = 86400 * 1000000
H = 3600 * 1000
FIELDS = [("user_id", "str"), ("timestamp", "time"), ("page_id", "str"), ("duration_ms", "int")]


class Difference(Exception):
    """gn computed something else."""


def rounded(q):
    return q.numerator / q.denominator


def percentile(values, p):
    h = (len(values) - 1) * p
    lo = h.numerator // h.denominator
    a, b = values[lo], values[min(lo + 1, len(values) - 1)]
    return a + (b - a) * (h - lo)


class Case:
    def __init__(self, seed, bin_dir, work):
        rng = self.rng = random.Random(seed)
        self.bin, self.work = bin_dir, work
        self.int_user = rng.random() < 0.2
        self.no_page = rng.random() < 0.15
        self.fields = [("user_id", "int") if self.int_user else FIELDS[0], FIELDS[1]]
        self.fields += FIELDS[3:] if self.no_page else FIELDS[2:]
        n = rng.choice([0, 1, 2, 5, 40, 400, 3000])
        users = rng.choice([1, 2, 7, 60, 1000])
        lengths = rng.choice([[0], [1000], [1, 2, 3, 1000, 60000], None])
        self.rows = [self.event(rng, users, lengths) for _ in range(n)]
        self.policy = rng.choice(["drop", "drop", "keep", "cap", "flag"])
        self.max = 8 * H
        self.options = ["--outliers", self.policy]
        if self.policy in ("drop", "cap") and rng.random() < 0.4:
            self.max = rng.choice([0, 1, 500, 1000, H])
            self.options += ["--max", "%dms" % self.max]
        self.day_max = 16 * H
        if self.policy == "flag" and rng.random() < 0.7:
            self.day_max = rng.choice([0, 1000, 5000, H])
            self.options += ["--day-max", "%dms" % self.day_max]
        self.shift = 0
        if rng.random() < 0.3:
            self.shift = rng.choice([-5, 9])
            self.options += ["--tz", "%+03d:00" % self.shift]
        text, self.share = rng.choice([("1%", Fraction(1, 100)), ("0.5", Fraction(1, 2)),
                                       ("100%", Fraction(1)), ("33.3%", Fraction(333, 1000)),
                                       ("0.1%", Fraction(1, 1000)), ("10%", Fraction(1, 10))])
        self.rule = rng.choice(["first", "all", "threshold"])
        self.ranking = ["--share", text] + {"first": [], "all": ["--ties", "all"],
                                            "threshold": ["--rule", "threshold"]}[self.rule]

    def event(self, rng, users, lengths):
        user = int(users * rng.random() ** 4)
        value = rng.choice(lengths) if lengths else int(10 ** rng.uniform(0, 8))
        if rng.random() < 0.1:
            value = rng.choice([None, -1, -10 ** 12, 8 * H, 8 * H + 1, 10 ** 9, 0])
        name = user if self.int_user else rng.choice(["u%06d", "u%d"][:1 + users % 2]) % user
        row = [None if rng.random() < 0.02 else name,
               None if rng.random() < 0.02 else
               rng.randrange(-3, rng.choice([2, 400])) * DAY_US + rng.randrange(DAY_US)]
        if not self.no_page:
            row.append(None if rng.random() < 0.05 else
                       rng.choice(["p%d", "a rather long name of a page %d"]) % rng.randrange(90))
        return tuple(row + [value])

    # ---- what the definitions say ----

    def users(self):
        """(user, events, total, pages, days, flagged) of each."""
        found = {}
        for row in self.rows:
            user, at, value = row[0], row[1], row[-1]
            if user is None or at is None:
                continue
            if self.policy == "drop" and (value is None or not 0 <= value <= self.max):
                continue
            amount = max(value or 0, 0)
            if self.policy == "cap":
                amount = min(amount, self.max)
            u = found.setdefault(user, [0, 0, set(), {}])
            day = (at + self.shift * 3600 * 1000000) // DAY_US
            u[0] += 1
            u[1] += amount
            if not self.no_page and row[2] is not None:
                u[2].add(row[2])
            u[3][day] = u[3].get(day, 0) + amount
        return [(user, u[0], u[1], len(u[2]), len(u[3]),
                 sum(v > self.day_max for v in u[3].values())) for user, u in found.items()]

    def ranked(self):
        users = self.users()
        n = len(users)

        def rank(column):
            values = sorted(u[column] for u in users)
            first = {}
            for i, v in enumerate(values):
                first.setdefault(v, i)
            return lambda u: Fraction(first[u[column]], n - 1) if n > 1 else Fraction(0)

        total, events, days = rank(2), rank(1), rank(4)
        order = sorted(users, key=lambda u: (-u[2], u[0] if self.int_user else u[0].encode()))
        out = []
        for i, u in enumerate(order):
            score = 10 * (5 * total(u) + 3 * events(u) + 2 * days(u))
            row = [u[0], i + 1, u[1], u[2], rounded(Fraction(u[2], H)),
                   rounded(Fraction(u[2], u[1]))]
            row += [] if self.no_page else [u[3]]
            row += [u[4]] + ([u[5]] if self.policy == "flag" else [])
            out.append((tuple(row + [rounded(total(u)), rounded(score)]), score))
        return out

    def top(self, ranked):
        totals = sorted(r[3] for r in ranked)
        if not totals:
            return []
        if self.rule == "threshold":
            return [r for r in ranked if r[3] >= percentile(totals, 1 - self.share)]
        k = -(-len(ranked) * self.share.numerator // self.share.denominator)
        if self.rule == "all":
            return [r for r in ranked if r[3] >= ranked[k - 1][3]]
        return ranked[:k]

    def spread(self, ranked):
        metrics = {"total_duration_ms": 3, "total_interactions": 2,
                   "days_active": 6 if self.no_page else 7}
        if not self.no_page:
            metrics["unique_pages"] = 6
        percentiles, histogram = [], []
        rows = [r for r, _ in ranked]
        for name in sorted(list(metrics) + ["engagement_score"]) if rows else []:
            if name == "engagement_score":
                buckets = [min(int(s // 10), 9) for _, s in ranked]
                limits = [(10 * b, 10 * b + 10) for b in range(10)]
            else:
                values = sorted(r[metrics[name]] for r in rows)
                percentiles.append((name, len(values)) + tuple(
                    rounded(Fraction(percentile(values, Fraction(p, 100))))
                    for p in (50, 90, 95, 99)) + (values[-1],))
                buckets = [v.bit_length() for v in values]
                limits = [(0, 1)] + [(2 ** b, 2 ** (b + 1)) for b in range(max(buckets))]
            histogram += [(name, b) + lim + (buckets.count(b),) for b, lim in enumerate(limits)]
        return percentiles, histogram

    # ---- what gn says ----

    def run(self, *args, data=None):
        p = subprocess.run([os.path.join(self.bin, "gn-powerusers"), *args], input=data,
                           capture_output=True, cwd=self.work, timeout=60, check=False)
        if p.returncode:
            raise Difference("status %d: %s: %s" % (p.returncode, args, p.stderr.decode()))
        return p.stdout

    def stream(self, rows, header=None):
        return gnstream.build(self.fields, rows, header)

    def path(self, name, data=None):
        name = os.path.join(self.work, name)
        if data is None:
            with open(name, "rb") as f:
                return f.read()
        with open(name, "wb") as f:
            f.write(data)
        return name

    def compare(self, what, args, data=None):
        out = self.run(*args, *self.ranking, "--also", "users=u.gn", "--also",
                       "percentiles=p.gn", "--also", "histogram=h.gn", data=data)
        ranked = self.ranked()
        rows = [r for r, _ in ranked]
        percentiles, histogram = self.spread(ranked)
        for name, want, got in (("top", self.top(rows), out), ("users", rows, self.path("u.gn")),
                                ("percentiles", percentiles, self.path("p.gn")),
                                ("histogram", histogram, self.path("h.gn"))):
            seg, = gnstream.parse(got)
            if seg.records != want:
                bad = [(a, b) for a, b in zip(want, seg.records) if a != b][:3]
                raise Difference("%s, %s: %r: %d and %d records; wanted and got %r" % (
                    what, name, self.options + self.ranking, len(want), len(seg.records), bad))

    def check(self):
        rng = self.rng
        self.compare("one stream", self.options, self.stream(self.rows))
        cuts = sorted(rng.randrange(len(self.rows) + 1) for _ in range(rng.randrange(4)))
        parts = [self.rows[a:b] for a, b in zip([0] + cuts, cuts + [len(self.rows)])]
        self.compare("segments", self.options, b"".join(map(self.stream, parts)))
        files = [self.path("e%d.gn" % i, self.stream(p)) for i, p in enumerate(parts)]
        self.compare("files", self.options + files)

        def key(row):
            return (row[0] is None,
                    0 if row[0] is None else row[0] if self.int_user else row[0].encode())
        by_user = sorted(self.rows, key=key)
        ordered = self.stream(by_user, {"order": [["user_id", "asc"]]})
        self.compare("ordered", self.options, ordered)
        self.compare("ordered, sorted again", self.options + ["--sort"], ordered)
        if self.policy in ("drop", "cap") and rng.random() < 0.3:
            self.by_percentile(ordered)
        whole = self.run("--partial", *self.options, data=self.stream(self.rows))
        if gnstream.parse(whole)[0].raw != gnstream.parse(
                self.run("--partial", *self.options, data=ordered))[0].raw:
            raise Difference("the states of ordered and unordered events differ")
        self.merge(whole)

    def by_percentile(self, ordered):
        """The bound is a percentile of the values."""
        was, options = self.max, self.options
        values = sorted(r[-1] for r in self.rows if None not in (r[0], r[1], r[-1]) and r[-1] >= 0)
        text, p = self.rng.choice([("p50", Fraction(1, 2)), ("p99.9", Fraction(999, 1000)),
                                   ("p100", Fraction(1)), ("p0", Fraction(0))])
        rank = -(-len(values) * p.numerator // p.denominator)
        self.max = values[max(rank, 1) - 1] if values else 0
        self.options = [o for o in options if not o.endswith("ms") and o != "--max"]
        self.options += ["--max", text]
        self.compare("a percentile", self.options + [self.path("o.gn", ordered)])
        self.max, self.options = was, options

    def merge(self, whole):
        rng = self.rng
        k = rng.randrange(1, 5)
        place = {}
        parts = [[] for _ in range(k)]
        for row in self.rows:
            parts[place.setdefault(row[0], rng.randrange(k))].append(row)
        names = []
        for i, p in enumerate(parts):
            names.append(self.path("s%d.gn" % i,
                                   self.run("--partial", *self.options, data=self.stream(p))))
        while len(names) > 1:
            take = rng.sample(names, rng.randrange(2, len(names) + 1))
            names = [n for n in names if n not in take]
            names.append(self.path("m%d.gn" % len(names),
                                   self.run("--merge", "--partial", *take)))
        if gnstream.parse(whole)[0].raw != gnstream.parse(self.path(names[0]))[0].raw:
            raise Difference("the merged state is not the state of the whole: %r" % self.options)
        self.compare("merged", ["--merge", names[0]])


def main(argv):
    bin_dir = os.environ.get("GN_BIN", "bin")
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
            try:
                Case(seed, os.path.abspath(bin_dir), work).check()
            except (Difference, gnstream.Invalid, gnstream.Failed,
                    subprocess.TimeoutExpired) as e:
                print("seed %d: %s" % (seed, str(e)[:3000]))
                return 1
    print("%d seeds, no difference" % len(seeds))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
