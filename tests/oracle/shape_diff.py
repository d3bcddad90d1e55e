#!/usr/bin/python3
"""shape_diff.py - gn-where and gn-select against sqlite3 and Python, on random records.

    shape_diff.py where|select SEED DIR

Writes a stream of several segments with different schemas to DIR, runs the command on it, and
compares records, bytes, order and schemas. What sqlite3 has no name for (zones, weeks, rounding)
comes from Python's own libraries. Exit 1 with the first difference.
"""
import datetime
import math
import os
import random
import sqlite3
import subprocess
import sys
import zoneinfo

import gnstream

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)
FIELDS = [("s", "str"), ("n", "int"), ("t", "time"), ("f", "float"), ("d", "date"), ("b", "bool"),
          ("m", "int"), ("x", "bin"), ("v", "str")]
ORDERS = ["sntfdbmxv", "vxmbdftns", "tnsvfdbmx"]  # fields of the three segments
rnd = random.Random(int(sys.argv[2]))
zone = "UTC"


def value(kind):
    if rnd.random() < 0.15:
        return None
    if kind == "s":
        return rnd.choice(["", "a", "bot1", "bot", "ab", "\u00e9t\u00e9", "x" * 31, "y" * 32, "z" * 300,
                           "q" * 70, "u%06d" % rnd.randrange(50)])
    if kind == "v":
        return rnd.choice(["5.7.3", "12.0.1", "5.10", "7", "beta", "6.1.2-rc1"])
    if kind in "nm":
        return rnd.choice([0, 1, -1, 127, 128, -33, 65536, 2**31, 2**63 - 1, -2**63,
                           rnd.randrange(-1000, 1000), rnd.randrange(300000)])
    if kind == "t":  # years that datetime has, before 1970 too, and the hours around changes
        return rnd.choice([rnd.randrange(-10**15, 4 * 10**15), -1, 0, 1, 1688221815000000,
                           1679792399999999, 1679792400000000, 1698541200000000,
                           rnd.randrange(1672531200, 1704067200) * 1000000])
    if kind == "d":
        return rnd.choice([0, -1, 19539, rnd.randrange(-5000, 40000)])
    if kind == "f":
        return rnd.choice([0.0, 0.5, -2.5, 1e300, -1e-300, 0.125, rnd.uniform(-1000, 1000)])
    if kind == "b":
        return rnd.random() < 0.5
    return bytes(rnd.randrange(256) for _ in range(rnd.randrange(5)))


def wall(us):
    t = (EPOCH + datetime.timedelta(microseconds=us)).replace(tzinfo=UTC)
    return t.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)


def day_of(us):
    return (wall(us).date() - EPOCH.date()).days


def civil(day):
    return EPOCH.date() + datetime.timedelta(days=day)


def time_text(us):
    t = wall(us)
    text = t.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")
    return text + ((".%06d" % t.microsecond).rstrip("0") if t.microsecond else "")


def number(v, which):
    parts = []
    for p in v.replace("-", ".").split("."):
        if not (p.isascii() and p.isdigit()):
            break
        parts.append(int(p))
    return parts[which] if which < len(parts) else None


def fits(v):
    return v if -2**63 <= v < 2**63 else None


def strict(f):  # null where an argument is
    return lambda *a: None if None in a else f(*a)


FUNCTIONS = {
    "day_": strict(day_of), "hour_": strict(lambda us: wall(us).hour),
    "week_": strict(lambda us: day_of(us) - civil(day_of(us)).weekday()),
    "weekday_": strict(lambda d: civil(d).isoweekday()), "year_": strict(lambda d: civil(d).year),
    "month_": strict(lambda us: "%04d-%02d" % wall(us).timetuple()[:2]),
    "number_": strict(number),
}

