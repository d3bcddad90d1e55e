#!/usr/bin/env bats
# gn-partition: placement and trees against Python on random data, then claims and covers, runs one
# after the other, limits of the machine, refusals.
# shellcheck disable=SC2015,SC2030,SC2031

load helper

setup() {
    small_csv >small.csv
    gn-fromcsv -o small.gn small.csv
}

# tree DIR: every file below it with its contents' sum, hidden ones too.
tree() {
    (cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2)
}

# counter FILE NAME: from --stats.
counter() {
    "$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))["counters"][sys.argv[2]])' "$@"
}

@test "against Python: random records, keys, values, segments, memory" {
    "$PYTHON" "$ORACLE/partition_diff.py" --bin "$GN_BIN" "$(seeds 101-112)"
}

@test "against Python: more of them" {
    "$PYTHON" "$ORACLE/partition_diff.py" --bin "$GN_BIN" "$(seeds 201-206)"
}

@test "--ranges: parts sorted one by one, in a row, are the whole sorted" {
    gn-gen --rows 100000 --users 5000 -o e.gn
    gn-sort -k timestamp e.gn | gn-tocsv >want
    gn-partition --ranges timestamp -n 7 -z -d p e.gn
    gn-partition --ranges timestamp -n 7 -z -d q e.gn
    is "$(tree p)" "$(tree q)"
    for f in p/part-*.gn.zst; do gn-sort -k timestamp "$f" -o "${f%.gn.zst}.sorted"; done
    gn-merge -k timestamp p/*.sorted | gn-tocsv >got
    same want got
    { gn-tocsv --no-header -f path p/manifest.gn | sed 's/gn.zst/sorted/' | while read -r f; do
        gn-tocsv --no-header "p/$f"
    done; } | diff - <(tail -n +2 want)
    # more values than the sample holds: about the same size
    gn-tocsv --no-header -f rows p/manifest.gn | awk '{ n += $1; bad = bad || $1 < 13500 || $1 > 15100 }
        END { exit bad || n != 100000 }'
}

@test "--bounds from gn-agg: exact quantiles, for a pipe" {
    gn-gen --rows 100000 --users 5000 -o e.gn
    b=$(gn-agg --percentile nearest -a 'p25(user_id),p50(user_id),p75(user_id)' e.gn |
        gn-tocsv --no-header)
    gn-partition --ranges user_id --bounds "$b" -d p <e.gn
    is "$b," "$(gn-tocsv --no-header -f hi p/manifest.gn | paste -sd ,)"
    gn-tocsv --no-header -f user_id e.gn | awk -v b="$b" 'BEGIN { split(b, at, ",") }
        { n[($0 >= at[1]) + ($0 >= at[2]) + ($0 >= at[3])]++ }
        END { for (i = 0; i < 4; i++) print n[i] }' >want
    gn-tocsv --no-header -f rows p/manifest.gn >got
    same want got
}

@test "--ranges: equal bounds, floats, zeros, nulls, a field of nulls alone" {
    printf 'f,g\n-0.0,\n0,\n1e300,\n-1e300,\n,\n2.5,\n2.5,\n0,\n' | gn-fromcsv --schema f:float,g:int -o f.gn
    gn-partition --ranges f --bounds -1e300,0,0,2.5 -d p f.gn
    is "0,,-1e+300,0 1,-1e+300,0,1 2,0,0,0 3,0,2.5,3 4,2.5,,4" \
        "$(gn-tocsv --no-header -f part,lo,hi,rows p/manifest.gn | xargs)"
    is " 2.5 2.5 1e+300" "$(gn-tocsv --no-header -f f p/part-0004.gn | sort -g | xargs -d '\n' | tr -d '\n')"
    gn-partition --ranges g -n 3 -d p f.gn
    is "0,,,0 1,,,0 2,,,8" "$(gn-tocsv --no-header -f part,lo,hi,rows p/manifest.gn | xargs)"
    gn-partition --ranges f --bounds 1 -d p <(head -c 0 f.gn; printf 'f\n' | gn-fromcsv --schema f:float)
    is "0,,1,0 1,1,,0" "$(gn-tocsv --no-header -f part,lo,hi,rows p/manifest.gn | xargs)"
}

@test "--ranges: what cannot be: 2, 3, 5" {
    while read -r want args; do
        # shellcheck disable=SC2086
        status "$want" gn-partition -d p --ranges $args || { echo "$args"; false; }
        [ ! -e p ]
    done <<'END'
2 user_id small.gn
2 user_id -n 2
2 user_id -n 2 -
2 user_id -n 2 .
5 user_id -n 2 nosuch.gn
2 user_id -n 2 -k user_id small.gn
2 user_id -n 2 --bounds x small.gn
2 user_id -n 2 --whole small.gn
2 duration_ms --bounds 1,x small.gn
2 duration_ms --bounds 2,1 small.gn
2 duration_ms --bounds 1, small.gn
2 duration_ms --bounds= small.gn
2 user_id --bounds "x small.gn
2 user_id --bounds "x"y small.gn
2 timestamp --bounds 2023-02-30 small.gn
3 nosuch -n 2 small.gn
3 nosuch --bounds 2 small.gn
2 user_id -n 65537 small.gn
END
    status 2 gn-partition -d p --bounds 1 -n 2 -k user_id small.gn
    printf 'user_id\n5\n' | gn-fromcsv --schema user_id:int -o other.gn
    status 3 gn-partition -d p --ranges user_id -n 2 small.gn other.gn
    has "$(cat err)" "earlier"
    status 3 gn-partition -d p --ranges user_id --bounds x small.gn other.gn
    head -c 200 small.gn >cut.gn
    status 4 gn-partition -d p --ranges user_id -n 2 cut.gn
    [ ! -e p ]
}

@test "--target-size: as many ranges as the files' bytes need" {
    gn-gen --rows 20000 --users 500 -o e.gn
    bytes=$(wc -c <e.gn)
    for size in 100000 "$bytes" $((bytes - 1)) $((bytes / 2)) 1T; do
        n=$(((bytes + ${size/1T/1000000000000} - 1) / ${size/1T/1000000000000}))
        for key in "-k user_id" "--ranges timestamp"; do
            # shellcheck disable=SC2086
            gn-partition $key --target-size "$size" -d p e.gn
            # shellcheck disable=SC2086
            gn-partition $key -n $n -d q e.gn
            is "$(cd q && ls)" "$(cd p && ls)"
            is "$(records --raw q/part-*.gn | sha256sum)" "$(records --raw p/part-*.gn | sha256sum)"
        done
    done
    gn-partition -k user_id --target-size 300K -d p e.gn e.gn
    is $(((2 * bytes + 307199) / 307200)) "$(gn-tocsv --no-header p/manifest.gn | wc -l)"
}

@test "--by --target-size: files of a value in the order of its records, no larger than that" {
    gn-gen --rows 6000 --users 500 -o a.gn
    gn-sort -k timestamp -o b.gn a.gn
    for z in '' -z; do
        # shellcheck disable=SC2086
        gn-partition --by action_type --target-size 15K $z -m 16M -d p a.gn b.gn a.gn
        gn-partition --by action_type -d q a.gn b.gn a.gn
        for d in q/*/; do
            d=$(basename "$d")
            for f in p/"$d"/part-*.gn*; do gn-cat "$f" >"${f/part/plain}"; done
            same <(cat p/"$d"/plain-* | gn-tocsv) <(gn-tocsv "q/$d/part.gn")
            cat p/"$d"/plain-* | records --info >/dev/null
            for f in p/"$d"/plain-*; do [ "$(records --raw "$f" | wc -c)" -le 15360 ]; done
            [ "$(cat p/"$d"/plain-* | records --raw | wc -c)" -gt $((15300 * ($(find "p/$d" -name 'plain-*' | wc -l) - 1))) ]
            rm p/"$d"/plain-*
        done
        [ "$(gn-tocsv --no-header -f part p/manifest.gn | sort -n | tail -n 1)" -ge 3 ]
    done
    for m in 16M 1G; do gn-partition --by month --target-size 3K -z -m $m -d m$m a.gn; done
    is "$(tree m16M)" "$(tree m1G)"
    gn-partition --by month --target-size 1 -d one small.gn
    is "$(gn-tocsv --no-header small.gn | wc -l)" "$(find one -name 'part-*.gn' | wc -l)"
}

