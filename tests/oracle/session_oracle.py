#!/usr/bin/python3
"""session_oracle.py - sessions by sqlite3's window functions: what gn-sessionize must say.

    sessions(events, rule) takes events as dicts with user, time (microseconds), value, page, action
    and rule as a dict with gap_us, ge, from_end, zone (a zoneinfo name, or None), with_last; it
    returns (summary, tags): the sessions as tuples
        (id, user, start, end, duration_ms, actions, total, pages, action types, bounce)
    in order, and for each event that is not left out, in the order given, the tuple
        (number of the event, session id, session number, session start, number in the session).

Events must come ordered by user and time. It is written from SPEC.md and shares no code with gn.
"""
import datetime
import sqlite3
import zoneinfo

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
TOP = (1 << 63) - 1


class ExactSum:
    """SUM() of sqlite ends at 64 bits."""

    def __init__(self):
        self.total = 0

    def step(self, v):
        self.total += v or 0

    def finalize(self):
        return str(self.total)


def sessions(events, rule):
    db = sqlite3.connect(":memory:")
    zone = rule["zone"] and zoneinfo.ZoneInfo(rule["zone"])

    def day(t):
        if not zone:
            return 0
        return (EPOCH + datetime.timedelta(microseconds=t)).astimezone(zone).date().toordinal()

    db.create_function("day", 1, day, deterministic=True)
    db.create_function("ends", 2, lambda t, v: min(TOP, t + max(v or 0, 0) * 1000))
    db.create_aggregate("exact_sum", 1, ExactSum)
    db.execute("CREATE TABLE e (n INTEGER PRIMARY KEY, u, t INTEGER, v INTEGER, p, a)")
    db.executemany("INSERT INTO e VALUES (?, ?, ?, ?, ?, ?)", (
        (n, e["user"], e["time"], e["value"], e["page"], e["action"])
        for n, e in enumerate(events)))
    reach = "max(ends(t, v))" if rule["from_end"] else "max(t)"
    db.execute("""
        CREATE TABLE c AS SELECT *,
            %s OVER (PARTITION BY u ORDER BY t, n
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach,
            lag(day(t)) OVER (PARTITION BY u ORDER BY t, n) AS day_before
        FROM e WHERE u IS NOT NULL AND t IS NOT NULL""" % reach)
    db.execute("""
        CREATE TABLE s AS SELECT *, sum(reach IS NULL OR t - reach %s %d OR day(t) <> day_before)
            OVER (PARTITION BY u ORDER BY t, n) - 1 AS k FROM c"""
               % (">=" if rule["ge"] else ">", rule["gap_us"]))
    last = {(u, k): v for u, k, v in db.execute("""
        SELECT u, k, max(CASE WHEN v >= 0 THEN v END) FROM s
        WHERE (u, k, t) IN (SELECT u, k, max(t) FROM s GROUP BY u, k) GROUP BY u, k""")}
    summary = []
    for u, k, start, end, n, total, pages, actions in db.execute("""
            SELECT u, k, min(t), max(t), count(*), exact_sum(CASE WHEN v >= 0 THEN v END),
                   count(DISTINCT p), count(DISTINCT a)
            FROM s GROUP BY u, k ORDER BY %s, k"""
            % ("u" if all(isinstance(e["user"], (int, type(None))) for e in events) else "CAST(u AS BLOB)")):
        more = (last[u, k] or 0) if rule["with_last"] else 0
        summary.append(("%s_%d" % (u, k), u, start, end, (end - start) // 1000 + more, n,
                        int(total), pages, actions, n == 1))
    tags = [(n, "%s_%d" % (u, k), k, start, i) for n, u, k, start, i in db.execute("""
        SELECT n, u, k, min(t) OVER (PARTITION BY u, k),
               row_number() OVER (PARTITION BY u, k ORDER BY n) - 1
        FROM s ORDER BY n""")]
    db.close()
    return summary, tags
