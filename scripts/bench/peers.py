#!/usr/bin/python3
"""peers.py - the benchmark's jobs, done by DuckDB or chDB (ClickHouse) from the same CSV.

    peers.py duckdb|chdb CSV OUT_DIRECTORY JOB THREADS

Prints one JSON line: name and version; wall and CPU seconds of the job; peak resident bytes of the
process. The start of Python and the import of the package are left out of the seconds, as is what a
job does before (loading a table, where it is not about CSV) and after (writing what is compared).
"""
import json
import os
import resource
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import statsql  # noqa: E402
from anomalies import CHDB_ANOMALIES, DUCKDB_ANOMALIES, DUCKDB_OUTLIERS  # noqa: E402
import users  # noqa: E402

COLUMNS = {"user_id": "VARCHAR", "timestamp": "TIMESTAMP", "action_type": "VARCHAR",
           "page_id": "VARCHAR", "duration_ms": "BIGINT", "app_version": "VARCHAR"}


class Job:
    """SQL statements; %(out)s stands for the directory of the tables."""

    def __init__(self, timed, before=(), after=()):
        self.before, self.timed, self.after = before, timed, after


# ---- DuckDB ----

# The events are reduced once to one row for each user and day, which is faster than
# count(DISTINCT); every table comes from that. The rolling count needs no join: a user-day enters
# the window on its day and leaves it 30 days later or when the user's next active day takes over,
# so the count is a running sum of entries and departures.

USER_DAYS = """
    SELECT user_id, timestamp::DATE AS day, count(*) AS n, sum(duration_ms)::BIGINT AS ms
    FROM events GROUP BY 1, 2"""

DAILY = """
    SELECT day AS date, count(*) AS dau, sum(n)::BIGINT AS total_interactions,
           sum(ms)::BIGINT AS total_duration_ms, sum(ms) / count(*) AS avg_duration_ms_per_user
    FROM user_days GROUP BY 1 ORDER BY 1"""

APPROX = """
    SELECT timestamp::DATE AS date, approx_count_distinct(user_id) AS dau,
           count(*) AS total_interactions, sum(duration_ms)::BIGINT AS total_duration_ms,
           sum(duration_ms) / approx_count_distinct(user_id) AS avg_duration_ms_per_user
    FROM events GROUP BY 1 ORDER BY 1"""

WEEKLY = """
    SELECT date_trunc('week', day)::DATE AS week, count(DISTINCT user_id) AS wau,
           sum(n)::BIGINT AS total_interactions, sum(ms)::BIGINT AS total_duration_ms,
           sum(ms) / count(DISTINCT user_id) AS avg_duration_ms_per_user
    FROM user_days GROUP BY 1 ORDER BY 1"""

MONTHLY = """
    WITH months AS (
        SELECT date_trunc('month', day) AS m, count(DISTINCT user_id) AS mau, sum(n)::BIGINT AS n,
               sum(ms)::BIGINT AS ms, count(*) / count(DISTINCT day) AS mean_dau
        FROM user_days GROUP BY 1)
    SELECT strftime(m, '%Y-%m') AS month, mau, n AS total_interactions, ms AS total_duration_ms,
           ms / mau AS avg_duration_ms_per_user, mean_dau, mean_dau / mau AS stickiness
    FROM months ORDER BY 1"""

ROLLING = """
    WITH spans AS (
        SELECT day, least(day + 30, coalesce(lead(day) OVER (PARTITION BY user_id ORDER BY day),
                                             day + 30)) AS until
        FROM user_days),
    changes AS (
        SELECT day, count(*) AS change FROM spans GROUP BY 1
        UNION ALL SELECT until, -count(*) FROM spans GROUP BY 1),
    sums AS (SELECT day, sum(sum(change)) OVER (ORDER BY day) AS mau_30d FROM changes GROUP BY 1)
    SELECT day AS date, mau_30d::BIGINT AS mau_30d FROM sums
    WHERE day <= (SELECT max(day) FROM user_days) ORDER BY 1"""

STICKINESS = """
    SELECT d.date, m.month, dau, mau, dau / mau AS stickiness, mau_30d,
           dau / mau_30d AS stickiness_30d
    FROM daily_active_users d JOIN monthly_active_users m ON m.month = strftime(d.date, '%Y-%m')
    JOIN rolling_active_users r ON r.date = d.date ORDER BY 1"""

# A session begins where a user was silent for more than 30 minutes.
SESSIONS = """
    WITH gaps AS (
        SELECT user_id, timestamp, action_type, page_id, duration_ms,
               timestamp - lag(timestamp) OVER (PARTITION BY user_id ORDER BY timestamp)
                   <= INTERVAL 30 MINUTE AS joined
        FROM events),
    numbered AS (
        SELECT *, sum((joined IS NOT TRUE)::INT)
                      OVER (PARTITION BY user_id ORDER BY timestamp) - 1 AS session_number
        FROM gaps)
    SELECT user_id || '_' || session_number AS session_id, user_id,
           min(timestamp) AS session_start, max(timestamp) AS session_end,
           date_diff('millisecond', min(timestamp), max(timestamp)) AS session_duration_ms,
           count(*) AS actions_count, sum(duration_ms)::BIGINT AS total_duration_ms,
           count(DISTINCT page_id) AS unique_pages, count(DISTINCT action_type) AS action_types,
           count(*) = 1 AS is_bounce
    FROM numbered GROUP BY user_id, session_number"""

