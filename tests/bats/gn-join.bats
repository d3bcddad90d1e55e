#!/usr/bin/env bats
# gn-join: every type, strategy and policy against SQLite; claims, covers; what is refused; damage.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}
counter() { "$PYTHON" -c 'import json, sys; print(json.load(open("st"))["counters"][sys.argv[1]])' "$1"; }
words() { "$PYTHON" -c 'import json; w = json.load(open("st"))["words"]; print(w["strategy"] + ": " + w["reason"])'; }

left_csv() {
    printf 'id,t,v\na,1,x\nb,2,y\n,3,z\nc,4,w\na,5,q\n'
}
right_csv() {
    printf 'uid,c,d\na,US,1\nc,DE,2\nd,FR,3\n,XX,4\n'
}
two_files() {
    left_csv | gn-fromcsv --schema id:str,t:int,v:str -o l.gn
    right_csv | gn-fromcsv --schema uid:str,c:str,d:int -o r.gn
}

@test "random tables, every type, strategy and policy, as SQLite joins them" {
    "$PYTHON" "$ORACLE/join_diff.py" "${GN_SEED:-1}" 9
}

@test "a left join by hand; the left may be standard input, either may be a FIFO" {
    two_files
    cat >want <<'END'
id,t,v,c,d
a,1,x,US,1
b,2,y,,
,3,z,,
c,4,w,DE,2
a,5,q,US,1
END
    gn-join -k id=uid --stats=st l.gn r.gn | gn-tocsv | same want /dev/stdin
    is "broadcast: the right side fits in memory" "$(words)"
    gn-join -k id=uid r.gn <l.gn | gn-tocsv | same want /dev/stdin
    gn-join -k id=uid - r.gn <l.gn | gn-tocsv | same want /dev/stdin
    gn-join -k id=uid l.gn - <r.gn | gn-tocsv | same want /dev/stdin
    gn-join -k id=uid <(cat l.gn) <(cat r.gn) | gn-tocsv | same want /dev/stdin
    gn-cat -z l.gn | gn-join -k id=uid - <(gn-cat -z r.gn) | gn-tocsv | same want /dev/stdin
}

@test "what is wrong on the command line is 2" {
    two_files
    for args in "l.gn r.gn" "-k id=uid" "-k id=uid l.gn r.gn l.gn" "-k id=uid - -" "-k id= l.gn r.gn" \
        "-k id=uid,id=c l.gn r.gn" "-k id=uid --type outer l.gn r.gn" \
        "-k id=uid --right-order d l.gn r.gn" "-k id=uid --right-dup all --right-order d l.gn r.gn" \
        "-k id=uid --type semi --right-fields c l.gn r.gn" "-k id=uid --type anti --right-dup all l.gn r.gn" \
        "-k id=uid --mark= l.gn r.gn" "-k id=uid --suffix= l.gn r.gn"; do
        # shellcheck disable=SC2086
        status 2 gn-join $args
    done
}

@test "fields that are not there, of other types, or there twice are 3 and named" {
    two_files
    status 3 gn-join -k nosuch=uid l.gn r.gn && has "$(cat err)" "'nosuch'"
    status 3 gn-join -k id=nosuch l.gn r.gn && has "$(cat err)" "'nosuch'"
    status 3 gn-join -k t=uid l.gn r.gn && has "$(cat err)" "key field 'uid' is str, but 't' of the left is int"
    status 3 gn-join -k id=uid --right-fields c,nosuch l.gn r.gn && has "$(cat err)" "'nosuch'"
    status 3 gn-join -k id=uid -f id,nosuch l.gn r.gn && has "$(cat err)" "'nosuch'"
    status 3 gn-join -k id=uid --right-dup last --right-order nosuch l.gn r.gn && has "$(cat err)" "'nosuch'"
    status 3 gn-join -k id=uid --mark v l.gn r.gn && has "$(cat err)" "'v'"
    gn-select 'uid, v = c, d' r.gn >clash.gn
    status 3 gn-join -k id=uid l.gn clash.gn && has "$(cat err)" "'v'" && has "$(cat err)" "--suffix"
    gn-join -k id=uid --suffix 2 l.gn clash.gn | gn-head -n 0 | gn-tocsv >got
    is id,t,v,v2,d "$(cat got)"
    gn-select 'uid, v = c, v2 = d' r.gn >clash.gn
    status 3 gn-join -k id=uid --suffix 2 l.gn clash.gn && has "$(cat err)" "'v2'"
    gn-select 'id = uid, v = float(d)' r.gn >f.gn
    status 3 gn-join -k t=v l.gn f.gn && has "$(cat err)" "float"
}

