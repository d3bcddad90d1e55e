#!/usr/bin/python3
"""join_diff.py - gn-join against SQLite, on random records.

    join_diff.py SEED ROUNDS [ROWS [BYTES [OPTION...]]]

Each round makes two tables of up to ROWS rows (default 300; with BYTES the right ones have a text of
about so many bytes): one to three key fields of random types, few values of them so that keys repeat,
often one of them owning most rows, nulls, fields of the same name on both sides. SQLite says which rows are
partners, by SPEC.md's rules; gn-join must write exactly those records for every type, every
--right-dup and every strategy, and count them. Keys go into SQLite as their canonical bytes. Options
go to gn-join. Exit 1 with what differs.
"""
import collections
import json
import random
import sqlite3
import sys

import gnstream
from sort_diff import cut, encoded, run, write

TYPES = ("left", "inner", "right", "full", "semi", "anti")
DUPS = ("error", "first", "last", "all")
VALUES = {
    "str": ["", "a", "b", "u1", "u000001", "u10", "\u00e9", "x" * 40, "y" * 300],
    "int": [0, 1, -1, 127, 128, 255, 65536, -(1 << 63), (1 << 63) - 1],
    "float": [0.0, 1.0, -1.5, 1e308, 5e-324],
    "bool": [False, True],
    "time": [0, 1, 10**15, -10**6, 1672531200 * 10**6],
    "date": [0, 19000, -719162, 2932896],
    "bin": [b"", b"\0", b"\0\0", b"\xff"],
}


def pool(r, kind, wide):
    """Values; the first is the one that owns most rows."""
    values = list(VALUES[kind])
    if wide and kind == "str":
        values += ["u%06d" % i for i in range(wide)]
    if wide and kind == "int":
        values += list(range(1000, 1000 + wide))
    r.shuffle(values)
    return values


def column(r, values, n, nulls, skew):
    return [None if r.random() < nulls else values[0] if r.random() < skew else r.choice(values)
            for _ in range(n)]


