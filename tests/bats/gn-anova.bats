#!/usr/bin/env bats
# gn-anova: tests of events and of users, the table of groups, states, memory, what was planted.

load helper

events() { # CSV text on standard input
    gn-fromcsv --schema user_id:str,device_type:str,duration_ms:int
}

# A user a line: the tests of events and of users see the same values.
handbook() {
    echo user_id,device_type,duration_ms
    local i=0 g v
    for g in 'a 6 8 4 5 3 4' 'b 8 12 9 11 6 8' 'c 13 9 11 8 7 12'; do
        # shellcheck disable=SC2086
        set -- $g
        for v in "${@:2}"; do echo "u$((i++)),$1,$v"; done
    done
}

@test "three groups: sums of squares 84 and 68; ranks with ties" {
    handbook | events | gn-anova --groups g.gn >a.gn
    is "metric,unit,groups,n,excluded,df1,df2,f_statistic,p_value,eta_squared,effect,kruskal_h,kruskal_p
duration_ms,events,3,18,0,2,15,9.264705882352942,0.0023987773293929074,0.5526315789473685,large,9.420684835779173,0.009001694713345469
duration_ms,users,3,18,0,2,15,9.264705882352942,0.0023987773293929074,0.5526315789473685,large,9.420684835779173,0.009001694713345469" "$(gn-tocsv a.gn)"
    is "device_type,users,interactions,interactions_per_user,avg_duration_ms,stddev_duration_ms,p50_duration_ms,p95_duration_ms,p99_duration_ms,min_duration_ms,max_duration_ms,difference_percent
c,6,6,1,10,2.3664319132398464,10,12.75,12.95,7,13,25
b,6,6,1,9,2.1908902300206643,8.5,11.75,11.95,6,12,12.5
a,6,6,1,5,1.7888543819998317,4.5,7.5,7.9,3,8,-37.5" "$(gn-tocsv g.gn)"
    has "$(gn-info g.gn)" "avg_duration_ms descending, device_type"
}

@test "what is left out is counted: of events, and of users" {
    printf '%s\n' user_id,device_type,duration_ms u1,a,5 u1,a,7 u1,a,-3 u1,,9 u2,b,1 u2,b, ,b,2 u3,,4 \
        u4,a,-1 | events >e.gn
    gn-anova --stats=s.json --groups g.gn e.gn | gn-tocsv -f unit,groups,n,excluded,df1,df2 >got
    # u3 has no group and u4 no valid value
    is $'unit,groups,n,excluded,df1,df2\nevents,2,4,5,1,2\nusers,2,2,2,,' "$(cat got)"
    has "$(cat s.json)" '"null_group":2,"null_value":1,"negative_value":2,"null_user":1,"users_in_several_groups":0'
    is "device_type,users,interactions,interactions_per_user,avg_duration_ms
a,2,4,2,6
b,1,3,2,1.5" "$(gn-tocsv -f device_type,users,interactions,interactions_per_user,avg_duration_ms g.gn)"
    is $'n,excluded\n6,3\n3,1' "$(gn-anova --negative e.gn | gn-tocsv -f n,excluded)"
}

@test "nothing to test: null; no events: no records" {
    local fields=unit,df1,f_statistic,p_value,eta_squared,effect,kruskal_h,kruskal_p
    null() { is $'events,1,'"$1"$'\nusers,1,'"$1" "$(events | gn-anova | gn-tocsv --no-header -f $fields)"; }
    printf '%s\n' user_id,device_type,duration_ms u,a,1 u,a,2 u,a,3 | events | gn-anova |
        gn-tocsv --no-header -f $fields >got
    is $'events,,,,,,,\nusers,,,,,,,' "$(cat got)"
    printf '%s\n' user_id,device_type,duration_ms 1,a,7 2,a,7 3,b,7 4,b,7 | null ,,,,,
    # groups that differ, and do not vary
    printf '%s\n' user_id,device_type,duration_ms 1,a,7 2,a,7 3,b,9 4,b,9 |
        null ,,1,large,3,0.0832645166635504
    echo user_id,device_type,duration_ms | events | gn-anova --groups g.gn >a.gn
    is "" "$(records a.gn g.gn)"
}

