#!/usr/bin/env bats
# gn-corr: coefficients, pairs, states, memory.

load helper

corr() { # CSV text on standard input
    gn-fromcsv --schema "$1" | gn-corr "${@:2}" | gn-tocsv
}

@test "Pearson's of the values, Spearman's of the ranks; in order of the names" {
    # Spearman's rho by 1 - 6 sum d^2 / (n (n^2 - 1)): 1 - 6 * 194 / 990 = -29/165
    printf '%s\n' iq,tv 106,7 100,27 86,2 101,50 99,28 103,29 97,20 113,12 112,6 110,17 |
        corr iq:int,tv:int iq,tv >got
    is "metric_a,metric_b,n,excluded,pearson,pearson_p,spearman,spearman_p
iq,tv,10,0,-0.07021632602905674,0.8471568394789462,-0.17575757575757575,0.6271883447764843" "$(cat got)"
    printf '%s\n' b,a,c 1,1,3 2,4,2 3,9,1 4,16,0 | corr b:int,a:int,c:float b,a,c >got
    is "metric_a,metric_b,n,excluded,pearson,pearson_p,spearman,spearman_p
a,c,4,0,-0.9843740386976972,0.01562596130230276,-1,0
b,a,4,0,0.9843740386976972,0.01562596130230276,1,0
b,c,4,0,-1,0,-1,0" "$(cat got)"
}

@test "nulls leave a pair, not the others; what cannot be said is null; nothing gives nothing" {
    printf '%s\n' a,b,c 1,2,7 2,,7 3,1,7 ,5,7 | corr a:int,b:int,c:int a,b,c >got
    is "metric_a,metric_b,n,excluded,pearson,pearson_p,spearman,spearman_p
a,b,2,2,-1,,-1,
a,c,3,1,,,,
b,c,3,1,,,," "$(cat got)"
    printf 'a,b\n1,\n' | corr a:int,b:int a,b >got
    is "a,b,0,1,,,," "$(tail -n 1 got)"
    printf 'a,b\n' | corr a:int,b:int a,b >got
    is 1 "$(wc -l <got)"
}

@test "against exact arithmetic: random records, types, orders, memory, merge trees" {
    local seeds=1-40
    [ -z "${GN_SANITIZED:-}" ] || seeds=1-12
    "$PYTHON" "$ORACLE/corr_diff.py" $seeds
}

@test "beyond the memory it spills, also values of one x: the same bytes" {
    gn-gen --rows 200000 | gn-select -f 'duration_ms, h = hash(page_id) % 1000000, few = duration_ms % 2' >e.gn
    local fields=few,h,duration_ms
    gn-corr -m 1G $fields --stats=a.json e.gn >a.gn
    gn-corr -m 16M $fields --stats=b.json e.gn >b.gn
    same a.gn b.gn || same <(records a.gn) <(records b.gn)
    has "$(cat a.json)" '"spill_runs":0,'
    case $(cat b.json) in *'"spill_runs":0,'*) false ;; esac
    gn-corr --partial -m 16M $fields e.gn >c.gn
    gn-corr --merge -m 16M c.gn | records >got
    records a.gn | same - got
    [ -n "${GN_SANITIZED:-}" ] && return
    ( ulimit -v 60000 && gn-corr -m 16M $fields e.gn >/dev/null )
}

@test "usage: a list of fields that are numbers, two or more" {
    printf 'a,b,s\n1,2,x\n' | gn-fromcsv --schema a:int,b:int,s:str >e.gn
    status 2 gn-corr
    status 2 gn-corr a e.gn
    status 2 gn-corr e.gn </dev/null && has "$(cat err)" "two fields"
    status 2 gn-corr a,a e.gn
    status 3 gn-corr a,x e.gn
    status 3 gn-corr a,s e.gn
    has "$(cat err)" "'s'"
    status 0 gn-corr --metrics a,b e.gn
    status 2 gn-corr --merge --metrics a,b e.gn
    printf 'a,b\n1,2.5\n' | gn-fromcsv --schema a:int,b:float >f.gn
    status 3 gn-corr a,b e.gn f.gn
}

@test "states: parts once, all of them, of one kind" {
    local fields=timestamp,duration_ms
    gn-gen --rows 900 -o e.gn
    gn-gen --rows 900 --range 0:300 | gn-corr --partial $fields -o 1.gn
    gn-gen --rows 900 --range 300:900 | gn-corr --partial $fields -o 2.gn
    gn-corr --merge 2.gn 1.gn | records >got
    gn-corr $fields e.gn | records | same - got
    status 3 gn-corr --merge 1.gn 1.gn
    status 3 gn-corr --merge 1.gn
    status 0 gn-corr --merge --allow-partial 1.gn
    gn-corr --partial duration_ms,timestamp e.gn -o ba.gn
    status 3 gn-corr --merge 1.gn ba.gn
    status 3 gn-corr $fields 1.gn
    status 3 gn-corr --merge e.gn
}

@test "states that no records have: 4" {
    "$PYTHON" - <<'END'
import os, struct, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
fields = [("pair", "int"), ("x", "bin"), ("y", "bin"), ("count", "int")]
header = {"!partial": {"command": "gn-corr", "state": "pairs", "params": "field=a:int field=b:float "}}
one = struct.pack(">q", 1 - 2**63)
real = struct.pack(">Q", struct.unpack(">Q", struct.pack(">d", 2.5))[0] | 1 << 63)
good = [(0, one, real, 3), (0, None, None, 2)]
bad = [(1, one, real, 1), (-1, one, real, 1), (None, one, real, 1), (0, one, None, 1), (0, None, real, 1),
       (0, one[1:], real, 1), (0, one, b"", 1), (0, one, b"\xff" * 8, 1), (0, one, b"\x7f" + b"\xff" * 7, 1),
       (0, one, real, 0), (0, one, real, -1), (0, one, real, None)]
open("good.gn", "wb").write(gnstream.build(fields, good, header))
open("many.gn", "wb").write(gnstream.build(fields, good + [(0, one, real, 2**62)], header))
for i, r in enumerate(bad):
    open("bad%02d.gn" % i, "wb").write(gnstream.build(fields, good + [r], header))
for i, p in enumerate(["", "field=a:int ", "field=a:str field=b:int ", "field=%4:int field=b:int ", "x"]):
    open("odd%d.gn" % i, "wb").write(gnstream.build(fields, good, {"!partial": {"command": "gn-corr", "state": "pairs", "params": p}}))
END
    gn-corr --merge good.gn | gn-tocsv >got
    is a,b,3,2,,,, "$(tail -n 1 got)"
    for f in bad*.gn; do status 4 gn-corr --merge "$f" || { echo "$f"; false; }; done
    for f in odd*.gn many.gn; do status 3 gn-corr --merge "$f" || { echo "$f"; false; }; done
}
