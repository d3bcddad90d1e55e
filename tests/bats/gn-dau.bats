#!/usr/bin/env bats
# gn-dau: tables worked out by hand, then against sqlite3 on random data, then its options, its
# partial states and its refusals.
# shellcheck disable=SC2015,SC2030,SC2031

load helper

setup() {
    small_csv >small.csv
    gn-fromcsv -o small.gn small.csv
}

# by KIND ARGS...: the table as CSV.
by() {
    local kind=$1
    shift
    gn-dau --by "$kind" "$@" small.gn | gn-tocsv
}

@test "days" {
    by day >got
    is "2023-01-01,2,3,312500,156250,true
2023-01-02,2,2,0,0,true
2023-01-03,0,0,0,,true" "$(sed -n 2,4p got)"
    is "date,dau,total_interactions,total_duration_ms,avg_duration_ms_per_user,complete" \
        "$(head -n 1 got)"
    is "2023-01-09,1,1,99000000,99000000,true" "$(grep 01-09 got)"
    is "2023-02-01,1,2,20000,20000,true" "$(tail -n 1 got)"
    is 33 "$(wc -l <got)"
    is "$(by day)" "$(gn-dau small.gn | gn-tocsv)" # the default
}

@test "weeks begin on Monday and say what they cover" {
    by week >got
    is "week,wau,total_interactions,total_duration_ms,avg_duration_ms_per_user,days_covered,complete
2022-12-26,2,3,312500,156250,1,false
2023-01-02,2,2,0,0,7,true
2023-01-09,1,1,99000000,99000000,7,true
2023-01-16,0,0,0,,7,true
2023-01-23,0,0,0,,7,true
2023-01-30,1,2,20000,20000,3,false" "$(cat got)"
}

@test "months, mean_dau and stickiness" {
    by month >got
    is "month,mau,total_interactions,total_duration_ms,avg_duration_ms_per_user,mean_dau,stickiness,days_covered,complete
2023-01,3,6,99312500,33104166.666666668,0.16129032258064516,0.053763440860215055,31,true
2023-02,1,2,20000,20000,1,1,1,false" "$(cat got)"
}

@test "rolling 30 days: the first 29 are flagged" {
    by rolling >got
    is "date,mau_30d,complete
2023-01-01,2,false
2023-01-02,3,false" "$(head -n 3 got)"
    is "2023-01-29,3,false
2023-01-30,3,true
2023-01-31,3,true
2023-02-01,2,true" "$(tail -n 4 got)"
}

@test "stickiness by day" {
    by stickiness >got
    is "date,month,dau,mau,stickiness,mau_30d,stickiness_30d
2023-01-01,2023-01,2,3,0.6666666666666666,2,1" "$(head -n 2 got)"
    is "2023-01-03,2023-01,0,3,0,3,0" "$(sed -n 4p got)"
    is "2023-02-01,2023-02,1,1,1,2,0.5" "$(tail -n 1 got)"
}

@test "engaged: between 10 s and 4 h, both strictly" {
    { small_csv | sed -n 1p
        for d in '' -1 0 10000 10001 14399999 14400000; do
            echo "u$d,2023-05-05 00:00:00,a,b,$d,1.0.0"
        done; } >e.csv
    is "2023-05-05,2,2,14410000,7205000,true" \
        "$(gn-fromcsv e.csv | gn-dau --active engaged | gn-tocsv --no-header)"
    is "$(gn-fromcsv e.csv | gn-dau --active engaged | gn-tocsv)" \
        "$(gn-fromcsv e.csv | gn-dau --active 'duration_ms > 10s and duration_ms < 4h' | gn-tocsv)"
}

