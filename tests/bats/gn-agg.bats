#!/usr/bin/env bats
# gn-agg: groups, aggregates, states, order, memory.

load helper

agg() { # CSV text on standard input
    gn-fromcsv --schema "$1" | gn-agg "${@:2}" | gn-tocsv
}

@test "counts and sums by group, in order of the keys, nulls last" {
    printf 'k,n\nb,1\na,2\n,5\nb,\na,3\n' | agg k:str,n:int -k k -a 'count(), count(n), sum(n)' >got
    is $'k,count,count_n,total_n\na,2,2,5\nb,2,1,1\n,1,1,5' "$(cat got)"
}

@test "without keys there is one group, of nothing too" {
    printf 'n\n3\n4\n' | agg n:int -a 'sum(n), avg(n), min(n), max(n)' >got
    is $'total_n,avg_n,min_n,max_n\n7,3.5,3,4' "$(cat got)"
    printf 'n\n' | agg n:int -a 'count(), sum(n), stddev(n)' >got
    is $'count,total_n,stddev_n\n0,,' "$(cat got)"
    printf 'n\n' | agg n:int -k n >got
    is 'n,count' "$(cat got)"
}

@test "percentiles: between two values, or one of them" {
    { echo n && seq 1 100; } >n.csv
    agg n:int -a 'p95(n), median(n), pctl(n, 99.9), p05(n)' <n.csv >got
    is $'p95_n,median_n,p99_9_n,p05_n\n95.05,50.5,99.901,5.95' "$(cat got)"
    agg n:int --percentile nearest -a 'p95(n), median(n)' <n.csv >got
    is $'p95_n,median_n\n95,50' "$(cat got)"
}

@test "names, expressions, first and last" {
    cat >e.csv <<'CSV'
user_id,timestamp,page_id,ms
u1,2023-07-01 10:00:00,a,1500
u1,2023-07-01 12:00:00,b,500
u1,2023-07-02 01:00:00,c,
u2,2023-07-01 23:30:00,a,7
CSV
    gn-fromcsv --schema user_id:str,timestamp:time,page_id:str,ms:int e.csv >e.gn
    gn-agg -k 'user_id, day = date(timestamp)' \
        -a 'n = count(), secs = sum(ms / 1000), first(page_id), last(page_id), distinct(page_id)' \
        e.gn | gn-tocsv >got
    is "user_id,day,n,secs,first_page_id,last_page_id,distinct_page_id
u1,2023-07-01,2,2,a,b,2
u1,2023-07-02,1,,c,c,1
u2,2023-07-01,1,0.007,a,a,1" "$(cat got)"
    # A name for a call is the function's.
    gn-agg --tz Asia/Tokyo -k 'date(timestamp)' e.gn | gn-tocsv >got
    is $'date,count\n2023-07-01,2\n2023-07-02,2' "$(cat got)"
}

@test "against exact arithmetic: random records, keys, aggregates, orders, merge trees" {
    "$PYTHON" "$ORACLE/agg_diff.py" "$(seeds 1-60)"
}

@test "against sqlite3: a million rows" {
    gn-gen --model realistic --rows 100000 --users 3000 -o e.gn
    gn-tocsv e.gn >e.csv
    gn-agg -k user_id -a 'count(), sum(duration_ms), min(duration_ms), distinct(page_id)' e.gn |
        gn-tocsv >got
    sqlite3 :memory: ".mode csv" ".import e.csv e" \
        "select user_id, count(*), sum(nullif(duration_ms, '') + 0),
         min(nullif(duration_ms, '') + 0), count(distinct page_id)
         from e group by 1 order by 1" | tr -d '\r' >want
    tail -n +2 got | same - want || same <(tail -n +2 got) want
}

