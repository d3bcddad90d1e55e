#!/usr/bin/python3
"""skew_diff.py - gn-hotkeys, gn-salt and gn-partition --salt against Python, on random skewed records.

    skew_diff.py SEED ROUNDS

Each round makes records as sort_diff.py does and gives them keys of which few own most records. Then
it compares with what Python makes of it: the hot keys by either rule, from files and from a pipe; the
salts, the exploded side, the parts that salted records go to, and parts of parts; and joins of every
type, where the salted sides must give what the plain ones do, which for right and full joins takes
gn-salt --collapse. Exit 1 with what differs.
"""
import functools
import random
import subprocess
import sys
from fractions import Fraction

import xxhash

import gnstream
from sort_diff import cut, encoded, key_cmp, run, table, write


def skewed(r, most):
    """Fields, which of them are the key, records with their bytes."""
    fields, rows = table(r, most, 0)
    cols = r.sample(range(len(fields)), r.randint(1, min(2, len(fields))))
    pool = [[row[c] for c in cols] for row in rows[:r.choice([1, 3, 40])]]
    share = r.choice([0, 0.3, 0.9, 1])
    out = []
    for row in rows:
        if pool and r.random() < share:
            row = list(row)
            for c, v in zip(cols, pool[min(int(r.expovariate(1)), len(pool) - 1)]):
                row[c] = v
        out.append(tuple(row))
    return fields, cols, [(row, encoded(fields, row)) for row in out]


def key_of(row, cols):
    return tuple((type(row[c]), row[c]) for c in cols)


def store(r, fields, items, name):
    parts = cut(r, [row for row, _ in items], r.randint(1, 3))
    write(name + "1.gn", b"".join(gnstream.build(fields, p) for p in parts[:-1] or parts))
    files = [name + "1.gn"]
    if len(parts) > 1:
        files.append(write(name + "2.gn", gnstream.build(fields, parts[-1])))
    return files


def only(data):
    segments = gnstream.parse(data)
    assert len(segments) == 1, "%d segments" % len(segments)
    return segments[0]


def quantile(counts, p):
    at = p * (len(counts) - 1)
    i = int(at)
    v = counts[i]
    return v + (at - i) * (counts[min(i + 1, len(counts) - 1)] - v)


def is_hot(rule, counts, target, least):
    """By the specification: of a key's (count, bytes)."""
    if rule == "share":
        return lambda n, b: 2 * b > target and n >= least
    ordered = sorted(n for n, _ in counts.values())
    p99 = quantile(ordered, Fraction(99, 100)) if ordered else 0
    median = quantile(ordered, Fraction(1, 2)) if ordered else 0
    return lambda n, b: n > p99 and n >= 5 * median and n >= least


