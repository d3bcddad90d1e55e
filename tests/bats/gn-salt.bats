#!/usr/bin/env bats
# gn-salt: which records, which salts, what streams claim then and who refuses them; exploded,
# collapsed; lists that are none. Against Python it is compared in gn-hotkeys.bats.

load helper

setup() {
    gn-gen --model realistic --rows 3000 --users 100 -o a.gn
    gn-hotkeys --target-size 4K a.gn -o hot.gn
}

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}
counter() { "$PYTHON" -c 'import json, sys; print(json.load(open("st"))["counters"][sys.argv[1]])' "$1"; }

@test "hot keys have salts below their factor, all others 0; a retry gives the same bytes" {
    gn-salt --hot hot.gn --stats=st a.gn -o s.gn
    gn-salt --hot hot.gn a.gn | cmp - s.gn
    gn-cat a.gn | gn-salt --hot hot.gn | gn-tocsv >got
    gn-tocsv s.gn | same /dev/stdin got
    is 3000 $(($(counter records_hot) + $(counter records_cold)))
    hot=$(gn-tocsv --no-header hot.gn | wc -l)
    [ "$hot" -gt 3 ]
    is "$hot" "$(counter hot_keys)"
    # as many salts as the factor, where there are records enough
    gn-agg -k user_id -a 'salts = distinct(salt), most = max(salt), n = count()' s.gn |
        gn-where 'salts > 1' | gn-tocsv --no-header -f user_id,salts >got
    gn-tocsv --no-header -f user_id,factor hot.gn | same got /dev/stdin
    gn-select -x salt s.gn | gn-tocsv >back
    gn-tocsv a.gn | same /dev/stdin back
    gn-salt --hot hot.gn --factor 2 --field bucket a.gn | gn-agg -k bucket | gn-tocsv --no-header -f bucket |
        same <(printf '%s\n' 0 1) /dev/stdin
}

@test "--explode: each record of a hot key for every salt, the others once" {
    gn-gen --table metadata --rows 300 --users 100 -o m.gn
    gn-salt --hot hot.gn --explode --stats=st m.gn -o x.gn
    gn-tocsv --no-header hot.gn | cut -d , -f 1,5 | tr , ' ' >factors
    gn-tocsv --no-header m.gn | awk -F, 'NR == FNR { split($0, p, " "); f[p[1]] = p[2]; next }
        { n = $1 in f ? f[$1] : 1; for (s = 0; s < n; s++) print $0 "," s }' factors - >want
    gn-tocsv --no-header x.gn | same want /dev/stdin
}

@test "claims: the order stays, the placement goes, what was exploded has no cover" {
    gn-sort -k user_id,timestamp a.gn | gn-partition -k user_id -n 3 -d p
    gn-salt --hot hot.gn p/part-0001.gn -o s.gn
    gn-info --verify s.gn >info
    has "$(cat info)" "order       user_id, timestamp, then the record's bytes"
    has "$(cat info)" "covers"
    if grep "placed by" info; then false; fi
    gn-salt --hot hot.gn --explode p/part-0001.gn -o x.gn
    gn-info --verify x.gn >info
    has "$(cat info)" "order       user_id, timestamp"
    has "$(cat info)" "covers      unknown"
    if grep -E "placed by|then the record's" info; then false; fi
    # what the list holds is part of where it comes from
    gn-hotkeys --target-size 3K a.gn -o hot2.gn
    gn-salt --hot hot2.gn p/part-0001.gn | gn-info | grep -o 'hot=[0-9a-f]*' >two
    gn-salt --hot hot.gn p/part-0001.gn | gn-info | grep -o 'hot=[0-9a-f]*' >one
    if cmp -s one two; then false; fi
}

