#!/usr/bin/python3
"""vectors.py - run gn-cat on the test vectors of the stream format: tests/data/vectors/NAME.hex
(bytes in hexadecimal, # begins a comment) with what must come of it in NAME.json:

    status           of gn-cat; 3 and 4 with one line of error, none where "silent" is given
    records          the values of the records that come out, dates and times as text
    header           keys that the header must have
    same_records_as  NAME: the records' bytes are those of another vector

    vectors.py [NAME...]        exit 1 when one does not hold
"""
import json
import pathlib
import subprocess
import sys

import gnstream

HERE = pathlib.Path(__file__).resolve().parent.parent / "data" / "vectors"


def bytes_of(name):
    text = (HERE / (name + ".hex")).read_text("utf-8")
    return bytes.fromhex(" ".join(line.split("#")[0] for line in text.splitlines()))


def raw_records(data):
    return [r for seg in gnstream.parse(data) for r in seg.raw]


def check(name):
    want = json.loads((HERE / (name + ".json")).read_text("utf-8"))
    data = bytes_of(name)
    run = subprocess.run(["gn-cat"], input=data, capture_output=True, timeout=20, check=False)
    message = run.stderr.decode("utf-8", "replace")
    if run.returncode != want["status"]:
        return "status %d, not %d: %s" % (run.returncode, want["status"], message.strip())
    lines = 0 if want["status"] == 0 or want.get("silent") else 1
    if message.count("\n") != lines:
        return "%d lines of error, not %d: %s" % (message.count("\n"), lines, message.strip())
    if want["status"] != 0:
        return None
    segments = gnstream.parse(run.stdout)
    got = [[gnstream.show(v, f[1]) for v, f in zip(r, seg.fields)]
           for seg in segments for r in seg.records]
    if got != want["records"]:
        return "records %r, not %r" % (got, want["records"])
    for key, value in want.get("header", {}).items():
        if segments[0].header.get(key) != value:
            return "header key %r is %r" % (key, segments[0].header.get(key))
    raw = raw_records(run.stdout)
    if "same_records_as" in want and raw != raw_records(bytes_of(want["same_records_as"])):
        return "the records' bytes are not those of " + want["same_records_as"]
    if segments[0].header["canon"] and b"\xa5canon" in data and raw != raw_records(data):
        return "canonical records did not come out as they went in"
    return None


def main(names):
    status = 0
    names = names or sorted(p.stem for p in HERE.glob("*.hex"))
    for name in names:
        try:
            wrong = check(name)
        except gnstream.Invalid as e:
            wrong = "what came out is no stream: %s" % e
        if wrong:
            print("%s: %s" % (name, wrong))
            status = 1
    print("%d vectors" % len(names))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
