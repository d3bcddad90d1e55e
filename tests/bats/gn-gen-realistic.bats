#!/usr/bin/env bats
# gn-gen --model realistic: the properties that the manual states, found again in the rows; what was
# planted, where the side file says; ranges; options.

load helper

# One data set for all: 250,000 rows of 25,000 users, and their metadata.
setup_file() {
    cd "$BATS_FILE_TMPDIR" || exit 1
    gn-gen --model realistic --rows 250000 --users 25000 --effects effects.json -o events.gn
    gn-tocsv --no-header events.gn -o events.csv
    gn-gen --model realistic --table metadata --rows 25000 --users 25000 --effects meta.json |
        gn-tocsv --no-header -o meta.csv
    cat >read.py <<'END'
import csv, datetime, marshal
days = {}
def seconds(text):
    day = text[:10]
    if day not in days:
        days[day] = (datetime.date.fromisoformat(day).toordinal() - 719163) * 86400
    return days[day] + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
events = [(u, seconds(t), a, p, int(d) if d else None, v)
          for u, t, a, p, d, v in csv.reader(open("events.csv"))]
marshal.dump(events, open("events.marshal", "wb"))
END
    "$PYTHON" read.py
    cat >data.py <<'END'
import collections, csv, datetime, json, marshal, math, statistics
def seconds(text):
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())
def effects(name):
    return [e for e in json.load(open("effects.json"))["effects"] if e["name"] == name]
events = marshal.load(open("events.marshal", "rb"))  # user, seconds, action, page, ms or None, version
meta = list(csv.reader(open("meta.csv")))
true, joined = {}, {}
for m in meta:
    true[m[0]] = max(true.get(m[0], m), m, key=lambda x: x[1])
    joined[m[0]] = min(joined.get(m[0], m[1]), m[1])
def near(got, want, part):
    assert abs(got - want) <= part * want, (got, want)
def binomial(count, n, p):  # within five standard deviations
    assert abs(count - n * p) <= 5 * math.sqrt(n * p * (1 - p)) + 1, (count, n * p)
END
}

look() {
    cd "$BATS_FILE_TMPDIR" || return 1
    { echo 'from data import *' && cat; } >"$BATS_TEST_TMPDIR/look.py"
    PYTHONPATH=$BATS_FILE_TMPDIR "$PYTHON" "$BATS_TEST_TMPDIR/look.py" || return 1
    cd "$BATS_TEST_TMPDIR" || return 1
}

@test "the top 1 % of the users own 60 % of the rows" {
    look <<'END'
rows = sorted(collections.Counter(e[0] for e in events).values(), reverse=True)
share = sum(rows[:math.ceil(len(rows) / 100)]) / len(events)
assert 0.58 <= share <= 0.62, share
power, = effects("power_users")
assert abs(power["expected"]["share_of_rows"] - 0.6) < 0.002
near(len(rows), power["expected"]["users"], 0.03)
assert len(events) == 250000 and rows[0] < 0.06 * len(events)
END
    for p in 0.3 0.8; do
        gn-gen --model realistic --rows 200000 --users 20000 --top-share $p |
            gn-tocsv -f user_id --no-header | sort | uniq -c | sort -rn | awk -v p=$p '
            { n[NR] = $1; s += $1 }
            END { for (i = 1; i <= NR / 100; i++) t += n[i]
                exit !(t / s > p - 0.03 && t / s < p + 0.03) }'
    done
}

@test "rates of null, negative, long and copied rows; late ones by position" {
    look <<'END'
n = len(events)
d = [e[4] for e in events]
binomial(sum(x is None for x in d), n, 0.01)
binomial(sum(x is not None and x < 0 for x in d), n, 0.005)
binomial(sum(x is not None and x > 28800000 for x in d), n, 0.001)
assert not any(x is not None and (x > 259200000 or x < -60000) for x in d)
assert abs(n - len(set(events)) - 0.005 * n) < 20
for name in ("null_durations", "negative_durations", "long_durations", "duplicates", "late_arrivals"):
    e, = effects(name)
    assert e["expected"]["rows"] == round(e["parameters"]["rate"] * n), name
latest = late = 0
for e in events:
    late += e[1] < latest
    latest = max(latest, e[1])
assert 0.018 * n < late <= 0.0205 * n, late
END
    gn-gen --model realistic --rows 100000 --late-rate 0 | gn-tocsv --no-header -f timestamp | sort -c
    gn-gen --model realistic --rows 50000 --null-rate 0 --negative-rate 1 --long-rate 0 |
        gn-tocsv --no-header -f duration_ms >negative
    is 50000 "$(grep -c '^-' negative)"
    gn-gen --model realistic --rows 50000 --duplicate-rate 0.25 | gn-tocsv --no-header >copies
    n=$(sort -u copies | wc -l)
    [ "$n" -ge 37480 ] && [ "$n" -le 37520 ]
}

