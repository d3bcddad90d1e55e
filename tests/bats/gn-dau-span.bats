#!/usr/bin/env bats
# gn-dau --span and --tz-field: edges worked out by hand. dau_diff.py has both on random data.
# shellcheck disable=SC2015,SC2030,SC2031

load helper

# events LINE...: a stream of "user,time,duration[,zone]".
events() {
    { echo 'user_id,timestamp,duration_ms,zone'
        printf '%s\n' "$@" | awk -F, '{ print $1 "," $2 "," $3 "," $4 }'; } |
        gn-fromcsv --schema user_id:str,timestamp:time,duration_ms:int,zone:str -
}

# dau ARGS...: "date,dau,interactions,total" of the days with users or interactions.
dau() {
    gn-dau "$@" | gn-tocsv --no-header -f date,dau,total_interactions,total_duration_ms |
        grep -v ',0,0,0$'
}

@test "--span: a user is there on every day that an event lasts into; counts stay where it begins" {
    events 'a,2023-05-01 23:00:00,7200000' 'b,2023-05-04 00:00:00,1' >e.gn
    is "2023-05-01,1,1,7200000
2023-05-02,1,0,0
2023-05-04,1,1,1" "$(dau --span e.gn)"
    is "2023-05-01,1,1,7200000
2023-05-04,1,1,1" "$(dau e.gn)"
    is "2023-05,2,2,7200001,0.75" \
        "$(gn-dau --span --by month e.gn | gn-tocsv --no-header -f month,mau,total_interactions,total_duration_ms,mean_dau)"
    # And in look-backs.
    is "2023-05-31,2
2023-06-01,1" "$(gn-dau --span --by rolling --from 2023-05-31 --to 2023-06-01 e.gn | gn-tocsv --no-header -f date,mau_30d)"
    is "2023-05-31,1" "$(gn-dau --by rolling --from 2023-05-31 --to 2023-05-31 e.gn | gn-tocsv --no-header -f date,mau_30d)"
}

@test "--span: to midnight is not into the day; a millisecond more is" {
    for ms in 0 1 3599999 3600000; do
        events "a,2023-05-01 23:00:00,$ms" >e.gn
        is "2023-05-02,0" "$(gn-dau --span --from 2023-05-02 --to 2023-05-02 e.gn | gn-tocsv --no-header -f date,dau)" $ms
    done
    events "a,2023-05-01 23:00:00,3600001" >e.gn
    is "2023-05-02,1" "$(gn-dau --span --from 2023-05-02 --to 2023-05-02 e.gn | gn-tocsv --no-header -f date,dau)"
    # To the microsecond.
    events "a,2023-05-01 23:00:00.000001,3600000" >e.gn
    is "2023-05-02,1" "$(gn-dau --span --from 2023-05-02 --to 2023-05-02 e.gn | gn-tocsv --no-header -f date,dau)"
}

@test "--span: null and negative are moments; the covered days are those of the beginnings" {
    events 'a,2023-05-01 23:00:00,' 'b,2023-05-01 23:00:00,-86400000' 'c,2023-05-01 23:00:00,86400000' >e.gn
    is "2023-05-01,3,3,86400000" "$(dau --span e.gn)"
    is "2023-05-02,1,0,0" "$(dau --span --from 2023-05-02 --to 2023-05-02 e.gn)"
    is "2023-05-01" "$(gn-dau --span --last 1d e.gn | gn-tocsv --no-header -f date)"
    # The same by way of states, of which one has a day that is only touched.
    for a in '' --approx; do
        # shellcheck disable=SC2086
        gn-dau --span --partial $a -o e.p e.gn
        # shellcheck disable=SC2086
        is "2023-05-01,3,3,86400000" "$(dau --merge $a e.p)"
        # shellcheck disable=SC2086
        is "2023-05-02,1,0,0" "$(dau --merge $a --from 2023-05-02 --to 2023-05-02 e.p)"
    done
}

