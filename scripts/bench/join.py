#!/usr/bin/python3
"""join.py - the section join of the benchmark: all events left join a million users, all columns, all
rows out.

One user in twenty has no metadata. gn writes a file of records; the others make a table in memory.

    join.py duckdb|chdb|polars EVENTS,METADATA OUT_DIRECTORY JOB THREADS

is what it runs for its peers: it does what peers.py does, for joins (JOB: left).
"""
import json
import os
import resource
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from measure import Peer, Pipeline, install, results, scratch, shell  # noqa: E402
from peers import COLUMNS  # noqa: E402

USERS = 1000000
METADATA = {"user_id": "VARCHAR", "join_date": "DATE", "country": "VARCHAR",
            "device_type": "VARCHAR", "subscription_type": "VARCHAR"}
# Users in no order, by a multiplication that is one to one modulo a prime above their number.
MAKE_METADATA = r"""mawk 'BEGIN {
    split("US UK CA AU DE FR JP IN BR MX", country, " ")
    split("iPhone,iPad,Android Phone,Android Tablet,Windows,Mac", device, ",")
    split("free basic premium enterprise", plan, " ")
    print "user_id,join_date,country,device_type,subscription_type"
    for (i = 1; i <= 1000002; i++) {
        u = i * 7919 % 1000003
        if (u % 20 == 0 || u > 1000000) continue
        h = (u * 48271) % 2147483647
        printf "u%06d,20%02d-%02d-%02d,%s,%s,%s\n", u, 20 + h % 4, 1 + int(h / 7) % 12,
            1 + int(h / 97) % 28, country[1 + int(h / 1009) % 10],
            device[1 + int(h / 10007) % 6], plan[1 + int(h / 100003) % 4]
    }
}'"""
# One user owns three events in ten.
MAKE_HOT = r"""mawk -F, -v OFS=, 'NR > 1 && NR %% 10 < 3 { $1 = "u000007" } 1' %s"""

SUMMARY = ("gn-agg -k country,device_type,subscription_type -a 'events = count(), "
           "users = distinct(user_id), ms = sum(duration_ms), pages = distinct(page_id), "
           "joined = min(join_date), latest = max(timestamp)' %s | gn-tocsv >%s/summary.csv")


def made(data, name, command):
    """A CSV file, kept for the next run."""
    path = scratch(name)
    if not os.path.exists(path):
        shell("%s >%s.new && mv %s.new %s" % (command, path, path, path))
    shell("cat %s >/dev/null" % path)
    return path


def metadata(data):
    return made(data, "metadata-%d.csv" % USERS, MAKE_METADATA)


class JoinPeer(Peer):
    script = "join.py"


def gn(name, command):
    out = results("join-" + "-".join(name.replace("/", "").split()))
    path = scratch("tmp", "joined.gn")
    return Pipeline(name, "%s >%s" % (command, path), out, check=SUMMARY % (path, out))


def join(data):
    events, users = data.csv(), metadata(data)
    pipe = "gn-fromcsv %s | gn-join -k user_id %s - <(gn-fromcsv %s)"
    peers = [engine for engine in ("duckdb", "polars", "chdb") if install(engine)]
    good = data.report("CSV: events left join %d users (gn: into a file; others: a table in memory)"
                       % USERS,
                       [gn("gn", pipe % (events, "", users)),
                        gn("gn, -m 64M", pipe % (events, "-m 64M", users))]
                       + [JoinPeer(engine, events + "," + users, "left") for engine in peers])
    hot = made(data, "skewed-%d-hot.csv" % data.rows, MAKE_HOT % events)
    good &= data.report("The same where one user owns 30 % of the events",
                        [gn("gn", pipe % (hot, "", users)),
                         gn("gn, -m 64M", pipe % (hot, "-m 64M", users))]
                        + [JoinPeer(engine, hot + "," + users, "left") for engine in peers])
    left, right = scratch("tmp", "left.gn"), scratch("tmp", "right.gn")
    sort = "gn-sort -k user_id %s %s >%s"
    shell(sort % (data.roomy(), data.stream(), left))
    shell("gn-fromcsv %s | %s" % (users, sort % ("", "", right)))
    good &= data.report("From files in order of the key", [
        Pipeline("gn-join --strategy " + how,
                 "gn-join --strategy %s -k user_id %s %s >/dev/null" % (how, left, right))
        for how in ("merge", "broadcast", "grace", "grace -m 64M")])
    for path in (left, right, scratch("tmp", "joined.gn")):
        os.unlink(path)
    return good


# ---- the peers ----

