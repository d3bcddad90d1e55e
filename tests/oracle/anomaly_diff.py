#!/usr/bin/python3
"""anomaly_diff.py - gn-anomaly against plain Python on random skewed records.

    anomaly_diff.py [--bin DIR] SEED...          a seed, or FROM-TO

Each seed makes events of few heavy users and many light ones, with dirty durations, ties, groups
about the least size, hours that swell and that fall silent, and days of users that burst; chooses
rules, thresholds and a zone, some with changes of the clocks at midnight; and finds the anomalies
from the definitions. Every field must be equal, floats to the last bit, for a file, a pipe, several
files, ordered input, and the user-day roll-up; states of random parts merged along a random tree
must give what the whole gives. Exit 1 at the first difference.
"""
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile
import zoneinfo
from fractions import Fraction

import gnstream
from agg_diff import Difference, null_last, root, rounded, middle

FIELDS = [("user_id", "str"), ("timestamp", "time"), ("duration_ms", "int"), ("app_version", "str")]
TABLE = [("rule", "str"), ("entity", "str"), ("at", "time"), ("ordinal", "int"),
         ("entity_type", "str"), ("user_id", "str"), ("app_version", "str"),
         ("metric_name", "str"), ("metric_value", "float"), ("expected_value", "float"),
         ("score", "float"), ("threshold", "float"), ("baseline_n", "int"), ("severity", "str"),
         ("description", "str")]
ORDINAL = 3
SECOND = 1000000
HOUR, DAY = 3600 * SECOND, 86400 * SECOND
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# Days of the clocks: Sao Paulo set them back at midnight of 2018-02-18, Havana on 2018-11-04 at 1.
STARTS = {"UTC": datetime.date(2023, 1, 1), "Europe/Berlin": datetime.date(2023, 3, 1),
          "America/Sao_Paulo": datetime.date(2018, 1, 20), "America/Havana": datetime.date(2018, 10, 5),
          "Asia/Kathmandu": datetime.date(2023, 1, 1)}


def duration(rng):
    p = rng.random()
    if p < 0.04:
        return None
    if p < 0.08:
        return rng.choice([-1, -77, -(1 << 60)])
    if p < 0.1:
        return rng.choice([8 * 3600000, 8 * 3600000 + 1, 10**10])
    if p < 0.3:
        return rng.choice([1000, 2000])
    return int(rng.lognormvariate(8, 1))


class Data:
    """Random events."""

    def __init__(self, rng, zone):
        self.rng = rng
        start = datetime.datetime.combine(STARTS[zone], datetime.time(), datetime.timezone.utc)
        self.t0 = (start - EPOCH) // datetime.timedelta(microseconds=1)
        self.versions = [None, "5.0.0", "5.0.1", "6.1.9"][:rng.randrange(1, 5)]
        self.rows = []

    def event(self, user, t, ms=None):
        rng = self.rng
        self.rows.append((user if rng.random() < 0.99 else None,
                          t if rng.random() < 0.99 else None,
                          duration(rng) if ms is None else ms, rng.choice(self.versions)))

    def hours(self):
        """Three weeks of some hours, in which one swells, and one falls silent."""
        rng = self.rng
        level = [rng.choice([0, 0, 2, 20, 40]) for _ in range(6)]
        for day in range(rng.randrange(5, 23)):
            for h, mean in enumerate(level):
                n = rng.choice([mean, mean, mean, mean + rng.randrange(9), 3 * mean, 0])
                n = 30 if n > 25 and rng.random() < 0.3 else n
                for _ in range(n):
                    self.event("u%03d" % int(rng.paretovariate(0.7)),
                               self.t0 + day * DAY + h * HOUR + rng.randrange(HOUR))

    def bursts(self):
        """Users with some events a day, and now and then a day of many."""
        rng = self.rng
        for u in range(rng.randrange(1, 12)):
            usual = rng.choice([1, 1, 2, 3])
            for day in range(rng.randrange(1, 70)):
                if rng.random() < 0.5:
                    continue
                n = rng.choice([10, 11, 19, 20, 21, 30, 31, 60]) * usual if rng.random() < 0.05 \
                    else rng.randrange(1, usual + 1)
                for _ in range(n):
                    near = rng.choice([0, 0, 3 * HOUR, 4 * HOUR, 12 * HOUR])  # midnights
                    self.event("b%d" % u, self.t0 + day * DAY + near + rng.randrange(-HOUR, HOUR))

    def groups(self):
        """Groups of 10, 11 and more values, most of them equal."""
        rng = self.rng
        for day in range(rng.randrange(6)):
            for _ in range(rng.choice([9, 10, 11, 12, 40])):
                ms = rng.choice([500, 500, 500, 500, 500, 500, 500, 501, 90000]) if day else 500
                self.event("g%d" % rng.randrange(3), self.t0 + day * DAY + rng.randrange(5), ms)


