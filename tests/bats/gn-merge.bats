#!/usr/bin/env bats
# gn-merge: what gn-sort gives of everything; order checked; several passes; covers and placement.
# Random merges are in gn-sort.bats, with tests/oracle/sort_diff.py.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}
info() { "$PYTHON" "$ORACLE/gnstream.py" --info "$@"; }
counter() { "$PYTHON" -c 'import json, sys; print(json.load(open("st"))["counters"][sys.argv[1]])' "$1"; }

@test "sorted parts become the sorted whole" {
    gn-gen --rows 50000 --users 400 -o a.gn
    gn-sort -k user_id,timestamp a.gn | gn-tocsv >want
    for i in 0 1 2 3 4; do
        gn-gen --rows 50000 --users 400 --range $((i * 10000)):$((i * 10000 + 10000)) |
            gn-sort -k user_id,timestamp -o $i.gn
    done
    gn-merge [0-4].gn -o all.gn
    gn-tocsv all.gn | same want /dev/stdin
    gn-info --verify all.gn >/dev/null
    gn-sort --check -k user_id,timestamp all.gn
    gn-merge <(gn-merge 3.gn 0.gn) 4.gn <(gn-merge 1.gn <(gn-merge 2.gn)) | gn-tocsv | same want /dev/stdin
    gn-merge all.gn | raw_cmp all.gn
    # shellcheck disable=SC2094
    gn-merge <all.gn | raw_cmp all.gn
}
raw_cmp() { "$PYTHON" "$ORACLE/gnstream.py" --raw | cmp - <("$PYTHON" "$ORACLE/gnstream.py" --raw "$1"); }

