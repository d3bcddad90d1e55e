#!/usr/bin/env bats
# gn-cohort: cells by hand, coverage, segments, states, order, memory.

load helper

# Mondays: 2023-01-02, 09, 16, 23.
setup() {
    make_inputs
}

make_inputs() {
    cat >m.csv <<'END'
user_id,join_date,country,plan
ann,2023-01-04,DE,free
bob,2023-01-08,US,free
cyd,2023-01-09,,premium
dan,2023-01-10,US,free
dan,2023-01-20,DE,premium
eve,,US,free
fay,2022-11-01,US,free
END
    cat >e.csv <<'END'
user_id,timestamp
ann,2023-01-02 08:00:00
ann,2023-01-11 08:00:00
ann,2023-01-12 08:00:00
bob,2023-01-01 08:00:00
bob,2023-01-18 08:00:00
cyd,2023-01-15 23:59:59
dan,2023-01-16 00:00:00
eve,2023-01-16 00:00:00
zed,2023-01-16 00:00:00
ann,2023-01-25 00:00:00
,2023-01-16 00:00:00
ann,
END
    gn-fromcsv --schema user_id:str,join_date:date,country:str,plan:str m.csv -o m.gn
    gn-fromcsv --schema user_id:str,timestamp:time e.csv -o e.gn
}

@test "rates by hand: the join week before the join, earlier days, coverage on both sides" {
    gn-cohort --members m.gn --periods 3 --stats=s.json e.gn | gn-tocsv >got
    is "cohort_week,week_number,cohort_size,retained_users,retention_rate,complete
2022-10-31,0,1,,,false
2022-10-31,1,1,,,false
2022-10-31,2,1,,,false
2022-10-31,3,1,,,false
2023-01-02,0,2,1,0.5,true
2023-01-02,1,2,1,0.5,true
2023-01-02,2,2,1,0.5,true
2023-01-02,3,2,1,0.5,false
2023-01-09,0,2,1,0.5,true
2023-01-09,1,2,1,0.5,true
2023-01-09,2,2,0,0,false
2023-01-09,3,2,,,false" "$(cat got)"
    has "$(cat s.json)" '"null_user":1,"null_time":1,"not_active":0,"active_users":6,"member_rows":7,"member_null_user":0,"member_duplicates":1,"members":6,"members_of_other_parts":0,"members_without_date":1,"active_without_member":1,"days_before_cohort":1'
    # Days outside --from and --to do not count; weeks that they cut are not complete.
    gn-cohort --members m.gn --periods 2 --from 2023-01-10 --to 2023-01-17 e.gn | gn-tocsv --no-header >got
    is "2022-10-31,0,1,,,false
2022-10-31,1,1,,,false
2022-10-31,2,1,,,false
2023-01-02,0,2,,,false
2023-01-02,1,2,1,0.5,false
2023-01-02,2,2,0,0,false
2023-01-09,0,2,1,0.5,false
2023-01-09,1,2,1,0.5,false
2023-01-09,2,2,,,false" "$(cat got)"
}

@test "wide, percent, period 0 by definition, months" {
    gn-cohort --members m.gn --periods 2 --wide --percent --w0 fixed e.gn | gn-tocsv >got
    is "cohort_week,cohort_size,week_0,week_1,week_2
2022-10-31,1,100,,
2023-01-02,2,100,50,50
2023-01-09,2,100,50,0" "$(cat got)"
    gn-cohort --members m.gn --periods 2 --period month e.gn | gn-tocsv >got
    is "cohort_month,month_number,cohort_size,retained_users,retention_rate,complete
2022-11,0,1,,,false
2022-11,1,1,,,false
2022-11,2,1,0,0,false
2023-01,0,4,4,1,false
2023-01,1,4,,,false
2023-01,2,4,,,false" "$(cat got)"
}