class Side:
    """Fields, rows; which columns are the key."""

    def __init__(self, r, names, kinds, pools, extra, n, skew, pad):
        nulls = r.choice([0, 0.05, 0.5])
        self.fields = list(zip(names, kinds)) + extra
        self.cols = [column(r, p, n, nulls, skew) for p in pools]
        self.cols += [column(r, pool(r, k, 0), n, 0.1, 0.3) for _, k in extra]
        if pad:
            self.fields.append(("pad", "str"))
            self.cols.append(["p" * r.randint(pad // 2, pad) for _ in range(n)])
        at = list(range(len(self.fields)))
        r.shuffle(at)
        self.fields = [self.fields[i] for i in at]
        self.rows = list(zip(*[self.cols[i] for i in at])) if n else []
        self.key = [at.index(i) for i in range(len(names))]

    def key_bytes(self, row):
        """None where any is null: such a key finds nothing."""
        if any(row[k] is None for k in self.key):
            return None
        return encoded([self.fields[k] for k in self.key], [row[k] for k in self.key])


def comparable(v, kind):
    return v.encode() if kind == "str" and v is not None else v


def database(left, right, order):
    """l(id, k), r(id, k, o0, o1, ..., raw)"""
    db = sqlite3.connect(":memory:")
    o = "".join(", o%d" % i for i in range(len(order)))
    db.execute("create table l(id integer primary key, k blob)")
    db.execute("create table r(id integer primary key, k blob%s, raw blob)" % o)
    db.executemany("insert into l values (?, ?)",
                   [(i, left.key_bytes(row)) for i, row in enumerate(left.rows)])
    db.executemany("insert into r values (?, ?%s, ?)" % (", ?" * len(order)),
                   [(i, right.key_bytes(row)) +
                    tuple(comparable(row[c], right.fields[c][1]) for c, _ in order) +
                    (encoded(right.fields, row),) for i, row in enumerate(right.rows)])
    db.execute("create index lk on l(k)")
    return db


def choose_right(db, dup, order, semi):
    """Table d: the right rows that may be partners. How many are dropped; None: an error."""
    db.execute("drop table if exists d")
    again = "select count(*) from (select 1 from r where k is not null group by k having count(*) > 1)"
    if dup == "error" and not semi and db.execute(again).fetchone()[0]:
        return None
    if dup == "all" and not semi:
        db.execute("create table d as select id, k from r")
    else:
        last = dup == "last"
        by = "".join("o%d is null, o%d %s, " % (i, i, "desc" if desc != last else "asc")
                     for i, (_, desc) in enumerate(order))
        db.execute("""create table d as select id, k from (select id, k, row_number() over (
                      partition by k order by %s raw %s) as n from r) where n = 1 or k is null"""
                   % (by, "desc" if last else "asc"))
    db.execute("create index dk on d(k)")
    return db.execute("select (select count(*) from r) - (select count(*) from d)").fetchone()[0]


def partners(db, kind):
    """[(left id or None, right id or None)] and the counters."""
    pairs = db.execute("select l.id, d.id from l join d on l.k = d.k").fetchall()
    lonely_l = db.execute("select id, k is null from l where not exists"
                          " (select 1 from d where d.k = l.k)").fetchall()
    lonely_r = db.execute("select id, k is null from d where not exists"
                          " (select 1 from l where d.k = l.k)").fetchall()
    n_l, n_r = (db.execute("select count(*) from " + t).fetchone()[0] for t in "ld")
    counters = {"left_matched": n_l - len(lonely_l), "right_matched": n_r - len(lonely_r),
                "left_null_keys": sum(z for _, z in lonely_l),
                "right_null_keys": sum(z for _, z in lonely_r)}
    counters["left_unmatched"] = len(lonely_l) - counters["left_null_keys"]
    counters["right_unmatched"] = len(lonely_r) - counters["right_null_keys"]
    if kind == "semi":
        return [(i, "semi") for i in sorted({i for i, _ in pairs})], counters
    out = [] if kind == "anti" else pairs
    if kind in ("left", "full", "anti"):
        out += [(i, None) for i, _ in lonely_l]
    if kind in ("right", "full"):
        out += [(None, i) for i, _ in lonely_r]
    return out, counters


def columns(left, right, kind, picked, suffix, mark):
    """[(name, kind, side, column)] of the output."""
    names = [f[0] for f in left.fields]
    out = [(n, k, "l", i) for i, (n, k) in enumerate(left.fields)]
    if kind not in ("semi", "anti"):
        for i in picked:
            n, k = right.fields[i]
            if i not in right.key:
                out.append((n + suffix if n in names else n, k, "r", i))
    if mark:
        out.append((mark, "str", "m", 0))
    return out


def record(left, right, cols, pair):
    l, r = pair
    row = []
    for _, _, side, i in cols:
        if side == "m":
            row.append("both" if None not in pair else "left" if r is None else "right")
        elif side == "l" and l is not None:
            row.append(left.rows[l][i])
        elif side == "l" and i in left.key:
            row.append(right.rows[r][right.key[left.key.index(i)]])
        elif side == "r" and r not in (None, "semi"):
            row.append(right.rows[r][i])
        else:
            row.append(None)
    return encoded([c[:2] for c in cols], row)


def put(r, name, side, order):
    """The side as a stream of some segments; with `order` ([(column, desc)]) sorted, and it says so."""
    rows, header = list(side.rows), {}
    if order:
        for c, desc in reversed(order):
            some = [x for x in rows if x[c] is not None]
            some.sort(key=lambda x: comparable(x[c], side.fields[c][1]), reverse=desc)
            rows = some + [x for x in rows if x[c] is None]
        header = {"order": [[side.fields[c][0], "desc" if d else "asc"] for c, d in order]}
    else:
        r.shuffle(rows)
    parts = cut(r, rows, r.choice([1, 1, 2, 4]))
    return write(name, b"".join(gnstream.build(side.fields, p, header) for p in parts))


def make(r, rows, pad):
    nkeys = r.choice([1, 1, 2, 3])
    kinds = [r.choice(list(VALUES)) for _ in range(nkeys)]
    wide = r.choice([0, 5, rows])
    other = [r.random() < 0.3 for _ in range(nkeys)]
    lnames = ["k%d" % i for i in range(nkeys)]
    rnames = ["K%d" % i if o else n for i, (n, o) in enumerate(zip(lnames, other))]
    pools = [pool(r, k, wide) for k in kinds]
    def kind():
        return r.choice(list(VALUES))
    lextra = [("a", kind()), ("both", kind())][:r.randint(0, 2)]
    rextra = [("b", kind()), ("both", kind()), ("c", "int")][:r.randint(0, 3)]
    skews = [r.choice([0, 0, 0.5, 0.9]) for _ in range(2)]
    sizes = [r.choice([0, 1, 10, rows, rows, r.randint(0, rows)]) for _ in range(2)]
    if pad: # few left rows: with --right-dup all each comes out with thousands of right ones
        sizes, skews = [8, rows], [0.3, r.choice([0, 0.5, 0.95])]
    left = Side(r, lnames, kinds, pools, lextra, sizes[0], skews[0], 0)
    right = Side(r, rnames, kinds, pools, rextra, sizes[1], skews[1], pad)
    key = ",".join(n if n == m else "%s=%s" % (n, m) for n, m in zip(lnames, rnames))
    return left, right, key


def claimed(got, how, kind, left, order):
    """What the output may claim: gnstream has checked that it holds."""
    claims = [s.header.get("order") for s in got]
    want = None
    if how == "merge" or (how == "broadcast" and kind not in ("right", "full")):
        want = [[left.fields[c][0], "desc" if d else "asc"] for c, d in order] if order else None
        if want and kind in ("right", "full"):
            want = want[:len(left.key)]
    return [c for c in claims if c != want]


def check(argv, got, want, cols, words, counters, counted):
    raw = collections.Counter(x for s in got for x in s.raw)
    assert raw == want, "%s: %d records, wanted %d; too many %r, missing %r" % (
        argv, sum(raw.values()), sum(want.values()), list((raw - want).items())[:3],
        list((want - raw).items())[:3])
    for s in got:
        assert [tuple(f) for f in s.fields] == [c[:2] for c in cols], (argv, s.fields)
    for name, n in counted.items():
        assert counters[name] == n, "%s: %s is %d, not %d" % (argv, name, counters[name], n)


def one_round(r, rows, pad, options):
    left, right, key = make(r, rows, pad)
    kinds = TYPES if not pad else r.sample(TYPES[:4], 2)
    perm = list(range(len(left.key)))
    r.shuffle(perm)
    descs = [r.random() < 0.4 for _ in perm]
    rest = [c for c in range(len(left.fields)) if c not in left.key]
    lorder = [(left.key[i], d) for i, d in zip(perm, descs)] + [(c, r.random() < 0.5) for c in rest[:1]]
    rorder = [(right.key[i], d) for i, d in zip(perm, descs)]
    put(r, "l.gn", left, None)
    put(r, "r.gn", right, None)
    put(r, "ls.gn", left, lorder)
    put(r, "rs.gn", right, rorder)
    seen = set()
    for kind in kinds:
        semi = kind in ("semi", "anti")
        for dup in ("error",) if semi else DUPS if not pad else ("last", "all"):
            order = []
            if dup in ("first", "last") and r.random() < 0.7:
                order = [(c, r.random() < 0.5)
                         for c in r.sample(range(len(right.fields)), r.randint(1, 2 if len(right.fields) > 1 else 1))]
            db = database(left, right, order)
            dropped = choose_right(db, dup, order, semi)
            picked = list(range(len(right.fields)))
            args = ["-k", key, "--type", kind]
            if not semi:
                args += ["--suffix", "_r", "--right-dup", dup]
                if r.random() < 0.4:
                    picked = r.sample(picked, r.randint(1, len(picked)))
                    args += ["--right-fields", ",".join(right.fields[i][0] for i in picked)]
            if order:
                args += ["--right-order", ",".join(
                    right.fields[c][0] + (":desc" if d else "") for c, d in order)]
            mark = r.choice([None, "side"])
            if mark:
                args += ["--mark", mark]
            cols = columns(left, right, kind, picked, "_r", mark)
            if r.random() < 0.3:
                cols = r.sample(cols, r.randint(1, len(cols)))
                args += ["-f", ",".join(c[0] for c in cols)]
            if dropped is not None:
                pairs, counted = partners(db, kind)
                counted["right_dropped"] = dropped
                want = collections.Counter(record(left, right, cols, p) for p in pairs)
            for how, files in (("auto", ["l.gn", "r.gn"]), ("broadcast", ["ls.gn", "r.gn"]),
                               ("merge", ["ls.gn", "rs.gn"]), ("grace", ["l.gn", "rs.gn"])):
                if pad and how in ("broadcast", "grace"):
                    continue
                argv = ["gn-join", "--strategy", how, "--stats=st"] + args + options + files
                if dropped is None:
                    run(argv, 3)
                    continue
                got = gnstream.parse(run(argv))
                with open("st", encoding="utf-8") as f:
                    o = json.load(f)
                words = o["words"]
                assert how == "auto" or words["strategy"] == how, (argv, words)
                seen.add(words["strategy"])
                check(argv, got, want, cols, words, o["counters"], counted)
                assert o["records_in"] == len(left.rows) + len(right.rows), (argv, o)
                if "-f" not in args:
                    sorted_left = lorder if files[0] == "ls.gn" else []
                    wrong = claimed(got, words["strategy"], kind, left, sorted_left)
                    assert not wrong, (argv, wrong)
    return seen


def main(argv):
    seed, rounds = int(argv[0]), int(argv[1])
    rows = int(argv[2]) if argv[2:] else 300
    pad = int(argv[3]) if argv[3:] else 0
    for i in range(rounds):
        r = random.Random(seed * 1000003 + i)
        try:
            seen = one_round(r, rows, pad, argv[4:])
            assert not pad or "grace" in seen, "nothing was spilled"
        except (AssertionError, gnstream.Invalid) as e:
            print("round %d of seed %d: %s" % (i, seed, e), file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
