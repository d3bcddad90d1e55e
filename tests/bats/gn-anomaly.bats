#!/usr/bin/env bats
# gn-anomaly: the three rules against their definitions, what was planted, states, memory.

load helper

@test "against plain Python: all rules, thresholds, zones, order, states" {
    "$PYTHON" "$ORACLE/anomaly_diff.py" --bin "$GN_BIN" "$(seeds 1-12)" 65
}

@test "what gn-gen planted is found with the default options, and not where it was taken out" {
    "$PYTHON" "$ORACLE/anomaly_planted.py" --bin "$GN_BIN" --rows 300000 7
}

# events N TIME [USER]: that many events at the time, one a second.
events() {
    "$PYTHON" - "$@" <<'END'
import datetime, sys
n, at, user = int(sys.argv[1]), datetime.datetime.fromisoformat(sys.argv[2]), (sys.argv[3:] or ["u1"])[0]
for i in range(n):
    print("%s,%s,%d,5.0.0" % (user, at + datetime.timedelta(seconds=i), 1000))
END
}

header=user_id,timestamp,duration_ms,app_version

load_csv() {
    gn-fromcsv --schema user_id:str,timestamp:time,duration_ms:int,app_version:str
}

@test "temporal: exactly half as many again is none; 30 in either hour; silence; no week before" {
    { echo $header
        events 1 '2023-01-01 00:00:00'
        events 40 '2023-01-02 10:00:00' && events 60 '2023-01-09 10:00:00'  # + 50 %: none
        events 40 '2023-01-02 11:00:00' && events 61 '2023-01-09 11:00:00'
        events 29 '2023-01-02 12:00:00'                                     # then 0, but 29 < 30
        events 30 '2023-01-02 13:00:00'                                     # then 0
        events 30 '2023-01-09 14:00:00'                                     # before 0
        events 500 '2023-01-07 23:00:00'                                    # no week before
        events 1 '2023-01-09 15:00:00'; } | load_csv >in.gn
    gn-anomaly --rule temporal in.gn | gn-tocsv -f at,metric_value,expected_value,score,severity >got
    is "at,metric_value,expected_value,score,severity
2023-01-09 11:00:00,61,40,0.525,low
2023-01-09 13:00:00,0,30,1,critical
2023-01-09 14:00:00,30,0,,critical" "$(cat got)"
    gn-anomaly --rule temporal in.gn | gn-tocsv -f description --no-header >got
    is '"events in the hour: 61 seen, 40 expected, as 168 hours before: 1.52 times as many"' \
        "$(sed -n 1p got)"
    gn-anomaly --rule temporal --hourly h.gn in.gn >/dev/null
    is $'2023-01-09 13:00:00,0,0,,,30\n2023-01-09 14:00:00,30,1,1000,0,0' \
        "$(gn-tocsv --no-header h.gn | grep '2023-01-09 1[34]')"
    is 208 "$(gn-tocsv --no-header h.gn | wc -l)"
}

@test "temporal: hours are hours of absolute time, whatever the clocks of --tz do" {
    # Berlin set its clocks on in the night to 2023-03-26: 10:00 UTC is 11:00 before, 12:00 after.
    { echo $header
        events 50 '2023-03-20 10:00:00' && events 50 '2023-03-27 10:00:00'; } | load_csv >in.gn
    is 0 "$(gn-anomaly --rule temporal --tz Europe/Berlin in.gn | gn-tocsv --no-header | wc -l)"
}

