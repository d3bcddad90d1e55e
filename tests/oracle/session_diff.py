#!/usr/bin/python3
"""session_diff.py - gn-sessionize against session_oracle.py on random events.

    session_diff.py [--no-partials] FIRST-LAST      a case for each seed

A case: random events with ties, gaps of exactly the bound, midnights and changes of the clock, null,
negative and huge values, null users and times, sometimes one giant user; sometimes fewer fields, int
users, several segments. Compared are the summary, the events with their fields appended, the
statistics, and the summary and state of random partial states merged along random trees, to the byte.
"""
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile
import zoneinfo

import gnstream
import session_oracle

SECOND = 1000000
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia",
         "Australia/Lord_Howe", "America/Sao_Paulo", "America/Havana"]
TOP = (1 << 63) - 1


def utc_us(zone, *wall):
    t = datetime.datetime(*wall, tzinfo=zoneinfo.ZoneInfo(zone)).astimezone(datetime.timezone.utc)
    return (t - session_oracle.EPOCH) // datetime.timedelta(microseconds=1)


class Case:
    def __init__(self, seed):
        r = self.r = random.Random(seed)
        self.gap_ms = r.choice([1800000, 1800000, 1800000, 60000, 1000, 1, 0, 90000000])
        self.ge = self.gap_ms > 0 and r.random() < 0.3
        self.has = {k: r.random() < 0.85 for k in ("value", "page", "action")}
        self.from_end = self.has["value"] and r.random() < 0.35
        self.with_last = self.has["value"] and r.random() < 0.4
        self.zone = r.choice(ZONES) if r.random() < 0.4 else None
        self.int_users = r.random() < 0.2
        self.names = r.random() < 0.3  # other ones than the defaults
        self.total = r.random() < 0.5
        self.fields = self.make_fields()
        self.events = self.make_events()
        self.order()

    def make_fields(self):
        names = dict(user="who", time="at", value="ms", page="url", action="what") if self.names \
            else dict(user="user_id", time="timestamp", value="duration_ms", page="page_id",
                      action="action_type")
        f = [("user", names["user"], "int" if self.int_users else "str"),
             ("time", names["time"], "time"), ("more", "x", "str")]
        f += [(k, names[k], "int" if k == "value" else "str") for k in self.has if self.has[k]]
        f += [("pad%d" % i, "pad%d" % i, "int") for i in range(self.r.choice([0, 0, 5, 8, 12]))]
        self.r.shuffle(f)
        return f

    def make_user(self, i):
        if self.int_users:
            return self.r.choice([i, -i, i * 1000, i << 40, TOP - i, -TOP - 1 + i])
        return self.r.choice(["u%06d" % i, "u%d" % i, "", "ü" * (i % 40), "long" * (i * 3), "u_%d_1" % i,
                              "u", "abcdefg%d" % (i % 3), "abcdefgh%d" % (i % 3)])

    def make_events(self):
        r, events = self.r, []
        gap = self.gap_ms * 1000
        steps = [0, 0, 1, SECOND, gap, gap, gap + 1, max(gap - 1, 0), gap // 2, gap // 3, 2 * gap + 5]
        for i in range(r.randrange(1, 25)):
            user = self.make_user(i)
            giant = r.random() < 0.08
            zone = self.zone or "UTC"
            t = r.choice([utc_us("UTC", 2023, 7, 1, 12), -5 * SECOND - 1,
                          utc_us(zone, 2023, 3, 25, 23, 40), utc_us(zone, 2023, 10, 28, 23, 50),
                          utc_us("America/Havana", 2023, 11, 4, 23, 59),
                          utc_us("UTC", 1925, 1, 1), utc_us("UTC", 2011, 12, 30, 9, 30)])
            pages = r.choice([2, 10, 1000])
            for _ in range(r.randrange(500, 3000) if giant else r.randrange(1, 30)):
                t += r.choice(steps) if r.random() < 0.8 else r.randrange(gap * 2 + 2)
                value = r.choice([None, -1, -TOP - 1, 0, 1, r.randrange(2000), self.gap_ms,
                                  r.randrange(self.gap_ms * 3 + 1), 8 * 3600 * 1000 + 1])
                if r.random() < 0.01:
                    value = r.choice([TOP // 1000, TOP >> 8])
                events.append(dict(
                    user=None if r.random() < 0.01 else user, time=None if r.random() < 0.02 else t,
                    value=value if self.has["value"] else None,
                    page=None if not self.has["page"] or r.random() < 0.1
                    else "p" * r.choice([1, 1, 7, 15, 16, 17, 40]) + str(r.randrange(pages)),
                    action=None if not self.has["action"] or r.random() < 0.05
                    else r.choice(["view", "edit", "", "share", "x" * 300]),
                    more="m%d" % r.randrange(3)))
                for k in self.fields:
                    if k[0].startswith("pad"):
                        events[-1][k[0]] = 5
        return events

    def wire(self, e):
        return [gnstream.as_wire(e[k], t) for k, _, t in self.fields]

    def order(self):
        def key(e):
            u = e["user"]
            return ((u is None, u if self.int_users else (u or "").encode()) if u is not None
                    else (True, 0 if self.int_users else b""),
                    e["time"] is None, e["time"] or 0,
                    gnstream.pack(self.wire(e)) if self.total else b"")
        self.events.sort(key=key)

    def header(self):
        name = {k: n for k, n, _ in self.fields}
        h = {"order": [[name["user"], "asc"], [name["time"], "asc"]]}
        if self.total:
            h["total"] = True
        return h

    def stream(self, events, segments=1):
        out = b""
        cuts = sorted(self.r.randrange(len(events) + 1) for _ in range(segments - 1))
        for a, b in zip([0] + cuts, cuts + [len(events)]):
            out += gnstream.build([(n, t) for _, n, t in self.fields],
                                  [[e[k] for k, _, _ in self.fields] for e in events[a:b]],
                                  header=self.header())
        return out

    def rule(self):
        args = ["--gap", "%dms" % self.gap_ms]
        args += ["--boundary", "ge"] * self.ge + ["--from-end"] * self.from_end
        if self.zone:
            args += ["--split-midnight", "--tz", self.zone]
        if self.names:
            for k, n, _ in self.fields:
                if k in ("user", "time", "value", "page", "action"):
                    args += ["--" + k, n]
        return args

    def expected(self):
        return session_oracle.sessions(self.events, dict(
            gap_us=self.gap_ms * 1000, ge=self.ge, from_end=self.from_end, zone=self.zone,
            with_last=self.with_last))


def run(args, data=b"", status=0):
    p = subprocess.run(["gn-sessionize"] + args, input=data, capture_output=True, timeout=60,
                       check=False)
    assert p.returncode == status, (p.returncode, p.stderr, args)
    return p.stdout


def diff(what, want, got):
    assert len(want) == len(got), "%s: %d wanted, %d got" % (what, len(want), len(got))
    for i, (a, b) in enumerate(zip(want, got)):
        assert a == b, "%s %d:\n  wanted %r\n  got    %r" % (what, i, a, b)


def overflows(case, summary):
    return any(s[6] > TOP or s[4] > TOP for s in summary)


def check_summary(case, data, summary):
    keep = [True] * 6 + [case.has["value"], case.has["page"], case.has["action"], True]
    want = [tuple(v for v, k in zip(s, keep) if k) for s in summary]
    last = ["--with-last"] * case.with_last
    if overflows(case, summary):
        run(["--summary"] + last + case.rule(), data, 3)
        return None
    out = run(["--summary", "--stats=stats.json"] + last + case.rule(), data)
    seg, = gnstream.parse(out)
    diff("session", want, seg.records)
    name = {k: n for k, n, _ in case.fields}
    names = ["session_id", name["user"], "session_start", "session_end", "session_duration_ms",
             "actions_count", "total_" + name.get("value", ""), "unique_pages", "action_types",
             "is_bounce"]
    diff("column", [n for n, k in zip(names, keep) if k], seg.names())
    assert seg.header["order"] == [[name["user"], "asc"], ["session_start", "asc"]]
    return out


def check_stats(case, summary):
    with open("stats.json") as f:
        c = json.load(f)["counters"]
    kept = [e for e in case.events if e["user"] is not None and e["time"] is not None]
    want = dict(users=len({s[1] for s in summary}), sessions=len(summary),
                bounces=sum(s[9] for s in summary), events=len(kept),
                null_user=sum(e["user"] is None for e in case.events),
                null_time=sum(e["time"] is None for e in case.events),
                null_value=sum(e["value"] is None for e in kept) * case.has["value"],
                negative_value=sum((e["value"] or 0) < 0 for e in kept),
                value_above_8h=sum((e["value"] or 0) > 8 * 3600000 for e in kept))
    assert {k: c[k] for k in want} == want, (want, c)


def check_events(case, data, tags):
    segs = gnstream.parse(run(case.rule(), data))
    got = [r for s in segs for r in s.records]
    want = [tuple(case.events[n][k] for k, _, _ in case.fields) + tuple(t)
            for n, *t in tags]
    diff("event", want, got)
    assert segs[0].header.get("total", False) == case.total


def parts_of(case):
    """Events in parts, each in order: by time, at random, or by user."""
    r, n = case.r, case.r.randrange(1, 6)
    how = r.choice(["time", "random", "user"])
    times = [e["time"] for e in case.events if e["time"] is not None] or [0]
    cuts = sorted(r.choice(times) for _ in range(n - 1))
    parts = [[] for _ in range(n)]
    for e in case.events:
        if how == "time":
            at = sum((e["time"] or 0) >= c for c in cuts)
        elif how == "user":
            at = hash(str(e["user"])) % n
        else:
            at = r.randrange(n)
        parts[at].append(e)
    return parts


def check_partials(case, data, whole):
    r = case.r
    states = []
    for i, events in enumerate(parts_of(case)):
        states.append("%d.state" % i)
        run(["--partial", "-o", states[-1]] + case.rule(), case.stream(events))
    last = ["--with-last"] * case.with_last
    one = gnstream.parse(run(["--partial"] + case.rule(), data))
    made = len(states)
    while len(states) > 1 and r.random() < 0.7:
        some = r.sample(states, r.randrange(1, len(states) + 1))
        states = [s for s in states if s not in some] + ["%d.state" % made]
        run(["--merge", "--partial", "-o", states[-1]] + some)
        made += 1
    r.shuffle(states)
    again = gnstream.parse(run(["--merge", "--partial"] + case.rule() + states))
    diff("state", one[0].raw, again[0].raw)
    assert one[0].header == again[0].header
    if whole is None:
        run(["--merge"] + last + states, status=3)
    else:
        merged = gnstream.parse(run(["--merge"] + last + states))
        whole = gnstream.parse(whole)
        diff("merged session", whole[0].raw, merged[0].raw)
        assert whole[0].header == merged[0].header


def one_case(seed, partials):
    case = Case(seed)
    summary, tags = case.expected()
    data = case.stream(case.events, case.r.choice([1, 1, 1, 3]))
    whole = check_summary(case, data, summary)
    if whole is not None:
        check_stats(case, summary)
    check_events(case, data, tags)
    if partials:
        check_partials(case, data, whole)
    return len(summary)


def main(argv):
    partials = "--no-partials" not in argv
    first, last = map(int, argv[-1].split("-"))
    n = 0
    for seed in range(first, last + 1):
        with tempfile.TemporaryDirectory() as d:
            os.chdir(d)
            try:
                n += one_case(seed, partials)
            except Exception:
                print("seed %d" % seed, file=sys.stderr)
                raise
            finally:
                os.chdir("/")
    assert n > 10 * (last - first), n
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
