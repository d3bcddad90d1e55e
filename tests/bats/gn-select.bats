#!/usr/bin/env bats
# gn-select: the records Python makes, byte for byte; names, claims, errors.

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

@test "the records that Python makes, in segments of several schemas" {
    "$PYTHON" "$ORACLE/shape_diff.py" select "${GN_TEST_SEED:-1}" .
}

@test "names alone are what gn-cat -f makes; * is all" {
    gn-gen --model realistic --rows 5000 -o a.gn
    for f in user_id app_version,user_id timestamp,action_type,page_id duration_ms,user_id,timestamp; do
        gn-cat -f "$f" a.gn | raw >want
        gn-select "$f" a.gn | raw | cmp - want
        gn-select -f "$f" a.gn | raw | cmp - want
        gn-select " ${f//,/ , } " <a.gn | raw | cmp - want
    done
    raw a.gn >want
    gn-select '*' a.gn | raw | cmp - want
    gn-select -x user_id -f 'user_id, *' a.gn | raw | cmp - want
    gn-cat -f user_id,timestamp,duration_ms a.gn | raw >want
    gn-select --except page_id,action_type,app_version a.gn | raw | cmp - want
}

@test "what is computed reads the input, not what others compute" {
    stream 'build([("a","int"),("b","int")], [(1,2),(None,4)])' >a.gn
    is $'{"a": 2, "b": 1, "c": 3}\n{"a": 4, "b": null, "c": null}' \
        "$(gn-select 'a = b, b = a, c = a + b' a.gn | records)"
    is $'{"x": true, "b": 2}\n{"x": null, "b": 4}' "$(gn-select 'x = a = 1, b' a.gn | records)"
    # shellcheck disable=SC2016  # the back quotes are gn's
    is $'{"odd, name": 1}\n{"odd, name": 0}' "$(gn-select '`odd, name` = coalesce(a, 0)' a.gn | records)"
    is $'{"a": 1, "b": -2}\n{"a": null, "b": -4}' "$(gn-select -x b -f '*, b = -b' a.gn | records)"
}

@test "types of what is computed" {
    stream 'build([("n","int"),("t","time"),("s","str"),("x","bin")], [(7, 1688221815250000, "5.7.3", b"\1\2")])' >a.gn
    gn-select 'd = date(t), m = month(t), w = week(t), h = hour(t), q = n / 2, p = n % 2, b = n > 5, x,
        y = coalesce(x, x), late = t + 1h, u = major(s), c = concat(s, "-", n), z = null, f = float(n)' a.gn >b.gn
    has "$(header b.gn)" '"fields": [["d", "date"], ["m", "str"], ["w", "date"], ["h", "int"], ["q", "float"], ["p", "int"], ["b", "bool"], ["x", "bin"], ["y", "bin"], ["late", "time"], ["u", "int"], ["c", "str"], ["z", "bool"], ["f", "float"]]'
    is '{"d": "2023-07-01", "m": "2023-07", "w": "2023-06-26", "h": 14, "q": 3.5, "p": 1, "b": true, "x": "0102", "y": "0102", "late": "2023-07-01 15:30:15.25", "u": 5, "c": "5.7.3-7", "z": null, "f": 7.0}' \
        "$(records b.gn)"
}

@test "str() writes what gn-tocsv writes" {
    gn-gen --model realistic --rows 2000 | gn-select '*, half = duration_ms / 7, d = date(timestamp),
        e = duration_ms > 5s' >a.gn
    gn-select 'a = str(half), b = str(timestamp), c = str(d), d = str(e), e = str(duration_ms)' a.gn |
        gn-tocsv --no-header >got
    gn-select 'half, timestamp, d, e, duration_ms' a.gn | gn-tocsv --no-header >want
    same want got
}

@test "claims follow the fields, also under new names" {
    stream 'build([("a","str"),("n","int"),("c","str")], [("x",1,"p"),("x",2,None),("y",None,"q")],
        {"order": [["a","asc"],["n","asc"],["c","asc"]], "total": True,
         "part": {"key": ["a"], "hash": "xxh3", "lo": 0, "hi": 2**64 - 1}})' >a.gn
    claims() { # LIST ORDER TOTAL PART
        gn-select "$1" a.gn >b.gn
        gn-info --verify b.gn >/dev/null
        "$PYTHON" - "$(header b.gn)" "$2" "$3" "$4" <<'END'
import json, sys
h = json.loads(sys.argv[1])
got = [",".join(f for f, _ in h.get("order", [])), str(bool(h.get("total"))), ",".join(h.get("part", {"key": []})["key"])]
assert got == sys.argv[2:], (got, sys.argv[2:])
END
    }
    claims '*' a,n,c True a
    claims '*, k = n + 1' a,n,c True a
    claims 'u = a, n, c' u,n,c True u
    claims 'n = a, a = n, c' n,a,c True n
    claims 'k = 1, *' a,n,c False a
    claims 'n, a' a,n False a
    claims 'u = a, c, v = a' u False u
    claims 'n, c' '' False ''
    claims 'a = lower(a), n' '' False ''
    claims 'a = n, n = concat(a, n), c' '' False ''
    claims 'a, n = -n' a False a
}

