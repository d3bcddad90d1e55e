#!/usr/bin/env bats
# The insights job: outputs, resumption, refusal.

load helper

setup() {
    # None of the job's variables from outside; few parts, so that tests are short.
    unset INTERACTIONS METADATA OUT ZONE INPUT_ZONE ACTIVE GAP FROM TO JOBS MEMORY RANGES \
        METADATA_RANGES ENRICHED TEMP KEEP RETRIES BACKOFF CONFIG
    export PARTITIONS=2 RUN_ID=test
}

insights() { # OUT INTERACTIONS [NAME=VALUE...]
    env OUT="$1" INTERACTIONS="$2" "${@:3}" "$ROOT/pipelines/insights"
}

# 5,000 events with sessions, and some without user, time, type, page or duration.
events_csv() {
    gn-gen --model realistic --seed 7 --users 300 --rows 5000 | gn-tocsv |
        awk -F, -v OFS=, 'NR > 1 && NR % 97 == 0 { $(1 + NR % 5) = "" } 1'
}

# 300 rows for some of these users, some of them several times, and some values missing.
metadata_csv() {
    gn-gen --model realistic --seed 7 --table metadata --users 300 --rows 300 | gn-tocsv |
        awk -F, -v OFS=, 'NR > 1 && NR % 31 == 0 { $(1 + NR % 5) = "" } 1'
}

# Files below work and tables that are newer than the file mark, parts of a kind as one.
newer() { # OUT
    (cd "$1" && find work tables -newer ../mark -type f ! -name log ! -name lock) |
        sed -E 's/[0-9]{4}/P/; s:map/[0-9]+:map/R:' | LC_ALL=C sort -u
}

mark() {
    touch mark
    sleep 0.02 # later files have a later time, however coarse the clock is
}

tables='action_distribution active_users_by_dimension anomalies bounce_rates cohort_retention'
tables+=' cohort_retention_by_segment daily_active_users data_quality device_effect'
tables+=' device_performance device_summary engagement_histogram hourly_activity metric_correlation'
tables+=' monthly_active_users performance_by_release performance_by_version power_users'
tables+=' rolling_active_users session_frequency session_histogram session_overview session_summary'
tables+=' sessions sessions_per_period user_engagement_percentiles user_stickiness'
tables+=' weekly_active_users'

@test "insights makes its tables and shows some" {
    small_csv >events.csv
    mkdir trace
    insights out events.csv GN_TRACE="$PWD/trace" >shown
    # No step was taken twice.
    jq -r '.argv as $a | $a | index("-o") // empty | $a[. + 1]' trace/* | sort >made
    [ "$(wc -l <made)" -gt 50 ]
    is "" "$(uniq -d made)"
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
    is "u000001_1,u000001,2023-01-01 23:59:59,2023-01-01 23:59:59,0,1,300000,1,1,true,,," \
        "$(grep ^u000001_1, out/tables/sessions.csv)"
    for t in $tables; do
        has "$(cat shown)" "$t"
    done
    has "$(cat shown)" "All of it is in $PWD/out/tables"
    [ "$(wc -l <shown)" -lt 80 ]
    # Nothing temporary, and no intermediate file.
    is "" "$(find out -name '*.new' -o -name '.*' -type f -o -path '*/sorted/*' -o -path '*/map*')"
}

