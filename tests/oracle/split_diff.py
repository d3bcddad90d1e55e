#!/usr/bin/python3
"""split_diff.py - gn-cat --split against the whole input, on random streams in every kind of file.

    split_diff.py [--bin DIR] [--keep DIR] SEED...

A seed decides everything. Each makes a stream of random segments (empty ones, one record, many;
several schemas, order claims, covers), stores it as a raw file, as plain zstd of one frame and of
several, as a seekable file with an index and tiny frames cut at random between values, the same
without the index and cut anywhere, as such files joined, and as gn-cat itself stores it; then for
some N reads all N parts. Together they must be the input: each record once and in order, claims
true, covers disjoint and whole. Every part must be a valid stream by gnstream.py.

Then the files are damaged (a wrong byte anywhere, a tail cut off, tables and indexes that lie under
a right checksum). Then either some part fails with status 3 or 4, or the parts are the input still.
Exit 1 at the first difference.
"""
import ctypes
import ctypes.util
import os
import random
import struct
import subprocess
import sys
import tempfile

import msgpack
import xxhash

import gnstream

ZSTD = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
for name in ("ZSTD_createCCtx", "ZSTD_compress2", "ZSTD_compressBound", "ZSTD_CCtx_setParameter"):
    getattr(ZSTD, name).restype = ctypes.c_size_t
ZSTD.ZSTD_createCCtx.restype = ctypes.c_void_p
CONTEXT = ctypes.c_void_p(ZSTD.ZSTD_createCCtx())
ZSTD.ZSTD_CCtx_setParameter(CONTEXT, 201, 1)  # ZSTD_c_checksumFlag

SCHEMAS = [
    [("a", "int")],
    [("a", "int"), ("s", "str"), ("b", "bin")],
    [("user_id", "str"), ("timestamp", "time"), ("duration_ms", "int"), ("x", "float")],
]


def frame(data):
    room = ZSTD.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(room)
    n = ZSTD.ZSTD_compress2(CONTEXT, out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)))
    assert n <= room
    return out.raw[:n]


def skippable(magic, content):
    return struct.pack("<II", magic, len(content)) + content


def values(data):
    """[(offset, kind)] of every value; kind is header, record or trailer."""
    unpacker = msgpack.Unpacker(raw=True, timestamp=0, strict_map_key=False,
                                max_buffer_size=len(data) + 16)
    unpacker.feed(data)
    found, at = [], 0
    while at < len(data):
        value = unpacker.unpack()
        kind = "record"
        if isinstance(value, dict):
            kind = "header" if b"gn" in value else "trailer"
        found.append((at, kind))
        at = unpacker.tell()
    return found


class Index:
    """What a writer knows of a stream: its segments, and records before each value."""

    def __init__(self, data):
        self.segments, self.before = [], {}
        records, open_segment = 0, None
        all_values = values(data)
        for i, (at, kind) in enumerate(all_values):
            end = all_values[i + 1][0] if i + 1 < len(all_values) else len(data)
            self.before[at] = records
            if kind == "header":
                open_segment = [at, end, 0, 0, -records]
            elif kind == "record":
                records += 1
            else:
                open_segment[2:4] = at, end
                open_segment[4] += records
                self.segments.append(open_segment)


def seekable(data, cuts, index=None, checksums=False, lie=None):
    """A file with frames cut at these offsets; with an index frame if one is given. lie(table,
    tags, notes) may change what is written."""
    edges = [0] + sorted(set(cuts) - {0, len(data)}) + [len(data)]
    frames = [data[a:b] for a, b in zip(edges, edges[1:])]
    packed = [frame(f) for f in frames]
    table = [[len(p), len(f)] for p, f in zip(packed, frames)]
    tags, notes = [], []
    if index:
        tags = [index.before[a] for a in edges[:-1]]
        notes = [list(s) for s in index.segments]
    if lie:
        lie(table, tags, notes)
    if index:
        body = b"gnindex1" + struct.pack("<II", len(tags), 40 * len(notes))
        body += b"".join(struct.pack("<Q", t & gnstream.U64) for t in tags)
        body += b"".join(struct.pack("<5Q", *(v & gnstream.U64 for v in n)) for n in notes)
        body += struct.pack("<Q", xxhash.xxh3_64_intdigest(body))
        packed.append(skippable(0x184D2A5D, body))
        table.append([len(packed[-1]), 0])
    content = b"".join(struct.pack("<II", a & 0xffffffff, b & 0xffffffff) +
                       (b"\0\0\0\0" if checksums else b"") for a, b in table)
    content += struct.pack("<IBI", len(table), 0x80 if checksums else 0, 0x8F92EAB1)
    return b"".join(packed) + skippable(0x184D2A5E, content)


def unsaid(segment):
    """The segment without the claim that its values are canonical."""
    at = segment.index(b"\xa5canon\xc3") + 6
    assert segment[-9] == 0xcf  # a checksum of eight bytes, as nearly all are
    body = segment[:at] + b"\xc2" + segment[at + 1:-9]
    return body + gnstream.pack(xxhash.xxh3_64_intdigest(body))


