#!/usr/bin/env bats
# gn-partition --pack, and --part of gn-cat and gn-sort: one file for all parts, of which one is read.
# Random ones: gn-partition.bats, by way of partition_diff.py.
# shellcheck disable=SC2030,SC2031

load helper

# stat FILE NAME: a number of --stats, a counter or not.
stat() {
    "$PYTHON" -c 'import json, sys
s = json.load(open(sys.argv[1]))
print(s[sys.argv[2]] if sys.argv[2] in s else s["counters"][sys.argv[2]])' "$@"
}

@test "a pack is its parts joined, whatever the memory; compressed too" {
    gn-gen --rows 300000 --users 5000 -o e.gn
    gn-partition -k user_id -n 7 -d p e.gn
    cat p/part-*.gn >want
    gn-partition -k user_id -n 7 --pack -m 16M -d q --stats=s.json e.gn
    same want q/part.gn
    [ "$(stat s.json spilled_bytes)" -gt 10000000 ]
    is "manifest.gn part.gn" "$(cd q && echo *)"
    gn-partition -k user_id -n 7 --pack -z -m 16M -d q --name events e.gn
    is "events.gn.zst manifest.gn" "$(cd q && echo *)"
    zstd -dcq q/events.gn.zst | same want -
    is "b1ea928f" "$(tail -c 4 q/events.gn.zst | od -An -tx1 | tr -d ' ')"
    gn-cat --split 2/3 q/events.gn.zst >/dev/null
    # a range that the manifest gives is a stream by itself
    read -r at n < <(gn-where 'part = 3' q/manifest.gn | gn-tocsv --no-header -f offset,bytes | tr , ' ')
    dd if=q/events.gn.zst iflag=skip_bytes,count_bytes skip="$at" count="$n" status=none | zstd -dcq | same p/part-0003.gn -
}

@test "--part reads one part of many packs, and no other bytes; packed or not, compressed or not" {
    for i in 1 2 3; do
        gn-gen --rows 60000 --users 2000 --seed $i -o $i.gn
        gn-partition -k user_id -n 20 -d p$i $i.gn
    done
    gn-partition -k user_id -n 20 --pack -d q1 1.gn
    gn-partition -k user_id -n 20 --pack -z -d q2 2.gn
    cp -r p3 q3
    for part in 0 7 19; do
        file=part-00$(printf %02d $part).gn
        gn-cat p1/$file p2/$file p3/$file >want
        gn-cat --part $part --stats=s.json q1 q2/ q3 >got
        same want got
        sizes=$(for i in 1 2 3; do gn-where "part = $part" q$i/manifest.gn; done | gn-agg -a 'n = sum(bytes)' | gn-tocsv --no-header)
        manifests=$(cat q[123]/manifest.gn | wc -c)
        is $((sizes + manifests)) "$(stat s.json bytes_in)"
        gn-sort -k user_id,timestamp --part $part q1 q2 q3 | records >got
        gn-sort -k user_id,timestamp p1/$file p2/$file p3/$file | records | same - got
    done
    gn-cat --part 7 --where 'user_id > "u0001"' -f user_id q1 | records >got
    gn-cat --where 'user_id > "u0001"' -f user_id p1/part-0007.gn | records | same - got
}

@test "parts of a pack claim their range: their states add up, a doubled one is refused" {
    gn-gen --rows 5000 --users 300 -o e.gn
    gn-partition -k user_id -n 5 --pack -d q e.gn
    for i in 0 1 2 3 4; do gn-cat --part $i q | gn-dau --partial -o $i.state; done
    gn-dau --merge 3.state 0.state 4.state 1.state 2.state | records >got
    gn-dau e.gn | records | same - got
    status 3 gn-dau --merge 0.state 1.state 3.state 4.state
    has "$(cat err)" "missing"
    status 3 gn-dau --merge 0.state 1.state 2.state 3.state 4.state 2.state
    has "$(cat err)" "twice"
    gn-partition -k user_id -n 5 -d p e.gn
    gn-cat --part 2 q | gn-partition -k user_id -n 2 -d further
    gn-cat p/part-0002.gn | gn-partition -k user_id -n 2 -d want
    same want/part-0001.gn further/part-0001.gn
}

@test "--ranges; segments of an ordered input; values of a tree" {
    gn-gen --rows 20000 --users 300 | gn-sort -k timestamp -o e.gn
    gn-partition --ranges timestamp -n 4 --pack -d q e.gn
    for i in 0 1 2 3; do gn-cat --part $i q; done | gn-cat | records >got
    records e.gn | same - got
    cat e.gn e.gn >twice.gn
    gn-partition -k user_id -n 3 -d p twice.gn
    gn-partition -k user_id -n 3 --pack -d q twice.gn
    gn-cat p/part-0001.gn >want
    gn-cat --part 1 q | same want -
    gn-partition --by month -k user_id -n 3 -d tree e.gn
    gn-cat tree/month=*/part-0001.gn | records >want
    gn-cat --part 1 tree | records | same want -
}

