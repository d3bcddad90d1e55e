#!/usr/bin/env bats
# gn-outlier: fences against their definitions, what is done with records, two readings, memory.

load helper

# One value a line as duration_ms of a stream.
values() {
    printf 'duration_ms\n' && printf '%s\n' "$@"
}

stream() {
    values "$@" | gn-fromcsv --schema duration_ms:int
}

@test "against plain Python: methods, groups, actions, states" {
    "$PYTHON" "$ORACLE/outlier_diff.py" --bin "$GN_BIN" "$(seeds 1-22)"
}

@test "quartiles: fences, and each thing that can be done" {
    stream 1 2 3 4 100 >in.gn
    is $'duration_ms\n1\n2\n3\n4' "$(gn-outlier --fences f.gn in.gn | gn-tocsv)"
    is "count_duration_ms,q1_duration_ms,q3_duration_ms,lower_duration_ms,upper_duration_ms,outliers
5,2,4,-1,7,1" "$(gn-tocsv f.gn)"
    is $'duration_ms\n1\n2\n3\n4\n7' "$(gn-outlier --action cap in.gn | gn-tocsv)"
    is $'duration_ms,is_outlier\n4,false\n100,true' \
        "$(gn-outlier --action flag in.gn | gn-tocsv | sed -n '1p;5,6p')"
    is $'duration_ms,outlier_bucket\n4,inside\n100,high' \
        "$(gn-outlier --action bucket in.gn | gn-tocsv | sed -n '1p;5,6p')"
    gn-outlier --action split --reject r.gn -o kept.gn in.gn
    is 4 "$(gn-tocsv --no-header kept.gn | wc -l)"
    is "input,offset,record,rule,reason,raw
in.gn,,5,outlier,'duration_ms' is above the upper fence,9164" "$(gn-tocsv r.gn)"
    # Capped ints stay within the fence: 2.5 and 6.5 are no ints.
    is $'duration_ms\n3\n4\n6' "$(stream 1 4 9 | gn-outlier --action cap --method bounds --lower 2.5 --upper 6.5 | gn-tocsv)"
}

@test "a range of 0: nothing is filtered, and it says so" {
    stream 5 5 5 5 5 5 900 >in.gn
    gn-outlier --stats=s --fences f.gn in.gn 2>err >out.gn
    same <(records in.gn) <(records out.gn)
    finds 'note: in 1 of 1 groups the quartiles are equal' <err
    finds '"groups_without_spread":1' <s
    finds '"lower_fence":null,"upper_fence":null' <s
    is "7,5,5,,,0" "$(gn-tocsv --no-header f.gn)"
    gn-outlier -q in.gn 2>err >/dev/null
    [ ! -s err ]
    # One value alone has no spread by nature: no note.
    stream 5 | gn-outlier 2>err >/dev/null
    [ ! -s err ]
    for m in z robust; do
        stream 5 5 5 | gn-outlier --method $m 2>err >/dev/null
        finds 'nothing is out' <err
    done
}

@test "negative values are let alone, unless they are like any other" {
    stream 10 11 12 13 -900 '' 500 >in.gn
    is "10 11 12 13 -900 \"\"" "$(gn-outlier --stats=s in.gn | gn-tocsv --no-header | sed 's/^$/""/' | paste -sd' ')"
    finds '"null_value":1,"negative_value":1,"value_above_8h":0' <s
    finds '"records_before":7,"records_after":6' <s
    is "10 11 12 13 \"\"" "$(gn-outlier --negative in.gn | gn-tocsv --no-header | sed 's/^$/""/' | paste -sd' ')"
}

@test "claims: what capping and appending make untrue is claimed no more" {
    gn-gen --rows 300 --users 9 | gn-sort -k user_id,duration_ms,timestamp >in.gn
    claim() {
        gn-outlier --method percentile --percentiles 10,90 --action "$1" in.gn >out.gn
        records out.gn >/dev/null # by a reader that checks claims
        gn-info out.gn | grep '^  order'
    }
    claim drop | finds duration_ms
    claim flag | finds duration_ms
    claim cap >order
    finds user_id <order
    if finds duration_ms <order; then false; fi
}

