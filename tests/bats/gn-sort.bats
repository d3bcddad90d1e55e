#!/usr/bin/env bats
# gn-sort: the order that Python's sort gives, in memory and beyond; --check; claims; failures.

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

@test "random types, keys and options, as Python sorts them; merges of the pieces" {
    "$PYTHON" "$ORACLE/sort_diff.py" "${GN_SEED:-1}" 30
}

@test "the same with records too long for the memory: runs on disk" {
    "$PYTHON" "$ORACLE/sort_diff.py" 12 1 22000 -m 16M
}

@test "in memory, with runs on disk, in any number of pieces: the same bytes" {
    gn-gen --rows 400000 --users 3000 -o a.gn
    for k in user_id,timestamp duration_ms:desc,page_id action_type; do
        gn-sort -k $k -m 1G --stats=st a.gn >want
        is 0 "$(counter runs)"
        gn-sort -k $k -m 16M --stats=st a.gn >got
        [ "$(counter runs)" -ge 1 ]
        same want got
        gn-sort --check -k $k got
        status 1 gn-sort --check -k $k a.gn
        has "$(cat err)" "'a.gn': record "
        { gn-head -n 123456 a.gn && gn-tail -n 276544 a.gn; } | gn-sort -m 17M -k $k | gn-tocsv >g
        gn-tocsv want | same g /dev/stdin
    done
    gn-info --verify want >/dev/null
}

@test "--stable and --unique with runs on disk" {
    gn-gen --rows 300000 --users 2000 -o a.gn
    for o in --stable --unique "--stable --unique"; do
        # shellcheck disable=SC2086
        gn-sort $o -k user_id,action_type -m 1G a.gn >want
        # shellcheck disable=SC2086
        gn-sort $o -k user_id,action_type -m 16M --stats=st a.gn >got
        [ "$(counter runs)" -ge 1 ]
        same want got
        # shellcheck disable=SC2086
        gn-sort --check $o -k user_id,action_type got
    done
    # as many as sort(1) counts
    n=$(gn-tocsv --no-header -f user_id,action_type a.gn | sort -u | wc -l)
    is "$n" "$(gn-tocsv --no-header got | wc -l)"
    is $((300000 - n)) "$(counter dropped)"
}

@test "many records of one key, of null keys, and of no key at all" {
    gn-gen --rows 60000 --users 500 | gn-tocsv >a.csv
    LC_ALL=C sort <(tail -n +2 a.csv) >want.csv
    { sed -n 1p a.csv; cat want.csv; } >b.csv
    # one key for all: the bytes of records of one length are in the order of their text
    sed '2,$s/^[^,]*,/x,/' b.csv >c.csv
    gn-fromcsv c.csv >c.gn
    gn-sort -k user_id c.gn >one.gn
    gn-sort --check -k user_id one.gn
    raw one.gn >want
    gn-sort -k user_id one.gn | raw | cmp - want
    # all fields: what sort(1) makes of the text where all fields but the last two are of one length
    gn-fromcsv a.csv | gn-sort | gn-tocsv --no-header -f user_id,timestamp >got
    cut -d, -f1,2 want.csv | same /dev/stdin got
    stream 'build([("k","int"),("s","str")], [(None, "x" * (i % 7)) for i in range(900)])' >n.gn
    gn-sort -k k n.gn | gn-sort --check -k k,s
    gn-sort --unique n.gn | records >got
    is 7 "$(wc -l <got)"
}

@test "keys: their syntax" {
    stream 'build([("a","int"),("b:desc","int"),("c","str")], [(1,2,"x"),(2,1,"y"),(None,3,"z")])' >a.gn
    of() { gn-sort "$@" a.gn | gn-tocsv --no-header -f c | paste -sd ''; }
    is xyz "$(of -k a)"
    is xyz "$(of -k a:asc)"
    is yxz "$(of -k a:desc)"
    is zxy "$(of -k b:desc:desc)"
    is yxz "$(of -k b:desc:asc)"
    is xyz "$(of)"
    is xyz "$(of -k a,c)"
    is xyz "$(of -k a -k c:desc)"
    status 2 gn-sort -k '' a.gn
    status 2 gn-sort -k a, a.gn
    status 2 gn-sort -k a,a:desc a.gn
    status 2 gn-sort -k a -k a a.gn
    status 2 gn-sort -k :desc a.gn
    status 3 gn-sort -k nosuch a.gn
    has "$(cat err)" "'nosuch'"
    has "$(cat err)" "b:desc"
    status 2 gn-sort --check -o x a.gn
    [ ! -e x ]
}

@test "--check" {
    stream 'build([("a","int"),("b","int")], [(1,1),(1,2)]) + build([("a","int"),("b","int")], [(1,3),(2,0)])' >a.gn
    status 0 gn-sort --check a.gn
    status 0 gn-sort --check -k a a.gn
    is '' "$(cat out err)"
    status 1 gn-sort --check --unique -k a a.gn
    has "$(cat err)" "'a.gn': record 2: out of order (by a)"
    status 1 gn-sort --check -k b a.gn
    has "$(cat err)" "'a.gn': record 2: out of order (by b)"
    status 0 gn-sort --check --unique -k a,b a.gn
    # from one file to the next; ties
    status 1 gn-sort --check a.gn a.gn
    has "$(cat err)" "'a.gn': record 1:"
    stream 'build([("a","int"),("b","int")], [(1,2),(1,1)], {"order": [["a","asc"]], "total": True})' >t.gn
    status 1 gn-sort --check -k a t.gn
    status 0 gn-sort --check --stable -k a t.gn
    # a false claim is no excuse
    stream 'build([("a","int")], [(2,),(1,)], {"order": [["a","asc"]]})' >f.gn
    status 1 gn-sort --check -k a f.gn
    # sorting it is
    status 0 gn-sort -k a f.gn
    records out >got
    is $'{"a": 1}\n{"a": 2}' "$(cat got)"
    stream 'build([("a","int")], [])' | gn-sort --check
}

