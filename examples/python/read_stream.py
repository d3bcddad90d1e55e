#!/usr/bin/env python3
"""Read a gn stream with the ordinary msgpack package (Debian: python3-msgpack; pip: msgpack).

    gn-fromcsv events.csv | ./read_stream.py

A stream is a sequence of msgpack values: for each segment a map with the fields' names and types,
then an array for each record, then a map that begins with the key "end" and says how many records
there must be. A map that begins with "fail", or an ending without such a map, means that what was
read is not all there is. gn-stream(5) has the whole of it.
"""
import datetime
import sys

import msgpack

EPOCH = datetime.date(1970, 1, 1)


def segments(file):
    """Yield (fields, records) for each segment; records is an iterator to be read to its end."""
    values = msgpack.Unpacker(file, raw=False, timestamp=3)  # 3: times become datetime
    for header in values:
        if "fail" in header:
            raise SystemExit("failed upstream: %s, status %s" % tuple(header["fail"]))
        if not isinstance(header, dict) or header.get("gn") != 1:
            raise SystemExit("not a gn stream")
        yield header["fields"], records(values, header["fields"])


def records(values, fields):
    count = 0
    for value in values:
        if isinstance(value, list):
            count += 1
            yield {name: EPOCH + datetime.timedelta(days=v) if kind == "date" and v is not None
                   else v for (name, kind), v in zip(fields, value)}
        elif "fail" in value:
            raise SystemExit("failed upstream: %s, status %s" % tuple(value["fail"]))
        elif value["end"] != count:
            raise SystemExit("%d records, not %d" % (count, value["end"]))
        else:
            return
    raise SystemExit("the stream ends without a trailer")


def main():
    for fields, rows in segments(sys.stdin.buffer):
        print("fields:", ", ".join("%s %s" % tuple(f) for f in fields))
        for row in rows:
            print(*("-" if v is None else v for v in row.values()), sep="  ")


if __name__ == "__main__":
    main()
