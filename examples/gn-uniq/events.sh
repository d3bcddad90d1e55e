#!/bin/bash
# Exact duplicates: counted, then left out. A stream in total order needs no memory for that.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cat >"$dir/events.csv" <<CSV
user_id,timestamp,action_type,page_id,duration_ms,app_version
u000001,2023-01-01 10:00:00,page_view,p000001,12000,5.1.0
u000002,2023-01-01 11:30:00,edit,p000002,500,5.1.0
u000001,2023-01-01 10:00:00,page_view,p000001,12000,5.1.0
u000001,2023-01-01 10:00:00,page_view,p000001,12001,5.1.0
u000001,2023-01-01 10:00:00,page_view,p000001,12000,5.1.0
CSV
gn-fromcsv "$dir/events.csv" >"$dir/events.gn"
gn-uniq --count times "$dir/events.gn" | gn-where 'times > 1' | gn-tocsv -f user_id,timestamp,duration_ms,times

echo "once each, in time:"
gn-sort -k timestamp "$dir/events.gn" | gn-uniq | gn-tocsv --no-header -f user_id,timestamp,duration_ms
gn-uniq --check "$dir/events.gn" 2>/dev/null || echo "status $?"