@test "claims: order, placement, cover, partial state" {
    whole='{"key": ["a"], "hash": "xxh3", "lo": %s, "hi": %s}'
    part() { # LO HI
        # shellcheck disable=SC2059
        stream "build([('a','int')], [], {'part': $(printf "$whole" "$1" "$2")})"
    }
    part 0 99 >p1 && part 100 2**64-1 >p2 && part 200 2**64-1 >p3
    gn-sort --stable p2 p1 | info | sed -n 1p >h
    has "$(cat h)" '"order": [["a", "asc"]]'
    has "$(cat h)" '"lo": 0, "hi": 18446744073709551615'
    gn-sort p1 p3 | info | sed -n 1p >h
    if grep -q '"part"' h; then false; fi
    has "$(cat h)" '"total": true'
    stream 'build([("a","int")], [])' | gn-sort p1 - | info | sed -n 1p >h
    if grep -q '"part"' h; then false; fi
    # the cover stays, but not where records are there twice
    gn-gen --rows 100 -o g.gn
    gn-gen --rows 200 --range 0:100 -o g1.gn
    gn-gen --rows 200 --range 100:200 -o g2.gn
    gn-sort -k user_id g.gn | info | finds '"cover"'
    gn-sort -k user_id g1.gn g2.gn | gn-cat | info >h
    grep -q '"cover"' h
    gn-sort -k user_id g1.gn g1.gn | info >h
    if grep -q '"cover"' h; then false; fi
    gn-dau --partial g1.gn -o s1.gn
    gn-dau --partial g2.gn -o s2.gn
    gn-sort -k date s1.gn | gn-sort -k user_id,date | gn-dau --merge --allow-partial >got
    gn-dau g1.gn | raw >want
    raw got | cmp - want
    status 3 gn-sort g1.gn s1.gn
    has "$(cat err)" "'s1.gn'"
    gn-dau --partial --tz Asia/Tokyo g2.gn -o s3.gn
    status 3 gn-sort s1.gn s3.gn
}

@test "empty, header only, truncated, failed upstream, damaged" {
    status 4 gn-sort </dev/null
    stream 'build([("a","int")], [])' >e.gn
    is 1 "$(gn-sort e.gn e.gn | info | grep -c '"gn"')"
    gn-gen --rows 5000 -o a.gn
    head -c 50000 a.gn >t.gn
    status 4 gn-sort -k user_id t.gn
    { cat t.gn; } | status 4 gn-sort -k user_id
    (gn-gen --rows 10 --range 5:99 2>/dev/null || true) | { gn-sort -k user_id >out 2>err || echo $? >st; }
    is 4 "$(cat st)"
    is '' "$(cat err)"
    status 5 gn-sort missing.gn
}

@test "a full disk, a closed pipe, no place for runs" {
    gn-gen --rows 400000 -o a.gn
    status 5 gn-sort -k user_id -o /dev/full a.gn
    status 5 gn-sort -m 16M -k user_id -T "$PWD/missing" a.gn
    has "$(cat err)" "missing"
    has "$(cat err)" "-T"
    # not opened where all fits
    status 0 gn-sort -k user_id -T "$PWD/missing" -o out.gn a.gn
    (
        ulimit -f 2000
        trap '' XFSZ
        status 5 gn-sort -m 16M -k user_id -T . a.gn >/dev/null
    )
    gn-sort -m 16M -k user_id a.gn | gn-head -n 1 >got || [ "$?" = 141 ]
    records got >/dev/null
    is '' "$(find . -name '*gn-tmp*')"
}

@test "memory: what -m says, and no more" {
    gn-gen --rows 1000000 -o a.gn
    for m in 16 40; do
        gn-sort -m ${m}M -k page_id,duration_ms --stats=st a.gn >got
        peak=$("$PYTHON" -c 'import json; print(json.load(open("st"))["max_rss_bytes"])')
        [ -n "${GN_SANITIZED:-}" ] || [ "$peak" -lt $(((m + 8) << 20)) ]
        gn-sort --check -k page_id,duration_ms got
    done
    # one record larger than that
    stream 'build([("a","str"),("k","int")], [("x" * 20000000, 2), ("y", 1)])' >l.gn
    status 5 gn-sort -m 16M -k k l.gn
    has "$(cat err)" "-m"
    status 0 gn-sort -m 64M -k k l.gn
    records out >got
    is '{"a": "y"' "$(cut -c-9 got | sed -n 1p)"
    # a merge of two of these takes more than was set aside for merging
    stream 'build([("a","str"),("k","int")], [("x" * 4000000, i * 7 % 10) for i in range(10)])' >l.gn
    gn-sort -m 16M -k k l.gn >got
    gn-sort --check -k k got
    is 10 "$(records got | wc -l)"
    is 10 "$(gn-sort -m 16M -u -k k l.gn l.gn | records | wc -l)"
}
