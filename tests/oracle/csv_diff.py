#!/usr/bin/python3
"""csv_diff.py - gn-fromcsv against an independent reading of the rules of gn-fromcsv(1), on random
and hostile CSV.

    csv_diff.py [--keep DIR] SEED...

For each seed a file is made (quotes, embedded line ends and separators, bare CR, CRLF, blanks, empty
lines, ragged rows, NUL, bytes that are no UTF-8, long fields, no final newline, a BOM). What a
state machine of our own expects - records, rejected rows with offset, line, rule and bytes, and
how many rows each parser takes - is compared with what gn-fromcsv writes, for every twin of the
vector code, through libcsv alone, from a file, and from a pipe that gives a few bytes at a time.
Needs gn-fromcsv on PATH. Exit 1 at the first difference; --keep saves the file there."""
import datetime
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import threading

import gnstream

TYPES = ("str", "int", "float", "bool", "date", "time")
REJECTS = ["input", "offset", "record", "rule", "reason", "raw"]


# ---- the rules ----


def rows(data, delim, trim, start):
    """Yields (offset, end, line, raw, fields | None, empty, libcsv, column): fields are None (null) or
    bytes; a bad row has no fields, and the number of the column where it went wrong."""
    blanks = b" \t".replace(delim, b"") if trim else b""
    pos, line = start, 1
    size = len(data)

    def eol(i):
        """Length of the row's end at i, or None."""
        if i == size:
            return 0
        if data[i : i + 1] == b"\n":
            return 1
        if data[i : i + 1] == b"\r" and (i + 1 == size or data[i + 1 : i + 2] == b"\n"):
            return 2 if i + 1 < size else 1
        return None

    while pos < size:
        at, fields, bad = pos, [], False
        first_end = pos
        while eol(first_end) is None:
            first_end += 1
        text = data[pos:first_end]
        if not text or (trim and not text.strip(blanks)):
            end = first_end + eol(first_end)
            yield at, end, line, data[pos:first_end], [None], True, first_end > pos, 0
            line += data.count(b"\n", at, end)
            pos = end
            continue
        i = pos
        while True:
            while i < size and data[i] in blanks:
                i += 1
            if data[i : i + 1] == b'"':
                i += 1
                value = bytearray()
                while True:
                    if i == size:
                        bad = True
                        break
                    if data[i : i + 1] == b'"':
                        if data[i + 1 : i + 2] == b'"':
                            value += b'"'
                            i += 2
                            continue
                        i += 1
                        break
                    value.append(data[i])
                    i += 1
                if bad:
                    break
                while i < size and data[i] in blanks:
                    i += 1
                if data[i : i + 1] != delim and eol(i) is None:
                    bad = True
                    break
                value = bytes(value)
            else:
                j = i
                while data[j : j + 1] != delim and eol(j) is None:
                    if data[j : j + 1] == b'"':
                        bad = True
                        break
                    j += 1
                value = data[i:j].rstrip(blanks) if blanks else data[i:j]
                i = j
                if bad:
                    break
                value = value or None
            fields.append(value)
            if data[i : i + 1] == delim:
                i += 1
                continue
            break
        if bad:
            stop = data.find(b"\n", i)
            end = size if stop < 0 else stop + 1
        else:
            end = i + eol(i)
        body = i
        if bad and i < size:  # the line ends where it would if the quotes before were in order
            body = end - (data[end - 1 : end] == b"\n")
            if data[body - 1 : body] == b"\r" and data.count(b'"', at, body) % 2 == 0:
                body -= 1
        raw = data[at:body]
        libcsv = b'"' in raw or b"\r" in data[at:first_end]
        if trim and not libcsv:
            padded = delim + raw + delim
            libcsv = any(
                delim + bytes([b]) in padded or bytes([b]) + delim in padded for b in blanks
            )
        yield at, end, line, raw, None if bad else fields, False, libcsv, len(fields)
        line += data.count(b"\n", at, end)
        pos = end


def day(text):
    m = re.fullmatch(rb"(\d{4})-(\d\d)-(\d\d)", text)
    if not m:
        raise ValueError
    return datetime.date(*map(int, m.groups())).toordinal() - gnstream.EPOCH


LOW = (1 - gnstream.EPOCH) * 86400 * 10**6
HIGH = (datetime.date.max.toordinal() + 1 - gnstream.EPOCH) * 86400 * 10**6


