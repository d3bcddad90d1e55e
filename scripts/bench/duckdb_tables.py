#!/usr/bin/python3
"""duckdb_tables.py - the tables of gn-dau and groups of gn-agg, made by DuckDB from the same CSV.

    duckdb_tables.py CSV OUT_DIRECTORY daily|all|approx|user-days|percentiles THREADS

Prints one JSON line: wall and CPU seconds from connecting to the last table written (the start of
Python and the import of the package are left out), and the version.

The events are reduced once to one row for each user and day, which is faster than count(DISTINCT);
every table comes from that. The rolling count needs no join: a user-day enters the window on its
day and leaves it 30 days later or when the user's next active day takes over, so the count is a
running sum of entries and departures.
"""
import json
import os
import resource
import sys
import time

import duckdb

COLUMNS = ("{'user_id': 'VARCHAR', 'timestamp': 'TIMESTAMP', 'action_type': 'VARCHAR', "
           "'page_id': 'VARCHAR', 'duration_ms': 'BIGINT', 'app_version': 'VARCHAR'}")

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

PERCENTILES = """
    SELECT app_version, timestamp::DATE AS day, count(*) AS n,
           quantile_cont(duration_ms, 0.5) AS p50, quantile_cont(duration_ms, 0.95) AS p95,
           quantile_cont(duration_ms, 0.99) AS p99
    FROM events GROUP BY 1, 2 ORDER BY 1, 2"""

JOBS = {
    "user-days": [("groups", USER_DAYS + " ORDER BY 1, 2")],
    "percentiles": [("groups", PERCENTILES)],
    "daily": [("daily_active_users", "WITH user_days AS (" + USER_DAYS + ")" + DAILY)],
    "approx": [("daily_active_users", APPROX)],
    "all": [("user_days", USER_DAYS),
            ("daily_active_users", DAILY),
            ("weekly_active_users", WEEKLY),
            ("monthly_active_users", MONTHLY),
            ("rolling_active_users", ROLLING),
            ("user_stickiness", STICKINESS)],
}


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(csv, out, job, threads):
    os.makedirs(out, exist_ok=True)
    wall, used = time.monotonic(), cpu()
    db = duckdb.connect(config={"threads": int(threads)})
    db.execute("CREATE VIEW events AS SELECT * FROM read_csv('%s', header = true, "
               "auto_detect = false, delim = ',', quote = '\"', escape = '\"', columns = %s)"
               % (csv.replace("'", "''"), COLUMNS))
    for table, query in JOBS[job]:
        db.execute("CREATE TEMP TABLE %s AS %s" % (table, query))
        if table != "user_days":
            db.execute("COPY %s TO '%s/%s.csv' (HEADER)" % (table, out.replace("'", "''"), table))
    db.close()
    print(json.dumps({"wall": time.monotonic() - wall, "cpu": cpu() - used,
                      "version": duckdb.__version__}))


if __name__ == "__main__":
    main(*sys.argv[1:])
