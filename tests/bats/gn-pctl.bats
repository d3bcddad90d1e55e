#!/usr/bin/env bats
# gn-pctl: percentiles, periods, releases, states, memory; windows, checkpoints.

load helper

pctl() { # SCHEMA OPTION...: of CSV text on standard input
    gn-fromcsv --schema "$1" | gn-pctl "${@:2}" | gn-tocsv
}

records() {
    "$PYTHON" "$ORACLE/gnstream.py" --raw
}

@test "p95 of 1 to 100 is 95.05, or 95" {
    { echo n && seq 1 100; } >n.csv
    pctl n:int --value n <n.csv >got
    is "total_interactions,p50_n,p95_n,p99_n,avg_n,stddev_n,min_n,max_n
100,50.5,95.05,99.01,50.5,29.011491975882016,1,100" "$(cat got)"
    pctl n:int --value n --method nearest -p 95,0.5,100 <n.csv >got
    is "total_interactions,p95_n,p0_5_n,p100_n,avg_n,stddev_n,min_n,max_n
100,95,1,100,50.5,29.011491975882016,1,100" "$(cat got)"
    pctl n:float --value n -p 25 <n.csv >got
    is 100,25.75,50.5,29.011491975882016,1,100 "$(tail -n 1 got)"
}

@test "null and negative values count as events, not as values" {
    printf 'user_id,duration_ms\na,5\na,\nb,-3\n,7\n' >e.csv
    pctl user_id:str,duration_ms:int -p 50 --stats=s.json <e.csv >got
    is "users,total_interactions,p50_duration_ms,avg_duration_ms,stddev_duration_ms,min_duration_ms,max_duration_ms
2,4,6,6,1.4142135623730951,5,7" "$(cat got)"
    is '[4,1,1,1]' "$(jq -c '.counters | [.events, .values_null, .values_negative, .events_without_user]' s.json)"
    pctl user_id:str,duration_ms:int -p 50 --negative --no-users <e.csv >got
    is 4,5,3,5.291502622129181,-3,7 "$(tail -n 1 got)"
    printf 'user_id,duration_ms\na,\n' | pctl user_id:str,duration_ms:int -p 50 >got
    is 1,1,,,,, "$(tail -n 1 got)"
}

@test "periods and releases from one pass" {
    cat >e.csv <<'CSV'
user_id,timestamp,duration_ms,app_version
a,2023-01-01 10:00:00,10,5.1.2
a,2023-01-02 10:00:00,20,5.1.9
b,2023-01-08 23:59:59,30,5.2.0
b,2023-02-01 00:00:00,40,6.0.0
c,,50,6.0.0
CSV
    gn-fromcsv --schema user_id:str,timestamp:time,duration_ms:int,app_version:str e.csv >e.gn
    gn-pctl --level major,major.minor --by week,month,whole -p 50 --stats=s.json e.gn |
        gn-tocsv -f level,release,period_type,period,users,total_interactions,p50_duration_ms >got
    is "level,release,period_type,period,users,total_interactions,p50_duration_ms
major,5,month,2023-01,2,3,20
major,5,week,2022-12-26,1,1,10
major,5,week,2023-01-02,2,2,25
major,5,whole,all,2,3,20
major,6,month,2023-02,1,1,40
major,6,week,2023-01-30,1,1,40
major,6,whole,all,1,1,40
major.minor,5.1,month,2023-01,1,2,15
major.minor,5.1,week,2022-12-26,1,1,10
major.minor,5.1,week,2023-01-02,1,1,20
major.minor,5.1,whole,all,1,2,15
major.minor,5.2,month,2023-01,1,1,30
major.minor,5.2,week,2023-01-02,1,1,30
major.minor,5.2,whole,all,1,1,30
major.minor,6.0,month,2023-02,1,1,40
major.minor,6.0,week,2023-01-30,1,1,40
major.minor,6.0,whole,all,1,1,40" "$(cat got)"
    is 1 "$(jq .counters.events_without_time s.json)"
    gn-pctl --by day --tz America/New_York --where 'duration_ms = 40' e.gn | gn-tocsv -f period >got
    is $'period\n2023-01-31' "$(cat got)"
    gn-pctl -k 'm = major(app_version)' -p 100 e.gn | gn-tocsv -f m,p100_duration_ms >got
    is $'m,p100_duration_ms\n5,30\n6,50' "$(cat got)"
}

