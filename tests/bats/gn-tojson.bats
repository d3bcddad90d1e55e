#!/usr/bin/env bats
# gn-tojson: what Python's json reads in it is what the stream holds, for every type and every text.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}

every_type() {
    stream 'build([("s","str"),("i","int"),("f","float"),("b","bool"),("t","time"),("d","date"),("x","bin")],
        [("a", -9223372036854775808, 0.1, True, 1688221815000000, 19539, b"\x00\xff"),
         ("ä/", 9223372036854775807, -1e300, False, -1, -719162, b""),
         (None, None, None, None, None, None, None),
         ("", 100, 1e-7, True, 1500000, 0, b"\xab" * 3)])'
}

@test "each type, as text" {
    every_type >a.gn
    gn-tojson a.gn >got
    cat >want <<'END'
{"s":"a","i":-9223372036854775808,"f":0.1,"b":true,"t":"2023-07-01T14:30:15Z","d":"2023-07-01","x":"AP8="}
{"s":"ä/","i":9223372036854775807,"f":-1e+300,"b":false,"t":"1969-12-31T23:59:59.999999Z","d":"0001-01-01","x":""}
{"s":null,"i":null,"f":null,"b":null,"t":null,"d":null,"x":null}
{"s":"","i":100,"f":1e-07,"b":true,"t":"1970-01-01T00:00:01.5Z","d":"1970-01-01","x":"q6ur"}
END
    same want got
}

@test "--omit-null, --array, -f, --tz" {
    every_type >a.gn
    is $'{"d":"2023-07-01","i":-9223372036854775808}\n{"d":"0001-01-01","i":9223372036854775807}\n{}\n{"d":"1970-01-01","i":100}' \
        "$(gn-tojson --omit-null -f d,i a.gn)"
    is $'[\n{"i":-9223372036854775808},\n{"i":9223372036854775807},\n{"i":null},\n{"i":100}\n]' \
        "$(gn-tojson --array -f i a.gn)"
    is $'[\n{"b":true},\n{"b":false},\n{},\n{"b":true}\n]' "$(gn-tojson --array --omit-null -f b a.gn)"
    gn-tojson --array a.gn a.gn | "$PYTHON" -c 'import json, sys; assert len(json.load(sys.stdin)) == 8'
    is '{"t":"2023-07-01T20:00:15+05:30"}' \
        "$(gn-tojson --tz Asia/Kolkata -f t a.gn | head -n 1)"
    stream 'build([("a","int")], [])' >empty.gn
    is "" "$(gn-tojson empty.gn)"
    is "[]" "$(gn-tojson --array empty.gn)"
    is '[]' "$(gn-tojson --array empty.gn empty.gn)"
}

@test "segments with other fields: each object has its own" {
    stream 'build([("a","int")], [(1,)]) + build([("b.c","str"),("a","str")], [("x","y")])' >a.gn
    is $'{"a":1}\n{"b.c":"x","a":"y"}' "$(gn-tojson a.gn)"
    is $'{"a":1}\n{"a":"y"}' "$(gn-tojson -f a a.gn)"
    status 3 gn-tojson -f b.c a.gn
}

@test "any text and any float, against Python's json" {
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import json, random, struct, subprocess, gnstream
rnd = random.Random(3)
def text():
    n = rnd.choice((0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 33, 64, 300))
    plain = rnd.random() < 0.3
    return "".join(rnd.choice("abcXYZ 019_-/" if plain else "ab\"\\\n\r\t\x01\x1f\x7f/é€😀\u2028 ")
                   for _ in range(n))
def real():
    while True:
        x = struct.unpack("<d", struct.pack("<Q", rnd.getrandbits(64)))[0] if rnd.random() < .7 else \
            rnd.choice((0.0, 1.0, 2.0 ** 53, 1e22, 1e23, 5e-324, 0.1, 1e15, 123456.789))
        if x - x == 0:
            return x
rows = [(text(), real(), text() if rnd.random() < .8 else None, bytes(rnd.getrandbits(8) for _ in
         range(rnd.randrange(9)))) for _ in range(4000)]
names = ["s", 'quote" \\ and\nline', "é", "b"]
open("a.gn", "wb").write(gnstream.build(list(zip(names, ("str", "float", "str", "bin"))), rows))
import base64
for how in ([], ["--omit-null"], ["--array"]):
    out = subprocess.run(["gn-tojson", *how, "a.gn"], check=True, capture_output=True).stdout
    lines = out.decode().split("\n")
    got = json.loads(out) if "--array" in how else [json.loads(x) for x in lines[:-1]]
    want = [dict(zip(names, r[:3] + (base64.b64encode(r[3]).decode(),))) for r in rows]
    if "--omit-null" in how:
        want = [{k: v for k, v in o.items() if v is not None} for o in want]
    assert got == want, how
    assert all(list(g) == list(w) for g, w in zip(got, want))
    assert len(lines) == len(rows) + (1 if not "--array" in how else 3)
END
}

@test "large values go out whole, with and without compression" {
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import base64, json, subprocess, gnstream
rows = [("x" * 70000 + '"' * 100000 + "é" * 30000, b"\xfe" * 90001, 7), ('"', b"", None),
        (None, None, 8), ("\x01" * 50000, b"a", 9), ("y" * 16380, b"abc", 10)]
open("a.gn", "wb").write(gnstream.build([("s", "str"), ("b", "bin"), ("i", "int")], rows))
for how in ("cat", "zstd -dc"):
    text = subprocess.run("gn-tojson %s a.gn | %s" % ("-z" if "zstd" in how else "", how), shell=True,
                          check=True, capture_output=True).stdout
    got = [json.loads(x) for x in text.decode().splitlines()]
    assert got == [{"s": s, "b": None if b is None else base64.b64encode(b).decode(), "i": i}
                   for s, b, i in rows]
END
}

@test "a str that is not UTF-8 is 4, short or long" {
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import gnstream
for name, s in ("short", b"ab\xff\xfec"), ("nul", b"ab\x00cd"), ("long", b"x" * 20000 + b"\xc3"):
    # a text of the same length is replaced in the finished stream, with its checksum
    raw = s.decode("latin-1")
    data = gnstream.build([("s", "str")], [("ok",), ("y" * len(s),)])
    body, tail = data.split(b"y" * len(s))
    import xxhash
    data = body + s + tail
    end = len(data) - 9
    data = data[:end] + b"\xcf" + xxhash.xxh3_64_digest(data[:end])
    open(name + ".gn", "wb").write(data)
END
    for f in short nul long; do
        status 4 gn-tojson $f.gn
        has "$(cat err)" "'$f.gn': record"
        has "$(cat err)" "UTF-8"
    done
}

@test "many records agree with gn-tocsv" {
    gn-gen --rows 50000 -o a.gn
    gn-tojson a.gn | "$PYTHON" -c '
import csv, json, sys
w = csv.writer(sys.stdout, lineterminator="\n")
for i, line in enumerate(sys.stdin):
    o = json.loads(line)
    if i == 0:
        w.writerow(o)
    o["timestamp"] = o["timestamp"].replace("T", " ").rstrip("Z")
    w.writerow(["" if v is None else v for v in o.values()])' >got
    gn-tocsv a.gn >want
    same want got
}