def random_stream(rng, most):
    """(bytes, the same under canonical headers)"""
    out, said = b"", b""
    for k in range(rng.choice((1, 1, 2, 3, 8))):
        fields = rng.choice(SCHEMAS)
        n = rng.choice((0, 1, 2, rng.randrange(most), rng.randrange(most)))
        rows = []
        for i in range(n):
            row = [rng.choice((None, i, -i, 2**63 - 1, -2**63)) if t == "int" else
                   rng.choice((None, "", "u%06d" % rng.randrange(99), "\u00e9" * rng.randrange(60)))
                   if t == "str" else rng.choice((None, bytes(rng.randbytes(rng.randrange(300)))))
                   if t == "bin" else rng.choice((None, rng.randrange(-10**15, 10**15)))
                   if t == "time" else rng.choice((None, 0.5, -1e300)) for _, t in fields]
            rows.append(row)
        header, trailer = {}, {}
        if rng.random() < 0.5:
            for i, row in enumerate(rows):
                if fields[0][1] == "int":
                    row[0] = i
                else:
                    row[0] = "u%06d" % i
            header["order"] = [[fields[0][0], "asc"]]
            header["total"] = True
        if rng.random() < 0.6:
            source = rng.randbytes(16)
            lo = rng.choice((0, 500))
            trailer["cover"] = [[source, lo, 1000, 0, gnstream.U64]]
            trailer["sources"] = [[source, 1000, "bytes"]]
        if rng.random() < 0.1:
            trailer["sources"] = [[rng.randbytes(16), 77, "bytes"]]
            trailer.pop("cover", None)
        segment = gnstream.build(fields, rows, header, trailer)
        said += segment
        out += unsaid(segment) if rng.random() < 0.2 and segment[-9] == 0xcf else segment
    return out, said


class Wrong(Exception):
    pass