@test "sessions: a third or so bounce, gaps are short, actions follow the chain" {
    look <<'END'
by = collections.defaultdict(list)
for e in dict.fromkeys(events):  # copies aside
    by[e[0]].append(e)
sizes, step = [], collections.defaultdict(collections.Counter)
for mine in by.values():
    mine.sort(key=lambda e: e[1])
    run = [mine[0]]
    for e in mine[1:] + [None]:
        if e and e[1] - run[-1][1] <= 1800:
            run.append(e)
            continue
        sizes.append(len(run))
        step["(first)"][run[0][2]] += 1
        for a, b in zip(run, run[1:]):
            step[a[2]][b[2]] += 1
        run = [e]
bounces = sum(s == 1 for s in sizes) / len(sizes)
assert 0.30 <= bounces <= 0.45, bounces
s, = effects("sessions")
assert bounces <= s["expected"]["bounce_rate"] + 0.01
near(statistics.mean(sizes), s["expected"]["actions_per_session"], 0.12)
chain, = effects("action_chain")
for a, row in chain["parameters"]["transitions"].items():
    n = sum(step[a].values())
    for b, p in row.items():  # sessions that ran together blur it a little
        assert abs(step[a][b] / n - p) < 0.03, (a, b, step[a][b] / n, p)
END
}

