#!/usr/bin/python3
"""csv_ranges.py - gn-fromcsv in ranges against gn-fromcsv as one process, on the random and hostile
files of csv_diff.py.

    csv_ranges.py [--keep DIR] SEED...

For each seed a file is indexed in ranges of several sizes, down to less than a row. The index must
have the rows that an independent reading of the rules has: ranges begin where rows begin, with the
numbers of lines and rows, and the content hashes. Then the ranges are read in shares, and all of
them in order must have the header, the records' bytes, the rejects and the counters of one process;
each its sources and its provenance; and covers that follow each other. Where one process fails, the
first share that fails does so with the same message. Needs gn-fromcsv on PATH. Exit 1 at the first
difference; --keep saves the file there."""
import json
import os
import random
import subprocess
import sys
import tempfile

import xxhash

import csv_diff
import gnstream
from csv_diff import Different


def call(cmd, simd=""):
    done = subprocess.run(cmd, stdin=subprocess.DEVNULL, capture_output=True,
                          env=dict(os.environ, GN_SIMD=simd))
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")


def stream(cmd, simd=""):
    code, out, err = call(cmd, simd)
    if code:
        raise Different("status %d: %s\n%s" % (code, err, cmd))
    segments = gnstream.parse(out)
    if len(segments) != 1:
        raise Different("%d segments: %s" % (len(segments), cmd))
    return segments[0]


class Reading:
    """What a run with rejects gave."""

    def __init__(self, cmd, tmp):
        rejects, stats = os.path.join(tmp, "rejects"), os.path.join(tmp, "stats")
        self.records = stream(cmd + ["--on-error", "reject", "--reject", rejects, "--stats=" + stats])
        with open(rejects, "rb") as f:
            self.rejects = gnstream.parse(f.read())[0]
        with open(stats) as f:
            self.counters = json.load(f)["counters"]


def same(what, want, got):
    if want != got:
        raise Different("%s\nwanted %r\n   got %r" % (what, want, got))


def check_index(cmd, simd, path, data, rows):
    """The records of the index as dictionaries, checked."""
    s = stream(cmd, simd)
    index = [dict(zip(s.names(), r)) for r in s.records]
    starts = {at: (row, line) for row, (at, line) in enumerate(rows, 1)}
    starts[0] = (1, 1)
    what = "index by %s: " % " ".join(cmd)
    at = 0
    for i, r in enumerate(index):
        same(what + "range", (i + 1, path, len(data), at), (r["range"], r["input"], r["size"], r["from"]))
        if at not in starts:
            raise Different("%sbyte %d begins no row" % (what, at))
        same(what + "row and line of byte %d" % at, starts[at], (r["row"], r["line"]))
        at = r["to"]
        same(what + "rows to byte %d" % at, sum(r["from"] <= a < at for a, _ in rows), r["rows"])
        same(what + "hash", xxhash.xxh3_128(data[r["from"] : at]).digest(), r["hash"])
        same(what + "source", xxhash.xxh3_128(data).digest(), r["source"])
    same(what + "end", len(data), at)
    return index


def check_shares(ranged, n, one, tmp):
    parts = [Reading(ranged + ["--range", "%d/%d" % (i, n)], tmp) for i in range(1, n + 1)]
    what = "%s, %d shares: " % (" ".join(ranged), n)
    for p in parts:
        for mine, whole in ((p.records, one.records), (p.rejects, one.rejects)):
            same(what + "header", whole.header, mine.header)
            same(what + "sources", whole.trailer["sources"], mine.trailer["sources"])
        same(what + "provenance", one.records.trailer["prov"], p.records.trailer["prov"])
    same(what + "records", one.records.raw, [r for p in parts for r in p.records.raw])
    same(what + "rejects", one.rejects.raw, [r for p in parts for r in p.rejects.raw])
    for k, v in one.counters.items():
        same(what + k, v, sum(p.counters[k] for p in parts))
    covers = [c for p in parts for c in p.records.trailer["cover"]]
    (source, lo, hi, *hashes), = one.records.trailer["cover"]
    at = lo
    for c in covers:
        same(what + "cover", [source, at] + hashes, [c[0], c[1]] + list(c[3:]))
        at = c[2]
    same(what + "cover", hi, at)


def check_failure(cmd, ranged, n):
    """Without --on-error."""
    code, _, err = call(cmd)
    for i in range(1, n + 1):
        got, _, err_here = call(ranged + ["--range", "%d/%d" % (i, n)])
        if got:
            same("failure of share %d/%d of %s" % (i, n, " ".join(ranged)), (code, err), (got, err_here))
            return
    if code:
        raise Different("no share fails, but should: %s%s" % (err, " ".join(ranged)))


def check(seed, tmp, twins):
    r = random.Random(seed)
    data, case = csv_diff.make(seed)
    bom = data.startswith(b"\xef\xbb\xbf")
    if not case["no_header"] and r.random() < 0.2:
        data = b"\xef\xbb\xbf\n\n\r\n" + data[3:] if bom else b"\n\n\r\n" + data
        bom = data.startswith(b"\xef\xbb\xbf")
    path = os.path.join(tmp, "in.csv")
    with open(path, "wb") as f:
        f.write(data)
    rows, longest = [], 1
    for at, end, line, *_ in csv_diff.rows(data, case["delim"], case["trim"], 3 if bom else 0):
        rows.append((at, line))
        longest = max(longest, end - at)
    reading, writing = csv_diff.reading(case, longest), csv_diff.writing(case)
    if seed % 5 == 0 and not case["no_header"]:
        reading[1:3] = []  # types are inferred
    one = Reading(reading + writing + [path], tmp)
    idx = os.path.join(tmp, "idx.gn")
    for _ in range(2):
        size = r.choice([str(r.choice([1, 2, 3, 5, 100, 5000])), "%dB" % r.choice([1, 5, 63, 64, 65, 1000, 4096])])
        cmd = reading + ["--index=" + size, path]
        index = check_index(cmd, r.choice(twins), path, data, rows)
        for t in twins:
            code, out, err = call(cmd[:-1] + ["-o", idx, path], t)
            same("twin %s" % t, (0, ""), (code, err))
            with open(idx, "rb") as f:
                if [dict(zip(s.names(), x)) for s in gnstream.parse(f.read()) for x in s.records] != index:
                    raise Different("the twins' indexes differ: %s: %s" % (t, cmd))
        n = len(index) if len(index) <= 6 and r.random() < 0.5 else r.randint(1, 6)
        ranged = reading + writing + ["--index-file", idx] + ([path] if r.random() < 0.3 else [])
        check_shares(ranged, n, one, tmp)
        check_failure(reading + writing + [path], ranged, n)
    return len(one.records.raw)


def main(argv):
    keep = None
    if argv[1:2] == ["--keep"]:
        keep, argv = argv[2], argv[2:]
    twins = csv_diff.twins()
    total = 0
    with tempfile.TemporaryDirectory() as tmp:
        for seed in [int(a) for a in argv[1:]]:
            try:
                total += check(seed, tmp, twins)
            except (Different, gnstream.Invalid) as e:
                print("seed %d: %s" % (seed, str(e)[:4000]), file=sys.stderr)
                if keep:
                    os.replace(os.path.join(tmp, "in.csv"), os.path.join(keep, "seed%d.csv" % seed))
                return 1
    print("%d files, %d records: the same" % (len(argv) - 1, total))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