@test "--target-size: what cannot be: 2, 3" {
    while read -r args; do
        # shellcheck disable=SC2086
        status 2 gn-partition -d p --target-size $args || { echo "$args"; false; }
        [ ! -e p ]
    done <<'END'
1M small.gn
1M -k user_id
1M -k user_id -
1M -k user_id small.gn -
1M -k user_id /dev/null
1M -k user_id -n 2 small.gn
1M --by date -n 2 small.gn
1M --by date -k user_id small.gn
1M --by date --ranges user_id small.gn
1M --ranges user_id --bounds x small.gn
0 -k user_id small.gn
0 --by date small.gn
x --by date small.gn
END
    gn-gen --rows 20000 --users 500 -o e.gn
    status 2 gn-partition -k user_id --target-size 1 -d p e.gn
    status 3 gn-partition --by x=true --target-size 1 -d p e.gn
    has "$(cat err)" "--target-size"
    [ ! -e p ]
}

@test "parts of an ordered stream are ordered, segment by segment" {
    "$PYTHON" - <<'END'
import os, random, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
rng = random.Random(5)
rows = lambda: sorted((rng.choice("abcdefgh"), rng.randrange(9)) for _ in range(500))
fields = [("k", "str"), ("v", "int")]
order = {"order": [["k", "asc"], ["v", "asc"]], "total": True}
with open("in.gn", "wb") as f:
    f.write(gnstream.build(fields, rows(), header=order) + gnstream.build(fields, rows(), header=order)
            + gnstream.build(fields, [("z", 1), ("a", 2)]) + gnstream.build(fields, [("a", 3)]))
END
    gn-partition -k k -n 3 -d p in.gn
    for f in p/part-*.gn; do
        is 4 "$(records --header "$f" | wc -l)" "$f"
        is 2 "$(records --header "$f" | grep -c '"total": true')" "$f"
    done
    is 1003 "$(cat p/part-*.gn | gn-tocsv --no-header | wc -l)"
}