def hotkeys(r, fields, cols, items, files):
    counts = {}
    total = sum(len(raw) for _, raw in items)
    for row, raw in items:
        n, b = counts.get(key_of(row, cols), (0, 0))
        counts[key_of(row, cols)] = n + 1, b + len(raw)
    target = r.choice([1, 2, 64, 1000, max(1, total // 3), max(1, total), 1 << 30])
    rule, least = r.choice(["share", "quantile"]), r.choice([1, 1, 2, 20])
    hot = is_hot(rule, counts, target, least)
    want = [tuple(v for _, v in k) + (n, b, b / total, min(65536, max(2, -(-b // target))))
            for k, (n, b) in counts.items() if hot(n, b)]
    order = [(i, False) for i in range(len(cols))]
    want.sort(key=functools.cmp_to_key(lambda x, y: key_cmp(order, x, y)))
    args = ["gn-hotkeys", "-k", ",".join(fields[c][0] for c in cols), "--rule", rule,
            "--target-size", str(target), "--min-count", str(least)]
    if rule == "quantile" and r.random() < 0.5:
        args.append("--exact")
    data = run(args + files)
    got = only(data)
    assert got.records == want, (args, got.records, want)
    assert got.header["order"] == [[fields[c][0], "asc"] for c in cols] and got.header["total"]
    with subprocess.Popen(["cat"] + files, stdout=subprocess.PIPE) as cat:
        piped = only(subprocess.run(args, stdin=cat.stdout, capture_output=True, check=True).stdout)
    assert piped.raw == got.raw, args
    return len(want)


def choose_hot(r, fields, cols, items):
    """A list of hot keys, as gn-hotkeys could have written it, with factors."""
    keys = sorted({key_of(row, cols) for row, _ in items}, key=repr)
    hot = {k: r.choice([2, 3, 7, 200]) for k in r.sample(keys, r.randint(0, min(len(keys), 5)))}
    listed = [(fields[c][0], fields[c][1]) for c in cols] + [("factor", "int")]
    write("hot.gn", gnstream.build(listed, [tuple(v for _, v in k) + (f,) for k, f in hot.items()]))
    return hot


def salted(cols, items, hot):
    return [row + (xxhash.xxh3_64_intdigest(raw) % hot.get(key_of(row, cols), 1),)
            for row, raw in items]


def exploded(cols, items, hot):
    return [row + (s,) for row, _ in items for s in range(hot.get(key_of(row, cols), 1))]


def salt(r, fields, cols, items, hot, files, key):
    args = ["gn-salt", "-k", key, "--hot", "hot.gn"]
    if hot and r.random() < 0.3:
        n = r.choice([2, 9, 65536])
        hot = {k: min(n, 9) for k in hot}
        args += ["--factor", str(min(n, 9))]
    more = fields + [("salt", "int")]
    for option, rows in ([], salted(cols, items, hot)), (["--explode"], exploded(cols, items, hot)):
        data = run(args + option + files)
        got = [raw for s in gnstream.parse(data) for raw in s.raw]
        assert got == [encoded(more, row) for row in rows], args + option
        assert run(args + option + files) == data, "not the same again"
        if not option:
            write("salted.gn", data)
    return more, salted(cols, items, hot)


def part_of(hash_, s, n):
    return (hash_ + -(-((s % n) << 64) // n)) % 2**64 * n >> 64


def partition(r, fields, cols, rows, key):
    """gn-partition --salt of salted.gn: every record in its part, parts of parts in theirs."""
    n = r.choice([1, 2, 3, 7, 16, 100])
    run(["gn-partition", "-d", "parts", "-k", key, "--salt", "salt", "-n", str(n), "salted.gn"])
    want = [[] for _ in range(n)]
    for row in rows:
        h = xxhash.xxh3_64_intdigest(b"".join(encoded([fields[c]], (row[c],))[1:] for c in cols))
        want[part_of(h, row[-1] or 0, n)].append(encoded(fields, row))
    every = []
    for i in range(n):
        with open("parts/part-%04d.gn" % i, "rb") as f:
            data = f.read()
        every += gnstream.parse(data)
        raw = [x for s in gnstream.parse(data) for x in s.raw]  # checks the claim, too
        assert sorted(raw) == sorted(want[i]), "part %d of %d" % (i, n)
    part = every[0].header["part"]
    assert part["key"] == [fields[c][0] for c in cols] + ["salt"] and part["salted"] == n, part
    i = r.randrange(n)
    run(["gn-partition", "-d", "again", "-k", key, "--salt", "salt", "-n", "3",
         "parts/part-%04d.gn" % i])
    raw = []
    for k in range(3):
        with open("again/part-%04d.gn" % k, "rb") as f:
            for s in gnstream.parse(f.read()):
                assert s.header["part"]["salted"] == n, s.header
                raw += s.raw
    assert sorted(raw) == sorted(want[i]), "part %d of %d, in 3" % (i, n)
    run(["gn-info", "--verify"] + ["again/part-%04d.gn" % k for k in range(3)])


def join(kind, left, right, width):
    """Rows of (left..., right..., mark) of two lists of (key, row); width: of a right and left row."""
    out, met = [], set()
    by = {}
    for i, (k, row) in enumerate(right):
        if k is not None:
            by.setdefault(k, []).append((i, row))
    for k, row in left:
        hits = by.get(k, []) if k is not None else []
        if kind == "semi" or kind == "anti":
            if bool(hits) == (kind == "semi"):
                out.append(row)
            continue
        out += [row + b + ("both",) for _, b in hits]
        met.update(i for i, _ in hits)
        if not hits and kind in ("left", "full"):
            out.append(row + (None,) * width[1] + ("left",))
    if kind in ("right", "full"):
        out += [(None,) * width[0] + row + ("right",)
                for i, (_, row) in enumerate(right) if i not in met]
    return out


def joined_key(row, cols, salt):
    if any(row[c] is None for c in cols):
        return None
    return key_of(row, cols) + ((row[-1],) if salt else ())


def joins(r, fields, cols, items, key):
    """Left and right: two draws of the records. The plain join, and the salted one with its salt put
    away, are the same rows."""
    left = [x for x in items if r.random() < r.choice([0.1, 0.6])]
    right = [x for x in items if r.random() < r.choice([0.1, 0.6])]
    hot = choose_hot(r, fields, cols, items)
    nf, c = len(fields), cols
    a, b = salted(cols, left, hot), exploded(cols, right, hot)
    for kind in "inner", "left", "right", "full", "semi", "anti":
        want = join(kind, [(joined_key(x, c, False), x) for x, _ in left],
                    [(joined_key(x, c, False), x) for x, _ in right], (nf, nf))
        got = join(kind, [(joined_key(x, c, True), x[:-1] + (x[-1],)) for x in a],
                   [(joined_key(x, c, True), x) for x in b], (nf + 1, nf + 1))
        if kind in ("semi", "anti"):
            assert sorted(map(repr, want)) == sorted(repr(x[:-1]) for x in got), kind
            continue
        # as gn-join has it: one key, of whichever side there is; both sides' other fields
        names = ([(n, t) for n, t in fields] + [("r_" + n, t) for n, t in fields])
        def merged(row, width, salt):
            x, y, mark = row[:width], row[width:2 * width], row[-1]
            side = y if mark == "right" else x
            x = tuple(side[i] if i in c else x[i] for i in range(nf))
            return x + y[:nf] + ((side[-1],) if salt else ()) + (mark,)
        plain = [merged(x, nf, False) for x in want]
        rows = [merged(x, nf + 1, True) for x in got]
        r.shuffle(rows)
        marked = names + [("salt", "int"), ("mark", "str")]
        write("joined.gn", b"".join(gnstream.build(marked, p) for p in cut(r, rows, 2)))
        out = only(run(["gn-salt", "--collapse", "--mark", "mark", "-k", key, "--hot", "hot.gn",
                        "joined.gn"]))
        assert [n for n, _ in out.fields] == [n for n, _ in names] + ["mark"], out.fields
        assert sorted(out.raw) == sorted(encoded(names + [("mark", "str")], x) for x in plain), kind


def gn_joins(r, fields, cols, items, key):
    """The same by gn-join: plain, and salted over partitions that are joined one by one."""
    share = r.choice([0.1, 0.6]), r.choice([0.1, 0.6])
    write("l.gn", gnstream.build(fields, [x for x, _ in items if r.random() < share[0]]))
    write("r.gn", gnstream.build(fields, [x for x, _ in items if r.random() < share[1]]))
    choose_hot(r, fields, cols, items)
    n = r.choice([1, 2, 5])
    tool = ["gn-salt", "-k", key, "--hot", "hot.gn"]
    for side, option in ("l", []), ("r", ["--explode"]):
        run(tool + option + [side + ".gn", "-o", side + "s.gn"])
        run(["gn-partition", "-d", side + "p", "-k", key, "--salt", "salt", "-n", str(n), side + "s.gn"])
    dup = r.choice(["all", "first", "last"])
    for kind in "inner", "left", "right", "full", "semi", "anti":
        args = ["gn-join", "--type", kind]
        if kind not in ("semi", "anti"):
            args += ["--mark", "mark", "--suffix", "_r", "--right-dup", dup]
        plain = only(run(args + ["-k", key, "l.gn", "r.gn"]))
        names = []
        for i in range(n):
            names.append("j%d.gn" % i)
            run(args + ["-k", key + ",salt", "lp/part-%04d.gn" % i, "rp/part-%04d.gn" % i,
                        "-o", names[-1]])
        if kind in ("right", "full"):
            data = run(tool + ["--collapse", "--mark", "mark"] + names)
        else:
            data = run(["gn-select", "-x", "salt"] + names)
        got = [raw for s in gnstream.parse(data) for raw in s.raw]
        assert sorted(got) == sorted(plain.raw), (kind, dup, len(got), len(plain.raw))


def main(seed, rounds):
    hot = 0
    for i in range(rounds):
        r = random.Random("%d %d" % (seed, i))
        try:
            fields, cols, items = skewed(r, 400)
            files = store(r, fields, items, "in")
            key = ",".join(fields[c][0] for c in cols)
            hot += hotkeys(r, fields, cols, items, files)
            more, rows = salt(r, fields, cols, items, choose_hot(r, fields, cols, items), files, key)
            partition(r, more, cols, rows, key)
            joins(r, fields, cols, items[:150], key)
            if i % 2:
                gn_joins(r, fields, cols, items[:150], key)
        except Exception:
            print("seed %d, round %d" % (seed, i), file=sys.stderr)
            raise
    assert hot, "nothing was hot: the rounds test nothing"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