@test "statistical: groups of 10 and 11, zero spread, the sign, one ordinal more for each" {
    { echo $header
        for v in 10 11; do
            for i in $(seq $((v - 1))); do echo "u1,2023-01-01 00:00:00,1000,5.0.$v"; done
            echo "u1,2023-01-01 00:00:00,9000,5.0.$v"
        done
        for i in $(seq 12); do echo "u1,2023-01-01 00:00:00,1000,7"; done
        for i in $(seq 40); do echo "u2,2023-01-02 00:00:00,50$((i % 3)),8"; done
        echo "u2,2023-01-02 00:00:00,900,8"
        echo "u2,2023-01-02 00:00:00,900,8"; } | load_csv >in.gn
    gn-anomaly --rule statistical --stats=s in.gn >a.gn
    is "entity,ordinal,app_version,metric_value,severity
u1,1,5.0.11,9000,medium
u2,1,8,900,medium
u2,2,8,900,medium" "$(gn-tocsv -f entity,ordinal,app_version,metric_value,severity a.gn)"
    finds '"groups_too_small":1,"groups_without_spread":1' <s
    finds 'mean of 11 values with app_version = 5.0.11, date = 2023-01-01: z = 3.02' <<<"$(gn-tocsv a.gn)"
    # With most of the values equal, the median deviation is 0, and there is no anomaly.
    gn-anomaly --rule statistical --robust in.gn | gn-tocsv -f app_version --no-header >robust
    is $'8\n8' "$(cat robust)"
    gn-anomaly --rule statistical --z 2 --min-group 10 in.gn | gn-tocsv -f app_version | finds '5\.0\.10'
}

@test "--top: of each group, and the counts of all in the baseline" {
    gn-gen --model realistic --rows 20000 --users 2000 >in.gn
    gn-anomaly --rule statistical --group 'v = major(app_version)' --top 2 --baseline b.gn --stats=s in.gn |
        gn-agg -k 'v = major(app_version)' -a 'n = count()' | gn-tocsv >top
    is $'v,n\n5,2\n6,2\n7,2' "$(cat top)"
    gn-anomaly --rule statistical --group 'v = major(app_version)' in.gn |
        gn-agg -k 'v = major(app_version)' -a 'n = count()' | gn-tocsv >all
    same all <(gn-tocsv -f v,anomalies b.gn | sed 1s/anomalies/n/)
    finds '"statistical_listed":6' <s
}

@test "behavioural: 10 times the mean is none, 20 events, 3 active days in 30" {
    { echo $header
        for d in 01 03 05; do
            events 2 "2023-01-$d 10:00:00" at && events 2 "2023-01-$d 10:00:00" above
            events 1 "2023-01-$d 10:00:00" few && events 1 "2023-01-$d 10:00:00" "twenty"
        done
        events 1 '2023-01-03 10:00:00' two && events 1 '2023-01-05 10:00:00' two
        events 20 '2023-01-06 10:00:00' at && events 21 '2023-01-06 10:00:00' above
        events 19 '2023-01-06 10:00:00' few && events 20 '2023-01-06 10:00:00' twenty
        events 90 '2023-01-06 10:00:00' two
        # 30 days back and no more: the 1st is out of reach of 1 February.
        events 60 '2023-02-01 10:00:00' twenty; } | load_csv >in.gn
    gn-anomaly --rule behavioural in.gn | gn-tocsv -f entity,at,score,baseline_n,severity >got
    is "entity,at,score,baseline_n,severity
above,2023-01-06 00:00:00,10.5,3,medium
twenty,2023-01-06 00:00:00,20,3,medium" "$(cat got)"
    for how in "in.gn" "--hash in.gn"; do
        # shellcheck disable=SC2086
        gn-anomaly --rule behavioural $how | gn-tocsv -f entity,at,score,baseline_n,severity | same got -
    done
    gn-sort -k user_id,timestamp in.gn >sorted.gn
    gn-anomaly --rule behavioural --stats=s sorted.gn | gn-tocsv -f entity,at,score,baseline_n,severity | same got -
    gn-dau --partial in.gn | gn-anomaly --rule behavioural | gn-tocsv -f entity,at,score,baseline_n,severity | same got -
}

