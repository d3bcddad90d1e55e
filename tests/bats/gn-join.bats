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
    "$PYTHON" "$ORACLE/join_diff.py" "${GN_SEED:-1}" 6
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
    status 3 gn-join -k id=nosuch l.gn clash.gn && has "$(cat err)" "'nosuch'"
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

@test "a right side that does not fit goes to disk, from a pipe too: the same records within the memory" {
    mkdir tmp
    gn-gen --rows 20000 --users 400000 -o l.gn
    gn-gen --table metadata --rows 300000 --users 400000 -o r.gn
    sum() { gn-info "$@" | sed -n 's/^  \(records\|checksum\) *//p' | tr '\n' ' '; }
    for args in "--type left" "--type full --mark m"; do
        # shellcheck disable=SC2086
        gn-join -k user_id --right-dup last --right-order join_date $args --stats=st l.gn r.gn >want.gn
        has "$(words)" "broadcast: the right side fits"
        cp st st.want
        # shellcheck disable=SC2086
        TMPDIR=$PWD/tmp gn-join -k user_id --right-dup last --right-order join_date $args --stats=st \
            -m 16M <(cat l.gn) <(cat r.gn) >got.gn
        has "$(words)" "grace: the right side does not fit in memory: it was full after"
        is "$(sum want.gn)" "$(sum got.gn)"
        "$PYTHON" -c '
import json
want, got = (json.load(open(f)) for f in ("st.want", "st"))
a, b = want["counters"], got["counters"]
assert b["partitions"] == 16 and b["levels"] == 1 and b["spilled_bytes"] > 0, b
assert got["memory_peak_bytes"] <= 16 << 20, got
for c in ("partitions", "levels", "spilled_bytes"):
    del a[c], b[c]
assert a == b, (a, b)'
    done
    is "" "$(ls -A tmp)"
    status 5 gn-join -m 16M -k user_id --right-dup last -T nosuchdir l.gn r.gn
    has "$(cat err)" "'nosuchdir'"
}

@test "right records of one key beyond the memory: blocks, and a merge that reads them again" {
    "$PYTHON" "$ORACLE/join_diff.py" 3 1 9000 3200 -m 16M
    has "$(words)" merge
    [ "$(counter spilled_bytes)" -gt 16000000 ]
}

@test "parts of users join one by one and stay parts; those that do not belong together are refused" {
    gn-gen --rows 3000 --users 500 | gn-partition -k user_id -n 4 -d events
    gn-gen --table metadata --rows 800 --users 700 | gn-uniq -k user_id | gn-partition -k user_id -n 4 -d users
    for type in left full; do
        for i in 0 1 2 3; do
            gn-join -k user_id --type $type events/part-000$i.gn users/part-000$i.gn -o $type$i.gn
        done
        # placed as they were, and all there is
        "$PYTHON" "$ORACLE/gnstream.py" --header ${type}[0-3].gn | finds '"part"'
        gn-merge -k user_id --stable <(gn-sort -k user_id ${type}0.gn) <(gn-sort -k user_id ${type}1.gn) \
            <(gn-sort -k user_id ${type}2.gn) <(gn-sort -k user_id ${type}3.gn) >all.gn
        "$PYTHON" "$ORACLE/gnstream.py" --header all.gn | finds '"lo": 0, "hi": 18446744073709551615'
        gn-join -k user_id --type $type <(gn-cat events/part-*.gn) <(gn-cat users/part-*.gn) >once.gn
        is "$(gn-info once.gn | grep checksum)" "$(gn-info all.gn | grep checksum)"
    done
    status 3 gn-join -k user_id events/part-0000.gn users/part-0001.gn
    has "$(cat err)" "'events/part-0000.gn' and 'users/part-0001.gn'"
    has "$(cat err)" "partners may be in other parts"
    status 0 gn-join -k user_id events/part-0000.gn <(gn-cat users/part-000[01].gn)
    status 3 gn-join -k user_id --type full events/part-0000.gn <(gn-cat users/part-000[01].gn)
    status 3 gn-join -k user_id --type right events/part-0000.gn <(gn-cat users/part-000[01].gn)
    status 0 gn-join -k user_id --type right <(gn-cat events/part-000[01].gn) users/part-0000.gn
    gn-join -k user_id --type full --strategy grace events/part-0000.gn users/part-0000.gn |
        "$PYTHON" "$ORACLE/gnstream.py" --header | finds '"part"'
}

@test "what the result accounts for: the side that it keeps" {
    gn-gen --rows 2000 --users 300 | gn-tocsv -o e.csv
    gn-gen --table metadata --rows 300 --users 300 | gn-uniq -k user_id | gn-tocsv -o m.csv
    gn-fromcsv e.csv -o e.gn
    gn-fromcsv m.csv -o m.gn
    for how in broadcast grace; do
        for i in 1 2; do
            gn-cat --split $i/2 e.gn | gn-join --strategy $how -k user_id m.gn |
                gn-agg -k country -a 'n = count()' --partial -o p$i.gn
            gn-cat --split $i/2 e.gn | gn-join --strategy $how --type full -k user_id m.gn |
                gn-agg -k country -a 'n = count()' --partial -o f$i.gn
        done
        gn-join -k user_id e.gn m.gn | gn-agg -k country -a 'n = count()' | gn-tocsv >want
        gn-agg --merge p1.gn p2.gn | gn-tocsv | same want /dev/stdin
        status 3 gn-agg --merge f1.gn f2.gn && has "$(cat err)" "counted twice"
        status 3 gn-agg --merge p1.gn && has "$(cat err)" missing
    done
    sources() { gn-info "$@" | grep -c '^  sources\|^ *[0-9a-f]\{12\}  *[0-9]* bytes'; }
    is "1 1 2" "$(gn-join -k user_id e.gn m.gn | sources) $(gn-join --type right -k user_id e.gn m.gn | sources) $(
        gn-join --type full -k user_id e.gn m.gn | sources)"
    gn-join -k user_id e.gn m.gn | records >/dev/null
}

@test "segments: each keeps its claims in a broadcast; other fields are refused" {
    two_files
    left_csv | sed 's/^a/z/' | gn-fromcsv --schema id:str,t:int,v:str -o l2.gn
    gn-join -k id=uid <(cat l.gn l2.gn) <(cat r.gn <(gn-where 'uid = "none"' r.gn)) >two.gn
    is 10 "$(records two.gn | wc -l)"
    is 2 "$("$PYTHON" "$ORACLE/gnstream.py" --header two.gn | wc -l)"
    gn-join -k id=uid --type full <(cat l.gn l2.gn) r.gn >one.gn
    is "12 1" "$(records one.gn | wc -l) $("$PYTHON" "$ORACLE/gnstream.py" --header one.gn | wc -l)"
    status 3 gn-join -k id=uid <(cat l.gn r.gn) r.gn
    status 3 gn-join -k id=uid l.gn <(cat r.gn l.gn)
}

@test "a damaged or failed right side: as a left one" {
    "$PYTHON" "$ORACLE/conform.py" samples .
    gn-select 'user_id, t = timestamp' good.gn >l.gn
    join() { # VERB STRATEGY
        "$PYTHON" "$ORACLE/conform.py" "$1" good.gn 1 -- gn-join --strategy "$2" --right-dup all -k user_id "$PWD/l.gn" -
    }
    join flips broadcast
    join cuts grace
    for f in failed failed-first failed-later; do
        for how in merge broadcast grace; do
            got=0
            gn-join --strategy $how --right-dup all -k user_id l.gn $f.gn >out 2>err || got=$?
            is "4 " "$got $(cat err)"
        done
    done
}