CONDITIONS = [  # gn, sqlite3
    ("n > 100", "n > 100"),
    ("n > 100 and f < 1 or b", "n > 100 and f < 1 or b"),
    ("not (n > m)", "not (n > m)"),
    ("n is null or f is not null", "n is null or f is not null"),
    ("s like 'bot%'", "s like 'bot%'"),
    ("s not like 'bot%' and v <> '7'", "s not like 'bot%' and v <> '7'"),
    ("s in ('a', 'ab', null)", "s in ('a', 'ab', null)"),
    ("n not in (0, 1, null)", "n not in (0, 1, null)"),
    ("n between -10 and 65536", "n between -10 and 65536"),
    ("date(t) = d", "day_(t) = d"),
    ("hour(t) between 6 and 12", "hour_(t) between 6 and 12"),
    ("week(t) >= 2023-03-20", "week_(t) >= 19436"),
    ("weekday(t) = 7 or weekday(d) < 3", "weekday_(day_(t)) = 7 or weekday_(d) < 3"),
    ("month(t) = '2023-10'", "month_(t) = '2023-10'"),
    ("year(d) % 4 = 0", "year_(d) % 4 = 0"),
    ("t >= 2023-07-01T14:30:15Z", "t >= 1688221815000000"),
    ("major(v) = 5 and coalesce(minor(v), 0) >= 7", "number_(v, 0) = 5 and coalesce(number_(v, 1), 0) >= 7"),
    ("len(s) > 2 and concat(s, v) > 'b'", "length(s) > 2 and s || v > 'b'"),
    ("if(b, n, m) < 0", "iif(b, n, m) < 0"),
    ("least(n, m) < 5 and greatest(n, m) > 5", "min(n, m) < 5 and max(n, m) > 5"),
    ("true", "1"), ("false", "0"), ("null", "null"),
]

SELECTS = [  # list of gn; name, type, function of the record (None: the field as it is)
    ("n", [("n", None, "n")]),
    ("s, t, n", [("s", None, "s"), ("t", None, "t"), ("n", None, "n")]),
    ("*", "*"),
    ("*, day = date(t)", "*" , ("day", "date", strict(lambda t: day_of(t)), "t")),
    ("half = n / 2, *", ("half", "float", strict(lambda n: n / 2), "n"), "*"),
    ("user = s, `a b` = t, again = s", [("user", None, "s"), ("a b", None, "t"), ("again", None, "s")]),
    ("w = week(t), h = hour(t), k = str(t), x",
     ("w", "date", strict(lambda t: day_of(t) - civil(day_of(t)).weekday()), "t"),
     ("h", "int", strict(lambda t: wall(t).hour), "t"), ("k", "str", strict(time_text), "t"),
     [("x", None, "x")]),
    ("big = n + m, s = substr(s, 2, 30), same = n = m, y = coalesce(x, x)",
     ("big", "int", strict(lambda n, m: fits(n + m)), "n", "m"),
     ("s", "str", strict(lambda s: s[1:31]), "s"), ("same", "bool", strict(lambda n, m: n == m), "n", "m"),
     ("y", "bin", lambda x: x, "x")),
    ("r = concat(major(v), '.', minor(v)), v, one = 1, none = null, up = round(f)",
     ("r", "str", strict(lambda v: None if number(v, 1) is None else "%d.%d" % (number(v, 0), number(v, 1))), "v"),
     [("v", None, "v")], ("one", "int", lambda: 1), ("none", "bool", lambda: None),
     ("up", "int", strict(lambda f: fits(int(math.copysign(math.floor(abs(f) + 0.5), f)))), "f")),
    ("moved = t + n, f = if(f > 0, f, -1), b",
     ("moved", "time", strict(lambda t, n: t + n * 1000
                              if -62135596800000000 <= t + n * 1000 < 253402300800000000 else None), "t", "n"),
     ("f", "float", lambda f: f if f is not None and f > 0 else -1.0, "f"), [("b", None, "b")]),
]