@test "hours, weekdays and months have their weights; one hour stands out" {
    look <<'END'
cal = effects("calendar")[0]["parameters"]
hour = collections.Counter(e[1] // 3600 for e in events)
spike, = effects("anomalous_hour")
at = seconds(spike["parameters"]["hour"]) // 3600
near(hour[at] / hour[at - 168], spike["expected"]["factor"], 0.4)
assert max(hour, key=hour.get) == at
assert max((h for h in hour if hour[h - 168] >= 20), key=lambda h: hour[h] / hour[h - 168]) == at
of_day, of_week, of_month = (collections.Counter() for _ in range(3))
for h, n in hour.items():
    t = datetime.datetime.fromtimestamp(h * 3600, datetime.timezone.utc)
    of_day[t.hour] += n
    of_week[t.weekday()] += n
    of_month[t.month - 1] += n
weekdays, months = [0] * 7, [0] * 12
for d in range(365):
    t = datetime.date(2023, 1, 1) + datetime.timedelta(d)
    weekdays[t.weekday()] += cal["months"][t.month - 1]
    months[t.month - 1] += cal["weekdays"][t.weekday()]
def shape(got, want, part):
    for i, w in enumerate(want):
        near(got[i] / sum(got.values()), w / sum(want), part)
shape(of_day, cal["hours"], 0.15)  # events come minutes after the begin of their session
shape(of_week, [w * n for w, n in zip(cal["weekdays"], weekdays)], 0.03)
shape(of_month, [m * n for m, n in zip(cal["months"], months)], 0.03)
END
}

@test "the slow version and the slow device are slow; versions are rolled out" {
    look <<'END'
version, device, action = (collections.defaultdict(list) for _ in range(3))
begin = {}
for user, at, a, _, ms, v in events:
    begin[v] = min(at, begin.get(v, at))
    if ms is not None and 0 <= ms <= 28800000:
        action[a].append(ms)
        if a == "page_view":
            version[v].append(ms)
            if user in true:
                device[true[user][3]].append(ms)
roll, slow = effects("version_rollout")[0], effects("slow_version")[0]
assert len(begin) == roll["expected"]["versions"]
medians = {v: statistics.median(d) for v, d in version.items() if len(d) > 500}
usual = statistics.median(medians.values())
name = slow["parameters"]["app_version"]
assert max(medians, key=medians.get) == name
near(medians[name] / usual, slow["expected"]["factor"], 0.15)
assert sorted(medians.values())[-2] < 1.4 * usual
# Nobody has it before its release; soon somebody does.
released = seconds(slow["parameters"]["released"])
assert released <= begin[name] < released + 2 * 86400
slow, = effects("slow_device")
name = slow["parameters"]["device_type"]
medians = {v: statistics.median(d) for v, d in device.items()}
rest = statistics.median(m for d, m in medians.items() if d != name)
near(medians[name] / rest, slow["expected"]["factor"], 0.1)
assert len(medians) == 6 and all(abs(m / rest - 1) < 0.1 for d, m in medians.items() if d != name)
for a, m in effects("durations")[0]["expected"]["median_ms"].items():
    near(statistics.median(action[a]), m, 0.1)
END
}

@test "users leave, by subscription; nobody is there before joining" {
    look <<'END'
leave = effects("churn")[0]["parameters"]["leave_per_week"]
weeks = set()
for e in events:
    day = joined.get(e[0], "")
    if day >= "2023-01-01":
        age = e[1] - seconds(day + " 00:00:00")
        assert age >= 0
        if day <= "2023-06-20":
            weeks.add((e[0], age // 604800))
early, late = collections.Counter(), collections.Counter()
for user, week in weeks:
    early[true[user][4]] += 2 <= week < 8
    late[true[user][4]] += 20 <= week < 26
kept = {s: late[s] / early[s] for s in leave}
assert kept["free"] < kept["basic"] < min(kept["premium"], kept["enterprise"]), kept
for s in ("basic", "premium", "enterprise"):  # 18 weeks apart
    near(kept[s] / kept["free"], math.exp(18 * (leave["free"] - leave[s])), 0.35)
END
}

@test "anomalous user-days are where the side file says" {
    look <<'END'
days = collections.defaultdict(collections.Counter)
for e in events:
    days[e[0]][e[1] // 86400] += 1
planted = effects("anomalous_user_day")
assert len(planted) >= 3
for p in planted:
    d = days[p["parameters"]["user_id"]]
    day = seconds(p["parameters"]["date"] + " 00:00:00") // 86400
    before = [d[k] for k in range(day - 30, day) if k in d]
    assert d[day] >= p["expected"]["rows_at_least"] >= 20 and len(before) >= 3, p
    assert d[day] > 20 * statistics.mean(before), p
END
}

@test "metadata: ids with contradicting rows, users without any" {
    look <<'END'
assert len(meta) == 25000 and len(true) == 23750
story = {e["name"]: e for e in json.load(open("meta.json"))["effects"]}
assert story["duplicate_ids"]["expected"] == {"rows": 1250, "distinct_users": 23750}
assert story["users_without_metadata"]["expected"]["users"] == 1250
rows = collections.defaultdict(list)
for m in meta:
    rows[m[0]].append(m)
assert sum(len(several) == 2 for several in rows.values()) == 1250
for several in rows.values():
    several.sort(key=lambda m: m[1])
    assert len({m[1] for m in several}) == len(several)  # the latest one is no tie
    assert all(m[3] != several[-1][3] for m in several[:-1])
users = {e[0] for e in events}
binomial(len(users - set(true)), len(users), 0.05)
for column, name in ((2, "country"), (3, "device_type"), (4, "subscription_type")):
    count = collections.Counter(m[column] for m in true.values())
    shares = story["attributes"]["expected"][name]
    assert set(count) == set(shares)
    for value, p in shares.items():
        binomial(count[value], len(true), p)
binomial(sum(d < "2023-01-01" for d in joined.values()), len(joined), 0.5)
assert min(joined.values()) >= "2020-01-01" and max(joined.values()) <= "2023-12-31"
END
}

@test "ranges make the whole, whoever makes them" {
    gn-gen --model realistic --rows 30000 --users 500 -o whole.gn
    gn-gen --model realistic --rows 30000 --users 500 --seed 1 --from 2023-01-01 --to 2023-12-31 \
        --top-share 0.60 --null-rate 1e-2 --negative-rate .005 --long-rate 0.001 \
        --duplicate-rate 0.005 --late-rate 0.02 --table interactions -o again.gn
    same whole.gn again.gn
    for r in 0:1 1:9000 9000:9001 9001:30000; do
        gn-gen --model realistic --rows 30000 --users 500 --range $r
    done >parts.gn
    gn-tocsv whole.gn >want
    gn-tocsv parts.gn >got
    same want got
    gn-info --json whole.gn >whole.json
    gn-info --json parts.gn >parts.json
    "$PYTHON" - <<'END'
import json
whole, parts = (json.load(open(n))["files"][0] for n in ("whole.json", "parts.json"))
for key in ("checksum", "records", "sources", "cover", "roots", "provenance"):
    assert whole[key] == parts[key], key
assert whole["cover"][0]["hi"] == 30000 and not parts["overlaps"]
END
    gn-gen --model realistic --rows 30000 --users 500 --seed 2 -o other.gn
    gn-gen --model realistic --rows 30000 --users 500 --late-rate 0.021 -o late.gn
    for f in other late; do
        if cmp -s whole.gn $f.gn; then false; fi
    done
    gn-gen --model realistic --table metadata --rows 5000 --users 900 -o whole.gn
    for r in 0:2500 2500:2500 2500:5000; do
        gn-gen --model realistic --table metadata --rows 5000 --users 900 --range $r
    done >parts.gn
    gn-tocsv whole.gn >want
    gn-tocsv parts.gn >got
    same want got
}

@test "small and empty data sets are valid, of any period" {
    for o in "--rows 0" "--rows 1" "--rows 50 --users 1" "--rows 1000 --from 2024-02-29 --to 2024-02-29" \
        "--rows 10 --from 1970-01-01 --to 2069-12-31" "--rows 300 --duplicate-rate 0.9"; do
        for t in interactions metadata; do
            # shellcheck disable=SC2086
            gn-gen --model realistic --table $t $o | "$PYTHON" "$ORACLE/gnstream.py" >/dev/null
        done
    done
    gn-gen --model realistic --rows 300 --late-rate 1 --duplicate-rate 0.9 |
        "$PYTHON" "$ORACLE/gnstream.py" >/dev/null
    gn-gen --model realistic --rows 1000 --from 2024-02-29 --to 2024-02-29 |
        gn-tocsv --no-header -f timestamp | cut -c1-10 | sort -u >days
    is 2024-02-29 "$(cat days)"
    # Effects without any row, on standard output.
    gn-gen --model realistic --range 0:0 -o /dev/null --effects - |
        "$PYTHON" -c 'import json, sys; assert json.load(sys.stdin)["rows"] == 1000000'
}

@test "bad options are usage errors" {
    for o in "--from 2023-01-01" "--to 2023-01-01" "--top-share 0.6" "--null-rate 0" "--long-rate 0" \
        "--negative-rate 0" "--duplicate-rate 0" "--late-rate 0" "--effects e.json"; do
        # shellcheck disable=SC2086
        status 2 gn-gen --rows 1 $o
        has "$(cat err)" "--model realistic only"
    done
    for o in "--top-share 0.6" "--null-rate 0" "--late-rate 0"; do
        # shellcheck disable=SC2086
        status 2 gn-gen --model realistic --table metadata --rows 1 $o
        has "$(cat err)" "--table interactions only"
    done
    for o in "--from 2023-02-29" "--from 2023-06-01 --to 2023-05-31" "--from 1969-12-31" \
        "--from 2101-01-01 --to 2106-01-01" "--top-share 1" "--top-share nan" "--null-rate 1.1" \
        "--null-rate x" "--late-rate -0.1" "--null-rate 0.5 --long-rate 0.6" "--duplicate-rate 1" \
        "--range 0:11" "--users 0" "--effects -" "--effects x.gn -o x.gn"; do
        # shellcheck disable=SC2086
        status 2 gn-gen --model realistic --rows 10 $o
    done
    status 2 gn-gen --model realistic --rows 99999999999 --from 2023-01-01 --to 2023-01-01
    [ ! -e x.gn ] && [ ! -e e.json ]
    status 5 gn-gen --model realistic --rows 10 --effects /nonexistent/e.json -o y.gn
    [ ! -e y.gn ]
}
