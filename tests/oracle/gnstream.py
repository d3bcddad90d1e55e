#!/usr/bin/python3
"""gnstream.py - an independent, strict reader of gn streams: grammar, canonical encodings, counts,
checksums, claims. It shares nothing with gn's own code: msgpack and xxhash are the Debian packages.

    gnstream.py [--header | --info | --raw] [FILE...]

prints the records as JSON lines (dates and times as ISO text, bytes as hexadecimal); --header the
header of each segment, --info header and trailer, --raw the records' bytes as they are. Exit 0 when
everything holds, 1 when something does not ("offset N: what"), 4 for a fail trailer.
"""
import datetime
import json
import math
import struct
import subprocess
import sys

import msgpack
import xxhash

TYPES = ("str", "int", "float", "bool", "time", "date", "bin")
DEPTH = 16
EPOCH = datetime.date(1970, 1, 1).toordinal()
HEADER_KEYS = ("gn", "canon", "fields", "order", "total", "part", "!partial")
TRAILER_KEYS = ("end", "cover", "sources", "prov", "xxh3")
U64 = (1 << 64) - 1


class Invalid(Exception):
    """The stream breaks a rule."""

    def __init__(self, offset, what):
        super().__init__("offset %s: %s" % (offset, what))
        self.offset, self.what = offset, what


class Failed(Exception):
    """The stream ends with a fail trailer."""

    def __init__(self, command, status):
        super().__init__("failed upstream: %s, status %s" % (command, status))
        self.command, self.status = command, status


class Segment:
    """One segment. records: tuples (None, str, int, float, bool, bytes; a time is int microseconds,
    a date int days); raw: each record's bytes."""

    def __init__(self):
        self.header = None
        self.fields = []
        self.records = []
        self.raw = []
        self.trailer = None
        self.start = self.stop = 0

    def names(self):
        return [f[0] for f in self.fields]


def pack(value):
    """Canonical bytes of a value as msgpack decoded it."""
    return msgpack.packb(value, use_bin_type=True, strict_types=True)


def time_us(value, at):
    if value.nanoseconds % 1000:
        raise Invalid(at, "a time finer than a microsecond")
    us = value.seconds * 1000000 + value.nanoseconds // 1000
    if not -(1 << 63) <= us < 1 << 63:
        raise Invalid(at, "a time beyond 64 bits")
    return us


def check_text(value, at, what):
    """msgpack with raw=False has already decoded the UTF-8 strictly."""
    if not isinstance(value, str) or "\0" in value:
        raise Invalid(at, "%s is no text without NUL" % what)
    return value


class Walker:
    """Values one after the other, each with its place and bytes."""

    def __init__(self, data):
        self.data = data
        self.at = 0
        self.unpacker = msgpack.Unpacker(
            raw=False, timestamp=0, strict_map_key=False, use_list=True,
            max_buffer_size=max(len(data), 1) + 16)
        self.unpacker.feed(data)

    def next(self):
        """(offset, value, bytes)"""
        at = self.at
        try:
            value = self.unpacker.unpack()
        except msgpack.OutOfData:
            raise Invalid(at, "the stream ends inside a value or without a trailer") from None
        except Exception as e:  # the package raises many kinds
            raise Invalid(at, "no msgpack value: %s" % type(e).__name__) from None
        self.at = self.unpacker.tell()
        return at, value, self.data[at:self.at]

    def done(self):
        return self.at == len(self.data)


def canonical(at, value, raw):
    if depth(value) > DEPTH:
        raise Invalid(at, "nested too deeply")
    if pack(value) != raw:
        raise Invalid(at, "not in canonical form: %s" % raw[:64].hex())


def depth(value):
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    if isinstance(value, dict):
        return 1 + max((depth(x) for kv in value.items() for x in kv), default=0)
    return 0


def is_int(v):
    return isinstance(v, int) and not isinstance(v, bool)


