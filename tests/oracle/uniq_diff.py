#!/usr/bin/python3
"""uniq_diff.py - gn-uniq against Python, on random records.

    uniq_diff.py SEED ROUNDS [BYTES [OPTION...]]

Each round makes records as sort_diff.py does (random types, nulls, ties, extremes; with BYTES also a
text of up to so many), keeps one of each key by a random --keep and --ties, and compares with
gn-uniq: the records kept, their counts, the records left out, and what the headers claim. The
records come as they are, in several segments and files, and again in an order that is declared,
where gn-uniq holds one record: what it keeps must be the same. Options go to gn-uniq. Exit 1 with
what differs.
"""
import functools
import json
import random
import sys

import gnstream
from sort_diff import cut, encoded, key_cmp, run, table, write


def ordered(items, keys, greatest=False):
    def cmp(a, b):
        c = key_cmp(keys, a[0], b[0])
        if c:
            return c
        return ((a[1] > b[1]) - (a[1] < b[1])) * (-1 if greatest else 1)
    return sorted(items, key=functools.cmp_to_key(cmp))


def pick(items, cols, by, greatest):
    """[(kept, count)] by key, and those left out."""
    groups = {}
    for item in items:
        groups.setdefault(tuple((type(item[0][c]), item[0][c]) for c in cols), []).append(item)
    kept, left = [], []
    for group in groups.values():
        group = ordered(group, by, greatest)
        kept.append((group[0], len(group)))
        left += group[1:]
    return kept, left


def segment_of(data):
    segments = gnstream.parse(data)
    assert len(segments) == 1, "%d segments" % len(segments)
    return segments[0]


def order_of(fields, keys):
    return [[fields[c][0], "desc" if d else "asc"] for c, d in keys]


def choose(r, fields):
    cols = r.sample(range(len(fields)), r.randint(0, len(fields)) if r.random() < 0.8 else 0)
    rest = [c for c in range(len(fields)) if c not in cols]
    by, greatest = [], False
    if cols:
        by = [(c, r.random() < 0.5) for c in r.sample(rest, r.randint(0, len(rest)))]
        greatest = r.random() < 0.5
    args = []
    if cols and r.random() < 0.5:
        args += ["-k", ",".join(fields[c][0] for c in cols)]
    else:
        args += [x for c in cols for x in ("--key", fields[c][0])]
    if by:
        args += ["--keep", ",".join("%s%s" % (fields[c][0], ":desc" if d else r.choice(["", ":asc"]))
                                    for c, d in by)]
    if greatest:
        args += ["--ties", "greatest"]
    elif cols and r.random() < 0.2:
        args += ["--ties", "least"]
    return cols or list(range(len(fields))), not cols, by, greatest, args


def sorting(r, fields, items, cols, by, greatest, args):
    """Not declared in order: written in order of the key."""
    rows = [row for row, _ in items]
    parts = cut(r, rows, r.randint(1, 4))
    write("a.gn", b"".join(gnstream.build(fields, p) for p in parts[:-1] or parts))
    files = ["a.gn"]
    if len(parts) > 1:
        files.append(write("b.gn", gnstream.build(fields, parts[-1])))
    kept, left = pick(items, cols, by, greatest)
    keys = [(c, False) for c in cols]
    kept.sort(key=functools.cmp_to_key(lambda a, b: key_cmp(keys, a[0][0], b[0][0])))
    got = segment_of(run(["gn-uniq", "--stats=st", "--duplicates", "d.gn"] + args + files))
    assert got.raw == [item[1] for item, _ in kept], "kept %r" % args
    assert got.header["order"] == order_of(fields, keys) and got.header["total"], got.header
    with open("st") as f:
        counters = json.load(f)["counters"]
    assert counters["kept"] == len(kept) and counters["dropped"] == len(left), counters
    with open("d.gn", "rb") as f:
        rest = segment_of(f.read())
    assert rest.raw == [raw for _, raw in ordered(left, keys + by)], "left out %r" % args
    assert rest.header["order"] == order_of(fields, keys + by) and rest.header["total"], rest.header
    counted = segment_of(run(["gn-uniq", "--count", "n"] + args + files))
    assert counted.records == [item[0] + (n,) for item, n in kept], "counted %r" % args
    run(["gn-uniq", "--check"] + args + files, 1 if left else 0)
    return kept, left, counters["runs"]


