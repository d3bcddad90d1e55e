#!/usr/bin/env bats
# gn-where: the records sqlite3 finds, as they were; the others; claims, provenance, errors.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}
raw() { "$PYTHON" "$ORACLE/gnstream.py" --raw "$@"; }
header() { "$PYTHON" "$ORACLE/gnstream.py" --header "$@"; }
info() { "$PYTHON" "$ORACLE/gnstream.py" --info "$@"; }

@test "the records that sqlite3 finds, their bytes and order, in segments of several schemas" {
    "$PYTHON" "$ORACLE/shape_diff.py" where "${GN_TEST_SEED:-1}" .
}

@test "null is not true: neither the condition nor its negation keeps it, --invert does" {
    stream 'build([("n","int")], [(1,), (None,), (-1,)])' >a.gn
    is '{"n": 1}' "$(gn-where 'n > 0' a.gn | records)"
    is '{"n": -1}' "$(gn-where 'not (n > 0)' a.gn | records)"
    is $'{"n": null}\n{"n": -1}' "$(gn-where --invert 'n > 0' a.gn | records)"
    gn-where --stats=s --else no.gn 'n > 0' a.gn >yes.gn
    has "$(cat s)" '"counters":{"true":1,"false":1,"null":1}'
    is $'{"n": null}\n{"n": -1}' "$(records no.gn)"
    gn-where --invert --else no.gn --stats=s 'n > 0' a.gn >yes.gn
    has "$(cat s)" '"counters":{"true":1,"false":1,"null":1}'
    is '{"n": 1}' "$(records no.gn)"
}

@test "the condition is the first operand, or -e" {
    gn-gen --rows 100 -o a.gn
    gn-where 'duration_ms > 1min' a.gn a.gn >first.gn
    gn-where -e 'duration_ms > 1min' a.gn a.gn | cmp - first.gn
    gn-where a.gn a.gn --expr='duration_ms > 1min' | cmp - first.gn
    cat a.gn a.gn | gn-where -o out.gn 'duration_ms > 1min'
    same first.gn out.gn
    gn-where -- 'duration_ms > 1min' a.gn a.gn | cmp - first.gn
    cat a.gn a.gn | gn-where 'duration_ms > 1min' - | cmp - first.gn
    gn-cat --where 'duration_ms > 1min' a.gn a.gn | raw >want
    raw first.gn | cmp - want
    [ -s want ]
}

@test "records of every length, kept here and there" {
    stream 'build([("n","int"),("s","str")], [(i, "x" * (i % 140)) for i in range(4000)])' >a.gn
    for e in 'n % 2 = 0' 'n % 7 < 5' 'n % 100 = 99' 'n > 1020 and n < 1030' 'len(s) = 62' 'n < 3999' true; do
        gn-where --else no.gn "$e" a.gn >yes.gn
        raw no.gn >no && raw yes.gn >yes
        "$PYTHON" - "$e" <<'END'
import subprocess, sys
import msgpack
def read(f):
    return list(msgpack.Unpacker(open(f, "rb"), raw=False))
yes, no = read("yes"), read("no")
f = eval("lambda n, s: " + sys.argv[1].replace(" = ", " == ").replace("true", "True"))
want = [[i, "x" * (i % 140)] for i in range(4000)]
assert yes == [r for r in want if f(*r)] and no == [r for r in want if not f(*r)]
END
    done
}

