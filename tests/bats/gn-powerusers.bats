#!/usr/bin/env bats
# gn-powerusers: totals of users, ranks, scores, outliers, states, memory.

load helper

small() {
    cat <<'END'
user_id,timestamp,page_id,duration_ms
u1,2023-01-01 10:00:00,p1,1000
u2,2023-01-01 11:00:00,p1,3000
u1,2023-01-02 10:00:00,p2,5000
u3,2023-01-01 23:30:00,p1,2000
u3,2023-01-01 23:40:00,p1,4000
u4,2023-01-03 00:00:00,p9,99000000
u4,2023-01-03 00:00:01,,
u2,2023-01-03 00:00:00,,-5
END
}

power() {
    gn-fromcsv --schema user_id:str,timestamp:time,page_id:str,duration_ms:int | gn-powerusers "$@"
}

@test "totals, ranks and scores by hand" {
    # Three users have a valid event; u1 and u3 tie.
    small | power --share 100% --stats=s.json | gn-tocsv >got
    is "user_id,rank,total_interactions,total_duration_ms,total_duration_hours,avg_duration_ms,unique_pages,days_active,percentile_rank,engagement_score
u1,1,2,6000,0.0016666666666666668,3000,2,2,0.5,60
u3,2,2,6000,0.0016666666666666668,3000,1,1,0.5,40
u2,3,1,3000,0.0008333333333333334,3000,1,1,0,0" "$(cat got)"
    has "$(cat s.json)" '"null_value":1,"negative_value":1,"value_above_max":1,"events_used":5'
    has "$(cat s.json)" '"users":3,"power_users":3'
    # 1 % of three is one; all that tie with it are two.
    small | power | gn-tocsv --no-header -f user_id,rank >got
    is "u1,1" "$(cat got)"
    small | power --ties all | gn-tocsv --no-header -f user_id,rank >got
    is $'u1,1\nu3,2' "$(cat got)"
    # The p50 of 3000, 6000, 6000 is 6000.
    small | power --share 0.5 --rule threshold | gn-tocsv --no-header -f user_id >got
    is $'u1\nu3' "$(cat got)"
}

@test "outliers: kept, capped, and days that are too long" {
    small | power --share 100% --outliers keep |
        gn-tocsv --no-header -f user_id,total_interactions,total_duration_ms,days_active >got
    is $'u4,2,99000000,1\nu1,2,6000,2\nu3,2,6000,1\nu2,2,3000,2' "$(cat got)"
    small | power --share 100% --outliers cap --max 4s |
        gn-tocsv --no-header -f user_id,total_interactions,total_duration_ms >got
    is $'u3,2,6000\nu1,2,5000\nu4,2,4000\nu2,2,3000' "$(cat got)"
    small | power --share 100% --outliers flag | gn-tocsv --no-header -f user_id,flagged_days >got
    is $'u4,1\nu1,0\nu3,0\nu2,0' "$(cat got)"
    # A day of the user's zone: 23:30 and 23:40 of UTC are one day here and there.
    small | power --share 100% --outliers flag --day-max 5s --tz +01:00 |
        gn-tocsv --no-header -f user_id,flagged_days >got
    is $'u4,1\nu1,0\nu3,1\nu2,0' "$(cat got)"
    # The bound as a percentile, from files that can be read twice: the third of five values.
    small | gn-fromcsv --schema user_id:str,timestamp:time,page_id:str,duration_ms:int -o e.gn
    gn-powerusers --share 100% --max p50 --stats=s.json e.gn | gn-tocsv --no-header -f user_id,total_duration_ms >got
    has "$(cat s.json)" '"max_value":3000'
    is $'u2,3000\nu3,2000\nu1,1000' "$(cat got)"
    status 2 gn-powerusers --max p50 <e.gn
    has "$(cat err)" "reads its input twice"
    status 2 gn-powerusers --max p50 --partial e.gn
}

@test "how users are spread: percentiles and histogram" {
    small | power --also percentiles=p.gn --also histogram=h.gn --also users=u.gn -o top.gn
    is 3 "$(gn-tocsv --no-header u.gn | wc -l)"
    gn-tocsv p.gn >got
    is "metric,n,p50,p90,p95,p99,max
days_active,3,1,1.8,1.9,1.98,2
total_duration_ms,3,6000,6000,6000,6000,6000
total_interactions,3,2,2,2,2,2
unique_pages,3,1,1.8,1.9,1.98,2" "$(cat got)"
    gn-where 'metric in ("days_active", "engagement_score") and users > 0' h.gn | gn-tocsv >got
    is "metric,bucket,lower,upper,users
days_active,1,1,2,2
days_active,2,2,4,1
engagement_score,0,0,10,1
engagement_score,4,40,50,1
engagement_score,6,60,70,1" "$(cat got)"
}