@test "beyond the memory it spills: the same bytes, within the cap" {
    gn-gen --rows 300000 --users 200000 -o e.gn
    local how=(-k user_id -a 'count(), sum(duration_ms), max(page_id), distinct(page_id), p95(duration_ms), approx_distinct(page_id)')
    gn-agg -m 1G "${how[@]}" --stats=a.json e.gn | gn-tocsv >a
    gn-agg -m 16M "${how[@]}" --stats=b.json e.gn | gn-tocsv >b
    same a b
    has "$(cat a.json)" '"spill_runs":0,'
    case $(cat b.json) in *'"spill_runs":0,'*) false ;; esac
    gn-agg --partial -m 1G "${how[@]}" e.gn >c.gn
    gn-agg --partial -m 16M "${how[@]}" e.gn >d.gn
    same c.gn d.gn
    gn-agg --merge -m 16M c.gn | gn-tocsv >e
    same a e
    [ -n "${GN_SANITIZED:-}" ] && return
    # 16 MiB for the state, 8 for the rest, and the program itself
    ( ulimit -v 60000 && gn-agg -m 16M "${how[@]}" e.gn >/dev/null )
}

@test "no room for temporary files is said" {
    gn-gen --rows 300000 --users 200000 -o e.gn
    status 5 gn-agg -m 16M -T /nonexistent -k user_id,page_id e.gn
    has "$(cat err)" "/nonexistent"
    has "$(cat err)" "-T"
}