@test "--span: beyond 30 days is 30 days, and counted" {
    events 'a,2023-05-01 00:00:00,9223372036854775807' 'b,2023-05-01 00:00:00,2592000000' \
        'c,2023-05-01 00:00:00,2592000001' 'd,2023-08-01 00:00:00,1' >e.gn
    is "2023-05-30,3,0
2023-05-31,0,0" "$(gn-dau --span --stats=stats.json --from 2023-05-30 --to 2023-05-31 --value duration_ms e.gn |
        gn-tocsv --no-header -f date,dau,total_interactions)"
    has "$(tr -d ' ' <stats.json)" '"cut_span":2'
    # The last day there is ends it.
    events 'a,9999-12-31 12:00:00,9223372036854775807' >e.gn
    is "9999-12-31,1" "$(gn-dau --span e.gn | gn-tocsv --no-header -f date,dau)"
    for z in America/New_York Asia/Tokyo; do
        events 'a,9999-12-30 12:00:00,9223372036854775807' >e.gn
        is "9999-12-31,1" "$(gn-dau --span --tz $z --from 9999-12-31 --to 9999-12-31 e.gn | gn-tocsv --no-header -f date,dau)"
    done
}

@test "--span: only events that qualify; a touched day may have others that do not" {
    events 'a,2023-05-01 22:00:00,10800000' 'a,2023-05-02 12:00:00,5' 'b,2023-05-02 23:59:59,5000' >e.gn
    is "2023-05-01,1,1,10800000
2023-05-02,1,0,0" "$(dau --span --active engaged e.gn)"
    gn-dau --span --active engaged --partial -o e.p e.gn
    is '{"user_id": "a", "date": "2023-05-01", "events": 1, "interactions": 1, "touches": 0, "total_duration_ms": "00000000000000000000000000a4cb80"}
{"user_id": "a", "date": "2023-05-02", "events": 1, "interactions": 0, "touches": 1, "total_duration_ms": "00000000000000000000000000000000"}
{"user_id": "b", "date": "2023-05-02", "events": 1, "interactions": 0, "touches": 0, "total_duration_ms": "00000000000000000000000000000000"}' \
        "$(records e.p)"
    is "2023-05-01,1,1,10800000
2023-05-02,1,0,0" "$(dau --merge e.p)"
}

@test "--span: days of 23 and 25 hours, a day that never was, a midnight that comes twice" {
    # Berlin: 26 March has 23 hours, 29 October 25.
    events 'a,2023-03-25 22:59:59,1001' 'b,2023-03-25 23:00:00,82800000' 'c,2023-03-25 23:00:00,82800001' \
        'd,2023-10-28 22:00:00,90000000' 'e,2023-10-28 22:00:00,90000001' >e.gn
    is "2023-03-25,1
2023-03-26,3
2023-03-27,1
2023-10-29,2
2023-10-30,1" "$(gn-dau --span --tz Europe/Berlin --to 2023-10-30 e.gn | gn-tocsv --no-header -f date,dau | grep -v ',0$')"
    # Samoa had no 30 December 2011: two hours over where it would have been.
    events 'a,2011-12-30 09:00:00,7200000' >e.gn
    is "2011-12-29,1
2011-12-31,1" "$(gn-dau --span --tz Pacific/Apia --to 2012-01-02 e.gn | gn-tocsv --no-header -f date,dau | grep -v ',0$')"
    # St John's, 7 November 2010: at 00:01 the clocks went back to 23:01 of the 6th. Ten minutes from
    # 23:59 end on the 6th, and touch the 7th; two hours touch it twice, and count once.
    events 'a,2010-11-07 02:29:00,600000' 'b,2010-11-07 02:29:00,7200000' >e.gn
    gn-dau --span --tz America/St_Johns --partial -o e.p e.gn
    is "a 2010-11-06 1 0
a 2010-11-07 0 1
b 2010-11-06 1 0
b 2010-11-07 0 1" "$(gn-tocsv --no-header -f user_id,date,events,touches e.p | tr , ' ')"
    # From within that minute, back into the 6th.
    events 'a,2010-11-07 02:30:30,60000' >e.gn
    is "2010-11-06 0 1
2010-11-07 1 0" "$(gn-dau --span --tz America/St_Johns --partial e.gn | gn-tocsv --no-header -f date,events,touches | tr , ' ')"
}

@test "--span wants durations and times" {
    gn-fromcsv --schema user_id:str,timestamp:time,n:int,zone:str --no-header - <<<'a,2023-05-01 22:00:00,1,' >n.gn
    status 3 gn-dau --span n.gn
    has "$(cat err)" "--value"
    gn-dau --span --value n n.gn >/dev/null
    gn-fromcsv --schema user_id:str,timestamp:date,duration_ms:int --no-header - <<<'a,2023-05-01,1' >d.gn
    status 3 gn-dau --span d.gn
    has "$(cat err)" "times"
}

