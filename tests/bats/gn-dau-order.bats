#!/usr/bin/env bats
# gn-dau where the order of the input counts: the rules that look back (core, session), and events
# that are counted one user at a time. dau_diff.py has all of it on random data.
# shellcheck disable=SC2015,SC2030,SC2031

load helper

# events: lines of "user time action" as a stream ordered by user and time; durations are 1 s.
events() {
    { echo user_id,timestamp,action_type,page_id,duration_ms,app_version
        awk '{ print $1 "," $2 " " $3 "," $4 ",p,1000,1.0.0" }'; } | gn-fromcsv - |
        "$PYTHON" "$ORACLE/ordered.py" user_id,timestamp
}

# days ARGS...: date, dau, total_interactions, complete.
days() {
    gn-dau "$@" | gn-tocsv --no-header -f date,dau,total_interactions,complete
}

@test "core: two core events on the seven days that end with the day, all events in the figures" {
    events >a.gn <<'END'
a 2023-07-01 23:59:59 edit
a 2023-07-07 00:00:00 create
a 2023-07-09 10:00:00 share
b 2023-07-01 00:00:00 edit
b 2023-07-08 00:00:00 edit
c 2023-07-03 00:00:00 page_view
c 2023-07-03 00:00:00 edit
END
    is "2023-07-01,0,2,false
2023-07-02,0,0,false
2023-07-03,0,2,false
2023-07-04,0,0,false
2023-07-05,0,0,false
2023-07-06,0,0,false
2023-07-07,1,1,true
2023-07-08,0,1,true
2023-07-09,0,1,true" "$(days --active core a.gn)"
    # With another day b's first event is within reach of the second.
    is "2023-07-08,2,1,true
2023-07-09,0,1,true" "$(days --active core --core-days 8 --last 2d a.gn)"
    # Behind the data users stay active for a while.
    is "2023-07-08,2,1,true
2023-07-09,2,1,true
2023-07-10,1,0,true
2023-07-11,0,0,true" "$(days --active core --core-days 3 --core-count 1 --from 2023-07-08 \
        --to 2023-07-11 a.gn)"
    is "2023-07-09,3,1,true" "$(days --active core --core-count 1 --last 1d a.gn)"
    is "2023-07-09,1,1,true" "$(days --active core --core share,page_view --core-count 1 --last 1d \
        --core-days 1 a.gn)"
    is "2023-07-09,2,1,true" "$(days --active core --core share,page_view --core-count 1 --last 1d a.gn)"
    is "2023-07,1,7,0.1111111111111111,0.1111111111111111,9,false" \
        "$(gn-dau --active core --by month a.gn | gn-tocsv --no-header \
            -f month,mau,total_interactions,mean_dau,stickiness,days_covered,complete)"
    gn-dau --active core --stats=s.json a.gn >/dev/null
    has "$(cat s.json)" '"users":3,"core_events":5'
}

@test "core: names with quotes, other fields, nulls" {
    { echo 'who,day,what'
        echo "a,2023-01-01,it's"
        echo "a,2023-01-01,it's"
        echo 'b,2023-01-01,"a ""b"""'
        echo 'b,2023-01-01,'
        echo ',2023-01-01,'; } | gn-fromcsv --schema who:str,day:date,what:str - |
        "$PYTHON" "$ORACLE/ordered.py" who,day >a.gn
    core() {
        gn-dau --active core --user who --time day --action what "$@" a.gn | gn-tocsv --no-header
    }
    is "2023-01-01,1,4,false" "$(core --core "it's")"
    is "2023-01-01,0,4,false" "$(core --core 'a "b"')"
    is "2023-01-01,2,4,true" "$(core --core "it's,"'a "b"' --core-count 1 --core-days 1)"
    is "2023-01-01,0,4,false" "$(core --core "') or true or (\`what\` in ('")"
}

@test "session: longer than two minutes, begun on the thirty days that end with the day" {
    events >a.gn <<'END'
a 2023-07-01 23:59:00 x
a 2023-07-02 00:01:00 x
b 2023-07-01 23:59:00 x
b 2023-07-02 00:01:01 x
c 2023-07-05 12:00:00 x
c 2023-07-05 12:30:00 x
d 2023-07-06 12:00:00 x
d 2023-07-06 12:30:01 x
END
    days --active session --to 2023-08-04 a.gn >got
    is "2023-07-01,1,2,false
2023-07-02,1,2,false
2023-07-03,1,0,false
2023-07-04,1,0,false
2023-07-05,2,2,false
2023-07-06,2,2,false" "$(head -n 6 got)"
    is "2023-07-29,2,0,false
2023-07-30,2,0,true
2023-07-31,1,0,true
2023-08-01,1,0,true
2023-08-02,1,0,true
2023-08-03,1,0,true
2023-08-04,0,0,true" "$(tail -n 7 got)"
    is "2023-07-06,4,2,true" \
        "$(days --active session --session-over 119s --gap 1801 --session-days 6 --last 1d a.gn)"
    is "2023-07-06,3,2,true" \
        "$(days --active session --session-over 119s --session-days 6 --last 1d a.gn)"
    is "2023-07-06,0,2,true" "$(days --active session --session-over 30min --session-days 1 --last 1d a.gn)"
    gn-dau --active session --stats=s.json a.gn >/dev/null
    has "$(cat s.json)" '"users":4,"sessions":5,"long_sessions":2'
}