def check_header(at, value, raw):
    if not isinstance(value, dict) or not value or next(iter(value)) != "gn":
        raise Invalid(at, "no header: a map whose first key is gn")
    if raw[0] & 0xf0 != 0x80 and raw[0] != 0xde:
        raise Invalid(at, "the header is neither fixmap nor map16")
    if value["gn"] != 1 or not is_int(value["gn"]):
        raise Invalid(at, "format version %r" % (value["gn"],))
    canonical(at, value, raw)
    for key in value:
        check_text(key, at, "a header key")
        if key.startswith("!") and key not in HEADER_KEYS:
            raise Invalid(at, "unknown key %r that must be understood" % key)
    if value.get("canon") is not True:
        raise Invalid(at, "canon is not true")
    fields = value.get("fields")
    if not isinstance(fields, list):
        raise Invalid(at, "no fields")
    names = set()
    for f in fields:
        if not isinstance(f, list) or len(f) != 2 or f[1] not in TYPES:
            raise Invalid(at, "a field is not [name, type]: %r" % (f,))
        check_text(f[0], at, "a field's name")
        if not f[0] or len(f[0].encode()) > 255 or f[0] in names:
            raise Invalid(at, "empty, long or doubled field name %r" % f[0])
        names.add(f[0])
    if len(fields) > 4096:
        raise Invalid(at, "%d fields" % len(fields))
    order = value.get("order", [])
    if not isinstance(order, list):
        raise Invalid(at, "order is no list")
    for k in order:
        if (not isinstance(k, list) or len(k) != 2 or k[0] not in names
                or k[1] not in ("asc", "desc")):
            raise Invalid(at, "an order key is not [field, asc|desc]: %r" % (k,))
    if len({k[0] for k in order}) != len(order):
        raise Invalid(at, "order names a field twice")
    if "total" in value and (not isinstance(value["total"], bool) or not order):
        raise Invalid(at, "total is no bool, or stands without an order")
    part = value.get("part")
    if part is not None:
        if not isinstance(part, dict) or set(part) - {"salted"} != {"key", "hash", "lo", "hi"}:
            raise Invalid(at, "part is not {key, hash, lo, hi}")
        if (not isinstance(part["key"], list) or not part["key"]
                or any(k not in names for k in part["key"])
                or len(set(part["key"])) != len(part["key"])):
            raise Invalid(at, "part.key does not name fields")
        if not is_int(part["lo"]) or not is_int(part["hi"]) or not 0 <= part["lo"] <= part["hi"] <= U64:
            raise Invalid(at, "part.lo..hi is no range")
        if not isinstance(part["hash"], str):
            raise Invalid(at, "part.hash is no text")
        if "salted" in part and (
                not is_int(part["salted"]) or not 0 < part["salted"] <= U64 or len(part["key"]) < 2
                or dict(map(tuple, value["fields"]))[part["key"][-1]] != "int"):
            raise Invalid(at, "part.salted is no number, or the last key no salt")
    partial = value.get("!partial")
    if partial is not None:
        if (not isinstance(partial, dict) or set(partial) != {"command", "state", "params"}
                or not all(isinstance(x, str) for x in partial.values())):
            raise Invalid(at, "!partial is not {command, state, params} of texts")
    return fields


def field_value(at, name, kind, v):
    """Check one value against its field's type; what callers see."""
    if v is None:
        return None
    ok = False
    if kind == "str":
        ok = isinstance(v, str) and "\0" not in v
    elif kind == "int":
        ok = is_int(v) and -(1 << 63) <= v < 1 << 63
    elif kind == "float":
        ok = isinstance(v, float) and math.isfinite(v)
        if ok and v == 0 and math.copysign(1, v) < 0:
            raise Invalid(at, "field %r holds -0" % name)
    elif kind == "bool":
        ok = isinstance(v, bool)
    elif kind == "time":
        if isinstance(v, msgpack.Timestamp):
            return time_us(v, at)
    elif kind == "date":
        ok = is_int(v) and -719162 <= v <= 2932896
    elif kind == "bin":
        ok = isinstance(v, bytes)
    if not ok:
        raise Invalid(at, "field %r, declared %s, holds %s" % (name, kind, type(v).__name__))
    return v


