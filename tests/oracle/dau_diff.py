#!/usr/bin/python3
"""dau_diff.py - gn-dau against dau_oracle.py on random data: every table, every figure, exactly.

    dau_diff.py [--bin DIR] [--keep DIR] [--rows N] [--no-partials] SEED...

A seed decides everything. Each makes one CSV of a random kind (gaps of years, zones with DST, long
and odd user ids, one user who owns all, nulls, duplicates, negative and huge durations, no rows at
all), runs `gn-fromcsv | gn-dau` with random options, and compares; with --approx, too, which is
exact for so few users; and of the same records ordered by user, with claims, in one segment or
several. The rules that need that order (core, session) have it only. Then the CSV is cut into parts
at random; a partial state of each, merged along a random tree, must be the partial of the whole,
byte for byte, and give the same tables. Exit 1 at the first difference, with the command lines.
"""
import os
import random
import shlex
import subprocess
import sys
import tempfile

import dau_oracle
import gnstream
import ordered

TYPES = {
    "date": "date", "week": "date", "month": "str", "dau": "int", "wau": "int", "mau": "int",
    "mau_30d": "int", "total_interactions": "int", "days_covered": "int", "mean_dau": "float",
    "stickiness": "float", "stickiness_30d": "float", "complete": "bool",
}
ZONES = ["UTC", "UTC", "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
         "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo", "Africa/Monrovia", "Asia/Kolkata"]
# Zones of records: with midnights that are skipped or come twice, a day that never was, and some
# that are none.
RECORD_ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "America/Sao_Paulo", "Pacific/Apia",
                "Asia/Beirut", "America/Havana", "Asia/Kathmandu", "Africa/Monrovia", "+05:30",
                "-11:59", "Z", None, "", "Nowhere/Land", "../../etc/passwd", "/etc/passwd", "Europe",
                "Europe//Berlin", "zone.tab", "x" * 70]
# What gn and sqlite understand alike, or the two ways to say it.
EXPRESSIONS = [
    ("action_type = 'edit'",) * 2,
    ("duration_ms > 5000 and action_type != 'share'",) * 2,
    ("action_type in ('edit', 'create') or duration_ms is null",) * 2,
    ("not (duration_ms >= 10s)", "NOT (duration_ms >= 10000)"),
    ("page_id like 'p_0%' and not action_type like '%e'",) * 2,
    ("duration_ms between 1s and 4h", "duration_ms BETWEEN 1000 AND 14400000"),
    ("duration_ms not in (0, 12000)",) * 2,
    ("false", "0"),
    # Beyond 64 bits gn has null where sqlite turns to floats.
    ("duration_ms * 2 + 1 > 60000 or -duration_ms > 0",
     "CASE WHEN abs(duration_ms / 2) < 1 << 61 THEN duration_ms * 2 + 1 END > 60000 "
     "OR CASE WHEN duration_ms > -1 << 63 THEN -duration_ms END > 0"),
    ("action_type > page_id",) * 2,
    ("if(duration_ms is null, action_type = 'edit', duration_ms < 1min)",
     "CASE WHEN duration_ms IS NULL THEN action_type = 'edit' ELSE duration_ms < 60000 END"),
]
ACTIONS = ["page_view", "edit", "create", "delete", "share"]
DAY = 86400


class Difference(Exception):
    pass


def user_ids(rng, n):
    kind = rng.choice(["plain", "plain", "mixed", "long", "number"])
    ids = set()
    while len(ids) < n:
        i = len(ids)
        if kind == "plain":
            ids.add("u%06d" % (i * 7919 % 1000003))
        elif kind == "number":
            ids.add(rng.choice(["%d", "0%d", "-%d", "%d.0", "%de0"]) % (i * 37))
        elif kind == "long":
            ids.add("x" * rng.choice([1, 12, 13, 14, 15, 16, 30, 31, 32, 33, 255, 256, 300])
                    + rng.choice(["", "y", "z%d" % i]))
        else:
            ids.add(rng.choice([
                "", " ", "u%d" % i, "U%d" % i, "ü%d" % i, "日本語のユーザー%d" % i, "😀" * (i % 9),
                "a,b%d" % i, 'q"%d' % i, "line\nend%d" % i, "x" * 13, "x" * 14, "x" * 40,
                "null", "true", "\t%d" % i, "é", "e\u0301"]))
        if kind == "mixed" and len(ids) == i and rng.random() < 0.2:
            break
    return sorted(ids)


