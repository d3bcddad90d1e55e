#!/bin/bash
# Durations by release and month, of page loads; then by week, from states of two halves.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --model realistic --rows 20000 --users 2000 -o "$dir/events.gn"

gn-pctl --level major --by month --where 'action_type = "page_view"' -p 50,95 "$dir/events.gn" |
    gn-select 'release, period, users, total_interactions, p50_duration_ms, p95_duration_ms' |
    gn-head -n 4 | gn-tocsv

gn-cat -z "$dir/events.gn" >"$dir/events.gn.zst"
for half in 1 2; do
    gn-cat --split $half/2 "$dir/events.gn.zst" |
        gn-pctl --by day --partial -o "$dir/$half.gn"
done
gn-pctl --merge --by week -p 95,99.9 "$dir/2.gn" "$dir/1.gn" |
    gn-select 'period, users, p95_duration_ms, p99_9_duration_ms' | gn-head -n 3 | gn-tocsv