@test "right records of one key: 3 unless --right-dup says which; nulls never are the best" {
    two_files
    right_csv | { cat && printf 'a,CA,7\na,,9\na,JP,\n,YY,5\n'; } |
        gn-fromcsv --schema uid:str,c:str,d:int -o r2.gn
    for how in auto broadcast; do
        status 3 gn-join -k id=uid --strategy $how l.gn r2.gn
        has "$(cat err)" "--right-dup first, last or all"
    done
    of_a() { gn-join -k id=uid --type inner "$@" l.gn r2.gn | gn-where 't = 1' | gn-tocsv --no-header; }
    is "a,1,x,,9" "$(of_a --right-dup last --right-order d)"
    is "a,1,x,US,1" "$(of_a --right-dup first --right-order d)"
    is "a,1,x,,9" "$(of_a --right-dup first --right-order d:desc)"
    is "a,1,x,US,1" "$(of_a --right-dup last --right-order c)"
    is "a,1,x,CA,7" "$(of_a --right-dup first --right-order c:asc,d)"
    is 4 "$(of_a --right-dup all | wc -l)"
    gn-join -k id=uid --right-dup last --stats=st l.gn r2.gn >/dev/null
    is "3 2" "$(counter right_dropped) $(counter right_null_keys)"
    status 0 gn-join -k id=uid --type semi l.gn r2.gn
}

@test "the right side does not fit: broadcast says -m" {
    gn-gen --rows 1 -o l.gn
    gn-gen --table metadata --rows 400000 --users 100000000 -o r.gn
    status 5 gn-join --strategy broadcast -m 16M -k user_id --right-dup last l.gn r.gn
    has "$(cat err)" "-m/--memory"
}

@test "claims: broadcast keeps the left's order, merge has it, right records without partner end it" {
    stream 'build([("k", "str"), ("n", "int")], [("a", 1), ("a", 2), ("b", 1)],
        {"order": [["k", "asc"], ["n", "asc"]], "total": True})' >l.gn
    stream 'build([("k", "str"), ("m", "int")], [("a", 5), ("c", 6)], {"order": [["k", "asc"]]})' >r.gn
    stream 'build([("k", "str"), ("m", "int")], [("a", 5), ("c", 6)])' >u.gn
    order() { "$PYTHON" "$ORACLE/gnstream.py" --header | "$PYTHON" -c 'import json, sys
h = json.loads(sys.stdin.readline())
print(",".join(k for k, _ in h.get("order", [])), h.get("total", False))'; }
    is "k,n True" "$(gn-join -k k l.gn u.gn | order)"
    is "k,n True" "$(gn-join -k k l.gn r.gn | order)"
    is "k,n False" "$(gn-join -k k --right-dup all l.gn r.gn | order)"
    is " False" "$(gn-join -k k --type full l.gn u.gn | order)"
    is "k False" "$(gn-join -k k --type full l.gn r.gn | order)"
    is "k,n True" "$(gn-join -k k --type semi l.gn r.gn | order)"
    is "k False" "$(gn-join -k k -f m,k l.gn u.gn | order)"
    # a claim that is not true is found by a merge
    stream 'build([("k", "str"), ("m", "int")], [("c", 5), ("a", 6)], {"order": [["k", "asc"]]})' >w.gn
    status 3 gn-join -k k l.gn w.gn && has "$(cat err)" "record 2: out of order"
    status 3 gn-join -k k=k --strategy merge l.gn u.gn && has "$(cat err)" "gn-sort -k k"
}
