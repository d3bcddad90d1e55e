#!/usr/bin/env bats
# What streams claim: every command's output is checked by a reader that shares no code with gn, the
# claims recomputed from the records; and every reader of claims is fed false ones.
# shellcheck disable=SC2015,SC2030,SC2031

load helper

setup() {
    small_csv >small.csv
}

# valid FILE...: well-formed, canonical, counted, summed, and every claim true.
valid() {
    records "$@" >/dev/null
}

# stream EXPRESSION: a stream built in Python, to standard output; F and R are fields and records.
stream() {
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build, pack
F = [('user_id', 'str'), ('timestamp', 'time'), ('n', 'int')]
R = [('a', 1000000, 1), ('b', 0, None), ('b', 5, 2), (None, 7, 3)]
ALL = 2**64 - 1
sys.stdout.buffer.write($1)"
}

# header FILE / trailer FILE: one line of JSON for each segment.
header() { "$PYTHON" "$ORACLE/gnstream.py" --header "$1"; }
trailer() { "$PYTHON" "$ORACLE/gnstream.py" --info "$1" | sed -n 'n;p'; }

@test "every command's output is a valid stream whose claims hold" {
    gn-fromcsv -o e.gn small.csv
    gn-gen --rows 3000 --users 40 -o g.gn
    gn-gen --table metadata --rows 500 -o m.gn
    gn-fromcsv --schema metadata -o meta.gn <(gn-tocsv m.gn)
    gn-fromcsv --where 'duration_ms > 0' -f user_id,timestamp small.csv -o w.gn
    valid e.gn g.gn m.gn meta.gn w.gn
    for f in e.gn g.gn; do
        gn-cat $f -o o.gn && valid o.gn
        gn-cat $f g.gn e.gn -o o.gn && valid o.gn
        gn-cat -f page_id,user_id --where 'duration_ms > 5' $f -o o.gn && valid o.gn
        gn-cat -z $f -o o.gn.zst && valid o.gn.zst
        gn-head -n 5 $f -o o.gn && valid o.gn
        gn-tail -n 5 $f -o o.gn && valid o.gn
        gn-head -n 0 $f -o o.gn && valid o.gn
        gn-dau --partial $f -o p.gn && valid p.gn
        gn-dau --merge --partial p.gn -o o.gn && valid o.gn
        gn-cat p.gn -o o.gn && valid o.gn
        gn-cat -f date,user_id p.gn -o o.gn && valid o.gn
        gn-cat -f user_id,events p.gn -o o.gn && valid o.gn
        gn-head -n 3 p.gn -o o.gn && valid o.gn
        gn-tail -n 3 p.gn -o o.gn && valid o.gn
        gn-cat --where 'events = 1' p.gn -o o.gn && valid o.gn
        for k in day week month rolling stickiness; do
            gn-dau --by $k $f -o o.gn && valid o.gn
        done
        gn-dau --also week=a.gn --also month=b.gn $f -o o.gn && valid a.gn b.gn o.gn
    done
    status 0 bash -c 'gn-fromcsv --on-error reject --reject r.gn -o o.gn <(cat small.csv; echo "u,x,,,,")'
    valid o.gn r.gn
}

@test "an order survives only what keeps it" {
    stream 'build(F, R, {"order": [["user_id", "asc"], ["timestamp", "desc"]], "total": True})' >bad.gn
    status 1 gn-info --verify bad.gn # b's times ascend
    stream 'build(F, R, {"order": [["user_id", "asc"], ["timestamp", "asc"]], "total": True})' >o.gn
    valid o.gn
    status 0 gn-info --verify o.gn
    gn-cat o.gn -o x.gn
    has "$(header x.gn)" '"order": [["user_id", "asc"], ["timestamp", "asc"]], "total": true'
    gn-cat -f user_id,timestamp o.gn -o x.gn
    has "$(header x.gn)" '"order": [["user_id", "asc"], ["timestamp", "asc"]], "total": false'
    gn-cat -f n,user_id o.gn -o x.gn
    has "$(header x.gn)" '"order": [["user_id", "asc"]]'
    gn-cat -f timestamp o.gn -o x.gn
    case $(header x.gn) in *order*) false ;; esac
    # Two ordered inputs one after the other are two segments, or claim no order.
    gn-cat o.gn o.gn -o x.gn
    valid x.gn
}

