#!/usr/bin/python3
"""plan_diff.py - gn-plan's figures, worked out again.

    plan_diff.py SEED ROUNDS

Each round makes random sizes, manifests (skewed, empty and equal parts; of one or several ranges),
hot keys (of gn-hotkeys' and of gn-partition's form), host lists, traces and options, and compares
`gn-plan --json` and `--make` with what SPEC.md, section 5, and the formulas of gn-plan(1) give, in
Python's integers and fractions. Exit 1 at the first difference, with the command line.
"""
import json
import math
import os
import random
import shlex
import subprocess
import sys
import tempfile
from fractions import Fraction

import xxhash

import gnstream

K, M, G, T = 1 << 10, 1 << 20, 1 << 30, 1 << 40
BUILTIN = {  # lib/op/planrates.c
    "basis": 376162611, "longest": 5556000,
    "rates": [("map", "gn-fromcsv", 1097000), ("map", "gn-partition", 1165000),
              ("partitions", "gn-agg", 24582000), ("partitions", "gn-cat", 1788000),
              ("partitions", "gn-dau", 1624000), ("partitions", "gn-join", 2929000),
              ("partitions", "gn-select", 58000), ("partitions", "gn-sessionize", 865000),
              ("partitions", "gn-sort", 2905000), ("partitions", "gn-uniq", 248000),
              ("partitions", "gn-where", 2010000), ("merge", "gn-agg", 10001000),
              ("merge", "gn-cat", 2412000), ("merge", "gn-dau", 372000),
              ("merge", "gn-join", 59000), ("merge", "gn-merge", 422000),
              ("merge", "gn-select", 1927000), ("merge", "gn-sort", 20000),
              ("merge", "gn-tocsv", 1165000)]}


def up(a, b=1):
    """a / b, rounded up."""
    return math.ceil(Fraction(a) / b)


def a_size(r, most):
    return r.choice([0, 1, r.randint(0, 1000), r.randint(0, 200 * M), r.randint(0, most),
                     r.choice([M, G, 128 * M, T]), 3 * 128 * M + r.randint(-1, 1)])


def option(args, name, v):
    args += ["--" + name, str(v)]


