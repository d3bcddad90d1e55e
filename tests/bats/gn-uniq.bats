#!/usr/bin/env bats
# gn-uniq: what Python keeps of each key, streaming and sorting, in memory and beyond; claims; failures.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}
info() { "$PYTHON" "$ORACLE/gnstream.py" --info; } # of standard input
raw() { "$PYTHON" "$ORACLE/gnstream.py" --raw "$@"; }
counter() { "$PYTHON" -c 'import json, sys; print(json.load(open("st"))["counters"][sys.argv[1]])' "$1"; }
lines() { LC_ALL=C sort; }

@test "random types, keys and options, as Python picks them; streaming keeps what sorting keeps" {
    "$PYTHON" "$ORACLE/uniq_diff.py" "${GN_SEED:-1}" 30
}

@test "the same with records too long for the memory: runs on disk" {
    "$PYTHON" "$ORACLE/uniq_diff.py" 12 1 22000 -m 16M
}

@test "metadata: the row with the latest join_date, the greater of two, as Python picks it" {
    gn-gen --table metadata --rows 20000 --users 4000 -o m.gn
    gn-tocsv m.gn >m.csv
    "$PYTHON" - >want <<'END'
import csv, datetime, msgpack
best = {}
for r in csv.DictReader(open("m.csv")):
    day = (datetime.date.fromisoformat(r["join_date"]) - datetime.date(1970, 1, 1)).days
    row = (day, msgpack.packb([r["user_id"], day] + list(r.values())[2:]))
    best[r["user_id"]] = max(best.get(r["user_id"], row), row)
for u in sorted(best):
    v = msgpack.unpackb(best[u][1])
    v[1] = (datetime.date(1970, 1, 1) + datetime.timedelta(v[1])).isoformat()
    print(",".join(v))
END
    gn-uniq -k user_id --keep join_date:desc --ties greatest --stats=st m.gn >u.gn
    gn-tocsv --no-header u.gn | same want /dev/stdin
    n=$(wc -l <want)
    is "$n $((20000 - n))" "$(counter kept) $(counter dropped)"
    gn-uniq -k user_id --keep join_date:desc --ties least m.gn | gn-tocsv --no-header >got
    if cmp -s want got; then false; fi # there are ties, and they matter
    gn-sort -k user_id m.gn | gn-uniq -k user_id --keep join_date:desc --ties greatest | raw >got
    raw u.gn | cmp - got
    gn-uniq --check -k user_id u.gn
}

@test "whole records: sort -u, uniq -c, uniq -D" {
    for i in 1 2 3; do gn-gen --rows $((i * 3000)) --users 300; done >a.gn
    gn-tocsv --no-header a.gn | lines >all
    uniq all >once
    gn-uniq a.gn | gn-tocsv --no-header | lines | same once /dev/stdin
    gn-uniq --count n a.gn | gn-tocsv --no-header | lines >got
    uniq -c all | sed -E 's/^ *([0-9]+) (.*)/\2,\1/' | lines | same /dev/stdin got
    gn-uniq --duplicates d.gn a.gn >u.gn
    gn-cat u.gn d.gn | gn-tocsv --no-header | lines | same all /dev/stdin
    status 1 gn-uniq --check a.gn
    has "$(cat err)" "$(($(wc -l <all) - $(wc -l <once))) of $(wc -l <all) records repeat another (by all fields)"
    status 0 gn-uniq --check u.gn
    is '' "$(cat out err)"
}

@test "any files, order and memory: the same bytes" {
    gn-gen --rows 400000 --users 3000 -o a.gn
    for k in '-k user_id,action_type --keep timestamp:desc,duration_ms' '-k user_id --ties greatest --count n' ''; do
        # shellcheck disable=SC2086
        gn-uniq $k -m 1G --duplicates d1 --stats=st a.gn >want
        is 0 "$(counter runs)"
        # shellcheck disable=SC2086
        gn-uniq $k -m 16M --duplicates d2 --stats=st a.gn >got
        [ "$(counter runs)" -ge 1 ]
        same want got
        same d1 d2
        gn-head -n 123456 a.gn >p1
        gn-tail -n 276544 a.gn >p2
        # shellcheck disable=SC2086
        gn-uniq $k -m 17M p2 p1 | gn-tocsv >g
        gn-tocsv want | same g /dev/stdin
    done
    gn-uniq -k user_id a.gn | gn-info --verify >/dev/null
}