@test "a thousand parts with few descriptors and little memory" {
    gn-gen --rows 200000 --users 20000 -o e.gn
    (ulimit -n 64 && gn-partition -k user_id -n 1000 --pack -m 16M -d q e.gn)
    is "manifest.gn part.gn" "$(cd q && echo *)"
    gn-partition -k user_id -n 1000 -d p e.gn
    cat p/part-*.gn | same - q/part.gn
    is 1000 "$(gn-agg -a 'count()' q/manifest.gn | gn-tocsv --no-header)"
    gn-cat p/part-0999.gn >want
    gn-cat --part 999 q | same want -
}

@test "records larger than the buffers" {
    "$PYTHON" -c 'print("k,v")
for i in range(40): print("%d,%s" % (i, "x" * (i * 40000)))' >big.csv
    gn-fromcsv --schema k:int,v:str -o big.gn big.csv
    gn-partition -k k -n 3 -d p big.gn
    for z in '' -z; do
        # shellcheck disable=SC2086
        gn-partition -k k -n 3 -m 16M --pack $z -d q big.gn
        for i in 0 1 2; do
            gn-cat p/part-000$i.gn >want
            gn-cat --part $i q | same want -
        done
    done
}

@test "no room, kills: all or nothing; the next run gives what it would have given" {
    gn-gen --rows 200000 --users 5000 -o e.gn
    (ulimit -f 1000 && status 5 gn-partition -k user_id -n 40 --pack -d p e.gn)
    [ ! -e p ]
    status 5 gn-partition -k user_id -n 40 --pack -m 16M -T /nonexistent -d p e.gn
    has "$(cat err)" "-T"
    [ ! -e p ]
    gn-partition -k user_id -n 40 --pack -d want e.gn
    gn-partition -k user_id -n 7 -d p e.gn
    mkdir tmp
    for s in 0.01 0.02 0.03 0.04 0.05 0.06 0.08; do
        timeout -s KILL $s gn-partition -k user_id -n 40 --pack -T tmp -d p e.gn || true
        [ ! -e p/manifest.gn ] || for f in $(gn-tocsv --no-header -f path p/manifest.gn); do [ -e "p/$f" ]; done
    done
    gn-partition -k user_id -n 40 --pack -d p e.gn
    same want/part.gn p/part.gn
    same want/manifest.gn p/manifest.gn
    is "manifest.gn part.gn" "$(cd p && echo *)"
    is "" "$(ls -A tmp)"
    gn-partition -k user_id -n 2 -d p e.gn
    is "manifest.gn part-0000.gn part-0001.gn" "$(cd p && echo *)"
}

@test "no records: every part with its fields" {
    gn-gen --rows 10 | gn-head -n 0 | gn-partition -k user_id -n 3 --pack -d q
    is 0 "$(gn-cat --part 2 q | gn-agg -a 'count()' | gn-tocsv --no-header)"
    gn-cat --part 2 q | gn-info | finds user_id
}

@test "what cannot be: 2, 3, 4, 5" {
    gn-gen --rows 2000 -o e.gn
    status 2 gn-partition --by date --pack -d p e.gn
    gn-partition -k user_id -n 4 --pack -d q e.gn
    gn-partition -k user_id -n 8 -d p e.gn
    status 2 gn-cat --part x q
    status 2 gn-cat --part -1 q
    status 2 gn-cat --part 1
    status 2 gn-sort --part 1
    status 2 gn-cat --part 1 --split 1/2 q
    status 3 gn-cat --part 4 q
    has "$(cat err)" "no part 4"
    status 3 gn-cat --part 1 q p
    has "$(cat err)" "another range"
    status 5 gn-cat --part 1 e.gn
    mkdir none
    status 5 gn-cat --part 1 none
    has "$(cat err)" "none/manifest.gn"
    cp e.gn none/manifest.gn
    status 3 gn-sort --part 1 none
    # the pack is not that of the manifest: shorter, another, none
    cp -r q cut && head -c 20000 q/part.gn >cut/part.gn
    status 4 gn-cat --part 3 cut
    cp -r q other && gn-gen --rows 2000 --seed 7 | gn-partition -k user_id -n 4 --pack -d other2 &&
        cp other2/part.gn other/
    got=0
    gn-cat --part 3 other >/dev/null 2>err || got=$?
    case $got in 3 | 4) ;; *) false ;; esac
    rm other/part.gn
    status 5 gn-cat --part 3 other
    "$PYTHON" - <<'END'
import os, subprocess, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
seg, = gnstream.parse(open("q/manifest.gn", "rb").read())
os.mkdir("bad")
names = seg.names()
def run(**change):
    rows = [list(r) for r in seg.records]
    for k, v in change.items():
        rows[1][names.index(k)] = v
    with open("bad/manifest.gn", "wb") as f:
        f.write(gnstream.build(seg.fields, rows))
    return subprocess.run(["gn-cat", "--part", "1", "bad"], capture_output=True).returncode
os.link("q/part.gn", "bad/part.gn")
assert run() == 0
for change, want in [({"path": "../q/part.gn"}, 3), ({"path": "/etc/passwd"}, 3), ({"path": ""}, 3),
                     ({"path": None}, 3), ({"rows": -1}, 3), ({"offset": None}, 3), ({"rows": 7}, 4),
                     ({"offset": 2**62}, 4), ({"bytes": 0}, 4), ({"bytes": 2**63 - 1}, 4)]:
    got = run(**change)
    assert got == want, (change, got)
END
}