@test "days of a zone: 23 and 25 hours, and a day that never was" {
    head -n 1 small.csv >z.csv
    # Berlin: 26 March 2023 from 25th 23:00 to 26th 22:00 UTC; 29 October from 28th 22:00 to 29th 23:00.
    for t in '2023-03-25 22:59:59' '2023-03-25 23:00:00' '2023-03-26 21:59:59' '2023-03-26 22:00:00' \
        '2023-10-28 21:59:59' '2023-10-28 22:00:00' '2023-10-29 22:59:59' '2023-10-29 23:00:00'; do
        echo "u,$t,a,b,1,1.0.0" >>z.csv
    done
    gn-fromcsv z.csv | gn-dau --tz Europe/Berlin --active 'true' | gn-tocsv -f date,total_interactions \
        --no-header | grep -v ',0$' >got
    is "2023-03-25,1
2023-03-26,2
2023-03-27,1
2023-10-28,1
2023-10-29,2
2023-10-30,1" "$(cat got)"
    # Samoa had no 30 December 2011.
    { head -n 1 small.csv
        echo 'u,2011-12-30 09:59:59,a,b,1,1.0.0'
        echo 'u,2011-12-30 10:00:00,a,b,1,1.0.0'; } >apia.csv
    is "2011-12-29,1
2011-12-30,0
2011-12-31,1" "$(gn-fromcsv apia.csv | gn-dau --tz Pacific/Apia | gn-tocsv --no-header -f date,dau)"
}

@test "--from, --to and --last" {
    is "2022-12-31,0
2023-01-01,2
2023-01-02,2" "$(by day --from 2022-12-31 --to 2023-01-02 | tail -n +2 | cut -d , -f 1,2)"
    # A look-back reads what lies before --from; it is complete only from the first known day on.
    is "2023-01-30,3,true" "$(by rolling --from 2023-01-30 --to 2023-01-30 | tail -n 1)"
    is "2023-01-29,3,false" "$(by rolling --from 2023-01-29 --to 2023-01-29 | tail -n 1)"
    is "2023-03-02,1,true" "$(by rolling --to 2023-03-02 | tail -n 1)"
    is "2023-01-26 2023-02-01 7" "$(by day --last 7d | tail -n +2 | cut -d , -f 1 |
        awk 'NR == 1 { a = $1 } { b = $1 } END { print a, b, NR }')"
    is 14 "$(by day --last 2w | tail -n +2 | wc -l)"
    is "2023-01-02 2023-02-01 31" "$(by day --last 1months | tail -n +2 | cut -d , -f 1 |
        awk 'NR == 1 { a = $1 } { b = $1 } END { print a, b, NR }')"
    is "2022-02-02" "$(by day --last 12months | sed -n 2p | cut -d , -f 1)"
    is "" "$(by day --to 2022-01-01 | tail -n +2)"
}

@test "--last N months ends on the same day of the month, cut to its length" {
    for pair in '2023-03-30 2023-02-28' '2023-03-31 2023-03-01' '2024-03-30 2024-02-29' '2023-05-30 2023-04-30' \
        '2023-02-28 2023-02-01' '2023-02-27 2023-01-28'; do
        { head -n 1 small.csv
            echo "u,${pair% *} 12:00:00,a,b,1,1.0.0"; } >l.csv
        is "${pair#* }" "$(gn-fromcsv l.csv | gn-dau --last 1months |
            gn-tocsv --no-header -f date | head -n 1)" "last day ${pair% *}"
    done
}

@test "no events: empty tables with their fields; with --from and --to days of 0" {
    head -n 1 small.csv >none.csv
    gn-fromcsv -o none.gn none.csv
    for k in day week month rolling stickiness; do
        is "$(by $k | head -n 1)" "$(gn-dau --by $k none.gn | gn-tocsv)" $k
    done
    is "2023-01-01,0,0,0,,true
2023-01-02,0,0,0,,true" \
        "$(gn-dau --from 2023-01-01 --to 2023-01-02 none.gn | gn-tocsv --no-header)"
    is "" "$(gn-dau --last 12months none.gn | gn-tocsv --no-header)"
    is "" "$(gn-dau --from 2023-01-01 none.gn | gn-tocsv --no-header)"
}

