#!/usr/bin/python3
"""cohort_diff.py - gn-cohort against plain Python on random events and metadata.

    cohort_diff.py [--bin DIR] SEED...          a seed, or FROM-TO

Each seed makes events and metadata (nulls, users in only one of them, users with several rows, join
dates far away from the events) and compares all four tables with what their definitions say, floats
to the last bit: from events and from the roll-up of gn-dau, ordered and not, with metadata ordered
and not; then the states of random partitions by user, merged along a random tree, must be the state
of the whole, byte for byte, and give the same tables. Exit 1 at the first difference.
"""
import datetime
import glob
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

import gnstream

DAY_US = 86400 * 1000000
BASE = 19358  # 2023-01-01
EVENTS = [("user_id", "str"), ("timestamp", "time"), ("duration_ms", "int")]
MEMBERS = [("country", "str"), ("user_id", "str"), ("join_date", "date"), ("plan", "str")]
EPOCH = datetime.date(1970, 1, 1).toordinal()


class Difference(Exception):
    """gn computed something else."""


def null_last(v):
    return (v is None, b"" if v is None else v.encode())


class Case:
    def __init__(self, seed, bin_dir, work):
        rng = self.rng = random.Random(seed)
        self.bin, self.work = bin_dir, work
        users = rng.choice([1, 3, 30, 300])
        days = rng.choice([1, 10, 60, 400])
        joins = rng.choice([5, 60, 900])
        self.events = [self.event(rng, users, days)
                       for _ in range(rng.choice([0, 1, 10, 200, 2000]))]
        self.members = [self.member(rng, users, joins)
                        for _ in range(rng.choice([0, 1, users, 2 * users]))]
        self.month = rng.random() < 0.3
        self.periods = rng.choice([26, 26, 0, 3, 60])
        self.first_seen = rng.random() < 0.3
        self.w0, self.percent = rng.random() < 0.2, rng.random() < 0.2
        self.shift = rng.choice([0, 0, 0, -7, 9])
        self.engaged = rng.random() < 0.2
        self.period = [None, None]
        if rng.random() < 0.4:
            lo = BASE + rng.randrange(-20, days)
            self.period = rng.choice([[lo, None], [None, lo + 9], [lo, lo + rng.randrange(90)]])
        self.segments = rng.sample(["plan", "country"], rng.choice([0, 1, 2]))
        self.with_members = not self.first_seen or bool(self.segments) or rng.random() < 0.5
        rule = (["--active", "engaged"] if self.engaged else [])
        rule += ["--tz", "%+03d:00" % self.shift] if self.shift else []
        self.rule = rule
        self.options = ["--periods", str(self.periods)] if self.periods != 26 else []
        self.options += ["--period", "month"] if self.month else []
        self.options += ["--cohort", "first-seen"] if self.first_seen else []
        self.options += ["--segment", ",".join(self.segments)] if self.segments else []
        for name, day in zip(("--from", "--to"), self.period):
            self.options += [name, gnstream.date_text(day)] if day is not None else []
        self.table = (["--w0", "fixed"] if self.w0 else []) + (["--percent"] if self.percent else [])

    @staticmethod
    def event(rng, users, days):
        user = rng.choice(["u%05d", "u%d"]) % int(users * rng.random() ** 3)
        return (None if rng.random() < 0.02 else user,
                None if rng.random() < 0.02 else
                (BASE + rng.randrange(days)) * DAY_US + rng.randrange(DAY_US),
                rng.choice([None, 5, 10000, 10001, 20000, 3600000, 4 * 3600000]))

    @staticmethod
    def member(rng, users, joins):
        user = rng.choice(["u%05d", "u%d", "x%d"]) % rng.randrange(users)
        return (rng.choice([None, "DE", "US", "", "(unknown)"]),
                None if rng.random() < 0.03 else user,
                None if rng.random() < 0.1 else BASE + rng.randrange(-joins, joins // 3 + 2),
                rng.choice([None, "free", "basic", "a plan of many letters, more than thirty-two"]))

    # ---- what the definitions say ----

    def start(self, day, k=0):
        d = datetime.date.fromordinal(day + EPOCH)
        if not self.month:
            return day - d.weekday() + 7 * k
        m = d.year * 12 + d.month - 1 + k
        return datetime.date(m // 12, m % 12 + 1, 1).toordinal() - EPOCH

    def number(self, cohort, day):
        if not self.month:
            return (self.start(day) - cohort) // 7
        a, b = (datetime.date.fromordinal(x + EPOCH) for x in (cohort, day))
        return (b.year - a.year) * 12 + b.month - a.month

    def users(self):
        """user -> (cohort, segments), and user -> active days, and the covered range."""
        active, seen = {}, []
        for user, at, ms in self.events:
            if user is None or at is None:
                continue
            day = (at + self.shift * 3600 * 1000000) // DAY_US
            seen.append(day)
            if not self.engaged or (ms is not None and 10000 < ms < 4 * 3600000):
                active.setdefault(user, set()).add(day)
        rows = {}
        for row in self.members if self.with_members else []:
            if row[1] is not None:
                rows.setdefault(row[1], []).append(row)
        cohort = {}
        for user in set(rows) | set(active):
            of = rows.get(user, [])
            dates = [r[2] for r in of if r[2] is not None]
            best = max(of, key=lambda r: (r[2] is not None, r[2] or 0, gnstream.pack(list(r))),
                       default=None)
            values = {"plan": best and best[3], "country": best and best[0]}
            values = {k: "(unknown)" if v is None else v for k, v in values.items()}
            day = min(active[user]) if self.first_seen and user in active else \
                None if self.first_seen else min(dates, default=None)
            if day is not None:
                cohort[user] = self.start(day), [(s, values[s]) for s in self.segments]
        lo = self.period[0] if self.period[0] is not None else min(seen, default=None)
        hi = self.period[1] if self.period[1] is not None else max(seen, default=None)
        if not seen and None in self.period:
            lo = hi = None
        return cohort, active, (lo, hi)

    def wanted(self):
        """kind -> records"""
        cohort, active, (lo, hi) = self.users()
        size, retained = {}, {}
        for user, (first, segments) in cohort.items():
            numbers = {self.number(first, d) for d in active.get(user, ())
                       if (self.period[0] is None or d >= self.period[0])
                       and (self.period[1] is None or d <= self.period[1])}
            for segment in [("", "")] + segments:
                cell = (first,) + segment
                size[cell] = size.get(cell, 0) + 1
                for k in numbers:
                    retained[cell, k] = retained.get((cell, k), 0) + 1
        long, wide = {False: [], True: []}, {False: [], True: []}
        order = sorted(size, key=lambda c: (c[0], c[1].encode(), c[2].encode()))
        for cell in order:
            rates = []
            name = gnstream.date_text(cell[0])[:7] if self.month else cell[0]
            segment = cell[1:] if cell[1] else ()
            for k in range(self.periods + 1):
                begin, end = self.start(cell[0], k), self.start(cell[0], k + 1) - 1
                known = lo is not None and lo <= hi and begin <= hi and end >= lo
                complete = known and begin >= lo and end <= hi
                n = retained.get((cell, k), 0) if known else None
                if self.w0 and k == 0:
                    n = size[cell]
                rate = None
                if n is not None:
                    q = Fraction(n * (100 if self.percent else 1), size[cell])
                    rate = q.numerator / q.denominator
                rates.append(rate)
                long[bool(segment)].append(
                    (cell[0], k, (name, k) + segment + (size[cell], n, rate, complete)))
            wide[bool(segment)].append((name,) + segment + (size[cell],) + tuple(rates))

        def by_number(rows):
            return [r[2] for r in sorted(rows, key=lambda r: r[:2])]
        return {"total": by_number(long[False]), "segments": by_number(long[True]),
                "total-wide": wide[False], "segments-wide": wide[True]}

    # ---- what gn says ----

    def run(self, *args, data=None, command="gn-cohort"):
        p = subprocess.run([os.path.join(self.bin, command), *args], input=data,
                           capture_output=True, cwd=self.work, timeout=60, check=False)
        if p.returncode:
            raise Difference("status %d: %s: %s" % (p.returncode, args, p.stderr.decode()))
        return p.stdout

    def path(self, name, data=None):
        name = os.path.join(self.work, name)
        if data is None:
            with open(name, "rb") as f:
                return f.read()
        with open(name, "wb") as f:
            f.write(data)
        return name

    def compare(self, what, args, data=None):
        kinds = ["total", "total-wide"]
        kinds += ["segments", "segments-wide"] if self.segments else []
        also = [x for k in kinds for x in ("--also", "%s=%s.gn" % (k, k))]
        out = self.run(*args, *self.table, *also, data=data)
        want = self.wanted()
        got = {k: gnstream.parse(self.path(k + ".gn"))[0].records for k in kinds}
        got["main"] = gnstream.parse(out)[0].records
        want["main"] = want["segments" if self.segments else "total"]
        for k, records in got.items():
            if records != want[k]:
                bad = [(a, b) for a, b in zip(want[k], records) if a != b][:3]
                raise Difference("%s, %s: %r: %d and %d records; wanted and got %r" % (
                    what, k, self.rule + self.options, len(want[k]), len(records), bad))

    def check(self):
        rng = self.rng
        events = self.path("e.gn", gnstream.build(EVENTS, self.events))
        by_user = sorted(self.events, key=lambda r: null_last(r[0]))
        ordered = self.path("o.gn", gnstream.build(EVENTS, by_user, {"order": [["user_id", "asc"]]}))
        cut = rng.randrange(len(self.members) + 1)
        parts = [gnstream.build(MEMBERS, self.members[:cut]),
                 gnstream.build(MEMBERS, self.members[cut:])]
        self.path("m.gn", b"".join(parts))
        self.path("mo.gn", gnstream.build(MEMBERS, sorted(
            self.members, key=lambda r: null_last(r[1])), {"order": [["user_id", "asc"]]}))
        self.run("--partial", *self.rule, "-o", "days.gn", events, command="gn-dau")
        members = {m: ["--members", m] if self.with_members else [] for m in ("m.gn", "mo.gn")}
        how = self.rule + self.options
        self.compare("unordered", how + members["m.gn"] + [events])
        self.compare("ordered", how + members["mo.gn"] + [ordered])
        self.compare("mixed", how + members["m.gn"] + [ordered])
        self.compare("mixed the other way", how + members["mo.gn"] + ["--hash", ordered])
        self.compare("roll-up", self.options + members["m.gn"] + ["days.gn"])
        self.compare("roll-up, with its rule", how + members["mo.gn"] + ["--hash", "days.gn"])
        cut = rng.randrange(len(self.events) + 1)
        two = gnstream.build(EVENTS, self.events[:cut]) + gnstream.build(EVENTS, self.events[cut:])
        self.compare("segments", how + members["m.gn"], two)
        whole = self.run("--partial", *how, *members["m.gn"], events)
        self.merge(how, members, whole)

    def merge(self, how, members, whole):
        rng = self.rng
        k = rng.choice([1, 2, 3, 5])
        self.run("-k", "user_id", "-n", str(k), "-d", "parts", "e.gn", command="gn-partition")
        names = []
        for i, part in enumerate(sorted(glob.glob(self.work + "/parts/part-*.gn"))):
            names.append("s%d.gn" % i)
            self.run("--partial", *how, *members[rng.choice(["m.gn", "mo.gn"])], part, "-o",
                     names[-1])
        while len(names) > 1:
            take = rng.sample(names, rng.randrange(2, len(names) + 1))
            names = [n for n in names if n not in take] + ["t%d.gn" % len(names)]
            self.run("--merge", "--partial", *take, "-o", names[-1])
        if gnstream.parse(whole)[0].raw != gnstream.parse(self.path(names[0]))[0].raw:
            raise Difference("the merged state is not the state of the whole: %r" % how)
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