SESSIONS_BY_DAY = """
    SELECT session_start::DATE AS date, count(*) AS sessions,
           count(*) FILTER (is_bounce) AS bounces, sum(actions_count)::BIGINT AS actions,
           sum(session_duration_ms)::BIGINT AS session_ms, sum(total_duration_ms)::BIGINT AS ms,
           sum(unique_pages)::BIGINT AS pages, sum(action_types)::BIGINT AS action_types
    FROM sessions GROUP BY 1 ORDER BY 1"""

PERCENTILES = """
    SELECT app_version, timestamp::DATE AS date, count(*) AS events,
           quantile_cont(duration_ms, [0.5, 0.95, 0.99]) AS p
    FROM events GROUP BY 1, 2"""


# A row for each kind of period, as the table of the insights job has them.
PERFORMANCE = """
    SELECT app_version, period_type, period, count(DISTINCT user_id) AS users,
           count(*) AS total_interactions, quantile_cont(duration_ms, [0.5, 0.95, 0.99]) AS p,
           avg(duration_ms) AS avg_duration_ms, stddev_samp(duration_ms) AS stddev_duration_ms,
           min(duration_ms) AS min_duration_ms, max(duration_ms) AS max_duration_ms
    FROM (SELECT app_version, 'day' AS period_type, strftime(timestamp::DATE, '%%Y-%%m-%%d') AS
                 period, user_id, duration_ms FROM loaded
          UNION ALL
          SELECT app_version, 'week', strftime(date_trunc('week', timestamp)::DATE, '%%Y-%%m-%%d'),
                 user_id, duration_ms FROM loaded
          UNION ALL SELECT app_version, 'whole', 'all', user_id, duration_ms FROM loaded)
    GROUP BY 1, 2, 3"""
FIGURES = """app_version, period_type, period, users, total_interactions, p[1] AS p50_duration_ms,
    p[2] AS p95_duration_ms, p[3] AS p99_duration_ms, avg_duration_ms, stddev_duration_ms,
    min_duration_ms, max_duration_ms"""


def make(table, query):
    return "CREATE TEMP TABLE %s AS %s" % (table, query)


def export(table, order=""):
    return "COPY (FROM %s%s) TO '%%(out)s/%s.csv' (HEADER)" % (
        table, order and " ORDER BY " + order, table)


def made_and_exported(table, query):
    return [make(table, query), export(table)]


DUCKDB = {
    "daily": Job(made_and_exported("daily_active_users", "WITH user_days AS (%s) %s" % (
        USER_DAYS, DAILY))),
    "approx": Job(made_and_exported("daily_active_users", APPROX)),
    "all": Job([make("user_days", USER_DAYS)]
               + made_and_exported("daily_active_users", DAILY)
               + made_and_exported("weekly_active_users", WEEKLY)
               + made_and_exported("monthly_active_users", MONTHLY)
               + made_and_exported("rolling_active_users", ROLLING)
               + made_and_exported("user_stickiness", STICKINESS)),
    "sessions": Job([make("sessions", SESSIONS)],
                    after=made_and_exported("sessions_by_day", SESSIONS_BY_DAY)),
    "sort": Job(before=[make("loaded", "FROM events")],
                timed=[make("sorted", "FROM loaded ORDER BY user_id, timestamp")],
                after=[make("sorted_keys", "SELECT user_id, timestamp FROM sorted"),
                       export("sorted_keys")]),
    "percentiles": Job([make("found", PERCENTILES)],
                       after=[make("percentiles", "SELECT app_version, date, events, p[1] AS p50, "
                                   "p[2] AS p95, p[3] AS p99 FROM found"),
                              export("percentiles", "app_version, date")]),
    "performance": Job([make("loaded", "SELECT user_id, timestamp, duration_ms, app_version FROM "
                             "events"), make("found", PERFORMANCE.replace("%%", "%"))],
                       after=[make("performance", "SELECT %s FROM found" % FIGURES),
                              export("performance", "app_version, period_type, period")]),
    "user_days": Job([make("user_days", USER_DAYS)], after=[export("user_days", "user_id, day")]),
    "anomalies": Job(DUCKDB_ANOMALIES[0], after=DUCKDB_ANOMALIES[1]),
    "outliers": Job(DUCKDB_OUTLIERS[0], after=DUCKDB_OUTLIERS[1]),
    **{name: Job(**job) for name, job in users.DUCKDB.items()},
}


def duckdb(source, threads, scratch):
    """What runs a statement, the jobs, name and version."""
    import duckdb as engine
    DUCKDB.update(statsql.duckdb_jobs(Job))
    db = engine.connect(config={"threads": threads, "temp_directory": scratch})
    db.execute("CREATE VIEW events AS SELECT * FROM read_csv('%s', header = true, "
               "auto_detect = false, delim = ',', quote = '\"', escape = '\"', columns = %s)"
               % (source, COLUMNS))
    return db.execute, DUCKDB, "DuckDB " + engine.__version__