@test "streaming: one record is held, none is late" {
    gn-gen --rows 300000 --users 2000 | gn-sort -k user_id,timestamp -o s.gn
    gn-uniq -m 16M --stats=st -k user_id --keep duration_ms:desc s.gn >got
    is "2000 0" "$(counter kept) $(counter runs)"
    peak=$("$PYTHON" -c 'import json; print(json.load(open("st"))["memory_peak_bytes"])')
    [ "$peak" -lt 4000000 ]
    gn-uniq --sort -k user_id --keep duration_ms:desc s.gn | gn-tocsv >want
    gn-tocsv got | same want /dev/stdin
    # the keys in another sequence; fewer fields than the order; whole records of a total order
    gn-uniq --stats=st -m 16M -k timestamp,user_id s.gn | gn-sort --check -u -k user_id,timestamp
    is 0 "$(counter runs)"
    gn-uniq --stats=st -m 16M s.gn >got
    is 0 "$(counter runs)"
    # not these: a field behind the first, whole records where ties are not ordered
    gn-uniq --stats=st -m 16M -k timestamp s.gn | gn-sort --check -u -k timestamp
    [ "$(counter runs)" -ge 1 ]
    gn-sort --stable -k user_id s.gn | gn-uniq --stats=st -m 16M >got2
    [ "$(counter runs)" -ge 1 ]
    gn-tocsv got | lines >want
    gn-tocsv got2 | lines | same want /dev/stdin
}

@test "several segments: a key goes on from one to the next; none goes back" {
    f='[("a","int"),("b","int")]'
    o='{"order": [["a","desc"]]}'
    stream "build($f, [(3,1),(2,5)], $o) + build($f, [], $o) + build($f, [(2,4)], $o) + build($f, [(2,6),(1,0)], $o)" >a.gn
    gn-uniq -k a --count n --duplicates d.gn a.gn >u.gn
    records u.gn >got
    is $'{"a": 3, "b": 1, "n": 1}\n{"a": 2, "b": 4, "n": 3}\n{"a": 1, "b": 0, "n": 1}' "$(cat got)"
    records d.gn >got
    is $'{"a": 2, "b": 5}\n{"a": 2, "b": 6}' "$(cat got)"
    cat a.gn a.gn >b.gn
    status 3 gn-uniq -k a b.gn
    has "$(cat err)" "'b.gn': record 1: out of order (by a:desc)"
    has "$(cat err)" "--sort"
    gn-uniq --sort -k a b.gn | records >got
    is $'{"a": 1, "b": 0}\n{"a": 2, "b": 4}\n{"a": 3, "b": 1}' "$(cat got)"
    # more than one file is sorted
    gn-uniq -k a a.gn a.gn | records | same got /dev/stdin
    # a false claim; fields that differ
    stream "build($f, [(1,1),(2,2)], $o)" >f.gn
    status 3 gn-uniq -k a f.gn
    has "$(cat err)" "'f.gn': record 2: out of order"
    gn-uniq --sort -k a f.gn >/dev/null
    stream 'build([("a","int")], [(1,)])' >g.gn
    status 3 gn-uniq -k a f.gn g.gn
    cat a.gn g.gn >h.gn
    status 3 gn-uniq -k a h.gn
    has "$(cat err)" "its fields are not those of the first input"
}