# Tables by SQLite from the same CSV file, in the form of ours, beside ours.
reference() { # CSV TABLES
    cat >reference.sql <<'SQL'
CREATE TABLE e(user_id, timestamp, action_type, page_id, duration_ms, app_version);
.import --csv --skip 1 events.csv e
CREATE TABLE v AS SELECT nullif(user_id, '') AS user_id,
    CAST(strftime('%s', nullif(timestamp, '')) AS INT) AS t, nullif(action_type, '') AS action_type,
    nullif(page_id, '') AS page_id, CAST(nullif(duration_ms, '') AS INT) AS ms FROM e;
DELETE FROM v WHERE user_id IS NULL OR t IS NULL;
CREATE TABLE g AS SELECT *, rowid AS r,
    coalesce(t - lag(t) OVER (PARTITION BY user_id ORDER BY t, rowid) > 1800, 1) AS begins FROM v;
CREATE TABLE n AS SELECT *,
    sum(begins) OVER (PARTITION BY user_id ORDER BY t, r) - 1 AS session FROM g;
CREATE TABLE s AS SELECT user_id || '_' || session AS session_id, user_id, min(t) AS begun,
    datetime(min(t), 'unixepoch') AS session_start, datetime(max(t), 'unixepoch') AS session_end,
    (max(t) - min(t)) * 1000 AS session_duration_ms, count(*) AS actions_count,
    CAST(total(CASE WHEN ms >= 0 THEN ms END) AS INT) AS total_duration_ms,
    count(DISTINCT page_id) AS unique_pages, count(DISTINCT action_type) AS action_types,
    iif(count(*) = 1, 'true', 'false') AS is_bounce, date(min(t), 'unixepoch') AS day
    FROM n GROUP BY user_id, session;
CREATE TABLE md(user_id, join_date, country, device_type, subscription_type);
.import --csv --skip 1 metadata.csv md
-- One row for each user: the latest join date, then the greatest record. A text's bytes begin with its
-- length; nil comes after texts of less than 32 bytes, before dates.
CREATE TABLE a AS SELECT user_id, join_date, country, device_type, subscription_type FROM (
    SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY join_date = '', join_date DESC,
        country = '' DESC, length(country) DESC, country DESC, device_type = '' DESC,
        length(device_type) DESC, device_type DESC, subscription_type = '' DESC,
        length(subscription_type) DESC, subscription_type DESC) AS place
    FROM md WHERE user_id <> '') WHERE place = 1;
CREATE TABLE sa AS SELECT s.*, coalesce(a.device_type, '') AS device,
    coalesce(a.country, '') AS country, coalesce(a.subscription_type, '') AS subscription
    FROM s LEFT JOIN a USING (user_id);
CREATE TABLE sk AS SELECT day, coalesce(nullif(device, ''), '(unknown)') AS device,
    coalesce(nullif(country, ''), '(unknown)') AS country,
    coalesce(nullif(subscription, ''), '(unknown)') AS subscription, user_id, is_bounce = 'true' AS bounce,
    actions_count, session_duration_ms, total_duration_ms, unique_pages FROM sa;
CREATE TABLE va AS SELECT date(t, 'unixepoch') AS day, v.user_id, ms,
    coalesce(nullif(a.device_type, ''), '(unknown)') AS device,
    coalesce(nullif(a.country, ''), '(unknown)') AS country,
    coalesce(nullif(a.subscription_type, ''), '(unknown)') AS subscription FROM v LEFT JOIN a USING (user_id);
-- Percentiles of (key, x): rank q (n - 1) and its neighbour, in hundredths of a rank.
CREATE TABLE x AS SELECT 'session' AS what, day || ',' || device || ',' || country || ',' || subscription AS k,
    session_duration_ms AS x FROM sk UNION ALL SELECT 'event', device || ',' || day, ms FROM va WHERE ms >= 0;
CREATE TABLE xr AS SELECT *, row_number() OVER (PARTITION BY what, k ORDER BY x) - 1 AS rank,
    count(*) OVER (PARTITION BY what, k) AS n FROM x;
CREATE TABLE pc AS SELECT what, k, q, sum(CASE rank WHEN q * (n - 1) / 100 THEN x * (100 - q * (n - 1) % 100)
        WHEN q * (n - 1) / 100 + 1 THEN x * (q * (n - 1) % 100) END) / 100.0 AS x
    FROM xr, (SELECT 50 AS q UNION SELECT 95 UNION SELECT 99) GROUP BY what, k, q;
CREATE TABLE p AS SELECT 'day' AS period_type, day AS period, user_id, is_bounce FROM s
    UNION ALL SELECT 'month', substr(day, 1, 7), user_id, is_bounce FROM s
    UNION ALL SELECT 'week', date(day, 'weekday 0', '-6 days'), user_id, is_bounce FROM s;
