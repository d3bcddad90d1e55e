#!/usr/bin/env bats
# gn-fromjson: what Python's json reads in the lines is what the stream holds; types, bad lines.

load helper

recs() { gn-fromjson "$@" | records; }
fields() { gn-fromjson "$@" | "$PYTHON" "$ORACLE/gnstream.py" --header | sed 's/.*"fields": \(\[\[.*\]\]\).*/\1/'; }

# one WANT SCHEMA VALUE: a field `a` of the schema's type, and what it becomes of the JSON value.
one() {
    is "$1" "$(printf '{"a":%s}\n' "$3" | recs --schema "a:$2")" "$2 $3"
}

# refused SCHEMA VALUE...
refused() {
    local t=$1 v
    shift
    for v; do
        printf '{"a":%s}\n' "$v" >in
        status 3 gn-fromjson --schema "a:$t" in
        has "$(cat err)" "'in': line 1" || return 1
    done
}

@test "types are inferred from the first lines" {
    cat >a.jsonl <<'END'
{"s":"x","i":1,"f":1,"b":true,"t":"2023-07-01T14:30:15Z","d":"2023-07-01","m":1,"l":[1,{"k":null}],"n":null,"dig":"12","dt":"2023-07-01"}
{"s":"","i":-9223372036854775808,"f":2.5,"b":false,"t":"2023-07-01 14:30:15.5+02:00","d":"0001-01-01","m":"x","l":[],"n":null,"dig":"1","dt":"2023-07-01T00:00:00"}
END
    is '[["s", "str"], ["i", "int"], ["f", "float"], ["b", "bool"], ["t", "time"], ["d", "date"], ["m", "str"], ["l", "str"], ["n", "str"], ["dig", "str"], ["dt", "time"]]' \
        "$(fields a.jsonl)"
    is '{"s": "x", "i": 1, "f": 1.0, "b": true, "t": "2023-07-01 14:30:15", "d": "2023-07-01", "m": "1", "l": "[1,{\"k\":null}]", "n": null, "dig": "12", "dt": "2023-07-01 00:00:00"}
{"s": "", "i": -9223372036854775808, "f": 2.5, "b": false, "t": "2023-07-01 12:30:15.5", "d": "0001-01-01", "m": "x", "l": "[]", "n": null, "dig": "1", "dt": "2023-07-01 00:00:00"}' \
        "$(recs a.jsonl)"
}

@test "objects are taken apart; keys come and go" {
    cat >a.jsonl <<'END'
{"o":{"x":1,"y":{"z":"a"},"e":{}},"p":2}
{"p":3,"o":{"y":{"z":"b"}},"o.x":7}
{"o":5,"q":{"r":null}}
{"o":null}
END
    is '[["o.x", "int"], ["o.y.z", "str"], ["p", "int"], ["o", "int"], ["q.r", "str"]]' \
        "$(fields a.jsonl)"
    is '{"o.x": 1, "o.y.z": "a", "p": 2, "o": null, "q.r": null}
{"o.x": 7, "o.y.z": "b", "p": 3, "o": null, "q.r": null}
{"o.x": null, "o.y.z": null, "p": null, "o": 5, "q.r": null}
{"o.x": null, "o.y.z": null, "p": null, "o": null, "q.r": null}' "$(recs a.jsonl)"
    # With a schema: an object as text, keys passed over and counted.
    is '{"p": 2, "o.y": "{\"z\":\"a\"}"}' \
        "$(head -n 1 a.jsonl | recs --schema p:int,o.y:str)"
    gn-fromjson --schema p:int --stats=s a.jsonl >out
    is 6 "$("$PYTHON" -c 'import json; print(json.load(open("s"))["counters"]["keys_extra"])')"
    is $'{"p": 2}\n{"p": 3}\n{"p": null}\n{"p": null}' "$(records out)"
}

