#!/usr/bin/env bats
# gn-sessionize: sessions worked out by hand, then against sqlite3 on random data, its states, and its
# refusals.
# shellcheck disable=SC2015,SC2030,SC2031

load helper

# sorted NAME: CSV of interactions on standard input to NAME.gn, in order and saying so.
sorted() {
    gn-fromcsv --schema interactions - | "$PYTHON" "$ORACLE/ordered.py" user_id,timestamp >"$1.gn"
}

head_row() {
    echo user_id,timestamp,action_type,page_id,duration_ms,app_version
}

# events NAME LINE...: each "user time action page duration"; _ is null.
events() {
    local name=$1 l u t a p d
    shift
    { head_row
        for l in "$@"; do
            # shellcheck disable=SC2086
            set -- $l
            u=$1 t=$2 a=$3 p=$4 d=$5
            echo "$u,$t,$a,$p,$d,1.0.0" | sed 's/\b_\b//g; s/T/ /'
        done; } | sorted "$name"
}

# table FILE ARGS...: the summary as CSV without its header.
table() {
    local file=$1
    shift
    gn-sessionize --summary "$@" "$file" | gn-tocsv --no-header
}

setup() {
    events a 'ann 2023-07-01T09:00:00 page_view p1 12000' \
        'ann 2023-07-01T09:30:00 edit p1 30000' \
        'ann 2023-07-01T10:00:01 edit p2 _' \
        'bob 2023-07-01T23:50:00 page_view p2 1000' \
        'bob 2023-07-02T00:10:00 share _ -5' \
        'bob 2023-07-02T00:10:00 share p2 7000'
}

@test "a session: exactly 30 minutes is the same one, a second more is another" {
    is "ann_0,ann,2023-07-01 09:00:00,2023-07-01 09:30:00,1800000,2,42000,1,2,false
ann_1,ann,2023-07-01 10:00:01,2023-07-01 10:00:01,0,1,0,1,1,true
bob_0,bob,2023-07-01 23:50:00,2023-07-02 00:10:00,1200000,3,8000,1,2,false" "$(table a.gn)"
    is "session_id,user_id,session_start,session_end,session_duration_ms,actions_count,total_duration_ms,unique_pages,action_types,is_bounce" \
        "$(gn-sessionize --summary a.gn | gn-tocsv | head -n 1)"
}

@test "--boundary ge, --gap" {
    is "ann_0 ann_1 ann_2 bob_0" "$(table a.gn --boundary ge | cut -d , -f 1 | xargs)"
    is "ann_0 ann_1 ann_2 bob_0 bob_1" "$(table a.gn --gap 10min | cut -d , -f 1 | xargs)"
    is "ann_0 bob_0" "$(table a.gn --gap 1801s | cut -d , -f 1 | xargs)"
    is "ann_0 ann_1 ann_2 bob_0 bob_1" "$(table a.gn --gap 0 | cut -d , -f 1 | xargs)"
    is "ann_0 bob_0" "$(table a.gn --gap 9000000w | cut -d , -f 1 | xargs)"
    status 2 gn-sessionize --gap 0 --boundary ge a.gn
    status 2 gn-sessionize --gap -5 a.gn
    status 2 gn-sessionize --boundary eq a.gn
}

@test "--from-end: from the latest end so far, not only of the event before" {
    # 9:00 lasts 3 hours; 10:00 lasts a minute; 12:20 is 20 min from the first's end.
    events e 'u 2023-07-01T09:00:00 a p 10800000' 'u 2023-07-01T10:00:00 a p 60000' \
        'u 2023-07-01T12:30:00 a p _' 'u 2023-07-01T13:00:01 a p -9'
    is "u_0,u,2023-07-01 09:00:00,2023-07-01 12:30:00,12600000,3,10860000,1,1,false
u_1,u,2023-07-01 13:00:01,2023-07-01 13:00:01,0,1,0,1,1,true" "$(table e.gn --from-end)"
    is 4 "$(table e.gn | wc -l)"
    is "u_0,3 u_1,1" "$(table e.gn --from-end | cut -d , -f 1,6 | xargs)"
    # From 9:00's end, 12:00, to 12:30 it is exactly 30 min.
    is "u_0,2 u_1,1 u_2,1" "$(table e.gn --from-end --boundary ge | cut -d , -f 1,6 | xargs)"
}

