#!/usr/bin/python3
"""sort_diff.py - gn-sort and gn-merge against Python's sort, on random records.

    sort_diff.py SEED ROUNDS [BYTES [OPTION...]]

Each round makes records of random types (nulls, ties, extremes, text with long shared beginnings,
bytes with NULs; with BYTES also a text of up to so many), and compares gn-sort by random keys, stable and not, unique and not, --check, and
gn-merge of random cuts, with what Python makes of them. Options go to gn-sort and gn-merge. Exit 1
with what differs.
"""
import functools
import random
import subprocess
import sys

import gnstream

I64 = (-(1 << 63), (1 << 63) - 1)
TIMES = (-62135596800 * 10**6, 253402300799 * 10**6 + 999999)
SHARED = "https://example.com/" + "a" * 100


def word(r, letters, longest):
    return "".join(r.choice(letters) for _ in range(r.randint(0, longest)))


def a_str(r, style):
    return {
        0: lambda: "u%06d" % r.randint(0, 40),
        1: lambda: word(r, "ab", 3),
        2: lambda: SHARED + word(r, "xyz", 30),
        3: lambda: r.choice(["", "a", "aé", "a\u00e9b", "\U0010ffff", "a\x01", SHARED]),
        4: lambda: "%032x" % r.getrandbits(r.choice([3, 128])),
        5: lambda: "abcdefgh" * r.randint(0, 5) + word(r, "ab", 2),
        6: lambda: word(r, "ab", 2) + SHARED * r.randint(0, 2),
        7: lambda: "p" * r.randint(0, 900),
    }[style]()


def a_int(r, style):
    return {
        0: lambda: r.randint(-3, 3),
        1: lambda: r.choice([I64[0], I64[1], I64[0] + 1, I64[1] - 1, 0, -1]),
        2: lambda: r.randint(*I64),
        3: lambda: r.choice([0, 255, 256, 65535, 65536, 2**32 - 1, 2**32, -32, -33, -129]),
    }[style]()


def a_float(r, style):
    return {
        0: lambda: r.choice([0.0, 1.5, -1.5, 1e308, -1e308, 5e-324, -5e-324]),
        1: lambda: r.uniform(-1, 1) or 0.0,
    }[style]()


def a_time(r, style):
    return {
        0: lambda: (1600000000 + r.randint(0, 50)) * 10**6,
        1: lambda: r.randint(-10**15, 10**15),
        2: lambda: r.choice([TIMES[0], TIMES[1], 0, -1, 1]),
    }[style]()


def a_bin(r, style):
    return {
        0: lambda: bytes(r.choice(b"\0\1\xff") for _ in range(r.randint(0, 12))),
        1: lambda: bytes(r.getrandbits(1) * 255 for _ in range(8)),
        2: lambda: b"\0" * r.randint(0, 20),
        3: lambda: b"\xff" * r.randint(0, 3) + b"\0" * 9,
    }[style]()


MAKE = {
    "str": (a_str, 8), "int": (a_int, 4), "float": (a_float, 2), "time": (a_time, 3),
    "bin": (a_bin, 4), "bool": (lambda r, _: r.random() < 0.5, 1),
    "date": (lambda r, _: r.choice([-719162, 2932896, 0, 19000, 19001]), 1),
}