@test "against exact arithmetic: random events, policies, rules, orders, merge trees" {
    "$PYTHON" "$ORACLE/powerusers_diff.py" --bin "$GN_BIN" "$(seeds 1-30)"
}

@test "against sqlite3: realistic events" {
    gn-gen --model realistic --rows 60000 -o e.gn
    gn-tocsv e.gn >e.csv
    gn-powerusers --share 5% e.gn | gn-tocsv >got
    sqlite3 :memory: ".mode csv" ".import e.csv e" "
        with u as (
            select user_id, count(*) n, sum(d) ms, count(distinct page_id) pages,
                   count(distinct date(timestamp)) days
            from (select *, cast(duration_ms as integer) d from e where duration_ms <> '')
            where d between 0 and 28800000 group by 1),
        r as (
            select *, percent_rank() over (order by ms) a, percent_rank() over (order by n) b,
                   percent_rank() over (order by days) c,
                   row_number() over (order by ms desc, user_id) rank, count(*) over () users
            from u)
        select user_id, rank, n, ms, pages, days, printf('%.12g', a),
               printf('%.9g', 100 * (0.5 * a + 0.3 * b + 0.2 * c))
        from r where (rank - 1) * 20 < users order by rank" | tr -d '\r' >want
    "$PYTHON" -c '
import csv, sys
for r in csv.DictReader(sys.stdin):
    print(r["user_id"], r["rank"], r["total_interactions"], r["total_duration_ms"],
          r["unique_pages"], r["days_active"], "%.12g" % float(r["percentile_rank"]),
          "%.9g" % float(r["engagement_score"]), sep=",")' <got >ours
    same want ours
    [ "$(wc -l <ours)" -gt 100 ]
}

@test "beyond the memory it spills: the same bytes, within the cap; ordered input needs little" {
    gn-gen --rows 250000 --users 150000 -o e.gn
    gn-sort -k user_id e.gn -o sorted.gn
    tables() { # TO ARGUMENT...
        gn-powerusers --also users=u.gn --also percentiles=p.gn --also histogram=h.gn "${@:2}" |
            gn-tocsv >"$1"
        for f in u p h; do gn-tocsv $f.gn; done >>"$1"
    }
    tables a -m 1G --stats=a.json e.gn
    tables b -m 16M --stats=b.json e.gn
    same a b
    tables c -m 16M sorted.gn
    same a c
    case $(cat a.json) in *'"spill_runs":0,'*) ;; *) false ;; esac
    case $(cat b.json) in *'"spill_runs":0,'*) false ;; esac
    gn-powerusers --partial -m 1G e.gn >d.gn
    gn-powerusers --partial -m 16M e.gn >e.state.gn
    same d.gn e.state.gn
    tables f --merge -m 16M e.state.gn
    same a f
    # One user who owns all pages, in memory that does not hold them.
    gn-gen --rows 250000 --users 1 -o one.gn
    status 5 gn-powerusers -m 16M one.gn
    has "$(cat err)" "-m"
    status 0 gn-powerusers one.gn
    [ -n "${GN_SANITIZED:-}" ] && return
    # 16 MiB for the state, 8 for the rest, and the program itself
    (ulimit -v 70000 && gn-powerusers -m 16M e.gn >/dev/null)
}

@test "no room for temporary files is said" {
    gn-gen --rows 250000 --users 150000 -o e.gn
    status 5 gn-powerusers -m 16M -T /nonexistent e.gn
    has "$(cat err)" "/nonexistent"
}

@test "claims of order that do not hold are found" {
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
fields = [("user_id", "str"), ("timestamp", "time"), ("duration_ms", "int")]
claim = {"order": [["user_id", "asc"]]}
rows = [("b", 0, 1), ("a", 0, 1)]
open("false.gn", "wb").write(gnstream.build(fields, rows, claim))
open("b.gn", "wb").write(gnstream.build(fields, rows[:1], claim))
open("a.gn", "wb").write(gnstream.build(fields, rows[1:], claim))
END
    status 3 gn-powerusers false.gn
    has "$(cat err)" "'false.gn': record 2: not ordered by user_id"
    status 0 gn-powerusers --sort false.gn
    cat b.gn a.gn >two.gn
    status 3 gn-powerusers two.gn
    # Several files are not relied on, and a user's events may be in all of them.
    gn-powerusers --share 100% b.gn a.gn b.gn | gn-tocsv --no-header -f user_id,total_interactions >got
    is $'b,2\na,1' "$(cat got)"
}