def times(rng, n, pattern=None):
    """Seconds since the epoch (floats with microseconds are given apart), in a random pattern."""
    pattern = pattern or rng.choice(["month", "month", "year end", "gaps", "dst", "one day", "old",
                                     "dense", "visits"])
    base = {"month": 19358, "year end": 18610, "gaps": 14000, "dst": 19434, "one day": 19700,
            "old": -26000, "dense": 19600, "visits": 19425}[pattern] * DAY
    out, visit = [], base
    for _ in range(n):
        if pattern == "month":
            t = base + rng.randrange(70 * DAY)
        elif pattern == "year end":
            t = base + rng.randrange(45 * DAY)
        elif pattern == "gaps":
            t = base + rng.choice([0, 13, 400, 1330, 1331, 1332, 2500]) * DAY + rng.randrange(3 * DAY)
        elif pattern == "dst":
            t = base + rng.choice([0, 1, 2, 216, 217, 218]) * DAY + rng.randrange(24) * 1800
        elif pattern == "one day":
            t = base + rng.randrange(DAY)
        elif pattern == "old":
            t = base + rng.choice([0, 26000 - 15, 26000]) * DAY + rng.randrange(20 * DAY)
        elif pattern == "visits":
            visit += rng.choice([0, 1, 30, 59, 60, 61, 119, 120, 121, 1799, 1800, 1801, 3600, DAY,
                                 DAY // 2, 6 * DAY if rng.random() < 0.2 else 5])
            t = visit
        else:
            t = base + rng.randrange(4) * DAY + rng.choice([0, 1, DAY - 1, DAY // 2])
        out.append(t)
    return out


def time_text(rng, t):
    text = gnstream.time_text(t * 1000000)
    r = rng.random()
    if r < 0.05:
        return text.replace(" ", "T")
    if r < 0.10:
        return text + "Z"
    if r < 0.15:
        return gnstream.time_text((t + 19800) * 1000000) + "+05:30"
    if r < 0.20:
        return text + rng.choice([".5", ".999999", ".000001", ".250"])
    return text


def duration(rng, huge):
    r = rng.random()
    if r < 0.1:
        return ""
    if r < 0.2:
        return str(-rng.choice([1, 500, 1 << 40, (1 << 63) - 1, 1 << 63]))
    if r < 0.4:
        return str(rng.choice([0, 1, 10000, 10001, 14399999, 14400000, 14400001, 12000]))
    if r < 0.5 and huge:
        return str(rng.randrange(1 << 60))
    return str(rng.randrange(300000))


def long_duration(rng, t):
    """One that lasts into other days, or ends where they begin."""
    r = rng.random()
    if r < 0.3:
        return str((DAY - t % DAY) * 1000 + rng.choice([-1, 0, 1, 3600000]))
    if r < 0.6:
        return str(rng.randrange(3 * DAY * 1000))
    if r < 0.9:
        return str(rng.randrange(1, 12) * 1800000 * rng.choice([1, 7, 48]))
    return str(rng.choice([30 * DAY * 1000 - 1, 30 * DAY * 1000, 31 * DAY * 1000, 1 << 40,
                           (1 << 63) - 1]))


def quote(rng, field, null_ok=True):
    if field is None:
        return ""
    if any(c in field for c in ',"\r\n') or (field == "" and null_ok) or rng.random() < 0.02:
        return '"%s"' % field.replace('"', '""')
    return field


def make_rows(rng, limit, span, pattern):
    """Lists of encoded fields. `span`: many durations are long. `pattern`: of times, or None."""
    n = rng.choice([0, 1, 2, 7, 40, 150, limit, limit])
    users = user_ids(rng, rng.choice([1, 3, 20, 60]))
    skew = rng.choice([0, 1, 3])
    huge = rng.random() < 0.3
    dirty = rng.choice([0, 0, 0.02, 0.3])
    rows = []
    for t in times(rng, n, pattern):
        user = users[int(len(users) * rng.random() ** (1 + skew))]
        when = time_text(rng, t)
        if rng.random() < dirty:
            user = None
        if rng.random() < dirty:
            when = ""
        page = rng.choice(["", "p%06d" % rng.randrange(40), "P,1"])
        action = rng.choice(ACTIONS) if rng.random() > dirty else None
        rows.append([quote(rng, user), when, quote(rng, action), quote(rng, page or None),
                     long_duration(rng, t) if span and rng.random() < 0.4 else duration(rng, huge),
                     "%d.%d.%d" % (rng.randrange(5, 8), rng.randrange(10), rng.randrange(10))])
        while rng.random() < 0.1:
            rows.append(list(rows[-1]))
    rng.shuffle(rows)
    return rows


NAMES = {
    "usual": ("user_id,timestamp,action_type,page_id,duration_ms,app_version", [], {}),
    "renamed": ("who,when,action_type,page_id,ms,app_version",
                ["--schema", "who:str,when:time,action_type:str,page_id:str,ms:int,app_version:str"],
                {"--user": "who", "--time": "when", "--value": "ms"}),
    "zoned": ("user_id,timestamp,action_type,page_id,duration_ms,app_version,zone",
              ["--schema", "user_id:str,timestamp:time,action_type:str,page_id:str,duration_ms:int,"
               "app_version:str,zone:str"], {"--tz-field": "zone"}),
    "no value": ("user_id,timestamp,action_type,page_id,other,app_version",
                 ["--schema", "user_id:str,timestamp:time,action_type:str,page_id:str,other:int,"
                  "app_version:str"], {}),
}


class Case:
    def __init__(self, seed, bin_dir, work, limit):
        self.rng = random.Random(seed)
        self.bin, self.work, self.log = bin_dir, work, []
        self.naming = self.rng.choice(["usual", "usual", "zoned", "zoned", "renamed", "no value"])
        self.span = self.naming != "no value" and self.rng.random() < 0.4
        self.active = self.rng.choice(["any", "any", "engaged", "expression", "expression"]
                                      + ["core", "session"] * (2 - 2 * self.span))
        self.back = self.active in ("core", "session")
        pattern = "visits" if self.active == "session" else "month" if self.back else None
        self.rows = make_rows(self.rng, limit, self.span, pattern if self.rng.random() < 0.7 else None)
        if self.naming == "zoned":
            zones = self.rng.sample(RECORD_ZONES, self.rng.choice([1, 2, 5, len(RECORD_ZONES)]))
            for r in self.rows:
                r.append(quote(self.rng, self.rng.choice(zones)))
        self.head, self.csv_options, self.fields = NAMES[self.naming]
        self.end = self.rng.choice(["\n", "\n", "\r\n"])
        self.options, self.oracle_options = self.choose()

    def choose(self):
        rng, gn, sql, active = self.rng, [], {}, self.active
        if self.back:
            gn += ["--active", active]
            sql["active"] = active
            some = {"core": [("--core", ["edit", "share,page_view", "create,delete,edit"]),
                             ("--core-count", ["1", "2", "3", "4"]),
                             ("--core-days", ["1", "2", "7", "8", "31"])],
                    "session": [("--session-over", ["0", "60", "119", "120", "121", "3600"]),
                                ("--gap", ["0", "120", "1799", "1800", "86400"]),
                                ("--session-days", ["1", "2", "7", "29", "31"])]}[active]
            for option, values in some:
                if rng.random() < 0.5:
                    gn += [option, rng.choice(values)]
                    sql[option[2:].replace("-", "_")] = gn[-1]
        elif active == "expression":
            expr, select = rng.choice(EXPRESSIONS)
            if self.naming == "renamed":
                expr, select = expr.replace("duration_ms", "ms"), select.replace("duration_ms", "ms")
            if self.naming == "no value":
                expr, select = (x.replace("duration_ms", "other") for x in (expr, select))
            gn += ["--active", expr]
            sql["active"] = select
        elif active == "engaged" and self.naming != "no value":
            gn += ["--active", "engaged"]
            sql["active"] = "engaged"
        zone = rng.choice(ZONES)
        if zone != "UTC":
            gn += ["--tz", zone]
            sql["tz"] = zone
        for k, v in self.fields.items():
            gn += [k, v]
            sql[k[2:].replace("-", "_")] = v
        if self.span:
            gn += ["--span"]
            sql["span"] = True
        if self.naming == "no value":
            sql["ints"] = ["other"]
        return gn, sql

    def windows(self):
        """Some random --from/--to/--last, as pairs of both sides' options."""
        rng = self.rng
        out = [([], {})]
        days = sorted({int(t) // DAY for t in times(random.Random(rng.random()), 20)})
        lo, hi = days[0], days[-1]
        if hi - lo > 900:
            lo = hi - 30
        a = lo + rng.randrange(-40, 40)
        b = a + rng.randrange(0, 75)
        text = gnstream.date_text
        out.append(rng.choice([
            (["--from", text(a)], {"first": text(a)}),
            (["--to", text(b)], {"last": text(b)}),
            (["--from", text(a), "--to", text(b)], {"first": text(a), "last": text(b)})]))
        look = rng.choice(["1months", "3months", "12months", "2w", "26w", "1d", "45d"])
        out.append((["--last", look], {"look": look}))
        return out

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, args, stdout=None, want=0):
        self.log.append(" ".join(shlex.quote(a) for a in args)
                        + (" > " + shlex.quote(stdout) if stdout else ""))
        args = [os.path.join(self.bin, args[0])] + args[1:]
        with open(stdout or os.devnull, "wb") as out:
            p = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
                               timeout=120, check=False)
        if want is not None and p.returncode != want:
            raise Difference("status %d, not %d: %s" % (p.returncode, want, p.stderr.decode()))
        return p

    def write_csv(self, name, rows):
        text = self.head + self.end + "".join(",".join(r) + self.end for r in rows)
        if rows and self.rng.random() < 0.2:
            text = text[:-len(self.end)]
        if self.rng.random() < 0.1:
            text = "\ufeff" + text
        with open(self.path(name), "w", encoding="utf-8", newline="") as f:
            f.write(text)
        return self.path(name)

    def import_csv(self, name, rows):
        csv = self.write_csv(name + ".csv", rows)
        self.run(["gn-fromcsv"] + self.csv_options + [csv], self.path(name + ".gn"))
        return csv, self.path(name + ".gn")

    def tables(self, args, inputs, tag):
        """All five tables of one run of gn-dau, decoded and validated, or None on overflow."""
        kinds = ["day", "week", "month", "rolling", "stickiness"]
        first = self.rng.choice(kinds)
        files = {k: self.path("%s.%s.gn" % (tag, k)) for k in kinds}
        argv = ["gn-dau", "--by", first] + args
        for k in kinds:
            if k != first:
                argv += ["--also", "%s=%s" % (k, files[k])]
        p = self.run(argv + inputs, files[first], want=None)
        if p.returncode:
            left = [k for k in kinds if k != first and os.path.exists(files[k])]
            if left:
                raise Difference("failed with %d but left %s" % (p.returncode, left))
            if p.returncode == 3 and (b"overflow" in p.stderr or b"64" in p.stderr):
                return None
            raise Difference("status %d: %s" % (p.returncode, p.stderr.decode()))
        out = {}
        for k in kinds:
            out[k] = self.decode(files[k])
            os.unlink(files[k])
        return out

    def in_order(self, path, tag):
        """The stream ordered by user (and time, where that is needed), in parts: operands."""
        user = self.fields.get("--user", "user_id")
        time = [self.fields.get("--time", "timestamp")] if self.back or self.rng.random() < 0.5 else []
        with open(path, "rb") as f:
            streams = ordered.ordered(f.read(), [user] + time, self.rng.choice([1, 1, 2, 5]))
        if self.rng.random() < 0.6:
            streams = [b"".join(streams)]
        out = []
        for i, s in enumerate(streams):
            out.append(self.path("%s.order%d.gn" % (tag, i)))
            with open(out[-1], "wb") as f:
                f.write(s)
        return out

    def decode(self, path):
        with open(path, "rb") as f:
            segments = gnstream.parse(f.read())
        if len(segments) != 1:
            raise Difference("%s holds %d segments" % (path, len(segments)))
        return segments[0]

    def compare(self, kind, names, rows, seg):
        types = dict(TYPES)
        for n in names:
            if n.startswith("total_"):
                types[n] = "int"
            elif n.startswith("avg_"):
                types[n] = "float"
        want = [[n, types[n]] for n in names]
        if seg.fields != want:
            raise Difference("%s: fields\n  %s, not\n  %s" % (kind, seg.fields, want))
        got = [tuple(gnstream.show(v, f[1]) for v, f in zip(r, seg.fields)) for r in seg.records]
        for i, (a, b) in enumerate(zip(rows, got)):
            if a != b or [type(x) for x in a] != [type(x) for x in b]:
                raise Difference("%s, row %d:\n  gn   %s\n  want %s" % (
                    kind, i, dict(zip(names, b)), dict(zip(names, a))))
        if len(rows) != len(got):
            raise Difference("%s: %d rows, not %d; the last %s" % (
                kind, len(got), len(rows), (got or rows)[-1]))
        keys = [r[0] for r in got]
        if keys != sorted(set(keys)):
            raise Difference("%s: not in key order" % kind)

    def check_tables(self, csvs, args, inputs, window, tag):
        oracle = dau_oracle.Oracle(csvs, **self.oracle_options, **window[1])
        if oracle.hi - oracle.lo > 15000:  # right, but slow to compare
            return
        results = [self.tables(args + window[0], self.in_order(inputs[0], tag), tag + "o")
                   ] if "--merge" not in args else []
        if not self.back:
            results.append(self.tables(args + window[0], inputs, tag))
        if not self.back and "--merge" not in args:
            results.append(self.tables(args + window[0] + ["--approx"], inputs, tag + "a"))
        try:
            want = {k: oracle.table(k) for k in ("day", "week", "month", "rolling", "stickiness")}
        except dau_oracle.Overflow:
            if results.count(None) < len(results):
                raise Difference("a total beyond 64 bits was not refused") from None
            return
        if None in results:
            raise Difference("overflow reported where there is none")
        for got in results:
            for kind, (names, rows) in want.items():
                self.compare(kind, names, rows, got[kind])

    def check_partial(self, seg, oracle):
        """The roll-up itself, field by field."""
        names = seg.names()
        if names[:4] != [self.fields.get("--user", "user_id"), "date", "events", "interactions"]:
            raise Difference("partial: fields %s" % seg.fields)
        if ("touches" in names) != self.span:
            raise Difference("partial: fields %s" % seg.fields)
        rows = oracle.table("userdays")[1]
        got = []
        for r in seg.records:
            n = 4 + self.span
            total = int.from_bytes(r[n], "big", signed=True) if len(r) > n else 0
            got.append((r[0], gnstream.date_text(r[1]), r[2], r[3], r[4] if self.span else 0, total))
        if got != rows:
            for a, b in zip(rows, got):
                if a != b:
                    raise Difference("partial: %s, not %s" % (b, a))
            raise Difference("partial: %d user-days, not %d" % (len(got), len(rows)))

    def merge_tree(self, level, options):
        """Merge states along a random tree; the last one."""
        level, step = list(level), 0
        while len(level) > 1:
            self.rng.shuffle(level)
            take = self.rng.randrange(2, min(4, len(level)) + 1)
            target = self.path("merge%d.gn" % step)
            step += 1
            self.run(["gn-dau", "--merge", "--partial"] + options + level[:take], target)
            level = level[take:] + [target]
        return level[0]

    def check_merged(self, one, streams, options):
        """States of the streams, merged, are the state of the whole. All states, and the last."""
        leaves = []
        for stream in streams:
            leaves.append(stream[:-3] + ".partial.gn")
            self.run(["gn-dau", "--partial"] + options + [stream], leaves[-1])
        last = self.merge_tree(leaves, options)
        merged = self.decode(last)
        if merged.raw != one.raw or merged.fields != one.fields:
            raise Difference("merged partials differ from the partial of the whole")
        return leaves, last

    def check_splits(self, whole):
        rng = self.rng
        csv, stream = whole
        one = {}
        for approx in ((), ("--approx",)):
            path = self.path("one.gn")
            self.run(["gn-dau", "--partial", *approx] + self.options + [stream], path)
            one[approx] = self.decode(path)
        self.check_partial(one[()], dau_oracle.Oracle([csv], **self.oracle_options))
        k = rng.choice([1, 2, 3, 5, 9])
        parts = [[] for _ in range(k)]
        by_rows = rng.random() < 0.5
        for i, r in enumerate(self.rows):
            parts[i * k // len(self.rows) if by_rows else rng.randrange(k)].append(r)
        seen, streams = set(), []
        for i, rows in enumerate(parts):
            csv, stream = self.import_csv("part%d" % i, rows)
            with open(csv, "rb") as f:
                content = f.read()
            # Two files of the same bytes are the same source: refused, and rightly.
            if content in seen:
                if rows:
                    return
                continue
            seen.add(content)
            streams.append(stream)
        for approx in rng.sample([(), ("--approx",)], 2):  # the tables are made of the last
            args = self.options + list(approx)
            leaves, last = self.check_merged(one[approx], streams, args)
        window = rng.choice(self.windows())
        inputs = [last] if rng.random() < 0.5 else leaves
        if rng.random() < 0.3:
            joined = self.path("joined.gn")
            with open(joined, "wb") as out:
                for p in inputs:
                    with open(p, "rb") as f:
                        out.write(f.read())
            inputs = [joined]
        self.check_tables([self.path("whole.csv")], ["--merge"] + args, inputs, window, "merged")

    def check(self, partials):
        whole = self.import_csv("whole", self.rows)
        for i, window in enumerate(self.windows()):
            self.check_tables([whole[0]], self.options, [whole[1]], window, "w%d" % i)
        if partials and not self.back:
            self.check_splits(whole)


def main(argv):
    bin_dir = os.environ.get("GN_BIN", "bin")
    keep, limit, partials, seeds, i = None, 400, True, [], 0
    while i < len(argv):
        if argv[i] in ("--bin", "--keep", "--rows"):
            value = argv[i + 1]
            if argv[i] == "--bin":
                bin_dir = value
            elif argv[i] == "--keep":
                keep = value
            else:
                limit = int(value)
            i += 1
        elif argv[i] == "--no-partials":
            partials = False
        elif argv[i].startswith("--"):
            sys.exit(__doc__)
        elif "-" in argv[i]:
            a, b = argv[i].split("-")
            seeds += range(int(a), int(b) + 1)
        else:
            seeds.append(int(argv[i]))
        i += 1
    if not seeds:
        sys.exit(__doc__)
    bad = 0
    for seed in seeds:
        with tempfile.TemporaryDirectory() as work:
            case = None
            if keep:
                work = os.path.join(keep, str(seed))
                os.makedirs(work, exist_ok=True)
            try:
                case = Case(seed, os.path.abspath(bin_dir), work, limit)
                case.check(partials)
            except (Difference, gnstream.Invalid, gnstream.Failed,
                    subprocess.TimeoutExpired) as e:
                print("seed %d: %s" % (seed, e))
                for line in case.log[-3:] if not keep else case.log:
                    print("  " + line)
                bad += 1
                if bad == 5:
                    break
    print("%d seeds, %d differ" % (len(seeds), bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
