#!/usr/bin/python3
"""agg_diff.py - gn-agg against exact arithmetic (Fraction) on random records, then its states.

    agg_diff.py [--bin DIR] SEED...          a seed, or FROM-TO

Each seed makes records of every type (nulls, extremes, ties, long texts), groups them by random
keys and computes random aggregates in plain Python from their definitions. The results must be
equal, floats to the last bit, whether the records come in one stream, in several segments or in
order; and the states of random parts, merged along a random tree, must be the state of the whole,
byte for byte, and give the same results. Exit 1 at the first difference.
"""
import decimal
import math
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

import gnstream

FIELDS = [("user", "str"), ("n", "int"), ("f", "float"), ("at", "time"), ("day", "date"),
          ("ok", "bool"), ("raw", "bin")]
KIND = dict(FIELDS)
DAY_US = 86400 * 1000000
I64 = (1 << 63) - 1
EXACT, SIGMA = 1536, 1.04 / 128  # lib/kernel/hll.h


class Difference(Exception):
    """gn computed something else."""


def value(rng, kind, spread):
    if rng.random() < 0.12:
        return None
    if kind == "str":
        return rng.choice(["", "a", "ab", "b", "é", "x" * 40, "u%06d" % rng.randrange(spread)])
    if kind == "int":
        return rng.choice([0, -1, rng.randrange(-spread, spread), rng.randrange(-spread, spread),
                           I64 if spread > 500 else 7, -I64 - 1 if spread > 500 else 9])
    if kind == "float":
        return rng.choice([0.0, 0.1, rng.uniform(-9, 9), rng.uniform(-1e9, 1e9),
                           rng.choice([1e300, -1e300, 5e-324, 1e-300]) if spread > 500 else 2.5])
    if kind == "time":
        return rng.choice([0, -1, rng.randrange(-spread, spread) * DAY_US // 3,
                           1688221815000000 + rng.randrange(spread)])
    if kind == "date":
        return rng.randrange(-min(spread, 700000), spread)
    if kind == "bool":
        return rng.random() < 0.5
    return bytes(rng.randrange(3) for _ in range(rng.randrange(3)))


def order(v, kind):
    return v.encode() if kind == "str" else v


def null_last(kinds):
    return lambda key: [(v is None, 0 if v is None else order(v, k)) for v, k in zip(key, kinds)]


def rounded(q):
    """A Fraction as the nearest float."""
    return q.numerator / q.denominator


def root(q):
    """The square root of a Fraction that is rounded to 53 bits before, whatever its size."""
    if q:
        bits = q.numerator.bit_length() - q.denominator.bit_length()
        shift = Fraction(2) ** (bits - 60)
        q = Fraction(rounded(q / shift)) * shift
    with decimal.localcontext() as c:
        c.prec = 1500
        return float((decimal.Decimal(q.numerator) / decimal.Decimal(q.denominator)).sqrt())


def percentile(values, p, nearest, kind):
    values = sorted(values, key=lambda v: order(v, kind))
    if not values:
        return None
    if nearest:
        return values[max(math.ceil(p * len(values)), 1) - 1]
    h = (len(values) - 1) * p
    lo, part = math.floor(h), h - math.floor(h)
    a, b = values[lo], values[min(lo + 1, len(values) - 1)]
    if kind == "int":
        return rounded(a + (b - a) * part)
    part = rounded(part)
    if not part:
        return a
    return a + (b - a) * part if b - a <= sys.float_info.max else a * (1 - part) + b * part