@test "more groups than -m holds: the same bytes, also with fences that lack some" {
    gn-gen --rows 260000 --seed 3 | gn-select '*, x = float(duration_ms) / 7' >in.gn
    for v in duration_ms x; do
        gn-outlier -q -m 1G --value $v -k user_id,page_id --method percentile --percentiles 0,40 \
            --action bucket --fences f1.gn --stats=s1 in.gn -o o1.gn
        gn-outlier -q -m 16M --value $v -k user_id,page_id --method percentile --percentiles 0,40 \
            --action bucket --fences f2.gn --stats=s2 in.gn -o o2.gn
        same o1.gn o2.gn
        same f1.gn f2.gn
        finds '"spill_runs":0' <s1
        finds '"spill_runs":[1-9]' <s2
        "$PYTHON" - <<'END'
import json
a, b = (json.load(open(n))["counters"] for n in ("s1", "s2"))
for k in ("groups", "judged", "inside", "low", "high", "without_fences", "unknown_group"):
    assert a[k] == b[k], (k, a, b)
END
    done
    gn-where 'hash(page_id) % 20 != 0' f1.gn >f3.gn
    for m in 1G 16M; do
        gn-outlier -q -m $m --value x -k user_id,page_id --use-fences f3.gn --action flag in.gn \
            -o "g$m.gn" --stats="s$m"
    done
    same g1G.gn g16M.gn
    finds '"unknown_group":[1-9]' <s16M
    finds '"spill_runs":[1-9]' <s16M
    # And through a pipe: three readings of the copy.
    gn-outlier -q -m 16M --value x -k user_id,page_id --use-fences f3.gn --action flag -o p.gn <in.gn
    same g1G.gn p.gn
}

@test "two readings: a pipe is copied, files are not" {
    gn-gen --rows 3000 >in.gn
    gn-outlier --stats=s in.gn >a.gn
    finds '"spooled_bytes":0' <s
    gn-cat in.gn | gn-outlier --stats=s >b.gn
    finds '"spooled_bytes":[1-9]' <s
    same <(records a.gn) <(records b.gn)
    # Two segments through a pipe stay two, with their own claims.
    is 2 "$(cat in.gn in.gn | gn-outlier -q | "$PYTHON" "$ORACLE/gnstream.py" --header | wc -l)"
}

@test "states: refused when of something else, or missing parts" {
    gn-gen --rows 1000 >in.gn
    gn-outlier --partial -k app_version in.gn >s.gn
    status 3 gn-outlier --merge --method z s.gn
    status 3 gn-outlier --merge --negative s.gn
    status 3 gn-outlier --merge in.gn
    status 3 gn-outlier s.gn
    status 3 gn-agg --merge s.gn
    status 3 gn-outlier --merge s.gn s.gn
    finds 'counted twice' <err
    gn-gen --rows 1000 --range 0:400 | gn-outlier --partial >half.gn
    status 3 gn-outlier --merge half.gn
    status 0 gn-outlier --merge --allow-partial half.gn
    gn-gen --rows 1000 --range 400:1000 | gn-outlier --partial >rest.gn
    gn-outlier --merge half.gn rest.gn >m.gn
    gn-outlier --fences f.gn in.gn >/dev/null
    same <(gn-tocsv m.gn | cut -d, -f1-5) <(gn-tocsv f.gn | cut -d, -f1-5)
}

@test "fences that do not fit" {
    gn-gen --rows 1000 >in.gn
    gn-outlier -k app_version --fences f.gn in.gn >/dev/null
    status 3 gn-outlier --use-fences f.gn in.gn
    finds 'other keys' <err
    status 3 gn-outlier -k action_type --use-fences f.gn in.gn
    status 3 gn-outlier -k app_version --value nosuch --use-fences f.gn in.gn
    gn-sort -k app_version:desc f.gn >desc.gn
    status 3 gn-outlier -k app_version --use-fences desc.gn in.gn
    finds 'not in order of the keys' <err
    status 4 gn-outlier -k app_version --use-fences <(head -c 300 f.gn) in.gn
    status 5 gn-outlier -k app_version --use-fences nosuch.gn in.gn
    # What was applied is told by its content, not its name.
    cp f.gn g.gn
    gn-outlier -k app_version --use-fences f.gn in.gn >a.gn
    gn-outlier -k app_version --use-fences g.gn in.gn >b.gn
    same a.gn b.gn
}

@test "usage" {
    gn-gen --rows 10 >in.gn
    for o in "--method nosuch" "--factor x" "--factor -1" "--method percentile --factor 2" \
        "--method percentile --percentiles 9,1" "--method percentile --percentiles 1" \
        "--percentiles 1,99" "--method bounds" "--lower 3" "--method bounds --lower x" \
        "--method bounds --lower 5 --upper 3" "--method bounds --lower 1 -k user_id" \
        "--action split" "--reject r" "--action nosuch" "--partial --merge --action flag" \
        "--partial --fences f" "--merge -k user_id" "--method bounds --lower 1 --partial" \
        "--use-fences f --method z" "--min-values 0"; do
        # shellcheck disable=SC2086
        status 2 gn-outlier $o in.gn
    done
    status 2 gn-outlier --lower 3 in.gn && has "$(cat err)" "go with --method bounds only"
    status 3 gn-outlier --value user_id in.gn
    gn-outlier --action flag in.gn >flagged.gn
    status 3 gn-outlier --action flag flagged.gn
    finds "'is_outlier' already" <err
}

@test "the temporary directory is full: 5, and nothing is left" {
    gn-gen --rows 1000 >in.gn
    status 5 gn-outlier -T nosuch <in.gn
    finds -- -T <err
}
