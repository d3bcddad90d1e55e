#!/usr/bin/env bats
# The insights job: outputs, resumption, refusal.

load helper

insights() { # OUT INTERACTIONS [NAME=VALUE...]
    env OUT="$1" INTERACTIONS="$2" "${@:3}" "$ROOT/pipelines/insights"
}

tables='daily_active_users monthly_active_users rolling_active_users user_stickiness weekly_active_users'

@test "insights makes the five tables and shows them" {
    small_csv >events.csv
    insights out events.csv >shown
    is "$tables" "$(cd out/tables && echo * | sed 's/\.csv//g')"
    is "date,dau,total_interactions,total_duration_ms,avg_duration_ms_per_user,complete" \
        "$(head -n 1 out/tables/daily_active_users.csv)"
    is "date,mau_30d,complete" "$(head -n 1 out/tables/rolling_active_users.csv)"
    is "date,month,dau,mau,stickiness,mau_30d,stickiness_30d" \
        "$(head -n 1 out/tables/user_stickiness.csv)"
    # By hand: 2023-01-01 has users 1 and 2; 2 January users 3 and 1; 1 February user 3.
    is "2023-01-01,2,3" "$(sed -n 2p out/tables/daily_active_users.csv | cut -d, -f1-3)"
    is "2023-01-02,2,2" "$(sed -n 3p out/tables/daily_active_users.csv | cut -d, -f1-3)"
    is "33" "$(wc -l <out/tables/daily_active_users.csv)"
    is "2023-01,3" "$(sed -n 2p out/tables/monthly_active_users.csv | cut -d, -f1-2)"
    is "2023-02,1" "$(sed -n 3p out/tables/monthly_active_users.csv | cut -d, -f1-2)"
    for t in $tables; do
        has "$(cat shown)" "$t"
    done
    has "$(cat shown)" "All of it is in $PWD/out/tables"
    is "" "$(find out -name '*.new' -o -name '.*' -type f)"
}

@test "a second run does nothing, a changed input or option redoes, a lost table is made again" {
    small_csv >events.csv
    insights out events.csv >/dev/null
    touch -d '2001-01-01' out/work/*.gn out/tables/*.csv
    # Older than the stamp would mean redo: put the stamp before them.
    touch -d '2000-01-01' out/work/inputs
    insights out events.csv >/dev/null
    is "" "$(find out/tables out/work -newermt 2002-01-01 -type f)"

    rm out/tables/user_stickiness.csv
    insights out events.csv >/dev/null
    is "out/tables/user_stickiness.csv" "$(find out/tables out/work -newermt 2002-01-01 -type f)"

    insights out events.csv ACTIVE=engaged >/dev/null
    is "2023-01-01,1,2" "$(sed -n 2p out/tables/daily_active_users.csv | cut -d, -f1-3)"
    insights out events.csv >/dev/null
    is "2023-01-01,2,3" "$(sed -n 2p out/tables/daily_active_users.csv | cut -d, -f1-3)"

    echo 'u000009,2023-01-01 01:00:00,edit,p000001,5,5.0.0' >>events.csv
    insights out events.csv >/dev/null
    is "2023-01-01,3,4" "$(sed -n 2p out/tables/daily_active_users.csv | cut -d, -f1-3)"
}

@test "an expression, a zone and a range of days reach the tables" {
    small_csv >events.csv
    insights out events.csv ACTIVE='action_type = "edit"' ZONE=Europe/Berlin FROM=2023-01-01 \
        TO=2023-01-03 >/dev/null
    # 23:59:59 UTC on the first is the second in Berlin.
    is $'2023-01-01,1\n2023-01-02,1\n2023-01-03,0' \
        "$(tail -n +2 out/tables/daily_active_users.csv | cut -d, -f1-2)"
}

@test "names with blanks and quotes, and a directory tree, work" {
    mkdir "my data" "tree" "tree/date=2023-01-01"
    small_csv >"my data/the user's \"events\".csv"
    insights "my out" "my data/the user's \"events\".csv" METADATA="my data" >/dev/null
    [ -s "my out/tables/daily_active_users.csv" ]
    printf 'user_id,timestamp,duration_ms\nu1,2023-01-01 00:00:00,1\n' >"tree/date=2023-01-01/a.csv"
    insights out tree >/dev/null
    is "2023-01-01,1,1,1,1,true" "$(tail -n +2 out/tables/daily_active_users.csv)"
}

@test "bad input leaves no table and one error" {
    printf 'user_id,timestamp,action_type,page_id,duration_ms,app_version\nu1,yesterday,edit,p,1,5.0.0\n' \
        >events.csv
    insights out events.csv 2>err >shown && false
    is "" "$(ls out/tables)"
    is "" "$(find out/work -name '*.gn*')"
    is 1 "$(grep -c 'gn-.*: error:' err)"
    has "$(cat err)" "gn-fromcsv: error:"
    # And with the input mended the job goes on.
    small_csv >events.csv
    insights out events.csv >/dev/null
    [ -s out/tables/user_stickiness.csv ]
}

@test "what is missing is said" {
    "$ROOT/pipelines/insights" 2>err && false
    has "$(cat err)" "no interactions given"
    INTERACTIONS=x "$ROOT/pipelines/insights" 2>err && false
    has "$(cat err)" "no directory to write to"
    insights out nowhere.csv 2>err && false
    has "$(cat err)" "'nowhere.csv': no such file"
}

@test "a header without events gives tables without rows" {
    small_csv | head -n 1 >events.csv
    insights out events.csv >/dev/null
    for t in $tables; do
        is 1 "$(wc -l <"out/tables/$t.csv")" "$t"
    done
}

@test "the demo: data of a size, generated once, and their tables" {
    status 0 env SIZE=2K "$ROOT/pipelines/demo" demo
    has "$(cat out)" "generating 2000 interactions and the metadata of 200 users"
    is 2001 "$(wc -l <demo/data/interactions.csv)"
    is 201 "$(wc -l <demo/data/metadata.csv)"
    has "$(cat demo/data/effects.json)" '"rows":2000,"users":200'
    is 2000 "$(tail -n +2 demo/tables/daily_active_users.csv | awk -F, '{n += $3} END {print n}')"
    status 0 env SIZE=2K "$ROOT/pipelines/demo" demo
    case $(cat out) in *generating*) false ;; esac
    status 0 env SIZE=500 "$ROOT/pipelines/demo" demo
    is 500 "$(tail -n +2 demo/tables/daily_active_users.csv | awk -F, '{n += $3} END {print n}')"
    run env SIZE=2x "$ROOT/pipelines/demo" demo
    is 2 "$status"
    has "$output" "demo: error: '2x': not a number of rows"
}