@test "segments without order become one: also where they are of several files" {
    gn-gen --rows 1000 --users 50 --range 0:400 -o a.gn
    gn-gen --rows 1000 --users 50 --range 400:1000 -o b.gn
    gn-partition -k user_id -n 2 -d p a.gn b.gn
    for f in p/part-*.gn; do
        is 1 "$(records --header "$f" | wc -l)" "$f"
        records --info "$f" >/dev/null
    done
    for f in 0 1; do gn-dau --partial -o $f.state p/part-000$f.gn; done
    gn-gen --rows 1000 --users 50 | gn-dau | records >want
    gn-dau --merge 0.state 1.state | records >got
    same want got
}

@test "the parts' states add up; a missing or a doubled part is refused" {
    gn-gen --rows 5000 --users 300 -o e.gn
    gn-partition -k user_id -n 5 -d p e.gn
    for i in 0 1 2 3 4; do gn-dau --partial -o $i.state p/part-000$i.gn; done
    gn-dau --merge 3.state 0.state 4.state 1.state 2.state | records >got
    gn-dau e.gn | records >want
    same want got
    status 3 gn-dau --merge 0.state 1.state 3.state 4.state
    has "$(cat err)" "missing"
    status 3 gn-dau --merge 0.state 1.state 2.state 3.state 4.state 2.state
    has "$(cat err)" "twice"
}

