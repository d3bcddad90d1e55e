#!/bin/bash
# One large file read by two processes: an index cuts it into ranges that begin and end with rows,
# line ends inside quotes or not. Each share is counted by itself; the states add up to the table
# of the whole file, and a share that is missing is noticed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

{
    echo user_id,timestamp,duration_ms,note
    for day in 1 2 3; do
        for user in 1 2 3 4; do
            printf 'u%d,2023-07-0%d 10:00:00,%d00,"line 1\nline 2, ""quoted"""\n' $user $day $user
        done
    done
} >big.csv

gn-fromcsv --index=2 -o big.idx.gn big.csv
gn-view -f range,from,to,row,line,rows big.idx.gn
echo

parallel --will-cite 'gn-fromcsv --index-file big.idx.gn --range {}/2 |
    gn-dau --partial -o part-{}.gn' ::: 1 2
gn-dau --merge part-1.gn part-2.gn | gn-view -f date,dau,total_interactions,total_duration_ms

gn-dau --merge part-1.gn >/dev/null 2>&1 || echo "share 2 is missing: status $?"