CREATE TABLE m AS SELECT 'avg_session_duration_ms' AS metric, session_duration_ms AS x, is_bounce FROM s
    UNION ALL SELECT 'avg_total_duration_ms', total_duration_ms, is_bounce FROM s
    UNION ALL SELECT 'avg_actions_count', actions_count, is_bounce FROM s
    UNION ALL SELECT 'avg_unique_pages', unique_pages, is_bounce FROM s;
CREATE TABLE o AS SELECT *, row_number() OVER (PARTITION BY metric ORDER BY x) - 1 AS rank,
    count(*) OVER (PARTITION BY metric) AS n FROM m;
-- Rank q (n - 1) and its neighbour, in quarters of a rank.
CREATE TABLE q AS SELECT metric,
    sum(CASE rank WHEN (n - 1) / 4 THEN x * (4 - (n - 1) % 4) WHEN (n - 1) / 4 + 1 THEN x * ((n - 1) % 4)
        END) / 4.0 AS p25,
    sum(CASE rank WHEN 3 * (n - 1) / 4 THEN x * (4 - 3 * (n - 1) % 4)
        WHEN 3 * (n - 1) / 4 + 1 THEN x * (3 * (n - 1) % 4) END) / 4.0 AS p75 FROM o GROUP BY metric;
CREATE TABLE f AS SELECT metric, p25 - 1.5 * (p75 - p25) AS lower, p75 + 1.5 * (p75 - p25) AS upper FROM q;
.mode csv
.headers off
.separator , "\n"
.once want/sessions
SELECT session_id, user_id, session_start, session_end, session_duration_ms, actions_count,
    total_duration_ms, unique_pages, action_types, is_bounce, device, country, subscription
    FROM sa ORDER BY session_id;
.once want/session_frequency
SELECT user_id, count(*), sum(is_bounce = 'true'), count(DISTINCT day),
    printf('%.9g', count(*) * 1.0 / count(DISTINCT day)), printf('%.9g', avg(session_duration_ms)), min(day),
    max(day), device, country, subscription FROM sa GROUP BY user_id ORDER BY user_id;
.once want/session_summary
SELECT day, device, country, subscription, count(*), count(DISTINCT user_id), sum(bounce), sum(actions_count),
    sum(session_duration_ms), sum(total_duration_ms), sum(unique_pages),
    (SELECT printf('%.9g', x) FROM pc WHERE what = 'session' AND q = 50
        AND k = day || ',' || device || ',' || country || ',' || subscription),
    (SELECT printf('%.9g', x) FROM pc WHERE what = 'session' AND q = 95
        AND k = day || ',' || device || ',' || country || ',' || subscription)
    FROM sk GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
.once want/device_performance
SELECT device, day, count(DISTINCT user_id), count(*),
    iif(sum(ms >= 0) > 0, printf('%.9g', avg(iif(ms >= 0, ms, NULL))), NULL),
    (SELECT printf('%.9g', x) FROM pc WHERE what = 'event' AND q = 50 AND k = device || ',' || day),
    (SELECT printf('%.9g', x) FROM pc WHERE what = 'event' AND q = 95 AND k = device || ',' || day),
    (SELECT printf('%.9g', x) FROM pc WHERE what = 'event' AND q = 99 AND k = device || ',' || day)
    FROM va GROUP BY 1, 2 ORDER BY 1, 2;
.once want/active_users_by_dimension
SELECT type, period, country, device, subscription, count(DISTINCT user_id), count(*),
    CAST(total(iif(ms >= 0, ms, 0)) AS INT) FROM (
    SELECT 'day' AS type, day AS period, * FROM va UNION ALL SELECT 'month', substr(day, 1, 7), * FROM va
    UNION ALL SELECT 'week', date(day, 'weekday 0', '-6 days'), * FROM va)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5;