@test "order that a header only claims: 3" {
    { echo $header; events 3 '2023-01-02 00:00:00'; events 3 '2023-01-01 00:00:00'; } | load_csv |
        gn-tocsv >x.csv
    "$PYTHON" - >false.gn <<END
import sys
sys.path.insert(0, "$ORACLE")
import gnstream
f = [("user_id", "str"), ("timestamp", "time"), ("duration_ms", "int")]
sys.stdout.buffer.write(gnstream.build(f, [("u1", 5, 1), ("u1", 4, 1)],
    {"order": [["user_id", "asc"], ["timestamp", "asc"]]}))
END
    status 3 gn-anomaly --rule behavioural false.gn
    finds 'give --hash' <err
    status 0 gn-anomaly --rule behavioural --hash false.gn
}

@test "memory: 16 MiB gives the same bytes" {
    gn-gen --model realistic --rows 250000 --users 250000 --top-share 0.1 >in.gn
    for o in "" "--rule statistical --group user_id --min-group 2 --z 1"; do
        # shellcheck disable=SC2086
        gn-anomaly $o -m 1G --stats=s1 in.gn >a.gn
        # shellcheck disable=SC2086
        gn-anomaly $o -m 16M --stats=s2 in.gn >b.gn
        same a.gn b.gn
        finds '"spill_runs":[1-9]' <s2
    done
    # So many groups that they are joined with the events on disk, beside the other rules.
    gn-gen --rows 150000 >even.gn
    gn-anomaly -m 16M --min-group 2 --z 0.5 --baseline b1.gn --stats=s even.gn >a.gn
    gn-anomaly -m 1G --min-group 2 --z 0.5 --baseline b2.gn even.gn >b.gn
    same a.gn b.gn
    same b1.gn b2.gn
    gn-anomaly -m 16M --min-group 2 --z 0.5 --use-baseline b1.gn <even.gn >b.gn
    same <(gn-tocsv a.gn) <(gn-tocsv b.gn) # the provenance tells that the baseline was given
    gn-anomaly -m 16M --hourly h.gn in.gn >/dev/null
    gn-anomaly -m 1G --hourly g.gn in.gn >/dev/null
    same g.gn h.gn
}

@test "other names, an int user, no dimension, an event's date" {
    { echo id,day,ms
        for i in $(seq 20); do echo "7,2023-01-01,$((500 + i % 2))"; done
        echo "7,2023-01-01,9000"; } | gn-fromcsv --schema id:int,day:date,ms:int >in.gn
    gn-anomaly --rule statistical,behavioural --user id --time day --value ms --dimension ms in.gn >a.gn
    gn-anomaly --rule statistical --user id --time day --value ms in.gn >a.gn
    is "rule,entity,at,ordinal,entity_type,id,app_version,metric_name,metric_value" \
        "$(gn-tocsv a.gn | sed -n 1p | cut -d, -f1-9)"
    is "statistical,7,2023-01-01 00:00:00,1,event,7,,ms,9000" "$(gn-tocsv --no-header a.gn | cut -d, -f1-9)"
    status 3 gn-anomaly --rule temporal --user id --time day --value ms in.gn
}

@test "states and roll-ups of something else are refused" {
    gn-gen --rows 2000 >in.gn
    gn-anomaly --rule temporal --partial in.gn >t.gn
    gn-anomaly --rule statistical --partial in.gn >z.gn
    gn-dau --partial in.gn >d.gn
    status 3 gn-anomaly --rule temporal --merge z.gn
    status 3 gn-anomaly --rule statistical --merge t.gn
    status 3 gn-anomaly --rule statistical --robust --merge z.gn
    status 3 gn-anomaly --rule temporal --merge --hourly h.gn t.gn
    finds -- --activity <err
    status 3 gn-anomaly --rule temporal --merge t.gn t.gn
    status 3 gn-anomaly t.gn
    status 3 gn-anomaly d.gn
    status 3 gn-anomaly --rule behavioural t.gn
    status 3 gn-anomaly --rule behavioural in.gn d.gn
    status 3 gn-anomaly --rule behavioural --tz Europe/Berlin d.gn
    status 3 gn-anomaly --rule behavioural d.gn d.gn
    gn-gen --rows 2000 --range 0:900 | gn-anomaly --rule temporal --partial >half.gn
    status 3 gn-anomaly --rule temporal --merge half.gn
    status 0 gn-anomaly --rule temporal --merge --allow-partial half.gn
}

