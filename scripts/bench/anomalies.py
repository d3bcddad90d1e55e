"""anomalies.py - the sections about anomalies and outliers: what gn does, and the peers' SQL.

Every contender finds the same anomalies, listed with what was expected; scores are compared to six
decimals, since deviations can be computed in several ways.
"""
from measure import Peer, Pipeline, install, results, scratch

FIELDS = "-f user_id,timestamp,duration_ms,app_version"
LISTED = ("rule, entity, at, metric_value, expected_value, baseline_n, severity, "
          "score = round(score, 6)")


def anomalies(data):
    source = data.csv()
    stream = data.stream()

    def gn(name, command, out=None):
        made = scratch("tmp", "anomalies.gn")
        return Pipeline(name, "%s >%s" % (command, made), out, check=out and (
            "gn-select '%s' %s | gn-sort -k rule,entity,at,metric_value,score | gn-tocsv "
            ">%s/anomalies.csv" % (LISTED, made, out)))

    from_csv = "gn-fromcsv %s %s | gn-anomaly" % (FIELDS, source)
    items = [gn("gn, one pipe", from_csv, results("gn-anomalies")),
             gn("gn, one pipe, -m 16M", from_csv + " -m 16M", results("gn-anomalies-16M")),
             gn("gn-anomaly alone, from a file of records", "gn-anomaly " + stream,
                results("gn-anomalies-file"))]
    items += [gn("gn-anomaly --rule %s, from a file" % rule, "gn-anomaly --rule %s %s" % (
        rule, stream)) for rule in ("statistical", "temporal", "behavioural")]
    items += [gn("gn-anomaly --rule statistical --robust, from a file",
                 "gn-anomaly --rule statistical --robust " + stream)]
    items += [Peer(e, source, "anomalies") for e in ("duckdb", "chdb") if install(e)]
    good = data.report("CSV to anomalies by three rules", items)

    def outliers(name, command):
        out = results("-".join(["outliers"] + name.replace(",", "").split()))
        made, fences = scratch("tmp", "usual.gn"), scratch("tmp", "fences.gn")
        return Pipeline(name, "%s --fences %s >%s" % (command, fences, made), out,
                        check="{ echo version,n,q1,q3,outliers; gn-tocsv --no-header -f app_version,"
                        "count_duration_ms,q1_duration_ms,q3_duration_ms,outliers %s; } "
                        ">%s/outliers.csv" % (fences, out))

    items = [outliers("gn, one pipe", "gn-fromcsv %s | gn-outlier -k app_version" % source),
             outliers("gn-outlier alone, from a file", "gn-outlier -k app_version " + stream)]
    items += [Peer(e, source, "outliers") for e in ("duckdb",) if install(e)]
    return data.report("CSV to records without outliers by version (quartiles)", items) and good


SEVERITY = ("CASE WHEN {0} > {3} THEN 'critical' WHEN {0} > {2} THEN 'high' "
            "WHEN {0} > {1} THEN 'medium' ELSE 'low' END").format

# ---- DuckDB ----

STATISTICAL = """
    CREATE TEMP TABLE statistical AS
    WITH groups AS (
        SELECT app_version, timestamp::DATE AS day, count(*) AS n, avg(duration_ms) AS m,
               stddev_samp(duration_ms) AS s
        FROM events WHERE duration_ms >= 0 GROUP BY 1, 2 HAVING count(*) >= 11)
    SELECT 'statistical' AS rule, user_id AS entity, timestamp AS "at",
           duration_ms::DOUBLE AS metric_value, m AS expected_value, n AS baseline_n,
           abs((duration_ms - m) / s) AS score
    FROM events JOIN groups ON events.app_version = groups.app_version
                           AND timestamp::DATE = day
    WHERE duration_ms >= 0 AND s > 0 AND abs((duration_ms - m) / s) > 3"""

TEMPORAL = """
    CREATE TEMP TABLE temporal AS
    WITH counts AS (SELECT date_trunc('hour', timestamp) AS h, count(*) AS n FROM events GROUP BY 1),
    hours AS (SELECT unnest(generate_series(min(h), max(h), INTERVAL 1 HOUR)) AS h FROM counts),
    filled AS (SELECT h, coalesce(n, 0) AS n FROM hours LEFT JOIN counts USING (h)),
    paired AS (SELECT *, lag(n, 168) OVER (ORDER BY h) AS p FROM filled)
    SELECT 'temporal' AS rule, 'ALL' AS entity, h AS "at", n::DOUBLE AS metric_value,
           p::DOUBLE AS expected_value, 1 AS baseline_n,
           CASE WHEN p > 0 THEN abs(n - p) / p END AS score,
           CASE WHEN least(n, p) > 0 THEN greatest(n, p) / least(n, p) ELSE 'inf'::DOUBLE END AS times
    FROM paired WHERE p IS NOT NULL AND abs(n - p) > 0.5 * p AND greatest(n, p) >= 30"""

BEHAVIOURAL = """
    CREATE TEMP TABLE behavioural AS
    WITH days AS (SELECT user_id, timestamp::DATE AS d, count(*) AS n FROM events GROUP BY 1, 2),
    past AS (
        SELECT *, count(*) OVER w AS k, sum(n) OVER w AS total FROM days
        WINDOW w AS (PARTITION BY user_id ORDER BY d
                     RANGE BETWEEN INTERVAL 30 DAYS PRECEDING AND INTERVAL 1 DAY PRECEDING))
    SELECT 'behavioural' AS rule, user_id AS entity, d::TIMESTAMP AS "at", n::DOUBLE AS metric_value,
           total / k AS expected_value, k AS baseline_n, n * k / total AS score
    FROM past WHERE k >= 3 AND n >= 20 AND n * k > 10 * total"""

