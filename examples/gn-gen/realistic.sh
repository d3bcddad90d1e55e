#!/bin/bash
# Realistic data with known truth in them: what was planted, and the same found again in the rows.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT

gn-gen --model realistic --rows 200000 --users 20000 --effects "$dir/effects.json" -o "$dir/events.gn"
gn-gen --model realistic --rows 200000 --users 20000 --range 100000:100004 | gn-tocsv

echo "planted: the busy hour, and the slow version"
grep -o '"name":"anomalous_hour".*"hour":"[^"]*"' "$dir/effects.json" | grep -o '"hour":.*'
grep -o '"name":"slow_version".*"app_version":"[^"]*"' "$dir/effects.json" | grep -o '"app_version":.*'

echo "found: the hour with most events, and the version with the longest page views on average"
gn-tocsv --no-header -f timestamp "$dir/events.gn" | cut -c1-13 | sort | uniq -c | sort -rn |
    awk 'NR == 1 { print $2, $3 ":00, " $1 " events" }'
gn-tocsv --no-header -f app_version,action_type,duration_ms "$dir/events.gn" | awk -F, '
    $2 == "page_view" && $3 > 0 && $3 < 28800000 { n[$1]++; ms[$1] += $3 }
    END { for (v in n) if (n[v] > 100) printf "%s %d ms\n", v, ms[v] / n[v] }' |
    sort -k2,2nr | head -n 1