@test "--split-midnight: midnights of the zone, days of 23 and 25 hours" {
    is "bob_0,2023-07-01 23:50:00,1 bob_1,2023-07-02 00:10:00,2" \
        "$(table a.gn --split-midnight | grep bob | cut -d , -f 1,3,6 | sed 's/ /T/' | xargs | sed 's/T/ /g')"
    is "bob_0,3" "$(table a.gn --split-midnight --tz Asia/Tokyo | grep bob | cut -d , -f 1,6)"
    # Berlin: midnights at 22:00 UTC on 25 March's eve 23:00, and on 29 October 23:00.
    events z 'u 2023-03-25T22:59:59 a p 1' 'u 2023-03-25T23:00:00 a p 1' \
        'u 2023-03-26T21:59:59 a p 1' 'u 2023-03-26T22:00:00 a p 1' \
        'u 2023-10-28T21:59:59 a p 1' 'u 2023-10-28T22:00:00 a p 1' \
        'u 2023-10-29T22:59:59 a p 1' 'u 2023-10-29T23:00:00 a p 1'
    is "1 2 1 1 2 1" "$(table z.gn --gap 25h --split-midnight --tz Europe/Berlin | cut -d , -f 6 | xargs)"
    # Newfoundland set its clocks back at 00:01: 23:01 came twice, midnight is where it came first.
    events n 'u 2006-10-29T02:29:59 a p 1' 'u 2006-10-29T02:30:30 a p 1' \
        'u 2006-10-29T02:40:00 a p 1' 'u 2006-10-29T03:31:00 a p 1'
    is "1 3" "$(table n.gn --gap 2h --split-midnight --tz America/St_Johns | cut -d , -f 6 | xargs)"
    # A long event reaches over midnight: with --from-end what follows is not cut again.
    events m 'u 2023-07-01T23:00:00 a p 18000000' 'u 2023-07-02T00:30:00 a p 1' \
        'u 2023-07-02T04:15:00 a p 1' 'u 2023-07-02T05:00:00 a p 1'
    is "1 2 1" "$(table m.gn --from-end --split-midnight | cut -d , -f 6 | xargs)"
    status 2 gn-sessionize --split-midnight --tz Nowhere/Land a.gn
}

@test "--with-last: the longest of the last events" {
    is "1830000 0 1207000" "$(table a.gn --with-last | cut -d , -f 5 | xargs)"
    # Also where the last ones are too many for one batch.
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
with open("t.gn", "wb") as f:
    f.write(gnstream.build([("user_id", "str"), ("timestamp", "time"), ("duration_ms", "int")],
                           [("u", 0, 3000 - i) for i in range(3000)],
                           {"order": [["user_id", "asc"], ["timestamp", "asc"]]}))
END
    is "3000,3000" "$(table t.gn --with-last | cut -d , -f 5,6)"
    status 2 gn-sessionize --with-last a.gn
    status 2 gn-sessionize --with-last --summary --partial a.gn
}