class Tester:
    def __init__(self, directory, gn_cat):
        self.dir, self.gn_cat = directory, gn_cat
        self.runs = 0

    def path(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def run(self, *args):
        self.runs += 1
        return subprocess.run([self.gn_cat, *map(str, args)], capture_output=True, check=False,
                              timeout=60)

    def parts(self, n, *paths):
        """The N parts' bytes, or None where some part failed as it may."""
        out = []
        for i in range(1, n + 1):
            done = self.run("--split", "%d/%d" % (i, n), *paths)
            if done.returncode in (3, 4):
                return None
            if done.returncode:
                raise Wrong("part %d/%d of %s: status %d: %s" % (
                    i, n, paths, done.returncode, done.stderr.decode(errors="replace")))
            out.append(done.stdout)
        return out


def rows_of(segments):
    return [(tuple(map(tuple, s.fields)), r) for s in segments for r in s.raw]


def check_parts(want, parts, what):
    """want: the input's segments; parts: bytes of each part."""
    try:
        got = [list(gnstream.parse(p)) for p in parts]
    except gnstream.Invalid as e:
        raise Wrong("%s: a part is no valid stream: %s" % (what, e)) from None
    if rows_of(want) != rows_of([s for g in got for s in g]):
        raise Wrong("%s: the parts' records are not the input's" % what)
    if any(not g for g in got):
        raise Wrong("%s: a part has no segment" % what)
    # Covers: what the whole covers, and every cut segment whole and once. Equal sources of several
    # segments are only in files joined with themselves: those are left out by the caller.
    ranges, sizes = {}, {}
    for segment in (s for g in got for s in g):
        for source, size, _ in segment.trailer.get("sources", []):
            sizes[source] = size
        for source, lo, hi, _, _ in segment.trailer.get("cover", []):
            ranges.setdefault(source, []).append((lo, hi))
    known = {s[0] for segment in want for s in segment.trailer.get("sources", [])}
    for segment in (s for g in got for s in g):
        for source, lo, hi, _, _ in segment.trailer.get("cover", []):
            if source not in known and hi - lo != len(segment.records):
                raise Wrong("%s: %d records under a cover of %d" % (
                    what, len(segment.records), hi - lo))
    original = {}
    for segment in want:
        for source, lo, hi, _, _ in segment.trailer.get("cover", []):
            original[source] = (lo, hi)
    for source, size in sizes.items():
        if source in known and source not in original:
            continue
        lo, hi = original.get(source, (0, size))
        for a, b in sorted(ranges.get(source, [])):
            if a != lo:
                raise Wrong("%s: covers of %s: %s" % (what, source.hex(), ranges[source]))
            lo = b
        if lo != hi:
            raise Wrong("%s: the covers of %s end at %d, not %d" % (what, source.hex(), lo, hi))


def variants(rng, data):
    """(name, bytes) of files that hold the stream."""
    index = Index(data)
    places = list(index.before)
    cuts = rng.sample(places, min(len(places), rng.randrange(1, 40)))
    anywhere = rng.sample(range(len(data)), min(len(data), 10))
    edges = sorted({0, len(data), *anywhere})
    yield "raw.gn", data
    yield "plain.zst", frame(data)
    yield "frames.zst", b"".join(frame(data[a:b]) for a, b in zip(edges, edges[1:]))
    yield "indexed.zst", seekable(data, cuts, index, checksums=rng.random() < 0.3)
    yield "every.zst", seekable(data, places[:400], index)
    yield "foreign.zst", seekable(data, anywhere, checksums=rng.random() < 0.5)


def check_seed(seed, t):
    rng = random.Random(seed)
    data, said = random_stream(rng, rng.choice((10, 3000)))
    want = list(gnstream.parse(said))
    files = [(name, t.path(name, body)) for name, body in variants(rng, data)]
    own = os.path.join(t.dir, "own.gn.zst")
    if t.run("-o", own, files[0][1]).returncode:
        raise Wrong("gn-cat -o")
    for name, path in files:
        n = rng.choice((1, 2, 3, rng.randrange(1, 51)))
        parts = t.parts(n, path)
        if parts is None:
            raise Wrong("%s in %d parts: it fails" % (name, n))
        check_parts(want, parts, "%s in %d parts" % (name, n))
        if name.endswith(".zst"):
            plain = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout
            if plain != data:
                raise Wrong("%s: zstd -dc reads something else" % name)
        done = t.run(path)
        if done.returncode or rows_of(gnstream.parse(done.stdout)) != rows_of(want):
            raise Wrong("%s: gn-cat reads something else" % name)
    parts = t.parts(2, own)
    if parts is None or rows_of(want) != rows_of(s for p in parts for s in gnstream.parse(p)):
        raise Wrong("gn-cat's own file: not the input")
    # Several: joined as bytes, and as operands.
    other, said = random_stream(rng, 300)
    index = Index(other)
    second = seekable(other, rng.sample(list(index.before), min(len(index.before), 5)), index)
    first = dict(files)[rng.choice(("indexed.zst", "every.zst", "plain.zst", "foreign.zst"))]
    with open(first, "rb") as f:
        joined = t.path("joined.zst", f.read() + second)
    both = want + list(gnstream.parse(said))
    for paths in ([joined], [dict(files)["raw.gn"], t.path("second.zst", second)]):
        n = rng.randrange(1, 12)
        parts = t.parts(n, *paths)
        if parts is None:
            raise Wrong("%s in %d parts: it fails" % (paths, n))
        check_parts(both, parts, "%s in %d parts" % (paths, n))
    check_damage(rng, t, data, want)


def check_damage(rng, t, data, want):
    index = Index(data)
    places = list(index.before)
    cuts = rng.sample(places, min(len(places), 8))
    good = seekable(data, cuts, index)

    def lie(table, tags, notes):
        kind = rng.randrange(4)
        if kind == 0 and len(table) > 1:
            i = rng.randrange(len(table) - 1)
            by = rng.choice((1, -1, 5))
            table[i][1] += by
            table[i + 1][1] -= by
        elif kind == 1 and len(table) > 1:
            i = rng.randrange(len(table) - 1)
            table[i], table[i + 1] = table[i + 1], table[i]
        elif kind == 2:
            i = rng.randrange(len(tags))
            tags[i] += rng.choice((1, -1, 2**63))
        else:
            i, k = rng.randrange(len(notes)), rng.randrange(5)
            by = rng.choice((1, -1, 2**64 - 1, 3, 100))
            notes[i][k] += by
            if k == 3 and i + 1 < len(notes) and rng.random() < 0.5:
                notes[i + 1][0] += by

    bodies = []
    for _ in range(4):
        b = bytearray(good)
        at = rng.choice((rng.randrange(len(b)), len(b) - 1 - rng.randrange(min(len(b), 120))))
        b[at] ^= 1 << rng.randrange(8)
        bodies.append(("flip at %d" % at, bytes(b)))
    cut = rng.randrange(len(good))
    bodies.append(("cut to %d" % cut, good[:cut]))
    bodies.append(("more behind", good + rng.randbytes(rng.randrange(1, 30))))
    bodies += [("lie", seekable(data, cuts, index, lie=lie)) for _ in range(4)]
    huge = struct.pack("<IBI", rng.choice((2**32 - 1, 2**20, 10**6)), rng.choice((0, 0x80)),
                       0x8F92EAB1)
    bodies.append(("hostile foot", good + huge))
    for what, body in bodies:
        n = rng.randrange(1, 6)
        parts = t.parts(n, t.path("damaged.zst", body))
        if parts is not None:
            check_parts(want, parts, "%s, %d parts, and no error" % (what, n))


def main(argv):
    keep, gn_bin, seeds = None, "", []
    while argv:
        a = argv.pop(0)
        if a == "--bin":
            gn_bin = argv.pop(0)
        elif a == "--keep":
            keep = argv.pop(0)
        else:
            seeds.append(int(a))
    with tempfile.TemporaryDirectory() as scratch:
        t = Tester(keep or scratch, os.path.join(gn_bin, "gn-cat") if gn_bin else "gn-cat")
        for seed in seeds:
            try:
                check_seed(seed, t)
            except Wrong as e:
                print("seed %d: %s" % (seed, e))
                return 1
        print("%d seeds, %d runs" % (len(seeds), t.runs))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