def sort_key(v, kind):
    if kind == "str" and v is not None:
        return v.encode()
    return v


def check_order(seg, at_of):
    """order and total, as the header claims them: nulls last, both ways."""
    order = seg.header.get("order", [])
    if not order:
        return
    total = seg.header.get("total", False)
    names = seg.names()
    keys = [(names.index(n), dict(map(tuple, seg.fields))[n], d == "desc") for n, d in order]
    for i in range(1, len(seg.records)):
        a, b, cmp = seg.records[i - 1], seg.records[i], 0
        for col, kind, desc in keys:
            x, y = sort_key(a[col], kind), sort_key(b[col], kind)
            if x is None or y is None:
                cmp = (x is None) - (y is None)
            elif x != y:
                cmp = (1 if x > y else -1) * (-1 if desc else 1)
            if cmp:
                break
        if cmp == 0 and total:
            cmp = 1 if seg.raw[i - 1] > seg.raw[i] else 0
        if cmp > 0:
            raise Invalid(at_of[i], "record %d breaks the claimed order" % i)


def key_hash(seg, names, record):
    """XXH3-64 over the concatenated canonical encodings of the key fields."""
    kinds = dict(map(tuple, seg.fields))
    h = b""
    for n in names:
        v = record[seg.names().index(n)]
        if kinds[n] == "time" and v is not None:
            v = msgpack.Timestamp(v // 1000000, v % 1000000 * 1000)
        h += pack(v)
    return xxhash.xxh3_64_intdigest(h)


def check_part(seg, at_of):
    part = seg.header.get("part")
    if part is None:
        return
    n = part.get("salted")
    for i, r in enumerate(seg.records):
        h = key_hash(seg, part["key"][:-1] if n else part["key"], r)
        if n:
            salt = (r[seg.names().index(part["key"][-1])] or 0) % n
            h = (h + -(-(salt << 64) // n)) % 2**64
        if not part["lo"] <= h <= part["hi"]:
            raise Invalid(at_of[i], "record %d lies outside its part" % i)


def check_id(at, v, what):
    if not isinstance(v, bytes) or len(v) != 16:
        raise Invalid(at, "%s is no 16 bytes" % what)


def check_trailer(at, value, raw, seg, data):
    canonical(at, value, raw)
    keys = list(value)
    if keys != [k for k in TRAILER_KEYS if k in value] or keys[-1] != "xxh3":
        raise Invalid(at, "trailer keys %r" % keys)
    if value["end"] != len(seg.records) or not is_int(value["end"]):
        raise Invalid(at, "the trailer counts %r records, there are %d"
                      % (value["end"], len(seg.records)))
    sum_at = at + len(raw) - len(pack(value["xxh3"]))
    if value["xxh3"] != xxhash.xxh3_64_intdigest(data[seg.start:sum_at]):
        raise Invalid(at, "wrong checksum")
    check_lineage(at, value)


def check_lineage(at, trailer):
    """sources, cover and prov: their shape and what must hold between them."""
    sources = {}
    for s in trailer.get("sources", []):
        ident, size, _ = source_of(at, s)
        if ident in sources:
            raise Invalid(at, "a source stands twice")
        sources[ident] = size
    if list(sources) != sorted(sources):
        raise Invalid(at, "sources are not sorted")
    covers = [cover_of(at, c) for c in trailer.get("cover", [])]
    for c in covers:
        if c[0] not in sources:
            raise Invalid(at, "cover of a source that is not listed")
        if not 0 <= c[1] <= c[2] <= sources[c[0]] or not 0 <= c[3] <= c[4] <= U64:
            raise Invalid(at, "cover range outside its source")
    for i, a in enumerate(covers):
        for b in covers[:i]:
            if overlap(a, b):
                raise Invalid(at, "covers overlap")
    if "prov" in trailer:
        check_prov(at, trailer["prov"], sources)


def overlap(a, b):
    return a[0] == b[0] and a[1] < b[2] and b[1] < a[2] and a[3] <= b[4] and b[3] <= a[4]


def source_of(at, s):
    """[id, size, "bytes" or "records"]"""
    if (not isinstance(s, list) or len(s) != 3 or not is_int(s[1]) or s[1] < 0
            or s[2] not in ("bytes", "records")):
        raise Invalid(at, "source %r" % (s,))
    check_id(at, s[0], "a source's id")
    return s


def cover_of(at, c):
    """[source, lo, hi, hash lo, hash hi]: [lo, hi) of the source, hashes inclusive"""
    if not isinstance(c, list) or len(c) != 5 or not all(map(is_int, c[1:])):
        raise Invalid(at, "cover %r" % (c,))
    check_id(at, c[0], "a cover's source")
    return tuple(c)


def below(nodes, root):
    """All ids that a node is made from."""
    seen, todo = set(), [root]
    while todo:
        for i in nodes.get(todo.pop(), []):
            if i not in seen:
                seen.add(i)
                todo.append(i)
    return seen


def check_prov(at, prov, sources):
    """[root, [[id, command, version, options, [parent...]]...]]: ids recomputed; every node leads
    to the root, and the graph ends at sources."""
    if not isinstance(prov, list) or len(prov) != 2 or not isinstance(prov[1], list):
        raise Invalid(at, "prov is not [root, nodes]")
    check_id(at, prov[0], "prov's root")
    nodes = {}
    for n in prov[1]:
        if (not isinstance(n, list) or len(n) != 5 or not isinstance(n[4], list)
                or not all(isinstance(x, str) for x in n[1:4])):
            raise Invalid(at, "a node is not [id, command, version, options, parents]")
        for i in [n[0]] + n[4]:
            check_id(at, i, "a node's id")
        if n[4] != sorted(set(n[4])):
            raise Invalid(at, "a node's parents are not sorted, or doubled")
        text = b"".join(x.encode() + b"\0" for x in n[1:4]) + b"".join(n[4])
        if xxhash.xxh3_128_digest(text) != n[0]:
            raise Invalid(at, "the id of the node of %r is not its hash" % n[1])
        if n[0] in nodes:
            raise Invalid(at, "a node stands twice")
        nodes[n[0]] = n[4]
    if list(nodes) != sorted(nodes):
        raise Invalid(at, "nodes are not sorted")
    # What a join only looks things up in is not among the sources.
    joined = {i for n in prov[1] if n[1] == "gn-join" for i in below(nodes, n[0])}
    seen, todo = set(), [prov[0]]
    while todo:
        i = todo.pop()
        if i not in nodes and i != prov[0] and (i in sources or len(sources) == 1 or i in joined):
            continue  # an edge; over 64 sources fold into one, whose id no node names
        if i not in nodes:
            raise Invalid(at, "prov names a node that is not listed")
        if i not in seen:
            seen.add(i)
            todo += nodes[i]
    if seen != set(nodes):
        raise Invalid(at, "prov lists nodes that do not lead to the root")


def parse(data, claims=True):
    """All segments of a stream given as bytes; raises Invalid or Failed."""
    if data[:4] == b"\x28\xb5\x2f\xfd" or data[1:4] == b"\x2a\x4d\x18":
        p = subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=False)
        if p.returncode:
            raise Invalid(0, "zstd refuses it")
        data = p.stdout
    if not data:
        raise Invalid(0, "empty")
    w = Walker(data)
    segments = []
    while not w.done():
        at, value, raw = w.next()
        if isinstance(value, dict) and list(value) == ["fail"]:
            raise_failed(at, value, raw, w)
        seg = Segment()
        seg.start = at
        seg.fields = check_header(at, value, raw)
        seg.header = value
        at_of = []
        while True:
            at, value, raw = w.next()
            if isinstance(value, list):
                if len(value) != len(seg.fields):
                    raise Invalid(at, "a record of %d values, not %d"
                                  % (len(value), len(seg.fields)))
                canonical(at, value, raw)
                seg.records.append(tuple(
                    field_value(at, f[0], f[1], v) for f, v in zip(seg.fields, value)))
                seg.raw.append(raw)
                at_of.append(at)
                continue
            if not isinstance(value, dict) or not value:
                raise Invalid(at, "neither record nor trailer")
            if next(iter(value)) == "fail":
                raise_failed(at, value, raw, w)
            if next(iter(value)) != "end":
                raise Invalid(at, "a map that is no trailer")
            check_trailer(at, value, raw, seg, data)
            seg.trailer = value
            break
        if claims:
            check_order(seg, at_of)
            check_part(seg, at_of)
        seg.stop = w.at
        segments.append(seg)
    return segments


def raise_failed(at, value, raw, w):
    canonical(at, value, raw)
    f = value["fail"]
    if (list(value) != ["fail"] or not isinstance(f, list) or len(f) != 2
            or not isinstance(f[0], str) or not is_int(f[1])):
        raise Invalid(at, "a fail trailer is {fail: [command, status]}")
    if not w.done():
        raise Invalid(w.at, "something follows the fail trailer")
    raise Failed(f[0], f[1])


# ---- building streams: false ones for the tests, true ones from any source ----

def build(fields, records, header=None, trailer=None, count=None, checksum=None):
    """A segment. header, trailer: further keys, in order. count, checksum: false values."""
    h = {"gn": 1, "canon": True, "fields": [list(f) for f in fields]}
    h.update(header or {})
    kinds = [f[1] for f in fields]
    body = b"".join([pack(h)] + [pack([as_wire(v, k) for v, k in zip(r, kinds)]) for r in records])
    t = {"end": len(records) if count is None else count}
    t.update(trailer or {})
    t["xxh3"] = 0
    tail = pack(t)[:-1]  # without the value 0, one byte
    if checksum is None:
        checksum = xxhash.xxh3_64_intdigest(body + tail)
    return body + tail + pack(checksum)


def as_wire(v, kind):
    if kind == "time" and v is not None:
        return msgpack.Timestamp(v // 1000000, v % 1000000 * 1000)
    return v


def date_text(day):
    return datetime.date.fromordinal(day + EPOCH).isoformat()


def time_text(us):
    t = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)
    text = t.isoformat(sep=" ")
    return text.rstrip("0").rstrip(".") if t.microsecond else text


def show(v, kind):
    if v is None:
        return None
    if kind == "date":
        return date_text(v)
    if kind == "time":
        try:
            return time_text(v)
        except OverflowError:
            return v
    if isinstance(v, bytes):
        return v.hex()
    return v


def plain(v):
    """Anything as JSON takes it."""
    if isinstance(v, bytes):
        return v.hex()
    if isinstance(v, dict):
        return {str(k): plain(x) for k, x in v.items()}
    if isinstance(v, list):
        return [plain(x) for x in v]
    return v


def main(argv):
    mode = None
    files = []
    for a in argv:
        if a in ("--header", "--info", "--raw"):
            mode = a
        elif a.startswith("--"):
            sys.exit(__doc__)
        else:
            files.append(a)
    status = 0
    out = sys.stdout
    for name in files or ["-"]:
        if name == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(name, "rb") as f:
                data = f.read()
        try:
            for seg in parse(data):
                if mode == "--raw":
                    out.flush()
                    out.buffer.write(b"".join(seg.raw))
                elif mode:
                    print(json.dumps(plain(seg.header), ensure_ascii=False), file=out)
                    if mode == "--info":
                        print(json.dumps(plain(seg.trailer), ensure_ascii=False), file=out)
                else:
                    for r in seg.records:
                        print(json.dumps({f[0]: show(v, f[1]) for f, v in zip(seg.fields, r)},
                                         ensure_ascii=False), file=out)
        except Invalid as e:
            print("gnstream: %s: %s" % (name, e), file=sys.stderr)
            status = 1
        except Failed as e:
            print("gnstream: %s: %s" % (name, e), file=sys.stderr)
            status = 4
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
