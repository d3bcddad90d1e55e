#!/bin/bash
# Windows of an hour: a late event changes one, a later one is rejected.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-fromcsv --schema user_id:str,timestamp:time,duration_ms:int >"$dir/events.gn" <<'CSV'
user_id,timestamp,duration_ms
u1,2023-07-01 10:05:00,100
u2,2023-07-01 10:30:00,300
u1,2023-07-01 11:02:00,50
u3,2023-07-01 10:59:00,200
u1,2023-07-01 12:20:00,70
u2,2023-07-01 10:58:00,10
CSV

# Update rows depend on what comes together; final ones do not.
gn-pctl --tumble 1h --lateness 15min --emit final -p 50 --reject "$dir/late.gn" -q "$dir/events.gn" |
    gn-tocsv -f window_start,users,total_interactions,p50_duration_ms,final

gn-tocsv -f record,rule,reason "$dir/late.gn"