@test "session: a session is of the day on which it begins, in its zone" {
    events >a.gn <<'END'
a 2023-03-25 22:59:00 x
a 2023-03-25 23:10:00 x
END
    is "2023-03-25,1,2,true" "$(days --active session --session-days 1 a.gn)"
    is "2023-03-25,1,1,true
2023-03-26,0,1,true" "$(days --active session --session-days 1 --tz Europe/Berlin a.gn)"
    is "2023-03-26,1,2,true" "$(days --active session --session-days 1 --tz Asia/Kolkata a.gn)"
}

@test "a session that begins in several zones at once is of the first of their days" {
    for late in 0 1; do
        { echo 'user_id,timestamp,page_id,duration_ms,zone'
            echo "a,2023-07-01 23:30:00,$late,1,UTC"
            echo "a,2023-07-01 23:30:00,$((1 - late)),1,Asia/Tokyo"
            echo 'a,2023-07-01 23:40:00,3,1,Asia/Tokyo'; } |
            gn-fromcsv --schema user_id:str,timestamp:time,page_id:str,duration_ms:int,zone:str - |
            "$PYTHON" "$ORACLE/ordered.py" user_id,timestamp |
            gn-dau --active session --session-days 1 --tz-field zone | gn-tocsv --no-header >got
        is "2023-07-01,1,1,1,1,true
2023-07-02,0,2,2,,true" "$(cat got)"
    done
}

@test "what looks back is incomplete until all days it looks at are known, in every table" {
    # The data begin on a Saturday.
    events >a.gn <<'END'
a 2023-07-01 10:00:00 edit
a 2023-09-30 10:00:00 edit
END
    first() { # KIND RULE: the first complete period
        gn-dau --active "$2" --by "$1" a.gn | gn-tocsv --no-header | grep ',true$' | head -n 1 | cut -d , -f 1
    }
    is 2023-07-07 "$(first day core)"
    is 2023-07-10 "$(first week core)"
    is 2023-08 "$(first month core)"
    is 2023-08-05 "$(first rolling core)"
    is 2023-07-30 "$(first day session)"
    is 2023-07-31 "$(first week session)"
    is 2023-08 "$(first month session)"
    is 2023-08-28 "$(first rolling session)"
    # Earlier events that are not reported are known, too.
    is true "$(days --active core --from 2023-07-07 a.gn | head -n 1 | cut -d , -f 4)"
    is false "$(days --active core --from 2023-07-06 a.gn | head -n 1 | cut -d , -f 4)"
}