@test "claims stay, in both outputs; each tells of itself in its provenance" {
    stream 'build([("a","str"),("n","int")], [("x",1),("x",2),("y",None)],
        {"order": [["a","asc"],["n","asc"]], "total": True,
         "part": {"key": ["a"], "hash": "xxh3", "lo": 0, "hi": 2**64 - 1}})' >a.gn
    gn-where --else no.gn 'n = 2' a.gn >yes.gn
    is "$(header a.gn)" "$(header yes.gn)"
    is "$(header a.gn)" "$(header no.gn)"
    gn-info --verify yes.gn no.gn >/dev/null
    gn-gen --rows 100 --range 10:20 -o g.gn
    gn-where --else no.gn 'duration_ms > 2min' g.gn >yes.gn
    cover() { info "$1" | sed -n 's/.*"cover": \(\[\[.*\]\]\), "so.*/\1/p'; }
    [ -n "$(cover g.gn)" ]
    is "$(cover g.gn)" "$(cover yes.gn)"
    is "$(cover g.gn)" "$(cover no.gn)"
    has "$(info yes.gn)" '"expr=duration_ms > 2min"'
    has "$(info no.gn)" '"expr=duration_ms > 2min else"'
    gn-where --invert --tz Asia/Tokyo 'duration_ms > 2min' g.gn | info >i
    has "$(cat i)" '"expr=duration_ms > 2min invert tz=Asia/Tokyo"'
}

@test "what another writer left in long forms comes out canonical" {
    PYTHONPATH=$ORACLE "$PYTHON" - >a.gn <<'END'
import sys, gnstream, xxhash
h = gnstream.pack({"gn": 1, "fields": [["a", "int"], ["s", "str"]]})
body = h + b"\xdc\x00\x02\xd3" + bytes(7) + b"\x05" + b"\xd9\x01x" + b"\x92\xc0\xdb\x00\x00\x00\x00"
tail = gnstream.pack({"end": 2, "xxh3": 0})[:-1]
sys.stdout.buffer.write(body + tail + gnstream.pack(xxhash.xxh3_64_intdigest(body + tail)))
END
    is '{"a": 5, "s": "x"}' "$(gn-where --else no.gn 'a = 5' a.gn | records)"
    is '{"a": null, "s": ""}' "$(records no.gn)"
}

@test "mistakes: the column, and nothing written" {
    gn-gen --rows 10 -o a.gn
    status 2 gn-where
    has "$(cat err)" "no condition given"
    status 2 gn-where 'duration_ms >' a.gn
    has "$(cat err)" "condition: column 14: expected a value"
    # before any input is opened
    status 2 gn-where 'duration_ms >' nosuch.gn
    status 2 gn-where 'duration_ms + 1' a.gn
    has "$(cat err)" "int, not a condition"
    status 2 gn-where 'user_id = 5' a.gn
    has "$(cat err)" "column 9: cannot compare 'user_id' (str) with an int"
    status 3 gn-where 'user_id = "x" or nosuch > 1' a.gn
    has "$(cat err)" "column 18: no field 'nosuch' (there are: user_id, "
    status 2 gn-where --tz Nowhere/Here true a.gn
    status 5 gn-where true nosuch.gn
    status 2 gn-where -o same.gn --else same.gn true a.gn
    status 5 gn-where --else nosuch/no.gn true a.gn
    status 5 gn-where -e true 'n > 1' a.gn
    # a later segment without the field: neither file appears
    gn-gen --table metadata --rows 10 -o m.gn
    status 3 gn-where -o yes.gn --else no.gn 'duration_ms > 1' a.gn m.gn
    [ ! -e yes.gn ] && [ ! -e no.gn ]
    head -c 300 a.gn >cut.gn
    status 4 gn-where -o yes.gn --else no.gn 'duration_ms > 1' cut.gn
    [ ! -e yes.gn ] && [ ! -e no.gn ]
}

@test "full disks and closed pipes" {
    gn-gen --rows 100000 -o a.gn
    status 5 gn-where --else /dev/full 'duration_ms > 2min' a.gn
    status 5 gn-where -o /dev/full 'duration_ms > 2min' a.gn
    gn-where --else /dev/null true a.gn | head -c 100 >/dev/null || [ "${PIPESTATUS[*]}" = "141 0" ]
}

@test "no records, a header alone, nothing kept" {
    stream 'build([("a","int")], [])' >a.gn
    gn-where --else no.gn 'a > 0' a.gn a.gn >yes.gn
    is 2 "$(header yes.gn | wc -l)"
    is 2 "$(header no.gn | wc -l)"
    is "" "$(records yes.gn no.gn)"
    gn-gen --rows 3000 | gn-where false | records >got
    [ ! -s got ]
    status 4 gn-where true /dev/null
}