@test "a part is split further; all parts together with --whole" {
    gn-gen --rows 5000 --users 300 -o e.gn
    gn-partition -k user_id -n 4 -d p e.gn
    gn-partition -k user_id -n 12 -d want e.gn
    for i in 0 1 2 3; do gn-partition -k user_id -n 3 -d q$i p/part-000$i.gn; done
    for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
        records "want/part-00$(printf %02d $i).gn" >a
        records "q$((i / 3))/part-000$((i % 3)).gn" >b
        same a b
        records --info "q$((i / 3))/part-000$((i % 3)).gn" >/dev/null
    done
    status 3 gn-partition -k user_id -n 2 -d r p/part-*.gn
    has "$(cat err)" "--whole"
    [ ! -e r ]
    gn-partition -k user_id -n 12 --whole -d r p/part-*.gn
    for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
        f=part-00$(printf %02d $i).gn
        is "$(records --raw "want/$f" | sort | sha256sum)" "$(records --raw "r/$f" | sort | sha256sum)" "$f"
    done
    for f in r/part-*.gn; do gn-dau --partial -o "${f%.gn}.state" "$f"; done
    is "$(gn-dau e.gn | gn-tocsv)" "$(gn-dau --merge r/*.state | gn-tocsv)"
}

@test "placed by another key: no cover, as its range is of other hashes" {
    gn-gen --rows 1000 --users 50 -o e.gn
    gn-partition -k user_id -n 2 -d p e.gn
    gn-partition -k page_id -n 2 -d q p/part-0000.gn
    is 2 "$(records --info q/part-*.gn | grep '"end"' | grep -vc '"cover"')"
    has "$(records --info q/part-0000.gn)" "page_id"
}

@test "a header that claims what is not so: 4" {
    gn-gen --rows 1000 --users 50 -o e.gn
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
part = {"part": {"key": ["k"], "hash": "xxh3", "lo": 5, "hi": 6}}
open("lie.gn", "wb").write(gnstream.build([("k", "str")], [("a",)], header=part))
open("few.gn", "wb").write(gnstream.build([("k", "str")], [], header=part))
END
    status 4 gn-partition -k k -n 2 -d p lie.gn
    status 0 gn-partition -k k -n 2 -d p few.gn
    status 3 gn-partition -k k -n 3 -d p few.gn
    is "manifest.gn part-0000.gn part-0001.gn" "$(cd p && echo *)"
}

@test "no records: every part with its fields; a tree without branches" {
    head -n 1 small.csv | gn-fromcsv -o none.gn
    gn-partition -k user_id -n 3 -d p none.gn
    for i in 0 1 2; do is "$(gn-tocsv none.gn)" "$(gn-tocsv p/part-000$i.gn)"; done
    is "path,part,lo,hi,rows
part-0000.gn,0,0000000000000000,5555555555555555,0
part-0001.gn,1,5555555555555556,aaaaaaaaaaaaaaaa,0
part-0002.gn,2,aaaaaaaaaaaaaaab,ffffffffffffffff,0" \
        "$(gn-tocsv -f path,part,lo,hi,rows p/manifest.gn)"
    gn-partition --by date -d t none.gn
    is manifest.gn "$(cd t && echo *)"
    is "path,date,part,lo,hi,rows,bytes,distinct" "$(gn-tocsv t/manifest.gn)"
}

@test "days begin in --tz" {
    gn-partition --by date --tz Asia/Kolkata -d t small.gn
    is "date=2023-01-01 date=2023-01-02 date=2023-01-09 date=2023-02-01" \
        "$(cd t && echo date*)"
    is 2 "$(gn-tocsv --no-header t/date=2023-01-01/part.gn | wc -l)"
    gn-partition --by day='date(timestamp)' -d t small.gn
    is 3 "$(gn-tocsv --no-header t/day=2023-01-01/part.gn | wc -l)"
    is "day=2023-01-01 day=2023-01-02 day=2023-01-09 day=2023-02-01 manifest.gn" "$(cd t && echo *)"
}

