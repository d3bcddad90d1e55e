#!/usr/bin/python3
"""conform.py - what the conformance suite cannot do quickly or at all in a shell.

    conform.py samples DIR         writes the streams that conformance.bats feeds to the commands
    conform.py flips FILE STREAM -- COMMAND...
                                   every single bit of FILE flipped, given to COMMAND on standard
                                   input: status 3 or 4, one line of error, no whole stream out
                                   (STREAM: 1 when the output is a stream)
    conform.py cuts FILE STREAM -- COMMAND...
                                   the same with every proper prefix of FILE: status 4 (also 3 in
                                   the first 4 bytes)
    conform.py closed FILE -- COMMAND...
                                   standard output is a pipe that nobody reads: dies of SIGPIPE,
                                   silently
    conform.py tty out|in -- COMMAND...
                                   standard output (input) is a terminal; ends with COMMAND's status
"""
import concurrent.futures
import os
import pty
import re
import subprocess
import sys

import gnstream

ERROR = re.compile(rb"\Agn-[a-z]+: error: [^A-Z\n][^\n]*[^.\n]\n\Z")
DAY = 86400 * 1000000
FIELDS = [("user_id", "str"), ("timestamp", "time"), ("duration_ms", "int")]
RECORDS = [
    ("u1", 19358 * DAY, 12000), ("u1", 19359 * DAY, -7), ("u2", 19358 * DAY + 1, None)]
# Some commands need it.
ORDER = {"order": [["user_id", "asc"], ["timestamp", "asc"]]}


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def samples(where):
    def build(fields, records, header=None, **false):
        return gnstream.build(fields, records, header={**ORDER, **(header or {})}, **false)

    good = build(FIELDS, RECORDS)
    head = build(FIELDS, [])
    unit = gnstream.pack({"gn": 1, "canon": True, "fields": [list(f) for f in FIELDS], **ORDER})
    out = {
        "good": good,
        "hot": build([("user_id", "str"), ("timestamp", "time"), ("factor", "int")], [("u1", 0, 3)]),
        "two": good + build(FIELDS, RECORDS[2:]),
        "empty": head,
        "zero": b"",
        "cut": good[:-1],
        "headonly": unit,
        "failed": good[:good.index(b"\xa3end") - 1] + gnstream.pack({"fail": ["gn-x", 5]}),
        "failed-first": gnstream.pack({"fail": ["gn-x", 3]}),
        "failed-later": good + gnstream.pack({"fail": ["gn-x", 4]}),
        "miscount": build(FIELDS, RECORDS, count=4),
        "missum": build(FIELDS, RECORDS, checksum=12345),
        "no-trailer": good + unit,
        "junk-after": good + b"hello",
        "short-record": good[:len(unit)] + b"\x92\xa2u1\xc0" + good[len(unit):],
        "wrong-type": build(FIELDS, [(5, 0, 1)]),
        "version": gnstream.pack({"gn": 2, "canon": True, "fields": []}) + gnstream.pack({"end": 0, "xxh3": 0}),
        "must-know": build(FIELDS, [], header={"!future": 1}),
        "may-know": build(FIELDS, RECORDS, header={"future": [1, {"a": None}]}),
        "foreign-text": b"hello, this is no stream\n",
        "foreign-csv": b"user_id,timestamp\nu1,2023-01-01 00:00:00\n",
        "foreign-json": b'{"gn": 1}\n',
        "foreign-gzip": bytes.fromhex("1f8b0800000000000003") + bytes(20),
        "foreign-png": b"\x89PNG\r\n\x1a\n" + bytes(20),
        "foreign-zeros": bytes(64),
        "foreign-ff": b"\xff" * 64,
        "foreign-msgpack": gnstream.pack({"a": 1, "b": [1, 2]}),
        "foreign-array": gnstream.pack([1, 2, 3]),
        "foreign-long": b"\xdd\xff\xff\xff\xff" + bytes(100),
        "foreign-map": b"\xdf\xff\xff\xff\xff\xa2gn\x01" + bytes(100),
    }
    # A declared string of 4 GiB in a record, after an honest header.
    out["huge-claim"] = unit + b"\x93\xdb\xff\xff\xff\xff" + b"x" * 64
    out["deep"] = unit + b"\x93" + b"\x91" * 2000 + b"\xc0" * 3
    # Larger than every pipe buffer.
    many = sorted(("u%d" % (i % 999), (19000 + i % 200) * DAY + i, i % 1000) for i in range(60000))
    out["many"] = build(FIELDS, many)
    for name, data in out.items():
        write(os.path.join(where, name + ".gn"), data)