@test "against exact arithmetic: random events, units, orders, memory, merge trees" {
    local seeds=1-20
    [ -z "${GN_SANITIZED:-}" ] || seeds=1-8
    "$PYTHON" "$ORACLE/anova_diff.py" $seeds
}

@test "beyond the memory it spills: the same bytes, within the cap" {
    gn-gen --rows 150000 --users 100000 |
        gn-select -f 'user_id, device_type = hash(user_id) % 6, duration_ms, f = duration_ms * 0.37' >e.gn
    for how in "" "--value f"; do
        # shellcheck disable=SC2086
        gn-anova -m 1G $how --groups g1.gn --stats=a.json e.gn >a.gn
        # shellcheck disable=SC2086
        gn-anova -m 16M $how --groups g2.gn --stats=b.json e.gn >b.gn
        same <(records a.gn g1.gn) <(records b.gn g2.gn)
        has "$(cat a.json)" '"spill_runs":0,'
        case $(cat b.json) in *'"spill_runs":0,'*) false ;; esac
    done
    gn-anova --partial -m 1G e.gn >a.gn
    gn-anova --partial -m 16M e.gn >b.gn
    same a.gn b.gn
    gn-anova --merge -m 16M a.gn | records >got
    gn-anova e.gn | records | same - got
    status 5 gn-anova -m 16M -T /nonexistent e.gn
    has "$(cat err)" -T
    [ -n "${GN_SANITIZED:-}" ] && return
    # 16 MiB for the state, 8 for the rest, and the program itself
    ( ulimit -v 60000 && gn-anova -m 16M --value f --groups /dev/null e.gn >/dev/null )
}

@test "groups that do not fit: 5, and -m is named" {
    gn-gen --rows 150000 --users 140000 | gn-select -f 'user_id, duration_ms' >e.gn
    status 5 gn-anova -m 16M -g user_id e.gn
    has "$(cat err)" -m
    gn-anova -m 256M -g user_id e.gn | gn-tocsv -f unit,groups >got
    is 1 "$(grep -c users, got)"
}

@test "states: parts once, all of them, of one kind" {
    local event='user_id, device_type = action_type, duration_ms'
    gn-gen --rows 900 --users 50 | gn-select -f "$event" -o e.gn
    gn-gen --rows 900 --users 50 --range 0:300 | gn-select -f "$event" | gn-anova --partial -o 1.gn
    gn-gen --rows 900 --users 50 --range 300:900 | gn-select -f "$event" | gn-anova --partial -o 2.gn
    gn-anova --merge 2.gn 1.gn | records >got
    gn-anova e.gn | records | same - got
    status 3 gn-anova --merge 1.gn 1.gn
    status 3 gn-anova --merge 1.gn
    status 0 gn-anova --merge --allow-partial 1.gn
    gn-anova --partial --unit events e.gn -o v.gn
    status 3 gn-anova --merge 1.gn v.gn
    has "$(cat err)" "made with other options"
    status 3 gn-anova --merge --groups g.gn v.gn
    has "$(cat err)" "--unit both"
    status 3 gn-anova 1.gn
    has "$(cat err)" "use --merge"
    status 3 gn-anova --merge e.gn
    status 2 gn-anova --merge -g x 1.gn
    status 2 gn-anova --partial --groups g.gn e.gn
    # any field names
    gn-select -f '`a =:%b` = device_type, duration_ms, user_id' e.gn |
        gn-anova -g 'a =:%b' --partial -o odd.gn
    gn-anova --merge --groups g.gn odd.gn | records | same - got
    has "$(gn-tocsv g.gn)" 'a =:%b,users'
}