@test "a tree that gn-partition makes of CSV is one that gn-fromcsv reads" {
    gn-partition --by what=action_type,date -d t small.gn
    for f in t/*/*/part.gn; do gn-tocsv -o "${f%.gn}.csv" "$f"; done
    is "$(gn-tocsv --no-header small.gn | sort)" \
        "$(gn-fromcsv -f user_id,timestamp,action_type,page_id,duration_ms,app_version t |
            gn-tocsv --no-header | sort)"
    is 2 "$(gn-fromcsv --where 'what = "edit" and date = 2023-01-01' t | gn-tocsv --no-header | wc -l)"
}

@test "statistics: rows, the median of those not empty, skew" {
    { echo k && for i in $(seq 30); do echo a; done && printf 'b\nb\nb\nc\nc\nd\nd\nd\n'; } >s.csv
    gn-fromcsv s.csv | gn-partition --by k --stats=s.json -d t
    is "4 0 2 3 30 1" "$(for n in files files_empty rows_min rows_median rows_max files_skewed; do
        counter s.json $n
    done | xargs)"
    gn-fromcsv s.csv | gn-partition -k k -n 64 --stats=s.json -d p
    is 64 "$(counter s.json files)"
    is 60 "$(counter s.json files_empty)"
    is 2 "$(counter s.json rows_min)"
}

@test "--manifest: the same stream elsewhere; --name" {
    gn-partition -k user_id -n 2 --name users -d p --manifest m.gn small.gn
    same m.gn p/manifest.gn
    is "manifest.gn users-0000.gn users-0001.gn" "$(cd p && echo *)"
    gn-partition -k user_id -n 2 -d p --manifest - small.gn >m.gn
    same m.gn p/manifest.gn
}

@test "a further run replaces the one before, and leaves nothing of it" {
    gn-gen --rows 3000 --users 100 -o e.gn
    gn-partition -k user_id -n 9 -d p e.gn
    gn-partition -k user_id -n 4 -d want e.gn
    echo mine >p/notes.txt
    gn-partition -k user_id -n 4 -d p e.gn
    is mine "$(cat p/notes.txt)"
    rm p/notes.txt
    is "$(tree want)" "$(tree p)"
    gn-partition --by date -k user_id -n 2 -d p e.gn
    gn-partition -k user_id -n 4 -d p e.gn
    is "$(tree want)" "$(tree p)"
    is 5 "$(find p | tail -n +2 | wc -l)" # no empty directories either
    # from its own parts
    gn-partition -k user_id -n 4 --whole -d p p/part-*.gn
    is "$(records want/part-*.gn)" "$(records p/part-*.gn)"
}

@test "files that are nobody's are not touched: refused" {
    mkdir p
    cp small.gn p/
    status 5 gn-partition -k user_id -n 2 -d p small.gn
    has "$(cat err)" "p/small.gn"
    is small.gn "$(cd p && ls -A)"
    # a manifest that names files elsewhere is no licence to remove them
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
names = [("../small.gn",), ("/tmp/x.gn",), ("../p/small.csv",), ("./a.gn",), ("notes.txt",), ("",)]
open("p/manifest.gn", "wb").write(gnstream.build([("path", "str")], names))
END
    rm p/small.gn
    echo mine >p/notes.txt
    gn-partition -k user_id -n 2 -d p small.gn
    [ -e small.gn ] && [ -e p/notes.txt ]
}

@test "a failing input leaves the directory as it was" {
    gn-partition -k user_id -n 3 -d p small.gn
    tree p >before
    head -c 200 small.gn >cut.gn
    status 4 gn-partition -k user_id -n 2 -d p small.gn cut.gn
    same before <(tree p)
    [ ! -e p/.gn-partition ]
    status 4 gn-partition -k user_id -n 2 -d q cut.gn
    [ ! -e q ]
    status 3 gn-partition -k nosuch -n 2 -d q small.gn
    [ ! -e q ]
    status 5 gn-partition -k user_id -n 2 -d q nosuch.gn
    [ ! -e q ]
    status 4 gn-partition --by date -d p small.gn cut.gn
    same before <(tree p)
}

