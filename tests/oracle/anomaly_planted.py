#!/usr/bin/python3
"""anomaly_planted.py - does gn-anomaly find what gn-gen --model realistic planted, with its default
options, and how much else?

    anomaly_planted.py [--bin DIR] [--rows N] SEED...          a seed, or FROM-TO

For each seed: the planted hour must be a temporal anomaly, with as many rows as were planted or so,
and none of more than the usual when its rows are thinned out to a sixth; each planted user-day must be a
behavioural one, and not when its rows are taken out. The hour a week after the planted one is
unusual against it, and is not counted as false. Prints the rates of other anomalies: false alarms,
as far as nothing else was planted that the rule looks at. Exit 1 when something is not found, or
found where it is not.
"""
import json
import os
import subprocess
import sys
import tempfile

import gnstream

HOUR, DAY = 3600 * 1000000, 86400 * 1000000


def run(bin_dir, *args, data=None):
    p = subprocess.run([os.path.join(bin_dir, args[0]), *args[1:]], input=data,
                       capture_output=True, check=False)
    if p.returncode:
        sys.exit("%s: status %d: %s" % (args, p.returncode, p.stderr.decode()))
    return p.stdout


def anomalies(bin_dir, rule, name):
    seg, = gnstream.parse(run(bin_dir, "gn-anomaly", "--rule", rule, "--stats=stats", name))
    with open("stats", encoding="utf-8") as f:
        counters = json.load(f)["counters"]
    return [dict(zip(seg.names(), r)) for r in seg.records], counters


def us(text):
    p = text.replace("-", " ").replace(":", " ").split()
    day = gnstream.datetime.date(*map(int, p[:3])).toordinal() - gnstream.EPOCH
    return day * DAY + (int(p[3]) * HOUR if len(p) > 3 else 0)


def check(bin_dir, seed, rows):
    """(hours judged, false hours, of these high or critical; is the planted one?; user-days judged,
    false ones)"""
    run(bin_dir, "gn-gen", "--model", "realistic", "--rows", str(rows), "--seed", str(seed),
        "--users", str(rows // 10), "--effects", "effects", "-o", "all.gn")
    with open("effects", encoding="utf-8") as f:
        effects = json.load(f)["effects"]
    hour, = [e["parameters"]["hour"] for e in effects if e["name"] == "anomalous_hour"]
    days = {(e["parameters"]["user_id"], e["parameters"]["date"]) for e in effects
            if e["name"] == "anomalous_user_day"}
    found, counters = anomalies(bin_dir, "temporal", "all.gn")
    at = us(hour)
    here = [r for r in found if r["at"] == at and r["score"] > 1]
    if not here:
        return "the planted hour %s is not found" % hour
    false = [r for r in found if r["at"] not in (at, at + 7 * DAY)]
    loud = [r for r in false if r["severity"] in ("high", "critical")]
    out = [counters["hours_judged"], len(false), len(loud),
           sum(r["severity"] in ("high", "critical") for r in here)]
    begin = hour.replace(" ", "T")
    run(bin_dir, "gn-where", "-o", "thin.gn",
        "not (timestamp >= %s and timestamp < %s + 1h) or hash(timestamp) %% 6 = 0" % (begin, begin),
        "all.gn")
    thin, _ = anomalies(bin_dir, "temporal", "thin.gn")
    if any(r["at"] == at and r["score"] > 1 for r in thin):
        return "the planted hour %s is found where it is not" % hour
    found, counters = anomalies(bin_dir, "behavioural", "all.gn")
    got = {(r["user_id"], gnstream.date_text(r["at"] // DAY)) for r in found}
    if days - got:
        return "user-days not found: %s" % sorted(days - got)
    out += [counters["user_days_judged"], len(got - days)]
    none = " and ".join("not (user_id = '%s' and date(timestamp) = %s)" % d for d in days)
    run(bin_dir, "gn-where", "-o", "thin.gn", none, "all.gn")
    thin, _ = anomalies(bin_dir, "behavioural", "thin.gn")
    if days & {(r["user_id"], gnstream.date_text(r["at"] // DAY)) for r in thin}:
        return "a user-day is found that is not there"
    return out


def main(argv):
    rows, bin_dir = 200000, os.path.dirname(os.path.realpath(subprocess.run(
        ["which", "gn-anomaly"], capture_output=True, text=True, check=False).stdout.strip()))
    while argv and argv[0] in ("--bin", "--rows"):
        if argv[0] == "--bin":
            bin_dir = os.path.abspath(argv[1])
        else:
            rows = int(argv[1])
        argv = argv[2:]
    seeds = []
    for a in argv:
        lo, _, hi = a.partition("-")
        seeds += range(int(lo), int(hi or lo) + 1)
    if not seeds:
        sys.exit(__doc__)
    total = [0] * 6
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        for seed in seeds:
            r = check(bin_dir, seed, rows)
            if isinstance(r, str):
                print("seed %d, %d rows: %s" % (seed, rows, r))
                return 1
            total = [a + b for a, b in zip(total, r)]
    print("%d seeds of %d rows: all found, %d hours of them as high or critical; of %d hours judged "
          "%d more were anomalies (%.3g %%), %d of them high or critical; of %d user-days %d "
          "(%.3g %%)" % (len(seeds), rows, total[3], total[0], total[1],
                         100 * total[1] / total[0], total[2], total[4], total[5],
                         100 * total[5] / total[4]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