@test "events: as they were, with four fields more" {
    gn-sessionize a.gn | gn-tocsv >got
    is "user_id,timestamp,action_type,page_id,duration_ms,app_version,session_id,session_number,session_start,session_event
ann,2023-07-01 09:00:00,page_view,p1,12000,1.0.0,ann_0,0,2023-07-01 09:00:00,0
ann,2023-07-01 09:30:00,edit,p1,30000,1.0.0,ann_0,0,2023-07-01 09:00:00,1
ann,2023-07-01 10:00:01,edit,p2,,1.0.0,ann_1,1,2023-07-01 10:00:01,0" "$(head -n 4 got)"
    is "bob_0,0,2023-07-01 23:50:00,2" "$(tail -n 1 got | cut -d , -f 7-)"
    gn-sessionize a.gn -o s.gn
    "$PYTHON" "$ORACLE/gnstream.py" --header s.gn >header
    has "$(cat header)" '"order": [["user_id", "asc"], ["timestamp", "asc"]], "total": true'
    status 3 gn-sessionize s.gn
    has "$(cat err)" "session_id"
}

@test "the order is needed, and checked" {
    gn-fromcsv --schema interactions -o plain.gn - < <(gn-tocsv a.gn)
    status 3 gn-sessionize plain.gn
    has "$(cat err)" "'plain.gn': not ordered by user_id, timestamp: run gn-sort -k user_id,timestamp"
    status 3 gn-sessionize --summary plain.gn
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
F = [("user_id", "str"), ("timestamp", "time")]
def put(name, rows, order=(("user_id", "asc"), ("timestamp", "asc"))):
    with open(name, "wb") as f:
        f.write(gnstream.build(F, rows, {"order": [list(k) for k in order]}))
put("users.gn", [("b", 1), ("a", 2)])
put("times.gn", [("b", 2), ("b", 1)])
put("null.gn", [(None, 1), ("a", 2)])
put("nulltime.gn", [("a", None), ("a", 2)])
put("nullsame.gn", [("a", 1), (None, 2), ("a", 3)])
put("far.gn", [("u%05d" % i, 5) for i in range(3000)] + [("u00001", 6)])
put("desc.gn", [("b", 2), ("b", 1)], (("user_id", "asc"), ("timestamp", "desc")))
put("user.gn", [("b", 2)], (("user_id", "asc"),))
put("other.gn", [("b", 2)], (("timestamp", "asc"), ("user_id", "asc")))
put("first.gn", [("a", 1), ("b", 1)])
put("on.gn", [("b", 1), ("c", 5)])
put("back.gn", [("a", 9)])
END
    for f in users times null nulltime nullsame far desc user other; do
        for args in '' --summary --partial; do
            # shellcheck disable=SC2086
            status 3 gn-sessionize $args $f.gn
            has "$(cat err)" "run gn-sort -k user_id,timestamp"
        done
    done
    has "$(gn-sessionize far.gn 2>&1 >/dev/null || true)" "record 3001"
    # A further segment goes on where the one before ended, or is refused.
    is "a_0,1 b_0,2 c_0,1" "$(gn-sessionize --summary first.gn on.gn | gn-tocsv --no-header -f session_id,actions_count | xargs)"
    gn-sessionize first.gn on.gn >two.gn
    is '0 0 1 0' "$(records two.gn | grep -o '"session_event": [0-9]*' | cut -d ' ' -f 2 | xargs)"
    for args in '' --summary --partial; do
        # shellcheck disable=SC2086
        status 3 gn-sessionize $args first.gn back.gn
        has "$(cat err)" "run gn-sort"
    done
}

@test "null users and times are left out and counted; statistics" {
    { head_row
        echo 'a,2023-01-01 00:00:00,x,p,5,1'
        echo 'a,,x,p,5,1'
        echo ',2023-01-01 00:00:00,x,p,5,1'
        echo ',,x,p,5,1'
        echo '"",2023-01-01 00:00:00,x,p,-7,1'
        echo '"",2023-01-01 00:00:00,x,p,28800001,1'
        echo 'b,2023-01-01 00:00:00,x,p,,1'; } | sorted n
    is "_0,2,28800001 a_0,1,5 b_0,1,0" "$(table n.gn --stats=stats.json | cut -d , -f 1,6,7 | xargs)"
    is 4 "$(gn-sessionize n.gn | records | wc -l)"
    "$PYTHON" - <<'END'
import json
c = json.load(open("stats.json"))["counters"]
assert c == dict(users=3, sessions=3, bounces=2, events=4, null_user=2, null_time=2, null_value=1,
                 negative_value=1, value_above_8h=1, spill_runs=0, spill_bytes=0), c
END
}

