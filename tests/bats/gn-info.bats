#!/usr/bin/env bats
# gn-info: counts, checksum, claims and where a stream comes from; false claims are found.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}
value() { # KEY of a gn-info text, from standard input
    sed -n "s/^  $1  *//p"
}

@test "the record checksum is the sum of XXH3-128, whatever the order" {
    gn-gen --rows 2500 -o a.gn
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import random, gnstream, xxhash
seg = gnstream.parse(open("a.gn", "rb").read())[0]
print("%032x" % (sum(xxhash.xxh3_128_intdigest(r) for r in seg.raw) % 2**128), file=open("want", "w"))
random.seed(3)
order = list(range(len(seg.records)))
random.shuffle(order)
open("b.gn", "wb").write(gnstream.build(seg.fields, [seg.records[i] for i in order]))
END
    is "$(cat want)" "$(gn-info a.gn | value checksum)"
    is "$(cat want)" "$(gn-info b.gn | value checksum)"
    is "$(cat want)" "$(gn-cat --zstd a.gn | gn-info | value checksum)"
    [ "$(cat want)" != "$(gn-head -n 2499 a.gn | gn-info | value checksum)" ]
}

@test "what a person reads" {
    stream 'build([("user","str"),("n","int"),("at","time")], [("a",1,0),("b",2,0)],
        {"order": [["user","asc"],["n","desc"]], "total": True,
         "part": {"key": ["user"], "hash": "xxh3", "lo": 16, "hi": 2**64 - 1},
         "!partial": {"command": "gn-x", "state": "keys", "params": "tz=UTC"}})' >a.gn
    gn-info a.gn >got
    cat >want <<END
a.gn
  format      gn 1
  segments    1
  records     2
  bytes       $(wc -c <a.gn)
  checksum    $(gn-info a.gn | value checksum)
  fields      user  str
              n     int
              at    time
  order       user, n descending, then the record's bytes
  placed by   user, hashes 0000000000000010..ffffffffffffffff
  partial     gn-x keys (tz=UTC)
  covers      unknown
END
    same want got
    gn-cat -o a.gn.zst a.gn
    is "gn 1, zstd, 1 frame, indexed" "$(gn-info a.gn.zst | value format)"
    cat a.gn.zst a.gn.zst >b.gn.zst
    is "2 true" "$(gn-info --json b.gn.zst | jq -r '.files[0] | "\(.frames) \(.indexed)"')"
    zstd -q a.gn -o c.gn.zst
    is "gn 1, zstd" "$(gn-info c.gn.zst | value format)"
    is "0 false" "$(gn-info --json c.gn.zst | jq -r '.files[0] | "\(.frames) \(.indexed)"')"
    is "gn 1, zstd" "$(gn-info <a.gn.zst | value format)"
    has "$(gn-info a.gn.zst | value bytes)" ", compressed to $(wc -c <a.gn.zst)"
}

@test "provenance is a tree; what comes up twice is spelt out once" {
    gn-gen --rows 100 --range 0:50 -o a.gn
    gn-gen --rows 100 --range 50:100 -o b.gn
    gn-gen --rows 100 --seed 9 -o c.gn
    id() { gn-info "$1" | value sources | cut -c1-12; }
    gn-head -n 100 a.gn c.gn -o h.gn
    gn-cat -f user_id a.gn | gn-info | sed -n '/made by/,$p' >got
    cat >want <<END
  made by     gn-cat 0.1.0  fields=user_id
                gn-gen 0.1.0  model=uniform table=interactions rows=100 seed=1 users=1000000
                  source $(id a.gn)
END
    sed -i "s/0\.1\.0/$(gn-cat --version | grep -o '[0-9][0-9.]*')/" want
    same want got
    cat a.gn b.gn c.gn | gn-info >got
    is 2 "$(grep -c 'gn-gen' got)"
    is "2" "$(gn-info h.gn c.gn | grep -c '^  segments')"
    is "all of it" "$(cat a.gn b.gn | gn-info | value covers | cut -c15-)"
    is "records 0 to 50" "$(gn-info a.gn | value covers | cut -c15-)"
    cat a.gn a.gn | gn-info >got
    grep -q 'more than once' got
    is unknown "$(gn-head a.gn | gn-info | value covers)"
}

@test "segments with different headers are told apart" {
    stream 'build([("a","int")], [(1,)])' >a.gn
    stream 'build([("b","str")], [("x",)])' >b.gn
    cat a.gn a.gn b.gn a.gn | gn-info >got
    is 4 "$(value segments <got)"
    is 4 "$(value records <got)"
    is $'1 and 2 alike\n3' "$(value segment <got)"
    is $'a  int\nb  str' "$(value fields <got)"
    gn-info a.gn b.gn >got
    is $'a.gn\nb.gn' "$(grep -v '^ ' got | grep .)"
    for i in {1..30}; do stream "build([('f$i','int')], [])"; done | gn-info >got
    is "14 more with other headers" "$(value segments <got | tail -n 1)"
}

