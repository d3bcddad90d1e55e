"""sweep.py - the section sweep of the benchmark: the join of events with users made in parts, by every
choice of jobs, parts, memory of a filter, and compression of what lies between the steps.

Both sides are placed by user in files, then the parts are joined one by one; what comes out goes to
/dev/null, so that the steps and what lies between them are what is measured.
"""
import itertools
import os
import shutil

from join import metadata
from measure import Pipeline, scratch, shell

# In bash, with GNU parallel as in pipelines/: RANGES of the events, JOBS at a time.
COMMAND = r"""
cd {dir} && rm -rf events users && mkdir events &&
jobs() {{ parallel --will-cite --plain --jobs {jobs} --halt now,fail=1 "$@"; }} &&
{{ echo users; seq {ranges}; }} | jobs '
    if [ {{}} = users ]; then gn-fromcsv {users} | gn-partition -m {m} -k user_id -n {parts} {z} -d users
    else gn-fromcsv --index-file index.gn --range {{}}/{ranges} |
        gn-partition -m {m} -k user_id -n {parts} {z} -d events/{{}}; fi' &&
seq -f %04.0f 0 {last} | jobs '
    gn-cat events/*/part-{{}}.gn{suffix} | gn-join -m {m} -k user_id - users/part-{{}}.gn{suffix} >/dev/null'
"""


def sweep(data):
    events, users = data.csv(), metadata(data)
    where = scratch("tmp", "sweep")
    os.mkdir(where)
    ranges = max(2, min(64, os.path.getsize(events) >> 26))
    shell("gn-fromcsv --index=%d %s >%s/index.gn" % (ranges, events, where))
    items = []
    for jobs, parts, m, z in itertools.product(sorted({1, os.cpu_count() or 1}), (4, 16, 64),
                                               ("16M", "256M"), ("", "-z")):
        items.append(Pipeline(
            "%d job%s, %2d parts, -m %-4s %s" % (jobs, "s" if jobs > 1 else " ", parts, m, z),
            COMMAND.format(dir=where, jobs=jobs, parts=parts, last=parts - 1, m=m, z=z,
                           ranges=ranges, users=users, suffix=".zst" if z else "")))
    good = data.report("CSV: events joined with users in parts", items)
    shutil.rmtree(where)
    return good