ALL = """
    SELECT rule, entity, "at", metric_value, expected_value, baseline_n, {0} AS severity,
           round(score, 6) AS score FROM statistical
    UNION ALL
    SELECT rule, entity, "at", metric_value, expected_value, baseline_n, {1}, round(score, 6)
    FROM temporal
    UNION ALL
    SELECT rule, entity, "at", metric_value, expected_value, baseline_n, {2}, round(score, 6)
    FROM behavioural ORDER BY 1, 2, 3, 4, 8""".format(
        SEVERITY("score", 3, 5, 10), SEVERITY("times", 3, 5, 10), SEVERITY("score", 10, 20, 50))

DUCKDB_ANOMALIES = ([STATISTICAL, TEMPORAL, BEHAVIOURAL],
                    ["COPY (%s) TO '%%(out)s/anomalies.csv' (HEADER)" % ALL])

DUCKDB_OUTLIERS = ([
    "CREATE TEMP TABLE fences AS SELECT app_version, count(*) AS n, "
    "quantile_cont(duration_ms, [0.25, 0.75]) AS q FROM events WHERE duration_ms >= 0 GROUP BY 1",
    "CREATE TEMP TABLE usual AS SELECT events.* FROM events JOIN fences USING (app_version) "
    "WHERE q[2] = q[1] OR duration_ms IS NULL OR duration_ms < 0 OR duration_ms BETWEEN "
    "q[1] - 1.5 * (q[2] - q[1]) AND q[2] + 1.5 * (q[2] - q[1])"],
    ["COPY (SELECT app_version AS version, n, q[1] AS q1, q[2] AS q3, "
     "n - (SELECT count(*) FROM usual WHERE usual.app_version = fences.app_version "
     "AND duration_ms >= 0) AS outliers FROM fences ORDER BY 1) "
     "TO '%(out)s/outliers.csv' (HEADER)"])

# ---- chDB ----

CH_STATISTICAL = """
    CREATE TABLE statistical ENGINE = Memory AS
    WITH groups AS (
        SELECT app_version, toDate(timestamp) AS day, count() AS n, avg(duration_ms) AS m,
               stddevSampStable(duration_ms) AS s
        FROM events WHERE duration_ms >= 0 GROUP BY app_version, day HAVING n >= 11)
    SELECT 'statistical' AS rule, user_id AS entity, timestamp AS "at",
           toFloat64(duration_ms) AS metric_value, m AS expected_value, n AS baseline_n,
           abs((duration_ms - m) / s) AS score
    FROM (SELECT *, toDate(timestamp) AS day FROM events WHERE duration_ms >= 0) AS e
    INNER JOIN groups ON e.app_version = groups.app_version AND e.day = groups.day
    WHERE s > 0 AND score > 3"""

CH_TEMPORAL = """
    CREATE TABLE temporal ENGINE = Memory AS
    WITH filled AS (
        SELECT toStartOfHour(timestamp) AS h, toInt64(count()) AS n FROM events GROUP BY h
        ORDER BY h WITH FILL STEP 3600),
    paired AS (
        SELECT h, n, row_number() OVER (ORDER BY h) AS i,
               lagInFrame(n, 168) OVER (ORDER BY h ROWS BETWEEN UNBOUNDED PRECEDING
                                        AND UNBOUNDED FOLLOWING) AS p FROM filled)
    SELECT 'temporal' AS rule, 'ALL' AS entity, h AS "at", toFloat64(n) AS metric_value,
           toFloat64(p) AS expected_value, 1 AS baseline_n,
           if(p > 0, abs(n - p) / p, NULL) AS score,
           if(least(n, p) > 0, greatest(n, p) / least(n, p), inf) AS times
    FROM paired WHERE i > 168 AND abs(n - p) > 0.5 * p AND greatest(n, p) >= 30"""

CH_BEHAVIOURAL = """
    CREATE TABLE behavioural ENGINE = Memory AS
    WITH days AS (
        SELECT user_id, toInt32(toDate(timestamp)) AS d, toInt64(count()) AS n
        FROM events GROUP BY user_id, d),
    past AS (
        SELECT *, toInt64(count() OVER w) AS k, sum(n) OVER w AS total FROM days
        WINDOW w AS (PARTITION BY user_id ORDER BY d RANGE BETWEEN 30 PRECEDING AND 1 PRECEDING))
    SELECT 'behavioural' AS rule, user_id AS entity, toDateTime(d * 86400, 'UTC') AS "at",
           toFloat64(n) AS metric_value, total / k AS expected_value, k AS baseline_n,
           n * k / total AS score
    FROM past WHERE k >= 3 AND n >= 20 AND n * k > 10 * total"""

CH_ALL = """
    INSERT INTO FUNCTION file('%(out)s/anomalies.csv', 'CSVWithNames')
    SELECT * FROM (
        SELECT rule, entity, "at", metric_value, expected_value, baseline_n, {0} AS severity,
               round(score, 6) AS score FROM statistical
        UNION ALL
        SELECT rule, entity, "at", metric_value, expected_value, baseline_n, {1}, round(score, 6)
        FROM temporal
        UNION ALL
        SELECT rule, entity, "at", metric_value, expected_value, baseline_n, {2}, round(score, 6)
        FROM behavioural)
    ORDER BY rule, entity, "at", metric_value, score
    SETTINGS engine_file_truncate_on_insert = 1, format_csv_null_representation = ''""".format(
        SEVERITY("statistical.score", 3, 5, 10), SEVERITY("times", 3, 5, 10),
        SEVERITY("behavioural.score", 10, 20, 50))

CHDB_ANOMALIES = ([CH_STATISTICAL, CH_TEMPORAL, CH_BEHAVIOURAL], [CH_ALL])