@test "against exact arithmetic: random events, options, merge trees" {
    "$PYTHON" "$ORACLE/pctl_diff.py" --bin "$GN_BIN" "$(seeds 1-40)"
}

@test "against sqlite3: users, counts, averages, and percentiles by rank" {
    gn-gen --model realistic --rows 20000 --users 500 -o e.gn
    gn-tocsv e.gn >e.csv
    gn-pctl -k app_version --by day --method nearest -p 95 e.gn | gn-tocsv -f \
        app_version,period,users,total_interactions,p95_duration_ms,min_duration_ms,max_duration_ms |
        tail -n +2 >got
    sqlite3 -csv :memory: '.import e.csv e' "
        WITH v AS (SELECT app_version, date(timestamp) AS day, user_id,
                          CASE WHEN duration_ms <> '' AND duration_ms + 0 >= 0
                               THEN duration_ms + 0 END AS ms FROM e),
        r AS (SELECT *, row_number() OVER (PARTITION BY app_version, day, ms IS NULL ORDER BY ms)
                     AS k, count(ms) OVER (PARTITION BY app_version, day) AS n FROM v)
        SELECT app_version, day, count(DISTINCT user_id), count(*),
               max(CASE WHEN ms IS NOT NULL AND k = (95 * n + 99) / 100 THEN ms END), min(ms),
               max(ms)
        FROM r GROUP BY 1, 2 ORDER BY 1, 2" >want
    same want got
}

@test "the same bytes within 16 MiB, from parts, in any order" {
    gn-gen --model realistic --rows 120000 --users 60000 -o e.gn
    for how in '--by day,whole' '--by day,whole --approx --no-users' '--by day,whole --partial'; do
        # shellcheck disable=SC2086
        gn-pctl -m 1G -k page_id $how --stats=a.json e.gn | gn-tocsv >a
        # shellcheck disable=SC2086
        gn-pctl -m 16M -k page_id $how --stats=b.json e.gn | gn-tocsv >b
        same a b
        is 0 "$(jq .counters.spill_runs a.json)"
        [ "$(jq .counters.spill_runs b.json)" -gt 1 ]
        [ -n "${GN_SANITIZED:-}" ] || [ "$(jq .max_rss_bytes b.json)" -lt 40000000 ]
    done
    gn-cat -z e.gn >e.gn.zst
    for i in 1 2 3; do
        gn-cat --split $i/3 e.gn.zst | gn-pctl -k page_id --by day,whole --partial -o $i.gn
    done
    gn-pctl --merge --partial -o 31.gn 3.gn 1.gn
    gn-pctl --merge --partial -m 16M 2.gn 31.gn | gn-tocsv >b
    same a b
    gn-pctl -m 1G -k page_id --by day,whole e.gn | gn-tocsv >a
    gn-pctl --merge -m 16M 31.gn 2.gn | gn-tocsv >b
    same a b
}

@test "one group that owns everything, within 16 MiB" {
    gn-gen --rows 600000 --users 600000 -o e.gn
    gn-pctl -m 1G e.gn | gn-tocsv >a
    gn-pctl -m 16M --stats=s.json e.gn | gn-tocsv >b
    same a b
    [ "$(jq .counters.spill_runs s.json)" -gt 0 ]
}