@test "gn-partition --salt: neighbours of the user's own part; whole users are not claimed" {
    gn-salt --hot hot.gn a.gn | gn-partition -k user_id --salt salt -n 5 -d s
    gn-partition -k user_id -n 5 -d p a.gn
    for i in 0 1 2 3 4; do
        gn-select "user_id, home = $i" p/part-000$i.gn
        gn-info --verify s/part-000$i.gn >info
        has "$(cat info)" "placed by   user_id, salt (a salt, of 5 parts), hashes"
    done | gn-uniq | gn-tocsv --no-header | sort >homes
    for i in 0 1 2 3 4; do
        gn-select "user_id, salt, at = $i" s/part-000$i.gn
    done | gn-uniq | gn-tocsv --no-header | tr , ' ' | sort >places
    join -t ' ' <(tr , ' ' <homes) places | awk '($2 + $3) % 5 != $4 { bad = 1 } END { exit bad }'
    gn-merge -k user_id,salt <(gn-sort -k user_id,salt s/part-0001.gn) <(gn-sort -k user_id,salt s/part-0002.gn) |
        gn-info | finds "placed by   user_id, salt (a salt, of 5 parts), hashes 3333333333333334..9999999999999999"
    gn-info --json s/part-0001.gn | finds '"salted": *5'
}