@test "fewer fields, other names, int users; fields asked for must be there" {
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
H = {"order": [["who", "asc"], ["at", "asc"]]}
T = 10**15
F = [("at", "time"), ("who", "int"), ("page_id", "int")]
with open("i.gn", "wb") as f:
    f.write(gnstream.build(F, [(T, -5, 1), (T, 7, None), (T + 1, 7, 2), (T + 2, 7, 2)], H))
with open("empty.gn", "wb") as f:
    f.write(gnstream.build(F, [], H))
with open("float.gn", "wb") as f:
    f.write(gnstream.build([("at", "time"), ("who", "float")], [], H))
END
    gn-sessionize --user who --time at --summary i.gn | gn-tocsv >got
    is "session_id,who,session_start,session_end,session_duration_ms,actions_count,unique_pages,is_bounce
-5_0,-5,2001-09-09 01:46:40,2001-09-09 01:46:40,0,1,1,true
7_0,7,2001-09-09 01:46:40,2001-09-09 01:46:40.000002,0,3,1,false" "$(cat got)"
    is "$(head -n 1 got)" "$(gn-sessionize --user who --time at --summary empty.gn | gn-tocsv)"
    is "at,who,page_id,session_id,session_number,session_start,session_event" \
        "$(gn-sessionize --user who --time at empty.gn | gn-tocsv)"
    for o in '--value x' '--page x' '--action x' --from-end '--with-last --summary' '--value page_id --page who --action x'; do
        # shellcheck disable=SC2086
        status 3 gn-sessionize --user who --time at $o i.gn
    done
    status 3 gn-sessionize --user who --time page_id i.gn
    status 3 gn-sessionize --user who --time at float.gn
}

@test "extremes: the first and last time there is, values at the ends of 64 bits, long users" {
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
H = {"order": [["user_id", "asc"], ["timestamp", "asc"]]}
F = [("user_id", "str"), ("timestamp", "time"), ("duration_ms", "int"), ("page_id", "str")]
LO, HI = -719162 * 86400 * 10**6, (2932896 * 86400 + 86399) * 10**6 + 999999
BIG = (1 << 63) - 1
long = "x" * 70000
with open("x.gn", "wb") as f:
    f.write(gnstream.build(F, [("a", LO, BIG, "p"), ("a", HI, -BIG - 1, "q"), ("b", HI, 1, "q"),
                               (long, 0, 0, long), (long, 0, 0, long + "y"), (long, 1, 0, long)], H))
with open("over.gn", "wb") as f:
    f.write(gnstream.build(F, [("a", 0, BIG, "p"), ("a", 0, 1, "p")], H))
with open("last.gn", "wb") as f:
    f.write(gnstream.build(F, [("a", 0, 0, "p"), ("a", 1000, BIG, "p")], H))
END
    for args in '' --from-end '--split-midnight --tz America/New_York' '--split-midnight --tz Asia/Kolkata'; do
        # shellcheck disable=SC2086
        gn-sessionize --summary $args x.gn | records >got
        is 1 "$(grep -c '"actions_count": 3, "total_duration_ms": 0, "unique_pages": 2' got)"
        # shellcheck disable=SC2086
        gn-sessionize --partial $args -o x.state x.gn
        gn-sessionize --merge x.state | records >again
        same got again
        # shellcheck disable=SC2086
        is 6 "$(gn-sessionize $args x.gn | records | wc -l)"
    done
    is 4 "$(gn-sessionize --summary x.gn | records | wc -l)"
    is 3 "$(gn-sessionize --summary --from-end x.gn | records | wc -l)"
    status 3 gn-sessionize --summary over.gn
    has "$(cat err)" overflows
    gn-sessionize --partial -o over.state over.gn # 128 bits wide
    status 3 gn-sessionize --merge over.state
    status 3 gn-sessionize --summary --with-last last.gn
    gn-sessionize --partial -o last.state last.gn
    is 1 "$(gn-sessionize --merge last.state | records | wc -l)"
    status 3 gn-sessionize --merge --with-last last.state
}