def manifests(r, d, args):
    """Parts: [path, bytes, rows, distinct, lo, hi], summed over the ranges."""
    n = r.choice([1, 2, 3, 8, 9, 40, 200])
    like = r.randint(0, 300 * M)
    parts = []
    for k in range(n):
        b = r.choice([0, like, like, like, r.randint(0, 2 * like + 1), like * r.choice([3, 4, 9]),
                      like * 3 + 1, like // 50])
        parts.append(["part-%04d.gn" % k, b, b // 41, r.choice([0, 1, 2, b // 400])])
    fields = [["path", "str"], ["part", "int"], ["lo", "str"], ["hi", "str"], ["rows", "int"],
              ["bytes", "int"], ["distinct", "int"]]
    total = [[p[0], 0, 0, 0, up(k << 64, n), up((k + 1) << 64, n) - 1] for k, p in enumerate(parts)]
    for m in range(r.choice([1, 1, 2, 5])):
        rows = []
        for k, (path, b, n_rows, distinct) in enumerate(parts):
            rows.append([path, k, "%016x" % total[k][4], "%016x" % total[k][5], n_rows, b,
                         distinct or None])
            total[k][1] += b
            total[k][2] += n_rows
            total[k][3] += distinct
        name = os.path.join(d, "manifest%d.gn" % m)
        with open(name, "wb") as f:
            f.write(gnstream.build(fields, rows))
        option(args, "manifest", name)
    return total


def key_hash(key):
    return xxhash.xxh3_64_intdigest(gnstream.pack(key))


def hot_keys(r, d, args, target, row):
    """[bytes, hash] of the hot keys, descending."""
    name = os.path.join(d, "hot.gn")
    option(args, "hot", name)
    sizes = [r.choice([r.randint(0, 10 * target), target // 2, target // 2 + 1, target, 2 * target,
                       2 * target + 1]) for _ in range(r.choice([0, 1, 3, 20]))]
    if r.random() < 0.5:  # gn-hotkeys
        rows = [["u%d" % i, b // 41, b, 0.5, 2] for i, b in enumerate(sizes)]
        out = gnstream.build([["user_id", "str"], ["count", "int"], ["bytes", "int"],
                              ["share", "float"], ["factor", "int"]], rows)
        hot = [(b, key_hash(row[0])) for b, row in zip(sizes, rows)]
    else:  # gn-partition --hot, of two ranges with the same keys
        rows = [["part-0000.gn", i + 1, "u%d" % (i // 2), b // 41, 0] for i, b in enumerate(sizes)]
        out = gnstream.build([["path", "str"], ["rank", "int"], ["user_id", "str"],
                              ["rows", "int"], ["error", "int"]], rows)
        sums = {}
        for path, rank, key, count, _ in rows:
            sums[key] = sums.get(key, 0) + count * row
        hot = [(b, key_hash(k)) for k, b in sums.items() if b > Fraction(target, 2)]
    with open(name, "wb") as f:
        f.write(out)
    return sorted(hot, reverse=True)


def hosts(r, d, args, cores):
    if r.random() < 0.5:
        n = r.randint(1, 40)
        option(args, "hosts", n)
        return [cores] * n
    name, lines, out = os.path.join(d, "hosts"), [], []
    for i in range(r.randint(1, 9)):
        n = r.choice([None, r.randint(1, 64)])
        login = r.choice([":", "host%d" % i, "me@host%d" % i, "ssh -p 22 host%d" % i])
        lines.append(r.choice(["", "  "]) + r.choice(["", "", "@big+old/"]) +
                     ("" if n is None else "%d/" % n) + login)
        out.append(n or cores)
    text = (", " if r.random() < 0.3 else "\n").join(lines)
    with open(name, "w", encoding="utf-8") as f:
        f.write("# hosts\n\n%s # the last\n" % text)
    option(args, "hosts", name)
    return out


def traces(r, d, args):
    """A run: its lines, and the rates that follow."""
    name = os.path.join(d, "trace.jsonl")
    lines, rates, basis, longest = [], {}, 0, 0

    def line(command, phase, started, wall, argv=()):
        nonlocal basis, longest
        cpu = r.randint(0, 10**r.randint(2, 9))
        out, records = r.randint(1, 10**r.randint(1, 11)), r.randint(1, 10**6)
        lines.append({"command": command, "argv": [command] + list(argv), "status": 0,
                      "records_in": records, "records_out": records, "bytes_in": out,
                      "bytes_out": out, "started": started, "wall_s": wall, "cpu_s": cpu / 1e6})
        if command == "gn-fromcsv" and "--index" not in argv:
            basis += out
        rates[phase, command] = rates.get((phase, command), 0) + cpu
        if phase == "merge":
            longest = max(longest, cpu)

    line("gn-fromcsv", "map", 100, 1, ["--index", "e.csv"])
    for _ in range(r.randint(1, 3)):
        line("gn-fromcsv", "map", 101, 9)
        line("gn-partition", "map", 101.5, r.uniform(1, 9))
    for _ in range(r.randint(0, 4)):
        line(r.choice(["gn-sort", "gn-dau", "gn-agg", "gn-where"] + ["gn-join"] * r.randint(0, 1)),
             "partitions", r.uniform(111, 120), r.uniform(0, 9))
    for _ in range(r.randint(0, 3)):
        line("gn-dau", "merge", 130, 2, ["--merge"])
        line("gn-merge", "merge", 130, 3)
        line("gn-tocsv", "merge", 129.9, 3.2)
    r.shuffle(lines)
    with open(name, "w", encoding="utf-8") as f:
        for o in lines:
            f.write(json.dumps(o) + "\n")
        f.write(json.dumps(dict(lines[0], status=5)) + "\n")
        f.write(json.dumps(dict(lines[0], command="gn-plan")) + "\n")
    option(args, "rates", name)
    return {"basis": basis, "longest": longest,
            "rates": [(p, c, v) for (p, c), v in sorted(rates.items())]}


def merge_runs(parts, target, limit, cores):
    spare = max(0, len(parts) - 2 * cores)
    runs, i = [], 0
    while i < len(parts):
        end, total = i, parts[i][1]
        if total <= limit and total <= target:
            while (spare > 0 and end + 1 < len(parts) and parts[end + 1][1] <= limit
                   and total + parts[end + 1][1] <= target):
                end += 1
                total += parts[end][1]
                spare -= 1
        if end > i:
            runs.append({"first": parts[i][0], "last": parts[end][0], "bytes": total})
        i = end + 1
    return runs


def split_one(part, limit, target, hot):
    path, size, _, distinct, lo, hi = part
    rest = max(0, size - sum(b for b, h in hot if lo <= h <= hi))
    return {"path": path, "pieces": 1 if rest <= limit or distinct == 1
            else max(2, up(rest, target))}


def plan(q):
    """The figures; q has what was given."""
    cores, widest, w = sum(q["hosts"]), max(q["hosts"]), {}
    parts, target, memory = q["parts"], q["target"], q["memory"]
    events = sum(p[1] for p in parts) if parts else q["events"]
    disk = q["events"] if q["events"] is not None else events
    w["partitions_wanted"] = min(65536, max(2 * cores, up(events, target)))
    n = len(parts) or q["partitions"] or w["partitions_wanted"]
    w["partitions"] = n
    w["ranges"] = q["ranges"] or min(256, max(1, up(disk, 64 * M)))
    w["metadata_ranges"] = q["metadata_ranges"] or min(256, max(1, up(q["metadata"], 64 * M)))
    w["files"] = n * w["ranges"]
    average = up(events, n)
    largest = max(p[1] for p in parts) if parts else max([average] + [min(b, events) for b, _ in q["hot"][:1]])
    w["largest_bytes"] = largest
    # memory and jobs
    share = memory // (q["jobs"] or widest)
    wanted = max(768 * M, up(2 * largest, M) * M)
    job = 3 * q["filter"] or max(48 * M, min(share, wanted)) // M * M
    w["job_memory_bytes"], w["filter_memory_bytes"] = job, q["filter"] or job // (3 * M) * M
    jobs = [q["jobs"] or max(1, min(c, memory // job)) for c in q["hosts"]]
    w["jobs"], w["jobs_per_host"] = sum(jobs), max(jobs)
    if parts:
        spilled = sum(p[1] for p in parts if 2 * p[1] > job)
    else:
        spilled = events if 2 * average > job else largest if 2 * largest > job else 0
    w["spilled_bytes"] = spilled
    # join
    meta = q["metadata"]
    room = job if q["filter"] else max(job, share)
    join = ("none" if not meta else "broadcast" if 2 * meta <= room
            else "partitions" if 2 * up(meta, n) <= job else "grace")
    w["join"] = join
    w["join_memory_bytes"] = max(job, min(room, up(2 * meta, M) * M)) if join == "broadcast" else job
    placed = join in ("partitions", "grace")
    moved = events + (meta if placed else 0)

    def of_widest(v):
        return up(v * widest, cores)

    w["temp_bytes_per_host"] = of_widest(moved) + w["jobs_per_host"] * largest * (
        2 if 2 * largest > job else 1)
    w["sent_bytes_per_host"] = up(of_widest(moved) * (cores - widest), cores)
    # time
    rates = q["rates"]
    total = events + meta

    def cost(phase, v, command=None):
        return sum(up(cpu * v, rates["basis"]) for p, c, cpu in rates["rates"]
                   if p == phase and command in (None, c))

    cpu = {p: cost(p, total) for p in ("map", "partitions", "merge")}
    if meta and not cost("partitions", total, "gn-join"):
        cpu["partitions"] += cost("partitions", total, "gn-sort")
    cpu["partitions"] += cost("partitions", spilled, "gn-sort")
    wall = {
        "map": max(up(cpu["map"], min(w["jobs"], w["ranges"])),
                   up(of_widest(disk + meta + total) * 10**6, q["disk"])),
        "partitions": max(up(cpu["partitions"], min(w["jobs"], n)),
                          up(cpu["partitions"] * largest, events) if events else 0,
                          up(of_widest(2 * (events + spilled) + (
                              0 if not placed else 3 * meta if join == "grace" else meta))
                             * 10**6, q["disk"])),
        "merge": max(up(cpu["merge"], w["jobs"]), up(rates["longest"] * total, rates["basis"]))}
    link = w["sent_bytes_per_host"] + (up(meta * (cores - widest), cores)
                                       if join == "broadcast" else 0)
    w["network_wall_us"] = up(link * 8 * 10**6, q["network"])
    for p in cpu:
        w[p + "_cpu_us"], w[p + "_wall_us"] = cpu[p], wall[p]
    w["cpu_us"] = sum(cpu.values())
    w["wall_us"] = sum(wall.values()) + w["network_wall_us"]
    # skew
    sizes = sorted(p[1] for p in parts if p[1])
    limit = Fraction(0)
    if sizes:
        median = Fraction(sizes[(len(sizes) - 1) // 2] + sizes[len(sizes) // 2], 2)
        limit, w["median_bytes"] = 3 * median, int(median)
    split = [split_one(p, limit, target, q["hot"]) for p in parts if p[1] > limit]
    salts = [{"bytes": b, "factor": max(2, min(n, up(b, target)))} for b, _ in q["hot"]]
    return w, split, merge_runs(parts, target, limit, cores), salts


def one(r, d):
    args, q = [], {}
    q["target"] = r.choice([128 * M, 128 * M, 1, r.randint(1, G)])
    if q["target"] != 128 * M:
        option(args, "target-size", q["target"])
    q["parts"] = manifests(r, d, args) if r.random() < 0.4 else []
    q["events"] = a_size(r, 2 * T) if not q["parts"] or r.random() < 0.5 else None
    if q["events"] is not None:
        option(args, "interactions", q["events"])
    q["metadata"] = a_size(r, 200 * G) if r.random() < 0.6 else 0
    if q["metadata"] or r.random() < 0.3:
        option(args, "metadata", q["metadata"])
    rows = sum(p[2] for p in q["parts"])
    row = up(sum(p[1] for p in q["parts"]), rows) if rows else 41
    q["hot"] = hot_keys(r, d, args, q["target"], row) if r.random() < 0.4 else []
    cores = r.choice([1, 2, 16, r.randint(1, 500)])
    option(args, "cores", cores)
    q["hosts"] = hosts(r, d, args, cores) if r.random() < 0.5 else [cores]
    q["memory"] = r.choice([M, 40 * M, r.randint(1, 64 * G), 64 * G])
    option(args, "memory", q["memory"])
    for name, v in (("partitions", r.randint(1, 65536)), ("ranges", r.randint(1, 500)),
                    ("metadata_ranges", r.randint(1, 500)), ("jobs", r.randint(1, 99)), ("filter", r.randint(16 * M, G))):
        q[name] = v if r.random() < 0.15 else 0
        if q[name]:
            option(args, {"filter": "filter-memory"}.get(name, name.replace("_", "-")), v)
    q["network"], q["disk"] = 10**10, 500 * M
    if r.random() < 0.3:
        k = r.randint(0, 4)
        q["network"] = r.randint(1, 100) * 1000**k
        option(args, "network", "%d%s" % (q["network"] // 1000**k, " KMGT"[k].strip()))
        q["disk"] = r.randint(1, 4 * G)
        option(args, "disk", q["disk"])
    q["rates"] = traces(r, d, args) if r.random() < 0.5 else BUILTIN
    want, split, merge, salts = plan(q)
    deadline = 0
    if r.random() < 0.4:
        deadline = r.choice([1000, want["wall_us"] // 1000 * 1000, up(want["wall_us"], 1000) * 1000,
                             want["wall_us"] // 2000 * 1000])
        option(args, "deadline", "%dms" % (deadline // 1000))
    met = not deadline or want["wall_us"] <= deadline
    want.update(met=met, deadline_us=deadline)
    if any(v >= 1 << 64 for v in want.values() if isinstance(v, int)):
        return  # refused; no such sizes are
    p = subprocess.run(["gn-plan", "--json"] + args, capture_output=True, check=False)
    say = " ".join(map(shlex.quote, ["gn-plan", "--json"] + args))
    if p.returncode != (0 if met else 1):
        sys.exit("%s\nstatus %d: %s" % (say, p.returncode, p.stderr.decode()))
    got = json.loads(p.stdout)
    for name, v in want.items():
        if got["figures"][name] != v:
            sys.exit("%s\n%s: wanted %s, got %s" % (say, name, v, got["figures"][name]))
    for name, v in (("split", split), ("merge", merge), ("salts", salts)):
        if got[name] != v:
            sys.exit("%s\n%s: wanted %s, got %s" % (say, name, v, got[name]))
    if not met:
        check_hosts(say, q, got["figures"]["hosts_needed"], deadline)
    make = subprocess.run(["gn-plan", "--make"] + args, capture_output=True, check=False).stdout
    told = dict(line.split("=") for line in make.decode().split())
    job = want["job_memory_bytes"]
    if told != {"PARTITIONS": str(want["partitions"]), "RANGES": str(want["ranges"]),
                "METADATA_RANGES": str(want["metadata_ranges"]),
                "JOBS": str(want["jobs_per_host"]), "M1": "%dM" % (job // M),
                "M2": "%dM" % (job // 2 // M), "M3": "%dM" % (want["filter_memory_bytes"] // M)}:
        sys.exit("%s --make: %s" % (say, told))


def check_hosts(say, q, told, deadline):
    """The least number of hosts, and that there is none where it says so."""
    c = max(q["hosts"])
    for n in ([told - 1, told] if told else [1, 100, 10000]):
        if n:
            wall = plan(dict(q, hosts=[c] * n))[0]["wall_us"]
            if (wall <= deadline) != (told > 0 and n == told):
                sys.exit("%s\n%d hosts were told, but %d take %d us" % (say, told, n, wall))


def main(argv):
    r = random.Random(int(argv[1]))
    for _ in range(int(argv[2])):
        with tempfile.TemporaryDirectory() as d:
            one(r, d)


if __name__ == "__main__":
    main(sys.argv)
