#!/usr/bin/python3
"""corr_diff.py - gn-corr against exact arithmetic (Fraction) on random records, then its states.

    corr_diff.py [--bin DIR] SEED...          a seed, or FROM-TO

Each seed makes records with some number fields (ints of any size, floats, times; skewed, dependent,
ties, nulls, constants) and computes both coefficients of all pairs from their definitions. gn must
come to the same, whether the records come in one stream or several, in whatever order, with much
memory or the least; and states of random parts, merged along a random tree, must be the state of
the whole, byte for byte, and give the same results. Exit 1 at the first difference.
"""
import decimal
import os
import random
import subprocess
import sys
from fractions import Fraction

import anova_diff
import gnstream
from anova_diff import Difference, I64
from dist_table import whole_beta


def correlation(pairs):
    """Pearson's r of Fractions, or None; as a float within some units of its last place."""
    n = len(pairs)
    if n < 2:
        return None
    unit_x = max(x.denominator for x, _ in pairs)
    unit_y = max(y.denominator for _, y in pairs)
    xs = [x.numerator * (unit_x // x.denominator) for x, _ in pairs]
    ys = [y.numerator * (unit_y // y.denominator) for _, y in pairs]
    sx, sy = sum(xs), sum(ys)
    xx = n * sum(x * x for x in xs) - sx * sx
    yy = n * sum(y * y for y in ys) - sy * sy
    xy = n * sum(x * y for x, y in zip(xs, ys)) - sx * sy
    if not xx or not yy:
        return None
    with decimal.localcontext() as c:
        c.prec = 60
        c.Emin, c.Emax = -10 ** 6, 10 ** 6
        return float(decimal.Decimal(xy) / (decimal.Decimal(xx) * decimal.Decimal(yy)).sqrt())


def ranked(values):
    order, rank, i = sorted(values), {}, 0
    while i < len(order):
        j = i
        while j < len(order) and order[j] == order[i]:
            j += 1
        rank[order[i]] = Fraction(i + 1 + j, 2)
        i = j
    return [rank[v] for v in values]


def tail(r, n):
    """Of the t of r; None where that is no finite sum, or a long one."""
    if n % 2 or n > 500 or n <= 2:
        return None
    with decimal.localcontext() as c:
        c.prec = 400
        square = decimal.Decimal(r) ** 2
        return float(1 - whole_beta(square, decimal.Decimal("0.5"), (n - 2) // 2))


class Case:
    def __init__(self, seed, bin_dir, work):
        rng = self.rng = random.Random(seed)
        self.bin, self.work = bin_dir, work
        names = rng.sample(["a", "b", "c", "d e", "ms", "Z"], rng.choice([2, 2, 3, 4]))
        self.fields = [(n, rng.choice(["int", "int", "float", "time"])) for n in names]
        self.kinds = [rng.randrange(7) for _ in names]
        n = rng.choice([0, 1, 2, 3, 10, 100, 100, 2000])
        self.rows = [self.row() for _ in range(n)]
        self.all = [("other", "str")] + self.fields
        self.list = ",".join(names)

    def row(self):
        rng = self.rng
        base = rng.lognormvariate(3, 2)
        return ["x"] + [None if rng.random() < 0.05 else self.value(k, t, base)
                        for k, (_, t) in zip(self.kinds, self.fields)]

    def value(self, kind, t, base):
        rng = self.rng
        x = [lambda: rng.randrange(-3, 4), lambda: int(base), lambda: int(base * rng.uniform(.5, 2)),
             lambda: rng.choice([I64, -I64 - 1, I64 - 1, 0, 5]), lambda: 7,
             lambda: I64 - rng.randrange(5000), lambda: -int(base) % 17][kind]()
        if t == "time":
            return x >> 8
        if t == "int":
            return x
        if kind == 3:
            return rng.choice([1e300, -1e300, 5e-324, 0.1, -0.1])
        return x * rng.choice([0.1, 1.0, 1e-3]) + 0.0

    def wanted(self):
        out = []
        for i in range(len(self.fields)):
            for j in range(i + 1, len(self.fields)):
                pairs = [(r[i + 1], r[j + 1]) for r in self.rows]
                good = [p for p in pairs if None not in p]
                xs, ys = ([p[k] for p in good] for k in (0, 1))
                if self.rows:
                    out.append([self.fields[i][0], self.fields[j][0], len(good),
                                len(pairs) - len(good),
                                correlation([(Fraction(x), Fraction(y)) for x, y in good]),
                                correlation(list(zip(ranked(xs), ranked(ys))))])
        return sorted(out, key=lambda r: (r[0].encode(), r[1].encode()))

    def run(self, *args, data=None):
        p = subprocess.run([os.path.join(self.bin, "gn-corr"), *args], input=data,
                           capture_output=True, cwd=self.work, timeout=60, check=False)
        if p.returncode:
            raise Difference("status %d: %s: %s" % (p.returncode, args, p.stderr.decode()))
        return p.stdout

    def stream(self, rows):
        return gnstream.build(self.all, rows)

    def compare(self, out, what):
        seg, = gnstream.parse(out)
        want = self.wanted()
        if len(want) != len(seg.records):
            raise Difference("%s: %d pairs, not %d" % (what, len(seg.records), len(want)))
        for w, g in zip(want, seg.records):
            g = dict(zip(seg.names(), g))
            good = w[:4] == [g["metric_a"], g["metric_b"], g["n"], g["excluded"]]
            for r, name in zip(w[4:], ("pearson", "spearman")):
                got, p = g[name], g[name + "_p"]
                good &= got is None if r is None else abs(got - r) <= abs(r) * 2.0 ** -50
                good &= (p is None) == (got is None or g["n"] <= 2)
                if p is not None:
                    t = tail(got, g["n"])
                    good &= t is None or abs(p - t) <= t * 1e-13
            if not good:
                raise Difference("%s: wanted %r, got %r" % (what, w, g))

    def check(self):
        rng = self.rng
        data = self.stream(self.rows)
        whole = self.run(self.list, data=data)
        self.compare(whole, "one stream")
        shuffled = list(self.rows)
        rng.shuffle(shuffled)
        small = self.run("-m", "16M", "--metrics", self.list, data=self.stream(shuffled))
        if gnstream.parse(small)[0].raw != gnstream.parse(whole)[0].raw:
            raise Difference("less memory, other order, other results")
        cuts = sorted(rng.randrange(len(self.rows) + 1) for _ in range(rng.randrange(4)))
        parts = [self.rows[a:b] for a, b in zip([0] + cuts, cuts + [len(self.rows)])]
        self.compare(self.run(self.list, data=b"".join(map(self.stream, parts))), "segments")
        state = self.run("--partial", self.list, data=data)
        names = []
        for i, p in enumerate(parts):
            names.append("%d.gn" % i)
            self.run("--partial", self.list, "-o", names[-1], data=self.stream(p))
        while len(names) > 1:
            take = rng.sample(names, rng.randrange(2, len(names) + 1))
            names = [n for n in names if n not in take] + ["m%d.gn" % len(names)]
            self.run("--merge", "--partial", "-o", names[-1], *take)
        with open(os.path.join(self.work, names[0]), "rb") as f:
            merged = f.read()
        if gnstream.parse(state)[0].raw != gnstream.parse(merged)[0].raw:
            raise Difference("the merged state is not the state of the whole")
        self.compare(self.run("--merge", names[0]), "merged")


if __name__ == "__main__":
    sys.exit(anova_diff.main(sys.argv[1:], Case, "gn-corr"))