@test "against sqlite3: random events, every option" {
    "$PYTHON" "$ORACLE/session_diff.py" --no-partials "$(seeds 1-20)"
}

@test "against sqlite3: random divisions into states, merged along random trees" {
    "$PYTHON" "$ORACLE/session_diff.py" "$(seeds 101-115)"
}

@test "one user with 100,000 pages, cut in three, within 16M" {
    { head_row
        seq 100000 | awk '{ printf "giant,2023-01-01 %02d:%02d:%02d,a%d,p%d,1,1\n", $1 / 3600 % 24, $1 / 60 % 60, $1 % 60, $1 % 7, $1 }' |
            sort -t , -k 2,2 -s; } | gn-fromcsv --schema interactions - >g.gn
    "$PYTHON" "$ORACLE/ordered.py" user_id,timestamp g.gn >big.gn
    is "giant_0,100000,100000,7" "$(gn-sessionize --summary -m 16M big.gn | gn-tocsv --no-header -f session_id,actions_count,unique_pages,action_types)"
    gn-sessionize --partial -m 32M -o whole.state big.gn
    gn-head -n 30000 big.gn | gn-sessionize --partial -o 1.state
    gn-head -n 60000 big.gn | gn-tail -n 30000 | gn-sessionize --partial -o 2.state
    gn-tail -n 40000 big.gn | gn-sessionize --partial -o 3.state
    gn-sessionize --merge --partial -m 32M 2.state 3.state 1.state | records | sha256sum >a
    records whole.state | sha256sum >b
    cmp a b
}

@test "a session whose distinct pages and actions are more than -m: on disk, the same" {
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
H = {"order": [["user_id", "asc"], ["timestamp", "asc"]]}
F = [("user_id", "str"), ("timestamp", "time"), ("page_id", "str"), ("action_type", "str")]
def page(i): # of 150000; a few are long
    i = i * 7919 % 150000
    return "page %d" % i + "x" * (5000 if i % 5000 == 0 else 0)
# a session before and one behind, of the same user and of another; the pages come twice and more
rows = [("a", 0, "page 1", "x"), ("a", 1, "page 1", "y")]
rows += [("a", 10**11 + i, page(i), "action %d" % (i % 70000)) for i in range(400000)]
rows += [("a", 10**12, "page 7", "x"), ("b", 5, "page 1", "x"), ("b", 5, "page 2", "x")]
with open("p.gn", "wb") as f:
    f.write(gnstream.build(F, rows, H))
END
    gn-sessionize --summary -m 16M --stats=s.json p.gn | gn-tocsv -f session_id,actions_count,unique_pages,action_types >got
    is $'session_id,actions_count,unique_pages,action_types\na_0,2,1,2\na_1,400000,150000,70000\na_2,1,1,1\nb_0,2,2,1' "$(cat got)"
    case $(cat s.json) in *'"spill_runs":0,'*) false ;; esac
    gn-sessionize --summary -m 1G --stats=s.json p.gn | gn-tocsv -f session_id,actions_count,unique_pages,action_types | same got -
    has "$(cat s.json)" '"spill_runs":0,'
    is 400005 "$(gn-sessionize -m 16M p.gn | gn-tocsv --no-header | wc -l)" # events need no set
    # states, which are records, and their merge
    gn-sessionize --partial -m 1G -o whole.state p.gn
    gn-sessionize --partial -m 64M p.gn | same whole.state -
    gn-head -n 100000 p.gn | gn-sessionize --partial -o 1.state
    gn-head -n 300000 p.gn | gn-tail -n 200000 | gn-sessionize --partial -o 2.state
    gn-tail -n 100005 p.gn | gn-sessionize --partial -o 3.state
    gn-sessionize --merge -m 16M --stats=s.json 2.state 3.state 1.state |
        gn-tocsv -f session_id,actions_count,unique_pages,action_types | same got -
    case $(cat s.json) in *'"spill_runs":0,'*) false ;; esac
    gn-sessionize --merge --partial -m 64M 2.state 3.state 1.state | records >got
    records whole.state | same - got
    status 5 gn-sessionize --summary -m 16M -T /nonexistent p.gn
    has "$(cat err)" "/nonexistent"
    [ -n "${GN_SANITIZED:-}" ] && return
    ( ulimit -v 60000 && gn-sessionize --summary -m 16M p.gn >/dev/null )
}

