#!/usr/bin/python3
"""partition_diff.py - gn-partition against its definition, on random data.

    partition_diff.py [--bin DIR] [--keep DIR] SEED...

A seed decides everything. Each makes a CSV with odd values (nulls, empty strings, extremes, times
before 1970, text that is not safe in a path), imports it in one or several segments, partitions it
with random options, and compares every file, the tree and the manifest with what Python works out
from the records: XXH3 of Python's xxhash, ranges in Python's integers, ranges of values by Python's
sort and bisection, paths by the rules of the man page. gnstream.py checks each file's grammar, checksum, order, placement and covers. Exit 1 at
the first difference, with the command lines.
"""
import bisect
import datetime
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile

import gnstream

U64 = 1 << 64
EXACT, SIGMA = 1536, 1.04 / 128  # lib/kernel/hll.h
EPOCH = datetime.datetime(1970, 1, 1)
UNSAFE = set('"#%\'*/:=?\\{}[]^') | {chr(c) for c in range(32)} | {"\x7f"}
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
TEXTS = ["a", "b", "", None, "a/b", "..", ".", "x=y", "50%", "%41", "ü ö", "new\nline", HIVE_NULL,
         "quote'\"", "[x]^{y}", "co:lon", "tab\there", "back\\slash", "emoji \U0001f600", "A", " "]
INTS = [0, 1, -1, 2**63 - 1, -2**63, None, 127, 128, -32, -33, 65536]
TIMES = ["1969-12-31 23:59:59", "2023-07-01 00:00:00", "2023-07-01 14:30:15.123456",
         "0001-01-01 00:00:00", "9999-12-31 23:59:59", "2023-12-31 23:59:59", None]


class Difference(Exception):
    pass


class Case:
    def __init__(self, seed, bindir, work):
        self.rng = random.Random(seed)
        self.bin, self.work = bindir, work
        self.log = []

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, *argv):
        self.log.append(" ".join(map(shlex.quote, argv)))
        p = subprocess.run([os.path.join(self.bin, argv[0])] + list(argv[1:]), cwd=self.work,
                           capture_output=True, check=False)
        if p.returncode:
            raise Difference("status %d: %s" % (p.returncode, p.stderr.decode()))
        return p.stdout


def quote(v):
    if v is None:
        return ""
    return '"%s"' % str(v).replace('"', '""')


def write_csv(path, rng, rows):
    users = ["u%d" % i for i in range(rng.choice([1, 3, 50, 1000, 9000]))] + ["", None, "x" * 300]
    hot = rng.random() < 0.3
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write("user_id,timestamp,what,number,flag\n")
        for _ in range(rows):
            user = users[0] if hot and rng.random() < 0.7 else rng.choice(users)
            f.write(",".join([quote(user), quote(rng.choice(TIMES)), quote(rng.choice(TEXTS)),
                              quote(rng.choice(INTS)),
                              quote(rng.choice(["true", "false", None]))]) + "\n")


def segments(case):
    """One to three input files, of one to two segments in all."""
    files = []
    for i in range(case.rng.choice([1, 1, 2, 3])):
        rows = case.rng.choice([0, 1, 10, 1000, 3000])
        write_csv(case.path("in%d.csv" % i), case.rng, rows)
        case.run("gn-fromcsv", "--schema", "user_id:str,timestamp:time,what:str,number:int,flag:bool",
                 "-o", "in%d.gn" % i, "in%d.csv" % i)
        files.append("in%d.gn" % i)
    return files


def escape(text):
    return "".join("%%%02X" % ord(c) if c in UNSAFE else c for c in text)


def value_text(v, kind):
    if v is None:
        return HIVE_NULL
    if kind == "time":
        at = EPOCH + datetime.timedelta(microseconds=v)
        v = at.strftime("%H:%M:%S") if not at.microsecond else (
            at.strftime("%H:%M:%S.%f").rstrip("0"))
        return escape("%04d-%02d-%02d %s" % (at.year, at.month, at.day, v))
    if kind == "date":
        at = EPOCH + datetime.timedelta(days=v)
        return "%04d-%02d-%02d" % (at.year, at.month, at.day)
    if kind == "bool":
        return "true" if v else "false"
    if v == HIVE_NULL:
        return "%5F" + HIVE_NULL[1:]
    return escape(str(v))