@test "claims: order, placement, cover, partial state, provenance" {
    whole='{"key": ["a"], "hash": "xxh3", "lo": %s, "hi": %s}'
    part() { # LO HI
        # shellcheck disable=SC2059
        stream "build([('a','int'),('b','int')], [], {$3'part': $(printf "$whole" "$1" "$2")})"
    }
    o="'order': [['a','asc'],['b','desc']], "
    part 0 99 '' >p1 && part 100 2**64-1 '' >p2 && part 200 2**64-1 '' >p3
    gn-uniq -k b p2 p1 | info | sed -n 1p >h
    has "$(cat h)" '"order": [["b", "asc"]], "total": true'
    has "$(cat h)" '"lo": 0, "hi": 18446744073709551615'
    gn-uniq p1 p3 | info | sed -n 1p >h
    if grep -q '"part"' h; then false; fi
    part 0 99 "$o" >s1 && part 100 200 "$o" >s2
    gn-uniq -k a --duplicates d --count n s1 | info | sed -n 1p >h
    has "$(cat h)" '"order": [["a", "asc"], ["b", "desc"]], "total": true'
    has "$(cat h)" '"hi": 99'
    info <d | sed -n 1p >h
    has "$(cat h)" '"order": [["a", "asc"]], "total": false'
    has "$(cat h)" '"hi": 99'
    cat s1 s2 >s
    status 3 gn-uniq -k a s
    has "$(cat err)" "placed unlike the segment before"
    gn-uniq --sort -k a s | info | sed -n 1p >h
    has "$(cat h)" '"hi": 200'
    # both outputs account for the input, and are told apart
    gn-gen --rows 100 --users 9 -o g.gn
    gn-uniq -k user_id --duplicates d.gn g.gn >u.gn
    for f in u.gn d.gn; do
        info <$f >h
        grep -q '"cover"' h
    done
    gn-info u.gn | grep 'made by' | finds 'gn-uniq.*key=user_id$'
    gn-info d.gn | grep 'made by' | finds 'gn-uniq.*key=user_id duplicates$'
    # the same without --duplicates
    gn-uniq -k user_id g.gn | same u.gn /dev/stdin
    gn-uniq -k user_id g.gn g.gn | info >h
    if grep -q '"cover"' h; then false; fi
    # states: twice the same one is one; counted, they are none any more
    gn-dau --partial g.gn -o s.gn
    gn-uniq s.gn | raw >got
    gn-sort s.gn | raw | cmp - got
    gn-uniq s.gn | info | finds '"!partial"'
    gn-uniq --count n s.gn | info >h
    if grep -q '"!partial"' h; then false; fi
    status 3 gn-uniq g.gn s.gn
}

@test "nulls, ties and directions" {
    stream 'build([("k","str"),("v","int"),("s","str")], [("a",None,"x"),("a",2,"y"),("a",2,"z"),(None,1,"p"),("",5,"q"),(None,None,"r")])' >a.gn
    of() { gn-uniq -k k "$@" a.gn | gn-tocsv --no-header -f s | paste -sd ''; }
    is qyp "$(of)"
    is qxr "$(of --ties greatest)"
    is qyp "$(of --keep v)"
    is qzp "$(of --keep v:desc --ties greatest)"
    is qyp "$(of --keep v:desc --ties least)"
    is qzr "$(of --keep s:desc)"
    is qzr "$(of --keep s:desc,v)"
    is qzr "$(of --keep s:desc --keep v)"
    is 6 "$(gn-uniq a.gn | records | wc -l)"
    is 4 "$(gn-uniq --key v a.gn | records | wc -l)"
    is 5 "$(gn-uniq --key v --key k a.gn | records | wc -l)"
}