@test "the state of a session that fits neither -m nor a record: 5, naming them" {
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
H = {"order": [["user_id", "asc"], ["timestamp", "asc"]]}
F = [("user_id", "str"), ("timestamp", "time"), ("page_id", "str")]
with open("p.gn", "wb") as f:
    f.write(gnstream.build(F, [("a", i, "%d" % i + "x" * 350) for i in range(100000)], H))
END
    is 100000 "$(gn-sessionize --summary -m 16M p.gn | gn-tocsv --no-header -f unique_pages)"
    status 5 gn-sessionize --partial -m 16M -o out.gn p.gn
    has "$(cat err)" "distinct pages of one session need more than 16 MiB"
    has "$(cat err)" "-m/--memory"
    status 5 gn-sessionize --partial -m 1G -o out.gn p.gn
    has "$(cat err)" "over 32 MiB"
    [ ! -e out.gn ]
}

@test "states: one record a session, sets as sorted lists, 128-bit sums" {
    gn-sessionize --partial -o a.state a.gn
    "$PYTHON" "$ORACLE/gnstream.py" --header a.state >header
    has "$(cat header)" '"order": [["user_id", "asc"], ["session_start", "asc"]], "total": true'
    has "$(cat header)" '"!partial": {"command": "gn-sessionize", "state": "sessions", "params": "gap_ms=1800000 boundary=gt from-end=no split-midnight=no user=user_id value=duration_ms page=page_id action=action_type"}'
    is '{"user_id": "ann", "session_start": "2023-07-01 09:00:00", "session_end": "2023-07-01 09:30:00", "session_reach": "2023-07-01 09:30:00", "actions_count": 2, "total_duration_ms": "0000000000000000000000000000a410", "last_duration_ms": 30000, "pages_page_id": "a27031", "actions_action_type": "a465646974a9706167655f76696577"}' \
        "$(records a.state | head -n 1)"
    is "$(table a.gn --with-last)" "$(gn-sessionize --merge --with-last a.state | gn-tocsv --no-header)"
    is "$(table a.gn)" "$(gn-sessionize --merge <a.state | gn-tocsv --no-header)"
    is "$(table a.gn)" "$(gn-sessionize --merge --gap 30min --user user_id a.state | gn-tocsv --no-header)"
}