@test "--tz-field: the day is that of the record's zone; where it has none, of --tz" {
    events 'a,2023-05-01 23:30:00,1,Europe/Berlin' 'b,2023-05-01 23:30:00,1,America/New_York' \
        'c,2023-05-01 23:30:00,1,' 'd,2023-05-01 23:30:00,1,+00:30' 'e,2023-05-01 23:30:00,1,"x"' \
        'f,2023-05-01 23:30:00,1,../../../etc/passwd' 'g,,1,nosuch' >e.gn
    gn-dau --tz-field zone --stats=stats.json -o out.gn e.gn 2>note
    is "2023-05-01,4
2023-05-02,2" "$(gn-tocsv --no-header -f date,dau out.gn)"
    has "$(cat note)" "gn-dau: note: 2 events"
    has "$(tr -d ' ' <stats.json)" '"null_zone":1,"unknown_zone":2'
    is "2023-05-01,1
2023-05-02,5" "$(gn-dau -q --tz-field zone --tz Asia/Tokyo e.gn | gn-tocsv --no-header -f date,dau)"
    status 3 gn-dau --tz-field nosuch e.gn
    status 3 gn-dau --tz-field duration_ms e.gn
    # An event lasts into the day of its own zone.
    events 'a,2023-05-01 21:00:00,3600001,Europe/Berlin' 'a,2023-05-01 21:00:00,3600001,Z' 'b,2023-05-02 12:00:00,,' >e.gn
    is "2023-05-01,1
2023-05-02,2" "$(gn-dau --span --tz-field zone e.gn | gn-tocsv --no-header -f date,dau)"
}

@test "--tz-field: more names than are kept, known and unknown; long ones; little memory" {
    awk 'BEGIN {
        print "user_id,timestamp,duration_ms,zone"
        for (i = 0; i < 6000; i++)
            printf "u%d,2023-05-01 12:00:00,1,%s%02d:%02d\n", i, i % 2 ? "-" : "+", i / 2 % 24, i / 48 % 60
        for (i = 0; i < 3000; i++) printf "v%d,2023-05-01 12:00:00,1,no/such%d\n", i, i
        printf "w,2023-05-01 12:00:00,1,%01000d\n", 0 }' >z.csv
    gn-fromcsv --schema user_id:str,timestamp:time,duration_ms:int,zone:str -o z.gn z.csv
    gn-dau -q -m 32M --tz-field zone --stats=stats.json z.gn | gn-tocsv --no-header -f date,dau >got
    has "$(tr -d ' ' <stats.json)" '"unknown_zone":3001'
    awk -F, 'NR > 1 && /^u/ { s = substr($4, 1, 1) "1"; m = s * (substr($4, 2, 2) * 60 + substr($4, 5, 2)) + 720
        n[m < 0 ? "2023-04-30" : m < 1440 ? "2023-05-01" : "2023-05-02"]++ }
        END { n["2023-05-01"] += 3001; for (d in n) print d "," n[d] }' z.csv | sort >want
    same want got
}

@test "--span and --tz-field are part of what a state was made with" {
    events 'a,2023-05-01 23:30:00,3600000,Asia/Tokyo' >a.gn
    events 'b,2023-05-01 23:30:00,3600000,Asia/Tokyo' >b.gn
    for x in '' --approx; do
        # shellcheck disable=SC2086
        {
            gn-dau --partial $x -o plain.p a.gn
            gn-dau --partial $x --span -o span.p b.gn
            gn-dau --partial $x --tz-field zone -o zone.p b.gn
            gn-dau --partial $x --span --tz-field zone -o both.p b.gn
            for p in span zone both; do
                status 3 gn-dau --merge $x plain.p $p.p
                has "$(cat err)" "other options"
                status 3 gn-dau --merge $x $p.p plain.p
                status 0 gn-dau --merge $x $p.p
            done
            status 3 gn-dau --merge $x span.p both.p
            status 3 gn-dau --merge $x --span plain.p
            status 0 gn-dau --merge $x --span span.p
            status 3 gn-dau --merge $x --span both.p
            status 0 gn-dau --merge $x --span --tz-field zone both.p
            status 3 gn-dau --merge $x --tz-field other zone.p
        }
    done
}
