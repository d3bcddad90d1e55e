#!/usr/bin/python3
"""ordered.py - sort the records of a stream, without gn-sort.

    ordered.py FIELD,FIELD... [FILE]

writes one segment with the records of all segments in the order of these fields (nulls last, ties by
the record's bytes), the claim in its header, and the lineage of the first segment.
"""
import sys

import gnstream


def main(argv):
    fields = argv[0].split(",")
    if len(argv) > 1:
        with open(argv[1], "rb") as f:
            data = f.read()
    else:
        data = sys.stdin.buffer.read()
    segs = gnstream.parse(data, claims=False)
    names = segs[0].names()
    at = [names.index(f) for f in fields]
    rows = [rr for s in segs for rr in zip(s.records, s.raw)]

    def key(row):
        values = [row[0][i] for i in at]
        return [(v is None, 0 if v is None else v.encode() if isinstance(v, str) else v)
                for v in values], row[1]
    rows.sort(key=key)
    header = {k: v for k, v in segs[0].header.items() if k in ("part",)}
    header = {"order": [[f, "asc"] for f in fields], "total": True, **header}
    trailer = {k: v for k, v in segs[0].trailer.items() if k in ("cover", "sources", "prov")}
    sys.stdout.buffer.write(gnstream.build(segs[0].fields, [r for r, _ in rows], header, trailer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