SANITIZED = bool(os.environ.get("GN_SANITIZED"))


def run(command, data, where, leaks=True):
    """leaks: look for them, under a sanitizer, which takes as long as all else does."""
    env = None
    if SANITIZED:
        env = dict(os.environ, ASAN_OPTIONS="detect_leaks=%d" % leaks)
    return subprocess.run(command, input=data, capture_output=True, timeout=60, cwd=where,
                          check=False, env=env)


def whole_stream(data):
    try:
        gnstream.parse(data)
        return True
    except (gnstream.Invalid, gnstream.Failed):
        return False


def judge(p, statuses, is_stream):
    if p.returncode not in statuses:
        return "status %d" % p.returncode
    if not ERROR.match(p.stderr):
        return "not one error line: %r" % p.stderr[:200]
    if is_stream and whole_stream(p.stdout):
        return "a whole stream came out all the same"
    return None


def mutate(name, is_stream, command, mutants):
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [(what, statuses, pool.submit(run, command, data, ".", i % 4 == 0))
                for i, (what, statuses, data) in enumerate(mutants)]
        for what, statuses, job in jobs:
            verdict = judge(job.result(), statuses, is_stream)
            if verdict:
                bad += 1
                if bad <= 5:
                    print("%s: %s: %s" % (" ".join(command), what, verdict))
    if bad:
        print("%s: %d of %d mutants of %s got through" % (command[0], bad, len(jobs), name))
    return 1 if bad else 0


def flips(name, is_stream, command):
    with open(name, "rb") as f:
        data = f.read()

    # All commands read alike. Every seventh bit meets each place in a byte, too, and so does every
    # 29th, for a sanitizer, which is slow.
    step = 29 if SANITIZED else 1 if command[0] == "gn-cat" else 7

    def mutants():
        for i in range(0, len(data) * 8, step):
            m = bytearray(data)
            m[i // 8] ^= 1 << i % 8
            yield "bit %d of byte %d" % (i % 8, i // 8), (3, 4), bytes(m)
    return mutate(name, is_stream, command, mutants())


def cuts(name, is_stream, command):
    with open(name, "rb") as f:
        data = f.read()
    return mutate(name, is_stream, command,
                  (("cut to %d bytes" % n, (3, 4) if 0 < n < 4 else (4,), data[:n])
                   for n in range(0, len(data), 1 if command[0] == "gn-cat" else 7 if SANITIZED else 3)))


def closed(name, command):
    r, w = os.pipe()
    os.close(r)
    with open(name, "rb") as f:
        p = subprocess.run(command, stdin=f, stdout=w, stderr=subprocess.PIPE, timeout=60,
                           check=False)
    os.close(w)
    if p.returncode != -13 or p.stderr:
        print("%s: status %d, %r" % (" ".join(command), p.returncode, p.stderr[:200]))
        return 1
    return 0


def tty(side, command):
    master, slave = pty.openpty()
    kw = {"stdout": slave} if side == "out" else {"stdin": slave, "stdout": subprocess.DEVNULL}
    if side == "out":
        kw["stdin"] = subprocess.DEVNULL
    try:
        p = subprocess.run(command, timeout=20, check=False, **kw)
    except subprocess.TimeoutExpired:
        print("hangs", file=sys.stderr)
        return 99
    os.close(slave)
    os.close(master)
    return p.returncode if p.returncode >= 0 else 128 - p.returncode


def main(argv):
    verb = argv[0] if argv else ""
    rest = argv[1:argv.index("--")] if "--" in argv else argv[1:]
    command = argv[argv.index("--") + 1:] if "--" in argv else []
    if verb == "samples":
        return samples(rest[0])
    if verb in ("flips", "cuts"):
        return (flips if verb == "flips" else cuts)(rest[0], rest[1] == "1", command)
    if verb == "closed":
        return closed(rest[0], command)
    if verb == "tty":
        return tty(rest[0], command)
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
