#!/usr/bin/env bats
# gn-tail: the last records over all segments, in bounded memory.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}
info() { "$PYTHON" "$ORACLE/gnstream.py" --info; }

@test "the last N records" {
    gn-gen --rows 5000 -o a.gn
    gn-tocsv --no-header a.gn >all
    for n in 1 9 903 904 905 1024 1025 4999 5000 6000; do
        tail -n "$n" all >want
        gn-tail -n "$n" a.gn | gn-tocsv --no-header >got
        same want got
    done
    tail -n 10 all >want
    gn-tail a.gn | gn-tocsv --no-header >got
    same want got
}

@test "N counts over segments and files; only those that records are left of go out" {
    stream 'build([("a","int")], [(1,),(2,)], {"order": [["a","asc"]], "total": True})' >a.gn
    stream 'build([("b","str")], [("x",),("y",)])' >b.gn
    stream 'build([("c","int")], [])' >c.gn
    is $'{"a": 2}\n{"b": "x"}\n{"b": "y"}' "$(gn-tail -n 3 a.gn b.gn | records)"
    is $'{"b": "x"}\n{"b": "y"}' "$(cat a.gn b.gn c.gn | gn-tail -n 2 | records)"
    is 2 "$(cat a.gn b.gn c.gn | gn-tail -n 2 | info | wc -l)"
    is 4 "$(cat c.gn a.gn c.gn b.gn | gn-tail -n 4 | info | wc -l)"
    has "$(gn-tail -n 3 a.gn b.gn | info | sed -n 1p)" '"order": [["a", "asc"]], "total": true'
    gn-tail -n 0 a.gn b.gn | info >h
    is 2 "$(wc -l <h)"
    has "$(cat h)" '"b", "str"'
    # a thousand segments of one record
    for _ in {1..100}; do cat a.gn; done >many.gn
    is "1 2 1 2 1 2 1 2 1 2 " "$(gn-tail many.gn | gn-tocsv --no-header | tr '\n' ' ')"
    is 10 "$(gn-tail many.gn | info | wc -l)"
}

@test "the cover is dropped, provenance stays" {
    gn-gen --rows 100 -o a.gn
    gn-tail -n 3 a.gn | info >h
    if grep -q '"cover"' h; then false; fi
    grep -q gn-gen h
    grep -q gn-tail h
}

@test "memory is that of N records; beyond -m it says so" {
    gn-gen --rows 1000000 -o a.gn
    gn-tail -n 1000 --stats=stats a.gn | gn-tocsv --no-header >got
    gn-gen --rows 1000000 --range 999000:1000000 | gn-tocsv --no-header >want
    same want got
    is 300000 "$(gn-tail -m 16M -n 300000 a.gn | gn-tocsv --no-header | wc -l)"
    status 5 gn-tail -m 16M -n 500000 a.gn
    has "$(cat err)" "-m"
    is 500000 "$(gn-tail -m 32M -n 500000 a.gn | gn-tocsv --no-header | wc -l)"
}

@test "no records" {
    stream 'build([("a","int")], [])' >a.gn
    is "" "$(gn-tail a.gn | records)"
    is 2 "$(gn-tail a.gn | info | wc -l)"
    status 4 gn-tail /dev/null
}

@test "a damaged input gives no records" {
    gn-gen --rows 3000 -o a.gn
    head -c 60000 a.gn >cut.gn
    status 4 gn-tail -o out.gn cut.gn
    [ ! -e out.gn ]
}