@test "the first active day as the cohort; without metadata" {
    gn-cohort --cohort first-seen --periods 2 e.gn | gn-tocsv --no-header -f cohort_week,week_number,cohort_size,retained_users >got
    is "2022-12-26,0,1,1
2022-12-26,1,1,0
2022-12-26,2,1,0
2023-01-02,0,1,1
2023-01-02,1,1,1
2023-01-02,2,1,0
2023-01-09,0,1,1
2023-01-09,1,1,0
2023-01-09,2,1,0
2023-01-16,0,3,3
2023-01-16,1,3,0
2023-01-16,2,3," "$(cat got)"
    gn-cohort --cohort first-seen --segment plan --members m.gn --periods 0 --stats=s.json e.gn | gn-tocsv --no-header >got
    is "2022-12-26,0,plan,free,1,1,1,false
2023-01-02,0,plan,free,1,1,1,true
2023-01-09,0,plan,premium,1,1,1,true
2023-01-16,0,plan,(unknown),1,1,1,true
2023-01-16,0,plan,free,1,1,1,true
2023-01-16,0,plan,premium,1,1,1,true" "$(cat got)"
    has "$(cat s.json)" '"members_never_active":1'
}

@test "segments: of the row with the latest join date; null is (unknown)" {
    gn-cohort --members m.gn --segment plan,country --periods 1 --also total=t.gn --also segments-wide=w.gn --also total-wide=tw.gn e.gn |
        gn-where 'cohort_week = 2023-01-09' | gn-tocsv >got
    is "cohort_week,week_number,segment_type,segment_value,cohort_size,retained_users,retention_rate,complete
2023-01-09,0,country,(unknown),1,1,1,true
2023-01-09,0,country,DE,1,0,0,true
2023-01-09,0,plan,premium,2,1,0.5,true
2023-01-09,1,country,(unknown),1,0,0,true
2023-01-09,1,country,DE,1,1,1,true
2023-01-09,1,plan,premium,2,1,0.5,true" "$(cat got)"
    gn-cohort --members m.gn --periods 1 e.gn | gn-tocsv >want
    gn-tocsv t.gn | same want -
    gn-where 'cohort_week = 2023-01-09' w.gn | gn-tocsv --no-header >got
    is "2023-01-09,country,(unknown),1,1,0
2023-01-09,country,DE,1,0,1
2023-01-09,plan,premium,2,0.5,0.5" "$(cat got)"
    is "cohort_week,cohort_size,week_0,week_1" "$(gn-tocsv tw.gn | head -n 1)"
}

@test "against plain Python: random events and metadata, orders, roll-ups, merge trees" {
    "$PYTHON" "$ORACLE/cohort_diff.py" --bin "$GN_BIN" "$(seeds 1-20)"
}

@test "against sqlite3: realistic data" {
    gn-gen --model realistic --rows 20000 -o e.gn
    gn-gen --model realistic --table metadata --rows 10000 -o m.gn
    gn-tocsv e.gn >e.csv
    gn-tocsv m.gn >m.csv
    gn-cohort --members m.gn --segment subscription_type --also total=t.gn e.gn -o s.gn
    gn-where 'complete' t.gn | gn-tocsv --no-header >got
    gn-where 'complete' s.gn | gn-tocsv --no-header >>got
    sqlite3 :memory: ".mode csv" ".import e.csv e" ".import m.csv m" "
        create table j as select user_id, min(julianday(join_date, 'weekday 0', '-6 days')) w from m group by 1;
        create table a as select distinct user_id, julianday(date(timestamp), 'weekday 0', '-6 days') w from e;
        create table s as select user_id, subscription_type v from (
            select *, row_number() over (partition by user_id order by join_date desc, country desc,
                device_type desc, subscription_type desc) n from m) where n = 1;
        create table k as with recursive t(k) as (select 0 union all select k + 1 from t where k < 26)
            select k from t;
        create table span as select min(julianday(date(timestamp))) lo, max(julianday(date(timestamp))) hi from e;
        create index ja on a(user_id, w);
        select date(w), k, size, n from (
            select j.w w, k, count(*) size, count(a.user_id) n
            from j cross join k left join a on a.user_id = j.user_id and a.w = j.w + 7 * k group by 1, 2), span
        where w + 7 * k >= lo and w + 7 * k + 6 <= hi order by w, k;
        select date(w), k, v, size, n from (
            select j.w w, k, s.v v, count(*) size, count(a.user_id) n
            from j join s using (user_id) cross join k
            left join a on a.user_id = j.user_id and a.w = j.w + 7 * k group by 1, 2, 3), span
        where w + 7 * k >= lo and w + 7 * k + 6 <= hi order by w, k, v;" | tr -d '\r' >want
    "$PYTHON" -c '
import csv, sys
for r in csv.reader(sys.stdin):
    assert float(r[-2]) == int(r[-3]) / int(r[-4]), r
    print(*r[:2], *r[3 if len(r) > 6 else 2:-2], sep=",")' <got >ours
    same want ours
    [ "$(wc -l <ours)" -gt 5000 ]
}

