"""pctl.py - the section of gn-pctl: percentiles by version and day, and performance_by_version."""
from measure import Peer, Pipeline, install, results, scratch

FIGURES = ("p50_duration_ms, p95_duration_ms, p99_duration_ms")


def gn(name, job, command, select):
    """What is timed writes the stream; what is compared is made of it afterwards."""
    out = results("-".join(["gn", job] + name.split()))
    made = scratch("tmp", job + ".gn")
    return Pipeline(name, "%s >%s" % (command, made), out,
                    check="gn-select '%s' %s | gn-tocsv >%s/%s.csv" % (select, made, out, job))


def pctl(data):
    source = data.csv()
    peers = [engine for engine in ("duckdb", "chdb") if install(engine)]
    read = "gn-fromcsv -f app_version,timestamp,duration_ms %s | " % source
    by_day = "app_version, date = date(period), events = total_interactions, " + ", ".join(
        "p%d = p%d_duration_ms" % (p, p) for p in (50, 95, 99))
    items = [gn("gn-pctl", "percentiles", read + "gn-pctl -k app_version --by day --no-users",
                by_day),
             gn("gn-pctl, 32 MB", "percentiles",
                read + "gn-pctl -m 32M -k app_version --by day --no-users", by_day),
             gn("gn-agg", "percentiles", read +
                "gn-agg -k 'app_version, date = date(timestamp)' -a 'events = count(), "
                "p50 = p50(duration_ms), p95 = p95(duration_ms), p99 = p99(duration_ms)'", "*")]
    good = data.report("CSV to percentiles of durations by version and day, exact",
                       items + [Peer(engine, source, "percentiles") for engine in peers])

    read = "gn-fromcsv -f user_id,app_version,timestamp,duration_ms %s | " % source
    command = read + "gn-pctl%s -k app_version --by day,week,whole"
    columns = ("app_version, period_type, period, users, total_interactions, " + FIGURES +
               ", avg_duration_ms, stddev_duration_ms, min_duration_ms, max_duration_ms")
    items = [gn("gn-pctl", "performance", command % "", columns),
             gn("gn-pctl, 64 MB", "performance", command % " -m 64M", columns)]
    good &= data.report(
        "CSV to performance_by_version: days, weeks, the whole, with users and deviations",
        items + [Peer(engine, source, "performance") for engine in peers],
        ("stddev_duration_ms", "avg_duration_ms"))
    items = [Pipeline(name, "gn-fromcsv -f app_version,timestamp,duration_ms %s | gn-pctl "
                      "-k app_version --by day,week,whole --no-users%s >/dev/null" % (source, how))
             for name, how in (("exact", ""), ("--approx", " --approx"))]
    return data.report("Exact, and estimated", items) and good
