#!/bin/bash
# Bad rows go to a stream of their own, with their bytes, where they stood and why.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/events.csv" <<'CSV'
user,at,ms
u1,2023-07-01 10:00:00,120
u2,2023-07-01 10:00:05,soon
u3,2023-07-01 10:00:09
u4,2023-07-01 10:01:00,80
CSV

gn-fromcsv --schema user:str,at:time,ms:int --on-error reject --reject "$work/bad.gn" \
    "$work/events.csv" | gn-view
echo
gn-view -f offset,record,rule,reason "$work/bad.gn"