@test "--verify: true claims hold, on random data" {
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import functools, random, subprocess, gnstream
random.seed(2)
fields = [("s", "str"), ("i", "int"), ("f", "float"), ("t", "time"), ("d", "date"), ("b", "bool"), ("x", "bin")]
def value(kind):
    if random.random() < .2:
        return None
    return {"str": lambda: random.choice(["", "a", "aa", "b", "é", "~"]),
            "int": lambda: random.choice([-2**63, -1, 0, 5, 300, 2**63 - 1]),
            "float": lambda: random.choice([-1e300, -0.5, 0.0, 2.0, 1e9]),
            "time": lambda: random.choice([-5000000, 0, 1, 10**15, 4 * 10**15 + 1]),
            "date": lambda: random.choice([-1000, 0, 19000]),
            "bool": lambda: random.random() < .5,
            "bin": lambda: random.choice([b"", b"\x00", b"\x00\x01", b"\xff"])}[kind]()
def cmp(a, b, keys):
    for k, desc in keys:
        x, y = a[k], b[k]
        if isinstance(x, str) and isinstance(y, str):
            x, y = x.encode(), y.encode()
        if x is None or y is None:
            c = (x is None) - (y is None)
        else:
            c = ((x > y) - (x < y)) * (-1 if desc else 1)
        if c:
            return c
    return 0
def status(stream):
    p = subprocess.run(["gn-info", "--verify", "--json"], input=stream, capture_output=True)
    return p.returncode, p.stdout.decode()
names = [f[0] for f in fields]
wire = lambda r: gnstream.pack([gnstream.as_wire(v, f[1]) for v, f in zip(r, fields)])
for trial in range(60):
    rows = [tuple(value(k) for _, k in fields) for _ in range(random.choice([0, 1, 2, 300, 2600]) if trial < 15 else 40)]
    keys = [(k, random.random() < .5) for k in random.sample(range(7), random.randrange(1, 4))]
    rows.sort(key=wire)
    rows.sort(key=functools.cmp_to_key(lambda a, b: cmp(a, b, keys)))
    total = random.random() < .7
    if not total:
        random.shuffle(rows)
        rows.sort(key=functools.cmp_to_key(lambda a, b: cmp(a, b, keys)))
    header = {"order": [[names[k], "desc" if d else "asc"] for k, d in keys], "total": total}
    good = gnstream.build(fields, rows, header)
    assert status(good)[0] == 0, (trial, header)
    if len(rows) > 2: # two neighbours that differ change places
        i = random.randrange(len(rows) - 1)
        bad = rows[:i] + [rows[i + 1], rows[i]] + rows[i + 2:]
        broken = cmp(rows[i], rows[i + 1], keys) or (total and wire(rows[i]) != wire(rows[i + 1]))
        got, text = status(gnstream.build(fields, bad, header))
        assert got == (1 if broken else 0), (trial, header, i)
        if broken:
            assert '"order":{"holds":false,"segment":1,"record":%d}' % (i + 2) in text, (i, text)
END
}

@test "--verify: placement" {
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import subprocess, gnstream
fields = [("a", "str"), ("n", "int"), ("t", "time")]
rows = [("u%d" % i, i if i % 3 else None, i * 1000000) for i in range(3000)]
seg = gnstream.parse(gnstream.build(fields, rows))[0]
for keys in (["a"], ["n"], ["a", "n"], ["t", "a"]):
    hashes = [gnstream.key_hash(seg, keys, r) for r in rows]
    part = {"key": keys, "hash": "xxh3", "lo": min(hashes), "hi": max(hashes)}
    run = lambda p: subprocess.run(["gn-info", "--verify"], capture_output=True,
        input=gnstream.build(fields, rows, {"part": p}))
    assert run(part).returncode == 0, keys
    for false in ({"lo": min(hashes) + 1}, {"hi": max(hashes) - 1}):
        p = run({**part, **false})
        at = hashes.index(min(hashes) if "lo" in false else max(hashes)) + 1
        assert p.returncode == 1 and b"broken by record %d of segment 1" % at in p.stdout, (keys, p)
END
}

@test "--verify speaks of each segment for itself" {
    stream 'build([("a","int")], [(5,),(6,)], {"order": [["a","asc"]]})' >a.gn
    stream 'build([("a","int")], [(2,),(1,)], {"order": [["a","asc"]]})' >b.gn
    is hold "$(cat a.gn a.gn | gn-info --verify | value claims)"
    status 1 gn-info --verify a.gn b.gn
    is $'hold\norder is false: broken by record 2 of segment 1' "$(value claims <out)"
    cat a.gn b.gn >c.gn
    status 1 gn-info --verify c.gn
    is "order is false: broken by record 2 of segment 2" "$(value claims <out)"
    status 0 gn-info c.gn
}

@test "--json is one object, also with odd names" {
    stream 'build([("q\"\\\n\x01é","int")], [(1,)], {"!partial": {"command": "gn-x", "state": "s", "params": "p=\u2028"}})' >'a"b.gn'
    gn-gen --rows 10 -o b.gn
    gn-info --json 'a"b.gn' b.gn >got
    "$PYTHON" - <<'END'
import json
a, b = json.load(open("got"))["files"]
assert a["name"] == 'a"b.gn' and a["headers"][0]["fields"] == [{"name": 'q"\\\n\x01é', "type": "int"}], a
assert a["headers"][0]["partial"]["parameters"] == "p=\u2028" and a["cover"] is None and a["records"] == 1
assert b["cover"][0]["hi"] == 10 and b["sources"][0] == {"id": b["sources"][0]["id"], "size": 10, "unit": "records"}
assert b["provenance"][0]["id"] == b["roots"][0] and b["provenance"][0]["parents"] == [b["sources"][0]["id"]]
assert "claims" not in b and b["compressed"] is False and b["raw_bytes"] == b["bytes"] == len(open("b.gn", "rb").read())
END
    is 1 "$(wc -l <got)"
    if gn-info 'a"b.gn' | LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f]'; then false; fi
}

@test "no records; damage" {
    stream 'build([("a","int")], [], {"order": [["a","asc"]]})' >a.gn
    is 00000000000000000000000000000000 "$(gn-info --verify a.gn | value checksum)"
    gn-gen --rows 5000 -o b.gn
    head -c 50000 b.gn >cut.gn
    status 4 gn-info cut.gn
    status 5 gn-info nosuch.gn
    status 4 gn-info --json cut.gn
}