.once want/data_quality
SELECT 'test', input, rule, 'warn', records, total, printf('%.9g', records * 1.0 / total) FROM (
    SELECT 'interactions' AS input, 'null_user' AS rule, sum(user_id = '') AS records, count(*) AS total FROM e
    UNION SELECT 'interactions', 'null_time', sum(timestamp = ''), count(*) FROM e
    UNION SELECT 'interactions', 'null_duration', sum(duration_ms = ''), count(*) FROM e
    UNION SELECT 'interactions', 'negative_duration', sum(duration_ms < 0 AND duration_ms <> ''), count(*) FROM
        (SELECT iif(duration_ms = '', '', CAST(duration_ms AS INT)) AS duration_ms FROM e)
    UNION SELECT 'interactions', 'long_duration', sum(CAST(duration_ms AS INT) > 28800000), count(*) FROM e
    UNION SELECT 'interactions', 'unknown_user',
        sum(user_id <> '' AND user_id NOT IN (SELECT user_id FROM a)), count(*) FROM e
    UNION SELECT 'metadata', 'null_user', sum(user_id = ''), count(*) FROM md
    UNION SELECT 'metadata', 'duplicate_user', sum(user_id <> '') - (SELECT count(*) FROM a), count(*) FROM md
    UNION SELECT 'metadata', 'null_join_date', (SELECT sum(join_date = '') FROM a), count(*) FROM md)
    ORDER BY input, rule;
.once want/sessions_per_period
SELECT period_type, period, count(*), count(DISTINCT user_id),
    printf('%.9g', count(*) * 1.0 / count(DISTINCT user_id)) FROM p GROUP BY 1, 2 ORDER BY 1, 2;
.once want/bounce_rates
SELECT day, name, value, count(*), sum(bounce), printf('%.9g', avg(bounce)) FROM (
    SELECT day, 'ALL' AS name, 'ALL' AS value, bounce FROM sk
    UNION ALL SELECT day, 'country', country, bounce FROM sk
    UNION ALL SELECT day, 'device_type', device, bounce FROM sk
    UNION ALL SELECT day, 'subscription_type', subscription, bounce FROM sk)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
.once want/action_distribution
SELECT date(t, 'unixepoch') AS d, coalesce(action_type, '(unknown)') AS a, count(*),
    count(DISTINCT user_id) FROM v GROUP BY d, a ORDER BY d, a;
.once want/session_overview
SELECT metric, printf('%.9g', avg(x)), printf('%.9g', avg(iif(is_bounce = 'true', NULL, x))),
    printf('%.9g', avg(iif(x < lower OR x > upper, NULL, x))), count(*), sum(x < lower OR x > upper),
    printf('%.9g', lower), printf('%.9g', upper) FROM m JOIN f USING (metric) GROUP BY metric ORDER BY metric;
.once want/session_histogram
SELECT substr(metric, 5), b, b * w, iif(b < last, (b + 1) * w, ''), count(*) FROM (
    SELECT metric, w, last, min(x / w, last) AS b FROM (
        SELECT metric, x, iif(metric LIKE '%ms', 60000, 1) AS w, iif(metric LIKE '%ms', 120, 100) AS last
        FROM m)) GROUP BY metric, b ORDER BY 1, b;
SQL
    mkdir want got
    sqlite3 :memory: <reference.sql
}

# Floats of the columns given, to nine digits; no names, no quotes.
rounded() { # COLUMNS FILE
    tail -n +2 "$2" | awk -F, -v OFS=, -v columns="$1" '
        { n = split(columns, c, " "); for (i = 1; i <= n; i++) if ($c[i] != "") $c[i] = sprintf("%.9g", $c[i]) } 1'
}