@test "states: placed by user they add up, else they are refused" {
    gn-gen --model realistic --rows 30000 -o e.gn
    gn-powerusers --share 20% e.gn | records >want
    gn-partition -k user_id -n 3 -d parts e.gn
    for p in parts/part-*.gn; do
        gn-powerusers --partial "$p" -o "$p.state"
    done
    gn-info parts/part-*.gn.state | finds 'placed'
    gn-powerusers --merge --share 20% parts/*.state | records >got
    same want got
    # The same part twice, a part too few, parts that are not by user.
    first=$(printf '%s\n' parts/*.state | head -n 1)
    status 3 gn-powerusers --merge parts/*.state "$first"
    has "$(cat err)" "counted twice"
    status 3 gn-powerusers --merge "$first"
    has "$(cat err)" "--allow-partial"
    status 0 gn-powerusers --merge --allow-partial "$first"
    gn-head -n 15000 e.gn | gn-powerusers --partial -o h1.state
    gn-tail -n 15000 e.gn | gn-powerusers --partial -o h2.state
    status 3 gn-powerusers --merge h1.state h2.state
    has "$(cat err)" "a user is in two of the states"
    # Other options, other commands' states, states where events are due.
    gn-powerusers --partial --outliers keep e.gn -o keep.state
    status 3 gn-powerusers --merge --allow-partial "$first" keep.state
    has "$(cat err)" "made with other options"
    gn-dau --partial e.gn -o dau.state
    status 3 gn-powerusers --merge dau.state
    status 3 gn-powerusers e.gn keep.state
    has "$(cat err)" "use --merge"
    for o in "--outliers keep" "--tz Asia/Tokyo" "--user u" "--max 1h" "--sort"; do
        # shellcheck disable=SC2086
        status 2 gn-powerusers --merge $o keep.state
    done
}

@test "states that cannot be are refused" {
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
fields = [("user_id", "str"), ("interactions", "int"), ("total_ms", "bin"), ("days_active", "int")]
head = {"order": [["user_id", "asc"]], "total": True,
        "!partial": {"command": "gn-powerusers", "state": "users", "params": "x"}}
good = ("a", 2, bytes(16), 1)
for i, row in enumerate([good, ("a", 0, bytes(16), 1), ("a", 2, bytes(15), 1), ("a", 2, b"\xff" * 16, 1),
                         ("a", 2, bytes(16), 3), (None, 2, bytes(16), 1), ("a", 2, None, 1)]):
    open("%d.gn" % i, "wb").write(gnstream.build(fields, [row], head))
fields[3] = ("days", "int")
open("fields.gn", "wb").write(gnstream.build(fields, [good], head))
END
    status 0 gn-powerusers --merge 0.gn
    for i in 1 2 3 4 5 6; do
        status 4 gn-powerusers --merge $i.gn
    done
    status 3 gn-powerusers --merge fields.gn
}

@test "totals beyond 64 bits are an error, not a wrong figure" {
    printf 'user_id,timestamp,duration_ms\nu,2023-01-01,9223372036854775807\nu,2023-01-01,1\n' |
        gn-fromcsv --schema user_id:str,timestamp:time,duration_ms:int -o big.gn
    status 3 gn-powerusers --outliers keep big.gn
    gn-powerusers --outliers cap big.gn | gn-tocsv --no-header -f total_duration_ms >got
    is 28800001 "$(cat got)"
}

@test "fields of other names; without pages the column is missing" {
    printf 'who,at,secs_ms\na,2023-01-01,7200000\n' |
        gn-fromcsv --schema who:str,at:date,secs_ms:int |
        gn-powerusers --user who --time at --value secs_ms | gn-tocsv >got
    is $'who,rank,total_interactions,total_secs_ms,total_secs_hours,avg_secs_ms,days_active,percentile_rank,engagement_score\na,1,1,7200000,2,7200000,1,0,0' "$(cat got)"
    status 3 gn-powerusers --page nosuch <(small | gn-fromcsv --schema user_id:str,timestamp:time,page_id:str,duration_ms:int)
    for o in "--share 0" "--share 101%" "--share x" "--share 1.%" "--share ." "--also x=y" "--also users" \
        "--day-max 1h" "--outliers keep --max 1h" "--max p101" "--max 5x" "--rule threshold --ties all" \
        "--partial --share 2%" "--also users=x --also users=y"; do
        # shellcheck disable=SC2086
        status 2 gn-powerusers $o <(small | gn-fromcsv --schema user_id:str,timestamp:time,page_id:str,duration_ms:int)
    done
}

@test "the planted power users are found: 1 % of the users own about 60 % of the events" {
    gn-gen --model realistic --rows 200000 --effects effects.json -o e.gn
    gn-powerusers e.gn | gn-agg -a 'n = sum(total_interactions)' | gn-tocsv --no-header >n
    gn-gen --model realistic --rows 200000 --top-share 0.1 |
        gn-powerusers | gn-agg -a 'n = sum(total_interactions)' | gn-tocsv --no-header >even
    "$PYTHON" - <<'END'
import json
effect = [e for e in json.load(open("effects.json"))["effects"] if e["name"] == "power_users"][0]
share, even = (int(open(f).read()) / 200000 for f in ("n", "even"))
assert abs(share - effect["expected"]["share_of_rows"]) < 0.05, share
assert even < 0.2, even
END
}
