"""users.py - power users and cohort retention: the sections of run, and their SQL for peers.py.

The metadata are a file of their own beside the events, BENCH/members.csv; a peer finds it from its
directory of results, BENCH/out/NAME.
"""
import os

from measure import Peer, Pipeline, install, results, scratch, shell

DUCKDB_MEMBERS = """
    SELECT user_id, date_trunc('week', min(join_date))::DATE AS cohort
    FROM read_csv('%(out)s/../../members.csv', header = true, auto_detect = false, delim = ',',
                  columns = {'user_id': 'VARCHAR', 'join_date': 'DATE', 'country': 'VARCHAR',
                             'device_type': 'VARCHAR', 'subscription_type': 'VARCHAR'})
    GROUP BY 1"""

DUCKDB_RETENTION = """
    CREATE TEMP TABLE cohort_retention AS
    WITH sizes AS (SELECT cohort, count(*) AS size FROM members GROUP BY 1),
    cells AS (SELECT cohort, size, unnest(range(27))::INTEGER AS k FROM sizes),
    active AS (
        SELECT cohort, (week - cohort) // 7 AS k, count(*) AS n
        FROM weeks JOIN members USING (user_id) WHERE week BETWEEN cohort AND cohort + 182
        GROUP BY 1, 2)
    SELECT cohort AS cohort_week, k AS week_number, size AS cohort_size,
           coalesce(n, 0) AS retained_users, coalesce(n, 0) / size AS retention_rate
    FROM cells LEFT JOIN active USING (cohort, k)
    WHERE cohort + 7 * k >= DATE '2023-01-01' AND cohort + 7 * k + 6 <= DATE '2023-12-31'
    ORDER BY 1, 2"""

DUCKDB_USERS = """
    CREATE TEMP TABLE users AS
    SELECT user_id, count(*) AS n, sum(duration_ms)::BIGINT AS ms,
           count(DISTINCT page_id) AS pages, count(DISTINCT timestamp::DATE) AS days
    FROM events WHERE duration_ms BETWEEN 0 AND 28800000 GROUP BY 1"""

DUCKDB_POWER = """
    CREATE TEMP TABLE power_users AS
    WITH ranked AS (
        SELECT *, row_number() OVER (ORDER BY ms DESC, user_id) AS rank,
               percent_rank() OVER (ORDER BY ms) AS a, percent_rank() OVER (ORDER BY n) AS b,
               percent_rank() OVER (ORDER BY days) AS c, count(*) OVER () AS all_users
        FROM users)
    SELECT user_id, rank, n AS total_interactions, ms AS total_duration_ms,
           ms / 3600000 AS total_duration_hours, ms / n AS avg_duration_ms, pages AS unique_pages,
           days AS days_active, a AS percentile_rank,
           100 * (0.5 * a + 0.3 * b + 0.2 * c) AS engagement_score
    FROM ranked WHERE (rank - 1) * 100 < all_users ORDER BY rank"""


def exported(table):
    return "COPY (FROM %s) TO '%%(out)s/%s.csv' (HEADER)" % (table, table)


DUCKDB = {
    "powerusers": {"timed": [DUCKDB_USERS, DUCKDB_POWER], "after": [exported("power_users")]},
    "retention": {"timed": ["CREATE TEMP TABLE members AS" + DUCKDB_MEMBERS,
                            "CREATE TEMP TABLE weeks AS SELECT DISTINCT user_id, "
                            "date_trunc('week', timestamp)::DATE AS week FROM events",
                            DUCKDB_RETENTION],
                  "after": [exported("cohort_retention")]}}

CH_TO_CSV = """
    INSERT INTO FUNCTION file('%%(out)s/%s.csv', 'CSVWithNames') SELECT * FROM %s ORDER BY %s
    SETTINGS engine_file_truncate_on_insert = 1"""

CH_USERS = """
    CREATE TABLE users ENGINE = Memory AS
    SELECT user_id, count() AS n, sum(duration_ms) AS ms, uniqExact(page_id) AS pages,
           uniqExact(toDate(timestamp)) AS days
    FROM events WHERE duration_ms BETWEEN 0 AND 28800000 GROUP BY user_id"""

CH_POWER = """
    CREATE TABLE power_users ENGINE = Memory AS
    WITH ranked AS (
        SELECT *, row_number() OVER (ORDER BY ms DESC, user_id) AS place,
               count() OVER () AS all_users,
               (rank() OVER (ORDER BY ms) - 1) / (all_users - 1) AS a,
               (rank() OVER (ORDER BY n) - 1) / (all_users - 1) AS b,
               (rank() OVER (ORDER BY days) - 1) / (all_users - 1) AS c
        FROM users)
    SELECT user_id, place AS rank, n AS total_interactions, ms AS total_duration_ms,
           ms / 3600000 AS total_duration_hours, ms / n AS avg_duration_ms, pages AS unique_pages,
           days AS days_active, a AS percentile_rank,
           100 * (0.5 * a + 0.3 * b + 0.2 * c) AS engagement_score
    FROM ranked WHERE (place - 1) * 100 < all_users"""