@test "--merge: what does not fit, and what would count twice, is refused" {
    events b 'cyd 2023-07-01T09:00:00 a p 1'
    gn-sessionize --partial -o a.state a.gn
    gn-sessionize --partial -o b.state b.gn
    is "ann_0 ann_1 bob_0 cyd_0" "$(gn-sessionize --merge b.state a.state | gn-tocsv --no-header -f session_id | xargs)"
    status 3 gn-sessionize --merge a.state a.state
    has "$(cat err)" "counted twice"
    gn-sessionize --merge --partial -o ab.state a.state b.state
    status 3 gn-sessionize --merge ab.state b.state
    for o in '--gap 10min' '--boundary ge' '--from-end' '--split-midnight' '--split-midnight --tz Asia/Tokyo' \
        '--value duration_ms --page action_type' '--action app_version'; do
        # shellcheck disable=SC2086
        gn-sessionize --partial $o -o o.state b.gn
        status 3 gn-sessionize --merge a.state o.state
        has "$(cat err)" "other options"
        status 3 gn-sessionize --merge o.state a.state
        # shellcheck disable=SC2086
        gn-sessionize --merge $o o.state >/dev/null
        # shellcheck disable=SC2086
        status 3 gn-sessionize --merge $o a.state
        has "$(cat err)" "asked for"
    done
    gn-sessionize --partial --split-midnight --tz Asia/Tokyo -o o.state b.gn
    status 3 gn-sessionize --merge --tz Europe/Berlin o.state
    status 3 gn-sessionize --merge a.gn
    status 3 gn-sessionize --merge a.state a.gn
    status 3 gn-sessionize a.state
    gn-dau --partial -o dau.state a.gn
    status 3 gn-sessionize --merge dau.state
    # Two states in one file: only where the second goes on.
    cat a.state b.state >cat.state
    is 4 "$(gn-sessionize --merge cat.state | records | wc -l)"
    cat b.state a.state >tac.state
    status 3 gn-sessionize --merge tac.state
    has "$(cat err)" "a file of its own"
    head -c -9 a.state >cut.state
    status 4 gn-sessionize --merge b.state cut.state
    status 5 gn-sessionize --merge b.state nosuch.state
    # shellcheck disable=SC2046
    status 5 gn-sessionize --merge -m 16M $(for _ in $(seq 20); do echo b.state; done)
    has "$(cat err)" "-m"
}

@test "--merge refuses a hole in what is covered, unless --allow-partial" {
    local i
    for i in 0:400 400:700 700:1000; do
        gn-gen --rows 1000 --users 50 --range $i | "$PYTHON" "$ORACLE/ordered.py" user_id,timestamp |
            gn-sessionize --partial --gap 30d -o "$i.state"
    done
    gn-gen --rows 1000 --users 50 | "$PYTHON" "$ORACLE/ordered.py" user_id,timestamp |
        gn-sessionize --summary --gap 30d | records >want
    gn-sessionize --merge 700:1000.state 0:400.state 400:700.state | records >got
    same want got
    status 3 gn-sessionize --merge 700:1000.state 0:400.state
    has "$(cat err)" "missing"
    gn-sessionize --merge --allow-partial 700:1000.state 0:400.state >/dev/null
    gn-sessionize --merge --partial -o two.state 700:1000.state 0:400.state
    gn-sessionize --merge two.state 400:700.state | records >got
    same want got
}

