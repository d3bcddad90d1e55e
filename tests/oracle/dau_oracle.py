#!/usr/bin/python3
"""dau_oracle.py - active users from the original CSV by sqlite3: what gn-dau must say.

    dau_oracle.py [--active any|engaged|SQL] [--tz ZONE] [--tz-field F] [--span] [--input-tz ZONE]
                  [--from DATE] [--to DATE] [--last 12months|26w|90d] [--user F] [--time F]
                  [--value F] [--active core|session with --core A,B --action F --core-count N
                  --core-days N; --gap S --session-over S --session-days N]
                  [--by day|week|month|rolling|stickiness|userdays] CSV...

prints one table as JSON lines. The CSV reader is this file's own (the csv module cannot tell an
empty field from ""), days come from Python's zoneinfo, counts from SQL, ratios from fractions.
"""
import calendar
import datetime
import functools
import json
import re
import sqlite3
import sys
import zoneinfo
from fractions import Fraction

EPOCH = datetime.date(1970, 1, 1).toordinal()
UTC = datetime.timezone.utc
EPOCH_TIME = datetime.datetime(1970, 1, 1, tzinfo=UTC)
SPAN_MAX = 30 * 86400000  # milliseconds of an event that count
KINDS = ("day", "week", "month", "rolling", "stickiness", "userdays")


def rows_of(text):
    """RFC 4180: lists of str, None for an empty field without quotes. Empty lines are skipped."""
    if text.startswith("\ufeff"):
        text = text[1:]
    row, i, n = [], 0, len(text)
    while i < n:
        if text[i] == '"':
            part, i = [], i + 1
            while True:
                j = text.index('"', i)
                part.append(text[i:j])
                if text[j + 1:j + 2] == '"':
                    part.append('"')
                    i = j + 2
                    continue
                i = j + 1
                break
            field = "".join(part)
        else:
            j = i
            while j < n and text[j] not in ",\n" and text[j:j + 2] != "\r\n":
                j += 1
            field = text[i:j] or None
            i = j
        row.append(field)
        if text[i:i + 1] == ",":
            i += 1
            if i == n or text[i] == "\n" or text[i:i + 2] == "\r\n":
                row.append(None)
            else:
                continue
        i += 2 if text[i:i + 2] == "\r\n" else 1
        if row != [None]:
            yield row
        row = []