@test "rows without user or time are left out and counted; null is not the empty string" {
    { head -n 1 small.csv
        echo ',2023-01-01 00:00:00,a,b,5,1.0.0'
        echo 'u,,a,b,5,1.0.0'
        echo ',,a,b,5,1.0.0'
        echo '"",2023-01-01 00:00:00,a,b,7,1.0.0'
        echo 'u,2023-01-01 00:00:00,a,b,-9,1.0.0'; } >n.csv
    is "2023-01-01,2,2,7,3.5,true" \
        "$(gn-fromcsv n.csv | gn-dau --stats=stats.json | gn-tocsv --no-header)"
    "$PYTHON" - <<'END'
import json
c = json.load(open("stats.json"))["counters"]
assert (c["null_user"], c["null_time"], c["negative_value"]) in ((2, 1, 1), (1, 1, 1), (2, 2, 1)), c
END
}

@test "other names; a table without the value; a date as time" {
    { echo 'who,day,n'
        echo 'a,2023-01-01,5'
        echo 'b,2023-01-01,6'
        echo 'a,2023-01-02,'; } >o.csv
    gn-fromcsv --schema who:str,day:date,n:int -o o.gn o.csv
    is "date,dau,total_interactions,complete
2023-01-01,2,2,true
2023-01-02,1,1,true" "$(gn-dau --user who --time day o.gn | gn-tocsv)"
    is "date,dau,total_interactions,total_n,avg_n_per_user,complete
2023-01-01,2,2,11,5.5,true
2023-01-02,1,1,0,0,true" "$(gn-dau --user who --time day --value n o.gn | gn-tocsv)"
    status 3 gn-dau --user who --time n o.gn
    status 3 gn-dau --user who --time day --value who o.gn
    status 3 gn-dau --user who --time day --value nosuch o.gn
    status 3 gn-dau o.gn
    has "$(cat err)" "who"
}

@test "the first and the last day there are: a zone never leads beyond them" {
    for t in '0001-01-01 00:00:00 America/New_York' '9999-12-31 23:59:59 Asia/Kolkata' \
        '0001-01-01 00:00:00 UTC' '9999-12-31 23:59:59 UTC'; do
        { head -n 1 small.csv
            echo "u,${t% *},a,b,1,1.0.0"; } >edge.csv
        gn-fromcsv -o edge.gn edge.csv
        for args in '--by day' '--by week' '--by month' '--by rolling' '--by stickiness' --partial \
            '--last 12months' '--last 9w' '--by week --last 400d'; do
            got=0
            # shellcheck disable=SC2086
            timeout 20 gn-dau $args --tz "${t##* }" -o o.gn edge.gn 2>err || got=$?
            case $got in
            0) records o.gn >/dev/null ;;
            3) one_error err ;;
            *) echo "$t $args: status $got" && false ;;
            esac
        done
    done
}

@test "a date is a day in every zone" {
    { echo 'who,day'
        echo 'a,2023-01-01'
        echo 'b,2023-01-02'; } >d.csv
    gn-fromcsv --schema who:str,day:date -o d.gn d.csv
    for z in America/New_York Pacific/Kiritimati; do
        is "2023-01-01,1
2023-01-02,1" "$(gn-dau --user who --time day --tz $z d.gn | gn-tocsv --no-header -f date,dau)"
    done
}

@test "what is asked wrongly: 2" {
    while read -r args; do
        # shellcheck disable=SC2086
        status 2 gn-dau $args small.gn || { echo "$args"; false; }
    done <<'END'
--by nosuch
--also nosuch=x
--also day
--also =x
--also day=
--tz Nowhere/Land
--tz ../UTC
--from 2023-02-30
--from yesterday
--to 2023-13-01
--last 12
--last 0d
--last -3d
--last 3decades
--last 12months --from 2023-01-01
--memory 1M
--memory x
END
    status 2 gn-dau --active '' small.gn
    status 2 gn-dau --active 'duration_ms' small.gn
    status 2 gn-dau --active "user_id > 5" small.gn
}

@test "against sqlite3: random data, every table, zones, expressions, windows" {
    "$PYTHON" "$ORACLE/dau_diff.py" --no-partials "$(seeds 1001-1030)"
}