@test "values by type" {
    one '{"a": 3}' int 3.0
    one '{"a": 1000}' int 1e3
    one '{"a": 12}' int '"12"'
    one '{"a": 9223372036854775807}' int 9223372036854775807
    refused int 9223372036854775808 1.5 '"x"' true '[1]' '{}' '""' 1e16
    one '{"a": 1.2345678901234567e+19}' float 12345678901234567890
    one '{"a": 0.1}' float '"0.1"'
    one '{"a": 0.0}' float -0.0
    refused float true '"nan"' '[]' 1e999 -1e999
    one '{"a": true}' bool true
    one '{"a": false}' bool '"no"'
    refused bool 2 '"maybe"'
    one '{"a": "2023-07-01 14:30:15"}' time 1688221815
    one '{"a": "2023-07-01 14:30:15.123"}' time 1688221815123
    one '{"a": "2023-07-01 12:30:15"}' time '"2023-07-01T14:30:15+02:00"'
    refused time '"yesterday"' 1.5 true '"2023-02-29"'
    one '{"a": "2024-02-29"}' date '"2024-02-29"'
    refused date '"2023-02-29"' 19000
    one '{"a": "00ff"}' bin '"AP8="'
    one '{"a": ""}' bin '""'
    one '{"a": "616263"}' bin '"YWJj"'
    refused bin '"AP8"' '"A==="' '"AP9="' 5 '"A P8="' '"===="'
    one '{"a": "1.5"}' str 1.50
    one '{"a": "true"}' str true
    one '{"a": "[null,{\"b\":\"\\n\"},12345678901234567890,0.1]"}' str \
        '[null, {"b" : "\u000a"}, 12345678901234567890, 0.1]'
    one '{"a": "-12345678901234567890"}' str -12345678901234567890
    for t in str int float bool time date bin; do one '{"a": null}' $t null; done
    is '{"a": "2023-07-01 18:30:15"}' "$(echo '{"a":"2023-07-01 14:30:15"}' |
        recs --schema a:time --input-tz America/New_York)"
}

@test "lines: blank ones, CRLF, a byte order mark, no final line feed, several files" {
    printf '\xef\xbb\xbf{"a":1}\r\n\n  \t\r\n {"a":2} \n{"a":3}' >a.jsonl
    is $'{"a": 1}\n{"a": 2}\n{"a": 3}' "$(recs a.jsonl)"
    gn-fromjson --stats=s a.jsonl >/dev/null
    is "3 3 2" "$("$PYTHON" -c 'import json; o = json.load(open("s"))["counters"]
print(o["rows_read"], o["rows_written"], o["rows_empty"])')"
    : >empty.jsonl
    printf '\n{"a":4}' >b.jsonl
    is $'{"a": 1}\n{"a": 2}\n{"a": 3}\n{"a": 4}' "$(recs a.jsonl empty.jsonl b.jsonl)"
    zstd -q a.jsonl
    is $'{"a": 1}\n{"a": 2}\n{"a": 3}' "$(recs a.jsonl.zst)"
}

@test "nothing in it: an empty stream with --schema, else 3" {
    : >a.jsonl
    status 3 gn-fromjson a.jsonl
    has "$(cat err)" "--schema"
    printf '\n\n{}\n' >b.jsonl
    status 3 gn-fromjson b.jsonl
    is "" "$(recs --schema a:int a.jsonl)"
    is '[["a", "int"]]' "$(fields --schema a:int a.jsonl)"
    is '{"a": null}' "$(recs --schema a:int b.jsonl)"
    is '[["user_id", "str"], ["timestamp", "time"], ["action_type", "str"], ["page_id", "str"], ["duration_ms", "int"], ["app_version", "str"]]' \
        "$(fields --schema interactions a.jsonl)"
    # A built-in schema is known by its fields.
    echo '{"user_id":"u1","timestamp":"2023-07-01","action_type":null,"page_id":null,"app_version":null,"duration_ms":null}' >c.jsonl
    is '[["user_id", "str"], ["timestamp", "time"], ["action_type", "str"], ["page_id", "str"], ["app_version", "str"], ["duration_ms", "int"]]' \
        "$(fields c.jsonl)"
}

