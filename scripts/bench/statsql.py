"""statsql.py - the jobs of stats.py in SQL, for peers.py: statements that are timed, and those that
make what is compared: figures to nine digits, since sums of doubles depend on their order."""

# Sums of squares about the means, of groups and of all; ranks from the counts of each value, not of
# each row, which is the fastest way that we found.
TEST = """
    WITH counts AS (SELECT g, v, count(*) AS n FROM %(rows)s GROUP BY g, v),
    ties AS (SELECT v, sum(n) AS t FROM counts GROUP BY v),
    ranks AS (SELECT v, t, sum(t) OVER (ORDER BY v) - t + (t + 1) / 2 AS r FROM ties),
    groups AS (SELECT g, sum(n) AS n, sum(v * 1.0e0 * n) / sum(n) AS mean, sum(n * r) AS r
               FROM counts JOIN ranks USING (v) GROUP BY g),
    whole AS (SELECT sum(n) * 1.0e0 AS n, sum(n * mean) / sum(n) AS mean, count(*) AS k
              FROM groups),
    within AS (SELECT sum(c.n * (v - mean) * (v - mean)) AS ss
               FROM counts AS c JOIN groups AS g ON g.g = c.g),
    between AS (SELECT sum(g.n * (g.mean - w.mean) * (g.mean - w.mean)) AS ss,
                       sum(g.n * (g.r / g.n - (w.n + 1) / 2) * (g.r / g.n - (w.n + 1) / 2)) AS rr
                FROM groups AS g, whole AS w),
    tied AS (SELECT sum(t * 1.0e0 * t * t - t) AS c FROM ties)
    SELECT '%(unit)s' AS unit, w.k AS groups, w.n AS n,
           b.ss / (w.k - 1) / (i.ss / (w.n - w.k)) AS f_statistic,
           b.ss / (b.ss + i.ss) AS eta_squared,
           12 / (w.n * (w.n + 1)) * b.rr / (1 - t.c / (w.n * w.n * w.n - w.n)) AS kruskal_h
    FROM whole AS w, within AS i, between AS b, tied AS t"""

EVENTS = "(SELECT action_type AS g, duration_ms AS v FROM events) AS e"
USERS = ("(SELECT action_type AS g, avg(duration_ms) AS v FROM events GROUP BY user_id, action_type)"
         " AS u")

USER_TABLE = """
    SELECT user_id, sum(duration_ms) AS duration, count(*) AS interactions,
           count(DISTINCT %s) AS days_active
    FROM events GROUP BY user_id"""
METRICS = ("days_active", "duration", "interactions")
PAIRS = (("days_active", "duration"), ("days_active", "interactions"),
         ("duration", "interactions"))


def correlations(corr):
    """All pairs of the table users, and of ranked, which has ranks under the same names."""
    return " UNION ALL ".join(
        "SELECT '{0}' AS metric_a, '{1}' AS metric_b, count(*) AS n, {2}(u.{0}, u.{1}) AS pearson, "
        "{2}(r_{0}, r_{1}) AS spearman FROM ranked AS u".format(a, b, corr) for a, b in PAIRS)


def ranked(window_type):
    """Average ranks: the middle of the places of equals."""
    return "SELECT users.*, %s FROM users" % ", ".join(
        "rank() OVER (ORDER BY {0}) + (count(*) OVER (PARTITION BY {0}) - 1) / {1} AS r_{0}".format(
            m, window_type) for m in METRICS)


def duckdb_jobs(job):
    """`job` is peers.Job."""
    def shown(table, texts, figures, order):
        columns = ", ".join(list(texts) + ["format('{{:.8e}}', {0}::DOUBLE) AS {0}".format(f)
                                           for f in figures])
        return "COPY (SELECT %s FROM %s ORDER BY %s) TO '%%(out)s/%s.csv' (HEADER)" % (
            columns, table, order, table)

    make = "CREATE TEMP TABLE %s AS %s"
    return {
        "anova": job([make % ("anova", "(%s) UNION ALL (%s)" % (
            TEST % {"rows": EVENTS, "unit": "events"}, TEST % {"rows": USERS, "unit": "users"}))],
                     after=[shown("anova", ("unit", "groups", "n::BIGINT AS n"),
                                  ("f_statistic", "eta_squared", "kruskal_h"), "unit")]),
        "corr": job([make % ("users", USER_TABLE % "timestamp::DATE"),
                     make % ("ranked", ranked("2.0")), make % ("corr", correlations("corr"))],
                    after=[shown("corr", ("metric_a", "metric_b", "n"), ("pearson", "spearman"),
                                 "metric_a, metric_b")])}


def chdb_jobs(job):
    """As duckdb_jobs."""
    def shown(table, texts, figures, order):
        columns = ", ".join(list(texts) + ["printf('%.8e', toFloat64({0})) AS {0}".format(f)
                                           for f in figures])
        return ("INSERT INTO FUNCTION file('%%(out)s/%s.csv', 'CSVWithNames') SELECT %s FROM %s "
                "ORDER BY %s SETTINGS engine_file_truncate_on_insert = 1" % (
                    table, columns, table, order))

    make = "CREATE TABLE %s ENGINE = Memory AS %s"
    return {
        "corr": job([make % ("users", USER_TABLE % "toDate(timestamp)"),
                     make % ("ranked", ranked("2")), make % ("corr", correlations("corr"))],
                    after=[shown("corr", ("metric_a", "metric_b", "n"), ("pearson", "spearman"),
                                 "metric_a, metric_b")])}