# ---- chDB ----

CH_SESSIONS = """
    CREATE TABLE sessions ENGINE = Memory AS
    WITH gaps AS (
        SELECT *, timestamp - lagInFrame(timestamp) OVER (
                      PARTITION BY user_id ORDER BY timestamp
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > 1800 AS begins
        FROM events),
    numbered AS (
        SELECT *, sum(begins) OVER (PARTITION BY user_id ORDER BY timestamp) - 1 AS session_number
        FROM gaps)
    SELECT concat(user_id, '_', toString(session_number)) AS session_id, user_id,
           min(timestamp) AS session_start, max(timestamp) AS session_end,
           (session_end - session_start) * 1000 AS session_duration_ms, count() AS actions_count,
           sum(duration_ms) AS total_duration_ms, uniqExact(page_id) AS unique_pages,
           uniqExact(action_type) AS action_types, actions_count = 1 AS is_bounce
    FROM numbered GROUP BY user_id, session_number"""

CH_SESSIONS_BY_DAY = """
    INSERT INTO FUNCTION file('%(out)s/sessions_by_day.csv', 'CSVWithNames')
    SELECT toDate(session_start) AS date, count() AS sessions, countIf(is_bounce) AS bounces,
           sum(actions_count) AS actions, sum(session_duration_ms) AS session_ms,
           sum(total_duration_ms) AS ms, sum(unique_pages) AS pages,
           sum(s.action_types) AS action_types
    FROM sessions AS s GROUP BY date ORDER BY date
    SETTINGS engine_file_truncate_on_insert = 1"""

CH_PERCENTILES = """
    CREATE TABLE found ENGINE = Memory AS
    SELECT app_version, toDate(timestamp) AS date, count() AS events,
           quantilesExactInclusive(0.5, 0.95, 0.99)(duration_ms) AS p
    FROM events GROUP BY app_version, date"""

CH_PERFORMANCE = """
    CREATE TABLE found ENGINE = Memory AS
    SELECT app_version, period.1 AS period_type, period.2 AS period, uniqExact(user_id) AS users,
           count() AS total_interactions,
           quantilesExactInclusive(0.5, 0.95, 0.99)(duration_ms) AS p,
           avg(duration_ms) AS avg_duration_ms, stddevSamp(duration_ms) AS stddev_duration_ms,
           min(duration_ms) AS min_duration_ms, max(duration_ms) AS max_duration_ms
    FROM events
    ARRAY JOIN [('day', toString(toDate(timestamp))), ('week', toString(toMonday(timestamp))),
                ('whole', 'all')] AS period
    GROUP BY app_version, period_type, period"""


def ch_export(table, columns, order):
    return ("INSERT INTO FUNCTION file('%%(out)s/%s.csv', 'CSVWithNames') SELECT %s FROM found "
            "ORDER BY %s SETTINGS engine_file_truncate_on_insert = 1" % (table, columns, order))


CHDB = {"sessions": Job([CH_SESSIONS], after=[CH_SESSIONS_BY_DAY]),
        "percentiles": Job([CH_PERCENTILES], after=[ch_export(
            "percentiles", "app_version, date, events, p[1] AS p50, p[2] AS p95, p[3] AS p99",
            "app_version, date")]),
        "performance": Job([CH_PERFORMANCE], after=[ch_export(
            "performance", FIGURES, "app_version, period_type, period")]),
        "anomalies": Job(CHDB_ANOMALIES[0], after=CHDB_ANOMALIES[1]),
        **{name: Job(**job) for name, job in users.CHDB.items()}}


def chdb(source, threads, scratch):
    """As duckdb()."""
    import chdb as engine
    CHDB.update(statsql.chdb_jobs(Job))
    from chdb.session import Session
    types = {"VARCHAR": "String", "BIGINT": "Int64", "TIMESTAMP": "DateTime(''UTC'')"}
    columns = ", ".join("%s %s" % (name, types[COLUMNS[name]]) for name in COLUMNS)
    query = Session(scratch).query
    query("SET max_threads = %s" % threads)
    query("CREATE VIEW events AS SELECT * FROM file('%s', 'CSVWithNames', '%s')" % (
        source, columns))
    return query, CHDB, "chDB " + engine.__version__


def main(engine, source, out, job, threads):
    os.makedirs(out, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        run, jobs, name = {"duckdb": duckdb, "chdb": chdb}[engine](source, threads, scratch)

        def usage():
            return resource.getrusage(resource.RUSAGE_SELF)

        def run_all(statements):
            for statement in statements:
                run(statement.replace("%(out)s", out))

        run_all(jobs[job].before)
        wall, used = time.monotonic(), usage()
        run_all(jobs[job].timed)
        wall, now = time.monotonic() - wall, usage()
        run_all(jobs[job].after)
        print(json.dumps({
            "name": name, "wall": wall, "memory": now.ru_maxrss * 1024,
            "cpu": now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime}))


if __name__ == "__main__":
    main(*sys.argv[1:])