@test "no room: /dev/full for the manifest, a limit of file size; all or nothing" {
    gn-gen --rows 20000 --users 100 -o e.gn
    status 5 gn-partition -k user_id -n 2 -d p --manifest /dev/full e.gn
    [ ! -e p ]
    (ulimit -f 100 && status 5 gn-partition -k user_id -n 2 -d p e.gn)
    [ ! -e p ]
}

@test "a directory that cannot be written, or is none" {
    echo >file
    status 5 gn-partition -k user_id -n 2 -d file small.gn
    status 5 gn-partition -k user_id -n 2 -d file/sub small.gn
    status 5 gn-partition -k user_id -n 2 -d /proc/nosuch small.gn
    [ "$(id -u)" = 0 ] || {
        mkdir -m 555 ro
        status 5 gn-partition -k user_id -n 2 -d ro small.gn
    }
    mkdir -p there/part-0001.gn/x # a name that is taken: found only when the files are moved
    status 5 gn-partition -k user_id -n 2 -d there small.gn
    [ ! -e there/manifest.gn ]
    gn-partition -k user_id -n 2 -d a/b/c/ small.gn
    [ -e a/b/c/manifest.gn ]
}

@test "two at once: the second is refused" {
    mkfifo in
    gn-partition -k user_id -n 2 -d p in &
    exec 9>in
    while [ ! -e p/.gn-partition ]; do sleep 0.02; done
    status 5 gn-partition -k user_id -n 2 -d p small.gn
    has "$(cat err)" "another"
    cat small.gn >&9
    exec 9>&-
    wait $!
    [ -e p/manifest.gn ]
}

@test "few descriptors and many files" {
    gn-gen --rows 20000 --users 5000 -o e.gn
    gn-partition -k user_id -n 500 -d want e.gn
    (ulimit -n 12 && gn-partition -k user_id -n 500 -m 16M -d p e.gn)
    is "$(tree want)" "$(tree p)"
    gn-partition -k user_id -n 3000 -m 16M -d q e.gn
    is 20000 "$(gn-tocsv --no-header -f rows q/manifest.gn | awk '{ n += $1 } END { print n }')"
    records --info q/part-0000.gn q/part-1234.gn q/part-2999.gn >/dev/null
}

@test "more files than memory: 5, naming -m, and nothing is left" {
    gn-gen --rows 100000 --users 100000 -o e.gn
    status 5 gn-partition --by user_id -m 16M -d p e.gn
    has "$(cat err)" "-m"
    [ ! -e p ]
}

@test "records larger than the buffers" {
    "$PYTHON" -c 'print("k,v")
for i in range(40): print("%d,%s" % (i, "x" * (i * 40000)))' >big.csv
    gn-fromcsv --schema k:int,v:str -o big.gn big.csv
    for z in '' -z; do
        # shellcheck disable=SC2086
        gn-partition -k k -n 3 -m 16M $z -d p big.gn
        is "$(records --raw big.gn | wc -c)" "$(cat p/part-*.gn* | gn-cat | records --raw | wc -c)"
        cat p/part-*.gn* | gn-tocsv --no-header | sort | sha256sum >"got$z"
    done
    is "$(gn-tocsv --no-header big.gn | sort | sha256sum)" "$(cat got)"
    same got got-z
}

@test "compressed parts are what zstd reads, with a seek table" {
    gn-gen --rows 50000 --users 500 -o e.gn
    gn-partition -k user_id -n 2 -d p e.gn
    gn-partition -k user_id -n 2 --zstd=3 -d q e.gn
    for i in 0 1; do
        zstd -dcq q/part-000$i.gn.zst >plain
        same p/part-000$i.gn plain
        is "b1ea928f" "$(tail -c 4 q/part-000$i.gn.zst | od -An -tx1 | tr -d ' ')"
    done
    is 2 "$(gn-tocsv --no-header q/manifest.gn | wc -l)"
}