@test "tables are those that SQLite and Python make of the same files" {
    events_csv >events.csv
    metadata_csv >metadata.csv
    insights out events.csv METADATA=metadata.csv RANGES=3 METADATA_RANGES=2 >/dev/null
    reference
    rounded '' out/tables/sessions.csv >got/sessions
    rounded '5 6' out/tables/session_frequency.csv >got/session_frequency
    rounded '5' out/tables/sessions_per_period.csv >got/sessions_per_period
    rounded '6' out/tables/bounce_rates.csv >got/bounce_rates
    rounded '12 13' out/tables/session_summary.csv >got/session_summary
    rounded '5 6 7 8' out/tables/device_performance.csv >got/device_performance
    rounded '' out/tables/active_users_by_dimension.csv >got/active_users_by_dimension
    rounded '7' out/tables/data_quality.csv >got/data_quality
    rounded '' out/tables/action_distribution.csv >got/action_distribution
    rounded '2 3 4 7 8' out/tables/session_overview.csv >got/session_overview
    rounded '' out/tables/session_histogram.csv >got/session_histogram
    [ "$(wc -l <want/sessions)" -gt 500 ]
    [ "$(grep -c 'unknown' want/session_summary)" -gt 10 ]
    [ "$(grep -cv 'unknown' want/session_summary)" -gt 10 ]
    for t in want/*; do
        sed 's/"//g' "$t" >"$t.plain"
        same "$t.plain" "got/${t#want/}"
    done
    /usr/bin/python3 "$ROOT/tests/oracle/insights_tables.py" events.csv metadata.csv out/tables
}

@test "the same bytes for any number of jobs, parts and ranges, any memory, and compressed input" {
    events_csv >events.csv
    metadata_csv >metadata.csv
    zstd -q events.csv metadata.csv
    export METADATA=metadata.csv
    insights one events.csv JOBS=1 PARTITIONS=1 RANGES=1 >/dev/null
    insights two events.csv JOBS=2 PARTITIONS=3 RANGES=5 METADATA_RANGES=3 MEMORY=16M KEEP=1 >/dev/null
    insights seven events.csv.zst JOBS=7 PARTITIONS=16 METADATA=metadata.csv.zst >/dev/null
    diff -r one/tables two/tables
    diff -r one/tables seven/tables
    is 5 "$(find two/work/map -name manifest.gn | wc -l)"
    is 3 "$(find two/work/sorted -name '*.gn' | wc -l)"
    is 16 "$(find seven/work/sessions -name '*.gn' | wc -l)"
}

@test "a second run does nothing, an option redoes what depends on it, a lost table is made again" {
    small_csv >events.csv
    insights out events.csv KEEP=1 >/dev/null
    mark
    insights out events.csv KEEP=1 >/dev/null
    is "" "$(newer out)"

    rm out/tables/user_stickiness.csv out/tables/sessions.csv
    insights out events.csv KEEP=1 >/dev/null
    is $'tables/sessions.csv\ntables/user_stickiness.csv' "$(newer out)"

    # Another gap: the sorted partitions are read again, days are not counted again.
    mark
    insights out events.csv KEEP=1 GAP=1d >/dev/null
    has "$(newer out)" work/sessions/P.gn
    has "$(newer out)" tables/session_overview.csv
    is "" "$(newer out | grep -E 'index|map|sorted|rollup|actions/' || true)"

    # Other days to report: sessions stay, too.
    mark
    insights out events.csv KEEP=1 GAP=1d FROM=2023-01-02 >/dev/null
    is "2023-01-02,2,2" "$(sed -n 2p out/tables/daily_active_users.csv | cut -d, -f1-3)"
    is "2023-01-02,ALL,ALL,1,1,1" "$(sed -n 2p out/tables/bounce_rates.csv)"
    is "" "$(newer out | grep -E 'index|map|sorted|rollup|actions/|work/sessions/' || true)"

    # And those for which the partitions are needed that this run removes, and the next has not.
    insights out events.csv ACTIVE=engaged >/dev/null
    is "2023-01-01,1,2" "$(sed -n 2p out/tables/daily_active_users.csv | cut -d, -f1-3)"
    insights out events.csv ACTIVE='action_type = "edit"' >/dev/null
    is "2023-01-01,2,2" "$(sed -n 2p out/tables/daily_active_users.csv | cut -d, -f1-3)"

    echo 'u000009,2023-01-01 01:00:00,edit,p000001,5,5.0.0' >>events.csv
    insights out events.csv >/dev/null
    is "2023-01-01,3,4" "$(sed -n 2p out/tables/daily_active_users.csv | cut -d, -f1-3)"
    insights fresh events.csv >/dev/null
    diff -r fresh/tables out/tables
}

@test "enriched events: all columns, with the attributes of their users; no table changes" {
    events_csv >events.csv
    metadata_csv >metadata.csv
    insights out events.csv METADATA=metadata.csv >/dev/null
    mkdir plain
    mv out/tables plain/
    insights out events.csv METADATA=metadata.csv PARTITIONS=3 ENRICHED=1 >/dev/null
    diff -r plain/tables out/tables
    is 3 "$(find out/enriched -name 'part-*.gn' | wc -l)"
    sqlite3 :memory: >want <<'SQL'
CREATE TABLE e(u, t, a, p, d, v);
.import --csv --skip 1 events.csv e
CREATE TABLE m(u, j, c, d, s);
.import --csv --skip 1 metadata.csv m
.mode csv
SELECT e.*, m.j, m.c, m.d, m.s FROM e LEFT JOIN (SELECT * FROM m WHERE u <> '') m USING (u)
    WHERE u NOT IN (SELECT u FROM m WHERE u <> '' GROUP BY u HAVING count(*) > 1);
SQL
    # Users with one row, against SQLite; which of several rows is meant is in the test above.
    gn-cat out/enriched | gn-join --strategy broadcast --type anti -k user_id - \
        <(gn-fromcsv metadata.csv | gn-agg -k user_id -a 'rows = count()' | gn-where 'rows > 1') |
        gn-tocsv --no-header | LC_ALL=C sort >got
    tr -d '"\r' <want | LC_ALL=C sort | same got -
    gn-info out/enriched/part-0001.gn | finds 'placed'
}

@test "other metadata: what holds attributes is made anew, the days of users are not counted again" {
    small_csv >events.csv
    echo 'user_id,join_date,country,device_type,subscription_type' >metadata.csv
    echo 'u000001,2022-01-01,FR,iPad,basic' >>metadata.csv
    insights out events.csv METADATA=metadata.csv KEEP=1 >/dev/null
    has "$(grep ^u000001_1, out/tables/sessions.csv)" ,iPad,FR,basic
    mark
    echo 'u000001,2022-01-02,DE,Mac,free' >>metadata.csv
    insights out events.csv METADATA=metadata.csv KEEP=1 >/dev/null
    has "$(grep ^u000001_1, out/tables/sessions.csv)" ,Mac,DE,free
    has "$(cat out/tables/data_quality.csv)" test,metadata,duplicate_user,warn,1,2,0.5
    is "" "$(newer out | grep -E 'work/index|map|sorted|rollup|actions/' || true)"
    insights fresh events.csv METADATA=metadata.csv >/dev/null
    diff -r fresh/tables out/tables
    # None at all: users without attributes.
    insights out events.csv >/dev/null
    has "$(grep ^u000001_1, out/tables/sessions.csv)" ,true,,,
}

@test "killed anywhere, it goes on and ends in the same bytes" {
    events_csv >events.csv
    begin=${EPOCHREALTIME/./}
    insights want events.csv PARTITIONS=3 RANGES=3 >/dev/null
    took=$(((${EPOCHREALTIME/./} - begin) / 1000))
    for _ in 1 2; do
        # First with another gap: then parts that were consumed are needed again.
        for gap in 10min 30min 30min; do
            OUT=out INTERACTIONS=events.csv PARTITIONS=3 RANGES=3 GAP=$gap setsid \
                "$ROOT/pipelines/insights" >/dev/null 2>&1 3>&- &
            at=$((RANDOM * took / 32768))
            echo "killed after $at of $took ms, gap $gap"
            sleep "$((at / 1000)).$(printf %03d $((at % 1000)))"
            # Every process of the session, as jobs have groups of their own; and those that were
            # started meanwhile.
            for _ in {1..50}; do
                pkill -KILL -s $! || break
                sleep 0.01
            done
            wait $! || true
        done
        insights out events.csv PARTITIONS=3 RANGES=3 >/dev/null
        diff -r want/tables out/tables
        is "" "$(find out/work/map out/work/gone out/work/sorted -type f 2>/dev/null || true)"
        rm -rf out
    done
}

@test "a failing job ends the run with its message and status, and without a table" {
    events_csv >events.csv
    # In the third of four ranges.
    sed -i '3400s/.*/u000001,yesterday,edit,p,1,5.0.0/' events.csv
    ended=0
    insights out events.csv RANGES=4 RETRIES=5 >shown 2>err || ended=$?
    is 3 "$ended"
    is "gn-fromcsv: error: 'data/interactions': line 3400, column 'timestamp': not a time" "$(cat err)"
    is "" "$(cat shown)"
    is "" "$(ls out/tables)"
    [ "$(find out/work/map -name manifest.gn | wc -l)" -lt 4 ]
    # And with the input mended the job goes on.
    sed -i 3400d events.csv
    insights out events.csv RANGES=4 >/dev/null
    is "$tables" "$(cd out/tables && echo * | sed 's/\.csv//g')"
}