@test "states are refused that do not go together" {
    printf 'user_id,timestamp,duration_ms\na,2023-01-01 10:00:00,1\n' |
        gn-fromcsv --schema user_id:str,timestamp:time,duration_ms:int >e.gn
    gn-pctl --partial --by week e.gn -o week.gn
    gn-pctl --partial --by day e.gn -o day.gn
    gn-pctl --partial --by day --approx e.gn -o approx.gn
    status 3 gn-pctl --merge day.gn week.gn
    status 3 gn-pctl --merge day.gn approx.gn
    status 3 gn-pctl --merge day.gn day.gn
    status 3 gn-pctl --merge e.gn
    status 3 gn-pctl day.gn
    status 2 gn-pctl --merge --by day week.gn
    has "$(cat err)" 'too coarse'
    status 2 gn-pctl --merge --level major day.gn
    status 2 gn-pctl --merge -k user_id day.gn
    gn-pctl --merge --by month,whole -p 50 day.gn | gn-tocsv >got
    is "period_type,period,users,total_interactions,p50_duration_ms,avg_duration_ms,stddev_duration_ms,min_duration_ms,max_duration_ms
month,2023-01,1,1,1,1,,1,1
whole,all,1,1,1,1,,1,1" "$(cat got)"
    cat day.gn >torn.gn
    printf '\xff' | dd of=torn.gn bs=1 seek=$(($(stat -c %s torn.gn) / 2)) conv=notrunc status=none
    run gn-pctl --merge torn.gn
    [ "$status" -eq 4 ] || [ "$status" -eq 3 ]
}

@test "what is asked for wrongly" {
    printf 'user_id,timestamp,duration_ms\na,2023-01-01 10:00:00,1\n' |
        gn-fromcsv --schema user_id:str,timestamp:time,duration_ms:int >e.gn
    for how in '-p 101' '-p 50,50' '-p x' '--by year' '--by day,day' '--level minor' '--lateness 1s' \
        '--tumble 0s' '--tumble 5min --by day' '--tumble 5min --merge' '--tumble 5min --idle 0s' \
        '--tumble 5min --continue' '--user a --no-users' '--merge --approx'; do
        # shellcheck disable=SC2086
        status 2 gn-pctl $how e.gn
    done
    status 3 gn-pctl --value user_id e.gn
    status 3 gn-pctl --value nothing e.gn && has "$(cat err)" "'e.gn': no field 'nothing' for --value"
    status 3 gn-pctl --time nothing --by day e.gn && has "$(cat err)" "'nothing' for --time"
    status 3 gn-pctl --user nothing e.gn && has "$(cat err)" "'nothing' for --user"
    status 3 gn-pctl --level major e.gn
    status 3 gn-pctl --level major --release timestamp e.gn
}

@test "nothing in gives nothing out, with all fields" {
    printf 'user_id,timestamp,duration_ms,app_version\n' |
        gn-fromcsv --schema user_id:str,timestamp:time,duration_ms:int,app_version:str >e.gn
    gn-pctl -k app_version --by day -p 50 e.gn | gn-tocsv >got
    is app_version,period_type,period,users,total_interactions,p50_duration_ms,avg_duration_ms,stddev_duration_ms,min_duration_ms,max_duration_ms "$(cat got)"
    gn-pctl -k app_version --tumble 5min -p 50 e.gn | gn-tocsv >got
    is window_start,app_version,window_end,users,total_interactions,p50_duration_ms,avg_duration_ms,stddev_duration_ms,min_duration_ms,max_duration_ms,final "$(cat got)"
    gn-pctl --by day --partial e.gn >p.gn
    gn-pctl --merge p.gn | gn-tocsv -f period >got
    is period "$(cat got)"
}

# ---- windows ----