@test "killed at any time: the next run gives what it would have given" {
    gn-gen --rows 200000 --users 5000 -o e.gn
    gn-partition --by month -k user_id -n 40 -d want e.gn
    gn-partition -k user_id -n 77 -d p e.gn
    for s in 0.01 0.02 0.03 0.04 0.05 0.06 0.08 0.1; do
        timeout -s KILL $s gn-partition --by month -k user_id -n 40 -d p e.gn || true
        # with a manifest, what it lists is there
        [ ! -e p/manifest.gn ] || for f in $(gn-tocsv --no-header -f path p/manifest.gn); do [ -e "p/$f" ]; done
    done
    gn-partition --by month -k user_id -n 40 -d p e.gn
    is "$(tree want)" "$(tree p)"
}

@test "killed among the moves: what they left is known to the next run" {
    gn-partition -k user_id -n 3 -d old small.gn
    gn-partition --by date -d new small.gn
    gn-partition -k user_id -n 2 -d want small.gn
    # as it looks when the second run has moved one of its files
    cp -r old p
    mkdir p/.gn-partition
    mv p/manifest.gn p/.gn-partition/list.0
    cp new/manifest.gn p/.gn-partition/list
    cp -r new/date=2023-01-01 p/
    cp new/date=2023-01-02/part.gn p/.gn-partition/1
    gn-partition -k user_id -n 2 -d p small.gn
    is "$(tree want)" "$(tree p)"
    [ ! -e p/.gn-partition ] && [ ! -e p/date=2023-01-01 ]
}

@test "interrupted: nothing is left" {
    mkfifo in
    gn-partition -k user_id -n 2 -d p in &
    exec 9>in
    head -c 300 small.gn >&9
    while [ ! -e p/.gn-partition ]; do sleep 0.02; done
    kill -TERM $!
    got=0
    wait $! || got=$?
    exec 9>&-
    is 143 "$got"
    [ ! -e p ]
}