def number(v):
    if abs(v) >= 1e15:
        return "%.6g" % v
    return "%.0f" % v if v == int(v) else "%.2f" % v


def local_day(us, zone):
    t = (EPOCH + datetime.timedelta(microseconds=us)).astimezone(zone)
    return t.date().toordinal() - gnstream.EPOCH


def midnight(day, zone):
    """Of the zone; one that comes twice is the earlier, one that never comes read as before."""
    d = datetime.date.fromordinal(day + gnstream.EPOCH)
    t = datetime.datetime(d.year, d.month, d.day, tzinfo=zone)
    return (t - EPOCH) // datetime.timedelta(microseconds=1)


def severity(levels, x):
    names = ["low", "medium", "high", "critical"]
    return names[sum(x is None or x > v for v in levels)]


class Case:
    def __init__(self, seed, bin_dir, work):
        rng = self.rng = random.Random(seed)
        self.bin, self.work = bin_dir, work
        self.tz = rng.choice(list(STARTS))
        self.zone = zoneinfo.ZoneInfo(self.tz)
        data = Data(rng, self.tz)
        for make in (data.hours, data.bursts, data.groups):
            if rng.random() < 0.6:
                make()
        rng.shuffle(data.rows)
        self.rows = data.rows
        self.rules = sorted(rng.sample(["behavioural", "statistical", "temporal"],
                                       rng.choice([1, 2, 3, 3])))
        self.negative = rng.random() < 0.2
        self.robust = rng.random() < 0.4
        self.z = rng.choice([3.0, 3.0, 2.0, 1.0])
        self.least = rng.choice([11, 11, 10, 2])
        self.top = rng.choice([None, None, 1, 3])
        self.group = rng.choice(["default", "default", "global", "version"])
        self.lag = rng.choice([168, 168, 24, 25])
        self.change = rng.choice([0.5, 0.5, 0.0, 1.0])
        self.count = rng.choice([30, 30, 5])
        self.factor = rng.choice([10.0, 10.0, 2.0])
        self.days = rng.choice([30, 30, 3])
        self.active = rng.choice([3, 3, 1])
        self.events = rng.choice([20, 20, 5])

    def options(self, rules=None):
        rules = self.rules if rules is None else rules
        o = ["--rule", ",".join(rules), "--tz", self.tz]
        if self.negative:
            o.append("--negative")
        if "statistical" in rules:
            o += ["--z", repr(self.z), "--min-group", str(self.least)]
            o += ["--robust"] * self.robust + ["--global"] * (self.group == "global")
            o += ["--top", str(self.top)] if self.top else []
            o += ["--group", "v = app_version"] if self.group == "version" else []
        if "temporal" in rules:
            o += ["--lag", "%dh" % self.lag, "--change", repr(self.change),
                  "--min-count", str(self.count)]
        if "behavioural" in rules:
            o += ["--factor", repr(self.factor), "--days", str(self.days),
                  "--min-days", str(self.active), "--min-events", str(self.events)]
        return o

    # ---- the definitions ----

    def amount(self, r):
        return r[2] if r[2] is not None and (self.negative or r[2] >= 0) else None

    def key(self, r):
        day = None if r[1] is None else local_day(r[1], self.zone)
        return {"default": (r[3], day), "global": (), "version": (r[3],)}[self.group]

    def key_text(self, key):
        names = {"default": ("app_version", "date"), "global": (), "version": ("v",)}[self.group]
        texts = ["(unknown)" if v is None else gnstream.date_text(v) if n == "date" else v
                 for n, v in zip(names, key)]
        return ", ".join("%s = %s" % p for p in zip(names, texts))

    def baseline(self, values):
        """Two figures; None where there are none, or where there is no spread."""
        x = [Fraction(v) for v in values]
        if not x:
            return None, None
        if self.robust:
            m = middle(x)
            return rounded(m), rounded(middle([abs(v - m) for v in x]))
        m = sum(x) / len(x)
        if len(x) < 2:
            return rounded(m), None
        return rounded(m), root(sum((v - m) ** 2 for v in x) / (len(x) - 1))

    def statistical(self):
        groups = {}
        for r in self.rows:
            groups.setdefault(self.key(r), []).append(r)
        if self.group == "global" and not groups:
            groups[()] = []
        out, self.groups = [], []
        kinds = {"default": ["str", "date"], "global": [], "version": ["str"]}[self.group]
        for key in sorted(groups, key=null_last(kinds)):
            values = [v for v in map(self.amount, groups[key]) if v is not None]
            a, b = self.baseline(values)
            n, hits, found = len(values), 0, []
            for r in groups[key]:
                v = self.amount(r)
                if v is None or n < self.least or not b:
                    continue
                z = 0.6745 * (v - a) / b if self.robust else (v - a) / b
                if abs(z) <= self.z:
                    continue
                hits += 1
                if r[1] is None:
                    continue
                where = self.key_text(key)
                text = "duration_ms: %s seen, %s expected, the %s of %d values%s: %sz = %s" % (
                    number(v), number(a), "median" if self.robust else "mean", n,
                    " with " + where if where else "", "robust " * self.robust, number(z))
                found.append(("statistical", r[0] or "(unknown)", r[1], "event", r[0], r[3],
                              "duration_ms", float(v), a, abs(z), self.z, n,
                              severity((3, 5, 10), abs(z)), text))
            found.sort(key=lambda x: (-x[9], wire(x)))
            out += found[:self.top] if self.top else found
            self.groups.append(key + (n, a, b, hits))
        return out

    def hourly(self):
        """(hour, n, users, durations, before): all hours from the first to the last."""
        hours = {}
        for r in self.rows:
            if r[1] is not None:
                h = hours.setdefault(r[1] // HOUR, [0, set(), []])
                h[0] += 1
                if r[0] is not None:
                    h[1].add(r[0])
                if self.amount(r) is not None:
                    h[2].append(self.amount(r))
        if not hours:
            return []
        first, last = min(hours), max(hours)
        none = [0, (), []]
        return [(h, *hours.get(h, none), hours.get(h - self.lag, none)[0]
                 if h - first >= self.lag else None) for h in range(first, last + 1)]

    def temporal(self):
        out = []
        for h, n, _, _, before in self.hourly():
            if before is None or max(n, before) < self.count or n == before:
                continue
            change = abs(n - before) / before if before else None
            if change is not None and change <= self.change:
                continue
            times = max(n, before) / min(n, before) if min(n, before) else None
            text = "events in the hour: %d seen, %d expected, as %d hours before" % (
                n, before, self.lag)
            if times is not None:
                text += ": %s times %s" % (number(times), "as many" if n > before else "fewer")
            out.append(("temporal", "ALL", h * HOUR, "hour", None, None, "interactions", float(n),
                        float(before), change, self.change, 1, severity((3, 5, 10), times), text))
        return out

    def behavioural(self):
        days = {}
        for user, t, _, _ in self.rows:
            if user is not None and t is not None:
                u = days.setdefault(user, {})
                d = local_day(t, self.zone)
                u[d] = u.get(d, 0) + 1
        out = []
        for user, u in days.items():
            for d, n in u.items():
                before = [u[x] for x in range(d - self.days, d) if x in u]
                if len(before) < self.active or n < self.events:
                    continue
                ratio = rounded(Fraction(n * len(before), sum(before)))
                if ratio <= self.factor:
                    continue
                mean = rounded(Fraction(sum(before), len(before)))
                text = ("events on %s: %d seen, %s expected, the mean of %d active days among "
                        "the %d before: %s times as many" % (
                            gnstream.date_text(d), n, number(mean), len(before), self.days,
                            number(ratio)))
                out.append(("behavioural", user, midnight(d, self.zone), "user", user, None,
                            "daily_events", float(n), mean, ratio, self.factor, len(before),
                            severity((10, 20, 50), ratio), text))
        return out

    def wanted(self, rules):
        rows = [r for rule in rules for r in getattr(self, rule)()]
        rows.sort(key=lambda r: (r[0], r[1].encode(), r[2], wire(r)))
        out, last, n = [], None, 0
        for r in rows:
            n = n + 1 if r[:3] == last else 1
            last = r[:3]
            out.append(r[:3] + (n,) + r[3:])
        return out

    # ---- runs ----

    def run(self, *args, data=None, command="gn-anomaly"):
        p = subprocess.run([os.path.join(self.bin, command), *args], input=data,
                           capture_output=True, cwd=self.work, timeout=60, check=False)
        if p.returncode:
            raise Difference("status %d: %s: %s" % (p.returncode, args, p.stderr.decode()))
        return p.stdout

    def read(self, name):
        with open(os.path.join(self.work, name), "rb") as f:
            return f.read()

    def write(self, name, rows, header=None):
        data = gnstream.build(FIELDS, rows, header)
        with open(os.path.join(self.work, name), "wb") as f:
            f.write(data)
        return name

    def compare(self, what, data, want, fields=None):
        seg, = gnstream.parse(data)
        if fields and [tuple(f) for f in seg.fields] != fields:
            raise Difference("%s: fields %r" % (what, seg.fields))
        if seg.records != want:
            bad = [(g, w) for g, w in zip(seg.records, want) if g != w][:1]
            raise Difference("%s: %d rows, not %d; got, wanted: %r" % (
                what, len(seg.records), len(want), bad or [seg.records[-1:], want[-1:]]))

    def check(self):
        want = self.wanted(self.rules)
        z, temporal = "statistical" in self.rules, "temporal" in self.rules
        further = ["--baseline", "base.gn"] * z + ["--hourly", "hours.gn"] * temporal
        self.write("all.gn", self.rows)
        o = self.options()
        self.compare("a file", self.run(*o, *further, "--stats=stats", "all.gn"), want, TABLE)
        counters = json.loads(self.read("stats"))["counters"]
        for rule in self.rules:
            if not self.top and counters[rule] != sum(r[0] == rule for r in want):
                raise Difference("counters %r" % counters)
        if z:
            self.compare("baseline", self.read("base.gn"), self.groups)
        if temporal:
            self.compare("hourly", self.read("hours.gn"), self.hourly_rows())
        self.compare("a pipe", self.run(*o, data=self.read("all.gn")), want)
        cut = self.rng.randrange(len(self.rows) + 1)
        self.write("a.gn", self.rows[:cut])
        self.write("b.gn", self.rows[cut:])
        self.compare("two files", self.run(*o, "a.gn", "b.gn"), want)
        self.ordered(o, want)
        if z:
            self.given(want)
            self.state("statistical")
        if temporal:
            self.state("temporal")
        if "behavioural" in self.rules:
            self.rollup()

    def hourly_rows(self):
        out = []
        for h, n, users, ms, before in self.hourly():
            x = [Fraction(v) for v in ms]
            m = sum(x) / len(x) if x else None
            dev = root(sum((v - m) ** 2 for v in x) / (len(x) - 1)) if len(x) > 1 else None
            out.append((h * HOUR, n, len(users), None if m is None else rounded(m), dev, before))
        return out

    def ordered(self, o, want):
        rows = sorted(self.rows, key=lambda r: (r[0] is None, (r[0] or "").encode(), r[1] is None,
                                                r[1] or 0))
        self.write("ordered.gn", rows, {"order": [["user_id", "asc"], ["timestamp", "asc"]]})
        self.compare("ordered", self.run(*o, "ordered.gn"), want)
        self.compare("ordered, hashed", self.run(*o, "--hash", "ordered.gn"), want)

    def given(self, want):
        self.compare("a given baseline",
                     self.run(*self.options(), "--use-baseline", "base.gn", "all.gn"), want)

    def tree(self, rule, make):
        """The state of the whole, from random parts, as a file."""
        rng, names = self.rng, []
        cuts = sorted(rng.randrange(len(self.rows) + 1) for _ in range(rng.randrange(4)))
        for i, (a, b) in enumerate(zip([0] + cuts, cuts + [len(self.rows)])):
            self.write("part.gn", self.rows[a:b])
            names.append("s%d" % i)
            make("-o", names[-1], "part.gn")
        while len(names) > 1:
            take = rng.sample(names, rng.randrange(2, len(names) + 1))
            names = [n for n in names if n not in take] + ["m%d" % len(names)]
            self.run("--rule", rule, *self.merge_options(rule), "--merge", "--partial", "-o",
                     names[-1], *take)
        return names[0]

    def merge_options(self, rule):
        """What a state is made with."""
        o = ["--tz", self.tz] + ["--negative"] * self.negative
        return o + ["--robust"] * (rule == "statistical" and self.robust)

    def state(self, rule):
        o = ["--rule", rule, "--partial", *self.merge_options(rule)]
        if rule == "statistical":
            o += {"default": [], "global": ["--global"],
                  "version": ["--group", "v = app_version"]}[self.group]
            s = self.tree(rule, lambda *a: self.run(*o, *a))
            if self.rows:
                self.compare("merged baseline", self.run(
                    "--rule", rule, *self.merge_options(rule), "--merge", s),
                    [g[:-1] + (None,) for g in self.groups])
            return
        s = self.tree(rule, lambda *a: self.run(*o, *a))
        how = [x for x in self.options([rule])]
        self.compare("merged hours", self.run(*how, "--merge", s), self.wanted([rule]))
        # With users and durations.
        names = ["x1", "x2"]
        for name, part in zip(names, ("a.gn", "b.gn")):
            self.run(*o, "--activity", "-o", name, part)
        self.run(*how, "--merge", "--hourly", "merged.gn", "-o", "/dev/null", *names)
        self.compare("merged activity", self.read("merged.gn"), self.hourly_rows())

    def rollup(self):
        want = self.wanted(["behavioural"])
        o = self.options(["behavioural"])
        o = [x for x in o if x != "--negative"]
        for name, part in (("w", "all.gn"), ("x", "a.gn"), ("y", "b.gn")):
            self.run("--partial", "--tz", self.tz, "-o", name, part, command="gn-dau")
        self.compare("a roll-up", self.run(*o, "w"), want)
        self.compare("two roll-ups", self.run(*o, "x", "y"), want)


def wire(row):
    """The bytes of a row of the table, without the ordinal."""
    kinds = [k for i, (_, k) in enumerate(TABLE) if i != ORDINAL]
    return gnstream.pack([gnstream.as_wire(v, k) for v, k in zip(row, kinds)])


def main(argv):
    bin_dir = os.path.dirname(os.path.realpath(subprocess.run(
        ["which", "gn-anomaly"], capture_output=True, text=True, check=False).stdout.strip()))
    if argv[:1] == ["--bin"]:
        bin_dir, argv = argv[1], argv[2:]
    seeds = []
    for a in argv:
        lo, _, hi = a.partition("-")
        seeds += range(int(lo), int(hi or lo) + 1)
    if not seeds:
        sys.exit(__doc__)
    found = {}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as work:
            case = Case(seed, os.path.abspath(bin_dir), work)
            try:
                case.check()
                for r in case.wanted(case.rules):
                    found[r[0]] = found.get(r[0], 0) + 1
            except (Difference, gnstream.Invalid, gnstream.Failed,
                    subprocess.TimeoutExpired) as e:
                print("seed %d: %s: %s" % (seed, " ".join(case.options()), str(e)[:3000]))
                return 1
    print("%d seeds, no difference; found: %s" % (len(seeds), found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