@test "windows: late, ahead, without a time; updates and final rows" {
    cat >e.csv <<'CSV'
user_id,timestamp,duration_ms
a,2023-01-01 10:01:00,10
b,2023-01-01 10:06:00,20
a,2023-01-01 10:04:59,30
a,2023-01-05 10:00:00,1
b,,1
b,2023-01-01 10:12:00,40
a,2023-01-01 10:02:00,50
CSV
    gn-fromcsv --schema user_id:str,timestamp:time,duration_ms:int e.csv >e.gn
    gn-pctl -q --tumble 5min --lateness 5min -p 50 --reject r.gn --stats=s.json e.gn |
        gn-tocsv -f window_start,window_end,users,total_interactions,p50_duration_ms,final >got
    is "window_start,window_end,users,total_interactions,p50_duration_ms,final
2023-01-01 10:00:00,2023-01-01 10:05:00,1,2,20,true
2023-01-01 10:05:00,2023-01-01 10:10:00,1,1,20,false
2023-01-01 10:05:00,2023-01-01 10:10:00,1,1,20,true
2023-01-01 10:10:00,2023-01-01 10:15:00,1,1,40,true" "$(cat got)"
    gn-tocsv -f record,rule r.gn >got
    is $'record,rule\n4,ahead\n5,time\n7,late' "$(cat got)"
    is '[1,1,1,3,0]' "$(jq -c '.counters |
        [.events_late, .events_ahead, .events_without_time, .windows_closed, .windows_open]' s.json)"
    gn-pctl --tumble 5min -o w.gn e.gn 2>err
    has "$(cat err)" 'events too far ahead were rejected (see --max-ahead)'
    gn-pctl -q --tumble 5min --emit final --max-ahead 10d e.gn | gn-tocsv -f window_start,final >got
    is "window_start,final
2023-01-01 10:00:00,true
2023-01-01 10:05:00,true
2023-01-05 10:00:00,true" "$(cat got)"
}

@test "windows against a model: disorder, gaps, resumed at random places" {
    GN_BIN=$GN_BIN "$PYTHON" "$ORACLE/pctl_windows.py" random "$(seeds 1-12)"
}

@test "rows come out while the input is open, updates too; idle windows close" {
    GN_BIN=$GN_BIN "$PYTHON" "$ORACLE/pctl_windows.py" live
}

@test "kill -9, and the same input again" {
    GN_BIN=$GN_BIN "$PYTHON" "$ORACLE/pctl_windows.py" kill
}

@test "a state knows what it has seen" {
    head='user_id,timestamp,duration_ms'
    schema=user_id:str,timestamp:time,duration_ms:int
    printf '%s\na,2023-01-01 10:01:00,1\na,2023-01-01 10:02:00,2\n' $head | gn-fromcsv --schema $schema >a.gn
    printf '%s\na,2023-01-01 10:03:00,3\n' $head | gn-fromcsv --schema $schema >b.gn
    gn-pctl --tumble 5min --state s --emit final a.gn | gn-tocsv --no-header >got
    is '' "$(cat got)"
    status 3 gn-pctl --tumble 5min --state s --emit final b.gn
    has "$(cat err)" 'give --continue'
    status 3 gn-pctl --tumble 10min --state s --emit final a.gn
    has "$(cat err)" 'made with other options'
    gn-pctl --tumble 5min --state s --emit final --continue b.gn >/dev/null
    # the same again is passed over
    gn-pctl --tumble 5min --state s --emit final --stats=s.json b.gn >/dev/null
    is '[1,1]' "$(jq -c '.counters | [.records_replayed, .windows_open]' s.json)"
    printf '%s\na,2023-01-01 10:05:00,9\n' $head | gn-fromcsv --schema $schema |
        gn-pctl --tumble 5min --state s --emit final --continue -p 100 |
        gn-tocsv -f total_interactions,p100_duration_ms,final >got
    is $'total_interactions,p100_duration_ms,final\n3,3,true' "$(cat got)"
    # a state that is no state, or half of one
    status 3 gn-pctl --tumble 5min --state a.gn b.gn
    head -c 300 s >half
    status 4 gn-pctl --tumble 5min --state half --emit final b.gn
    # nothing is kept of a run that failed
    cp s before
    head -c 200 a.gn >torn.gn
    status 4 gn-pctl --tumble 5min --state s --emit final --continue torn.gn -o out.gn
    if [ -e out.gn ]; then false; fi
}

@test "windows that end beyond the calendar, or begin before it, are refused" {
    local t
    for t in "9999-12-31 23:30:00" "0001-01-01 00:30:00"; do
        printf 'user_id,timestamp,duration_ms\nu,%s,5\n' "$t" |
            gn-fromcsv --schema user_id:str,timestamp:time,duration_ms:int >in.gn
        status 3 gn-pctl --tumble 5h --max-ahead 0s in.gn
        finds "years 0001 to 9999" <err
        status 0 gn-pctl --tumble 10s --max-ahead 0s in.gn
    done
}