@test "placement survives only with its key" {
    stream 'build(F, R, {"part": {"key": ["user_id"], "hash": "xxh3", "lo": 0, "hi": ALL}})' >p.gn
    valid p.gn
    status 0 gn-info --verify p.gn
    gn-cat -f user_id p.gn -o x.gn
    has "$(header x.gn)" '"part": {"key": ["user_id"], "hash": "xxh3", "lo": 0, "hi": 18446744073709551615}'
    gn-cat -f n p.gn -o x.gn
    case $(header x.gn) in *part*) false ;; esac
}

@test "false claims are found by gn-info --verify: 1" {
    stream 'build(F, R[::-1], {"order": [["user_id", "asc"]]})' >order.gn
    stream 'build(F, R, {"order": [["user_id", "desc"]]})' >desc.gn
    stream 'build(F, [R[3]] + R[:3], {"order": [["user_id", "asc"]]})' >nulls-first.gn
    stream 'build(F, R, {"order": [["n", "asc"]]})' >null-between.gn
    stream 'build(F, [("a", 0, 9), ("a", 0, 8)], {"order": [["user_id", "asc"]], "total": True})' >total.gn
    stream 'build(F, R, {"part": {"key": ["user_id"], "hash": "xxh3", "lo": 0, "hi": 5}})' >part.gn
    stream 'build(F, R, {"part": {"key": ["timestamp", "n"], "hash": "xxh3", "lo": 1, "hi": 2**62}})' >part2.gn
    for f in order desc nulls-first null-between total part part2; do
        status 1 gn-info --verify $f.gn || { echo "$f"; false; }
        valid $f.gn && { echo "the decoder does not see $f"; false; }
        # One false segment among true ones is still false.
        stream 'build(F, R)' >true.gn
        cat true.gn $f.gn true.gn >three.gn
        status 1 gn-info --verify three.gn || { echo "$f in three"; false; }
    done
    # Ties by other bytes are no lie without `total`; two nulls are a tie.
    stream 'build(F, [("a", 0, 9), ("a", 0, 8)], {"order": [["user_id", "asc"]], "total": False})' >ok1.gn
    stream 'build(F, [(None, 0, 9), (None, 0, 8)], {"order": [["user_id", "desc"]]})' >ok2.gn
    stream 'build(F, [("a", 0, 9), ("", 0, 8), (None, 0, 7)], {"order": [["user_id", "desc"]]})' >ok3.gn
    stream 'build(F, [("é", 0, 1), ("日", 0, 1), ("😀", 0, 1)], {"order": [["user_id", "asc"]]})' >ok4.gn
    stream 'build([("x", "float")], [(-1.5,), (0.0,), (1e-300,), (None,)], {"order": [["x", "asc"]]})' >ok5.gn
    for f in ok1 ok2 ok3 ok4 ok5; do
        status 0 gn-info --verify $f.gn || { echo "$f"; false; }
        valid $f.gn
    done
}

@test "wrong counts and checksums are 4 for everyone" {
    stream 'build(F, R, count=3)' >count.gn
    stream 'build(F, R, checksum=1)' >sum.gn
    for f in count sum; do
        for c in gn-cat gn-info "gn-info --verify" gn-tocsv "gn-dau --active true" "gn-head -n 99" gn-tail \
            "gn-view -n 0"; do
            # shellcheck disable=SC2086
            status 4 $c $f.gn || { echo "$c $f"; false; }
            has "$(cat err)" "$f.gn"
        done
    done
}

@test "partial states that lie: no figure comes from them" {
    gn-fromcsv small.csv | gn-dau --partial -o p.gn
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import gnstream
seg = gnstream.parse(open("p.gn", "rb").read())[0]
R, F = seg.records, seg.fields
H = {k: seg.header[k] for k in ("order", "total", "!partial")}
zero = bytes(16)
lies = {
    "turned": R[::-1],
    "doubled": [R[0]] + R,
    "short-sum": [r[:4] + (r[4][:15],) for r in R],
    "empty-sum": [r[:4] + (b"",) for r in R],
    "negative-events": [r[:2] + (-1, -1, zero) for r in R],
    "more-active": [r[:2] + (1, 2, r[4]) for r in R],
    "null-user": R + [(None, 19000, 1, 1, zero)],
    "null-day": R[:-1] + [(R[-1][0], None, 1, 1, zero)],
    "null-events": [r[:2] + (None, 1, zero) for r in R],
    "null-sum": [r[:4] + (None,) for r in R],
}
for name, records in lies.items():
    open("lie-%s.gn" % name, "wb").write(gnstream.build(F, records, H))
other = dict(H)
other["!partial"] = dict(H["!partial"], command="gn-cohort")
open("lie-command.gn", "wb").write(gnstream.build(F, R, other))
other["!partial"] = dict(H["!partial"], state="counts")
open("lie-state.gn", "wb").write(gnstream.build(F, R, other))
open("lie-fields.gn", "wb").write(gnstream.build(F[:4], [r[:4] for r in R], H))
open("true.gn", "wb").write(gnstream.build(F, R, H))
END
    gn-dau --merge --stats=stats.json true.gn | records >want
    gn-fromcsv small.csv | gn-dau | records | cmp - want
    bad=0
    for f in lie-*.gn; do
        got=0
        timeout 20 gn-dau --merge "$f" >out 2>err || got=$?
        case $f:$got in
        *:3 | *:4) one_error err || bad=1 ;;
        # Order may also just not matter.
        lie-turned.gn:0) records out | cmp - want || bad=1 ;;
        *) echo "$f: status $got $(cat err)" && bad=1 ;;
        esac
    done
    [ $bad = 0 ]
}

