#!/usr/bin/env bats
# gn-hotkeys, gn-salt and gn-partition --salt against Python; the ways in which hot keys are found;
# thresholds; refusals.

load helper

counter() { "$PYTHON" -c 'import json, sys; print(json.load(open("st"))["counters"][sys.argv[1]])' "$1"; }

@test "against Python: hot keys by both rules, salts, salted parts, joins of every type" {
    "$PYTHON" "$ORACLE/skew_diff.py" "${GN_SEED:-1}" 20
}

@test "more keys than counters, or than memory: the same from files and pipes, in 16M and in 1G" {
    gn-gen --rows 250000 --users 1000000 -o a.gn
    for args in "--rule quantile" "--rule quantile --exact" "--rule quantile --min-count 3" \
        "--target-size 200" "--target-size 1M"; do
        # shellcheck disable=SC2086
        gn-hotkeys $args -m 1G a.gn -o want.gn
        for m in 16M 24M; do
            # shellcheck disable=SC2086
            gn-hotkeys $args -m $m --stats=st a.gn | cmp - want.gn
            peak=$("$PYTHON" -c 'import json; print(json.load(open("st"))["max_rss_bytes"])')
            [ -n "${GN_SANITIZED:-}" ] || [ "$peak" -lt $(((${m%M} + 8) << 20)) ]
        done
        # shellcheck disable=SC2086
        gn-cat a.gn | gn-hotkeys $args -m 16M --stats=st2 | gn-tocsv >got
        gn-tocsv want.gn | same /dev/stdin got
        finds '"spill_runs":[1-9]' <st2
    done
    # keys that just fit must leave room for what comes after them
    for n in 190000 200000 210000; do
        gn-gen --rows $n --users 1000000 -o c.gn
        gn-hotkeys --rule quantile --exact -m 16M c.gn >/dev/null
    done
    # by several fields, some of them null
    gn-select '*, k = if(duration_ms < 900000, null, page_id)' a.gn -o b.gn
    gn-hotkeys -k k,action_type --target-size 300 -m 1G b.gn | gn-tocsv >want
    gn-hotkeys -k k,action_type --target-size 300 -m 16M <b.gn | gn-tocsv | same want /dev/stdin
    gn-agg -k k,action_type -a 'count()' b.gn | gn-where 'count > 100' | gn-tocsv --no-header >counts
    cut -d , -f 1-3 <(gn-hotkeys -k k,action_type --min-count 101 --target-size 1 b.gn |
        gn-tocsv --no-header) | same counts /dev/stdin
}

@test "candidates that are sure are counted alone; those that are not make it count all" {
    gn-gen --rows 200000 --users 1000000 -o a.gn
    gn-hotkeys -m 16M --target-size 1M --stats=st a.gn >/dev/null
    is "0 0" "$(counter hot_keys) $(counter keys_counted)"
    gn-hotkeys -m 16M --target-size 2 --stats=st a.gn >/dev/null
    users=$(gn-agg -k user_id a.gn | gn-tocsv --no-header | wc -l)
    is "$users $users 2" "$(counter hot_keys) $(counter keys_counted) $(counter least_bytes)"
    gn-hotkeys -m 1G --target-size 2 --stats=st <a.gn >/dev/null
    is "$users $users 0" "$(counter hot_keys) $(counter keys_counted) $(counter spill_runs)"
    gn-hotkeys --rule quantile --stats=st a.gn >/dev/null
    is 32768 "$(counter keys_sampled)"
    gn-hotkeys --rule quantile --exact --stats=st a.gn >/dev/null
    is "$users" "$(counter keys_sampled)"
}

@test "the sample's p99 is close to that of all keys" {
    { gn-gen --model realistic --rows 200000 --users 20000 && gn-gen --rows 100000 --users 900000; } >a.gn
    gn-hotkeys --rule quantile --exact --stats=st a.gn >/dev/null
    exact=$(counter hot_keys)
    gn-hotkeys --rule quantile --stats=st a.gn >/dev/null
    is 32768 "$(counter keys_sampled)"
    sample=$(counter hot_keys)
    # p99 of the sample is between p98.85 and p99.15 of all, nearly always
    [ "$sample" -gt $((exact * 85 / 100)) ]
    [ "$sample" -lt $((exact * 115 / 100)) ]
}

@test "half of the target, exactly, is not hot; a byte more is; the factor is rounded up" {
    PYTHONPATH=$ORACLE "$PYTHON" -c '
import sys
from gnstream import build
sys.stdout.buffer.write(build([("user_id", "str"), ("x", "str")], [("u", "x" * 5)] * 10 + [("v", "x")]))' >a.gn
    is u,10,90 "$(gn-hotkeys --target-size 179 a.gn | gn-tocsv --no-header | cut -d , -f 1-3)"
    is '' "$(gn-hotkeys --target-size 180 a.gn | gn-tocsv --no-header)"
    for t in 90:2 45:2 44:3 30:3 29:4 6:15; do
        is "${t#*:}" "$(gn-hotkeys --target-size "${t%:*}" a.gn | gn-where 'user_id = "u"' | gn-tocsv --no-header -f factor)"
    done
    is u,10,90,0.9473684210526315,2 "$(gn-hotkeys --target-size 90 a.gn | gn-tocsv --no-header)"
    is '' "$(gn-hotkeys --target-size 90 --min-count 11 a.gn | gn-tocsv --no-header)"
    # one key alone is its own p99
    is '' "$(gn-where 'user_id = "u"' a.gn | gn-hotkeys --rule quantile | gn-tocsv --no-header)"
}

@test "empty input, header and claims, provenance" {
    gn-gen --rows 0 -o e.gn
    for rule in share quantile; do
        is user_id,count,bytes,share,factor "$(gn-hotkeys --rule $rule e.gn | gn-tocsv)"
        is user_id,count,bytes,share,factor "$(gn-hotkeys --rule $rule <e.gn | gn-tocsv)"
    done
    is user_id,count,bytes,share,factor "$(gn-hotkeys --rule quantile --exact e.gn | gn-tocsv)"
    gn-gen --rows 1000 --users 9 -o a.gn
    gn-hotkeys --target-size 1 a.gn -o h.gn
    gn-info --verify h.gn >info
    has "$(cat info)" "order       user_id, then the record's bytes"
    has "$(cat info)" "gn-hotkeys 0.1.0  target-size=1"
    is 1000 "$(gn-hotkeys --target-size 1 --stats a.gn 2>&1 >/dev/null | "$PYTHON" -c '
import json, sys; print(json.load(sys.stdin)["records_in"])')"
}

@test "what is asked wrongly: 2, 3" {
    gn-gen --rows 100 -o a.gn
    for args in "--target-size 0" "--target-size x" "--rule p99" "--exact" "--min-count 0" "-k user_id,user_id" \
        "-m 1M"; do
        # shellcheck disable=SC2086
        status 2 gn-hotkeys $args a.gn
    done
    status 3 gn-hotkeys -k nosuch a.gn
    gn-select 'user_id = len(user_id)' a.gn -o b.gn
    status 3 gn-hotkeys a.gn b.gn
    has "$(cat err)" "'b.gn': key 'user_id' is int, in an earlier input it is str"
    gn-select 'count = user_id' a.gn -o c.gn
    status 2 gn-hotkeys -k count c.gn
    status 5 gn-hotkeys missing.gn
    gn-gen --rows 300000 --users 1000000 -o many.gn
    status 5 gn-hotkeys -m 16M -T "$PWD/missing" --target-size 2 many.gn
    has "$(cat err)" "-T"
}