@test "one user at a time: the same tables, with memory for days only" {
    gn-gen --model realistic --rows 300000 --users 50000 -o a.gn
    "$PYTHON" "$ORACLE/ordered.py" user_id,timestamp a.gn >time.gn
    "$PYTHON" "$ORACLE/ordered.py" user_id,page_id a.gn >page.gn
    for args in "" "--active engaged --from 2023-02-03 --to 2023-03-15" "--last 45d --tz Asia/Tokyo"; do
        # shellcheck disable=SC2086
        gn-dau --also week=1w --also month=1m --also rolling=1r --also stickiness=1s $args a.gn >1d
        for f in time page; do
            # shellcheck disable=SC2086
            gn-dau --also week=2w --also month=2m --also rolling=2r --also stickiness=2s $args \
                --stats=s.json $f.gn >2d
            [[ $(cat s.json) =~ \"users\":[0-9]{5} ]]
            [[ $(cat s.json) =~ \"memory_peak_bytes\":([0-9]+), ]]
            [ "${BASH_REMATCH[1]}" -lt 200000 ]
            for t in d w m r s; do
                is "$(gn-tocsv 1$t | sha256sum)" "$(gn-tocsv 2$t | sha256sum)" "$args $f $t"
            done
        done
        # shellcheck disable=SC2086
        gn-dau --hash --stats=s.json $args time.gn >2d
        is "$(gn-tocsv 1d | sha256sum)" "$(gn-tocsv 2d | sha256sum)"
        [[ $(cat s.json) != *'"users"'* ]]
    done
}

# bent ARGS...: a.gn with another order than it claims.
bent() {
    "$PYTHON" - "$ORACLE" a.gn "$@" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import gnstream
seg = gnstream.parse(open(sys.argv[2], "rb").read())[0]
rows = [seg.records[int(i)] for i in sys.argv[3:]]
sys.stdout.buffer.write(gnstream.build(seg.fields, rows, {"order": seg.header["order"]}))
END
}

@test "order is required, checked as it is read, across segments and files: 3, naming gn-sort" {
    events >a.gn <<'END'
a 2023-07-01 10:00:00 edit
a 2023-07-02 10:00:00 edit
b 2023-07-01 10:00:00 edit
b 2023-07-02 10:00:00 edit
END
    bent 0 1 3 2 >time.gn
    bent 2 3 0 1 >user.gn
    bent 0 2 1 3 >back.gn
    bent 2 >b.gn
    bent 3 >b2.gn
    "$PYTHON" "$ORACLE/ordered.py" timestamp a.gn >other.gn
    "$PYTHON" "$ORACLE/ordered.py" user_id,page_id a.gn >page.gn
    small_csv | gn-fromcsv -o none.gn -
    cat b.gn a.gn >join.gn
    cat a.gn b2.gn none.gn >mixed.gn
    for rule in core session; do
        for f in time user back other none page join mixed; do
            status 3 gn-dau --active $rule -o d.gn $f.gn || { echo "$rule $f"; false; }
            has "$(cat err)" "$f.gn"
            has "$(cat err)" "run gn-sort -k user_id,timestamp"
            one_error err
            [ ! -e d.gn ]
        done
        status 3 gn-dau --active $rule b.gn a.gn
        status 3 gn-dau --active $rule b2.gn b.gn
        status 0 gn-dau --active $rule b.gn b2.gn
    done
    status 3 gn-dau --active core time.gn
    has "$(cat err)" "record 4"
    # Events as such need the order of users only, and none with --hash or in several files.
    for f in user back join mixed; do
        status 3 gn-dau -o d.gn $f.gn
        has "$(cat err)" "run gn-sort -k user_id, or give --hash"
        [ ! -e d.gn ]
        status 0 gn-dau --hash $f.gn
    done
    for f in time other none page; do
        status 0 gn-dau $f.gn
    done
    is "$(gn-dau none.gn a.gn | gn-tocsv)" "$(gn-dau a.gn none.gn | gn-tocsv)"
    is 2 "$(gn-dau b.gn a.gn | gn-tocsv --no-header -f dau | head -n 1)"
}

@test "core and session: what does not go with them, and options of their own: 2" {
    events >a.gn <<'END'
a 2023-07-01 10:00:00 edit
END
    while read -r args; do
        # shellcheck disable=SC2086
        status 2 gn-dau $args a.gn || { echo "$args"; false; }
    done <<'END'
--active core --partial
--active session --partial
--active core --merge
--active core --approx
--active session --span
--active core --hash
--active core --core ,edit
--active core --core edit,
--active core --core-count 0
--active core --core-days 0
--active core --core-days 4000
--active core --gap 30min
--active session --session-days 0
--active session --gap -1
--active session --core edit
--core edit
--core-count 2
--action x
--gap 30min
--session-over 2min
--session-days 30
END
    status 2 gn-dau --active core --partial a.gn
    has "$(cat err)" "looks back"
    status 3 gn-dau --active core --action nosuch a.gn
    has "$(cat err)" "'nosuch'"
    status 3 gn-dau --active core --action duration_ms a.gn
    has "$(cat err)" "--action"
    # Sessions need times.
    { echo 'who,day'
        echo 'a,2023-01-01'; } | gn-fromcsv --schema who:str,day:date - |
        "$PYTHON" "$ORACLE/ordered.py" who,day >d.gn
    status 3 gn-dau --active session --user who --time day d.gn
    # No events, no table; but its header.
    events </dev/null >e.gn
    for rule in any core session; do
        is "date,dau,total_interactions,total_duration_ms,avg_duration_ms_per_user,complete" \
            "$(gn-dau --active $rule e.gn | gn-tocsv)"
        is 2 "$(gn-dau --active $rule --from 2023-01-01 --to 2023-01-02 e.gn | gn-tocsv --no-header | wc -l)"
    done
}

@test "the ends of time, and more days than -m holds: 5, naming -m" {
    events >a.gn <<'END'
a 0001-01-01 00:00:00 edit
a 0001-01-01 00:10:00 edit
b 9999-12-31 23:40:00 edit
b 9999-12-31 23:59:59 edit
END
    for rule in any core session; do
        is "9999-12-31,1,2,true" "$(days --active $rule --last 1d a.gn)"
        is "0001-01-01,1,2" "$(days --active $rule --to 0001-01-01 a.gn | cut -d , -f 1-3)"
        status 5 gn-dau --active $rule -m 16M -o d.gn a.gn
        has "$(cat err)" "-m"
        [ ! -e d.gn ]
    done
}
