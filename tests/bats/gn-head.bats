#!/usr/bin/env bats
# gn-head: the first records over all segments, and no longer than needed.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}
info() { "$PYTHON" "$ORACLE/gnstream.py" --info "$@"; }

@test "the first N records" {
    gn-gen --rows 5000 -o a.gn
    gn-tocsv --no-header a.gn >all
    for n in 1 9 1023 1024 1025 4999 5000 6000; do
        head -n "$n" all >want
        gn-head -n "$n" a.gn | gn-tocsv --no-header >got
        same want got
    done
    head -n 10 all >want
    gn-head a.gn | gn-tocsv --no-header >got
    same want got
}

@test "N counts over segments and files, and their headers stay" {
    stream 'build([("a","int")], [(1,),(2,)], {"order": [["a","asc"]], "total": True})' >a.gn
    stream 'build([("b","str")], [("x",),("y",)])' >b.gn
    is $'{"a": 1}\n{"a": 2}\n{"b": "x"}' "$(gn-head -n 3 a.gn b.gn | records)"
    is $'{"a": 1}\n{"a": 2}' "$(cat a.gn b.gn | gn-head -n 2 | records)"
    gn-head -n 3 a.gn b.gn | info >h
    has "$(sed -n 1p h)" '"order": [["a", "asc"]], "total": true'
    is 4 "$(wc -l <h)"
    is "" "$(gn-head -n 0 a.gn b.gn | records)"
    has "$(gn-head -n 0 a.gn b.gn | info | sed -n 1p)" '"fields": [["a", "int"]]'
}

@test "the cover is dropped, provenance of whole segments stays" {
    gn-gen --rows 100 -o a.gn
    info a.gn | finds '"cover"'
    gn-head -n 3 a.gn | info >h
    if grep -q '"cover"' h; then false; fi
    gn-head -n 300 a.gn | info >h
    if grep -q '"cover"' h; then false; fi
    grep -q gn-gen h
    grep -q gn-head h
}

@test "it stops reading: an endless stream, a stream that stays open" {
    run bash -c 'gn-gen --rows 1000000000 | gn-head -n 5000 | gn-tocsv --no-header | wc -l
        echo "${PIPESTATUS[*]}"'
    is $'5000\n141 0 0 0' "$output"
    gn-gen --rows 3000 >a.gn
    head -c 60000 a.gn >begin.gn
    mkfifo pipe
    (cat begin.gn; exec sleep 15) >pipe &
    feeder=$!
    SECONDS=0
    is 7 "$(gn-head -n 7 <pipe | gn-tocsv --no-header | wc -l)"
    [ "$SECONDS" -lt 10 ]
    kill "$feeder" 2>/dev/null || true
}

@test "no records" {
    stream 'build([("a","int")], [])' >a.gn
    is "" "$(gn-head a.gn | records)"
    is 2 "$(gn-head a.gn | info | wc -l)"
    status 4 gn-head /dev/null
    status 2 gn-head -n -1 a.gn
}