@test "the planted churn by subscription is found" {
    gn-gen --model realistic --rows 300000 -o e.gn
    gn-gen --model realistic --table metadata --rows 100000 -o m.gn
    gn-cohort --members m.gn --segment subscription_type e.gn |
        gn-where 'complete and cohort_week between 2023-01-09 and 2023-06-26 and week_number > 16' |
        gn-agg -k segment_value -a 'n = sum(retained_users), size = sum(cohort_size)' |
        gn-select 'segment_value, rate = n / size' | gn-sort -k rate | gn-tocsv --no-header -f segment_value >got
    is $'free\nbasic\npremium\nenterprise' "$(cat got)"
}

@test "beyond the memory it spills: the same bytes, within the cap; ordered input needs little" {
    gn-gen --rows 200000 --users 190000 -o e.gn
    gn-gen --table metadata --rows 120000 --users 190000 -o m.gn
    gn-sort -k user_id e.gn -o eo.gn
    gn-sort -k user_id m.gn -o mo.gn
    tables() { # TO ARGUMENT...
        gn-cohort --segment country --also total=t.gn "${@:2}" | gn-tocsv >"$1"
        gn-tocsv t.gn >>"$1"
    }
    tables a -m 1G --members m.gn --stats=a.json e.gn
    tables b -m 16M --members m.gn --stats=b.json e.gn
    same a b
    tables c -m 16M --members mo.gn --stats=c.json eo.gn
    same a c
    case $(cat a.json) in *'"spill_runs":0,'*) ;; *) false ;; esac
    case $(cat b.json) in *'"spill_runs":0,'*) false ;; esac
    case $(cat c.json) in *'"spill_runs":0,'*) ;; *) false ;; esac
    status 5 gn-cohort -m 16M -T /nonexistent --members mo.gn e.gn
    has "$(cat err)" "/nonexistent"
    # More cells than fit: said, with what to do.
    gn-gen --table metadata --rows 120000 --users 190000 |
        gn-select 'user_id, join_date, page = user_id' -o many.gn
    status 5 gn-cohort -m 16M --members many.gn --segment page --periods 500 eo.gn
    has "$(cat err)" "-m"
    [ -n "${GN_SANITIZED:-}" ] && return
    (ulimit -v 70000 && gn-cohort -m 16M --members m.gn e.gn >/dev/null)
}