@test "a step that ends with status 5 is tried again, RETRIES times" {
    small_csv >events.csv
    # A gn-sort whose disk is full the first FULL times that it is started.
    mkdir full
    cat >full/gn-sort <<'END'
#!/bin/bash
echo x >>"$STARTS"
if [ "$(wc -l <"$STARTS")" -le "$FULL" ]; then exec "$GN_BIN/gn-sort" -o /dev/full "${@: -1}"; fi
exec "$GN_BIN/gn-sort" "$@"
END
    chmod +x full/gn-sort
    export STARTS=$PWD/starts
    run env PATH="$PWD/full:$PATH" FULL=9 JOBS=1 PARTITIONS=1 RETRIES=1 BACKOFF=0 OUT=out \
        INTERACTIONS=events.csv "$ROOT/pipelines/insights"
    is 5 "$status"
    is 2 "$(wc -l <starts)"
    has "${lines[-1]}" "gn-sort: error: "
    : >starts
    run env PATH="$PWD/full:$PATH" FULL=2 JOBS=1 PARTITIONS=1 BACKOFF=0 OUT=out \
        INTERACTIONS=events.csv "$ROOT/pipelines/insights"
    is 0 "$status"
    has "$output" "insights: note: that step runs again in 0 s"
    [ -s out/tables/sessions.csv ]
}