CH_MEMBERS = """
    CREATE TABLE members ENGINE = Memory AS
    SELECT user_id, toMonday(min(join_date)) AS cohort
    FROM file('%(out)s/../../members.csv', 'CSVWithNames', 'user_id String, join_date Date,
              country String, device_type String, subscription_type String')
    GROUP BY user_id"""

CH_RETENTION = """
    CREATE TABLE cohort_retention ENGINE = Memory AS
    WITH sizes AS (SELECT cohort, count() AS size FROM members GROUP BY cohort),
    cells AS (SELECT cohort, size, toInt32(arrayJoin(range(27))) AS k FROM sizes),
    active AS (
        SELECT cohort, toInt32(intDiv(week - cohort, 7)) AS k, count() AS n
        FROM (SELECT DISTINCT user_id, toMonday(timestamp) AS week FROM events) AS w
        JOIN members USING (user_id)
        WHERE week BETWEEN cohort AND cohort + 182 GROUP BY cohort, k)
    SELECT cohort AS cohort_week, k AS week_number, size AS cohort_size, n AS retained_users,
           n / size AS retention_rate
    FROM cells LEFT JOIN active USING (cohort, k)
    WHERE cohort + 7 * k >= toDate('2023-01-01') AND cohort + 7 * k + 6 <= toDate('2023-12-31')"""

CHDB = {
    "powerusers": {"timed": [CH_USERS, CH_POWER],
                   "after": [CH_TO_CSV % ("power_users", "power_users", "rank")]},
    "retention": {"timed": [CH_MEMBERS, CH_RETENTION],
                  "after": [CH_TO_CSV % ("cohort_retention", "cohort_retention",
                                         "cohort_week, week_number")]}}


def peers(source, job):
    return [Peer(engine, source, job) for engine in ("duckdb", "chdb") if install(engine)]


def powerusers(data):
    source, made = data.csv(), scratch("tmp", "power_users.gn")
    by_user = scratch("tmp", "by_user.gn")
    read = "gn-fromcsv -f user_id,timestamp,page_id,duration_ms " + source

    def gn(name, command):
        out = results("-".join(["powerusers"] + name.split()))
        return Pipeline(name, "%s >%s" % (command, made), out,
                        check="gn-tocsv %s >%s/power_users.csv" % (made, out))

    shell("%s | gn-sort %s -k user_id >%s" % (read, data.roomy(), by_user))
    good = data.report("CSV to power users, with pages and days of each", [
        gn("gn", read + " | gn-powerusers"),
        gn("gn, in memory", "%s | gn-powerusers %s" % (read, data.roomy()))]
        + peers(source, "powerusers"))
    good &= data.report("Power users alone, from a file", [
        gn("gn-powerusers, ordered by user", "gn-powerusers " + by_user),
        gn("gn-powerusers, unordered", "gn-powerusers " + data.stream())])
    os.unlink(by_user)
    os.unlink(made)
    return good


def members():
    """A million rows of metadata; made once."""
    path = scratch("members.csv")
    if not os.path.exists(path):
        shell("gn-gen --table metadata --rows 1000000 | gn-tocsv >{0}.new && mv {0}.new {0}"
              .format(path))
    return path


def retention(data):
    source, made = data.csv(), scratch("tmp", "cohorts.gn")
    who, days = scratch("tmp", "members.gn"), scratch("tmp", "days.gn")
    read_members = "gn-fromcsv -f user_id,join_date %s >%s" % (members(), who)

    def gn(name, command):
        out = results("-".join(["retention"] + name.split()))
        return Pipeline(name, "%s >%s" % (command, made), out,
                        check="gn-where complete %s | gn-tocsv >%s/cohort_retention.csv" % (
                            made, out))

    shell("gn-fromcsv -f user_id,timestamp %s | gn-dau --partial %s >%s" % (
        source, data.roomy(), days))
    good = data.report("CSV to retention by week of joining, with a million rows of metadata", [
        gn("gn", "%s && gn-fromcsv -f user_id,timestamp %s | gn-cohort --members %s" % (
            read_members, source, who))] + peers(source, "retention"))
    good &= data.report("Retention alone, from a file, with members from a file", [
        gn("gn-cohort, from a roll-up", "gn-cohort --members %s %s" % (who, days)),
        gn("gn-cohort, from events", "gn-cohort --members %s %s" % (who, data.stream()))])
    for path in (made, who, days):
        os.unlink(path)
    return good
