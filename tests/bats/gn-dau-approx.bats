#!/usr/bin/env bats
# gn-dau --approx: beside the exact counts, the sketches rebuilt in Python, merges, refusals. That few
# users are counted exactly is also checked on random data by dau_diff.py.
# shellcheck disable=SC2015,SC2030,SC2031

load helper

@test "estimates lie within four standard errors of the exact counts, and others are exact" {
    for users in 2000 12000 150000; do
        gn-gen --rows 200000 --users $users -o e.gn
        for k in day week month rolling stickiness; do
            gn-dau --by $k e.gn | gn-tocsv >exact.csv
            gn-dau --approx --by $k e.gn | gn-tocsv >approx.csv
            "$PYTHON" - $k $users <<'END'
import csv, sys
kind, users = sys.argv[1:]
exact, approx = (list(csv.DictReader(open(f))) for f in ("exact.csv", "approx.csv"))
assert list(exact[0]) == list(approx[0]) and len(exact) == len(approx)
sigma, seen = 1.04 / 128, []
for a, b in zip(exact, approx):
    for c in a:
        if c in ("dau", "wau", "mau", "mau_30d"):
            n, m = int(a[c]), int(b[c])
            assert n == m if n <= 1536 else abs(m - n) <= 4 * sigma * n, (kind, users, c, n, m)
            if n > 1536:
                seen.append((m - n) / n)
        elif "per_user" in c or "stickiness" in c or c == "mean_dau":
            if a[c]:
                assert abs(float(b[c]) / float(a[c]) - 1) <= 8 * sigma, (kind, users, c, a, b)
        else:
            assert a[c] == b[c], (kind, users, c, a, b)
if len(seen) > 10:
    assert any(seen), "nothing was estimated"
END
        done
    done
}

# Independent of gn: hashes and registers in Python, the estimator of Ertl 2017 (algorithm 6).
@test "the state and the figures, rebuilt in Python" {
    gn-gen --rows 60000 --users 30000 -o e.gn
    gn-dau --approx --by month e.gn >month.gn
    gn-dau --approx e.gn >day.gn
    gn-dau --approx --partial -o e.p e.gn
    "$PYTHON" "$ORACLE/gnstream.py" --header e.p >header
    has "$(cat header)" '"state": "sketch"'
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import math
import xxhash
import gnstream

def segment(name):
    return gnstream.parse(open(name, "rb").read())[0]

def registers(hashes):
    reg = [0] * 16384
    for h in hashes:
        rest = (h << 14) & (1 << 64) - 1
        reg[h >> 50] = max(reg[h >> 50], 65 - rest.bit_length() if rest else 51)
    return bytes(reg)

def sketch(hashes):
    if len(hashes) <= 1536:
        return b"\1" + b"".join(h.to_bytes(8, "big") for h in sorted(hashes))
    return b"\2" + registers(hashes)

def sigma(x):
    y, z = 1.0, x
    while True:
        x, before = x * x, z
        z += x * y
        y += y
        if z == before:
            return z

def tau(x):
    if x in (0, 1):
        return 0.0
    y, z = 1.0, 1 - x
    while True:
        x, before = math.sqrt(x), z
        y *= 0.5
        z -= (1 - x) ** 2 * y
        if z == before:
            return z / 3

def count(hashes):
    if len(hashes) <= 1536:
        return len(hashes)
    reg, m = registers(hashes), 16384
    c = [reg.count(k) for k in range(52)]
    z = m * tau(1 - c[51] / m)
    for k in range(50, 0, -1):
        z = 0.5 * (z + c[k])
    z += m * sigma(c[0] / m)
    return int(m * m / (2 * math.log(2)) / z + 0.5)

events = segment("e.gn")
at = events.names().index
days, months = {}, {}
for r in events.records:
    h = xxhash.xxh3_64_intdigest(gnstream.pack(r[at("user_id")]))
    day = r[at("timestamp")] // 86400000000
    d = days.setdefault(day, [set(), 0, 0])
    d[0].add(h)
    d[1] += 1
    d[2] += max(r[at("duration_ms")] or 0, 0)
    months.setdefault(gnstream.date_text(day)[:7], set()).add(h)
want = [(day, n, n, total.to_bytes(16, "big"), sketch(users))
        for day, (users, n, total) in sorted(days.items())]
assert segment("e.p").records == want
assert [r[1] for r in segment("day.gn").records] == [len(days[d][0]) for d in sorted(days)]
got = [r[1] for r in segment("month.gn").records]
assert got == [count(months[m]) for m in sorted(months)]
assert any(g != len(months[m]) for g, m in zip(got, sorted(months)))
END
}