@test "bad lines fail, are skipped, or set aside with their place and reason" {
    cat >a.jsonl <<'END'
{"a":1,"s":"x"}
{"a":"SECRET"}
{"a":1,"a":2}

[1]
{"a":2,"s":{"b":{"c":1,"c":2}}}
{"a":3} trailing
{"a":4
"SECRET"
{"a":5,"s":"\u0000"}
{"a":6,"s":"\ud800"}
END
    printf '{"a":7,"s":"\xff"}\n{"a":8}\n' >>a.jsonl
    n=0
    for l in 2 3 5 6 7 8 9 10 11 12; do
        { sed -n 1p a.jsonl; for _ in $(seq $n); do echo; done; sed -n ${l}p a.jsonl; } >one.jsonl
        status 3 gn-fromjson --schema a:int,s:str one.jsonl
        has "$(cat err)" "'one.jsonl': line $((n + 2))"
        if grep -q SECRET err; then false; fi
        n=$((n + 1))
    done
    is $'{"a": 1, "s": "x"}\n{"a": 8, "s": null}' "$(recs --schema a:int,s:str --on-error skip a.jsonl)"
    gn-fromjson --schema a:int,s:str --on-error reject --reject bad.gn -o good.gn --stats=s a.jsonl
    is $'{"a": 1, "s": "x"}\n{"a": 8, "s": null}' "$(records good.gn)"
    is "12 2 10" "$("$PYTHON" -c 'import json; o = json.load(open("s"))["counters"]
print(o["rows_read"], o["rows_written"], o["rows_rejected"])')"
    "$PYTHON" - <<'END'
import sys, os
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
data = open("a.jsonl", "rb").read()
lines = data.split(b"\n")
seg, = gnstream.parse(open("bad.gn", "rb").read())
assert [tuple(f) for f in seg.fields] == [("input", "str"), ("offset", "int"), ("record", "int"),
                            ("rule", "str"), ("reason", "str"), ("raw", "bin")], seg.fields
rules = []
for name, offset, line, rule, reason, raw in seg.records:
    assert name == "a.jsonl" and raw == lines[line - 1]
    assert data[offset:offset + len(raw)] == raw and (offset == 0 or data[offset - 1] == 10)
    rules.append((line, rule))
assert rules == [(2, "type"), (3, "duplicate_key"), (5, "json"), (6, "duplicate_key"), (7, "json"),
                 (8, "json"), (9, "json"), (10, "text"), (11, "text"), (12, "text")], rules
END
    is $'{"a": 5, "s": "\\ufffd"}\n{"a": 6, "s": "\\ufffd"}\n{"a": 7, "s": "\\ufffd"}' \
        "$(sed -n '10,12p' a.jsonl | recs --schema a:int,s:str --invalid-utf8 replace |
            "$PYTHON" -c 'import json, sys
for line in sys.stdin: print(json.dumps(json.loads(line)))')"
    status 2 gn-fromjson --on-error reject a.jsonl
    status 2 gn-fromjson --reject x a.jsonl
}

@test "a line above --max-record is 3, whatever --on-error says" {
    { echo '{"a":"x"}'; "$PYTHON" -c 'print("{\"a\":\"" + "y" * 3000000 + "\"}")'; } >a.jsonl
    is "3000000" "$(recs a.jsonl | tail -n 1 | tr -cd y | wc -c)"
    status 3 gn-fromjson --max-record 1M --on-error skip a.jsonl
    has "$(cat err)" "line 2"
    has "$(cat err)" "--max-record"
    tail -n 1 a.jsonl | recs | tr -cd y | wc -c | finds -x 3000000
}

@test "nesting: deep lines are bad, not fatal" {
    "$PYTHON" -c '
print("{\"a\":1}")
for n in (60, 70, 3000, 100000):
    print("{\"a\":2,\"s\":" + "[" * n + "]" * n + "}")
    print("{\"a\":2,\"s\":" + "{\"s\":" * n + "1" + "}" * n + "}")' >a.jsonl
    is 3 "$(recs --schema a:int,s:str --on-error skip a.jsonl | wc -l)"
    is 5 "$(recs --schema a:int --on-error skip a.jsonl | wc -l)"
}

@test "-f and --where" {
    cat >a.jsonl <<'END'
{"a":1,"b":"x","c":1.5}
{"a":2,"b":"y","c":2.5}
{"a":3,"b":"z"}
END
    is $'{"c": 2.5, "a": 2}' "$(recs -f c,a --where 'b = "y"' a.jsonl)"
    is $'{"b": "z"}' "$(recs -f b --where 'c is null' a.jsonl)"
    is $'{"a": 1, "b": "x", "c": 1.5}' "$(recs --where 'a < 2' a.jsonl)"
    # A bad value in a field that is not asked for is not looked at.
    is $'{"a": 1}\n{"a": 2}\n{"a": 3}' "$(recs --schema a:int,b:int -f a a.jsonl)"
    status 3 gn-fromjson -f nosuch a.jsonl
    has "$(cat err)" "'nosuch'"
    status 2 gn-fromjson --where 'a' a.jsonl
}

@test "any values, against Python's json" {
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import base64, json, random, struct, subprocess, gnstream
rnd = random.Random(9)
def text():
    return "".join(rnd.choice("ab\"\\\n\r\t\x01\x7f/é€😀 ,:{}[]") for _ in range(rnd.choice((0, 1, 5, 40, 300))))
def real():
    while True:
        x = struct.unpack("<d", struct.pack("<Q", rnd.getrandbits(64)))[0]
        if x - x == 0:
            return x
rows, lines = [], []
for _ in range(3000):
    row = [text(), rnd.randrange(-1 << 63, 1 << 63) >> rnd.randrange(64), real(), rnd.random() < .5, text()]
    row = [None if rnd.random() < .1 else v for v in row]
    s, i, f, b, deep = row
    o = {"s": s, "i": i, "f": f, "b": b, "o": {"é": {"x": deep}, "extra": [1]}, "more": 1}
    if rnd.random() < .3:
        o = {k: v for k, v in o.items() if v is not None}
    keys = list(o)
    rnd.shuffle(keys)
    lines.append(json.dumps({k: o[k] for k in keys}, ensure_ascii=rnd.random() < .5,
                            separators=rnd.choice(((",", ":"), (", ", ": "), (" ,\t", "  :")))))
    rows.append(tuple(row))
open("a.jsonl", "w").write("\n".join(lines))
out = subprocess.run(["gn-fromjson", "--schema", "s:str,i:int,f:float,b:bool,o.é.x:str", "a.jsonl"],
                     check=True, capture_output=True).stdout
seg, = gnstream.parse(out)
norm = lambda r: tuple(v + 0.0 if isinstance(v, float) else v for v in r)
assert [norm(r) for r in seg.records] == [norm(r) for r in rows]
END
}

@test "gn-tojson and back: the same records" {
    gn-gen --rows 20000 --seed 3 -o a.gn
    gn-tojson a.gn | gn-fromjson -o b.gn
    is "$(gn-info a.gn | grep checksum)" "$(gn-info b.gn | grep checksum)"
    gn-gen --table metadata --rows 5000 -o a.gn
    gn-tojson --omit-null a.gn | gn-fromjson --schema metadata -o b.gn
    is "$(gn-info a.gn | grep checksum)" "$(gn-info b.gn | grep checksum)"
}

@test "the source is the text itself, however it arrives" {
    printf '{"a":1}\n{"a":2}\n' >a.jsonl
    zstd -q a.jsonl
    is "$(gn-fromjson a.jsonl | xxd)" "$(gn-fromjson a.jsonl.zst | xxd)"
    is "$(gn-fromjson a.jsonl | xxd)" "$( (head -c 5 a.jsonl; sleep 0.05; tail -c +6 a.jsonl) | gn-fromjson | xxd)"
    id=$("$PYTHON" -c 'import xxhash; print(xxhash.xxh3_128_hexdigest(open("a.jsonl", "rb").read()))')
    gn-fromjson a.jsonl | gn-info | finds "sources *${id:0:12} *16 bytes"
    gn-fromjson a.jsonl | gn-info | finds "covers *${id:0:12} *all of it"
}