@test "claims of order that do not hold are found" {
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
events = [("user_id", "str"), ("timestamp", "date")]
members = [("user_id", "str"), ("join_date", "date")]
claim = {"order": [["user_id", "asc"]]}
rows = [("b", 19360), ("a", 19360)]
open("e.gn", "wb").write(gnstream.build(events, rows, claim))
open("m.gn", "wb").write(gnstream.build(members, rows, claim))
open("good.gn", "wb").write(gnstream.build(events, rows[::-1], claim))
open("plain.gn", "wb").write(gnstream.build(members, rows))
END
    status 3 gn-cohort --members plain.gn e.gn
    has "$(cat err)" "'e.gn': record 2: not ordered by user_id"
    status 0 gn-cohort --members plain.gn --hash e.gn
    status 3 gn-cohort --members m.gn good.gn
    has "$(cat err)" "'m.gn': not ordered by user_id"
    cat good.gn good.gn >twice.gn
    status 3 gn-cohort --members plain.gn twice.gn
    # Several files may hold the same users.
    gn-cohort --members plain.gn --periods 0 good.gn e.gn | gn-tocsv --no-header -f cohort_size,retained_users >got
    is 2,2 "$(cat got)"
}

@test "states: of disjoint users, with the metadata whole or parted" {
    gn-gen --model realistic --rows 20000 -o e.gn
    gn-gen --model realistic --table metadata --rows 5000 -o m.gn
    gn-cohort --members m.gn --segment country e.gn | gn-tocsv >want
    gn-partition -k user_id -n 3 -d parts e.gn
    gn-partition -k user_id -n 3 -d members m.gn
    for p in parts/part-*.gn; do
        gn-cohort --partial --segment country --members m.gn "$p" -o "$p.a"
        gn-cohort --partial --segment country --members "members/${p#parts/}" "$p" -o "$p.b"
        gn-dau --partial "$p" | gn-cohort --partial --segment country --members m.gn -o "$p.c"
    done
    for kind in a b c; do
        gn-cohort --merge parts/*.$kind | gn-tocsv | same want -
    done
    p=(parts/*.a)
    status 3 gn-cohort --merge "${p[@]}" "${p[0]}"
    has "$(cat err)" "counted twice"
    status 3 gn-cohort --merge "${p[0]}"
    has "$(cat err)" "--allow-partial"
    status 0 gn-cohort --merge --allow-partial "${p[0]}"
    # Members of other users than the events.
    q=(members/part-*.gn)
    r=(parts/part-*.gn)
    status 3 gn-cohort --members "${q[0]}" "${r[1]}"
    has "$(cat err)" "a part of the users only"
    # Halves by time hold the same users: each state speaks for all of them.
    gn-head -n 10000 e.gn | gn-cohort --partial --segment country --members m.gn -o h1
    gn-tail -n 10000 e.gn | gn-cohort --partial --segment country --members m.gn -o h2
    status 3 gn-cohort --merge h1 h2
    has "$(cat err)" "counted twice"
    gn-cohort --partial --members m.gn e.gn -o other
    status 3 gn-cohort --merge --allow-partial "${p[0]}" other
    has "$(cat err)" "made with other options"
    status 3 gn-cohort --merge --also segments=x.gn other
    status 3 gn-cohort --merge e.gn
    status 3 gn-cohort --members other e.gn
    for o in "--members m.gn" "--segment country" "--period month" "--periods 3" "--from 2023-01-01" \
        "--tz Asia/Tokyo" "--cohort first-seen" "--hash"; do
        # shellcheck disable=SC2086
        status 2 gn-cohort --merge $o other
    done
}

@test "states that cannot be are refused" {
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
fields = [("cohort", "date"), ("segment_type", "str"), ("segment_value", "str"), ("cohort_size", "int"),
          ("retained", "bin"), ("range", "bin"), ("first_day", "date"), ("last_day", "date")]
def head(params="periods=0 period=week segments=0 x"):
    return {"!partial": {"command": "gn-cohort", "state": "counts", "params": params}}
one = (1).to_bytes(8, "big")
cell = (19359, "", "", 1, one, None, None, None)
span = (None, None, None, None, None, bytes(8) + b"\xff" * 8, 19358, 19360)
def put(name, rows, **how):
    open(name, "wb").write(gnstream.build(fields, rows, head(**how)))
put("good.gn", [cell, span])
bad = [(19360,) + cell[1:], cell[:3] + (0,) + cell[4:], cell[:4] + (one * 2,) + cell[5:],
       cell[:4] + ((2).to_bytes(8, "big"),) + cell[5:], cell[:2] + ("x",) + cell[3:],
       cell[:1] + (None,) + cell[2:], cell[:5] + (bytes(16),) + cell[6:],
       span[:5] + (b"\1" + bytes(15),) + span[6:], span[:5] + (bytes(15),) + span[6:],
       span[:6] + (None, 5), span[:3] + (1,) + span[4:], (None,) * 8]
for i, row in enumerate(bad):
    put("bad%d.gn" % i, [row])
put("params.gn", [cell], params="periods=x")
put("many.gn", [cell], params="periods=99999 period=week segments=0")
END
    gn-cohort --merge good.gn | gn-tocsv --no-header >got
    is 2023-01-02,0,1,1,1,false "$(cat got)"
    for f in bad*.gn; do
        status 4 gn-cohort --merge "$f"
    done
    status 3 gn-cohort --merge params.gn
    status 3 gn-cohort --merge many.gn
}

@test "what was asked for wrongly" {
    for o in "" "--segment plan --cohort first-seen" "--members -" "--members m.gn --segment plan,plan" \
        "--members m.gn --segment ," "--members m.gn --also segments=x" "--members m.gn --also x=y" \
        "--members m.gn --also total=x --also total=y" "--members m.gn --periods -1" \
        "--members m.gn --from 2023-01-02 --to 2023-01-01" "--members m.gn --partial --wide" \
        "--members m.gn --active (("; do
        # shellcheck disable=SC2086
        status 2 gn-cohort $o e.gn
    done
    status 3 gn-cohort --members m.gn --segment nosuch e.gn
    has "$(cat err)" "'nosuch'"
    status 3 gn-cohort --members m.gn --join plan e.gn
    status 3 gn-cohort --members e.gn e.gn
    status 5 gn-cohort --members nosuch.gn e.gn
    head -c 100 m.gn >cut.gn
    status 4 gn-cohort --members cut.gn e.gn
    : >zero.gn
    status 4 gn-cohort --members zero.gn e.gn
}

@test "no events, no members; other names; a user who is an int" {
    gn-head -n 0 e.gn >none.gn
    gn-cohort --members m.gn --periods 0 none.gn | gn-tocsv --no-header >got
    is $'2022-10-31,0,1,,,false\n2023-01-02,0,2,,,false\n2023-01-09,0,2,,,false' "$(cat got)"
    gn-cohort --members m.gn --periods 0 --from 2023-01-02 --to 2023-01-31 none.gn | gn-tocsv --no-header >got
    is $'2022-10-31,0,1,,,false\n2023-01-02,0,2,0,0,true\n2023-01-09,0,2,0,0,true' "$(cat got)"
    gn-head -n 0 m.gn >nobody.gn
    is "" "$(gn-cohort --members nobody.gn e.gn | gn-tocsv --no-header)"
    is "" "$(gn-cohort --cohort first-seen none.gn | gn-tocsv --no-header)"
    printf 'who,at\n7,2023-01-03\n10,2023-01-03\n' | gn-fromcsv --schema who:int,at:date -o i.gn
    printf 'id,since\n7,2023-01-02 23:30:00\n10,2023-01-08 23:30:00\n' | gn-fromcsv --schema id:int,since:time -o im.gn
    gn-cohort --user who --time at --members im.gn --members-user id --join since --periods 0 --tz Europe/Berlin i.gn |
        gn-tocsv --no-header >got
    is $'2023-01-02,0,1,1,1,false\n2023-01-09,0,1,,,false' "$(cat got)"
    status 3 gn-cohort --members im.gn --members-user id --join since e.gn
}