def streaming(r, fields, items, cols, whole, by, args, kept, left):
    """In an order that begins with the key, declared: the same are kept, in that order."""
    keys = [(c, r.random() < 0.5) for c in r.sample(cols, len(cols))]
    total = r.random() < 0.5
    if whole and r.random() < 0.5:
        keys, total = keys[:r.randint(1, len(keys))], True
    more = [(c, r.random() < 0.5) for c in range(len(fields)) if c not in [k for k, _ in keys]]
    order = keys + ([] if whole else r.sample(more, r.randint(0, len(more))))
    rows = list(items)
    r.shuffle(rows)
    rows = ordered(rows, order) if total else sorted(
        rows, key=functools.cmp_to_key(lambda a, b: key_cmp(order, a[0], b[0])))
    header = {"order": order_of(fields, order), "total": total}
    write("s.gn", b"".join(gnstream.build(fields, [row for row, _ in p], header)
                           for p in cut(r, rows, r.randint(1, 4))))
    counts = {item[1]: n for item, n in kept}
    declared = rows, header
    want = ordered([item for item, _ in kept], order)
    got = segment_of(run(["gn-uniq", "--stats=st", "--duplicates", "d.gn"] + args + ["s.gn"]))
    assert got.raw == [raw for _, raw in want], "kept in order %r: %r" % (order, args)
    assert got.header["order"] == header["order"] and got.header["total"], got.header
    with open("st") as f:
        assert json.load(f)["counters"]["runs"] == 0
    with open("d.gn", "rb") as f:
        rest = segment_of(f.read())
    assert sorted(rest.raw) == sorted(raw for _, raw in left), "left out %r" % args
    assert rest.header["order"] == order_of(fields, keys), rest.header
    assert rest.header["total"] == whole, rest.header
    counted = segment_of(run(["gn-uniq", "--count", "n"] + args + ["s.gn"]))
    assert counted.fields == [list(f) for f in fields] + [["n", "int"]], counted.fields
    assert [row[:-1] for row in counted.records] == [row for row, _ in want], "counted"
    assert [row[-1] for row in counted.records] == [counts[raw] for _, raw in want], "counts"
    run(["gn-uniq", "--check"] + args + ["s.gn"], 1 if left else 0)
    again = segment_of(run(["gn-uniq", "--sort"] + args + ["s.gn"]))
    assert again.raw == [item[1] for item, _ in kept], "--sort"
    # an order that does not put the records of a key together is of no use
    less = keys[:r.randint(0, len(cols) - 1)] + (more[:1] if not whole else [])
    rows = sorted(items, key=functools.cmp_to_key(lambda a, b: key_cmp(less, a[0], b[0])))
    header = {"order": order_of(fields, less)} if less else {}
    write("l.gn", gnstream.build(fields, [row for row, _ in rows], header))
    again = segment_of(run(["gn-uniq"] + args + ["l.gn"]))
    assert again.raw == [item[1] for item, _ in kept], "in order %r: %r" % (less, args)
    # one record out of its place is found, unless it is in place there, too
    rows, header = declared
    if len(rows) > 1:
        i, j = r.sample(range(len(rows)), 2)
        moved = list(rows)
        moved[i], moved[j] = moved[j], moved[i]
        write("t.gn", gnstream.build(fields, [row for row, _ in moved], header))
        wrong = any(key_cmp(keys, a[0], b[0]) > 0 or
                    (whole and key_cmp(keys, a[0], b[0]) == 0 and a[1] > b[1])
                    for a, b in zip(moved, moved[1:]))
        run(["gn-uniq"] + args + ["t.gn"], 3 if wrong else 0)


def one_round(r, options, most, pad):
    fields, rows = table(r, most, pad)
    items = [(row, encoded(fields, row)) for row in rows]
    cols, whole, by, greatest, args = choose(r, fields)
    args += options
    kept, left, runs = sorting(r, fields, items, cols, by, greatest, args)
    streaming(r, fields, items, cols, whole, by, args, kept, left)
    return runs


def main(argv):
    seed, rounds, options = int(argv[0]), int(argv[1]), argv[3:]
    pad = int(argv[2]) if argv[2:] else 0
    for i in range(rounds):
        r = random.Random(seed * 1000003 + i)
        try:
            runs = one_round(r, options, 1500, pad)
            assert not pad or runs > 0, "nothing was spilled"
        except AssertionError as e:
            print("round %d of seed %d: %s" % (i, seed, e), file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