@test "against sqlite3: random splits into partial states, merged along random trees" {
    "$PYTHON" "$ORACLE/dau_diff.py" "$(seeds 2001-2020)"
}

@test "the order of the records does not matter" {
    gn-gen --rows 20000 --users 500 | gn-tocsv >big.csv
    { head -n 1 big.csv && tail -n +2 big.csv | sort -r; } >turned.csv
    for k in day month rolling; do
        gn-fromcsv big.csv | gn-dau --by $k | records >a
        gn-fromcsv turned.csv | gn-dau --by $k | records >b
        same a b
    done
    gn-fromcsv big.csv | gn-dau --partial | records >a
    gn-fromcsv turned.csv | gn-dau --partial | records >b
    same a b
    is "$(wc -l <a)" "$(tail -n +2 big.csv | cut -c 1-18 | sort -u | wc -l)"
}

@test "the uniform sample: about 2,743 users a day" {
    gn-gen --rows 1000000 | gn-dau --stats=stats.json >dau.gn
    is "364 close" "$(gn-tocsv --no-header -f dau,total_interactions dau.gn | awk -F , '
        { n += $1; all += $2 } END { print NR, (n / NR > 2740 && n / NR < 2747 && all == 1000000) ? "close" : n / NR }')"
}

@test "a user of every day, and many users of one" {
    { head -n 1 small.csv
        for d in $(seq -w 1 28); do for h in $(seq -w 0 23); do
            echo "all,2023-02-$d $h:00:00,a,b,1,1.0.0"
        done; done
        for i in $(seq 3000); do echo "x$i,2023-02-14 00:00:00,a,b,1,1.0.0"; done; } >s.csv
    is "2023-02,3001,3672,3672,1.2235921359546817,108.14285714285714,0.036035607178559526,28,true" \
        "$(gn-fromcsv s.csv | gn-dau --by month | gn-tocsv --no-header)"
}

@test "a total beyond 64 bits is refused, near it it is exact" {
    { head -n 1 small.csv
        echo 'a,2023-01-01 00:00:00,a,b,9223372036854775807,1.0.0'
        echo 'b,2023-01-01 00:00:00,a,b,-9223372036854775808,1.0.0'; } >x.csv
    is "2023-01-01,2,2,9223372036854775807,4.611686018427388e+18,true" \
        "$(gn-fromcsv x.csv | gn-dau | gn-tocsv --no-header)"
    echo 'c,2023-01-02 00:00:00,a,b,1,1.0.0' >>x.csv
    gn-fromcsv -o x.gn x.csv
    is 2 "$(gn-dau x.gn | gn-tocsv --no-header | wc -l)" # by day nothing overflows
    status 3 gn-dau --by month -o month.gn x.gn
    [ ! -e month.gn ]
    # Partial sums are 128 bits wide.
    gn-dau --partial -o x.state.gn x.gn
    is 2 "$(gn-dau --merge x.state.gn | gn-tocsv --no-header | wc -l)"
    status 3 gn-dau --merge --by month x.state.gn
}