def parse_time(text, zone):
    """UTC, aware."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        text += " 00:00:00"
    t = datetime.datetime.fromisoformat(text)
    if t.tzinfo is None:
        t = t.replace(tzinfo=zone)
    return t.astimezone(UTC)


def zone_of(name):
    """None where there is no such zone."""
    if name == "Z":
        return UTC
    m = re.fullmatch(r"([+-])(\d\d):(\d\d)", name)
    if m and int(m[2]) < 24 and int(m[3]) < 60:
        d = datetime.timedelta(hours=int(m[2]), minutes=int(m[3]))
        return datetime.timezone(d if m[1] == "+" else -d)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def touched_dates(start, ms, zone):
    """The dates that clocks of the zone show from `start` on, for `ms` milliseconds: looked at
    every six hours, and on both sides of where the offset changes."""
    def wall(t):
        return t.astimezone(zone)

    tick = datetime.timedelta(microseconds=1)
    end = start + datetime.timedelta(milliseconds=ms) - tick
    dates, a = {wall(start).date()}, start
    while a < end:
        b = min(a + datetime.timedelta(hours=6), end)
        if wall(a).utcoffset() != wall(b).utcoffset():
            lo, hi = a, b
            while hi - lo > tick:
                mid = lo + (hi - lo) / 2
                if wall(mid).utcoffset() == wall(a).utcoffset():
                    lo = mid
                else:
                    hi = mid
            dates |= {wall(lo).date(), wall(hi).date()}
        a = b
        dates.add(wall(a).date())
    return dates


def day_number(date):
    return date.toordinal() - EPOCH


def date_of(day):
    return datetime.date.fromordinal(day + EPOCH)


def week_of(day):
    return day - date_of(day).weekday()


def month_of(day):
    d = date_of(day)
    return "%04d-%02d" % (d.year, d.month)


def month_before(date, months):
    m = date.year * 12 + date.month - 1 - months
    year, month = divmod(m, 12)
    month += 1
    return datetime.date(year, month, min(date.day, calendar.monthrange(year, month)[1]))


def ratio(a, b):
    return float(Fraction(a, b)) if b else None


class ExactSum:
    """SUM() of sqlite ends at 64 bits; this one does not."""

    def __init__(self):
        self.total = 0

    def step(self, v):
        if v is not None:
            self.total += v

    def finalize(self):
        return str(self.total)


class Overflow(Exception):
    """A total that no int64 holds: gn must refuse."""


class Oracle:
    def __init__(self, paths, active="any", tz="UTC", input_tz="UTC", first=None, last=None,
                 look=None, user="user_id", time="timestamp", value="duration_ms", ints=(),
                 tz_field=None, span=False, core="create,edit", action="action_type",
                 core_count=2, core_days=7, gap=1800, session_over=120, session_days=30):
        self.value = value
        self.ints = [value, *ints]  # every other column is text in expressions
        self.tz_field, self.span = tz_field, span
        self.zone = UTC if tz == "UTC" else zoneinfo.ZoneInfo(tz)
        self.input_zone = UTC if input_tz == "UTC" else zoneinfo.ZoneInfo(input_tz)
        self.db = sqlite3.connect(":memory:")
        self.db.execute("PRAGMA case_sensitive_like = 1")
        self.db.create_aggregate("exact_sum", 1, ExactSum)
        self.db.create_function("week_of", 1, week_of, deterministic=True)
        self.db.create_function("month_of", 1, month_of, deterministic=True)
        self.load(paths, user, time)
        self.qualify("any" if active in ("core", "session") else active)
        self.look_back = 0
        if active == "core":
            self.core(core.split(","), action, int(core_count), int(core_days))
        elif active == "session":
            self.session(int(gap), int(session_over), int(session_days))
        else:
            self.db.execute("CREATE TABLE act AS SELECT DISTINCT u, d FROM a WHERE q")
        self.cover(first, last, look)

    def core(self, actions, action, count, days):
        """Active on a day: at least `count` core events on the `days` days that end with it."""
        self.look_back = days - 1
        marks = "SELECT u, d FROM e WHERE u IS NOT NULL AND d IS NOT NULL AND \"%s\" IN (%s)" % (
            action, ", ".join("?" * len(actions)))
        self.db.execute("CREATE TABLE core AS " + marks, actions)
        self.db.execute("CREATE INDEX core_u ON core (u, d)")
        self.db.execute("CREATE TABLE offsets (i INTEGER)")
        self.db.executemany("INSERT INTO offsets VALUES (?)", ((i,) for i in range(days)))
        self.db.execute(
            "CREATE TABLE act AS SELECT u, x AS d FROM (SELECT DISTINCT u, d + i AS x FROM core, "
            "offsets) AS c WHERE (SELECT count(*) FROM core WHERE core.u = c.u AND core.d "
            "BETWEEN x - ? AND x) >= ?", (days - 1, count))

    def session(self, gap, over, days):
        """Active on a day: a session longer than `over` began on the `days` days that end with it."""
        self.look_back = days - 1
        self.db.execute("CREATE TABLE act (u TEXT, d INTEGER)")
        active, sessions = set(), []
        for u, t, d in self.db.execute(
                "SELECT u, t, d FROM e WHERE u IS NOT NULL AND t IS NOT NULL ORDER BY u, t, d"):
            s = sessions[-1] if sessions else None
            if s and s[0] == u and t - s[2] <= gap * 1000000:
                s[2] = t
            else:
                sessions.append([u, t, t, d])
        for u, start, end, d in sessions:
            if end - start > over * 1000000:
                active |= {(u, d + i) for i in range(days)}
        self.db.executemany("INSERT INTO act VALUES (?, ?)", active)

    def load(self, paths, user, time):
        columns = None
        for path in paths:
            with open(path, encoding="utf-8", newline="") as f:
                rows = rows_of(f.read())
            names = next(rows)
            if columns is None:
                columns = names
                if self.value not in names:
                    self.value = None
                kinds = ["INTEGER" if c in self.ints else "TEXT" for c in names]
                self.db.execute("CREATE TABLE e (%s, u TEXT, d INTEGER, t INTEGER)" % ", ".join(
                    '"%s" %s' % c for c in zip(names, kinds)))
                self.db.execute("CREATE TABLE touched (e INTEGER, d INTEGER)")
                put = "INSERT INTO e VALUES (%s)" % ", ".join("?" * (len(names) + 3))
            assert names == columns
            ui, ti = names.index(user), names.index(time)
            for r in rows:
                assert len(r) == len(names), r
                values = [int(v) if k == "INTEGER" and v is not None else v
                          for k, v in zip(kinds, r)]
                if r[ti] is None:
                    self.db.execute(put, values + [r[ui], None, None])
                    continue
                zone = self.zone
                if self.tz_field and r[names.index(self.tz_field)] is not None:
                    zone = zone_of(r[names.index(self.tz_field)]) or zone
                t = parse_time(r[ti], self.input_zone)
                first = t.astimezone(zone).date()
                us = (t - EPOCH_TIME) // datetime.timedelta(microseconds=1)
                e = self.db.execute(put, values + [r[ui], day_number(first), us]).lastrowid
                ms = values[names.index(self.value)] if self.span else None
                if ms is not None and ms > 0:
                    dates = touched_dates(t, min(ms, SPAN_MAX), zone) - {first}
                    self.db.executemany("INSERT INTO touched VALUES (?, ?)",
                                        ((e, day_number(d)) for d in dates))

    def qualify(self, active):
        value = '"%s"' % self.value if self.value else "NULL"
        if active == "any":
            active = "1"
        elif active == "engaged":
            active = "%s > 10000 AND %s < 14400000" % (value, value)
        # k: 1 for an event on its day, 0 for another day that it touches.
        self.db.execute(
            "CREATE TABLE a AS SELECT u, d, coalesce((%s), 0) != 0 AS q, %s AS v, 1 AS k, "
            "rowid AS e FROM e WHERE u IS NOT NULL AND d IS NOT NULL" % (active, value))
        self.db.execute("INSERT INTO a SELECT a.u, t.d, 1, NULL, 0, NULL "
                        "FROM touched AS t JOIN a USING (e) WHERE q")
        self.db.execute("CREATE INDEX a_d ON a (d)")
        self.left_out = self.db.execute(
            "SELECT count(*) FROM e WHERE u IS NULL OR d IS NULL").fetchone()[0]

    def cover(self, first, last, look):
        lo, hi = self.db.execute("SELECT min(d), max(d) FROM a WHERE k").fetchone()
        self.first_event = lo
        if look:
            if hi is not None:
                n, unit = re.fullmatch(r"(\d+)(months?|w|d)", look).groups()
                n = int(n)
                if unit == "w":
                    lo = hi - 7 * n + 1
                elif unit == "d":
                    lo = hi - n + 1
                else:
                    lo = day_number(month_before(date_of(hi + 1), n))
                first = date_of(lo).isoformat()
        else:
            lo = day_number(datetime.date.fromisoformat(first)) if first else lo
            hi = day_number(datetime.date.fromisoformat(last)) if last else hi
        # The first day from which a look-back counts as complete.
        known = [x for x in (self.first_event, lo if first else None) if x is not None]
        self.known = min(known) if known else None
        self.lo, self.hi = (lo, hi) if lo is not None and hi is not None else (1, 0)
        self.db.execute("CREATE TABLE days (d INTEGER PRIMARY KEY, w INTEGER, m TEXT)")
        self.db.executemany("INSERT INTO days VALUES (?, ?, ?)",
                            ((d, week_of(d), month_of(d)) for d in range(self.lo, self.hi + 1)))
        # One row per user and day of look-back, then for each day who was there in 30.
        self.db.execute("CREATE TABLE ud AS SELECT DISTINCT u, d FROM act WHERE d <= ?",
                        (self.hi,))
        self.db.execute("CREATE INDEX ud_d ON ud (d)")

    def total(self, text):
        n = int(text)
        if not -(1 << 63) <= n < 1 << 63:
            raise Overflow(text)
        return n

    @functools.lru_cache(None)
    def periods(self, column):
        """(period, active users, qualifying events, total value, covered days)"""
        users = dict(self.db.execute(
            "SELECT days.%s, count(DISTINCT u) FROM days JOIN ud ON ud.d = days.d GROUP BY 1"
            % column))
        sql = """SELECT days.%s, coalesce(sum(q * k), 0),
                        exact_sum(CASE WHEN q AND v >= 0 THEN v END), count(DISTINCT days.d)
                 FROM days LEFT JOIN a ON a.d = days.d GROUP BY 1 ORDER BY 1""" % column
        return [(p, users.get(p, 0), k, self.total(t), c) for p, k, t, c in self.db.execute(sql)]

    def knows(self, day):
        """Is every day known that decides on who is active on this one?"""
        return self.known is not None and day - self.look_back >= self.known

    def with_value(self, head, users, events, total, tail):
        if self.value:
            return (*head, users, events, total, ratio(total, users), *tail)
        return (*head, users, events, *tail)

    def names(self, head, tail):
        v = ["total_" + self.value, "avg_%s_per_user" % self.value] if self.value else []
        return head + ["total_interactions"] + v + tail

    def day(self):
        return self.names(["date", "dau"], ["complete"]), [
            self.with_value((date_of(d).isoformat(),), n, k, t, (self.knows(d),))
            for d, n, k, t, _ in self.periods("d")]

    def week(self):
        return self.names(["week", "wau"], ["days_covered", "complete"]), [
            self.with_value((date_of(w).isoformat(),), n, k, t, (c, c == 7 and self.knows(w)))
            for w, n, k, t, c in self.periods("w")]

    def month_sizes(self):
        daily = {d: n for d, n, _, _, _ in self.periods("d")}
        sums = {}
        for d, n in daily.items():
            sums[month_of(d)] = sums.get(month_of(d), 0) + n
        return sums

    def month(self):
        sums, rows = self.month_sizes(), []
        for m, n, k, t, c in self.periods("m"):
            size = calendar.monthrange(int(m[:4]), int(m[5:]))[1]
            rows.append(self.with_value((m,), n, k, t, (
                ratio(sums[m], c), ratio(sums[m], c * n), c, c == size and self.knows(
                    day_number(datetime.date.fromisoformat(m + "-01"))))))
        return self.names(["month", "mau"],
                          ["mean_dau", "stickiness", "days_covered", "complete"]), rows

    @functools.lru_cache(None)
    def rolling_rows(self):
        return self.db.execute(
            "SELECT days.d, count(DISTINCT u) FROM days LEFT JOIN ud "
            "ON ud.d BETWEEN days.d - 29 AND days.d GROUP BY 1 ORDER BY 1").fetchall()

    def rolling(self):
        return ["date", "mau_30d", "complete"], [
            (date_of(d).isoformat(), n, self.knows(d - 29))
            for d, n in self.rolling_rows()]

    def stickiness(self):
        daily = {d: n for d, n, _, _, _ in self.periods("d")}
        mau = {m: n for m, n, _, _, _ in self.periods("m")}
        return ["date", "month", "dau", "mau", "stickiness", "mau_30d", "stickiness_30d"], [
            (date_of(d).isoformat(), month_of(d), daily[d], mau[month_of(d)],
             ratio(daily[d], mau[month_of(d)]), n, ratio(daily[d], n))
            for d, n in self.rolling_rows()]

    def userdays(self):
        """The partial state: every user's every day, with the sum as a Python int."""
        return ["user", "date", "events", "interactions", "touches", "sum"], [
            (u, date_of(d).isoformat(), n, k, x, int(t))
            for u, d, n, k, x, t in self.db.execute(
                "SELECT u, d, sum(k), sum(q * k), sum(1 - k), "
                "exact_sum(CASE WHEN q AND v >= 0 THEN v END) "
                "FROM a GROUP BY u, d ORDER BY CAST(u AS BLOB), d")]

    def table(self, kind):
        return getattr(self, kind)()


def main(argv):
    keys = {"--active": "active", "--tz": "tz", "--input-tz": "input_tz", "--from": "first",
            "--to": "last", "--last": "look", "--user": "user", "--time": "time",
            "--value": "value", "--tz-field": "tz_field", "--core": "core", "--action": "action",
            "--core-count": "core_count", "--core-days": "core_days", "--gap": "gap",
            "--session-over": "session_over", "--session-days": "session_days"}
    opts, paths, kind, i = {}, [], "day", 0
    while i < len(argv):
        if argv[i] == "--by":
            kind, i = argv[i + 1], i + 1
        elif argv[i] == "--span":
            opts["span"] = True
        elif argv[i] in keys:
            opts[keys[argv[i]]], i = argv[i + 1], i + 1
        elif argv[i].startswith("--"):
            sys.exit(__doc__)
        else:
            paths.append(argv[i])
        i += 1
    if kind not in KINDS or not paths:
        sys.exit(__doc__)
    names, rows = Oracle(paths, **opts).table(kind)
    for r in rows:
        print(json.dumps(dict(zip(names, r)), ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