@test "more inputs than memory or descriptors allow" {
    mkdir p
    for i in $(seq 100 219); do
        gn-gen --rows 12000 --users 30 --range $(((i - 100) * 100)):$(((i - 99) * 100)) |
            gn-sort -k action_type,user_id -o "p/$i.gn"
    done
    gn-gen --rows 12000 --users 30 | gn-sort -k action_type,user_id | gn-tocsv >want
    gn-merge --stats=st p/*.gn | gn-tocsv | same want /dev/stdin
    is 0 "$(counter runs)"
    gn-merge -m 16M --stats=st p/*.gn >got
    gn-tocsv got | same want /dev/stdin
    [ "$(counter runs)" -gt 3 ]
    if [ -z "${GN_SANITIZED:-}" ]; then
        peak=$("$PYTHON" -c 'import json; print(json.load(open("st"))["max_rss_bytes"])')
        [ "$peak" -lt $((24 << 20)) ]
    fi
    (
        ulimit -n 40
        gn-merge --stats=st p/*.gn | gn-tocsv | same want /dev/stdin
    )
    [ "$(counter runs)" -gt 3 ]
    info got >h
    is 2 "$(wc -l <h)"
    # --stable and --unique, in one pass and in several
    gn-merge --stable -k action_type p/*.gn >want
    gn-merge --stable -k action_type -m 16M p/*.gn | same want /dev/stdin
    gn-merge --unique -k action_type,user_id p/*.gn >want
    gn-merge --unique -k action_type,user_id -m 16M --stats=st p/*.gn | same want /dev/stdin
    n=$(gn-tocsv --no-header -f action_type,user_id want | wc -l)
    is "$n" "$(cat p/*.gn | gn-tocsv --no-header -f action_type,user_id | sort -u | wc -l)"
    is $((12000 - n)) "$(counter dropped)"
    gn-merge p/*.gn --unique -k action_type,user_id | gn-sort --check --unique -k action_type,user_id
}

@test "--stable: ties in the order of the inputs" {
    h='{"order": [["k","asc"]]}'
    stream "build([('k','int'),('v','str')], [(1,'b'),(1,'a'),(2,'z')], $h)" >a.gn
    stream "build([('k','int'),('v','str')], [(1,'a0'),(2,'a')], $h)" >b.gn
    gn-merge --stable a.gn b.gn -o got
    is 'b a a0 z a' "$(gn-tocsv --no-header -f v got | paste -sd ' ')"
    info got >h
    if grep -q '"total": true' h; then false; fi
    is 'a0 b a a z' "$(gn-merge --stable b.gn a.gn | gn-tocsv --no-header -f v | paste -sd ' ')"
    status 3 gn-merge a.gn b.gn
    has "$(cat err)" "--stable"
}

@test "what is not in order is refused, with the record and the remedy" {
    stream 'build([("k","int")], [(1,),(3,)], {"order": [["k","asc"]], "total": True})' >a.gn
    stream 'build([("k","int")], [(1,),(4,),(2,)], {"order": [["k","asc"]], "total": True})' >f.gn
    stream 'build([("k","int")], [(1,),(3,)])' >n.gn
    stream 'build([("k","int")], [(3,),(1,)], {"order": [["k","desc"]], "total": True})' >d.gn
    stream 'build([("j","int")], [], {"order": [["j","asc"]], "total": True})' >j.gn
    status 3 gn-merge a.gn f.gn
    has "$(cat err)" "'f.gn': record 3: out of order (run gn-sort -k k"
    status 3 gn-merge a.gn n.gn
    has "$(cat err)" "'n.gn': not declared in order (run gn-sort -k k)"
    status 3 gn-merge n.gn a.gn
    has "$(cat err)" "'n.gn': declares no order"
    status 3 gn-merge a.gn d.gn
    has "$(cat err)" "'d.gn'"
    status 3 gn-merge a.gn j.gn
    has "$(cat err)" "'j.gn'"
    status 0 gn-merge -k k a.gn n.gn
    records out >got
    is $'{"k": 1}\n{"k": 1}\n{"k": 3}\n{"k": 3}' "$(cat got)"
    status 3 gn-merge -k k:desc a.gn d.gn
    has "$(cat err)" "'a.gn': record 2:"
    status 3 gn-merge -k nosuch a.gn
    # a further segment goes on where the one before ended
    cat a.gn a.gn >aa.gn
    status 3 gn-merge aa.gn
    has "$(cat err)" "'aa.gn': record 1:"
    stream 'build([("k","int")], [(3,),(9,)], {"order": [["k","asc"]], "total": True})' | cat a.gn - >ab.gn
    is '1 1 3 3 3 9' "$(gn-merge ab.gn a.gn | gn-tocsv --no-header | paste -sd ' ')"
}

@test "covers that overlap are refused; placement that joins is claimed" {
    gn-gen --rows 100 | gn-sort -k user_id -o a.gn
    gn-gen --rows 200 --range 0:100 | gn-sort -k user_id -o b.gn
    gn-gen --rows 200 --range 100:200 | gn-sort -k user_id -o c.gn
    status 3 gn-merge a.gn a.gn
    has "$(cat err)" "twice"
    gn-merge b.gn c.gn | info >h
    has "$(tail -1 h)" '"cover"'
    part() { # LO HI
        stream "build([('a','int')], [], {'order': [['a','asc']], 'total': True,
            'part': {'key': ['a'], 'hash': 'xxh3', 'lo': $1, 'hi': $2}})"
    }
    part 0 99 >p1 && part 100 2**64-1 >p2 && part 200 2**64-1 >p3
    gn-merge p2 p1 | info | sed -n 1p >h
    has "$(cat h)" '"lo": 0, "hi": 18446744073709551615'
    gn-merge p1 p3 | info | sed -n 1p >h
    if grep -q '"part"' h; then false; fi
}

@test "damage, a failure upstream, a full disk" {
    gn-gen --rows 20000 | gn-sort -k user_id -o a.gn
    gn-gen --rows 40000 --range 0:20000 | gn-sort -k user_id -o b.gn
    head -c 100000 b.gn >t.gn
    status 4 gn-merge a.gn t.gn
    has "$(cat err)" "'t.gn'"
    gn-merge a.gn <(gn-sort -k nosuch b.gn 2>/dev/null) >out 2>err || is 4 $?
    is '' "$(cat err)"
    tail -c 30 out | finds -a fail
    status 5 gn-merge a.gn b.gn -o /dev/full
    status 5 gn-merge a.gn missing.gn
    status 3 gn-merge a.gn /dev/stdin <<<"not a stream"
    gn-merge a.gn b.gn | gn-head -n 1 >/dev/null || [ "$?" = 141 ]
}