@test "options: what does not go" {
    stream 'build([("a","int"),("b:desc","int")], [(1,2),(1,3)])' >a.gn
    status 2 gn-uniq -k '' a.gn
    status 2 gn-uniq -k a, a.gn
    status 2 gn-uniq -k a,a a.gn
    status 2 gn-uniq -k a --keep '' a.gn
    has "$(cat err)" "--keep"
    status 2 gn-uniq -k a --keep x,x a.gn
    status 2 gn-uniq -k a --keep a:desc a.gn
    has "$(cat err)" "'a' is a key field"
    status 2 gn-uniq --keep a a.gn
    status 2 gn-uniq --ties greatest a.gn
    status 2 gn-uniq --ties last -k a a.gn
    status 2 gn-uniq --count '' a.gn
    status 2 gn-uniq --check -o x a.gn
    status 2 gn-uniq --check --duplicates x a.gn
    status 2 gn-uniq --check --count n a.gn
    status 2 gn-uniq --duplicates x -o x a.gn
    [ ! -e x ]
    status 3 gn-uniq -k nosuch a.gn
    has "$(cat err)" "'nosuch' for --key"
    status 3 gn-uniq -k a --keep nosuch a.gn
    has "$(cat err)" "'nosuch' for --keep"
    status 3 gn-uniq --count a a.gn
    has "$(cat err)" "there is a field 'a' already"
    # a field's name is taken as it is in -k, as gn-sort does in --keep
    is 2 "$(gn-uniq -k b:desc a.gn | records | wc -l)"
    is '{"a": 1, "b:desc": 3}' "$(gn-uniq -k a --keep b:desc:desc a.gn | records)"
    status 1 gn-uniq --check -k a a.gn
    is "gn-uniq: error: 1 of 2 records repeat another (by a)" "$(cat err)"
}

@test "empty, header only, truncated, failed upstream, damaged" {
    status 4 gn-uniq </dev/null
    stream 'build([("a","int")], [])' >e.gn
    is '["a", "int"], ["n", "int"]' "$(gn-uniq --count n --duplicates d.gn e.gn e.gn | info | grep -o '\["a", "int"\], \["n", "int"\]')"
    records d.gn
    gn-uniq --check e.gn
    gn-gen --rows 5000 -o a.gn
    gn-sort -k user_id a.gn -o s.gn
    for f in a.gn s.gn; do
        head -c 50000 $f >t.gn
        status 4 gn-uniq -k user_id --duplicates d2.gn t.gn
        [ ! -e d2.gn ]
        status 4 gn-uniq --check -k user_id t.gn
    done
    (gn-gen --rows 10 --range 5:99 2>/dev/null || true) | { gn-uniq -k user_id >out 2>err || echo $? >st; }
    is 4 "$(cat st)"
    is '' "$(cat err)"
    status 5 gn-uniq missing.gn
}

@test "a full disk, a closed pipe, no place for runs" {
    gn-gen --rows 400000 -o a.gn
    gn-sort -k user_id a.gn -o s.gn
    for f in a.gn s.gn; do
        status 5 gn-uniq -k user_id -o /dev/full $f
        status 5 gn-uniq -k user_id --duplicates /dev/full -o x $f
        [ ! -e x ]
        status 5 gn-uniq -k user_id --duplicates missing/d -o x $f
        [ ! -e x ]
        { gn-uniq -k user_id $f 2>err || echo $? >rc; } | gn-head -n 1 >got
        is "141 " "$(cat rc) $(cat err)"
        records got >/dev/null
    done
    status 5 gn-uniq -m 16M -k user_id -T "$PWD/missing" a.gn
    has "$(cat err)" "-T"
    (
        ulimit -f 2000
        trap '' XFSZ
        status 5 gn-uniq -m 16M -k user_id -T . a.gn >/dev/null
    )
    is '' "$(find . -name '*gn-tmp*')"
}

@test "memory: what -m says, and no more" {
    gn-gen --rows 1000000 -o a.gn
    for m in 16 40; do
        gn-uniq -m ${m}M -k page_id --keep duration_ms --count n --duplicates d.gn --stats=st a.gn >got
        peak=$("$PYTHON" -c 'import json; print(json.load(open("st"))["max_rss_bytes"])')
        [ -n "${GN_SANITIZED:-}" ] || [ "$peak" -lt $(((m + 8) << 20)) ]
    done
    gn-sort --check -u -k page_id got
    gn-sort --check -k page_id,duration_ms d.gn
}