def table(r, most, pad):
    kinds = [r.choice(list(MAKE)) for _ in range(r.randint(1, 5))]
    fields = [("f%d" % i, k) for i, k in enumerate(kinds)]
    styles = [r.randrange(MAKE[k][1]) for k in kinds]
    nulls = [r.choice([0, 0, 0.1, 0.9, 1]) for _ in kinds]
    n = most if pad else r.choice([0, 1, 2, 30, 300, most, r.randint(0, most)])
    rows = [tuple(None if r.random() < z else MAKE[k][0](r, s)
                  for k, s, z in zip(kinds, styles, nulls)) for _ in range(n)]
    if pad:
        fields.append(("pad", "str"))
        rows = [row + ("p" * r.randint(0, pad) + word(r, "ab", 3),) for row in rows]
    rows += [r.choice(rows) for _ in range(n // 10)]
    return fields, rows


def value_cmp(x, y):
    if isinstance(x, str):
        x, y = x.encode(), y.encode()
    return (x > y) - (x < y)


def key_cmp(keys, a, b):
    for col, desc in keys:
        x, y = a[col], b[col]
        if x is None or y is None:
            c = (x is None) - (y is None)
        else:
            c = value_cmp(x, y) * (-1 if desc else 1)
        if c:
            return c
    return 0


def encoded(fields, row):
    kinds = [k for _, k in fields]
    return gnstream.pack([gnstream.as_wire(v, k) for v, k in zip(row, kinds)])


def want_of(fields, rows, keys, stable, unique):
    items = [(row, encoded(fields, row)) for row in rows]
    def cmp(a, b):
        c = key_cmp(keys, a[0], b[0])
        return c if c or stable else (a[1] > b[1]) - (a[1] < b[1])
    items.sort(key=functools.cmp_to_key(cmp))
    out = []
    for item in items:
        if unique and out and key_cmp(keys, out[-1][0], item[0]) == 0:
            continue
        out.append(item)
    return out


def run(argv, status=0):
    p = subprocess.run(argv, capture_output=True, check=False)
    if p.returncode != status:
        raise AssertionError("status %d: %s: %s" % (p.returncode, argv, p.stderr.decode()))
    return p.stdout


def compare(argv, want, order, total):
    segments = gnstream.parse(run(argv))
    assert len(segments) == 1, "%s: %d segments" % (argv, len(segments))
    got = segments[0]
    if got.raw != [raw for _, raw in want]:
        at = next((i for i, (a, b) in enumerate(zip(got.raw, want)) if a != b[1]), "the end")
        raise AssertionError("%s: %d records, wanted %d; they differ from %s" % (
            argv, len(got.raw), len(want), at))
    assert got.header.get("order") == order, (argv, got.header)
    assert got.header.get("total", False) == total, (argv, got.header)


def cut(r, rows, parts):
    at = sorted(r.randint(0, len(rows)) for _ in range(parts - 1))
    return [rows[a:b] for a, b in zip([0] + at, at + [len(rows)])]


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)
    return name


def one_round(r, options, most, pad):
    fields, rows = table(r, most, pad)
    # one file of several segments, and one more
    parts = cut(r, rows, r.randint(1, 4))
    write("a.gn", b"".join(gnstream.build(fields, p) for p in parts[:-1] or parts))
    files = ["a.gn"]
    if len(parts) > 1:
        files.append(write("b.gn", gnstream.build(fields, parts[-1])))
    cols = r.sample(range(len(fields)), r.randint(0, len(fields)))
    keys = [(c, r.random() < 0.5) for c in cols]
    names = ["%s%s" % (fields[c][0], ":desc" if d else r.choice(["", ":asc"])) for c, d in keys]
    if not keys:
        keys = [(i, False) for i in range(len(fields))]
        args = []
    elif r.random() < 0.5:
        args = ["-k", ",".join(names)]
    else:
        args = [x for n in names for x in ("--key", n)]
    stable, unique = r.random() < 0.4, r.random() < 0.4
    if stable:
        args.append("--stable")
    if unique:
        args.append("--unique")
    order = [[fields[c][0], "desc" if d else "asc"] for c, d in keys]
    want = want_of(fields, rows, keys, stable, unique)
    compare(["gn-sort"] + options + args + files, want, order, not stable)

    # --check agrees with what the order is
    full = [row for row, _ in want]
    write("s.gn", gnstream.build(fields, full))
    run(["gn-sort", "--check"] + args + ["s.gn"])
    swapped = list(full)
    if len(full) > 1:
        i, j = r.randrange(len(full)), r.randrange(len(full))
        swapped[i], swapped[j] = swapped[j], swapped[i]
        write("t.gn", gnstream.build(fields, swapped))
        again = want_of(fields, swapped, keys, stable, unique)
        same = [raw for _, raw in again] == [encoded(fields, x) for x in swapped]
        run(["gn-sort", "--check"] + args + ["t.gn"], 0 if same else 1)
    return fields, rows, keys, args, stable, unique, order


def merges(r, options, fields, rows, keys, args, stable, unique, order):
    """gn-merge of sorted cuts is gn-sort of all."""
    parts = cut(r, rows, r.randint(1, 7))
    sort_args = [x for x in args if x != "--unique"]
    names = []
    for i, p in enumerate(parts):
        raw = write("p%d.gn" % i, gnstream.build(fields, p))
        names.append("q%d.gn" % i)
        write(names[-1], run(["gn-sort"] + sort_args + [raw]))
    want = want_of(fields, rows, keys, stable, unique)
    ties = ["--stable"] if stable else []
    flags = ties + (["--unique"] if unique else [])
    compare(["gn-merge"] + options + flags + names, want, order, not stable)
    if len(names) > 2:  # a tree
        m = r.randint(1, len(names) - 1)
        write("x.gn", run(["gn-merge"] + options + ties + names[:m]))
        write("y.gn", run(["gn-merge"] + options + flags + names[m:]))
        compare(["gn-merge"] + options + flags + ["x.gn", "y.gn"], want, order, not stable)


def main(argv):
    seed, rounds, options = int(argv[0]), int(argv[1]), argv[3:]
    pad = int(argv[2]) if argv[2:] else 0
    for i in range(rounds):
        r = random.Random(seed * 1000003 + i)
        try:
            made = one_round(r, options, 1500, pad)
            merges(r, options, *made)
        except AssertionError as e:
            print("round %d of seed %d: %s" % (i, seed, e), file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