def time(text, offset):
    if re.fullmatch(rb"[+-]?\d{1,17}", text):
        digits = len(text.lstrip(b"+-"))
        us = int(text) * (10**6 if digits <= 11 else 10**3 if digits <= 14 else 1)
    else:
        m = re.fullmatch(
            rb"(\d{4}-\d\d-\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})0*)?"
            rb"(?:(Z)|([+-])(\d\d):?(\d\d))?)?",
            text,
        )
        if not m:
            raise ValueError
        us = day(m[1]) * 86400 * 10**6
        if m[2]:
            h, mi, s = int(m[2]), int(m[3]), int(m[4])
            if h > 23 or mi > 59 or s > 59:
                raise ValueError
            us += (h * 3600 + mi * 60 + s) * 10**6 + int((m[5] or b"").ljust(6, b"0"))
        if m[7]:
            if int(m[8]) > 23 or int(m[9]) > 59:
                raise ValueError
            shift = (int(m[8]) * 60 + int(m[9])) * 60 * 10**6
            us += shift if m[7] == b"-" else -shift
        elif not m[6]:
            us -= offset * 10**6
    if not LOW <= us < HIGH:
        raise ValueError
    return us


def convert(kind, text, replace, offset):
    """The value, or ValueError."""
    if kind == "str":
        if b"\0" in text and not replace:
            raise ValueError
        if replace:
            return text.decode("utf-8", "replace").replace("\0", "\ufffd")
        return text.decode("utf-8")
    if kind == "int":
        if not re.fullmatch(rb"[+-]?[0-9]+", text) or not -(2**63) <= int(text) < 2**63:
            raise ValueError
        return int(text)
    if kind == "float":
        if not re.fullmatch(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
            raise ValueError
        v = float(text)
        if math.isinf(v):
            raise ValueError
        return v + 0.0 if v else 0.0
    if kind == "bool":
        t = text.lower()
        if t in (b"1", b"t", b"true", b"yes"):
            return True
        if t in (b"0", b"f", b"false", b"no"):
            return False
        raise ValueError
    if kind == "date":
        return day(text)
    return time(text, offset)


def expected(data, case):
    start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    names = [n for n, _ in case["schema"]]
    header = not case["no_header"]
    good, bad = [], []
    n = dict.fromkeys(("read", "rejected", "written", "empty", "vector", "libcsv"), 0)
    longest = 0
    for at, end, line, raw, fields, empty, libcsv, column in rows(
        data, case["delim"], case["trim"], start
    ):
        longest = max(longest, end - at)
        if header and not empty:
            assert [f.decode() for f in fields] == names
            header = False
            continue
        if empty and (len(names) > 1 or header):
            n["empty"] += 1
            continue
        n["read"] += 1
        n["libcsv" if libcsv else "vector"] += 1
        rule = record = None
        if fields is None:
            rule = "quote"
        elif len(fields) != len(names):
            rule = "missing_column" if len(fields) < len(names) else "extra_column"
        else:
            record = []
            for f in case["fields"]:
                kind = case["schema"][f][1]
                column = f
                if fields[f] is None:
                    record.append(None)
                    continue
                try:
                    record.append(convert(kind, fields[f], case["replace"], case["offset"]))
                except ValueError:
                    rule = "text" if kind == "str" else "type"
                    break
        if rule:
            n["rejected"] += 1
            where = ""
            if rule in ("quote", "text", "type") and column < len(names):
                where = "column '%s': " % names[column]
            bad.append((at, line, rule, where, raw))
        else:
            n["written"] += 1
            good.append(tuple(record))
    return good, bad, n, longest


# ---- random files ----


def value(r, kind, wild):
    if r.random() < 0.07:
        return b""
    if r.random() < wild:
        return wild_value(r)
    if kind == "int":
        if r.random() < 0.1:
            return r.choice(
                [b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"+5",
                 b"007", b"-0", b"00000000000000000000012", b"99999999", b"100000000", b"127",
                 b"128", b"255", b"256", b"65535", b"65536", b"4294967295", b"4294967296",
                 b"-32", b"-33", b"-128", b"-129", b"-32768", b"-32769", b"1234567a", b"12 "]
            )
        return str(r.randrange(-(10 ** r.randint(0, 6)), 10 ** r.randint(1, 12))).encode()
    if kind == "float":
        return r.choice(
            [b"%d" % r.randrange(10**6), b"%.3f" % r.uniform(-1e6, 1e6),
             repr(r.uniform(-1e300, 1e300)).encode(), b"1e5", b".5", b"5.", b"-0", b"1e400",
             b"nan", b"inf", b"0x1p3", repr(r.random() * 10 ** r.randint(-320, 300)).encode(),
             b"0.1000000000000000055511151231257827021181583404541015625", b"1_0",
             b"123456789012345678901234567890.5e-10"]
        )
    if kind == "bool":
        return r.choice([b"true", b"false", b"TRUE", b"t", b"F", b"yes", b"No", b"1", b"0", b"2",
                         b"tru", b"on"] + [b"true", b"false"] * 6)
    if kind == "date":
        return date_text(r)
    if kind == "time":
        k = r.random()
        if k < 0.1:
            return r.choice([b"0", b"-1", b"1688221815", b"1688221815123", b"1688221815123456",
                             b"99999999999", b"-62135596801", b"123456789012345678"])
        t = date_text(r)
        if k < 0.2:
            return t
        t += r.choice([b" ", b" ", b" ", b"T", b"_"] if r.random() < 0.2 else [b" ", b"T"])
        clock = (r.randrange(24), r.randrange(60), r.randrange(60))
        if r.random() < 0.04:
            clock = r.choice([(24, 0, 0), (23, 60, 0), (23, 59, 60), (29, 0, 0)])
        t += b"%02d:%02d:%02d" % clock
        if r.random() < 0.2:
            t += r.choice([b".5", b".123456", b".1234567", b".1234560", b".", b".000001"])
        if r.random() < 0.2:
            t += r.choice([b"Z", b"+02:00", b"-0530", b"+24:00", b"z", b"+2:00", b"+02:60"])
        return t
    k = r.random()
    if k < 0.6:
        return bytes(r.choice(b"abcdefghijklmnopqrstuvwxyz0123456789_-.") for _ in range(r.randint(1, 12)))
    if k < 0.85:
        n = r.choice([15, 16, 17, 30, 31, 32, 33, 63, 64, 65, 100, 255, 256, 257])
        return bytes(r.choice(b"xyz") for _ in range(n))
    return r.choice(["gr\u00fc\u00dfe", "\u65e5\u672c\u8a9e", "\U0001f600 smile", "na\u00efve"]).encode()


def date_text(r):
    if r.random() < 0.1:
        return r.choice([b"0000-01-01", b"0001-01-01", b"9999-12-31", b"2023-02-29", b"2024-02-29",
                         b"1900-02-29", b"2000-02-29", b"2023-13-01", b"2023-00-10", b"2023-01-32",
                         b"2023-04-31", b"1969-12-31", b"1970-01-01", b"2023-1-01", b"2023/01/01",
                         b"2106-02-07", b"2023-01-00", b"202a-01-01", b"2023-19-39"])
    d = datetime.date.fromordinal(r.randrange(1, datetime.date.max.toordinal() + 1)
                                  if r.random() < 0.1 else r.randrange(719163, 750000))
    return d.isoformat().encode()


def wild_value(r):
    return r.choice(
        [b" ", b"  x", b"x  ", b"\t", b"a\rb", b"\r", b"a\0b", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xe2\x82",
         b"\xf0\x9f\x98", b"\xc0\x80", b"\xf4\x90\x80\x80", b"a\xe2\x28\xa1b", b'"', b'""', b'"a', b'a"b', b'"a"b', b'a""',
         b'"" ', b' ""', b"'", b"\\", b"NULL", b"null", b"-", b"NaN", b"\xef\xbb\xbf", b"x\r"]
    )


def quote(r, text):
    return b'"' + text.replace(b'"', b'""') + b'"'


def make(seed):
    r = random.Random(seed)
    delim = r.choice([b",", b",", b",", b"\t", b";", b"|", b" "])
    n = r.choice([1, 1, 2, 3, 4, 5, 6, 7, 9, 17])
    schema = [("c%d" % i, r.choice(TYPES)) for i in range(n)]
    if seed % 5 == 0:
        n, delim = 6, b","
        schema = list(zip(["c%d" % i for i in range(6)], ["str", "time", "str", "str", "int", "str"]))
    trim = r.random() < 0.3
    case = {
        "schema": schema,
        "delim": delim,
        "trim": trim,
        "no_header": r.random() < 0.3,
        "replace": r.random() < 0.3,
        "offset": r.choice([0, 0, 0, 7200, -19800]),
        "fields": list(range(n)),
    }
    if r.random() < 0.3:
        case["fields"] = r.sample(range(n), r.randint(1, n))
    style = r.choice(["clean", "quoted", "wild", "wild", "hostile"])
    wild = {"clean": 0, "quoted": 0, "wild": 0.05, "hostile": 0.2}[style]
    crlf = r.choice([0, 0, 1, 0.5 if style == "hostile" else 0])
    count = r.choice([0, 1, 3, 20, 100, 300])
    if seed % 7 == 0:
        count = 2500
    out = []
    if not case["no_header"]:
        head = [n.encode() for n, _ in schema]
        if r.random() < 0.2:
            head = [quote(r, h) for h in head]
        out.append(delim.join(head) + (b"\r\n" if crlf == 1 else b"\n"))
    for _ in range(count):
        fields = []
        for _, kind in schema:
            v = value(r, kind, wild)
            if delim in v or b"\n" in v:
                v = quote(r, v)
            elif style != "clean" and r.random() < 0.08:
                v = r.choice(
                    [quote(r, v), quote(r, v), b'""', quote(r, b"a\nb"), quote(r, b"a\r\nb"),
                     quote(r, b"x" + delim + b"y"), quote(r, b'say "hi"'), quote(r, v + b"\r"),
                     quote(r, b"\n\n"), quote(r, b"\r\n")]
                )
            if trim and r.random() < 0.1:
                v = r.choice([b" ", b"  ", b"\t"]) + v + r.choice([b"", b" "])
            fields.append(v)
        if r.random() < wild / 4:
            fields = fields[:-1] if r.random() < 0.5 else fields + [b"more"]
        row = delim.join(fields)
        if r.random() < wild / 4:
            k = r.randrange(len(row) + 1)
            row = row[:k] + r.choice([b'"', b"\r", b"\n", b"\0", b"\xfe", b" "]) + row[k:]
        if style != "clean" and r.random() < 0.02:
            out.append(r.choice([b"", b" ", b"\r"]) + b"\n")
        out.append(row + (b"\r\n" if r.random() < crlf else b"\n"))
    if style == "hostile" and r.random() < 0.15:
        out.append(b'"never closed' + delim + b"x\nand on\r\n")
    data = b"".join(out)
    k = r.random()
    if k < 0.3 and data.endswith(b"\n"):
        data = data[:-1]
    elif k < 0.35:
        data += b"\r"
    elif k < 0.4:
        data += b"\n\n"
    if r.random() < 0.2:
        data = b"\xef\xbb\xbf" + data
    if not data or data == b"\xef\xbb\xbf":
        data += b"\n"
    return data, case


# ---- what gn says ----


class Different(Exception):
    pass


def reading(case, longest):
    """The command, with the options that say how the file is to be read."""
    cmd = ["gn-fromcsv", "--schema", ",".join("%s:%s" % s for s in case["schema"])]
    cmd += ["--delimiter", "\\t" if case["delim"] == b"\t" else case["delim"].decode()]
    cmd += ["--max-record", str(max(longest, 1))]
    if case["trim"]:
        cmd.append("--trim")
    if case["no_header"]:
        cmd.append("--no-header")
    return cmd


def writing(case):
    """The options that say what records are made."""
    cmd = ["-f", ",".join(case["schema"][f][0] for f in case["fields"])]
    if case["replace"]:
        cmd += ["--invalid-utf8", "replace"]
    if case["offset"]:
        h, m = divmod(abs(case["offset"]) // 60, 60)
        cmd += ["--input-tz", "%s%02d:%02d" % ("+" if case["offset"] > 0 else "-", h, m)]
    return cmd


def run(path, data, case, extra, simd, pipe, longest):
    rejects = path + ".rejects"
    stats = path + ".stats"
    cmd = reading(case, longest) + writing(case)
    cmd += ["--on-error", "reject", "--reject", rejects, "--stats=" + stats] + extra
    env = dict(os.environ, GN_SIMD=simd)
    if pipe:
        p = subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=env, pipesize=4096, bufsize=0)
        r = random.Random(len(data))
        at = 0

        def feed():
            nonlocal at
            try:
                while at < len(data):
                    k = r.choice([1, 2, 3, 7, 64, 65, 300]) if len(data) < 20000 else r.randint(1, 3000)
                    p.stdin.write(data[at : at + k])
                    at += k
            except BrokenPipeError:
                pass
            p.stdin.close()

        t = threading.Thread(target=feed)
        t.start()
        out, err = p.stdout.read(), p.stderr.read()
        t.join()
        code = p.wait()
    else:
        done = subprocess.run(cmd + [path], stdin=subprocess.DEVNULL, capture_output=True, env=env)
        code, out, err = done.returncode, done.stdout, done.stderr
    if code:
        raise Different("status %d: %s\n%s" % (code, err.decode("utf-8", "replace"), cmd))
    return out, rejects, stats, cmd


def check(path, data, case, extra, simd, pipe, want):
    good, bad, n, longest = want
    out, rejects, stats, cmd = run(path, data, case, extra, simd, pipe, longest)
    what = "%s (GN_SIMD=%s%s)" % (" ".join(cmd), simd, ", from a pipe" if pipe else "")
    segments = gnstream.parse(out)
    got = [r for s in segments for r in s.records]
    compare(what, "record", [tuple(map(typed, g)) for g in good], [tuple(map(typed, g)) for g in got])
    with open(rejects, "rb") as f:
        segments = gnstream.parse(f.read())
    if segments[0].names() != REJECTS:
        raise Different("%s: fields of rejects are %s" % (what, segments[0].names()))
    name = "standard input" if pipe else path
    got = []
    for s in segments:
        for inp, offset, line, rule, reason, raw in s.records:
            if inp != name:
                raise Different("%s: input %r" % (what, inp))
            m = re.match(r"column '[^']*': ", reason)
            got.append((offset, line, rule, m[0] if m else "", raw))
    compare(what, "reject", bad, got)
    with open(stats) as f:
        counters = json.load(f)["counters"]
    n = dict(n)
    if "libcsv" in extra:
        n["vector"], n["libcsv"] = 0, n["read"]
    for k, v in n.items():
        if counters["rows_" + k] != v:
            raise Different("%s: rows_%s is %d, not %d" % (what, k, counters["rows_" + k], v))


def typed(v):
    return (type(v).__name__, v)


def compare(what, kind, want, got):
    for i, (w, g) in enumerate(zip(want, got)):
        if w != g:
            raise Different("%s: %s %d\nwanted %r\n   got %r" % (what, kind, i, w, g))
    if len(want) != len(got):
        raise Different("%s: %d %ss, not %d" % (what, len(got), kind, len(want)))


def twins():
    """The values of GN_SIMD that this machine can do."""
    names = ["portable"]
    for simd in ("sse2", "avx2"):
        probe = subprocess.run(["gn-fromcsv", "--schema", "a:int"], input=b"a\n", capture_output=True,
                               env=dict(os.environ, GN_SIMD=simd))
        if probe.returncode == 0:
            names.append(simd)
    return names


def main(argv):
    keep = None
    if argv[1:2] == ["--keep"]:
        keep, argv = argv[2], argv[2:]
    seeds = [int(a) for a in argv[1:]]
    possible = twins()
    total = 0
    with tempfile.TemporaryDirectory() as tmp:
        for seed in seeds:
            data, case = make(seed)
            path = os.path.join(tmp, "in.csv")
            with open(path, "wb") as f:
                f.write(data)
            want = expected(data, case)
            total += want[2]["read"]
            try:
                for simd in possible:
                    check(path, data, case, [], simd, False, want)
                check(path, data, case, ["--parser", "libcsv"], "", False, want)
                check(path, data, case, [], "", True, want)
                if seed % 4 == 0:
                    check(path, data, case, ["--parser", "libcsv"], "", True, want)
            except (Different, gnstream.Invalid) as e:
                print("seed %d: %s" % (seed, e), file=sys.stderr)
                if keep:
                    with open(os.path.join(keep, "seed%d.csv" % seed), "wb") as f:
                        f.write(data)
                return 1
    print("%d files, %d rows: the same" % (len(seeds), total))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