@test "--also: the same tables, all or none" {
    gn-dau --also week=w.gn --also month=m.gn --also rolling=r.gn.zst --also stickiness=s.gn small.gn >d.gn
    for f in day:d.gn week:w.gn month:m.gn rolling:r.gn.zst stickiness:s.gn; do
        is "$(by "${f%%:*}")" "$(gn-tocsv "${f#*:}")" "$f"
        records "${f#*:}" >/dev/null
    done
    zstd -q -t r.gn.zst
    rm -f ./*.gn.zst d.gn w.gn m.gn
    gn-fromcsv small.csv | head -c -1 >cut.gn
    status 4 gn-dau -o d.gn --also week=w.gn cut.gn
    [ ! -e d.gn ] && [ ! -e w.gn ]
    echo old >w.gn
    status 5 gn-dau -o d.gn --also week=w.gn --also month=nosuch/m.gn small.gn
    [ ! -e d.gn ] && [ "$(cat w.gn)" = old ]
    got=0
    gn-dau --also week=w.gn small.gn >/dev/full 2>err || got=$?
    is 5 $got
    is old "$(cat w.gn)"
    status 5 gn-dau --also week=/dev/full -o d.gn small.gn
    [ ! -e d.gn ]
    status 2 gn-dau -o x.gn --also week=x.gn small.gn
    status 2 gn-dau --also month=x.gn --also week=x.gn small.gn
    [ ! -e x.gn ]
}

@test "--partial: one record a user and day, in order, 128-bit sums" {
    gn-dau --partial -o p.gn small.gn
    is '{"user_id": "u000001", "date": "2023-01-01", "events": 2, "interactions": 2, "total_duration_ms": "0000000000000000000000000004c2c0"}' \
        "$(records p.gn | head -n 1)"
    is 6 "$(records p.gn | wc -l)"
    "$PYTHON" "$ORACLE/gnstream.py" --header p.gn >header
    has "$(cat header)" '"order": [["user_id", "asc"], ["date", "asc"]]'
    has "$(cat header)" '"!partial": {"command": "gn-dau", "state": "keys", "params":'
    for k in day week month rolling stickiness; do
        is "$(by $k)" "$(gn-dau --merge --by $k p.gn | gn-tocsv)"
    done
}

@test "--merge refuses what does not fit, and what would count twice" {
    { head -n 1 small.csv
        echo 'z,2023-01-05 00:00:00,a,b,1,1.0.0'; } >b.csv
    gn-fromcsv -o b.gn b.csv
    gn-dau --partial -o a.p small.gn
    gn-dau --partial -o b.p b.gn
    gn-dau --merge a.p b.p >/dev/null
    status 3 gn-dau --merge a.p a.p
    status 3 gn-dau --merge a.p b.p a.p
    gn-fromcsv small.csv -o all.gn
    gn-head -n 99 all.gn | gn-cat >copy.gn
    gn-dau --merge --partial -o ab.p a.p b.p
    status 3 gn-dau --merge ab.p a.p
    cat a.p b.p a.p >cat.p
    status 3 gn-dau --merge cat.p
    # The same bytes under another name, and compressed, are the same source.
    cp small.csv other.csv
    zstd -q small.csv
    gn-fromcsv other.csv | gn-dau --partial -o other.p
    gn-fromcsv small.csv.zst | gn-dau --partial -o zst.p
    status 3 gn-dau --merge a.p other.p
    status 3 gn-dau --merge a.p zst.p
    # Other parameters.
    gn-dau --partial --tz Europe/Berlin -o tz.p b.gn
    gn-dau --partial --active engaged -o act.p b.gn
    gn-dau --partial --active 'duration_ms > 0' -o expr.p b.gn
    gn-dau --partial --user action_type -o user.p b.gn
    for p in tz act expr user; do
        status 3 gn-dau --merge a.p $p.p
        status 3 gn-dau --merge $p.p a.p
        has "$(cat err)" "other options"
    done
    status 3 gn-dau --merge small.gn
    status 3 gn-dau --merge a.p small.gn
    status 3 gn-dau a.p
    status 3 gn-dau small.gn a.p
    status 3 gn-dau --partial a.p
}

@test "--merge refuses a hole in what is covered, unless --allow-partial" {
    gn-gen --rows 1000 --users 50 --range 0:400 | gn-dau --partial -o a.p
    gn-gen --rows 1000 --users 50 --range 400:700 | gn-dau --partial -o b.p
    gn-gen --rows 1000 --users 50 --range 700:1000 | gn-dau --partial -o c.p
    gn-gen --rows 1000 --users 50 --range 600:1000 | gn-dau --partial -o over.p
    gn-gen --rows 1000 --users 50 | gn-dau | records >want
    gn-dau --merge c.p a.p b.p | records >got
    same want got
    status 3 gn-dau --merge a.p c.p
    status 0 gn-dau --merge --allow-partial a.p c.p
    status 3 gn-dau --merge a.p b.p over.p
    gn-dau --merge --partial --allow-partial -o ac.p a.p c.p
    gn-dau --merge ac.p b.p | records >got
    same want got
}