@test "cover: unknown after gn-head, known after gn-cat, added up over segments" {
    gn-fromcsv -o e.gn small.csv
    gn-cat e.gn | gn-cat -o c.gn
    is "$(trailer e.gn | grep -o '"cover": [^a-z]*')" "$(trailer c.gn | grep -o '"cover": [^a-z]*')"
    gn-head -n 3 e.gn -o h.gn
    case $(trailer h.gn) in *cover*) false ;; esac
    gn-tail -n 3 e.gn -o h.gn
    case $(trailer h.gn) in *cover*) false ;; esac
    size=$(wc -c <small.csv)
    has "$(trailer e.gn)" ", 0, $size, 0, 18446744073709551615]]"
    # The source is the content's XXH3-128, whatever its name or compression.
    id=$("$PYTHON" -c 'import xxhash; print(xxhash.xxh3_128_hexdigest(open("small.csv", "rb").read()))')
    has "$(trailer e.gn)" "\"sources\": [[\"$id\", $size, \"bytes\"]]"
    zstd -q small.csv
    gn-fromcsv small.csv.zst -o z.gn
    has "$(trailer z.gn)" "\"sources\": [[\"$id\", $size, \"bytes\"]]"
    gn-fromcsv -o s.gn <small.csv
    has "$(trailer s.gn)" "\"sources\": [[\"$id\", $size, \"bytes\"]]"
}

@test "provenance does not tell files, jobs, memory; it tells options" {
    gn-fromcsv small.csv | gn-dau -o a.gn
    cp small.csv other.csv
    gn-fromcsv -o x.gn.zst other.csv
    gn-dau -m 64M -q --stats=s.json --zstd=3 -o b.gn x.gn.zst
    prov() { trailer "$1" | grep -o '"prov": \["[0-9a-f]*'; }
    is "$(prov a.gn)" "$(prov b.gn)"
    gn-fromcsv small.csv | gn-dau --tz Europe/Berlin -o b.gn
    [ "$(prov a.gn)" != "$(prov b.gn)" ]
    gn-fromcsv small.csv | gn-dau --active engaged -o b.gn
    [ "$(prov a.gn)" != "$(prov b.gn)" ]
    case $(trailer a.gn) in *small*) false ;; esac
}

@test "a trailer of very many covers or sources does not take very long" {
    stream 'build(F, R, trailer={"cover": [[i.to_bytes(16, "big"), 0, 1, 0, ALL] for i in range(200000, 0, -1)],
        "sources": [[i.to_bytes(16, "big"), 1, "bytes"] for i in range(200000, 0, -1)]})' >many.gn
    got=0
    timeout 10 gn-cat many.gn >/dev/null 2>err || got=$?
    case $got in 0 | 4) ;; *) echo "status $got"; false ;; esac
}

@test "more than 64 sources fold into one, and still add up" {
    for i in $(seq 70); do
        { head -n 1 small.csv
            echo "u$i,2023-01-01 00:00:00,a,b,$i,1.0.0"; } >"$i.csv"
        gn-fromcsv "$i.csv" | gn-dau --partial -o "$i.p"
    done
    gn-fromcsv ./*.csv -o all.gn # small.csv is among them
    valid all.gn
    gn-dau --merge --partial -o m.gn ./*.p
    valid m.gn
    is 70 "$(gn-dau --merge m.gn | gn-tocsv --no-header -f dau)"
    is 2485 "$(gn-dau --merge m.gn | gn-tocsv --no-header -f total_duration_ms)"
}