@test "ordered input streams: groups come out while it goes on, within little memory" {
    "$PYTHON" - <<'END'
import sys
sys.path.insert(0, __import__("os").environ["ORACLE"])
import gnstream
rows = [("u%07d" % (i // 3), i) for i in range(100000)]
fields = [("user_id", "str"), ("n", "int")]
claim = {"order": [["user_id", "asc"], ["n", "asc"]], "total": True}
open("sorted.gn", "wb").write(gnstream.build(fields, rows, claim))
open("false.gn", "wb").write(gnstream.build(fields, rows + [("u0000001", 5)], claim))
open("less.gn", "wb").write(gnstream.build(fields, rows[:9], claim))
END
    gn-agg -k user_id -a 'sum(n), p50(n)' --stats=s.json sorted.gn | records >a
    gn-agg --hash -k user_id -a 'sum(n), p50(n)' --stats=h.json sorted.gn | records >b
    same a b
    peak() { sed 's/.*"memory_peak_bytes":\([0-9]*\).*/\1/' "$1"; }
    [ "$(peak h.json)" -gt "$(peak s.json)" ]
    status 3 gn-agg -k user_id false.gn
    has "$(cat err)" "not in the order that their header claims"
    # A further segment must go on behind; several files are grouped without relying on order.
    cat sorted.gn less.gn >both.gn
    status 3 gn-agg -k user_id both.gn
    status 0 gn-agg --hash -k user_id both.gn
    status 0 gn-agg -k user_id sorted.gn less.gn
}

@test "ordered input whose groups' values are more than the memory: the same results" {
    "$PYTHON" - <<'END'
import sys
sys.path.insert(0, __import__("os").environ["ORACLE"])
import gnstream
rows = [("u%07d" % (i // 2900), "x%09d" % i) for i in range(300000)]
claim = {"order": [["k", "asc"], ["n", "asc"]], "total": True}
open("sorted.gn", "wb").write(gnstream.build([("k", "str"), ("n", "str")], rows, claim))
END
    how=(-k k -a 'count(), distinct(n), approx_distinct(n), max(n)' sorted.gn)
    gn-agg -m 16M --stats=s.json "${how[@]}" | records >a
    gn-agg -m 1G --hash "${how[@]}" | records >b
    same a b
    has "$(cat s.json)" '"spill_runs":0,'
}

@test "approx_distinct: sketches beyond the memory spill, their states merge to the byte" {
    gn-gen --rows 400000 --users 300000 -o e.gn
    local how=(-k page_id -a 'approx_distinct(user_id), many = approx_distinct(hash(user_id) % 1000000), count()')
    gn-agg -m 1G --partial "${how[@]}" e.gn >want.gn
    gn-agg -m 16M --partial "${how[@]}" --stats=s.json e.gn >got.gn
    case $(cat s.json) in *'"spill_runs":0,'*) false ;; esac
    same want.gn got.gn
    gn-cat -o e.gn.zst e.gn
    for i in 1 2 3; do
        gn-cat --split $i/3 e.gn.zst | gn-agg --partial "${how[@]}" -o $i.gn
    done
    gn-agg --merge --partial -o 31.gn 3.gn 1.gn
    gn-agg --merge --partial -m 16M 2.gn 31.gn | gn-tocsv >got
    gn-tocsv want.gn | same - got
    gn-agg "${how[@]}" e.gn | gn-tocsv >want
    gn-agg --merge 31.gn 2.gn | gn-tocsv | same want -
}

@test "approximate percentiles: within 1/129, spilled and merged to the byte" {
    gn-gen --rows 200000 --users 2000 -o e.gn
    local how=(-k user_id -a 'approx_p50(duration_ms), seventh = approx_pctl(duration_ms / 7, 99.5), count(), tail = approx_p95(duration_ms)')
    gn-agg -m 1G --partial "${how[@]}" e.gn >want.gn
    gn-agg -m 16M --partial "${how[@]}" --stats=s.json e.gn >got.gn
    case $(cat s.json) in *'"spill_runs":0,'*) false ;; esac
    same want.gn got.gn
    gn-cat -o e.gn.zst e.gn
    for i in 1 2 3; do
        gn-cat --split $i/3 e.gn.zst | gn-agg --partial "${how[@]}" -o $i.gn
    done
    gn-agg --merge --partial -o 31.gn 3.gn 1.gn
    gn-agg --merge -m 16M 2.gn 31.gn | gn-tocsv >merged
    gn-agg "${how[@]}" e.gn | gn-tocsv >whole
    same whole merged
    is "user_id,approx_p50_duration_ms,seventh,count,tail" "$(head -n 1 whole)"
    gn-agg -k user_id -a 'p50(duration_ms), seventh = pctl(duration_ms / 7, 99.5), count(), p95(duration_ms)' e.gn |
        gn-tocsv | paste -d, whole - | awk -F, 'NR > 1 {
            for (i = 2; i <= 5; i++) if (($i - $(i + 5)) ^ 2 > ($(i + 5) / 129) ^ 2) exit 1
        }'
    status 2 gn-agg -a 'approx_pctl(n)' e.gn
    has "$(cat err)" "approx_pctl(x, 99.9)"
    status 3 gn-agg -a 'approx_p95(page_id)' e.gn
    has "$(cat err)" "not of an int or float"
}

@test "ordered input within little memory: few groups of many values, and one that fills it" {
    "$PYTHON" - <<'END'
import sys
sys.path.insert(0, __import__("os").environ["ORACLE"])
import gnstream
fields, claim = [("k", "str"), ("v", "str")], {"order": [["k", "asc"]]}
many = [("g%06d" % (i // 700), "value%010d" % i) for i in range(150000)]
one = [("a", "x"), ("b", "y")] + [("m", "value%07d" % i) for i in range(150000)] + [("z", "x")]
open("many.gn", "wb").write(gnstream.build(fields, many, claim))
open("one.gn", "wb").write(gnstream.build(fields, one, claim))
open("false.gn", "wb").write(gnstream.build(fields, one + [("b", "y")], claim))
END
    local how=(-k k -a 'count(), distinct(v), max(v)') f
    for f in many one; do
        gn-agg --hash -m 1G "${how[@]}" "$f.gn" | records >want
        gn-agg -m 16M --stats="$f.json" "${how[@]}" "$f.gn" | records >got
        same want got
        gn-agg --partial -m 1G "${how[@]}" "$f.gn" >want.gn
        gn-agg --partial -m 16M "${how[@]}" "$f.gn" >got.gn
        same want.gn got.gn
    done
    has "$(cat many.json)" '"spill_runs":0,'
    case $(cat one.json) in *'"spill_runs":0,'*) false ;; esac
    status 3 gn-agg -m 16M "${how[@]}" false.gn
    [ -n "${GN_SANITIZED:-}" ] && return
    ( ulimit -v 60000 && gn-agg -m 16M "${how[@]}" one.gn >/dev/null )
}

@test "large states spill too: deviations of floats" {
    "$PYTHON" - <<'END' | gn-fromcsv --schema k:str,a:float,b:float,c:float,d:float,e:float -o f.gn
print("k,a,b,c,d,e")
for i in range(6000):
    print("g%06d,%s" % (i * 7 % 3000, ",".join("%d.%d" % (i * j % 97, i % 10) for j in range(1, 6))))
END
    local how=(-k k -a 'stddev(a), stddev(b), stddev(c), stddev(d), stddev(e)')
    gn-agg -m 1G "${how[@]}" f.gn | records >a
    gn-agg -m 16M "${how[@]}" f.gn | records >b
    same a b
}

@test "a placement is kept by the field that it names, not by a key of that name" {
    printf 'user_id,page_id\na,x\nb,y\nc,x\n' | gn-fromcsv --schema user_id:str,page_id:str |
        gn-partition -k user_id -n 1 -d parts
    has "$(gn-agg -k '`user_id`, page_id' parts/part-0000.gn | gn-info -)" "placed by"
    case $(gn-agg -k 'user_id = page_id' parts/part-0000.gn | gn-info -) in
    *"placed by"*) false ;;
    esac
}

@test "--time is a field of any name" {
    printf 'my`time,x\n2023-01-02 00:00:00,1\n2023-01-01 00:00:00,2\n' |
        agg 'my`time:time,x:int' --time 'my`time' -a 'first(x)' >got
    is $'first_x\n2' "$(cat got)"
}

@test "states: doubled, missing and foreign ones are refused" {
    gn-gen --rows 1000 | gn-tocsv >e.csv
    gn-fromcsv e.csv | gn-agg --partial -k action_type -a 'avg(duration_ms)' -o a.gn
    gn-fromcsv e.csv | gn-agg --partial -k action_type -a 'sum(duration_ms)' -o b.gn
    gn-fromcsv e.csv | gn-dau --partial -o c.gn
    status 3 gn-agg --merge a.gn a.gn
    has "$(cat err)" "counted twice"
    status 3 gn-agg --merge a.gn b.gn
    has "$(cat err)" "other options"
    status 3 gn-agg --merge c.gn
    has "$(cat err)" "not a partial state of gn-agg"
    status 3 gn-agg a.gn
    has "$(cat err)" "use --merge"
    status 2 gn-agg --merge -k action_type a.gn
    gn-gen --rows 1000 --range 0:500 | gn-agg --partial -o d.gn
    status 3 gn-agg --merge d.gn
    has "$(cat err)" "missing"
    status 0 gn-agg --merge --allow-partial d.gn
}

@test "hostile states are 4, never a result" {
    "$PYTHON" - <<'END'
import sys
sys.path.insert(0, __import__("os").environ["ORACLE"])
import gnstream
import subprocess
data = gnstream.build([("k", "str"), ("n", "int")], [("a", 1), ("a", 2), ("b", 9)])
state = subprocess.run(["gn-agg", "--partial", "-k", "k", "-a",
                        "sum(n), stddev(n), min(k), p50(n), count(), approx_distinct(n), approx_p95(n)"],
                       input=data, capture_output=True, check=True).stdout
seg, = gnstream.parse(state)
bad = []
def out(records):
    head = {k: v for k, v in seg.header.items() if k not in ("gn", "canon", "fields")}
    return gnstream.build(seg.fields, records, head)
assert subprocess.run(["gn-agg", "--merge"], input=out(seg.records),
                      capture_output=True).returncode == 0
for i, r in enumerate(seg.records):
    k, part, s = r
    wrong = [s[:-1], s + b"\0", b"", b"\xff" * len(s), None]
    wrong += [s[:j] + bytes([s[j] ^ 0x80]) + s[j + 1:] for j in range(0, len(s), 3)]
    for w in wrong:
        rows = list(seg.records)
        rows[i] = (k, part, w)
        p = subprocess.run(["gn-agg", "--merge"], input=out(rows), capture_output=True)
        assert p.returncode in (0, 3, 4), (w, p)  # some bits just make another state
        if w in (s[:-1], s + b"\0", b"", None):
            assert p.returncode == 4, (w, p)
            assert p.stderr.count(b"\n") == 1
    if part == 0:  # the number of values is the last of the state
        for w in (s[:-1] + b"\x07", s[:-1] + b"\0", s[:-8] + b"\xff" * 8):
            rows = list(seg.records)
            rows[i] = (k, part, w)
            p = subprocess.run(["gn-agg", "--merge"], input=out(rows), capture_output=True)
            assert p.returncode == 4, (w, p)
    for n in (-1, 2, 300, None):
        rows = list(seg.records)
        rows[i] = (k, n, s)
        p = subprocess.run(["gn-agg", "--merge"], input=out(rows), capture_output=True)
        assert p.returncode == 4, (n, p)
END
}

@test "a total beyond 64 bits is an error, in between it may be" {
    printf 'n\n9223372036854775807\n1\n' >n.csv
    status 3 gn-agg -a 'sum(n)' <(gn-fromcsv n.csv)
    has "$(cat err)" "overflows"
    printf -- '-1\n' >>n.csv
    is $'total_n\n9223372036854775807' "$(gn-fromcsv n.csv | gn-agg -a 'sum(n)' | gn-tocsv)"
}

@test "what cannot be asked for, and where" {
    gn-gen --rows 10 -o e.gn
    bad() { # STATUS TEXT ARGUMENT...
        status "$1" gn-agg "${@:3}" e.gn
        has "$(cat err)" "$2"
    }
    bad 2 "--agg: column 10: not an aggregate" -a 'count(), frobnicate(x)'
    bad 2 "--agg: column 1: not an aggregate" -a 'duration_ms'
    bad 2 "one argument" -a 'sum()'
    bad 2 "not a percentage" -a 'pctl(duration_ms, 101)'
    bad 2 "--agg: column 10: two fields would be named 'count'" -a 'count(), count()'
    bad 2 "--agg: column 1: two fields would be named 'user_id'" -k user_id -a 'user_id = count()'
    bad 2 "--key: column 1: what is computed needs a name" -k 'duration_ms / 2'
    bad 2 "--agg: column 1: what is computed needs a name" -a 'sum(duration_ms + 1)'
    bad 2 "column 16: expected ',' or ')', but it ends here" -a 'sum(duration_ms'
    bad 2 "--key: column 9: expected a field, not ','" -k 'user_id,,page_id'
    bad 2 "not a percentage" -a 'pctl(duration_ms, 9 + page_id)'
    bad 2 "more than 4096 fields" -k "$(seq -s, -f 'k%g = user_id' 5000)"
    bad 2 "more than 4096 fields" -k user_id -a "$(seq -s, -f 'k%g = count()' 4096)"
    bad 3 "user_idd" -k user_idd
    bad 3 "of a str" -a 'sum(page_id)'
    bad 3 "ordered by a str" -a 'first(page_id, user_id)'
    bad 3 "percentile" -a 'p50(page_id)'
    status 0 gn-agg --percentile nearest -a 'p50(page_id)' e.gn
    status 2 gn-agg --nope
}

@test "failures upstream, a full disk and closed pipes" {
    gn-gen --rows 100000 -o e.gn
    head -c 1000 e.gn >cut.gn
    status 4 gn-agg cut.gn
    status 5 gn-agg -k user_id -o /dev/full e.gn
    run bash -c 'gn-agg -k user_id e.gn | head -c 100 >/dev/null; echo "${PIPESTATUS[0]}"'
    is 141 "$output"
}

@test "placement is kept where the groups keep their key" {
    "$PYTHON" - <<'END'
import sys
sys.path.insert(0, __import__("os").environ["ORACLE"])
import gnstream
part = {"part": {"key": ["user_id"], "hash": "xxh3", "lo": 0, "hi": (1 << 64) - 1}}
open("p.gn", "wb").write(gnstream.build([("user_id", "str"), ("n", "int")], [("a", 1)], part))
END
    "$PYTHON" - <<'END'
import sys
sys.path.insert(0, __import__("os").environ["ORACLE"])
import gnstream
for name, lo, hi in (("a", 0, 9), ("b", 10, 99), ("d", 200, 299)):
    part = {"part": {"key": ["n"], "hash": "xxh3", "lo": lo, "hi": hi}}
    open(name + ".gn", "wb").write(gnstream.build([("n", "int")], [], part))
END
    part() { gn-agg "$@" | gn-info | grep -c -i 'part\|placed' || true; }
    is 1 "$(part -k user_id p.gn)"
    is 1 "$(part -k user_id,n p.gn)"
    is 0 "$(part -k n p.gn)"
    is 0 "$(part -k 'user_id = upper(user_id)' p.gn)"
    # Of several segments: where their ranges join.
    cat b.gn a.gn >ba.gn
    is 1 "$(part -k n b.gn a.gn)"
    is 1 "$(part -k n ba.gn)"
    has "$(gn-agg -k n ba.gn | "$PYTHON" "$ORACLE/gnstream.py" --header)" '"lo": 0, "hi": 99'
    is 0 "$(part -k n a.gn d.gn)"
    is 0 "$(part -k n a.gn p.gn)"
}