JOINED = "SELECT e.*, m.* EXCLUDE (user_id) FROM events e LEFT JOIN metadata m USING (user_id)"
BY = "country, device_type, subscription_type"
SUMMED = ("SELECT " + BY + ", count(*) AS events, count(DISTINCT user_id) AS users,"
          " sum(duration_ms)::BIGINT AS ms, count(DISTINCT page_id) AS pages,"
          " min(join_date) AS joined, max(timestamp) AS latest FROM joined GROUP BY ALL ORDER BY "
          + BY)


def duckdb(events, users, out, threads, temporary):
    import duckdb as engine
    db = engine.connect(config={"threads": threads, "temp_directory": temporary})
    for name, path, columns in (("events", events, COLUMNS), ("metadata", users, METADATA)):
        db.execute("CREATE VIEW %s AS SELECT * FROM read_csv('%s', header = true, "
                   "auto_detect = false, delim = ',', quote = '\"', escape = '\"', columns = %s)"
                   % (name, path, columns))
    return ("DuckDB " + engine.__version__, lambda: db.execute("CREATE TEMP TABLE joined AS " + JOINED),
            lambda: db.execute("COPY (%s) TO '%s/summary.csv' (HEADER)" % (SUMMED, out)))


def chdb(events, users, out, threads, temporary):
    import chdb as engine
    from chdb.session import Session
    types = {"VARCHAR": "String", "BIGINT": "Int64", "TIMESTAMP": "DateTime(''UTC'')",
             "DATE": "Date"}
    query = Session(temporary).query
    query("SET max_threads = %s, join_use_nulls = 1" % threads)
    for name, path, columns in (("events", events, COLUMNS), ("metadata", users, METADATA)):
        query("CREATE VIEW %s AS SELECT * FROM file('%s', 'CSVWithNames', '%s')" % (
            name, path, ", ".join("%s %s" % (c, types[t]) for c, t in columns.items())))
    def timed():
        query("CREATE TABLE joined ENGINE = Memory AS SELECT e.*, m.join_date, m.country, "
              "m.device_type, m.subscription_type FROM events e LEFT JOIN metadata m USING (user_id)")
    def after():
        query("INSERT INTO FUNCTION file('%s/summary.csv', 'CSVWithNames') SELECT %s, "
              "count() AS events, uniqExact(user_id) AS users, sum(duration_ms) AS ms, "
              "uniqExact(page_id) AS pages, min(join_date) AS joined, max(timestamp) AS latest "
              "FROM joined GROUP BY %s ORDER BY %s SETTINGS engine_file_truncate_on_insert = 1, "
              "format_csv_null_representation = ''" % (out, BY, BY, BY))
        path = out + "/summary.csv"  # quoted text and times, as gn writes them
        with open(path, encoding="utf-8") as f:
            text = f.read().replace('"', "")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    return "chDB " + engine.__version__, timed, after


def polars(events, users, out, threads, temporary):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl
    kinds = {"VARCHAR": pl.Utf8, "BIGINT": pl.Int64, "DATE": pl.Date, "TIMESTAMP": pl.Datetime}
    made_of = {}

    def scan(path, columns):
        texts = {c: pl.Utf8 if t in ("DATE", "TIMESTAMP") else kinds[t] for c, t in columns.items()}
        lazy = pl.scan_csv(path, schema=texts)
        return lazy.with_columns([
            pl.col(c).str.strptime(kinds[t], "%Y-%m-%d" + (" %H:%M:%S" if t == "TIMESTAMP" else ""))
            for c, t in columns.items() if t in ("DATE", "TIMESTAMP")])

    def timed():
        made_of["joined"] = scan(events, COLUMNS).join(
            scan(users, METADATA), on="user_id", how="left").collect()

    def after():
        keys = BY.split(", ")
        made_of["joined"].group_by(keys).agg(
            pl.len().alias("events"), pl.col("user_id").n_unique().alias("users"),
            pl.col("duration_ms").sum().alias("ms"), pl.col("page_id").n_unique().alias("pages"),
            pl.col("join_date").min().alias("joined"), pl.col("timestamp").max().alias("latest"),
        ).sort(keys, nulls_last=True).write_csv(
            out + "/summary.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    return "Polars " + pl.__version__, timed, after


def main(engine, sources, out, job, threads):
    assert job == "left"
    os.makedirs(out, exist_ok=True)
    events, users = sources.split(",")
    with tempfile.TemporaryDirectory() as temporary:
        name, timed, after = {"duckdb": duckdb, "chdb": chdb, "polars": polars}[engine](
            events, users, out, threads, temporary)

        def usage():
            return resource.getrusage(resource.RUSAGE_SELF)

        wall, used = time.monotonic(), usage()
        timed()
        wall, now = time.monotonic() - wall, usage()
        after()
        print(json.dumps({
            "name": name, "wall": wall, "memory": now.ru_maxrss * 1024,
            "cpu": now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime}))


if __name__ == "__main__":
    main(*sys.argv[1:])