@test "states of hours that no calendar has are refused" {
    gn-gen --rows 100 | gn-anomaly --rule temporal --partial >t.gn
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
s = gnstream.parse(open("t.gn", "rb").read())[0]
head = {k: v for k, v in s.header.items() if k not in ("gn", "canon", "fields")}
trailer = {k: v for k, v in s.trailer.items() if k not in ("end", "xxh3")}
for hour in -(1 << 63), -17259889, 70389528, (1 << 63) - 1:
    rows = sorted([(hour,) + s.records[0][1:], *s.records[1:]])
    fields = [tuple(f) for f in s.fields]
    open("h%d.gn" % hour, "wb").write(gnstream.build(fields, rows, head, trailer))
END
    for hour in -9223372036854775808 -17259889 70389528 9223372036854775807; do
        status 4 timeout -k 1 60 gn-anomaly --rule temporal --merge "h$hour.gn"
        has "$(cat err)" "years 0001 to 9999"
    done
}

@test "a baseline of one month, used on another" {
    gn-gen --model realistic --rows 20000 --users 2000 >in.gn
    gn-where 'timestamp < 2023-06-01' in.gn | gn-anomaly --rule statistical --group action_type --baseline b.gn >/dev/null
    gn-where 'timestamp >= 2023-06-01' in.gn >later.gn
    gn-anomaly --rule statistical --group action_type --use-baseline b.gn --stats=s later.gn >a.gn
    finds '"spooled_bytes":0' <s
    gn-anomaly --rule statistical --group action_type --use-baseline b.gn <later.gn | same a.gn -
    [ "$(gn-tocsv --no-header a.gn | wc -l)" -gt 10 ]
    status 3 gn-anomaly --rule statistical --group user_id --use-baseline b.gn later.gn
    status 3 gn-anomaly --rule statistical --robust --group action_type --use-baseline b.gn later.gn
}

@test "usage" {
    gn-gen --rows 10 >in.gn
    for o in "--rule nosuch" "--rule temporal," "--z x" "--z -1" "--change x" "--factor x" "--lag 90min" "--lag 0" \
        "--min-days 31" "--days 0" "--severity-temporal 1,2" "--severity-temporal 3,2,1" \
        "--severity-temporal 1,2,3,4" "--group user_id --global" "--rule temporal --top 3" \
        "--rule statistical --hourly h" "--partial" "--rule behavioural --partial" \
        "--rule statistical --partial --top 3" "--rule temporal --partial --hourly h" \
        "--rule statistical --merge --global" "--activity" "--rule temporal --activity" "--group ("; do
        # shellcheck disable=SC2086
        status 2 gn-anomaly $o in.gn
    done
    gn-anomaly --severity-statistical 0,0.1,1 --z 0 --global --rule statistical --min-group 2 in.gn |
        gn-tocsv -f severity | finds critical
}

@test "a date that begins before the year 1 in UTC is refused" {
    { echo user_id,timestamp,duration_ms && seq -f 'u%g,0001-01-01,5' 30 && echo u99,0001-01-01,900; } |
        gn-fromcsv --schema user_id:str,timestamp:date,duration_ms:int >in.gn
    printf '%s\n' u1,0001-01-01,4 | gn-fromcsv --schema user_id:str,timestamp:date,duration_ms:int \
        --no-header >>in.gn
    status 3 gn-anomaly --rule statistical --global --dimension user_id --tz Asia/Tokyo in.gn
    finds "years 0001 to 9999" <err
    status 0 gn-anomaly --rule statistical --global --dimension duration_ms in.gn
}
