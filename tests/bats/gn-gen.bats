#!/usr/bin/env bats
# gn-gen: the bytes are those of the written-down algorithm, whatever the range; the figures are
# those of the model.

load helper

# The generator again, from its description: SplitMix64 by counter, Lemire's ranges.
model() {
    PYTHONPATH=$ORACLE "$PYTHON" - "$@" <<'END'
import sys, gnstream
table, seed, users, lo, hi = sys.argv[1], *map(int, sys.argv[2:])
M, G = (1 << 64) - 1, 0x9E3779B97F4A7C15
def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & M
    z = (z ^ z >> 27) * 0x94D049BB133111EB & M
    return z ^ z >> 31
base = mix(mix(seed + G & M) + G * (1 if table == "interactions" else 2) & M)
def below(row, field, n):
    x = mix(base + G * (row * 8 + field + 1) & M)
    while (x * n & M) < (1 << 64) % n:
        x = mix(x + G & M)
    return x * n >> 64
ACTIONS = "page_view edit create delete share".split()
COUNTRIES = "US UK CA AU DE FR JP IN BR MX".split()
DEVICES = ["iPhone", "iPad", "Android Phone", "Android Tablet", "Windows", "Mac"]
PLANS = "free basic premium enterprise".split()
for r in range(lo, hi):
    row = ["u%06d" % (1 + below(r, 0, users))]
    if table == "interactions":
        row.append(gnstream.time_text((1672531200 + below(r, 1, 364 * 86400 + 1)) * 1000000))
        row.append(ACTIONS[below(r, 2, 5)])
        row.append("p%06d" % (1 + below(r, 3, 1000000)))
        row.append(str(100 + below(r, 4, 299901)))
        v = below(r, 5, 300)
        row.append("%d.%d.%d" % (5 + v // 100, v // 10 % 10, v % 10))
    else:
        row.append(gnstream.date_text(18262 + below(r, 1, 1461)))
        row += [COUNTRIES[below(r, 2, 10)], DEVICES[below(r, 3, 6)], PLANS[below(r, 4, 4)]]
    print(",".join(row))
END
}

@test "the rows are those of the written-down algorithm" {
    model interactions 1 1000000 0 3000 >want
    gn-gen --rows 3000 | gn-tocsv --no-header >got
    same want got
    model interactions 42 7 999000 1000000 >want
    gn-gen --seed 42 --users 7 --range 999000:1000000 | gn-tocsv --no-header >got
    same want got
    model metadata 1 1000000000 0 2500 >want
    gn-gen --table metadata --users 1000000000 --rows 2500 | gn-tocsv --no-header >got
    same want got
    grep -Eq '^u[0-9]{9},' got
}

@test "ranges put together are the whole, and say so" {
    gn-gen --rows 10000 -o whole.gn
    gn-gen --rows 10000 --range 0:1 -o a.gn
    gn-gen --rows 10000 --range 1:7777 -o b.gn
    gn-gen --rows 10000 --range 7777:10000 -o c.gn
    gn-tocsv whole.gn >want
    gn-tocsv a.gn b.gn c.gn >got
    same want got
    cat c.gn a.gn b.gn >parts.gn
    gn-info --json whole.gn >whole.json
    gn-info --json parts.gn >parts.json
    "$PYTHON" - <<'END'
import json
whole, parts = (json.load(open(n))["files"][0] for n in ("whole.json", "parts.json"))
for key in ("checksum", "records", "sources", "cover", "roots", "provenance"):
    assert whole[key] == parts[key], key
assert whole["cover"][0]["hi"] == 10000 and not parts["overlaps"]
END
    gn-info --json a.gn a.gn >/dev/null
    cat a.gn a.gn | gn-info --json | finds '"overlaps":true'
}

@test "the uniform model has the figures that are known of it" {
    is 1000000 "$(gn-gen | gn-tocsv --no-header | wc -l)"
    gn-gen | gn-tocsv --no-header -f timestamp,user_id | cut -c1-10,20- | sort -u |
        cut -d, -f1 | uniq -c >days
    awk '{ n[NR] = $1 } END { for (i = 1; i <= 364; i++) s += n[i]; exit !(NR >= 364 && NR <= 365 &&
        s / 364 > 2738 && s / 364 < 2748) }' days
    gn-gen --table metadata | gn-tocsv --no-header -f user_id >ids
    is 100000 "$(wc -l <ids)"
    distinct=$(sort -u ids | wc -l)
    [ "$distinct" -gt 94950 ] && [ "$distinct" -lt 95380 ]
}

@test "a seed is another data set, an option at its default is not" {
    gn-gen --rows 100 -o a.gn
    gn-gen --rows 100 --seed 1 --users 1000000 --model uniform --table interactions -o b.gn
    gn-gen --rows 100 --seed 2 -o c.gn
    same a.gn b.gn
    if cmp -s a.gn c.gn; then false; fi
}

@test "no rows and empty ranges are valid streams" {
    gn-gen --rows 0 | gn-tocsv >got
    is "user_id,timestamp,action_type,page_id,duration_ms,app_version" "$(cat got)"
    gn-gen --rows 5 --range 5:5 >e.gn
    is "" "$(records e.gn)"
    is 0 "$(gn-gen --table metadata --rows 0 | gn-tocsv --no-header | wc -l)"
}

@test "what is passed on is canonical, with a true trailer" {
    gn-gen --rows 2000 | "$PYTHON" "$ORACLE/gnstream.py" >/dev/null
    gn-gen --rows 2000 --table metadata --users 3 | "$PYTHON" "$ORACLE/gnstream.py" >/dev/null
}

@test "bad options are usage errors" {
    status 2 gn-gen --range 5
    status 2 gn-gen --rows 10 --range 0:11
    status 2 gn-gen --range 3:2
    status 2 gn-gen --range -1:2
    status 2 gn-gen --rows -1
    status 2 gn-gen --users 0
    status 2 gn-gen --table sessions
    status 2 gn-gen --model normal
    status 2 gn-gen file.gn
}