@test "a partial state that has changed is none any more; the cover and unknown keys stay" {
    gn-gen --rows 50 --range 10:20 -o g.gn
    gn-dau --partial g.gn >p.gn
    has "$(header p.gn)" '"!partial"'
    has "$(gn-select '*' p.gn | header)" '"!partial"'
    for list in '*, k = 1' 'date, user_id'; do
        if gn-select "$list" p.gn 2>err | header | grep partial; then false; fi
    done
    if gn-select -x user_id p.gn | header | grep partial; then false; fi
    cover() { info "$1" | sed -n 's/.*"cover": \(\[\[.*\]\]\), "so.*/\1/p'; }
    gn-select -o h.gn 'user_id, k = 1' g.gn
    [ -n "$(cover g.gn)" ]
    is "$(cover g.gn)" "$(cover h.gn)"
    has "$(info h.gn)" '"fields=user_id, k = 1"'
    stream 'build([("a","int")], [(1,)], {"future": [1, {"x": None}]})' | gn-select 'b = a' | header >h
    has "$(cat h)" '"future": [1, {"x": null}]'
}

@test "long texts, many fields, records of every length" {
    "$PYTHON" - <<'END'
import subprocess, sys, os
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
n = 40
fields = [("f%d" % i, "str") for i in range(n)]
rows = [["x" * ((i * j) % 97) for j in range(n)] for i in range(1500)] + [["y" * 300000] + [None] * (n - 1)] * 5
open("a.gn", "wb").write(gnstream.build(fields, rows))
for cols in ([0], [39], [1, 2, 3], [3, 2, 1], [0, 1, 2, 20, 21, 39], [38, 39, 0, 1], list(range(40)), [5] + list(range(4, 40)) + [0, 1]):
    text = ", ".join("c%d = f%d" % (k, c) for k, c in enumerate(cols))
    p = subprocess.run(["gn-select", text + ", z = concat(f0, f1)", "a.gn"], stdout=subprocess.PIPE, check=True)
    s, = gnstream.parse(p.stdout)
    assert s.records == [tuple([r[c] for c in cols] + [r[0] + r[1] if r[1] is not None else None]) for r in rows], cols
END
}

@test "what another writer left in long forms comes out canonical" {
    PYTHONPATH=$ORACLE "$PYTHON" - >a.gn <<'END'
import sys, gnstream, xxhash
h = gnstream.pack({"gn": 1, "fields": [["a", "int"], ["s", "str"]]})
body = h + b"\xdc\x00\x02\xd3" + bytes(7) + b"\x05" + b"\xd9\x01x" + b"\x92\xc0\xdb\x00\x00\x00\x00"
tail = gnstream.pack({"end": 2, "xxh3": 0})[:-1]
sys.stdout.buffer.write(body + tail + gnstream.pack(xxhash.xxh3_64_intdigest(body + tail)))
END
    is $'{"a": 5, "s": "x", "k": 6}\n{"a": null, "s": "", "k": null}' "$(gn-select '*, k = a + 1' a.gn | records)"
    is $'{"s": "x"}\n{"s": ""}' "$(gn-select s a.gn | records)"
}

@test "mistakes: the column, and nothing written" {
    gn-gen --rows 10 -o a.gn
    mistake() { # STATUS TEXT LIST
        status "$1" gn-select "$3" a.gn
        has "$(cat err)" "$2"
    }
    status 2 gn-select
    has "$(cat err)" "no fields given"
    mistake 2 'list: column 1: expected a field, but it ends here' ''
    mistake 2 'list: column 10: expected a field, but it ends here' 'user_id, '
    mistake 2 "list: column 10: two fields would be named 'user_id'" 'user_id, user_id'
    mistake 2 "list: column 4: two fields would be named 'user_id'" '*, user_id = 5'
    mistake 2 "list: column 13: two fields would be named 'user_id'" 'user_id = 1,*'
    mistake 2 'list: column 10: what is computed needs a name, as in total = a + b' 'user_id, duration_ms / 2'
    mistake 2 'list: column 1: what is computed needs a name' 'k == 5'
    mistake 2 "list: column 3: expected ',' or the end, not '2'" '* 2'
    mistake 2 "list: column 9: expected an operator, ',' or the end, not 'user_id'" 'k = "é" user_id'
    mistake 2 'list: column 16: lower() takes a str' 'é = 1, k=lower(5)'
    mistake 3 "list: column 10: no field 'nosuch' (there are: user_id, " 'user_id, nosuch'
    mistake 3 "list: column 6: no field 'nosuch'" 'k = -nosuch'
    mistake 2 'list: column 1: a name has from 1 to 255 bytes' '`` = 1'
    status 2 gn-select 'k = (' nosuch.gn
    status 2 gn-select -x user_id -f user_id a.gn
    has "$(cat err)" "there is no '*'"
    status 3 gn-select -x nosuch a.gn
    has "$(cat err)" "no field 'nosuch' (there are: user_id, "
    status 2 gn-select -x user_id,timestamp,action_type,page_id,duration_ms,app_version a.gn
    has "$(cat err)" "no field is left"
    status 5 gn-select -f user_id user_id a.gn
    gn-gen --table metadata --rows 10 -o m.gn
    status 3 gn-select -o b.gn duration_ms a.gn m.gn
    [ ! -e b.gn ]
}

@test "no records, and a header alone" {
    stream 'build([("a","int")], [])' >a.gn
    gn-select 'b = a, c = a / 2' a.gn a.gn >b.gn
    is 2 "$(header b.gn | wc -l)"
    is "" "$(records b.gn)"
    status 4 gn-select '*' /dev/null
}