@test "any order, grouping and merge tree give the same bytes" {
    gn-gen --rows 120000 --users 60000 -o e.gn
    gn-dau --approx --partial e.gn | records >want
    gn-tocsv e.gn >e.csv
    { head -n 1 e.csv && tail -n +2 e.csv | sort -r; } | gn-fromcsv - | gn-dau --approx --partial | records >turned
    same want turned
    for k in month rolling; do
        gn-dau --approx --by $k e.gn | records >want.$k
    done
    i=0
    for r in 0:1 1:7000 7000:20000 20000:70000 70000:71000 71000:110000 110000:120000; do
        gn-gen --rows 120000 --users 60000 --range $r | gn-dau --approx --partial -o p$i.gn
        i=$((i + 1))
    done
    gn-dau --merge --approx --partial -o a.gn p3.gn p0.gn
    gn-dau --merge --approx --partial -o b.gn p6.gn p1.gn p4.gn
    gn-dau --merge --approx --partial -o c.gn b.gn p5.gn
    gn-dau --merge --approx --partial -o d.gn p2.gn c.gn a.gn
    records d.gn >got
    same want got
    gn-dau --merge --approx --partial p0.gn p1.gn p2.gn p3.gn p4.gn p5.gn p6.gn | records >got
    same want got
    for k in month rolling; do
        gn-dau --merge --approx --by $k c.gn p2.gn a.gn | records >got
        same want.$k got
        cat p6.gn p5.gn p4.gn p3.gn p2.gn p1.gn p0.gn | gn-dau --merge --approx --by $k | records >got
        same want.$k got
    done
}

@test "dates far apart, no events, no value, ints as users" {
    printf '%s\n' who,day 1,0001-01-01 2,9999-12-31 3,9999-12-31 |
        gn-fromcsv --schema who:int,day:date -o far.gn -
    is "2023-01-01,0
9999-12-31,2" "$({ gn-dau --approx --user who --time day --from 2023-01-01 --to 2023-01-01 far.gn
        gn-dau --approx --user who --time day --last 1d far.gn; } | gn-tocsv --no-header -f date,dau)"
    is "9999-12-31,2,false
0001-01-30,1,true" "$({ gn-dau --approx --by rolling --user who --time day --last 1d far.gn | gn-tocsv --no-header |
        sed 's/true/false/'
        gn-dau --approx --by rolling --user who --time day --from 0001-01-30 --to 0001-01-30 far.gn |
            gn-tocsv --no-header; })"
    for k in day week month rolling stickiness; do
        gn-dau --by $k --user who --time day --to 0003-01-01 far.gn | records >want
        gn-dau --approx --by $k --user who --time day --to 0003-01-01 far.gn | records >got
        same want got
    done
    gn-head -n 0 far.gn >none.gn
    for k in day week month rolling stickiness; do
        is "$(gn-dau --by $k --user who --time day none.gn | gn-tocsv)" \
            "$(gn-dau --approx --by $k --user who --time day none.gn | gn-tocsv)"
    done
    gn-dau --approx --user who --time day --partial -o none.p none.gn
    is 0 "$(records none.p | wc -l)"
    is "date,dau,total_interactions,complete" "$(gn-dau --merge --approx none.p | gn-tocsv)"
}

@test "exact states and sketches do not mix; neither do other options" {
    gn-gen --rows 1000 --users 50 --range 0:500 -o a.gn
    gn-gen --rows 1000 --users 50 --range 500:1000 -o b.gn
    gn-dau --partial -o a.keys a.gn
    gn-dau --partial --approx -o a.sketch a.gn
    gn-dau --partial --approx -o b.sketch b.gn
    gn-dau --merge --approx a.sketch b.sketch >/dev/null
    for args in '--merge a.sketch' '--merge --approx a.keys' '--merge a.keys b.sketch' \
        '--merge --approx b.sketch a.keys' '--merge --approx a.sketch a.sketch' '--approx a.sketch' \
        '--merge --approx a.sketch'; do
        # shellcheck disable=SC2086
        status 3 gn-dau $args
    done
    gn-dau --partial --approx --tz Asia/Tokyo -o tz.p b.gn
    gn-dau --partial --approx --active engaged -o act.p b.gn
    gn-dau --partial --approx --user action_type -o user.p b.gn
    gn-dau --partial --approx --user duration_ms -o int.p b.gn
    gn-dau --partial --approx --value duration_ms -o same.p b.gn
    for p in tz act user int; do
        status 3 gn-dau --merge --approx a.sketch $p.p
        has "$(cat err)" "other options"
    done
    status 0 gn-dau --merge --approx a.sketch same.p
    status 0 gn-dau --merge --approx --allow-partial --tz Asia/Tokyo tz.p
    status 3 gn-dau --merge --approx --allow-partial --tz Asia/Tokyo a.sketch
}

