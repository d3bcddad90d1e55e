#!/usr/bin/python3
"""anova_diff.py - gn-anova against exact arithmetic (Fraction) on random records, then its states.

    anova_diff.py [--bin DIR] SEED...          a seed, or FROM-TO

Each seed makes events of random groups, users and values (skewed, ties, nulls, negatives, integers
of any size, floats) and computes both tests and the table of the groups from their definitions:
sums of squares by Fractions, ranks by sorting, tails by finite sums where the degrees of freedom
are even. gn must come to the same, whether the events come in one stream or several, with much
memory or the least; and states of random parts, merged along a random tree, must be the state of
the whole, byte for byte, and give the same results. Exit 1 at the first difference.
"""
import decimal
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

import gnstream
from agg_diff import root, rounded
from dist_table import whole_beta

I64 = (1 << 63) - 1
ULPS = 2.0 ** -50


class Difference(Exception):
    """gn computed something else."""


def close(a, b, within=ULPS):
    if a is None or b is None or isinstance(b, (str, int)):
        return a == b
    return abs(a - b) <= abs(b) * within


def tail_f(f, df1, df2):
    """Where df1 is even; else None."""
    if df1 % 2:
        return None
    with decimal.localcontext() as c:
        c.prec = 60
        f = decimal.Decimal(f)
        return float(whole_beta(df2 / (df2 + df1 * f), decimal.Decimal(df2) / 2, df1 // 2))


def tail_chi2(h, df):
    if df % 2:
        return None
    with decimal.localcontext() as c:
        c.prec = 60
        h = decimal.Decimal(h) / 2
        term = total = decimal.Decimal(1)
        for j in range(1, df // 2):
            term *= h / j
            total += term
        return float(total * (-h).exp())


def about_mean(values):
    """The sum of squares about the mean, in whole numbers of the least unit."""
    unit = max(x.denominator for x in values)
    v = [x.numerator * (unit // x.denominator) for x in values]  # powers of 2, or 1
    n, total = len(v), sum(v)
    return Fraction(sum((n * x - total) ** 2 for x in v), n * n * unit ** 2)


def squares(groups):
    """Between, within, total."""
    every = [x for g in groups for x in g]
    mean = sum(every) / len(every)
    between = sum(len(g) * (sum(g) / len(g) - mean) ** 2 for g in groups)
    return between, sum(map(about_mean, groups)), about_mean(every)


def ranks(groups):
    """The same groups with average ranks instead of values."""
    every = sorted(x for g in groups for x in g)
    rank, i = {}, 0
    while i < len(every):
        j = i
        while j < len(every) and every[j] == every[i]:
            j += 1
        rank[every[i]] = Fraction(i + 1 + j, 2)
        i = j
    return [[rank[x] for x in g] for g in groups]


def kruskal(groups):
    """As the paper has it: the sums of ranks, then the correction for ties."""
    r = ranks(groups)
    n = sum(map(len, groups))
    h = Fraction(12, n * (n + 1)) * sum(Fraction(sum(g) ** 2, len(g)) for g in r) - 3 * (n + 1)
    counts = {}
    for g in groups:
        for x in g:
            counts[x] = counts.get(x, 0) + 1
    ties = sum(t ** 3 - t for t in counts.values())
    return h / (1 - Fraction(ties, n ** 3 - n))


def test(metric, unit, groups, excluded):
    groups = [g for g in groups if g]
    k, n = len(groups), sum(map(len, groups))
    out = {"metric": metric, "unit": unit, "groups": k, "n": n, "excluded": excluded}
    if k < 2 or n <= k:
        return out
    out.update(df1=k - 1, df2=n - k)
    between, within, total = squares(groups)
    if total == 0:
        return out
    eta = between / total
    h = kruskal(groups)
    out.update(eta_squared=rounded(eta), kruskal_h=rounded(h),
               effect=("large" if eta >= Fraction(14, 100) else "medium" if eta >= Fraction(6, 100)
                       else "small" if eta >= Fraction(1, 100) else "negligible"))
    if within:
        out["f_statistic"] = rounded(between / (k - 1) / (within / (n - k)))
    return out


def percentile(values, p):
    values = sorted(values)
    h = (len(values) - 1) * p
    lo, part = h // 1, h - h // 1
    a, b = values[lo], values[min(lo + 1, len(values) - 1)]
    if isinstance(a, float):
        return a + (b - a) * rounded(part) if part else a
    return rounded(a + (b - a) * part)


class Case:
    def __init__(self, seed, bin_dir, work):
        rng = self.rng = random.Random(seed)
        self.bin, self.work = bin_dir, work
        self.real = rng.random() < 0.4
        self.group_type = rng.choice(["str", "int", "bool"])
        self.fields = [("at", "int"), ("user_id", "str"), ("device_type", self.group_type),
                       ("duration_ms", "float" if self.real else "int")]
        self.ngroups = rng.choice([1, 2, 3, 5, 9, 40])
        self.nusers = rng.choice([1, 3, 30, 400])
        self.faithful = rng.random() < 0.5  # each user has one group
        self.kind = rng.randrange(6)
        n = rng.choice([0, 1, 2, 5, 40, 400, 400, 2000])
        self.rows = [self.row(i) for i in range(n)]
        self.unit = rng.choice(["both", "both", "events", "users"])
        self.negative = rng.random() < 0.3
        self.options = [] if self.unit == "both" else ["--unit", self.unit]
        if self.negative:
            self.options.append("--negative")

    def value(self, group):
        rng = self.rng
        x = [lambda: rng.randrange(-2, 6), lambda: int(rng.lognormvariate(8, 2)) + 50 * group,
             lambda: rng.choice([I64, -I64 - 1, I64 - 1, 0, 5]), lambda: 7,
             lambda: group, lambda: I64 - rng.randrange(50)][self.kind]()
        if not self.real:
            return x
        if self.kind == 2:
            return rng.choice([1e300, -1e300, 5e-324, 0.1, -0.1])
        return x * rng.choice([0.1, 1.0, 1e-3])

    def row(self, i):
        rng = self.rng
        user = min(int(rng.expovariate(5) * self.nusers), self.nusers - 1)
        g = user % self.ngroups if self.faithful else rng.randrange(self.ngroups)
        group = {"str": "g%d" % g, "int": g * 1000 - 3000, "bool": g % 2 == 1}[self.group_type]
        return (i, None if rng.random() < 0.05 else "u%d" % user,
                None if rng.random() < 0.07 else group,
                None if rng.random() < 0.05 else self.value(g))

    # ---- what is wanted ----

    def valid(self, r):
        return r[3] is not None and (self.negative or r[3] >= 0)

    def by(self, rows, key):
        out = {}
        for r in rows:
            out.setdefault(key(r), []).append(r)
        return out

    def wanted(self):
        if not self.rows:
            return []
        good = [r for r in self.rows if r[2] is not None and self.valid(r)]
        out = []
        if self.unit != "users":
            groups = [[Fraction(r[3]) for r in g] for g in self.by(good, lambda r: r[2]).values()]
            out.append(test("duration_ms", "events", groups, len(self.rows) - len(good)))
        if self.unit != "events":
            cells = self.by([r for r in good if r[1] is not None], lambda r: (r[1], r[2]))
            means = {}
            for (user, group), rows in cells.items():
                mean = rounded(sum(Fraction(r[3]) for r in rows) / len(rows))
                means.setdefault(group, []).append(Fraction(mean))
            users = {r[1] for r in self.rows} - {None}
            out.append(test("duration_ms", "users", list(means.values()),
                            len(users - {u for u, _ in cells})))
        return out

    def table(self):
        rows = [r for r in self.rows if r[2] is not None]
        out = []
        good = [Fraction(r[3]) for r in rows if self.valid(r)]
        for group, rows in self.by(rows, lambda r: r[2]).items():
            users = self.by([r for r in rows if r[1] is not None], lambda r: r[1])
            x = [r[3] for r in rows if self.valid(r)]
            line = [group, len(users), len(rows),
                    rounded(Fraction(sum(map(len, users.values())), len(users))) if users else None]
            if x:
                exact = [Fraction(v) for v in x]
                mean = sum(exact) / len(x)
                dev = (root(sum((v - mean) ** 2 for v in exact) / (len(x) - 1))
                       if len(x) > 1 else None)
                avg, every = rounded(mean), rounded(sum(good) / len(good))
                line += [avg, dev, *[percentile(x, Fraction(p, 100)) for p in (50, 95, 99)],
                         min(x), max(x), (avg - every) / abs(every) * 100 if every else None]
            else:
                line += [None] * 8
            out.append(tuple(line))
        return sorted(out, key=lambda r: (r[4] is None, -(r[4] or 0), r[0]))

    # ---- gn ----

    def run(self, *args, data=None):
        p = subprocess.run([os.path.join(self.bin, "gn-anova"), *args], input=data,
                           capture_output=True, cwd=self.work, timeout=60, check=False)
        if p.returncode:
            raise Difference("status %d: %s: %s" % (p.returncode, args, p.stderr.decode()))
        return p.stdout

    def stream(self, rows):
        return gnstream.build(self.fields, rows)

    def compare(self, out, what, table=None):
        seg, = gnstream.parse(out)
        want = self.wanted()
        got = [dict(zip(seg.names(), r)) for r in seg.records]
        if len(want) != len(got):
            raise Difference("%s: %d tests, not %d" % (what, len(got), len(want)))
        for w, g in zip(want, got):
            for name in seg.names():
                a, b = g[name], w.get(name)
                if name == "p_value" and g["f_statistic"] is not None:
                    b = tail_f(g["f_statistic"], g["df1"], g["df2"])
                elif name == "kruskal_p" and g["kruskal_h"] is not None:
                    b = tail_chi2(g["kruskal_h"], g["df1"])
                if name in ("p_value", "kruskal_p"):
                    good = b is None and (a is None) == (g["f_statistic" if name[0] == "p" else
                                                          "kruskal_h"] is None) or \
                        b is not None and close(a, b, 1e-13)
                else:
                    good = close(a, b)
                if not good:
                    raise Difference("%s: %s: wanted %r, got %r in %r" % (what, name, b, a, g))
        if table:
            with open(os.path.join(self.work, table), "rb") as f:
                seg, = gnstream.parse(f.read())
            want = self.table()
            if want != seg.records:
                bad = [(a, b) for a, b in zip(want, seg.records) if a != b]
                raise Difference("%s: table: wanted and got %r, %d and %d" %
                                 (what, bad[:1], len(want), len(seg.records)))

    def overflows(self):
        """A total of floats beyond their range is none of gn-anova's results but the average."""
        try:
            self.wanted()
            self.table()
            return False
        except OverflowError:
            return True

    def check(self):
        rng = self.rng
        if self.overflows():
            return
        data = self.stream(self.rows)
        whole = self.run(*self.options, "--groups", "t.gn", data=data)
        self.compare(whole, "one stream", "t.gn")
        small = self.run("-m", "16M", *self.options, data=data)
        if gnstream.parse(small)[0].raw != gnstream.parse(whole)[0].raw:
            raise Difference("less memory, other results")
        cuts = sorted(rng.randrange(len(self.rows) + 1) for _ in range(rng.randrange(4)))
        parts = [self.rows[a:b] for a, b in zip([0] + cuts, cuts + [len(self.rows)])]
        for p in parts:
            rng.shuffle(p)
        self.compare(self.run(*self.options, data=b"".join(map(self.stream, parts))), "segments")
        state = self.run("--partial", *self.options, data=data)
        names = []
        for i, p in enumerate(parts):
            names.append("%d.gn" % i)
            self.run("--partial", *self.options, "-o", names[-1], data=self.stream(p))
        while len(names) > 1:
            take = rng.sample(names, rng.randrange(2, len(names) + 1))
            names = [n for n in names if n not in take] + ["m%d.gn" % len(names)]
            self.run("--merge", "--partial", "-o", names[-1], *take)
        with open(os.path.join(self.work, names[0]), "rb") as f:
            merged = f.read()
        if gnstream.parse(state)[0].raw != gnstream.parse(merged)[0].raw:
            raise Difference("the merged state is not the state of the whole: %r" % self.options)
        how = ["--groups", "t.gn"] if self.unit == "both" else []
        self.compare(self.run("--merge", *how, names[0]), "merged", "t.gn" if how else None)


def main(argv, case=Case, command="gn-anova"):
    bin_dir = os.path.dirname(os.path.realpath(subprocess.run(
        ["which", command], capture_output=True, text=True, check=False).stdout.strip()))
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
                case(seed, os.path.abspath(bin_dir), work).check()
            except (Difference, gnstream.Invalid, gnstream.Failed,
                    subprocess.TimeoutExpired) as e:
                print("seed %d: %s" % (seed, str(e)[:3000]))
                return 1
    print("%d seeds, no difference" % len(seeds))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