@test "a state that was tampered with: 4" {
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
H = {"order": [["user_id", "asc"], ["session_start", "asc"]], "total": True,
     "!partial": {"command": "gn-sessionize", "state": "sessions",
                  "params": "gap_ms=1800000 boundary=gt from-end=no split-midnight=no user=user_id "
                            "value=v page=p action="}}
F = [("user_id", "str"), ("session_start", "time"), ("session_end", "time"),
     ("session_reach", "time"), ("actions_count", "int"), ("total_v", "bin"), ("last_v", "int"),
     ("pages_p", "bin")]
Z = bytes(16)
good = ("a", 5, 7, 7, 2, Z, None, b"\xa1a\xa1b")
def put(name, rows, fields=F, params=None):
    h = dict(H)
    if params is not None:
        h["!partial"] = dict(h["!partial"], params=params)
    with open(name, "wb") as f:
        f.write(gnstream.build(fields, rows, h))
put("good.p", [good])
bad = [(None,) + good[1:]]
for i, v in [(1, None), (1, 8), (2, 4), (2, None), (3, 6), (3, 8), (4, 0), (4, -1), (4, None), (5, None),
             (5, Z + b"x"), (5, b"\xff" * 16), (6, -1), (7, b"\xa1b\xa1a"), (7, b"\xa1a\xa1a"),
             (7, b"\xa1"), (7, b"\xc0"), (7, b"\xdb\xff\xff\xff\xff")]:
    bad.append(good[:i] + (v,) + good[i + 1:])
for n, b in enumerate(bad):
    put("bad%d.p" % n, [b])
put("bad90.p", [good, good])
put("bad91.p", [("b",) + good[1:], good])
for n, text in enumerate([
        "", "gap_ms=", "gap_ms=-1 boundary=gt", "gap_ms=99999999999999999999 boundary=gt from-end=no "
        "split-midnight=no user=user_id value=v page=p action=",
        "gap_ms=0 boundary=ge from-end=no split-midnight=no user=user_id value=v page=p action=",
        "gap_ms=1 boundary=gt from-end=no split-midnight=%s user=user_id value=v page=p action=" % ("x" * 300),
        "gap_ms=1 boundary=gt from-end=maybe split-midnight=no user=user_id value=v page=p action=",
        "gap_ms=1 boundary=gt from-end=no split-midnight=no user=user_id value=w page=p action="]):
    put("params%d.p" % n, [good], params=text)
put("fields0.p", [], F[:4])
put("fields1.p", [], F + [("more", "int")])
put("fields2.p", [], F[:7] + [("p", "bin")])
put("fields3.p", [], F[:6] + [("last_w", "int")])
put("zone.p", [good], params="gap_ms=1 boundary=gt from-end=no split-midnight=../x user=user_id value=v page=p action=")
END
    is 1 "$(gn-sessionize --merge good.p | records | wc -l)"
    for f in bad*.p; do
        status 4 gn-sessionize --merge "$f" || { echo "$f"; false; }
    done
    for f in params*.p fields*.p; do
        status 3 gn-sessionize --merge "$f" || { echo "$f"; false; }
    done
    status 2 gn-sessionize --merge zone.p
    head -c 40 good.p >cut.p
    status 4 gn-sessionize --merge cut.p
}

@test "placement: a summary of a partition is in it; others do not mix" {
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
F = [("user_id", "str"), ("timestamp", "time")]
def put(name, rows, lo, hi):
    with open(name, "wb") as f:
        f.write(gnstream.build(F, rows, {
            "order": [["user_id", "asc"], ["timestamp", "asc"]],
            "part": {"key": ["user_id"], "hash": "xxh3", "lo": lo, "hi": hi}}))
put("all.gn", [("a", 1)], 0, (1 << 64) - 1)
put("none.gn", [], 0, 5)
END
    for args in --summary --partial ''; do
        # shellcheck disable=SC2086
        gn-sessionize $args all.gn -o out.gn
        "$PYTHON" "$ORACLE/gnstream.py" --header out.gn >header
        has "$(cat header)" '"part": {"key": ["user_id"]'
    done
    status 3 gn-sessionize --summary all.gn none.gn
    gn-sessionize --partial all.gn -o 1.state
    gn-sessionize --partial none.gn -o 2.state
    gn-sessionize --merge 1.state -o out.gn
    "$PYTHON" "$ORACLE/gnstream.py" --header out.gn >header
    has "$(cat header)" '"part"'
    gn-sessionize --merge 1.state 2.state -o out.gn
    "$PYTHON" "$ORACLE/gnstream.py" --header out.gn >header
    is 0 "$(grep -c '"part"' header || true)"
}

@test "a full device, a closed pipe, a failed upstream, while merging too" {
    gn-sessionize --partial -o a.state a.gn
    for args in '--summary a.gn' 'a.gn' '--merge a.state'; do
        got=0
        # shellcheck disable=SC2086
        gn-sessionize $args >/dev/full 2>err || got=$?
        is 5 $got
        one_error err
    done
    { gn-fromcsv nosuch.csv 2>/dev/null || true; } >failed.gn
    status=0
    gn-sessionize --merge a.state failed.gn >out 2>err || status=$?
    is 4 $status
    [ ! -s err ]
}