def middle(values):
    """The median, of floats in floats."""
    values = sorted(values)
    a, b = values[(len(values) - 1) // 2], values[len(values) // 2]
    if isinstance(a, Fraction):
        return (a + b) / 2
    return a + (b - a) * 0.5 if math.isfinite(b - a) else a * 0.5 + b * 0.5


class About(int):
    """A count that may be estimated beyond what a sketch holds exactly: within 4 sigma."""

    def __eq__(self, other):
        return abs(int(self) - other) <= (0 if self <= EXACT else 4 * SIGMA * self)

    def __ne__(self, other):
        return not self == other

    __hash__ = int.__hash__


class Near(float):
    """A percentile of a sketch: within 1/129 of the value. `scale`: what that is a part of where it
    lies between two values of different signs."""
    scale = None

    def __eq__(self, other):
        scale = abs(self) if self.scale is None else self.scale
        return isinstance(other, float) and abs(self - other) <= scale / 129 * (1 + 1e-9)

    def __ne__(self, other):
        return not self == other

    __hash__ = float.__hash__


def sketched(values, p, nearest, kind):
    exact = percentile(values, p, nearest, kind)
    if exact is None:
        return None
    near = Near(exact)
    s = sorted(values)
    lo = int((len(s) - 1) * p)
    hi = min(lo + 1, len(s) - 1)
    if not nearest and s[lo] < 0 < s[hi]:
        near.scale = max(-s[lo], s[hi])
    return near


def functions(rng, nearest):
    """(text, type of the result, function of the group's rows) for some aggregates."""
    def column(name):
        return lambda rows: [r[name] for r in rows if r[name] is not None]

    def total(name):
        return lambda rows: (sum(map(Fraction, column(name)(rows))) if column(name)(rows) else None)

    def mean(name):
        return lambda rows: (rounded(total(name)(rows) / len(column(name)(rows)))
                             if column(name)(rows) else None)

    def deviation(name):
        def f(rows):
            x = [Fraction(v) for v in column(name)(rows)]
            if len(x) < 2:
                return None
            m = sum(x) / len(x)
            return root(sum((v - m) ** 2 for v in x) / (len(x) - 1))
        return f

    def extreme(name, best):
        return lambda rows: best(column(name)(rows), key=lambda v: order(v, KIND[name]),
                                 default=None)

    def timed(name, by, best):
        def f(rows):
            x = [(r[by], order(r[name], KIND[name]), r[name]) for r in rows
                 if r[name] is not None and r[by] is not None]
            return best(x, key=lambda t: t[:2])[2] if x else None
        return f

    def total_of(name):
        return lambda rows: (None if total(name)(rows) is None else
                             int(total(name)(rows)) if KIND[name] == "int" else
                             rounded(total(name)(rows)))

    def absolute_deviation(name):
        def f(rows):
            x = column(name)(rows)
            if not x:
                return None
            if KIND[name] == "int":
                x = list(map(Fraction, x))
            m = middle(x)
            mad = middle([abs(v - m) for v in x])
            return rounded(Fraction(mad)) if math.isfinite(mad) else None
        return f

    def quantile(name, p):
        return lambda rows: percentile(column(name)(rows), p, nearest, KIND[name])

    out = [("count()", "int", len)]
    for name, kind in FIELDS:
        out.append(("count(%s)" % name, "int", lambda rows, c=column(name): len(c(rows))))
        out.append(("distinct(%s)" % name, "int", lambda rows, c=column(name): len(set(c(rows)))))
        out.append(("approx_distinct(%s)" % name, "int",
                    lambda rows, c=column(name): About(len(set(c(rows))))))
        out.append(("min(%s)" % name, kind, extreme(name, min)))
        out.append(("max(%s)" % name, kind, extreme(name, max)))
        by = rng.choice(["at", "day", "n"])
        out.append(("first(%s%s)" % (name, "" if by == "at" else ", " + by), kind,
                    timed(name, by, min)))
        out.append(("last(%s, %s)" % (name, by), kind, timed(name, by, max)))
        if kind in ("int", "float"):
            out.append(("sum(%s)" % name, kind, total_of(name)))
            out.append(("avg(%s)" % name, "float", mean(name)))
            out.append(("stddev(%s)" % name, "float", deviation(name)))
            for text, p in [("approx_median(%s)", Fraction(1, 2)),
                            ("approx_p95(%s)", Fraction(95, 100)),
                            ("approx_pctl(%s, 99.9)", Fraction(999, 1000)),
                            ("approx_pctl(%s, 0)", Fraction(0)),
                            ("approx_pctl(%s, 100)", Fraction(1))]:
                out.append((text % name, "float", lambda rows, c=column(name), p=p, k=kind:
                            sketched(c(rows), p, nearest, k)))
            out.append(("mad(%s)" % name, "float", absolute_deviation(name)))
        if kind in ("int", "float") or nearest:
            t = kind if nearest else "float"
            out.append(("median(%s)" % name, t, quantile(name, Fraction(1, 2))))
            out.append(("p95(%s)" % name, t, quantile(name, Fraction(95, 100))))
            out.append(("pctl(%s, 99.9)" % name, t, quantile(name, Fraction(999, 1000))))
            out.append(("pctl(%s, 0)" % name, t, quantile(name, Fraction(0))))
            out.append(("pctl(%s, 100)" % name, t, quantile(name, Fraction(1))))
    rng.shuffle(out)
    return out[:rng.randrange(1, 12)]


KEYS = [("user", "user", "str", lambda r: r["user"]),
        ("n", "n", "int", lambda r: r["n"]),
        ("day", "day", "date", lambda r: r["day"]),
        ("raw", "raw", "bin", lambda r: r["raw"]),
        ("f", "f", "float", lambda r: r["f"]),
        ("at", "at", "time", lambda r: r["at"]),
        ("ok", "ok", "bool", lambda r: r["ok"]),
        ("d = date(at)", "d", "date", lambda r: None if r["at"] is None else r["at"] // DAY_US),
        ("big = n > 0", "big", "bool", lambda r: None if r["n"] is None else r["n"] > 0)]


class Case:
    def __init__(self, seed, bin_dir, work):
        rng = self.rng = random.Random(seed)
        self.bin, self.work = bin_dir, work
        spread = rng.choice([2, 5, 60, 1000, 1000000])
        self.rows = [{name: value(rng, kind, spread) for name, kind in FIELDS}
                     for _ in range(rng.choice([0, 1, 2, 30, 300, 3000] +
                                               [8000] * (spread == 1000000)))]
        self.nearest = rng.random() < 0.3
        self.keys = rng.sample(KEYS, rng.randrange(4))
        self.funcs = functions(rng, self.nearest)
        self.names = ["c%d" % i for i in range(len(self.funcs))]
        self.options = (["--time", "at"] + (["--percentile", "nearest"] if self.nearest else []) +
                        ["-a", ", ".join("%s = %s" % (n, f[0])
                                         for n, f in zip(self.names, self.funcs))])
        if self.keys:
            self.options += ["-k", ",".join(k[0] for k in self.keys)]

    def run(self, *args, data=None):
        p = subprocess.run([os.path.join(self.bin, "gn-agg"), *args], input=data,
                           capture_output=True, cwd=self.work, timeout=60, check=False)
        if p.returncode:
            raise Difference("status %d: %s: %s" % (p.returncode, args, p.stderr.decode()))
        return p.stdout

    def stream(self, rows, header=None):
        return gnstream.build(FIELDS, [[r[n] for n, _ in FIELDS] for r in rows], header)

    def wanted(self):
        groups = {}
        for r in self.rows:
            groups.setdefault(tuple(k[3](r) for k in self.keys), []).append(r)
        if not self.keys and not groups:
            groups[()] = []
        out = []
        for key in sorted(groups, key=null_last([k[2] for k in self.keys])):
            out.append(key + tuple(f[2](groups[key]) for f in self.funcs))
        return out

    def compare(self, out, what):
        seg, = gnstream.parse(out)
        fields = [(k[1], k[2]) for k in self.keys] + [(n, f[1])
                                                       for n, f in zip(self.names, self.funcs)]
        if [tuple(f) for f in seg.fields] != fields:
            raise Difference("%s: fields %r, not %r" % (what, seg.fields, fields))
        want = self.wanted()
        if len(want) != len(seg.records):
            raise Difference("%s: %d groups, not %d" % (what, len(seg.records), len(want)))
        for w, g in zip(want, seg.records):
            if w != g:
                bad = [(f[0], a, b) for f, a, b in zip(fields, w, g) if a != b]
                raise Difference("%s: %r: wanted and got %r" % (what, self.options, bad))

    def overflows(self):
        """Totals of ints beyond 64 bits, of floats beyond the doubles: an error, not a result."""
        try:
            return any(isinstance(v, int) and abs(v) > I64 for r in self.wanted() for v in r)
        except OverflowError:
            return True

    def check(self):
        data = self.stream(self.rows)
        if self.overflows():
            p = subprocess.run([os.path.join(self.bin, "gn-agg"), *self.options], input=data,
                               capture_output=True, check=False)
            if p.returncode not in (0, 3) or (p.returncode == 0 and b"overflow" in p.stderr):
                raise Difference("an overflow: status %d" % p.returncode)
            return
        self.compare(self.run(*self.options, data=data), "one stream")
        rng = self.rng
        cuts = sorted(rng.randrange(len(self.rows) + 1) for _ in range(rng.randrange(4)))
        parts = [self.rows[a:b] for a, b in zip([0] + cuts, cuts + [len(self.rows)])]
        self.compare(self.run(*self.options, data=b"".join(map(self.stream, parts))), "segments")
        self.ordered()
        whole = self.run("--partial", *self.options, data=data)
        names = []
        for i, p in enumerate(parts):
            names.append("%d.gn" % i)
            with open(os.path.join(self.work, names[-1]), "wb") as f:
                f.write(self.run("--partial", *self.options, data=self.stream(p)))
        while len(names) > 1:
            take = rng.sample(names, rng.randrange(2, len(names) + 1))
            names = [n for n in names if n not in take] + ["m%d.gn" % len(names)]
            self.run("--merge", "--partial", "-o", names[-1], *take)
        with open(os.path.join(self.work, names[0]), "rb") as f:
            merged = f.read()
        a, b = gnstream.parse(whole)[0], gnstream.parse(merged)[0]
        if a.raw != b.raw:
            raise Difference("the merged state is not the state of the whole: %r" % self.options)
        self.compare(self.run("--merge", names[0]), "merged")

    def ordered(self):
        """The same in the order of the keys, where those are fields."""
        if not self.keys or any("=" in k[0] for k in self.keys):
            return
        key = null_last([k[2] for k in self.keys])
        rows = sorted(self.rows, key=lambda r: key([k[3](r) for k in self.keys]))
        claim = {"order": [[k[1], "asc"] for k in self.keys]}
        self.compare(self.run(*self.options, data=self.stream(rows, claim)), "ordered")


def main(argv):
    bin_dir = os.path.dirname(os.path.realpath(subprocess.run(
        ["which", "gn-agg"], capture_output=True, text=True, check=False).stdout.strip()))
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