@test "what is not given is planned, and again when the partitions are there" {
    unset PARTITIONS
    events_csv >events.csv
    insights out events.csv KEEP=1 >/dev/null
    gn-plan --make --interactions events.csv | same - out/work/options/planned
    is "$(sed -n 's/^PARTITIONS=//p' out/work/options/planned)" \
        "$(find out/work/sorted -name '*.gn' | wc -l)"
    gn-plan --make --interactions events.csv --manifest out/work/map/1/manifest.gn |
        same - out/work/replanned
    finds '^events .* because the manifest lists' <out/work/log
    # It is for the memory that was given.
    insights out events.csv KEEP=1 MEMORY=64M >/dev/null
    [ ! -e out/work/replanned ]
}

@test "a dry run prints the dataflow and does nothing" {
    small_csv >events.csv
    insights out events.csv >/dev/null
    mark
    OUT=out INTERACTIONS=events.csv JOBS=3 PARTITIONS=5 RANGES=4 MEMORY=600M \
        "$ROOT/pipelines/insights" --dry-run >dag
    is "" "$(find out -newer mark)"
    for part in '# partitions  5, because that was given' '# jobs        3, because that was given' \
        'gn-fromcsv --index=4' 'map: 4 jobs, 3 at a time' '--range {}/4' \
        'gn-partition -m 200M -k user_id -n 5' 'partition: 5 jobs, 3 at a time' \
        'gn-sort -m 200M -k user_id,timestamp -o work/sorted/{}.gn' 'gn-sort -m 66M -k session_id' \
        'gn-dau --merge' 'gn-tocsv -o tables/sessions.csv'; do
        has "$(cat dag)" "$part"
    done
}