@test "what is asked wrongly: 2" {
    while read -r args; do
        # shellcheck disable=SC2086
        status 2 gn-partition $args small.gn || { echo "$args"; false; }
        [ ! -e p ]
    done <<'END'
-k user_id -n 2
-d p
-d p -k user_id
-d p -n 2
-d p -k user_id -n 0
-d p -k user_id -n 65537
-d p -k user_id,user_id -n 2
-d p --by ,
-d p --by date,
-d p --by date,date
-d p --by x=(
-d p --by x=1+
-d p --by date --whole
-d p --by date --hot x
-d p -k user_id -n 2 --hot x --manifest x
-d p --by date --name a/b
-d p --by date --name .x
-d p --by rows=1
-d p --by date --zstd=20
-d p --by date --tz Nowhere
-d p --by date -m 1M
END
    status 2 gn-partition -d p --by date --by 'user_id, date' small.gn
    has "$(cat err)" "--by: column 10: two fields would be named 'date'"
    status 2 gn-partition -d p --by 'lower(user_id)' small.gn
    has "$(cat err)" "--by: column 1: what is computed needs a name"
    status 3 gn-partition -d p --by 'x=1.5' small.gn
    status 3 gn-partition -d p --by nosuch small.gn
    { echo k && printf '%300s\n' x; } | gn-fromcsv -o long.gn
    status 3 gn-partition -d p --by k long.gn
    [ ! -e p ]
}

@test "foreign input: 3; a fail trailer: 4, in silence" {
    status 3 gn-partition -k user_id -n 2 -d p small.csv
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
good = gnstream.build([("user_id", "str")], [("a",)])
open("failed.gn", "wb").write(good + gnstream.pack({"fail": ["gn-x", 5]}))
END
    got=0
    gn-partition -k user_id -n 2 -d p failed.gn 2>err || got=$?
    is 4 "$got"
    is "" "$(cat err)"
    [ ! -e p ]
}

@test "all prefixes of a stream: nothing appears" {
    for n in $(seq 0 7 $(($(wc -c <small.gn) - 1))); do
        head -c "$n" small.gn >cut.gn
        got=0
        gn-partition -k user_id -n 2 -d p cut.gn 2>/dev/null || got=$?
        [ $got = 4 ] || [ $got = 3 ]
        [ ! -e p ]
    done
}

@test "distinct keys in the manifest: exact or close, null where there is no room" {
    gn-gen --rows 400000 --users 200000 -o e.gn
    for args in "-n 2" "-n 50 -m 16M"; do
        rm -rf p
        # shellcheck disable=SC2086
        gn-partition -k user_id $args -d p e.gn
        gn-tocsv --no-header -f path,distinct p/manifest.gn >got
        while IFS=, read -r f n; do
            echo "$n $(gn-tocsv --no-header -f user_id "p/$f" | sort -u | wc -l)"
        done <got | awk '{ d = $1 - $2; if (d < 0) d = -d
            if (d > ($2 > 1536 ? 4 * 1.04 / 128 * $2 : 0)) { print "wrong: " $0; bad = 1 } }
            END { exit bad || !NR }'
    done
    # a thousand files of 400 keys, 8 KiB each: a quarter of 16 MiB holds those of some hundred
    gn-partition -k user_id,timestamp -n 1000 -m 16M -d q e.gn
    gn-tocsv --no-header -f path,distinct q/manifest.gn >got
    grep -q ',$' got
    gn-agg -a 'n = sum(distinct)' q/manifest.gn | gn-tocsv --no-header >some
    [ "$(cat some)" -gt 0 ]
    gn-partition -k user_id,timestamp -n 1000 -d r e.gn
    gn-tocsv --no-header -f path,distinct r/manifest.gn >got
    if grep -q ',$' got; then false; fi
}

@test "--hot: counts within their error, the hottest keys found, against awk" {
    gn-gen --model realistic --rows 50000 --users 3000 -o e.gn
    for args in "-n 4" "-n 1" "-n 300" "-n 2 --by month"; do
        rm -rf p
        # shellcheck disable=SC2086
        gn-partition -k user_id $args -d p --hot hot.gn e.gn
        records --info hot.gn >/dev/null
        gn-tocsv --no-header hot.gn >hot
        gn-tocsv --no-header -f path p/manifest.gn | while read -r f; do
            gn-tocsv --no-header -f user_id "p/$f" | awk -v f="$f" '{ n[$0]++ }
                END { for (u in n) print f "," u "," n[u] "," NR }'
        done >true
        awk -F , 'NR == FNR { n[$1 "," $2] = $3; rows[$1] = $4; keys[$1]++
                if ($3 > most[$1]) most[$1] = $3; next }
            { t = n[$1 "," $3]; seen[$1]++
              if ($4 > t || $4 + $5 < t || $5 > rows[$1] / 48) { print "wrong: " $0 ", truly " t; bad = 1 }
              if (keys[$1] <= 96 && $5) { print "not exact: " $0; bad = 1 }
              if ($2 == 1) found[$1] = t
              if ($2 != seen[$1]) { print "rank: " $0; bad = 1 } }
            END { for (f in most) {
                    if (found[f] * 1 + rows[f] / 48 < most[f]) { print f, found[f], most[f]; bad = 1 }
                    if (keys[f] <= 96 && found[f] != most[f]) { print f ": not the hottest"; bad = 1 }
                    if (keys[f] < 10 && seen[f] != keys[f]) { print f ": missing keys"; bad = 1 } }
                exit bad }' true hot
        [ -s hot ]
    done
    gn-partition -k action_type,user_id -n 2 -d q --hot hot.gn e.gn
    is "path,rank,action_type,user_id,rows,error" "$(gn-tocsv hot.gn | head -n 1)"
}