@test "states that no events have: 4" {
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
fields = [("part", "int"), ("group", "str"), ("value", "int"), ("user", "str"), ("count", "int"), ("sum", "bin")]
header = {"!partial": {"command": "gn-anova", "state": "values", "params": "group=g:str value=v:int user=u:str unit=both negative=drop"}}
good = [(0, None, None, None, 2, bytes(32)), (1, "a", None, None, 2, None), (2, "a", 5, None, 2, None),
        (3, "a", None, "u", 2, (2).to_bytes(8, "big") + (10).to_bytes(16, "big"))]
bad = [(0, "a", None, None, 2, bytes(32)), (0, None, None, None, 2, bytes(31)), (0, None, None, None, 0, bytes(32)),
       (0, None, None, None, 2, b"\xff" * 32), (1, "a", None, "u", 2, None), (1, "a", None, None, -2, None),
       (2, None, 5, None, 2, None), (2, "a", None, None, 2, None), (2, "a", 5, None, None, None),
       (2, "a", 5, None, 3, None), (2, "a", 5, None, 2**63 - 1, None), (3, "a", None, None, 2, bytes(24)),
       (3, "a", None, "u", 2, bytes(23)), (3, "a", None, "u", 2, b"\xff" * 24), (3, "a", None, "u", 2, bytes(4000)),
       (3, "a", None, "u", 2, (1).to_bytes(8, "big") + (2**64).to_bytes(16, "big")), (4, "a", None, None, 1, None),
       (None, "a", None, None, 1, None), (-1, "a", None, None, 1, None)]
open("good.gn", "wb").write(gnstream.build(fields, good, header))
for i, r in enumerate(bad):
    open("bad%02d.gn" % i, "wb").write(gnstream.build(fields, good + [r], header))
for i, p in enumerate(["", "group=g:str", "group=g:str value=v:str user=u:str unit=both negative=drop",
                       "group=%zz:str value=v:int user=u:str unit=both negative=drop",
                       "group=g:str value=v:int unit=both negative=drop"]):
    open("odd%d.gn" % i, "wb").write(gnstream.build(fields, good, {"!partial": {"command": "gn-anova", "state": "values", "params": p}}))
END
    status 0 gn-anova --merge good.gn
    mv bad10.gn many.gn
    status 3 gn-anova --merge many.gn
    for f in bad*.gn; do status 4 gn-anova --merge "$f" || { echo "$f"; false; }; done
    for f in odd*.gn; do status 3 gn-anova --merge "$f" || { echo "$f"; false; }; done
}

# found METADATA EVENTS: is there a difference between the devices of users?
found() {
    gn-join -k user_id --right-dup last --right-order join_date --right-fields device_type "$2" "$1" |
        gn-anova --groups g.gn | gn-select -f 'unit, found = kruskal_p < 0.001' | gn-where 'unit = "users"' |
        gn-tocsv --no-header -f found
}

@test "the slow device of the realistic model is found where it was planted, and not elsewhere" {
    for seed in 1 2; do
        gn-gen --model realistic --rows 60000 --users 12000 --seed $seed --effects f.json -o e.gn
        gn-gen --model realistic --table metadata --rows 13200 --users 12000 --seed $seed -o m.gn
        slow=$("$PYTHON" -c 'import json
print([f["parameters"]["device_type"] for f in json.load(open("f.json"))["effects"] if f["name"] == "slow_device"][0])')
        is true "$(found m.gn e.gn)"
        is "$slow" "$(gn-sort -k p50_duration_ms:desc g.gn | gn-head -n 1 | gn-tocsv --no-header -f device_type)"
        # without the durations above 8 hours by the average as well
        gn-where 'duration_ms <= 8h' e.gn >short.gn
        is true "$(found m.gn short.gn)"
        is "$slow" "$(gn-head -n 1 g.gn | gn-tocsv --no-header -f device_type)"
        # devices that are somebody else's
        gn-gen --model realistic --table metadata --rows 13200 --users 12000 --seed $((seed + 5000)) -o m.gn
        is false "$(found m.gn e.gn)"
    done
}