@test "the configuration: all variables there, a file of one's own, the environment wins" {
    small_csv >events.csv
    # shellcheck disable=SC2016  # for the job to expand
    printf '%s\n' "INTERACTIONS=$PWD/events.csv" "OUT=$PWD/out" 'FROM=2023-01-02' ': "${TO:=2023-01-02}"' >my.conf
    CONFIG=my.conf TO=2023-01-03 "$ROOT/pipelines/insights" >/dev/null
    is $'2023-01-02,2\n2023-01-03,0' "$(tail -n +2 out/tables/daily_active_users.csv | cut -d, -f1-2)"
    for bad in JOBS=0 PARTITIONS=x RANGES=-1 MEMORY=much FROM=today RETRIES=x BACKOFF=x; do
        run insights out events.csv "$bad"
        is 2 "$status"
        has "$output" "insights: error: ${bad%%=*}: "
    done
    run "$ROOT/pipelines/insights" --nonsense
    is 2 "$status"
}

@test "a home that is not writable, and no word of GNU parallel's" {
    small_csv >events.csv
    insights out events.csv HOME=/nonexistent PARALLEL=--nonsense >/dev/null 2>err
    is "" "$(cat err)"
}

@test "two jobs in one directory: the second says so" {
    small_csv >events.csv
    mkdir -p out/work
    flock out/work/lock sleep 30 3>&- &
    run insights out events.csv
    kill $! || true
    is 5 "$status"
    has "$output" "another insights job is at work"
}

@test "an expression, a zone and a range of days reach the tables" {
    small_csv >events.csv
    insights out events.csv ACTIVE='action_type = "edit"' ZONE=Europe/Berlin FROM=2023-01-01 \
        TO=2023-01-03 >/dev/null
    # 23:59:59 UTC on the first is the second in Berlin.
    is $'2023-01-01,1\n2023-01-02,1\n2023-01-03,0' \
        "$(tail -n +2 out/tables/daily_active_users.csv | cut -d, -f1-2)"
    # The whole is that of these days; power users are of all.
    is $'5.1.0,whole,all,2,3,6250\n6.0.1,whole,all,2,2,300000' \
        "$(grep whole out/tables/performance_by_version.csv | cut -d, -f1-6)"
    is u000001,1,2,312000 "$(tail -n +2 out/tables/power_users.csv | cut -d, -f1-4)"
}

@test "names with blanks and quotes, and a directory tree, work" {
    mkdir "my data" "my users" "my users/country=DE" "tree" "tree/date=2023-01-01"
    small_csv >"my data/the user's \"events\".csv"
    printf 'user_id,join_date,device_type,subscription_type\nu000001,2022-01-01,Mac,free\n' \
        >"my users/country=DE/a.csv"
    insights "my out" "my data/the user's \"events\".csv" METADATA="my users" >/dev/null
    has "$(grep ^u000001_1, "my out/tables/sessions.csv")" ,true,Mac,DE,free
    [ -s "my out/tables/daily_active_users.csv" ]
    printf '%s\n' user_id,timestamp,action_type,page_id,duration_ms,app_version \
        'u1,2023-01-01 00:00:00,edit,p1,1,5.0.0' >"tree/date=2023-01-01/a.csv"
    insights out tree >/dev/null
    is "2023-01-01,1,1,1,1,true" "$(tail -n +2 out/tables/daily_active_users.csv)"
}

@test "bad input leaves no table and one error" {
    printf 'user_id,timestamp,action_type,page_id,duration_ms,app_version\nu1,yesterday,edit,p,1,5.0.0\n' \
        >events.csv
    insights out events.csv 2>err >shown && false
    is "" "$(ls out/tables)"
    is "" "$(find out/work -name '*.gn*' ! -name index.gn ! -name metadata.gn)"
    is 1 "$(grep -c 'gn-.*: error:' err)"
    has "$(cat err)" "gn-fromcsv: error:"
    printf 'user_id,timestamp,action_type,page_id,duration_ms\nu1,2023-01-01 00:00:00,edit,p1,1\n' >events.csv
    run insights out events.csv
    is 3 "$status"
    has "$output" "'app_version'"
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
    small_csv | sed -n 1p >events.csv
    insights out events.csv >/dev/null
    for t in $tables; do
        [ $t = data_quality ] || is 1 "$(wc -l <"out/tables/$t.csv")" "$t"
    done
    is 9 "$(grep -c ',warn,0,0,$' out/tables/data_quality.csv)"
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