DAY_US = 86400 * 1000000
# text of --by -> (name, type, value from a record as a dict)
BY = {
    "what": ("what", "str", lambda r: r["what"]),
    "number": ("number", "int", lambda r: r["number"]),
    "flag": ("flag", "bool", lambda r: r["flag"]),
    "timestamp": ("timestamp", "time", lambda r: r["timestamp"]),
    "date": ("date", "date", lambda r: r["timestamp"] and r["timestamp"] // DAY_US),
    "day=date(timestamp)": ("day", "date", lambda r: r["timestamp"] and r["timestamp"] // DAY_US),
    "hour": ("hour", "int", lambda r: None if r["timestamp"] is None
             else r["timestamp"] // 3600000000 % 24),
    "w=coalesce(what, 'no, (none)')": ("w", "str",
                                       lambda r: "no, (none)" if r["what"] is None else r["what"]),
}


class Ranges:
    """--ranges: bounds as they were given, or those that make n ranges."""

    def __init__(self, case, segs):
        rng = case.rng
        self.field = rng.choice(["user_id", "timestamp", "what", "number", "flag"])
        self.kind = dict(map(tuple, segs[0].header["fields"]))[self.field]
        values = sorted(order(r[s.names().index(self.field)]) for s in segs for r in s.records
                        if r[s.names().index(self.field)] is not None)
        self.args = ["--ranges", self.field]
        if values and rng.random() < 0.5:
            self.bounds = sorted(rng.choices(values, k=rng.choice([1, 1, 2, 5, 40])))
            self.n = len(self.bounds) + 1
            self.args += ["--bounds", ",".join(self.text(b) for b in self.bounds)]
        else:
            self.n = rng.choice([1, 2, 3, 7, 64])
            self.bounds = [values[k * len(values) // self.n] for k in range(1, self.n) if values]
            self.args += ["-n", str(self.n)]

    def text(self, v):
        if self.kind == "str":
            return '"%s"' % v.decode().replace('"', '""')
        if self.kind == "time":
            return (EPOCH + datetime.timedelta(microseconds=v)).isoformat(" ")
        return str(v).lower()

    def place(self, v):
        return self.n - 1 if v is None else bisect.bisect_right(self.bounds, order(v))

    def limits(self, k):
        """lo and hi of the manifest."""
        return [value(self.bounds[i]) if 0 <= i < len(self.bounds) else None for i in (k - 1, k)]


class Pieces:
    """--by with --target-size: a value's records in files of so many bytes."""

    def __init__(self, case):
        self.size = case.rng.choice([1, 100, 5000, 100000, 1 << 20])
        self.args = ["--target-size", str(self.size)]
        self.at = {}  # group -> file, its bytes

    def place(self, values, n):
        number, held = self.at.get(values, (0, 0))
        if held and held + n > self.size:
            number, held = number + 1, 0
        self.at[values] = (number, held + n)
        return number

    @staticmethod
    def limits(_):
        return [None, None]


def order(v):
    """Texts are ordered by their bytes."""
    return v.encode() if isinstance(v, str) else v


def value(v):
    return v.decode() if isinstance(v, bytes) else v


def options(case, segs):
    rng = case.rng
    by, args, ranges, pieces = [], [], None, None
    if rng.random() < 0.6:
        by = rng.sample(list(BY), rng.choice([1, 1, 2, 3]))
        names = [BY[b][0] for b in by]
        if len(set(names)) < len(names):
            by = by[:1]
        if rng.random() < 0.5:
            args += ["--by", ",".join(by)]
        else:
            for b in by:
                args += ["--by", b]
    key, n = None, 1
    if by and rng.random() < 0.25:
        pieces = Pieces(case)
        args += pieces.args
    elif rng.random() < 0.4:
        ranges = Ranges(case, segs)
        n = ranges.n
        args += ranges.args
    elif not by or rng.random() < 0.5:
        key = rng.choice(["user_id", "user_id", "what", "number", "timestamp", "user_id,what",
                          "flag,number,user_id"])
        n = rng.choice([1, 2, 3, 4] if by else [1, 2, 3, 7, 16, 64, 100, 300])
        args += ["-k", key, "-n", str(n)]
    if rng.random() < 0.3:
        args += ["-z"]
    if not by and rng.random() < 0.4:
        args += ["--pack"]
    if rng.random() < 0.5:
        args += ["-m", "16M"]
    return by, key, ranges or pieces, n, args


def expect(segs, by, key, ranges, n):
    """path -> list of raw records, in order; and path -> (group values, range number)."""
    files, about, keys = {}, {}, {}
    for seg in segs:
        names = seg.names()
        kinds = [BY[b][1] for b in by]
        for rec, raw in zip(seg.records, seg.raw):
            row = dict(zip(names, rec))
            values = tuple(BY[b][2](row) for b in by)
            folder = "".join("%s=%s/" % (BY[b][0], value_text(v, k))
                             for b, v, k in zip(by, values, kinds))
            k = None
            if key:
                k = gnstream.key_hash(seg, key.split(","), rec) * n // U64
            if isinstance(ranges, Ranges):
                k = ranges.place(row[ranges.field])
            if isinstance(ranges, Pieces):
                k = ranges.place(values, len(raw))
            elif k is not None:
                for j in range(n):
                    files.setdefault("%spart-%04d" % (folder, j), [])
                    about["%spart-%04d" % (folder, j)] = (values, j)
            name = "%spart-%04d" % (folder, k) if k is not None else folder + "part"
            files.setdefault(name, []).append(raw)
            if key:
                keys.setdefault(name, set()).add(tuple(row[f] for f in key.split(",")))
            about[name] = (values, k)
    if (key or ranges) and not by:
        for j in range(n):
            files.setdefault("part-%04d" % j, [])
            about["part-%04d" % j] = ((), j)
    for name in files:
        about[name] += (len(keys.get(name, ())) if key else None,)
    return files, about


def unpack(case, end):
    """--pack: cut the file as the manifest says, into files and a manifest as there are without."""
    with open(case.path("out/manifest.gn"), "rb") as f:
        seg, = gnstream.parse(f.read())
    with open(case.path("out/part" + end), "rb") as f:
        data = f.read()
    if sorted(os.listdir(case.path("out"))) != ["manifest.gn", "part" + end]:
        raise Difference("a pack and other files: %r" % os.listdir(case.path("out")))
    rows, at = [dict(zip(seg.names(), r)) for r in seg.records], 0
    for k, row in enumerate(rows):
        if (row["path"], row["part"], row["offset"]) != ("part" + end, k, at):
            raise Difference("range %d of a pack: %r" % (k, row))
        row["path"] = "part-%04d%s" % (k, end)
        with open(case.path("out/" + row["path"]), "wb") as f:
            f.write(data[at:at + row["bytes"]])
        at += row["bytes"]
    table = data[at:at + 4]
    if (end == ".gn" and at != len(data)) or (end != ".gn" and table != b"\x5e\x2a\x4d\x18"):
        raise Difference("a pack of %d bytes, ranges of %d" % (len(data), at))
    for k in case.rng.sample(range(len(rows)), min(2, len(rows))):
        want = case.run("gn-cat", "out/" + rows[k]["path"])
        if case.run("gn-cat", "--part", str(k), "out") != want:
            raise Difference("gn-cat --part %d" % k)
    packed = case.path("pack")  # the next run finds it, as it was
    shutil.rmtree(packed, ignore_errors=True)
    os.makedirs(packed)
    os.rename(case.path("out/part" + end), os.path.join(packed, "part" + end))
    return rows


def restore(case, rows, end):
    if rows is None:
        return
    for row in rows:
        os.remove(case.path("out/" + row["path"]))
    os.rename(case.path("pack/part" + end), case.path("out/part" + end))


def compare_file(path, want, key, k, n):
    with open(path, "rb") as f:
        segs = gnstream.parse(f.read())
    got = [raw for s in segs for raw in s.raw]
    if got != want:
        raise Difference("%s: %d records, not the %d wanted" % (path, len(got), len(want)))
    for s in segs:
        part = s.header.get("part")
        if key and (part["key"] != key.split(",") or part["lo"] != -(-k * U64 // n)
                    or part["hi"] != -(-(k + 1) * U64 // n) - 1):
            raise Difference("%s: part %r" % (path, part))
        if not key and part:
            raise Difference("%s: a part that nobody made" % path)
    return segs


def compare(case, segs, by, key, ranges, n, args):
    level, pack = "-z" in args, "--pack" in args
    files, about = expect(segs, by, key, ranges, n)
    end = ".gn.zst" if level else ".gn"
    rows = unpack(case, end) if pack else None
    out = case.path("out")
    found = set()
    for folder, _, names in os.walk(out):
        for name in names:
            found.add(os.path.relpath(os.path.join(folder, name), out))
    if found != {f + end for f in files} | {"manifest.gn"}:
        raise Difference("files: %r" % (found ^ ({f + end for f in files} | {"manifest.gn"}),))
    covers = []
    for name, want in files.items():
        for s in compare_file(os.path.join(out, name + end), want, key, about[name][1], n):
            covers += s.trailer.get("cover", [])
    if (by or ranges) and covers:
        raise Difference("covers of files by value: %r" % covers)
    if key and not by:
        area = sum((c[2] - c[1]) * (c[4] - c[3] + 1) for c in covers)
        whole = sum({bytes(x[0]): x[1] for s in segs for x in s.trailer["sources"]}.values()) * U64
        if area != whole:
            raise Difference("the covers do not add up: %d of %d" % (area, whole))
    compare_manifest(case, files, about, by, key, ranges, n, end, rows)
    restore(case, rows, end)


def compare_manifest(case, files, about, by, key, ranges, n, end, rows):
    with open(case.path("out/manifest.gn"), "rb") as f:
        seg, = gnstream.parse(f.read())
    got = rows or [dict(zip(seg.names(), r)) for r in seg.records]
    if [g["path"] for g in got] != sorted((f + end for f in files), key=str.encode):
        raise Difference("the manifest's paths")
    for g in got:
        name = g["path"][:-len(end)]
        values, k, distinct = about[name]
        want = {"path": g["path"], "rows": len(files[name]),
                "distinct": distinct, "bytes": os.path.getsize(case.path("out/" + g["path"])), "part": k,
                "lo": "%016x" % -(-k * U64 // n) if key else None,
                "hi": "%016x" % (-(-(k + 1) * U64 // n) - 1) if key else None}
        if ranges:
            want["lo"], want["hi"] = ranges.limits(k)
        want.update({BY[b][0]: v for b, v in zip(by, values)})
        if distinct and distinct > EXACT and g["distinct"]:  # an estimate: within 4 sigma
            if abs(g["distinct"] - distinct) > 4 * SIGMA * distinct:
                raise Difference("%s: %d keys, not %d" % (name, g["distinct"], distinct))
            want["distinct"] = g["distinct"]
        if {x: g[x] for x in want} != want:
            raise Difference("the manifest: %r, not %r" % (g, want))


def one(seed, bindir, work):
    case = Case(seed, bindir, work)
    files = segments(case)
    segs = []
    for f in files:
        with open(case.path(f), "rb") as h:
            segs += gnstream.parse(h.read())
    by, key, ranges, n, args = options(case, segs)
    try:
        case.run("gn-partition", "-d", "out", *args, *files)
        compare(case, segs, by, key, ranges, n, args)
        if case.rng.random() < 0.5:  # again, otherwise: no file of the first run stays
            by, key, ranges, n, args = options(case, segs)
            case.run("gn-partition", "-d", "out", *args, *files)
            compare(case, segs, by, key, ranges, n, args)
    except (Difference, gnstream.Invalid) as e:
        print("seed %d: %s\n  %s" % (seed, e, "\n  ".join(case.log)), file=sys.stderr)
        return 1
    return 0


def main(argv):
    bindir, keep, seeds = os.environ.get("GN_BIN", "bin"), None, []
    while argv:
        a = argv.pop(0)
        if a == "--bin":
            bindir = argv.pop(0)
        elif a == "--keep":
            keep = argv.pop(0)
        elif "-" in a:
            lo, hi = a.split("-")
            seeds += range(int(lo), int(hi) + 1)
        else:
            seeds.append(int(a))
    if not seeds:
        sys.exit(__doc__)
    for seed in seeds:
        work = keep or tempfile.mkdtemp(prefix="partition.")
        os.makedirs(work, exist_ok=True)
        try:
            if one(seed, os.path.abspath(bindir), work):
                return 1
        finally:
            if not keep:
                shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