@test "states that are none: 3 or 4, never worse" {
    gn-gen --rows 3000 --users 3000 | gn-dau --approx --partial -o e.p
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import gnstream
seg = gnstream.parse(open("e.p", "rb").read())[0]
good = [list(r) for r in seg.records[:3]]
fields, partial = seg.fields, seg.header["!partial"]
def put(name, records, fields=fields, **change):
    header = {"order": [["date", "asc"]], "total": True, "!partial": dict(partial, **change)}
    open(name + ".bad", "wb").write(gnstream.build(fields, records, header))
def with_value(i, v):
    return [good[0], good[1][:i] + [v] + good[1][i + 1:], good[2]]
put("ok", good)
put("4-null-date", with_value(0, None))
put("4-null-sketch", with_value(4, None))
put("4-same-day", with_value(0, good[0][0]))
put("4-order", with_value(0, good[0][0] - 1))
put("4-day", [good[0], good[1], [1 << 40] + good[2][1:]])
put("4-events", with_value(1, -1))
put("4-interactions", with_value(2, good[1][1] + 1))
put("4-negative", with_value(2, -1))
put("4-sum", with_value(3, b"\0" * 15))
put("4-no-users", with_value(4, b"\1"))
put("4-form", with_value(4, b"\3" + good[1][4][1:]))
put("4-empty", with_value(4, b""))
put("4-cut", with_value(4, good[1][4][:-1]))
put("4-doubled", with_value(4, good[1][4] + good[1][4][-8:]))
put("4-registers", with_value(4, b"\2" + b"\64" * 16384))
put("4-zero", with_value(4, b"\2" + b"\0" * 16384))
put("4-nothing", with_value(1, 0)[:1] + [[good[1][0], 0, 0, good[1][3], b"\1"]])
put("3-state", good, state="keys")
put("3-params", good, params=partial["params"].replace("hll14", "hll15"))
put("3-value", good, params=partial["params"].replace("duration_ms", "other"))
put("3-fields", [r[:4] for r in good], fields[:4])
put("3-names", good, fields[:1] + [["event", "int"]] + fields[2:])
put("3-more", [r + [1] for r in good], fields + [["more", "int"]])
END
    status 0 gn-dau --merge --approx ok.bad
    for f in [34]-*.bad; do
        status "${f%%-*}" gn-dau --merge --approx "$f" || { echo "$f"; false; }
        status "${f%%-*}" gn-dau --merge --approx --partial "$f" || { echo "$f"; false; }
    done
}

@test "memory: users take none, days do; without room for them: 5, naming -m, no table" {
    gn-gen --rows 1000000 --users 3000000 -o big.gn
    gn-dau -m 16M --stats=s.json big.gn >/dev/null
    has "$(cat s.json)" '"spill_runs":'
    [[ $(cat s.json) != *'"spill_runs":0'* ]]
    gn-dau -m 16M --approx --by month --stats=s.json big.gn >/dev/null
    [[ $(cat s.json) != *spill_runs* ]]
    # 800 users on each of 1,100 days.
    awk 'BEGIN { print "who,day"
        for (d = 0; d < 1100; d++) {
            day = strftime("%Y-%m-%d", 86400 * d, 1)
            for (u = 0; u < 800; u++) print u "," day
        } }' | gn-fromcsv --schema who:int,day:date -o days.gn -
    status 5 gn-dau -m 16M --approx --user who --time day -o d.gn days.gn
    has "$(cat err)" "-m"
    [ ! -e d.gn ]
    is 1100 "$(gn-dau -m 32M --approx --user who --time day days.gn | gn-tocsv --no-header -f dau | grep -c '^800$')"
}