def make(path):
    with open(path, "wb") as f:
        for k, names in enumerate(ORDERS):
            fields = [next(x for x in FIELDS if x[0] == c) for c in names]
            count = [rnd.randrange(3000), rnd.choice([0, 1, 1025]), rnd.randrange(200)][k]
            f.write(gnstream.build(fields, [[value(c) for c in names] for _ in range(count)]))


def run(*args):
    p = subprocess.run(args, stdout=subprocess.PIPE, check=True)
    return gnstream.parse(p.stdout)


def fail(*what):
    print(*what, file=sys.stderr)
    sys.exit(1)


def check_where(path):
    segments = gnstream.parse(open(path, "rb").read())
    other = path + ".else"
    for gn, sql in CONDITIONS:
        got = run("gn-where", "--tz", zone, "--else", other, gn, path)
        rest = gnstream.parse(open(other, "rb").read())
        if len(got) != len(segments) or len(rest) != len(segments):
            fail(gn, "segments", len(got), len(rest))
        for want, kept, left in zip(segments, got, rest):
            db = sqlite3.connect(":memory:")
            db.execute("pragma case_sensitive_like = on")
            for name, f in FUNCTIONS.items():
                db.create_function(name, -1, f)
            names = want.names()
            db.execute("create table r (%s)" % ", ".join(names))
            db.executemany("insert into r values (%s)" % ", ".join("?" * len(names)), want.records)
            truth = [v[0] for v in db.execute("select %s from r order by rowid" % sql)]
            if [r for r, v in zip(want.raw, truth) if v] != kept.raw:
                fail(gn, zone, "keeps other records")
            if [r for r, v in zip(want.raw, truth) if not v] != left.raw:
                fail(gn, zone, "leaves other records")
            if kept.fields != want.fields or left.fields != want.fields:
                fail(gn, "other fields")
        inverted = run("gn-where", "--tz", zone, "--invert", "--else", other, gn, path)
        if [s.raw for s in inverted] != [s.raw for s in rest]:
            fail(gn, "--invert is not what --else has")
        if [s.raw for s in gnstream.parse(open(other, "rb").read())] != [s.raw for s in got]:
            fail(gn, "--invert --else is not what was kept")


def columns(parts, names, kinds):
    """name, type, function, arguments"""
    for p in parts:
        if p == "*":
            yield from ((c, kinds[c], lambda v: v, [c]) for c in names)
        elif isinstance(p, list):
            yield from ((new, kinds[c], lambda v: v, [c]) for new, _, c in p)
        else:
            yield p[0], p[1], p[2], list(p[3:])


def check_select(path):
    kinds = dict(FIELDS)
    for text, *parts in SELECTS:
        got = run("gn-select", "--tz", zone, text, path)
        segments = gnstream.parse(open(path, "rb").read())
        if len(got) != len(segments):
            fail(text, "segments", len(got))
        for want, have in zip(segments, got):
            names = want.names()
            cols = list(columns(parts, names, kinds))
            if [list(f) for f in have.fields] != [[c[0], c[1]] for c in cols]:
                fail(text, "fields", have.fields)
            at = {c: i for i, c in enumerate(names)}
            records = [[f(*(r[at[a]] for a in args)) for _, _, f, args in cols] for r in want.records]
            # the bytes, which tell -0 from 0 and 1 from true
            again = gnstream.parse(gnstream.build([(c[0], c[1]) for c in cols], records))[0]
            for a, b, r in zip(again.raw, have.raw, want.records):
                if a != b:
                    fail(text, zone, r, "wanted", a, "got", b)
            if len(again.raw) != len(have.raw):
                fail(text, "records", len(have.raw))
    left_out = run("gn-select", "-x", "n,x", path)
    if [s.names() for s in left_out] != [[c for c in names if c not in "nx"] for names in ORDERS]:
        fail("-x", [s.names() for s in left_out])


path = os.path.join(sys.argv[3], "in.gn")
for zone in ("UTC", "America/New_York", "Asia/Kathmandu"):
    make(path)
    {"where": check_where, "select": check_select}[sys.argv[1]](path)