@test "who needs whole users refuses salted parts, takes all of them together, or parted anew" {
    gn-salt --hot hot.gn a.gn | gn-partition -k user_id --salt salt -n 4 -d s
    gn-sort -k user_id,timestamp s/part-0001.gn -o one.gn
    status 3 gn-sessionize one.gn
    has "$(cat err)" "'one.gn': placed by user_id,salt: it may hold some records of a user_id only (run gn-partition -k user_id on all parts)"
    status 3 gn-sessionize --summary one.gn
    status 3 gn-sessionize --partial one.gn
    status 3 gn-dau --active core one.gn
    status 3 gn-dau --active session one.gn
    status 3 gn-anomaly --rule behavioural one.gn
    status 3 gn-powerusers one.gn
    status 3 gn-cohort --cohort first-seen one.gn
    gn-powerusers a.gn | gn-tocsv >want
    gn-powerusers s/part-*.gn | gn-tocsv | same want /dev/stdin
    gn-cohort --cohort first-seen a.gn | gn-tocsv >want
    gn-cohort --cohort first-seen s/part-*.gn | gn-tocsv | same want /dev/stdin
    gn-sort -k user_id,timestamp a.gn | gn-sessionize --summary | gn-tocsv >want
    gn-sort -k user_id,timestamp s/part-*.gn | gn-sessionize --summary | gn-tocsv | same want /dev/stdin
    # states that hold the users add up
    for f in s/part-*.gn; do gn-dau --partial -o "$f.state" "$f"; done
    gn-dau --merge s/*.state | gn-tocsv >got
    gn-dau a.gn | gn-tocsv | same /dev/stdin got
    gn-partition -k user_id -n 4 -d again s/part-*.gn
    gn-sort -k user_id,timestamp again/part-0001.gn | gn-sessionize --summary >/dev/null
    # without the salt nothing can be said of the placement
    if gn-select -x salt one.gn | gn-info | grep "placed by"; then false; fi
}

@test "salted parts are split further, and only with their own salt" {
    gn-salt --hot hot.gn a.gn | gn-partition -k user_id --salt salt -n 4 -d s
    gn-partition -k user_id --salt salt -n 2 -d t s/part-0003.gn
    gn-info --verify t/part-0001.gn | finds "(a salt, of 4 parts), hashes e000000000000000..ffffffffffffffff"
    gn-partition -k user_id --salt salt -n 3 --whole -d w s/part-000?.gn
    gn-info --verify w/part-0001.gn | finds "of 3 parts"
    is 3000 "$(cat w/part-*.gn | gn-tocsv --no-header | wc -l)"
    gn-salt --hot hot.gn a.gn | gn-partition -k user_id --salt salt -n 8 -d u
    cat s/part-0003.gn u/part-0006.gn >mixed.gn
    status 3 gn-partition -k user_id --salt salt -n 2 -d x mixed.gn
    has "$(cat err)" "another part of the hash space"
    cat s/part-0003.gn s/part-0002.gn >mixed.gn
    status 3 gn-partition -k user_id --salt salt -n 2 -d x mixed.gn
}

@test "gn-join: salted parts of one number belong together, of different numbers not" {
    gn-uniq -k user_id a.gn -o u.gn
    gn-salt --hot hot.gn a.gn | gn-partition -k user_id --salt salt -n 4 -d l
    gn-salt --hot hot.gn --explode u.gn -o x.gn
    gn-partition -k user_id --salt salt -n 4 -d r x.gn
    gn-partition -k user_id --salt salt -n 8 -d r8 x.gn
    args=(-k "user_id,salt" --right-fields page_id --suffix _u)
    for i in 0 1 2 3; do gn-join "${args[@]}" --type inner "l/part-000$i.gn" "r/part-000$i.gn"; done >j.gn
    is 3000 "$(gn-tocsv --no-header j.gn | wc -l)"
    gn-info --verify j.gn | finds "placed by   user_id, salt (a salt, of 4 parts), hashes 4000"
    status 3 gn-join "${args[@]}" l/part-0001.gn r/part-0002.gn
    for i in 2 3; do status 3 gn-join "${args[@]}" l/part-0001.gn "r8/part-000$i.gn"; done
    status 3 gn-join "${args[@]}" l/part-0001.gn <(gn-merge -k salt <(gn-sort -k salt r8/part-0002.gn) <(gn-sort -k salt r8/part-0003.gn))
    # all of the right, however it was cut, is all of the right
    gn-merge -k salt <(gn-sort -k salt r8/part-000[0-3].gn) <(gn-sort -k salt r8/part-000[4-7].gn) -o all.gn
    gn-info all.gn | finds "of 8 parts"
    gn-join "${args[@]}" --type inner l/part-0001.gn all.gn | gn-tocsv >got
    gn-join "${args[@]}" --type inner l/part-0001.gn r/part-0001.gn | gn-tocsv | same got /dev/stdin
}

@test "salts that are null count as 0; below 0 is refused; a false claim is found" {
    stream 'build([("user_id", "str"), ("salt", "int")], [("u%d" % i, s) for i in range(9) for s in (None, 0, 9)])' >n.gn
    gn-partition -k user_id --salt salt -n 3 -d p n.gn
    # 9 is 0 of 3, too: whoever is in a file is there with all three
    for f in p/part-*.gn; do
        gn-info --verify "$f" >/dev/null
        gn-agg -k user_id -a 'n = count()' "$f" | gn-where 'n != 3' | gn-tocsv --no-header | same /dev/null /dev/stdin
    done
    is 27 "$(cat p/part-*.gn | gn-tocsv --no-header | wc -l)"
    stream 'build([("user_id", "str"), ("salt", "int")], [("u", 1), ("u", -1)])' >n.gn
    status 3 gn-partition -k user_id --salt salt -n 3 -d q n.gn
    has "$(cat err)" "record 2 has a salt below 0"
    [ ! -e q ]
    part='"part": {"key": ["user_id", "salt"], "hash": "xxh3", "lo": 0, "hi": 1 << 62, "salted": 4}'
    for s in 1 2 3 -1; do
        stream "build([('user_id', 'str'), ('salt', 'int')], [('u', $s)], {$part})" >"f$s.gn"
    done
    false=0
    for s in 1 2 3 -1; do gn-info --verify "f$s.gn" >/dev/null 2>&1 || false=$((false + 1)); done
    [ "$false" -ge 3 ]
    # no number of ranges, a salt that is no int, a salt without a key
    for p in "${part/: 4/: 0}" "${part/salted/salt}" "${part/\"user_id\", /}"; do
        stream "build([('user_id', 'str'), ('salt', 'int')], [], {$p})" >bad.gn
        status 4 gn-cat bad.gn
    done
    stream "build([('user_id', 'str'), ('salt', 'str')], [], {$part})" >bad.gn
    status 4 gn-cat bad.gn
}

@test "--collapse: a right row that no copy of which was matched stays once, others go" {
    stream 'build([("user_id", "str"), ("factor", "int")], [("h", 3), ("m", 2), ("l", 2)])' >list.gn
    stream 'build([("user_id", "str"), ("x", "int"), ("salt", "int"), ("side", "str"), ("y", "int")], [
        ("h", None, 1, "right", 7), ("h", None, 0, "right", 7), ("h", None, 2, "right", 7),
        ("m", None, 0, "right", 8), ("c", None, 0, "right", 9), ("m", 5, 1, "both", 8),
        ("l", 6, 1, "left", None), ("c", 1, 0, "both", 9)])' >j.gn
    gn-salt --collapse --mark side --hot list.gn --stats=st j.gn | gn-tocsv >got
    same - got <<'END'
user_id,x,side,y
c,,right,9
m,5,both,8
l,6,left,
c,1,both,9
h,,right,7
END
    is "2 1 1" "$(counter copies_dropped) $(counter matched_elsewhere) $(counter unmatched_kept)"
    # parts together: what is matched in one counts in all
    gn-where 'side = "both"' j.gn -o both.gn
    gn-where 'side != "both"' j.gn -o rest.gn
    gn-salt --collapse --mark side --hot list.gn rest.gn both.gn | gn-tocsv | sort >two
    sort got | same /dev/stdin two
    is 0 "$(gn-where 'x > 99' j.gn | gn-salt --collapse --mark side --hot list.gn | gn-tocsv --no-header | wc -l)"
    stream 'build([("user_id", "str"), ("salt", "int"), ("side", "str")], [("h", 3, "right")])' >bad.gn
    status 3 gn-salt --collapse --mark side --hot list.gn bad.gn
    has "$(cat err)" "record 1: its key has no such 'salt': not the list it was salted with"
    stream 'build([("user_id", "str"), ("salt", "int"), ("side", "str")], [("h", 1, "top")])' >bad.gn
    status 3 gn-salt --collapse --mark side --hot list.gn bad.gn
    status 3 gn-salt --collapse --mark nosuch --hot list.gn bad.gn
    status 3 gn-salt --collapse --mark side --field nosuch --hot list.gn bad.gn
    status 3 gn-salt --collapse --mark side --hot list.gn j.gn bad.gn
}

@test "lists and options that cannot be: 2, 3, 5" {
    for args in "" "--hot -" "--hot hot.gn --factor 1" "--hot hot.gn --factor 0" "--hot hot.gn --factor x" \
        "--hot hot.gn --factor 65537" "--hot hot.gn --factor -2" "--hot hot.gn --explode --collapse --mark m" \
        "--hot hot.gn --collapse" "--hot hot.gn --mark m" "--hot hot.gn -k user_id,user_id"; do
        # shellcheck disable=SC2086
        status 2 gn-salt $args a.gn
    done
    status 5 gn-salt --hot missing.gn a.gn
    status 3 gn-salt --hot a.gn a.gn
    has "$(cat err)" "factor"
    stream 'build([("user_id", "str"), ("factor", "int")], [("u", 2), ("u", 2)])' >twice.gn
    status 3 gn-salt --hot twice.gn a.gn
    has "$(cat err)" "'twice.gn': it lists a key twice"
    for f in 1 0 -1 65537 None; do
        stream "build([('user_id', 'str'), ('factor', 'int')], [('u', $f)])" >few.gn
        status 3 gn-salt --hot few.gn a.gn
    done
    stream 'build([("user_id", "int"), ("factor", "int")], [(1, 2)])' >int.gn
    status 3 gn-salt --hot int.gn a.gn
    has "$(cat err)" "'a.gn': key 'user_id' is str, in 'int.gn' it is int"
    status 3 gn-salt --hot hot.gn --field user_id a.gn
    has "$(cat err)" "there is a field 'user_id' already"
    status 3 gn-salt --hot hot.gn -k page_id a.gn
    head -c 100 hot.gn >cut.gn
    status 4 gn-salt --hot cut.gn a.gn
    gn-salt --factor 4 --hot <(gn-select user_id hot.gn) a.gn | gn-agg -k salt | gn-tocsv --no-header -f salt |
        same <(seq 0 3) /dev/stdin
    status 2 gn-partition --salt salt --by date -d p a.gn
    status 3 gn-partition -k user_id --salt salt -n 2 -d p a.gn
    status 3 gn-partition -k user_id --salt page_id -n 2 -d p a.gn
    status 2 gn-partition -k user_id,duration_ms --salt duration_ms -n 2 -d p a.gn
}

@test "a large list takes its memory from -m" {
    gn-gen --rows 300000 --users 1000000 -o many.gn
    gn-hotkeys --target-size 2 many.gn -o list.gn
    status 5 gn-salt -m 16M --hot list.gn a.gn
    has "$(cat err)" "-m"
    gn-salt -m 64M --hot list.gn a.gn >/dev/null
}
